/*
 * counters.h
 *		What the program counts of itself, for /metrics.  Any thread may add.
 */
#ifndef SERVE_COUNTERS_H
#define SERVE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

typedef struct ServeCounters
{
	_Atomic int64_t requests[6];    /* by the first digit of the status */
	_Atomic int64_t in_flight;      /* being answered */
	_Atomic int64_t rows;           /* sent */
	_Atomic int64_t bytes;          /* of bodies, as sent */
	_Atomic int64_t queued;         /* waiting for the database */
	_Atomic int64_t connected;      /* connections of the pool that work */
	_Atomic int64_t database_ms;    /* spent in the database */
	_Atomic int64_t refused_busy;   /* 503: the queue was full, or no connection works */
	_Atomic int64_t refused_rate;   /* 429 */
	_Atomic int64_t refused_tokens; /* 401 */
	_Atomic int64_t logins;         /* that went well */
	_Atomic int64_t failed_logins;
	_Atomic int64_t reconnects;
	_Atomic int64_t reloads;
	_Atomic int64_t failed_reloads;
	_Atomic int64_t audit_lost; /* rows of the audit that could not be kept */
} ServeCounters;

extern ServeCounters serve_counters;

#define serve_count(counter, n)                                                                    \
	atomic_fetch_add_explicit(&serve_counters.counter, n, memory_order_relaxed)

#endif /* SERVE_COUNTERS_H */
