/*
 * place.h
 *		Where a record is, as rules of gold see it: the row geo.
 */
#ifndef MLS_GOLD_PLACE_H
#define MLS_GOLD_PLACE_H

#include "postgres.h"

#include "gold/map.h"

/* The arguments of mls.geocode_question(): what gold has of an address, and what the rule adds. */
typedef enum MlsPlacePart
{
	MLS_PLACE_NUMBER,
	MLS_PLACE_BEFORE,
	MLS_PLACE_STREET,
	MLS_PLACE_SUFFIX,
	MLS_PLACE_AFTER,
	MLS_PLACE_ADDRESS,
	MLS_PLACE_CITY,
	MLS_PLACE_STATE,
	MLS_PLACE_POSTAL,
	MLS_PLACE_COUNTRY,
	MLS_PLACE_ADDRESS_SHOWN,
	MLS_PLACE_LISTING_SHOWN,
	MLS_PLACE_WITHHELD,
	MLS_PLACE_LATITUDE,
	MLS_PLACE_LONGITUDE,
	MLS_PLACE_FIELDS,
	MLS_PLACE_DEFAULT_COUNTRY = MLS_PLACE_FIELDS,
	MLS_PLACE_PARTS
} MlsPlacePart;

/* The resource whose records have a place, and its fields in the order above. */
#define MLS_PLACE_RESOURCE "Property"
extern const char *const mls_place_fields[MLS_PLACE_FIELDS];

/*
 * The relation geo of a subscription, by its silver table; NULL if it is not geocoded.  It
 * has no point for any row until it is told what the address is made from.
 */
extern MlsMapRelation *mls_place_relation(Oid silver);

/*
 * Tells it: SQL of each field, or NULL, the aliases they use, and whether one may raise an
 * error; key is SQL of the source's key.
 */
extern void mls_place_locate(MlsMapRelation *place, const char *key, char *const *fields,
							 List *uses, bool can_fail);

#endif /* MLS_GOLD_PLACE_H */
