/*
 * limit.c
 *		How many of so many: limits that are a share, a number, or both.
 */
#include "postgres.h"

#include <math.h>

#include "sync/sync.h"

/* A share alone would forbid a small resource to lose anything. */
#define LEAST_ALLOWED 10

/* The smaller of share and number; a share allows a few in any case, unless it is none. */
int64
mls_limit_allows(const MlsLimit *limit, int64 rows)
{
	double allowed = HUGE_VAL;

	if (limit->share >= 0)
		allowed = floor(rows * limit->share / 100);
	if (limit->share > 0)
		allowed = Max(allowed, LEAST_ALLOWED);
	if (limit->number >= 0)
		allowed = Min(allowed, limit->number);
	return allowed > 1e15 ? PG_INT64_MAX : (int64) allowed;
}
