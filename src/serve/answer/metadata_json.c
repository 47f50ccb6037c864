/*
 * metadata_json.c
 *		$metadata as JSON (CSDL), the same as the XML.
 */
#include "serve/answer/parts.h"

#include <string.h>

static void
member(ServeBytes *out, const char *name)
{
	if (out->data[out->length - 1] != '{')
		serve_bytes_text(out, ",");
	serve_bytes_json_text(out, name);
	serve_bytes_text(out, ":");
}

static void
text_member(ServeBytes *out, const char *name, const char *value)
{
	member(out, name);
	serve_bytes_json_text(out, value);
}

static void
number_member(ServeBytes *out, const char *name, int value)
{
	member(out, name);
	serve_bytes_format(out, "%d", value);
}

static void
true_member(ServeBytes *out, const char *name)
{
	member(out, name);
	serve_bytes_text(out, "true");
}

static void
property(ServeBytes *out, const ServeField *field)
{
	bool numeric = strcmp(field->edm, "Edm.Decimal") == 0;
	bool timed =
		field->type == SERVE_DATETIME || field->type == SERVE_TIME || field->type == SERVE_DURATION;

	member(out, field->name);
	serve_bytes_text(out, "{");
	/* Strings are what is meant when nothing is said. */
	if (strcmp(field->edm, "Edm.String") != 0)
		text_member(out, "$Type", field->edm);
	if (field->collection)
		true_member(out, "$Collection");
	else if (!field->key && field->nullable)
		true_member(out, "$Nullable");
	if (field->max_length > 0)
		number_member(out, "$MaxLength", field->max_length);
	if (numeric && field->precision > 0)
	{
		number_member(out, "$Precision", field->precision);
		number_member(out, "$Scale", field->scale > 0 ? field->scale : 0);
	}
	else if (numeric)
		text_member(out, "$Scale", "variable");
	else if (timed)
		number_member(out, "$Precision", field->precision >= 0 ? field->precision : 6);
	if (field->lookup)
		text_member(out, "@RESO.OData.Metadata.LookupName", field->lookup);
	if (field->description)
		text_member(out, "@Org.OData.Core.V1.Description", field->description);
	serve_bytes_text(out, "}");
}

static void
navigation(ServeBytes *out, const ServeNavigation *one)
{
	member(out, one->name);
	serve_bytes_text(out, "{\"$Kind\":\"NavigationProperty\"");
	member(out, "$Type");
	serve_bytes_format(out, "\"%s.%s\"", SERVE_NAMESPACE, one->target->name);
	true_member(out, one->many ? "$Collection" : "$Nullable");
	if (!one->many && one->nwhere == 0)
	{
		member(out, "$ReferentialConstraint");
		serve_bytes_text(out, "{");
		for (int i = 0; i < one->npairs; i++)
			text_member(out, one->local[i]->name, one->foreign[i]->name);
		serve_bytes_text(out, "}");
	}
	serve_bytes_text(out, "}");
}

static void
entity_type(ServeBytes *out, const ServeResource *resource)
{
	member(out, resource->name);
	serve_bytes_text(out, "{\"$Kind\":\"EntityType\",\"$Key\":[");
	for (int i = 0; i < resource->nkeys; i++)
	{
		if (i > 0)
			serve_bytes_text(out, ",");
		serve_bytes_json_text(out, resource->keys[i]->name);
	}
	serve_bytes_text(out, "]");
	for (int i = 0; i < resource->nfields; i++)
		property(out, &resource->fields[i]);
	for (int i = 0; i < resource->nnavigations; i++)
		navigation(out, &resource->navigations[i]);
	if (resource->description)
		text_member(out, "@Org.OData.Core.V1.Description", resource->description);
	serve_bytes_text(out, "}");
}

static void
entity_set(ServeBytes *out, const ServeResource *resource)
{
	member(out, resource->name);
	serve_bytes_text(out, "{\"$Collection\":true");
	member(out, "$Type");
	serve_bytes_format(out, "\"%s.%s\"", SERVE_NAMESPACE, resource->name);
	if (resource->nnavigations > 0)
	{
		member(out, "$NavigationPropertyBinding");
		serve_bytes_text(out, "{");
		for (int i = 0; i < resource->nnavigations; i++)
			text_member(out, resource->navigations[i].name, resource->navigations[i].target->name);
		serve_bytes_text(out, "}");
	}
	for (int i = 0; serve_restrictions[i].term; i++)
		serve_bytes_format(out, ",\"@Org.OData.Capabilities.V1.%s\":{\"%s\":false}",
						   serve_restrictions[i].term, serve_restrictions[i].property);
	serve_bytes_text(out, "}");
}

void
serve_metadata_json(ServeBytes *out, const ServeModel *model)
{
	serve_bytes_text(out, "{\"$Version\":\"4.01\",\"$EntityContainer\":\"" SERVE_NAMESPACE
						  "." SERVE_CONTAINER "\",\"$Reference\":{"
						  "\"https://oasis-tcs.github.io/odata-vocabularies/vocabularies/"
						  "Org.OData.Core.V1.json\":{\"$Include\":[{\"$Namespace\":"
						  "\"Org.OData.Core.V1\"}]},"
						  "\"https://oasis-tcs.github.io/odata-vocabularies/vocabularies/"
						  "Org.OData.Capabilities.V1.json\":{\"$Include\":[{\"$Namespace\":"
						  "\"Org.OData.Capabilities.V1\"}]}},\"" SERVE_NAMESPACE "\":{");
	for (int i = 0; i < model->nresources; i++)
		entity_type(out, &model->resources[i]);
	member(out, SERVE_CONTAINER);
	serve_bytes_text(out, "{\"$Kind\":\"EntityContainer\"");
	for (int i = 0; i < model->nresources; i++)
		entity_set(out, &model->resources[i]);
	serve_bytes_text(out, ",\"@Org.OData.Capabilities.V1.BatchSupported\":false,"
						  "\"@Org.OData.Capabilities.V1.ConformanceLevel\":\"Minimal\"}}}");
}
