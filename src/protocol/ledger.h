/*
 * ledger.h
 *		The files that records come from, where a source consists of files: what became of
 *		each, as a run keeps account of it.
 *
 * A sync gives the table it reads a ledger.  The protocol passes over files that it finds
 * there unchanged, says what became of the others, and goes on behind one that cannot be
 * read.  Without a ledger such a file is an error.
 */
#ifndef MLS_PROTOCOL_LEDGER_H
#define MLS_PROTOCOL_LEDGER_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

/* In the order of their words in mls.file. */
typedef enum MlsFileState
{
	MLS_FILE_NOT_SYNCED, /* known, to be read again */
	MLS_FILE_PENDING,    /* it may still be written */
	MLS_FILE_SYNCING,    /* some of its records are here */
	MLS_FILE_SYNCED,
	MLS_FILE_FAILED,
	MLS_FILE_GONE /* it is not there any more */
} MlsFileState;

typedef struct MlsFileEntry
{
	const char *name;
	MlsFileState state;
	int64 bytes;
	TimestampTz modified;
	TimestampTz changed; /* its content, name or rights, by the clock of the system; 0: not known */
	const char *validator; /* what its host calls this version of it; or NULL */
	const char *sha256;    /* hexadecimal; NULL: not known, or gone before all of it was here */
	bool was_whole;        /* in an earlier run: all of what it held then was here */
	int64 taken_rows;  /* of its first rows so many are here; 0 also: they are to be read again */
	int64 taken_bytes; /* how long the file was that they were taken from */
	const char *taken_sha256; /* its hash; NULL: nothing was taken */
	const char *first_sha256; /* of the same, when its first row was taken */
	int64 rows;
	int64 rejected;
	const char *reading; /* how it was read, and what was remarkable; or NULL */
	const char *error;   /* or NULL */
	const char *advice;  /* what to do about it, of this run; or NULL */
} MlsFileEntry;

/* A line that is no record; line 0: the file as a whole. */
typedef struct MlsFileReject
{
	const char *name; /* of the file */
	int64 line;
	const char *text;
	const char *reason;
} MlsFileReject;

/* A file of a place, and what its records are of. */
typedef struct MlsSourceFile
{
	const char *name;
	const char *resource;
} MlsSourceFile;

typedef struct MlsFileLedger MlsFileLedger;

struct MlsFileLedger
{
	MemoryContext context; /* of all in it */
	List *known;           /* of MlsFileEntry *: from earlier runs */
	List *news;            /* of MlsFileEntry *: since they were last written; later ones count */
	List *rejects;         /* of MlsFileReject *: the same */
	bool passed_over;      /* not all was read: files were known, or wait */
	int waiting;           /* files that may still be written, of the last list */
	bool is_listed;        /* somebody has said which files there are */
	List *others;          /* of MlsSourceFile *: those that are of other resources */
	int failed;            /* files that could not be read */
	const char *failure;   /* of the first of them */
	const char *advice;    /* what to do about that one, or NULL */
	/* Why a file of so many bytes and rows may not be taken, or NULL: then it is counted.  Rows -1:
	 * before it is opened, and nothing is counted.  NULL: any may. */
	const char *(*refusal)(MlsFileLedger *ledger, int64 bytes, int64 rows);
};

/* What is known of a file, or NULL. */
extern const MlsFileEntry *mls_ledger_find(const MlsFileLedger *ledger, const char *name);

/* A file whose records are here with the very same bytes; or NULL. */
extern const MlsFileEntry *mls_ledger_find_bytes(const MlsFileLedger *ledger, const char *sha256);

/* A file of which a part is here, or was, with the very same bytes; or NULL. */
extern const MlsFileEntry *mls_ledger_find_taken(const MlsFileLedger *ledger, const char *sha256);

/* Takes note of a copy of an entry, or of a line that is no record. */
extern void mls_ledger_note(MlsFileLedger *ledger, const MlsFileEntry *entry);
extern void mls_ledger_reject(MlsFileLedger *ledger, const char *name, int64 line, const char *text,
							  int length, const char *reason);

/* Takes note of a file that is of another resource. */
extern void mls_ledger_other(MlsFileLedger *ledger, const char *name, const char *resource);

/*
 * Files that are fetched whole are kept in a context, for who reads them once more in this
 * process: what is kept is not fetched again, unless it is older than a minute and has changed.
 * Without it, and after its end, nothing is kept.
 */
extern MemoryContext mls_kept_files;
extern void mls_keep_files(MemoryContext context);

#endif /* MLS_PROTOCOL_LEDGER_H */
