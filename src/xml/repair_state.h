/*
 * repair_state.h
 *		What the two files share that repair the bytes of an answer.
 *
 * repair.c follows the markup, characters.c mends what stands between: bytes
 * that are no UTF-8, control characters, references.
 */
#ifndef MLS_XML_REPAIR_STATE_H
#define MLS_XML_REPAIR_STATE_H

#include "postgres.h"

#include "xml/repair.h"

/* The longest reference read, "&#x0010FFFF;" with room for zeros. */
#define MAX_REFERENCE 16

/* So much is looked ahead behind what may be the end of an attribute's value. */
#define MAX_ATTRIBUTE_AHEAD 64

/* So much can be kept back; two references are less. */
#define MAX_CARRY MAX_ATTRIBUTE_AHEAD

typedef enum Place
{
	IN_TEXT,
	IN_TAG,
	IN_CDATA,
	IN_SKIPPED, /* something left out, up to `until` */
	IN_DOCTYPE,
	IN_TRAILER /* behind the end of the document */
} Place;

struct MlsXmlRepair
{
	MemoryContext context;
	MlsXmlRepairs counts;
	MlsXmlFault fault;
	Place place;
	bool at_start;         /* nothing but blanks so far */
	bool is_1252;          /* declared as such, or as ISO-8859-1 */
	bool is_declaration;   /* what is skipped is the XML declaration */
	char declaration[128]; /* its beginning */
	int declaration_length;
	bool in_row;
	bool tag_is_row;  /* the tag being read begins a row */
	char quote;       /* within a tag: the quote that an attribute ends with, or 0 */
	int equals_signs; /* in the tag being read */
	bool tag_closes;  /* the tag being read is an end tag */
	int depth;        /* of elements that are open */
	const char *until;
	const char *row;
	int row_length;
	int carried; /* bytes kept back, at the start of `in` */
	char *in;
	char *out;
	char *put;  /* where the next byte goes */
	char *rows; /* texts of rows, one after the other */
	Size rows_capacity;
	char *row_put;     /* where the next byte of a row goes */
	char *row_start;   /* of the row being read */
	Size *row_lengths; /* of those that are whole and not yet called for */
	int nrows;
	int max_rows;
	int next_row;   /* to be called for */
	Size next_text; /* where its text is in rows */
};

static inline bool
is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static inline void
put(MlsXmlRepair *repair, const char *bytes, int length)
{
	char **to = repair->in_row ? &repair->row_put : &repair->put;

	memcpy(*to, bytes, length);
	*to += length;
}

/* ---- characters.c: how many bytes it took, 0 if it needs more ---- */

/* A byte that is no ASCII character of a document. */
extern int mls_xml_take_odd(MlsXmlRepair *repair, const char *s, const char *end, bool final);

/* An ampersand: a reference that can be given on, or itself. */
extern int mls_xml_take_ampersand(MlsXmlRepair *repair, const char *s, const char *end, bool final);

#endif /* MLS_XML_REPAIR_STATE_H */
