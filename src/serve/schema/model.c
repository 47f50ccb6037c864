/*
 * model.c
 *		Reads a model from the JSON that mls.serve_model() wrote.
 *
 * The text comes from our own extension, but what it says comes from data: names are checked
 * before anything relies on them, and what does not fit together is left out.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "serve/schema/model.h"

/* A model of 1,600 fields with descriptions takes 1 MB; more than this is none of ours. */
#define MAX_MODEL_BYTES (256 * 1024 * 1024)

static const struct
{
	ServeType type;
	const char *name;
} type_names[] = {{SERVE_BOOLEAN, "Edm.Boolean"},     {SERVE_SBYTE, "Edm.SByte"},
				  {SERVE_BYTE, "Edm.Byte"},           {SERVE_INT16, "Edm.Int16"},
				  {SERVE_INT32, "Edm.Int32"},         {SERVE_INT64, "Edm.Int64"},
				  {SERVE_DECIMAL, "Edm.Decimal"},     {SERVE_SINGLE, "Edm.Single"},
				  {SERVE_DOUBLE, "Edm.Double"},       {SERVE_STRING, "Edm.String"},
				  {SERVE_DATE, "Edm.Date"},           {SERVE_DATETIME, "Edm.DateTimeOffset"},
				  {SERVE_TIME, "Edm.TimeOfDay"},      {SERVE_DURATION, "Edm.Duration"},
				  {SERVE_GUID, "Edm.Guid"},           {SERVE_BINARY, "Edm.Binary"},
				  {SERVE_POINT, "Edm.GeographyPoint"}};

#define NTYPES (sizeof(type_names) / sizeof(type_names[0]))

const char *
serve_type_name(ServeType type)
{
	for (size_t i = 0; i < NTYPES; i++)
	{
		if (type_names[i].type == type)
			return type_names[i].name;
	}
	return NULL;
}

ServeType
serve_type_named(const char *name)
{
	for (size_t i = 0; i < NTYPES; i++)
	{
		if (strcmp(type_names[i].name, name) == 0)
			return type_names[i].type;
	}
	return SERVE_UNTYPED;
}

bool
serve_is_integer(ServeType type)
{
	return type >= SERVE_SBYTE && type <= SERVE_INT64;
}

bool
serve_is_number(ServeType type)
{
	return type >= SERVE_SBYTE && type <= SERVE_DOUBLE;
}

/* ---- Finding ---- */

const ServeResource *
serve_resource(const ServeModel *model, const char *name)
{
	for (int i = 0; i < model->nresources; i++)
	{
		if (strcmp(model->resources[i].name, name) == 0)
			return &model->resources[i];
	}
	return NULL;
}

const ServeField *
serve_field(const ServeResource *resource, const char *name)
{
	int low = 0;
	int high = resource->nfields;

	while (low < high)
	{
		int middle = (low + high) / 2;
		int order = strcmp(name, resource->by_name[middle]->name);

		if (order == 0)
			return resource->by_name[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const ServeNavigation *
serve_navigation(const ServeResource *resource, const char *name)
{
	for (int i = 0; i < resource->nnavigations; i++)
	{
		if (strcmp(resource->navigations[i].name, name) == 0)
			return &resource->navigations[i];
	}
	return NULL;
}

/* ---- Reading ---- */

/* An OData identifier in ASCII, which all names of RESO are. */
static bool
is_identifier(const char *name)
{
	if (name == NULL || strlen(name) > 128)
		return false;
	for (const char *c = name; *c; c++)
	{
		bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';

		if (!letter && !(c > name && *c >= '0' && *c <= '9'))
			return false;
	}
	return *name != '\0';
}

/* A member's text, copied; NULL if there is none. */
static const char *
text_of(ServeArena *arena, struct json_object *object, const char *member)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, member, &value) ||
		!json_object_is_type(value, json_type_string))
		return NULL;
	return serve_copy(arena, json_object_get_string(value));
}

static int
number_of(struct json_object *object, const char *member)
{
	struct json_object *value;
	int64_t number;

	if (!json_object_object_get_ex(object, member, &value) ||
		!json_object_is_type(value, json_type_int))
		return -1;
	number = json_object_get_int64(value);
	return number < 0 || number > INT_MAX ? -1 : (int) number;
}

static bool
truth_of(struct json_object *object, const char *member, bool otherwise)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, member, &value) ||
		!json_object_is_type(value, json_type_boolean))
		return otherwise;
	return json_object_get_boolean(value);
}

/* NULL if it is no array. */
static struct json_object *
array_of(struct json_object *object, const char *member, int *length)
{
	struct json_object *value;

	*length = 0;
	if (!json_object_is_type(object, json_type_object) ||
		!json_object_object_get_ex(object, member, &value) ||
		!json_object_is_type(value, json_type_array))
		return NULL;
	*length = (int) json_object_array_length(value);
	return value;
}

/* The text at a place of an array, not copied. */
static const char *
item_text(struct json_object *array, int place)
{
	struct json_object *value = json_object_array_get_idx(array, (size_t) place);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp((*(const ServeField *const *) a)->name, (*(const ServeField *const *) b)->name);
}

static void
read_field(ServeArena *arena, struct json_object *object, ServeField *field)
{
	const char *edm = text_of(arena, object, "type");

	/* Both "Collection(Edm.String)" and a flag say so. */
	field->collection = truth_of(object, "collection", false);
	if (edm != NULL && strncmp(edm, "Collection(", 11) == 0)
	{
		field->collection = true;
		edm = serve_copy_bytes(arena, edm + 11, strcspn(edm + 11, ")"));
	}
	field->edm = edm ? edm : "Edm.Untyped";
	field->type = serve_type_named(field->edm);
	field->sql = text_of(arena, object, "sql");
	if (field->sql == NULL)
		field->sql = "";
	field->nullable = truth_of(object, "nullable", true);
	field->max_length = number_of(object, "max_length");
	field->precision = number_of(object, "precision");
	field->scale = number_of(object, "scale");
	field->lookup = text_of(arena, object, "lookup");
	field->description = text_of(arena, object, "description");
}

/* NULL, or what is wrong. */
static const char *
read_resource(ServeArena *arena, struct json_object *object, ServeModel *model,
			  ServeResource *resource)
{
	int count;
	struct json_object *array;

	resource->name = text_of(arena, object, "name");
	resource->schema = text_of(arena, object, "schema");
	resource->view = text_of(arena, object, "view");
	resource->description = text_of(arena, object, "description");
	if (!is_identifier(resource->name))
		return "a resource has no name";
	if (resource->schema == NULL || resource->view == NULL)
		return serve_printf(arena, "resource \"%s\" has no relation", resource->name);

	array = array_of(object, "fields", &count);
	resource->fields = serve_alloc_array(arena, (size_t) count, sizeof(ServeField));
	for (int i = 0; i < count; i++)
	{
		struct json_object *item = json_object_array_get_idx(array, (size_t) i);
		ServeField *field = &resource->fields[resource->nfields];

		field->name =
			json_object_is_type(item, json_type_object) ? text_of(arena, item, "name") : NULL;
		if (!is_identifier(field->name))
		{
			model->left_out++;
			continue;
		}
		read_field(arena, item, field);
		resource->nfields++;
	}
	resource->by_name =
		serve_alloc_array(arena, (size_t) resource->nfields, sizeof(const ServeField *));
	for (int i = 0; i < resource->nfields; i++)
		resource->by_name[i] = &resource->fields[i];
	if (resource->nfields > 1)
		qsort(resource->by_name, (size_t) resource->nfields, sizeof(const ServeField *), by_name);
	for (int i = 1; i < resource->nfields; i++)
	{
		if (by_name(&resource->by_name[i - 1], &resource->by_name[i]) == 0)
			return serve_printf(arena, "resource \"%s\" has a field twice", resource->name);
	}

	array = array_of(object, "key", &resource->nkeys);
	if (resource->nkeys == 0)
		return serve_printf(arena, "resource \"%s\" has no key", resource->name);
	resource->keys = serve_alloc_array(arena, (size_t) resource->nkeys, sizeof(const ServeField *));
	for (int i = 0; i < resource->nkeys; i++)
	{
		const char *name = item_text(array, i);
		ServeField *field = name ? (ServeField *) serve_field(resource, name) : NULL;

		if (field == NULL || field->collection || field->type == SERVE_UNTYPED)
			return serve_printf(arena, "the key of resource \"%s\" is none of its fields",
								resource->name);
		field->key = true;
		field->nullable = false;
		resource->keys[i] = field;
	}
	return NULL;
}

/* Can it be followed by what the role reads? */
static bool
read_navigation(ServeArena *arena, struct json_object *object, const ServeModel *model,
				const ServeResource *resource, ServeNavigation *navigation)
{
	const char *target = text_of(arena, object, "target");
	struct json_object *array;
	int count;

	navigation->name = text_of(arena, object, "name");
	if (!is_identifier(navigation->name) || target == NULL ||
		serve_field(resource, navigation->name) || serve_navigation(resource, navigation->name))
		return false;
	navigation->target = serve_resource(model, target);
	if (navigation->target == NULL)
		return false;
	navigation->many = truth_of(object, "many", false);

	array = array_of(object, "on", &count);
	navigation->local = serve_alloc_array(arena, (size_t) count, sizeof(const ServeField *));
	navigation->foreign = serve_alloc_array(arena, (size_t) count, sizeof(const ServeField *));
	navigation->npairs = count;
	for (int i = 0; i < count; i++)
	{
		struct json_object *pair = json_object_array_get_idx(array, (size_t) i);
		const char *local;
		const char *foreign;

		if (!json_object_is_type(pair, json_type_array) || json_object_array_length(pair) != 2)
			return false;
		local = item_text(pair, 0);
		foreign = item_text(pair, 1);
		navigation->local[i] = local ? serve_field(resource, local) : NULL;
		navigation->foreign[i] = foreign ? serve_field(navigation->target, foreign) : NULL;
		if (navigation->local[i] == NULL || navigation->local[i]->collection ||
			navigation->foreign[i] == NULL || navigation->foreign[i]->collection)
			return false;
	}

	array = array_of(object, "where", &count);
	navigation->where = serve_alloc_array(arena, (size_t) count, sizeof(const ServeField *));
	navigation->value = serve_alloc_array(arena, (size_t) count, sizeof(const char *));
	navigation->nwhere = count;
	for (int i = 0; i < count; i++)
	{
		struct json_object *pair = json_object_array_get_idx(array, (size_t) i);
		const char *field;
		const char *value;

		if (!json_object_is_type(pair, json_type_array) || json_object_array_length(pair) != 2)
			return false;
		field = item_text(pair, 0);
		value = item_text(pair, 1);
		navigation->where[i] = field ? serve_field(navigation->target, field) : NULL;
		if (navigation->where[i] == NULL || navigation->where[i]->collection || value == NULL)
			return false;
		navigation->value[i] = serve_copy(arena, value);
	}
	return navigation->npairs > 0;
}

static void
read_navigations(ServeArena *arena, struct json_object *object, ServeModel *model,
				 ServeResource *resource)
{
	int count;
	struct json_object *array = array_of(object, "navigations", &count);

	resource->navigations = serve_alloc_array(arena, (size_t) count, sizeof(ServeNavigation));
	for (int i = 0; i < count; i++)
	{
		struct json_object *item = json_object_array_get_idx(array, (size_t) i);
		ServeNavigation navigation = {0};

		if (json_object_is_type(item, json_type_object) &&
			read_navigation(arena, item, model, resource, &navigation))
			resource->navigations[resource->nnavigations++] = navigation;
		else
			model->left_out++;
	}
}

/* NULL, or what is wrong. */
static const char *
read_model(ServeArena *arena, struct json_object *root, ServeModel *model)
{
	int count;
	struct json_object *array = array_of(root, "resources", &count);

	if (array == NULL)
		return "it has no resources";
	model->version = text_of(arena, root, "version");
	if (model->version == NULL)
		model->version = "";
	model->resources = serve_alloc_array(arena, (size_t) count, sizeof(ServeResource));
	for (int i = 0; i < count; i++)
	{
		struct json_object *item = json_object_array_get_idx(array, (size_t) i);
		const char *problem;

		if (!json_object_is_type(item, json_type_object))
			return "a resource is no object";
		problem = read_resource(arena, item, model, &model->resources[i]);
		if (problem)
			return problem;
		if (serve_resource(model, model->resources[i].name))
			return serve_printf(arena, "resource \"%s\" is there twice", model->resources[i].name);
		model->nresources++;
	}
	/* Their targets are all known now. */
	for (int i = 0; i < count; i++)
		read_navigations(arena, json_object_array_get_idx(array, (size_t) i), model,
						 &model->resources[i]);
	return NULL;
}

ServeModel *
serve_model_read(ServeArena *arena, const char *json, const char **problem)
{
	ServeModel *model = serve_alloc(arena, sizeof(ServeModel));
	size_t length = strlen(json);
	struct json_tokener *tokener;
	struct json_object *root;

	if (length > MAX_MODEL_BYTES)
	{
		*problem = "it is too long";
		return NULL;
	}
	tokener = json_tokener_new_ex(32);
	if (tokener == NULL)
	{
		*problem = "out of memory";
		return NULL;
	}
	root = json_tokener_parse_ex(tokener, json, (int) length);
	*problem = json_tokener_get_error(tokener) == json_tokener_success
				   ? read_model(arena, root, model)
				   : "it is not JSON";
	json_object_put(root);
	json_tokener_free(tokener);
	return *problem ? NULL : model;
}
