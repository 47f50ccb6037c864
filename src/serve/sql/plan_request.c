/*
 * plan_request.c
 *		The plan of a request: what its path leads to, and the statements that answer it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve/base/bytes.h"
#include "serve/odata/lexer.h"
#include "serve/sql/page_token.h"
#include "serve/sql/query.h"
#include "serve/sql/sql_select.h"

#define PAGE_ROWS 100
#define MAX_PAGE_ROWS 1000
#define EXPAND_ROWS 1000
/* Resources on the way of a path. */
#define MAX_STEPS 8

/* What the next link is made of. */
struct ServePaging
{
	const char *link; /* without its token, which comes last */
	ServePageToken token;
};

typedef struct Planner
{
	ServeReader reader;
	const ServeRequest *request;
	ServeAddress *address;
	ServeStep steps[MAX_STEPS];
	int nsteps;
	const ServeField *field; /* what the path ends at; NULL: a record or a collection */
	bool raw;                /* /$value */
	bool counted;            /* /$count */
	ServeOptions options;
	int64_t now;
	ServePlan *plan;
} Planner;

/* ---- The path ---- */

static void
not_found(Planner *planner)
{
	serve_fail(&planner->reader, 404, "ResourceNotFound", "path",
			   "there is nothing at this address");
}

static bool
is_many(const Planner *planner)
{
	const ServeStep *last = &planner->steps[planner->nsteps - 1];

	return last->key == NULL && (last->over == NULL || last->over->many);
}

static void
add_step(Planner *planner, const ServeResource *resource, const ServeNavigation *over,
		 const ServeSegment *segment)
{
	ServeStep *step;

	if (planner->nsteps == MAX_STEPS)
		serve_fail(&planner->reader, 413, "QueryTooComplex", "path",
				   "the path is longer than %d steps", MAX_STEPS);
	step = &planner->steps[planner->nsteps++];
	*step = (ServeStep){resource, over, NULL};
	if (segment->key == NULL)
		return;
	if (over && !over->many)
		serve_fail(&planner->reader, 400, "BadKey", "key",
				   "\"%s\" leads to one record, which needs no key", over->name);
	step->key = serve_read_key(&planner->reader, resource, segment->key);
}

static void
follow(Planner *planner, const ServeSegment *segment)
{
	ServeReader *reader = &planner->reader;
	const ServeResource *resource = planner->steps[planner->nsteps - 1].resource;
	const ServeField *field = serve_field(resource, segment->name);
	const ServeNavigation *navigation = serve_navigation(resource, segment->name);

	if (planner->raw || planner->counted)
		not_found(planner);
	if (*segment->name == '$')
	{
		bool collection = planner->field ? planner->field->collection : is_many(planner);

		if (segment->key)
			serve_fail(reader, 501, "NotImplemented", "path",
					   "\"%s\" takes nothing in parentheses here", segment->name);
		if (strcmp(segment->name, "$count") == 0 && collection)
			planner->counted = true;
		else if (strcmp(segment->name, "$value") == 0 && planner->field && !collection)
			planner->raw = true;
		else if (strcmp(segment->name, "$count") == 0 || strcmp(segment->name, "$value") == 0)
			serve_fail(reader, 400, "BadPath", "path", "\"%s\" does not apply here", segment->name);
		else if (strcmp(segment->name, "$ref") == 0 || strcmp(segment->name, "$query") == 0 ||
				 strcmp(segment->name, "$each") == 0 || strcmp(segment->name, "$filter") == 0)
			serve_fail(reader, 501, "NotImplemented", "path", "\"%s\" is not offered",
					   segment->name);
		else
			not_found(planner);
		return;
	}
	/* Records have fields, collections of them do not, nor have fields. */
	if (planner->field || is_many(planner) || (field && segment->key))
		not_found(planner);
	if (field)
		planner->field = field;
	else if (navigation)
		add_step(planner, navigation->target, navigation, segment);
	else
		not_found(planner);
}

static void
walk_path(Planner *planner)
{
	const ServeSegment *segments = planner->address->segments;
	int count = planner->address->nsegments;
	const ServeResource *resource;

	planner->reader.target = "path";
	if (count == 0)
	{
		planner->plan->kind = SERVE_SERVICE_DOCUMENT;
		return;
	}
	if (*segments[0].name == '$')
	{
		static const char *const others[] = {"$batch", "$all", "$entity", "$crossjoin"};

		if (strcmp(segments[0].name, "$metadata") == 0 && count == 1 && segments[0].key == NULL)
		{
			planner->plan->kind = SERVE_METADATA;
			return;
		}
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		{
			if (strcmp(segments[0].name, others[i]) == 0)
				serve_fail(&planner->reader, 501, "NotImplemented", "path", "\"%s\" is not offered",
						   others[i]);
		}
		not_found(planner);
	}
	resource = serve_resource(planner->reader.model, segments[0].name);
	if (resource == NULL)
		not_found(planner);
	add_step(planner, resource, NULL, &segments[0]);
	for (int i = 1; i < count; i++)
		follow(planner, &segments[i]);
	planner->reader.target = NULL;
	planner->plan->resource = planner->steps[planner->nsteps - 1].resource;
	if (planner->counted)
		planner->plan->kind = SERVE_COUNT;
	else if (planner->field)
		planner->plan->kind = planner->raw ? SERVE_RAW_VALUE : SERVE_PROPERTY;
	else
		planner->plan->kind = is_many(planner) ? SERVE_COLLECTION : SERVE_RECORD;
}

/* ---- Options ---- */

static const char *
allowed_options(const Planner *planner)
{
	switch (planner->plan->kind)
	{
		case SERVE_COLLECTION:
			return "$filter $orderby $select $expand $top $skip $count $skiptoken $format";
		case SERVE_COUNT:
			/* A number has no order and no pages; these are not in its way. */
			return planner->field ? "$format"
								  : "$filter $orderby $select $expand $top $skip $count $format";
		case SERVE_RECORD:
			return "$select $expand $format";
		default:
			return "$format";
	}
}

/* Of everything that a token must belong to. */
static uint64_t
hash_request(const Planner *planner)
{
	uint64_t hash = SERVE_HASH_START;

	for (int i = 0; i < planner->address->nsegments; i++)
	{
		hash = serve_hash(hash, planner->address->segments[i].name);
		hash = serve_hash(
			hash, planner->address->segments[i].key ? planner->address->segments[i].key : "");
	}
	for (int i = 0; i < planner->address->noptions; i++)
	{
		const ServePair *option = &planner->address->options[i];

		if (strcmp(option->name, "$skiptoken") == 0 || strcmp(option->name, "$format") == 0)
			continue;
		hash = serve_hash(hash, option->name);
		hash = serve_hash(hash, option->value);
	}
	for (int i = 0; i < planner->reader.naliases; i++)
	{
		hash = serve_hash(hash, planner->reader.aliases[i].name);
		hash = serve_hash(hash, planner->reader.aliases[i].value);
	}
	return hash;
}

/* ---- Addresses and names for the answer ---- */

static void
add_path(Planner *planner, ServeText *out)
{
	ServeArena *arena = planner->reader.arena;

	for (int i = 0; i < planner->address->nsegments; i++)
	{
		const ServeSegment *segment = &planner->address->segments[i];

		serve_text_add(out, i > 0 ? "/" : "");
		serve_text_add(out, serve_encode_segment(arena, segment->name));
		if (segment->key)
			serve_text_printf(out, "(%s)", serve_encode_segment(arena, segment->key));
	}
}

/* The request without $skiptoken, ready for one behind it. */
static const char *
link_of(Planner *planner)
{
	ServeArena *arena = planner->reader.arena;
	ServeText out;

	serve_text_init(&out, arena);
	serve_text_add(&out, planner->request->root ? planner->request->root : "");
	add_path(planner, &out);
	serve_text_add_char(&out, '?');
	for (int i = 0; i < planner->address->noptions; i++)
	{
		const ServePair *option = &planner->address->options[i];

		if (strcmp(option->name, "$skiptoken") != 0)
			serve_text_printf(&out, "%s=%s&", option->name, serve_encode(arena, option->value));
	}
	for (int i = 0; i < planner->reader.naliases; i++)
		serve_text_printf(&out, "%s=%s&", serve_encode(arena, planner->reader.aliases[i].name),
						  serve_encode(arena, planner->reader.aliases[i].value));
	serve_text_add(&out, "$skiptoken=");
	return out.data;
}

static const char *
shape_of(Planner *planner)
{
	ServeArena *arena = planner->reader.arena;
	ServeText out;
	char between = '?';

	serve_text_init(&out, arena);
	for (int i = 0; i < planner->address->nsegments; i++)
	{
		const ServeSegment *segment = &planner->address->segments[i];

		serve_text_add(&out, i > 0 ? "/" : "");
		serve_text_add(&out, segment->name);
		if (segment->key)
			serve_text_add(&out, "(?)");
	}
	for (int i = 0; i < planner->address->noptions; i++)
	{
		const ServePair *option = &planner->address->options[i];
		bool has_shape =
			strcmp(option->name, "$filter") == 0 || strcmp(option->name, "$orderby") == 0 ||
			strcmp(option->name, "$expand") == 0 || strcmp(option->name, "$select") == 0;

		serve_text_printf(&out, "%c%s=%s", between, option->name,
						  has_shape ? serve_shape(arena, option->value) : "?");
		between = '&';
	}
	return out.data;
}

/*
 * The list of what an answer holds, in its context: "(City,Media())".  To a client of 4.0
 * an expansion is named only where something is chosen within.
 */
static void
add_select_list(Planner *planner, const ServeOptions *options, ServeText *out)
{
	ServeText list;
	const char *between = "";

	serve_text_init(&list, planner->reader.arena);
	if (options->select_all)
	{
		serve_text_add(&list, "*");
		between = ",";
	}
	else if (options->selected)
	{
		const ServeField **fields;
		int count = serve_shown_fields(&planner->reader, options, &fields);

		for (int i = 0; i < count; i++)
		{
			serve_text_printf(&list, "%s%s", between, fields[i]->name);
			between = ",";
		}
	}
	for (int i = 0; i < options->nexpands; i++)
	{
		const ServeExpand *expand = &options->expands[i];
		ServeText within;

		serve_text_init(&within, planner->reader.arena);
		add_select_list(planner, &expand->options, &within);
		if (expand->only_count || (planner->request->version < 401 && within.length == 0))
			continue;
		serve_text_printf(&list, "%s%s%s", between, expand->navigation->name,
						  within.length ? within.data : "()");
		between = ",";
	}
	if (list.length > 0)
		serve_text_printf(out, "(%s)", list.data);
}

static const char *
context_of(Planner *planner)
{
	ServePlan *plan = planner->plan;
	ServeText out;

	serve_text_init(&out, planner->reader.arena);
	serve_text_add(&out, "$metadata");
	if (plan->kind == SERVE_COLLECTION || plan->kind == SERVE_RECORD)
	{
		serve_text_printf(&out, "#%s", plan->resource->name);
		add_select_list(planner, &planner->options, &out);
		serve_text_add(&out, plan->kind == SERVE_RECORD ? "/$entity" : "");
	}
	else if (plan->kind == SERVE_PROPERTY && planner->nsteps == 1)
	{
		serve_text_add(&out, "#");
		add_path(planner, &out);
	}
	else if (plan->kind == SERVE_PROPERTY)
		serve_text_printf(&out, planner->field->collection ? "#Collection(%s)" : "#%s",
						  planner->field->edm);
	return out.data;
}

/* ---- Statements ---- */

static ServeSql *
begin(Planner *planner)
{
	ServeSql *sql = serve_alloc(planner->reader.arena, sizeof(ServeSql));

	serve_sql_init(sql, &planner->reader);
	sql->now = serve_datetime_text(planner->reader.arena, planner->now);
	sql->ieee754 = planner->request->ieee754;
	sql->ne_null_sql = planner->request->limits.ne_null_sql;
	sql->expand_rows = planner->request->limits.expand_rows > 0
						   ? planner->request->limits.expand_rows
						   : EXPAND_ROWS;
	sql->root = planner->request->root ? planner->request->root : "";
	return sql;
}

static ServeStatement
ended(ServeSql *sql)
{
	return (ServeStatement){sql->text.data, sql->nparams, sql->params};
}

/* What lies before a navigation must be there, or the address leads to nothing. */
static void
plan_guard(Planner *planner)
{
	ServeSql *sql;

	if (planner->nsteps == 1 || planner->steps[planner->nsteps - 1].key)
		return;
	sql = begin(planner);
	serve_sql_exists(sql, planner->steps, planner->nsteps - 1);
	planner->plan->guard = ended(sql);
}

static ServeLevel
level_of(Planner *planner)
{
	return (ServeLevel){.resource = planner->plan->resource,
						.options = &planner->options,
						.steps = planner->steps,
						.nsteps = planner->nsteps,
						.limit = 1};
}

static void
plan_count(Planner *planner, ServeStatement *statement)
{
	ServeLevel level = level_of(planner);
	ServeSql *sql = begin(planner);

	serve_sql_count(sql, &level);
	*statement = ended(sql);
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* How many rows a page has: what the client prefers, or what it began with, within limits. */
static int
page_rows(Planner *planner, const ServePageToken *token)
{
	const ServeRequest *request = planner->request;
	int most = request->limits.max_page_rows > 0 ? request->limits.max_page_rows : MAX_PAGE_ROWS;
	int usual = request->limits.page_rows > 0 ? request->limits.page_rows : PAGE_ROWS;

	if (request->max_page_size > 0)
	{
		planner->plan->page_size_kept = request->max_page_size <= most;
		return (int) least(request->max_page_size, most);
	}
	if (token)
		return (int) least(token->page_rows, most);
	/* Who says how many he wants gets them at once, if they fit. */
	if (planner->options.top > usual)
		return (int) least(planner->options.top, most);
	return (int) least(usual, most);
}

/* Whether pages have to agree about now.  Where not, the same page has the same link each time,
 * and so the same ETag. */
static bool
speaks_of_now(const Planner *planner)
{
	return planner->request->query && strcasestr(planner->request->query, "now");
}

static void
plan_collection(Planner *planner)
{
	ServeReader *reader = &planner->reader;
	ServePlan *plan = planner->plan;
	ServeOptions *options = &planner->options;
	ServeLevel level = level_of(planner);
	ServePageToken token = {0};
	uint64_t hash = hash_request(planner);
	int64_t left = options->top;
	int page;
	ServeSql *sql;

	level.keys = serve_order_keys(reader, options);
	level.skip = options->skip;
	plan->total = -1;
	plan->with_count = options->count;
	if (options->skiptoken)
	{
		serve_read_token(reader, options->skiptoken, hash, level.keys.count, &token);
		for (int i = 0; i < level.keys.count; i++)
		{
			if (token.cursor[i] == NULL && !level.keys.keys[i].expression->nullable)
				serve_fail(reader, 400, "BadSkipToken", "$skiptoken",
						   "$skiptoken is none of this request's");
		}
		level.cursor = token.cursor;
		/* These were of the first page. */
		level.skip = 0;
		left = token.left;
		plan->total = token.total;
		if (token.now > 0)
			planner->now = token.now;
	}
	page = page_rows(planner, options->skiptoken ? &token : NULL);
	plan->may_continue = left < 0 || left > page;
	plan->page_rows = plan->may_continue ? page : (int) left;
	plan->ncursor = level.keys.count;
	level.limit = plan->page_rows + (plan->may_continue ? 1 : 0);
	if (options->count && plan->total < 0)
		plan_count(planner, &plan->count);
	sql = begin(planner);
	serve_sql_rows(sql, &level, true);
	plan->rows = ended(sql);
	plan->paging = serve_alloc(reader->arena, sizeof(struct ServePaging));
	plan->paging->link = link_of(planner);
	plan->paging->token = (ServePageToken){.request = hash,
										   .left = left < 0 ? -1 : left - plan->page_rows,
										   .total = plan->total,
										   .page_rows = page,
										   .now = speaks_of_now(planner) ? planner->now : 0};
}

static void
plan_record(Planner *planner)
{
	ServeLevel level = level_of(planner);
	ServeSql *sql = begin(planner);
	const ServeStep *last = &planner->steps[planner->nsteps - 1];

	serve_sql_rows(sql, &level, false);
	planner->plan->rows = ended(sql);
	/* A navigation to one record may lead to none. */
	planner->plan->missing = last->key ? 404 : 204;
}

static void
plan_field(Planner *planner)
{
	ServeSql *sql = begin(planner);

	if (planner->plan->kind == SERVE_COUNT)
		serve_sql_cardinality(sql, planner->steps, planner->nsteps, planner->field);
	else if (planner->plan->kind == SERVE_RAW_VALUE)
		serve_sql_raw_value(sql, planner->steps, planner->nsteps, planner->field);
	else
		serve_sql_property(sql, planner->steps, planner->nsteps, planner->field);
	planner->plan->rows = ended(sql);
	planner->plan->missing = 404;
}

/* Microseconds since 1970 of the request's time, or of the clock. */
static int64_t
read_now(Planner *planner)
{
	struct timespec now;

	if (planner->request->now)
	{
		ServeLexer lexer;
		ServeNode *node;

		serve_lex(&lexer, &planner->reader, planner->request->now);
		node = serve_read_literal(&lexer);
		if (node && node->type == SERVE_DATETIME)
			return node->literal.integer;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static ServePlan *
make_plan(Planner *planner)
{
	ServeReader *reader = &planner->reader;
	ServePlan *plan = planner->plan;

	planner->address = serve_read_address(reader, planner->request->path, planner->request->query);
	walk_path(planner);
	plan->missing = 404;
	plan->total = -1;
	serve_read_options(reader, plan->resource, planner->address->options,
					   planner->address->noptions, allowed_options(planner), &planner->options);
	planner->now = read_now(planner);
	plan->continued = planner->options.skiptoken != NULL;
	plan->suspect = planner->options.filter         ? "$filter"
					: planner->options.norders > 0  ? "$orderby"
					: planner->options.nexpands > 0 ? "$expand"
					: plan->continued               ? "$skiptoken"
													: "path";
	plan->format = planner->options.format;
	plan->shape = shape_of(planner);
	if (plan->kind != SERVE_SERVICE_DOCUMENT && plan->kind != SERVE_METADATA)
		plan_guard(planner);
	if (planner->field)
		plan_field(planner);
	else if (plan->kind == SERVE_COUNT)
		plan_count(planner, &plan->rows);
	else if (plan->kind == SERVE_COLLECTION)
		plan_collection(planner);
	else if (plan->kind == SERVE_RECORD)
		plan_record(planner);
	plan->context = context_of(planner);
	return plan;
}

ServePlan *
serve_plan(ServeArena *arena, const ServeModel *model, const ServeRequest *request,
		   ServeError *error)
{
	Planner *planner = serve_alloc(arena, sizeof(Planner));

	*error = (ServeError){0};
	planner->reader = (ServeReader){.arena = arena,
									.model = model,
									.error = error,
									.in_scope = request->in_scope,
									.scope = request->scope};
	planner->request = request;
	planner->plan = serve_alloc(arena, sizeof(ServePlan));
	if (setjmp(planner->reader.end) != 0)
		return NULL;
	return make_plan(planner);
}

const char *
serve_next_link(ServeArena *arena, const ServePlan *plan, const char *const *cursor, int shown,
				int64_t total)
{
	ServePageToken token = plan->paging->token;

	/* A page may end early, when it grows too large. */
	if (token.left >= 0)
		token.left += plan->page_rows - shown;

	if (total >= 0)
		token.total = total;
	token.ncursor = plan->ncursor;
	token.cursor = cursor;
	return serve_printf(arena, "%s%s", plan->paging->link, serve_write_token(arena, &token));
}

/* ---- What --sql prints ---- */

static void
add_json(ServeBytes *out, const char *text)
{
	if (text)
		serve_bytes_json_text(out, text);
	else
		serve_bytes_text(out, "null");
}

static void
add_statement(ServeBytes *out, const char *name, const ServeStatement *statement)
{
	if (statement->sql == NULL)
		return;
	serve_bytes_format(out, ",\"%s\":{\"sql\":", name);
	add_json(out, statement->sql);
	serve_bytes_text(out, ",\"params\":[");
	for (int i = 0; i < statement->nparams; i++)
	{
		serve_bytes_text(out, i > 0 ? "," : "");
		add_json(out, statement->params[i]);
	}
	serve_bytes_text(out, "]}");
}

static void
add_plan(ServeBytes *out, const ServePlan *plan)
{
	static const char *const kinds[] = {"service document", "metadata",  "collection", "record",
										"property",         "raw value", "count"};

	serve_bytes_format(out, "{\"kind\":\"%s\",\"context\":", kinds[plan->kind]);
	add_json(out, plan->context);
	serve_bytes_text(out, ",\"shape\":");
	add_json(out, plan->shape);
	if (plan->format)
	{
		serve_bytes_text(out, ",\"format\":");
		add_json(out, plan->format);
	}
	if (plan->kind == SERVE_COLLECTION)
		serve_bytes_format(out, ",\"page\":%d,\"more\":%s,\"cursor\":%d,\"total\":%" PRId64,
						   plan->page_rows, plan->may_continue ? "true" : "false", plan->ncursor,
						   plan->total);
	else if (plan->rows.sql)
		serve_bytes_format(out, ",\"missing\":%d", plan->missing);
	add_statement(out, "guard", &plan->guard);
	add_statement(out, "count", &plan->count);
	add_statement(out, "rows", &plan->rows);
	serve_bytes_text(out, "}");
}

static void
add_error(ServeBytes *out, const ServeError *error)
{
	serve_bytes_format(out, "{\"status\":%d,\"code\":", error->status);
	add_json(out, error->code);
	serve_bytes_text(out, ",\"message\":");
	add_json(out, error->message);
	serve_bytes_text(out, ",\"target\":");
	add_json(out, error->target);
	serve_bytes_text(out, "}");
}

bool
serve_print_sql(const ServeModel *model, const ServeLimits *limits, const char *text, FILE *out)
{
	ServeArena *arena = serve_arena_new();
	ServeBytes line = {0};
	const char *question = strchr(text, '?');
	ServeRequest request = {
		.root = "https://example.org/odata/", .version = 401, .limits = *limits};
	ServeError error;
	ServePlan *plan;

	request.path = question ? serve_copy_bytes(arena, text, (size_t) (question - text)) : text;
	request.query = question ? question + 1 : NULL;
	plan = serve_plan(arena, model, &request, &error);
	if (plan)
		add_plan(&line, plan);
	else
		add_error(&line, &error);
	fprintf(out, "%s\n", line.data);
	fflush(out);
	serve_bytes_free(&line);
	serve_arena_free(arena);
	return plan != NULL;
}

void
serve_print_sql_lines(const ServeModel *model, const ServeLimits *limits, FILE *in, FILE *out)
{
	char *line = NULL;
	size_t space = 0;
	ssize_t length;

	while ((length = getline(&line, &space, in)) >= 0)
	{
		if (length > 0 && line[length - 1] == '\n')
			line[length - 1] = '\0';
		serve_print_sql(model, limits, line, out);
	}
	free(line);
}
