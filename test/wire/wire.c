/*
 * wire.c
 *		The readers of RETS answers as a program: for tests and developers.
 *
 *	wire answer compact|xml [PIECE] [CHARSET]	reads an answer from standard input, in pieces
 *	wire codes									reads reply codes, prints their classes
 *	wire metadata [-v [-s]]						reads a GetMetadata answer; as rows, as a schema
 *	wire objects TYPE [HEADER...]				splits a GetObject answer of a content type
 */
#include "postgres.h"

#include "protocol/rets/rets_metadata.h"

#include "shim.h"

static FILE *out;

typedef struct Input
{
	char *bytes;
	Size length;
	int argc;
	char **argv;
} Input;

static const char *const repeated[] = {"AgentDetails", "Rooms/Room", "Phones/Phone", NULL};

static const char *const class_names[] = {
	[RETS_REPLY_OK] = "ok",
	[RETS_REPLY_TRUNCATED] = "truncated",
	[RETS_REPLY_EMPTY] = "empty",
	[RETS_REPLY_LATER] = "later",
	[RETS_REPLY_BUSY] = "busy",
	[RETS_REPLY_SESSION] = "session",
	[RETS_REPLY_SMALLER] = "smaller",
	[RETS_REPLY_CREDENTIALS] = "credentials",
	[RETS_REPLY_DENIED] = "denied",
	[RETS_REPLY_REQUEST] = "request",
	[RETS_REPLY_UNSUPPORTED] = "unsupported",
	[RETS_REPLY_FATAL] = "fatal",
};

static void
read_input(Input *input)
{
	Size capacity = 65536;
	Size got;

	input->bytes = malloc(capacity);
	input->length = 0;
	while ((got = fread(input->bytes + input->length, 1, capacity - input->length, stdin)) > 0)
	{
		input->length += got;
		if (input->length == capacity)
			input->bytes = realloc(input->bytes, capacity *= 2);
	}
}

static const char *
argument(const Input *input, int i, const char *otherwise)
{
	return i < input->argc ? input->argv[i] : otherwise;
}

static void
show_slices(const MlsRecord *record)
{
	for (int i = 0; i < record->nslices; i++)
		if (record->slices[i].value < record->json ||
			record->slices[i].value + record->slices[i].value_length >
				record->json + record->length)
			abort();
}

static void
show_page(MlsPage *page)
{
	if (page == NULL)
		return;
	for (int i = 0; i < page->nrecords; i++)
	{
		show_slices(&page->records[i]);
		fprintf(out, "%.*s\n", page->records[i].length, page->records[i].json);
	}
}

static void
bad_row(void *arg, const RetsBadRow *row)
{
	fprintf(out, "bad row " INT64_FORMAT ": %d values for %d columns: %.*s\n", row->number,
			row->nvalues, row->ncolumns, row->length, row->text);
}

static void
show_repairs(const MlsXmlRepairs *repairs)
{
	const struct
	{
		const char *name;
		int64 count;
	} all[] = {{"encoding", repairs->encoding},
			   {"controls", repairs->controls},
			   {"references", repairs->references},
			   {"ampersands", repairs->ampersands},
			   {"brackets", repairs->brackets},
			   {"quotes", repairs->quotes},
			   {"trailing", repairs->trailing}};

	for (int i = 0; i < lengthof(all); i++)
		if (all[i].count > 0)
			fprintf(out, "repaired: %s " INT64_FORMAT "\n", all[i].name, all[i].count);
}

static void
show_answer(const RetsAnswer *answer)
{
	RetsOutcome outcome = mls_rets_outcome(answer, false);

	fprintf(out, "reply %d: %s, \"%s\"%s\n", outcome.code, class_names[outcome.class], outcome.text,
			answer->status_code >= 0 ? " (by status)" : "");
	if (answer->count >= 0)
		fprintf(out, "count " INT64_FORMAT "\n", answer->count);
	if (answer->maxrows)
		fprintf(out, "maxrows\n");
	if (answer->ncolumns > 0)
		fprintf(out, "columns %d by %02X: first %s\n", answer->ncolumns, answer->delimiter,
				answer->columns[0]);
	fprintf(out, "records " INT64_FORMAT "\n", answer->records);
	if (answer->short_rows > 0)
		fprintf(out, "short rows " INT64_FORMAT "\n", answer->short_rows);
	if (answer->open_rows > 0)
		fprintf(out, "open rows " INT64_FORMAT "\n", answer->open_rows);
	if (answer->long_rows > 0)
		fprintf(out, "long rows " INT64_FORMAT "\n", answer->long_rows);
	show_repairs(&answer->repairs);
}

static void
show_pairs(const char *body)
{
	List *pairs = mls_rets_pairs(body);
	ListCell *lc;

	foreach (lc, pairs)
		fprintf(out, "%s=%s\n", ((RetsPair *) lfirst(lc))->key, ((RetsPair *) lfirst(lc))->value);
}

static void
read_answer(void *arg)
{
	Input *input = arg;
	bool is_compact = strcmp(argument(input, 2, "compact"), "compact") == 0;
	Size piece = atol(argument(input, 3, "1000000000"));
	RetsReaderOptions options = {.format = is_compact ? RETS_COMPACT : RETS_STANDARD_XML,
								 .purpose = "the answer",
								 .source = "test",
								 .charset = argument(input, 4, NULL),
								 .repeated = repeated,
								 .bad_row = getenv("WIRE_BAD_ROWS") ? bad_row : NULL};
	RetsReader *reader = mls_rets_reader(&options);

	for (Size at = 0; at < input->length; at += piece)
	{
		Size length = Min(piece, input->length - at);
		/* A copy of its own, so that a byte beyond it is noticed. */
		char *copy = memcpy(palloc(length), input->bytes + at, length);

		mls_rets_feed(reader, copy, length);
		pfree(copy);
		show_page(mls_rets_page(reader, 1));
	}
	mls_rets_finish(reader);
	show_page(mls_rets_page(reader, 1));
	show_answer(mls_rets_answer(reader));
	show_pairs(mls_rets_answer(reader)->body);
}

static void
read_codes(void *arg)
{
	int code;

	while (scanf("%d", &code) == 1)
	{
		RetsReplyClass class = mls_rets_reply_class(code, false);

		fprintf(out, "%d %s %s %s\n", code, class_names[class],
				mls_rets_is_error(class) ? "error" : "-",
				mls_rets_is_temporary(class) ? "temporary" : "-");
	}
}

static void
show_row(const RetsSegment *segment, const RetsMetadataRow *row)
{
	for (int i = 0; i < row->nvalues; i++)
		if (*row->values[i])
			fprintf(out, "  %s=%s", segment->columns[i], row->values[i]);
	fprintf(out, "\n");
}

static void
show_segment(const RetsSegment *segment, bool verbose)
{
	ListCell *lc;

	fprintf(out, "%s[", segment->type->name);
	for (int i = 0; i < lengthof(segment->path) && segment->type->path[i]; i++)
		fprintf(out, "%s%s=%s", i > 0 ? " " : "", segment->type->path[i], segment->path[i]);
	fprintf(out, "] cols=%d rows=%d\n", segment->ncolumns, list_length(segment->rows));
	if (!verbose)
		return;
	foreach (lc, segment->rows)
		show_row(segment, lfirst(lc));
}

static void
show_field(const MlsRemoteField *field, bool is_key)
{
	ListCell *lc;

	fprintf(out, "  %s %s oid=%u%s%s%s", field->name, field->type ? field->type : "-",
			field->pg_type, is_key ? " key" : "", field->natural ? " natural" : "",
			field->is_flags ? " flags" : "");
	if (field->lookup)
		fprintf(out, " lookup=%s", field->lookup);
	foreach (lc, field->members)
		fprintf(out, " [%s: %s]", ((MlsLookupValue *) lfirst(lc))->value,
				((MlsLookupValue *) lfirst(lc))->display);
	fprintf(out, "\n");
}

/* The metadata as resources and fields. */
static void
show_schema(const RetsMetadata *metadata, bool standard_names)
{
	const MlsRemoteSchema *schema = mls_rets_schema(metadata, standard_names);
	ListCell *lc;
	ListCell *cell;

	fprintf(out, "by %s names:\n", standard_names ? "standard" : "system");
	foreach (lc, schema->resources)
	{
		const MlsRemoteResource *resource = lfirst(lc);

		fprintf(out, " %s \"%s\"\n", resource->name,
				resource->description ? resource->description : "");
		foreach (cell, resource->fields)
		{
			const MlsRemoteField *field = lfirst(cell);

			show_field(field,
					   resource->key != NIL && strcmp(linitial(resource->key), field->name) == 0);
		}
	}
	foreach (lc, schema->findings)
		fprintf(out, "finding: %s\n", (char *) lfirst(lc));
}

static void
read_metadata(void *arg)
{
	Input *input = arg;
	RetsMetadata *metadata = mls_rets_metadata();
	RetsOutcome outcome =
		mls_rets_metadata_add(metadata, input->bytes, input->length, NULL, "the metadata", "test");
	ListCell *lc;

	fprintf(out, "reply %d: %s, \"%s\"\n", outcome.code, class_names[outcome.class], outcome.text);
	if (*metadata->system_id || *metadata->time_zone_offset)
		fprintf(out, "system \"%s\", \"%s\", zone \"%s\"\n", metadata->system_id,
				metadata->system_description, metadata->time_zone_offset);
	if (input->argc <= 3)
		foreach (lc, metadata->segments)
			show_segment(lfirst(lc), input->argc > 2);
	if (input->argc > 3)
	{
		show_schema(metadata, false);
		show_schema(metadata, true);
	}
	else
	{
		foreach (lc, metadata->findings)
			fprintf(out, "finding: %s\n", (char *) lfirst(lc));
	}
	show_repairs(&metadata->repairs);
}

/* A sum over the bytes, so that a wrong end shows. */
static uint32
adler32(const char *bytes, Size length)
{
	uint32 a = 1;
	uint32 b = 0;

	for (Size i = 0; i < length; i++)
	{
		a = (a + (unsigned char) bytes[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static void
read_objects(void *arg)
{
	Input *input = arg;
	List *headers = NIL;
	List *objects;
	ListCell *lc;

	for (int i = 3; i < input->argc; i++)
		headers = lappend(headers, input->argv[i]);
	objects = mls_rets_split_objects(argument(input, 2, ""), headers, input->bytes, input->length,
									 "the objects", "test");
	foreach (lc, objects)
	{
		const RetsObject *object = lfirst(lc);

		fprintf(out, "%s|%s|%s|%s|%s|%d|%d|%s|%zu|%08x\n", object->content_id, object->object_id,
				object->content_type, object->description ? object->description : "",
				object->location ? object->location : "", object->preferred, object->code,
				object->text, object->length, adler32(object->bytes, object->length));
	}
}

static const struct
{
	const char *name;
	void (*run)(void *arg);
	bool reads;
} commands[] = {
	{"answer", read_answer, true},
	{"codes", read_codes, false},
	{"metadata", read_metadata, true},
	{"objects", read_objects, true},
};

int
main(int argc, char **argv)
{
	Input input = {.argc = argc, .argv = argv};
	const char *error = NULL;
	char *text = NULL;
	size_t length;

	for (int i = 0; i < lengthof(commands); i++)
		if (argc > 1 && strcmp(argv[1], commands[i].name) == 0)
		{
			if (commands[i].reads)
				read_input(&input);
			/* What was read before an error does not count. */
			out = open_memstream(&text, &length);
			error = wire_run(commands[i].run, &input);
			fclose(out);
			if (error)
				printf("error: %s\n", error);
			else
				fwrite(text, 1, length, stdout);
			free(text);
			free(input.bytes);
			return 0;
		}
	fprintf(stderr, "usage: wire answer|codes|metadata|objects ...\n");
	return 2;
}
