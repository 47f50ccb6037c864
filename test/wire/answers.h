/*
 * answers.h
 *		A source without a network.
 */
#ifndef MLS_WIRE_ANSWERS_H
#define MLS_WIRE_ANSWERS_H

#include "postgres.h"

/* What the source will answer, one answer after another (answers.c says how they are written). */
extern void wire_answers(const char *bytes, Size length);

/* How many it has given. */
extern int wire_answers_given(void);

#endif /* MLS_WIRE_ANSWERS_H */
