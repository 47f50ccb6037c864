/*
 * destination.c
 *		Destinations as protocols: their addresses, and that they have no records.
 */
#include "postgres.h"

#include <ctype.h>

#include "protocol/destination/destination.h"

#define LONGEST_NAME 64

static const char *const platform_names[] = {"generic", NULL};
static const MlsPlatform generic = {.name = "generic"};

/* Schemes and ports of the protocols. */
typedef struct Scheme
{
	const char *protocol;
	const char *scheme;
	int port;
	const char *form;
} Scheme;

static const Scheme schemes[] = {
	{"mysql", "mysql://", 3306,
	 "It has the form mysql://host/database or mysql://host:3306/database."},
	{"postgres", "postgresql://", 5432,
	 "It has the form postgresql://host/database or postgresql://host:5432/database."},
};

static const MlsPlatform *
find_platform(const char *name)
{
	return strcmp(name, generic.name) == 0 ? &generic : NULL;
}

static const Scheme *
scheme_of(const char *protocol)
{
	for (int i = 0; i < lengthof(schemes); i++)
		if (strcmp(schemes[i].protocol, protocol) == 0)
			return &schemes[i];
	return NULL;
}

/* "host", "host:port", "[address]:port"; false if it is none of these. */
static bool
take_host(const char *text, int length, MlsDestinationPlace *place)
{
	const char *end = text + length;
	const char *port = end;

	if (length > 0 && text[0] == '[')
	{
		const char *close = memchr(text, ']', length);

		if (close == NULL || close == text + 1)
			return false;
		place->host = pnstrdup(text + 1, close - text - 1);
		port = close + 1;
	}
	else
	{
		port = memchr(text, ':', length);
		port = port ? port : end;
		place->host = pnstrdup(text, port - text);
		for (const char *at = place->host; *at; at++)
			if (!isalnum((unsigned char) *at) && strchr("-._", *at) == NULL)
				return false;
	}
	if (place->host[0] == '\0')
		return false;
	if (port == end)
		return true;
	if (*port != ':' || end - port < 2 || end - port > 6)
		return false;
	place->port = 0;
	for (port++; port < end; port++)
	{
		if (!isdigit((unsigned char) *port))
			return false;
		place->port = place->port * 10 + (*port - '0');
	}
	return place->port >= 1 && place->port <= 65535;
}

const char *
mls_destination_place(const char *protocol, const char *url, MlsDestinationPlace *place)
{
	const Scheme *scheme = scheme_of(protocol);
	const char *host = url + strlen(scheme->scheme);
	const char *database;

	memset(place, 0, sizeof(*place));
	place->port = scheme->port;
	if (pg_strncasecmp(url, scheme->scheme, strlen(scheme->scheme)) != 0)
		return scheme->form;
	if (strchr(host, '@') != NULL)
		return "User and password belong into a user mapping, as options username and password.";
	database = strchr(host, '/');
	if (database == NULL || !take_host(host, database - host, place))
		return scheme->form;
	database++;
	if (*database == '\0' || strlen(database) > LONGEST_NAME)
		return scheme->form;
	for (const char *at = database; *at; at++)
		if (!isalnum((unsigned char) *at) && strchr("-._$", *at) == NULL)
			return "The name of the database is of letters, digits, \"-\", \".\", \"_\" and \"$\".";
	place->database = pstrdup(database);
	return NULL;
}

static const char *
mysql_problem(const char *url)
{
	MlsDestinationPlace place;

	return mls_destination_place("mysql", url, &place);
}

static const char *
postgres_problem(const char *url)
{
	MlsDestinationPlace place;

	return mls_destination_place("postgres", url, &place);
}

/* Of those that are asked over HTTP the address is one of http. */
#define DESTINATION(word, problem)                                                                 \
	extern const MlsProtocol mls_##word##_protocol;                                                \
	const MlsProtocol mls_##word##_protocol = {                                                    \
		.name = #word,                                                                             \
		.is_destination = true,                                                                    \
		.url_problem = problem,                                                                    \
		.platform = find_platform,                                                                 \
		.platform_names = platform_names,                                                          \
	}

DESTINATION(mysql, mysql_problem);
DESTINATION(postgres, postgres_problem);
DESTINATION(elasticsearch, NULL);
DESTINATION(opensearch, NULL);
DESTINATION(typesense, NULL);
DESTINATION(meilisearch, NULL);
DESTINATION(solr, NULL);
DESTINATION(receiver, NULL);
