/*
 * reader.c
 *		XML as a stream of events, read from bytes as they come.
 *
 * libxml2's push parser calls back while it takes a piece of the document; the
 * callbacks only note what they are told, in a queue that the caller then empties
 * before the next piece is taken.  So nothing throws through libxml2, and the
 * memory is that of one piece and of the longest text, however long the document.
 *
 * Nothing outside the document is ever read: repair.c leaves out document types,
 * and should one come through all the same, it ends the parse where it begins.
 * Errors go to this parser's own handler.  The global one belongs to the server's
 * xml type, which notices when someone else touches it.
 */
#include "postgres.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "xml/repair.h"

/* Answers nest a dozen deep. */
#define MAX_DEPTH 100

/* Bytes of distinct names, which libxml2 keeps; the richest schema known has 100 kB. */
#define MAX_NAMES (4 * 1024 * 1024)

/* A parser's message is shown up to this length. */
#define MAX_REASON 200

typedef enum StreamFault
{
	STREAM_SOUND,
	STREAM_DOCTYPE,
	STREAM_TOO_DEEP,
	STREAM_TEXT_TOO_LONG,
	STREAM_ROW_LOST,
	STREAM_OUT_OF_MEMORY
} StreamFault;

/* An event in the queue; texts and attributes are offsets, since their buffers grow. */
typedef struct QueuedEvent
{
	MlsXmlEventKind kind;
	int depth;
	const char *name;
	Size text;
	Size length;
	int first_attribute;
	int nattributes;
} QueuedEvent;

typedef struct QueuedAttribute
{
	const char *name;
	Size value;
} QueuedAttribute;

/* A growing array of the reader's. */
typedef struct Store
{
	char *data;
	Size used;
	Size capacity;
} Store;

struct MlsXmlReader
{
	MemoryContext context;
	MemoryContextCallback callback;
	xmlParserCtxtPtr parser;
	MlsXmlRepair *repair;
	const char *subject;
	const char *input; /* given, not taken yet */
	Size input_length;
	bool no_more;  /* all of the input has been given */
	bool finished; /* and taken */
	bool has_content;
	Store events; /* of QueuedEvent */
	Store attributes;
	Store bytes;
	Store shown; /* of MlsXmlAttribute: those of the event given out */
	int next;    /* event to give out */
	Size text;   /* where the text being collected begins in bytes */
	int depth;
	const char *row; /* name of the element whose text repair.c keeps, or NULL */
	int row_depth;   /* of one that is open, or 0 */
	StreamFault fault;
	int error_line; /* 0: no error */
	char reason[MAX_REASON + 1];
};

/* ---- the queue, as callbacks of libxml2 use it: they must not throw ---- */

/* Room for so many more bytes; NULL when there is no memory. */
static char *
reserve(MlsXmlReader *reader, Store *store, Size length)
{
	Size needed = store->used + length;

	if (needed > store->capacity || store->data == NULL)
	{
		Size capacity = Max(Max(store->capacity * 2, needed), 4096);
		char *data = MemoryContextAllocExtended(reader->context, capacity,
												MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);

		if (data == NULL)
		{
			reader->fault = STREAM_OUT_OF_MEMORY;
			xmlStopParser(reader->parser);
			return NULL;
		}
		if (store->used > 0)
			memcpy(data, store->data, store->used);
		if (store->data)
			pfree(store->data);
		store->data = data;
		store->capacity = capacity;
	}
	return store->data + store->used;
}

static bool
keep_bytes(MlsXmlReader *reader, const char *bytes, Size length)
{
	char *place = reserve(reader, &reader->bytes, length);

	if (place == NULL)
		return false;
	memcpy(place, bytes, length);
	reader->bytes.used += length;
	return true;
}

static QueuedEvent *
new_event(MlsXmlReader *reader, MlsXmlEventKind kind, const char *name)
{
	QueuedEvent *event = (QueuedEvent *) reserve(reader, &reader->events, sizeof(QueuedEvent));

	if (event == NULL)
		return NULL;
	reader->events.used += sizeof(QueuedEvent);
	memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->name = name;
	event->depth = reader->depth;
	return event;
}

/* The text before a tag becomes an event. */
static void
end_text(MlsXmlReader *reader)
{
	Size length = reader->bytes.used - reader->text;
	QueuedEvent *event;

	if (length == 0 || reader->depth == 0 || !keep_bytes(reader, "", 1))
		return;
	event = new_event(reader, MLS_XML_TEXT, NULL);
	if (event == NULL)
		return;
	event->text = reader->text;
	event->length = length;
	reader->text = reader->bytes.used;
}

/* ---- callbacks of libxml2 ---- */

static MlsXmlReader *
reader_of(void *parser)
{
	return ((xmlParserCtxtPtr) parser)->_private;
}

static void
stop(MlsXmlReader *reader, StreamFault fault)
{
	reader->fault = fault;
	xmlStopParser(reader->parser);
}

/* libxml2 gives five pointers per attribute: name, prefix, namespace, value, end of the value. */
static void
keep_attribute(MlsXmlReader *reader, const xmlChar **given)
{
	QueuedAttribute *attribute =
		(QueuedAttribute *) reserve(reader, &reader->attributes, sizeof(QueuedAttribute));

	if (attribute == NULL)
		return;
	attribute->name = (const char *) given[0];
	attribute->value = reader->bytes.used;
	reader->attributes.used += sizeof(QueuedAttribute);
	if (keep_bytes(reader, (const char *) given[3], given[4] - given[3]))
		keep_bytes(reader, "", 1);
}

static void
on_start(void *parser, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
		 int nnamespaces, const xmlChar **namespaces, int nattributes, int ndefaulted,
		 const xmlChar **attributes)
{
	MlsXmlReader *reader = reader_of(parser);
	QueuedEvent *event;

	end_text(reader);
	if (++reader->depth > MAX_DEPTH)
	{
		stop(reader, STREAM_TOO_DEEP);
		return;
	}
	if (reader->row && prefix == NULL && strcmp((const char *) name, reader->row) == 0)
		reader->row_depth = reader->depth;
	event = new_event(reader, MLS_XML_START, (const char *) name);
	if (event == NULL)
		return;
	event->first_attribute = reader->attributes.used / sizeof(QueuedAttribute);
	event->nattributes = nattributes;
	for (int i = 0; i < nattributes && reader->fault == STREAM_SOUND; i++)
		keep_attribute(reader, attributes + 5 * i);
	reader->text = reader->bytes.used;
}

static void
on_end(void *parser, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	MlsXmlReader *reader = reader_of(parser);

	end_text(reader);
	(void) new_event(reader, MLS_XML_END, (const char *) name);
	if (reader->row_depth == reader->depth)
		reader->row_depth = 0;
	reader->depth--;
}

static void
on_text(void *parser, const xmlChar *text, int length)
{
	MlsXmlReader *reader = reader_of(parser);

	if (reader->row_depth > 0)
	{
		const char *row;
		Size row_length;

		if (length != 1 || !mls_xml_repair_row(reader->repair, &row, &row_length))
			stop(reader, STREAM_ROW_LOST);
		else
			keep_bytes(reader, row, row_length);
		return;
	}
	if (reader->bytes.used - reader->text + length > MLS_XML_MAX_TEXT)
		stop(reader, STREAM_TEXT_TOO_LONG);
	else
		keep_bytes(reader, (const char *) text, length);
}

static void
on_doctype(void *parser, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
	stop(reader_of(parser), STREAM_DOCTYPE);
}

/* Keeps the first error that ends a document; what follows is usually its consequence. */
static void
on_error(void *parser, xmlErrorPtr error)
{
	MlsXmlReader *reader = reader_of(parser);
	size_t length;

	if (error->level < XML_ERR_FATAL || reader->error_line > 0)
		return;
	reader->error_line = Max(error->line, 1);
	strlcpy(reader->reason, error->message ? error->message : "unspecified error",
			sizeof(reader->reason));
	length = strlen(reader->reason);
	while (length > 0 && strchr("\r\n. ", reader->reason[length - 1]))
		reader->reason[--length] = '\0';
}

/* ---- making and freeing ---- */

static void
free_parser(void *arg)
{
	MlsXmlReader *reader = arg;

	if (reader->parser == NULL)
		return;
	if (reader->parser->myDoc)
		xmlFreeDoc(reader->parser->myDoc);
	reader->parser->myDoc = NULL;
	xmlFreeParserCtxt(reader->parser);
	reader->parser = NULL;
}

/* With no callback but these, libxml2 builds no tree. */
static void
set_callbacks(MlsXmlReader *reader)
{
	xmlSAXHandler *sax = reader->parser->sax;

	memset(sax, 0, sizeof(*sax));
	sax->initialized = XML_SAX2_MAGIC;
	sax->startElementNs = on_start;
	sax->endElementNs = on_end;
	sax->characters = on_text;
	sax->ignorableWhitespace = on_text;
	sax->cdataBlock = on_text;
	sax->internalSubset = on_doctype;
	sax->serror = (xmlStructuredErrorFunc) on_error;
	reader->parser->_private = reader;
}

MlsXmlReader *
mls_xml_reader(const MlsXmlReaderOptions *options)
{
	MlsXmlReader *reader = palloc0(sizeof(MlsXmlReader));

	reader->context = CurrentMemoryContext;
	reader->subject = options->subject;
	reader->row = options->row;
	reader->repair = mls_xml_repair_create(options->charset, options->row);
	reader->callback.func = free_parser;
	reader->callback.arg = reader;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &reader->callback);
	xmlInitParser();
	reader->parser = xmlCreatePushParserCtxt(NULL, NULL, NULL, 0, NULL);
	if (reader->parser == NULL || xmlSwitchEncoding(reader->parser, XML_CHAR_ENCODING_UTF8) != 0)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY),
						errmsg("out of memory while reading %s", options->subject)));
	/* NOENT is for the five entities of XML, which attributes would else keep; there are no others. */
	xmlCtxtUseOptions(reader->parser, XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_NOENT);
	xmlDictSetLimit(reader->parser->dict, MAX_NAMES);
	set_callbacks(reader);
	return reader;
}

/* ---- what went wrong ---- */

pg_noreturn static void report(const MlsXmlReader *reader, int code, const char *detail);

static void
report(const MlsXmlReader *reader, int code, const char *detail)
{
	ereport(ERROR,
			(errcode(code), errmsg("could not read %s", reader->subject), errdetail("%s", detail)));
}

pg_noreturn static void report_text(const MlsXmlReader *reader);

static void
report_text(const MlsXmlReader *reader)
{
	report(reader, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
		   psprintf("One of its texts has more than %d bytes.", MLS_XML_MAX_TEXT));
}

static void
check_repair(const MlsXmlReader *reader)
{
	switch (mls_xml_repair_fault(reader->repair))
	{
		case MLS_XML_SOUND:
			return;
		case MLS_XML_DOCTYPE:
			report(reader, ERRCODE_FDW_REPLY_HANDLE,
				   "It has a document type with declarations of its own, or after its beginning, "
				   "which is refused.");
		case MLS_XML_ATTRIBUTES:
			report(reader, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
				   "One of its elements has more than 1000 attributes.");
		case MLS_XML_LONG_ROW:
			report_text(reader);
		case MLS_XML_UTF16:
			report(reader, ERRCODE_FDW_REPLY_HANDLE, "It is in UTF-16, which is not supported.");
	}
}

static void
check_fault(const MlsXmlReader *reader)
{
	switch (reader->fault)
	{
		case STREAM_SOUND:
			break;
		case STREAM_DOCTYPE:
			report(reader, ERRCODE_FDW_REPLY_HANDLE,
				   "It has a document type declaration in an unexpected place.");
		case STREAM_TOO_DEEP:
			report(reader, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
				   psprintf("Its elements are nested more than %d deep.", MAX_DEPTH));
		case STREAM_TEXT_TOO_LONG:
			report_text(reader);
		case STREAM_ROW_LOST:
			report(reader, ERRCODE_FDW_REPLY_HANDLE, "The tags around its rows are not in order.");
		case STREAM_OUT_OF_MEMORY:
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY),
							errmsg("out of memory while reading %s", reader->subject)));
	}
	if (reader->parser->wellFormed && reader->error_line == 0)
		return;
	report(reader, ERRCODE_FDW_REPLY_HANDLE,
		   reader->error_line > 0 ? psprintf("It is not well-formed XML, line %d: %s.",
											 reader->error_line, reader->reason)
								  : "It is not well-formed XML.");
}

/* ---- reading ---- */

/* Empties the queue; a text that has not ended yet is kept. */
static void
clear_queue(MlsXmlReader *reader)
{
	Size kept = reader->bytes.used - reader->text;

	if (kept > 0)
		memmove(reader->bytes.data, reader->bytes.data + reader->text, kept);
	reader->bytes.used = kept;
	reader->text = 0;
	reader->events.used = 0;
	reader->attributes.used = 0;
	reader->next = 0;
}

/* Lets the parser judge the end.  What it says of a document that was cut is no help. */
static void
end_document(MlsXmlReader *reader)
{
	if (!reader->has_content)
		report(reader, ERRCODE_FDW_REPLY_HANDLE, "It is empty.");
	xmlParseChunk(reader->parser, NULL, 0, 1);
	if (reader->depth > 0 && reader->fault == STREAM_SOUND)
		report(reader, ERRCODE_FDW_REPLY_HANDLE, "It is cut off: it ends before its end tag.");
	check_fault(reader);
}

/* Takes the next piece; false if there is none. */
static bool
take_piece(MlsXmlReader *reader)
{
	Size piece = Min(reader->input_length, MLS_XML_PIECE);
	bool is_last = reader->no_more && piece == reader->input_length;
	const char *given;
	Size length;

	if ((piece == 0 && !is_last) || reader->finished)
		return false;
	CHECK_FOR_INTERRUPTS();
	clear_queue(reader);
	given = mls_xml_repair(reader->repair, reader->input, piece, is_last, &length);
	if (piece > 0)
	{
		reader->input += piece;
		reader->input_length -= piece;
	}
	reader->finished = is_last;
	check_repair(reader);
	reader->has_content |= length > 0;
	if (length > 0)
		xmlParseChunk(reader->parser, given, (int) length, 0);
	check_fault(reader);
	if (is_last)
		end_document(reader);
	return true;
}

void
mls_xml_feed(MlsXmlReader *reader, const char *bytes, Size length)
{
	Assert(reader->input_length == 0 && !reader->no_more);
	reader->input = bytes;
	reader->input_length = length;
}

void
mls_xml_finish(MlsXmlReader *reader)
{
	reader->no_more = true;
}

static void
show_attributes(MlsXmlReader *reader, const QueuedEvent *queued, MlsXmlEvent *event)
{
	const QueuedAttribute *attributes =
		(QueuedAttribute *) reader->attributes.data + queued->first_attribute;
	Size needed = queued->nattributes * sizeof(MlsXmlAttribute);
	MlsXmlAttribute *shown;

	reader->shown.used = 0;
	shown = (MlsXmlAttribute *) reserve(reader, &reader->shown, needed);
	check_fault(reader);
	for (int i = 0; i < queued->nattributes; i++)
	{
		shown[i].name = attributes[i].name;
		shown[i].value = reader->bytes.data + attributes[i].value;
	}
	event->nattributes = queued->nattributes;
	event->attributes = shown;
}

bool
mls_xml_next(MlsXmlReader *reader, MlsXmlEvent *event)
{
	const QueuedEvent *queued;

	while (reader->next * sizeof(QueuedEvent) == reader->events.used)
		if (!take_piece(reader))
			return false;
	queued = (QueuedEvent *) reader->events.data + reader->next++;
	memset(event, 0, sizeof(*event));
	event->kind = queued->kind;
	event->depth = queued->depth;
	event->name = queued->name;
	if (queued->kind == MLS_XML_TEXT)
	{
		event->text = reader->bytes.data + queued->text;
		event->length = queued->length;
	}
	if (queued->nattributes > 0)
		show_attributes(reader, queued, event);
	return true;
}

const char *
mls_xml_event_attribute(const MlsXmlEvent *event, const char *name)
{
	for (int i = 0; i < event->nattributes; i++)
		if (pg_strcasecmp(event->attributes[i].name, name) == 0)
			return event->attributes[i].value;
	return NULL;
}

const MlsXmlRepairs *
mls_xml_repairs(const MlsXmlReader *reader)
{
	return mls_xml_repair_counts(reader->repair);
}

void
mls_xml_repairs_add(MlsXmlRepairs *sum, const MlsXmlRepairs *more)
{
	sum->encoding += more->encoding;
	sum->controls += more->controls;
	sum->references += more->references;
	sum->ampersands += more->ampersands;
	sum->brackets += more->brackets;
	sum->quotes += more->quotes;
	sum->trailing += more->trailing;
}
