/*
 * media_fetch.c
 *		Files over HTTP, several at a time.
 *
 * The address of a file is foreign input, and its host is nobody's that is known.  So it is
 * asked without the source's credentials, unless it is the source itself, and under the same
 * rules by which sources are; a redirect is followed to the same place or to an allowed host,
 * and no further than three times; and what comes is a file only if its bytes say so.
 *
 * Transfers run in a window: while the oldest is waited for, the others go on.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "http/url.h"
#include "media/media_parts.h"

#define MOST_REDIRECTS 3

/* A host that drips may keep a transfer this long. */
#define DEADLINE_MS (10 * 60 * 1000)

/* A host that wants to be left alone for longer is asked again after this. */
#define LONGEST_PAUSE_S (24 * 60 * 60)

/* ---- Failures ---- */

void
mls_media_end_item(MlsMediaItem *item, MlsMediaResult result, const char *error)
{
	item->result = result;
	item->error = MemoryContextStrdup(item->batch, error);
}

/* Details can hold addresses, which are kept nowhere; those without one say why. */
static const char *
error_words(const ErrorData *error)
{
	if (error->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		return "it is larger than max_file_bytes allows";
	if (error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE)
		return "its address is none that this server may ask: it leads to a private network, "
			   "leaves https, or redirects to a host that mls_fdw.allowed_hosts does not name";
	if (error->sqlerrcode == ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE)
		return "what the source names is no address";
	if (error->detail == NULL || strstr(error->detail, "://") != NULL)
		return error->message;
	return psprintf("%s: %s", error->message, error->detail);
}

static MlsMediaResult
result_of(const ErrorData *error)
{
	if (mls_http_failure()->is_quota)
		return MLS_MEDIA_LATER;
	if (error->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED ||
		error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE ||
		error->sqlerrcode == ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE)
		return MLS_MEDIA_REFUSED;
	return MLS_MEDIA_FAILED;
}

void
mls_media_blame(List *items)
{
	MlsMediaItem *first = linitial(items);
	ErrorData *error = mls_error_catch(first->batch);
	MlsMediaResult result = result_of(error);
	bool by_network;
	ListCell *lc;

	by_network = mls_error_class(error->sqlerrcode, mls_http_failure()) == MLS_ERROR_NETWORK;
	mls_http_forget_failure();
	foreach (lc, items)
	{
		MlsMediaItem *item = lfirst(lc);

		item->by_network = by_network;
		mls_media_end_item(item, result, error_words(error));
		if (item->request != NULL)
			mls_http_abandon(item->request);
		item->request = NULL;
	}
}

/* ---- What came ---- */

/* One way through the bytes: digest, length, and the beginning where it is not all in memory. */
static void
read_body(MlsMediaItem *item)
{
	MlsHttpPieces pieces = {.response = item->response};
	MlsDigest *digest = mls_digest_begin();
	bool whole = item->response->spool == NULL;
	uint8 *copy = whole ? NULL : palloc(MLS_FILE_HEAD);
	Size head_length = 0;
	const char *bytes;
	Size length;

	while (mls_http_piece(&pieces, &bytes, &length))
	{
		Size taken = Min(length, MLS_FILE_HEAD - head_length);

		mls_digest_add(digest, bytes, length);
		if (!whole)
			memcpy(copy + head_length, bytes, taken);
		head_length += taken;
		item->bytes += length;
	}
	mls_digest_end(digest, item->digest);
	item->file = mls_file_type(whole ? (const uint8 *) item->response->body : copy, head_length,
							   (const uint8 *) mls_http_tail(item->response, MLS_FILE_TAIL),
							   (Size) Min(item->bytes, MLS_FILE_TAIL));
	if (copy != NULL)
		pfree(copy);
}

/* A photo that is no picture is a mistake somewhere; of other categories nothing is known. */
static bool
fits_category(const MlsMediaItem *item)
{
	return item->category == NULL || pg_strcasecmp(item->category, "Photo") != 0 ||
		   strncmp(item->file.type, "image/", strlen("image/")) == 0;
}

void
mls_media_judge_body(const MlsMediaRun *media, MlsMediaItem *item)
{
	read_body(item);
	if (item->bytes == 0)
		mls_media_end_item(item, MLS_MEDIA_FAILED, "the answer is empty");
	else if (item->bytes > media->rule.max_file_bytes)
		mls_media_end_item(item, MLS_MEDIA_REFUSED, "it is larger than max_file_bytes allows");
	else if (item->file.refused != NULL)
		mls_media_end_item(item, MLS_MEDIA_REFUSED,
						   psprintf("what came is no file: %s", item->file.refused));
	else if (!fits_category(item))
		mls_media_end_item(item, MLS_MEDIA_REFUSED,
						   psprintf("it is of category Photo, but of type %s", item->file.type));
	else if (item->file.cut && strcmp(item->file.extension, "jpg") != 0)
		mls_media_end_item(
			item, MLS_MEDIA_FAILED,
			psprintf("its end is missing: a file of type %s ends otherwise", item->file.type));
	else
	{
		MemoryContext before = MemoryContextSwitchTo(item->batch);

		item->sha256 = mls_hex(item->digest, MLS_SHA256_BYTES);
		item->name = mls_store_name(item->digest, item->file.extension);
		item->result = MLS_MEDIA_GOT;
		MemoryContextSwitchTo(before);
	}
}

/* ---- Has it changed? ---- */

#define IF_NONE_MATCH "If-None-Match: "

/*
 * Validators are an address's own: what another address calls by the same word may be another
 * file, and so it may be where only the parameters differ.  But signatures stand there, too: they
 * are left out where the tag can only be a digest of the file's bytes, by its length.
 */
static bool
is_digest(const char *validator)
{
	if (strncmp(validator, IF_NONE_MATCH, strlen(IF_NONE_MATCH)) != 0)
		return false;
	validator += strlen(IF_NONE_MATCH);
	validator += strspn(validator, " ");
	return *validator == '"' && strspn(validator + 1, "0123456789abcdefABCDEF") >= 32;
}

static char *
place_of(const char *address, const char *validator)
{
	uint8 digest[MLS_SHA256_BYTES];

	mls_sha256(address, is_digest(validator) ? strcspn(address, "?#") : strlen(address), digest);
	return mls_hex(digest, MLS_SHA256_BYTES);
}

static bool
may_be_same(const MlsMediaItem *item)
{
	return item->old_validator != NULL && item->old_sha256 != NULL && item->old_place != NULL &&
		   strcmp(item->old_place, place_of(item->first_address, item->old_validator)) == 0;
}

static void
note_validator(MlsMediaItem *item)
{
	MemoryContext before;

	if (item->response->validator == NULL)
		return;
	before = MemoryContextSwitchTo(item->batch);
	item->validator = pstrdup(item->response->validator);
	item->place = place_of(item->first_address, item->validator);
	MemoryContextSwitchTo(before);
}

/* ---- Answers ---- */

static bool
is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Statuses by which an address says that it does not hold any more. */
static bool
is_expiry(int status)
{
	return status == 401 || status == 403 || status == 404 || status == 410;
}

static void send(MlsMediaRun *media, MlsMediaItem *item);

static void
follow(MlsMediaRun *media, MlsMediaItem *item)
{
	const char *location = mls_http_header(item->response, "location");

	if (location == NULL || *location == '\0')
		mls_media_end_item(item, MLS_MEDIA_FAILED, "the address leads on to nowhere");
	else if (item->redirects++ == MOST_REDIRECTS)
		mls_media_end_item(item, MLS_MEDIA_FAILED, "the address leads on and on");
	else
	{
		item->address = mls_url_resolve(&item->http, item->response->url, location);
		send(media, item);
	}
}

/* A number of seconds; a date is no more than a wish to be left alone. */
static void
obey(MlsMediaItem *item)
{
	const char *after = mls_http_header(item->response, "retry-after");
	int64 seconds = after ? strtol(after, NULL, 10) : 0;

	if (seconds > 0)
		item->not_before = TimestampTzPlusMilliseconds(
			GetCurrentTimestamp(), Min(seconds, LONGEST_PAUSE_S) * INT64CONST(1000));
}

static void
judge(MlsMediaRun *media, MlsMediaItem *item)
{
	int status = item->response->status;

	if (status == 200)
	{
		mls_media_judge_body(media, item);
		note_validator(item);
	}
	else if (status == 304 && may_be_same(item))
	{
		item->validator = item->old_validator;
		item->place = item->old_place;
		item->result = MLS_MEDIA_SAME;
	}
	else if (is_redirect(status))
		follow(media, item);
	else if (is_expiry(status) && !item->fresh)
		mls_media_end_item(item, MLS_MEDIA_EXPIRED,
						   psprintf("its address answered with status %d", status));
	else
	{
		obey(item);
		mls_media_end_item(item, MLS_MEDIA_FAILED,
						   psprintf("its address%s answered with status %d",
									item->fresh ? ", though the source has just named it," : "",
									status));
	}
}

/* ---- Transfers ---- */

MemoryContext
mls_media_work_on(MlsMediaItem *item)
{
	if (item->context == NULL)
		item->context = AllocSetContextCreate(item->batch, "mls_fdw file", ALLOCSET_DEFAULT_SIZES);
	return item->context;
}

/* The next file finds the memory of this one still in the processor's caches. */
void
mls_media_forget_work(MlsMediaItem *item)
{
	if (item->context != NULL)
		MemoryContextDelete(item->context);
	item->context = NULL;
	item->response = NULL;
	item->address = NULL;
	item->first_address = NULL;
}

static bool
is_own_host(const MlsMediaRun *media, const char *address)
{
	const char *host = mls_url_host(address);

	return host && media->host && strcmp(host, media->host) == 0;
}

/*
 * How the host of an address is asked.  Files on the source's own origin may want its login;
 * then its session or token is kept up as for records.  Any other host is nobody's, and
 * cannot lead to the source with its login.
 */
static void
choose_host(MlsMediaRun *media, MlsMediaItem *item, MlsHttpCall *call)
{
	MlsSource *source = media->run->table->source;
	bool was_own = item->own;

	item->own = source->protocol->media_login && (item->redirects == 0 || was_own) &&
				mls_url_is_own(&source->http, item->address);
	call->statuses = call->failures = item->own;
	call->answers = !item->own;
	if (item->own)
		mls_source_media_own(source, media->rule.quota_share, &item->http);
	else if (item->redirects == 0 || was_own)
	{
		mls_source_media(source, source->platform.media_counts || is_own_host(media, item->address),
						 media->rule.quota_share, &item->http);
		item->http.url = item->address;
	}
	/* An address that leads on may leave the hosts that may know the token. */
	if (!item->own)
		item->http.user_agent = mls_source_media_agent(source, item->address);
	item->http.deadline_ms = DEADLINE_MS;
	item->http.max_page_bytes = item->http.max_answer_bytes = media->rule.max_file_bytes;
}

static void
send(MlsMediaRun *media, MlsMediaItem *item)
{
	MlsHttpCall call = {.method = "GET",
						.url = item->address,
						.purpose = psprintf("the file of media \"%s\"", item->key),
						.shown = "its address",
						.spool = true};

	if (may_be_same(item))
		call.headers = list_make1(item->old_validator);
	item->response = NULL;
	choose_host(media, item, &call);
	item->request = mls_http_start(&item->http, &call, &media->stats);
}

static void
begin(MlsMediaRun *media, MlsMediaItem *item)
{
	char *address;

	if (item->address == NULL)
	{
		mls_media_end_item(item, item->fresh ? MLS_MEDIA_FAILED : MLS_MEDIA_EXPIRED,
						   "the source names no address for it");
		return;
	}
	address = item->address;
	if (media->base != NULL && *address == '/' && address[1] != '/')
		address = psprintf("%s%s", media->base, address);
	address = mls_url_absolute(&media->run->table->source->http, address);
	if (address == NULL)
	{
		mls_media_end_item(item, MLS_MEDIA_REFUSED, "what the source names is no address");
		return;
	}
	item->address = address;
	item->first_address = address;
	send(media, item);
}

/* One step of an item: its request, or what came of it.  True while another is needed. */
static bool
advance(MlsMediaRun *media, MlsMediaItem *item)
{
	MemoryContext before = MemoryContextSwitchTo(mls_media_work_on(item));

	PG_TRY();
	{
		if (item->request == NULL)
			begin(media, item);
		else
		{
			item->response = mls_http_finish(item->request);
			item->request = NULL;
			judge(media, item);
		}
	}
	PG_CATCH();
	{
		mls_media_blame(list_make1(item));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(before);
	if (item->request != NULL)
		return true;
	mls_media_put_at_once(media, item);
	if (item->result != MLS_MEDIA_GOT)
		mls_media_forget_work(item);
	return false;
}

static int64
held_bytes(const MlsMediaItem *item)
{
	return item->context != NULL ? item->bytes : 0;
}

/*
 * What a batch holds in memory is bounded: files that are not begun any more stay pending, and
 * wanted.  Those that are put as they come do not count.
 */
void
mls_media_fetch(MlsMediaRun *media, List *items)
{
	int n = list_length(items);
	int started = 0;
	int64 bytes = 0;
	ListCell *lc;

	foreach (lc, items)
		bytes += held_bytes(lfirst(lc));

	for (int i = 0; i < n; i++)
	{
		MlsMediaItem *item = list_nth(items, i);

		for (; started < n && started < i + media->rule.transfers; started++)
		{
			MlsMediaItem *next = list_nth(items, started);

			if (next->result == MLS_MEDIA_PENDING && media->exhausted)
				next->result = MLS_MEDIA_LATER;
			else if (next->result == MLS_MEDIA_PENDING && bytes < MLS_MEDIA_BATCH_BYTES)
				(void) advance(media, next);
		}
		while (item->request != NULL)
		{
			(void) advance(media, item);
			bytes += held_bytes(item);
		}
		media->exhausted |= item->result == MLS_MEDIA_LATER;
	}
}
