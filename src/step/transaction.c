/*
 * transaction.c
 *		Transactions of a run, and what SQL inside them works with: plans, and relations
 *		that C fills.
 *
 * Everything a run does to the database it does as the owner of the
 * subscription (base/rights.c), and what it writes into control tables as the
 * owner of those.
 */
#include "postgres.h"

#include "access/xact.h"
#include "pgstat.h"
#include "utils/lsyscache.h"
#include "utils/queryenvironment.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "http/http.h"
#include "step/transaction.h"

PG_FUNCTION_INFO_V1(mls_refuse_sql);
PG_FUNCTION_INFO_V1(mls_refuse_standby_sql);

static MlsRights before_run;

/* Begins a transaction as a role, with SPI connected and a snapshot taken. */
void
mls_transaction_begin(Oid owner)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();

	mls_rights_enter(&before_run, owner);
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
	mls_rights_leave(&before_run);
	CommitTransactionCommand();
	pgstat_report_stat(true);
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

/* The same for one that writes a control table. */
void
mls_plan_run_control(SPIPlanPtr plan, int expected)
{
	MlsRights before;

	mls_rights_enter_control(&before);
	mls_plan_run(plan, expected);
	mls_rights_leave(&before);
}

/* NULL is no plan. */
void
mls_plan_free(SPIPlanPtr plan)
{
	if (plan != NULL)
		SPI_freeplan(plan);
}

/* ---- Relations that C fills and SQL reads ---- */

/* A page of 1,000 records of 9 kB fits in; more goes to a temporary file. */
#define STORE_KILOBYTES (32 * 1024)

/* What the planner is told; plans are kept, so it cannot be the true number. */
#define USUAL_ROWS 1000

/* Empties a relation and makes it known to the statements of this SPI connection, with which it ends. */
void
mls_transition_open(MlsTransition *relay)
{
	EphemeralNamedRelation enr = palloc0(sizeof(EphemeralNamedRelationData));

	relay->store = tuplestore_begin_heap(false, false, STORE_KILOBYTES);
	relay->rows = 0;
	enr->md.name = pstrdup(relay->name);
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = relay->desc;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = relay->told_rows > 0 ? relay->told_rows : USUAL_ROWS;
	enr->reldata = relay->store;
	if (SPI_register_relation(enr) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register relation \"%s\"", relay->name);
}

void
mls_transition_put(MlsTransition *relay, Datum *values, bool *isnull)
{
	tuplestore_putvalues(relay->store, relay->desc, values, isnull);
	relay->rows++;
}

/* The same of a row that was formed already. */
void
mls_transition_put_slot(MlsTransition *relay, TupleTableSlot *slot)
{
	tuplestore_puttupleslot(relay->store, slot);
	relay->rows++;
}

/* Forgets a relation before its SPI connection ends. */
void
mls_transition_close(MlsTransition *relay)
{
	SPI_unregister_relation(relay->name);
	tuplestore_end(relay->store);
	relay->store = NULL;
}

/* ---- Refusals ---- */

/*
 * mls.refuse(code, message, hint, detail): an error without context.  Functions in
 * SQL raise theirs by it, so that nobody reads which line of which of them found
 * out.  The handler that catches the error puts the stack of callbacks back.
 */
Datum
mls_refuse_sql(PG_FUNCTION_ARGS)
{
	char *code = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *message = PG_ARGISNULL(1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(1));
	char *hint = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	char *detail = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));

	if (strlen(code) != 5)
		elog(ERROR, "\"%s\" is no SQLSTATE", code);
	error_context_stack = NULL;
	ereport(ERROR, errcode(MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4])),
			errmsg_internal("%s", message), detail ? errdetail_internal("%s", detail) : 0,
			hint ? errhint("%s", hint) : 0);
}

/*
 * On a standby nothing can be written, and in a read-only transaction neither:
 * says so before anything else can fail.  verb is what to do on the primary.
 */
void
mls_refuse_standby(const char *function, const char *verb)
{
	if (RecoveryInProgress())
		ereport(ERROR, errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				errmsg("cannot execute %s during recovery", function),
				errhint("This is a standby: %s on the primary, whose changes arrive here.", verb));
	PreventCommandIfReadOnly(function);
}

/* mls.refuse_standby(function, verb): the same for functions in SQL */
Datum
mls_refuse_standby_sql(PG_FUNCTION_ARGS)
{
	char *function = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *verb = text_to_cstring(PG_GETARG_TEXT_PP(1));

	mls_refuse_standby(function, verb);
	PG_RETURN_VOID();
}
