/*
 * qobrix_query.c
 *		A remote query as an address: fields[], search, sort[], page and limit.
 *
 * What is assumed of a tenant: numbers, dates and instants compare as in SQL; `==`
 * on texts finds at least the rows SQL finds (it may ignore case); a comparison
 * with null is not true, but for tests whether something is null.  Not assumed,
 * unless an option says so: `!=`, `not`, conditions on lists of codes.
 *
 * Texts are written with backslashes before quotes, as in the language that the
 * expressions are taken from.  Times have whole seconds and no zone.
 *
 * Pages are read by key: sorted by it, each begins behind the last key of the one
 * before.  What moves or goes meanwhile shifts nothing.  A query with an order of
 * its own, and a source that cannot compare keys, has pages by number.
 *
 * `fields[]` brings nothing but fields, so it is left out where embedded records
 * are wanted; these come all or not at all.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "base/name_list.h"
#include "protocol/condition.h"
#include "protocol/qobrix/qobrix.h"

/* ---- conditions as search expressions ---- */

/* What a column is to the language. */
typedef enum SearchType
{
	SEARCH_OTHER, /* cannot be compared remotely */
	SEARCH_TEXT,
	SEARCH_BOOLEAN,
	SEARCH_NUMBER,
	SEARCH_DATE,
	SEARCH_INSTANT,
	SEARCH_CODES
} SearchType;

/* The farthest that clocks are from UTC, west and east. */
#define WEST_US (12 * USECS_PER_HOUR)
#define EAST_US (14 * USECS_PER_HOUR)

/* A type of the user's own says that the source holds something else than the column. */
static SearchType
type_of(const MlsColumn *column)
{
	if (column->field == NULL || strpbrk(column->field, "*/") != NULL ||
		column->remote_type != NULL)
		return SEARCH_OTHER;
	switch (column->type)
	{
		case TEXTOID:
		case VARCHAROID:
			return SEARCH_TEXT;
		case BOOLOID:
			return SEARCH_BOOLEAN;
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
			return SEARCH_NUMBER;
		case DATEOID:
			return SEARCH_DATE;
		case TIMESTAMPTZOID:
			return SEARCH_INSTANT;
		case TEXTARRAYOID:
			return SEARCH_CODES;
		default:
			return SEARCH_OTHER;
	}
}

/* Values whose order is the same here and there. */
bool
mls_qobrix_sortable(const MlsTable *table, const MlsColumn *column)
{
	SearchType type = type_of(column);

	return table->source->platform.ordering == MLS_ORDER_ANY &&
		   (type == SEARCH_NUMBER || type == SEARCH_DATE || type == SEARCH_INSTANT);
}

/* ---- values ---- */

static void
append_quoted(StringInfo buf, const char *text)
{
	appendStringInfoChar(buf, '\'');
	for (const char *c = text; *c; c++)
	{
		if (*c == '\'' || *c == '\\')
			appendStringInfoChar(buf, '\\');
		appendStringInfoChar(buf, *c);
	}
	appendStringInfoChar(buf, '\'');
}

/* Are times of the source in UTC? */
static bool
is_utc(const MlsTable *table)
{
	const char *zone = table->source->timezone;

	return zone == NULL || pg_strcasecmp(zone, "UTC") == 0 || pg_strcasecmp(zone, "GMT") == 0 ||
		   pg_strcasecmp(zone, "Etc/UTC") == 0;
}

/* 'YYYY-MM-DDThh:mm:ss' without a zone. */
static bool
append_seconds(StringInfo buf, int64 us)
{
	appendStringInfoChar(buf, '\'');
	if (!mls_append_instant(buf, TIMESTAMPTZOID, mls_instant_floor(us, USECS_PER_SEC)))
		return false;
	buf->data[buf->len - 1] = '\'';
	return true;
}

/*
 * The instant of a value; false if it has none that can be compared.  Where the
 * source's clocks are elsewhere, a lower bound is moved so far back, an upper one
 * so far on, that it holds wherever they are.
 */
static bool
instant_of(const MlsTable *table, const MlsValue *value, MlsOperator op, int64 *us)
{
	TimestampTz at;

	if (!OidIsValid(value->type))
	{
		if (!mls_parse_timestamptz(value->text, strlen(value->text), table->source->timezone, &at))
			return false;
	}
	else if (value->type == TIMESTAMPTZOID)
		at = DatumGetTimestampTz(value->datum);
	else
		return false;
	if (TIMESTAMP_NOT_FINITE(at))
		return false;
	if (!is_utc(table))
	{
		if (op == MLS_EQ)
			return false;
		at += op == MLS_GE || op == MLS_GT ? -WEST_US : EAST_US;
	}
	*us = at;
	return true;
}

/* What is shown as T lies in [T, T + 1 s): "<= X" is sent as "< the next second". */
static bool
write_instant(StringInfo buf, const MlsTable *table, const char *field, MlsOperator op,
			  const MlsValue *value)
{
	int64 us;
	int64 low;

	if (op == MLS_NE || !instant_of(table, value, op, &us))
		return false;
	low = mls_instant_floor(us, USECS_PER_SEC);
	if (op == MLS_EQ || op == MLS_GE || op == MLS_GT)
	{
		appendStringInfo(buf, "%s >= ", field);
		if (!append_seconds(buf, low))
			return false;
	}
	if (op == MLS_EQ)
		appendStringInfoString(buf, " and ");
	if (op == MLS_EQ || op == MLS_LT || op == MLS_LE)
	{
		appendStringInfo(buf, "%s < ", field);
		if (!append_seconds(buf, op == MLS_LT && low == us ? low : low + USECS_PER_SEC))
			return false;
	}
	return true;
}

/* Appends a value as a literal; false if the language has none for it. */
static bool
append_value(StringInfo buf, const MlsColumn *column, const MlsValue *value)
{
	if (mls_append_param(buf, value))
		return true;
	switch (type_of(column))
	{
		case SEARCH_TEXT:
		case SEARCH_CODES:
			append_quoted(buf, mls_value_text(value));
			return true;
		case SEARCH_NUMBER:
			return mls_append_number(buf, value);
		case SEARCH_BOOLEAN:
			if (value->type != BOOLOID)
				return false;
			appendStringInfoString(buf, DatumGetBool(value->datum) ? "true" : "false");
			return true;
		case SEARCH_DATE:
			if (value->type != DATEOID)
				return false;
			appendStringInfoChar(buf, '\'');
			if (!mls_append_date(buf, DatumGetDateADT(value->datum)))
				return false;
			appendStringInfoChar(buf, '\'');
			return true;
		default:
			return false;
	}
}

/* ---- how well a comparison stands for SQL's ---- */

static MlsFit
compare_fit(const MlsTable *table, const MlsCondition *condition, SearchType type)
{
	const MlsPlatform *platform = &table->source->platform;
	MlsOperator op = condition->op;

	switch (type)
	{
		case SEARCH_TEXT:
			if (op == MLS_NE && platform->not_equal && platform->text_exact)
				return MLS_FIT_EXACT;
			if (op != MLS_EQ)
				return MLS_FIT_NO;
			return platform->text_exact ? MLS_FIT_EXACT : MLS_FIT_SUPERSET;
		case SEARCH_BOOLEAN:
			return op == MLS_EQ ? MLS_FIT_SUPERSET : MLS_FIT_NO;
		case SEARCH_NUMBER:
		case SEARCH_DATE:
			return op != MLS_NE || platform->not_equal ? MLS_FIT_EXACT : MLS_FIT_NO;
		case SEARCH_INSTANT:
			return op == MLS_NE ? MLS_FIT_NO : MLS_FIT_SUPERSET;
		default:
			return MLS_FIT_NO;
	}
}

/* ---- single conditions ---- */

static bool
write_compare(StringInfo buf, const MlsTable *table, const MlsColumn *column, MlsOperator op,
			  const MlsValue *value)
{
	static const char *const words[] = {"==", "!=", "<", "<=", ">", ">="};

	if (value->isnull)
		return false;
	if (value->param < 0 && type_of(column) == SEARCH_INSTANT)
		return write_instant(buf, table, column->field, op, value);
	appendStringInfo(buf, "%s %s ", column->field, words[op]);
	return append_value(buf, column, value);
}

/* Alternatives or requirements, a comparison each. */
static bool
write_each(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
	const char *word = condition->kind == MLS_ALL_OF ? " and " : " or ";
	int written = 0;
	ListCell *lc;

	appendStringInfoChar(buf, '(');
	foreach (lc, condition->values)
	{
		const MlsValue *value = lfirst(lc);

		if (value->isnull)
			continue;
		appendStringInfo(buf, "%s(", written++ > 0 ? word : "");
		if (!write_compare(buf, table, condition->column, MLS_EQ, value))
			return false;
		appendStringInfoChar(buf, ')');
	}
	appendStringInfoChar(buf, ')');
	return written > 0;
}

static bool
write_in(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
	int written = 0;
	ListCell *lc;

	if (type_of(condition->column) == SEARCH_INSTANT || !table->source->platform.in_allowed)
		return write_each(buf, table, condition);
	appendStringInfo(buf, "%s in [", condition->column->field);
	foreach (lc, condition->values)
	{
		const MlsValue *value = lfirst(lc);

		if (value->isnull)
			continue;
		appendStringInfoString(buf, written++ > 0 ? ", " : "");
		if (!append_value(buf, condition->column, value))
			return false;
	}
	appendStringInfoChar(buf, ']');
	return written > 0;
}

static bool
write_match(StringInfo buf, const MlsCondition *condition)
{
	const char *word = condition->kind == MLS_STARTS ? "starts with"
					   : condition->kind == MLS_ENDS ? "ends with"
													 : "contains";
	const MlsValue *value = linitial(condition->values);

	if (value->isnull)
		return false;
	appendStringInfo(buf, "%s %s ", condition->column->field, word);
	if (!mls_append_param(buf, value))
		append_quoted(buf, mls_value_text(value));
	return true;
}

/* The cursor's: after (timestamp, key), in the source's own spelling of both. */
static bool
write_after(StringInfo buf, const MlsTable *table, const MlsCondition *condition)
{
	const MlsValue *instant = linitial(condition->values);
	const MlsValue *key = lsecond(condition->values);
	const char *field = table->timestamp;
	StringInfoData at;

	initStringInfo(&at);
	append_quoted(&at, instant->text);
	appendStringInfo(buf, "%s > %s or (%s == %s and %s > ", field, at.data, field, at.data,
					 (char *) linitial(table->key));
	append_quoted(buf, key->text);
	appendStringInfoChar(buf, ')');
	return true;
}

static MlsFit
write_leaf(MlsConditionWriter *writer, StringInfo buf, const MlsCondition *leaf)
{
	const MlsTable *table = writer->table;
	const MlsPlatform *platform = &table->source->platform;
	const MlsColumn *column = leaf->column;
	SearchType type = column ? type_of(column) : SEARCH_OTHER;
	bool supported = false;
	bool written = true;
	MlsFit fit = MLS_FIT_NO;

	switch (leaf->kind)
	{
		case MLS_COMPARE:
			written = write_compare(buf, table, column, leaf->op, linitial(leaf->values));
			fit = compare_fit(table, leaf, type);
			break;
		case MLS_IN:
			written = write_in(buf, table, leaf);
			fit = compare_fit(table, leaf, type);
			break;
		case MLS_ANY_OF:
		case MLS_ALL_OF:
			written = write_each(buf, table, leaf);
			supported = platform->any_allowed && type == SEARCH_CODES;
			break;
		case MLS_IS_NULL:
		case MLS_IS_NOT_NULL:
			appendStringInfo(buf, "%s %s null", column->field,
							 leaf->kind == MLS_IS_NULL ? "==" : "!=");
			if (platform->null_tests && type != SEARCH_CODES && type != SEARCH_OTHER)
				fit = MLS_FIT_EXACT;
			break;
		case MLS_STARTS:
		case MLS_ENDS:
		case MLS_CONTAINS:
			written = write_match(buf, leaf);
			supported = platform->text_match && type == SEARCH_TEXT;
			break;
		case MLS_AFTER:
			written = write_after(buf, table, leaf);
			break;
		default:
			return MLS_FIT_NO;
	}
	if (!written)
		return MLS_FIT_NO;
	return supported || writer->demanded ? Max(fit, MLS_FIT_SUPERSET) : fit;
}

/* Files are asked for by their id or by the record they belong to, and by nothing else. */
static MlsFit
media_leaf(MlsConditionWriter *writer, StringInfo buf, const MlsCondition *leaf)
{
	const char *field;

	if (leaf->kind != MLS_COMPARE || leaf->op != MLS_EQ || type_of(leaf->column) != SEARCH_TEXT)
		return MLS_FIT_NO;
	field = leaf->column->field;
	return strcmp(field, "id") == 0 || strncmp(field, "related_", 8) == 0 ? MLS_FIT_SUPERSET
																		  : MLS_FIT_NO;
}

static bool
is_media(const MlsTable *table)
{
	return strcmp(table->resource, QOBRIX_MEDIA) == 0;
}

MlsConditionWriter
mls_qobrix_writer(const MlsTable *table)
{
	const MlsPlatform *platform = &table->source->platform;
	MlsConditionWriter writer = {.table = table,
								 .conjunction = {"((", ") and (", "))"},
								 .leaf = is_media(table) ? media_leaf : write_leaf};

	if (platform->or_allowed && !is_media(table))
		writer.disjunction = (MlsWord){"((", ") or (", "))"};
	if (platform->negation && !is_media(table))
		writer.negation = (MlsWord){.open = "not (", .close = ")"};
	return writer;
}

/* The conditions of a query as one expression; NULL if there are none. */
static char *
search_expression(const MlsQuery *query, bool *exact)
{
	MlsConditionWriter writer = mls_qobrix_writer(query->table);
	List *texts;
	StringInfoData buf;
	ListCell *lc;

	writer.demanded = !query->rechecked;
	texts = mls_conditions_write(&writer, query->conditions);
	if (writer.left_out)
		*exact = false;
	if (query->table->filter)
		texts = lcons(unconstify(char *, query->table->filter), texts);
	initStringInfo(&buf);
	foreach (lc, texts)
		appendStringInfo(&buf, "%s(%s)", buf.len > 0 ? " and " : "", (char *) lfirst(lc));
	return texts ? buf.data : NULL;
}

/* ---- addresses ---- */

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

	if (!mls_is_listed(expand_items(table), QOBRIX_MEDIA))
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
		if (!mls_is_listed(query->fields, lfirst(lc)))
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
	bool media = query->fields == NIL ? mls_is_listed(items, QOBRIX_MEDIA)
									  : mls_is_listed(query->fields, QOBRIX_MEDIA);
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
		has_key |= mls_is_listed(query->table->key, order->field);
	}
	foreach (lc, has_key ? NIL : query->table->key)
		add_param(request, "sort[]", lfirst(lc));
}

/* The conditions, and behind which key the page begins. */
static void
add_search(QobrixRequest *request, const MlsQuery *query, const char *after)
{
	char *search = search_expression(query, &request->exact);
	StringInfoData buf;

	initStringInfo(&buf);
	if (search)
		appendStringInfoString(&buf, search);
	if (after)
	{
		appendStringInfo(&buf, "%s%s > ", search ? " and " : "",
						 (char *) linitial(query->table->key));
		append_quoted(&buf, after);
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
