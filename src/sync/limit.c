/*
 * limit.c
 *		How many of so many: limits that are a share, a number, or both.
 */
#include "postgres.h"

#include <math.h>

#include "sync/sync.h"

/* A share alone would forbid a small resource to lose anything. */
#define LEAST_ALLOWED 10

/* What each part of a limit allows of so many; a share allows a few in any case, unless it is none. */
static void
read_parts(const MlsLimit *limit, int64 rows, double *share, double *number)
{
	*share = limit->share >= 0 ? floor(rows * limit->share / 100) : -1;
	if (limit->share > 0)
		*share = Max(*share, LEAST_ALLOWED);
	*number = limit->number;
}

static int64
whole(double allowed)
{
	return allowed > 1e15 ? PG_INT64_MAX : (int64) allowed;
}

/* A limit that is exceeded when one of its parts is. */
int64
mls_limit_smaller(const MlsLimit *limit, int64 rows)
{
	double share;
	double number;

	read_parts(limit, rows, &share, &number);
	return whole(share < 0 ? number : number < 0 ? share : Min(share, number));
}

/* A limit that is exceeded when both of its parts are. */
int64
mls_limit_larger(const MlsLimit *limit, int64 rows)
{
	double share;
	double number;

	read_parts(limit, rows, &share, &number);
	return whole(Max(share, number));
}
