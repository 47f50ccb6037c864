/*
 * kept.c
 *		Columns of silver that the foreign table does not have any more.
 *
 * Who drops a column of a foreign table does not want to see it in live queries;
 * silver keeps it, and since bronze has the whole record, it can be kept up as
 * well.  So for everything but live queries the table has these columns still, as
 * its subscription remembers them.  They end when they are dropped from silver.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "gold/gold.h"
#include "gold/map.h"

/* What stands in mls.subscription.columns of a column, separated by tabs. */
typedef enum KeptPart
{
	KEPT_NAME,
	KEPT_FIELD,
	KEPT_TYPE,
	KEPT_ENUM,
	KEPT_FLAGS,
	KEPT_STANDARD_NAME,
	KEPT_LOOKUP,
	KEPT_REMOTE_TYPE,
	KEPT_PARTS
} KeptPart;

static const char *
or_empty(const char *text)
{
	return text ? text : "";
}

char *
mls_gold_column_memo(const MlsColumn *column, const char *type)
{
	return psprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", column->name, column->field, type,
					column->is_enum ? "t" : "", column->is_flags ? "t" : "",
					or_empty(column->standard_name), or_empty(column->lookup),
					or_empty(column->remote_type));
}

static const char *
or_null(const char *text)
{
	return *text == '\0' ? NULL : text;
}

/* The column that a memo is of; attnum stays 0, for no foreign table has it. */
static MlsColumn
read_memo(char *memo, Oid silver)
{
	const char *parts[KEPT_PARTS] = {"", "", "", "", "", "", "", ""};
	MlsColumn column = {0};

	for (int i = 0; i < KEPT_PARTS && memo != NULL; i++)
		parts[i] = strsep(&memo, "\t");
	column.name = parts[KEPT_NAME];
	column.field = parts[KEPT_FIELD];
	column.is_enum = *parts[KEPT_ENUM] != '\0';
	column.is_flags = *parts[KEPT_FLAGS] != '\0';
	column.standard_name = or_null(parts[KEPT_STANDARD_NAME]);
	column.lookup = or_null(parts[KEPT_LOOKUP]);
	column.remote_type = or_null(parts[KEPT_REMOTE_TYPE]);
	if (get_attnum(silver, column.name) != InvalidAttrNumber)
		get_atttypetypmodcoll(silver, get_attnum(silver, column.name), &column.type, &column.typmod,
							  &column.collation);
	return column;
}

/* Does the table itself have the column, or another for its field that silver has, too? */
static bool
is_present(const MlsTable *table, Oid silver, const MlsColumn *column)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		const MlsColumn *present = &table->columns[i];

		if (present->field == NULL)
			continue;
		if (strcmp(present->name, column->name) == 0)
			return true;
		if (strcmp(present->field, column->field) == 0 &&
			get_attnum(silver, present->name) != InvalidAttrNumber)
			return true;
	}
	return false;
}

const MlsTable *
mls_gold_kept(const MlsTable *table, Oid silver)
{
	MemoryContext context = CurrentMemoryContext;
	MlsTable *whole;
	SPITupleTable *memos;

	mls_select("SELECT c FROM mls.subscription s, pg_catalog.unnest(s.columns) c "
			   "WHERE s.silver::pg_catalog.oid = $1",
			   mls_arg_oid(silver));
	memos = SPI_tuptable;
	MemoryContextSwitchTo(context);
	if (memos->numvals == 0)
		return table;
	whole = palloc(sizeof(MlsTable));
	*whole = *table;
	whole->columns = palloc((table->ncolumns + memos->numvals) * sizeof(MlsColumn));
	memcpy(whole->columns, table->columns, table->ncolumns * sizeof(MlsColumn));
	for (uint64 i = 0; i < memos->numvals; i++)
	{
		MlsColumn column = read_memo(mls_cell_text(memos, i, 1), silver);

		if (OidIsValid(column.type) && !is_present(table, silver, &column))
			whole->columns[whole->ncolumns++] = column;
	}
	return whole;
}
