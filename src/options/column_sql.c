/*
 * column_sql.c
 *		The definition of a foreign table's column, as CREATE and ALTER want it.
 *
 * Column options are written where they say more than the column's name and type.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "options/options.h"

static void
append_option(StringInfo buf, const char *name, const char *value)
{
	appendStringInfo(buf, "%s%s %s", buf->data[buf->len - 1] == '(' ? "" : ", ", name,
					 quote_literal_cstr(value));
}

char *
mls_column_sql(const MlsColumn *column)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s %s OPTIONS (", quote_identifier(column->name),
					 format_type_extended(column->type, -1, FORMAT_TYPE_FORCE_QUALIFY));
	append_option(&buf, "field", column->field);
	if (column->remote_type)
		append_option(&buf, "type", column->remote_type);
	if (column->lookup)
		append_option(&buf, "lookup", column->lookup);
	if (column->standard_name)
		append_option(&buf, "standard_name", column->standard_name);
	if (column->is_enum)
		append_option(&buf, "enum", "true");
	if (column->is_flags)
		append_option(&buf, "flags", "true");
	appendStringInfo(&buf, ")%s", column->not_null ? " NOT NULL" : "");
	return buf.data;
}
