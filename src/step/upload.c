/*
 * upload.c
 *		mls_upload: rows of mls.upload and mls.upload_part.
 *
 * Whoever may use a server may put files there, as with stores.  A file is there for readers
 * when all of it is: one whose parts are still coming is a row without a hash beside the one
 * that it will replace.
 */
#include "postgres.h"

#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"

#include "base/base.h"
#include "base/digest.h"
#include "options/options.h"
#include "step/transaction.h"

PG_FUNCTION_INFO_V1(mls_upload_sql);
PG_FUNCTION_INFO_V1(mls_upload_drop_sql);
PG_FUNCTION_INFO_V1(mls_dataset_entries_sql);
PG_FUNCTION_INFO_V1(mls_upload_problem_sql);

/* Of a row: what a reader has in memory at a time. */
#define PART_BYTES (512 * 1024)

/* As many as are read. */
#define MOST_FILES 10000

/* What is to be kept. */
typedef struct Upload
{
	MlsSource *source;
	const char *name;
	const char *bytes;
	int64 length;
	int64 at;        /* where they begin */
	bool more;       /* others follow */
	int64 goes_on;   /* number of the upload that they go on; 0: whichever is there */
	int64 whole;     /* number of the file of that name that is there; 0: none */
	int64 begun;     /* number of the one whose parts are coming; 0: none */
	int64 begun_at;  /* so far it has come */
	const char *was; /* hash of the whole one */
} Upload;

static MlsSource *
dataset(const char *server)
{
	MlsSource *source = mls_source_by_name(server, GetUserId(), false);

	mls_rights_require_server(GetUserId(), source->server_id, source->name);
	return source;
}

/* What is wrong with a file of that name, or NULL. */
static const char *
problem_of(const MlsSource *source, const char *name)
{
	List *entries;

	return source->protocol->upload_problem
			   ? source->protocol->upload_problem(source, name, NULL, &entries)
			   : "It is no dataset.";
}

static void
require_place(const Upload *upload)
{
	const MlsSource *source = upload->source;
	const char *problem = problem_of(source, upload->name);

	if (problem)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("cannot upload file \"%.200s\" to source \"%s\"", upload->name,
							   source->name),
						errdetail("%s", problem)));
}

/* ---- what is there ---- */

static void
find(Upload *upload)
{
	MlsRights before;

	mls_rights_enter_control(&before);
	mls_select("SELECT u.id, u.bytes, u.sha256 FROM mls.uploads_at($1) u WHERE u.name = $2",
			   mls_arg_oid(upload->source->server_id), mls_arg_text(upload->name));
	mls_rights_leave(&before);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		const char *sha256 = mls_text_at(i, 3);

		if (sha256)
		{
			upload->whole = mls_int8_at(i, 1);
			upload->was = sha256;
		}
		else
		{
			upload->begun = mls_int8_at(i, 1);
			upload->begun_at = mls_int8_at(i, 2);
		}
	}
}

static void
require_position(const Upload *upload)
{
	bool is_other = upload->begun && upload->goes_on && upload->goes_on != upload->begun;

	if (upload->at == 0 || (upload->begun && upload->at == upload->begun_at && !is_other))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("upload of file \"%s\" to source \"%s\" does not go on at byte " INT64_FORMAT,
					upload->name, upload->source->name, upload->at),
			 !upload->begun ? errdetail("Nothing of it is here.")
			 : is_other     ? errdetail("Somebody else has begun it anew.")
							: errdetail("Of it " INT64_FORMAT " are here.", upload->begun_at),
			 errhint("mls.upload has what is here; at => 0 begins anew.")));
}

/*
 * Files of a server that was renamed go by its former name until its copy has the new one: who
 * has that name now would get them.
 */
static void
require_name(const MlsSource *source)
{
	mls_sql_control(SPI_OK_SELECT, "SELECT mls.upload_server($1) IS NULL",
					mls_arg_oid(source->server_id));
	if (mls_bool_at(0, 1))
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("source \"%s\" cannot take files yet", source->name),
			 errdetail("A server that had this name was renamed, and its files still go by it."),
			 errhint("Sync the one that was renamed first.")));
}

/* How many files a server has. */
static int64
count_files(const MlsSource *source)
{
	MlsRights before;

	mls_rights_enter_control(&before);
	mls_select("SELECT pg_catalog.count(*) FROM mls.uploads_at($1)",
			   mls_arg_oid(source->server_id));
	mls_rights_leave(&before);
	return mls_int8_at(0, 1);
}

/* Is there room for a file, or what follows of one?  All limits of uploads are asked here. */
static void
require_room(const Upload *upload)
{
	const MlsSource *source = upload->source;

	if (upload->at + upload->length > source->http.max_answer_bytes)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("file \"%s\" is too large for source \"%s\"", upload->name, source->name),
				 errdetail("Its length is " INT64_FORMAT " or more, and at most " INT64_FORMAT ".",
						   upload->at + upload->length, source->http.max_answer_bytes),
				 errhint("The server option max_answer_bytes sets that limit.")));
	mls_sql_control(SPI_OK_SELECT, "SELECT mls.take_file($1::pg_catalog.regrole, $2, NULL)",
					mls_arg_oid(GetUserId()), mls_arg_int8(upload->at + upload->length));
	if (mls_text_at(0, 1))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("file \"%s\" is too large for source \"%s\"", upload->name, source->name),
				 errdetail_internal("%s", mls_text_at(0, 1)),
				 errhint("Superusers set this limit with mls_tenant().")));
	mls_sql_control(SPI_OK_SELECT, "SELECT mls.store_file($1::pg_catalog.regrole, $2, $3, $4)",
					mls_arg_oid(GetForeignServer(source->server_id)->owner),
					mls_arg_oid(source->server_id), mls_arg_text(upload->name),
					mls_arg_int8(upload->at + upload->length));
	if (mls_text_at(0, 1))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("there is no room for file \"%s\" of source \"%s\"", upload->name,
							   source->name),
						errdetail_internal("%s", mls_text_at(0, 1)),
						errhint("mls_upload_drop() makes room; superusers set this limit with "
								"mls_tenant().")));
	if (!upload->whole && !upload->begun && count_files(source) >= MOST_FILES)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("source \"%s\" has too many files", source->name),
						errdetail("A place can have %d.", MOST_FILES)));
}

/* ---- keeping ---- */

static void
drop(int64 number)
{
	if (number)
		mls_sql_control(SPI_OK_DELETE, "DELETE FROM mls.upload WHERE id = $1",
						mls_arg_int8(number));
}

static int64
begin(const Upload *upload)
{
	const ForeignServer *server = GetForeignServer(upload->source->server_id);

	mls_sql_control(SPI_OK_INSERT_RETURNING,
					"INSERT INTO mls.upload (server, owner, name, bytes) "
					"VALUES (mls.upload_server($1), $2, $3, 0) RETURNING id",
					mls_arg_oid(server->serverid), mls_arg_oid(server->owner),
					mls_arg_text(upload->name));
	return mls_int8_at(0, 1);
}

static void
add_parts(const Upload *upload, int64 number)
{
	bytea *part = palloc(VARHDRSZ + PART_BYTES);

	for (int64 at = 0; at < upload->length; at += PART_BYTES)
	{
		Size length = Min(PART_BYTES, upload->length - at);

		CHECK_FOR_INTERRUPTS();
		memcpy(VARDATA(part), upload->bytes + at, length);
		SET_VARSIZE(part, VARHDRSZ + length);
		mls_sql_control(SPI_OK_INSERT, "INSERT INTO mls.upload_part VALUES ($1, $2, $3)",
						mls_arg_int8(number), mls_arg_int8(upload->at + at),
						mls_arg(BYTEAOID, PointerGetDatum(part)));
	}
	pfree(part);
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.upload SET bytes = $2, "
					"uploaded_at = pg_catalog.clock_timestamp() WHERE id = $1",
					mls_arg_int8(number), mls_arg_int8(upload->at + upload->length));
}

/* The hash of all that has come. */
static char *
hash(const Upload *upload, int64 number)
{
	uint8 sha256[MLS_SHA256_BYTES];
	MlsDigest *digest = mls_digest_begin();
	int64 at = 0;

	while (at < upload->at + upload->length)
	{
		MlsRights before;
		Datum part;
		bytea *bytes;
		bool isnull;

		CHECK_FOR_INTERRUPTS();
		mls_rights_enter_control(&before);
		mls_select("SELECT p.bytes FROM mls.upload_part p WHERE p.upload = $1 AND p.at = $2",
				   mls_arg_int8(number), mls_arg_int8(at));
		mls_rights_leave(&before);
		part = mls_cell(SPI_tuptable, 0, 1, &isnull);
		bytes = DatumGetByteaPP(part);
		mls_digest_add(digest, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
		at += VARSIZE_ANY_EXHDR(bytes);
		/* A copy, if it was stored away. */
		if ((void *) bytes != DatumGetPointer(part))
			pfree(bytes);
		SPI_freetuptable(SPI_tuptable);
	}
	mls_digest_end(digest, sha256);
	return mls_hex(sha256, sizeof(sha256));
}

/* Bytes that are there already are not kept twice: only when they came is another. */
static bool
is_there(const Upload *upload, const char *sha256)
{
	if (upload->was == NULL || strcmp(upload->was, sha256) != 0)
		return false;
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.upload SET uploaded_at = pg_catalog.clock_timestamp() "
					"WHERE id = $1",
					mls_arg_int8(upload->whole));
	return true;
}

/* Makes a file whole whose last part has come; *is_new: its bytes were not there.  Its hash. */
static char *
complete(const Upload *upload, int64 *number, bool *is_new)
{
	char *sha256 = hash(upload, *number);

	*is_new = !is_there(upload, sha256);
	drop(*is_new ? upload->whole : *number);
	if (*is_new)
		mls_sql_control(SPI_OK_UPDATE,
						"UPDATE mls.upload SET sha256 = $2, "
						"uploaded_at = pg_catalog.clock_timestamp() WHERE id = $1",
						mls_arg_int8(*number), mls_arg_text(sha256));
	else
		*number = upload->whole;
	return sha256;
}

/* Keeps what has come; its hash if it is whole.  *number: of the upload. */
static char *
keep(const Upload *upload, int64 *number, bool *is_new)
{
	*number = upload->begun;
	if (upload->at == 0)
	{
		drop(upload->begun);
		*number = begin(upload);
	}
	add_parts(upload, *number);
	*is_new = true;
	return upload->more ? NULL : complete(upload, number, is_new);
}

/* ---- in SQL ---- */

/* mls_upload(server, name, bytes, at, more, goes_on): what has come, its hash, whether it is new, number */
Datum
mls_upload_sql(PG_FUNCTION_ARGS)
{
	bytea *bytes = PG_GETARG_BYTEA_PP(2);
	Upload upload = {.name = text_to_cstring(PG_GETARG_TEXT_PP(1)),
					 .bytes = VARDATA_ANY(bytes),
					 .length = VARSIZE_ANY_EXHDR(bytes),
					 .at = PG_GETARG_INT64(3),
					 .more = PG_GETARG_BOOL(4),
					 .goes_on = PG_GETARG_INT64(5)};
	MemoryContext context = CurrentMemoryContext;
	TupleDesc desc;
	Datum values[4];
	bool nulls[4] = {false};
	char *sha256;
	int64 number;
	bool is_new;

	mls_refuse_standby("mls_upload()", "upload files");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (upload.at < 0 || (upload.length == 0 && (upload.more || upload.at == 0)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						upload.at < 0 ? errmsg("a position in a file must not be negative")
									  : errmsg("file \"%.200s\" has nothing in it", upload.name)));
	upload.source = dataset(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	require_place(&upload);
	SPI_connect();
	mls_lock(MLS_LOCK_UPLOAD, upload.source->server_id, ExclusiveLock);
	require_name(upload.source);
	mls_sql_run_control("SELECT mls.drop_broken_uploads()", SPI_OK_SELECT, NULL, 0);
	find(&upload);
	require_position(&upload);
	require_room(&upload);
	sha256 = keep(&upload, &number, &is_new);
	if (sha256)
		sha256 = MemoryContextStrdup(context, sha256);
	SPI_finish();
	values[0] = Int64GetDatum(upload.at + upload.length);
	values[1] = sha256 ? CStringGetTextDatum(sha256) : (Datum) 0;
	nulls[1] = sha256 == NULL;
	values[2] = BoolGetDatum(is_new);
	values[3] = Int64GetDatum(number);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* mls_upload_drop(server, name): also of a server that is gone, for who has its owner's privileges. */
Datum
mls_upload_drop_sql(PG_FUNCTION_ARGS)
{
	char *server = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	bool is_gone = GetForeignServerByName(server, true) == NULL;
	int64 dropped;

	mls_refuse_standby("mls_upload_drop()", "drop files");
	SPI_connect();
	if (is_gone)
		mls_sql_control(SPI_OK_DELETE,
						"DELETE FROM mls.upload u WHERE u.server = $1 AND u.name = $2 "
						"AND pg_catalog.pg_has_role($3, u.owner, 'USAGE')",
						mls_arg_text(server), mls_arg_text(name), mls_arg_oid(GetUserId()));
	else
	{
		const MlsSource *source = dataset(server);

		mls_lock(MLS_LOCK_UPLOAD, source->server_id, ExclusiveLock);
		mls_sql_control(SPI_OK_DELETE,
						"DELETE FROM mls.upload u WHERE u.name = $2 "
						"AND u.id IN (SELECT a.id FROM mls.uploads_at($1) a)",
						mls_arg_oid(source->server_id), mls_arg_text(name));
	}
	dropped = SPI_processed;
	SPI_finish();
	PG_RETURN_BOOL(dropped > 0);
}

/* mls.upload_problem(server, name): what is wrong with that name, or NULL. */
Datum
mls_upload_problem_sql(PG_FUNCTION_ARGS)
{
	MlsSource *source = dataset(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	const char *problem = problem_of(source, text_to_cstring(PG_GETARG_TEXT_PP(1)));

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

/* mls.dataset_entries(server, name, resource): by which names a resource knows a file of that name. */
Datum
mls_dataset_entries_sql(PG_FUNCTION_ARGS)
{
	MlsSource *source = dataset(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	const char *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const char *resource = text_to_cstring(PG_GETARG_TEXT_PP(2));
	List *entries = NIL;
	Datum *names;
	ListCell *lc;

	if (source->protocol->upload_problem == NULL ||
		source->protocol->upload_problem(source, name, resource, &entries) != NULL)
		entries = NIL;
	names = palloc(Max(list_length(entries), 1) * sizeof(Datum));
	foreach (lc, entries)
		names[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	PG_RETURN_ARRAYTYPE_P(
		construct_array(names, list_length(entries), TEXTOID, -1, false, TYPALIGN_INT));
}
