/*
 * fuzz_edmx.c
 *		A fuzz target: $metadata documents.
 *
 * What is read of a document must be usable as it is: names that are not empty, keys
 * and times that are fields.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "protocol/reso/reso.h"

#include "fuzz.h"

typedef struct Input
{
	const uint8 *bytes;
	Size length;
} Input;

static void
check_name(const char *name)
{
	require(name && *name && pg_encoding_verifymbstr(PG_UTF8, name, strlen(name)) == strlen(name));
}

static bool
has_field(const MlsRemoteResource *resource, const char *name)
{
	ListCell *lc;

	foreach (lc, resource->fields)
		if (strcmp(((MlsRemoteField *) lfirst(lc))->name, name) == 0)
			return true;
	return false;
}

static void
check_field(const MlsRemoteField *field)
{
	ListCell *lc;

	check_name(field->name);
	require(OidIsValid(field->pg_type) && field->max_length >= -1);
	foreach (lc, field->members)
		check_name(((MlsLookupValue *) lfirst(lc))->value);
}

static void
check_resource(const MlsRemoteResource *resource)
{
	ListCell *lc;

	check_name(resource->name);
	require(resource->key != NIL);
	foreach (lc, resource->key)
		require(has_field(resource, lfirst(lc)));
	require(resource->timestamp == NULL || has_field(resource, resource->timestamp));
	foreach (lc, resource->fields)
		check_field(lfirst(lc));
	foreach (lc, resource->navigations)
		check_name(((MlsNavigation *) lfirst(lc))->name);
}

static void
run(void *arg)
{
	const Input *input = arg;
	char *body = fuzz_body(input->bytes, input->length);
	const MlsRemoteSchema *schema =
		mls_reso_protocol.read_metadata(body, input->length, "the metadata");
	ListCell *lc;

	require(schema->resources != NIL);
	foreach (lc, schema->resources)
		check_resource(lfirst(lc));
	foreach (lc, schema->findings)
		check_name(lfirst(lc));
	foreach (lc, schema->left_out)
		require(mls_schema_is_denied(schema, ((MlsLeftOut *) lfirst(lc))->name));
}

void
fuzz_edmx(const uint8 *bytes, Size length)
{
	Input input = {.bytes = bytes, .length = length};

	(void) fuzz_run(run, &input);
}
