/*
 * metadata.c
 *		From the entity data model to resources and fields.
 *
 * The name of an entity SET is a resource's address; its type only says what is
 * in it.  A document without a container is taken at its types' names.
 *
 * Sources declare more than they serve, and not always well.  Errors are for
 * documents that cannot be read any other way; the rest are findings.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "protocol/reso/edm.h"
#include "protocol/reso/field.h"
#include "protocol/reso/metadata.h"
#include "protocol/reso/reso.h"

/* Types may inherit; a longer chain is a circle. */
#define MAX_INHERITANCE 20

/* So many names are listed in one finding. */
#define MAX_LISTED 5

static EdmType *
base_type(Edm *edm, const EdmType *type)
{
	const char *name = mls_xml_attribute(type->node, "BaseType");
	EdmType *base;

	if (name == NULL || *name == '\0')
		return NULL;
	base = mls_edm_type(edm, mls_edm_qualify(edm, type->schema, name));
	if (base && base->kind == EDM_ENTITY)
		return base;
	mls_edm_finding(edm,
					"base type \"%s\" of entity type \"%s\" does not exist; its fields are missing",
					mls_edm_show(name), mls_edm_show(type->local_name));
	return NULL;
}

/* A type after the types it inherits from: List of EdmType *. */
static List *
inheritance(Edm *edm, EdmType *type)
{
	List *chain = NIL;

	for (; type; type = base_type(edm, type))
	{
		if (list_length(chain) == MAX_INHERITANCE)
			ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_DATA_TYPE_DESCRIPTORS),
							errmsg("entity type \"%s\" inherits from itself",
								   mls_edm_show(type->local_name)),
							errdetail("It is declared in the %s.", edm->subject)));
		chain = lcons(type, chain);
	}
	return chain;
}

/* ---- keys ---- */

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
read_key(Edm *edm, const MlsXmlNode *key, MlsRemoteResource *resource)
{
	ListCell *lc;

	foreach (lc, key->children)
	{
		const char *name = mls_xml_attribute(lfirst(lc), "Name");

		if (strcmp(((MlsXmlNode *) lfirst(lc))->name, "PropertyRef") != 0 || name == NULL)
			continue;
		if (has_field(resource, name))
			resource->key = lappend(resource->key, (char *) name);
		else
			mls_edm_finding(edm, "key field \"%s\" of resource \"%s\" is not declared",
							mls_edm_show(name), mls_edm_show(resource->name));
	}
}

/* The key may be declared by any type of the chain; nearest first. */
static void
read_keys(Edm *edm, List *chain, MlsRemoteResource *resource)
{
	for (int i = list_length(chain) - 1; i >= 0 && resource->key == NIL; i--)
	{
		const MlsXmlNode *key = mls_xml_child(((EdmType *) list_nth(chain, i))->node, "Key");

		if (key)
			read_key(edm, key, resource);
	}
}

/* ---- navigations ---- */

static void
read_navigation(Edm *edm, const EdmType *type, const MlsXmlNode *node, MlsRemoteResource *resource)
{
	MlsNavigation *navigation = palloc0(sizeof(MlsNavigation));
	const char *declared = mls_xml_attribute(node, "Type");
	const char *name = mls_xml_attribute(node, "Name");
	const EdmType *target;

	if (name == NULL || *name == '\0' || declared == NULL || *declared == '\0')
	{
		mls_edm_finding(edm,
						"a navigation of resource \"%s\" has no name or no type; it is left out",
						mls_edm_show(resource->name));
		return;
	}
	declared = mls_reso_item_type(declared, &navigation->is_collection);
	target = mls_edm_type(edm, mls_edm_qualify(edm, type->schema, declared));
	if (target == NULL || target->kind != EDM_ENTITY)
		mls_edm_finding(
			edm, "navigation \"%s\" of resource \"%s\" leads to type \"%s\", which does not exist",
			mls_edm_show(name), mls_edm_show(resource->name), mls_edm_show(declared));
	navigation->name = name;
	navigation->target = mls_edm_local_name(declared);
	resource->navigations = lappend(resource->navigations, navigation);
}

/* ---- resources ---- */

/* Properties and navigations of one type of a chain; names is what the chain has so far. */
static void
read_members(Edm *edm, const EdmType *type, MlsRemoteResource *resource, HTAB *names)
{
	ListCell *lc;

	foreach (lc, type->node->children)
	{
		const MlsXmlNode *node = lfirst(lc);
		const char *name = mls_xml_attribute(node, "Name");
		bool is_property = strcmp(node->name, "Property") == 0;
		bool found;

		if (!is_property && strcmp(node->name, "NavigationProperty") != 0)
			continue;
		if (is_property && (name == NULL || *name == '\0'))
		{
			mls_edm_finding(edm, "a field of resource \"%s\" has no name; it is left out",
							mls_edm_show(resource->name));
			continue;
		}
		if (name)
			hash_search(names, &name, HASH_ENTER, &found);
		if (name && found)
			mls_edm_finding(edm, "resource \"%s\" declares \"%s\" twice; the first is read",
							mls_edm_show(resource->name), mls_edm_show(name));
		else if (is_property)
			resource->fields =
				lappend(resource->fields, mls_reso_read_field(edm, type, node, resource->name));
		else
			read_navigation(edm, type, node, resource);
	}
}

static MlsRemoteResource *
read_resource(Edm *edm, const char *name, EdmType *type)
{
	MlsRemoteResource *resource = palloc0(sizeof(MlsRemoteResource));
	List *chain = inheritance(edm, type);
	HTAB *names = mls_edm_names(sizeof(char *));
	ListCell *lc;

	CHECK_FOR_INTERRUPTS();
	resource->name = name;
	resource->entity_type = type->local_name;
	resource->description = mls_edm_annotation(edm, type->node, type->name, "Description");
	foreach (lc, chain)
		read_members(edm, lfirst(lc), resource, names);
	read_keys(edm, chain, resource);
	type->has_set = true;
	hash_destroy(names);
	return resource;
}

/* ---- entity sets ---- */

static EdmType *
set_type(Edm *edm, const EdmContainer *container, const MlsXmlNode *set, const char *name)
{
	const char *type_name = mls_xml_attribute(set, "EntityType");
	EdmType *type = NULL;

	if (type_name)
		type = mls_edm_type(edm, mls_edm_qualify(edm, container->schema, type_name));
	if (type && type->kind == EDM_ENTITY)
		return type;
	ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_DATA_TYPE_DESCRIPTORS),
					type_name ? errmsg("entity set \"%s\" is of type \"%s\", which does not exist",
									   mls_edm_show(name), mls_edm_show(type_name))
							  : errmsg("entity set \"%s\" has no type", mls_edm_show(name)),
					errdetail("It is declared in the %s.", edm->subject)));
}

static MlsRemoteResource *
read_set(Edm *edm, const EdmContainer *container, const MlsXmlNode *set, const char *name)
{
	EdmType *type = set_type(edm, container, set, name);
	MlsRemoteResource *resource = read_resource(edm, name, type);
	const char *description =
		mls_edm_annotation(edm, set, psprintf("%s/%s", container->name, name), "Description");

	if (resource->key == NIL)
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_DATA_TYPE_DESCRIPTORS),
						errmsg("entity type \"%s\" has no key", mls_edm_show(type->local_name)),
						errdetail("It is the type of entity set \"%s\" in the %s.",
								  mls_edm_show(name), edm->subject)));
	if (description)
		resource->description = description;
	return resource;
}

static void
read_container(Edm *edm, const EdmContainer *container, HTAB *names, MlsRemoteSchema *schema)
{
	ListCell *lc;

	foreach (lc, container->node->children)
	{
		const MlsXmlNode *set = lfirst(lc);
		const char *name = mls_xml_attribute(set, "Name");
		bool found;

		if (strcmp(set->name, "EntitySet") != 0)
			continue;
		if (name == NULL || *name == '\0')
		{
			mls_edm_finding(edm, "an entity set without a name is left out");
			continue;
		}
		hash_search(names, &name, HASH_ENTER, &found);
		if (found)
			mls_edm_finding(edm, "entity set \"%s\" is declared twice; the first is read",
							mls_edm_show(name));
		else
			schema->resources = lappend(schema->resources, read_set(edm, container, set, name));
	}
}

/* Bindings must lead to sets; ours do not depend on them. */
static void
check_bindings(Edm *edm, const EdmContainer *container, HTAB *names)
{
	ListCell *lc;
	ListCell *binding;

	foreach (lc, container->node->children)
	{
		const MlsXmlNode *set = lfirst(lc);

		if (strcmp(set->name, "EntitySet") != 0)
			continue;
		foreach (binding, set->children)
		{
			const char *target = mls_xml_attribute(lfirst(binding), "Target");
			bool found;

			if (target == NULL || strchr(target, '/') ||
				strcmp(((MlsXmlNode *) lfirst(binding))->name, "NavigationPropertyBinding") != 0)
				continue;
			hash_search(names, &target, HASH_FIND, &found);
			if (!found)
				mls_edm_finding(edm,
								"a navigation is bound to entity set \"%s\", which does not exist",
								mls_edm_show(target));
		}
	}
}

static void
read_sets(Edm *edm, MlsRemoteSchema *schema)
{
	HTAB *names = mls_edm_names(sizeof(char *));
	ListCell *lc;

	foreach (lc, edm->containers)
		read_container(edm, lfirst(lc), names, schema);
	foreach (lc, edm->containers)
		check_bindings(edm, lfirst(lc), names);
	hash_destroy(names);
}

/* ---- documents without a container ---- */

static void
read_types(Edm *edm, MlsRemoteSchema *schema)
{
	ListCell *lc;

	foreach (lc, edm->entity_types)
	{
		EdmType *type = lfirst(lc);
		MlsRemoteResource *resource;

		if (mls_edm_flag(type->node, "Abstract", false))
			continue;
		resource = read_resource(edm, type->local_name, type);
		if (resource->key)
			schema->resources = lappend(schema->resources, resource);
		else
			mls_edm_finding(edm, "entity type \"%s\" has no key; it is left out",
							mls_edm_show(type->local_name));
	}
	mls_edm_finding(edm, "the document has no entity sets; its entity types are read as resources");
}

/* Types that no address leads to. */
static void
note_types_without_set(Edm *edm)
{
	StringInfoData names;
	int count = 0;
	ListCell *lc;

	initStringInfo(&names);
	foreach (lc, edm->entity_types)
	{
		const EdmType *type = lfirst(lc);

		if (type->has_set || mls_edm_flag(type->node, "Abstract", false))
			continue;
		if (++count <= MAX_LISTED)
			appendStringInfo(&names, "%s%s", count > 1 ? ", " : "", mls_edm_show(type->local_name));
	}
	if (count > 0)
		mls_edm_finding(edm, "entity types without an entity set are left out (%d): %s%s", count,
						names.data, count > MAX_LISTED ? ", ..." : "");
}

MlsRemoteSchema *
mls_reso_read_metadata(const char *text, Size length, const char *subject)
{
	MlsRemoteSchema *schema = palloc0(sizeof(MlsRemoteSchema));
	Edm *edm = mls_edm_read(mls_xml_parse(text, length, subject), subject);

	read_sets(edm, schema);
	if (schema->resources == NIL)
		read_types(edm, schema);
	else
		note_types_without_set(edm);
	if (schema->resources == NIL)
		ereport(ERROR, (errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
						errmsg("%s describes no resources", subject)));
	schema->findings = edm->findings;
	return schema;
}

/* ---- the source's own document ---- */

/* Sign-in pages and the like come with status 200. */
static void
check_is_xml(const MlsHttpSource *source, const MlsHttpResponse *response)
{
	const char *type = response->content_type;
	const char *body = response->body;

	if (strncmp(body, "\xEF\xBB\xBF", 3) == 0)
		body += 3;
	body += strspn(body, " \t\r\n");
	if (*body == '<' && strstr(type, "html") == NULL &&
		pg_strncasecmp(body, "<!doctype html", 14) != 0 && pg_strncasecmp(body, "<html", 5) != 0)
		return;
	ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
					errmsg("could not read metadata of source \"%s\"", source->name),
					*body == '<' ? errdetail("The answer is an HTML page.")
								 : errdetail("The answer is no XML: its content type is \"%s\".",
											 *type ? mls_edm_show(type) : "not given"),
					errhint("Check the server option url: it is the service root, without "
							"\"$metadata\" or a resource.")));
}

MlsRemoteSchema *
mls_reso_describe(const MlsSource *source, MlsHttpStats *stats)
{
	MlsHttpCall call = {.method = "GET",
						.url = mls_url_build(source->http.url, "$metadata", NIL),
						.headers = list_make1("Accept: application/xml"),
						.purpose = "metadata",
						.basic = true};
	MlsHttpResponse *response = mls_http_fetch(&source->http, &call, stats);

	if (response->status != 200)
		mls_http_report_status(&source->http, &call, response, mls_reso_error_text(response));
	check_is_xml(&source->http, response);
	return mls_reso_read_metadata(response->body, response->length,
								  psprintf("metadata of source \"%s\"", source->http.name));
}
