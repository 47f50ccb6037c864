/*
 * repair.h
 *		The bytes of an answer made fit for the parser; reader.c's own.
 */
#ifndef MLS_XML_REPAIR_H
#define MLS_XML_REPAIR_H

#include "postgres.h"

#include "xml/xml.h"

/* A piece of an answer that is repaired at once. */
#define MLS_XML_PIECE (64 * 1024)

/* What no repair helps against. */
typedef enum MlsXmlFault
{
	MLS_XML_SOUND,
	MLS_XML_DOCTYPE,    /* a document type with declarations of its own, or after the beginning */
	MLS_XML_ATTRIBUTES, /* an element with too many attributes */
	MLS_XML_UTF16
} MlsXmlFault;

typedef struct MlsXmlRepair MlsXmlRepair;

/* In CurrentMemoryContext.  row: name of the element whose content is text only, or NULL. */
extern MlsXmlRepair *mls_xml_repair_create(const char *charset, const char *row);

/*
 * Repairs up to MLS_XML_PIECE bytes.  Gives what can be given on, valid until the
 * next call; a few bytes may be kept back until more come or `final` says that
 * none will.
 */
extern const char *
mls_xml_repair(MlsXmlRepair *repair, const char *bytes, Size length, bool final, Size *given);

extern MlsXmlFault mls_xml_repair_fault(const MlsXmlRepair *repair);
extern const MlsXmlRepairs *mls_xml_repair_counts(const MlsXmlRepair *repair);

#endif /* MLS_XML_REPAIR_H */
