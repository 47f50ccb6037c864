/*
 * numbers.c
 *		A protocol without HTTP, for the tests: resource "Numbers", whose records count
 *		from 1 to the server option `size`.
 *
 * It is what a protocol in a folder of its own comes to: its options, its platforms
 * and its table of functions; the one line in the list is the Makefile's.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "catalog/pg_type.h"
#include "utils/memutils.h"

#include "protocol/condition.h"

typedef struct Numbers
{
	int size;
} Numbers;

typedef struct NumbersStream
{
	MlsStream head;
	MemoryContext page;
	int next;
} NumbersStream;

static const MlsOption options[] = {
	{"size", ForeignServerRelationId, MLS_OPTION_INT, .own = true,
	 .offset = offsetof(Numbers, size), .min = 0, .max = 1000000, .default_value = "3",
	 .help = "Records there are."},
	{NULL},
};

static const char *const platform_names[] = {"generic", NULL};
static const MlsPlatform generic = {.name = "generic", .page_size = 1000};

static const MlsPlatform *
find_platform(const char *name)
{
	return strcmp(name, generic.name) == 0 ? &generic : NULL;
}

static int
size_of(const MlsTable *table)
{
	return ((const Numbers *) table->source->own)->size;
}

static MlsFit
write_leaf(MlsConditionWriter *writer, StringInfo buf, const MlsCondition *leaf)
{
	return MLS_FIT_NO;
}

static MlsConditionWriter
writer(const MlsTable *table)
{
	return (MlsConditionWriter){.table = table, .leaf = write_leaf};
}

static bool
sortable(const MlsTable *table, const MlsColumn *column)
{
	return false;
}

static bool
countable(const MlsTable *table)
{
	return true;
}

static int64
count(const MlsQuery *query, MlsHttpStats *stats)
{
	return size_of(query->table);
}

static char *
show(const MlsQuery *query)
{
	return psprintf("1 to %d", size_of(query->table));
}

static MlsStream *
open_stream(const MlsQuery *query)
{
	NumbersStream *stream = palloc0(sizeof(NumbersStream));

	stream->head.protocol = query->table->source->protocol;
	stream->head.query = query;
	stream->head.announced = -1;
	stream->page =
		AllocSetContextCreate(CurrentMemoryContext, "numbers page", ALLOCSET_DEFAULT_SIZES);
	stream->next = 1;
	return &stream->head;
}

static void
start(MlsStream *stream)
{
}

static MlsPage *
next_page(MlsStream *head)
{
	NumbersStream *stream = (NumbersStream *) head;
	int end = Min(stream->next + head->query->table->source->platform.page_size,
				  size_of(head->query->table) + 1);
	StringInfoData json;
	MemoryContext old;
	MlsPage *page;

	if (stream->next >= end)
		return NULL;
	MemoryContextReset(stream->page);
	old = MemoryContextSwitchTo(stream->page);
	initStringInfo(&json);
	enlargeStringInfo(&json, 64 * (end - stream->next));
	for (appendStringInfoString(&json, "{\"value\": ["); stream->next < end; stream->next++)
		appendStringInfo(&json, "{\"Number\": %d, \"Square\": %lld},", stream->next,
						 (long long) stream->next * stream->next);
	json.len--;
	appendStringInfoString(&json, "]}");
	enlargeStringInfo(&json, 16);
	memset(json.data + json.len, 0, 16);
	page = mls_page_read(json.data, json.len, "value", "numbers");
	MemoryContextSwitchTo(old);
	head->pages++;
	head->records += page->nrecords;
	return page;
}

static void
close_stream(MlsStream *stream)
{
	MemoryContextDelete(((NumbersStream *) stream)->page);
}

static MlsRemoteField *
field(const char *name)
{
	MlsRemoteField *field = palloc0(sizeof(MlsRemoteField));

	field->name = name;
	field->pg_type = INT8OID;
	field->max_length = -1;
	return field;
}

static MlsRemoteSchema *
describe(const MlsSource *source, MlsHttpStats *stats)
{
	MlsRemoteSchema *schema = palloc0(sizeof(MlsRemoteSchema));
	MlsRemoteResource *resource = palloc0(sizeof(MlsRemoteResource));

	resource->name = resource->entity_type = "Numbers";
	resource->key = list_make1("Number");
	resource->fields = list_make2(field("Number"), field("Square"));
	schema->resources = list_make1(resource);
	return schema;
}

extern const MlsProtocol mls_numbers_protocol;
const MlsProtocol mls_numbers_protocol = {
	.name = "numbers",
	.is_local = true,
	.platform = find_platform,
	.platform_names = platform_names,
	.options = options,
	.own_size = sizeof(Numbers),
	.writer = writer,
	.sortable = sortable,
	.countable = countable,
	.show = show,
	.open = open_stream,
	.start = start,
	.next_page = next_page,
	.close = close_stream,
	.count = count,
	.describe = describe,
};
