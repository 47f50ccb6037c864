/*
 * s3_error.c
 *		What a service says when it refuses, in plain words: what is wrong, and whose it is
 *		to mend.
 *
 * An error is read without a parser: whoever stands between us and the service may have
 * written it.  Of what it says only the message is quoted, without secrets; some of its other
 * elements repeat the request, with the token in it.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "protocol/file/s3.h"

/* So much of an element is looked at. */
#define LONGEST_ELEMENT 1000

/* ---- reading ---- */

/* The text of an element of an error, or NULL. */
static char *
element(const MlsHttpResponse *response, const char *name)
{
	char *open = psprintf("<%s>", name);
	char *close = psprintf("</%s>", name);
	const char *from = strstr(response->body, open);
	const char *to = from ? strstr(from, close) : NULL;
	char *text;

	if (to == NULL)
		return NULL;
	from += strlen(open);
	text = pnstrdup(from, Min(to - from, LONGEST_ELEMENT));
	/* The five of XML: this one comes last, since it could make another. */
	for (char *at = text; (at = strchr(at, '&')) != NULL; at++)
	{
		static const struct
		{
			const char *name;
			char character;
		} entities[] = {
			{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}};

		for (int i = 0; i < lengthof(entities); i++)
		{
			Size length = strlen(entities[i].name);

			if (strncmp(at, entities[i].name, length) != 0)
				continue;
			*at = entities[i].character;
			memmove(at + 1, at + length, strlen(at + length) + 1);
			break;
		}
	}
	return text;
}

bool
mls_s3_is_error(const MlsHttpResponse *response)
{
	const char *body = response->body;

	if (strncmp(body, "\xEF\xBB\xBF", 3) == 0)
		body += 3;
	body += strspn(body, " \t\r\n");
	if (strncmp(body, "<?xml", 5) == 0)
	{
		const char *end = strstr(body, "?>");

		body = end ? end + 2 : body;
		body += strspn(body, " \t\r\n");
	}
	return strncmp(body, "<Error>", 7) == 0 || strncmp(body, "<Error ", 7) == 0;
}

char *
mls_s3_code(const MlsHttpResponse *response)
{
	char *code = mls_s3_is_error(response) ? element(response, "Code") : NULL;

	return code ? code : pstrdup("");
}

/* ---- what can be done ---- */

typedef enum Blame
{
	BLAME_NOBODY,
	BLAME_KEY,
	BLAME_SECRET,
	BLAME_TOKEN,
	BLAME_REGION,
	BLAME_BUCKET,
	BLAME_CLOCK,
	BLAME_RIGHTS,
	BLAME_ROOM,
	BLAME_BUSY,
	BLAME_ADDRESS
} Blame;

/* The codes of errors, of Amazon and of those who do as it does. */
static const struct
{
	const char *code;
	Blame blame;
} codes[] = {
	{"InvalidAccessKeyId", BLAME_KEY},
	{"InvalidSecurity", BLAME_KEY},
	{"SignatureDoesNotMatch", BLAME_SECRET},
	{"InvalidToken", BLAME_TOKEN},
	{"ExpiredToken", BLAME_TOKEN},
	{"TokenRefreshRequired", BLAME_TOKEN},
	{"AuthorizationHeaderMalformed", BLAME_REGION},
	{"PermanentRedirect", BLAME_REGION},
	{"TemporaryRedirect", BLAME_REGION},
	{"Redirect", BLAME_REGION},
	{"IllegalLocationConstraintException", BLAME_REGION},
	{"InvalidRegionName", BLAME_REGION},
	{"NoSuchBucket", BLAME_BUCKET},
	{"InvalidBucketName", BLAME_BUCKET},
	{"RequestTimeTooSkewed", BLAME_CLOCK},
	{"RequestExpired", BLAME_CLOCK},
	{"AccessDenied", BLAME_RIGHTS},
	{"AllAccessDisabled", BLAME_RIGHTS},
	{"AccountProblem", BLAME_RIGHTS},
	{"NotSignedUp", BLAME_RIGHTS},
	{"QuotaExceeded", BLAME_ROOM},
	{"InsufficientStorage", BLAME_ROOM},
	{"InsufficientCapacity", BLAME_ROOM},
	{"XMinioStorageFull", BLAME_ROOM},
	{"XMinioAdminBucketQuotaExceeded", BLAME_ROOM},
	{"EntityTooLarge", BLAME_ROOM},
	{"SlowDown", BLAME_BUSY},
	{"ServiceUnavailable", BLAME_BUSY},
	{"InternalError", BLAME_BUSY},
	{"RequestTimeout", BLAME_BUSY},
	{"MethodNotAllowed", BLAME_ADDRESS},
};

/* The region in which a bucket is, as the answer tells it; or NULL. */
static const char *
told_region(const MlsHttpResponse *response)
{
	const char *header = mls_http_header(response, "x-amz-bucket-region");

	return header ? header : element(response, "Region");
}

/* An answer to HEAD has no words: its status is all. */
static Blame
blame_status(const MlsHttpResponse *response)
{
	switch (response->status)
	{
		case 301:
		case 307:
			return BLAME_REGION;
		case 400:
			return mls_http_header(response, "x-amz-bucket-region") ? BLAME_REGION : BLAME_NOBODY;
		case 401:
		case 403:
			return BLAME_RIGHTS;
		case 429:
		case 503:
			return BLAME_BUSY;
		case 507:
			return BLAME_ROOM;
		default:
			return response->status >= 300 && response->status < 400 ? BLAME_ADDRESS : BLAME_NOBODY;
	}
}

static Blame
blame_code(const char *code)
{
	for (int i = 0; i < lengthof(codes); i++)
		if (strcmp(code, codes[i].code) == 0)
			return codes[i].blame;
	return BLAME_NOBODY;
}

static int
blame_state(Blame blame)
{
	switch (blame)
	{
		case BLAME_KEY:
		case BLAME_SECRET:
		case BLAME_TOKEN:
			return ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
		case BLAME_BUCKET:
			return ERRCODE_UNDEFINED_OBJECT;
		case BLAME_RIGHTS:
			return ERRCODE_INSUFFICIENT_PRIVILEGE;
		case BLAME_ROOM:
			return ERRCODE_DISK_FULL;
		case BLAME_BUSY:
			return ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
		default:
			return ERRCODE_FDW_ERROR;
	}
}

/* Is it a name that can stand in a hint as SQL? */
static bool
is_plain(const char *text)
{
	int length = strlen(text);

	return length > 0 && length <= 40 &&
		   strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
			   length;
}

static char *
region_hint(const MlsBucket *bucket, const MlsHttpResponse *response)
{
	const char *region = response ? told_region(response) : NULL;

	if (region && is_plain(region) && strcmp(region, bucket->http.region) != 0)
		return psprintf("The bucket is in the region \"%s\", requests are signed for \"%s\": set "
						"the option region of the server.",
						region, bucket->http.region);
	return psprintf("Requests are signed for the region \"%s\": check the options region and "
					"endpoint of the server.",
					bucket->http.region);
}

static char *
clock_hint(const MlsHttpResponse *response)
{
	char *ours = pstrdup(timestamptz_to_str(GetCurrentTimestamp()));
	TimestampTz theirs = response ? mls_http_date(response, "date") : 0;

	if (theirs == 0)
		return psprintf("Set the clock of this machine: it says %s.", ours);
	return psprintf("Set the clock of this machine: it says %s, that of the service says %s.", ours,
					timestamptz_to_str(theirs));
}

static char *
hint_of(const MlsBucket *bucket, Blame blame, const MlsHttpResponse *response)
{
	switch (blame)
	{
		case BLAME_KEY:
			return pstrdup("The service knows no such key: check the option access_key of the user "
						   "mapping, and the options endpoint and region of the server.");
		case BLAME_SECRET:
			return pstrdup(
				"The secret does not fit the key: check the option secret_key of the user "
				"mapping, and access_key, since some services say the same of a key that "
				"they do not know.");
		case BLAME_TOKEN:
			return pstrdup("The option session_token of the user mapping is not, or no longer, "
						   "valid: temporary credentials are replaced all three together.");
		case BLAME_REGION:
			return region_hint(bucket, response);
		case BLAME_BUCKET:
			return psprintf("There is no bucket \"%s\" at this service: make it, or check the "
							"options url and endpoint of the server.",
							bucket->place.bucket);
		case BLAME_CLOCK:
			return clock_hint(response);
		case BLAME_RIGHTS:
			return psprintf("The key needs the rights %ss3:GetObject and s3:ListBucket for bucket "
							"\"%s\".",
							bucket->is_written
								? "s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload, "
								  "s3:ListBucketMultipartUploads, "
								: "",
							bucket->place.bucket);
		case BLAME_ROOM:
			return pstrdup("The service has no room, or does not give this account more.");
		case BLAME_BUSY:
			return pstrdup("The service is busy; later attempts may do better.");
		case BLAME_ADDRESS:
			return pstrdup("Check the options endpoint and path_style of the server.");
		default:
			return NULL;
	}
}

/* ---- raising it ---- */

pg_noreturn static void
refuse(const MlsBucket *bucket, const char *task, Blame blame, char *detail, const char *hint);

static void
refuse(const MlsBucket *bucket, const char *task, Blame blame, char *detail, const char *hint)
{
	ereport(ERROR, (errcode(blame_state(blame)), errmsg("could not %s %s", task, bucket->owner),
					errdetail("%s", detail), hint ? errhint("%s", hint) : 0));
}

/* "The service answered 403 (SignatureDoesNotMatch): The request signature ..." */
static char *
words_of(const MlsBucket *bucket, const MlsHttpResponse *response, const char *code)
{
	char *message = *code ? element(response, "Message") : NULL;
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "The service answered %d", response->status);
	if (*code)
		appendStringInfo(&buf, " (%s)", mls_http_clean(&bucket->http, code));
	if (message && *message)
		appendStringInfo(&buf, ": %s", mls_http_clean(&bucket->http, message));
	else
		appendStringInfoChar(&buf, '.');
	return buf.data;
}

void
mls_s3_report(const MlsBucket *bucket, const char *task, const MlsHttpResponse *response)
{
	char *code = mls_s3_code(response);
	Blame blame = *code ? blame_code(code) : blame_status(response);

	refuse(bucket, task, blame, words_of(bucket, response, code), hint_of(bucket, blame, response));
}

void
mls_s3_report_code(const MlsBucket *bucket, const char *task, const char *code, const char *message)
{
	Blame blame = blame_code(code);

	refuse(bucket, task, blame,
		   psprintf("The service answered for one of the files: %s: %s",
					mls_http_clean(&bucket->http, code), mls_http_clean(&bucket->http, message)),
		   hint_of(bucket, blame, NULL));
}

void
mls_s3_report_stranger(const MlsBucket *bucket, const char *task, const MlsHttpResponse *response)
{
	refuse(bucket, task, BLAME_ADDRESS,
		   psprintf("What answered with status %d is not S3: its answer is of type \"%s\".",
					response->status, mls_http_clean(&bucket->http, response->content_type)),
		   hint_of(bucket, BLAME_ADDRESS, response));
}
