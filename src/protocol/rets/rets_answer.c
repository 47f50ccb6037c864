/*
 * rets_answer.c
 *		The reader of answers: the envelope, and who reads what is in it.
 *
 *		<RETS ReplyCode="0" ReplyText="..."> ... <RETS-STATUS .../> </RETS>
 *
 * Names are compared without regard to case, the order of the elements means
 * nothing (COUNT was met at the end).  Elements that no COMPACT answer has are
 * skipped if they are empty of others; otherwise they are an answer in another
 * format, which must not pass for one without rows.
 */
#include "postgres.h"

#include <limits.h>

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "protocol/page_chain.h"
#include "protocol/rets/rets_reader.h"

/* Login and logout answers have a kilobyte of lines; the rest of a larger one is not kept. */
#define MAX_BODY (64 * 1024)

/* An answer's own words in a message. */
#define MAX_SHOWN 200

/* A copy of an attribute that outlives the event; "" for none. */
static const char *
keep_attribute(RetsReader *reader, const MlsXmlEvent *event, const char *name)
{
	const char *value = mls_xml_event_attribute(event, name);
	Size length = value ? strlen(value) : 0;

	if (length == 0)
		return "";
	length = pg_mbcliplen(value, (int) Min(length, INT_MAX), MAX_SHOWN * 4);
	return MemoryContextStrdup(reader->context, pnstrdup(value, length));
}

/* A whole number with nothing but blanks around it. */
static bool
read_number(const char *text, int64 *number)
{
	char *end;

	errno = 0;
	*number = strtoll(text, &end, 10);
	end += strspn(end, " ");
	return end != text && *end == '\0' && errno == 0;
}

/* A reply code, which must be a number: an answer without one says nothing. */
static int
reply_code(RetsReader *reader, const MlsXmlEvent *event)
{
	const char *value = mls_xml_event_attribute(event, "ReplyCode");
	int64 code;

	if (value == NULL)
		mls_rets_fail(reader, psprintf("The element %s has no reply code.", event->name));
	value += strspn(value, " ");
	if (!read_number(value, &code) || code < 0 || code > INT_MAX)
		mls_rets_fail(reader, psprintf("The reply code \"%s\" is no number.",
									   mls_show_start(value, strlen(value), 20)));
	return (int) code;
}

/* ---- the envelope ---- */

static void
read_root(RetsReader *reader, const MlsXmlEvent *event)
{
	if (pg_strcasecmp(event->name, "html") == 0)
		mls_rets_fail(reader, "The answer is a web page.");
	if (pg_strcasecmp(event->name, "RETS") != 0)
		mls_rets_fail(reader, psprintf("The answer is no RETS answer: its root element is \"%s\".",
									   mls_show_start(event->name, strlen(event->name), 40)));
	reader->answer.started = true;
	reader->answer.code = reply_code(reader, event);
	reader->answer.text = keep_attribute(reader, event, "ReplyText");
}

static void
read_status(RetsReader *reader, const MlsXmlEvent *event)
{
	reader->answer.status_code = reply_code(reader, event);
	reader->answer.status_text = keep_attribute(reader, event, "ReplyText");
}

static void
read_count(RetsReader *reader, const MlsXmlEvent *event)
{
	const char *value = mls_xml_event_attribute(event, "Records");

	if (value == NULL || !read_number(value, &reader->answer.count) || reader->answer.count < 0)
		reader->answer.count = -1;
}

static void
read_delimiter(RetsReader *reader, const MlsXmlEvent *event)
{
	const char *value = mls_xml_event_attribute(event, "value");

	reader->has_delimiter = value != NULL;
	reader->delimiter = value ? mls_rets_delimiter(value) : '\t';
}

static void
read_maxrows(RetsReader *reader, const MlsXmlEvent *event)
{
	reader->answer.maxrows = true;
}

static void
begin_line(RetsReader *reader, const MlsXmlEvent *event)
{
	reader->element = event->name;
	reader->has_text = false;
}

static void
begin_response(RetsReader *reader, const MlsXmlEvent *event)
{
	reader->in_response = true;
}

static const struct
{
	const char *name;
	void (*read)(RetsReader *reader, const MlsXmlEvent *event);
	bool compact_only;
} elements[] = {
	{"DATA", begin_line, true},
	{"COLUMNS", begin_line, true},
	{"COUNT", read_count, false},
	{"DELIMITER", read_delimiter, false},
	{"MAXROWS", read_maxrows, false},
	{"RETS-STATUS", read_status, false},
	{"RETS-RESPONSE", begin_response, false},
};

static void
report_format(const RetsReader *reader, const char *name)
{
	mls_rets_fail(reader, psprintf("The answer is in another format than asked for: it has an "
								   "element \"%s\".",
								   mls_show_start(name, strlen(name), 40)));
}

/* An element of the envelope; false if it is none. */
static bool
read_element(RetsReader *reader, const MlsXmlEvent *event)
{
	for (int i = 0; i < lengthof(elements); i++)
	{
		if (pg_strcasecmp(event->name, elements[i].name) != 0)
			continue;
		if (elements[i].compact_only && reader->options.format != RETS_COMPACT)
			report_format(reader, event->name);
		elements[i].read(reader, event);
		return true;
	}
	return false;
}

/* ---- COMPACT ---- */

/* Elements in elements that COMPACT has not: what matters is whether it has columns as well. */
static void
start_compact(RetsReader *reader, const MlsXmlEvent *event)
{
	if (reader->element)
		mls_rets_fail(reader, "A line of values has elements in it.");
	if (read_element(reader, event))
		return;
	if (reader->in_response || reader->unknown_depth > 0)
		reader->foreign = event->name;
	else
		reader->unknown_depth = event->depth;
}

static void
read_line(RetsReader *reader, const char *text, Size length)
{
	reader->has_text = true;
	if (pg_strcasecmp(reader->element, "DATA") == 0)
		mls_rets_compact_row(reader, text, length);
	else
		mls_rets_compact_columns(reader, text, length);
}

/* ---- text outside of lines and records ---- */

static void
keep_body(RetsReader *reader, const char *text, Size length)
{
	int room = MAX_BODY - reader->body.len;
	MemoryContext old;

	if (length > room)
		length = pg_mbcliplen(text, (int) Min(length, INT_MAX), room);
	old = MemoryContextSwitchTo(reader->context);
	appendBinaryStringInfo(&reader->body, text, (int) length);
	MemoryContextSwitchTo(old);
}

/* ---- events ---- */

/* What is in an answer of metadata is not known here. */
static void
hand_on(RetsReader *reader, const MlsXmlEvent *event)
{
	if (reader->options.take)
		reader->options.take(reader->options.take_arg, event);
}

static void
take_start(RetsReader *reader, const MlsXmlEvent *event)
{
	if (event->depth == 1)
		read_root(reader, event);
	else if (reader->options.format == RETS_COMPACT)
		start_compact(reader, event);
	else if (reader->options.format == RETS_METADATA &&
			 pg_strcasecmp(event->name, "RETS-STATUS") == 0)
		read_status(reader, event);
	else if (reader->options.format == RETS_METADATA)
		hand_on(reader, event);
	else if (mls_rets_nested_open(reader->nested) || event->depth > 2 ||
			 !read_element(reader, event))
		mls_rets_nested_event(reader, event);
}

static void
take_text(RetsReader *reader, const MlsXmlEvent *event)
{
	if (reader->element)
		read_line(reader, event->text, event->length);
	else if (reader->options.format == RETS_METADATA && event->depth > 1)
		hand_on(reader, event);
	else if (mls_rets_nested_open(reader->nested))
		mls_rets_nested_event(reader, event);
	else if (event->depth == 1 || (reader->in_response && event->depth == 2))
		keep_body(reader, event->text, event->length);
}

static void
take_end(RetsReader *reader, const MlsXmlEvent *event)
{
	if (event->depth == 1)
		reader->answer.ended = true;
	if (reader->element && !reader->has_text)
		read_line(reader, "", 0);
	reader->element = NULL;
	if (reader->unknown_depth == event->depth)
		reader->unknown_depth = 0;
	if (reader->nested && event->depth > 1)
		mls_rets_nested_event(reader, event);
	if (reader->options.format == RETS_METADATA && event->depth > 1)
		hand_on(reader, event);
	if (event->depth == 2)
		reader->in_response = false;
}

static void
take_events(RetsReader *reader)
{
	MlsXmlEvent event;

	while (mls_xml_next(reader->xml, &event))
	{
		MemoryContext old = MemoryContextSwitchTo(reader->scratch);

		switch (event.kind)
		{
			case MLS_XML_START:
				take_start(reader, &event);
				break;
			case MLS_XML_TEXT:
				take_text(reader, &event);
				break;
			case MLS_XML_END:
				take_end(reader, &event);
				break;
		}
		MemoryContextSwitchTo(old);
		if (event.kind == MLS_XML_END)
			MemoryContextReset(reader->scratch);
	}
	reader->answer.repairs = *mls_xml_repairs(reader->xml);
	reader->answer.body = reader->body.data;
}

/* ---- the outside ---- */

RetsReader *
mls_rets_reader(const RetsReaderOptions *options)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw RETS answer", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RetsReader *reader = palloc0(sizeof(RetsReader));
	MlsXmlReaderOptions xml = {
		.subject = psprintf("%s from source \"%s\"", options->purpose, options->source),
		.charset = options->charset,
		.row = options->format == RETS_STANDARD_XML ? NULL : "DATA"};

	reader->context = context;
	reader->scratch =
		AllocSetContextCreate(context, "mls_fdw RETS element", ALLOCSET_DEFAULT_SIZES);
	reader->options = *options;
	reader->xml = mls_xml_reader(&xml);
	reader->answer.text = reader->answer.status_text = "";
	reader->answer.status_code = -1;
	reader->answer.count = -1;
	reader->answer.delimiter = '\t';
	reader->records.parent = context;
	initStringInfo(&reader->body);
	reader->answer.body = reader->body.data;
	if (options->format == RETS_STANDARD_XML)
		reader->nested = mls_rets_nested(reader);
	MemoryContextSwitchTo(old);
	return reader;
}

const RetsAnswer *
mls_rets_answer(const RetsReader *reader)
{
	return &reader->answer;
}

void
mls_rets_feed(RetsReader *reader, const char *bytes, Size length)
{
	Size more = Min(length, sizeof(reader->beginning) - reader->nbeginning);

	memcpy(reader->beginning + reader->nbeginning, bytes, more);
	reader->nbeginning += more;
	if (more > 0 && mls_rets_is_html(reader->beginning, reader->nbeginning))
		mls_rets_fail(reader, "The answer is a web page.");
	reader->answer.bytes += length;
	mls_xml_feed(reader->xml, bytes, length);
	take_events(reader);
}

MlsPage *
mls_rets_page(RetsReader *reader, int least)
{
	if (reader->records.nrecords < Max(least, 1))
		return NULL;
	return mls_page_take(&reader->records);
}

void
mls_rets_finish(RetsReader *reader)
{
	mls_xml_finish(reader->xml);
	take_events(reader);
	if (reader->foreign && reader->compact == NULL)
		report_format(reader, reader->foreign);
	Assert(reader->answer.ended);
}

void
mls_rets_reader_free(RetsReader *reader)
{
	MemoryContextDelete(reader->context);
}
