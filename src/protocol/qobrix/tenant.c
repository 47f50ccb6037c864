/*
 * tenant.c
 *		What a tenant says of itself: the units of its areas and lengths, and its
 *		currency, which no record names.
 *
 * The tenant's spellings become the words of the mapping.  A unit that is not
 * known here is reported, not guessed: a wrong factor looks like a right number.
 */
#include "postgres.h"

#include "protocol/qobrix/qobrix.h"

/* A unit by one of its spellings: lower case, without blanks and punctuation. */
typedef struct Unit
{
	const char *spelling;
	const char *word;
	bool is_area;
} Unit;

static const Unit units[] = {
	{"m2", "m2", true},
	{"m²", "m2", true},
	{"sqm", "m2", true},
	{"squaremeter", "m2", true},
	{"squaremeters", "m2", true},
	{"squaremetre", "m2", true},
	{"squaremetres", "m2", true},
	{"ft2", "sqft", true},
	{"ft²", "sqft", true},
	{"sqft", "sqft", true},
	{"squarefoot", "sqft", true},
	{"squarefeet", "sqft", true},
	{"yd2", "sqyd", true},
	{"sqyd", "sqyd", true},
	{"squareyard", "sqyd", true},
	{"squareyards", "sqyd", true},
	{"ac", "ac", true},
	{"acre", "ac", true},
	{"acres", "ac", true},
	{"ha", "ha", true},
	{"hectare", "ha", true},
	{"hectares", "ha", true},
	{"m", "m", false},
	{"meter", "m", false},
	{"meters", "m", false},
	{"metre", "m", false},
	{"metres", "m", false},
	{"cm", "cm", false},
	{"ft", "ft", false},
	{"foot", "ft", false},
	{"feet", "ft", false},
	{"in", "in", false},
	{"inch", "in", false},
	{"inches", "in", false},
	{"yd", "yd", false},
	{"yard", "yd", false},
	{"yards", "yd", false},
	{"km", "km", false},
	{"kilometer", "km", false},
	{"kilometers", "km", false},
	{"kilometre", "km", false},
	{"kilometres", "km", false},
	{"mi", "mi", false},
	{"mile", "mi", false},
	{"miles", "mi", false},
};

/* Lower case, without blanks and punctuation. */
static char *
plain(const char *text)
{
	char *result = palloc(strlen(text) + 1);
	char *to = result;

	for (const char *from = text; *from; from++)
		if (strchr(" \t_.-", *from) == NULL)
			*to++ = pg_ascii_tolower(*from);
	*to = '\0';
	return result;
}

static const char *
find_unit(const char *text, bool is_area)
{
	char *spelling = plain(text);

	for (int i = 0; i < lengthof(units); i++)
		if (units[i].is_area == is_area && strcmp(units[i].spelling, spelling) == 0)
			return units[i].word;
	return NULL;
}

/* A code of three letters, in upper case; NULL for anything else. */
static const char *
find_currency(const char *text)
{
	char *code = plain(text);

	if (strlen(code) != 3 || strspn(code, "abcdefghijklmnopqrstuvwxyz") != 3)
		return NULL;
	for (int i = 0; i < 3; i++)
		code[i] = pg_ascii_toupper(code[i]);
	return code;
}

/* Takes one of the tenant's units as a setting; what is not there is not told. */
static void
take(MlsTold *told, const MlsRecord *record, const char *name, const char *setting)
{
	const MlsSlice *slice = mls_record_field(record, name);
	const char *value = NULL;
	char *text;

	if (slice == NULL || slice->kind == MLS_NULL)
		return;
	text = mls_error_words(mls_slice_text(slice));
	if (slice->kind == MLS_STRING)
		value = strcmp(name, "currency") == 0 ? find_currency(text)
											  : find_unit(text, strcmp(name, "area") == 0);
	if (value != NULL)
		mls_told_add(told, setting, value);
	else
		told->findings = lappend(
			told->findings, psprintf("the tenant's unit of %s \"%s\" is not known", name, text));
}

/* An object inside another; NULL if it is none. */
static const MlsRecord *
object_in(const MlsRecord *record, const char *name)
{
	const MlsSlice *slice = record ? mls_record_field(record, name) : NULL;

	return slice && slice->kind == MLS_OBJECT ? mls_error_object(slice->value, slice->value_length)
											  : NULL;
}

/* The tenant's units; the document may stand in a member "data". */
static const MlsRecord *
units_of(const MlsHttpResponse *response)
{
	const MlsRecord *document = mls_error_object(response->body, response->length);
	const MlsRecord *inner = object_in(document, "data");

	return object_in(object_in(inner ? inner : document, "configuration"), "units");
}

MlsTold *
mls_qobrix_tell(const MlsSource *source, MlsHttpStats *stats)
{
	MlsHttpCall call = {.method = "GET",
						.url = mls_url_build(source->http.url, "tenant/", NIL),
						.headers = list_make1("Accept: application/json"),
						.purpose = "the tenant's units"};
	MlsHttpResponse *response = mls_http_fetch(&source->http, &call, stats);
	MlsTold *told = palloc0(sizeof(MlsTold));
	const MlsRecord *record;

	if (response->status == 403 || response->status == 404)
	{
		told->refusal = psprintf("tenant/ was answered with %d", response->status);
		return told;
	}
	if (response->status != 200)
		mls_http_report_status(&source->http, &call, response, mls_qobrix_error_text(response));
	record = units_of(response);
	if (record == NULL)
	{
		told->refusal = "the answer to tenant/ has no units";
		return told;
	}
	take(told, record, "area", "area_unit");
	take(told, record, "dimension", "dimension_unit");
	take(told, record, "distance", "distance_unit");
	take(told, record, "currency", "currency");
	return told;
}
