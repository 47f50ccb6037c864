/*
 * media_parts.h
 *		What the files that fetch media tell each other.
 */
#ifndef MLS_MEDIA_PARTS_H
#define MLS_MEDIA_PARTS_H

#include "postgres.h"

#include "utils/hsearch.h"

#include "base/file_type.h"
#include "media/media.h"
#include "media/store.h"

/* Files of one transaction: at first, and at most while they are small and come fast. */
#define MLS_MEDIA_BATCH 32
#define MLS_MEDIA_LARGEST_BATCH 1024

/* A batch that holds so many bytes has no further files. */
#define MLS_MEDIA_BATCH_BYTES (64 * 1024 * 1024)

/* What mls_media_store() has said. */
typedef struct MlsMediaRule
{
	char *store; /* name of its server */
	int64 max_file_bytes;
	int max_files;       /* of a record; 0: all */
	int64 max_run_files; /* 0: no limit */
	int64 max_run_bytes;
	double quota_share;
	int transfers;
	bool paused;
} MlsMediaRule;

typedef enum MlsMediaResult
{
	MLS_MEDIA_PENDING,
	MLS_MEDIA_EXPIRED, /* its address does not hold any more: a fresh one may */
	MLS_MEDIA_GOT,     /* its bytes are here, but in no store */
	MLS_MEDIA_SAME,    /* its host says that they are those which are stored */
	MLS_MEDIA_FAILED,  /* tried again later */
	MLS_MEDIA_REFUSED, /* not before it changes */
	MLS_MEDIA_LATER    /* no fault of its own: the quota; wanted as before */
} MlsMediaResult;

/* One file that is fetched. */
typedef struct MlsMediaItem
{
	char *key;
	char *category;            /* or NULL */
	char *old_sha256;          /* of the file that it has; or NULL */
	char *old_store;           /* which has that */
	char *old_validator;       /* what the host called it then; NULL: it is not to be asked */
	char *old_place;           /* and where it came from, hashed */
	char *validator;           /* of what comes; or NULL */
	char *place;               /* likewise */
	const char *first_address; /* where it was asked, before it led on */
	int attempts;
	char *parent;          /* "Property/" and a key, where bronze says so; or NULL */
	char *record_resource; /* what it belongs to, at the source; or NULL */
	char *record_key;      /* likewise */
	int number;            /* among the files of that record, as the source counts them */
	char *address;         /* or NULL */
	bool fresh;            /* the source has just said it */
	int redirects;
	bool own; /* on the source's own origin, by its login */
	MlsHttpSource http;
	MlsHttpRequest *request; /* NULL: none is under way */
	MlsHttpResponse *response;
	MemoryContext batch;   /* where it is itself, and what becomes of it */
	MemoryContext context; /* its transfer, and what came as long as that is needed; or NULL */
	MlsMediaResult result;
	char *error; /* a sentence without addresses */
	bool by_network;
	bool by_store;          /* it came, but the store did not take it */
	TimestampTz not_before; /* the host has asked for it; or 0 */
	MlsFileType file;
	int64 bytes;
	uint8 digest[MLS_SHA256_BYTES];
	char *sha256;
	char *name;  /* in the store */
	bool stored; /* it was there */
} MlsMediaItem;

/* A parent that brings the records of media inside its own. */
typedef struct MlsMediaParent
{
	MlsTable *table;
	const char *expansion;
} MlsMediaParent;

/* A store that has files of the source. */
typedef struct MlsMediaPlace
{
	char *name; /* of its server */
	MlsStore *store;
	bool done;        /* nothing is left to be fetched */
	bool careful;     /* it has refused a file: they are put when a batch is here */
	ErrorData *error; /* it takes nothing; or NULL */
	MemoryContext queue;
	List *next; /* of char *, in it: keys of files whose turn it is, */
	int taken;  /* of which so many are under way or have been */
	int order;  /* of the last of them; of those before it none is left but what has failed */
} MlsMediaPlace;

/* What a run keeps (MlsRun.state). */
typedef struct MlsMediaRun
{
	MlsRun *run;
	MlsMediaRule rule;
	List *places;         /* of MlsMediaPlace *: all stores of the source */
	MlsMediaPlace *place; /* at work on */
	MlsStore *store;      /* its; rule.store is its name */
	List *parents;        /* of MlsMediaParent *; NIL: the source has a list of media */
	bool shown;           /* rules of gold show files */
	bool plain;           /* keys of gold are the source's, with its prefix */
	List *addresses;      /* of char *: paths to the address in a medium's record */
	char *stamps;     /* SQL of what says, in a record b of bronze, that the bytes are other ones */
	const char *base; /* where addresses begin that name no host; NULL: at the source */
	const char *host; /* the source's own; NULL: it has none */
	int64 held;       /* bytes of files in memory, of this batch */
	struct MlsGoldWriter *gold_writer; /* or NULL */
	MlsTransition keys;                /* for it */
	MlsHttpStats stats;
	MemoryContext batch; /* reset after each */
	MemoryContext puts; /* of files that are put as they come; NULL: when all of a batch are here */
	HTAB *digests;      /* of those */
	struct
	{
		SPIPlanPtr next;
		SPIPlanPtr addresses;
		SPIPlanPtr files;
		SPIPlanPtr media;
	} plans;         /* of statements that each batch runs */
	int batch_files; /* of the next one at most */
	LOCKMODE holds;  /* of the store; or NoLock */
	bool exhausted;  /* the quota lets no more through just now */
	const char *why; /* it ends before all are here; or NULL */
} MlsMediaRun;

/* ---- media_fetch.c ---- */

/* Fetches all items that are pending; raises no error but for a cancel. */
extern void mls_media_fetch(MlsMediaRun *media, List *items);

/* Where what is only needed until its file is put is made, and the end of that. */
extern MemoryContext mls_media_work_on(MlsMediaItem *item);
extern void mls_media_forget_work(MlsMediaItem *item);

/* What became of an item. */
extern void mls_media_end_item(MlsMediaItem *item, MlsMediaResult result, const char *error);

/* In a PG_CATCH block: notes the error at hand as that of items.  What ends the process passes on. */
extern void mls_media_blame(List *items);

/* Looks at a body that came for an item: it has it, or is told why not. */
extern void mls_media_judge_body(const MlsMediaRun *media, MlsMediaItem *item);

/* ---- media_put.c ---- */

/* A batch is about to come, has come, or one file of it; the last raises no error but for a cancel. */
extern void mls_media_begin_puts(MlsMediaRun *media);
extern void mls_media_put_at_once(MlsMediaRun *media, MlsMediaItem *item);
extern void mls_media_put(MlsMediaRun *media, List *items);

/* ---- media_objects.c ---- */

/* Asks a source that has files of records for those that have expired: they are here, are
 * pending at an address that the source names, or have failed. */
extern void mls_media_ask_objects(MlsMediaRun *media, List *items);

/* ---- media_sync.c ---- */

extern int64 mls_media_store_lock(const char *server);

/* ---- media_address.c ---- */

extern void mls_media_find_parents(MlsMediaRun *media);

/* Which fields of a medium's record hold its address, and which say that its bytes are other ones. */
extern void mls_media_find_fields(MlsMediaRun *media);

/* SQL of the address of a record b of bronze. */
extern char *mls_media_address_sql(const MlsMediaRun *media);

/* Asks the source for the addresses of those that have expired: they are pending again, or have failed. */
extern void mls_media_refresh(MlsMediaRun *media, List *items);

/* ---- media_queue.c; in an open step ---- */

extern MlsMediaRule mls_media_rule(int64 subscription);

/* Names of the stores besides (List of char *), in the order in which they are asked for a medium. */
extern List *mls_media_other_stores(int64 subscription);
extern char *mls_media_find_wanted(MlsMediaRun *media, const char *after);
extern void mls_media_limit_records(const MlsMediaRun *media);
extern int64 mls_media_waiting(const MlsMediaRun *media);
extern List *mls_media_claim(MlsMediaRun *media, int most);
extern void mls_media_look_up(const MlsMediaRun *media, List *items);
extern void mls_media_settle(MlsMediaRun *media, List *items, MlsCounters *counters);
extern bool mls_media_forget_gone(MlsMediaRun *media);
extern char *mls_media_mark_unreferenced(const MlsMediaRun *media, const char *after);
extern List *mls_media_take_unreferenced(const MlsMediaRun *media);
extern void mls_media_forget_files(const MlsMediaRun *media, List *names);
extern void mls_media_follow_store(MlsMediaRun *media);
extern void mls_media_forget_plans(MlsMediaRun *media);

#endif /* MLS_MEDIA_PARTS_H */
