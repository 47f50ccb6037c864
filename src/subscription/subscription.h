/*
 * subscription.h
 *		What is replicated: its tables, what is asked for, and of which source it is.
 *
 * A subscription is a foreign table that is replicated; its scope is what a sync asks
 * for.  An account is what a source is asked as, and its standing says which came first.
 * A child is a subscription whose records come with those of another, its parent.
 *
 *	subscribe.c		mls_subscribe() and mls_unsubscribe()
 *	tables.c		bronze and silver
 *	scope.c			what a sync asks for
 *	identity.c		of which source a copy is; servers that were renamed
 *	precedence.c	whose record gold has, where several sources have one
 *	related_links.c	which subscriptions take their records out of others'
 */
#ifndef MLS_SUBSCRIPTION_H
#define MLS_SUBSCRIPTION_H

#include "postgres.h"

#include "step/step.h"

/* ---- Tables ---- */

extern Oid mls_bronze_prepare(const MlsTable *table, Oid bronze, int modulus);
extern Oid mls_silver_prepare(const MlsTable *table, Oid silver, int modulus);
extern void mls_silver_follow(Oid silver, const MlsTable *table);
extern int mls_silver_complete(Oid silver, const MlsTable *table);
extern void mls_bronze_prepare_parents(const MlsSubscription *sub, const MlsTable *table);

/* Makes gold anew if a table of it was dropped (subscribe.c). */
extern bool mls_gold_restore(MlsSubscription *sub, const MlsTable *table);

/* An error that ends in what to type unless a foreign table has its key, with columns. */
extern void mls_require_key_columns(const MlsTable *table);

/* The command that gives a foreign table a column for a field again; allocated in CurrentMemoryContext. */
extern char *mls_missing_column_hint(const MlsTable *table, const char *field);

/* What to type where the source's keys are not of a key column's type any more, but of that one. */
extern char *
mls_key_cure(const MlsSubscription *sub, const MlsTable *table, const MlsColumn *column, Oid type);

/* ---- What is asked for (scope.c) ---- */

extern List *mls_asked_fields(const MlsTable *table);
extern char *mls_subscription_scope(const MlsTable *table);

/* ---- Of which source a copy is (identity.c) ---- */

extern void mls_identity_require(MlsSubscription *sub, const MlsTable *table);
extern void mls_identity_check(MlsSubscription *sub, const MlsTable *table);
extern char *mls_identity_comment(const MlsTable *table);
extern char *mls_identity_silver_comment(const MlsTable *table);
extern bool mls_identity_is_foreign(Oid relid, const MlsTable *table);
extern char *mls_identity_of_table(Oid bronze, const MlsTable *table);
extern void mls_identity_follow_renames(void);

/* ---- Between subscriptions that make the same keys (precedence.c) ---- */

extern bool mls_precedence_follow(const MlsSubscription *sub, const MlsTable *table);
extern void mls_precedence_unsettle(const MlsSubscription *sub, const MlsTable *table);

/* ---- Records that come with those of others (related_links.c) ---- */

/* A subscription whose records come inside others', or are asked for by their keys. */
typedef struct MlsChild
{
	MlsSubscription *sub;
	MlsTable *table;
	struct MlsWriter *writer; /* NULL where nothing links to it */
	MlsCounters counters;
	bool shared;  /* its lock is held */
	bool kept_up; /* its columns and rules are followed here */
} MlsChild;

/* How records of one resource bring those of another. */
typedef struct MlsLink
{
	const MlsExpansion *expansion; /* NULL: they are asked for */
	const char *resource;          /* whose records bring them */
	MlsChild *child;
	const char *key_field;  /* of the child, with the key of the parent; or NULL */
	const char *kind_field; /* of the child, with the parent's resource; or NULL */
	List *links;            /* of MlsLink *: inside the child's records */
} MlsLink;

/* How a child knows its parents of one resource, for records that do not say it themselves. */
typedef struct MlsParentFields
{
	const char *resource;
	const char *key_field;
	const char *kind_field;
} MlsParentFields;

extern char *mls_related_scope(const MlsSubscription *sub, const MlsTable *table);
extern List *mls_related_siblings(const MlsSubscription *sub);
extern List *mls_related_links(const MlsTable *table, List *siblings, List **children);
extern List *mls_related_parents(const MlsSubscription *sub, const MlsTable *table);
extern void mls_related_supply(List *parents, const char *parent, MlsRecord *record);
extern List *mls_related_links_to(const MlsSubscription *sub, List *siblings);
extern int64 mls_related_feeder(const MlsSubscription *sub, const char **expansions);

/* ---- What nobody lists (related_links.c) ---- */

extern void mls_related_tell_missing(const MlsTable *table, const MlsSubscription *sub);
extern const char *mls_related_only(const MlsSubscription *sub);

#endif /* MLS_SUBSCRIPTION_H */
