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

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "gold/map.h"
#include "options/options.h"

#define LOCAL_PREFIX "X_"

/* A field of the Data Dictionary. */
typedef struct Entry
{
	const char *field;
	Oid type; /* InvalidOid: an expansion, of the source's own type */
	const char *lookup;
	bool is_reference;
	const char *comment;
} Entry;

/* What the steps of one call know. */
typedef struct Mapping
{
	const MlsTable *table;
	const MlsGoldResource *resource;
	TupleDesc silver;
	List *entries; /* of Entry * */
	List *fields;  /* of MlsGoldField *, the result */
	bool *used;    /* by attribute of silver: a rule of its own takes it */
} Mapping;

static void
query(const char *sql, int nargs, const char *const *arguments)
{
	Oid types[4] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	Datum values[4];

	Assert(nargs <= lengthof(values));
	for (int i = 0; i < nargs; i++)
		values[i] = CStringGetTextDatum(arguments[i]);
	SPI_execute_with_args(sql, nargs, types, values, NULL, true, 0);
}

static char *
text_at(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

static bool
bool_at(uint64 row, int column)
{
	bool isnull;

	return DatumGetBool(
		SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull));
}

/* ---- Resource and key ---- */

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

MlsGoldResource *
mls_gold_resource(const MlsTable *table)
{
	MlsGoldResource *resource;
	const char *arguments[] = {table->source->protocol->name, table->source->http.name,
							   table->resource};

	query("SELECT r.resource, r.key_field, r.unique_key "
		  "FROM mls.field_map m JOIN mls.dd_resource r "
		  "ON m.resource IN ('*', r.resource) AND "
		  "$3 = CASE m.source_resource WHEN '*' THEN r.resource ELSE m.source_resource END "
		  "WHERE m.protocol IN ('*', $1) AND m.source IN ('*', $2) "
		  "ORDER BY m.source <> '*' DESC, m.source_resource <> '*' DESC, m.priority DESC, "
		  "m.shipped, r.resource LIMIT 1",
		  3, arguments);
	if (SPI_processed == 0 || table->key == NIL)
		return NULL;
	resource = palloc(sizeof(MlsGoldResource));
	resource->name = text_at(0, 1);
	resource->key_field = text_at(0, 2);
	resource->unique_key = bool_at(0, 3);
	resource->key_columns = key_columns(table);
	return resource;
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
read_entries(const MlsGoldResource *resource)
{
	const char *arguments[] = {resource->name};
	List *entries = NIL;

	query("SELECT field, type, is_collection, is_expansion, lookup_name, "
		  "target_resource IS NOT NULL AND NOT is_expansion, "
		  "CASE WHEN is_collection THEN 'Collection(' || type || ')' "
		  "WHEN max_length IS NOT NULL THEN type || '(' || max_length || ')' "
		  "WHEN scale > 0 THEN type || '(' || precision || ',' || scale || ')' "
		  "ELSE type END || coalesce(', lookup ' || lookup_name, '') "
		  "FROM mls.dd_field WHERE resource = $1",
		  1, arguments);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Entry *entry = palloc(sizeof(Entry));

		entry->field = text_at(i, 1);
		entry->type = dictionary_type(text_at(i, 2), bool_at(i, 3), bool_at(i, 4));
		entry->lookup = text_at(i, 5);
		entry->is_reference = bool_at(i, 6);
		entry->comment = text_at(i, 7);
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

static const MlsColumn *
column_of(const Mapping *mapping, int i)
{
	Form_pg_attribute att = TupleDescAttr(mapping->silver, i);
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
is_made(const Mapping *mapping, const char *name)
{
	ListCell *lc;

	foreach (lc, mapping->fields)
		if (strcmp(((MlsGoldField *) lfirst(lc))->name, name) == 0)
			return true;
	return false;
}

static MlsGoldField *
add_field(Mapping *mapping, int i, const MlsColumn *column, const char *name)
{
	Form_pg_attribute att = TupleDescAttr(mapping->silver, i);
	MlsGoldField *field = palloc0(sizeof(MlsGoldField));

	field->name = pnstrdup(name, pg_mbcliplen(name, strlen(name), NAMEDATALEN - 1));
	field->column = pstrdup(NameStr(att->attname));
	field->attnum = att->attnum;
	field->source_type = getBaseType(att->atttypid);
	field->type = mls_gold_own_type(field->source_type);
	field->comment = psprintf("local field \"%s\"", column->field);
	field->is_first = !is_made(mapping, field->name);
	mapping->fields = lappend(mapping->fields, field);
	return field;
}

/* Takes a column into the dictionary's field; false if its type does not allow that. */
static bool
add_entry(Mapping *mapping, int i, const MlsColumn *column, const Entry *entry)
{
	Oid from = getBaseType(TupleDescAttr(mapping->silver, i)->atttypid);
	MlsGoldField *field;

	if (OidIsValid(entry->type) && mls_gold_conversion("", from, entry->type, "UTC") == NULL)
		return false;
	field = add_field(mapping, i, column, entry->field);
	if (OidIsValid(entry->type))
		field->type = entry->type;
	field->lookup = column->is_enum ? entry->lookup : NULL;
	field->is_reference = entry->is_reference;
	field->comment = entry->comment;
	return true;
}

/* Is this the field that the source's key, whatever its name, stands in? */
static bool
is_key_field(const Mapping *mapping, const char *field)
{
	return mapping->resource->unique_key && strcmp(field, mapping->resource->key_field) == 0;
}

static bool
is_source_key(const Mapping *mapping, const char *field)
{
	const List *key = mapping->table->key;

	return list_length(key) == 1 && strcmp(linitial(key), field) == 0;
}

static void
add_local(Mapping *mapping, int i, const MlsColumn *column)
{
	bool has_prefix = strncmp(column->field, LOCAL_PREFIX, strlen(LOCAL_PREFIX)) == 0;

	add_field(mapping, i, column,
			  has_prefix ? column->field : psprintf(LOCAL_PREFIX "%s", column->field));
}

/* The identity rule: the dictionary's fields by their names, others as local fields. */
static void
apply_identity(Mapping *mapping)
{
	for (int i = 0; i < mapping->silver->natts; i++)
	{
		const MlsColumn *column = column_of(mapping, i);
		const Entry *entry;
		bool is_key;

		if (column == NULL || mapping->used[i])
			continue;
		is_key = is_key_field(mapping, column->field);
		if (is_key && is_source_key(mapping, column->field))
			continue;
		entry = find_entry(mapping, column->field);
		if (is_key || entry == NULL || !add_entry(mapping, i, column, entry))
			add_local(mapping, i, column);
	}
}

/* A rule of kind field, if the source has its field and no stronger rule made the same. */
static void
apply_rule(Mapping *mapping, const char *name, const char *source_field)
{
	const Entry *entry = find_entry(mapping, name);

	if (is_key_field(mapping, name) || is_made(mapping, name))
		return;
	for (int i = 0; i < mapping->silver->natts; i++)
	{
		const MlsColumn *column = column_of(mapping, i);

		if (column == NULL || strcmp(column->field, source_field) != 0)
			continue;
		if (entry == NULL)
			add_field(mapping, i, column, name);
		else if (!add_entry(mapping, i, column, entry))
			continue;
		mapping->used[i] = true;
		return;
	}
}

static void
apply_rules(Mapping *mapping)
{
	const MlsTable *table = mapping->table;
	const char *arguments[] = {table->source->protocol->name, table->source->http.name,
							   table->resource, mapping->resource->name};

	query("SELECT kind = 'identity', field, arguments[1] FROM mls.field_map "
		  "WHERE protocol IN ('*', $1) AND source IN ('*', $2) AND resource IN ('*', $4) AND "
		  "$3 = CASE source_resource WHEN '*' THEN $4 ELSE source_resource END "
		  "ORDER BY kind = 'identity', source <> '*' DESC, source_resource <> '*' DESC, "
		  "resource <> '*' DESC, protocol <> '*' DESC, priority DESC, shipped",
		  4, arguments);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		if (bool_at(i, 1))
		{
			apply_identity(mapping);
			return;
		}
		apply_rule(mapping, text_at(i, 2), text_at(i, 3));
	}
}

static int
compare_fields(const ListCell *a, const ListCell *b)
{
	return ((MlsGoldField *) lfirst(a))->attnum - ((MlsGoldField *) lfirst(b))->attnum;
}

List *
mls_gold_fields(const MlsTable *table, const MlsGoldResource *resource, Oid silver_table)
{
	Relation silver = table_open(silver_table, AccessShareLock);
	Mapping mapping = {.table = table, .resource = resource};

	mapping.silver = CreateTupleDescCopy(RelationGetDescr(silver));
	table_close(silver, NoLock);
	mapping.used = palloc0(mapping.silver->natts * sizeof(bool));
	mapping.entries = read_entries(resource);
	apply_rules(&mapping);
	list_sort(mapping.fields, compare_fields);
	return mapping.fields;
}
