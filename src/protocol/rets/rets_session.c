/*
 * rets_session.c
 *		Sessions with RETS sources: login, transactions, logout, and the errors of these.
 *
 * A process has one session per source and user mapping; all its statements use
 * it, and it is closed when the process ends, or with the transaction where the
 * source allows few at a time.  A source ends sessions as it likes
 * and says so in many ways; each is answered with one new login and one repetition
 * of the request.  More would lock accounts.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "protocol/rets/rets.h"

/* Between two attempts at a source that is busy; doubled each time. */
#define FIRST_DELAY_MS 250
#define LONGEST_DELAY_MS 30000

/* A process that ends waits so long for its logout. */
#define LAST_REQUEST_MS 2000

static const char *const capabilities[RETS_TRANSACTIONS] = {"Search", "GetMetadata", "GetObject",
															"Logout", "Action"};

typedef struct SessionKey
{
	Oid server_id;
	Oid mapping_id;
} SessionKey;

typedef struct Session
{
	SessionKey key;
	MemoryContext context;
	bool open;
	int slot;      /* among those the source allows at a time, or MLS_NO_SESSION_SLOT */
	uint64 number; /* of the transport's session that it goes with */
	MlsHttpSource *http;
	const char *version;
	const char *urls[RETS_TRANSACTIONS];
} Session;

static HTAB *sessions = NULL;

/* ---- sessions ---- */

/* Tells the source that nobody will come back. */
static void
say_goodbye(Session *session)
{
	MlsHttpCall call = {.method = "GET", .purpose = "logout"};

	if (!session->open || session->urls[RETS_LOGOUT] == NULL)
		return;
	session->open = false;
	call.url = session->urls[RETS_LOGOUT];
	call.headers = list_make1(psprintf("RETS-Version: RETS/%s", session->version));
	mls_http_last_request(session->http, &call, LAST_REQUEST_MS);
}

static void
end_session(Session *session)
{
	say_goodbye(session);
	mls_http_leave_session(session->slot);
	session->slot = MLS_NO_SESSION_SLOT;
}

static void
end_process(int code, Datum arg)
{
	HASH_SEQ_STATUS scan;
	Session *session;

	hash_seq_init(&scan, sessions);
	while ((session = hash_seq_search(&scan)) != NULL)
		end_session(session);
}

/* end_session at a time when nothing may throw. */
static void
end_session_quietly(Session *session)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "mls_fdw logout", ALLOCSET_SMALL_SIZES);

	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		say_goodbye(session);
	}
	PG_CATCH();
	{
		FlushErrorState();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	session->open = false;
	end_session(session);
}

/*
 * Where sessions are counted, none outlives its transaction: this process may idle for
 * hours.  A worker ends together with its work and keeps its session from page to page.
 */
static void
end_transaction(XactEvent event, void *arg)
{
	HASH_SEQ_STATUS scan;
	Session *session;

	if (MyBackendType == B_BG_WORKER ||
		(event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE))
		return;
	hash_seq_init(&scan, sessions);
	while ((session = hash_seq_search(&scan)) != NULL)
		if (session->slot != MLS_NO_SESSION_SLOT)
			end_session_quietly(session);
}

static Session *
get_session(const MlsSource *source)
{
	SessionKey key = {source->http.server_id, source->http.mapping_id};
	Session *session;

	if (sessions == NULL)
	{
		HASHCTL control = {.keysize = sizeof(SessionKey), .entrysize = sizeof(Session)};

		sessions = hash_create("mls_fdw RETS sessions", 8, &control, HASH_ELEM | HASH_BLOBS);
		before_shmem_exit(end_process, (Datum) 0);
		RegisterXactCallback(end_transaction, NULL);
	}
	session = hash_search(sessions, &key, HASH_FIND, NULL);
	if (session == NULL)
	{
		MemoryContext context =
			AllocSetContextCreate(TopMemoryContext, "mls_fdw RETS session", ALLOCSET_SMALL_SIZES);

		session = hash_search(sessions, &key, HASH_ENTER, NULL);
		session->context = context;
		session->open = false;
		session->slot = MLS_NO_SESSION_SLOT;
	}
	/* Other credentials have begun another session below. */
	if (session->open && session->number != mls_http_session_number(&source->http))
		session->open = false;
	return session;
}

static void
lose(const MlsSource *source)
{
	get_session(source)->open = false;
	mls_http_forget_session(&source->http);
}

/* ---- errors in words ---- */

static int
sqlstate_of(RetsReplyClass class)
{
	switch (class)
	{
		case RETS_REPLY_CREDENTIALS:
		case RETS_REPLY_SESSION:
			return ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
		case RETS_REPLY_LATER:
		case RETS_REPLY_BUSY:
			return ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION;
		case RETS_REPLY_DENIED:
			return ERRCODE_INSUFFICIENT_PRIVILEGE;
		default:
			return ERRCODE_FDW_ERROR;
	}
}

#define CODE_SEVERAL_BROKERS 20012
#define CODE_NO_SUCH_METADATA 20501

static const char *
hint_of(const RetsOutcome *outcome)
{
	if (outcome->code == CODE_SEVERAL_BROKERS)
		return "Name one in the address of the login: add ?BrokerCode=... to the option url of the "
			   "server.";
	if (outcome->code == CODE_NO_SUCH_METADATA)
		return "The source has no metadata of this type. To leave codes of lookups as they are, "
			   "set "
			   "the option lookups of the server to coded.";
	switch (outcome->class)
	{
		case RETS_REPLY_CREDENTIALS:
		case RETS_REPLY_SESSION:
			return "Check username, password and ua_password of the user mapping, and the option "
				   "user_agent of the server.";
		case RETS_REPLY_BUSY:
			return "The source allows few sessions or requests of one user at a time; a session "
				   "that was not closed ends by itself after some minutes.";
		case RETS_REPLY_SMALLER:
			return "Lower the options page_size and key_batch of the server.";
		default:
			return NULL;
	}
}

/* Codes of HTTP end here; those of RETS begin far above. */
#define LAST_STATUS 999

static const char *
argument(const RetsCall *call, const char *name)
{
	ListCell *lc;

	foreach (lc, call->arguments)
	{
		const MlsUrlParam *param = lfirst(lc);

		if (strcmp(param->name, name) == 0)
			return param->value;
	}
	return NULL;
}

/* What of a search a message shows: its table, the source's options in it, and the query. */
static void
show_call(const RetsCall *call, MlsHttpCall *http)
{
	const char *select;

	if (call->table == NULL)
		return;
	select = argument(call, "Select");
	http->table = call->table->name;
	http->filter = call->table->filter;
	http->shown = psprintf("%s?Query=%s%s%s", call->table->resource, argument(call, "Query"),
						   select ? "&Select=" : "", select ? select : "");
}

/*
 * Some write records in one format only, and no reply code says so: the text does, with the
 * name of the format that was asked for.
 */
static const char *
format_hint(const MlsSource *source, const RetsCall *call, const RetsOutcome *outcome)
{
	const char *format = argument(call, "Format");

	if (format == NULL || strstr(outcome->text, format) == NULL)
		return NULL;
	return psprintf("Records may be written in another format there: set the option format of "
					"server %s to compact, compact-decoded or standard-xml.",
					quote_identifier(source->http.name));
}

/* Does a reply say that what was asked for is wrong, or may not be asked? */
static bool
is_of_request(const RetsOutcome *outcome)
{
	return outcome->class == RETS_REPLY_REQUEST || outcome->class == RETS_REPLY_UNSUPPORTED ||
		   outcome->class == RETS_REPLY_DENIED;
}

void
mls_rets_report(const MlsSource *source, const RetsCall *call, const RetsOutcome *outcome)
{
	bool is_status = outcome->code > 0 && outcome->code <= LAST_STATUS;
	const char *hint = hint_of(outcome);
	MlsHttpCall http = {0};
	bool is_search = false;

	if (call->table && is_of_request(outcome))
	{
		show_call(call, &http);
		is_search = true;
		hint = hint ? hint : format_hint(source, call, outcome);
		hint = hint ? hint : mls_http_options_hint(&http);
	}
	if (mls_rets_is_syntax(outcome->code))
		mls_http_note_refusal();
	ereport(ERROR,
			(errcode(sqlstate_of(outcome->class)),
			 errmsg("could not fetch %s from source \"%s\"", call->purpose, source->http.name),
			 errdetail("The source answered with %s %d: %s%s", is_status ? "status" : "reply code",
					   outcome->code, mls_http_clean(&source->http, outcome->text),
					   is_search ? mls_http_request_words(&source->http, &http) : ""),
			 hint ? errhint("%s", hint) : 0));
}

/* ---- requests ---- */

void
mls_rets_argument(List **arguments, const char *name, const char *value)
{
	MlsUrlParam *param = palloc(sizeof(MlsUrlParam));

	param->name = name;
	param->value = value;
	*arguments = lappend(*arguments, param);
}

static const char *
version_of(const MlsSource *source)
{
	const char *version = source->platform.version;

	return pg_strncasecmp(version, "RETS/", 5) == 0 ? version + 5 : version;
}

static List *
headers_for(const char *version, const RetsCall *call)
{
	return list_make2(psprintf("RETS-Version: RETS/%s", version),
					  psprintf("Accept: %s", call->accept ? call->accept : "*/*"));
}

/* Searches go as forms, since a query can be longer than an address may be. */
static void
prepare_call(const Session *session, const RetsCall *call, MlsHttpCall *http)
{
	memset(http, 0, sizeof(*http));
	http->purpose = call->purpose;
	http->headers = headers_for(session->version, call);
	http->url = session->urls[call->transaction];
	http->method = call->transaction == RETS_SEARCH ? "POST" : "GET";
	http->spool = call->transaction == RETS_SEARCH;
	if (call->transaction == RETS_SEARCH)
	{
		http->body = mls_url_form(call->arguments);
		show_call(call, http);
		http->headers = lappend(http->headers, "Content-Type: application/x-www-form-urlencoded");
	}
	else if (call->arguments)
		http->url = psprintf("%s%c%s", http->url, strchr(http->url, '?') ? '&' : '?',
							 mls_url_form(call->arguments));
}

MlsHttpRequest *
mls_rets_send(const MlsSource *source, const RetsCall *call, MlsHttpStats *stats)
{
	const Session *session = get_session(source);
	MlsHttpCall http;

	if (!session->open || session->urls[call->transaction] == NULL)
		return NULL;
	prepare_call(session, call, &http);
	http.failures = true;
	return mls_http_start(&source->http, &http, stats);
}

/* ---- what answers show ---- */

/* Does an answer show that the session is lost, without being one of RETS? */
static bool
is_lost(const MlsHttpResponse *response)
{
	return response->status == 401 || response->status == 412 ||
		   (response->status == 200 && mls_rets_is_html(response->body, response->length));
}

static bool
is_rets(const MlsHttpResponse *response)
{
	return response->length > 0 && strstr(response->body, "<RETS") != NULL;
}

/* So far from its end an answer's last tag is looked for. */
#define END_WITHIN 200

/* Does a text have the end tag of RETS in it? */
static bool
has_end_tag(const char *text)
{
	for (const char *tag = strstr(text, "</RETS"); tag; tag = strstr(tag + 1, "</RETS"))
		if (tag[6] != '-')
			return true;
	return false;
}

/* Is the first RETS a single tag?  Other things can stand behind it. */
static bool
is_single_tag(const char *body)
{
	const char *start = strstr(body, "<RETS");
	const char *end = start && start[5] != '-' ? strstr(start, "/>") : NULL;

	return end && memchr(start + 1, '<', end - start - 1) == NULL;
}

/* Does an answer end with the end of RETS, or with a RETS that is a single tag? */
static bool
ends_well(const MlsHttpResponse *response)
{
	const char *tail = mls_http_tail(response, END_WITHIN);
	int length = strlen(tail);
	const char *last = strrchr(tail, '<');

	if (has_end_tag(tail))
		return true;
	/* What a program or a proxy has put behind the end may be long. */
	if (response->spool == NULL && (has_end_tag(response->body) || is_single_tag(response->body)))
		return true;
	while (length > 0 && isspace((unsigned char) tail[length - 1]))
		length--;
	if (length < 2 || memcmp(tail + length - 2, "/>", 2) != 0)
		return false;
	return last == NULL || (strncmp(last, "<RETS", 5) == 0 && last[5] != '-');
}

/*
 * Was an answer cut off, though its transfer ended well?  Proxies do that to a source
 * that hangs up.  Only what is empty, or begins as RETS and does not end so; the reader has
 * the last word.
 */
static bool
is_cut(const RetsCall *call, const MlsHttpResponse *response)
{
	if (call->transaction == RETS_GET_OBJECT || response->status != 200)
		return false;
	return response->length == 0 || (is_rets(response) && !ends_well(response));
}

/* Is an answer of a source that fails one of RETS, whose reply says more than the status? */
static bool
is_told_failure(const MlsHttpResponse *response)
{
	return response->status >= 500 && is_rets(response) && ends_well(response);
}

/* ---- login ---- */

/* "Additional login not permitted" */
#define CODE_SECOND_LOGIN 20022

static RetsReader *
read_envelope(const MlsSource *source, const MlsHttpResponse *response, const char *purpose)
{
	RetsReaderOptions options = {.format = RETS_COMPACT,
								 .purpose = purpose,
								 .source = source->http.name,
								 .charset = mls_http_charset(response)};
	RetsReader *reader = mls_rets_reader(&options);

	mls_rets_feed(reader, response->body, response->length);
	mls_rets_finish(reader);
	return reader;
}

/* Takes a capability's address; one that leads elsewhere is an error when it is needed most: now. */
static void
take_capability(const MlsSource *source, Session *session, const RetsPair *pair)
{
	for (int i = 0; i < RETS_TRANSACTIONS; i++)
		if (pg_strcasecmp(pair->key, capabilities[i]) == 0 && *pair->value)
			session->urls[i] = MemoryContextStrdup(
				session->context, mls_url_resolve(&source->http, source->http.url, pair->value));
}

/* Is one version ("1.7.2") older than another, number by number? */
static bool
is_older(const char *version, const char *other)
{
	while (*version || *other)
	{
		char *end;
		char *other_end;
		long number = strtol(version, &end, 10);
		long other_number = strtol(other, &other_end, 10);

		if (number != other_number)
			return number < other_number;
		if (end == version && other_end == other)
			return false;
		version = end + (*end == '.');
		other = other_end + (*other_end == '.');
	}
	return false;
}

/* A source that speaks an older version than asked for says so in its answer. */
static const char *
agreed_version(const MlsSource *source, const MlsHttpResponse *response)
{
	const char *ours = version_of(source);
	const char *theirs = mls_http_header(response, "rets-version");

	if (theirs == NULL || pg_strncasecmp(theirs, "RETS/", 5) != 0)
		return ours;
	theirs += 5;
	if (*theirs == '\0' || strspn(theirs, "0123456789.") != strlen(theirs))
		return ours;
	return is_older(theirs, ours) ? theirs : ours;
}

static void
copy_text(MemoryContext context, const char **text)
{
	if (*text)
		*text = MemoryContextStrdup(context, *text);
}

/* What a logout needs when nothing else is left. */
static MlsHttpSource *
copy_source(MemoryContext context, const MlsHttpSource *source)
{
	MlsHttpSource *copy = MemoryContextAlloc(context, sizeof(MlsHttpSource));

	*copy = *source;
	copy_text(context, &copy->name);
	copy_text(context, &copy->quota);
	copy_text(context, &copy->url);
	copy_text(context, &copy->username);
	copy_text(context, &copy->password);
	copy_text(context, &copy->ua_password);
	copy_text(context, &copy->user_agent);
	copy_text(context, &copy->ca_file);
	copy_text(context, &copy->proxy);
	copy->token = copy->token_url = copy->token_platform = copy->scope = copy->api_user = NULL;
	copy->client_id = copy->client_secret = copy->header_name = copy->header_value = NULL;
	return copy;
}

static void
open_session(const MlsSource *source, Session *session, const MlsHttpResponse *response,
			 const RetsAnswer *answer)
{
	ListCell *lc;

	MemoryContextReset(session->context);
	memset(session->urls, 0, sizeof(session->urls));
	session->http = copy_source(session->context, &source->http);
	session->version = MemoryContextStrdup(session->context, agreed_version(source, response));
	foreach (lc, mls_rets_pairs(answer->body))
		take_capability(source, session, lfirst(lc));
	if (session->urls[RETS_SEARCH] == NULL)
		ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
						errmsg("could not log in to source \"%s\"", source->http.name),
						errdetail("Its answer names no address for searches."),
						errhint("Check the option url of the server: it must be the login's.")));
	session->number = mls_http_session_number(&source->http);
	session->open = true;
}

/* The standard wants this address read after a login; what stands there is for people. */
static void
read_action(const MlsSource *source, const Session *session, MlsHttpStats *stats)
{
	RetsCall call = {.transaction = RETS_ACTION, .purpose = "the messages of the source"};
	MlsHttpCall http;

	if (session->urls[RETS_ACTION] == NULL)
		return;
	prepare_call(session, &call, &http);
	http.failures = true;
	(void) mls_http_fetch(&source->http, &http, stats);
}

/* Waits before another attempt; interruptible. */
static void
wait_ms(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static long
delay_ms(int attempt)
{
	return Min((long) FIRST_DELAY_MS << Min(attempt, 10), LONGEST_DELAY_MS);
}

static void
log_in(const MlsSource *source, MlsHttpStats *stats)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw login", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Session *session = get_session(source);
	RetsCall any = {.purpose = "login"};
	MlsHttpCall call = {.method = "GET",
						.url = source->http.url,
						.purpose = "login",
						.root = "the address of the login",
						.failures = true};
	RetsOutcome outcome;
	bool fresh = false;

	call.headers = headers_for(version_of(source), &any);
	if (session->slot == MLS_NO_SESSION_SLOT)
		session->slot = mls_http_take_session(&source->http, stats);
	for (int attempt = 0;; attempt++)
	{
		MlsHttpResponse *response = mls_http_fetch(&source->http, &call, stats);
		const RetsAnswer *answer;

		if (response->status != 200 && !is_told_failure(response))
			mls_http_report_status(&source->http, &call, response, mls_http_quotable(response));
		answer = mls_rets_answer(read_envelope(source, response, call.purpose));
		outcome = mls_rets_outcome(answer, true);
		if (response->status >= 500 && !mls_rets_is_error(outcome.class))
			mls_http_report_status(&source->http, &call, response, NULL);
		if (!mls_rets_is_error(outcome.class))
		{
			open_session(source, session, response, answer);
			break;
		}
		/* The session that is open may be our own, of which only the cookie is left. */
		if (outcome.code == CODE_SECOND_LOGIN && !fresh)
		{
			mls_http_forget_session(&source->http);
			fresh = true;
			stats->retries++;
			continue;
		}
		if ((outcome.class != RETS_REPLY_BUSY && outcome.class != RETS_REPLY_LATER) ||
			attempt >= source->http.retries || response->status >= 500)
			mls_rets_report(source, &any, &outcome);
		wait_ms(delay_ms(attempt));
	}
	read_action(source, session, stats);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
mls_rets_log_in(const MlsSource *source, MlsHttpStats *stats)
{
	if (!get_session(source)->open)
		log_in(source, stats);
}

/* ---- transactions ---- */

pg_noreturn static void
report_status(const MlsSource *source, const RetsCall *call, const MlsHttpResponse *response)
{
	MlsHttpCall http;

	prepare_call(get_session(source), call, &http);
	mls_http_report_status(&source->http, &http, response, mls_http_quotable(response));
}

static MlsHttpResponse *
receive(const MlsSource *source, const RetsCall *call, MlsHttpRequest *sent, MlsHttpStats *stats)
{
	if (sent == NULL)
	{
		if (!get_session(source)->open)
			log_in(source, stats);
		sent = mls_rets_send(source, call, stats);
		if (sent == NULL)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("source \"%s\" does not offer %s", source->http.name,
								   capabilities[call->transaction])));
	}
	return mls_http_finish(sent);
}

RetsOutcome
mls_rets_talk(const MlsSource *source, const RetsCall *call, MlsHttpRequest *sent, RetsRead read,
			  void *arg, MlsHttpStats *stats)
{
	bool again = false;

	for (int attempt = 0;;)
	{
		MlsHttpResponse *response = receive(source, call, sent, stats);
		bool lost = is_lost(response);
		RetsOutcome outcome = {RETS_REPLY_SESSION, response->status,
							   response->status == 200
								   ? "a web page in place of RETS, also after a new login"
								   : "the session is lost, also after a new login"};

		sent = NULL;
		if (is_cut(call, response) && attempt < source->http.retries)
		{
			stats->retries++;
			wait_ms(delay_ms(attempt++));
			continue;
		}
		if (response->status == 414)
			outcome = (RetsOutcome){RETS_REPLY_SMALLER, 414, "the address is too long"};
		else if (!lost && response->status != 200 &&
				 !(response->status >= 500 ? is_told_failure(response) : is_rets(response)))
			report_status(source, call, response);
		else if (!lost)
			outcome = read(arg, response);
		/* Success in the body of a refusal is no answer, and nothing in that of a failure. */
		if (response->status >= 300 && !mls_rets_is_error(outcome.class) &&
			(response->status >= 500 || outcome.class != RETS_REPLY_EMPTY))
			report_status(source, call, response);
		if (!mls_rets_is_temporary(outcome.class))
			return outcome;
		if (outcome.class == RETS_REPLY_SESSION)
		{
			if (again)
				return outcome;
			again = true;
			lose(source);
			continue;
		}
		/* A status of failure was asked again already. */
		if (attempt >= source->http.retries || response->status >= 500)
			return outcome;
		wait_ms(delay_ms(attempt++));
	}
}
