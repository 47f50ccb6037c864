/*
 * page.c
 *		A page of JSON as records of field slices, in one pass.
 *
 * Most pages are stepped through quickly (json_scan.c).  One that is not plainly JSON, or
 * not of the kind that is expected, is read from its beginning by PostgreSQL's parser, which
 * is the judge of what is valid and says what is wrong.  It calls back for each field; all
 * that is kept of it is where its name and its value stand.  The lexer is told not to
 * decode strings and there is no callback for scalars, so nothing is allocated
 * per token.  Where the parser is, its own nesting level tells:
 *
 *		{ "@odata.count": 2, "value": [ { "ListingKey": "1", ... }, ... ] }
 *		  level 1                         level 3
 *
 * Members of the page itself may follow the records (next links often do).
 *
 * Records inside records, the elements of arrays, are copied into one document and
 * read in the same way, so that records of many arrays cost one pass and repeat
 * their shapes.  Each remembers where it came from by a number its collector chose.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/json.h"

#include "compat.h"
#include "base/base.h"
#include "record/slice.h"

/* Slices come in chunks: a record's are contiguous, and none is ever moved twice for long. */
#define CHUNK_SLICES 8192

/* More than any source's page; keeps the array of records within one allocation. */
#define MAX_RECORDS (10 * 1000 * 1000)

/* A piece of the source's text in a message is a line of a terminal or two. */
#define MAX_DETAIL 200

/* Deeper nesting is an attack on the stack; expansions nest half a dozen deep. */
#define MAX_NESTING 200

#define PAGE_LEVEL 1

typedef struct PageState
{
	JsonLexContext *lex;
	MlsPage *page;
	const char *purpose;
	const char *records_name; /* NULL: the document is the record */
	int records_name_length;
	int field_level;  /* nesting level of the records' fields */
	bool in_records;  /* inside the array of records */
	MlsSlice member;  /* page member being read */
	MlsSlice *slices; /* current chunk */
	int chunk_size;
	int nslices;           /* used in it */
	int first;             /* where the current record's begin */
	const MlsRecord *twin; /* the record before it, or NULL */
	bool same_names;       /* so far, the current record's are its twin's */
	bool escaped_names;    /* some name of the page was written with escapes */
	const char *end;       /* of the page */
	const char *escape;    /* the first backslash at or after the value read last, or the end */
	int max_records;
} PageState;

/* Shapes are numbered through all pages of the process. */
static uint64 last_shape = 0;

uint64
mls_new_shape(void)
{
	return ++last_shape;
}

static void
reserve_slice(PageState *state)
{
	int count = state->nslices - state->first;
	MlsSlice *chunk;

	if (state->nslices < state->chunk_size)
		return;
	state->chunk_size = Max(CHUNK_SLICES, 2 * count);
	chunk = palloc(state->chunk_size * sizeof(MlsSlice));
	if (count > 0)
		memcpy(chunk, state->slices + state->first, count * sizeof(MlsSlice));
	state->slices = chunk;
	state->first = 0;
	state->nslices = count;
}

/*
 * The name before a colon, which ends at the quote before `end`.  A quote inside
 * it has a backslash before it, the opening one never has.
 */
static void
read_name(PageState *state, const char *end, MlsSlice *slice)
{
	const char *start = --end;

	while (start[-1] != '"' || start[-2] == '\\')
		start--;
	if (mls_slice_name(slice, start, end - start))
		state->escaped_names = true;
}

/* The same where another record's field most likely has this name: compared, not searched. */
static bool
is_name(const PageState *state, const char *end, const MlsSlice *twin)
{
	const char *start = end - 1 - twin->name_length;

	/* What is compared are names as written, and the twin's is decoded. */
	return memcmp(start, twin->name, twin->name_length) == 0 && start[-1] == '"' &&
		   start[-2] != '\\' && twin->name_length < PG_UINT16_MAX &&
		   !(state->escaped_names && memchr(twin->name, '\\', twin->name_length));
}

/* The name before the colon that ends at `end`; false if it is not its twin's. */
static bool
take_name(PageState *state, const char *end, MlsSlice *slice, const MlsSlice *twin)
{
	if (twin && is_name(state, end, twin))
	{
		slice->name = twin->name;
		slice->name_length = twin->name_length;
		return true;
	}
	read_name(state, end, slice);
	return twin && state->escaped_names && slice->name_length == twin->name_length &&
		   memcmp(slice->name, twin->name, twin->name_length) == 0;
}

/* Notes name and start of the field whose value comes next; false if the name is not its twin's. */
static bool
begin_slice(PageState *state, MlsSlice *slice, const MlsSlice *twin)
{
	const JsonLexContext *lex = state->lex;
	const char *end = lex->prev_token_terminator - 1;
	bool same;

	while (end[-1] != '"')
		end--;
	same = take_name(state, end, slice, twin);
	/* At the end of a cut text there is no token; the parser complains after this call. */
	slice->value = lex->token_start;
	slice->kind = lex->token_start ? mls_json_kind(*lex->token_start) : MLS_NULL;
	return same;
}

/* Values come in order, so that each backslash is found once. */
static void
end_slice(PageState *state, MlsSlice *slice)
{
	const char *end = state->lex->prev_token_terminator;

	slice->value_length = end - slice->value;
	if (state->escape < slice->value)
	{
		state->escape = memchr(slice->value, '\\', state->end - slice->value);
		if (state->escape == NULL)
			state->escape = state->end;
	}
	slice->escaped = state->escape < end;
}

static bool
is_records_member(const PageState *state)
{
	const MlsSlice *member = &state->member;

	return state->records_name && member->kind == MLS_ARRAY &&
		   member->name_length == state->records_name_length &&
		   memcmp(member->name, state->records_name, member->name_length) == 0;
}

static bool
is_record_field(const PageState *state)
{
	return state->in_records && state->lex->lex_level == state->field_level;
}

static MlsJsonResult
field_start(void *arg, char *name, bool isnull)
{
	PageState *state = arg;

	if (is_record_field(state))
	{
		int i = state->nslices - state->first;
		bool has_twin = state->twin && i < state->twin->nslices;

		reserve_slice(state);
		if (!begin_slice(state, &state->slices[state->nslices],
						 has_twin ? &state->twin->slices[i] : NULL))
			state->same_names = false;
	}
	else if (state->lex->lex_level == PAGE_LEVEL)
	{
		begin_slice(state, &state->member, NULL);
		state->in_records = is_records_member(state);
	}
	MLS_JSON_GO_ON;
}

/* The backslashes within the records are not counted. */
static void
keep_member(PageState *state)
{
	MlsSlice *kept = palloc(sizeof(MlsSlice));

	state->member.escaped |= state->in_records;
	*kept = state->member;
	state->page->values = lappend(state->page->values, kept);
	state->in_records = false;
}

static MlsJsonResult
field_end(void *arg, char *name, bool isnull)
{
	PageState *state = arg;

	if (is_record_field(state))
		end_slice(state, &state->slices[state->nslices++]);
	else if (state->lex->lex_level == PAGE_LEVEL)
	{
		end_slice(state, &state->member);
		keep_member(state);
	}
	MLS_JSON_GO_ON;
}

pg_noreturn static void
report_content(const PageState *state, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE), errmsg("could not read %s", state->purpose),
					errdetail("%s", detail)));
}

static void
check_nesting(const PageState *state)
{
	if (state->lex->lex_level > MAX_NESTING)
		report_content(state,
					   psprintf("The answer is nested more than %d levels deep.", MAX_NESTING));
}

static MlsJsonResult
array_start(void *arg)
{
	check_nesting(arg);
	MLS_JSON_GO_ON;
}

static void
begin_record(PageState *state, const char *start)
{
	MlsPage *page = state->page;

	if (page->nrecords == state->max_records)
	{
		if (state->max_records >= MAX_RECORDS)
			report_content(state, psprintf("The page has more than %d records.", MAX_RECORDS));
		state->max_records *= 2;
		page->records = repalloc(page->records, state->max_records * sizeof(MlsRecord));
	}
	page->records[page->nrecords].json = start;
	state->first = state->nslices;
	state->twin = page->nrecords > 0 ? &page->records[page->nrecords - 1] : NULL;
	state->same_names = state->twin != NULL;
	if ((page->nrecords & 0xFF) == 0)
		CHECK_FOR_INTERRUPTS();
}

static void
end_record(PageState *state, const char *end)
{
	MlsRecord *record = &state->page->records[state->page->nrecords++];

	record->length = end - record->json;
	record->nslices = state->nslices - state->first;
	record->slices = record->nslices > 0 ? state->slices + state->first : NULL;
	record->shape = state->same_names && record->nslices == state->twin->nslices
						? state->twin->shape
						: mls_new_shape();
}

/* Records are objects one level above their fields. */
static bool
is_record(const PageState *state)
{
	return state->in_records && state->lex->lex_level == state->field_level - 1;
}

static MlsJsonResult
object_start(void *arg)
{
	PageState *state = arg;

	check_nesting(state);
	if (is_record(state))
		begin_record(state, state->lex->token_start);
	MLS_JSON_GO_ON;
}

static MlsJsonResult
object_end(void *arg)
{
	PageState *state = arg;

	if (is_record(state))
		end_record(state, state->lex->prev_token_terminator);
	MLS_JSON_GO_ON;
}

/* An element of the array of records that is no object would be lost in silence. */
static MlsJsonResult
element_start(void *arg, bool isnull)
{
	PageState *state = arg;

	if (state->in_records && state->lex->lex_level == state->field_level - 1 &&
		state->lex->token_start && *state->lex->token_start != '{')
		report_content(state, psprintf("Element %d of the list of records is no object.",
									   state->page->nrecords + 1));
	MLS_JSON_GO_ON;
}

/* Did the text end before the JSON did?  Then the last token is none, or a string without end. */
static bool
is_cut(const JsonLexContext *lex, const char *end)
{
	return lex->token_start == NULL || (*lex->token_start == '"' && lex->token_terminator >= end);
}

pg_noreturn static void
report_syntax(const PageState *state, const char *body, Size length, JsonParseErrorType error)
{
	const char *first = body + strspn(body, " \t\r\n");
	const char *reason;

	if (first >= body + length)
		report_content(state, "The answer is empty.");
	if (*first == '<')
		report_content(state, "The answer looks like an HTML page, not JSON.");
	if (is_cut(state->lex, body + length))
		report_content(state, psprintf("The answer ends after %s, before its JSON does.",
									   mls_counted(length, "byte", "bytes")));
	reason = json_errdetail(error, state->lex);
	report_content(state,
				   psprintf("The answer is no valid JSON at byte %lld of %lld: %.*s",
							(long long) (state->lex->token_start - body + 1), (long long) length,
							pg_mbcliplen(reason, strlen(reason), MAX_DETAIL), reason));
}

static void
parse(PageState *state, char *body, Size length)
{
	JsonSemAction actions = {.semstate = state,
							 .object_start = object_start,
							 .object_end = object_end,
							 .array_start = array_start,
							 .object_field_start = field_start,
							 .object_field_end = field_end,
							 .array_element_start = element_start};
	JsonParseErrorType error;

	state->escape = NULL;
	state->lex = mls_json_lexer(body, length, PG_UTF8);
	error = pg_parse_json(state->lex, &actions);
	if (error != JSON_SUCCESS)
		report_syntax(state, body, length, error);
}

/* ---- Without the parser: each returns where it has come to, or NULL if the parser is needed ---- */

/* The name at s, which is most likely that of its twin: then it is compared, not searched. */
static const char *
scan_name(PageState *state, const char *s, MlsSlice *slice, const MlsSlice *twin)
{
	int length = twin ? twin->name_length : 0;
	bool escaped = false;
	const char *end;

	if (twin && !state->escaped_names && length < PG_UINT16_MAX && state->end - s > length + 1 &&
		*s == '"' && s[length + 1] == '"' && memcmp(s + 1, twin->name, length) == 0)
	{
		slice->name = twin->name;
		slice->name_length = length;
		return s + length + 2;
	}
	if (*s != '"' || (end = mls_json_scan_string(s, state->end, &escaped)) == NULL)
		return NULL;
	if (mls_slice_name(slice, s + 1, end - s - 2))
		state->escaped_names = true;
	if (twin == NULL || slice->name_length != length ||
		memcmp(slice->name, twin->name, length) != 0)
		state->same_names = false;
	return end;
}

/* Name and colon of a field whose value is at what is returned. */
static const char *
scan_field_start(PageState *state, const char *s, MlsSlice *slice, const MlsSlice *twin)
{
	s = scan_name(state, s, slice, twin);
	if (s != NULL)
		s = mls_json_scan_colon(s);
	if (s == NULL)
		return NULL;
	slice->value = s;
	slice->kind = mls_json_kind(*s);
	slice->escaped = false;
	return s;
}

static const char *
scan_field(PageState *state, const char *s)
{
	int i = state->nslices - state->first;
	bool has_twin = state->twin && i < state->twin->nslices;
	MlsSlice *slice;

	reserve_slice(state);
	slice = &state->slices[state->nslices];
	s = scan_field_start(state, s, slice, has_twin ? &state->twin->slices[i] : NULL);
	if (s == NULL || (s = mls_json_scan_value(s, state->end, 0, &slice->escaped)) == NULL)
		return NULL;
	slice->value_length = s - slice->value;
	state->nslices++;
	return s;
}

/* What stands between brackets, piece by piece. */
static const char *
scan_list(PageState *state, const char *s, char open, char close,
		  const char *(*scan)(PageState *state, const char *s))
{
	if (*s != open)
		return NULL;
	s = mls_json_skip_space(s + 1);
	if (*s == close)
		return s + 1;
	while ((s = scan(state, s)) != NULL)
	{
		s = mls_json_skip_space(s);
		if (*s == close)
			return s + 1;
		if (*s != ',')
			return NULL;
		s = mls_json_skip_space(s + 1);
	}
	return NULL;
}

static const char *
scan_record(PageState *state, const char *s)
{
	begin_record(state, s);
	s = scan_list(state, s, '{', '}', scan_field);
	if (s != NULL)
		end_record(state, s);
	return s;
}

static const char *
scan_member(PageState *state, const char *s)
{
	MlsSlice *member = &state->member;

	s = scan_field_start(state, s, member, NULL);
	if (s == NULL)
		return NULL;
	state->in_records = is_records_member(state);
	s = state->in_records ? scan_list(state, s, '[', ']', scan_record)
						  : mls_json_scan_value(s, state->end, 0, &member->escaped);
	if (s == NULL)
		return NULL;
	member->value_length = s - member->value;
	keep_member(state);
	return s;
}

/* Reads the page if it is plainly what is expected. */
static bool
scan(PageState *state, const char *s)
{
	s = mls_json_skip_space(s);
	if (state->records_name == NULL)
		s = scan_record(state, s);
	else
		s = scan_list(state, s, '{', '}', scan_member);
	return s != NULL && mls_json_skip_space(s) == state->end;
}

/* Forgets what was read. */
static void
begin_again(PageState *state)
{
	state->page->nrecords = 0;
	state->page->values = NIL;
	state->nslices = state->first = 0;
	state->chunk_size = 0;
	state->in_records = state->records_name == NULL;
	state->escaped_names = false;
}

MlsPage *
mls_page_read(char *body, Size length, const char *records_name, const char *purpose)
{
	MlsPage *page = palloc0(sizeof(MlsPage));
	PageState state = {.page = page,
					   .purpose = purpose,
					   .records_name = records_name,
					   .records_name_length = records_name ? strlen(records_name) : 0,
					   .field_level = records_name ? PAGE_LEVEL + 2 : PAGE_LEVEL,
					   .in_records = records_name == NULL,
					   .max_records = records_name ? 1024 : 1};

	page->bytes = length;
	page->replaced = mls_page_clean(&body, &length);
	page->records = palloc(state.max_records * sizeof(MlsRecord));
	state.end = body + length;
	if (!scan(&state, body))
	{
		begin_again(&state);
		parse(&state, body, length);
	}
	if (records_name == NULL && page->nrecords != 1)
		report_content(&state, "It is no JSON object.");
	return page;
}

const MlsSlice *
mls_page_value(const MlsPage *page, const char *name)
{
	int length = strlen(name);
	ListCell *lc;

	foreach (lc, page->values)
	{
		const MlsSlice *slice = lfirst(lc);

		if (slice->name_length == length && memcmp(slice->name, name, length) == 0)
			return slice;
	}
	return NULL;
}

/* ---- records inside records ---- */

/* The parser may look a little past the end. */
#define PADDING 16

MlsNested *
mls_nested_begin(void)
{
	MlsNested *nested = palloc0(sizeof(MlsNested));

	initStringInfo(&nested->body);
	appendStringInfoString(&nested->body, "{\"value\":[");
	nested->max_records = 64;
	nested->owners = palloc(nested->max_records * sizeof(int));
	return nested;
}

/* Adds one record. */
void
mls_nested_add(MlsNested *nested, const char *json, int length, int owner)
{
	if (nested->nrecords == nested->max_records)
	{
		nested->max_records *= 2;
		nested->owners = repalloc(nested->owners, nested->max_records * sizeof(int));
	}
	if (nested->nrecords > 0)
		appendStringInfoChar(&nested->body, ',');
	appendBinaryStringInfo(&nested->body, json, length);
	nested->owners[nested->nrecords++] = owner;
}

/* Are all elements of an array objects?  How many there are goes to *count. */
static bool
holds_objects(const MlsSlice *array, int *count)
{
	const char *position = NULL;
	MlsSlice element;

	*count = 0;
	while (mls_array_next(array, &position, &element))
	{
		if (element.kind != MLS_OBJECT)
			return false;
		(*count)++;
	}
	return true;
}

/* Adds the elements of an array, whose number goes to *count; false, and none of them, if one is no object. */
bool
mls_nested_add_array(MlsNested *nested, const MlsSlice *array, int owner, int *count)
{
	const char *position = NULL;
	MlsSlice element;

	if (!holds_objects(array, count))
		return false;
	while (mls_array_next(array, &position, &element))
		mls_nested_add(nested, element.value, element.value_length, owner);
	return true;
}

/* Makes records of what was added; nothing can be added any more. */
void
mls_nested_read(MlsNested *nested, const char *purpose)
{
	StringInfo body = &nested->body;
	MlsPage *page;

	appendStringInfoString(body, "]}");
	enlargeStringInfo(body, PADDING);
	memset(body->data + body->len, 0, PADDING);
	page = mls_page_read(body->data, body->len, "value", purpose);
	if (page->nrecords != nested->nrecords)
		elog(ERROR, "%d nested records became %d", nested->nrecords, page->nrecords);
	nested->records = page->records;
}

/* A field with a text, as a record would hold it. */
static MlsSlice
text_field(const char *name, const char *text)
{
	StringInfoData json;
	MlsSlice slice;

	initStringInfo(&json);
	escape_json(&json, text);
	slice = mls_json_slice(json.data, json.len);
	slice.name = name;
	slice.name_length = strlen(name);
	return slice;
}

/* Gives a record a field it lacks or has as null; its bytes stay as they are. */
void
mls_record_supply(MlsRecord *record, const char *field, const char *text)
{
	MlsSlice *slices = palloc((record->nslices + 1) * sizeof(MlsSlice));
	int length = strlen(field);
	int i;

	memcpy(slices, record->slices, record->nslices * sizeof(MlsSlice));
	for (i = 0; i < record->nslices; i++)
		if (slices[i].name_length == length && memcmp(slices[i].name, field, length) == 0)
			break;
	if (i < record->nslices && slices[i].kind != MLS_NULL)
		return;
	slices[i] = text_field(field, text);
	record->slices = slices;
	record->nslices = Max(record->nslices, i + 1);
	record->shape = 0;
}
