/*
 * store_parts.h
 *		What the kinds of stores are to store.c; nobody else includes it.
 */
#ifndef MLS_STORE_PARTS_H
#define MLS_STORE_PARTS_H

#include "postgres.h"

#include "media/store.h"
#include "protocol/file/file.h"

/* The functions of a kind.  Names have been judged before. */
typedef struct MlsStoreKind
{
	bool takes_at_once; /* put_start has read all of the file */
	MlsStorePut *(*put_start)(MlsStore *store, const MlsStoreFile *file);
	void (*put_finish)(MlsStorePut *put);
	void (*keep)(MlsStore *store); /* NULL: what is there is kept */
	void (*delete)(MlsStore *store, const List *names);
	int64 (*sweep)(MlsStore *store);
	int64 (*head)(MlsStore *store, const char *name);
	MlsStoreGet *(*get)(MlsStore *store, const char *name);
	bool (*get_piece)(MlsStoreGet *get, const char **bytes, Size *length);
	void (*get_end)(MlsStoreGet *get);
	List *(*list)(MlsStore *store, const char *prefix, const char *after, int most);
	List *(*list_documents)(MlsStore *store, const char *folder, const char *after, int most);
	char *(*link)(const MlsStore *store, const char *name, int seconds);
	char *(*read_mark)(MlsStore *store); /* NULL: there is none */
	/* Whole; false if it is not to be replaced, and there is one. */
	bool (*write_mark)(MlsStore *store, const char *text, bool replace);
} MlsStoreKind;

/* The head of each kind's own. */
struct MlsStore
{
	const MlsStoreKind *kind;
	MlsSource *source;
	const MlsFileServer *server;
	MlsFilePlace place;
	MlsHttpStats stats;
};

struct MlsStorePut
{
	MlsStore *store;
};

struct MlsStoreGet
{
	MlsStore *store;
};

/* The file that says whose store it is; of up to so many bytes. */
#define MLS_STORE_MARK ".mls_store"
#define MLS_STORE_MARK_BYTES 200

/* So long is left alone what writes have left behind, unless nobody can be at work on it any more. */
#define MLS_STORE_STALE_S (24 * 3600)

/* store_directory.c, store_s3.c: fill in a store that begins as `head` says. */
extern MlsStore *mls_directory_open(const MlsStore *head);
extern MlsStore *mls_s3_open(const MlsStore *head);

#endif /* MLS_STORE_PARTS_H */
