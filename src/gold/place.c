/*
 * place.c
 *		The row geo: the point that was found for the address of a record.
 *
 * Points stand in mls.geocode, each with a fingerprint of what was asked.  They are
 * joined by record and by the fingerprint of what would be asked now, so a point goes
 * from gold with the statement that brings another address, or hides it, whatever the
 * process that finds points does meanwhile; and gold is what silver, rules and points
 * make of it, in a rebuild and a remap too.
 */
#include "postgres.h"

#include "access/table.h"
#include "lib/stringinfo.h"
#include "utils/rel.h"

#include "gold/place.h"

const char *const mls_place_fields[MLS_PLACE_FIELDS] = {
	[MLS_PLACE_NUMBER] = "StreetNumber",
	[MLS_PLACE_BEFORE] = "StreetDirPrefix",
	[MLS_PLACE_STREET] = "StreetName",
	[MLS_PLACE_SUFFIX] = "StreetSuffix",
	[MLS_PLACE_AFTER] = "StreetDirSuffix",
	[MLS_PLACE_ADDRESS] = "UnparsedAddress",
	[MLS_PLACE_CITY] = "City",
	[MLS_PLACE_STATE] = "StateOrProvince",
	[MLS_PLACE_POSTAL] = "PostalCode",
	[MLS_PLACE_COUNTRY] = "Country",
	[MLS_PLACE_ADDRESS_SHOWN] = "InternetAddressDisplayYN",
	[MLS_PLACE_LISTING_SHOWN] = "InternetEntireListingDisplayYN",
	[MLS_PLACE_WITHHELD] = "X_GeoWithheldYN",
	[MLS_PLACE_LATITUDE] = "Latitude",
	[MLS_PLACE_LONGITUDE] = "Longitude",
};

MlsMapRelation *
mls_place_relation(Oid silver)
{
	MemoryContext context = CurrentMemoryContext;
	MlsMapRelation *place;
	Relation points;

	mls_select("SELECT s.id, r.country FROM mls.geocode_rule r JOIN mls.subscription s "
			   "ON s.id = r.subscription WHERE s.silver::pg_catalog.oid = $1",
			   mls_arg_oid(silver));
	MemoryContextSwitchTo(context);
	if (SPI_processed == 0)
		return NULL;
	place = palloc0(sizeof(MlsMapRelation));
	place->alias = MLS_MAP_PLACE;
	place->parent = MLS_MAP_ROW;
	place->subscription = mls_int8_at(0, 1);
	place->country = mls_text_at(0, 2);
	points = table_open(mls_find_relation("mls", "geocode"), AccessShareLock);
	place->desc = CreateTupleDescCopy(RelationGetDescr(points));
	table_close(points, AccessShareLock);
	place->sql = " LEFT JOIN mls.geocode " MLS_MAP_PLACE " ON false";
	return place;
}

void
mls_place_locate(MlsMapRelation *place, const char *key, char *const *fields, List *uses,
				 bool can_fail)
{
	StringInfoData question;

	initStringInfo(&question);
	appendStringInfoString(&question, "mls.geocode_question(");
	for (int i = 0; i < MLS_PLACE_FIELDS; i++)
		appendStringInfo(&question, fields[i] ? "(%s)::pg_catalog.text, " : "NULL, ", fields[i]);
	appendStringInfo(&question, "%s)",
					 place->country ? quote_literal_cstr(place->country) : "NULL");
	place->question = question.data;
	place->reads = uses;
	place->can_fail = can_fail;
	place->sql = psprintf(" LEFT JOIN mls.geocode " MLS_MAP_PLACE " ON " MLS_MAP_PLACE
						  ".subscription = " INT64_FORMAT "::pg_catalog.int8 AND " MLS_MAP_PLACE
						  ".key = %s AND " MLS_MAP_PLACE ".question = pg_catalog.md5(%s)",
						  place->subscription, key, place->question);
}
