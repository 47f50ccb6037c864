/*
 * sockets.c
 *		Where to listen, and whose address is believed.
 */
#include "serve/http/serve_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve/base/settings.h"

#define BACKLOG 511

static int
listen_on_path(const char *path, char *problem, size_t space)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat about;

	if (strlen(path) >= sizeof(address.sun_path))
	{
		snprintf(problem, space, "the path %s is too long for a socket", path);
		close(fd);
		return -1;
	}
	strcpy(address.sun_path, path);
	/* One that an earlier run left behind. */
	if (lstat(path, &about) == 0 && S_ISSOCK(about.st_mode))
		unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof(address)) != 0 ||
		chmod(path, 0660) != 0 || listen(fd, BACKLOG) != 0)
	{
		snprintf(problem, space, "cannot listen on %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int
listen_on_address(const struct addrinfo *one)
{
	int yes = 1;
	int fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, one->ai_addr, one->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

int
serve_listen_on(const char *where, char *place, size_t place_space, char *problem, size_t space)
{
	char host[256];
	const char *port = strrchr(where, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found;
	struct sockaddr_storage bound;
	socklen_t length = sizeof(bound);
	char text[INET6_ADDRSTRLEN];
	int fd = -1;
	int trouble;

	if (where[0] == '/')
	{
		snprintf(place, place_space, "%s", where);
		return listen_on_path(where, problem, space);
	}
	if (!port || (size_t) (port - where) >= sizeof(host))
	{
		snprintf(problem, space, "\"%s\" is no address with a port, like 127.0.0.1:8080", where);
		return -1;
	}
	snprintf(host, sizeof(host), "%.*s", (int) (port - where), where);
	if (host[0] == '[' && host[strlen(host) - 1] == ']')
	{
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	trouble = getaddrinfo(host[0] ? host : NULL, port + 1, &hints, &found);
	if (trouble != 0)
	{
		snprintf(problem, space, "cannot listen on %s: %s", where, gai_strerror(trouble));
		return -1;
	}
	for (struct addrinfo *one = found; one && fd < 0; one = one->ai_next)
		fd = listen_on_address(one);
	freeaddrinfo(found);
	if (fd < 0 || getsockname(fd, (struct sockaddr *) &bound, &length) != 0)
	{
		snprintf(problem, space, "cannot listen on %s: %s", where, strerror(errno));
		return -1;
	}
	serve_address_text((struct sockaddr *) &bound, text, sizeof(text));
	snprintf(place, place_space, bound.ss_family == AF_INET6 ? "[%s]:%d" : "%s:%d", text,
			 ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *) &bound)->sin6_port
											   : ((struct sockaddr_in *) &bound)->sin_port));
	return fd;
}

int
serve_listen_inherited(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");

	if (!pid || !fds || atol(pid) != (long) getpid() || atoi(fds) < 1)
		return -1;
	return 3; /* the first is always that */
}

void
serve_address_text(const struct sockaddr *address, char *text, size_t space)
{
	const void *bytes = NULL;
	int family = address->sa_family;

	text[0] = '\0';
	if (family == AF_INET)
		bytes = &((const struct sockaddr_in *) address)->sin_addr;
	else if (family == AF_INET6)
	{
		const struct in6_addr *six = &((const struct sockaddr_in6 *) address)->sin6_addr;

		bytes = six;
		/* One of version 4 in the clothes of version 6. */
		if (IN6_IS_ADDR_V4MAPPED(six))
		{
			family = AF_INET;
			bytes = &six->s6_addr[12];
		}
	}
	if (bytes)
		inet_ntop(family, bytes, text, (socklen_t) space);
	else
		snprintf(text, space, "local");
}

bool
serve_address_trusted(const char *address)
{
	size_t length = strlen(address);

	for (const char *at = serve_settings.trusted; at && *at;)
	{
		size_t one;

		at += strspn(at, " ,");
		one = strcspn(at, " ,");
		if (one == length && strncmp(at, address, length) == 0)
			return true;
		at += one;
	}
	return false;
}

const char *
serve_address_behind(ServeArena *arena, const struct sockaddr *from, const char *forwarded)
{
	char text[64];
	const char *address;

	serve_address_text(from, text, sizeof(text));
	address = serve_copy(arena, text);
	while (forwarded && serve_address_trusted(address))
	{
		const char *comma = strrchr(forwarded, ',');
		const char *last = comma ? comma + 1 : forwarded;
		size_t length;

		last += strspn(last, " \t");
		length = strcspn(last, " \t,");
		if (length == 0 || length > 63)
			break;
		address = serve_copy_bytes(arena, last, length);
		forwarded = comma ? serve_copy_bytes(arena, forwarded, (size_t) (comma - forwarded)) : NULL;
	}
	return address;
}
