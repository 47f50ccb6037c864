/*
 * feed.h
 *		Feeds: documents for portals, made from a view, kept in a store.
 *
 * What a feed says is rows (feed.sql, and a file of rows for each format): an element has a
 * path and an SQL expression.  One statement makes of them the values of all listings, in the
 * order of their keys; they are written as they come.  So a feed takes the memory of a batch,
 * however long it is.
 *
 *	feed_sync.c		the process: written beside, checked, put in the place of the old one
 *	feed_batch.c	listings a batch at a time: values, fingerprints, numbers
 *	feed_query.c	from rows into statements
 *	feed_row.c		a feed's row, its format, its elements
 *	feed_write.c	a listing as XML or JSON
 *	feed_verify.c	what was written, read once more
 *	feed_functions.c	feeds in SQL
 */
#ifndef MLS_FEED_H
#define MLS_FEED_H

#include "postgres.h"

#include "step/step.h"

extern const MlsProcess mls_feed_process;

/* The feed of a name, or all, of those the current role may run, in `context` (List of
 * MlsSubscription *, as processes have it); an error if there is none of that name.  Needs SPI. */
extern List *mls_feeds_found(const char *name, MemoryContext context);

#endif /* MLS_FEED_H */
