/*
 * xml_tree.c
 *		Whole XML documents as small trees in palloc'd memory.
 *
 * libxml2 parses into a document of its own, which is copied and freed at once.
 * Its callbacks must not throw: what they find is noted in ParseState and
 * raised after the parser has returned.  A document type declaration ends the
 * parse where it begins, before any entity is declared; so no entity but the
 * five of XML can be expanded, and nothing outside the document is ever read.
 *
 * Errors go to this parser's own handler.  The global one belongs to the
 * server's xml type, which notices when someone else touches it; it is ours only
 * while libxml2 has the processor, since failing conversions of characters go there.
 */
#include "postgres.h"

#include <libxml/SAX2.h>
#include <libxml/parser.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "xml/xml.h"

/* The largest metadata document known has 2 MB. */
#define MAX_BYTES (64 * 1024 * 1024)

/*
 * The largest document known has 22,000 elements.  One with an attribute costs
 * about 600 bytes while both trees exist, which makes 300 MB at most.
 */
#define MAX_ELEMENTS 500000

/*
 * libxml2 compares each attribute of an element with all before it, and cannot be
 * interrupted: 10,000 take a second, 50,000 a minute.
 */
#define MAX_ATTRIBUTES 1000

/* Metadata nests ten deep; the tree is copied by recursion. */
#define MAX_DEPTH 100

/* Between two pieces of a document a cancel is noticed. */
#define PIECE_BYTES (1024 * 1024)

/* A parser's message is shown up to this length. */
#define MAX_REASON 200

#define PARSER_OPTIONS (XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_NOCDATA)

typedef struct ParseState
{
	xmlParserCtxtPtr parser;
	bool doctype;
	bool too_deep;
	bool too_many;
	int elements;
	int depth;
	int error_line; /* 0: no error */
	char reason[MAX_REASON + 1];
} ParseState;

static void
free_parser(void *arg)
{
	ParseState *state = arg;

	if (state->parser == NULL)
		return;
	if (state->parser->myDoc)
		xmlFreeDoc(state->parser->myDoc);
	state->parser->myDoc = NULL;
	xmlFreeParserCtxt(state->parser);
	state->parser = NULL;
}

/* ---- callbacks of libxml2: they note and return ---- */

static ParseState *
state_of(void *parser)
{
	return ((xmlParserCtxtPtr) parser)->_private;
}

/* Keeps the first error; what follows is usually its consequence. */
static void
on_error(void *parser, xmlErrorPtr error)
{
	ParseState *state = state_of(parser);
	size_t length;

	if (error->level < XML_ERR_ERROR || state->error_line > 0)
		return;
	state->error_line = Max(error->line, 1);
	strlcpy(state->reason, error->message ? error->message : "unspecified error",
			sizeof(state->reason));
	/* Where it quotes the document, it may cut a character. */
	length = pg_encoding_verifymbstr(PG_UTF8, state->reason, strlen(state->reason));
	state->reason[length] = '\0';
	while (length > 0 && strchr("\r\n. ", state->reason[length - 1]))
		state->reason[--length] = '\0';
}

static void
on_doctype(void *parser, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
	state_of(parser)->doctype = true;
	xmlStopParser(parser);
}

static void
on_element(void *parser, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
		   int nnamespaces, const xmlChar **namespaces, int nattributes, int ndefaulted,
		   const xmlChar **attributes)
{
	ParseState *state = state_of(parser);

	state->too_many = ++state->elements > MAX_ELEMENTS;
	state->too_deep = ++state->depth > MAX_DEPTH;
	if (state->too_many || state->too_deep)
		xmlStopParser(parser);
	else
		xmlSAX2StartElementNs(parser, name, prefix, uri, nnamespaces, namespaces, nattributes,
							  ndefaulted, attributes);
}

static void
on_element_end(void *parser, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	state_of(parser)->depth--;
	xmlSAX2EndElementNs(parser, name, prefix, uri);
}

/* ---- parsing ---- */

/* A parser that is freed with a memory context. */
static ParseState *
create_parser(MemoryContext context, const char *subject)
{
	ParseState *state = MemoryContextAllocZero(context, sizeof(ParseState));
	MemoryContextCallback *callback = MemoryContextAllocZero(context, sizeof(*callback));

	callback->func = free_parser;
	callback->arg = state;
	MemoryContextRegisterResetCallback(context, callback);
	xmlInitParser();
	state->parser = xmlCreatePushParserCtxt(NULL, NULL, NULL, 0, NULL);
	if (state->parser == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY),
						errmsg("out of memory while reading %s", subject)));
	xmlCtxtUseOptions(state->parser, PARSER_OPTIONS);
	state->parser->_private = state;
	state->parser->sax->serror = (xmlStructuredErrorFunc) on_error;
	state->parser->sax->internalSubset = on_doctype;
	state->parser->sax->startElementNs = on_element;
	state->parser->sax->endElementNs = on_element_end;
	return state;
}

static void
check_size(Size length, const char *subject)
{
	if (length == 0)
		ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE), errmsg("%s is empty", subject)));
	if (length > MAX_BYTES)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("%s is too large", subject),
						errdetail("It has %zu bytes; at most %d are read.", length, MAX_BYTES)));
}

/* Raises what the callbacks noted. */
static void
check_outcome(const ParseState *state, const char *subject)
{
	if (state->doctype)
		ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
						errmsg("%s has a document type declaration", subject),
						errdetail("Such documents are refused, because they can refer to files and "
								  "expand without limit.")));
	if (state->too_deep || state->too_many)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("%s is too complex", subject),
				 errdetail("Elements may be nested %d deep, and there may be %d of them.",
						   MAX_DEPTH, MAX_ELEMENTS)));
	if (state->error_line > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_REPLY_HANDLE), errmsg("%s is not well-formed XML", subject),
				 errdetail("Line %d: %s.", state->error_line, state->reason)));
	if (!state->parser->wellFormed || state->parser->myDoc == NULL ||
		xmlDocGetRootElement(state->parser->myDoc) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_REPLY_HANDLE), errmsg("%s is not well-formed XML", subject)));
}

/*
 * Counts attributes before libxml2 does: between one "<" and the next there are
 * at least as many equals signs.
 */
static void
check_attributes(const char *text, Size length, const char *subject)
{
	int signs = 0;

	for (Size i = 0; i < length; i++)
	{
		if (text[i] == '<')
			signs = 0;
		else if (text[i] == '=' && ++signs > MAX_ATTRIBUTES)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("%s is too complex", subject),
					 errdetail("An element may have %d attributes.", MAX_ATTRIBUTES)));
	}
}

/*
 * Nothing may stand before an XML declaration, but page templates and proxies put
 * blanks there, and a mark of the byte order before or behind them.
 */
static const char *
skip_blanks(const char *text, Size *length)
{
	for (;;)
	{
		Size skipped = 0;

		while (skipped < *length && strchr(" \t\r\n", text[skipped]) && text[skipped])
			skipped++;
		if (*length - skipped >= 3 && memcmp(text + skipped, "\xEF\xBB\xBF", 3) == 0)
			skipped += 3;
		if (skipped == 0)
			return text;
		text += skipped;
		*length -= skipped;
	}
}

/*
 * The first bytes tell UTF-16 from ASCII; a declaration that says otherwise was
 * left by a program that encoded the document anew.
 */
static bool
is_misdeclared(const char *text, Size length)
{
	static const char *const wide[] = {"utf-16",          "utf16",  "unicode", "ucs-2",
									   "iso-10646-ucs-2", "utf-32", "ucs-4"};
	Size end = length >= 2 && text[0] == '<' && text[1] == '?' ? strcspn(text, ">") : 0;
	char *declaration = pnstrdup(text, Min(end, 200));
	char *encoding = strstr(declaration, "encoding");

	if (length >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0))
		return true;
	if (encoding == NULL)
		return false;
	encoding += strlen("encoding");
	encoding += strspn(encoding, " \t\r\n='\"");
	for (int i = 0; i < lengthof(wide); i++)
		if (pg_strncasecmp(encoding, wide[i], strlen(wide[i])) == 0)
			return true;
	return false;
}

/* Is the parser satisfied? */
static bool
parse_piece(ParseState *state, const char *piece, int length, bool last)
{
	xmlStructuredErrorFunc handler = xmlStructuredError;
	void *context = xmlStructuredErrorContext;
	bool good;

	xmlSetStructuredErrorFunc(state->parser, (xmlStructuredErrorFunc) on_error);
	good = xmlParseChunk(state->parser, piece, length, last) == 0;
	xmlSetStructuredErrorFunc(context, handler);
	return good;
}

static void
parse(ParseState *state, const char *text, Size length, const char *subject)
{
	for (Size done = 0; done < length;)
	{
		int piece = Min(length - done, PIECE_BYTES);

		CHECK_FOR_INTERRUPTS();
		if (!parse_piece(state, text + done, piece, false))
			break;
		done += piece;
	}
	/* Ends the document; an error noted above stays the first. */
	parse_piece(state, NULL, 0, true);
	check_outcome(state, subject);
}

/* ---- copying ---- */

static char *
copy_string(const xmlChar *string)
{
	return pstrdup((const char *) string);
}

/* Character data among siblings, joined: the parser splits it at references. */
static const char *
copy_text(xmlNodePtr first)
{
	StringInfoData buf;

	if (first && first->next == NULL && first->type == XML_TEXT_NODE && first->content)
		return copy_string(first->content);
	initStringInfo(&buf);
	for (xmlNodePtr node = first; node; node = node->next)
	{
		bool is_text = node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE ||
					   node->type == XML_ENTITY_REF_NODE;

		if (is_text && node->content)
			appendStringInfoString(&buf, copy_string(node->content));
	}
	return buf.data;
}

static bool
is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

static List *
copy_attributes(xmlNodePtr element)
{
	List *attributes = NIL;

	for (xmlAttrPtr attr = element->properties; attr; attr = attr->next)
	{
		MlsXmlAttribute *attribute = palloc(sizeof(MlsXmlAttribute));

		attribute->name = copy_string(attr->name);
		attribute->value = attr->children ? copy_text(attr->children) : "";
		attributes = lappend(attributes, attribute);
	}
	return attributes;
}

/* Blanks between child elements are layout, not text. */
static MlsXmlNode *
copy_element(xmlNodePtr element)
{
	MlsXmlNode *node = palloc0(sizeof(MlsXmlNode));

	CHECK_FOR_INTERRUPTS();
	node->name = copy_string(element->name);
	node->attributes = copy_attributes(element);
	for (xmlNodePtr child = element->children; child; child = child->next)
		if (child->type == XML_ELEMENT_NODE)
			node->children = lappend(node->children, copy_element(child));
	node->text = element->children ? copy_text(element->children) : "";
	if (node->children && is_blank(node->text))
		node->text = "";
	return node;
}

MlsXmlNode *
mls_xml_parse(const char *text, Size length, const char *subject)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw XML parser", ALLOCSET_SMALL_SIZES);
	ParseState *state;
	MlsXmlNode *root;

	text = skip_blanks(text, &length);
	check_size(length, subject);
	check_attributes(text, length, subject);
	state = create_parser(context, subject);
	if (is_misdeclared(text, length))
		xmlCtxtUseOptions(state->parser, PARSER_OPTIONS | XML_PARSE_IGNORE_ENC);
	parse(state, text, length, subject);
	root = copy_element(xmlDocGetRootElement(state->parser->myDoc));
	MemoryContextDelete(context);
	return root;
}

const char *
mls_xml_attribute(const MlsXmlNode *node, const char *name)
{
	ListCell *lc;

	foreach (lc, node->attributes)
	{
		MlsXmlAttribute *attribute = lfirst(lc);

		if (strcmp(attribute->name, name) == 0)
			return attribute->value;
	}
	return NULL;
}

MlsXmlNode *
mls_xml_child(const MlsXmlNode *node, const char *name)
{
	ListCell *lc;

	foreach (lc, node->children)
	{
		MlsXmlNode *child = lfirst(lc);

		if (strcmp(child->name, name) == 0)
			return child;
	}
	return NULL;
}
