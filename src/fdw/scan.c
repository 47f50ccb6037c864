/*
 * scan.c
 *		Execution: from the remote query to tuples.
 *
 * A scan is lazy: it opens its stream at the first fetch and asks for a page when
 * the one before is used up, so LIMIT ends it without further ado.  A tuple's
 * values live until the next fetch, a page until the next page, query and stream
 * until the next rescan; each has its context.
 *
 * EXPLAIN tells what is asked of the source, what is not and why, and with ANALYZE
 * what it cost.  No network, no secret.
 */
#include "postgres.h"

#include "access/table.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"

#include "compat.h"
#include MLS_EXPLAIN_STATE_H
#include MLS_EXPLAIN_FORMAT_H
#include "fdw/fdw.h"
#include "options/options.h"

/* How often running transfers are given a turn while a page is read. */
#define RECORDS_PER_PUMP 64

/* Bytes of a value shown in a warning. */
#define SHOWN_BYTES 60

/* A scan at work (ForeignScanState.fdw_state). */
typedef struct MlsScanState
{
	MlsTable *table;
	MlsPlan *plan;
	List *expr_states; /* of ExprState *, for fdw_exprs */
	Oid *expr_types;
	MlsRowMap *map; /* of the columns wanted */
	TupleDesc desc; /* the foreign table's */
	Datum *values;  /* one record, where the scan slot is not the table's (count) */
	bool *nulls;
	MemoryContext scan_context;   /* query and stream: until the next start */
	MemoryContext record_context; /* values of the current record */
	bool bound;                   /* the query has been made, at least once */
	MlsQuery *query;              /* the latest; NULL if no row could match */
	MlsStream *stream;
	MlsPage *page;
	int next_record;
	bool started;
	bool finished;

	/* over all starts */
	MlsHttpStats stats;
	int64 pages;
	int64 records;
	List *given_up; /* of char *: fields the source refused to filter by */
	int64 bad_values;
	Datum *before; /* what the source orders by, of the record before this one */
	bool *before_nulls;
	MemoryContext before_context;
	Bitmapset *warned;   /* columns whose bad values were reported */
	bool fields_checked; /* a record has shown whether the columns are named as fields are */
} MlsScanState;

/* ---- begin ---- */

static TupleDesc
copy_descriptor(Oid relid)
{
	Relation relation = table_open(relid, AccessShareLock);
	TupleDesc desc = CreateTupleDescCopy(RelationGetDescr(relation));

	table_close(relation, NoLock);
	return desc;
}

/* Field names by attribute, of the columns wanted only. */
static const char **
wanted_fields(const MlsScanState *state)
{
	const char **fields = palloc0(sizeof(char *) * state->table->ncolumns);
	ListCell *lc;

	foreach (lc, state->plan->columns)
		fields[lfirst_int(lc) - 1] = state->table->columns[lfirst_int(lc) - 1].field;
	return fields;
}

static void
prepare_values(MlsScanState *state, ForeignScanState *node, List *exprs)
{
	ListCell *lc;

	state->expr_states = ExecInitExprList(exprs, &node->ss.ps);
	state->expr_types = palloc(sizeof(Oid) * Max(list_length(exprs), 1));
	foreach (lc, exprs)
		state->expr_types[foreach_current_index(lc)] = exprType(lfirst(lc));
}

void
mlsBeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan *scan = (ForeignScan *) node->ss.ps.plan;
	EState *estate = node->ss.ps.state;
	bool explain_only = (eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0;
	MlsScanState *state = palloc0(sizeof(MlsScanState));
	const char **fields;

	node->fdw_state = state;
	state->table = mls_table_get(mls_plan_relid(scan->fdw_private), mls_executor_user(scan, estate),
								 !explain_only);
	state->plan = mls_plan_from_list(scan->fdw_private, state->table);
	if (explain_only)
		return;
	prepare_values(state, node, scan->fdw_exprs);
	state->desc = state->plan->count ? copy_descriptor(state->plan->relid)
									 : RelationGetDescr(node->ss.ss_currentRelation);
	fields = wanted_fields(state);
	state->map = mls_row_map(state->desc, fields, state->table->source->timezone);
	mls_table_written(state->table, state->map, fields, state->desc->natts);
	state->values = palloc(sizeof(Datum) * Max(state->desc->natts, 1));
	state->nulls = palloc(sizeof(bool) * Max(state->desc->natts, 1));
	state->scan_context =
		AllocSetContextCreate(estate->es_query_cxt, "mls_fdw scan", ALLOCSET_SMALL_SIZES);
	state->record_context =
		AllocSetContextCreate(estate->es_query_cxt, "mls_fdw record", ALLOCSET_DEFAULT_SIZES);
}

/* ---- errors and warnings ---- */

static void
add_context(void *arg)
{
	const MlsScanState *state = arg;

	errcontext("scan of foreign table %s", state->table->name);
}

/* The key of a record as text, or NULL. */
static char *
record_key(const MlsTable *table, const MlsRecord *record)
{
	const MlsSlice *slice = table->key ? mls_record_field(record, linitial(table->key)) : NULL;

	return slice ? mls_slice_text(slice) : NULL;
}

/* The start of a value, for a warning. */
static char *
shown(const char *text, int length)
{
	int kept = pg_mbcliplen(text, length, SHOWN_BYTES);

	return psprintf("%.*s%s", kept, text, kept < length ? "..." : "");
}

static bool
mentions(const MlsCondition *condition, int attnum)
{
	ListCell *lc;

	if (condition->column && condition->column->attnum == attnum)
		return true;
	foreach (lc, condition->args)
		if (mentions(lfirst(lc), attnum))
			return true;
	return false;
}

/* Has the source ordered, or cut the result after a condition, by this column? */
static bool
is_relied_on(const MlsScanState *state, int attnum)
{
	ListCell *lc;

	if (list_member_int(state->plan->order, attnum) || list_member_int(state->plan->order, -attnum))
		return true;
	if (state->query->limit < 0)
		return false;
	foreach (lc, state->query->conditions)
		if (mentions(lfirst(lc), attnum))
			return true;
	return false;
}

/*
 * A value that does not fit its column: told once per column, counted always.
 * An error where a row would be missing or out of its place for it.
 */
static void
note_bad_value(void *arg, const MlsRecord *record, int attnum, const MlsSlice *slice,
			   const char *reason)
{
	MlsScanState *state = arg;
	MemoryContext old;
	char *key;
	const MlsColumn *column = &state->table->columns[attnum - 1];
	bool is_key = column->not_null && mls_table_is_key(state->table, column->field);
	bool fatal = is_key || is_relied_on(state, attnum);

	state->bad_values++;
	mls_distrust(state->plan->relid, attnum);
	if (!fatal && bms_is_member(attnum, state->warned))
		return;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(state));
	state->warned = bms_add_member(state->warned, attnum);
	MemoryContextSwitchTo(old);
	key = record_key(state->table, record);
	ereport(
		fatal ? ERROR : WARNING,
		(errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
		 errmsg("value of field \"%s\" %s", state->table->columns[attnum - 1].field, reason),
		 is_key ? errdetail("It is the key of record %s, and column %s is of type %s.",
							key ? shown(key, strlen(key)) : "without key",
							quote_identifier(column->name), format_type_be(column->type))
				: errdetail("Record %s has %s; such values are read as null.",
							key ? shown(key, strlen(key)) : "without key",
							shown(slice->value, slice->value_length)),
		 is_key  ? errhint("If the keys of the source are of another type now, change the column: "
							"ALTER FOREIGN TABLE %s ALTER COLUMN %s TYPE text; and that of its "
							"silver table, if it is replicated.",
						   state->table->name, quote_identifier(column->name))
		 : fatal ? errhint("Repeat the query: it is planned without the source's order and limit "
						   "over this column now.")
				 : 0));
}

/* ---- fields that records do not have ---- */

static char *
hint_of_field(const MlsScanState *state, const MlsColumn *column, const char *similar)
{
	return psprintf("ALTER FOREIGN TABLE %s ALTER COLUMN %s OPTIONS (%s field %s);",
					state->table->name, quote_identifier(column->name),
					strcmp(column->name, column->field) == 0 ? "ADD" : "SET",
					quote_literal_cstr(similar));
}

/* A key is never null for want of a field: every row would be. */
static void
check_key(const MlsScanState *state, const MlsRecord *record, const MlsColumn *column)
{
	char *similar;

	if (!column->not_null || !mls_table_is_key(state->table, column->field))
		return;
	similar = mls_record_similar(record, column->field);
	ereport(ERROR, (errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
					errmsg("a record of resource \"%s\" has no field \"%s\", which is its key",
						   state->table->resource, column->field),
					similar ? errdetail("It has \"%s\".", similar) : 0,
					similar ? errhint("%s", hint_of_field(state, column, similar)) : 0));
}

/*
 * The first record of a scan shows whether the columns have the names of fields.  One that
 * is lacking may be null, unless there is one so similar that it must be meant.
 */
static void
check_fields(MlsScanState *state, const MlsRecord *record)
{
	ListCell *lc;

	foreach (lc, state->plan->columns)
	{
		const MlsColumn *column = &state->table->columns[lfirst_int(lc) - 1];
		MlsSlice slice;
		char *similar;

		if (strcmp(column->field, "*") == 0 || mls_record_path(record, column->field, &slice))
			continue;
		check_key(state, record, column);
		similar = mls_record_similar(record, column->field);
		if (similar)
			ereport(
				WARNING,
				(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
				 errmsg("records of resource \"%s\" have no field \"%s\", so column \"%s\" of "
						"%s is null",
						state->table->resource, column->field, column->name, state->table->name),
				 errdetail("They have \"%s\".", similar),
				 errhint("%s", hint_of_field(state, column, similar))));
	}
}

/* ---- the stream ---- */

static void
add_stats(MlsHttpStats *total, const MlsHttpStats *part)
{
	total->requests += part->requests;
	total->retries += part->retries;
	total->wire_bytes += part->wire_bytes;
	total->body_bytes += part->body_bytes;
	total->wait_us += part->wait_us;
	total->quota_us += part->quota_us;
}

/* The values of the plan's expressions, in CurrentMemoryContext. */
static MlsValue *
evaluate_values(MlsScanState *state, ExprContext *econtext)
{
	MlsValue *values = palloc(sizeof(MlsValue) * Max(list_length(state->expr_states), 1));
	ListCell *lc;

	foreach (lc, state->expr_states)
	{
		int i = foreach_current_index(lc);
		int16 length;
		bool by_value;
		Datum datum = ExecEvalExprSwitchContext(lfirst(lc), econtext, &values[i].isnull);

		get_typlenbyval(state->expr_types[i], &length, &by_value);
		values[i].type = state->expr_types[i];
		values[i].datum = values[i].isnull ? (Datum) 0 : datumCopy(datum, by_value, length);
		values[i].param = -1;
		values[i].text = NULL;
	}
	return values;
}

/* Makes the query of this start. */
static void
bind_query(ForeignScanState *node, MlsScanState *state)
{
	MemoryContext old;

	MemoryContextReset(state->scan_context);
	state->before = NULL;
	state->before_context = NULL;
	old = MemoryContextSwitchTo(state->scan_context);
	state->query = mls_plan_query(state->plan, state->table,
								  evaluate_values(state, node->ss.ps.ps_ExprContext));
	state->bound = true;
	state->started = true;
	state->finished = state->query == NULL;
	MemoryContextSwitchTo(old);
}

static void
open_stream(MlsScanState *state)
{
	MemoryContext old = MemoryContextSwitchTo(state->scan_context);

	state->stream = state->table->source->protocol->open(state->query);
	MemoryContextSwitchTo(old);
}

/* Ends the stream, if there is one, and adds what it cost to the totals. */
static void
stop_stream(MlsScanState *state)
{
	MlsStream *stream = state->stream;
	MemoryContext old;
	ListCell *lc;

	if (stream == NULL)
		return;
	state->pages += stream->pages;
	state->records += stream->records;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(state));
	foreach (lc, stream->dropped)
		state->given_up = lappend(state->given_up, pstrdup(lfirst(lc)));
	MemoryContextSwitchTo(old);
	add_stats(&state->stats, &stream->stats);
	state->stream = NULL;
	state->page = NULL;
	stream->protocol->close(stream);
}

/* The next record, valid until the one after it; NULL at the end. */
static const MlsRecord *
next_record(MlsScanState *state)
{
	while (state->page == NULL || state->next_record >= state->page->nrecords)
	{
		MemoryContext old = MemoryContextSwitchTo(state->scan_context);

		state->page = state->stream->protocol->next_page(state->stream);
		MemoryContextSwitchTo(old);
		state->next_record = 0;
		if (state->page == NULL)
		{
			state->finished = true;
			stop_stream(state);
			return NULL;
		}
	}
	if (state->next_record % RECORDS_PER_PUMP == 0)
		mls_http_pump();
	return &state->page->records[state->next_record++];
}

static void
fill_row(MlsScanState *state, const MlsRecord *record, Datum *values, bool *nulls)
{
	MemoryContext old;

	MemoryContextReset(state->record_context);
	old = MemoryContextSwitchTo(state->record_context);
	if (!state->fields_checked)
		check_fields(state, record);
	state->fields_checked = true;
	mls_row_fill(state->map, record, values, nulls, note_bad_value, state);
	MemoryContextSwitchTo(old);
}

/* ---- the source's order ---- */

pg_noreturn static void
report_order(const MlsScanState *state, const MlsColumn *column, const char *detail)
{
	mls_distrust(state->plan->relid, column->attnum);
	ereport(
		ERROR, errcode(ERRCODE_FDW_REPLY_HANDLE),
		errmsg("source \"%s\" does not order resource \"%s\" by field \"%s\" as it was asked to",
			   state->table->source->name, state->table->resource, column->field),
		errdetail_internal("%s", detail),
		errhint("Repeat the query: it is planned without the source's order over this column "
				"now. For good, set the server option ordering to none."));
}

/* Is the first record without a value in a column when the order by it is turned round?  One request. */
static bool
is_null_at_other_end(MlsScanState *state, int attnum, bool *isnull)
{
	const MlsOrder *order = linitial(state->query->order);
	MlsOrder turned = {.field = order->field, .descending = !order->descending};
	MlsQuery query = *state->query;
	MemoryContext kept = state->record_context;
	MlsStream *stream;
	MlsPage *page;
	bool found;

	query.order = list_make1(&turned);
	query.limit = 1;
	query.page_size = 0;
	query.verify_count = false;
	stream = state->table->source->protocol->open(&query);
	page = stream->protocol->next_page(stream);
	found = page != NULL && page->nrecords > 0;
	if (found)
	{
		/* The row at hand stays as it is. */
		state->record_context =
			AllocSetContextCreate(kept, "mls_fdw other end", ALLOCSET_SMALL_SIZES);
		fill_row(state, &page->records[0], state->values, state->nulls);
		*isnull = state->nulls[attnum - 1];
		MemoryContextDelete(state->record_context);
		state->record_context = kept;
	}
	add_stats(&state->stats, &stream->stats);
	stream->protocol->close(stream);
	return found;
}

/*
 * The first record shows where the source has nulls: first in ascending order, last in
 * descending, as asked for.  If it has a value where nulls come first there may be none, and if
 * it has none where they come last there may be nothing else: the other end tells.
 */
static void
check_nulls(MlsScanState *state, const MlsColumn *column, bool descending, bool isnull)
{
	bool other;

	if (isnull != descending || column->not_null ||
		list_member_int(state->plan->no_nulls, column->attnum) ||
		!is_null_at_other_end(state, column->attnum, &other))
		return;
	if (descending && !other)
		report_order(state, column, "In descending order it has nulls first.");
	if (!descending && other)
		report_order(state, column, "In ascending order it has nulls last.");
}

/* How two values stand in the order of a column; nulls come first in ascending order. */
static int
compare_values(const MlsColumn *column, Oid collation, Datum a, bool a_null, Datum b, bool b_null)
{
	TypeCacheEntry *type;

	if (a_null || b_null)
		return (int) b_null - (int) a_null;
	type = lookup_type_cache(column->type, TYPECACHE_CMP_PROC_FINFO);
	return DatumGetInt32(FunctionCall2Coll(&type->cmp_proc_finfo, collation, a, b));
}

/* Keeps what this record is ordered by for the next one. */
static void
keep_before(MlsScanState *state, const Datum *values, const bool *nulls)
{
	MemoryContext old;
	ListCell *lc;

	if (state->before_context == NULL)
		state->before_context =
			AllocSetContextCreate(state->scan_context, "mls_fdw order", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(state->before_context);
	old = MemoryContextSwitchTo(state->before_context);
	state->before = palloc(list_length(state->plan->order) * sizeof(Datum));
	state->before_nulls = palloc(list_length(state->plan->order) * sizeof(bool));
	foreach (lc, state->plan->order)
	{
		int i = foreach_current_index(lc);
		int place = abs(lfirst_int(lc)) - 1;
		Form_pg_attribute attribute = TupleDescAttr(state->desc, place);

		state->before_nulls[i] = nulls[place];
		state->before[i] = nulls[place]
							   ? (Datum) 0
							   : datumCopy(values[place], attribute->attbyval, attribute->attlen);
	}
	MemoryContextSwitchTo(old);
}

/* Does the record at hand come where the order has it?  The plan relies on it. */
static void
check_order(MlsScanState *state, const Datum *values, const bool *nulls)
{
	ListCell *lc;

	foreach (lc, state->plan->order)
	{
		int i = foreach_current_index(lc);
		int attnum = abs(lfirst_int(lc));
		bool descending = lfirst_int(lc) < 0;
		const MlsColumn *column = &state->table->columns[attnum - 1];
		int order;

		/* A column that nobody reads orders nothing. */
		if (!list_member_int(state->plan->columns, attnum))
			return;
		if (nulls[attnum - 1] && list_member_int(state->plan->no_nulls, attnum))
			report_order(state, column, "It should have no null, and has one.");
		if (state->before == NULL && i == 0)
			check_nulls(state, column, descending, nulls[attnum - 1]);
		if (state->before == NULL)
			continue;
		order = compare_values(column, TupleDescAttr(state->desc, attnum - 1)->attcollation,
							   state->before[i], state->before_nulls[i], values[attnum - 1],
							   nulls[attnum - 1]);
		if (descending)
			order = -order;
		if (order > 0)
			report_order(state, column, "A record comes behind one that should follow it.");
		if (order < 0)
			break;
	}
	keep_before(state, values, nulls);
}

/* ---- counting ---- */

/* Can the source count what this execution asks for? */
static bool
counts_remotely(const MlsScanState *state)
{
	ListCell *lc;

	if (state->query->limit < 0)
		return false;
	foreach (lc, state->query->conditions)
		if (mls_condition_fit(state->table, lfirst(lc)) != MLS_FIT_EXACT)
			return false;
	return true;
}

/* Counts records that pass the local check; their columns stand behind the count in the slot. */
static int64
count_locally(ForeignScanState *node, MlsScanState *state, TupleTableSlot *slot)
{
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	const MlsRecord *record;
	int64 count = 0;
	ListCell *lc;

	state->query->limit = -1;
	state->query->verify_count = true;
	open_stream(state);
	while ((record = next_record(state)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		ResetExprContext(econtext);
		fill_row(state, record, state->values, state->nulls);
		ExecClearTuple(slot);
		slot->tts_isnull[0] = true;
		foreach (lc, state->plan->columns)
		{
			slot->tts_values[foreach_current_index(lc) + 1] = state->values[lfirst_int(lc) - 1];
			slot->tts_isnull[foreach_current_index(lc) + 1] = state->nulls[lfirst_int(lc) - 1];
		}
		econtext->ecxt_scantuple = ExecStoreVirtualTuple(slot);
		if (ExecQual(node->fdw_recheck_quals, econtext))
			count++;
	}
	return count;
}

/* The one row of a count. */
static TupleTableSlot *
count_tuple(ForeignScanState *node, MlsScanState *state, TupleTableSlot *slot)
{
	int64 count = 0;

	if (state->query)
	{
		state->query->verify_count = true;
		count = counts_remotely(state)
					? state->table->source->protocol->count(state->query, &state->stats)
					: -1;
		if (count < 0)
			count = count_locally(node, state, slot);
	}
	state->finished = true;
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts);
	slot->tts_values[0] = Int64GetDatum(count);
	slot->tts_isnull[0] = false;
	return ExecStoreVirtualTuple(slot);
}

/* ---- callbacks ---- */

static TupleTableSlot *
next_tuple(ForeignScanState *node, MlsScanState *state)
{
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	const MlsRecord *record;
	bool first = !state->started;

	if (first)
		bind_query(node, state);
	if (first && state->plan->count)
		return count_tuple(node, state, slot);
	ExecClearTuple(slot);
	if (state->finished)
		return slot;
	if (state->stream == NULL)
		open_stream(state);
	record = next_record(state);
	if (record == NULL)
		return slot;
	fill_row(state, record, slot->tts_values, slot->tts_isnull);
	if (state->plan->order != NIL)
		check_order(state, slot->tts_values, slot->tts_isnull);
	return ExecStoreVirtualTuple(slot);
}

TupleTableSlot *
mlsIterateForeignScan(ForeignScanState *node)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack, .callback = add_context, .arg = node->fdw_state};
	TupleTableSlot *slot;

	error_context_stack = &callback;
	slot = next_tuple(node, node->fdw_state);
	error_context_stack = callback.previous;
	return slot;
}

void
mlsReScanForeignScan(ForeignScanState *node)
{
	MlsScanState *state = node->fdw_state;

	stop_stream(state);
	state->started = false;
	state->finished = false;
}

void
mlsEndForeignScan(ForeignScanState *node)
{
	if (node->fdw_state)
		stop_stream(node->fdw_state);
}

/* ---- EXPLAIN ---- */

static void
explain_request(MlsScanState *state, ExplainState *es)
{
	/* After a run the values are known; before it $1 stands for the first expression. */
	MlsQuery *query = state->bound ? state->query : mls_plan_query(state->plan, state->table, NULL);

	if (query == NULL)
	{
		ExplainPropertyText("Remote Request", "none, since no row can match", es);
		return;
	}
	if (state->plan->count)
	{
		query->verify_count = true;
		query->fields = list_truncate(list_copy(state->table->key), 1);
	}
	ExplainPropertyText("Remote Request", state->table->source->protocol->show(query), es);
	if (query->limit >= 0 && !state->plan->count)
		ExplainPropertyInteger("Remote Limit", NULL, query->limit, es);
	if (query->page_size > 0)
		ExplainPropertyInteger("Remote Page Size", NULL, query->page_size, es);
}

/* Is there a value in an expression that comes from elsewhere in the plan? */
static bool
has_executor_param(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXEC)
		return true;
	return expression_tree_walker(node, has_executor_param, context);
}

/*
 * An expression as a reader knows it.  The node's ancestors are not known here,
 * and without them a value of an outer row has no name; the filter tells it.
 */
static char *
expression_text(Node *expr, List *context)
{
	if (IsA(expr, Param) && ((Param *) expr)->paramkind == PARAM_EXTERN)
		return psprintf("parameter %d", ((Param *) expr)->paramid);
	if (has_executor_param(expr, NULL))
		return "[from the plan]";
	return deparse_expression(expr, context, true, false);
}

/* What $1, $2 ... stand for. */
static void
explain_expressions(ForeignScanState *node, List *context, ExplainState *es)
{
	ForeignScan *scan = (ForeignScan *) node->ss.ps.plan;
	List *lines = NIL;
	ListCell *lc;

	foreach (lc, scan->fdw_exprs)
		lines = lappend(lines, psprintf("$%d = %s", foreach_current_index(lc) + 1,
										expression_text(lfirst(lc), context)));
	if (lines)
		ExplainPropertyList("Remote Parameters", lines, es);
}

static void
explain_local(ForeignScanState *node, List *context, ExplainState *es)
{
	MlsScanState *state = node->fdw_state;
	bool prefix = list_length(es->rtable) > 1 || es->verbose;
	List *lines = NIL;
	ListCell *clause;
	ListCell *reason;

	forboth(clause, node->ss.ps.plan->qual, reason, state->plan->reasons)
	{
		const char *text = lfirst(reason);

		if (*text)
			lines = lappend(
				lines, psprintf("%s: %s",
								deparse_expression(lfirst(clause), context, prefix, false), text));
	}
	if (lines)
		ExplainPropertyList("Kept Local", lines, es);
}

static void
explain_run(MlsScanState *state, ExplainState *es)
{
	stop_stream(state);
	ExplainPropertyInteger("Remote Requests", NULL, state->stats.requests, es);
	ExplainPropertyInteger("Remote Pages", NULL, state->pages, es);
	ExplainPropertyInteger("Remote Records", NULL, state->records, es);
	ExplainPropertyInteger("Received", "bytes", state->stats.wire_bytes, es);
	if (es->timing)
	{
		ExplainPropertyFloat("Network Wait", "ms", state->stats.wait_us / 1000.0, 3, es);
		ExplainPropertyFloat("Quota Wait", "ms", state->stats.quota_us / 1000.0, 3, es);
	}
	if (state->given_up)
		ExplainPropertyList("Refused by Source", state->given_up, es);
	if (state->bad_values > 0)
		ExplainPropertyInteger("Unconvertible Values", NULL, state->bad_values, es);
}

void
mlsExplainForeignScan(ForeignScanState *node, struct ExplainState *es)
{
	MlsScanState *state = node->fdw_state;
	List *context = NIL;

	if (state->plan->count)
		ExplainPropertyText("Remote Count", state->table->name, es);
	explain_request(state, es);
	if (es->verbose)
	{
		context = set_deparse_context_plan(es->deparse_cxt, node->ss.ps.plan, NIL);
		explain_expressions(node, context, es);
		explain_local(node, context, es);
	}
	if (es->analyze)
		explain_run(state, es);
}
