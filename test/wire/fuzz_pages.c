/*
 * fuzz_pages.c
 *		Fuzz targets: whole conversations with sources that answer in JSON, through the
 *		tables of functions that the rest of the extension calls.
 *
 * The first byte of an input chooses what is asked: the pages of a resource, read to
 * their end, a count, or a description of the source.  The rest is what it answers
 * (answers.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "protocol/qobrix/qobrix.h"
#include "protocol/reso/reso.h"

#include "answers.h"
#include "fuzz.h"

typedef struct Input
{
	const MlsProtocol *protocol;
	const uint8 *bytes;
	Size length;
} Input;

/* More pages than there can be answers: somebody goes in a circle. */
#define MOST_PAGES 5000

static MlsTable *
table_of(const MlsProtocol *protocol)
{
	bool is_reso = protocol == &mls_reso_protocol;
	MlsSource *source = palloc0(sizeof(MlsSource));
	MlsTable *table = palloc0(sizeof(MlsTable));
	const char *const fields[] = {is_reso ? "ListingKey" : "id",
								  is_reso ? "ModificationTimestamp" : "modified",
								  is_reso ? "Media" : "media"};
	const Oid types[] = {TEXTOID, TIMESTAMPTZOID, JSONBOID};

	source->server_id = source->http.server_id = 1;
	source->name = source->http.name = "test";
	source->http.url = "https://mls.example.com/api";
	source->protocol = protocol;
	source->platform = *protocol->platform("generic");
	table->name = "demo.property";
	table->source = source;
	table->resource = is_reso ? "Property" : "properties";
	table->expand = is_reso ? "Media" : "media";
	table->key = list_make1(pstrdup(fields[0]));
	table->timestamp = fields[1];
	table->ncolumns = lengthof(fields);
	table->columns = palloc0(sizeof(MlsColumn) * lengthof(fields));
	for (int i = 0; i < lengthof(fields); i++)
	{
		table->columns[i].attnum = i + 1;
		table->columns[i].name = table->columns[i].field = fields[i];
		table->columns[i].type = types[i];
		table->columns[i].typmod = -1;
	}
	return table;
}

static void
read_pages(MlsQuery *query)
{
	const MlsProtocol *protocol = query->table->source->protocol;
	MlsStream *stream = protocol->open(query);
	int pages = 0;
	int64 records = 0;
	MlsPage *page;

	protocol->start(stream);
	while ((page = protocol->next_page(stream)) != NULL)
	{
		fuzz_check_page(page);
		records += page->nrecords;
		for (int i = 0; i < page->nrecords; i++)
			if (protocol->rest_link)
				(void) protocol->rest_link(query->table, &page->records[i],
										   query->table->columns[2].field);
		require(++pages < MOST_PAGES && pages <= wire_answers_given());
	}
	require(records == stream->records);
	protocol->close(stream);
}

static void
check_schema(const MlsRemoteSchema *schema)
{
	ListCell *lc;
	ListCell *cell;

	foreach (lc, schema->resources)
		foreach (cell, ((MlsRemoteResource *) lfirst(lc))->fields)
			require(OidIsValid(((MlsRemoteField *) lfirst(cell))->pg_type));
}

static void
run(void *arg)
{
	const Input *input = arg;
	const MlsProtocol *protocol = input->protocol;
	MlsHttpStats stats = {0};
	MlsTable *table = table_of(protocol);
	MlsOrder order = {.field = linitial(table->key)};
	MlsQuery query = {.table = table, .limit = -1};

	wire_answers((const char *) input->bytes + 1, input->length - 1);
	switch (input->bytes[0])
	{
		case 'o':
			query.order = list_make1(&order);
			query.page_size = 2;
			/* fall through */
		case 'v':
			query.verify_count = true;
			/* fall through */
		case 'p':
			query.keeps = true;
			read_pages(&query);
			break;
		case 'c':
			require(protocol->count(&query, &stats) >= -1);
			query.verify_count = true;
			require(protocol->count(&query, &stats) >= -1);
			break;
		case 't':
			if (protocol->tell)
				(void) mls_told_problem(protocol->tell(table->source, &stats));
			break;
		case 's':
			check_schema(protocol->describe(table->source, &stats));
			break;
	}
}

static void
converse(const MlsProtocol *protocol, const uint8 *bytes, Size length)
{
	Input input = {.protocol = protocol, .bytes = bytes, .length = length};

	if (length > 0)
		(void) fuzz_run(run, &input);
}

void
fuzz_reso(const uint8 *bytes, Size length)
{
	converse(&mls_reso_protocol, bytes, length);
}

void
fuzz_qobrix(const uint8 *bytes, Size length)
{
	converse(&mls_qobrix_protocol, bytes, length);
}
