/*
 * file_place.c
 *		Addresses of places: file:///srv/photos, s3://bucket/prefix.
 */
#include "postgres.h"

#include "protocol/file/file.h"

#define FILE_SCHEME "file://"
#define S3_SCHEME "s3://"

/* S3 takes names of 1,024 bytes; what stands below a prefix is shorter than 100. */
#define LONGEST_PREFIX 512

/* The longest path of a directory; names below it must fit into PATH_MAX, too. */
#define LONGEST_DIRECTORY (MAXPGPATH - 128)

#define LONGEST_BUCKET 63

/* Is a path made of segments that all name something?  "/" between them only. */
static bool
is_plain_path(const char *path)
{
	while (*path)
	{
		int length = strcspn(path, "/");

		if (length == 0 || (length <= 2 && strspn(path, ".") >= length))
			return false;
		path += length;
		if (*path == '/' && *++path == '\0')
			return false;
	}
	return true;
}

static const char *
directory_place(const char *path, MlsFilePlace *place)
{
	int length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	if (path[0] != '/')
		return "It has the form file:///directory, with three slashes.";
	if (length > LONGEST_DIRECTORY)
		return "The directory's path is too long.";
	place->directory = pnstrdup(path, length);
	if (length == 1 || !is_plain_path(place->directory + 1))
		return "The directory is an absolute path below the root, without empty parts, \".\" and "
			   "\"..\".";
	return NULL;
}

static const char *
bucket_place(const char *rest, MlsFilePlace *place)
{
	int length = strcspn(rest, "/");
	char *prefix = pstrdup(rest + length);
	char *end = prefix + strlen(prefix);

	place->bucket = pnstrdup(rest, length);
	if (length == 0)
		return "It has the form s3://bucket or s3://bucket/prefix.";
	if (length > LONGEST_BUCKET ||
		strspn(place->bucket,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != length ||
		strchr(".-_", place->bucket[0]) || strstr(place->bucket, ".."))
		return "The name of a bucket is up to 63 letters, digits, \".\", \"-\" and \"_\", and "
			   "begins with a letter or digit.";
	while (end > prefix && end[-1] == '/')
		*--end = '\0';
	if (strlen(prefix) > LONGEST_PREFIX)
		return "The prefix is too long.";
	if (*prefix && !is_plain_path(prefix + 1))
		return "The prefix must not have empty parts, \".\" and \"..\".";
	place->prefix = *prefix ? psprintf("%s/", prefix + 1) : "";
	return NULL;
}

const char *
mls_file_place(const char *url, MlsFilePlace *place)
{
	memset(place, 0, sizeof(*place));
	if (pg_strncasecmp(url, FILE_SCHEME, strlen(FILE_SCHEME)) == 0)
		return directory_place(url + strlen(FILE_SCHEME), place);
	if (pg_strncasecmp(url, S3_SCHEME, strlen(S3_SCHEME)) == 0)
		return bucket_place(url + strlen(S3_SCHEME), place);
	return "It has the form file:///directory or s3://bucket/prefix.";
}

void
mls_file_require_open(const MlsSource *source)
{
	if (source->is_closed)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for the place of server \"%s\"", source->name),
						errdetail("\"%s\" is not for the role that asks.", source->http.url),
						errhint("Superusers say with mls_tenant() which places are whose.")));
}

bool
mls_file_is_signed(const char *url)
{
	MlsFilePlace place;

	return mls_file_place(url, &place) == NULL && place.bucket != NULL;
}
