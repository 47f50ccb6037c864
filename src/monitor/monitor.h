/*
 * monitor.h
 *		How it goes: what operators look at and are told.
 *
 *	count.c		how many records there are here and at the source, and of its quota
 *	change.c	the change log
 *	webhook.c	events of runs posted to a webhook
 *
 * The rest is SQL, each chapter with its own words at its beginning: views.sql (mls_status
 * and others), health.sql (findings), verify.sql and verify_rules.sql (copies compared with
 * their sources), events.sql, publication.sql.
 */
#ifndef MLS_MONITOR_H
#define MLS_MONITOR_H

#include "postgres.h"

/* After a run, outside transactions: tells the webhook what has happened (webhook.c). */
extern void mls_webhook_deliver(int64 subscription);

#endif /* MLS_MONITOR_H */
