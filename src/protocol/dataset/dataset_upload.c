/*
 * dataset_upload.c
 *		Files that were uploaded: rows of mls.upload, their bytes in mls.upload_part.
 *
 * A file of the same name is another row, so what is read under one number is one file from
 * beginning to end.  Runs read their sources outside of transactions: each look at the tables
 * is then one of its own.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "protocol/dataset/dataset_place.h"

typedef struct Upload
{
	DatasetBytes head;
	MemoryContext context;
	int64 number;
	int64 part_at; /* the part at hand: where in the file it begins */
	Size part_length;
	char *part;
} Upload;

/* ---- looking at the tables ---- */

typedef void (*Look)(void *arg);

/* In the rights of who owns the tables, with SPI and a snapshot. */
static void
look(Look work, void *arg)
{
	MlsRights before;
	bool has_snapshot = ActiveSnapshotSet();

	SPI_connect();
	if (!has_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	mls_rights_enter_control(&before);
	work(arg);
	mls_rights_leave(&before);
	if (!has_snapshot)
		PopActiveSnapshot();
	SPI_finish();
}

/*
 * An error here is one of the database, never of the file: so that nobody takes it for one he
 * can go on after, it is not of those.
 */
static void
look_at_tables(Look work, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	bool is_own = !IsTransactionState();

	if (is_own)
		StartTransactionCommand();
	PG_TRY();
	{
		look(work, arg);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		if (is_own)
			AbortCurrentTransaction();
		MemoryContextSwitchTo(context);
		if (mls_dataset_is_files_fault(error->sqlerrcode))
			error->sqlerrcode = ERRCODE_DATA_CORRUPTED;
		ReThrowError(error);
	}
	PG_END_TRY();
	if (is_own)
	{
		CommitTransactionCommand();
		CurrentResourceOwner = owner;
	}
	MemoryContextSwitchTo(context);
}

/* ---- the files ---- */

typedef struct Listed
{
	DatasetListing *listing;
	MemoryContext context;
} Listed;

static void
read_names(void *arg)
{
	Listed *listed = arg;

	mls_select_stable("SELECT u.name, u.id, u.bytes, u.uploaded_at FROM mls.uploads_at($1) u "
					  "WHERE u.sha256 IS NOT NULL",
					  mls_arg_oid(listed->listing->source->server_id));
	MemoryContextSwitchTo(listed->context);
	for (uint64 i = 0; i < SPI_processed; i++)
		mls_dataset_found(listed->listing, &(DatasetFile){.name = mls_text_at(i, 1),
														  .number = mls_int8_at(i, 2),
														  .bytes = mls_int8_at(i, 3),
														  .modified = mls_time_at(i, 4),
														  .changed = mls_time_at(i, 4),
														  .is_whole = true});
}

static void
list_uploads(DatasetListing *listing)
{
	Listed listed = {.listing = listing, .context = CurrentMemoryContext};

	look_at_tables(read_names, &listed);
}

/* ---- bytes ---- */

typedef struct Wanted
{
	Upload *upload;
	int64 at;
	bool found;
} Wanted;

static void
read_part(void *arg)
{
	Wanted *wanted = arg;
	Upload *upload = wanted->upload;
	bytea *bytes;
	bool isnull;

	mls_select_stable("SELECT p.at, p.bytes FROM mls.upload_part p "
					  "WHERE p.upload = $1 AND p.at <= $2 ORDER BY p.at DESC LIMIT 1",
					  mls_arg_int8(upload->number), mls_arg_int8(wanted->at));
	if (SPI_processed == 0)
		return;
	bytes = DatumGetByteaPP(mls_cell(SPI_tuptable, 0, 2, &isnull));
	upload->part_at = mls_int8_at(0, 1);
	upload->part_length = VARSIZE_ANY_EXHDR(bytes);
	upload->part = MemoryContextAlloc(upload->context, Max(upload->part_length, 1));
	memcpy(upload->part, VARDATA_ANY(bytes), upload->part_length);
	wanted->found = wanted->at < upload->part_at + (int64) upload->part_length;
}

static const char *const care = "The next sync reads the new one.";

static Size
read_upload(DatasetBytes *bytes, int64 at, char *buf, Size room)
{
	Upload *upload = (Upload *) bytes;
	Wanted wanted = {.upload = upload, .at = at};
	Size length;

	CHECK_FOR_INTERRUPTS();
	if (at < 0 || at >= bytes->length)
		return 0;
	if (upload->part == NULL || at < upload->part_at ||
		at >= upload->part_at + (int64) upload->part_length)
	{
		if (upload->part)
			pfree(upload->part);
		upload->part = NULL;
		look_at_tables(read_part, &wanted);
		if (!wanted.found)
			mls_dataset_fail(bytes, "It was replaced or dropped while it was read.", care);
	}
	length = Min(room, upload->part_length - (Size) (at - upload->part_at));
	memcpy(buf, upload->part + (at - upload->part_at), length);
	return length;
}

static void
find_upload(void *arg)
{
	Wanted *wanted = arg;

	mls_select_stable("SELECT FROM mls.upload u WHERE u.id = $1",
					  mls_arg_int8(wanted->upload->number));
	wanted->found = SPI_processed > 0;
}

static bool
is_unchanged(DatasetBytes *bytes)
{
	Wanted wanted = {.upload = (Upload *) bytes};

	look_at_tables(find_upload, &wanted);
	return wanted.found;
}

static DatasetBytes *
open_upload(const MlsSource *source, const DatasetFile *file, MlsHttpStats *stats)
{
	Upload *upload = mls_dataset_bytes(sizeof(Upload), source, file);

	upload->head.read = read_upload;
	upload->head.is_unchanged = is_unchanged;
	upload->head.care = care;
	upload->head.length = file->bytes;
	upload->context = CurrentMemoryContext;
	upload->number = file->number;
	return &upload->head;
}

const DatasetPlace mls_dataset_uploads = {.list = list_uploads, .open = open_upload};
