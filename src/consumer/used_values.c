/*
 * used_values.c
 *		Values of fields that occur in what a reader sees of a view.
 *
 * One pass for all fields of a view: in SQL each row would become as many rows as it
 * has values, and each of them be hashed with its names.  The view is read in the
 * rights of who asks, so it is his rows that are looked at.
 *
 * What takes time is not the values but the policies, above all of what belongs to
 * something.  Most rows bring no value that another, visible one has not brought: so a
 * condition leaves those out, mls.brings_news(), that is leakproof and comes before the
 * policies.  What it lets pass and the policies do too is noted, and so known to it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "compat.h"
#include "consumer/consumer.h"

PG_FUNCTION_INFO_V1(mls_used_values_sql);
PG_FUNCTION_INFO_V1(mls_brings_news_sql);

/* Rows that are noted at a time: the fewer, the sooner their values are known. */
#define SOME_ROWS 100

typedef struct UseKey
{
	int field;
	int length;
	const char *value;
} UseKey;

typedef struct Use
{
	UseKey key;
	TimestampTz first;
} Use;

static uint32
hash_use(const void *key, Size size)
{
	const UseKey *use = key;

	return hash_bytes((const unsigned char *) use->value, use->length) ^ (uint32) use->field * 31;
}

static int
compare_uses(const void *a, const void *b, Size size)
{
	const UseKey *x = a;
	const UseKey *y = b;

	return x->field == y->field && x->length == y->length &&
				   memcmp(x->value, y->value, x->length) == 0
			   ? 0
			   : 1;
}

/* Values that the pass at work in this process has noted; NULL when there is none. */
static HTAB *known_uses = NULL;

static void
note_use(HTAB *uses, MemoryContext memory, int field, Datum value, TimestampTz at)
{
	text *string = DatumGetTextPP(value);
	UseKey key = {field, VARSIZE_ANY_EXHDR(string), VARDATA_ANY(string)};
	bool found;
	Use *use = hash_search(uses, &key, HASH_ENTER, &found);

	if (found)
	{
		use->first = Min(use->first, at);
		return;
	}
	use->key.value = memcpy(MemoryContextAlloc(memory, key.length + 1), key.value, key.length);
	use->first = at;
}

/* Texts and lists of them; what is neither has no values. */
static void
note_value(HTAB *uses, MemoryContext memory, int field, Oid type, Datum value, TimestampTz at)
{
	Datum *elements;
	bool *isnull;
	int n;

	if (type == TEXTOID || type == VARCHAROID)
		note_use(uses, memory, field, value, at);
	if (type != TEXTARRAYOID)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &isnull, &n);
	for (int i = 0; i < n; i++)
	{
		if (!isnull[i])
			note_use(uses, memory, field, elements[i], at);
	}
}

static bool
is_news(int field, Datum value, TimestampTz at)
{
	text *string = DatumGetTextPP(value);
	UseKey key = {field, VARSIZE_ANY_EXHDR(string), VARDATA_ANY(string)};
	Use *use = hash_search(known_uses, &key, HASH_FIND, NULL);
	bool news = use == NULL || at < use->first;

	if ((Pointer) string != DatumGetPointer(value))
		pfree(string);
	return news;
}

static bool
is_any_news(int field, Oid type, Datum value, TimestampTz at)
{
	Datum *elements;
	bool *isnull;
	int n;

	if (type != TEXTARRAYOID)
		return (type == TEXTOID || type == VARCHAROID) && is_news(field, value, at);
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &isnull, &n);
	for (int i = 0; i < n; i++)
	{
		if (!isnull[i] && is_news(field, elements[i], at))
			return true;
	}
	return false;
}

/*
 * mls.brings_news(stamp, fields...): has a row a value that the pass at work has not noted, or
 * not with so early a stamp?  It tells the pass alone, and true to everybody else.
 */
Datum
mls_brings_news_sql(PG_FUNCTION_ARGS)
{
	Oid *types = fcinfo->flinfo->fn_extra;
	TimestampTz at =
		PG_ARGISNULL(0) ? GetCurrentTransactionStartTimestamp() : PG_GETARG_TIMESTAMPTZ(0);

	if (known_uses == NULL)
		PG_RETURN_BOOL(true);
	if (types == NULL)
	{
		types = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, PG_NARGS() * sizeof(Oid));
		for (int i = 1; i < PG_NARGS(); i++)
			types[i] = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, i));
		fcinfo->flinfo->fn_extra = types;
	}
	for (int i = 1; i < PG_NARGS(); i++)
	{
		if (!PG_ARGISNULL(i) && is_any_news(i - 1, types[i], PG_GETARG_DATUM(i), at))
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

static char *
select_fields(Oid view, const Datum *fields, int nfields, const char *stamp)
{
	StringInfoData sql;
	StringInfoData list;

	initStringInfo(&list);
	appendStringInfo(&list, "%s::pg_catalog.timestamptz", stamp ? quote_identifier(stamp) : "NULL");
	for (int i = 0; i < nfields; i++)
		appendStringInfo(&list, ", %s", quote_identifier(TextDatumGetCString(fields[i])));
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s FROM %s", list.data, mls_qualified_name(view));
	if (nfields < FUNC_MAX_ARGS)
		appendStringInfo(&sql, " WHERE mls.brings_news(%s)", list.data);
	return sql.data;
}

static void
read_view(HTAB *uses, MemoryContext memory, const char *sql, int nfields)
{
	Portal portal = SPI_cursor_open_with_args(NULL, sql, 0, NULL, NULL, NULL, true, 0);
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "mls.used_values() rows",
											   ALLOCSET_DEFAULT_SIZES);
	Datum *values = palloc((nfields + 1) * sizeof(Datum));
	bool *isnull = palloc((nfields + 1) * sizeof(bool));

	for (;;)
	{
		MemoryContext before;

		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, SOME_ROWS);
		if (SPI_processed == 0)
			break;
		before = MemoryContextSwitchTo(rows);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			TupleDesc desc = SPI_tuptable->tupdesc;

			heap_deform_tuple(SPI_tuptable->vals[i], desc, values, isnull);
			for (int f = 1; f <= nfields; f++)
			{
				if (!isnull[f])
					note_value(uses, memory, f - 1, TupleDescAttr(desc, f)->atttypid, values[f],
							   isnull[0] ? GetCurrentTransactionStartTimestamp()
										 : DatumGetTimestampTz(values[0]));
			}
		}
		MemoryContextSwitchTo(before);
		MemoryContextReset(rows);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	MemoryContextDelete(rows);
}

/*
 * A view runs code of those who made it, in the rights of who reads it.  So it has to be one
 * that an audience was shown, and the reader that audience.
 */
static void
require_audience(Oid view)
{
	mls_select_stable("SELECT FROM mls.served_audience v WHERE v.view = $1 AND "
					  "v.audience = current_user::pg_catalog.regrole",
					  mls_arg_oid(view));
	if (SPI_processed == 0)
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("%s is no view of an audience that you are", mls_qualified_name(view)));
}

/* mls.used_values(view, fields, stamp): (field, value, first) */
Datum
mls_used_values_sql(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext memory = CurrentMemoryContext;
	HASHCTL control = {.keysize = sizeof(UseKey),
					   .entrysize = sizeof(Use),
					   .hash = hash_use,
					   .match = compare_uses,
					   .hcxt = memory};
	HTAB *uses = hash_create("mls.used_values()", 1024, &control,
							 HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	HASH_SEQ_STATUS all;
	Datum *fields;
	int nfields;
	char *sql;
	Use *use;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &fields, NULL,
					  &nfields);
	sql = select_fields(PG_GETARG_OID(0), fields, nfields,
						PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)));
	SPI_connect();
	require_audience(PG_GETARG_OID(0));
	known_uses = uses;
	PG_TRY();
	{
		read_view(uses, memory, sql, nfields);
	}
	PG_FINALLY();
	{
		known_uses = NULL;
	}
	PG_END_TRY();
	SPI_finish();
	hash_seq_init(&all, uses);
	while ((use = hash_seq_search(&all)) != NULL)
	{
		Datum values[] = {
			fields[use->key.field],
			PointerGetDatum(cstring_to_text_with_len(use->key.value, use->key.length)),
			TimestampTzGetDatum(use->first)};
		bool isnull[] = {false, false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
	}
	hash_destroy(uses);
	return (Datum) 0;
}
