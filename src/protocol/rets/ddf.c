/*
 * ddf.c
 *		What CREA's Data Distribution Facility has, where its records come nested.
 *
 * Its metadata describes columns of COMPACT answers; the elements of the nested ones are
 * in its documents alone.  Tables are made of what keys, cursors and the shipped rules need,
 * with the whole record beside it; fields are paths into that.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "protocol/rets/talk.h"

typedef struct DdfField
{
	const char *path;
	Oid type;
} DdfField;

#define MOST_FIELDS 6

typedef struct DdfResource
{
	const char *name;
	const char *description;
	const char *key[2];
	const char *timestamp;
	const char *expand[2];
	const char *parent;
	const char *parent_key;
	DdfField fields[MOST_FIELDS];
} DdfResource;

static const DdfResource resources[] = {
	{.name = "Property",
	 .description = "Listings, with their agents and photos in them.",
	 .key = {"@ID"},
	 .timestamp = "@LastUpdated",
	 .expand = {"AgentDetails", "Photo/PropertyPhoto"},
	 .fields = {{"@ID", TEXTOID},
				{"@LastUpdated", TIMESTAMPTZOID},
				{"Price", NUMERICOID},
				{"Address/City", TEXTOID},
				{"*", JSONBOID}}},
	{.name = "Photo",
	 .description = "Photos of listings, which come with them.",
	 .key = {"ListingKey", "SequenceId"},
	 .timestamp = "PhotoLastUpdated",
	 .parent = "Property.Photo/PropertyPhoto",
	 .parent_key = "ListingKey",
	 .fields = {{"ListingKey", TEXTOID},
				{"SequenceId", INT8OID},
				{"PhotoLastUpdated", TIMESTAMPTZOID},
				{"*", JSONBOID}}},
	{.name = "Agent",
	 .description = "Agents.",
	 .key = {"@ID"},
	 .timestamp = "@LastUpdated",
	 .fields = {{"@ID", TEXTOID}, {"@LastUpdated", TIMESTAMPTZOID}, {"*", JSONBOID}}},
	{.name = "Office",
	 .description = "Offices.",
	 .key = {"@ID"},
	 .timestamp = "@LastUpdated",
	 .fields = {{"@ID", TEXTOID}, {"@LastUpdated", TIMESTAMPTZOID}, {"*", JSONBOID}}},
};

static List *
names_of(const char *const *names, int most)
{
	List *list = NIL;

	for (int i = 0; i < most && names[i]; i++)
		list = lappend(list, unconstify(char *, names[i]));
	return list;
}

static MlsRemoteResource *
make_resource(const DdfResource *from)
{
	MlsRemoteResource *resource = palloc0(sizeof(MlsRemoteResource));

	resource->name = resource->entity_type = from->name;
	resource->description = from->description;
	resource->key = names_of(from->key, lengthof(from->key));
	resource->timestamp = from->timestamp;
	resource->expand = names_of(from->expand, lengthof(from->expand));
	resource->parent = from->parent;
	resource->parent_key = from->parent_key;
	for (int i = 0; i < MOST_FIELDS && from->fields[i].path; i++)
	{
		MlsRemoteField *field = palloc0(sizeof(MlsRemoteField));

		field->name = from->fields[i].path;
		field->pg_type = from->fields[i].type;
		field->natural = field->nullable = true;
		field->max_length = -1;
		resource->fields = lappend(resource->fields, field);
	}
	return resource;
}

bool
mls_rets_is_ddf(const MlsSource *source)
{
	return source->platform.timestamp_alone && source->platform.format == MLS_FORMAT_XML;
}

MlsRemoteSchema *
mls_rets_ddf_schema(void)
{
	MlsRemoteSchema *schema = palloc0(sizeof(MlsRemoteSchema));

	for (int i = 0; i < lengthof(resources); i++)
		schema->resources = lappend(schema->resources, make_resource(&resources[i]));
	return schema;
}
