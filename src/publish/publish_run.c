/*
 * publish_run.c
 *		The process publish: a publication is loaded, and then kept in step.
 *
 * Each batch is read in a step, with its keys' rows as they are then, and written at the
 * destination outside of transactions, with the position that it leads to.  What a step notes
 * here (dead letters, the position for who looks) is committed before: should the destination
 * not hear of it any more, the batch comes again.
 *
 * A record that the destination refuses is found by halving the batch; it is written down, and
 * the others pass.  Of a key the old row stays until a later one is taken.
 */
#include "postgres.h"

#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "publish/publish_parts.h"

/* Keys of the destination that are looked at together when a load ends. */
#define SWEEP_KEYS 5000

typedef struct Publishing
{
	MlsRun *run;
	MlsPublication *publication;
	const MlsSource *source;
	MlsTarget *target;
	MlsTargetPosition at; /* as the destination has it */
	MemoryContext positions;
	MemoryContext batch;
	bool rebuild; /* the failure at hand ends by loading it anew only */
	int64 known;  /* the last event there was when it was looked last */
	List *dead;   /* of MlsDead *, of the batch */
} Publishing;

/* A record that the destination does not take. */
typedef struct MlsDead
{
	const char *key;
	const char *reason;
} MlsDead;

/* ---- What a run is of ---- */

#define SUBJECT_COLUMNS                                                                            \
	"p.id, p.owner::pg_catalog.oid, p.destination, p.name, p.position, p.next_attempt_at, "        \
	"p.failures, p.attempted_with"

static MlsSubscription *
subject_at(uint64 row)
{
	MlsSubscription *subject = palloc0(sizeof(MlsSubscription));

	subject->id = mls_int8_at(row, 1);
	subject->owner = mls_oid_at(row, 2);
	subject->source = mls_text_at(row, 3);
	subject->resource = mls_text_at(row, 4);
	subject->cursor_timestamp = mls_text_at(row, 5);
	subject->next_attempt_at = mls_time_at(row, 6);
	subject->failures = mls_int4_at(row, 7);
	subject->attempted_with = mls_text_at(row, 8);
	return subject;
}

static MlsSubscription *
subject(int64 id)
{
	mls_select("SELECT " SUBJECT_COLUMNS " FROM mls.publication p WHERE p.id = $1",
			   mls_arg_int8(id));
	return SPI_processed == 0 ? NULL : subject_at(0);
}

List *
mls_publish_chosen(MlsArg destination, MlsArg name)
{
	List *found = NIL;

	mls_select("SELECT " SUBJECT_COLUMNS " FROM mls.find_publications($1, $2) f "
			   "JOIN mls.publication p USING (id) ORDER BY p.destination, p.id",
			   destination, name);
	for (uint64 i = 0; i < SPI_processed; i++)
		found = lappend(found, subject_at(i));
	return found;
}

static char *
configuration(const MlsSubscription *of)
{
	Oid server = get_foreign_server_oid(of->source, true);

	return psprintf("%016llx", (unsigned long long) mls_source_fingerprint(server, of->owner));
}

char *
mls_publish_not_due(const MlsSubscription *of)
{
	if (of->next_attempt_at == 0 || of->next_attempt_at <= GetCurrentTimestamp() ||
		of->attempted_with == NULL || strcmp(of->attempted_with, configuration(of)) != 0)
		return NULL;
	return psprintf("after %s it is left alone for a while; who names it has it tried at once",
					mls_counted(of->failures, "failure", "failures"));
}

/* ---- Beginning ---- */

static void
publish_prepare(MlsRun *run)
{
	Publishing *publishing = palloc0(sizeof(Publishing));

	publishing->run = run;
	publishing->publication = mls_publication_read(run->sub->id, &publishing->source);
	MemoryContextSwitchTo(run->context);
	publishing->batch =
		AllocSetContextCreate(run->context, "mls_fdw publish", ALLOCSET_DEFAULT_SIZES);
	publishing->positions =
		AllocSetContextCreate(run->context, "mls_fdw positions", ALLOCSET_SMALL_SIZES);
	run->state = publishing;
}

/* The position that the destination has now. */
static void
stand_at(Publishing *publishing, const MlsTargetPosition *to)
{
	MemoryContext before = MemoryContextSwitchTo(publishing->positions);
	MlsTargetPosition copy = *to;

	copy.token = to->token ? pstrdup(to->token) : NULL;
	copy.load_after = to->load_after ? pstrdup(to->load_after) : NULL;
	publishing->at = copy;
	MemoryContextSwitchTo(before);
}

/* The last event there is, written down before anything up to it is sent; in a step. */
static void
look_at_events(Publishing *publishing)
{
	publishing->known = mls_publish_last_event();
	mls_sql_control(SPI_OK_UPDATE, "UPDATE mls.publication SET known = $2 WHERE id = $1",
					mls_arg_int8(publishing->publication->id), mls_arg_int8(publishing->known));
}

/*
 * What is known here of how far it came, for who looks; in a step.  With a definition what was
 * asked to be sent again has begun, unless somebody has asked for something else meanwhile.
 */
static void
note_position(const Publishing *publishing, const MlsTargetPosition *to, const char *definition)
{
	mls_sql_control(
		SPI_OK_UPDATE,
		"UPDATE mls.publication SET position = $2, loading = $3, load_after = $6, "
		"resend_from = CASE WHEN $4 IS NULL OR resend_from <> $5 THEN resend_from END, "
		"take_over = take_over AND $3, "
		"definition = coalesce($4, definition), "
		"loaded_at = CASE WHEN $3 THEN NULL ELSE coalesce(loaded_at, pg_catalog.now()) END "
		"WHERE id = $1",
		mls_arg_int8(publishing->publication->id), mls_arg_int8(to->position),
		mls_arg_bool(to->loading), mls_arg_text(definition),
		mls_arg_int8(publishing->publication->resend_from), mls_arg_text(to->load_after));
}

/* ---- Dead letters ---- */

static void
add_dead(Publishing *publishing, const char *key, const char *reason)
{
	MlsDead *dead = palloc0(sizeof(MlsDead));

	dead->key = key;
	dead->reason = reason;
	publishing->dead = lappend(publishing->dead, dead);
}

static void
write_dead(const Publishing *publishing)
{
	ListCell *lc;

	foreach (lc, publishing->dead)
	{
		const MlsDead *dead = lfirst(lc);

		mls_sql_control(SPI_OK_INSERT,
						"INSERT INTO mls.dead_letter AS d (publication, key, reason) "
						"VALUES ($1, $2, $3) ON CONFLICT (publication, key) DO UPDATE SET "
						"reason = excluded.reason, last_at = excluded.last_at, "
						"times = d.times + 1, again = false",
						mls_arg_int8(publishing->publication->id), mls_arg_text(dead->key),
						mls_arg_text(dead->reason));
	}
}

/* What was taken is no dead letter any more. */
static void
bury(const Publishing *publishing, List *keys)
{
	mls_sql_control(SPI_OK_DELETE,
					"DELETE FROM mls.dead_letter WHERE publication = $1 AND key = ANY ($2)",
					mls_arg_int8(publishing->publication->id), mls_arg_list(keys));
}

/* ---- Writing ---- */

static bool
put(Publishing *publishing, List *rows, List *gone, const MlsTargetPosition *move)
{
	MlsTargetBatch batch = {.rows = rows,
							.gone = gone,
							.move = move,
							.from = &publishing->at,
							.known = publishing->known};
	const MlsTarget *target = publishing->target;

	if (rows == NIL && gone == NIL && move == NULL)
		return true;
	if (!target->kind->write(publishing->target, publishing->publication, &batch))
		return false;
	if (move != NULL)
		stand_at(publishing, move);
	return true;
}

/* Whom the destination has refused, if it tells: then all others are there. */
static bool
take_refused(Publishing *publishing)
{
	ListCell *lc;

	foreach (lc, publishing->target->refused)
	{
		const MlsTargetRefusal *refusal = lfirst(lc);

		add_dead(publishing, refusal->key, refusal->reason);
	}
	return publishing->target->refused != NIL;
}

static List *
keys_of(const Publishing *publishing, const List *rows)
{
	List *keys = NIL;
	ListCell *lc;

	foreach (lc, rows)
		keys =
			lappend(keys, unconstify(char *, mls_publish_key(publishing->publication, lfirst(lc))));
	return keys;
}

/* Rows in halves, until who is refused stands alone. */
static void
put_halves(Publishing *publishing, List *rows)
{
	List *half;

	CHECK_FOR_INTERRUPTS();
	if (rows == NIL || put(publishing, rows, NIL, NULL) || take_refused(publishing))
		return;
	if (list_length(rows) == 1)
	{
		add_dead(publishing, mls_publish_key(publishing->publication, linitial(rows)),
				 publishing->target->refusal);
		return;
	}
	half = list_copy_tail(rows, list_length(rows) / 2);
	put_halves(publishing, list_truncate(list_copy(rows), list_length(rows) / 2));
	put_halves(publishing, half);
}

/* Likewise keys that are to go, which others there may refer to. */
static void
delete_halves(Publishing *publishing, List *gone)
{
	List *half;

	CHECK_FOR_INTERRUPTS();
	if (gone == NIL || put(publishing, NIL, gone, NULL) || take_refused(publishing))
		return;
	if (list_length(gone) == 1)
	{
		add_dead(publishing, linitial(gone), publishing->target->refusal);
		return;
	}
	half = list_copy_tail(gone, list_length(gone) / 2);
	delete_halves(publishing, list_truncate(list_copy(gone), list_length(gone) / 2));
	delete_halves(publishing, half);
}

static bool
is_double(const List *doubles, const char *key)
{
	ListCell *lc;

	foreach (lc, doubles)
		if (strcmp(lfirst(lc), key) == 0)
			return true;
	return false;
}

/* Rows of one key are taken out: nobody knows which of them is meant. */
static List *
without_doubles(Publishing *publishing, List *rows)
{
	List *keys = keys_of(publishing, rows);
	List *doubles = NIL;
	List *good = NIL;
	const char *last = NULL;
	ListCell *lc;

	list_sort(keys, mls_publish_compare_texts);
	foreach (lc, keys)
	{
		if (last != NULL && strcmp(last, lfirst(lc)) == 0 &&
			(doubles == NIL || strcmp(llast(doubles), last) != 0))
		{
			doubles = lappend(doubles, lfirst(lc));
			add_dead(publishing, lfirst(lc), "the view has several rows of this key");
		}
		last = lfirst(lc);
	}
	if (doubles == NIL)
		return rows;
	foreach (lc, rows)
		if (!is_double(doubles, mls_publish_key(publishing->publication, lfirst(lc))))
			good = lappend(good, lfirst(lc));
	return good;
}

/* Rows whose keys cannot be keys there are taken out. */
static List *
without_bad_keys(Publishing *publishing, List *rows)
{
	List *good = NIL;
	ListCell *lc;

	foreach (lc, rows)
	{
		const char *key = mls_publish_key(publishing->publication, lfirst(lc));
		const char *problem = publishing->target->kind->key_problem(key);

		if (problem != NULL)
			add_dead(publishing, key, problem);
		else
			good = lappend(good, lfirst(lc));
	}
	return good;
}

static List *
without_bad_gone(const Publishing *publishing, List *keys)
{
	List *good = NIL;
	ListCell *lc;

	foreach (lc, keys)
		if (publishing->target->kind->key_problem(lfirst(lc)) == NULL)
			good = lappend(good, lfirst(lc));
	return good;
}

static List *
living(const Publishing *publishing, List *keys)
{
	List *alive = NIL;
	ListCell *lc;

	foreach (lc, keys)
	{
		bool dead = false;
		ListCell *d;

		foreach (d, publishing->dead)
			dead |= strcmp(((const MlsDead *) lfirst(d))->key, lfirst(lc)) == 0;
		if (!dead)
			alive = lappend(alive, lfirst(lc));
	}
	return alive;
}

/*
 * A batch and where it leads to.  All of it in one transaction there; if that is refused, first
 * rows and keys in halves, then the position: what is sent twice is the same twice.
 */
static void
send(Publishing *publishing, List *rows, List *gone, const MlsTargetPosition *move,
	 const char *definition)
{
	MlsRun *run = publishing->run;
	MlsCounters counters = run->counters;
	List *all_gone = gone;
	List *taken;
	bool whole;

	publishing->dead = NIL;
	rows = without_doubles(publishing, without_bad_keys(publishing, rows));
	gone = without_bad_gone(publishing, gone);
	whole = publishing->dead == NIL && put(publishing, rows, gone, move);
	if (!whole)
	{
		put_halves(publishing, rows);
		delete_halves(publishing, gone);
		all_gone = living(publishing, all_gone);
		gone = living(publishing, gone);
	}

	mls_run_begin_step(run);
	MemoryContextSwitchTo(publishing->batch);
	write_dead(publishing);
	taken = living(publishing, keys_of(publishing, rows));
	counters.updated += list_length(taken);
	bury(publishing, list_concat(taken, all_gone));
	if (move != NULL)
		note_position(publishing, move, definition);
	counters.pages++;
	counters.deleted += list_length(gone);
	counters.bad_values += list_length(publishing->dead);
	mls_run_end_step(run, &counters);
	if (!whole && !put(publishing, NIL, NIL, move))
		ereport(ERROR, errcode(ERRCODE_FDW_ERROR),
				errmsg("destination \"%s\" does not keep a position", publishing->source->name),
				errdetail("%s", publishing->target->refusal));
}

/* ---- Loading ---- */

static void
begin_load(Publishing *publishing)
{
	MlsRun *run = publishing->run;
	MlsCounters counters = run->counters;
	MlsTargetPosition to = {.token = publishing->publication->token, .loading = true};

	mls_run_begin_step(run);
	look_at_events(publishing);
	to.position = publishing->known;
	counters.expected = mls_publication_count(publishing->publication);
	mls_run_end_step(run, &counters);
	if (!put(publishing, NIL, NIL, &to))
		ereport(ERROR, errcode(ERRCODE_FDW_ERROR),
				errmsg("destination \"%s\" does not keep a position", publishing->source->name),
				errdetail("%s", publishing->target->refusal));
	mls_run_begin_step(run);
	note_position(publishing, &to, publishing->publication->definition);
	mls_run_end_step(run, &counters);
}

/*
 * A batch, of which one row more was read: that begins the next one, unless it is another of the
 * last key.  Then both stay, so that they are found to be two; what else there is of the key is
 * behind none.
 */
static List *
without_next(const Publishing *publishing, List *rows)
{
	int batch = publishing->publication->batch;

	if (list_length(rows) <= batch ||
		strcmp(mls_publish_key(publishing->publication, list_nth(rows, batch - 1)),
			   mls_publish_key(publishing->publication, list_nth(rows, batch))) == 0)
		return rows;
	return list_truncate(rows, batch);
}

/* The next rows of the view; false when there are none. */
static bool
load_some(Publishing *publishing)
{
	MlsRun *run = publishing->run;
	MlsCounters counters = run->counters;
	MlsTargetPosition to = publishing->at;
	List *rows;

	MemoryContextReset(publishing->batch);
	mls_run_begin_step(run);
	MemoryContextSwitchTo(publishing->batch);
	rows = mls_publication_rows_after(publishing->publication, publishing->at.load_after);
	counters.received += list_length(rows);
	mls_run_end_step(run, &counters);
	MemoryContextSwitchTo(publishing->batch);
	if (rows == NIL)
		return false;
	rows = without_next(publishing, rows);
	to.load_after = mls_publish_key(publishing->publication, llast(rows));
	send(publishing, rows, NIL, &to, NULL);
	return true;
}

/* Which of the keys are not among those that are here; sorts the latter. */
static List *
absent(const List *keys, List *here)
{
	List *wanted = list_copy(keys);
	List *gone = NIL;
	ListCell *at;
	ListCell *lc;

	list_sort(here, mls_publish_compare_texts);
	list_sort(wanted, mls_publish_compare_texts);
	at = list_head(here);
	foreach (lc, wanted)
	{
		while (at != NULL && strcmp(lfirst(at), lfirst(lc)) < 0)
			at = lnext(here, at);
		if (at == NULL || strcmp(lfirst(at), lfirst(lc)) != 0)
			gone = lappend(gone, lfirst(lc));
	}
	return gone;
}

/* Keys there that the view does not show. */
static List *
strangers(Publishing *publishing, List *keys)
{
	MlsRun *run = publishing->run;
	MlsCounters counters = run->counters;
	List *found;

	mls_run_begin_step(run);
	MemoryContextSwitchTo(publishing->batch);
	found = mls_publication_keys(publishing->publication, keys);
	mls_run_end_step(run, &counters);
	MemoryContextSwitchTo(publishing->batch);
	return absent(keys, found);
}

/* What was there before the load, and is not in the view, goes. */
static void
sweep(Publishing *publishing)
{
	char *after = "";

	for (;;)
	{
		List *keys = NIL;
		List *rows;
		ListCell *lc;

		MemoryContextReset(publishing->batch);
		MemoryContextSwitchTo(publishing->batch);
		rows = publishing->target->kind->rows(publishing->target, publishing->publication, after,
											  SWEEP_KEYS, false);
		if (rows == NIL)
			break;
		foreach (lc, rows)
			keys = lappend(keys, unconstify(char *, ((const MlsTargetHash *) lfirst(lc))->key));
		after = MemoryContextStrdup(publishing->run->context, llast(keys));
		keys = strangers(publishing, keys);
		if (keys != NIL)
			send(publishing, NIL, keys, NULL, NULL);
	}
	MemoryContextSwitchTo(publishing->run->context);
}

/*
 * Where most rows are refused it is not the rows that are wrong, but the table: what is there is
 * left alone, and the load begins anew with the next run.
 */
static void
require_most(Publishing *publishing)
{
	MlsRun *run = publishing->run;
	MlsCounters counters = run->counters;
	MlsTargetPosition to = publishing->at;
	int64 dead;
	int64 rows;
	char *reason;

	mls_run_begin_step(run);
	mls_sql_control(SPI_OK_SELECT,
					"SELECT pg_catalog.count(*), pg_catalog.mode() WITHIN GROUP (ORDER BY reason) "
					"FROM mls.dead_letter WHERE publication = $1",
					mls_arg_int8(publishing->publication->id));
	MemoryContextSwitchTo(run->context);
	dead = mls_int8_at(0, 1);
	reason = mls_text_at(0, 2);
	rows = mls_publication_count(publishing->publication);
	mls_run_end_step(run, &counters);
	MemoryContextSwitchTo(run->context);
	if (rows == 0 || dead <= rows / 2)
		return;
	to.load_after = NULL;
	send(publishing, NIL, NIL, &to, NULL);
	ereport(
		ERROR, errcode(ERRCODE_FDW_ERROR),
		errmsg("destination \"%s\" refuses most records of table \"%s\"", publishing->source->name,
			   publishing->publication->name),
		errdetail(INT64_FORMAT " of " INT64_FORMAT " are refused, most often: %s", dead, rows,
				  reason),
		errhint("What was in the table is left there. mls_dead_letters says why of each record; "
				"the next run tries all of them again."));
}

static void
load(Publishing *publishing)
{
	MlsTargetPosition to;

	mls_run_enter(publishing->run, "loading");
	while (load_some(publishing))
		;
	require_most(publishing);
	sweep(publishing);
	to = publishing->at;
	to.loading = false;
	to.load_after = NULL;
	send(publishing, NIL, NIL, &to, NULL);
}

/* ---- Following ---- */

/* Keys as they are now; the position moves with the last of them. */
static void
send_keys(Publishing *publishing, List *keys, const MlsTargetPosition *move)
{
	MlsRun *run = publishing->run;
	int batch = publishing->publication->batch;

	do
	{
		List *some = list_truncate(list_copy(keys), batch);
		MlsCounters counters = run->counters;
		List *rows;
		List *gone;

		keys = list_length(keys) > batch ? list_copy_tail(keys, batch) : NIL;
		mls_run_begin_step(run);
		MemoryContextSwitchTo(publishing->batch);
		rows = mls_publication_rows(publishing->publication, some);
		counters.received += list_length(some);
		mls_run_end_step(run, &counters);
		MemoryContextSwitchTo(publishing->batch);
		gone = absent(some, keys_of(publishing, rows));
		send(publishing, rows, gone, keys == NIL ? move : NULL, NULL);
		MemoryContextSwitchTo(publishing->batch);
	} while (keys != NIL);
}

/* A batch of events; false when there are no more. */
static bool
follow_some(Publishing *publishing)
{
	MlsRun *run = publishing->run;
	MlsCounters counters = run->counters;
	MlsTargetPosition to = publishing->at;
	List *keys;

	MemoryContextReset(publishing->batch);
	mls_run_begin_step(run);
	MemoryContextSwitchTo(publishing->batch);
	keys = mls_publish_changed(publishing->publication, publishing->at.position, &to.position);
	look_at_events(publishing);
	mls_run_end_step(run, &counters);
	MemoryContextSwitchTo(publishing->batch);
	if (to.position <= publishing->at.position)
		return false;
	send_keys(publishing, keys, &to);
	return to.position < publishing->known;
}

/* Dead letters that are to be tried again. */
static void
try_again(Publishing *publishing)
{
	MlsRun *run = publishing->run;
	MlsCounters counters = run->counters;
	List *keys;

	if (!publishing->publication->again)
		return;
	mls_run_begin_step(run);
	MemoryContextSwitchTo(publishing->batch);
	mls_sql_control(SPI_OK_SELECT,
					"SELECT key FROM mls.dead_letter WHERE publication = $1 AND again ORDER BY key "
					"COLLATE \"C\"",
					mls_arg_int8(publishing->publication->id));
	keys = mls_cell_texts(SPI_tuptable, 1);
	mls_run_end_step(run, &counters);
	MemoryContextSwitchTo(publishing->batch);
	if (keys != NIL)
		send_keys(publishing, keys, NULL);
}

/* ---- The process ---- */

pg_noreturn static void report_rebuild(Publishing *publishing, const char *detail);

static void
report_rebuild(Publishing *publishing, const char *detail)
{
	const MlsPublication *publication = publishing->publication;

	publishing->rebuild = true;
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("publication \"%s\" at \"%s\" has to be loaded anew", publication->name,
				   publication->destination),
			errdetail("%s", detail),
			errhint("SELECT mls_publish_resend('%s', '%s', 0);", publication->destination,
					publication->name));
}

/* Where it stands, by the destination; and whether that can be gone on from. */
static void
find_position(Publishing *publishing)
{
	const MlsPublication *publication = publishing->publication;
	MlsRun *run = publishing->run;
	MlsCounters counters = run->counters;
	MlsTargetPosition there = {NULL};
	char *unnoted;

	(void) publishing->target->kind->position(publishing->target, publication, &there);
	if (there.token != NULL && strcmp(there.token, publication->token) != 0 &&
		!publication->take_over)
		ereport(ERROR, errcode(ERRCODE_OBJECT_IN_USE),
				errmsg("table \"%s\" of destination \"%s\" is kept in step by another publication",
					   publication->name, publication->destination),
				errhint("Choose another name; or, if that publication is no more, publish with "
						"take_over => true."));
	stand_at(publishing, &there);
	mls_run_begin_step(run);
	/* Not written down yet: what was known before may tell that events were lost. */
	publishing->known = mls_publish_last_event();
	unnoted = mls_publish_unnoted(publication);
	unnoted = unnoted ? MemoryContextStrdup(run->context, unnoted) : NULL;
	mls_run_end_step(run, &counters);
	if (unnoted != NULL)
		report_rebuild(publishing, psprintf("Events of resource \"%s\" are not noted any more; "
											"SELECT mls_serve_events('{%s}') has them noted.",
											unnoted, unnoted));
}

static bool
is_changed(const MlsPublication *publication)
{
	return publication->known_definition == NULL ||
		   strcmp(publication->known_definition, publication->definition) != 0;
}

/* A view that has changed may read other resources. */
static void
follow_anew(Publishing *publishing)
{
	MlsRun *run = publishing->run;
	MlsCounters counters = run->counters;

	mls_run_begin_step(run);
	mls_select("SELECT mls.follow_anew($1)", mls_arg_int8(publishing->publication->id));
	mls_run_end_step(run, &counters);
}

static void
set_out(Publishing *publishing, bool widened)
{
	const MlsPublication *publication = publishing->publication;
	const MlsTargetPosition *at = &publishing->at;
	int64 known = Min(publication->known, publishing->known);

	if (at->token == NULL || strcmp(at->token, publication->token) != 0 ||
		publication->resend_from == 0 || widened || is_changed(publication))
		begin_load(publishing);
	/* Later ones may have taken their numbers meanwhile. */
	else if (at->position > known)
		report_rebuild(publishing, psprintf("It has come to event " INT64_FORMAT
											", and the last one known here was " INT64_FORMAT
											": events were lost, perhaps by a restored backup.",
											at->position, known));
	else if (publication->resend_from > 0)
	{
		MlsTargetPosition to = *at;

		to.position = Min(publication->resend_from, at->position);
		send(publishing, NIL, NIL, &to, publication->definition);
	}
	else if (publication->reached > at->position)
		mls_run_note(publishing->run,
					 "the destination had come further before, and goes on from where it is now");
}

static void
publish_work(MlsRun *run)
{
	Publishing *publishing = run->state;
	bool widened;

	if (publishing->publication->paused)
	{
		mls_run_note(run, "paused: mls_publish_pause('%s', '%s', false) lets it go on",
					 run->sub->source, run->sub->resource);
		return;
	}
	mls_publication_require_home(publishing->publication);
	if (is_changed(publishing->publication))
		follow_anew(publishing);
	publishing->target = mls_target_open(publishing->source);
	widened = publishing->target->kind->prepare(publishing->target, publishing->publication);
	find_position(publishing);
	set_out(publishing, widened);
	if (publishing->at.loading)
		load(publishing);
	mls_run_enter(run, "following");
	try_again(publishing);
	while (follow_some(publishing))
		;
}

static const char *
publish_complete(MlsRun *run)
{
	const Publishing *publishing = run->state;
	int64 dead;

	mls_sql_control(SPI_OK_SELECT,
					"SELECT pg_catalog.count(*) FROM mls.dead_letter WHERE publication = $1",
					mls_arg_int8(run->sub->id));
	dead = mls_int8_at(0, 1);
	run->outcome->drift = dead;
	if (dead > 0)
		mls_run_note(run, "%s; mls_dead_letters says why",
					 mls_counted(dead, "record was refused", "records were refused"));
	if (publishing->publication->paused)
		return run->sub->cursor_timestamp;
	mls_sql_control(
		SPI_OK_UPDATE,
		"UPDATE mls.publication SET failures = 0, next_attempt_at = NULL, error = NULL, "
		"rebuild = false, succeeded_at = pg_catalog.now() WHERE id = $1",
		mls_arg_int8(run->sub->id));
	return psprintf(INT64_FORMAT, publishing->at.position);
}

/* When the next attempt is due: later with each failure. */
static void
publish_failed(MlsRun *run)
{
	const Publishing *publishing = run->state;
	const MlsOutcome *outcome = run->outcome;

	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.publication SET failures = failures + 1, rebuild = $2, "
					"error = pg_catalog.concat_ws(': ', $3, nullif($4, '')), "
					"next_attempt_at = pg_catalog.now() + mls.delivery_delay(failures + 1), "
					"attempted_with = $5 WHERE id = $1",
					mls_arg_int8(run->sub->id),
					mls_arg_bool(publishing != NULL && publishing->rebuild),
					mls_arg_text(outcome->message), mls_arg_text(outcome->detail),
					mls_arg_text(configuration(run->sub)));
}

static void
publish_spent(MlsRun *run, MlsCounters *counters)
{
	const Publishing *publishing = run->state;

	if (publishing == NULL || publishing->target == NULL)
		return;
	counters->requests += publishing->target->statements;
	counters->bytes += publishing->target->bytes;
}

static void
publish_end(MlsRun *run)
{
	/* The connection ends with the memory of the run. */
}

const MlsProcess mls_publish_process = {
	.name = "publish",
	.subject = subject,
	.start = mls_run_start_publication,
	.beside = MLS_LOCK_PUBLISH,
	.prepare = publish_prepare,
	.work = publish_work,
	.complete = publish_complete,
	.failed = publish_failed,
	.spent = publish_spent,
	.end = publish_end,
};
