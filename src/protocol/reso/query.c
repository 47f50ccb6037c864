/*
 * query.c
 *		A remote query as an address: $select, $filter, $orderby, $expand, paging.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/name_list.h"
#include "protocol/reso/reso.h"

/* ---- $expand as the user wrote it, taken apart ---- */

static char *
trimmed(const char *start, const char *end)
{
	while (start < end && *start == ' ')
		start++;
	while (end > start && end[-1] == ' ')
		end--;
	return pnstrdup(start, end - start);
}

/*
 * A list cut at its separators, except inside parentheses and quotes (List of char *).  A
 * doubled quote inside a literal ends and begins one, which comes to the same.
 */
static List *
split(const char *text, char separator)
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

/* The name an item of $expand begins with. */
static char *
expand_name(const char *item)
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

	expansion->name = expand_name(item);
	expansion->limit = -1;
	foreach (lc, options ? split(options, ';') : NIL)
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
	foreach (lc, split(text, ','))
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

/* ---- the address ---- */

static void
add_param(ResoRequest *request, const char *name, const char *value)
{
	MlsUrlParam *param = palloc(sizeof(MlsUrlParam));

	param->name = name;
	param->value = value;
	request->params = lappend(request->params, param);
}

/* The expansions that somebody will read: all of them, or those among the fields. */
static char *
wanted_expand(const MlsQuery *query)
{
	List *wanted = NIL;
	ListCell *lc;

	foreach (lc, query->table->expand ? split(query->table->expand, ',') : NIL)
		if (query->fields == NIL || mls_is_listed(query->fields, expand_name(lfirst(lc))))
			wanted = lappend(wanted, lfirst(lc));
	return wanted ? mls_names_joined(wanted, ",") : NULL;
}

static void
add_select(ResoRequest *request, const MlsQuery *query)
{
	List *expanded = NIL;
	List *selected = NIL;
	ListCell *lc;

	if (query->fields == NIL)
		return;
	foreach (lc, query->table->expand ? split(query->table->expand, ',') : NIL)
		expanded = lappend(expanded, expand_name(lfirst(lc)));
	foreach (lc, query->fields)
	{
		const char *field = lfirst(lc);

		if (!mls_is_listed(expanded, field) &&
			!mls_reso_refused(query->table, RESO_USE_SELECT, field))
			selected = lappend(selected, lfirst(lc));
	}
	if (selected == NIL)
		selected = list_make1(linitial(query->table->key));
	add_param(request, "$select", mls_names_joined(selected, ","));
}

/*
 * Pages that are cut from an unordered set can repeat rows and miss others, so
 * the key is the last word of every order, unless one page holds all.
 */
static void
add_order(ResoRequest *request, const MlsQuery *query, int page_size)
{
	const MlsPlatform *platform = &query->table->source->platform;
	List *named = NIL;
	List *words = NIL;
	ListCell *lc;

	if (query->whole_set || platform->ordering != MLS_ORDER_ANY)
		return;
	if (query->order == NIL && query->limit >= 0 && query->limit <= page_size)
		return;
	foreach (lc, query->order)
	{
		const MlsOrder *order = lfirst(lc);

		words = lappend(words, psprintf("%s%s", order->field, order->descending ? " desc" : ""));
		named = lappend(named, (char *) order->field);
	}
	foreach (lc, query->table->key)
		if (!mls_is_listed(named, lfirst(lc)))
			words = lappend(words, lfirst(lc));
	if (words != NIL)
		add_param(request, "$orderby", mls_names_joined(words, ","));
}

static int
choose_page_size(const MlsQuery *query, bool expands)
{
	const MlsPlatform *platform = &query->table->source->platform;
	int size = query->keys_only ? platform->key_page_size : platform->page_size;

	if (expands)
		size = Min(size, platform->expand_page_size);
	if (query->page_size > 0)
		size = Min(size, query->page_size);
	if (query->limit > 0)
		size = Min(size, query->limit);
	return size;
}

static void
add_filter(ResoRequest *request, const MlsQuery *query)
{
	StringInfoData buf;

	initStringInfo(&buf);
	mls_reso_filter(&buf, query, &request->exact);
	if (buf.len)
		add_param(request, "$filter", buf.data);
}

static ResoRequest *
new_request(const MlsQuery *query)
{
	ResoRequest *request = palloc0(sizeof(ResoRequest));

	request->path = query->table->resource;
	request->exact = true;
	request->headers = list_make2("Accept: application/json", "OData-MaxVersion: 4.01");
	return request;
}

ResoRequest *
mls_reso_request(const MlsQuery *query)
{
	const MlsPlatform *platform = &query->table->source->platform;
	ResoRequest *request = new_request(query);
	char *expand = wanted_expand(query);
	int size = choose_page_size(query, expand != NULL);

	if (query->whole_set && platform->replication_path && platform->replication_path[0] == '/')
		request->path = psprintf("%s%s", request->path, platform->replication_path);
	add_select(request, query);
	if (expand)
		add_param(request, "$expand", expand);
	add_filter(request, query);
	add_order(request, query, size);
	if (query->limit >= 0 && request->exact)
		request->top = query->limit;
	else if (!platform->prefer)
		request->top = size;
	if (request->top > 0 || (query->limit == 0 && request->exact))
		add_param(request, "$top", psprintf(INT64_FORMAT, request->top));
	if (query->verify_count && !mls_total_is_refuted(query->table) && platform->count_exact)
		add_param(request, "$count", "true");
	if (query->whole_set && platform->replication_path && platform->replication_path[0] == '?')
	{
		char *name = pstrdup(platform->replication_path + 1);
		char *equals = strchr(name, '=');

		if (equals)
		{
			*equals = '\0';
			add_param(request, name, equals + 1);
		}
	}
	if (platform->prefer)
		request->headers =
			lappend(request->headers, psprintf("Prefer: odata.maxpagesize=%d", size));
	return request;
}

/* One record and the total; $top=0 is refused by some servers. */
ResoRequest *
mls_reso_count_request(const MlsQuery *query)
{
	ResoRequest *request = new_request(query);

	add_param(request, "$select", linitial(query->table->key));
	add_filter(request, query);
	add_param(request, "$top", "1");
	add_param(request, "$count", "true");
	return request;
}

char *
mls_reso_url(const MlsQuery *query, const ResoRequest *request)
{
	return mls_url_build(query->table->source->http.url, request->path, request->params);
}

static char *
address(const MlsQuery *query)
{
	return mls_reso_url(query, mls_reso_request(query));
}

List *
mls_reso_parts(const MlsQuery *query)
{
	return mls_split_query(query, address);
}

bool
mls_reso_is_too_long(const MlsQuery *query, const ResoRequest *request)
{
	return strlen(mls_reso_url(query, request)) > query->table->source->platform.url_length;
}

char *
mls_reso_show(const MlsQuery *query)
{
	List *parts = mls_reso_parts(query);
	ResoRequest *request = mls_reso_request(((MlsPart *) linitial(parts))->query);

	return mls_show_address(request->path, request->params, list_length(parts));
}
