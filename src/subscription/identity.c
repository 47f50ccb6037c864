/*
 * identity.c
 *		Of which source a copy is: what tells it, when it has become another one, and
 *		what a server that was renamed is called now.
 *
 * A copy belongs to an account at an address, not to the name of a server: names
 * change, and one name can be given to another source.  So a subscription keeps
 * the address, the originating system, a fingerprint of the login's name and the
 * key of what it was made from.  No secret is among them, and none is missed: a
 * new password is the same login.  When they are not those of the server any more,
 * every process that would ask the source refuses, for one sync would mix two
 * copies, and one purge would take the first for gone.
 *
 * What is not known (a bearer token names nobody) is not compared, and is learned
 * when it is there.
 *
 * Statements run in the caller's transaction, with SPI connected.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "commands/comment.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "base/name_list.h"
#include "gold/gold.h"
#include "http/url.h"
#include "subscription/subscription.h"

PG_FUNCTION_INFO_V1(mls_source_accept);
PG_FUNCTION_INFO_V1(mls_follow_renames);
PG_FUNCTION_INFO_V1(mls_source_differs);

/* ---- What identifies a source ---- */

/* The parts of mls.subscription.identity, one a line. */
typedef enum IdentityPart
{
	IDENTITY_ADDRESS,
	IDENTITY_SYSTEM,
	IDENTITY_LOGIN,
	IDENTITY_KEY,
	IDENTITY_PARTS
} IdentityPart;

typedef struct Identity
{
	const char *parts[IDENTITY_PARTS]; /* "" for what is not known or not there */
} Identity;

/* Where the source is: that it answers by https now does not make another of it. */
static const char *
address_of(const MlsSource *source)
{
	const char *url = source->http.url;
	char *address = source->protocol->is_local ? pstrdup(url ? url : "") : mls_url_display(url);
	char *scheme = strstr(address, "://");
	char *query = strchr(address, '?');
	Size length;

	if (query != NULL)
		*query = '\0';
	if (scheme != NULL)
		address = scheme + 3;
	length = strlen(address);
	while (length > 0 && address[length - 1] == '/')
		address[--length] = '\0';
	return address;
}

/* A fingerprint of the name of the login. */
static const char *
login_of(const MlsHttpSource *http)
{
	const char *names[] = {http->client_id, http->username, http->api_user};

	for (int i = 0; i < lengthof(names); i++)
		if (names[i] != NULL)
			return psprintf("%08x", hash_bytes((const unsigned char *) names[i], strlen(names[i])));
	return "";
}

static Identity
identity_of(const MlsTable *table)
{
	const MlsSource *source = table->source;
	Identity identity = {{address_of(source),
						  source->platform.required_filter ? source->platform.required_filter : "",
						  login_of(&source->http), mls_names_joined(table->key, ",")}};

	return identity;
}

static char *
identity_text(const Identity *identity)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < IDENTITY_PARTS; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? "\n" : "", identity->parts[i]);
	return text.data;
}

static Identity
identity_read(const char *text)
{
	Identity identity = {{"", "", "", ""}};
	char *rest = pstrdup(text);

	for (int i = 0; i < IDENTITY_PARTS && rest != NULL; i++)
		identity.parts[i] = strsep(&rest, "\n");
	return identity;
}

/* ---- Has it become another one? ---- */

static bool
is_other(const Identity *copy, const Identity *now, IdentityPart part)
{
	/* The login and the key of a copy from the time before they were kept are not known. */
	if (part != IDENTITY_SYSTEM && (*copy->parts[part] == '\0' || *now->parts[part] == '\0'))
		return false;
	return strcmp(copy->parts[part], now->parts[part]) != 0;
}

/* What is different, as sentences; NULL if it is the same source as far as is known. */
static char *
difference(const Identity *copy, const Identity *now)
{
	StringInfoData text;

	initStringInfo(&text);
	if (is_other(copy, now, IDENTITY_ADDRESS))
		appendStringInfo(&text, "The copy is of %s, the server's address is %s.",
						 copy->parts[IDENTITY_ADDRESS], now->parts[IDENTITY_ADDRESS]);
	if (is_other(copy, now, IDENTITY_SYSTEM))
		appendStringInfo(&text, "%sThe copy is of %s, now %s is asked for.", text.len ? " " : "",
						 *copy->parts[IDENTITY_SYSTEM] ? copy->parts[IDENTITY_SYSTEM]
													   : "every originating system",
						 *now->parts[IDENTITY_SYSTEM] ? now->parts[IDENTITY_SYSTEM]
													  : "every originating system");
	if (is_other(copy, now, IDENTITY_LOGIN))
		appendStringInfo(&text, "%sThe copy was made under another login.", text.len ? " " : "");
	return text.len > 0 ? text.data : NULL;
}

/* What is not known yet is learned. */
static void
learn(MlsSubscription *sub, const Identity *now)
{
	Identity copy = identity_read(sub->identity ? sub->identity : "");
	char *text;

	for (int i = 0; i < IDENTITY_PARTS; i++)
		if (sub->identity == NULL || (i != IDENTITY_SYSTEM && *copy.parts[i] == '\0'))
			copy.parts[i] = now->parts[i];
	text = identity_text(&copy);
	if (sub->identity != NULL && strcmp(text, sub->identity) == 0)
		return;
	mls_sql_control(SPI_OK_UPDATE, "UPDATE mls.subscription SET identity = $2 WHERE id = $1",
					mls_arg_int8(sub->id), mls_arg_text(text));
	sub->identity = text;
}

/* Its foreign table may have been turned to other records: that cannot be accepted. */
static void
require_same_records(const MlsSubscription *sub, const MlsTable *table, const Identity *copy,
					 const Identity *now)
{
	const char *option = NULL;
	const char *before = NULL;
	const char *after = NULL;

	if (strcmp(sub->resource, table->resource) != 0)
	{
		option = "resource";
		before = sub->resource;
		after = table->resource;
	}
	else if (is_other(copy, now, IDENTITY_KEY))
	{
		option = "key";
		before = copy->parts[IDENTITY_KEY];
		after = now->parts[IDENTITY_KEY];
	}
	if (option == NULL)
		return;
	ereport(
		ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		errmsg("option \"%s\" of foreign table %s is not the one of its copy", option, table->name),
		errdetail("The copy was made with '%s', the option is '%s' now.", before, after),
		errhint("Set it back, or start over: SELECT mls_unsubscribe(%s, drop_data => true), "
				"then mls_subscribe(%s).",
				quote_literal_cstr(table->name), quote_literal_cstr(table->name)));
}

/* An error unless the source is the one the copy is of. */
void
mls_identity_require(MlsSubscription *sub, const MlsTable *table)
{
	Identity now = identity_of(table);
	Identity copy = sub->identity ? identity_read(sub->identity) : now;
	const char *what;

	require_same_records(sub, table, &copy, &now);
	what = difference(&copy, &now);
	if (what == NULL)
		return;
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("source \"%s\" is not the one that the copy of resource \"%s\" is of",
				   table->source->name, sub->resource),
			errdetail("%s", what),
			errhint("If it is the same source, at a new address or under a new login: SELECT "
					"mls_source_accept(%s). If it is another one, start over: SELECT "
					"mls_unsubscribe(%s, drop_data => true), then mls_subscribe(%s).",
					quote_literal_cstr(table->source->name), quote_literal_cstr(table->name),
					quote_literal_cstr(table->name)));
}

/* The same, at the beginning of a run, which also learns what was not known. */
void
mls_identity_check(MlsSubscription *sub, const MlsTable *table)
{
	Identity now = identity_of(table);

	mls_identity_require(sub, table);
	learn(sub, &now);
}

/* ---- Whose records a table has ---- */

/* How our comments begin. */
#define BRONZE_BEGINNING "records of resource "
#define SILVER_BEGINNING "resource "

/* "Property of source trestle, ", as the comments of its tables go on. */
static char *
possession(const MlsTable *table)
{
	return psprintf("%s of source %s, ", table->resource, table->source->name);
}

/* The comment of a bronze table: it tells what stands there also when nobody is subscribed. */
char *
mls_identity_comment(const MlsTable *table)
{
	Identity now = identity_of(table);

	return psprintf(BRONZE_BEGINNING "%sas received from %s%s%s%s%s", possession(table),
					now.parts[IDENTITY_ADDRESS], *now.parts[IDENTITY_SYSTEM] ? ", " : "",
					now.parts[IDENTITY_SYSTEM], *now.parts[IDENTITY_LOGIN] ? ", login " : "",
					now.parts[IDENTITY_LOGIN]);
}

/* The comment of a silver table. */
char *
mls_identity_silver_comment(const MlsTable *table)
{
	return psprintf(SILVER_BEGINNING "%swith the columns of its foreign table", possession(table));
}

static bool
begins(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

/*
 * Is a table that has the name wanted the copy of another resource or server?  Names
 * are lossy: so it is told by the subscriptions, and by our comment where nobody is
 * subscribed.  A table without one is taken.
 */
bool
mls_identity_is_foreign(Oid relid, const MlsTable *table)
{
	const char *comment = GetComment(relid, RelationRelationId, 0);
	const char *rest = NULL;

	mls_select("SELECT FROM mls.subscription WHERE $1 IN (bronze::pg_catalog.oid, "
			   "silver::pg_catalog.oid) AND foreign_table::pg_catalog.oid <> $2",
			   mls_arg_oid(relid), mls_arg_oid(table->relid));
	if (SPI_processed > 0)
		return true;
	if (comment != NULL && begins(comment, BRONZE_BEGINNING))
		rest = comment + strlen(BRONZE_BEGINNING);
	else if (comment != NULL && begins(comment, SILVER_BEGINNING))
		rest = comment + strlen(SILVER_BEGINNING);
	return rest != NULL && !begins(rest, possession(table));
}

/* What a new subscription keeps: of a table that is there from before, what that is of. */
char *
mls_identity_of_table(Oid bronze, const MlsTable *table)
{
	const char *comment = GetComment(bronze, RelationRelationId, 0);
	const char *wanted = psprintf(BRONZE_BEGINNING "%sas received from ", possession(table));
	Identity copy = identity_of(table);

	if (comment == NULL || !begins(comment, wanted) ||
		strcmp(comment, mls_identity_comment(table)) == 0)
		return identity_text(&copy);
	copy.parts[IDENTITY_ADDRESS] = comment + strlen(wanted);
	copy.parts[IDENTITY_LOGIN] = "";
	return identity_text(&copy);
}

static void
comment_table(Oid relid, const char *comment)
{
	if (get_rel_name(relid) != NULL && object_ownercheck(RelationRelationId, relid, GetUserId()))
		CreateComments(relid, RelationRelationId, 0, comment);
}

/* Writes down of whom the records of a subscription are. */
static void
comment_tables(const MlsSubscription *sub, const MlsTable *table)
{
	comment_table(sub->bronze, mls_identity_comment(table));
	comment_table(sub->silver, mls_identity_silver_comment(table));
}

/* ---- mls_source_accept ---- */

/* Subscriptions of a source whose owner's privileges the caller has (List of MlsSubscription *). */
static List *
subscriptions_of(const char *source)
{
	mls_select("SELECT id FROM mls.subscription WHERE source = $1 "
			   "AND pg_catalog.pg_has_role(owner, 'USAGE') ORDER BY id",
			   mls_arg_text(source));
	return mls_subscriptions_found();
}

/* The copy is of the source as it is now; links and lists that lead to the old place are forgotten. */
static void
accept(MlsSubscription *sub)
{
	MlsTable *table = mls_table_get(sub->foreign_table, sub->owner, false);
	Identity copy = identity_read(sub->identity ? sub->identity : "");
	Identity now = identity_of(table);
	MlsRights before;

	mls_owner_enter(&before, sub, "accept");
	require_same_records(sub, table, &copy, &now);
	mls_subscription_require_lock(sub);
	if (get_rel_name(sub->bronze) != NULL)
		mls_snapshot_drop(sub);
	mls_sql_control(
		SPI_OK_UPDATE,
		"UPDATE mls.subscription SET identity = $2, next_attempt_at = NULL, "
		"listing_process = NULL, listing_link = NULL, resume_timestamp = NULL, "
		"resume_key = NULL, resume_link = NULL, resume_received = 0, resume_since = NULL "
		"WHERE id = $1",
		mls_arg_int8(sub->id), mls_arg_text(identity_text(&now)));
	mls_range_forget(sub);
	comment_tables(sub, table);
	mls_rights_leave(&before);
}

/* mls_source_accept(source): how many subscriptions it has */
Datum
mls_source_accept(PG_FUNCTION_ARGS)
{
	char *source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	List *subscriptions;
	ListCell *lc;
	int accepted;

	mls_refuse_standby("mls_source_accept()", "accept");
	SPI_connect();
	mls_identity_follow_renames();
	subscriptions = subscriptions_of(source);
	if (subscriptions == NIL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("source \"%s\" has no subscription", source),
				errhint("The view mls_status lists all."));
	foreach (lc, subscriptions)
		accept(lfirst(lc));
	accepted = list_length(subscriptions);
	SPI_finish();
	PG_RETURN_INT32(accepted);
}

/* mls.source_differs(subscription): why the source is not the one the copy is of; NULL if it is */
Datum
mls_source_differs(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	MlsSubscription *sub;
	char *what = NULL;

	SPI_connect();
	sub = mls_subscription_by_id(PG_GETARG_INT64(0));
	if (sub != NULL && sub->identity != NULL &&
		get_rel_relkind(sub->foreign_table) == RELKIND_FOREIGN_TABLE)
	{
		MlsTable *table = mls_table_get(sub->foreign_table, sub->owner, false);
		Identity copy = identity_read(sub->identity);
		Identity now = identity_of(table);

		what = difference(&copy, &now);
		if (what != NULL)
			what = MemoryContextStrdup(context, what);
	}
	SPI_finish();
	if (what == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(what));
}

/* ---- Servers that were renamed ---- */

/* A subscription whose server has another name now. */
typedef struct Renaming
{
	MlsSubscription *sub;
	char *name;
} Renaming;

static List *
pending_renames(void)
{
	SPITupleTable *found;
	List *renames = NIL;

	/* Locked, so that what another process has followed meanwhile is not followed twice. */
	mls_sql_control(SPI_OK_SELECT,
					"SELECT s.id, f.srvname::pg_catalog.text FROM mls.subscription s "
					"JOIN pg_catalog.pg_foreign_table t ON t.ftrelid = s.foreign_table "
					"JOIN pg_catalog.pg_foreign_server f ON f.oid = t.ftserver "
					"WHERE f.srvname <> s.source AND pg_catalog.pg_has_role($1, s.owner, 'USAGE') "
					"ORDER BY s.id FOR UPDATE OF s",
					mls_arg_oid(GetUserId()));
	found = SPI_tuptable;
	for (uint64 i = 0; i < found->numvals; i++)
	{
		Renaming *renaming = palloc(sizeof(Renaming));

		renaming->name = mls_cell_text(found, i, 2);
		renaming->sub = mls_subscription_by_id(mls_cell_int8(found, i, 1));
		renames = lappend(renames, renaming);
	}
	return renames;
}

/* What is kept by the name of a source besides its subscriptions: rules, schedules, what it has told. */
static void
rename_facts(const char *before, const char *after)
{
	mls_select("SELECT mls.rename_source($1, $2)", mls_arg_text(before), mls_arg_text(after));
}

/* Was the name that a server has now another's, which has not given it up yet? */
static bool
is_held(List *renames, const char *name)
{
	ListCell *lc;

	foreach (lc, renames)
		if (strcmp(((Renaming *) lfirst(lc))->sub->source, name) == 0)
			return true;
	return false;
}

/* Follows a server that was renamed: the subscription, and the rows of gold that it made. */
static void
rename_subscription(MlsSubscription *sub, const char *source)
{
	mls_gold_rename(sub->source, sub->resource, source, sub->gold);
	mls_sql_control(SPI_OK_UPDATE, "UPDATE mls.subscription SET source = $2 WHERE id = $1",
					mls_arg_int8(sub->id), mls_arg_text(source));
	if (SPI_processed != 1)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("the subscription was removed while it was synced"));
	sub->source = pstrdup(source);
}

static void
rename_all(List *renames, char *(*name_of)(const Renaming *renaming))
{
	List *done = NIL;
	ListCell *lc;

	foreach (lc, renames)
	{
		Renaming *renaming = lfirst(lc);
		char *name = name_of(renaming);
		MlsRights before;

		if (!list_member(done, makeString(name)))
			rename_facts(renaming->sub->source, name);
		done = lappend(done, makeString(name));
		mls_owner_enter(&before, renaming->sub, "rename");
		rename_subscription(renaming->sub, name);
		mls_rights_leave(&before);
	}
}

static char *
final_name(const Renaming *renaming)
{
	return renaming->name;
}

/* One that no server has, since it begins like none. */
static char *
passing_name(const Renaming *renaming)
{
	return psprintf("\001%s", renaming->name);
}

/* Follows all renames at once; where servers have swapped names, by names that nobody has. */
void
mls_identity_follow_renames(void)
{
	List *renames = pending_renames();
	bool swapped = false;
	ListCell *lc;

	foreach (lc, renames)
		swapped |= is_held(renames, ((Renaming *) lfirst(lc))->name);
	if (swapped)
		rename_all(renames, passing_name);
	rename_all(renames, final_name);
	foreach (lc, renames)
	{
		const MlsSubscription *sub = ((Renaming *) lfirst(lc))->sub;
		MlsRights before;

		mls_owner_enter(&before, sub, "rename");
		comment_tables(sub, mls_table_get(sub->foreign_table, sub->owner, false));
		mls_rights_leave(&before);
	}
}

/* mls.follow_renames() */
Datum
mls_follow_renames(PG_FUNCTION_ARGS)
{
	SPI_connect();
	mls_identity_follow_renames();
	SPI_finish();
	PG_RETURN_VOID();
}
