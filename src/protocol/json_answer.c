/*
 * json_answer.c
 *		Answers in JSON, as pages of records: their character sets, and the errors
 *		that are inside them.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/base.h"
#include "protocol/page_chain.h"

/* A source's own words are shown up to this length: a few lines of a terminal. */
#define MAX_MESSAGE 400

void
mls_report_page(const MlsTable *table, const char *purpose, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_REPLY_HANDLE),
			 errmsg("could not read %s from source \"%s\"", purpose, table->source->http.name),
			 errdetail("%s", detail)));
}

char *
mls_show_start(const char *text, int length, int most)
{
	return pnstrdup(text, pg_mbcliplen(text, length, most));
}

/* JSON begins with two characters of ASCII, so that a NUL among them tells of wide characters. */
static const char *
wide_charset(const char *body, Size length)
{
	if (length >= 2 && ((body[0] == '\0' && body[1] != '\0') || memcmp(body, "\xFE\xFF", 2) == 0))
		return "UTF-16BE";
	if (length >= 2 && ((body[0] != '\0' && body[1] == '\0') || memcmp(body, "\xFF\xFE", 2) == 0))
		return "UTF-16LE";
	return NULL;
}

/* The character set of a body that is not in UTF-8: as it shows, else as declared; or NULL. */
static const char *
foreign_charset(const MlsHttpResponse *response)
{
	const char *charset = wide_charset(response->body, response->length);

	if (charset == NULL)
		charset = mls_http_charset(response);
	if (charset == NULL || *charset == '\0' || pg_strcasecmp(charset, "utf-8") == 0 ||
		pg_strcasecmp(charset, "utf8") == 0 || pg_strcasecmp(charset, "us-ascii") == 0 ||
		(response->length >= 3 && memcmp(response->body, "\xEF\xBB\xBF", 3) == 0))
		return NULL;
	return charset;
}

/* Makes UTF-8 of a body that is in another character set; returns what had to be replaced. */
static int
read_charset(const MlsTable *table, const char *purpose, const MlsHttpResponse *response,
			 char **body, Size *length)
{
	const char *charset = foreign_charset(response);
	int replaced = charset ? mls_page_decode(body, length, charset) : 0;

	/* A name that nobody knows does no harm to what is UTF-8 all the same. */
	if (replaced < 0 && pg_encoding_verifymbstr(PG_UTF8, *body, *length) != *length)
		mls_report_page(
			table, purpose,
			psprintf("The answer is in a character set that is not known: \"%.40s\".", charset));
	return Max(replaced, 0);
}

/* ---- errors inside answers ---- */

/* The first member of an object that has one of the names. */
static const MlsSlice *
member(const MlsRecord *object, const char *name, const char *other)
{
	const MlsSlice *slice = object ? mls_record_field(object, name) : NULL;

	return slice || object == NULL ? slice : mls_record_field(object, other);
}

/* What an error says: its message, or all of it. */
static char *
words_of_error(const MlsSlice *error)
{
	const MlsRecord *object =
		error->kind == MLS_OBJECT ? mls_error_object(error->value, error->value_length) : NULL;
	const MlsSlice *message = member(object, "message", "Message");

	/* OData 3 has an object with the language and the text. */
	if (message && message->kind == MLS_OBJECT)
		message = member(mls_error_object(message->value, message->value_length), "value", "Value");
	return mls_error_words(message && message->kind == MLS_STRING ? mls_slice_text(message)
																  : mls_slice_text(error));
}

/* A member for errors may be there and say that there is none. */
static bool
is_error(const MlsSlice *slice)
{
	const char *position = NULL;
	MlsSlice element;

	if (slice->kind == MLS_ARRAY)
		return mls_array_next(slice, &position, &element);
	return slice->kind == MLS_OBJECT || slice->kind == MLS_NUMBER ||
		   (slice->kind == MLS_STRING && slice->value_length > 2) ||
		   (slice->kind == MLS_BOOLEAN && *slice->value == 't');
}

static const char *const error_names[] = {"error", "errors", "odata.error", "@odata.error"};

static void
refuse_error(const MlsTable *table, const char *purpose, const MlsSlice *slice, const char *format)
{
	if (slice && is_error(slice))
		mls_report_page(table, purpose, psprintf(format, words_of_error(slice)));
}

/* A record without a key may be an error in its place; of records with the same fields one tells. */
static void
refuse_error_records(const MlsTable *table, const char *purpose, const MlsPage *page)
{
	uint64 shape = 0;

	for (int i = 0; i < page->nrecords && table->key != NIL; i++)
	{
		const MlsRecord *record = &page->records[i];

		if (record->shape == shape)
			continue;
		shape = record->shape;
		for (int j = 0;
			 j < lengthof(error_names) && !mls_record_field(record, linitial(table->key)); j++)
			refuse_error(table, purpose, mls_record_field(record, error_names[j]),
						 "One of its records is an error: %s");
	}
}

/* An answer with status 200 may hold an error all the same, and then it is not whole. */
static void
refuse_errors(const MlsTable *table, const char *purpose, const MlsPage *page)
{
	for (int i = 0; i < lengthof(error_names); i++)
		refuse_error(table, purpose, mls_page_value(page, error_names[i]),
					 "The answer holds an error: %s");
	refuse_error_records(table, purpose, page);
}

MlsPage *
mls_read_page(const MlsTable *table, const char *purpose, const MlsHttpResponse *response,
			  const char *records_name)
{
	char *body = response->body;
	Size length = response->length;
	const MlsSlice *records;
	MlsPage *page;
	int replaced;

	if (strstr(response->content_type, "json") == NULL)
		mls_report_page(table, purpose,
						psprintf("The answer is no JSON: its content type is \"%s\".",
								 *response->content_type ? response->content_type : "not given"));
	replaced = read_charset(table, purpose, response, &body, &length);
	page = mls_page_read(body, length, records_name, purpose);
	page->replaced += replaced;
	records = records_name ? mls_page_value(page, records_name) : NULL;
	if (records_name && (records == NULL || records->kind != MLS_ARRAY))
		mls_report_page(table, purpose,
						psprintf("The answer has no list of records (\"%s\").", records_name));
	page->bytes = response->length;
	refuse_errors(table, purpose, page);
	return page;
}

int64
mls_read_total(const MlsTable *table, const char *purpose, const MlsSlice *slice)
{
	int64 total;

	if (slice == NULL || slice->kind == MLS_NULL)
		return -1;
	if (!mls_slice_int64(slice, &total) || total < 0)
		mls_report_page(table, purpose,
						psprintf("Its member \"%s\" is no number of records: %s.",
								 mls_show_start(slice->name, slice->name_length, 60),
								 mls_show_start(slice->value, slice->value_length, 60)));
	return total;
}

bool
mls_is_refused(const MlsHttpResponse *response)
{
	return response->status == 400 || response->status == 404 || response->status == 405 ||
		   response->status == 416 || response->status == 422 || response->status == 501;
}

const MlsRecord *
mls_error_object(const char *text, int length)
{
	MlsPage *volatile page = NULL;
	MemoryContext context = CurrentMemoryContext;
	/* All of it: a NUL within is no end. */
	char *copy = memcpy(palloc(length + 1), text, length);

	copy[length] = '\0';
	PG_TRY();
	{
		page = mls_page_read(copy, length, NULL, "error answer");
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
	return mls_show_start(text, strlen(text), MAX_MESSAGE);
}
