/*
 * remote_schema.c
 *		What is known of a remote resource, and how it differs from what the source
 *		declares now.
 *
 * The declaration is put into two relations that SQL reads (transaction.c), and SQL
 * compares them with mls.remote_field and mls.remote_lookup.  The first
 * comparison finds no differences: it makes the declaration known.
 */
#include "postgres.h"

#include "drift/drift.h"
#include "step/issue.h"

/* Live until SPI is finished, as the relations they become. */
typedef struct Declaration
{
	MlsTransition fields;
	MlsTransition values;
} Declaration;

/* ---- The declaration as relations ---- */

static TupleDesc
field_desc(void)
{
	TupleDesc desc = CreateTemplateTupleDesc(12);

	TupleDescInitEntry(desc, 1, "field", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 2, "type", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 3, "pg_type", REGTYPEOID, -1, 0);
	TupleDescInitEntry(desc, 4, "is_natural", BOOLOID, -1, 0);
	TupleDescInitEntry(desc, 5, "is_enum", BOOLOID, -1, 0);
	TupleDescInitEntry(desc, 6, "is_flags", BOOLOID, -1, 0);
	TupleDescInitEntry(desc, 7, "nullable", BOOLOID, -1, 0);
	TupleDescInitEntry(desc, 8, "max_length", INT4OID, -1, 0);
	TupleDescInitEntry(desc, 9, "lookup", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 10, "description", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 11, "standard_name", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 12, "is_coded", BOOLOID, -1, 0);
	return desc;
}

static TupleDesc
value_desc(void)
{
	TupleDesc desc = CreateTemplateTupleDesc(3);

	TupleDescInitEntry(desc, 1, "lookup", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 2, "value", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 3, "display", TEXTOID, -1, 0);
	return desc;
}

static void
put_field(MlsTransition *relay, const MlsRemoteField *field)
{
	mls_transition_add(
		relay, mls_arg_text(field->name), mls_arg_text(field->type),
		mls_arg(REGTYPEOID, ObjectIdGetDatum(field->pg_type)), mls_arg_bool(field->natural),
		mls_arg_bool(field->is_enum), mls_arg_bool(field->is_flags), mls_arg_bool(field->nullable),
		field->max_length < 0 ? mls_arg_null(INT4OID) : mls_arg_int4(field->max_length),
		mls_arg_text(field->lookup), mls_arg_text(field->description),
		mls_arg_text(field->standard_name), mls_arg_bool(field->is_coded));
}

static void
put_values(MlsTransition *relay, const MlsRemoteField *field)
{
	ListCell *lc;

	foreach (lc, field->members)
	{
		const MlsLookupValue *member = lfirst(lc);

		mls_transition_add(relay, mls_arg_text(field->lookup ? field->lookup : field->name),
						   mls_arg_text(member->value), mls_arg_text(member->display));
	}
}

void
mls_remote_open(const MlsRemoteResource *resource)
{
	Declaration *declaration = palloc0(sizeof(Declaration));
	ListCell *lc;

	declaration->fields = (MlsTransition){.name = "mls_remote_field", .desc = field_desc()};
	declaration->values = (MlsTransition){.name = "mls_remote_value", .desc = value_desc()};
	mls_transition_open(&declaration->fields);
	mls_transition_open(&declaration->values);
	if (resource == NULL)
		return;
	foreach (lc, resource->fields)
	{
		put_field(&declaration->fields, lfirst(lc));
		put_values(&declaration->values, lfirst(lc));
	}
}

bool
mls_remote_hidden(const MlsRemoteSchema *schema, const char *name)
{
	return mls_schema_resource(schema, name) == NULL && mls_schema_is_denied(schema, name);
}

/* ---- What is known ---- */

MlsKnown
mls_known_read(int64 subscription)
{
	MlsKnown known = {0};

	mls_select(
		"SELECT checked_at, failed_at, EXISTS (SELECT FROM mls.remote_field f "
		"WHERE f.subscription = r.subscription AND f.pending IS NOT NULL AND f.removed_at IS NULL) "
		"FROM mls.remote_resource r WHERE subscription = $1",
		mls_arg_int8(subscription));
	if (SPI_processed == 0)
		return known;
	known.checked_at = mls_time_at(0, 1);
	known.failed_at = mls_time_at(0, 2);
	known.is_pending = mls_bool_at(0, 3);
	return known;
}

/* Notes that the metadata could not be read, so that it is not tried in each run. */
void
mls_known_fail(int64 subscription)
{
	mls_sql_control(SPI_OK_INSERT,
					"INSERT INTO mls.remote_resource (subscription, failed_at) VALUES ($1, now()) "
					"ON CONFLICT (subscription) DO UPDATE SET failed_at = excluded.failed_at",
					mls_arg_int8(subscription));
}

/* ---- Comparing ---- */

/* Both sides with their types in words. */
#define BOTH_SIDES                                                                                 \
	"WITH known AS (SELECT *, coalesce(type, pg_type::text) || "                                   \
	"coalesce('(' || max_length || ')', '') AS shape "                                             \
	"FROM mls.remote_field WHERE subscription = $1 AND removed_at IS NULL), "                      \
	"remote AS (SELECT *, coalesce(type, pg_type::text) || "                                       \
	"coalesce('(' || max_length || ')', '') AS shape FROM mls_remote_field) "

static const char added_fields[] = BOTH_SIDES
	"SELECT 'field_added', field, format('field \"%s\" was added, with type %s', field, shape) "
	"FROM remote r WHERE NOT EXISTS (SELECT FROM known k WHERE k.field = r.field) ORDER BY field";

static const char removed_fields[] = BOTH_SIDES
	"SELECT 'field_removed', field, format('field \"%s\" was removed; its column stays', field) "
	"FROM known k WHERE NOT EXISTS (SELECT FROM remote r WHERE r.field = k.field) ORDER BY field";

static const char changed_types[] =
	BOTH_SIDES "SELECT 'type_changed', field, format('field \"%s\" changed its type from %s to %s; "
			   "its column keeps the type it has', field, k.shape, r.shape) "
			   "FROM known k JOIN remote r USING (field) "
			   "WHERE (k.type, k.pg_type) IS DISTINCT FROM (r.type, r.pg_type) ORDER BY field";

static const char changed_lengths[] = BOTH_SIDES
	"SELECT CASE WHEN coalesce(k.max_length, 2147483647) < coalesce(r.max_length, 2147483647) "
	"THEN 'field_lengthened' ELSE 'field_shortened' END, field, "
	"format('field \"%s\" changed its length from %s to %s', field, "
	"coalesce(k.max_length::text, 'unlimited'), coalesce(r.max_length::text, 'unlimited')) "
	"FROM known k JOIN remote r USING (field) WHERE k.max_length IS DISTINCT FROM r.max_length "
	"AND (k.type, k.pg_type) IS NOT DISTINCT FROM (r.type, r.pg_type) ORDER BY field";

/* Of a lookup that is new as a whole its field is the difference. */
static const char added_values[] =
	"SELECT 'values_added', lookup, format('lookup \"%s\" has %s: %s%s', lookup, "
	"mls.counted(count(*), 'new value', 'new values'), left(string_agg(value, ', ' ORDER BY value "
	"COLLATE \"C\") "
	"FILTER (WHERE place <= 10), 500), CASE WHEN count(*) > 10 THEN ', ...' END) "
	"FROM (SELECT lookup, value, "
	"row_number() OVER (PARTITION BY lookup ORDER BY value COLLATE \"C\") AS place "
	"FROM (SELECT DISTINCT lookup, value FROM mls_remote_value) r "
	"WHERE EXISTS (SELECT FROM mls.remote_lookup o WHERE o.subscription = $1 "
	"AND o.lookup = r.lookup) "
	"AND NOT EXISTS (SELECT FROM mls.remote_lookup k WHERE k.subscription = $1 "
	"AND k.removed_at IS NULL AND k.lookup = r.lookup AND k.value = r.value)) added "
	"GROUP BY lookup ORDER BY lookup";

static const char removed_values[] =
	"SELECT 'values_removed', lookup, format('lookup \"%s\" has lost %s: %s%s', lookup, "
	"mls.counted(count(*), 'value', 'values'), left(string_agg(value, ', ' ORDER BY value COLLATE "
	"\"C\") "
	"FILTER (WHERE place <= 10), 500), CASE WHEN count(*) > 10 THEN ', ...' END) "
	"FROM (SELECT lookup, value, "
	"row_number() OVER (PARTITION BY lookup ORDER BY value COLLATE \"C\") AS place "
	"FROM mls.remote_lookup k WHERE subscription = $1 AND removed_at IS NULL "
	"AND EXISTS (SELECT FROM mls_remote_value o WHERE o.lookup = k.lookup) "
	"AND NOT EXISTS (SELECT FROM mls_remote_value r WHERE r.lookup = k.lookup "
	"AND r.value = k.value)) removed "
	"GROUP BY lookup ORDER BY lookup";

static const char changed_key[] =
	"SELECT 'key_changed', $3, format('the key changed from %s to %s; records are kept by the key "
	"of the foreign table', array_to_string(key, ', '), array_to_string($2, ', ')) "
	"FROM mls.remote_resource WHERE subscription = $1 AND key <> $2";

static const char resource_back[] =
	"SELECT 'resource_added', $3, 'the source declares the resource again' "
	"FROM mls.remote_resource WHERE subscription = $1 AND removed_at IS NOT NULL";

static const char resource_gone[] =
	"SELECT 'resource_removed', $3, 'the source does not declare the resource any more' "
	"FROM mls.remote_resource WHERE subscription = $1 AND removed_at IS NULL "
	"AND checked_at IS NOT NULL";

/* Statements about a subscription ($1), with the key ($2) and the name ($3) of its resource. */
#define DECLARED(sub, resource)                                                                    \
	mls_arg_int8((sub)->id), mls_arg_list((resource) ? (resource)->key : NIL),                     \
		mls_arg_text((sub)->resource)

/* Appends what a query finds. */
static List *
find(List *found, const char *sql, const MlsSubscription *sub, const MlsRemoteResource *resource)
{
	mls_select(sql, DECLARED(sub, resource));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MlsDifference *difference = palloc(sizeof(MlsDifference));

		difference->change = mls_text_at(i, 1);
		difference->name = mls_text_at(i, 2);
		difference->message = mls_text_at(i, 3);
		found = lappend(found, difference);
	}
	return found;
}

/*
 * How the source's declaration differs from what is known (List of MlsDifference
 * *).  Of a resource that is gone nothing else is said.
 */
List *
mls_remote_compare(const MlsSubscription *sub, const MlsRemoteResource *resource)
{
	static const char *const queries[] = {resource_back,  changed_key,   added_fields,
										  removed_fields, changed_types, changed_lengths,
										  added_values,   removed_values};
	List *found = NIL;

	if (mls_known_read(sub->id).checked_at == 0)
		return NIL;
	if (resource == NULL)
		return find(NIL, resource_gone, sub, NULL);
	for (int i = 0; i < lengthof(queries); i++)
		found = find(found, queries[i], sub, resource);
	return found;
}

/* ---- Learning ---- */

/*
 * A field is an addition when it was never declared before: one that comes back
 * after a night of incomplete metadata has its column, or was left out.
 */
static const char learn_fields[] =
	"INSERT INTO mls.remote_field AS k (subscription, field, type, pg_type, is_natural, is_enum, "
	"is_flags, nullable, max_length, lookup, description, standard_name, is_coded, pending) "
	"SELECT DISTINCT ON (field) $1, field, type, pg_type, is_natural, is_enum, is_flags, nullable, "
	"max_length, lookup, description, standard_name, is_coded, CASE WHEN EXISTS (SELECT FROM "
	"mls.remote_resource "
	"WHERE subscription = $1 AND checked_at IS NOT NULL) THEN 'addition' END "
	"FROM mls_remote_field ORDER BY field "
	"ON CONFLICT (subscription, field) DO UPDATE SET type = excluded.type, "
	"pg_type = excluded.pg_type, is_natural = excluded.is_natural, is_enum = excluded.is_enum, "
	"is_flags = excluded.is_flags, nullable = excluded.nullable, "
	"max_length = excluded.max_length, lookup = excluded.lookup, "
	"description = excluded.description, standard_name = excluded.standard_name, is_coded = "
	"excluded.is_coded, pending = CASE "
	"WHEN k.pending IS NULL AND "
	"(k.type, k.pg_type, k.is_natural, k.is_enum, k.is_flags, k.max_length) IS DISTINCT FROM "
	"(excluded.type, excluded.pg_type, excluded.is_natural, excluded.is_enum, excluded.is_flags, "
	"excluded.max_length) THEN 'change' ELSE k.pending END, former_type = CASE "
	"WHEN (k.type, k.pg_type) IS DISTINCT FROM (excluded.type, excluded.pg_type) "
	"THEN coalesce(k.former_type, k.type, k.pg_type::text) ELSE k.former_type END, "
	"changed_at = now(), removed_at = NULL, "
	"first_seen = CASE WHEN k.removed_at IS NULL THEN k.first_seen ELSE now() END "
	"WHERE k.removed_at IS NOT NULL OR (k.type, k.pg_type, k.is_natural, k.is_enum, k.is_flags, "
	"k.nullable, k.max_length, k.lookup, k.description, k.standard_name, k.is_coded) IS DISTINCT "
	"FROM "
	"(excluded.type, "
	"excluded.pg_type, excluded.is_natural, excluded.is_enum, excluded.is_flags, "
	"excluded.nullable, excluded.max_length, excluded.lookup, excluded.description, "
	"excluded.standard_name, excluded.is_coded)";

static const char forget_fields[] =
	"UPDATE mls.remote_field k SET removed_at = now(), changed_at = now() "
	"WHERE subscription = $1 AND removed_at IS NULL "
	"AND NOT EXISTS (SELECT FROM mls_remote_field r WHERE r.field = k.field)";

static const char learn_values[] =
	"INSERT INTO mls.remote_lookup AS k (subscription, lookup, value, display) "
	"SELECT DISTINCT ON (lookup, value) $1, lookup, value, display FROM mls_remote_value "
	"ORDER BY lookup, value, display "
	"ON CONFLICT (subscription, lookup, value) DO UPDATE SET display = excluded.display, "
	"first_seen = CASE WHEN k.removed_at IS NULL THEN k.first_seen ELSE now() END, "
	"removed_at = NULL "
	"WHERE k.removed_at IS NOT NULL OR k.display IS DISTINCT FROM excluded.display";

static const char forget_values[] =
	"UPDATE mls.remote_lookup k SET removed_at = now() "
	"WHERE subscription = $1 AND removed_at IS NULL AND NOT EXISTS "
	"(SELECT FROM mls_remote_value r WHERE r.lookup = k.lookup AND r.value = k.value)";

static const char learn_resource[] =
	"INSERT INTO mls.remote_resource AS k (subscription, key, first_seen, checked_at) "
	"VALUES ($1, $2, now(), now()) ON CONFLICT (subscription) DO UPDATE SET key = excluded.key, "
	"first_seen = coalesce(k.first_seen, now()), checked_at = now(), failed_at = NULL, "
	"removed_at = NULL";

static const char forget_resource[] =
	"INSERT INTO mls.remote_resource AS k (subscription, checked_at, removed_at) "
	"VALUES ($1, now(), now()) ON CONFLICT (subscription) DO UPDATE SET checked_at = now(), "
	"failed_at = NULL, removed_at = coalesce(k.removed_at, now())";

/* Makes what the source declares now what is known. */
void
mls_remote_learn(const MlsSubscription *sub, const MlsRemoteResource *resource)
{
	if (resource == NULL)
	{
		mls_sql_control(SPI_OK_INSERT, forget_resource, mls_arg_int8(sub->id));
		return;
	}
	mls_sql_control(SPI_OK_INSERT, learn_fields, DECLARED(sub, resource));
	mls_sql_control(SPI_OK_UPDATE, forget_fields, DECLARED(sub, resource));
	mls_sql_control(SPI_OK_INSERT, learn_values, DECLARED(sub, resource));
	mls_sql_control(SPI_OK_UPDATE, forget_values, DECLARED(sub, resource));
	mls_sql_control(SPI_OK_INSERT, learn_resource, DECLARED(sub, resource));
}

/* ---- Recording ---- */

/*
 * Keeps differences as issues, and ends those of earlier comparisons: nobody has to
 * know any more what is declared so for some time, unless the tables do not follow it
 * yet.
 */
void
mls_remote_record(const MlsSubscription *sub, int64 run, List *differences)
{
	ListCell *lc;

	foreach (lc, differences)
	{
		const MlsDifference *difference = lfirst(lc);

		mls_issue_open(sub->id, run, MLS_ISSUE_SCHEMA, NULL, difference->name, NULL,
					   difference->message);
	}
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.issue i SET solved_at = pg_catalog.now() WHERE i.subscription = $1 "
					"AND i.solved_at IS NULL AND i.last_seen < pg_catalog.now() AND i.kind = "
					"'" MLS_ISSUE_SCHEMA "' AND NOT EXISTS (SELECT FROM mls.remote_field f "
					"WHERE f.subscription = i.subscription AND f.field = i.field "
					"AND f.pending IS NOT NULL)",
					mls_arg_int8(sub->id));
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.issue i SET solved_at = pg_catalog.now() WHERE i.subscription = $1 "
					"AND i.solved_at IS NULL AND i.kind = '" MLS_ISSUE_LOOKUP "' AND EXISTS "
					"(SELECT FROM mls_remote_field f JOIN mls_remote_value v USING (lookup) "
					"WHERE f.field = i.field AND v.value = i.value)",
					mls_arg_int8(sub->id));
	/* There is room for a column now, or nothing that needs one. */
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.issue i SET solved_at = pg_catalog.now() WHERE i.subscription = $1 "
					"AND i.solved_at IS NULL AND i.kind = '" MLS_ISSUE_COLUMNS "' AND "
					"(NOT EXISTS (SELECT FROM mls_remote_field f WHERE f.field = i.field) "
					"OR EXISTS (SELECT FROM mls.subscription s JOIN pg_catalog.pg_attribute a "
					"ON a.attrelid = s.foreign_table AND NOT a.attisdropped, "
					"pg_catalog.pg_options_to_table(a.attfdwoptions) o WHERE s.id = i.subscription "
					"AND o.option_name = 'field' AND o.option_value = i.field))",
					mls_arg_int8(sub->id));
	mls_issue_solve(sub->id, MLS_ISSUE_UNCHECKED, NIL, NULL);
}

void
mls_remote_record_open(const MlsSubscription *sub, int64 run, const MlsRemoteResource *resource)
{
	ListCell *lc;

	foreach (lc, resource ? resource->fields : NIL)
	{
		const MlsRemoteField *field = lfirst(lc);

		if (field->is_open)
			mls_issue_open(sub->id, run, MLS_ISSUE_OPEN, NULL, field->name,
						   field->samples ? linitial(field->samples) : NULL, field->description);
	}
	mls_sql_control(SPI_OK_UPDATE,
					"UPDATE mls.issue SET solved_at = pg_catalog.now() WHERE subscription = $1 "
					"AND solved_at IS NULL AND last_seen < pg_catalog.now() "
					"AND kind = '" MLS_ISSUE_OPEN "'",
					mls_arg_int8(sub->id));
}
