/*
 * file.c
 *		Places of files as a protocol: its options, and that it has no records.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"

#include "protocol/file/file.h"

#define SERVER ForeignServerRelationId
#define MAPPING UserMappingRelationId
#define IN_SOURCE(member) offsetof(MlsSource, member)
#define OWN(member) .own = true, .offset = offsetof(MlsFileServer, member)

static const char *const platform_names[] = {"generic", NULL};
static const MlsPlatform generic = {.name = "generic"};

/* In the order of MlsPathStyle. */
static const char *const path_style_names[] = {"auto", "true", "false", NULL};

/* clang-format off */
const MlsOption mls_file_options[] = {
	{"endpoint", SERVER, MLS_OPTION_URL, .offset = IN_SOURCE(endpoint),
	 .help = "S3: address of the service, such as https://minio.example.com; default Amazon's of the region."},
	{"region", SERVER, MLS_OPTION_TEXT, .offset = IN_SOURCE(http.region), .default_value = "us-east-1",
	 .help = "S3: region for which requests are signed; some services want a word of their own, as R2 wants auto."},
	{"path_style", SERVER, MLS_OPTION_CHOICE, .offset = IN_SOURCE(path_style), .choices = path_style_names, .default_value = "auto",
	 .help = "S3: whether the bucket stands in the path of addresses instead of the host's name; auto: where an endpoint is named, and where the bucket has a dot."},
	{"public_url", SERVER, MLS_OPTION_URL, OWN(public_url),
	 .help = "Address under which the files of a store can be read by anybody, such as that of a CDN; names are put behind it."},
	{"shared", SERVER, MLS_OPTION_BOOL, OWN(shared), .default_value = "false",
	 .help = "Whether several databases keep files there; then mls_media_sync and mls_media_verify remove none."},
	{"access_key", MAPPING, MLS_OPTION_SECRET, .offset = IN_SOURCE(http.access_key),
	 .help = "S3: identifier of the access key."},
	{"secret_key", MAPPING, MLS_OPTION_SECRET, .offset = IN_SOURCE(http.secret_key),
	 .help = "S3: the secret of the access key."},
	{"session_token", MAPPING, MLS_OPTION_SECRET, .offset = IN_SOURCE(http.session_token),
	 .help = "S3: token of temporary credentials."},
	{NULL},
};
/* clang-format on */

static const MlsPlatform *
find_platform(const char *name)
{
	return strcmp(name, generic.name) == 0 ? &generic : NULL;
}

static const char *
url_problem(const char *url)
{
	MlsFilePlace place;

	return mls_file_place(url, &place);
}

static MlsRemoteSchema *
describe(const MlsSource *source, MlsHttpStats *stats)
{
	ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
					errmsg("server \"%s\" is a store of files and has no resources", source->name),
					errhint("Sources of records are servers of the other protocols.")));
}

const MlsProtocol mls_file_protocol = {
	.name = "file",
	.is_store = true,
	.url_problem = url_problem,
	.is_signed = mls_file_is_signed,
	.platform = find_platform,
	.platform_names = platform_names,
	.options = mls_file_options,
	.own_size = sizeof(MlsFileServer),
	.describe = describe,
};
