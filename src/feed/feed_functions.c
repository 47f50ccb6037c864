/*
 * feed_functions.c
 *		Feeds in SQL: whether one can be made, and how it would look.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "base/base.h"
#include "compat.h"
#include "feed/feed.h"
#include "feed/feed_parts.h"
#include "media/store.h"

PG_FUNCTION_INFO_V1(mls_feed_check_sql);
PG_FUNCTION_INFO_V1(mls_feed_preview);

/* A feed whose owner's rights the caller has; NULL: there is none. */
static MlsFeed *
own_feed(int64 id)
{
	MlsFeed *feed = mls_feed_read(id);

	if (feed != NULL && !has_privs_of_role(GetUserId(), feed->owner))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied for feed \"%s\"", feed->name));
	return feed;
}

/* mls.feed_check(feed) */
Datum
mls_feed_check_sql(PG_FUNCTION_ARGS)
{
	ErrorContextCallback *around = error_context_stack;
	MlsFeed *feed;
	MlsStore *store;
	MlsRights before;

	/* Nobody reads which function of ours has called this one. */
	error_context_stack = NULL;
	SPI_connect();
	feed = own_feed(PG_GETARG_INT64(0));
	if (feed == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no such feed"));
	if (!mls_store_is_document(feed->path))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("\"%.100s\" is no name of a document", feed->path),
				errhint("Write it as feeds/kyero.xml: up to four parts of letters, digits, \"-\", "
						"\"_\" and \".\"."));
	mls_rights_enter(&before, feed->owner);
	store = mls_store_open_named(feed->store, feed->owner);
	if (feed->kind == MLS_FEED_SITEMAP)
		(void) mls_feed_address(feed, store, feed->path);
	mls_feed_prepare(feed, 0);
	/* An element of the feed's own may come with the next call. */
	mls_feed_require_settings(feed, WARNING);
	mls_sql(SPI_OK_SELECT, psprintf("SELECT FROM (%s) q LIMIT 0", feed->query),
			mls_arg_null(INT8OID));
	mls_rights_leave(&before);
	SPI_finish();
	error_context_stack = around;
	PG_RETURN_VOID();
}

/* What a listing looks like, as this database writes it. */
static char *
written(const MlsFeed *feed, const MlsFeedListing *listing)
{
	StringInfoData text;
	int64 stripped = 0;

	initStringInfo(&text);
	mls_feed_write(feed, listing, &text, &stripped);
	return pg_any_to_server(text.data, text.len, PG_UTF8);
}

static void
return_listings(FunctionCallInfo fcinfo, const MlsFeed *feed, int most)
{
	MlsFeedReader *reader = mls_feed_open(feed);
	List *listings;
	ListCell *lc;

	while (most > 0 && (listings = mls_feed_next(reader)) != NIL)
	{
		mls_feed_number_preview(reader, listings);
		foreach (lc, listings)
		{
			const MlsFeedListing *listing = lfirst(lc);

			if (most-- <= 0)
				break;
			mls_return_row((ReturnSetInfo *) fcinfo->resultinfo, mls_arg_text(listing->key),
						   mls_arg_text(listing->reason),
						   mls_arg_text(listing->reason ? NULL : written(feed, listing)));
		}
	}
}

/* mls_feed_preview(name, most) */
Datum
mls_feed_preview(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int most = PG_GETARG_INT32(1);
	MemoryContext context = CurrentMemoryContext;
	MlsFeed *feed;
	List *found;
	MlsRights before;

	if (most < 1 || most > 1000)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("a preview has 1 to 1,000 listings"));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	found = mls_feeds_found(name, context);
	feed = own_feed(((const MlsSubscription *) linitial(found))->id);
	if (feed == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no such feed"));
	mls_rights_enter(&before, feed->owner);
	mls_feed_prepare(feed, most);
	return_listings(fcinfo, feed, most);
	mls_rights_leave(&before);
	SPI_finish();
	return (Datum) 0;
}
