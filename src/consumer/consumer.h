/*
 * consumer.h
 *		What is served to others, and to whom: the server's side of mls_serve.
 *
 *	odata_row.c		 a row as an OData JSON object
 *	client_secret.c	 secrets of consumers, and who has shown one
 *	used_values.c	 values of lookups that occur in what the reader sees
 *	entity_event.c	 the trigger that notes which records changed
 *	field_history.c	 the trigger that keeps what their fields were before
 *	push.c			 events of records posted to receivers
 *	control_rows.c	 rows of control tables, for who may see them
 *	leakproof.c		 comparisons that tell nothing of values which they do not return
 *
 * The rest is SQL: served.sql (models and claims), consumer.sql (consumers), protect.sql
 * (licences and masks), entity_event.sql (events of records), field_history.sql (what their fields were),
 * push.sql (receivers of events).
 *
 * A consumer is who asks over HTTP; he reads as the role of an audience (src/gold).
 */
#ifndef MLS_CONSUMER_H
#define MLS_CONSUMER_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "utils/tuplestore.h"

/* A text as a JSON string, with its quotes. */
extern void mls_json_string(StringInfo out, const char *text, int length);

/* A value as mls.odata() writes it. */
extern void mls_odata_value(StringInfo out, Oid type, Datum value);

/* ---- Rows of a statement, as its triggers read them (entity_event.c) ---- */

extern AttrNumber mls_event_column(TupleDesc desc, const char *name);
extern int mls_event_reader(Tuplestorestate *rows);
extern bool mls_event_row(Tuplestorestate *rows, int reader, TupleTableSlot *slot);

/* Posts events to receivers for so many seconds at most, outside transactions (push.c). */
extern void mls_push_deliver(int seconds);
extern PGDLLEXPORT void mls_push_worker_main(Datum argument);

#endif /* MLS_CONSUMER_H */
