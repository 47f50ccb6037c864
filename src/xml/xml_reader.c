/*
 * xml_reader.c
 *		Answers that are nearly XML as a stream of events, read from bytes as they come.
 *
 * What real servers send is nearly XML: Windows-1252 in answers that claim UTF-8,
 * control characters, "R&R Realty", "<10 min to beach".  All of these are errors
 * to a parser, and each can be put right by looking at a few bytes, without a
 * guess about what was meant.  Each repair is counted.  Whatever needs a guess
 * (tags that do not match, missing quotes, a cut end) is refused.  What stands behind the
 * end of the document is counted and left out.
 *
 * One pass over the bytes knows where it is: in text, in a tag, in CDATA.  A text is
 * collected as it is meant, references resolved, a tag as it stands; at its end the tag is
 * taken apart.  Declaration, document type, comments and processing instructions say nothing
 * that is needed and are left out, so nothing is declared and nothing outside is ever read.
 * A row's content is text by definition of the format, so a "<" there is markup only where
 * it ends the row or begins CDATA.
 *
 * The memory is that of one piece and of the longest text, however long the document.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "xml/xml.h"

/* Answers nest a dozen deep. */
#define MAX_DEPTH 100

/* Bytes of distinct names, which are kept; the richest schema known has 100 kB. */
#define MAX_NAMES (4 * 1024 * 1024)

/* The longest text or tag: a row of a thousand columns has some hundred kilobytes. */
#define MAX_TEXT (64 * 1024 * 1024)

/* A reason, which may hold a name of the source's, is shown up to this length. */
#define MAX_REASON 200

/* Attributes of an element: each is compared with those before it. */
#define MAX_ATTRIBUTES 1000

/* A piece of an answer that is read at once; a test has smaller ones. */
#ifndef MLS_XML_PIECE
#define MLS_XML_PIECE (64 * 1024)
#endif

/* "<![CDATA[", "<!DOCTYPE" and any row's end tag are told apart by so many bytes. */
#define LOOK_AHEAD 12

/* The longest reference read, "&#x0010FFFF;" with room for zeros. */
#define MAX_REFERENCE 16

/* So much is looked ahead behind what may be the end of an attribute's value. */
#define MAX_ATTRIBUTE_AHEAD 64

/* So much can be kept back; two references are less. */
#define MAX_CARRY MAX_ATTRIBUTE_AHEAD

/* A name as it stands, kept once, so that it can be compared by its address. */
typedef struct NameEntry
{
	const char *name;
	char status;
} NameEntry;

#define SH_PREFIX names
#define SH_ELEMENT_TYPE NameEntry
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(table, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef enum Place
{
	IN_TEXT,
	IN_TAG,
	IN_CDATA,
	IN_SKIPPED, /* something left out, up to `until` */
	IN_DOCTYPE,
	IN_TRAILER /* behind the end of the document */
} Place;

/* Bytes that are collected. */
typedef struct Store
{
	char *data;
	Size used;
	Size capacity;
} Store;

typedef struct OpenElement
{
	const char *name;  /* as it stands in its tag */
	const char *local; /* without its prefix */
	int line;
} OpenElement;

struct MlsXmlReader
{
	MemoryContext context;
	const char *subject;
	const char *row; /* name of the element whose content is text only, or NULL */
	int row_length;
	MlsXmlRepairs counts;

	/* bytes */
	const char *input; /* given, not taken yet */
	Size input_length;
	bool no_more;   /* all of the input has been given */
	bool final;     /* and taken */
	char *piece;    /* bytes kept back, and a piece of the input behind them */
	const char *at; /* what of it is still to be read */
	const char *end;
	int line;

	/* where they are */
	Place place;
	bool at_start;         /* nothing but blanks so far */
	bool is_1252;          /* declared as such, or as ISO-8859-1 */
	bool is_declaration;   /* what is skipped is the XML declaration */
	char declaration[128]; /* its beginning */
	int declaration_length;
	const char *until;
	bool in_row;
	char quote;       /* within a tag: the quote that an attribute ends with, or 0 */
	int equals_signs; /* in the tag being read */
	int tag_line;     /* where that began */
	int depth;
	OpenElement open[MAX_DEPTH];

	/* what they hold */
	names_hash *names;
	Size name_bytes;
	Store text;
	Store tag;
	MlsXmlAttribute *attributes;
	MlsXmlEvent *event; /* the one asked for */
	bool has_event;
	bool text_given; /* the text was, and can be forgotten */
	bool is_empty;   /* the element that was begun last has no end tag */
};

/* Bytes that are more than themselves in text: controls, what begins markup, what is no ASCII. */
static const bool odd_in_text[256] = {
	[0x00 ... 0x08] = true, [0x0B ... 0x1F] = true, ['&'] = true,
	['<'] = true,           [0x80 ... 0xFF] = true,
};

static const bool odd_in_tag[256] = {
	[0x00 ... 0x08] = true, [0x0B ... 0x0C] = true, [0x0E ... 0x1F] = true, ['&'] = true,
	['<'] = true,           ['>'] = true,           ['"'] = true,           ['\''] = true,
	['='] = true,           [0x80 ... 0xFF] = true,
};

static const bool odd_in_cdata[256] = {
	[0x00 ... 0x08] = true, [0x0B ... 0x0C] = true, [0x0E ... 0x1F] = true,
	[']'] = true,           [0x80 ... 0xFF] = true,
};

/* ---- what cannot be read ---- */

pg_noreturn static void
report(const MlsXmlReader *reader, int code, const char *detail)
{
	ereport(ERROR,
			(errcode(code), errmsg("could not read %s", reader->subject), errdetail("%s", detail)));
}

pg_noreturn static void
refuse(const MlsXmlReader *reader, const char *reason)
{
	report(reader, ERRCODE_FDW_REPLY_HANDLE,
		   psprintf("It is not well-formed XML, line %d: %.*s.", reader->line,
					pg_mbcliplen(reason, strlen(reason), MAX_REASON), reason));
}

static const char refused_doctype[] =
	"It has a document type with declarations of its own, or after its beginning, which is "
	"refused.";

/* ---- collecting ---- */

static void
grow(MlsXmlReader *reader, Store *store, Size length)
{
	Size capacity = Max(2 * (store->used + length), 4096);
	char *larger;

	if (store->used + length > MAX_TEXT)
		report(reader, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
			   psprintf("One of its texts has more than %d bytes.", MAX_TEXT));
	larger = MemoryContextAllocHuge(reader->context, capacity);
	if (store->data)
	{
		memcpy(larger, store->data, store->used);
		pfree(store->data);
	}
	store->data = larger;
	store->capacity = capacity;
}

/* Adds to the text or the tag that is being read; one byte more is left for its end. */
static inline void
put(MlsXmlReader *reader, const char *bytes, int length)
{
	Store *store = reader->place == IN_TAG ? &reader->tag : &reader->text;

	if (store->used + length >= store->capacity)
		grow(reader, store, length + 1);
	memcpy(store->data + store->used, bytes, length);
	store->used += length;
}

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

/* Copies what is not odd; returns how much that was. */
static int
copy_plain(MlsXmlReader *reader, const bool *odd, const char *s, const char *end)
{
	const char *from = s;

	while (s < end && !odd[(unsigned char) *s])
		s++;
	if (s > from)
		put(reader, from, s - from);
	return s - from;
}

/* ---- single characters: how many bytes were taken, 0 if more are needed ---- */

#define REPLACEMENT 0xFFFD

/* Windows-1252, 0x80 to 0x9F; 0 where it has no character. */
static const uint16 windows_1252[32] = {
	0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
	0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
	0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

static void
put_character(MlsXmlReader *reader, pg_wchar code)
{
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1];

	unicode_to_utf8(code, utf8);
	put(reader, (char *) utf8, pg_utf_mblen(utf8));
}

static void
put_1252(MlsXmlReader *reader, unsigned char byte)
{
	pg_wchar code = byte >= 0xA0 ? byte : windows_1252[byte - 0x80];

	put_character(reader, code ? code : REPLACEMENT);
	if (!reader->is_1252 || code == 0)
		reader->counts.encoding++;
}

/* A character outside ASCII; 0 if its end is still to come. */
static int
take_wide(MlsXmlReader *reader, const char *s, const char *end, bool final)
{
	const unsigned char *u = (const unsigned char *) s;
	int length = pg_utf_mblen(u);

	if (end - s < length)
	{
		if (!final)
			return 0;
		length = 1;
	}
	if (length > 1 && pg_utf8_islegal(u, length))
	{
		/* U+FFFE and U+FFFF are no characters to XML. */
		if (u[0] == 0xEF && u[1] == 0xBF && u[2] >= 0xBE)
		{
			put_character(reader, REPLACEMENT);
			reader->counts.references++;
		}
		else
			put(reader, s, length);
		return length;
	}
	/* Half of a surrogate pair, as some programs write them. */
	if (length == 3 && u[0] == 0xED && u[1] >= 0xA0 && u[1] <= 0xBF && (u[2] & 0xC0) == 0x80)
	{
		put_character(reader, REPLACEMENT);
		reader->counts.references++;
		return 3;
	}
	put_1252(reader, u[0]);
	return 1;
}

/* A byte that is no ASCII character of a document. */
static int
take_odd(MlsXmlReader *reader, const char *s, const char *end, bool final)
{
	if ((unsigned char) *s >= 0x80)
		return take_wide(reader, s, end, final);
	reader->counts.controls++;
	return 1;
}

/* ---- references ---- */

/*
 * Length of the reference at s, "&" to ";" included; 0 if none is there, -1 if
 * the bytes end before that can be said.
 */
static int
reference_length(const char *s, const char *end, bool final)
{
	int i;

	for (i = 1; i < MAX_REFERENCE && s + i < end; i++)
	{
		unsigned char c = s[i];

		if (c == ';')
			return i > 1 ? i + 1 : 0;
		if (!(c == '#' && i == 1) && !is_letter(c) && !is_digit(c))
			return 0;
	}
	return i < MAX_REFERENCE && !final ? -1 : 0;
}

/* Number of a reference such as "&#x41;", or -1 if it is none of a number. */
static int64
reference_number(const char *s, int length)
{
	bool hex = length > 3 && (s[2] == 'x' || s[2] == 'X');
	int64 number = 0;

	if (length < 4 || s[1] != '#')
		return -1;
	for (int i = hex ? 3 : 2; i < length - 1; i++)
	{
		char c = pg_ascii_tolower(s[i]);
		int digit = c >= '0' && c <= '9'          ? c - '0'
					: c >= 'a' && c <= 'f' && hex ? c - 'a' + 10
												  : -1;

		if (digit < 0)
			return -1;
		number = Min(number * (hex ? 16 : 10) + digit, INT64CONST(0x7FFFFFFF));
	}
	return hex && length < 5 ? -1 : number;
}

/* A half pair's reference at s; with its other half behind it they are one character. */
static int
take_surrogate(MlsXmlReader *reader, pg_wchar code, const char *s, int length, const char *end,
			   bool final)
{
	const char *next = s + length;
	int next_length = next < end && *next == '&' ? reference_length(next, end, final) : 0;
	int64 low = -1;

	if (is_utf16_surrogate_first(code))
	{
		if (next_length < 0 || (next == end && !final))
			return 0;
		if (next_length > 0)
			low = reference_number(next, next_length);
	}
	reader->counts.references++;
	if (low < 0 || !is_utf16_surrogate_second((pg_wchar) low))
	{
		put_character(reader, REPLACEMENT);
		return length;
	}
	put_character(reader, surrogate_pair_to_codepoint(code, (pg_wchar) low));
	return length + next_length;
}

static int
take_number(MlsXmlReader *reader, int64 number, const char *s, int length, const char *end,
			bool final)
{
	if (number >= 0xD800 && number <= 0xDFFF)
		return take_surrogate(reader, (pg_wchar) number, s, length, end, final);
	if (number < 0x20 && number != '\t' && number != '\n' && number != '\r')
		reader->counts.controls++;
	else if (number > 0x10FFFF || number == 0xFFFE || number == 0xFFFF)
	{
		put_character(reader, REPLACEMENT);
		reader->counts.references++;
	}
	else if (reader->place == IN_TAG)
		put(reader, s, length);
	else
		put_character(reader, (pg_wchar) number);
	return length;
}

/* The character of an entity that XML knows, or NULL. */
static const char *
entity_character(const char *s, int length)
{
	static const struct
	{
		const char *name;
		const char *character;
	} known[] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}};

	for (int i = 0; i < lengthof(known); i++)
		if (strlen(known[i].name) == length && memcmp(known[i].name, s, length) == 0)
			return known[i].character;
	return NULL;
}

/* An ampersand: a reference, or itself. */
static int
take_ampersand(MlsXmlReader *reader, const char *s, const char *end, bool final)
{
	int length = reference_length(s, end, final);
	const char *character;
	int64 number;

	if (length < 0)
		return 0;
	number = length > 0 ? reference_number(s, length) : -1;
	if (number >= 0)
		return take_number(reader, number, s, length, end, final);
	character = entity_character(s, length);
	if (character)
	{
		if (reader->place == IN_TAG)
			put(reader, s, length);
		else
			put(reader, character, 1);
		return length;
	}
	put(reader, "&amp;", reader->place == IN_TAG ? 5 : 1);
	reader->counts.ampersands++;
	return 1;
}

/* ---- tags, taken apart ---- */

/* A name, kept once. */
static const char *
intern(MlsXmlReader *reader, const char *name)
{
	NameEntry *entry = names_lookup(reader->names, name);
	bool found;

	if (entry)
		return entry->name;
	reader->name_bytes += strlen(name) + 1;
	if (reader->name_bytes > MAX_NAMES)
		report(reader, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
			   psprintf("Its names have more than %d bytes.", MAX_NAMES));
	name = MemoryContextStrdup(reader->context, name);
	return names_insert(reader->names, name, &found)->name;
}

/* A name without its prefix. */
static const char *
local_name(MlsXmlReader *reader, const char *name)
{
	const char *colon = strchr(name, ':');

	return colon && colon > name && colon[1] ? intern(reader, colon + 1) : name;
}

static bool
can_begin_name(unsigned char c)
{
	return is_letter(c) || c == '_' || c == ':' || c >= 0x80;
}

/* Ends the name at s, for which its next byte is returned and overwritten; NULL: there is none. */
static char *
end_name(char *s, char *next)
{
	if (!can_begin_name(*s))
		return NULL;
	while (can_begin_name(*s) || is_digit(*s) || *s == '-' || *s == '.')
		s++;
	*next = *s;
	*s = '\0';
	return s;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char *
after_blanks(char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

/* A value between quotes, in its place: references resolved, any blank a space. */
static void
unescape(char *value)
{
	char *out = value;

	for (const char *s = value; *s;)
	{
		const char *semicolon = *s == '&' ? strchr(s, ';') : NULL;

		if (semicolon == NULL)
		{
			if (*s != '\r' || s[1] != '\n')
				*out++ = is_blank(*s) ? ' ' : *s;
			s++;
			continue;
		}
		else
		{
			int length = semicolon + 1 - s;
			int64 number = reference_number(s, length);

			if (number >= 0)
			{
				unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1];

				unicode_to_utf8((pg_wchar) number, utf8);
				memcpy(out, utf8, pg_utf_mblen(utf8));
				out += pg_utf_mblen(utf8);
			}
			else
				*out++ = *entity_character(s, length);
			s += length;
		}
	}
	*out = '\0';
}

/* Takes the attributes at s, which has a blank before each. */
static int
take_attributes(MlsXmlReader *reader, char *s)
{
	int n = 0;

	while (*s && n < MAX_ATTRIBUTES)
	{
		MlsXmlAttribute *attribute = &reader->attributes[n];
		char *from = s;
		char *value;
		char next;
		char quote;

		s = after_blanks(s);
		if (*s == '\0')
			break;
		attribute->name = s;
		if (s == from || (s = end_name(s, &next)) == NULL)
			refuse(reader, "a tag has more in it than attributes");
		attribute->name = intern(reader, attribute->name);
		*s = next;
		s = after_blanks(s);
		if (*s != '=')
			refuse(reader, psprintf("attribute %s has no value", attribute->name));
		s = after_blanks(s + 1);
		quote = *s;
		value = s + 1;
		s = quote == '"' || quote == '\'' ? strchr(value, quote) : NULL;
		if (s == NULL)
			refuse(reader, psprintf("the value of attribute %s is not in quotes", attribute->name));
		*s++ = '\0';
		for (int i = 0; i < n; i++)
			if (reader->attributes[i].name == attribute->name)
				refuse(reader, psprintf("attribute %s redefined", attribute->name));
		unescape(value);
		attribute->value = value;
		n++;
	}
	return n;
}

/* Declarations of namespaces are none to the caller, and names go without their prefix. */
static int
without_namespaces(MlsXmlReader *reader, int n)
{
	int kept = 0;

	for (int i = 0; i < n; i++)
	{
		MlsXmlAttribute attribute = reader->attributes[i];

		if (strcmp(attribute.name, "xmlns") == 0 || strncmp(attribute.name, "xmlns:", 6) == 0)
			continue;
		attribute.name = local_name(reader, attribute.name);
		reader->attributes[kept++] = attribute;
	}
	return kept;
}

static void
give(MlsXmlReader *reader, MlsXmlEventKind kind)
{
	MlsXmlEvent *event = reader->event;

	memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->depth = reader->depth;
	event->name = reader->depth > 0 ? reader->open[reader->depth - 1].local : NULL;
	reader->has_event = true;
}

static void
give_end(MlsXmlReader *reader)
{
	give(reader, MLS_XML_END);
	reader->depth--;
	reader->place = reader->depth > 0 ? IN_TEXT : IN_TRAILER;
	reader->in_row = reader->is_empty = false;
}

/* The tag that has been collected, without its brackets. */
static void
take_tag(MlsXmlReader *reader)
{
	char *s = reader->tag.data;
	Size length = reader->tag.used;
	bool is_end = *s == '/';
	OpenElement *open;
	char *stop;
	char next;

	s[length] = '\0';
	reader->place = IN_TEXT;
	reader->is_empty = !is_end && length > 1 && s[length - 1] == '/';
	if (reader->is_empty)
		s[length - 1] = '\0';
	s += is_end;
	stop = end_name(s, &next);
	if (stop == NULL || (!is_blank(next) && next != '\0'))
		refuse(reader, "the name of a tag is not valid");
	if (is_end)
	{
		open = reader->depth > 0 ? &reader->open[reader->depth - 1] : NULL;
		if (open == NULL || strcmp(open->name, s) != 0)
			refuse(reader, psprintf("Opening and ending tag mismatch: %s line %d and %s",
									open ? open->name : "none", open ? open->line : 0, s));
		*stop = next;
		if (*after_blanks(stop) != '\0')
			refuse(reader, "an end tag has more in it than its name");
		give_end(reader);
		return;
	}
	if (reader->depth == MAX_DEPTH)
		report(reader, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
			   psprintf("Its elements are nested more than %d deep.", MAX_DEPTH));
	open = &reader->open[reader->depth++];
	open->name = intern(reader, s);
	open->local = local_name(reader, open->name);
	open->line = reader->tag_line;
	reader->in_row = !reader->is_empty && reader->row && strcmp(open->name, reader->row) == 0;
	*stop = next;
	give(reader, MLS_XML_START);
	if (next != '\0')
	{
		reader->event->nattributes = without_namespaces(reader, take_attributes(reader, stop));
		reader->event->attributes = reader->attributes;
	}
}

/* ---- markup ---- */

static bool
begins(const char *s, const char *end, const char *word)
{
	Size length = strlen(word);

	return end - s >= length && pg_strncasecmp(s, word, length) == 0;
}

/* Is the row's name at s, and does it end there? */
static bool
is_row_name(const MlsXmlReader *reader, const char *s, const char *end)
{
	return end - s > reader->row_length && memcmp(s, reader->row, reader->row_length) == 0 &&
		   (is_blank(s[reader->row_length]) || s[reader->row_length] == '>');
}

static int
skip(MlsXmlReader *reader, Place place, const char *until, int length)
{
	reader->place = place;
	reader->until = until;
	return length;
}

/* Before a tag the text ends, which is given out first. */
static int
begin_tag(MlsXmlReader *reader)
{
	if (reader->text.used > 0)
	{
		reader->text.data[reader->text.used] = '\0';
		give(reader, MLS_XML_TEXT);
		reader->event->name = NULL;
		reader->event->text = reader->text.data;
		reader->event->length = reader->text.used;
		reader->text_given = true;
	}
	reader->place = IN_TAG;
	reader->tag.used = 0;
	reader->tag_line = reader->line;
	reader->quote = 0;
	reader->equals_signs = 0;
	reader->at_start = false;
	return 1;
}

/* A "<" that begins no markup. */
static int
put_bracket(MlsXmlReader *reader)
{
	if (reader->at_start)
		refuse(reader, "Document is empty");
	if (reader->place == IN_TAG)
		put(reader, "&lt;", 4);
	else
		put(reader, "<", 1);
	reader->counts.brackets++;
	return 1;
}

/* A "<" in text. */
static int
take_bracket(MlsXmlReader *reader, const char *s, const char *end, bool final)
{
	if (end - s < LOOK_AHEAD && !final)
		return 0;
	/* CDATA and comments may stand anywhere. */
	if (begins(s, end, "<![CDATA[") && !reader->at_start)
		return skip(reader, IN_CDATA, NULL, 9);
	if (begins(s, end, "<!--"))
	{
		reader->is_declaration = false;
		return skip(reader, IN_SKIPPED, "-->", 4);
	}
	if (reader->in_row)
		return begins(s, end, "</") && is_row_name(reader, s + 2, end) ? begin_tag(reader)
																	   : put_bracket(reader);
	if (begins(s, end, "<!DOCTYPE"))
	{
		if (!reader->at_start)
			report(reader, ERRCODE_FDW_REPLY_HANDLE, refused_doctype);
		return skip(reader, IN_DOCTYPE, ">", 9);
	}
	if (begins(s, end, "<?"))
	{
		reader->is_declaration = reader->at_start;
		return skip(reader, IN_SKIPPED, "?>", 2);
	}
	if (end - s > 1 && (can_begin_name(s[1]) || s[1] == '/' || s[1] == '!'))
		return begin_tag(reader);
	return put_bracket(reader);
}

/*
 * Does a quotation mark end its attribute's value?  Then the tag ends behind it, or another
 * attribute begins; what else follows shows that it is a part of the value.  Where that
 * cannot be seen from here, it ends the value.
 */
static bool
ends_value(const char *s, const char *end)
{
	for (s++; s < end && isspace((unsigned char) *s); s++)
		;
	if (s < end && (*s == '/' || *s == '?'))
		s++;
	if (s == end || *s == '>')
		return true;
	if (!can_begin_name(*s))
		return false;
	while (s < end && !isspace((unsigned char) *s) && strchr("=<>\"'/&", *s) == NULL)
		s++;
	while (s < end && isspace((unsigned char) *s))
		s++;
	if (s == end)
		return true;
	if (*s != '=')
		return false;
	for (s++; s < end && isspace((unsigned char) *s); s++)
		;
	return s == end || *s == '"' || *s == '\'';
}

/* A quotation mark in a tag. */
static int
take_quote(MlsXmlReader *reader, const char *s, const char *end, bool final)
{
	if (reader->quote == *s && end - s < MAX_ATTRIBUTE_AHEAD && !final)
		return 0;
	if (reader->quote == *s && !ends_value(s, Min(end, s + MAX_ATTRIBUTE_AHEAD)))
	{
		put(reader, *s == '"' ? "&#34;" : "&#39;", 5);
		reader->counts.quotes++;
		return 1;
	}
	reader->quote = reader->quote == 0 ? *s : reader->quote == *s ? 0 : reader->quote;
	put(reader, s, 1);
	return 1;
}

/* ---- one step in each place: how many bytes it took, 0 if it needs more ---- */

/* Line breaks become LF as everywhere in XML. */
static int
step_text(MlsXmlReader *reader, const char *s, const char *end, bool final)
{
	int used = copy_plain(reader, odd_in_text, s, end);

	if (used > 0)
		return used;
	switch (*s)
	{
		case '<':
			return take_bracket(reader, s, end, final);
		case '&':
			return take_ampersand(reader, s, end, final);
		case '\r':
			if (end - s < 2 && !final)
				return 0;
			if (end - s < 2 || s[1] != '\n')
				put(reader, "\n", 1);
			return 1;
		default:
			return take_odd(reader, s, end, final);
	}
}

/* Blanks and marks before the document. */
static int
step_start(MlsXmlReader *reader, const char *s, const char *end, bool final)
{
	if (end - s < 3 && !final)
		return 0;
	if (end - s >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0)
		return 3;
	if (end - s >= 2 && (memcmp(s, "\xFF\xFE", 2) == 0 || memcmp(s, "\xFE\xFF", 2) == 0))
		report(reader, ERRCODE_FDW_REPLY_HANDLE, "It is in UTF-16, which is not supported.");
	if (*s == '<')
		return take_bracket(reader, s, end, final);
	if (!is_blank(*s))
		refuse(reader, "Document is empty");
	return 1;
}

static int
step_tag(MlsXmlReader *reader, const char *s, const char *end, bool final)
{
	int used = copy_plain(reader, odd_in_tag, s, end);

	if (used > 0)
		return used;
	switch (*s)
	{
		case '&':
			return take_ampersand(reader, s, end, final);
		case '"':
		case '\'':
			return take_quote(reader, s, end, final);
		case '<':
			if (reader->quote)
				return put_bracket(reader);
			break;
		case '>':
			if (!reader->quote)
			{
				take_tag(reader);
				return 1;
			}
			break;
		case '=':
			if (!reader->quote && ++reader->equals_signs > MAX_ATTRIBUTES)
				report(
					reader, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
					psprintf("One of its elements has more than %d attributes.", MAX_ATTRIBUTES));
			break;
		default:
			return take_odd(reader, s, end, final);
	}
	put(reader, s, 1);
	return 1;
}

static int
step_cdata(MlsXmlReader *reader, const char *s, const char *end, bool final)
{
	int used = copy_plain(reader, odd_in_cdata, s, end);

	if (used > 0)
		return used;
	if (*s != ']')
		return take_odd(reader, s, end, final);
	if (end - s < 3 && !final)
		return 0;
	if (begins(s, end, "]]>"))
		return skip(reader, IN_TEXT, NULL, 3);
	put(reader, s, 1);
	return 1;
}

/* The encoding that a declaration names matters where bytes are no UTF-8. */
static void
note_declared(MlsXmlReader *reader, const char *s, const char *end)
{
	for (; s < end; s++)
		if (begins(s, end, "8859-1") || begins(s, end, "1252"))
			reader->is_1252 = true;
}

static int
step_skipped(MlsXmlReader *reader, const char *s, const char *end, bool final)
{
	int length = strlen(reader->until);
	const char *from = s;

	for (; end - s >= length; s++)
	{
		if (memcmp(s, reader->until, length) == 0)
		{
			reader->place = IN_TEXT;
			s += length;
			break;
		}
		if (reader->is_declaration && reader->declaration_length < sizeof(reader->declaration))
			reader->declaration[reader->declaration_length++] = *s;
	}
	if (reader->is_declaration && reader->place == IN_TEXT)
		note_declared(reader, reader->declaration,
					  reader->declaration + reader->declaration_length);
	/* What is never ended cuts the document off. */
	return s > from ? s - from : final ? end - s : 0;
}

static int
step(MlsXmlReader *reader, const char *s, const char *end, bool final)
{
	switch (reader->place)
	{
		case IN_TEXT:
			return reader->at_start ? step_start(reader, s, end, final)
									: step_text(reader, s, end, final);
		case IN_TAG:
			return step_tag(reader, s, end, final);
		case IN_CDATA:
			return step_cdata(reader, s, end, final);
		case IN_SKIPPED:
			return step_skipped(reader, s, end, final);
		case IN_DOCTYPE:
			if (*s == '[')
				report(reader, ERRCODE_FDW_REPLY_HANDLE, refused_doctype);
			if (*s == '>')
				reader->place = IN_TEXT;
			return 1;
		case IN_TRAILER:
			/* What proxies and programs add behind a document that was whole is no part of it. */
			reader->counts.trailing += !isspace((unsigned char) *s) && *s != '\0';
			return 1;
	}
	return 0;
}

/* ---- reading ---- */

MlsXmlReader *
mls_xml_reader(const MlsXmlReaderOptions *options)
{
	MlsXmlReader *reader = palloc0(sizeof(MlsXmlReader));

	reader->context = CurrentMemoryContext;
	reader->subject = options->subject;
	reader->row = options->row;
	reader->row_length = options->row ? strlen(options->row) : 0;
	reader->at_start = true;
	reader->line = 1;
	reader->at = reader->end = reader->piece = palloc(MLS_XML_PIECE + MAX_CARRY);
	reader->attributes = palloc(MAX_ATTRIBUTES * sizeof(MlsXmlAttribute));
	reader->names = names_create(CurrentMemoryContext, 64, NULL);
	if (options->charset)
		note_declared(reader, options->charset, options->charset + strlen(options->charset));
	return reader;
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

/* Takes the next piece behind what was kept back; false if there is none. */
static bool
take_piece(MlsXmlReader *reader)
{
	Size piece = Min(reader->input_length, MLS_XML_PIECE);
	Size kept = reader->end - reader->at;

	if (reader->final || (piece == 0 && !reader->no_more))
		return false;
	CHECK_FOR_INTERRUPTS();
	Assert(kept <= MAX_CARRY);
	memmove(reader->piece, reader->at, kept);
	if (piece > 0)
	{
		memcpy(reader->piece + kept, reader->input, piece);
		reader->input += piece;
		reader->input_length -= piece;
	}
	reader->at = reader->piece;
	reader->end = reader->piece + kept + piece;
	reader->final = reader->no_more && reader->input_length == 0;
	return true;
}

bool
mls_xml_next(MlsXmlReader *reader, MlsXmlEvent *event)
{
	reader->event = event;
	reader->has_event = false;
	if (reader->text_given)
		reader->text.used = 0;
	reader->text_given = false;
	if (reader->is_empty)
		give_end(reader);
	while (!reader->has_event)
	{
		const char *from = reader->at;
		int used = from < reader->end ? step(reader, from, reader->end, reader->final) : 0;

		if (used == 0 && !take_piece(reader))
			break;
		if (used == 0)
			continue;
		reader->at += used;
		/* Lines are those from the root element on. */
		while (!reader->at_start && (from = memchr(from, '\n', reader->at - from)) != NULL)
		{
			reader->line++;
			from++;
		}
	}
	if (!reader->has_event && reader->final && reader->place != IN_TRAILER)
		report(reader, ERRCODE_FDW_REPLY_HANDLE,
			   reader->at_start ? "It is empty." : "It is cut off: it ends before its end tag.");
	return reader->has_event;
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
	return &reader->counts;
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
