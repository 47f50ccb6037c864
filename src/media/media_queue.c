/*
 * media_queue.c
 *		mls.media: which files are wanted, which are claimed, and what became of them.
 *
 * What is wanted follows from bronze and gold: batch after batch of keys both are read, as the
 * subscription's owner, into a relation, and compared with the rows of mls.media between the
 * same keys, as the owner of control tables.  So neither side has to hold all keys, and what is
 * not in gold any more is found by its absence.
 *
 * A file's row is written after the file, and with it gold of its record, if rules show files:
 * gold is at every commit what a rebuild would make of silver and of the rows here.  Pages of
 * syncs are paused meanwhile (mls_gold_pause_pages()), else a page could be made of older rows
 * than ours.
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"

#include "gold/gold_write.h"
#include "media/media_parts.h"

/* Rows of bronze that are compared at a time; gone rows that are forgotten at a time. */
#define COMPARED 1000

/* Files that are looked at at a time: has anybody got them? */
#define MARKED 10000

/* Files that are removed from a store at a time; its bulk deletes take as many. */
#define REMOVED 1000

/* Keys of files whose turn it is that are read at a time. */
#define QUEUED 10000

/* Failures are tried again after a minute, doubled each time, up to a day. */
#define FIRST_DELAY_S 60
#define LONGEST_DELAY_S (24 * 60 * 60)

/* What the store did not take waits for room in it, or for rights, not for the file's host. */
#define LONGEST_STORE_DELAY_S (60 * 60)

/* An address that the source itself names and that is not found: after so many times it is believed. */
#define BELIEVED_FAILURES 10

#define WANTED "mls_wanted"
#define FETCHED "mls_fetched"
#define KEYS "mls_keys"

static TupleDesc
make_desc(const char *const *names, const Oid *types, int n)
{
	TupleDesc desc = CreateTemplateTupleDesc(n);

	for (int i = 0; i < n; i++)
		TupleDescInitEntry(desc, i + 1, names[i], types[i], -1, 0);
	return desc;
}

static void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
							 false);
}

/*
 * Joins by hash are what comparing wants, even where mls.media was small when it was analyzed
 * last; workers avoid them for pages.  To the end of the transaction.
 */
static void
want_hash_joins(void)
{
	set_locally("enable_hashjoin", "on");
	set_locally("enable_nestloop", "off");
}

MlsMediaRule
mls_media_rule(int64 subscription)
{
	MlsMediaRule rule = {0};
	bool isnull;

	mls_select("SELECT store, max_file_bytes, coalesce(max_files, 0), coalesce(max_run_files, 0), "
			   "coalesce(max_run_bytes, 0), transfers, paused, quota_share "
			   "FROM mls.media_rule WHERE subscription = $1",
			   mls_arg_int8(subscription));
	if (SPI_processed != 1)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("no store is set for the media of this source"),
				errhint("Call mls_media_store()."));
	rule.store = mls_text_at(0, 1);
	rule.max_file_bytes = mls_int8_at(0, 2);
	rule.max_files = mls_int4_at(0, 3);
	rule.max_run_files = mls_int8_at(0, 4);
	rule.max_run_bytes = mls_int8_at(0, 5);
	rule.transfers = mls_int4_at(0, 6);
	rule.paused = mls_bool_at(0, 7);
	rule.quota_share = DatumGetFloat8(mls_cell(SPI_tuptable, 0, 8, &isnull));
	return rule;
}

List *
mls_media_other_stores(int64 subscription)
{
	mls_select("SELECT store FROM mls.media_place WHERE subscription = $1 ORDER BY place",
			   mls_arg_int8(subscription));
	return mls_cell_texts(SPI_tuptable, 1);
}

/* ---- What is wanted ---- */

/* A field of a row g of gold as text; NULL where gold has no such column. */
static char *
gold_field(const MlsMediaRun *media, const char *name)
{
	if (get_attnum(media->run->sub->gold, name) == InvalidAttrNumber)
		return "NULL::pg_catalog.text";
	return psprintf("g.%s::pg_catalog.text", quote_identifier(name));
}

/*
 * A value to be compared with a column of gold, in the collation of the latter: keys of bronze
 * have their own, with which no index of gold would be looked at.
 */
static char *
as_gold(const MlsMediaRun *media, const char *column, const char *value)
{
	Oid gold = media->run->sub->gold;
	AttrNumber number = get_attnum(gold, column);
	Oid type;
	Oid collation;
	int32 typmod;

	if (number == InvalidAttrNumber)
		return pstrdup(value);
	get_atttypetypmodcoll(gold, number, &type, &typmod, &collation);
	if (!OidIsValid(collation))
		return pstrdup(value);
	return psprintf("(%s) COLLATE %s", value, generate_collation_name(collation));
}

/*
 * What gold says of a record b of bronze; of several rows the first.  Gold is asked by its own
 * key alone: by the index of sources it could be read whole for each batch.  Rules may make keys
 * of their own: then it is found by the source's, which is indexed for it.
 */
static char *
gold_sql(const MlsMediaRun *media)
{
	const char *gold = mls_qualified_name(media->run->sub->gold);
	const char *fields =
		psprintf("%s AS resource, %s AS record, %s AS category, %s AS place, %s AS number",
				 gold_field(media, "ResourceName"), gold_field(media, "ResourceRecordKey"),
				 gold_field(media, "MediaCategory"), gold_field(media, "Order"),
				 gold_field(media, "MediaObjectID"));

	if (media->plain)
		return psprintf("SELECT %s, g.mls_source = $3 AND g.mls_source_key = b.key AS shown "
						"FROM %s g WHERE g.\"MediaKey\" = %s",
						fields, gold, as_gold(media, "MediaKey", "$2 || b.key"));
	return psprintf("SELECT %s, true AS shown FROM %s g WHERE $2 IS NOT NULL "
					"AND (g.mls_source || '') = $3 AND g.mls_source_key = %s "
					"AND pg_catalog.split_part(g.mls_origin, '/', 1) = %s "
					"ORDER BY g.\"MediaKey\" COLLATE \"C\" LIMIT 1",
					fields, gold, as_gold(media, "mls_source_key", "b.key"),
					quote_literal_cstr(media->run->table->resource));
}

/* Media without an address that no source hands out have no file: videos of other sites. */
static const char *
has_file_sql(const MlsMediaRun *media)
{
	const MlsProtocol *protocol = media->run->table->source->protocol;

	return !protocol->media_login || protocol->objects != NULL
			   ? ""
			   : psprintf(" AND %s IS NOT NULL", mls_media_address_sql(media));
}

/* The next rows of bronze, and what gold shows of them, as the result of the last query. */
static void
read_records(const MlsMediaRun *media, const char *after)
{
	const MlsRun *run = media->run;
	const MlsSource *source = run->table->source;

	mls_select(psprintf("SELECT b.key, g.resource, g.record, g.category, coalesce(g.place, 0), "
						"coalesce(b.modified_at, '-infinity'), %s, coalesce(g.number, g.place, 0), "
						"g.shown IS TRUE%s "
						"FROM (SELECT key, modified_at, record FROM %s WHERE deleted_at IS NULL "
						"AND ($1::pg_catalog.text IS NULL OR key > $1) ORDER BY key LIMIT %d) b "
						"LEFT JOIN LATERAL (SELECT o.resource, o.record, o.category, o.shown, "
						"CASE WHEN o.place ~ '^-?[0-9]{1,9}$' THEN o.place::pg_catalog.int4 END "
						"AS place, "
						"CASE WHEN o.number ~ '^[0-9]{1,9}$' THEN o.number::pg_catalog.int4 END "
						"AS number FROM (%s) o OFFSET 0) g ON true ORDER BY b.key",
						media->stamps, has_file_sql(media), mls_qualified_name(run->sub->bronze),
						COMPARED, gold_sql(media)),
			   mls_arg_text(after), mls_arg_text(source->key_prefix ? source->key_prefix : ""),
			   mls_arg_text(source->name));
}

static const char *const wanted_names[] = {"key",   "resource",  "record", "category",
										   "place", "record_at", "stamp",  "number"};
static const Oid wanted_types[] = {TEXTOID, TEXTOID,        TEXTOID, TEXTOID,
								   INT4OID, TIMESTAMPTZOID, TEXTOID, INT4OID};

/*
 * A medium that comes back after it was gone has its file still, if that was the one of its stamp:
 * the stamp of one that was not fetched is forgotten.
 */
static void
compare(const MlsMediaRun *media, const char *after, const char *upto)
{
	mls_sql_control(
		SPI_OK_INSERT,
		"WITH w AS MATERIALIZED (SELECT DISTINCT ON (w.key) w.*, r.store AS target "
		"FROM " WANTED " w JOIN (SELECT store, place, resources, categories FROM mls.media_place "
		"WHERE subscription = $1 UNION ALL SELECT store, NULL, resources, categories "
		"FROM mls.media_rule WHERE subscription = $1) r "
		"ON (r.resources IS NULL OR w.resource = ANY (r.resources)) "
		"AND (r.categories IS NULL OR w.category = ANY (r.categories)) "
		"ORDER BY w.key, r.place NULLS LAST), "
		"gone AS (UPDATE mls.media m SET state = 'gone', gone_at = now(), next_attempt_at = NULL, "
		"stamp = CASE WHEN m.state = 'here' THEN m.stamp ELSE '' END "
		"WHERE m.subscription = $1 AND m.state <> 'gone' "
		"AND ($2::text IS NULL OR m.key > $2) AND ($3::text IS NULL OR m.key <= $3) "
		"AND NOT EXISTS (SELECT FROM w WHERE w.key = m.key)) "
		"INSERT INTO mls.media AS m (subscription, key, record_resource, record_key, category, "
		"\"order\", record_at, stamp, number, target) "
		"SELECT $1, w.key, w.resource, w.record, w.category, w.place, w.record_at, w.stamp, "
		"w.number, w.target FROM w "
		"ON CONFLICT (subscription, key) DO UPDATE SET record_resource = excluded.record_resource, "
		"record_key = excluded.record_key, category = excluded.category, "
		"\"order\" = excluded.\"order\", record_at = excluded.record_at, stamp = excluded.stamp, "
		"number = excluded.number, target = excluded.target, "
		"gone_at = NULL, "
		"state = CASE WHEN m.stamp IS DISTINCT FROM excluded.stamp THEN 'wanted' "
		"WHEN m.state IN ('gone', 'here') THEN CASE WHEN m.store = excluded.target AND EXISTS "
		"(SELECT FROM mls.media_file f WHERE f.store = m.store AND f.sha256 = m.sha256 "
		"AND NOT f.removing AND NOT f.missing) THEN 'here' ELSE 'wanted' END "
		"ELSE m.state END, "
		"attempts = CASE WHEN m.stamp IS DISTINCT FROM excluded.stamp THEN 0 ELSE m.attempts END, "
		"next_attempt_at = CASE WHEN m.stamp IS NOT DISTINCT FROM excluded.stamp "
		"THEN m.next_attempt_at END, "
		"error = CASE WHEN m.stamp IS NOT DISTINCT FROM excluded.stamp THEN m.error END "
		"WHERE (m.record_resource, m.record_key, m.category, m.\"order\", m.record_at, m.stamp, "
		"m.number, m.target) "
		"IS DISTINCT FROM (excluded.record_resource, excluded.record_key, excluded.category, "
		"excluded.\"order\", excluded.record_at, excluded.stamp, excluded.number, "
		"excluded.target) "
		"OR m.state = 'gone' "
		"OR m.state = 'here' AND (m.store IS DISTINCT FROM excluded.target OR NOT EXISTS "
		"(SELECT FROM mls.media_file f WHERE f.store = m.store AND f.sha256 = m.sha256 "
		"AND NOT f.removing AND NOT f.missing))",
		mls_arg_int8(media->run->sub->id), mls_arg_text(after), mls_arg_text(upto));
}

/* Compares what follows a key (NULL: from the first); returns the last key, NULL at the end. */
char *
mls_media_find_wanted(MlsMediaRun *media, const char *after)
{
	MlsTransition wanted = {.name = WANTED,
							.desc = make_desc(wanted_names, wanted_types, lengthof(wanted_names))};
	Datum values[lengthof(wanted_names)];
	bool isnull[lengthof(wanted_names)];
	SPITupleTable *found;
	char *last = NULL;

	read_records(media, after);
	found = SPI_tuptable;
	mls_transition_open(&wanted);
	for (uint64 i = 0; i < found->numvals; i++)
	{
		if (!mls_cell_bool(found, i, lengthof(wanted_names) + 1))
			continue;
		for (int k = 0; k < lengthof(wanted_names); k++)
			values[k] = mls_cell(found, i, k + 1, &isnull[k]);
		mls_transition_put(&wanted, values, isnull);
	}
	if (found->numvals == COMPARED)
		last = mls_cell_text(found, COMPARED - 1, 1);
	want_hash_joins();
	compare(media, after, last);
	mls_transition_close(&wanted);
	return last;
}

/* Of each record only so many files: those behind are not fetched, as long as they are. */
void
mls_media_limit_records(const MlsMediaRun *media)
{
	if (media->rule.max_files == 0)
		return;
	mls_sql_control(
		SPI_OK_UPDATE,
		"WITH ranked AS (SELECT key, pg_catalog.row_number() OVER (PARTITION BY record_resource, "
		"record_key ORDER BY \"order\", key) <= $2 AS allowed FROM mls.media "
		"WHERE subscription = $1 AND state <> 'gone') "
		"UPDATE mls.media m SET state = CASE WHEN r.allowed THEN 'wanted' ELSE 'refused' END, "
		"error = CASE WHEN NOT r.allowed THEN $3 END FROM ranked r "
		"WHERE m.subscription = $1 AND m.key = r.key AND (m.state IN ('wanted', 'failed') "
		"AND NOT r.allowed OR m.state = 'refused' AND m.error = $3 AND r.allowed)",
		mls_arg_int8(media->run->sub->id), mls_arg_int4(media->rule.max_files),
		mls_arg_text("its record has more files than max_files allows"));
}

int64
mls_media_waiting(const MlsMediaRun *media)
{
	mls_select("SELECT pg_catalog.count(*) FROM mls.media "
			   "WHERE subscription = $1 AND (state = 'wanted' OR state = 'failed')",
			   mls_arg_int8(media->run->sub->id));
	return mls_int8_at(0, 1);
}

/* ---- Claims ---- */

/* A key of gold as the source has it. */
static char *
without_prefix(const MlsMediaRun *media, char *key)
{
	const char *prefix = media->run->table->source->key_prefix;
	int length = prefix ? strlen(prefix) : 0;

	return key != NULL && length > 0 && strncmp(key, prefix, length) == 0 ? key + length : key;
}

static MlsMediaItem *
item_at(const MlsMediaRun *media, uint64 row)
{
	MlsMediaItem *item = palloc0(sizeof(MlsMediaItem));

	item->batch = media->batch;
	item->key = mls_text_at(row, 1);
	item->category = mls_text_at(row, 2);
	item->old_sha256 = mls_text_at(row, 3);
	item->attempts = mls_int4_at(row, 4);
	item->record_resource = mls_text_at(row, 6);
	item->record_key = without_prefix(media, mls_text_at(row, 7));
	item->number = mls_int4_at(row, 8);
	item->old_store = mls_text_at(row, 9);
	item->old_validator = mls_text_at(row, 10);
	item->old_place = mls_text_at(row, 11);
	return item;
}

static MlsArg
keys_of(const List *items)
{
	List *keys = NIL;
	ListCell *lc;

	foreach (lc, items)
		keys = lappend(keys, ((MlsMediaItem *) lfirst(lc))->key);
	return mls_arg_list(keys);
}

/* Where the source said last that they are; and which record brought them. */
static void
read_addresses(MlsMediaRun *media, List *items)
{
	mls_kept_select(
		&media->plans.addresses,
		psprintf("SELECT k.n::pg_catalog.int4, b.* "
				 "FROM pg_catalog.unnest($1) WITH ORDINALITY k (key, n) CROSS JOIN LATERAL "
				 "(SELECT %s, b.parent FROM %s b WHERE b.key = k.key "
				 "AND b.deleted_at IS NULL OFFSET 0) b",
				 mls_media_address_sql(media), mls_qualified_name(media->run->sub->bronze)),
		keys_of(items));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MlsMediaItem *item = list_nth(items, mls_int4_at(i, 1) - 1);

		item->address = mls_text_at(i, 2);
		item->parent = mls_text_at(i, 3);
	}
}

/* Files that failed, and whose turn it is again, are wanted as before; some at a time. */
static void
want_again(const MlsMediaRun *media)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.media m SET state = 'wanted' FROM (SELECT o.key FROM mls.media o "
					"WHERE o.subscription = $1 AND o.state = 'failed' "
					"AND o.next_attempt_at <= clock_timestamp() "
					"ORDER BY o.next_attempt_at LIMIT $2) due "
					"WHERE m.subscription = $1 AND m.key = due.key AND m.state = 'failed'",
					mls_arg_int8(media->run->sub->id), mls_arg_int4(COMPARED));
}

#define IS_DUE                                                                                     \
	"m.subscription = $1 AND m.target = $3 AND m.state = 'wanted' "                                \
	"AND NOT (SELECT r.paused FROM mls.media_rule r WHERE r.subscription = $1) "

/* Only a file that is in the store need not come again. */
#define NEXT_COLUMNS                                                                               \
	"SELECT m.key, m.category, m.sha256, m.attempts, m.\"order\", m.record_resource, "             \
	"m.record_key, m.number, m.store, CASE WHEN m.validator IS NOT NULL AND m.store = $3 AND "     \
	"EXISTS "                                                                                      \
	"(SELECT FROM mls.media_file f WHERE f.store = m.store AND f.sha256 = m.sha256 "               \
	"AND NOT f.removing AND NOT f.missing AND f.unreferenced_since IS NULL) "                      \
	"THEN m.validator END, m.place "

/* Behind these, where records are asked for their files. */
#define NEXT_WITHOUT_ROOM 12

/* Keys of those whose turn it is, and the place of each among the files of its record, from one on. */
#define NEXT_KEYS                                                                                  \
	"SELECT m.key, m.\"order\" FROM mls.media m WHERE " IS_DUE "AND m.\"order\" >= $4 "            \
	"ORDER BY m.\"order\", m.record_at DESC, m.key LIMIT $2"

/* Of these the ones that are still wanted; each is looked up, as no index of wanted ones applies. */
#define NEXT                                                                                       \
	"SELECT m.* FROM pg_catalog.unnest($2) WITH ORDINALITY k (key, n) CROSS JOIN LATERAL "         \
	"(" NEXT_COLUMNS "FROM mls.media m WHERE m.subscription = $1 AND m.key = k.key "               \
	"AND m.target = $3 AND m.state || '' = 'wanted' "                                              \
	"AND NOT (SELECT r.paused FROM mls.media_rule r WHERE r.subscription = $1) OFFSET 0) m "       \
	"ORDER BY k.n"

/*
 * Of these all that is wanted of their records, for one request brings it: as many records as have
 * room for $4 files, or a part of one that has more.  With it goes the number of the first key
 * whose record has none.
 */
#define NEXT_BY_RECORD                                                                             \
	"WITH records AS MATERIALIZED (SELECT r.*, pg_catalog.sum(r.files) OVER (ORDER BY r.n) AS "    \
	"upto FROM (SELECT h.record_key, h.n, (SELECT pg_catalog.count(*) FROM mls.media m "           \
	"WHERE coalesce(m.record_key, '') = h.record_key AND " IS_DUE ") AS files FROM "               \
	"(SELECT coalesce(m.record_key, '') AS record_key, pg_catalog.min(k.n) AS n "                  \
	"FROM pg_catalog.unnest($2) WITH ORDINALITY k (key, n) CROSS JOIN LATERAL "                    \
	"(SELECT m.record_key FROM mls.media m WHERE m.subscription = $1 AND m.key = k.key "           \
	"AND m.target = $3 AND m.state || '' = 'wanted' OFFSET 0) m GROUP BY 1) h) r) "                \
	"SELECT m.*, (SELECT pg_catalog.min(o.n) FROM records o "                                      \
	"WHERE o.upto > $4 AND o.upto > o.files)::pg_catalog.int4 FROM records r "                     \
	"CROSS JOIN LATERAL (" NEXT_COLUMNS "FROM mls.media m "                                        \
	"WHERE coalesce(m.record_key, '') = r.record_key AND " IS_DUE "OFFSET 0) m "                   \
	"WHERE r.upto <= $4 OR r.upto = r.files ORDER BY r.n, m.\"order\", m.key LIMIT $4"

/* The next of them from a place among the files of their records on, as the result of the last query. */
static bool
read_keys(const MlsMediaRun *media, int order)
{
	mls_select(NEXT_KEYS, mls_arg_int8(media->run->sub->id), mls_arg_int4(QUEUED),
			   mls_arg_text(media->rule.store), mls_arg_int4(order));
	return SPI_processed > 0;
}

/*
 * Reads the keys of the next files into the queue of the store.  Many at a time, and from where
 * the last ones ended: rows that have been fetched stand before them in the index until they are
 * vacuumed, which is not while somebody waits for this run.  What has failed meanwhile comes when
 * all others have.  False if there are none.
 */
static bool
fill_queue(MlsMediaRun *media)
{
	MlsMediaPlace *place = media->place;
	MemoryContext before;

	want_again(media);
	if (place->queue == NULL)
		place->queue =
			AllocSetContextCreate(media->run->context, "mls_fdw queue", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(place->queue);
	place->next = NIL;
	place->taken = 0;
	if (!read_keys(media, place->order) &&
		(place->order == PG_INT32_MIN || !read_keys(media, PG_INT32_MIN)))
		return false;
	place->order = mls_int4_at(SPI_processed - 1, 2);
	before = MemoryContextSwitchTo(place->queue);
	place->next = mls_cell_texts(SPI_tuptable, 1);
	MemoryContextSwitchTo(before);
	return true;
}

/* The next keys of the queue. */
static List *
take_keys(MlsMediaPlace *place, int most)
{
	List *keys = NIL;

	while (list_length(keys) < most && place->taken < list_length(place->next))
		keys = lappend(keys, list_nth(place->next, place->taken++));
	return keys;
}

/* Rows of some of the next files, as the result of the last query. */
static void
read_some(MlsMediaRun *media, int most)
{
	MlsMediaPlace *place = media->place;
	int before = place->taken;
	List *keys = take_keys(place, most);
	bool isnull;
	int next;

	if (media->run->table->source->protocol->objects == NULL)
	{
		mls_kept_select(&media->plans.next, NEXT, mls_arg_int8(media->run->sub->id),
						mls_arg_list(keys), mls_arg_text(media->rule.store));
		return;
	}
	mls_select(NEXT_BY_RECORD, mls_arg_int8(media->run->sub->id), mls_arg_list(keys),
			   mls_arg_text(media->rule.store), mls_arg_int4(most));
	if (SPI_processed == 0)
		return;
	next = DatumGetInt32(mls_cell(SPI_tuptable, 0, NEXT_WITHOUT_ROOM, &isnull));
	if (!isnull)
		place->taken = before + next - 1;
}

/* Those of the next files. */
static void
read_next(MlsMediaRun *media, int most)
{
	MlsMediaPlace *place = media->place;

	do
	{
		if (place->taken == list_length(place->next) && !fill_queue(media))
			return;
		read_some(media, most);
	} while (SPI_processed == 0);
}

/*
 * The next files to be fetched (List of MlsMediaItem *, in the batch's context).  Their rows stay
 * as they are until they are settled: only one run of a subscription is at work.
 */
List *
mls_media_claim(MlsMediaRun *media, int most)
{
	MemoryContext before;
	List *items = NIL;

	/* Should a crash forget this step, nothing is lost: nobody waits for it to be on disk. */
	set_locally("synchronous_commit", "off");
	read_next(media, most);
	before = MemoryContextSwitchTo(media->batch);
	for (uint64 i = 0; i < SPI_processed; i++)
		items = lappend(items, item_at(media, i));
	if (items != NIL)
		read_addresses(media, items);
	MemoryContextSwitchTo(before);
	return items;
}

/*
 * Which of the files that came does the store have already?  One that nobody had any more is put
 * again: a repair that was rolled back may have removed it.
 */
void
mls_media_look_up(const MlsMediaRun *media, List *items)
{
	List *hashes = NIL;
	ListCell *lc;

	foreach (lc, items)
		if (((MlsMediaItem *) lfirst(lc))->result == MLS_MEDIA_GOT)
			hashes = lappend(hashes, ((MlsMediaItem *) lfirst(lc))->sha256);
	if (hashes == NIL)
		return;
	mls_select("SELECT sha256 FROM mls.media_file WHERE store = $1 AND sha256 = ANY ($2) "
			   "AND NOT removing AND NOT missing AND unreferenced_since IS NULL",
			   mls_arg_text(media->rule.store), mls_arg_list(hashes));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		const char *known = mls_text_at(i, 1);

		foreach (lc, items)
		{
			MlsMediaItem *item = lfirst(lc);

			if (item->sha256 != NULL && strcmp(item->sha256, known) == 0)
				item->stored = true;
		}
	}
}

/* ---- What became of them ---- */

static const char *const fetched_names[] = {"key",      "state",   "sha256",    "name", "type",
											"bytes",    "width",   "height",    "cut",  "error",
											"attempts", "next_at", "validator", "place"};
static const Oid fetched_types[] = {TEXTOID, TEXTOID,        TEXTOID, TEXTOID, TEXTOID,
									INT8OID, INT4OID,        INT4OID, BOOLOID, TEXTOID,
									INT4OID, TIMESTAMPTZOID, TEXTOID, TEXTOID};

static TimestampTz
next_attempt(const MlsMediaItem *item)
{
	double delay = ldexp(FIRST_DELAY_S, Min(item->attempts, 30));
	TimestampTz at;

	delay = Min(delay, item->by_store ? LONGEST_STORE_DELAY_S : LONGEST_DELAY_S) *
			(0.9 + pg_prng_double(&pg_global_prng_state) / 10);
	at = GetCurrentTimestamp() + (int64) (delay * USECS_PER_SEC);
	return Max(at, item->not_before);
}

static void
put_item(MlsTransition *fetched, const MlsMediaItem *item)
{
	bool got = item->result == MLS_MEDIA_GOT;
	bool here = got || item->result == MLS_MEDIA_SAME;
	bool later = item->result == MLS_MEDIA_LATER || item->result == MLS_MEDIA_PENDING;
	bool failed = !here && !later;
	bool refused =
		item->result == MLS_MEDIA_REFUSED ||
		(failed && !item->by_network && !item->by_store && item->attempts + 1 >= BELIEVED_FAILURES);
	const char *state = here ? "here" : later ? "wanted" : refused ? "refused" : "failed";

	mls_transition_add(
		fetched, mls_arg_text(item->key), mls_arg_text(state),
		mls_arg_text(got    ? item->sha256
					 : here ? item->old_sha256
							: NULL),
		mls_arg_text(got ? item->name : NULL), mls_arg_text(got ? item->file.type : NULL),
		mls_arg_int8(item->bytes),
		item->file.width > 0 ? mls_arg_int4(item->file.width) : mls_arg_null(INT4OID),
		item->file.height > 0 ? mls_arg_int4(item->file.height) : mls_arg_null(INT4OID),
		mls_arg_bool(item->file.cut), mls_arg_text(failed ? item->error : NULL),
		mls_arg_int4(failed  ? item->attempts + 1
					 : later ? item->attempts
							 : 0),
		mls_arg_time(failed && !refused ? next_attempt(item) : 0), mls_arg_text(item->validator),
		mls_arg_text(item->place));
}

static void
count_item(const MlsMediaItem *item, MlsCounters *counters)
{
	switch (item->result)
	{
		case MLS_MEDIA_GOT:
			counters->received++;
			if (item->old_sha256 != NULL && strcmp(item->old_sha256, item->sha256) != 0)
				counters->updated++;
			else if (item->old_sha256 != NULL)
				counters->unchanged++;
			break;
		case MLS_MEDIA_SAME:
			counters->received++;
			counters->unchanged++;
			break;
		case MLS_MEDIA_PENDING:
		case MLS_MEDIA_LATER:
			break;
		default:
			counters->bad_values++;
	}
}

/* A part of a key of several fields, "100201|3"; what follows it is in *rest. */
static char *
key_part(const char *key, const char **rest)
{
	StringInfoData part;

	initStringInfo(&part);
	for (; *key && *key != '|'; key++)
	{
		if (*key == '\\' && key[1])
			key++;
		appendStringInfoChar(&part, *key);
	}
	*rest = *key ? key + 1 : key;
	return part.data;
}

/* Parts of keys, those of one field, as an array of texts. */
static MlsArg
key_parts(const List *keys, int number)
{
	List *parts = NIL;
	ListCell *lc;

	foreach (lc, keys)
	{
		const char *rest = lfirst(lc);
		char *part = NULL;

		for (int i = 0; i <= number; i++)
			part = key_part(rest, &rest);
		parts = lappend(parts, part);
	}
	return mls_arg_list(parts);
}

/* The keys of silver for keys of bronze, as the result of the last query. */
static void
find_silver(const MlsMediaRun *media, const List *keys)
{
	const TupleDesc desc = media->keys.desc;
	StringInfoData columns;
	StringInfoData arrays;
	const char *silver = mls_qualified_name(media->run->sub->silver);

	initStringInfo(&columns);
	initStringInfo(&arrays);
	for (int i = 0; i < desc->natts; i++)
	{
		const FormData_pg_attribute *column = TupleDescAttr(desc, i);
		const char *comma = i > 0 ? ", " : "";

		appendStringInfo(&columns, "%s%s", comma, quote_identifier(NameStr(column->attname)));
		appendStringInfo(&arrays, "%spg_catalog.unnest($%d::%s[])", comma, i + 1,
						 format_type_be_qualified(column->atttypid));
	}
	if (desc->natts == 1)
		mls_select(psprintf("SELECT %1$s FROM %2$s WHERE %1$s = ANY ($1::%3$s[])", columns.data,
							silver, format_type_be_qualified(TupleDescAttr(desc, 0)->atttypid)),
				   mls_arg_list(keys));
	else
		mls_select(psprintf("SELECT %1$s FROM %2$s WHERE (%1$s) IN "
							"(SELECT * FROM ROWS FROM (%3$s) k)",
							columns.data, silver, arrays.data),
				   key_parts(keys, 0), key_parts(keys, 1));
}

/* Makes gold of media anew; pages of syncs are paused already. */
static void
make_gold(MlsMediaRun *media, const List *keys)
{
	MlsRun *run = media->run;
	Datum values[2];
	bool isnull[2];
	SPITupleTable *found;

	find_silver(media, keys);
	found = SPI_tuptable;
	mls_transition_open(&media->keys);
	for (uint64 i = 0; i < found->numvals; i++)
	{
		for (int k = 0; k < media->keys.desc->natts; k++)
			values[k] = mls_cell(found, i, k + 1, &isnull[k]);
		mls_transition_put(&media->keys, values, isnull);
	}
	if (media->keys.rows > 0)
	{
		if (media->gold_writer == NULL)
			media->gold_writer = mls_gold_writer_begin(
				run->context, run->table, run->sub, run->id,
				mls_gold_rows_by_key(run->table, run->sub->silver, KEYS), NULL);
		mls_gold_writer_prepare(media->gold_writer);
		mls_gold_writer_store(media->gold_writer, media->keys.rows, 0, false);
	}
	mls_transition_close(&media->keys);
}

/* Whether it has another file now, or the same in another place. */
static bool
has_changed(const MlsMediaRun *media, const MlsMediaItem *item)
{
	return item->result == MLS_MEDIA_GOT &&
		   (item->old_sha256 == NULL || strcmp(item->old_sha256, item->sha256) != 0 ||
			item->old_store == NULL || strcmp(item->old_store, media->rule.store) != 0);
}

static List *
changed_keys(const MlsMediaRun *media, const List *items)
{
	List *keys = NIL;
	ListCell *lc;

	foreach (lc, items)
		if (has_changed(media, lfirst(lc)))
			keys = lappend(keys, ((const MlsMediaItem *) lfirst(lc))->key);
	return keys;
}

/*
 * Writes what became of a batch.  A file that is in the store and in no row is no harm;
 * the row comes after the file.
 */
void
mls_media_settle(MlsMediaRun *media, List *items, MlsCounters *counters)
{
	MlsTransition fetched = {.name = FETCHED,
							 .desc =
								 make_desc(fetched_names, fetched_types, lengthof(fetched_names)),
							 /* So that rows are looked up, also where mls.media was empty when
							  * it was analyzed last, and seems to have few. */
							 .told_rows = 1};
	List *changed = media->shown ? changed_keys(media, items) : NIL;
	ListCell *lc;

	if (changed != NIL)
		mls_gold_pause_pages();
	mls_transition_open(&fetched);
	foreach (lc, items)
	{
		put_item(&fetched, lfirst(lc));
		count_item(lfirst(lc), counters);
	}
	mls_kept_control(
		&media->plans.files, SPI_OK_INSERT_RETURNING,
		"INSERT INTO mls.media_file AS f (store, sha256, name, type, bytes, width, height, cut) "
		"SELECT DISTINCT ON (n.sha256) $1, n.sha256, n.name, n.type, n.bytes, n.width, n.height, "
		"n.cut FROM " FETCHED " n WHERE n.name IS NOT NULL ORDER BY n.sha256 "
		"ON CONFLICT (store, sha256) DO UPDATE SET unreferenced_since = NULL, removing = false, "
		"missing = false WHERE f.removing OR f.missing OR f.unreferenced_since IS NOT NULL "
		"RETURNING f.stored_at = now()",
		mls_arg_text(media->rule.store));
	for (uint64 i = 0; i < SPI_processed; i++)
		counters->inserted += mls_bool_at(i, 1) ? 1 : 0;
	mls_kept_control(
		&media->plans.media, SPI_OK_UPDATE,
		"UPDATE mls.media m SET state = n.state, attempts = n.attempts, "
		"next_attempt_at = n.next_at, error = n.error, "
		"store = CASE WHEN n.state = 'here' THEN $2 ELSE m.store END, "
		"sha256 = CASE WHEN n.state = 'here' THEN n.sha256 ELSE m.sha256 END, "
		"validator = CASE WHEN n.state = 'here' THEN n.validator ELSE m.validator END, "
		"place = CASE WHEN n.state = 'here' THEN n.place ELSE m.place END, "
		"fetched_at = CASE WHEN n.state = 'here' THEN now() ELSE m.fetched_at END "
		"FROM " FETCHED " n WHERE m.subscription = $1 AND m.key = n.key",
		mls_arg_int8(media->run->sub->id), mls_arg_text(media->rule.store));
	mls_transition_close(&fetched);
	if (changed != NIL)
		make_gold(media, changed);
}

void
mls_media_forget_plans(MlsMediaRun *media)
{
	mls_plan_free(media->plans.next);
	mls_plan_free(media->plans.addresses);
	mls_plan_free(media->plans.files);
	mls_plan_free(media->plans.media);
}

/* ---- What goes ---- */

/* Forgets media that have been gone for the time of grace; false when there were none any more. */
bool
mls_media_forget_gone(MlsMediaRun *media)
{
	List *keys;

	if (media->shown)
		mls_gold_pause_pages();
	mls_sql_control(SPI_OK_DELETE_RETURNING,
					"DELETE FROM mls.media m USING (SELECT m.key FROM mls.media m "
					"JOIN mls.media_rule r ON r.subscription = m.subscription "
					"WHERE m.subscription = $1 AND m.state = 'gone' "
					"AND m.gone_at <= now() - r.grace LIMIT $2) gone "
					"WHERE m.subscription = $1 AND m.key = gone.key RETURNING m.key",
					mls_arg_int8(media->run->sub->id), mls_arg_int4(COMPARED));
	keys = mls_cell_texts(SPI_tuptable, 1);
	if (keys != NIL && media->shown)
		make_gold(media, keys);
	return list_length(keys) == COMPARED;
}

/*
 * Which files has nobody any more, and which somebody again?  Those behind a hash (NULL: from the
 * first), some at a time; the last hash, NULL at the end.
 */
char *
mls_media_mark_unreferenced(const MlsMediaRun *media, const char *after)
{
	want_hash_joins();
	mls_sql_control(
		SPI_OK_SELECT,
		"WITH files AS MATERIALIZED (SELECT f.sha256, f.unreferenced_since FROM mls.media_file f "
		"WHERE f.store = $1 AND ($2::text IS NULL OR f.sha256 > $2) ORDER BY f.sha256 LIMIT $3), "
		"last AS (SELECT pg_catalog.count(*) AS files, pg_catalog.max(sha256) AS sha256 FROM "
		"files), "
		"used AS MATERIALIZED (SELECT m.sha256 FROM mls.media m WHERE m.store = $1 "
		"AND m.sha256 IS NOT NULL AND ($2::text IS NULL OR m.sha256 > $2) "
		"AND m.sha256 <= (SELECT sha256 FROM last) AND m.state <> 'gone'), "
		"changed AS (SELECT files.sha256 FROM files WHERE (files.unreferenced_since IS NULL) "
		"<> EXISTS (SELECT FROM used WHERE used.sha256 = files.sha256)), "
		"marked AS (UPDATE mls.media_file f SET unreferenced_since = CASE "
		"WHEN f.unreferenced_since IS NULL THEN now() END FROM changed "
		"WHERE f.store = $1 AND f.sha256 = changed.sha256) "
		"SELECT CASE WHEN last.files = $3 THEN last.sha256 END FROM last",
		mls_arg_text(media->rule.store), mls_arg_text(after), mls_arg_int4(MARKED));
	return mls_text_at(0, 1);
}

/*
 * Names of files whose time of grace is over, the longest that a source of the store has (List of
 * char *): from now on nobody takes them
 * for stored.  The lock of the store is held, so that nobody puts one of them meanwhile.
 */
List *
mls_media_take_unreferenced(const MlsMediaRun *media)
{
	mls_sql_control(
		SPI_OK_UPDATE_RETURNING,
		"UPDATE mls.media_file f SET removing = true FROM (SELECT o.sha256 FROM mls.media_file o "
		"WHERE o.store = $1 AND o.unreferenced_since <= now() - (SELECT pg_catalog.max(r.grace) "
		"FROM mls.media_rule r WHERE r.store = $1 OR EXISTS (SELECT FROM mls.media_place p "
		"WHERE p.subscription = r.subscription AND p.store = $1)) AND NOT EXISTS "
		"(SELECT FROM mls.media m WHERE m.store = o.store AND m.sha256 = o.sha256 "
		"AND m.state <> 'gone') LIMIT $2) o "
		"WHERE f.store = $1 AND f.sha256 = o.sha256 RETURNING f.name",
		mls_arg_text(media->rule.store), mls_arg_int4(REMOVED));
	return mls_cell_texts(SPI_tuptable, 1);
}

void
mls_media_forget_files(const MlsMediaRun *media, List *names)
{
	mls_sql_control(SPI_OK_DELETE,
					"DELETE FROM mls.media_file WHERE store = $1 AND name = ANY ($2) AND removing",
					mls_arg_text(media->rule.store), mls_arg_list(names));
}

/* ---- Gold ---- */

/*
 * Do rules of gold show files, and is what they show of the store still so?  An option of the
 * store that has changed makes the next sync or remap map all anew.
 */
void
mls_media_follow_store(MlsMediaRun *media)
{
	MlsRun *run = media->run;

	mls_select("SELECT FROM mls.field_map f WHERE f.kind = 'expression' "
			   "AND f.arguments[1] LIKE '%media_file%' AND f.source IN ('*', $1) LIMIT 1",
			   mls_arg_text(run->sub->source));
	media->shown = SPI_processed > 0;
	mls_sql_control(SPI_OK_UPDATE,
					"WITH shown AS MATERIALIZED (SELECT n.store, (SELECT o.option_value "
					"FROM pg_foreign_server v, pg_options_to_table(v.srvoptions) o "
					"WHERE v.srvname = n.store AND o.option_name = 'public_url') AS url "
					"FROM (SELECT store FROM mls.media_rule WHERE subscription = $1 UNION ALL "
					"SELECT store FROM mls.media_place WHERE subscription = $1) n), "
					"changed AS (UPDATE mls.media_rule r SET public_url = shown.url FROM shown "
					"WHERE r.subscription = $1 AND r.store = shown.store "
					"AND r.public_url IS DISTINCT FROM shown.url RETURNING r.subscription), "
					"moved AS (UPDATE mls.media_place p SET public_url = shown.url FROM shown "
					"WHERE p.subscription = $1 AND p.store = shown.store "
					"AND p.public_url IS DISTINCT FROM shown.url RETURNING p.subscription) "
					"UPDATE mls.subscription s SET map_hash = NULL "
					"WHERE s.id = $1 AND s.map_hash IS NOT NULL AND $2 AND "
					"(EXISTS (SELECT FROM changed) OR EXISTS (SELECT FROM moved))",
					mls_arg_int8(run->sub->id), mls_arg_bool(media->shown));
}
