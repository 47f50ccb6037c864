/*
 * search_typesense.c
 *		Typesense: imports of lines, aliases, exports.
 *
 * An import is answered with status 200 and a line for each document that says what became of
 * it.  Ids are asked for in addresses and filters, so what would have to be escaped there is
 * written in digits.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "http/http.h"
#include "publish/search.h"

#define JSON "application/json"

/* Of a filter that names ids: it is a part of the address. */
#define MOST_FILTER 3000

static const char *
name_problem(const char *name)
{
	return NULL;
}

static char *
about(Search *search)
{
	HttpAsk ask = {.method = "GET", .path = "debug", .what = "connect"};
	char *version = mls_json_text(
		mls_target_http_object(&search->http, &ask, mls_target_http_get(&search->http, &ask)),
		"version");

	return psprintf("It answers as Typesense %s.",
					version ? version : "of a version that it does not tell");
}

/* Times as numbers, on which Typesense can filter by ranges, where the publication has asked for these. */
static char *
value(const MlsPublishColumn *column, SearchClass class, bool is_array)
{
	const char *name = quote_identifier(column->name);

	if (is_array || (class != SEARCH_TIME && class != SEARCH_DATE) ||
		(strcmp(column->type_there, "int64") != 0 && strcmp(column->type_there, "float") != 0))
		return NULL;
	if (strcmp(column->type_there, "float") == 0)
		return psprintf("pg_catalog.date_part('epoch', v.%s)::pg_catalog.text", name);
	return psprintf("pg_catalog.floor(pg_catalog.date_part('epoch', v.%s))::pg_catalog.int8::"
					"pg_catalog.text",
					name);
}

/* ---- Collections ---- */

/* Words for strings: counted by values; of any length, by which nobody sorts. */
#define FACET "facet"
#define TEXT "text"

/* The engine's own type: "facet[]" is "string[]". */
static char *
own_type(const char *type)
{
	static const char *const words[] = {FACET, TEXT};

	for (int i = 0; i < lengthof(words); i++)
		if (strncmp(type, words[i], strlen(words[i])) == 0)
			return psprintf("string%s", type + strlen(words[i]));
	return pstrdup(type);
}

/*
 * What is "stored" only has no field: objects, of which one whose members differ from others'
 * would be refused.
 */
static void
append_field(StringInfo json, const MlsPublishColumn *column)
{
	if (strcmp(column->type_there, "stored") == 0)
		return;
	appendStringInfoString(json, json->data[json->len - 1] == '}' ? "," : "");
	appendStringInfoString(json, "{\"name\":");
	escape_json(json, column->there);
	appendStringInfoString(json, ",\"type\":");
	escape_json(json, own_type(column->type_there));
	appendStringInfo(json, ",\"optional\":%s", column->is_key ? "false" : "true");
	if (strncmp(column->type_there, FACET, strlen(FACET)) == 0)
		appendStringInfoString(json, ",\"facet\":true");
	if (strcmp(column->type_there, "string") == 0)
		appendStringInfoString(json, ",\"sort\":true");
	appendStringInfoChar(json, '}');
}

static char *
schema_of(const MlsPublication *publication, const char *index)
{
	StringInfoData json;
	ListCell *lc;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"name\":");
	escape_json(&json, index);
	appendStringInfoString(&json, ",\"enable_nested_fields\":true,\"fields\":[");
	if (publication == NULL)
		appendStringInfoString(&json, "{\"name\":\"state\",\"type\":\"string\",\"index\":false,"
									  "\"optional\":true}");
	foreach (lc, publication ? publication->columns : NIL)
		append_field(&json, lfirst(lc));
	appendStringInfoString(&json, "]}");
	return json.data;
}

static void
make(Search *search, const MlsPublication *publication, const char *index)
{
	HttpAsk ask = {.method = "POST",
				   .path = "collections",
				   .type = JSON,
				   .body = schema_of(publication, index),
				   .what = "make a collection"};
	MlsHttpResponse *response = mls_target_http_ask(&search->http, &ask);

	/* Another publication's run may have made that of positions. */
	if (!mls_target_http_is_good(response) && (publication != NULL || response->status != 409))
		mls_target_http_refuse(&search->http, &ask, response);
}

static bool
exists(Search *search, const char *index)
{
	return mls_target_http_find(&search->http, psprintf("collections/%s", index),
								"look for a collection") != NULL;
}

static void
remove_at(Search *search, const char *path, const char *what)
{
	HttpAsk ask = {.method = "DELETE", .path = path, .what = what};

	(void) mls_target_http_try(&search->http, &ask);
}

static void
drop(Search *search, const char *index)
{
	remove_at(search, psprintf("collections/%s", index), "drop a collection");
}

static List *
list_indexes(Search *search, const char *prefix)
{
	HttpAsk ask = {.method = "GET",
				   .path = "collections",
				   .params = mls_target_http_param("exclude_fields", "fields", NIL),
				   .what = "list collections"};
	const MlsPage *page =
		mls_target_http_array(&search->http, &ask, mls_target_http_get(&search->http, &ask), NULL);
	List *names = NIL;

	for (int i = 0; i < page->nrecords; i++)
	{
		char *name = mls_json_text(&page->records[i], "name");

		if (name != NULL && strncmp(name, prefix, strlen(prefix)) == 0)
			names = lappend(names, name);
	}
	return names;
}

static char *
served(Search *search, const char *name)
{
	const MlsRecord *alias =
		mls_target_http_find(&search->http, psprintf("aliases/%s", name), "look for an alias");

	if (alias != NULL)
		return mls_json_text(alias, "collection_name");
	return exists(search, name) ? pstrdup(name) : NULL;
}

static void
unserve(Search *search, const char *name)
{
	remove_at(search, psprintf("aliases/%s", name), "remove an alias");
}

/* A name cannot be both a collection and an alias. */
static void
serve(Search *search, const char *name, const char *before, const char *index)
{
	HttpAsk ask = {.method = "PUT",
				   .path = psprintf("aliases/%s", name),
				   .type = JSON,
				   .what = "turn an alias"};
	StringInfoData json;

	if (before != NULL && strcmp(before, name) == 0)
		drop(search, name);
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"collection_name\":");
	escape_json(&json, index);
	appendStringInfoChar(&json, '}');
	ask.body = json.data;
	(void) mls_target_http_get(&search->http, &ask);
}

/* ---- Documents ---- */

static char *
get(Search *search, const char *index, const char *id)
{
	return mls_json_text(mls_target_http_find(&search->http,
											  psprintf("collections/%s/documents/%s", index, id),
											  "read the position"),
						 search->engine->state_field);
}

static void
put(Search *search, const char *index, const char *id, const char *document)
{
	HttpAsk ask = {.method = "POST",
				   .path = psprintf("collections/%s/documents", index),
				   .params = mls_target_http_param("action", "upsert", NIL),
				   .type = JSON,
				   .body = document,
				   .what = "write the position",
				   .is_write = true};

	(void) mls_target_http_get(&search->http, &ask);
}

/* {"success": false, "error": "Field `ListPrice` must be a float.", "code": 400} */
static void
judge(Search *search, const HttpAsk *ask, const char *line, int length, SearchOp *op)
{
	const MlsRecord *result = mls_target_http_parse(&search->http, ask, line, length);
	const MlsSlice *success = mls_json_part(result, "success", MLS_BOOLEAN);
	int64 code = mls_json_number(result, "code", 500);
	const MlsSlice *error = mls_json_part(result, "error", MLS_STRING);

	op->outcome = SEARCH_TAKEN;
	if (success != NULL && *success->value == 't')
		return;
	op->outcome = code == 400 || code == 413 ? SEARCH_REFUSED : SEARCH_AGAIN;
	op->reason = mls_target_http_words(&search->http, error ? mls_slice_text(error) : line,
									   error ? strlen(mls_slice_text(error)) : length);
}

static bool
send_documents(Search *search, const char *index, SearchOps *ops)
{
	HttpAsk ask = {.method = "POST",
				   .path = psprintf("collections/%s/documents/import", index),
				   .params = mls_target_http_param("action", "upsert", NIL),
				   .type = "text/plain",
				   .what = "write",
				   .is_write = true};
	MlsHttpResponse *response;
	StringInfoData lines;
	const char *at;
	int n = 0;

	initStringInfo(&lines);
	for (int i = 0; i < ops->n; i++)
		appendStringInfo(&lines, "%s\n", ops->ops[i]->document);
	ask.body = lines.data;
	response = mls_target_http_ask(&search->http, &ask);
	if (response->status == 413)
	{
		ops->reason = SEARCH_TOO_LONG;
		return false;
	}
	if (!mls_target_http_is_good(response))
		mls_target_http_refuse(&search->http, &ask, response);
	for (at = response->body; *at && n < ops->n;)
	{
		int length = strcspn(at, "\n");

		if (length > 0)
			judge(search, &ask, at, length, ops->ops[n++]);
		at += length + (at[length] == '\n');
	}
	/* Fewer lines than documents: nobody knows whose are missing. */
	if (n != ops->n)
		mls_target_http_refuse(&search->http, &ask, response);
	return true;
}

static void
delete_documents(Search *search, const char *index, const char *filter)
{
	HttpAsk ask = {.method = "DELETE",
				   .path = psprintf("collections/%s/documents", index),
				   .params = mls_target_http_param("filter_by", filter, NIL),
				   .what = "delete",
				   .is_write = true};

	(void) mls_target_http_get(&search->http, &ask);
}

static bool
send_ops(Search *search, const char *index, SearchOps *ops)
{
	StringInfoData filter;

	if (ops->ops[0]->document != NULL)
		return send_documents(search, index, ops);
	initStringInfo(&filter);
	for (int i = 0; i < ops->n; i++)
	{
		appendStringInfo(&filter, "%s%s", filter.len ? "," : "id:[", ops->ops[i]->id);
		ops->ops[i]->outcome = SEARCH_TAKEN;
		if (filter.len < MOST_FILTER && i < ops->n - 1)
			continue;
		appendStringInfoChar(&filter, ']');
		delete_documents(search, index, filter.data);
		resetStringInfo(&filter);
	}
	return true;
}

/* ---- What is there ---- */

static void
take_line(Search *search, const MlsPublication *publication, const HttpAsk *ask,
		  const StringInfo line, bool hashed)
{
	char *id;

	if (line->len == 0)
		return;
	id = mls_json_text(mls_target_http_parse(&search->http, ask, line->data, line->len), "id");
	if (id != NULL)
		mls_search_found(search, publication, id, hashed ? line->data : NULL, line->len);
}

/* The whole collection, a line a document; a long one is in a temporary file. */
static void
read_all(Search *search, const MlsPublication *publication, const char *index, bool hashed)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(caller, "mls_fdw line", ALLOCSET_DEFAULT_SIZES);
	HttpAsk ask = {.method = "GET",
				   .path = psprintf("collections/%s/documents/export", index),
				   .params = hashed ? NIL : mls_target_http_param("include_fields", "id", NIL),
				   .what = "read documents",
				   .spool = true};
	MlsHttpPieces pieces = {.response = mls_target_http_get(&search->http, &ask)};
	StringInfoData line;
	const char *bytes;
	Size length;

	initStringInfo(&line);
	MemoryContextSwitchTo(work);
	while (mls_http_piece(&pieces, &bytes, &length))
	{
		while (length > 0)
		{
			const char *end = memchr(bytes, '\n', length);
			Size some = end ? end - bytes : length;

			appendBinaryStringInfo(&line, bytes, some);
			bytes += some + (end != NULL);
			length -= some + (end != NULL);
			if (end == NULL)
				break;
			take_line(search, publication, &ask, &line, hashed);
			resetStringInfo(&line);
			MemoryContextReset(work);
		}
	}
	take_line(search, publication, &ask, &line, hashed);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

/* ---- The engine ---- */

static const SearchEngine engine = {
	.key = {.header = "X-TYPESENSE-API-KEY"},
	.id_field = "id",
	.id_plain = "-_.",
	.id_escape = '~',
	.state_field = "state",
	.most_bytes = 8 * 1024 * 1024,
	.types = {[SEARCH_BOOLEAN] = {"bool", "bool[]"},
			  [SEARCH_INTEGER] = {"int32", "int32[]"},
			  [SEARCH_LONG] = {"int64", "int64[]"},
			  [SEARCH_NUMBER] = {"float", "float[]"},
			  [SEARCH_DATE] = {"string", "string[]"},
			  [SEARCH_TIME] = {"string", "string[]"},
			  [SEARCH_WORD] = {"string", "string[]"},
			  [SEARCH_TEXT] = {TEXT, TEXT "[]"},
			  [SEARCH_OBJECT] = {"stored", "stored"}},
	.name_problem = name_problem,
	.value = value,
	.about = about,
	.make = make,
	.exists = exists,
	.drop = drop,
	.list = list_indexes,
	.served = served,
	.serve = serve,
	.unserve = unserve,
	.get = get,
	.put = put,
	.send = send_ops,
	.read = read_all,
};

SEARCH_TARGET(typesense, engine);
