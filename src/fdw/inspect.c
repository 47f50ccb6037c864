/*
 * inspect.c
 *		mls_dataset_inspect: what the files of a place are, and what tables they would make.
 *
 * Nothing is made.  The files are read as IMPORT FOREIGN SCHEMA reads them, all of them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"

#include "base/base.h"
#include "compat.h"
#include "options/options.h"

PG_FUNCTION_INFO_V1(mls_dataset_inspect);

/* Of a field, or of a resource (field NULL), or of a finding (both NULL). */
static void
put_row(ReturnSetInfo *result, const MlsRemoteResource *resource, const MlsRemoteField *field,
		const char *remark)
{
	mls_return_row(
		result, mls_arg_text(resource ? resource->name : NULL),
		mls_arg_text(field ? field->name : NULL),
		mls_arg_text(field ? format_type_be(field->pg_type) : NULL),
		mls_arg_text(field ? field->type : NULL),
		field ? mls_arg_bool(mls_resource_is_key(resource, field->name)) : mls_arg_null(BOOLOID),
		field ? mls_arg_list(field->samples) : mls_arg_null(TEXTARRAYOID), mls_arg_text(remark));
}

static MlsRemoteSchema *
describe(const char *server)
{
	MlsSource *source = mls_source_by_name(server, GetUserId(), true);
	MlsHttpStats stats = {0};

	mls_rights_require_server(GetUserId(), source->server_id, source->name);
	if (!source->protocol->keeps_files)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("server \"%s\" is no dataset", source->name),
						errdetail("Its protocol is \"%s\".", source->protocol->name),
						errhint("A dataset is a server of protocol \"dataset\": CREATE SERVER ... "
								"OPTIONS (protocol 'dataset', url 'file:///srv/rosters').")));
	return source->protocol->describe(source, &stats);
}

/* mls_dataset_inspect(server) */
Datum
mls_dataset_inspect(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MlsRemoteSchema *schema;
	ListCell *lc;

	InitMaterializedSRF(fcinfo, 0);
	schema = describe(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	foreach (lc, schema->resources)
	{
		const MlsRemoteResource *resource = lfirst(lc);
		ListCell *field;

		put_row(result, resource, NULL, resource->description);
		foreach (field, resource->fields)
			put_row(result, resource, lfirst(field),
					((MlsRemoteField *) lfirst(field))->description);
	}
	foreach (lc, schema->findings)
		put_row(result, NULL, NULL, lfirst(lc));
	return (Datum) 0;
}
