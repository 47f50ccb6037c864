/*
 * rate_limit.c
 *		Keeping to the quota of a source.
 *
 * Limits are promises about what the source sees, and it counts requests when
 * they arrive, at a time that is not known here: some moment between sending and
 * the first byte of the answer.  So a request is counted when it is sent, and
 * counted again at the later time when the answer begins.
 *
 * Per second: at most N requests are unanswered or answered within the last
 * window.  Of any N + 1 requests that arrived within a second, the one sent last
 * was sent when the N others had arrived less than a second before or had still
 * to arrive, hence were all counted: it would not have been sent.
 *
 * Per minute, hour and day: sliding windows in buckets, the oldest counted whole.
 * Bytes are known only afterwards: an answer's usual size is counted in advance
 * and corrected at its end.
 *
 * A source's quota belongs to all processes of the server, in read-only
 * transactions and on standbys too, and must outlive a restart.  Shared memory
 * would need shared_preload_libraries and forget; a table cannot be written
 * everywhere.  So each source has one small file, mls_fdw/<database>_<name>.quota in
 * the data directory, locked for the few microseconds of reading and writing
 * it.  A lock ends with its process, whatever happens to that.  The file is not
 * flushed: after a crash of the machine it may be old or damaged, and a damaged one
 * counts as spent.
 */
#include "postgres.h"

#include <fcntl.h>
#include <math.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "utils/hsearch.h"

#include "http/transport.h"

#define SECOND_US INT64CONST(1000000)

/* Allowance for the precision of two clocks, ours and the source's. */
#define GUARD 1.05

/*
 * An unanswered request is believed to be on its way for so long; its process
 * may have been killed.  By then it has arrived, however slow the connection.
 */
#define LEASE_US (10 * SECOND_US)

/* When all slots are taken by unanswered requests, look again after this. */
#define LOOK_AGAIN_US 10000

/* Another process holds the file for microseconds. */
#define BUSY_US 1000

/*
 * Waiting for an hour's or a day's budget longer than this helps nobody: a person
 * wants to know, a scheduled run can come back later.  A minute's is waited for.
 */
#define LONGEST_WAIT_US (30 * SECOND_US)

/* A source that asks for more than the longest window is asked again once a day. */
#define LONGEST_HOLD_US (24 * 60 * 60 * SECOND_US)

/* A clock set back by more than this moves what is remembered along. */
#define CLOCK_STEP_US SECOND_US

#define QUOTA_MAGIC 0x4D4C5351
#define QUOTA_VERSION 3

/* A file untouched for longer than the longest window says nothing any more. */
#define STALE_SECONDS (2 * 24 * 60 * 60)

/* Requests remembered singly, for the limit per second. */
#define QUOTA_SLOTS 128

/* A window is cut into 60 buckets; one more is counted, because the oldest is only partly over. */
#define QUOTA_BUCKETS 61

typedef struct QuotaSlot
{
	TimestampTz at;   /* sent; once settled, answered */
	uint32 serial;    /* of the ticket that holds it */
	uint32 in_flight; /* not settled yet */
} QuotaSlot;

typedef struct QuotaWindow
{
	int64 newest; /* number of the newest bucket */
	int64 spent[QUOTA_BUCKETS];
} QuotaWindow;

typedef enum QuotaKind
{
	QUOTA_MINUTE,
	QUOTA_HOUR,
	QUOTA_DAY,
	QUOTA_BYTES, /* of an hour */
	QUOTA_KINDS
} QuotaKind;

typedef struct Quota
{
	uint32 magic;
	uint32 version;
	Oid database_id;
	char name[MLS_QUOTA_NAME]; /* of the quota: whose file it is */
	pg_crc32c crc;             /* of what follows */
	uint32 serial;             /* of the last ticket */
	TimestampTz updated_at;
	TimestampTz hold_until; /* the source has asked to be left alone; 0 or past: it has not */
	int64 typical_bytes;    /* moving average of answers */
	QuotaSlot slots[QUOTA_SLOTS];
	QuotaWindow windows[QUOTA_KINDS];
} Quota;

typedef enum QuotaRead
{
	QUOTA_GOOD,
	QUOTA_NEW,     /* nothing was spent yet: all zero */
	QUOTA_DAMAGED, /* not what this extension wrote: contents undefined */
	QUOTA_BUSY     /* locked by another process: try again; nothing was read */
} QuotaRead;

typedef struct OpenQuota
{
	char name[MLS_QUOTA_NAME];
	File file;
} OpenQuota;

static HTAB *open_quotas = NULL;

static void
quota_path(char *path, const char *name)
{
	snprintf(path, MAXPGPATH, MLS_LIMIT_DIRECTORY "/%u_%s.quota", MyDatabaseId, name);
}

/* ---- the file: contents ---- */

static pg_crc32c
checksum(const Quota *quota)
{
	Size start = offsetof(Quota, crc) + sizeof(pg_crc32c);
	pg_crc32c crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, (const char *) quota + start, sizeof(Quota) - start);
	FIN_CRC32C(crc);
	return crc;
}

static void
make_new(Quota *quota, const char *name)
{
	memset(quota, 0, sizeof(*quota));
	quota->magic = QUOTA_MAGIC;
	quota->version = QUOTA_VERSION;
	quota->database_id = MyDatabaseId;
	strlcpy(quota->name, name, sizeof(quota->name));
}

static QuotaRead
read_contents(int fd, const char *name, Quota *quota)
{
	ssize_t length = pread(fd, quota, sizeof(*quota), 0);
	bool is_good = length == sizeof(*quota) && quota->magic == QUOTA_MAGIC &&
				   quota->version == QUOTA_VERSION && quota->database_id == MyDatabaseId &&
				   strncmp(quota->name, name, sizeof(quota->name)) == 0 &&
				   quota->crc == checksum(quota);

	if (is_good)
		return QUOTA_GOOD;
	make_new(quota, name);
	return length == 0 ? QUOTA_NEW : QUOTA_DAMAGED;
}

/* ---- the file: opening ---- */

static bool
is_ours(const char *file)
{
	return strstr(file, ".quota") != NULL || strstr(file, MLS_SESSION_ENDING) != NULL;
}

/*
 * Removes files of sources nobody has asked for long: servers and databases are
 * dropped without telling us.  Only one that nobody has locked; who opened it
 * before sees that it has lost its name.
 */
static void
remove_stale_files(void)
{
	DIR *directory = AllocateDir(MLS_LIMIT_DIRECTORY);
	struct dirent *entry;

	while ((entry = ReadDirExtended(directory, MLS_LIMIT_DIRECTORY, LOG)) != NULL)
	{
		char path[MAXPGPATH * 2];
		struct stat info;
		int fd;

		snprintf(path, sizeof(path), MLS_LIMIT_DIRECTORY "/%s", entry->d_name);
		if (!is_ours(entry->d_name) || stat(path, &info) != 0 ||
			info.st_mtime > time(NULL) - STALE_SECONDS)
			continue;
		fd = OpenTransientFile(path, O_RDWR | PG_BINARY);
		if (fd < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &info) == 0 &&
			info.st_mtime <= time(NULL) - STALE_SECONDS)
			(void) unlink(path);
		CloseTransientFile(fd);
	}
	FreeDir(directory);
}

static File
open_file(const char *name)
{
	char path[MAXPGPATH];
	File file;

	quota_path(path, name);
	file = PathNameOpenFile(path, O_RDWR | PG_BINARY);
	if (file >= 0 || errno != ENOENT)
		return file;
	if (MakePGDirectory(MLS_LIMIT_DIRECTORY) != 0 && errno != EEXIST)
		return -1;
	file = PathNameOpenFile(path, O_RDWR | O_CREAT | PG_BINARY);
	if (file >= 0)
		remove_stale_files();
	return file;
}

static OpenQuota *
find_open(const char *name)
{
	if (open_quotas == NULL)
		return NULL;
	return hash_search(open_quotas, name, HASH_FIND, NULL);
}

/* The open file of a source; opened once per process, fd.c closes it when descriptors are short. */
static OpenQuota *
open_quota(const char *name)
{
	OpenQuota *entry = find_open(name);
	File file;

	if (entry)
		return entry;
	if (open_quotas == NULL)
	{
		HASHCTL control = {.keysize = MLS_QUOTA_NAME, .entrysize = sizeof(OpenQuota)};

		open_quotas = hash_create("mls_fdw quotas", 8, &control, HASH_ELEM | HASH_STRINGS);
	}
	file = open_file(name);
	if (file < 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not open file \"" MLS_LIMIT_DIRECTORY "/%u_%s.quota\": %m",
							   MyDatabaseId, name)));
	entry = hash_search(open_quotas, name, HASH_ENTER, NULL);
	entry->file = file;
	return entry;
}

static void
forget_open(OpenQuota *entry)
{
	FileClose(entry->file);
	hash_search(open_quotas, entry->name, HASH_REMOVE, NULL);
}

/* ---- the file: locking ---- */

/* The descriptor of an open file; asking for the size makes fd.c open it again if it had to close it. */
static int
descriptor(OpenQuota *entry)
{
	if (FileSize(entry->file) < 0)
		return -1;
	return FileGetRawDesc(entry->file);
}

/* Locks without waiting; *is_gone: the file has lost its name, the lock is worth nothing. */
static bool
try_lock(int fd, bool *is_gone)
{
	struct stat info;
	int result;

	*is_gone = fd < 0;
	if (fd < 0)
		return false;
	do
		result = flock(fd, LOCK_EX | LOCK_NB);
	while (result != 0 && errno == EINTR);
	if (result != 0)
		return false;
	*is_gone = fstat(fd, &info) != 0 || info.st_nlink == 0;
	return true;
}

/* Locks and reads a source's file, creating it where needed; errors when that fails. */
static QuotaRead
lock_quota(const char *name, Quota *quota)
{
	/* More than a few times nobody removes the file while we look. */
	for (int i = 0; i < 5; i++)
	{
		OpenQuota *entry = open_quota(name);
		int fd = descriptor(entry);
		bool is_gone;

		if (try_lock(fd, &is_gone) && !is_gone)
			return read_contents(fd, name, quota);
		if (!is_gone)
			return QUOTA_BUSY;
		forget_open(entry);
	}
	return QUOTA_BUSY;
}

/* The same for a file this process has locked before; QUOTA_NEW if it is gone. No errors. */
static QuotaRead
relock_quota(const char *name, Quota *quota)
{
	OpenQuota *entry = find_open(name);
	bool is_gone = true;
	int fd;

	if (entry == NULL)
		return QUOTA_NEW;
	fd = descriptor(entry);
	if (!try_lock(fd, &is_gone))
		return is_gone ? QUOTA_NEW : QUOTA_BUSY;
	return read_contents(fd, name, quota);
}

/* Writes (unless quota is NULL) and unlocks; false if it could not be written. No errors. */
static bool
unlock_quota(const char *name, Quota *quota)
{
	OpenQuota *entry = find_open(name);
	int fd = entry ? descriptor(entry) : -1;
	bool written = true;

	if (fd < 0)
		return false;
	if (quota)
	{
		quota->crc = checksum(quota);
		written = pwrite(fd, quota, sizeof(*quota), 0) == sizeof(*quota);
	}
	(void) flock(fd, LOCK_UN);
	return written;
}

/* Reads without a lock and without creating anything; false if there is nothing. */
static bool
peek_quota(const char *name, Quota *quota)
{
	char path[MAXPGPATH];
	QuotaRead result = QUOTA_DAMAGED;
	int fd;

	quota_path(path, name);
	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
		return false;
	/* Read without a lock, it may be caught half written. */
	for (int i = 0; i < 100 && result == QUOTA_DAMAGED; i++)
		result = read_contents(fd, name, quota);
	CloseTransientFile(fd);
	return result == QUOTA_GOOD;
}

/* ---- limits ---- */

typedef struct Limit
{
	int bucket_seconds;
	bool can_be_long;
	const char *one;
	const char *many;
	const char *period;
} Limit;

static const Limit limits[QUOTA_KINDS] = {
	[QUOTA_MINUTE] = {1, false, "request", "requests", "minute"},
	[QUOTA_HOUR] = {60, true, "request", "requests", "hour"},
	[QUOTA_DAY] = {24 * 60, true, "request", "requests", "day"},
	[QUOTA_BYTES] = {60, true, "byte", "bytes", "hour"},
};

static int64
allowed(const MlsRates *rates, QuotaKind kind)
{
	switch (kind)
	{
		case QUOTA_MINUTE:
			return rates->per_minute;
		case QUOTA_HOUR:
			return rates->per_hour;
		case QUOTA_DAY:
			return rates->per_day;
		default:
			return rates->bytes_per_hour;
	}
}

static bool
has_rates(const MlsRates *rates)
{
	return rates->per_second > 0 || rates->per_minute > 0 || rates->per_hour > 0 ||
		   rates->per_day > 0 || rates->bytes_per_hour > 0;
}

/* ---- windows ---- */

static int64
bucket_of(QuotaKind kind, TimestampTz at)
{
	return at / SECOND_US / limits[kind].bucket_seconds;
}

/* Drops what has left the window. */
static void
advance(QuotaWindow *window, int64 bucket)
{
	if (bucket - window->newest >= QUOTA_BUCKETS)
		memset(window->spent, 0, sizeof(window->spent));
	else
		for (int64 i = window->newest + 1; i <= bucket; i++)
			window->spent[i % QUOTA_BUCKETS] = 0;
	window->newest = Max(window->newest, bucket);
}

static void
count(Quota *quota, QuotaKind kind, TimestampTz at, int64 amount)
{
	QuotaWindow *window = &quota->windows[kind];
	int64 bucket = bucket_of(kind, at);
	int64 *spent;

	advance(window, bucket);
	if (bucket <= window->newest - QUOTA_BUCKETS)
		return;
	spent = &window->spent[bucket % QUOTA_BUCKETS];
	*spent = Max(*spent + amount, 0);
}

static int64
spent_in(const QuotaWindow *window)
{
	int64 sum = 0;

	for (int i = 0; i < QUOTA_BUCKETS; i++)
		sum += window->spent[i];
	return sum;
}

/* How long until an amount fits; 0: now.  A lone answer larger than the limit has to be let through. */
static int64
window_wait(const QuotaWindow *window, QuotaKind kind, int64 limit, int64 amount, TimestampTz now)
{
	int64 sum = spent_in(window);
	int64 bucket = window->newest - QUOTA_BUCKETS;

	while (sum > 0 && sum + amount > limit)
	{
		bucket++;
		sum -= window->spent[bucket % QUOTA_BUCKETS];
	}
	if (bucket == window->newest - QUOTA_BUCKETS)
		return 0;
	return Max((bucket + QUOTA_BUCKETS) * limits[kind].bucket_seconds * SECOND_US - now, 1000);
}

/* ---- the ring of single requests ---- */

/* So many requests within such a time keep to a rate. */
static void
ring_limit(double per_second, int *requests, int64 *window_us)
{
	int rate = (int) per_second;

	if (per_second < 1)
	{
		*requests = 1;
		*window_us = (int64) (GUARD / per_second * SECOND_US);
	}
	else if (rate <= QUOTA_SLOTS)
	{
		*requests = rate;
		*window_us = (int64) (GUARD * SECOND_US);
	}
	else
	{
		/* More than fit: so many full rings per second as stay within the rate. */
		*requests = QUOTA_SLOTS;
		*window_us = (int64) (GUARD * SECOND_US / (rate / QUOTA_SLOTS));
	}
}

/* When a slot stops counting; *in_flight: perhaps earlier. 0 if it does not count. */
static TimestampTz
slot_ends(const QuotaSlot *slot, int64 window_us, TimestampTz now, bool *in_flight)
{
	*in_flight = slot->in_flight && slot->at + LEASE_US > now;
	if (*in_flight)
		return slot->at + LEASE_US;
	return slot->at + window_us > now ? slot->at + window_us : 0;
}

/* How long until the ring has room; 0: now, *free_slot is where. */
static int64
ring_wait(const Quota *quota, double per_second, TimestampTz now, int *free_slot)
{
	int requests;
	int64 window_us;
	int counted = 0;
	int64 wait_us = PG_INT64_MAX;

	*free_slot = -1;
	if (per_second <= 0)
		return 0;
	ring_limit(per_second, &requests, &window_us);
	for (int i = 0; i < QUOTA_SLOTS; i++)
	{
		bool in_flight;
		TimestampTz ends = slot_ends(&quota->slots[i], window_us, now, &in_flight);

		if (ends == 0)
		{
			*free_slot = i;
			continue;
		}
		counted++;
		wait_us = Min(wait_us, in_flight ? Min(LOOK_AGAIN_US, ends - now) : ends - now);
	}
	return counted < requests ? 0 : Max(wait_us, 1);
}

/* ---- state ---- */

/* The clock was set back: what was spent keeps its age. */
static void
follow_clock(Quota *quota, TimestampTz now)
{
	int64 step = quota->updated_at - now;

	if (step > CLOCK_STEP_US)
	{
		for (int i = 0; i < QUOTA_SLOTS; i++)
			quota->slots[i].at -= step;
		quota->hold_until -= step;
		for (int kind = 0; kind < QUOTA_KINDS; kind++)
		{
			QuotaWindow *window = &quota->windows[kind];
			int64 by = window->newest - bucket_of(kind, now);
			QuotaWindow old = *window;

			if (by <= 0)
				continue;
			window->newest -= by;
			for (int64 i = window->newest - QUOTA_BUCKETS + 1; i <= window->newest; i++)
				window->spent[i % QUOTA_BUCKETS] = old.spent[(i + by) % QUOTA_BUCKETS];
		}
	}
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
		advance(&quota->windows[kind], bucket_of(kind, now));
	quota->updated_at = now;
}

/* Nobody knows what was spent: assume everything, just now. */
static void
assume_spent(Quota *quota, const MlsRates *rates, TimestampTz now)
{
	for (int i = 0; i < QUOTA_SLOTS; i++)
		quota->slots[i].at = now;
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
		count(quota, kind, now, allowed(rates, kind));
}

/* Why a request cannot be sent now, all limits considered; wait_us 0 if it can. */
static void
find_wait(const Quota *quota, const MlsRates *rates, TimestampTz now, int *free_slot,
		  MlsRateWait *wait)
{
	memset(wait, 0, sizeof(*wait));
	wait->wait_us = ring_wait(quota, rates->per_second, now, free_slot);
	if (quota->hold_until - now > wait->wait_us)
	{
		wait->wait_us = quota->hold_until - now;
		wait->is_held = true;
		wait->is_long = wait->wait_us > MLS_LONGEST_HOLD_US;
	}
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
	{
		int64 limit = allowed(rates, kind);
		int64 amount = kind == QUOTA_BYTES ? quota->typical_bytes : 1;
		int64 wait_us;

		if (limit <= 0)
			continue;
		wait_us = window_wait(&quota->windows[kind], kind, limit, amount, now);
		if (wait_us <= wait->wait_us)
			continue;
		wait->wait_us = wait_us;
		wait->is_held = false;
		wait->limit = limit;
		wait->one = limits[kind].one;
		wait->many = limits[kind].many;
		wait->period = limits[kind].period;
		wait->is_long = limits[kind].can_be_long && wait_us > LONGEST_WAIT_US;
	}
}

static void
count_request(Quota *quota, MlsRateTicket *ticket, TimestampTz now)
{
	ticket->serial = ++quota->serial;
	ticket->sent_at = now;
	ticket->reserved_bytes = quota->typical_bytes;
	if (ticket->slot >= 0)
		quota->slots[ticket->slot] =
			(QuotaSlot){.at = now, .serial = ticket->serial, .in_flight = true};
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
		count(quota, kind, now, kind == QUOTA_BYTES ? ticket->reserved_bytes : 1);
}

/* Without limits there is nothing to count, unless others count it; only what the source has asked for matters. */
static bool
is_free(const MlsHttpSource *source)
{
	Quota quota;

	return !has_rates(&source->rates) && !source->quota_shared &&
		   (!peek_quota(source->quota, &quota) || quota.hold_until <= GetCurrentTimestamp());
}

static void
report_damage(const MlsHttpSource *source)
{
	ereport(LOG, (errmsg("quota file of source \"%s\" was damaged", source->name),
				  errdetail("Its whole quota is taken as spent just now."),
				  errhint("If nothing was spent, remove the file mls_fdw/*_%s.quota in the data "
						  "directory.",
						  source->quota)));
}

bool
mls_rate_take(const MlsHttpSource *source, MlsRateTicket *ticket, MlsRateWait *wait)
{
	const MlsRates *rates = &source->rates;
	Quota quota;
	QuotaRead read;
	TimestampTz now;
	bool taken;
	bool written;

	memset(ticket, 0, sizeof(*ticket));
	memset(wait, 0, sizeof(*wait));
	if (is_free(source))
		return true;
	read = lock_quota(source->quota, &quota);
	if (read == QUOTA_BUSY)
	{
		wait->wait_us = BUSY_US;
		return false;
	}
	now = GetCurrentTimestamp();
	follow_clock(&quota, now);
	if (read == QUOTA_DAMAGED)
		assume_spent(&quota, rates, now);
	find_wait(&quota, rates, now, &ticket->slot, wait);
	taken = wait->wait_us == 0;
	if (taken)
	{
		strlcpy(ticket->quota, source->quota, sizeof(ticket->quota));
		count_request(&quota, ticket, now);
	}
	written = unlock_quota(source->quota, taken || read == QUOTA_DAMAGED ? &quota : NULL);
	if (read == QUOTA_DAMAGED)
		report_damage(source);
	if (!written)
	{
		ticket->quota[0] = '\0';
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write the quota file of source \"%s\": %m", source->name)));
	}
	return taken;
}

/* Counts a request where it was answered instead of where it was sent. */
static void
move_to_answer(Quota *quota, MlsRateTicket *ticket)
{
	QuotaSlot *slot = ticket->slot >= 0 ? &quota->slots[ticket->slot] : NULL;

	if (slot && slot->serial == ticket->serial)
	{
		slot->at = ticket->answered_at;
		slot->in_flight = false;
	}
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
	{
		if (kind == QUOTA_BYTES)
			continue;
		count(quota, kind, ticket->sent_at, -1);
		count(quota, kind, ticket->answered_at, 1);
	}
	ticket->moved = true;
}

bool
mls_rate_settle(MlsRateTicket *ticket, int64 wire_bytes)
{
	Quota quota;
	QuotaRead read;

	if (ticket->quota[0] == '\0' || (ticket->moved && wire_bytes < 0))
		return true;
	read = relock_quota(ticket->quota, &quota);
	if (read == QUOTA_BUSY)
		return false;
	if (read == QUOTA_GOOD)
	{
		TimestampTz now = GetCurrentTimestamp();

		follow_clock(&quota, now);
		if (ticket->answered_at == 0)
			ticket->answered_at = now;
		if (!ticket->moved)
			move_to_answer(&quota, ticket);
		if (wire_bytes >= 0)
		{
			count(&quota, QUOTA_BYTES, now, wire_bytes - ticket->reserved_bytes);
			quota.typical_bytes = (quota.typical_bytes * 3 + wire_bytes) / 4;
		}
	}
	(void) unlock_quota(ticket->quota, read == QUOTA_GOOD ? &quota : NULL);
	if (wire_bytes >= 0 || read != QUOTA_GOOD)
		ticket->quota[0] = '\0';
	return true;
}

/* ---- holding ---- */

int64
mls_rate_clip(int64 delay_us)
{
	return Min(delay_us, LONGEST_HOLD_US);
}

bool
mls_rate_hold(const MlsHttpSource *source, int64 delay_us)
{
	Quota quota;
	QuotaRead read = lock_quota(source->quota, &quota);
	TimestampTz now = GetCurrentTimestamp();

	if (read == QUOTA_BUSY)
		return false;
	follow_clock(&quota, now);
	if (read == QUOTA_DAMAGED)
	{
		assume_spent(&quota, &source->rates, now);
		report_damage(source);
	}
	quota.hold_until = Max(quota.hold_until, now + mls_rate_clip(delay_us));
	/* Where it cannot be written, the next request says so. */
	(void) unlock_quota(source->quota, &quota);
	return true;
}

/* ---- looking ---- */

bool
mls_http_quota(const MlsHttpSource *source, MlsHttpQuota *out)
{
	Quota quota;
	TimestampTz now = GetCurrentTimestamp();
	MlsRateWait wait;
	int free_slot;

	memset(out, 0, sizeof(*out));
	if (!peek_quota(source->quota, &quota))
		return false;
	follow_clock(&quota, now);
	for (int i = 0; i < QUOTA_SLOTS; i++)
	{
		bool in_flight;

		if (slot_ends(&quota.slots[i], SECOND_US, now, &in_flight) != 0)
			out->second++;
	}
	out->minute = spent_in(&quota.windows[QUOTA_MINUTE]);
	out->hour = spent_in(&quota.windows[QUOTA_HOUR]);
	out->day = spent_in(&quota.windows[QUOTA_DAY]);
	out->bytes_hour = spent_in(&quota.windows[QUOTA_BYTES]);
	find_wait(&quota, &source->rates, now, &free_slot, &wait);
	out->free_at = now + wait.wait_us;
	return true;
}
