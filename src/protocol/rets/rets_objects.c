/*
 * rets_objects.c
 *		GetObject: the files of a record, as addresses or as bytes.
 *
 * One answer holds all objects that were asked for, in one body or in many parts between
 * boundaries.  An error may stand for the answer or for one of its parts; the one that
 * stands for a part may be that the session is lost.  So all parts are judged before any is
 * handed on.
 *
 * Real parts differ from the book in most ways it allows to: line ends are LF,
 * the first boundary has nothing before it, the last none after it, headers come
 * without a blank line and a body, and an error stands as XML where the headers
 * should be.  What never differs is that a boundary begins a line, and that the
 * line break before it is the boundary's: images may end in any byte.
 */
#include "postgres.h"

#include <limits.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "base/file_type.h"
#include "protocol/rets/rets.h"

/* The standard allows 70 bytes. */
#define MAX_BOUNDARY 200

/* Objects of one answer; a listing has a hundred at most, a request names some listings. */
#define MAX_OBJECTS 100000

/* A piece of the answer's text. */
#define MAX_TEXT 1000

typedef struct Part
{
	const char *start;
	const char *end;
} Part;

/* ---- headers ---- */

/* A text of the source's as text of the server, shortened and without what is no character. */
static char *
clean_text(const char *text, int length)
{
	char *copy;

	length = Min(length, MAX_TEXT);
	copy = palloc(length + 1);
	memcpy(copy, text, length);
	copy[length] = '\0';
	for (int i = 0; i < length; i++)
		if ((unsigned char) copy[i] < ' ')
			copy[i] = ' ';
	for (int i = 0; i < length;)
	{
		int step = pg_utf_mblen((unsigned char *) copy + i);

		if (i + step > length || !pg_utf8_islegal((unsigned char *) copy + i, step))
		{
			copy[i] = '?';
			step = 1;
		}
		i += step;
	}
	return copy;
}

static char *
trimmed(const char *from, const char *to)
{
	while (from < to && isspace((unsigned char) *from))
		from++;
	while (to > from && isspace((unsigned char) to[-1]))
		to--;
	return clean_text(from, (int) Min(to - from, INT_MAX));
}

static bool
is_name(const char *line, const char *colon, const char *name)
{
	while (colon > line && isspace((unsigned char) colon[-1]))
		colon--;
	return colon - line == strlen(name) && pg_strncasecmp(line, name, colon - line) == 0;
}

/* "Image/JPEG; x=y" -> "image/jpeg" */
static const char *
media_type(char *value)
{
	value[strcspn(value, "; \t")] = '\0';
	for (char *c = value; *c; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return value;
}

/* "<100201>" -> "100201" */
static const char *
without_brackets(char *value)
{
	int length = strlen(value);

	if (length < 2 || *value != '<' || value[length - 1] != '>')
		return value;
	value[length - 1] = '\0';
	return value + 1;
}

static void
set_header(RetsObject *object, const char *line, const char *end)
{
	const char *colon = memchr(line, ':', end - line);
	char *value;

	if (colon == NULL)
		return;
	value = trimmed(colon + 1, end);
	if (is_name(line, colon, "Content-ID"))
		object->content_id = without_brackets(value);
	else if (is_name(line, colon, "Object-ID"))
		object->object_id = value;
	else if (is_name(line, colon, "Content-Type"))
		object->content_type = media_type(value);
	else if (is_name(line, colon, "Content-Description") && *value)
		object->description = value;
	else if (is_name(line, colon, "Location") && *value)
		object->location = value;
	else if (is_name(line, colon, "Preferred"))
		object->preferred = *value == '1' || pg_strcasecmp(value, "true") == 0;
}

/* Where a line ends, its line break left out; *next is where the next one begins. */
static const char *
line_end(const char *line, const char *end, const char **next)
{
	const char *feed = memchr(line, '\n', end - line);

	*next = feed ? feed + 1 : end;
	if (feed == NULL)
		feed = end;
	return feed > line && feed[-1] == '\r' ? feed - 1 : feed;
}

/* Reads a part's headers; returns where its body begins. */
static const char *
read_headers(RetsObject *object, const char *s, const char *end)
{
	while (s < end)
	{
		const char *next;
		const char *stop = line_end(s, end, &next);

		if (stop == s)
			return next;
		/* An error in the place of headers. */
		if (*s == '<')
			return s;
		/* A folded line belongs to the one before it. */
		while (next < end && (*next == ' ' || *next == '\t') && stop > s)
			stop = line_end(next, end, &next);
		set_header(object, s, stop);
		s = next;
	}
	return end;
}

/* ---- what is in a part ---- */

/* So far into a body its element RETS is looked for. */
#define REPLY_WITHIN 512

static const char *
find_word(const char *s, const char *end, const char *word)
{
	int length = strlen(word);

	for (; end - s >= length; s++)
		if (pg_strncasecmp(s, word, length) == 0)
			return s;
	return NULL;
}

/* The element RETS at the beginning of a body, or NULL; what follows it is left out. */
static const char *
find_reply(const char *s, const char *end, const char **reply_end)
{
	const char *start;
	const char *tag_end;

	while (s < end && isspace((unsigned char) *s))
		s++;
	if (s == end || *s != '<')
		return NULL;
	start = find_word(s, Min(end, s + REPLY_WITHIN), "<RETS");
	tag_end = start ? memchr(start, '>', end - start) : NULL;
	if (tag_end == NULL)
		return NULL;
	*reply_end = tag_end + 1;
	if (tag_end[-1] != '/')
	{
		const char *closing = find_word(tag_end, end, "</RETS>");

		*reply_end = closing ? closing + strlen("</RETS>") : end;
	}
	return start;
}

/* A RETS body in an object's place tells its code. */
static void
read_reply(RetsObject *object, const char *purpose, const char *source)
{
	RetsReaderOptions options = {.format = RETS_METADATA, .purpose = purpose, .source = source};
	const char *end;
	const char *start = find_reply(object->bytes, object->bytes + object->length, &end);
	RetsReader *reader;
	RetsOutcome outcome;

	if (start == NULL)
		return;
	reader = mls_rets_reader(&options);
	mls_rets_feed(reader, start, end - start);
	mls_rets_finish(reader);
	outcome = mls_rets_outcome(mls_rets_answer(reader), false);
	object->code = outcome.code;
	object->text = outcome.text;
	mls_rets_reader_free(reader);
}

static RetsObject *
new_object(void)
{
	RetsObject *object = palloc0(sizeof(RetsObject));

	object->content_id = object->object_id = object->content_type = object->text = "";
	return object;
}

static RetsObject *
read_part(const Part *part, const char *purpose, const char *source)
{
	RetsObject *object = new_object();

	object->bytes = read_headers(object, part->start, part->end);
	object->length = part->end - object->bytes;
	read_reply(object, purpose, source);
	return object;
}

/* ---- boundaries ---- */

/* The parameter boundary of a Content-Type header; NULL if there is none. */
static char *
boundary_of(const char *header)
{
	const char *s = header;
	const char *end;

	while ((s = strchr(s, ';')) != NULL)
	{
		s += 1 + strspn(s + 1, " \t");
		if (pg_strncasecmp(s, "boundary", 8) != 0)
			continue;
		s += 8 + strspn(s + 8, " \t");
		if (*s != '=')
			continue;
		s += 1 + strspn(s + 1, " \t");
		if (*s == '"')
			s++;
		end = s + strcspn(s, s[-1] == '"' ? "\"" : "; \t");
		return end > s && end - s <= MAX_BOUNDARY ? pnstrdup(s, end - s) : NULL;
	}
	return NULL;
}

/* The next boundary at the start of a line, or NULL; *after is behind its own dashes. */
static const char *
find_boundary(const char *start, const char *s, const char *end, const char *boundary,
			  const char **after)
{
	int length = strlen(boundary);

	for (; (s = memchr(s, '-', end - s)) != NULL; s++)
	{
		if (end - s < length + 2)
			return NULL;
		if (s[1] != '-' || memcmp(s + 2, boundary, length) != 0 || (s > start && s[-1] != '\n'))
			continue;
		*after = s + 2 + length;
		return s;
	}
	return NULL;
}

/* The line break before a boundary is not the part's. */
static const char *
without_break(const char *start, const char *end)
{
	if (end > start && end[-1] == '\n')
		end--;
	if (end > start && end[-1] == '\r')
		end--;
	return end;
}

/* Does a part that the answer's end has ended lack its own?  An address may stand in a header
 * alone, so that its line has to be whole; a file tells by the mark that ends its type. */
static bool
is_cut(const RetsObject *object, const Part *part)
{
	Size tail = Min(object->length, MLS_FILE_TAIL);

	if (object->length == 0)
		return part->end > part->start && part->end[-1] != '\n';
	return mls_file_type((const uint8 *) object->bytes, object->length,
						 (const uint8 *) object->bytes + object->length - tail, tail)
		.cut;
}

static List *
read_parts(const char *body, Size length, const char *boundary, const char *purpose,
		   const char *source)
{
	List *objects = NIL;
	const char *end = body + length;
	const char *after;
	const char *at = find_boundary(body, body, end, boundary, &after);

	while (at && !(end - after >= 2 && memcmp(after, "--", 2) == 0))
	{
		Part part;
		const char *next = after;

		CHECK_FOR_INTERRUPTS();
		(void) line_end(after, end, &part.start);
		at = part.start < end ? find_boundary(body, part.start, end, boundary, &next) : NULL;
		/* Without the closing boundary the last part ends with the answer; a line break there may
		 * be an image's last bytes, and one too many does no harm.  Whether the answer was cut
		 * then, only the part itself can tell. */
		part.end = at ? without_break(part.start, at) : end;
		after = next;
		if (part.start >= end && at == NULL)
			break;
		if (list_length(objects) == MAX_OBJECTS)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("could not read %s from source \"%s\"", purpose, source),
							errdetail("It has more than %d parts.", MAX_OBJECTS)));
		objects = lappend(objects, read_part(&part, purpose, source));
		((RetsObject *) llast(objects))->cut = at == NULL && is_cut(llast(objects), &part);
	}
	return objects;
}

List *
mls_rets_split_objects(const char *content_type, List *headers, const char *body, Size length,
					   const char *purpose, const char *source)
{
	bool is_multipart = pg_strncasecmp(content_type, "multipart/", 10) == 0;
	char *boundary = boundary_of(content_type);
	List *objects = NIL;
	RetsObject *object;
	ListCell *lc;

	if (is_multipart && boundary)
		objects = read_parts(body, length, boundary, purpose, source);
	if (objects != NIL)
		return objects;
	object = new_object();
	foreach (lc, headers)
		set_header(object, lfirst(lc), (char *) lfirst(lc) + strlen(lfirst(lc)));
	object->bytes = body;
	object->length = length;
	read_reply(object, purpose, source);
	if (is_multipart && object->code == 0)
		ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
						errmsg("could not read %s from source \"%s\"", purpose, source),
						errdetail("The answer is said to have parts, but has none.")));
	return lappend(NIL, object);
}

/* ---- asking ---- */

typedef struct Reading
{
	const MlsObjectQuery *query;
	const char *purpose;
	List *objects; /* of RetsObject * */
} Reading;

/* Is an error one of the part alone, of which the others are none the worse? */
static bool
is_told_alone(const MlsObjectQuery *query, const List *objects, RetsReplyClass class)
{
	return query->failures && list_length(objects) > 1 && class != RETS_REPLY_SESSION;
}

/* The outcome of an answer is that of its worst part; it is empty if no part is an object. */
static RetsOutcome
judge(const MlsObjectQuery *query, List *objects)
{
	RetsOutcome outcome = {.class = RETS_REPLY_EMPTY, .text = ""};
	ListCell *lc;

	foreach (lc, objects)
	{
		const RetsObject *object = lfirst(lc);
		RetsReplyClass class = mls_rets_reply_class(object->code, false);

		if (class == RETS_REPLY_OK && !mls_rets_is_error(outcome.class))
			outcome.class = class;
		if (!mls_rets_is_error(class) || is_told_alone(query, objects, class))
			continue;
		outcome = (RetsOutcome){class, object->code, object->text};
		if (class == RETS_REPLY_SESSION)
			break;
	}
	return outcome;
}

static RetsOutcome
read_objects(void *arg, const MlsHttpResponse *response)
{
	Reading *reading = arg;
	const char *content_type = mls_http_header(response, "content-type");

	reading->objects = mls_rets_split_objects(content_type ? content_type : "", response->headers,
											  response->body, response->length, reading->purpose,
											  reading->query->source->http.name);
	return judge(reading->query, reading->objects);
}

/* A colon or a comma would ask for other records. */
static void
check_query(const MlsObjectQuery *query)
{
	const char *number = query->object;

	if (*query->key == '\0' || strpbrk(query->key, ":,"))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("objects of key \"%s\" cannot be asked for", query->key),
						errdetail("A key of RETS is not empty and has no colon or comma.")));
	if (query->numbers == NIL && strcmp(number, "*") != 0 &&
		(*number == '\0' || strlen(number) > 9 || strspn(number, "0123456789") != strlen(number)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("object \"%s\" is neither a number nor \"*\"", number)));
}

/* "100201:1:2:3"; CREA wants "100201:1,2,3" */
static char *
entity(const MlsObjectQuery *query)
{
	StringInfoData id;
	ListCell *lc;

	if (query->numbers == NIL)
		return psprintf("%s:%s", query->key, query->object);
	initStringInfo(&id);
	appendStringInfoString(&id, query->key);
	foreach (lc, query->numbers)
		appendStringInfo(
			&id, "%c%d",
			foreach_current_index(lc) > 0 && query->source->platform.object_commas ? ',' : ':',
			lfirst_int(lc));
	return id.data;
}

static List *
arguments_of(const MlsObjectQuery *query)
{
	List *arguments = NIL;

	mls_rets_argument(&arguments, "Resource",
					  pnstrdup(query->resource, strcspn(query->resource, ":")));
	mls_rets_argument(&arguments, "Type", query->type);
	mls_rets_argument(&arguments, "ID", entity(query));
	mls_rets_argument(&arguments, "Location", query->location ? "1" : "0");
	return arguments;
}

static bool
is_failure(const RetsObject *object)
{
	return mls_rets_is_error(mls_rets_reply_class(object->code, false));
}

/* Only the last part can be: who hears of single failures looks at each file himself. */
static void
check_end(const Reading *reading)
{
	if (!((const RetsObject *) llast(reading->objects))->cut || reading->query->failures)
		return;
	ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
					errmsg("could not read %s from source \"%s\"", reading->purpose,
						   reading->query->source->http.name),
					errdetail("The answer ends within its part %d.", list_length(reading->objects)),
					errhint("Something between here and the source has cut it.")));
}

/* Is a part an object, and not the word that there is none? */
static bool
is_object(const RetsObject *object)
{
	return mls_rets_reply_class(object->code, false) == RETS_REPLY_OK;
}

/* A part that is an error, for who wants to hear of it. */
static void
hand_failure_on(const RetsObject *from, MlsObjectTake take, void *arg)
{
	MlsObject object = {
		.content_id = from->content_id,
		.object_id = from->object_id,
		.content_type = from->content_type,
		.failure = psprintf("the source answers with code %d: %s", from->code, from->text),
	};

	take(arg, &object);
}

/* A part within which the answer ends; where that is among its headers, its number may be cut. */
static void
hand_cut_on(const RetsObject *from, MlsObjectTake take, void *arg)
{
	MlsObject object = {
		.content_id = from->content_id,
		.object_id = from->object_id,
		.content_type = from->content_type,
		.failure = "the answer of the source ends within it",
	};

	if (from->length > 0)
		take(arg, &object);
}

static void
hand_on(const Reading *reading, const RetsObject *from, MlsObjectTake take, void *arg)
{
	/* What stands where the bytes would be is RETS's word that all is well. */
	bool has_bytes = from->location == NULL && *from->text == '\0';
	MlsObject object = {
		.content_id = from->content_id,
		.object_id = from->object_id,
		.content_type = from->content_type,
		.description = from->description,
		.location = from->location,
		.preferred = from->preferred,
		.bytes = has_bytes ? from->bytes : NULL,
		.length = has_bytes ? from->length : 0,
	};

	if (has_bytes && from->length == 0)
	{
		if (!reading->query->location && !reading->query->failures)
			ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
							errmsg("could not read %s from source \"%s\"", reading->purpose,
								   reading->query->source->http.name),
							errdetail("Object \"%s\" has neither bytes nor an address.",
									  from->object_id)));
		object.bytes = NULL;
	}
	take(arg, &object);
}

static void
check_number(const Reading *reading)
{
	int limit = reading->query->source->platform.object_limit;
	int n = list_length(reading->objects);

	if (n > limit)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("could not read %s from source \"%s\"", reading->purpose,
							   reading->query->source->http.name),
						errdetail("It has %s; the server option object_limit allows %d.",
								  mls_counted(n, "part", "parts"), limit)));
}

void
mls_rets_fetch_objects(const MlsObjectQuery *query, MlsObjectTake take, void *arg,
					   MlsHttpStats *stats)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw objects", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RetsCall call = {.transaction = RETS_GET_OBJECT};
	Reading reading = {.query = query};
	RetsOutcome outcome;
	ListCell *lc;

	check_query(query);
	call.arguments = arguments_of(query);
	call.purpose = reading.purpose =
		psprintf("objects \"%s\" of resource \"%s\"", query->type, query->resource);
	outcome = mls_rets_talk(query->source, &call, NULL, read_objects, &reading, stats);
	if (mls_rets_is_error(outcome.class))
		mls_rets_report(query->source, &call, &outcome);
	check_number(&reading);
	check_end(&reading);
	foreach (lc, reading.objects)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_object(lfirst(lc)) && ((const RetsObject *) lfirst(lc))->cut)
			hand_cut_on(lfirst(lc), take, arg);
		else if (is_object(lfirst(lc)))
			hand_on(&reading, lfirst(lc), take, arg);
		else if (query->failures && is_failure(lfirst(lc)))
			hand_failure_on(lfirst(lc), take, arg);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
