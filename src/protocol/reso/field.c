/*
 * field.c
 *		Properties of entity types as fields: their PostgreSQL types, lookups and
 *		members.
 *
 * Precision, scale and length are not taken over into types: sources exceed what
 * they declare, and a value must not be lost for that.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#include "protocol/reso/field.h"

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

const char *
mls_reso_item_type(const char *declared, bool *is_collection)
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
read_members(Edm *edm, EdmType *type)
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
	field->members = type->is_read ? type->members : read_members(edm, type);
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
set_type(Edm *edm, MlsRemoteField *field, const EdmType *owner, const MlsXmlNode *node,
		 const char *declared)
{
	const char *item = mls_reso_item_type(declared, &field->is_collection);
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

MlsRemoteField *
mls_reso_read_field(Edm *edm, const EdmType *type, const MlsXmlNode *node, const char *resource)
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
		set_type(edm, field, type, node, declared);
	else
	{
		field->pg_type = TEXTOID;
		mls_edm_finding(edm, "field \"%s\" of resource \"%s\" has no type; it is read as text",
						mls_edm_show(field->name), mls_edm_show(resource));
	}
	return field;
}
