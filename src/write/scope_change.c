/*
 * scope_change.c
 *		When what is asked for, or what is kept of it, has changed since the last
 *		run: the difference is made up for.
 *
 *	- Another resource, filter, expansion or selection: everything is read again.
 *	- full => true: likewise, but the cursor stays until that has ended.
 *	- Columns added: silver gets them, and they are filled from bronze, a batch in
 *	  a transaction, before anything is read.  If no record of bronze holds the
 *	  field, the source did not send it then, and everything is read again.
 *	- Rules for cleaning changed: silver is filled again from bronze in the same way.
 *	- Columns dropped: silver keeps them, and keeps them up (gold/target.c).
 *	- Columns renamed: silver's are renamed.
 *
 * The records that left a filter stay as well: to tell them from those a source
 * has removed is purge's business.
 */
#include "postgres.h"

#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "base/name_list.h"
#include "gold/gold.h"
#include "subscription/subscription.h"
#include "write/write.h"

/* Records filled in one transaction. */
#define FILL_RECORDS 1000

/* ---- Everything again ---- */

static bool
is_scope_changed(const MlsRun *run, char **scope)
{
	*scope = mls_related_scope(run->sub, run->table);
	return strcmp(*scope, run->sub->scope_hash) != 0;
}

/* A full reading that was interrupted goes on; it does not begin again. */
static bool
begins_full(const MlsRun *run)
{
	return run->task->full && !run->sub->reading_all;
}

/* As if prepared, in memory only; true if everything would be read. */
bool
mls_scope_preview(MlsRun *run)
{
	char *scope;

	if (is_scope_changed(run, &scope) || begins_full(run))
	{
		mls_subscription_forget_position(run->sub);
		run->sub->reading_all = true;
	}
	return run->sub->reading_all;
}

/* ---- Columns ---- */

/* A memo of each column that is filled, those included that only silver has, as text[]. */
static MlsArg
filled_columns(const MlsTable *foreign_table, Oid silver)
{
	const MlsTable *table = mls_gold_kept(foreign_table, silver);
	List *memos = NIL;

	for (int i = 0; i < table->ncolumns; i++)
	{
		const MlsColumn *column = &table->columns[i];
		AttrNumber attnum = column->field ? get_attnum(silver, column->name) : InvalidAttrNumber;
		Oid type;
		int32 typmod;
		Oid collation;

		if (attnum == InvalidAttrNumber)
			continue;
		get_atttypetypmodcoll(silver, attnum, &type, &typmod, &collation);
		memos =
			lappend(memos, mls_gold_column_memo(column, format_type_with_typemod(type, typmod)));
	}
	return mls_arg_list(memos);
}

/* Gold follows where its owner is the subscription's: a sync must not fail for another's table. */
static void
complete_gold(const MlsRun *run)
{
	const MlsSubscription *sub = run->sub;

	if (OidIsValid(sub->gold) && object_ownercheck(RelationRelationId, sub->gold, sub->owner))
		mls_gold_complete(run->table, sub->silver, sub->gold);
}

/* Fields among new columns that no record of bronze holds (List of char *), though they are asked for. */
static List *
fields_not_in_bronze(const MlsSubscription *sub, const MlsTable *table, List *fields)
{
	const char *bronze = mls_qualified_name(sub->bronze);
	List *asked = mls_asked_fields(table);
	char *sql = psprintf("SELECT FROM %s WHERE pg_catalog.strpos(record::text, $2) > 0 "
						 "AND record -> $1 IS NOT NULL LIMIT 1",
						 bronze);
	List *missing = NIL;
	ListCell *lc;

	foreach (lc, fields)
	{
		char *field = lfirst(lc);

		if (strcmp(field, "*") == 0 || (asked != NIL && !mls_is_listed(asked, field)))
			continue;
		mls_select(sql, mls_arg_text(field), mls_arg_text(psprintf("\"%s\"", field)));
		if (SPI_processed == 0)
			missing = lappend(missing, field);
	}
	return missing;
}

/* Fields of the columns that are filled now and were not filled before, each once. */
static List *
added_fields(const MlsSubscription *sub, MlsArg columns)
{
	mls_select("SELECT DISTINCT pg_catalog.split_part(c, E'\\t', 2) FROM mls.subscription s, "
			   "pg_catalog.unnest($2) c WHERE s.id = $1 AND s.columns IS NOT NULL "
			   "AND NOT EXISTS (SELECT FROM pg_catalog.unnest(s.columns) o WHERE "
			   "(pg_catalog.string_to_array(o, E'\\t'))[1:3] = "
			   "(pg_catalog.string_to_array(c, E'\\t'))[1:3])",
			   mls_arg_int8(sub->id), columns);
	return mls_cell_texts(SPI_tuptable, 1);
}

/* A column may have held another field before, so all records are filled, with that field or without. */
static void
keep_columns(const MlsSubscription *sub, MlsArg columns, bool fill)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET columns = $2, "
					"fill_after = CASE WHEN $3 THEN '' ELSE fill_after END, "
					"fill_fields = CASE WHEN $3 THEN '{*}' ELSE fill_fields END "
					"WHERE id = $1 AND columns IS DISTINCT FROM $2",
					mls_arg_int8(sub->id), columns, mls_arg_bool(fill));
}

/*
 * Takes note of columns whose fields are new at the source: they are
 * filled from bronze, and no reason to read everything again.
 */
void
mls_scope_adopt(const MlsSubscription *sub, const MlsTable *table, const List *fields)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET fill_fields = fill_fields || $3, fill_after = '', "
					"columns = columns || ARRAY(SELECT c FROM pg_catalog.unnest($2) c "
					"WHERE pg_catalog.split_part(c, E'\\t', 2) = ANY ($3)) "
					"WHERE id = $1 AND columns IS NOT NULL",
					mls_arg_int8(sub->id), filled_columns(table, sub->silver),
					mls_arg_list(fields));
}

/* True if bronze is empty: nothing has to be filled. */
static bool
is_bronze_empty(const MlsSubscription *sub)
{
	mls_select(psprintf("SELECT FROM %s LIMIT 1", mls_qualified_name(sub->bronze)));
	return SPI_processed == 0;
}

/* In the transaction before the work; reader is the subscription whose syncs bring the records. */
void
mls_scope_follow(MlsRun *run, MlsSubscription *reader)
{
	MlsArg columns;
	List *fields;
	List *missing;

	if (mls_silver_complete(run->sub->silver, run->table) > 0)
		complete_gold(run);
	columns = filled_columns(run->table, run->sub->silver);
	fields = added_fields(run->sub, columns);
	run->sub->fills |= fields != NIL;
	keep_columns(run->sub, columns, fields != NIL);
	if (mls_cleaning_settle(run->sub, run->table))
		mls_subscription_fill_all(run->sub);
	if (fields == NIL || is_bronze_empty(run->sub))
		return;
	missing = fields_not_in_bronze(run->sub, run->table, fields);
	if (missing == NIL)
		return;
	mls_run_note(run, "no record here has field \"%s\", so everything is read again",
				 (char *) linitial(missing));
	if (reader->cursor_timestamp != NULL && !reader->reading_all)
		mls_subscription_read_all(reader);
}

/*
 * Something has filled whole rows from bronze.  Columns whose fields bronze does
 * not hold are none of its business: the next sync reads everything for them.
 */
void
mls_scope_settle(const MlsSubscription *sub, const MlsTable *table)
{
	MlsArg columns = filled_columns(table, sub->silver);
	List *fields = added_fields(sub, columns);

	(void) mls_cleaning_settle(sub, table);
	if (fields_not_in_bronze(sub, table, fields) != NIL)
		return;
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET columns = $2, fill_after = NULL, "
					"fill_fields = NULL WHERE id = $1 AND columns IS NOT NULL",
					mls_arg_int8(sub->id), columns);
}

/* ---- What the process sync calls ---- */

/* In the transaction before the work. */
void
mls_scope_prepare(MlsRun *run)
{
	char *scope;

	if (is_scope_changed(run, &scope))
		mls_subscription_restart(run->sub, scope);
	else if (begins_full(run))
		mls_subscription_read_all(run->sub);
	mls_scope_follow(run, run->sub);
}

/* The key up to which records are looked at next; NULL: there are no more than that many. */
static char *
end_of_window(const MlsRun *run)
{
	mls_select(psprintf("SELECT b.key FROM mls.subscription s JOIN %s b ON b.key > s.fill_after "
						"WHERE s.id = $1 ORDER BY b.key OFFSET %d LIMIT 1",
						mls_qualified_name(run->sub->bronze), FILL_RECORDS - 1),
			   mls_arg_int8(run->sub->id));
	return SPI_processed == 0 ? NULL : mls_text_at(0, 1);
}

/* The records up to a key that have one of the fields; those that have none stay as they are. */
static MlsBatch *
next_to_fill(const MlsRun *run, const char *until)
{
	List *parents = mls_related_parents(run->sub, run->table);

	mls_select(psprintf("SELECT %s FROM mls.subscription s JOIN %s b "
						"ON b.key > s.fill_after WHERE s.id = $1 AND b.deleted_at IS NULL "
						"AND ($2 IS NULL OR b.key <= $2) "
						"AND EXISTS (SELECT FROM pg_catalog.unnest(s.fill_fields) f WHERE f = '*' "
						"OR pg_catalog.strpos(b.record::text, '\"' || f || '\"') > 0)",
						mls_bronze_columns(run->sub), mls_qualified_name(run->sub->bronze)),
			   mls_arg_int8(run->sub->id), mls_arg_text(until));
	return mls_bronze_batch(run->table, SPI_tuptable, parents);
}

static void
reach_fill(const MlsSubscription *sub, const char *key)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET fill_after = $2, "
					"fill_fields = CASE WHEN $2 IS NOT NULL THEN fill_fields END WHERE id = $1",
					mls_arg_int8(sub->id), mls_arg_text(key));
}

/* Fills the next records in a transaction; false when none is left. */
static bool
fill_step(MlsRun *run)
{
	MlsCounters counters = run->counters;
	MlsCounters filled = {0};
	char *until;

	mls_run_begin_step(run);
	until = end_of_window(run);
	mls_quarantine_convert(run, next_to_fill(run, until), &filled);
	reach_fill(run->sub, until);
	counters.bad_values += filled.bad_values;
	mls_run_end_step(run, &counters);
	return until != NULL;
}

/* Outside transactions, before anything is read. */
void
mls_scope_fill(MlsRun *run)
{
	while (run->sub->fills && fill_step(run))
		;
}
