/*
 * insertion.c
 *		Rows that are new to a table, put there without a statement.
 *
 * As COPY does it: the rows that fit into a page of the table are written and logged
 * together, and each is formed once.  That is right only where an INSERT would do nothing
 * else: in an ordinary table without triggers, rules, policies, checks, generated columns
 * and defaults that would be needed, whose owner may be told by nobody else what is done to
 * it.  Around any other table, one that is partitioned or distributed for example, SQL has
 * to be asked.
 *
 * Whoever comes here believes that the rows are new.  The unique indexes know it, and raise
 * an error if not, so nothing has to be locked.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rel.h"

#include "compat.h"
#include "base/base.h"
#include "http/http.h"
#include "step/insertion.h"

/* More rows than fit into a page, unless they are very short; and memory for the long ones. */
#define MOST_ROWS 256
#define MOST_BYTES (1024 * 1024)

struct MlsInsertion
{
	Relation rel;
	ResultRelInfo *target;
	EState *estate;
	int natts;        /* of the form */
	AttrNumber *into; /* by column of the form: the table's, or 0 */
	bool keeps_form;
	TupleTableSlot *slots[MOST_ROWS];
	int nslots; /* made so far */
	int nrows;  /* that wait in them */
	Size bytes;
};

/* ---- Where it is allowed ---- */

/* Does nothing but what is done here happen when a row comes into a table? */
static bool
is_ordinary(Relation rel)
{
	const FormData_pg_class *class = rel->rd_rel;
	const TupleConstr *constraints = RelationGetDescr(rel)->constr;

	return class->relkind == RELKIND_RELATION && !class->relispartition && !class->relrowsecurity &&
		   !class->relhasrules && rel->trigdesc == NULL &&
		   rel->rd_tableam == GetHeapamTableAmRoutine() &&
		   (constraints == NULL || constraints->num_check == 0);
}

/* Is it the current role's to fill, with nobody who watches what statements do? */
static bool
is_permitted(Relation rel)
{
	const AclMode needed = ACL_INSERT | ACL_SELECT | ACL_UPDATE;

	return ExecutorCheckPerms_hook == NULL &&
		   pg_class_aclmask(RelationGetRelid(rel), GetUserId(), needed, ACLMASK_ALL) == needed;
}

/* A domain may have conditions. */
static bool
is_domain(Oid type)
{
	return type >= FirstNormalObjectId && get_typtype(type) == TYPTYPE_DOMAIN;
}

/* The column of a form that fills one of the table's, or -1; mostly they stand in one order. */
static int
find_column(TupleDesc form, const bool *absent, Form_pg_attribute att)
{
	int guess = att->attnum - 1;

	for (int i = 0; i < form->natts; i++)
	{
		int column = (guess + i) % form->natts;
		Form_pg_attribute from = TupleDescAttr(form, column);

		if (!from->attisdropped && !(absent && absent[column]) &&
			strcmp(NameStr(from->attname), NameStr(att->attname)) == 0)
			return column;
	}
	return -1;
}

/* Finds which column fills which; false if a row would not be just its values. */
static bool
match_columns(MlsInsertion *insertion, TupleDesc form, const bool *absent)
{
	TupleDesc desc = RelationGetDescr(insertion->rel);
	int matched = 0;
	int wanted = 0;

	insertion->natts = form->natts;
	insertion->into = palloc0(Max(form->natts, 1) * sizeof(AttrNumber));
	insertion->keeps_form = form->natts == desc->natts;
	for (int i = 0; i < form->natts; i++)
		wanted += !TupleDescAttr(form, i)->attisdropped && !(absent && absent[i]);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Form_pg_attribute from;
		int column;

		if (att->attisdropped)
			continue;
		if (att->attgenerated || att->attidentity || is_domain(att->atttypid))
			return false;
		column = find_column(form, absent, att);
		if (column < 0 && (att->atthasdef || att->attnotnull))
			return false;
		if (column < 0)
			continue;
		from = TupleDescAttr(form, column);
		if (from->atttypid != att->atttypid ||
			(att->atttypmod >= 0 && from->atttypmod != att->atttypmod))
			return false;
		insertion->into[column] = att->attnum;
		insertion->keeps_form &= column == i;
		matched++;
	}
	return matched == wanted;
}

/* Do its indexes judge a row when it comes? */
static bool
has_plain_indexes(const ResultRelInfo *target)
{
	for (int i = 0; i < target->ri_NumIndices; i++)
		if (!target->ri_IndexRelationDescs[i]->rd_index->indimmediate ||
			target->ri_IndexRelationInfo[i]->ii_ExclusionOps != NULL)
			return false;
	return true;
}

/* ---- Rows ---- */

static void
close_target(MlsInsertion *insertion)
{
	if (insertion->target != NULL)
		ExecCloseIndices(insertion->target);
	for (int i = 0; i < insertion->nslots; i++)
		ExecDropSingleTupleTableSlot(insertion->slots[i]);
	if (insertion->estate != NULL)
		FreeExecutorState(insertion->estate);
	table_close(insertion->rel, NoLock);
	pfree(insertion);
}

MlsInsertion *
mls_insertion_begin(Oid table, TupleDesc form, const bool *absent)
{
	MlsInsertion *insertion = palloc0(sizeof(MlsInsertion));

	insertion->rel = table_open(table, RowExclusiveLock);
	if (!is_ordinary(insertion->rel) || !is_permitted(insertion->rel) ||
		!match_columns(insertion, form, absent))
	{
		close_target(insertion);
		return NULL;
	}
	insertion->estate = CreateExecutorState();
	insertion->target = makeNode(ResultRelInfo);
	InitResultRelInfo(insertion->target, insertion->rel, 0, NULL, 0);
	ExecOpenIndices(insertion->target, false);
	if (!has_plain_indexes(insertion->target))
	{
		close_target(insertion);
		return NULL;
	}
	return insertion;
}

bool
mls_insertion_keeps_form(const MlsInsertion *insertion)
{
	return insertion->keeps_form;
}

/* Writes the rows that wait. */
static void
write_rows(MlsInsertion *insertion)
{
	EState *estate = insertion->estate;
	MemoryContext before = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));

	CHECK_FOR_INTERRUPTS();
	/* It leaves behind what it has made of the rows. */
	table_multi_insert(insertion->rel, insertion->slots, insertion->nrows,
					   GetCurrentCommandId(true), 0, NULL);
	MemoryContextSwitchTo(before);
	ResetPerTupleExprContext(estate);
	for (int i = 0; i < insertion->nrows; i++)
	{
		if (insertion->target->ri_NumIndices > 0)
			(void) mls_insert_index_tuples(insertion->target, insertion->slots[i], estate);
		ResetPerTupleExprContext(estate);
		ExecClearTuple(insertion->slots[i]);
	}
	insertion->nrows = 0;
	insertion->bytes = 0;
}

static TupleTableSlot *
next_slot(MlsInsertion *insertion)
{
	MemoryContext before;

	if (insertion->nrows == MOST_ROWS || insertion->bytes >= MOST_BYTES)
		write_rows(insertion);
	if (insertion->nrows == insertion->nslots)
	{
		before = MemoryContextSwitchTo(insertion->estate->es_query_cxt);
		insertion->slots[insertion->nslots++] = table_slot_create(insertion->rel, NULL);
		MemoryContextSwitchTo(before);
	}
	return insertion->slots[insertion->nrows++];
}

/* An index over the column cannot tell, so it is told here. */
static void
require_values(const MlsInsertion *insertion, const TupleTableSlot *slot)
{
	TupleDesc desc = RelationGetDescr(insertion->rel);

	for (int i = 0; i < desc->natts; i++)
		if (slot->tts_isnull[i] && TupleDescAttr(desc, i)->attnotnull &&
			!TupleDescAttr(desc, i)->attisdropped)
			ereport(ERROR, errcode(ERRCODE_NOT_NULL_VIOLATION),
					errmsg("null value in column \"%s\" of relation \"%s\" violates not-null "
						   "constraint",
						   NameStr(TupleDescAttr(desc, i)->attname),
						   RelationGetRelationName(insertion->rel)));
}

TupleTableSlot *
mls_insertion_put(MlsInsertion *insertion, const Datum *values, const bool *isnull)
{
	TupleTableSlot *slot = next_slot(insertion);

	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	for (int i = 0; i < insertion->natts; i++)
	{
		int attnum = insertion->into[i];

		if (attnum == 0)
			continue;
		slot->tts_values[attnum - 1] = values[i];
		slot->tts_isnull[attnum - 1] = isnull[i];
	}
	require_values(insertion, slot);
	ExecStoreVirtualTuple(slot);
	ExecMaterializeSlot(slot);
	insertion->bytes += ((HeapTupleTableSlot *) slot)->tuple->t_len;
	return slot;
}

void
mls_insertion_end(MlsInsertion *insertion)
{
	if (insertion->nrows > 0)
		write_rows(insertion);
	close_target(insertion);
	CommandCounterIncrement();
}

/* ---- Rows of a query ---- */

typedef struct Receiver
{
	DestReceiver receiver;
	MlsInsertion *insertion;
} Receiver;

static void
begin_rows(DestReceiver *self, int operation, TupleDesc desc)
{
}

static bool
take_row(TupleTableSlot *slot, DestReceiver *self)
{
	slot_getallattrs(slot);
	(void) mls_insertion_put(((Receiver *) self)->insertion, slot->tts_values, slot->tts_isnull);
	return true;
}

static void
end_rows(DestReceiver *self)
{
}

bool
mls_insertion_query(Oid table, SPIPlanPtr query)
{
	const CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(query));
	Receiver receiver = {.receiver = {.receiveSlot = take_row,
									  .rStartup = begin_rows,
									  .rShutdown = end_rows,
									  .rDestroy = end_rows,
									  .mydest = DestTuplestore}};
	SPIExecuteOptions options = {.dest = &receiver.receiver};
	int code;

	receiver.insertion = mls_insertion_begin(table, source->resultDesc, NULL);
	if (receiver.insertion == NULL)
		return false;
	mls_http_pump();
	code = SPI_execute_plan_extended(query, &options);
	if (code != SPI_OK_SELECT)
		elog(ERROR, "unexpected result of a prepared query: %s", SPI_result_code_string(code));
	mls_insertion_end(receiver.insertion);
	return true;
}
