/*
 * site_room.h
 *		The site, to its own files.
 */
#ifndef SERVE_SITE_ROOM_H
#define SERVE_SITE_ROOM_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/base/bytes.h"

/* ---- site_files.c ---- */

typedef struct ServeSiteFile
{
	const char *name; /* "index.html" */
	const char *type;
	const char *data;
	size_t length;
} ServeSiteFile;

/* By the name it has in an address; NULL if there is none. */
extern const ServeSiteFile *serve_site_file(const char *name);
/* The text of questions.sql. */
extern ServeSiteFile serve_site_questions_text(void);

/* ---- site_login.c ---- */

typedef enum ServeSiteLogin
{
	SERVE_SITE_LOGGED_IN,
	SERVE_SITE_REFUSED,   /* role or password is wrong */
	SERVE_SITE_UNASKED,   /* the database asked for no password, so it proves nothing */
	SERVE_SITE_FORBIDDEN, /* they are right, and the role may not use this database */
	SERVE_SITE_NO_DATABASE
} ServeSiteLogin;

/* Finds out once which database that is; false with the reason. */
extern bool serve_site_login_start(char *problem, size_t space);
/* A connection as a role, in *pg.  The problem may be told to whoever logs in. */
extern ServeSiteLogin serve_site_connect(const char *role, const char *password, PGconn **pg,
										 char *problem, size_t space);
/* The schema of the extension, quoted; of malloc, NULL if it is not in the database. */
extern char *serve_site_schema(PGconn *pg);

/* ---- site_questions.c ---- */

enum
{
	SERVE_SITE_PARAMS = 10
};

typedef enum ServeSiteKind
{
	SERVE_SITE_QUESTION, /* READ ONLY, and answered at once */
	SERVE_SITE_CHANGE,   /* answered at once */
	SERVE_SITE_LONG      /* by a job */
} ServeSiteKind;

typedef struct ServeSiteParam
{
	char *name;
	enum
	{
		SERVE_SITE_TEXT,
		SERVE_SITE_NUMBER,
		SERVE_SITE_BOOLEAN
	} type;
	bool optional; /* NULL if it is not said */
} ServeSiteParam;

typedef struct ServeSiteQuestion
{
	char *name;
	ServeSiteKind kind;
	ServeSiteParam params[SERVE_SITE_PARAMS];
	int nparams;
	char *sql; /* "@." stands for the schema of the extension */
} ServeSiteQuestion;

extern bool serve_site_questions_start(char *problem, size_t space);
extern const ServeSiteQuestion *serve_site_question(const char *name);
/* Whether a value is one of the parameter's type. */
extern bool serve_site_value_good(const ServeSiteParam *param, const char *value);

/* ---- site_sessions.c ---- */

typedef struct ServeSiteSession
{
	unsigned char mark[32]; /* SHA-256 of the cookie's value, which is kept nowhere */
	char csrf[64];
	char *role;
	char *password; /* for connections that are opened later */
	char *schema;   /* of the extension; NULL: it is not there */
	int64_t began;
	int64_t used;
	int users;  /* who holds it */
	bool ended; /* it is freed when nobody does any more */
	int streams;
	pthread_mutex_t busy; /* what follows: one question at a time */
	PGconn *pg;
	int64_t connected;
} ServeSiteSession;

/* A session over a connection, which is the session's from then on, with the value of its
 * cookie; NULL if there are too many.  Held. */
extern ServeSiteSession *
serve_site_session_begin(const char *role, const char *password, PGconn *pg, char cookie[64]);
/* The session of a cookie, held; NULL if there is none (any more).  Unless it is only looked
 * at, it has been used now. */
extern ServeSiteSession *serve_site_session_find(const char *cookie, bool use);
extern void serve_site_session_release(ServeSiteSession *session);
extern void serve_site_session_end(ServeSiteSession *session);
extern bool serve_site_session_lives(ServeSiteSession *session);
/* False when it has too many streams already. */
extern bool serve_site_session_stream(ServeSiteSession *session, int change);
/* Ends those that nobody used for long. */
extern void serve_site_sessions_tick(void);
extern void serve_site_sessions_stop(void);
extern int serve_site_sessions_count(void);

/* ---- site_ask.c ---- */

/* Asks a question with as many values as it has parameters; JSON {"rows": ...} or
 * {"error": ...} is added to out, and the status of HTTP returned. */
extern int serve_site_ask(ServeSiteSession *session, const ServeSiteQuestion *question,
						  const char *const *values, ServeBytes *out);
/* The same on a connection of one's own; a change may take as long as it takes.  A question
 * named plain is answered by the text of its only value. */
extern int serve_site_ask_on(PGconn *pg, const char *schema, const ServeSiteQuestion *question,
							 const char *const *values, bool plain, ServeBytes *out);
/* {"error": {"message": ...}} */
extern void serve_site_error(ServeBytes *out, const char *message, const char *hint);

/* ---- site_jobs.c ---- */

/* Begins a job; its number, or 0 with the reason. */
extern int64_t
serve_site_job_begin(const ServeSiteSession *session, const ServeSiteQuestion *question,
					 const char *const *values, const char **problem);
/* Those of a role as a JSON array, newest first. */
extern void serve_site_jobs_list(const char *role, ServeBytes *out);
extern bool serve_site_job_cancel(const char *role, int64_t number);
extern void serve_site_jobs_stop(void);

/* ---- site_live.c ---- */

struct MHD_Response;

/* A stream for a session that is held, and that the stream releases; NULL if it has too many. */
extern struct MHD_Response *serve_site_live(ServeSiteSession *session);
/* Streams end. */
extern void serve_site_live_stop(void);

#endif /* SERVE_SITE_ROOM_H */
