/*
 * publish.h
 *		Publications: views of gold that are kept in step in other databases and search engines.
 *
 * A publication is a view, a destination (a foreign server of a protocol of destinations) and
 * the name of a table there.  First all of it is loaded, from a position of the events of
 * records (mls.entity_event) that is noted before; then events are followed in the order of
 * their commits: which keys changed is asked of them, what the rows are now of the view, and
 * what the view does not show is deleted there.  The view is read as the publication's owner:
 * it decides what may leave.
 *
 * How far it came stands in a table of ours at the destination and moves in the transaction
 * that writes the rows, so that each change arrives once, whatever dies.  Where there are no
 * transactions it moves after the rows, which are the same when they are sent again.
 *
 * In the order of a run:
 *
 *	publish_run.c		the process: load, follow, sweep; dead letters; the position
 *	publication.c		a publication and its columns; rows of its view
 *	view_key.c			whether a column of a view is a key of gold
 *	publish_event.c		which keys are to be sent, from the events of records
 *	target_any.c		destinations: addresses, waiting
 *	target_mysql.c		MySQL and MariaDB
 *	target_postgres.c	PostgreSQL
 *	row_json.c			rows as JSON, and batches that are told
 *	target_http.c		destinations that are asked over HTTP
 *	target_search.c		search engines; search.h has their other files
 *	target_receiver.c	receivers, to whom batches are posted
 *	target_files.c		stores, in which batches are files
 *	publish_verify.c	what is there compared with what should be
 *	target_check.c		mls_check of a destination
 */
#ifndef MLS_PUBLISH_H
#define MLS_PUBLISH_H

#include "postgres.h"

#include "step/step.h"

extern const MlsProcess mls_publish_process;

/* Whether a publication is to be left alone for now: why; NULL: it is due. */
extern char *mls_publish_not_due(const MlsSubscription *subject);

/* Publications by destination and name (NULL: all) that the caller may work on, as subjects of runs. */
extern List *mls_publish_chosen(MlsArg destination, MlsArg name);

/* Has mls_check() know destinations: call from _PG_init. */
extern void mls_publish_define(void);

#endif /* MLS_PUBLISH_H */
