/*
 * schema_check.c
 *		mls_schema_check() and mls_schema_accept(): the remote schema compared now,
 *		at a user's wish.
 *
 * Both fetch the metadata in the caller's transaction, with the login of each
 * subscription's owner.  The first changes nothing, so a source with the policy stop stays
 * stopped until somebody calls the second, which changes tables as their owner.
 */
#include "postgres.h"

#include "funcapi.h"

#include "drift/drift.h"
#include "step/issue.h"

PG_FUNCTION_INFO_V1(mls_schema_check);
PG_FUNCTION_INFO_V1(mls_schema_accept);

/* Subscriptions of a source, or that of one of its resources (List of MlsSubscription *). */
static List *
chosen(FunctionCallInfo fcinfo)
{
	mls_select("SELECT id FROM mls.find_subscriptions($1, $2)", mls_arg_given(TEXTOID, 0),
			   mls_arg_given(TEXTOID, 1));
	return mls_subscriptions_found();
}

/* What a source has declared to one role. */
typedef struct Declared
{
	Oid server;
	Oid owner;
	MlsRemoteSchema *schema;
} Declared;

/*
 * What the source declares to the owner of a subscription, in whose rights we are:
 * roles can have different logins there.  Asked once for all subscriptions of a role.
 */
static const MlsRemoteSchema *
describe(const MlsSubscription *sub, Declared *last)
{
	MlsSource *source = mls_table_get(sub->foreign_table, sub->owner, true)->source;
	MlsHttpStats stats = {0};

	if (last->schema != NULL && last->owner == sub->owner && last->server == source->server_id)
		return last->schema;
	mls_rights_require_server(sub->owner, source->server_id, source->name);
	last->schema = source->protocol->describe(source, &stats);
	last->owner = sub->owner;
	last->server = source->server_id;
	return last->schema;
}

/* Says of a resource that it cannot be compared, if so. */
static bool
is_hidden(const MlsSubscription *sub, const MlsRemoteSchema *schema)
{
	if (!mls_remote_hidden(schema, sub->resource))
		return false;
	ereport(WARNING,
			errmsg("could not check the schema of resource \"%s\" of source \"%s\"", sub->resource,
				   sub->source),
			errdetail("This login may not see its metadata."));
	return true;
}

static void
put_row(FunctionCallInfo fcinfo, const MlsSubscription *sub, const MlsDifference *difference)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	mls_return_row(result, mls_arg_text(sub->resource), mls_arg_text(difference->change),
				   mls_arg_text(difference->name), mls_arg_text(difference->message));
}

/* Who accepts a difference need not be told of it any more. */
static void
end_differences(const MlsSubscription *sub)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.issue SET solved_at = pg_catalog.now() WHERE subscription = $1 "
					"AND solved_at IS NULL AND kind IN ('" MLS_ISSUE_SCHEMA
					"', '" MLS_ISSUE_FOLLOWING "')",
					mls_arg_int8(sub->id));
}

/* The differences of one subscription as rows; if they are accepted, they are known from now on. */
static void
compare(FunctionCallInfo fcinfo, const MlsSubscription *sub, const MlsRemoteSchema *schema,
		bool accepts)
{
	const MlsRemoteResource *resource = mls_schema_resource(schema, sub->resource);
	List *differences;
	ListCell *lc;

	if (accepts)
		mls_subscription_require_lock(sub);
	/* The relations of one declaration end with their connection. */
	SPI_connect();
	mls_remote_open(resource);
	differences = mls_remote_compare(sub, resource);
	foreach (lc, differences)
		put_row(fcinfo, sub, lfirst(lc));
	if (accepts)
	{
		mls_remote_record(sub, 0, differences);
		mls_remote_learn(sub, resource);
		end_differences(sub);
	}
	SPI_finish();
}

/* The same of all that are chosen; with `columns` their tables follow. */
static void
compare_all(FunctionCallInfo fcinfo, const char *verb, bool accepts, bool columns)
{
	Declared declared = {0};
	ListCell *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return;
	SPI_connect();
	foreach (lc, chosen(fcinfo))
	{
		const MlsSubscription *sub = lfirst(lc);
		const MlsRemoteSchema *schema;
		MlsRights before;

		mls_owner_enter(&before, sub, verb);
		schema = describe(sub, &declared);
		if (!is_hidden(sub, schema))
		{
			compare(fcinfo, sub, schema, accepts);
			if (columns)
				(void) mls_alter_tables(sub, 0);
		}
		mls_rights_leave(&before);
	}
	SPI_finish();
}

/* mls_schema_check(source, resource): resource, change, name, message */
Datum
mls_schema_check(PG_FUNCTION_ARGS)
{
	compare_all(fcinfo, "check the schema of", false, false);
	return (Datum) 0;
}

/* mls_schema_accept(source, resource, columns): the same rows */
Datum
mls_schema_accept(PG_FUNCTION_ARGS)
{
	mls_refuse_standby("mls_schema_accept()", "accept");
	compare_all(fcinfo, "accept the schema of", true, PG_ARGISNULL(2) || PG_GETARG_BOOL(2));
	return (Datum) 0;
}
