/*
 * expand.c
 *		$expand as the user wrote it, taken apart; and what a source says about
 *		the collections it sent.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "protocol/reso/reso.h"

static char *
trimmed(const char *start, const char *end)
{
	while (start < end && *start == ' ')
		start++;
	while (end > start && end[-1] == ' ')
		end--;
	return pnstrdup(start, end - start);
}

/* A doubled quote inside a literal ends and begins one, which comes to the same. */
List *
mls_reso_list(const char *text, char separator)
{
	const char *start = text;
	bool quoted = false;
	List *items = NIL;
	int depth = 0;

	for (const char *c = text;; c++)
	{
		if (*c == '\'')
			quoted = !quoted;
		else if (!quoted && (*c == '(' || *c == ')'))
			depth += *c == '(' ? 1 : -1;
		if (*c == '\0' || (*c == separator && !quoted && depth == 0))
		{
			char *item = trimmed(start, c);

			if (*item)
				items = lappend(items, item);
			start = c + 1;
		}
		if (*c == '\0')
			return items;
	}
}

char *
mls_reso_expand_name(const char *item)
{
	return pnstrdup(item, strcspn(item, "( /"));
}

/* What stands between the outer parentheses of an item; NULL if there are none. */
static char *
inner_options(const char *item)
{
	const char *open = strchr(item, '(');
	const char *close = strrchr(item, ')');

	return open && close > open ? pnstrdup(open + 1, close - open - 1) : NULL;
}

/* The value of "$name=value", or of "name=value", which 4.01 allows; else NULL. */
static const char *
option_value(const char *option, const char *name)
{
	int length = strlen(name);

	if (*option == '$')
		option++;
	return strncmp(option, name, length) == 0 && option[length] == '=' ? option + length + 1 : NULL;
}

static List *read_items(const char *text);

static MlsExpansion *
read_item(const char *item)
{
	MlsExpansion *expansion = palloc0(sizeof(MlsExpansion));
	char *options = inner_options(item);
	ListCell *lc;

	expansion->name = mls_reso_expand_name(item);
	expansion->limit = -1;
	foreach (lc, options ? mls_reso_list(options, ';') : NIL)
	{
		const char *option = lfirst(lc);
		const char *value;

		if ((value = option_value(option, "filter")) != NULL)
			expansion->filter = value;
		else if ((value = option_value(option, "top")) != NULL)
			expansion->limit = atoll(value);
		else if ((value = option_value(option, "expand")) != NULL)
			expansion->expansions = read_items(value);
	}
	return expansion;
}

static List *
read_items(const char *text)
{
	List *expansions = NIL;
	ListCell *lc;

	check_stack_depth();
	foreach (lc, mls_reso_list(text, ','))
		expansions = lappend(expansions, read_item(lfirst(lc)));
	return expansions;
}

List *
mls_reso_expansions(const MlsTable *table)
{
	return table->expand ? read_items(table->expand) : NIL;
}

/* "Media@odata.nextLink", or since 4.01 "Media@nextLink", relative to the resource's address. */
char *
mls_reso_rest_link(const MlsTable *table, const MlsRecord *record, const char *expansion)
{
	const MlsHttpSource *http = &table->source->http;
	const MlsSlice *slice = mls_record_field(record, psprintf("%s@odata.nextLink", expansion));

	if (slice == NULL)
		slice = mls_record_field(record, psprintf("%s@nextLink", expansion));
	if (slice == NULL || slice->kind != MLS_STRING || slice->value_length <= 2)
		return NULL;
	return mls_url_resolve(http, mls_url_build(http->url, table->resource, NIL),
						   mls_slice_text(slice));
}
