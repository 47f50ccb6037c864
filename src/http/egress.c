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
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include "http/transport.h"

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

bool
mls_egress_listed(const char *host, int port)
{
	for (const char *at = mls_allowed_hosts; at && *at;)
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
	failed |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK;
	return !failed;
}

/* ---- before anything is sent ---- */

/* With a proxy, the peer is the proxy; of the host behind it only an address in figures can be judged. */
void
mls_egress_check(MlsHttpRequest *request)
{
	const MlsHttpSource *source = request->source;
	bool has_proxy = source->proxy && *source->proxy;
	MlsUrl url;
	MlsUrl proxy;
	bool listed;

	if (!mls_url_split(request->call.url, &url))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("malformed address of %s", request->call.purpose),
						errdetail("%s", mls_url_problem(request->call.url))));
	listed = mls_egress_listed(url.host, url.port);
	request->peer_listed = listed;
	if (strcmp(url.scheme, "https") != 0 && !listed)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("source \"%s\" may not be asked over plain http", source->name),
						errdetail("Credentials and data would travel in clear."),
						errhint("Use https, or let a superuser add \"%s\" to the setting "
								"mls_fdw.allowed_hosts.",
								url.host)));
	if (!has_proxy)
		return;
	if (!mls_url_split(source->proxy, &proxy))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
						errmsg("malformed proxy address of source \"%s\"", source->name)));
	request->peer_listed = mls_egress_listed(proxy.host, proxy.port);
	if (!listed && !is_public_text(url.host))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("source \"%s\" may not be asked at its address", source->name),
						errdetail("The address %s is not public.", url.host),
						errhint("A superuser can add it to the setting mls_fdw.allowed_hosts.")));
}
