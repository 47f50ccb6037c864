/*
 * compat.h
 *		Every difference between PostgreSQL 15 and 18 that this extension meets.
 *
 * No other file tests PG_VERSION_NUM.  A macro here has the newest version's
 * meaning; on an older one it is translated.
 */
#ifndef MLS_COMPAT_H
#define MLS_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "mls_fdw needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/* Whose user mapping a scan uses: a view's owner's inside the view, else the current role's. */
#if PG_VERSION_NUM >= 160000
#define mls_planner_user(root, rel) (OidIsValid((rel)->userid) ? (rel)->userid : GetUserId())
#define mls_executor_user(s, estate) (OidIsValid((s)->checkAsUser) ? (s)->checkAsUser : GetUserId())
#else
#define mls_planner_user(root, rel)                                                                \
	(OidIsValid(planner_rt_fetch((rel)->relid, root)->checkAsUser)                                 \
		 ? planner_rt_fetch((rel)->relid, root)->checkAsUser                                       \
		 : GetUserId())
/* Of a scan without a relation of its own, as a count is, the first of those it stands for. */
#define mls_scan_entry(s, estate)                                                                  \
	exec_rt_fetch((s)->scan.scanrelid > 0 ? (int) (s)->scan.scanrelid                              \
										  : bms_next_member((s)->fs_relids, -1),                   \
				  estate)
#define mls_executor_user(s, estate)                                                               \
	(OidIsValid(mls_scan_entry(s, estate)->checkAsUser) ? mls_scan_entry(s, estate)->checkAsUser   \
														: GetUserId())
#endif

/* Paths of a foreign table, without a target of their own and without an outer path. */
#if PG_VERSION_NUM >= 180000
#define mls_scan_path(root, rel, rows, startup, total, keys, outer, info)                          \
	create_foreignscan_path(root, rel, NULL, rows, 0, startup, total, keys, outer, NULL, NIL, info)
#define mls_upper_path(root, rel, target, rows, startup, total, info)                              \
	create_foreign_upper_path(root, rel, target, rows, 0, startup, total, NIL, NULL, NIL, info)
#elif PG_VERSION_NUM >= 170000
#define mls_scan_path(root, rel, rows, startup, total, keys, outer, info)                          \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, keys, outer, NULL, NIL, info)
#define mls_upper_path(root, rel, target, rows, startup, total, info)                              \
	create_foreign_upper_path(root, rel, target, rows, startup, total, NIL, NULL, NIL, info)
#else
#define mls_scan_path(root, rel, rows, startup, total, keys, outer, info)                          \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, keys, outer, NULL, info)
#define mls_upper_path(root, rel, target, rows, startup, total, info)                              \
	create_foreign_upper_path(root, rel, target, rows, startup, total, NIL, NULL, info)
#endif

#if PG_VERSION_NUM >= 180000
#define mls_pathkey_is_descending(key) ((key)->pk_cmptype == COMPARE_GT)
#define MLS_EXPLAIN_STATE_H "commands/explain_state.h"
#define MLS_EXPLAIN_FORMAT_H "commands/explain_format.h"
#else
#define mls_pathkey_is_descending(key) ((key)->pk_strategy == BTGreaterStrategyNumber)
#define MLS_EXPLAIN_STATE_H "commands/explain.h"
#define MLS_EXPLAIN_FORMAT_H "commands/explain.h"
#endif

/* Semantic actions of the JSON parser: return type, and how to go on. */
#if PG_VERSION_NUM >= 160000
#define MlsJsonResult JsonParseErrorType
#define MLS_JSON_GO_ON return JSON_SUCCESS
#else
#define MlsJsonResult void
#define MLS_JSON_GO_ON return
#endif

/* makeJsonLexContextCstringLen(NULL, ...) as since 17. */
#if PG_VERSION_NUM >= 170000
#define mls_json_lexer(json, length, encoding)                                                     \
	makeJsonLexContextCstringLen(NULL, json, length, encoding, false)
#else
#define mls_json_lexer(json, length, encoding)                                                     \
	makeJsonLexContextCstringLen(json, length, encoding, false)
#endif

/* A set of n events of the current owner, and a wait event that shows in pg_stat_activity. */
#if PG_VERSION_NUM >= 170000
#define mls_wait_event_set(n) CreateWaitEventSet(CurrentResourceOwner, n)
#define mls_wait_event(name) WaitEventExtensionNew(name)
#else
#define mls_wait_event_set(n) CreateWaitEventSet(CurrentMemoryContext, n)
#define mls_wait_event(name) PG_WAIT_EXTENSION
#endif

#if PG_VERSION_NUM < 160000
#include "utils/acl.h"
/* For relations, the only objects whose owner we ask for. */
#define object_ownercheck(classid, objectid, roleid) pg_class_ownercheck(objectid, roleid)
#endif

#if PG_VERSION_NUM >= 180000
#define mls_analyze_delay() vacuum_delay_point(true)
#else
#define mls_analyze_delay() vacuum_delay_point()
#endif

/* What a query groups by has an entry of its own, whose columns are those expressions. */
#if PG_VERSION_NUM >= 180000
#define mls_is_group_entry(rte) ((rte)->rtekind == RTE_GROUP)
#define mls_group_expressions(rte) ((rte)->groupexprs)
#else
#define mls_is_group_entry(rte) false
#define mls_group_expressions(rte) NIL
#endif

/* Enters a new row into all indexes of its table. */
#if PG_VERSION_NUM >= 160000
#define mls_insert_index_tuples(target, slot, estate)                                              \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL, false)
#else
#define mls_insert_index_tuples(target, slot, estate)                                              \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL)
#endif

#endif /* MLS_COMPAT_H */
