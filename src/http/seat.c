/*
 * seat.c
 *		The sessions a source allows at a time, shared out among processes.
 *
 * Each is a file, mls_fdw/<database>_<name>_<number>.seat in the data directory
 * beside those of quotas, and belongs to whom has it locked.  The lock ends with its
 * process, whatever happens to that, and needs neither shared memory nor a
 * transaction that may write.  Who finds none free waits, as long as for an answer.
 *
 * What a session is, and when one is over, the protocol knows.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "http/quota.h"
#include "http/transport.h"

/* How often who waits looks again. */
#define LOOK_AGAIN_MS 50

/* The locked file, or -1 if another process has it. */
static int
try_seat(const char *name, int number)
{
	char path[MAXPGPATH];
	struct stat info;
	int fd;

	snprintf(path, sizeof(path), QUOTA_DIRECTORY "/%u_%s_%d" SEAT_ENDING, MyDatabaseId, name,
			 number);
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
find_seat(const MlsHttpSource *source)
{
	for (int i = 0; i < source->max_sessions; i++)
	{
		int fd = try_seat(source->quota, i);

		if (fd >= 0)
			return fd;
	}
	return -1;
}

int
mls_seat_take(const MlsHttpSource *source, MlsHttpStats *stats)
{
	int64 from = mls_clock_us();
	int fd;

	if (source->max_sessions <= 0)
		return MLS_NO_SEAT;
	if (MakePGDirectory(QUOTA_DIRECTORY) != 0 && errno != EEXIST)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not create directory \"%s\": %m", QUOTA_DIRECTORY)));
	while ((fd = find_seat(source)) < 0)
	{
		if (mls_clock_us() - from > source->timeout_ms * INT64CONST(1000))
			mls_report_seats(source);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_AGAIN_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	ReserveExternalFD();
	stats->pace_us += mls_clock_us() - from;
	return fd;
}

void
mls_seat_leave(int seat)
{
	if (seat < 0)
		return;
	close(seat);
	ReleaseExternalFD();
}
