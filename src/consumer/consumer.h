/*
 * consumer.h
 *		What is served to others, and to whom: the server's side of mls_serve.
 *
 *	odata_row.c		 a row as an OData JSON object
 *	client_secret.c	 secrets of consumers, and who has shown one
 *	used_values.c	 values of lookups that occur in what the reader sees
 *	entity_event.c	 the trigger that notes which records changed
 *	control_rows.c	 rows of control tables, for who may see them
 *	leakproof.c		 comparisons that tell nothing of values which they do not return
 *
 * The rest is SQL: served.sql (models and claims), consumer.sql (consumers), protect.sql
 * (licences and masks), entity_event.sql (events of records).
 *
 * A consumer is who asks over HTTP; he reads as the role of an audience (src/gold).
 */
#ifndef MLS_CONSUMER_H
#define MLS_CONSUMER_H

#include "postgres.h"

#include "lib/stringinfo.h"

/* A text as a JSON string, with its quotes. */
extern void mls_json_string(StringInfo out, const char *text, int length);

#endif /* MLS_CONSUMER_H */
