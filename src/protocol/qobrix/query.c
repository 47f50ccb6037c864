/*
 * query.c
 *		A remote query as an address: fields[], search, sort[], page and limit.
 *
 * Pages are read by key: sorted by it, each begins behind the last key of the one
 * before.  What moves or goes meanwhile shifts nothing.  A query with an order of
 * its own, and a source that cannot compare keys, has pages by number.
 *
 * `fields[]` brings nothing but fields, so it is left out where embedded records
 * are wanted; these come all or not at all.
 */
#include "postgres.h"

#include "protocol/condition.h"
#include "protocol/qobrix/qobrix.h"

static void
add_param(QobrixRequest *request, const char *name, const char *value)
{
	MlsUrlParam *param = palloc(sizeof(MlsUrlParam));

	param->name = name;
	param->value = value;
	request->params = lappend(request->params, param);
}

/* ---- what a table asks for beside fields ---- */

/* The items of the option expand (List of char *). */
static List *
expand_items(const MlsTable *table)
{
	List *items = NIL;
	char *text = table->expand ? pstrdup(table->expand) : NULL;
	char *rest = NULL;

	for (char *item = text ? strtok_r(text, ", ", &rest) : NULL; item;
		 item = strtok_r(NULL, ", ", &rest))
		items = lappend(items, item);
	return items;
}

static bool
is_listed(List *names, const char *name)
{
	ListCell *lc;

	foreach (lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* The same for a field that an association comes in: "translations" of "Translations". */
static bool
is_included(List *items, const char *field)
{
	ListCell *lc;

	foreach (lc, items)
		if (pg_strcasecmp(lfirst(lc), field) == 0)
			return true;
	return false;
}

List *
mls_qobrix_expansions(const MlsTable *table)
{
	MlsExpansion *media;

	if (!is_listed(expand_items(table), QOBRIX_MEDIA))
		return NIL;
	media = palloc0(sizeof(MlsExpansion));
	media->name = QOBRIX_MEDIA;
	media->limit = -1;
	return list_make1(media);
}

/* Does a field come with `expand` or `include[]` only? */
static bool
is_embedded(const MlsTable *table, List *items, const char *field)
{
	const MlsColumn *column = mls_table_column(table, field);

	return (column && column->remote_type && strcmp(column->remote_type, QOBRIX_EMBEDDED) == 0) ||
		   is_included(items, field);
}

/* The fields by their names; false if something is wanted that has none. */
static bool
add_fields(QobrixRequest *request, const MlsQuery *query, List *items)
{
	ListCell *lc;

	if (query->fields == NIL)
		return false;
	foreach (lc, query->fields)
		if (strcmp(lfirst(lc), QOBRIX_MEDIA) != 0 && is_embedded(query->table, items, lfirst(lc)))
			return false;
	foreach (lc, query->table->key)
		if (!is_listed(query->fields, lfirst(lc)))
			add_param(request, "fields[]", lfirst(lc));
	foreach (lc, query->fields)
		add_param(request, "fields[]", lfirst(lc));
	return true;
}

/* Files cost the source a lot, so they come only where somebody reads them. */
static void
add_companions(QobrixRequest *request, const MlsQuery *query)
{
	List *items = expand_items(query->table);
	bool fields = add_fields(request, query, items);
	bool media = query->fields == NIL ? is_listed(items, QOBRIX_MEDIA)
									  : is_listed(query->fields, QOBRIX_MEDIA);
	bool embedded = !fields && query->fields != NIL;
	ListCell *lc;

	foreach (lc, fields ? NIL : items)
	{
		if (strcmp(lfirst(lc), "associations") == 0)
			embedded = true;
		else if (strcmp(lfirst(lc), QOBRIX_MEDIA) != 0)
			add_param(request, "include[]", lfirst(lc));
	}
	add_param(request, "expand", embedded ? "true" : "false");
	add_param(request, "media", media ? "true" : "false");
}

/* ---- pages ---- */

bool
mls_qobrix_by_key(const MlsQuery *query)
{
	const MlsPlatform *platform = &query->table->source->platform;

	return query->order == NIL && platform->ordering == MLS_ORDER_ANY &&
		   platform->paging != MLS_PAGING_OFFSET && list_length(query->table->key) == 1;
}

static int
choose_limit(const MlsQuery *query, bool exact)
{
	const MlsPlatform *platform = &query->table->source->platform;
	int limit = query->keys_only       ? platform->key_page_size
				: query->table->expand ? platform->expand_page_size
									   : platform->page_size;

	if (query->page_size > 0)
		limit = Min(limit, query->page_size);
	if (query->limit > 0 && exact)
		limit = Min(limit, query->limit);
	return Min(limit, QOBRIX_MOST);
}

static void
add_order(QobrixRequest *request, const MlsQuery *query)
{
	bool has_key = false;
	ListCell *lc;

	if (query->table->source->platform.ordering == MLS_ORDER_NONE)
		return;
	foreach (lc, query->order)
	{
		const MlsOrder *order = lfirst(lc);

		add_param(request, "sort[]", psprintf("%s%s", order->descending ? "-" : "", order->field));
		has_key |= is_listed(query->table->key, order->field);
	}
	foreach (lc, has_key ? NIL : query->table->key)
		add_param(request, "sort[]", lfirst(lc));
}

/* The conditions, and behind which key the page begins. */
static void
add_search(QobrixRequest *request, const MlsQuery *query, const char *after)
{
	char *search = mls_qobrix_search(query, &request->exact);
	StringInfoData buf;

	initStringInfo(&buf);
	if (search)
		appendStringInfoString(&buf, search);
	if (after)
	{
		appendStringInfo(&buf, "%s%s > ", search ? " and " : "",
						 (char *) linitial(query->table->key));
		mls_qobrix_quote(&buf, after);
	}
	if (buf.len > 0)
		add_param(request, "search", buf.data);
}

/* The value of a condition that names one text for a field, or NULL. */
static const char *
named_value(const MlsQuery *query, const char *field)
{
	ListCell *lc;

	foreach (lc, query->conditions)
	{
		const MlsCondition *condition = lfirst(lc);
		const MlsValue *value;

		if (condition->kind != MLS_COMPARE || condition->op != MLS_EQ ||
			strcmp(condition->column->field, field) != 0)
			continue;
		value = linitial(condition->values);
		if (value->isnull)
			return NULL;
		return value->param < 0 ? mls_value_text(value) : psprintf("$%d", value->param + 1);
	}
	return NULL;
}

/* An id that can stand in an address as it is; others are no file's. */
static bool
is_plain(const char *id)
{
	return *id && strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-$") ==
					  strlen(id);
}

/*
 * Files have no list of their own: one is asked for by its id, those of one record
 * by its resource and id.
 */
static QobrixRequest *
media_request(const MlsQuery *query)
{
	QobrixRequest *request = palloc0(sizeof(QobrixRequest));
	const char *id = named_value(query, "id");

	request->path = "media/";
	request->limit = PG_INT32_MAX;
	if (id && is_plain(id))
	{
		request->path = psprintf("media/%s", id);
		request->bare = true;
		return request;
	}
	if (named_value(query, "related_model"))
		add_param(request, "related_model", named_value(query, "related_model"));
	if (named_value(query, "related_id"))
		add_param(request, "related_id", named_value(query, "related_id"));
	return request;
}

static bool
is_media(const MlsTable *table)
{
	return strcmp(table->resource, QOBRIX_MEDIA) == 0;
}

static void
require_owner(const MlsQuery *query)
{
	const char *id = named_value(query, "id");

	if ((id && is_plain(id)) ||
		(named_value(query, "related_model") && named_value(query, "related_id")))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
			 errmsg("source \"%s\" has no list of all media", query->table->source->http.name),
			 errhint("Name the record they belong to by related_model and related_id, as in "
					 "related_model = 'Properties' AND related_id = '...', or one by its id.  "
					 "Replicated they come with their owners, whose option expand names them.")));
}

static QobrixRequest *
new_request(const MlsQuery *query)
{
	QobrixRequest *request = palloc0(sizeof(QobrixRequest));

	request->path = query->table->resource;
	request->exact = true;
	request->paged = true;
	return request;
}

QobrixRequest *
mls_qobrix_request(const MlsQuery *query, const char *after, int page)
{
	QobrixRequest *request;

	if (is_media(query->table))
	{
		require_owner(query);
		return media_request(query);
	}
	request = new_request(query);
	add_companions(request, query);
	add_search(request, query, after);
	add_order(request, query);
	request->limit = choose_limit(query, request->exact);
	if (page > 1)
		add_param(request, "page", psprintf("%d", page));
	add_param(request, "limit", psprintf("%d", request->limit));
	return request;
}

QobrixRequest *
mls_qobrix_count_request(const MlsQuery *query)
{
	QobrixRequest *request = new_request(query);

	add_param(request, "fields[]", linitial(query->table->key));
	add_param(request, "expand", "false");
	add_param(request, "media", "false");
	add_search(request, query, NULL);
	add_param(request, "limit", "1");
	return request;
}

char *
mls_qobrix_url(const MlsQuery *query, const QobrixRequest *request)
{
	return mls_url_build(query->table->source->http.url, request->path, request->params);
}

static char *
address(const MlsQuery *query)
{
	return mls_qobrix_url(query, mls_qobrix_request(query, NULL, 1));
}

List *
mls_qobrix_parts(const MlsQuery *query)
{
	if (is_media(query->table))
	{
		MlsPart *part = palloc0(sizeof(MlsPart));

		part->query = query;
		return list_make1(part);
	}
	return mls_split_query(query, address);
}

char *
mls_qobrix_show(const MlsQuery *query)
{
	List *parts = mls_qobrix_parts(query);
	QobrixRequest *request;

	if (is_media(query->table))
		request = media_request(query);
	else
		request = mls_qobrix_request(((MlsPart *) linitial(parts))->query, NULL, 1);
	return mls_show_address(request->path, request->params, list_length(parts));
}
