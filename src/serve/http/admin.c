/*
 * admin.c
 *		For who runs the service: whether it lives, whether it can serve, what it has counted.
 *		It listens elsewhere than the service, and asks the database nothing.
 */
#include "serve/http/serve_http.h"

#include <microhttpd.h>
#include <string.h>

#include "serve/base/bytes.h"
#include "serve/base/counters.h"
#include "serve/base/settings.h"
#include "serve/pool/pool.h"
#include "serve/schema/cache.h"

static struct MHD_Daemon *admin;

static void
counted(ServeBytes *out, const char *name, const char *type, const char *help, int64_t value)
{
	serve_bytes_format(out, "# HELP mls_serve_%s %s\n# TYPE mls_serve_%s %s\nmls_serve_%s %lld\n",
					   name, help, name, type, name, (long long) value);
}

static void
write_metrics(ServeBytes *out)
{
	const ServeCounters *c = &serve_counters;

	serve_bytes_text(out, "# HELP mls_serve_requests_total requests that were answered\n"
						  "# TYPE mls_serve_requests_total counter\n");
	for (int i = 2; i < 6; i++)
		serve_bytes_format(out, "mls_serve_requests_total{status=\"%dxx\"} %lld\n", i,
						   (long long) c->requests[i]);
	counted(out, "requests_in_flight", "gauge", "requests being answered", c->in_flight);
	counted(out, "requests_queued", "gauge", "requests waiting for the database", c->queued);
	counted(out, "database_connections", "gauge", "connections that work", c->connected);
	counted(out, "database_connections_wanted", "gauge", "connections there should be",
			serve_settings.threads);
	counted(out, "database_milliseconds_total", "counter", "time spent in the database",
			c->database_ms);
	counted(out, "database_connect_failures_total", "counter", "connections that could not be had",
			c->reconnects);
	counted(out, "rows_total", "counter", "records sent", c->rows);
	counted(out, "bytes_total", "counter", "bytes of bodies sent", c->bytes);
	counted(out, "refused_busy_total", "counter", "requests refused because of load",
			c->refused_busy);
	counted(out, "refused_rate_total", "counter", "requests beyond a consumer's limits",
			c->refused_rate);
	counted(out, "refused_tokens_total", "counter", "requests without a right to be answered",
			c->refused_tokens);
	counted(out, "logins_total", "counter", "secrets that were right", c->logins);
	counted(out, "failed_logins_total", "counter", "secrets that were not", c->failed_logins);
	counted(out, "reloads_total", "counter", "times what is served was read", c->reloads);
	counted(out, "failed_reloads_total", "counter", "times it could not be read",
			c->failed_reloads);
	counted(out, "audit_lost_total", "counter", "rows of the audit that are lost", c->audit_lost);
}

static enum MHD_Result
answer(struct MHD_Connection *connection, int status, ServeBytes *body)
{
	size_t length;
	char *data = serve_bytes_take(body, &length);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(length, data, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	MHD_add_response_header(response, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	result = MHD_queue_response(connection, (unsigned int) status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
take_request(void *unused, struct MHD_Connection *connection, const char *url, const char *method,
			 const char *version, const char *upload, size_t *upload_size, void **memory)
{
	ServeBytes body = {0};

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return MHD_NO;
	if (strcmp(url, "/live") == 0)
	{
		serve_bytes_text(&body, "live\n");
		return answer(connection, 200, &body);
	}
	if (strcmp(url, "/ready") == 0)
	{
		bool ready = serve_cache_loaded() && serve_pool_works() && !serve_front_draining();

		serve_bytes_text(&body, ready                    ? "ready\n"
								: serve_front_draining() ? "draining\n"
														 : "not ready\n");
		return answer(connection, ready ? 200 : 503, &body);
	}
	if (strcmp(url, "/metrics") == 0)
	{
		write_metrics(&body);
		return answer(connection, 200, &body);
	}
	serve_bytes_text(&body, "there are /live, /ready and /metrics\n");
	return answer(connection, 404, &body);
}

bool
serve_admin_start(int listener)
{
	admin = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL,
							 take_request, NULL, MHD_OPTION_LISTEN_SOCKET, listener,
							 MHD_OPTION_CONNECTION_LIMIT, 16u, MHD_OPTION_CONNECTION_TIMEOUT, 10u,
							 MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
	return admin != NULL;
}

void
serve_admin_stop(void)
{
	if (admin)
		MHD_stop_daemon(admin);
}
