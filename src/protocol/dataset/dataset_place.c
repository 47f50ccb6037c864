/*
 * dataset_place.c
 *		Which files there are, and their bytes: what all kinds of places have in common.
 *
 * A place knows names; here it is decided by them which are files, of what kind, and of
 * which resource.
 */
#include "postgres.h"

#include <fnmatch.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "base/base.h"
#include "http/url.h"
#include "protocol/dataset/dataset_place.h"
#include "protocol/file/file.h"

/* Of a place whose files are not named so many others are borne with. */
#define MOST_OTHERS 100000

/* ---- names ---- */

static const struct
{
	const char *extension;
	bool is_json;
	bool is_lines;
	bool is_book;
	bool is_parquet;
} kinds[] = {{"csv"},
			 {"tsv"},
			 {"txt"},
			 {"json", .is_json = true},
			 {"ndjson", .is_json = true, .is_lines = true},
			 {"jsonl", .is_json = true, .is_lines = true},
			 {"xlsx", .is_book = true},
			 {"xlsm", .is_book = true},
			 {"parquet", .is_parquet = true}};

static bool
drop_extension(char *name, const char *extension)
{
	int length = strlen(name) - strlen(extension) - 1;

	if (length < 1 || name[length] != '.' || pg_strcasecmp(name + length + 1, extension) != 0)
		return false;
	name[length] = '\0';
	return true;
}

/* The name without what says its kind; NULL if it is of no kind that is known. */
static char *
stem_of(const char *name, DatasetFile *file)
{
	char *stem = pstrdup(name);

	bool is_packed = drop_extension(stem, "gz");

	for (int i = 0; i < lengthof(kinds); i++)
		if (!(is_packed && (kinds[i].is_book || kinds[i].is_parquet)) &&
			drop_extension(stem, kinds[i].extension))
		{
			file->is_json = kinds[i].is_json;
			file->is_lines = kinds[i].is_lines;
			file->is_book = kinds[i].is_book;
			file->is_parquet = kinds[i].is_parquet;
			return stem;
		}
	return NULL;
}

/* Of a pattern with the sheet of a workbook, "book.xlsx#Rooms", the sheet is cut off; or NULL. */
static const char *
cut_sheet(char *pattern)
{
	for (char *mark = pattern; (mark = strchr(mark, '#')) != NULL; mark++)
		if (mark - pattern > 5 && (pg_strncasecmp(mark - 5, ".xlsx", 5) == 0 ||
								   pg_strncasecmp(mark - 5, ".xlsm", 5) == 0))
		{
			*mark = '\0';
			return mark + 1;
		}
	return NULL;
}

/* What a pattern of the option files makes of a file; false: nothing. */
static bool
fits(const char *entry, const char *stem, DatasetFile *file)
{
	const char *equals = strchr(entry, '=');
	char *pattern = pstrdup(equals ? equals + 1 : entry);
	const char *sheet = cut_sheet(pattern);

	if (fnmatch(pattern, file->stored, FNM_PERIOD | FNM_NOESCAPE) != 0)
		return false;
	file->resource = equals ? pnstrdup(entry, equals - entry) : stem;
	file->sheet = sheet;
	file->name = sheet ? psprintf("%s#%s", file->stored, sheet) : file->stored;
	return true;
}

/*
 * What a name stands for (List of DatasetFile *): a file of a resource, as the option files says
 * it, else by its stem; or several sheets of a workbook, each named.  NIL: none that is read;
 * *is_kind: it is of a kind that is.
 */
static List *
files_named(const DatasetServer *server, const char *name, bool *is_kind)
{
	DatasetFile file = {0};
	List *files = NIL;
	char *stem;
	ListCell *lc;

	file.name = file.stored = pstrdup(name);
	stem = stem_of(file.stored, &file);
	*is_kind = stem != NULL;
	if (stem == NULL)
		return NIL;
	file.resource = stem;
	if (server->files == NIL)
		return list_make1(memcpy(palloc(sizeof(file)), &file, sizeof(file)));
	foreach (lc, server->files)
	{
		if (!fits(lfirst(lc), stem, &file))
			continue;
		files = lappend(files, memcpy(palloc(sizeof(file)), &file, sizeof(file)));
		if (file.sheet == NULL)
			break;
	}
	return files;
}

/* A name in no encoding of ours cannot be kept: what is shown of it has question marks. */
static char *
show_name(const char *name)
{
	char *shown = pstrdup(name);

	for (char *s = shown; *s; s++)
		if (IS_HIGHBIT_SET(*s))
			*s = '?';
	return shown;
}

/* What is no file of ours is told of. */
static void
add_other(DatasetListing *listing, char *shown)
{
	if (list_length(listing->others) == MOST_OTHERS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("source \"%s\" has too many files", listing->source->name),
				 errdetail("Beside those that can be read there are more than %d.", MOST_OTHERS),
				 errhint("The server option files can name those that are read.")));
	listing->others = lappend(listing->others, shown);
}

bool
mls_dataset_is_of(const MlsSource *source, const char *name, const char *resource)
{
	bool is_kind;
	ListCell *lc;

	foreach (lc, files_named(source->own, name, &is_kind))
		if (strcmp(((DatasetFile *) lfirst(lc))->resource, resource) == 0)
			return true;
	return false;
}

List *
mls_dataset_unfitted(const MlsSource *source, const List *files)
{
	List *unfitted = NIL;
	ListCell *entry;

	foreach (entry, ((const DatasetServer *) source->own)->files)
	{
		bool found = false;
		ListCell *lc;

		foreach (lc, files)
		{
			DatasetFile file = *(DatasetFile *) lfirst(lc);

			found = found || fits(lfirst(entry), NULL, &file);
		}
		if (!found)
			unfitted = lappend(unfitted, lfirst(entry));
	}
	return unfitted;
}

bool
mls_dataset_is_kind(const char *name)
{
	DatasetFile file;

	return stem_of(name, &file) != NULL;
}

void
mls_dataset_found(DatasetListing *listing, const DatasetFile *found)
{
	const DatasetServer *server = listing->source->own;
	bool is_kind;
	List *files;
	ListCell *lc;

	if (pg_encoding_verifymbstr(PG_UTF8, found->name, strlen(found->name)) != strlen(found->name))
	{
		add_other(listing, show_name(found->name));
		return;
	}
	files = files_named(server, found->name, &is_kind);
	if (!is_kind && server->files == NIL)
		add_other(listing, pstrdup(found->name));
	foreach (lc, files)
	{
		DatasetFile *file = lfirst(lc);
		DatasetFile named = *file;

		if (list_length(listing->files) == DATASET_MOST_FILES)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("source \"%s\" has too many files", listing->source->name),
							errdetail("A place can have %d.", DATASET_MOST_FILES)));
		*file = *found;
		file->name = named.name;
		file->stored = named.stored;
		file->sheet = named.sheet;
		file->resource = named.resource;
		file->is_json = named.is_json;
		file->is_lines = named.is_lines;
		file->is_book = named.is_book;
		file->is_parquet = named.is_parquet;
		listing->files = lappend(listing->files, file);
	}
}

/* ---- places ---- */

#define UPLOAD "upload:"

/* Is it an address of http? */
static bool
is_web(const char *url)
{
	return pg_strncasecmp(url, "https:", 6) == 0 || pg_strncasecmp(url, "http:", 5) == 0;
}

const char *
mls_dataset_url_problem(const char *url)
{
	static const char *const forms = "It has the form file:///directory, https://host/file, "
									 "s3://bucket/prefix, or is " UPLOAD ".";
	MlsFilePlace place;

	if (strcmp(url, UPLOAD) == 0)
		return NULL;
	if (is_web(url))
		return mls_url_problem(url);
	return pg_strncasecmp(url, "file:", 5) == 0 || pg_strncasecmp(url, "s3:", 3) == 0
			   ? mls_file_place(url, &place)
			   : forms;
}

const char *
mls_dataset_shown_url(const MlsSource *source)
{
	const char *url = source->http.url;

	return url == NULL ? "no place" : is_web(url) ? mls_url_display(url) : url;
}

bool
mls_dataset_is_remote(const char *url)
{
	return is_web(url) || mls_file_is_signed(url);
}

static const DatasetPlace *
place_of(const MlsSource *source)
{
	const char *url = source->http.url;

	if (url == NULL)
		ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
						errmsg("source \"%s\" has no place of files", source->name),
						errhint("Set the server option url, as file:///srv/rosters.")));
	if (mls_dataset_url_problem(url))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("source \"%s\" has no valid url", source->name),
						errdetail("%s", mls_dataset_url_problem(url))));
	mls_file_require_open(source);
	if (strcmp(url, UPLOAD) == 0)
		return &mls_dataset_uploads;
	if (is_web(url))
		return &mls_dataset_web;
	return mls_file_is_signed(url) ? &mls_dataset_bucket : &mls_dataset_folder;
}

/* A name that is kept must be found again, and must be one that any place can have. */
const char *
mls_dataset_upload_problem(const MlsSource *source, const char *name, const char *resource,
						   List **entries)
{
	bool is_kind;
	List *files;
	ListCell *lc;

	if (place_of(source) != &mls_dataset_uploads)
		return "Its files are not uploaded: the server option url is not " UPLOAD ".";
	for (const char *s = name; *s; s++)
		if ((unsigned char) *s < ' ' || *s == 0x7f || strchr("/\\", *s))
			return "A name has neither slashes nor control characters.";
	if (*name == '\0' || *name == '.' || *name == '~' || strlen(name) > DATASET_LONGEST_NAME)
		return "A name is of 1 to 255 bytes, and begins neither with a dot nor with a tilde.";
	files = files_named(source->own, name, &is_kind);
	if (!is_kind)
		return "By the end of its name it is of no kind that is read: .csv, .tsv, .txt, .json, "
			   ".ndjson, .jsonl, each perhaps with .gz, .xlsx, .xlsm, .parquet.";
	if (files == NIL)
		return "The server option files has no pattern that fits its name.";
	*entries = NIL;
	foreach (lc, files)
	{
		const DatasetFile *file = lfirst(lc);

		if (resource && strcmp(file->resource, resource) == 0)
			*entries = lappend(*entries, unconstify(char *, file->name));
	}
	return NULL;
}

static int
compare_files(const ListCell *a, const ListCell *b)
{
	return strcmp(((DatasetFile *) lfirst(a))->name, ((DatasetFile *) lfirst(b))->name);
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

List *
mls_dataset_list(const MlsSource *source, const char *resource, const MlsFileLedger *ledger,
				 List **others, MlsHttpStats *stats)
{
	DatasetListing listing = {
		.source = source, .resource = resource, .ledger = ledger, .stats = stats};

	place_of(source)->list(&listing);
	list_sort(listing.files, compare_files);
	list_sort(listing.others, compare_names);
	if (others)
		*others = listing.others;
	return listing.files;
}

static char *
look_words(const MlsSource *source, const DatasetListing *listing)
{
	const char *files = mls_counted(list_length(listing->files), "file is", "files are");
	char *others = "";

	if (listing->others)
		others = psprintf(" Of %s by its name nothing is read, the first is \"%s\".",
						  mls_counted(list_length(listing->others), "other", "others"),
						  (char *) linitial(listing->others));
	if (listing->files == NIL)
		return psprintf("%s can be read, and has no file that fits.%s",
						mls_dataset_shown_url(source), others);
	return psprintf("%s can be read; %s there, the first is \"%s\".%s",
					mls_dataset_shown_url(source), files,
					((DatasetFile *) linitial(listing->files))->name, others);
}

List *
mls_dataset_look(const MlsSource *source, char **words, MlsHttpStats *stats)
{
	DatasetListing listing = {.source = source, .stats = stats, .looks = true};
	List *files = NIL;
	ListCell *lc;

	place_of(source)->list(&listing);
	list_sort(listing.files, compare_files);
	list_sort(listing.others, compare_names);
	foreach (lc, listing.files)
	{
		const DatasetFile *found = lfirst(lc);
		MlsSourceFile *file = palloc(sizeof(MlsSourceFile));

		*file = (MlsSourceFile){.name = found->name, .resource = found->resource};
		files = lappend(files, file);
	}
	*words = look_words(source, &listing);
	return files;
}

bool
mls_dataset_is_ahead(const DatasetServer *server, const DatasetFile *file)
{
	return file->modified > GetCurrentTimestamp() + server->settle_s * USECS_PER_SEC;
}

/* From when a file counts; what is dated in the future would be the newest until then. */
static TimestampTz
counts_from(const DatasetServer *server, const DatasetFile *file)
{
	return mls_dataset_is_ahead(server, file) && file->changed ? file->changed : file->modified;
}

List *
mls_dataset_files_of(const MlsSource *source, List *all, const char *resource)
{
	const DatasetServer *server = source->own;
	DatasetFile *newest = NULL;
	List *files = NIL;
	ListCell *lc;

	foreach (lc, all)
	{
		DatasetFile *file = lfirst(lc);

		/* Several patterns may name one sheet. */
		if (strcmp(file->resource, resource) != 0 ||
			(files && strcmp(((DatasetFile *) llast(files))->name, file->name) == 0))
			continue;
		files = lappend(files, file);
		if (newest == NULL || counts_from(server, file) >= counts_from(server, newest))
			newest = file;
	}
	return server->mode == DATASET_REPLACE && newest ? list_make1(newest) : files;
}

/* ---- a file ---- */

void *
mls_dataset_bytes(Size size, const MlsSource *source, const DatasetFile *file)
{
	DatasetBytes *bytes = palloc0(size);

	bytes->name = psprintf("file \"%s\" of source \"%s\"", file->name, source->name);
	bytes->most = source->http.max_answer_bytes;
	bytes->fd = -1;
	return bytes;
}

/* ---- a file that was fetched ---- */

typedef struct Answered
{
	DatasetBytes head;
	const MlsHttpResponse *answer;
} Answered;

static Size
read_answer(DatasetBytes *bytes, int64 at, char *buf, Size room)
{
	MlsHttpPieces pieces = {((Answered *) bytes)->answer, at};
	const char *piece;
	Size length;

	CHECK_FOR_INTERRUPTS();
	if (at < 0 || !mls_http_piece(&pieces, &piece, &length))
		return 0;
	length = Min(length, room);
	memcpy(buf, piece, length);
	return length;
}

/* It is a copy. */
static bool
stays(DatasetBytes *bytes)
{
	return true;
}

DatasetBytes *
mls_dataset_answered(const MlsSource *source, const DatasetFile *file,
					 const MlsHttpResponse *answer)
{
	Answered *answered = mls_dataset_bytes(sizeof(Answered), source, file);

	answered->answer = answer;
	answered->head.read = read_answer;
	answered->head.is_unchanged = stays;
	answered->head.length = mls_http_length(answer);
	return &answered->head;
}

void
mls_dataset_spent(MlsHttpStats *stats, const MlsHttpStats *spent)
{
	stats->requests += spent->requests;
	stats->retries += spent->retries;
	stats->wire_bytes += spent->wire_bytes;
	stats->wait_us += spent->wait_us;
	stats->quota_us += spent->quota_us;
}

DatasetBytes *
mls_dataset_open(const MlsSource *source, const DatasetFile *file, MlsHttpStats *stats)
{
	return place_of(source)->open(source, file, stats);
}

void
mls_dataset_require_unchanged(DatasetBytes *bytes)
{
	if (!bytes->is_unchanged(bytes))
		mls_dataset_fail(bytes, "It was written to while it was read.", bytes->care);
}

void
mls_dataset_fail(const DatasetBytes *bytes, const char *detail, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE), errmsg("could not read %s", bytes->name),
					errdetail("%s", detail), hint ? errhint("%s", hint) : 0));
}

bool
mls_dataset_is_files_fault(int sqlstate)
{
	int category = ERRCODE_TO_CATEGORY(sqlstate);

	return sqlstate == ERRCODE_FDW_REPLY_HANDLE ||
		   sqlstate == ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION ||
		   category == ERRCODE_TO_CATEGORY(ERRCODE_IO_ERROR) ||
		   sqlstate == ERRCODE_PROGRAM_LIMIT_EXCEEDED || sqlstate == ERRCODE_WRONG_OBJECT_TYPE ||
		   sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE;
}
