/*
 * error.c
 *		OData error bodies as text for errdetail.
 */
#include "postgres.h"

#include "protocol/asking.h"
#include "protocol/reso/reso.h"

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

	if (response->length == 0 || strstr(response->content_type, "json") == NULL)
		return NULL;
	record = mls_error_object(response->body, response->length);
	error = record ? mls_record_field(record, "error") : NULL;
	if (error && error->kind == MLS_OBJECT)
		record = mls_error_object(error->value, error->value_length);
	message = member_text(record, "message");
	code = member_text(record, "code");
	if (message == NULL)
		return NULL;
	message = mls_error_words(message);
	return code && *code ? psprintf("%s (%.64s)", message, code) : pstrdup(message);
}
