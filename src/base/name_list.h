/*
 * name_list.h
 *		Names in a list, of char *.
 */
#ifndef MLS_NAME_LIST_H
#define MLS_NAME_LIST_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

static inline bool
mls_is_listed(const List *names, const char *name)
{
	ListCell *lc;

	foreach (lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* Appends a name, itself and no copy, unless it is there. */
static inline List *
mls_list_once(List *names, const char *name)
{
	return mls_is_listed(names, name) ? names : lappend(names, unconstify(char *, name));
}

/* All of them in one text; "" if there are none. */
static inline char *
mls_names_joined(const List *names, const char *separator)
{
	StringInfoData text;
	ListCell *lc;

	initStringInfo(&text);
	foreach (lc, names)
		appendStringInfo(&text, "%s%s", foreach_current_index(lc) > 0 ? separator : "",
						 (char *) lfirst(lc));
	return text.data;
}

#endif /* MLS_NAME_LIST_H */
