/*
 * gold_write.c
 *		The last layer of a batch: gold, from rows of silver that changed and keys
 *		that are gone; and the gold of those who look at them.
 *
 * A rule can be an expression of a user, which may raise an error for one row in
 * a thousand.  Such statements run in a subtransaction; when one fails, its rows
 * are taken one by one, and the fields that cannot be made of a row stay empty
 * and are listed in mls.issue.
 *
 * Where gold looks at other resources, two pages of a source could each miss
 * what the other writes.  So these pages are written one at a time.  The same
 * goes for all pages of sources of which one could have the other's keys: for each
 * of their keys all who claim it are asked who comes first (gold/contest.c).  Who
 * takes part can change between two pages; so a page looks first whether what was
 * prepared for it is still so.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "gold/gold_write.h"
#include "gold/partition.h"
#include "gold/source_node.h"
#include "gold/statement.h"
#include "step/insertion.h"
#include "step/issue.h"

/* The relation in which rows stand that are taken one by one. */
#define ONE_ROW "mls_one_row"

/* What issues say about keys that others have. */
#define TAKEN "gold has this key from source \"%s\""
#define TAKEN_UNSEEN "gold has this key from a source of another role"

typedef struct Contest Contest;

/* One RESO resource to fill. */
typedef struct Target
{
	const MlsGoldStatements *sql;
	SPIPlanPtr upsert;
	List *before; /* of SPIPlanPtr */
	SPIPlanPtr made;
	SPIPlanPtr conflicts;
	SPIPlanPtr remove;
	SPIPlanPtr keys;
	SPIPlanPtr source_keys;
	int number;       /* among those of its table */
	bool all_new;     /* the rows of the page at hand were not in silver before */
	List *hidden;     /* of char *: keys at the source of rows whose places others have, unseen */
	Contest *contest; /* NULL: nobody else can have its keys */
} Target;

/* Rows of one subscription, and what is made of them. */
typedef struct RowGroup
{
	int64 subscription;
	const MlsTable *table;
	Oid silver;
	Oid gold;
	TupleDesc desc;   /* of silver */
	const char *rows; /* SQL of the rows */
	const char *won;  /* of those who take part in a contest; else NULL */
	List *gildings;   /* of Gilding * */
} RowGroup;

/* A group whose rows follow from those of another resource. */
typedef struct Follower
{
	RowGroup group;
	MlsTransition affected;
	const char *find_before; /* or NULL */
	const char *find_after;
	SPIPlanPtr before;
	SPIPlanPtr after;
} Follower;

/* One who claims keys of a contest. */
typedef struct Party
{
	RowGroup group;
	const char *source;
	const char *origin;
	int64 wins;
	List *losses; /* of char *: keys at the source of records whose loss nobody has planned */
	List *fine;   /* the same of the others */
} Party;

/* Rows of another contest that belong to rows of one. */
typedef struct Belonging
{
	Contest *contest;
	const char *find;
	SPIPlanPtr plan;
} Belonging;

struct Contest
{
	Oid table;
	const char *key; /* of the table, quoted */
	const char *decide_sql;
	bool can_fail;
	MlsTransition keys;
	MlsTransition won;
	MlsTransition moved;
	bool is_open;
	Party **parties;
	int nparties;
	List *belongings; /* of Belonging * */
	SPIPlanPtr decide;
};

struct MlsGoldWriter
{
	int64 run;
	const char *source;
	const MlsTable *table;
	const MlsSubscription *sub;
	const char *rows;
	const char *gone;      /* or NULL */
	MemoryContext scratch; /* while rules are read */
	MemoryContext context;
	const char *epoch; /* what it was prepared for */
	RowGroup own;
	List *followers; /* of Follower * */
	List *contests;  /* of Contest * */
	bool is_connected;
	bool has_rivals;
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

	relation_close(rel, AccessShareLock);
	return desc;
}

/* Copies of the statements, in the current context. */
static List *
keep_gildings(const List *statements)
{
	List *gildings = NIL;
	ListCell *lc;
	ListCell *each;

	foreach (lc, statements)
	{
		const MlsGoldStatements *sql = lfirst(lc);
		MlsGoldStatements *copy = palloc(sizeof(MlsGoldStatements));
		Target *gilding = palloc0(sizeof(Target));

		*copy = *sql;
		copy->resource = keep(sql->resource);
		copy->keys = keep(sql->keys);
		copy->source_keys = keep(sql->source_keys);
		copy->upsert = keep(sql->upsert);
		copy->before = NIL;
		foreach (each, sql->before)
		{
			copy->before = lappend(copy->before, pstrdup(lfirst(each)));
			gilding->before = lappend(gilding->before, NULL);
		}
		copy->made = keep(sql->made);
		copy->conflicts = keep(sql->conflicts);
		copy->yield = keep(sql->yield);
		copy->unseen = keep(sql->unseen);
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

/* ---- Contests ---- */

static TupleDesc
key_desc(bool with_claimant)
{
	TupleDesc desc = CreateTemplateTupleDesc(with_claimant ? 3 : 1);

	TupleDescInitEntry(desc, 1, "key", TEXTOID, -1, 0);
	if (with_claimant)
	{
		TupleDescInitEntry(desc, 2, "claimant", INT4OID, -1, 0);
		TupleDescInitEntry(desc, 3, "source_key", TEXTOID, -1, 0);
	}
	return desc;
}

static Party *
keep_party(MlsGoldWriter *gold_writer, const MlsGoldClaimant *claimant)
{
	List *statements;
	Party *party;

	if (gold_writer->scratch != NULL)
		MemoryContextSwitchTo(gold_writer->scratch);
	statements = mls_gold_statements(claimant->table, claimant->silver, claimant->gold,
									 claimant->rows, claimant->rows, claimant->won);
	MemoryContextSwitchTo(gold_writer->context);
	party = palloc0(sizeof(Party));
	party->source = keep(claimant->source);
	party->origin = keep(claimant->origin);
	party->group.subscription = claimant->subscription;
	party->group.table = mls_table_get(claimant->table->relid, gold_writer->sub->owner, false);
	party->group.silver = claimant->silver;
	party->group.gold = claimant->gold;
	party->group.desc = silver_desc(claimant->silver);
	party->group.rows = keep(claimant->rows);
	party->group.won = keep(claimant->won);
	party->group.gildings = keep_gildings(list_make1(list_nth(statements, claimant->number)));
	((Target *) linitial(party->group.gildings))->number = claimant->number;
	return party;
}

/*
 * The contest for a table's keys, in which a subscription (0: whoever) takes part;
 * NULL if there is none.
 */
static Contest *
contest_for(MlsGoldWriter *gold_writer, const char *resource, Oid table, int64 subscription)
{
	MlsGoldContest *sql;
	Contest *contest;
	ListCell *lc;

	foreach (lc, gold_writer->contests)
		if (((Contest *) lfirst(lc))->table == table)
			return lfirst(lc);
	if (gold_writer->scratch != NULL)
		MemoryContextSwitchTo(gold_writer->scratch);
	sql =
		mls_gold_contest(gold_writer->sub->owner, resource, table, subscription, subscription == 0);
	if (sql == NULL)
		return NULL;
	MemoryContextSwitchTo(gold_writer->context);
	contest = palloc0(sizeof(Contest));
	gold_writer->contests = lappend(gold_writer->contests, contest);
	contest->table = table;
	contest->key = keep(sql->key);
	contest->decide_sql = keep(sql->decide);
	contest->can_fail = sql->can_fail;
	contest->keys = (MlsTransition){.name = keep(sql->keys), .desc = key_desc(false)};
	contest->won = (MlsTransition){.name = keep(sql->won), .desc = key_desc(true)};
	contest->moved = (MlsTransition){.name = keep(sql->moved), .desc = key_desc(false)};
	contest->parties = palloc0(list_length(sql->claimants) * sizeof(Party *));
	foreach (lc, sql->claimants)
		contest->parties[contest->nparties++] = keep_party(gold_writer, lfirst(lc));
	foreach (lc, sql->belongings)
	{
		const MlsGoldBelongings *belongings = lfirst(lc);
		Contest *other = contest_for(gold_writer, belongings->resource, belongings->table, 0);
		Belonging *belonging;

		if (other == NULL)
			continue;
		MemoryContextSwitchTo(gold_writer->context);
		belonging = palloc0(sizeof(Belonging));
		belonging->contest = other;
		belonging->find = keep(belongings->find);
		contest->belongings = lappend(contest->belongings, belonging);
	}
	return contest;
}

/* Finds out for which of its rows' keys a group has to contest. */
static void
find_contests(MlsGoldWriter *gold_writer, RowGroup *group)
{
	ListCell *lc;

	foreach (lc, group->gildings)
	{
		Target *gilding = lfirst(lc);

		if (gilding->sql->keys != NULL)
			gilding->contest = contest_for(gold_writer, gilding->sql->resource, gilding->sql->table,
										   group->subscription);
	}
}

/* Must pages be written one at a time, for no index keeps keys unique? */
static bool
is_any_apart(const RowGroup *group)
{
	ListCell *lc;

	foreach (lc, group->gildings)
		if (((Target *) lfirst(lc))->sql->is_apart)
			return true;
	return false;
}

/* What decides about keys beside the records: who takes part, by which rules, in which order. */
static char *
read_epoch(Oid owner)
{
	char *epoch;
	char *spread;

	mls_select("SELECT pg_catalog.hashtextextended(pg_catalog.string_agg(pg_catalog.concat_ws("
			   "' ', s.id, s.source, s.foreign_table::pg_catalog.oid, s.silver::pg_catalog.oid, "
			   "s.gold::pg_catalog.oid, "
			   "s.priority, s.standing, s.key_prefix, s.map_hash, c.relnatts), ',' ORDER BY s.id), "
			   "0) FROM mls.subscription s LEFT JOIN pg_catalog.pg_class c "
			   "ON c.oid = s.gold::pg_catalog.oid WHERE s.owner::pg_catalog.oid = $1",
			   mls_arg_oid(owner));
	epoch = mls_text_at(0, 1);
	spread = psprintf("%s %s", mls_shards_epoch(), mls_source_nodes_epoch());
	return psprintf("%s %s", epoch ? epoch : "", spread);
}

/* Reads rules and rivals, as they are now. */
static void
load(MlsGoldWriter *gold_writer)
{
	MemoryContext before = CurrentMemoryContext;
	const MlsSubscription *sub = gold_writer->sub;
	List *statements = NIL;
	List *dependants = NIL;
	bool looks_around = false;
	ListCell *lc;

	MemoryContextSwitchTo(gold_writer->context);
	gold_writer->epoch = read_epoch(sub->owner);
	/* Rules and statements on their way: what is kept of them is copied. */
	gold_writer->scratch =
		AllocSetContextCreate(gold_writer->context, "mls_fdw rules", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(gold_writer->scratch);
	if (OidIsValid(sub->gold))
	{
		statements =
			mls_gold_statements(gold_writer->table, sub->silver, sub->gold, gold_writer->rows,
								gold_writer->gone ? gold_writer->gone : gold_writer->rows, NULL);
		looks_around = mls_gold_looks_around(gold_writer->table, sub->silver, sub->gold);
	}
	if (gold_writer->gone != NULL)
		dependants = mls_gold_dependants(gold_writer->table, sub->silver, gold_writer->rows,
										 gold_writer->gone);
	gold_writer->has_rivals = mls_gold_source_has_rivals(sub->owner, gold_writer->table);
	MemoryContextSwitchTo(gold_writer->context);
	gold_writer->own.desc = silver_desc(sub->silver);
	gold_writer->own.gildings = keep_gildings(statements);
	foreach (lc, dependants)
	{
		Follower *follower;

		MemoryContextSwitchTo(gold_writer->context);
		follower = keep_follower(lfirst(lc));
		MemoryContextSwitchTo(gold_writer->context);
		gold_writer->followers = lappend(gold_writer->followers, follower);
	}
	gold_writer->is_connected = looks_around || dependants != NIL;
	gold_writer->has_rivals |= is_any_apart(&gold_writer->own);
	foreach (lc, gold_writer->followers)
		gold_writer->has_rivals |= is_any_apart(&((Follower *) lfirst(lc))->group);
	find_contests(gold_writer, &gold_writer->own);
	foreach (lc, gold_writer->followers)
		find_contests(gold_writer, &((Follower *) lfirst(lc))->group);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(gold_writer->scratch);
	gold_writer->scratch = NULL;
}

static MlsGoldWriter *
make_gilder(MemoryContext context, const MlsTable *table, const MlsSubscription *sub, int64 run)
{
	MlsGoldWriter *gold_writer = MemoryContextAllocZero(context, sizeof(MlsGoldWriter));

	gold_writer->context = context;
	gold_writer->run = run;
	gold_writer->source = MemoryContextStrdup(context, table ? table->source->name : sub->source);
	gold_writer->table = table;
	gold_writer->sub = sub;
	gold_writer->own.subscription = sub->id;
	gold_writer->own.table = table;
	gold_writer->own.silver = sub->silver;
	gold_writer->own.gold = sub->gold;
	return gold_writer;
}

/*
 * What a subscription's gold needs; `rows` and `gone` are SQL of relations with
 * silver's columns.  Without `gone` silver does not change, so nobody else's gold
 * does.  Lives in `context`; needs SPI connected.
 */
MlsGoldWriter *
mls_gold_writer_begin(MemoryContext context, const MlsTable *table, const MlsSubscription *sub,
					  int64 run, const char *rows, const char *gone)
{
	MlsGoldWriter *gold_writer = make_gilder(context, table, sub, run);

	gold_writer->rows = gold_writer->own.rows = MemoryContextStrdup(context, rows);
	gold_writer->gone = gone ? MemoryContextStrdup(context, gone) : NULL;
	load(gold_writer);
	return gold_writer;
}

/* ---- Plans ---- */

static void
run_plan(SPIPlanPtr *plan, const char *sql, int expected)
{
	if (*plan == NULL)
		*plan = mls_plan_prepare(sql);
	mls_plan_run(*plan, mls_shards_expected(sql, expected));
}

/* The same once. */
static void
run_sql(const char *sql, int expected)
{
	mls_sql(mls_shards_expected(sql, expected), sql);
}

/* Rows that are new here are most likely new in gold; false if nothing was done. */
static bool
insert_new(Target *gilding)
{
	const MlsGoldStatements *sql = gilding->sql;

	if (!gilding->all_new || sql->made == NULL)
		return false;
	if (gilding->made == NULL)
		gilding->made = mls_plan_prepare(sql->made);
	return mls_insertion_query(sql->table, gilding->made);
}

static void
run_upsert(void *arg)
{
	Target *gilding = arg;
	ListCell *sql;
	ListCell *plan;

	if (insert_new(gilding))
		return;
	forboth(sql, gilding->sql->before, plan, gilding->before)
		run_plan((SPIPlanPtr *) &lfirst(plan), lfirst(sql), SPI_OK_DELETE);
	run_plan(&gilding->upsert, gilding->sql->upsert, SPI_OK_INSERT);
}

/* ---- Issues ---- */

static void
put_issue(const MlsGoldWriter *gold_writer, const RowGroup *group, const char *kind,
		  const char *key, const char *field, const char *reason)
{
	mls_issue_open(group->subscription, gold_writer->run, kind, key, field, NULL, reason);
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

	mls_select(psprintf("SELECT FROM mls.issue WHERE subscription = $1 AND solved_at IS NULL "
						"AND kind IN (%s) LIMIT 1",
						kinds),
			   mls_arg_int8(group->subscription));
	if (SPI_processed == 0)
		return;
	mls_issue_solve_found(
		psprintf("FROM mls.issue i, "
				 "(SELECT %s AS key FROM %s r) u WHERE i.subscription = $1 AND "
				 "i.key = u.key AND i.solved_at IS NULL AND i.last_seen < pg_catalog.now() "
				 "AND i.kind IN (%s)",
				 key_sql(group), group->rows, kinds),
		MLS_ARGS(mls_arg_int8(group->subscription)));
}

/* Notes the rows whose place in gold another source has. */
static void
put_conflicts(const MlsGoldWriter *gold_writer, const RowGroup *group, Target *gilding)
{
	SPITupleTable *found;
	uint64 n;

	run_plan(&gilding->conflicts, gilding->sql->conflicts, SPI_OK_SELECT);
	if (SPI_processed > 0 && gilding->sql->yield != NULL)
	{
		run_sql(gilding->sql->yield, SPI_OK_DELETE);
		if (SPI_processed > 0 || gilding->sql->is_distributed)
			run_upsert(gilding);
		run_plan(&gilding->conflicts, gilding->sql->conflicts, SPI_OK_SELECT);
	}
	found = SPI_tuptable;
	n = SPI_processed;
	for (uint64 i = 0; i < n; i++)
		put_issue(gold_writer, group, MLS_ISSUE_CONFLICT, mls_cell_text(found, i, 1),
				  linitial(group->table->key), psprintf(TAKEN, mls_cell_text(found, i, 2)));
	SPI_freetuptable(found);
}

/* ---- Rows one by one ---- */

/* Commands one after another; the last is the upsert. */
static void
run_once(void *commands)
{
	ListCell *lc;

	foreach (lc, (List *) commands)
		run_sql(lfirst(lc), SPI_OK_INSERT);
}

/* guarded: row security may refuse it, for it hides who has a key. */
static bool
attempt_upsert(void (*work)(void *arg), void *arg, bool guarded, char **message, bool *is_refused)
{
	*is_refused = false;
	return guarded ? mls_attempt_guarded(work, arg, message, is_refused)
				   : mls_attempt(work, arg, message);
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

/* Somebody has the key of a row whom row security hides. */
static void
note_hidden(const MlsGoldWriter *gold_writer, const RowGroup *group, Target *gilding,
			const char *key)
{
	MemoryContext before;

	put_issue(gold_writer, group, MLS_ISSUE_CONFLICT, key, linitial(group->table->key),
			  TAKEN_UNSEEN);
	before = MemoryContextSwitchTo(gold_writer->context);
	gilding->hidden = lappend(gilding->hidden, pstrdup(key));
	MemoryContextSwitchTo(before);
}

/* What the upsert has passed over without a word. */
static void
note_unseen(const MlsGoldWriter *gold_writer, const RowGroup *group, Target *gilding,
			const char *unseen)
{
	SPITupleTable *found;

	mls_select(unseen);
	found = SPI_tuptable;
	for (uint64 i = 0; i < found->numvals; i++)
		note_hidden(gold_writer, group, gilding, mls_cell_text(found, i, 1));
	SPI_freetuptable(found);
}

/* A row that was refused; it is an error of its own if the role may not write the row at all. */
static void
pass_over_hidden(const MlsGoldWriter *gold_writer, const RowGroup *group, Target *gilding,
				 const MlsGoldStatements *own, const char *key)
{
	run_sql(own->careful_insert, SPI_OK_INSERT);
	if (SPI_processed > 0)
		return;
	mls_select(own->present);
	if (SPI_processed > 0)
		run_sql(own->upsert, SPI_OK_INSERT);
	note_hidden(gold_writer, group, gilding, key);
}

/* A row that raises an error: what can be made of it, with a word about what cannot. */
static void
mend_row(const MlsGoldWriter *gold_writer, const RowGroup *group, Target *gilding, bool guarded,
		 const char *key, const char *message)
{
	List *failed = NIL;
	List *commands = mls_gold_mended_upsert(group->table, group->silver, group->gold, ONE_ROW,
											gilding->number, group->won, &failed);
	char *again = NULL;
	bool is_refused = false;
	ListCell *lc;

	if (commands == NIL || !attempt_upsert(run_once, commands, guarded, &again, &is_refused))
	{
		if (is_refused)
		{
			note_hidden(gold_writer, group, gilding, key);
			return;
		}
		put_issue(gold_writer, group, MLS_ISSUE_GOLD, key, NULL,
				  psprintf("gold could not be made of the record: %s", again ? again : message));
		return;
	}
	foreach (lc, failed)
		put_issue(gold_writer, group, MLS_ISSUE_GOLD, key, strVal(lfirst(lc)),
				  psprintf("the rule for this field of gold raised an error: %s", message));
}

static void
gild_one_by_one(const MlsGoldWriter *gold_writer, const RowGroup *group, Target *gilding,
				bool guarded)
{
	MlsTransition one = {.name = ONE_ROW, .desc = group->desc};
	const MlsGoldStatements *own = list_nth(
		mls_gold_statements(group->table, group->silver, group->gold, ONE_ROW, ONE_ROW, group->won),
		gilding->number);
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw row of gold", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before;
	SPITupleTable *rows;
	uint64 n;

	mls_select(psprintf("SELECT * FROM %s r", group->rows));
	rows = SPI_tuptable;
	n = SPI_processed;
	mls_transition_open(&one);
	before = MemoryContextSwitchTo(scratch);
	for (uint64 i = 0; i < n; i++)
	{
		char *message = NULL;
		bool is_refused;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(scratch);
		tuplestore_clear(one.store);
		tuplestore_puttuple(one.store, rows->vals[i]);
		if (attempt_upsert(run_once, lappend(list_copy(own->before), (void *) own->upsert), guarded,
						   &message, &is_refused))
		{
			if (guarded && SPI_processed == 0)
				note_unseen(gold_writer, group, gilding, own->unseen);
			continue;
		}
		if (is_refused)
			pass_over_hidden(gold_writer, group, gilding, own, key_of_row(group, rows->vals[i]));
		else
			mend_row(gold_writer, group, gilding, guarded, key_of_row(group, rows->vals[i]),
					 message);
	}
	MemoryContextSwitchTo(before);
	MemoryContextDelete(scratch);
	SPI_unregister_relation(ONE_ROW);
	tuplestore_end(one.store);
	SPI_freetuptable(rows);
}

/* ---- Gilding ---- */

/* False if not all rows could be taken together. */
static bool
gild(const MlsGoldWriter *gold_writer, const RowGroup *group, Target *gilding, int64 rows)
{
	const MlsGoldStatements *sql = gilding->sql;
	bool guarded = sql->unique_key && mls_gold_is_guarded(sql->table);
	char *message = NULL;
	bool is_refused;

	gilding->hidden = NIL;
	if (!sql->can_fail && !guarded)
		run_upsert(gilding);
	else if (!attempt_upsert(run_upsert, gilding, guarded, &message, &is_refused))
	{
		gild_one_by_one(gold_writer, group, gilding, guarded);
		return false;
	}
	if (SPI_processed < rows && sql->conflicts != NULL)
	{
		put_conflicts(gold_writer, group, gilding);
		if (guarded)
			note_unseen(gold_writer, group, gilding, sql->unseen);
	}
	return true;
}

/* ---- Deciding ---- */

/* Columns of what decides; see decision() in gold/contest.c. */
enum
{
	DECIDED_KEY = 1,
	DECIDED_CLAIMANT,
	DECIDED_SOURCE_KEY,
	DECIDED_UNPLANNED,
	DECIDED_SOURCE,
	DECIDED_ORIGIN,
	DECIDED_OLD_KEY,
	DECIDED_FOREIGN
};

static void
open_keys(Contest *contest)
{
	if (!contest->is_open)
		mls_transition_open(&contest->keys);
	contest->is_open = true;
}

static void
put_key(MlsTransition *relay, const char *key)
{
	mls_transition_add(relay, mls_arg_text(key));
}

/* Adds the keys that a query has found. */
static void
take_keys(Contest *contest)
{
	SPITupleTable *found = SPI_tuptable;

	open_keys(contest);
	for (uint64 i = 0; i < found->numvals; i++)
		put_key(&contest->keys, mls_cell_text(found, i, 1));
	SPI_freetuptable(found);
}

static void
run_decide(void *contest)
{
	run_plan(&((Contest *) contest)->decide, ((Contest *) contest)->decide_sql, SPI_OK_SELECT);
}

/* The one who claims a key in a row, or NULL. */
static Party *
claimant_of(const Contest *contest, const SPITupleTable *found, uint64 row, int *place)
{
	bool isnull;
	Datum value = mls_cell(found, row, DECIDED_CLAIMANT, &isnull);

	*place = isnull ? -1 : DatumGetInt32(value);
	return isnull ? NULL : contest->parties[*place];
}

static bool
takes_part(const Contest *contest, const char *source)
{
	for (int i = 0; i < contest->nparties; i++)
		if (strcmp(contest->parties[i]->source, source) == 0)
			return true;
	return false;
}

/* The first row about a key: who has won, and what becomes of the row that gold has. */
static void
take_winner(Contest *contest, const SPITupleTable *found, uint64 row, bool all_moved,
			List **removed)
{
	int claimant;
	Party *winner = claimant_of(contest, found, row, &claimant);
	char *key = mls_cell_text(found, row, DECIDED_KEY);
	char *source_key = mls_cell_text(found, row, DECIDED_SOURCE_KEY);
	char *source = mls_cell_text(found, row, DECIDED_SOURCE);
	bool is_foreign = mls_cell_bool(found, row, DECIDED_FOREIGN);

	if (winner != NULL)
	{
		mls_transition_add(&contest->won, mls_arg_text(key), mls_arg_int4(claimant),
						   mls_arg_text(source_key));
		winner->wins++;
		if (is_foreign)
			winner->losses = lappend(winner->losses, list_make2(source_key, source));
		else
			winner->fine = lappend(winner->fine, source_key);
	}
	if (all_moved || winner == NULL || source == NULL || strcmp(winner->source, source) != 0)
		put_key(&contest->moved, key);
	if (source == NULL || is_foreign || (winner == NULL && !takes_part(contest, source)))
		return;
	if (winner == NULL || strcmp(winner->source, source) != 0 ||
		strcmp(winner->origin, mls_cell_text(found, row, DECIDED_ORIGIN)) != 0 ||
		strcmp(source_key, mls_cell_text(found, row, DECIDED_OLD_KEY)) != 0)
		*removed = lappend(*removed, key);
}

/* A further row about a key: one who has lost it to the winner. */
static void
take_loser(Contest *contest, const SPITupleTable *found, uint64 row, const char *winner)
{
	int claimant;
	Party *loser = claimant_of(contest, found, row, &claimant);
	char *source_key = mls_cell_text(found, row, DECIDED_SOURCE_KEY);

	if (mls_cell_bool(found, row, DECIDED_UNPLANNED))
		loser->losses = lappend(loser->losses, list_make2(source_key, (char *) winner));
	else
		loser->fine = lappend(loser->fine, source_key);
}

/* Takes rows of gold out by their keys: a place does not say in which partition, or on which machine. */
static void
remove_keys(const Contest *contest, List *removed)
{
	if (removed == NIL)
		return;
	mls_sql(SPI_OK_DELETE,
			psprintf("DELETE FROM %s g WHERE g.%s = ANY ($1)", mls_qualified_name(contest->table),
					 contest->key),
			mls_arg_list(removed));
}

/* Ends the issues about who has the keys of some records; those of this transaction may be asked to stay. */
static void
end_issues(int64 subscription, const List *keys, bool but_new)
{
	if (keys == NIL)
		return;
	mls_sql_control(
		SPI_OK_UPDATE,
		"UPDATE mls.issue i SET solved_at = pg_catalog.now() WHERE i.subscription = $1 AND "
		"i.key = ANY (ARRAY(SELECT pg_catalog.left(k, 200) FROM pg_catalog.unnest($2) k)) "
		"AND i.solved_at IS NULL AND i.kind = '" MLS_ISSUE_CONFLICT "' "
		"AND NOT ($3 AND i.last_seen = pg_catalog.now())",
		mls_arg_int8(subscription), mls_arg_list(keys), mls_arg_bool(but_new));
}

static List *
without_key(List *keys, const char *key)
{
	ListCell *lc;

	foreach (lc, keys)
		if (strcmp(lfirst(lc), key) == 0)
			keys = foreach_delete_current(keys, lc);
	return keys;
}

/* Says of each party what has become of its records. */
static void
settle_issues(const MlsGoldWriter *gold_writer, const Contest *contest)
{
	for (int i = 0; i < contest->nparties; i++)
	{
		const Party *party = contest->parties[i];
		const Target *gilding = linitial(party->group.gildings);
		List *fine = party->fine;
		List *lost = NIL;
		ListCell *lc;

		foreach (lc, party->wins > 0 ? gilding->hidden : NIL)
			fine = without_key(fine, lfirst(lc));
		end_issues(party->group.subscription, fine, false);
		foreach (lc, party->losses)
		{
			char *key = linitial((List *) lfirst(lc));

			put_issue(gold_writer, &party->group, MLS_ISSUE_CONFLICT, key,
					  linitial(party->group.table->key),
					  psprintf(TAKEN, (char *) lsecond((List *) lfirst(lc))));
			lost = lappend(lost, key);
		}
		end_issues(party->group.subscription, lost, true);
	}
}

static void settle(MlsGoldWriter *gold_writer, Contest *contest, bool all_moved);

/* What belongs to rows that have moved is decided, too. */
static void
settle_belongings(MlsGoldWriter *gold_writer, Contest *contest)
{
	ListCell *lc;

	foreach (lc, contest->moved.rows > 0 ? contest->belongings : NIL)
	{
		Belonging *belonging = lfirst(lc);

		run_plan(&belonging->plan, belonging->find, SPI_OK_SELECT);
		take_keys(belonging->contest);
		settle(gold_writer, belonging->contest, false);
	}
}

/* Gives each of the keys that are open to who comes first, or to nobody. */
static void
apply_decision(MlsGoldWriter *gold_writer, Contest *contest, bool all_moved)
{
	SPITupleTable *found = SPI_tuptable;
	List *removed = NIL;
	const char *key = "";
	const char *winner = NULL;

	for (int i = 0; i < contest->nparties; i++)
	{
		contest->parties[i]->losses = contest->parties[i]->fine = NIL;
		contest->parties[i]->wins = 0;
	}
	mls_transition_open(&contest->won);
	mls_transition_open(&contest->moved);
	for (uint64 i = 0; i < found->numvals; i++)
	{
		int claimant;
		const char *next = mls_cell_text(found, i, DECIDED_KEY);

		if (i > 0 && strcmp(key, next) == 0)
		{
			take_loser(contest, found, i, winner);
			continue;
		}
		key = next;
		take_winner(contest, found, i, all_moved, &removed);
		winner =
			claimant_of(contest, found, i, &claimant) ? contest->parties[claimant]->source : NULL;
	}
	remove_keys(contest, removed);
	for (int i = 0; i < contest->nparties; i++)
	{
		const RowGroup *group = &contest->parties[i]->group;

		if (contest->parties[i]->wins == 0)
			continue;
		gild(gold_writer, group, linitial(group->gildings), 0);
		solve_issues(group, false);
	}
	settle_issues(gold_writer, contest);
	SPI_freetuptable(found);
	settle_belongings(gold_writer, contest);
	mls_transition_close(&contest->won);
	mls_transition_close(&contest->moved);
}

/* The same, key by key, for a rule has raised an error for one of them; that stays as it is. */
static void
settle_one_by_one(MlsGoldWriter *gold_writer, Contest *contest, bool all_moved)
{
	SPITupleTable *keys;

	mls_select(psprintf("SELECT DISTINCT k.key FROM %s k", contest->keys.name));
	keys = SPI_tuptable;
	for (uint64 i = 0; i < keys->numvals; i++)
	{
		char *key = mls_cell_text(keys, i, 1);
		char *message = NULL;

		CHECK_FOR_INTERRUPTS();
		tuplestore_clear(contest->keys.store);
		put_key(&contest->keys, key);
		if (mls_attempt(run_decide, contest, &message))
			apply_decision(gold_writer, contest, all_moved);
		else
			put_issue(gold_writer, &gold_writer->own, MLS_ISSUE_GOLD, key, NULL,
					  psprintf("gold could not be made of the record: %s", message));
	}
	SPI_freetuptable(keys);
}

static void
settle(MlsGoldWriter *gold_writer, Contest *contest, bool all_moved)
{
	char *message = NULL;

	if (contest->keys.rows > 0 && !contest->can_fail)
		run_decide(contest);
	if (contest->keys.rows > 0 && contest->can_fail && !mls_attempt(run_decide, contest, &message))
		settle_one_by_one(gold_writer, contest, all_moved);
	else if (contest->keys.rows > 0)
		apply_decision(gold_writer, contest, all_moved);
	mls_transition_close(&contest->keys);
	contest->is_open = false;
}

/* The keys in gold of a group's rows, where there is a contest for them. */
static void
collect_keys(const RowGroup *group)
{
	ListCell *lc;

	foreach (lc, group->gildings)
	{
		Target *gilding = lfirst(lc);

		if (gilding->contest == NULL)
			continue;
		run_plan(&gilding->keys, gilding->sql->keys, SPI_OK_SELECT);
		take_keys(gilding->contest);
	}
}

/* Decides about all keys that were collected. */
static void
settle_collected(MlsGoldWriter *gold_writer, bool all_moved)
{
	ListCell *lc;

	foreach (lc, gold_writer->contests)
		if (((Contest *) lfirst(lc))->is_open)
			settle(gold_writer, lfirst(lc), all_moved);
}

/* ---- Storing ---- */

/* Rows that nobody else can have the keys of. */
static void
gild_uncontested(const MlsGoldWriter *gold_writer, const RowGroup *group, int64 rows)
{
	bool judged = rows > 0;
	bool any = false;
	ListCell *lc;

	foreach (lc, group->gildings)
	{
		Target *gilding = lfirst(lc);

		if (gilding->contest != NULL)
			judged = false;
		else
		{
			judged &= gild(gold_writer, group, gilding, rows);
			any = true;
		}
	}
	if (any)
		solve_issues(group, judged);
}

/* Takes out what is gone, and ends the issues about it. */
static void
remove_gone(const RowGroup *group)
{
	ListCell *lc;

	foreach (lc, group->gildings)
	{
		Target *gilding = lfirst(lc);

		if (gilding->contest == NULL)
		{
			run_plan(&gilding->remove, gilding->sql->remove, SPI_OK_DELETE);
			continue;
		}
		run_plan(&gilding->source_keys, gilding->sql->source_keys, SPI_OK_SELECT);
		end_issues(group->subscription, mls_cell_texts(SPI_tuptable, 1), false);
	}
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
		mls_transition_put(&follower->affected, values, isnull);
	}
	SPI_freetuptable(found);
}

static void
lock_source(const MlsGoldWriter *gold_writer)
{
	uint32 hash = DatumGetUInt32(
		hash_any((const unsigned char *) gold_writer->source, strlen(gold_writer->source)));

	mls_lock(MLS_LOCK_SOURCE, hash, ExclusiveLock);
}

/* Who comes first is decided by what all others have committed. */
static void
require_fresh_snapshots(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR, errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				errmsg("gold cannot be written in a transaction that sees only what was committed "
					   "before it began"),
				errdetail("Its keys can be those of other sources, too, whose records may have "
						  "changed since."),
				errhint("Use the isolation level READ COMMITTED."));
}

/* Tables of gold that the page is written into may be another role's. */
static void
require_trust(const MlsGoldWriter *gold_writer, const RowGroup *group)
{
	ListCell *lc;

	foreach (lc, group->gildings)
		mls_require_trust(((Target *) lfirst(lc))->sql->table, gold_writer->sub->owner);
}

static void free_plans(MlsGoldWriter *gold_writer);

/* Before silver changes: from now to the end of the transaction nobody else's change is missed. */
void
mls_gold_writer_prepare(MlsGoldWriter *gold_writer)
{
	ListCell *lc;

	for (;;)
	{
		bool is_contested = gold_writer->has_rivals || gold_writer->contests != NIL;

		if (is_contested)
			mls_gold_lock_keys();
		mls_gold_lock_members();
		if (strcmp(read_epoch(gold_writer->sub->owner), gold_writer->epoch) == 0)
			break;
		free_plans(gold_writer);
		gold_writer->followers = gold_writer->contests = NIL;
		load(gold_writer);
		if (!is_contested)
			mls_gold_unlock_members();
	}
	mls_source_require_here(gold_writer->source);
	if (gold_writer->has_rivals || gold_writer->contests != NIL || gold_writer->is_connected)
		require_fresh_snapshots();
	require_trust(gold_writer, &gold_writer->own);
	foreach (lc, gold_writer->followers)
		require_trust(gold_writer, &((Follower *) lfirst(lc))->group);
	foreach (lc, gold_writer->contests)
	{
		Contest *contest = lfirst(lc);

		/* An error may have ended a page while they were open. */
		contest->is_open = false;
		mls_require_trust(contest->table, gold_writer->sub->owner);
	}
	if (gold_writer->is_connected)
		lock_source(gold_writer);
	foreach (lc, gold_writer->followers)
	{
		Follower *follower = lfirst(lc);

		mls_transition_open(&follower->affected);
		if (follower->find_before != NULL)
			find_affected(follower, &follower->before, follower->find_before);
	}
}

/* Does anything look at the rows that stand in the relations? */
bool
mls_gold_writer_reads(const MlsGoldWriter *gold_writer)
{
	return gold_writer->own.gildings != NIL || gold_writer->followers != NIL;
}

/*
 * After silver has changed: gold of the rows and keys that stand in the relations.  If all
 * rows are new, a row that gold has in spite of that may be an error of class 23.
 */
void
mls_gold_writer_store(MlsGoldWriter *gold_writer, int64 changed, int64 gone, bool all_new)
{
	ListCell *lc;

	foreach (lc, gold_writer->own.gildings)
		((Target *) lfirst(lc))->all_new = all_new;

	if (gone > 0)
		remove_gone(&gold_writer->own);
	if (changed > 0)
		gild_uncontested(gold_writer, &gold_writer->own, changed);
	collect_keys(&gold_writer->own);
	foreach (lc, gold_writer->followers)
	{
		Follower *follower = lfirst(lc);

		find_affected(follower, &follower->after, follower->find_after);
		if (follower->affected.rows == 0)
			continue;
		gild_uncontested(gold_writer, &follower->group, 0);
		collect_keys(&follower->group);
	}
	/* Rules may be new: what belongs to the rows is looked at even if they stay where they are. */
	settle_collected(gold_writer, gold_writer->gone == NULL);
}

static void
free_gildings(const RowGroup *group)
{
	ListCell *lc;
	ListCell *each;

	foreach (lc, group->gildings)
	{
		const Target *gilding = lfirst(lc);

		mls_plan_free(gilding->upsert);
		foreach (each, gilding->before)
			mls_plan_free(lfirst(each));
		mls_plan_free(gilding->made);
		mls_plan_free(gilding->conflicts);
		mls_plan_free(gilding->remove);
		mls_plan_free(gilding->keys);
		mls_plan_free(gilding->source_keys);
	}
}

static void
free_contest(const Contest *contest)
{
	ListCell *lc;

	mls_plan_free(contest->decide);
	for (int i = 0; i < contest->nparties; i++)
		free_gildings(&contest->parties[i]->group);
	foreach (lc, contest->belongings)
		mls_plan_free(((Belonging *) lfirst(lc))->plan);
}

static void
free_plans(MlsGoldWriter *gold_writer)
{
	ListCell *lc;

	free_gildings(&gold_writer->own);
	foreach (lc, gold_writer->followers)
	{
		Follower *follower = lfirst(lc);

		mls_plan_free(follower->before);
		mls_plan_free(follower->after);
		free_gildings(&follower->group);
	}
	foreach (lc, gold_writer->contests)
		free_contest(lfirst(lc));
}

/* Plans outlive transactions and contexts, so they are given back here. */
void
mls_gold_writer_end(MlsGoldWriter *gold_writer)
{
	free_plans(gold_writer);
}

/* ---- Rows as a whole ---- */

/* Keys of a table of gold that were left, and are to be decided about. */
typedef struct Left
{
	Oid table;
	const char *resource;
	List *keys; /* of char * */
} Left;

struct MlsRelease
{
	MlsGoldWriter *gold_writer;
	List *left; /* of Left * */
};

/* Adds keys that a query finds. */
static void
leave(MlsRelease *release, Oid table, const char *resource, const char *sql)
{
	MemoryContext before;
	SPITupleTable *found;
	Left *left = NULL;
	ListCell *lc;

	mls_select(sql);
	found = SPI_tuptable;
	before = MemoryContextSwitchTo(release->gold_writer->context);
	foreach (lc, release->left)
		if (((Left *) lfirst(lc))->table == table)
			left = lfirst(lc);
	if (left == NULL)
	{
		left = palloc0(sizeof(Left));
		left->table = table;
		left->resource = keep(resource);
		release->left = lappend(release->left, left);
	}
	left->keys = list_concat(left->keys, mls_cell_texts(found, 1));
	MemoryContextSwitchTo(before);
	SPI_freetuptable(found);
}

/*
 * Of a subscription that ends: drops the partitions in which its rows stand alone, where
 * nobody else could have their keys.  Returns the parts for which that could not be done.
 */
List *
mls_release_drop(const MlsSubscription *sub, const MlsTable *table, List *parts)
{
	List *left = NIL;
	ListCell *lc;

	foreach (lc, parts)
	{
		const MlsGoldPart *part = lfirst(lc);
		Oid partition = InvalidOid;

		/* A transaction that does not see what others have committed since cannot know who is in it. */
		if (part->resource != NULL && part->key_field != NULL && !IsolationUsesXactSnapshot() &&
			get_rel_relkind(part->table) == RELKIND_PARTITIONED_TABLE &&
			mls_gold_contest(sub->owner, part->resource, part->table, sub->id, false) == NULL)
			partition = mls_partition_to_drop(part->table, table->source, sub->resource);
		if (OidIsValid(partition))
			mls_sql(SPI_OK_UTILITY, psprintf("DROP TABLE %s", mls_qualified_name(partition)));
		else
			left = lappend(left, lfirst(lc));
	}
	return left;
}

static bool
has_part(const List *parts, Oid table)
{
	ListCell *lc;

	foreach (lc, parts)
		if (((const MlsGoldPart *) lfirst(lc))->table == table)
			return true;
	return false;
}

/*
 * Rows of gold that a subscription leaves as a whole.  Their keys, and with a table
 * those of the parts' tables that it claimed in vain, are decided about when the release ends; what is
 * to go (delete) goes now.  Lives in the current context.
 */
MlsRelease *
mls_release_begin(const MlsSubscription *sub, const MlsTable *table, int64 run, List *parts,
				  bool delete)
{
	MlsRelease *release = palloc0(sizeof(MlsRelease));
	List *statements = NIL;
	ListCell *lc;

	release->gold_writer = make_gilder(CurrentMemoryContext, table, sub, run);
	if (table == NULL || mls_gold_source_has_rivals(sub->owner, table))
		require_fresh_snapshots();
	mls_gold_lock_keys();
	mls_gold_lock_members();
	/* What another node has made anew is not this one's to take. */
	if (mls_source_is_elsewhere(release->gold_writer->source))
		return release;
	if (table != NULL && OidIsValid(sub->gold) && get_rel_name(sub->silver) != NULL)
		statements =
			mls_gold_statements(table, sub->silver, sub->gold, mls_qualified_name(sub->silver),
								mls_qualified_name(sub->silver), NULL);
	foreach (lc, statements)
	{
		const MlsGoldStatements *sql = lfirst(lc);

		if (sql->keys != NULL && !sql->can_fail && has_part(parts, sql->table))
			leave(release, sql->table, sql->resource, sql->keys);
	}
	foreach (lc, parts)
	{
		const MlsGoldPart *part = lfirst(lc);
		const char *gold = mls_qualified_name(part->table);

		mls_require_trust(part->table, sub->owner);
		if (part->resource != NULL && part->key_field != NULL)
			leave(release, part->table, part->resource,
				  part->places
					  ? part->places
					  : psprintf("SELECT g.%s FROM (SELECT * FROM %s WHERE %s) g",
								 quote_identifier(part->key_field), gold, part->condition));
		if (delete &&part->places != NULL)
			run_sql(mls_shards_command(psprintf("DELETE FROM %s WHERE %s = ANY ($1) AND %s", gold,
												part->place, part->condition),
									   part->places),
					SPI_OK_DELETE);
		else if (delete)
			mls_sql(SPI_OK_DELETE, psprintf("DELETE FROM %s WHERE %s", gold, part->condition));
	}
	return release;
}

/* Gives the keys to whoever claims them now. */
void
mls_release_end(MlsRelease *release)
{
	MlsGoldWriter *gold_writer = release->gold_writer;
	ListCell *lc;
	ListCell *each;

	foreach (lc, release->left)
	{
		const Left *left = lfirst(lc);
		Contest *contest =
			left->keys ? contest_for(gold_writer, left->resource, left->table, 0) : NULL;

		if (contest == NULL)
			continue;
		open_keys(contest);
		foreach (each, left->keys)
			put_key(&contest->keys, lfirst(each));
		settle(gold_writer, contest, true);
	}
	mls_gold_writer_end(gold_writer);
}
