/*
 * insertion.c
 *		Rows that are new to a table, put there without a statement.
 *
 * As COPY does it: the rows that fit into a page of the table are written and logged
 * together, and each is formed once.  That is right only where an INSERT would do nothing
 * else: in an ordinary table without triggers, rules, policies, checks, generated columns
 * and defaults that would be needed, whose owner may be told by nobody else what is done to
 * it.  A table in partitions by columns is as ordinary as they are: each of those that rows
 * go to is filled by an insertion of its own.  Around any other table, one that is
 * distributed for example, SQL has to be asked.
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
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/partcache.h"
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
	/* Of a table in partitions, which has no rows itself: */
	TupleDesc form;
	const bool *absent;
	int *keys;   /* the columns of the form that partitions are told by; else NULL */
	List *parts; /* of MlsInsertion *: partitions that rows went to */
	/* Of any other: */
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

	return !class->relrowsecurity && !class->relhasrules && rel->trigdesc == NULL &&
		   (class->relkind == RELKIND_PARTITIONED_TABLE ||
			(class->relkind == RELKIND_RELATION && rel->rd_tableam == GetHeapamTableAmRoutine())) &&
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

/* Finds the columns by which partitions are told; false if they are told otherwise. */
static bool
find_keys(MlsInsertion *insertion)
{
	PartitionKey key = RelationGetPartitionKey(insertion->rel);
	TupleDesc desc = RelationGetDescr(insertion->rel);

	if (key->strategy != PARTITION_STRATEGY_HASH && key->strategy != PARTITION_STRATEGY_RANGE)
		return false;
	insertion->keys = palloc(key->partnatts * sizeof(int));
	for (int i = 0; i < key->partnatts; i++)
	{
		if (key->partattrs[i] == 0)
			return false;
		insertion->keys[i] = find_column(insertion->form, insertion->absent,
										 TupleDescAttr(desc, key->partattrs[i] - 1));
		if (insertion->keys[i] < 0)
			return false;
	}
	return true;
}

/* Do its indexes judge a row when it comes, and one of them whether it is new? */
static bool
has_plain_indexes(const ResultRelInfo *target)
{
	bool is_unique = false;

	for (int i = 0; i < target->ri_NumIndices; i++)
	{
		const FormData_pg_index *index = target->ri_IndexRelationDescs[i]->rd_index;

		if (!index->indimmediate || target->ri_IndexRelationInfo[i]->ii_ExclusionOps != NULL)
			return false;
		is_unique |= index->indisunique && index->indisvalid &&
					 target->ri_IndexRelationInfo[i]->ii_Predicate == NIL;
	}
	return is_unique;
}

/* ---- Rows ---- */

static void
close_target(MlsInsertion *insertion)
{
	ListCell *lc;

	foreach (lc, insertion->parts)
		close_target(lfirst(lc));
	if (insertion->target != NULL)
		ExecCloseIndices(insertion->target);
	for (int i = 0; i < insertion->nslots; i++)
		ExecDropSingleTupleTableSlot(insertion->slots[i]);
	if (insertion->estate != NULL)
		FreeExecutorState(insertion->estate);
	table_close(insertion->rel, NoLock);
	pfree(insertion);
}

/* Who may fill a table may fill its partitions through it. */
static MlsInsertion *
begin(Oid table, TupleDesc form, const bool *absent, bool is_part)
{
	MlsInsertion *insertion = palloc0(sizeof(MlsInsertion));

	insertion->form = form;
	insertion->absent = absent;
	insertion->rel = table_open(table, RowExclusiveLock);
	if (insertion->rel->rd_rel->relispartition != is_part || !is_ordinary(insertion->rel) ||
		(!is_part && !is_permitted(insertion->rel)) || !match_columns(insertion, form, absent))
	{
		close_target(insertion);
		return NULL;
	}
	if (insertion->rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
	{
		if (find_keys(insertion))
			return insertion;
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

MlsInsertion *
mls_insertion_begin(Oid table, TupleDesc form, const bool *absent)
{
	return begin(table, form, absent, false);
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

/* The partition that a row belongs to. */
static Oid
partition_for(const MlsInsertion *insertion, const Datum *values, const bool *isnull)
{
	PartitionKey key = RelationGetPartitionKey(insertion->rel);
	PartitionDesc desc = RelationGetPartitionDesc(insertion->rel, true);
	PartitionBoundInfo bounds = desc->boundinfo;
	Datum told[PARTITION_MAX_KEYS];
	bool missing[PARTITION_MAX_KEYS];
	bool has_all = true;
	bool is_equal;
	int part = -1;

	for (int i = 0; i < key->partnatts; i++)
	{
		told[i] = values[insertion->keys[i]];
		missing[i] = isnull[insertion->keys[i]];
		has_all &= !missing[i];
	}
	if (desc->nparts > 0 && key->strategy == PARTITION_STRATEGY_HASH)
		part = bounds->indexes[compute_partition_hash_value(key->partnatts, key->partsupfunc,
															key->partcollation, told, missing) %
							   bounds->nindexes];
	else if (desc->nparts > 0 && has_all)
		part =
			bounds->indexes[partition_range_datum_bsearch(key->partsupfunc, key->partcollation,
														  bounds, key->partnatts, told, &is_equal) +
							1];
	if (desc->nparts > 0 && part < 0)
		part = bounds->default_index;
	if (part < 0)
		ereport(ERROR, errcode(ERRCODE_CHECK_VIOLATION),
				errmsg("no partition of relation \"%s\" found for row",
					   RelationGetRelationName(insertion->rel)));
	return desc->oids[part];
}

static MlsInsertion *
known_part(const MlsInsertion *insertion, Oid partition)
{
	ListCell *lc;

	foreach (lc, insertion->parts)
		if (RelationGetRelid(((MlsInsertion *) lfirst(lc))->rel) == partition)
			return lfirst(lc);
	return NULL;
}

/* A partition around which something stands is an error of class 23: who is told of it asks SQL. */
static MlsInsertion *
begin_part(MlsInsertion *insertion, Oid partition)
{
	MemoryContext before = MemoryContextSwitchTo(GetMemoryChunkContext(insertion));
	MlsInsertion *part = begin(partition, insertion->form, insertion->absent, true);

	if (part == NULL || part->keeps_form != insertion->keeps_form)
		ereport(ERROR, errcode(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION),
				errmsg("rows cannot be put into partition %s as they are",
					   mls_qualified_name(partition)));
	insertion->parts = lappend(insertion->parts, part);
	MemoryContextSwitchTo(before);
	return part;
}

/* Where a row goes.  While a partition is being locked another may come into being. */
static MlsInsertion *
part_for(MlsInsertion *insertion, const Datum *values, const bool *isnull)
{
	for (;;)
	{
		Oid partition = partition_for(insertion, values, isnull);
		MlsInsertion *part = known_part(insertion, partition);

		if (part != NULL)
			return part;
		begin_part(insertion, partition);
	}
}

TupleTableSlot *
mls_insertion_put(MlsInsertion *insertion, const Datum *values, const bool *isnull)
{
	TupleTableSlot *slot;

	if (insertion->keys != NULL)
		return mls_insertion_put(part_for(insertion, values, isnull), values, isnull);
	slot = next_slot(insertion);
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

static void
write_all(MlsInsertion *insertion)
{
	ListCell *lc;

	foreach (lc, insertion->parts)
		write_all(lfirst(lc));
	if (insertion->nrows > 0)
		write_rows(insertion);
}

void
mls_insertion_end(MlsInsertion *insertion)
{
	write_all(insertion);
	close_target(insertion);
	CommandCounterIncrement();
}

/* ---- Rows of a query ---- */

typedef struct Receiver
{
	DestReceiver receiver;
	TupleDesc form; /* for which the insertion was begun */
	MlsInsertion *insertion;
} Receiver;

/* A plan is made anew where a table of its query has been changed; then rows may come in another form. */
static void
begin_rows(DestReceiver *self, int operation, TupleDesc desc)
{
	TupleDesc form = ((Receiver *) self)->form;
	bool same = desc->natts == form->natts;

	for (int i = 0; i < desc->natts && same; i++)
		same = TupleDescAttr(desc, i)->atttypid == TupleDescAttr(form, i)->atttypid &&
			   TupleDescAttr(desc, i)->atttypmod == TupleDescAttr(form, i)->atttypmod;
	if (!same)
		ereport(ERROR, errcode(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION),
				errmsg("a table was changed while rows were made of it"));
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

	receiver.form = CreateTupleDescCopy(source->resultDesc);
	receiver.insertion = mls_insertion_begin(table, receiver.form, NULL);
	if (receiver.insertion == NULL)
		return false;
	mls_http_pump();
	code = SPI_execute_plan_extended(query, &options);
	if (code != SPI_OK_SELECT)
		elog(ERROR, "unexpected result of a prepared query: %s", SPI_result_code_string(code));
	mls_insertion_end(receiver.insertion);
	return true;
}
