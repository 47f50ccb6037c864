/*
 * error.c
 *		OData error bodies as text for errdetail.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "protocol/reso/reso.h"

/* A source's own words are shown up to this length: a few lines of a terminal. */
#define MAX_MESSAGE 400

/* Reads a JSON text that must be an object; NULL if it is not. */
static const MlsRecord *
read_object(const char *text, int length)
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

static const char *
member_text(const MlsRecord *record, const char *name)
{
	const MlsSlice *slice = record ? mls_record_field(record, name) : NULL;

	return slice && slice->kind == MLS_STRING ? mls_slice_text(slice) : NULL;
}

char *
mls_reso_error_text(const MlsHttpResponse *response)
{
	const MlsRecord *record;
	const MlsSlice *error;
	const char *message;
	const char *code;
	int length;

	if (response->length == 0 || strstr(response->content_type, "json") == NULL)
		return NULL;
	record = read_object(response->body, response->length);
	error = record ? mls_record_field(record, "error") : NULL;
	if (error && error->kind == MLS_OBJECT)
		record = read_object(error->value, error->value_length);
	message = member_text(record, "message");
	code = member_text(record, "code");
	if (message == NULL)
		return NULL;
	length = pg_mbcliplen(message, strlen(message), MAX_MESSAGE);
	return code && *code ? psprintf("%.*s (%.64s)", length, message, code)
						 : pnstrdup(message, length);
}
