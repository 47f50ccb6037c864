/*
 * dataset_web.c
 *		Files at addresses: https://host/path/roster.csv, or several below https://host/path/.
 *
 * Nothing there lists files, so each is asked for.  A file is fetched whole, in one answer,
 * into memory or a temporary file, and read there: so it cannot change while it is read.  A
 * sync says which version it has, and a host that knows answers that it is the same.
 *
 * What a file is called is a part of a name of ours at most: never a path.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "http/gunzip.h"
#include "http/url.h"
#include "protocol/dataset/dataset_place.h"

/* A file that may have been written twice within its time's second is not told by that time. */
#define SAME_SECOND (60 * USECS_PER_SEC)

/* So much of a file shows of what kind it is. */
#define LOOKED_AT 512

/* ---- names ---- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = pg_ascii_tolower((unsigned char) c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A text with its escapes as the bytes they are; none of them ends it. */
static char *
unescape(const char *text, int length)
{
	char *plain = palloc(length + 1);
	char *to = plain;

	for (const char *s = text; s < text + length; s++)
	{
		int high = *s == '%' && s + 2 < text + length ? hex_digit(s[1]) : -1;
		int low = high >= 0 ? hex_digit(s[2]) : -1;

		*to = low >= 0 ? (char) (high * 16 + low) : *s;
		s += low >= 0 ? 2 : 0;
		to += *to != '\0';
	}
	*to = '\0';
	return plain;
}

/* What is behind the last slash, of either kind, as a name that files can have; or "". */
static char *
plain_name(char *text)
{
	char *name = text;
	char *to;

	for (char *s = text; *s; s++)
		if (*s == '/' || *s == '\\')
			name = s + 1;
	to = name;
	for (const char *s = name; *s; s++)
		if ((unsigned char) *s >= ' ' && *s != 0x7f)
			*to++ = *s;
	*to = '\0';
	name += strspn(name, ".~ ");
	/* In an encoding of another kind only its ASCII can be kept. */
	if (pg_encoding_verifymbstr(PG_UTF8, name, to - name) != to - name)
		for (char *s = name; *s; s++)
			if (IS_HIGHBIT_SET(*s))
				*s = '_';
	return to - name <= DATASET_LONGEST_NAME ? name : to;
}

/* The name at the end of an address; or "". */
static char *
name_of_address(const char *address)
{
	const char *path = strstr(address, "://");

	path = path ? path + 3 : address;
	path += strcspn(path, "/?#");
	return plain_name(unescape(path, strcspn(path, "?#")));
}

/* The name that a header Content-Disposition tells: attachment; filename="roster.csv"; or NULL. */
static char *
told_name(const char *header)
{
	char *name = NULL;

	for (const char *s = header ? strchr(header, ';') : NULL; s; s = strchr(s, ';'))
	{
		bool is_escaped = pg_strncasecmp(s += 1 + strspn(s + 1, " \t"), "filename*=", 10) == 0;
		const char *value = s + (is_escaped ? 10 : 9);

		if (!is_escaped && pg_strncasecmp(s, "filename=", 9) != 0)
			continue;
		/* The one in UTF-8 is there for who reads it, whatever stands before or behind it. */
		if (is_escaped && pg_strncasecmp(value, "UTF-8'", 6) == 0 && strchr(value + 6, '\''))
		{
			value = strchr(value + 6, '\'') + 1;
			return plain_name(unescape(value, strcspn(value, "; ")));
		}
		if (!is_escaped)
			name = *value == '"' ? pnstrdup(value + 1, strcspn(value + 1, "\""))
								 : pnstrdup(value, strcspn(value, "; "));
	}
	return name ? plain_name(name) : NULL;
}

/* Where neither says of what kind a file is, its first bytes do. */
static const char *
extension_of(const MlsHttpResponse *answer, const char *bytes, Size length)
{
	const char *at = bytes;

	if (length >= 4 && memcmp(bytes, "PK\3\4", 4) == 0)
		return ".xlsx";
	if (length >= 4 && memcmp(bytes, "PAR1", 4) == 0)
		return ".parquet";
	if (strcmp(answer->content_type, "application/x-ndjson") == 0 ||
		strcmp(answer->content_type, "application/jsonl") == 0)
		return ".ndjson";
	if (length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
		at += 3;
	at += strspn(at, " \t\r\n");
	return *at == '[' || *at == '{' ? ".json" : ".csv";
}

static char *
unpacked_extension(const MlsHttpResponse *answer)
{
	char bytes[LOOKED_AT + 1] = "";
	Size length = Min(answer->length, LOOKED_AT);
	MlsGunzip *gunzip;

	if (answer->length < 2 || memcmp(answer->body, "\x1f\x8b", 2) != 0)
	{
		memcpy(bytes, answer->body, length);
		return pstrdup(extension_of(answer, bytes, length));
	}
	gunzip = mls_gunzip_begin(CurrentMemoryContext);
	mls_gunzip_feed(gunzip, answer->body, answer->length);
	if (mls_gunzip_take(gunzip, bytes, LOOKED_AT, &length) != MLS_GUNZIP_OK)
		length = 0;
	bytes[length] = '\0';
	return psprintf("%s.gz", extension_of(answer, bytes, length));
}

char *
mls_dataset_name_told(const char *address, const char *disposition)
{
	char *told = told_name(disposition);

	return told && *told ? told : name_of_address(address);
}

/* The name of a file that has come, with its kind. */
static const char *
name_of_answer(const char *address, const MlsHttpResponse *answer)
{
	char *name = mls_dataset_name_told(address, mls_http_header(answer, "content-disposition"));

	if (mls_dataset_is_kind(name))
		return name;
	return psprintf("%s%s", *name ? name : "file", unpacked_extension(answer));
}

/* ---- asking ---- */

/* A file that was fetched lately. */
typedef struct KeptFile
{
	Oid server;
	Oid mapping;
	const char *address;
	TimestampTz at; /* when */
	MlsHttpResponse *answer;
} KeptFile;

/* Kept files are taken for what there is without a word for so long. */
#define FRESH (60 * USECS_PER_SEC)

/* So many are kept, and of each process so many bytes. */
#define MOST_KEPT 100

static List *kept = NIL; /* of KeptFile *, in mls_kept_files */
static int64 kept_bytes = 0;

static void
forget_kept(void *arg)
{
	kept = NIL;
	kept_bytes = 0;
}

typedef struct Asked
{
	const MlsSource *source;
	const char *address;
	const char *condition; /* a header; or NULL */
	MlsHttpStats *stats;
	MlsHttpResponse *answer;
} Asked;

static KeptFile *
find_kept(const Asked *asked)
{
	ListCell *lc;

	foreach (lc, kept)
	{
		KeptFile *file = lfirst(lc);

		if (file->server == asked->source->server_id &&
			file->mapping == asked->source->http.mapping_id &&
			strcmp(file->address, asked->address) == 0)
			return file;
	}
	return NULL;
}

/* Keeps an answer, which is in mls_kept_files. */
static void
keep(const Asked *asked, KeptFile *file)
{
	MemoryContext before = MemoryContextSwitchTo(mls_kept_files);

	if (kept == NIL)
	{
		MemoryContextCallback *callback = palloc0(sizeof(*callback));

		callback->func = forget_kept;
		MemoryContextRegisterResetCallback(mls_kept_files, callback);
	}
	if (file == NULL)
	{
		file = palloc0(sizeof(KeptFile));
		file->server = asked->source->server_id;
		file->mapping = asked->source->http.mapping_id;
		file->address = pstrdup(asked->address);
		kept = lappend(kept, file);
	}
	file->at = GetCurrentTimestamp();
	file->answer = asked->answer;
	kept_bytes += mls_http_length(file->answer);
	MemoryContextSwitchTo(before);
}

static void
fetch(Asked *asked)
{
	MlsHttpStats spent = {0};
	MlsHttpCall call = {
		.method = "GET",
		.url = asked->address,
		.headers = asked->condition ? list_make1(unconstify(char *, asked->condition)) : NIL,
		.purpose = psprintf("file \"%s\"", name_of_address(asked->address)),
		.spool = true,
		.statuses = true};

	asked->answer = mls_http_fetch(&asked->source->http, &call, &spent);
	mls_dataset_spent(asked->stats, &spent);
	/* A login that is refused, or an address that has moved, is not the matter of one file. */
	if (asked->answer->status == 401 ||
		(asked->answer->status >= 300 && asked->answer->status < 400 &&
		 asked->answer->status != 304))
		mls_http_report_status(&asked->source->http, &call, asked->answer, NULL);
}

/* Asks for a file; one that is kept is asked for only if it may have changed, and comes so if not. */
static void
ask(Asked *asked)
{
	KeptFile *file = find_kept(asked);
	const char *condition = asked->condition;
	bool may_keep = mls_kept_files && (file || list_length(kept) < MOST_KEPT) &&
					kept_bytes < asked->source->http.max_answer_bytes;
	MemoryContext before = CurrentMemoryContext;

	if (file && GetCurrentTimestamp() - file->at < FRESH)
	{
		asked->answer = file->answer;
		return;
	}
	if (file && file->answer->validator)
		asked->condition = file->answer->validator;
	if (may_keep)
		MemoryContextSwitchTo(mls_kept_files);
	fetch(asked);
	MemoryContextSwitchTo(before);
	if (file && asked->answer->status == 304 && asked->condition == file->answer->validator)
		asked->answer = file->answer;
	else if (may_keep && asked->answer->status == 200)
		keep(asked, file);
	asked->condition = condition;
}

/* An error of one file alone, which does not keep others away; NULL: it was answered. */
static ErrorData *
try_to_ask(Asked *asked)
{
	MemoryContext before = CurrentMemoryContext;
	ErrorData *volatile error = NULL;

	PG_TRY();
	{
		ask(asked);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(before);
		if (!mls_dataset_is_files_fault(geterrcode()))
			PG_RE_THROW();
		error = CopyErrorData();
		FlushErrorState();
		mls_http_forget_failure();
	}
	PG_END_TRY();
	return error;
}

/* ---- a file ---- */

/* A page for people where a file should be: of a login, or of an error. */
static bool
is_page(const MlsHttpResponse *answer)
{
	const char *body = answer->body + strspn(answer->body, " \t\r\n");

	return pg_strncasecmp(body, "<!doctype html", 14) == 0 || pg_strncasecmp(body, "<html", 5) == 0;
}

static DatasetBytes *
open_web(const MlsSource *source, const DatasetFile *file, MlsHttpStats *stats)
{
	Asked asked = {
		.source = source, .address = file->address, .stats = stats, .answer = file->answer};
	DatasetBytes *bytes;

	if (file->failure)
		ReThrowError(file->failure);
	if (asked.answer == NULL)
		ask(&asked);
	bytes = mls_dataset_answered(source, file, asked.answer);
	if (asked.answer->status != 200)
		mls_dataset_fail(bytes, psprintf("Its host answered with status %d.", asked.answer->status),
						 asked.answer->status == 404
							 ? "The server option url, or the option files, says where it is."
							 : NULL);
	if (is_page(asked.answer))
		mls_dataset_fail(bytes, "What its host answered is a page for people (HTML).",
						 "The address may be that of a page about the file, or want a login.");
	return bytes;
}

/* ---- what is there ---- */

/* The entry of a file that all of is here, and whose host can be asked whether it has changed. */
static const MlsFileEntry *
known_file(const MlsFileLedger *ledger, const char *name)
{
	const MlsFileEntry *found = NULL;
	ListCell *lc;

	/* Where the name is not known, it can be no other than the only one. */
	foreach (lc, ledger ? ledger->known : NIL)
	{
		const MlsFileEntry *entry = lfirst(lc);

		if (entry->state == MLS_FILE_GONE || (name && strcmp(entry->name, name) != 0))
			continue;
		if (found)
			return NULL;
		found = entry;
	}
	return found && found->state == MLS_FILE_SYNCED && found->validator ? found : NULL;
}

/* Length and times of what has come, as far as they tell one version from another. */
static void
note_version(DatasetFile *file)
{
	const MlsHttpResponse *answer = file->answer;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz date = mls_http_date(answer, "date");

	file->bytes = mls_http_length(answer);
	file->modified = mls_http_date(answer, "last-modified");
	file->validator = answer->validator;
	if (file->validator && mls_http_header(answer, "etag") == NULL &&
		(date ? date : now) - file->modified < SAME_SECOND)
		file->validator = NULL;
	/* Without any of them the bytes themselves have to tell. */
	file->changed = file->validator ? file->modified : now;
}

/* A file of a name that is known, or not (NULL). */
static void
find_file(DatasetListing *listing, const char *address, const char *name)
{
	const MlsFileEntry *known = known_file(listing->ledger, name);
	Asked asked = {.source = listing->source,
				   .address = address,
				   .condition = known ? known->validator : NULL,
				   .stats = listing->stats};
	DatasetFile file = {.name = name, .address = address, .is_whole = true};

	if (name && listing->resource && !mls_dataset_is_of(listing->source, name, listing->resource))
		return;
	if (listing->ledger || listing->looks || name == NULL)
		file.failure = try_to_ask(&asked);
	if (file.failure && (listing->looks || name == NULL))
		ReThrowError(file.failure);
	if (asked.answer && asked.answer->status == 304 && known)
	{
		file.name = known->name;
		file.bytes = known->bytes;
		file.modified = known->modified;
		file.changed = known->changed;
		file.validator = known->validator;
	}
	else if (asked.answer)
	{
		file.answer = asked.answer;
		if (name == NULL)
			file.name = name_of_answer(address, asked.answer);
		note_version(&file);
	}
	if (listing->looks)
		(void) open_web(listing->source, &file, listing->stats);
	mls_dataset_found(listing, &file);
}

/* The names that the option files has of files below an address. */
static void
find_named(DatasetListing *listing)
{
	const MlsSource *source = listing->source;
	ListCell *lc;

	foreach (lc, ((const DatasetServer *) source->own)->files)
	{
		const char *entry = lfirst(lc);
		const char *equals = strchr(entry, '=');
		const char *name = equals ? equals + 1 : entry;

		if (strpbrk(name, "*?[/\\") || !mls_dataset_is_kind(name))
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					 errmsg("source \"%s\" has no valid option files", source->name),
					 errdetail("\"%s\" is no name of a file below its address, where nothing "
							   "lists files.",
							   name)));
		find_file(listing, mls_url_build(source->http.url, name, NIL), name);
	}
}

static void
list_web(DatasetListing *listing)
{
	const MlsSource *source = listing->source;
	const char *url = source->http.url;
	char *name = name_of_address(url);

	if (url[strcspn(url, "?") - 1] != '/')
	{
		find_file(listing, url, mls_dataset_is_kind(name) ? name : NULL);
		return;
	}
	if (((const DatasetServer *) source->own)->files == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("source \"%s\" names no files", source->name),
				 errdetail("At \"%s\" nothing lists files.", mls_url_display(url)),
				 errhint("Set the server option url to the address of a file, or the option files "
						 "to the names of files below it.")));
	find_named(listing);
}

const DatasetPlace mls_dataset_web = {.list = list_web, .open = open_web};
