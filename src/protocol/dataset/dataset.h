/*
 * dataset.h
 *		Files as a source: what the files of this folder are to each other.
 *
 * A place holds files; files that belong together are a resource.  A file is
 * read in passes, each in bounded memory: first its bytes, which prove that all of it is
 * there and show its encoding; then, where a sync is to store it, its structure; then its
 * rows.  A row becomes a JSON object of texts, as it stands in the file, with the name of
 * the file and the line it begins in; which types the texts have is found by looking at all
 * of them (dataset_types.c), and they become that on the way into a row.
 *
 *	dataset.c			the protocol: options, and what its functions are
 *	dataset_place.c		which files there are, and their bytes: in a directory (dataset_folder.c),
 *						uploaded (dataset_upload.c), at an address (dataset_web.c), in a
 *						bucket (dataset_bucket.c)
 *	dataset_text.c		bytes as text: unpacked, decoded
 *	dataset_reader.h	text as rows of cells (dataset_csv.c, dataset_dialect.c), and as JSON
 *						objects (dataset_json.c)
 *	dataset_parquet.h	Parquet as text with JSON objects
 *	dataset_book.h		workbooks (dataset_zip.c, dataset_book.c) as rows of cells
 *						(dataset_sheet.c)
 *	dataset_rows.c		a file as rows, whatever its kind
 *	dataset_types.h		the types of columns, from all values
 *	dataset_schema.c	resources and fields
 *	dataset_stream.c	pages
 */
#ifndef MLS_DATASET_H
#define MLS_DATASET_H

#include "postgres.h"

#include "base/digest.h"
#include "lib/stringinfo.h"
#include "protocol/ledger.h"
#include "protocol/protocol.h"

/* ---- Options (dataset.c) ---- */

typedef enum DatasetMode
{
	DATASET_MIRROR,  /* what the files hold, all of them */
	DATASET_REPLACE, /* what the newest file holds */
	DATASET_UPSERT,  /* what any file has held, by key */
	DATASET_APPEND   /* each file once */
} DatasetMode;

typedef enum DatasetEncoding
{
	DATASET_ANY_ENCODING,
	DATASET_UTF8,
	DATASET_UTF16LE,
	DATASET_UTF16BE,
	DATASET_WINDOWS_1252
} DatasetEncoding;

typedef enum DatasetChoice
{
	DATASET_AUTO,
	DATASET_FIRST, /* header: true; decimal: point; dates: dmy */
	DATASET_SECOND /* header: false; decimal: comma; dates: mdy */
} DatasetChoice;

/* What servers of this protocol have of their own: MlsSource.own. */
typedef struct DatasetServer
{
	List *files; /* of char *: "resource=pattern", or "pattern" */
	int mode;    /* DatasetMode */
	List *key;   /* of char *: fields */
	const char *delimiter;
	const char *quote;
	int header;   /* DatasetChoice */
	int encoding; /* DatasetEncoding */
	int decimal;  /* DatasetChoice */
	int dates;    /* DatasetChoice */
	List *nulls;  /* of char *: what stands for no value */
	bool ids_as_text;
	const char *path;  /* of the list in a JSON document; or NULL */
	const char *sheet; /* of a workbook: its name or number; NULL: the first that is shown */
	int settle_s;
} DatasetServer;

/* Fields that are no file's own. */
#define DATASET_FILE "_file"
#define DATASET_SHA256 "_sha256"
#define DATASET_LINE "_line"
#define DATASET_EXTRA "_extra"

extern const char *mls_dataset_encoding_name(DatasetEncoding encoding);

/* Call from _PG_init (dataset_parquet.c). */
extern void mls_dataset_define_settings(void);

/* ---- Places (dataset_place.c) ---- */

typedef struct DatasetFile
{
	const char *name;   /* of the sheet of a workbook that is named: "book.xlsx#Rooms" */
	const char *stored; /* in its place */
	const char *sheet;  /* of a workbook: its name or number; NULL: as the option sheet says */
	const char *resource;
	bool is_json;
	bool is_lines; /* JSON: by its name, an object a line */
	bool is_book;  /* a workbook: no text, but an archive of XML */
	bool is_parquet;
	int64 bytes;
	TimestampTz modified;
	TimestampTz changed; /* by the clock of the system, which no program sets */
	bool is_whole;       /* it cannot be half of what it will be: nobody need wait */
	int64 number;        /* of an upload */
	const char *address; /* of a file of another host */
	/* What says which version it is: a header that asks for another, or the tag of an object. */
	const char *validator;
	MlsHttpResponse *answer; /* it has been fetched; or NULL */
	ErrorData *failure;      /* or that has failed; or NULL */
} DatasetFile;

/*
 * All files of a place, by name (List of DatasetFile *); *others: of char *: names of what is none.
 * For a sync of a resource (both NULL: for none) hosts are asked about its files, and those that
 * its ledger knows are not fetched if they are the same.
 */
extern List *mls_dataset_list(const MlsSource *source, const char *resource,
							  const MlsFileLedger *ledger, List **others, MlsHttpStats *stats);

/* Entries of the option files that none of these files fits (List of char *). */
extern List *mls_dataset_unfitted(const MlsSource *source, const List *files);

/* Those of them that the records of a resource come from. */
extern List *mls_dataset_files_of(const MlsSource *source, List *files, const char *resource);

/* Is it dated in the future, by more than may be the clock's? */
extern bool mls_dataset_is_ahead(const DatasetServer *server, const DatasetFile *file);

/* Where bytes come from; at any position, as often as wanted. */
typedef struct DatasetBytes
{
	const char *name; /* for messages: "file \"roster.csv\" of source \"office\"" */
	Size (*read)(struct DatasetBytes *bytes, int64 at, char *buf, Size room);
	bool (*is_unchanged)(struct DatasetBytes *bytes); /* is it the one that was opened? */
	const char *care;                                 /* so that it will be: a hint; or NULL */
	int fd; /* of the file, while it is open; -1: it is none of this machine */
	int64 length;
	int64 most; /* bytes that may come out of it, unpacked */
} DatasetBytes;

/* Opens a file; it is closed with CurrentMemoryContext. */
extern DatasetBytes *
mls_dataset_open(const MlsSource *source, const DatasetFile *file, MlsHttpStats *stats);

/* An error if an open file is another than when it was opened: it was written meanwhile. */
extern void mls_dataset_require_unchanged(DatasetBytes *bytes);

/* What is wrong with a file, in words: an error of it alone. */
pg_noreturn extern void
mls_dataset_fail(const DatasetBytes *bytes, const char *detail, const char *hint);

/* Is an error one of a file alone, so that others can be read? */
extern bool mls_dataset_is_files_fault(int sqlstate);

/* ---- Text (dataset_text.c) ---- */

/* What the first pass finds. */
typedef struct DatasetFacts
{
	char sha256[2 * MLS_SHA256_BYTES + 1];
	bool is_gzip;
	DatasetEncoding encoding;
	bool has_mark; /* it begins with a byte order mark */
	int64 zeros;   /* bytes 0 that were taken out */
} DatasetFacts;

/*
 * Reads all of it.  An error if it is not whole, or in no encoding that is known; of a
 * workbook that shows when its rows are read.  Without `hashed` sha256 is empty.
 */
extern void mls_dataset_examine(DatasetBytes *bytes, const DatasetFile *file,
								DatasetEncoding wanted, bool hashed, DatasetFacts *facts);

/* Do the first bytes of a file have this hash, and are they whole lines? */
extern bool mls_dataset_begins_with(DatasetBytes *bytes, int64 length, const char *sha256);

/* Pieces of text: a function and what it knows. */
typedef struct DatasetText
{
	bool (*next)(struct DatasetText *text, const char **piece, Size *length);
} DatasetText;

/* The text of examined bytes, from its beginning: UTF-8 without mark and without byte 0. */
extern DatasetText *mls_dataset_text(DatasetBytes *bytes, const DatasetFacts *facts);

/* Text at hand as such. */
extern DatasetText *mls_dataset_text_of(const char *text, Size length);

/* The beginning of a text, up to so many bytes; *is_all: that is all. */
extern char *mls_dataset_text_start(DatasetText *text, Size most, Size *length, bool *is_all);

/* ---- Rows (dataset_rows.c) ---- */

typedef struct DatasetRows DatasetRows;

/* Begins to read an examined file: from its first row. */
extern DatasetRows *mls_dataset_rows(DatasetBytes *bytes, const DatasetServer *server,
									 const DatasetFile *file, const DatasetFacts *facts);

/* What of a file is wanted, where its kind can give a part. */
typedef struct DatasetWanted
{
	List *columns; /* of char *; NIL: all */
	int64 rows;    /* its first; 0: all */
} DatasetWanted;

/* The same; it may give more than is wanted. */
extern DatasetRows *
mls_dataset_rows_of(DatasetBytes *bytes, const DatasetServer *server, const DatasetFile *file,
					const DatasetFacts *facts, const DatasetWanted *part);

/* Lines that are no records go there; without it they are errors. */
extern void mls_dataset_rows_reject_to(DatasetRows *rows, MlsFileLedger *ledger);

/* Goes behind the next row, of which nothing is made; false at the proven end. */
extern bool mls_dataset_rows_next(DatasetRows *rows);

/* A page of rows, of so many at most; NULL if there are none any more.  In CurrentMemoryContext;
 * names of fields are those of the file. */
extern MlsPage *mls_dataset_page(DatasetRows *rows, int most, const char *purpose);

/* Rows of a page that is looked at in passing: so many stay in the processor's caches. */
#define DATASET_PASSING_ROWS 500

/* The names in the header, once a row was asked for; NULL where there is none. */
extern const char **mls_dataset_rows_names(const DatasetRows *rows, int *count);

extern int64 mls_dataset_rows_count(const DatasetRows *rows);

/* How many a file has by its own word; -1: that is known when all were read. */
extern int64 mls_dataset_rows_told(const DatasetRows *rows);
extern int64 mls_dataset_rows_rejected(const DatasetRows *rows);

/* How it was read, and what was remarkable so far: a sentence without its full stop. */
extern char *mls_dataset_rows_reading(const DatasetRows *rows);

/* ---- Schema (dataset_schema.c) and pages (dataset_stream.c) ---- */

extern MlsRemoteSchema *mls_dataset_describe(const MlsSource *source, MlsHttpStats *stats);

extern MlsStream *mls_dataset_stream_open(const MlsQuery *query);
extern void mls_dataset_stream_start(MlsStream *stream);
extern MlsPage *mls_dataset_stream_next(MlsStream *stream);
extern void mls_dataset_stream_close(MlsStream *stream);

#endif /* MLS_DATASET_H */
