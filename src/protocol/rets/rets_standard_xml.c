/*
 * rets_standard_xml.c
 *		STANDARD-XML: records as elements with elements in them.
 *
 * Where the records are differs: below RETS-RESPONSE (CREA), two levels below
 * REData (the standard's own), or directly below RETS.  A record becomes a JSON
 * object:
 *
 *		<Phone ContactType="Business">555</Phone>   {"@ContactType": "Business", "#text": "555"}
 *		<City>Sampleton</City>                      "Sampleton"
 *		<Comments/>                                 null
 *
 * Elements of one name are gathered into an array, also where others stand
 * between them.  Whether one alone is an array cannot be seen from one record, so
 * the names that may repeat are given.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "protocol/rets/rets_reader.h"

/* Elements of one record; a listing with a hundred photos has a thousand. */
#define MAX_ELEMENTS 200000

/* Different names in one element; they are searched one by one. */
#define MAX_NAMES 2000

typedef struct Element Element;
typedef struct Siblings Siblings;

/* An element, or an attribute: then it has a text and nothing else. */
struct Element
{
	Element *parent;
	Siblings *groups; /* children by name, in the order the names came */
	Siblings *last_group;
	int ngroups;
	const char *name;
	Element *next; /* of the same name */
	char *text;
	Size length;
	Size capacity;
};

/* The children of one name.  The reader of XML has one pointer for each name. */
struct Siblings
{
	Siblings *next;
	const char *name;
	bool is_attribute;
	Element *first;
	Element *last;
};

struct RetsNested
{
	MemoryContext context; /* of one record */
	int depth;             /* of the record's element, or 0: outside of one */
	int skipped_depth;     /* of an element that is no record, or 0 */
	bool in_data;          /* within REData */
	Element *record;
	Element *node; /* the element that is open */
	int nelements;
	StringInfoData json;
};

RetsNested *
mls_rets_nested(RetsReader *reader)
{
	RetsNested *nested = palloc0(sizeof(RetsNested));

	nested->context =
		AllocSetContextCreate(reader->context, "mls_fdw RETS record", ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&nested->json);
	return nested;
}

bool
mls_rets_nested_open(const RetsNested *nested)
{
	return nested && nested->depth > 0;
}

/* ---- gathering ---- */

static Siblings *
get_group(RetsReader *reader, Element *parent, const char *name, bool is_attribute)
{
	Siblings *group;

	for (group = parent->groups; group; group = group->next)
		if (group->name == name && group->is_attribute == is_attribute)
			return group;
	if (++parent->ngroups > MAX_NAMES)
		mls_rets_fail(reader,
					  psprintf("An element has elements of more than %d names.", MAX_NAMES));
	group = MemoryContextAllocZero(reader->nested->context, sizeof(Siblings));
	group->name = name;
	group->is_attribute = is_attribute;
	if (parent->last_group)
		parent->last_group->next = group;
	else
		parent->groups = group;
	parent->last_group = group;
	return group;
}

static Element *
add_node(RetsReader *reader, Element *parent, const char *name, bool is_attribute)
{
	RetsNested *nested = reader->nested;
	Element *node = MemoryContextAllocZero(nested->context, sizeof(Element));
	Siblings *group;

	if (++nested->nelements > MAX_ELEMENTS)
		mls_rets_fail(reader, psprintf("A record has more than %d elements.", MAX_ELEMENTS));
	node->parent = parent;
	node->name = name;
	if (parent == NULL)
		return node;
	group = get_group(reader, parent, name, is_attribute);
	if (group->last)
		group->last->next = node;
	else
		group->first = node;
	group->last = node;
	return node;
}

static bool
is_blank(const char *text, Size length)
{
	for (Size i = 0; i < length; i++)
		if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0')
			return false;
	return true;
}

/* Adds to the text of a node; blanks alone are layout. */
static void
add_text(RetsReader *reader, Element *node, const char *text, Size length)
{
	if (is_blank(text, length))
		return;
	if (node->length + length > node->capacity)
	{
		char *longer;

		node->capacity = node->length > 0 ? 2 * (node->length + length) : length;
		longer = MemoryContextAllocHuge(reader->nested->context, node->capacity);
		if (node->length > 0)
			memcpy(longer, node->text, node->length);
		node->text = longer;
	}
	memcpy(node->text + node->length, text, length);
	node->length += length;
}

static Element *
begin_element(RetsReader *reader, Element *parent, const MlsXmlEvent *event)
{
	Element *node = add_node(reader, parent, event->name, false);

	for (int i = 0; i < event->nattributes; i++)
	{
		const MlsXmlAttribute *attribute = &event->attributes[i];

		add_text(reader, add_node(reader, node, attribute->name, true), attribute->value,
				 strlen(attribute->value));
	}
	return node;
}

/* ---- writing ---- */

static void
write_string(StringInfo json, const char *text, Size length)
{
	bool escaped;
	char *end;

	if (length > MaxAllocSize / 8)
		length = MaxAllocSize / 8;
	enlargeStringInfo(json, MLS_JSON_GROWTH * (int) length + 2);
	end = mls_page_put_string(json->data + json->len, text, (int) length, &escaped);
	json->len = end - json->data;
	*end = '\0';
}

static void
write_name(RetsReader *reader, const Siblings *group)
{
	StringInfo json = &reader->nested->json;
	Size length = strlen(group->name);
	const char *name = group->name;
	Size start = json->len;

	write_string(json, name, length);
	if (group->is_attribute)
	{
		/* "@" goes between the quote and the name, none of which has escapes. */
		appendStringInfoChar(json, '"');
		memmove(json->data + start + 2, json->data + start + 1, length + 1);
		json->data[start + 1] = '@';
	}
	appendStringInfoChar(json, ':');
}

static void write_node(RetsReader *reader, const Element *node);

/* "Room", or "Rooms/Room". */
static bool
is_repeated(const RetsReader *reader, const Siblings *group)
{
	const char *const *names = reader->options.repeated;
	const char *parent = group->first->parent->name;
	int parent_length = strlen(parent);

	for (; names && *names; names++)
	{
		const char *slash = strchr(*names, '/');

		if (strcmp(slash ? slash + 1 : *names, group->name) == 0 &&
			(slash == NULL ||
			 (slash - *names == parent_length && memcmp(*names, parent, parent_length) == 0)))
			return true;
	}
	return false;
}

static void
write_group(RetsReader *reader, const Siblings *group)
{
	StringInfo json = &reader->nested->json;
	bool is_array = group->first != group->last || is_repeated(reader, group);

	if (is_array)
		appendStringInfoChar(json, '[');
	for (const Element *node = group->first; node; node = node->next)
	{
		if (node != group->first)
			appendStringInfoChar(json, ',');
		write_node(reader, node);
	}
	if (is_array)
		appendStringInfoChar(json, ']');
}

static void
write_members(RetsReader *reader, const Element *node)
{
	StringInfo json = &reader->nested->json;
	bool first = true;

	appendStringInfoChar(json, '{');
	for (const Siblings *group = node->groups; group; group = group->next)
	{
		if (!first)
			appendStringInfoChar(json, ',');
		first = false;
		write_name(reader, group);
		write_group(reader, group);
	}
	if (node->length > 0)
	{
		appendStringInfoString(json, first ? "\"#text\":" : ",\"#text\":");
		write_string(json, node->text, node->length);
	}
	appendStringInfoChar(json, '}');
}

static void
write_node(RetsReader *reader, const Element *node)
{
	if (node->groups)
		write_members(reader, node);
	else if (node->length > 0)
		write_string(&reader->nested->json, node->text, node->length);
	else
		appendStringInfoString(&reader->nested->json, "null");
}

/* ---- records ---- */

/*
 * The record's JSON with a slice for each of its members.  What is written is what
 * a page of JSON would hold, and the same code finds the members in it.
 */
static void
end_record(RetsReader *reader)
{
	RetsNested *nested = reader->nested;
	StringInfo json = &nested->json;
	const Element *record = nested->record;
	int nslices = record->ngroups + (record->length > 0);
	char *out;

	resetStringInfo(json);
	write_members(reader, record);
	out = mls_page_begin_record(&reader->records, json->len, nslices);
	memcpy(out, json->data, json->len);
	mls_json_members(out, json->len, reader->records.slices, nslices);
	mls_page_end_record(&reader->records, out + json->len, nslices, 0);
	reader->answer.records++;
	MemoryContextReset(nested->context);
	nested->record = nested->node = NULL;
	nested->depth = 0;
	nested->nelements = 0;
}

static void
begin_record(RetsReader *reader, const MlsXmlEvent *event)
{
	RetsNested *nested = reader->nested;

	reader->rows++;
	nested->depth = event->depth;
	nested->record = begin_element(reader, NULL, event);
	nested->node = nested->record;
	if ((reader->rows & 0xFF) == 0)
		CHECK_FOR_INTERRUPTS();
}

/* An element outside of records: a wrapper around them, or one. */
static void
take_outer(RetsReader *reader, const MlsXmlEvent *event)
{
	RetsNested *nested = reader->nested;

	if (nested->skipped_depth > 0)
		return;
	if (event->depth == 2 && pg_strcasecmp(event->name, "REData") == 0)
		nested->in_data = true;
	else if (event->depth == 3 && pg_strcasecmp(event->name, "Pagination") == 0)
		nested->skipped_depth = event->depth;
	else if (event->depth == 3 && nested->in_data)
		return;
	else
		begin_record(reader, event);
}

static void
take_end(RetsReader *reader, const MlsXmlEvent *event)
{
	RetsNested *nested = reader->nested;

	if (nested->depth == 0)
	{
		if (nested->skipped_depth == event->depth)
			nested->skipped_depth = 0;
		if (event->depth == 2)
			nested->in_data = false;
		return;
	}
	if (event->depth == nested->depth)
		end_record(reader);
	else
		nested->node = nested->node->parent;
}

void
mls_rets_nested_event(RetsReader *reader, const MlsXmlEvent *event)
{
	RetsNested *nested = reader->nested;

	switch (event->kind)
	{
		case MLS_XML_START:
			if (nested->depth == 0)
				take_outer(reader, event);
			else
				nested->node = begin_element(reader, nested->node, event);
			break;
		case MLS_XML_TEXT:
			add_text(reader, nested->node, event->text, event->length);
			break;
		case MLS_XML_END:
			take_end(reader, event);
			break;
	}
}
