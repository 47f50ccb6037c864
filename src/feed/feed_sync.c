/*
 * feed_sync.c
 *		The process feed: a feed is written beside the old one, checked, and put in its place.
 *
 * Numbers of new listings are committed before the document that has them is published: so
 * none is ever given twice, whatever ends the process between the two.  What a store does not
 * say is whole it does not show: until then it has the old document.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "base/digest.h"
#include "base/name_list.h"
#include "feed/feed.h"
#include "feed/feed_parts.h"
#include "gold/gold.h"
#include "http/url.h"
#include "media/store.h"
#include "utils/guc.h"
#include "xml/xml.h"

/* What a document of a sitemap holds at most: the protocol says 50,000 and 50 MB. */
#define SITEMAP_LISTINGS 50000
#define SITEMAP_BYTES (50 * 1000 * 1000)

/* Written to the file at once. */
#define PIECE (64 * 1024)

/* A document under way. */
typedef struct Document
{
	char *name;
	MlsHttpResponse *body;
	StringInfoData piece; /* not in the file yet */
	MlsDigest *digest;
	uint8 sha256[MLS_SHA256_BYTES];
	int64 length;
	int64 listings;
} Document;

typedef struct FeedRun
{
	MlsRun *run;
	MlsFeed *feed;
	MlsStore *store;
	MemoryContext batch;
	List *documents; /* of Document * */
	MlsDigest *content;
	char *content_hash;
	char *now;
	int64 written;
	int64 same;
	int64 skipped;
	int64 stripped;
	int64 published;
	int64 keyless;
} FeedRun;

/* ---- What runs work on ---- */

static MlsSubscription *
read_subject(int64 id)
{
	MlsSubscription *sub;
	MlsRights before;

	mls_rights_enter_control(&before);
	mls_select("SELECT name, store, owner::pg_catalog.oid FROM mls.feed WHERE id = $1",
			   mls_arg_int8(id));
	mls_rights_leave(&before);
	if (SPI_processed == 0)
		return NULL;
	sub = palloc0(sizeof(MlsSubscription));
	sub->id = id;
	sub->resource = mls_text_at(0, 1);
	sub->source = mls_text_at(0, 2);
	sub->owner = mls_oid_at(0, 3);
	return sub;
}

static void
prepare(MlsRun *run)
{
	FeedRun *work = palloc0(sizeof(FeedRun));

	work->run = run;
	work->feed = mls_feed_read(run->sub->id);
	if (work->feed == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("the feed was removed"));
	work->store = mls_store_open_named(work->feed->store, run->sub->owner);
	mls_feed_prepare(work->feed, 0);
	mls_feed_require_settings(work->feed, ERROR);
	work->batch = AllocSetContextCreate(run->context, "mls_fdw feed", ALLOCSET_DEFAULT_SIZES);
	mls_select("SELECT pg_catalog.to_char(pg_catalog.now() AT TIME ZONE 'UTC', "
			   "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
	work->now = MemoryContextStrdup(run->context, mls_text_at(0, 1));
	run->state = work;
}

/* ---- Documents ---- */

static void
flush(Document *document)
{
	if (document->piece.len == 0)
		return;
	mls_http_body_add(document->body, document->piece.data, document->piece.len);
	mls_digest_add(document->digest, document->piece.data, document->piece.len);
	document->length += document->piece.len;
	resetStringInfo(&document->piece);
}

static void
put(Document *document, const char *text, int length)
{
	appendBinaryStringInfo(&document->piece, text, length);
	if (document->piece.len >= PIECE)
		flush(document);
}

/* {now} becomes the time of the run. */
static char *
filled(const FeedRun *work, const char *template)
{
	StringInfoData text;

	initStringInfo(&text);
	while (*template)
	{
		if (strncmp(template, "{now}", 5) == 0)
		{
			appendStringInfoString(&text, work->now);
			template += 5;
		}
		else
			appendStringInfoChar(&text, *template ++);
	}
	return text.data;
}

/* "feeds/sitemap.xml", 2: "feeds/sitemap-2.xml" */
static char *
numbered_name(const char *path, int number)
{
	const char *dot = strrchr(path, '.');

	if (dot == NULL || strchr(dot, '/') != NULL)
		dot = path + strlen(path);
	return psprintf("%.*s-%d%s", (int) (dot - path), path, number, dot);
}

static Document *
begin_document(FeedRun *work, const char *name)
{
	MemoryContext before = MemoryContextSwitchTo(work->run->context);
	Document *document = palloc0(sizeof(Document));

	document->name = pstrdup(name);
	document->body = mls_http_body_begin();
	document->digest = mls_digest_begin();
	initStringInfo(&document->piece);
	work->documents = lappend(work->documents, document);
	MemoryContextSwitchTo(before);
	return document;
}

static Document *
begin_listings(FeedRun *work)
{
	const MlsFeed *feed = work->feed;
	Document *document =
		begin_document(work, feed->kind == MLS_FEED_SITEMAP
								 ? numbered_name(feed->path, list_length(work->documents) + 1)
								 : feed->path);
	char *opening = filled(work, feed->opening);

	put(document, opening, strlen(opening));
	return document;
}

static void
end_document(FeedRun *work, Document *document)
{
	flush(document);
	mls_digest_end(document->digest, document->sha256);
	document->digest = NULL;
}

static void
end_listings(FeedRun *work, Document *document)
{
	char *closing = filled(work, work->feed->closing);

	put(document, "\n", 1);
	put(document, closing, strlen(closing));
	end_document(work, document);
}

static bool
is_full(const FeedRun *work, const Document *document, int more)
{
	return work->feed->kind == MLS_FEED_SITEMAP &&
		   (document->listings >= SITEMAP_LISTINGS ||
			document->length + document->piece.len + more > SITEMAP_BYTES - PIECE);
}

/* ---- Writing ---- */

static Document *
write_listing(FeedRun *work, Document *document, MlsFeedListing *listing, StringInfo text)
{
	const MlsFeed *feed = work->feed;
	const char *separator = feed->kind == MLS_FEED_JSON && document->listings > 0 ? ",\n" : "\n";

	resetStringInfo(text);
	mls_feed_write(feed, listing, text, &work->stripped);
	mls_digest_add(work->content, text->data, text->len + 1);
	if (is_full(work, document, text->len))
	{
		end_listings(work, document);
		document = begin_listings(work);
	}
	put(document, separator, strlen(separator));
	put(document, text->data, text->len);
	document->listings++;
	work->written++;
	work->same += listing->is_same;
	return document;
}

/* What a listing says but cannot be written without its number. */
static void
write_batch(FeedRun *work, Document **document, List *listings)
{
	StringInfoData text;
	ListCell *lc;

	initStringInfo(&text);
	foreach (lc, listings)
	{
		MlsFeedListing *listing = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (listing->reason == NULL)
			*document = write_listing(work, *document, listing, &text);
		else
			work->skipped++;
	}
}

/* Numbers and times do not depend on what a role has set for itself. */
static void
settle_formats(void)
{
	(void) set_config_option("datestyle", "ISO, YMD", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	(void) set_config_option("intervalstyle", "iso_8601", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("timezone", "UTC", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
	(void) set_config_option("extra_float_digits", "1", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	(void) set_config_option("bytea_output", "hex", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

/* All listings in one transaction, of one instant; at its end their numbers are kept. */
static void
write_listings(FeedRun *work)
{
	MlsRun *run = work->run;
	MlsCounters counters = run->counters;
	MlsFeedReader *reader;
	Document *document;
	char *after = pstrdup("");
	List *listings;

	work->content = mls_digest_begin();
	mls_run_begin_step(run);
	settle_formats();
	MemoryContextSwitchTo(run->context);
	reader = mls_feed_open(work->feed);
	document = begin_listings(work);
	MemoryContextSwitchTo(work->batch);
	do
	{
		listings = mls_feed_next(reader);
		mls_feed_number(reader, listings, after);
		write_batch(work, &document, listings);
		if (listings != NIL)
		{
			pfree(after);
			after = MemoryContextStrdup(run->context, ((MlsFeedListing *) llast(listings))->key);
		}
		run->counters.received = work->written;
		mls_run_report_activity(run);
		MemoryContextReset(work->batch);
	} while (listings != NIL);
	work->keyless = mls_feed_keyless(reader);
	MemoryContextSwitchTo(run->context);
	end_listings(work, document);
	counters.received = work->written;
	counters.unchanged = work->same;
	counters.bad_values = work->skipped;
	mls_run_end_step(run, &counters);
}

/* The document that lists those of a sitemap. */
static void
write_index(FeedRun *work)
{
	const MlsFeed *feed = work->feed;
	Document *index;
	List *parts = list_copy(work->documents);
	StringInfoData text;
	int64 stripped = 0;
	ListCell *lc;

	initStringInfo(&text);
	appendStringInfoString(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sitemapindex "
								  "xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
	foreach (lc, parts)
	{
		const Document *part = lfirst(lc);

		appendStringInfoString(&text, "<sitemap><loc>");
		mls_xml_put_text(&text, mls_feed_address(feed, work->store, part->name), &stripped);
		appendStringInfo(&text, "</loc><lastmod>%s</lastmod></sitemap>\n", work->now);
	}
	appendStringInfoString(&text, "</sitemapindex>\n");
	index = begin_document(work, feed->path);
	put(index, text.data, text.len);
	end_document(work, index);
}

/* ---- Checking ---- */

static void
check(FeedRun *work)
{
	const MlsFeed *feed = work->feed;
	uint8 hash[MLS_SHA256_BYTES];
	ListCell *lc;

	foreach (lc, work->documents)
	{
		const Document *document = lfirst(lc);

		mls_feed_verify(feed, document->body, document->name, document->listings);
	}
	mls_digest_add(work->content, feed->opening, strlen(feed->opening) + 1);
	mls_digest_add(work->content, feed->closing, strlen(feed->closing) + 1);
	/* Not in the listings, but in what a portal is shown. */
	mls_digest_add(work->content, feed->content_type, strlen(feed->content_type) + 1);
	if (feed->kind == MLS_FEED_SITEMAP)
	{
		const char *address = mls_feed_address(feed, work->store, feed->path);

		mls_digest_add(work->content, address, strlen(address) + 1);
	}
	mls_digest_end(work->content, hash);
	work->content_hash = mls_hex(hash, sizeof(hash));
	/* A portal takes what is missing for withdrawn. */
	if (!work->run->task->force && feed->written > 0 &&
		work->written < feed->min_share * feed->written)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("feed \"%s\" was not written: it would have %s, where it had " INT64_FORMAT,
					   feed->name, mls_counted(work->written, "listing", "listings"),
					   feed->written),
				errdetail("That is less than the share %g of min_share. The old feed stays: the "
						  "portal would take down what is missing. mls_feed_report('%s') says what "
						  "was left out.",
						  feed->min_share, feed->name),
				errhint("If it is right: SELECT * FROM mls_feed_sync('%s', force => true);",
						feed->name));
}

/* ---- Publishing ---- */

/* Is what the store should have there, at least by its lengths? */
static bool
is_there(const FeedRun *work)
{
	const MlsFeed *feed = work->feed;
	ListCell *name;
	ListCell *length;

	if (list_length(feed->documents) != list_length(work->documents) ||
		list_length(feed->documents) != list_length(feed->lengths))
		return false;
	forboth(name, feed->documents, length, feed->lengths)
	{
		char *here = psprintf(INT64_FORMAT, mls_store_head(work->store, lfirst(name)));

		if (strcmp(here, lfirst(length)) != 0)
			return false;
	}
	return true;
}

/*
 * Before the first document is replaced: whatever ends the process between here and
 * note_success(), nobody knows what the store has, but for the names that may be there.
 */
static void
note_doubt(FeedRun *work)
{
	MlsRun *run = work->run;
	MlsCounters counters = run->counters;
	List *names = list_copy(work->feed->documents);
	ListCell *lc;

	foreach (lc, work->documents)
		names = mls_list_once(names, ((const Document *) lfirst(lc))->name);
	mls_run_begin_step(run);
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.feed SET content_hash = NULL, documents = $2 WHERE id = $1",
					mls_arg_int8(run->sub->id), mls_arg_list(names));
	mls_run_end_step(run, &counters);
}

static void
publish(FeedRun *work)
{
	const MlsFeed *feed = work->feed;
	List *names = NIL;
	List *gone = NIL;
	ListCell *lc;

	/* The index, which leads to the others, is the last. */
	foreach (lc, work->documents)
	{
		const Document *document = lfirst(lc);
		MlsStoreFile file = {.name = document->name,
							 .content_type = feed->content_type,
							 .length = document->length,
							 .response = document->body};

		memcpy(file.sha256, document->sha256, sizeof(file.sha256));
		mls_store_publish(work->store, &file);
		names = lappend(names, document->name);
		work->published++;
	}
	foreach (lc, feed->documents)
		if (!mls_is_listed(names, lfirst(lc)))
			gone = lappend(gone, lfirst(lc));
	mls_store_delete(work->store, gone);
}

static void
note_success(FeedRun *work, bool is_new)
{
	MlsRun *run = work->run;
	MlsCounters counters = run->counters;
	List *names = NIL;
	List *lengths = NIL;
	ListCell *lc;

	foreach (lc, work->documents)
	{
		const Document *document = lfirst(lc);

		names = lappend(names, document->name);
		lengths = lappend(lengths, psprintf(INT64_FORMAT, document->length));
	}
	mls_run_begin_step(run);
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.feed SET written = $2, skipped = $3, stripped = $4, checked_at = "
					"pg_catalog.now(), failures = 0, refused = false, problem = NULL WHERE id = $1",
					mls_arg_int8(run->sub->id), mls_arg_int8(work->written),
					mls_arg_int8(work->skipped), mls_arg_int8(work->stripped));
	if (is_new)
		mls_sql_control(SPI_OK_UPDATE,
						"UPDATE mls.feed SET content_hash = $2, documents = $3, lengths = "
						"$4::bigint[], written_at = pg_catalog.now() WHERE id = $1",
						mls_arg_int8(run->sub->id), mls_arg_text(work->content_hash),
						mls_arg_list(names), mls_arg_list(lengths));
	counters.pages = work->published;
	mls_run_end_step(run, &counters);
}

/* ---- The process ---- */

static void
feed_work(MlsRun *run)
{
	FeedRun *work = run->state;
	bool is_new;

	mls_run_enter(run, "writing");
	write_listings(work);
	if (work->feed->kind == MLS_FEED_SITEMAP)
		write_index(work);
	mls_run_enter(run, "checking");
	check(work);
	mls_run_enter(run, "publishing");
	is_new = work->feed->content_hash == NULL ||
			 strcmp(work->feed->content_hash, work->content_hash) != 0 || !is_there(work);
	if (is_new)
	{
		note_doubt(work);
		publish(work);
	}
	note_success(work, is_new);
}

/* A feed without any listing is seldom what somebody wants. */
static void
note_empty(MlsRun *run, const FeedRun *work)
{
	mls_sql_control(SPI_OK_SELECT,
					"SELECT reason FROM mls.feed_listing WHERE feed = $1 AND state = 'skipped' "
					"GROUP BY 1 ORDER BY pg_catalog.count(*) DESC, 1 LIMIT 1",
					mls_arg_int8(run->sub->id));
	mls_run_note(run, "the feed is empty: %s left out, most often since: %s",
				 mls_counted(work->skipped, "listing was", "listings were"), mls_text_at(0, 1));
}

static const char *
feed_complete(MlsRun *run)
{
	const FeedRun *work = run->state;

	if (work->written == 0 && work->skipped > 0)
		note_empty(run, work);
	if (work->published == 0)
		mls_run_note(run, "nothing has changed");
	if (work->keyless > 0)
		mls_run_note(run, "%s no key",
					 mls_counted(work->keyless, "row of the view has", "rows of the view have"));
	return NULL;
}

static void
feed_failed(MlsRun *run)
{
	const MlsOutcome *outcome = run->outcome;

	mls_sql_control(
		SPI_OK_UPDATE,
		"UPDATE mls.feed SET failures = failures + 1, problem = $2, refused = $3 "
		"WHERE id = $1",
		mls_arg_int8(run->sub->id),
		mls_arg_text(psprintf("%s%s%s%s%s", outcome->message,
							  outcome->detail[0] || outcome->hint[0] ? ". " : "", outcome->detail,
							  outcome->detail[0] && outcome->hint[0] ? " " : "", outcome->hint)),
		mls_arg_bool(strstr(outcome->hint, "force => true") != NULL));
}

static void
feed_spent(MlsRun *run, MlsCounters *counters)
{
	const FeedRun *work = run->state;

	if (work == NULL)
		return;
	counters->requests += mls_store_stats(work->store)->requests;
	counters->bytes += mls_store_stats(work->store)->body_bytes;
}

const MlsProcess mls_feed_process = {
	.name = "feed",
	.beside = MLS_LOCK_FEED,
	.subject = read_subject,
	.prepare = prepare,
	.work = feed_work,
	.complete = feed_complete,
	.failed = feed_failed,
	.spent = feed_spent,
};
