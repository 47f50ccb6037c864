/*
 * destination.h
 *		Destinations: other databases and search engines that publications are kept in step at,
 *		as foreign servers.
 *
 * A server of these protocols says where; it has no records and no foreign tables.  What is
 * written there is the business of the room publish.
 */
#ifndef MLS_PROTOCOL_DESTINATION_H
#define MLS_PROTOCOL_DESTINATION_H

#include "postgres.h"

#include "protocol/protocol.h"

/* The option url, taken apart: mysql://host:3306/database. */
typedef struct MlsDestinationPlace
{
	const char *host; /* a name, or an address without brackets */
	int port;
	const char *database;
} MlsDestinationPlace;

/* Takes the address of a destination of a protocol apart; NULL, or what is wrong with it. */
extern const char *
mls_destination_place(const char *protocol, const char *url, MlsDestinationPlace *place);

#endif /* MLS_PROTOCOL_DESTINATION_H */
