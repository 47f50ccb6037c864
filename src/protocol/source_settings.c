/*
 * source_settings.c
 *		What a source says of its settings, as those want it who keep it or show it.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/json.h"

#include "base/name_list.h"
#include "protocol/protocol.h"

void
mls_told_add(MlsTold *told, const char *name, const char *value)
{
	MlsSetting *setting = palloc(sizeof(MlsSetting));

	setting->name = name;
	setting->value = value;
	told->settings = lappend(told->settings, setting);
}

char *
mls_told_json(const MlsTold *told)
{
	StringInfoData buf;
	ListCell *lc;

	if (told->refusal != NULL)
		return NULL;
	initStringInfo(&buf);
	foreach (lc, told->settings)
	{
		const MlsSetting *setting = lfirst(lc);

		appendStringInfoString(&buf, buf.len ? ", " : "{");
		escape_json(&buf, setting->name);
		appendStringInfoString(&buf, ": ");
		escape_json(&buf, setting->value);
	}
	appendStringInfoString(&buf, buf.len ? "}" : "{}");
	return buf.data;
}

char *
mls_told_problem(const MlsTold *told)
{
	if (told->refusal != NULL)
		return pstrdup(told->refusal);
	return told->findings ? mls_names_joined(told->findings, "; ") : NULL;
}
