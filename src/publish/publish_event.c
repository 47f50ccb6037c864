/*
 * publish_event.c
 *		Which keys are to be sent: events of records, and of what their rows are made of.
 *
 * Of a record there is one event, the last; so whoever was away for a year finds all that he
 * has missed, and nothing has to wait for him.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "publish/publish_parts.h"

int64
mls_publish_last_event(void)
{
	mls_sql_run_control("SELECT mls.last_event(current_user::pg_catalog.regrole)", SPI_OK_SELECT,
						NULL, 0);
	return mls_int8_at(0, 1);
}

/*
 * Of one event several records may be told: what a record belongs to, what it has belonged to
 * before, and what refers to it as well.
 */
static List *
add_found(List *keys, int column)
{
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char *key = mls_text_at(i, column);

		if (key != NULL)
			keys = lappend(keys, key);
	}
	return keys;
}

/* Records whose rows hold the key of another that changed, by a column of the view or of gold. */
static List *
add_dependants(const MlsPublication *publication, List *keys, int64 since, int64 upto)
{
	SPITupleTable *rules;

	mls_sql_control(SPI_OK_SELECT,
					"SELECT resource, relation::pg_catalog.oid, key_column, field "
					"FROM mls.publication_resource WHERE publication = $1 AND how = 'field'",
					mls_arg_int8(publication->id));
	rules = SPI_tuptable;
	for (uint64 i = 0; i < rules->numvals; i++)
	{
		List *changed;

		mls_sql_control(SPI_OK_SELECT,
						"SELECT key FROM mls.entity_event WHERE resource = $1 AND sequence > $2 "
						"AND sequence <= $3",
						mls_arg_text(mls_cell_text(rules, i, 1)), mls_arg_int8(since),
						mls_arg_int8(upto));
		changed = mls_cell_texts(SPI_tuptable, 1);
		if (changed == NIL)
			continue;
		mls_select(psprintf("SELECT v.%s::pg_catalog.text FROM %s v WHERE v.%s = ANY ($1)",
							quote_identifier(mls_cell_text(rules, i, 3)),
							mls_qualified_name(mls_cell_oid(rules, i, 2)),
							quote_identifier(mls_cell_text(rules, i, 4))),
				   mls_arg_list(changed));
		keys = add_found(keys, 1);
	}
	return keys;
}

static List *
without_doubles(List *keys)
{
	List *once = NIL;
	const char *last = NULL;
	ListCell *lc;

	list_sort(keys, mls_publish_compare_texts);
	foreach (lc, keys)
	{
		if (last == NULL || strcmp(last, lfirst(lc)) != 0)
			once = lappend(once, lfirst(lc));
		last = lfirst(lc);
	}
	return once;
}

/* As far as a batch of events reaches; behind the last of them there are none up to `last`. */
static int64
reach_of(const MlsPublication *publication, int64 since, int64 last)
{
	mls_sql_control(
		SPI_OK_SELECT,
		"SELECT pg_catalog.count(*), pg_catalog.max(sequence) FROM (SELECT e.sequence "
		"FROM mls.entity_event e WHERE e.sequence > $2 AND e.sequence <= $3 AND e.resource IN "
		"(SELECT r.resource FROM mls.publication_resource r WHERE r.publication = $1) "
		"ORDER BY e.sequence LIMIT $4) e",
		mls_arg_int8(publication->id), mls_arg_int8(since), mls_arg_int8(last),
		mls_arg_int4(publication->batch));
	return mls_int8_at(0, 1) < publication->batch ? last : mls_int8_at(0, 2);
}

List *
mls_publish_changed(const MlsPublication *publication, int64 since, int64 *upto)
{
	List *keys = NIL;

	*upto = reach_of(publication, since, mls_publish_last_event());
	mls_sql_control(SPI_OK_SELECT,
					"SELECT e.key FROM mls.entity_event e WHERE e.resource = $1 "
					"AND e.sequence > $2 AND e.sequence <= $3",
					mls_arg_text(publication->resource), mls_arg_int8(since), mls_arg_int8(*upto));
	keys = add_found(keys, 1);
	mls_sql_control(
		SPI_OK_SELECT,
		"SELECT pg_catalog.substr(p, pg_catalog.length($1) + 2) FROM mls.entity_event e, "
		"pg_catalog.unnest(e.parents) p WHERE pg_catalog.starts_with(p, $1 || '/') "
		"AND e.sequence > $2 AND e.sequence <= $3 AND e.resource IN "
		"(SELECT r.resource FROM mls.publication_resource r WHERE r.publication = $4 "
		"AND r.how = 'parent')",
		mls_arg_text(publication->resource), mls_arg_int8(since), mls_arg_int8(*upto),
		mls_arg_int8(publication->id));
	keys = add_found(keys, 1);
	return without_doubles(add_dependants(publication, keys, since, *upto));
}

char *
mls_publish_unnoted(const MlsPublication *publication)
{
	mls_sql_control(SPI_OK_SELECT, "SELECT r FROM mls.unnoted($1) r LIMIT 1",
					mls_arg_int8(publication->id));
	return SPI_processed == 0 ? NULL : mls_text_at(0, 1);
}
