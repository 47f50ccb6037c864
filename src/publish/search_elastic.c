/*
 * search_elastic.c
 *		Elasticsearch and OpenSearch: _bulk, aliases, external versions.
 *
 * Each document has the number of the last event there was when its row was read as its version,
 * and an older one does not replace it (409): a request that was on its way when a run died, and
 * arrives late, does no harm.  Between two such numbers there is room for those who change a
 * document there by hand, whereby the engine counts on.  Deletions are remembered for an hour.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "http/http.h"
#include "publish/search.h"

#define VERSIONS_BETWEEN 1024

/* Stands in the mapping of an index of ours, and not in one that documents have made. */
#define MARK "mls_fdw"

/* Documents of a page of all; and how long the engine keeps its place. */
#define PAGE 1000
#define PLACE_KEPT "5m"

#define JSON "application/json"
#define LINES "application/x-ndjson"

static char *
path_of(const char *index, const char *rest)
{
	return psprintf("%s%s", index, rest);
}

static const char *
name_problem(const char *name)
{
	if (strchr("-_+", name[0]) != NULL)
		return "It begins with \"-\", \"_\" or \"+\".";
	for (const char *at = name; *at; at++)
		if ((*at >= 'A' && *at <= 'Z') || strchr(" *?<>|,#:", *at) != NULL)
			return "It has a capital letter, a blank or one of * ? < > | , # and :.";
	return NULL;
}

static char *
about(Search *search)
{
	HttpAsk ask = {.method = "GET", .path = "", .what = "connect"};
	const MlsRecord *answer =
		mls_target_http_object(&search->http, &ask, mls_target_http_get(&search->http, &ask));
	const MlsSlice *slice = mls_json_part(answer, "version", MLS_OBJECT);
	const MlsRecord *version =
		slice ? mls_target_http_parse(&search->http, &ask, slice->value, slice->value_length)
			  : NULL;
	const char *product = mls_json_text(version, "distribution");
	const char *number = mls_json_text(version, "number");

	return psprintf("It answers as %s %s.", product ? product : "elasticsearch",
					number ? number : "of a version that it does not tell");
}

/* ---- Indexes ---- */

/* {"type": "date"}; texts can be searched by words, sorted and counted by their beginning. */
static void
append_property(StringInfo json, const MlsPublishColumn *column)
{
	escape_json(json, column->there);
	appendStringInfoString(json, ":{\"type\":");
	escape_json(json, column->type_there);
	if (strcmp(column->type_there, "text") == 0)
		appendStringInfoString(
			json, ",\"fields\":{\"keyword\":{\"type\":\"keyword\",\"ignore_above\":256}}");
	else if (strcmp(column->type_there, "object") == 0 || strcmp(column->type_there, "nested") == 0)
		appendStringInfoString(json, ",\"dynamic\":true");
	appendStringInfoChar(json, '}');
}

static char *
settings_of(const MlsPublication *publication)
{
	StringInfoData json;
	ListCell *lc;

	if (publication == NULL)
		return "{\"mappings\":{\"dynamic\":false}}";
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"settings\":{\"index\":{\"gc_deletes\":\"1h\"}},\"mappings\":{"
								  "\"_meta\":{\"" MARK "\":true},\"dynamic\":false,"
								  "\"properties\":{");
	foreach (lc, publication->columns)
	{
		appendStringInfoString(&json, foreach_current_index(lc) > 0 ? "," : "");
		append_property(&json, lfirst(lc));
	}
	appendStringInfoString(&json, "}}}");
	return json.data;
}

static void
make(Search *search, const MlsPublication *publication, const char *index)
{
	HttpAsk ask = {.method = "PUT",
				   .path = index,
				   .type = JSON,
				   .body = settings_of(publication),
				   .what = "make an index"};
	MlsHttpResponse *response = mls_target_http_ask(&search->http, &ask);

	/* Another publication's run may have made that of positions. */
	if (!mls_target_http_is_good(response) &&
		(publication != NULL || strstr(response->body, "resource_already_exists") == NULL))
		mls_target_http_refuse(&search->http, &ask, response);
}

static bool
exists(Search *search, const char *index)
{
	HttpAsk ask = {.method = "HEAD", .path = index, .what = "look for an index"};

	return mls_target_http_try(&search->http, &ask) != NULL;
}

static bool
is_made(Search *search, const char *index)
{
	HttpAsk ask = {.method = "GET",
				   .path = path_of(index, "/_mapping"),
				   .params = mls_target_http_param("filter_path", "*.mappings._meta", NIL),
				   .what = "look at an index"};
	MlsHttpResponse *response = mls_target_http_try(&search->http, &ask);

	return response != NULL && strstr(response->body, "\"" MARK "\"") != NULL;
}

static void
drop(Search *search, const char *index)
{
	HttpAsk ask = {.method = "DELETE", .path = index, .what = "drop an index"};

	(void) mls_target_http_try(&search->http, &ask);
}

/* Names of the members of an object: {"listing-1": {"aliases": ...}}. */
static List *
member_names(const MlsRecord *object)
{
	List *names = NIL;

	for (int i = 0; object && i < object->nslices; i++)
		names = lappend(names, pnstrdup(object->slices[i].name, object->slices[i].name_length));
	return names;
}

static List *
list_indexes(Search *search, const char *prefix)
{
	return member_names(
		mls_target_http_find(&search->http, psprintf("%s*/_alias", prefix), "list indexes"));
}

static char *
served(Search *search, const char *name)
{
	List *names = member_names(
		mls_target_http_find(&search->http, psprintf("_alias/%s", name), "look for an alias"));

	if (names != NIL)
		return linitial(names);
	return exists(search, name) ? pstrdup(name) : NULL;
}

static void
append_action(StringInfo json, const char *action, const char *index, const char *alias)
{
	appendStringInfo(json, "%s{\"%s\":{\"index\":", json->data[json->len - 1] == '}' ? "," : "",
					 action);
	escape_json(json, index);
	if (alias != NULL)
	{
		appendStringInfoString(json, ",\"alias\":");
		escape_json(json, alias);
	}
	appendStringInfoString(json, "}}");
}

/* All at once: nobody ever asks for the name in vain. */
static void
serve(Search *search, const char *name, const char *before, const char *index)
{
	HttpAsk ask = {.method = "POST", .path = "_aliases", .type = JSON, .what = "turn an alias"};
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"actions\":[");
	if (before != NULL && strcmp(before, name) == 0)
		append_action(&json, "remove_index", name, NULL);
	else if (before != NULL)
		append_action(&json, "remove", before, name);
	if (index != NULL)
		append_action(&json, "add", index, name);
	appendStringInfoString(&json, "]}");
	ask.body = json.data;
	(void) mls_target_http_get(&search->http, &ask);
}

static void
unserve(Search *search, const char *name)
{
	serve(search, name, served(search, name), NULL);
}

/* ---- Documents ---- */

static char *
get(Search *search, const char *index, const char *id)
{
	static const char *const what = "read the position";
	const MlsSlice *source =
		mls_json_part(mls_target_http_find(&search->http, psprintf("%s/_doc/%s", index, id), what),
					  "_source", MLS_OBJECT);
	HttpAsk ask = {.what = what};

	return source ? mls_json_text(mls_target_http_parse(&search->http, &ask, source->value,
														source->value_length),
								  search->engine->state_field)
				  : NULL;
}

static void
put(Search *search, const char *index, const char *id, const char *document)
{
	HttpAsk ask = {.method = "PUT",
				   .path = psprintf("%s/_doc/%s", index, id),
				   .type = JSON,
				   .body = document,
				   .what = "write the position",
				   .is_write = true};

	(void) mls_target_http_get(&search->http, &ask);
}

static char *
lines_of(const SearchOps *ops)
{
	StringInfoData lines;

	initStringInfo(&lines);
	for (int i = 0; i < ops->n; i++)
	{
		const SearchOp *op = ops->ops[i];

		appendStringInfo(&lines, "{\"%s\":{\"_id\":", op->document ? "index" : "delete");
		escape_json(&lines, op->id);
		if (ops->known > 0)
			appendStringInfo(&lines,
							 ",\"version\":" INT64_FORMAT ",\"version_type\":\"external_gte\"",
							 ops->known * VERSIONS_BETWEEN);
		appendStringInfo(&lines, "}}\n%s%s", op->document ? op->document : "",
						 op->document ? "\n" : "");
	}
	return lines.data;
}

/* One item of the answer: {"index": {"_id": "K1", "status": 400, "error": {...}}}. */
static void
judge(Search *search, const HttpAsk *ask, const MlsRecord *item, SearchOp *op,
	  const MlsHttpResponse *response)
{
	const MlsRecord *result;
	const MlsSlice *error;
	int64 status;

	if (item->nslices != 1 || item->slices[0].kind != MLS_OBJECT)
		mls_target_http_refuse(&search->http, ask, response);
	result = mls_target_http_parse(&search->http, ask, item->slices[0].value,
								   item->slices[0].value_length);
	status = mls_json_number(result, "status", 500);
	error = mls_record_field(result, "error");
	op->reason =
		error ? mls_target_http_words(&search->http, error->value, error->value_length) : NULL;
	if ((status >= 200 && status < 300) || status == 409 ||
		(status == 404 && op->document == NULL && error == NULL))
		op->outcome = SEARCH_TAKEN;
	else if (status == 429 || status >= 500)
		op->outcome = SEARCH_AGAIN;
	else if (status == 400 || status == 413)
		op->outcome = SEARCH_REFUSED;
	else
		/* Not a matter of this document: no rights, a full disk, no index. */
		ereport(ERROR, errcode(ERRCODE_FDW_ERROR),
				errmsg("could not write at destination \"%s\"", search->http.head.source->name),
				errdetail("It answers for a document with status " INT64_FORMAT ": %s", status,
						  op->reason ? op->reason : ""));
}

static bool
send_ops(Search *search, const char *index, SearchOps *ops)
{
	HttpAsk ask = {.method = "POST",
				   .path = path_of(index, "/_bulk"),
				   .type = LINES,
				   .body = lines_of(ops),
				   .what = "write",
				   .is_write = true};
	MlsHttpResponse *response = mls_target_http_ask(&search->http, &ask);
	const MlsPage *page;

	if (response->status == 413)
	{
		ops->reason = SEARCH_TOO_LONG;
		return false;
	}
	if (!mls_target_http_is_good(response))
		mls_target_http_refuse(&search->http, &ask, response);
	page = mls_target_http_array(&search->http, &ask, response, "items");
	/* A 200 may hold failures; and one for fewer documents than were sent is none. */
	if (page->nrecords != ops->n)
		mls_target_http_refuse(&search->http, &ask, response);
	for (int i = 0; i < ops->n; i++)
		judge(search, &ask, &page->records[i], ops->ops[i], response);
	return true;
}

/* ---- What is there ---- */

static void
refresh(Search *search, const char *index)
{
	HttpAsk ask = {.method = "POST", .path = path_of(index, "/_refresh"), .what = "refresh"};

	(void) mls_target_http_get(&search->http, &ask);
}

/* Documents of a page; the place of the next one, or NULL. */
static char *
read_page(Search *search, const MlsPublication *publication, const HttpAsk *ask, bool hashed)
{
	const MlsRecord *answer =
		mls_target_http_object(&search->http, ask, mls_target_http_get(&search->http, ask));
	const MlsSlice *slice = mls_json_part(answer, "hits", MLS_OBJECT);
	const MlsSlice *hits =
		slice ? mls_json_part(
					mls_target_http_parse(&search->http, ask, slice->value, slice->value_length),
					"hits", MLS_ARRAY)
			  : NULL;
	const char *position = NULL;
	MlsSlice element;
	bool is_empty = true;

	if (hits == NULL || mls_json_text(answer, "_scroll_id") == NULL)
		ereport(
			ERROR, errcode(ERRCODE_FDW_REPLY_HANDLE),
			errmsg("could not %s at destination \"%s\"", ask->what, search->http.head.source->name),
			errdetail("The answer has no documents and no place to go on from."));
	while (mls_array_next(hits, &position, &element))
	{
		const MlsRecord *hit =
			mls_target_http_parse(&search->http, ask, element.value, element.value_length);
		const MlsSlice *source = mls_json_part(hit, "_source", MLS_OBJECT);
		const MlsSlice *id = mls_json_part(hit, "_id", MLS_STRING);

		is_empty = false;
		if (id != NULL)
			mls_search_found(search, publication, mls_slice_text(id),
							 hashed && source ? source->value : NULL,
							 hashed && source ? source->value_length : 0);
	}
	return is_empty ? NULL : mls_json_text(answer, "_scroll_id");
}

static void
read_all(Search *search, const MlsPublication *publication, const char *index, bool hashed)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext page = AllocSetContextCreate(caller, "mls_fdw page", ALLOCSET_DEFAULT_SIZES);
	HttpAsk first = {.method = "POST",
					 .path = path_of(index, "/_search"),
					 .params = mls_target_http_param("scroll", PLACE_KEPT, NIL),
					 .type = JSON,
					 .body = psprintf("{\"size\":%d,\"sort\":[\"_doc\"],\"_source\":%s}", PAGE,
									  hashed ? "true" : "false"),
					 .what = "read documents"};
	char *place;

	refresh(search, index);
	MemoryContextSwitchTo(page);
	place = read_page(search, publication, &first, hashed);
	while (place != NULL)
	{
		HttpAsk next = {
			.method = "POST", .path = "_search/scroll", .type = JSON, .what = "read documents"};

		place = MemoryContextStrdup(caller, place);
		MemoryContextReset(page);
		next.body = psprintf("{\"scroll\":\"" PLACE_KEPT "\",\"scroll_id\":\"%s\"}", place);
		place = read_page(search, publication, &next, hashed);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(page);
}

/* ---- The engine ---- */

static const SearchEngine engine = {
	.key = {.header = "Authorization", .format = "ApiKey"},
	.state_field = "state",
	.most_bytes = 8 * 1024 * 1024,
	.has_versions = true,
	.types = {[SEARCH_BOOLEAN] = {"boolean", "boolean"},
			  [SEARCH_INTEGER] = {"integer", "integer"},
			  [SEARCH_LONG] = {"long", "long"},
			  [SEARCH_NUMBER] = {"double", "double"},
			  [SEARCH_DATE] = {"date", "date"},
			  [SEARCH_TIME] = {"date", "date"},
			  [SEARCH_WORD] = {"keyword", "keyword"},
			  [SEARCH_TEXT] = {"text", "text"},
			  [SEARCH_OBJECT] = {"object", "object"}},
	.name_problem = name_problem,
	.about = about,
	.make = make,
	.exists = exists,
	.is_made = is_made,
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

SEARCH_TARGET(elasticsearch, engine);
SEARCH_TARGET(opensearch, engine);
