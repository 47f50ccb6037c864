/*
 * target_any.c
 *		Destinations: where they are, whether they may be asked, and waiting for them.
 *
 * Who may create a server chooses addresses that this machine then connects to; the rules are
 * those of sources (http/egress.c).
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"

#include "http/http.h"
#include "publish/target.h"

static const MlsTargetKind *const kinds[] = {
	&mls_mysql_target,      &mls_postgres_target,  &mls_elasticsearch_target,
	&mls_opensearch_target, &mls_typesense_target, &mls_meilisearch_target,
	&mls_solr_target,       &mls_receiver_target,  &mls_file_target};

const MlsTargetKind *
mls_target_kind(const MlsSource *source)
{
	for (int i = 0; i < lengthof(kinds); i++)
		if (strcmp(kinds[i]->protocol, source->protocol->name) == 0)
			return kinds[i];
	ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
			errmsg("server \"%s\" is not a destination", source->name),
			errdetail("Its protocol is \"%s\".", source->protocol->name),
			errhint("A destination is a server of protocol \"mysql\" or \"postgres\": CREATE "
					"SERVER ... OPTIONS "
					"(protocol 'mysql', url 'mysql://host/database')."));
}

MlsTarget *
mls_target_open(const MlsSource *source)
{
	return mls_target_kind(source)->open(source);
}

void *
mls_target_begin(const MlsTargetKind *kind, const MlsSource *source, Size size)
{
	MlsTarget *target = palloc0(size);
	const char *problem =
		mls_destination_place(source->protocol->name, source->http.url, &target->place);

	target->kind = kind;
	target->source = source;
	if (problem != NULL)
		ereport(ERROR, errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				errmsg("server \"%s\" has no valid url", source->name), errdetail("%s", problem));
	if (source->tls == MLS_TLS_NONE &&
		!mls_egress_is_listed(target->place.host, target->place.port))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("destination \"%s\" may not be connected to without TLS", source->name),
				errdetail("Password and data would travel in clear."),
				errhint("Leave the option tls alone, or let a superuser add \"%s\" to the setting "
						"mls_fdw.allowed_hosts.",
						target->place.host));
	return target;
}

/* ---- Addresses ---- */

void
mls_target_refuse_address(const MlsTarget *target, const char *address)
{
	ereport(
		ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		errmsg("destination \"%s\" may not be connected to at its address", target->source->name),
		errdetail("The address %s of host \"%s\" is not public.", address, target->place.host),
		errhint("A superuser can add the host to the setting mls_fdw.allowed_hosts."));
}

bool
mls_target_may_ask(const MlsTarget *target, const struct sockaddr *address)
{
	return mls_egress_is_listed(target->place.host, target->place.port) ||
		   mls_egress_is_public(address);
}

static char *
address_text(const struct sockaddr *address)
{
	char text[INET6_ADDRSTRLEN] = "(unknown)";

	if (address->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *) address)->sin_addr, text, sizeof(text));
	else if (address->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *) address)->sin6_addr, text,
				  sizeof(text));
	return pstrdup(text);
}

List *
mls_target_resolve(const MlsTarget *target)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	char *refused = NULL;
	List *addresses = NIL;
	int code = getaddrinfo(target->place.host, NULL, &hints, &found);

	if (code != 0)
		ereport(ERROR, errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
				errmsg("could not find host \"%s\" of destination \"%s\"", target->place.host,
					   target->source->name),
				errdetail("%s.", gai_strerror(code)));
	for (const struct addrinfo *at = found; at && refused == NULL; at = at->ai_next)
	{
		struct sockaddr_storage *address = palloc0(sizeof(struct sockaddr_storage));

		memcpy(address, at->ai_addr, at->ai_addrlen);
		if (!mls_target_may_ask(target, at->ai_addr))
			refused = address_text(at->ai_addr);
		addresses = lappend(addresses, address);
	}
	freeaddrinfo(found);
	if (refused != NULL)
		mls_target_refuse_address(target, refused);
	return addresses;
}

const char *
mls_target_authorities(const MlsTarget *target)
{
	static const char *const usual[] = {"/etc/ssl/certs/ca-certificates.crt",
										"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

	if (target->source->http.ca_file != NULL && *target->source->http.ca_file)
		return target->source->http.ca_file;
	for (int i = 0; i < lengthof(usual); i++)
		if (access(usual[i], R_OK) == 0)
			return usual[i];
	return NULL;
}

/* ---- The environment ---- */

extern char **environ;

static bool
begins_with_any(const char *variable, const char *prefix, va_list more)
{
	for (; prefix != NULL; prefix = va_arg(more, const char *))
		if (strncmp(variable, prefix, strlen(prefix)) == 0)
			return true;
	return false;
}

List *
mls_target_hide_environment(const char *prefix, ...)
{
	List *hidden = NIL;
	ListCell *lc;

	for (char **at = environ; *at != NULL; at++)
	{
		va_list more;

		va_start(more, prefix);
		if (begins_with_any(*at, prefix, more) && strchr(*at, '=') != NULL)
			hidden = lappend(hidden, pstrdup(*at));
		va_end(more);
	}
	/* Each is kept as a name and, behind its end, the value. */
	foreach (lc, hidden)
	{
		*strchr(lfirst(lc), '=') = '\0';
		unsetenv(lfirst(lc));
	}
	return hidden;
}

void
mls_target_show_environment(List *hidden)
{
	ListCell *lc;

	foreach (lc, hidden)
	{
		const char *name = lfirst(lc);

		(void) setenv(name, name + strlen(name) + 1, 1);
	}
}

/* ---- Waiting ---- */

bool
mls_target_wait(int socket, bool readable, int ms)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms < 0 ? 0 : ms);

	for (;;)
	{
		long left = ms < 0 ? -1 : TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
		int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH |
					 (readable ? WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE) |
					 (ms < 0 ? 0 : WL_TIMEOUT);
		int seen = WaitLatchOrSocket(MyLatch, events, socket, left, PG_WAIT_EXTENSION);

		if ((seen & WL_LATCH_SET) != 0)
		{
			ResetLatch(MyLatch);
			if (QueryCancelPending || ProcDiePending)
				return false;
		}
		if ((seen & (WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE)) != 0)
			return true;
		if (ms >= 0 && GetCurrentTimestamp() >= until)
			return false;
	}
}

/* A table of which somebody else keeps the position, or nobody, is not ours to drop. */
void
mls_target_require_own(const MlsPublication *publication, const char *token)
{
	if (token != NULL && strcmp(token, publication->token) == 0)
		return;
	ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			errmsg("table \"%s\" of destination \"%s\" is not dropped", publication->name,
				   publication->destination),
			errdetail("This publication has not written it."));
}

static bool
is_same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

void
mls_target_require_position(const MlsTarget *target, const MlsPublication *publication,
							bool is_there, const MlsTargetPosition *there,
							const MlsTargetPosition *from)
{
	if (from->token == NULL
			? !is_there
			: is_there && is_same(there->token, from->token) && there->position == from->position &&
				  there->loading == from->loading && is_same(there->load_after, from->load_after))
		return;
	ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			errmsg("\"%s\" at destination \"%s\" is written by somebody else as well",
				   publication->name, target->source->name),
			errdetail("Its position has moved during this run."));
}
