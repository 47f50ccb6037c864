/*
 * dataset_bucket.c
 *		Buckets of S3 as places: s3://bucket/prefix.
 *
 * The objects directly below the prefix count.  One is fetched whole, in one answer, into
 * memory or a temporary file, and only if it is still the one that was listed.
 */
#include "postgres.h"

#include "protocol/dataset/dataset_place.h"
#include "protocol/file/s3.h"

static MlsBucket *
open_bucket(const MlsSource *source, MlsHttpStats *stats)
{
	MlsBucket *bucket = palloc(sizeof(MlsBucket));
	MlsFilePlace place;

	(void) mls_file_place(source->http.url, &place);
	mls_s3_bucket(bucket, source, &place, psprintf("source \"%s\"", source->name), stats);
	return bucket;
}

static int
take_object(void *arg, const MlsS3Object *object)
{
	DatasetListing *listing = arg;

	if (*object->name && *object->name != '.' && *object->name != '~' &&
		strchr(object->name, '/') == NULL)
		mls_dataset_found(listing,
						  &(DatasetFile){.name = object->name,
										 .bytes = object->length,
										 .modified = object->modified,
										 .changed = object->modified,
										 .validator = *object->tag ? pstrdup(object->tag) : NULL,
										 .is_whole = true});
	return DATASET_MOST_FILES;
}

static void
list_bucket(DatasetListing *listing)
{
	MlsHttpStats spent = {0};

	mls_s3_list(open_bucket(listing->source, &spent), "", "", true, DATASET_MOST_FILES, take_object,
				listing);
	mls_dataset_spent(listing->stats, &spent);
}

/* A tag as it may stand in a header. */
static bool
is_tag(const char *tag)
{
	for (const char *s = tag; *s; s++)
		if ((unsigned char) *s <= ' ' || (unsigned char) *s >= 0x7f)
			return false;
	return true;
}

static DatasetBytes *
open_object(const MlsSource *source, const DatasetFile *file, MlsHttpStats *stats)
{
	MlsHttpStats spent = {0};
	MlsBucket *bucket = open_bucket(source, &spent);
	S3Call call = {.method = "GET",
				   .name = file->stored,
				   .spool = true,
				   .purpose = psprintf("file \"%s\"", file->name)};
	MlsHttpResponse *answer;
	DatasetBytes *bytes;

	if (file->validator && is_tag(file->validator))
		call.headers = list_make1(psprintf("If-Match: %s", file->validator));
	answer = mls_s3_fetch(bucket, &call);
	mls_dataset_spent(stats, &spent);
	bytes = mls_dataset_answered(source, file, answer);
	if (answer->status == 412 || strcmp(mls_s3_code(answer), "NoSuchKey") == 0)
		mls_dataset_fail(bytes, "It was replaced or removed since it was listed.",
						 "The next sync reads what is there then.");
	if (answer->status != 200)
		mls_s3_report(bucket, "read a file of", answer);
	if (bytes->length != file->bytes)
		mls_dataset_fail(bytes,
						 psprintf("Its length is " INT64_FORMAT ", and was " INT64_FORMAT
								  " when it was listed.",
								  bytes->length, file->bytes),
						 NULL);
	return bytes;
}

const DatasetPlace mls_dataset_bucket = {.list = list_bucket, .open = open_object};
