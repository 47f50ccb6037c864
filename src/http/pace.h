/*
 * pace.h
 *		The quota of a source: how many requests and bytes it has been sent
 *		lately, by all processes of this database together.
 */
#ifndef MLS_PACE_H
#define MLS_PACE_H

#include "postgres.h"

#include "http/http.h"

/* A request that has been counted; kept to say later when it arrived and what it weighed. */
typedef struct MlsPaceTicket
{
	char quota[MLS_QUOTA_NAME]; /* empty: nothing to settle */
	int slot;                   /* place in the per-second ring, or -1 */
	uint32 serial;
	TimestampTz sent_at;     /* where it is counted */
	TimestampTz answered_at; /* first byte of the answer, or 0 */
	bool moved;              /* counted at answered_at now */
	int64 reserved_bytes;
} MlsPaceTicket;

/* Why a request cannot be sent now. */
typedef struct MlsPaceWait
{
	int64 wait_us; /* ask again then */
	bool is_long;  /* longer than it is sensible to wait */
	bool is_held;  /* the source has asked for it; else limit and the words say for what */
	int64 limit;
	const char *one; /* "request" */
	const char *many;
	const char *period; /* "hour" */
} MlsPaceWait;

/* Counts a request; false: not now, and *wait says why. Never waits. */
extern bool mls_pace_take(const MlsHttpSource *source, MlsPaceTicket *ticket, MlsPaceWait *wait);

/*
 * Notes the answer's first byte (answered_at is set by the caller) and, with
 * wire_bytes >= 0, its end.  False: the quota is locked just now, ask again.
 * Never waits, never errors.
 */
extern bool mls_pace_settle(MlsPaceTicket *ticket, int64 wire_bytes);

/*
 * A source that wants to be left alone for longer gets an error to be seen, not a
 * silent wait.
 */
#define PACE_LONGEST_HOLD_US (120 * INT64CONST(1000000))

/*
 * The source has asked to be left alone for some time: from now on no process
 * sends it a request.  False: the quota is locked just now, ask again.
 */
extern bool mls_pace_hold(const MlsHttpSource *source, int64 delay_us);

/* The longest time a source is left alone, whatever it asks: its word may be nonsense. */
extern int64 mls_pace_clip(int64 delay_us);

#endif /* MLS_PACE_H */
