/*
 * store_directory.c
 *		A directory of this machine as a store.
 *
 * Whoever may make servers names directories, and the server writes there with the rights of
 * its own user; so only what is below a directory of the setting mls_fdw.file_directories is
 * touched.  From that directory on each step is taken by itself and none through a symbolic
 * link, so that nothing which stands in the tree leads out of it.
 *
 * A file is written under a name of its own and gets the right one when it is on disk: it is
 * whole or not there.  Its name is on disk when its folder is: once for all files of a batch.
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "media/store_parts.h"

/* What is being written is called so, with the process and a number behind it. */
#define TEMPORARY ".mls_tmp."

/* The group of the server's user may read, for a web server beside it. */
#define FILE_MODE 0640
#define FOLDER_MODE 0750

#define PIECE (64 * 1024)

typedef struct DirectoryStore
{
	MlsStore head;
	char *root;      /* the listed directory */
	List *folders;   /* of char *: from there down to the store */
	bool named[256]; /* these of its folders have new names, which are not on disk */
} DirectoryStore;

typedef struct DirectoryPut
{
	MlsStorePut head;
} DirectoryPut;

typedef struct DirectoryGet
{
	MlsStoreGet head;
	MemoryContextCallback callback;
	char *name;
	int fd; /* -1: closed */
	char piece[PIECE];
} DirectoryGet;

static char *file_directories = NULL;

/* ---- the setting ---- */

/* Its entries, in CurrentMemoryContext, without slashes at their ends; false if it is no list. */
static bool
listed_directories(const char *value, List **directories)
{
	ListCell *lc;

	if (!SplitDirectoriesString(pstrdup(value), ',', directories))
		return false;
	foreach (lc, *directories)
		canonicalize_path(lfirst(lc));
	return true;
}

static bool
check_file_directories(char **value, void **extra, GucSource source)
{
	List *directories;
	ListCell *lc;

	if (!listed_directories(*value, &directories))
	{
		GUC_check_errdetail("It is a list of directories, separated by commas.");
		return false;
	}
	foreach (lc, directories)
		if (!is_absolute_path((char *) lfirst(lc)))
		{
			GUC_check_errdetail("\"%s\" is not an absolute path.", (char *) lfirst(lc));
			return false;
		}
	return true;
}

void
mls_directory_define_settings(void)
{
	DefineCustomStringVariable(
		"mls_fdw.file_directories", "Directories below which stores of files may be.",
		"Absolute paths, separated by commas. The server reads, writes and deletes there for "
		"whoever may make a store.",
		&file_directories, "", PGC_SUSET, 0, check_file_directories, NULL, NULL);
}

/* ---- what is wrong, in words ---- */

/* What was to be done when an error of the system came. */
typedef enum Task
{
	TASK_OPEN,
	TASK_WRITE,
	TASK_READ,
	TASK_DELETE,
	TASK_LIST
} Task;

static const char *const task_words[] = {
	[TASK_OPEN] = "could not open the directory of store \"%s\"",
	[TASK_WRITE] = "could not write a file of store \"%s\"",
	[TASK_READ] = "could not read a file of store \"%s\"",
	[TASK_DELETE] = "could not delete a file of store \"%s\"",
	[TASK_LIST] = "could not list the files of store \"%s\"",
};

static int
error_state(int error)
{
	switch (error)
	{
		case ENOSPC:
#ifdef EDQUOT
		case EDQUOT:
#endif
			return ERRCODE_DISK_FULL;
		case EACCES:
		case EPERM:
		case EROFS:
			return ERRCODE_INSUFFICIENT_PRIVILEGE;
		case ENOENT:
			return ERRCODE_UNDEFINED_FILE;
		case ELOOP:
		case ENOTDIR:
		case EISDIR:
			return ERRCODE_WRONG_OBJECT_TYPE;
		case ENAMETOOLONG:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		default:
			return ERRCODE_IO_ERROR;
	}
}

/* What can be done about an error of the system; NULL if nobody knows. */
static const char *
error_hint(int error)
{
	switch (error)
	{
		case ENOSPC:
			return "The file system is full: make room on it.";
#ifdef EDQUOT
		case EDQUOT:
			return "The quota of the server's operating system user is used up.";
#endif
		case EROFS:
			return "The file system is mounted read-only.";
		case EACCES:
		case EPERM:
			return "The directory must belong to the operating system user of the server, or be "
				   "writable for it.";
		case ENOENT:
			return "Make the directory, and give it to the operating system user of the server.";
		case ELOOP:
		case ENOTDIR:
			return "From the directory in mls_fdw.file_directories on, symbolic links are not "
				   "followed: name the place that is meant.";
		default:
			return NULL;
	}
}

pg_noreturn static void report(const DirectoryStore *store, Task task, const char *name, int error);

static void
report(const DirectoryStore *store, Task task, const char *name, int error)
{
	const char *hint = error_hint(error);
	const char *directory = store->head.place.directory;

	errno = error;
	ereport(ERROR, (errcode(error_state(error)), errmsg(task_words[task], store->head.source->name),
					name ? errdetail("\"%s/%s\": %s.", directory, name, pg_strerror(error))
						 : errdetail("\"%s\": %s.", directory, pg_strerror(error)),
					hint ? errhint("%s", hint) : 0));
}

/* ---- descriptors: fd.c is told of them, and every one is closed on all ways ---- */

static int
take(int fd)
{
	if (fd >= 0)
		ReserveExternalFD();
	return fd;
}

static void
drop(int fd)
{
	if (fd < 0)
		return;
	close(fd);
	ReleaseExternalFD();
}

/* A folder of another; made if it is wanted and not there.  -1 and errno, as all of these. */
static int
open_folder(int parent, const char *name, bool make)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags);

	if (fd < 0 && errno == ENOENT && make &&
		(mkdirat(parent, name, FOLDER_MODE) == 0 || errno == EEXIST))
	{
		/* The name must outlast a crash that the file in it is to outlast. */
		if (enableFsync && fsync(parent) != 0)
			return -1;
		fd = openat(parent, name, flags);
	}
	return take(fd);
}

/* The directory of the store. */
static int
open_store(const DirectoryStore *store)
{
	int fd = take(open(store->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	ListCell *lc;

	foreach (lc, store->folders)
	{
		int next;
		int error;

		if (fd < 0)
			break;
		next = open_folder(fd, lfirst(lc), false);
		error = errno;
		drop(fd);
		fd = next;
		errno = error;
	}
	return fd;
}

/* The folder "aa" or "feeds/2026" of a store; that of documents without one is the store's own, "". */
static int
open_folder_at(const DirectoryStore *store, const char *path, bool make)
{
	int folder = open_store(store);

	if (folder < 0)
		report(store, TASK_OPEN, NULL, errno);
	while (*path && folder >= 0)
	{
		char part[MAXPGPATH];
		int length = strcspn(path, "/");
		int next;
		int error;

		strlcpy(part, path, Min(length + 1, sizeof(part)));
		next = open_folder(folder, part, make);
		error = errno;
		drop(folder);
		folder = next;
		errno = error;
		path += length + (path[length] == '/');
	}
	return folder;
}

/* A name within its folder. */
static const char *
base_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

/* The folder of a file or a document. */
static int
open_folder_of(const DirectoryStore *store, const char *name, bool make)
{
	char path[MAXPGPATH];

	strlcpy(path, name, Min(base_name(name) - name + 1, sizeof(path)));
	return open_folder_at(store, path, make);
}

/* ---- writing ---- */

/* A write that says what it could not do. */
static int
write_all(int fd, const char *bytes, Size length)
{
	while (length > 0)
	{
		ssize_t written;

		errno = 0;
		written = write(fd, bytes, Min(length, PIECE * 16));
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return errno ? errno : ENOSPC;
		bytes += written;
		length -= written;
	}
	return 0;
}

/* The bytes of a file; an error of the system, or one that is raised where they come from. */
static int
write_bytes(int fd, const MlsStoreFile *file, int64 *written)
{
	MlsHttpPieces pieces = {file->response};
	const char *bytes = file->bytes;
	Size length = file->length;
	int error;

	*written = 0;
	if (bytes)
	{
		*written = length;
		return write_all(fd, bytes, length);
	}
	while (mls_http_piece(&pieces, &bytes, &length))
	{
		error = write_all(fd, bytes, length);
		if (error)
			return error;
		*written += length;
	}
	return 0;
}

/* From an empty file to one on disk under its name. */
static void
write_file(const DirectoryStore *store, int folder, int fd, const char *temporary,
		   const MlsStoreFile *file)
{
	int64 written;
	int error = write_bytes(fd, file, &written);

	if (error)
		report(store, TASK_WRITE, file->name, error);
	if (written != file->length)
		elog(ERROR, "file of " INT64_FORMAT " bytes was announced with " INT64_FORMAT, written,
			 file->length);
	/* The process's umask may say less. */
	if (fchmod(fd, FILE_MODE) != 0 || pg_fsync(fd) != 0 ||
		renameat(folder, temporary, folder, base_name(file->name)) != 0)
		report(store, TASK_WRITE, file->name, errno);
	/* Of files the folders are kept later, once for all. */
	if (!mls_store_is_name(file->name) && enableFsync && fsync(folder) != 0)
		report(store, TASK_WRITE, file->name, errno);
}

static void sweep_folder(int folder);

static MlsStorePut *
put_start(MlsStore *head, const MlsStoreFile *file)
{
	DirectoryStore *store = (DirectoryStore *) head;
	DirectoryPut *put = palloc0(sizeof(DirectoryPut));
	/* Another machine may have a process of this number, and the same directory. */
	char *temporary =
		psprintf(TEMPORARY "%d.%08x", MyProcPid, pg_prng_uint32(&pg_global_prng_state));
	int folder = open_folder_of(store, file->name, true);
	int fd;

	if (folder < 0)
		report(store, TASK_WRITE, file->name, errno);
	if (!mls_store_is_name(file->name))
		sweep_folder(folder);
	fd = take(
		openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE));
	if (fd < 0)
	{
		int error = errno;

		drop(folder);
		report(store, TASK_WRITE, file->name, error);
	}
	PG_TRY();
	{
		write_file(store, folder, fd, temporary, file);
	}
	PG_CATCH();
	{
		(void) unlinkat(folder, temporary, 0);
		drop(fd);
		drop(folder);
		PG_RE_THROW();
	}
	PG_END_TRY();
	drop(fd);
	drop(folder);
	if (mls_store_is_name(file->name))
		store->named[strtol(pnstrdup(file->name, 2), NULL, 16)] = true;
	put->head.store = head;
	return &put->head;
}

/* Nothing is left to wait for. */
static void
put_finish(MlsStorePut *put)
{
	pfree(put);
}

static void
keep_files(MlsStore *head)
{
	DirectoryStore *store = (DirectoryStore *) head;

	for (int number = 0; number < lengthof(store->named); number++)
	{
		char digits[3];
		int folder;
		int error = 0;

		if (!store->named[number])
			continue;
		CHECK_FOR_INTERRUPTS();
		snprintf(digits, sizeof(digits), "%02x", number);
		folder = open_folder_at(store, digits, false);
		if (folder < 0 || (enableFsync && fsync(folder) != 0))
			error = errno;
		drop(folder);
		if (error)
			report(store, TASK_WRITE, digits, error);
		store->named[number] = false;
	}
}

static void
delete_files(MlsStore *head, const List *names)
{
	const DirectoryStore *store = (DirectoryStore *) head;
	ListCell *lc;

	foreach (lc, names)
	{
		const char *name = lfirst(lc);
		int folder = open_folder_of(store, name, false);
		int error = 0;

		CHECK_FOR_INTERRUPTS();
		if (folder < 0 ? errno != ENOENT
					   : unlinkat(folder, base_name(name), 0) != 0 && errno != ENOENT)
			error = errno;
		drop(folder);
		if (error)
			report(store, TASK_DELETE, name, error);
	}
}

/* ---- reading ---- */

/* A regular file's length and time; false if there is none. */
static bool
look(int folder, const char *base, struct stat *found)
{
	return fstatat(folder, base, found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(found->st_mode);
}

static int64
head_file(MlsStore *head, const char *name)
{
	const DirectoryStore *store = (DirectoryStore *) head;
	int folder = open_folder_of(store, name, false);
	struct stat found;
	bool is_there;
	int error;

	if (folder < 0 && errno != ENOENT)
		report(store, TASK_READ, name, errno);
	if (folder < 0)
		return -1;
	errno = 0;
	is_there = look(folder, base_name(name), &found);
	error = errno;
	drop(folder);
	if (!is_there && error && error != ENOENT)
		report(store, TASK_READ, name, error);
	return is_there ? (int64) found.st_size : -1;
}

/* Also a callback of the memory context. Never throws. */
static void
close_get(void *arg)
{
	DirectoryGet *get = arg;

	drop(get->fd);
	get->fd = -1;
}

static MlsStoreGet *
get_file(MlsStore *head, const char *name)
{
	const DirectoryStore *store = (DirectoryStore *) head;
	DirectoryGet *get = palloc(sizeof(DirectoryGet));
	int folder;
	int error;

	get->head.store = head;
	get->name = pstrdup(name);
	get->fd = -1;
	get->callback.func = close_get;
	get->callback.arg = get;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &get->callback);
	folder = open_folder_of(store, name, false);
	if (folder >= 0)
		/* Without waiting for a writer, should it be a pipe. */
		get->fd =
			take(openat(folder, base_name(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
	error = errno;
	drop(folder);
	if (get->fd < 0 && error != ENOENT)
		report(store, TASK_READ, name, error);
	return get->fd < 0 ? NULL : &get->head;
}

static bool
get_piece(MlsStoreGet *head, const char **bytes, Size *length)
{
	DirectoryGet *get = (DirectoryGet *) head;
	ssize_t n;

	CHECK_FOR_INTERRUPTS();
	do
		n = read(get->fd, get->piece, PIECE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		report((DirectoryStore *) head->store, TASK_READ, get->name, errno);
	*bytes = get->piece;
	*length = n;
	return n > 0;
}

static void
get_end(MlsStoreGet *get)
{
	close_get(get);
}

/* ---- listing ---- */

/* Called for each name in a folder, "aa"; may not throw but for want of memory. */
typedef void (*Visit)(int folder, const char *digits, const char *base, void *arg);

/* Visits what is in a folder; an error of the system. */
static int
visit_folder(int folder, const char *digits, Visit visit, void *arg)
{
	int copy = dup(folder);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	volatile int error;

	if (dir == NULL)
	{
		error = errno;
		if (copy >= 0)
			close(copy);
		return error;
	}
	PG_TRY();
	{
		while (errno = 0, (entry = readdir(dir)) != NULL)
			visit(folder, digits, entry->d_name, arg);
		error = errno;
	}
	PG_FINALLY();
	{
		closedir(dir);
	}
	PG_END_TRY();
	return error;
}

/* Visits the folder of two digits, if there is one. */
static void
visit_digits(const DirectoryStore *store, int number, Visit visit, void *arg)
{
	char digits[3];
	int folder;
	volatile int error = 0;

	CHECK_FOR_INTERRUPTS();
	snprintf(digits, sizeof(digits), "%02x", number);
	folder = open_folder_at(store, digits, false);
	if (folder < 0 && errno != ENOENT)
		report(store, TASK_LIST, digits, errno);
	if (folder < 0)
		return;
	PG_TRY();
	{
		error = visit_folder(folder, digits, visit, arg);
	}
	PG_FINALLY();
	{
		drop(folder);
	}
	PG_END_TRY();
	if (error)
		report(store, TASK_LIST, digits, error);
}

typedef struct Listing
{
	const char *prefix;
	const char *after;
	List *found; /* of MlsStoreEntry *, of one folder; without length and time */
} Listing;

static void
note_entry(int folder, const char *digits, const char *base, void *arg)
{
	Listing *listing = arg;
	char name[MLS_STORE_NAME];
	MlsStoreEntry *entry;

	if (strlen(base) >= MLS_STORE_NAME - 3)
		return;
	snprintf(name, sizeof(name), "%s/%s", digits, base);
	if (!mls_store_is_name(name) || strcmp(name, listing->after) <= 0 ||
		strncmp(name, listing->prefix, strlen(listing->prefix)) != 0)
		return;
	entry = palloc0(sizeof(MlsStoreEntry));
	strlcpy(entry->name, name, sizeof(entry->name));
	listing->found = lappend(listing->found, entry);
}

static int
compare_entries(const ListCell *a, const ListCell *b)
{
	return strcmp(((const MlsStoreEntry *) lfirst(a))->name,
				  ((const MlsStoreEntry *) lfirst(b))->name);
}

/* Those of the names, at most so many, that are files of a folder, with length and time. */
static List *
look_at(int folder, List *names, int most)
{
	List *files = NIL;
	ListCell *lc;

	foreach (lc, names)
	{
		MlsStoreEntry *entry = lfirst(lc);
		struct stat found;

		CHECK_FOR_INTERRUPTS();
		if (folder < 0 || list_length(files) >= most)
			break;
		if (!look(folder, base_name(entry->name), &found))
			continue;
		entry->length = found.st_size;
		entry->modified = time_t_to_timestamptz((pg_time_t) found.st_mtime);
		files = lappend(files, entry);
	}
	return files;
}

/*
 * The first files of a folder's sorted names: a page of a large folder reads all its names, but
 * looks at its own files only.
 */
static List *
look_at_first(const DirectoryStore *store, List *names, int most)
{
	List *volatile files = NIL;
	int folder;

	if (names == NIL)
		return NIL;
	folder = open_folder_of(store, ((MlsStoreEntry *) linitial(names))->name, false);
	PG_TRY();
	{
		files = look_at(folder, names, most);
	}
	PG_FINALLY();
	{
		drop(folder);
	}
	PG_END_TRY();
	return files;
}

/* Folder by folder, which is the order of names. */
static List *
list_files(MlsStore *head, const char *prefix, const char *after, int most)
{
	const DirectoryStore *store = (DirectoryStore *) head;
	List *entries = NIL;

	for (int number = 0; number < 256 && list_length(entries) < most; number++)
	{
		Listing listing = {prefix, after};
		char digits[3];

		snprintf(digits, sizeof(digits), "%02x", number);
		if (strncmp(digits, prefix, Min(strlen(prefix), 2)) != 0 || strncmp(digits, after, 2) < 0)
			continue;
		visit_digits(store, number, note_entry, &listing);
		list_sort(listing.found, compare_entries);
		entries =
			list_concat(entries, look_at_first(store, listing.found, most - list_length(entries)));
	}
	return list_truncate(entries, most);
}

/* ---- what writes have left behind ---- */

typedef struct Sweeping
{
	pg_time_t before;
	int64 removed;
} Sweeping;

static void
sweep_entry(int folder, const char *digits, const char *base, void *arg)
{
	Sweeping *sweeping = arg;
	struct stat found;

	if (strncmp(base, TEMPORARY, strlen(TEMPORARY)) == 0 && look(folder, base, &found) &&
		found.st_mtime < sweeping->before && unlinkat(folder, base, 0) == 0)
		sweeping->removed++;
}

/* Folders of documents are known only when one is written. */
static void
sweep_folder(int folder)
{
	Sweeping sweeping = {.before = (pg_time_t) time(NULL) - MLS_STORE_STALE_S};

	(void) visit_folder(folder, "", sweep_entry, &sweeping);
}

static int64
sweep(MlsStore *head)
{
	Sweeping sweeping = {.before = (pg_time_t) time(NULL) - MLS_STORE_STALE_S};

	for (int number = 0; number < 256; number++)
		visit_digits((DirectoryStore *) head, number, sweep_entry, &sweeping);
	return sweeping.removed;
}

/* ---- opening ---- */

static char *
no_link(const MlsStore *store, const char *name, int seconds)
{
	return NULL;
}

static const MlsStoreKind directory_kind = {
	.put_start = put_start,
	.put_finish = put_finish,
	.keep = keep_files,
	.delete = delete_files,
	.sweep = sweep,
	.head = head_file,
	.get = get_file,
	.get_piece = get_piece,
	.get_end = get_end,
	.list = list_files,
	.link = no_link,
};

/* The names of a path's parts behind its beginning. */
static List *
parts_of(const char *path)
{
	List *parts = NIL;

	while (*path)
	{
		int length = strcspn(path, "/");

		if (length > 0)
			parts = lappend(parts, pnstrdup(path, length));
		path += length + strspn(path + length, "/");
	}
	return parts;
}

/* Is it a directory, or below it? */
static bool
is_below(const char *path, const char *directory)
{
	int length = strlen(directory);

	/* The root's own slash is the one that follows. */
	if (length == 1)
		return true;
	return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

MlsStore *
mls_directory_open(const MlsStore *head)
{
	DirectoryStore *store = palloc0(sizeof(DirectoryStore));
	const char *path = head->place.directory;
	List *directories = NIL;
	ListCell *lc;

	store->head = *head;
	store->head.kind = &directory_kind;
	if (file_directories)
		(void) listed_directories(file_directories, &directories);
	foreach (lc, directories)
		if (is_below(path, lfirst(lc)) &&
			(store->root == NULL || strlen(lfirst(lc)) > strlen(store->root)))
			store->root = lfirst(lc);
	if (store->root == NULL)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("store \"%s\" may not be in its directory", head->source->name),
						errdetail("\"%s\" is not below a directory that the setting "
								  "mls_fdw.file_directories lists.",
								  path),
						errhint("A superuser can add the directory to that setting.")));
	store->folders = parts_of(path + strlen(store->root));
	return &store->head;
}
