/*
 * change.c
 *		The change log of gold: what differs between two versions of a row, and the
 *		trigger that writes it down.
 *
 * Values are compared as stored, before any is turned into JSON: of a row's
 * hundred fields few change, and only these cost something.  That happens in the
 * rights of who writes, for types of the table's columns may bring casts of their
 * owner; the log is written in ours, for it is no table of roles.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#include "step/subscription_row.h"
#include "step/transaction.h"

PG_FUNCTION_INFO_V1(mls_changed_fields);
PG_FUNCTION_INFO_V1(mls_log_changes);

/* Rows that are taken from a statement's at a time. */
#define SOME_ROWS 1000

/* Kept for the calls of a statement. */
typedef struct Shape
{
	TupleDesc desc;
	FmgrInfo *to_jsonb; /* by attribute; fn_oid is 0 before the first use */
	bool *is_ours;      /* by attribute: a column that is no field */
} Shape;

/* A version of the row; without values if there is none. */
typedef struct Version
{
	Datum *values;
	bool *isnull;
} Version;

static bool
is_own_column(const Form_pg_attribute att)
{
	return strncmp(NameStr(att->attname), "mls_", 4) == 0;
}

static Shape *
shape_of(FunctionCallInfo fcinfo, HeapTupleHeader row)
{
	Shape *shape = fcinfo->flinfo->fn_extra;
	MemoryContext before;
	TupleDesc desc;

	if (shape != NULL && shape->desc->tdtypeid == HeapTupleHeaderGetTypeId(row) &&
		shape->desc->tdtypmod == HeapTupleHeaderGetTypMod(row))
		return shape;
	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	before = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	shape = palloc0(sizeof(Shape));
	shape->desc = CreateTupleDescCopy(desc);
	shape->to_jsonb = palloc0(desc->natts * sizeof(FmgrInfo));
	shape->is_ours = palloc0(desc->natts * sizeof(bool));
	for (int i = 0; i < desc->natts; i++)
		shape->is_ours[i] =
			TupleDescAttr(desc, i)->attisdropped || is_own_column(TupleDescAttr(desc, i));
	MemoryContextSwitchTo(before);
	ReleaseTupleDesc(desc);
	fcinfo->flinfo->fn_extra = shape;
	return shape;
}

static Version
version_of(const Shape *shape, HeapTupleHeader row)
{
	Version version = {palloc(shape->desc->natts * sizeof(Datum)),
					   palloc(shape->desc->natts * sizeof(bool))};
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};

	heap_deform_tuple(&tuple, shape->desc, version.values, version.isnull);
	return version;
}

static Version
no_version(const Shape *shape)
{
	Version version = {palloc0(shape->desc->natts * sizeof(Datum)),
					   palloc(shape->desc->natts * sizeof(bool))};

	memset(version.isnull, true, shape->desc->natts * sizeof(bool));
	return version;
}

/*
 * Same in storage?  Of two spellings of one value (1.0 and 1.00) that says no,
 * which is right: a reader of gold sees the difference as well.
 */
static bool
is_same(const Shape *shape, int i, const Version *a, const Version *b)
{
	Form_pg_attribute att = TupleDescAttr(shape->desc, i);

	if (a->isnull[i] || b->isnull[i])
		return a->isnull[i] == b->isnull[i];
	return datum_image_eq(a->values[i], b->values[i], att->attbyval, att->attlen);
}

/* to_jsonb() looks for the type of its argument in the expression it is called by. */
static void
prepare_to_jsonb(FunctionCallInfo fcinfo, Shape *shape, int i)
{
	FmgrInfo *function = &shape->to_jsonb[i];
	Form_pg_attribute att = TupleDescAttr(shape->desc, i);
	MemoryContext before = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	Const *argument = makeConst(att->atttypid, att->atttypmod, att->attcollation, att->attlen,
								(Datum) 0, true, att->attbyval);

	fmgr_info_cxt(F_TO_JSONB, function, fcinfo->flinfo->fn_mcxt);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(argument), InvalidOid,
											 InvalidOid, COERCE_EXPLICIT_CALL),
					   function);
	MemoryContextSwitchTo(before);
}

static void
push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = pstrdup(text);
	value.val.string.len = strlen(text);
	pushJsonbValue(state, token, &value);
}

/* Values of the usual types, without the detour of to_jsonb(); false for others. */
static bool
plain_value(Oid type, Datum datum, JsonbValue *value)
{
	switch (type)
	{
		case TEXTOID:
		case VARCHAROID:
		{
			text *string = DatumGetTextPP(datum);

			value->type = jbvString;
			value->val.string.val = VARDATA_ANY(string);
			value->val.string.len = VARSIZE_ANY_EXHDR(string);
			return true;
		}
		case BOOLOID:
			value->type = jbvBool;
			value->val.boolean = DatumGetBool(datum);
			return true;
		case INT4OID:
		case INT8OID:
			value->type = jbvNumeric;
			value->val.numeric =
				int64_to_numeric(type == INT4OID ? DatumGetInt32(datum) : DatumGetInt64(datum));
			return true;
		case NUMERICOID:
			value->type = jbvNumeric;
			value->val.numeric = DatumGetNumeric(datum);
			return !numeric_is_nan(value->val.numeric) && !numeric_is_inf(value->val.numeric);
		default:
			return false;
	}
}

/* "old": value, or "new": value */
static void
push_version(FunctionCallInfo fcinfo, Shape *shape, int i, JsonbParseState **state,
			 const char *name, const Version *version)
{
	JsonbValue value = {.type = jbvNull};

	push_text(state, WJB_KEY, name);
	if (!version->isnull[i] &&
		!plain_value(TupleDescAttr(shape->desc, i)->atttypid, version->values[i], &value))
	{
		Jsonb *json;

		if (shape->to_jsonb[i].fn_oid == InvalidOid)
			prepare_to_jsonb(fcinfo, shape, i);
		json = DatumGetJsonbP(FunctionCall1(&shape->to_jsonb[i], version->values[i]));
		if (!JB_ROOT_IS_SCALAR(json) || !JsonbExtractScalar(&json->root, &value))
		{
			value.type = jbvBinary;
			value.val.binary.data = &json->root;
			value.val.binary.len = VARSIZE(json) - VARHDRSZ;
		}
	}
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* {"ListPrice": {"old": 1, "new": 2}, ...}; NULL if nothing differs. */
static Jsonb *
difference(FunctionCallInfo fcinfo, Shape *shape, const Version *old, const Version *new)
{
	JsonbParseState *state = NULL;
	int changed = 0;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < shape->desc->natts; i++)
	{
		if (shape->is_ours[i] || is_same(shape, i, old, new))
			continue;
		changed++;
		push_text(&state, WJB_KEY, NameStr(TupleDescAttr(shape->desc, i)->attname));
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		push_version(fcinfo, shape, i, &state, "old", old);
		push_version(fcinfo, shape, i, &state, "new", new);
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	if (changed == 0)
		return NULL;
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* mls.changed_fields(old, new): either may be NULL, a row that is not there. */
Datum
mls_changed_fields(PG_FUNCTION_ARGS)
{
	HeapTupleHeader old_row = PG_ARGISNULL(0) ? NULL : PG_GETARG_HEAPTUPLEHEADER(0);
	HeapTupleHeader new_row = PG_ARGISNULL(1) ? NULL : PG_GETARG_HEAPTUPLEHEADER(1);
	Shape *shape;
	Version old;
	Version new;
	Jsonb *json;

	if (old_row == NULL && new_row == NULL)
		PG_RETURN_NULL();
	shape = shape_of(fcinfo, old_row ? old_row : new_row);
	if (old_row && new_row &&
		(HeapTupleHeaderGetTypeId(old_row) != HeapTupleHeaderGetTypeId(new_row) ||
		 HeapTupleHeaderGetTypMod(old_row) != HeapTupleHeaderGetTypMod(new_row)))
		ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("two versions of a row must have the same type"));
	old = old_row ? version_of(shape, old_row) : no_version(shape);
	new = new_row ? version_of(shape, new_row) : no_version(shape);
	json = difference(fcinfo, shape, &old, &new);
	if (json == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(json);
}

/* ---- The trigger ---- */

static const char *
changes_sql(TriggerEvent event)
{
	if (TRIGGER_FIRED_BY_INSERT(event))
		return "SELECT n.mls_source_key, NULL::jsonb FROM mls_new n WHERE n.mls_source = $1";
	if (TRIGGER_FIRED_BY_DELETE(event))
		return "SELECT o.mls_source_key, mls.changed_fields(o, NULL) FROM mls_old o "
			   "WHERE o.mls_source = $1";
	return "SELECT c.mls_source_key, c.fields FROM "
		   "(SELECT n.mls_source_key, mls.changed_fields(o, n) AS fields FROM mls_new n "
		   "JOIN mls_old o ON o.mls_source_key = n.mls_source_key AND o.mls_source = n.mls_source "
		   "WHERE n.mls_source = $1 OFFSET 0) c WHERE c.fields IS NOT NULL";
}

static const char *
kind_of(TriggerEvent event)
{
	return TRIGGER_FIRED_BY_INSERT(event)   ? "insert"
		   : TRIGGER_FIRED_BY_DELETE(event) ? "delete"
											: "update";
}

/* What a statement has changed of a source, into the relation mls_logged. */
static void
take_changes(MlsTransition *logged, const char *sql, const char *source)
{
	Oid types[] = {TEXTOID};
	Datum source_value[] = {CStringGetTextDatum(source)};
	Portal portal = SPI_cursor_open_with_args(NULL, sql, 1, types, source_value, NULL, false, 0);

	for (;;)
	{
		SPI_cursor_fetch(portal, true, SOME_ROWS);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			Datum values[2];
			bool isnull[2];

			heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, isnull);
			mls_transition_put(logged, values, isnull);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
}

/* The run that this process is at work on, or NULL. */
static MlsArg
current_run(const MlsSubscription *sub)
{
	MlsArg run = {.type = INT8OID};

	mls_select("SELECT max(id) FROM mls.run WHERE subscription = $1 AND status = 'running' "
			   "AND pid = $2",
			   mls_arg_int8(sub->id), mls_arg_int4(MyProcPid));
	run.value = mls_cell(SPI_tuptable, 0, 1, &run.isnull);
	return run;
}

/*
 * Numbers are given out under a lock that is held until the commit: a later number
 * never becomes visible before an earlier one.
 */
static void
write_changes(const MlsSubscription *sub, const char *kind)
{
	MlsArg run = current_run(sub);

	mls_lock(MLS_LOCK_CHANGES, 0, ExclusiveLock);
	mls_sql_control(SPI_OK_INSERT,
					"INSERT INTO mls.change (at, run, owner, source, resource, key, kind, "
					"fields) SELECT pg_catalog.clock_timestamp(), $1, $2::pg_catalog.regrole, "
					"$3, $4, l.key, $5, l.fields FROM mls_logged l",
					run, mls_arg_oid(sub->owner), mls_arg_text(sub->source),
					mls_arg_text(sub->resource), mls_arg_text(kind));
}

/*
 * mls.log_changes(subscription), a trigger on tables of gold.  Who writes there for
 * another role does not see that one's subscription, and logs nothing for it.
 */
Datum
mls_log_changes(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	MlsTransition logged = {.name = "mls_logged"};
	MlsSubscription *sub;

	if (!CALLED_AS_TRIGGER(fcinfo) || trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("mls.log_changes() is a trigger of mls_track()"));
	SPI_connect();
	if (SPI_register_trigger_data(trigger) < 0)
		elog(ERROR, "could not register the rows of a trigger");
	sub = mls_subscription_by_id(pg_strtoint64(trigger->tg_trigger->tgargs[0]));
	if (sub != NULL && has_privs_of_role(GetUserId(), sub->owner))
	{
		logged.desc = CreateTemplateTupleDesc(2);
		TupleDescInitEntry(logged.desc, 1, "key", TEXTOID, -1, 0);
		TupleDescInitEntry(logged.desc, 2, "fields", JSONBOID, -1, 0);
		mls_transition_open(&logged);
		take_changes(&logged, changes_sql(trigger->tg_event), sub->source);
		if (logged.rows > 0)
			write_changes(sub, kind_of(trigger->tg_event));
		mls_transition_close(&logged);
	}
	SPI_finish();
	return PointerGetDatum(NULL);
}
