/*
 * directory.h
 *		What the files of the kind of store that is a directory tell each other.
 *
 *	store_directory.c	which directories may be stores; reading, listing, removing, opening
 *	directory_write.c	writing
 *	directory_folder.c	folders, and what is wrong there in plain words
 */
#ifndef MLS_DIRECTORY_H
#define MLS_DIRECTORY_H

#include "postgres.h"

#include "lib/ilist.h"

#include "base/folder.h"
#include "media/store_parts.h"

/* What is being written is called so, with who writes it and a number behind it. */
#define MLS_DIRECTORY_TEMPORARY ".mls_tmp."

typedef struct DirectoryStore
{
	MlsStore head;
	MlsFolder folder;
	dlist_head written; /* files that have not got their names */
	int nwritten;
	int nopen;      /* so many of them are open */
	int directory;  /* of the store, while there are some; else -1 */
	bool syncs_all; /* many of them are put on disk with all of their file system, */
	bool closes;    /* which says, too, of those that are closed what it could not write */
} DirectoryStore;

/* ---- directory_folder.c ---- */

/* What was to be done when an error of the system came. */
typedef enum Task
{
	TASK_OPEN,
	TASK_WRITE,
	TASK_READ,
	TASK_DELETE,
	TASK_LIST
} Task;

/* Says in plain words what the system could not do, for a file or for the directory (NULL). */
pg_noreturn extern void
mls_directory_report(const DirectoryStore *store, Task task, const char *name, int error);

/* The directory of the store.  -1 and errno. */
extern int mls_directory_root(const DirectoryStore *store);

/*
 * The folder that the first bytes of a path name, below an open one: "aa", "feeds/2026/", or
 * "", which is that one itself.  Folders that are not there are made if that is wanted.
 */
extern int mls_directory_walk(int parent, const char *path, int length, bool make);

/* A name within its folder. */
extern const char *mls_directory_base(const char *name);

/* ---- directory_write.c ---- */

extern MlsStorePut *mls_directory_put_start(MlsStore *head, const MlsStoreFile *file);
extern void mls_directory_put_finish(MlsStorePut *put);
extern void mls_directory_keep(MlsStore *head);
extern bool mls_directory_write_mark(MlsStore *head, const char *text, bool replace);

/* Is nobody at work any more on what is being written under a temporary name? */
extern bool mls_directory_is_left(const char *temporary);

#endif /* MLS_DIRECTORY_H */
