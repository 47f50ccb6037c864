/*
 * record.h
 *		Records of field slices, the pages that hold them, and the way from a
 *		record to a row.
 *
 * A record is its own bytes plus a list of slices into them: no tree is built.
 * Slices point into the page, so a record lives as long as its page does.  Records of
 * one shape have the same names in the same order.  A row map says which field feeds which
 * column of a row.
 *
 *	clean.c		text the server can hold	slice.c		a slice, found and read
 *	page.c		JSON as records				json_walk.c	into a slice that is JSON itself
 *	json_scan.c	JSON, checked quickly
 *	row.c		a record as a row			convert.c	a slice as a value of a type
 *	value.c		numbers, dates and times	written.c	the same as people write them (written.h)
 *	page_builder.h	pages that are filled record by record, without a parser
 */
#ifndef MLS_RECORD_H
#define MLS_RECORD_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "record/written.h"

typedef enum MlsKind
{
	MLS_NULL,
	MLS_BOOLEAN,
	MLS_NUMBER,
	MLS_STRING, /* JSON: with its quotes and escapes; RETS: plain text */
	MLS_ARRAY,
	MLS_OBJECT
} MlsKind;

typedef struct MlsSlice
{
	const char *name;  /* not terminated; JSON names decoded, without quotes */
	const char *value; /* not terminated; JSON token as received */
	int32 value_length;
	uint16 name_length;
	uint8 kind;   /* MlsKind */
	bool escaped; /* value holds backslash escapes */
} MlsSlice;

typedef struct MlsRecord
{
	const char *json; /* the record's own bytes, not terminated */
	int32 length;
	int32 nslices;
	MlsSlice *slices;
	uint64 shape; /* records of one shape have the same names in the same order; 0: not known */
} MlsRecord;

typedef struct MlsPage
{
	MlsRecord *records;
	int nrecords;
	List *values; /* of MlsSlice *: the page's own members (next link, count, error) */
	int64 bytes;  /* body bytes */
	int replaced; /* what was no character: NUL, invalid sequences, halves of surrogate pairs */
} MlsPage;

/* page.c: JSON */

/*
 * Splits a JSON document into records.  The buffer (NUL-terminated, length known)
 * is altered in place, only to replace \u0000, halves of surrogate pairs and
 * invalid UTF-8; slices point into it.  records_name is the member holding the array of
 * records ("value"); with NULL the document itself is the one record.  Everything is
 * allocated in CurrentMemoryContext.  What is no such JSON is an error
 * (ERRCODE_FDW_REPLY_HANDLE) that names `purpose`.
 */
extern MlsPage *
mls_page_read(char *body, Size length, const char *records_name, const char *purpose);

/* Makes UTF-8 of a body in another character set, with spare bytes behind it; *body and
 * *length change.  Returns the number of replacements, -1 if the set is not known. */
extern int mls_page_decode(char **body, Size *length, const char *charset);

/* Does JSON hold a character that stands for what was none?  A source may have sent it so. */
extern bool mls_has_replacements(const char *json, int length);

/* Slices of the members of a JSON object, which is known to be one and to have so many. */
extern void mls_json_members(const char *json, int length, MlsSlice *slices, int nslices);

/* A number for a shape that no record had before, in this process. */
extern uint64 mls_new_shape(void);

/* Page member by name (the array of records is one, too), or NULL. */
extern const MlsSlice *mls_page_value(const MlsPage *page, const char *name);

/* Field of a record by name (linear; for keys and timestamps use a row map). */
extern const MlsSlice *mls_record_field(const MlsRecord *record, const char *name);

/* What a path ("Address/City") leads to in a record; a field of that very name comes first. */
extern bool mls_record_path(const MlsRecord *record, const char *path, MlsSlice *slice);

/* The name under which a record has a field that it lacks by its own: in another case, or inside a
 * member ("record/ListingKey"); NULL if it has nothing like it. */
extern char *mls_record_similar(const MlsRecord *record, const char *field);

/* A slice as decoded text, palloc'd; NULL for MLS_NULL. Arrays and objects as raw JSON. */
extern char *mls_slice_text(const MlsSlice *slice);

/* A slice as int64; false if it is no integer. */
extern bool mls_slice_int64(const MlsSlice *slice, int64 *value);

/* Steps through an array: sets *element, returns false at the end.  *position starts at NULL. */
extern bool mls_array_next(const MlsSlice *array, const char **position, MlsSlice *element);

/* ---- records inside records (page.c) ---- */

/* Records collected from several places; owners are the collector's numbers for them. */
typedef struct MlsNested
{
	MlsRecord *records; /* after mls_nested_read */
	int *owners;
	int nrecords;
	int max_records;
	StringInfoData body;
} MlsNested;

/* In CurrentMemoryContext, where it must stay until it is read. */
extern MlsNested *mls_nested_begin(void);
extern void mls_nested_add(MlsNested *nested, const char *json, int length, int owner);
extern bool mls_nested_add_array(MlsNested *nested, const MlsSlice *array, int owner, int *count);
extern void mls_nested_read(MlsNested *nested, const char *purpose);
extern void mls_record_supply(MlsRecord *record, const char *field, const char *text);

/* row.c: record -> row */

/* What a column takes from a record; field is "*" for the whole record. */
typedef struct MlsColumnSource
{
	const char *field; /* remote field name, or NULL: not fed */
} MlsColumnSource;

typedef struct MlsRowMap MlsRowMap;

/*
 * A value that does not fit its column: called once per value; the column is
 * NULL in the row.  reason is a sentence fragment ("is not a number").
 */
typedef void (*MlsBadValue)(void *arg, const MlsRecord *record, int attnum, const MlsSlice *slice,
							const char *reason);

/* What is done with the strings of a column before they are converted. */
#define MLS_CLEAN_TRIM 1   /* no blanks around them */
#define MLS_CLEAN_EMPTY 2  /* an empty one is NULL */
#define MLS_CLEAN_LOWER 4  /* ASCII letters small, as in e-mail addresses */
#define MLS_CLEAN_NUMBER 8 /* for numbers: without currency and thousands separators */

/*
 * Prepares conversion to rows of a descriptor; fields has one entry per
 * attribute (attnum - 1), NULL for dropped or unfed ones.  timezone is applied to
 * date-times without an offset (NULL: UTC).  Errors if a column's type cannot be
 * filled, naming the column.  Lives in CurrentMemoryContext.
 */
extern MlsRowMap *mls_row_map(TupleDesc desc, const char *const *fields, const char *timezone);

/* From now on the strings for a column are cleaned so, too (MLS_CLEAN_*); lists and JSON are not. */
extern void mls_row_map_clean(MlsRowMap *map, AttrNumber attnum, int steps);

/* From now on the strings for a column are written so, and made plain before all else. */
extern void mls_row_map_written(MlsRowMap *map, AttrNumber attnum, MlsWritten written);

/*
 * Fills values and isnull (natts entries each), allocating in CurrentMemoryContext.
 * Never raises an error because of the data.  A column without a field costs nothing:
 * leave out of `fields` what is not wanted.
 */
extern void mls_row_fill(MlsRowMap *map, const MlsRecord *record, Datum *values, bool *isnull,
						 MlsBadValue bad, void *arg);

/* value.c: single values, for row.c and those above */

/* ISO 8601 date-time, any number of fraction digits (truncated to microseconds), offset Z, +hh:mm, +hhmm
 * or none (then tz); false if it is none.  Dates alone are midnight. */
extern bool
mls_parse_timestamptz(const char *text, int length, const char *timezone, TimestampTz *result);

#endif /* MLS_RECORD_H */
