/*
 * rets_describe.c
 *		The resources that a source has: its metadata, asked for at once, or level by
 *		level where that is refused; in COMPACT, or in STANDARD-XML where that is.
 *
 * Of CREA's Data Distribution Facility the metadata describes columns of COMPACT answers;
 * the elements of its nested ones are in its documents alone, and here.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"

#include "protocol/rets/rets.h"

/* Servers whose metadata came as STANDARD-XML last (Oids): asked for so first. */
static List *xml_servers = NIL;

typedef struct Fetching
{
	const MlsSource *source;
	RetsMetadata *metadata;
	MlsHttpStats *stats;
	const char *purpose;
	RetsOutcome refusal; /* of what this login may not see, the last one */
} Fetching;

static RetsOutcome
read_metadata(void *arg, const MlsHttpResponse *response)
{
	Fetching *work = arg;

	return mls_rets_metadata_add(work->metadata, response->body, response->length,
								 mls_http_charset(response), work->purpose,
								 work->source->http.name);
}

static RetsOutcome
fetch_as(Fetching *work, const char *type, const char *id, bool xml)
{
	RetsCall call = {.transaction = RETS_GET_METADATA, .purpose = work->purpose};

	mls_rets_argument(&call.arguments, "Type", psprintf("METADATA-%s", type));
	mls_rets_argument(&call.arguments, "ID", id);
	mls_rets_argument(&call.arguments, "Format", xml ? "STANDARD-XML" : "COMPACT");
	return mls_rets_talk(work->source, &call, NULL, read_metadata, work, work->stats);
}

/* Codes that may mean the format: servers have answered each of them. */
static bool
may_mean_format(const RetsOutcome *outcome)
{
	return outcome->code == 20506 || outcome->code == 20513 || outcome->code == 20514;
}

static void
remember_format(const MlsSource *source, bool xml)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	if (xml)
		xml_servers = list_append_unique_oid(xml_servers, source->http.server_id);
	else
		xml_servers = list_delete_oid(xml_servers, source->http.server_id);
	MemoryContextSwitchTo(old);
}

/* In the format that came last; where that is refused, in the other. */
static RetsOutcome
fetch(Fetching *work, const char *type, const char *id)
{
	bool xml = list_member_oid(xml_servers, work->source->http.server_id);
	RetsOutcome outcome = fetch_as(work, type, id, xml);
	RetsOutcome other;

	if (!may_mean_format(&outcome))
		return outcome;
	other = fetch_as(work, type, id, !xml);
	if (mls_rets_is_error(other.class))
		return outcome;
	remember_format(work->source, !xml);
	return other;
}

static void
require(Fetching *work, const char *type, const char *id)
{
	RetsOutcome outcome = fetch(work, type, id);

	if (mls_rets_is_error(outcome.class))
		mls_rets_report(work->source, &(RetsCall){.purpose = work->purpose}, &outcome);
}

/* Calls for each value of a column in the segments of a type. */
static void
for_each(Fetching *work, const char *type, const char *parent, const char *column,
		 void (*call)(Fetching *work, const char *parent, const char *name))
{
	ListCell *lc;
	ListCell *cell;

	foreach (lc, mls_rets_segments(work->metadata, type, parent, NULL))
		foreach (cell, ((RetsSegment *) lfirst(lc))->rows)
		{
			const char *name = mls_rets_metadata_value(lfirst(lc), lfirst(cell), column);

			if (*name)
				call(work, parent, name);
		}
}

/* False if this login may not see it; what is not seen is noted, and the rest goes on. */
static bool
fetch_permitted(Fetching *work, const char *type, const char *id)
{
	RetsOutcome outcome = fetch(work, type, id);

	if (outcome.class == RETS_REPLY_DENIED)
	{
		work->metadata->denied = lappend(work->metadata->denied, pstrdup(id));
		work->refusal = outcome;
		return false;
	}
	if (mls_rets_is_error(outcome.class))
		mls_rets_report(work->source, &(RetsCall){.purpose = work->purpose}, &outcome);
	return true;
}

static void
fetch_table(Fetching *work, const char *resource, const char *class)
{
	(void) fetch_permitted(work, "TABLE", psprintf("%s:%s", resource, class));
}

/* "Unknown metadata type" */
#define CODE_NO_SUCH_TYPE 20501

/*
 * Metadata that the rest can do without.  A source that does not offer it, or not to this
 * login, is no failure: without values a lookup's codes stay as they are.  False then.
 */
static bool
is_offered(Fetching *work, const char *type, const char *id, const RetsOutcome *outcome)
{
	if (outcome->code != CODE_NO_SUCH_TYPE && outcome->class != RETS_REPLY_DENIED)
		return true;
	work->metadata->findings =
		lappend(work->metadata->findings,
				psprintf("the source does not offer METADATA-%s of \"%s\" (reply code %d); fields "
						 "with lookups keep their codes",
						 type, id, outcome->code));
	return false;
}

static void
fetch_lookup(Fetching *work, const char *resource, const char *lookup)
{
	require(work, "LOOKUP_TYPE", psprintf("%s:%s", resource, lookup));
}

/* The values of all lookups of a resource, at once or one by one. */
static void
fetch_lookups(Fetching *work, const char *resource)
{
	RetsOutcome outcome = fetch(work, "LOOKUP", resource);
	const char *all = psprintf("%s:*", resource);

	if (!is_offered(work, "LOOKUP", resource, &outcome))
		return;
	if (mls_rets_is_error(outcome.class))
		mls_rets_report(work->source, &(RetsCall){.purpose = work->purpose}, &outcome);
	outcome = fetch(work, "LOOKUP_TYPE", all);
	/* A type that is unknown is so for each lookup. */
	if (mls_rets_is_error(outcome.class) && is_offered(work, "LOOKUP_TYPE", all, &outcome))
		for_each(work, "LOOKUP", resource, "LookupName", fetch_lookup);
}

static void
fetch_resource(Fetching *work, const char *parent, const char *resource)
{
	if (!fetch_permitted(work, "CLASS", resource))
		return;
	for_each(work, "CLASS", resource, "ClassName", fetch_table);
	fetch_lookups(work, resource);
}

RetsMetadata *
mls_rets_fetch_lookups(const MlsTable *table, const char *resource, MlsHttpStats *stats)
{
	Fetching work = {.source = table->source,
					 .metadata = mls_rets_metadata(),
					 .stats = stats,
					 .purpose = psprintf("the lookups of resource \"%s\"", resource)};
	RetsOutcome outcome = fetch(&work, "LOOKUP_TYPE", psprintf("%s:*", resource));

	if (mls_rets_is_error(outcome.class))
	{
		require(&work, "LOOKUP", resource);
		for_each(&work, "LOOKUP", resource, "LookupName", fetch_lookup);
	}
	return work.metadata;
}

/*
 * ---- CREA's Data Distribution Facility ----
 *
 * Tables are made of what keys, cursors and the shipped rules need, with the whole record
 * beside it; fields are paths into that.
 */

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

/* Does a source send nested records, as CREA does? */
static bool
is_ddf(const MlsSource *source)
{
	return source->platform.timestamp_alone && source->platform.format == MLS_FORMAT_XML;
}

static MlsRemoteSchema *
ddf_schema(void)
{
	MlsRemoteSchema *schema = palloc0(sizeof(MlsRemoteSchema));

	for (int i = 0; i < lengthof(resources); i++)
		schema->resources = lappend(schema->resources, make_resource(&resources[i]));
	return schema;
}

/* ---- all resources ---- */

MlsRemoteSchema *
mls_rets_describe(const MlsSource *source, MlsHttpStats *stats)
{
	Fetching work = {
		.source = source, .metadata = mls_rets_metadata(), .stats = stats, .purpose = "metadata"};
	RetsOutcome outcome;
	MlsRemoteSchema *schema;

	if (is_ddf(source))
	{
		mls_rets_log_in(source, stats);
		return ddf_schema();
	}
	outcome = fetch(&work, "SYSTEM", "*");
	if (mls_rets_is_error(outcome.class) || outcome.class == RETS_REPLY_EMPTY ||
		mls_rets_segments(work.metadata, "TABLE", NULL, NULL) == NIL)
	{
		work.metadata = mls_rets_metadata();
		require(&work, "RESOURCE", "0");
		for_each(&work, "RESOURCE", NULL, "ResourceID", fetch_resource);
	}
	schema = mls_rets_schema(work.metadata, source->platform.standard_names);
	if (schema->resources == NIL && schema->denied)
		mls_rets_report(source, &(RetsCall){.purpose = work.purpose}, &work.refusal);
	if (schema->resources == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
				 errmsg("metadata of source \"%s\" describes no resources", source->http.name)));
	return schema;
}
