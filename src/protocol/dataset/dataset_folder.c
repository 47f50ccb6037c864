/*
 * dataset_folder.c
 *		Directories as places.
 *
 * A place is a directory below one that mls_fdw.file_directories lists; its own files count,
 * not those of folders in it.  A file is kept open while it is read, so that it stays the
 * same one, and is looked at once more behind its end.
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "base/folder.h"
#include "protocol/dataset/dataset_place.h"
#include "protocol/file/file.h"

typedef struct OpenFile
{
	DatasetBytes head;
	MemoryContextCallback callback;
	int fd; /* -1: closed */
	struct stat opened;
} OpenFile;

/* ---- the directory ---- */

pg_noreturn static void
report(const MlsSource *source, const char *name, int error)
{
	const char *hint = error == ENOTDIR
						   ? "Name a directory, and files of it by the server option files; below "
							 "mls_fdw.file_directories symbolic links are not followed."
						   : mls_folder_error_hint(error);

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
	int fd;

	(void) mls_file_place(source->http.url, &place);
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

static void
add_file(DatasetListing *listing, int folder, const char *name)
{
	struct stat found;

	/* Programs write beside a file what they make of it, under a name that begins so. */
	if (*name == '.' || *name == '~' || fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0 ||
		!S_ISREG(found.st_mode))
		return;
	mls_dataset_found(listing, &(DatasetFile){.name = name,
											  .bytes = found.st_size,
											  .modified = time_of(&found.st_mtim),
											  .changed = time_of(&found.st_ctim)});
}

static void
read_place(DatasetListing *listing, int fd)
{
	const MlsSource *source = listing->source;
	int copy = dup(fd);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
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
		while (errno = 0, (entry = readdir(dir)) != NULL)
		{
			CHECK_FOR_INTERRUPTS();
			add_file(listing, fd, entry->d_name);
		}
		if (errno)
			report(source, NULL, errno);
	}
	PG_FINALLY();
	{
		closedir(dir);
	}
	PG_END_TRY();
}

static void
list_folder(DatasetListing *listing)
{
	int fd = open_place(listing->source);

	PG_TRY();
	{
		read_place(listing, fd);
	}
	PG_FINALLY();
	{
		mls_folder_drop(fd);
	}
	PG_END_TRY();
}

/* ---- a file ---- */

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

static bool
is_unchanged(DatasetBytes *bytes)
{
	const OpenFile *file = (OpenFile *) bytes;
	struct stat now;

	return fstat(file->fd, &now) == 0 && now.st_size == file->opened.st_size &&
		   time_of(&now.st_mtim) == time_of(&file->opened.st_mtim);
}

static DatasetBytes *
open_file(const MlsSource *source, const DatasetFile *file, MlsHttpStats *stats)
{
	OpenFile *open = mls_dataset_bytes(sizeof(OpenFile), source, file);
	int folder;
	int error;

	open->head.read = read_file;
	open->head.is_unchanged = is_unchanged;
	open->head.care = "Put files there under another name, and rename them when they are whole.";
	open->fd = -1;
	open->callback.func = close_file;
	open->callback.arg = open;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &open->callback);
	folder = open_place(source);
	/* Without waiting for a writer, should it be a pipe. */
	open->fd = mls_folder_take(
		openat(folder, file->stored, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
	error = errno;
	mls_folder_drop(folder);
	if (open->fd < 0)
		report(source, file->name, error);
	if (fstat(open->fd, &open->opened) != 0)
		report(source, file->name, errno);
	if (!S_ISREG(open->opened.st_mode))
		mls_dataset_fail(&open->head, "It is no regular file.", NULL);
	open->head.length = open->opened.st_size;
	open->head.fd = open->fd;
	return &open->head;
}

const DatasetPlace mls_dataset_folder = {.list = list_folder, .open = open_file};
