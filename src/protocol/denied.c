/*
 * denied.c
 *		What a source has and does not show.
 */
#include "postgres.h"

#include "protocol/protocol.h"

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
	return false;
}
