/*
 * search_solr.c
 *		Solr: updates in JSON, collections and aliases, or cores of one server.
 *
 * One document that Solr does not take has all of its request fail, though those before it are
 * there then: who it is is found by halving.  What was taken is made safe by a commit that opens
 * no searcher; it is seen a second later.
 *
 * A Solr that is no cloud has no aliases: a core has the name itself then, and is loaded in place.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "http/http.h"
#include "publish/search.h"

#define JSON "application/json"

/* Documents of a page of all. */
#define PAGE 1000

/* What is written is seen after so long. */
#define SEEN_MS "1000"

/* The set of configuration that every Solr brings. */
#define CONFIGURATION "_default"

static const char *
name_problem(const char *name)
{
	if (name[0] == '-')
		return "It begins with \"-\".";
	for (const char *at = name; *at; at++)
		if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			  (*at >= '0' && *at <= '9') || strchr("-_.", *at) != NULL))
			return "It has something else than letters of ASCII, digits, \"-\", \"_\" and \".\".";
	return NULL;
}

static const char *
field_problem(const char *name)
{
	if (name[0] >= '0' && name[0] <= '9')
		return "It begins with a digit.";
	for (const char *at = name; *at; at++)
		if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			  (*at >= '0' && *at <= '9') || *at == '_'))
			return "It has something else than letters of ASCII, digits and \"_\".";
	return NULL;
}

/* Solr knows times to the millisecond, dates as times, and no objects. */
static char *
value(const MlsPublishColumn *column, SearchClass class, bool is_array)
{
	const char *name = quote_identifier(column->name);

	if (class == SEARCH_OBJECT)
		return is_array ? psprintf("(SELECT pg_catalog.jsonb_agg(o::pg_catalog.text) FROM "
								   "pg_catalog.unnest(v.%s) o)::pg_catalog.text",
								   name)
						: psprintf("pg_catalog.to_jsonb(pg_catalog.to_jsonb(v.%s)::"
								   "pg_catalog.text)::pg_catalog.text",
								   name);
	if (class == SEARCH_TIME || class == SEARCH_DATE)
	{
		const char *form = "pg_catalog.replace(pg_catalog.to_char(%s, "
						   "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), '.000Z', 'Z')";

		if (strcmp(column->type_there, is_array ? "pdates" : "pdate") != 0)
			return NULL;
		if (is_array)
			return psprintf("(SELECT pg_catalog.jsonb_agg(%s) FROM pg_catalog.unnest(v.%s) o)::"
							"pg_catalog.text",
							psprintf(form, "o"), name);
		return psprintf("pg_catalog.to_jsonb(%s)::pg_catalog.text",
						psprintf(form, psprintf("v.%s", name)));
	}
	return NULL;
}

/* What an answer says may be anything, nothing included. */
static bool
is_same(const char *said, const char *text)
{
	return said != NULL && strcmp(said, text) == 0;
}

/* ---- Asking ---- */

static MlsHttpResponse *
admin(Search *search, const char *where, List *params, const char *what)
{
	HttpAsk ask = {.method = "GET",
				   .path = psprintf("admin/%s", where),
				   .params = mls_target_http_param("wt", "json", params),
				   .what = what};

	return mls_target_http_get(&search->http, &ask);
}

static const MlsRecord *
object(Search *search, const char *what, const MlsHttpResponse *response)
{
	HttpAsk ask = {.what = what};

	return mls_target_http_object(&search->http, &ask, response);
}

/* A member of a member. */
static const MlsRecord *
part(Search *search, const MlsRecord *of, const char *name)
{
	const MlsSlice *slice = mls_json_part(of, name, MLS_OBJECT);
	HttpAsk ask = {.what = "read an answer"};

	return slice ? mls_target_http_parse(&search->http, &ask, slice->value, slice->value_length)
				 : NULL;
}

static const MlsRecord *
system_of(Search *search)
{
	return object(search, "connect", admin(search, "info/system", NIL, "connect"));
}

static char *
about(Search *search)
{
	const MlsRecord *system = system_of(search);
	char *version = mls_json_text(part(search, system, "lucene"), "solr-spec-version");
	char *mode = mls_json_text(system, "mode");

	return psprintf("It answers as Solr %s, %s.",
					version ? version : "of a version that it does not tell",
					is_same(mode, "solrcloud") ? "a cloud" : "no cloud");
}

static void
begin(Search *search, const char *name)
{
	char *mode = mls_json_text(system_of(search), "mode");

	search->in_place = !is_same(mode, "solrcloud");
}

/* ---- Collections and cores ---- */

static const char *
admin_of(const Search *search)
{
	return search->in_place ? "cores" : "collections";
}

static bool
exists(Search *search, const char *index)
{
	static const char *const what = "look for a collection";
	const MlsSlice *slice;
	const char *position = NULL;
	MlsSlice element;

	if (search->in_place)
	{
		const MlsRecord *status =
			object(search, what,
				   admin(search, "cores",
						 mls_target_http_param("action", "STATUS",
											   mls_target_http_param("core", index, NIL)),
						 what));
		const MlsRecord *core = part(search, part(search, status, "status"), index);

		return core != NULL && core->nslices > 0;
	}
	slice = mls_json_part(
		object(search, what,
			   admin(search, "collections", mls_target_http_param("action", "LIST", NIL), what)),
		"collections", MLS_ARRAY);
	while (slice != NULL && mls_array_next(slice, &position, &element))
		if (is_same(mls_slice_text(&element), index))
			return true;
	return false;
}

static const char *
set_of_fields(Search *search, const MlsPublication *publication, const char *index)
{
	HttpAsk ask = {.method = "GET",
				   .path = psprintf("%s/schema/fields", index),
				   .params = mls_target_http_param("wt", "json", NIL),
				   .what = "read the schema"};
	const MlsPage *page = mls_target_http_array(&search->http, &ask,
												mls_target_http_get(&search->http, &ask), "fields");
	StringInfoData json;
	ListCell *lc;

	initStringInfo(&json);
	foreach (lc, publication->columns)
	{
		const MlsPublishColumn *column = lfirst(lc);
		const char *there = NULL;
		const char *many = strstr(column->type_there, "[]");
		bool is_many = many != NULL;
		char *type = is_many ? pnstrdup(column->type_there, many - column->type_there)
							 : pstrdup(column->type_there);

		for (int i = 0; i < page->nrecords && there == NULL; i++)
			if (is_same(mls_json_text(&page->records[i], "name"), column->there))
				there = mls_json_text(&page->records[i], "type");
		if (there != NULL && strcmp(there, type) == 0)
			continue;
		appendStringInfo(&json, "%s\"%s\":{\"name\":", json.len ? "," : "{",
						 there ? "replace-field" : "add-field");
		escape_json(&json, column->there);
		appendStringInfoString(&json, ",\"type\":");
		escape_json(&json, type);
		appendStringInfoString(&json, ",\"stored\":true,\"indexed\":true");
		/* Of the usual configuration it would have many values. */
		if (strcmp(type, "text_general") == 0)
			appendStringInfo(&json, ",\"multiValued\":%s", is_many ? "true" : "false");
		appendStringInfoChar(&json, '}');
	}
	if (json.len == 0)
		return NULL;
	appendStringInfoChar(&json, '}');
	return json.data;
}

static void
make(Search *search, const MlsPublication *publication, const char *index)
{
	HttpAsk ask = {.method = "POST",
				   .path = psprintf("%s/schema", index),
				   .type = JSON,
				   .what = "make fields"};

	if (!exists(search, index))
		(void) admin(
			search, admin_of(search),
			mls_target_http_param(
				"action", "CREATE",
				mls_target_http_param(
					"name", index,
					search->in_place
						? mls_target_http_param("configSet", CONFIGURATION, NIL)
						: mls_target_http_param(
							  "numShards", "1",
							  mls_target_http_param("collection.configName", CONFIGURATION, NIL)))),
			"make a collection");
	if (publication == NULL)
		return;
	ask.body = set_of_fields(search, publication, index);
	if (ask.body != NULL)
		(void) mls_target_http_get(&search->http, &ask);
}

static void
drop(Search *search, const char *index)
{
	static const char *const what = "drop a collection";

	if (search->in_place)
		(void) admin(
			search, "cores",
			mls_target_http_param(
				"action", "UNLOAD",
				mls_target_http_param("core", index,
									  mls_target_http_param("deleteInstanceDir", "true", NIL))),
			what);
	else
		(void) admin(
			search, "collections",
			mls_target_http_param("action", "DELETE", mls_target_http_param("name", index, NIL)),
			what);
}

static List *
list_indexes(Search *search, const char *prefix)
{
	static const char *const what = "list collections";
	const MlsSlice *slice = mls_json_part(
		object(search, what,
			   admin(search, "collections", mls_target_http_param("action", "LIST", NIL), what)),
		"collections", MLS_ARRAY);
	const char *position = NULL;
	List *names = NIL;
	MlsSlice element;

	while (slice != NULL && mls_array_next(slice, &position, &element))
	{
		char *name = mls_slice_text(&element);

		if (name != NULL && strncmp(name, prefix, strlen(prefix)) == 0)
			names = lappend(names, name);
	}
	return names;
}

static char *
served(Search *search, const char *name)
{
	static const char *const what = "look for an alias";
	const MlsRecord *answer = object(
		search, what,
		admin(search, "collections", mls_target_http_param("action", "LISTALIASES", NIL), what));
	char *index = mls_json_text(part(search, answer, "aliases"), name);

	if (index != NULL)
		return index;
	return exists(search, name) ? pstrdup(name) : NULL;
}

static void
unserve(Search *search, const char *name)
{
	(void) admin(
		search, "collections",
		mls_target_http_param("action", "DELETEALIAS", mls_target_http_param("name", name, NIL)),
		"remove an alias");
}

/* An alias may hide a collection of its name, but then nobody could delete that. */
static void
serve(Search *search, const char *name, const char *before, const char *index)
{
	if (before != NULL && strcmp(before, name) == 0)
		drop(search, name);
	(void) admin(
		search, "collections",
		mls_target_http_param(
			"action", "CREATEALIAS",
			mls_target_http_param("name", name, mls_target_http_param("collections", index, NIL))),
		"turn an alias");
}

/* ---- Documents ---- */

static char *
get(Search *search, const char *index, const char *id)
{
	HttpAsk ask = {.method = "GET",
				   .path = psprintf("%s/get", index),
				   .params =
					   mls_target_http_param("id", id, mls_target_http_param("wt", "json", NIL)),
				   .what = "read the position"};
	MlsHttpResponse *response = mls_target_http_try(&search->http, &ask);

	if (response == NULL)
		return NULL;
	return mls_json_text(part(search, object(search, ask.what, response), "doc"),
						 search->engine->state_field);
}

static HttpAsk
update(const char *index, const char *body, const char *what)
{
	HttpAsk ask = {
		.method = "POST",
		.path = psprintf("%s/update", index),
		.params = mls_target_http_param(
			"commit", "true",
			mls_target_http_param("openSearcher", "false",
								  mls_target_http_param("commitWithin", SEEN_MS,
														mls_target_http_param("wt", "json", NIL)))),
		.type = JSON,
		.body = body,
		.what = what,
		.is_write = true};

	return ask;
}

static void
put(Search *search, const char *index, const char *id, const char *document)
{
	HttpAsk ask = update(index, psprintf("[%s]", document), "write the position");

	(void) mls_target_http_get(&search->http, &ask);
}

/* An array of documents; or {"delete": [...]} of ids. */
static char *
body_of(const SearchOps *ops)
{
	bool documents = ops->ops[0]->document != NULL;
	StringInfoData body;

	initStringInfo(&body);
	appendStringInfoString(&body, documents ? "[" : "{\"delete\":[");
	for (int i = 0; i < ops->n; i++)
	{
		appendStringInfoString(&body, i > 0 ? "," : "");
		if (documents)
			appendStringInfoString(&body, ops->ops[i]->document);
		else
			escape_json(&body, ops->ops[i]->id);
	}
	appendStringInfoString(&body, documents ? "]" : "]}");
	return body.data;
}

static bool
send_ops(Search *search, const char *index, SearchOps *ops)
{
	HttpAsk ask = update(index, body_of(ops), ops->ops[0]->document ? "write" : "delete");
	MlsHttpResponse *response = mls_target_http_ask(&search->http, &ask);

	if (response->status == 400 || response->status == 413)
	{
		ops->reason = mls_target_http_words(&search->http, response->body, response->length);
		return false;
	}
	if (!mls_target_http_is_good(response))
		mls_target_http_refuse(&search->http, &ask, response);
	for (int i = 0; i < ops->n; i++)
		ops->ops[i]->outcome = SEARCH_TAKEN;
	return true;
}

/* ---- What is there ---- */

static void
commit(Search *search, const char *index)
{
	HttpAsk ask = {
		.method = "POST",
		.path = psprintf("%s/update", index),
		.params = mls_target_http_param("commit", "true", mls_target_http_param("wt", "json", NIL)),
		.type = JSON,
		.body = "[]",
		.what = "commit"};

	(void) mls_target_http_get(&search->http, &ask);
}

/* The mark of the next page. */
static char *
read_page(Search *search, const MlsPublication *publication, const char *index, bool hashed,
		  const char *mark)
{
	List *params = mls_target_http_param(
		"q", "*:*",
		mls_target_http_param(
			"sort", "id asc",
			mls_target_http_param(
				"rows", psprintf("%d", PAGE),
				mls_target_http_param(
					"fl", hashed ? "*" : "id",
					mls_target_http_param("cursorMark", mark,
										  mls_target_http_param("wt", "json", NIL))))));
	HttpAsk ask = {.method = "GET",
				   .path = psprintf("%s/select", index),
				   .params = params,
				   .what = "read documents"};
	const MlsRecord *answer = object(search, ask.what, mls_target_http_get(&search->http, &ask));
	const MlsSlice *documents = mls_json_part(part(search, answer, "response"), "docs", MLS_ARRAY);
	const char *position = NULL;
	MlsSlice element;

	while (documents != NULL && mls_array_next(documents, &position, &element))
	{
		char *id = mls_json_text(
			mls_target_http_parse(&search->http, &ask, element.value, element.value_length), "id");

		if (id != NULL)
			mls_search_found(search, publication, id, hashed ? element.value : NULL,
							 element.value_length);
	}
	return mls_json_text(answer, "nextCursorMark");
}

static void
read_all(Search *search, const MlsPublication *publication, const char *index, bool hashed)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext page = AllocSetContextCreate(caller, "mls_fdw page", ALLOCSET_DEFAULT_SIZES);
	char *mark = pstrdup("*");
	char *next;

	commit(search, index);
	for (;;)
	{
		MemoryContextSwitchTo(page);
		next = read_page(search, publication, index, hashed, mark);
		MemoryContextSwitchTo(caller);
		if (next == NULL || strcmp(next, mark) == 0)
			break;
		mark = pstrdup(next);
		MemoryContextReset(page);
	}
	MemoryContextDelete(page);
}

/* ---- The engine ---- */

static const SearchEngine engine = {
	.key = {.header = "Authorization", .format = "Bearer"},
	.id_field = "id",
	.state_field = "state_s",
	.most_bytes = 8 * 1024 * 1024,
	.types = {[SEARCH_BOOLEAN] = {"boolean", "booleans"},
			  [SEARCH_INTEGER] = {"pint", "pints"},
			  [SEARCH_LONG] = {"plong", "plongs"},
			  [SEARCH_NUMBER] = {"pdouble", "pdoubles"},
			  [SEARCH_DATE] = {"pdate", "pdates"},
			  [SEARCH_TIME] = {"pdate", "pdates"},
			  [SEARCH_WORD] = {"string", "strings"},
			  [SEARCH_TEXT] = {"text_general", "strings"},
			  [SEARCH_OBJECT] = {"string", "strings"}},
	.name_problem = name_problem,
	.field_problem = field_problem,
	.value = value,
	.begin = begin,
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

SEARCH_TARGET(solr, engine);
