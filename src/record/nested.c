/*
 * nested.c
 *		Records inside records: the elements of arrays, and objects, as records of
 *		their own.
 *
 * They are copied into one document and read together, so that records of many
 * arrays cost one pass and repeat their shapes.  Each remembers where it came
 * from by a number its collector chose.
 */
#include "postgres.h"

#include "utils/json.h"

#include "record/slice.h"

/* The parser may look a little past the end. */
#define PADDING 16

MlsNested *
mls_nested_begin(void)
{
	MlsNested *nested = palloc0(sizeof(MlsNested));

	initStringInfo(&nested->body);
	appendStringInfoString(&nested->body, "{\"value\":[");
	nested->max_records = 64;
	nested->owners = palloc(nested->max_records * sizeof(int));
	return nested;
}

/* Adds one record. */
void
mls_nested_add(MlsNested *nested, const char *json, int length, int owner)
{
	if (nested->nrecords == nested->max_records)
	{
		nested->max_records *= 2;
		nested->owners = repalloc(nested->owners, nested->max_records * sizeof(int));
	}
	if (nested->nrecords > 0)
		appendStringInfoChar(&nested->body, ',');
	appendBinaryStringInfo(&nested->body, json, length);
	nested->owners[nested->nrecords++] = owner;
}

/* Are all elements of an array objects?  How many there are goes to *count. */
static bool
holds_objects(const MlsSlice *array, int *count)
{
	const char *position = NULL;
	MlsSlice element;

	*count = 0;
	while (mls_array_next(array, &position, &element))
	{
		if (element.kind != MLS_OBJECT)
			return false;
		(*count)++;
	}
	return true;
}

/* Adds the elements of an array, whose number goes to *count; false, and none of them, if one is no object. */
bool
mls_nested_add_array(MlsNested *nested, const MlsSlice *array, int owner, int *count)
{
	const char *position = NULL;
	MlsSlice element;

	if (!holds_objects(array, count))
		return false;
	while (mls_array_next(array, &position, &element))
		mls_nested_add(nested, element.value, element.value_length, owner);
	return true;
}

/* Makes records of what was added; nothing can be added any more. */
void
mls_nested_read(MlsNested *nested, const char *purpose)
{
	StringInfo body = &nested->body;
	MlsPage *page;

	appendStringInfoString(body, "]}");
	enlargeStringInfo(body, PADDING);
	memset(body->data + body->len, 0, PADDING);
	page = mls_page_read(body->data, body->len, "value", purpose);
	if (page->nrecords != nested->nrecords)
		elog(ERROR, "%d nested records became %d", nested->nrecords, page->nrecords);
	nested->records = page->records;
}

/* A field with a text, as a record would hold it. */
static MlsSlice
text_field(const char *name, const char *text)
{
	StringInfoData json;
	MlsSlice slice;

	initStringInfo(&json);
	escape_json(&json, text);
	slice = mls_json_slice(json.data, json.len);
	slice.name = name;
	slice.name_length = strlen(name);
	return slice;
}

/* Gives a record a field it lacks or has as null; its bytes stay as they are. */
void
mls_record_supply(MlsRecord *record, const char *field, const char *text)
{
	MlsSlice *slices = palloc((record->nslices + 1) * sizeof(MlsSlice));
	int length = strlen(field);
	int i;

	memcpy(slices, record->slices, record->nslices * sizeof(MlsSlice));
	for (i = 0; i < record->nslices; i++)
		if (slices[i].name_length == length && memcmp(slices[i].name, field, length) == 0)
			break;
	if (i < record->nslices && slices[i].kind != MLS_NULL)
		return;
	slices[i] = text_field(field, text);
	record->slices = slices;
	record->nslices = Max(record->nslices, i + 1);
	record->shape = 0;
}
