/*
 * rets_lookup.c
 *		What the codes of lookups mean: beside the values in records, and back in
 *		queries.
 *
 * A column with the option lookup has codes at the source.  The values of the
 * lookups of a resource are asked for once by a process, when a table first needs
 * them, and again when they have grown old.  What is no known code stays what it is.
 *
 * A LookupMulti is a list of codes.  Where the source decodes by itself, it is a
 * list of meanings, which may hold the comma that separates them: there the
 * longest known meaning is taken first.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/name_list.h"
#include "protocol/rets/rets.h"

/* Seconds after which a process asks again. */
#define MAX_AGE_S 3600

/* So many values that no lookup has are remembered per stream; a feed without lookups has millions. */
#define MAX_UNKNOWN 100

/* No known meaning holds more commas than this. */
#define MAX_COMMAS 4

typedef struct Value
{
	const char *code;    /* hash key of `codes` */
	const char *meaning; /* or NULL */
} Value;

typedef struct Lookup
{
	const char *name; /* hash key */
	HTAB *codes;      /* Value by code */
	HTAB *meanings;   /* Meaning by text */
	bool has_commas;  /* in a meaning */
} Lookup;

typedef struct Meaning
{
	const char *text; /* hash key */
	List *codes;      /* of char * */
} Meaning;

/* The lookups of a resource, as a process knows them. */
typedef struct Known
{
	MemoryContext context;
	Oid server_id;
	Oid mapping_id;
	const char *resource; /* without its class */
	const char *url;
	TimestampTz read_at;
	HTAB *lookups; /* Lookup by name */
	int users;     /* decoders that look into it */
	bool replaced; /* by what was read later: goes with its last user */
} Known;

static List *all_known = NIL; /* of Known *, in TopMemoryContext */

/* ---- names as hash keys ---- */

static uint32
hash_pointer_text(const void *key, Size size)
{
	const char *text = *(const char *const *) key;

	return hash_bytes((const unsigned char *) text, strlen(text));
}

static int
match_pointer_text(const void *a, const void *b, Size size)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static HTAB *
make_table(const char *name, Size entry, MemoryContext context)
{
	HASHCTL control = {.keysize = sizeof(char *),
					   .entrysize = entry,
					   .hash = hash_pointer_text,
					   .match = match_pointer_text,
					   .hcxt = context};

	return hash_create(name, 64, &control, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

/* ---- what is known ---- */

static void
add_value(Lookup *lookup, MemoryContext context, const char *code, const char *meaning)
{
	Value *value;
	Meaning *entry;
	bool found;

	value = hash_search(lookup->codes, &code, HASH_ENTER, &found);
	if (found)
		return;
	value->meaning = *meaning ? meaning : NULL;
	if (*meaning == '\0')
		return;
	entry = hash_search(lookup->meanings, &meaning, HASH_ENTER, &found);
	if (!found)
		entry->codes = NIL;
	entry->codes = lappend(entry->codes, (char *) code);
	lookup->has_commas = lookup->has_commas || strchr(meaning, ',') != NULL;
}

static Lookup *
get_lookup(Known *known, const char *name)
{
	bool found;
	Lookup *lookup = hash_search(known->lookups, &name, HASH_ENTER, &found);

	if (!found)
	{
		lookup->codes = make_table("mls_fdw codes", sizeof(Value), known->context);
		lookup->meanings = make_table("mls_fdw meanings", sizeof(Meaning), known->context);
		lookup->has_commas = false;
	}
	return lookup;
}

/* The metadata lives in the context of what is made of it. */
static void
learn(Known *known, const RetsMetadata *metadata)
{
	ListCell *lc;
	ListCell *cell;

	known->lookups = make_table("mls_fdw lookups", sizeof(Lookup), known->context);
	foreach (lc, mls_rets_segments(metadata, "LOOKUP_TYPE", known->resource, NULL))
	{
		const RetsSegment *segment = lfirst(lc);
		Lookup *lookup = get_lookup(known, segment->path[1]);

		foreach (cell, segment->rows)
		{
			const RetsMetadataRow *row = lfirst(cell);
			const char *code = mls_rets_metadata_value(segment, row, "Value");
			const char *meaning = mls_rets_metadata_value(segment, row, "LongValue");

			if (*meaning == '\0')
				meaning = mls_rets_metadata_value(segment, row, "ShortValue");
			if (*code)
				add_value(lookup, known->context, code, meaning);
		}
	}
}

static const char *
resource_of(const MlsTable *table)
{
	return pnstrdup(table->resource, strcspn(table->resource, ":"));
}

static Known *
find_known(const MlsTable *table)
{
	const MlsHttpSource *http = &table->source->http;
	const char *resource = resource_of(table);
	ListCell *lc;

	foreach (lc, all_known)
	{
		Known *known = lfirst(lc);

		if (known->server_id == http->server_id && known->mapping_id == http->mapping_id &&
			strcmp(known->resource, resource) == 0 && strcmp(known->url, http->url) == 0)
			return known;
	}
	return NULL;
}

bool
mls_rets_decodes(const MlsTable *table, const MlsColumn *column)
{
	const MlsPlatform *platform = &table->source->platform;

	if (column->lookup == NULL || column->field == NULL || platform->format == MLS_FORMAT_XML ||
		platform->lookups != MLS_LOOKUPS_DECODED)
		return false;
	return platform->format == MLS_FORMAT_COMPACT || column->type == TEXTARRAYOID;
}

static bool
is_selected(const MlsQuery *query, const char *field)
{
	return query->fields == NIL || mls_is_listed(query->fields, field) ||
		   mls_is_listed(query->fields, "*");
}

/* Conditions on what is decoded are rechecked, so their columns are selected. */
static bool
decodes_any(const MlsQuery *query)
{
	const MlsTable *table = query->table;

	for (int i = 0; i < table->ncolumns; i++)
		if (mls_rets_decodes(table, &table->columns[i]) &&
			is_selected(query, table->columns[i].field))
			return true;
	return false;
}

/* Puts what was read in the place of what was known before. */
static void
remember(Known *known, Known *before)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	MemoryContextSetParent(known->context, TopMemoryContext);
	all_known = lappend(all_known, known);
	MemoryContextSwitchTo(old);
	if (before == NULL)
		return;
	all_known = list_delete_ptr(all_known, before);
	before->replaced = true;
	if (before->users == 0)
		MemoryContextDelete(before->context);
}

void
mls_rets_learn_lookups(const MlsQuery *query, MlsHttpStats *stats)
{
	const MlsTable *table = query->table;
	Known *before = find_known(table);
	TimestampTz now = GetCurrentTimestamp();
	MemoryContext context;
	MemoryContext old;
	Known *known;

	if (!decodes_any(query) ||
		(before && !TimestampDifferenceExceeds(before->read_at, now, MAX_AGE_S * 1000)))
		return;
	context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw RETS lookups", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	known = palloc0(sizeof(Known));
	known->context = context;
	known->server_id = table->source->http.server_id;
	known->mapping_id = table->source->http.mapping_id;
	known->resource = resource_of(table);
	known->url = pstrdup(table->source->http.url);
	known->read_at = now;
	learn(known, mls_rets_fetch_lookups(table, known->resource, stats));
	MemoryContextSwitchTo(old);
	remember(known, before);
}

static const Lookup *
find_lookup(const Known *known, const MlsColumn *column)
{
	return known ? hash_search(known->lookups, &column->lookup, HASH_FIND, NULL) : NULL;
}

/* ---- back in queries ---- */

List *
mls_rets_codes(const MlsTable *table, const MlsColumn *column, const char *text)
{
	const Lookup *lookup = find_lookup(find_known(table), column);
	const Meaning *meaning = lookup ? hash_search(lookup->meanings, &text, HASH_FIND, NULL) : NULL;
	const Value *value = lookup ? hash_search(lookup->codes, &text, HASH_FIND, NULL) : NULL;
	List *codes = meaning ? list_copy(meaning->codes) : NIL;

	/* What has no meaning is shown as it is. */
	if (codes == NIL || (value && value->meaning == NULL))
		codes = lappend(codes, (char *) text);
	return codes;
}

/* ---- in records ---- */

struct RetsDecoder
{
	const MlsTable *table;
	MlsStream *stream;
	MemoryContext context; /* of the stream */
	Known *known;
	bool begun;                /* the answer that is read */
	const MlsColumn **columns; /* by place in the answer; NULL where nothing is decoded */
	const Lookup **lookups;
	HTAB *unknown; /* of char *, "field=value" */
};

static void
let_go(void *arg)
{
	Known *known = arg;

	if (--known->users == 0 && known->replaced)
		MemoryContextDelete(known->context);
}

RetsDecoder *
mls_rets_decoder(MlsStream *stream)
{
	const MlsTable *table = stream->query->table;
	Known *known = find_known(table);
	RetsDecoder *decoder;
	MemoryContextCallback *callback;

	if (known == NULL || !decodes_any(stream->query))
		return NULL;
	decoder = palloc0(sizeof(RetsDecoder));
	decoder->table = table;
	decoder->stream = stream;
	decoder->context = CurrentMemoryContext;
	decoder->known = known;
	callback = palloc(sizeof(MemoryContextCallback));
	callback->func = let_go;
	callback->arg = known;
	known->users++;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return decoder;
}

void
mls_rets_decoder_reset(RetsDecoder *decoder)
{
	decoder->begun = false;
}

/* Meanings in a list that the source decodes need no help unless they hold commas. */
static bool
needs_decoding(const RetsDecoder *decoder, const Lookup *lookup)
{
	if (lookup == NULL)
		return false;
	return decoder->table->source->platform.format == MLS_FORMAT_COMPACT || lookup->has_commas;
}

/* In the context of the answer. */
static void
begin_answer(RetsDecoder *decoder, const RetsAnswer *answer)
{
	const MlsTable *table = decoder->table;

	decoder->columns = palloc0(answer->ncolumns * sizeof(void *));
	decoder->lookups = palloc0(answer->ncolumns * sizeof(void *));
	for (int i = 0; i < answer->ncolumns; i++)
		for (int j = 0; j < table->ncolumns; j++)
		{
			const MlsColumn *column = &table->columns[j];

			if (!mls_rets_decodes(table, column) || strcmp(column->field, answer->columns[i]) != 0)
				continue;
			decoder->lookups[i] = find_lookup(decoder->known, column);
			if (needs_decoding(decoder, decoder->lookups[i]))
				decoder->columns[i] = column;
		}
}

static void
note_unknown(RetsDecoder *decoder, const char *field, const char *text)
{
	const char *key = psprintf("%s=%s", field, text);
	MlsUnknownValue *unknown;
	MemoryContext old;

	if (decoder->unknown && (hash_get_num_entries(decoder->unknown) >= MAX_UNKNOWN ||
							 hash_search(decoder->unknown, &key, HASH_FIND, NULL)))
		return;
	old = MemoryContextSwitchTo(decoder->context);
	if (decoder->unknown == NULL)
		decoder->unknown = make_table("mls_fdw unknown values", sizeof(char *), decoder->context);
	key = pstrdup(key);
	hash_search(decoder->unknown, &key, HASH_ENTER, NULL);
	unknown = palloc(sizeof(MlsUnknownValue));
	unknown->field = pstrdup(field);
	unknown->value = pstrdup(text);
	decoder->stream->unknown = lappend(decoder->stream->unknown, unknown);
	MemoryContextSwitchTo(old);
}

/* What a code means; the code where it means nothing else, NULL where no lookup has it. */
static const char *
meaning_of(const Lookup *lookup, const char *code)
{
	const Value *value = hash_search(lookup->codes, &code, HASH_FIND, NULL);

	if (value == NULL)
		return NULL;
	return value->meaning ? value->meaning : code;
}

static void
trim(const char **s, const char **end)
{
	while (*s < *end && (**s == ' ' || **s == ','))
		(*s)++;
	while (*end > *s && (*end)[-1] == ' ')
		(*end)--;
}

/* An item in quotes, doubled inside, that begins at s; returns its end, or NULL if it has none. */
static const char *
read_quoted(const char *s, const char *end, char **item)
{
	char *out = *item = palloc(end - s);

	for (s++; s < end; s++)
	{
		if (*s == '"' && (s + 1 == end || s[1] != '"'))
		{
			*out = '\0';
			return s + 1;
		}
		s += *s == '"';
		*out++ = *s;
	}
	return NULL;
}

/* The next item of a list of meanings: the longest that is known, or up to the comma. */
static const char *
read_meaning(const Lookup *lookup, const char *s, const char *end, char **item)
{
	const char *first = NULL;
	const char *stop = s;
	const char *taken = NULL;

	for (int i = 0; i <= MAX_COMMAS && stop < end; i++)
	{
		const char *comma = memchr(stop + (i > 0), ',', end - stop - (i > 0));
		const char *from = s;
		const char *to = stop = comma ? comma : end;
		char *text;

		if (first == NULL)
			first = stop;
		trim(&from, &to);
		text = pnstrdup(from, to - from);
		if (hash_search(lookup->meanings, &text, HASH_FIND, NULL))
		{
			taken = stop;
			*item = text;
		}
	}
	if (taken)
		return taken;
	end = first;
	trim(&s, &end);
	*item = pnstrdup(s, end - s);
	return first;
}

static const char *
read_code(const char *s, const char *end, char **item)
{
	const char *stop = s;
	const char *to;

	while (stop < end && *stop != ',' && *stop != ';')
		stop++;
	to = stop;
	trim(&s, &to);
	*item = pnstrdup(s, to - s);
	return stop;
}

/* A list of codes or meanings as a JSON array of meanings. */
static const char *
decode_list(RetsDecoder *decoder, const Lookup *lookup, const char *field, const char *s,
			const char *end)
{
	bool coded = decoder->table->source->platform.format == MLS_FORMAT_COMPACT;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (;;)
	{
		const char *meaning;
		const char *next = NULL;
		char *item;

		while (s < end && (*s == ' ' || *s == ',' || (coded && *s == ';')))
			s++;
		if (s == end)
			break;
		if (*s == '"')
			next = read_quoted(s, end, &item);
		if (next == NULL)
			next = coded ? read_code(s, end, &item) : read_meaning(lookup, s, end, &item);
		s = next;
		meaning = !coded ? item : meaning_of(lookup, item);
		if (meaning == NULL || (!coded && !hash_search(lookup->meanings, &item, HASH_FIND, NULL)))
			note_unknown(decoder, field, item);
		if (json.len > 1)
			appendStringInfoChar(&json, ',');
		escape_json(&json, meaning ? meaning : item);
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

const char *
mls_rets_decode(void *arg, const RetsAnswer *answer, int place, const char *value, int length)
{
	RetsDecoder *decoder = arg;
	const MlsColumn *column;
	const char *text;
	const char *meaning;
	StringInfoData json;

	if (!decoder->begun)
		begin_answer(decoder, answer);
	decoder->begun = true;
	column = decoder->columns[place];
	if (column == NULL || value == NULL)
		return column ? "" : NULL;
	if (column->type == TEXTARRAYOID)
		return decode_list(decoder, decoder->lookups[place], column->field, value, value + length);
	text = pnstrdup(value, length);
	meaning = meaning_of(decoder->lookups[place], text);
	if (meaning == NULL)
	{
		note_unknown(decoder, column->field, text);
		return NULL;
	}
	initStringInfo(&json);
	escape_json(&json, meaning);
	return json.data;
}
