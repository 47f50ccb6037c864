/*
 * missing_rows.c
 *		Rows that somebody else has taken out of bronze, silver or gold: with TRUNCATE
 *		or DELETE, before a run or between two of its pages.
 *
 * The cursor says that all records before it are here.  Where they are not, no later
 * page would bring them, and each run would say that it is finished.  Silver's rows
 * are counted as they are written, so what is missing can be seen; but to
 * count a large table for each page would take too long.  TRUNCATE gives a table
 * another file, as rewriting it does (VACUUM FULL): so the files are looked at for
 * each page, and rows are counted when one is another.  They are counted as well by
 * whoever reads everything anyway.
 *
 * What is missing is made again by the next sync: all records are read again if they
 * are not in bronze, silver is filled from bronze, gold mapped from silver.  A run that
 * has begun with such a loss makes it good; one that meets it on its way fails.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "gold/gold.h"
#include "write/write.h"

/* The tables of one subscription that a run writes. */
typedef struct Keeping
{
	MlsSubscription *sub;
	MlsSubscription *reader; /* whose syncs bring its records */
	List *tables;            /* of Oid: bronze, silver, and those of gold */
	char *files;             /* theirs, when they were last looked at */
	bool is_gold_replaced;   /* since the run has begun */
} Keeping;

/* "table:file ..." of tables; a partition follows its table behind a slash. */
static char *
files_of(List *tables)
{
	StringInfoData files;
	ListCell *lc;
	ListCell *each;

	initStringInfo(&files);
	foreach (lc, tables)
		foreach (each, find_all_inheritors(lfirst_oid(lc), NoLock, NULL))
		{
			HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(lfirst_oid(each)));

			if (!HeapTupleIsValid(tuple))
				continue;
			appendStringInfo(&files, "%s%u:%u",
							 lfirst_oid(each) != lfirst_oid(lc) ? "/"
							 : files.len > 0                    ? " "
																: "",
							 lfirst_oid(each), ((Form_pg_class) GETSTRUCT(tuple))->relfilenode);
			ReleaseSysCache(tuple);
		}
	return files.data;
}

/* Those of gold: the first two are of bronze and silver. */
static const char *
files_of_gold(const char *files)
{
	for (int i = 0; i < 2; i++)
	{
		files += strcspn(files, " ");
		files += strspn(files, " ");
	}
	return files;
}

/* Is a file of gold another?  Partitions of other sources come and go. */
static bool
is_gold_replaced(const char *before, const char *now)
{
	now = files_of_gold(now);
	for (before = files_of_gold(before); *before != '\0'; before += strspn(before, " /"))
	{
		int length = strcspn(before, " /");
		int table = strcspn(before, ":") + 1;
		const char *same = strstr(now, pnstrdup(before, table));

		while (same != NULL && same != now && same[-1] != ' ' && same[-1] != '/')
			same = strstr(same + 1, pnstrdup(before, table));
		if (same != NULL && (strcspn(same, " /") != length || strncmp(same, before, length) != 0))
			return true;
		before += length;
	}
	return false;
}

/* Does a table of gold have nothing of this subscription any more? */
static bool
is_gold_empty(const Keeping *keeping)
{
	ListCell *lc;

	foreach (lc, mls_gold_parts(keeping->sub->source, keeping->sub->resource, keeping->sub->gold))
	{
		const MlsGoldPart *part = lfirst(lc);

		if (!list_member_oid(keeping->tables, part->table))
			continue;
		mls_select(psprintf("SELECT 1 FROM %s WHERE %s LIMIT 1", mls_qualified_name(part->table),
							part->condition));
		if (SPI_processed == 0)
			return true;
	}
	return false;
}

/* So many fewer than were written, in silver and in bronze; one snapshot sees what pages have left of all. */
static void
count_missing(const MlsSubscription *sub, int64 *silver, int64 *bronze)
{
	mls_select(
		psprintf("SELECT s.local_rows - (SELECT pg_catalog.count(*) FROM %s), s.local_rows - "
				 "(SELECT pg_catalog.count(*) FROM %s WHERE deleted_at IS NULL) "
				 "FROM mls.subscription s WHERE s.id = $1",
				 mls_qualified_name(sub->silver), mls_qualified_name(sub->bronze)),
		mls_arg_int8(sub->id));
	if (SPI_processed != 1)
		return;
	*silver = mls_int8_at(0, 1);
	*bronze = mls_int8_at(0, 2);
}

/* Has the next sync make good what is missing; says what that is, or NULL. */
static const char *
make_good(const Keeping *keeping)
{
	int64 silver = 0;
	int64 bronze = 0;

	count_missing(keeping->sub, &silver, &bronze);
	if (silver > 0)
	{
		mls_count_local(keeping->sub->id, keeping->sub->silver);
		mls_subscription_fill_all(keeping->sub);
	}
	if (bronze > 0)
		mls_subscription_read_all(keeping->reader);
	if (bronze > 0)
		return mls_counted(bronze, "record is missing in bronze", "records are missing in bronze");
	return silver <= 0
			   ? NULL
			   : mls_counted(silver, "row is missing in silver", "rows are missing in silver");
}

/* Keeps the files as they are now, for this run and the next ones. */
static void
keep_files(Keeping *keeping, char *files)
{
	mls_sql_control(SPI_OK_UPDATE, "UPDATE mls.subscription SET files = $2 WHERE id = $1",
					mls_arg_int8(keeping->sub->id), mls_arg_text(files));
	keeping->files = files;
}

/* What makes it good is committed; the run is not what it says it is. */
static void
fail(const Keeping *keeping, const char *what)
{
	mls_transaction_commit();
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("tables of resource \"%s\" of source \"%s\" have lost rows",
				   keeping->sub->resource, keeping->sub->source),
			errdetail("%s: somebody else has removed them, as TRUNCATE does.", what),
			errhint("The next sync makes them again."));
}

static char *
known_files(const MlsSubscription *sub)
{
	mls_select("SELECT files FROM mls.subscription WHERE id = $1", mls_arg_int8(sub->id));
	return SPI_processed == 0 ? NULL : mls_text_at(0, 1);
}

/*
 * In the transaction before the work: a subscription that the run writes, and whose
 * syncs bring its records.
 */
void
mls_missing_rows_begin(MlsRun *run, MlsSubscription *sub, const MlsTable *table,
					   MlsSubscription *reader)
{
	MemoryContext before = MemoryContextSwitchTo(run->context);
	Keeping *keeping = palloc0(sizeof(Keeping));
	const char *known = known_files(sub);
	const char *what = NULL;

	keeping->sub = sub;
	keeping->reader = reader;
	keeping->tables = list_concat(list_make2_oid(sub->bronze, sub->silver),
								  mls_gold_tables(table, sub->silver, sub->gold));
	keeping->files = files_of(keeping->tables);
	run->keepings = lappend(run->keepings, keeping);
	if (known == NULL || strcmp(known, keeping->files) != 0)
	{
		what = known ? make_good(keeping) : NULL;
		if (known && strcmp(files_of_gold(known), files_of_gold(keeping->files)) != 0 &&
			is_gold_empty(keeping))
			mls_subscription_map_again(sub->id);
		keep_files(keeping, keeping->files);
	}
	MemoryContextSwitchTo(before);
	if (what != NULL && run->task->process != MLS_PROCESS_SYNC)
		fail(keeping, what);
	if (what != NULL)
		mls_run_note(run, "%s of \"%s\", made again now", what, sub->resource);
}

/* In the transaction of a step, or the last one: are the rows still there that this run and others have written? */
void
mls_missing_rows_check(MlsRun *run, bool count)
{
	MemoryContext before = MemoryContextSwitchTo(run->context);
	ListCell *lc;

	foreach (lc, run->keepings)
	{
		Keeping *keeping = lfirst(lc);
		char *files = files_of(keeping->tables);
		bool is_same = strcmp(files, keeping->files) == 0;
		const char *what = is_same && !count ? NULL : make_good(keeping);

		if (!is_same)
		{
			if (is_gold_replaced(keeping->files, files))
			{
				mls_subscription_map_again(keeping->sub->id);
				keeping->is_gold_replaced = true;
			}
			keep_files(keeping, files);
		}
		else
			pfree(files);
		if (what != NULL)
			fail(keeping, what);
	}
	MemoryContextSwitchTo(before);
}

/*
 * Before everything is read: the rows are counted, so that what is missing at its end went
 * away meanwhile, and what was removed before is made again by this run.  Outside transactions.
 */
void
mls_missing_rows_count(MlsRun *run)
{
	ListCell *lc;

	mls_transaction_begin(run->sub->owner);
	foreach (lc, run->keepings)
		make_good(lfirst(lc));
	mls_transaction_commit();
	MemoryContextSwitchTo(run->context);
}

/* Has gold been replaced since this was last asked?  Then it has to be mapped again. */
bool
mls_missing_rows_gold_replaced(const MlsRun *run)
{
	bool replaced = false;
	ListCell *lc;

	foreach (lc, run->keepings)
	{
		Keeping *keeping = lfirst(lc);

		replaced |= keeping->is_gold_replaced;
		keeping->is_gold_replaced = false;
	}
	return replaced;
}
