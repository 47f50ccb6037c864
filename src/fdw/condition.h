/*
 * condition.h
 *		From SQL expressions to conditions on fields.
 */
#ifndef MLS_CONDITION_H
#define MLS_CONDITION_H

#include "nodes/pathnodes.h"

#include "fdw/fdw.h"

/* Work on one clause. */
typedef struct MlsTranslation
{
	PlannerInfo *root;
	MlsRel *rel;
	const char *reason; /* the first obstacle met, or NULL */
} MlsTranslation;

/* Notes an obstacle; the first one is what a reader is told.  Returns NULL. */
extern MlsCondition *mls_obstacle(MlsTranslation *work, const char *reason);

/* The condition an expression stands for, or one that more rows meet; NULL if there is none. */
extern MlsCondition *mls_condition(MlsTranslation *work, Node *node);

/* The column a node is, a harmless relabelling aside; NULL (and no obstacle) if it is none. */
extern const MlsColumn *mls_condition_column(const MlsRel *rel, Node *node);

/* A value: a constant, or an expression that is evaluated when the scan starts; NULL if it is none. */
extern MlsValue *mls_condition_value(MlsTranslation *work, Node *node);

/* Always an expression, also where it is a constant: its value is converted when it is known. */
extern MlsValue *mls_condition_expression(MlsTranslation *work, Node *node);

extern MlsCondition *
mls_condition_leaf(MlsConditionKind kind, const MlsColumn *column, MlsValue *value);

/* like.c */

/* Makes a LIKE over a known pattern a comparison or a match of its longest literal piece;
 * false if it has none. */
extern bool mls_like_resolve(MlsCondition *condition);

/* arrays.c */
extern List *mls_array_values(Datum array, Oid array_type);
extern MlsCondition *mls_condition_in(MlsTranslation *work, ScalarArrayOpExpr *expr);
extern MlsCondition *mls_condition_array(MlsTranslation *work, OpExpr *expr);

/* compare.c */

/* Is an operator over a column's type one of btree's comparisons, or the opposite of equality? */
extern bool mls_operator(Oid opno, Oid type, MlsOperator *op);

/* Can a column be compared with values of a type as they are? */
extern bool mls_same_kind(const MlsColumn *column, Oid type);

/* Does the column's type round what the source has? */
extern bool mls_is_rounded(const MlsColumn *column);

/* Do equal strings have equal bytes? */
extern bool mls_equality_is_plain(Oid collation);

extern MlsCondition *mls_condition_compare(MlsTranslation *work, OpExpr *expr);

#endif /* MLS_CONDITION_H */
