/*
 * session.c
 *		Sessions of this process with sources that keep them: cookies, the challenge
 *		last received, and what is sent for both.
 *
 * A session is one of a source and a user mapping, and is forgotten when their
 * credentials change.  Only the source's own origin gets anything of it, so the
 * domain and path of a cookie need no rules here.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "http/session.h"

/* More cookies, or larger ones, no source needs. */
#define MAX_COOKIES 50
#define MAX_COOKIE 4096

typedef struct SessionKey
{
	Oid server_id;
	Oid mapping_id;
} SessionKey;

typedef struct Cookie
{
	char *name;
	char *value;
} Cookie;

typedef struct Session
{
	SessionKey key;
	uint64 credentials; /* what it was opened with, as a hash */
	uint64 number;
	MemoryContext context;
	MlsChallenge challenge;
	List *cookies; /* of Cookie * */
} Session;

static HTAB *sessions = NULL;
static uint64 last_number = 0;

static uint64
credentials_hash(const MlsHttpSource *source)
{
	const char *parts[] = {source->url, source->username, source->password, source->ua_password,
						   source->user_agent};
	uint64 hash = 0;

	for (int i = 0; i < lengthof(parts); i++)
		if (parts[i])
			hash = hash_combine64(
				hash, hash_bytes_extended((const unsigned char *) parts[i], strlen(parts[i]), i));
	return hash;
}

/* Makes a session what it is at the beginning. */
static void
clear_session(Session *session, const MlsHttpSource *source)
{
	MemoryContextReset(session->context);
	memset(&session->challenge, 0, sizeof(session->challenge));
	session->cookies = NIL;
	session->credentials = credentials_hash(source);
	session->number = ++last_number;
}

static Session *
get_session(const MlsHttpSource *source)
{
	SessionKey key = {source->server_id, source->mapping_id};
	Session *session;
	bool found;

	if (sessions == NULL)
	{
		HASHCTL control = {.keysize = sizeof(SessionKey), .entrysize = sizeof(Session)};

		sessions = hash_create("mls_fdw sessions", 8, &control, HASH_ELEM | HASH_BLOBS);
	}
	session = hash_search(sessions, &key, HASH_FIND, NULL);
	if (session == NULL)
	{
		MemoryContext context =
			AllocSetContextCreate(TopMemoryContext, "mls_fdw session", ALLOCSET_SMALL_SIZES);

		session = hash_search(sessions, &key, HASH_ENTER, &found);
		session->context = context;
		clear_session(session, source);
	}
	if (session->credentials != credentials_hash(source))
		clear_session(session, source);
	return session;
}

void
mls_http_forget_session(const MlsHttpSource *source)
{
	clear_session(get_session(source), source);
}

uint64
mls_http_session_number(const MlsHttpSource *source)
{
	return get_session(source)->number;
}

/* ---- cookies ---- */

static Cookie *
find_cookie(const Session *session, const char *name)
{
	ListCell *lc;

	foreach (lc, session->cookies)
		if (strcmp(((Cookie *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

/* Does an attribute list say that the cookie is to be dropped? */
static bool
is_expired(const char *attributes)
{
	for (const char *at = attributes; *at;)
	{
		int length;

		at += strspn(at, "; \t");
		length = strcspn(at, ";");
		if (pg_strncasecmp(at, "Max-Age=", 8) == 0 && atoi(at + 8) <= 0)
			return true;
		if (pg_strncasecmp(at, "Expires=", 8) == 0)
		{
			time_t date = curl_getdate(pnstrdup(at + 8, length - 8), NULL);

			if (date != -1 && date <= time(NULL))
				return true;
		}
		at += length;
	}
	return false;
}

/* "name=value; Path=/; ..." */
static void
take_cookie(Session *session, const char *header)
{
	int end = strcspn(header, ";");
	const char *equals = memchr(header, '=', end);
	MemoryContext old;
	Cookie *cookie;
	char *name;

	if (equals == NULL || equals == header || end > MAX_COOKIE)
		return;
	name = pnstrdup(header, equals - header);
	cookie = find_cookie(session, name);
	if (is_expired(header + end))
	{
		if (cookie)
			session->cookies = list_delete_ptr(session->cookies, cookie);
		return;
	}
	old = MemoryContextSwitchTo(session->context);
	if (cookie == NULL && list_length(session->cookies) < MAX_COOKIES)
	{
		cookie = palloc(sizeof(Cookie));
		cookie->name = pstrdup(name);
		session->cookies = lappend(session->cookies, cookie);
	}
	if (cookie)
		cookie->value = pnstrdup(equals + 1, header + end - equals - 1);
	MemoryContextSwitchTo(old);
}

/* ---- what an answer tells ---- */

bool
mls_session_note(MlsHttpRequest *request)
{
	Session *session = get_session(request->source);
	MlsChallenge challenge = {0};
	struct curl_header *header;
	MemoryContext old;

	for (size_t i = 0; curl_easy_header(request->transfer.easy, "Set-Cookie", i, CURLH_HEADER, -1,
										&header) == CURLHE_OK;
		 i++)
		take_cookie(session, header->value);
	old = MemoryContextSwitchTo(session->context);
	for (size_t i = 0; curl_easy_header(request->transfer.easy, "WWW-Authenticate", i, CURLH_HEADER,
										-1, &header) == CURLHE_OK;
		 i++)
		mls_challenge_read(&challenge, header->value);
	MemoryContextSwitchTo(old);
	if (!challenge.digest && !challenge.basic)
		return false;
	session->challenge = challenge;
	return true;
}

/* ---- what a request is sent with ---- */

static bool
add_line(MlsHttpRequest *request, char *line)
{
	struct curl_slist *longer = curl_slist_append(request->headers, line);

	memset(line, 0, strlen(line));
	pfree(line);
	if (longer == NULL)
		return false;
	request->headers = longer;
	return true;
}

static bool
add_cookies(MlsHttpRequest *request, const Session *session)
{
	StringInfoData buf;
	ListCell *lc;

	if (session->cookies == NIL)
		return true;
	initStringInfo(&buf);
	foreach (lc, session->cookies)
	{
		const Cookie *cookie = lfirst(lc);

		appendStringInfo(&buf, "%s%s=%s", buf.len ? "; " : "Cookie: ", cookie->name, cookie->value);
	}
	return add_line(request, buf.data);
}

static bool
add_digest(MlsHttpRequest *request, Session *session)
{
	const MlsHttpSource *source = request->source;
	MlsDigestCall call = {.username = source->username,
						  .password = source->password ? source->password : "",
						  .method = request->call.method,
						  .body = request->call.body};
	MlsUrl url;

	if (!mls_url_split(request->call.url, &url))
		return true;
	call.uri = url.query ? psprintf("%s?%s", url.path, url.query) : url.path;
	return add_line(request,
					psprintf("Authorization: %s", mls_digest_header(&session->challenge, &call)));
}

/* Value of one of the call's own headers, or "". */
static const char *
own_header(const MlsHttpRequest *request, const char *name)
{
	int length = strlen(name);
	ListCell *lc;

	foreach (lc, request->call.headers)
	{
		const char *line = lfirst(lc);

		if (pg_strncasecmp(line, name, length) == 0 && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, " ");
	}
	return "";
}

/*
 * RETS has the user agent prove itself with a password of its own.  The proof
 * holds the session's number, which is known only after a login, so it is made
 * for each request.
 */
static bool
add_user_agent(MlsHttpRequest *request, const Session *session)
{
	const MlsHttpSource *source = request->source;
	const Cookie *cookie = find_cookie(session, "RETS-Session-ID");
	const char *agent = source->user_agent ? source->user_agent : MLS_HTTP_USER_AGENT;
	const char *product[] = {pnstrdup(agent, strcspn(agent, " ")), source->ua_password};
	const char *answer[] = {mls_digest_md5(product, 2), own_header(request, "RETS-Request-ID"),
							cookie ? cookie->value : "", own_header(request, "RETS-Version")};

	return add_line(request,
					psprintf("RETS-UA-Authorization: Digest %s", mls_digest_md5(answer, 4)));
}

static bool
add_basic(const MlsHttpSource *source, CURL *easy)
{
	return curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC) == CURLE_OK &&
		   curl_easy_setopt(easy, CURLOPT_USERNAME, source->username) == CURLE_OK &&
		   curl_easy_setopt(easy, CURLOPT_PASSWORD, source->password ? source->password : "") ==
			   CURLE_OK;
}

bool
mls_session_apply(MlsHttpRequest *request)
{
	const MlsHttpSource *source = request->source;
	Session *session = get_session(source);
	bool ok = add_cookies(request, session);

	if (source->auth == MLS_AUTH_CHALLENGE && session->challenge.digest)
		ok = ok && add_digest(request, session);
	else if (source->auth == MLS_AUTH_CHALLENGE && session->challenge.basic)
		ok = ok && add_basic(source, request->transfer.easy);
	if (source->ua_password)
		ok = ok && add_user_agent(request, session);
	return ok;
}
