/*
 * http_session.c
 *		Sessions with sources that keep them: cookies, the challenge last received and
 *		what is sent for both, and how many of them a source allows at a time.
 *
 * A session is one of a source and a user mapping, and is forgotten when their
 * credentials change.  Only the source's own origin gets anything of it, so the
 * domain and path of a cookie need no rules here.  When one is over, the protocol
 * knows.
 *
 * libcurl has a digest (RFC 2617 and 7616, and RFC 2069 before them) and cookies of
 * its own, but their state hangs on a handle, and here each request has a handle of
 * its own: every call would be answered with a challenge first.  What is learned
 * from a challenge is kept with the session, so that a call costs one round trip as
 * long as the nonce is good.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cryptohash.h"
#include "common/hashfn.h"
#include "common/md5.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "port.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/wait_event.h"

#include "http/transport.h"

/* More cookies, or larger ones, no source needs. */
#define MAX_COOKIES 50
#define MAX_COOKIE 4096

#define CNONCE_BYTES 8

/* How often who waits for a session looks again. */
#define LOOK_AGAIN_MS 50

/* What a source has asked for in a 401. */
typedef struct Challenge
{
	bool digest;
	bool basic;
	char *realm;
	char *nonce;
	char *opaque;
	char *algorithm; /* as sent, or NULL */
	bool known;      /* the algorithm is one of ours */
	bool sha256;
	bool session;    /* -sess */
	const char *qop; /* "auth", "auth-int"; NULL: the oldest form */
	uint32 uses;     /* of the nonce */
} Challenge;

/* One request as a digest sees it. */
typedef struct DigestCall
{
	const char *username;
	const char *password;
	const char *method;
	const char *uri;    /* path and query as sent */
	const char *body;   /* or NULL */
	const char *cnonce; /* NULL: a random one */
} DigestCall;

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
	Challenge challenge;
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

/* ---- hashing ---- */

/* The pieces joined by colons, as lower-case hexadecimal digits. */
static char *
hash_pieces(bool sha256, const char *const *pieces, int count)
{
	int length = sha256 ? PG_SHA256_DIGEST_LENGTH : MD5_DIGEST_LENGTH;
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	char *hex = palloc(2 * length + 1);
	ResourceOwner owner = NULL;
	pg_cryptohash_ctx *context;
	bool failed;

	/* Outside transactions, and while the process exits, there is no owner to note the context. */
	if (CurrentResourceOwner == NULL)
		CurrentResourceOwner = owner = ResourceOwnerCreate(NULL, "mls_fdw digest");
	context = pg_cryptohash_create(sha256 ? PG_SHA256 : PG_MD5);
	failed = context == NULL || pg_cryptohash_init(context) < 0;

	for (int i = 0; i < count && !failed; i++)
		failed = (i > 0 && pg_cryptohash_update(context, (const uint8 *) ":", 1) < 0) ||
				 pg_cryptohash_update(context, (const uint8 *) pieces[i], strlen(pieces[i])) < 0;
	failed = failed || pg_cryptohash_final(context, digest, length) < 0;
	if (context)
		pg_cryptohash_free(context);
	/* The current owner is never deleted: PostgreSQL asserts it. */
	if (owner != NULL)
	{
		CurrentResourceOwner = NULL;
		ResourceOwnerDelete(owner);
	}
	if (failed)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute a hash for a login"),
				 errdetail("The server's cryptographic library does not allow %s.",
						   sha256 ? "SHA-256" : "MD5")));
	hex_encode((const char *) digest, length, hex);
	hex[2 * length] = '\0';
	return hex;
}

/* ---- reading a challenge ---- */

static bool
is_token_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?={}", c) == NULL;
}

/* A token or a quoted string at *at, palloc'd; *at moves behind it. */
static char *
take_word(const char **at)
{
	StringInfoData word;

	initStringInfo(&word);
	if (**at == '"')
	{
		for ((*at)++; **at && **at != '"'; (*at)++)
		{
			if (**at == '\\' && (*at)[1])
				(*at)++;
			appendStringInfoChar(&word, **at);
		}
		if (**at == '"')
			(*at)++;
	}
	else
		for (; **at && **at != ',' && **at != ' ' && **at != '\t'; (*at)++)
			appendStringInfoChar(&word, **at);
	return word.data;
}

static bool
has_word(const char *list, const char *word)
{
	int length = strlen(word);

	for (const char *at = list; *at;)
	{
		int n;

		at += strspn(at, ", \t");
		n = strcspn(at, ", \t");
		if (n == length && pg_strncasecmp(at, word, n) == 0)
			return true;
		at += n;
	}
	return false;
}

static void
set_algorithm(Challenge *challenge, char *name)
{
	const char *base = name;

	challenge->algorithm = name;
	challenge->sha256 = pg_strncasecmp(base, "SHA-256", 7) == 0;
	challenge->session = strlen(base) > 5 && pg_strcasecmp(base + strlen(base) - 5, "-sess") == 0;
	challenge->known = challenge->sha256 ? strlen(base) == 7 + 5 * challenge->session
										 : pg_strncasecmp(base, "MD5", 3) == 0 &&
											   strlen(base) == 3 + 5 * challenge->session;
}

static void
set_parameter(Challenge *challenge, const char *name, char *value)
{
	if (pg_strcasecmp(name, "realm") == 0)
		challenge->realm = value;
	else if (pg_strcasecmp(name, "nonce") == 0)
		challenge->nonce = value;
	else if (pg_strcasecmp(name, "opaque") == 0)
		challenge->opaque = value;
	else if (pg_strcasecmp(name, "algorithm") == 0)
		set_algorithm(challenge, value);
	else if (pg_strcasecmp(name, "qop") == 0)
		challenge->qop = has_word(value, "auth")       ? "auth"
						 : has_word(value, "auth-int") ? "auth-int"
													   : NULL;
}

/* Takes one scheme over, if it is better than what is known: Digest before Basic, SHA-256 before MD5. */
static void
consider(Challenge *best, const char *scheme, const Challenge *challenge)
{
	if (pg_strcasecmp(scheme, "Basic") == 0)
		best->basic = true;
	else if (pg_strcasecmp(scheme, "Digest") == 0 && challenge->nonce && challenge->known &&
			 (!best->digest || (challenge->sha256 && !best->sha256)))
	{
		bool basic = best->basic;

		*best = *challenge;
		best->digest = true;
		best->basic = basic;
	}
}

/* Reads one WWW-Authenticate header and keeps the best that was offered so far. */
static void
read_challenge(Challenge *best, const char *header)
{
	const char *at = header;
	char *scheme = NULL;
	Challenge now = {.known = true};

	while (*(at += strspn(at, ", \t")))
	{
		const char *start = at;
		char *word;

		while (is_token_char(*at))
			at++;
		if (at == start)
			break;
		word = pnstrdup(start, at - start);
		at += strspn(at, " \t");
		if (*at == '=')
		{
			at++;
			at += strspn(at, " \t");
			set_parameter(&now, word, take_word(&at));
			continue;
		}
		if (scheme)
			consider(best, scheme, &now);
		scheme = word;
		now = (Challenge){.known = true};
	}
	if (scheme)
		consider(best, scheme, &now);
}

/* ---- answering it ---- */

static void
add_quoted(StringInfo buf, const char *name, const char *value)
{
	appendStringInfo(buf, ", %s=\"", name);
	for (const char *c = value; *c; c++)
	{
		if (*c == '"' || *c == '\\')
			appendStringInfoChar(buf, '\\');
		appendStringInfoChar(buf, *c);
	}
	appendStringInfoChar(buf, '"');
}

static char *
make_cnonce(void)
{
	uint8 bytes[CNONCE_BYTES];
	char *hex = palloc(2 * CNONCE_BYTES + 1);

	if (!pg_strong_random(bytes, sizeof(bytes)))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not make a random number")));
	hex_encode((const char *) bytes, sizeof(bytes), hex);
	hex[2 * CNONCE_BYTES] = '\0';
	return hex;
}

/* The response value of one request. */
static char *
response_value(const Challenge *challenge, const DigestCall *call, const char *cnonce,
			   const char *nc)
{
	const char *user[] = {call->username, challenge->realm ? challenge->realm : "", call->password};
	const char *ha1 = hash_pieces(challenge->sha256, user, 3);
	const char *body[] = {call->body ? call->body : ""};
	const char *target[] = {call->method, call->uri, NULL};
	bool integrity = challenge->qop && strcmp(challenge->qop, "auth-int") == 0;
	const char *ha2;

	if (challenge->session)
	{
		const char *of_session[] = {ha1, challenge->nonce, cnonce};

		ha1 = hash_pieces(challenge->sha256, of_session, 3);
	}
	if (integrity)
		target[2] = hash_pieces(challenge->sha256, body, 1);
	ha2 = hash_pieces(challenge->sha256, target, integrity ? 3 : 2);
	if (challenge->qop)
	{
		const char *all[] = {ha1, challenge->nonce, nc, cnonce, challenge->qop, ha2};

		return hash_pieces(challenge->sha256, all, 6);
	}
	else
	{
		const char *all[] = {ha1, challenge->nonce, ha2};

		return hash_pieces(challenge->sha256, all, 3);
	}
}

/* Value of the Authorization header, in CurrentMemoryContext; counts a use of the nonce. */
static char *
digest_header(Challenge *challenge, const DigestCall *call)
{
	char *cnonce = call->cnonce ? pstrdup(call->cnonce) : make_cnonce();
	char nc[9];
	StringInfoData buf;

	snprintf(nc, sizeof(nc), "%08x", ++challenge->uses);
	initStringInfo(&buf);
	appendStringInfoString(&buf, "Digest");
	add_quoted(&buf, "username", call->username);
	buf.data[6] = ' ';
	add_quoted(&buf, "realm", challenge->realm ? challenge->realm : "");
	add_quoted(&buf, "nonce", challenge->nonce);
	add_quoted(&buf, "uri", call->uri);
	if (challenge->qop || challenge->session)
		add_quoted(&buf, "cnonce", cnonce);
	if (challenge->qop)
		appendStringInfo(&buf, ", nc=%s, qop=%s", nc, challenge->qop);
	add_quoted(&buf, "response", response_value(challenge, call, cnonce, nc));
	if (challenge->opaque)
		add_quoted(&buf, "opaque", challenge->opaque);
	if (challenge->algorithm)
		appendStringInfo(&buf, ", algorithm=%s", challenge->algorithm);
	return buf.data;
}

/* ---- what an answer tells ---- */

bool
mls_session_note(MlsHttpRequest *request)
{
	Session *session = get_session(request->source);
	Challenge challenge = {0};
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
		read_challenge(&challenge, header->value);
	MemoryContextSwitchTo(old);
	if (!challenge.digest && !challenge.basic)
		return false;
	session->challenge = challenge;
	return true;
}

/* ---- what a request is sent with ---- */

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
	return mls_header_add_secret(&request->headers, buf.data);
}

static bool
add_digest(MlsHttpRequest *request, Session *session)
{
	const MlsHttpSource *source = request->source;
	DigestCall call = {.username = source->username,
					   .password = source->password ? source->password : "",
					   .method = request->call.method,
					   .body = request->call.body};
	MlsUrl url;

	if (!mls_url_split(request->call.url, &url))
		return true;
	call.uri = url.query ? psprintf("%s?%s", url.path, url.query) : url.path;
	return mls_header_add_secret(
		&request->headers,
		psprintf("Authorization: %s", digest_header(&session->challenge, &call)));
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
	const char *answer[] = {hash_pieces(false, product, 2), own_header(request, "RETS-Request-ID"),
							cookie ? cookie->value : "", own_header(request, "RETS-Version")};

	return mls_header_add_secret(&request->headers, psprintf("RETS-UA-Authorization: Digest %s",
															 hash_pieces(false, answer, 4)));
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
		ok = ok && mls_auth_set_basic(source, request->transfer.easy);
	if (source->ua_password)
		ok = ok && add_user_agent(request, session);
	return ok;
}

/*
 * ---- how many at a time ----
 *
 * Each session that a source allows is a file, mls_fdw/<database>_<name>_<number>.session
 * in the data directory beside those of quotas, and belongs to whom has it locked.  The
 * lock ends with its process, whatever happens to that, and needs neither shared memory
 * nor a transaction that may write.  Who finds none free waits, as long as for an answer.
 */

/* The locked file, or -1 if another process has it. */
static int
try_slot(const char *name, int number)
{
	char path[MAXPGPATH];
	struct stat info;
	int fd;

	snprintf(path, sizeof(path), MLS_LIMIT_DIRECTORY "/%u_%s_%d" MLS_SESSION_ENDING, MyDatabaseId,
			 name, number);
	fd = BasicOpenFile(path, O_RDWR | O_CREAT | O_CLOEXEC | PG_BINARY);
	if (fd < 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path)));
	/* One that has lost its name was cleared away between opening and locking. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &info) == 0 && info.st_nlink > 0)
		return fd;
	close(fd);
	return -1;
}

static int
find_slot(const MlsHttpSource *source)
{
	for (int i = 0; i < source->max_sessions; i++)
	{
		int fd = try_slot(source->quota, i);

		if (fd >= 0)
			return fd;
	}
	return -1;
}

int
mls_http_take_session(const MlsHttpSource *source, MlsHttpStats *stats)
{
	int64 from = mls_clock_us();
	int fd;

	if (source->max_sessions <= 0)
		return MLS_NO_SESSION_SLOT;
	if (MakePGDirectory(MLS_LIMIT_DIRECTORY) != 0 && errno != EEXIST)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not create directory \"%s\": %m", MLS_LIMIT_DIRECTORY)));
	while ((fd = find_slot(source)) < 0)
	{
		if (mls_clock_us() - from > source->timeout_ms * INT64CONST(1000))
			mls_report_no_session_slot(source);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_AGAIN_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	ReserveExternalFD();
	stats->quota_us += mls_clock_us() - from;
	return fd;
}

void
mls_http_leave_session(int slot)
{
	if (slot < 0)
		return;
	close(slot);
	ReleaseExternalFD();
}
