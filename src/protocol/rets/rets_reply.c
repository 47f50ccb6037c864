/*
 * rets_reply.c
 *		What an answer says of itself: its reply code and what that asks of a client,
 *		its words, and the lines of a login.
 *
 * One table in the order of the codes.  A code that is not in it is an error that
 * repeating does not cure.
 */
#include "postgres.h"

#include <limits.h>

#include "mb/pg_wchar.h"

#include "protocol/rets/rets_reader.h"

/* An answer's own words in a message. */
#define MAX_SHOWN 200

typedef struct ReplyCode
{
	int code;
	RetsReplyClass class;
	const char *meaning;
} ReplyCode;

static const ReplyCode reply_codes[] = {
	{0, RETS_REPLY_OK, "success"},
	{10000, RETS_REPLY_LATER, "system error"},
	{20003, RETS_REPLY_CREDENTIALS, "zero account balance"},
	{20004, RETS_REPLY_FATAL, "login error"},
	{20005, RETS_REPLY_FATAL, "login error"},
	{20006, RETS_REPLY_FATAL, "login error"},
	{20007, RETS_REPLY_FATAL, "login error"},
	{20008, RETS_REPLY_FATAL, "login error"},
	{20009, RETS_REPLY_FATAL, "login error"},
	{20010, RETS_REPLY_FATAL, "login error"},
	{20011, RETS_REPLY_FATAL, "login error"},
	{20012, RETS_REPLY_CREDENTIALS, "the user belongs to several brokers"},
	{20013, RETS_REPLY_CREDENTIALS, "the broker code is not valid for this user"},
	{20014, RETS_REPLY_FATAL, "login error"},
	{20015, RETS_REPLY_FATAL, "login error"},
	{20016, RETS_REPLY_FATAL, "login error"},
	{20017, RETS_REPLY_FATAL, "login error"},
	{20018, RETS_REPLY_FATAL, "login error"},
	{20019, RETS_REPLY_FATAL, "login error"},
	{20022, RETS_REPLY_BUSY, "another session of this user is open"},
	{20036, RETS_REPLY_CREDENTIALS, "login failed"},
	{20037, RETS_REPLY_SESSION, "user agent not authenticated, or session lost"},
	{20041, RETS_REPLY_CREDENTIALS, "user agent authentication required"},
	{20050, RETS_REPLY_LATER, "server temporarily disabled"},
	{20140, RETS_REPLY_CREDENTIALS, "password too weak"},
	{20141, RETS_REPLY_CREDENTIALS, "password same as before"},
	{20142, RETS_REPLY_CREDENTIALS, "invalid encrypted user name"},
	{20200, RETS_REPLY_REQUEST, "unknown field in the query"},
	{20201, RETS_REPLY_EMPTY, "no records found"},
	{20202, RETS_REPLY_REQUEST, "unknown field to select"},
	{20203, RETS_REPLY_REQUEST, "miscellaneous search error"},
	{20205, RETS_REPLY_REQUEST, "the query could not be parsed"},
	{20206, RETS_REPLY_REQUEST, "invalid query syntax"},
	{20207, RETS_REPLY_DENIED, "query not permitted"},
	{20208, RETS_REPLY_TRUNCATED, "maximum number of records exceeded"},
	{20209, RETS_REPLY_LATER, "search timed out"},
	{20210, RETS_REPLY_BUSY, "too many outstanding queries"},
	{20211, RETS_REPLY_SMALLER, "query too complex"},
	{20212, RETS_REPLY_REQUEST, "invalid key request"},
	{20213, RETS_REPLY_REQUEST, "invalid key"},
	{20301, RETS_REPLY_FATAL, "invalid parameter of an update"},
	{20302, RETS_REPLY_FATAL, "the record could not be saved"},
	{20303, RETS_REPLY_FATAL, "miscellaneous update error"},
	{20311, RETS_REPLY_FATAL, "a warning was left without a response"},
	{20312, RETS_REPLY_FATAL, "a response was given to a warning that takes none"},
	{20400, RETS_REPLY_REQUEST, "unknown resource"},
	{20401, RETS_REPLY_REQUEST, "unknown object type"},
	{20402, RETS_REPLY_EMPTY, "unknown identifier"},
	{20403, RETS_REPLY_EMPTY, "no object found"},
	{20406, RETS_REPLY_UNSUPPORTED, "unsupported media type"},
	{20407, RETS_REPLY_DENIED, "object not permitted"},
	{20408, RETS_REPLY_LATER, "resource unavailable at the moment"},
	{20409, RETS_REPLY_LATER, "object unavailable at the moment"},
	{20410, RETS_REPLY_SMALLER, "request too large"},
	{20411, RETS_REPLY_LATER, "object request timed out"},
	{20412, RETS_REPLY_BUSY, "too many outstanding object requests"},
	{20413, RETS_REPLY_LATER, "miscellaneous object error"},
	{20414, RETS_REPLY_UNSUPPORTED, "delivery by address not supported"},
	{20500, RETS_REPLY_REQUEST, "unknown resource"},
	{20501, RETS_REPLY_REQUEST, "unknown metadata type"},
	{20502, RETS_REPLY_REQUEST, "unknown identifier"},
	{20503, RETS_REPLY_EMPTY, "no metadata found"},
	{20506, RETS_REPLY_UNSUPPORTED, "unsupported media type"},
	{20507, RETS_REPLY_DENIED, "metadata not permitted"},
	{20508, RETS_REPLY_LATER, "resource unavailable at the moment"},
	{20509, RETS_REPLY_LATER, "metadata unavailable at the moment"},
	{20510, RETS_REPLY_SMALLER, "metadata request too large"},
	{20511, RETS_REPLY_LATER, "metadata request timed out"},
	{20512, RETS_REPLY_BUSY, "too many outstanding metadata requests"},
	{20513, RETS_REPLY_LATER, "miscellaneous metadata error"},
	{20514, RETS_REPLY_UNSUPPORTED, "format or version not available"},
	{20601, RETS_REPLY_UNSUPPORTED, "server information not available"},
	{20602, RETS_REPLY_LATER, "miscellaneous server information error"},
	{20701, RETS_REPLY_SESSION, "not logged in"},
	{20702, RETS_REPLY_FATAL, "miscellaneous logout error"},
	{20800, RETS_REPLY_FATAL, "unknown resource"},
	{20801, RETS_REPLY_FATAL, "invalid object type"},
	{20802, RETS_REPLY_FATAL, "invalid identifier"},
	{20803, RETS_REPLY_FATAL, "invalid update action"},
	{20804, RETS_REPLY_FATAL, "inconsistent parameters"},
	{20805, RETS_REPLY_FATAL, "the object to delete does not exist"},
	{20806, RETS_REPLY_FATAL, "unsupported media type"},
	{20807, RETS_REPLY_DENIED, "not permitted"},
	{20808, RETS_REPLY_FATAL, "some objects were not deleted"},
	{20809, RETS_REPLY_FATAL, "against the rules of the server"},
	{20810, RETS_REPLY_FATAL, "file too large"},
	{20811, RETS_REPLY_LATER, "upload timed out"},
	{20812, RETS_REPLY_BUSY, "too many outstanding uploads"},
	{20813, RETS_REPLY_FATAL, "miscellaneous upload error"},
};

/* The user agent's refusal is final where it is the answer to a login. */
#define CODE_USER_AGENT 20037

static const ReplyCode *
find_code(int code)
{
	for (int i = 0; i < lengthof(reply_codes); i++)
		if (reply_codes[i].code == code)
			return &reply_codes[i];
	return NULL;
}

RetsReplyClass
mls_rets_reply_class(int code, bool at_login)
{
	const ReplyCode *found = find_code(code);

	if (found == NULL)
		return RETS_REPLY_FATAL;
	if (at_login && code == CODE_USER_AGENT)
		return RETS_REPLY_CREDENTIALS;
	return found->class;
}

bool
mls_rets_is_syntax(int code)
{
	return code == 20205 || code == 20206;
}

bool
mls_rets_is_error(RetsReplyClass class)
{
	return class != RETS_REPLY_OK && class != RETS_REPLY_TRUNCATED && class != RETS_REPLY_EMPTY;
}

bool
mls_rets_is_temporary(RetsReplyClass class)
{
	return class == RETS_REPLY_LATER || class == RETS_REPLY_BUSY || class == RETS_REPLY_SESSION;
}

/* ---- the reply of an answer ---- */

/* Text without the blanks around it, shortened to so many bytes. */
static char *
trimmed(const char *from, const char *to, int most)
{
	while (from < to && isspace((unsigned char) *from))
		from++;
	while (to > from && isspace((unsigned char) to[-1]))
		to--;
	return pnstrdup(from, pg_mbcliplen(from, to - from, most));
}

RetsOutcome
mls_rets_outcome(const RetsAnswer *answer, bool at_login)
{
	bool by_status = answer->status_code >= 0;
	const char *text = by_status ? answer->status_text : answer->text;
	const ReplyCode *found;
	RetsOutcome outcome;

	outcome.code = by_status ? answer->status_code : answer->code;
	outcome.class = mls_rets_reply_class(outcome.code, at_login);
	/* "More rows than allowed" without a row: more was asked for than is given at once. */
	if (outcome.class == RETS_REPLY_TRUNCATED && answer->records == 0)
		outcome.class = RETS_REPLY_SMALLER;
	outcome.text = trimmed(text, text + strlen(text), MAX_SHOWN);
	/* Some put their message into the element. */
	if (*outcome.text == '\0' && mls_rets_is_error(outcome.class))
		outcome.text = trimmed(answer->body, answer->body + strlen(answer->body), MAX_SHOWN);
	found = find_code(outcome.code);
	if (*outcome.text == '\0')
		outcome.text = found ? found->meaning : "no text";
	return outcome;
}

bool
mls_rets_is_html(const char *body, Size length)
{
	const char *end = body + length;

	if (length >= 3 && memcmp(body, "\xEF\xBB\xBF", 3) == 0)
		body += 3;
	while (body < end && isspace((unsigned char) *body))
		body++;
	return (end - body >= 14 && pg_strncasecmp(body, "<!doctype html", 14) == 0) ||
		   (end - body >= 5 && pg_strncasecmp(body, "<html", 5) == 0);
}

/* ---- lines of a login ---- */

/* `Info=KEY;Type;Value`, as RETS 1.8 writes them; the type may be missing with its semicolon. */
static void
resolve_info(RetsPair *pair)
{
	const char *first = strchr(pair->value, ';');
	const char *second = first ? strchr(first + 1, ';') : NULL;

	if (pg_strcasecmp(pair->key, "Info") != 0 || first == NULL)
		return;
	pair->key = trimmed(pair->value, first, INT_MAX);
	first = second ? second : first;
	pair->value = trimmed(first + 1, first + strlen(first), INT_MAX);
}

List *
mls_rets_pairs(const char *body)
{
	List *pairs = NIL;

	for (const char *line = body; *line;)
	{
		const char *end = line + strcspn(line, "\r\n");
		const char *equals = memchr(line, '=', end - line);

		if (equals)
		{
			RetsPair *pair = palloc(sizeof(RetsPair));

			pair->key = trimmed(line, equals, INT_MAX);
			pair->value = trimmed(equals + 1, end, INT_MAX);
			resolve_info(pair);
			pairs = lappend(pairs, pair);
		}
		line = end + strspn(end, "\r\n");
	}
	return pairs;
}

void
mls_rets_fail(const RetsReader *reader, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
					errmsg("could not read %s from source \"%s\"", reader->options.purpose,
						   reader->options.source),
					errdetail("%s", detail)));
}
