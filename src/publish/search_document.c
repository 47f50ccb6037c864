/*
 * search_document.c
 *		Rows as documents of search engines, and documents that are there.
 *
 * What is there is compared by content, and engines write it down in their own way: numbers
 * with other digits, members in another order, without what is null.  So both sides are
 * brought into one form before they are hashed.
 *
 * Engines do not give documents in the order of their keys.  All keys and hashes are written
 * into a temporary file once, from which the next ones are picked, as many as fit a window.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/pairingheap.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "http/http.h"
#include "publish/row_json.h"
#include "publish/search.h"

/* Elasticsearch allows ids so many bytes, and Meilisearch one less. */
#define LONGEST_ID 511

/* Keys and hashes in memory: about ten MB. */
#define WINDOW 50000

#define HASH_DIGITS (2 * MLS_MD5_BYTES)

/* A number is compared by so many digits: engines have doubles. */
#define SURE_DIGITS 15

/* ---- Columns ---- */

static SearchClass
class_of(Oid type, int32 typmod)
{
	switch (type)
	{
		case BOOLOID:
			return SEARCH_BOOLEAN;
		case INT2OID:
		case INT4OID:
			return SEARCH_INTEGER;
		case INT8OID:
			return SEARCH_LONG;
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return SEARCH_NUMBER;
		case DATEOID:
			return SEARCH_DATE;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return SEARCH_TIME;
		case JSONOID:
		case JSONBOID:
		case RECORDOID:
			return SEARCH_OBJECT;
		case TEXTOID:
		case BYTEAOID:
		case XMLOID:
			return SEARCH_TEXT;
		case VARCHAROID:
		case BPCHAROID:
			return typmod >= VARHDRSZ && typmod - VARHDRSZ <= 255 ? SEARCH_WORD : SEARCH_TEXT;
		default:
			return get_typtype(type) == TYPTYPE_COMPOSITE ? SEARCH_OBJECT : SEARCH_WORD;
	}
}

static SearchClass
class_of_column(const MlsPublishColumn *column, bool *is_array)
{
	Oid element = get_element_type(column->type);

	*is_array = OidIsValid(element);
	return class_of(*is_array ? getBaseType(element) : column->type, column->typmod);
}

void
mls_search_describe(const SearchEngine *engine, MlsPublishColumn *column)
{
	bool is_array;
	SearchClass class = class_of_column(column, &is_array);

	if (column->is_key)
		column->type_there = engine->types[SEARCH_WORD][0];
	else if (column->type_there == NULL)
		column->type_there = engine->types[class][is_array];
	column->value =
		engine->value && !column->is_key ? engine->value(column, class, is_array) : NULL;
	if (column->value == NULL)
		column->value = mls_row_json_value(column);
}

const MlsPublishColumn *
mls_search_key_column(const MlsPublication *publication)
{
	return list_nth(publication->columns, publication->key_column);
}

/* ---- Ids ---- */

static bool
is_plain(const SearchEngine *engine, unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		   (c != '\0' && strchr(engine->id_plain, c) != NULL);
}

char *
mls_search_id(const SearchEngine *engine, const char *key)
{
	StringInfoData id;

	if (engine->id_plain == NULL)
		return pstrdup(key);
	initStringInfo(&id);
	for (const char *at = pg_server_to_any(key, strlen(key), PG_UTF8); *at; at++)
		if (is_plain(engine, *at))
			appendStringInfoChar(&id, *at);
		else
			appendStringInfo(&id, "%c%02x", engine->id_escape, (unsigned char) *at);
	return id.data;
}

static int
digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *
mls_search_key(const SearchEngine *engine, const char *id)
{
	StringInfoData key;

	if (engine->id_plain == NULL)
		return pg_any_to_server(pstrdup(id), strlen(id), PG_UTF8);
	initStringInfo(&key);
	for (; *id; id++)
		if (is_plain(engine, *id))
			appendStringInfoChar(&key, *id);
		else if (*id == engine->id_escape && digit(id[1]) >= 0 && digit(id[2]) >= 0)
		{
			appendStringInfoChar(&key, (char) (digit(id[1]) * 16 + digit(id[2])));
			id += 2;
		}
		else
			return NULL;
	if (strlen(key.data) != key.len || !pg_verify_mbstr(PG_UTF8, key.data, key.len, true))
		return NULL;
	return pg_any_to_server(key.data, key.len, PG_UTF8);
}

const char *
mls_search_key_problem(const SearchEngine *engine, const char *key)
{
	if (key[0] == '\0')
		return "its key is empty";
	return strlen(mls_search_id(engine, key)) > LONGEST_ID ? "its key is longer than 511 bytes"
														   : NULL;
}

/* ---- Documents ---- */

char *
mls_search_document(const SearchEngine *engine, const MlsPublication *publication, char **row)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	if (engine->id_field != NULL)
	{
		escape_json(&json, engine->id_field);
		appendStringInfoChar(&json, ':');
		escape_json(&json, mls_search_id(engine, row[publication->key_column]));
	}
	mls_row_json_append(&json, publication, row);
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* ---- One form ---- */

static void
append_text(StringInfo form, char kind, const char *text, int length)
{
	appendStringInfo(form, "%c%d:", kind, length);
	appendBinaryStringInfo(form, text, length);
}

static void
append_scalar(StringInfo form, const JsonbValue *value)
{
	char *digits;

	switch (value->type)
	{
		case jbvString:
			append_text(form, 's', value->val.string.val, value->val.string.len);
			break;
		case jbvBool:
			appendStringInfoChar(form, value->val.boolean ? 't' : 'f');
			break;
		case jbvNumeric:
			digits = DatumGetCString(
				DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
			appendStringInfo(form, "#%.*g", SURE_DIGITS, strtod(digits, NULL) + 0.0);
			break;
		default:
			appendStringInfoChar(form, 'n');
	}
}

/* Members that are null are left out, as engines leave them out. */
static void
append_form(StringInfo form, JsonbContainer *container)
{
	JsonbIterator *iterator = JsonbIteratorInit(container);
	JsonbValue value;
	JsonbValue name = {.type = jbvNull};
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		switch (token)
		{
			case WJB_BEGIN_ARRAY:
			case WJB_BEGIN_OBJECT:
				appendStringInfoChar(form, token == WJB_BEGIN_ARRAY ? '[' : '{');
				break;
			case WJB_END_ARRAY:
			case WJB_END_OBJECT:
				appendStringInfoChar(form, ']');
				break;
			case WJB_KEY:
				name = value;
				break;
			default:
				if (token == WJB_VALUE && value.type == jbvNull)
					break;
				if (token == WJB_VALUE)
					append_text(form, 'k', name.val.string.val, name.val.string.len);
				if (value.type == jbvBinary)
					append_form(form, value.val.binary.data);
				else
					append_scalar(form, &value);
		}
}

static Jsonb *
parse_json(const char *json)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

/* Lists without elements are not there, either: Solr has none. */
static bool
is_nothing(const JsonbValue *value)
{
	return value == NULL || value->type == jbvNull ||
		   (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
			JsonContainerSize(value->val.binary.data) == 0);
}

/* Of the columns of a publication, in their order; other members are not ours. */
static char *
hash_document(const MlsPublication *publication, const char *json)
{
	Jsonb *document = parse_json(json);
	uint8 digest[MLS_MD5_BYTES];
	StringInfoData form;
	ListCell *lc;

	initStringInfo(&form);
	foreach (lc, publication->columns)
	{
		const MlsPublishColumn *column = lfirst(lc);
		JsonbValue *value = getKeyJsonValueFromContainer(&document->root, column->there,
														 strlen(column->there), NULL);

		appendStringInfoChar(&form, '|');
		if (is_nothing(value))
			continue;
		if (value->type == jbvBinary)
			append_form(&form, value->val.binary.data);
		else
			append_scalar(&form, value);
	}
	mls_md5(form.data, form.len, digest);
	return mls_hex(digest, sizeof(digest));
}

char *
mls_search_hash(const MlsPublication *publication, char **row)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	mls_row_json_append(&json, publication, row);
	appendStringInfoChar(&json, '}');
	return hash_document(publication, json.data);
}

/* ---- What is there ---- */

/* A pair in the file: the hash, the length of the key and the key. */
void
mls_search_found(Search *search, const MlsPublication *publication, const char *id,
				 const char *document, int length)
{
	char *key = mls_search_key(search->engine, id);
	char head[HASH_DIGITS + sizeof(int32)];
	int32 key_length;

	CHECK_FOR_INTERRUPTS();
	if (key == NULL)
		return;
	key_length = strlen(key);
	memset(head, ' ', HASH_DIGITS);
	if (document != NULL)
		memcpy(head,
			   hash_document(publication,
							 pg_any_to_server(pnstrdup(document, length), length, PG_UTF8)),
			   HASH_DIGITS);
	memcpy(head + HASH_DIGITS, &key_length, sizeof(key_length));
	mls_http_body_add(search->found, head, sizeof(head));
	mls_http_body_add(search->found, key, key_length);
}

typedef struct Pairs
{
	MlsHttpPieces pieces;
	const char *piece;
	Size left;
} Pairs;

static bool
take_bytes(Pairs *pairs, char *to, Size length)
{
	while (length > 0)
	{
		Size some;

		if (pairs->left == 0 && !mls_http_piece(&pairs->pieces, &pairs->piece, &pairs->left))
			return false;
		some = Min(length, pairs->left);
		memcpy(to, pairs->piece, some);
		to += some;
		length -= some;
		pairs->piece += some;
		pairs->left -= some;
	}
	return true;
}

/* One that stands in the heap, the last key on top. */
typedef struct Candidate
{
	pairingheap_node node;
	MlsTargetHash pair;
} Candidate;

static int
compare_candidates(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	return strcmp(pairingheap_const_container(Candidate, node, a)->pair.key,
				  pairingheap_const_container(Candidate, node, b)->pair.key);
}

/* The first ones behind a key, in the context of windows. */
static void
fill_window(Search *search, const char *after)
{
	Pairs pairs = {.pieces = {.response = search->found}};
	pairingheap *heap;
	char head[HASH_DIGITS + sizeof(int32)];
	int n = 0;

	MemoryContextReset(search->windows);
	MemoryContextSwitchTo(search->windows);
	heap = pairingheap_allocate(compare_candidates, NULL);
	search->window = NIL;
	search->is_last = true;
	while (take_bytes(&pairs, head, sizeof(head)))
	{
		Candidate *candidate;
		int32 length;
		char *key;

		CHECK_FOR_INTERRUPTS();
		memcpy(&length, head + HASH_DIGITS, sizeof(length));
		key = palloc(length + 1);
		key[length] = '\0';
		if (!take_bytes(&pairs, key, length))
			break;
		if (strcmp(key, after) <= 0)
		{
			pfree(key);
			continue;
		}
		candidate = palloc(sizeof(Candidate));
		candidate->pair.key = key;
		candidate->pair.hash = search->hashed ? pnstrdup(head, HASH_DIGITS) : NULL;
		pairingheap_add(heap, &candidate->node);
		if (++n <= WINDOW)
			continue;
		candidate = pairingheap_container(Candidate, node, pairingheap_remove_first(heap));
		pfree(unconstify(char *, candidate->pair.key));
		if (candidate->pair.hash != NULL)
			pfree(unconstify(char *, candidate->pair.hash));
		pfree(candidate);
		search->is_last = false;
	}
	while (!pairingheap_is_empty(heap))
		search->window =
			lappend(search->window,
					&pairingheap_container(Candidate, node, pairingheap_remove_first(heap))->pair);
}

/* What is there, all of it, anew. */
static void
take_snapshot(Search *search, const MlsPublication *publication, const char *index, bool hashed)
{
	MemoryContext work;

	MemoryContextReset(search->snapshot);
	MemoryContextSwitchTo(search->snapshot);
	search->hashed = hashed;
	search->found = mls_http_body_begin();
	search->window = NIL;
	search->windows =
		AllocSetContextCreate(search->snapshot, "mls_fdw window", ALLOCSET_DEFAULT_SIZES);
	work = AllocSetContextCreate(search->snapshot, "mls_fdw documents", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(work);
	search->engine->read(search, publication, index, hashed);
	MemoryContextDelete(work);
}

/* Of the window, which is in falling order. */
static List *
rows_of_window(const Search *search, const char *after, int most)
{
	List *rows = NIL;

	for (int i = list_length(search->window) - 1; i >= 0 && list_length(rows) < most; i--)
	{
		MlsTargetHash *pair = list_nth(search->window, i);

		if (strcmp(pair->key, after) > 0)
			rows = lappend(rows, pair);
	}
	return rows;
}

List *
mls_search_rows(Search *search, const MlsPublication *publication, const char *index,
				const char *after, int most, bool hashed)
{
	MemoryContext before = CurrentMemoryContext;
	List *rows;

	if (*after == '\0')
	{
		take_snapshot(search, publication, index, hashed);
		fill_window(search, after);
		MemoryContextSwitchTo(before);
	}
	rows = rows_of_window(search, after, most);
	if (list_length(rows) < most && !search->is_last)
	{
		fill_window(search, after);
		MemoryContextSwitchTo(before);
		rows = rows_of_window(search, after, most);
	}
	return rows;
}
