/*
 * check.c
 *		mls_check: connects to a source and says in plain words what works.
 *
 * Every step runs in a subtransaction, so that its failure is a row of the
 * answer and the next step can still be taken.  Only what ends the whole
 * statement (cancel, timeout, shutdown) passes through.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "base/base.h"
#include "fdw/check.h"
#include "http/url.h"
#include "options/options.h"

PG_FUNCTION_INFO_V1(mls_check);

/* ---- the frame of a step ---- */

static void
put_row(MlsCheck *check, const char *item, bool ok, const char *detail)
{
	Datum values[3] = {CStringGetTextDatum(item), BoolGetDatum(ok), CStringGetTextDatum(detail)};
	bool nulls[3] = {false};

	tuplestore_putvalues(check->result->setResult, check->result->setDesc, values, nulls);
}

/* An error as one line: message, then detail and hint. */
static char *
describe_error(const ErrorData *error)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, error->message ? error->message : "failed without a message");
	if (error->detail)
		appendStringInfo(&buf, ". %s", error->detail);
	if (error->hint)
		appendStringInfo(&buf, "%s %s", error->detail ? "" : ".", error->hint);
	return buf.data;
}

/* Cancel, timeout and shutdown are meant for the statement, not for a step. */
static bool
is_of_step(int sqlstate)
{
	return ERRCODE_TO_CATEGORY(sqlstate) != ERRCODE_OPERATOR_INTERVENTION;
}

/* A step to be done, and what it says. */
typedef struct Guarded
{
	MlsCheck *check;
	MlsCheckStep step;
	const MlsTable *table;
	char *detail;
} Guarded;

static void
run_step(void *arg)
{
	Guarded *guarded = arg;

	guarded->detail = guarded->step(guarded->check, guarded->table);
}

static char *
run_guarded(MlsCheck *check, MlsCheckStep step, const MlsTable *table)
{
	Guarded guarded = {check, step, table};
	ErrorData *error = mls_subtransaction(run_step, &guarded, is_of_step, true);

	if (error == NULL)
		return guarded.detail;
	check->ok = false;
	return describe_error(error);
}

bool
mls_check_step(MlsCheck *check, const char *item, MlsCheckStep step, const MlsTable *table)
{
	MemoryContext work =
		AllocSetContextCreate(check->context, "mls_fdw check", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);

	CHECK_FOR_INTERRUPTS();
	check->ok = true;
	put_row(check, item, check->ok, run_guarded(check, step, table));
	MemoryContextSwitchTo(old);
	/* Ends the transfers that a failed step has left behind, too. */
	MemoryContextDelete(work);
	return check->ok;
}

/* ---- the steps before any record is read ---- */

static char *
check_configuration(MlsCheck *check, const MlsTable *table)
{
	MemoryContext old = MemoryContextSwitchTo(check->context);
	const char *problem;

	check->source = mls_source_by_name(check->server_name, GetUserId(), false);
	MemoryContextSwitchTo(old);
	mls_rights_require_server(GetUserId(), check->source->http.server_id, check->source->http.name);
	check->server_name = check->source->http.name;
	problem = mls_url_problem(check->source->http.url);
	check->ok = problem == NULL;
	return problem
			   ? psprintf("The address cannot be used: %s", problem)
			   : psprintf("Protocol %s, platform %s, address %s.", check->source->protocol->name,
						  check->source->platform_name ? check->source->platform_name : "generic",
						  mls_url_display(check->source->http.url));
}

static char *
check_credentials(MlsCheck *check, const MlsTable *table)
{
	static const char *const kinds[] = {
		[MLS_AUTH_NONE] = "Nothing to log in with is configured; requests go without.",
		[MLS_AUTH_OAUTH2] = "OAuth 2 client credentials are configured.",
		[MLS_AUTH_BEARER] = "A fixed bearer token is configured.",
		[MLS_AUTH_BASIC] = "User name and password are configured.",
		[MLS_AUTH_HEADER] = "A key for a request header is configured.",
		[MLS_AUTH_PASSWORD] = "User name and password are configured, to be exchanged for a token.",
		[MLS_AUTH_CHALLENGE] = "User name and password are configured, for what the source asks.",
	};
	MemoryContext old = MemoryContextSwitchTo(check->context);

	check->source = mls_source_by_name(check->server_name, GetUserId(), true);
	MemoryContextSwitchTo(old);
	if (check->source->http.token_platform)
		return psprintf("%s The token is asked for at %s, the endpoint of platform \"%s\" (option "
						"token_url).",
						kinds[check->source->http.auth],
						mls_url_display(check->source->http.token_url),
						check->source->http.token_platform);
	return pstrdup(kinds[check->source->http.auth]);
}

/* Asks for the service root: address, network and login are tried. */
static char *
check_service(MlsCheck *check, const MlsTable *table)
{
	MlsHttpCall call = {.method = "GET",
						.url = mls_url_build(check->source->http.url, "", NIL),
						.purpose = "the service root"};
	int64 before_us = check->stats.wait_us;
	MlsHttpResponse *response;

	/* A second login beside the session's own would be refused, and end the first. */
	if (check->source->protocol->log_in)
	{
		check->source->protocol->log_in(check->source, &check->stats);
		return psprintf("The source can be reached and lets this user in, after " INT64_FORMAT
						" ms.",
						(check->stats.wait_us - before_us) / 1000);
	}
	response = mls_http_fetch(&check->source->http, &call, &check->stats);

	if (response->status == 401 || response->status == 403)
		mls_http_report_status(&check->source->http, &call, response, NULL);
	if (response->status >= 400)
		return psprintf("The source can be reached; it has nothing at its root (status %d).",
						response->status);
	return psprintf("The source can be reached; its root answered %d after " INT64_FORMAT " ms.",
					response->status, (check->stats.wait_us - before_us) / 1000);
}

static char *
check_metadata(MlsCheck *check, const MlsTable *table)
{
	MemoryContext old = MemoryContextSwitchTo(check->context);
	StringInfoData buf;
	int fields = 0;
	ListCell *lc;

	check->schema = check->source->protocol->describe(check->source, &check->stats);
	MemoryContextSwitchTo(old);
	foreach (lc, check->schema->resources)
		fields += list_length(((MlsRemoteResource *) lfirst(lc))->fields);
	initStringInfo(&buf);
	appendStringInfo(&buf, "%s with %s.",
					 mls_counted(list_length(check->schema->resources), "resource", "resources"),
					 mls_counted(fields, "field", "fields"));
	if (check->schema->findings)
		appendStringInfo(
			&buf, " Read with %s: %s.",
			mls_counted(list_length(check->schema->findings), "finding", "findings, the first"),
			(char *) linitial(check->schema->findings));
	return buf.data;
}

/* ---- the steps after ---- */

static char *
check_encoding(MlsCheck *check, const MlsTable *table)
{
	check->ok = check->replaced == 0 && GetDatabaseEncoding() == PG_UTF8;
	if (check->replaced > 0)
		return psprintf("%s not valid UTF-8 and replaced.",
						mls_counted(check->replaced, "character is", "characters are"));
	if (GetDatabaseEncoding() != PG_UTF8)
		return psprintf("The records are UTF-8; the database's encoding %s cannot hold every one "
						"of their characters.",
						GetDatabaseEncodingName());
	return "The records are valid UTF-8.";
}

static void
append_quota(StringInfo buf, int64 spent, double allowed, const char *unit, const char *period)
{
	if (allowed > 0)
		appendStringInfo(buf, "%s" INT64_FORMAT " of %.0f %s in %s", buf->len ? ", " : "", spent,
						 allowed, allowed == 1 ? unit : psprintf("%ss", unit), period);
}

static char *
check_quota(MlsCheck *check, const MlsTable *table)
{
	const MlsRates *rates = &check->source->http.rates;
	MlsHttpQuota spent = {0};
	StringInfoData buf;

	mls_http_quota(&check->source->http, &spent);
	initStringInfo(&buf);
	append_quota(&buf, spent.minute, rates->per_minute, "request", "a minute");
	append_quota(&buf, spent.hour, rates->per_hour, "request", "an hour");
	append_quota(&buf, spent.day, rates->per_day, "request", "a day");
	append_quota(&buf, spent.bytes_hour, rates->bytes_per_hour, "byte", "an hour");
	if (rates->per_second > 0)
		appendStringInfo(&buf, "%s%g %s a second", buf.len ? ", at most " : "at most ",
						 rates->per_second, rates->per_second == 1 ? "request" : "requests");
	if (buf.len == 0)
		appendStringInfoString(&buf, "no limit is configured");
	return psprintf(
		"Used: %s.%s Requests of this check: " INT64_FORMAT ".", buf.data,
		check->source->http.quota_shared ? " Shared with the servers of its quota_group." : "",
		check->stats.requests);
}

/* Each step needs the one before. */
static bool
check_foundations(MlsCheck *check)
{
	return mls_check_step(check, "configuration", check_configuration, NULL) &&
		   mls_check_step(check, "credentials", check_credentials, NULL) &&
		   mls_check_step(check, "service", check_service, NULL) &&
		   mls_check_step(check, "metadata", check_metadata, NULL);
}

Datum
mls_check(PG_FUNCTION_ARGS)
{
	MlsCheck check = {.context = CurrentMemoryContext,
					  .server_name = text_to_cstring(PG_GETARG_TEXT_PP(0))};

	InitMaterializedSRF(fcinfo, 0);
	check.result = (ReturnSetInfo *) fcinfo->resultinfo;
	if (check_foundations(&check))
	{
		mls_check_resources(&check);
		mls_check_units(&check);
		mls_check_step(&check, "encoding", check_encoding, NULL);
	}
	if (check.source)
		mls_check_step(&check, "quota", check_quota, NULL);
	return (Datum) 0;
}
