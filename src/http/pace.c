/*
 * pace.c
 *		Keeping to the quota of a source.
 *
 * Limits are promises about what the source sees, and it counts requests when
 * they arrive, at a time that is not known here: some moment between sending and
 * the first byte of the answer.  So a request is counted when it is sent, and
 * counted again at the later time when the answer begins.
 *
 * Per second: at most N requests are unanswered or answered within the last
 * window.  Of any N + 1 requests that arrived within a second, the one sent last
 * was sent when the N others had arrived less than a second before or had still
 * to arrive, hence were all counted: it would not have been sent.
 *
 * Per minute, hour and day: sliding windows in buckets, the oldest counted whole.
 * Bytes are known only afterwards: an answer's usual size is counted in advance
 * and corrected at its end.
 */
#include "postgres.h"

#include <math.h>

#include "http/pace.h"
#include "http/quota.h"

#define SECOND_US INT64CONST(1000000)

/* Allowance for the precision of two clocks, ours and the source's. */
#define GUARD 1.05

/*
 * An unanswered request is believed to be on its way for so long; its process
 * may have been killed.  By then it has arrived, however slow the connection.
 */
#define LEASE_US (10 * SECOND_US)

/* When all slots are taken by unanswered requests, look again after this. */
#define LOOK_AGAIN_US 10000

/* Another process holds the file for microseconds. */
#define BUSY_US 1000

/*
 * Waiting for an hour's or a day's budget longer than this helps nobody: a person
 * wants to know, a scheduled run can come back later.  A minute's is waited for.
 */
#define LONGEST_WAIT_US (30 * SECOND_US)

/* A source that asks for more than the longest window is asked again once a day. */
#define LONGEST_HOLD_US (24 * 60 * 60 * SECOND_US)

/* A clock set back by more than this moves what is remembered along. */
#define CLOCK_STEP_US SECOND_US

typedef struct Limit
{
	int bucket_seconds;
	bool can_be_long;
	const char *one;
	const char *many;
	const char *period;
} Limit;

static const Limit limits[QUOTA_KINDS] = {
	[QUOTA_MINUTE] = {1, false, "request", "requests", "minute"},
	[QUOTA_HOUR] = {60, true, "request", "requests", "hour"},
	[QUOTA_DAY] = {24 * 60, true, "request", "requests", "day"},
	[QUOTA_BYTES] = {60, true, "byte", "bytes", "hour"},
};

static int64
allowed(const MlsRates *rates, QuotaKind kind)
{
	switch (kind)
	{
		case QUOTA_MINUTE:
			return rates->per_minute;
		case QUOTA_HOUR:
			return rates->per_hour;
		case QUOTA_DAY:
			return rates->per_day;
		default:
			return rates->bytes_per_hour;
	}
}

static bool
has_rates(const MlsRates *rates)
{
	return rates->per_second > 0 || rates->per_minute > 0 || rates->per_hour > 0 ||
		   rates->per_day > 0 || rates->bytes_per_hour > 0;
}

/* ---- windows ---- */

static int64
bucket_of(QuotaKind kind, TimestampTz at)
{
	return at / SECOND_US / limits[kind].bucket_seconds;
}

/* Drops what has left the window. */
static void
advance(QuotaWindow *window, int64 bucket)
{
	if (bucket - window->newest >= QUOTA_BUCKETS)
		memset(window->spent, 0, sizeof(window->spent));
	else
		for (int64 i = window->newest + 1; i <= bucket; i++)
			window->spent[i % QUOTA_BUCKETS] = 0;
	window->newest = Max(window->newest, bucket);
}

static void
count(Quota *quota, QuotaKind kind, TimestampTz at, int64 amount)
{
	QuotaWindow *window = &quota->windows[kind];
	int64 bucket = bucket_of(kind, at);
	int64 *spent;

	advance(window, bucket);
	if (bucket <= window->newest - QUOTA_BUCKETS)
		return;
	spent = &window->spent[bucket % QUOTA_BUCKETS];
	*spent = Max(*spent + amount, 0);
}

static int64
spent_in(const QuotaWindow *window)
{
	int64 sum = 0;

	for (int i = 0; i < QUOTA_BUCKETS; i++)
		sum += window->spent[i];
	return sum;
}

/* How long until an amount fits; 0: now.  A lone answer larger than the limit has to be let through. */
static int64
window_wait(const QuotaWindow *window, QuotaKind kind, int64 limit, int64 amount, TimestampTz now)
{
	int64 sum = spent_in(window);
	int64 bucket = window->newest - QUOTA_BUCKETS;

	while (sum > 0 && sum + amount > limit)
	{
		bucket++;
		sum -= window->spent[bucket % QUOTA_BUCKETS];
	}
	if (bucket == window->newest - QUOTA_BUCKETS)
		return 0;
	return Max((bucket + QUOTA_BUCKETS) * limits[kind].bucket_seconds * SECOND_US - now, 1000);
}

/* ---- the ring of single requests ---- */

/* So many requests within such a time keep to a rate. */
static void
ring_limit(double per_second, int *requests, int64 *window_us)
{
	int rate = (int) per_second;

	if (per_second < 1)
	{
		*requests = 1;
		*window_us = (int64) (GUARD / per_second * SECOND_US);
	}
	else if (rate <= QUOTA_SLOTS)
	{
		*requests = rate;
		*window_us = (int64) (GUARD * SECOND_US);
	}
	else
	{
		/* More than fit: so many full rings per second as stay within the rate. */
		*requests = QUOTA_SLOTS;
		*window_us = (int64) (GUARD * SECOND_US / (rate / QUOTA_SLOTS));
	}
}

/* When a slot stops counting; *in_flight: perhaps earlier. 0 if it does not count. */
static TimestampTz
slot_ends(const QuotaSlot *slot, int64 window_us, TimestampTz now, bool *in_flight)
{
	*in_flight = slot->in_flight && slot->at + LEASE_US > now;
	if (*in_flight)
		return slot->at + LEASE_US;
	return slot->at + window_us > now ? slot->at + window_us : 0;
}

/* How long until the ring has room; 0: now, *free_slot is where. */
static int64
ring_wait(const Quota *quota, double per_second, TimestampTz now, int *free_slot)
{
	int requests;
	int64 window_us;
	int counted = 0;
	int64 wait_us = PG_INT64_MAX;

	*free_slot = -1;
	if (per_second <= 0)
		return 0;
	ring_limit(per_second, &requests, &window_us);
	for (int i = 0; i < QUOTA_SLOTS; i++)
	{
		bool in_flight;
		TimestampTz ends = slot_ends(&quota->slots[i], window_us, now, &in_flight);

		if (ends == 0)
		{
			*free_slot = i;
			continue;
		}
		counted++;
		wait_us = Min(wait_us, in_flight ? Min(LOOK_AGAIN_US, ends - now) : ends - now);
	}
	return counted < requests ? 0 : Max(wait_us, 1);
}

/* ---- state ---- */

/* The clock was set back: what was spent keeps its age. */
static void
follow_clock(Quota *quota, TimestampTz now)
{
	int64 step = quota->updated_at - now;

	if (step > CLOCK_STEP_US)
	{
		for (int i = 0; i < QUOTA_SLOTS; i++)
			quota->slots[i].at -= step;
		quota->hold_until -= step;
		for (int kind = 0; kind < QUOTA_KINDS; kind++)
		{
			QuotaWindow *window = &quota->windows[kind];
			int64 by = window->newest - bucket_of(kind, now);
			QuotaWindow old = *window;

			if (by <= 0)
				continue;
			window->newest -= by;
			for (int64 i = window->newest - QUOTA_BUCKETS + 1; i <= window->newest; i++)
				window->spent[i % QUOTA_BUCKETS] = old.spent[(i + by) % QUOTA_BUCKETS];
		}
	}
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
		advance(&quota->windows[kind], bucket_of(kind, now));
	quota->updated_at = now;
}

/* Nobody knows what was spent: assume everything, just now. */
static void
assume_spent(Quota *quota, const MlsRates *rates, TimestampTz now)
{
	for (int i = 0; i < QUOTA_SLOTS; i++)
		quota->slots[i].at = now;
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
		count(quota, kind, now, allowed(rates, kind));
}

/* Why a request cannot be sent now, all limits considered; wait_us 0 if it can. */
static void
find_wait(const Quota *quota, const MlsRates *rates, TimestampTz now, int *free_slot,
		  MlsPaceWait *wait)
{
	memset(wait, 0, sizeof(*wait));
	wait->wait_us = ring_wait(quota, rates->per_second, now, free_slot);
	if (quota->hold_until - now > wait->wait_us)
	{
		wait->wait_us = quota->hold_until - now;
		wait->is_held = true;
		wait->is_long = wait->wait_us > PACE_LONGEST_HOLD_US;
	}
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
	{
		int64 limit = allowed(rates, kind);
		int64 amount = kind == QUOTA_BYTES ? quota->typical_bytes : 1;
		int64 wait_us;

		if (limit <= 0)
			continue;
		wait_us = window_wait(&quota->windows[kind], kind, limit, amount, now);
		if (wait_us <= wait->wait_us)
			continue;
		wait->wait_us = wait_us;
		wait->is_held = false;
		wait->limit = limit;
		wait->one = limits[kind].one;
		wait->many = limits[kind].many;
		wait->period = limits[kind].period;
		wait->is_long = limits[kind].can_be_long && wait_us > LONGEST_WAIT_US;
	}
}

static void
count_request(Quota *quota, MlsPaceTicket *ticket, TimestampTz now)
{
	ticket->serial = ++quota->serial;
	ticket->sent_at = now;
	ticket->reserved_bytes = quota->typical_bytes;
	if (ticket->slot >= 0)
		quota->slots[ticket->slot] =
			(QuotaSlot){.at = now, .serial = ticket->serial, .in_flight = true};
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
		count(quota, kind, now, kind == QUOTA_BYTES ? ticket->reserved_bytes : 1);
}

/* Without limits there is nothing to count, unless others count it; only what the source has asked for matters. */
static bool
is_free(const MlsHttpSource *source)
{
	Quota quota;

	return !has_rates(&source->rates) && !source->quota_shared &&
		   (!mls_quota_peek(source->quota, &quota) || quota.hold_until <= GetCurrentTimestamp());
}

static void
report_damage(const MlsHttpSource *source)
{
	ereport(LOG, (errmsg("quota file of source \"%s\" was damaged", source->name),
				  errdetail("Its whole quota is taken as spent just now."),
				  errhint("If nothing was spent, remove the file mls_fdw/*_%s.quota in the data "
						  "directory.",
						  source->quota)));
}

bool
mls_pace_take(const MlsHttpSource *source, MlsPaceTicket *ticket, MlsPaceWait *wait)
{
	const MlsRates *rates = &source->rates;
	Quota quota;
	QuotaRead read;
	TimestampTz now;
	bool taken;
	bool written;

	memset(ticket, 0, sizeof(*ticket));
	memset(wait, 0, sizeof(*wait));
	if (is_free(source))
		return true;
	read = mls_quota_lock(source->quota, &quota);
	if (read == QUOTA_BUSY)
	{
		wait->wait_us = BUSY_US;
		return false;
	}
	now = GetCurrentTimestamp();
	follow_clock(&quota, now);
	if (read == QUOTA_DAMAGED)
		assume_spent(&quota, rates, now);
	find_wait(&quota, rates, now, &ticket->slot, wait);
	taken = wait->wait_us == 0;
	if (taken)
	{
		strlcpy(ticket->quota, source->quota, sizeof(ticket->quota));
		count_request(&quota, ticket, now);
	}
	written = mls_quota_unlock(source->quota, taken || read == QUOTA_DAMAGED ? &quota : NULL);
	if (read == QUOTA_DAMAGED)
		report_damage(source);
	if (!written)
	{
		ticket->quota[0] = '\0';
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write the quota file of source \"%s\": %m", source->name)));
	}
	return taken;
}

/* Counts a request where it was answered instead of where it was sent. */
static void
move_to_answer(Quota *quota, MlsPaceTicket *ticket)
{
	QuotaSlot *slot = ticket->slot >= 0 ? &quota->slots[ticket->slot] : NULL;

	if (slot && slot->serial == ticket->serial)
	{
		slot->at = ticket->answered_at;
		slot->in_flight = false;
	}
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
	{
		if (kind == QUOTA_BYTES)
			continue;
		count(quota, kind, ticket->sent_at, -1);
		count(quota, kind, ticket->answered_at, 1);
	}
	ticket->moved = true;
}

bool
mls_pace_settle(MlsPaceTicket *ticket, int64 wire_bytes)
{
	Quota quota;
	QuotaRead read;

	if (ticket->quota[0] == '\0' || (ticket->moved && wire_bytes < 0))
		return true;
	read = mls_quota_relock(ticket->quota, &quota);
	if (read == QUOTA_BUSY)
		return false;
	if (read == QUOTA_GOOD)
	{
		TimestampTz now = GetCurrentTimestamp();

		follow_clock(&quota, now);
		if (ticket->answered_at == 0)
			ticket->answered_at = now;
		if (!ticket->moved)
			move_to_answer(&quota, ticket);
		if (wire_bytes >= 0)
		{
			count(&quota, QUOTA_BYTES, now, wire_bytes - ticket->reserved_bytes);
			quota.typical_bytes = (quota.typical_bytes * 3 + wire_bytes) / 4;
		}
	}
	(void) mls_quota_unlock(ticket->quota, read == QUOTA_GOOD ? &quota : NULL);
	if (wire_bytes >= 0 || read != QUOTA_GOOD)
		ticket->quota[0] = '\0';
	return true;
}

/* ---- holding ---- */

int64
mls_pace_clip(int64 delay_us)
{
	return Min(delay_us, LONGEST_HOLD_US);
}

bool
mls_pace_hold(const MlsHttpSource *source, int64 delay_us)
{
	Quota quota;
	QuotaRead read = mls_quota_lock(source->quota, &quota);
	TimestampTz now = GetCurrentTimestamp();

	if (read == QUOTA_BUSY)
		return false;
	follow_clock(&quota, now);
	if (read == QUOTA_DAMAGED)
	{
		assume_spent(&quota, &source->rates, now);
		report_damage(source);
	}
	quota.hold_until = Max(quota.hold_until, now + mls_pace_clip(delay_us));
	/* Where it cannot be written, the next request says so. */
	(void) mls_quota_unlock(source->quota, &quota);
	return true;
}

/* ---- looking ---- */

bool
mls_http_quota(const MlsHttpSource *source, MlsHttpQuota *out)
{
	Quota quota;
	TimestampTz now = GetCurrentTimestamp();
	MlsPaceWait wait;
	int free_slot;

	memset(out, 0, sizeof(*out));
	if (!mls_quota_peek(source->quota, &quota))
		return false;
	follow_clock(&quota, now);
	for (int i = 0; i < QUOTA_SLOTS; i++)
	{
		bool in_flight;

		if (slot_ends(&quota.slots[i], SECOND_US, now, &in_flight) != 0)
			out->second++;
	}
	out->minute = spent_in(&quota.windows[QUOTA_MINUTE]);
	out->hour = spent_in(&quota.windows[QUOTA_HOUR]);
	out->day = spent_in(&quota.windows[QUOTA_DAY]);
	out->bytes_hour = spent_in(&quota.windows[QUOTA_BYTES]);
	find_wait(&quota, &source->rates, now, &free_slot, &wait);
	out->free_at = now + wait.wait_us;
	return true;
}
