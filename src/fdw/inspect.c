/*
 * inspect.c
 *		What is in a metadata document: mls_metadata, mls_metadata_findings.
 *
 * Nothing is fetched: the caller has the document.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "protocol/protocol.h"

PG_FUNCTION_INFO_V1(mls_metadata);
PG_FUNCTION_INFO_V1(mls_metadata_findings);

/* Reads the document in the first argument as the protocol in the second has them. */
static MlsRemoteSchema *
read_argument(FunctionCallInfo fcinfo)
{
	text *document = PG_GETARG_TEXT_PP(0);
	char *protocol_name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const MlsProtocol *protocol = mls_protocol_find(protocol_name);
	char *utf8;

	if (protocol == NULL || protocol->read_metadata == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("protocol \"%s\" does not exist", protocol_name)));
	utf8 = pg_server_to_any(VARDATA_ANY(document), VARSIZE_ANY_EXHDR(document), PG_UTF8);
	return protocol->read_metadata(
		utf8, utf8 == VARDATA_ANY(document) ? VARSIZE_ANY_EXHDR(document) : strlen(utf8),
		"metadata document");
}

static Datum
text_or_null(const char *value, bool *isnull)
{
	*isnull = value == NULL;
	return value ? CStringGetTextDatum(value) : (Datum) 0;
}

static void
put_field(ReturnSetInfo *result, const MlsRemoteResource *resource, const MlsRemoteField *field)
{
	Datum values[11];
	bool nulls[11] = {false};

	values[0] = CStringGetTextDatum(resource->name);
	values[1] = CStringGetTextDatum(field->name);
	values[2] = text_or_null(field->type, &nulls[2]);
	values[3] = CStringGetTextDatum(format_type_be(field->pg_type));
	values[4] = BoolGetDatum(mls_resource_is_key(resource, field->name));
	values[5] = BoolGetDatum(field->nullable);
	values[6] = text_or_null(field->lookup, &nulls[6]);
	values[7] = BoolGetDatum(field->is_enum);
	values[8] = BoolGetDatum(field->is_flags);
	values[9] = BoolGetDatum(field->is_collection);
	values[10] = text_or_null(field->description, &nulls[10]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
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
	{
		Datum value = CStringGetTextDatum(lfirst(lc));
		bool isnull = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	return (Datum) 0;
}
