/*
 * media_verify.c
 *		mls_media_verify(): what a store holds compared with what it should.
 *
 * The names in a store and those in mls.media_file are read in one order, page by page, so
 * neither has to be held whole.  Some files are read and hashed: a sample by chance, or all.
 * Meanwhile files come and go; so what one side alone has is looked for on the other once more,
 * when both have been read, before it is told.
 *
 * With repair, files that are missing or damaged are fetched again by the next runs, which
 * replaces them; those that belong to nobody are removed once they are a day old (a run may be
 * about to write their rows); and those of sources that keep no files any more go after their
 * time of grace.
 *
 * A repair may be rolled back, and what it removed from a store would not come back.  So a file
 * that has a row is marked by one repair and removed by a later one, which finds the mark
 * committed; meanwhile nobody takes it for stored.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "media/media_parts.h"

PG_FUNCTION_INFO_V1(mls_media_verify);

/* Names of a page; S3 gives as many at a time. */
#define PAGE 1000

/* A file that is not in a row may be in a transaction that has not ended. */
#define ORPHAN_AGE_S (24 * 60 * 60)

typedef struct Verification
{
	ReturnSetInfo *result;
	MlsStore *store;
	const char *server;
	bool repair;
	double share;    /* of files that are read */
	List *damaged;   /* of char *: SHA-256 of files to be fetched again */
	List *removable; /* of char *: names of files that nobody has */
	MemoryContext context;
	MemoryContext scratch;
} Verification;

/* A file as it should be. */
typedef struct Wanted
{
	char *name;
	char *sha256;
	char *type;
	int64 bytes;
} Wanted;

static void
find(Verification *verification, const char *finding, const char *name, bool repaired,
	 const char *message)
{
	mls_return_row(verification->result, mls_arg_text(finding), mls_arg_text(name),
				   mls_arg_text(message), mls_arg_bool(repaired),
				   mls_arg_text(verification->server));
}

static void
keep(Verification *verification, List **list, const char *text)
{
	MemoryContext before = MemoryContextSwitchTo(verification->context);

	if (verification->repair)
		*list = lappend(*list, pstrdup(text));
	MemoryContextSwitchTo(before);
}

/* ---- Single files ---- */

static void
find_damage(Verification *verification, const Wanted *wanted, const char *finding,
			const char *message)
{
	find(verification, finding, wanted->name, verification->repair, message);
	keep(verification, &verification->damaged, wanted->sha256);
}

/* Reads a file: are its bytes those that its name says, and of the type that its row does? */
static void
read_file(Verification *verification, const Wanted *wanted)
{
	MlsStoreGet *get = mls_store_get(verification->store, wanted->name);
	MlsDigest *digest = mls_digest_begin();
	uint8 sha256[MLS_SHA256_BYTES];
	uint8 *head = palloc(MLS_FILE_HEAD);
	Size head_length = 0;
	const char *bytes;
	Size length;
	MlsFileType file;

	if (get == NULL)
		return; /* it went meanwhile */
	while (mls_store_get_piece(get, &bytes, &length))
	{
		Size taken = Min(length, MLS_FILE_HEAD - head_length);

		mls_digest_add(digest, bytes, length);
		memcpy(head + head_length, bytes, taken);
		head_length += taken;
		CHECK_FOR_INTERRUPTS();
	}
	mls_store_get_end(get);
	mls_digest_end(digest, sha256);
	if (strcmp(mls_hex(sha256, MLS_SHA256_BYTES), wanted->sha256) != 0)
	{
		find_damage(verification, wanted, "damaged", "its bytes are not those that its name says");
		return;
	}
	file = mls_file_type(head, head_length, NULL, 0);
	if (file.refused != NULL || strcmp(file.type, wanted->type) != 0)
		find_damage(verification, wanted, "wrong type",
					file.refused ? psprintf("its bytes are no file: %s", file.refused)
								 : psprintf("its bytes are of type %s, its row says %s", file.type,
											wanted->type));
}

static void
look_at_both(Verification *verification, const Wanted *wanted, const MlsStoreEntry *entry)
{
	if (entry->length != wanted->bytes)
		find_damage(verification, wanted, "damaged",
					psprintf("its length is " INT64_FORMAT " instead of " INT64_FORMAT,
							 entry->length, wanted->bytes));
	else if (pg_prng_double(&pg_global_prng_state) < verification->share)
		read_file(verification, wanted);
}

/* The hash in a name: names are in the order of hashes, and those of rows have an index. */
static char *
hash_of(const char *name)
{
	return *name ? pnstrdup(name + 3, 2 * MLS_SHA256_BYTES) : pstrdup("");
}

/* Has a run noted the file since its name was not among the rows? */
static bool
has_row(const Verification *verification, const char *name)
{
	bool has;

	mls_select("SELECT FROM mls.media_file WHERE store = $1 AND sha256 = $2 AND name = $3 "
			   "AND NOT removing AND NOT missing",
			   mls_arg_text(verification->server), mls_arg_text(hash_of(name)), mls_arg_text(name));
	has = SPI_processed > 0;
	SPI_freetuptable(SPI_tuptable);
	return has;
}

static void
look_at_orphan(Verification *verification, const MlsStoreEntry *entry)
{
	bool shared = mls_store_is_shared(verification->store);
	bool old = !shared && entry->modified < GetCurrentTimestamp() - ORPHAN_AGE_S * USECS_PER_SEC;

	/* Where others keep files, too, most may be theirs. */
	if (has_row(verification, entry->name) ||
		(!shared && mls_store_head(verification->store, entry->name) < 0))
		return;
	find(verification, "orphaned", entry->name, old && verification->repair,
		 old || shared ? "no row has it"
					   : "no row has it; it is not a day old, so a run may be about to write one");
	if (old)
		keep(verification, &verification->removable, entry->name);
}

/* Has a run put the file since the store was listed, or removed it and its row? */
static void
look_at_missing(Verification *verification, const Wanted *wanted)
{
	int64 length = mls_store_head(verification->store, wanted->name);
	MlsStoreEntry entry = {.length = length};

	if (length >= 0)
		look_at_both(verification, wanted, &entry);
	else if (has_row(verification, wanted->name))
	{
		find(verification, "missing", wanted->name, verification->repair,
			 "the store does not have it");
		keep(verification, &verification->damaged, wanted->sha256);
	}
}

/* ---- Page by page ---- */

/* The next rows of mls.media_file after a name. */
static List *
read_wanted(const Verification *verification, const char *after)
{
	SPITupleTable *found;
	List *wanted = NIL;

	mls_select("SELECT name, sha256, type, bytes FROM mls.media_file "
			   "WHERE store = $1 AND NOT removing AND NOT missing "
			   "AND sha256 >= $2 AND name COLLATE \"C\" > $3 ORDER BY sha256 LIMIT $4",
			   mls_arg_text(verification->server), mls_arg_text(hash_of(after)),
			   mls_arg_text(after), mls_arg_int4(PAGE));
	found = SPI_tuptable;
	for (uint64 i = 0; i < found->numvals; i++)
	{
		Wanted *file = palloc(sizeof(Wanted));

		file->name = mls_cell_text(found, i, 1);
		file->sha256 = mls_cell_text(found, i, 2);
		file->type = mls_cell_text(found, i, 3);
		file->bytes = mls_cell_int8(found, i, 4);
		wanted = lappend(wanted, file);
	}
	SPI_freetuptable(found);
	return wanted;
}

/*
 * Both lists are in the order of names.  What comes behind a name is left to the next page, for
 * the other list may not be as far; NULL: both are at their ends.
 */
static void
merge(Verification *verification, const List *entries, const List *wanted, const char *upto)
{
	int e = 0;
	int w = 0;

	while (e < list_length(entries) || w < list_length(wanted))
	{
		const MlsStoreEntry *entry = e < list_length(entries) ? list_nth(entries, e) : NULL;
		const Wanted *file = w < list_length(wanted) ? list_nth(wanted, w) : NULL;
		int order = entry == NULL ? 1 : file == NULL ? -1 : strcmp(entry->name, file->name);

		CHECK_FOR_INTERRUPTS();
		if (upto != NULL && strcmp(order > 0 ? file->name : entry->name, upto) > 0)
			return;
		if (order == 0)
			look_at_both(verification, file, entry);
		else if (order < 0)
			look_at_orphan(verification, entry);
		else
			look_at_missing(verification, file);
		e += order <= 0;
		w += order >= 0;
	}
}

/* The name as far as which two full or ended pages both tell all; NULL: to the end. */
static const char *
known_upto(const List *entries, const List *wanted)
{
	const char *entry =
		list_length(entries) == PAGE ? ((const MlsStoreEntry *) llast(entries))->name : NULL;
	const char *file = list_length(wanted) == PAGE ? ((const Wanted *) llast(wanted))->name : NULL;

	if (entry == NULL || file == NULL)
		return entry ? entry : file;
	return strcmp(entry, file) < 0 ? entry : file;
}

static void
compare_all(Verification *verification)
{
	const char *after = "";

	do
	{
		List *entries;
		List *wanted;

		MemoryContextReset(verification->scratch);
		MemoryContextSwitchTo(verification->scratch);
		entries = mls_store_list(verification->store, "", after, PAGE);
		wanted = read_wanted(verification, after);
		after = known_upto(entries, wanted);
		merge(verification, entries, wanted, after);
		MemoryContextSwitchTo(verification->context);
		if (after != NULL)
			after = pstrdup(after);
	} while (after != NULL);
}

/* ---- Repair ---- */

/* mls.media_files(store, action, names); the names that it gives back. */
static List *
write_files(const Verification *verification, const char *action, const List *names)
{
	mls_select("SELECT u FROM pg_catalog.unnest(mls.media_files($1, $2, $3)) u",
			   mls_arg_text(verification->server), mls_arg_text(action), mls_arg_list(names));
	return mls_cell_texts(SPI_tuptable, 1);
}

/* Of files that no row had, those that none has now: a run may have put one again. */
static List *
still_strays(const Verification *verification)
{
	List *names = list_copy(verification->removable);
	List *known;
	ListCell *lc;

	mls_select("SELECT name FROM mls.media_file WHERE store = $1 AND name = ANY ($2)",
			   mls_arg_text(verification->server), mls_arg_list(names));
	known = mls_cell_texts(SPI_tuptable, 1);
	foreach (lc, verification->removable)
	{
		ListCell *each;

		foreach (each, known)
			if (strcmp(lfirst(lc), lfirst(each)) == 0)
				names = list_delete_ptr(names, lfirst(lc));
	}
	return names;
}

/* Names of files that an earlier transaction has marked to be removed. */
static List *
marked_before(const Verification *verification)
{
	SPITupleTable *found;
	List *names = NIL;

	mls_select("SELECT name, xmin FROM mls.media_file WHERE store = $1 AND removing "
			   "ORDER BY name COLLATE \"C\"",
			   mls_arg_text(verification->server));
	found = SPI_tuptable;
	for (uint64 i = 0; i < found->numvals; i++)
	{
		bool isnull;
		TransactionId by = DatumGetTransactionId(mls_cell(found, i, 2, &isnull));

		if (!TransactionIdIsCurrentTransactionId(by))
			names = lappend(names, mls_cell_text(found, i, 1));
	}
	return names;
}

/*
 * Nobody puts a file meanwhile; who is about to, makes us leave the store as it is.  A row goes
 * before its file does: if that fails, it is there again, marked as before.
 */
static void
repair(Verification *verification)
{
	int64 id = mls_media_store_lock(verification->server);
	List *names;

	(void) write_files(verification, "damaged", verification->damaged);
	if (mls_store_is_shared(verification->store))
		return;
	if (!mls_lock_try(MLS_LOCK_STORE, id, ExclusiveLock, false))
	{
		ereport(NOTICE, errmsg("nothing was removed from store \"%s\", for it is in use",
							   verification->server));
		return;
	}
	names = marked_before(verification);
	(void) write_files(verification, "unreferenced", NIL);
	(void) write_files(verification, "removed", names);
	mls_store_delete(verification->store, list_concat(names, still_strays(verification)));
}

/* The stores of a source (List of char *), by its rules; or the one of that name. */
static List *
stores_named(const char *name)
{
	mls_select("SELECT n.store FROM mls.subscription s CROSS JOIN LATERAL "
			   "(SELECT 0 AS place, r.store FROM mls.media_rule r WHERE r.subscription = s.id "
			   "UNION ALL SELECT p.place, p.store FROM mls.media_place p "
			   "WHERE p.subscription = s.id) n WHERE s.source = $1 ORDER BY n.place, n.store",
			   mls_arg_text(name));
	return SPI_processed > 0 ? mls_cell_texts(SPI_tuptable, 1) : list_make1(pstrdup(name));
}

static double
share_of(const char *server, int samples)
{
	int64 files;

	mls_select("SELECT pg_catalog.count(*) FROM mls.media_file WHERE store = $1",
			   mls_arg_text(server));
	files = mls_int8_at(0, 1);
	return files == 0 ? 0 : (double) samples / files;
}

/* One store, whole. */
static void
verify_store(Verification *verification, const char *server, int samples)
{
	verification->server = server;
	verification->damaged = verification->removable = NIL;
	verification->store = mls_store_open_named(server, GetUserId());
	if (verification->repair)
		mls_store_claim(verification->store);
	verification->share = share_of(server, samples);
	MemoryContextSwitchTo(verification->context);
	compare_all(verification);
	if (verification->repair)
		repair(verification);
	MemoryContextSwitchTo(verification->context);
}

/* mls_media_verify(name, samples, repair) */
Datum
mls_media_verify(PG_FUNCTION_ARGS)
{
	Verification verification = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	MemoryContext before = CurrentMemoryContext;
	int samples = PG_ARGISNULL(1) ? 100 : Max(PG_GETARG_INT32(1), 0);
	List *stores;
	ListCell *lc;

	if (PG_ARGISNULL(0))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("mls_media_verify() wants the name of a source or a store"));
	InitMaterializedSRF(fcinfo, 0);
	verification.repair = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	if (verification.repair)
	{
		mls_refuse_standby("mls_media_verify()", "repair");
		if (IsolationUsesXactSnapshot())
			ereport(ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
					errmsg("mls_media_verify() repairs in transactions of READ COMMITTED only"),
					errdetail("It must see which files others have put meanwhile."));
	}
	SPI_connect();
	verification.context =
		AllocSetContextCreate(before, "mls_fdw verification", ALLOCSET_DEFAULT_SIZES);
	verification.scratch = AllocSetContextCreate(before, "mls_fdw names", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(verification.context);
	stores = stores_named(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	foreach (lc, stores)
		verify_store(&verification, lfirst(lc), samples);
	SPI_finish();
	MemoryContextSwitchTo(before);
	return (Datum) 0;
}
