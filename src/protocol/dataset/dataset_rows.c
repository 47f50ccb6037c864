/*
 * dataset_rows.c
 *		A file as rows, whatever its kind: each becomes a JSON object.
 *
 * A cell becomes a string as it stands; one without anything, and without quotes, is null, as
 * is what the option nulls lists.  A record with fewer cells than the header lacks the last
 * fields; what it has more stands in the field _extra.  Nothing is left out in silence: what
 * is no row is counted, and said.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "protocol/dataset/dataset_book.h"
#include "protocol/dataset/dataset_parquet.h"
#include "protocol/dataset/dataset_reader.h"
#include "protocol/dataset/dataset_types.h"
#include "record/page_builder.h"
#include "record/slice.h"

/* From so much of a file its dialect is found. */
#define SAMPLE (256 * 1024)
#define SAMPLE_ROWS 1000

/* A page ends with the row that makes it longer than this. */
#define PAGE_BYTES (4 * 1024 * 1024)

/* The parser may look so far past the end of a text. */
#define SPARE_BYTES 16

/* Of a line that is no record, in an error. */
#define MOST_SHOWN 60

/* The digits of a line's number. */
#define MOST_DIGITS 20

/* A member of the JSON object that a row becomes: what stands before its value. */
typedef struct Member
{
	const char *text; /* ,"name": */
	int text_length;
	const char *name; /* as it is, without escapes */
	int name_length;
} Member;

struct DatasetRows
{
	MemoryContext context; /* of all in it; rows are asked for in others */
	DatasetBytes *bytes;
	const DatasetServer *server;
	const DatasetFile *file;
	DatasetFacts facts;
	MlsFileLedger *ledger;
	char *head; /* what every row begins with, up to the number of its line */
	Size head_length;
	MlsSlice heads[2]; /* its members with their values, by places in it */
	int nheads;
	Member line_member;
	Member extra_member;

	DatasetJson *json;
	char *object; /* the one at hand, as it stands */
	int object_length;

	DatasetCells *cells;
	DatasetBook *book;       /* they are of a sheet; NULL: of text */
	DatasetParquet *parquet; /* the objects are of such; or NULL */
	DatasetDialect dialect;
	int64 before;  /* records that are still to be passed over */
	bool is_begun; /* the header has been read, or there is none */
	int nnames;
	const char **names;
	Member *members;
	Size member_bytes;      /* of all of them */
	uint64 *shapes;         /* of records by the number of their cells; 0: none yet */
	DatasetCell *header;    /* its cells, to know it again */
	const DatasetCell *row; /* the one at hand */
	int ncells;

	int64 line; /* of the row at hand */

	int64 rows;
	int64 rejected;
	int64 shorter; /* records */
	int64 longer;
	int64 repeated; /* headers */
	int64 title;    /* records above it */
};

/* ---- members ---- */

static Member
make_member(const char *name)
{
	int length = strlen(name);
	char *text = palloc(MLS_JSON_GROWTH * length + 4);
	char *end = text;
	bool escaped;

	*end++ = ',';
	end = mls_page_put_string(end, name, length, &escaped);
	*end++ = ':';
	return (Member){.text = text, .text_length = end - text, .name = name, .name_length = length};
}

/* Writes a member up to its value. */
static char *
begin_member(char *out, MlsSlice *slice, const Member *member)
{
	memcpy(out, member->text, member->text_length);
	out += member->text_length;
	*slice = (MlsSlice){.name = member->name, .name_length = member->name_length, .value = out};
	return out;
}

static char *
end_member(char *out, MlsSlice *slice, MlsKind kind)
{
	slice->value_length = out - slice->value;
	slice->kind = kind;
	return out;
}

/* Adds a text to what every row begins with. */
static char *
put_head(DatasetRows *rows, char *out, const char *name, const char *value)
{
	MlsSlice *slice = &rows->heads[rows->nheads++];
	Member member = make_member(name);
	bool escaped;

	out = begin_member(out, slice, &member);
	out = end_member(mls_page_put_string(out, value, strlen(value), &escaped), slice, MLS_STRING);
	slice->escaped = escaped;
	return out;
}

static void
make_head(DatasetRows *rows)
{
	char *out =
		palloc(MLS_JSON_GROWTH * strlen(rows->file->name) + sizeof(rows->facts.sha256) + 100);

	rows->line_member = make_member(DATASET_LINE);
	rows->extra_member = make_member(DATASET_EXTRA);
	rows->head = out;
	out = put_head(rows, out, DATASET_FILE, rows->file->name);
	if (rows->server->mode == DATASET_APPEND)
		out = put_head(rows, out, DATASET_SHA256, rows->facts.sha256);
	/* In place of the comma before the first of them. */
	*rows->head = '{';
	rows->head_length = out - rows->head;
}

/* Writes the beginning of a row, with its slices. */
static char *
begin_row(const DatasetRows *rows, char *out, MlsSlice **slice)
{
	memcpy(out, rows->head, rows->head_length);
	for (int i = 0; i < rows->nheads; i++)
	{
		**slice = rows->heads[i];
		(*slice)->value = out + (rows->heads[i].value - rows->head);
		(*slice)++;
	}
	out = begin_member(out + rows->head_length, *slice, &rows->line_member);
	out += pg_lltoa(rows->line, out);
	return end_member(out, (*slice)++, MLS_NUMBER);
}

/* ---- beginning ---- */

static void
begin_book(DatasetRows *rows)
{
	rows->book =
		mls_dataset_book(rows->bytes, rows->file->sheet ? rows->file->sheet : rows->server->sheet);
	mls_dataset_layout(rows->server, mls_dataset_sheet(rows->book, SAMPLE_ROWS),
					   mls_dataset_sheet(rows->book, SAMPLE_ROWS), &rows->dialect);
	rows->cells = mls_dataset_sheet(rows->book, 0);
}

static void
begin_text(DatasetRows *rows)
{
	DatasetBytes *bytes = rows->bytes;
	Size length;
	bool is_all;
	char *sample =
		mls_dataset_text_start(mls_dataset_text(bytes, &rows->facts), SAMPLE, &length, &is_all);
	DatasetText *text = mls_dataset_text(bytes, &rows->facts);

	if (rows->file->is_json)
	{
		rows->json = mls_dataset_json(bytes, text, sample, length, is_all, rows->file->is_lines,
									  rows->server->path);
		return;
	}
	mls_dataset_dialect(bytes, rows->server, sample, length, is_all, &rows->dialect);
	rows->cells = mls_dataset_csv(bytes, text, rows->dialect.delimiter, rows->dialect.quote, false);
	pfree(sample);
}

static void
begin_parquet(DatasetRows *rows, const DatasetWanted *part)
{
	const Oid *types;

	rows->parquet = mls_dataset_parquet(rows->bytes, part);
	rows->names = mls_dataset_parquet_columns(rows->parquet, &rows->nnames, &types);
	rows->json = mls_dataset_json(rows->bytes, mls_dataset_parquet_text(rows->parquet), "{", 1,
								  false, true, NULL);
}

DatasetRows *
mls_dataset_rows(DatasetBytes *bytes, const DatasetServer *server, const DatasetFile *file,
				 const DatasetFacts *facts)
{
	static const DatasetWanted all = {NIL, 0};

	return mls_dataset_rows_of(bytes, server, file, facts, &all);
}

DatasetRows *
mls_dataset_rows_of(DatasetBytes *bytes, const DatasetServer *server, const DatasetFile *file,
					const DatasetFacts *facts, const DatasetWanted *part)
{
	DatasetRows *rows = palloc0(sizeof(DatasetRows));

	rows->context = CurrentMemoryContext;
	rows->bytes = bytes;
	rows->server = server;
	rows->file = file;
	rows->facts = *facts;
	make_head(rows);
	if (file->is_book)
		begin_book(rows);
	else if (file->is_parquet)
		begin_parquet(rows, part);
	else
		begin_text(rows);
	rows->before = rows->dialect.header ? rows->dialect.first_header : 0;
	return rows;
}

void
mls_dataset_rows_reject_to(DatasetRows *rows, MlsFileLedger *ledger)
{
	rows->ledger = ledger;
}

/* ---- cells ---- */

static void
take_names(DatasetRows *rows, const DatasetCell *cells, int ncells)
{
	MemoryContext before = MemoryContextSwitchTo(rows->context);

	rows->names = mls_dataset_names(cells, ncells);
	rows->nnames = ncells;
	rows->members = palloc(Max(ncells, 1) * sizeof(Member));
	rows->shapes = palloc0((ncells + 1) * sizeof(uint64));
	for (int i = 0; i < ncells; i++)
	{
		rows->members[i] = make_member(rows->names[i]);
		rows->member_bytes += rows->members[i].text_length;
	}
	if (cells)
		rows->header = palloc(Max(ncells, 1) * sizeof(DatasetCell));
	for (int i = 0; cells && i < ncells; i++)
	{
		rows->header[i] = cells[i];
		rows->header[i].text = pnstrdup(cells[i].text, cells[i].length);
	}
	MemoryContextSwitchTo(before);
}

/* Files that were put behind each other have their header again. */
static bool
is_header(const DatasetRows *rows, const DatasetCell *cells, int ncells)
{
	if (rows->header == NULL || ncells != rows->nnames)
		return false;
	for (int i = 0; i < ncells; i++)
		if (cells[i].length != rows->header[i].length ||
			memcmp(cells[i].text, rows->header[i].text, cells[i].length) != 0)
			return false;
	return true;
}

static bool
is_null(const DatasetRows *rows, const DatasetCell *cell)
{
	ListCell *lc;

	if (cell->length == 0)
		return !cell->quoted;
	foreach (lc, rows->server->nulls)
		if (cell->length == strlen(lfirst(lc)) && memcmp(cell->text, lfirst(lc), cell->length) == 0)
			return true;
	return false;
}

/* Takes the cells of a row as those at hand. */
static void
take_row(DatasetRows *rows, const DatasetCell *cells, int ncells)
{
	/* A delimiter at the end of each record is none between cells. */
	while (ncells > rows->nnames && cells[ncells - 1].length == 0 && !cells[ncells - 1].quoted)
		ncells--;
	rows->row = cells;
	rows->ncells = ncells;
	/* A sheet has no cells where nothing is. */
	rows->shorter += ncells < rows->nnames && rows->book == NULL;
	rows->longer += ncells > rows->nnames;
}

static char *
put_cell(const DatasetRows *rows, char *out, MlsSlice *slice, const DatasetCell *cell)
{
	bool escaped;

	if (is_null(rows, cell))
	{
		memcpy(out, "null", 4);
		return end_member(out + 4, slice, MLS_NULL);
	}
	if (cell->bare)
	{
		memcpy(out, cell->text, cell->length);
		return end_member(out + cell->length, slice, mls_json_kind(*cell->text));
	}
	out = mls_page_put_string(out, cell->text, cell->length, &escaped);
	slice->escaped = escaped;
	return end_member(out, slice, MLS_STRING);
}

/* The cells behind those that have names. */
static char *
put_extra(const DatasetRows *rows, char *out, MlsSlice *slice)
{
	bool escaped;

	out = begin_member(out, slice, &rows->extra_member);
	for (int i = rows->nnames; i < rows->ncells; i++)
	{
		*out++ = i == rows->nnames ? '[' : ',';
		out = mls_page_put_string(out, rows->row[i].text, rows->row[i].length, &escaped);
		slice->escaped |= escaped;
	}
	*out++ = ']';
	return end_member(out, slice, MLS_ARRAY);
}

/* How many bytes a row takes at most. */
static Size
room_for_row(const DatasetRows *rows)
{
	Size bytes = 0;

	for (int i = 0; i < rows->ncells; i++)
		bytes += rows->row[i].length;
	/* A cell has quotes and a comma, or is null; and there are the names of ours. */
	return rows->head_length + rows->member_bytes + MLS_JSON_GROWTH * bytes + 4 * rows->ncells +
		   MOST_DIGITS + 100;
}

/* Records with the same number of cells have the same names. */
static uint64
shape_of(const DatasetRows *rows)
{
	if (rows->ncells > rows->nnames)
		return 0;
	if (rows->shapes[rows->ncells] == 0)
		rows->shapes[rows->ncells] = mls_new_shape();
	return rows->shapes[rows->ncells];
}

/* Adds the row at hand to a page. */
static void
put_row(const DatasetRows *rows, MlsPageBuilder *page)
{
	char *start = mls_page_begin_record(page, room_for_row(rows), rows->nheads + rows->ncells + 2);
	MlsSlice *slice = page->slices;
	char *out = begin_row(rows, start, &slice);
	int length;

	for (int i = 0; i < Min(rows->ncells, rows->nnames); i++, slice++)
		out = put_cell(rows, begin_member(out, slice, &rows->members[i]), slice, &rows->row[i]);
	if (rows->ncells > rows->nnames)
		out = put_extra(rows, out, slice++);
	*out++ = '}';
	length = out - start;
	/* Text that has been examined is one of characters, unless it has changed since. */
	if (pg_encoding_verifymbstr(PG_UTF8, start, length) != length)
		mls_dataset_fail(rows->bytes,
						 psprintf("What begins in line " INT64_FORMAT
								  " holds what is no character.",
								  rows->line),
						 NULL);
	mls_page_end_record(page, out, slice - page->slices, shape_of(rows));
}

static bool
next_cells(DatasetRows *rows)
{
	const DatasetCell *cells;
	int ncells;

	while ((cells = rows->cells->next(rows->cells, &ncells, &rows->line)) != NULL)
	{
		if (rows->before > 0)
		{
			rows->before--;
			rows->title++;
		}
		else if (!rows->is_begun && rows->dialect.header)
		{
			take_names(rows, cells, ncells);
			rows->is_begun = true;
		}
		else if (is_header(rows, cells, ncells))
			rows->repeated++;
		else
		{
			if (!rows->is_begun)
				take_names(rows, NULL, rows->dialect.width);
			rows->is_begun = true;
			take_row(rows, cells, ncells);
			return true;
		}
	}
	if (!rows->is_begun)
		mls_dataset_fail(rows->bytes, "It has neither a header nor rows.", NULL);
	return false;
}

/* ---- objects ---- */

/* Does a name of JSON, as it is escaped, give way to a field of ours? */
static bool
gives_way(const char *name, int length)
{
	char plain[32];
	int count = 0;

	for (const char *s = name; s < name + length && count < lengthof(plain) - 1;)
	{
		char code[5] = "";

		if (*s != '\\')
		{
			plain[count++] = *s++;
			continue;
		}
		if (name + length - s < 6 || s[1] != 'u')
			return false;
		memcpy(code, s + 2, 4);
		if (strncmp(code, "00", 2) != 0)
			return false;
		plain[count++] = (char) strtol(code, NULL, 16);
		s += 6;
	}
	plain[count] = '\0';
	return mls_dataset_gives_way(plain);
}

/* Appends the members of an object, up to its end; those with a name of ours have another. */
static void
append_members(StringInfo out, const char *text, const char *end)
{
	const char *start = text;
	int depth = 0;

	for (const char *s = text; s < end; s++)
	{
		const char *name = s + 1;

		depth += *s == '{' || *s == '[';
		depth -= *s == '}' || *s == ']';
		if (*s != '"')
			continue;
		for (s++; *s != '"'; s++)
			s += *s == '\\';
		if (depth > 0 || s[1 + strspn(s + 1, " \t\r\n")] != ':' || !gives_way(name, s - name))
			continue;
		appendBinaryStringInfo(out, start, s - start);
		appendStringInfoString(out, "_2");
		start = s;
	}
	appendBinaryStringInfo(out, start, end - start);
}

/* A line that is no object. */
static void
reject(DatasetRows *rows, const char *text, int length, int64 line, const char *problem)
{
	rows->rejected++;
	if (rows->ledger)
		mls_ledger_reject(rows->ledger, rows->file->name, line, text, length, problem);
	else
		mls_dataset_fail(rows->bytes,
						 psprintf("Line " INT64_FORMAT " %s: %.*s", line, problem,
								  pg_mbcliplen(text, length, MOST_SHOWN), text),
						 NULL);
}

static bool
next_object(DatasetRows *rows)
{
	const char *problem;

	while (mls_dataset_json_next(rows->json, &rows->object, &rows->object_length, &rows->line,
								 &problem))
	{
		if (problem == NULL)
			return true;
		reject(rows, rows->object, rows->object_length, rows->line, problem);
	}
	return false;
}

/* Appends the object at hand, behind what every row begins with. */
static void
append_object(const DatasetRows *rows, StringInfo out)
{
	const char *end = rows->object + rows->object_length;
	const char *rest = rows->object + 1 + strspn(rows->object + 1, " \t\r\n");

	appendBinaryStringInfo(out, rows->head, (int) rows->head_length);
	appendBinaryStringInfo(out, rows->line_member.text, rows->line_member.text_length);
	appendStringInfo(out, INT64_FORMAT, rows->line);
	if (*rest != '}')
		appendStringInfoChar(out, ',');
	append_members(out, rest, end);
}

/* ---- all of them ---- */

bool
mls_dataset_rows_next(DatasetRows *rows)
{
	bool found = rows->json ? next_object(rows) : next_cells(rows);

	rows->rows += found;
	return found;
}

static MlsPage *
page_of_cells(DatasetRows *rows, int most)
{
	MlsPageBuilder page = {.parent = CurrentMemoryContext};

	while (page.nrecords < most && page.total < PAGE_BYTES && mls_dataset_rows_next(rows))
		put_row(rows, &page);
	return page.nrecords > 0 ? mls_page_take(&page) : NULL;
}

static MlsPage *
page_of_objects(DatasetRows *rows, int most, const char *purpose)
{
	StringInfoData body;
	int count;

	initStringInfo(&body);
	appendStringInfoString(&body, "{\"value\":[");
	for (count = 0; count < most && body.len < PAGE_BYTES && mls_dataset_rows_next(rows); count++)
	{
		if (count > 0)
			appendStringInfoChar(&body, ',');
		append_object(rows, &body);
	}
	if (count == 0)
	{
		pfree(body.data);
		return NULL;
	}
	appendStringInfoString(&body, "]}");
	enlargeStringInfo(&body, SPARE_BYTES);
	memset(body.data + body.len, 0, SPARE_BYTES);
	return mls_page_read(body.data, body.len, "value", purpose);
}

MlsPage *
mls_dataset_page(DatasetRows *rows, int most, const char *purpose)
{
	return rows->json ? page_of_objects(rows, most, purpose) : page_of_cells(rows, most);
}

const char **
mls_dataset_rows_names(const DatasetRows *rows, int *count)
{
	*count = rows->nnames;
	return rows->names;
}

int64
mls_dataset_rows_count(const DatasetRows *rows)
{
	return rows->rows;
}

int64
mls_dataset_rows_told(const DatasetRows *rows)
{
	return rows->parquet ? mls_dataset_parquet_rows(rows->parquet) : -1;
}

void
mls_dataset_rows_declare(const DatasetRows *rows, DatasetTypes *types)
{
	const Oid *found;
	int count;
	const char **names;

	mls_dataset_types_begin_file(types);
	if (rows->parquet == NULL)
		return;
	names = mls_dataset_parquet_columns(rows->parquet, &count, &found);
	for (int i = 0; i < count; i++)
		mls_dataset_types_declare(types, names[i], found[i]);
}

int64
mls_dataset_rows_rejected(const DatasetRows *rows)
{
	return rows->rejected;
}

static const char *
delimiter_word(char delimiter)
{
	switch (delimiter)
	{
		case ',':
			return "commas";
		case ';':
			return "semicolons";
		case '\t':
			return "tabs";
		case '|':
			return "bars";
		default:
			return psprintf("\"%c\"", delimiter);
	}
}

static void
add_count(StringInfo out, int64 count, const char *one, const char *many)
{
	if (count > 0)
		appendStringInfo(out, "; %s", mls_counted(count, one, many));
}

static void
add_sheet_counts(StringInfo out, const DatasetSheetCounts *counts)
{
	add_count(out, counts->empty, "empty row", "empty rows");
	add_count(out, counts->hidden, "row is hidden, and read", "rows are hidden, and read");
	add_count(out, counts->errors, "cell has an error for a value, and none here",
			  "cells have an error for a value, and none here");
	add_count(out, counts->uncalculated, "formula was not calculated, and has no value",
			  "formulas were not calculated, and have no value");
	add_count(out, counts->merged, "merged area has its value in its first cell",
			  "merged areas have their value in their first cell");
}

char *
mls_dataset_rows_reading(const DatasetRows *rows)
{
	StringInfoData out;

	initStringInfo(&out);
	if (rows->parquet)
		appendStringInfoString(&out, "Parquet");
	else if (rows->book)
		mls_dataset_book_reading(rows->book, &out);
	else if (rows->json == NULL)
		appendStringInfo(&out, "cells between %s", delimiter_word(rows->dialect.delimiter));
	else if (mls_dataset_json_is_lines(rows->json))
		appendStringInfoString(&out, "a JSON object a line");
	else if (mls_dataset_json_path(rows->json))
		appendStringInfo(&out, "JSON, the list \"%s\"", mls_dataset_json_path(rows->json));
	else
		appendStringInfoString(&out, "a JSON list");
	if (rows->book == NULL && rows->parquet == NULL)
		appendStringInfo(&out, ", %s%s%s", mls_dataset_encoding_name(rows->facts.encoding),
						 rows->facts.has_mark ? " by its mark" : "",
						 rows->facts.is_gzip ? ", gzip" : "");
	if (rows->json == NULL && rows->dialect.header)
		appendStringInfo(&out, ", header in %s " INT64_FORMAT, rows->book ? "row" : "line",
						 rows->dialect.header);
	else if (rows->json == NULL)
		appendStringInfoString(&out, ", no header");
	add_count(&out, rows->title, "record above the header is left out",
			  "records above the header are left out");
	add_count(&out, rows->repeated, "header once more", "headers once more");
	if (rows->book)
		add_sheet_counts(&out, mls_dataset_sheet_counts(rows->cells));
	else if (rows->cells)
	{
		add_count(&out, mls_dataset_csv_empty(rows->cells), "empty line", "empty lines");
		add_count(&out, mls_dataset_csv_odd(rows->cells), "cell goes on behind its closing quote",
				  "cells go on behind their closing quote");
	}
	add_count(&out, rows->shorter, "record has fewer cells than the header",
			  "records have fewer cells than the header");
	add_count(&out, rows->longer, "record has more cells, kept in " DATASET_EXTRA,
			  "records have more cells, kept in " DATASET_EXTRA);
	add_count(&out, rows->rejected, "line is no record", "lines are no records");
	add_count(&out, rows->facts.zeros, "byte 0 taken out", "bytes 0 taken out");
	return out.data;
}
