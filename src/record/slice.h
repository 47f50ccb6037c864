/*
 * slice.h
 *		What the files of the record room share: cleaning pages, reading slices,
 *		and single values.
 *
 * A function that can fail because of the data returns false or a reason (a
 * sentence fragment such as "is not a number"; NULL means success) and never
 * raises an error.
 */
#ifndef MLS_SLICE_H
#define MLS_SLICE_H

#include "postgres.h"

#include "pgtime.h"
#include "utils/timestamp.h"

#include "record/record.h"

/* clean.c */

/* Makes a body valid UTF-8 without \u0000 and lone surrogates, in place; *body and
 * *length may change.  Returns the number of replacements. */
extern int mls_page_clean(char **body, Size *length);

/* json_walk.c */

extern const uint8 mls_json_kinds[256];

/* Kind of the value that begins with a byte, in JSON that the parser accepts. */
static inline MlsKind
mls_json_kind(char first)
{
	return (MlsKind) mls_json_kinds[(unsigned char) first];
}

extern MlsSlice mls_json_slice(const char *value, int length);

/* Reads the next member of an object whose JSON is known to be valid; s is after its brace or
 * its last member.  Returns where that ends, NULL when there is none.  The name is as written. */
extern const char *mls_object_next(const char *s, MlsSlice *member);

/* json_scan.c: functions that return the end of what begins at s, or NULL if the parser has to
 * judge.  A NUL stands at `end`; *escaped becomes true at a backslash. */

extern const char *mls_json_scan_value(const char *s, const char *end, int depth, bool *escaped);
extern const char *mls_json_scan_string(const char *s, const char *end, bool *escaped);
extern const char *mls_json_scan_colon(const char *s);

static inline const char *
mls_json_skip_space(const char *s)
{
	while (*s == ' ' || *s == '\n' || *s == '\r' || *s == '\t')
		s++;
	return s;
}

#define MLS_EACH_BYTE(byte) (UINT64CONST(0x0101010101010101) * (byte))

/*
 * Of eight bytes, the highest bits of those that cannot stand in a string of JSON by themselves:
 * the lowest of these is one for certain, and without any there is none.
 */
static inline uint64
mls_json_special(uint64 bytes)
{
	uint64 quotes = bytes ^ MLS_EACH_BYTE('"');
	uint64 backslashes = bytes ^ MLS_EACH_BYTE('\\');

	/* A byte that is less than what is taken from it gets the highest bit. */
	return (((bytes - MLS_EACH_BYTE(' ')) & ~bytes) | ((quotes - MLS_EACH_BYTE(1)) & ~quotes) |
			((backslashes - MLS_EACH_BYTE(1)) & ~backslashes)) &
		   MLS_EACH_BYTE(0x80);
}

/* slice.c */

/* mls_record_field for a name that is not terminated. */
extern const MlsSlice *mls_record_field_n(const MlsRecord *record, const char *name, int length);

/* Decodes the inside of a JSON string into `out`, which has room for `length` bytes. */
extern int mls_json_decode(const char *in, int length, char *out);

/* Gives a slice its name from the inside of a JSON string; was there an escape in it? */
extern bool mls_slice_name(MlsSlice *slice, const char *name, int length);

/* Text of a scalar without decoding if possible: points into the page or to palloc'd memory. */
extern const char *mls_slice_content(const MlsSlice *slice, int *length);

/* value.c */
extern const char *mls_parse_int64(const char *text, int length, int64 *result);
extern bool mls_parse_date(const char *text, int length, int32 *result);
extern bool mls_parse_time(const char *text, int length, int digits, int64 *result);
/* zone NULL: UTC; digits: fraction digits kept.  local: the wall clock as written, offset ignored. */
extern bool mls_parse_timestamp(const char *text, int length, pg_tz *zone, bool local, int digits,
								Timestamp *result);

/* convert.c */

typedef struct MlsTarget MlsTarget;

/* Converts a slice that is not null; returns NULL or why it does not fit. */
typedef const char *(*MlsConvert)(const MlsTarget *target, const MlsSlice *slice, Datum *value);

/* What a column's values become. */
struct MlsTarget
{
	MlsConvert convert;
	Oid type;
	int32 typmod;
	pg_tz *zone;        /* for date-times without an offset; NULL: UTC */
	Datum limit;        /* numeric(p,s): 10^(p-s) */
	MlsTarget *element; /* arrays */
	int16 length;       /* of the type, for arrays' elements */
	bool by_value;
	char align;
};

/* Fills a target; false if values of the type cannot be made. */
extern bool mls_target_init(MlsTarget *target, Oid type, int32 typmod, pg_tz *zone);

/* For hints: what mls_target_init knows. */
extern const char *mls_target_types(void);

#endif /* MLS_SLICE_H */
