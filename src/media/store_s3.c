/*
 * store_s3.c
 *		A bucket of S3 as a store: of Amazon, or of one of the many services that speak as it
 *		does.
 *
 * An object is there when the service has said so, whole: each request says what its bytes
 * hash to, and the service refuses others.  The ETag of an object is not looked at: it is a
 * hash for some objects only.
 */
#include "postgres.h"

#include "common/base64.h"
#include "lib/stringinfo.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "media/s3_parts.h"

typedef struct S3Put
{
	MlsStorePut head;
	MlsHttpUpload upload;
	MlsHttpRequest *request; /* NULL: it was written in parts */
} S3Put;

typedef struct S3Get
{
	MlsStoreGet head;
	MlsHttpPieces pieces;
	MemoryContext context;
} S3Get;

static char *
purpose_of(const char *name)
{
	return psprintf("file %s", name);
}

/* ---- writing ---- */

static MlsStorePut *
put_start(MlsStore *head, const MlsStoreFile *file)
{
	S3Store *store = (S3Store *) head;
	S3Put *put = palloc0(sizeof(S3Put));
	S3Call call = {.method = "PUT",
				   .name = file->name,
				   .headers = list_make1(psprintf("Content-Type: %s", file->content_type)),
				   .upload = &put->upload,
				   .purpose = purpose_of(file->name)};

	put->head.store = head;
	if (file->length >= MLS_S3_PARTS_FROM)
	{
		mls_s3_put_parts(store, file);
		return &put->head;
	}
	put->upload.bytes = file->bytes;
	put->upload.response = file->response;
	put->upload.length = file->length;
	memcpy(put->upload.sha256, file->sha256, MLS_SHA256_BYTES);
	put->request = mls_s3_start(&store->bucket, &call);
	return &put->head;
}

static void
put_finish(MlsStorePut *head)
{
	static const char task[] = "write a file of";
	const S3Put *put = (S3Put *) head;
	const S3Store *store = (S3Store *) head->store;
	MlsHttpResponse *response;

	if (put->request == NULL)
		return;
	response = mls_http_finish(put->request);
	if (response->status != 200 || mls_s3_is_error(response))
		mls_s3_report(&store->bucket, task, response);
	/* Whoever else says that all is well has not kept anything. */
	if (mls_http_header(response, "etag") == NULL)
		mls_s3_report_stranger(&store->bucket, task, response);
}

static void
delete_one(S3Store *store, const char *name)
{
	S3Call call = {.method = "DELETE", .name = name, .purpose = purpose_of(name)};
	MlsHttpResponse *response = mls_s3_fetch(&store->bucket, &call);

	if (response->status != 204 && response->status != 200 &&
		strcmp(mls_s3_code(response), "NoSuchKey") != 0)
		mls_s3_report(&store->bucket, "delete a file of", response);
}

/* Names from one place in a list on, as the service wants them. */
static char *
deletion_list(const S3Store *store, const List *names, int from, int to)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "<Delete><Quiet>true</Quiet>");
	for (int i = from; i < to; i++)
		appendStringInfo(&buf, "<Object><Key>%s</Key></Object>",
						 mls_s3_xml_escape(mls_s3_key(&store->bucket, list_nth(names, i))));
	appendStringInfoString(&buf, "</Delete>");
	return buf.data;
}

static char *
md5_header(const char *body)
{
	uint8 digest[MLS_MD5_BYTES];
	char text[2 * MLS_MD5_BYTES];
	int length;

	mls_md5(body, strlen(body), digest);
	length = pg_b64_encode((const void *) digest, sizeof(digest), text, sizeof(text) - 1);
	text[length] = '\0';
	return psprintf("Content-MD5: %s", text);
}

/* False: the service has no such request. */
static bool
delete_many(S3Store *store, const List *names, int from, int to)
{
	static const char task[] = "delete files of";
	S3Call call = {.method = "POST",
				   .params = mls_s3_param("delete", "", NIL),
				   .body = deletion_list(store, names, from, to),
				   .purpose = "files to be deleted"};
	MlsHttpResponse *response;
	MlsXmlNode *answer;
	ListCell *lc;

	call.headers = list_make2(md5_header(call.body), "Content-Type: application/xml");
	response = mls_s3_fetch(&store->bucket, &call);
	if (response->status == 501 || response->status == 405 ||
		strcmp(mls_s3_code(response), "NotImplemented") == 0)
		return false;
	answer = mls_s3_document(&store->bucket, task, response, "DeleteResult");
	foreach (lc, answer->children)
	{
		const MlsXmlNode *node = lfirst(lc);

		if (strcmp(node->name, "Error") == 0 && strcmp(mls_s3_text(node, "Code"), "NoSuchKey") != 0)
			mls_s3_report_code(&store->bucket, task, mls_s3_text(node, "Code"),
							   mls_s3_text(node, "Message"));
	}
	return true;
}

static void
delete_files(MlsStore *head, const List *names)
{
	S3Store *store = (S3Store *) head;
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw deletion", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int n = list_length(names);
	int at = 0;

	while (n > 1 && at < n && delete_many(store, names, at, Min(n, at + MLS_S3_MOST_KEYS)))
	{
		at = Min(n, at + MLS_S3_MOST_KEYS);
		MemoryContextReset(context);
	}
	for (; at < n; at++)
	{
		delete_one(store, list_nth(names, at));
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

static int64
sweep(MlsStore *head)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw sweep", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int64 ended =
		mls_s3_sweep((S3Store *) head, GetCurrentTimestamp() - MLS_STORE_STALE_S * USECS_PER_SEC);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return ended;
}

/* ---- reading ---- */

static int64
head_file(MlsStore *head, const char *name)
{
	static const char task[] = "read a file of";
	S3Store *store = (S3Store *) head;
	S3Call call = {.method = "HEAD", .name = name, .purpose = purpose_of(name)};
	MlsHttpResponse *response = mls_s3_fetch(&store->bucket, &call);
	const char *length = mls_http_header(response, "content-length");

	if (response->status == 404)
		return -1;
	if (response->status != 200)
		mls_s3_report(&store->bucket, task, response);
	if (length == NULL || *length == '\0' || strspn(length, "0123456789") != strlen(length) ||
		strlen(length) > 18)
		mls_s3_report_stranger(&store->bucket, task, response);
	return (int64) strtoll(length, NULL, 10);
}

static MlsStoreGet *
get_file(MlsStore *head, const char *name)
{
	S3Store *store = (S3Store *) head;
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw file", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	S3Call call = {.method = "GET", .name = name, .spool = true, .purpose = purpose_of(name)};
	S3Get *get = palloc0(sizeof(S3Get));
	MlsHttpResponse *response = mls_s3_fetch(&store->bucket, &call);

	MemoryContextSwitchTo(old);
	if (response->status == 404 && strcmp(mls_s3_code(response), "NoSuchBucket") != 0)
	{
		MemoryContextDelete(context);
		return NULL;
	}
	if (response->status != 200)
		mls_s3_report(&store->bucket, "read a file of", response);
	get->head.store = head;
	get->pieces.response = response;
	get->context = context;
	return &get->head;
}

static bool
get_piece(MlsStoreGet *head, const char **bytes, Size *length)
{
	return mls_http_piece(&((S3Get *) head)->pieces, bytes, length);
}

static void
get_end(MlsStoreGet *head)
{
	MemoryContextDelete(((S3Get *) head)->context);
}

/* ---- listing ---- */

/* Is it a document of a folder, and of none below? */
static bool
is_document_in(const char *name, const char *folder)
{
	return mls_store_is_document(name) && strchr(name + strlen(folder) + 1, '/') == NULL;
}

/* What is listed: files whose names begin so; or documents of a folder, which is named then. */
typedef struct Wanted
{
	const char *prefix;
	const char *folder;
	int most;
} Wanted;

typedef struct Listed
{
	const Wanted *wanted;
	List *entries;
} Listed;

/* An object that is a file of ours, behind those that were found before. */
static int
take_object(void *arg, const MlsS3Object *object)
{
	Listed *listed = arg;
	const Wanted *wanted = listed->wanted;
	MlsStoreEntry *entry;

	if (strlen(object->name) >= strlen(wanted->prefix) &&
		(wanted->folder ? is_document_in(object->name, wanted->folder)
						: mls_store_is_name(object->name)))
	{
		entry = palloc(sizeof(MlsStoreEntry));
		strlcpy(entry->name, object->name, sizeof(entry->name));
		entry->length = object->length;
		entry->modified = object->modified;
		listed->entries = lappend(listed->entries, entry);
	}
	return wanted->most - list_length(listed->entries);
}

static List *
list_wanted(MlsStore *head, const Wanted *wanted, const char *after)
{
	Listed listed = {.wanted = wanted};

	mls_s3_list(&((S3Store *) head)->bucket, wanted->prefix, after, false, wanted->most,
				take_object, &listed);
	return listed.entries;
}

static List *
list_files(MlsStore *head, const char *prefix, const char *after, int most)
{
	Wanted wanted = {.prefix = prefix, .most = most};

	return list_wanted(head, &wanted, after);
}

static List *
list_documents(MlsStore *head, const char *folder, const char *after, int most)
{
	Wanted wanted = {.prefix = psprintf("%s/", folder), .folder = folder, .most = most};

	return list_wanted(head, &wanted, after);
}

/* ---- whose it is ---- */

static char *
read_mark(MlsStore *head)
{
	MlsStoreGet *get = get_file(head, MLS_STORE_MARK);
	char *mark;
	const char *bytes;
	Size length;

	if (get == NULL)
		return NULL;
	mark = get_piece(get, &bytes, &length)
			   ? pnstrdup(bytes, (int) Min(length, MLS_STORE_MARK_BYTES))
			   : pstrdup("");
	get_end(get);
	return mark;
}

/* One that is not to be replaced; what the service has said. */
static MlsHttpResponse *
put_new_mark(S3Store *store, const MlsHttpUpload *mark)
{
	S3Call call = {.method = "PUT",
				   .name = MLS_STORE_MARK,
				   .headers = list_make2("Content-Type: text/plain", "If-None-Match: *"),
				   .upload = mark,
				   .purpose = purpose_of(MLS_STORE_MARK)};

	return mls_s3_fetch(&store->bucket, &call);
}

/*
 * Services that know of no conditions ignore this one, or refuse it; there the later one of two
 * at once has the place, as the other sees when it looks again.
 */
static bool
write_mark(MlsStore *head, const char *text, bool replace)
{
	S3Store *store = (S3Store *) head;
	MlsStoreFile file = {.name = MLS_STORE_MARK,
						 .content_type = "text/plain",
						 .length = strlen(text),
						 .bytes = text};
	MlsHttpUpload mark = {.bytes = file.bytes, .length = file.length};
	MlsHttpResponse *response;

	mls_sha256(file.bytes, file.length, file.sha256);
	memcpy(mark.sha256, file.sha256, sizeof(mark.sha256));
	if (!replace)
	{
		response = put_new_mark(store, &mark);
		/* There is one; or another is just being written. */
		if (response->status == 412 || response->status == 409)
			return false;
		if (response->status == 200 && !mls_s3_is_error(response))
			return true;
		if (response->status != 501 && strcmp(mls_s3_code(response), "NotImplemented") != 0)
			mls_s3_report(&store->bucket, "write a file of", response);
	}
	put_finish(put_start(head, &file));
	return true;
}

/* ---- opening ---- */

static char *
signed_link(const MlsStore *head, const char *name, int seconds)
{
	const S3Store *store = (const S3Store *) head;

	return mls_url_signed(&store->bucket.http, store->bucket.http.url,
						  mls_s3_path(&store->bucket, name), seconds);
}

static const MlsStoreKind s3_kind = {
	.put_start = put_start,
	.put_finish = put_finish,
	.delete = delete_files,
	.sweep = sweep,
	.head = head_file,
	.get = get_file,
	.get_piece = get_piece,
	.get_end = get_end,
	.list = list_files,
	.list_documents = list_documents,
	.link = signed_link,
	.read_mark = read_mark,
	.write_mark = write_mark,
};

MlsStore *
mls_s3_open(const MlsStore *head)
{
	S3Store *store = palloc0(sizeof(S3Store));

	store->head = *head;
	store->head.kind = &s3_kind;
	mls_s3_bucket(&store->bucket, head->source, &head->place,
				  psprintf("store \"%s\"", head->source->name), &store->head.stats);
	store->bucket.is_written = true;
	return &store->head;
}
