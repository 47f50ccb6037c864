/*
 * serve_http.h
 *		HTTP, by libmicrohttpd: one thread that takes all connections, and hands what needs the
 *		database to the pool.
 *
 * front.c		 the service itself
 * admin.c		 /live, /ready and /metrics, for who runs it
 * sockets.c	 where to listen, and whose address is believed
 */
#ifndef SERVE_HTTP_H
#define SERVE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "serve/base/arena.h"

struct sockaddr;

/* ---- sockets.c ---- */

/*
 * A socket that listens: "127.0.0.1:8080", "[::1]:8080", ":8080", or the path of a UNIX socket.
 * -1 and the reason if not.  The place as it is in the end, with the port that was free, is
 * written to place.
 */
extern int
serve_listen_on(const char *where, char *place, size_t place_space, char *problem, size_t space);
/* The socket that systemd hands over; -1: none. */
extern int serve_listen_inherited(void);
extern void serve_address_text(const struct sockaddr *address, char *text, size_t space);
/* Whether an address is one of those whose X-Forwarded-For holds. */
extern bool serve_address_trusted(const char *address);
/* Who is on the other side: of proxies that are believed, the last that was not one of them. */
extern const char *
serve_address_behind(ServeArena *arena, const struct sockaddr *address, const char *forwarded);

/* ---- front.c ---- */

extern bool serve_front_start(int listener);
/* Takes no connection any more; what runs ends, at most in so many ms.  True if all ended. */
extern bool serve_front_drain(int ms);
extern void serve_front_stop(void);
extern bool serve_front_draining(void);

/* ---- admin.c ---- */

extern bool serve_admin_start(int listener);
extern void serve_admin_stop(void);

#endif /* SERVE_HTTP_H */
