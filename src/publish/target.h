/*
 * target.h
 *		What a destination is to the rest of the room: a few functions behind which its
 *		protocol is hidden.
 *
 * None of them wants a transaction.  Each waits so that a cancel ends it at once.  What is no
 * fault of the data is an error; a target belongs to the memory context in which it was opened,
 * and what ends that closes the connection, which takes back what was not committed.
 */
#ifndef MLS_PUBLISH_TARGET_H
#define MLS_PUBLISH_TARGET_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "options/options.h"
#include "protocol/destination/destination.h"

/* A column of a view, and how it is written there. */
typedef struct MlsPublishColumn
{
	const char *name;
	const char *there; /* its name there */
	Oid type;          /* the base type, if its own is a domain */
	int32 typmod;
	bool is_key;
	const char *type_there;
	bool typed;        /* by the publication, not by us */
	const char *value; /* SQL of the text that is sent, of a column of relation v */
	bool is_bytes;     /* that text is hexadecimal digits */
	bool is_rough;     /* its text is another there: hashed is only whether it is NULL */
} MlsPublishColumn;

typedef struct MlsPublication
{
	int64 id;
	Oid owner;
	Oid server;
	const char *destination; /* name of the server */
	const char *name;        /* of the table there */
	const char *token;       /* tells it from others that write a table of this name */
	Oid view;
	const char *relation;   /* the view, qualified */
	const char *condition;  /* SQL, or NULL */
	const char *resource;   /* whose records its rows are */
	const char *key;        /* column with their keys */
	List *columns;          /* of MlsPublishColumn * */
	int key_column;         /* from 0 */
	const char *definition; /* tells by its change that all has to be sent again */
	const char *known_definition;
	int batch;
	int64 resend_from;     /* -1: from where it is */
	int64 reached;         /* position that was reached last, as known here; -1: none */
	bool was_loading;      /* whether a load was not over then */
	const char *loaded_to; /* and behind which key that goes on */
	int64 known;           /* the last event there was when it was looked last; 0: none */
	bool is_copied;        /* it is another database's, of which this one is a copy */
	bool paused;
	bool take_over; /* a table that another publication has made may be continued */
	bool again;     /* dead letters are to be tried again */
} MlsPublication;

/* How far a publication is, as it stands at the destination. */
typedef struct MlsTargetPosition
{
	const char *token;
	int64 position;         /* all events up to it are there, once it is loaded */
	bool loading;           /* the first load is not over */
	const char *load_after; /* it has come behind this key; NULL: it begins */
} MlsTargetPosition;

/* What is written in one transaction. */
typedef struct MlsTargetBatch
{
	List *rows;                    /* of char **, a text (or NULL) per column */
	List *gone;                    /* of char *: keys that are not to be there */
	const MlsTargetPosition *move; /* and how far that is; NULL: as far as before */
	const MlsTargetPosition *from; /* it must be at this one; else another writes as well */
	int64 known; /* the last event there was when the rows were read, or before; 0: whatever is
				  * there, they are right */
} MlsTargetBatch;

/* A record that was refused, and why. */
typedef struct MlsTargetRefusal
{
	const char *key;
	const char *reason;
} MlsTargetRefusal;

/* A row there, by its key, and the hash of its values (mls_publish_hash). */
typedef struct MlsTargetHash
{
	const char *key;
	const char *hash; /* hexadecimal digits */
} MlsTargetHash;

typedef struct MlsTarget MlsTarget;

typedef struct MlsTargetKind
{
	const char *protocol;
	/* Fills in how a column is written there: type_there (unless typed), value, is_bytes. */
	void (*describe)(MlsPublishColumn *column);
	/* What a key must not be there, in words; NULL: it can be one. */
	const char *(*key_problem)(const char *key);
	MlsTarget *(*open)(const MlsSource *source);
	/* Makes the table, or what it lacks; true if it did: then all has to be loaded. */
	bool (*prepare)(MlsTarget *target, const MlsPublication *publication);
	/* False: it was never written there. */
	bool (*position)(MlsTarget *target, const MlsPublication *publication, MlsTargetPosition *out);
	/* False: what was to be written is refused (target->refusal), and nothing was; or, where a
	 * destination has no transactions, nothing but rows: the position has not moved. */
	bool (*write)(MlsTarget *target, const MlsPublication *publication,
				  const MlsTargetBatch *batch);
	/* Rows behind a key ("" for the first), in the order there (List of MlsTargetHash *). */
	List *(*rows)(MlsTarget *target, const MlsPublication *publication, const char *after, int most,
				  bool hashed);
	/*
	 * Keys of those rows whose values in columns that are rough are there as they are sent; NULL
	 * in its place: it cannot tell.  False: it refuses one of them (target->refusal).
	 */
	bool (*alike)(MlsTarget *target, const MlsPublication *publication, const List *rows,
				  List **keys);
	/* What a row is there, in short, as `rows` tells it; NULL: mls_publish_hash. */
	char *(*hash)(const MlsPublication *publication, char **row);
	/* Forgets the position; drops the table as well if asked to. */
	void (*forget)(MlsTarget *target, const MlsPublication *publication, bool drop);
	/* For mls_check: who answers, in words; and a table made, filled and dropped (NULL: nothing
	 * is tried). */
	char *(*about)(MlsTarget *target);
	void (*probe)(MlsTarget *target);
} MlsTargetKind;

/* The head of each kind's own. */
struct MlsTarget
{
	const MlsTargetKind *kind;
	const MlsSource *source;
	MlsDestinationPlace place;
	char *refusal;    /* why the data was refused last, in words */
	List *refused;    /* of MlsTargetRefusal *: by whom, all others are there; NIL: not told */
	int64 statements; /* that were sent */
	int64 bytes;
};

extern const MlsTargetKind mls_mysql_target;
extern const MlsTargetKind mls_postgres_target;
extern const MlsTargetKind mls_elasticsearch_target;
extern const MlsTargetKind mls_opensearch_target;
extern const MlsTargetKind mls_typesense_target;
extern const MlsTargetKind mls_meilisearch_target;
extern const MlsTargetKind mls_solr_target;
extern const MlsTargetKind mls_receiver_target;
extern const MlsTargetKind mls_file_target;

/* What marks NULL, and what stands between values, in what is hashed. */
#define MLS_PUBLISH_NULL "\x01"
#define MLS_PUBLISH_BETWEEN "\x1f"

/* Name of the table there that has the positions. */
#define MLS_POSITION_TABLE "mls_position"

/* ---- Any destination (target_any.c) ---- */

extern const MlsTargetKind *mls_target_kind(const MlsSource *source);
extern MlsTarget *mls_target_open(const MlsSource *source);

/* The beginning of each kind's open: `size` bytes, zero but for the head, which are checked. */
extern void *mls_target_begin(const MlsTargetKind *kind, const MlsSource *source, Size size);

/* Errors unless the host may be connected to; its addresses (List of struct sockaddr_storage *). */
extern List *mls_target_resolve(const MlsTarget *target);
extern bool mls_target_may_ask(const MlsTarget *target, const struct sockaddr *address);
/* The cure where a destination does not speak TLS. */
#define MLS_TARGET_NO_TLS                                                                          \
	"Have it speak TLS; or set the option tls of the server to 'none', which a host in the "       \
	"setting mls_fdw.allowed_hosts may have."

pg_noreturn extern void mls_target_refuse_address(const MlsTarget *target, const char *address);

/* Errors unless a table, by the token of its position (NULL: none), is one of a publication. */
extern void mls_target_require_own(const MlsPublication *publication, const char *token);

/* Errors unless the position that is there is the one from which a batch leads on. */
extern void mls_target_require_position(const MlsTarget *target, const MlsPublication *publication,
										bool is_there, const MlsTargetPosition *there,
										const MlsTargetPosition *from);

/* Certificates that are trusted, where the option ca_file names none; NULL: unknown. */
extern const char *mls_target_authorities(const MlsTarget *target);

/*
 * Variables of the environment whose names begin so (the last one NULL) are taken out of it, and
 * put back: client libraries read them, and they are meant for programs of whoever runs the server.
 * Nothing between the two may throw.
 */
extern List *mls_target_hide_environment(const char *prefix, ...);
extern void mls_target_show_environment(List *hidden);

/* Waits for a socket; false when `ms` (-1: no limit) are over or a cancel is pending. */
extern bool mls_target_wait(int socket, bool readable, int ms);

#endif /* MLS_PUBLISH_TARGET_H */
