/*
 * split.c
 *		Queries whose address is longer than the source takes.
 *
 * A key list is cut into parts, one request each.  No record may come in two of
 * them: values that are equal here stay together; and since a source may find
 * more for a string than we do (another case, blanks, accents), a record is
 * taken from the one part only that has its very value.
 *
 * What is too long for another reason loses conditions, the longest first.  That
 * lets more records through, which the caller rechecks, so a limit stays here.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "protocol/condition.h"
#include "protocol/page_chain.h"

/* A value of a list, and what it becomes in an address. */
typedef struct ListValue
{
	char *text;
	MlsValue *value;
} ListValue;

/* A list being cut. */
typedef struct Cutting
{
	const MlsQuery *query;
	MlsAddress address;
	const MlsCondition *list;
	ListValue *values;
	List *parts;
	List *rest; /* of char *: values that are too long to be asked for */
} Cutting;

/* ---- lengths ---- */

static int
address_length(const MlsQuery *query, MlsAddress address)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw address", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int length = strlen(address(query));

	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return length;
}

static bool
is_instant(const MlsCondition *condition)
{
	return condition->column->type == TIMESTAMPTZOID || condition->column->type == TIMEOID;
}

static bool
is_string(const MlsCondition *condition)
{
	return condition->column->type == TEXTOID || condition->column->type == VARCHAROID;
}

/* Has a list more alternatives than the source takes? */
static bool
is_too_wide(const MlsQuery *query, const MlsCondition *list)
{
	const MlsPlatform *platform = &query->table->source->platform;

	return list && (!platform->in_allowed || is_instant(list)) && platform->max_or > 0 &&
		   list_length(list->values) > platform->max_or;
}

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

/* ---- leaving out ---- */

static MlsQuery *
copy_query(const MlsQuery *query)
{
	MlsQuery *copy = palloc(sizeof(MlsQuery));

	*copy = *query;
	copy->conditions = list_copy(query->conditions);
	return copy;
}

static int
length_without(const MlsQuery *query, MlsCondition *condition, MlsAddress address)
{
	MlsQuery *copy = copy_query(query);

	copy->conditions = list_delete_ptr(copy->conditions, condition);
	return address_length(copy, address);
}

/* The condition that takes most of the address, except for one; NULL if there is none. */
static MlsCondition *
longest_condition(const MlsQuery *query, const MlsCondition *kept, MlsAddress address)
{
	MlsCondition *longest = NULL;
	int shortest_rest = PG_INT32_MAX;
	ListCell *lc;

	foreach (lc, query->conditions)
	{
		MlsCondition *condition = lfirst(lc);
		int rest;

		/* The cursor is never rechecked. */
		if (condition == kept || condition->kind == MLS_AFTER)
			continue;
		rest = length_without(query, condition, address);
		if (rest >= shortest_rest)
			continue;
		shortest_rest = rest;
		longest = condition;
	}
	return longest;
}

/* The query without what makes it longer than allowed; `kept` is not looked at. */
static MlsQuery *
shorten(const MlsQuery *query, MlsCondition *kept, int allowed, MlsAddress address)
{
	MlsQuery *copy = copy_query(query);
	MlsQuery *bare = copy_query(query);

	/* A long list of fields helps less than the conditions do. */
	bare->conditions = NIL;
	if (address_length(bare, address) > allowed)
	{
		copy->fields = NIL;
		copy->keys_only = false;
	}
	while (length_without(copy, kept, address) > allowed)
	{
		MlsCondition *longest = longest_condition(copy, kept, address);

		if (longest == NULL)
			break;
		copy->conditions = list_delete_ptr(copy->conditions, longest);
		copy->verify_count |= copy->limit >= 0;
		copy->limit = -1;
	}
	return copy;
}

/* ---- cutting ---- */

/* The first list with more than one value, or NULL. */
static MlsCondition *
find_list(const MlsQuery *query)
{
	ListCell *lc;

	foreach (lc, query->conditions)
	{
		MlsCondition *condition = lfirst(lc);

		if (condition->kind == MLS_IN && list_length(condition->values) > 1)
			return condition;
	}
	return NULL;
}

/* Can a value be asked for alone? */
static bool
can_be_asked(const MlsQuery *query, const MlsCondition *list, MlsValue *value)
{
	MlsCondition one = *list;

	one.values = list_make1(value);
	return mls_condition_fit(query->table, &one) != MLS_FIT_NO;
}

/* What a value is, the same for values that are equal here; NULL if it cannot be asked for. */
static char *
value_text(const MlsQuery *query, const MlsCondition *list, MlsValue *value)
{
	char *text;
	int length;

	if (value->param >= 0 || !can_be_asked(query, list, value))
		return NULL;
	text = mls_value_text(value);
	if (list->column->type == NUMERICOID && strchr(text, '.'))
	{
		length = strlen(text);
		while (text[length - 1] == '0')
			text[--length] = '\0';
		if (text[length - 1] == '.')
			text[--length] = '\0';
	}
	return text;
}

static int
compare_values(const void *a, const void *b)
{
	return strcmp(((const ListValue *) a)->text, ((const ListValue *) b)->text);
}

/* The different values of a list, sorted; NULL if one has no remote form. */
static ListValue *
sort_values(const MlsQuery *query, const MlsCondition *list, int *count)
{
	ListValue *values = palloc(sizeof(ListValue) * list_length(list->values));
	int different = 0;
	ListCell *lc;

	*count = 0;
	foreach (lc, list->values)
	{
		MlsValue *value = lfirst(lc);

		if (value->isnull)
			continue;
		values[*count].value = value;
		values[*count].text = value_text(query, list, value);
		if (values[(*count)++].text == NULL)
			return NULL;
	}
	qsort(values, *count, sizeof(ListValue), compare_values);
	for (int i = 0; i < *count; i++)
		if (i == 0 || strcmp(values[different - 1].text, values[i].text) != 0)
			values[different++] = values[i];
	*count = different;
	return values;
}

static MlsPart *
make_part(const MlsQuery *query)
{
	MlsPart *part = palloc0(sizeof(MlsPart));

	part->query = query;
	return part;
}

/* The query with some of the values. */
static MlsQuery *
cut_query(const Cutting *work, const MlsCondition *list)
{
	MlsQuery *query = copy_query(work->query);
	ListCell *lc;

	foreach (lc, query->conditions)
		if (lfirst(lc) == work->list)
			lfirst(lc) = unconstify(MlsCondition *, list);
	return query;
}

/* Adds parts for some of the values, halving them until their addresses fit. */
static void
cut(Cutting *work, int first, int count)
{
	int allowed = work->query->table->source->platform.url_length;
	MlsCondition *list = palloc(sizeof(MlsCondition));
	const MlsQuery *query;
	bool fits;
	MlsPart *part;

	CHECK_FOR_INTERRUPTS();
	*list = *work->list;
	list->values = NIL;
	for (int i = first; i < first + count; i++)
		list->values = lappend(list->values, work->values[i].value);
	query = cut_query(work, list);
	fits = address_length(query, work->address) <= allowed && !is_too_wide(query, list);
	if (!fits && count > 1)
	{
		cut(work, first, count / 2);
		cut(work, first + count / 2, count - count / 2);
		return;
	}
	if (!fits)
	{
		work->rest = lappend(work->rest, work->values[first].text);
		return;
	}
	part = make_part(query);
	part->field = list->column->field;
	if (is_string(list))
		for (int i = first; i < first + count; i++)
			part->own = lappend(part->own, work->values[i].text);
	work->parts = lappend(work->parts, part);
}

/*
 * All values that are too long to be asked for share one part without the list.  Where
 * its records cannot be told from those of the others, it is the only part.
 */
static void
add_rest(Cutting *work, const MlsQuery *query)
{
	MlsPart *part;

	if (work->rest == NIL)
		return;
	part =
		make_part(shorten(query, NULL, query->table->source->platform.url_length, work->address));
	if (is_string(work->list))
	{
		part->field = work->list->column->field;
		part->own = work->rest;
	}
	else
		work->parts = NIL;
	work->parts = lappend(work->parts, part);
}

/* An order holds for one chain of pages only, so that a query with one is not cut. */
List *
mls_split_query(const MlsQuery *query, MlsAddress address)
{
	int allowed = query->table->source->platform.url_length;
	MlsCondition *list = query->order == NIL ? find_list(query) : NULL;
	Cutting work = {.list = list, .address = address};
	int count = 0;

	if (query->resume_link ||
		(address_length(query, address) <= allowed && !is_too_wide(query, list)))
		return list_make1(make_part(query));
	work.values = list ? sort_values(query, list, &count) : NULL;
	if (count == 0 || work.values == NULL)
		return list_make1(make_part(shorten(query, NULL, allowed, address)));
	/* Half of the address for the list: else it would be cut into very many parts. */
	work.query = shorten(query, list, allowed / 2, address);
	cut(&work, 0, count);
	add_rest(&work, query);
	return work.parts;
}

/* ---- what belongs to a part ---- */

static bool
is_own(const MlsPart *part, const MlsRecord *record)
{
	const MlsSlice *slice = mls_record_field(record, part->field);
	char *text;
	ListCell *lc;

	if (slice == NULL || slice->kind == MLS_NULL)
		return false;
	text = mls_slice_text(slice);
	foreach (lc, part->own)
		if (strcmp(text, lfirst(lc)) == 0)
			return true;
	return false;
}

void
mls_part_keep_own(const MlsPart *part, MlsPage *page)
{
	int kept = 0;

	if (part->own == NIL)
		return;
	for (int i = 0; i < page->nrecords; i++)
		if (is_own(part, &page->records[i]))
			page->records[kept++] = page->records[i];
	page->nrecords = kept;
}
