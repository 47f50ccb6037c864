/*
 * datasets.c
 *		Files of datasets, for who may see, send and remove them.
 *
 *	/datasets								those that are shown
 *	/datasets/SOURCE/RESOURCE				one; a file is posted there
 *	/datasets/SOURCE/RESOURCE/files			its files, and what became of each
 *	/datasets/SOURCE/RESOURCE/files/NAME	one of them
 *
 * What is shown to whom, and what a file may be, says the database (mls.serve_dataset_...), in the
 * name of the audience and with the claims of who asks; what does not exist is answered as what is
 * not shown.  A file is on its way in memory, so there is a limit for one and for all of them; its
 * rows are not waited for: the answer says where their state can be seen.
 */
#include <json-c/json.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "serve/answer/parts.h"
#include "serve/base/encoding.h"
#include "serve/base/multipart.h"
#include "serve/base/settings.h"

#define ROOT "/datasets"
#define SCOPE "Datasets"
#define MOST_FILES 100 /* of one request */
#define MOST_LISTED 1000
#define MOST_PARAMS 10
/* Of a file, so much is handed over at a time. */
#define PIECE (1024 * 1024)
/* So many bodies of the largest size may be on their way at once. */
#define MOST_BODIES 4

typedef enum DatasetPlace
{
	PLACE_ALL,
	PLACE_DATASET,
	PLACE_FILES,
	PLACE_FILE
} DatasetPlace;

struct ServeDatasetCall
{
	DatasetPlace place;
	const char *source;
	const char *resource;
	const char *name; /* of the file; of one that is sent: as the address has it */
	const char *after;
	int most;
	ServePart *files; /* that are sent */
	int nfiles;
};

/* ---- Room for bodies ---- */

static _Atomic int64_t reserved;

bool
serve_upload_reserve(ServeCall *call, int64_t bytes)
{
	int64_t all = atomic_fetch_add(&reserved, bytes) + bytes;

	if (all <= (int64_t) serve_settings.max_upload_mb * 1024 * 1024 * MOST_BODIES)
	{
		call->upload_reserved = bytes;
		return true;
	}
	atomic_fetch_sub(&reserved, bytes);
	return false;
}

void
serve_upload_release(ServeCall *call)
{
	atomic_fetch_sub(&reserved, call->upload_reserved);
	call->upload_reserved = 0;
}

/* ---- What is asked for ---- */

static bool
fail_missing(ServeCall *call)
{
	serve_fail_odata(call, 404, "NotFound", "there is no such dataset or file", NULL);
	return false;
}

static const char *
decoded(ServeArena *arena, const char *text, size_t length)
{
	char *plain = serve_percent_decode(text, length, false);
	const char *copy = plain ? serve_copy(arena, plain) : NULL;

	free(plain);
	return copy && *copy ? copy : NULL;
}

/* An option of the address, decoded; NULL: it is not there, or is nothing. */
static const char *
option(ServeCall *call, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = call->query; at && *at;)
	{
		size_t one = strcspn(at, "&");

		if (one > length && strncmp(at, name, length) == 0 && at[length] == '=')
			return decoded(call->arena, at + length + 1, one - length - 1);
		at += one + (at[one] == '&');
	}
	return NULL;
}

/* Takes the path apart; false: there is no such place. */
static bool
read_path(ServeCall *call, struct ServeDatasetCall *dataset)
{
	const char *at = call->path + strlen(ROOT);
	const char *parts[5] = {NULL};
	int n = 0;

	while (*at == '/' && at[1])
	{
		size_t length = strcspn(at + 1, "/");

		if (n == 4 || !(parts[n++] = decoded(call->arena, at + 1, length)))
			return false;
		at += 1 + length;
	}
	if ((*at == '/' && n > 0) || n == 1 || (n > 2 && strcmp(parts[2], "files") != 0))
		return false;
	dataset->source = parts[0];
	dataset->resource = parts[1];
	dataset->name = parts[3];
	dataset->place = n == 0   ? PLACE_ALL
					 : n == 2 ? PLACE_DATASET
					 : n == 3 ? PLACE_FILES
							  : PLACE_FILE;
	return true;
}

static bool
read_window(ServeCall *call, struct ServeDatasetCall *dataset)
{
	const char *top = option(call, "$top");
	char *end;
	long most = top ? strtol(top, &end, 10) : MOST_LISTED;

	if (top && (*end || most < 1))
	{
		serve_fail_odata(call, 400, "InvalidOption", "$top is a number above zero", "$top");
		return false;
	}
	dataset->most = most < MOST_LISTED ? (int) most : MOST_LISTED;
	dataset->after = option(call, "after");
	if (!dataset->after)
		dataset->after = "";
	return true;
}

static const char *
methods_of(DatasetPlace place)
{
	return place == PLACE_DATASET ? "GET, HEAD, POST, DELETE, OPTIONS"
		   : place == PLACE_FILE  ? "GET, HEAD, DELETE, OPTIONS"
								  : "GET, HEAD, OPTIONS";
}

bool
serve_datasets_begin(ServeCall *call, bool *complete)
{
	struct ServeDatasetCall *dataset;
	bool reads = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;

	*complete = true;
	if (strncmp(call->path, ROOT, strlen(ROOT)) != 0 ||
		(call->path[strlen(ROOT)] && call->path[strlen(ROOT)] != '/'))
		return false;
	call->dataset = dataset = serve_alloc(call->arena, sizeof(*dataset));
	if (!read_path(call, dataset))
		fail_missing(call);
	else if (!reads &&
			 !strstr(methods_of(dataset->place), serve_printf(call->arena, " %s,", call->method)))
	{
		serve_fail_odata(call, 405, "MethodNotAllowed", "this cannot be done here", NULL);
		serve_reply_header(call, "Allow", methods_of(dataset->place));
	}
	else if (read_window(call, dataset))
		*complete = false;
	return true;
}

bool
serve_datasets_admit(ServeCall *call)
{
	if (serve_scope_covers(call->scope, SCOPE))
		return true;
	serve_fail_scope(call, "the scope does not cover datasets", SCOPE);
	return false;
}

/* ---- What is sent ---- */

/*
 * Of a JSON object its member "name", if that is a text, and whether it has "records".  The rest
 * is not looked at: what is wrong with a file is found when it is read.
 */
static bool
look_at_records(ServeArena *arena, const char *json, size_t length, const char **name)
{
	const char *key = NULL;
	size_t key_length = 0;
	bool has_records = false;
	int depth = 0;

	for (size_t i = 0; i < length; i++)
	{
		size_t from = i;

		if (json[i] == '{' || json[i] == '[')
			depth++;
		else if (json[i] == '}' || json[i] == ']')
			depth--;
		else if (json[i] == ',' && depth == 1)
			key = NULL;
		if (json[i] != '"')
			continue;
		for (i++; i < length && json[i] != '"'; i++)
			if (json[i] == '\\')
				i++;
		if (depth != 1 || i >= length)
			continue;
		if (!key)
		{
			key = json + from + 1;
			key_length = i - from - 1;
			has_records |= key_length == 7 && memcmp(key, "records", 7) == 0;
		}
		else if (key_length == 4 && memcmp(key, "name", 4) == 0)
		{
			const char *text = serve_copy_bytes(arena, json + from, i - from + 1);
			struct json_object *value = json_tokener_parse(text);

			/* A zero in it would end it early. */
			if (json_object_is_type(value, json_type_string) &&
				strlen(json_object_get_string(value)) == (size_t) json_object_get_string_len(value))
				*name = serve_copy(arena, json_object_get_string(value));
			json_object_put(value);
		}
	}
	return has_records;
}

static bool
is_json(const char *content_type)
{
	return content_type && strncasecmp(content_type, "application/json", 16) == 0;
}

static bool
fail_body(ServeCall *call, const char *message)
{
	serve_fail_odata(call, 400, "InvalidBody", message, NULL);
	return false;
}

/* Files that a form holds; other fields of it are nobody's. */
static bool
read_form(ServeCall *call, struct ServeDatasetCall *dataset)
{
	int n = serve_multipart_read(call->arena, call->headers.content_type, call->body.data,
								 call->body.length, dataset->files, MOST_FILES);

	for (int i = 0; i < n; i++)
		if (dataset->files[i].file_name && dataset->files[i].file_name[0])
			dataset->files[dataset->nfiles++] = dataset->files[i];
	if (dataset->nfiles > 0)
		return true;
	return fail_body(call, n < 0 ? "the form is not well formed, or has too many parts"
								 : "the form has no file");
}

/* False: the reply says why not. */
static bool
read_sent(ServeCall *call, struct ServeDatasetCall *dataset)
{
	ServePart *file;
	const char *type = call->headers.content_type;

	dataset->files = serve_alloc_array(call->arena, MOST_FILES, sizeof(ServePart));
	if (serve_is_multipart(type))
		return read_form(call, dataset);
	file = &dataset->files[0];
	file->file_name = option(call, "name");
	file->data = call->body.data;
	file->length = call->body.length;
	dataset->nfiles = 1;
	if (file->length == 0)
		return fail_body(call, "nothing was sent");
	if (!file->file_name && is_json(type))
	{
		if (!look_at_records(call->arena, file->data, file->length, &file->file_name))
			return fail_body(call, "a JSON object with the members name and records is needed");
		if (file->file_name)
			file->file_name = serve_printf(call->arena, "%s.json", file->file_name);
	}
	return file->file_name ||
		   fail_body(call, "the name of the file is missing: say ?name=, or send a form");
}

/* ---- The database ---- */

/* Asks a function of this room's; NULL: the reply says why there is no answer. */
static ServeResult *
ask(ServeCall *call, ServeConnection *connection, const char *sql, const char *const *more,
	int nmore, const ServePart *file)
{
	const char *params[MOST_PARAMS] = {call->consumer.role, call->consumer.claims};
	int lengths[MOST_PARAMS] = {0};
	int formats[MOST_PARAMS] = {0};
	ServeTurn turn = {.timeout_ms = serve_settings.timeout_ms,
					  .writes =
						  strcmp(call->method, "POST") == 0 || strcmp(call->method, "DELETE") == 0,
					  .nquestions = 1,
					  .questions = {{.sql = sql,
									 .nparams = 2 + nmore + (file ? 1 : 0),
									 .params = params,
									 .lengths = lengths,
									 .formats = formats}}};
	ServeTrouble trouble;
	ServeResult *result;

	memcpy(&params[2], more, sizeof(char *) * (size_t) nmore);
	if (file)
	{
		params[2 + nmore] = file->data;
		lengths[2 + nmore] = (int) file->length;
		formats[2 + nmore] = 1;
	}
	if (serve_turn(connection, &turn, &result, &trouble))
		return result;
	serve_fail_trouble(call, &trouble);
	return NULL;
}

typedef struct Problem
{
	int status;
	const char *code;
	const char *message;
} Problem;

static const char *
text_in(ServeCall *call, struct json_object *object, const char *name, const char *otherwise)
{
	struct json_object *part;

	return json_object_object_get_ex(object, name, &part)
			   ? serve_copy(call->arena, json_object_get_string(part))
			   : otherwise;
}

/* What the database refuses it says as {"problem": {status, code, message}}; is this one? */
static bool
is_problem(ServeCall *call, const char *json, Problem *problem)
{
	struct json_object *object;
	struct json_object *said;

	if (!json || strncmp(json, "{\"problem\"", 10) != 0)
		return false;
	object = json_tokener_parse(json);
	*problem = (Problem){400, "Refused", "it is refused"};
	if (json_object_object_get_ex(object, "problem", &said))
	{
		problem->status = atoi(text_in(call, said, "status", "400"));
		problem->code = text_in(call, said, "code", problem->code);
		problem->message = text_in(call, said, "message", problem->message);
	}
	json_object_put(object);
	return true;
}

static void
fail_problem(ServeCall *call, const Problem *problem)
{
	serve_fail_odata(call, problem->status, problem->code, problem->message, NULL);
}

static void
add_rows(ServeBytes *out, const ServeResult *result, int shown)
{
	serve_bytes_text(out, "{\"value\":[");
	for (int i = 0; i < shown; i++)
	{
		if (i > 0)
			serve_bytes_text(out, ",");
		serve_bytes_text(out, serve_result_text(result, i, 0, NULL));
	}
	serve_bytes_text(out, "]");
}

/* A piece of an address. */
static const char *
encoded(ServeArena *arena, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
	ServeText out;

	serve_text_init(&out, arena);
	for (; *text; text++)
		if (strchr(plain, *text))
			serve_text_add_char(&out, *text);
		else
			serve_text_printf(&out, "%%%02X", (unsigned char) *text);
	return out.data ? out.data : "";
}

static const char *
address_of(ServeCall *call, const char *name)
{
	struct ServeDatasetCall *dataset = call->dataset;

	return serve_printf(call->arena, "%sdatasets/%s/%s/files%s%s", serve_settings.public_url,
						encoded(call->arena, dataset->source),
						encoded(call->arena, dataset->resource), name ? "/" : "",
						name ? encoded(call->arena, name) : "");
}

/* ---- Reading ---- */

static void
answer_list(ServeCall *call, ServeConnection *connection)
{
	ServeResult *result = ask(
		call, connection, "SELECT d::text FROM mls.serve_datasets($1, $2::jsonb) d", NULL, 0, NULL);
	ServeBytes out = {0};

	if (!result)
		return;
	add_rows(&out, result, serve_result_rows(result));
	serve_bytes_text(&out, "}");
	call->reply.rows = serve_result_rows(result);
	call->reply.tagged = true;
	serve_reply_body(call, 200, "application/json", &out);
	serve_result_free(result);
}

/* One object: a dataset, or a file. */
static void
answer_one(ServeCall *call, ServeConnection *connection)
{
	struct ServeDatasetCall *dataset = call->dataset;
	bool is_file = dataset->place == PLACE_FILE;
	const char *more[] = {dataset->source, dataset->resource, dataset->name};
	ServeResult *result =
		ask(call, connection,
			is_file ? "SELECT f::text FROM mls.serve_dataset_files($1, $2::jsonb, $3, $4, $5) f"
					: "SELECT d::text FROM mls.serve_datasets($1, $2::jsonb, $3, $4) d",
			more, is_file ? 3 : 2, NULL);
	ServeBytes out = {0};

	if (!result)
		return;
	if (serve_result_rows(result) == 0)
		fail_missing(call);
	else
	{
		serve_bytes_text(&out, serve_result_text(result, 0, 0, NULL));
		call->reply.rows = 1;
		call->reply.tagged = true;
		serve_reply_body(call, 200, "application/json", &out);
	}
	serve_result_free(result);
}

static void
answer_files(ServeCall *call, ServeConnection *connection)
{
	struct ServeDatasetCall *dataset = call->dataset;
	const char *most = serve_printf(call->arena, "%d", dataset->most + 1);
	const char *more[] = {dataset->source, dataset->resource, dataset->after, most};
	ServeResult *result = ask(
		call, connection,
		"SELECT f::text, f ->> 'name', true FROM mls.serve_dataset_files($1, $2::jsonb, $3, $4, "
		"NULL, $5, $6::integer) f UNION ALL SELECT NULL, NULL, false FROM "
		"mls.serve_datasets($1, $2::jsonb, $3, $4)",
		more, 4, NULL);
	ServeBytes out = {0};
	int files;
	int shown;

	if (!result)
		return;
	/* The dataset itself is a row behind those of its files. */
	files = serve_result_rows(result) - 1;
	shown = files > dataset->most ? dataset->most : files;
	if (files < 0)
		fail_missing(call);
	else
	{
		add_rows(&out, result, shown);
		if (shown < files)
		{
			serve_bytes_text(&out, ",\"@odata.nextLink\":");
			serve_bytes_json_text(
				&out, serve_printf(
						  call->arena, "%s?$top=%d&after=%s", address_of(call, NULL), dataset->most,
						  encoded(call->arena, serve_result_text(result, shown - 1, 1, NULL))));
		}
		serve_bytes_text(&out, "}");
		call->reply.rows = shown;
		call->reply.tagged = true;
		serve_reply_body(call, 200, "application/json", &out);
	}
	serve_result_free(result);
}

/* ---- Sending ---- */

/* A member of what the database has answered; NULL: it has none. */
static const char *
member(ServeCall *call, const char *json, const char *name)
{
	struct json_object *object = json ? json_tokener_parse(json) : NULL;
	const char *text = object ? text_in(call, object, name, NULL) : NULL;

	json_object_put(object);
	return text;
}

/* Hands a file over, piece by piece; what the last one, or one that is refused, is answered with. */
static ServeResult *
hand_over(ServeCall *call, ServeConnection *connection, const ServePart *file)
{
	struct ServeDatasetCall *dataset = call->dataset;
	const char *total = serve_printf(call->arena, "%zu", file->length);
	const char *number = "0";
	size_t at = 0;

	for (;;)
	{
		size_t left = file->length - at;
		ServePart piece = {.data = file->data + at, .length = left < PIECE ? left : PIECE};
		bool is_last = piece.length == left;
		const char *more[] = {dataset->source,
							  dataset->resource,
							  file->file_name,
							  serve_printf(call->arena, "%zu", at),
							  is_last ? "false" : "true",
							  total,
							  number};
		ServeResult *result =
			ask(call, connection,
				"SELECT mls.serve_dataset_put($1, $2::jsonb, $3, $4, $5, $10, $6::bigint, "
				"$7::boolean, $8::bigint, $9::bigint)::text",
				more, 7, &piece);

		/* Another may begin a file of that name meanwhile: by its number ours goes on, or fails. */
		if (!result || is_last ||
			!(number = member(call, serve_result_text(result, 0, 0, NULL), "upload")))
			return result;
		serve_result_free(result);
		at += piece.length;
	}
}

/*
 * One file; what becomes of it is added to the list, and *known is by which name it is known: a
 * workbook by one of its sheets.  False: the reply says why not.
 */
static bool
send_file(ServeCall *call, ServeConnection *connection, const ServePart *file, ServeBytes *out,
		  const char **known)
{
	struct ServeDatasetCall *dataset = call->dataset;
	ServeResult *result = hand_over(call, connection, file);
	const char *json = result ? serve_result_text(result, 0, 0, NULL) : NULL;
	Problem problem;
	bool good = json != NULL;

	if (good && !is_problem(call, json, &problem))
	{
		serve_bytes_text(out, json);
		*known = member(call, json, "name");
	}
	else if (good && dataset->nfiles > 1 && problem.status != 404 && problem.status != 403)
	{
		serve_bytes_text(out, "{\"name\":");
		serve_bytes_json_text(out, file->file_name);
		serve_bytes_text(out, ",\"state\":\"refused\",\"error\":");
		serve_bytes_json_text(out, problem.message);
		serve_bytes_text(out, "}");
	}
	else if (good)
	{
		fail_problem(call, &problem);
		good = false;
	}
	serve_result_free(result);
	return good;
}

/* Its rows come by a process of their own, for which nobody waits. */
static bool
begin_sync(ServeCall *call, ServeConnection *connection, bool *begun)
{
	struct ServeDatasetCall *dataset = call->dataset;
	const char *more[] = {dataset->source, dataset->resource};
	ServeResult *result =
		ask(call, connection, "SELECT mls.serve_dataset_sync($1, $2::jsonb, $3, $4)::text", more, 2,
			NULL);
	const char *said = result ? serve_result_text(result, 0, 0, NULL) : NULL;
	bool good = result != NULL;

	*begun = said && said[0] == 't';
	serve_result_free(result);
	return good;
}

static void
answer_send(ServeCall *call, ServeConnection *connection)
{
	struct ServeDatasetCall *dataset = call->dataset;
	ServeBytes out = {0};
	const char *known = NULL;
	bool good = true;
	bool begun;

	if (!read_sent(call, dataset))
		return;
	serve_bytes_text(&out, "{\"value\":[");
	for (int i = 0; good && i < dataset->nfiles; i++)
	{
		if (i > 0)
			serve_bytes_text(&out, ",");
		good = send_file(call, connection, &dataset->files[i], &out, &known);
	}
	if (good && begin_sync(call, connection, &begun))
	{
		serve_bytes_format(&out, "],\"sync\":\"%s\"}", begun ? "begun" : "later");
		call->reply.rows = dataset->nfiles;
		if (dataset->nfiles == 1 && known)
			serve_reply_header(call, "Location", address_of(call, known));
		serve_reply_body(call, 202, "application/json", &out);
	}
	serve_bytes_free(&out);
}

/* ---- Removing ---- */

static void
answer_removal(ServeCall *call, ServeConnection *connection)
{
	struct ServeDatasetCall *dataset = call->dataset;
	const char *more[] = {dataset->source, dataset->resource, dataset->name};
	ServeResult *result =
		ask(call, connection, "SELECT mls.serve_dataset_delete($1, $2::jsonb, $3, $4, $5)::text",
			more, 3, NULL);
	const char *json = result ? serve_result_text(result, 0, 0, NULL) : NULL;
	ServeBytes out = {0};
	Problem problem;

	if (json && is_problem(call, json, &problem))
		fail_problem(call, &problem);
	else if (json)
	{
		serve_bytes_text(&out, json);
		serve_reply_body(call, 200, "application/json", &out);
	}
	serve_result_free(result);
}

void
serve_answer_datasets(ServeCall *call, ServeConnection *connection)
{
	if (strcmp(call->method, "POST") == 0)
		answer_send(call, connection);
	else if (strcmp(call->method, "DELETE") == 0)
		answer_removal(call, connection);
	else if (call->dataset->place == PLACE_ALL)
		answer_list(call, connection);
	else if (call->dataset->place == PLACE_FILES)
		answer_files(call, connection);
	else
		answer_one(call, connection);
}
