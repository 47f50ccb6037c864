/*
 * store_s3.c
 *		A bucket of S3 as a store.
 */
#include "postgres.h"

#include "media/store_parts.h"

MlsStore *
mls_s3_open(const MlsStore *head)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("store \"%s\" is a bucket", head->source->name)));
}
