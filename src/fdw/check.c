/*
 * check.c
 *		mls_check: connects to a source and says in plain words what works.
 *
 * Every step runs in a subtransaction, so that its failure is a row of the
 * answer and the next step can still be taken.  Only what ends the whole
 * statement (cancel, timeout, shutdown) passes through.
 *
 * Whether a resource can be read is asked for each of the main ones; how the
 * service counts, orders and pages is the same for all and asked of the first.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "base/name_list.h"
#include "fdw/fdw.h"
#include "http/url.h"
#include "options/options.h"
#include "protocol/ledger.h"

PG_FUNCTION_INFO_V1(mls_check);

/* Enough to see an order. */
#define ORDERED_RECORDS 5

/* Small, so that a few records make several pages. */
#define SMALL_PAGE 2

const MlsCheckStep *mls_check_store_steps = NULL;
const MlsCheckStep *mls_check_destination_steps = NULL;

static const char *const main_resources[] = {"Property", "Member",    "Office",
											 "Media",    "OpenHouse", "Lookup"};

typedef struct Check
{
	ReturnSetInfo *result;
	MemoryContext context; /* lives through all steps; a step itself runs in a short one */
	const char *server_name;
	MlsSource *source;
	MlsRemoteSchema *schema;
	MlsHttpStats stats;
	bool ok;                        /* set to false by a step that ends well with bad news */
	const MlsCheckStep *store_step; /* the one at hand, of a store of files */
	void *store_state;
	List *files;  /* of MlsSourceFile *: of a source that consists of files */
	int replaced; /* characters that had to be replaced, over all pages read */
} Check;

/* One step: returns what it found, in words. */
typedef char *(*Step)(Check *check, const MlsTable *table);

/* ---- the frame of a step ---- */

static void
put_row(Check *check, const char *item, bool ok, const char *detail)
{
	mls_return_row(check->result, mls_arg_text(item), mls_arg_bool(ok), mls_arg_text(detail));
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
	Check *check;
	Step step;
	const MlsTable *table;
	char *detail;
} Guarded;

static void
take_step(void *arg)
{
	Guarded *guarded = arg;

	guarded->detail = guarded->step(guarded->check, guarded->table);
}

/* Runs a step and adds a row for it.  An error becomes the row's detail. */
static bool
run_step(Check *check, const char *item, Step step, const MlsTable *table)
{
	MemoryContext work =
		AllocSetContextCreate(check->context, "mls_fdw check", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	Guarded guarded = {check, step, table};
	ErrorData *error;

	CHECK_FOR_INTERRUPTS();
	check->ok = true;
	error = mls_subtransaction(take_step, &guarded, is_of_step, true);
	if (error)
		check->ok = false;
	put_row(check, item, check->ok, error ? describe_error(error) : guarded.detail);
	MemoryContextSwitchTo(old);
	/* Ends the transfers that a failed step has left behind, too. */
	MemoryContextDelete(work);
	return check->ok;
}

/* ---- the steps before any record is read ---- */

/* Is a place of files asked over HTTP? */
static bool
is_remote(const Check *check)
{
	const MlsSource *source = check->source;

	return source->protocol->is_remote && source->http.url &&
		   source->protocol->is_remote(source->http.url);
}

static char *
check_configuration(Check *check, const MlsTable *table)
{
	MemoryContext old = MemoryContextSwitchTo(check->context);
	const char *problem;

	check->source = mls_source_by_name(check->server_name, GetUserId(), false);
	MemoryContextSwitchTo(old);
	mls_rights_require_server(GetUserId(), check->source->server_id, check->source->name);
	check->server_name = check->source->name;
	if (is_remote(check))
		return psprintf("Protocol %s, address %s.", check->source->protocol->name,
						mls_url_problem(check->source->http.url)
							? check->source->http.url
							: mls_url_display(check->source->http.url));
	if (check->source->protocol->is_local)
		return psprintf("Protocol %s, platform %s.", check->source->protocol->name,
						check->source->platform_name);
	if (check->source->protocol->is_store || check->source->protocol->is_destination)
		return psprintf("Protocol %s, address %s.", check->source->protocol->name,
						check->source->protocol->url_problem
							? check->source->http.url
							: mls_url_display(check->source->http.url));
	problem = mls_url_problem(check->source->http.url);
	check->ok = problem == NULL;
	return problem
			   ? psprintf("The address cannot be used: %s", problem)
			   : psprintf("Protocol %s, platform %s, address %s.", check->source->protocol->name,
						  check->source->platform_name ? check->source->platform_name : "generic",
						  mls_url_display(check->source->http.url));
}

static char *
check_credentials(Check *check, const MlsTable *table)
{
	static const char *const kinds[] = {
		[MLS_AUTH_NONE] = "Nothing to log in with is configured; requests go without.",
		[MLS_AUTH_OAUTH2] = "OAuth 2 client credentials are configured.",
		[MLS_AUTH_BEARER] = "A fixed bearer token is configured.",
		[MLS_AUTH_BASIC] = "User name and password are configured.",
		[MLS_AUTH_HEADER] = "A key for a request header is configured.",
		[MLS_AUTH_QUERY] = "A key for a parameter of the address is configured.",
		[MLS_AUTH_PASSWORD] = "User name and password are configured, to be exchanged for a token.",
		[MLS_AUTH_CHALLENGE] = "User name and password are configured, for what the source asks.",
		[MLS_AUTH_SIGNATURE] = "An access key is configured; requests are signed with its secret.",
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
check_service(Check *check, const MlsTable *table)
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
check_metadata(Check *check, const MlsTable *table)
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

/* ---- what to ask ---- */

static void
fill_column(MlsColumn *column, AttrNumber attnum, const MlsRemoteField *field)
{
	column->attnum = attnum;
	column->name = field->name;
	column->field = field->name;
	column->type = field->pg_type;
	column->typmod = -1;
	column->remote_type = field->natural ? NULL : field->type;
	column->lookup = field->is_coded ? field->lookup : NULL;
	column->is_enum = field->is_enum;
	column->is_flags = field->is_flags;
}

/* A resource as if it had been imported. */
static MlsTable *
as_table(Check *check, const MlsRemoteResource *resource)
{
	MlsTable *table = palloc0(sizeof(MlsTable));
	ListCell *lc;

	table->name = resource->name;
	table->source = check->source;
	table->resource = resource->name;
	table->key = resource->key;
	table->timestamp = mls_import_timestamp(check->source, resource);
	table->rows = -1;
	table->ncolumns = list_length(resource->fields);
	table->columns = palloc0(Max(table->ncolumns, 1) * sizeof(MlsColumn));
	foreach (lc, resource->fields)
		fill_column(&table->columns[foreach_current_index(lc)], foreach_current_index(lc) + 1,
					lfirst(lc));
	return table;
}

static const MlsColumn *
timestamp_column(const MlsTable *table)
{
	for (int i = 0; i < table->ncolumns; i++)
		if (table->timestamp && strcmp(table->columns[i].field, table->timestamp) == 0)
			return &table->columns[i];
	return NULL;
}

static MlsStream *
open_stream(Check *check, const MlsQuery *query)
{
	MlsStream *stream = check->source->protocol->open(query);

	check->source->protocol->start(stream);
	return stream;
}

static MlsPage *
next_page(Check *check, MlsStream *stream)
{
	MlsPage *page = check->source->protocol->next_page(stream);

	if (page)
		check->replaced += page->replaced;
	return page;
}

static void
close_stream(Check *check, MlsStream *stream)
{
	check->stats.requests += stream->stats.requests;
	check->source->protocol->close(stream);
}

/* ---- the steps that read records ---- */

/* How many of the table's fields have a value; what else a record has does not count. */
static int
count_filled(const MlsTable *table, const MlsRecord *record)
{
	int filled = 0;

	for (int i = 0; i < table->ncolumns; i++)
	{
		const MlsSlice *slice = mls_record_field(record, table->columns[i].field);

		if (slice && slice->kind != MLS_NULL)
			filled++;
	}
	return filled;
}

static char *
check_readable(Check *check, const MlsTable *table)
{
	MlsQuery query = {.table = table, .limit = 1};
	MlsStream *stream = open_stream(check, &query);
	MlsPage *page = next_page(check, stream);
	char *detail;

	if (page && page->nrecords > 0)
		detail = psprintf("Can be read; %d of %s filled in the record read.",
						  count_filled(table, &page->records[0]),
						  mls_counted(table->ncolumns, "field is", "fields are"));
	else
		detail = "Can be read, but holds no records.";
	close_stream(check, stream);
	return detail;
}

/* Why the source's count is not used, as a sentence. */
static char *
objection(const MlsTable *table)
{
	char *text = mls_total_objection(table);

	*text = pg_toupper((unsigned char) *text);
	return psprintf("%s; set the server option push_count to false.", text);
}

static char *
check_count(Check *check, const MlsTable *table)
{
	MlsQuery query = {.table = table, .limit = -1, .verify_count = true};
	int64 count;

	if (mls_total_is_refuted(table))
	{
		check->ok = false;
		return objection(table);
	}
	if (!check->source->protocol->countable(table))
		return "Not tried: on this platform records are counted here.";
	count = check->source->protocol->count(&query, &check->stats);
	check->ok = count >= 0;
	if (mls_total_is_refuted(table))
		return objection(table);
	return count >= 0 ? psprintf("The source counts %s.", mls_counted(count, "record", "records"))
					  : "The source does not say how many records there are; set the server "
						"option push_count to false.";
}

/* Are the timestamps of a page in descending order?  Nulls do not count. */
static bool
is_descending(const MlsTable *table, const MlsPage *page)
{
	TimestampTz before = DT_NOEND;

	for (int i = 0; i < page->nrecords; i++)
	{
		const MlsSlice *slice = mls_record_field(&page->records[i], table->timestamp);
		char *text = slice ? mls_slice_text(slice) : NULL;
		TimestampTz at;

		if (text == NULL ||
			!mls_parse_timestamptz(text, strlen(text), table->source->timezone, &at))
			continue;
		if (at > before)
			return false;
		before = at;
	}
	return true;
}

static char *
check_order(Check *check, const MlsTable *table)
{
	const MlsColumn *column = timestamp_column(table);
	MlsOrder newest = {.field = table->timestamp, .descending = true};
	MlsQuery query = {.table = table, .limit = ORDERED_RECORDS, .order = list_make1(&newest)};
	MlsStream *stream;
	MlsPage *page;

	if (column == NULL)
		return "Not tried: the resource has no modification timestamp.";
	if (!check->source->protocol->sortable(table, column))
		return "Not tried: on this platform records are sorted here.";
	query.fields = list_make1((char *) table->timestamp);
	stream = open_stream(check, &query);
	page = next_page(check, stream);
	check->ok = page == NULL || is_descending(table, page);
	close_stream(check, stream);
	return check->ok ? psprintf("Records come in the order of %s.", table->timestamp)
					 : psprintf("The source ignores an order by %s; set the server option ordering "
								"to none.",
								table->timestamp);
}

static char *
check_conditions(Check *check, const MlsTable *table)
{
	return check->source->protocol->try_conditions(table, &check->ok, &check->stats);
}

/* The key of a page's first record, for comparing pages. */
static char *
first_key(const MlsTable *table, const MlsPage *page)
{
	const MlsSlice *slice = NULL;

	if (page && page->nrecords > 0 && table->key)
		slice = mls_record_field(&page->records[0], linitial(table->key));
	return slice ? mls_slice_text(slice) : NULL;
}

static char *
check_paging(Check *check, const MlsTable *table)
{
	MlsQuery query = {.table = table, .limit = -1, .page_size = SMALL_PAGE, .fields = table->key};
	MlsStream *stream = open_stream(check, &query);
	MlsPage *page = next_page(check, stream);
	int records = page ? page->nrecords : 0;
	char *first = first_key(table, page);
	char *second = NULL;
	int64 announced = stream->announced;
	bool has_more = stream->next_link != NULL;

	if (has_more)
		second = first_key(table, next_page(check, stream));
	close_stream(check, stream);
	if (!has_more && announced > records)
		return psprintf("Not tried: no link leads on; a page has %d, the source counts %s.",
						records, mls_counted(announced, "record", "records"));
	if (!has_more)
		return psprintf("All records (%d) come in one page.", records);
	check->ok = second == NULL || first == NULL || strcmp(first, second) != 0;
	if (!check->ok)
		return "The second page begins with the record of the first.";
	return psprintf(
		"A page of %s leads on to the next.%s", mls_counted(records, "record", "records"),
		mls_url_mended(check->source->server_id)
			? " Its links are written with http, as servers do behind a front that ends "
			  "TLS; they are followed at the source's own address, over https."
			: "");
}

/* ---- the choice of resources ---- */

/* The main resources a source has, or its first one if it has none of them. */
static List *
choose_resources(const MlsRemoteSchema *schema)
{
	List *chosen = NIL;

	for (int i = 0; i < lengthof(main_resources); i++)
	{
		const MlsRemoteResource *resource = mls_schema_resource(schema, main_resources[i]);

		if (resource)
			chosen = lappend(chosen, (void *) resource);
	}
	return chosen ? chosen : list_make1(linitial(schema->resources));
}

static void
check_resources(Check *check)
{
	bool service_checked = false;
	ListCell *lc;

	foreach (lc, choose_resources(check->schema))
	{
		MlsTable *table = as_table(check, lfirst(lc));

		if (!run_step(check, table->name, check_readable, table) || service_checked)
			continue;
		service_checked = true;
		run_step(check, "count", check_count, table);
		if (check->source->protocol->try_conditions)
			run_step(check, "conditions", check_conditions, table);
		run_step(check, "order", check_order, table);
		run_step(check, "paging", check_paging, table);
	}
}

/* ---- are the units that the mapping takes for granted those of the source? ---- */

/* Settings are for who may use the schema mls. */
static bool
may_compare(void)
{
	return DatumGetBool(DirectFunctionCall2(has_schema_privilege_name, CStringGetTextDatum("mls"),
											CStringGetTextDatum("USAGE")));
}

static char *
compare(Check *check, const char *settings)
{
	const char *platform = check->source->platform_name;
	MemoryContext context = CurrentMemoryContext;
	char *detail;

	SPI_connect();
	mls_select_stable("SELECT ok, detail FROM mls.check_units($1, $2, $3::pg_catalog.jsonb)",
					  mls_arg_text(psprintf("%s/%s", check->source->protocol->name,
											platform ? platform : "generic")),
					  mls_arg_text(check->server_name), mls_arg_text(settings));
	check->ok = mls_bool_at(0, 1);
	detail = mls_text_at(0, 2);
	detail = MemoryContextStrdup(context, detail ? detail : "");
	SPI_finish();
	return detail;
}

static char *
check_units(Check *check, const MlsTable *table)
{
	MlsTold *told = check->source->protocol->tell(check->source, &check->stats);
	char *settings = mls_told_json(told);
	char *problem = mls_told_problem(told);
	char *detail = may_compare() ? compare(check, settings)
								 : psprintf("The source says %s.", settings ? settings : "nothing");

	if (problem == NULL)
		return detail;
	check->ok = check->ok && told->refusal != NULL;
	return psprintf("Not all is known: %s. %s", problem, detail);
}

/* ---- where a source consists of files ---- */

static char *
check_place(Check *check, const MlsTable *table)
{
	MemoryContext old = MemoryContextSwitchTo(check->context);
	char *words;

	check->files = check->source->protocol->look(check->source, &words, &check->stats);
	MemoryContextSwitchTo(old);
	check->ok = check->files != NIL;
	return words;
}

/* The resources that foreign tables of the source read (List of char *). */
static List *
resources_read(const Check *check)
{
	MemoryContext context = CurrentMemoryContext;
	List *read = NIL;

	SPI_connect();
	mls_select_stable("SELECT o.option_value FROM pg_catalog.pg_foreign_table t, "
					  "pg_catalog.pg_options_to_table(t.ftoptions) o "
					  "WHERE t.ftserver = $1 AND o.option_name = 'resource'",
					  mls_arg_oid(check->source->server_id));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char *resource = mls_text_at(i, 1);
		MemoryContext before = MemoryContextSwitchTo(context);

		read = lappend(read, pstrdup(resource));
		MemoryContextSwitchTo(before);
	}
	SPI_finish();
	return read;
}

/* Files of a new name are a resource of their own, of which nobody may have made a table. */
static char *
check_files(Check *check, const MlsTable *table)
{
	const char *server = quote_identifier(check->source->name);
	List *read = resources_read(check);
	const MlsSourceFile *first = NULL;
	int64 unread = 0;
	ListCell *lc;

	if (read == NIL)
		return psprintf("No foreign table reads them yet: IMPORT FOREIGN SCHEMA files FROM SERVER "
						"%s INTO ... makes some.",
						server);
	foreach (lc, check->files)
	{
		const MlsSourceFile *file = lfirst(lc);

		if (mls_is_listed(read, file->resource))
			continue;
		first = first ? first : file;
		unread++;
	}
	check->ok = first == NULL;
	if (first == NULL)
		return "Foreign tables read all of them.";
	return psprintf(
		"No foreign table reads file \"%s\"%s: IMPORT FOREIGN SCHEMA files LIMIT TO (%s) "
		"FROM SERVER %s INTO ... makes one.",
		first->name,
		unread > 1 ? psprintf(", nor %s", mls_counted(unread - 1, "other file", "other files"))
				   : "",
		quote_identifier(first->resource), server);
}

/* False: nobody can log in there. */
static bool
check_dataset(Check *check)
{
	if (is_remote(check) && !run_step(check, "credentials", check_credentials, NULL))
		return false;
	if (run_step(check, "place", check_place, NULL))
		run_step(check, "files", check_files, NULL);
	return true;
}

/* ---- the steps after ---- */

static char *
check_encoding(Check *check, const MlsTable *table)
{
	check->ok = check->replaced == 0;
	if (check->replaced > 0)
		return psprintf("%s not valid UTF-8 and replaced.",
						mls_counted(check->replaced, "character is", "characters are"));
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
check_quota(Check *check, const MlsTable *table)
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

/* ---- a store of files ---- */

static char *
check_store(Check *check, const MlsTable *table)
{
	MemoryContext old = MemoryContextSwitchTo(check->context);
	char *detail = check->store_step->take(check->server_name, &check->store_state);

	MemoryContextSwitchTo(old);
	return detail;
}

static void
check_steps(Check *check, const MlsCheckStep *steps)
{
	for (const MlsCheckStep *step = steps; step->item; step++)
	{
		check->store_step = step;
		if (!run_step(check, step->item, check_store, NULL) && step->needed)
			return;
	}
}

/* ---- all of it ---- */

/* Each step needs the one before; without records there is nothing behind these. */
static bool
check_foundations(Check *check)
{
	return (check->source->protocol->is_local ||
			(run_step(check, "credentials", check_credentials, NULL) &&
			 run_step(check, "service", check_service, NULL))) &&
		   check->source->protocol->describe != NULL &&
		   run_step(check, "metadata", check_metadata, NULL);
}

/* What is asked of a source that has records. */
static void
check_source(Check *check)
{
	if (!check_foundations(check))
		return;
	if (check->schema->resources)
		check_resources(check);
	if (check->source->protocol->tell)
		run_step(check, "units", check_units, NULL);
	run_step(check, "encoding", check_encoding, NULL);
}

Datum
mls_check(PG_FUNCTION_ARGS)
{
	Check check = {.context = CurrentMemoryContext,
				   .server_name = text_to_cstring(PG_GETARG_TEXT_PP(0))};
	MemoryContext kept =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw kept files", ALLOCSET_DEFAULT_SIZES);
	bool is_configured;

	InitMaterializedSRF(fcinfo, 0);
	check.result = (ReturnSetInfo *) fcinfo->resultinfo;
	/* Each step reads the same files. */
	mls_keep_files(kept);
	is_configured = run_step(&check, "configuration", check_configuration, NULL);
	if (is_configured && check.source->protocol->is_store)
		check_steps(&check, mls_check_store_steps);
	else if (is_configured && check.source->protocol->is_destination)
	{
		if (run_step(&check, "credentials", check_credentials, NULL))
			check_steps(&check, mls_check_destination_steps);
	}
	else if (is_configured && (check.source->protocol->look == NULL || check_dataset(&check)))
		check_source(&check);
	if (check.source && (!check.source->protocol->is_local || is_remote(&check)) &&
		!check.source->protocol->is_store && !check.source->protocol->is_destination)
		run_step(&check, "quota", check_quota, NULL);
	MemoryContextDelete(kept);
	return (Datum) 0;
}
