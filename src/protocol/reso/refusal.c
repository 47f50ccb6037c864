/*
 * refusal.c
 *		What a source turned out not to take: fields to filter, order or select
 *		by, and forms of conditions.
 *
 * Metadata tells which fields exist, not which may be used: some providers
 * suppress fields and answer 400.  What such an answer teaches is kept for the
 * life of the process, so that one request pays for it, not each.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/hsearch.h"

#include "base/name_list.h"
#include "protocol/reso/reso.h"

typedef struct RefusalKey
{
	Oid server_id;
	ResoUse use;
	char resource[NAMEDATALEN];
	char field[NAMEDATALEN];
} RefusalKey;

static HTAB *refusals = NULL;

static void
set_key(RefusalKey *key, const MlsTable *table, ResoUse use, const char *field)
{
	memset(key, 0, sizeof(*key));
	key->server_id = table->source->http.server_id;
	key->use = use;
	strlcpy(key->resource, table->resource, NAMEDATALEN);
	strlcpy(key->field, field, NAMEDATALEN);
}

void
mls_reso_refuse(const MlsTable *table, ResoUse use, const char *field)
{
	RefusalKey key;

	if (refusals == NULL)
	{
		HASHCTL control = {.keysize = sizeof(RefusalKey), .entrysize = sizeof(RefusalKey)};

		refusals = hash_create("mls_fdw refused fields", 32, &control, HASH_ELEM | HASH_BLOBS);
	}
	set_key(&key, table, use, field);
	hash_search(refusals, &key, HASH_ENTER, NULL);
}

bool
mls_reso_refused(const MlsTable *table, ResoUse use, const char *field)
{
	RefusalKey key;

	if (refusals == NULL)
		return false;
	set_key(&key, table, use, field);
	return hash_search(refusals, &key, HASH_FIND, NULL) != NULL;
}

/* ---- forms of conditions ---- */

/* Appends what a condition is without its values. */
static void
append_form(StringInfo buf, const MlsCondition *condition)
{
	ListCell *lc;

	check_stack_depth();
	appendStringInfo(buf, "(%d %d %s", condition->kind, condition->op,
					 condition->column ? condition->column->field : "");
	foreach (lc, condition->args)
		append_form(buf, lfirst(lc));
	appendStringInfoChar(buf, ')');
}

/* The form as the key of a refusal: of any length, so hashed. */
static char *
form_key(const MlsCondition *condition)
{
	StringInfoData form;

	initStringInfo(&form);
	append_form(&form, condition);
	return psprintf("%016llx", (unsigned long long) hash_bytes_extended(
								   (const unsigned char *) form.data, form.len, 0));
}

/* Comparisons of the types that every server compares. */
static bool
is_usual(const MlsCondition *condition)
{
	if (condition->kind != MLS_COMPARE)
		return false;
	switch (mls_reso_type(condition->column))
	{
		case RESO_STRING:
		case RESO_BOOLEAN:
		case RESO_INTEGER:
		case RESO_DECIMAL:
		case RESO_DATE:
		case RESO_TIMESTAMP:
			return true;
		default:
			return false;
	}
}

void
mls_reso_refuse_forms(const MlsQuery *query)
{
	bool all = true;
	ListCell *lc;

	foreach (lc, query->conditions)
		all = all && is_usual(lfirst(lc));
	foreach (lc, query->conditions)
		if (all || !is_usual(lfirst(lc)))
			mls_reso_refuse(query->table, RESO_USE_FORM, form_key(lfirst(lc)));
}

bool
mls_reso_form_refused(const MlsTable *table, const MlsCondition *condition)
{
	return refusals != NULL && mls_reso_refused(table, RESO_USE_FORM, form_key(condition));
}

/* ---- fields named in a message ---- */

/* Does text hold name as a whole word? */
static bool
has_word(const char *text, const char *name)
{
	int length = strlen(name);

	for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
	{
		bool starts = at == text || !(isalnum((unsigned char) at[-1]) || at[-1] == '_');
		char after = at[length];

		if (starts && !(isalnum((unsigned char) after) || after == '_'))
			return true;
	}
	return false;
}

static void
add_named(List **fields, const MlsTable *table, ResoUse use, const char *field, const char *message)
{
	if (!mls_reso_refused(table, use, field) && has_word(message, field) &&
		!mls_is_listed(*fields, field))
		*fields = lappend(*fields, pstrdup(field));
}

static void
add_named_in_condition(List **fields, const MlsQuery *query, const MlsCondition *condition,
					   const char *message)
{
	ListCell *lc;

	if (condition->column)
		add_named(fields, query->table, RESO_USE_FILTER, condition->column->field, message);
	foreach (lc, condition->args)
		add_named_in_condition(fields, query, lfirst(lc), message);
}

List *
mls_reso_named_fields(const MlsQuery *query, ResoUse use, const char *message)
{
	List *fields = NIL;
	ListCell *lc;

	if (use == RESO_USE_FILTER)
	{
		foreach (lc, query->conditions)
			add_named_in_condition(&fields, query, lfirst(lc), message);
	}
	else if (use == RESO_USE_ORDER)
	{
		foreach (lc, query->order)
			add_named(&fields, query->table, use, ((MlsOrder *) lfirst(lc))->field, message);
	}
	else
	{
		foreach (lc, query->fields)
			add_named(&fields, query->table, use, lfirst(lc), message);
	}
	return fields;
}
