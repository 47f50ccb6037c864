/*
 * source_settings.h
 *		What a source says of all its records, such as its units.
 */
#ifndef MLS_PROTOCOL_SOURCE_SETTINGS_H
#define MLS_PROTOCOL_SOURCE_SETTINGS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* A fact that no record tells, such as the unit of areas, in the words of the mapping. */
typedef struct MlsSetting
{
	const char *name;
	const char *value;
} MlsSetting;

typedef struct MlsTold
{
	const char *refusal; /* why the source does not say; NULL: it does */
	List *settings;      /* of MlsSetting * */
	List *findings;      /* of char *: what it says in words that are not known */
} MlsTold;

extern void mls_told_add(MlsTold *told, const char *name, const char *value);

/* The settings as a JSON object; NULL if the source does not say. */
extern char *mls_told_json(const MlsTold *told);

/* Why something is not known, in words; or NULL. */
extern char *mls_told_problem(const MlsTold *told);

#endif /* MLS_PROTOCOL_SOURCE_SETTINGS_H */
