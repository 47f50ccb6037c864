/*
 * strangers.c
 *		Whose code stands around a table that a role is to write.
 *
 * Whoever writes a table runs its triggers, policies, defaults, checks, expressions of
 * indexes and the functions of its columns' types, in his own rights.  So a table that
 * was found by its name, or gold of another role, is written only if all of that is the
 * writer's own, of a role he is a member of, or of a superuser.  Whoever may write
 * triggers on a table cannot put one there during a page: the table is locked first.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "step/sql.h"

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

static bool
is_trusted(Oid role, Oid owner)
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

		if (is_trusted(role, owner))
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
	if (!OidIsValid(gold) || get_rel_name(gold) == NULL || mls_rights_owns(role, gold))
		return;
	LockRelationOid(gold,
					RecoveryInProgress() || XactReadOnly ? AccessShareLock : RowExclusiveLock);
	refuse_strangers(gold, role);
}

/* A table that was found by the name of one to be made: an error unless it is a role's own, without strangers. */
void
mls_require_own(Oid relid, Oid role, const char *setting)
{
	if (!mls_rights_owns(role, relid))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("table %s exists and belongs to role \"%s\"", mls_qualified_name(relid),
					   GetUserNameFromId(mls_relation_owner(relid), true)),
				errdetail("Role \"%s\" subscribes, and takes only what is its own.",
						  GetUserNameFromId(role, true)),
				errhint("Have it renamed or dropped, or choose another schema with the setting %s.",
						setting));
	refuse_strangers(relid, role);
}
