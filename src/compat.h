/*
 * compat.h
 *		Every difference between PostgreSQL 15 and 18 that this extension meets.
 *
 * No other file tests PG_VERSION_NUM.  A macro here has the newest version's
 * meaning; on an older one it is translated.
 */
#ifndef MLS_COMPAT_H
#define MLS_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "mls_fdw needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#endif /* MLS_COMPAT_H */
