/*
 * row_function.c
 *		mls_row(anyelement, json): one record as a row, in SQL.
 *
 * The row type is that of the first argument, whose value does not count:
 * mls_row(NULL::trestle.property, record).  For a foreign table the column
 * options say which field goes where; for any other row type a column takes the
 * field of its own name.  Values that do not fit are null.  Nothing is asked of
 * the source, so silver can be rebuilt from bronze while it cannot be reached.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "compat.h"
#include "options/options.h"

PG_FUNCTION_INFO_V1(mls_row);

/* What is kept from call to call of one expression. */
typedef struct RowState
{
	TupleDesc desc;
	MlsRowMap *map;
} RowState;

/* Each column takes the field of its own name. */
static const char **
own_names(TupleDesc desc)
{
	const char **names = palloc0(Max(desc->natts, 1) * sizeof(char *));

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			names[i] = NameStr(TupleDescAttr(desc, i)->attname);
	return names;
}

static RowState *
make_state(FunctionCallInfo fcinfo)
{
	Oid type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	RowState *state = palloc0(sizeof(RowState));
	Oid relid;

	if (!OidIsValid(type) || get_typtype(type) != TYPTYPE_COMPOSITE)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("first argument of %s must be of a row type", "mls_row"),
						errhint("Write, for example, mls_row(NULL::schema.table, record).")));
	state->desc = lookup_rowtype_tupdesc_copy(type, -1);
	relid = get_typ_typrelid(type);
	if (get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE)
	{
		MlsTable *table = mls_table_get(relid, GetUserId(), false);

		state->map = mls_row_map(state->desc, mls_table_fields(table), table->source->timezone);
	}
	else
		state->map = mls_row_map(state->desc, own_names(state->desc), NULL);
	MemoryContextSwitchTo(old);
	return state;
}

/* The text of a json value as page reading wants it: in UTF-8, with spare room. */
static char *
copy_json(text *json, Size *length)
{
	int stored = VARSIZE_ANY_EXHDR(json);
	char *utf8 = pg_server_to_any(VARDATA_ANY(json), stored, PG_UTF8);
	char *copy;

	*length = utf8 == VARDATA_ANY(json) ? stored : strlen(utf8);
	copy = palloc(*length + 16);
	memcpy(copy, utf8, *length);
	memset(copy + *length, 0, 16);
	return copy;
}

Datum
mls_row(PG_FUNCTION_ARGS)
{
	RowState *state = fcinfo->flinfo->fn_extra;
	MlsPage *page;
	Datum *values;
	bool *isnull;
	char *json;
	Size length;

	if (state == NULL)
		state = fcinfo->flinfo->fn_extra = make_state(fcinfo);
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	json = copy_json(PG_GETARG_TEXT_PP(1), &length);
	page = mls_page_read(json, length, NULL, "record");
	values = palloc0(Max(state->desc->natts, 1) * sizeof(Datum));
	isnull = palloc(Max(state->desc->natts, 1) * sizeof(bool));
	mls_row_fill(state->map, &page->records[0], values, isnull, NULL, NULL);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(state->desc, values, isnull)));
}
