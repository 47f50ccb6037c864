/*
 * rets_schema.c
 *		Metadata as resources and fields.
 *
 * Each class of a resource has fields of its own, so each is a resource to us,
 * "Property:RES".  The standard says of DataType, Precision and MaximumLength
 * what a value should be; values break that often enough that no length is
 * enforced and no digits are cut.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/hsearch.h"

#include "protocol/rets/rets_metadata.h"

/* A name of the source's in a finding. */
#define MAX_SHOWN 60

/* What the columns of METADATA-TABLE say of one field. */
typedef struct FieldType
{
	const char *name; /* DataType, or "Lookup" and "LookupMulti" by interpretation */
	Oid pg_type;
	bool natural; /* the first name of its SQL type: need not be remembered */
} FieldType;

static const FieldType field_types[] = {
	{"Character", TEXTOID, true},
	{"Boolean", BOOLOID, true},
	{"Date", DATEOID, true},
	{"DateTime", TIMESTAMPTZOID, true},
	{"Time", TIMEOID, true},
	{"Tiny", INT2OID, false},
	{"Small", INT2OID, true},
	{"Int", INT4OID, true},
	{"Long", INT8OID, true},
	{"Decimal", NUMERICOID, true},
	{"Number", NUMERICOID, false},
	{"Lookup", TEXTOID, false},
	{"LookupMulti", TEXTARRAYOID, true},
};

typedef struct SchemaState
{
	const RetsMetadata *metadata;
	MlsRemoteSchema *schema;
	bool standard_names;
	HTAB *lookups; /* LookupEntry by resource and name */
} SchemaState;

typedef struct LookupEntry
{
	char key[2 * NAMEDATALEN];
	List *members; /* of MlsLookupValue * */
} LookupEntry;

static const char *
shown(const char *text)
{
	return pnstrdup(text, pg_mbcliplen(text, strlen(text), MAX_SHOWN));
}

static void
add_finding(SchemaState *state, char *finding)
{
	state->schema->findings = lappend(state->schema->findings, finding);
}

/* ---- lookups ---- */

/* Names longer than a key's room are cut; two that then are one have their values joined. */
static LookupEntry *
lookup_entry(SchemaState *state, const char *resource, const char *name, HASHACTION action)
{
	char key[2 * NAMEDATALEN] = {0};
	LookupEntry *entry;
	bool found;

	snprintf(key, sizeof(key), "%.60s:%.60s", resource, name);
	entry = hash_search(state->lookups, key, action, &found);
	if (entry && !found)
		entry->members = NIL;
	return entry;
}

static void
read_lookup_values(SchemaState *state, const RetsSegment *segment)
{
	LookupEntry *entry = lookup_entry(state, segment->path[0], segment->path[1], HASH_ENTER);
	ListCell *lc;

	foreach (lc, segment->rows)
	{
		const RetsMetadataRow *row = lfirst(lc);
		MlsLookupValue *member = palloc(sizeof(MlsLookupValue));
		const char *long_value = mls_rets_metadata_value(segment, row, "LongValue");
		const char *short_value = mls_rets_metadata_value(segment, row, "ShortValue");

		member->value = mls_rets_metadata_value(segment, row, "Value");
		member->display = *long_value ? long_value : *short_value ? short_value : NULL;
		if (*member->value)
			entry->members = lappend(entry->members, member);
	}
}

static void
read_lookups(SchemaState *state)
{
	HASHCTL control = {
		.keysize = 2 * NAMEDATALEN, .entrysize = sizeof(LookupEntry), .hcxt = CurrentMemoryContext};
	List *segments = mls_rets_segments(state->metadata, "LOOKUP_TYPE", NULL, NULL);
	ListCell *lc;

	state->lookups =
		hash_create("mls_fdw lookups", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach (lc, segments)
		read_lookup_values(state, lfirst(lc));
}

/* ---- fields ---- */

static const FieldType *
find_type(const char *name)
{
	for (int i = 0; i < lengthof(field_types); i++)
		if (pg_strcasecmp(field_types[i].name, name) == 0)
			return &field_types[i];
	return NULL;
}

static bool
is_lookup_interpretation(const char *interpretation)
{
	return pg_strncasecmp(interpretation, "Lookup", 6) == 0;
}

/*
 * LookupBitstring and LookupBitmask hold several values in one number or text of
 * bits: they stay what their data type says.
 */
static const FieldType *
field_type(const RetsSegment *table, const RetsMetadataRow *row)
{
	const char *interpretation = mls_rets_metadata_value(table, row, "Interpretation");
	const char *data_type = mls_rets_metadata_value(table, row, "DataType");
	const FieldType *declared = find_type(data_type);

	if (pg_strcasecmp(interpretation, "LookupMulti") == 0)
		return find_type("LookupMulti");
	/* A lookup of a number or a boolean compares as such. */
	if (pg_strcasecmp(interpretation, "Lookup") == 0 &&
		(declared == NULL || declared->pg_type == TEXTOID))
		return find_type("Lookup");
	return declared;
}

static void
set_lookup(SchemaState *state, MlsRemoteField *field, const char *resource,
		   const RetsSegment *table, const RetsMetadataRow *row)
{
	const char *name = mls_rets_metadata_value(table, row, "LookupName");
	const LookupEntry *entry;

	if (!is_lookup_interpretation(mls_rets_metadata_value(table, row, "Interpretation")) ||
		*name == '\0')
		return;
	field->lookup = name;
	field->is_enum = field->pg_type == TEXTOID || field->pg_type == TEXTARRAYOID;
	/* Of a resource without any values nobody can ask what its codes mean. */
	field->is_coded =
		field->is_enum && mls_rets_segments(state->metadata, "LOOKUP_TYPE", resource, NULL) != NIL;
	entry = lookup_entry(state, resource, name, HASH_FIND);
	if (entry)
		field->members = entry->members;
	else
		add_finding(state, psprintf("lookup \"%s\" of field \"%s\" has no values", shown(name),
									shown(field->name)));
}

static MlsRemoteField *
read_field(SchemaState *state, const char *resource, const char *name, const RetsSegment *table,
		   const RetsMetadataRow *row)
{
	MlsRemoteField *field = palloc0(sizeof(MlsRemoteField));
	const FieldType *type = field_type(table, row);
	const char *length = mls_rets_metadata_value(table, row, "MaximumLength");
	const char *long_name = mls_rets_metadata_value(table, row, "LongName");
	const char *declared = mls_rets_metadata_value(table, row, "DataType");
	const char *standard = mls_rets_metadata_value(table, row, "StandardName");

	field->name = name;
	field->nullable = true;
	field->max_length = atoi(length) > 0 ? atoi(length) : -1;
	field->description = *long_name ? long_name : NULL;
	field->standard_name = *standard && strcmp(standard, name) != 0 ? standard : NULL;
	if (type == NULL)
	{
		/* Words that the standard has not hold texts: URI, Point. */
		field->type = *declared ? declared : NULL;
		field->pg_type = TEXTOID;
		add_finding(state, psprintf("type \"%s\" of field \"%s\" is not known; it is read as text",
									shown(declared), shown(name)));
	}
	else
	{
		field->type = type->name;
		field->pg_type = type->pg_type;
		field->natural = type->natural;
		field->is_flags = type->pg_type == TEXTARRAYOID;
	}
	set_lookup(state, field, resource, table, row);
	return field;
}

/* The name a field goes by. */
static const char *
field_name(const SchemaState *state, const RetsSegment *table, const RetsMetadataRow *row)
{
	const char *standard = mls_rets_metadata_value(table, row, "StandardName");

	if (state->standard_names && *standard)
		return standard;
	return mls_rets_metadata_value(table, row, "SystemName");
}

static HTAB *
make_names(void)
{
	HASHCTL control = {
		.keysize = NAMEDATALEN * 2, .entrysize = NAMEDATALEN * 2, .hcxt = CurrentMemoryContext};

	return hash_create("mls_fdw names", 256, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/* Is this the first of a name?  Names that agree in so many bytes are taken as one. */
static bool
is_new(HTAB *names, const char *name)
{
	bool found;

	hash_search(names, name, HASH_ENTER, &found);
	return !found;
}

/* A standard name can stand for two fields: the second goes by its system name. */
static void
read_fields(SchemaState *state, MlsRemoteResource *resource, const char *owner,
			const RetsSegment *table, HTAB *names)
{
	ListCell *lc;

	foreach (lc, table->rows)
	{
		const RetsMetadataRow *row = lfirst(lc);
		const char *system = mls_rets_metadata_value(table, row, "SystemName");
		const char *name = field_name(state, table, row);

		if (*name == '\0')
		{
			add_finding(state, psprintf("a field of resource \"%s\" has no name; it is left out",
										shown(resource->name)));
			continue;
		}
		if (!is_new(names, name))
		{
			if (strcmp(name, system) == 0 || *system == '\0' || !is_new(names, system))
			{
				add_finding(state, psprintf("resource \"%s\" declares \"%s\" twice; the first is "
											"read",
											shown(resource->name), shown(name)));
				continue;
			}
			name = system;
		}
		resource->fields = lappend(resource->fields, read_field(state, owner, name, table, row));
	}
}

/* ---- resources ---- */

/* The name that a field of a class goes by here, or NULL if it is not declared. */
static const char *
local_name(const SchemaState *state, List *tables, const char *system_name)
{
	ListCell *lc;
	ListCell *cell;

	foreach (lc, tables)
	{
		const RetsSegment *table = lfirst(lc);

		foreach (cell, table->rows)
			if (*system_name && strcmp(mls_rets_metadata_value(table, lfirst(cell), "SystemName"),
									   system_name) == 0)
				return field_name(state, table, lfirst(cell));
	}
	return NULL;
}

static void
set_key(SchemaState *state, MlsRemoteResource *resource, const char *key_field, List *tables)
{
	const char *name = local_name(state, tables, key_field);

	if (name)
		resource->key = list_make1((char *) name);
	if (resource->key == NIL)
		add_finding(state,
					*key_field
						? psprintf("key field \"%s\" of resource \"%s\" is not declared",
								   shown(key_field), shown(resource->name))
						: psprintf("resource \"%s\" declares no key field", shown(resource->name)));
}

static void
read_class(SchemaState *state, const char *owner, const char *key_field, const char *class,
		   const char *description, const char *timestamp)
{
	List *tables = mls_rets_segments(state->metadata, "TABLE", owner, class);
	MlsRemoteResource *resource;
	HTAB *names;
	ListCell *lc;

	if (tables == NIL)
	{
		if (!mls_schema_is_denied(state->schema, psprintf("%s:%s", owner, class)))
			add_finding(state,
						psprintf("class \"%s\" of resource \"%s\" has no fields; it is left out",
								 shown(class), shown(owner)));
		return;
	}
	resource = palloc0(sizeof(MlsRemoteResource));
	resource->name = psprintf("%s:%s", owner, class);
	resource->entity_type = class;
	resource->description = *description ? description : NULL;
	names = make_names();
	foreach (lc, tables)
		read_fields(state, resource, owner, lfirst(lc), names);
	hash_destroy(names);
	set_key(state, resource, key_field, tables);
	resource->timestamp = local_name(state, tables, timestamp);
	state->schema->resources = lappend(state->schema->resources, resource);
}

static void
read_classes(SchemaState *state, const char *owner, const char *key_field)
{
	List *segments = mls_rets_segments(state->metadata, "CLASS", owner, NULL);
	HTAB *names = make_names();
	ListCell *lc;
	ListCell *cell;

	foreach (lc, segments)
	{
		const RetsSegment *segment = lfirst(lc);

		foreach (cell, segment->rows)
		{
			const RetsMetadataRow *row = lfirst(cell);
			const char *class = mls_rets_metadata_value(segment, row, "ClassName");
			const char *visible = mls_rets_metadata_value(segment, row, "VisibleName");

			if (*class && is_new(names, class))
				read_class(state, owner, key_field, class, visible,
						   mls_rets_metadata_value(segment, row, "ClassTimeStamp"));
		}
	}
	hash_destroy(names);
}

MlsRemoteSchema *
mls_rets_schema(const RetsMetadata *metadata, bool standard_names)
{
	MlsRemoteSchema *schema = palloc0(sizeof(MlsRemoteSchema));
	SchemaState state = {.metadata = metadata, .schema = schema, .standard_names = standard_names};
	List *segments = mls_rets_segments(metadata, "RESOURCE", NULL, NULL);
	HTAB *names = make_names();
	ListCell *lc;
	ListCell *cell;

	schema->findings = list_copy(metadata->findings);
	schema->denied = metadata->denied;
	read_lookups(&state);
	foreach (lc, segments)
	{
		const RetsSegment *segment = lfirst(lc);

		foreach (cell, segment->rows)
		{
			const RetsMetadataRow *row = lfirst(cell);
			const char *name = mls_rets_metadata_value(segment, row, "ResourceID");

			if (*name && is_new(names, name))
				read_classes(&state, name, mls_rets_metadata_value(segment, row, "KeyField"));
		}
	}
	hash_destroy(names);
	hash_destroy(state.lookups);
	return schema;
}

MlsRemoteSchema *
mls_rets_read_metadata(const char *text, Size length, const char *subject)
{
	RetsMetadata *metadata = mls_rets_metadata();
	RetsOutcome outcome =
		mls_rets_metadata_add(metadata, text, length, NULL, subject, "a document");
	MlsRemoteSchema *schema;

	if (mls_rets_is_error(outcome.class))
		ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE), errmsg("%s is an error", subject),
						errdetail("Reply code %d: %s.", outcome.code, outcome.text)));
	schema = mls_rets_schema(metadata, false);
	if (schema->resources == NIL)
		ereport(ERROR, (errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
						errmsg("%s describes no resources", subject)));
	return schema;
}
