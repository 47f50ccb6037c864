/*
 * field_history.c
 *		The trigger that keeps what fields of gold were before, as rows of the RESO
 *		resource HistoryTransactional.
 *
 * These stand in a table of gold, gold.history_transactional, beside the one that changed:
 * so licences, audiences and parents hold for them as they do for all of gold.  They are
 * written as the owner of both, and numbered like the events of mls_serve_events(), whose
 * trigger comes before.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/base.h"
#include "consumer/consumer.h"

PG_FUNCTION_INFO_V1(mls_log_history);

/* Rows that are written at a time; characters of a value. */
#define SOME_ROWS 2000
#define VALUE_LENGTH 8000
#define MOST_OFFICES 8

/* A table of gold, and where its history is kept. */
typedef struct HistoryShape
{
	char *resource;
	TupleDesc desc;
	bool *is_kept; /* by attribute: a field of which we tell */
	AttrNumber key;
	AttrNumber source;
	AttrNumber status; /* of listings; 0: none */
	AttrNumber offices[MOST_OFFICES];
	int noffices;
	Oid owner;
	char *history; /* qualified name of the table */
} HistoryShape;

/* What the rows of a batch have, each in an array. */
typedef enum HistoryColumn
{
	HISTORY_KEY,
	HISTORY_FIELD,
	HISTORY_OLD,
	HISTORY_NEW,
	HISTORY_TYPE,
	HISTORY_SOURCE,
	HISTORY_OFFICES,
	HISTORY_COLUMNS
} HistoryColumn;

typedef struct HistoryBatch
{
	const HistoryShape *shape;
	MemoryContext memory; /* of its texts */
	int n;
	Datum values[HISTORY_COLUMNS][SOME_ROWS];
	bool isnull[HISTORY_COLUMNS][SOME_ROWS];
} HistoryBatch;

/* ---- What is read ---- */

/* NULL unless a history stands beside the table that is its owner's. */
static HistoryShape *
shape_of(const char *resource, Relation gold)
{
	HistoryShape *shape = palloc0(sizeof(HistoryShape));
	Oid history = get_relname_relid("history_transactional", RelationGetNamespace(gold));
	TupleDesc desc = RelationGetDescr(gold);
	MlsRights before;
	Datum *offices;
	bool isnull;
	int n;

	shape->owner = gold->rd_rel->relowner;
	if (!OidIsValid(history) || mls_relation_owner(history) != shape->owner)
		return NULL;
	mls_rights_enter_control(&before);
	mls_select("SELECT f.key_field, f.office_fields FROM mls.event_fields($1) f",
			   mls_arg_text(resource));
	mls_rights_leave(&before);
	if (SPI_processed != 1 || mls_text_at(0, 1) == NULL)
		return NULL;
	shape->resource = pstrdup(resource);
	shape->history = mls_qualified_name(history);
	shape->desc = desc;
	shape->key = mls_event_column(desc, mls_text_at(0, 1));
	shape->source = mls_event_column(desc, "mls_source");
	if (strcmp(resource, "Property") == 0)
		shape->status = mls_event_column(desc, "StandardStatus");
	shape->is_kept = palloc0(desc->natts * sizeof(bool));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		/* When a record changed each row says anyway. */
		shape->is_kept[i] = !att->attisdropped && att->attnum != shape->key &&
							strncmp(NameStr(att->attname), "mls_", 4) != 0 &&
							strcmp(NameStr(att->attname), "ModificationTimestamp") != 0;
	}
	deconstruct_array(DatumGetArrayTypeP(mls_cell(SPI_tuptable, 0, 2, &isnull)), TEXTOID, -1, false,
					  TYPALIGN_INT, &offices, NULL, &n);
	for (int i = 0; i < n && shape->noffices < MOST_OFFICES; i++)
	{
		AttrNumber column = mls_event_column(desc, TextDatumGetCString(offices[i]));

		if (column != 0)
			shape->offices[shape->noffices++] = column;
	}
	return shape->key != 0 && shape->source != 0 ? shape : NULL;
}

static char *
text_at(TupleTableSlot *slot, AttrNumber column)
{
	if (column == 0 || slot->tts_isnull[column - 1])
		return NULL;
	return TextDatumGetCString(slot->tts_values[column - 1]);
}

static bool
is_same(const HistoryShape *shape, int i, TupleTableSlot *old, TupleTableSlot *new)
{
	Form_pg_attribute att = TupleDescAttr(shape->desc, i);

	if (old->tts_isnull[i] || new->tts_isnull[i])
		return old->tts_isnull[i] == new->tts_isnull[i];
	return datum_image_eq(old->tts_values[i], new->tts_values[i], att->attbyval, att->attlen);
}

/* ---- Values as texts ---- */

static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

static char *
list_text(Datum value)
{
	StringInfoData out;
	Datum *elements;
	bool *isnull;
	int n;

	initStringInfo(&out);
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &isnull, &n);
	for (int i = 0; i < n; i++)
	{
		if (!isnull[i])
			appendStringInfo(&out, "%s%s", out.len > 0 ? "," : "",
							 TextDatumGetCString(elements[i]));
	}
	return out.data;
}

/* Lists with commas, everything else as it is served, without quotes. */
static char *
plain_text(Oid type, Datum value)
{
	StringInfoData out;

	if (is_text(type))
		return TextDatumGetCString(value);
	if (type == TEXTARRAYOID)
		return list_text(value);
	initStringInfo(&out);
	mls_odata_value(&out, type, value);
	if (out.len >= 2 && out.data[0] == '"')
	{
		out.data[out.len - 1] = '\0';
		return out.data + 1;
	}
	return strcmp(out.data, "null") == 0 ? NULL : out.data;
}

/* NULL for none. */
static char *
value_of(const HistoryShape *shape, TupleTableSlot *slot, int i)
{
	char *text;
	int length;

	if (slot->tts_isnull[i])
		return NULL;
	text = plain_text(getBaseType(TupleDescAttr(shape->desc, i)->atttypid), slot->tts_values[i]);
	length = text ? strlen(text) : 0;
	if (length > VALUE_LENGTH)
		text[pg_mbcharcliplen(text, length, VALUE_LENGTH)] = '\0';
	return text;
}

/* Members of the lookup ChangeType that statuses are, by either of their names. */
static const char *
type_of_status(const char *old, const char *new)
{
	static const char *const types[] = {"Active",      "Active Under Contract",
										"Canceled",    "Closed",
										"Coming Soon", "Expired",
										"Hold",        "Pending",
										"Withdrawn"};

	for (int i = 0; i < lengthof(types); i++)
	{
		const char *type = types[i];
		const char *status = new;

		while (*type != '\0' && (*status == *type || (*type == ' ' && status > new)))
		{
			if (*status == *type)
				status++;
			type++;
		}
		if (*type != '\0' || *status != '\0')
			continue;
		/* What was on the market and is again. */
		if (i == 0 && old != NULL && strncmp(old, "Coming", 6) != 0)
			return "Back On Market";
		return types[i];
	}
	return NULL;
}

static const char *
type_of_change(const char *field, const char *old, const char *new)
{
	if (new == NULL)
		return NULL;
	if (strcmp(field, "StandardStatus") == 0)
		return type_of_status(old, new);
	return strcmp(field, "ListPrice") == 0 && old != NULL ? "Price Change" : NULL;
}

/* ---- Offices ---- */

static bool
is_of_office(const HistoryShape *shape, TupleTableSlot *slot, const char *office)
{
	for (int i = 0; i < shape->noffices; i++)
	{
		const char *other = text_at(slot, shape->offices[i]);

		if (other != NULL && strcmp(office, other) == 0)
			return true;
	}
	return false;
}

/* Those that a record is of, and was: what it was to another is not theirs.  NULL: no resource of offices. */
static char *
offices_of(const HistoryShape *shape, TupleTableSlot *old, TupleTableSlot *new)
{
	Datum offices[MOST_OFFICES];
	int n = 0;

	if (shape->noffices == 0)
		return NULL;
	for (int i = 0; i < shape->noffices; i++)
	{
		const char *office = text_at(new, shape->offices[i]);

		if (office != NULL && is_of_office(shape, old, office))
			offices[n++] = CStringGetTextDatum(office);
	}
	return OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(construct_array(
												  offices, n, TEXTOID, -1, false, TYPALIGN_INT)));
}

/* ---- What is written ---- */

static MlsArg
array_of(HistoryBatch *batch, HistoryColumn column)
{
	int dimension[] = {batch->n};
	int lower[] = {1};

	return mls_arg(TEXTARRAYOID, PointerGetDatum(construct_md_array(
									 batch->values[column], batch->isnull[column], 1, dimension,
									 lower, TEXTOID, -1, false, TYPALIGN_INT)));
}

/* Numbers of the events that the statement has just had, as an array for as many rows. */
static MlsArg
sequences_of(HistoryBatch *batch)
{
	MlsArg sequences = {.type = INT8ARRAYOID};
	MemoryContext before_memory;
	MlsRights before;

	mls_rights_enter_control(&before);
	mls_select("SELECT pg_catalog.array_agg(e.sequence ORDER BY u.n) "
			   "FROM pg_catalog.unnest($2) WITH ORDINALITY u (key, n) "
			   "LEFT JOIN mls.entity_event e ON e.resource = $1 AND e.key = u.key",
			   mls_arg_text(batch->shape->resource), array_of(batch, HISTORY_KEY));
	mls_rights_leave(&before);
	sequences.value = mls_cell(SPI_tuptable, 0, 1, &sequences.isnull);
	before_memory = MemoryContextSwitchTo(batch->memory);
	if (!sequences.isnull)
		sequences.value = datumCopy(sequences.value, false, -1);
	MemoryContextSwitchTo(before_memory);
	SPI_freetuptable(SPI_tuptable);
	return sequences;
}

/*
 * What goes and comes again in one transaction (a rebuild) has done neither.  A key is
 * as long for all, so that keys are in the order of the numbers.
 */
static void
write_batch(HistoryBatch *batch)
{
	MlsArg sequences;
	MlsRights before;

	if (batch->n == 0)
		return;
	sequences = sequences_of(batch);
	mls_rights_enter(&before, batch->shape->owner);
	mls_sql(
		SPI_OK_INSERT,
		psprintf(
			"WITH u AS MATERIALIZED (SELECT * FROM unnest($2, $3, $4, $5, $6, $7, $8, "
			"$9) "
			"u (key, field, old, new, type, source, offices, number) WHERE number IS NOT NULL), "
			"back AS (DELETE FROM %s h USING u WHERE u.type = 'New Listing' "
			"AND h.\"ResourceName\" = $1 AND h.\"ResourceRecordKey\" = u.key "
			"AND h.\"ChangeType\" = 'Deleted' AND h.mls_updated_at = pg_catalog.now() "
			"RETURNING u.key) "
			"INSERT INTO %s (\"HistoryTransactionalKey\", \"ResourceName\", "
			"\"ResourceRecordKey\", \"FieldName\", \"FieldKey\", \"PreviousValue\", \"NewValue\", "
			"\"ModificationTimestamp\", \"EntityEventSequence\", \"ChangeType\", mls_source, "
			"mls_origin, mls_source_key, mls_updated_at, mls_offices) "
			"SELECT pg_catalog.lpad(u.number::pg_catalog.text, 19, '0') || ':' || u.field, $1, "
			"u.key, u.field, $1 || '.' || u.field, u.old, u.new, pg_catalog.clock_timestamp(), "
			"u.number, u.type, u.source, 'mls_serve_history', u.key, pg_catalog.now(), "
			"u.offices::pg_catalog.text[] FROM u "
			"WHERE NOT (u.type = 'New Listing' AND u.key IN (SELECT b.key FROM back b)) IS TRUE "
			"ON CONFLICT DO NOTHING",
			batch->shape->history, batch->shape->history),
		mls_arg_text(batch->shape->resource), array_of(batch, HISTORY_KEY),
		array_of(batch, HISTORY_FIELD), array_of(batch, HISTORY_OLD), array_of(batch, HISTORY_NEW),
		array_of(batch, HISTORY_TYPE), array_of(batch, HISTORY_SOURCE),
		array_of(batch, HISTORY_OFFICES), sequences);
	mls_rights_leave(&before);
	MemoryContextReset(batch->memory);
	batch->n = 0;
}

static void
put(HistoryBatch *batch, HistoryColumn column, const char *text)
{
	batch->isnull[column][batch->n] = text == NULL;
	batch->values[column][batch->n] = text ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
add_row(HistoryBatch *batch, TupleTableSlot *record, const char *field, const char *old,
		const char *new, const char *type, const char *offices)
{
	const HistoryShape *shape = batch->shape;
	const char *key = text_at(record, shape->key);
	const char *source = text_at(record, shape->source);

	if (key == NULL || source == NULL)
		return;
	put(batch, HISTORY_KEY, key);
	put(batch, HISTORY_FIELD, field);
	put(batch, HISTORY_OLD, old);
	put(batch, HISTORY_NEW, new);
	put(batch, HISTORY_TYPE, type);
	put(batch, HISTORY_SOURCE, source);
	put(batch, HISTORY_OFFICES, offices);
	batch->n++;
}

/* A listing comes or goes: one row says so. */
static void
add_whole(HistoryBatch *batch, TupleTableSlot *record, bool deleted)
{
	const HistoryShape *shape = batch->shape;
	char *status;

	if (shape->status == 0)
		return;
	status = value_of(shape, record, shape->status - 1);
	add_row(batch, record, "StandardStatus", deleted ? status : NULL, deleted ? NULL : status,
			deleted ? "Deleted" : "New Listing", offices_of(shape, record, record));
}

/* What another source said of a record before is not told with it: its readers are others. */
static void
add_changes(HistoryBatch *batch, TupleTableSlot *old, TupleTableSlot *new)
{
	const HistoryShape *shape = batch->shape;
	bool taken_over = !is_same(shape, shape->source - 1, old, new);
	char *offices = NULL;

	for (int i = 0; i < shape->desc->natts; i++)
	{
		const char *field = NameStr(TupleDescAttr(shape->desc, i)->attname);
		char *before;
		char *after;

		if (!shape->is_kept[i] || is_same(shape, i, old, new))
			continue;
		if (offices == NULL)
			offices = offices_of(shape, old, new);
		before = taken_over ? NULL : value_of(shape, old, i);
		after = value_of(shape, new, i);
		add_row(batch, new, field, before, after, type_of_change(field, before, after), offices);
	}
}

/* A table has fewer columns than a batch has rows. */
static void
add_record(HistoryBatch *batch, TupleTableSlot *old, TupleTableSlot *new)
{
	MemoryContext before;

	if (batch->n + batch->shape->desc->natts > SOME_ROWS)
		write_batch(batch);
	before = MemoryContextSwitchTo(batch->memory);
	if (old != NULL && new != NULL && is_same(batch->shape, batch->shape->key - 1, old, new))
		add_changes(batch, old, new);
	else
	{
		if (old != NULL)
			add_whole(batch, old, true);
		if (new != NULL)
			add_whole(batch, new, false);
	}
	MemoryContextSwitchTo(before);
}

/* Of an update the old and the new rows come in the same order. */
static void
keep_rows(TriggerData *trigger, HistoryBatch *batch)
{
	TupleDesc desc = batch->shape->desc;
	Tuplestorestate *old_rows =
		TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? NULL : trigger->tg_oldtable;
	Tuplestorestate *new_rows =
		TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ? NULL : trigger->tg_newtable;
	TupleTableSlot *old = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	TupleTableSlot *new = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	int old_reader = old_rows ? mls_event_reader(old_rows) : 0;
	int new_reader = new_rows ? mls_event_reader(new_rows) : 0;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (old_rows != NULL && !mls_event_row(old_rows, old_reader, old))
			break;
		if (new_rows != NULL && !mls_event_row(new_rows, new_reader, new))
			break;
		add_record(batch, old_rows ? old : NULL, new_rows ? new : NULL);
	}
	write_batch(batch);
	ExecDropSingleTupleTableSlot(old);
	ExecDropSingleTupleTableSlot(new);
}

/* mls.log_history(resource), a trigger on a table of gold. */
Datum
mls_log_history(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HistoryShape *shape;

	if (!CALLED_AS_TRIGGER(fcinfo) || trigger->tg_trigger->tgnargs != 1 ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("mls.log_history() is a trigger of mls_serve_history()"));
	SPI_connect();
	shape = shape_of(trigger->tg_trigger->tgargs[0], trigger->tg_relation);
	if (shape != NULL)
	{
		HistoryBatch *batch = palloc(sizeof(HistoryBatch));

		batch->shape = shape;
		batch->n = 0;
		batch->memory = AllocSetContextCreate(CurrentMemoryContext, "mls.log_history() texts",
											  ALLOCSET_DEFAULT_SIZES);
		keep_rows(trigger, batch);
	}
	SPI_finish();
	return PointerGetDatum(NULL);
}
