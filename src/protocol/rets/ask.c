/*
 * ask.c
 *		What one search asks for, and what its answer says: arguments, counting, and
 *		the query as a user may read it.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/memutils.h"

#include "protocol/rets/search.h"

/* ---- arguments ---- */

const char *
mls_rets_key_field(const MlsTable *table)
{
	return table->key ? linitial(table->key) : NULL;
}

static void
add_target(List **arguments, const MlsTable *table)
{
	const char *colon = strchr(table->resource, ':');
	int length = colon ? colon - table->resource : strlen(table->resource);

	mls_rets_argument(arguments, "SearchType", pnstrdup(table->resource, length));
	mls_rets_argument(arguments, "Class", colon ? colon + 1 : table->resource);
}

List *
mls_rets_search_arguments(const MlsTable *table, const char *query, const char *select, bool count)
{
	static const char *const formats[] = {"COMPACT", "COMPACT-DECODED", "STANDARD-XML"};
	const MlsPlatform *platform = &table->source->platform;
	List *arguments = NIL;

	add_target(&arguments, table);
	mls_rets_argument(&arguments, "Query", query);
	mls_rets_argument(&arguments, "QueryType", "DMQL2");
	mls_rets_argument(&arguments, "Count", count ? "1" : "0");
	mls_rets_argument(&arguments, "Format", formats[platform->format]);
	mls_rets_argument(&arguments, "StandardNames", platform->standard_names ? "1" : "0");
	if (select)
		mls_rets_argument(&arguments, "Select", select);
	return arguments;
}

const char *
mls_rets_select(const MlsQuery *query)
{
	const char *key = mls_rets_key_field(query->table);
	bool has_key = key == NULL;
	StringInfoData buf;
	ListCell *lc;

	if (query->fields == NIL || query->table->source->platform.format == MLS_FORMAT_XML)
		return NULL;
	initStringInfo(&buf);
	foreach (lc, query->fields)
	{
		const char *field = lfirst(lc);

		if (strcmp(field, "*") == 0)
			return NULL;
		has_key = has_key || strcmp(field, key) == 0;
		appendStringInfo(&buf, "%s%s", buf.len ? "," : "", field);
	}
	if (!has_key)
		appendStringInfo(&buf, "%s%s", buf.len ? "," : "", key);
	return buf.data;
}

List *
mls_rets_asked_fields(const MlsQuery *query)
{
	const MlsTable *table = query->table;
	const char *key = mls_rets_key_field(table);
	List *fields = NIL;
	ListCell *lc;

	foreach (lc, query->fields)
		if (strcmp(lfirst(lc), "*") != 0)
			fields = lappend(fields, lfirst(lc));
	for (int i = 0; query->fields == NIL && i < table->ncolumns; i++)
	{
		const char *field = table->columns[i].field;

		if (field && strcmp(field, "*") != 0)
			fields = lappend(fields, unconstify(char *, field));
	}
	if (key && query->fields)
		fields = lappend(fields, unconstify(char *, key));
	return fields;
}

int64
mls_rets_choose_limit(const RetsStream *stream)
{
	const MlsQuery *query = stream->head.query;
	const MlsPlatform *platform = mls_rets_platform_of(stream);
	int64 size = query->keys_only ? platform->key_page_size : platform->page_size;

	/* Keys alone are to come without any limit of the source's. */
	if (query->keys_only && query->limit < 0)
		return -1;
	if (query->page_size > 0)
		size = Min(size, query->page_size);
	if (query->limit >= 0 && !stream->dmql.inexact)
		size = Min(size, Max(query->limit, 1));
	if (stream->most > 0)
		size = Min(size, stream->most);
	return size;
}

/* ---- reading an answer ---- */

RetsOutcome
mls_rets_read_search(const MlsTable *table, const MlsHttpResponse *response, const char *purpose,
					 int64 size, List *fields, RetsDecoder *decoder, RetsPages **answer)
{
	RetsReaderOptions options = {.format = table->source->platform.format == MLS_FORMAT_XML
											   ? RETS_STANDARD_XML
											   : RETS_COMPACT,
								 .purpose = purpose,
								 .source = table->source->http.name,
								 .charset = mls_http_charset(response),
								 .fields = fields,
								 .repeated = mls_rets_repeated(table)};

	if (decoder)
	{
		mls_rets_decoder_reset(decoder);
		options.decode = mls_rets_decode;
		options.decode_arg = decoder;
	}
	*answer = mls_rets_pages(&options, response, (int) Min(size, INT_MAX / 2),
							 table->source->http.max_page_bytes);
	return mls_rets_outcome(mls_rets_pages_answer(*answer), false);
}

bool
mls_rets_says_more(const RetsAnswer *answer, const RetsOutcome *outcome)
{
	return answer->maxrows || outcome->class == RETS_REPLY_TRUNCATED;
}

/* ---- counting ---- */

typedef struct Counting
{
	const MlsTable *table;
	const char *purpose;
	int64 count;
} Counting;

static RetsOutcome
read_count(void *arg, const MlsHttpResponse *response)
{
	Counting *work = arg;
	RetsPages *answer;
	RetsOutcome outcome =
		mls_rets_read_search(work->table, response, work->purpose, 1, NIL, NULL, &answer);

	work->count = mls_rets_pages_answer(answer)->count;
	return outcome;
}

int64
mls_rets_count(const MlsQuery *query, MlsHttpStats *stats)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw count", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const MlsTable *table = query->table;
	Counting work = {.table = table};
	RetsCall call = {.transaction = RETS_SEARCH, .table = table};
	RetsOutcome outcome;
	Dmql dmql;

	work.purpose = call.purpose = psprintf("the count of resource \"%s\"", table->resource);
	do
	{
		const char *conditions;

		dmql = (Dmql){0};
		conditions = mls_rets_query(query, &dmql);
		if (dmql.inexact)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot count resource \"%s\" at source \"%s\"", table->resource,
							table->source->http.name),
					 errdetail("A condition of the query cannot be sent."),
					 errhint("Repeat the query: it is planned without remote counting now.")));
		call.arguments = mls_rets_search_arguments(table, conditions, NULL, false);
		((MlsUrlParam *) list_nth(call.arguments, 4))->value = "2";
		outcome = mls_rets_talk(table->source, &call, NULL, read_count, &work, stats);
	} while (mls_rets_is_syntax(&outcome) && mls_rets_learn_forms(table, dmql.used, stats));
	if (mls_rets_is_error(outcome.class))
		mls_rets_report(table->source, &call, &outcome);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return outcome.class == RETS_REPLY_EMPTY ? Max(work.count, 0) : work.count;
}

/* ---- showing ---- */

char *
mls_rets_show(const MlsQuery *query)
{
	RetsStream *stream = (RetsStream *) mls_rets_open_stream(query);
	const char *select = stream->select;
	int64 limit = mls_rets_choose_limit(stream);
	const RetsPart *part = linitial(stream->parts);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s?Query=%s", query->table->resource, part->query);
	if (select)
		appendStringInfo(&buf, "&Select=%s", select);
	if (query->limit >= 0 && !stream->dmql.inexact)
		appendStringInfo(&buf, "&Limit=" INT64_FORMAT, limit);
	if (list_length(stream->parts) > 1)
		appendStringInfo(&buf, " (part 1 of %d)", list_length(stream->parts));
	MemoryContextDelete(stream->context);
	return buf.data;
}
