/*
 * dataset_dialect.c
 *		How a file of cells is written: delimiter, header.
 *
 * The beginning of a file is read with each delimiter, and the one that makes the most
 * records of one width is taken.  The header is the first record that is no title, if nothing
 * in it is a number or a date; titles before it are said to be left out.
 * Whether the rest of the file is so shows when all of it is read.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "protocol/dataset/dataset_reader.h"
#include "record/written.h"

/* In the order in which they are preferred. */
static const char delimiters[] = {',', ';', '\t', '|'};

/* Widths beyond this are counted as one. */
#define MOST_WIDTH 1024

/* A title has a few lines. */
#define MOST_TITLE 10

/* A longer name is a text that has got into the header. */
#define MOST_NAME 200

typedef struct Widths
{
	int width; /* that most records have */
	int64 records;
	int64 others; /* records of another width */
} Widths;

static Widths
widths_of(DatasetCells *cells)
{
	int64 *counts = palloc0((MOST_WIDTH + 1) * sizeof(int64));
	Widths widths = {.width = 1};
	int64 all = 0;
	int64 line;
	int ncells;
	int widest = 1;

	for (; cells->next(cells, &ncells, &line); all++)
	{
		counts[Min(ncells, MOST_WIDTH)]++;
		widest = Max(widest, Min(ncells, MOST_WIDTH));
	}
	widths.records = counts[1];
	for (int i = 2; i <= widest; i++)
		if (counts[i] > 0 && (widths.width == 1 || counts[i] > widths.records))
			widths = (Widths){.width = i, .records = counts[i]};
	widths.others = all - widths.records;
	pfree(counts);
	return widths;
}

static Widths
widths_with(const DatasetBytes *bytes, const char *sample, Size length, bool is_all, char delimiter,
			char quote)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw dialect", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	Widths widths = widths_of(
		mls_dataset_csv(bytes, mls_dataset_text_of(sample, length), delimiter, quote, !is_all));

	MemoryContextSwitchTo(before);
	MemoryContextDelete(context);
	return widths;
}

/* The same; false if the sample cannot be read so, as where a quote is never closed. */
static bool
try_widths(const DatasetBytes *bytes, const char *sample, Size length, bool is_all, char delimiter,
		   char quote, Widths *widths)
{
	MemoryContext before = CurrentMemoryContext;
	volatile bool is_read = true;

	PG_TRY();
	{
		*widths = widths_with(bytes, sample, length, is_all, delimiter, quote);
	}
	PG_CATCH();
	{
		if (!mls_dataset_is_files_fault(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(before);
		FlushErrorState();
		is_read = false;
	}
	PG_END_TRY();
	return is_read;
}

/* The value of an option that is one character; ASCII, so that it is one byte. */
static char
character(const char *option, const char *value)
{
	if (strlen(value) != 1 || IS_HIGHBIT_SET(*value) || strchr("\r\n", *value))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("invalid value for option \"%s\": \"%.200s\"", option, value),
						errdetail("It is one character of ASCII, or a word for one.")));
	return *value;
}

/* A named delimiter; 0: none. */
static char
given_delimiter(const DatasetServer *server)
{
	if (strcmp(server->delimiter, "auto") == 0)
		return 0;
	return strcmp(server->delimiter, "tab") == 0 ? '\t' : character("delimiter", server->delimiter);
}

static bool
has_number(const DatasetCell *cells, int ncells)
{
	for (int i = 0; i < ncells; i++)
	{
		int shows = 0;

		if (mls_written_ways(cells[i].text, cells[i].length, &shows) & ~MLS_CAN_BOOLEAN)
			return true;
	}
	return false;
}

static int
filled(const DatasetCell *cells, int ncells)
{
	int count = 0;

	for (int i = 0; i < ncells; i++)
		count += cells[i].length > 0;
	return count;
}

/*
 * Is a record above the header a title, or blank?  It is if it has one text at most, or
 * half as many cells as others; a header may lack a name, or have one too many.
 */
static bool
is_title(const DatasetCell *cells, int ncells, int width)
{
	return width > 1 && ((width > 2 && filled(cells, ncells) <= 1) || ncells * 2 <= width);
}

static void
find_header(const DatasetServer *server, DatasetCells *records, DatasetDialect *dialect)
{
	const DatasetCell *cells;
	int64 line;
	int ncells;

	for (int64 before = 0; (cells = records->next(records, &ncells, &line)) != NULL; before++)
	{
		if (server->header == DATASET_AUTO && before < MOST_TITLE &&
			is_title(cells, ncells, dialect->width))
			continue;
		if (server->header == DATASET_FIRST ||
			(filled(cells, ncells) > 0 && !has_number(cells, ncells)))
		{
			dialect->header = line;
			dialect->first_header = before;
		}
		return;
	}
}

void
mls_dataset_dialect(const DatasetBytes *bytes, const DatasetServer *server, const char *sample,
					Size length, bool is_all, DatasetDialect *dialect)
{
	char given = given_delimiter(server);
	Widths best = {0};
	char failed = 0; /* the first that does */

	memset(dialect, 0, sizeof(*dialect));
	dialect->quote = strcmp(server->quote, "none") == 0 ? 0 : character("quote", server->quote);
	for (int i = 0; i < lengthof(delimiters) && given == 0; i++)
	{
		Widths widths;

		if (!try_widths(bytes, sample, length, is_all, delimiters[i], dialect->quote, &widths))
			failed = failed ? failed : delimiters[i];
		else if (best.width == 0 ||
				 (widths.width > 1 && (best.width == 1 || widths.records > best.records)))
		{
			best = widths;
			dialect->delimiter = delimiters[i];
		}
	}
	/* What one delimiter fails with is the file's fault, unless another makes a table of all of it. */
	if (given || (failed && (best.width < 2 || best.others > 0)))
	{
		dialect->delimiter = given ? given : failed;
		best = widths_with(bytes, sample, length, is_all, dialect->delimiter, dialect->quote);
	}
	dialect->width = best.width;
	if (server->header != DATASET_SECOND)
		find_header(server,
					mls_dataset_csv(bytes, mls_dataset_text_of(sample, length), dialect->delimiter,
									dialect->quote, !is_all),
					dialect);
}

void
mls_dataset_layout(const DatasetServer *server, DatasetCells *cells, DatasetCells *again,
				   DatasetDialect *dialect)
{
	memset(dialect, 0, sizeof(*dialect));
	dialect->width = widths_of(cells).width;
	if (server->header != DATASET_SECOND)
		find_header(server, again, dialect);
}

/* ---- names ---- */

/* Without blanks around it, and with one for several, or for the end of a line. */
static char *
tidy(const DatasetCell *cell)
{
	char *name = palloc(cell->length + 1);
	int length = 0;

	for (int i = 0; i < cell->length; i++)
	{
		char c = cell->text[i];
		bool is_blank = (unsigned char) c <= ' ' || c == '\x7f';

		if (!is_blank)
			name[length++] = c;
		else if (length > 0 && name[length - 1] != ' ')
			name[length++] = ' ';
	}
	while (length > 0 && name[length - 1] == ' ')
		length--;
	length = pg_mbcliplen(name, length, MOST_NAME);
	name[length] = '\0';
	return name;
}

static bool
is_own(const char *name, size_t length)
{
	static const char *const own[] = {DATASET_FILE, DATASET_SHA256, DATASET_LINE, DATASET_EXTRA};

	for (int i = 0; i < lengthof(own); i++)
		if (strlen(own[i]) == length && memcmp(own[i], name, length) == 0)
			return true;
	return false;
}

bool
mls_dataset_is_own(const char *name)
{
	return is_own(name, strlen(name));
}

bool
mls_dataset_gives_way(const char *name)
{
	size_t length = strlen(name);

	while (length > 2 && memcmp(name + length - 2, "_2", 2) == 0)
		length -= 2;
	return is_own(name, length);
}

/* A name that columns have, or that would be one of ours. */
typedef struct Taken
{
	char name[MOST_NAME + 16]; /* with a number behind it */
	int next;                  /* number that has not been tried behind it */
} Taken;

static Taken *
take(HTAB *taken, const char *name, bool *is_taken)
{
	Taken *entry = hash_search(taken, name, HASH_ENTER, is_taken);

	if (!*is_taken)
		entry->next = 2;
	*is_taken |= mls_dataset_is_own(name);
	return entry;
}

const char **
mls_dataset_names(const DatasetCell *cells, int ncells)
{
	const char **names = palloc(Max(ncells, 1) * sizeof(char *));
	HASHCTL control = {.keysize = sizeof(((Taken *) 0)->name),
					   .entrysize = sizeof(Taken),
					   .hcxt = CurrentMemoryContext};
	HTAB *taken = hash_create("mls_fdw names of columns", Max(ncells, 1), &control,
							  HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);

	for (int i = 0; i < ncells; i++)
	{
		char *wanted = cells ? tidy(&cells[i]) : "";
		Taken *entry;
		bool is_taken;

		CHECK_FOR_INTERRUPTS();
		/* A field "*" would be the whole record. */
		if (*wanted == '\0' || strcmp(wanted, "*") == 0)
			wanted = psprintf("col_%d", i + 1);
		names[i] = wanted;
		for (entry = take(taken, wanted, &is_taken); is_taken;)
		{
			char numbered[sizeof(entry->name)];

			snprintf(numbered, sizeof(numbered), "%s_%d", wanted, entry->next++);
			(void) take(taken, numbered, &is_taken);
			if (!is_taken)
				names[i] = pstrdup(numbered);
		}
	}
	hash_destroy(taken);
	return names;
}
