/*
 * feed_parts.h
 *		A feed, as the files of this room share it.
 */
#ifndef MLS_FEED_PARTS_H
#define MLS_FEED_PARTS_H

#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/portal.h"

/* A step of a path. */
typedef struct MlsFeedStep
{
	const char *name;
	bool is_attribute;
	bool repeats; /* once for each member of the value, an array */
} MlsFeedStep;

typedef enum MlsFeedForm
{
	MLS_FEED_TEXT,
	MLS_FEED_LINE,
	MLS_FEED_HTML
} MlsFeedForm;

/* An element, in one language. */
typedef struct MlsFeedElement
{
	const char *path; /* as its row has it */
	int group;        /* of those that its row makes, one for each language */
	MlsFeedStep *steps;
	int nsteps; /* 0: a reason to leave the listing out, or (json) all fields */
	bool is_reason;
	bool is_row;
	const char *expression;
	const char *language; /* of the texts it reads; or NULL */
	MlsFeedForm form;
	int max_length;        /* characters; 0 any */
	const char *value_map; /* jsonb, or NULL */
	bool is_required;
	const char *default_value; /* or NULL */
	bool is_numbered;          /* made of the listing's number, when that is known */
	bool is_array;
	int column; /* of its statement, from 1 */
} MlsFeedElement;

typedef enum MlsFeedKind
{
	MLS_FEED_XML,
	MLS_FEED_JSON,
	MLS_FEED_SITEMAP
} MlsFeedKind;

/* A feed with its format; lives in one memory context. */
typedef struct MlsFeed
{
	int64 id;
	char *name;
	Oid owner;
	Oid relation;
	char *key;
	char *store;
	char *path;
	List *languages; /* of char * */
	bool falls_back;
	Oid media; /* or InvalidOid */
	char *newest_by;
	int64 max_listings; /* 0 any */
	int64 max_photos;   /* -1 any */
	double min_share;
	int64 written; /* -1: not yet */
	char *content_hash;
	List *documents; /* of char * */
	List *lengths;   /* of char *, numbers */

	MlsFeedKind kind;
	char *opening;
	char *item;
	char *closing;
	char *content_type;
	char *id_path;

	List *texts;    /* of MlsFeedText * */
	List *settings; /* of MlsFeedSetting * */
	List *elements; /* of MlsFeedElement * */
	char *
		query; /* key, whether it is for the internet, and the values of all but numbered elements */
	char *numbers;   /* those of numbered ones, over mls_numbers; NULL: there are none */
	char *signature; /* of the elements, for fingerprints */
} MlsFeed;

typedef struct MlsFeedText
{
	const char *name;
	const char *language;
	const char *column;
} MlsFeedText;

typedef struct MlsFeedSetting
{
	const char *name;
	const char *value; /* or NULL */
} MlsFeedSetting;

/* ---- feed_row.c ---- */

/* In CurrentMemoryContext; NULL if it is not there.  Not yet with its statements. */
extern MlsFeed *mls_feed_read(int64 id);

/* A setting's value, or NULL. */
extern const char *mls_feed_setting(const MlsFeed *feed, const char *name);

struct MlsStore;

/* Where anybody reads a document of it: the store's public_url, or the setting documents_url; an
 * error if neither says. */
extern char *mls_feed_address(const MlsFeed *feed, const struct MlsStore *store, const char *name);

/* ---- feed_query.c ---- */

/*
 * Fills in elements and statements, `most` listings of them (0: all); as the owner, in a
 * transaction.  An error if an expression cannot be used.
 */
extern void mls_feed_prepare(MlsFeed *feed, int64 most);

/* Reports, as a warning or an error, a setting that is not there and without which every listing is
 * left out: an element that all must have is nothing but that setting. */
extern void mls_feed_require_settings(const MlsFeed *feed, int level);

/* ---- feed_batch.c ---- */

/* A listing as it was read. */
typedef struct MlsFeedListing
{
	char *key;
	const char *reason; /* it is left out; or NULL */
	char hash[33];
	void **
		values; /* by element: char *, of arrays List * (of char *, members may be NULL); or NULL */
	bool is_same;
} MlsFeedListing;

typedef struct MlsFeedReader MlsFeedReader;

/* Begins to read, in the open transaction; it ends with that. */
extern MlsFeedReader *mls_feed_open(const MlsFeed *feed);

/* The next listings (List of MlsFeedListing *), in CurrentMemoryContext; NIL at the end. */
extern List *mls_feed_next(MlsFeedReader *reader);

/* Rows without a key that were passed over. */
extern int64 mls_feed_keyless(const MlsFeedReader *reader);

/* Gives listings their numbers, and notes that they are these: after the last key of the batch before (""), NIL: to the end. */
extern void mls_feed_number(MlsFeedReader *reader, List *listings, const char *after);

/* The same without a trace, for listings of which some are known. */
extern void mls_feed_number_preview(MlsFeedReader *reader, List *listings);

/* ---- feed_write.c ---- */

/* A text of an element as it is written, in UTF-8, but for what XML escapes; NULL: it says nothing. */
extern char *mls_feed_text(const MlsFeedElement *element, const char *value);

/* Appends a listing, in UTF-8; counts characters that it has no way to write. */
extern void
mls_feed_write(const MlsFeed *feed, const MlsFeedListing *listing, StringInfo out, int64 *stripped);

/* ---- feed_verify.c ---- */

struct MlsHttpResponse;

/* An error unless a document is well formed and has so many listings, each with what it needs and
 * a number of its own. */
extern void mls_feed_verify(const MlsFeed *feed, const struct MlsHttpResponse *body,
							const char *document, int64 listings);

#endif /* MLS_FEED_PARTS_H */
