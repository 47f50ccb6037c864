/*
 * feed_row.c
 *		A feed as its rows say: the feed, its format, its texts and settings.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"

#include "base/base.h"
#include "feed/feed.h"
#include "feed/feed_parts.h"
#include "http/url.h"
#include "media/store.h"

static MlsFeedKind
kind_of(const char *name)
{
	return strcmp(name, "json") == 0      ? MLS_FEED_JSON
		   : strcmp(name, "sitemap") == 0 ? MLS_FEED_SITEMAP
										  : MLS_FEED_XML;
}

/* The texts of an array in a column of the one row that was found. */
static List *
texts_of(int column)
{
	List *texts = NIL;
	bool isnull;
	Datum array = mls_cell(SPI_tuptable, 0, column, &isnull);
	Datum *values;
	bool *nulls;
	int n;

	if (isnull)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls,
					  &n);
	for (int i = 0; i < n; i++)
		texts = lappend(texts, TextDatumGetCString(values[i]));
	return texts;
}

static MlsFeed *
read_feed(void)
{
	MlsFeed *feed = palloc0(sizeof(MlsFeed));
	bool isnull;
	Datum share = mls_cell(SPI_tuptable, 0, 15, &isnull);

	feed->id = mls_int8_at(0, 1);
	feed->name = mls_text_at(0, 2);
	feed->owner = mls_oid_at(0, 3);
	feed->relation = mls_oid_at(0, 4);
	feed->key = mls_text_at(0, 5);
	feed->store = mls_text_at(0, 6);
	feed->path = mls_text_at(0, 7);
	feed->languages = texts_of(8);
	feed->falls_back = mls_bool_at(0, 9);
	feed->media = mls_oid_at(0, 10);
	feed->newest_by = mls_text_at(0, 11);
	feed->max_listings = mls_int8_at(0, 12);
	feed->max_photos = mls_int8_at(0, 13);
	feed->written = mls_int8_at(0, 14);
	feed->min_share = DatumGetFloat8(share);
	feed->content_hash = mls_text_at(0, 16);
	feed->documents = texts_of(17);
	feed->lengths = texts_of(18);
	feed->kind = kind_of(mls_text_at(0, 19));
	feed->opening = mls_text_at(0, 20);
	feed->item = mls_text_at(0, 21);
	feed->closing = mls_text_at(0, 22);
	feed->content_type = mls_text_at(0, 23);
	feed->id_path = mls_text_at(0, 24);
	/* What the owner of a format writes into it runs as the feed's. */
	if (!mls_bool_at(0, 25) && !mls_is_trusted(feed->owner, mls_oid_at(0, 26)))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("role \"%s\" may not use the format of feed \"%s\"",
					   GetUserNameFromId(feed->owner, true), feed->name),
				errdetail("Expressions of a format run in the rights of a feed's owner; its format "
						  "is of a role that he is no member of (any more)."));
	return feed;
}

MlsFeed *
mls_feed_read(int64 id)
{
	MlsFeed *feed;
	MlsRights before;

	mls_rights_enter_control(&before);
	mls_select(
		"SELECT f.id, f.name, f.owner::pg_catalog.oid, f.relation::pg_catalog.oid, f.key, f.store, "
		"f.path, f.languages, coalesce(f.falls_back, t.falls_back), f.media::pg_catalog.oid, "
		"f.newest_by, coalesce(least(f.max_listings, t.max_listings), 0), "
		"coalesce(least(f.max_photos, t.max_photos), -1)::bigint, coalesce(f.written, -1), "
		"f.min_share, f.content_hash, f.documents, f.lengths::text[], t.kind, t.opening, t.item, "
		"t.closing, t.content_type, t.id_path, t.shipped, t.owner::pg_catalog.oid "
		"FROM mls.feed f JOIN mls.feed_format t ON t.format = f.format WHERE f.id = $1",
		mls_arg_int8(id));
	if (SPI_processed == 0)
	{
		mls_rights_leave(&before);
		return NULL;
	}
	feed = read_feed();
	mls_select("SELECT t.key, c.key, c.value FROM mls.feed f, pg_catalog.jsonb_each(f.texts) t, "
			   "pg_catalog.jsonb_each_text(t.value) c WHERE f.id = $1 ORDER BY 1, 2",
			   mls_arg_int8(id));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MlsFeedText *text = palloc(sizeof(MlsFeedText));

		text->name = mls_text_at(i, 1);
		text->language = mls_text_at(i, 2);
		text->column = mls_text_at(i, 3);
		feed->texts = lappend(feed->texts, text);
	}
	mls_select("SELECT s.key, s.value FROM mls.feed f JOIN mls.feed_format t USING (format), "
			   "pg_catalog.jsonb_each_text(t.settings || f.settings) s WHERE f.id = $1 ORDER BY 1",
			   mls_arg_int8(id));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MlsFeedSetting *setting = palloc(sizeof(MlsFeedSetting));

		setting->name = mls_text_at(i, 1);
		setting->value = mls_text_at(i, 2);
		feed->settings = lappend(feed->settings, setting);
	}
	mls_rights_leave(&before);
	return feed;
}

const char *
mls_feed_setting(const MlsFeed *feed, const char *name)
{
	ListCell *lc;

	foreach (lc, feed->settings)
	{
		const MlsFeedSetting *setting = lfirst(lc);

		if (strcmp(setting->name, name) == 0)
			return setting->value;
	}
	return NULL;
}

char *
mls_feed_address(const MlsFeed *feed, const MlsStore *store, const char *name)
{
	const char *base = mls_feed_setting(feed, "documents_url");
	char *address = base ? mls_url_build(base, name, NIL) : mls_store_url(store, name);

	if (address == NULL)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("nobody says at which address the documents of feed \"%s\" are", feed->name),
				errhint("Set the option public_url of store \"%s\", or the setting documents_url "
						"of the feed.",
						feed->store));
	return address;
}

/* ---- What runs work on ---- */

List *
mls_feeds_found(const char *name, MemoryContext context)
{
	List *found = NIL;

	mls_select("SELECT f.id, f.name, f.store, f.owner::pg_catalog.oid FROM mls.feed f "
			   "WHERE pg_catalog.pg_has_role(f.owner, 'USAGE') AND f.name = coalesce($1, f.name) "
			   "ORDER BY f.store COLLATE \"C\", f.id",
			   mls_arg_text(name));
	if (SPI_processed == 0 && name != NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("there is no feed \"%s\" of yours", name),
				errhint("mls_feed_status lists them."));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MlsSubscription *sub = MemoryContextAllocZero(context, sizeof(MlsSubscription));
		MemoryContext before = MemoryContextSwitchTo(context);

		sub->id = mls_int8_at(i, 1);
		sub->resource = mls_text_at(i, 2);
		sub->source = mls_text_at(i, 3);
		sub->owner = mls_oid_at(i, 4);
		found = lappend(found, sub);
		MemoryContextSwitchTo(before);
	}
	return found;
}
