/*
 * target.c
 *		Which RESO resources rules make from a resource of a source, and the
 *		relations that these rules may use.
 *
 * mls.row_map says which.  A resource without a row there makes the one of its own
 * name, or the one that rules of mls.field_map make from it, a row for a row.
 *
 * The relations are the resource's own row, with the columns that silver keeps though
 * the foreign table has them no more; rows of other resources of the same source
 * (mls.join_map); the settings; and the point that was found for the address (place.c).  A join whose resource is not replicated does not
 * exist: rules that use it are not followed.
 */
#include "postgres.h"

#include "access/table.h"
#include "nodes/value.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "gold/gold.h"
#include "gold/map.h"
#include "gold/place.h"
#include "http/url.h"
#include "options/options.h"

/* ---- Columns of silver ---- */

/* What stands in mls.subscription.columns of a column, separated by tabs. */
typedef enum KeptPart
{
	KEPT_NAME,
	KEPT_FIELD,
	KEPT_TYPE,
	KEPT_ENUM,
	KEPT_FLAGS,
	KEPT_STANDARD_NAME,
	KEPT_LOOKUP,
	KEPT_REMOTE_TYPE,
	KEPT_PARTS
} KeptPart;

static const char *
or_empty(const char *text)
{
	return text ? text : "";
}

char *
mls_gold_column_memo(const MlsColumn *column, const char *type)
{
	return psprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", column->name, column->field, type,
					column->is_enum ? "t" : "", column->is_flags ? "t" : "",
					or_empty(column->standard_name), or_empty(column->lookup),
					or_empty(column->remote_type));
}

static const char *
or_null(const char *text)
{
	return *text == '\0' ? NULL : text;
}

/* The column that a memo is of; attnum stays 0, for no foreign table has it. */
static MlsColumn
read_memo(char *memo, Oid silver)
{
	const char *parts[KEPT_PARTS] = {"", "", "", "", "", "", "", ""};
	MlsColumn column = {0};

	for (int i = 0; i < KEPT_PARTS && memo != NULL; i++)
		parts[i] = strsep(&memo, "\t");
	column.name = parts[KEPT_NAME];
	column.field = parts[KEPT_FIELD];
	column.is_enum = *parts[KEPT_ENUM] != '\0';
	column.is_flags = *parts[KEPT_FLAGS] != '\0';
	column.standard_name = or_null(parts[KEPT_STANDARD_NAME]);
	column.lookup = or_null(parts[KEPT_LOOKUP]);
	column.remote_type = or_null(parts[KEPT_REMOTE_TYPE]);
	if (get_attnum(silver, column.name) != InvalidAttrNumber)
		get_atttypetypmodcoll(silver, get_attnum(silver, column.name), &column.type, &column.typmod,
							  &column.collation);
	return column;
}

/* Does the table itself have the column, or another for its field that silver has, too? */
static bool
is_present(const MlsTable *table, Oid silver, const MlsColumn *column)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		const MlsColumn *present = &table->columns[i];

		if (present->field == NULL)
			continue;
		if (strcmp(present->name, column->name) == 0)
			return true;
		if (strcmp(present->field, column->field) == 0 &&
			get_attnum(silver, present->name) != InvalidAttrNumber)
			return true;
	}
	return false;
}

const MlsTable *
mls_gold_kept(const MlsTable *table, Oid silver)
{
	MemoryContext context = CurrentMemoryContext;
	MlsTable *whole;
	SPITupleTable *memos;

	mls_select("SELECT c FROM mls.subscription s, pg_catalog.unnest(s.columns) c "
			   "WHERE s.silver::pg_catalog.oid = $1",
			   mls_arg_oid(silver));
	memos = SPI_tuptable;
	MemoryContextSwitchTo(context);
	if (memos->numvals == 0)
		return table;
	whole = palloc(sizeof(MlsTable));
	*whole = *table;
	whole->columns = palloc((table->ncolumns + memos->numvals) * sizeof(MlsColumn));
	memcpy(whole->columns, table->columns, table->ncolumns * sizeof(MlsColumn));
	for (uint64 i = 0; i < memos->numvals; i++)
	{
		MlsColumn column = read_memo(mls_cell_text(memos, i, 1), silver);

		if (OidIsValid(column.type) && !is_present(table, silver, &column))
			whole->columns[whole->ncolumns++] = column;
	}
	return whole;
}

/* ---- Relations ---- */

/* A row of mls.join_map, before it is known whether it can be followed. */
typedef struct Rule
{
	const char *alias;
	const char *source_field;
	const char *resource;
	const char *field;
} Rule;

static TupleDesc
describe(Oid relid)
{
	Relation rel = table_open(relid, AccessShareLock);
	TupleDesc desc = CreateTupleDescCopy(RelationGetDescr(rel));

	table_close(rel, AccessShareLock);
	return desc;
}

const MlsMapRelation *
mls_map_relation(const List *relations, const char *alias)
{
	ListCell *lc;

	foreach (lc, relations)
		if (strcmp(((MlsMapRelation *) lfirst(lc))->alias, alias) == 0)
			return lfirst(lc);
	return NULL;
}

static int
attribute(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped &&
			strcmp(NameStr(TupleDescAttr(desc, i)->attname), name) == 0)
			return i;
	return -1;
}

const char *
mls_map_column(const MlsMapRelation *relation, const char *field)
{
	const MlsTable *table = relation->table;

	if (table == NULL)
		return attribute(relation->desc, field) >= 0 ? field : NULL;
	if (strcmp(field, "*") == 0)
		return NULL;
	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field != NULL && strcmp(table->columns[i].field, field) == 0 &&
			attribute(relation->desc, table->columns[i].name) >= 0)
			return table->columns[i].name;
	return NULL;
}

static Oid
column_type(const MlsMapRelation *relation, const char *column)
{
	return getBaseType(TupleDescAttr(relation->desc, attribute(relation->desc, column))->atttypid);
}

/* An equation of two columns whose types may differ. */
static char *
equation(const char *left, Oid left_type, const char *right, Oid right_type)
{
	if (left_type == right_type)
		return psprintf("%s = %s", left, right);
	return psprintf("%s::pg_catalog.text = %s::pg_catalog.text", left, right);
}

/* ---- Joins ---- */

static List *
read_rules(const MlsTable *table)
{
	List *rules = NIL;

	mls_select(
		"SELECT DISTINCT ON (alias) alias, source_field, joined_resource, joined_field "
		"FROM mls.join_map WHERE " MLS_MAP_OF_PROTOCOL
		" AND source IN ('*', $2) AND " MLS_MAP_OF_RESOURCE " "
		"ORDER BY alias, source_resource = $3 DESC, source <> '*' DESC, " MLS_MAP_NEAREST_PROTOCOL
		", shipped",
		mls_arg_text(mls_map_protocol(table)), mls_arg_text(table->source->name),
		mls_arg_text(table->resource));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Rule *rule = palloc(sizeof(Rule));

		rule->alias = mls_text_at(i, 1);
		rule->source_field = mls_text_at(i, 2);
		rule->resource = mls_text_at(i, 3);
		rule->field = mls_text_at(i, 4);
		rules = lappend(rules, rule);
	}
	return rules;
}

/* The replicated table of another resource of the source; false if there is none. */
static bool
find_joined(const MlsMapRelation *row, const char *resource, MlsMapRelation *relation)
{
	Oid foreign_table;
	Oid owner;

	mls_select("SELECT foreign_table::oid, silver::oid, owner::oid FROM mls.subscription "
			   "WHERE source = $1 AND resource = $2 AND owner::oid = "
			   "(SELECT relowner FROM pg_catalog.pg_class WHERE oid = $3)",
			   mls_arg_text(row->table->source->name), mls_arg_text(resource),
			   mls_arg_oid(row->silver));
	if (SPI_processed == 0)
		return false;
	foreign_table = mls_oid_at(0, 1);
	relation->silver = mls_oid_at(0, 2);
	owner = mls_oid_at(0, 3);
	if (get_rel_name(foreign_table) == NULL || get_rel_name(relation->silver) == NULL)
		return false;
	relation->table = mls_gold_kept(mls_table_get(foreign_table, owner, false), relation->silver);
	relation->desc = describe(relation->silver);
	return true;
}

static bool
is_key(const MlsTable *table, const char *field)
{
	return list_length(table->key) == 1 && strcmp(linitial(table->key), field) == 0;
}

/* "alias.field" or "field", as what it says of the relations known so far. */
static const MlsMapRelation *
resolve(const List *relations, const char *reference, const char **field)
{
	const char *dot = strchr(reference, '.');
	const MlsMapRelation *relation = NULL;

	if (dot != NULL)
		relation = mls_map_relation(relations, pnstrdup(reference, dot - reference));
	*field = relation != NULL ? dot + 1 : reference;
	return relation != NULL ? relation : linitial(relations);
}

/* A rule as a relation; NULL if the source does not have what it needs. */
static MlsMapRelation *
follow(const List *relations, const Rule *rule)
{
	MlsMapRelation *relation = palloc0(sizeof(MlsMapRelation));
	const MlsMapRelation *parent = resolve(relations, rule->source_field, &relation->parent_field);
	const char *left;
	const char *right;

	relation->alias = rule->alias;
	relation->field = rule->field;
	relation->parent = parent->alias;
	left = mls_map_column(parent, relation->parent_field);
	if (left == NULL || !find_joined(linitial(relations), rule->resource, relation))
		return NULL;
	right = mls_map_column(relation, rule->field);
	if (right == NULL)
		return NULL;
	relation->fans_out = !is_key(relation->table, rule->field);
	relation->sql =
		psprintf(" LEFT JOIN %s %s ON %s", mls_qualified_name(relation->silver), rule->alias,
				 equation(psprintf("%s.%s", rule->alias, quote_identifier(right)),
						  column_type(relation, right),
						  psprintf("%s.%s", parent->alias, quote_identifier(left)),
						  column_type(parent, left)));
	return relation;
}

/* ---- Settings ---- */

/* One row of text columns, as a subquery that the planner dissolves: those in
 * force, and what the server's options say. */
static MlsMapRelation *
read_settings(const MlsTable *table)
{
	MlsMapRelation *relation = palloc0(sizeof(MlsMapRelation));
	const MlsSource *source = table->source;
	/* None of one that is not asked over HTTP. */
	const char *url = source->protocol->is_local ? NULL : source->http.url;
	StringInfoData sql;

	mls_select("SELECT name, value FROM mls.setting_of($1, $2) "
			   "WHERE name NOT IN ('source', 'key_prefix', 'site') ORDER BY name",
			   mls_arg_text(mls_map_protocol(table)), mls_arg_text(table->source->name));
	initStringInfo(&sql);
	relation->alias = MLS_MAP_SETTING;
	relation->desc = CreateTemplateTupleDesc(SPI_processed + 3);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char *value = mls_text_at(i, 2);

		appendStringInfo(&sql, "%s::pg_catalog.text AS %s, ",
						 value ? quote_literal_cstr(value) : "NULL",
						 quote_identifier(mls_text_at(i, 1)));
		TupleDescInitEntry(relation->desc, i + 1, mls_text_at(i, 1), TEXTOID, -1, 0);
	}
	TupleDescInitEntry(relation->desc, SPI_processed + 1, "source", TEXTOID, -1, 0);
	TupleDescInitEntry(relation->desc, SPI_processed + 2, "key_prefix", TEXTOID, -1, 0);
	TupleDescInitEntry(relation->desc, SPI_processed + 3, "site", TEXTOID, -1, 0);
	appendStringInfo(
		&sql,
		"%s::pg_catalog.text AS source, %s::pg_catalog.text AS key_prefix, "
		"%s::pg_catalog.text AS site",
		quote_literal_cstr(table->source->name),
		quote_literal_cstr(table->source->key_prefix ? table->source->key_prefix : ""),
		quote_literal_cstr(url == NULL ? "" : mls_url_resolve(&table->source->http, url, "/")));
	relation->sql = psprintf(" CROSS JOIN (SELECT %s) " MLS_MAP_SETTING, sql.data);
	return relation;
}

/* ---- All of them ---- */

/* The row itself, its joins and the settings. */
static List *
relations_of(const MlsTable *table, Oid silver_table)
{
	MlsMapRelation *row = palloc0(sizeof(MlsMapRelation));
	List *relations = list_make1(row);
	ListCell *lc;

	row->alias = MLS_MAP_ROW;
	row->table = mls_gold_kept(table, silver_table);
	row->silver = silver_table;
	row->desc = describe(silver_table);
	foreach (lc, read_rules(table))
	{
		MlsMapRelation *relation = follow(relations, lfirst(lc));

		if (relation != NULL)
			relations = lappend(relations, relation);
	}
	return lappend(relations, read_settings(table));
}

List *
mls_map_ancestors(const List *relations, List *aliases)
{
	for (int i = 0; i < list_length(aliases); i++)
	{
		const MlsMapRelation *relation = mls_map_relation(relations, strVal(list_nth(aliases, i)));

		if (relation->parent != NULL)
			aliases = list_append_unique(aliases, makeString(pstrdup(relation->parent)));
		aliases = list_concat_unique(aliases, relation->reads);
	}
	return aliases;
}

char *
mls_map_from(const List *relations, const char *rows, const List *used)
{
	List *aliases = mls_map_ancestors(relations, list_copy(used));
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "%s " MLS_MAP_ROW, rows);
	foreach (lc, relations)
	{
		const MlsMapRelation *relation = lfirst(lc);

		if (relation->sql != NULL && list_member(aliases, makeString(pstrdup(relation->alias))))
			appendStringInfoString(&sql, relation->sql);
	}
	return sql.data;
}

/* ---- Targets ---- */

/*
 * The source's key as text.  Parts of a composite key are joined by "|", its own
 * bars escaped, so that different keys stay different.
 */
char *
mls_gold_source_key(const MlsGoldTarget *target)
{
	const List *columns = target->key_columns;
	StringInfoData sql;
	ListCell *lc;

	if (list_length(columns) == 1)
		return psprintf("r.%s::pg_catalog.text", quote_identifier(linitial(columns)));
	initStringInfo(&sql);
	foreach (lc, columns)
		appendStringInfo(&sql,
						 "%spg_catalog.regexp_replace(r.%s::pg_catalog.text, E'[|\\\\\\\\]', "
						 "E'\\\\\\\\\\\\&', 'g')",
						 sql.len ? " || '|' || " : "", quote_identifier(lfirst(lc)));
	return sql.data;
}

char *
mls_map_protocol(const MlsTable *table)
{
	return psprintf("%s/%s", table->source->protocol->name, table->source->platform_name);
}

/* Columns of the source's key, in key order. */
static List *
key_columns(const MlsTable *table)
{
	List *columns = NIL;
	ListCell *lc;

	foreach (lc, table->key)
	{
		const MlsColumn *column = mls_table_column(table, lfirst(lc));

		if (column == NULL)
			ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("foreign table %s has no column for key field \"%s\"", table->name,
						   (char *) lfirst(lc)));
		columns = lappend(columns, pstrdup(column->name));
	}
	return columns;
}

/*
 * Fields outside the dictionary describe the record itself: of several resources
 * made from it they go to the one of its name, or to the first, and not to files and
 * people that it has as well.
 */
static void
find_main(const MlsTable *table, List *targets)
{
	const char *colon = strchr(table->resource, ':');
	const char *own = colon ? pnstrdup(table->resource, colon - table->resource) : table->resource;
	const char *main = NULL;
	ListCell *lc;

	foreach (lc, targets)
		if (main == NULL || strcmp(((MlsGoldTarget *) lfirst(lc))->resource, own) == 0)
			main = ((MlsGoldTarget *) lfirst(lc))->resource;
	foreach (lc, targets)
	{
		MlsGoldTarget *target = lfirst(lc);

		target->is_main = strcmp(target->resource, main) == 0;
	}
}

/* Rows of (resource, key_field, unique_key, variant, condition, key). */
static List *
read_targets(const MlsTable *table)
{
	List *targets = NIL;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MlsGoldTarget *target = palloc0(sizeof(MlsGoldTarget));

		target->resource = mls_text_at(i, 1);
		target->key_field = mls_text_at(i, 2);
		target->unique_key = mls_bool_at(i, 3);
		target->variant = mls_text_at(i, 4);
		target->condition = mls_text_at(i, 5);
		target->key = mls_text_at(i, 6);
		target->origin = target->variant[0] == '\0'
							 ? table->resource
							 : psprintf("%s/%s", table->resource, target->variant);
		target->is_only = SPI_processed == 1;
		targets = lappend(targets, target);
	}
	return targets;
}

List *
mls_gold_targets(const MlsTable *table, Oid silver_table)
{
	List *targets;
	List *relations;
	ListCell *lc;

	if (table->key == NIL)
		return NIL;
	mls_select("SELECT m.resource, d.key_field, d.unique_key, m.variant, m.condition, m.key "
			   "FROM (SELECT DISTINCT ON (resource, variant) * FROM mls.row_map "
			   "WHERE " MLS_MAP_OF_PROTOCOL " AND source IN ('*', $2) AND " MLS_MAP_OF_RESOURCE " "
			   "ORDER BY resource, variant, source_resource = $3 DESC, source <> '*' "
			   "DESC, " MLS_MAP_NEAREST_PROTOCOL ", shipped) m "
			   "JOIN mls.dd_resource d USING (resource) ORDER BY m.key IS NOT NULL, "
			   "m.condition IS NOT NULL, m.resource, m.variant",
			   mls_arg_text(mls_map_protocol(table)), mls_arg_text(table->source->name),
			   mls_arg_text(table->resource));
	if (SPI_processed == 0)
		mls_select("SELECT d.resource, d.key_field, d.unique_key, '', NULL, NULL "
				   "FROM mls.field_map m JOIN mls.dd_resource d "
				   "ON m.resource IN ('*', d.resource) AND "
				   "CASE source_resource WHEN '*' "
				   "THEN d.resource = pg_catalog.split_part($3, ':', 1) "
				   "ELSE " MLS_MAP_OF_RESOURCE " END "
				   "WHERE " MLS_MAP_OF_PROTOCOL " AND m.source IN ('*', $2) "
				   "ORDER BY m.source <> '*' DESC, m.source_resource <> '*' DESC, "
				   "m.priority DESC, m.shipped, d.resource LIMIT 1",
				   mls_arg_text(mls_map_protocol(table)), mls_arg_text(table->source->name),
				   mls_arg_text(table->resource));
	targets = read_targets(table);
	if (targets == NIL)
		return NIL;
	find_main(table, targets);
	relations = relations_of(table, silver_table);
	foreach (lc, targets)
	{
		MlsGoldTarget *target = lfirst(lc);

		target->relations = relations;
		target->key_columns = key_columns(table);
		if (strcmp(target->resource, MLS_PLACE_RESOURCE) == 0 && target->variant[0] == '\0' &&
			(target->place = mls_place_relation(silver_table)) != NULL)
			target->relations = lappend(list_copy(relations), target->place);
	}
	return targets;
}

/* ---- Their tables ---- */

Oid
mls_gold_table_in(const MlsGoldTarget *target, Oid schema)
{
	return get_relname_relid(mls_snake_case(target->resource), schema);
}

Oid
mls_gold_table(const MlsGoldTarget *target, Oid gold)
{
	if (target->is_only || !OidIsValid(gold))
		return gold;
	return mls_gold_table_in(target, get_rel_namespace(gold));
}
