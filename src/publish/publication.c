/*
 * publication.c
 *		A publication: its row, the columns of its view, and rows of that.
 *
 * The view is read as the owner of the publication, in the transaction of a step; values are
 * made texts by SQL, in the form in which the destination takes them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "publish/publish_parts.h"

PG_FUNCTION_INFO_V1(mls_require_trusted_sql);
PG_FUNCTION_INFO_V1(mls_this_database_sql);

/* ---- The row ---- */

#define PUBLICATION_COLUMNS                                                                        \
	"id, owner::pg_catalog.oid, destination, name, token, view::pg_catalog.oid, condition, "       \
	"resource, key, definition, batch, coalesce(resend_from, -1), coalesce(position, -1), "        \
	"paused, take_over, EXISTS (SELECT FROM mls.dead_letter d WHERE d.publication = p.id AND "     \
	"d.again), coalesce(known, 0), loading, load_after, home <> mls.this_database()"

static MlsPublication *
row_of(int64 id)
{
	MlsPublication *publication = palloc0(sizeof(MlsPublication));

	mls_sql_control(SPI_OK_SELECT,
					"SELECT " PUBLICATION_COLUMNS " FROM mls.publication p WHERE id = $1",
					mls_arg_int8(id));
	if (SPI_processed == 0)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("the publication was removed meanwhile"));
	publication->id = mls_int8_at(0, 1);
	publication->owner = mls_oid_at(0, 2);
	publication->destination = mls_text_at(0, 3);
	publication->name = mls_text_at(0, 4);
	publication->token = mls_text_at(0, 5);
	publication->view = mls_oid_at(0, 6);
	publication->condition = mls_text_at(0, 7);
	publication->resource = mls_text_at(0, 8);
	publication->key = mls_text_at(0, 9);
	publication->known_definition = mls_text_at(0, 10);
	publication->batch = mls_int4_at(0, 11);
	publication->resend_from = mls_int8_at(0, 12);
	publication->reached = mls_int8_at(0, 13);
	publication->paused = mls_bool_at(0, 14);
	publication->take_over = mls_bool_at(0, 15);
	publication->again = mls_bool_at(0, 16);
	publication->known = mls_int8_at(0, 17);
	publication->was_loading = mls_bool_at(0, 18);
	publication->loaded_to = mls_text_at(0, 19);
	publication->is_copied = mls_bool_at(0, 20);
	return publication;
}

/* ---- Columns ---- */

/* What the publication says of a column: {"ListPrice": "price"}; or NULL. */
static char *
said_of(const MlsPublication *publication, const char *what, const char *column)
{
	mls_sql_control(SPI_OK_SELECT,
					what[0] == 'f' ? "SELECT fields ->> $2 FROM mls.publication WHERE id = $1"
								   : "SELECT types ->> $2 FROM mls.publication WHERE id = $1",
					mls_arg_int8(publication->id), mls_arg_text(column));
	return SPI_processed == 0 ? NULL : mls_text_at(0, 1);
}

/* "timestamptz", which format_type_be() writes in four words. */
static char *
type_name(Oid type)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	char *name;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	name = pstrdup(NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname));
	ReleaseSysCache(tuple);
	return name;
}

/* A type by its column's name, else by its own: {"ListPrice": "decimal(12,0)", "timestamptz": "datetime(3)"}. */
static char *
type_said(const MlsPublication *publication, const MlsPublishColumn *column)
{
	char *said = said_of(publication, "types", column->name);

	if (said == NULL)
		said = said_of(publication, "types", format_type_be(column->type));
	if (said == NULL)
		said = said_of(publication, "types", type_name(column->type));
	return said;
}

static MlsPublishColumn *
column_of(const MlsPublication *publication, Form_pg_attribute att, const MlsTargetKind *kind)
{
	MlsPublishColumn *column = palloc0(sizeof(MlsPublishColumn));
	const char *type;

	column->name = pstrdup(NameStr(att->attname));
	column->typmod = att->atttypmod;
	column->type = getBaseTypeAndTypmod(att->atttypid, &column->typmod);
	column->is_key = strcmp(column->name, publication->key) == 0;
	column->there = said_of(publication, "fields", column->name);
	if (column->there == NULL)
		column->there = column->name;
	type = column->is_key ? NULL : type_said(publication, column);
	column->type_there = type;
	column->typed = type != NULL;
	kind->describe(column);
	return column;
}

static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

static void
read_columns(MlsPublication *publication, const MlsTargetKind *kind)
{
	Relation view = relation_open(publication->view, AccessShareLock);
	TupleDesc desc = RelationGetDescr(view);

	publication->key_column = -1;
	for (int i = 0; i < desc->natts; i++)
	{
		MlsPublishColumn *column;

		if (TupleDescAttr(desc, i)->attisdropped)
			continue;
		column = column_of(publication, TupleDescAttr(desc, i), kind);
		if (column->is_key)
			publication->key_column = list_length(publication->columns);
		if (column->is_key && !is_text(column->type))
			ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
					errmsg("the key \"%s\" of view %s is not a text", column->name,
						   publication->relation),
					errdetail("Keys of records are texts."));
		publication->columns = lappend(publication->columns, column);
	}
	relation_close(view, NoLock);
	if (publication->key_column < 0)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
				errmsg("view %s has no column \"%s\" any more", publication->relation,
					   publication->key),
				errhint("End the publication with mls_unpublish(), and publish the view anew."));
}

/* ---- What it is, in short ---- */

static char *
definition_of(const MlsPublication *publication)
{
	StringInfoData text;
	uint8 digest[MLS_MD5_BYTES];
	ListCell *lc;

	initStringInfo(&text);
	/* Views below it as well: what they hide is to go, too. */
	mls_select(
		"SELECT pg_catalog.string_agg(b.relation::pg_catalog.text || ' ' || "
		"pg_catalog.pg_get_viewdef(b.relation), E'\\n' ORDER BY b.relation::pg_catalog.text "
		"COLLATE \"C\") FROM mls.relations_below($1) b (relation) JOIN pg_catalog.pg_class c "
		"ON c.oid = b.relation WHERE c.relkind IN ('v', 'm')",
		mls_arg_oid(publication->view));
	if (mls_text_at(0, 1) != NULL)
		appendStringInfoString(&text, mls_text_at(0, 1));
	appendStringInfo(&text, "\n%s\n%s", publication->relation,
					 publication->condition ? publication->condition : "");
	foreach (lc, publication->columns)
	{
		const MlsPublishColumn *column = lfirst(lc);

		appendStringInfo(&text, "\n%s %s %s %s", column->name, column->there, column->type_there,
						 column->value);
	}
	mls_md5(text.data, text.len, digest);
	return mls_hex(digest, sizeof(digest));
}

/* Code of others around the tables below a view would run in the rights of who publishes it. */
static void
require_trust(Oid view, Oid role)
{
	SPITupleTable *below;

	mls_select("SELECT relation::pg_catalog.oid FROM mls.relations_below($1) b (relation)",
			   mls_arg_oid(view));
	below = SPI_tuptable;
	for (uint64 i = 0; i < below->numvals; i++)
		mls_require_trust(mls_cell_oid(below, i, 1), role);
}

/* mls.require_trusted(view) */
Datum
mls_require_trusted_sql(PG_FUNCTION_ARGS)
{
	SPI_connect();
	require_trust(PG_GETARG_OID(0), GetUserId());
	SPI_finish();
	PG_RETURN_VOID();
}

/* mls.this_database() */
Datum
mls_this_database_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(
		cstring_to_text(psprintf(UINT64_FORMAT "/%u", GetSystemIdentifier(), MyDatabaseId)));
}

/* Two that write one table would undo each other's work. */
void
mls_publication_require_home(const MlsPublication *publication)
{
	if (!publication->is_copied)
		return;
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("publication \"%s\" at \"%s\" is one of another database", publication->name,
				   publication->destination),
			errdetail("This database is a copy of that, or was moved to another server; nothing "
					  "is sent."),
			errhint("If it takes that one's place: SELECT mls_publish_resend('%s', '%s'); else "
					"drop the user mapping, and end the publication.",
					publication->destination, publication->name));
}

MlsPublication *
mls_publication_read(int64 id, const MlsSource **source)
{
	MlsPublication *publication = row_of(id);

	*source = mls_source_by_name(publication->destination, publication->owner, true);
	mls_rights_require_server(publication->owner, (*source)->server_id, (*source)->name);
	publication->server = (*source)->server_id;
	if (get_rel_name(publication->view) == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("the view of publication \"%s\" at \"%s\" was dropped", publication->name,
					   publication->destination),
				errhint("End it with mls_unpublish(), and publish the view anew."));
	publication->relation = mls_qualified_name(publication->view);
	require_trust(publication->view, publication->owner);
	read_columns(publication, mls_target_kind(*source));
	publication->definition = definition_of(publication);
	return publication;
}

/* ---- Rows ---- */

int
mls_publish_compare_texts(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

static void
append_select(StringInfo sql, const MlsPublication *publication)
{
	ListCell *lc;

	appendStringInfoString(sql, "SELECT ");
	foreach (lc, publication->columns)
		appendStringInfo(sql, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 ((const MlsPublishColumn *) lfirst(lc))->value);
	appendStringInfo(sql, " FROM %s v WHERE v.%s ", publication->relation,
					 quote_identifier(publication->key));
}

static void
append_condition(StringInfo sql, const MlsPublication *publication)
{
	if (publication->condition != NULL)
		appendStringInfo(sql, " AND (%s\n)", publication->condition);
}

/* The rows of the last query, whose columns are texts.  All at once: one by one each is looked for from the first. */
static List *
rows_found(const MlsPublication *publication)
{
	int n = list_length(publication->columns);
	const SPITupleTable *found = SPI_tuptable;
	Datum *values = palloc(n * sizeof(Datum));
	bool *isnull = palloc(n * sizeof(bool));
	List *rows = NIL;

	for (uint64 i = 0; i < found->numvals; i++)
	{
		char **row = palloc(n * sizeof(char *));

		CHECK_FOR_INTERRUPTS();
		heap_deform_tuple(found->vals[i], found->tupdesc, values, isnull);
		for (int c = 0; c < n; c++)
			row[c] = isnull[c] ? NULL : TextDatumGetCString(values[c]);
		if (row[publication->key_column] != NULL)
			rows = lappend(rows, row);
	}
	SPI_freetuptable(SPI_tuptable);
	return rows;
}

/* Texts are written alike, whatever the session has set. */
static List *
select_rows(const MlsPublication *publication, const char *sql, const MlsArg *args, int nargs)
{
	static const char *const settings[][2] = {{"DateStyle", "ISO"},
											  {"TimeZone", "UTC"},
											  {"IntervalStyle", "postgres"},
											  {"extra_float_digits", "1"},
											  {"bytea_output", "hex"}};
	int level = NewGUCNestLevel();
	List *rows;

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	mls_sql_run(sql, false, SPI_OK_SELECT, args, nargs);
	rows = rows_found(publication);
	AtEOXact_GUC(true, level);
	return rows;
}

List *
mls_publication_rows(const MlsPublication *publication, List *keys)
{
	StringInfoData sql;

	initStringInfo(&sql);
	append_select(&sql, publication);
	appendStringInfoString(&sql, "= ANY ($1)");
	append_condition(&sql, publication);
	return select_rows(publication, sql.data, MLS_ARGS(mls_arg_list(keys)));
}

/* Not one of the other columns is made for it. */
List *
mls_publication_keys(const MlsPublication *publication, List *keys)
{
	const char *key = quote_identifier(publication->key);
	StringInfoData sql;
	List *found;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT v.%s::pg_catalog.text FROM %s v WHERE v.%s = ANY ($1)", key,
					 publication->relation, key);
	append_condition(&sql, publication);
	mls_sql_run(sql.data, false, SPI_OK_SELECT, MLS_ARGS(mls_arg_list(keys)));
	found = mls_cell_texts(SPI_tuptable, 1);
	SPI_freetuptable(SPI_tuptable);
	return found;
}

/* One more than a batch, by which one sees whether its last key has another row. */
List *
mls_publication_rows_after(const MlsPublication *publication, const char *after)
{
	StringInfoData sql;

	initStringInfo(&sql);
	append_select(&sql, publication);
	appendStringInfoString(&sql, after ? "> $1" : "IS NOT NULL");
	append_condition(&sql, publication);
	appendStringInfo(&sql, " ORDER BY v.%s LIMIT $2", quote_identifier(publication->key));
	return select_rows(publication, sql.data,
					   MLS_ARGS(mls_arg_text(after), mls_arg_int4(publication->batch + 1)));
}

List *
mls_publication_rows_between(const MlsPublication *publication, const char *after, const char *upto,
							 int most)
{
	const char *key = quote_identifier(publication->key);
	StringInfoData sql;

	initStringInfo(&sql);
	append_select(&sql, publication);
	appendStringInfo(&sql, "COLLATE \"C\" > $1 AND ($2 IS NULL OR v.%s COLLATE \"C\" <= $2)", key);
	append_condition(&sql, publication);
	appendStringInfo(&sql, " ORDER BY v.%s COLLATE \"C\" LIMIT $3", key);
	return select_rows(publication, sql.data,
					   MLS_ARGS(mls_arg_text(after), mls_arg_text(upto), mls_arg_int4(most)));
}

int64
mls_publication_count(const MlsPublication *publication)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT pg_catalog.count(*) FROM %s v WHERE v.%s IS NOT NULL",
					 publication->relation, quote_identifier(publication->key));
	append_condition(&sql, publication);
	mls_sql_run(sql.data, false, SPI_OK_SELECT, NULL, 0);
	return mls_int8_at(0, 1);
}

char *
mls_publish_hash(const MlsPublication *publication, char **row)
{
	StringInfoData text;
	uint8 digest[MLS_MD5_BYTES];
	char *there;
	ListCell *lc;

	initStringInfo(&text);
	foreach (lc, publication->columns)
	{
		const MlsPublishColumn *column = lfirst(lc);
		const char *value = row[foreach_current_index(lc)];

		appendStringInfo(&text, "%s%s", foreach_current_index(lc) > 0 ? MLS_PUBLISH_BETWEEN : "",
						 value == NULL      ? MLS_PUBLISH_NULL
						 : column->is_rough ? "~"
											: value);
	}
	there = pg_server_to_any(text.data, text.len, PG_UTF8);
	mls_md5(there, there == text.data ? text.len : strlen(there), digest);
	pfree(text.data);
	return mls_hex(digest, sizeof(digest));
}

const char *
mls_publish_key(const MlsPublication *publication, char **row)
{
	return row[publication->key_column];
}
