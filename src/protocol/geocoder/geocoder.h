/*
 * geocoder.h
 *		The options that only servers of geocoders have.
 */
#ifndef MLS_PROTOCOL_GEOCODER_H
#define MLS_PROTOCOL_GEOCODER_H

#include "postgres.h"

typedef struct MlsGeocoder
{
	const char
		*provider; /* the row of mls.geocoder that says how it is asked; NULL: the platform's */
	int keep_days; /* how long answers may be kept; 0 for ever, -1 as that row says */
} MlsGeocoder;

#endif /* MLS_PROTOCOL_GEOCODER_H */
