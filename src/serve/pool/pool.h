/*
 * pool.h
 *		The database: so many threads, each with one connection, and what is asked of them.
 *
 * A request is a job.  It waits in a queue that is short, runs on one thread, and asks in
 * turns: a turn is one pipeline of BEGIN, role and claims, statements, COMMIT, so it costs
 * one round trip.  Nobody else knows libpq.
 *
 * connection.c		one connection: turns, prepared statements, deadlines
 * pool.c			threads, the queue, who gets which thread
 * loader.c			models and consumers, from the extension's functions
 * listener.c		a connection that hears of changes
 * clerk.c			a connection that writes the audit
 * alert_clock.c	a connection that has rules of alerts looked at
 * startup.c		whether the role we connect as may be trusted with this
 */
#ifndef SERVE_POOL_H
#define SERVE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ServeConnection ServeConnection;
typedef struct ServeResult ServeResult;

/* ---- Turns (connection.c) ---- */

enum
{
	SERVE_TURN_QUESTIONS = 4
};

typedef struct ServeQuestion
{
	const char *sql;
	int nparams;
	const char *const *params; /* NULL in it is SQL's */
	const int *lengths;        /* of those that are bytes and no text; NULL: none is */
	const int *formats;        /* 1: it is bytes */
} ServeQuestion;

typedef struct ServeTurn
{
	const char *role; /* NULL: as who we connect as */
	const char *claims;
	int timeout_ms; /* of a statement; the whole turn may take a second more */
	bool writes;    /* else it is READ ONLY */
	int nquestions;
	ServeQuestion questions[SERVE_TURN_QUESTIONS];
} ServeTurn;

typedef enum ServeTroubleKind
{
	SERVE_NO_TROUBLE,
	SERVE_LOST,     /* the connection is gone, or there was none */
	SERVE_TOO_LATE, /* it took too long */
	SERVE_SQL_ERROR
} ServeTroubleKind;

typedef struct ServeTrouble
{
	ServeTroubleKind kind;
	char sqlstate[6];
	int question; /* which one failed; -1: what stands around them */
} ServeTrouble;

/* True, and a result for each question, which the caller frees; else there is none. */
extern bool serve_turn(ServeConnection *connection, const ServeTurn *turn, ServeResult **results,
					   ServeTrouble *trouble);

extern int serve_result_rows(const ServeResult *result);
/* NULL is SQL's, or a row or column that is not there. */
extern const char *
serve_result_text(const ServeResult *result, int row, int column, size_t *length);
extern void serve_result_free(ServeResult *result);

/* ---- Jobs (pool.c) ---- */

typedef struct ServeJob
{
	struct ServeJob *next;
	/* connection NULL: it was not to be had in time, or others come first. */
	void (*run)(struct ServeJob *job, ServeConnection *connection);
	const char *who; /* nobody has more than half of the threads */
	uint64_t number; /* stands for who */
	int64_t submitted;
	int64_t started;
	int64_t deadline; /* when waiting ends */
} ServeJob;

typedef enum ServeSubmit
{
	SERVE_SUBMITTED,
	SERVE_QUEUE_FULL,
	SERVE_NO_DATABASE
} ServeSubmit;

extern void serve_pool_start(void);
extern ServeSubmit serve_pool_submit(ServeJob *job);
/* Whether a connection works. */
extern bool serve_pool_works(void);
/* Ends jobs that have waited too long. */
extern void serve_pool_tick(void);
/* The database may be gone; it is there again; what is prepared is out of date. */
extern void serve_pool_check(void);
extern void serve_pool_wake(void);
extern void serve_pool_renew(void);
/* What runs ends or is cancelled; what waits is told so. */
extern void serve_pool_stop(void);

/* ---- What else is asked ---- */

/* False, with the reason, if the program must not run so (startup.c). */
extern bool serve_startup_check(char *problem, size_t space);
/* The model of a role as JSON, of malloc; NULL with the reason (startup.c). */
extern char *serve_fetch_model(const char *role, char *problem, size_t space);

extern void serve_listener_start(void);
/* SIGHUP; may be called from a signal's handler. */
extern void serve_listener_reload(void);
extern void serve_listener_stop(void);
/* Reads everything anew and waits for it, at most so many ms: what is served is not what it was. */
extern bool serve_refresh(int ms);

/* A row of the audit as a JSON object, of malloc; it is the clerk's from then on. */
extern void serve_clerk_start(void);
extern void serve_clerk_note(char *row);
extern void serve_clerk_stop(void);

/* Every so many seconds as the settings say, if they do. */
extern void serve_alert_clock_start(void);
extern void serve_alert_clock_stop(void);

#endif /* SERVE_POOL_H */
