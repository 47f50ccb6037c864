/*
 * rets_metadata.c
 *		METADATA-* documents as rows of names and values.
 *
 * Both formats say the same.  COMPACT has lines of values in flat segments;
 * STANDARD-XML has an element for each row, with segments of deeper types in it:
 *
 *		<METADATA-CLASS Resource="Property">
 *		  <COLUMNS>	ClassName	...</COLUMNS>          <Class><ClassName>RES</ClassName>...
 *		  <DATA>	RES	...</DATA>                     <METADATA-TABLE>...</METADATA-TABLE></Class>
 *		</METADATA-CLASS>
 *
 * Names are compared without regard to case, columns come in any order.  Types
 * that are not known are skipped with all that is in them.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "protocol/rets/rets_metadata.h"
#include "protocol/rets/rets_reader.h"

/* Types nest four deep in the standard. */
#define MAX_OPEN 8

/* Columns of one type; the longest in the standard has thirty, some add their own. */
#define MAX_COLUMNS 500

/* So many findings say enough. */
#define MAX_FINDINGS 100

/* A name of the source's in a finding. */
#define MAX_SHOWN 60

static const RetsMetadataType types[] = {
	{"SYSTEM", NULL, {NULL}, NULL, {NULL}},
	{"RESOURCE", NULL, {NULL}, "ResourceID", {"Resource"}},
	{"FOREIGN_KEYS", "FOREIGNKEYS", {NULL}, "ForeignKeyID", {"ForeignKey", "ForeignKeys"}},
	{"CLASS", NULL, {"Resource"}, "ClassName", {"Class"}},
	{"TABLE", NULL, {"Resource", "Class"}, "SystemName", {"Field"}},
	{"UPDATE", NULL, {"Resource", "Class"}, "UpdateName", {"UpdateKind", "Update"}},
	{"UPDATE_TYPE", NULL, {"Resource", "Class", "Update"}, NULL, {"UpdateField", "UpdateType"}},
	{"OBJECT", NULL, {"Resource"}, "ObjectType", {"Object"}},
	{"LOOKUP", NULL, {"Resource"}, "LookupName", {"Lookup", "LookupType"}},
	{"LOOKUP_TYPE", NULL, {"Resource", "Lookup"}, "Value", {"LookupType", "Lookup", "LookupValue"}},
	{"SEARCH_HELP", NULL, {"Resource"}, "SearchHelpID", {"SearchHelp"}},
	{"EDITMASK", "EDIT_MASK", {"Resource"}, "EditMaskID", {"EditMask"}},
	{"UPDATE_HELP", NULL, {"Resource"}, "UpdateHelpID", {"UpdateHelp"}},
	{"VALIDATION_LOOKUP", NULL, {"Resource"}, "ValidationLookupName", {"ValidationLookup"}},
	{"VALIDATION_LOOKUP_TYPE",
	 NULL,
	 {"Resource", "ValidationLookup"},
	 NULL,
	 {"ValidationLookupType", "ValidationLookup"}},
	{"VALIDATION_EXPRESSION",
	 NULL,
	 {"Resource"},
	 "ValidationExpressionID",
	 {"ValidationExpression"}},
	{"VALIDATION_EXTERNAL", NULL, {"Resource"}, "ValidationExternalName", {"ValidationExternal"}},
	{"VALIDATION_EXTERNAL_TYPE",
	 NULL,
	 {"Resource", "ValidationExternalName"},
	 NULL,
	 {"ValidationExternalType", "ValidationExternal"}},
};

/* A segment that is open: in STANDARD-XML they nest. */
typedef struct OpenSegment
{
	RetsSegment *segment;
	int depth;
	int row_depth; /* of the row's element that is open, or 0 */
	RetsColumns columns;
	bool has_columns;
	const char **values; /* of the row, MAX_COLUMNS of them */
	const char *row_key; /* of the row, for the segments in it */
} OpenSegment;

typedef struct MetadataReader
{
	RetsMetadata *metadata;
	MemoryContext context; /* of the metadata */
	MemoryContext reading; /* of the document that is read */
	RetsReader *reader;
	OpenSegment open[MAX_OPEN];
	int nopen;
	int skipped_depth;   /* of an element that is skipped, or 0 */
	char line;           /* 'C' or 'D': in COLUMNS or DATA */
	StringInfoData text; /* of the innermost element */
} MetadataReader;

/* ---- findings ---- */

static const char *
shown(const char *text)
{
	return pnstrdup(text, pg_mbcliplen(text, strlen(text), MAX_SHOWN));
}

static void
add_finding(MetadataReader *state, char *finding)
{
	MemoryContext old = MemoryContextSwitchTo(state->context);

	if (list_length(state->metadata->findings) < MAX_FINDINGS)
		state->metadata->findings = lappend(state->metadata->findings, pstrdup(finding));
	MemoryContextSwitchTo(old);
}

/* ---- values ---- */

/* A copy in the metadata's context, without blanks around it. */
static const char *
keep(MetadataReader *state, const char *text, Size length)
{
	while (length > 0 && isspace((unsigned char) *text))
	{
		text++;
		length--;
	}
	while (length > 0 && isspace((unsigned char) text[length - 1]))
		length--;
	if (length == 0)
		return "";
	return memcpy(MemoryContextAllocZero(state->context, length + 1), text, length);
}

static const char *
keep_string(MetadataReader *state, const char *text)
{
	return text ? keep(state, text, strlen(text)) : "";
}

static OpenSegment *
innermost(MetadataReader *state)
{
	return state->nopen > 0 ? &state->open[state->nopen - 1] : NULL;
}

/* ---- segments ---- */

static const RetsMetadataType *
find_type(const char *element)
{
	const char *name = element + strlen("METADATA-");

	for (int i = 0; i < lengthof(types); i++)
		if (pg_strcasecmp(types[i].name, name) == 0 ||
			(types[i].other_name && pg_strcasecmp(types[i].other_name, name) == 0))
			return &types[i];
	return NULL;
}

/* What names a parent: the segment's attribute, or the row it stands in. */
static const char *
parent_name(MetadataReader *state, const MlsXmlEvent *event, const OpenSegment *outer,
			const RetsMetadataType *type, int level)
{
	const char *given = mls_xml_event_attribute(event, type->path[level]);

	if (given && *given)
		return keep_string(state, given);
	if (outer == NULL)
		return "";
	if (level < lengthof(type->path) && outer->segment->type->path[level])
		return outer->segment->path[level];
	return outer->row_key ? outer->row_key : "";
}

static void
begin_segment(MetadataReader *state, const MlsXmlEvent *event)
{
	const RetsMetadataType *type = find_type(event->name);
	const OpenSegment *outer = innermost(state);
	MemoryContext old;
	RetsSegment *segment;
	OpenSegment *open;

	if (type == NULL || state->nopen == MAX_OPEN)
	{
		add_finding(state, psprintf("metadata of type \"%s\" is left out", shown(event->name)));
		state->skipped_depth = event->depth;
		return;
	}
	old = MemoryContextSwitchTo(state->context);
	segment = palloc0(sizeof(RetsSegment));
	segment->type = type;
	for (int i = 0; i < lengthof(segment->path); i++)
		segment->path[i] = type->path[i] ? parent_name(state, event, outer, type, i) : "";
	segment->version = keep_string(state, mls_xml_event_attribute(event, "Version"));
	segment->date = keep_string(state, mls_xml_event_attribute(event, "Date"));
	segment->columns = palloc(MAX_COLUMNS * sizeof(char *));
	state->metadata->segments = lappend(state->metadata->segments, segment);
	MemoryContextSwitchTo(old);
	open = &state->open[state->nopen++];
	memset(open, 0, sizeof(*open));
	open->segment = segment;
	open->depth = event->depth;
}

/* The columns array was as large as it could become. */
static void
end_segment(MetadataReader *state)
{
	RetsSegment *segment = innermost(state)->segment;

	segment->columns = repalloc(segment->columns, Max(segment->ncolumns, 1) * sizeof(char *));
	state->nopen--;
}

static void
add_row(MetadataReader *state, RetsSegment *segment, const char **values, int nvalues)
{
	MemoryContext old = MemoryContextSwitchTo(state->context);
	RetsMetadataRow *row = palloc(sizeof(RetsMetadataRow));

	row->nvalues = nvalues;
	row->values = palloc(Max(nvalues, 1) * sizeof(char *));
	memcpy(row->values, values, nvalues * sizeof(char *));
	segment->rows = lappend(segment->rows, row);
	MemoryContextSwitchTo(old);
}

/* ---- COMPACT ---- */

static void
read_columns(MetadataReader *state, OpenSegment *open, const char *text, Size length)
{
	MemoryContext old;

	old = MemoryContextSwitchTo(state->context);
	mls_rets_split_columns(&open->columns, text, length, '\t');
	MemoryContextSwitchTo(old);
	if (open->columns.ncolumns > MAX_COLUMNS)
		mls_rets_fail(state->reader, psprintf("A type has more than %d columns.", MAX_COLUMNS));
	open->segment->ncolumns = open->columns.ncolumns;
	memcpy(open->segment->columns, open->columns.names, open->columns.ncolumns * sizeof(char *));
	open->has_columns = true;
}

static void
note_row(MetadataReader *state, const OpenSegment *open, int nvalues, const char *consequence)
{
	add_finding(state,
				psprintf("row %d of type \"%s\" has %s for %s; %s",
						 list_length(open->segment->rows) + 1, open->segment->type->name,
						 mls_counted(nvalues, "value", "values"),
						 mls_counted(open->columns.ncolumns, "column", "columns"), consequence));
}

static void
read_row(MetadataReader *state, OpenSegment *open, const char *text, Size length)
{
	RetsValue *values = palloc(MAX_COLUMNS * sizeof(RetsValue));
	const char **kept = palloc(MAX_COLUMNS * sizeof(char *));
	RetsRowForm form;
	int nvalues;

	if (!open->has_columns)
		mls_rets_fail(state->reader, "A row came before the names of the columns.");
	form = mls_rets_split_row(&open->columns, text, length, values, &nvalues);
	if (form == RETS_ROW_BLANK)
		return;
	if (form == RETS_ROW_BAD)
	{
		note_row(state, open, nvalues, "it is left out");
		return;
	}
	/* The last columns of a type are additions to it: an older row without them is met. */
	if (form == RETS_ROW_CLOSED)
		note_row(state, open, nvalues, "the last ones are taken as empty");
	for (int i = 0; i < open->columns.ncolumns; i++)
		kept[i] = keep(state, values[i].text, values[i].length);
	add_row(state, open->segment, kept, open->columns.ncolumns);
}

/* ---- STANDARD-XML ---- */

static bool
is_row_element(const RetsMetadataType *type, const char *name)
{
	for (int i = 0; i < lengthof(type->elements) && type->elements[i]; i++)
		if (pg_strcasecmp(type->elements[i], name) == 0)
			return true;
	return false;
}

/* Place of a column, which is added if it is new; -1 if there are too many. */
static int
column_place(MetadataReader *state, RetsSegment *segment, const char *name)
{
	for (int i = 0; i < segment->ncolumns; i++)
		if (pg_strcasecmp(segment->columns[i], name) == 0)
			return i;
	if (segment->ncolumns == MAX_COLUMNS)
		mls_rets_fail(state->reader, psprintf("A type has more than %d columns.", MAX_COLUMNS));
	segment->columns[segment->ncolumns] = keep_string(state, name);
	return segment->ncolumns++;
}

static void
set_value(MetadataReader *state, OpenSegment *open, const char *name, const char *value)
{
	const char *key = open->segment->type->key;

	open->values[column_place(state, open->segment, name)] = value;
	if (key && pg_strcasecmp(key, name) == 0)
		open->row_key = value;
}

static void
begin_row(MetadataReader *state, OpenSegment *open, const MlsXmlEvent *event)
{
	open->row_depth = event->depth;
	open->row_key = NULL;
	if (open->values == NULL)
		open->values = MemoryContextAlloc(state->reading, MAX_COLUMNS * sizeof(char *));
	for (int i = 0; i < MAX_COLUMNS; i++)
		open->values[i] = "";
	for (int i = 0; i < event->nattributes; i++)
		set_value(state, open, event->attributes[i].name,
				  keep_string(state, event->attributes[i].value));
}

/* ---- METADATA-SYSTEM: one row of its own shape ---- */

static void
set_system(RetsMetadata *metadata, const char *name, const char *value)
{
	const struct
	{
		const char *name;
		const char **place;
	} members[] = {{"SystemID", &metadata->system_id},
				   {"SystemDescription", &metadata->system_description},
				   {"TimeZoneOffset", &metadata->time_zone_offset},
				   {"Comments", &metadata->comments}};

	for (int i = 0; i < lengthof(members); i++)
		if (pg_strcasecmp(members[i].name, name) == 0 && *value)
			*members[i].place = value;
}

static void
start_system(MetadataReader *state, const MlsXmlEvent *event)
{
	const RetsSegment *segment = innermost(state)->segment;

	state->metadata->version = segment->version;
	state->metadata->date = segment->date;
	for (int i = 0; i < event->nattributes; i++)
		set_system(state->metadata, event->attributes[i].name,
				   keep_string(state, event->attributes[i].value));
}

/* ---- events ---- */

static void
take_start(MetadataReader *state, const MlsXmlEvent *event)
{
	OpenSegment *open = innermost(state);

	resetStringInfo(&state->text);
	state->line = '\0';
	if (pg_strncasecmp(event->name, "METADATA-", 9) == 0)
		begin_segment(state, event);
	else if (open == NULL)
		return;
	else if (pg_strcasecmp(open->segment->type->name, "SYSTEM") == 0)
		start_system(state, event);
	else if (open->row_depth == 0 && pg_strcasecmp(event->name, "COLUMNS") == 0)
		state->line = 'C';
	else if (open->row_depth == 0 && pg_strcasecmp(event->name, "DATA") == 0)
		state->line = 'D';
	else if (open->row_depth == 0 && is_row_element(open->segment->type, event->name))
		begin_row(state, open, event);
}

static void
end_row(MetadataReader *state, OpenSegment *open)
{
	add_row(state, open->segment, open->values, open->segment->ncolumns);
	open->row_depth = 0;
	open->row_key = NULL;
}

/* The end of an element within a segment. */
static void
end_element(MetadataReader *state, OpenSegment *open, const MlsXmlEvent *event)
{
	if (state->line == 'C')
		read_columns(state, open, state->text.data, state->text.len);
	else if (state->line == 'D')
		read_row(state, open, state->text.data, state->text.len);
	else if (open->row_depth == event->depth)
		end_row(state, open);
	else if (open->row_depth > 0 && open->row_depth == event->depth - 1)
		set_value(state, open, event->name, keep(state, state->text.data, state->text.len));
	else if (pg_strcasecmp(open->segment->type->name, "SYSTEM") == 0 && state->text.len > 0)
		set_system(state->metadata, event->name, keep(state, state->text.data, state->text.len));
	resetStringInfo(&state->text);
}

static void
take_end(MetadataReader *state, const MlsXmlEvent *event)
{
	OpenSegment *open = innermost(state);

	if (open == NULL)
		return;
	if (open->depth == event->depth)
		end_segment(state);
	else
		end_element(state, open, event);
	state->line = '\0';
}

/* RetsReaderOptions.take */
static void
take_event(void *arg, const MlsXmlEvent *event)
{
	MetadataReader *state = arg;

	if (state->skipped_depth > 0)
	{
		if (event->kind == MLS_XML_END && event->depth == state->skipped_depth)
			state->skipped_depth = 0;
		return;
	}
	switch (event->kind)
	{
		case MLS_XML_START:
			take_start(state, event);
			break;
		case MLS_XML_TEXT:
			if (state->nopen > 0)
				appendBinaryStringInfo(&state->text, event->text, (int) event->length);
			break;
		case MLS_XML_END:
			take_end(state, event);
			break;
	}
}

/* ---- the outside ---- */

RetsMetadata *
mls_rets_metadata(void)
{
	RetsMetadata *metadata = palloc0(sizeof(RetsMetadata));

	metadata->system_id = metadata->system_description = metadata->time_zone_offset = "";
	metadata->comments = metadata->version = metadata->date = "";
	return metadata;
}

RetsOutcome
mls_rets_metadata_add(RetsMetadata *metadata, const char *text, Size length, const char *charset,
					  const char *purpose, const char *source)
{
	MemoryContext reading =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw metadata", ALLOCSET_DEFAULT_SIZES);
	MetadataReader state = {
		.metadata = metadata, .context = CurrentMemoryContext, .reading = reading};
	RetsReaderOptions options = {.format = RETS_METADATA,
								 .purpose = purpose,
								 .source = source,
								 .charset = charset,
								 .take = take_event,
								 .take_arg = &state};
	MemoryContext old = MemoryContextSwitchTo(reading);
	RetsReader *reader = state.reader = mls_rets_reader(&options);
	RetsOutcome outcome;

	initStringInfo(&state.text);
	MemoryContextSwitchTo(old);
	mls_rets_feed(reader, text, length);
	mls_rets_finish(reader);
	outcome = mls_rets_outcome(mls_rets_answer(reader), false);
	mls_xml_repairs_add(&metadata->repairs, &mls_rets_answer(reader)->repairs);
	MemoryContextDelete(reading);
	return outcome;
}

const char *
mls_rets_metadata_value(const RetsSegment *segment, const RetsMetadataRow *row, const char *column)
{
	for (int i = 0; i < row->nvalues; i++)
		if (pg_strcasecmp(segment->columns[i], column) == 0)
			return row->values[i];
	return "";
}

List *
mls_rets_segments(const RetsMetadata *metadata, const char *type, const char *first,
				  const char *second)
{
	List *found = NIL;
	ListCell *lc;

	foreach (lc, metadata->segments)
	{
		RetsSegment *segment = lfirst(lc);

		if (strcmp(segment->type->name, type) == 0 &&
			(first == NULL || strcmp(segment->path[0], first) == 0) &&
			(second == NULL || strcmp(segment->path[1], second) == 0))
			found = lappend(found, segment);
	}
	return found;
}
