/*
 * xml.h
 *		XML: whole documents as a small tree, answers as a stream of events.
 *
 * A document (xml_tree.c) is read by libxml2, which this room alone knows; its memory is
 * owned by a memory context before the next ereport can happen.  An answer (xml_reader.c) is
 * nearly XML, and long: it has a tokenizer of its own.  Neither knows a network, a DTD, or
 * an entity beyond the five of XML.
 *
 * A repair is what the tokenizer puts right by looking at a few bytes; it is counted.
 * What needs a guess is refused.
 */
#ifndef MLS_XML_H
#define MLS_XML_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

typedef struct MlsXmlAttribute
{
	const char *name; /* local name */
	const char *value;
} MlsXmlAttribute;

/* An element; text is its own character data joined.  Palloc'd, plain memory. */
typedef struct MlsXmlNode
{
	const char *name; /* local name, without prefix */
	const char *text; /* "" if none */
	List *attributes; /* of MlsXmlAttribute * */
	List *children;   /* of MlsXmlNode * */
} MlsXmlNode;

/*
 * Parses a whole document (metadata; up to 64 MB) into CurrentMemoryContext.
 * A document that is not well formed is one error with line and reason; subject says
 * what it was ("metadata of server \"trestle\"").
 */
extern MlsXmlNode *mls_xml_parse(const char *text, Size length, const char *subject);

extern const char *mls_xml_attribute(const MlsXmlNode *node, const char *name); /* or NULL */
extern MlsXmlNode *mls_xml_child(const MlsXmlNode *node, const char *name);     /* first, or NULL */

/* ---- xml_writer.c: texts to be written ---- */

/* Appends a text, escaped; characters that XML does not allow are left out and counted. */
extern void mls_xml_put_text(StringInfo out, const char *text, int64 *stripped);

/* The same as ` name="value"`. */
extern void
mls_xml_put_attribute(StringInfo out, const char *name, const char *value, int64 *stripped);

/* The same as CDATA; an end mark in the text is split. */
extern void mls_xml_put_cdata(StringInfo out, const char *text, int64 *stripped);

/* ---- xml_reader.c: a stream ---- */

/* What was wrong with a document's bytes and could be put right without loss. */
typedef struct MlsXmlRepairs
{
	int64 encoding;   /* bytes that are no UTF-8, taken as Windows-1252 though not declared so */
	int64 controls;   /* control characters dropped, raw or as references */
	int64 references; /* references to no character: halves of pairs joined, others U+FFFD */
	int64 ampersands; /* "&" that begins no reference, taken as itself */
	int64 brackets;   /* "<" that begins no markup, taken as itself */
	int64 quotes;     /* quotation marks within a value, taken as themselves */
	int64 trailing;   /* bytes behind the end of the document, blanks apart, left out */
} MlsXmlRepairs;

typedef enum MlsXmlEventKind
{
	MLS_XML_START,
	MLS_XML_TEXT, /* all character data between two tags */
	MLS_XML_END
} MlsXmlEventKind;

/* Valid until the next call of mls_xml_next; texts are UTF-8. */
typedef struct MlsXmlEvent
{
	MlsXmlEventKind kind;
	int depth;        /* of the element, the root's is 1; TEXT: of the element it stands in */
	const char *name; /* START, END: local name; lives as long as the reader */
	const char *text; /* TEXT: terminated */
	Size length;
	int nattributes; /* START */
	const MlsXmlAttribute *attributes;
} MlsXmlEvent;

typedef struct MlsXmlReader MlsXmlReader;

typedef struct MlsXmlReaderOptions
{
	const char *subject; /* for messages: "page 3 of resource \"Property:RES\"" */
	const char *charset; /* as the transport says, or NULL; valid UTF-8 wins over it */
	const char *row;     /* name of an element that holds text only: a "<" in it is text; or NULL */
} MlsXmlReaderOptions;

/*
 * A reader in CurrentMemoryContext.  The options' strings must live as long.  A document
 * type is skipped unread, and an error if it declares anything; comments and processing
 * instructions are skipped.
 */
extern MlsXmlReader *mls_xml_reader(const MlsXmlReaderOptions *options);

/* Gives the reader bytes; they must stay until mls_xml_next has returned false.  Size is free. */
extern void mls_xml_feed(MlsXmlReader *reader, const char *bytes, Size length);

/* Says that no more bytes come: mls_xml_next then goes to the document's end. */
extern void mls_xml_finish(MlsXmlReader *reader);

/*
 * The next event; false when more bytes are needed, and at the end.  A document
 * that is not well formed, or ends before its root does, is an error.
 */
extern bool mls_xml_next(MlsXmlReader *reader, MlsXmlEvent *event);

/* An attribute of a START event without regard to case, or NULL. */
extern const char *mls_xml_event_attribute(const MlsXmlEvent *event, const char *name);

extern const MlsXmlRepairs *mls_xml_repairs(const MlsXmlReader *reader);

/* Adds counts to a sum. */
extern void mls_xml_repairs_add(MlsXmlRepairs *sum, const MlsXmlRepairs *more);

#endif /* MLS_XML_H */
