/*
 * egress.c
 *		Where the server may connect to.
 *
 * Who may create a server chooses addresses that this machine then asks.  So
 * only public addresses are asked, and only over https, unless a superuser has
 * listed the host.  The rule is applied to the address in the moment of
 * connecting, not to the name: what the name resolved to before proves nothing.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include "lib/stringinfo.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "http/transport.h"

static char *allowed_hosts = NULL;

/* ---- the setting ---- */

/* Length of a port (":" and digits, 1 to 65535) at the end of an entry; -1 if it is none. */
static int
port_length(const char *text, int length)
{
	int port = 0;

	if (length < 2 || length > 6 || text[0] != ':')
		return -1;
	for (int i = 1; i < length; i++)
	{
		if (!isdigit((unsigned char) text[i]))
			return -1;
		port = port * 10 + (text[i] - '0');
	}
	return port >= 1 && port <= 65535 ? length : -1;
}

/* "host", "host:port", "*.suffix", "[address]", "[address]:port" */
static bool
is_entry(const char *text, int length)
{
	int at = 0;

	if (length > 0 && text[0] == '[')
	{
		while (at < length && text[at] != ']')
			at++;
		if (at < 3 || at++ == length)
			return false;
		return at == length || port_length(text + at, length - at) > 0;
	}
	if (length > 2 && text[0] == '*' && text[1] == '.')
		at = 2;
	if (at == length || text[at] == ':')
		return false;
	while (at < length && (isalnum((unsigned char) text[at]) || strchr("-._", text[at])))
		at++;
	return at == length || port_length(text + at, length - at) > 0;
}

const char *
mls_hosts_problem(const char *list)
{
	for (const char *at = list; *at;)
	{
		int length;

		at += strspn(at, ", \t");
		length = strcspn(at, ", \t");
		if (length > 0 && !is_entry(at, length))
			return psprintf("\"%.*s\" is not of the form host, host:port or *.suffix.", length, at);
		at += length;
	}
	return NULL;
}

static bool
check_allowed_hosts(char **value, void **extra, GucSource source)
{
	const char *problem = mls_hosts_problem(*value);

	if (problem != NULL)
		GUC_check_errdetail("%s", problem);
	return problem == NULL;
}

void
mls_http_define_settings(void)
{
	DefineCustomStringVariable(
		"mls_fdw.allowed_hosts", "Hosts that sources may have in spite of the egress rules.",
		"Any public address may be asked over https. A host listed here (host, host:port or "
		"*.suffix, separated by commas) may also have a private or loopback address, be asked "
		"over plain http, and be linked to by another source.",
		&allowed_hosts, "", PGC_SUSET, 0, check_allowed_hosts, NULL, NULL);
}

/* ---- which hosts are listed ---- */

/* Does one entry of the setting name the host (and port)? */
static bool
entry_matches(const char *entry, int length, const char *host, int port)
{
	int host_length = strlen(host);
	const char *colon = memchr(entry, ':', length);

	if (entry[0] == '[')
	{
		const char *end = memchr(entry, ']', length);
		int rest = length - (end - entry) - 1;

		if (rest > 0 && atoi(end + 2) != port)
			return false;
		entry++;
		length = end - entry;
	}
	else if (colon)
	{
		if (atoi(colon + 1) != port)
			return false;
		length = colon - entry;
	}
	if (entry[0] != '*')
		return length == host_length && pg_strncasecmp(entry, host, length) == 0;
	/* "*.suffix": something must stand for the star. */
	return host_length > length - 1 &&
		   pg_strncasecmp(entry + 1, host + host_length - (length - 1), length - 1) == 0;
}

/* Is host:port named in a list? */
static bool
is_named(const char *list, const char *host, int port)
{
	for (const char *at = list; at && *at;)
	{
		int length;

		at += strspn(at, ", \t");
		length = strcspn(at, ", \t");
		if (length > 0 && entry_matches(at, length, host, port))
			return true;
		at += length;
	}
	return false;
}

/* In mls_fdw.allowed_hosts? */
static bool
is_listed(const char *host, int port)
{
	return is_named(allowed_hosts, host, port);
}

bool
mls_hosts_name(const char *list, const char *url)
{
	MlsUrl parts;

	return mls_url_split(url, &parts) && is_named(list, parts.host, parts.port);
}

/* ---- which addresses are public ---- */

typedef struct Range
{
	uint32 network;
	int bits;
} Range;

/* IPv4 addresses that are not public (IANA's special-purpose registry, multicast, reserved). */
static const Range special_ranges[] = {
	{0x00000000, 8},  /* this network */
	{0x0A000000, 8},  /* private */
	{0x64400000, 10}, /* shared, behind carriers' NAT */
	{0x7F000000, 8},  /* loopback */
	{0xA9FE0000, 16}, /* link-local, cloud metadata */
	{0xAC100000, 12}, /* private */
	{0xC0000000, 24}, /* protocol assignments */
	{0xC0000200, 24}, /* documentation */
	{0xC0586300, 24}, /* relays from IPv6 */
	{0xC0A80000, 16}, /* private */
	{0xC6120000, 15}, /* benchmarks */
	{0xC6336400, 24}, /* documentation */
	{0xCB007100, 24}, /* documentation */
	{0xE0000000, 3},  /* multicast, reserved, broadcast */
};

static bool
is_public_v4(uint32 address)
{
	for (int i = 0; i < lengthof(special_ranges); i++)
		if ((address ^ special_ranges[i].network) >> (32 - special_ranges[i].bits) == 0)
			return false;
	return true;
}

static uint32
v4_at(const uint8 *bytes)
{
	return ((uint32) bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3];
}

/*
 * Of IPv6 only what is allocated to the public internet (2000::/3), less the
 * parts of it that are tunnels, documentation or otherwise special; and the
 * translated and 6to4 forms of a public IPv4 address.  Everything else, mapped
 * IPv4 addresses included, is refused.
 */
static bool
is_public_v6(const uint8 *bytes)
{
	static const uint8 nat64[12] = {0x00, 0x64, 0xff, 0x9b};

	if (memcmp(bytes, nat64, sizeof(nat64)) == 0)
		return is_public_v4(v4_at(bytes + 12));
	if ((bytes[0] & 0xE0) != 0x20)
		return false;
	if (bytes[0] == 0x20 && bytes[1] == 0x02)
		return is_public_v4(v4_at(bytes + 2));
	if (bytes[0] == 0x20 && bytes[1] == 0x01)
		return bytes[2] >= 0x02 && !(bytes[2] == 0x0d && bytes[3] == 0xb8);
	return !(bytes[0] == 0x3f && bytes[1] == 0xff && bytes[2] < 0x10);
}

static bool
is_public(int family, const void *address)
{
	if (family == AF_INET)
		return is_public_v4(v4_at(address));
	return family == AF_INET6 && is_public_v6(address);
}

/* An address in text; true also for what is none (a name). */
static bool
is_public_text(const char *text)
{
	uint8 address[16];

	if (inet_pton(AF_INET, text, address) == 1)
		return is_public(AF_INET, address);
	if (inet_pton(AF_INET6, text, address) == 1)
		return is_public(AF_INET6, address);
	return true;
}

bool
mls_egress_is_listed(const char *host, int port)
{
	return is_listed(host, port);
}

bool
mls_egress_is_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return is_public(AF_INET, &((const struct sockaddr_in *) address)->sin_addr);
	return address->sa_family == AF_INET6 &&
		   is_public(AF_INET6, &((const struct sockaddr_in6 *) address)->sin6_addr);
}

/* ---- libcurl's questions; these may not throw ---- */

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *peer)
{
	MlsHttpRequest *request = arg;
	const void *address = NULL;
	int fd;

	if (peer->family == AF_INET)
		address = &((struct sockaddr_in *) &peer->addr)->sin_addr;
	else if (peer->family == AF_INET6)
		address = &((struct sockaddr_in6 *) &peer->addr)->sin6_addr;
	if (address == NULL || (!request->peer_listed && !is_public(peer->family, address)))
	{
		if (address == NULL ||
			!inet_ntop(peer->family, address, request->refused, sizeof(request->refused)))
			strlcpy(request->refused, "not of IPv4 or IPv6", sizeof(request->refused));
		return CURL_SOCKET_BAD;
	}
	fd = socket(peer->family, peer->socktype, peer->protocol);
	/* Programs that the server starts have no business with it. */
	if (fd >= 0)
		(void) fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* Just before a request goes out: the connection may be a kept one, made under another setting. */
static int
before_request(void *arg, char *peer_ip, char *local_ip, int peer_port, int local_port)
{
	MlsHttpRequest *request = arg;

	request->connected = true;
	request->progress_at = mls_clock_us();
	if (request->peer_listed || is_public_text(peer_ip))
		return CURL_PREREQFUNC_OK;
	strlcpy(request->refused, peer_ip, sizeof(request->refused));
	return CURL_PREREQFUNC_ABORT;
}

bool
mls_egress_apply(MlsHttpRequest *request)
{
	CURL *easy = request->transfer.easy;
	bool failed = false;

	request->refused[0] = '\0';
	failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) != CURLE_OK;
	failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, request) != CURLE_OK;
	failed |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request) != CURLE_OK;
	failed |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, request) != CURLE_OK;
	failed |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
							   request->call.mail ? "smtp,smtps" : "http,https") != CURLE_OK;
	return !failed;
}

/* ---- before anything is sent ---- */

/* With a proxy, the peer is the proxy; of the host behind it only an address in figures can be judged. */
void
mls_egress_check(MlsHttpRequest *request, MlsUrl *url)
{
	const MlsHttpSource *source = request->source;
	bool has_proxy = source->proxy && *source->proxy;
	MlsUrl proxy;
	bool listed;

	if (!mls_url_split(request->call.url, url))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("malformed address of %s", request->call.purpose),
						errdetail("%s", mls_url_problem(request->call.url))));
	listed = is_listed(url->host, url->port);
	request->peer_listed = listed;
	if (request->call.mail && request->call.mail->plain && !listed)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("%s may not be sent mail without TLS", source->name),
						errdetail("Password and mail would travel in clear."),
						errhint("Let a superuser add \"%s\" to the setting mls_fdw.allowed_hosts.",
								url->host)));
	if (strcmp(url->scheme, "https") != 0 && !listed && !request->call.mail)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("source \"%s\" may not be asked over plain http", source->name),
						errdetail("Credentials and data would travel in clear."),
						errhint("Use https, or let a superuser add \"%s\" to the setting "
								"mls_fdw.allowed_hosts.",
								url->host)));
	if (!has_proxy)
		return;
	if (!mls_url_split(source->proxy, &proxy))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("malformed proxy address of source \"%s\"", source->name)));
	request->peer_listed = is_listed(proxy.host, proxy.port);
	if (!listed && !is_public_text(url->host))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("source \"%s\" may not be asked at its address", source->name),
						errdetail("The address %s is not public.", url->host),
						errhint("A superuser can add it to the setting mls_fdw.allowed_hosts.")));
}

/* ---- links ---- */

/* A link as servers write it, with blanks, quotes and other letters escaped that may not stand there. */
static char *
escape_strays(const char *link)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (const unsigned char *c = (const unsigned char *) link; *c; c++)
	{
		if (*c <= 0x20 || *c >= 0x7f || strchr("\"<>\\^`{|}", *c))
			appendStringInfo(&buf, "%%%02X", *c);
		else
			appendStringInfoChar(&buf, *c);
	}
	return buf.data;
}

pg_noreturn static void refuse_link(const MlsHttpSource *source, const char *link, const char *why);

static void
refuse_link(const MlsHttpSource *source, const char *link, const char *why)
{
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("source \"%s\" gave a link that is not followed", source->name),
					errdetail("%s The link is \"%s\".", why, mls_url_display(link))));
}

/* Links come from outside: one to another place could carry the credentials away. */
static void
check_link(const MlsHttpSource *source, const char *link)
{
	MlsUrl root;
	MlsUrl target;

	if (!mls_url_split(link, &target) || !mls_url_split(source->url, &root))
		refuse_link(source, link, "It is malformed.");
	if (target.has_user)
		refuse_link(source, link, "It holds a user name.");
	if (mls_url_same_origin(&root, &target))
		return;
	if (strcmp(root.scheme, "https") == 0 && strcmp(target.scheme, "https") != 0)
		refuse_link(source, link, "It leaves https.");
	if (strcmp(target.scheme, "https") != 0 && strcmp(target.scheme, "http") != 0)
		refuse_link(source, link, "It is not an http address.");
	if (is_listed(target.host, target.port))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("source \"%s\" gave a link to another host", source->name),
			 errdetail("The link is \"%s\".", mls_url_display(link)),
			 errhint("If the host is to be trusted, a superuser can add \"%s\" to the setting "
					 "mls_fdw.allowed_hosts.",
					 target.host)));
}

/* Sources (by Oid) that gave links in plain http to themselves. */
static List *plain_linked = NIL;

bool
mls_url_mended(Oid server_id)
{
	return list_member_oid(plain_linked, server_id);
}

/*
 * A server behind a front that ends TLS does not know of it, and writes links as
 * it was asked itself: in plain http, with the name it was asked by, perhaps with
 * a port of its own.  What it means is the source; so that is where the link leads.
 */
static char *
mend_origin(const MlsHttpSource *source, char *url)
{
	MemoryContext old;
	char *mended;
	MlsUrl root;
	MlsUrl target;

	if (!mls_url_split(url, &target) || !mls_url_split(source->url, &root) ||
		strcmp(root.scheme, "https") != 0 || strcmp(target.scheme, "http") != 0 ||
		strcmp(root.host, target.host) != 0)
		return url;
	mended = mls_url_with_origin(url, &root);
	if (mended == NULL)
		return url;
	if (!mls_url_mended(source->server_id))
	{
		old = MemoryContextSwitchTo(TopMemoryContext);
		plain_linked = lappend_oid(plain_linked, source->server_id);
		MemoryContextSwitchTo(old);
	}
	return mended;
}

char *
mls_url_resolve(const MlsHttpSource *source, const char *base, const char *link)
{
	char *clean = escape_strays(link);
	char *url;

	if (*clean == '\0')
		refuse_link(source, clean, "It is empty.");
	url = mls_url_join(base, clean);
	if (url == NULL)
		refuse_link(source, clean, "It is malformed.");
	url = mend_origin(source, url);
	check_link(source, url);
	return url;
}

char *
mls_url_absolute(const MlsHttpSource *source, const char *link)
{
	char *clean = escape_strays(link);
	char *url = *clean ? mls_url_join(source->url, clean) : NULL;
	MlsUrl parts;

	if (url == NULL || !mls_url_split(url, &parts) || parts.has_user)
		return NULL;
	return url;
}
