/*
 * store.c
 *		Stores: opening one, and what both kinds do.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "http/url.h"
#include "media/store_parts.h"
#include "options/options.h"

MlsStore *
mls_store_of(MlsSource *source)
{
	MlsStore head = {.source = source, .server = source->own};
	const char *problem;

	if (!source->protocol->is_store)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("server \"%s\" is not a store of files", source->name),
						errdetail("Its protocol is \"%s\".", source->protocol->name),
						errhint("A store is a server of protocol \"file\": CREATE SERVER ... "
								"OPTIONS (protocol 'file', url 'file:///srv/photos').")));
	problem = mls_file_place(source->http.url, &head.place);
	if (problem)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("server \"%s\" has no valid url", source->name), errdetail("%s", problem)));
	mls_file_require_open(source);
	return head.place.directory ? mls_directory_open(&head) : mls_s3_open(&head);
}

static MlsStore *
open_store(MlsSource *source, Oid role)
{
	mls_rights_require_server(role, source->server_id, source->name);
	return mls_store_of(source);
}

MlsStore *
mls_store_open(Oid server, Oid role)
{
	return open_store(mls_source_get(server, role, true), role);
}

MlsStore *
mls_store_open_named(const char *server, Oid role)
{
	return open_store(mls_source_by_name(server, role, true), role);
}

const char *
mls_store_server(const MlsStore *store)
{
	return store->source->name;
}

const MlsHttpStats *
mls_store_stats(const MlsStore *store)
{
	return &store->stats;
}

bool
mls_store_is_shared(const MlsStore *store)
{
	return store->server->shared;
}

/* The mark of a place that several share. */
#define SHARED "shared"

/* Does a mark begin with a word? */
static bool
is_marked(const char *mark, const char *word)
{
	int length = strlen(word);

	return strncmp(mark, word, length) == 0 && (mark[length] == ' ' || mark[length] == '\0');
}

/*
 * Who has a place: a server of a database, by its name, so that it may be made anew; or all that
 * share it, of which none removes files.
 */
static const char *
own_mark(const MlsStore *store)
{
	const char *name = store->source->name;

	if (store->server->shared)
		return SHARED;
	return psprintf(UINT64_FORMAT "/%u/%08x", GetSystemIdentifier(), MyDatabaseId,
					hash_bytes((const unsigned char *) name, strlen(name)));
}

/* Of two that write it at once where there was none, one has the place. */
static void
mark(MlsStore *store, bool replace)
{
	(void) store->kind->write_mark(store, psprintf("%s mls_fdw", own_mark(store)), replace);
}

/* Is it that of a server of ours that did not share the place yet? */
static bool
was_ours_alone(const MlsStore *store, const char *mark)
{
	MlsFileServer alone = *store->server;
	MlsStore unshared = *store;

	alone.shared = false;
	unshared.server = &alone;
	return store->server->shared && is_marked(mark, own_mark(&unshared));
}

void
mls_store_claim(MlsStore *store)
{
	const char *name = store->source->name;
	const char *wanted = own_mark(store);
	char *found = store->kind->read_mark(store);

	if (found == NULL || was_ours_alone(store, found))
	{
		mark(store, found != NULL);
		found = store->kind->read_mark(store);
	}
	if (found != NULL && is_marked(found, wanted))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE), errmsg("the place of store \"%s\" is another's", name),
			 errdetail("Its file " MLS_STORE_MARK " does not name this server of this database "
					   "(%s). Each would remove the other's files.",
					   wanted),
			 errhint("Give each store a place of its own. If the other one is gone, or this is the "
					 "same database after pg_upgrade or a restore, call mls_store_adopt(%s). If "
					 "several are to keep files there, set the option shared of all their "
					 "servers to true: then none is removed.",
					 quote_literal_cstr(name))));
}

void
mls_store_adopt(MlsStore *store)
{
	mark(store, true);
}

/* Names come from our own tables; one that is not ours could lead anywhere. */
static void
require_name(const MlsStore *store, const char *name)
{
	if (!mls_store_is_name(name) && !mls_store_is_document(name))
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
						errmsg("store \"%s\" has no file of such a name", store->source->name),
						errdetail("Names are a SHA-256 below its first two digits, with an "
								  "extension: aa/aa...99.jpg; or those of documents: "
								  "feeds/kyero.xml.")));
}

bool
mls_store_takes_at_once(const MlsStore *store)
{
	return store->kind->takes_at_once;
}

MlsStorePut *
mls_store_put_start(MlsStore *store, const MlsStoreFile *file)
{
	if (!mls_store_is_name(file->name))
		elog(ERROR, "\"%s\" is no name of a file", file->name);
	return store->kind->put_start(store, file);
}

void
mls_store_publish(MlsStore *store, const MlsStoreFile *document)
{
	if (!mls_store_is_document(document->name))
		elog(ERROR, "\"%s\" is no name of a document", document->name);
	store->kind->put_finish(store->kind->put_start(store, document));
	mls_store_keep(store);
}

void
mls_store_put_finish(MlsStorePut *put)
{
	put->store->kind->put_finish(put);
}

void
mls_store_keep(MlsStore *store)
{
	if (store->kind->keep)
		store->kind->keep(store);
}

void
mls_store_delete(MlsStore *store, const List *names)
{
	ListCell *lc;

	foreach (lc, names)
		require_name(store, lfirst(lc));
	if (names != NIL)
		store->kind->delete (store, names);
}

int64
mls_store_sweep(MlsStore *store)
{
	return store->kind->sweep(store);
}

int64
mls_store_head(MlsStore *store, const char *name)
{
	require_name(store, name);
	return store->kind->head(store, name);
}

MlsStoreGet *
mls_store_get(MlsStore *store, const char *name)
{
	require_name(store, name);
	return store->kind->get(store, name);
}

bool
mls_store_get_piece(MlsStoreGet *get, const char **bytes, Size *length)
{
	return get->store->kind->get_piece(get, bytes, length);
}

void
mls_store_get_end(MlsStoreGet *get)
{
	get->store->kind->get_end(get);
}

/* The prefix of a name as a list has it: digits as in the hash, which are below their first two. */
static char *
name_prefix(const char *digits)
{
	return strlen(digits) <= 2 ? pstrdup(digits) : psprintf("%.2s/%s", digits, digits);
}

/* Who compares page by page with rows would take files for strays that come in another order. */
static void
require_order(const MlsStore *store, const List *entries, const char *after)
{
	ListCell *lc;

	foreach (lc, entries)
	{
		const MlsStoreEntry *entry = lfirst(lc);

		if (strcmp(entry->name, after) <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_REPLY_HANDLE),
					 errmsg("store \"%s\" does not list its files in the order of their names",
							store->source->name),
					 errdetail("\"%s\" came after \"%s\".", entry->name, after),
					 errhint("Directory buckets of Amazon S3 and some services that speak as it "
							 "does cannot be verified.")));
		after = entry->name;
	}
}

List *
mls_store_list(MlsStore *store, const char *prefix, const char *after, int most)
{
	List *entries;

	if (strspn(prefix, "0123456789abcdef") != strlen(prefix))
		elog(ERROR, "files are listed by digits of their hash");
	if (*after)
		require_name(store, after);
	entries = store->kind->list(store, name_prefix(prefix), after, most);
	require_order(store, entries, after);
	return entries;
}

List *
mls_store_list_documents(MlsStore *store, const char *folder, const char *after, int most)
{
	List *entries;

	require_name(store, psprintf("%s/a", folder));
	if (*after)
		require_name(store, after);
	entries = store->kind->list_documents(store, folder, after, most);
	require_order(store, entries, after);
	return entries;
}

char *
mls_store_url(const MlsStore *store, const char *name)
{
	require_name(store, name);
	return store->server->public_url ? mls_url_build(store->server->public_url, name, NIL) : NULL;
}

char *
mls_store_link(const MlsStore *store, const char *name, int seconds)
{
	require_name(store, name);
	return store->kind->link(store, name, seconds);
}
