/*
 * sql_select.c
 *		Whole statements: the rows of a level, what is expanded beneath them, counts.
 *
 * A level is a subquery that finds its rows, in order and no more than are wanted, and around
 * it what is made of them: the JSON of each by mls.odata(), which appends what LATERAL
 * subqueries, levels themselves, have made of the records expanded.
 *
 * A page goes on behind the last row of the one before.  Where all keys have one direction
 * that is a comparison of rows, which an index answers.  Nulls of the first key are parted off
 * by UNION ALL, since OData has them first where values rise, and an index has them last.
 */
#include <string.h>

#include "serve/sql/sql_select.h"

/* Column names that no field can have. */
static const char *
key_name(ServeSql *sql, int place)
{
	return serve_printf(sql->reader->arena, "@%d", place);
}

/* ---- Keys ---- */

static ServeNode *
field_node(ServeReader *reader, ServeVariable *rows, const ServeField *field)
{
	ServeNode *node = serve_alloc(reader->arena, sizeof(ServeNode));

	node->kind = SERVE_FIELD;
	node->type = field->type;
	node->nullable = field->nullable;
	node->variable = rows;
	node->field = field;
	return node;
}

static bool
is_field(const ServeNode *node, const ServeField *field)
{
	return node->kind == SERVE_FIELD && node->nsteps == 0 && node->field == field;
}

ServeKeys
serve_order_keys(ServeReader *reader, const ServeOptions *options)
{
	const ServeResource *resource = options->rows->resource;
	ServeKeys keys = {0};
	int missing = resource->nkeys;

	keys.keys = serve_alloc_array(reader->arena, (size_t) (options->norders + resource->nkeys),
								  sizeof(ServeOrderKey));
	/* Behind a whole key nothing decides any more. */
	for (int i = 0; i < options->norders && missing > 0; i++)
	{
		ServeNode *expression = options->orders[i].expression;
		bool again = false;

		/* What is ordered by twice is so by the first time. */
		for (int k = 0; k < keys.count && !again; k++)
			again = expression->kind == SERVE_FIELD &&
					is_field(keys.keys[k].expression, expression->field) && expression->nsteps == 0;
		if (again || expression->kind == SERVE_LITERAL)
			continue;
		keys.keys[keys.count++] = (ServeOrderKey){expression, options->orders[i].descending};
		if (expression->kind == SERVE_FIELD && expression->nsteps == 0 && expression->field->key)
			missing--;
	}
	for (int i = 0; i < resource->nkeys; i++)
	{
		bool there = false;
		/* In one direction with the last, so that rows can be compared as wholes. */
		bool descending = options->norders > 0 && options->orders[options->norders - 1].descending;

		for (int k = 0; k < keys.count && !there; k++)
			there = is_field(keys.keys[k].expression, resource->keys[i]);
		if (!there)
			keys.keys[keys.count++] =
				(ServeOrderKey){field_node(reader, options->rows, resource->keys[i]), descending};
	}
	return keys;
}

static bool
is_nullable(const ServeKeys *keys, int place)
{
	return keys->keys[place].expression->nullable;
}

/* Do all keys from this one on have one direction? */
static bool
one_direction_from(const ServeKeys *keys, int place)
{
	for (int i = place + 1; i < keys->count; i++)
	{
		if (keys->keys[i].descending != keys->keys[place].descending)
			return false;
	}
	return true;
}

/* Is no key nullable from this one on? */
static bool
no_nulls_from(const ServeKeys *keys, int place)
{
	for (; place < keys->count; place++)
	{
		if (is_nullable(keys, place))
			return false;
	}
	return true;
}

static ServeSqlType
key_type(const ServeKeys *keys, int place)
{
	ServeSqlType type = serve_sql_type_of(keys->keys[place].expression);

	return type == SERVE_SQL_NUMBER ? SERVE_SQL_NUMERIC : type;
}

/* One operator compares rows: not where a column needs one of ours. */
static bool
rows_compare(const ServeKeys *keys, int place)
{
	for (; place < keys->count; place++)
	{
		if (key_type(keys, place) == SERVE_SQL_NUMERIC)
			return false;
	}
	return true;
}

static void
write_key(ServeSql *sql, const ServeKeys *keys, int place)
{
	serve_sql_expression(sql, keys->keys[place].expression);
}

static void
write_cursor_value(ServeSql *sql, const ServeLevel *level, int place)
{
	serve_sql_value(sql, level->cursor[place], serve_sql_type_name(key_type(&level->keys, place)));
}

/* (a, b) > ($1, $2), of the keys from one on. */
static void
write_row_comparison(ServeSql *sql, const ServeLevel *level, int from)
{
	const ServeKeys *keys = &level->keys;

	serve_sql_add(sql, "(");
	for (int i = from; i < keys->count; i++)
	{
		serve_sql_add(sql, i > from ? ", " : "");
		write_key(sql, keys, i);
	}
	serve_sql_add(sql, keys->keys[from].descending ? ") < (" : ") > (");
	for (int i = from; i < keys->count; i++)
	{
		serve_sql_add(sql, i > from ? ", " : "");
		write_cursor_value(sql, level, i);
	}
	serve_sql_add(sql, ")");
}

/*
 * What comes behind the cursor by this key alone.  Nulls come before all, or behind all where
 * values fall.
 */
static void
write_behind(ServeSql *sql, const ServeLevel *level, int place, bool nullable)
{
	bool descending = level->keys.keys[place].descending;
	ServeSqlType type = key_type(&level->keys, place);

	if (level->cursor[place] == NULL)
	{
		if (descending)
			serve_sql_add(sql, "FALSE");
		else
		{
			write_key(sql, &level->keys, place);
			serve_sql_add(sql, " IS NOT NULL");
		}
		return;
	}
	write_key(sql, &level->keys, place);
	serve_sql_add(sql, serve_sql_operator(type, descending ? SERVE_LT : SERVE_GT));
	write_cursor_value(sql, level, place);
	if (descending && nullable)
	{
		serve_sql_add(sql, " OR ");
		write_key(sql, &level->keys, place);
		serve_sql_add(sql, " IS NULL");
	}
}

static void
write_same(ServeSql *sql, const ServeLevel *level, int place)
{
	write_key(sql, &level->keys, place);
	if (level->cursor[place] == NULL)
		serve_sql_add(sql, " IS NULL");
	else
	{
		serve_sql_add(sql, serve_sql_operator(key_type(&level->keys, place), SERVE_EQ));
		write_cursor_value(sql, level, place);
	}
}

/*
 * Keys of different directions, from one on: behind by the first, or the same and behind by
 * the second, ...  The caller knows whether that first one can be null here.
 */
static void
write_seek(ServeSql *sql, const ServeLevel *level, int from, bool nullable)
{
	/* Says less than the rest, but an index can use it. */
	if (!nullable)
	{
		write_key(sql, &level->keys, from);
		serve_sql_add(sql,
					  serve_sql_operator(key_type(&level->keys, from),
										 level->keys.keys[from].descending ? SERVE_LE : SERVE_GE));
		write_cursor_value(sql, level, from);
		serve_sql_add(sql, " AND ");
	}
	serve_sql_add(sql, "(");
	for (int i = from; i < level->keys.count; i++)
	{
		serve_sql_add(sql, i > from ? " OR (" : "(");
		for (int k = from; k < i; k++)
		{
			write_same(sql, level, k);
			serve_sql_add(sql, " AND ");
		}
		serve_sql_add(sql, "(");
		write_behind(sql, level, i, i == from ? nullable : is_nullable(&level->keys, i));
		serve_sql_add(sql, "))");
	}
	serve_sql_add(sql, ")");
}

/* ---- Where rows are ---- */

static void
write_key_condition(ServeSql *sql, const char *alias, const ServeResource *resource,
					ServeNode *const *key)
{
	for (int i = 0; i < resource->nkeys; i++)
	{
		ServeSqlType type = serve_sql_field_type(resource->keys[i]);

		serve_sql_add(sql, i > 0 ? " AND " : "");
		serve_sql_field(sql, alias, resource->keys[i]);
		serve_sql_add(sql, " = ");
		/* A number with a fraction is the key of nothing, but it is a number. */
		if (type == SERVE_SQL_INTEGER && !key[i]->literal.whole)
			type = SERVE_SQL_NUMERIC;
		serve_sql_literal(sql, key[i], type);
	}
}

/* Where in a key a field is; -1: nowhere. */
static int
place_in_key(const ServeResource *resource, const ServeField *field)
{
	for (int i = 0; i < resource->nkeys; i++)
	{
		if (resource->keys[i] == field)
			return i;
	}
	return -1;
}

/* Do the values of a parent's key say all that the navigation needs? */
static bool
joined_by_key(const ServeStep *parent, const ServeNavigation *over)
{
	if (parent->over || parent->key == NULL)
		return false;
	for (int i = 0; i < over->npairs; i++)
	{
		if (place_in_key(parent->resource, over->local[i]) < 0 ||
			serve_sql_field_type(over->local[i]) != serve_sql_field_type(over->foreign[i]))
			return false;
	}
	return true;
}

/* Always something that a condition can follow with AND. */
static void
write_path_condition(ServeSql *sql, const char *alias, const ServeStep *steps, int nsteps)
{
	const ServeStep *last = &steps[nsteps - 1];

	if (last->key)
		write_key_condition(sql, alias, last->resource, last->key);
	else
		serve_sql_add(sql, "TRUE");
	if (nsteps == 1)
		return;
	serve_sql_add(sql, " AND ");
	if (joined_by_key(last - 1, last->over))
	{
		for (int i = 0; i < last->over->npairs; i++)
		{
			int place = place_in_key(last[-1].resource, last->over->local[i]);

			serve_sql_add(sql, i > 0 ? " AND " : "");
			serve_sql_field(sql, alias, last->over->foreign[i]);
			serve_sql_add(sql, " = ");
			serve_sql_literal(sql, last[-1].key[place],
							  serve_sql_field_type(last->over->foreign[i]));
		}
		serve_sql_join_values(sql, last->over, alias);
	}
	else
	{
		const char *parent = serve_sql_alias(sql);

		serve_sql_add(sql, "EXISTS (SELECT FROM ");
		serve_sql_source(sql, last[-1].resource, parent);
		serve_sql_add(sql, " WHERE ");
		write_path_condition(sql, parent, steps, nsteps - 1);
		serve_sql_add(sql, " AND ");
		serve_sql_join(sql, last->over, alias, parent);
		serve_sql_add(sql, ")");
	}
}

/* FROM and WHERE of a level: all its rows, whatever the page. */
static void
write_rows_of(ServeSql *sql, const ServeLevel *level, const char *alias)
{
	serve_sql_add(sql, " FROM ");
	serve_sql_source(sql, level->resource, alias);
	serve_sql_add(sql, " WHERE ");
	if (level->over)
		serve_sql_join(sql, level->over, alias, level->parent);
	else
		write_path_condition(sql, alias, level->steps, level->nsteps);
	level->options->rows->alias = alias;
	if (level->options->filter)
	{
		serve_sql_add(sql, " AND ");
		serve_sql_true(sql, level->options->filter);
	}
}

/* ---- The rows of a page ---- */

typedef enum Part
{
	ALL_ROWS,
	NULLS,     /* of the first key */
	NOT_NULLS, /* of it */
} Part;

/*
 * A number of ours, which is not a parameter: of one that it does not know the planner thinks
 * that it is a tenth of all rows, and chooses by that.
 */
static void
write_limit(ServeSql *sql, const ServeLevel *level)
{
	serve_sql_printf(sql, " LIMIT %lld", (long long) level->limit);
}

static void
write_direction(ServeSql *sql, const ServeKeys *keys, int place, bool nullable)
{
	bool descending = keys->keys[place].descending;

	if (key_type(keys, place) == SERVE_SQL_NUMERIC)
		serve_sql_add(sql, descending ? " USING OPERATOR(mls.>)" : " USING OPERATOR(mls.<)");
	else if (descending)
		serve_sql_add(sql, " DESC");
	if (nullable)
		serve_sql_add(sql, descending ? " NULLS LAST" : " NULLS FIRST");
}

/*
 * One part of the rows: its columns, condition and order.  behind says whether the cursor
 * lies in this part; if not, all of the part is wanted.
 */
static void
write_part(ServeSql *sql, const ServeLevel *level, const ServeField *const *columns, int ncolumns,
		   Part part, bool behind)
{
	const ServeKeys *keys = &level->keys;
	const char *alias = serve_sql_alias(sql);
	int first = part == NULLS ? 1 : 0;
	bool nullable = keys->count > first && is_nullable(keys, first) && part != NOT_NULLS;
	const char *between = "";

	level->options->rows->alias = alias;
	serve_sql_add(sql, "(SELECT ");
	for (int i = 0; i < ncolumns; i++)
	{
		serve_sql_add(sql, between);
		serve_sql_column(sql, alias, columns[i]->name);
		between = ", ";
	}
	for (int i = 0; i < keys->count; i++)
	{
		serve_sql_add(sql, between);
		write_key(sql, keys, i);
		serve_sql_add(sql, " AS ");
		serve_sql_name(sql, key_name(sql, i));
		between = ", ";
	}
	write_rows_of(sql, level, alias);
	if (part != ALL_ROWS)
	{
		serve_sql_add(sql, " AND ");
		write_key(sql, keys, 0);
		serve_sql_add(sql, part == NULLS ? " IS NULL" : " IS NOT NULL");
	}
	if (behind)
	{
		serve_sql_add(sql, " AND ");
		if (!nullable && no_nulls_from(keys, first + 1) && one_direction_from(keys, first) &&
			rows_compare(keys, first))
			write_row_comparison(sql, level, first);
		else
			write_seek(sql, level, first, nullable);
	}
	for (int i = first; i < keys->count; i++)
	{
		serve_sql_add(sql, i == first ? " ORDER BY " : ", ");
		serve_sql_name(sql, key_name(sql, i));
		write_direction(sql, keys, i, i == first ? nullable : is_nullable(keys, i));
	}
	write_limit(sql, level);
	if (level->skip > 0)
	{
		serve_sql_add(sql, " OFFSET ");
		serve_sql_value(sql, serve_printf(sql->reader->arena, "%lld", (long long) level->skip),
						"bigint");
	}
	serve_sql_add(sql, ")");
}

/*
 * Are rows whose first key is null found apart from the others?  Not where there is no index
 * that would be of use, or to sort costs less than to look twice: few records are expanded.
 */
static bool
in_two_parts(const ServeLevel *level)
{
	const ServeNode *first = level->keys.count > 0 ? level->keys.keys[0].expression : NULL;

	return first && first->nullable && first->kind == SERVE_FIELD && first->nsteps == 0 &&
		   !level->over && level->skip == 0;
}

/* All parts that the rows may be in, as one table. */
static void
write_parts(ServeSql *sql, const ServeLevel *level, const ServeField *const *columns, int ncolumns)
{
	bool has_cursor = level->cursor != NULL;
	bool descending;
	Part second;

	if (!in_two_parts(level))
	{
		write_part(sql, level, columns, ncolumns, ALL_ROWS, has_cursor);
		return;
	}
	descending = level->keys.keys[0].descending;
	second = descending ? NULLS : NOT_NULLS;
	/* Behind a row of the second part there is nothing of the first. */
	if (has_cursor && (level->cursor[0] == NULL) == descending)
	{
		write_part(sql, level, columns, ncolumns, second, true);
		return;
	}
	serve_sql_add(sql, "(");
	write_part(sql, level, columns, ncolumns, descending ? NOT_NULLS : NULLS, has_cursor);
	serve_sql_add(sql, " UNION ALL ");
	write_part(sql, level, columns, ncolumns, second, false);
	write_limit(sql, level);
	serve_sql_add(sql, ")");
}

/* ---- Columns ---- */

int
serve_shown_fields(ServeReader *reader, const ServeOptions *options, const ServeField ***fields)
{
	const ServeResource *resource = options->rows->resource;
	int count = 0;

	if (options->selected && !options->select_all)
	{
		*fields = options->fields;
		/* Only navigations were named: a record has at least its key. */
		if (options->nfields == 0)
			*fields = resource->keys;
		return options->nfields ? options->nfields : resource->nkeys;
	}
	*fields =
		serve_alloc_array(reader->arena, (size_t) resource->nfields, sizeof(const ServeField *));
	for (int i = 0; i < resource->nfields; i++)
		(*fields)[count++] = &resource->fields[i];
	return count;
}

/* Those that the level's subquery must give: what is shown, and what records below are found by. */
static int
needed_fields(ServeSql *sql, const ServeLevel *level, const ServeField *const *shown, int nshown,
			  const ServeField ***needed)
{
	const ServeResource *resource = level->resource;
	bool *wanted = serve_alloc_array(sql->reader->arena, (size_t) resource->nfields, sizeof(bool));
	int count = 0;

	for (int i = 0; i < nshown; i++)
		wanted[shown[i] - resource->fields] = true;
	for (int i = 0; i < level->options->nexpands; i++)
	{
		const ServeNavigation *navigation = level->options->expands[i].navigation;

		for (int k = 0; k < navigation->npairs; k++)
			wanted[navigation->local[k] - resource->fields] = true;
		/* A link to more of them names the record. */
		for (int k = 0; k < resource->nkeys; k++)
			wanted[resource->keys[k] - resource->fields] = true;
	}
	*needed = serve_alloc_array(sql->reader->arena, (size_t) resource->nfields,
								sizeof(const ServeField *));
	for (int i = 0; i < resource->nfields; i++)
	{
		if (wanted[i])
			(*needed)[count++] = &resource->fields[i];
	}
	return count;
}

static void
write_order(ServeSql *sql, const ServeLevel *level, const char *alias)
{
	const ServeKeys *keys = &level->keys;

	for (int i = 0; i < keys->count; i++)
	{
		serve_sql_add(sql, i == 0 ? " ORDER BY " : ", ");
		serve_sql_column(sql, alias, key_name(sql, i));
		write_direction(sql, keys, i, is_nullable(keys, i));
	}
}

/* ---- What is expanded ---- */

/* What a level gives of each row: its JSON, and ... */
typedef enum Shape
{
	ONLY_JSON,
	WITH_CURSOR /* ... the texts of its keys */
} Shape;

static void write_level(ServeSql *sql, const ServeLevel *level, Shape shape);

/* A text, percent-encoded as a part of an address. */
static void
write_encoded(ServeSql *sql, const char *alias, const ServeField *field)
{
	bool text = serve_sql_field_type(field) == SERVE_SQL_TEXT;

	serve_sql_add(sql, "(SELECT coalesce(string_agg(CASE WHEN u.c COLLATE \"C\" ~ ");
	serve_sql_add(sql, "'^[A-Za-z0-9_.~-]$' THEN u.c ELSE regexp_replace(upper(encode(");
	serve_sql_add(
		sql, "convert_to(u.c, 'UTF8'), 'hex')), '(..)', '%\\1', 'g') END, '' ORDER BY u.o), '') ");
	serve_sql_add(sql, "FROM unnest(string_to_array(");
	serve_sql_add(sql, text ? "replace(" : "(");
	serve_sql_column(sql, alias, field->name);
	serve_sql_add(sql, "::text");
	serve_sql_add(sql, text ? ", '''', '''''')" : ")");
	serve_sql_add(sql, ", NULL)) WITH ORDINALITY AS u(c, o))");
}

/* The options of a link to what was cut off: the same, behind what was shown. */
static const char *
link_options(ServeSql *sql, const ServeOptions *options)
{
	ServeArena *arena = sql->reader->arena;
	ServeText out;

	serve_text_init(&out, arena);
	for (int i = 0; i < options->npairs; i++)
	{
		const ServePair *pair = &options->pairs[i];

		if (strcmp(pair->name, "$top") != 0 && strcmp(pair->name, "$skip") != 0)
			serve_text_printf(&out, "%s=%s&", pair->name, serve_encode(arena, pair->value));
	}
	if (options->top >= 0)
		serve_text_printf(&out, "$top=%lld&", (long long) options->top - sql->expand_rows);
	serve_text_printf(&out, "$skip=%lld", (long long) options->skip + sql->expand_rows);
	return out.data;
}

/* The address of the rest of a parent's records, as a JSON string. */
static void
write_expand_link(ServeSql *sql, const char *parent, const ServeResource *resource,
				  const ServeExpand *expand)
{
	ServeArena *arena = sql->reader->arena;

	serve_sql_add(sql, "to_json(");
	serve_sql_value(sql, serve_printf(arena, "%s%s(", sql->root, resource->name), "text");
	for (int i = 0; i < resource->nkeys; i++)
	{
		const ServeField *key = resource->keys[i];
		const char *quote = key->type == SERVE_STRING ? "''''" : "''";

		serve_sql_add(sql, " || ");
		if (resource->nkeys > 1)
		{
			serve_sql_value(sql, serve_printf(arena, "%s%s=", i > 0 ? "," : "", key->name), "text");
			serve_sql_add(sql, " || ");
		}
		serve_sql_printf(sql, "%s || ", quote);
		write_encoded(sql, parent, key);
		serve_sql_printf(sql, " || %s", quote);
	}
	serve_sql_add(sql, " || ");
	serve_sql_value(sql,
					serve_printf(arena, ")/%s?%s", expand->navigation->name,
								 link_options(sql, &expand->options)),
					"text");
	serve_sql_add(sql, ")::text");
}

static ServeLevel
expanded_level(ServeSql *sql, const ServeExpand *expand, const char *parent)
{
	ServeLevel level = {.resource = expand->navigation->target,
						.options = &expand->options,
						.over = expand->navigation,
						.parent = parent,
						.limit = 1,
						.skip = expand->options.skip};

	if (expand->navigation->many)
	{
		level.keys = serve_order_keys(sql->reader, &expand->options);
		level.limit = sql->expand_rows + 1;
		if (expand->options.top >= 0 && expand->options.top <= sql->expand_rows)
			level.limit = expand->options.top;
	}
	return level;
}

/* Can there be more than are shown?  Not where the client has asked for less. */
static bool
may_be_cut(const ServeSql *sql, const ServeExpand *expand)
{
	return expand->navigation->many && !expand->only_count &&
		   (expand->options.top < 0 || expand->options.top > sql->expand_rows);
}

static bool
is_counted(const ServeExpand *expand)
{
	return expand->only_count || expand->options.count;
}

/* The table of what one expansion gives: j its JSON, l the link to the rest, c how many there are. */
static void
write_expansion(ServeSql *sql, const ServeResource *resource, const ServeExpand *expand,
				const char *parent, const char *alias)
{
	ServeLevel level = expanded_level(sql, expand, parent);
	const char *item;

	if (is_counted(expand))
	{
		serve_sql_add(sql, " CROSS JOIN LATERAL (");
		serve_sql_count(sql, &level);
		serve_sql_printf(sql, ") AS %sc(c)", alias);
	}
	if (expand->only_count)
		return;
	if (!expand->navigation->many)
	{
		serve_sql_add(sql, " LEFT JOIN LATERAL (");
		write_level(sql, &level, ONLY_JSON);
		serve_sql_printf(sql, ") AS %s(j) ON TRUE", alias);
		return;
	}
	item = serve_sql_alias(sql);
	serve_sql_add(sql, " CROSS JOIN LATERAL (SELECT coalesce('[' || ");
	if (may_be_cut(sql, expand))
	{
		/* The one too many, which says that there are more, is cut off an array: to number them
		 * all would take a second copy of each. */
		serve_sql_printf(sql, "array_to_string((array_agg(%s.j))[1:%d], ',') || ']', '[]') AS j, ",
						 item, sql->expand_rows);
		serve_sql_printf(sql, "CASE WHEN count(*) > %d THEN ", sql->expand_rows);
		write_expand_link(sql, parent, resource, expand);
		serve_sql_add(sql, " ELSE '' END AS l FROM (");
	}
	else
		serve_sql_printf(sql, "string_agg(%s.j, ',') || ']', '[]') AS j FROM (", item);
	write_level(sql, &level, ONLY_JSON);
	serve_sql_printf(sql, ") AS %s(j)) AS %s", item, alias);
}

/* Pairs of names and JSON, which mls.odata() appends to a row's own members. */
static void
write_fragments(ServeSql *sql, const ServeOptions *options, const char *const *aliases)
{
	const char *between = "";

	serve_sql_add(sql, "ARRAY[");
	for (int i = 0; i < options->nexpands; i++)
	{
		const ServeExpand *expand = &options->expands[i];
		const char *name = expand->navigation->name;

		if (is_counted(expand))
		{
			const char *quote = sql->ieee754 ? "'\"' || " : "";

			serve_sql_printf(sql, "%s'%s@odata.count', %s%sc.c", between, name, quote, aliases[i]);
			serve_sql_add(sql, sql->ieee754 ? " || '\"'" : "");
			between = ", ";
		}
		if (expand->only_count)
			continue;
		if (may_be_cut(sql, expand))
		{
			serve_sql_printf(sql, "%s'%s@odata.nextLink', %s.l", between, name, aliases[i]);
			between = ", ";
		}
		serve_sql_printf(sql, "%s'%s', ", between, name);
		serve_sql_printf(sql, expand->navigation->many ? "%s.j" : "coalesce(%s.j, 'null')",
						 aliases[i]);
		between = ", ";
	}
	serve_sql_add(sql, "]::text[]");
}

/* ---- A level ---- */

static void
write_level(ServeSql *sql, const ServeLevel *level, Shape shape)
{
	const ServeOptions *options = level->options;
	ServeArena *arena = sql->reader->arena;
	const char *rows = serve_sql_alias(sql);
	const char *shown = serve_sql_alias(sql);
	const char **aliases =
		serve_alloc_array(arena, (size_t) options->nexpands, sizeof(const char *));
	const ServeField **fields;
	const ServeField **needed;
	int nfields = serve_shown_fields(sql->reader, options, &fields);
	int nneeded = needed_fields(sql, level, fields, nfields, &needed);

	for (int i = 0; i < options->nexpands; i++)
		aliases[i] = serve_sql_alias(sql);
	serve_sql_printf(sql, "SELECT mls.odata(%s, %s, VARIADIC ", shown,
					 sql->ieee754 ? "true" : "false");
	write_fragments(sql, options, aliases);
	serve_sql_add(sql, ")");
	for (int i = 0; shape == WITH_CURSOR && i < level->keys.count; i++)
	{
		serve_sql_add(sql, ", ");
		serve_sql_column(sql, rows, key_name(sql, i));
		serve_sql_add(sql, "::text");
	}
	serve_sql_add(sql, " FROM ");
	write_parts(sql, level, needed, nneeded);
	serve_sql_printf(sql, " AS %s CROSS JOIN LATERAL (SELECT ", rows);
	for (int i = 0; i < nfields; i++)
	{
		serve_sql_add(sql, i > 0 ? ", " : "");
		serve_sql_column(sql, rows, fields[i]->name);
	}
	serve_sql_printf(sql, ") AS %s", shown);
	for (int i = 0; i < options->nexpands; i++)
		write_expansion(sql, level->resource, &options->expands[i], rows, aliases[i]);
	write_order(sql, level, rows);
}

void
serve_sql_rows(ServeSql *sql, const ServeLevel *level, bool with_cursor)
{
	write_level(sql, level, with_cursor ? WITH_CURSOR : ONLY_JSON);
}

void
serve_sql_count(ServeSql *sql, const ServeLevel *level)
{
	serve_sql_add(sql, "SELECT count(*)::text");
	write_rows_of(sql, level, serve_sql_alias(sql));
}

/* ---- One record ---- */

static void
write_from_record(ServeSql *sql, const ServeStep *steps, int nsteps, const char *alias)
{
	serve_sql_add(sql, " FROM ");
	serve_sql_source(sql, steps[nsteps - 1].resource, alias);
}

static void
write_where_record(ServeSql *sql, const ServeStep *steps, int nsteps, const char *alias)
{
	serve_sql_add(sql, " WHERE ");
	write_path_condition(sql, alias, steps, nsteps);
	serve_sql_add(sql, " LIMIT 1");
}

void
serve_sql_exists(ServeSql *sql, const ServeStep *steps, int nsteps)
{
	const char *alias = serve_sql_alias(sql);

	serve_sql_add(sql, "SELECT 1");
	write_from_record(sql, steps, nsteps, alias);
	write_where_record(sql, steps, nsteps, alias);
}

void
serve_sql_property(ServeSql *sql, const ServeStep *steps, int nsteps, const ServeField *field)
{
	const char *alias = serve_sql_alias(sql);
	const char *shown = serve_sql_alias(sql);

	serve_sql_printf(sql, "SELECT mls.odata(%s, %s, VARIADIC ARRAY[]::text[]), ", shown,
					 sql->ieee754 ? "true" : "false");
	/* A collection is never null. */
	if (field->collection)
		serve_sql_add(sql, "FALSE");
	else
	{
		serve_sql_column(sql, alias, field->name);
		serve_sql_add(sql, " IS NULL");
	}
	write_from_record(sql, steps, nsteps, alias);
	serve_sql_add(sql, " CROSS JOIN LATERAL (SELECT ");
	serve_sql_column(sql, alias, field->name);
	serve_sql_printf(sql, " AS value) AS %s", shown);
	write_where_record(sql, steps, nsteps, alias);
}

void
serve_sql_raw_value(ServeSql *sql, const ServeStep *steps, int nsteps, const ServeField *field)
{
	const char *alias = serve_sql_alias(sql);

	serve_sql_add(sql, "SELECT ");
	if (serve_sql_field_type(field) == SERVE_SQL_TIMESTAMP)
	{
		serve_sql_add(sql, "to_char(");
		serve_sql_field(sql, alias, field);
		serve_sql_add(sql, " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')");
	}
	else
	{
		serve_sql_column(sql, alias, field->name);
		serve_sql_add(sql, "::text");
	}
	write_from_record(sql, steps, nsteps, alias);
	write_where_record(sql, steps, nsteps, alias);
}

void
serve_sql_cardinality(ServeSql *sql, const ServeStep *steps, int nsteps, const ServeField *field)
{
	const char *alias = serve_sql_alias(sql);

	serve_sql_add(sql, "SELECT coalesce(cardinality(");
	serve_sql_column(sql, alias, field->name);
	serve_sql_add(sql, "), 0)::text");
	write_from_record(sql, steps, nsteps, alias);
	write_where_record(sql, steps, nsteps, alias);
}
