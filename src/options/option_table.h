/*
 * option_table.h
 *		The table of options, as the files of this room share it.
 */
#ifndef MLS_OPTION_TABLE_H
#define MLS_OPTION_TABLE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "protocol/option_row.h"

/* All options one by one, those of the protocols last: the n-th, or NULL. */
extern const MlsOption *mls_option_nth(int n);

extern const MlsOption *mls_option_find(Oid catalog, const char *name);
extern const char *mls_option_catalog_name(Oid catalog);

/* Text of an option in a list of DefElem, or NULL. */
extern const char *mls_option_text(List *options, const char *name);

/* Stores a value that was checked when it was set. */
extern void mls_option_read(const MlsOption *option, const char *value, void *place);

/* Checks a value; an error that names the option if it does not fit.  What is wrong with an
 * address says url_problem, for addresses that are none of http; else NULL. */
extern void mls_option_check(const MlsOption *option, const char *value,
							 const char *(*url_problem)(const char *url));

/* Stores a catalog's options into their struct: what the list sets, else the default if there is one. */
extern void mls_option_apply(Oid catalog, List *options, void *target);

/* option_validator.c */

/* Checks names and values of a list; hints at what was meant. */
extern void mls_option_check_list(Oid catalog, List *options);

#endif /* MLS_OPTION_TABLE_H */
