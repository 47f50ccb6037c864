/*
 * related_page.h
 *		What came inside the records of a page, or belongs to them.
 *
 * For related_records.c, which stores it.
 */
#ifndef MLS_SYNC_BROOD_H
#define MLS_SYNC_BROOD_H

#include "postgres.h"

#include "read/batch.h"
#include "subscription/subscription.h"

/* What one link brought with a page. */
typedef struct MlsBrood
{
	const MlsLink *link;
	const MlsBatch *parents;
	const MlsTable *parent_table;
	bool *known;          /* by parent: all of its children are here */
	const char **name;    /* by parent: what bronze calls it; NULL for one that takes no part */
	const char **problem; /* by parent: why its children are not known, or NULL */
	MlsNested *nested;
	MlsBatch *batch;
	MlsHttpStats *spent;
} MlsBrood;

/*
 * Collects what a link brings with some parents, and then what is inside that, and
 * adds it to a list, parents before children of children.  fresh: by parent, whether
 * children that do not come inside are asked for; NULL where all come inside.  Uses
 * the network; what it costs is added to spent.
 */
extern List *mls_brood_collect(List *broods, const MlsLink *link, const MlsTable *parent_table,
							   const MlsBatch *parents, const bool *fresh, MlsHttpStats *spent);

#endif /* MLS_SYNC_BROOD_H */
