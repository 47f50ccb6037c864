/*
 * row_json.c
 *		Rows of a view as JSON: what is sent as documents, records and lines.
 *
 * A batch that is told to somebody has one of three shapes: lines, of which each puts a record
 * or deletes one, and which say where a load begins and ends; a document of the RESO Common
 * Format (RCP-25), in which what is gone is marked as OData marks it among changes; or
 * EntityEvents (RCP-28), which name keys only.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "publish/row_json.h"

char *
mls_row_json_value(const MlsPublishColumn *column)
{
	const char *name = quote_identifier(column->name);

	if (column->is_key)
		return psprintf("v.%s::pg_catalog.text", name);
	if (column->type == BYTEAOID)
		return psprintf("pg_catalog.to_jsonb(pg_catalog.encode(v.%s, 'base64'))::pg_catalog.text",
						name);
	return psprintf("pg_catalog.to_jsonb(v.%s)::pg_catalog.text", name);
}

void
mls_row_json_append(StringInfo json, const MlsPublication *publication, char **row)
{
	ListCell *lc;

	foreach (lc, publication->columns)
	{
		const MlsPublishColumn *column = lfirst(lc);
		const char *value = row[foreach_current_index(lc)];

		if (value == NULL)
			continue;
		if (json->data[json->len - 1] != '{')
			appendStringInfoChar(json, ',');
		escape_json(json, column->there);
		appendStringInfoChar(json, ':');
		if (column->is_key)
			escape_json(json, value);
		else
			appendStringInfoString(json, value);
	}
}

void
mls_row_json_describe(MlsPublishColumn *column)
{
	column->value = mls_row_json_value(column);
	if (column->type_there == NULL)
		column->type_there = "json";
}

const char *
mls_row_json_key_problem(const char *key)
{
	return key[0] == '\0' ? "its key is empty" : NULL;
}

/* At the end of a load there is nothing to look through; to verify is another matter. */
List *
mls_row_json_rows(MlsTarget *target, const MlsPublication *publication, const char *after, int most,
				  bool hashed)
{
	if (hashed)
		ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("what is at destination \"%s\" cannot be compared", target->source->name),
				errdetail("It is told of changes, and nobody knows what it has."));
	return NIL;
}

/* Nobody keeps what was told; lines say instead where a load begins and ends. */
const char *
mls_row_json_load_lacks(const MlsSource *source)
{
	return source->shape == MLS_SHAPE_LINES ? NULL
											: "a load was told in a shape that does not say where "
											  "it begins and ends: of records "
											  "that the view has ceased to show since nobody heard";
}

/* ---- Lines ---- */

/* A load has begun, or is over: what was not put in between is to go. */
static void
append_mark(StringInfo lines, const char *mark, int64 position)
{
	appendStringInfo(lines, "{\"op\":\"%s\",\"position\":" INT64_FORMAT "}\n", mark, position);
}

static char *
lines_of(const MlsPublication *publication, const MlsTargetBatch *batch)
{
	const MlsTargetPosition *to = batch->move;
	StringInfoData lines;
	ListCell *lc;

	initStringInfo(&lines);
	if (to != NULL && to->loading && to->load_after == NULL)
		append_mark(&lines, "begin", to->position);
	foreach (lc, batch->gone)
	{
		appendStringInfoString(&lines, "{\"op\":\"delete\",\"key\":");
		escape_json(&lines, lfirst(lc));
		appendStringInfoString(&lines, "}\n");
	}
	foreach (lc, batch->rows)
	{
		char **row = lfirst(lc);

		appendStringInfoString(&lines, "{\"op\":\"put\",\"key\":");
		escape_json(&lines, row[publication->key_column]);
		appendStringInfoString(&lines, ",\"record\":{");
		mls_row_json_append(&lines, publication, row);
		appendStringInfoString(&lines, "}}\n");
	}
	if (to != NULL && !to->loading && batch->from->loading)
		append_mark(&lines, "end", to->position);
	return lines.len > 0 ? lines.data : NULL;
}

/* ---- Documents of RESO ---- */

static void
begin_document(StringInfo json, const char *resource)
{
	char *name = pstrdup(resource);

	for (char *at = name; *at; at++)
		*at = pg_ascii_tolower((unsigned char) *at);
	initStringInfo(json);
	appendStringInfo(json, "{\"@reso.context\":\"urn:reso:metadata:2.0:resource:%s\",\"value\":[",
					 name);
}

/* Before the next element. */
static void
separate(StringInfo json)
{
	if (json->data[json->len - 1] != '[')
		appendStringInfoChar(json, ',');
}

static char *
reso_of(const MlsPublication *publication, const MlsTargetBatch *batch)
{
	const MlsPublishColumn *key = list_nth(publication->columns, publication->key_column);
	StringInfoData json;
	ListCell *lc;

	begin_document(&json, publication->resource);
	foreach (lc, batch->gone)
	{
		separate(&json);
		appendStringInfoString(&json, "{\"@removed\":{\"reason\":\"deleted\"},");
		escape_json(&json, key->there);
		appendStringInfoChar(&json, ':');
		escape_json(&json, lfirst(lc));
		appendStringInfoChar(&json, '}');
	}
	foreach (lc, batch->rows)
	{
		separate(&json);
		appendStringInfoChar(&json, '{');
		mls_row_json_append(&json, publication, lfirst(lc));
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoString(&json, "]}");
	return json.data;
}

/* Numbers that rise, whatever ends a run in between, and of which none comes twice: the time. */
static int64
next_number(void)
{
	static int64 last = 0;
	int64 now =
		GetCurrentTimestamp() + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * INT64CONST(86400000000);

	last = Max(now, last + 1);
	return last;
}

static void
append_event(StringInfo json, const MlsPublication *publication, const char *key)
{
	separate(json);
	appendStringInfo(json,
					 "{\"EntityEventSequence\":" INT64_FORMAT ",\"ResourceName\":", next_number());
	escape_json(json, publication->resource);
	appendStringInfoString(json, ",\"ResourceRecordKey\":");
	escape_json(json, key);
	appendStringInfoChar(json, '}');
}

static char *
events_of(const MlsPublication *publication, const MlsTargetBatch *batch)
{
	StringInfoData json;
	ListCell *lc;

	begin_document(&json, "EntityEvent");
	foreach (lc, batch->gone)
		append_event(&json, publication, lfirst(lc));
	foreach (lc, batch->rows)
		append_event(&json, publication, ((char **) lfirst(lc))[publication->key_column]);
	appendStringInfoString(&json, "]}");
	return json.data;
}

char *
mls_row_json_batch(MlsShape shape, const MlsPublication *publication, const MlsTargetBatch *batch)
{
	if (shape == MLS_SHAPE_LINES)
		return lines_of(publication, batch);
	if (batch->rows == NIL && batch->gone == NIL)
		return NULL;
	return shape == MLS_SHAPE_RESO ? reso_of(publication, batch) : events_of(publication, batch);
}

const char *
mls_row_json_type(MlsShape shape)
{
	return shape == MLS_SHAPE_LINES ? "application/x-ndjson" : "application/json";
}
