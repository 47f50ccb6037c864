/*
 * store_functions.c
 *		Stores in SQL: files by hand, and links to them.
 *
 * All of it is done as the role that calls, with its user mapping.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "compat.h"
#include "media/store.h"
#include "step/transaction.h"

PG_FUNCTION_INFO_V1(mls_store_put_sql);
PG_FUNCTION_INFO_V1(mls_store_get_sql);
PG_FUNCTION_INFO_V1(mls_store_list_sql);
PG_FUNCTION_INFO_V1(mls_store_delete_sql);
PG_FUNCTION_INFO_V1(mls_store_sweep_sql);
PG_FUNCTION_INFO_V1(mls_store_adopt_sql);
PG_FUNCTION_INFO_V1(mls_store_link_sql);

/* S3 takes no more; a link that lasts longer is a public address. */
#define LONGEST_LINK_S (7 * 24 * 3600)

static MlsStore *
store_given(FunctionCallInfo fcinfo)
{
	return mls_store_open_named(text_to_cstring(PG_GETARG_TEXT_PP(0)), GetUserId());
}

/* Becomes a line of a header: "image/jpeg". */
static char *
content_type_given(text *given)
{
	static const char *const kept = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
									"!#$&^_.+-/;= ";
	char *type = text_to_cstring(given);
	const char *slash = strchr(type, '/');

	if (strlen(type) > 100 || strspn(type, kept) != strlen(type) || slash == NULL ||
		slash == type || slash[1] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%.100s\" is no content type", type),
						errhint("Write it as image/jpeg.")));
	return type;
}

static char *
extension_given(text *given)
{
	char *extension = text_to_cstring(given);
	uint8 any[MLS_SHA256_BYTES] = {0};
	char *hex = mls_hex(any, sizeof(any));

	if (!mls_store_is_name(psprintf("%.2s/%s.%s", hex, hex, extension)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%.100s\" is no extension of a file", extension),
				 errdetail("It is up to %d small letters and digits.", MLS_STORE_EXTENSION)));
	return extension;
}

/* mls_store_put(store, bytes, extension, content_type): the file's name. */
Datum
mls_store_put_sql(PG_FUNCTION_ARGS)
{
	bytea *bytes = PG_GETARG_BYTEA_PP(1);
	char *extension = extension_given(PG_GETARG_TEXT_PP(2));
	MlsStoreFile file = {.content_type = content_type_given(PG_GETARG_TEXT_PP(3)),
						 .length = VARSIZE_ANY_EXHDR(bytes),
						 .bytes = VARDATA_ANY(bytes)};
	MlsStore *store;

	mls_refuse_standby("mls_store_put()", "put files");
	store = store_given(fcinfo);
	mls_sha256(file.bytes, file.length, file.sha256);
	file.name = mls_store_name(file.sha256, extension);
	mls_store_put_finish(mls_store_put_start(store, &file));
	mls_store_keep(store);
	PG_RETURN_TEXT_P(cstring_to_text(file.name));
}

/* mls_store_get(store, name): the bytes; NULL if there is no such file. */
Datum
mls_store_get_sql(PG_FUNCTION_ARGS)
{
	MlsStore *store = store_given(fcinfo);
	MlsStoreGet *get = mls_store_get(store, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	StringInfoData buf;
	const char *bytes;
	Size length;

	if (get == NULL)
		PG_RETURN_NULL();
	initStringInfo(&buf);
	appendStringInfoSpaces(&buf, VARHDRSZ);
	while (mls_store_get_piece(get, &bytes, &length))
		appendBinaryStringInfo(&buf, bytes, (int) length);
	mls_store_get_end(get);
	SET_VARSIZE(buf.data, buf.len);
	PG_RETURN_BYTEA_P(buf.data);
}

/* mls_store_list(store, prefix, after, most): names, lengths, times. */
Datum
mls_store_list_sql(PG_FUNCTION_ARGS)
{
	char *prefix = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char *after = text_to_cstring(PG_GETARG_TEXT_PP(2));
	int most = PG_GETARG_INT32(3);
	MlsStore *store = store_given(fcinfo);
	List *entries;
	ListCell *lc;

	if (strspn(prefix, "0123456789abcdef") != strlen(prefix) ||
		strlen(prefix) > 2 * MLS_SHA256_BYTES)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%.100s\" is not the beginning of a hash", prefix),
						errdetail("It is hexadecimal digits, the letters small.")));
	if (most < 1 || most > 1000000)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a list has 1 to 1,000,000 files")));
	InitMaterializedSRF(fcinfo, 0);
	entries = mls_store_list(store, prefix, after, most);
	foreach (lc, entries)
	{
		const MlsStoreEntry *entry = lfirst(lc);

		mls_return_row((ReturnSetInfo *) fcinfo->resultinfo, mls_arg_text(entry->name),
					   mls_arg_int8(entry->length), mls_arg_time(entry->modified));
	}
	return (Datum) 0;
}

/* mls_store_delete(store, names) */
Datum
mls_store_delete_sql(PG_FUNCTION_ARGS)
{
	MlsStore *store;
	List *names = NIL;
	Datum *values;
	bool *nulls;
	int n;

	mls_refuse_standby("mls_store_delete()", "delete files");
	store = store_given(fcinfo);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls,
					  &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			names = lappend(names, TextDatumGetCString(values[i]));
	mls_store_delete(store, names);
	PG_RETURN_VOID();
}

/* mls_store_sweep(store): what unfinished writes have left behind is removed; how much it was. */
Datum
mls_store_sweep_sql(PG_FUNCTION_ARGS)
{
	mls_refuse_standby("mls_store_sweep()", "sweep");
	PG_RETURN_INT64(mls_store_sweep(store_given(fcinfo)));
}

/* mls_store_adopt(store): its place is this database's from now on. */
Datum
mls_store_adopt_sql(PG_FUNCTION_ARGS)
{
	mls_refuse_standby("mls_store_adopt()", "adopt a store");
	mls_store_adopt(store_given(fcinfo));
	PG_RETURN_VOID();
}

/* mls_store_link(store, name, valid): an address; NULL where the store gives none. */
Datum
mls_store_link_sql(PG_FUNCTION_ARGS)
{
	MlsStore *store = store_given(fcinfo);
	Interval *valid = PG_GETARG_INTERVAL_P(2);
	double seconds = (double) valid->time / USECS_PER_SEC + (double) valid->day * SECS_PER_DAY;
	char *link;

	if (valid->month != 0 || seconds < 1 || seconds > LONGEST_LINK_S)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a link is valid for 1 second to 7 days")));
	link = mls_store_link(store, text_to_cstring(PG_GETARG_TEXT_PP(1)), (int) seconds);
	if (link == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(link));
}
