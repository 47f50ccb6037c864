/*
 * search_meilisearch.c
 *		Meilisearch: tasks, and ids of few letters.
 *
 * What is asked for is put into a queue (202) and done later, in order: it is done when its
 * task says so.  A task that fails has done nothing of its documents and names one of them at
 * most, so who is to blame is found by halving.  Before a run begins, what a run that died has
 * left in the queue is waited for; it must not come behind.
 *
 * There are no aliases, so a load goes into the index that is asked: documents are replaced one
 * by one, and what should not be there is removed at its end.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "http/http.h"
#include "publish/search.h"

#define JSON "application/json"
#define LINES "application/x-ndjson"
#define ID "mls_id"

/* Documents of a page of all. */
#define PAGE 1000

/* A task is asked for so many times before the pauses get longer. */
#define LONGEST_PAUSE 5

/* And for so many times the option timeout_ms in all: a queue may stand still for good. */
#define LONGEST_WAIT 10

static const char *
name_problem(const char *name)
{
	for (const char *at = name; *at; at++)
		if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			  (*at >= '0' && *at <= '9') || *at == '-' || *at == '_'))
			return "It has something else than letters of ASCII, digits, \"-\" and \"_\".";
	return NULL;
}

static char *
about(Search *search)
{
	HttpAsk ask = {.method = "GET", .path = "version", .what = "connect"};
	char *version = mls_json_text(
		mls_target_http_object(&search->http, &ask, mls_target_http_get(&search->http, &ask)),
		"pkgVersion");

	return psprintf("It answers as Meilisearch %s.",
					version ? version : "of a version that it does not tell");
}

/* ---- Tasks ---- */

/* Before the queue is looked at again; an error if that has been done for too long. */
static void
pause_until_later(Search *search, int attempt, TimestampTz since)
{
	int64 most = (int64) LONGEST_WAIT * search->http.http.timeout_ms;

	if (GetCurrentTimestamp() - since > most * 1000)
		mls_search_report_busy(
			search, psprintf("Its queue of tasks was waited for for " INT64_FORMAT " seconds.",
							 most / 1000));
	mls_target_http_pause(Min(attempt, LONGEST_PAUSE));
}

/* What a task that has failed says; NULL: it has succeeded. */
static const MlsRecord *
wait_for_task(Search *search, const HttpAsk *asked, int64 number)
{
	HttpAsk ask = {
		.method = "GET", .path = psprintf("tasks/" INT64_FORMAT, number), .what = asked->what};
	TimestampTz since = GetCurrentTimestamp();

	for (int attempt = 1;; attempt++)
	{
		MlsHttpResponse *response = mls_target_http_get(&search->http, &ask);
		const MlsRecord *task = mls_target_http_object(&search->http, &ask, response);
		const char *status = mls_json_text(task, "status");
		const MlsSlice *error = mls_json_part(task, "error", MLS_OBJECT);

		if (status != NULL && strcmp(status, "succeeded") == 0)
			return NULL;
		if (status != NULL && strcmp(status, "failed") == 0 && error != NULL)
			return mls_target_http_parse(&search->http, &ask, error->value, error->value_length);
		if (status == NULL ||
			(strcmp(status, "enqueued") != 0 && strcmp(status, "processing") != 0))
			ereport(ERROR, errcode(ERRCODE_FDW_ERROR),
					errmsg("could not %s at destination \"%s\"", asked->what,
						   search->http.head.source->name),
					errdetail("Its task " INT64_FORMAT " is %s.", number,
							  status ? status : "of no status"));
		pause_until_later(search, attempt, since);
	}
}

/* The number of the task that an answer tells of. */
static int64
task_of(Search *search, const HttpAsk *ask, const MlsHttpResponse *response)
{
	int64 number = -1;

	if (mls_target_http_is_good(response))
		number =
			mls_json_number(mls_target_http_object(&search->http, ask, response), "taskUid", -1);
	if (number < 0)
		mls_target_http_refuse(&search->http, ask, response);
	return number;
}

static bool
has_code(const MlsRecord *error, const char *code)
{
	const char *there = mls_json_text(error, "code");

	return there != NULL && strcmp(there, code) == 0;
}

pg_noreturn static void
report_task(const Search *search, const HttpAsk *ask, const MlsRecord *error)
{
	char *message = mls_json_text(error, "message");

	ereport(ERROR, errcode(ERRCODE_FDW_ERROR),
			errmsg("could not %s at destination \"%s\"", ask->what, search->http.head.source->name),
			errdetail("The task has failed: %s",
					  mls_http_clean(&search->http.http, message ? message : "no reason is told")));
}

/* Asks and waits until it is done; an error of one code is none. */
static void
have_done(Search *search, const HttpAsk *ask, const char *welcome)
{
	const MlsRecord *error =
		wait_for_task(search, ask, task_of(search, ask, mls_target_http_ask(&search->http, ask)));

	if (error != NULL && (welcome == NULL || !has_code(error, welcome)))
		report_task(search, ask, error);
}

/* What is in the queue for an index, by whomever, comes first. */
static void
begin(Search *search, const char *name)
{
	TimestampTz since = GetCurrentTimestamp();

	for (int attempt = 1;; attempt++)
	{
		List *params =
			mls_target_http_param("indexUids", name,
								  mls_target_http_param("statuses", "enqueued,processing",
														mls_target_http_param("limit", "1", NIL)));
		HttpAsk ask = {
			.method = "GET", .path = "tasks", .params = params, .what = "look at the queue"};

		if (mls_target_http_array(&search->http, &ask, mls_target_http_get(&search->http, &ask),
								  "results")
				->nrecords == 0)
			return;
		pause_until_later(search, attempt, since);
	}
}

/* ---- Indexes ---- */

static void
append_names(StringInfo json, const char *setting, const MlsPublication *publication,
			 const char *const *types)
{
	ListCell *lc;

	appendStringInfo(json, "\"%s\":[", setting);
	foreach (lc, publication->columns)
	{
		const MlsPublishColumn *column = lfirst(lc);

		for (int i = 0; types[i]; i++)
			if (strcmp(types[i], column->type_there) == 0)
			{
				appendStringInfoString(json, json->data[json->len - 1] == '[' ? "" : ",");
				escape_json(json, column->there);
			}
	}
	appendStringInfoChar(json, ']');
}

/* Before documents, for they are indexed by them.  Those of an index that is there are somebody's. */
static void
set_up(Search *search, const MlsPublication *publication, const char *index)
{
	static const char *const filterable[] = {"keyword", "number", "date", "boolean", NULL};
	static const char *const sortable[] = {"number", "date", NULL};
	HttpAsk ask = {.method = "PATCH",
				   .path = psprintf("indexes/%s/settings", index),
				   .type = JSON,
				   .what = "set up an index"};
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	append_names(&json, "filterableAttributes", publication, filterable);
	appendStringInfoChar(&json, ',');
	append_names(&json, "sortableAttributes", publication, sortable);
	appendStringInfoChar(&json, '}');
	ask.body = json.data;
	have_done(search, &ask, NULL);
}

static bool
exists(Search *search, const char *index)
{
	return mls_target_http_find(&search->http, psprintf("indexes/%s", index),
								"look for an index") != NULL;
}

static void
make(Search *search, const MlsPublication *publication, const char *index)
{
	const MlsRecord *there =
		mls_target_http_find(&search->http, psprintf("indexes/%s", index), "look for an index");
	HttpAsk ask = {.method = "POST",
				   .path = "indexes",
				   .type = JSON,
				   .body = psprintf("{\"uid\":\"%s\",\"primaryKey\":\"" ID "\"}", index),
				   .what = "make an index"};
	const char *key = there ? mls_json_text(there, "primaryKey") : NULL;

	if (key != NULL && strcmp(key, ID) != 0)
		ereport(ERROR, errcode(ERRCODE_OBJECT_IN_USE),
				errmsg("\"%s\" at destination \"%s\" is not ours", index,
					   search->http.head.source->name),
				errdetail("There is an index of that name, whose primary key is \"%s\".", key),
				errhint("Choose another name, or delete the index there."));
	if (there == NULL)
		have_done(search, &ask, publication ? NULL : "index_already_exists");
	if (there == NULL && publication != NULL)
		set_up(search, publication, index);
}

static void
drop(Search *search, const char *index)
{
	HttpAsk ask = {
		.method = "DELETE", .path = psprintf("indexes/%s", index), .what = "drop an index"};

	have_done(search, &ask, "index_not_found");
}

/* ---- Documents ---- */

static char *
get(Search *search, const char *index, const char *id)
{
	return mls_json_text(mls_target_http_find(&search->http,
											  psprintf("indexes/%s/documents/%s", index, id),
											  "read the position"),
						 search->engine->state_field);
}

static void
put(Search *search, const char *index, const char *id, const char *document)
{
	HttpAsk ask = {.method = "POST",
				   .path = psprintf("indexes/%s/documents", index),
				   .params = mls_target_http_param("primaryKey", ID, NIL),
				   .type = LINES,
				   .body = psprintf("%s\n", document),
				   .what = "write the position",
				   .is_write = true};

	have_done(search, &ask, NULL);
}

/* Documents, a line each; or {"id", ...}: those that are to go. */
static char *
body_of(const SearchOps *ops)
{
	StringInfoData body;

	initStringInfo(&body);
	if (ops->ops[0]->document != NULL)
	{
		for (int i = 0; i < ops->n; i++)
			appendStringInfo(&body, "%s\n", ops->ops[i]->document);
		return body.data;
	}
	appendStringInfoChar(&body, '[');
	for (int i = 0; i < ops->n; i++)
		appendStringInfo(&body, "%s\"%s\"", i > 0 ? "," : "", ops->ops[i]->id);
	appendStringInfoChar(&body, ']');
	return body.data;
}

static bool
send_ops(Search *search, const char *index, SearchOps *ops)
{
	bool documents = ops->ops[0]->document != NULL;
	HttpAsk ask = {
		.method = "POST",
		.path = psprintf(documents ? "indexes/%s/documents" : "indexes/%s/documents/delete-batch",
						 index),
		.params = documents ? mls_target_http_param("primaryKey", ID, NIL) : NIL,
		.type = documents ? LINES : JSON,
		.body = body_of(ops),
		.what = documents ? "write" : "delete",
		.is_write = true};
	MlsHttpResponse *response = mls_target_http_ask(&search->http, &ask);
	const MlsRecord *error;
	const char *type;
	const char *message;

	if (response->status == 413)
	{
		ops->reason = SEARCH_TOO_LONG;
		return false;
	}
	error = wait_for_task(search, &ask, task_of(search, &ask, response));
	type = error ? mls_json_text(error, "type") : NULL;
	if (error != NULL && (type == NULL || strcmp(type, "invalid_request") != 0))
		report_task(search, &ask, error);
	if (error != NULL)
	{
		message = mls_json_text(error, "message");
		ops->reason = mls_http_clean(&search->http.http, message ? message : "no reason is told");
		return false;
	}
	for (int i = 0; i < ops->n; i++)
		ops->ops[i]->outcome = SEARCH_TAKEN;
	return true;
}

/* ---- What is there ---- */

static void
read_all(Search *search, const MlsPublication *publication, const char *index, bool hashed)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(caller, "mls_fdw page", ALLOCSET_DEFAULT_SIZES);
	int64 at = 0;
	int n;

	MemoryContextSwitchTo(work);
	do
	{
		HttpAsk ask = {.method = "POST",
					   .path = psprintf("indexes/%s/documents/fetch", index),
					   .type = JSON,
					   .body = psprintf("{\"offset\":" INT64_FORMAT ",\"limit\":%d%s}", at, PAGE,
										hashed ? "" : ",\"fields\":[\"" ID "\"]"),
					   .what = "read documents"};
		const MlsPage *page = mls_target_http_array(
			&search->http, &ask, mls_target_http_get(&search->http, &ask), "results");

		n = page->nrecords;
		for (int i = 0; i < n; i++)
		{
			const MlsRecord *document = &page->records[i];
			char *id = mls_json_text(document, ID);

			if (id != NULL)
				mls_search_found(search, publication, id, hashed ? document->json : NULL,
								 document->length);
		}
		at += n;
		MemoryContextReset(work);
	} while (n == PAGE);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

/* ---- The engine ---- */

/* There are no types; these words decide what can be filtered and sorted by. */
static const SearchEngine engine = {
	.id_field = ID,
	.id_plain = "-",
	.id_escape = '_',
	.state_field = "state",
	.most_bytes = 8 * 1024 * 1024,
	.types = {[SEARCH_BOOLEAN] = {"boolean", "boolean"},
			  [SEARCH_INTEGER] = {"number", "number"},
			  [SEARCH_LONG] = {"number", "number"},
			  [SEARCH_NUMBER] = {"number", "number"},
			  [SEARCH_DATE] = {"date", "date"},
			  [SEARCH_TIME] = {"date", "date"},
			  [SEARCH_WORD] = {"keyword", "keyword"},
			  [SEARCH_TEXT] = {"text", "keyword"},
			  [SEARCH_OBJECT] = {"object", "object"}},
	.name_problem = name_problem,
	.begin = begin,
	.about = about,
	.make = make,
	.exists = exists,
	.drop = drop,
	.get = get,
	.put = put,
	.send = send_ops,
	.read = read_all,
};

SEARCH_TARGET(meilisearch, engine);
