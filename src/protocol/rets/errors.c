/*
 * errors.c
 *		Answers that are errors, in words: SQLSTATE, message, detail, hint.
 *
 * Which answers are, and what may be tried first, is not decided here.
 */
#include "postgres.h"

#include "protocol/rets/talk.h"

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

void
mls_rets_show_call(const RetsCall *call, MlsHttpCall *http)
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
		mls_rets_show_call(call, &http);
		is_search = true;
		hint = hint ? hint : mls_http_options_hint(&http);
	}
	ereport(ERROR,
			(errcode(sqlstate_of(outcome->class)),
			 errmsg("could not fetch %s from source \"%s\"", call->purpose, source->http.name),
			 errdetail("The source answered with %s %d: %s%s", is_status ? "status" : "reply code",
					   outcome->code, mls_http_clean(&source->http, outcome->text),
					   is_search ? mls_http_request_words(&source->http, &http) : ""),
			 hint ? errhint("%s", hint) : 0));
}
