/*
 * objects.c
 *		mls_objects: the files of a record - photos, plans - as rows.
 *
 * Nothing is kept: what comes goes to the caller.
 */
#include "postgres.h"

#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "options/options.h"
#include "options/rights.h"

PG_FUNCTION_INFO_V1(mls_objects);

static Datum
text_or_null(const char *value, bool *isnull)
{
	*isnull = value == NULL || *value == '\0';
	return *isnull ? (Datum) 0 : CStringGetTextDatum(value);
}

static void
put_object(void *arg, const MlsObject *object)
{
	ReturnSetInfo *result = arg;
	Datum values[7];
	bool nulls[7] = {false};

	values[0] = text_or_null(object->content_id, &nulls[0]);
	values[1] = text_or_null(object->object_id, &nulls[1]);
	values[2] = text_or_null(object->content_type, &nulls[2]);
	values[3] = text_or_null(object->description, &nulls[3]);
	values[4] = BoolGetDatum(object->preferred);
	values[5] = text_or_null(object->location, &nulls[5]);
	nulls[6] = object->bytes == NULL;
	values[6] = nulls[6] ? (Datum) 0
						 : PointerGetDatum(cstring_to_text_with_len(object->bytes, object->length));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	if (!nulls[6])
		pfree(DatumGetPointer(values[6]));
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
