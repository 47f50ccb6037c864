/*
 * s3_bucket.c
 *		Where a bucket is, of Amazon or of one of the many services that speak as it does, and
 *		what it holds.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "protocol/file/s3.h"

#define AMAZON "amazonaws.com"

/* ---- where ---- */

/* Can a bucket's name be a part of a host's, with a certificate for it? */
static bool
fits_host(const char *bucket)
{
	return strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(bucket) &&
		   bucket[strlen(bucket) - 1] != '-';
}

static bool
is_path_style(const MlsSource *source, const MlsBucket *bucket)
{
	switch ((MlsPathStyle) source->path_style)
	{
		case MLS_PATH_STYLE_TRUE:
			return true;
		case MLS_PATH_STYLE_FALSE:
			if (!fits_host(bucket->place.bucket))
				ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
								errmsg("bucket \"%s\" of %s cannot stand in the name of a host",
									   bucket->place.bucket, bucket->owner),
								errhint("Set the option path_style of the server to true.")));
			return false;
		default:
			return source->endpoint != NULL || !fits_host(bucket->place.bucket);
	}
}

/* The region becomes a part of a host's name and of what is signed. */
static void
check_region(const MlsSource *source)
{
	const char *region = source->http.region;

	if (strspn(region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") !=
		strlen(region))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("server \"%s\" has no valid region", source->name),
						errdetail("A region is letters, digits, \"-\" and \"_\".")));
}

/* Where the service is, and nothing in it: the path is the bucket's. */
static void
check_endpoint(const MlsSource *source)
{
	const char *endpoint = source->endpoint;
	const char *rest = endpoint ? strstr(endpoint, "://") + 3 : "";

	rest += strcspn(rest, "/?#@");
	if (*rest && strcmp(rest, "/") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("server \"%s\" has no valid endpoint", source->name),
				 errdetail("It is scheme and host, such as https://minio.example.com: bucket "
						   "and prefix stand in the option url, keys in the user mapping.")));
}

void
mls_s3_bucket(MlsBucket *bucket, const MlsSource *source, const MlsFilePlace *place,
			  const char *owner, MlsHttpStats *stats)
{
	const char *endpoint = source->endpoint;
	char *origin;

	*bucket = (MlsBucket){.owner = owner, .place = *place, .http = source->http, .stats = stats};
	check_region(source);
	check_endpoint(source);
	if (endpoint == NULL)
		endpoint = psprintf("https://s3.%s." AMAZON "%s", source->http.region,
							strncmp(source->http.region, "cn-", 3) == 0 ? ".cn" : "");
	if (is_path_style(source, bucket))
	{
		origin = pstrdup(endpoint);
		bucket->path = psprintf("/%s", place->bucket);
	}
	else
	{
		const char *host = strstr(endpoint, "://") + 3;

		origin = psprintf("%.*s%s.%s", (int) (host - endpoint), endpoint, place->bucket, host);
		bucket->path = "/";
	}
	/* The same form as that of the requests: they are to be at its own origin. */
	bucket->http.url = mls_url_canonical(origin, "/", NIL);
}

/* ---- what it holds ---- */

/* Services may answer pages with nothing on them while they look, and pages are of 1,000. */
#define MOST_EMPTY_PAGES 100
#define MOST_PAGES 10000

/* Tells the objects of a page; how many more are wanted. */
static int
take_page(const MlsBucket *bucket, const MlsXmlNode *page, int most, MlsS3Take take, void *arg)
{
	int skipped = strlen(bucket->place.prefix);
	ListCell *lc;

	foreach (lc, page->children)
	{
		const MlsXmlNode *node = lfirst(lc);
		const char *key = mls_s3_text(node, "Key");
		MlsS3Object object;

		if (strcmp(node->name, "Contents") != 0 || strlen(key) < skipped || most == 0)
			continue;
		object.name = key + skipped;
		object.length = (int64) strtoll(mls_s3_text(node, "Size"), NULL, 10);
		object.modified = mls_s3_time(mls_s3_text(node, "LastModified"));
		object.tag = mls_s3_text(node, "ETag");
		most = take(arg, &object);
	}
	return most;
}

/* Has a page neither objects nor prefixes of some? */
static bool
is_empty(const MlsXmlNode *page)
{
	ListCell *lc;

	foreach (lc, page->children)
	{
		const char *name = ((const MlsXmlNode *) lfirst(lc))->name;

		if (strcmp(name, "Contents") == 0 || strcmp(name, "CommonPrefixes") == 0)
			return false;
	}
	return true;
}

static MlsXmlNode *
list_page(MlsBucket *bucket, const char *prefix, const char *after, bool is_flat, const char *token,
		  int most)
{
	List *params = mls_s3_param("max-keys", psprintf("%d", Min(most, MLS_S3_MOST_KEYS)), NIL);
	S3Call call = {.method = "GET", .purpose = "the list of files"};

	if (*after)
		params = mls_s3_param("start-after", mls_s3_key(bucket, after), params);
	if (is_flat)
		params = mls_s3_param("delimiter", "/", params);
	if (*token)
		params = mls_s3_param("continuation-token", token, params);
	call.params =
		mls_s3_param("list-type", "2", mls_s3_param("prefix", mls_s3_key(bucket, prefix), params));
	return mls_s3_document(bucket, "list the files of", mls_s3_fetch(bucket, &call),
						   "ListBucketResult");
}

void
mls_s3_list(MlsBucket *bucket, const char *prefix, const char *after, bool is_flat, int most,
			MlsS3Take take, void *arg)
{
	MemoryContext before = CurrentMemoryContext;
	MemoryContext pages[2];
	const char *token = "";
	int npages = 0;
	int nempty = 0;

	/* A page's token is needed for the next one. */
	for (int i = 0; i < 2; i++)
		pages[i] =
			AllocSetContextCreate(CurrentMemoryContext, "mls_fdw listing", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; most > 0; i = 1 - i)
	{
		MlsXmlNode *page;
		const char *next;

		MemoryContextReset(pages[i]);
		MemoryContextSwitchTo(pages[i]);
		page = list_page(bucket, prefix, after, is_flat, token, most);
		next = mls_s3_text(page, "NextContinuationToken");
		MemoryContextSwitchTo(before);
		most = take_page(bucket, page, most, take, arg);
		if (strcmp(mls_s3_text(page, "IsTruncated"), "true") != 0)
			break;
		if (*next == '\0' || strcmp(next, token) == 0)
			ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
							errmsg("could not list the files of %s", bucket->owner),
							errdetail("The service says that there are more, but not where.")));
		nempty = is_empty(page) ? nempty + 1 : 0;
		if (nempty == MOST_EMPTY_PAGES || ++npages == MOST_PAGES)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("could not list the files of %s", bucket->owner),
							errdetail("The service does not come to an end of them.")));
		token = next;
	}
	for (int i = 0; i < 2; i++)
		MemoryContextDelete(pages[i]);
}
