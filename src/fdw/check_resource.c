/*
 * check_resource.c
 *		The steps of mls_check that read records.
 *
 * Whether a resource can be read is asked for each of the main ones; how the
 * service counts, orders and pages is the same for all and asked of the first.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/base.h"
#include "fdw/check.h"
#include "fdw/import.h"
#include "http/url.h"

/* Enough to see an order. */
#define ORDERED_RECORDS 5

/* Small, so that a few records make several pages. */
#define SMALL_PAGE 2

static const char *const main_resources[] = {"Property", "Member",    "Office",
											 "Media",    "OpenHouse", "Lookup"};

/* ---- what to ask ---- */

static void
fill_column(MlsColumn *column, AttrNumber attnum, const MlsRemoteField *field)
{
	column->attnum = attnum;
	column->name = field->name;
	column->field = field->name;
	column->type = field->pg_type;
	column->typmod = -1;
	column->remote_type = field->natural ? NULL : field->type;
	column->lookup = field->is_coded ? field->lookup : NULL;
	column->is_enum = field->is_enum;
	column->is_flags = field->is_flags;
}

/* A resource as if it had been imported. */
static MlsTable *
as_table(MlsCheck *check, const MlsRemoteResource *resource)
{
	MlsTable *table = palloc0(sizeof(MlsTable));
	ListCell *lc;

	table->name = resource->name;
	table->source = check->source;
	table->resource = resource->name;
	table->key = resource->key;
	table->timestamp = mls_import_timestamp(check->source, resource);
	table->rows = -1;
	table->ncolumns = list_length(resource->fields);
	table->columns = palloc0(Max(table->ncolumns, 1) * sizeof(MlsColumn));
	foreach (lc, resource->fields)
		fill_column(&table->columns[foreach_current_index(lc)], foreach_current_index(lc) + 1,
					lfirst(lc));
	return table;
}

static const MlsColumn *
timestamp_column(const MlsTable *table)
{
	for (int i = 0; i < table->ncolumns; i++)
		if (table->timestamp && strcmp(table->columns[i].field, table->timestamp) == 0)
			return &table->columns[i];
	return NULL;
}

static MlsStream *
open_stream(MlsCheck *check, const MlsQuery *query)
{
	MlsStream *stream = check->source->protocol->open(query);

	check->source->protocol->start(stream);
	return stream;
}

static MlsPage *
next_page(MlsCheck *check, MlsStream *stream)
{
	MlsPage *page = check->source->protocol->next_page(stream);

	if (page)
		check->replaced += page->replaced;
	return page;
}

static void
close_stream(MlsCheck *check, MlsStream *stream)
{
	check->stats.requests += stream->stats.requests;
	check->source->protocol->close(stream);
}

/* ---- the steps ---- */

static int
count_filled(const MlsRecord *record)
{
	int filled = 0;

	for (int i = 0; i < record->nslices; i++)
		if (record->slices[i].kind != MLS_NULL && record->slices[i].name[0] != '@')
			filled++;
	return filled;
}

static char *
check_readable(MlsCheck *check, const MlsTable *table)
{
	MlsQuery query = {.table = table, .limit = 1};
	MlsStream *stream = open_stream(check, &query);
	MlsPage *page = next_page(check, stream);
	char *detail;

	if (page && page->nrecords > 0)
		detail = psprintf("Can be read; %d of %s filled in the record read.",
						  count_filled(&page->records[0]),
						  mls_counted(table->ncolumns, "field is", "fields are"));
	else
		detail = "Can be read, but holds no records.";
	close_stream(check, stream);
	return detail;
}

/* Why the source's count is not used, as a sentence. */
static char *
objection(const MlsTable *table)
{
	char *text = mls_total_objection(table);

	*text = pg_toupper((unsigned char) *text);
	return psprintf("%s; set the server option push_count to false.", text);
}

static char *
check_count(MlsCheck *check, const MlsTable *table)
{
	MlsQuery query = {.table = table, .limit = -1, .verify_count = true};
	int64 count;

	if (mls_total_is_refuted(table))
	{
		check->ok = false;
		return objection(table);
	}
	if (!check->source->protocol->countable(table))
		return "Not tried: on this platform records are counted here.";
	count = check->source->protocol->count(&query, &check->stats);
	check->ok = count >= 0;
	if (mls_total_is_refuted(table))
		return objection(table);
	return count >= 0 ? psprintf("The source counts %s.", mls_counted(count, "record", "records"))
					  : "The source does not say how many records there are; set the server "
						"option push_count to false.";
}

/* Are the timestamps of a page in descending order?  Nulls do not count. */
static bool
is_descending(const MlsTable *table, const MlsPage *page)
{
	TimestampTz before = DT_NOEND;

	for (int i = 0; i < page->nrecords; i++)
	{
		const MlsSlice *slice = mls_record_field(&page->records[i], table->timestamp);
		char *text = slice ? mls_slice_text(slice) : NULL;
		TimestampTz at;

		if (text == NULL ||
			!mls_parse_timestamptz(text, strlen(text), table->source->timezone, &at))
			continue;
		if (at > before)
			return false;
		before = at;
	}
	return true;
}

static char *
check_order(MlsCheck *check, const MlsTable *table)
{
	const MlsColumn *column = timestamp_column(table);
	MlsOrder newest = {.field = table->timestamp, .descending = true};
	MlsQuery query = {.table = table, .limit = ORDERED_RECORDS, .order = list_make1(&newest)};
	MlsStream *stream;
	MlsPage *page;

	if (column == NULL)
		return "Not tried: the resource has no modification timestamp.";
	if (!check->source->protocol->sortable(table, column))
		return "Not tried: on this platform records are sorted here.";
	query.fields = list_make1((char *) table->timestamp);
	stream = open_stream(check, &query);
	page = next_page(check, stream);
	check->ok = page == NULL || is_descending(table, page);
	close_stream(check, stream);
	return check->ok ? psprintf("Records come in the order of %s.", table->timestamp)
					 : psprintf("The source ignores an order by %s; set the server option ordering "
								"to none.",
								table->timestamp);
}

static char *
check_conditions(MlsCheck *check, const MlsTable *table)
{
	return check->source->protocol->try_conditions(table, &check->ok, &check->stats);
}

/* The key of a page's first record, for comparing pages. */
static char *
first_key(const MlsTable *table, const MlsPage *page)
{
	const MlsSlice *slice = NULL;

	if (page && page->nrecords > 0 && table->key)
		slice = mls_record_field(&page->records[0], linitial(table->key));
	return slice ? mls_slice_text(slice) : NULL;
}

static char *
check_paging(MlsCheck *check, const MlsTable *table)
{
	MlsQuery query = {.table = table, .limit = -1, .page_size = SMALL_PAGE, .fields = table->key};
	MlsStream *stream = open_stream(check, &query);
	MlsPage *page = next_page(check, stream);
	int records = page ? page->nrecords : 0;
	char *first = first_key(table, page);
	char *second = NULL;
	bool has_more = stream->next_link != NULL;

	if (has_more)
		second = first_key(table, next_page(check, stream));
	close_stream(check, stream);
	if (!has_more)
		return psprintf("All records (%d) come in one page.", records);
	check->ok = second == NULL || first == NULL || strcmp(first, second) != 0;
	if (!check->ok)
		return "The second page begins with the record of the first.";
	return psprintf(
		"A page of %s leads on to the next.%s", mls_counted(records, "record", "records"),
		mls_url_mended(check->source->http.server_id)
			? " Its links are written with http, as servers do behind a front that ends "
			  "TLS; they are followed at the source's own address, over https."
			: "");
}

/* ---- the choice of resources ---- */

static const MlsRemoteResource *
find_resource(const MlsRemoteSchema *schema, const char *name)
{
	ListCell *lc;

	foreach (lc, schema->resources)
		if (strcmp(((MlsRemoteResource *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

/* The main resources a source has, or its first one if it has none of them. */
static List *
choose_resources(const MlsRemoteSchema *schema)
{
	List *chosen = NIL;

	for (int i = 0; i < lengthof(main_resources); i++)
	{
		const MlsRemoteResource *resource = find_resource(schema, main_resources[i]);

		if (resource)
			chosen = lappend(chosen, (void *) resource);
	}
	return chosen ? chosen : list_make1(linitial(schema->resources));
}

void
mls_check_resources(MlsCheck *check)
{
	bool service_checked = false;
	ListCell *lc;

	foreach (lc, choose_resources(check->schema))
	{
		MlsTable *table = as_table(check, lfirst(lc));

		if (!mls_check_step(check, table->name, check_readable, table) || service_checked)
			continue;
		service_checked = true;
		mls_check_step(check, "count", check_count, table);
		if (check->source->protocol->try_conditions)
			mls_check_step(check, "conditions", check_conditions, table);
		mls_check_step(check, "order", check_order, table);
		mls_check_step(check, "paging", check_paging, table);
	}
}
