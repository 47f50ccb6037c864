/*
 * folder.c
 *		Directories of this machine that others than superusers may have the server use.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/folder.h"

/* ---- the setting ---- */

static char *file_directories = NULL;

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
mls_folder_define_settings(void)
{
	DefineCustomStringVariable(
		"mls_fdw.file_directories", "Directories below which stores of files and datasets may be.",
		"Absolute paths, separated by commas. The server reads, writes and deletes there for "
		"whoever may make a server.",
		&file_directories, "", PGC_SUSET, 0, check_file_directories, NULL, NULL);
}

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

bool
mls_folder_find(const char *path, MlsFolder *folder)
{
	List *directories = NIL;
	ListCell *lc;

	folder->root = NULL;
	if (file_directories)
		(void) listed_directories(file_directories, &directories);
	foreach (lc, directories)
		if (is_below(path, lfirst(lc)) &&
			(folder->root == NULL || strlen(lfirst(lc)) > strlen(folder->root)))
			folder->root = lfirst(lc);
	if (folder->root)
		folder->parts = parts_of(path + strlen(folder->root));
	return folder->root != NULL;
}

/* ---- what is wrong ---- */

int
mls_folder_error_state(int error)
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

const char *
mls_folder_error_hint(int error)
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

/* ---- descriptors: fd.c is told of them, and every one is closed on all ways ---- */

int
mls_folder_take(int fd)
{
	if (fd >= 0)
		ReserveExternalFD();
	return fd;
}

void
mls_folder_drop(int fd)
{
	if (fd < 0)
		return;
	close(fd);
	ReleaseExternalFD();
}

/* -1 and errno, as all of these. */
int
mls_folder_open_in(int parent, const char *name)
{
	return mls_folder_take(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

int
mls_folder_open(const MlsFolder *folder)
{
	int fd = mls_folder_take(open(folder->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	ListCell *lc;

	foreach (lc, folder->parts)
	{
		int next;
		int error;

		if (fd < 0)
			break;
		next = mls_folder_open_in(fd, lfirst(lc));
		error = errno;
		mls_folder_drop(fd);
		fd = next;
		errno = error;
	}
	return fd;
}
