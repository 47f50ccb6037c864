/*
 * search.h
 *		Search engines as destinations: what the files about them tell each other.
 *
 * A publication is an index there, of one document a row.  Engines have no transactions, so its
 * position is a document in an index of ours, written when all rows of a batch have been taken;
 * what is sent again is the same again.  A load goes into a new index, and the name that
 * applications ask for, an alias, is turned to it when it is whole.
 *
 *	search_document.c		rows as documents; what is there, in the order of keys
 *	target_search.c			what is the same for all engines
 *	search_elastic.c		Elasticsearch and OpenSearch
 *	search_typesense.c		Typesense
 *	search_meilisearch.c	Meilisearch
 *	search_solr.c			Solr
 */
#ifndef MLS_PUBLISH_SEARCH_H
#define MLS_PUBLISH_SEARCH_H

#include "postgres.h"

#include "publish/target_http.h"

/* Kinds of values, as far as engines tell them apart. */
typedef enum SearchClass
{
	SEARCH_BOOLEAN,
	SEARCH_INTEGER,
	SEARCH_LONG,
	SEARCH_NUMBER,
	SEARCH_DATE,
	SEARCH_TIME,
	SEARCH_WORD, /* short texts: of up to 255 characters, enumerations */
	SEARCH_TEXT,
	SEARCH_OBJECT,
	SEARCH_CLASSES
} SearchClass;

/* What becomes of one document. */
typedef enum SearchOutcome
{
	SEARCH_TAKEN,
	SEARCH_AGAIN,  /* not now */
	SEARCH_REFUSED /* never */
} SearchOutcome;

typedef struct SearchOp
{
	const char *key;
	const char *id;
	const char *document; /* NULL: it is to go */
	SearchOutcome outcome;
	char *reason; /* of a refusal */
} SearchOp;

/* Some of them: all with documents, or all to go. */
typedef struct SearchOps
{
	SearchOp **ops;
	int n;
	int64 known; /* see MlsTargetBatch */
	char *reason;
} SearchOps;

typedef struct SearchEngine SearchEngine;

typedef struct Search
{
	HttpTarget http;
	const SearchEngine *engine;
	bool begun;
	bool in_place; /* a load goes into the index that is asked: there are no aliases */
	/* What is there: read once, given by ranges. */
	MemoryContext snapshot;
	MemoryContext windows;  /* in it */
	MlsHttpResponse *found; /* pairs of hash and key, in no order */
	bool hashed;
	List *window; /* of MlsTargetHash *, the next ones, in order */
	bool is_last; /* there are no more behind them */
} Search;

/* An engine: constants, and how its requests look. */
struct SearchEngine
{
	HttpKey key;
	const char *id_field;    /* of documents; NULL: ids stand beside them */
	const char *id_plain;    /* characters of ids besides letters and digits; NULL: any */
	char id_escape;          /* begins the two digits of another one */
	const char *state_field; /* of the documents with positions */
	int most_bytes;          /* of a request */
	bool has_versions;       /* of documents: an older one does not replace a newer one */
	const char *types[SEARCH_CLASSES][2]; /* of one value, and of an array */

	/* What is wrong with a name of an index, or of a field; NULL: nothing. */
	const char *(*name_problem)(const char *name);
	const char *(*field_problem)(const char *name);
	/* The SQL of a value as JSON, where it is not to_jsonb; NULL: it is. */
	char *(*value)(const MlsPublishColumn *column, SearchClass class, bool is_array);

	/* Before anything is written; NULL: nothing is to be done. */
	void (*begin)(Search *search, const char *name);
	/* Who answers, in words. */
	char *(*about)(Search *search);
	/* An index for a publication (NULL: for positions), or what it lacks. */
	void (*make)(Search *search, const MlsPublication *publication, const char *index);
	bool (*exists)(Search *search, const char *index);
	void (*drop)(Search *search, const char *index);
	/* Indexes whose names begin so: List of char *. */
	List *(*list)(Search *search, const char *prefix);
	/* Is it still the one that was made?  NULL: what is written to one that is gone makes none. */
	bool (*is_made)(Search *search, const char *index);
	/* Which index a name stands for: itself, if it is one; NULL: nothing. */
	char *(*served)(Search *search, const char *name);
	/* Has it stand for another one; `before` is what it stood for. */
	void (*serve)(Search *search, const char *name, const char *before, const char *index);
	void (*unserve)(Search *search, const char *name);

	/* The field of a document of positions; NULL: there is none.  And writes such a document. */
	char *(*get)(Search *search, const char *index, const char *id);
	void (*put)(Search *search, const char *index, const char *id, const char *document);
	/* Sends all; outcomes in each.  False: somebody is refused, or all are too long (reason). */
	bool (*send)(Search *search, const char *index, SearchOps *ops);
	/* Calls mls_search_found for each document. */
	void (*read)(Search *search, const MlsPublication *publication, const char *index, bool hashed);
};

/* Why an engine refuses what it answers 413 to. */
#define SEARCH_TOO_LONG "it is too long for a request there"

/* Name of the index with positions. */
#define SEARCH_POSITIONS MLS_POSITION_TABLE

/* ---- search_document.c ---- */

extern void mls_search_describe(const SearchEngine *engine, MlsPublishColumn *column);
extern char *mls_search_id(const SearchEngine *engine, const char *key);
/* The key of an id; NULL: it is none of ours. */
extern char *mls_search_key(const SearchEngine *engine, const char *id);
extern const char *mls_search_key_problem(const SearchEngine *engine, const char *key);
extern char *
mls_search_document(const SearchEngine *engine, const MlsPublication *publication, char **row);
extern char *mls_search_hash(const MlsPublication *publication, char **row);
extern const MlsPublishColumn *mls_search_key_column(const MlsPublication *publication);

/* A document that is there, by its id (UTF-8), and all of it (NULL: only its id is known). */
extern void mls_search_found(Search *search, const MlsPublication *publication, const char *id,
							 const char *document, int length);
extern List *mls_search_rows(Search *search, const MlsPublication *publication, const char *index,
							 const char *after, int most, bool hashed);

/* ---- target_search.c ---- */

/* Raises the error for an engine that does not come to what it was asked. */
pg_noreturn extern void mls_search_report_busy(const Search *search, const char *detail);

extern MlsTarget *
mls_search_open(const MlsTargetKind *kind, const SearchEngine *engine, const MlsSource *source);
extern bool mls_search_prepare(MlsTarget *head, const MlsPublication *publication);
extern bool
mls_search_position(MlsTarget *head, const MlsPublication *publication, MlsTargetPosition *out);
extern bool
mls_search_write(MlsTarget *head, const MlsPublication *publication, const MlsTargetBatch *batch);
extern List *mls_search_rows_there(MlsTarget *head, const MlsPublication *publication,
								   const char *after, int most, bool hashed);
extern void mls_search_forget(MlsTarget *head, const MlsPublication *publication, bool drop);
extern char *mls_search_about(MlsTarget *head);
extern void mls_search_probe(MlsTarget *head);

/* The destination of an engine, by the name of its protocol. */
#define SEARCH_TARGET(word, its)                                                                   \
	static void word##_describe(MlsPublishColumn *column)                                          \
	{                                                                                              \
		mls_search_describe(&its, column);                                                         \
	}                                                                                              \
	static const char *word##_key_problem(const char *key)                                         \
	{                                                                                              \
		return mls_search_key_problem(&its, key);                                                  \
	}                                                                                              \
	static MlsTarget *word##_open(const MlsSource *source)                                         \
	{                                                                                              \
		return mls_search_open(&mls_##word##_target, &its, source);                                \
	}                                                                                              \
	const MlsTargetKind mls_##word##_target = {                                                    \
		.protocol = #word,                                                                         \
		.describe = word##_describe,                                                               \
		.key_problem = word##_key_problem,                                                         \
		.open = word##_open,                                                                       \
		.prepare = mls_search_prepare,                                                             \
		.position = mls_search_position,                                                           \
		.write = mls_search_write,                                                                 \
		.rows = mls_search_rows_there,                                                             \
		.hash = mls_search_hash,                                                                   \
		.forget = mls_search_forget,                                                               \
		.about = mls_search_about,                                                                 \
		.probe = mls_search_probe,                                                                 \
	}

#endif /* MLS_PUBLISH_SEARCH_H */
