/*
 * serve_log.c
 *		Lines on standard error.
 */
#include "serve/base/serve_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static ServeLogLevel least_level = SERVE_LOG_NOTE;
static int for_journal;

void
serve_log_start(ServeLogLevel least)
{
	least_level = least;
	for_journal = getenv("JOURNAL_STREAM") != NULL;
}

void
serve_log(ServeLogLevel level, const char *format, ...)
{
	char line[2048];
	size_t length = 0;
	va_list arguments;
	int written;

	if (level > least_level)
		return;
	if (for_journal)
		length = (size_t) snprintf(line, sizeof(line), "<%d>", (int) level);
	else
	{
		struct timespec now;
		struct tm parts;

		clock_gettime(CLOCK_REALTIME, &now);
		gmtime_r(&now.tv_sec, &parts);
		length = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &parts);
		length += (size_t) snprintf(line + length, sizeof(line) - length,
									".%03ldZ mls_serve%s: ", now.tv_nsec / 1000000,
									level == SERVE_LOG_ERROR     ? " error"
									: level == SERVE_LOG_WARNING ? " warning"
																 : "");
	}
	va_start(arguments, format);
	written = vsnprintf(line + length, sizeof(line) - length - 1, format, arguments);
	va_end(arguments);
	if (written < 0)
		return;
	length += (size_t) written;
	if (length > sizeof(line) - 2)
		length = sizeof(line) - 2;
	/* What comes from elsewhere must not begin lines of its own. */
	for (size_t i = 0; i < length; i++)
		if ((unsigned char) line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}
