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
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "protocol/condition.h"

MlsFit
mls_fit_tree(const MlsTable *table, const MlsCondition *condition, MlsLeafFit leaf_fit)
{
	MlsFit fit = MLS_FIT_EXACT;
	ListCell *lc;

	check_stack_depth();
	switch (condition->kind)
	{
		case MLS_AND:
			foreach (lc, condition->args)
				fit = Min(fit, Max(mls_fit_tree(table, lfirst(lc), leaf_fit), MLS_FIT_SUPERSET));
			return fit;
		case MLS_OR:
			if (!table->source->platform.or_allowed)
				return MLS_FIT_NO;
			foreach (lc, condition->args)
				fit = Min(fit, mls_fit_tree(table, lfirst(lc), leaf_fit));
			return fit;
		case MLS_NOT:
			if (!table->source->platform.negation)
				return MLS_FIT_NO;
			/* Negation is true where the inner comparison met nothing: more rows than SQL's. */
			return mls_fit_tree(table, linitial(condition->args), leaf_fit) == MLS_FIT_EXACT
					   ? MLS_FIT_SUPERSET
					   : MLS_FIT_NO;
		default:
			return leaf_fit(table, condition);
	}
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
