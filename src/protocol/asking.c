/*
 * asking.c
 *		Small things around addresses and their answers that are the same in
 *		several protocols.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "protocol/asking.h"

/* A source's own words are shown up to this length: a few lines of a terminal. */
#define MAX_MESSAGE 400

char *
mls_show_address(const char *path, List *params, int parts)
{
	StringInfoData buf;
	ListCell *lc;

	initStringInfo(&buf);
	appendStringInfoString(&buf, path);
	foreach (lc, params)
	{
		const MlsUrlParam *param = lfirst(lc);

		appendStringInfo(&buf, "%c%s=%s", foreach_current_index(lc) == 0 ? '?' : '&', param->name,
						 param->value);
	}
	if (parts > 1)
		appendStringInfo(&buf, " (part 1 of %d)", parts);
	return buf.data;
}

void
mls_report_page(const MlsTable *table, const char *purpose, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_REPLY_HANDLE),
			 errmsg("could not read %s from source \"%s\"", purpose, table->source->http.name),
			 errdetail("%s", detail)));
}

MlsPage *
mls_read_page(const MlsTable *table, const char *purpose, const MlsHttpResponse *response,
			  const char *records_name)
{
	const MlsSlice *records;
	MlsPage *page;

	if (strstr(response->content_type, "json") == NULL)
		mls_report_page(table, purpose,
						psprintf("The answer is no JSON: its content type is \"%s\".",
								 *response->content_type ? response->content_type : "not given"));
	page = mls_page_read(response->body, response->length, records_name, purpose);
	records = records_name ? mls_page_value(page, records_name) : NULL;
	if (records_name && (records == NULL || records->kind != MLS_ARRAY))
		mls_report_page(table, purpose,
						psprintf("The answer has no list of records (\"%s\").", records_name));
	page->bytes = response->length;
	return page;
}

void
mls_check_total(const MlsQuery *query, int64 announced, int64 received, MlsHttpStats *stats)
{
	const MlsTable *table = query->table;
	int64 now;

	if (!query->verify_count || announced < 0 || received >= announced)
		return;
	now = table->source->protocol->count(query, stats);
	if (now >= 0 && received >= now)
		return;
	ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
					errmsg("source \"%s\" ended the pages of resource \"%s\" too early",
						   table->source->http.name, table->resource),
					errdetail("It announced " INT64_FORMAT " records and sent " INT64_FORMAT ".",
							  announced, received),
					errhint("Try again. If the source's count is only an estimate, set the server "
							"option push_count to false.")));
}

const MlsRecord *
mls_error_object(const char *text, int length)
{
	MlsPage *volatile page = NULL;
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		page = mls_page_read(pnstrdup(text, length), length, NULL, "error answer");
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		/* An error body that is no JSON says nothing; nothing but memory was touched. */
		if (geterrcode() != ERRCODE_FDW_REPLY_HANDLE)
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	return page && page->nrecords == 1 ? &page->records[0] : NULL;
}

char *
mls_error_words(const char *text)
{
	return pnstrdup(text, pg_mbcliplen(text, strlen(text), MAX_MESSAGE));
}
