/*
 * metadata.c
 *		From the entity data model to resources and fields.
 *
 * The name of an entity SET is a resource's address; its type only says what is
 * in it.  A document without a container is taken at its types' names.
 *
 * Sources declare more than they serve, and not always well.  Errors are for
 * documents that cannot be read any other way; the rest are findings.  What one
 * set has wrong never costs the others: a set whose records could not be read or
 * told apart is left out.
 *
 * Precision, scale and length are not taken over into PostgreSQL's types: sources exceed
 * what they declare, and a value must not be lost for that.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "protocol/reso/edm.h"
#include "protocol/reso/reso.h"

/* Types may inherit; a longer chain is a circle. */
#define MAX_INHERITANCE 20

/* So many names are listed in one finding. */
#define MAX_LISTED 5

/* ---- properties of entity types as fields: types, lookups, members ---- */

/* More digits than a number of PostgreSQL can have are no declaration that means something. */
#define MAX_DIGITS 1000

/* natural: a column of the PostgreSQL type is taken to be of this one. */
static const struct
{
	const char *edm_type;
	Oid pg_type;
	bool natural;
} primitives[] = {
	{"Edm.String", TEXTOID, true},     {"Edm.Boolean", BOOLOID, true},
	{"Edm.Decimal", NUMERICOID, true}, {"Edm.Double", FLOAT8OID, true},
	{"Edm.Single", FLOAT8OID, false},  {"Edm.Int16", INT2OID, true},
	{"Edm.Int32", INT4OID, true},      {"Edm.Int64", INT8OID, true},
	{"Edm.Byte", INT2OID, false},      {"Edm.SByte", INT2OID, false},
	{"Edm.Date", DATEOID, true},       {"Edm.DateTimeOffset", TIMESTAMPTZOID, true},
	{"Edm.TimeOfDay", TIMEOID, true},  {"Edm.Guid", UUIDOID, false},
	{"Edm.Duration", TEXTOID, false},  {"Edm.Binary", TEXTOID, false},
	{"Edm.Untyped", JSONBOID, false},
};

/* PostgreSQL type of a primitive type, or InvalidOid. */
static Oid
primitive_type(const char *name, bool *natural)
{
	*natural = false;
	for (int i = 0; i < lengthof(primitives); i++)
	{
		if (strcmp(primitives[i].edm_type, name) != 0)
			continue;
		*natural = primitives[i].natural;
		return primitives[i].pg_type;
	}
	if (strncmp(name, "Edm.Geography", 13) == 0 || strncmp(name, "Edm.Geometry", 12) == 0)
		return JSONBOID;
	return InvalidOid;
}

static const char *
item_type(const char *declared, bool *is_collection)
{
	size_t length = strlen(declared);

	*is_collection = strncmp(declared, "Collection(", 11) == 0 && declared[length - 1] == ')';
	return *is_collection ? pnstrdup(declared + 11, length - 12) : declared;
}

/* ---- enumerations ---- */

static void
add_member(EdmType *type, const char *value, const char *display)
{
	MlsLookupValue *member = palloc(sizeof(MlsLookupValue));

	member->value = value;
	member->display = display;
	type->members = lappend(type->members, member);
}

/*
 * One member can stand for several display values (annotations that differ in
 * their Qualifier): it is listed once for each.
 */
static void
read_member(Edm *edm, EdmType *type, const MlsXmlNode *node, const char *name)
{
	List *displays =
		mls_edm_annotations(edm, node, psprintf("%s/%s", type->name, name), "StandardName");
	ListCell *lc;

	if (displays == NIL)
		add_member(type, name, NULL);
	foreach (lc, displays)
		add_member(type, name, lfirst(lc));
}

/* Members of an enumeration (List of MlsLookupValue *), read once per document. */
static List *
enum_members(Edm *edm, EdmType *type)
{
	HTAB *names = mls_edm_names(sizeof(char *));
	int nameless = 0;
	int duplicates = 0;
	ListCell *lc;

	foreach (lc, type->node->children)
	{
		const MlsXmlNode *node = lfirst(lc);
		const char *name = mls_xml_attribute(node, "Name");
		bool found;

		if (strcmp(node->name, "Member") != 0)
			continue;
		if (name == NULL || *name == '\0')
		{
			nameless++;
			continue;
		}
		hash_search(names, &name, HASH_ENTER, &found);
		if (found)
			duplicates++;
		else
			read_member(edm, type, node, name);
	}
	if (nameless > 0)
		mls_edm_finding(edm, "members without a name in enumeration \"%s\" are left out (%d)",
						mls_edm_show(type->name), nameless);
	if (duplicates > 0)
		mls_edm_finding(edm, "members that enumeration \"%s\" declares twice are read once (%d)",
						mls_edm_show(type->name), duplicates);
	hash_destroy(names);
	type->is_read = true;
	return type->members;
}

/* ---- types ---- */

/*
 * An enumeration travels as text.  With flags one text holds several members and
 * is an array here; in a collection each element is one member, whatever the
 * enumeration says of itself.
 */
static void
set_enum(Edm *edm, MlsRemoteField *field, EdmType *type)
{
	field->is_enum = true;
	field->is_flags = !field->is_collection && mls_edm_flag(type->node, "IsFlags", false);
	field->pg_type = field->is_collection || field->is_flags ? TEXTARRAYOID : TEXTOID;
	field->members = type->is_read ? type->members : enum_members(edm, type);
	if (field->lookup == NULL)
		field->lookup = mls_edm_annotation(edm, type->node, type->name, "LookupName");
	if (field->lookup == NULL)
		field->lookup = type->local_name;
}

static void
set_primitive(Edm *edm, MlsRemoteField *field, const char *item)
{
	Oid type = primitive_type(item, &field->natural);

	if (!OidIsValid(type))
	{
		type = field->is_collection ? JSONBOID : TEXTOID;
		mls_edm_finding(edm, "type \"%s\" is not known; %s of it are read as %s",
						mls_edm_show(item), field->is_collection ? "collections" : "fields",
						field->is_collection ? "jsonb" : "text");
	}
	else if (field->is_collection)
	{
		field->natural = type == TEXTOID && field->natural;
		type = type == JSONBOID ? JSONBOID : get_array_type(type);
	}
	field->pg_type = type;
}

/* The primitive type behind a type definition. */
static const char *
underlying_type(const EdmType *type)
{
	const char *name = mls_xml_attribute(type->node, "UnderlyingType");

	return name && *name ? name : "Edm.String";
}

/* A whole number that is declared as a facet; -1 if there is none. */
static int
digits_of(const MlsXmlNode *node, const char *facet)
{
	const char *text = mls_xml_attribute(node, facet);
	char *end;
	long digits = text && *text ? strtol(text, &end, 10) : -1;

	return digits < 0 || digits > MAX_DIGITS || *end != '\0' ? -1 : (int) digits;
}

/*
 * How many digits a decimal has is part of its remote type: "Edm.Decimal(14,2)", for a
 * literal with more of them may be refused.  The column's type does not follow it, and
 * declarations that cannot be meant (as many digits behind the point as there are in all) are none.
 */
static void
set_digits(MlsRemoteField *field, const MlsXmlNode *node)
{
	int precision = digits_of(node, "Precision");
	int scale = digits_of(node, "Scale");

	if (strcmp(field->type, "Edm.Decimal") != 0 || scale < 0 || precision <= scale)
		return;
	field->type = psprintf("Edm.Decimal(%d,%d)", precision, scale);
	field->natural = false;
}

static void
field_type(Edm *edm, MlsRemoteField *field, const EdmType *owner, const MlsXmlNode *node,
		   const char *declared)
{
	const char *item = item_type(declared, &field->is_collection);
	EdmType *type = NULL;

	if (strncmp(item, "Edm.", 4) != 0)
	{
		item = mls_edm_qualify(edm, owner->schema, item);
		type = mls_edm_type(edm, item);
	}
	if (type && type->kind == EDM_DEFINITION)
	{
		item = underlying_type(type);
		type = NULL;
	}
	field->type = field->is_collection ? psprintf("Collection(%s)", item) : item;
	if (type == NULL)
	{
		set_primitive(edm, field, item);
		set_digits(field, node);
	}
	else if (type->kind == EDM_ENUM)
		set_enum(edm, field, type);
	else
		field->pg_type = JSONBOID;
}

/* A Property of a type; resource is named in findings. */
static MlsRemoteField *
read_field(Edm *edm, const EdmType *type, const MlsXmlNode *node, const char *resource)
{
	MlsRemoteField *field = palloc0(sizeof(MlsRemoteField));
	const char *declared = mls_xml_attribute(node, "Type");
	const char *max_length = mls_xml_attribute(node, "MaxLength");
	const char *target;

	field->name = mls_xml_attribute(node, "Name");
	target = psprintf("%s/%s", type->name, field->name);
	field->nullable = mls_edm_flag(node, "Nullable", true);
	field->max_length = max_length && atoi(max_length) > 0 ? atoi(max_length) : -1;
	field->lookup = mls_edm_annotation(edm, node, target, "LookupName");
	field->description = mls_edm_annotation(edm, node, target, "Description");
	if (declared && *declared)
		field_type(edm, field, type, node, declared);
	else
	{
		field->pg_type = TEXTOID;
		mls_edm_finding(edm, "field \"%s\" of resource \"%s\" has no type; it is read as text",
						mls_edm_show(field->name), mls_edm_show(resource));
	}
	return field;
}

/* ---- entity types and sets as resources ---- */

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

/* A type after the types it inherits from: List of EdmType *; NIL if that is a circle. */
static List *
inheritance(Edm *edm, EdmType *type)
{
	List *chain = NIL;

	for (; type; type = base_type(edm, type))
	{
		if (list_length(chain) == MAX_INHERITANCE)
			return NIL;
		chain = lcons(type, chain);
	}
	return chain;
}

/* Notes that a set, or a type that is read as one, is left out. */
static void
leave_out(Edm *edm, const char *name, const char *why)
{
	MlsLeftOut *left_out = palloc(sizeof(MlsLeftOut));

	left_out->name = name;
	left_out->why = why;
	edm->left_out = lappend(edm->left_out, left_out);
}

/* ---- keys ---- */

/* Adds a field to the key; returns why it cannot be one, or NULL. */
static const char *
add_key_field(MlsRemoteResource *resource, const char *name)
{
	const MlsRemoteField *field = mls_resource_field(resource, name);

	/* "Info/ID", with an alias: records would have to be looked into. */
	if (field == NULL && strchr(name, '/'))
		return psprintf("its key is \"%s\", a part of another field", mls_edm_show(name));
	if (field == NULL)
		return psprintf("its key field \"%s\" is not declared", mls_edm_show(name));
	if (field->pg_type == JSONBOID || field->is_collection)
		return psprintf("its key field \"%s\" is of type \"%s\", which has no single value",
						mls_edm_show(name), mls_edm_show(field->type));
	resource->key = lappend(resource->key, (char *) name);
	return NULL;
}

/*
 * A part of a key is no key: records that differ in the rest would be taken for
 * one.  Returns what is wrong, or NULL.
 */
static const char *
read_key(const MlsXmlNode *key, MlsRemoteResource *resource)
{
	ListCell *lc;

	foreach (lc, key->children)
	{
		const char *name = mls_xml_attribute(lfirst(lc), "Name");
		const char *problem;

		if (strcmp(((MlsXmlNode *) lfirst(lc))->name, "PropertyRef") != 0 || name == NULL)
			continue;
		problem = add_key_field(resource, name);
		if (problem)
			return problem;
	}
	return NULL;
}

/* The key may be declared by any type of the chain; nearest first.  Returns what is wrong, or NULL. */
static const char *
read_keys(List *chain, MlsRemoteResource *resource)
{
	const char *problem = NULL;

	for (int i = list_length(chain) - 1; i >= 0 && resource->key == NIL && problem == NULL; i--)
	{
		const MlsXmlNode *key = mls_xml_child(((EdmType *) list_nth(chain, i))->node, "Key");

		if (key)
			problem = read_key(key, resource);
	}
	if (problem == NULL && resource->key == NIL)
		problem = psprintf("its type \"%s\" has no key", mls_edm_show(resource->entity_type));
	return problem;
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
	declared = item_type(declared, &navigation->is_collection);
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
				lappend(resource->fields, read_field(edm, type, node, resource->name));
		else
			read_navigation(edm, type, node, resource);
	}
}

/* NULL, noted as left out, where its records could not be told apart. */
static MlsRemoteResource *
read_resource(Edm *edm, const char *name, EdmType *type)
{
	MlsRemoteResource *resource = palloc0(sizeof(MlsRemoteResource));
	List *chain = inheritance(edm, type);
	HTAB *names = mls_edm_names(sizeof(char *));
	const char *problem;
	ListCell *lc;

	CHECK_FOR_INTERRUPTS();
	type->has_set = true;
	resource->name = name;
	resource->entity_type = type->local_name;
	resource->description = mls_edm_annotation(edm, type->node, type->name, "Description");
	foreach (lc, chain)
		read_members(edm, lfirst(lc), resource, names);
	hash_destroy(names);
	problem =
		chain ? read_keys(chain, resource)
			  : psprintf("its type \"%s\" inherits from itself", mls_edm_show(type->local_name));
	if (problem == NULL)
		return resource;
	leave_out(edm, name, problem);
	return NULL;
}

/* ---- entity sets ---- */

/* The entity type of a set; NULL, noted as left out, if there is none. */
static EdmType *
set_type(Edm *edm, const EdmContainer *container, const MlsXmlNode *set, const char *name)
{
	const char *declared = mls_xml_attribute(set, "EntityType");
	const char *qualified;
	EdmType *type;

	if (declared == NULL)
	{
		leave_out(edm, name, "it has no type");
		return NULL;
	}
	qualified = mls_edm_qualify(edm, container->schema, declared);
	type = mls_edm_type(edm, qualified);
	if (type && type->kind == EDM_ENTITY)
		return type;
	leave_out(edm, name,
			  psprintf(type ? "its type \"%s\" is no entity type"
					   : mls_edm_is_external(edm, qualified)
						   ? "its type \"%s\" is declared in another document"
						   : "its type \"%s\" does not exist",
					   mls_edm_show(declared)));
	return NULL;
}

static MlsRemoteResource *
read_set(Edm *edm, const EdmContainer *container, const MlsXmlNode *set, const char *name)
{
	EdmType *type = set_type(edm, container, set, name);
	MlsRemoteResource *resource = type ? read_resource(edm, name, type) : NULL;
	const char *description;

	if (resource == NULL)
		return NULL;
	description =
		mls_edm_annotation(edm, set, psprintf("%s/%s", container->name, name), "Description");
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
		MlsRemoteResource *resource;
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
		{
			mls_edm_finding(edm, "entity set \"%s\" is declared twice; the first is read",
							mls_edm_show(name));
			continue;
		}
		resource = read_set(edm, container, set, name);
		if (resource)
			schema->resources = lappend(schema->resources, resource);
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
		if (resource)
			schema->resources = lappend(schema->resources, resource);
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

/* What is left out is told before what is only odd. */
static List *
all_findings(const Edm *edm)
{
	List *findings = NIL;
	ListCell *lc;

	foreach (lc, edm->left_out)
	{
		const MlsLeftOut *left_out = lfirst(lc);

		findings = lappend(findings, psprintf("resource \"%s\" is left out: %s",
											  mls_edm_show(left_out->name), left_out->why));
	}
	return list_concat(findings, edm->findings);
}

MlsRemoteSchema *
mls_reso_read_metadata(const char *text, Size length, const char *subject)
{
	MlsRemoteSchema *schema = palloc0(sizeof(MlsRemoteSchema));
	Edm *edm = mls_edm_read(mls_xml_parse(text, length, subject), subject);

	read_sets(edm, schema);
	if (schema->resources == NIL && edm->left_out == NIL)
		read_types(edm, schema);
	else
		note_types_without_set(edm);
	schema->findings = all_findings(edm);
	schema->left_out = edm->left_out;
	if (schema->resources == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
				 errmsg("%s describes no resources", subject),
				 edm->left_out
					 ? errdetail("None of the %d it names can be read; the first finding: %s.",
								 list_length(edm->left_out), (char *) linitial(schema->findings))
					 : 0));
	return schema;
}

/* ---- the source's own document ---- */

/* What an answer is by its first bytes, whatever its content type says. */
typedef enum Document
{
	DOCUMENT_XML,
	DOCUMENT_HTML,
	DOCUMENT_JSON,
	DOCUMENT_OTHER
} Document;

static Document
document_kind(const MlsHttpResponse *response)
{
	const char *body = response->body;
	Size length = response->length;

	/* UTF-16, with its mark or without. */
	if (length >= 4 && (memcmp(body, "\xFF\xFE", 2) == 0 || memcmp(body, "\xFE\xFF", 2) == 0 ||
						memcmp(body, "<\0", 2) == 0 || memcmp(body, "\0<", 2) == 0))
		return DOCUMENT_XML;
	for (int blanks = 1; blanks > 0; body += blanks)
		blanks = strncmp(body, "\xEF\xBB\xBF", 3) == 0 ? 3 : strspn(body, " \t\r\n");
	if (*body == '{')
		return DOCUMENT_JSON;
	if (*body != '<')
		return DOCUMENT_OTHER;
	/* Sign-in pages and the like come with status 200. */
	if (strstr(response->content_type, "html") != NULL ||
		pg_strncasecmp(body, "<!doctype html", 14) == 0 || pg_strncasecmp(body, "<html", 5) == 0)
		return DOCUMENT_HTML;
	return DOCUMENT_XML;
}

/* The same model, written in JSON: an OData 4.01 service has both. */
static bool
is_csdl_json(const MlsHttpResponse *response)
{
	return document_kind(response) == DOCUMENT_JSON &&
		   strstr(response->body, "\"$Version\"") != NULL;
}

pg_noreturn static void report_no_xml(const MlsHttpSource *source, const MlsHttpResponse *response);

static void
report_no_xml(const MlsHttpSource *source, const MlsHttpResponse *response)
{
	const char *type = *response->content_type ? mls_edm_show(response->content_type) : "not given";
	const char *detail;

	if (document_kind(response) == DOCUMENT_HTML)
		detail = "The answer is an HTML page.";
	else if (is_csdl_json(response))
		detail =
			psprintf("The answer is metadata written in JSON (CSDL JSON, content type \"%s\"), "
					 "though XML was asked for, by header and by \"$format\".",
					 type);
	else
		detail = psprintf("The answer is no XML: its content type is \"%s\".", type);
	ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
					errmsg("could not read metadata of source \"%s\"", source->name),
					errdetail("%s", detail),
					is_csdl_json(response)
						? errhint("Ask the source's operator for metadata in XML, which every "
								  "service of OData 4.0 has.")
						: errhint("Check the server option url: it is the service root, without "
								  "\"$metadata\" or a resource.")));
}

static MlsHttpResponse *
ask_for_metadata(const MlsHttpSource *source, List *params, MlsHttpStats *stats)
{
	MlsHttpCall call = {.method = "GET",
						.url = mls_url_build(source->url, "$metadata", params),
						.headers = list_make1("Accept: application/xml"),
						.purpose = "metadata",
						.root =
							"the root of the service, without a resource, $metadata or a query"};
	MlsHttpResponse *response = mls_http_fetch(source, &call, stats);

	if (response->status != 200)
		mls_http_report_status(source, &call, response, mls_reso_error_text(response));
	return response;
}

MlsRemoteSchema *
mls_reso_describe(const MlsSource *source, MlsHttpStats *stats)
{
	const MlsHttpSource *http = &source->http;
	MlsUrlParam format = {"$format", "application/xml"};
	MlsHttpResponse *response = ask_for_metadata(http, NIL, stats);

	/* Who does not look at the header may look at the address, which goes before it. */
	if (is_csdl_json(response))
		response = ask_for_metadata(http, list_make1(&format), stats);
	if (document_kind(response) != DOCUMENT_XML)
		report_no_xml(http, response);
	return mls_reso_read_metadata(response->body, response->length,
								  psprintf("metadata of source \"%s\"", http->name));
}
