/*
 * publish_verify.c
 *		What a destination has compared with what a view shows, by ranges of keys; and its end.
 *
 * The destination hashes its rows itself, so that little travels.  No run is at work meanwhile.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "publish/publish_parts.h"

PG_FUNCTION_INFO_V1(mls_publish_verify);
PG_FUNCTION_INFO_V1(mls_tell_unpublished);

/* Rows of a range; and how many keys of each finding are told. */
#define RANGE_ROWS 5000
#define SOME_KEYS 20

typedef enum Finding
{
	SAME,
	DIFFERENT,
	MISSING,
	EXTRA,
	REFUSED,
	FINDINGS
} Finding;

static const char *const finding_names[] = {"same", "different", "missing", "extra", "refused"};

typedef struct Comparison
{
	MlsPublication *publication;
	MlsTarget *target;
	MemoryContext whole; /* of all ranges */
	MemoryContext range;
	List *dead; /* of char *, in order: dead letters */
	int64 records[FINDINGS];
	List *keys[FINDINGS];
	List *wrong; /* of char *: keys of the range that are to be put right */
	List *close; /* of char **: rows of the range that are the same, as far as was compared */
	bool looks_closer;
} Comparison;

/* A publication by its names, locked against runs until the end of the transaction. */
static MlsPublication *
take(const char *destination, const char *name, const MlsSource **source)
{
	MemoryContext context = CurrentMemoryContext;
	MlsPublication *publication;
	MlsRights before;
	int64 id;
	Oid owner;

	mls_select("SELECT p.id, p.owner::pg_catalog.oid FROM mls.find_publications($1, $2) f "
			   "JOIN mls.publication p USING (id)",
			   mls_arg_text(destination), mls_arg_text(name));
	id = mls_int8_at(0, 1);
	owner = mls_oid_at(0, 2);
	if (!mls_lock_try(MLS_LOCK_PUBLISH, id, ExclusiveLock, false))
		ereport(ERROR, errcode(ERRCODE_OBJECT_IN_USE),
				errmsg("publication \"%s\" at \"%s\" is being kept in step", name, destination),
				errhint("Try again when that run is over."));
	mls_rights_enter(&before, owner);
	MemoryContextSwitchTo(context);
	publication = mls_publication_read(id, source);
	mls_rights_leave(&before);
	MemoryContextSwitchTo(context);
	return publication;
}

/* ---- Comparing ---- */

static void
note(Comparison *comparison, Finding finding, const char *key)
{
	ListCell *lc;

	if (finding != SAME)
		foreach (lc, comparison->dead)
			if (strcmp(lfirst(lc), key) == 0)
				finding = REFUSED;
	comparison->records[finding]++;
	if (finding != SAME && list_length(comparison->keys[finding]) < SOME_KEYS)
	{
		MemoryContext before = MemoryContextSwitchTo(comparison->whole);

		comparison->keys[finding] = lappend(comparison->keys[finding], pstrdup(key));
		MemoryContextSwitchTo(before);
	}
	if (finding == DIFFERENT || finding == MISSING || finding == EXTRA)
		comparison->wrong = lappend(comparison->wrong, unconstify(char *, key));
}

static char *
hash_here(const Comparison *comparison, char **row)
{
	const MlsTargetKind *kind = comparison->target->kind;

	return kind->hash ? kind->hash(comparison->publication, row)
					  : mls_publish_hash(comparison->publication, row);
}

/* Both are in the order of bytes. */
static void
merge(Comparison *comparison, const List *here, const List *there)
{
	const MlsPublication *publication = comparison->publication;
	ListCell *h = list_head(here);
	ListCell *t = list_head(there);

	while (h != NULL || t != NULL)
	{
		const MlsTargetHash *found = t ? lfirst(t) : NULL;
		const char *key = h ? mls_publish_key(publication, lfirst(h)) : NULL;
		int order = key == NULL ? 1 : found == NULL ? -1 : strcmp(key, found->key);

		CHECK_FOR_INTERRUPTS();
		if (order < 0)
			note(comparison, MISSING, key);
		else if (order > 0)
			note(comparison, EXTRA, found->key);
		else if (found->hash != NULL && strcmp(hash_here(comparison, lfirst(h)), found->hash) == 0)
			comparison->close = lappend(comparison->close, lfirst(h));
		else
			note(comparison, DIFFERENT, key);
		h = order <= 0 ? lnext(here, h) : h;
		t = order >= 0 ? lnext(there, t) : t;
	}
}

/* What the destination has hashed roughly it compares by value; rows are in the order of bytes. */
static void
look_closer(Comparison *comparison, List *rows)
{
	const MlsPublication *publication = comparison->publication;
	List *alike = NIL;
	ListCell *at;
	ListCell *lc;

	if (rows == NIL)
		return;
	CHECK_FOR_INTERRUPTS();
	if (comparison->looks_closer &&
		!comparison->target->kind->alike(comparison->target, publication, rows, &alike))
	{
		List *half = list_copy_tail(rows, (list_length(rows) + 1) / 2);

		if (half == NIL)
			note(comparison, DIFFERENT, mls_publish_key(publication, linitial(rows)));
		else
		{
			look_closer(comparison, list_truncate(list_copy(rows), (list_length(rows) + 1) / 2));
			look_closer(comparison, half);
		}
		return;
	}
	list_sort(alike, mls_publish_compare_texts);
	at = list_head(alike);
	foreach (lc, rows)
	{
		const char *key = mls_publish_key(publication, lfirst(lc));
		bool same = !comparison->looks_closer || (at != NULL && strcmp(lfirst(at), key) == 0);

		note(comparison, same ? SAME : DIFFERENT, key);
		if (same && at != NULL)
			at = lnext(alike, at);
	}
}

static bool
has_rough(const MlsPublication *publication)
{
	ListCell *lc;

	foreach (lc, publication->columns)
		if (((const MlsPublishColumn *) lfirst(lc))->is_rough)
			return true;
	return false;
}

static List *
rows_here(const MlsPublication *publication, const char *after, const char *upto)
{
	MlsRights before;
	List *rows;

	mls_rights_enter(&before, publication->owner);
	rows = mls_publication_rows_between(publication, after, upto, RANGE_ROWS);
	mls_rights_leave(&before);
	return rows;
}

static List *
up_to(const List *there, const char *key)
{
	List *some = NIL;
	ListCell *lc;

	foreach (lc, there)
		if (strcmp(((const MlsTargetHash *) lfirst(lc))->key, key) <= 0)
			some = lappend(some, lfirst(lc));
	return some;
}

/* What was found wrong in a range is sent, or deleted, as the view has it now. */
static void
put_right(Comparison *comparison)
{
	const MlsPublication *publication = comparison->publication;
	MlsTargetPosition at = {NULL};
	MlsTargetBatch batch = {.from = &at};
	MlsRights before;
	ListCell *lc;

	if (comparison->wrong == NIL)
		return;
	mls_rights_enter(&before, publication->owner);
	batch.rows = mls_publication_rows(publication, comparison->wrong);
	mls_rights_leave(&before);
	MemoryContextSwitchTo(comparison->range);
	foreach (lc, comparison->wrong)
	{
		bool there = false;
		ListCell *r;

		foreach (r, batch.rows)
			there |= strcmp(mls_publish_key(publication, lfirst(r)), lfirst(lc)) == 0;
		if (!there)
			batch.gone = lappend(batch.gone, lfirst(lc));
	}
	(void) comparison->target->kind->position(comparison->target, publication, &at);
	if (!comparison->target->kind->write(comparison->target, publication, &batch))
		ereport(
			ERROR, errcode(ERRCODE_FDW_ERROR),
			errmsg("destination \"%s\" refuses what was to be put right", publication->destination),
			errdetail("%s", comparison->target->refusal),
			errhint("SELECT mls_publish_resend('%s', '%s', 0) sends all, one by one where needed.",
					publication->destination, publication->name));
	comparison->wrong = NIL;
}

static void
compare_all(Comparison *comparison, bool repair)
{
	const MlsPublication *publication = comparison->publication;
	char *after = "";
	bool more = true;

	while (more)
	{
		List *there;
		List *here;
		char *upto = NULL;

		MemoryContextReset(comparison->range);
		MemoryContextSwitchTo(comparison->range);
		comparison->wrong = NIL;
		there = comparison->target->kind->rows(comparison->target, publication, after, RANGE_ROWS,
											   true);
		more = list_length(there) == RANGE_ROWS;
		if (more)
			upto =
				MemoryContextStrdup(comparison->whole, ((const MlsTargetHash *) llast(there))->key);
		here = rows_here(publication, after, upto);
		/* A range ends where either side has no more of it at hand. */
		if (list_length(here) == RANGE_ROWS)
		{
			more = true;
			upto =
				MemoryContextStrdup(comparison->whole, mls_publish_key(publication, llast(here)));
			there = up_to(there, upto);
		}
		comparison->close = NIL;
		merge(comparison, here, there);
		look_closer(comparison, comparison->close);
		if (repair)
			put_right(comparison);
		after = upto;
	}
	MemoryContextSwitchTo(comparison->whole);
}

/* mls_publish_verify(destination, name, repair) */
Datum
mls_publish_verify(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool repair = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	Comparison comparison = {.whole = CurrentMemoryContext};
	const MlsSource *source;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("say what is compared: destination and name"));
	if (repair)
		mls_refuse_standby("mls_publish_verify()", "repair");
	/* What nobody else sees yet, or any more, is not sent. */
	if (repair && (IsolationUsesXactSnapshot() || TransactionIdIsValid(GetTopTransactionIdIfAny())))
		ereport(
			ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			errmsg(
				"a transaction that has changed something, or keeps to a snapshot, cannot repair "
				"what is published"),
			errhint("Call mls_publish_verify() in a transaction of its own, of isolation level "
					"read committed."));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	MemoryContextSwitchTo(comparison.whole);
	comparison.range =
		AllocSetContextCreate(comparison.whole, "mls_fdw verify", ALLOCSET_DEFAULT_SIZES);
	comparison.publication =
		take(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)), &source);
	mls_sql_control(SPI_OK_SELECT, "SELECT key FROM mls.dead_letter WHERE publication = $1",
					mls_arg_int8(comparison.publication->id));
	MemoryContextSwitchTo(comparison.whole);
	comparison.dead = mls_cell_texts(SPI_tuptable, 1);
	if (repair)
		mls_publication_require_home(comparison.publication);
	comparison.target = mls_target_open(source);
	comparison.looks_closer =
		comparison.target->kind->alike != NULL && has_rough(comparison.publication);
	compare_all(&comparison, repair);
	for (int i = 0; i < FINDINGS; i++)
		mls_return_row(result, mls_arg_text(finding_names[i]), mls_arg_int8(comparison.records[i]),
					   mls_arg_list(comparison.keys[i]));
	SPI_finish();
	return (Datum) 0;
}

/* ---- The end of a publication ---- */

typedef struct Goodbye
{
	const char *destination;
	const char *name;
	bool drop;
} Goodbye;

static void
say_goodbye(void *arg)
{
	const Goodbye *goodbye = arg;
	const MlsSource *source;
	MlsPublication *publication = take(goodbye->destination, goodbye->name, &source);
	MlsTarget *target;

	mls_publication_require_home(publication);
	target = mls_target_open(source);
	target->kind->forget(target, publication, goodbye->drop);
}

/* Nobody keeps what he wants to be rid of because somebody else is not there. */
static bool
may_be_passed_over(int sqlstate)
{
	return ERRCODE_TO_CATEGORY(sqlstate) != ERRCODE_OPERATOR_INTERVENTION &&
		   sqlstate != ERRCODE_OBJECT_IN_USE;
}

/* mls.tell_unpublished(publication, drop_table) */
Datum
mls_tell_unpublished(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	Goodbye goodbye = {.drop = PG_GETARG_BOOL(1)};
	ErrorData *error;

	SPI_connect();
	mls_select("SELECT destination, name FROM mls.publication WHERE id = $1",
			   mls_arg_int8(PG_GETARG_INT64(0)));
	if (SPI_processed == 0)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no such publication"));
	goodbye.destination = mls_text_at(0, 1);
	goodbye.name = mls_text_at(0, 2);
	error = mls_subtransaction(say_goodbye, &goodbye, may_be_passed_over, true);
	if (error != NULL)
	{
		MemoryContextSwitchTo(context);
		error->message = psprintf("%s%s%s", error->message, error->detail ? ". " : "",
								  error->detail ? error->detail : "");
	}
	SPI_finish();
	if (error == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(error->message));
}
