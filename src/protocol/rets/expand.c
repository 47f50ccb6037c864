/*
 * expand.c
 *		Records inside records of STANDARD-XML: the option expand names the elements,
 *		as paths ("Photo/PropertyPhoto").
 *
 * They come with each record, asked for or not.  That they are named makes them
 * arrays also where one came, and feeds the tables that are subscribed for them.
 */
#include "postgres.h"

#include "protocol/rets/talk.h"

/* The names, of char *. */
static List *
expanded_names(const MlsTable *table)
{
	List *names = NIL;
	char *rest = pstrdup(table->expand ? table->expand : "");
	char *name;

	while ((name = strsep(&rest, ",")) != NULL)
	{
		name += strspn(name, " ");
		name[strcspn(name, " ")] = '\0';
		if (*name)
			names = lappend(names, name);
	}
	return names;
}

List *
mls_rets_expansions(const MlsTable *table)
{
	List *expansions = NIL;
	ListCell *lc;

	if (table->source->platform.format != MLS_FORMAT_XML)
		return NIL;
	foreach (lc, expanded_names(table))
	{
		MlsExpansion *expansion = palloc0(sizeof(MlsExpansion));

		expansion->name = lfirst(lc);
		expansion->limit = -1;
		expansion->told = true;
		expansions = lappend(expansions, expansion);
	}
	return expansions;
}

/* An element is known by its name and that of the one it stands in. */
const char *const *
mls_rets_repeated(const MlsTable *table)
{
	List *names = expanded_names(table);
	const char **repeated = palloc0((list_length(names) + 1) * sizeof(char *));
	ListCell *lc;

	foreach (lc, names)
	{
		const char *name = lfirst(lc);
		const char *last = strrchr(name, '/');

		while (last && last > name && last[-1] != '/')
			last--;
		repeated[foreach_current_index(lc)] = last ? last : name;
	}
	return repeated;
}
