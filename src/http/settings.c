/*
 * settings.c
 *		The settings of the transport.
 */
#include "postgres.h"

#include <ctype.h>
#include <limits.h>

#include "utils/guc.h"

#include "http/transport.h"

char *mls_allowed_hosts = NULL;

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

static bool
check_allowed_hosts(char **value, void **extra, GucSource source)
{
	for (const char *at = *value; *at;)
	{
		int length;

		at += strspn(at, ", \t");
		length = strcspn(at, ", \t");
		if (length > 0 && !is_entry(at, length))
		{
			GUC_check_errdetail("\"%.*s\" is not of the form host, host:port or *.suffix.", length,
								at);
			return false;
		}
		at += length;
	}
	return true;
}

void
mls_http_define_settings(void)
{
	DefineCustomStringVariable(
		"mls_fdw.allowed_hosts", "Hosts that sources may have in spite of the egress rules.",
		"Any public address may be asked over https. A host listed here (host, host:port or "
		"*.suffix, separated by commas) may also have a private or loopback address, be asked "
		"over plain http, and be linked to by another source.",
		&mls_allowed_hosts, "", PGC_SUSET, 0, check_allowed_hosts, NULL, NULL);
}
