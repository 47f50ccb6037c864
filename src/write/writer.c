/*
 * writer.c
 *		A batch into bronze, silver and gold, in the transaction of the caller.
 *
 * Set-based: the batch stands in a tuplestore that SQL reads as the relation
 * mls_page, as triggers read transition tables.  Bronze takes what is new or
 * differs and returns its keys; only these records are converted, into a second
 * relation (mls_changed, with silver's columns), from which silver and gold are
 * filled.  A record that is already here costs a comparison and no write.
 *
 * A batch of which nothing is here, as in a first load, needs no such statements: its
 * rows are put into the tables as they are made (step/insertion.h).  Who is told of an
 * error tries again with more care: it may be that something was here after all.
 *
 * The statements are prepared once per run, when they are first needed.  Their
 * plans are made when the tables may still be empty, so the process must not use
 * plans that are good for small tables only: see mls_sync_worker_main.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "gold/gold_write.h"
#include "gold/source_node.h"
#include "step/insertion.h"
#include "subscription/subscription.h"
#include "write/arrival_rules.h"
#include "write/write.h"

/* A longer key would not fit into an index; those of real sources have 10 to 60 characters. */
#define LONGEST_KEY 1000

/* So much of one is shown. */
#define SHOWN_KEY 60

/* A version stamped in the future is no measure for what comes after it. */
#define FROM_TOMORROW(relation) relation ".modified_at > pg_catalog.now() + interval '1 day'"

/* When a batch is taken for new: as long as there was nothing; if bronze has none of its keys; never. */
typedef enum Care
{
	CARE_NONE,
	CARE_LOOK,
	CARE_ALWAYS
} Care;

struct MlsWriter
{
	const MlsTable *table;
	const MlsSubscription *sub;
	int64 run;
	bool trusts;        /* takes older versions, too */
	bool keeps_parents; /* bronze notes what a record belongs to */
	int64 more_rows;    /* of silver, since mls_writer_settle() */
	MemoryContext context;
	TupleDesc silver;    /* also of mls_changed and mls_gone */
	const char **fields; /* by attribute of silver */
	AttrNumber *key;     /* attributes of silver, in key order; ends with 0 */
	MlsRowMap *map;
	MlsTransition page;
	MlsTransition changed;
	MlsTransition gone;
	MlsIssues *issues;
	MlsArrivalRules *arrival; /* or NULL */
	bool fields_checked;
	bool replaced; /* in the batch at hand, what was no character */
	Care care;
	bool adds;           /* the batch at hand was taken for new */
	bool *unfed;         /* by column of silver */
	MlsInsertion *added; /* where the rows of the batch at hand go as they are made, or NULL */
	SPIPlanPtr store_bronze;
	SPIPlanPtr find_silver; /* or NULL */
	SPIPlanPtr store_silver;
	SPIPlanPtr delete_silver;
	MlsGoldWriter *gold_writer; /* NULL before it is needed */
};

/* Where a bad value was met. */
typedef struct Place
{
	MlsWriter *writer;
	const char *key;
} Place;

/* ---- Relays ---- */

static void
open_relays(MlsWriter *writer)
{
	mls_transition_open(&writer->page);
	mls_transition_open(&writer->changed);
	mls_transition_open(&writer->gone);
	mls_issues_open(writer->issues);
	writer->added = NULL;
}

static TupleDesc
page_desc(void)
{
	TupleDesc desc = CreateTemplateTupleDesc(6);

	TupleDescInitEntry(desc, 1, "key", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 2, "modified_at", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(desc, 3, "modified", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 4, "record", JSONOID, -1, 0);
	TupleDescInitEntry(desc, 5, "gone", BOOLOID, -1, 0);
	TupleDescInitEntry(desc, 6, "parent", TEXTOID, -1, 0);
	return desc;
}

/* ---- Statements ---- */

static bool
has_row_headers(Oid table)
{
	return get_rel_relkind(table) != RELKIND_PARTITIONED_TABLE;
}

/*
 * New records, and newer versions that differ.  The join, not ON CONFLICT,
 * decides: ON CONFLICT would lock, and so write, each row it leaves alone.  It asks
 * again only for a record that another process of the load has just written.
 *
 * Rows that go through a partitioned table come back without xmax, by which one that was
 * written over is told from a new one; there the instant of the former is a microsecond later.
 */
static SPIPlanPtr
prepare_bronze(const MlsWriter *writer)
{
	char *bronze = mls_qualified_name(writer->sub->bronze);
	bool parents = writer->keeps_parents;
	bool has_places = has_row_headers(writer->sub->bronze);

	return mls_plan_prepare(psprintf(
		"INSERT INTO %s AS b (key, modified_at, modified, record, fetched_at, run_id, "
		"deleted_at%s) "
		"SELECT p.key, p.modified_at, p.modified, p.record, pg_catalog.now(), " INT64_FORMAT ", "
		"CASE WHEN p.gone THEN pg_catalog.now() END%s "
		"FROM mls_page p LEFT JOIN %s o ON o.key = p.key "
		"WHERE CASE WHEN o.key IS NULL THEN NOT p.gone "
		"ELSE (%s OR (p.modified_at >= o.modified_at) IS NOT FALSE OR " FROM_TOMORROW(
			"o") ") AND "
				 "((o.deleted_at IS NULL) = p.gone OR o.record::text <> p.record::text%s) END "
				 "ON CONFLICT (key) DO UPDATE SET modified_at = excluded.modified_at, "
				 "modified = excluded.modified, record = excluded.record, "
				 "fetched_at = excluded.fetched_at%s, run_id = excluded.run_id, "
				 "deleted_at = excluded.deleted_at%s "
				 "WHERE %s OR (excluded.modified_at >= b.modified_at) IS NOT FALSE "
				 "OR " FROM_TOMORROW("b") " "
										  "RETURNING b.key, %s, b.deleted_at IS NOT NULL",
		bronze, parents ? ", parent" : "", writer->run, parents ? ", p.parent" : "", bronze,
		writer->trusts ? "true" : "false",
		parents ? " OR o.parent <> p.parent OR (o.parent IS NULL) > (p.parent IS NULL)" : "",
		has_places ? "" : " + interval '1 microsecond'",
		parents ? ", parent = coalesce(excluded.parent, b.parent)" : "",
		writer->trusts ? "true" : "false",
		has_places ? "b.xmax = 0" : "b.fetched_at = pg_catalog.now()"));
}

static bool
is_key(const MlsWriter *writer, AttrNumber attnum)
{
	const AttrNumber *key;

	for (key = writer->key; *key != 0; key++)
		if (*key == attnum)
			return true;
	return false;
}

/* "a, b" of the key columns, each between two texts. */
static char *
key_list(const MlsWriter *writer, const char *format, const char *separator)
{
	StringInfoData list;
	const AttrNumber *key;

	initStringInfo(&list);
	for (key = writer->key; *key != 0; key++)
	{
		const char *name =
			quote_identifier(NameStr(TupleDescAttr(writer->silver, *key - 1)->attname));

		if (list.len > 0)
			appendStringInfoString(&list, separator);
		if (strcmp(format, "name") == 0)
			appendStringInfoString(&list, name);
		else
			appendStringInfo(&list, "s.%s = g.%s", name, name);
	}
	return list.data;
}

static SPIPlanPtr
prepare_silver(const MlsWriter *writer)
{
	StringInfoData columns;
	StringInfoData changes;

	initStringInfo(&columns);
	initStringInfo(&changes);
	for (int i = 0; i < writer->silver->natts; i++)
	{
		const char *name;

		if (writer->fields[i] == NULL)
			continue;
		name = quote_identifier(NameStr(TupleDescAttr(writer->silver, i)->attname));
		appendStringInfo(&columns, "%s%s", columns.len ? ", " : "", name);
		if (!is_key(writer, i + 1))
			appendStringInfo(&changes, "%s%s = excluded.%s", changes.len ? ", " : "", name, name);
	}
	return mls_plan_prepare(
		psprintf("INSERT INTO %s (%s) SELECT %s FROM mls_changed ON CONFLICT (%s) DO %s%s%s",
				 mls_qualified_name(writer->sub->silver), columns.data, columns.data,
				 key_list(writer, "name", ", "), changes.len ? "UPDATE SET " : "NOTHING",
				 changes.data, writer->find_silver ? "" : " RETURNING xmax = 0"));
}

/*
 * How many rows of the batch silver has already, for a partitioned one, whose statement does
 * not say it (prepare_bronze).  Nobody adds one meanwhile: who writes a record has its row of
 * bronze.
 */
static SPIPlanPtr
prepare_find_silver(const MlsWriter *writer)
{
	if (has_row_headers(writer->sub->silver))
		return NULL;
	return mls_plan_prepare(psprintf("SELECT pg_catalog.count(*) FROM mls_changed g, %s s WHERE %s",
									 mls_qualified_name(writer->sub->silver),
									 key_list(writer, "equal", " AND ")));
}

/* What silver and gold need, once there is something for them; it costs as much as some pages. */
static void
prepare_layers(MlsWriter *writer)
{
	const MlsSubscription *sub = writer->sub;

	writer->find_silver = prepare_find_silver(writer);
	writer->store_silver = prepare_silver(writer);
	writer->delete_silver = mls_plan_prepare(psprintf("DELETE FROM %s s USING mls_gone g WHERE %s",
													  mls_qualified_name(sub->silver),
													  key_list(writer, "equal", " AND ")));
	writer->gold_writer = mls_gold_writer_begin(writer->context, writer->table, sub, writer->run,
												"mls_changed", "mls_gone");
}

/* ---- Beginning ---- */

/* Silver's columns and the fields that feed them, matched by name with the foreign table's. */
static void
read_silver(MlsWriter *writer)
{
	Relation silver = table_open(writer->sub->silver, AccessShareLock);

	writer->silver = CreateTupleDescCopy(RelationGetDescr(silver));
	writer->fields = palloc0(writer->silver->natts * sizeof(char *));
	writer->unfed = palloc0(writer->silver->natts * sizeof(bool));
	for (int i = 0; i < writer->silver->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(silver), i);
		const MlsColumn *column;

		if (!att->attisdropped && !att->attgenerated)
		{
			column = mls_table_column_named(writer->table, NameStr(att->attname));
			if (column != NULL)
				writer->fields[i] = column->field;
		}
		writer->unfed[i] = writer->fields[i] == NULL;
	}
	table_close(silver, AccessShareLock);
}

static void
find_key(MlsWriter *writer)
{
	ListCell *lc;
	int n = 0;
	int i;

	writer->key = palloc0((list_length(writer->table->key) + 1) * sizeof(AttrNumber));
	foreach (lc, writer->table->key)
	{
		for (i = 0; i < writer->silver->natts; i++)
			if (writer->fields[i] != NULL && strcmp(writer->fields[i], lfirst(lc)) == 0)
				break;
		if (i == writer->silver->natts)
			ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("table %s has no column for key field \"%s\"",
						   mls_qualified_name(writer->sub->silver), (char *) lfirst(lc)),
					errhint("Call mls_subscribe() again to bring it up to date."));
		writer->key[n++] = i + 1;
	}
}

/* Has a table never had a row, as far as can be seen at once? */
static bool
is_empty(Oid relid)
{
	bool empty = true;
	ListCell *lc;

	foreach (lc, find_all_inheritors(relid, NoLock, NULL))
	{
		Relation rel = table_open(lfirst_oid(lc), AccessShareLock);

		empty &= rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ||
				 (rel->rd_rel->relkind == RELKIND_RELATION && RelationGetNumberOfBlocks(rel) == 0);
		table_close(rel, AccessShareLock);
	}
	return empty;
}

/*
 * Prepares to write batches of a run; needs a transaction with SPI connected,
 * and the tables as they are.  Lives in CurrentMemoryContext.
 */
MlsWriter *
mls_writer_begin(const MlsTable *table, const MlsSubscription *sub, int64 run)
{
	MlsWriter *writer = palloc0(sizeof(MlsWriter));

	mls_source_require_here(sub->source);
	writer->table = mls_gold_kept(table, sub->silver);
	writer->sub = sub;
	writer->run = run;
	writer->context = CurrentMemoryContext;
	read_silver(writer);
	find_key(writer);
	writer->map = mls_row_map(writer->silver, writer->fields, table->source->timezone);
	mls_table_written(writer->table, writer->map, writer->fields, writer->silver->natts);
	mls_cleaning_apply(writer->table, writer->map, writer->fields, writer->silver->natts);
	writer->page = (MlsTransition){.name = "mls_page", .desc = page_desc()};
	writer->changed = (MlsTransition){.name = "mls_changed", .desc = writer->silver};
	writer->gone = (MlsTransition){.name = "mls_gone", .desc = writer->silver};
	writer->issues = mls_issues_begin(sub, run);
	writer->arrival = mls_arrival_begin(writer->table, sub->silver, writer->silver);
	writer->care = is_empty(sub->bronze) ? CARE_NONE : CARE_LOOK;
	return writer;
}

/* Where it puts what did not fit. */
MlsIssues *
mls_writer_issues(MlsWriter *writer)
{
	return writer->issues;
}

/* From now on the source is right: an older version it sends overwrites a newer one.  Before the first batch. */
void
mls_writer_trust(MlsWriter *writer)
{
	Assert(writer->store_bronze == NULL);
	writer->trusts = true;
}

/* From now on bronze notes what records belong to; it has a column for it.  Before the first batch. */
void
mls_writer_keep_parents(MlsWriter *writer)
{
	Assert(writer->store_bronze == NULL);
	writer->keeps_parents = true;
}

/* ---- Issues ---- */

/* MlsBadValue */
static void
bad_value(void *arg, const MlsRecord *record, int attnum, const MlsSlice *slice, const char *reason)
{
	Place *place = arg;
	const MlsWriter *writer = place->writer;
	const MlsColumn *column = mls_table_column(writer->table, writer->fields[attnum - 1]);

	/* Nothing is left of a record without its key; the caller knows how many are. */
	if (column && is_key(writer, attnum))
		ereport(ERROR, errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				errmsg("its key \"%.*s\" does not fit column %s, which is of type %s",
					   pg_mbcliplen(place->key, strlen(place->key), SHOWN_KEY), place->key,
					   quote_identifier(column->name), format_type_be(column->type)),
				errhint("If the keys of the source are of another type now: %s",
						mls_key_cure(writer->sub, writer->table, column, TEXTOID)));
	mls_issues_put(place->writer->issues, place->key, place->writer->fields[attnum - 1],
				   slice->value, slice->value_length, reason);
}

/* Says in which values of a record something was replaced that is no character. */
static void
note_replaced(const MlsWriter *writer, const MlsItem *item)
{
	for (int i = 0; i < item->record->nslices; i++)
	{
		const MlsSlice *slice = &item->record->slices[i];

		if (mls_has_replacements(slice->value, slice->value_length))
			mls_issues_put(writer->issues, item->key, pnstrdup(slice->name, slice->name_length),
						   slice->value, slice->value_length,
						   "holds what is no character; what differed there differs here");
	}
}

/* A column may be named otherwise than its field: the first record shows it. */
static void
check_fields(MlsWriter *writer, const MlsRecord *record)
{
	for (int i = 0; i < writer->silver->natts; i++)
	{
		const char *field = writer->fields[i];
		char *similar = NULL;

		if (field && strcmp(field, "*") != 0)
			similar = mls_record_similar(record, field);
		if (similar)
			mls_issues_put(writer->issues, NULL, field, NULL, 0,
						   psprintf("no record has such a field; there is \"%s\", which the option "
									"field of the column should name",
									similar));
	}
}

/* ---- Storing ---- */

/* False if a record cannot be stored for lack of a usable key. */
static bool
require_key(MlsWriter *writer, const MlsItem *item)
{
	const char *why = NULL;
	char *similar;

	if (item->key == NULL)
	{
		similar = mls_record_similar(item->record, linitial(writer->table->key));
		why = similar ? psprintf("the record has no key and was not stored; it has \"%s\"", similar)
					  : "the record has no key and was not stored";
	}
	else if (strlen(item->key) > LONGEST_KEY)
		why = "the key is too long, and the record was not stored";
	if (why != NULL)
		mls_issues_reject(writer->issues, item->key, linitial(writer->table->key), item->record,
						  why);
	return why == NULL;
}

/* As strcmp; items without a key come first. */
static int
compare_keys(const void *a, const void *b)
{
	const MlsItem *first = *(const MlsItem *const *) a;
	const MlsItem *second = *(const MlsItem *const *) b;

	if (first->key == NULL || second->key == NULL)
		return (first->key != NULL) - (second->key != NULL);
	return strcmp(first->key, second->key);
}

/* By key: two processes that write the same records lock them in the same order. */
static const MlsItem **
in_order_of_keys(const MlsBatch *batch)
{
	const MlsItem **items = palloc(Max(batch->nitems, 1) * sizeof(MlsItem *));

	for (int i = 0; i < batch->nitems; i++)
		items[i] = &batch->items[i];
	qsort(items, batch->nitems, sizeof(MlsItem *), compare_keys);
	return items;
}

static void
put_page(MlsWriter *writer, const MlsBatch *batch)
{
	const MlsItem **items = in_order_of_keys(batch);

	for (int i = 0; i < batch->nitems; i++)
	{
		const MlsItem *item = items[i];
		Datum json;

		CHECK_FOR_INTERRUPTS();
		if (!require_key(writer, item) || item->superseded)
			continue;
		mls_issues_settle(writer->issues, item->key, MLS_SETTLED_SAME);
		json = PointerGetDatum(cstring_to_text_with_len(item->record->json, item->record->length));
		mls_transition_add(
			&writer->page, mls_arg_text(item->key),
			(MlsArg){TIMESTAMPTZOID, TimestampTzGetDatum(item->instant.at), !item->has_instant},
			mls_arg_text(item->timestamp), mls_arg(JSONOID, json), mls_arg_bool(item->gone),
			mls_arg_text(item->parent));
		pfree(DatumGetPointer(json));
	}
}

/* Is every key column filled?  A key that does not fit its column cannot be a row. */
static bool
has_key(const MlsWriter *writer, const bool *isnull)
{
	const AttrNumber *key;

	for (key = writer->key; *key != 0; key++)
		if (isnull[*key - 1])
			return false;
	return true;
}

/* A row to store: in the relation, and at once in silver if it is new. */
static void
put_changed(MlsWriter *writer, Datum *values, bool *isnull)
{
	TupleTableSlot *slot;

	if (writer->added == NULL)
	{
		mls_transition_put(&writer->changed, values, isnull);
		return;
	}
	slot = mls_insertion_put(writer->added, values, isnull);
	if (mls_gold_writer_reads(writer->gold_writer))
		mls_transition_put_slot(&writer->changed, slot);
	else
		writer->changed.rows++;
}

/* Converts a record into the relation for rows to store, or for rows to delete. */
static void
convert(MlsWriter *writer, const MlsItem *item)
{
	Datum *values = palloc(writer->silver->natts * sizeof(Datum));
	bool *isnull = palloc(writer->silver->natts * sizeof(bool));
	Place place = {writer, item->key};

	mls_row_fill(writer->map, item->record, values, isnull, item->gone ? NULL : bad_value, &place);
	if (writer->replaced)
		note_replaced(writer, item);
	if (has_key(writer, isnull) && !item->gone &&
		!mls_arrival_admits(writer->arrival, item->key, item->record, values, isnull,
							writer->issues))
	{
		mls_transition_put(&writer->gone, values, isnull);
		mls_issues_settle(writer->issues, item->key, MLS_SETTLED_STORED);
	}
	else if (has_key(writer, isnull))
	{
		if (item->gone)
			mls_transition_put(&writer->gone, values, isnull);
		else
			put_changed(writer, values, isnull);
		mls_issues_settle(writer->issues, item->key,
						  item->gone ? MLS_SETTLED_GONE : MLS_SETTLED_STORED);
	}
	else
		mls_issues_reject(writer->issues, item->key, linitial(writer->table->key), item->record,
						  "the key does not fit its column, so the record is in bronze only");
}

static void
convert_each(MlsWriter *writer, const MlsItem *item, MemoryContext scratch)
{
	MemoryContext before = MemoryContextSwitchTo(scratch);

	CHECK_FOR_INTERRUPTS();
	convert(writer, item);
	MemoryContextSwitchTo(before);
	MemoryContextReset(scratch);
}

/* Converts the records bronze took, by the keys it returned, and counts them. */
static void
convert_changed(MlsWriter *writer, const MlsBatch *batch, MlsCounters *counters)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw record", ALLOCSET_DEFAULT_SIZES);
	SPITupleTable *kept = SPI_tuptable;
	uint64 n = SPI_processed;

	counters->unchanged += writer->page.rows - n;
	mls_arrival_open(writer->arrival, writer->silver, writer->issues);
	for (uint64 i = 0; i < n; i++)
	{
		char *key = mls_cell_text(kept, i, 1);
		bool is_new = mls_cell_bool(kept, i, 2);
		bool is_gone = mls_cell_bool(kept, i, 3);

		if (is_gone)
			counters->deleted++;
		else if (is_new)
			counters->inserted++;
		else
			counters->updated++;
		convert_each(writer, mls_batch_find(batch, key), scratch);
		if (i % 64 == 0)
			mls_http_pump();
	}
	mls_arrival_close(writer->arrival);
	SPI_freetuptable(kept);
}

/* Stores rows in silver; returns how many are new. */
static int64
store_silver(MlsWriter *writer)
{
	SPITupleTable *stored;
	int64 added = 0;

	if (writer->find_silver != NULL)
	{
		mls_plan_run(writer->find_silver, SPI_OK_SELECT);
		added = writer->changed.rows - mls_int8_at(0, 1);
		mls_plan_run(writer->store_silver, SPI_OK_INSERT);
		return added;
	}
	mls_plan_run(writer->store_silver, SPI_OK_INSERT_RETURNING);
	stored = SPI_tuptable;
	for (uint64 i = 0; i < stored->numvals; i++)
		added += mls_cell_bool(stored, i, 1);
	SPI_freetuptable(stored);
	return added;
}

/* Before silver changes. */
static void
prepare_for_rows(MlsWriter *writer)
{
	if (writer->gold_writer == NULL)
		prepare_layers(writer);
	mls_gold_writer_prepare(writer->gold_writer);
}

/* Silver, gold and issues from what was converted; in silver, rows that were added are already. */
static void
store_converted(MlsWriter *writer, MlsCounters *counters)
{
	int64 more_rows = writer->adds ? writer->changed.rows : 0;

	if (writer->changed.rows + writer->gone.rows > 0)
	{
		if (!writer->adds)
			prepare_for_rows(writer);
		if (!writer->adds && writer->changed.rows > 0)
			more_rows = store_silver(writer);
		if (writer->gone.rows > 0)
		{
			mls_plan_run(writer->delete_silver, SPI_OK_DELETE);
			more_rows -= SPI_processed;
		}
		mls_gold_writer_store(writer->gold_writer, writer->changed.rows, writer->gone.rows,
							  writer->adds);
	}
	counters->bad_values += mls_issues_store(writer->issues);
	writer->more_rows += more_rows;
}

/* What is the same for all batches of records that have come. */
static void
begin_storing(MlsWriter *writer, const MlsBatch *batch, MlsCounters *counters)
{
	open_relays(writer);
	counters->received += batch->nitems;
	writer->replaced = batch->replaced > 0;
	if (!writer->fields_checked && batch->nitems > 0)
		check_fields(writer, batch->items[0].record);
	writer->fields_checked |= batch->nitems > 0;
}

/* ---- Adding ---- */

static bool
has_one_of(Oid bronze, const List *keys)
{
	mls_select(
		psprintf("SELECT EXISTS (SELECT FROM %s WHERE key = ANY ($1))", mls_qualified_name(bronze)),
		mls_arg_list(keys));
	return mls_bool_at(0, 1);
}

/* Is a batch likely to bring records only that are not here? */
static bool
is_new(const MlsWriter *writer, const MlsBatch *batch)
{
	List *keys = NIL;

	if (writer->care == CARE_ALWAYS || batch->nitems == 0)
		return false;
	for (int i = 0; i < batch->nitems; i++)
	{
		if (batch->items[i].gone)
			return false;
		if (batch->items[i].key != NULL)
			keys = lappend(keys, batch->items[i].key);
	}
	return writer->care == CARE_NONE || !has_one_of(writer->sub->bronze, keys);
}

static TupleDesc
bronze_desc(bool parents)
{
	TupleDesc desc = CreateTemplateTupleDesc(parents ? 7 : 6);

	TupleDescInitEntry(desc, 1, "key", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 2, "modified_at", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(desc, 3, "modified", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 4, "record", JSONOID, -1, 0);
	TupleDescInitEntry(desc, 5, "fetched_at", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(desc, 6, "run_id", INT8OID, -1, 0);
	if (parents)
		TupleDescInitEntry(desc, 7, "parent", TEXTOID, -1, 0);
	return desc;
}

/* NULL is NULL. */
static void
set_text(Datum *value, bool *isnull, const char *text)
{
	*isnull = text == NULL;
	if (text != NULL)
		*value = CStringGetTextDatum(text);
}

static void
add_to_bronze(MlsWriter *writer, MlsInsertion *bronze, const MlsItem *item)
{
	Datum values[7] = {0};
	bool isnull[7] = {false};

	set_text(&values[0], &isnull[0], item->key);
	isnull[1] = !item->has_instant;
	values[1] = TimestampTzGetDatum(item->instant.at);
	set_text(&values[2], &isnull[2], item->timestamp);
	values[3] = PointerGetDatum(cstring_to_text_with_len(item->record->json, item->record->length));
	values[4] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	values[5] = Int64GetDatum(writer->run);
	set_text(&values[6], &isnull[6], item->parent);
	(void) mls_insertion_put(bronze, values, isnull);
}

/* Puts the records into bronze that can be stored, in the order of their keys; returns how many. */
static int
add_records(MlsWriter *writer, MlsInsertion *bronze, const MlsItem **items, int nitems,
			MemoryContext scratch)
{
	int n = 0;

	for (int i = 0; i < nitems; i++)
	{
		MemoryContext before;

		if (!require_key(writer, items[i]) || items[i]->superseded)
			continue;
		mls_issues_settle(writer->issues, items[i]->key, MLS_SETTLED_SAME);
		before = MemoryContextSwitchTo(scratch);
		add_to_bronze(writer, bronze, items[i]);
		MemoryContextSwitchTo(before);
		MemoryContextReset(scratch);
		items[n++] = items[i];
		if (i % 64 == 0)
			mls_http_pump();
	}
	mls_insertion_end(bronze);
	return n;
}

/* The rows of records go into silver as they are made. */
static void
add_rows(MlsWriter *writer, MlsInsertion *silver, const MlsItem **items, int nitems,
		 MemoryContext scratch)
{
	mls_arrival_open(writer->arrival, writer->silver, writer->issues);
	writer->added = silver;
	for (int i = 0; i < nitems; i++)
	{
		convert_each(writer, items[i], scratch);
		if (i % 64 == 0)
			mls_http_pump();
	}
	writer->added = NULL;
	mls_insertion_end(silver);
	mls_arrival_close(writer->arrival);
}

/* Begins to put rows into both tables; false if one of them needs statements. */
static bool
begin_adding(MlsWriter *writer, MlsInsertion **bronze, MlsInsertion **silver)
{
	*bronze = mls_insertion_begin(writer->sub->bronze, bronze_desc(writer->keeps_parents), NULL);
	*silver = mls_insertion_begin(writer->sub->silver, writer->silver, writer->unfed);
	if (*bronze != NULL && *silver != NULL && mls_insertion_keeps_form(*silver))
		return true;
	if (*bronze != NULL)
		mls_insertion_end(*bronze);
	if (*silver != NULL)
		mls_insertion_end(*silver);
	return false;
}

/* Writes a batch of new records into all layers; false, with nothing written, if that needs statements. */
static bool
add(MlsWriter *writer, const MlsBatch *batch, MlsCounters *counters)
{
	MlsInsertion *bronze;
	MlsInsertion *silver;
	const MlsItem **items;
	MemoryContext scratch;
	int n;

	if (!begin_adding(writer, &bronze, &silver))
	{
		writer->care = CARE_ALWAYS;
		return false;
	}
	begin_storing(writer, batch, counters);
	writer->adds = true;
	scratch = AllocSetContextCreate(CurrentMemoryContext, "mls_fdw record", ALLOCSET_DEFAULT_SIZES);
	items = in_order_of_keys(batch);
	n = add_records(writer, bronze, items, batch->nitems, scratch);
	counters->inserted += n;
	prepare_for_rows(writer);
	add_rows(writer, silver, items, n, scratch);
	store_converted(writer, counters);
	return true;
}

/*
 * After an error: is it worth another attempt, since the batch was taken for new?  The next
 * one looks closer.
 */
bool
mls_writer_take_care(MlsWriter *writer)
{
	if (!writer->adds)
		return false;
	writer->adds = false;
	writer->care++;
	/* What was said of its fields was taken back. */
	writer->fields_checked = false;
	return true;
}

/* ---- Batches ---- */

/* Writes a batch into all layers; counts what became of its records. */
void
mls_writer_store(MlsWriter *writer, const MlsBatch *batch, MlsCounters *counters)
{
	writer->adds = false;
	if (is_new(writer, batch) && add(writer, batch, counters))
		return;
	begin_storing(writer, batch, counters);
	if (writer->store_bronze == NULL)
		writer->store_bronze = prepare_bronze(writer);
	put_page(writer, batch);
	mls_plan_run(writer->store_bronze, SPI_OK_INSERT_RETURNING);
	convert_changed(writer, batch, counters);
	store_converted(writer, counters);
}

/* Writes records that are in bronze already into silver and gold. */
void
mls_writer_convert(MlsWriter *writer, const MlsBatch *batch, MlsCounters *counters)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw record", ALLOCSET_DEFAULT_SIZES);

	writer->adds = false;
	open_relays(writer);
	counters->received += batch->nitems;
	writer->replaced = false;
	mls_arrival_open(writer->arrival, writer->silver, writer->issues);
	for (int i = 0; i < batch->nitems; i++)
		if (batch->items[i].key != NULL && !batch->items[i].superseded)
			convert_each(writer, &batch->items[i], scratch);
	mls_arrival_close(writer->arrival);
	store_converted(writer, counters);
}

/* Adds the rows that have come to the subscription's count, in the transaction in which they came. */
void
mls_writer_settle(MlsWriter *writer)
{
	if (writer->more_rows != 0)
		mls_count_add_local(writer->sub->id, writer->more_rows);
	writer->more_rows = 0;
}

/* Plans outlive transactions and contexts, so they are given back here. */
void
mls_writer_end(MlsWriter *writer)
{
	mls_plan_free(writer->store_bronze);
	mls_plan_free(writer->find_silver);
	mls_plan_free(writer->store_silver);
	mls_plan_free(writer->delete_silver);
	mls_issues_end(writer->issues);
	if (writer->gold_writer != NULL)
		mls_gold_writer_end(writer->gold_writer);
}
