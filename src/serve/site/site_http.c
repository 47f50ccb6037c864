/*
 * site_http.c
 *		Requests of the site: who may ask, headers, and the three kinds of answers: files, JSON,
 *		and what monitors read.
 *
 * Each connection has a thread, for there are few and each may wait for the database.  Names of
 * hosts are checked, since a page of elsewhere can have its own name lead to this machine; so is
 * where a request comes from, and each change carries a word that only the site's pages know.
 */
#include <json-c/json.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/base/arena.h"
#include "serve/base/encoding.h"
#include "serve/base/moment.h"
#include "serve/base/serve_log.h"
#include "serve/base/settings.h"
#include "serve/http/serve_http.h"
#include "serve/site/site.h"
#include "serve/site/site_room.h"
#include "serve/token/token.h"

#define MAX_BODY 65536
/* A piece of a file that is sent, as base64 in JSON. */
#define MAX_PIECE (1024 * 1024)
#define MAX_CONNECTIONS 64u
#define IDLE_SECONDS 60u
#define TICK_MS 10000

/* Scripts and styles of our own, and nothing else from anywhere; no page may frame the site; and
 * no script may make HTML of a text, ours included. */
static const char *const policy =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
	"require-trusted-types-for 'script'; trusted-types 'none'";

typedef struct Request
{
	struct MHD_Connection *connection;
	ServeArena *arena;
	const char *path; /* behind the site's root: "api/session" */
	const char *method;
	const char *address;
	bool reading;
	size_t most; /* of the body */
	ServeBytes body;
	/* The answer. */
	int status;
	ServeBytes out;
	const char *type;
	const char *cookie; /* of Set-Cookie */
	const char *allow;
	int retry_after;
	bool ask_basic;
} Request;

static struct MHD_Daemon *site;
static const char *own_host; /* "127.0.0.1" or "[::1]"; NULL: a path */
static char url_host[256];   /* of --site-url, with its port; "" if it was not said */
static char url_origin[300];
static char url_path[512]; /* of --site-url, with both slashes; "/" if it was not said */
static char cookie_name[32];
static char cookie_attributes[640];
static pthread_mutex_t login_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t tick_lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t ticked;

/* ---- Who may ask ---- */

static const char *
header(Request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

typedef struct Framing
{
	int hosts;
	int lengths;
	int encodings;
	ServeArena *arena;
	const char *forwarded; /* all that was said, the last last */
} Framing;

static enum MHD_Result
count_framing(void *memory, enum MHD_ValueKind kind, const char *name, const char *value)
{
	Framing *framing = memory;

	framing->hosts += strcasecmp(name, "Host") == 0;
	framing->lengths += strcasecmp(name, "Content-Length") == 0;
	framing->encodings += strcasecmp(name, "Transfer-Encoding") == 0;
	if (strcasecmp(name, "X-Forwarded-For") == 0 && value)
		framing->forwarded = framing->forwarded
								 ? serve_printf(framing->arena, "%s, %s", framing->forwarded, value)
								 : serve_copy(framing->arena, value);
	return MHD_YES;
}

/* Whether a host is how somebody may call us: by the names of this machine, or as was said. */
static bool
host_known(const char *host)
{
	const char *colon = strrchr(host, ':');
	size_t length = colon && !strchr(colon, ']') ? (size_t) (colon - host) : strlen(host);
	const char *const names[] = {"localhost", "127.0.0.1", "[::1]", own_host};

	if (url_host[0] && strcasecmp(host, url_host) == 0)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i] && strlen(names[i]) == length && strncasecmp(host, names[i], length) == 0)
			return true;
	return false;
}

/* Whether a request was made by a page of the site, or by no page at all. */
static bool
of_ourselves(Request *request)
{
	const char *origin = header(request, "Origin");
	const char *from = header(request, "Sec-Fetch-Site");
	const char *host = header(request, "Host");

	if (from && strcmp(from, "same-origin") != 0 && strcmp(from, "none") != 0)
		return false;
	if (!origin)
		return true;
	if (url_origin[0] && strcmp(origin, url_origin) == 0)
		return true;
	return strncmp(origin, "http://", 7) == 0 && host && strcmp(origin + 7, host) == 0;
}

static const char *
cookie_of(Request *request)
{
	return MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, cookie_name);
}

/* ---- Answers ---- */

static void
fail(Request *request, int status, const char *message)
{
	serve_bytes_free(&request->out);
	request->status = status;
	serve_site_error(&request->out, message, NULL);
}

static struct MHD_Response *
with_headers(Request *request, struct MHD_Response *response)
{
	char text[32];

	MHD_add_response_header(response, "Content-Type", request->type);
	MHD_add_response_header(response, "Content-Security-Policy", policy);
	MHD_add_response_header(response, "X-Frame-Options", "DENY");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
	MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	if (request->cookie)
		MHD_add_response_header(response, "Set-Cookie", request->cookie);
	if (request->allow)
		MHD_add_response_header(response, "Allow", request->allow);
	if (request->ask_basic)
		MHD_add_response_header(response, "WWW-Authenticate",
								"Basic realm=\"mls_fdw\", charset=\"UTF-8\"");
	if (request->retry_after > 0)
	{
		snprintf(text, sizeof(text), "%d", request->retry_after);
		MHD_add_response_header(response, "Retry-After", text);
	}
	return response;
}

static enum MHD_Result
send_response(Request *request, struct MHD_Response *response)
{
	enum MHD_Result result = MHD_queue_response(request->connection, (unsigned int) request->status,
												with_headers(request, response));

	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
send_answer(Request *request)
{
	size_t length;
	char *data = serve_bytes_take(&request->out, &length);

	if (!data)
		return send_response(request,
							 MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT));
	return send_response(request,
						 MHD_create_response_from_buffer(length, data, MHD_RESPMEM_MUST_FREE));
}

/* ---- Sessions ---- */

static void
describe_session(Request *request, ServeSiteSession *session)
{
	request->status = 200;
	serve_bytes_text(&request->out, "{\"role\":");
	serve_bytes_json_text(&request->out, session->role);
	serve_bytes_text(&request->out, ",\"csrf\":");
	serve_bytes_json_text(&request->out, session->csrf);
	serve_bytes_text(&request->out, ",\"schema\":");
	if (session->schema)
		serve_bytes_json_text(&request->out, session->schema);
	else
		serve_bytes_text(&request->out, "null");
	serve_bytes_text(&request->out, ",\"version\":\"" MLS_VERSION "\"}");
}

static void
set_cookie(Request *request, const char *value)
{
	request->cookie = serve_printf(request->arena, "%s=%s; %s%s", cookie_name, value,
								   cookie_attributes, value[0] ? "" : "; Max-Age=0");
}

/* What a text of JSON's object says of a name; NULL if nothing, or no text or number. */
static const char *
said(Request *request, struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value) || !value)
		return NULL;
	if (json_object_is_type(value, json_type_object) || json_object_is_type(value, json_type_array))
		return NULL;
	if (json_object_is_type(value, json_type_string) &&
		strlen(json_object_get_string(value)) != (size_t) json_object_get_string_len(value))
		return NULL;
	return serve_copy(request->arena, json_object_get_string(value));
}

/* The body as an object, which the caller puts; NULL, answered with 400, if it is none. */
static struct json_object *
body_object(Request *request)
{
	const char *type = header(request, "Content-Type");
	struct json_tokener *tokener;
	struct json_object *object = NULL;

	if (!type || strncasecmp(type, "application/json", 16) != 0)
	{
		fail(request, 415, "A request has to be JSON.");
		return NULL;
	}
	tokener = json_tokener_new_ex(8);
	if (request->body.length > 0)
		object = json_tokener_parse_ex(tokener, request->body.data, (int) request->body.length);
	if (!json_object_is_type(object, json_type_object))
	{
		json_object_put(object);
		object = NULL;
		fail(request, 400, "A request has to be a JSON object.");
	}
	json_tokener_free(tokener);
	return object;
}

/*
 * A connection as a role, in *pg; else it is answered.  One attempt at a time, and who fails
 * waits: an address, and an address with a role, never a role alone, or anybody could lock
 * another out.
 */
static bool
log_in(Request *request, const char *role, const char *password, PGconn **pg)
{
	const char *name = serve_printf(request->arena, "site:%s", role);
	char problem[256];
	ServeSiteLogin outcome;
	int wait;

	pthread_mutex_lock(&login_lock);
	wait = serve_slowdown(request->address, name);
	if (wait > 0)
	{
		pthread_mutex_unlock(&login_lock);
		request->retry_after = wait;
		fail(request, 429, "Too many attempts. Wait a while.");
		return false;
	}
	outcome = serve_site_connect(role, password, pg, problem, sizeof(problem));
	if (outcome != SERVE_SITE_NO_DATABASE)
		serve_slowdown_result(request->address, name,
							  outcome == SERVE_SITE_LOGGED_IN || outcome == SERVE_SITE_FORBIDDEN);
	wait = serve_slowdown(request->address, name);
	pthread_mutex_unlock(&login_lock);
	if (outcome == SERVE_SITE_LOGGED_IN)
		return true;
	/* Attempts during the wait are not judged, and make no lines. */
	if (outcome != SERVE_SITE_NO_DATABASE && wait > 0)
		serve_log(SERVE_LOG_WARNING,
				  "site: a login as \"%s\" from %s was refused, and the next one waits %d s: %s",
				  role, request->address, wait, problem);
	else if (outcome != SERVE_SITE_NO_DATABASE)
		serve_log(SERVE_LOG_WARNING, "site: a login as \"%s\" from %s was refused: %s", role,
				  request->address, problem);
	fail(request,
		 outcome == SERVE_SITE_NO_DATABASE ? 503
		 : outcome == SERVE_SITE_REFUSED   ? 401
										   : 403,
		 problem);
	return false;
}

static void
answer_login(Request *request)
{
	struct json_object *object = body_object(request);
	const char *role;
	const char *password;
	const char *old = cookie_of(request);
	ServeSiteSession *session;
	char cookie[64];
	PGconn *pg;

	if (!object)
		return;
	role = said(request, object, "role");
	password = said(request, object, "password");
	json_object_put(object);
	if (!role || !password || !role[0] || !password[0] || strlen(role) > 63 ||
		strlen(password) > 1000)
	{
		fail(request, 400, "A role and its password are needed.");
		return;
	}
	if (!log_in(request, role, password, &pg))
		return;
	/* What the browser had before is no session any more, whoever gave it that. */
	session = old ? serve_site_session_find(old, false) : NULL;
	if (session)
	{
		serve_site_session_end(session);
		serve_site_session_release(session);
	}
	session = serve_site_session_begin(role, password, pg, cookie);
	if (!session)
	{
		request->retry_after = 60;
		fail(request, 503, "Too many are logged in.");
		return;
	}
	set_cookie(request, cookie);
	describe_session(request, session);
	serve_site_session_release(session);
}

/* ---- Questions ---- */

/* The values of a question as an address or a body says them. */
static bool
read_values(Request *request, const ServeSiteQuestion *question, struct json_object *object,
			const char **values)
{
	for (int i = 0; i < question->nparams; i++)
	{
		const ServeSiteParam *param = &question->params[i];

		if (object)
			values[i] = said(request, object, param->name);
		else
		{
			size_t length = 0;

			values[i] = NULL;
			(void) MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND,
												 param->name, strlen(param->name), &values[i],
												 &length);
			if (values[i] && strlen(values[i]) != length)
				values[i] = NULL;
		}
		if (values[i] && !values[i][0] && param->optional && param->type != SERVE_SITE_TEXT)
			values[i] = NULL;
		if (!serve_site_value_good(param, values[i]))
		{
			fail(request, 400,
				 serve_printf(request->arena, "\"%s\" is missing, or not of its type.",
							  param->name));
			return false;
		}
	}
	return true;
}

static void
answer_question(Request *request, ServeSiteSession *session, const char *name)
{
	const ServeSiteQuestion *question = serve_site_question(name);
	const char *values[SERVE_SITE_PARAMS];

	if (!question || question->kind != SERVE_SITE_QUESTION)
		fail(request, 404, "There is no such question.");
	else if (read_values(request, question, NULL, values))
		request->status = serve_site_ask(session, question, values, &request->out);
}

static void
answer_change(Request *request, ServeSiteSession *session, const char *name)
{
	const ServeSiteQuestion *question = serve_site_question(name);
	const char *values[SERVE_SITE_PARAMS];
	struct json_object *object;
	const char *problem;
	int64_t job;

	if (!question || question->kind == SERVE_SITE_QUESTION)
	{
		fail(request, 404, "There is no such action.");
		return;
	}
	object = body_object(request);
	if (!object)
		return;
	if (!read_values(request, question, object, values))
		;
	else if (question->kind == SERVE_SITE_CHANGE)
		request->status = serve_site_ask(session, question, values, &request->out);
	else if ((job = serve_site_job_begin(session, question, values, &problem)) == 0)
	{
		request->retry_after = 10;
		fail(request, 429, problem);
	}
	else
	{
		request->status = 202;
		serve_bytes_format(&request->out, "{\"job\":%lld}", (long long) job);
	}
	json_object_put(object);
}

static void
answer_cancel(Request *request, ServeSiteSession *session)
{
	struct json_object *object = body_object(request);
	const char *job;

	if (!object)
		return;
	job = said(request, object, "job");
	json_object_put(object);
	if (job && serve_site_job_cancel(session->role, strtoll(job, NULL, 10)))
	{
		request->status = 200;
		serve_bytes_text(&request->out, "{}");
	}
	else
		fail(request, 404, "No such job of yours runs.");
}

static bool
same_text(const char *a, const char *b)
{
	size_t length = strlen(b);

	return strlen(a) == length && serve_same_bytes(a, b, length);
}

/* What changes something: POST, from our own pages, with the session's word. */
static void
answer_post(Request *request, ServeSiteSession *session)
{
	const char *csrf = header(request, "X-CSRF-Token");

	if (!csrf || !same_text(csrf, session->csrf))
		fail(request, 403, "The request does not come from a page of this session.");
	else if (strcmp(request->path, "api/logout") == 0)
	{
		serve_site_session_end(session);
		set_cookie(request, "");
		request->status = 200;
		serve_bytes_text(&request->out, "{}");
	}
	else if (strcmp(request->path, "api/cancel") == 0)
		answer_cancel(request, session);
	else
		answer_change(request, session, request->path + strlen("api/do/"));
}

/* Under api/; *live is set if the answer is a stream. */
static void
answer_api(Request *request, struct MHD_Response **live)
{
	bool post = strcmp(request->method, "POST") == 0;
	bool changes =
		strncmp(request->path, "api/do/", 7) == 0 || strcmp(request->path, "api/login") == 0 ||
		strcmp(request->path, "api/logout") == 0 || strcmp(request->path, "api/cancel") == 0;
	const char *cookie = cookie_of(request);
	ServeSiteSession *session;

	if (!of_ourselves(request))
	{
		fail(request, 403, "The request comes from a page of elsewhere.");
		return;
	}
	if (changes != post)
	{
		request->allow = changes ? "POST" : "GET";
		fail(request, 405, changes ? "This is asked by POST." : "This is asked by GET.");
		return;
	}
	if (strcmp(request->path, "api/login") == 0)
	{
		answer_login(request);
		return;
	}
	/* A page that looks again by itself, or only looks on, keeps nobody logged in. */
	session = cookie ? serve_site_session_find(cookie, strcmp(request->path, "api/live") != 0 &&
														   !header(request, "X-Passive"))
					 : NULL;
	if (!session && strcmp(request->path, "api/session") == 0)
	{
		/* No error: it is what a page asks first. */
		request->status = 200;
		serve_bytes_text(&request->out, "{\"role\":null}");
		return;
	}
	if (!session)
	{
		fail(request, 401, "Log in.");
		return;
	}
	if (post)
		answer_post(request, session);
	else if (strcmp(request->path, "api/session") == 0)
		describe_session(request, session);
	else if (strcmp(request->path, "api/jobs") == 0)
	{
		request->status = 200;
		serve_bytes_text(&request->out, "{\"jobs\":");
		serve_site_jobs_list(session->role, &request->out);
		serve_bytes_text(&request->out, "}");
	}
	else if (strncmp(request->path, "api/q/", 6) == 0)
		answer_question(request, session, request->path + 6);
	else if (strcmp(request->path, "api/live") == 0)
	{
		*live = serve_site_live(session);
		if (*live)
			return;
		fail(request, 429, "This session watches as much as it may.");
	}
	else
		fail(request, 404, "There is no such address.");
	serve_site_session_release(session);
}

/* ---- Monitors ---- */

/* Role and password come with each request (HTTP Basic), and the connection goes with it. */
static void
answer_monitor(Request *request, const char *name)
{
	ServeOAuthForm form = {0};
	const char *said_by = header(request, "Authorization");
	const char *role;
	const char *password;
	const char *values[SERVE_SITE_PARAMS] = {NULL};
	PGconn *pg;
	char *schema;

	if (!said_by || !serve_basic_read(request->arena, said_by, &form))
	{
		request->ask_basic = true;
		fail(request, 401, "A role of the database and its password are asked for.");
		return;
	}
	role = form.raw_client_id ? form.raw_client_id : form.client_id;
	password = form.raw_client_secret ? form.raw_client_secret : form.client_secret;
	if (!role[0] || !password[0] || strlen(role) > 63 || strlen(password) > 1000)
	{
		request->ask_basic = true;
		fail(request, 401, "A role of the database and its password are asked for.");
		return;
	}
	if (!log_in(request, role, password, &pg))
	{
		request->ask_basic = request->status == 401;
		return;
	}
	schema = serve_site_schema(pg);
	request->status =
		serve_site_ask_on(pg, schema, serve_site_question(name), values, true, &request->out);
	free(schema);
	PQfinish(pg);
	if (request->status == 200 && strcmp(name, "metrics") == 0)
	{
		request->type = "text/plain; version=0.0.4; charset=utf-8";
		serve_bytes_format(&request->out,
						   "\n# HELP mls_site_sessions Sessions of the site.\n"
						   "# TYPE mls_site_sessions gauge\nmls_site_sessions %d\n",
						   serve_site_sessions_count());
	}
	else if (request->status == 200 && strstr(request->out.data, "\"level\": \"critical\""))
		request->status = 503;
}

/* ---- Requests ---- */

static void
tick(void)
{
	bool due;

	pthread_mutex_lock(&tick_lock);
	due = serve_now_ms() - ticked > TICK_MS;
	if (due)
		ticked = serve_now_ms();
	pthread_mutex_unlock(&tick_lock);
	if (due)
		serve_site_sessions_tick();
}

static enum MHD_Result
answer(Request *request)
{
	struct MHD_Response *live = NULL;
	const ServeSiteFile *file = serve_site_file(request->path[0] ? request->path : "index.html");
	bool get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;

	tick();
	request->type = "application/json; charset=utf-8";
	if (strncmp(request->path, "api/", 4) == 0)
		answer_api(request, &live);
	else if (!get)
	{
		request->allow = "GET, HEAD";
		fail(request, 405, "This is asked by GET.");
	}
	else if (file)
	{
		request->status = 200;
		request->type = file->type;
		return send_response(request,
							 MHD_create_response_from_buffer(file->length, (void *) file->data,
															 MHD_RESPMEM_PERSISTENT));
	}
	else if (strcmp(request->path, "metrics") == 0)
		answer_monitor(request, "metrics");
	else if (strcmp(request->path, "status.json") == 0)
		answer_monitor(request, "uptime");
	else
		fail(request, 404, "There is no such address.");
	if (!live)
		return send_answer(request);
	request->status = 200;
	request->type = "text/event-stream";
	MHD_add_response_header(live, "X-Accel-Buffering", "no");
	return send_response(request, live);
}

/* The headers are there: false, and it is answered, if we do not listen to what follows. */
static bool
begin(Request *request, const char *url, const char *method)
{
	Framing framing = {.arena = request->arena};
	const char *host = header(request, "Host");
	const char *length = header(request, "Content-Length");
	const union MHD_ConnectionInfo *about =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	request->method = serve_copy(request->arena, method);
	request->type = "application/json; charset=utf-8";
	/* A proxy may have taken the path of the public address away, or not. */
	if (strncmp(url, url_path, strlen(url_path)) == 0)
		url += strlen(url_path) - 1;
	request->path = serve_copy(request->arena, url[0] == '/' ? url + 1 : url);
	request->most =
		strcmp(request->path, "api/do/upload") == 0 && cookie_of(request) ? MAX_PIECE : MAX_BODY;
	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_framing, &framing);
	request->address = serve_address_behind(request->arena, about->client_addr, framing.forwarded);
	if (framing.hosts != 1 || framing.lengths + framing.encodings > 1)
		fail(request, 400, "The request is malformed.");
	else if (!host_known(host))
		fail(request, 421, "The site is not known by this name: start it with --site-url.");
	else if (length && strtoull(length, NULL, 10) > request->most)
		fail(request, 413, "The request is too long.");
	else
		return true;
	return false;
}

static enum MHD_Result
take_request(void *unused, struct MHD_Connection *connection, const char *url, const char *method,
			 const char *version, const char *upload, size_t *upload_size, void **memory)
{
	Request *request = *memory;

	if (!request)
	{
		request = serve_allocate(sizeof(Request));
		request->connection = connection;
		request->arena = serve_arena_new();
		*memory = request;
		if (begin(request, url, method))
			return MHD_YES;
		return send_answer(request);
	}
	if (*upload_size > 0)
	{
		if (request->body.length + *upload_size > request->most)
			return MHD_NO;
		serve_bytes_add(&request->body, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	return answer(request);
}

static void
end_request(void *unused, struct MHD_Connection *connection, void **memory,
			enum MHD_RequestTerminationCode how)
{
	Request *request = *memory;

	*memory = NULL;
	if (!request)
		return;
	if (request->body.data)
		memset(request->body.data, 0, request->body.length); /* it may hold a password */
	serve_bytes_free(&request->body);
	serve_bytes_free(&request->out);
	serve_arena_free(request->arena);
	free(request);
}

static void
log_of_library(void *unused, const char *format, va_list arguments)
{
	char line[512];

	vsnprintf(line, sizeof(line), format, arguments);
	serve_log(SERVE_LOG_DEBUG, "site: %s", line);
}

/* ---- Start and end ---- */

/* What follows from how the site is reached; false if that is no address. */
static bool
read_url(void)
{
	const char *url = serve_settings.site_url;
	const char *host;
	size_t length;
	bool safe = false;

	strcpy(url_path, "/");
	if (url)
	{
		safe = strncmp(url, "https://", 8) == 0;
		if ((!safe && strncmp(url, "http://", 7) != 0) || strpbrk(url, "?#\"\\<>;, ") ||
			strlen(url) > 500)
			return false;
		host = strstr(url, "://") + 3;
		length = strcspn(host, "/");
		if (length == 0 || length >= sizeof(url_host))
			return false;
		snprintf(url_host, sizeof(url_host), "%.*s", (int) length, host);
		snprintf(url_origin, sizeof(url_origin), "http%s://%s", safe ? "s" : "", url_host);
		snprintf(url_path, sizeof(url_path), "%s%s", host[length] ? host + length : "/",
				 host[length] && host[strlen(host) - 1] != '/' ? "/" : "");
	}
	/* The prefix has browsers see to it that no other host has set it. */
	snprintf(cookie_name, sizeof(cookie_name), "%smls_site",
			 safe && strcmp(url_path, "/") == 0 ? "__Host-" : "");
	snprintf(cookie_attributes, sizeof(cookie_attributes), "Path=%s; HttpOnly; SameSite=Strict%s",
			 url_path, safe ? "; Secure" : "");
	return true;
}

bool
serve_site_start(int listener, const char *place, char *problem, size_t space)
{
	static char host[256];
	const char *colon = strrchr(place, ':');

	if (!read_url())
	{
		snprintf(problem, space, "\"%s\" is no public URL of a site: https://host/path",
				 serve_settings.site_url);
		return false;
	}
	if (place[0] != '/')
	{
		snprintf(host, sizeof(host), "%.*s", (int) (colon - place), place);
		own_host = host;
		if (strncmp(host, "127.", 4) != 0 && strcmp(host, "[::1]") != 0)
		{
			if (!serve_settings.site_open)
				snprintf(problem, space,
						 "the site would be reached from other machines on %s, without encryption: "
						 "put a "
						 "proxy before it, or say --site-open",
						 place);
			else if (!url_host[0])
				snprintf(problem, space, "with --site-open --site-url has to be said");
			if (!serve_settings.site_open || !url_host[0])
				return false;
		}
	}
	if (!serve_site_login_start(problem, space) || !serve_site_questions_start(problem, space))
		return false;
	site = MHD_start_daemon(
		MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC |
			MHD_USE_ERROR_LOG,
		0, NULL, NULL, take_request, NULL, MHD_OPTION_EXTERNAL_LOGGER, log_of_library, NULL,
		MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL,
		MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!site)
		snprintf(problem, space, "cannot serve on %s", place);
	return site != NULL;
}

void
serve_site_stop(void)
{
	if (!site)
		return;
	serve_site_live_stop();
	serve_site_jobs_stop();
	MHD_stop_daemon(site);
	serve_site_sessions_stop();
}
