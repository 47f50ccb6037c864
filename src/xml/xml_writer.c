/*
 * xml_writer.c
 *		Texts as XML has them: in elements, in attributes, in CDATA.
 *
 * Whoever writes a document puts tags around them himself.  Texts are UTF-8.  XML 1.0 has no
 * way to write control characters but tab and line ends, nor U+FFFE and U+FFFF: these are left
 * out, and counted.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "xml/xml.h"

/* Bytes of a character that XML does not allow, at `s`; 0: it does. */
static int
forbidden(const char *s)
{
	unsigned char c = *s;

	if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
		return 1;
	/* EF BF BE and EF BF BF */
	if (c == 0xEF && (unsigned char) s[1] == 0xBF && (unsigned char) s[2] >= 0xBE)
		return 3;
	return 0;
}

void
mls_xml_put_text(StringInfo out, const char *text, int64 *stripped)
{
	while (*text)
	{
		int bytes = forbidden(text);

		if (bytes > 0)
		{
			text += bytes;
			(*stripped)++;
			continue;
		}
		switch (*text)
		{
			case '&':
				appendStringInfoString(out, "&amp;");
				break;
			case '<':
				appendStringInfoString(out, "&lt;");
				break;
			case '>':
				appendStringInfoString(out, "&gt;");
				break;
			case '"':
				appendStringInfoString(out, "&quot;");
				break;
			case '\r':
				appendStringInfoString(out, "&#13;");
				break;
			default:
				appendStringInfoCharMacro(out, *text);
		}
		text++;
	}
}

void
mls_xml_put_attribute(StringInfo out, const char *name, const char *value, int64 *stripped)
{
	int from;

	appendStringInfo(out, " %s=\"", name);
	from = out->len;
	mls_xml_put_text(out, value, stripped);
	/* A reader makes blanks of these. */
	for (int i = from; i < out->len; i++)
		if (out->data[i] == '\n' || out->data[i] == '\t')
			out->data[i] = ' ';
	appendStringInfoChar(out, '"');
}

void
mls_xml_put_cdata(StringInfo out, const char *text, int64 *stripped)
{
	appendStringInfoString(out, "<![CDATA[");
	while (*text)
	{
		int bytes = forbidden(text);

		if (bytes > 0)
		{
			text += bytes;
			(*stripped)++;
			continue;
		}
		/* The end mark itself is written in two sections. */
		if (strncmp(text, "]]>", 3) == 0)
		{
			appendStringInfoString(out, "]]]]><![CDATA[>");
			text += 3;
			continue;
		}
		if (*text != '\r')
			appendStringInfoCharMacro(out, *text);
		text++;
	}
	appendStringInfoString(out, "]]>");
}
