/*
 * alert.h
 *		Telling operators what is wrong, and when it is over.
 *
 * A rule watches something for its owner (alert.sql says what, and what is told); notices
 * wait in a table (receivers.sql) and are sent in rounds (alert.c, step/delivery.h), over
 * HTTP or as mails.
 */
#ifndef MLS_ALERT_H
#define MLS_ALERT_H

#include "postgres.h"

/* Looks at rules of the current role and tells receivers for so many seconds at most, outside
 * transactions; raises no error. */
extern void mls_alert_deliver(int seconds);

extern PGDLLEXPORT void mls_alert_worker_main(Datum argument);

#endif /* MLS_ALERT_H */
