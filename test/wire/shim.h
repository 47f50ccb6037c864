/*
 * shim.h
 *		Running the readers without a server.
 */
#ifndef MLS_WIRE_SHIM_H
#define MLS_WIRE_SHIM_H

#include "postgres.h"

/* More than so many bytes at a time is out of memory. */
extern Size wire_limit;

extern Size wire_allocated(void);

/* Runs a function in a memory context of its own, which is freed after it; NULL, or its error. */
extern const char *wire_run(void (*function)(void *arg), void *arg);

/* The SQLSTATE of that error. */
extern int wire_code(void);

#endif /* MLS_WIRE_SHIM_H */
