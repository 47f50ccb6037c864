/*
 * child.h
 *		A program in a process of its own, whose output is read: for libraries whose crash must not
 *		be one of the server.
 *
 * It gets its arguments, two files, an empty environment and nothing else: no descriptor of the
 * server, no signal that was ignored.  It ends with its memory context, and with this process,
 * however that ends.  Waiting for it can be interrupted.
 */
#ifndef MLS_CHILD_H
#define MLS_CHILD_H

#include "postgres.h"

typedef struct MlsChild MlsChild;

/*
 * Starts a program that is installed beside the server's; arguments end with NULL, and begin with
 * the one behind the name.  It reads `input` as its standard input and `file` as descriptor 3;
 * both stay the caller's.  It belongs to CurrentMemoryContext.
 */
extern MlsChild *
mls_child_start(const char *program, const char *const *arguments, int input, int file);

/* Reads what it writes, at least a byte; 0: it has written all. */
extern Size mls_child_read(MlsChild *child, char *buf, Size room);

/* Ends it, if it has not ended, and says how it did: "ended with status 1", for the end of a sentence. */
extern char *mls_child_end(MlsChild *child);

#endif /* MLS_CHILD_H */
