/*
 * scope.c
 *		What a sync asks for: the fields, and a fingerprint of the whole.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/array.h"

#include "compat.h"
#include "base/name_list.h"
#include "subscription/subscription.h"

PG_FUNCTION_INFO_V1(mls_asked_fields_sql);

/* ---- Which fields ---- */

static List *
add_field(List *fields, const char *field)
{
	return field ? mls_list_once(fields, field) : fields;
}

static List *
add_fields(List *fields, List *more)
{
	ListCell *lc;

	foreach (lc, more)
		fields = add_field(fields, lfirst(lc));
	return fields;
}

/* What a table selects: its own option, else those of its source's that it has columns for. */
static List *
selection(const MlsTable *table)
{
	List *known = NIL;
	ListCell *lc;

	if (table->select != NIL)
		return table->select;
	foreach (lc, table->source->select)
		if (mls_table_column(table, lfirst(lc)) != NULL)
			known = lappend(known, lfirst(lc));
	return known;
}

/*
 * The fields a sync asks for (List of char *); NIL for all.  What a run steers by
 * is always among them: keys, timestamps, the flag of removed records, what a
 * record belongs to, and the expansions, which are asked for by an option of
 * their own.
 */
List *
mls_asked_fields(const MlsTable *table)
{
	const MlsProtocol *protocol = table->source->protocol;
	const char *flag = table->source->platform.deletion_flag;
	static const char *const owners[] = {"ResourceName", "ResourceRecordKey"};
	List *selected = selection(table);
	List *fields = NIL;
	ListCell *lc;

	if (selected == NIL || mls_is_listed(selected, "*"))
		return NIL;
	fields = add_fields(fields, table->key);
	fields = add_field(fields, table->timestamp);
	fields = add_fields(fields, table->timestamps);
	if (flag != NULL && mls_table_column(table, flag) != NULL)
		fields = add_field(fields, flag);
	fields = add_field(fields, table->parent_key);
	for (int i = 0; i < lengthof(owners); i++)
		if (mls_table_column(table, owners[i]) != NULL)
			fields = add_field(fields, owners[i]);
	foreach (lc, protocol->expansions && table->expand ? protocol->expansions(table) : NIL)
		fields = add_field(fields, ((MlsExpansion *) lfirst(lc))->name);
	return add_fields(fields, selected);
}

/* mls.asked_fields(foreign_table): the same for SQL; null for all. */
Datum
mls_asked_fields_sql(PG_FUNCTION_ARGS)
{
	List *fields = mls_asked_fields(mls_table_get(PG_GETARG_OID(0), GetUserId(), false));
	Datum *names = palloc(Max(list_length(fields), 1) * sizeof(Datum));
	ListCell *lc;

	if (fields == NIL)
		PG_RETURN_NULL();
	foreach (lc, fields)
		names[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	PG_RETURN_ARRAYTYPE_P(construct_array_builtin(names, list_length(fields), TEXTOID));
}

/* ---- The fingerprint ---- */

/* Fingerprint of what a foreign table asks for: when it changes, everything is read again. */
char *
mls_subscription_scope(const MlsTable *table)
{
	const MlsProtocol *protocol = table->source->protocol;
	StringInfoData scope;
	ListCell *lc;

	initStringInfo(&scope);
	appendStringInfo(&scope, "%s\n%s\n%s", table->resource, table->filter ? table->filter : "",
					 table->expand ? table->expand : "");
	foreach (lc, table->timestamps)
		appendStringInfo(&scope, "\n%s", (char *) lfirst(lc));
	/* Fewer fields are a change like more: what was read before has them, what comes has not. */
	foreach (lc, mls_asked_fields(table))
		appendStringInfo(&scope, "%s%s", foreach_current_index(lc) == 0 ? "\nselect " : ",",
						 (char *) lfirst(lc));
	if (protocol->scope)
		appendStringInfo(&scope, "\n%s", protocol->scope(table));
	return psprintf("%016llx", (unsigned long long) hash_bytes_extended(
								   (unsigned char *) scope.data, scope.len, 0));
}
