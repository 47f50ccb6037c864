/*
 * rule_value.c
 *		From one rule to the SQL of its value.
 *
 * What a rule names that the source does not have is a finding, not an error.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "gold/mapping.h"

/* "Field" or "alias.Field"; false, with a finding, if the source does not have it. */
static bool
field_value(MlsMapping *mapping, const char *name, MlsMapValue *value)
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
		mls_mapping_find(mapping, psprintf("the source has no field \"%s\"", name));
		return false;
	}
	for (int i = 0; i < relation->desc->natts; i++)
		if (!TupleDescAttr(relation->desc, i)->attisdropped &&
			strcmp(NameStr(TupleDescAttr(relation->desc, i)->attname), column) == 0)
		{
			value->type = getBaseType(TupleDescAttr(relation->desc, i)->atttypid);
			if (relation == mapping->row)
			{
				*value = mls_mapping_own_value(mapping, i, mls_mapping_column(mapping, i));
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
lookup_table(const MlsMapping *mapping, const char *lookup)
{

	mls_select("SELECT pg_catalog.jsonb_object_agg(value, result) FROM ("
			   "SELECT DISTINCT ON (value) value, result FROM mls.value_map "
			   "WHERE " MLS_MAP_OF_PROTOCOL " AND source IN ('*', $2) AND lookup = $3 "
			   "ORDER BY value, source <> '*' DESC, " MLS_MAP_NEAREST_PROTOCOL ", shipped) v",
			   mls_arg_text(mls_map_protocol(mapping->table)),
			   mls_arg_text(mapping->table->source->http.name), mls_arg_text(lookup));
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
field_looked_up(MlsMapping *mapping, const char *field, const char *table, const char *other,
				MlsMapValue *value)
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
		mls_mapping_find(mapping, psprintf("field \"%s\" has a type without lookup values", field));
		return false;
	}
	value->sql = looked_up(table, text, other);
	value->type = TEXTOID;
	return true;
}

/* The first of the fields named ("a|b") whose value the lookup makes something of. */
static bool
lookup_value(MlsMapping *mapping, const MlsMapRule *rule, MlsMapValue *value)
{
	const char *other = rule->narguments > 2 ? rule->arguments[2] : NULL;
	const char *table = lookup_table(mapping, rule->arguments[1]);
	char *fields = pstrdup(rule->arguments[0]);
	char *field;
	MlsMapValue all = {0};

	if (table == NULL)
	{
		mls_mapping_find(mapping, psprintf("lookup \"%s\" has no values", rule->arguments[1]));
		return false;
	}
	table = quote_literal_cstr(table);
	while ((field = strsep(&fields, "|")) != NULL)
	{
		MlsMapValue one = *value;

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

bool
mls_mapping_is_nothing(const MlsMapping *mapping, const char *value)
{
	if (mapping->rule->shipped || value == NULL)
		return false;
	mls_select(psprintf("SELECT (%s) IS NULL", value));
	return mls_bool_at(0, 1);
}

static bool
unit_value(MlsMapping *mapping, const MlsMapRule *rule, MlsMapValue *value)
{
	char *number;

	if (!field_value(mapping, rule->arguments[0], value))
		return false;
	number = mls_gold_conversion(value->sql, value->type, NUMERICOID, "UTC");
	if (number == NULL)
	{
		mls_mapping_find(mapping, psprintf("field \"%s\" holds no numbers", rule->arguments[0]));
		return false;
	}
	if (!is_setting(rule->arguments[1]) && !is_setting(rule->arguments[2]) &&
		mls_mapping_is_nothing(mapping, psprintf("mls.convert_unit(1, %s, %s)",
												 setting_or_text(rule->arguments[1]),
												 setting_or_text(rule->arguments[2]))))
	{
		mls_mapping_find(mapping, psprintf("\"%s\" cannot be converted to \"%s\"",
										   rule->arguments[1], rule->arguments[2]));
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
	const MlsMapping *mapping = arg;

	errcontext("mapping rule for field \"%s\" of resource %s", mapping->rule->field,
			   mapping->target->resource);
}

static bool
expression_value(MlsMapping *mapping, const MlsMapRule *rule, MlsMapValue *value)
{
	const char *expression =
		mls_map_without_missing(rule->arguments, rule->narguments, mapping->target->relations);
	ErrorContextCallback callback = {.callback = name_rule, .arg = mapping};
	const char *missing;

	callback.previous = error_context_stack;
	error_context_stack = &callback;
	value->uses = mls_map_expression_uses(expression, &missing, mapping->target->relations);
	if (missing != NULL)
		mls_mapping_find(mapping, psprintf("there is no column %s", missing));
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
list_value(MlsMapping *mapping, MlsMapRule rule, MlsMapValue *value)
{
	const char *lookup = rule.arguments[1];
	const char *other = rule.narguments > 2 ? quote_literal_cstr(rule.arguments[2]) : "NULL";
	const char *table = lookup_table(mapping, lookup);

	if (table == NULL)
	{
		mls_mapping_find(mapping, psprintf("lookup \"%s\" has no values", lookup));
		return false;
	}
	rule.narguments = 1;
	if (!expression_value(mapping, &rule, value))
		return false;
	if (value->type == TEXTARRAYOID)
		value->sql = psprintf("pg_catalog.array_to_string(%s, ', ')", value->sql);
	else if (value->type != TEXTOID)
	{
		mls_mapping_find(mapping,
						 psprintf("a value of type %s is no list", format_type_be(value->type)));
		return false;
	}
	value->sql = psprintf("mls.map_list(%s, %s::pg_catalog.jsonb, %s)", value->sql,
						  quote_literal_cstr(table), other);
	value->type = TEXTARRAYOID;
	return true;
}

/* What a rule makes; false if it cannot be followed. */
bool
mls_mapping_rule_value(MlsMapping *mapping, const MlsMapRule *rule, MlsMapValue *value)
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
