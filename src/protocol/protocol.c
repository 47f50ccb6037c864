/*
 * protocol.c
 *		The list of protocols.
 */
#include "postgres.h"

#include "protocol/protocol.h"

static const MlsProtocol *const protocols[] = {&mls_reso_protocol, &mls_rets_protocol,
											   &mls_qobrix_protocol};

const char *const mls_protocol_names[] = {"reso", "rets", "qobrix", NULL};

const MlsProtocol *
mls_protocol_find(const char *name)
{
	for (int i = 0; i < lengthof(protocols); i++)
		if (strcmp(protocols[i]->name, name) == 0)
			return protocols[i];
	return NULL;
}

static bool
holds_name(const List *names, const char *name)
{
	ListCell *lc;

	foreach (lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

bool
mls_resource_is_key(const MlsRemoteResource *resource, const char *field)
{
	return holds_name(resource->key, field);
}

bool
mls_table_is_key(const MlsTable *table, const char *field)
{
	return holds_name(table->key, field);
}

const MlsColumn *
mls_table_column(const MlsTable *table, const char *field)
{
	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field && strcmp(table->columns[i].field, field) == 0)
			return &table->columns[i];
	return NULL;
}
