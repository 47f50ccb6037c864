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

void
mls_directory_report(const DirectoryStore *store, Task task, const char *name, int error)
{
	const char *hint = mls_folder_error_hint(error);
	const char *directory = store->head.place.directory;

	errno = error;
	ereport(ERROR, (errcode(mls_folder_error_state(error)),
					errmsg(task_words[task], store->head.source->name),
					name ? errdetail("\"%s/%s\": %s.", directory, name, pg_strerror(error))
						 : errdetail("\"%s\": %s.", directory, pg_strerror(error)),
					hint ? errhint("%s", hint) : 0));
}

int
mls_directory_root(const DirectoryStore *store)
{
	return mls_folder_open(&store->folder);
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
		return mls_folder_open_in(parent, ".");
	do
	{
		char part[MAXPGPATH];
		int bytes = Min((int) strcspn(path, "/"), length);
		int next;
		int error;

		strlcpy(part, path, Min(bytes + 1, sizeof(part)));
		next = mls_folder_open_in(parent, part);
		if (next < 0 && errno == ENOENT && make && make_folder(parent, part))
			next = mls_folder_open_in(parent, part);
		error = errno;
		mls_folder_drop(folder);
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
