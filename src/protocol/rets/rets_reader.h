/*
 * rets_reader.h
 *		What the files that read answers share.
 *
 * rets_compact.c and rets_standard_xml.c fill pages (record/page_builder.h), rets_answer.c knows
 * the envelope and asks them.
 */
#ifndef MLS_RETS_READER_H
#define MLS_RETS_READER_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "protocol/rets/rets_answer.h"
#include "record/page_builder.h"

/* ---- rets_reply.c ---- */

/* Raises that the answer cannot be read. */
pg_noreturn extern void mls_rets_fail(const RetsReader *reader, const char *detail);

/* ---- rets_compact.c: lines ---- */

/* The line of columns, and what it shows about the lines after it. */
typedef struct RetsColumns
{
	char delimiter;
	bool leads;  /* the line begins with a delimiter */
	bool trails; /* and ends with one */
	bool open;   /* no line has a delimiter at its end, as far as is known */
	bool closed; /* a line with all its values has one */
	int ncolumns;
	const char **names;
} RetsColumns;

typedef struct RetsValue
{
	const char *text;
	int length;
} RetsValue;

typedef enum RetsRowForm
{
	RETS_ROW_WHOLE,
	RETS_ROW_SHORT,  /* ends before its last columns: these are null */
	RETS_ROW_OPEN,   /* its last value is empty, and no delimiter is behind it */
	RETS_ROW_LONG,   /* more values than columns, all of these empty */
	RETS_ROW_CLOSED, /* closed by its delimiter before its last columns; values as if SHORT */
	RETS_ROW_BLANK,  /* nothing in it */
	RETS_ROW_BAD     /* which value belongs to which column cannot be known */
} RetsRowForm;

/* Code of a DELIMITER element's value, two hexadecimal digits; a tab where it is none. */
extern char mls_rets_delimiter(const char *value);

/* Splits a COLUMNS line; in CurrentMemoryContext. */
extern void
mls_rets_split_columns(RetsColumns *columns, const char *text, Size length, char delimiter);

/* Splits a DATA line into one value per column; *nvalues is what the line had. */
extern RetsRowForm mls_rets_split_row(RetsColumns *columns, const char *text, Size length,
									  RetsValue *values, int *nvalues);

/* ---- rets_answer.c ---- */

typedef struct RetsCompact RetsCompact;
typedef struct RetsNested RetsNested;

struct RetsReader
{
	char
		beginning[64]; /* of the answer, by which a web page is known in whatever pieces it comes */
	int nbeginning;
	MemoryContext context;
	MemoryContext scratch; /* of one event */
	RetsReaderOptions options;
	RetsAnswer answer;
	MlsXmlReader *xml;
	const char *element; /* COMPACT: the line's element that is open, or NULL */
	bool has_text;       /* and its text was seen */
	int unknown_depth;   /* of an element that is none of the standard's, or 0 */
	const char *foreign; /* an element of another format, or NULL */
	bool in_response;    /* within RETS-RESPONSE */
	char delimiter;      /* as announced */
	bool has_delimiter;
	StringInfoData body;
	MlsPageBuilder records;
	RetsCompact *compact; /* since COLUMNS */
	RetsNested *nested;   /* STANDARD-XML */
	int64 rows;           /* DATA lines or record elements met */
};

/* ---- rets_compact.c: records ---- */

extern void mls_rets_compact_columns(RetsReader *reader, const char *text, Size length);
extern void mls_rets_compact_row(RetsReader *reader, const char *text, Size length);

/* ---- rets_standard_xml.c ---- */

extern RetsNested *mls_rets_nested(RetsReader *reader);
extern bool mls_rets_nested_open(const RetsNested *nested);
extern void mls_rets_nested_event(RetsReader *reader, const MlsXmlEvent *event);

#endif /* MLS_RETS_READER_H */
