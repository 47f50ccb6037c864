/*
 * map.c
 *		From rules and dictionary to what each column of gold is made from.
 *
 * Rules name fields of the source; a field is found in silver through the
 * foreign table, whose columns have silver's names.  The rules that apply are
 * read strongest first, so the first that can be followed makes a field.  A field
 * whose type cannot be turned into the dictionary's is not forced: it stands in
 * gold as a local field, with the type it has.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "nodes/value.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "gold/mapping.h"

#define LOCAL_PREFIX "X_"

/* Fields that rules make without a column of their own come after those of silver. */
#define AFTER_COLUMNS 10000

void
mls_mapping_find(MlsMapping *mapping, const char *problem)
{
	MlsMapFinding *finding;

	if (mapping->rule->shipped)
		return;
	finding = palloc(sizeof(MlsMapFinding));
	finding->field = mapping->rule->field;
	finding->problem = problem;
	mapping->findings = lappend(mapping->findings, finding);
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

/* The resource's fields; the query's columns 1 to 6 are those of MlsMapEntry, in words. */
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
		MlsMapEntry *entry = palloc(sizeof(MlsMapEntry));

		entry->field = mls_text_at(i, 1);
		entry->type = dictionary_type(mls_text_at(i, 2), mls_bool_at(i, 3), mls_bool_at(i, 4));
		entry->lookup = mls_text_at(i, 5);
		entry->is_reference = mls_bool_at(i, 6);
		entry->comment = mls_text_at(i, 7);
		entries = lappend(entries, entry);
	}
	return entries;
}

static const MlsMapEntry *
find_entry(const MlsMapping *mapping, const char *field)
{
	ListCell *lc;

	foreach (lc, mapping->entries)
		if (strcmp(((MlsMapEntry *) lfirst(lc))->field, field) == 0)
			return lfirst(lc);
	return NULL;
}

/* ---- Fields ---- */

const MlsColumn *
mls_mapping_column(const MlsMapping *mapping, int i)
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

static bool
is_made(const MlsMapping *mapping, const char *name)
{
	ListCell *lc;

	foreach (lc, mapping->fields)
		if (strcmp(((MlsGoldField *) lfirst(lc))->name, name) == 0)
			return true;
	return false;
}

static MlsGoldField *
add_field(MlsMapping *mapping, const MlsMapValue *value, const char *name)
{
	MlsGoldField *field = palloc0(sizeof(MlsGoldField));

	field->name = pnstrdup(name, pg_mbcliplen(name, strlen(name), NAMEDATALEN - 1));
	field->value = value->sql;
	field->position = value->position;
	field->source_type = value->type;
	field->type = mls_gold_own_type(value->type);
	field->made_from = value->made_from;
	field->can_fail = value->can_fail;
	field->uses = value->uses;
	field->comment =
		value->column ? psprintf("local field \"%s\"", value->column->field) : "made by a rule";
	field->is_first = !is_made(mapping, field->name);
	field->kind = mapping->rule->kind;
	field->given = mapping->rule->narguments > 0 ? mapping->rule->arguments[0] : value->sql;
	mapping->fields = lappend(mapping->fields, field);
	return field;
}

/* Makes a value the dictionary's field; false if its type does not allow that. */
static bool
add_entry(MlsMapping *mapping, const MlsMapValue *value, const MlsMapEntry *entry)
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
is_key_field(const MlsMapping *mapping, const char *field)
{
	return mapping->target->unique_key && strcmp(field, mapping->target->key_field) == 0;
}

static bool
is_source_key(const MlsMapping *mapping, const char *field)
{
	const List *key = mapping->table->key;

	return list_length(key) == 1 && strcmp(linitial(key), field) == 0;
}

MlsMapValue
mls_mapping_own_value(const MlsMapping *mapping, int i, const MlsColumn *column)
{
	Form_pg_attribute att = TupleDescAttr(mapping->row->desc, i);
	MlsMapValue value = {0};

	value.sql = psprintf(MLS_MAP_ROW ".%s", quote_identifier(NameStr(att->attname)));
	value.type = getBaseType(att->atttypid);
	value.column = column;
	value.position = att->attnum;
	value.made_from = psprintf("column \"%s\"", NameStr(att->attname));
	return value;
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
add_local(MlsMapping *mapping, const MlsMapValue *value)
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
is_refused(const MlsMapping *mapping, const char *name)
{
	return list_member(mapping->none, makeString(pstrdup(name))) ||
		   list_member(mapping->none, makeString(local_name(name))) ||
		   list_member(mapping->none, makeString(psprintf(LOCAL_PREFIX "%s", name)));
}

/* The identity rule: the dictionary's fields by their names, others as local fields. */
static void
apply_identity(MlsMapping *mapping)
{
	for (int i = 0; i < mapping->row->desc->natts; i++)
	{
		const MlsColumn *column = mls_mapping_column(mapping, i);
		const MlsMapEntry *entry;
		MlsMapValue value;
		bool is_key;

		if (column == NULL || mapping->used[i] || is_refused(mapping, identity_name(column)))
			continue;
		is_key = is_key_field(mapping, identity_name(column));
		if (is_key && is_source_key(mapping, column->field))
			continue;
		value = mls_mapping_own_value(mapping, i, column);
		entry = find_entry(mapping, identity_name(column));
		if (is_key || entry == NULL || !add_entry(mapping, &value, entry))
			add_local(mapping, &value);
	}
}

/* ---- Rules ---- */

/* A rule that is followed may still not say what its author means. */
static void
judge_type(MlsMapping *mapping, const MlsMapRule *rule, const MlsMapValue *value, Oid type)
{
	if (strcmp(rule->kind, "constant") == 0 &&
		mls_mapping_is_nothing(mapping, mls_gold_conversion(value->sql, TEXTOID, type, "UTC")))
		mls_mapping_find(mapping, psprintf("\"%s\" is no value of type %s", rule->arguments[0],
										   format_type_be(type)));
	if (strcmp(rule->kind, "expression") == 0 && value->is_typed &&
		mls_gold_conversion_loses(value->type, type))
		mls_mapping_find(mapping,
						 psprintf("the field is of type %s, the expression of type %s: values that "
								  "cannot be converted are left out",
								  format_type_be(type), format_type_be(value->type)));
}

/* Makes a field, if the rule can be followed and no stronger one made or refused it. */
static void
apply_rule(MlsMapping *mapping, const MlsMapRule *rule)
{
	const MlsMapEntry *entry = find_entry(mapping, rule->field);
	MlsMapValue value = {.position = AFTER_COLUMNS + list_length(mapping->fields),
						 .made_from = "a rule"};

	if (is_key_field(mapping, rule->field))
		mls_mapping_find(mapping, "the key is made by the source's key, or by mls.row_map");
	if (is_key_field(mapping, rule->field) || is_made(mapping, rule->field) ||
		list_member(mapping->none, makeString(pstrdup(rule->field))))
		return;
	if (strcmp(rule->kind, "none") == 0)
		mapping->none = lappend(mapping->none, makeString(pstrdup(rule->field)));
	else if (!mls_mapping_rule_value(mapping, rule, &value))
		return;
	else if (entry == NULL)
		add_field(mapping, &value, rule->field);
	else if (!add_entry(mapping, &value, entry))
		mls_mapping_find(mapping,
						 psprintf("a value of type %s cannot become one of type %s",
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

/* The rules for the target, strongest first, those for all other fields last (List of MlsMapRule *). */
static List *
read_rules(const MlsMapping *mapping)
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
			   mls_arg_text(mls_map_protocol(table)), mls_arg_text(table->source->http.name),
			   mls_arg_text(table->resource), mls_arg_text(mapping->target->resource),
			   mls_arg_text(mapping->target->variant));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MlsMapRule *rule = palloc(sizeof(MlsMapRule));

		rule->field = mls_text_at(i, 1);
		rule->kind = mls_text_at(i, 2);
		rule->arguments = read_arguments(i, 3, &rule->narguments);
		rule->shipped = mls_bool_at(i, 4);
		rules = lappend(rules, rule);
	}
	return rules;
}

static void
apply_rules(MlsMapping *mapping)
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

List *
mls_gold_fields(const MlsTable *table, const MlsGoldTarget *target, List **findings)
{
	MlsMapping mapping = {.target = target, .row = linitial(target->relations)};

	/* With the columns that are silver's alone. */
	mapping.table = mapping.row->table;
	mapping.used = palloc0(mapping.row->desc->natts * sizeof(bool));
	mapping.entries = read_entries(target);
	apply_rules(&mapping);
	list_sort(mapping.fields, compare_fields);
	if (findings != NULL)
		*findings = mapping.findings;
	return mapping.fields;
}
