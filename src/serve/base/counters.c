/*
 * counters.c
 *		The one copy of the counters.
 */
#include "serve/base/counters.h"

ServeCounters serve_counters;
