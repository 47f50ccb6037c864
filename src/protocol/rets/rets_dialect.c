/*
 * rets_dialect.c
 *		Which ways to write conditions a source takes.
 *
 * DMQL2 is a small language, and yet there are servers that refuse parts of it, with
 * the reply code of a syntax error that does not say which part.  So when a query is
 * refused, each form that was used in it is tried alone, in a query for no records; what
 * is refused is not used again in this process.  mls_check tries all of them.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "protocol/rets/rets.h"
#include "protocol/rets/rets_dmql.h"

typedef struct KnownForms
{
	Oid server_id;
	const char *url;
	uint32 known;
	uint32 refused;
} KnownForms;

static List *all_known = NIL;

static const struct
{
	uint32 form;
	const char *words;
	const char *query; /* with fields of a type in braces */
} forms[] = {
	{RETS_FORM_OR, "an OR of conditions", "(({key}=1)|({key}=2))"},
	{RETS_FORM_LIST, "lists of values", "({key}=1,2)"},
	{RETS_FORM_QUOTED_LIST, "quoted values in lists", "({text}=\"A-1\",\"B-2\")"},
	{RETS_FORM_NUMBER_LIST, "lists of numbers", "({number}=1,2)"},
	{RETS_FORM_QUOTED, "quoted values", "({text}=\"A-1\")"},
	{RETS_FORM_MATCH, "beginnings of texts", "({text}=A1*)"},
	{RETS_FORM_NEGATIVE, "negative numbers", "({number}=-1+)"},
};

static KnownForms *
find_known(const MlsSource *source)
{
	ListCell *lc;

	foreach (lc, all_known)
	{
		KnownForms *known = lfirst(lc);

		if (known->server_id == source->http.server_id && strcmp(known->url, source->http.url) == 0)
			return known;
	}
	return NULL;
}

uint32
mls_rets_refused(const MlsSource *source)
{
	const KnownForms *known = find_known(source);

	return known ? known->refused : 0;
}

static void
remember(const MlsSource *source, uint32 form, bool refused)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	KnownForms *known = find_known(source);

	if (known == NULL)
	{
		known = palloc0(sizeof(KnownForms));
		known->server_id = source->http.server_id;
		known->url = pstrdup(source->http.url);
		all_known = lappend(all_known, known);
	}
	known->known |= form;
	known->refused = refused ? known->refused | form : known->refused & ~form;
	MemoryContextSwitchTo(old);
}

/* ---- trying ---- */

/* A field for a place in a query: the key, a text, a number; NULL if there is none. */
static const char *
field_for(const MlsTable *table, const char *place)
{
	bool is_number = strncmp(place, "{number}", 8) == 0;

	if (strncmp(place, "{key}", 5) == 0)
		return mls_rets_key_field(table);
	for (int i = 0; i < table->ncolumns; i++)
	{
		const MlsColumn *column = &table->columns[i];
		DmqlType type = column->field ? mls_dmql_type(table, column) : DMQL_OTHER;

		if (is_number ? type == DMQL_INTEGER || type == DMQL_DECIMAL : type == DMQL_TEXT)
			return column->field;
	}
	return NULL;
}

/* The query that tries a form, or NULL if the table has no field for it. */
static const char *
trial_query(const MlsTable *table, const char *pattern)
{
	StringInfoData query;

	initStringInfo(&query);
	for (const char *at = pattern; *at; at++)
	{
		const char *field = *at == '{' ? field_for(table, at) : NULL;

		if (*at == '{' && field == NULL)
			return NULL;
		if (*at != '{')
			appendStringInfoChar(&query, *at);
		else
		{
			appendStringInfoString(&query, field);
			at = strchr(at, '}');
		}
	}
	return query.data;
}

static RetsOutcome
read_trial(void *arg, const MlsHttpResponse *response)
{
	const MlsTable *table = arg;
	RetsPages *answer;

	return mls_rets_read_search(table, response, "a trial query", 1, NIL, NULL, &answer);
}

/* Tries a form, unless that was done; what is no clear answer is not remembered. */
static void
try_form(const MlsTable *table, int i, MlsHttpStats *stats)
{
	const KnownForms *known = find_known(table->source);
	const char *query = trial_query(table, forms[i].query);
	RetsCall call = {.transaction = RETS_SEARCH, .purpose = "a trial query"};
	RetsOutcome outcome;

	if (query == NULL || (known && (known->known & forms[i].form)))
		return;
	call.arguments = mls_rets_search_arguments(table, query, NULL, 2);
	outcome =
		mls_rets_talk(table->source, &call, NULL, read_trial, unconstify(MlsTable *, table), stats);
	if (mls_rets_is_syntax(outcome.code))
		remember(table->source, forms[i].form, true);
	else if (!mls_rets_is_error(outcome.class))
		remember(table->source, forms[i].form, false);
}

bool
mls_rets_learn_forms(const MlsTable *table, uint32 used, MlsHttpStats *stats)
{
	uint32 before = mls_rets_refused(table->source);

	/* CREA's three queries are all that it takes, and all that is sent. */
	if (table->source->platform.timestamp_alone)
		return false;
	for (int i = 0; i < lengthof(forms); i++)
		if (used & forms[i].form)
			try_form(table, i, stats);
	return (mls_rets_refused(table->source) & ~before) != 0;
}

/* ---- telling ---- */

static void
append_words(StringInfo buf, const char *before, uint32 which)
{
	int n = 0;

	for (int i = 0; i < lengthof(forms); i++)
		if (which & forms[i].form)
			appendStringInfo(buf, "%s%s", n++ == 0 ? before : ", ", forms[i].words);
	if (n > 0)
		appendStringInfoChar(buf, '.');
}

char *
mls_rets_try_conditions(const MlsTable *table, bool *ok, MlsHttpStats *stats)
{
	const MlsPlatform *platform = &table->source->platform;
	const KnownForms *known;
	StringInfoData buf;

	if (platform->timestamp_alone)
		return "Not tried: on this platform only keys and timestamps are asked for.";
	(void) mls_rets_learn_forms(table, PG_UINT32_MAX, stats);
	known = find_known(table->source);
	if (known == NULL || known->known == 0)
		return "Not tried: the source gave no clear answer.";
	initStringInfo(&buf);
	append_words(&buf, "The source takes ", known->known & ~known->refused);
	append_words(&buf, " It refuses ", known->refused);
	if (known->refused)
		appendStringInfoString(&buf, " What it refuses is not sent.");
	*ok = !((known->refused & RETS_FORM_OR) && platform->or_allowed) &&
		  !((known->refused & RETS_FORM_LIST) && platform->in_allowed);
	if ((known->refused & RETS_FORM_OR) && platform->or_allowed)
		appendStringInfoString(&buf, " Set the server option push_or to false, so that this need "
									 "not be learned anew.");
	if ((known->refused & RETS_FORM_LIST) && platform->in_allowed)
		appendStringInfoString(&buf, " Set the server option push_in to false, so that this need "
									 "not be learned anew.");
	return buf.data;
}
