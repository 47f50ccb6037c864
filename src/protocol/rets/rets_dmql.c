/*
 * rets_dmql.c
 *		Conditions as DMQL2, and how faithfully.
 *
 * What is assumed of every source: numbers and dates compare as in SQL, ranges
 * include their ends, a text finds at least the records that have it (a source
 * may ignore case), a lookup's code finds those that hold it, and a condition on
 * an empty field is not true.  Not assumed, unless an option says so: .EMPTY. and
 * negation.
 *
 * There is no "less than": what lies at the end of a range is asked for and
 * rechecked by the caller.  Texts beyond letters and digits go as literals; a
 * pattern, which cannot hold literals, has the letters and digits before the first
 * of other characters, or the longest run of them.  Instants go in whole seconds.
 *
 * DMQL2 has more forms than sources understand.  Those used here are what all of them
 * take by their documents: several values are equalities joined by OR, and not a list,
 * unless an option says so.  What a source refuses all the same is learned (rets_dialect.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "protocol/condition.h"
#include "protocol/rets/rets_dmql.h"

/* ---- values ---- */

/* A declared type that does not follow from the column's says what the source compares. */
static bool
agrees(const MlsColumn *column, DmqlType type)
{
	static const char *const numbers[] = {"Tiny", "Small", "Int", "Long", "Decimal", "Number"};

	if (column->remote_type == NULL)
		return true;
	if (type == DMQL_INTEGER || type == DMQL_DECIMAL)
		for (int i = 0; i < lengthof(numbers); i++)
			if (pg_strcasecmp(column->remote_type, numbers[i]) == 0)
				return true;
	return type == DMQL_TEXT && pg_strcasecmp(column->remote_type, "Character") == 0;
}

DmqlType
mls_dmql_type(const MlsTable *table, const MlsColumn *column)
{
	bool coded = table->source->platform.format == MLS_FORMAT_COMPACT;
	DmqlType type = DMQL_OTHER;

	if (column->field == NULL || strcmp(column->field, "*") == 0 || strchr(column->field + 1, '@'))
		return DMQL_OTHER;
	switch (column->type)
	{
		case TEXTOID:
		case VARCHAROID:
			/* Where answers are decoded, a column does not hold what can be asked for. */
			if (column->is_enum)
				return coded ? DMQL_LOOKUP : DMQL_OTHER;
			type = DMQL_TEXT;
			break;
		case TEXTARRAYOID:
			return coded && column->is_flags ? DMQL_LOOKUPS : DMQL_OTHER;
		case BOOLOID:
			type = DMQL_BOOLEAN;
			break;
		case INT2OID:
		case INT4OID:
		case INT8OID:
			type = DMQL_INTEGER;
			break;
		case NUMERICOID:
			type = DMQL_DECIMAL;
			break;
		case DATEOID:
			type = DMQL_DATE;
			break;
		case TIMESTAMPTZOID:
			type = DMQL_TIMESTAMP;
			break;
		case TIMEOID:
			type = DMQL_TIME;
			break;
		default:
			break;
	}
	return agrees(column, type) ? type : DMQL_OTHER;
}

/* ---- words ---- */

static bool
is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Letters and digits only: needs no quotes anywhere. */
static bool
is_word(const char *text)
{
	const char *c = text;

	while (is_word_char(*c))
		c++;
	return c > text && *c == '\0';
}

/* A text as a word or a literal; false for what neither can hold. */
static bool
append_text(StringInfo buf, const char *text)
{
	if (*text == '\0')
		return false;
	if (is_word(text))
	{
		appendStringInfoString(buf, text);
		return true;
	}
	appendStringInfoChar(buf, '"');
	for (const char *c = text; *c; c++)
	{
		if ((unsigned char) *c < ' ')
			return false;
		if (*c == '"')
			appendStringInfoChar(buf, '"');
		appendStringInfoChar(buf, *c);
	}
	appendStringInfoChar(buf, '"');
	return true;
}

/*
 * The part of a text that a pattern can have, letters and digits: those it begins with, or
 * the longest ones in it.  False if there are none.
 */
static bool
append_pattern(StringInfo buf, const char *text, bool beginning)
{
	const char *best = text;
	int length = 0;

	for (const char *c = text; *c;)
	{
		int run = 0;

		while (is_word_char(c[run]))
			run++;
		if (run > length)
		{
			best = c;
			length = run;
		}
		if (beginning)
			break;
		c += run > 0 ? run : pg_mblen(c);
	}
	appendBinaryStringInfo(buf, best, length);
	return length > 0;
}

/* May a form be used?  Then it is noted. */
static bool
use(Dmql *dmql, uint32 form)
{
	dmql->used |= form;
	return (dmql->avoid & form) == 0;
}

/* The codes of a value of a lookup, or the value where that is what the column holds. */
static bool
append_codes(StringInfo buf, Dmql *dmql, const MlsColumn *column, const MlsValue *value)
{
	const char *text = mls_value_text(value);
	List *codes = list_make1(unconstify(char *, text));
	ListCell *lc;

	if (!use(dmql, RETS_FORM_LOOKUP))
		return false;
	if (mls_rets_decodes(dmql->table, column))
		codes = mls_rets_codes(dmql->table, column, text);
	foreach (lc, codes)
	{
		if (foreach_current_index(lc) > 0)
			appendStringInfoChar(buf, ',');
		if (!append_text(buf, lfirst(lc)))
			return false;
	}
	return true;
}

/* ---- ranges ---- */

static bool
append_day(StringInfo buf, const MlsValue *value)
{
	if (!OidIsValid(value->type))
	{
		appendStringInfoString(buf, value->text);
		return true;
	}
	return value->type == DATEOID && mls_append_date(buf, DatumGetDateADT(value->datum));
}

/* An instant in whole seconds, up or down: not every source reads fractions. */
static bool
append_second(StringInfo buf, Oid type, int64 us, bool up)
{
	return mls_append_instant(buf, type,
							  mls_instant_floor(up ? us + USECS_PER_SEC - 1 : us, USECS_PER_SEC));
}

/* An instant in the source's spelling; digits that a timestamp cannot hold are not rounded away. */
static bool
read_instant(const MlsTable *table, const char *text, MlsOperator op, int64 *us)
{
	const char *dot = strchr(text, '.');

	if (!mls_parse_timestamptz(text, strlen(text), table->source->timezone, us))
		return false;
	if (dot && strspn(dot + 1, "0123456789") > 6)
		*us += op == MLS_LE || op == MLS_LT ? 1 : -1;
	return true;
}

/*
 * Sources show less than they store, cut off: what is shown as T lies in
 * [T, T + unit), so a range ends one unit later.
 */
static bool
append_instants(StringInfo buf, const MlsTable *table, const MlsValue *value, MlsOperator op)
{
	int64 unit = mls_instant_unit(table);
	int64 us;
	int64 low;

	if (!OidIsValid(value->type))
	{
		if (!read_instant(table, value->text, op, &us))
			return false;
	}
	else if (value->type == TIMESTAMPTZOID || value->type == TIMEOID)
		us = DatumGetInt64(value->datum);
	else
		return false;
	if (value->type != TIMEOID && TIMESTAMP_NOT_FINITE(us))
		return false;
	low = mls_instant_floor(us, unit);
	if (op == MLS_GE || op == MLS_GT || op == MLS_EQ)
	{
		if (!append_second(buf, value->type, low, false))
			return false;
		if (op != MLS_EQ)
			appendStringInfoString(buf, table->source->platform.timestamp_alone ? "" : "+");
		else
			appendStringInfoChar(buf, '-');
	}
	if (op == MLS_LE || op == MLS_LT || op == MLS_EQ)
	{
		if (!append_second(buf, value->type, op == MLS_LT && low == us ? low : low + unit, true))
			return false;
		if (op != MLS_EQ)
			appendStringInfoChar(buf, '-');
	}
	return true;
}

static bool
append_number(StringInfo buf, Dmql *dmql, const MlsValue *value)
{
	int from = buf->len;

	return mls_append_number(buf, value) &&
		   (buf->data[from] != '-' || use(dmql, RETS_FORM_NEGATIVE));
}

/* What a column holds but instants; false if it cannot be written. */
static bool
append_value(StringInfo buf, Dmql *dmql, const MlsColumn *column, const MlsValue *value)
{
	char *text;

	switch (mls_dmql_type(dmql->table, column))
	{
		case DMQL_TEXT:
			text = mls_value_text(value);
			return (is_word(text) || use(dmql, RETS_FORM_QUOTED)) && append_text(buf, text);
		case DMQL_LOOKUP:
		case DMQL_LOOKUPS:
			return append_codes(buf, dmql, column, value);
		case DMQL_BOOLEAN:
			if (!OidIsValid(value->type))
				return false;
			appendStringInfoChar(buf, DatumGetBool(value->datum) ? '1' : '0');
			return true;
		case DMQL_INTEGER:
		case DMQL_DECIMAL:
			return append_number(buf, dmql, value);
		case DMQL_DATE:
			return append_day(buf, value);
		default:
			return false;
	}
}

/* An attribute of a nested record ("@ID") is asked for by its bare name. */
static const char *
query_name(const char *field)
{
	return *field == '@' ? field + 1 : field;
}

/* ---- how well a comparison stands for SQL's ---- */

static bool
is_instant(DmqlType type)
{
	return type == DMQL_TIMESTAMP || type == DMQL_TIME;
}

static MlsFit
compare_fit(const MlsTable *table, const MlsCondition *condition)
{
	const MlsPlatform *platform = &table->source->platform;
	DmqlType type = mls_dmql_type(table, condition->column);
	MlsOperator op = condition->op;

	if (op == MLS_NE)
		return MLS_FIT_NO;
	if (platform->timestamp_alone && is_instant(type) && op != MLS_GE && op != MLS_GT)
		return MLS_FIT_NO;
	switch (type)
	{
		case DMQL_TEXT:
		case DMQL_LOOKUP:
			if (op != MLS_EQ)
				return MLS_FIT_NO;
			/* Which codes are meant is known when the query runs. */
			if (mls_rets_decodes(table, condition->column))
				return MLS_FIT_SUPERSET;
			return platform->text_exact ? MLS_FIT_EXACT : MLS_FIT_SUPERSET;
		case DMQL_BOOLEAN:
			return op == MLS_EQ ? MLS_FIT_EXACT : MLS_FIT_NO;
		case DMQL_INTEGER:
		case DMQL_DECIMAL:
		case DMQL_DATE:
			/* The ends of a range belong to it. */
			return op == MLS_LT || op == MLS_GT ? MLS_FIT_SUPERSET : MLS_FIT_EXACT;
		case DMQL_TIMESTAMP:
		case DMQL_TIME:
			return MLS_FIT_SUPERSET;
		default:
			return MLS_FIT_NO;
	}
}

/* CREA's three queries: everything else is a syntax error there. */
static bool
is_searchable(const MlsTable *table, const MlsColumn *column)
{
	if (!table->source->platform.timestamp_alone)
		return true;
	return (table->key && strcmp(column->field, linitial(table->key)) == 0) ||
		   (table->timestamp && strcmp(column->field, table->timestamp) == 0);
}

/* ---- single conditions ---- */

static bool
write_compare(StringInfo buf, Dmql *dmql, const MlsCondition *condition)
{
	const MlsTable *table = dmql->table;
	const MlsColumn *column = condition->column;
	const MlsValue *value = linitial(condition->values);
	DmqlType type = mls_dmql_type(table, column);
	const char *range = condition->op == MLS_GE || condition->op == MLS_GT   ? "+"
						: condition->op == MLS_LE || condition->op == MLS_LT ? "-"
																			 : "";

	if (value->isnull || condition->op == MLS_NE)
		return false;
	if (is_instant(type) && table->source->platform.timestamp_alone)
		range = "";
	appendStringInfo(buf, "(%s=%s", query_name(column->field), type == DMQL_LOOKUP ? "|" : "");
	if (mls_append_param(buf, value))
		appendStringInfoString(buf, range);
	else if (is_instant(type))
	{
		if (!append_instants(buf, table, value, condition->op))
			return false;
	}
	else
	{
		if (!append_value(buf, dmql, column, value))
			return false;
		appendStringInfoString(buf, range);
	}
	appendStringInfoChar(buf, ')');
	return true;
}

/* ---- several values ---- */

/* How one of several values is asked for. */
typedef enum ListForm
{
	LIST_COMMAS,
	LIST_OR,
	LIST_NONE /* one value in a query */
} ListForm;

static ListForm
list_form(Dmql *dmql, uint32 kinds)
{
	const MlsPlatform *platform = &dmql->table->source->platform;
	uint32 commas = RETS_FORM_LIST | kinds;
	/* Where OR was refused, and not excluded, lists are worth a try. */
	bool tried = platform->or_allowed && (dmql->avoid & RETS_FORM_OR) != 0;

	if ((platform->in_allowed || tried) && use(dmql, commas))
		return LIST_COMMAS;
	return platform->or_allowed && use(dmql, RETS_FORM_OR) ? LIST_OR : LIST_NONE;
}

/* What a list with a value is, apart from being one. */
static uint32
list_kind(const Dmql *dmql, const MlsColumn *column, const MlsValue *value)
{
	switch (mls_dmql_type(dmql->table, column))
	{
		case DMQL_TEXT:
			if (value->isnull || value->param >= 0 || is_word(mls_value_text(value)))
				return 0;
			return RETS_FORM_QUOTED_LIST;
		case DMQL_INTEGER:
		case DMQL_DECIMAL:
		case DMQL_DATE:
			return RETS_FORM_NUMBER_LIST;
		default:
			return 0;
	}
}

static ListForm
form_of(Dmql *dmql, const MlsCondition *list)
{
	uint32 kinds = 0;
	ListCell *lc;

	foreach (lc, list->values)
		kinds |= list_kind(dmql, list->column, lfirst(lc));
	return list_form(dmql, kinds);
}

static bool
is_lookup(const MlsTable *table, const MlsColumn *column)
{
	DmqlType type = mls_dmql_type(table, column);

	return type == DMQL_LOOKUP || type == DMQL_LOOKUPS;
}

bool
mls_rets_value_lists(const Dmql *dmql, const MlsCondition *list)
{
	Dmql scratch = *dmql;

	return is_lookup(dmql->table, list->column) || list_length(list->values) < 2 ||
		   form_of(&scratch, list) != LIST_NONE;
}

static bool
append_one(StringInfo buf, Dmql *dmql, const MlsColumn *column, const MlsValue *value)
{
	if (mls_append_param(buf, value))
		return true;
	return is_instant(mls_dmql_type(dmql->table, column))
			   ? append_instants(buf, dmql->table, value, MLS_EQ)
			   : append_value(buf, dmql, column, value);
}

/* One of a list of values, or all of them. */
static bool
write_values(StringInfo buf, Dmql *dmql, const MlsCondition *condition)
{
	const char *name = query_name(condition->column->field);
	bool lookup = is_lookup(dmql->table, condition->column);
	ListForm form = LIST_COMMAS;
	List *values = NIL;
	ListCell *lc;

	foreach (lc, condition->values)
		if (!((MlsValue *) lfirst(lc))->isnull)
			values = lappend(values, lfirst(lc));
	if (!lookup && list_length(values) > 1)
		form = form_of(dmql, condition);
	if (values == NIL || form == LIST_NONE)
		return false;
	appendStringInfo(buf, form == LIST_OR ? "((%s=" : "(%s=", name);
	if (lookup)
		appendStringInfoChar(buf, condition->kind == MLS_ALL_OF ? '+' : '|');
	foreach (lc, values)
	{
		if (foreach_current_index(lc) > 0 && form == LIST_OR)
			appendStringInfo(buf, ")|(%s=", name);
		else if (foreach_current_index(lc) > 0)
			appendStringInfoChar(buf, ',');
		if (!append_one(buf, dmql, condition->column, lfirst(lc)))
			return false;
	}
	appendStringInfoString(buf, form == LIST_OR ? "))" : ")");
	return true;
}

static bool
write_match(StringInfo buf, Dmql *dmql, const MlsCondition *condition)
{
	const MlsValue *value = linitial(condition->values);
	bool starts = condition->kind == MLS_STARTS;

	if (value->isnull || !use(dmql, RETS_FORM_MATCH))
		return false;
	/* There is no form for "ends with"; what contains the text is more. */
	appendStringInfo(buf, "(%s=%s", query_name(condition->column->field), starts ? "" : "*");
	if (!mls_append_param(buf, value) && !append_pattern(buf, mls_value_text(value), starts))
		return false;
	appendStringInfoString(buf, "*)");
	return true;
}

/* A list of values can be sent as several queries, if it is not a part of something else. */
static MlsFit
write_first(StringInfo buf, Dmql *dmql, const MlsCondition *list)
{
	MlsCondition one = *list;

	one.kind = MLS_COMPARE;
	one.values = list_make1(linitial(list->values));
	return write_compare(buf, dmql, &one) ? compare_fit(dmql->table, &one) : MLS_FIT_NO;
}

static MlsFit
write_leaf(MlsConditionWriter *writer, StringInfo buf, const MlsCondition *leaf)
{
	Dmql *dmql = writer->arg;
	const MlsTable *table = writer->table;
	const MlsPlatform *platform = &table->source->platform;
	DmqlType type = leaf->column ? mls_dmql_type(table, leaf->column) : DMQL_OTHER;
	bool supported = false;
	bool written = true;
	MlsFit fit = MLS_FIT_NO;

	if (!writer->demanded && leaf->column && !is_searchable(table, leaf->column))
		return MLS_FIT_NO;
	switch (leaf->kind)
	{
		case MLS_COMPARE:
			written = write_compare(buf, dmql, leaf);
			fit = compare_fit(table, leaf);
			break;
		case MLS_IN:
			if (writer->alone && !mls_rets_value_lists(dmql, leaf))
				return write_first(buf, dmql, leaf);
			written = write_values(buf, dmql, leaf);
			fit = compare_fit(table, leaf);
			break;
		case MLS_IS_NULL:
		case MLS_IS_NOT_NULL:
			appendStringInfo(buf, "%s(%s=.EMPTY.)", leaf->kind == MLS_IS_NULL ? "" : "~",
							 query_name(leaf->column->field));
			if (platform->null_tests && type != DMQL_OTHER)
				fit = MLS_FIT_EXACT;
			break;
		case MLS_STARTS:
		case MLS_ENDS:
		case MLS_CONTAINS:
			written = write_match(buf, dmql, leaf);
			supported = platform->text_match && type == DMQL_TEXT;
			break;
		case MLS_ANY_OF:
		case MLS_ALL_OF:
			written = write_values(buf, dmql, leaf);
			supported = platform->any_allowed && type == DMQL_LOOKUPS;
			/* Of several codes with one meaning not all are asked for. */
			if (leaf->kind == MLS_ALL_OF && mls_rets_decodes(table, leaf->column))
				supported = false;
			break;
		default:
			return MLS_FIT_NO;
	}
	if (!written)
		return MLS_FIT_NO;
	return supported || writer->demanded ? Max(fit, MLS_FIT_SUPERSET) : fit;
}

/* OR is a form that a source may have refused. */
static bool
is_refused(MlsConditionWriter *writer, const MlsCondition *condition)
{
	return condition->kind == MLS_OR && list_length(condition->args) > 1 &&
		   !use(writer->arg, RETS_FORM_OR);
}

static MlsConditionWriter
make_writer(const MlsTable *table, Dmql *dmql)
{
	const MlsPlatform *platform = &table->source->platform;
	MlsConditionWriter writer = {.table = table,
								 .conjunction = {"(", ",", ")"},
								 .leaf = write_leaf,
								 .refuses = is_refused,
								 .arg = dmql};

	dmql->table = table;
	dmql->avoid |= mls_rets_refused(table->source);
	if (platform->or_allowed)
		writer.disjunction = (MlsWord){"(", "|", ")"};
	if (platform->negation)
		writer.negation = (MlsWord){.open = "~", .close = ""};
	return writer;
}

MlsConditionWriter
mls_rets_writer(const MlsTable *table)
{
	return make_writer(table, palloc0(sizeof(Dmql)));
}

/* ---- queries ---- */

/* Is a field's column a number?  Then a value with a sign is none of the texts to be quoted. */
static bool
is_number(const MlsTable *table, const char *field)
{
	for (int i = 0; i < table->ncolumns; i++)
		if (table->columns[i].field && strcmp(table->columns[i].field, field) == 0)
		{
			DmqlType type = mls_dmql_type(table, &table->columns[i]);

			return type == DMQL_INTEGER || type == DMQL_DECIMAL;
		}
	return false;
}

/* Needs a key no quotes? */
static bool
is_bare_key(const Dmql *dmql, const char *key)
{
	if (is_word(key))
		return true;
	return is_number(dmql->table, linitial(dmql->table->key)) && *key &&
		   strspn(key, "-0123456789.") == strlen(key);
}

static uint32
key_list_kind(const Dmql *dmql, const char *key)
{
	if (!is_bare_key(dmql, key))
		return RETS_FORM_QUOTED_LIST;
	return is_number(dmql->table, linitial(dmql->table->key)) ? RETS_FORM_NUMBER_LIST : 0;
}

bool
mls_rets_key_lists(const Dmql *dmql, const char *key)
{
	Dmql scratch = *dmql;

	return list_form(&scratch, key_list_kind(dmql, key)) != LIST_NONE;
}

void
mls_rets_key_list(StringInfo buf, Dmql *dmql, List *keys)
{
	const MlsTable *table = dmql->table;
	const char *name = query_name(linitial(table->key));
	uint32 kinds = 0;
	bool by_or;
	ListCell *lc;

	foreach (lc, keys)
		kinds |= key_list_kind(dmql, lfirst(lc));
	by_or = list_length(keys) > 1 && list_form(dmql, kinds) == LIST_OR;
	appendStringInfo(buf, by_or ? "((%s=" : "(%s=", name);
	foreach (lc, keys)
	{
		const char *key = lfirst(lc);

		if (foreach_current_index(lc) > 0 && by_or)
			appendStringInfo(buf, ")|(%s=", name);
		else if (foreach_current_index(lc) > 0)
			appendStringInfoChar(buf, ',');
		if (is_bare_key(dmql, key))
			appendStringInfoString(buf, key);
		else if (!append_text(buf, key))
			ereport(ERROR, (errcode(ERRCODE_FDW_ERROR),
							errmsg("a key of resource \"%s\" cannot be asked for", table->resource),
							errdetail("It is empty or holds a control character.")));
	}
	appendStringInfoString(buf, by_or ? "))" : ")");
}

/*
 * A condition that all records meet, unless the source has one of its own.  A range of
 * keys alone would lose those that begin with something odd, without a trace: counts
 * are made by the same condition.  What either range finds is asked for.
 */
static const char *
all_query(Dmql *dmql)
{
	const MlsTable *table = dmql->table;
	const MlsPlatform *platform = &table->source->platform;

	if (platform->all_query)
		return platform->all_query;
	if (table->timestamp == NULL)
		return "({key}=0+)";
	if (table->key == NIL)
		return "({timestamp}=1900-01-01T00:00:00+)";
	return platform->or_allowed && use(dmql, RETS_FORM_OR)
			   ? "(({timestamp}=1900-01-01T00:00:00+)|({key}=0+))"
			   : "({key}=0+)";
}

/* Sources refuse a query without any condition. */
static void
append_all(StringInfo buf, Dmql *dmql)
{
	const MlsTable *table = dmql->table;
	const char *at = all_query(dmql);

	while (*at)
	{
		bool is_key = strncmp(at, "{key}", 5) == 0;
		bool is_timestamp = strncmp(at, "{timestamp}", 11) == 0;
		const char *field = is_key && table->key ? linitial(table->key)
							: is_timestamp       ? table->timestamp
												 : NULL;

		if (!is_key && !is_timestamp)
		{
			appendStringInfoChar(buf, *at++);
			continue;
		}
		if (field == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
					 errmsg("all records of resource \"%s\" cannot be asked for", table->resource),
					 errdetail("The foreign table names no %s.", is_key ? "key" : "timestamp"),
					 errhint("Set its option, or the option all_query of the server.")));
		appendStringInfoString(buf, query_name(field));
		at += is_key ? 5 : 11;
	}
}

char *
mls_rets_query(const MlsQuery *query, Dmql *dmql)
{
	MlsConditionWriter writer = make_writer(query->table, dmql);
	List *texts;
	StringInfoData buf;
	ListCell *lc;

	writer.demanded = !query->rechecked;
	texts = dmql->bare ? NIL : mls_conditions_write(&writer, query->conditions);
	dmql->inexact |= dmql->bare || writer.left_out;
	initStringInfo(&buf);
	if (query->table->filter)
		appendStringInfo(&buf, query->conditions ? "(%s)" : "%s", query->table->filter);
	foreach (lc, texts)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? "," : "", (char *) lfirst(lc));
	if (buf.len == 0)
		append_all(&buf, dmql);
	return buf.data;
}
