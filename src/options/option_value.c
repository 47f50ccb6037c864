/*
 * option_value.c
 *		Option values: from text to what the readers use, with checks.
 *
 * The validator and the readers go through the same function, so a value that
 * was accepted by CREATE or ALTER can be read later.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "http/http.h"
#include "options/option_table.h"
#include "protocol/protocol.h"

/* May a message repeat the value?  Not secrets, nor addresses that may hold one. */
static bool
may_be_shown(const MlsOption *option, const char *value)
{
	if (option->kind == MLS_OPTION_SECRET || option->kind == MLS_OPTION_URL)
		return false;
	for (const char *c = value; *c; c++)
		if ((unsigned char) *c < ' ')
			return false;
	return true;
}

pg_noreturn static void
report_value(const MlsOption *option, const char *value, const char *detail, const char *hint);

static void
report_value(const MlsOption *option, const char *value, const char *detail, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					may_be_shown(option, value)
						? errmsg("invalid value for option \"%s\": \"%.200s\"", option->name, value)
						: errmsg("invalid value for option \"%s\"", option->name),
					detail ? errdetail("%s", detail) : 0, hint ? errhint("%s", hint) : 0));
}

static bool
is_whole_number(MlsOptionKind kind)
{
	return kind == MLS_OPTION_INT || kind == MLS_OPTION_MS || kind == MLS_OPTION_DURATION ||
		   kind == MLS_OPTION_BYTES;
}

static bool
is_number(MlsOptionKind kind)
{
	return is_whole_number(kind) || kind == MLS_OPTION_REAL;
}

char *
mls_option_range(const MlsOption *option)
{
	StringInfoData buf;

	if (is_number(option->kind))
		return psprintf("%.0f to %.0f", option->min, option->max);
	if (option->kind == MLS_OPTION_BOOL)
		return pstrdup("true, false");
	if (option->kind != MLS_OPTION_CHOICE)
		return NULL;
	initStringInfo(&buf);
	for (int i = 0; option->choices[i]; i++)
		appendStringInfo(&buf, "%s%s", i == 0 ? "" : ", ", option->choices[i]);
	return buf.data;
}

/* Seconds of an interval text such as "10 minutes"; false if it is none, or has months. */
static bool
read_interval(const char *value, double *seconds)
{
	char work[MAXDATELEN + MAXDATEFIELDS];
	char *fields[MAXDATEFIELDS];
	int types[MAXDATEFIELDS];
	int nfields;
	int dtype;
	struct pg_itm_in itm;

	if (ParseDateTime(value, work, sizeof(work), fields, types, MAXDATEFIELDS, &nfields) != 0 ||
		DecodeInterval(fields, types, nfields, INTERVAL_FULL_RANGE, &dtype, &itm) != 0 ||
		dtype != DTK_DELTA || itm.tm_year != 0 || itm.tm_mon != 0)
		return false;
	*seconds = (double) itm.tm_usec / USECS_PER_SEC + (double) itm.tm_mday * SECS_PER_DAY;
	return true;
}

/* Reads any of the numeric kinds, with the units PostgreSQL's settings have. */
static double
read_number(const MlsOption *option, const char *value)
{
	int unit = option->kind == MLS_OPTION_MS         ? GUC_UNIT_MS
			   : option->kind == MLS_OPTION_DURATION ? GUC_UNIT_S
			   : option->kind == MLS_OPTION_BYTES    ? GUC_UNIT_BYTE
													 : 0;
	const char *hint = NULL;
	double number;
	bool valid = parse_real(value, &number, unit, &hint);

	if (!valid && option->kind == MLS_OPTION_DURATION)
	{
		valid = read_interval(value, &number);
		hint = "Write a number of seconds, or an interval of days or shorter units.";
	}
	if (!valid || isnan(number) || (is_whole_number(option->kind) && number != rint(number)))
		report_value(option, value,
					 psprintf("The value must be of type %s.", mls_option_kind_name(option->kind)),
					 hint);
	if (number < option->min || number > option->max)
		report_value(option, value,
					 psprintf("The value must be from %.0f to %.0f.", option->min, option->max),
					 NULL);
	return number;
}

static int
read_choice(const MlsOption *option, const char *value)
{
	for (int i = 0; option->choices[i]; i++)
		if (strcmp(option->choices[i], value) == 0)
			return i;
	report_value(option, value, NULL, psprintf("Valid values are: %s.", mls_option_range(option)));
}

static bool
read_bool(const MlsOption *option, const char *value)
{
	bool result;

	if (!parse_bool(value, &result))
		report_value(option, value, "The value must be of type boolean.", NULL);
	return result;
}

/* Names separated by commas; blanks around them do not count. */
static List *
read_list(const MlsOption *option, const char *value)
{
	List *names = NIL;
	char *copy = pstrdup(value);
	char *next = copy;
	char *name;

	while ((name = strsep(&next, ",")) != NULL)
	{
		while (*name == ' ')
			name++;
		for (char *end = name + strlen(name); end > name && end[-1] == ' ';)
			*--end = '\0';
		if (*name == '\0')
			report_value(option, value, "An element of the list is empty.", NULL);
		names = lappend(names, name);
	}
	return names;
}

/* "10%, 1000": a share, a number, or both. */
static MlsLimit
read_limit(const MlsOption *option, const char *value)
{
	MlsLimit limit = {.share = -1, .number = -1};
	ListCell *lc;

	foreach (lc, read_list(option, value))
	{
		char *part = lfirst(lc);
		int length = strlen(part);
		bool is_share = part[length - 1] == '%';
		double *place = is_share ? &limit.share : &limit.number;
		double number;

		if (is_share)
			part[length - 1] = '\0';
		if (*place >= 0 || !parse_real(part, &number, 0, NULL) || isnan(number) || number < 0 ||
			number > (is_share ? 100 : 1e12) || (!is_share && number != rint(number)))
			report_value(option, value, NULL, "Write a share, a number, or both: \"10%, 1000\".");
		*place = number;
	}
	return limit;
}

static void
check_url(const MlsOption *option, const char *value)
{
	const char *problem = mls_url_problem(value);

	if (problem)
		report_value(option, value, problem, NULL);
}

static void
check_timezone(const MlsOption *option, const char *value)
{
	pg_tz *zone = pg_tzset(value);

	if (zone == NULL || !pg_tz_acceptable(zone))
		report_value(option, value, "There is no such time zone.",
					 "The view pg_timezone_names lists the time zones.");
}

/*
 * A file the server reads is for those who may read its files.  This is judged
 * where the value is set, since the reader may run as another role.
 */
static void
check_file(const MlsOption *option, const char *value)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to set option \"%s\"", option->name),
						errdetail("Only roles with privileges of the role \"%s\" may set it.",
								  "pg_read_server_files")));
	if (!is_absolute_path(value))
		report_value(option, value, "The path must be absolute.", NULL);
}

/* Empty values and control characters have no use in any option, and harm in headers. */
static void
check_text(const MlsOption *option, const char *value)
{
	if (*value == '\0')
		report_value(option, value, "The value must not be empty.", NULL);
	for (const char *c = value; *c; c++)
		if ((unsigned char) *c < ' ' || *c == 0x7f)
			report_value(option, value, "The value must not hold control characters.", NULL);
}

void
mls_option_read(const MlsOption *option, const char *value, void *place)
{
	switch (option->kind)
	{
		case MLS_OPTION_BOOL:
			*(bool *) place = read_bool(option, value);
			break;
		case MLS_OPTION_CHOICE:
			*(int *) place = read_choice(option, value);
			break;
		case MLS_OPTION_LIST:
			*(List **) place = read_list(option, value);
			break;
		case MLS_OPTION_INT:
		case MLS_OPTION_MS:
		case MLS_OPTION_DURATION:
			*(int *) place = (int) read_number(option, value);
			break;
		case MLS_OPTION_BYTES:
			*(int64 *) place = (int64) read_number(option, value);
			break;
		case MLS_OPTION_REAL:
			*(double *) place = read_number(option, value);
			break;
		case MLS_OPTION_LIMIT:
			*(MlsLimit *) place = read_limit(option, value);
			break;
		default:
			*(const char **) place = value;
	}
}

void
mls_option_check(const MlsOption *option, const char *value)
{
	union
	{
		bool truth;
		int number;
		int64 bytes;
		double real;
		MlsLimit limit;
		const void *pointer;
	} unused;

	check_text(option, value);
	switch (option->kind)
	{
		case MLS_OPTION_URL:
			check_url(option, value);
			break;
		case MLS_OPTION_FILE:
			check_file(option, value);
			break;
		case MLS_OPTION_TIMEZONE:
			check_timezone(option, value);
			break;
		default:
			mls_option_read(option, value, &unused);
	}
}

void
mls_option_apply(Oid catalog, List *options, void *target)
{
	for (int i = 0; i < mls_option_count; i++)
	{
		const MlsOption *option = &mls_option_table[i];
		const char *value;

		if (option->catalog != catalog || option->offset == MLS_OPTION_UNPLACED)
			continue;
		value = mls_option_text(options, option->name);
		if (value == NULL)
			value = option->default_value;
		if (value != NULL)
			mls_option_read(option, value, (char *) target + option->offset);
	}
}
