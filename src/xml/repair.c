/*
 * repair.c
 *		The bytes of an answer made fit for the parser.
 *
 * What real servers send is nearly XML: Windows-1252 in answers that claim UTF-8,
 * control characters, "R&R Realty", "<10 min to beach".  All of these are errors
 * to a parser, and each can be put right by looking at a few bytes, without a
 * guess about what was meant.  Each repair is counted.  Whatever needs a guess
 * (tags that do not match, missing quotes, a cut end) is left for the parser to
 * refuse.  What stands behind the end of the document is counted and left out.
 *
 * One pass over the bytes follows just enough of XML to know where it is:
 * in text, in a tag, in CDATA, in a row.  Declaration, document type, comments and
 * processing instructions say nothing that is needed and are left out.
 *
 * A row's content is text by definition of the format, so a "<" there is markup
 * only where it ends the row or begins CDATA.  Rows are nearly all of an answer,
 * and a parser goes through text outside of ASCII character by character.  So their
 * text is finished here, references resolved, and kept aside; the parser gets one
 * character in its place and calls for it there.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "xml/repair_state.h"

/*
 * libxml2 compares each attribute of an element with all before it, and cannot be
 * interrupted: 10,000 take a second, 50,000 a minute.
 */
#define MAX_ATTRIBUTES 1000

/* The most a byte becomes: "&amp;". */
#define MAX_GROWTH 5

/* "<![CDATA[", "<!DOCTYPE" and any row's end tag are told apart by so many bytes. */
#define LOOK_AHEAD 12

/* Stands for a row's text before the parser. */
#define ROW_MARK "."

/* Bytes that are more than themselves in text: controls, what begins markup, what is no ASCII. */
static const bool odd_in_text[256] = {
	[0x00 ... 0x08] = true, [0x0B ... 0x0C] = true, [0x0E ... 0x1F] = true, ['&'] = true,
	['<'] = true,           ['>'] = true,           [0x80 ... 0xFF] = true,
};

static const bool odd_in_row[256] = {
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

/* Copies what is not odd; returns how much that was. */
static int
copy_plain(MlsXmlRepair *repair, const bool *odd, const char *s, const char *end)
{
	const char *from = s;

	while (s < end && !odd[(unsigned char) *s])
		s++;
	put(repair, from, s - from);
	return s - from;
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
is_row_name(const MlsXmlRepair *repair, const char *s, const char *end)
{
	return repair->row && end - s > repair->row_length &&
		   memcmp(s, repair->row, repair->row_length) == 0 &&
		   strchr("> \t\r\n", s[repair->row_length]) != NULL && s[repair->row_length] != '\0';
}

static int
skip(MlsXmlRepair *repair, Place place, const char *until, int length)
{
	repair->place = place;
	repair->until = until;
	return length;
}

static int
begin_tag(MlsXmlRepair *repair, const char *s, const char *end)
{
	repair->place = IN_TAG;
	repair->tag_is_row = is_row_name(repair, s + 1, end);
	repair->tag_closes = end - s > 1 && s[1] == '/';
	repair->quote = 0;
	repair->equals_signs = 0;
	repair->at_start = false;
	put(repair, "<", 1);
	return 1;
}

/* CDATA and comments may stand anywhere; 0 if it is neither. */
static int
take_section(MlsXmlRepair *repair, const char *s, const char *end)
{
	if (begins(s, end, "<![CDATA["))
	{
		repair->place = IN_CDATA;
		if (!repair->in_row)
			put(repair, s, 9);
		return 9;
	}
	if (!begins(s, end, "<!--"))
		return 0;
	repair->is_declaration = false;
	return skip(repair, IN_SKIPPED, "-->", 4);
}

static int
put_bracket(MlsXmlRepair *repair)
{
	if (repair->in_row)
		put(repair, "<", 1);
	else
		put(repair, "&lt;", 4);
	repair->counts.brackets++;
	return 1;
}

static bool
can_begin_name(unsigned char c)
{
	return is_letter(c) || c == '_' || c == ':' || c == '/' || c == '!' || c >= 0x80;
}

/* The row's text is whole; one without any has no event either. */
static void
end_row(MlsXmlRepair *repair)
{
	Size length = repair->row_put - repair->row_start;

	repair->in_row = false;
	if (length == 0)
		return;
	if (repair->nrows == repair->max_rows)
	{
		repair->max_rows *= 2;
		repair->row_lengths = repalloc_huge(repair->row_lengths, repair->max_rows * sizeof(Size));
	}
	repair->row_lengths[repair->nrows++] = length;
	repair->row_start = repair->row_put;
	put(repair, ROW_MARK, 1);
}

/* A "<" in text. */
static int
take_bracket(MlsXmlRepair *repair, const char *s, const char *end, bool final)
{
	int used;

	if (end - s < LOOK_AHEAD && !final)
		return 0;
	used = take_section(repair, s, end);
	if (used > 0)
		return used;
	if (repair->in_row)
	{
		if (!begins(s, end, "</") || !is_row_name(repair, s + 2, end))
			return put_bracket(repair);
		end_row(repair);
		return begin_tag(repair, s, end);
	}
	if (begins(s, end, "<!DOCTYPE"))
	{
		if (!repair->at_start)
			repair->fault = MLS_XML_DOCTYPE;
		return skip(repair, IN_DOCTYPE, ">", 9);
	}
	if (begins(s, end, "<?"))
	{
		repair->is_declaration = repair->at_start;
		return skip(repair, IN_SKIPPED, "?>", 2);
	}
	if (end - s > 1 && can_begin_name(s[1]))
		return begin_tag(repair, s, end);
	return put_bracket(repair);
}

/* ---- one step in each place: how many bytes it took, 0 if it needs more ---- */

static int
step_text(MlsXmlRepair *repair, const char *s, const char *end, bool final)
{
	int used = copy_plain(repair, odd_in_text, s, end);

	if (used > 0)
		return used;
	switch (*s)
	{
		case '<':
			return take_bracket(repair, s, end, final);
		case '&':
			return mls_xml_take_ampersand(repair, s, end, final);
		case '>':
			/* The same, and never the end of a section that was not begun. */
			put(repair, "&gt;", 4);
			return 1;
		default:
			return mls_xml_take_odd(repair, s, end, final);
	}
}

/* A row's text; line breaks become LF as everywhere in XML. */
static int
step_row(MlsXmlRepair *repair, const char *s, const char *end, bool final)
{
	int used = copy_plain(repair, odd_in_row, s, end);

	if (used > 0)
		return used;
	switch (*s)
	{
		case '<':
			return take_bracket(repair, s, end, final);
		case '&':
			return mls_xml_take_ampersand(repair, s, end, final);
		case '\r':
			if (end - s < 2 && !final)
				return 0;
			if (end - s < 2 || s[1] != '\n')
				put(repair, "\n", 1);
			return 1;
		default:
			return mls_xml_take_odd(repair, s, end, final);
	}
}

/* Blanks and marks before the document. */
static int
step_start(MlsXmlRepair *repair, const char *s, const char *end, bool final)
{
	if (end - s < 3 && !final)
		return 0;
	if (end - s >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0)
		return 3;
	if (end - s >= 2 && (memcmp(s, "\xFF\xFE", 2) == 0 || memcmp(s, "\xFE\xFF", 2) == 0))
		repair->fault = MLS_XML_UTF16;
	if (*s == '<')
		return take_bracket(repair, s, end, final);
	if (strchr(" \t\r\n", *s) == NULL)
	{
		/* No document; the parser says so. */
		repair->at_start = false;
		return step_text(repair, s, end, final);
	}
	return 1;
}

static void
end_tag(MlsXmlRepair *repair)
{
	bool is_empty = repair->put[-1] == '/';

	repair->depth += repair->tag_closes ? -1 : !is_empty;
	repair->place = repair->depth > 0 ? IN_TEXT : IN_TRAILER;
	put(repair, ">", 1);
	repair->in_row = repair->tag_is_row && !is_empty;
}

static const char *
after_blanks(const char *s, const char *end)
{
	while (s < end && isspace((unsigned char) *s))
		s++;
	return s;
}

/*
 * Does a quotation mark end its attribute's value?  Then the tag ends behind it, or another
 * attribute begins; what else follows shows that it is a part of the value.  Where that
 * cannot be seen from here, it ends the value.
 */
static bool
ends_value(const char *s, const char *end)
{
	s = after_blanks(s + 1, end);
	if (s < end && (*s == '/' || *s == '?'))
		s++;
	if (s == end || *s == '>')
		return true;
	if (!can_begin_name(*s) || *s == '/' || *s == '!')
		return false;
	while (s < end && !isspace((unsigned char) *s) && strchr("=<>\"'/&", *s) == NULL)
		s++;
	s = after_blanks(s, end);
	if (s == end)
		return true;
	if (*s != '=')
		return false;
	s = after_blanks(s + 1, end);
	return s == end || *s == '"' || *s == '\'';
}

/* A quotation mark in a tag. */
static int
take_quote(MlsXmlRepair *repair, const char *s, const char *end, bool final)
{
	if (repair->quote == *s && end - s < MAX_ATTRIBUTE_AHEAD && !final)
		return 0;
	if (repair->quote == *s && !ends_value(s, Min(end, s + MAX_ATTRIBUTE_AHEAD)))
	{
		put(repair, *s == '"' ? "&#34;" : "&#39;", 5);
		repair->counts.quotes++;
		return 1;
	}
	repair->quote = repair->quote == 0 ? *s : repair->quote == *s ? 0 : repair->quote;
	put(repair, s, 1);
	return 1;
}

static int
step_tag(MlsXmlRepair *repair, const char *s, const char *end, bool final)
{
	int used = copy_plain(repair, odd_in_tag, s, end);

	if (used > 0)
		return used;
	if (*s == '&')
		return mls_xml_take_ampersand(repair, s, end, final);
	if (*s == '<' && repair->quote)
		return put_bracket(repair);
	if (!strchr("<>\"'=", *s) || *s == '\0')
		return mls_xml_take_odd(repair, s, end, final);
	if (*s == '>' && !repair->quote)
	{
		end_tag(repair);
		return 1;
	}
	if (*s == '=' && !repair->quote && ++repair->equals_signs > MAX_ATTRIBUTES)
		repair->fault = MLS_XML_ATTRIBUTES;
	if (*s == '"' || *s == '\'')
		return take_quote(repair, s, end, final);
	put(repair, s, 1);
	return 1;
}

static int
step_cdata(MlsXmlRepair *repair, const char *s, const char *end, bool final)
{
	int used = copy_plain(repair, odd_in_cdata, s, end);

	if (used > 0)
		return used;
	if (*s != ']')
		return mls_xml_take_odd(repair, s, end, final);
	if (end - s < 3 && !final)
		return 0;
	if (begins(s, end, "]]>"))
	{
		repair->place = IN_TEXT;
		if (!repair->in_row)
			put(repair, s, 3);
		return 3;
	}
	put(repair, s, 1);
	return 1;
}

/* The encoding that a declaration names matters where bytes are no UTF-8. */
static void
note_declared(MlsXmlRepair *repair, const char *s, const char *end)
{
	for (; s < end; s++)
		if (begins(s, end, "8859-1") || begins(s, end, "1252"))
			repair->is_1252 = true;
}

static int
step_skipped(MlsXmlRepair *repair, const char *s, const char *end, bool final)
{
	int length = strlen(repair->until);
	const char *from = s;

	for (; end - s >= length; s++)
	{
		if (memcmp(s, repair->until, length) == 0)
		{
			repair->place = IN_TEXT;
			s += length;
			break;
		}
		if (repair->is_declaration && repair->declaration_length < sizeof(repair->declaration))
			repair->declaration[repair->declaration_length++] = *s;
	}
	if (repair->is_declaration && repair->place == IN_TEXT)
		note_declared(repair, repair->declaration,
					  repair->declaration + repair->declaration_length);
	/* What is never ended is left to the parser, which sees that the document is not. */
	return s > from ? s - from : final ? end - s : 0;
}

static int
step_doctype(MlsXmlRepair *repair, const char *s, const char *end, bool final)
{
	if (*s == '[')
		repair->fault = MLS_XML_DOCTYPE;
	if (*s == '>')
		repair->place = IN_TEXT;
	return 1;
}

/* The document was whole: what proxies and programs add behind it is no part of it. */
static int
step_trailer(MlsXmlRepair *repair, const char *s, const char *end)
{
	const char *from = s;

	for (; s < end; s++)
		repair->counts.trailing += !isspace((unsigned char) *s) && *s != '\0';
	return s - from;
}

static int
step(MlsXmlRepair *repair, const char *s, const char *end, bool final)
{
	switch (repair->place)
	{
		case IN_TEXT:
			if (repair->in_row)
				return step_row(repair, s, end, final);
			return repair->at_start ? step_start(repair, s, end, final)
									: step_text(repair, s, end, final);
		case IN_TAG:
			return step_tag(repair, s, end, final);
		case IN_CDATA:
			return step_cdata(repair, s, end, final);
		case IN_SKIPPED:
			return step_skipped(repair, s, end, final);
		case IN_DOCTYPE:
			return step_doctype(repair, s, end, final);
		case IN_TRAILER:
			return step_trailer(repair, s, end);
	}
	return 0;
}

/* ---- the outside ---- */

MlsXmlRepair *
mls_xml_repair_create(const char *charset, const char *row)
{
	MlsXmlRepair *repair = palloc0(sizeof(MlsXmlRepair));

	repair->context = CurrentMemoryContext;
	repair->row = row;
	repair->row_length = row ? strlen(row) : 0;
	repair->at_start = true;
	repair->max_rows = 256;
	repair->row_lengths = palloc(repair->max_rows * sizeof(Size));
	repair->rows_capacity = MLS_XML_PIECE;
	repair->rows = repair->row_put = repair->row_start = palloc(repair->rows_capacity);
	repair->in = palloc(MLS_XML_PIECE + MAX_CARRY);
	repair->out = palloc((MLS_XML_PIECE + MAX_CARRY) * MAX_GROWTH);
	if (charset)
		note_declared(repair, charset, charset + strlen(charset));
	return repair;
}

/* Forgets the rows that were called for, and makes room for what so many bytes can become. */
static void
clear_rows(MlsXmlRepair *repair, Size length)
{
	Size kept = repair->row_put - (repair->rows + repair->next_text);
	Size partial = repair->row_put - repair->row_start;
	Size needed = kept + length * MAX_GROWTH;
	char *from = repair->rows + repair->next_text;

	if (needed > repair->rows_capacity)
	{
		char *larger;

		repair->rows_capacity = 2 * needed;
		larger = MemoryContextAllocHuge(repair->context, repair->rows_capacity);
		if (kept > 0)
			memcpy(larger, from, kept);
		pfree(repair->rows);
		repair->rows = larger;
	}
	else if (kept > 0)
		memmove(repair->rows, from, kept);
	repair->row_put = repair->rows + kept;
	repair->row_start = repair->row_put - partial;
	repair->nrows -= repair->next_row;
	memmove(repair->row_lengths, repair->row_lengths + repair->next_row,
			repair->nrows * sizeof(Size));
	repair->next_row = 0;
	repair->next_text = 0;
	if (partial > MLS_XML_MAX_TEXT)
		repair->fault = MLS_XML_LONG_ROW;
}

bool
mls_xml_repair_row(MlsXmlRepair *repair, const char **text, Size *length)
{
	if (repair->next_row == repair->nrows)
		return false;
	*text = repair->rows + repair->next_text;
	*length = repair->row_lengths[repair->next_row++];
	repair->next_text += *length;
	return true;
}

const char *
mls_xml_repair(MlsXmlRepair *repair, const char *bytes, Size length, bool final, Size *given)
{
	const char *s = repair->in;
	const char *end = repair->in + repair->carried + length;

	Assert(length <= MLS_XML_PIECE);
	if (length > 0)
		memcpy(repair->in + repair->carried, bytes, length);
	repair->put = repair->out;
	if (repair->row)
		clear_rows(repair, end - s);
	while (s < end && repair->fault == MLS_XML_SOUND)
	{
		int used = step(repair, s, end, final);

		if (used == 0)
			break;
		s += used;
	}
	repair->carried = repair->fault == MLS_XML_SOUND ? end - s : 0;
	Assert(repair->carried <= MAX_CARRY);
	memmove(repair->in, s, repair->carried);
	*given = repair->put - repair->out;
	return repair->out;
}

MlsXmlFault
mls_xml_repair_fault(const MlsXmlRepair *repair)
{
	return repair->fault;
}

const MlsXmlRepairs *
mls_xml_repair_counts(const MlsXmlRepair *repair)
{
	return &repair->counts;
}
