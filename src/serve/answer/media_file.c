/*
 * media_file.c
 *		A file of media, to who sees its record.
 *
 * Files are asked for by their hash, /media/SHA256.  The database says which stores have it and
 * which records of gold show it; then the role of who asks is asked whether it sees one of
 * these, with its address: so policies, masks and scopes hold for files as they do for records,
 * and what does not exist is answered as what may not be seen.
 *
 * Nothing of a request reaches the file system but 64 hexadecimal digits.  The directory is one
 * that the operator has named (--media), the rest of the path is the hash and an extension of
 * letters and digits; no link is followed, and only a plain file of the length that the database
 * knows is sent.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/answer/parts.h"
#include "serve/base/serve_log.h"
#include "serve/base/settings.h"

#define PREFIX "/media/"
#define HASH 64
#define EXTENSION 8

/* The word of --media for files of buckets. */
#define BUCKETS "s3"

/* Who sees a file now may not see it a day later; but while he does, its bytes do not change. */
#define KEEP "private, max-age=86400, immutable"
/* What everybody sees may be withdrawn: then caches of others hear of it within the hour. */
#define KEEP_FOR_ALL "public, max-age=3600, immutable"
/* The address behind a redirect holds for ten minutes. */
#define KEEP_LINK "private, max-age=300"

static bool
fail_missing(ServeCall *call)
{
	serve_fail_odata(call, 404, "NotFound", "there is no such file", NULL);
	return false;
}

/* ---- What is asked for ---- */

/* Lower case only: a file has one address. */
static bool
is_hash(const char *text)
{
	return strspn(text, "0123456789abcdef") == HASH && text[HASH] == '\0';
}

bool
serve_media_begin(ServeCall *call)
{
	if (!serve_settings.media || strncmp(call->path, PREFIX, strlen(PREFIX)) != 0)
		return false;
	call->media = is_hash(call->path + strlen(PREFIX)) ? call->path + strlen(PREFIX) : "";
	return true;
}

bool
serve_media_admit(ServeCall *call)
{
	const ServeResource *media = serve_resource(call->role->model, "Media");

	if (!serve_scope_covers(call->scope, "Media"))
	{
		serve_fail_scope(call, "the scope does not cover Media", "Media");
		return false;
	}
	if (!call->media[0] || !media || media->nkeys != 1 || !serve_field(media, "MediaURL"))
		return fail_missing(call);
	return true;
}

/* ---- The database ---- */

/* Asks one question; NULL: the reply says why there is no answer, or what is there has changed. */
static ServeResult *
ask(ServeCall *call, ServeConnection *connection, const char *role, const char *sql,
	const char *const *params, int nparams, bool *stale)
{
	ServeTurn turn = {.role = role,
					  .claims = role ? call->consumer.claims : NULL,
					  .timeout_ms = serve_settings.timeout_ms,
					  .nquestions = 1,
					  .questions = {{.sql = sql, .nparams = nparams, .params = params}}};
	ServeTrouble trouble;
	ServeResult *result;

	if (serve_turn(connection, &turn, &result, &trouble))
		return result;
	serve_fail_trouble(call, &trouble);
	*stale = serve_trouble_is_stale(&trouble);
	return NULL;
}

static void
add_name(ServeBytes *out, const char *name)
{
	serve_bytes_text(out, "\"");
	for (; *name; name++)
		serve_bytes_format(out, *name == '"' ? "\"\"" : "%c", *name);
	serve_bytes_text(out, "\"");
}

/* Whether the role sees one of the records with an address. */
static const char *
question(ServeCall *call)
{
	const ServeResource *media = serve_resource(call->role->model, "Media");
	ServeBytes sql = {0};
	const char *copy;

	serve_bytes_text(&sql, "SELECT 1 FROM ");
	add_name(&sql, media->schema);
	serve_bytes_text(&sql, ".");
	add_name(&sql, media->view);
	serve_bytes_text(&sql, " WHERE ");
	add_name(&sql, media->keys[0]->name);
	serve_bytes_text(&sql, " = ANY ($1::text[]) AND \"MediaURL\" IS NOT NULL LIMIT 1");
	copy = serve_copy(call->arena, sql.data);
	serve_bytes_free(&sql);
	return copy;
}

/* ---- The file ---- */

/* Whether a directory is one of those that the operator has named, or below one. */
static bool
is_named(const char *directory)
{
	size_t length = strlen(directory);

	if (directory[0] != '/' || strstr(directory, "/../") || strstr(directory, "//") ||
		(length >= 3 && strcmp(directory + length - 3, "/..") == 0))
		return false;
	for (const char *at = serve_settings.media; *at;)
	{
		size_t one;
		size_t named;

		at += strspn(at, " ,");
		one = named = strcspn(at, " ,");
		while (named > 1 && at[named - 1] == '/')
			named--;
		if (*at == '/' && named > 0 && strncmp(directory, at, named) == 0 &&
			(named == 1 || directory[named] == '\0' || directory[named] == '/'))
			return true;
		at += one;
	}
	return false;
}

static bool
are_buckets_named(void)
{
	for (const char *at = serve_settings.media; *at;)
	{
		size_t one;

		at += strspn(at, " ,");
		one = strcspn(at, " ,");
		if (one == strlen(BUCKETS) && strncmp(at, BUCKETS, one) == 0)
			return true;
		at += one;
	}
	return false;
}

/* "3f/3f5a...e1.jpg" of the hash that was asked for. */
static bool
is_name_of(const char *name, const char *hash)
{
	const char *extension = name + 3 + HASH + 1;
	size_t length;

	if (strncmp(name, hash, 2) != 0 || name[2] != '/' || strncmp(name + 3, hash, HASH) != 0 ||
		name[3 + HASH] != '.')
		return false;
	length = strlen(extension);
	return length > 0 && length <= EXTENSION &&
		   strspn(extension, "0123456789abcdefghijklmnopqrstuvwxyz") == length;
}

/* Open for reading; -1 if it is not there as it should be. */
static int
open_file(const char *directory, const char *name, int64_t length)
{
	char folder[3] = {name[0], name[1], '\0'};
	struct stat about;
	int top = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int below = top < 0 ? -1 : openat(top, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int file =
		below < 0 ? -1 : openat(below, name + 3, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (top >= 0)
		close(top);
	if (below >= 0)
		close(below);
	if (file < 0)
		return -1;
	if (fstat(file, &about) == 0 && S_ISREG(about.st_mode) && about.st_size == length)
		return file;
	close(file);
	return -1;
}

/* Only what is a type, and no more: it stands in a header. */
static const char *
type_of(ServeCall *call, const char *type)
{
	if (!type || !type[0] || type[strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789/+.-")] != '\0')
		return "application/octet-stream";
	return serve_copy(call->arena, type);
}

/* Its bytes, or those of them that are wanted; takes the file. */
static void
reply_file(ServeCall *call, int file, const char *type, int64_t length)
{
	ServeReply *reply = &call->reply;
	const ServeHeaders *headers = &call->headers;
	const char *tag = serve_printf(call->arena, "\"%s\"", call->media);
	bool may_part = !headers->if_range || strcmp(headers->if_range, tag) == 0;
	int64_t count;
	ServeRange range =
		serve_range(may_part ? headers->range : NULL, length, &reply->offset, &count);

	serve_reply_header(call, "ETag", tag);
	serve_reply_header(call, "Accept-Ranges", "bytes");
	serve_reply_header(call, "Content-Security-Policy", "default-src 'none'; sandbox");
	reply->cache = headers->authorization ? KEEP : KEEP_FOR_ALL;
	if (serve_tag_is_known(headers->if_none_match, tag))
	{
		close(file);
		reply->status = 304;
		return;
	}
	if (range == SERVE_RANGE_NOWHERE)
	{
		close(file);
		reply->status = 416;
		reply->cache = NULL;
		serve_reply_header(call, "Content-Range",
						   serve_printf(call->arena, "bytes */%lld", (long long) length));
		return;
	}
	reply->status = range == SERVE_RANGE_PART ? 206 : 200;
	if (range == SERVE_RANGE_PART)
		serve_reply_header(
			call, "Content-Range",
			serve_printf(call->arena, "bytes %lld-%lld/%lld", (long long) reply->offset,
						 (long long) (reply->offset + count - 1), (long long) length));
	reply->content_type = type;
	reply->from_file = true;
	reply->file = file;
	reply->length = (size_t) count;
	reply->rows = 1;
}

/* The file of one store; false: this one does not give it. */
static bool
try_store(ServeCall *call, const ServeResult *stores, int row)
{
	const char *directory = serve_result_text(stores, row, 1, NULL);
	const char *link = serve_result_text(stores, row, 2, NULL);
	const char *name = serve_result_text(stores, row, 3, NULL);
	const char *bytes = serve_result_text(stores, row, 5, NULL);
	int64_t length = bytes ? atoll(bytes) : -1;
	int file;

	if (!name || !is_name_of(name, call->media))
		return false;
	if (directory)
	{
		if (!is_named(directory))
			return false;
		file = open_file(directory, name, length);
		if (file < 0)
		{
			serve_log(SERVE_LOG_NOTE, "file %s of a store cannot be read", name);
			return false;
		}
		reply_file(call, file, type_of(call, serve_result_text(stores, row, 4, NULL)), length);
		return true;
	}
	if (!link || !are_buckets_named() || strpbrk(link, "\r\n"))
		return false;
	call->reply.status = 302;
	call->reply.cache = KEEP_LINK;
	call->reply.rows = 1;
	serve_reply_header(call, "Location", serve_copy(call->arena, link));
	return true;
}

/* Whether the role sees one of the records of a row; negative: the reply says why that is not known. */
static int
sees_one(ServeCall *call, ServeConnection *connection, const ServeResult *stores, int row,
		 bool *stale)
{
	const char *params[] = {serve_result_text(stores, row, 0, NULL)};
	ServeResult *seen = ask(call, connection, call->role->name, question(call), params, 1, stale);
	bool sees;

	if (!seen)
		return -1;
	sees = serve_result_rows(seen) > 0;
	serve_result_free(seen);
	return sees;
}

#define WHERE_IT_IS "SELECT keys::text, directory, link, name, type, bytes::text, more::text FROM "

/* The next records of a store that show the file, in place of those of a row that were not seen. */
static ServeResult *
ask_for_more(ServeCall *call, ServeConnection *connection, const char *more, bool *stale)
{
	const char *params[] = {call->media, more};

	return ask(call, connection, NULL, WHERE_IT_IS "mls.serve_file($1, $2::text[])", params, 2,
			   stale);
}

/*
 * Whether the role may have the file of one store.  Records that show it come some at a time; the
 * first that it sees is enough.  Negative: the reply says why that is not known.
 */
static int
give_from(ServeCall *call, ServeConnection *connection, const ServeResult *stores, int row,
		  bool *stale)
{
	ServeResult *page = NULL;
	int seen = sees_one(call, connection, stores, row, stale);

	while (seen == 0)
	{
		const char *more =
			page ? serve_result_text(page, 0, 6, NULL) : serve_result_text(stores, row, 6, NULL);
		ServeResult *next = more ? ask_for_more(call, connection, more, stale) : NULL;

		serve_result_free(page);
		page = next;
		if (!more || (page && serve_result_rows(page) == 0))
			break;
		seen = page ? sees_one(call, connection, page, 0, stale) : -1;
	}
	serve_result_free(page);
	return seen > 0 ? try_store(call, stores, row) : seen;
}

/* Whether the role may have it, from one of the stores. */
static bool
answer_from(ServeCall *call, ServeConnection *connection, const ServeResult *stores)
{
	int given = 0;
	bool stale = false;

	for (int row = 0; given == 0 && row < serve_result_rows(stores); row++)
		given = give_from(call, connection, stores, row, &stale);
	if (given == 0)
		(void) fail_missing(call);
	return given >= 0 || !stale;
}

bool
serve_answer_media(ServeCall *call, ServeConnection *connection)
{
	const char *params[] = {call->media};
	bool stale = false;
	ServeResult *stores =
		ask(call, connection, NULL, WHERE_IT_IS "mls.serve_file($1)", params, 1, &stale);
	bool fits;

	if (!stores)
		return !stale;
	fits = answer_from(call, connection, stores);
	serve_result_free(stores);
	return fits;
}
