/*
 * dataset_book.c
 *		What a workbook is beside its cells: sheets, formats, shared texts.
 *
 * Parts are found by the relations that others have to them, never by a usual name.  A number
 * is a date by its format and by nothing else.  Shared texts are kept in memory up to a limit,
 * and beyond that in a temporary file, so that of a long list of them memory has the places.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "base/base.h"
#include "compat.h"
#include "protocol/dataset/dataset_book.h"

/* Shared texts in memory. */
#define NEAR_BYTES (16 * 1024 * 1024)

/* They are written out in pieces of so much. */
#define WRITE_BYTES (256 * 1024)

/* A workbook has at most 64,000 styles, and a sheet 17 billion cells with texts. */
#define MOST_STYLES 65536
#define MOST_TEXTS (256 * 1024 * 1024)

#define MOST_SHEETS 1000

/* Names in a message. */
#define MOST_NAMED 5

typedef struct Sheet
{
	const char *name;
	const char *relation;
	bool is_hidden;
} Sheet;

typedef struct Related
{
	const char *id;
	const char *type; /* its last word */
	char *target;     /* the name of the part */
} Related;

typedef struct Texts
{
	int64 count;
	int64 room;
	int64 *ends; /* where each of them ends, and the next begins */
	StringInfoData near;
	bool is_full; /* what comes goes to the file */
	StringInfoData unwritten;
	int64 written;
	File file; /* -1: none */
	MemoryContextCallback callback;
} Texts;

struct DatasetBook
{
	DatasetBytes *bytes;
	MemoryContext context;
	DatasetZip *zip;
	bool is_1904;
	List *sheets;       /* of Sheet * */
	List *relations;    /* of Related *, of the workbook */
	const Sheet *sheet; /* that is read */
	const char *part;
	int nstyles;
	DatasetFormat *styles;
	Texts texts;
};

/* ---- relations ---- */

static const char *
attribute(const MlsXmlEvent *event, const char *name)
{
	const char *value = mls_xml_event_attribute(event, name);

	return value ? value : "";
}

static bool
starts(const MlsXmlEvent *event, const char *name)
{
	return event->kind == MLS_XML_START && strcmp(event->name, name) == 0;
}

static const char *
last_word(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A target from the folder of its part: "../x" is beside it, "/x" at the top. */
static char *
resolve(const char *folder, const char *target)
{
	char *base = pstrdup(folder);

	if (*target == '/')
		return pstrdup(target + 1);
	for (; strncmp(target, "../", 3) == 0; target += 3)
	{
		char *slash = strrchr(base, '/');

		*(slash ? slash : base) = '\0';
	}
	return *base ? psprintf("%s/%s", base, target) : pstrdup(target);
}

static const char *
folder_of(const char *part)
{
	return last_word(part) == part ? "" : pnstrdup(part, last_word(part) - part - 1);
}

/* What a part ("": the archive) is related to; none if it says nothing of it. */
static List *
relations_of(DatasetBook *book, const char *part)
{
	const char *folder = folder_of(part);
	DatasetPart *rels = mls_dataset_part(
		book->zip, psprintf("%s%s_rels/%s.rels", folder, *folder ? "/" : "", last_word(part)));
	List *relations = NIL;
	MlsXmlEvent event;

	while (rels && mls_dataset_part_next(rels, &event))
		if (starts(&event, "Relationship"))
		{
			Related *relation = palloc(sizeof(Related));

			relation->id = pstrdup(attribute(&event, "Id"));
			relation->type = pstrdup(last_word(attribute(&event, "Type")));
			relation->target = resolve(folder, attribute(&event, "Target"));
			relations = lappend(relations, relation);
		}
	return relations;
}

/* By type, or by id (the other one is NULL). */
static const Related *
find_relation(List *relations, const char *type, const char *id)
{
	ListCell *lc;

	foreach (lc, relations)
	{
		const Related *relation = lfirst(lc);

		if (type ? strcmp(relation->type, type) == 0 : strcmp(relation->id, id) == 0)
			return relation;
	}
	return NULL;
}

/* Opens a part that must be there. */
static DatasetPart *
require_part(DatasetBook *book, const char *name)
{
	DatasetPart *part = mls_dataset_part(book->zip, name);

	if (part == NULL)
		mls_dataset_fail(book->bytes, psprintf("Its part \"%s\" is missing.", name), NULL);
	return part;
}

/* ---- sheets ---- */

static void
take_sheet(DatasetBook *book, const MlsXmlEvent *event)
{
	Sheet *sheet = palloc(sizeof(Sheet));
	const Related *relation;

	sheet->name = pstrdup(attribute(event, "name"));
	sheet->relation = pstrdup(attribute(event, "id"));
	sheet->is_hidden = strcmp(attribute(event, "state"), "hidden") == 0 ||
					   strcmp(attribute(event, "state"), "veryHidden") == 0;
	relation = find_relation(book->relations, NULL, sheet->relation);
	/* A chart is no sheet of cells. */
	if (relation && strcmp(relation->type, "worksheet") != 0)
		return;
	if (list_length(book->sheets) == MOST_SHEETS)
		mls_dataset_fail(book->bytes, psprintf("It has more than %d sheets.", MOST_SHEETS), NULL);
	book->sheets = lappend(book->sheets, sheet);
}

static const char *
workbook_part(DatasetBook *book)
{
	const Related *relation = find_relation(relations_of(book, ""), "officeDocument", NULL);

	if (mls_dataset_zip_has(book->zip, "xl/workbook.bin"))
		mls_dataset_fail(book->bytes, "It is a binary workbook (.xlsb).",
						 "Save it as .xlsx, or as CSV.");
	if (relation == NULL && mls_dataset_zip_has(book->zip, "META-INF/manifest.xml"))
		mls_dataset_fail(book->bytes, "It is an OpenDocument (.ods).",
						 "Save it as .xlsx, or as CSV.");
	if (relation == NULL)
		mls_dataset_fail(book->bytes, "It is an archive of something else than a workbook.", NULL);
	return relation->target;
}

static void
read_workbook(DatasetBook *book, const char *name)
{
	DatasetPart *part = require_part(book, name);
	MlsXmlEvent event;

	while (mls_dataset_part_next(part, &event))
		if (starts(&event, "workbookPr"))
			book->is_1904 = mls_dataset_is_true(attribute(&event, "date1904"));
		else if (starts(&event, "sheet"))
			take_sheet(book, &event);
}

/* Names of sheets, but one. */
static char *
name_sheets(const DatasetBook *book, const Sheet *but)
{
	StringInfoData names;
	int count = 0;
	ListCell *lc;

	initStringInfo(&names);
	foreach (lc, book->sheets)
	{
		const Sheet *sheet = lfirst(lc);

		if (sheet == but)
			continue;
		if (count++ == MOST_NAMED)
		{
			appendStringInfoString(&names, ", ...");
			break;
		}
		appendStringInfo(&names, "%s\"%s\"%s", names.len ? ", " : "", sheet->name,
						 sheet->is_hidden ? " (hidden)" : "");
	}
	return names.data;
}

/* A name counts more than a number: sheets may be called 2024. */
static const Sheet *
choose_sheet(const DatasetBook *book, const char *wanted)
{
	int number = 0;
	ListCell *lc;

	foreach (lc, book->sheets)
	{
		const Sheet *sheet = lfirst(lc);

		if (wanted ? pg_strcasecmp(sheet->name, wanted) == 0 : !sheet->is_hidden)
			return sheet;
	}
	if (wanted && strspn(wanted, "0123456789") == strlen(wanted))
		number = atoi(wanted);
	if (number > 0 && number <= list_length(book->sheets))
		return list_nth(book->sheets, number - 1);
	mls_dataset_fail(
		book->bytes,
		wanted ? psprintf("It has no sheet \"%s\".", wanted) : "It has no sheet that is shown.",
		book->sheets
			? psprintf("It has %s: the server option sheet chooses one.", name_sheets(book, NULL))
			: NULL);
}

/* ---- formats ---- */

/* What format codes say by letters; literals, colours and the like are taken out before. */
static DatasetFormat
format_of_letters(const char *code, bool is_elapsed)
{
	bool has_day = false;
	bool has_month = false;
	bool has_time = is_elapsed;

	/* Of numbers; only seconds have digits behind a point. */
	if (strchr(code, '#') || strchr(code, '?') || strchr(code, '%') ||
		(strchr(code, '0') && strpbrk(code, "sS") == NULL) || pg_strcasecmp(code, "General") == 0 ||
		strcmp(code, "@") == 0)
		return (DatasetFormat){DATASET_FORMAT_NUMBER, NULL};
	for (const char *s = code; *s; s++)
	{
		char c = pg_tolower((unsigned char) *s);

		has_day |= c == 'y' || c == 'd';
		has_month |= c == 'm';
		has_time |= c == 'h' || c == 's';
	}
	if (is_elapsed)
		return (DatasetFormat){DATASET_FORMAT_ELAPSED, NULL};
	if (has_time)
		return (DatasetFormat){has_day ? DATASET_FORMAT_INSTANT : DATASET_FORMAT_TIME, NULL};
	return (DatasetFormat){has_day || has_month ? DATASET_FORMAT_DATE : DATASET_FORMAT_NUMBER,
						   NULL};
}

/* Does a code begin with a word, in whatever letters? */
static bool
has_word(const char *code, const char *word)
{
	return pg_strncasecmp(code, word, strlen(word)) == 0;
}

/*
 * What the first section of a code makes of a number.  Literals go aside: with zeros alone
 * between them they are digits of a code (00000-0000), which is no number.
 */
static DatasetFormat
format_of(const char *code)
{
	char *letters = palloc0(strlen(code) + 1);
	char *digits = palloc0(strlen(code) + 1);
	int nletters = 0;
	int ndigits = 0;
	int zeros = 0;
	bool is_elapsed = false;

	for (const char *s = code; *s && *s != ';'; s++)
	{
		const char *close = *s == '"' ? strchr(s + 1, '"') : *s == '[' ? strchr(s, ']') : NULL;

		if (*s == '"' && close)
		{
			memcpy(digits + ndigits, s + 1, close - s - 1);
			ndigits += close - s - 1;
		}
		else if (*s == '[' && close)
			is_elapsed |= strspn(s + 1, "hHmMsS") == close - s - 1 && close > s + 1;
		else if ((*s == '\\' || *s == '_' || *s == '*') && s[1])
		{
			close = s + 1;
			if (*s == '\\')
				digits[ndigits++] = s[1];
		}
		else if (has_word(s, "AM/PM") || has_word(s, "A/P"))
		{
			letters[nletters++] = 'h';
			close = s + (has_word(s, "AM/PM") ? 4 : 2);
		}
		else
		{
			zeros += *s == '0';
			letters[nletters++] = *s;
			digits[ndigits++] = *s;
		}
		s = close ? close : s;
	}
	if (zeros > 1 && strspn(letters, "0-() /") == nletters)
		return (DatasetFormat){DATASET_FORMAT_PADDED, digits};
	return format_of_letters(letters, is_elapsed);
}

/* Those that are known by number; East Asian ones, too. */
static DatasetFormat
built_in_format(int64 id)
{
	static const struct
	{
		int first;
		int last;
		DatasetFormatKind kind;
	} formats[] = {{14, 17, DATASET_FORMAT_DATE},    {18, 21, DATASET_FORMAT_TIME},
				   {22, 22, DATASET_FORMAT_INSTANT}, {27, 31, DATASET_FORMAT_DATE},
				   {32, 35, DATASET_FORMAT_TIME},    {36, 36, DATASET_FORMAT_DATE},
				   {45, 45, DATASET_FORMAT_TIME},    {46, 46, DATASET_FORMAT_ELAPSED},
				   {47, 47, DATASET_FORMAT_TIME},    {50, 54, DATASET_FORMAT_DATE},
				   {55, 56, DATASET_FORMAT_TIME},    {57, 58, DATASET_FORMAT_DATE}};

	for (int i = 0; i < lengthof(formats); i++)
		if (id >= formats[i].first && id <= formats[i].last)
			return (DatasetFormat){formats[i].kind, NULL};
	return (DatasetFormat){DATASET_FORMAT_NUMBER, NULL};
}

typedef struct NumberedFormat
{
	int64 id;
	DatasetFormat format;
} NumberedFormat;

static DatasetFormat
find_format(List *own, int64 id)
{
	ListCell *lc;

	foreach (lc, own)
		if (((NumberedFormat *) lfirst(lc))->id == id)
			return ((NumberedFormat *) lfirst(lc))->format;
	return built_in_format(id);
}

static void
read_styles(DatasetBook *book, const char *name)
{
	DatasetPart *part = require_part(book, name);
	MlsXmlEvent event;
	List *own = NIL;
	bool is_of_cells = false;
	int room = 0;

	while (mls_dataset_part_next(part, &event))
	{
		if (event.kind != MLS_XML_TEXT && strcmp(event.name, "cellXfs") == 0)
			is_of_cells = event.kind == MLS_XML_START;
		else if (starts(&event, "numFmt") && list_length(own) < MOST_STYLES)
		{
			NumberedFormat *format = palloc(sizeof(NumberedFormat));

			format->id = atoi(attribute(&event, "numFmtId"));
			format->format = format_of(attribute(&event, "formatCode"));
			own = lappend(own, format);
		}
		else if (is_of_cells && starts(&event, "xf") && book->nstyles < MOST_STYLES)
		{
			if (book->nstyles == room)
			{
				room = Max(room * 2, 64);
				book->styles = book->styles ? repalloc(book->styles, room * sizeof(DatasetFormat))
											: palloc(room * sizeof(DatasetFormat));
			}
			book->styles[book->nstyles++] = find_format(own, atoi(attribute(&event, "numFmtId")));
		}
	}
}

DatasetFormat
mls_dataset_book_format(const DatasetBook *book, int64 style)
{
	return style >= 0 && style < book->nstyles ? book->styles[style]
											   : (DatasetFormat){DATASET_FORMAT_NUMBER, NULL};
}

/* ---- shared texts ---- */

/* Of the memory context.  Never throws. */
static void
close_texts(void *arg)
{
	Texts *texts = arg;

	if (texts->file >= 0)
		FileClose(texts->file);
	texts->file = -1;
}

pg_noreturn static void fail_file(const char *message);

static void
fail_file(const char *message)
{
	/* What is short says nothing of its own. */
	if (errno == 0)
		errno = ENOSPC;
	ereport(ERROR, (errcode_for_file_access(), errmsg("%s: %m", message),
					errdetail("It holds texts of a workbook that are too long for memory.")));
}

static void
write_texts(Texts *texts)
{
	int length = texts->unwritten.len;

	errno = 0;
	if (FileWrite(texts->file, texts->unwritten.data, length, texts->written, PG_WAIT_EXTENSION) !=
		length)
		fail_file("could not write to temporary file");
	texts->written += length;
	resetStringInfo(&texts->unwritten);
}

/* The file is ended by the memory context: pages of a sync are of transactions of their own. */
static void
begin_file(DatasetBook *book)
{
	Texts *texts = &book->texts;

	texts->is_full = true;
	texts->file = OpenTemporaryFile(true);
	initStringInfo(&texts->unwritten);
}

static void
keep_text(DatasetBook *book, const char *text, int length)
{
	Texts *texts = &book->texts;
	int64 end = texts->count > 0 ? texts->ends[texts->count - 1] : 0;

	if (texts->count == MOST_TEXTS)
		mls_dataset_fail(book->bytes, psprintf("It has more than %d texts.", MOST_TEXTS), NULL);
	if (texts->count == texts->room)
	{
		texts->room = Max(texts->room * 2, 1024);
		texts->ends = texts->ends ? repalloc_huge(texts->ends, texts->room * sizeof(int64))
								  : MemoryContextAlloc(book->context, texts->room * sizeof(int64));
	}
	if (!texts->is_full && texts->near.len + length > NEAR_BYTES)
		begin_file(book);
	appendBinaryStringInfo(texts->is_full ? &texts->unwritten : &texts->near, text, length);
	if (texts->is_full && texts->unwritten.len > WRITE_BYTES)
		write_texts(texts);
	texts->ends[texts->count++] = end + length;
}

bool
mls_dataset_book_text(DatasetBook *book, int64 number, StringInfo out)
{
	Texts *texts = &book->texts;
	int64 start;
	int length;

	if (number < 0 || number >= texts->count)
		return false;
	start = number > 0 ? texts->ends[number - 1] : 0;
	length = (int) (texts->ends[number] - start);
	if (start + length <= texts->near.len)
	{
		appendBinaryStringInfo(out, texts->near.data + start, length);
		return true;
	}
	enlargeStringInfo(out, length);
	errno = 0;
	if (FileRead(texts->file, out->data + out->len, length, start - texts->near.len,
				 PG_WAIT_EXTENSION) != length)
		fail_file("could not read from temporary file");
	out->len += length;
	out->data[out->len] = '\0';
	return true;
}

/* The character that _xHHHH_ stands for; 0: none that can stand in a text. */
static pg_wchar
escaped(const char *s)
{
	char *end;
	pg_wchar c;

	if (s[0] != '_' || s[1] != 'x' || strspn(s + 2, "0123456789abcdefABCDEF") != 4 || s[6] != '_')
		return 0;
	c = (pg_wchar) strtoul(s + 2, &end, 16);
	return c >= 0xD800 && c <= 0xDFFF ? 0 : c;
}

void
mls_dataset_unescape(StringInfo text, int start)
{
	char *out = strstr(text->data + start, "_x");

	if (out == NULL)
		return;
	for (const char *s = out; *s;)
	{
		pg_wchar c = escaped(s);

		if (c == 0)
		{
			*out++ = *s++;
			continue;
		}
		unicode_to_utf8(c, (unsigned char *) out);
		out += pg_utf_mblen((unsigned char *) out);
		s += 7;
	}
	*out = '\0';
	text->len = out - text->data;
}

/* A text may be of several runs; how it is pronounced is none of them. */
static void
read_texts(DatasetBook *book, const char *name)
{
	DatasetPart *part = require_part(book, name);
	StringInfoData text;
	MlsXmlEvent event;
	bool is_text = false;
	bool is_sound = false;

	initStringInfo(&text);
	while (mls_dataset_part_next(part, &event))
	{
		if (event.kind == MLS_XML_TEXT)
		{
			if (is_text && !is_sound)
				appendBinaryStringInfo(&text, event.text, (int) event.length);
		}
		else if (strcmp(event.name, "t") == 0)
			is_text = event.kind == MLS_XML_START;
		else if (strcmp(event.name, "rPh") == 0)
			is_sound = event.kind == MLS_XML_START;
		else if (strcmp(event.name, "si") == 0)
		{
			if (event.kind == MLS_XML_END)
			{
				mls_dataset_unescape(&text, 0);
				keep_text(book, text.data, text.len);
			}
			resetStringInfo(&text);
		}
	}
	pfree(text.data);
	if (book->texts.is_full && book->texts.unwritten.len > 0)
		write_texts(&book->texts);
}

/* ---- all of it ---- */

DatasetBook *
mls_dataset_book(DatasetBytes *bytes, const char *sheet)
{
	DatasetBook *book = palloc0(sizeof(DatasetBook));
	const char *workbook;
	const Related *relation;

	book->bytes = bytes;
	book->context = CurrentMemoryContext;
	book->texts.file = -1;
	book->texts.callback.func = close_texts;
	book->texts.callback.arg = &book->texts;
	MemoryContextRegisterResetCallback(book->context, &book->texts.callback);
	initStringInfo(&book->texts.near);
	book->zip = mls_dataset_zip(bytes);
	workbook = workbook_part(book);
	book->relations = relations_of(book, workbook);
	read_workbook(book, workbook);
	book->sheet = choose_sheet(book, sheet);
	relation = find_relation(book->relations, NULL, book->sheet->relation);
	if (relation == NULL)
		mls_dataset_fail(bytes, psprintf("Its sheet \"%s\" is missing.", book->sheet->name), NULL);
	book->part = relation->target;
	if ((relation = find_relation(book->relations, "styles", NULL)) != NULL)
		read_styles(book, relation->target);
	if ((relation = find_relation(book->relations, "sharedStrings", NULL)) != NULL)
		read_texts(book, relation->target);
	return book;
}

const DatasetBytes *
mls_dataset_book_bytes(const DatasetBook *book)
{
	return book->bytes;
}

DatasetPart *
mls_dataset_book_part(DatasetBook *book)
{
	return require_part(book, book->part);
}

bool
mls_dataset_book_is_1904(const DatasetBook *book)
{
	return book->is_1904;
}

void
mls_dataset_book_reading(const DatasetBook *book, StringInfo out)
{
	appendStringInfo(out, "sheet \"%s\"%s", book->sheet->name,
					 book->sheet->is_hidden ? " (hidden)" : "");
	if (list_length(book->sheets) > 1)
		appendStringInfo(out, ", others %s", name_sheets(book, book->sheet));
}
