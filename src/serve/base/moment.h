/*
 * moment.h
 *		Time in milliseconds: one that only goes forward, and the calendar's.
 */
#ifndef SERVE_MOMENT_H
#define SERVE_MOMENT_H

#include <stdint.h>
#include <time.h>

static inline int64_t
serve_clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* For deadlines and durations. */
static inline int64_t
serve_now_ms(void)
{
	return serve_clock_ms(CLOCK_MONOTONIC);
}

/* For tokens, days and what is written down. */
static inline int64_t
serve_calendar_ms(void)
{
	return serve_clock_ms(CLOCK_REALTIME);
}

#endif /* SERVE_MOMENT_H */
