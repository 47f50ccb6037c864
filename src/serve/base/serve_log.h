/*
 * serve_log.h
 *		What the program says: lines on standard error, with the levels of systemd's journal
 *		where that reads them.  No values of requests, no tokens, no secrets.
 */
#ifndef SERVE_LOG_H
#define SERVE_LOG_H

typedef enum ServeLogLevel
{
	SERVE_LOG_ERROR = 3,
	SERVE_LOG_WARNING = 4,
	SERVE_LOG_NOTE = 5,
	SERVE_LOG_DEBUG = 7
} ServeLogLevel;

extern void serve_log_start(ServeLogLevel least);
extern void
serve_log(ServeLogLevel level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif /* SERVE_LOG_H */
