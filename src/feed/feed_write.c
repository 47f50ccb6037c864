/*
 * feed_write.c
 *		A listing as XML or JSON.
 *
 * Values are put into a small tree by their paths, and the tree is written.  A text is cut
 * before it is escaped, at characters, so that no cut falls into an entity; where line breaks
 * become tags, these are counted whole.
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"
#include "utils/json.h"

#include "feed/feed_parts.h"
#include "xml/xml.h"

typedef struct Branch
{
	const char *name;
	int index;        /* among those of a repeated step; -1: it is not repeated */
	const char *text; /* or NULL */
	MlsFeedForm form;
	List *attributes; /* of Branch * */
	List *children;   /* of Branch * */
} Branch;

/* ---- Texts ---- */

/* Tags that texts of listings come with; those behind the bar end a line. */
static const char *const inline_tags[] = {"b",    "i",      "u",     "a",   "em",  "font",   "img",
										  "span", "strong", "small", "sub", "sup", "center", NULL};
static const char *const line_tags[] = {"br",    "p",  "div", "li", "ul", "ol", "tr", "td", "table",
										"tbody", "h1", "h2",  "h3", "h4", "h5", "h6", "hr", NULL};

static bool
is_tag(const char *const *tags, const char *name, int length)
{
	for (; *tags; tags++)
		if ((int) strlen(*tags) == length && pg_strncasecmp(*tags, name, length) == 0)
			return true;
	return false;
}

/* Length of the tag at s, and whether it ends a line; 0: there is none. */
static int
tag_length(const char *s, bool *ends_line)
{
	const char *name = s + 1 + (s[1] == '/');
	int length = 0;
	const char *end;

	while (isalnum((unsigned char) name[length]))
		length++;
	*ends_line = is_tag(line_tags, name, length);
	if (length == 0 || (!*ends_line && !is_tag(inline_tags, name, length)) ||
		strchr(" \t\r\n/>", name[length]) == NULL || name[length] == '\0')
		return 0;
	end = strchr(name, '>');
	/* An opening <p> begins a line, which the closing one has ended. */
	if (*ends_line && s[1] != '/' && pg_strncasecmp(name, "br", 2) != 0 &&
		pg_strncasecmp(name, "hr", 2) != 0)
		*ends_line = false;
	return end == NULL ? 0 : (int) (end - s) + 1;
}

static const struct
{
	const char *entity;
	const char *text;
} entities[] = {{"&amp;", "&"}, {"&lt;", "<"},   {"&gt;", ">"},   {"&quot;", "\""}, {"&apos;", "'"},
				{"&#39;", "'"}, {"&#039;", "'"}, {"&nbsp;", " "}, {"&#160;", " "}};

/* Length of an entity at s, and what it stands for; 0: there is none. */
static int
entity_length(const char *s, const char **text)
{
	for (int i = 0; i < lengthof(entities); i++)
	{
		int length = strlen(entities[i].entity);

		if (strncmp(s, entities[i].entity, length) == 0)
		{
			*text = entities[i].text;
			return length;
		}
	}
	return 0;
}

/* Without tags and entities of HTML; line ends are \n. */
static char *
plain_text(const char *value)
{
	StringInfoData text;

	initStringInfo(&text);
	while (*value)
	{
		bool ends_line;
		const char *stands_for;
		int length = *value == '<' ? tag_length(value, &ends_line) : 0;

		if (length > 0)
		{
			if (ends_line)
				appendStringInfoChar(&text, '\n');
			value += length;
		}
		else if (*value == '&' && (length = entity_length(value, &stands_for)) > 0)
		{
			appendStringInfoString(&text, stands_for);
			value += length;
		}
		else if (*value == '\r')
		{
			if (value[1] != '\n')
				appendStringInfoChar(&text, '\n');
			value++;
		}
		else
			appendStringInfoCharMacro(&text, *value++);
	}
	while (text.len > 0 && isspace((unsigned char) text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	return text.data + strspn(text.data, " \t\n");
}

static char *
one_line(const char *value)
{
	StringInfoData text;

	initStringInfo(&text);
	while (*value)
	{
		int blanks = strspn(value, " \t\n\v\f");

		if (blanks > 0)
			appendStringInfoChar(&text, ' ');
		else
			appendStringInfoCharMacro(&text, *value++);
		value += blanks;
	}
	return text.data;
}

/* Characters that a character of HTML takes. */
static const char *
html_of(const char *s)
{
	switch (*s)
	{
		case '\n':
			return "<br/>";
		case '&':
			return "&amp;";
		case '<':
			return "&lt;";
		case '>':
			return "&gt;";
		default:
			return NULL;
	}
}

/* As HTML or as it is, at most so many characters (0: any). */
static char *
cut(const char *value, bool html, int most)
{
	StringInfoData text;
	int characters = 0;

	initStringInfo(&text);
	while (*value)
	{
		int length = pg_mblen(value);
		const char *written = html ? html_of(value) : NULL;

		characters += written ? (int) strlen(written) : 1;
		if (most > 0 && characters > most)
			break;
		if (written)
			appendStringInfoString(&text, written);
		else
			appendBinaryStringInfo(&text, value, length);
		value += length;
	}
	return text.data;
}

static char *
in_utf8(const char *text)
{
	return pg_server_to_any(text, strlen(text), PG_UTF8);
}

/* Is there a character that says something? */
static bool
is_empty(const char *text)
{
	while (*text && (unsigned char) *text <= ' ')
		text++;
	return *text == '\0';
}

char *
mls_feed_text(const MlsFeedElement *element, const char *value)
{
	char *text = plain_text(value);

	if (element->form == MLS_FEED_LINE)
		text = one_line(text);
	text = cut(text, element->form == MLS_FEED_HTML, element->max_length);
	return is_empty(text) ? NULL : in_utf8(text);
}

/* ---- The tree ---- */

static Branch *
child(List **among, const char *name, int index)
{
	ListCell *lc;
	Branch *node;

	foreach (lc, *among)
	{
		node = lfirst(lc);
		if (node->index == index && strcmp(node->name, name) == 0)
			return node;
	}
	node = palloc0(sizeof(Branch));
	node->name = name;
	node->index = index;
	*among = lappend(*among, node);
	return node;
}

/* Puts a value where its element stands; index counts members of an array. */
static void
put(Branch *root, const MlsFeedElement *element, const char *text, int index)
{
	Branch *node = root;

	for (int i = 0; i < element->nsteps; i++)
	{
		const MlsFeedStep *step = &element->steps[i];

		node = child(step->is_attribute ? &node->attributes : &node->children, step->name,
					 step->repeats ? index : -1);
	}
	node->text = text;
	node->form = element->form;
}

static void
put_value(Branch *root, const MlsFeedElement *element, void *value)
{
	int index = 0;
	ListCell *lc;

	if (!element->is_array)
	{
		const char *text = value;

		if (text == NULL && element->default_value)
			text = in_utf8(element->default_value);
		if (text != NULL)
			put(root, element, text, 0);
		return;
	}
	foreach (lc, (List *) value)
	{
		if (lfirst(lc) != NULL)
			put(root, element, lfirst(lc), index);
		index++;
	}
}

static void
write_node(const Branch *node, StringInfo out, int64 *stripped)
{
	ListCell *lc;

	appendStringInfo(out, "<%s", node->name);
	foreach (lc, node->attributes)
	{
		const Branch *attribute = lfirst(lc);

		mls_xml_put_attribute(out, attribute->name, attribute->text, stripped);
	}
	if (node->text == NULL && node->children == NIL)
	{
		appendStringInfoString(out, "/>");
		return;
	}
	appendStringInfoChar(out, '>');
	if (node->text && node->form == MLS_FEED_HTML)
		mls_xml_put_cdata(out, node->text, stripped);
	else if (node->text)
		mls_xml_put_text(out, node->text, stripped);
	foreach (lc, node->children)
		write_node(lfirst(lc), out, stripped);
	appendStringInfo(out, "</%s>", node->name);
}

static void
write_xml(const MlsFeed *feed, const MlsFeedListing *listing, StringInfo out, int64 *stripped)
{
	Branch root = {.name = feed->item, .index = -1};
	ListCell *lc;

	foreach (lc, feed->elements)
	{
		const MlsFeedElement *element = lfirst(lc);

		if (element->nsteps > 0)
			put_value(&root, element, listing->values[foreach_current_index(lc)]);
	}
	write_node(&root, out, stripped);
}

/* ---- JSON: values are JSON already ---- */

static void
put_json(Branch *root, const MlsFeedElement *element, const char *value)
{
	if (value == NULL && element->default_value)
	{
		StringInfoData quoted;

		initStringInfo(&quoted);
		escape_json(&quoted, element->default_value);
		value = quoted.data;
	}
	if (value != NULL)
		put(root, element, value, 0);
}

static void
write_json_node(const Branch *node, StringInfo out)
{
	ListCell *lc;
	bool is_first = true;

	appendStringInfoChar(out, '{');
	/* The members of the whole row. */
	if (node->text && strlen(node->text) > 2)
	{
		appendBinaryStringInfo(out, node->text + 1, strlen(node->text) - 2);
		is_first = false;
	}
	foreach (lc, node->children)
	{
		const Branch *one = lfirst(lc);

		if (!is_first)
			appendStringInfoString(out, ", ");
		is_first = false;
		escape_json(out, one->name);
		appendStringInfoString(out, ": ");
		if (one->children != NIL)
			write_json_node(one, out);
		else
			appendStringInfoString(out, one->text);
	}
	appendStringInfoChar(out, '}');
}

static void
write_json(const MlsFeed *feed, const MlsFeedListing *listing, StringInfo out)
{
	Branch root = {.index = -1};
	StringInfoData text;
	char *utf8;
	ListCell *lc;

	foreach (lc, feed->elements)
	{
		const MlsFeedElement *element = lfirst(lc);
		const char *value = listing->values[foreach_current_index(lc)];

		if (element->is_row)
			root.text = value;
		else if (!element->is_reason)
			put_json(&root, element, value);
	}
	initStringInfo(&text);
	write_json_node(&root, &text);
	utf8 = in_utf8(text.data);
	appendStringInfoString(out, utf8);
}

void
mls_feed_write(const MlsFeed *feed, const MlsFeedListing *listing, StringInfo out, int64 *stripped)
{
	if (feed->kind == MLS_FEED_JSON)
		write_json(feed, listing, out);
	else
		write_xml(feed, listing, out, stripped);
}
