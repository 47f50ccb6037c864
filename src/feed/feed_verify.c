/*
 * feed_verify.c
 *		What was written, read once more before anybody else reads it.
 *
 * It is read by the reader that reads answers of sources, which puts right what is nearly XML:
 * here each repair is a fault.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "feed/feed_parts.h"
#include "http/http.h"
#include "xml/xml.h"

/* Steps of a path that are looked at. */
#define DEEPEST 32

typedef struct Verifier
{
	const MlsFeed *feed;
	const char *document;
	int item_depth; /* 0: not known yet */
	int64 listings;
	const char *names[DEEPEST];
	bool *found; /* by element: in this listing */
	StringInfoData id;
	bool in_id;
	uint64 *ids;
	int64 most_ids;
} Verifier;

pg_noreturn static void refuse(const Verifier *verifier, const char *detail);

static void
refuse(const Verifier *verifier, const char *detail)
{
	ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
			errmsg("what was written of feed \"%s\" is not as its format wants it",
				   verifier->feed->name),
			errdetail("Document \"%s\", listing " INT64_FORMAT ": %s.", verifier->document,
					  verifier->listings, detail),
			errhint("The document before stays."));
}

/* The reader knows names without their prefixes. */
static const char *
local_name(const MlsFeedStep *step)
{
	const char *colon = strchr(step->name, ':');

	return colon ? colon + 1 : step->name;
}

/* Do the names below the listing say the first steps of a path? */
static bool
is_below(const Verifier *verifier, const MlsFeedElement *element, int nsteps, int depth)
{
	int below = depth - verifier->item_depth;

	if (nsteps != below)
		return false;
	for (int i = 0; i < below; i++)
		if (element->steps[i].is_attribute ||
			strcmp(local_name(&element->steps[i]), verifier->names[verifier->item_depth + i]) != 0)
			return false;
	return true;
}

static bool
is_at(const Verifier *verifier, const MlsFeedElement *element, int depth)
{
	return element->nsteps > 0 && is_below(verifier, element, element->nsteps, depth);
}

static void
add_id(Verifier *verifier)
{
	if (verifier->listings > verifier->most_ids)
		refuse(verifier, "there are more than were written");
	verifier->ids[verifier->listings - 1] =
		DatumGetUInt64(hash_any_extended((unsigned char *) verifier->id.data, verifier->id.len, 0));
}

/* An id that is an attribute: of the listing, or of an element in it. */
static void
take_id_attribute(Verifier *verifier, const MlsFeedElement *element, const MlsXmlEvent *event)
{
	const char *name = local_name(&element->steps[element->nsteps - 1]);

	for (int i = 0; i < event->nattributes; i++)
		if (strcmp(event->attributes[i].name, name) == 0)
			appendStringInfoString(&verifier->id, event->attributes[i].value);
}

static void
take_id_attributes(Verifier *verifier, const MlsXmlEvent *event)
{
	const MlsFeed *feed = verifier->feed;
	ListCell *lc;

	if (feed->id_path == NULL || strchr(feed->id_path, '@') == NULL)
		return;
	foreach (lc, feed->elements)
	{
		const MlsFeedElement *element = lfirst(lc);

		if (strcmp(feed->id_path, element->path) == 0 &&
			is_below(verifier, element, element->nsteps - 1, event->depth))
			take_id_attribute(verifier, element, event);
	}
}

static void
begin_element(Verifier *verifier, const MlsXmlEvent *event)
{
	ListCell *lc;

	if (event->depth > DEEPEST)
		refuse(verifier, "elements stand too deep in each other");
	verifier->names[event->depth - 1] = event->name;
	if (strcmp(event->name, verifier->feed->item) == 0 &&
		(verifier->item_depth == 0 || verifier->item_depth == event->depth))
	{
		verifier->item_depth = event->depth;
		verifier->listings++;
		memset(verifier->found, 0, list_length(verifier->feed->elements) * sizeof(bool));
		resetStringInfo(&verifier->id);
		take_id_attributes(verifier, event);
		return;
	}
	if (verifier->item_depth == 0 || event->depth <= verifier->item_depth)
		return;
	verifier->in_id = false;
	foreach (lc, verifier->feed->elements)
	{
		const MlsFeedElement *element = lfirst(lc);

		if (!is_at(verifier, element, event->depth))
			continue;
		verifier->found[foreach_current_index(lc)] = true;
		if (verifier->feed->id_path && strcmp(verifier->feed->id_path, element->path) == 0)
			verifier->in_id = true;
	}
	take_id_attributes(verifier, event);
}

static void
end_element(Verifier *verifier, const MlsXmlEvent *event)
{
	const MlsFeed *feed = verifier->feed;
	ListCell *lc;
	ListCell *other;

	verifier->in_id = false;
	if (event->depth != verifier->item_depth || strcmp(event->name, feed->item) != 0)
		return;
	foreach (lc, feed->elements)
	{
		const MlsFeedElement *element = lfirst(lc);
		bool found = false;

		if (!element->is_required || element->nsteps == 0 ||
			element->steps[element->nsteps - 1].is_attribute)
			continue;
		foreach (other, feed->elements)
			found |= ((const MlsFeedElement *) lfirst(other))->group == element->group &&
					 verifier->found[foreach_current_index(other)];
		if (!found)
			refuse(verifier, psprintf("it lacks the element %s", element->path));
	}
	if (feed->id_path)
		add_id(verifier);
}

static void
take_event(Verifier *verifier, const MlsXmlEvent *event)
{
	switch (event->kind)
	{
		case MLS_XML_START:
			begin_element(verifier, event);
			break;
		case MLS_XML_TEXT:
			if (verifier->in_id)
				appendBinaryStringInfo(&verifier->id, event->text, (int) event->length);
			break;
		case MLS_XML_END:
			end_element(verifier, event);
			break;
	}
}

static int
compare_ids(const void *a, const void *b)
{
	uint64 x = *(const uint64 *) a;
	uint64 y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

static void
verify_xml(Verifier *verifier, const MlsHttpResponse *body)
{
	MlsXmlReaderOptions options = {.subject = psprintf("document \"%s\"", verifier->document),
								   .charset = "utf-8"};
	MlsXmlReader *reader = mls_xml_reader(&options);
	MlsXmlRepairs none = {0};
	MlsHttpPieces pieces = {body};
	MlsXmlEvent event;
	const char *bytes;
	Size length;

	while (mls_http_piece(&pieces, &bytes, &length))
	{
		CHECK_FOR_INTERRUPTS();
		mls_xml_feed(reader, bytes, length);
		while (mls_xml_next(reader, &event))
			take_event(verifier, &event);
	}
	mls_xml_finish(reader);
	while (mls_xml_next(reader, &event))
		take_event(verifier, &event);
	if (memcmp(mls_xml_repairs(reader), &none, sizeof(none)) != 0)
		refuse(verifier, "it is not well formed");
}

/* ---- JSON: a listing a line ---- */

static void
verify_line(Verifier *verifier, StringInfo line)
{
	if (line->len == 0 || line->data[0] != '{' || line->data[line->len - 1] == '[')
		return;
	if (line->data[line->len - 1] == ',')
		line->data[--line->len] = '\0';
	verifier->listings++;
	if (GetDatabaseEncoding() == PG_UTF8)
		pfree(DatumGetPointer(DirectFunctionCall1(json_in, CStringGetDatum(line->data))));
}

static void
verify_json(Verifier *verifier, const MlsHttpResponse *body)
{
	MlsHttpPieces pieces = {body};
	StringInfoData line;
	const char *bytes;
	Size length;

	initStringInfo(&line);
	while (mls_http_piece(&pieces, &bytes, &length))
	{
		CHECK_FOR_INTERRUPTS();
		for (Size i = 0; i < length; i++)
		{
			if (bytes[i] != '\n')
			{
				appendStringInfoCharMacro(&line, bytes[i]);
				continue;
			}
			verify_line(verifier, &line);
			resetStringInfo(&line);
		}
	}
	verify_line(verifier, &line);
}

void
mls_feed_verify(const MlsFeed *feed, const MlsHttpResponse *body, const char *document,
				int64 listings)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw feed check", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	Verifier verifier = {.feed = feed, .document = document, .most_ids = listings};

	initStringInfo(&verifier.id);
	verifier.found = palloc0(Max(list_length(feed->elements), 1) * sizeof(bool));
	verifier.ids = MemoryContextAllocHuge(context, Max(listings, 1) * sizeof(uint64));
	if (feed->kind == MLS_FEED_JSON)
		verify_json(&verifier, body);
	else
		verify_xml(&verifier, body);
	if (verifier.listings != listings)
		refuse(&verifier, psprintf("it should be the last of " INT64_FORMAT, listings));
	if (feed->id_path && feed->kind != MLS_FEED_JSON && listings > 1)
	{
		qsort(verifier.ids, listings, sizeof(uint64), compare_ids);
		for (int64 i = 1; i < listings; i++)
			if (verifier.ids[i] == verifier.ids[i - 1])
				refuse(&verifier, psprintf("two listings have the same %s", feed->id_path));
	}
	MemoryContextSwitchTo(before);
	MemoryContextDelete(context);
}
