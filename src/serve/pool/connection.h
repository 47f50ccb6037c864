/*
 * connection.h
 *		Connections, to the room itself.
 */
#ifndef SERVE_CONNECTION_H
#define SERVE_CONNECTION_H

#include <libpq-fe.h>

#include "serve/pool/pool.h"

/* A connection of libpq with our settings; NULL if it cannot be had.  purpose is seen in
 * pg_stat_activity, and who the connection is for in the log. */
extern PGconn *serve_connect(const char *purpose, char *problem, size_t space);

/* One for turns.  It is never NULL; serve_connection_open() makes it work, or not. */
extern ServeConnection *serve_connection_new(const char *purpose);
extern bool serve_connection_open(ServeConnection *connection, char *problem, size_t space);
/* Whether it works, as far as can be seen without asking. */
extern bool serve_connection_works(ServeConnection *connection);
/* Whatever is prepared is prepared anew. */
extern void serve_connection_renew(ServeConnection *connection);
extern void serve_connection_free(ServeConnection *connection);

/* Models and consumers (loader.c); false with the reason in the log.  Only consumers, if so. */
extern bool serve_load(ServeConnection *connection, bool only_consumers);

#endif /* SERVE_CONNECTION_H */
