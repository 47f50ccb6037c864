/*
 * option_readers.c
 *		Servers, user mappings and foreign tables as the other rooms use them.
 *
 * Precedence, in one place: the foreign table over the server, the server over
 * the platform, the platform over the option table's default.  Values are not
 * checked again: the validator has seen them.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "http/url.h"
#include "options/option_table.h"
#include "options/options.h"

PG_FUNCTION_INFO_V1(mls_refresh_within);

extern Datum mls_fdw_validator(PG_FUNCTION_ARGS);

/*
 * Is this one of our servers?  Whatever the wrapper is called, it is ours if our
 * validator has checked its options.
 */
static void
check_wrapper(const ForeignServer *server)
{
	ForeignDataWrapper *wrapper = GetForeignDataWrapper(server->fdwid);
	FmgrInfo validator;

	if (OidIsValid(wrapper->fdwvalidator))
	{
		fmgr_info(wrapper->fdwvalidator, &validator);
		if (validator.fn_addr == mls_fdw_validator)
			return;
	}
	ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
					errmsg("server \"%s\" is not a server of mls_fdw", server->servername),
					errdetail("Its foreign-data wrapper is \"%s\".", wrapper->fdwname)));
}

/* Options of the mapping of a role, or PUBLIC's; NIL and InvalidOid in *mapping_id if there is none. */
static List *
mapping_options(Oid server_id, Oid user_id, Oid *mapping_id)
{
	HeapTuple tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(user_id),
									  ObjectIdGetDatum(server_id));
	List *options = NIL;
	Datum datum;
	bool isnull;

	*mapping_id = InvalidOid;
	if (!HeapTupleIsValid(tuple))
		tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
								ObjectIdGetDatum(server_id));
	if (!HeapTupleIsValid(tuple))
		return NIL;
	*mapping_id = ((Form_pg_user_mapping) GETSTRUCT(tuple))->oid;
	datum = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple, Anum_pg_user_mapping_umoptions, &isnull);
	if (!isnull)
		options = untransformRelOptions(datum);
	ReleaseSysCache(tuple);
	return options;
}

/* What a login needs of the user mapping: one or two options per kind. */
static const struct
{
	MlsAuth auth;
	const char *first;
	const char *second;
} logins[] = {
	{MLS_AUTH_OAUTH2, "client_id", "client_secret"},
	{MLS_AUTH_BEARER, "token", NULL},
	{MLS_AUTH_BASIC, "username", "password"},
	{MLS_AUTH_HEADER, "api_key", NULL},
	{MLS_AUTH_CHALLENGE, "username", "password"},
	{MLS_AUTH_PASSWORD, "username", "password"},
	{MLS_AUTH_QUERY, "api_key", NULL},
	{MLS_AUTH_SIGNATURE, "access_key", "secret_key"},
};

/* The login a mapping has the options for; that it has but the second half of is found out later. */
static MlsAuth
infer_auth(List *mapping)
{
	for (int i = 0; i < lengthof(logins); i++)
		if (logins[i].auth != MLS_AUTH_SIGNATURE && mls_option_text(mapping, logins[i].first))
			return logins[i].auth;
	for (int i = 0; i < lengthof(logins); i++)
		if (logins[i].auth != MLS_AUTH_SIGNATURE && logins[i].second &&
			mls_option_text(mapping, logins[i].second))
			return logins[i].auth;
	if (mls_option_text(mapping, "api_user"))
		return MLS_AUTH_HEADER;
	return MLS_AUTH_NONE;
}

/* What a protocol does with a user name and a password. */
static MlsAuth
password_auth(const MlsProtocol *protocol)
{
	return protocol->sessions       ? MLS_AUTH_CHALLENGE
		   : protocol->token_logins ? MLS_AUTH_PASSWORD
									: MLS_AUTH_BASIC;
}

/* Of whom a user mapping is, as ALTER USER MAPPING names him. */
static const char *
mapping_role(Oid mapping_id)
{
	HeapTuple tuple = SearchSysCache1(USERMAPPINGOID, ObjectIdGetDatum(mapping_id));
	Oid role = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		role = ((Form_pg_user_mapping) GETSTRUCT(tuple))->umuser;
		ReleaseSysCache(tuple);
	}
	return OidIsValid(role) ? quote_identifier(GetUserNameFromId(role, false)) : "PUBLIC";
}

static void
require_login(const MlsSource *source, List *mapping, Oid user_id)
{
	const MlsHttpSource *http = &source->http;

	for (int i = 0; i < lengthof(logins); i++)
	{
		const char *missing = NULL;

		if (logins[i].auth != http->auth)
			continue;
		if (mls_option_text(mapping, logins[i].first) == NULL)
			missing = logins[i].first;
		else if (logins[i].second && mls_option_text(mapping, logins[i].second) == NULL)
			missing = logins[i].second;
		if (missing == NULL)
			continue;
		if (!OidIsValid(http->mapping_id))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("user mapping not found for user \"%s\", server \"%s\"",
							MappingUserName(user_id), http->name),
					 errhint("CREATE USER MAPPING FOR %s SERVER %s OPTIONS (%s '...'%s);",
							 quote_identifier(MappingUserName(user_id)),
							 quote_identifier(http->name), logins[i].first,
							 logins[i].second ? psprintf(", %s '...'", logins[i].second) : "")));
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("user mapping for user \"%s\", server \"%s\" lacks option \"%s\"",
						MappingUserName(user_id), http->name, missing),
				 errhint("ALTER USER MAPPING FOR %s SERVER %s OPTIONS (ADD %s '...');",
						 mapping_role(http->mapping_id), quote_identifier(http->name), missing)));
	}
	if (http->auth == MLS_AUTH_OAUTH2 && http->token_url == NULL)
		ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
						errmsg("server \"%s\" lacks option \"token_url\"", http->name),
						errdetail("Platform \"%s\" has no token endpoint of its own.",
								  source->platform_name)));
}

/* The platform's constants, where a login or a quota needs them. */
static void
apply_platform(MlsSource *source, const MlsPlatform *platform)
{
	source->platform = *platform;
	source->http.token_url = platform->token_url;
	source->http.token_style = platform->token_style;
	source->http.scope = platform->scope;
	source->http.rates = platform->rates;
	source->http.key_parameter = platform->key_parameter;
}

/*
 * A smaller page than the platform's holds for every kind of page that is not
 * larger by design, unless it has an option of its own.
 */
static void
apply_page_size(MlsPlatform *platform, const MlsPlatform *original, List *options)
{
	if (mls_option_text(options, "key_page_size") == NULL &&
		original->key_page_size <= original->page_size)
		platform->key_page_size = platform->page_size;
	if (mls_option_text(options, "expand_page_size") == NULL)
		platform->expand_page_size = Min(original->expand_page_size, platform->page_size);
}

/* Names the originating system in the platform's required filter, or drops the filter. */
static void
apply_originating_system(MlsPlatform *platform, List *options)
{
	const char *system = mls_option_text(options, "originating_system");
	const char *mark = platform->required_filter ? strstr(platform->required_filter, "%s") : NULL;

	if (mark == NULL)
		return;
	platform->required_filter =
		system ? psprintf("%.*s'%s'%s", (int) (mark - platform->required_filter),
						  platform->required_filter, system, mark + 2)
			   : NULL;
}

static void
apply_server(MlsSource *source, List *options)
{
	const char *platform_name = mls_option_text(options, "platform");
	const MlsPlatform *platform;

	source->protocol = mls_protocol_find(mls_option_text(options, "protocol"));
	if (source->protocol == NULL)
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("server \"%s\" has no valid protocol", source->name)));
	platform = source->protocol->platform(platform_name ? platform_name : "generic");
	if (platform == NULL)
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("server \"%s\" has no valid platform", source->name)));
	apply_platform(source, platform);
	if (source->protocol->own_size > 0)
		source->own = palloc0(source->protocol->own_size);
	mls_option_apply(ForeignServerRelationId, options, source);
	source->platform.rates = source->http.rates;
	apply_page_size(&source->platform, platform, options);
	apply_originating_system(&source->platform, options);
}

/*
 * Which quota a server spends: its own, or one that servers of the same owner share
 * by naming a group.  The owner is a part of the name, so that nobody joins the quota
 * of another role's servers, to spend or to read it, by guessing what they call it.
 */
static const char *
quota_name(const ForeignServer *server, bool *shared)
{
	const char *group = mls_option_text(server->options, "quota_group");

	*shared = group != NULL;
	return group ? psprintf("%u.%s", server->owner, group) : psprintf("%u", server->serverid);
}

static MlsSource *
read_source(const ForeignServer *server, Oid user_id, bool need_mapping)
{
	MlsSource *source = palloc0(sizeof(MlsSource));
	List *mapping;

	check_wrapper(server);
	source->server_id = source->http.server_id = server->serverid;
	source->http.quota = quota_name(server, &source->http.quota_shared);
	source->name = source->http.name = server->servername;
	apply_server(source, server->options);
	mapping = mapping_options(server->serverid, user_id, &source->http.mapping_id);
	mls_option_apply(UserMappingRelationId, mapping, source);
	if (mls_option_text(server->options, "auth") == NULL)
		source->http.auth = infer_auth(mapping);
	source->http.sessions = source->protocol->sessions;
	if (mls_option_text(server->options, "auth") == NULL && source->http.auth == MLS_AUTH_BASIC)
		source->http.auth = password_auth(source->protocol);
	if (source->protocol->is_store)
		source->http.auth = MLS_AUTH_NONE;
	if (source->protocol->is_signed && source->http.url &&
		source->protocol->is_signed(source->http.url))
		source->http.auth = MLS_AUTH_SIGNATURE;
	/* Those that are asked over HTTP log in as sources do. */
	if (source->protocol->is_destination && source->protocol->url_problem != NULL)
		source->http.auth = MLS_AUTH_BASIC;
	if (mls_option_text(server->options, "auth") == NULL && source->http.auth == MLS_AUTH_HEADER &&
		source->http.key_parameter)
		source->http.auth = MLS_AUTH_QUERY;
	if (source->http.token_url && strstr(source->http.token_url, "://") == NULL)
		source->http.token_url = mls_url_build(source->http.url, source->http.token_url, NIL);
	if (source->http.auth == MLS_AUTH_OAUTH2 && source->http.token_url &&
		mls_option_text(server->options, "token_url") == NULL &&
		!mls_url_same_host(source->http.url, source->http.token_url))
		source->http.token_platform = source->platform_name;
	if (need_mapping)
		require_login(source, mapping, user_id);
	if (source->protocol->is_store || source->protocol->keeps_files)
		source->is_closed = !mls_tenant_may_use(user_id, source->http.url);
	return source;
}

MlsSource *
mls_source_get(Oid server_id, Oid user_id, bool need_mapping)
{
	return read_source(GetForeignServer(server_id), user_id, need_mapping);
}

/* The smaller of two limits, of which 0 is none. */
static int64
smaller_limit(double a, int64 b)
{
	int64 limit = a > 0 ? Max((int64) a, 1) : 0;

	return limit == 0 || (b > 0 && b < limit) ? b : limit;
}

/* So much of the source's own limits may be spent before files wait. */
static void
share_rates(const MlsSource *source, double share, MlsHttpSource *http)
{
	const MlsRates *from = &source->http.rates;
	const MlsRates *own = &source->platform.media_rates;

	http->rates.per_second = from->per_second;
	http->rates.per_minute = smaller_limit(from->per_minute * share, own->per_minute);
	http->rates.per_hour = smaller_limit(from->per_hour * share, own->per_hour);
	http->rates.per_day = smaller_limit(from->per_day * share, own->per_day);
	http->rates.bytes_per_hour = smaller_limit(from->bytes_per_hour * share, own->bytes_per_hour);
}

void
mls_source_media_own(const MlsSource *source, double share, MlsHttpSource *http)
{
	*http = source->http;
	http->retries = Min(http->retries, 1);
	share_rates(source, share, http);
}

void
mls_source_media(const MlsSource *source, bool counts, double share, MlsHttpSource *http)
{
	const MlsHttpSource *from = &source->http;
	const MlsRates *own = &source->platform.media_rates;

	*http = (MlsHttpSource){.server_id = from->server_id,
							.quota = counts ? from->quota : psprintf("m%s", from->quota),
							.quota_shared = from->quota_shared,
							.name = from->name,
							.auth = MLS_AUTH_NONE,
							.user_agent = from->user_agent,
							.ca_file = from->ca_file,
							.proxy = from->proxy,
							.connect_timeout_ms = from->connect_timeout_ms,
							.timeout_ms = from->timeout_ms,
							.min_bytes_per_second = from->min_bytes_per_second,
							.retries = Min(from->retries, 1),
							.rates = *own};
	if (counts)
		share_rates(source, share, http);
	/* It is taken out of what messages say; without a kind of login it is not sent. */
	if (source->platform.media_token_agent)
		http->token = from->token;
}

const char *
mls_source_media_agent(const MlsSource *source, const char *address)
{
	const MlsHttpSource *http = &source->http;

	if (source->platform.media_token_agent && http->token && strpbrk(http->token, "\r\n") == NULL &&
		(mls_url_is_own(http, address) || mls_hosts_name(source->platform.media_hosts, address)))
		return http->token;
	return http->user_agent;
}

/* Names of the servers that a role may use, ended by NULL: those of others are not told. */
static const char **
server_names(Oid user_id)
{
	Relation relation = table_open(ForeignServerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	int size = 16;
	int n = 0;
	const char **names = palloc(size * sizeof(char *));
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		const FormData_pg_foreign_server *server = (Form_pg_foreign_server) GETSTRUCT(tuple);

		if (!mls_rights_has_server(user_id, server->oid))
			continue;
		if (n + 1 == size)
			names = repalloc(names, (size *= 2) * sizeof(char *));
		names[n++] = pstrdup(NameStr(server->srvname));
	}
	names[n] = NULL;
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return names;
}

/* By its exact name, or by the only one that differs in case alone. */
static const ForeignServer *
find_server(const char *name, Oid user_id)
{
	const ForeignServer *server = GetForeignServerByName(name, true);
	const char **names;
	const char *found = NULL;
	const char *hint;

	if (server)
		return server;
	names = server_names(user_id);
	for (int i = 0; names[i]; i++)
	{
		if (pg_strcasecmp(names[i], name) != 0)
			continue;
		if (found)
			ereport(ERROR, (errcode(ERRCODE_AMBIGUOUS_ALIAS),
							errmsg("server name \"%s\" is ambiguous", name),
							errdetail("There are servers \"%s\" and \"%s\".", found, names[i])));
		found = names[i];
	}
	if (found)
		return GetForeignServerByName(found, false);
	hint = mls_nearest_hint(name, names, "Servers are");
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("server \"%s\" does not exist", name),
					hint ? errhint("%s", hint)
						 : errhint("A source is a foreign server: see CREATE SERVER.")));
}

MlsSource *
mls_source_by_name(const char *server_name, Oid user_id, bool need_mapping)
{
	return read_source(find_server(server_name, user_id), user_id, need_mapping);
}

/* ---- What has been changed ---- */

uint64
mls_add_catalog_row(uint64 hash, HeapTuple tuple)
{
	uint64 row = 0;

	if (HeapTupleIsValid(tuple))
	{
		row = HeapTupleHeaderGetRawXmin(tuple->t_data);
		ReleaseSysCache(tuple);
	}
	return hash_combine64(hash, row);
}

uint64
mls_source_fingerprint(Oid server, Oid user_id)
{
	uint64 hash =
		mls_add_catalog_row(0, SearchSysCache1(FOREIGNSERVEROID, ObjectIdGetDatum(server)));
	HeapTuple tuple =
		SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(user_id), ObjectIdGetDatum(server));

	if (!HeapTupleIsValid(tuple))
		tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
								ObjectIdGetDatum(server));
	return mls_add_catalog_row(hash, tuple);
}

/* ---- Tables ---- */

static void
read_column(MlsColumn *column, Oid relid, Form_pg_attribute attribute)
{
	column->attnum = attribute->attnum;
	column->name = pstrdup(NameStr(attribute->attname));
	if (attribute->attisdropped)
		return;
	column->type = attribute->atttypid;
	column->typmod = attribute->atttypmod;
	column->collation = attribute->attcollation;
	column->not_null = attribute->attnotnull;
	column->field = column->name;
	mls_option_apply(AttributeRelationId, GetForeignColumnOptions(relid, attribute->attnum),
					 column);
}

/*
 * The lock is given back: whoever calls mls_sync() looks at each table, and would
 * otherwise keep his workers from adding a column until he has what he waits for.
 */
static void
read_columns(MlsTable *table)
{
	Relation relation = table_open(table->relid, AccessShareLock);
	TupleDesc desc = RelationGetDescr(relation);

	table->name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
											 RelationGetRelationName(relation));
	table->ncolumns = desc->natts;
	table->columns = palloc0(Max(desc->natts, 1) * sizeof(MlsColumn));
	for (int i = 0; i < desc->natts; i++)
		read_column(&table->columns[i], table->relid, TupleDescAttr(desc, i));
	table_close(relation, AccessShareLock);
}

MlsTable *
mls_table_get(Oid relid, Oid user_id, bool need_mapping)
{
	MlsTable *table = palloc0(sizeof(MlsTable));
	ForeignTable *foreign;
	const char *page_size;

	if (get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 get_rel_name(relid) ? errmsg("\"%s\" is not a foreign table", get_rel_name(relid))
									 : errmsg("foreign table with OID %u does not exist", relid)));
	foreign = GetForeignTable(relid);
	table->relid = relid;
	table->source = mls_source_get(foreign->serverid, user_id, need_mapping);
	if (table->source->protocol->is_store)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("server \"%s\" is a store of files and has no foreign tables",
							   table->source->name),
						errhint("Drop the foreign table, or give it a server that is a source of "
								"records.")));
	if (table->source->protocol->open == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("foreign table \"%s\" cannot be read", get_rel_name(relid)),
						errdetail("Its server \"%s\" is of the protocol %s, which has no records.",
								  table->source->name, table->source->protocol->name)));
	table->rows = -1;
	mls_option_apply(ForeignTableRelationId, foreign->options, table);
	page_size = mls_option_text(foreign->options, "page_size");
	if (page_size)
	{
		MlsPlatform *platform = &table->source->platform;
		MlsPlatform server = *platform;

		mls_option_read(mls_option_find(ForeignTableRelationId, "page_size"), page_size,
						&platform->page_size);
		apply_page_size(platform, &server, NIL);
	}
	read_columns(table);
	return table;
}

const char **
mls_table_fields(const MlsTable *table)
{
	const char **fields = palloc0(Max(table->ncolumns, 1) * sizeof(char *));

	for (int i = 0; i < table->ncolumns; i++)
		fields[i] = table->columns[i].field;
	return fields;
}

MlsImportOptions
mls_import_options(List *options)
{
	MlsImportOptions result = {.preserve_names = false, .comments = true, .expand = NIL};
	const char *names = mls_option_text(options, "names");
	const char *comments = mls_option_text(options, "comments");
	const char *expand = mls_option_text(options, "expand");

	mls_option_check_list(MLS_OPTION_IMPORT, options);
	result.standard_names = names && strcmp(names, "standard") == 0;
	result.preserve_names = names && strcmp(names, "preserve") == 0;
	if (comments)
		mls_option_read(mls_option_find(MLS_OPTION_IMPORT, "comments"), comments, &result.comments);
	if (expand)
		mls_option_read(mls_option_find(MLS_OPTION_IMPORT, "expand"), expand, &result.expand);
	return result;
}

/* ---- for SQL ---- */

/* mls.refresh_within(source): the option as an interval; NULL without it, or without the server. */
Datum
mls_refresh_within(PG_FUNCTION_ARGS)
{
	ForeignServer *server = GetForeignServerByName(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);
	const char *value = server ? mls_option_text(server->options, "refresh_within") : NULL;
	Interval *interval;
	int seconds;

	if (value == NULL)
		PG_RETURN_NULL();
	mls_option_read(mls_option_find(ForeignServerRelationId, "refresh_within"), value, &seconds);
	interval = palloc0(sizeof(Interval));
	interval->time = seconds * USECS_PER_SEC;
	PG_RETURN_INTERVAL_P(interval);
}

/* ---- and back ---- */

static void
append_option(StringInfo buf, const char *name, const char *value)
{
	appendStringInfo(buf, "%s%s %s", buf->data[buf->len - 1] == '(' ? "" : ", ", name,
					 quote_literal_cstr(value));
}

char *
mls_column_sql(const MlsColumn *column)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s %s OPTIONS (", quote_identifier(column->name),
					 format_type_extended(column->type, -1, FORMAT_TYPE_FORCE_QUALIFY));
	append_option(&buf, "field", column->field);
	if (column->remote_type)
		append_option(&buf, "type", column->remote_type);
	if (column->lookup)
		append_option(&buf, "lookup", column->lookup);
	if (column->standard_name)
		append_option(&buf, "standard_name", column->standard_name);
	if (column->is_enum)
		append_option(&buf, "enum", "true");
	if (column->is_flags)
		append_option(&buf, "flags", "true");
	appendStringInfo(&buf, ")%s", column->not_null ? " NOT NULL" : "");
	return buf.data;
}
