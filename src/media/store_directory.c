/*
 * store_directory.c
 *		A directory of this machine as a store.
 *
 * How files are written stands in directory_write.c.
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

#include "media/directory.h"

#define PIECE (64 * 1024)

typedef struct DirectoryGet
{
	MlsStoreGet head;
	MemoryContextCallback callback;
	char *name;
	int fd; /* -1: closed */
	char piece[PIECE];
} DirectoryGet;

/* The folder at the first bytes of a path. */
static int
open_folder_at(const DirectoryStore *store, const char *path, int length)
{
	int directory = mls_directory_root(store);
	int folder;
	int error;

	if (directory < 0)
		mls_directory_report(store, TASK_OPEN, NULL, errno);
	folder = mls_directory_walk(directory, path, length, false);
	error = errno;
	mls_folder_drop(directory);
	errno = error;
	return folder;
}

/* That of a file or a document. */
static int
open_folder_of(const DirectoryStore *store, const char *name)
{
	return open_folder_at(store, name, mls_directory_base(name) - name);
}

/* ---- removing ---- */

static void
delete_files(MlsStore *head, const List *names)
{
	const DirectoryStore *store = (DirectoryStore *) head;
	ListCell *lc;

	foreach (lc, names)
	{
		const char *name = lfirst(lc);
		int folder;
		int error = 0;

		CHECK_FOR_INTERRUPTS();
		folder = open_folder_of(store, name);
		if (folder < 0 ? errno != ENOENT
					   : unlinkat(folder, mls_directory_base(name), 0) != 0 && errno != ENOENT)
			error = errno;
		mls_folder_drop(folder);
		if (error)
			mls_directory_report(store, TASK_DELETE, name, error);
	}
}

/* ---- reading ---- */

/* A regular file's length and time; false if there is none. */
static bool
look(int folder, const char *base, struct stat *found)
{
	return fstatat(folder, base, found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(found->st_mode);
}

static int64
head_file(MlsStore *head, const char *name)
{
	const DirectoryStore *store = (DirectoryStore *) head;
	int folder = open_folder_of(store, name);
	struct stat found;
	bool is_there;
	int error;

	if (folder < 0 && errno != ENOENT)
		mls_directory_report(store, TASK_READ, name, errno);
	if (folder < 0)
		return -1;
	errno = 0;
	is_there = look(folder, mls_directory_base(name), &found);
	error = errno;
	mls_folder_drop(folder);
	if (!is_there && error && error != ENOENT)
		mls_directory_report(store, TASK_READ, name, error);
	return is_there ? (int64) found.st_size : -1;
}

/* Also a callback of the memory context. Never throws. */
static void
close_get(void *arg)
{
	DirectoryGet *get = arg;

	mls_folder_drop(get->fd);
	get->fd = -1;
}

static MlsStoreGet *
get_file(MlsStore *head, const char *name)
{
	const DirectoryStore *store = (DirectoryStore *) head;
	DirectoryGet *get = palloc(sizeof(DirectoryGet));
	int folder;
	int error;

	get->head.store = head;
	get->name = pstrdup(name);
	get->fd = -1;
	get->callback.func = close_get;
	get->callback.arg = get;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &get->callback);
	folder = open_folder_of(store, name);
	if (folder >= 0)
		/* Without waiting for a writer, should it be a pipe. */
		get->fd = mls_folder_take(openat(folder, mls_directory_base(name),
										 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
	error = errno;
	mls_folder_drop(folder);
	if (get->fd < 0 && error != ENOENT)
		mls_directory_report(store, TASK_READ, name, error);
	return get->fd < 0 ? NULL : &get->head;
}

static bool
get_piece(MlsStoreGet *head, const char **bytes, Size *length)
{
	DirectoryGet *get = (DirectoryGet *) head;
	ssize_t n;

	CHECK_FOR_INTERRUPTS();
	do
		n = read(get->fd, get->piece, PIECE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		mls_directory_report((DirectoryStore *) head->store, TASK_READ, get->name, errno);
	*bytes = get->piece;
	*length = n;
	return n > 0;
}

static void
get_end(MlsStoreGet *get)
{
	close_get(get);
}

/* ---- listing ---- */

/* Called for each name in a folder, "aa" or "feeds"; may not throw but for want of memory. */
typedef void (*Visit)(int folder, const char *path, const char *base, void *arg);

/* Visits what is in a folder; an error of the system. */
static int
visit_folder(int folder, const char *path, Visit visit, void *arg)
{
	int copy = dup(folder);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	volatile int error;

	if (dir == NULL)
	{
		error = errno;
		if (copy >= 0)
			close(copy);
		return error;
	}
	PG_TRY();
	{
		while (errno = 0, (entry = readdir(dir)) != NULL)
			visit(folder, path, entry->d_name, arg);
		error = errno;
	}
	PG_FINALLY();
	{
		closedir(dir);
	}
	PG_END_TRY();
	return error;
}

/* Visits a folder of the store, if there is one. */
static void
visit_path(const DirectoryStore *store, const char *path, Visit visit, void *arg)
{
	int folder;
	volatile int error = 0;

	CHECK_FOR_INTERRUPTS();
	folder = open_folder_at(store, path, strlen(path));
	if (folder < 0 && errno != ENOENT)
		mls_directory_report(store, TASK_LIST, path, errno);
	if (folder < 0)
		return;
	PG_TRY();
	{
		error = visit_folder(folder, path, visit, arg);
	}
	PG_FINALLY();
	{
		mls_folder_drop(folder);
	}
	PG_END_TRY();
	if (error)
		mls_directory_report(store, TASK_LIST, path, error);
}

/* The folder of two digits. */
static void
visit_digits(const DirectoryStore *store, int number, Visit visit, void *arg)
{
	char digits[3];

	snprintf(digits, sizeof(digits), "%02x", number);
	visit_path(store, digits, visit, arg);
}

typedef struct Listing
{
	bool (*is_wanted)(const char *name);
	const char *prefix;
	const char *after;
	List *found; /* of MlsStoreEntry *, of one folder; without length and time */
} Listing;

static void
note_entry(int folder, const char *path, const char *base, void *arg)
{
	Listing *listing = arg;
	char name[MLS_STORE_LONGEST_DOCUMENT + 1];
	MlsStoreEntry *entry;

	if (strlen(path) + 1 + strlen(base) > MLS_STORE_LONGEST_DOCUMENT)
		return;
	snprintf(name, sizeof(name), "%s/%s", path, base);
	if (!listing->is_wanted(name) || strcmp(name, listing->after) <= 0 ||
		strncmp(name, listing->prefix, strlen(listing->prefix)) != 0)
		return;
	entry = palloc0(sizeof(MlsStoreEntry));
	strlcpy(entry->name, name, sizeof(entry->name));
	listing->found = lappend(listing->found, entry);
}

static int
compare_entries(const ListCell *a, const ListCell *b)
{
	return strcmp(((const MlsStoreEntry *) lfirst(a))->name,
				  ((const MlsStoreEntry *) lfirst(b))->name);
}

/* Those of the names, at most so many, that are files of a folder, with length and time. */
static List *
look_at(int folder, List *names, int most)
{
	List *files = NIL;
	ListCell *lc;

	foreach (lc, names)
	{
		MlsStoreEntry *entry = lfirst(lc);
		struct stat found;

		CHECK_FOR_INTERRUPTS();
		if (folder < 0 || list_length(files) >= most)
			break;
		if (!look(folder, mls_directory_base(entry->name), &found))
			continue;
		entry->length = found.st_size;
		entry->modified = time_t_to_timestamptz((pg_time_t) found.st_mtime);
		files = lappend(files, entry);
	}
	return files;
}

/*
 * The first files of a folder's sorted names: a page of a large folder reads all its names, but
 * looks at its own files only.
 */
static List *
look_at_first(const DirectoryStore *store, List *names, int most)
{
	List *volatile files = NIL;
	int folder;

	if (names == NIL)
		return NIL;
	folder = open_folder_of(store, ((MlsStoreEntry *) linitial(names))->name);
	PG_TRY();
	{
		files = look_at(folder, names, most);
	}
	PG_FINALLY();
	{
		mls_folder_drop(folder);
	}
	PG_END_TRY();
	return files;
}

/* Folder by folder, which is the order of names. */
static List *
list_files(MlsStore *head, const char *prefix, const char *after, int most)
{
	const DirectoryStore *store = (DirectoryStore *) head;
	List *entries = NIL;

	for (int number = 0; number < 256 && list_length(entries) < most; number++)
	{
		Listing listing = {mls_store_is_name, prefix, after};
		char digits[3];

		snprintf(digits, sizeof(digits), "%02x", number);
		if (strncmp(digits, prefix, Min(strlen(prefix), 2)) != 0 || strncmp(digits, after, 2) < 0)
			continue;
		visit_digits(store, number, note_entry, &listing);
		list_sort(listing.found, compare_entries);
		entries =
			list_concat(entries, look_at_first(store, listing.found, most - list_length(entries)));
	}
	return list_truncate(entries, most);
}

static List *
list_documents(MlsStore *head, const char *folder, const char *after, int most)
{
	const DirectoryStore *store = (DirectoryStore *) head;
	Listing listing = {mls_store_is_document, "", after};

	visit_path(store, folder, note_entry, &listing);
	list_sort(listing.found, compare_entries);
	return look_at_first(store, listing.found, most);
}

/* ---- what writes have left behind ---- */

typedef struct Sweeping
{
	pg_time_t before; /* what is older goes, */
	bool alone; /* and what a process of this cluster was at work on, which alone has the place */
	int64 removed;
} Sweeping;

static Sweeping
begin_sweep(const MlsStore *store)
{
	Sweeping sweeping = {(pg_time_t) time(NULL) - MLS_STORE_STALE_S, !store->server->shared};

	return sweeping;
}

static void
sweep_entry(int folder, const char *digits, const char *base, void *arg)
{
	Sweeping *sweeping = arg;
	struct stat found;

	if (strncmp(base, MLS_DIRECTORY_TEMPORARY, strlen(MLS_DIRECTORY_TEMPORARY)) == 0 &&
		look(folder, base, &found) &&
		(found.st_mtime < sweeping->before || (sweeping->alone && mls_directory_is_left(base))) &&
		unlinkat(folder, base, 0) == 0)
		sweeping->removed++;
}

/* Folders of documents are known only when one is written. */
static MlsStorePut *
put_start(MlsStore *head, const MlsStoreFile *file)
{
	Sweeping sweeping = begin_sweep(head);
	int folder =
		mls_store_is_name(file->name) ? -1 : open_folder_of((DirectoryStore *) head, file->name);

	if (folder >= 0)
		(void) visit_folder(folder, "", sweep_entry, &sweeping);
	mls_folder_drop(folder);
	return mls_directory_put_start(head, file);
}

static int64
sweep(MlsStore *head)
{
	Sweeping sweeping = begin_sweep(head);

	visit_path((DirectoryStore *) head, "", sweep_entry, &sweeping);
	for (int number = 0; number < 256; number++)
		visit_digits((DirectoryStore *) head, number, sweep_entry, &sweeping);
	return sweeping.removed;
}

/* ---- whose it is ---- */

static char *
read_mark(MlsStore *head)
{
	const DirectoryStore *store = (DirectoryStore *) head;
	int directory = mls_directory_root(store);
	char *mark = palloc0(MLS_STORE_MARK_BYTES + 1);
	ssize_t length = 0;
	int error = 0;
	int fd;

	if (directory < 0)
		mls_directory_report(store, TASK_OPEN, NULL, errno);
	fd = mls_folder_take(
		openat(directory, MLS_STORE_MARK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
	if (fd < 0 || (length = read(fd, mark, MLS_STORE_MARK_BYTES)) < 0)
		error = errno;
	mls_folder_drop(fd);
	mls_folder_drop(directory);
	if (error && error != ENOENT)
		mls_directory_report(store, TASK_READ, MLS_STORE_MARK, error);
	return error ? NULL : mark;
}

/* ---- opening ---- */

static char *
no_link(const MlsStore *store, const char *name, int seconds)
{
	return NULL;
}

static const MlsStoreKind directory_kind = {
	.takes_at_once = true,
	.put_start = put_start,
	.put_finish = mls_directory_put_finish,
	.keep = mls_directory_keep,
	.delete = delete_files,
	.sweep = sweep,
	.head = head_file,
	.get = get_file,
	.get_piece = get_piece,
	.get_end = get_end,
	.list = list_files,
	.list_documents = list_documents,
	.link = no_link,
	.read_mark = read_mark,
	.write_mark = mls_directory_write_mark,
};

MlsStore *
mls_directory_open(const MlsStore *head)
{
	DirectoryStore *store = palloc0(sizeof(DirectoryStore));
	const char *path = head->place.directory;

	store->head = *head;
	store->head.kind = &directory_kind;
	store->directory = -1;
	dlist_init(&store->written);
	if (!mls_folder_find(path, &store->folder))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("store \"%s\" may not be in its directory", head->source->name),
						errdetail("\"%s\" is not below a directory that the setting "
								  "mls_fdw.file_directories lists.",
								  path),
						errhint("A superuser can add the directory to that setting.")));
	return &store->head;
}
