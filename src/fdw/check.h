/*
 * check.h
 *		What the files of mls_check share.
 */
#ifndef MLS_CHECK_H
#define MLS_CHECK_H

#include "postgres.h"

#include "funcapi.h"

#include "protocol/protocol.h"

typedef struct MlsCheck
{
	ReturnSetInfo *result;
	MemoryContext context; /* lives through all steps; a step itself runs in a short one */
	const char *server_name;
	MlsSource *source;
	MlsRemoteSchema *schema;
	MlsHttpStats stats;
	bool ok;      /* set to false by a step that ends well with bad news */
	int replaced; /* characters that had to be replaced, over all pages read */
} MlsCheck;

/* One step: returns what it found, in words. */
typedef char *(*MlsCheckStep)(MlsCheck *check, const MlsTable *table);

/* Runs a step and adds a row for it.  An error becomes the row's detail. */
extern bool
mls_check_step(MlsCheck *check, const char *item, MlsCheckStep step, const MlsTable *table);

/* check_resource.c: the steps that read records. */
extern void mls_check_resources(MlsCheck *check);

/* check_units.c: a step where the source says what units it has. */
extern void mls_check_units(MlsCheck *check);

#endif /* MLS_CHECK_H */
