/*
 * option_table.c
 *		The table of all options, their values, and their listing as SQL.
 *
 * The table is the only place where an option's name, type, range, default and
 * meaning stand; the validator, the readers and the documentation follow it.
 * Secrets can be given in user mappings only, because only there the table has
 * options of that kind.
 *
 * An option that overrides a constant of the platform has no default here.
 *
 * The validator and the readers go through the same function, so a value that
 * was accepted by CREATE or ALTER can be read later.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/acl.h"
#include "utils/datetime.h"
#include "utils/guc.h"

#include "base/base.h"
#include "http/http.h"
#include "http/url.h"
#include "options/option_table.h"
#include "options/options.h"
#include "protocol/protocol.h"

#define SERVER ForeignServerRelationId
#define MAPPING UserMappingRelationId
#define TABLE ForeignTableRelationId
#define COLUMN AttributeRelationId
#define IMPORT MLS_OPTION_IMPORT

#define IN_SOURCE(member) offsetof(MlsSource, member)
#define IN_TABLE(member) offsetof(MlsTable, member)
#define IN_COLUMN(member) offsetof(MlsColumn, member)

#define MB (1024.0 * 1024.0)
#define TB (MB * MB)

/* In the order of MlsAuth (a signature is not chosen: a store in S3 wants it), MlsTokenStyle, MlsOrdering, MlsTls, MlsShape and MlsSchemaPolicy. */
static const char *const auth_names[] = {"none",      "oauth2",   "bearer", "basic", "header",
										 "challenge", "password", "query",  NULL};
static const char *const token_style_names[] = {"form", "basic", "json", NULL};
static const char *const ordering_names[] = {"any", "timestamp", "none", NULL};
static const char *const paging_names[] = {"probe", "offset", "keys", NULL};
static const char *const tls_names[] = {"verify", "none", NULL};
static const char *const shape_names[] = {"lines", "reso", "entity_event", NULL};
static const char *const schema_policy_names[] = {"evolve", "freeze", "stop", "ignore", NULL};
static const char *const naming_names[] = {"snake_case", "preserve", "standard", NULL};

/*
 * Limits are set where a value can only be a slip of the pen, with room above
 * what any known source needs: 300,000 records is the largest documented page,
 * and a page must fit into one allocation of the server (1 GB).
 */
/* clang-format off */
static const MlsOption option_table[] = {
	/* Where */
	{"protocol", SERVER, MLS_OPTION_TEXT, .required = true, .offset = MLS_OPTION_UNPLACED,
	 .help = "Protocol the source speaks."},
	{"platform", SERVER, MLS_OPTION_TEXT, .offset = IN_SOURCE(platform_name), .default_value = "generic",
	 .help = "Product the source runs on; decides the defaults of most other options."},
	{"url", SERVER, MLS_OPTION_URL, .required = true, .offset = IN_SOURCE(http.url),
	 .help = "Service root of the source; of a store of files file:///directory or s3://bucket/prefix; of a dataset one of these, the address of a file, or upload:; of a destination mysql://host/database or postgresql://host/database; of a search engine or a receiver its address."},

	/* Login */
	{"auth", SERVER, MLS_OPTION_CHOICE, .offset = IN_SOURCE(http.auth), .choices = auth_names,
	 .help = "How to log in; by default what the user mapping has the options for."},
	{"token_url", SERVER, MLS_OPTION_URL, .offset = IN_SOURCE(http.token_url),
	 .help = "Token endpoint for oauth2; default of the platform."},
	{"token_style", SERVER, MLS_OPTION_CHOICE, .offset = IN_SOURCE(http.token_style), .choices = token_style_names,
	 .help = "How client credentials travel to the token endpoint; default of the platform."},
	{"scope", SERVER, MLS_OPTION_TEXT, .offset = IN_SOURCE(http.scope),
	 .help = "Scope to ask for at the token endpoint; default of the platform."},
	{"header_name", SERVER, MLS_OPTION_TEXT, .offset = IN_SOURCE(http.header_name), .default_value = "X-Api-Key",
	 .help = "Header that carries api_key."},
	{"key_parameter", SERVER, MLS_OPTION_TEXT, .offset = IN_SOURCE(http.key_parameter),
	 .help = "Parameter of the address that carries api_key, for auth query; default of the platform."},

	/* Quota; 0 lifts a limit of the platform */
	{"requests_per_second", SERVER, MLS_OPTION_REAL, .offset = IN_SOURCE(http.rates.per_second), .max = 10000,
	 .help = "Most requests in a second, over all sessions; 0 for no limit."},
	{"requests_per_minute", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(http.rates.per_minute), .max = 1000000,
	 .help = "Most requests in a minute; 0 for no limit."},
	{"requests_per_hour", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(http.rates.per_hour), .max = 100000000,
	 .help = "Most requests in an hour; 0 for no limit."},
	{"requests_per_day", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(http.rates.per_day), .max = 1000000000,
	 .help = "Most requests in a day; 0 for no limit."},
	{"bytes_per_hour", SERVER, MLS_OPTION_BYTES, .offset = IN_SOURCE(http.rates.bytes_per_hour), .max = TB,
	 .help = "Most bytes received in an hour, as they travel; 0 for no limit."},
	{"media_requests_per_hour", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(platform.media_rates.per_hour), .max = 100000000,
	 .help = "Most files of media fetched in an hour, beside the other limits; 0 for no limit; default of the platform."},
	{"media_bytes_per_hour", SERVER, MLS_OPTION_BYTES, .offset = IN_SOURCE(platform.media_rates.bytes_per_hour), .max = TB,
	 .help = "Most bytes of such files in an hour; 0 for no limit; default of the platform."},
	{"media_hosts", SERVER, MLS_OPTION_TEXT, .offset = IN_SOURCE(platform.media_hosts),
	 .help = "Hosts of files that get the token as User-Agent where the platform wants that, beside the source's own: host, host:port or *.suffix, separated by commas; default of the platform."},
	{"quota_group", SERVER, MLS_OPTION_TEXT, .offset = MLS_OPTION_UNPLACED,
	 .help = "Name of a quota (and of sessions) that servers of the same owner share, for one account behind several servers; letters, digits, _ and -."},
	{"max_sessions", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(http.max_sessions), .max = 1000, .default_value = "0",
	 .help = "RETS: most sessions open at a time, over all processes of the database; 0 for no limit."},

	/* Transport */
	{"connect_timeout_ms", SERVER, MLS_OPTION_MS, .offset = IN_SOURCE(http.connect_timeout_ms), .min = 1, .max = 600000, .default_value = "10000",
	 .help = "Time allowed for a connection, TLS included."},
	{"timeout_ms", SERVER, MLS_OPTION_MS, .offset = IN_SOURCE(http.timeout_ms), .min = 1, .max = 3600000, .default_value = "60000",
	 .help = "Time without a byte after which a request is given up."},
	{"min_bytes_per_second", SERVER, MLS_OPTION_BYTES, .offset = IN_SOURCE(http.min_bytes_per_second), .max = 1000 * MB, .default_value = "1000",
	 .help = "An answer that has begun and brings less than this in the mean of timeout_ms is given up; 0 for no limit."},
	{"retries", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(http.retries), .max = 20, .default_value = "5",
	 .help = "Further attempts after a network failure, 429 or 5xx."},
	{"max_page_bytes", SERVER, MLS_OPTION_BYTES, .offset = IN_SOURCE(http.max_page_bytes), .min = 1024, .max = 1000 * MB, .default_value = "256MB",
	 .help = "Largest page accepted, after decompression."},
	{"max_answer_bytes", SERVER, MLS_OPTION_BYTES, .offset = IN_SOURCE(http.max_answer_bytes), .min = 1024, .max = TB, .default_value = "8GB",
	 .help = "RETS: largest answer to a search, after decompression; a long one is kept in a temporary file while its pages are read. Datasets: largest file, as it comes and unpacked."},
	{"ca_file", SERVER, MLS_OPTION_FILE, .offset = IN_SOURCE(http.ca_file),
	 .help = "File of certificate authorities to trust instead of the system's; needs pg_read_server_files."},
	{"tls", SERVER, MLS_OPTION_CHOICE, .offset = IN_SOURCE(tls), .choices = tls_names, .default_value = "verify",
	 .help = "Destinations: verify connects by TLS only and checks the certificate and the host's name; none in clear, to hosts that mls_fdw.allowed_hosts lists."},
	{"shape", SERVER, MLS_OPTION_CHOICE, .offset = IN_SOURCE(shape), .choices = shape_names, .default_value = "lines",
	 .help = "What publications send to a receiver, or write as files of a store: lines of JSON, a record or a deletion each; documents of the RESO Common Format; or EntityEvents, which name the keys of what has changed."},
	{"proxy", SERVER, MLS_OPTION_URL, .offset = IN_SOURCE(http.proxy),
	 .help = "Proxy for all requests; the environment is not asked."},
	{"user_agent", SERVER, MLS_OPTION_TEXT, .offset = IN_SOURCE(http.user_agent), .default_value = MLS_HTTP_USER_AGENT,
	 .help = "User-Agent header."},

	/* Paging */
	{"page_size", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(platform.page_size), .min = 1, .max = 1000000,
	 .help = "Records asked for per page; default of the platform."},
	{"key_page_size", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(platform.key_page_size), .min = 1, .max = 1000000,
	 .help = "Same when only keys and timestamps are read."},
	{"expand_page_size", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(platform.expand_page_size), .min = 1, .max = 1000000,
	 .help = "Same when related records are expanded."},
	{"prefer", SERVER, MLS_OPTION_BOOL, .offset = IN_SOURCE(platform.prefer),
	 .help = "Ask for the page size by a Prefer header instead of $top; default of the platform."},
	{"paging", SERVER, MLS_OPTION_CHOICE, .offset = IN_SOURCE(platform.paging), .choices = paging_names,
	 .help = "RETS: how the rest of a long answer is read: by position and checked, by position only, or by keys; default of the platform."},
	{"replication_path", SERVER, MLS_OPTION_TEXT, .offset = IN_SOURCE(platform.replication_path),
	 .help = "What is appended to a resource to read all of it; default of the platform."},

	/* What may be asked of the source */
	{"ordering", SERVER, MLS_OPTION_CHOICE, .offset = IN_SOURCE(platform.ordering), .choices = ordering_names,
	 .help = "Order the source can give: any, only by modification timestamp, or none; default of the platform."},
	{"push_or", SERVER, MLS_OPTION_BOOL, .offset = IN_SOURCE(platform.or_allowed),
	 .help = "Send OR; default of the platform."},
	{"max_or", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(platform.max_or), .max = 1000,
	 .help = "Most ORs in one request; 0 for no limit; default of the platform."},
	{"push_in", SERVER, MLS_OPTION_BOOL, .offset = IN_SOURCE(platform.in_allowed),
	 .help = "Send lists of values as IN instead of OR; default of the platform."},
	{"push_any", SERVER, MLS_OPTION_BOOL, .offset = IN_SOURCE(platform.any_allowed),
	 .help = "Send conditions on collections; default of the platform."},
	{"push_like", SERVER, MLS_OPTION_BOOL, .offset = IN_SOURCE(platform.text_match),
	 .help = "Send LIKE; default of the platform."},
	{"push_not", SERVER, MLS_OPTION_BOOL, .offset = IN_SOURCE(platform.negation),
	 .help = "Send NOT; only for a source whose answer to it is faithful; default of the platform."},
	{"push_not_equal", SERVER, MLS_OPTION_BOOL, .offset = IN_SOURCE(platform.not_equal),
	 .help = "Send <>; only for a source whose answer to it is faithful; default of the platform."},
	{"push_null_tests", SERVER, MLS_OPTION_BOOL, .offset = IN_SOURCE(platform.null_tests),
	 .help = "Send IS [NOT] NULL; only for a source whose answer to it is faithful; default of the platform."},
	{"push_count", SERVER, MLS_OPTION_BOOL, .offset = IN_SOURCE(platform.count_exact),
	 .help = "Let the source count; default of the platform."},
	{"text_exact", SERVER, MLS_OPTION_BOOL, .offset = IN_SOURCE(platform.text_exact),
	 .help = "The source compares text byte for byte; default of the platform."},
	{"enum_qualified", SERVER, MLS_OPTION_BOOL, .offset = IN_SOURCE(platform.enum_qualified),
	 .help = "Write enumeration members with their type's name; default of the platform."},
	{"timestamp_digits", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(platform.timestamp_digits), .max = 6,
	 .help = "Fraction digits of the source's timestamps; literals are sent with as many, "
			 "also when they are zero. Default of the platform."},
	{"url_length", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(platform.url_length), .min = 200, .max = 100000,
	 .help = "Longest address the source accepts; default of the platform."},
	{"originating_system", SERVER, MLS_OPTION_TEXT, .offset = MLS_OPTION_UNPLACED,
	 .help = "Originating system to read, where the platform requires one."},

	/* Meaning of the data */
	{"timezone", SERVER, MLS_OPTION_TIMEZONE, .offset = IN_SOURCE(timezone), .default_value = "UTC",
	 .help = "Time zone of date-times that come without an offset."},
	{"media_timestamp", SERVER, MLS_OPTION_TEXT, .offset = IN_SOURCE(platform.media_timestamp),
	 .help = "Field of media that moves when the bytes of the file do; where a record lacks it, ModificationTimestamp; default of the platform."},
	{"key_prefix", SERVER, MLS_OPTION_TEXT, .offset = IN_SOURCE(key_prefix),
	 .help = "Put before keys in gold, to keep the keys of several sources apart."},
	{"priority", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(priority), .min = -1000000, .max = 1000000, .default_value = "0",
	 .help = "Of sources that have the same key in gold, the one with the higher number is shown."},

	/* Replication */
	{"select", SERVER, MLS_OPTION_LIST, .offset = IN_SOURCE(select),
	 .help = "Fields that syncs ask for, of all resources, separated by commas; those a resource does not have are passed over, and one that has none of them is read with all; default all."},
	{"overlap", SERVER, MLS_OPTION_DURATION, .offset = IN_SOURCE(platform.overlap_s), .max = 31 * 86400,
	 .help = "How far before its cursor a sync starts; default of the platform."},
	{"workers", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(workers), .min = 0, .max = 16, .default_value = "0",
	 .help = "Processes that share the load of one resource, as far as mls_fdw.max_sync_workers allows; 0: as many as the machine has cores, if there are 10,000 records for each."},
	{"expand_limit", SERVER, MLS_OPTION_INT, .offset = IN_SOURCE(platform.expand_limit), .max = 1000000,
	 .help = "Most records the source expands in one collection, which may be cut there; 0 for no limit; default of the platform."},
	{"purge_limit", SERVER, MLS_OPTION_LIMIT, .offset = IN_SOURCE(purge_limit), .default_value = "10%, 100",
	 .help = "Share and number of records; a purge that would remove more than both is refused."},
	{"reject_limit", SERVER, MLS_OPTION_LIMIT, .offset = IN_SOURCE(reject_limit), .default_value = "10%, 100",
	 .help = "Share and number of records of a page, whichever is smaller, that may be left out because they "
	 "cannot be stored."},
	{"schema_policy", SERVER, MLS_OPTION_CHOICE, .offset = IN_SOURCE(schema_policy), .choices = schema_policy_names, .default_value = "evolve",
	 .help = "What a sync does when the remote schema has changed: let the tables follow, record it, stop, or not look."},
	{"schema_check_interval", SERVER, MLS_OPTION_DURATION, .offset = IN_SOURCE(schema_check_s), .max = 366 * 86400, .default_value = "1 day",
	 .help = "How long syncs go without comparing the remote schema; 0 for each time."},
	{"whole_interval", SERVER, MLS_OPTION_DURATION, .offset = IN_SOURCE(whole_s), .max = 366 * 86400, .default_value = "1 day",
	 .help = "How long syncs that name no source leave alone what has no timestamp and is read whole; 0 for no such pause. Also how long the answer of a source holds good that tells its units."},
	{"refresh_within", SERVER, MLS_OPTION_DURATION, .offset = MLS_OPTION_UNPLACED, .min = 60, .max = 366 * 86400,
	 .help = "How often the licence wants each resource to be asked for what is new, as 12 hours; mls_health() tells when the last success is about to be, or is, older than that. Default no such rule."},

	/* Being told */
	{"webhook", SERVER, MLS_OPTION_URL, .offset = IN_SOURCE(webhook),
	 .help = "Address to which events of runs are posted."},
	{"webhook_events", SERVER, MLS_OPTION_LIST, .offset = MLS_OPTION_UNPLACED, .default_value = "finished, failed, recovered",
	 .help = "Which events are posted, separated by commas: started, finished, failed, recovered."},

	/* Planning */
	{"request_cost", SERVER, MLS_OPTION_REAL, .offset = IN_SOURCE(request_cost), .max = 1e9, .default_value = "500",
	 .help = "Planner's cost of one request."},

	/* Secrets */
	{"client_id", MAPPING, MLS_OPTION_SECRET, .offset = IN_SOURCE(http.client_id),
	 .help = "OAuth 2 client."},
	{"client_secret", MAPPING, MLS_OPTION_SECRET, .offset = IN_SOURCE(http.client_secret),
	 .help = "OAuth 2 client's secret."},
	{"token", MAPPING, MLS_OPTION_SECRET, .offset = IN_SOURCE(http.token),
	 .help = "Fixed bearer token."},
	{"username", MAPPING, MLS_OPTION_SECRET, .offset = IN_SOURCE(http.username),
	 .help = "User name."},
	{"password", MAPPING, MLS_OPTION_SECRET, .offset = IN_SOURCE(http.password),
	 .help = "Password."},
	{"ua_password", MAPPING, MLS_OPTION_SECRET, .offset = IN_SOURCE(http.ua_password),
	 .help = "RETS: password of the user agent."},
	{"api_key", MAPPING, MLS_OPTION_SECRET, .offset = IN_SOURCE(http.header_value),
	 .help = "Value of the header header_name."},
	{"api_user", MAPPING, MLS_OPTION_SECRET, .offset = IN_SOURCE(http.api_user),
	 .help = "Whose key api_key is, for sources that ask: the header X-Api-User."},
	{"webhook_secret", MAPPING, MLS_OPTION_SECRET, .offset = IN_SOURCE(webhook_secret),
	 .help = "Key with which deliveries to the webhook are signed."},

	/* Foreign tables */
	{"resource", TABLE, MLS_OPTION_TEXT, .required = true, .offset = IN_TABLE(resource),
	 .help = "Resource of the source."},
	{"filter", TABLE, MLS_OPTION_TEXT, .offset = IN_TABLE(filter),
	 .help = "Condition in the protocol's own syntax that every request carries."},
	{"expand", TABLE, MLS_OPTION_TEXT, .offset = IN_TABLE(expand),
	 .help = "Related records to fetch along, in the protocol's own syntax."},
	{"select", TABLE, MLS_OPTION_LIST, .offset = IN_TABLE(select),
	 .help = "Fields that syncs ask for, separated by commas, besides keys and timestamps; default of the server."},
	{"key", TABLE, MLS_OPTION_LIST, .offset = IN_TABLE(key),
	 .help = "Fields of the primary key, separated by commas."},
	{"timestamp", TABLE, MLS_OPTION_TEXT, .offset = IN_TABLE(timestamp),
	 .help = "Field of the modification timestamp."},
	{"timestamps", TABLE, MLS_OPTION_LIST, .offset = IN_TABLE(timestamps),
	 .help = "Further timestamp fields, separated by commas, whose change makes a sync read a record again."},
	{"parent", TABLE, MLS_OPTION_LIST, .offset = IN_TABLE(parent),
	 .help = "Where its records come from: Resource.Expansion, or Resource to ask for them by the key of each; several separated by commas; none to sync it by itself."},
	{"parent_key", TABLE, MLS_OPTION_TEXT, .offset = IN_TABLE(parent_key),
	 .help = "Field with the key of the record it belongs to; by default ResourceRecordKey, or the field named like that key."},
	{"rows", TABLE, MLS_OPTION_REAL, .offset = IN_TABLE(rows), .max = 1e12, .default_value = NULL,
	 .help = "Estimated number of records, until the table is analyzed."},
	{"page_size", TABLE, MLS_OPTION_INT, .offset = MLS_OPTION_UNPLACED, .min = 1, .max = 1000000,
	 .help = "Records asked for per page; default of the server."},

	/* Columns */
	{"field", COLUMN, MLS_OPTION_TEXT, .offset = IN_COLUMN(field),
	 .help = "Remote field; * for the whole record, a/b for member b of the object in "
			 "field a; by default the column's name."},
	{"type", COLUMN, MLS_OPTION_TEXT, .offset = IN_COLUMN(remote_type),
	 .help = "Remote type of the field."},
	{"lookup", COLUMN, MLS_OPTION_TEXT, .offset = IN_COLUMN(lookup),
	 .help = "RETS: lookup whose codes the source sends; the column holds what they mean."},
	{"standard_name", COLUMN, MLS_OPTION_TEXT, .offset = IN_COLUMN(standard_name),
	 .help = "Standard name of the field, by which it goes into gold; by default the field's name."},
	{"enum", COLUMN, MLS_OPTION_BOOL, .offset = IN_COLUMN(is_enum), .default_value = "false",
	 .help = "The remote type is an enumeration."},
	{"flags", COLUMN, MLS_OPTION_BOOL, .offset = IN_COLUMN(is_flags), .default_value = "false",
	 .help = "The enumeration's members can be combined."},

	/* IMPORT FOREIGN SCHEMA */
	{"names", IMPORT, MLS_OPTION_CHOICE, .offset = MLS_OPTION_UNPLACED, .choices = naming_names, .default_value = "snake_case",
	 .help = "Names of tables and columns: in snake_case, as the source has them, or columns by their standard names in snake_case."},
	{"comments", IMPORT, MLS_OPTION_BOOL, .offset = MLS_OPTION_UNPLACED, .default_value = "true",
	 .help = "Comment on tables and columns with the source's descriptions."},
	{"expand", IMPORT, MLS_OPTION_LIST, .offset = MLS_OPTION_UNPLACED,
	 .help = "Navigations to expand into jsonb columns, separated by commas."},
};
/* clang-format on */

const MlsOption *
mls_option_nth(int n)
{
	if (n < lengthof(option_table))
		return &option_table[n];
	n -= lengthof(option_table);
	for (int i = 0; mls_protocols[i]; i++)
		for (const MlsOption *option = mls_protocols[i]->options; option && option->name; option++)
			if (n-- == 0)
				return option;
	return NULL;
}

PG_FUNCTION_INFO_V1(mls_options);

const MlsOption *
mls_option_find(Oid catalog, const char *name)
{
	const MlsOption *option;

	for (int i = 0; (option = mls_option_nth(i)) != NULL; i++)
		if (option->catalog == catalog && strcmp(option->name, name) == 0)
			return option;
	return NULL;
}

const char *
mls_option_catalog_name(Oid catalog)
{
	switch (catalog)
	{
		case SERVER:
			return "server";
		case MAPPING:
			return "user mapping";
		case TABLE:
			return "foreign table";
		case COLUMN:
			return "column";
		default:
			return "import";
	}
}

static const char *
kind_name(MlsOptionKind kind)
{
	static const char *const names[] = {
		[MLS_OPTION_TEXT] = "text",       [MLS_OPTION_SECRET] = "text",
		[MLS_OPTION_LIST] = "list",       [MLS_OPTION_URL] = "url",
		[MLS_OPTION_FILE] = "file",       [MLS_OPTION_TIMEZONE] = "time zone",
		[MLS_OPTION_LIMIT] = "limit",     [MLS_OPTION_BOOL] = "boolean",
		[MLS_OPTION_INT] = "integer",     [MLS_OPTION_REAL] = "number",
		[MLS_OPTION_MS] = "milliseconds", [MLS_OPTION_DURATION] = "seconds or interval",
		[MLS_OPTION_BYTES] = "bytes",     [MLS_OPTION_CHOICE] = "choice",
	};

	return names[kind];
}

const char *
mls_option_text(List *options, const char *name)
{
	ListCell *lc;

	foreach (lc, options)
	{
		DefElem *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, name) == 0)
			return defGetString(def);
	}
	return NULL;
}

/* ---- values: from text to what the readers use, with checks ---- */

/* May a message repeat the value?  Not secrets, nor addresses that may hold one. */
static bool
may_be_shown(const MlsOption *option, const char *value)
{
	if (option->kind == MLS_OPTION_SECRET || option->kind == MLS_OPTION_URL)
		return false;
	for (const char *c = value; *c; c++)
		if ((unsigned char) *c < ' ')
			return false;
	return true;
}

pg_noreturn static void
report_value(const MlsOption *option, const char *value, const char *detail, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					may_be_shown(option, value)
						? errmsg("invalid value for option \"%s\": \"%.200s\"", option->name, value)
						: errmsg("invalid value for option \"%s\"", option->name),
					detail ? errdetail("%s", detail) : 0, hint ? errhint("%s", hint) : 0));
}

static bool
is_whole_number(MlsOptionKind kind)
{
	return kind == MLS_OPTION_INT || kind == MLS_OPTION_MS || kind == MLS_OPTION_DURATION ||
		   kind == MLS_OPTION_BYTES;
}

static bool
is_number(MlsOptionKind kind)
{
	return is_whole_number(kind) || kind == MLS_OPTION_REAL;
}

static char *
allowed_values(const MlsOption *option)
{
	StringInfoData buf;

	if (is_number(option->kind))
		return psprintf("%.0f to %.0f", option->min, option->max);
	if (option->kind == MLS_OPTION_BOOL)
		return pstrdup("true, false");
	if (option->kind != MLS_OPTION_CHOICE)
		return NULL;
	initStringInfo(&buf);
	for (int i = 0; option->choices[i]; i++)
		appendStringInfo(&buf, "%s%s", i == 0 ? "" : ", ", option->choices[i]);
	return buf.data;
}

/* Seconds of an interval text such as "10 minutes"; false if it is none, or has months. */
static bool
read_interval(const char *value, double *seconds)
{
	char work[MAXDATELEN + MAXDATEFIELDS];
	char *fields[MAXDATEFIELDS];
	int types[MAXDATEFIELDS];
	int nfields;
	int dtype;
	struct pg_itm_in itm;

	if (ParseDateTime(value, work, sizeof(work), fields, types, MAXDATEFIELDS, &nfields) != 0 ||
		DecodeInterval(fields, types, nfields, INTERVAL_FULL_RANGE, &dtype, &itm) != 0 ||
		dtype != DTK_DELTA || itm.tm_year != 0 || itm.tm_mon != 0)
		return false;
	*seconds = (double) itm.tm_usec / USECS_PER_SEC + (double) itm.tm_mday * SECS_PER_DAY;
	return true;
}

/* Reads any of the numeric kinds, with the units PostgreSQL's settings have. */
static double
read_number(const MlsOption *option, const char *value)
{
	int unit = option->kind == MLS_OPTION_MS         ? GUC_UNIT_MS
			   : option->kind == MLS_OPTION_DURATION ? GUC_UNIT_S
			   : option->kind == MLS_OPTION_BYTES    ? GUC_UNIT_BYTE
													 : 0;
	const char *hint = NULL;
	double number;
	bool valid = parse_real(value, &number, unit, &hint);

	if (!valid && option->kind == MLS_OPTION_DURATION)
	{
		valid = read_interval(value, &number);
		hint = "Write a number of seconds, or an interval of days or shorter units.";
	}
	if (!valid || isnan(number) || (is_whole_number(option->kind) && number != rint(number)))
		report_value(option, value,
					 psprintf("The value must be of type %s.", kind_name(option->kind)), hint);
	if (number < option->min || number > option->max)
		report_value(option, value,
					 psprintf("The value must be from %.0f to %.0f.", option->min, option->max),
					 NULL);
	return number;
}

static int
read_choice(const MlsOption *option, const char *value)
{
	for (int i = 0; option->choices[i]; i++)
		if (strcmp(option->choices[i], value) == 0)
			return i;
	report_value(option, value, NULL, psprintf("Valid values are: %s.", allowed_values(option)));
}

static bool
read_bool(const MlsOption *option, const char *value)
{
	bool result;

	if (!parse_bool(value, &result))
		report_value(option, value, "The value must be of type boolean.", NULL);
	return result;
}

/* Names separated by commas; blanks around them do not count. */
static List *
read_list(const MlsOption *option, const char *value)
{
	List *names = NIL;
	char *copy = pstrdup(value);
	char *next = copy;
	char *name;

	while ((name = strsep(&next, ",")) != NULL)
	{
		while (*name == ' ')
			name++;
		for (char *end = name + strlen(name); end > name && end[-1] == ' ';)
			*--end = '\0';
		if (*name == '\0')
			report_value(option, value, "An element of the list is empty.", NULL);
		names = lappend(names, name);
	}
	return names;
}

/* "10%, 1000": a share, a number, or both. */
static MlsLimit
read_limit(const MlsOption *option, const char *value)
{
	MlsLimit limit = {.share = -1, .number = -1};
	ListCell *lc;

	foreach (lc, read_list(option, value))
	{
		char *part = lfirst(lc);
		int length = strlen(part);
		bool is_share = part[length - 1] == '%';
		double *place = is_share ? &limit.share : &limit.number;
		double number;

		if (is_share)
			part[length - 1] = '\0';
		if (*place >= 0 || !parse_real(part, &number, 0, NULL) || isnan(number) || number < 0 ||
			number > (is_share ? 100 : 1e12) || (!is_share && number != rint(number)))
			report_value(option, value, NULL, "Write a share, a number, or both: \"10%, 1000\".");
		*place = number;
	}
	return limit;
}

static void
check_url(const MlsOption *option, const char *value, const char *(*url_problem)(const char *url))
{
	const char *problem = url_problem ? url_problem(value) : mls_url_problem(value);

	if (problem)
		report_value(option, value, problem, NULL);
}

static void
check_timezone(const MlsOption *option, const char *value)
{
	pg_tz *zone = pg_tzset(value);

	if (zone == NULL || !pg_tz_acceptable(zone))
		report_value(option, value, "There is no such time zone.",
					 "The view pg_timezone_names lists the time zones.");
}

/*
 * A file the server reads is for those who may read its files.  This is judged
 * where the value is set, since the reader may run as another role.
 */
static void
check_file(const MlsOption *option, const char *value)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to set option \"%s\"", option->name),
						errdetail("Only roles with privileges of the role \"%s\" may set it.",
								  "pg_read_server_files")));
	if (!is_absolute_path(value))
		report_value(option, value, "The path must be absolute.", NULL);
}

/* Empty values and control characters have no use in any option, and harm in headers. */
static void
check_text(const MlsOption *option, const char *value)
{
	if (*value == '\0')
		report_value(option, value, "The value must not be empty.", NULL);
	for (const char *c = value; *c; c++)
		if ((unsigned char) *c < ' ' || *c == 0x7f)
			report_value(option, value, "The value must not hold control characters.", NULL);
}

void
mls_option_read(const MlsOption *option, const char *value, void *place)
{
	switch (option->kind)
	{
		case MLS_OPTION_BOOL:
			*(bool *) place = read_bool(option, value);
			break;
		case MLS_OPTION_CHOICE:
			*(int *) place = read_choice(option, value);
			break;
		case MLS_OPTION_LIST:
			*(List **) place = read_list(option, value);
			break;
		case MLS_OPTION_INT:
		case MLS_OPTION_MS:
		case MLS_OPTION_DURATION:
			*(int *) place = (int) read_number(option, value);
			break;
		case MLS_OPTION_BYTES:
			*(int64 *) place = (int64) read_number(option, value);
			break;
		case MLS_OPTION_REAL:
			*(double *) place = read_number(option, value);
			break;
		case MLS_OPTION_LIMIT:
			*(MlsLimit *) place = read_limit(option, value);
			break;
		default:
			*(const char **) place = value;
	}
}

void
mls_option_check(const MlsOption *option, const char *value,
				 const char *(*url_problem)(const char *url))
{
	union
	{
		bool truth;
		int number;
		int64 bytes;
		double real;
		MlsLimit limit;
		const void *pointer;
	} unused;

	check_text(option, value);
	switch (option->kind)
	{
		case MLS_OPTION_URL:
			check_url(option, value, url_problem);
			break;
		case MLS_OPTION_FILE:
			check_file(option, value);
			break;
		case MLS_OPTION_TIMEZONE:
			check_timezone(option, value);
			break;
		default:
			mls_option_read(option, value, &unused);
	}
}

/* Is an option one that a source's protocol has of its own, with a place for it? */
static bool
is_own(const MlsOption *option, const MlsSource *source)
{
	if (source->own == NULL)
		return false;
	for (const MlsOption *own = source->protocol->options; own->name; own++)
		if (own == option)
			return true;
	return false;
}

void
mls_option_apply(Oid catalog, List *options, void *target)
{
	const MlsOption *option;

	for (int i = 0; (option = mls_option_nth(i)) != NULL; i++)
	{
		void *base = option->own ? ((MlsSource *) target)->own : target;
		const char *value;

		if (option->catalog != catalog || option->offset == MLS_OPTION_UNPLACED ||
			(option->own && !is_own(option, target)))
			continue;
		value = mls_option_text(options, option->name);
		if (value == NULL)
			value = option->default_value;
		if (value != NULL)
			mls_option_read(option, value, (char *) base + option->offset);
	}
}

/* ---- the listing ---- */

/* mls_options(): the table as rows, for people and for the documentation. */
Datum
mls_options(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const MlsOption *option;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; (option = mls_option_nth(i)) != NULL; i++)
	{
		mls_return_row(result, mls_arg_text(mls_option_catalog_name(option->catalog)),
					   mls_arg_text(option->name), mls_arg_text(kind_name(option->kind)),
					   mls_arg_text(option->default_value), mls_arg_text(allowed_values(option)),
					   mls_arg_bool(option->required),
					   mls_arg_bool(option->kind == MLS_OPTION_SECRET), mls_arg_text(option->help));
	}
	return (Datum) 0;
}
