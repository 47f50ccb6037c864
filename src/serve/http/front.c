/*
 * front.c
 *		The service itself: requests in, answers out.
 *
 * The address is taken as it came, since the library decodes it, and what is encoded in a key
 * would become a slash.  A request that needs the database is suspended before it is queued,
 * or its answer could come before it sleeps.
 */
#include "serve/http/serve_http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "serve/answer/answer.h"
#include "serve/base/counters.h"
#include "serve/base/moment.h"
#include "serve/base/serve_log.h"
#include "serve/base/settings.h"

/* Of a connection: beyond it the library answers itself, so it is well beyond our own limits. */
#define CONNECTION_MEMORY (256 * 1024)
/* Of a body that is refused anyway, beyond what may come; who sends more is cut off. */
#define MOST_TO_SWALLOW (1024 * 1024)

enum
{
	CALL_NEW,     /* the address is there */
	CALL_READING, /* the headers are there */
	CALL_WHOLE,   /* all of it is there, and the database is to be asked */
	CALL_ASKED,   /* the pool has it */
	CALL_READY    /* the reply is there */
};

static struct MHD_Daemon *front;
static _Atomic bool draining;

static void
log_of_library(void *unused, const char *format, va_list arguments)
{
	char line[512];

	vsnprintf(line, sizeof(line), format, arguments);
	serve_log(SERVE_LOG_DEBUG, "http: %s", line);
}

static void *
new_call(void *unused, const char *target, struct MHD_Connection *connection)
{
	ServeCall *call = serve_call_new(target);

	serve_count(in_flight, 1);
	call->connection = connection;
	return call;
}

static void
end_call(void *unused, struct MHD_Connection *connection, void **memory,
		 enum MHD_RequestTerminationCode how)
{
	ServeCall *call = *memory;

	*memory = NULL;
	if (!call)
		return;
	serve_answer_end(call);
	serve_call_free(call);
	serve_count(in_flight, -1);
}

/* ---- Reading ---- */

typedef struct HeaderReader
{
	ServeCall *call;
	size_t length;
	const char *forwarded;
	int hosts;
	int lengths;
	int encodings;
	bool malformed;
} HeaderReader;

/* What a proxy before us may understand otherwise: where a request ends, and whose it is.  The
 * library takes the first of two lengths, and names with a blank behind them; it would look for
 * a host itself, but what it refuses has none of our headers. */
static void
check_framing(HeaderReader *reader, const char *name, const char *value)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789"
								"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	if (!name[0] || name[strspn(name, token)] != '\0')
		reader->malformed = true;
	else if (strcasecmp(name, "Host") == 0)
		reader->hosts++;
	else if (strcasecmp(name, "Content-Length") == 0)
		reader->lengths++;
	else if (strcasecmp(name, "Transfer-Encoding") == 0)
	{
		reader->encodings++;
		if (!value || strcasecmp(value, "chunked") != 0)
			reader->malformed = true;
	}
	if (reader->hosts > 1 || reader->lengths + reader->encodings > 1)
		reader->malformed = true;
}

static enum MHD_Result
read_header(void *memory, enum MHD_ValueKind kind, const char *name, const char *value)
{
	HeaderReader *reader = memory;
	ServeHeaders *headers = &reader->call->headers;
	const struct
	{
		const char *name;
		const char **place;
	} known[] = {
		{"Accept", &headers->accept},
		{"Accept-Encoding", &headers->accept_encoding},
		{"Authorization", &headers->authorization},
		{"Content-Type", &headers->content_type},
		{"If-None-Match", &headers->if_none_match},
		{"If-Range", &headers->if_range},
		{"Origin", &headers->origin},
		{"Prefer", &headers->prefer},
		{"Range", &headers->range},
		{"OData-Version", &headers->odata_version},
		{"OData-MaxVersion", &headers->odata_max_version},
		{"Access-Control-Request-Method", &headers->request_method},
		{"X-Forwarded-For", &reader->forwarded},
	};

	reader->length += strlen(name) + (value ? strlen(value) : 0) + 4;
	check_framing(reader, name, value);
	for (size_t i = 0; value && i < sizeof(known) / sizeof(known[0]); i++)
	{
		if (strcasecmp(known[i].name, name) != 0)
			continue;
		/* Lists go on in a second header; what is no list is told once, or it is nothing. */
		if (!*known[i].place)
			*known[i].place = serve_copy(reader->call->arena, value);
		else if (known[i].place == &headers->authorization)
			*known[i].place = "twice";
		else
			*known[i].place = serve_printf(reader->call->arena, "%s, %s", *known[i].place, value);
	}
	return MHD_YES;
}

/* The headers are there; 0, or the status that says what is wrong with them. */
static int
read_headers(ServeCall *call, const char *method, const char *version)
{
	HeaderReader reader = {.call = call};
	const union MHD_ConnectionInfo *about =
		MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	call->method = serve_copy(call->arena, method);
	MHD_get_connection_values(call->connection, MHD_HEADER_KIND, read_header, &reader);
	call->address = serve_address_behind(call->arena, about->client_addr, reader.forwarded);
	if (reader.malformed || strpbrk(call->target, " \t"))
		return 400;
	if (reader.hosts == 0 && strcmp(version, "HTTP/1.0") != 0)
		return 400;
	if (strlen(call->target) > SERVE_MAX_TARGET)
		return 414;
	return reader.length > SERVE_MAX_TARGET ? 431 : 0;
}

/* How much of a body is read; 0, or the status that says why it is not.  -1: the reply does. */
static int
limit_body(ServeCall *call)
{
	const char *length =
		MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, "Content-Length");
	int64_t limit = serve_answer_head(call);
	uint64_t said = length ? strtoull(length, NULL, 10) : 0;

	if (limit < 0)
		return -1;
	call->body_limit = (size_t) limit;
	if (said > (uint64_t) limit)
		return 413;
	if (!length && limit > SERVE_MAX_BODY)
		said = (uint64_t) limit;
	if (said > SERVE_MAX_BODY && !serve_upload_reserve(call, (int64_t) said))
		return 503;
	if (length)
		serve_bytes_reserve(&call->body, (size_t) said);
	return 0;
}

/* ---- Answering ---- */

static void
free_body(void *memory)
{
	free(memory);
}

static void
release_role(void *memory)
{
	serve_role_release(memory);
}

static struct MHD_Response *
make_response(ServeCall *call)
{
	ServeReply *reply = &call->reply;
	struct MHD_Response *response;

	if (reply->from_file)
	{
		/* The library closes it. */
		reply->from_file = false;
		return MHD_create_response_from_fd_at_offset64(reply->length, reply->file,
													   (uint64_t) reply->offset);
	}
	if (!reply->body)
		return MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
	if (reply->shared)
	{
		/* The document lives as long as the entry of its role. */
		ServeRole *role = call->role;

		call->role = NULL;
		response = MHD_create_response_from_buffer_with_free_callback_cls(
			reply->length, reply->body, release_role, role);
	}
	else
		response = MHD_create_response_from_buffer_with_free_callback(reply->length, reply->body,
																	  free_body);
	reply->body = NULL;
	return response;
}

static enum MHD_Result
send_reply(ServeCall *call, bool last)
{
	ServeReply *reply = &call->reply;
	struct MHD_Response *response = make_response(call);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	for (int i = 0; i < reply->nheaders; i++)
		MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
	if (draining || last)
		MHD_add_response_header(response, "Connection", "close");
	result = MHD_queue_response(call->connection, (unsigned int) reply->status, response);
	MHD_destroy_response(response);
	return result;
}

/* On a thread of the pool: the reply is there. */
static void
wake_call(ServeCall *call)
{
	call->state = CALL_READY;
	MHD_resume_connection(call->connection);
}

/*
 * Who has sent a whole request may close his side and still wait.  The library reads from a
 * connection that is resumed if it was reading when it was suspended, finds the end, and gives
 * the connection up before its answer.  So whoever needs the database is not suspended in the
 * call that read him, but in the next, at once: then the library waits for us and reads nothing.
 */
static enum MHD_Result
answer_call(ServeCall *call)
{
	if (serve_answer_begin(call))
	{
		call->state = CALL_READY;
		return send_reply(call, false);
	}
	call->state = CALL_WHOLE;
	return MHD_YES;
}

static enum MHD_Result
ask_pool(ServeCall *call)
{
	ServeSubmit outcome;

	call->done = wake_call;
	call->state = CALL_ASKED;
	MHD_suspend_connection(call->connection);
	outcome = serve_pool_submit(&call->job);
	if (outcome != SERVE_SUBMITTED)
	{
		serve_answer_refused(call, outcome);
		wake_call(call);
	}
	return MHD_YES;
}

static enum MHD_Result
take_request(void *unused, struct MHD_Connection *connection, const char *url, const char *method,
			 const char *version, const char *upload, size_t *upload_size, void **memory)
{
	ServeCall *call = *memory;

	if (!call)
		return MHD_NO;
	switch (call->state)
	{
		case CALL_NEW:
		{
			int fault = read_headers(call, method, version);

			call->state = CALL_READING;
			if (fault == 0)
				fault = limit_body(call);
			if (fault == 0)
				return MHD_YES;
			if (fault > 0)
				serve_answer_fault(call, fault);
			call->state = CALL_READY;
			/* What follows is not read as a request. */
			return send_reply(call, true);
		}
		case CALL_READING:
			if (*upload_size == 0 && call->body_length > call->body_limit)
			{
				serve_answer_fault(call, 413);
				call->state = CALL_READY;
				return send_reply(call, true);
			}
			if (*upload_size == 0)
				return answer_call(call);
			call->body_length += *upload_size;
			if (call->body_length > call->body_limit + MOST_TO_SWALLOW)
				return MHD_NO;
			if (call->body_length > call->body_limit)
			{
				/* It came in pieces without saying how many: it is read to its end, and refused. */
				*upload_size = 0;
				return MHD_YES;
			}
			serve_bytes_add(&call->body, upload, *upload_size);
			*upload_size = 0;
			return MHD_YES;
		case CALL_WHOLE:
			return ask_pool(call);
		case CALL_READY:
			*upload_size = 0;
			return send_reply(call, false);
		default:
			return MHD_YES;
	}
}

/* ---- Start and end ---- */

bool
serve_front_start(int listener)
{
	front = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
		0, NULL, NULL, take_request, NULL, MHD_OPTION_EXTERNAL_LOGGER, log_of_library, NULL,
		MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_URI_LOG_CALLBACK, new_call, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, end_call, NULL, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int) serve_settings.connections, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int) serve_settings.idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t) CONNECTION_MEMORY, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
	return front != NULL;
}

bool
serve_front_draining(void)
{
	return draining;
}

bool
serve_front_drain(int ms)
{
	int64_t until = serve_now_ms() + ms;
	MHD_socket listener;

	draining = true;
	listener = MHD_quiesce_daemon(front);
	if (listener != MHD_INVALID_SOCKET)
		close(listener);
	while (serve_counters.in_flight > 0 && serve_now_ms() < until)
	{
		const struct timespec moment = {.tv_nsec = 10000000};

		nanosleep(&moment, NULL);
	}
	return serve_counters.in_flight == 0;
}

void
serve_front_stop(void)
{
	MHD_stop_daemon(front);
}
