/*
 * directory_folder.c
 *		Folders of a directory that is a store, and what is wrong there in plain words.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/fd.h"

#include "media/directory.h"

/* The group of the server's user may read, for a web server beside it. */
#define FOLDER_MODE 0750

/* ---- what is wrong, in words ---- */

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

void
mls_directory_report(const DirectoryStore *store, Task task, const char *name, int error)
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

int
mls_directory_take(int fd)
{
	if (fd >= 0)
		ReserveExternalFD();
	return fd;
}

void
mls_directory_drop(int fd)
{
	if (fd < 0)
		return;
	close(fd);
	ReleaseExternalFD();
}

/* -1 and errno, as all of these. */
int
mls_directory_folder(int parent, const char *name)
{
	return mls_directory_take(
		openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

int
mls_directory_root(const DirectoryStore *store)
{
	int fd = mls_directory_take(open(store->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	ListCell *lc;

	foreach (lc, store->folders)
	{
		int next;
		int error;

		if (fd < 0)
			break;
		next = mls_directory_folder(fd, lfirst(lc));
		error = errno;
		mls_directory_drop(fd);
		fd = next;
		errno = error;
	}
	return fd;
}

/* Whatever the server's umask says, the group reaches what it may read. */
static bool
make_folder(int parent, const char *name)
{
	mode_t before = umask(0);
	int made = mkdirat(parent, name, FOLDER_MODE);

	(void) umask(before);
	return made == 0 || errno == EEXIST;
}

int
mls_directory_walk(int parent, const char *path, int length, bool make)
{
	int folder = -1;

	if (length == 0)
		return mls_directory_folder(parent, ".");
	do
	{
		char part[MAXPGPATH];
		int bytes = Min((int) strcspn(path, "/"), length);
		int next;
		int error;

		strlcpy(part, path, Min(bytes + 1, sizeof(part)));
		next = mls_directory_folder(parent, part);
		if (next < 0 && errno == ENOENT && make && make_folder(parent, part))
			next = mls_directory_folder(parent, part);
		error = errno;
		mls_directory_drop(folder);
		folder = parent = next;
		errno = error;
		path += bytes + 1;
		length -= bytes + 1;
	} while (length > 0 && folder >= 0);
	return folder;
}

const char *
mls_directory_base(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}
