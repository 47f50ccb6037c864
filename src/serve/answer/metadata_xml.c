/*
 * metadata_xml.c
 *		$metadata as XML (CSDL), of what a role may read and nothing else.
 */
#include "serve/answer/parts.h"

#include <string.h>

/* What no set allows: some clients offer it unless they are told. */
const ServeRestriction serve_restrictions[] = {{"SearchRestrictions", "Searchable"},
											   {"InsertRestrictions", "Insertable"},
											   {"UpdateRestrictions", "Updatable"},
											   {"DeleteRestrictions", "Deletable"},
											   {NULL, NULL}};

static void
attribute(ServeBytes *out, const char *name, const char *value)
{
	serve_bytes_format(out, " %s=\"", name);
	serve_bytes_xml(out, value);
	serve_bytes_text(out, "\"");
}

static void
annotation(ServeBytes *out, const char *indent, const char *term, const char *value)
{
	serve_bytes_format(out, "%s<Annotation Term=\"%s\"", indent, term);
	attribute(out, "String", value);
	serve_bytes_text(out, "/>\n");
}

static void
property(ServeBytes *out, const ServeField *field)
{
	bool numeric = strcmp(field->edm, "Edm.Decimal") == 0;
	bool timed =
		field->type == SERVE_DATETIME || field->type == SERVE_TIME || field->type == SERVE_DURATION;

	serve_bytes_text(out, "        <Property");
	attribute(out, "Name", field->name);
	serve_bytes_format(out, field->collection ? " Type=\"Collection(%s)\"" : " Type=\"%s\"",
					   field->edm);
	if (field->key || field->collection || !field->nullable)
		serve_bytes_text(out, " Nullable=\"false\"");
	if (field->max_length > 0)
		serve_bytes_format(out, " MaxLength=\"%d\"", field->max_length);
	if (numeric && field->precision > 0)
		serve_bytes_format(out, " Precision=\"%d\" Scale=\"%d\"", field->precision,
						   field->scale > 0 ? field->scale : 0);
	else if (numeric)
		serve_bytes_text(out, " Scale=\"variable\"");
	else if (timed)
		serve_bytes_format(out, " Precision=\"%d\"", field->precision >= 0 ? field->precision : 6);
	if (!field->lookup && !field->description)
	{
		serve_bytes_text(out, "/>\n");
		return;
	}
	serve_bytes_text(out, ">\n");
	if (field->lookup)
		annotation(out, "          ", "RESO.OData.Metadata.LookupName", field->lookup);
	if (field->description)
		annotation(out, "          ", "Org.OData.Core.V1.Description", field->description);
	serve_bytes_text(out, "        </Property>\n");
}

static void
navigation(ServeBytes *out, const ServeNavigation *one)
{
	serve_bytes_text(out, "        <NavigationProperty");
	attribute(out, "Name", one->name);
	serve_bytes_format(out, one->many ? " Type=\"Collection(%s.%s)\"" : " Type=\"%s.%s\"",
					   SERVE_NAMESPACE, one->target->name);
	/* A constraint says that the other's key stands here: of many it would say nothing. */
	if (one->many || one->nwhere > 0)
	{
		serve_bytes_text(out, "/>\n");
		return;
	}
	serve_bytes_text(out, " Nullable=\"true\">\n");
	for (int i = 0; i < one->npairs; i++)
	{
		serve_bytes_text(out, "          <ReferentialConstraint");
		attribute(out, "Property", one->local[i]->name);
		attribute(out, "ReferencedProperty", one->foreign[i]->name);
		serve_bytes_text(out, "/>\n");
	}
	serve_bytes_text(out, "        </NavigationProperty>\n");
}

static void
entity_type(ServeBytes *out, const ServeResource *resource)
{
	serve_bytes_text(out, "      <EntityType");
	attribute(out, "Name", resource->name);
	serve_bytes_text(out, ">\n        <Key>\n");
	for (int i = 0; i < resource->nkeys; i++)
	{
		serve_bytes_text(out, "          <PropertyRef");
		attribute(out, "Name", resource->keys[i]->name);
		serve_bytes_text(out, "/>\n");
	}
	serve_bytes_text(out, "        </Key>\n");
	for (int i = 0; i < resource->nfields; i++)
		property(out, &resource->fields[i]);
	for (int i = 0; i < resource->nnavigations; i++)
		navigation(out, &resource->navigations[i]);
	if (resource->description)
		annotation(out, "        ", "Org.OData.Core.V1.Description", resource->description);
	serve_bytes_text(out, "      </EntityType>\n");
}

static void
entity_set(ServeBytes *out, const ServeResource *resource)
{
	serve_bytes_text(out, "        <EntitySet");
	attribute(out, "Name", resource->name);
	serve_bytes_format(out, " EntityType=\"%s.%s\">\n", SERVE_NAMESPACE, resource->name);
	for (int i = 0; i < resource->nnavigations; i++)
	{
		serve_bytes_text(out, "          <NavigationPropertyBinding");
		attribute(out, "Path", resource->navigations[i].name);
		attribute(out, "Target", resource->navigations[i].target->name);
		serve_bytes_text(out, "/>\n");
	}
	for (int i = 0; serve_restrictions[i].term; i++)
		serve_bytes_format(
			out,
			"          <Annotation Term=\"Org.OData.Capabilities.V1.%s\"><Record>"
			"<PropertyValue Property=\"%s\" Bool=\"false\"/></Record></Annotation>\n",
			serve_restrictions[i].term, serve_restrictions[i].property);
	serve_bytes_text(out, "        </EntitySet>\n");
}

void
serve_metadata_xml(ServeBytes *out, const ServeModel *model)
{
	serve_bytes_text(
		out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			 "<edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\">\n"
			 "  <edmx:Reference Uri=\"https://oasis-tcs.github.io/odata-vocabularies/vocabularies/"
			 "Org.OData.Core.V1.xml\">\n"
			 "    <edmx:Include Namespace=\"Org.OData.Core.V1\"/>\n"
			 "  </edmx:Reference>\n"
			 "  <edmx:Reference Uri=\"https://oasis-tcs.github.io/odata-vocabularies/vocabularies/"
			 "Org.OData.Capabilities.V1.xml\">\n"
			 "    <edmx:Include Namespace=\"Org.OData.Capabilities.V1\"/>\n"
			 "  </edmx:Reference>\n"
			 "  <edmx:DataServices>\n"
			 "    <Schema Namespace=\"" SERVE_NAMESPACE
			 "\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">\n");
	for (int i = 0; i < model->nresources; i++)
		entity_type(out, &model->resources[i]);
	serve_bytes_text(out, "      <EntityContainer Name=\"" SERVE_CONTAINER "\">\n");
	for (int i = 0; i < model->nresources; i++)
		entity_set(out, &model->resources[i]);
	serve_bytes_text(
		out,
		"        <Annotation Term=\"Org.OData.Capabilities.V1.BatchSupported\" Bool=\"false\"/>\n"
		"        <Annotation Term=\"Org.OData.Capabilities.V1.ConformanceLevel\">\n"
		"          "
		"<EnumMember>Org.OData.Capabilities.V1.ConformanceLevelType/Minimal</EnumMember>\n"
		"        </Annotation>\n"
		"      </EntityContainer>\n"
		"    </Schema>\n"
		"  </edmx:DataServices>\n"
		"</edmx:Edmx>\n");
}
