/*
 * condition.c
 *		Trees of conditions, and values that are spelled alike everywhere.
 *
 * What a single comparison means to a source stands in its protocol's folder.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "protocol/condition.h"

/* ---- trees ---- */

static MlsFit write_condition(MlsConditionWriter *writer, StringInfo buf, MlsCondition *condition);

static MlsFit
write_arms(MlsConditionWriter *writer, StringInfo buf, const MlsCondition *condition)
{
	bool is_or = condition->kind == MLS_OR;
	const MlsWord *word = is_or ? &writer->disjunction : &writer->conjunction;
	const char *between = word->open ? word->between : "";
	MlsFit fit = MLS_FIT_EXACT;
	int written = 0;
	StringInfoData text;
	ListCell *lc;

	initStringInfo(&text);
	foreach (lc, condition->args)
	{
		StringInfoData one;
		MlsFit arm;

		initStringInfo(&one);
		arm = write_condition(writer, &one, lfirst(lc));
		fit = Min(fit, Max(arm, MLS_FIT_SUPERSET));
		if (arm != MLS_FIT_NO)
			appendStringInfo(&text, "%s%s", written++ == 0 ? "" : between, one.data);
		else if (is_or)
			return MLS_FIT_NO;
		else
			writer->left_out = true;
	}
	if (written == 0 || word->open == NULL)
		return MLS_FIT_NO;
	appendStringInfo(buf, "%s%s%s", written > 1 ? word->open : "", text.data,
					 written > 1 ? word->close : "");
	return fit;
}

/* A negation is true where the inner comparison met nothing: more records than SQL's. */
static MlsFit
write_not(MlsConditionWriter *writer, StringInfo buf, MlsCondition *inner)
{
	StringInfoData text;

	initStringInfo(&text);
	if (write_condition(writer, &text, inner) != MLS_FIT_EXACT || writer->negation.open == NULL)
		return MLS_FIT_NO;
	appendStringInfo(buf, "%s%s%s", writer->negation.open, text.data, writer->negation.close);
	return MLS_FIT_SUPERSET;
}

/*
 * Appends a condition.  Arms of a conjunction may be left out, which lets more
 * records through; a disjunction needs every arm; only what is exact may stand
 * under NOT, where more would become less.  MLS_FIT_NO (and rubbish in buf): it
 * cannot be sent.
 */
static MlsFit
write_condition(MlsConditionWriter *writer, StringInfo buf, MlsCondition *condition)
{
	MlsFit fit;

	check_stack_depth();
	switch (condition->kind)
	{
		case MLS_AND:
		case MLS_OR:
			fit = write_arms(writer, buf, condition);
			break;
		case MLS_NOT:
			fit = write_not(writer, buf, linitial(condition->args));
			break;
		default:
			fit = writer->leaf(writer, buf, condition);
	}
	if (fit != MLS_FIT_NO && writer->refuses && writer->refuses(writer, condition))
		fit = MLS_FIT_NO;
	condition->fit = condition->widened ? Min(fit, MLS_FIT_SUPERSET) : fit;
	return condition->fit;
}

List *
mls_conditions_write(MlsConditionWriter *writer, List *conditions)
{
	List *texts = NIL;
	ListCell *lc;

	foreach (lc, conditions)
	{
		StringInfoData one;

		initStringInfo(&one);
		if (write_condition(writer, &one, lfirst(lc)) == MLS_FIT_NO)
			writer->left_out = true;
		else
			texts = lappend(texts, one.data);
	}
	return texts;
}

MlsFit
mls_condition_fit(const MlsTable *table, MlsCondition *condition)
{
	MlsConditionWriter writer = table->source->protocol->writer(table);
	StringInfoData text;

	writer.alone = condition->args == NIL;
	initStringInfo(&text);
	return write_condition(&writer, &text, condition);
}

/* ---- values ---- */

bool
mls_append_param(StringInfo buf, const MlsValue *value)
{
	if (value->param < 0)
		return false;
	appendStringInfo(buf, "$%d", value->param + 1);
	return true;
}

char *
mls_value_text(const MlsValue *value)
{
	Oid output;
	bool is_varlena;

	if (!OidIsValid(value->type))
		return pstrdup(value->text);
	getTypeOutputInfo(value->type, &output, &is_varlena);
	return OidOutputFunctionCall(output, value->datum);
}

bool
mls_append_number(StringInfo buf, const MlsValue *value)
{
	char *text = mls_value_text(value);

	if (*text == '\0' || strspn(text, "-0123456789.") != strlen(text))
		return false;
	appendStringInfoString(buf, text);
	return true;
}

bool
mls_append_date(StringInfo buf, DateADT date)
{
	int year;
	int month;
	int day;

	if (DATE_NOT_FINITE(date))
		return false;
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	if (year < 1 || year > 9999)
		return false;
	appendStringInfo(buf, "%04d-%02d-%02d", year, month, day);
	return true;
}

/* The fraction of a second, without zeros at its end. */
static void
append_fraction(StringInfo buf, fsec_t fsec)
{
	if (fsec == 0)
		return;
	appendStringInfo(buf, ".%06d", (int) fsec);
	while (buf->data[buf->len - 1] == '0')
		buf->data[--buf->len] = '\0';
}

bool
mls_append_instant(StringInfo buf, Oid type, int64 us)
{
	struct pg_tm tm;
	fsec_t fsec;

	if (type == TIMEOID)
	{
		if (us >= USECS_PER_DAY)
			return false;
		time2tm(us, &tm, &fsec);
		appendStringInfo(buf, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
		append_fraction(buf, fsec);
		return true;
	}
	if (TIMESTAMP_NOT_FINITE(us) || timestamp2tm(us, NULL, &tm, &fsec, NULL, NULL) != 0 ||
		tm.tm_year < 1 || tm.tm_year > 9999)
		return false;
	appendStringInfo(buf, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year, tm.tm_mon, tm.tm_mday,
					 tm.tm_hour, tm.tm_min, tm.tm_sec);
	append_fraction(buf, fsec);
	appendStringInfoChar(buf, 'Z');
	return true;
}

int64
mls_instant_unit(const MlsTable *table)
{
	int64 unit = 1;

	for (int digits = table->source->platform.timestamp_digits; digits < 6; digits++)
		unit *= 10;
	return unit;
}

int64
mls_instant_floor(int64 us, int64 unit)
{
	int64 rest = us % unit;

	return us - (rest < 0 ? rest + unit : rest);
}
