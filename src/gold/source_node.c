/*
 * source_node.c
 *		On which machine a source lives, where gold stands on several.
 *
 * Bronze and silver of a source stand on the node that syncs it, and so does what its runs
 * know.  mls.source_node says which one that is; it stands on every node, and its key lets
 * one of two have a source that both begin with.  Each page asks, in the transaction in
 * which it writes gold; a source is moved by the node that it leaves, while no page of it is
 * written.
 */
#include "postgres.h"

#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "gold/gold.h"
#include "gold/source_node.h"

PG_FUNCTION_INFO_V1(mls_claim_sources);
PG_FUNCTION_INFO_V1(mls_lives_elsewhere);
PG_FUNCTION_INFO_V1(mls_note_source_node);
PG_FUNCTION_INFO_V1(mls_release_sources);

bool
mls_sources_have_nodes(void)
{
	return OidIsValid(get_extension_oid("citus", true)) &&
		   OidIsValid(mls_find_relation("mls", "source_node"));
}

char *
mls_source_nodes_epoch(void)
{
	StringInfoData epoch;

	initStringInfo(&epoch);
	if (mls_sources_have_nodes())
	{
		mls_select("SELECT source, node FROM mls.source_node ORDER BY source COLLATE \"C\"");
		for (uint64 i = 0; i < SPI_processed; i++)
			appendStringInfo(&epoch, " %d %s", mls_int4_at(i, 2), mls_text_at(i, 1));
	}
	return epoch.data;
}

static int
this_node(void)
{
	mls_select("SELECT groupid FROM pg_catalog.pg_dist_local_group");
	return mls_int4_at(0, 1);
}

/* -1: it has none yet. */
static int
node_of(const char *source)
{
	mls_select("SELECT node FROM mls.source_node WHERE source = $1", mls_arg_text(source));
	return SPI_processed > 0 ? mls_int4_at(0, 1) : -1;
}

bool
mls_source_is_elsewhere(const char *source)
{
	int node = mls_sources_have_nodes() ? node_of(source) : -1;

	return node >= 0 && node != this_node();
}

static void
claim(const char *source, int node)
{
	mls_sql_control(SPI_OK_INSERT,
					"INSERT INTO mls.source_node (source, node) VALUES ($1, $2) "
					"ON CONFLICT (source) DO NOTHING",
					mls_arg_text(source), mls_arg_int4(node));
}

void
mls_source_require_here(const char *source)
{
	int here;
	int node;

	if (!mls_sources_have_nodes())
		return;
	here = this_node();
	node = node_of(source);
	if (node < 0)
	{
		claim(source, here);
		node = node_of(source);
	}
	if (node != here)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("source \"%s\" lives on node %d", source, node),
				errdetail("This is node %d. One node syncs a source, the one that has its bronze "
						  "and silver.",
						  here),
				errhint("Sync it there; or move it, there: SELECT mls_move_source(%s, %d).",
						quote_literal_cstr(source), here));
}

/* mls.lives_elsewhere(source): is it another node that syncs it? */
Datum
mls_lives_elsewhere(PG_FUNCTION_ARGS)
{
	bool elsewhere;

	SPI_connect();
	elsewhere = mls_source_is_elsewhere(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	SPI_finish();
	PG_RETURN_BOOL(elsewhere);
}

/* mls.claim_sources(): the table of nodes, if there is none; and in it what is synced here */
Datum
mls_claim_sources(PG_FUNCTION_ARGS)
{
	List *sources;
	ListCell *lc;

	if (!OidIsValid(get_extension_oid("citus", true)))
		PG_RETURN_VOID();
	SPI_connect();
	if (!OidIsValid(mls_find_relation("mls", "source_node")))
	{
		mls_sql_control(SPI_OK_UTILITY,
						"CREATE TABLE mls.source_node (source pg_catalog.text PRIMARY KEY, "
						"node pg_catalog.int4 NOT NULL)");
		mls_sql_control(SPI_OK_UTILITY, "COMMENT ON TABLE mls.source_node IS "
										"'on which node of Citus each source is synced'");
		mls_sql_control(SPI_OK_UTILITY, "GRANT SELECT ON mls.source_node TO PUBLIC");
		mls_sql_control(SPI_OK_SELECT,
						"SELECT pg_catalog.create_reference_table('mls.source_node')");
		CommandCounterIncrement();
	}
	mls_select("SELECT DISTINCT source FROM mls.subscription WHERE gold IS NOT NULL AND "
			   "pg_catalog.pg_has_role(owner, 'USAGE')");
	sources = mls_cell_texts(SPI_tuptable, 1);
	foreach (lc, sources)
		claim(lfirst(lc), this_node());
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * mls.note_source_node(source, node): from now on another one syncs it.  Only who may sync it
 * here says so, and where it lives on another node, who owns the control tables.
 */
Datum
mls_note_source_node(PG_FUNCTION_ARGS)
{
	char *source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool permitted;

	SPI_connect();
	/* Of all that is synced from it, whosever it is. */
	mls_sql_control(
		SPI_OK_SELECT,
		"SELECT CASE WHEN mls.lives_elsewhere($1) OR pg_catalog.count(s.id) = 0 THEN "
		"pg_catalog.pg_has_role($2, (SELECT relowner FROM pg_catalog.pg_class WHERE oid = "
		"'mls.subscription'::pg_catalog.regclass), 'USAGE') ELSE "
		"pg_catalog.bool_and(pg_catalog.pg_has_role($2, s.owner, 'USAGE')) END "
		"FROM mls.subscription s WHERE s.source = $1",
		mls_arg_text(source), mls_arg_oid(GetUserId()));
	permitted = mls_bool_at(0, 1);
	if (!permitted)
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied to move source \"%s\"", source));
	mls_gold_pause_pages();
	mls_sql_control(SPI_OK_UPDATE, "UPDATE mls.source_node SET node = $2 WHERE source = $1",
					mls_arg_text(source), mls_arg_int4(PG_GETARG_INT32(1)));
	SPI_finish();
	PG_RETURN_VOID();
}

/* mls.release_sources(): the table of nodes goes when it is all that is distributed */
Datum
mls_release_sources(PG_FUNCTION_ARGS)
{
	SPI_connect();
	if (mls_sources_have_nodes())
	{
		mls_select("SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition WHERE logicalrelid <> "
				   "'mls.source_node'::pg_catalog.regclass)");
		if (!mls_bool_at(0, 1))
			mls_sql_control(SPI_OK_UTILITY, "DROP TABLE mls.source_node");
	}
	SPI_finish();
	PG_RETURN_VOID();
}
