/*
 * feed_query.c
 *		From the rows of a feed into statements.
 *
 * Expressions are read over these relations:
 *
 *	r			the row of the view.  Fields of the dictionary that the view lacks are NULL; what
 *				tells where a listing is is NULL where its address may not be shown
 *	listing		key, and url: the setting url with the key in the place of {key}
 *	photo		urls: addresses of public photos in their order; numbers: 1, 2, 3; records: their
 *				records, jsonb
 *	text		texts in the language of the element: title, description, and the feed's own
 *	setting		settings of format and feed, texts
 *	feed		id and changed_at of the listing; they are known when all else has been read, so
 *				that an element which uses them uses settings besides, and nothing else
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/base.h"
#include "base/name_list.h"
#include "feed/feed_parts.h"
#include "gold/gold.h"
#include "gold/map.h"

#define WHAT "a feed"

#define MAY_SHOW_ADDRESS "InternetAddressDisplayYN"
#define MAY_SHOW "InternetEntireListingDisplayYN"

/* A column of the row. */
typedef struct Column
{
	const char *name;
	const char *type; /* NULL: the view has it */
	bool is_place;    /* it tells where a listing is */
	bool is_private;  /* all fields of a row are without it */
} Column;

typedef struct Builder
{
	MlsFeed *feed;
	int64 most;
	List *columns;   /* of Column *: the view's, then those that it lacks */
	List *relations; /* of MlsMapRelation *, for checks */
	const char *row; /* SQL of r and what hangs on it, without text */
} Builder;

static const char *
literal(const char *text)
{
	return text ? psprintf("%s::pg_catalog.text", quote_literal_cstr(text))
				: "NULL::pg_catalog.text";
}

static bool
has_column(const List *columns, const char *name)
{
	ListCell *lc;

	foreach (lc, columns)
		if (strcmp(((const Column *) lfirst(lc))->name, name) == 0)
			return true;
	return false;
}

/* ---- Elements ---- */

static MlsFeedForm
form_of(const char *name)
{
	return strcmp(name, "line") == 0   ? MLS_FEED_LINE
		   : strcmp(name, "html") == 0 ? MLS_FEED_HTML
									   : MLS_FEED_TEXT;
}

/* Takes a path apart; {lang} becomes the element's language. */
static void
read_steps(MlsFeedElement *element)
{
	char *path = pstrdup(element->path);
	char *rest = path;

	element->steps = palloc0((strlen(path) + 1) * sizeof(MlsFeedStep));
	for (char *part; (part = strtok_r(rest, "/", &rest)) != NULL;)
	{
		MlsFeedStep *step = &element->steps[element->nsteps++];
		int length = strlen(part);

		if (length > 1 && part[length - 1] == '*')
		{
			step->repeats = true;
			part[length - 1] = '\0';
		}
		if (*part == '@')
		{
			step->is_attribute = true;
			part++;
		}
		step->name = strcmp(part, "{lang}") == 0 ? element->language : part;
	}
}

static MlsFeedElement *
make_element(uint64 row, int group, const char *language)
{
	MlsFeedElement *element = palloc0(sizeof(MlsFeedElement));

	element->path = mls_text_at(row, 1);
	element->group = group;
	element->expression = mls_text_at(row, 2);
	element->form = form_of(mls_text_at(row, 3));
	element->max_length = mls_int4_at(row, 4);
	element->value_map = mls_text_at(row, 5);
	element->is_required = strcmp(mls_text_at(row, 6), "listing") == 0;
	element->default_value =
		strcmp(mls_text_at(row, 6), "default") == 0 ? mls_text_at(row, 7) : NULL;
	element->language = language;
	element->is_reason = element->path[0] == '!';
	element->is_row = strcmp(element->path, "*") == 0;
	if (!element->is_reason && !element->is_row)
		read_steps(element);
	return element;
}

static void
read_elements(MlsFeed *feed)
{
	MlsRights before;
	StringInfoData signature;

	mls_rights_enter_control(&before);
	mls_select("SELECT e.path, e.expression, e.form, e.max_length, e.value_map::text, e.missing, "
			   "e.default_value FROM mls.feed_elements($1) e",
			   mls_arg_int8(feed->id));
	initStringInfo(&signature);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char *path = mls_text_at(i, 1);
		ListCell *lc;

		appendStringInfo(&signature, "%s %s %d\n", path, mls_text_at(i, 3), mls_int4_at(i, 4));
		foreach (lc, feed->languages)
		{
			feed->elements = lappend(feed->elements, make_element(i, (int) i, lfirst(lc)));
			if (strstr(path, "{lang}") == NULL)
				break;
		}
	}
	mls_rights_leave(&before);
	feed->signature = signature.data;
	if (feed->elements == NIL)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the format of feed \"%s\" has no elements", feed->name),
				errhint("mls_feed_element() sets one."));
}

/* ---- The row ---- */

static const char *
type_of_field(const char *type, bool is_list)
{
	if (is_list)
		return "pg_catalog.text[]";
	return strcmp(type, "Edm.Int64") == 0            ? "pg_catalog.int8"
		   : strcmp(type, "Edm.Decimal") == 0        ? "pg_catalog.numeric"
		   : strcmp(type, "Edm.Boolean") == 0        ? "pg_catalog.bool"
		   : strcmp(type, "Edm.Date") == 0           ? "pg_catalog.date"
		   : strcmp(type, "Edm.DateTimeOffset") == 0 ? "pg_catalog.timestamptz"
													 : "pg_catalog.text";
}

static bool
is_used(const MlsFeed *feed, const char *field)
{
	char *quoted = psprintf(".\"%s\"", field);
	ListCell *lc;

	foreach (lc, feed->elements)
		if (strstr(((const MlsFeedElement *) lfirst(lc))->expression, quoted))
			return true;
	return false;
}

/*
 * Which columns tell where a listing is, as mls_protect() has it (local fields of such a name, too),
 * and which mls_audience() shows only when they are named; local fields may be anything.
 */
static void
find_guarded(List *columns)
{
	List *names = NIL;
	List *found;
	List *private;
	MlsRights before;
	ListCell *lc;

	foreach (lc, columns)
		names = lappend(names, unconstify(char *, ((const Column *) lfirst(lc))->name));
	mls_rights_enter_control(&before);
	mls_select("SELECT c FROM pg_catalog.unnest($1) c WHERE EXISTS (SELECT FROM mls.dd_masked m "
			   "WHERE m.resource = 'Property' AND pg_catalog.regexp_replace(c, '^X_', '') ~ "
			   "('^(' || m.fields || ')$'))",
			   mls_arg_list(names));
	found = mls_cell_texts(SPI_tuptable, 1);
	mls_select(
		"SELECT c FROM pg_catalog.unnest($1) c WHERE c ~ '^(X_|mls_)' OR EXISTS (SELECT FROM "
		"mls.dd_private m WHERE m.resource = 'Property' AND c ~ ('^(' || m.fields || ')$'))",
		mls_arg_list(names));
	private = mls_cell_texts(SPI_tuptable, 1);
	mls_rights_leave(&before);
	foreach (lc, columns)
	{
		Column *column = lfirst(lc);

		column->is_place = mls_is_listed(found, column->name);
		column->is_private = mls_is_listed(private, column->name);
	}
}

/*
 * Whoever reads a view runs its functions, in his own rights: so those around it, and around
 * what it looks into, are of roles that the feed's owner trusts.
 */
static void
require_trusted(Oid relation, Oid owner)
{
	List *found = NIL;
	ListCell *lc;

	mls_select("WITH RECURSIVE r (oid) AS (SELECT $1 UNION SELECT d.refobjid FROM r "
			   "JOIN pg_catalog.pg_rewrite w ON w.ev_class = r.oid "
			   "JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::"
			   "pg_catalog.regclass AND d.objid = w.oid "
			   "AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass) SELECT r.oid FROM r",
			   mls_arg_oid(relation));
	for (uint64 i = 0; i < SPI_processed; i++)
		found = lappend_oid(found, mls_oid_at(i, 1));
	foreach (lc, found)
		mls_require_trust(lfirst_oid(lc), owner);
}

/* The view's columns, and fields that expressions use and it lacks. */
static void
find_columns(Builder *builder)
{
	const MlsFeed *feed = builder->feed;
	Relation relation = try_relation_open(feed->relation, AccessShareLock);
	TupleDesc desc;
	MlsRights before;

	if (relation == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("the view of feed \"%s\" was dropped", feed->name),
				errhint("Call mls_feed() with another one."));
	desc = RelationGetDescr(relation);
	for (int i = 0; i < desc->natts; i++)
	{
		Column *column = palloc0(sizeof(Column));

		column->name = pstrdup(NameStr(TupleDescAttr(desc, i)->attname));
		if (!TupleDescAttr(desc, i)->attisdropped)
			builder->columns = lappend(builder->columns, column);
	}
	relation_close(relation, NoLock);
	if (!has_column(builder->columns, feed->key))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
				errmsg("%s has no column \"%s\"", mls_qualified_name(feed->relation), feed->key),
				errhint("Name the column that tells its listings apart: key => '...'."));
	find_guarded(builder->columns);
	mls_rights_enter_control(&before);
	mls_select(
		"SELECT field, type, coalesce(is_collection, false) FROM mls.dd_field WHERE resource "
		"= 'Property' AND NOT coalesce(is_expansion, false)");
	mls_rights_leave(&before);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Column *column = palloc0(sizeof(Column));

		column->name = mls_text_at(i, 1);
		column->type = type_of_field(mls_text_at(i, 2), mls_bool_at(i, 3));
		if (is_used(feed, column->name) && !has_column(builder->columns, column->name))
			builder->columns = lappend(builder->columns, column);
	}
}

/* Whoever leaves out of a view who may not be shown would show it. */
static void
require_consent(const Builder *builder, const char *flag)
{
	Oid gold = InvalidOid;
	MlsRights before;

	if (has_column(builder->columns, flag))
		return;
	mls_rights_enter_control(&before);
	mls_select("SELECT mls.gold_table('Property')::pg_catalog.oid");
	gold = mls_oid_at(0, 1);
	mls_rights_leave(&before);
	if (!OidIsValid(gold) || get_attnum(gold, flag) == InvalidAttrNumber)
		return;
	ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
			errmsg("%s has no column \"%s\"", mls_qualified_name(builder->feed->relation), flag),
			errdetail("Gold has it: it says what of a listing may be shown."),
			errhint("Add it to the view."));
}

/* Does a flag of a row say no? */
static char *
says_no(const char *alias, const char *flag)
{
	return psprintf("pg_catalog.lower(%s.%s::pg_catalog.text) IN ('false', 'f', 'no', 'n', '0')",
					alias, quote_identifier(flag));
}

/* The last keys, or the largest values of a column, where not all are wanted. */
static char *
limited_view(const Builder *builder)
{
	const MlsFeed *feed = builder->feed;
	int64 most = feed->max_listings;
	const char *order = psprintf("v.%s DESC", quote_identifier(feed->key));

	if (builder->most > 0 && (most == 0 || builder->most < most))
	{
		most = builder->most;
		order = psprintf("v.%s::pg_catalog.text COLLATE \"C\"", quote_identifier(feed->key));
	}
	if (feed->newest_by != NULL)
	{
		if (!has_column(builder->columns, feed->newest_by))
			ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("%s has no column \"%s\"", mls_qualified_name(feed->relation),
						   feed->newest_by));
		order = psprintf("v.%s DESC NULLS LAST, %s", quote_identifier(feed->newest_by), order);
	}
	if (most == 0)
		return mls_qualified_name(feed->relation);
	return psprintf("(SELECT v.* FROM %s v WHERE v.%s IS NOT NULL ORDER BY %s LIMIT " INT64_FORMAT
					")",
					mls_qualified_name(feed->relation), quote_identifier(feed->key), order, most);
}

static char *
row_sql(const Builder *builder)
{
	const MlsFeed *feed = builder->feed;
	bool hides = has_column(builder->columns, MAY_SHOW_ADDRESS);
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "(SELECT ");
	foreach (lc, builder->columns)
	{
		const Column *column = lfirst(lc);
		const char *name = quote_identifier(column->name);

		if (column->type)
			appendStringInfo(&sql, "NULL::%s AS %s, ", column->type, name);
		else if (hides && column->is_place)
			appendStringInfo(&sql, "CASE WHEN %s THEN NULL ELSE v.%s END AS %s, ",
							 says_no("v", MAY_SHOW_ADDRESS), name, name);
		else
			appendStringInfo(&sql, "v.%s, ", name);
	}
	appendStringInfo(&sql, "v.%s::pg_catalog.text AS mls_feed_key, ", quote_identifier(feed->key));
	appendStringInfo(
		&sql, "%s AS mls_feed_hidden FROM %s v ORDER BY v.%s::pg_catalog.text COLLATE \"C\") r",
		has_column(builder->columns, MAY_SHOW) ? says_no("v", MAY_SHOW) : "false",
		limited_view(builder), quote_identifier(feed->key));
	return sql.data;
}

/* ---- What hangs on it ---- */

static char *
listing_sql(const MlsFeed *feed)
{
	const char *url = mls_feed_setting(feed, "url");

	return psprintf(
		" CROSS JOIN LATERAL (SELECT r.mls_feed_key AS key, %s AS url) listing",
		url == NULL ? "NULL::pg_catalog.text"
					: psprintf("pg_catalog.replace(%s, '{key}', mls.feed_escaped(r.mls_feed_key))",
							   literal(url)));
}

static char *
setting_sql(const MlsFeed *feed)
{
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, " CROSS JOIN (SELECT NULL::pg_catalog.text AS mls_none");
	foreach (lc, feed->settings)
	{
		const MlsFeedSetting *setting = lfirst(lc);

		appendStringInfo(&sql, ", %s AS %s", literal(setting->value),
						 quote_identifier(setting->name));
	}
	appendStringInfoString(&sql, ") setting");
	return sql.data;
}

/* Public photos: of category Photo, for everybody, with an address that holds no login. */
static char *
public_photos(const MlsFeed *feed, Oid media, bool stored_only)
{
	StringInfoData sql;
	AttrNumber permission = get_attnum(media, "Permission");
	MlsRights before;
	bool stores;

	initStringInfo(&sql);
	appendStringInfo(&sql, " FROM %s m CROSS JOIN LATERAL (SELECT ", mls_qualified_name(media));
	mls_rights_enter_control(&before);
	mls_select("SELECT EXISTS (SELECT FROM mls.media_rule)");
	stores = mls_bool_at(0, 1);
	mls_rights_leave(&before);
	if (stores && get_attnum(media, MLS_GOLD_SOURCE_KEY) != InvalidAttrNumber)
		appendStringInfo(&sql, "%s(mls.media_file(m.mls_source, m.mls_source_key)).url%s",
						 stored_only ? "" : "coalesce(", stored_only ? "" : ", m.\"MediaURL\")");
	else
		appendStringInfoString(&sql, stored_only ? "NULL::pg_catalog.text" : "m.\"MediaURL\"");
	appendStringInfoString(&sql, " AS url) a WHERE m.\"ResourceRecordKey\" = r.mls_feed_key AND "
								 "a.url ~ '^https?://[^/@?#[:space:]]+(/[^[:space:]]*)?$'");
	if (get_attnum(media, "ResourceName") != InvalidAttrNumber)
		appendStringInfoString(&sql, " AND coalesce(m.\"ResourceName\", 'Property') = 'Property'");
	if (get_attnum(media, "MediaCategory") != InvalidAttrNumber)
		appendStringInfoString(&sql, " AND coalesce(m.\"MediaCategory\", 'Photo') = 'Photo'");
	if (permission != InvalidAttrNumber)
		appendStringInfo(&sql, " AND (m.\"Permission\" IS NULL OR %s)",
						 get_atttype(media, permission) == TEXTARRAYOID
							 ? "m.\"Permission\" = '{}' OR 'Public' = ANY (m.\"Permission\")"
							 : "'Public' = ANY (pg_catalog.regexp_split_to_array(m.\"Permission\"::"
							   "pg_catalog.text, '\\s*,\\s*'))");
	appendStringInfoString(&sql, " ORDER BY ");
	if (get_attnum(media, "PreferredPhotoYN") != InvalidAttrNumber)
		appendStringInfoString(&sql, "m.\"PreferredPhotoYN\" IS TRUE DESC, ");
	if (get_attnum(media, "Order") != InvalidAttrNumber)
		appendStringInfoString(&sql, "m.\"Order\", ");
	appendStringInfoString(&sql, "m.\"MediaKey\"");
	if (feed->max_photos >= 0)
		appendStringInfo(&sql, " LIMIT " INT64_FORMAT, feed->max_photos);
	return sql.data;
}

static char *
photo_sql(const MlsFeed *feed)
{
	const char *wanted = mls_feed_setting(feed, "photos");
	Oid media = feed->media;

	if (!OidIsValid(media) || get_rel_name(media) == NULL)
		return " CROSS JOIN (SELECT NULL::pg_catalog.text[] AS urls, NULL::pg_catalog.text[] AS "
			   "numbers, NULL::pg_catalog.jsonb AS records) photo";
	if (get_attnum(media, "ResourceRecordKey") == InvalidAttrNumber ||
		get_attnum(media, "MediaURL") == InvalidAttrNumber ||
		get_attnum(media, "MediaKey") == InvalidAttrNumber)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
				errmsg("%s has not what media have", mls_qualified_name(media)),
				errdetail("It wants the columns \"MediaKey\", \"MediaURL\" and "
						  "\"ResourceRecordKey\"."));
	return psprintf(
		" CROSS JOIN LATERAL (SELECT pg_catalog.array_agg(p.url) AS urls, "
		"pg_catalog.array_agg(p.n::pg_catalog.text) AS numbers, "
		"pg_catalog.jsonb_agg(p.record) AS records FROM (SELECT o.*, pg_catalog.row_number() OVER "
		"() AS n "
		"FROM (SELECT a.url, "
		"pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb(m) - "
		"'{mls_source,mls_origin,mls_source_key,mls_updated_at}'::pg_catalog.text[]) || "
		"pg_catalog.jsonb_build_object('MediaURL', a.url) AS record%s) o) p) photo",
		public_photos(feed, media, wanted != NULL && strcmp(wanted, "stored") == 0));
}

/* Names of texts: those that every feed has, and its own. */
static List *
text_names(const MlsFeed *feed)
{
	List *names = list_make2("title", "description");
	ListCell *lc;

	foreach (lc, feed->texts)
		names = mls_list_once(names, ((const MlsFeedText *) lfirst(lc))->name);
	return names;
}

/* The column of a text in a language: as the feed says; remarks are in the first one. */
static const char *
text_column(const Builder *builder, const char *name, const char *language)
{
	const MlsFeed *feed = builder->feed;
	bool is_said = false;
	ListCell *lc;

	foreach (lc, feed->texts)
	{
		const MlsFeedText *text = lfirst(lc);

		if (strcmp(text->name, name) != 0)
			continue;
		is_said = true;
		if (strcmp(text->language, language) != 0)
			continue;
		if (!has_column(builder->columns, text->column))
			ereport(
				ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
				errmsg("%s has no column \"%s\"", mls_qualified_name(feed->relation), text->column),
				errdetail("It is said to hold the text \"%s\" in the language \"%s\".", name,
						  language));
		return text->column;
	}
	if (!is_said && strcmp(name, "description") == 0 &&
		strcmp(language, linitial(feed->languages)) == 0 &&
		has_column(builder->columns, "PublicRemarks"))
		return "PublicRemarks";
	return NULL;
}

static void
append_text(const Builder *builder, const char *name, const char *language, StringInfo sql)
{
	const char *column = text_column(builder, name, language);

	if (column != NULL)
		appendStringInfo(sql,
						 "nullif(pg_catalog.btrim(r.%s::pg_catalog.text, E' \\t\\r\\n'), ''), ",
						 quote_identifier(column));
}

/* A text that is missing in its language is that of the first one that has it, if it falls back. */
static char *
text_sql(const Builder *builder, const char *language)
{
	const MlsFeed *feed = builder->feed;
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "(SELECT %s AS language", literal(language));
	foreach (lc, text_names(feed))
	{
		const char *name = lfirst(lc);
		ListCell *other;

		appendStringInfoString(&sql, ", coalesce(");
		append_text(builder, name, language, &sql);
		foreach (other, feed->languages)
			if (feed->falls_back)
				append_text(builder, name, lfirst(other), &sql);
		appendStringInfo(&sql, "NULL::pg_catalog.text) AS %s", quote_identifier(name));
	}
	appendStringInfoString(&sql, ") text");
	return sql.data;
}

/* ---- Checking expressions ---- */

static void
add_relation(Builder *builder, const char *alias, const List *names)
{
	MlsMapRelation *relation = palloc0(sizeof(MlsMapRelation));
	ListCell *lc;

	relation->alias = alias;
	relation->desc = CreateTemplateTupleDesc(list_length(names));
	foreach (lc, names)
		TupleDescInitEntry(relation->desc, foreach_current_index(lc) + 1, lfirst(lc), TEXTOID, -1,
						   0);
	builder->relations = lappend(builder->relations, relation);
}

static void
add_relations(Builder *builder)
{
	List *columns = NIL;
	List *settings = list_make1("mls_none");
	ListCell *lc;

	foreach (lc, builder->columns)
		columns = lappend(columns, unconstify(char *, ((const Column *) lfirst(lc))->name));
	foreach (lc, builder->feed->settings)
		settings =
			lappend(settings, unconstify(char *, ((const MlsFeedSetting *) lfirst(lc))->name));
	add_relation(builder, "r", columns);
	add_relation(builder, "listing", list_make2("key", "url"));
	add_relation(builder, "photo", list_make3("urls", "numbers", "records"));
	add_relation(builder, "text", lcons("language", text_names(builder->feed)));
	add_relation(builder, "setting", settings);
	add_relation(builder, "feed", list_make2("id", "changed_at"));
}

#define NUMBERS "mls_numbers feed"

/* As the parser knows them; a run has rows of that name. */
#define NO_NUMBERS                                                                                 \
	"(SELECT NULL::pg_catalog.int8 AS n, NULL::pg_catalog.int8 AS id, "                            \
	"NULL::pg_catalog.timestamptz AS changed_at) feed"

/* What an expression uses, and what it gives. */
static void
judge(const Builder *builder, MlsFeedElement *element)
{
	const char *missing;
	List *uses;
	char *from;
	Oid type;

	if (element->is_row)
		return;
	uses = mls_expression_uses(element->expression, WHAT, &missing, builder->relations);
	if (missing != NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
				errmsg("there is no column %s for the element \"%s\"", missing, element->path),
				errdetail("%s has none of that name, nor has the dictionary.",
						  mls_qualified_name(builder->feed->relation)));
	element->is_numbered = list_member(uses, makeString("feed"));
	uses = list_delete(list_delete(uses, makeString("feed")), makeString("setting"));
	if (element->is_numbered && (uses != NIL || element->is_reason))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the element \"%s\" uses feed, and more", element->path),
				errdetail("Numbers of listings are given when all else of them has been read: what "
						  "is made of them can use settings besides, and nothing else."));
	from = element->is_numbered ? psprintf(NO_NUMBERS "%s", setting_sql(builder->feed))
								: psprintf("%s CROSS JOIN LATERAL %s", builder->row,
										   text_sql(builder, element->language));
	type = mls_expression_type(element->expression, WHAT, from);
	element->is_array = OidIsValid(get_element_type(type));
	if (element->is_reason && element->is_array)
		ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("a reason to leave a listing out is one text"));
	if (builder->feed->kind == MLS_FEED_JSON)
		return;
	for (int i = 0; i < element->nsteps; i++)
		if (element->steps[i].repeats)
			return;
	if (element->is_array && !element->is_reason)
		ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("the element \"%s\" is made of an array", element->path),
				errhint("Say which part of its path is repeated: images/image*/url."));
}

/* ---- Statements ---- */

/* All fields of the row but those that are private, local, or have elements of their own. */
static char *
whole_row(const Builder *builder)
{
	StringInfoData sql;
	StringInfoData left_out;
	ListCell *lc;

	initStringInfo(&sql);
	initStringInfo(&left_out);
	foreach (lc, builder->feed->elements)
	{
		const MlsFeedElement *element = lfirst(lc);

		if (element->nsteps > 0)
			appendStringInfo(&left_out, "%s%s", left_out.len ? ", " : "",
							 literal(element->steps[0].name));
	}
	appendStringInfoString(&sql, "pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(");
	foreach (lc, builder->columns)
	{
		const Column *column = lfirst(lc);

		/* Functions take 100 arguments. */
		if (column->type != NULL || column->is_private)
			continue;
		if (foreach_current_index(lc) % 40 == 39)
			appendStringInfoString(&sql, "'', NULL) || pg_catalog.jsonb_build_object(");
		appendStringInfo(&sql, "%s, r.%s, ", literal(column->name), quote_identifier(column->name));
	}
	appendStringInfo(&sql, "'', NULL)) - ARRAY['', %s]::pg_catalog.text[]",
					 left_out.len ? left_out.data : "''");
	return sql.data;
}

static char *
value_sql(const Builder *builder, const MlsFeedElement *element)
{
	bool is_json = builder->feed->kind == MLS_FEED_JSON && !element->is_reason;
	char *value = element->is_row ? whole_row(builder) : psprintf("(%s\n)", element->expression);
	const char *type = element->is_array ? "pg_catalog.text[]" : "pg_catalog.text";

	if (element->value_map != NULL)
		value = psprintf("mls.feed_value(%s::%s, %s::pg_catalog.jsonb)", value, type,
						 quote_literal_cstr(element->value_map));
	if (is_json)
		return psprintf("pg_catalog.to_jsonb(%s)::pg_catalog.text",
						element->value_map || element->is_row
							? value
							: psprintf("CASE WHEN true THEN %s END", value));
	return psprintf("%s::%s", value, type);
}

/* The values of a language's elements, over its texts. */
static void
append_language(const Builder *builder, const char *language, StringInfo columns, StringInfo from)
{
	ListCell *lc;
	bool is_first = true;

	foreach (lc, builder->feed->elements)
	{
		MlsFeedElement *element = lfirst(lc);

		if (element->is_numbered || strcmp(element->language, language) != 0)
			continue;
		appendStringInfo(from, "%s%s AS c%d", is_first ? " CROSS JOIN LATERAL (SELECT " : ", ",
						 value_sql(builder, element), foreach_current_index(lc));
		is_first = false;
		appendStringInfo(columns, ", c%d", foreach_current_index(lc));
	}
	if (!is_first)
		appendStringInfo(from, " FROM %s) l%s", text_sql(builder, language),
						 psprintf("_%d", list_length(builder->feed->languages) + from->len));
}

static void
build(Builder *builder)
{
	MlsFeed *feed = builder->feed;
	StringInfoData columns;
	StringInfoData from;
	StringInfoData numbers;
	int column = 3;
	int number = 1;
	ListCell *lc;
	ListCell *element_lc;

	initStringInfo(&columns);
	initStringInfo(&from);
	initStringInfo(&numbers);
	foreach (lc, feed->languages)
	{
		append_language(builder, lfirst(lc), &columns, &from);
		foreach (element_lc, feed->elements)
		{
			MlsFeedElement *element = lfirst(element_lc);

			if (!element->is_numbered && strcmp(element->language, lfirst(lc)) == 0)
				element->column = column++;
		}
	}
	foreach (lc, feed->elements)
	{
		MlsFeedElement *element = lfirst(lc);

		if (!element->is_numbered)
			continue;
		appendStringInfo(&numbers, "%s%s", number > 1 ? ", " : "", value_sql(builder, element));
		element->column = number++;
	}
	feed->query = psprintf("SELECT r.mls_feed_key, r.mls_feed_hidden%s FROM %s%s ORDER BY "
						   "r.mls_feed_key COLLATE \"C\"",
						   columns.data, builder->row, from.data);
	feed->numbers = numbers.len == 0 ? NULL
									 : psprintf("SELECT %s FROM " NUMBERS "%s ORDER BY feed.n",
												numbers.data, setting_sql(feed));
}

void
mls_feed_prepare(MlsFeed *feed, int64 most)
{
	Builder builder = {.feed = feed, .most = most};
	ListCell *lc;

	read_elements(feed);
	find_columns(&builder);
	require_trusted(feed->relation, feed->owner);
	if (OidIsValid(feed->media))
		require_trusted(feed->media, feed->owner);
	require_consent(&builder, MAY_SHOW_ADDRESS);
	require_consent(&builder, MAY_SHOW);
	add_relations(&builder);
	builder.row = psprintf("%s%s%s%s", row_sql(&builder), listing_sql(feed), setting_sql(feed),
						   photo_sql(feed));
	foreach (lc, feed->elements)
		judge(&builder, lfirst(lc));
	build(&builder);
}

/* ---- Settings ---- */

/* The setting that an expression is, and no more; NULL if it is something else. */
static const char *
setting_alone(const char *expression)
{
	const char *name = expression + strlen("setting.");

	if (strcmp(expression, "listing.url") == 0)
		return "url";
	if (strncmp(expression, "setting.", strlen("setting.")) != 0 ||
		name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
		return NULL;
	return name;
}

void
mls_feed_require_settings(const MlsFeed *feed, int level)
{
	ListCell *lc;

	foreach (lc, feed->elements)
	{
		const MlsFeedElement *element = lfirst(lc);
		const char *name = element->is_required ? setting_alone(element->expression) : NULL;

		if (name != NULL && mls_feed_setting(feed, name) == NULL)
			ereport(level, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("feed \"%s\" lacks the setting \"%s\"", feed->name, name),
					errdetail("A listing without element \"%s\" is left out.", element->path),
					errhint("Call mls_feed() with settings => '{\"%s\": ...}', or have "
							"mls_feed_element(..., feed => '%s') make the element.",
							name, feed->name));
	}
}
