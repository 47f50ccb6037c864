/*
 * gilder.c
 *		The last layer of a batch: gold, from rows of silver that changed and keys
 *		that are gone; and the gold of those who look at them.
 *
 * A rule can be an expression of a user, which may raise an error for one row in
 * a thousand.  Such statements run in a subtransaction; when one fails, its rows
 * are taken one by one, and the fields that cannot be made of a row stay empty
 * and are listed in mls.issue.
 *
 * Where gold looks at other resources, two pages of a source could each miss
 * what the other writes.  So these pages are written one at a time.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "gold/gold.h"
#include "sync/sync.h"

/* The relation in which rows stand that are taken one by one. */
#define ONE_ROW "mls_one_row"

/* The class of the advisory lock, beside those of SQL (1 and 2) and of subscriptions. */
#define LOCK_CLASS 19789

/* One RESO resource to fill. */
typedef struct Gilding
{
	const MlsGoldStatements *sql;
	SPIPlanPtr upsert;
	SPIPlanPtr conflicts;
	SPIPlanPtr remove;
	int number; /* among those of its table */
} Gilding;

/* Rows of one subscription, and what is made of them. */
typedef struct RowGroup
{
	int64 subscription;
	const MlsTable *table;
	Oid silver;
	Oid gold;
	TupleDesc desc;   /* of silver */
	const char *rows; /* SQL of the rows */
	List *gildings;   /* of Gilding * */
} RowGroup;

/* A group whose rows follow from those of another resource. */
typedef struct Follower
{
	RowGroup group;
	MlsRelay affected;
	const char *find_before; /* or NULL */
	const char *find_after;
	SPIPlanPtr before;
	SPIPlanPtr after;
} Follower;

struct MlsGilder
{
	int64 run;
	const char *source;
	RowGroup own;
	List *followers; /* of Follower * */
	bool is_connected;
};

/* ---- Beginning ---- */

static const char *
keep(const char *sql)
{
	return sql ? pstrdup(sql) : NULL;
}

static TupleDesc
silver_desc(Oid silver)
{
	Relation rel = relation_open(silver, AccessShareLock);
	TupleDesc desc = CreateTupleDescCopy(RelationGetDescr(rel));

	relation_close(rel, NoLock);
	return desc;
}

/* Copies of the statements, in the current context. */
static List *
keep_gildings(const List *statements)
{
	List *gildings = NIL;
	ListCell *lc;

	foreach (lc, statements)
	{
		const MlsGoldStatements *sql = lfirst(lc);
		MlsGoldStatements *copy = palloc(sizeof(MlsGoldStatements));
		Gilding *gilding = palloc0(sizeof(Gilding));

		*copy = *sql;
		copy->upsert = keep(sql->upsert);
		copy->conflicts = keep(sql->conflicts);
		copy->remove = keep(sql->remove);
		gilding->sql = copy;
		gilding->number = list_length(gildings);
		gildings = lappend(gildings, gilding);
	}
	return gildings;
}

static Follower *
keep_follower(const MlsGoldDependant *dependant)
{
	Follower *follower = palloc0(sizeof(Follower));
	RowGroup *group = &follower->group;

	group->subscription = dependant->subscription;
	group->table = mls_table_get(dependant->table->relid,
								 mls_subscription_by_id(dependant->subscription)->owner, false);
	group->silver = dependant->silver;
	group->gold = dependant->gold;
	group->desc = silver_desc(dependant->silver);
	group->rows = keep(dependant->rows);
	group->gildings = keep_gildings(dependant->statements);
	follower->affected.name = keep(dependant->affected);
	follower->affected.desc = CreateTupleDescCopy(dependant->key);
	follower->find_before = keep(dependant->before);
	follower->find_after = keep(dependant->after);
	return follower;
}

/*
 * What a subscription's gold needs; `rows` and `gone` are SQL of relations with
 * silver's columns.  Without `gone` silver does not change, so nobody else's gold
 * does.  Lives in `context`; needs SPI connected.
 */
MlsGilder *
mls_gilder_begin(MemoryContext context, const MlsTable *table, const MlsSubscription *sub,
				 int64 run, const char *rows, const char *gone)
{
	MemoryContext before = CurrentMemoryContext;
	List *statements = NIL;
	List *dependants = NIL;
	bool looks_around = false;
	MlsGilder *gilder;
	ListCell *lc;

	if (OidIsValid(sub->gold))
	{
		statements = mls_gold_statements(table, sub->silver, sub->gold, rows, gone ? gone : rows);
		looks_around = mls_gold_looks_around(table, sub->silver, sub->gold);
	}
	if (gone != NULL)
		dependants = mls_gold_dependants(table, sub->silver, rows, gone);
	MemoryContextSwitchTo(context);
	gilder = palloc0(sizeof(MlsGilder));
	gilder->run = run;
	gilder->source = pstrdup(table->source->http.name);
	gilder->own.subscription = sub->id;
	gilder->own.table = table;
	gilder->own.silver = sub->silver;
	gilder->own.gold = sub->gold;
	gilder->own.desc = silver_desc(sub->silver);
	gilder->own.rows = pstrdup(rows);
	gilder->own.gildings = keep_gildings(statements);
	foreach (lc, dependants)
	{
		Follower *follower;

		MemoryContextSwitchTo(context);
		follower = keep_follower(lfirst(lc));
		MemoryContextSwitchTo(context);
		gilder->followers = lappend(gilder->followers, follower);
	}
	gilder->is_connected = looks_around || dependants != NIL;
	MemoryContextSwitchTo(before);
	return gilder;
}

/* ---- Plans ---- */

static void
run_plan(SPIPlanPtr *plan, const char *sql, int expected)
{
	if (*plan == NULL)
		*plan = mls_plan_prepare(sql);
	mls_plan_run(*plan, expected);
}

/* ---- Issues ---- */

static void
put_issue(const MlsGilder *gilder, const RowGroup *group, const char *kind, const char *key,
		  const char *field, const char *reason)
{
	mls_issue_open(group->subscription, gilder->run, kind, key, field, NULL, reason);
}

/* SQL of the source's key of a row r of the group. */
static char *
key_sql(const RowGroup *group)
{
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "pg_catalog.concat_ws('|'");
	foreach (lc, group->table->key)
		appendStringInfo(&sql, ", r.%s",
						 quote_identifier(mls_table_column(group->table, lfirst(lc))->name));
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/*
 * Ends what was said of gold of the rows that stand in the relation and has not been
 * said again.  judged: it has also been looked at whether others have their keys.
 */
static void
solve_issues(const RowGroup *group, bool judged)
{
	const char *kinds =
		judged ? "'" MLS_ISSUE_GOLD "', '" MLS_ISSUE_CONFLICT "'" : "'" MLS_ISSUE_GOLD "'";
	Oid types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(group->subscription)};

	mls_execute(psprintf("SELECT FROM mls.issue WHERE subscription = $1 AND solved_at IS NULL "
						 "AND kind IN (%s) LIMIT 1",
						 kinds),
				1, types, values, NULL, SPI_OK_SELECT);
	if (SPI_processed == 0)
		return;
	mls_execute(psprintf("UPDATE mls.issue i SET solved_at = pg_catalog.now() FROM "
						 "(SELECT %s AS key FROM %s r) u WHERE i.subscription = $1 AND "
						 "i.key = u.key AND i.solved_at IS NULL AND i.last_seen < pg_catalog.now() "
						 "AND i.kind IN (%s)",
						 key_sql(group), group->rows, kinds),
				1, types, values, NULL, SPI_OK_UPDATE);
}

/* Notes the rows whose place in gold another source has. */
static void
put_conflicts(const MlsGilder *gilder, const RowGroup *group, Gilding *gilding)
{
	SPITupleTable *found;
	uint64 n;

	run_plan(&gilding->conflicts, gilding->sql->conflicts, SPI_OK_SELECT);
	found = SPI_tuptable;
	n = SPI_processed;
	for (uint64 i = 0; i < n; i++)
		put_issue(gilder, group, MLS_ISSUE_CONFLICT,
				  SPI_getvalue(found->vals[i], found->tupdesc, 1), linitial(group->table->key),
				  psprintf("gold has this key from source \"%s\"",
						   SPI_getvalue(found->vals[i], found->tupdesc, 2)));
	SPI_freetuptable(found);
}

/* ---- Rows one by one ---- */

static void
run_upsert(void *gilding)
{
	run_plan(&((Gilding *) gilding)->upsert, ((Gilding *) gilding)->sql->upsert, SPI_OK_INSERT);
}

static void
run_once(void *sql)
{
	mls_execute(sql, 0, NULL, NULL, NULL, SPI_OK_INSERT);
}

/* The source's key of the row that stands alone. */
static char *
key_of_row(const RowGroup *group, HeapTuple row)
{
	StringInfoData key;
	ListCell *lc;

	initStringInfo(&key);
	foreach (lc, group->table->key)
	{
		const char *column = mls_table_column(group->table, lfirst(lc))->name;
		char *part = SPI_getvalue(row, group->desc, SPI_fnumber(group->desc, column));

		appendStringInfo(&key, "%s%s", key.len ? "|" : "", part ? part : "");
	}
	return key.data;
}

/* A row that raises an error: what can be made of it, with a word about what cannot. */
static void
mend_row(const MlsGilder *gilder, const RowGroup *group, const Gilding *gilding, const char *key,
		 const char *message)
{
	List *failed = NIL;
	char *sql = mls_gold_mended_upsert(group->table, group->silver, group->gold, ONE_ROW,
									   gilding->number, &failed);
	char *again = NULL;
	ListCell *lc;

	if (sql == NULL || !mls_attempt(run_once, sql, &again))
	{
		put_issue(gilder, group, MLS_ISSUE_GOLD, key, NULL,
				  psprintf("gold could not be made of the record: %s", again ? again : message));
		return;
	}
	foreach (lc, failed)
		put_issue(gilder, group, MLS_ISSUE_GOLD, key, strVal(lfirst(lc)),
				  psprintf("the rule for this field of gold raised an error: %s", message));
}

static void
gild_one_by_one(const MlsGilder *gilder, const RowGroup *group, const Gilding *gilding)
{
	MlsRelay one = {.name = ONE_ROW, .desc = group->desc};
	const MlsGoldStatements *own =
		list_nth(mls_gold_statements(group->table, group->silver, group->gold, ONE_ROW, ONE_ROW),
				 gilding->number);
	SPITupleTable *rows;
	uint64 n;

	mls_execute(psprintf("SELECT * FROM %s r", group->rows), 0, NULL, NULL, NULL, SPI_OK_SELECT);
	rows = SPI_tuptable;
	n = SPI_processed;
	mls_relay_open(&one);
	for (uint64 i = 0; i < n; i++)
	{
		char *message = NULL;

		CHECK_FOR_INTERRUPTS();
		tuplestore_clear(one.store);
		tuplestore_puttuple(one.store, rows->vals[i]);
		if (!mls_attempt(run_once, unconstify(char *, own->upsert), &message))
			mend_row(gilder, group, gilding, key_of_row(group, rows->vals[i]), message);
	}
	SPI_unregister_relation(ONE_ROW);
	tuplestore_end(one.store);
	SPI_freetuptable(rows);
}

/* ---- Gilding ---- */

static void
gild(const MlsGilder *gilder, const RowGroup *group, int64 rows)
{
	bool judged = rows > 0;
	ListCell *lc;

	foreach (lc, group->gildings)
	{
		Gilding *gilding = lfirst(lc);
		const MlsGoldStatements *sql = gilding->sql;
		char *message = NULL;

		if (!sql->can_fail)
			run_upsert(gilding);
		else if (!mls_attempt(run_upsert, gilding, &message))
		{
			gild_one_by_one(gilder, group, gilding);
			judged = false;
			continue;
		}
		if (SPI_processed < rows && sql->conflicts != NULL)
			put_conflicts(gilder, group, gilding);
	}
	solve_issues(group, judged);
}

/* Adds the keys a query finds to those affected. */
static void
find_affected(Follower *follower, SPIPlanPtr *plan, const char *sql)
{
	TupleDesc desc = follower->affected.desc;
	Datum *values = palloc(desc->natts * sizeof(Datum));
	bool *isnull = palloc(desc->natts * sizeof(bool));
	SPITupleTable *found;
	uint64 n;

	run_plan(plan, sql, SPI_OK_SELECT);
	found = SPI_tuptable;
	n = SPI_processed;
	for (uint64 i = 0; i < n; i++)
	{
		heap_deform_tuple(found->vals[i], found->tupdesc, values, isnull);
		mls_relay_put(&follower->affected, values, isnull);
	}
	SPI_freetuptable(found);
}

static void
lock_source(const MlsGilder *gilder)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(
		tag, MyDatabaseId, 0,
		DatumGetUInt32(hash_any((const unsigned char *) gilder->source, strlen(gilder->source))),
		LOCK_CLASS);
	LockAcquire(&tag, ExclusiveLock, false, false);
}

/* Before silver changes: from now to the end of the transaction nobody else's change is missed. */
void
mls_gilder_prepare(MlsGilder *gilder)
{
	ListCell *lc;

	if (gilder->is_connected)
		lock_source(gilder);
	foreach (lc, gilder->followers)
	{
		Follower *follower = lfirst(lc);

		mls_relay_open(&follower->affected);
		if (follower->find_before != NULL)
			find_affected(follower, &follower->before, follower->find_before);
	}
}

/* After silver has changed: gold of the rows and keys that stand in the relations. */
void
mls_gilder_store(MlsGilder *gilder, int64 changed, int64 gone)
{
	ListCell *lc;

	if (gone > 0)
		foreach (lc, gilder->own.gildings)
		{
			Gilding *gilding = lfirst(lc);

			run_plan(&gilding->remove, gilding->sql->remove, SPI_OK_DELETE);
		}
	if (changed > 0)
		gild(gilder, &gilder->own, changed);
	foreach (lc, gilder->followers)
	{
		Follower *follower = lfirst(lc);

		find_affected(follower, &follower->after, follower->find_after);
		if (follower->affected.rows > 0)
			gild(gilder, &follower->group, 0);
	}
}

static void
free_gildings(const RowGroup *group)
{
	ListCell *lc;

	foreach (lc, group->gildings)
	{
		const Gilding *gilding = lfirst(lc);

		mls_plan_free(gilding->upsert);
		mls_plan_free(gilding->conflicts);
		mls_plan_free(gilding->remove);
	}
}

/* Plans outlive transactions and contexts, so they are given back here. */
void
mls_gilder_end(MlsGilder *gilder)
{
	ListCell *lc;

	free_gildings(&gilder->own);
	foreach (lc, gilder->followers)
	{
		Follower *follower = lfirst(lc);

		mls_plan_free(follower->before);
		mls_plan_free(follower->after);
		free_gildings(&follower->group);
	}
}
