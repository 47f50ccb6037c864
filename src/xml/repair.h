/*
 * repair.h
 *		The bytes of an answer made fit for the parser; reader.c's own.
 */
#ifndef MLS_XML_REPAIR_H
#define MLS_XML_REPAIR_H

#include "postgres.h"

#include "xml/xml.h"

/* The longest text: a row of a thousand columns has some hundred kilobytes. */
#define MLS_XML_MAX_TEXT (64 * 1024 * 1024)

/* A piece of an answer that is repaired at once; a test has smaller ones. */
#ifndef MLS_XML_PIECE
#define MLS_XML_PIECE (64 * 1024)
#endif

/* What no repair helps against. */
typedef enum MlsXmlFault
{
	MLS_XML_SOUND,
	MLS_XML_DOCTYPE,    /* a document type with declarations of its own, or after the beginning */
	MLS_XML_ATTRIBUTES, /* an element with too many attributes */
	MLS_XML_LONG_ROW,   /* a row that is too long */
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

/*
 * The text of the next row, which stands where the parser is given a single
 * character in an element `row`; false if there is none.  For the parser's callbacks:
 * it does not throw, and the text stays until more is repaired.
 */
extern bool mls_xml_repair_row(MlsXmlRepair *repair, const char **text, Size *length);

extern MlsXmlFault mls_xml_repair_fault(const MlsXmlRepair *repair);
extern const MlsXmlRepairs *mls_xml_repair_counts(const MlsXmlRepair *repair);

#endif /* MLS_XML_REPAIR_H */
