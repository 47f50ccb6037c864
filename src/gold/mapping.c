/*
 * mapping.c
 *		From rules and dictionary to what each column of gold is made from.
 *
 * Rules name fields of the source; a field is found in silver through the
 * foreign table, whose columns have silver's names.  The rules that apply are
 * read strongest first, so the first that can be followed makes a field.  A field
 * whose type cannot be turned into the dictionary's is not forced: it stands in
 * gold as a local field, with the type it has.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "nodes/value.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "gold/map.h"
#include "gold/place.h"
#include "options/options.h"

/* A field of the Data Dictionary. */
typedef struct Entry
{
	const char *field;
	Oid type; /* InvalidOid: an expansion, of the source's own type */
	const char *lookup;
	bool is_reference;
	const char *comment;
} Entry;

/* A row of mls.field_map. */
typedef struct Rule
{
	const char *field;
	const char *kind;
	char **arguments;
	int narguments;
	bool shipped;
} Rule;

/* A value that is to become a field. */
typedef struct Value
{
	const char *sql;
	Oid type;
	const MlsColumn *column; /* it is the value of this column; or NULL */
	int position;
	const char *made_from;
	List *uses; /* of String */
	bool can_fail;
	bool
		is_typed; /* an expression whose columns are all there: its type is what its author means */
} Value;

/* What the steps of one call know. */
typedef struct Mapping
{
	const MlsTable *table;
	const MlsGoldTarget *target;
	const MlsMapRelation *row;
	List *entries;  /* of Entry * */
	List *fields;   /* of MlsGoldField *, the result */
	List *none;     /* of String: fields that rules keep out */
	List *findings; /* of MlsMapFinding * */
	bool *used;     /* by attribute of silver: a rule of its own takes it */
	const Rule *rule;
	bool without_place; /* rules that use the place are passed over */
} Mapping;

#define LOCAL_PREFIX "X_"

/* Fields that rules make without a column of their own come after those of silver. */
#define AFTER_COLUMNS 10000

/* Notes that the rule at hand cannot be followed; what shipped rules do not find is no news. */
static void
note_finding(Mapping *mapping, const char *problem)
{
	MlsMapFinding *finding;

	if (mapping->rule->shipped)
		return;
	finding = palloc(sizeof(MlsMapFinding));
	finding->field = mapping->rule->field;
	finding->problem = problem;
	mapping->findings = lappend(mapping->findings, finding);
}

/* ---- Columns ---- */

/* The column of the table that the i-th of silver is, or NULL. */
static const MlsColumn *
column_of(const Mapping *mapping, int i)
{
	Form_pg_attribute att = TupleDescAttr(mapping->row->desc, i);
	const MlsTable *table = mapping->table;

	if (att->attisdropped)
		return NULL;
	for (int j = 0; j < table->ncolumns; j++)
		if (table->columns[j].field != NULL && strcmp(table->columns[j].field, "*") != 0 &&
			strcmp(table->columns[j].name, NameStr(att->attname)) == 0)
			return &table->columns[j];
	return NULL;
}

/* The value of the i-th column of silver, which is that column of the foreign table, or NULL. */
static Value
own_value(const Mapping *mapping, int i, const MlsColumn *column)
{
	Form_pg_attribute att = TupleDescAttr(mapping->row->desc, i);
	Value value = {0};

	value.sql = psprintf(MLS_MAP_ROW ".%s", quote_identifier(NameStr(att->attname)));
	value.type = getBaseType(att->atttypid);
	value.column = column;
	value.position = att->attnum;
	value.made_from = psprintf("column \"%s\"", NameStr(att->attname));
	return value;
}

/* ---- A rule ---- */

/* "Field" or "alias.Field"; false, with a finding, if the source does not have it. */
static bool
field_value(Mapping *mapping, const char *name, Value *value)
{
	const char *dot = strchr(name, '.');
	const MlsMapRelation *relation = NULL;
	const char *column;

	if (dot != NULL)
		relation = mls_map_relation(mapping->target->relations, pnstrdup(name, dot - name));
	if (relation == NULL)
		relation = mapping->row;
	else
		name = dot + 1;
	column = mls_map_column(relation, name);
	if (column == NULL)
	{
		note_finding(mapping, psprintf("the source has no field \"%s\"", name));
		return false;
	}
	for (int i = 0; i < relation->desc->natts; i++)
		if (!TupleDescAttr(relation->desc, i)->attisdropped &&
			strcmp(NameStr(TupleDescAttr(relation->desc, i)->attname), column) == 0)
		{
			value->type = getBaseType(TupleDescAttr(relation->desc, i)->atttypid);
			if (relation == mapping->row)
			{
				*value = own_value(mapping, i, column_of(mapping, i));
				mapping->used[i] = true;
				return true;
			}
		}
	value->sql = psprintf("%s.%s", relation->alias, quote_identifier(column));
	value->uses = list_make1(makeString(pstrdup(relation->alias)));
	return true;
}

/* The values of a lookup as a jsonb literal: looked up by halving, whatever their number. */
static char *
lookup_table(const Mapping *mapping, const char *lookup)
{
	mls_select("SELECT pg_catalog.jsonb_object_agg(value, result) FROM ("
			   "SELECT DISTINCT ON (value) value, result FROM mls.value_map "
			   "WHERE " MLS_MAP_OF_PROTOCOL " AND source IN ('*', $2) AND lookup = $3 "
			   "ORDER BY value, source <> '*' DESC, " MLS_MAP_NEAREST_PROTOCOL ", shipped) v",
			   mls_arg_text(mls_map_protocol(mapping->table)),
			   mls_arg_text(mapping->table->source->name), mls_arg_text(lookup));
	return mls_text_at(0, 1);
}

/* One value through a lookup; `other` is what becomes of values it does not have. */
static char *
looked_up(const char *literal, const char *value, const char *other)
{
	const char *key = psprintf("pg_catalog.lower(pg_catalog.btrim(%s))", value);
	const char *rest = other == NULL             ? "NULL"
					   : strcmp(other, "*") == 0 ? value
												 : quote_literal_cstr(other);

	if (other == NULL)
		return psprintf("(%s::pg_catalog.jsonb ->> %s)", literal, key);
	return psprintf("CASE WHEN %s::pg_catalog.jsonb ? %s THEN %s::pg_catalog.jsonb ->> %s "
					"ELSE %s END",
					literal, key, literal, key, rest);
}

/* A field of the source through a lookup; of a list, those of its values that become something. */
static bool
field_looked_up(Mapping *mapping, const char *field, const char *table, const char *other,
				Value *value)
{
	char *text;

	if (!field_value(mapping, field, value))
		return false;
	if (value->type == TEXTARRAYOID)
	{
		value->sql = psprintf("nullif(ARRAY(SELECT w FROM (SELECT %s AS w, n "
							  "FROM pg_catalog.unnest(%s) WITH ORDINALITY u (v, n)) l "
							  "WHERE w IS NOT NULL ORDER BY n), '{}')",
							  looked_up(table, "u.v", other), value->sql);
		return true;
	}
	text = mls_gold_conversion(value->sql, value->type, TEXTOID, "UTC");
	if (text == NULL)
	{
		note_finding(mapping, psprintf("field \"%s\" has a type without lookup values", field));
		return false;
	}
	value->sql = looked_up(table, text, other);
	value->type = TEXTOID;
	return true;
}

/* The first of the fields named ("a|b") whose value the lookup makes something of. */
static bool
lookup_value(Mapping *mapping, const Rule *rule, Value *value)
{
	const char *other = rule->narguments > 2 ? rule->arguments[2] : NULL;
	const char *table = lookup_table(mapping, rule->arguments[1]);
	char *fields = pstrdup(rule->arguments[0]);
	char *field;
	Value all = {0};

	if (table == NULL)
	{
		note_finding(mapping, psprintf("lookup \"%s\" has no values", rule->arguments[1]));
		return false;
	}
	table = quote_literal_cstr(table);
	while ((field = strsep(&fields, "|")) != NULL)
	{
		Value one = *value;

		if (!field_looked_up(mapping, field, table, fields == NULL ? other : NULL, &one) ||
			(all.sql != NULL && all.type != one.type))
			continue;
		one.sql = all.sql == NULL ? one.sql : psprintf("coalesce(%s, %s)", all.sql, one.sql);
		one.uses = list_concat_unique(list_copy(all.uses), one.uses);
		all = one;
	}
	all.column = NULL;
	if (all.sql != NULL)
		*value = all;
	return all.sql != NULL;
}

static bool
is_setting(const char *argument)
{
	return strncmp(argument, MLS_MAP_SETTING ".", strlen(MLS_MAP_SETTING ".")) == 0;
}

/* The value of a setting as a literal, or the text itself. */
static char *
setting_or_text(const char *argument)
{
	if (is_setting(argument))
		return psprintf(MLS_MAP_SETTING ".%s",
						quote_identifier(argument + strlen(MLS_MAP_SETTING ".")));
	return psprintf("%s::pg_catalog.text", quote_literal_cstr(argument));
}

/* Is a value without columns NULL?  Asked of rules of the user only. */
static bool
is_nothing(const Mapping *mapping, const char *value)
{
	if (mapping->rule->shipped || value == NULL)
		return false;
	mls_select(psprintf("SELECT (%s) IS NULL", value));
	return mls_bool_at(0, 1);
}

static bool
unit_value(Mapping *mapping, const Rule *rule, Value *value)
{
	char *number;

	if (!field_value(mapping, rule->arguments[0], value))
		return false;
	number = mls_gold_conversion(value->sql, value->type, NUMERICOID, "UTC");
	if (number == NULL)
	{
		note_finding(mapping, psprintf("field \"%s\" holds no numbers", rule->arguments[0]));
		return false;
	}
	if (!is_setting(rule->arguments[1]) && !is_setting(rule->arguments[2]) &&
		is_nothing(mapping,
				   psprintf("mls.convert_unit(1, %s, %s)", setting_or_text(rule->arguments[1]),
							setting_or_text(rule->arguments[2]))))
	{
		note_finding(mapping, psprintf("\"%s\" cannot be converted to \"%s\"", rule->arguments[1],
									   rule->arguments[2]));
		return false;
	}
	value->uses = list_append_unique(value->uses, makeString(MLS_MAP_SETTING));
	value->sql = psprintf("mls.convert_unit(%s, %s, %s)", number,
						  setting_or_text(rule->arguments[1]), setting_or_text(rule->arguments[2]));
	value->type = NUMERICOID;
	value->column = NULL;
	return true;
}

static void
name_rule(void *arg)
{
	const Mapping *mapping = arg;

	errcontext("mapping rule for field \"%s\" of resource %s", mapping->rule->field,
			   mapping->target->resource);
}

static bool
expression_value(Mapping *mapping, const Rule *rule, Value *value)
{
	const char *expression =
		mls_map_without_missing(rule->arguments, rule->narguments, mapping->target->relations);
	ErrorContextCallback callback = {.callback = name_rule, .arg = mapping};
	const char *missing;

	callback.previous = error_context_stack;
	error_context_stack = &callback;
	value->uses = mls_map_expression_uses(expression, &missing, mapping->target->relations);
	if (missing != NULL)
		note_finding(mapping, psprintf("there is no column %s", missing));
	else
	{
		value->sql = psprintf("(%s\n)", expression);
		value->type = mls_map_expression_type(expression, mapping->target->relations);
		value->can_fail = true;
		value->is_typed = expression == rule->arguments[0];
	}
	error_context_stack = callback.previous;
	return missing == NULL;
}

/* A list of values, written as a text or as an array, each through a lookup. */
static bool
list_value(Mapping *mapping, Rule rule, Value *value)
{
	const char *lookup = rule.arguments[1];
	const char *other = rule.narguments > 2 ? quote_literal_cstr(rule.arguments[2]) : "NULL";
	const char *table = lookup_table(mapping, lookup);

	if (table == NULL)
	{
		note_finding(mapping, psprintf("lookup \"%s\" has no values", lookup));
		return false;
	}
	rule.narguments = 1;
	if (!expression_value(mapping, &rule, value))
		return false;
	if (value->type == TEXTARRAYOID)
		value->sql = psprintf("pg_catalog.array_to_string(%s, ', ')", value->sql);
	else if (value->type != TEXTOID)
	{
		note_finding(mapping,
					 psprintf("a value of type %s is no list", format_type_be(value->type)));
		return false;
	}
	value->sql = psprintf("mls.map_list(%s, %s::pg_catalog.jsonb, %s)", value->sql,
						  quote_literal_cstr(table), other);
	value->type = TEXTARRAYOID;
	return true;
}

/* What a rule makes; false if it cannot be followed. */
static bool
rule_value(Mapping *mapping, const Rule *rule, Value *value)
{
	if (strcmp(rule->kind, "field") == 0)
		return field_value(mapping, rule->arguments[0], value);
	if (strcmp(rule->kind, "lookup") == 0)
		return lookup_value(mapping, rule, value);
	if (strcmp(rule->kind, "unit") == 0)
		return unit_value(mapping, rule, value);
	if (strcmp(rule->kind, "list") == 0)
		return list_value(mapping, *rule, value);
	if (strcmp(rule->kind, "expression") == 0)
		return expression_value(mapping, rule, value);
	value->sql = psprintf("%s::pg_catalog.text", quote_literal_cstr(rule->arguments[0]));
	value->type = TEXTOID;
	return true;
}

/* ---- Dictionary ---- */

static Oid
dictionary_type(const char *edm, bool is_collection, bool is_expansion)
{
	static const struct
	{
		const char *edm;
		Oid type;
	} types[] = {
		{"Edm.String", TEXTOID},  {"Edm.Int64", INT8OID}, {"Edm.Decimal", NUMERICOID},
		{"Edm.Boolean", BOOLOID}, {"Edm.Date", DATEOID},  {"Edm.DateTimeOffset", TIMESTAMPTZOID},
	};

	if (is_expansion)
		return InvalidOid;
	for (int i = 0; i < lengthof(types); i++)
		if (strcmp(types[i].edm, edm) == 0)
			return is_collection ? get_array_type(types[i].type) : types[i].type;
	return InvalidOid;
}

/* The resource's fields; the query's columns 1 to 6 are those of Entry, in words. */
static List *
read_entries(const MlsGoldTarget *target)
{
	List *entries = NIL;

	mls_select("SELECT field, type, is_collection, is_expansion, lookup_name, "
			   "target_resource IS NOT NULL AND NOT is_expansion, "
			   "CASE WHEN is_collection THEN 'Collection(' || type || ')' "
			   "WHEN max_length IS NOT NULL THEN type || '(' || max_length || ')' "
			   "WHEN scale > 0 THEN type || '(' || precision || ',' || scale || ')' "
			   "ELSE type END || coalesce(', lookup ' || lookup_name, '') "
			   "FROM mls.dd_field WHERE resource = $1",
			   mls_arg_text(target->resource));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Entry *entry = palloc(sizeof(Entry));

		entry->field = mls_text_at(i, 1);
		entry->type = dictionary_type(mls_text_at(i, 2), mls_bool_at(i, 3), mls_bool_at(i, 4));
		entry->lookup = mls_text_at(i, 5);
		entry->is_reference = mls_bool_at(i, 6);
		entry->comment = mls_text_at(i, 7);
		entries = lappend(entries, entry);
	}
	return entries;
}

static const Entry *
find_entry(const Mapping *mapping, const char *field)
{
	ListCell *lc;

	foreach (lc, mapping->entries)
		if (strcmp(((Entry *) lfirst(lc))->field, field) == 0)
			return lfirst(lc);
	return NULL;
}

/* ---- Fields ---- */

const MlsGoldField *
mls_gold_field(const List *fields, const char *name)
{
	ListCell *lc;

	foreach (lc, fields)
		if (strcmp(((MlsGoldField *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

static MlsGoldField *
add_field(Mapping *mapping, const Value *value, const char *name)
{
	MlsGoldField *field = palloc0(sizeof(MlsGoldField));

	field->name = pnstrdup(name, pg_mbcliplen(name, strlen(name), NAMEDATALEN - 1));
	field->value = value->sql;
	field->position = value->position;
	field->source_type = value->type;
	field->type = mls_gold_own_type(value->type);
	field->made_from = value->made_from;
	field->can_fail =
		value->can_fail || (mapping->target->place && mapping->target->place->can_fail &&
							list_member(value->uses, makeString(MLS_MAP_PLACE)));
	field->uses = value->uses;
	field->comment =
		value->column ? psprintf("local field \"%s\"", value->column->field) : "made by a rule";
	field->is_first = mls_gold_field(mapping->fields, field->name) == NULL;
	field->kind = mapping->rule->kind;
	field->given = mapping->rule->narguments > 0 ? mapping->rule->arguments[0] : value->sql;
	mapping->fields = lappend(mapping->fields, field);
	return field;
}

/* Makes a value the dictionary's field; false if its type does not allow that. */
static bool
add_entry(Mapping *mapping, const Value *value, const Entry *entry)
{
	MlsGoldField *field;

	if (OidIsValid(entry->type) && mls_gold_conversion("", value->type, entry->type, "UTC") == NULL)
		return false;
	field = add_field(mapping, value, entry->field);
	if (OidIsValid(entry->type))
		field->type = entry->type;
	field->lookup = value->column && value->column->is_enum ? entry->lookup : NULL;
	field->is_reference = entry->is_reference;
	field->comment = entry->comment;
	return true;
}

/* Is this the field that the source's key, whatever its name, stands in? */
static bool
is_key_field(const Mapping *mapping, const char *field)
{
	return mapping->target->unique_key && strcmp(field, mapping->target->key_field) == 0;
}

static bool
is_source_key(const Mapping *mapping, const char *field)
{
	const List *key = mapping->table->key;

	return list_length(key) == 1 && strcmp(linitial(key), field) == 0;
}

/*
 * The name of a field outside the dictionary: its own as a word of SQL, behind the
 * prefix.  One that is too long for a column ends with its fingerprint, so that
 * fields whose names begin alike do not meet in one column.
 */
static char *
local_name(const char *field)
{
	bool has_prefix = strncmp(field, LOCAL_PREFIX, strlen(LOCAL_PREFIX)) == 0;
	char *name = has_prefix ? pstrdup(field) : psprintf(LOCAL_PREFIX "%s", field + (*field == '@'));
	Size length = strlen(name);

	for (char *c = name; *c != '\0'; c++)
		if (!isalnum((unsigned char) *c) && !IS_HIGHBIT_SET(*c))
			*c = '_';
	if (length < NAMEDATALEN)
		return name;
	return psprintf("%.*s_%08x", pg_mbcliplen(name, length, NAMEDATALEN - 1 - 9), name,
					hash_bytes((const unsigned char *) name, length));
}

static void
add_local(Mapping *mapping, const Value *value)
{
	if (mapping->target->is_main)
		add_field(mapping, value, local_name(value->column->field));
}

/* The name under which the identity rule takes a column. */
static const char *
identity_name(const MlsColumn *column)
{
	return column->standard_name ? column->standard_name : column->field;
}

/* Does a rule keep it out, by the source's name or by gold's? */
static bool
is_refused(const Mapping *mapping, const char *name)
{
	return list_member(mapping->none, makeString(pstrdup(name))) ||
		   list_member(mapping->none, makeString(local_name(name))) ||
		   list_member(mapping->none, makeString(psprintf(LOCAL_PREFIX "%s", name)));
}

/* The identity rule: the dictionary's fields by their names, others as local fields. */
static void
apply_identity(Mapping *mapping)
{
	for (int i = 0; i < mapping->row->desc->natts; i++)
	{
		const MlsColumn *column = column_of(mapping, i);
		const Entry *entry;
		Value value;
		bool is_key;

		if (column == NULL || mapping->used[i] || is_refused(mapping, identity_name(column)))
			continue;
		is_key = is_key_field(mapping, identity_name(column));
		if (is_key && is_source_key(mapping, column->field))
			continue;
		value = own_value(mapping, i, column);
		entry = find_entry(mapping, identity_name(column));
		if (is_key || entry == NULL || !add_entry(mapping, &value, entry))
			add_local(mapping, &value);
	}
}

/* ---- Rules ---- */

/* A rule that is followed may still not say what its author means. */
static void
judge_type(Mapping *mapping, const Rule *rule, const Value *value, Oid type)
{
	if (strcmp(rule->kind, "constant") == 0 &&
		is_nothing(mapping, mls_gold_conversion(value->sql, TEXTOID, type, "UTC")))
		note_finding(mapping, psprintf("\"%s\" is no value of type %s", rule->arguments[0],
									   format_type_be(type)));
	if (strcmp(rule->kind, "expression") == 0 && value->is_typed &&
		mls_gold_conversion_loses(value->type, type))
		note_finding(mapping,
					 psprintf("the field is of type %s, the expression of type %s: values that "
							  "cannot be converted are left out",
							  format_type_be(type), format_type_be(value->type)));
}

/* Makes a field, if the rule can be followed and no stronger one made or refused it. */
static void
apply_rule(Mapping *mapping, const Rule *rule)
{
	const Entry *entry = find_entry(mapping, rule->field);
	Value value = {.position = AFTER_COLUMNS + list_length(mapping->fields), .made_from = "a rule"};

	if (is_key_field(mapping, rule->field))
		note_finding(mapping, "the key is made by the source's key, or by mls.row_map");
	if (is_key_field(mapping, rule->field) ||
		mls_gold_field(mapping->fields, rule->field) != NULL ||
		list_member(mapping->none, makeString(pstrdup(rule->field))))
		return;
	if (strcmp(rule->kind, "none") == 0)
		mapping->none = lappend(mapping->none, makeString(pstrdup(rule->field)));
	else if (!rule_value(mapping, rule, &value) ||
			 (mapping->without_place && list_member(value.uses, makeString(MLS_MAP_PLACE))))
		return;
	else if (entry == NULL)
		add_field(mapping, &value, rule->field);
	else if (!add_entry(mapping, &value, entry))
		note_finding(mapping, psprintf("a value of type %s cannot become one of type %s",
									   format_type_be(value.type), format_type_be(entry->type)));
	else if (OidIsValid(entry->type))
		judge_type(mapping, rule, &value, entry->type);
}

static char **
read_arguments(uint64 row, int column, int *n)
{
	bool isnull;
	Datum array = mls_cell(SPI_tuptable, row, column, &isnull);
	Datum *elements;
	char **arguments;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL,
					  n);
	arguments = palloc(Max(*n, 1) * sizeof(char *));
	for (int i = 0; i < *n; i++)
		arguments[i] = TextDatumGetCString(elements[i]);
	return arguments;
}

/* The rules for the target, strongest first, those for all other fields last (List of Rule *). */
static List *
read_rules(const Mapping *mapping)
{
	const MlsTable *table = mapping->table;
	List *rules = NIL;

	mls_select("SELECT field, kind, arguments, shipped FROM mls.field_map "
			   "WHERE " MLS_MAP_OF_PROTOCOL " AND source IN ('*', $2) AND "
			   "resource IN ('*', $4) AND variant IN ('*', $5) AND "
			   "(" MLS_MAP_OF_RESOURCE " OR source_resource = '*' AND "
			   "(pg_catalog.split_part($3, ':', 1) = $4 OR "
			   "EXISTS (SELECT FROM mls.row_map WHERE " MLS_MAP_OF_RESOURCE "))) "
			   "ORDER BY field = '*', source <> '*' DESC, source_resource = $3 DESC, "
			   "source_resource <> '*' DESC, "
			   "resource <> '*' DESC, variant <> '*' DESC, " MLS_MAP_NEAREST_PROTOCOL ", "
			   "priority DESC, shipped, field",
			   mls_arg_text(mls_map_protocol(table)), mls_arg_text(table->source->name),
			   mls_arg_text(table->resource), mls_arg_text(mapping->target->resource),
			   mls_arg_text(mapping->target->variant));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Rule *rule = palloc(sizeof(Rule));

		rule->field = mls_text_at(i, 1);
		rule->kind = mls_text_at(i, 2);
		rule->arguments = read_arguments(i, 3, &rule->narguments);
		rule->shipped = mls_bool_at(i, 4);
		rules = lappend(rules, rule);
	}
	return rules;
}

static void
apply_rules(Mapping *mapping)
{
	ListCell *lc;

	foreach (lc, read_rules(mapping))
	{
		mapping->rule = lfirst(lc);
		if (strcmp(mapping->rule->field, "*") != 0)
			apply_rule(mapping, mapping->rule);
		else
		{
			if (strcmp(mapping->rule->kind, "identity") == 0)
				apply_identity(mapping);
			return;
		}
	}
}

static int
compare_fields(const ListCell *a, const ListCell *b)
{
	return ((MlsGoldField *) lfirst(a))->position - ((MlsGoldField *) lfirst(b))->position;
}

static Mapping
begin_mapping(const MlsGoldTarget *target)
{
	Mapping mapping = {.target = target, .row = linitial(target->relations)};

	/* With the columns that are silver's alone. */
	mapping.table = mapping.row->table;
	mapping.used = palloc0(mapping.row->desc->natts * sizeof(bool));
	mapping.entries = read_entries(target);
	return mapping;
}

/* Tells the place what the address is made from: by the rules that do not use the place themselves. */
static void
locate(const MlsGoldTarget *target)
{
	Mapping mapping = begin_mapping(target);
	char *values[MLS_PLACE_FIELDS] = {NULL};
	List *uses = NIL;
	bool can_fail = false;

	mapping.without_place = true;
	apply_rules(&mapping);
	for (int i = 0; i < MLS_PLACE_FIELDS; i++)
	{
		const MlsGoldField *field = mls_gold_field(mapping.fields, mls_place_fields[i]);

		if (field == NULL)
			continue;
		values[i] = pstrdup(field->value);
		uses = list_concat_unique(uses, field->uses);
		can_fail |= field->can_fail;
	}
	mls_place_locate(target->place, mls_gold_source_key(target), values, uses, can_fail);
}

List *
mls_gold_fields(const MlsTable *table, const MlsGoldTarget *target, List **findings)
{
	Mapping mapping;

	if (target->place != NULL && target->place->question == NULL)
		locate(target);
	mapping = begin_mapping(target);
	apply_rules(&mapping);
	list_sort(mapping.fields, compare_fields);
	if (findings != NULL)
		*findings = mapping.findings;
	return mapping.fields;
}
