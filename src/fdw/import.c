/*
 * import.c
 *		IMPORT FOREIGN SCHEMA: the source's resources as foreign tables.
 *
 * The core would run the CREATE FOREIGN TABLE commands that the callback returns,
 * and accepts no others; comments on columns could not be made.  So the commands
 * are run here, in the way the core runs them, each followed by its comments, and
 * an empty list is returned.  LIMIT TO and EXCEPT are therefore ours to obey as
 * well, and may name a table or the resource behind it.
 *
 * Only keys become NOT NULL: sources leave out what they declare as required.
 *
 * Two remote names can give the same SQL name.  They are settled in the order of
 * the remote names: the first keeps it, the others get a number.  So the names do
 * not change when a source lists its fields in another order.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/comment.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/hsearch.h"

#include "base/base.h"
#include "base/name_list.h"
#include "fdw/fdw.h"
#include "options/options.h"

/* PostgreSQL allows 1,600 columns; some are left for what replication adds. */
#define MAX_COLUMNS 1590

/* So many findings are shown one by one. */
#define MAX_NOTICES 5

/* Stands for the whole record among field names. */
#define WHOLE_RECORD "*"

/* The usual name, for platforms whose own is not in a resource. */
#define USUAL_TIMESTAMP "ModificationTimestamp"

typedef struct Import
{
	const ImportForeignSchemaStmt *stmt;
	MlsImportOptions options;
	const MlsSource *source;
} Import;

typedef struct ImportColumn
{
	const char *name;
	const char *field;
	Oid type;
	const char *remote_type; /* or NULL: follows from type */
	const char *lookup;
	const char *standard_name;
	const char *description;
	bool not_null;
	bool is_enum;
	bool is_flags;
} ImportColumn;

typedef struct ImportTable
{
	const MlsRemoteResource *resource;
	const char *name;
	const char *timestamp; /* field, or NULL */
	List *columns;         /* of ImportColumn * */
	List *expand;          /* of char *: navigations */
} ImportTable;

/* ---- SQL names ---- */

typedef struct Taken
{
	char name[NAMEDATALEN];
} Taken;

static int
compare_remote(const void *a, const void *b)
{
	return strcmp(**(const char *const *const *) a, **(const char *const *const *) b);
}

/* Takes a name; false if it is taken. */
static bool
take(HTAB *taken, const char *name)
{
	char key[NAMEDATALEN] = {0};
	bool found;

	strlcpy(key, name, NAMEDATALEN);
	hash_search(taken, key, HASH_ENTER, &found);
	return !found;
}

static char *
clip(const char *name, int length)
{
	return pnstrdup(name, pg_mbcliplen(name, strlen(name), length));
}

static char *
wanted_name(const char *remote, bool preserve)
{
	if (strcmp(remote, WHOLE_RECORD) == 0)
		return pstrdup(preserve ? "Record" : "record");
	return preserve ? clip(remote, NAMEDATALEN - 1) : mls_snake_case(remote);
}

static char *
take_name(HTAB *taken, const char *remote, bool preserve)
{
	char *wanted = wanted_name(remote, preserve);
	char *name = wanted;

	for (int number = 2; !take(taken, name); number++)
	{
		char *suffix = psprintf("_%d", number);

		name = psprintf("%s%s", clip(wanted, NAMEDATALEN - 1 - strlen(suffix)), suffix);
	}
	return name;
}

/*
 * SQL names for remote names: unique, at most 63 bytes, and the same whatever
 * order the remote names come in.  of_columns: avoids names of system columns.
 */
static char **
import_names(const char *const *remote, int count, bool preserve, bool of_columns)
{
	static const char *const system_columns[] = {"tableoid", "cmax", "xmax",
												 "cmin",     "xmin", "ctid"};
	HASHCTL control = {
		.keysize = NAMEDATALEN, .entrysize = sizeof(Taken), .hcxt = CurrentMemoryContext};
	HTAB *taken =
		hash_create("mls_fdw names", 256, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	const char *const **order = palloc(Max(count, 1) * sizeof(*order));
	char **names = palloc(Max(count, 1) * sizeof(*names));

	if (of_columns)
		for (int i = 0; i < lengthof(system_columns); i++)
			take(taken, system_columns[i]);
	for (int i = 0; i < count; i++)
		order[i] = &remote[i];
	qsort(order, count, sizeof(*order), compare_remote);
	for (int i = 0; i < count; i++)
		names[order[i] - remote] = take_name(taken, *order[i], preserve);
	hash_destroy(taken);
	return names;
}

/* ---- what a table consists of ---- */

static bool
has_timestamp(const MlsRemoteResource *resource, const char *name)
{
	ListCell *lc;

	foreach (lc, resource->fields)
	{
		const MlsRemoteField *field = lfirst(lc);

		if (field->pg_type == TIMESTAMPTZOID && strcmp(field->name, name) == 0)
			return true;
	}
	return false;
}

const char *
mls_import_timestamp(const MlsSource *source, const MlsRemoteResource *resource)
{
	const char *usual = source->platform.timestamp;

	if (resource->timestamp && has_timestamp(resource, resource->timestamp))
		return resource->timestamp;
	if (usual && has_timestamp(resource, usual))
		return usual;
	return has_timestamp(resource, USUAL_TIMESTAMP) ? USUAL_TIMESTAMP : NULL;
}

static void
add_column(ImportTable *table, const char *field, Oid type, const char *description)
{
	ImportColumn *column = palloc0(sizeof(ImportColumn));

	column->field = field;
	column->type = type;
	column->description = description;
	table->columns = lappend(table->columns, column);
}

static void
add_field(ImportTable *table, const MlsRemoteField *field)
{
	ImportColumn *column;

	add_column(table, field->name, field->pg_type, field->description);
	column = llast(table->columns);
	column->not_null = mls_resource_is_key(table->resource, field->name);
	column->lookup = field->is_coded ? field->lookup : NULL;
	column->standard_name = field->standard_name;
	column->is_enum = field->is_enum;
	column->is_flags = field->is_flags;
	if (!field->natural)
		column->remote_type = field->type ? field->type : "unknown";
}

static bool
is_essential(const ImportTable *table, const MlsRemoteField *field)
{
	return mls_resource_is_key(table->resource, field->name) ||
		   (table->timestamp && strcmp(table->timestamp, field->name) == 0);
}

/* All fields, or as many as a table can have; key and timestamp are always among them. */
static void
add_fields(ImportTable *table)
{
	int count = list_length(table->resource->fields);
	int room = MAX_COLUMNS - list_length(table->expand);
	bool all = count <= room;
	ListCell *lc;

	room -= list_length(table->resource->key) + 2;
	foreach (lc, table->resource->fields)
		if (all || is_essential(table, lfirst(lc)) || room-- > 0)
			add_field(table, lfirst(lc));
	if (all)
		return;
	add_column(table, WHOLE_RECORD, JSONBOID,
			   "The whole record, with the fields that have no column.");
	ereport(NOTICE,
			(errmsg("resource \"%s\" has more fields than a table can have columns",
					table->resource->name),
			 errdetail("%d of %s become columns; another one holds the whole record.",
					   list_length(table->columns) - 1, mls_counted(count, "field", "fields"))));
}

static const MlsNavigation *
navigation(const MlsRemoteResource *resource, const char *name)
{
	ListCell *lc;

	foreach (lc, resource->navigations)
		if (strcmp(((MlsNavigation *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

static void
find_expansions(const Import *import, ImportTable *table)
{
	ListCell *lc;

	foreach (lc, import->options.expand)
		if (navigation(table->resource, lfirst(lc)))
			table->expand = lappend(table->expand, lfirst(lc));
}

/* Is a standard name that of one column only? */
static bool
is_only(const ImportTable *table, const char *standard_name)
{
	int count = 0;
	ListCell *lc;

	foreach (lc, table->columns)
	{
		const ImportColumn *column = lfirst(lc);
		const char *name = column->standard_name ? column->standard_name : column->field;

		count += strcmp(name, standard_name) == 0 || strcmp(column->field, standard_name) == 0;
	}
	return count == 1;
}

/* Of a path to an element or an attribute, the name it ends with: "Address/City", "@ID". */
static const char *
last_name(const char *field)
{
	const char *slash = strrchr(field, '/');

	if (slash && slash[1])
		field = slash + 1;
	return *field == '@' && field[1] ? field + 1 : field;
}

/* What a column is named after. */
static const char *
name_giver(const Import *import, const ImportTable *table, const ImportColumn *column)
{
	if (import->options.standard_names && column->standard_name &&
		is_only(table, column->standard_name))
		return column->standard_name;
	return last_name(column->field);
}

static void
name_columns(const Import *import, ImportTable *table)
{
	int count = list_length(table->columns);
	const char **fields = palloc(Max(count, 1) * sizeof(char *));
	char **names;

	for (int i = 0; i < count; i++)
		fields[i] = name_giver(import, table, list_nth(table->columns, i));
	names = import_names(fields, count, import->options.preserve_names, true);
	for (int i = 0; i < count; i++)
		((ImportColumn *) list_nth(table->columns, i))->name = names[i];
}

static ImportTable *
plan_table(const Import *import, const MlsRemoteResource *resource, const char *name)
{
	ImportTable *table = palloc0(sizeof(ImportTable));
	ListCell *lc;

	table->resource = resource;
	table->name = name;
	table->timestamp = mls_import_timestamp(import->source, resource);
	find_expansions(import, table);
	add_fields(table);
	foreach (lc, table->expand)
	{
		const MlsNavigation *expanded = navigation(resource, lfirst(lc));

		add_column(table, expanded->field ? expanded->field : expanded->name, JSONBOID,
				   psprintf("Expanded navigation %s.", expanded->name));
	}
	name_columns(import, table);
	return table;
}

/* ---- the command ---- */

/* ", name 'value'"; the first one of a list opens it. */
static void
append_option(StringInfo buf, bool *first, const char *name, const char *value)
{
	appendStringInfo(buf, "%s%s %s", *first ? " OPTIONS (" : ", ", name, quote_literal_cstr(value));
	*first = false;
}

static char *
column_definition(const ImportColumn *column)
{
	return mls_column_sql(&(MlsColumn){.name = column->name,
									   .type = column->type,
									   .field = column->field,
									   .remote_type = column->remote_type,
									   .lookup = column->lookup,
									   .standard_name = column->standard_name,
									   .not_null = column->not_null,
									   .is_enum = column->is_enum,
									   .is_flags = column->is_flags});
}

static char *
create_command(const Import *import, const ImportTable *table)
{
	StringInfoData buf;
	bool first = true;
	ListCell *lc;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE FOREIGN TABLE %s (\n",
					 quote_qualified_identifier(import->stmt->local_schema, table->name));
	foreach (lc, table->columns)
		appendStringInfo(&buf, "%s%s", foreach_current_index(lc) > 0 ? ",\n  " : "  ",
						 column_definition(lfirst(lc)));
	appendStringInfo(&buf, "\n) SERVER %s", quote_identifier(import->stmt->server_name));
	append_option(&buf, &first, "resource", table->resource->name);
	if (table->resource->key)
		append_option(&buf, &first, "key", mls_names_joined(table->resource->key, ","));
	if (table->timestamp)
		append_option(&buf, &first, "timestamp", table->timestamp);
	if (table->timestamp && table->resource->timestamps)
		append_option(&buf, &first, "timestamps",
					  mls_names_joined(table->resource->timestamps, ","));
	if (table->resource->parent)
		append_option(&buf, &first, "parent", table->resource->parent);
	if (table->resource->parent_key)
		append_option(&buf, &first, "parent_key", table->resource->parent_key);
	if (table->expand || table->resource->expand)
		append_option(
			&buf, &first, "expand",
			mls_names_joined(list_concat_copy(table->resource->expand, table->expand), ","));
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

/* Runs a command as a part of the one that is running. */
static void
run_command(const char *command)
{
	RawStmt *raw = linitial_node(RawStmt, pg_parse_query(command));
	PlannedStmt *statement = makeNode(PlannedStmt);

	statement->commandType = CMD_UTILITY;
	statement->canSetTag = false;
	statement->utilityStmt = raw->stmt;
	statement->stmt_location = raw->stmt_location;
	statement->stmt_len = raw->stmt_len;
	ProcessUtility(statement, command, false, PROCESS_UTILITY_SUBCOMMAND, NULL, NULL, None_Receiver,
				   NULL);
	CommandCounterIncrement();
}

static void
comment_table(const Import *import, const ImportTable *table)
{
	Oid relid = RangeVarGetRelid(makeRangeVar(import->stmt->local_schema, pstrdup(table->name), -1),
								 NoLock, false);
	ListCell *lc;

	if (table->resource->description)
		CreateComments(relid, RelationRelationId, 0, table->resource->description);
	foreach (lc, table->columns)
	{
		const ImportColumn *column = lfirst(lc);

		if (column->description)
			CreateComments(relid, RelationRelationId, foreach_current_index(lc) + 1,
						   column->description);
	}
	CommandCounterIncrement();
}

static void
on_error(void *arg)
{
	errcontext("importing foreign table \"%s\"", (const char *) arg);
}

/* Importing once more is what one does after a change at the source; say how. */
static void
refuse_existing(const Import *import, const char *name)
{
	const char *schema = import->stmt->local_schema;

	if (OidIsValid(mls_find_relation(schema, name)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists in schema \"%s\"", name, schema),
				 errhint("Import into another schema, drop the relation first, or leave it out "
						 "by EXCEPT (%s).",
						 quote_identifier(name))));
}

static void
create_table(const Import *import, const MlsRemoteResource *resource, char *name)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack, .callback = on_error, .arg = name};
	ImportTable *table;

	CHECK_FOR_INTERRUPTS();
	error_context_stack = &callback;
	refuse_existing(import, name);
	table = plan_table(import, resource, name);
	run_command(create_command(import, table));
	if (import->options.comments)
		comment_table(import, table);
	error_context_stack = callback.previous;
}

/* ---- the import ---- */

/* Is a resource named in LIMIT TO or EXCEPT?  Marks the entries that name it. */
static bool
is_listed(const Import *import, const char *name, const char *remote, bool *matched)
{
	bool listed = false;
	ListCell *lc;

	foreach (lc, import->stmt->table_list)
	{
		const char *entry = lfirst_node(RangeVar, lc)->relname;

		if (strcmp(entry, name) != 0 && strcmp(entry, remote) != 0)
			continue;
		matched[foreach_current_index(lc)] = true;
		listed = true;
	}
	return listed;
}

static bool
is_wanted(const Import *import, const char *name, const char *remote, bool *matched)
{
	switch (import->stmt->list_type)
	{
		case FDW_IMPORT_SCHEMA_LIMIT_TO:
			return is_listed(import, name, remote, matched);
		case FDW_IMPORT_SCHEMA_EXCEPT:
			return !is_listed(import, name, remote, matched);
		default:
			return true;
	}
}

/* What the metadata names like an entry of the list, as resource or table, and is left out; or NULL. */
static const MlsLeftOut *
find_left_out(const MlsRemoteSchema *schema, const char *entry)
{
	ListCell *lc;

	foreach (lc, schema->left_out)
	{
		const MlsLeftOut *left_out = lfirst(lc);

		if (strcmp(left_out->name, entry) == 0 ||
			strcmp(mls_snake_case(left_out->name), entry) == 0)
			return left_out;
	}
	return NULL;
}

/* remote: names of the resources, ended by NULL; names: those of their tables. */
static void
warn_unmatched(const Import *import, const MlsRemoteSchema *schema, const char *const *remote,
			   char *const *names, const bool *matched)
{
	ListCell *lc;

	foreach (lc, import->stmt->table_list)
	{
		const char *written = lfirst_node(RangeVar, lc)->relname;
		const MlsLeftOut *left_out = find_left_out(schema, written);
		const char *nearest = mls_nearest_name(written, remote);
		const char *hint = mls_nearest_hint(written, remote, "It has");

		if (matched[foreach_current_index(lc)])
			continue;
		if (left_out)
		{
			if (import->stmt->list_type == FDW_IMPORT_SCHEMA_LIMIT_TO)
				ereport(WARNING, (errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
								  errmsg("resource \"%s\" of source \"%s\" cannot be imported",
										 left_out->name, import->source->name),
								  errdetail("In the metadata, %s.", left_out->why)));
			continue;
		}
		for (int i = 0; nearest && remote[i]; i++)
			if (remote[i] == nearest)
				hint = psprintf("Write %s or %s; unquoted names are in lower case.",
								quote_identifier(names[i]), quote_identifier(remote[i]));
		ereport(WARNING,
				(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
				 errmsg("source \"%s\" has no resource \"%s\"", import->source->name, written),
				 hint ? errhint("%s", hint) : 0));
	}
}

/* A navigation that no resource has is a misspelt one. */
static void
check_expand(const Import *import, const MlsRemoteSchema *schema)
{
	ListCell *lc;
	ListCell *resource;

	foreach (lc, import->options.expand)
	{
		bool found = false;

		foreach (resource, schema->resources)
			found = found || navigation(lfirst(resource), lfirst(lc));
		if (!found)
			ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
							errmsg("invalid value for option \"expand\""),
							errdetail("No resource of source \"%s\" has a navigation \"%s\".",
									  import->source->name, (char *) lfirst(lc))));
	}
}

static void
report_findings(const Import *import, List *findings)
{
	int rest = list_length(findings) - MAX_NOTICES;
	ListCell *lc;

	foreach (lc, findings)
	{
		if (foreach_current_index(lc) == MAX_NOTICES)
			break;
		ereport(NOTICE, (errmsg("metadata of source \"%s\": %s", import->source->name,
								(char *) lfirst(lc))));
	}
	if (rest > 0)
		ereport(NOTICE, (errmsg_plural("metadata of source \"%s\": %d further finding",
									   "metadata of source \"%s\": %d further findings", rest,
									   import->source->name, rest)));
}

static void
report_denied(const Import *import, List *denied)
{
	ListCell *lc;

	foreach (lc, denied)
		ereport(NOTICE,
				(errmsg("source \"%s\" does not let this login see the metadata of \"%s\"; it is "
						"left out",
						import->source->name, mls_http_clean(&import->source->http, lfirst(lc)))));
}

static void
import_resources(const Import *import, const MlsRemoteSchema *schema)
{
	int count = list_length(schema->resources);
	const char **remote = palloc0((count + 1) * sizeof(char *));
	bool *matched = palloc0(list_length(import->stmt->table_list) + 1);
	char **names;

	for (int i = 0; i < count; i++)
		remote[i] = ((MlsRemoteResource *) list_nth(schema->resources, i))->name;
	names = import_names(remote, count, import->options.preserve_names, false);
	for (int i = 0; i < count; i++)
		if (is_wanted(import, names[i], remote[i], matched))
			create_table(import, list_nth(schema->resources, i), names[i]);
	warn_unmatched(import, schema, remote, names, matched);
}

List *
mlsImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid server_id)
{
	Import import = {.stmt = stmt, .options = mls_import_options(stmt->options)};
	MlsHttpStats stats = {0};
	MlsRemoteSchema *schema;

	import.source = mls_source_get(server_id, GetUserId(), true);
	if (import.source->protocol->describe == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("server \"%s\" has nothing to import", import.source->name),
						errdetail("Its protocol is %s, which has no records.",
								  import.source->protocol->name)));
	schema = import.source->protocol->describe(import.source, &stats);
	check_expand(&import, schema);
	report_findings(&import, schema->findings);
	report_denied(&import, schema->denied);
	import_resources(&import, schema);
	return NIL;
}
