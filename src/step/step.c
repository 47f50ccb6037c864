/*
 * step.c
 *		The steps of a run: a transaction each, with its counters and what was
 *		remarkable.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "step/step.h"

static void
require_table(Oid relid, const char *layer, const MlsSubscription *sub)
{
	if (get_rel_name(relid) == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("the %s table of resource \"%s\" of source \"%s\" was dropped", layer,
					   sub->resource, sub->source),
				errhint("Call mls_subscribe() for its foreign table to make it anew; "
						"mls_rebuild() fills silver and gold from bronze. A gold table is made "
						"and filled anew by the next run of any process."));
}

/* Locks the foreign table for the transaction and makes sure that all tables are still there. */
void
mls_run_require_tables(const MlsSubscription *sub)
{
	Relation foreign_table = try_relation_open(sub->foreign_table, AccessShareLock);

	if (foreign_table == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("the foreign table of resource \"%s\" of source \"%s\" was dropped",
					   sub->resource, sub->source),
				errhint("Make it again and call mls_subscribe() for it, which goes on with what is "
						"here; or end the subscription: SELECT mls_unsubscribe(%u);",
						sub->foreign_table));
	relation_close(foreign_table, NoLock);
	require_table(sub->bronze, "bronze", sub);
	require_table(sub->silver, "silver", sub);
	mls_owner_require_tables(sub);
}

void
mls_run_report_activity(const MlsRun *run)
{
	char *line =
		psprintf("mls %s %s %s: page " INT64_FORMAT ", " INT64_FORMAT " %s", run->process->name,
				 run->sub->source, run->sub->resource, run->counters.pages, run->counters.received,
				 run->counters.received == 1 ? "record" : "records");

	pgstat_report_activity(STATE_RUNNING, line);
	pfree(line);
}

/* Begins the transaction of a step; all tables are there. */
void
mls_run_begin_step(MlsRun *run)
{
	mls_transaction_begin(run->sub->owner);
	mls_run_require_tables(run->sub);
	if (OidIsValid(run->sub->gold))
		require_table(run->sub->gold, "gold", run->sub);
	run->hooks->begun(run);
}

/* Requests and bytes so far: those of the process, and those of the schema check. */
void
mls_run_count_spent(MlsRun *run, MlsCounters *counters)
{
	counters->requests = 0;
	counters->bytes = 0;
	run->process->spent(run, counters);
	counters->requests += run->schema_spent.requests;
	counters->bytes += run->schema_spent.body_bytes;
}

/* Writes the counters of a run with those of its helpers; a helper has no run of its own. */
void
mls_run_note_progress(MlsRun *run, const MlsCounters *counters)
{
	MlsCounters all = *counters;

	run->hooks->add_helpers(run, &all);
	if (!run->process->helps)
		mls_run_progress(run->id, &all);
	run->outcome->counters = all;
}

/* Commits it with its counters, which count for the run only then. */
void
mls_run_end_step(MlsRun *run, MlsCounters *counters)
{
	mls_run_count_spent(run, counters);
	run->hooks->settle(run);
	mls_run_note_progress(run, counters);
	mls_transaction_commit();

	MemoryContextSwitchTo(run->context);
	run->counters = *counters;
	mls_run_report_activity(run);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/* Says what a run does from now on, in a step of its own. */
void
mls_run_enter(MlsRun *run, const char *phase)
{
	MlsCounters counters = run->counters;

	mls_run_begin_step(run);
	mls_run_phase(run->id, phase);
	mls_run_end_step(run, &counters);
}

/* Adds to what is remarkable about a run; format and arguments as in printf. */
void
mls_run_note(MlsRun *run, const char *format, ...)
{
	MemoryContext before = MemoryContextSwitchTo(run->context);
	StringInfoData note;
	va_list args;

	initStringInfo(&note);
	if (run->note != NULL)
		appendStringInfo(&note, "%s; ", run->note);
	for (;;)
	{
		int needed;

		va_start(args, format);
		needed = appendStringInfoVA(&note, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&note, needed);
	}
	run->note = note.data;
	MemoryContextSwitchTo(before);
}
