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
#include "media/s3.h"

/* A list of keys to delete holds so many at most, and so does a page of a list. */
#define MOST_KEYS 1000

#define AMAZON "amazonaws.com"

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
	put->request = mls_s3_start(store, &call);
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
		mls_s3_report(store, task, response);
	/* Whoever else says that all is well has not kept anything. */
	if (mls_http_header(response, "etag") == NULL)
		mls_s3_report_stranger(store, task, response);
}

static void
delete_one(S3Store *store, const char *name)
{
	S3Call call = {.method = "DELETE", .name = name, .purpose = purpose_of(name)};
	MlsHttpResponse *response = mls_s3_fetch(store, &call);

	if (response->status != 204 && response->status != 200 &&
		strcmp(mls_s3_code(response), "NoSuchKey") != 0)
		mls_s3_report(store, "delete a file of", response);
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
						 mls_s3_xml_escape(mls_s3_key(store, list_nth(names, i))));
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
	response = mls_s3_fetch(store, &call);
	if (response->status == 501 || response->status == 405 ||
		strcmp(mls_s3_code(response), "NotImplemented") == 0)
		return false;
	answer = mls_s3_document(store, task, response, "DeleteResult");
	foreach (lc, answer->children)
	{
		const MlsXmlNode *node = lfirst(lc);

		if (strcmp(node->name, "Error") == 0 && strcmp(mls_s3_text(node, "Code"), "NoSuchKey") != 0)
			mls_s3_report_code(store, task, mls_s3_text(node, "Code"),
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

	while (n > 1 && at < n && delete_many(store, names, at, Min(n, at + MOST_KEYS)))
	{
		at = Min(n, at + MOST_KEYS);
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
	MlsHttpResponse *response = mls_s3_fetch(store, &call);
	const char *length = mls_http_header(response, "content-length");

	if (response->status == 404)
		return -1;
	if (response->status != 200)
		mls_s3_report(store, task, response);
	if (length == NULL || *length == '\0' || strspn(length, "0123456789") != strlen(length) ||
		strlen(length) > 18)
		mls_s3_report_stranger(store, task, response);
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
	MlsHttpResponse *response = mls_s3_fetch(store, &call);

	MemoryContextSwitchTo(old);
	if (response->status == 404 && strcmp(mls_s3_code(response), "NoSuchBucket") != 0)
	{
		MemoryContextDelete(context);
		return NULL;
	}
	if (response->status != 200)
		mls_s3_report(store, "read a file of", response);
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

/* The objects of a page that are files of ours, behind those that were found before. */
static List *
take_page(const S3Store *store, const MlsXmlNode *page, List *entries, const Wanted *wanted,
		  MemoryContext context)
{
	int skipped = strlen(store->head.place.prefix);
	ListCell *lc;

	foreach (lc, page->children)
	{
		const MlsXmlNode *node = lfirst(lc);
		const char *key = mls_s3_text(node, "Key");
		MlsStoreEntry *entry;
		MemoryContext old;

		if (strcmp(node->name, "Contents") != 0 || strlen(key) < skipped + strlen(wanted->prefix) ||
			list_length(entries) == wanted->most ||
			!(wanted->folder ? is_document_in(key + skipped, wanted->folder)
							 : mls_store_is_name(key + skipped)))
			continue;
		old = MemoryContextSwitchTo(context);
		entry = palloc(sizeof(MlsStoreEntry));
		entries = lappend(entries, entry);
		MemoryContextSwitchTo(old);
		strlcpy(entry->name, key + skipped, sizeof(entry->name));
		entry->length = (int64) strtoll(mls_s3_text(node, "Size"), NULL, 10);
		entry->modified = mls_s3_time(mls_s3_text(node, "LastModified"));
	}
	return entries;
}

static MlsXmlNode *
list_page(S3Store *store, const char *prefix, const char *after, const char *token, int most)
{
	List *params = mls_s3_param("max-keys", psprintf("%d", Min(most, MOST_KEYS)), NIL);
	S3Call call = {.method = "GET", .purpose = "the list of files"};

	if (*after)
		params = mls_s3_param("start-after", mls_s3_key(store, after), params);
	if (*token)
		params = mls_s3_param("continuation-token", token, params);
	call.params =
		mls_s3_param("list-type", "2", mls_s3_param("prefix", mls_s3_key(store, prefix), params));
	return mls_s3_document(store, "list the files of", mls_s3_fetch(store, &call),
						   "ListBucketResult");
}

static List *
list_wanted(MlsStore *head, const Wanted *wanted, const char *after)
{
	S3Store *store = (S3Store *) head;
	MemoryContext result = CurrentMemoryContext;
	MemoryContext pages[2];
	List *entries = NIL;
	const char *token = "";

	/* A page's token is needed for the next one. */
	for (int i = 0; i < 2; i++)
		pages[i] =
			AllocSetContextCreate(CurrentMemoryContext, "mls_fdw listing", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; list_length(entries) < wanted->most; i = 1 - i)
	{
		MlsXmlNode *page;
		const char *next;

		MemoryContextReset(pages[i]);
		MemoryContextSwitchTo(pages[i]);
		page = list_page(store, wanted->prefix, after, token, wanted->most - list_length(entries));
		entries = take_page(store, page, entries, wanted, result);
		next = mls_s3_text(page, "NextContinuationToken");
		MemoryContextSwitchTo(result);
		if (strcmp(mls_s3_text(page, "IsTruncated"), "true") != 0)
			break;
		if (*next == '\0' || strcmp(next, token) == 0)
			ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
							errmsg("could not list the files of store \"%s\"", head->source->name),
							errdetail("The service says that there are more, but not where.")));
		token = next;
	}
	for (int i = 0; i < 2; i++)
		MemoryContextDelete(pages[i]);
	return entries;
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

	return mls_s3_fetch(store, &call);
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
			mls_s3_report(store, "write a file of", response);
	}
	put_finish(put_start(head, &file));
	return true;
}

/* ---- opening ---- */

static char *
signed_link(const MlsStore *head, const char *name, int seconds)
{
	const S3Store *store = (const S3Store *) head;

	return mls_url_signed(&store->http, store->http.url, mls_s3_path(store, name), seconds);
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

/* Can a bucket's name be a part of a host's, with a certificate for it? */
static bool
fits_host(const char *bucket)
{
	return strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(bucket) &&
		   bucket[strlen(bucket) - 1] != '-';
}

static bool
is_path_style(const MlsStore *store)
{
	switch ((MlsPathStyle) store->server->path_style)
	{
		case MLS_PATH_STYLE_TRUE:
			return true;
		case MLS_PATH_STYLE_FALSE:
			if (!fits_host(store->place.bucket))
				ereport(ERROR,
						(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						 errmsg("bucket \"%s\" of store \"%s\" cannot stand in the name of a host",
								store->place.bucket, store->source->name),
						 errhint("Set the option path_style of the server to true.")));
			return false;
		default:
			return store->server->endpoint != NULL || !fits_host(store->place.bucket);
	}
}

/* The region becomes a part of a host's name and of what is signed. */
static void
check_region(const MlsStore *store)
{
	const char *region = store->source->http.region;

	if (strspn(region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") !=
		strlen(region))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("server \"%s\" has no valid region", store->source->name),
						errdetail("A region is letters, digits, \"-\" and \"_\".")));
}

/* Where the service is, and nothing in it: the path is the bucket's. */
static void
check_endpoint(const MlsStore *store)
{
	const char *endpoint = store->server->endpoint;
	const char *rest = endpoint ? strstr(endpoint, "://") + 3 : "";

	rest += strcspn(rest, "/?#@");
	if (*rest && strcmp(rest, "/") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("server \"%s\" has no valid endpoint", store->source->name),
				 errdetail("It is scheme and host, such as https://minio.example.com: bucket "
						   "and prefix stand in the option url, keys in the user mapping.")));
}

MlsStore *
mls_s3_open(const MlsStore *head)
{
	S3Store *store = palloc0(sizeof(S3Store));
	const char *bucket = head->place.bucket;
	const char *endpoint = head->server->endpoint;
	char *origin;

	check_region(head);
	check_endpoint(head);
	store->head = *head;
	store->head.kind = &s3_kind;
	store->http = head->source->http;
	if (endpoint == NULL)
		endpoint = psprintf("https://s3.%s." AMAZON "%s", head->source->http.region,
							strncmp(head->source->http.region, "cn-", 3) == 0 ? ".cn" : "");
	if (is_path_style(head))
	{
		origin = pstrdup(endpoint);
		store->path = psprintf("/%s", bucket);
	}
	else
	{
		const char *host = strstr(endpoint, "://") + 3;

		origin = psprintf("%.*s%s.%s", (int) (host - endpoint), endpoint, bucket, host);
		store->path = "/";
	}
	/* The same form as that of the requests: they are to be at its own origin. */
	store->http.url = mls_url_canonical(origin, "/", NIL);
	return &store->head;
}
