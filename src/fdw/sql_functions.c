/*
 * sql_functions.c
 *		What SQL can have of a source without a scan: a record as a row, the files of
 *		a record, the fields of a metadata document.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "compat.h"
#include "options/options.h"
#include "base/base.h"
#include "protocol/protocol.h"

PG_FUNCTION_INFO_V1(mls_row);
PG_FUNCTION_INFO_V1(mls_objects);
PG_FUNCTION_INFO_V1(mls_metadata);
PG_FUNCTION_INFO_V1(mls_metadata_findings);

/*
 * ---- mls_row(anyelement, json): one record as a row ----
 *
 * The row type is that of the first argument, whose value does not count:
 * mls_row(NULL::trestle.property, record).  For a foreign table the column
 * options say which field goes where; for any other row type a column takes the
 * field of its own name.  Values that do not fit are null.  Nothing is asked of
 * the source, so silver can be rebuilt from bronze while it cannot be reached.
 */

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
		mls_table_written(table, state->map, mls_table_fields(table), state->desc->natts);
	}
	else
		state->map = mls_row_map(state->desc, own_names(state->desc), NULL);
	MemoryContextSwitchTo(old);
	return state;
}

/* The text of a json value as page reading wants it: with spare room. */
static char *
copy_json(text *json, Size *length)
{
	char *copy;

	*length = VARSIZE_ANY_EXHDR(json);
	copy = palloc(*length + 16);
	memcpy(copy, VARDATA_ANY(json), *length);
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

/* ---- mls_metadata, mls_metadata_findings: what is in a document that the caller has ---- */

/* Reads the document in the first argument as the protocol in the second has them. */
static MlsRemoteSchema *
read_argument(FunctionCallInfo fcinfo)
{
	text *document = PG_GETARG_TEXT_PP(0);
	char *protocol_name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const MlsProtocol *protocol = mls_protocol_find(protocol_name);

	if (protocol == NULL || protocol->read_metadata == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("protocol \"%s\" does not exist", protocol_name)));
	return protocol->read_metadata(VARDATA_ANY(document), VARSIZE_ANY_EXHDR(document),
								   "metadata document");
}

static void
put_field(ReturnSetInfo *result, const MlsRemoteResource *resource, const MlsRemoteField *field)
{
	mls_return_row(result, mls_arg_text(resource->name), mls_arg_text(field->name),
				   mls_arg_text(field->type), mls_arg_text(format_type_be(field->pg_type)),
				   mls_arg_bool(mls_resource_is_key(resource, field->name)),
				   mls_arg_bool(field->nullable), mls_arg_text(field->lookup),
				   mls_arg_bool(field->is_enum), mls_arg_bool(field->is_flags),
				   mls_arg_bool(field->is_collection), mls_arg_text(field->description));
}

Datum
mls_metadata(PG_FUNCTION_ARGS)
{
	MlsRemoteSchema *schema = read_argument(fcinfo);
	ListCell *lc;
	ListCell *field;

	InitMaterializedSRF(fcinfo, 0);
	foreach (lc, schema->resources)
	{
		const MlsRemoteResource *resource = lfirst(lc);

		foreach (field, resource->fields)
			put_field((ReturnSetInfo *) fcinfo->resultinfo, resource, lfirst(field));
	}
	return (Datum) 0;
}

Datum
mls_metadata_findings(PG_FUNCTION_ARGS)
{
	MlsRemoteSchema *schema = read_argument(fcinfo);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell *lc;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach (lc, schema->findings)
		mls_return_row(result, mls_arg_text(lfirst(lc)));
	return (Datum) 0;
}

/* ---- mls_objects: the files of a record, photos and plans, as rows ---- */

/* A value, unless it is empty. */
static MlsArg
filled(const char *value)
{
	return mls_arg_text(value && *value ? value : NULL);
}

static void
put_object(void *arg, const MlsObject *object)
{
	ReturnSetInfo *result = arg;
	MlsArg bytes = mls_arg_null(BYTEAOID);

	if (object->bytes != NULL)
		bytes = mls_arg(BYTEAOID,
						PointerGetDatum(cstring_to_text_with_len(object->bytes, object->length)));
	mls_return_row(result, filled(object->content_id), filled(object->object_id),
				   filled(object->content_type), filled(object->description),
				   mls_arg_bool(object->preferred), filled(object->location), bytes);
	if (!bytes.isnull)
		pfree(DatumGetPointer(bytes.value));
}

/* A source the caller may use, with what its user mapping has. */
static const MlsSource *
usable_source(const char *name)
{
	ForeignServer *server = GetForeignServerByName(name, false);

	mls_rights_require_server(GetUserId(), server->serverid, server->servername);
	return mls_source_get(server->serverid, GetUserId(), true);
}

Datum
mls_objects(PG_FUNCTION_ARGS)
{
	MlsObjectQuery query = {
		.resource = text_to_cstring(PG_GETARG_TEXT_PP(1)),
		.key = text_to_cstring(PG_GETARG_TEXT_PP(2)),
		.type = text_to_cstring(PG_GETARG_TEXT_PP(3)),
		.location = PG_GETARG_BOOL(4),
		.object = text_to_cstring(PG_GETARG_TEXT_PP(5)),
	};
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MlsHttpStats stats = {0};

	query.source = usable_source(name);
	if (query.source->protocol->objects == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("objects cannot be fetched from source \"%s\"", name),
						errdetail("Its protocol \"%s\" has none.", query.source->protocol->name),
						errhint("Addresses of media are in the records of its resource Media.")));
	InitMaterializedSRF(fcinfo, 0);
	query.source->protocol->objects(&query, put_object, fcinfo->resultinfo, &stats);
	return (Datum) 0;
}
