/*
 * store.h
 *		Stores: where files are kept, behind one small interface.
 *
 * A store is a foreign server of the protocol `file`: a directory of this machine, or a
 * bucket of S3.  What it holds below its directory or prefix are files whose names are ours,
 * <aa>/<sha256>.<extension>, and say what is in them: a name is never written with other
 * bytes, so that a file can be put twice, and by two processes at once, without harm.
 *
 * Beside them stand documents: files under names that others know, feeds/kyero.xml, which
 * are replaced, whole.  They are read and deleted as files are, and listed by their folder.
 * Other names are refused.
 *
 * All is done in the rights of a role, as whom the store was opened.  None of it wants a
 * transaction.  Whatever does not succeed is an error in plain words; those of the network
 * have been tried again before.
 *
 *	store.c				what both kinds do
 *	store_name.c		names of files
 *	store_directory.c	files below a directory; directory.h has its other file
 *	store_s3.c			objects of a bucket; s3_parts.h has its other file
 *	store_check.c		mls_check of a store
 *	store_functions.c	stores in SQL
 */
#ifndef MLS_MEDIA_STORE_H
#define MLS_MEDIA_STORE_H

#include "postgres.h"

#include "base/digest.h"
#include "http/http.h"
#include "protocol/protocol.h"
#include "utils/timestamp.h"

/* ---- Names ---- */

/* Most bytes of a name, the end included: <aa>/<sha256>.<extension>. */
#define MLS_STORE_EXTENSION 8
#define MLS_STORE_NAME (3 + 2 * MLS_SHA256_BYTES + 1 + MLS_STORE_EXTENSION + 1)

/* "3f/3f5a...e1.jpg"; the extension is of up to 8 lower-case letters and digits.  Palloc'd. */
extern char *mls_store_name(const uint8 *sha256, const char *extension);

/* Is it one of ours? */
extern bool mls_store_is_name(const char *name);

/* Most bytes of a document's name. */
#define MLS_STORE_LONGEST_DOCUMENT 100

/*
 * Can a document be called so?  Up to four parts of letters, digits, "-", "_" and ".", each
 * begun by a letter or digit; no folder of two hexadecimal digits.
 */
extern bool mls_store_is_document(const char *name);

/* ---- A store ---- */

typedef struct MlsStore MlsStore;

/*
 * In CurrentMemoryContext.  Errors unless the role may use the server, it is a store, and it
 * is allowed here (mls_fdw.file_directories; keys of the role's user mapping).  No network.
 * Reads catalogs: wants a transaction, as nothing else here does.
 */
extern MlsStore *mls_store_open(Oid server, Oid role);

/* Of a source that has been read, and that its user may use: no catalog is looked at. */
extern MlsStore *mls_store_of(MlsSource *source);

/* The same by the name of its server. */
extern MlsStore *mls_store_open_named(const char *server, Oid role);

/* Name of its server, for messages. */
extern const char *mls_store_server(const MlsStore *store);

/* What was asked of it over the network; a directory's stays zero. */
extern const MlsHttpStats *mls_store_stats(const MlsStore *store);

/*
 * Makes a store this database's, the first time, by a file of its own; an error if it is another
 * database's, which would take our files for left over, and we its.  Not with the option shared:
 * then nobody removes any.
 */
extern void mls_store_claim(MlsStore *store);

/* Makes it this database's, whosever it was: somebody has said that the other is gone. */
extern void mls_store_adopt(MlsStore *store);

extern bool mls_store_is_shared(const MlsStore *store);

/* ---- Writing ---- */

/* A file to be kept.  What it points to must stay until mls_store_put_finish(). */
typedef struct MlsStoreFile
{
	const char *name;         /* mls_store_name() of its bytes */
	const char *content_type; /* "image/jpeg" */
	int64 length;
	uint8 sha256[MLS_SHA256_BYTES];
	const char *bytes;               /* of `length`; or NULL: they are */
	const MlsHttpResponse *response; /* the whole body of this answer */
} MlsStoreFile;

/* Does it have all bytes when mls_store_put_start() returns, so that they need not stay? */
extern bool mls_store_takes_at_once(const MlsStore *store);

typedef struct MlsStorePut MlsStorePut;

/*
 * Begins to write a file; several may be under way.  It belongs to CurrentMemoryContext, and
 * what ends that ends it: then the file is not there, or whole.
 */
extern MlsStorePut *mls_store_put_start(MlsStore *store, const MlsStoreFile *file);

/* Waits until the store has taken all of it. */
extern void mls_store_put_finish(MlsStorePut *put);

/* Writes a document, or another in its place: at any time the old or the new is there, whole. */
extern void mls_store_publish(MlsStore *store, const MlsStoreFile *document);

/* Waits until all files that were put are there, whole, under their names, through a crash too. */
extern void mls_store_keep(MlsStore *store);

/* Removes files; those that are not there are no error. */
extern void mls_store_delete(MlsStore *store, const List *names);

/*
 * Removes what writes have left behind that never ended: at once where their process is known to
 * be over, else a day after they began; how many.
 */
extern int64 mls_store_sweep(MlsStore *store);

/* ---- Reading ---- */

/* Length of a file; -1 if it is not there. */
extern int64 mls_store_head(MlsStore *store, const char *name);

typedef struct MlsStoreGet MlsStoreGet;

/* A file's bytes, from its beginning; NULL if it is not there.  Belongs to CurrentMemoryContext. */
extern MlsStoreGet *mls_store_get(MlsStore *store, const char *name);

/* Its next piece, valid until the next call; false at its end. */
extern bool mls_store_get_piece(MlsStoreGet *get, const char **bytes, Size *length);
extern void mls_store_get_end(MlsStoreGet *get);

typedef struct MlsStoreEntry
{
	char name[MLS_STORE_LONGEST_DOCUMENT + 1];
	int64 length;
	TimestampTz modified;
} MlsStoreEntry;

/*
 * Files whose names begin with a prefix (hexadecimal digits; "" for all) and come after a name ("" for the
 * first), in the order of names, compared byte for byte; at most so many, and fewer only at
 * the end.  List of MlsStoreEntry *.  Names that are not ours are passed over.
 */
extern List *mls_store_list(MlsStore *store, const char *prefix, const char *after, int most);

/* The same of the documents that stand in a folder ("feeds"), those of folders below left out. */
extern List *
mls_store_list_documents(MlsStore *store, const char *folder, const char *after, int most);

/* ---- Addresses ---- */

/* Where anybody can read a file (server option public_url), or NULL. */
extern char *mls_store_url(const MlsStore *store, const char *name);

/* An address by which whoever has it can read a file for so long; NULL: the store gives none. */
extern char *mls_store_link(const MlsStore *store, const char *name, int seconds);

/* How mls_check checks one: call from _PG_init. */
extern void mls_store_define_settings(void);

#endif /* MLS_MEDIA_STORE_H */
