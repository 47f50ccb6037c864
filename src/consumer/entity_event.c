/*
 * entity_event.c
 *		The trigger that notes which records of gold changed.
 *
 * It reads what a statement has written where the server keeps it for triggers, without
 * SQL: whoever may write gold need not be able to call anything of ours.  The events are
 * written as the owner of the control tables.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "base/base.h"
#include "consumer/consumer.h"

PG_FUNCTION_INFO_V1(mls_log_events);
PG_FUNCTION_INFO_V1(mls_lock_events_sql);

/* Records that are noted at a time. */
#define SOME_RECORDS 5000
#define MOST_OFFICES 8
#define MOST_PARENTS 8

/* Columns of a table of gold that an event is made of; 0: the table has none. */
typedef struct EventShape
{
	char *resource;
	AttrNumber key;
	AttrNumber source;
	AttrNumber offices[MOST_OFFICES];
	int noffices;
	AttrNumber parent_keys[MOST_PARENTS];
	char *parents[MOST_PARENTS]; /* *: the column parent_name says which */
	int nparents;
	AttrNumber parent_name;
} EventShape;

typedef struct EventBatch
{
	const EventShape *shape;
	MemoryContext memory; /* of its texts */
	bool deleted;
	int n;
	Datum keys[SOME_RECORDS];
	Datum sources[SOME_RECORDS];
	Datum offices[SOME_RECORDS];
	Datum parents[SOME_RECORDS];
	Datum parent_keys[SOME_RECORDS];
	Datum all_parents[SOME_RECORDS];
	bool none[SOME_RECORDS];
	bool no_parent[SOME_RECORDS];
	bool no_parent_key[SOME_RECORDS];
} EventBatch;

Datum
mls_lock_events_sql(PG_FUNCTION_ARGS)
{
	mls_lock(MLS_LOCK_CHANGES, 0, ExclusiveLock);
	PG_RETURN_VOID();
}

/* ---- What is read ---- */

/* A column of texts. */
AttrNumber
mls_event_column(TupleDesc desc, const char *name)
{
	for (int i = 0; name != NULL && i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && strcmp(NameStr(att->attname), name) == 0)
			return att->atttypid == TEXTOID || att->atttypid == VARCHAROID ? att->attnum : 0;
	}
	return 0;
}

/* The texts of an array that SQL has found. */
static int
texts_at(int column, Datum **texts)
{
	bool isnull;
	int n;

	deconstruct_array(DatumGetArrayTypeP(mls_cell(SPI_tuptable, 0, column, &isnull)), TEXTOID, -1,
					  false, TYPALIGN_INT, texts, NULL, &n);
	return n;
}

/* NULL unless the table is that of the resource. */
static EventShape *
shape_of(const char *resource, Relation gold)
{
	TupleDesc desc = RelationGetDescr(gold);
	EventShape *shape = palloc0(sizeof(EventShape));
	MlsRights before;
	Datum *texts;
	Datum *resources;
	int n;

	mls_rights_enter_control(&before);
	mls_select("SELECT f.key_field, f.parent_fields, f.parents, f.office_fields, "
			   "mls.gold_table($1)::pg_catalog.oid FROM mls.event_fields($1) f",
			   mls_arg_text(resource));
	mls_rights_leave(&before);
	if (SPI_processed != 1 || mls_text_at(0, 1) == NULL ||
		mls_oid_at(0, 5) != RelationGetRelid(gold))
		return NULL;
	shape->resource = pstrdup(resource);
	shape->key = mls_event_column(desc, mls_text_at(0, 1));
	shape->source = mls_event_column(desc, "mls_source");
	shape->parent_name = mls_event_column(desc, "ResourceName");
	n = texts_at(2, &texts);
	(void) texts_at(3, &resources);
	for (int i = 0; i < n && i < MOST_PARENTS; i++)
	{
		shape->parent_keys[i] = mls_event_column(desc, TextDatumGetCString(texts[i]));
		shape->parents[i] = TextDatumGetCString(resources[i]);
		shape->nparents++;
	}
	n = texts_at(4, &texts);
	for (int i = 0; i < n && shape->noffices < MOST_OFFICES; i++)
	{
		AttrNumber column = mls_event_column(desc, TextDatumGetCString(texts[i]));

		if (column != 0)
			shape->offices[shape->noffices++] = column;
	}
	return shape->key != 0 && shape->source != 0 ? shape : NULL;
}

static Datum
text_of(TupleTableSlot *slot, AttrNumber column, bool *isnull)
{
	if (column == 0 || slot->tts_isnull[column - 1])
	{
		*isnull = true;
		return (Datum) 0;
	}
	*isnull = false;
	return PointerGetDatum(cstring_to_text(TextDatumGetCString(slot->tts_values[column - 1])));
}

/* Texts as an array, and that as a text. */
static Datum
array_text(Datum *texts, int n)
{
	ArrayType *array = construct_array(texts, n, TEXTOID, -1, false, TYPALIGN_INT);

	return CStringGetTextDatum(OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(array)));
}

static Datum
offices_of(const EventShape *shape, TupleTableSlot *slot)
{
	Datum offices[MOST_OFFICES];
	int n = 0;

	for (int i = 0; i < shape->noffices; i++)
	{
		bool isnull;

		offices[n] = text_of(slot, shape->offices[i], &isnull);
		if (!isnull)
			n++;
	}
	return array_text(offices, n);
}

/* Of which resource is what it belongs to?  As the policies have it: what says nothing is of a listing. */
static Datum
parent_of(const EventShape *shape, int parent, TupleTableSlot *slot)
{
	bool isnull;
	Datum name;

	if (strcmp(shape->parents[parent], "*") != 0)
		return CStringGetTextDatum(shape->parents[parent]);
	name = text_of(slot, shape->parent_name, &isnull);
	return isnull ? CStringGetTextDatum("Property") : name;
}

/* {Teams/T1,Member/M1} */
static Datum
parents_of(const EventShape *shape, TupleTableSlot *slot)
{
	Datum parents[MOST_PARENTS];
	int n = 0;

	for (int i = 0; i < shape->nparents; i++)
	{
		bool isnull;
		Datum key = text_of(slot, shape->parent_keys[i], &isnull);

		if (!isnull)
			parents[n++] = CStringGetTextDatum(psprintf(
				"%s/%s", TextDatumGetCString(parent_of(shape, i, slot)), TextDatumGetCString(key)));
	}
	return array_text(parents, n);
}

/* Has anything changed but what we note of the row ourselves? */
static bool
is_changed(TupleDesc desc, TupleTableSlot *old, TupleTableSlot *new)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped || strcmp(NameStr(att->attname), "mls_updated_at") == 0)
			continue;
		if (old->tts_isnull[i] != new->tts_isnull[i])
			return true;
		if (!old->tts_isnull[i] &&
			!datum_image_eq(old->tts_values[i], new->tts_values[i], att->attbyval, att->attlen))
			return true;
	}
	return false;
}

/* ---- What is written ---- */

static MlsArg
array_of(Datum *values, bool *isnull, int n)
{
	int dimension[] = {n};
	int lower[] = {1};

	return mls_arg(TEXTARRAYOID,
				   PointerGetDatum(construct_md_array(values, isnull, 1, dimension, lower, TEXTOID,
													  -1, false, TYPALIGN_INT)));
}

static void
write_batch(EventBatch *batch)
{
	MlsRights before;

	if (batch->n == 0)
		return;
	mls_rights_enter_control(&before);
	mls_select("SELECT mls.note_events(current_user::pg_catalog.regrole, $1, $2, $3, $4, $5, $6, "
			   "$7, $8)",
			   mls_arg_text(batch->shape->resource), mls_arg_bool(batch->deleted),
			   array_of(batch->keys, batch->none, batch->n),
			   array_of(batch->sources, batch->none, batch->n),
			   array_of(batch->offices, batch->none, batch->n),
			   array_of(batch->parents, batch->no_parent, batch->n),
			   array_of(batch->parent_keys, batch->no_parent_key, batch->n),
			   array_of(batch->all_parents, batch->none, batch->n));
	mls_rights_leave(&before);
	SPI_freetuptable(SPI_tuptable);
	MemoryContextReset(batch->memory);
	batch->n = 0;
}

/* False: nothing to note. */
static bool
take_record(EventBatch *batch, TupleTableSlot *slot)
{
	const EventShape *shape = batch->shape;
	int i = batch->n;
	bool isnull;

	batch->keys[i] = text_of(slot, shape->key, &isnull);
	if (isnull)
		return false;
	batch->sources[i] = text_of(slot, shape->source, &isnull);
	if (isnull)
		return false;
	batch->offices[i] = offices_of(shape, slot);
	batch->all_parents[i] = parents_of(shape, slot);
	batch->parent_keys[i] = text_of(slot, shape->parent_keys[0], &batch->no_parent_key[i]);
	batch->no_parent[i] = shape->nparents == 0;
	if (shape->nparents > 0)
		batch->parents[i] = parent_of(shape, 0, slot);
	return true;
}

static void
add_record(EventBatch *batch, TupleTableSlot *slot)
{
	MemoryContext before = MemoryContextSwitchTo(batch->memory);
	bool taken = take_record(batch, slot);

	MemoryContextSwitchTo(before);
	if (taken && ++batch->n == SOME_RECORDS)
		write_batch(batch);
}

static EventBatch *
new_batch(const EventShape *shape, bool deleted)
{
	EventBatch *batch = palloc0(sizeof(EventBatch));

	batch->shape = shape;
	batch->deleted = deleted;
	batch->memory = AllocSetContextCreate(CurrentMemoryContext, "mls.log_events() texts",
										  ALLOCSET_DEFAULT_SIZES);
	return batch;
}

/* One that reads a statement's rows from the first on, beside others that do. */
int
mls_event_reader(Tuplestorestate *rows)
{
	int reader = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);

	tuplestore_select_read_pointer(rows, reader);
	tuplestore_rescan(rows);
	return reader;
}

bool
mls_event_row(Tuplestorestate *rows, int reader, TupleTableSlot *slot)
{
	tuplestore_select_read_pointer(rows, reader);
	if (!tuplestore_gettupleslot(rows, true, false, slot))
		return false;
	slot_getallattrs(slot);
	return true;
}

/* Of an update the old and the new rows come in the same order. */
static void
note_rows(TriggerData *trigger, EventBatch *batch)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	Tuplestorestate *rows = batch->deleted ? trigger->tg_oldtable : trigger->tg_newtable;
	Tuplestorestate *old_rows =
		TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_oldtable : NULL;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	TupleTableSlot *old = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	int reader = mls_event_reader(rows);
	int old_reader = old_rows ? mls_event_reader(old_rows) : 0;

	while (mls_event_row(rows, reader, slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (old_rows != NULL && mls_event_row(old_rows, old_reader, old))
		{
			if (!is_changed(desc, old, slot))
				continue;
			/* A record with another key: the one before is gone. */
			if (!datum_image_eq(old->tts_values[batch->shape->key - 1],
								slot->tts_values[batch->shape->key - 1], false, -1))
			{
				EventBatch *gone = new_batch(batch->shape, true);

				add_record(gone, old);
				write_batch(gone);
				MemoryContextDelete(gone->memory);
				pfree(gone);
			}
		}
		add_record(batch, slot);
	}
	write_batch(batch);
	ExecDropSingleTupleTableSlot(slot);
	ExecDropSingleTupleTableSlot(old);
}

/* What a table had, without a row for each. */
static void
note_end(const EventShape *shape)
{
	MlsRights before;

	mls_rights_enter_control(&before);
	mls_select("SELECT mls.end_events(current_user::pg_catalog.regrole, $1, "
			   "mls.last_event(current_user::pg_catalog.regrole))",
			   mls_arg_text(shape->resource));
	mls_rights_leave(&before);
}

/* mls.log_events(resource), a trigger on a table of gold. */
Datum
mls_log_events(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	EventShape *shape;

	if (!CALLED_AS_TRIGGER(fcinfo) || trigger->tg_trigger->tgnargs != 1 ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("mls.log_events() is a trigger of mls_serve_events()"));
	SPI_connect();
	shape = shape_of(trigger->tg_trigger->tgargs[0], trigger->tg_relation);
	if (shape != NULL && TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		note_end(shape);
	else if (shape != NULL)
		note_rows(trigger, new_batch(shape, TRIGGER_FIRED_BY_DELETE(trigger->tg_event)));
	SPI_finish();
	return PointerGetDatum(NULL);
}
