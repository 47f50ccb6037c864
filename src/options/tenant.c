/*
 * tenant.c
 *		Whose places of files are: a role that is a tenant uses those of its row in mls.tenant,
 *		and nobody else does.
 *
 * That table is read here as it is, not by a query: a source is read in the middle of whatever
 * somebody does, and rows of others are to be seen that he does not see.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/base.h"
#include "options/options.h"
#include "protocol/file/file.h"

PG_FUNCTION_INFO_V1(mls_place_of_sql);

/* The one form of an address of a place; NULL if it is of no directory and no bucket. */
static char *
place_of(const char *url)
{
	MlsFilePlace place;

	if (url == NULL || mls_file_place(url, &place) != NULL)
		return NULL;
	if (place.directory)
		return psprintf("file://%s", place.directory);
	return psprintf("s3://%s%s%.*s", place.bucket, *place.prefix ? "/" : "",
					(int) Max((int) strlen(place.prefix) - 1, 0), place.prefix);
}

/* Is a place another, or below it? */
static bool
is_within(const char *place, const char *other)
{
	int length = strlen(other);

	return strncmp(place, other, length) == 0 && (place[length] == '/' || place[length] == '\0');
}

/* What a tenant's row says of a place. */
typedef struct Claim
{
	bool covers;
	bool touches; /* it covers it, or what is below it in a bucket, whose names have no folders */
} Claim;

static Claim
claim_of(ArrayType *places, const char *place)
{
	Claim claim = {false, false};
	Datum *values;
	bool *isnull;
	int n;

	deconstruct_array_builtin(places, TEXTOID, &values, &isnull, &n);
	for (int i = 0; i < n; i++)
	{
		char *own = isnull[i] ? NULL : TextDatumGetCString(values[i]);

		if (own == NULL)
			continue;
		claim.covers |= is_within(place, own);
		claim.touches |= is_within(place, own) ||
						 (strncmp(place, "s3:", strlen("s3:")) == 0 && is_within(own, place));
	}
	return claim;
}

/* By all rows: is the role a tenant, and does its place, or one of others, cover this one? */
static bool
may_use(Relation tenants, Oid role, const char *place)
{
	SysScanDesc scan = systable_beginscan(tenants, InvalidOid, false, NULL, 0, NULL);
	TupleDesc desc = RelationGetDescr(tenants);
	bool is_tenant = false;
	bool is_own = false;
	bool is_others = false;
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;
		Oid tenant = DatumGetObjectId(heap_getattr(tuple, 1, desc, &isnull));
		ArrayType *places = DatumGetArrayTypeP(heap_getattr(tuple, 2, desc, &isnull));
		Claim claim = claim_of(places, place);

		if (mls_role_exists(tenant) && has_privs_of_role(role, tenant))
		{
			is_tenant = true;
			is_own |= claim.covers;
		}
		else
			is_others |= claim.touches;
	}
	systable_endscan(scan);
	return is_own || (!is_tenant && !is_others);
}

bool
mls_tenant_may_use(Oid role, const char *url)
{
	Oid relid = mls_find_relation("mls", "tenant");
	char *place = place_of(url);
	Relation tenants;
	bool may;

	if (place == NULL || !OidIsValid(relid) || superuser_arg(role))
		return true;
	tenants = table_open(relid, AccessShareLock);
	may = may_use(tenants, role, place);
	table_close(tenants, AccessShareLock);
	return may;
}

/* mls.place_of(url) */
Datum
mls_place_of_sql(PG_FUNCTION_ARGS)
{
	char *url = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *place = place_of(url);
	MlsFilePlace parts;

	if (place == NULL)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("\"%s\" is no place of files", url),
				errdetail("%s", mls_file_place(url, &parts)));
	PG_RETURN_TEXT_P(cstring_to_text(place));
}
