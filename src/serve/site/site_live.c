/*
 * site_live.c
 *		What runs, told as it changes: server-sent events, one stream a page that shows them.
 *
 * Each connection of the listener has a thread of its own, so a stream may sleep between two
 * looks.  To look is no use of a session: a page that is left open does not keep it.
 */
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve/base/moment.h"
#include "serve/site/site_room.h"

#define LOOK_MS 1000
#define STILL_MS 5000 /* a stream says at least that often that it is there */

typedef struct Stream
{
	ServeSiteSession *session;
	ServeBytes pending;
	size_t sent;
	char *before; /* what was told last */
	int64_t looked;
	int64_t said;
} Stream;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t stop = PTHREAD_COND_INITIALIZER;
static bool stopping;

/* Sleeps to the next look; false when there is none. */
static bool
wait_for_look(int64_t looked)
{
	struct timespec until;
	int64_t ms = looked + LOOK_MS - serve_now_ms();

	pthread_mutex_lock(&lock);
	if (!stopping && ms > 0)
	{
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += ms % 1000 * 1000000;
		until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&stop, &lock, &until);
	}
	ms = stopping ? -1 : 0;
	pthread_mutex_unlock(&lock);
	return ms == 0;
}

/* What there is to tell now. */
static char *
look(Stream *stream, bool *good)
{
	const ServeSiteQuestion *question = serve_site_question("progress");
	ServeBytes now = {0};
	size_t unused;
	int status;

	serve_bytes_text(&now, "{\"jobs\":");
	serve_site_jobs_list(stream->session->role, &now);
	serve_bytes_text(&now, ",\"progress\":");
	status = serve_site_ask(stream->session, question, NULL, &now);
	*good = status != 401;
	serve_bytes_text(&now, "}");
	return serve_bytes_take(&now, &unused);
}

static void
tell(Stream *stream, const char *event, const char *data)
{
	serve_bytes_format(&stream->pending, "event: %s\ndata: ", event);
	/* JSON has no line ends but between its parts, where blanks do as well. */
	for (const char *c = data; *c; c++)
		serve_bytes_add(&stream->pending, *c == '\n' || *c == '\r' ? " " : c, 1);
	serve_bytes_text(&stream->pending, "\n\n");
	stream->said = serve_now_ms();
}

static void
look_again(Stream *stream)
{
	bool good;
	char *now;

	if (!wait_for_look(stream->looked) || !serve_site_session_lives(stream->session))
	{
		tell(stream, "end", "{}");
		free(stream->before);
		stream->before = NULL;
		stream->looked = -1;
		return;
	}
	now = look(stream, &good);
	stream->looked = serve_now_ms();
	if (!stream->before || strcmp(stream->before, now) != 0)
	{
		tell(stream, "now", now);
		free(stream->before);
		stream->before = now;
	}
	else
	{
		free(now);
		if (serve_now_ms() - stream->said > STILL_MS)
		{
			serve_bytes_text(&stream->pending, ": still here\n\n");
			stream->said = serve_now_ms();
		}
	}
}

static ssize_t
read_stream(void *memory, uint64_t position, char *buffer, size_t space)
{
	Stream *stream = memory;
	size_t length;

	if (stream->sent == stream->pending.length)
	{
		serve_bytes_free(&stream->pending);
		stream->sent = 0;
		if (stream->looked < 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
		while (stream->pending.length == 0)
			look_again(stream);
	}
	length = stream->pending.length - stream->sent;
	if (length > space)
		length = space;
	memcpy(buffer, stream->pending.data + stream->sent, length);
	stream->sent += length;
	return (ssize_t) length;
}

static void
free_stream(void *memory)
{
	Stream *stream = memory;

	(void) serve_site_session_stream(stream->session, -1);
	serve_site_session_release(stream->session);
	serve_bytes_free(&stream->pending);
	free(stream->before);
	free(stream);
}

struct MHD_Response *
serve_site_live(ServeSiteSession *session)
{
	Stream *stream;

	if (!serve_site_session_stream(session, 1))
		return NULL;
	stream = serve_allocate(sizeof(Stream));
	stream->session = session;
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 8192, read_stream, stream,
											 free_stream);
}

void
serve_site_live_stop(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_broadcast(&stop);
	pthread_mutex_unlock(&lock);
}
