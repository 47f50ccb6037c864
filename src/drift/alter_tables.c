/*
 * alter_tables.c
 *		Tables that follow the remote schema: columns added, texts widened.
 *
 * Everything done here changes the catalog only: columns are added without a
 * default, and varchar(n) grows.  What would rewrite a table (a column of another
 * type) or lose something (a column that is gone) is left to people.
 *
 * The locks needed shut out readers for a moment.  They are taken at once and in
 * the order in which a reader of the RESO view takes them, before anything is
 * done; how long to wait for them is the caller's lock_timeout.
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "mb/pg_wchar.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/name_list.h"
#include "drift/drift.h"
#include "gold/gold.h"
#include "subscription/subscription.h"
#include "write/write.h"

/* PostgreSQL allows 1,600 columns, dropped ones included. */
#define MAX_COLUMNS 1590

/* What has to be done, before anything is. */
typedef struct Evolution
{
	const MlsSubscription *sub;
	int64 run;
	MlsTable *table;
	bool preserve;  /* columns are called as their fields */
	List *names;    /* of char *: columns to be added */
	List *added;    /* of char *: their fields */
	List *commands; /* of char * */
} Evolution;

/* ---- What is pending ---- */

/* Fields the tables do not follow yet, additions or changes; List of MlsRemoteField *. */
static List *
pending_fields(const MlsSubscription *sub, const char *kind)
{
	List *fields = NIL;

	mls_select("SELECT field, type, pg_type, is_natural, is_enum, is_flags, "
			   "coalesce(max_length, -1), description, standard_name, lookup, is_coded FROM "
			   "mls.remote_field "
			   "WHERE subscription = $1 AND pending = $2 AND removed_at IS NULL ORDER BY field",
			   mls_arg_int8(sub->id), mls_arg_text(kind));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MlsRemoteField *field = palloc0(sizeof(MlsRemoteField));

		field->name = mls_text_at(i, 1);
		field->type = mls_text_at(i, 2);
		field->pg_type = mls_oid_at(i, 3);
		field->natural = mls_bool_at(i, 4);
		field->is_enum = mls_bool_at(i, 5);
		field->is_flags = mls_bool_at(i, 6);
		field->max_length = mls_int4_at(i, 7);
		field->description = mls_text_at(i, 8);
		field->standard_name = mls_text_at(i, 9);
		field->lookup = mls_text_at(i, 10);
		field->is_coded = mls_bool_at(i, 11);
		fields = lappend(fields, field);
	}
	return fields;
}

/* ---- Names ---- */

/* Are the columns called exactly as their fields, where that makes a difference? */
static bool
preserves_names(const MlsTable *table)
{
	int same = 0;
	int snake = 0;

	for (int i = 0; i < table->ncolumns; i++)
	{
		const MlsColumn *column = &table->columns[i];

		if (column->field == NULL || strcmp(column->field, mls_snake_case(column->field)) == 0)
			continue;
		same += strcmp(column->name, column->field) == 0;
		snake += strcmp(column->name, mls_snake_case(column->field)) == 0;
	}
	return same > snake;
}

static bool
is_taken(const Evolution *evolution, const char *name)
{
	return mls_is_listed(evolution->names, name) ||
		   get_attnum(evolution->table->relid, name) != InvalidAttrNumber;
}

/* A name for a field's column that no other column has. */
static char *
column_name(const Evolution *evolution, const char *field)
{
	char *wanted = evolution->preserve ? pstrdup(field) : mls_snake_case(field);
	char *name = pnstrdup(wanted, pg_mbcliplen(wanted, strlen(wanted), NAMEDATALEN - 1));

	for (int number = 2; is_taken(evolution, name); number++)
	{
		char *suffix = psprintf("_%d", number);
		int room = NAMEDATALEN - 1 - strlen(suffix);

		name = psprintf("%.*s%s", pg_mbcliplen(wanted, strlen(wanted), room), wanted, suffix);
	}
	return name;
}

/* ---- What to do ---- */

static void
add_command(Evolution *evolution, char *command)
{
	evolution->commands = lappend(evolution->commands, command);
}

static const char *
remote_type(const MlsRemoteField *field)
{
	if (field->natural)
		return NULL;
	return field->type ? field->type : "unknown";
}

static void
plan_addition(Evolution *evolution, const MlsRemoteField *field)
{
	const char *table = evolution->table->name;
	MlsColumn column = {.field = field->name,
						.type = field->pg_type,
						.remote_type = remote_type(field),
						.lookup = field->is_coded ? field->lookup : NULL,
						.standard_name = field->standard_name,
						.is_enum = field->is_enum,
						.is_flags = field->is_flags};

	if (evolution->table->ncolumns + list_length(evolution->added) >= MAX_COLUMNS)
	{
		mls_issue_open(evolution->sub->id, evolution->run, MLS_ISSUE_COLUMNS, NULL, field->name,
					   NULL, "the foreign table has no room for a column of this field");
		return;
	}
	column.name = column_name(evolution, field->name);
	add_command(evolution,
				psprintf("ALTER FOREIGN TABLE %s ADD COLUMN %s", table, mls_column_sql(&column)));
	if (field->description != NULL)
		add_command(evolution,
					psprintf("COMMENT ON COLUMN %s.%s IS %s", table, quote_identifier(column.name),
							 quote_literal_cstr(field->description)));
	evolution->names = lappend(evolution->names, (char *) column.name);
	evolution->added = lappend(evolution->added, (char *) field->name);
}

/* Is a column a varchar with less room than a field needs? */
static bool
is_too_short(Oid relid, const char *column, int length)
{
	HeapTuple tuple = SearchSysCacheAttName(relid, column);
	Form_pg_attribute att;
	bool is_short;

	if (!HeapTupleIsValid(tuple))
		return false;
	att = (Form_pg_attribute) GETSTRUCT(tuple);
	is_short = att->atttypid == VARCHAROID && att->atttypmod >= (int32) VARHDRSZ &&
			   (length < 0 || length > att->atttypmod - (int32) VARHDRSZ);
	ReleaseSysCache(tuple);
	return is_short;
}

static void
plan_widening(Evolution *evolution, const MlsColumn *column, const MlsRemoteField *field)
{
	char *type = field->max_length < 0 ? "pg_catalog.varchar"
									   : psprintf("pg_catalog.varchar(%d)", field->max_length);
	const char *name = quote_identifier(column->name);

	if (is_too_short(evolution->table->relid, column->name, field->max_length))
		add_command(evolution, psprintf("ALTER FOREIGN TABLE %s ALTER COLUMN %s TYPE %s",
										evolution->table->name, name, type));
	if (is_too_short(evolution->sub->silver, column->name, field->max_length))
		add_command(evolution, psprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s",
										mls_qualified_name(evolution->sub->silver), name, type));
}

/* ", ADD name 'value'", or SET or DROP; nothing if the option is as it should be. */
static void
append_option(StringInfo list, const char *name, const char *is, const char *wanted)
{
	if (is == wanted || (is && wanted && strcmp(is, wanted) == 0))
		return;
	appendStringInfo(list, "%s%s %s", list->len ? ", " : "",
					 is == NULL       ? "ADD"
					 : wanted == NULL ? "DROP"
									  : "SET",
					 name);
	if (wanted != NULL)
		appendStringInfo(list, " %s", quote_literal_cstr(wanted));
}

/* Column options say how a value of the same type is written in a request. */
static void
plan_options(Evolution *evolution, const MlsColumn *column, const MlsRemoteField *field)
{
	StringInfoData list;

	if (getBaseType(column->type) != field->pg_type)
		return;
	initStringInfo(&list);
	append_option(&list, "type", column->remote_type, remote_type(field));
	append_option(&list, "enum", column->is_enum ? "true" : NULL, field->is_enum ? "true" : NULL);
	append_option(&list, "flags", column->is_flags ? "true" : NULL,
				  field->is_flags ? "true" : NULL);
	if (list.len > 0)
		add_command(evolution,
					psprintf("ALTER FOREIGN TABLE %s ALTER COLUMN %s OPTIONS (%s)",
							 evolution->table->name, quote_identifier(column->name), list.data));
}

/* What the user left out, or dropped, has no column and gets none. */
static void
plan(Evolution *evolution)
{
	ListCell *lc;

	foreach (lc, pending_fields(evolution->sub, "addition"))
		if (mls_table_column(evolution->table, ((MlsRemoteField *) lfirst(lc))->name) == NULL)
			plan_addition(evolution, lfirst(lc));
	foreach (lc, pending_fields(evolution->sub, "change"))
	{
		const MlsRemoteField *field = lfirst(lc);
		const MlsColumn *column = mls_table_column(evolution->table, field->name);

		if (column == NULL)
			continue;
		plan_widening(evolution, column, field);
		plan_options(evolution, column, field);
	}
}

/* ---- Doing it ---- */

static void
lock_all(const Evolution *evolution)
{
	const MlsSubscription *sub = evolution->sub;
	Oid view = OidIsValid(sub->gold) ? mls_gold_view_oid(evolution->table, sub->silver, sub->gold)
									 : InvalidOid;
	Oid relations[] = {view, sub->gold, sub->silver, sub->foreign_table};

	for (int i = 0; i < lengthof(relations); i++)
		if (OidIsValid(relations[i]))
			LockRelationOid(relations[i], AccessExclusiveLock);
}

static void
change_tables(Evolution *evolution)
{
	const MlsSubscription *sub = evolution->sub;
	MlsTable *table;
	ListCell *lc;

	mls_gold_pause_pages();
	lock_all(evolution);
	foreach (lc, evolution->commands)
		mls_sql(SPI_OK_UTILITY, lfirst(lc));
	if (evolution->added == NIL)
		return;
	table = mls_table_get(sub->foreign_table, sub->owner, false);
	(void) mls_silver_complete(sub->silver, table);
	if (OidIsValid(sub->gold))
		mls_gold_complete(table, sub->silver, sub->gold);
	mls_scope_adopt(sub, table, evolution->added);
}

static void
note_done(const MlsSubscription *sub)
{
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.remote_field SET pending = NULL "
					"WHERE subscription = $1 AND pending IS NOT NULL AND removed_at IS NULL",
					mls_arg_int8(sub->id));
}

int
mls_alter_tables(const MlsSubscription *sub, int64 run)
{
	Evolution evolution = {.sub = sub, .run = run};

	evolution.table = mls_table_get(sub->foreign_table, sub->owner, false);
	evolution.preserve = preserves_names(evolution.table);
	plan(&evolution);
	if (evolution.commands != NIL)
		change_tables(&evolution);
	note_done(sub);
	return list_length(evolution.added);
}
