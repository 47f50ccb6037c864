/*
 * rets_compact.c
 *		COMPACT and COMPACT-DECODED: lines of values between delimiters.
 *
 *		<COLUMNS>	ListingID	ListPrice	</COLUMNS>
 *		<DATA>	100201	349900	</DATA>
 *
 * A value belongs to a column by its place alone, so a line whose places are in
 * doubt is never split by guess.  The standard has a delimiter on both sides of
 * each line.  Lines were met without the last ones; what is missing there is null.
 * Where no line has a delimiter at its end, one that stands there is the beginning of
 * an empty last value.
 * A line that is closed by its delimiter and yet has not one value per column is
 * bad: a value holds the delimiter, or one was left out.
 */
#include "postgres.h"

#include <limits.h>

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "base/name_list.h"
#include "protocol/rets/rets_reader.h"
#include "record/slice.h"

/* More columns than any table of a source; PostgreSQL's own have 1,600. */
#define MAX_COLUMNS 10000

/* A piece of the answer's text in a message. */
#define MAX_SHOWN 80

/* What stands before a column's value in each record. */
typedef struct ColumnPrefix
{
	const char *text; /* `,"ListPrice":` */
	int length;
	int name_length;  /* of the name, escapes kept */
	const char *more; /* `,"ListPrice@decoded":`, or NULL */
	int more_length;
	int more_name_length;
} ColumnPrefix;

struct RetsCompact
{
	MemoryContext context;
	RetsColumns columns;
	ColumnPrefix *prefixes;
	Size prefix_bytes; /* of all */
	int nslices;       /* of each record */
	RetsValue *values;
	uint64 shape;
};

/* ---- lines ---- */

char
mls_rets_delimiter(const char *value)
{
	char *end;
	long code = strtol(value, &end, 16);

	/* Quotes, brackets and ASCII's other half cannot stand between values. */
	if (end == value || *end != '\0' || code < 1 || code > 0x7F || strchr("<>&\"\r\n", (int) code))
		return '\t';
	return (char) code;
}

static int
count_delimiters(const char *s, const char *end, char delimiter)
{
	int n = 0;

	for (; s < end; s++)
		n += *s == delimiter;
	return n;
}

/* Line breaks around a line are layout. */
static void
trim_line(const char **s, const char **end)
{
	while (*s < *end && (**s == '\n' || **s == '\r'))
		(*s)++;
	while (*end > *s && ((*end)[-1] == '\n' || (*end)[-1] == '\r'))
		(*end)--;
}

/* Names are trimmed; one without a name, or with another's, gets its place instead. */
static const char *
column_name(const RetsColumns *columns, const char *s, const char *end, int place)
{
	char *name;

	while (s < end && isspace((unsigned char) *s))
		s++;
	while (end > s && isspace((unsigned char) end[-1]))
		end--;
	if (s == end)
		return psprintf("#%d", place + 1);
	name = pnstrdup(s, end - s);
	for (int i = 0; i < place; i++)
		if (strcmp(columns->names[i], name) == 0)
			return psprintf("%s#%d", name, place + 1);
	return name;
}

void
mls_rets_split_columns(RetsColumns *columns, const char *text, Size length, char delimiter)
{
	const char *s = text;
	const char *end = text + length;

	trim_line(&s, &end);
	/* Some write the code in decimal: the line itself shows what it is divided by. */
	if (s < end && *s != delimiter && *s == '\t')
		delimiter = '\t';
	columns->delimiter = delimiter;
	columns->leads = s < end && *s == delimiter;
	s += columns->leads;
	columns->trails = s < end && end[-1] == delimiter;
	end -= columns->trails;
	columns->open = columns->leads && !columns->trails;
	columns->closed = false;
	columns->ncolumns = s < end ? count_delimiters(s, end, delimiter) + 1 : 0;
	if (columns->ncolumns > MAX_COLUMNS)
		columns->ncolumns = MAX_COLUMNS + 1;
	columns->names = palloc(Max(columns->ncolumns, 1) * sizeof(char *));
	for (int i = 0; i < columns->ncolumns && i < MAX_COLUMNS; i++)
	{
		const char *stop = memchr(s, delimiter, end - s);

		columns->names[i] = column_name(columns, s, stop ? stop : end, i);
		s = stop ? stop + 1 : end;
	}
}

/* Cuts the values of a line that has its outer delimiters removed; those it lacks are empty. */
static void
cut_values(const RetsColumns *columns, const char *s, const char *end, RetsValue *values)
{
	for (int i = 0; i < columns->ncolumns; i++)
	{
		const char *stop = memchr(s, columns->delimiter, end - s);

		if (stop == NULL)
			stop = end;
		values[i].text = s;
		values[i].length = stop - s;
		s = stop + (stop < end);
	}
}

/* Are all values behind the columns' own empty? */
static bool
is_blank_beyond(const RetsColumns *columns, const char *s, const char *end)
{
	for (int i = 0; i < columns->ncolumns; i++)
		s = (const char *) memchr(s, columns->delimiter, end - s) + 1;
	return count_delimiters(s, end, columns->delimiter) == end - s;
}

/* A line under a COLUMNS line that does not begin with a delimiter. */
static RetsRowForm
split_bare(const RetsColumns *columns, const char *s, const char *end, RetsValue *values,
		   int *nvalues)
{
	bool starts = *s == columns->delimiter;
	bool ends = end - s > 1 && end[-1] == columns->delimiter;
	int n = count_delimiters(s, end, columns->delimiter) + 1;

	/* Which of the outer delimiters are there is told by the number of values. */
	if (starts && ends && n == columns->ncolumns + 2)
	{
		s++;
		end--;
	}
	else if (ends && n == columns->ncolumns + 1)
		end--;
	else if (starts && !ends && n == columns->ncolumns + 1)
		s++;
	else if (n > columns->ncolumns || (n < columns->ncolumns && (ends || columns->trails)))
	{
		*nvalues = n;
		return RETS_ROW_BAD;
	}
	*nvalues = Min(n, columns->ncolumns);
	cut_values(columns, s, end, values);
	return n < columns->ncolumns ? RETS_ROW_SHORT : RETS_ROW_WHOLE;
}

/* Lines with all their values show how lines end; one that is closed settles it. */
static void
note_ending(RetsColumns *columns, bool ends)
{
	columns->closed = columns->closed || ends;
	columns->open = !columns->closed;
}

RetsRowForm
mls_rets_split_row(RetsColumns *columns, const char *text, Size length, RetsValue *values,
				   int *nvalues)
{
	const char *s = text;
	const char *end = text + length;
	bool starts;
	bool ends;
	bool is_open;

	*nvalues = 0;
	trim_line(&s, &end);
	if (s == end)
		return RETS_ROW_BLANK;
	if (!columns->leads)
		return split_bare(columns, s, end, values, nvalues);
	starts = *s == columns->delimiter;
	s += starts;
	ends = end > s && end[-1] == columns->delimiter;
	*nvalues = count_delimiters(s, end - ends, columns->delimiter) + 1;
	if (*nvalues == columns->ncolumns)
		note_ending(columns, ends);
	is_open = ends && columns->open && *nvalues < columns->ncolumns;
	if (is_open)
		++*nvalues;
	else
		end -= ends;
	/* A line that was trimmed on the left may have lost empty values there. */
	if (!starts && *nvalues != columns->ncolumns)
		return RETS_ROW_BAD;
	if (*nvalues > columns->ncolumns && !is_blank_beyond(columns, s, end))
		return RETS_ROW_BAD;
	cut_values(columns, s, end, values);
	if (*nvalues < columns->ncolumns)
		return ends && !is_open ? RETS_ROW_CLOSED : RETS_ROW_SHORT;
	if (is_open)
		return RETS_ROW_OPEN;
	return *nvalues > columns->ncolumns ? RETS_ROW_LONG : RETS_ROW_WHOLE;
}

/* ---- columns of an answer ---- */

static int
place_of(const RetsColumns *columns, const char *name, int (*compare)(const char *, const char *))
{
	for (int i = 0; i < columns->ncolumns; i++)
		if (compare(columns->names[i], name) == 0)
			return i;
	return -1;
}

/* Columns get the names that were asked for; returns those that have no column. */
static List *
match_fields(RetsColumns *columns, const List *fields)
{
	List *missing = NIL;
	ListCell *lc;

	foreach (lc, fields)
	{
		const char *field = lfirst(lc);
		int place;

		if (place_of(columns, field, strcmp) >= 0)
			continue;
		place = place_of(columns, field, pg_strcasecmp);
		/* One that has the very name of another field is that one. */
		if (place >= 0 && !mls_is_listed(fields, columns->names[place]))
			columns->names[place] = pstrdup(field);
		else
			missing = lappend(missing, pstrdup(field));
	}
	return missing;
}

/* `,"name":`, or with a suffix to the name. */
static const char *
make_prefix(const char *name, const char *suffix, int *length, int *name_length)
{
	const char *full = psprintf("%s%s", name, suffix);
	int full_length = strlen(full);
	char *prefix = palloc(MLS_JSON_GROWTH * full_length + 4);
	char *end = prefix;
	bool escaped;

	*end++ = ',';
	end = mls_page_put_string(end, full, full_length, &escaped);
	*name_length = end - prefix - 3;
	*end++ = ':';
	*length = end - prefix;
	return prefix;
}

static void
make_prefixes(RetsReader *reader, RetsCompact *compact)
{
	const RetsReaderOptions *options = &reader->options;
	int n = compact->columns.ncolumns;

	compact->prefixes = palloc0(n * sizeof(ColumnPrefix));
	compact->nslices = n;
	for (int i = 0; i < n; i++)
	{
		ColumnPrefix *prefix = &compact->prefixes[i];
		const char *name = compact->columns.names[i];

		prefix->text = make_prefix(name, "", &prefix->length, &prefix->name_length);
		compact->prefix_bytes += prefix->length;
		if (options->decode == NULL ||
			options->decode(options->decode_arg, &reader->answer, i, NULL, 0) == NULL)
			continue;
		prefix->more =
			make_prefix(name, "@decoded", &prefix->more_length, &prefix->more_name_length);
		compact->prefix_bytes += prefix->more_length;
		compact->nslices++;
	}
}

void
mls_rets_compact_columns(RetsReader *reader, const char *text, Size length)
{
	MemoryContext old;
	RetsCompact *compact;

	old = MemoryContextSwitchTo(reader->context);
	compact = palloc0(sizeof(RetsCompact));
	mls_rets_split_columns(&compact->columns, text, length,
						   reader->has_delimiter ? reader->delimiter : '\t');
	if (compact->columns.ncolumns > MAX_COLUMNS)
		mls_rets_fail(reader, psprintf("It has more than %d columns.", MAX_COLUMNS));
	reader->answer.missing = match_fields(&compact->columns, reader->options.fields);
	compact->shape = mls_new_shape();
	compact->values = palloc(Max(compact->columns.ncolumns, 1) * sizeof(RetsValue));
	reader->answer.ncolumns = compact->columns.ncolumns;
	reader->answer.columns = compact->columns.names;
	reader->answer.delimiter = compact->columns.delimiter;
	make_prefixes(reader, compact);
	reader->compact = compact;
	MemoryContextSwitchTo(old);
}

/* ---- rows of an answer ---- */

/* Appends one member of a record: its prefix, and its value or null. */
static char *
put_member(char *out, MlsSlice *slice, const char *prefix, int prefix_length, int name_length,
		   const char *value, int length)
{
	memcpy(out, prefix, prefix_length);
	slice->name = out + 2;
	slice->name_length = Min(name_length, PG_UINT16_MAX);
	out += prefix_length;
	slice->value = out;
	slice->escaped = false;
	if (length == 0)
	{
		slice->kind = MLS_NULL;
		memcpy(out, "null", 4);
		out += 4;
	}
	else
	{
		bool escaped;

		slice->kind = MLS_STRING;
		out = mls_page_put_string(out, value, length, &escaped);
		slice->escaped = escaped;
	}
	slice->value_length = out - slice->value;
	return out;
}

/* Appends what a value means, which is JSON, or null. */
static char *
put_meaning(char *out, MlsSlice *slice, const ColumnPrefix *prefix, const char *meaning)
{
	int length = meaning ? strlen(meaning) : 4;

	memcpy(out, prefix->more, prefix->more_length);
	memcpy(out + prefix->more_length, meaning ? meaning : "null", length);
	*slice = mls_json_slice(out + prefix->more_length, length);
	slice->name = out + 2;
	slice->name_length = Min(prefix->more_name_length, PG_UINT16_MAX);
	return out + prefix->more_length + length;
}

static bool
is_restricted(const RetsReader *reader, const RetsValue *value)
{
	const char *restricted = reader->options.restricted;

	return restricted && strlen(restricted) == value->length &&
		   memcmp(restricted, value->text, value->length) == 0;
}

/* What the values mean, for the columns that have a meaning; *bytes is their length. */
static const char **
decode_values(RetsReader *reader, const RetsCompact *compact, Size *bytes)
{
	const RetsReaderOptions *options = &reader->options;
	const char **meanings;
	MemoryContext old;

	*bytes = 0;
	if (compact->nslices == compact->columns.ncolumns)
		return NULL;
	old = MemoryContextSwitchTo(reader->scratch);
	meanings = palloc0(compact->columns.ncolumns * sizeof(char *));
	for (int i = 0; i < compact->columns.ncolumns; i++)
	{
		const RetsValue *value = &compact->values[i];

		if (compact->prefixes[i].more == NULL || value->length == 0)
			continue;
		meanings[i] =
			options->decode(options->decode_arg, &reader->answer, i, value->text, value->length);
		*bytes += meanings[i] ? strlen(meanings[i]) : 0;
	}
	MemoryContextSwitchTo(old);
	return meanings;
}

static void
put_record(RetsReader *reader, RetsCompact *compact, Size length)
{
	Size decoded_bytes;
	const char **meanings = decode_values(reader, compact, &decoded_bytes);
	/* A value needs its length as it grows and two quotes, or "null". */
	Size room = compact->prefix_bytes + MLS_JSON_GROWTH * (length + decoded_bytes) +
				4 * compact->nslices + 2;
	char *out;
	MlsSlice *slice;

	if (room > MaxAllocSize)
		mls_rets_fail(reader, psprintf("Row " INT64_FORMAT " is too long.", reader->rows));
	out = mls_page_begin_record(&reader->records, room, compact->nslices);
	slice = reader->records.slices;
	for (int i = 0; i < compact->columns.ncolumns; i++)
	{
		const ColumnPrefix *prefix = &compact->prefixes[i];
		const RetsValue *value = &compact->values[i];
		int value_length = is_restricted(reader, value) ? 0 : value->length;

		out = put_member(out, slice++, prefix->text, prefix->length, prefix->name_length,
						 value->text, value_length);
		if (prefix->more)
			out = put_meaning(out, slice++, prefix, value_length > 0 ? meanings[i] : NULL);
	}
	/* The comma before the first member is the record's beginning. */
	*reader->records.bytes = '{';
	*out++ = '}';
	mls_page_end_record(&reader->records, out, compact->nslices, compact->shape);
	reader->answer.records++;
}

static void
report_bad_row(RetsReader *reader, const RetsCompact *compact, const char *text, Size length,
			   int nvalues)
{
	RetsBadRow row = {.number = reader->rows,
					  .nvalues = nvalues,
					  .ncolumns = compact->columns.ncolumns,
					  .text = text,
					  .length = (int) length};

	if (reader->options.bad_row)
	{
		reader->options.bad_row(reader->options.bad_row_arg, &row);
		return;
	}
	mls_rets_fail(reader,
				  psprintf("Row " INT64_FORMAT " has %s for %s; it begins with \"%.*s\".",
						   row.number, mls_counted(nvalues, "value", "values"),
						   mls_counted(row.ncolumns, "column", "columns"),
						   pg_mbcliplen(text, (int) Min(length, INT_MAX), MAX_SHOWN), text));
}

void
mls_rets_compact_row(RetsReader *reader, const char *text, Size length)
{
	RetsCompact *compact = reader->compact;
	RetsRowForm form;
	int nvalues;

	reader->rows++;
	if (compact == NULL || compact->columns.ncolumns == 0)
		mls_rets_fail(reader, "A row came before the names of the columns.");
	form = mls_rets_split_row(&compact->columns, text, length, compact->values, &nvalues);
	reader->answer.short_rows += form == RETS_ROW_SHORT;
	reader->answer.open_rows += form == RETS_ROW_OPEN;
	reader->answer.long_rows += form == RETS_ROW_LONG;
	if (form == RETS_ROW_BAD || form == RETS_ROW_CLOSED || form == RETS_ROW_BLANK)
		report_bad_row(reader, compact, text, length, nvalues);
	else
		put_record(reader, compact, length);
}
