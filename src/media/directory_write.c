/*
 * directory_write.c
 *		Files written into a directory: all of a batch are put on disk together.
 *
 * A file is written under a name of its own and gets the right one when it is on disk: it is
 * whole or not there.  To wait for the disk costs most of all, and it costs nearly as much for
 * one file as for many.  So the files of a batch stay open under those names until all are
 * written; then they are put on disk, renamed, and then their names are.
 *
 * Many files are put on disk with their whole file system (syncfs), where that is known to
 * mean what fsync does: the system then writes them in one go, at a tenth of the time and less
 * than half of the work.  What it could not write it says to who asked, from Linux 5.8 on; before,
 * to who has the file open.
 * Elsewhere, and for few files, it is fsync of each, after the system has been told to begin
 * with all.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#endif
#if defined(SYS_openat2) && defined(__has_include)
#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#define HAVE_OPENAT2
#endif
#endif

#include "access/xlog.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/procarray.h"

#include "media/directory.h"

/* The group of the server's user may read, for a web server beside it. */
#define FILE_MODE 0640

/* Written at once. */
#define PIECE (1024 * 1024)

/* So many files are cheaper to put on disk with all of their file system. */
#define MANY 8

/* At most so many are open at a time, and fewer where the server has no room for them. */
#define MOST_OPEN 256

/* Most bytes of a temporary name. */
#define TEMPORARY 64

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

typedef struct DirectoryPut
{
	MlsStorePut head;
	dlist_node node; /* of the store's `written`, until it has its name */
	MemoryContextCallback callback;
	char name[MLS_STORE_LONGEST_DOCUMENT + 1];
	char temporary[TEMPORARY];
	bool there; /* and it has not its name yet */
	int fd;     /* -1: it is not open */
} DirectoryPut;

/* ---- what the file system promises ---- */

/* Does syncfs put all on disk that was written?  Of file systems on a network, or of programs, that is not known. */
static bool
may_sync_all(const DirectoryStore *store)
{
#if defined(__linux__) && defined(HAVE_SYNCFS) && defined(HAVE_SYNC_FILE_RANGE)
	struct statfs info;

	return fstatfs(store->directory, &info) == 0 &&
		   (info.f_type == EXT4_SUPER_MAGIC || info.f_type == XFS_SUPER_MAGIC ||
			info.f_type == BTRFS_SUPER_MAGIC);
#else
	return false;
#endif
}

/* Is what could not be written told by syncfs, whether a file is still open or not? */
static bool
tells_of_closed(void)
{
#ifdef __linux__
	struct utsname system;
	int version = 0;
	int part = 0;

	return uname(&system) == 0 && sscanf(system.release, "%d.%d", &version, &part) == 2 &&
		   (version > 5 || (version == 5 && part >= 8));
#else
	return false;
#endif
}

/* ---- the store's own directory, open while files are written ---- */

static void
hold_directory(DirectoryStore *store)
{
	if (store->directory >= 0)
		return;
	store->directory = mls_directory_root(store);
	if (store->directory < 0)
		mls_directory_report(store, TASK_OPEN, NULL, errno);
	store->syncs_all = may_sync_all(store);
	store->closes = store->syncs_all && tells_of_closed();
}

/* The folder of a name.  -1 and errno. */
static int
open_folder(const DirectoryStore *store, const char *name, bool make)
{
	return mls_directory_walk(store->directory, name, mls_directory_base(name) - name, make);
}

/* ---- the end of a put ---- */

/* Never throws. */
static void
close_file(DirectoryPut *put)
{
	if (put->fd < 0)
		return;
	mls_folder_drop(put->fd);
	put->fd = -1;
	((DirectoryStore *) put->head.store)->nopen--;
}

/* It has its name, or is not there.  Never throws. */
static void
forget(DirectoryPut *put)
{
	DirectoryStore *store = (DirectoryStore *) put->head.store;

	if (!put->there)
		return;
	close_file(put);
	put->there = false;
	dlist_delete(&put->node);
	if (--store->nwritten > 0)
		return;
	mls_folder_drop(store->directory);
	store->directory = -1;
}

/* Also a callback of the memory context: it was given up, and leaves nothing behind.  Never throws. */
static void
give_up(void *arg)
{
	DirectoryPut *put = arg;
	const DirectoryStore *store = (DirectoryStore *) put->head.store;
	int folder;

	if (!put->there)
		return;
	folder = open_folder(store, put->name, false);
	if (folder >= 0)
		(void) unlinkat(folder, put->temporary, 0);
	mls_folder_drop(folder);
	forget(put);
}

/* ---- writing ---- */

/* A write that says what it could not do. */
static int
write_all(int fd, const char *bytes, Size length)
{
	while (length > 0)
	{
		ssize_t written;

		errno = 0;
		written = write(fd, bytes, Min(length, PIECE));
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return errno ? errno : ENOSPC;
		bytes += written;
		length -= written;
	}
	return 0;
}

/* The bytes of a file; an error of the system, or one that is raised where they come from. */
static int
write_bytes(int fd, const MlsStoreFile *file, int64 *written)
{
	MlsHttpPieces pieces = {file->response};
	const char *bytes = file->bytes;
	Size length = file->length;
	int error;

	*written = 0;
	if (bytes)
	{
		*written = length;
		return write_all(fd, bytes, length);
	}
	while (mls_http_piece(&pieces, &bytes, &length))
	{
		error = write_all(fd, bytes, length);
		if (error)
			return error;
		*written += length;
	}
	return 0;
}

static void
write_file(const DirectoryStore *store, int fd, const MlsStoreFile *file)
{
	int64 written;
	int error = write_bytes(fd, file, &written);

	if (error)
		mls_directory_report(store, TASK_WRITE, file->name, error);
	if (written != file->length)
		elog(ERROR, "file of " INT64_FORMAT " bytes was announced with " INT64_FORMAT, written,
			 file->length);
}

/*
 * ---- temporary names ----
 *
 * They say who writes: another machine may have a process of that number, and the same directory.
 */

#define TEMPORARY_FORMAT MLS_DIRECTORY_TEMPORARY UINT64_FORMAT ".%d."

static void
name_temporary(char *temporary)
{
	snprintf(temporary, TEMPORARY, TEMPORARY_FORMAT "%08x", GetSystemIdentifier(), MyProcPid,
			 pg_prng_uint32(&pg_global_prng_state));
}

/* One of this cluster is known to be over when no process of it has that number any more. */
bool
mls_directory_is_left(const char *temporary)
{
	const char *number = temporary + strlen(MLS_DIRECTORY_TEMPORARY);
	const char *dot = strchr(number, '.');
	int pid = dot != NULL ? atoi(dot + 1) : 0;
	char own[TEMPORARY];

	snprintf(own, sizeof(own), TEMPORARY_FORMAT, GetSystemIdentifier(), pid);
	return pid > 0 && strncmp(temporary, own, strlen(own)) == 0 && BackendPidGetProc(pid) == NULL;
}

/* ---- making files ---- */

/* A new file, readable for those who are to read it, whatever the server's umask says. */
static int
make_file(int folder, const char *name)
{
	mode_t before = umask(0);
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);

	(void) umask(before);
	return mls_folder_take(fd);
}

/* The same below an open directory, on a path without symbolic links, where the system can do so at once. */
static int
make_file_below(int directory, const char *path)
{
	int fd = -1;
#ifdef HAVE_OPENAT2
	struct open_how how = {.flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
						   .mode = FILE_MODE,
						   .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	mode_t before = umask(0);

	fd = (int) syscall(SYS_openat2, directory, path, &how, sizeof(how));
	(void) umask(before);
#endif
	return mls_folder_take(fd);
}

/* The file of a put.  What keeps it from being made at once, its folder that is not there, is seen step by step. */
static int
make_temporary(const DirectoryStore *store, const DirectoryPut *put)
{
	char path[MLS_STORE_LONGEST_DOCUMENT + TEMPORARY];
	int folder;
	int fd;
	int error;

	snprintf(path, sizeof(path), "%.*s%s", (int) (mls_directory_base(put->name) - put->name),
			 put->name, put->temporary);
	fd = make_file_below(store->directory, path);
	if (fd >= 0)
		return fd;
	folder = open_folder(store, put->name, true);
	fd = folder >= 0 ? make_file(folder, put->temporary) : -1;
	error = errno;
	mls_folder_drop(folder);
	errno = error;
	return fd;
}

/* From here on the file goes with the memory context, unless it gets its name. */
static void
begin(DirectoryStore *store, DirectoryPut *put)
{
	int fd = make_temporary(store, put);
	int error = errno;

	if (fd < 0)
	{
		if (store->nwritten == 0)
		{
			mls_folder_drop(store->directory);
			store->directory = -1;
		}
		mls_directory_report(store, TASK_WRITE, put->name, error);
	}
	put->fd = fd;
	put->there = true;
	store->nopen++;
	store->nwritten++;
	dlist_push_tail(&store->written, &put->node);
}

/* Is there no room for another open file? */
static bool
is_full(const DirectoryStore *store)
{
	if (store->nopen >= MOST_OPEN)
		return true;
	if (store->nopen == 0)
		return false;
	if (!AcquireExternalFD())
		return true;
	ReleaseExternalFD();
	return false;
}

MlsStorePut *
mls_directory_put_start(MlsStore *head, const MlsStoreFile *file)
{
	DirectoryStore *store = (DirectoryStore *) head;
	DirectoryPut *put;

	if (is_full(store))
		mls_directory_keep(head);
	put = palloc0(sizeof(DirectoryPut));
	put->head.store = head;
	put->fd = -1;
	strlcpy(put->name, file->name, sizeof(put->name));
	name_temporary(put->temporary);
	put->callback.func = give_up;
	put->callback.arg = put;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &put->callback);
	hold_directory(store);
	begin(store, put);
	PG_TRY();
	{
		write_file(store, put->fd, file);
	}
	PG_CATCH();
	{
		give_up(put);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (store->closes && store->nwritten >= MANY)
		close_file(put);
	return &put->head;
}

/* It is there when mls_directory_keep() has given it its name. */
void
mls_directory_put_finish(MlsStorePut *put)
{
}

/* ---- on disk ---- */

static void
sync_all(const DirectoryStore *store)
{
#ifdef HAVE_SYNCFS
	if (syncfs(store->directory) != 0)
		mls_directory_report(store, TASK_WRITE, NULL, errno);
#endif
}

/* What the system could not write after all, it says to who has the file open. */
static int
sync_error(int fd)
{
#ifdef HAVE_SYNC_FILE_RANGE
	return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE) != 0 ? errno : 0;
#else
	return 0;
#endif
}

/* All that is written is on disk, if not under its name. */
static void
sync_files(DirectoryStore *store, bool all)
{
	dlist_iter iter;

	if (all)
		sync_all(store);
	else
		dlist_foreach(iter, &store->written)
			pg_flush_data(dlist_container(DirectoryPut, node, iter.cur)->fd, 0, 0);
	dlist_foreach(iter, &store->written)
	{
		const DirectoryPut *put = dlist_container(DirectoryPut, node, iter.cur);
		int error = 0;

		if (!all)
			error = pg_fsync(put->fd) != 0 ? errno : 0;
		else if (!store->closes)
			error = sync_error(put->fd);
		if (error)
			mls_directory_report(store, TASK_WRITE, put->name, error);
	}
}

static int
compare_puts(const ListCell *a, const ListCell *b)
{
	return strcmp(((const DirectoryPut *) lfirst(a))->name,
				  ((const DirectoryPut *) lfirst(b))->name);
}

static bool
same_folder(const char *a, const char *b)
{
	int length = mls_directory_base(a) - a;

	return mls_directory_base(b) - b == length && strncmp(a, b, length) == 0;
}

/* Folder by folder: each is opened once. */
static void
rename_all(DirectoryStore *store)
{
	List *puts = NIL;
	const DirectoryPut *last = NULL;
	int folder = -1;
	int error = 0;
	dlist_iter iter;
	ListCell *lc;

	dlist_foreach(iter, &store->written) puts =
		lappend(puts, dlist_container(DirectoryPut, node, iter.cur));
	list_sort(puts, compare_puts);
	foreach (lc, puts)
	{
		const DirectoryPut *put = lfirst(lc);

		if (last == NULL || !same_folder(last->name, put->name))
		{
			mls_folder_drop(folder);
			folder = open_folder(store, put->name, false);
		}
		if (folder < 0 ||
			renameat(folder, put->temporary, folder, mls_directory_base(put->name)) != 0)
			error = errno;
		last = put;
		if (error)
			break;
	}
	mls_folder_drop(folder);
	list_free(puts);
	if (error)
		mls_directory_report(store, TASK_WRITE, last->name, error);
}

static void
sync_folder(const DirectoryStore *store, const char *path, int length)
{
	int folder = mls_directory_walk(store->directory, path, length, false);
	int error = folder < 0 || fsync(folder) != 0 ? errno : 0;

	mls_folder_drop(folder);
	if (error)
		mls_directory_report(store, TASK_WRITE, path, error);
}

/* The folders of a document may be new, each in the one before it. */
static void
sync_path(const DirectoryStore *store, const char *name)
{
	for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
		sync_folder(store, name, slash - name);
}

/* Names are on disk when their folders are. */
static void
sync_folders(const DirectoryStore *store, const bool *named)
{
	/* They may be new themselves, ours or those of another process at work. */
	if (fsync(store->directory) != 0)
		mls_directory_report(store, TASK_WRITE, NULL, errno);
	for (int number = 0; number < 256; number++)
	{
		char digits[3];

		if (!named[number])
			continue;
		CHECK_FOR_INTERRUPTS();
		snprintf(digits, sizeof(digits), "%02x", number);
		sync_folder(store, digits, strlen(digits));
	}
}

/* Names are on disk: with all of the file system, or folder by folder. */
static void
sync_names(DirectoryStore *store, bool all)
{
	bool named[256] = {false};
	dlist_iter iter;

	if (all)
	{
		sync_all(store);
		return;
	}
	dlist_foreach(iter, &store->written)
	{
		const DirectoryPut *put = dlist_container(DirectoryPut, node, iter.cur);

		if (!mls_store_is_name(put->name))
			sync_path(store, put->name);
		else
			named[strtol(pnstrdup(put->name, 2), NULL, 16)] = true;
	}
	sync_folders(store, named);
}

/* Two names at once in one folder are no harm: they say what is in the file. */
void
mls_directory_keep(MlsStore *head)
{
	DirectoryStore *store = (DirectoryStore *) head;
	bool all = store->syncs_all && (store->nwritten >= MANY || store->nopen < store->nwritten);

	if (store->nwritten == 0)
		return;
	if (enableFsync)
		sync_files(store, all);
	rename_all(store);
	if (enableFsync)
		sync_names(store, all);
	while (!dlist_is_empty(&store->written))
		forget(dlist_container(DirectoryPut, node, dlist_head_node(&store->written)));
}

/* ---- whose the store is ---- */

/* A new file, whole and on disk, or none; an error of the system. */
static int
write_new(int directory, const char *name, const char *text)
{
	int fd = make_file(directory, name);
	int error;

	if (fd < 0)
		return errno;
	error = write_all(fd, text, strlen(text));
	if (error == 0 && pg_fsync(fd) != 0)
		error = errno;
	if (error)
		(void) unlinkat(directory, name, 0);
	mls_folder_drop(fd);
	return error;
}

/*
 * It gets its name when it is whole.  In the place of none it gets it by a link, which of two at
 * once only one can make; where the file system has no links, it is made under its name.
 */
static int
write_mark(int directory, const char *text, bool replace)
{
	char temporary[TEMPORARY];
	int error;

	name_temporary(temporary);
	error = write_new(directory, temporary, text);
	if (error)
		return error;
	if ((replace ? renameat(directory, temporary, directory, MLS_STORE_MARK)
				 : linkat(directory, temporary, directory, MLS_STORE_MARK, 0)) != 0)
		error = errno;
	(void) unlinkat(directory, temporary, 0);
	if (!replace && (error == EPERM || error == EOPNOTSUPP || error == ENOSYS))
		error = write_new(directory, MLS_STORE_MARK, text);
	return error == 0 && pg_fsync(directory) != 0 ? errno : error;
}

bool
mls_directory_write_mark(MlsStore *head, const char *text, bool replace)
{
	const DirectoryStore *store = (DirectoryStore *) head;
	int directory = mls_directory_root(store);
	int error;

	if (directory < 0)
		mls_directory_report(store, TASK_OPEN, NULL, errno);
	error = write_mark(directory, text, replace);
	mls_folder_drop(directory);
	if (error && (replace || error != EEXIST))
		mls_directory_report(store, TASK_WRITE, MLS_STORE_MARK, error);
	return error == 0;
}
