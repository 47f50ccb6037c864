/*
 * protocol.h
 *		What a protocol is: the few functions behind which OData, DMQL and the
 *		like are hidden, and the neutral words in which they are asked.
 *
 * Nothing above this header knows a protocol's syntax; nothing below it knows
 * tuples.  A protocol is one constant MlsProtocol in a folder of its own, with its
 * platforms and the options that only its servers have, and one line in protocol.c.
 *
 * Neutral: foreign_table.h (source, table, column), platform.h (what differs between
 * sources), remote_query.h (what is asked), resources.h (what there is), total.h.  A
 * stream is the pages of one query.  For the protocols' folders: condition.h (conditions
 * are judged by being written), page_chain.h (pages by address, in JSON).
 */
#ifndef MLS_PROTOCOL_H
#define MLS_PROTOCOL_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "http/http.h"
#include "protocol/foreign_table.h"
#include "protocol/option_row.h"
#include "protocol/remote_query.h"
#include "protocol/resources.h"
#include "protocol/source_settings.h"
#include "protocol/total.h"
#include "record/record.h"

typedef struct MlsStream MlsStream;
typedef struct MlsConditionWriter MlsConditionWriter;

/* A value that the source's lookup does not have; it is kept as received. */
typedef struct MlsUnknownValue
{
	const char *field;
	const char *value;
} MlsUnknownValue;

/* Common head of a protocol's stream. */
struct MlsStream
{
	const MlsProtocol *protocol;
	const MlsQuery *query;
	MlsHttpStats stats;
	int64 pages;
	int64 records;
	int64 announced;       /* total the source announced, or -1 */
	TimestampTz date;      /* the source's clock at its first answer, or 0 */
	const char *next_link; /* after a page: where the chain goes on; NULL at its end */
	List *dropped;         /* of char *: conditions given up after the source refused them */
	List *unknown;         /* of MlsUnknownValue *, some hundred at most */
	List *missing;         /* of char *: fields asked for that no answer of the last page has */
	List *remarks;         /* of char *: what was tolerated; complete when the stream has ended */
	bool unproven;         /* it ended, and more may be there */
};

/* ---- Files of records ---- */

/* What to fetch: the files of one record. */
typedef struct MlsObjectQuery
{
	const MlsSource *source;
	const char *resource;
	const char *key;
	const char *type;   /* "Photo" */
	const char *object; /* number of one file, or "*" for all */
	List *numbers;      /* of int, in its place: several files; NIL: one, or all */
	bool location;      /* their addresses, not their bytes */
	bool failures;      /* files that cannot be had are told one by one, and are no error of all */
} MlsObjectQuery;

typedef struct MlsObject
{
	const char *content_id;
	const char *object_id;
	const char *content_type;
	const char *description; /* or NULL */
	const char *location;    /* or NULL */
	const char *failure;     /* why it cannot be had, in words; NULL: it can */
	bool preferred;
	const char *bytes; /* or NULL */
	Size length;
} MlsObject;

/* Takes a file; what it points to is gone afterwards. */
typedef void (*MlsObjectTake)(void *arg, const MlsObject *object);

/* ---- The protocol ---- */

struct MlsProtocol
{
	const char *name;
	bool is_local;       /* nothing is asked over HTTP: its servers need no url */
	bool is_store;       /* a place of files: it has no records, and no foreign tables */
	bool is_destination; /* publications are kept in step there; it has no records either */
	bool keeps_files;   /* its sources consist of files, of which a sync keeps account (ledger.h) */
	bool empty_is_null; /* an empty text is no value in a column that is none of text */
	bool sessions;      /* sources keep sessions: login, cookies, logout */
	bool token_logins;  /* user name and password are exchanged for a token */

	/* Platform row by name, or NULL; names in *list for hints (NULL-terminated). */
	const MlsPlatform *(*platform)(const char *name);
	const char *const *platform_names;

	/* What is wrong with a server's option url (for errdetail), or NULL; a member that is NULL: it
	 * is an address of http. */
	const char *(*url_problem)(const char *url);
	/* What is wrong with a file of that name that somebody uploads to a source (for errdetail), or
	 * NULL, and the *resource that it belongs to.  The member is NULL: nothing is uploaded there. */
	const char *(*upload_problem)(const MlsSource *source, const char *name, const char *resource,
								  List **entries);
	/* Are requests to a place at that address signed?  NULL: never. */
	bool (*is_signed)(const char *url);

	/* Options that its servers have besides those of all (ended by one without a name), and the
	 * size of what they fill in MlsSource.own.  NULL and 0 where there are none. */
	const MlsOption *options;
	Size own_size;

	/* How conditions on a table are written (condition.h).  Pure; may look at what this process
	 * has learned about the source, never at the network. */
	MlsConditionWriter (*writer)(const MlsTable *table);
	bool (*sortable)(const MlsTable *table, const MlsColumn *column);
	/* Does the source count, and has not been found to count wrongly? */
	bool (*countable)(const MlsTable *table);

	/* The first request as a user may read it: "Property?$filter=...". No network. */
	char *(*show)(const MlsQuery *query);

	/* A stream of pages, in CurrentMemoryContext; start sends the first request without waiting.
	 * NULL: it has no records, so its servers have no foreign tables, and the members for these
	 * are NULL as well. */
	MlsStream *(*open)(const MlsQuery *query);
	void (*start)(MlsStream *stream);
	/* The next page, or NULL at a proven end.  Frees the page before. A failed page is an error. */
	MlsPage *(*next_page)(MlsStream *stream);
	void (*close)(MlsStream *stream);

	/* Number of records that match; -1 if the source cannot say, or was found to say it wrongly. */
	int64 (*count)(const MlsQuery *query, MlsHttpStats *stats);

	/* What the option expand asks for (List of MlsExpansion *), and where the rest of a collection
	 * is that the source has cut: a link for resume_link, or NULL.  No network.  Members are NULL
	 * where nothing can be expanded. */
	List *(*expansions)(const MlsTable *table);
	char *(*rest_link)(const MlsTable *table, const MlsRecord *record, const char *expansion);

	/* The resources (List of char *) with whose records those of a table come, if the source has
	 * no list of them; NIL if it has.  NULL: it always has.  No network. */
	List *(*holders)(const MlsTable *table);

	/* What else than the table's own options decides which records come, and how they read: when
	 * it changes, everything is read again.  NULL: nothing. */
	char *(*scope)(const MlsTable *table);

	/* Do records of a table stay here when the source has them no more?  NULL: never. */
	bool (*keeps_gone)(const MlsTable *table);

	/* Fields of a medium's record that hold the address of its file, by their names at the source
	 * or in the standard, or paths; the first with a value counts.  Ended by NULL; or NULL. */
	const char *const *media_addresses;
	/* Likewise those of sizes that the source has ready, by platform.media_size; the first is NULL. */
	const char *const *media_sizes;
	/* Files on the source's own origin want its login. */
	bool media_login;

	/* Looks at the place of a source's files: what is there (List of MlsSourceFile *), and in
	 * *words how that was found.  NULL: it has no such place. */
	List *(*look)(const MlsSource *source, char **words, MlsHttpStats *stats);
	/* Is a place at that address asked over HTTP?  NULL: never. */
	bool (*is_remote)(const char *url);

	/* The files of a record, one by one.  NULL where the protocol has none. */
	void (*objects)(const MlsObjectQuery *query, MlsObjectTake take, void *arg,
					MlsHttpStats *stats);

	/* Settings of the source, by one request.  NULL where the protocol has none. */
	MlsTold *(*tell)(const MlsSource *source, MlsHttpStats *stats);

	/* Begins the session that later requests use, where a source keeps one.  NULL: it keeps none. */
	void (*log_in)(const MlsSource *source, MlsHttpStats *stats);

	/* How the source takes the forms of conditions, by a few requests for no records, in words;
	 * *ok is false if an option should be set.  NULL where there is nothing to try. */
	char *(*try_conditions)(const MlsTable *table, bool *ok, MlsHttpStats *stats);

	/* All resources with their fields. */
	MlsRemoteSchema *(*describe)(const MlsSource *source, MlsHttpStats *stats);
	/* The same from a document at hand; subject says in messages what it is. */
	MlsRemoteSchema *(*read_metadata)(const char *text, Size length, const char *subject);
};

/* All protocols, ended by NULL. */
extern const MlsProtocol *const mls_protocols[];

/* Their names, ended by NULL. */
extern const char **mls_protocol_names(void);

/* Protocol by the server option `protocol`, or NULL. */
extern const MlsProtocol *mls_protocol_find(const char *name);

#endif /* MLS_PROTOCOL_H */
