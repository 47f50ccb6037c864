/*
 * ask.c
 *		One question to one geocoder: asked, read, judged and kept.
 *
 * How the service is asked and what its answer means stands in mls.geocoder and is
 * worked out in SQL (geocoder.sql), with question and answer as parameters.  An answer is
 * kept in the transaction that uses it, so that none is paid for twice.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/base.h"
#include "geo/geo.h"
#include "http/url.h"
#include "options/options.h"
#include "protocol/geocoder/geocoder.h"

/* An answer about one address is a few kilobytes. */
#define MOST_BYTES (1024 * 1024)

/* One question that a service does not take says nothing; so many in a row are our fault. */
#define MOST_REFUSALS 5

/* ---- Who is asked ---- */

MlsAsked *
mls_asked_get(const char *name, Oid owner)
{
	MlsAsked *asked = palloc0(sizeof(MlsAsked));
	MemoryContext context = CurrentMemoryContext;
	const MlsGeocoder *own;
	MlsSource *source;

	asked->name = pstrdup(name);
	mls_select("SELECT mls.check_geocoder($1, $2::pg_catalog.regrole)", mls_arg_text(name),
			   mls_arg_oid(owner));
	MemoryContextSwitchTo(context);
	if (strchr(name, '(') != NULL)
	{
		mls_select(
			"SELECT pg_catalog.format('%I.%I', n.nspname, p.proname) FROM pg_catalog.pg_proc "
			"p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace "
			"WHERE p.oid = $1::pg_catalog.regprocedure::pg_catalog.oid",
			mls_arg_text(name));
		MemoryContextSwitchTo(context);
		asked->function = mls_text_at(0, 1);
		asked->provider = "function";
		return asked;
	}
	source = mls_source_by_name(name, owner, true);
	mls_rights_require_server(owner, source->server_id, source->name);
	source->http.max_page_bytes = Min(source->http.max_page_bytes, MOST_BYTES);
	asked->source = source;
	own = source->own;
	asked->provider = own->provider ? own->provider : asked->source->platform_name;
	mls_select("SELECT coalesce(keep_days, 0) FROM mls.geocoder WHERE name = $1 "
			   "ORDER BY shipped LIMIT 1",
			   mls_arg_text(asked->provider));
	MemoryContextSwitchTo(context);
	asked->keep_days = own->keep_days >= 0 ? own->keep_days : mls_int4_at(0, 1);
	return asked;
}

/* ---- What was answered before ---- */

void
mls_answers_get(Oid owner, const char *geocoder, const List *fingerprints)
{
	mls_sql_control(SPI_OK_SELECT,
					"SELECT question, rank, latitude::pg_catalog.text, "
					"longitude::pg_catalog.text, asked_at, expires_at FROM mls.geocode_cache "
					"WHERE owner = $1 AND geocoder = $2 AND question = ANY ($3) "
					"AND (expires_at IS NULL OR expires_at > pg_catalog.now())",
					mls_arg_oid(owner), mls_arg_text(geocoder), mls_arg_list(fingerprints));
}

MlsAnswer
mls_answer_at(uint64 row)
{
	return (MlsAnswer){.known = true,
					   .rank = mls_int4_at(row, 2),
					   .latitude = mls_text_at(row, 3),
					   .longitude = mls_text_at(row, 4),
					   .at = mls_time_at(row, 5),
					   .expires_at = mls_time_at(row, 6)};
}

/* ---- The request ---- */

/* The address to ask at; in CurrentMemoryContext. */
static char *
address(const MlsRun *run, const MlsAsked *asked, const char *question)
{
	MemoryContext context = CurrentMemoryContext;
	List *params = NIL;
	char *path;
	char *url;

	mls_transaction_begin(run->sub->owner);
	mls_select("SELECT path, name, value FROM mls.geocode_parameters($1, $2)",
			   mls_arg_text(asked->provider), mls_arg_text(question));
	MemoryContextSwitchTo(context);
	if (SPI_processed == 0)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("it is not known how geocoder \"%s\" is asked", asked->name),
				errdetail("mls.geocoder has no row \"%s\" any more.", asked->provider));
	path = mls_text_at(0, 1);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MlsUrlParam *param = palloc(sizeof(MlsUrlParam));

		param->name = mls_text_at(i, 2);
		param->value = mls_text_at(i, 3);
		if (param->name != NULL)
			params = lappend(params, param);
	}
	mls_transaction_commit();
	MemoryContextSwitchTo(context);
	url = mls_url_build(asked->source->http.url, path, params);
	return url;
}

static MlsHttpResponse *
fetch(const MlsRun *run, MlsAsked *asked, const char *question)
{
	MlsHttpCall call = {.method = "GET",
						.url = address(run, asked, question),
						.purpose = "the place of an address"};
	MlsHttpResponse *response = mls_http_fetch(&asked->source->http, &call, &asked->stats);

	if (response->status == 401 || response->status == 403)
		mls_http_report_status(&asked->source->http, &call, response, mls_http_quotable(response));
	return response;
}

/* ---- The answer ---- */

/* What the answer means, as the result of the last query: verdict, rank, latitude, longitude, reason. */
static void
read_answer(const MlsAsked *asked, const MlsHttpResponse *response, const char *question,
			const char *box)
{
	const char *body = response->body;

	if (strlen(body) != response->length ||
		pg_encoding_verifymbstr(PG_UTF8, body, response->length) != response->length)
		body = "";
	mls_select(
		"SELECT verdict, rank, latitude::pg_catalog.text, longitude::pg_catalog.text, reason "
		"FROM mls.geocode_read($1, $2, $3, $4, $5::pg_catalog.numeric[])",
		mls_arg_text(asked->provider), mls_arg_int4(response->status), mls_arg_text(body),
		mls_arg_text(question), mls_arg_text(box));
}

/* The same of what a function says; it runs as the owner of the subscription, who is at work. */
static void
call_function(const MlsAsked *asked, const char *question, const char *box)
{
	mls_select(
		psprintf("SELECT verdict, rank, latitude::pg_catalog.text, "
				 "longitude::pg_catalog.text, reason FROM mls.geocode_read('function', 200, "
				 "coalesce((SELECT %s(pg_catalog.jsonb_build_object('number', p[1], 'street', "
				 "p[2], 'city', p[3], 'state', p[4], 'postal_code', p[5], 'country', p[6])) "
				 "FROM pg_catalog.string_to_array($1, E'\\t') p), "
				 "'[]'::pg_catalog.jsonb)::pg_catalog.text, $1, $2::pg_catalog.numeric[])",
				 asked->function),
		mls_arg_text(question), mls_arg_text(box));
}

/* An answer that is no answer ends the run; it is not kept. */
static void
refuse_trouble(MlsAsked *asked, const char *verdict, const char *reason)
{
	const char *said =
		asked->source && reason ? mls_http_clean(&asked->source->http, reason) : reason;

	if (strcmp(verdict, "quota") == 0)
	{
		mls_http_note_quota();
		ereport(ERROR, errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				errmsg("quota of geocoder \"%s\" is used up", asked->name),
				said ? errdetail("It says: %s", said)
					 : errdetail("It says so in place of an answer."));
	}
	if (strcmp(verdict, "denied") == 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				errmsg("geocoder \"%s\" does not accept the key", asked->name),
				said ? errdetail("It says: %s", said) : 0,
				errhint("Check the option api_key of the user mapping."));
	if (strcmp(verdict, "failed") == 0)
		ereport(ERROR, errcode(ERRCODE_FDW_REPLY_HANDLE),
				errmsg("could not read the answer of geocoder \"%s\"", asked->name),
				errdetail("About the answer: %s.", said));
}

/* Does a service that answers get on with the questions? */
static void
count_refusals(MlsAsked *asked, const char *verdict, const char *reason)
{
	bool is_refusal =
		strcmp(verdict, "refused") == 0 && reason && strncmp(reason, "it answered", 11) == 0;

	asked->refusals = is_refusal ? asked->refusals + 1 : 0;
	if (asked->refusals >= MOST_REFUSALS)
		ereport(ERROR, errcode(ERRCODE_FDW_REPLY_HANDLE),
				errmsg("geocoder \"%s\" takes none of the questions", asked->name),
				errdetail("Of the last one: %s.",
						  asked->source ? mls_http_clean(&asked->source->http, reason) : reason),
				errhint("Check the options url, platform and provider of the server."));
}

/*
 * Keeps it.  What many addresses get as one and the same point is the middle of
 * something larger, whatever the service calls it.
 */
static MlsAnswer
keep(const MlsRun *run, const MlsAsked *asked, const char *fingerprint, const char *verdict,
	 int rank, const char *latitude, const char *longitude, const char *reason)
{
	MlsAnswer answer = {.known = true};
	MemoryContext context = CurrentMemoryContext;

	mls_sql_control(
		SPI_OK_INSERT_RETURNING,
		"WITH same AS (SELECT pg_catalog.count(*) = 20 AS many, pg_catalog.clock_timestamp() AS at "
		"FROM (SELECT FROM mls.geocode_cache c WHERE c.owner = $1 AND c.geocoder = $2 AND "
		"c.latitude = $6::pg_catalog.numeric AND "
		"c.longitude = $7::pg_catalog.numeric AND c.question <> $3 LIMIT 20) o) "
		"INSERT INTO mls.geocode_cache AS c (owner, geocoder, question, verdict, rank, latitude, "
		"longitude, reason, asked_at, expires_at) SELECT $1, $2, $3, $4, CASE WHEN same.many THEN "
		"greatest($5, 5) ELSE $5 END, $6::pg_catalog.numeric, $7::pg_catalog.numeric, $8, "
		"same.at, same.at + CASE WHEN $4 <> 'found' THEN CASE WHEN $8 LIKE 'it "
		"answered%' THEN interval '1 day' ELSE interval '30 days' END WHEN $9 > 0 THEN "
		"pg_catalog.make_interval(days => $9) END FROM same "
		"ON CONFLICT (owner, geocoder, question) DO UPDATE SET verdict = excluded.verdict, "
		"rank = excluded.rank, latitude = excluded.latitude, longitude = excluded.longitude, "
		"reason = excluded.reason, asked_at = excluded.asked_at, expires_at = excluded.expires_at "
		"RETURNING c.rank, c.latitude::pg_catalog.text, c.longitude::pg_catalog.text, c.asked_at, "
		"c.expires_at",
		mls_arg_oid(run->sub->owner), mls_arg_text(asked->name), mls_arg_text(fingerprint),
		mls_arg_text(verdict), rank ? mls_arg_int4(rank) : mls_arg_null(INT4OID),
		mls_arg_text(latitude), mls_arg_text(longitude), mls_arg_text(reason),
		mls_arg_int4(asked->keep_days));
	MemoryContextSwitchTo(context);
	answer.rank = mls_int4_at(0, 1);
	answer.latitude = mls_text_at(0, 2);
	answer.longitude = mls_text_at(0, 3);
	answer.at = mls_time_at(0, 4);
	answer.expires_at = mls_time_at(0, 5);
	return answer;
}

/* A run of another subscription may have been told since this one has looked. */
static bool
was_told(const MlsRun *run, const MlsAsked *asked, const char *fingerprint, MlsAnswer *answer)
{
	MemoryContext context = CurrentMemoryContext;
	bool told;

	mls_transaction_begin(run->sub->owner);
	mls_answers_get(run->sub->owner, asked->name, list_make1((char *) fingerprint));
	MemoryContextSwitchTo(context);
	told = SPI_processed > 0;
	if (told)
		*answer = mls_answer_at(0);
	mls_transaction_commit();
	MemoryContextSwitchTo(context);
	return told;
}

MlsAnswer
mls_ask(MlsRun *run, MlsAsked *asked, const char *question, const char *fingerprint,
		const char *box)
{
	MemoryContext context = CurrentMemoryContext;
	MlsAnswer answer;
	MlsHttpResponse *response;
	char *verdict;
	char *latitude;
	char *longitude;
	char *reason;
	int rank;

	if (was_told(run, asked, fingerprint, &answer))
	{
		mls_run_begin_step(run);
		MemoryContextSwitchTo(context);
		return answer;
	}
	response = asked->source ? fetch(run, asked, question) : NULL;
	mls_run_begin_step(run);
	if (response)
		read_answer(asked, response, question, box);
	else
		call_function(asked, question, box);
	MemoryContextSwitchTo(context);
	verdict = mls_text_at(0, 1);
	rank = mls_int4_at(0, 2);
	latitude = mls_text_at(0, 3);
	longitude = mls_text_at(0, 4);
	reason = mls_text_at(0, 5);
	refuse_trouble(asked, verdict, reason);
	count_refusals(asked, verdict, reason);
	return keep(run, asked, fingerprint, verdict, rank, latitude, longitude, reason);
}
