/*
 * schema.c
 *		Fields of resources from the tenant's own schema: /schema/{resource}, a JSON
 *		Schema each, with the fields that the tenant has made for itself.
 *
 * Which resources there are, and which records come embedded in theirs, the API
 * tells nowhere; that stands here.
 *
 * What a tenant says of itself, too: the units of its areas and lengths, and its
 * currency, which no record names.  The tenant's spellings become the words of the
 * mapping.  A unit that is not known here is reported, not guessed: a wrong factor
 * looks like a right number.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "protocol/qobrix/qobrix.h"

/* A resource, and the names under which records come embedded in its own. */
typedef struct Resource
{
	const char *path;
	bool has_media;
	bool has_texts;           /* in other languages */
	const char *embedded[11]; /* ended by NULL */
} Resource;

static const Resource resources[] = {
	{"properties",
	 true,
	 true,
	 {"PropertyPropertyType", "agent_agent", "salesperson_user", "seller_contact", "developer",
	  "project_project", "location_location", "group", "campaign_id_campaign", NULL}},
	{"agents",
	 true,
	 false,
	 {"primary_contact_contact", "agency_agent", "sub_agent_of_agent", "owner_user", "user", NULL}},
	{"contacts", true, false, {"organization", "group", "assigned_to_user", NULL}},
	{"users", false, false, {"contact", "extra", NULL}},
	{"projects", true, true, {"developer", "assignee", "location_location", NULL}},
	{"opportunities", true, false, {"contact_name_contact", NULL}},
	{"property-viewings", false, false, {NULL}},
	{"meetings", false, false, {NULL}},
	{"locations", false, false, {NULL}},
	{"property-types", false, true, {NULL}},
	{"property-subtypes", false, true, {NULL}},
	{"property-features", false, false, {NULL}},
	{"project-features", false, false, {NULL}},
	{"media/categories", false, false, {NULL}},
	{QOBRIX_MEDIA, false, false, {"category", "file", NULL}},
	{"bayut-locations", false, false, {NULL}},
	{"bazaraki-locations", false, false, {NULL}},
	{"spitogatos-locations", false, false, {NULL}},
	{"property-finder-a-e-locations", false, false, {NULL}},
};

List *
mls_qobrix_holders(const MlsTable *table)
{
	List *paths = NIL;

	if (strcmp(table->resource, QOBRIX_MEDIA) != 0)
		return NIL;
	for (int i = 0; i < lengthof(resources); i++)
		if (resources[i].has_media)
			paths = lappend(paths, unconstify(char *, resources[i].path));
	return paths;
}

/* The schema is being read. */
typedef struct Reading
{
	const MlsSource *source;
	MlsHttpStats *stats;
	MlsRemoteSchema *schema;
	const char *purpose;
} Reading;

static void
add_finding(Reading *reading, char *finding)
{
	reading->schema->findings = lappend(reading->schema->findings, finding);
}

/* ---- JSON ---- */

/* An object in a slice, as a record; NULL if it is none. */
static const MlsRecord *
object_in(const Reading *reading, const MlsSlice *slice)
{
	if (slice == NULL || slice->kind != MLS_OBJECT)
		return NULL;
	return mls_page_read(pnstrdup(slice->value, slice->value_length), slice->value_length, NULL,
						 reading->purpose)
		->records;
}

static const char *
text_in(const MlsRecord *record, const char *name)
{
	const MlsSlice *slice = mls_record_field(record, name);

	return slice && slice->kind == MLS_STRING ? mls_slice_text(slice) : "";
}

static bool
is_true(const MlsRecord *record, const char *name)
{
	const MlsSlice *slice = mls_record_field(record, name);

	return slice && slice->kind == MLS_BOOLEAN && *slice->value == 't';
}

/* The texts of an array (List of char *); others are left out. */
static List *
texts_in(const MlsSlice *slice)
{
	const char *position = NULL;
	List *texts = NIL;
	MlsSlice element;

	while (slice && slice->kind == MLS_ARRAY && mls_array_next(slice, &position, &element))
		if (element.kind == MLS_STRING)
			texts = lappend(texts, mls_slice_text(&element));
	return texts;
}

/* ---- fields ---- */

/* The type's name; of an array with "null" the other one. */
static const char *
type_name(const MlsRecord *described, bool *nullable)
{
	const MlsSlice *slice = mls_record_field(described, "type");
	const char *name = "";
	ListCell *lc;

	*nullable = is_true(described, "nullable");
	if (slice == NULL || slice->kind != MLS_ARRAY)
		return text_in(described, "type");
	foreach (lc, texts_in(slice))
	{
		if (strcmp(lfirst(lc), "null") == 0)
			*nullable = true;
		else
			name = lfirst(lc);
	}
	return name;
}

static Oid
type_of_text(const char *format)
{
	if (strcmp(format, "date-time") == 0)
		return TIMESTAMPTZOID;
	return strcmp(format, "date") == 0 ? DATEOID : TEXTOID;
}

static Oid
type_of_array(const Reading *reading, const MlsRecord *described)
{
	const MlsRecord *items = object_in(reading, mls_record_field(described, "items"));

	return items == NULL || strcmp(text_in(items, "type"), "string") == 0 ? TEXTARRAYOID : JSONBOID;
}

static Oid
type_of(const Reading *reading, const MlsRecord *described, const char *name)
{
	if (strcmp(name, "string") == 0)
		return type_of_text(text_in(described, "format"));
	if (strcmp(name, "integer") == 0)
		return INT8OID;
	if (strcmp(name, "number") == 0)
		return NUMERICOID;
	if (strcmp(name, "boolean") == 0)
		return BOOLOID;
	if (strcmp(name, "array") == 0)
		return type_of_array(reading, described);
	return strcmp(name, "object") == 0 ? JSONBOID : InvalidOid;
}

static MlsRemoteField *
new_field(MlsRemoteResource *resource, const char *name, Oid type, const char *remote_type)
{
	MlsRemoteField *field = palloc0(sizeof(MlsRemoteField));

	field->name = name;
	field->pg_type = type;
	field->type = remote_type;
	field->natural = remote_type == NULL;
	field->nullable = true;
	field->max_length = -1;
	resource->fields = lappend(resource->fields, field);
	return field;
}

static void
read_codes(const MlsRemoteResource *resource, MlsRemoteField *field, const MlsRecord *described)
{
	ListCell *lc;

	foreach (lc, texts_in(mls_record_field(described, "enum")))
	{
		MlsLookupValue *value = palloc0(sizeof(MlsLookupValue));

		value->value = lfirst(lc);
		field->members = lappend(field->members, value);
	}
	if (field->members != NIL)
		field->lookup = psprintf("%s.%s", resource->name, field->name);
}

static void
read_field(Reading *reading, MlsRemoteResource *resource, const MlsSlice *slice)
{
	const MlsRecord *described = object_in(reading, slice);
	char *name = pnstrdup(slice->name, slice->name_length);
	const char *type = "";
	bool nullable = true;
	Oid pg_type = InvalidOid;
	MlsRemoteField *field;
	int64 length;

	if (described != NULL)
	{
		type = type_name(described, &nullable);
		pg_type = type_of(reading, described, type);
	}
	if (!OidIsValid(pg_type))
	{
		add_finding(reading, psprintf("field \"%s\" of resource \"%s\" has type \"%s\"; it is "
									  "read as jsonb",
									  mls_show_start(name, strlen(name), 64), resource->name,
									  mls_show_start(type, strlen(type), 64)));
		pg_type = JSONBOID;
	}
	field = new_field(resource, name, pg_type,
					  described && is_true(described, "virtual") ? QOBRIX_VIRTUAL : NULL);
	field->nullable = nullable;
	if (described == NULL)
		return;
	field->is_collection = pg_type == TEXTARRAYOID;
	if (mls_record_field(described, "maxLength") &&
		mls_slice_int64(mls_record_field(described, "maxLength"), &length) && length > 0 &&
		length < PG_INT32_MAX)
		field->max_length = length;
	read_codes(resource, field, described);
}

/* ---- resources ---- */

/* Records may be made without a modification time, and files change behind their owner's back. */
static void
find_timestamps(MlsRemoteResource *resource)
{
	const MlsRemoteField *modified = mls_resource_field(resource, "modified");
	const MlsRemoteField *created = mls_resource_field(resource, "created");
	const MlsRemoteField *media = mls_resource_field(resource, "last_media_update");

	if (modified && modified->nullable && created && created->pg_type == TIMESTAMPTZOID)
		resource->timestamps = lappend(resource->timestamps, "created");
	if (media && media->pg_type == TIMESTAMPTZOID)
		resource->timestamps = lappend(resource->timestamps, "last_media_update");
}

/* What comes in a field if the option expand names it. */
static MlsNavigation *
add_navigation(MlsRemoteResource *resource, const char *name, const char *field)
{
	MlsNavigation *navigation = palloc0(sizeof(MlsNavigation));

	navigation->name = navigation->target = name;
	navigation->field = field;
	resource->navigations = lappend(resource->navigations, navigation);
	return navigation;
}

static void
add_companions(MlsRemoteResource *resource, const Resource *known)
{
	for (int i = 0; known->embedded[i]; i++)
		if (mls_resource_field(resource, known->embedded[i]) == NULL)
			new_field(resource, known->embedded[i], JSONBOID, QOBRIX_EMBEDDED);
	if (known->has_media)
		add_navigation(resource, QOBRIX_MEDIA, QOBRIX_MEDIA)->is_collection = true;
	if (known->has_texts)
		add_navigation(resource, "Translations", "translations");
	if (strcmp(known->path, QOBRIX_MEDIA) == 0)
		resource->parent_key = "related_id";
	if (mls_resource_field(resource, "id"))
		resource->key = list_make1("id");
}

static void
read_resource(Reading *reading, const Resource *known, const MlsRecord *properties)
{
	MlsRemoteResource *resource = palloc0(sizeof(MlsRemoteResource));

	resource->name = resource->entity_type = known->path;
	for (int i = 0; i < properties->nslices; i++)
		read_field(reading, resource, &properties->slices[i]);
	resource->timestamp = mls_resource_field(resource, "modified") ? "modified" : NULL;
	find_timestamps(resource);
	add_companions(resource, known);
	reading->schema->resources = lappend(reading->schema->resources, resource);
}

/* The fields of a schema, which may stand in a member "data". */
static const MlsRecord *
properties_of(const Reading *reading, MlsHttpResponse *response)
{
	const MlsPage *page = mls_page_read(response->body, response->length, NULL, reading->purpose);
	const MlsRecord *document = page->nrecords == 1 ? &page->records[0] : NULL;
	const MlsRecord *inner;

	if (document == NULL)
		return NULL;
	inner = object_in(reading, mls_record_field(document, "data"));
	return object_in(reading, mls_record_field(inner ? inner : document, "properties"));
}

/* A resource that a tenant does not have, or does not show, is left out. */
static void
ask_resource(Reading *reading, const Resource *known)
{
	const MlsHttpSource *http = &reading->source->http;
	MlsHttpCall call = {.method = "GET", .headers = list_make1("Accept: application/json")};
	MlsHttpResponse *response;
	const MlsRecord *properties;

	CHECK_FOR_INTERRUPTS();
	reading->purpose = psprintf("the schema of resource \"%s\"", known->path);
	call.purpose = reading->purpose;
	call.url = mls_url_build(http->url, psprintf("schema/%s", known->path), NIL);
	response = mls_http_fetch(http, &call, reading->stats);
	if (response->status == 403 || response->status == 404)
	{
		add_finding(reading,
					psprintf("resource \"%s\" is left out: its schema was answered with %d",
							 known->path, response->status));
		return;
	}
	if (response->status != 200 || strstr(response->content_type, "json") == NULL)
		mls_http_report_status(http, &call, response, mls_qobrix_error_text(response));
	properties = properties_of(reading, response);
	if (properties == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_REPLY_HANDLE),
				 errmsg("could not read %s from source \"%s\"", reading->purpose, http->name),
				 errdetail("The answer has no object \"properties\".")));
	read_resource(reading, known, properties);
}

MlsRemoteSchema *
mls_qobrix_describe(const MlsSource *source, MlsHttpStats *stats)
{
	Reading reading = {.source = source, .stats = stats};

	reading.schema = palloc0(sizeof(MlsRemoteSchema));
	for (int i = 0; i < lengthof(resources); i++)
		ask_resource(&reading, &resources[i]);
	if (reading.schema->resources == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_REPLY_HANDLE),
				 errmsg("source \"%s\" shows the schema of no resource", source->http.name),
				 errhint("Check the option url of the server, which is the tenant's address with "
						 "\"/api/v2\"; or the API user needs the right to read schemas.")));
	return reading.schema;
}

/* ---- the settings of a tenant ---- */

/* A unit by one of its spellings: lower case, without blanks and punctuation. */
typedef struct Unit
{
	const char *spelling;
	const char *word;
	bool is_area;
} Unit;

static const Unit units[] = {
	{"m2", "m2", true},
	{"m²", "m2", true},
	{"sqm", "m2", true},
	{"squaremeter", "m2", true},
	{"squaremeters", "m2", true},
	{"squaremetre", "m2", true},
	{"squaremetres", "m2", true},
	{"ft2", "sqft", true},
	{"ft²", "sqft", true},
	{"sqft", "sqft", true},
	{"squarefoot", "sqft", true},
	{"squarefeet", "sqft", true},
	{"yd2", "sqyd", true},
	{"sqyd", "sqyd", true},
	{"squareyard", "sqyd", true},
	{"squareyards", "sqyd", true},
	{"ac", "ac", true},
	{"acre", "ac", true},
	{"acres", "ac", true},
	{"ha", "ha", true},
	{"hectare", "ha", true},
	{"hectares", "ha", true},
	{"m", "m", false},
	{"meter", "m", false},
	{"meters", "m", false},
	{"metre", "m", false},
	{"metres", "m", false},
	{"cm", "cm", false},
	{"ft", "ft", false},
	{"foot", "ft", false},
	{"feet", "ft", false},
	{"in", "in", false},
	{"inch", "in", false},
	{"inches", "in", false},
	{"yd", "yd", false},
	{"yard", "yd", false},
	{"yards", "yd", false},
	{"km", "km", false},
	{"kilometer", "km", false},
	{"kilometers", "km", false},
	{"kilometre", "km", false},
	{"kilometres", "km", false},
	{"mi", "mi", false},
	{"mile", "mi", false},
	{"miles", "mi", false},
};

/* Lower case, without blanks and punctuation. */
static char *
plain(const char *text)
{
	char *result = palloc(strlen(text) + 1);
	char *to = result;

	for (const char *from = text; *from; from++)
		if (strchr(" \t_.-", *from) == NULL)
			*to++ = pg_ascii_tolower(*from);
	*to = '\0';
	return result;
}

static const char *
find_unit(const char *text, bool is_area)
{
	char *spelling = plain(text);

	for (int i = 0; i < lengthof(units); i++)
		if (units[i].is_area == is_area && strcmp(units[i].spelling, spelling) == 0)
			return units[i].word;
	return NULL;
}

/* A code of three letters, in upper case; NULL for anything else. */
static const char *
find_currency(const char *text)
{
	char *code = plain(text);

	if (strlen(code) != 3 || strspn(code, "abcdefghijklmnopqrstuvwxyz") != 3)
		return NULL;
	for (int i = 0; i < 3; i++)
		code[i] = pg_ascii_toupper(code[i]);
	return code;
}

/* Takes one of the tenant's units as a setting; what is not there is not told. */
static void
take(MlsTold *told, const MlsRecord *record, const char *name, const char *setting)
{
	const MlsSlice *slice = mls_record_field(record, name);
	const char *value = NULL;
	char *text;

	if (slice == NULL || slice->kind == MLS_NULL)
		return;
	text = mls_error_words(mls_slice_text(slice));
	if (slice->kind == MLS_STRING)
		value = strcmp(name, "currency") == 0 ? find_currency(text)
											  : find_unit(text, strcmp(name, "area") == 0);
	if (value != NULL)
		mls_told_add(told, setting, value);
	else
		told->findings = lappend(
			told->findings, psprintf("the tenant's unit of %s \"%s\" is not known", name, text));
}

/* An object inside another; NULL if it is none. */
static const MlsRecord *
member_object(const MlsRecord *record, const char *name)
{
	const MlsSlice *slice = record ? mls_record_field(record, name) : NULL;

	return slice && slice->kind == MLS_OBJECT ? mls_error_object(slice->value, slice->value_length)
											  : NULL;
}

/* The tenant's units; the document may stand in a member "data". */
static const MlsRecord *
units_of(const MlsHttpResponse *response)
{
	const MlsRecord *document = mls_error_object(response->body, response->length);
	const MlsRecord *inner = member_object(document, "data");

	return member_object(member_object(inner ? inner : document, "configuration"), "units");
}

MlsTold *
mls_qobrix_tell(const MlsSource *source, MlsHttpStats *stats)
{
	MlsHttpCall call = {.method = "GET",
						.url = mls_url_build(source->http.url, "tenant/", NIL),
						.headers = list_make1("Accept: application/json"),
						.purpose = "the tenant's units"};
	MlsHttpResponse *response = mls_http_fetch(&source->http, &call, stats);
	MlsTold *told = palloc0(sizeof(MlsTold));
	const MlsRecord *record;

	if (response->status == 403 || response->status == 404)
	{
		told->refusal = psprintf("tenant/ was answered with %d", response->status);
		return told;
	}
	if (response->status != 200)
		mls_http_report_status(&source->http, &call, response, mls_qobrix_error_text(response));
	record = units_of(response);
	if (record == NULL)
	{
		told->refusal = "the answer to tenant/ has no units";
		return told;
	}
	take(told, record, "area", "area_unit");
	take(told, record, "dimension", "dimension_unit");
	take(told, record, "distance", "distance_unit");
	take(told, record, "currency", "currency");
	return told;
}
