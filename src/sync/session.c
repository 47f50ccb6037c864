/*
 * session.c
 *		Transactions of a run, and SQL inside them.
 *
 * Everything a run does to the database it does as the owner of the
 * subscription.  When that is not the role of the process (a superuser syncs
 * for others), the transaction is a security-restricted operation, as REFRESH
 * MATERIALIZED VIEW is: a trigger its owner put on a table cannot get at the
 * caller's privileges.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "sync/sync.h"

static Oid saved_user;
static int saved_security;
static int guc_level;

/* Begins a transaction as a role, with SPI connected and a snapshot taken. */
void
mls_transaction_begin(Oid owner)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();

	GetUserIdAndSecContext(&saved_user, &saved_security);
	if (owner != saved_user)
	{
		if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(owner)))
			ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
					errmsg("the owner of the subscription does not exist any more"),
					errhint("Set mls.subscription.owner to the role that owns its tables."));
		SetUserIdAndSecContext(owner, saved_security | SECURITY_RESTRICTED_OPERATION);
	}
	guc_level = NewGUCNestLevel();

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
}

/*
 * Commits it.  Without pgstat_report_stat autovacuum would not hear of what was
 * written, for a background process reports only when told to.
 */
void
mls_transaction_commit(void)
{
	PopActiveSnapshot();
	SPI_finish();
	AtEOXact_GUC(false, guc_level);
	SetUserIdAndSecContext(saved_user, saved_security);
	CommitTransactionCommand();
	pgstat_report_stat(true);
}

/*
 * Runs one statement; any other result than the expected SPI code is an error.
 * SPI leaves its own memory context behind; the caller's is put back.
 */
void
mls_execute(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls, int expected)
{
	MemoryContext context = CurrentMemoryContext;
	int code = SPI_execute_with_args(sql, nargs, types, values, nulls, false, 0);

	MemoryContextSwitchTo(context);
	if (code != expected)
		elog(ERROR, "unexpected result %s of: %s", SPI_result_code_string(code), sql);
}

/* Prepares a statement for the life of the process, or until mls_plan_free(). */
SPIPlanPtr
mls_plan_prepare(const char *sql)
{
	SPIPlanPtr plan = SPI_prepare(sql, 0, NULL);

	if (plan == NULL)
		elog(ERROR, "could not prepare: %s", sql);
	SPI_keepplan(plan);
	return plan;
}

/* Runs it; the network goes on meanwhile. */
void
mls_plan_run(SPIPlanPtr plan, int expected)
{
	int code;

	mls_http_pump();
	code = SPI_execute_plan(plan, NULL, NULL, false, 0);
	if (code != expected)
		elog(ERROR, "unexpected result of a prepared statement: %s", SPI_result_code_string(code));
}

/* NULL is no plan. */
void
mls_plan_free(SPIPlanPtr plan)
{
	if (plan != NULL)
		SPI_freeplan(plan);
}

/* Schema-qualified name, quoted, for SQL and for messages. */
char *
mls_qualified_name(Oid relid)
{
	char *name = get_rel_name(relid);

	if (name == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("relation with OID %u does not exist any more", relid));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name);
}
