/*
 * quota.c
 *		The file that keeps what was spent on a source.
 *
 * A source's quota belongs to all processes of the server, in read-only
 * transactions and on standbys too, and must outlive a restart.  Shared memory
 * would need shared_preload_libraries and forget; a table cannot be written
 * everywhere.  So each source has one small file, mls_fdw/<database>_<name>.quota in
 * the data directory, locked for the few microseconds of reading and writing
 * it.  A lock ends with its process, whatever happens to that.
 *
 * It is not flushed: after a crash of the machine it may be old or damaged, and
 * a damaged one counts as spent.  What the numbers mean is pace.c's.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/hsearch.h"

#include "http/quota.h"

#define QUOTA_MAGIC 0x4D4C5351
#define QUOTA_VERSION 3

/* A file untouched for longer than the longest window says nothing any more. */
#define STALE_SECONDS (2 * 24 * 60 * 60)

typedef struct OpenQuota
{
	char name[MLS_QUOTA_NAME];
	File file;
} OpenQuota;

static HTAB *open_quotas = NULL;

static void
quota_path(char *path, const char *name)
{
	snprintf(path, MAXPGPATH, QUOTA_DIRECTORY "/%u_%s.quota", MyDatabaseId, name);
}

/* ---- contents ---- */

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

/* ---- opening ---- */

static bool
is_ours(const char *file)
{
	return strstr(file, ".quota") != NULL || strstr(file, SEAT_ENDING) != NULL;
}

/*
 * Removes files of sources nobody has asked for long: servers and databases are
 * dropped without telling us.  Only one that nobody has locked; who opened it
 * before sees that it has lost its name.
 */
static void
remove_stale_files(void)
{
	DIR *directory = AllocateDir(QUOTA_DIRECTORY);
	struct dirent *entry;

	while ((entry = ReadDirExtended(directory, QUOTA_DIRECTORY, LOG)) != NULL)
	{
		char path[MAXPGPATH * 2];
		struct stat info;
		int fd;

		snprintf(path, sizeof(path), QUOTA_DIRECTORY "/%s", entry->d_name);
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
	if (MakePGDirectory(QUOTA_DIRECTORY) != 0 && errno != EEXIST)
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
						errmsg("could not open file \"" QUOTA_DIRECTORY "/%u_%s.quota\": %m",
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

/* ---- locking ---- */

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

QuotaRead
mls_quota_lock(const char *name, Quota *quota)
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

QuotaRead
mls_quota_relock(const char *name, Quota *quota)
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

bool
mls_quota_unlock(const char *name, Quota *quota)
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

bool
mls_quota_peek(const char *name, Quota *quota)
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
