/*
 * geo.h
 *		Where records are that do not say so: geocoders are asked about their addresses.
 *
 *	geocoder.sql   how services are asked and what their answers mean; what was answered
 *	providers.sql  the services that ship
 *	geocode.sql	   what is geocoded; what a user calls
 *	ask.c		   one question to one geocoder
 *	geocode.c	   the process geocode
 *	geography.sql  an index for maps, where PostGIS is
 *
 * What an address is as a question, and how a point comes into gold, is gold's
 * (gold/question.c, gold/place.c).
 */
#ifndef MLS_GEO_H
#define MLS_GEO_H

#include "postgres.h"

#include "step/step.h"

extern const MlsProcess mls_geocode_process;

/* Why a subscription need not be geocoded now; NULL if it should be. */
extern char *mls_geocode_not_due(const MlsSubscription *sub);

/* ---- Within the room (ask.c) ---- */

/* One who is asked: a server of the protocol geocoder, or a function. */
typedef struct MlsAsked
{
	const char *name;        /* as the rule has it */
	const MlsSource *source; /* NULL: a function, */
	const char *function;    /* with this name in SQL */
	const char *provider;    /* row of mls.geocoder */
	int keep_days;           /* 0: for ever */
	int refusals;            /* questions in a row that it did not take */
	MlsHttpStats stats;
} MlsAsked;

/* What is known of a question by one who was asked. */
typedef struct MlsAnswer
{
	bool known;
	int rank; /* 0: nothing was found, or it was refused */
	const char *latitude;
	const char *longitude;
	TimestampTz at;
	TimestampTz expires_at; /* 0 never */
} MlsAnswer;

/* In the open transaction: who is asked, of a rule's names; an error if one cannot be. */
extern MlsAsked *mls_asked_get(const char *name, Oid owner);

/* In the open transaction: what one has answered before, as the result of the last query; a row of it. */
extern void mls_answers_get(Oid owner, const char *geocoder, const List *fingerprints);
extern MlsAnswer mls_answer_at(uint64 row);

/* The answer, in its own transactions; what it means is read and kept in a step that stays open. */
extern MlsAnswer mls_ask(MlsRun *run, MlsAsked *asked, const char *question,
						 const char *fingerprint, const char *box);

#endif /* MLS_GEO_H */
