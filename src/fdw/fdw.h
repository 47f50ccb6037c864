/*
 * fdw.h
 *		What the files of the foreign data wrapper share.
 *
 * handler.c    the callbacks' table       condition.c  SQL expressions as conditions
 * fit.c        what of them is sent       plan.c       sizes, paths, plans
 * upper.c      count(*)                   private.c    a plan's own part as node lists
 * bind.c       conditions with values     scan.c       execution
 * explain.c    EXPLAIN                    analyze.c    ANALYZE
 * trust.c      columns with bad values    import.c     IMPORT FOREIGN SCHEMA
 * check.c      mls_check                   objects.c    mls_objects
 *
 * The one idea: a restriction clause is translated once, at planning, into a
 * neutral condition whose values are constants or numbered expressions.  The
 * conditions that a source can evaluate travel in the plan; at execution they
 * get their values and become the remote query.  Every clause is checked again
 * here, so a source may return too much, but never too little.
 */
#ifndef MLS_FDW_H
#define MLS_FDW_H

#include "postgres.h"

#include "foreign/fdwapi.h"

#include "protocol/protocol.h"

/* ---- Planning ---- */

/* A restriction clause and what of it can be sent. */
typedef struct MlsClause
{
	Expr *clause;
	MlsCondition *condition; /* NULL: nothing, or nothing need be */
	MlsFit fit;              /* of the condition, as a stand-in for the clause */
	const char *reason;      /* why nothing, or not all of it, is sent; else NULL */
} MlsClause;

/* What the planner knows of a foreign table in a query (RelOptInfo.fdw_private). */
typedef struct MlsRel
{
	MlsTable *table;
	Index varno;
	List *clauses; /* of MlsClause *: base restrictions and clauses met in joins */
	List *exprs;   /* of Expr *: where values come from that are no constants */
	bool exact;    /* every base restriction is sent and exact */
} MlsRel;

/* What a plan hands to the executor, besides expressions (ForeignScan.fdw_private). */
typedef struct MlsPlan
{
	Oid relid;
	bool count;       /* the number of records instead of the records */
	List *conditions; /* of MlsCondition *, ANDed */
	List *columns;    /* of int: attribute numbers wanted */
	List *order;      /* of int: attribute numbers, negative for descending */
	int limit;        /* exact limit, or -1 */
	int page_size;    /* hint, or 0 */
	List *reasons;    /* of char *, for each local clause: why it is not (wholly) sent; or "" */
} MlsPlan;

/* fit.c */
extern MlsClause *mls_clause(MlsRel *rel, PlannerInfo *root, Expr *clause);

extern bool mls_never_null(const MlsTable *table, const MlsColumn *column);

/* plan.c */
extern void mls_scan_cost(const MlsRel *rel, double records, Cost *startup, Cost *total);

/* private.c */
extern List *mls_plan_to_list(const MlsPlan *plan, const List *exprs, List **used);
extern Oid mls_plan_relid(const List *list);
extern MlsPlan *mls_plan_from_list(const List *list, const MlsTable *table);

/* trust.c */
extern void mls_distrust(Oid relid, int attnum);
extern bool mls_is_distrusted(Oid relid, int attnum);

/* bind.c */

/*
 * The remote query of a plan; values has one entry per expression, or is NULL
 * where they are not known yet.  NULL: no row can match, nothing need be asked.
 */
extern MlsQuery *mls_plan_query(const MlsPlan *plan, const MlsTable *table, const MlsValue *values);

/* ---- Execution ---- */

typedef struct MlsScanState
{
	MlsTable *table;
	MlsPlan *plan;
	List *expr_states; /* of ExprState *, for fdw_exprs */
	Oid *expr_types;

	MlsRowMap *map; /* of the columns wanted */
	TupleDesc desc; /* the foreign table's */
	Datum *values;  /* one record, where the scan slot is not the table's (count) */
	bool *nulls;

	MemoryContext scan_context;   /* query and stream: until the next start */
	MemoryContext record_context; /* values of the current record */
	bool bound;                   /* the query has been made, at least once */
	MlsQuery *query;              /* the latest; NULL if no row could match */
	MlsStream *stream;
	MlsPage *page;
	int next_record;
	bool started;
	bool finished;

	/* over all starts */
	MlsHttpStats stats;
	int64 pages;
	int64 records;
	List *given_up; /* of char *: fields the source refused to filter by */
	int64 bad_values;
	Bitmapset *warned;   /* columns whose bad values were reported */
	bool fields_checked; /* a record has shown whether the columns are named as fields are */
} MlsScanState;

/* plan.c, upper.c */
extern void mlsGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid);
extern void mlsGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid);
extern ForeignScan *
mlsGetForeignPlan(PlannerInfo *root, RelOptInfo *rel, Oid foreigntableid, ForeignPath *best_path,
				  List *tlist, List *scan_clauses, Plan *outer_plan);
extern void mlsGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage,
									RelOptInfo *input_rel, RelOptInfo *output_rel, void *extra);
extern ForeignScan *
mls_count_plan(PlannerInfo *root, RelOptInfo *output_rel, ForeignPath *best_path, List *tlist);

/* scan.c */
extern void mlsBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *mlsIterateForeignScan(ForeignScanState *node);
extern void mlsReScanForeignScan(ForeignScanState *node);
extern void mlsEndForeignScan(ForeignScanState *node);

/* Ends the stream, if there is one, and adds what it cost to the totals. */
extern void mls_scan_stop(MlsScanState *state);

/* explain.c */
extern void mlsExplainForeignScan(ForeignScanState *node, struct ExplainState *es);

/* analyze.c */
extern bool
mlsAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func, BlockNumber *totalpages);

/* import.c */
extern List *mlsImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid server_id);

#endif /* MLS_FDW_H */
