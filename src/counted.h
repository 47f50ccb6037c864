/*
 * counted.h
 *		A number and what it counts: "1 record", "2 records", "1 record is missing".
 *
 * PostgreSQL's errmsg_plural() chooses the whole message by one number; here a
 * message may hold several, and be a run's note or a finding.  In SQL the same is
 * mls.counted().
 */
#ifndef MLS_COUNTED_H
#define MLS_COUNTED_H

#include "postgres.h"

static inline char *
mls_counted(int64 n, const char *one, const char *many)
{
	return psprintf(INT64_FORMAT " %s", n, n == 1 ? one : many);
}

#endif
