/*
 * issue.h
 *		What did not fit: rows of mls.issue.
 */
#ifndef MLS_ISSUE_H
#define MLS_ISSUE_H

#include "postgres.h"

#include "step/subscription_row.h"

/* What an issue is about, and so what ends it. */
#define MLS_ISSUE_VALUE "value"
#define MLS_ISSUE_RECORD "record"
#define MLS_ISSUE_QUARANTINE "quarantine"
#define MLS_ISSUE_GOLD "gold"
#define MLS_ISSUE_CONFLICT "conflict"
#define MLS_ISSUE_CHILDREN "children"
#define MLS_ISSUE_LOOKUP "lookup"
#define MLS_ISSUE_MISSING "missing"
#define MLS_ISSUE_SCHEMA "schema"
#define MLS_ISSUE_COLUMNS "columns"
#define MLS_ISSUE_FOLLOWING "following"
#define MLS_ISSUE_UNCHECKED "unchecked"
#define MLS_ISSUE_WEBHOOK "webhook"
#define MLS_ISSUE_FILE "file"
#define MLS_ISSUE_OPEN "open"

/* What has become of a record that came. */
typedef enum MlsSettled
{
	MLS_SETTLED_SAME, /* it is here, as it was or as it is now */
	MLS_SETTLED_STORED,
	MLS_SETTLED_GONE
} MlsSettled;

typedef struct MlsIssues MlsIssues;

extern MlsIssues *mls_issues_begin(const MlsSubscription *sub, int64 run);
extern void mls_issues_open(MlsIssues *issues);
extern void mls_issues_put(MlsIssues *issues, const char *key, const char *field, const char *value,
						   int length, const char *reason);
extern void mls_issues_reject(MlsIssues *issues, const char *key, const char *field,
							  const MlsRecord *record, const char *reason);
extern void mls_issues_quarantine(MlsIssues *issues, const char *key, const MlsRecord *record,
								  const char *reason);
extern int64 mls_issues_rejected(const MlsIssues *issues);
extern void mls_issues_take_back(MlsIssues *issues, int64 rejected);
extern const char *mls_issues_first_rejected(const MlsIssues *issues);
extern void mls_issues_settle(MlsIssues *issues, char *key, MlsSettled how);
extern int64 mls_issues_store(MlsIssues *issues);
extern void mls_issues_end(MlsIssues *issues);
extern void mls_issue_open(int64 subscription, int64 run, const char *kind, const char *key,
						   const char *field, const char *value, const char *reason);
extern void mls_issue_solve(int64 subscription, const char *kind, List *keys, const char *field);
extern void mls_issue_solve_found(const char *query, const MlsArg *args, int nargs);
extern void mls_issue_all_read(const MlsSubscription *sub, int64 run);
extern void mls_issue_fields_came(const MlsSubscription *sub, int64 run);
extern void mls_issue_all_listed(const MlsSubscription *sub, const char *listing, bool keyless);

#endif /* MLS_ISSUE_H */
