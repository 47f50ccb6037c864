/*
 * option_validator.c
 *		The wrapper's validator.
 *
 * It sees the list as it will be after ALTER, never what it was before, so every
 * rule is about values and none about changes.  It never looks at the network:
 * a dump must restore where the source cannot be reached; mls_check() is the
 * function that connects.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "http/url.h"
#include "options/option_table.h"
#include "options/options.h"

PG_FUNCTION_INFO_V1(mls_fdw_validator);

/* Of a quota_group: beside the number of a role it must fit into a quota's name. */
#define LONGEST_GROUP 40

/* Names of a catalog's options, ended by NULL. */
static const char **
option_names(Oid catalog)
{
	const MlsOption *option;
	const char **names;
	int count = 0;
	int size = 0;

	while (mls_option_nth(size))
		size++;
	names = palloc0((size + 1) * sizeof(char *));
	for (int i = 0; (option = mls_option_nth(i)) != NULL; i++)
		if (option->catalog == catalog)
			names[count++] = option->name;
	return names;
}

/*
 * What other programs call our options.  A word that means options of several
 * objects stands once for each; the first that the object at hand has is meant.
 */
static const struct
{
	const char *word;
	Oid catalog;
	const char *name;
} synonyms[] = {
	{"address", ForeignServerRelationId, "url"},
	{"base_url", ForeignServerRelationId, "url"},
	{"base_uri", ForeignServerRelationId, "url"},
	{"endpoint", ForeignServerRelationId, "url"},
	{"host", ForeignServerRelationId, "url"},
	{"login_url", ForeignServerRelationId, "url"},
	{"service_root", ForeignServerRelationId, "url"},
	{"uri", ForeignServerRelationId, "url"},
	{"auth_type", ForeignServerRelationId, "auth"},
	{"auth_url", ForeignServerRelationId, "token_url"},
	{"token_endpoint", ForeignServerRelationId, "token_url"},
	{"vendor", ForeignServerRelationId, "platform"},
	{"type", ForeignServerRelationId, "protocol"},
	{"osn", ForeignServerRelationId, "originating_system"},
	{"rate_limit", ForeignServerRelationId, "requests_per_second"},
	{"batch_size", ForeignServerRelationId, "page_size"},
	{"fetch_size", ForeignServerRelationId, "page_size"},
	{"limit", ForeignServerRelationId, "page_size"},
	{"timeout", ForeignServerRelationId, "timeout_ms"},
	{"max_retries", ForeignServerRelationId, "retries"},
	{"prefix", ForeignServerRelationId, "key_prefix"},
	{"useragent", ForeignServerRelationId, "user_agent"},
	{"version", ForeignServerRelationId, "rets_version"},
	{"access_token", UserMappingRelationId, "token"},
	{"api_token", UserMappingRelationId, "token"},
	{"bearer", UserMappingRelationId, "token"},
	{"bearer_token", UserMappingRelationId, "token"},
	{"server_token", UserMappingRelationId, "token"},
	{"key", UserMappingRelationId, "api_key"},
	{"login", UserMappingRelationId, "username"},
	{"user", UserMappingRelationId, "username"},
	{"pass", UserMappingRelationId, "password"},
	{"pwd", UserMappingRelationId, "password"},
	{"secret", UserMappingRelationId, "client_secret"},
	{"user_agent_password", UserMappingRelationId, "ua_password"},
	{"class", ForeignTableRelationId, "resource"},
	{"entity", ForeignTableRelationId, "resource"},
	{"entity_set", ForeignTableRelationId, "resource"},
	{"table", ForeignTableRelationId, "resource"},
	{"table_name", ForeignTableRelationId, "resource"},
	{"condition", ForeignTableRelationId, "filter"},
	{"query", ForeignTableRelationId, "filter"},
	{"where", ForeignTableRelationId, "filter"},
	{"batch_size", ForeignTableRelationId, "page_size"},
	{"fetch_size", ForeignTableRelationId, "page_size"},
	{"id", ForeignTableRelationId, "key"},
	{"key_field", ForeignTableRelationId, "key"},
	{"primary_key", ForeignTableRelationId, "key"},
	{"modified", ForeignTableRelationId, "timestamp"},
	{"modification_timestamp", ForeignTableRelationId, "timestamp"},
	{"timestamp_field", ForeignTableRelationId, "timestamp"},
	{"updated_at", ForeignTableRelationId, "timestamp"},
	{"column", AttributeRelationId, "field"},
	{"column_name", AttributeRelationId, "field"},
	{"name", AttributeRelationId, "field"},
	{"name", MLS_OPTION_IMPORT, "names"},
};

/* The option of an object that a word of other programs stands for, or NULL. */
static const char *
translated(Oid catalog, const char *word)
{
	for (int i = 0; i < lengthof(synonyms); i++)
		if (synonyms[i].catalog == catalog && mls_same_name(synonyms[i].word, word))
			return synonyms[i].name;
	return NULL;
}

/* What was meant in this place: by its spelling, else by its meaning. */
static const char *
meant_option(Oid catalog, const char *name)
{
	const char *meant = mls_nearest_name(name, option_names(catalog));
	const char *word = translated(catalog, name);

	/* A word that is somebody's usual one beats a name that merely looks like it. */
	return word ? word : meant;
}

/* The catalogs that have options; those a user names most come first. */
static const Oid all_catalogs[] = {ForeignServerRelationId, UserMappingRelationId,
								   ForeignTableRelationId, AttributeRelationId, MLS_OPTION_IMPORT};

static const char *
unknown_option_hint(Oid catalog, const char *name)
{
	const char *meant;

	if (option_names(catalog)[0] == NULL)
		return "There are no valid options in this context.";
	for (int i = 0; i < lengthof(all_catalogs); i++)
		if (mls_option_find(all_catalogs[i], name))
			return psprintf("It is an option of another object: %s.",
							mls_option_catalog_name(all_catalogs[i]));
	meant = meant_option(catalog, name);
	if (meant)
		return psprintf("Perhaps you meant the option \"%s\".", meant);
	for (int i = 0; i < lengthof(all_catalogs); i++)
	{
		meant = meant_option(all_catalogs[i], name);
		if (meant)
			return psprintf("Perhaps you meant the option \"%s\" of another object: %s.", meant,
							mls_option_catalog_name(all_catalogs[i]));
	}
	return "The function mls_options() lists all options.";
}

pg_noreturn static void
report_unknown_option(Oid catalog, const char *name)
{
	ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_OPTION_NAME), errmsg("invalid option \"%s\"", name),
					errhint("%s", unknown_option_hint(catalog, name))));
}

static void
require_option(List *options, const char *name, const char *reason)
{
	if (mls_option_text(options, name) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"%s\" is required", name), reason ? errdetail("%s", reason) : 0));
}

/* A protocol or platform that does not exist. */
pg_noreturn static void
report_name(const char *option, const char *value, const char *const *names)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value for option \"%s\": \"%.200s\"", option, value),
					errhint("%s", mls_nearest_hint(value, names, "Valid values are"))));
}

static void
check_platform(List *options, const MlsProtocol *protocol)
{
	const char *name = mls_option_text(options, "platform");
	const MlsPlatform *platform = protocol->platform(
		name ? name : mls_option_find(ForeignServerRelationId, "platform")->default_value);

	if (platform == NULL)
		report_name("platform", name, protocol->platform_names);
	if (platform->required_filter && strstr(platform->required_filter, "%s"))
		require_option(options, "originating_system",
					   psprintf("Platform \"%s\" answers for one originating system at a time.",
								platform->name));
}

static void
check_events(List *options)
{
	static const char *const events[] = {"started", "finished", "failed", "recovered", NULL};
	const MlsOption *option = mls_option_find(ForeignServerRelationId, "webhook_events");
	const char *value = mls_option_text(options, option->name);
	List *names = NIL;
	ListCell *lc;

	if (value == NULL)
		return;
	mls_option_read(option, value, &names);
	foreach (lc, names)
	{
		int i = 0;

		while (events[i] != NULL && strcmp(events[i], lfirst(lc)) != 0)
			i++;
		if (events[i] == NULL)
			report_name(option->name, lfirst(lc), events);
	}
}

/*
 * The address of a service, not of something in it.  What is appended to it would
 * not be found; a resource is only warned of, for a root can have any name.
 */
static void
check_root(List *options, const MlsProtocol *protocol)
{
	static const char *const resources[] = {"Property",  "Member", "Office", "Media",
											"OpenHouse", "Lookup", "Field",  "properties",
											"agents",    NULL};
	const char *url = mls_option_text(options, "url");
	int length = url ? strlen(url) : 0;
	int root;
	char *last;

	while (length > 0 && url[length - 1] == '/')
		length--;
	for (root = length; root > 0 && url[root - 1] != '/'; root--)
		;
	if (protocol->sessions || protocol->is_store || protocol->is_destination || root == 0)
		return;
	last = pnstrdup(url + root, length - root);
	last[strcspn(last, "?(")] = '\0';
	if (pg_strcasecmp(last, "$metadata") == 0 || pg_strcasecmp(last, "%24metadata") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"url\": \"%.200s\"", mls_url_display(url)),
				 errdetail("It is the address of the metadata; the root of the service is wanted."),
				 errhint("Leave out what is behind it: url '%s'.",
						 mls_url_display(pnstrdup(url, root - 1)))));
	for (int i = 0; resources[i]; i++)
		if (strcmp(last, resources[i]) == 0)
			ereport(
				WARNING,
				(errmsg("option \"url\" ends in \"%s\", which is usually a resource", last),
				 errhint("If so, name the root of the service: url '%s'; resources are named by "
						 "foreign tables.",
						 mls_url_display(pnstrdup(url, root - 1)))));
}

/* Headers that steer the request, the connection or what is cached: none of them can be a key. */
static bool
is_of_transport(const char *header)
{
	static const char *const names[] = {"Accept",
										"Accept-Encoding",
										"Cache-Control",
										"Connection",
										"Content-Length",
										"Content-Type",
										"Cookie",
										"Expect",
										"Forwarded",
										"Host",
										"HTTP2-Settings",
										"Keep-Alive",
										"Origin",
										"Prefer",
										"Range",
										"Referer",
										"RETS-Version",
										"TE",
										"Trailer",
										"Transfer-Encoding",
										"Upgrade",
										"User-Agent",
										"Via",
										"X-Forwarded-For"};

	for (int i = 0; i < lengthof(names); i++)
		if (pg_strcasecmp(header, names[i]) == 0)
			return true;
	return pg_strncasecmp(header, "Proxy-", 6) == 0 || pg_strncasecmp(header, "OData-", 6) == 0;
}

/* What cannot be said of one option alone. */
static void
check_server(List *options)
{
	const char *name = mls_option_text(options, "protocol");
	const MlsProtocol *protocol = mls_protocol_find(name);
	const char *system = mls_option_text(options, "originating_system");
	const char *header = mls_option_text(options, "header_name");
	const char *parameter = mls_option_text(options, "key_parameter");
	const char *group = mls_option_text(options, "quota_group");
	const char *hosts = mls_option_text(options, "media_hosts");

	if (protocol == NULL)
		report_name("protocol", name, mls_protocol_names());
	/* It goes into the name of a file. */
	if (group &&
		(group[0] == '\0' || strlen(group) > LONGEST_GROUP ||
		 strspn(group, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") !=
			 strlen(group)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"quota_group\": \"%.200s\"", group),
						errdetail("It is a name of up to %d letters, digits, \"_\" and \"-\".",
								  LONGEST_GROUP)));
	if (hosts && mls_hosts_problem(hosts))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"media_hosts\": \"%.200s\"", hosts),
						errdetail("%s", mls_hosts_problem(hosts))));
	check_platform(options, protocol);
	check_root(options, protocol);
	check_events(options);
	/* It goes into a quoted literal. */
	if (system && strchr(system, '\''))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"originating_system\": \"%.200s\"", system),
				 errdetail("The value must not hold quotes.")));
	if (parameter &&
		strspn(parameter, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") !=
			strlen(parameter))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"key_parameter\": \"%.200s\"", parameter),
						errdetail("It is a name of letters, digits, \"_\" and \"-\".")));
	if (header && is_of_transport(header))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"header_name\": \"%.200s\"", header),
				 errdetail("This header belongs to the request itself; it carries no key.")));
	if (header && strspn(header, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
								 "0123456789-_.") != strlen(header))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"header_name\": \"%.200s\"", header),
						errdetail("The name of a header is letters, digits and hyphens.")));
}

/* Would a path of these segments leave the service root, or end as something else than a path? */
static bool
leaves_root(const char *path)
{
	const char *segment = path;

	for (;;)
	{
		int length = strcspn(segment, "/");

		if (length == 0 || (length <= 2 && strspn(segment, ".") >= length))
			return true;
		if (segment[length] == '\0')
			return strpbrk(path, "?#\\%") != NULL;
		segment += length + 1;
	}
}

/* The resource becomes a part of every address. */
static void
check_table(List *options)
{
	const char *resource = mls_option_text(options, "resource");

	if (resource && leaves_root(resource))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"resource\": \"%.200s\"", resource),
				 errdetail("It is a name below the address of the server, such as Property.")));
}

/* The protocol that a server's options name; NULL if there is none, or it is another object's list. */
static const MlsProtocol *
named_protocol(Oid catalog, List *options)
{
	const char *name = mls_option_text(options, "protocol");

	return catalog == ForeignServerRelationId && name ? mls_protocol_find(name) : NULL;
}

static bool
is_address(const MlsOption *option)
{
	return strcmp(option->name, "url") == 0;
}

/* What only stores of files have means nothing to a source, and may have been meant for another option. */
static void
refuse_of_store(const MlsOption *option, const MlsProtocol *protocol)
{
	const char *meant = translated(option->catalog, option->name);

	/* Buckets are read by others, too. */
	if (protocol == NULL || protocol->is_store || (protocol->is_signed && !option->own))
		return;
	for (int i = 0; mls_protocols[i]; i++)
		for (const MlsOption *own = mls_protocols[i]->options; own && own->name; own++)
			if (own == option && mls_protocols[i]->is_store)
				ereport(
					ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", option->name),
					 errdetail("Only servers of protocol \"%s\" have it.", mls_protocols[i]->name),
					 meant ? errhint("Perhaps you meant the option \"%s\".", meant) : 0));
}

void
mls_option_check_list(Oid catalog, List *options)
{
	const MlsProtocol *protocol = named_protocol(catalog, options);
	const MlsOption *option;
	ListCell *lc;

	foreach (lc, options)
	{
		DefElem *def = lfirst_node(DefElem, lc);

		option = mls_option_find(catalog, def->defname);
		if (option == NULL)
			report_unknown_option(catalog, def->defname);
		refuse_of_store(option, protocol);
		mls_option_check(option, defGetString(def),
						 protocol && is_address(option) ? protocol->url_problem : NULL);
	}
	for (int i = 0; (option = mls_option_nth(i)) != NULL; i++)
		if (option->catalog == catalog && option->required &&
			!(is_address(option) && protocol && protocol->is_local))
			require_option(options, option->name, NULL);
}

/* mls_fdw_validator(text[], oid): errors if the options are not valid for an object of the catalog. */
Datum
mls_fdw_validator(PG_FUNCTION_ARGS)
{
	List *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid catalog = PG_GETARG_OID(1);

	/* The wrapper itself has none; its catalog is not in the table. */
	mls_option_check_list(catalog, options);
	if (catalog == ForeignServerRelationId)
		check_server(options);
	if (catalog == ForeignTableRelationId)
		check_table(options);
	PG_RETURN_VOID();
}
