/*
 * xml.h
 *		XML documents as a small tree and as a pull stream.
 *
 * This room is the only one that knows libxml2.  No network, no DTD, no entity
 * expansion beyond the five of XML; libxml2's memory is owned by a memory
 * context before the next ereport can happen.
 */
#ifndef MLS_XML_H
#define MLS_XML_H

#include "postgres.h"

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

#endif /* MLS_XML_H */
