/*
 * dispatch.c
 *		Which way a call goes.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/answer/parts.h"
#include "serve/base/counters.h"
#include "serve/base/moment.h"
#include "serve/base/settings.h"

#define REFRESH_MS 5000

static void run_job(ServeJob *job, ServeConnection *connection);

ServeCall *
serve_call_new(const char *target)
{
	ServeArena *arena = serve_arena_new();
	ServeCall *call = serve_alloc(arena, sizeof(ServeCall));

	call->arena = arena;
	call->target = serve_copy(arena, target);
	call->method = "";
	call->address = "";
	call->version = 401;
	call->body_limit = SERVE_MAX_BODY;
	call->form.level = SERVE_LEVEL_MINIMAL;
	call->began = serve_now_ms();
	call->job.run = run_job;
	call->job.who = "";
	return call;
}

void
serve_call_free(ServeCall *call)
{
	serve_reply_clear(call);
	serve_upload_release(call);
	serve_role_release(call->role);
	serve_bytes_free(&call->body);
	serve_arena_free(call->arena);
}

/* ---- Address and version ---- */

/* Splits the target; an absolute one loses scheme and host. */
static void
split_target(ServeCall *call)
{
	const char *target = call->target;
	const char *question;

	if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0)
	{
		target = strstr(target, "://") + 3;
		target += strcspn(target, "/?");
	}
	question = strchr(target, '?');
	call->path =
		question ? serve_copy_bytes(call->arena, target, (size_t) (question - target)) : target;
	call->query = question ? question + 1 : NULL;
}

/* Makes the path one below the root; false if it is elsewhere. */
static bool
below_root(ServeCall *call)
{
	const char *root = serve_settings.root_path;
	size_t length = strlen(root) - 1; /* without its last slash */

	if (strncmp(call->path, root, length) != 0)
		return false;
	if (call->path[length] == '\0')
		call->path = "/";
	else if (call->path[length] == '/')
		call->path += length;
	else
		return false;
	return true;
}

/* 4.00 or 4.01 and so on as 400, 401; 0 of what is no version. */
static int
version_of(const char *text)
{
	char *end;
	long major = strtol(text, &end, 10);
	long minor = 0;

	if (end == text || major < 0 || major > 99)
		return 0;
	if (*end == '.')
	{
		const char *digits = end + 1;

		minor = strtol(digits, &end, 10);
		if (end == digits || minor < 0 || minor > 99)
			return 0;
	}
	return end[strspn(end, " \t")] == '\0' ? (int) (major * 100 + minor) : 0;
}

static bool
choose_version(ServeCall *call)
{
	int most = 401;

	if (call->headers.odata_max_version)
	{
		most = version_of(call->headers.odata_max_version);
		if (most < 400)
		{
			serve_fail_odata(call, 400, "UnsupportedVersion", "versions 4.0 and 4.01 are spoken",
							 "OData-MaxVersion");
			return false;
		}
	}
	call->version = most > 400 ? 401 : 400;
	if (call->headers.odata_version)
	{
		int sent = version_of(call->headers.odata_version);

		if (sent < 400 || sent > 401)
		{
			serve_fail_odata(call, 400, "UnsupportedVersion", "versions 4.0 and 4.01 are spoken",
							 "OData-Version");
			return false;
		}
	}
	return true;
}

/* ---- Data ---- */

static bool
find_plan(ServeCall *call)
{
	ServeRequest request = {
		.path = call->path,
		.query = call->query,
		.root = serve_settings.public_url,
		.version = call->version,
		.max_page_size = serve_preferred_page(call->headers.prefer),
		.ieee754 = call->form.ieee754,
		.limits = {.page_rows = serve_settings.page_rows,
				   .max_page_rows = serve_settings.max_page_rows,
				   .expand_rows = serve_settings.expand_rows,
				   .ne_null_sql = serve_settings.ne_null_sql},
		.in_scope = serve_scope_covers,
		.scope = call->scope,
	};
	ServeError error = {0};
	int most = call->consumer.rates.page_rows;

	if (most > 0 && (request.limits.max_page_rows == 0 || most < request.limits.max_page_rows))
	{
		request.limits.max_page_rows = most;
		if (request.limits.page_rows == 0 || request.limits.page_rows > most)
			request.limits.page_rows = most;
	}
	call->plan = serve_plan(call->arena, call->role->model, &request, &error);
	if (!call->plan && error.status == 403)
		serve_fail_scope(call, error.message, error.target);
	else if (!call->plan)
		serve_fail_odata(call, error.status, error.code, error.message, error.target);
	return call->plan != NULL;
}

/* Of who is known by now.  True: the reply is there. */
static bool
begin_data(ServeCall *call)
{
	const char *target;
	bool fits;

	if (call->dataset)
		return !serve_caller_admit(call) || !serve_datasets_admit(call);
	if (call->media)
		return !serve_caller_admit(call) || !serve_media_admit(call);
	fits = serve_negotiate(call->arena, call->headers.accept, call->query, &call->form, &target);
	if (!serve_caller_admit(call) || !find_plan(call))
		return true;
	if (call->plan->kind == SERVE_METADATA && (call->form.xml || call->form.json))
		serve_answer_metadata(call);
	else if (call->plan->kind == SERVE_SERVICE_DOCUMENT && fits)
		serve_answer_service_document(call);
	else if (call->plan->kind == SERVE_COUNT || call->plan->kind == SERVE_RAW_VALUE
				 ? call->form.text
				 : call->form.json)
		return false;
	else
		serve_fail_odata(call, 406, "NotAcceptable", "nothing of what is accepted can be given",
						 target);
	return true;
}

/* What is served is only read.  True: the reply is there. */
static bool
begin_reading(ServeCall *call)
{
	if (strcmp(call->method, "POST") == 0 &&
		(strcmp(call->path, "/$batch") == 0 || strstr(call->path, "/$query")))
	{
		serve_fail_odata(call, 501, "NotImplemented", "this is not offered", NULL);
		return true;
	}
	if (strcmp(call->method, "GET") != 0 && strcmp(call->method, "HEAD") != 0)
	{
		serve_fail_odata(call, 405, "MethodNotAllowed", "what is served is only read", NULL);
		serve_reply_header(call, "Allow", "GET, HEAD, OPTIONS");
		return true;
	}
	(void) serve_media_begin(call);
	return false;
}

/*
 * Who sends much is known before: of nobody else more is read than a login needs.  Whether he may
 * ask now is judged as always, when all of it is there.
 */
int64_t
serve_answer_head(ServeCall *call)
{
	bool complete;

	split_target(call);
	if (strcmp(call->method, "POST") != 0 || !below_root(call) ||
		!serve_datasets_begin(call, &complete))
		return SERVE_MAX_BODY;
	if (!complete && serve_caller_begin(call))
	{
		call->scope = serve_scope_narrow(call->arena, call->with_token ? call->token.scope : NULL,
										 call->consumer.scope);
		if (call->login_needed)
			return SERVE_MAX_BODY;
		if (serve_datasets_admit(call))
			return (int64_t) serve_settings.max_upload_mb * 1024 * 1024;
	}
	serve_seal(call);
	return -1;
}

/* True: the reply is there. */
static bool
begin(ServeCall *call)
{
	bool complete;

	split_target(call);
	if (!choose_version(call))
		return true;
	if (strcmp(call->method, "OPTIONS") == 0)
	{
		call->reply.status = 204;
		serve_reply_header(call, "Allow", "GET, HEAD, OPTIONS");
		return true;
	}
	if (serve_oauth_well_known(call, call->path))
		return true;
	if (!below_root(call))
	{
		serve_fail_odata(call, 404, "NotFound", "there is nothing at this address", NULL);
		return true;
	}
	if (serve_oauth_begin(call, &complete))
		return complete;
	if (serve_datasets_begin(call, &complete))
	{
		if (complete)
			return true;
	}
	else if (begin_reading(call))
		return true;
	if (!serve_caller_begin(call))
		return true;
	return call->login_needed ? false : begin_data(call);
}

bool
serve_answer_begin(ServeCall *call)
{
	bool complete = begin(call);

	if (complete)
		serve_seal(call);
	else
	{
		if (!call->job.who[0])
			call->job.who = "basic";
		call->job.deadline = serve_now_ms() + serve_settings.timeout_ms;
	}
	return complete;
}

/*
 * What is served changed a moment ago, and the notice of it is on its way: what is there now is
 * read, and the request begins anew, once.
 */
static void
answer_changed(ServeCall *call, ServeConnection *connection)
{
	const char *role = serve_copy(call->arena, call->role->name);

	if (!serve_refresh(REFRESH_MS))
		return;
	serve_reply_clear(call);
	call->plan = NULL;
	serve_role_release(call->role);
	call->role = serve_role_acquire(role);
	if (!call->role)
		serve_fail_odata(call, 403, "Forbidden", "nothing is served to this consumer", NULL);
	else if (call->media)
	{
		if (serve_media_admit(call))
			(void) serve_answer_media(call, connection);
	}
	else if (find_plan(call))
		serve_answer_records(call, connection);
}

static void
run_job(ServeJob *job, ServeConnection *connection)
{
	ServeCall *call = (ServeCall *) job;

	if (call->oauth)
		serve_oauth_run(call, connection);
	else if (!connection && serve_pool_works())
		serve_fail_later(call, 1, "Busy", "too many requests are waiting");
	else if (!connection)
		serve_fail_later(call, 2, "DatabaseUnavailable", "the database is not to be reached");
	else if (call->login_needed && (!serve_caller_login(call, connection) || begin_data(call)))
		;
	else if (call->dataset)
		serve_answer_datasets(call, connection);
	else if (!(call->media ? serve_answer_media : serve_answer_records)(call, connection))
		answer_changed(call, connection);
	serve_seal(call);
	call->done(call);
}

void
serve_answer_refused(ServeCall *call, ServeSubmit why)
{
	serve_count(refused_busy, 1);
	if (call->oauth)
		serve_oauth_run(call, NULL);
	else if (why == SERVE_NO_DATABASE)
		serve_fail_later(call, 2, "DatabaseUnavailable", "the database is not to be reached");
	else
		serve_fail_later(call, 1, "Busy", "too many requests are waiting");
	serve_seal(call);
}

void
serve_answer_fault(ServeCall *call, int status)
{
	if (status == 400)
		serve_fail_odata(call, status, "BadHeaders", "the headers are not well formed", NULL);
	else if (status == 414)
		serve_fail_odata(call, status, "UriTooLong", "the address is too long", NULL);
	else if (status == 431)
		serve_fail_odata(call, status, "HeadersTooLarge", "the headers are too large", NULL);
	else if (status == 503)
		serve_fail_later(call, 5, "Busy", "too many files are on their way");
	else
		serve_fail_odata(call, status, "BodyTooLarge", "the body is too large", NULL);
	serve_seal(call);
}

void
serve_answer_end(ServeCall *call)
{
	int class = call->reply.status / 100;

	if (call->who)
		serve_limit_leave(call->who);
	serve_count(requests[class >= 1 && class <= 5 ? class : 0], 1);
	serve_count(rows, call->reply.rows);
	serve_count(bytes, (int64_t) call->reply.length);
	serve_audit(call);
}
