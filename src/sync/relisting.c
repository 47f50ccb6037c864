/*
 * relisting.c
 *		Where a list of keys stands, so that an interrupted one goes on.
 *
 * The position is written with each page, and taken away before it is used: a
 * link that leads nowhere fails one run, and the next begins anew.  The keys
 * themselves stand in an unlogged table, which a crash of the server empties;
 * their number tells.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "sync/sync.h"

/* Keys listed longer ago are listed again. */
#define LONGEST_PAUSE "1 day"

/* Notes that a process lists until there is no link any more.  In the open transaction. */
void
mls_relisting_reach(const MlsListing *listing, const char *link)
{
	const MlsRun *run = listing->run;
	Oid types[] = {INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, INT8OID, INT8OID, INT8OID};
	char nulls[] = "        ";
	Datum values[8];

	values[0] = Int64GetDatum(run->sub->id);
	values[1] = CStringGetTextDatum(run->process->name);
	values[2] = CStringGetTextDatum(run->sub->scope_hash);
	values[3] = TimestampTzGetDatum(listing->started);
	values[4] = link ? CStringGetTextDatum(link) : (Datum) 0;
	nulls[4] = link ? ' ' : 'n';
	values[5] = Int64GetDatum(listing->listed);
	values[6] = Int64GetDatum(listing->flagged);
	values[7] = Int64GetDatum(listing->before);
	mls_execute_control("UPDATE mls.subscription SET listing_process = $2, listing_scope = $3, "
						"listing_began = $4, listing_link = $5, listing_listed = $6, "
						"listing_flagged = $7, listing_announced = $8 WHERE id = $1",
						8, types, values, nulls, SPI_OK_UPDATE);
}

static int64
number_at(int column)
{
	bool isnull;

	return DatumGetInt64(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull));
}

/* Are the keys still there? */
static bool
has_keys(const MlsListing *listing)
{
	int64 listed = listing->listed;

	mls_execute(psprintf("SELECT pg_catalog.count(*) FROM %s", listing->table), 0, NULL, NULL, NULL,
				SPI_OK_SELECT);
	return number_at(1) == listed;
}

/* The position an interrupted run has left: fills the listing and returns its link; NULL if there is none. */
static char *
take_position(MlsListing *listing)
{
	const MlsRun *run = listing->run;
	MemoryContext before;
	Oid types[] = {INT8OID, TEXTOID, TEXTOID};
	Datum values[] = {Int64GetDatum(run->sub->id), CStringGetTextDatum(run->process->name),
					  CStringGetTextDatum(run->sub->scope_hash)};
	char *link;
	bool isnull;

	mls_execute("SELECT listing_link, listing_began, listing_listed, listing_flagged, "
				"listing_announced FROM mls.subscription WHERE id = $1 AND "
				"listing_process = $2 AND listing_scope = $3 AND listing_link IS NOT NULL AND "
				"listing_began > pg_catalog.now() - interval '" LONGEST_PAUSE "'",
				3, types, values, NULL, SPI_OK_SELECT);
	if (SPI_processed == 0)
		return NULL;
	before = MemoryContextSwitchTo(listing->context);
	link = pstrdup(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	MemoryContextSwitchTo(before);
	listing->started = DatumGetTimestampTz(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	listing->listed = number_at(3);
	listing->flagged = number_at(4);
	listing->before = number_at(5);
	return link;
}

/*
 * Goes on with an interrupted list, if there is one: returns the link to go on
 * at.  Else the listing is as before, and NULL is returned.  In the open
 * transaction, with the listing's table named.
 */
char *
mls_relisting_begin(MlsListing *listing, bool has_table)
{
	MlsListing fresh = *listing;
	char *link = take_position(listing);

	if (link != NULL && has_table && has_keys(listing))
	{
		mls_relisting_reach(listing, NULL);
		return link;
	}
	*listing = fresh;
	return NULL;
}
