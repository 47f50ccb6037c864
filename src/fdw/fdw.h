/*
 * fdw.h
 *		What the files of the foreign data wrapper share.
 *
 * In the order in which a query meets them:
 * handler.c    the callbacks' table        pushdown.c  what of a WHERE clause is sent
 * plan.c       sizes, paths, plans         params.c    its values, and so the remote query
 * scan.c       execution, EXPLAIN
 * Beside it: analyze.c (ANALYZE), import.c (IMPORT FOREIGN SCHEMA), check.c (mls_check), inspect.c,
 * sql_functions.c (a record as a row, files, metadata).
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
#include "nodes/pathnodes.h"

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
	List *clauses;  /* of MlsClause *: base restrictions and clauses met in joins */
	List *exprs;    /* of Expr *: where values come from that are no constants */
	bool exact;     /* every base restriction is sent and exact */
	List *no_nulls; /* of int: see MlsPlan */
} MlsRel;

/* What a plan hands to the executor, besides expressions (ForeignScan.fdw_private). */
typedef struct MlsPlan
{
	Oid relid;
	bool count;       /* the number of records instead of the records */
	List *conditions; /* of MlsCondition *, ANDed */
	List *columns;    /* of int: attribute numbers wanted */
	List *order;      /* of int: attribute numbers, negative for descending */
	List *no_nulls;   /* of int: of them, those in which a null would not be where it belongs */
	int limit;        /* exact limit, or -1 */
	int page_size;    /* hint, or 0 */
	List *reasons;    /* of char *, for each local clause: why it is not (wholly) sent; or "" */
} MlsPlan;

/* ---- pushdown.c ---- */

/* Translates a clause and finds what of it the source can do. */
extern MlsClause *mls_clause(MlsRel *rel, PlannerInfo *root, Expr *clause);

/* The column a node is, a harmless relabelling aside; NULL if it is none. */
extern const MlsColumn *mls_condition_column(const MlsRel *rel, Node *node);

/* Is a column without nulls, by declaration or by what it is? */
extern bool mls_never_null(const MlsTable *table, const MlsColumn *column);

/* Does a column's type round what the source has? */
extern bool mls_is_rounded(const MlsColumn *column);

/* Columns in which this process has met values that do not fit. */
extern void mls_distrust(Oid relid, int attnum);
extern bool mls_is_distrusted(Oid relid, int attnum);

/* Makes a LIKE over a known pattern a comparison or a match of its longest literal piece;
 * false if it has none. */
extern bool mls_like_resolve(MlsCondition *condition);

/* The elements of an array, nulls included (List of MlsValue *). */
extern List *mls_array_values(Datum array, Oid array_type);

/* ---- plan.c, params.c ---- */

extern Oid mls_plan_relid(const List *list);
extern MlsPlan *mls_plan_from_list(const List *list, const MlsTable *table);

/*
 * The remote query of a plan; values has one entry per expression, or is NULL
 * where they are not known yet.  NULL: no row can match, nothing need be asked.
 */
extern MlsQuery *mls_plan_query(const MlsPlan *plan, const MlsTable *table, const MlsValue *values);

/* ---- check.c ---- */

/* A step of mls_check for a server that is a store of files; what it says, in CurrentMemoryContext.
 * What *state points to lives through all of them. */
typedef struct MlsCheckStep
{
	const char *item;
	char *(*take)(const char *server, void **state);
	bool needed; /* without it the others make no sense */
} MlsCheckStep;

/* All of them, ended by one without a name.  Stores are above this room, which fills it. */
extern const MlsCheckStep *mls_check_store_steps;
extern const MlsCheckStep *mls_check_destination_steps;

/* ---- The callbacks ---- */

extern void mlsGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid);
extern void mlsGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid);
extern ForeignScan *
mlsGetForeignPlan(PlannerInfo *root, RelOptInfo *rel, Oid foreigntableid, ForeignPath *best_path,
				  List *tlist, List *scan_clauses, Plan *outer_plan);
extern void mlsGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage,
									RelOptInfo *input_rel, RelOptInfo *output_rel, void *extra);
extern void mlsBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *mlsIterateForeignScan(ForeignScanState *node);
extern void mlsReScanForeignScan(ForeignScanState *node);
extern void mlsEndForeignScan(ForeignScanState *node);
extern void mlsExplainForeignScan(ForeignScanState *node, struct ExplainState *es);
extern bool
mlsAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func, BlockNumber *totalpages);
extern List *mlsImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid server_id);

/* import.c: the field of a resource that holds its modification timestamp, or NULL. */
extern const char *mls_import_timestamp(const MlsSource *source, const MlsRemoteResource *resource);

#endif /* MLS_FDW_H */
