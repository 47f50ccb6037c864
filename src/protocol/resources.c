/*
 * resources.c
 *		Which resources a source has, and which it has and does not show.
 */
#include "postgres.h"

#include "protocol/protocol.h"

const MlsRemoteResource *
mls_schema_resource(const MlsRemoteSchema *schema, const char *name)
{
	ListCell *lc;

	foreach (lc, schema->resources)
		if (strcmp(((MlsRemoteResource *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

const MlsRemoteField *
mls_resource_field(const MlsRemoteResource *resource, const char *name)
{
	ListCell *lc;

	foreach (lc, resource->fields)
		if (strcmp(((MlsRemoteField *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

const char *
mls_schema_left_out(const MlsRemoteSchema *schema, const char *resource)
{
	ListCell *lc;

	foreach (lc, schema->left_out)
	{
		const MlsLeftOut *left_out = lfirst(lc);

		if (strcmp(left_out->name, resource) == 0)
			return left_out->why;
	}
	return NULL;
}

bool
mls_schema_is_denied(const MlsRemoteSchema *schema, const char *resource)
{
	ListCell *lc;

	foreach (lc, schema->denied)
	{
		const char *name = lfirst(lc);
		int length = strlen(name);

		if (strncmp(resource, name, length) == 0 &&
			(resource[length] == '\0' || resource[length] == ':'))
			return true;
	}
	return mls_schema_left_out(schema, resource) != NULL;
}
