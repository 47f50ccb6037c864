/*
 * site.h
 *		The operators' site: what runs, in a browser, on a listener of its own.
 *
 * Whoever logs in does so with a role and password of PostgreSQL, and all that is shown or
 * done for him runs on connections that were opened with them: the site has no rights of its
 * own.  It asks by a list of names; nothing that comes from the network is SQL.
 *
 * site_http.c		 requests: who may ask, headers, the three kinds of answers
 * site_live.c		 what runs, told as it changes (server-sent events)
 * site_jobs.c		 what takes long: a thread and a connection each
 * site_ask.c		 one question on a connection, answered in JSON
 * site_sessions.c	 who is logged in
 * site_questions.c	 what may be asked: questions.sql, as a list
 * site_login.c		 connections as a role that has said its password
 * site_files.c		 pages, scripts and styles, as they stand in this folder
 */
#ifndef SERVE_SITE_H
#define SERVE_SITE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Serves on a socket that listens at place.  False with the reason if it must not: others than
 * this machine could reach it, and that was not said to be meant.
 */
extern bool serve_site_start(int listener, const char *place, char *problem, size_t space);
/* What runs is cancelled, and everybody is logged out. */
extern void serve_site_stop(void);

#endif /* SERVE_SITE_H */
