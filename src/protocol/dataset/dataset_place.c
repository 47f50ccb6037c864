/*
 * dataset_place.c
 *		Which files there are, and their bytes.
 *
 * A place is a directory below one that mls_fdw.file_directories lists; its own files count,
 * not those of folders in it.  A file is kept open while it is read, so that it stays the
 * same one, and is looked at once more behind its end.
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "base/folder.h"
#include "protocol/dataset/dataset.h"
#include "protocol/file/file.h"

/* A place with more is not what somebody keeps tables in. */
#define MOST_FILES 10000

typedef struct OpenFile
{
	DatasetBytes head;
	MemoryContextCallback callback;
	int fd; /* -1: closed */
	struct stat opened;
} OpenFile;

/* ---- names ---- */

static const struct
{
	const char *extension;
	bool is_json;
	bool is_lines;
	bool is_book;
} kinds[] = {{"csv"},
			 {"tsv"},
			 {"txt"},
			 {"json", .is_json = true},
			 {"ndjson", .is_json = true, .is_lines = true},
			 {"jsonl", .is_json = true, .is_lines = true},
			 {"xlsx", .is_book = true},
			 {"xlsm", .is_book = true}};

static bool
drop_extension(char *name, const char *extension)
{
	int length = strlen(name) - strlen(extension) - 1;

	if (length < 1 || name[length] != '.' || pg_strcasecmp(name + length + 1, extension) != 0)
		return false;
	name[length] = '\0';
	return true;
}

/* The name without what says its kind; NULL if it is of no kind that is known. */
static char *
stem_of(const char *name, DatasetFile *file)
{
	char *stem = pstrdup(name);

	bool is_packed = drop_extension(stem, "gz");

	for (int i = 0; i < lengthof(kinds); i++)
		if (!(is_packed && kinds[i].is_book) && drop_extension(stem, kinds[i].extension))
		{
			file->is_json = kinds[i].is_json;
			file->is_lines = kinds[i].is_lines;
			file->is_book = kinds[i].is_book;
			return stem;
		}
	return NULL;
}

/* The resource of a file: as the option files says it, else by its stem; NULL: of none. */
static const char *
resource_of(const DatasetServer *server, const char *name, const char *stem)
{
	ListCell *lc;

	if (server->files == NIL)
		return stem;
	foreach (lc, server->files)
	{
		const char *entry = lfirst(lc);
		const char *equals = strchr(entry, '=');
		const char *pattern = equals ? equals + 1 : entry;

		if (fnmatch(pattern, name, FNM_PERIOD | FNM_NOESCAPE) == 0)
			return equals ? pnstrdup(entry, equals - entry) : stem;
	}
	return NULL;
}

/* ---- the directory ---- */

pg_noreturn static void
report(const MlsSource *source, const char *name, int error)
{
	const char *hint = mls_folder_error_hint(error);

	errno = error;
	ereport(ERROR, (errcode(mls_folder_error_state(error)),
					name ? errmsg("could not read file \"%s\" of source \"%s\"", name, source->name)
						 : errmsg("could not list the files of source \"%s\"", source->name),
					errdetail("\"%s\": %s.", source->http.url, pg_strerror(error)),
					hint ? errhint("%s", hint) : 0));
}

/* Opens the place itself; an error says why not. */
static int
open_place(const MlsSource *source)
{
	MlsFilePlace place;
	MlsFolder folder;
	const char *problem;
	int fd;

	if (source->http.url == NULL)
		ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
						errmsg("source \"%s\" has no place of files", source->name),
						errhint("Set the server option url, as file:///srv/rosters.")));
	problem = mls_file_place(source->http.url, &place);
	if (problem || place.directory == NULL)
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("source \"%s\" has no valid url", source->name),
						errdetail("It has the form file:///directory.")));
	if (!mls_folder_find(place.directory, &folder))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("source \"%s\" may not read its directory", source->name),
						errdetail("\"%s\" is not below a directory that the setting "
								  "mls_fdw.file_directories lists.",
								  place.directory),
						errhint("A superuser can add the directory to that setting.")));
	fd = mls_folder_open(&folder);
	if (fd < 0)
		report(source, NULL, errno);
	return fd;
}

static TimestampTz
time_of(const struct timespec *at)
{
	return time_t_to_timestamptz((pg_time_t) at->tv_sec) + at->tv_nsec / 1000;
}

/* A name in no encoding of ours cannot be kept: what is shown of it has question marks. */
static char *
show_name(const char *name)
{
	char *shown = pstrdup(name);

	for (char *s = shown; *s; s++)
		if (IS_HIGHBIT_SET(*s))
			*s = '?';
	return shown;
}

static void
add_file(const MlsSource *source, int folder, const char *name, List **files, List **others)
{
	const DatasetServer *server = source->own;
	DatasetFile file = {0};
	struct stat found;
	char *stem;

	/* Programs write beside a file what they make of it, under a name that begins so. */
	if (*name == '.' || *name == '~' || fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0 ||
		!S_ISREG(found.st_mode))
		return;
	if (pg_encoding_verifymbstr(PG_UTF8, name, strlen(name)) != strlen(name))
	{
		if (others)
			*others = lappend(*others, show_name(name));
		return;
	}
	stem = stem_of(name, &file);
	if (stem == NULL)
	{
		if (others && server->files == NIL)
			*others = lappend(*others, pstrdup(name));
		return;
	}
	file.resource = resource_of(server, name, stem);
	if (file.resource == NULL)
		return;
	file.name = pstrdup(name);
	file.bytes = found.st_size;
	file.modified = time_of(&found.st_mtim);
	file.changed = time_of(&found.st_ctim);
	*files = lappend(*files, palloc(sizeof(DatasetFile)));
	*(DatasetFile *) llast(*files) = file;
}

static int
compare_files(const ListCell *a, const ListCell *b)
{
	return strcmp(((DatasetFile *) lfirst(a))->name, ((DatasetFile *) lfirst(b))->name);
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

static List *
read_place(const MlsSource *source, int fd, List **others)
{
	int copy = dup(fd);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	List *volatile files = NIL;
	struct dirent *entry;

	if (dir == NULL)
	{
		int error = errno;

		if (copy >= 0)
			close(copy);
		report(source, NULL, error);
	}
	PG_TRY();
	{
		List *found = NIL;

		while (errno = 0, (entry = readdir(dir)) != NULL)
		{
			CHECK_FOR_INTERRUPTS();
			add_file(source, fd, entry->d_name, &found, others);
			if (list_length(found) > MOST_FILES)
				ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
								errmsg("source \"%s\" has too many files", source->name),
								errdetail("A place can have %d.", MOST_FILES)));
		}
		if (errno)
			report(source, NULL, errno);
		files = found;
	}
	PG_FINALLY();
	{
		closedir(dir);
	}
	PG_END_TRY();
	return files;
}

List *
mls_dataset_list(const MlsSource *source, List **others)
{
	int fd = open_place(source);
	List *volatile files = NIL;

	PG_TRY();
	{
		files = read_place(source, fd, others);
	}
	PG_FINALLY();
	{
		mls_folder_drop(fd);
	}
	PG_END_TRY();
	list_sort(files, compare_files);
	if (others)
		list_sort(*others, compare_names);
	return files;
}

bool
mls_dataset_is_ahead(const DatasetServer *server, const DatasetFile *file)
{
	return file->modified > GetCurrentTimestamp() + server->settle_s * USECS_PER_SEC;
}

/* From when a file counts; what is dated in the future would be the newest until then. */
static TimestampTz
counts_from(const DatasetServer *server, const DatasetFile *file)
{
	return mls_dataset_is_ahead(server, file) && file->changed ? file->changed : file->modified;
}

List *
mls_dataset_files_of(const MlsSource *source, const char *resource)
{
	const DatasetServer *server = source->own;
	DatasetFile *newest = NULL;
	List *files = NIL;
	ListCell *lc;

	foreach (lc, mls_dataset_list(source, NULL))
	{
		DatasetFile *file = lfirst(lc);

		if (strcmp(file->resource, resource) != 0)
			continue;
		files = lappend(files, file);
		if (newest == NULL || counts_from(server, file) >= counts_from(server, newest))
			newest = file;
	}
	return server->mode == DATASET_REPLACE && newest ? list_make1(newest) : files;
}

/* ---- a file ---- */

void
mls_dataset_fail(const DatasetBytes *bytes, const char *detail, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE), errmsg("could not read %s", bytes->name),
					errdetail("%s", detail), hint ? errhint("%s", hint) : 0));
}

bool
mls_dataset_is_files_fault(int sqlstate)
{
	int category = ERRCODE_TO_CATEGORY(sqlstate);

	return sqlstate == ERRCODE_FDW_REPLY_HANDLE ||
		   category == ERRCODE_TO_CATEGORY(ERRCODE_IO_ERROR) ||
		   sqlstate == ERRCODE_PROGRAM_LIMIT_EXCEEDED || sqlstate == ERRCODE_WRONG_OBJECT_TYPE ||
		   sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE;
}

static Size
read_file(DatasetBytes *bytes, int64 at, char *buf, Size room)
{
	OpenFile *file = (OpenFile *) bytes;
	ssize_t n;

	CHECK_FOR_INTERRUPTS();
	do
		n = pread(file->fd, buf, room, at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		mls_dataset_fail(bytes, psprintf("%s.", pg_strerror(errno)), NULL);
	return n;
}

/* Of the memory context.  Never throws. */
static void
close_file(void *arg)
{
	OpenFile *file = arg;

	mls_folder_drop(file->fd);
	file->fd = -1;
}

DatasetBytes *
mls_dataset_open(const MlsSource *source, const DatasetFile *file)
{
	OpenFile *open = palloc0(sizeof(OpenFile));
	int folder;
	int error;

	open->head.name = psprintf("file \"%s\" of source \"%s\"", file->name, source->name);
	open->head.read = read_file;
	open->head.most = source->http.max_answer_bytes;
	open->fd = -1;
	open->callback.func = close_file;
	open->callback.arg = open;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &open->callback);
	folder = open_place(source);
	/* Without waiting for a writer, should it be a pipe. */
	open->fd =
		mls_folder_take(openat(folder, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
	error = errno;
	mls_folder_drop(folder);
	if (open->fd < 0)
		report(source, file->name, error);
	if (fstat(open->fd, &open->opened) != 0)
		report(source, file->name, errno);
	if (!S_ISREG(open->opened.st_mode))
		mls_dataset_fail(&open->head, "It is no regular file.", NULL);
	open->head.length = open->opened.st_size;
	return &open->head;
}

void
mls_dataset_require_unchanged(DatasetBytes *bytes)
{
	const OpenFile *file = (OpenFile *) bytes;
	struct stat now;

	if (fstat(file->fd, &now) == 0 && now.st_size == file->opened.st_size &&
		time_of(&now.st_mtim) == time_of(&file->opened.st_mtim))
		return;
	mls_dataset_fail(bytes, "It was written to while it was read.",
					 "Put files there under another name, and rename them when they are whole.");
}
