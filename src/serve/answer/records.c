/*
 * records.c
 *		Rows of the database as OData's JSON: the rows come as JSON, and get around them what
 *		a response has.
 */
#include <stdlib.h>
#include <string.h>

#include "serve/answer/parts.h"
#include "serve/base/settings.h"

/* A page that grows beyond this ends early, and the rest is behind its next link. */
#define MAX_PAGE_BYTES (64 * 1024 * 1024)
#define MAX_CURSOR 64

/* ---- metadata=full ---- */

/* The value of a member of an object's JSON, raw; NULL if it is not there. */
static const char *
raw_member(const char *row, size_t length, const char *name, size_t *value_length)
{
	size_t name_length = strlen(name);
	const char *end = row + length;
	const char *at = row + 1;

	while (at < end && *at == '"')
	{
		const char *key = ++at;
		const char *value;
		bool quoted = false;
		int depth = 0;

		while (at < end && *at != '"')
			at += *at == '\\' ? 2 : 1;
		value = at + 2; /* a quote and a colon: the extension writes no blanks */
		for (at = value; at < end && (quoted || depth > 0 || (*at != ',' && *at != '}')); at++)
		{
			if (quoted && *at == '\\')
				at++;
			else if (*at == '"')
				quoted = !quoted;
			else if (!quoted && (*at == '{' || *at == '['))
				depth++;
			else if (!quoted && (*at == '}' || *at == ']'))
				depth--;
		}
		if (strncmp(key, name, name_length) == 0 && key[name_length] == '"')
		{
			*value_length = (size_t) (at - value);
			return value;
		}
		at++;
	}
	return NULL;
}

/* A raw value as it stands in an address: texts get single quotes, and escapes are undone as far
 * as they are of one byte.  False if it has others. */
static bool
add_key_value(ServeBytes *out, const char *raw, size_t length)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";

	if (length < 2 || raw[0] != '"')
	{
		serve_bytes_add(out, raw, length);
		return true;
	}
	serve_bytes_text(out, "'");
	for (size_t i = 1; i + 1 < length; i++)
	{
		char c = raw[i];

		if (c == '\\')
		{
			c = raw[++i];
			if (c != '"' && c != '\\' && c != '/')
				return false;
		}
		if (c == '\'')
			serve_bytes_text(out, "''");
		else if (strchr(plain, c))
			serve_bytes_add(out, &c, 1);
		else
			serve_bytes_format(out, "%%%02X", (unsigned char) c);
	}
	serve_bytes_text(out, "'");
	return true;
}

/* Type, address and addresses of what belongs to a record, before its fields. */
static void
add_full(ServeCall *call, ServeBytes *out, const char *row, size_t length)
{
	const ServeResource *resource = call->plan->resource;
	ServeBytes address = {0};
	bool known = true;

	serve_bytes_format(out, "\"@odata.type\":\"#%s.%s\",", SERVE_NAMESPACE, resource->name);
	serve_bytes_format(&address, "%s(", resource->name);
	for (int i = 0; known && i < resource->nkeys; i++)
	{
		size_t value_length;
		const char *value = raw_member(row, length, resource->keys[i]->name, &value_length);

		if (i > 0)
			serve_bytes_text(&address, ",");
		if (resource->nkeys > 1)
			serve_bytes_format(&address, "%s=", resource->keys[i]->name);
		known = value && add_key_value(&address, value, value_length);
	}
	serve_bytes_text(&address, ")");
	if (known)
	{
		serve_bytes_format(out, "\"@odata.id\":\"%s%s\",\"@odata.editLink\":\"%s\",",
						   serve_settings.public_url, address.data, address.data);
		for (int i = 0; i < resource->nnavigations; i++)
			serve_bytes_format(out, "\"%s@odata.navigationLink\":\"%s/%s\",",
							   resource->navigations[i].name, address.data,
							   resource->navigations[i].name);
	}
	serve_bytes_free(&address);
}

/* ---- One record, a value, a number ---- */

/* The object with a context before its members. */
static void
add_record(ServeCall *call, ServeBytes *out, const char *row, size_t length, bool with_context)
{
	serve_bytes_text(out, "{");
	if (with_context && call->form.level != SERVE_LEVEL_NONE)
	{
		serve_bytes_text(out, "\"@odata.context\":");
		serve_bytes_json_text(
			out, serve_printf(call->arena, "%s%s", serve_settings.public_url, call->plan->context));
		serve_bytes_text(out, ",");
	}
	if (call->form.level == SERVE_LEVEL_FULL && call->plan->kind != SERVE_PROPERTY)
		add_full(call, out, row, length);
	if (length > 2)
		serve_bytes_add(out, row + 1, length - 1);
	else
	{
		/* No members: the comma before them goes. */
		if (out->data[out->length - 1] == ',')
			out->length--;
		serve_bytes_text(out, "}");
	}
}

static void
answer_record(ServeCall *call, ServeResult *rows)
{
	size_t length;
	const char *row = serve_result_text(rows, 0, 0, &length);
	const char *is_null = serve_result_text(rows, 0, 1, NULL);
	ServeBytes out = {0};

	if (call->plan->kind == SERVE_PROPERTY && is_null && is_null[0] == 't')
	{
		call->reply.status = 204;
		return;
	}
	serve_bytes_reserve(&out, length + 512);
	add_record(call, &out, row, length, true);
	call->reply.rows = 1;
	call->reply.tagged = true;
	serve_reply_body(call, 200, serve_json_type(&call->form), &out);
}

static void
answer_text(ServeCall *call, ServeResult *rows)
{
	size_t length;
	const char *value = serve_result_text(rows, 0, 0, &length);
	ServeBytes out = {0};

	if (!value)
	{
		call->reply.status = 204;
		return;
	}
	serve_bytes_add(&out, value, length);
	call->reply.rows = 1;
	call->reply.tagged = true;
	serve_reply_body(call, 200, "text/plain;charset=utf-8", &out);
}

/* ---- A page ---- */

/* How many rows are shown, and how long they are. */
static int
rows_shown(const ServePlan *plan, const ServeResult *rows, size_t *bytes)
{
	int n = serve_result_rows(rows);
	int shown;

	*bytes = 0;
	for (shown = 0; shown < n && shown < plan->page_rows; shown++)
	{
		size_t length = 0;

		serve_result_text(rows, shown, 0, &length);
		if (shown > 0 && plan->ncursor > 0 && *bytes + length > MAX_PAGE_BYTES)
			break;
		*bytes += length + 1;
	}
	return shown;
}

static const char *
next_link(ServeCall *call, const ServeResult *rows, int shown, int64_t total)
{
	const ServePlan *plan = call->plan;
	const char *cursor[MAX_CURSOR];

	for (int i = 0; i < plan->ncursor && i < MAX_CURSOR; i++)
		cursor[i] = serve_result_text(rows, shown - 1, i + 1, NULL);
	return serve_next_link(call->arena, plan, cursor, shown, total);
}

static void
answer_page(ServeCall *call, ServeResult *rows, ServeResult *count)
{
	const ServePlan *plan = call->plan;
	int64_t total = plan->total;
	size_t bytes;
	int shown = rows_shown(plan, rows, &bytes);
	ServeBytes out = {0};

	if (count)
	{
		const char *number = serve_result_text(count, 0, 0, NULL);

		total = number ? atoll(number) : -1;
	}
	serve_bytes_reserve(&out, bytes + 4096);
	serve_bytes_text(&out, "{");
	if (call->form.level != SERVE_LEVEL_NONE)
	{
		serve_bytes_text(&out, "\"@odata.context\":");
		serve_bytes_json_text(
			&out, serve_printf(call->arena, "%s%s", serve_settings.public_url, plan->context));
		serve_bytes_text(&out, ",");
	}
	if (plan->with_count && total >= 0)
		serve_bytes_format(
			&out, call->form.ieee754 ? "\"@odata.count\":\"%lld\"," : "\"@odata.count\":%lld,",
			(long long) total);
	if (shown > 0 && serve_result_rows(rows) > shown &&
		(plan->may_continue || shown < plan->page_rows))
	{
		serve_bytes_text(&out, "\"@odata.nextLink\":");
		serve_bytes_json_text(&out, next_link(call, rows, shown, total));
		serve_bytes_text(&out, ",");
	}
	serve_bytes_text(&out, "\"value\":[");
	for (int i = 0; i < shown; i++)
	{
		size_t length;
		const char *row = serve_result_text(rows, i, 0, &length);

		if (i > 0)
			serve_bytes_text(&out, ",");
		if (call->form.level == SERVE_LEVEL_FULL)
			add_record(call, &out, row, length, false);
		else
			serve_bytes_add(&out, row, length);
	}
	serve_bytes_text(&out, "]}");
	call->reply.rows = shown;
	call->reply.tagged = true;
	if (plan->page_size_kept)
		serve_reply_header(call, "Preference-Applied",
						   serve_printf(call->arena, "odata.maxpagesize=%lld",
										(long long) serve_preferred_page(call->headers.prefer)));
	serve_reply_body(call, 200, serve_json_type(&call->form), &out);
}

/* ---- All of them ---- */

static void
answer_results(ServeCall *call, ServeResult *guard, ServeResult *count, ServeResult *rows)
{
	const ServePlan *plan = call->plan;

	if (guard && serve_result_rows(guard) == 0)
		serve_fail_odata(call, 404, "NotFound", "there is no such record", NULL);
	else if (plan->kind == SERVE_COLLECTION)
		answer_page(call, rows, count);
	else if (serve_result_rows(rows) == 0 && plan->missing == 204)
		call->reply.status = 204;
	else if (serve_result_rows(rows) == 0)
		serve_fail_odata(call, 404, "NotFound", "there is no such record", NULL);
	else if (plan->kind == SERVE_COUNT || plan->kind == SERVE_RAW_VALUE)
		answer_text(call, rows);
	else
		answer_record(call, rows);
}

bool
serve_answer_records(ServeCall *call, ServeConnection *connection)
{
	const ServePlan *plan = call->plan;
	const ServeStatement *statements[] = {&plan->guard, &plan->count, &plan->rows};
	ServeTurn turn = {.role = call->role->name,
					  .claims =
						  serve_claims_text(call->arena, &call->consumer,
											call->with_token ? &call->token : NULL, call->scope),
					  .timeout_ms = serve_settings.timeout_ms};
	ServeResult *results[SERVE_TURN_QUESTIONS];
	ServeResult *of[3] = {NULL, NULL, NULL};
	ServeTrouble trouble;

	for (int i = 0; i < 3; i++)
		if (statements[i]->sql)
			turn.questions[turn.nquestions++] =
				(ServeQuestion){statements[i]->sql, statements[i]->nparams, statements[i]->params};
	if (!serve_turn(connection, &turn, results, &trouble))
	{
		serve_fail_trouble(call, &trouble);
		return !serve_trouble_is_stale(&trouble);
	}
	for (int i = 0, n = 0; i < 3; i++)
		if (statements[i]->sql)
			of[i] = results[n++];
	answer_results(call, of[0], of[1], of[2]);
	for (int i = 0; i < turn.nquestions; i++)
		serve_result_free(results[i]);
	return true;
}
