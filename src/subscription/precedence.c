/*
 * precedence.c
 *		What decides between subscriptions that make rows of the same key in gold, as
 *		far as it is said outside the records: priority, account and standing.
 *
 * They stand in mls.subscription as they are in force; options and user mappings
 * are what is wanted.  A run that finds a difference takes the new ones over, and
 * has gold made anew from silver as after a change of rules.
 *
 * An account is what a source is asked as: protocol, address, originating system
 * and login.  Of the login a token is a part where there is no name, so all of it
 * is kept as a hash only.  The standing of an account is the number of its first
 * subscription, and stays when that one goes.
 */
#include "postgres.h"

#include "utils/lsyscache.h"

#include "gold/gold.h"
#include "subscription/subscription.h"

static void
add_part(StringInfo account, const char *part)
{
	appendStringInfo(account, "%s\n", part ? part : "");
}

/* What identifies the account of a source, before it is hashed. */
static char *
account_of(const MlsSource *source)
{
	const MlsHttpSource *http = &source->http;
	const char *login = http->username ? http->username : http->client_id;
	StringInfoData account;

	if (login == NULL)
		login = http->api_user ? http->api_user : http->token ? http->token : http->header_value;
	initStringInfo(&account);
	add_part(&account, source->protocol->name);
	add_part(&account, http->url);
	add_part(&account, source->platform.required_filter);
	add_part(&account, login);
	return account.data;
}

#define ACCOUNT_HASH                                                                               \
	"pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to($3, 'UTF8')), 'hex')"

/*
 * Takes over what server and user mapping say.  True if that has changed something:
 * then gold of the subscription has to be made anew.
 */
bool
mls_precedence_follow(const MlsSubscription *sub, const MlsTable *table)
{
	mls_select("SELECT FROM mls.subscription WHERE id = $1 AND priority = $2 AND "
			   "account = " ACCOUNT_HASH,
			   mls_arg_int8(sub->id), mls_arg_int4(table->source->priority),
			   mls_arg_text(account_of(table->source)));
	if (SPI_processed > 0)
		return false;
	mls_gold_pause_pages();
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription s SET priority = $2, account = " ACCOUNT_HASH ", "
					"map_hash = NULL, standing = CASE WHEN s.account = " ACCOUNT_HASH
					" THEN s.standing ELSE coalesce("
					"(SELECT pg_catalog.min(o.standing) FROM mls.subscription o "
					"WHERE o.owner = s.owner AND o.id <> s.id AND o.account = " ACCOUNT_HASH "), "
					"(SELECT s.id WHERE NOT EXISTS (SELECT FROM mls.subscription o "
					"WHERE o.owner = s.owner AND o.id <> s.id AND o.standing = s.id)), "
					"(SELECT pg_catalog.max(greatest(o.id, o.standing)) + 1 "
					"FROM mls.subscription o)) END WHERE s.id = $1",
					mls_arg_int8(sub->id), mls_arg_int4(table->source->priority),
					mls_arg_text(account_of(table->source)));
	return true;
}

/*
 * One comes or goes: what belongs to records of it, or is of the kind it brings, may
 * stand beside others' from now on, or no more.  The next sync or remap looks at it.
 */
void
mls_precedence_unsettle(const MlsSubscription *sub, const MlsTable *table)
{
	if (!OidIsValid(sub->gold) || get_rel_name(sub->gold) == NULL ||
		!mls_gold_source_has_rivals(sub->owner, table))
		return;
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.subscription SET map_hash = NULL WHERE id <> $1 AND "
					"id = ANY ($2::pg_catalog.int8[]) AND map_hash IS NOT NULL",
					mls_arg_int8(sub->id),
					mls_arg_text(mls_gold_unsettled(sub->owner, table, sub->silver, sub->gold)));
}
