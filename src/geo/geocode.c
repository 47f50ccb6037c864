/*
 * geocode.c
 *		The process geocode: points for records that have no coordinates.
 *
 * Batch after batch of the records in silver; gold's statements say which of them gold
 * shows, and what would be asked about each (gold/place_rows.c).  Records that ask the
 * same are one question.  What was answered before is used, all of a batch in one
 * transaction; what is asked is committed answer by answer, with the points in gold.
 * Nothing is queued: a run that was interrupted finds by looking what is left to do.
 *
 * It runs beside syncs of its subscription.  Points and pages of it are written one after
 * another (gold's lock of the source), and a point whose address a page has changed
 * meanwhile does not fit any more and is not seen.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "geo/geo.h"
#include "gold/gold_write.h"
#include "gold/key_walk.h"
#include "gold/statement.h"

/* Points that are forgotten together. */
#define FORGOTTEN 1000

/* The relation of keys whose gold is made anew. */
#define KEYS "mls_keys"

/* The fingerprint of a question, with its end. */
#define FINGERPRINT 33

/* A record without a point for its address. */
typedef struct Row
{
	const char *key;
	Datum *values; /* of the key's columns */
	bool has_old;  /* a point of another address is kept for it */
} Row;

/* A question, and the records that ask it. */
typedef struct Question
{
	char fingerprint[FINGERPRINT];
	const char *text;
	List *rows;         /* of Row * */
	MlsAnswer *answers; /* by who is asked */
	int at;             /* who is asked next, or has found it */
	bool found;
} Question;

typedef struct Geocoding
{
	MlsRun *run;
	List *asked; /* of MlsAsked * */
	int accept;
	Oid gold;
	const char *places; /* SQL of records by key, with their questions */
	MlsKeyWalk walk;
	MlsGoldWriter *gold_writer; /* NULL before the first point */
	MemoryContext batch;
	HTAB *boxes;     /* where postal codes are that were asked for */
	int64 questions; /* to be asked, for a dry run */
	int64 unreadable;
} Geocoding;

typedef struct Box
{
	char code[NAMEDATALEN];
	char *corners; /* "{south,west,north,east}"; NULL: too few listings say */
} Box;

static MlsAsked *
asked_at(const Geocoding *geocoding, int i)
{
	return list_nth(geocoding->asked, i);
}

/* ---- Beginning ---- */

char *
mls_geocode_not_due(const MlsSubscription *sub)
{
	char *why;
	MemoryContext context = CurrentMemoryContext;

	SPI_connect();
	mls_select("SELECT mls.geocode_not_due($1)", mls_arg_int8(sub->id));
	why = mls_text_at(0, 1);
	why = why ? MemoryContextStrdup(context, why) : NULL;
	SPI_finish();
	return why;
}

/* In the open transaction: the rule, and who is asked by it. */
static void
read_rule(Geocoding *geocoding)
{
	MlsRun *run = geocoding->run;
	List *names = NIL;
	ListCell *lc;

	mls_select("SELECT n, r.accept FROM mls.geocode_rule r, pg_catalog.unnest(r.geocoders) "
			   "WITH ORDINALITY u (n, place) WHERE r.subscription = $1 ORDER BY place",
			   mls_arg_int8(run->sub->id));
	MemoryContextSwitchTo(run->context);
	if (SPI_processed > 0)
		geocoding->accept = mls_int4_at(0, 2);
	names = mls_cell_texts(SPI_tuptable, 1);
	foreach (lc, names)
		geocoding->asked = lappend(geocoding->asked, mls_asked_get(lfirst(lc), run->sub->owner));
}

static void
geocode_prepare(MlsRun *run)
{
	Geocoding *geocoding = palloc0(sizeof(Geocoding));

	run->state = geocoding;
	geocoding->run = run;
	read_rule(geocoding);
	mls_key_walk_begin(&geocoding->walk, run, KEYS);
	if (geocoding->asked != NIL && OidIsValid(run->sub->gold))
		geocoding->places = mls_gold_place_rows(
			run->table, run->sub->silver, run->sub->gold,
			mls_gold_rows_by_key(run->table, run->sub->silver, KEYS), &geocoding->gold);
	MemoryContextSwitchTo(run->context);
	if (geocoding->places == NULL)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("resource \"%s\" of source \"%s\" is not geocoded", run->sub->resource,
					   run->sub->source),
				errhint("mls_geocode_use() says what is geocoded, and by whom."));
	geocoding->batch =
		AllocSetContextCreate(run->context, "mls_fdw geocoding", ALLOCSET_DEFAULT_SIZES);
}

/* ---- Which records ---- */

static void
find_rows(void *arg)
{
	const Geocoding *geocoding = arg;

	mls_select(psprintf("SELECT p.*, pg_catalog.md5(p.mls_question), k.key IS NOT NULL "
						"FROM (%s) p LEFT JOIN mls.geocode k ON k.subscription = $1 "
						"AND k.key = p.mls_key "
						"WHERE k.question IS DISTINCT FROM pg_catalog.md5(p.mls_question)",
						geocoding->places),
			   mls_arg_int8(geocoding->run->sub->id));
}

/* The key's columns of a row of the last result. */
static Datum *
key_values(const Geocoding *geocoding, uint64 row)
{
	const TupleDesc desc = geocoding->walk.keys.desc;
	Datum *values = palloc(desc->natts * sizeof(Datum));

	for (int i = 0; i < desc->natts; i++)
	{
		bool isnull;

		values[i] = datumCopy(mls_cell(SPI_tuptable, row, i + 1, &isnull),
							  TupleDescAttr(desc, i)->attbyval, TupleDescAttr(desc, i)->attlen);
	}
	return values;
}

/* Takes the rows that were found: those that ask something into questions, the others into *silent. */
static void
take_rows(Geocoding *geocoding, HTAB *questions, List **silent)
{
	int n = geocoding->walk.keys.desc->natts;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char *fingerprint = mls_text_at(i, n + 3);
		Row *row = palloc0(sizeof(Row));
		Question *question;
		bool known;

		row->key = mls_text_at(i, n + 1);
		row->values = key_values(geocoding, i);
		row->has_old = mls_bool_at(i, n + 4);
		if (fingerprint == NULL)
		{
			*silent = lappend(*silent, row);
			continue;
		}
		question = hash_search(questions, fingerprint, HASH_ENTER, &known);
		if (!known)
		{
			question->text = mls_text_at(i, n + 2);
			question->rows = NIL;
			question->at = 0;
			question->found = false;
			question->answers = palloc0(Max(list_length(geocoding->asked), 1) * sizeof(MlsAnswer));
		}
		question->rows = lappend(question->rows, row);
	}
}

/* Opens the relation with the keys of rows. */
static void
open_keys(Geocoding *geocoding, const List *rows)
{
	bool *isnull = palloc0(geocoding->walk.keys.desc->natts * sizeof(bool));
	ListCell *lc;

	mls_transition_open(&geocoding->walk.keys);
	foreach (lc, rows)
		mls_transition_put(&geocoding->walk.keys, ((Row *) lfirst(lc))->values, isnull);
}

/* Rows for which a rule of the user raises an error are left out, one by one. */
static void
take_each(Geocoding *geocoding, HTAB *questions, List **silent)
{
	const TupleDesc desc = geocoding->walk.keys.desc;
	MemoryContext context = CurrentMemoryContext;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	List *all = NIL;
	ListCell *lc;
	bool *isnull = palloc0(desc->natts * sizeof(bool));

	/* The query that failed has left another pointer behind its last row. */
	tuplestore_select_read_pointer(geocoding->walk.keys.store, 0);
	while (tuplestore_gettupleslot(geocoding->walk.keys.store, true, true, slot))
	{
		Datum *values = palloc(desc->natts * sizeof(Datum));

		slot_getallattrs(slot);
		for (int i = 0; i < desc->natts; i++)
			values[i] = datumCopy(slot->tts_values[i], TupleDescAttr(desc, i)->attbyval,
								  TupleDescAttr(desc, i)->attlen);
		all = lappend(all, values);
	}
	ExecDropSingleTupleTableSlot(slot);
	foreach (lc, all)
	{
		char *message;

		mls_transition_close(&geocoding->walk.keys);
		mls_transition_open(&geocoding->walk.keys);
		mls_transition_put(&geocoding->walk.keys, lfirst(lc), isnull);
		if (mls_attempt(find_rows, geocoding, &message))
		{
			MemoryContextSwitchTo(context);
			take_rows(geocoding, questions, silent);
		}
		else
		{
			MemoryContextSwitchTo(context);
			geocoding->unreadable++;
		}
	}
}

/* The same of the keys that are in the relation. */
static void
take_keys(Geocoding *geocoding, HTAB *questions, List **silent)
{
	MemoryContext context = CurrentMemoryContext;
	char *message;

	if (mls_attempt(find_rows, geocoding, &message))
	{
		MemoryContextSwitchTo(context);
		take_rows(geocoding, questions, silent);
	}
	else
	{
		MemoryContextSwitchTo(context);
		take_each(geocoding, questions, silent);
	}
	MemoryContextSwitchTo(context);
}

static HTAB *
new_questions(void)
{
	HASHCTL control = {
		.keysize = FINGERPRINT, .entrysize = sizeof(Question), .hcxt = CurrentMemoryContext};

	return hash_create("mls_fdw questions", MLS_KEY_WALK_ROWS, &control,
					   HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/* ---- What is known already ---- */

static List *
fingerprints(HTAB *questions)
{
	List *all = NIL;
	HASH_SEQ_STATUS status;
	Question *question;

	hash_seq_init(&status, questions);
	while ((question = hash_seq_search(&status)) != NULL)
		all = lappend(all, question->fingerprint);
	return all;
}

static void
recall(Geocoding *geocoding, HTAB *questions)
{
	List *all = fingerprints(questions);
	MemoryContext context = CurrentMemoryContext;

	for (int i = 0; i < list_length(geocoding->asked); i++)
	{
		mls_answers_get(geocoding->run->sub->owner, asked_at(geocoding, i)->name, all);
		MemoryContextSwitchTo(context);
		for (uint64 row = 0; row < SPI_processed; row++)
		{
			Question *question = hash_search(questions, mls_text_at(row, 1), HASH_FIND, NULL);

			question->answers[i] = mls_answer_at(row);
		}
	}
}

/* Goes on to who has found it, or who is to be asked; false if nobody is left to be asked. */
static bool
advance(const Geocoding *geocoding, Question *question)
{
	for (; question->at < list_length(geocoding->asked); question->at++)
	{
		const MlsAnswer *answer = &question->answers[question->at];

		if (!answer->known)
			return true;
		question->found = answer->rank > 0 && answer->rank <= geocoding->accept;
		if (question->found)
			return false;
	}
	return false;
}

/* ---- Where postal codes are: what other listings say speaks for or against an answer ---- */

static const char *
postal_code_of(const char *question)
{
	char *parts = pstrdup(question);
	char *part = NULL;
	StringInfoData code;

	for (int i = 0; i < 5; i++)
		part = strsep(&parts, "\t");
	initStringInfo(&code);
	for (; part && *part; part++)
		if (*part != ' ')
			appendStringInfoChar(&code, *part);
	return code.data;
}

static void
make_boxes(Geocoding *geocoding)
{
	HASHCTL control = {
		.keysize = NAMEDATALEN, .entrysize = sizeof(Box), .hcxt = geocoding->run->context};

	geocoding->boxes =
		hash_create("mls_fdw boxes", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/* Codes of questions of which no box was looked for yet; from now on one was. */
static List *
new_codes(Geocoding *geocoding, List *open)
{
	List *codes = NIL;
	ListCell *lc;

	foreach (lc, open)
	{
		const char *code = postal_code_of(((Question *) lfirst(lc))->text);
		Box *box;
		bool known;

		if (code[0] == '\0' || strlen(code) >= NAMEDATALEN)
			continue;
		box = hash_search(geocoding->boxes, code, HASH_ENTER, &known);
		if (known)
			continue;
		box->corners = NULL;
		codes = lappend(codes, (void *) code);
	}
	return codes;
}

/*
 * In the open transaction: the boxes of the codes of questions that will be asked.  All of gold
 * is read for them, so each code is looked for once in a run.
 */
static void
find_boxes(Geocoding *geocoding, List *open)
{
	List *codes;
	MemoryContext context = CurrentMemoryContext;

	if (geocoding->boxes == NULL)
		make_boxes(geocoding);
	codes = new_codes(geocoding, open);
	if (codes == NIL || get_attnum(geocoding->gold, "PostalCode") == InvalidAttrNumber ||
		get_attnum(geocoding->gold, "Latitude") == InvalidAttrNumber ||
		get_attnum(geocoding->gold, "Longitude") == InvalidAttrNumber ||
		get_attnum(geocoding->gold, "X_GeoLatitude") == InvalidAttrNumber)
		return;
	mls_select(
		psprintf(
			"SELECT code, ARRAY[south - 0.1, west - 0.1, north + 0.1, east + 0.1]::pg_catalog.text "
			"FROM (SELECT code, pg_catalog.percentile_disc(0.1) WITHIN GROUP (ORDER BY lat) AS "
			"south, pg_catalog.percentile_disc(0.9) WITHIN GROUP (ORDER BY lat) AS north, "
			"pg_catalog.percentile_disc(0.1) WITHIN GROUP (ORDER BY lon) AS west, "
			"pg_catalog.percentile_disc(0.9) WITHIN GROUP (ORDER BY lon) AS east, "
			"pg_catalog.count(*) AS n FROM (SELECT pg_catalog.regexp_replace(pg_catalog.lower("
			"pg_catalog.replace(\"PostalCode\"::pg_catalog.text, ' ', '')), "
			"'^([0-9]{5})-?[0-9]{4}$', '\\1') AS code, \"Latitude\"::pg_catalog.numeric AS lat, "
			"\"Longitude\"::pg_catalog.numeric AS lon FROM %s WHERE \"Latitude\" <> 0 AND "
			"\"Longitude\" <> 0 AND \"X_GeoLatitude\" IS NULL) g WHERE code = ANY ($1) "
			"GROUP BY code) b WHERE n >= 5",
			mls_qualified_name(geocoding->gold)),
		mls_arg_list(codes));
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Box *box = hash_search(geocoding->boxes, mls_text_at(i, 1), HASH_FIND, NULL);

		if (box != NULL)
			box->corners = MemoryContextStrdup(geocoding->run->context, mls_text_at(i, 2));
	}
}

static const char *
box_of(const Geocoding *geocoding, const Question *question)
{
	const char *code = postal_code_of(question->text);
	const Box *box =
		strlen(code) < NAMEDATALEN ? hash_search(geocoding->boxes, code, HASH_FIND, NULL) : NULL;

	return box ? box->corners : NULL;
}

/* ---- Points ---- */

static List *
keys_of(const List *rows)
{
	List *keys = NIL;
	ListCell *lc;

	foreach (lc, rows)
		keys = lappend(keys, (void *) ((Row *) lfirst(lc))->key);
	return keys;
}

/* Gold of these rows is made anew by what changes between the two. */
static void
begin_points(Geocoding *geocoding, const List *rows)
{
	MlsRun *run = geocoding->run;

	open_keys(geocoding, rows);
	if (geocoding->gold_writer == NULL)
		geocoding->gold_writer =
			mls_gold_writer_begin(run->context, run->table, run->sub, run->id,
								  mls_gold_rows_by_key(run->table, run->sub->silver, KEYS), NULL);
	mls_gold_writer_prepare(geocoding->gold_writer);
}

static void
end_points(Geocoding *geocoding)
{
	if (geocoding->walk.keys.rows > 0)
		mls_gold_writer_store(geocoding->gold_writer, geocoding->walk.keys.rows, 0, false);
	mls_transition_close(&geocoding->walk.keys);
}

static void
write_point(const Geocoding *geocoding, const Question *question)
{
	const MlsSubscription *sub = geocoding->run->sub;
	const MlsAnswer *answer = &question->answers[question->at];

	mls_sql_control(
		SPI_OK_INSERT,
		"INSERT INTO mls.geocode (subscription, key, owner, question, latitude, longitude, "
		"quality, "
		"source, geocoded_at, expires_at) SELECT $1, k, $2, $3, $4::pg_catalog.numeric, "
		"$5::pg_catalog.numeric, mls.geocode_quality($6), $7, $8, $9 FROM pg_catalog.unnest($10) k "
		"ON CONFLICT (subscription, key) DO UPDATE SET owner = excluded.owner, question = "
		"excluded.question, latitude = excluded.latitude, longitude = excluded.longitude, quality "
		"= "
		"excluded.quality, source = excluded.source, geocoded_at = excluded.geocoded_at, "
		"expires_at = excluded.expires_at",
		mls_arg_int8(sub->id), mls_arg_oid(sub->owner), mls_arg_text(question->fingerprint),
		mls_arg_text(answer->latitude), mls_arg_text(answer->longitude), mls_arg_int4(answer->rank),
		mls_arg_text(asked_at(geocoding, question->at)->name), mls_arg_time(answer->at),
		mls_arg_time(answer->expires_at), mls_arg_list(keys_of(question->rows)));
}

/* Points of addresses that records do not have any more: gold has lost them already. */
static int64
forget_points(const Geocoding *geocoding, const List *rows)
{
	List *old = NIL;
	ListCell *lc;

	foreach (lc, rows)
		if (((Row *) lfirst(lc))->has_old)
			old = lappend(old, lfirst(lc));
	if (old == NIL)
		return 0;
	mls_sql_control(SPI_OK_DELETE,
					"DELETE FROM mls.geocode WHERE subscription = $1 AND key = ANY ($2)",
					mls_arg_int8(geocoding->run->sub->id), mls_arg_list(keys_of(old)));
	return SPI_processed;
}

/* ---- A batch ---- */

/* What answers of before make of it, in one step. */
static void
settle_known(Geocoding *geocoding, List *found, List *hopeless, List *silent)
{
	MlsRun *run = geocoding->run;
	MlsCounters counters = run->counters;
	List *rows = NIL;
	ListCell *lc;

	foreach (lc, found)
		rows = list_concat(rows, ((Question *) lfirst(lc))->rows);
	mls_run_begin_step(run);
	MemoryContextSwitchTo(geocoding->batch);
	counters.deleted += forget_points(geocoding, silent);
	foreach (lc, hopeless)
	{
		const Question *question = lfirst(lc);

		counters.deleted += forget_points(geocoding, question->rows);
		counters.unchanged += list_length(question->rows);
		counters.received += list_length(question->rows);
	}
	if (rows != NIL)
	{
		begin_points(geocoding, rows);
		foreach (lc, found)
			write_point(geocoding, lfirst(lc));
		end_points(geocoding);
	}
	counters.received += list_length(rows);
	counters.inserted += list_length(rows);
	counters.pages++;
	mls_run_end_step(run, &counters);
}

/*
 * Leaves the records to a question that ask it still.  With a slow service it is long since the
 * batch was read, and an address that was hidden meanwhile is shown to nobody.
 */
static void
look_again(Geocoding *geocoding, Question *question)
{
	MemoryContext context = CurrentMemoryContext;
	HTAB *questions = new_questions();
	const Question *now;
	List *silent = NIL;

	mls_transaction_begin(geocoding->run->sub->owner);
	MemoryContextSwitchTo(context);
	open_keys(geocoding, question->rows);
	take_keys(geocoding, questions, &silent);
	mls_transition_close(&geocoding->walk.keys);
	mls_transaction_commit();
	MemoryContextSwitchTo(context);
	now = hash_search(questions, question->fingerprint, HASH_FIND, NULL);
	question->rows = now ? now->rows : NIL;
}

/* Asks one after another until it is found or nobody is left; a step for each answer. */
static void
ask(Geocoding *geocoding, Question *question)
{
	MlsRun *run = geocoding->run;
	MemoryContext context =
		AllocSetContextCreate(geocoding->batch, "mls_fdw question", ALLOCSET_DEFAULT_SIZES);
	bool more = true;

	while (more)
	{
		MlsCounters counters;

		MemoryContextSwitchTo(context);
		look_again(geocoding, question);
		if (question->rows == NIL)
			break;
		question->answers[question->at] =
			mls_ask(run, asked_at(geocoding, question->at), question->text, question->fingerprint,
					box_of(geocoding, question));
		counters = run->counters;
		more = advance(geocoding, question);
		if (question->found)
		{
			begin_points(geocoding, question->rows);
			write_point(geocoding, question);
			end_points(geocoding);
			counters.inserted += list_length(question->rows);
		}
		else if (!more)
		{
			counters.deleted += forget_points(geocoding, question->rows);
			counters.unchanged += list_length(question->rows);
		}
		if (!more)
			counters.received += list_length(question->rows);
		mls_run_end_step(run, &counters);
	}
	MemoryContextSwitchTo(geocoding->batch);
	MemoryContextDelete(context);
}

/* Reads the next batch, in a transaction of its own; false if there was none. */
static bool
read_batch(Geocoding *geocoding, HTAB *questions, List **found, List **open, List **hopeless,
		   List **silent)
{
	HASH_SEQ_STATUS status;
	Question *question;
	bool any;

	mls_transaction_begin(geocoding->run->sub->owner);
	MemoryContextSwitchTo(geocoding->batch);
	any = mls_key_walk_next(&geocoding->walk) > 0;
	if (any)
	{
		MemoryContextSwitchTo(geocoding->batch);
		take_keys(geocoding, questions, silent);
		recall(geocoding, questions);
		MemoryContextSwitchTo(geocoding->batch);
		hash_seq_init(&status, questions);
		while ((question = hash_seq_search(&status)) != NULL)
		{
			if (advance(geocoding, question))
				*open = lappend(*open, question);
			else if (question->found)
				*found = lappend(*found, question);
			else
				*hopeless = lappend(*hopeless, question);
		}
		if (*open != NIL && !geocoding->run->task->dry_run)
			find_boxes(geocoding, *open);
		MemoryContextSwitchTo(geocoding->batch);
	}
	mls_transition_close(&geocoding->walk.keys);
	mls_transaction_commit();
	MemoryContextSwitchTo(geocoding->batch);
	return any;
}

static int64
rows_of(const List *questions)
{
	int64 n = 0;
	ListCell *lc;

	foreach (lc, questions)
		n += list_length(((Question *) lfirst(lc))->rows);
	return n;
}

/* One batch; false when there was none any more. */
static bool
geocode_batch(Geocoding *geocoding)
{
	MlsRun *run = geocoding->run;
	HTAB *questions;
	List *found = NIL;
	List *open = NIL;
	List *hopeless = NIL;
	List *silent = NIL;
	ListCell *lc;
	bool any;

	MemoryContextSwitchTo(geocoding->batch);
	questions = new_questions();
	any = read_batch(geocoding, questions, &found, &open, &hopeless, &silent);
	if (any && run->task->dry_run)
	{
		geocoding->questions += list_length(open);
		run->counters.received += rows_of(open) + rows_of(found) + rows_of(hopeless);
		run->counters.unchanged += rows_of(hopeless);
		run->counters.inserted += rows_of(found);
	}
	else if (any)
	{
		settle_known(geocoding, found, hopeless, silent);
		foreach (lc, open)
			ask(geocoding, lfirst(lc));
	}
	MemoryContextSwitchTo(run->context);
	MemoryContextReset(geocoding->batch);
	return any;
}

/* ---- What may not be kept any longer ---- */

/* The records of some points; in the open transaction. */
static List *
records_of(Geocoding *geocoding, List *keys)
{
	const MlsRun *run = geocoding->run;
	List *rows = NIL;

	mls_select(mls_gold_rows_of_points(run->table, run->sub->silver, run->sub->gold),
			   mls_arg_list(keys));
	MemoryContextSwitchTo(geocoding->batch);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Row *row = palloc0(sizeof(Row));

		row->key = mls_text_at(i, geocoding->walk.keys.desc->natts + 1);
		row->values = key_values(geocoding, i);
		rows = lappend(rows, row);
	}
	return rows;
}

/* Points whose time is over go, from gold in the same transaction; false when there were none. */
static bool
expire_some(Geocoding *geocoding)
{
	MlsRun *run = geocoding->run;
	MlsCounters counters = run->counters;
	List *keys;

	mls_run_begin_step(run);
	MemoryContextSwitchTo(geocoding->batch);
	mls_sql_control(SPI_OK_DELETE,
					"DELETE FROM mls.geocode_cache WHERE owner = $1 AND "
					"expires_at <= pg_catalog.now()",
					mls_arg_oid(run->sub->owner));
	mls_sql_control(SPI_OK_SELECT,
					"SELECT key FROM mls.geocode WHERE subscription = $1 AND "
					"expires_at <= pg_catalog.now() LIMIT $2",
					mls_arg_int8(run->sub->id), mls_arg_int4(FORGOTTEN));
	MemoryContextSwitchTo(geocoding->batch);
	keys = mls_cell_texts(SPI_tuptable, 1);
	if (keys != NIL)
	{
		begin_points(geocoding, records_of(geocoding, keys));
		mls_sql_control(SPI_OK_DELETE,
						"DELETE FROM mls.geocode WHERE subscription = $1 AND key = ANY ($2)",
						mls_arg_int8(run->sub->id), mls_arg_list(keys));
		counters.deleted += SPI_processed;
		end_points(geocoding);
	}
	mls_run_end_step(run, &counters);
	MemoryContextReset(geocoding->batch);
	return keys != NIL;
}

/* ---- The process ---- */

static void
geocode_work(MlsRun *run)
{
	Geocoding *geocoding = run->state;

	while (expire_some(geocoding))
		;
	while (geocode_batch(geocoding))
		;
	if (geocoding->unreadable > 0)
		mls_run_note(
			run, "%s that the rules of gold cannot read",
			mls_counted(geocoding->unreadable, "record has an address", "records have addresses"));
}

static void
geocode_dry_run(MlsRun *run)
{
	Geocoding *geocoding = run->state;

	while (geocode_batch(geocoding))
		;
	mls_run_note(
		run, "dry run: %s of %s would be asked for",
		mls_counted(geocoding->questions, "address", "addresses"),
		mls_counted(run->counters.received - run->counters.inserted - run->counters.unchanged,
					"record", "records"));
}

/* Points of records that are gone; should these come back, what was answered is still known. */
static bool
forget_gone(MlsRun *run)
{
	List *keys;

	mls_select(psprintf("SELECT g.key FROM mls.geocode g WHERE g.subscription = $1 AND NOT EXISTS "
						"(SELECT FROM %s b WHERE b.key = g.key AND b.deleted_at IS NULL) LIMIT %d",
						mls_qualified_name(run->sub->bronze), FORGOTTEN),
			   mls_arg_int8(run->sub->id));
	keys = mls_cell_texts(SPI_tuptable, 1);
	if (keys == NIL)
		return false;
	mls_sql_control(SPI_OK_DELETE,
					"DELETE FROM mls.geocode WHERE subscription = $1 AND key = ANY ($2)",
					mls_arg_int8(run->sub->id), mls_arg_list(keys));
	run->counters.deleted += SPI_processed;
	return true;
}

static const char *
geocode_complete(MlsRun *run)
{
	while (forget_gone(run))
		CHECK_FOR_INTERRUPTS();
	mls_sql_control(
		SPI_OK_UPDATE,
		"UPDATE mls.geocode_rule SET failures = 0, next_attempt_at = NULL, error = NULL "
		"WHERE subscription = $1",
		mls_arg_int8(run->sub->id));
	return run->sub->cursor_timestamp;
}

/* When the next attempt is due: as the geocoder says, else later with each failure. */
static void
geocode_failed(MlsRun *run)
{
	const MlsOutcome *outcome = run->outcome;

	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.geocode_rule SET failures = failures + 1, error = $2, "
					"next_attempt_at = coalesce($3, pg_catalog.now() + least(interval '6 hours', "
					"interval '1 minute' * 2 ^ least(failures, 10))) WHERE subscription = $1",
					mls_arg_int8(run->sub->id), mls_arg_text(outcome->message),
					mls_arg_time(outcome->retry_at));
}

static void
geocode_spent(MlsRun *run, MlsCounters *counters)
{
	const Geocoding *geocoding = run->state;
	ListCell *lc;

	if (geocoding == NULL)
		return;
	foreach (lc, geocoding->asked)
	{
		const MlsAsked *asked = lfirst(lc);

		counters->requests += asked->stats.requests;
		counters->bytes += asked->stats.body_bytes;
	}
}

static void
geocode_end(MlsRun *run)
{
	const Geocoding *geocoding = run->state;

	if (geocoding != NULL && geocoding->gold_writer != NULL)
		mls_gold_writer_end(geocoding->gold_writer);
}

const MlsProcess mls_geocode_process = {
	.name = "geocode",
	.beside = MLS_LOCK_GEOCODE,
	.prepare = geocode_prepare,
	.work = geocode_work,
	.dry_run = geocode_dry_run,
	.complete = geocode_complete,
	.failed = geocode_failed,
	.spent = geocode_spent,
	.end = geocode_end,
};
