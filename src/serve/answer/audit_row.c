/*
 * audit_row.c
 *		What is written down of a request: who, what kind of query, how much, how long.  Never
 *		a value, a token or a secret.
 */
#include <string.h>

#include "serve/answer/parts.h"
#include "serve/base/moment.h"
#include "serve/base/serve_log.h"

static void
text_member(ServeBytes *out, const char *name, const char *value)
{
	serve_bytes_format(out, ",\"%s\":", name);
	serve_bytes_json_text(out, value);
}

/* An address without a plan may hold anything: of it only which of ours it was. */
static const char *
shape_of(const ServeCall *call)
{
	if (call->plan)
		return call->plan->shape;
	if (call->media)
		return "media/?";
	if (call->dataset)
		return "datasets/?";
	return call->oauth && call->path ? call->path : NULL;
}

void
serve_audit(ServeCall *call)
{
	ServeBytes out = {0};
	int64_t now = serve_calendar_ms();
	int64_t ended = serve_now_ms();
	time_t seconds = (time_t) (now / 1000);
	struct tm parts;
	char at[32];
	bool queued = call->job.started > 0;
	const char *resource = call->plan && call->plan->resource ? call->plan->resource->name
						   : call->media                      ? "Media"
						   : call->dataset                    ? "Datasets"
															  : NULL;

	gmtime_r(&seconds, &parts);
	strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%S", &parts);
	serve_bytes_format(&out, "{\"at\":\"%s.%03dZ\"", at, (int) (now % 1000));
	text_member(&out, "consumer", call->consumer.name);
	text_member(&out, "client_id", call->consumer.client_id);
	text_member(&out, "role", call->consumer.role);
	text_member(&out, "method", call->method);
	text_member(&out, "resource", resource);
	text_member(&out, "query", shape_of(call));
	text_member(&out, "address", call->address);
	serve_bytes_format(&out, ",\"status\":%d,\"rows\":%d,\"bytes\":%zu", call->reply.status,
					   call->reply.rows, call->reply.length);
	if (queued)
		serve_bytes_format(&out, ",\"queue_ms\":%lld,\"database_ms\":%lld",
						   (long long) (call->job.started - call->job.submitted),
						   (long long) (ended - call->job.started));
	serve_bytes_format(&out, ",\"ms\":%lld}", (long long) (ended - call->began));
	serve_log(SERVE_LOG_DEBUG, "%s", out.data);
	serve_clerk_note(serve_bytes_take(&out, NULL));
}
