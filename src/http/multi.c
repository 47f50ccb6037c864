/*
 * multi.c
 *		The one multi handle of the process, and waiting for it.
 *
 * The handle keeps connections and looked-up names across statements and
 * transactions.  libcurl says which sockets it wants watched and when it wants
 * to be called again; waiting is PostgreSQL's own, with the latch in the same
 * set, so that a cancel or a timeout ends it at once.
 *
 * What a transfer is for is not known here.
 */
#include "postgres.h"

#include <poll.h>
#include <signal.h>

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "http/transport.h"

/* Connections held at once: a join of eight resources finds each one its own. */
#define MAX_CONNECTIONS 8

/*
 * Sockets watched at once: a connection being made may try two addresses, and
 * each name lookup has a socket of its own.
 */
#define MAX_SOCKETS (MAX_CONNECTIONS * 4)

/* Between records nobody gains from looking at the sockets more often than this. */
#define POLL_GRAIN_US 1000

typedef struct Watch
{
	curl_socket_t fd;
	int what; /* CURL_POLL_IN, _OUT, _INOUT */
} Watch;

static enum { UNTRIED, READY, BROKEN } multi_state = UNTRIED;
static CURLM *multi = NULL;
static Watch watches[MAX_SOCKETS];
static int nwatches = 0;
static int64 timer_at = -1; /* mls_clock_us at which libcurl wants to be called, or -1 */
static int64 polled_at = 0;
static int nrunning = 0;
static uint32 wait_event = 0;

int64
mls_clock_us(void)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

/* ---- what libcurl tells; these may neither throw nor call it back ---- */

static int
socket_changed(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	int i = 0;

	while (i < nwatches && watches[i].fd != fd)
		i++;
	if (what == CURL_POLL_REMOVE)
	{
		if (i < nwatches)
			watches[i] = watches[--nwatches];
		return 0;
	}
	if (i == MAX_SOCKETS)
		return -1;
	if (i == nwatches)
		nwatches++;
	watches[i].fd = fd;
	watches[i].what = what;
	return 0;
}

static int
timer_changed(CURLM *handle, long timeout_ms, void *arg)
{
	timer_at = timeout_ms < 0 ? -1 : mls_clock_us() + (int64) timeout_ms * 1000;
	return 0;
}

/* ---- signals ---- */

/*
 * libcurl starts a thread for name lookups, which inherits the signal mask: with
 * signals blocked, PostgreSQL's handlers never run in it.  What a fault in the
 * code itself raises stays open.
 */
static void
block_signals(sigset_t *saved)
{
	sigset_t blocked;

	sigfillset(&blocked);
	sigdelset(&blocked, SIGSEGV);
	sigdelset(&blocked, SIGBUS);
	sigdelset(&blocked, SIGFPE);
	sigdelset(&blocked, SIGILL);
	sigdelset(&blocked, SIGABRT);
	sigdelset(&blocked, SIGTRAP);
	sigprocmask(SIG_SETMASK, &blocked, saved);
}

static void
restore_signals(const sigset_t *saved)
{
	sigprocmask(SIG_SETMASK, saved, NULL);
}

/* ---- setting up ---- */

/* fd.c must know of the sockets, or it hands out the same descriptors to files. */
static bool
reserve_descriptors(void)
{
	for (int i = 0; i < MAX_CONNECTIONS; i++)
	{
		if (AcquireExternalFD())
			continue;
		while (i-- > 0)
			ReleaseExternalFD();
		return false;
	}
	return true;
}

static bool
set_up(void)
{
	bool failed = false;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	multi = curl_multi_init();
	if (multi == NULL)
		return false;
	failed |= curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_changed) != CURLM_OK;
	failed |= curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer_changed) != CURLM_OK;
	failed |= curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) MAX_CONNECTIONS) !=
			  CURLM_OK;
	failed |= curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) MAX_CONNECTIONS) != CURLM_OK;
	if (!failed)
		return true;
	curl_multi_cleanup(multi);
	multi = NULL;
	return false;
}

/*
 * Once per process and at first use: done when the library is loaded, a preloaded
 * one would hand OpenSSL's state to every child.  A failure is remembered, since
 * libcurl does not promise that a second attempt is safe.
 */
static void
ensure_multi(void)
{
	if (multi_state == READY)
		return;
	if (multi_state == UNTRIED)
	{
		if (!reserve_descriptors())
			ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
							errmsg("could not open connections to sources"),
							errdetail("There are too many open files on the server."),
							errhint("Raise the server's max_files_per_process and/or \"ulimit -n\" "
									"limits.")));
		multi_state = set_up() ? READY : BROKEN;
		wait_event = mls_wait_event("MlsHttp");
	}
	if (multi_state == BROKEN)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR), errmsg("could not initialize the HTTP library")));
}

/* ---- transfers ---- */

/* Notes which transfers have ended and takes them out of the multi handle. */
static void
collect(void)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi, &left)) != NULL)
	{
		CURL *easy = message->easy_handle;
		MlsTransfer *transfer = NULL;
		CURLcode result = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &transfer);
		curl_multi_remove_handle(multi, easy);
		transfer->result = result;
		transfer->running = false;
		nrunning--;
	}
}

/* Tells libcurl about a socket, or that its time has come. */
static void
act(curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(multi, fd, events, &running);
}

/* The timer is one-shot: it is forgotten before libcurl is called, which may set it anew. */
static void
act_on_timer(void)
{
	if (timer_at < 0 || timer_at > mls_clock_us())
		return;
	timer_at = -1;
	act(CURL_SOCKET_TIMEOUT, 0);
}

void
mls_multi_start(MlsTransfer *transfer)
{
	sigset_t saved;
	CURLMcode code;

	ensure_multi();
	curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
	block_signals(&saved);
	code = curl_multi_add_handle(multi, transfer->easy);
	if (code == CURLM_OK)
	{
		transfer->running = true;
		nrunning++;
		act_on_timer();
		collect();
	}
	restore_signals(&saved);
	if (code != CURLM_OK)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("The HTTP library could not take a request.")));
}

/* Takes a transfer out of the multi handle before its end; what it knows can still be asked. */
void
mls_multi_end(MlsTransfer *transfer, CURLcode result)
{
	sigset_t saved;

	if (!transfer->running)
		return;
	block_signals(&saved);
	curl_multi_remove_handle(multi, transfer->easy);
	restore_signals(&saved);
	transfer->result = result;
	transfer->running = false;
	nrunning--;
}

/* Ends a transfer in whatever state and frees its handle. Never throws. */
void
mls_multi_free(MlsTransfer *transfer)
{
	if (transfer->easy == NULL)
		return;
	mls_multi_end(transfer, CURLE_ABORTED_BY_CALLBACK);
	curl_easy_cleanup(transfer->easy);
	transfer->easy = NULL;
}

void
mls_transfer_alone(CURL *easy)
{
	sigset_t saved;

	block_signals(&saved);
	(void) curl_easy_perform(easy);
	restore_signals(&saved);
}

const char *
mls_transfer_header(CURL *easy, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

bool
mls_header_add(struct curl_slist **headers, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*headers, line);

	if (longer == NULL)
		return false;
	*headers = longer;
	return true;
}

bool
mls_header_add_secret(struct curl_slist **headers, char *line)
{
	bool added = mls_header_add(headers, line);

	memset(line, 0, strlen(line));
	pfree(line);
	return added;
}

/* ---- proceeding ---- */

static int
curl_events(bool readable, bool writable)
{
	return (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0);
}

/* Lets transfers proceed whose sockets are ready or whose time has come, without waiting; false: none. */
static bool
proceed(void)
{
	struct pollfd polled[MAX_SOCKETS];
	int npolled = nwatches;
	sigset_t saved;

	for (int i = 0; i < npolled; i++)
	{
		polled[i].fd = watches[i].fd;
		polled[i].events = ((watches[i].what & CURL_POLL_IN) ? POLLIN : 0) |
						   ((watches[i].what & CURL_POLL_OUT) ? POLLOUT : 0);
		polled[i].revents = 0;
	}
	if (poll(polled, npolled, 0) <= 0 && (timer_at < 0 || timer_at > mls_clock_us()))
		return false;
	block_signals(&saved);
	for (int i = 0; i < npolled; i++)
		if (polled[i].revents)
			act(polled[i].fd,
				curl_events(polled[i].revents & ~POLLOUT, polled[i].revents & POLLOUT));
	act_on_timer();
	collect();
	restore_signals(&saved);
	return true;
}

/* Lets transfers proceed as far as they can without waiting. */
void
mls_multi_poll(void)
{
	int64 now;

	if (nrunning == 0)
		return;
	now = mls_clock_us();
	if (now - polled_at < POLL_GRAIN_US)
		return;
	polled_at = now;
	(void) proceed();
}

static long
wait_ms(int64 until)
{
	int64 at = until;
	int64 left;

	if (timer_at >= 0 && timer_at < at)
		at = timer_at;
	left = at - mls_clock_us();
	if (left <= 0)
		return 0;
	/* Rounded up: waking before the time would only mean to wait again. */
	return (long) Min((left + 999) / 1000, 60 * 1000);
}

/*
 * What happened on the latch and the sockets until the time given.  The set is
 * made anew each time, since sockets cannot be taken out of one.
 */
static int
wait_for_events(int64 until, WaitEvent *events)
{
	WaitEventSet *set = mls_wait_event_set(nwatches + 2);
	int n = 0;

	PG_TRY();
	{
		AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
		if (IsUnderPostmaster)
			AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
		for (int i = 0; i < nwatches; i++)
		{
			uint32 what = ((watches[i].what & CURL_POLL_IN) ? WL_SOCKET_READABLE : 0) |
						  ((watches[i].what & CURL_POLL_OUT) ? WL_SOCKET_WRITEABLE : 0);

			if (what != 0)
				AddWaitEventToSet(set, what, watches[i].fd, NULL, NULL);
		}
		n = WaitEventSetWait(set, wait_ms(until), events, MAX_SOCKETS + 2, wait_event);
	}
	PG_FINALLY();
	{
		/* Up to version 16 nobody else would free it. */
		FreeWaitEventSet(set);
	}
	PG_END_TRY();
	return n;
}

/*
 * Waits until something happens on the latch or a socket, or until a time (of
 * mls_clock_us), lets transfers proceed, and serves interrupts.  May return
 * early; the caller loops on its own condition.
 */
void
mls_multi_wait(int64 until)
{
	WaitEvent events[MAX_SOCKETS + 2];
	sigset_t saved;
	int n;

	ensure_multi();
	/* Where something is there already, it is had for less. */
	if (proceed())
	{
		CHECK_FOR_INTERRUPTS();
		return;
	}
	n = wait_for_events(until, events);
	block_signals(&saved);
	for (int i = 0; i < n; i++)
		if (events[i].events & (WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE))
			act(events[i].fd, curl_events(events[i].events & WL_SOCKET_READABLE,
										  events[i].events & WL_SOCKET_WRITEABLE));
	act_on_timer();
	collect();
	restore_signals(&saved);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}
