/*
 * protocol.c
 *		The list of protocols.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/name_list.h"
#include "protocol/protocol.h"

/* The list: a protocol is one line.  (The tests build one of their own.) */
#ifndef TEST_PROTOCOLS
#define TEST_PROTOCOLS(add)
#endif
#define PROTOCOLS(add)                                                                             \
	add(reso) add(rets) add(qobrix) add(file) add(dataset) add(geocoder) add(mysql) add(postgres)  \
		add(elasticsearch) add(opensearch) add(typesense) add(meilisearch) add(solr) add(receiver) \
			TEST_PROTOCOLS(add)

#define DECLARE(name) extern const MlsProtocol mls_##name##_protocol;
#define ADDRESS(name) &mls_##name##_protocol,

PROTOCOLS(DECLARE)

const MlsProtocol *const mls_protocols[] = {PROTOCOLS(ADDRESS) NULL};

const char **
mls_protocol_names(void)
{
	const char **names = palloc0(lengthof(mls_protocols) * sizeof(char *));

	for (int i = 0; mls_protocols[i]; i++)
		names[i] = mls_protocols[i]->name;
	return names;
}

const MlsProtocol *
mls_protocol_find(const char *name)
{
	for (int i = 0; mls_protocols[i]; i++)
		if (strcmp(mls_protocols[i]->name, name) == 0)
			return mls_protocols[i];
	return NULL;
}

bool
mls_resource_is_key(const MlsRemoteResource *resource, const char *field)
{
	return mls_is_listed(resource->key, field);
}

bool
mls_table_is_key(const MlsTable *table, const char *field)
{
	return mls_is_listed(table->key, field);
}

const MlsColumn *
mls_table_column(const MlsTable *table, const char *field)
{
	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field && strcmp(table->columns[i].field, field) == 0)
			return &table->columns[i];
	return NULL;
}

const MlsColumn *
mls_table_column_named(const MlsTable *table, const char *name)
{
	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field && strcmp(table->columns[i].name, name) == 0)
			return &table->columns[i];
	return NULL;
}

void
mls_table_written(const MlsTable *table, MlsRowMap *map, const char *const *fields, int natts)
{
	for (int i = 0; i < natts; i++)
	{
		const MlsColumn *column = fields[i] ? mls_table_column(table, fields[i]) : NULL;
		MlsWritten written = column ? mls_written_named(column->remote_type) : MLS_WRITTEN_PLAIN;

		if (written != MLS_WRITTEN_PLAIN)
			mls_row_map_written(map, i + 1, written);
		if (column && table->source->protocol->empty_is_null && column->type != TEXTOID)
			mls_row_map_clean(map, i + 1, MLS_CLEAN_TRIM | MLS_CLEAN_EMPTY);
	}
}
