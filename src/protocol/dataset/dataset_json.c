/*
 * dataset_json.c
 *		Text as JSON objects: the elements of a list, or one a line.
 *
 * A list is never held as a whole: it is cut where an element ends, and each element is
 * parsed by itself.  It ends with its bracket, and what is around it with its brace; before
 * that the end of the text is an error.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "protocol/dataset/dataset_reader.h"

/* An element longer than this is none. */
#define MOST_ELEMENT (16 * 1024 * 1024)

/* As pages have it. */
#define MOST_NESTING 100

/* The parser may look so far past the end of a text. */
#define SPARE_BYTES 16

/* Members that hold the list, where there are several. */
static const char *const usual_paths[] = {"value", "data", "items", "results", "records"};

struct DatasetJson
{
	DatasetBytes *bytes;
	DatasetText *text;
	bool is_lines;
	const char *path; /* NULL: the document is the list */
	MemoryContext element;
	const char *at;
	const char *end;
	bool is_ended;
	int64 line;
	int64 number; /* of the element */
	bool is_open; /* the list has begun */
	bool is_done; /* and ended */
	StringInfoData buf;
};

/* ---- characters ---- */

static bool
refill(DatasetJson *json)
{
	Size length;

	CHECK_FOR_INTERRUPTS();
	while (!json->is_ended)
	{
		json->is_ended = !json->text->next(json->text, &json->at, &length);
		json->end = json->is_ended ? json->at : json->at + length;
		if (!json->is_ended && length > 0)
			return true;
	}
	return false;
}

/* The next character, which stays; -1 at the end. */
static inline int
look(DatasetJson *json)
{
	if (json->at == json->end && !refill(json))
		return -1;
	return (unsigned char) *json->at;
}

static inline void
pass(DatasetJson *json)
{
	json->line += *json->at++ == '\n';
}

static bool
is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int
look_behind_blanks(DatasetJson *json)
{
	int c;

	while (is_blank(c = look(json)))
		pass(json);
	return c;
}

static void
keep(DatasetJson *json)
{
	if (json->buf.len >= MOST_ELEMENT)
		mls_dataset_fail(json->bytes,
						 psprintf("The element that begins before line " INT64_FORMAT
								  " is longer than %d bytes.",
								  json->line, MOST_ELEMENT),
						 NULL);
	appendStringInfoCharMacro(&json->buf, *json->at);
	pass(json);
}

pg_noreturn static void
fail_cut(const DatasetJson *json)
{
	mls_dataset_fail(json->bytes, "It is cut: it ends before its JSON does.", NULL);
}

pg_noreturn static void
fail_expected(DatasetJson *json, const char *expected)
{
	int c = look(json);

	if (c < 0)
		fail_cut(json);
	mls_dataset_fail(
		json->bytes,
		c > ' ' && c < 0x7f
			? psprintf("In line " INT64_FORMAT " %s is expected, and there is \"%c\".", json->line,
					   expected, c)
			: psprintf("In line " INT64_FORMAT " %s is expected.", json->line, expected),
		NULL);
}

/* Reads a value into the buffer, to the end of its text; what it holds is not looked at. */
static void
read_value(DatasetJson *json)
{
	int depth = 0;
	bool in_string = false;

	for (;;)
	{
		int c = look(json);

		if (c < 0 && (depth > 0 || in_string))
			fail_cut(json);
		if (!in_string && depth == 0 && (c < 0 || c == ',' || c == '}' || c == ']' || is_blank(c)))
			return;
		keep(json);
		if (in_string)
		{
			if (c == '\\' && look(json) >= 0)
				keep(json);
			else if (c == '"')
				in_string = false;
		}
		else if (c == '"')
			in_string = true;
		else if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		if (depth == 0 && !in_string && (c == '"' || c == '}' || c == ']'))
			return;
	}
}

/* ---- what an element is ---- */

static int
nesting_of(const char *text, int length)
{
	int depth = 0;
	int most = 0;

	for (int i = 0; i < length; i++)
	{
		if (text[i] == '"')
			for (i++; i < length && text[i] != '"'; i++)
				i += text[i] == '\\';
		else if (text[i] == '{' || text[i] == '[')
			most = Max(most, ++depth);
		else if (text[i] == '}' || text[i] == ']')
			depth--;
	}
	return most;
}

/* What keeps a text from being an object of JSON; NULL: it is one. */
static const char *
problem_of(DatasetJson *json, StringInfo buf)
{
	MemoryContext before;
	JsonLexContext *lex;
	JsonParseErrorType error;
	const char *problem = NULL;

	if (buf->len == 0 || buf->data[0] != '{')
		return "is no object";
	if (nesting_of(buf->data, buf->len) > MOST_NESTING)
		return "is nested too deeply";
	enlargeStringInfo(buf, SPARE_BYTES);
	memset(buf->data + buf->len, 0, SPARE_BYTES);
	MemoryContextReset(json->element);
	before = MemoryContextSwitchTo(json->element);
	lex = mls_json_lexer(buf->data, buf->len, PG_UTF8);
	error = pg_parse_json(lex, &nullSemAction);
	MemoryContextSwitchTo(before);
	/* Halves of pairs and zeros are replaced later; all else is none. */
	if (error != JSON_SUCCESS)
		problem = "is no valid JSON";
	return problem;
}

/* ---- a list ---- */

/* Passes over a name and its colon; is it the one of the list? */
static bool
pass_name(DatasetJson *json)
{
	int length;

	if (look_behind_blanks(json) != '"')
		fail_expected(json, "a name");
	resetStringInfo(&json->buf);
	read_value(json);
	length = json->buf.len - 2;
	if (look_behind_blanks(json) != ':')
		fail_expected(json, "a colon");
	pass(json);
	return length == strlen(json->path) && memcmp(json->buf.data + 1, json->path, length) == 0;
}

/* Passes over members up to the list; or, behind it, to the end of the object. */
static void
pass_members(DatasetJson *json, bool is_behind)
{
	for (;;)
	{
		int c = look_behind_blanks(json);

		if (is_behind && c == '}')
		{
			pass(json);
			return;
		}
		if (is_behind && c != ',')
			fail_expected(json, "a comma or the end of the object");
		if (is_behind)
			pass(json);
		if (pass_name(json) && look_behind_blanks(json) == '[')
		{
			if (is_behind)
				mls_dataset_fail(json->bytes,
								 psprintf("It has two lists with the name \"%s\".", json->path),
								 NULL);
			return;
		}
		(void) look_behind_blanks(json);
		resetStringInfo(&json->buf);
		read_value(json);
		if (json->buf.len == 0)
			fail_expected(json, "a value");
		c = look_behind_blanks(json);
		if (!is_behind && c == '}')
			mls_dataset_fail(json->bytes,
							 psprintf("Its object has no list with the name \"%s\".", json->path),
							 "Name the member that holds the rows by the server option path.");
		if (!is_behind && c != ',')
			fail_expected(json, "a comma");
		if (!is_behind)
			pass(json);
	}
}

static void
open_list(DatasetJson *json)
{
	if (json->path)
	{
		if (look_behind_blanks(json) != '{')
			fail_expected(json, "an object");
		pass(json);
		pass_members(json, false);
	}
	if (look_behind_blanks(json) != '[')
		fail_expected(json, "a list");
	pass(json);
	json->is_open = true;
}

static void
close_list(DatasetJson *json)
{
	pass(json);
	if (json->path)
		pass_members(json, true);
	if (look_behind_blanks(json) >= 0)
		fail_expected(json, "the end of the file");
	json->is_done = true;
}

/* Reads the next element into the buffer; false at the end of the list. */
static bool
next_element(DatasetJson *json)
{
	int c;

	if (json->is_done)
		return false;
	if (!json->is_open)
		open_list(json);
	c = look_behind_blanks(json);
	if (c == ']')
	{
		close_list(json);
		return false;
	}
	if (json->number > 0)
	{
		if (c != ',')
			fail_expected(json, "a comma or the end of the list");
		pass(json);
		(void) look_behind_blanks(json);
	}
	resetStringInfo(&json->buf);
	read_value(json);
	json->number++;
	return true;
}

/* ---- lines ---- */

/* Reads the next line that is not empty into the buffer; false at the end. */
static bool
next_line(DatasetJson *json, int64 *line)
{
	int c = look_behind_blanks(json);

	if (c < 0)
		return false;
	*line = json->line;
	resetStringInfo(&json->buf);
	while ((c = look(json)) >= 0 && c != '\n' && c != '\r')
		keep(json);
	while (json->buf.len > 0 && is_blank(json->buf.data[json->buf.len - 1]))
		json->buf.data[--json->buf.len] = '\0';
	return true;
}

bool
mls_dataset_json_next(DatasetJson *json, char **text, int *length, int64 *line,
					  const char **problem)
{
	if (json->is_lines ? !next_line(json, line) : !next_element(json))
		return false;
	*problem = problem_of(json, &json->buf);
	if (!json->is_lines)
	{
		*line = json->number;
		if (*problem)
			mls_dataset_fail(
				json->bytes,
				psprintf("Element " INT64_FORMAT " of its list %s.", json->number, *problem), NULL);
	}
	*text = json->buf.data;
	*length = json->buf.len;
	return true;
}

bool
mls_dataset_json_is_lines(const DatasetJson *json)
{
	return json->is_lines;
}

const char *
mls_dataset_json_path(const DatasetJson *json)
{
	return json->path;
}

/* ---- which of them ---- */

/* A text that is being looked at, of which the end may lack. */
typedef struct Sample
{
	const char *s;
	const char *end;
} Sample;

static void
skip_blanks(Sample *sample)
{
	while (sample->s < sample->end && is_blank(*sample->s))
		sample->s++;
}

/* Skips a value; false if it does not end in the sample. */
static bool
skip_value(Sample *sample)
{
	int depth = 0;

	for (; sample->s < sample->end; sample->s++)
	{
		char c = *sample->s;

		if (c == '"')
		{
			for (sample->s++; sample->s < sample->end && *sample->s != '"'; sample->s++)
				sample->s += *sample->s == '\\';
			if (sample->s >= sample->end)
				return false;
		}
		else if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		else if (depth == 0 && (c == ',' || is_blank(c)))
			return true;
		if (depth < 0)
			return true;
		if (depth == 0 && (c == '"' || c == '}' || c == ']'))
		{
			sample->s++;
			return true;
		}
	}
	return false;
}

/* Is it more usual that a list of rows has this name than that one? */
static bool
is_more_usual(const char *name, const char *other)
{
	for (int i = 0; i < lengthof(usual_paths); i++)
	{
		if (strcmp(usual_paths[i], name) == 0)
			return true;
		if (strcmp(usual_paths[i], other) == 0)
			return false;
	}
	return false;
}

/* The member of the object at hand that most likely holds the rows: a list of objects; or NULL. */
static const char *
find_path(Sample sample)
{
	const char *path = NULL;

	for (sample.s++;; sample.s++)
	{
		const char *name;
		int length;

		skip_blanks(&sample);
		name = sample.s + 1;
		if (sample.s >= sample.end || *sample.s != '"' || !skip_value(&sample))
			return path;
		length = sample.s - 1 - name;
		skip_blanks(&sample);
		if (sample.s >= sample.end || *sample.s++ != ':')
			return path;
		skip_blanks(&sample);
		if (sample.s < sample.end && *sample.s == '[')
		{
			Sample list = {sample.s + 1, sample.end};
			char *found = pnstrdup(name, length);

			skip_blanks(&list);
			if (list.s < list.end && (*list.s == '{' || *list.s == ']') &&
				(path == NULL || is_more_usual(found, path)))
				path = found;
		}
		if (!skip_value(&sample))
			return path;
		skip_blanks(&sample);
		if (sample.s >= sample.end || *sample.s != ',')
			return path;
	}
}

DatasetJson *
mls_dataset_json(DatasetBytes *bytes, DatasetText *text, const char *start, Size length,
				 bool is_all, bool is_lines, const char *path)
{
	DatasetJson *json = palloc0(sizeof(DatasetJson));
	Sample sample = {start, start + length};
	Sample object;

	json->bytes = bytes;
	json->text = text;
	json->line = 1;
	json->element =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw element", ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&json->buf);
	skip_blanks(&sample);
	if (sample.s == sample.end)
		mls_dataset_fail(bytes, "It is empty.", NULL);
	if (*sample.s == '[')
		return json;
	json->is_lines = is_lines;
	if (is_lines)
		return json;
	json->path = path;
	object = sample;
	if (*sample.s == '{' && skip_value(&object))
	{
		skip_blanks(&object);
		/* Another object behind the first: they stand in lines, whatever the file is called. */
		json->is_lines = object.s < object.end && *object.s == '{';
	}
	if (!json->is_lines && json->path == NULL && *sample.s == '{')
		json->path = find_path(sample);
	if (!json->is_lines && json->path == NULL)
		mls_dataset_fail(bytes, "It is neither a list of objects nor an object with one.",
						 is_all ? NULL
								: "If its list begins far behind its start, name the member that "
								  "holds it by the server option path.");
	return json;
}
