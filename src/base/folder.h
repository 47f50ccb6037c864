/*
 * folder.h
 *		Directories of this machine that others than superusers may have the server use.
 *
 * Whoever may make servers names directories, and the server goes there with the rights of
 * its own user; so only what is below a directory of the setting mls_fdw.file_directories is
 * touched.  From that directory on each step is taken by itself and none through a symbolic
 * link, so that nothing which stands in the tree leads out of it.
 */
#ifndef MLS_FOLDER_H
#define MLS_FOLDER_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* A directory that may be used: the listed one, and from there down to it. */
typedef struct MlsFolder
{
	const char *root;
	List *parts; /* of char * */
} MlsFolder;

/* Call from _PG_init. */
extern void mls_folder_define_settings(void);

/* False if an absolute path is not below a listed directory.  In CurrentMemoryContext. */
extern bool mls_folder_find(const char *path, MlsFolder *folder);

/* Opens it, or a folder of an open one.  -1 and errno. */
extern int mls_folder_open(const MlsFolder *folder);
extern int mls_folder_open_in(int parent, const char *name);

/* fd.c is told of descriptors: what was opened, as it is, and of its end. */
extern int mls_folder_take(int fd);
extern void mls_folder_drop(int fd);

/* The SQLSTATE of an error of the system there; what can be done about it, or NULL. */
extern int mls_folder_error_state(int error);
extern const char *mls_folder_error_hint(int error);

#endif /* MLS_FOLDER_H */
