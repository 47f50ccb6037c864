/*
 * rights.c
 *		In whose rights SQL runs.
 *
 * Two kinds of statements, and two roles.
 *
 * What touches the tables of a subscription (bronze, silver, gold, the foreign table)
 * runs as its owner, whoever called: around a table stand triggers, policies,
 * defaults, checks and casts, and a view may stand in its place; all of that is code
 * of those who own it.  Unless the owner is at work himself it is a security-restricted
 * operation, as REFRESH MATERIALIZED VIEW is, so that the code cannot become the
 * caller.
 *
 * What changes the control tables runs as the owner of those, who is the extension's:
 * roles cannot write them by themselves, so no row of them is forged.  Nothing of a
 * user runs there; the search_path is set each time, since code of a table's owner
 * that ran before, in the same transaction, may have set another.
 *
 * Errors need no care: the end of a (sub)transaction puts user and settings back.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/base.h"

#define SAFE_PATH "pg_catalog, pg_temp"

/* ---- Becoming another role ---- */

static void
become(MlsRights *before, Oid role, int restriction)
{
	GetUserIdAndSecContext(&before->user, &before->security);
	before->guc_level = NewGUCNestLevel();
	SetUserIdAndSecContext(role, before->security | restriction);
	if (strcmp(namespace_search_path, SAFE_PATH) != 0)
		(void) set_config_option("search_path", SAFE_PATH, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

bool
mls_role_exists(Oid role)
{
	return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role));
}

/* From now on until mls_rights_leave() SQL runs as a role. */
void
mls_rights_enter(MlsRights *before, Oid role)
{
	bool himself = role == GetUserId() && role == GetSessionUserId();

	if (!mls_role_exists(role))
		ereport(
			ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
			errmsg("the owner of the subscription does not exist any more"),
			errhint(
				"A superuser sets mls.subscription.owner to the role that has its tables now, or "
				"ends it with mls_unsubscribe()."));
	become(before, role, himself ? 0 : SECURITY_RESTRICTED_OPERATION);
}

/* The same as the role that owns the control tables: for statements of ours that write them. */
void
mls_rights_enter_control(MlsRights *before)
{
	Oid owner = mls_relation_owner(mls_find_relation("mls", "subscription"));

	if (!OidIsValid(owner))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("the extension mls_fdw is not there any more"));
	become(before, owner, SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
}

void
mls_rights_leave(const MlsRights *before)
{
	AtEOXact_GUC(false, before->guc_level);
	SetUserIdAndSecContext(before->user, before->security);
}

/* ---- Whose a table is ---- */

Oid
mls_relation_owner(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* By itself or as a member; that a superuser may use everything does not make it his. */
static bool
owns(Oid role, Oid relid)
{
	Oid owner = mls_relation_owner(relid);

	return owner == role || (OidIsValid(owner) && is_member_of_role_nosuper(role, owner));
}

bool
mls_rights_has_server(Oid role, Oid server_id)
{
	return DatumGetBool(DirectFunctionCall3(has_server_privilege_id_id, ObjectIdGetDatum(role),
											ObjectIdGetDatum(server_id),
											CStringGetTextDatum("USAGE")));
}

/* Who may not use a server (any more) neither asks it nor keeps a copy of it up to date. */
void
mls_rights_require_server(Oid role, Oid server_id, const char *name)
{
	if (!mls_rights_has_server(role, server_id))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FOREIGN_SERVER, name);
}

/* Who has a partition can have code run for each row that is written to it: it is of who has the table. */
static void
require_partitions(Oid role, Oid relid)
{
	ListCell *lc;

	foreach (lc, find_all_inheritors(relid, NoLock, NULL))
	{
		Oid partition = lfirst_oid(lc);

		if (owns(role, partition) || get_rel_name(partition) == NULL)
			continue;
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("%s is a partition of %s and does not belong to its owner",
					   mls_qualified_name(partition), mls_qualified_name(relid)),
				errdetail("It belongs to role \"%s\".",
						  GetUserNameFromId(mls_relation_owner(partition), true)),
				errhint("ALTER TABLE %s OWNER TO %s;", mls_qualified_name(partition),
						quote_identifier(GetUserNameFromId(mls_relation_owner(relid), false))));
	}
}

/*
 * A relation that a subscription of a role names is what it should be, and the role's;
 * gold can be another's.  One that was dropped is not looked at here.
 */
void
mls_rights_require_table(Oid role, Oid relid, MlsLayer layer)
{
	static const char *const names[] = {"foreign", "bronze", "silver", "gold"};
	char kind = get_rel_relkind(relid);

	if (kind == '\0')
		return;
	if (layer == MLS_LAYER_FOREIGN ? kind != RELKIND_FOREIGN_TABLE
								   : kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("%s is not the %s table of a subscription", mls_qualified_name(relid),
					   names[layer]),
				errdetail("It is no %stable.", layer == MLS_LAYER_FOREIGN ? "foreign " : ""));
	if (kind == RELKIND_PARTITIONED_TABLE && owns(role, relid))
		require_partitions(role, relid);
	if (layer != MLS_LAYER_GOLD && !owns(role, relid))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("the %s table %s does not belong to the owner of its subscription",
					   names[layer], mls_qualified_name(relid)),
				errdetail("The subscription is of role \"%s\", the table of role \"%s\".",
						  GetUserNameFromId(role, true),
						  GetUserNameFromId(mls_relation_owner(relid), true)),
				errhint("Give the table to that role, or make the role a member of the other."));
}

/* ---- Whose code stands around a table ----
 *
 * Whoever writes a table runs its triggers, policies, defaults, checks, expressions of
 * indexes and the functions of its columns' types, in his own rights.  So a table that
 * was found by its name, or gold of another role, is written only if all of that is the
 * writer's own, of a role he is a member of, or of a superuser.  Whoever may write
 * triggers on a table cannot put one there during a page: the table is locked first.
 */

/* Functions, types, operators and operator classes that a table, its partitions included, makes use of. */
static const char code_around[] =
	"WITH RECURSIVE r (oid) AS (SELECT $1 UNION "
	"SELECT i.inhrelid FROM r JOIN pg_catalog.pg_inherits i ON i.inhparent = r.oid), "
	"p (class, oid, what) AS ("
	"SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid, 'trigger ' || t.tgname "
	"FROM pg_catalog.pg_trigger t JOIN r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal UNION ALL "
	"SELECT 'pg_catalog.pg_rewrite', w.oid, 'rule ' || w.rulename "
	"FROM pg_catalog.pg_rewrite w JOIN r ON r.oid = w.ev_class UNION ALL "
	"SELECT 'pg_catalog.pg_policy', y.oid, 'policy ' || y.polname "
	"FROM pg_catalog.pg_policy y JOIN r ON r.oid = y.polrelid UNION ALL "
	"SELECT 'pg_catalog.pg_attrdef', d.oid, 'default of column ' || a.attname "
	"FROM pg_catalog.pg_attrdef d JOIN r ON r.oid = d.adrelid JOIN pg_catalog.pg_attribute a "
	"ON a.attrelid = d.adrelid AND a.attnum = d.adnum UNION ALL "
	"SELECT 'pg_catalog.pg_constraint', c.oid, 'constraint ' || c.conname "
	"FROM pg_catalog.pg_constraint c JOIN r ON r.oid = c.conrelid UNION ALL "
	"SELECT 'pg_catalog.pg_class', i.indexrelid, 'index ' || i.indexrelid::pg_catalog.regclass "
	"FROM pg_catalog.pg_index i JOIN r ON r.oid = i.indrelid UNION ALL "
	"SELECT 'pg_catalog.pg_class', r.oid, 'type of a column' FROM r) "
	"SELECT p.what, coalesce(f.proowner, t.typowner, o.oprowner, x.opcowner) FROM p "
	"JOIN pg_catalog.pg_depend d ON d.classid = p.class AND d.objid = p.oid "
	"LEFT JOIN pg_catalog.pg_proc f ON d.refclassid = "
	"'pg_catalog.pg_proc'::pg_catalog.regclass AND f.oid = d.refobjid "
	"LEFT JOIN pg_catalog.pg_type t ON d.refclassid = "
	"'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = d.refobjid "
	"LEFT JOIN pg_catalog.pg_operator o ON d.refclassid = "
	"'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid "
	"LEFT JOIN pg_catalog.pg_opclass x ON d.refclassid = "
	"'pg_catalog.pg_opclass'::pg_catalog.regclass AND x.oid = d.refobjid "
	"WHERE coalesce(f.proowner, t.typowner, o.oprowner, x.opcowner) IS NOT NULL ORDER BY 1";

/* A superuser is a member of every role, which does not make their code his. */
bool
mls_is_trusted(Oid role, Oid owner)
{
	return owner == role || superuser_arg(owner) || is_member_of_role_nosuper(role, owner);
}

/* An error if code of another stands around a table that a role is to write. */
static void
refuse_strangers(Oid relid, Oid role)
{
	mls_select_stable(code_around, mls_arg_oid(relid));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Oid owner = mls_oid_at(i, 2);

		if (mls_is_trusted(role, owner))
			continue;
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("table %s runs code of role \"%s\"", mls_qualified_name(relid),
					   GetUserNameFromId(owner, true)),
				errdetail("It is the %s, which would run in the rights of role \"%s\".",
						  mls_text_at(i, 1), GetUserNameFromId(role, true)),
				errhint("It has to go; or make role \"%s\" a member of role \"%s\", or give the "
						"code to a role that both can trust.",
						GetUserNameFromId(role, true), GetUserNameFromId(owner, true)));
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Gold that a role is to read and write in the open transaction, if it is another's:
 * an error unless all around it can be trusted.  What is the role's own it may have
 * around it what it likes.
 */
void
mls_require_trust(Oid gold, Oid role)
{
	if (!OidIsValid(gold) || get_rel_name(gold) == NULL || owns(role, gold))
		return;
	LockRelationOid(gold,
					RecoveryInProgress() || XactReadOnly ? AccessShareLock : RowExclusiveLock);
	refuse_strangers(gold, role);
}

/* A table that was found by the name of one to be made: an error unless it is a role's own, without strangers. */
void
mls_require_own(Oid relid, Oid role, const char *setting)
{
	if (!owns(role, relid))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("table %s exists and belongs to role \"%s\"", mls_qualified_name(relid),
					   GetUserNameFromId(mls_relation_owner(relid), true)),
				errdetail("Role \"%s\" subscribes, and takes only what is its own.",
						  GetUserNameFromId(role, true)),
				errhint("Have it renamed or dropped, or choose another schema with the setting %s.",
						setting));
	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
		require_partitions(role, relid);
	refuse_strangers(relid, role);
}

/* ---- Relations and their names ---- */

Oid
mls_find_relation(const char *schema, const char *name)
{
	Oid namespace = get_namespace_oid(schema, true);

	return OidIsValid(namespace) ? get_relname_relid(name, namespace) : InvalidOid;
}

char *
mls_qualified_name(Oid relid)
{
	char *name = get_rel_name(relid);

	if (name == NULL)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("relation with OID %u does not exist any more", relid));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name);
}
