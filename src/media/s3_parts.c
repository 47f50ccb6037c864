/*
 * s3_parts.c
 *		Files that are too large for one request: written in parts, joined at the end.
 *
 * Parts go one after another, each with its own hash; nothing is there before the service has
 * joined them.  An upload that does not come to its end is taken back, or, where the process
 * has died meanwhile, by the sweep of a later day.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "lib/stringinfo.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "media/s3_parts.h"

/* S3 takes 10,000 parts, each but the last of 5 MB and more. */
#define PART_BYTES (INT64CONST(32) * 1024 * 1024)
#define MOST_PARTS 9000

/* Between two attempts to have them joined. */
#define JOIN_DELAY_MS 500

typedef struct Parts
{
	S3Store *store;
	const MlsStoreFile *file;
	const char *upload; /* its identifier; NULL: not begun */
	int64 part_bytes;
	StringInfoData list; /* of parts that have been taken, in XML */
} Parts;

static const char write_task[] = "write a file of";

static char *
purpose_of(const MlsStoreFile *file)
{
	return psprintf("file %s", file->name);
}

static void
begin(Parts *parts)
{
	const MlsStoreFile *file = parts->file;
	S3Call call = {.method = "POST",
				   .name = file->name,
				   .params = mls_s3_param("uploads", "", NIL),
				   .headers = list_make1(psprintf("Content-Type: %s", file->content_type)),
				   .purpose = purpose_of(file)};
	MlsHttpResponse *response = mls_s3_fetch(&parts->store->bucket, &call);
	MlsXmlNode *answer = mls_s3_document(&parts->store->bucket, write_task, response,
										 "InitiateMultipartUploadResult");

	parts->upload = mls_s3_text(answer, "UploadId");
	if (*parts->upload == '\0')
		mls_s3_report_stranger(&parts->store->bucket, write_task, response);
}

/* SHA-256 of a part of an answer's body. */
static void
hash_part(MlsHttpUpload *part)
{
	MlsHttpPieces pieces = {part->response, part->at};
	MlsDigest *digest;
	const char *bytes;
	Size length;
	int64 left = part->length;

	if (part->bytes)
	{
		mls_sha256(part->bytes + part->at, part->length, part->sha256);
		return;
	}
	digest = mls_digest_begin();
	while (left > 0 && mls_http_piece(&pieces, &bytes, &length))
	{
		mls_digest_add(digest, bytes, Min((int64) length, left));
		left -= Min((int64) length, left);
	}
	if (left > 0)
		elog(ERROR, "a file is shorter than was said");
	mls_digest_end(digest, part->sha256);
}

static void
put_part(Parts *parts, int number, int64 at)
{
	const MlsStoreFile *file = parts->file;
	MlsHttpUpload part = {.bytes = file->bytes,
						  .response = file->response,
						  .at = at,
						  .length = Min(parts->part_bytes, file->length - at)};
	S3Call call = {.method = "PUT",
				   .name = file->name,
				   .params = mls_s3_param("partNumber", psprintf("%d", number),
										  mls_s3_param("uploadId", parts->upload, NIL)),
				   .upload = &part,
				   .purpose = purpose_of(file)};
	MlsHttpResponse *response;
	const char *tag;

	hash_part(&part);
	response = mls_s3_fetch(&parts->store->bucket, &call);
	if (response->status != 200)
		mls_s3_report(&parts->store->bucket, write_task, response);
	tag = mls_http_header(response, "etag");
	if (tag == NULL)
		mls_s3_report_stranger(&parts->store->bucket, write_task, response);
	appendStringInfo(&parts->list, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>",
					 number, mls_s3_xml_escape(tag));
}

/* The service was not at fault for long, perhaps: it says so in an answer that is no failure by its status. */
static bool
is_passing(const MlsHttpResponse *response)
{
	char *code = mls_s3_code(response);

	return response->status == 200 &&
		   (strcmp(code, "InternalError") == 0 || strcmp(code, "SlowDown") == 0 ||
			strcmp(code, "ServiceUnavailable") == 0);
}

static void
wait_a_moment(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, JOIN_DELAY_MS,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* The file is there when the service says so in the answer's body: its status comes before. */
static void
end(Parts *parts)
{
	S3Call call = {
		.method = "POST",
		.name = parts->file->name,
		.params = mls_s3_param("uploadId", parts->upload, NIL),
		.headers = list_make1("Content-Type: application/xml"),
		.body = psprintf("<CompleteMultipartUpload>%s</CompleteMultipartUpload>", parts->list.data),
		.purpose = purpose_of(parts->file)};
	MlsHttpResponse *response = mls_s3_fetch(&parts->store->bucket, &call);

	for (int i = 0; i < parts->store->bucket.http.retries && is_passing(response); i++)
	{
		wait_a_moment();
		response = mls_s3_fetch(&parts->store->bucket, &call);
	}
	(void) mls_s3_document(&parts->store->bucket, write_task, response,
						   "CompleteMultipartUploadResult");
}

static void
abort_upload(S3Store *store, const char *name, const char *upload)
{
	S3Call call = {.method = "DELETE",
				   .name = name,
				   .params = mls_s3_param("uploadId", upload, NIL),
				   .purpose = psprintf("file %s", name)};
	MlsHttpResponse *response = mls_s3_fetch(&store->bucket, &call);

	/* Another may have ended it meanwhile. */
	if (response->status != 404 && (response->status < 200 || response->status >= 300))
		mls_s3_report(&store->bucket, "delete parts of a file of", response);
}

/* After an error: what was sent is given back, unless even that fails; the sweep comes later. */
static void
give_back(const Parts *parts)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		abort_upload(parts->store, parts->file->name, parts->upload);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
}

void
mls_s3_put_parts(S3Store *store, const MlsStoreFile *file)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw parts", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Parts *parts = palloc0(sizeof(Parts));
	ErrorData *error = NULL;

	parts->store = store;
	parts->file = file;
	parts->part_bytes = Max(PART_BYTES, (file->length + MOST_PARTS - 1) / MOST_PARTS);
	initStringInfo(&parts->list);
	begin(parts);
	PG_TRY();
	{
		int number = 0;

		for (int64 at = 0; at < file->length; at += parts->part_bytes)
			put_part(parts, ++number, at);
		end(parts);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	if (error)
	{
		/* Who has cancelled does not want to wait any more. */
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_OPERATOR_INTERVENTION)
			give_back(parts);
		ReThrowError(error);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* ---- the sweep ---- */

/* One page of uploads that have not ended. */
static MlsXmlNode *
list_uploads(S3Store *store, const char *key, const char *upload)
{
	List *params =
		mls_s3_param("uploads", "", mls_s3_param("prefix", mls_s3_key(&store->bucket, ""), NIL));
	S3Call call = {.method = "GET", .purpose = "uploads that have not ended"};

	if (*key)
		params = mls_s3_param("key-marker", key, mls_s3_param("upload-id-marker", upload, params));
	call.params = params;
	return mls_s3_document(&store->bucket, "list", mls_s3_fetch(&store->bucket, &call),
						   "ListMultipartUploadsResult");
}

/* Ends those of a page that began before a time; how many. */
static int64
end_stale(S3Store *store, const MlsXmlNode *page, TimestampTz before, MemoryContext scratch)
{
	int skipped = strlen(mls_s3_key(&store->bucket, ""));
	int64 ended = 0;
	ListCell *lc;

	foreach (lc, page->children)
	{
		const MlsXmlNode *node = lfirst(lc);
		const char *name = mls_s3_text(node, "Key");
		TimestampTz began = mls_s3_time(mls_s3_text(node, "Initiated"));
		MemoryContext context;

		if (strcmp(node->name, "Upload") != 0 || strlen(name) <= skipped ||
			!mls_store_is_name(name + skipped) || began == 0 || began >= before)
			continue;
		context = MemoryContextSwitchTo(scratch);
		abort_upload(store, name + skipped, mls_s3_text(node, "UploadId"));
		MemoryContextSwitchTo(context);
		MemoryContextReset(scratch);
		ended++;
	}
	return ended;
}

int64
mls_s3_sweep(S3Store *store, TimestampTz before)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw upload", ALLOCSET_DEFAULT_SIZES);
	MemoryContext pages[2];
	const char *key = "";
	const char *upload = "";
	int64 ended = 0;

	/* Where a page ends is needed for the next one. */
	for (int i = 0; i < 2; i++)
		pages[i] =
			AllocSetContextCreate(CurrentMemoryContext, "mls_fdw uploads", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0;; i = 1 - i)
	{
		MlsXmlNode *page;

		MemoryContextReset(pages[i]);
		MemoryContextSwitchTo(pages[i]);
		page = list_uploads(store, key, upload);
		ended += end_stale(store, page, before, scratch);
		if (strcmp(mls_s3_text(page, "IsTruncated"), "true") != 0 ||
			*mls_s3_text(page, "NextKeyMarker") == '\0' ||
			(strcmp(key, mls_s3_text(page, "NextKeyMarker")) == 0 &&
			 strcmp(upload, mls_s3_text(page, "NextUploadIdMarker")) == 0))
			return ended;
		key = mls_s3_text(page, "NextKeyMarker");
		upload = mls_s3_text(page, "NextUploadIdMarker");
	}
}
