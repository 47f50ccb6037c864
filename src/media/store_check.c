/*
 * store_check.c
 *		mls_check of a store: a file is written, read, listed and deleted.
 *
 * It holds a few random bytes, so that it cannot be one that is kept.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "fdw/fdw.h"
#include "http/url.h"
#include "media/store_parts.h"

#define RANDOM_BYTES 16

typedef struct Probe
{
	MlsStore *store;
	char *text;
	char *name;
	uint8 sha256[MLS_SHA256_BYTES];
} Probe;

static char *
open_probe(const char *server, void **state)
{
	Probe *probe = *state = palloc0(sizeof(Probe));
	uint8 bytes[RANDOM_BYTES];
	MlsStore *store = probe->store = mls_store_open_named(server, GetUserId());
	const char *place = store->place.directory;

	if (!pg_strong_random(bytes, sizeof(bytes)))
		elog(ERROR, "could not generate random values");
	probe->text = psprintf("mls_fdw has checked this store. %s", mls_hex(bytes, sizeof(bytes)));
	mls_sha256(probe->text, strlen(probe->text), probe->sha256);
	probe->name = mls_store_name(probe->sha256, "txt");
	if (place)
		return psprintf("Directory \"%s\".", place);
	return psprintf("Bucket \"%s\", prefix \"%s\", region \"%s\".", store->place.bucket,
					store->place.prefix, store->source->http.region);
}

static char *
write_probe(const char *server, void **state)
{
	const Probe *probe = *state;
	MlsStoreFile file = {.name = probe->name,
						 .content_type = "text/plain",
						 .length = strlen(probe->text),
						 .bytes = probe->text};

	memcpy(file.sha256, probe->sha256, sizeof(file.sha256));
	mls_store_put_finish(mls_store_put_start(probe->store, &file));
	mls_store_keep(probe->store);
	return psprintf("A file of %s was written.", mls_counted(file.length, "byte", "bytes"));
}

pg_noreturn static void
report_different(const Probe *probe, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("store \"%s\" does not give back what it was given",
						   mls_store_server(probe->store)),
					errdetail("%s", detail)));
}

static char *
read_probe(const char *server, void **state)
{
	const Probe *probe = *state;
	int64 expected = strlen(probe->text);
	int64 length = mls_store_head(probe->store, probe->name);
	MlsStoreGet *get;
	MlsDigest *digest = mls_digest_begin();
	uint8 sha256[MLS_SHA256_BYTES];
	const char *bytes;
	Size n;

	if (length < 0)
		report_different(probe, "It does not know the file that it has just taken.");
	if (length != expected)
		report_different(probe, psprintf("It says that the file has " INT64_FORMAT
										 " bytes; it has " INT64_FORMAT ".",
										 length, expected));
	get = mls_store_get(probe->store, probe->name);
	if (get == NULL)
		report_different(probe, "It does not find the file that it has just taken.");
	while (mls_store_get_piece(get, &bytes, &n))
		mls_digest_add(digest, bytes, n);
	mls_store_get_end(get);
	mls_digest_end(digest, sha256);
	if (memcmp(sha256, probe->sha256, sizeof(sha256)) != 0)
		report_different(probe, "The bytes are others.");
	return "It was read, and its bytes are the same.";
}

static char *
list_probe(const char *server, void **state)
{
	const Probe *probe = *state;
	char digits[2 * MLS_SHA256_BYTES + 1];
	List *found;

	strlcpy(digits, probe->name + 3, sizeof(digits));
	found = mls_store_list(probe->store, digits, "", 2);
	if (list_length(found) != 1 ||
		strcmp(((const MlsStoreEntry *) linitial(found))->name, probe->name) != 0)
		report_different(probe, "It does not list the file that it has just taken.");
	return "It was listed.";
}

static char *
delete_probe(const char *server, void **state)
{
	const Probe *probe = *state;

	mls_store_delete(probe->store, list_make1(probe->name));
	if (mls_store_head(probe->store, probe->name) >= 0)
		report_different(probe, "It still has the file that it was to delete.");
	return "It was deleted.";
}

static char *
show_addresses(const char *server, void **state)
{
	const Probe *probe = *state;
	const MlsStore *store = probe->store;

	if (store->server->public_url)
		return psprintf("Anybody reads its files below %s (option public_url).",
						mls_url_display(store->server->public_url));
	return store->place.directory
			   ? "Its files have no address: the option public_url is not set."
			   : "Its files have no public address (option public_url); mls_store_link() gives "
				 "signed ones.";
}

static const MlsCheckStep steps[] = {{"store", open_probe, true},
									 {"write", write_probe, true},
									 {"read", read_probe, false},
									 {"list", list_probe, false},
									 {"delete", delete_probe, false},
									 {"addresses", show_addresses, false},
									 {NULL}};

void
mls_store_define_settings(void)
{
	mls_check_store_steps = steps;
}
