/*
 * parts.h
 *		The parts of an answer, to the room itself.
 */
#ifndef SERVE_PARTS_H
#define SERVE_PARTS_H

#include "serve/answer/answer.h"

/* The one namespace of types, and the container in it. */
#define SERVE_NAMESPACE "org.reso.metadata"
#define SERVE_CONTAINER "Default"

/* ---- seal.c ---- */

extern void serve_reply_header(ServeCall *call, const char *name, const char *value);
/* Takes the bytes. */
extern void
serve_reply_body(ServeCall *call, int status, const char *content_type, ServeBytes *body);
extern void serve_reply_clear(ServeCall *call);
/* Headers that all answers have, ETag and compression; the last thing that is done. */
extern void serve_seal(ServeCall *call);

/* Whether If-None-Match has a tag, W/"..." or "...". */
extern bool serve_tag_is_known(const char *if_none_match, const char *tag);
/* A tag of bytes, of the arena: W/"...". */
extern const char *serve_etag(ServeArena *arena, const char *data, size_t length);
/* Compressed, of malloc; NULL if that is not shorter. */
extern char *serve_gzip(const char *data, size_t length, size_t *compressed);
extern bool serve_takes_gzip(const ServeCall *call);

/* ---- trouble.c ---- */

extern void serve_fail_odata(ServeCall *call, int status, const char *code, const char *message,
							 const char *target);
/* 503, and when to come again. */
extern void serve_fail_later(ServeCall *call, int seconds, const char *code, const char *message);
extern void serve_fail_trouble(ServeCall *call, const ServeTrouble *trouble);
/* Whether it may come of a model that is out of date. */
extern bool serve_trouble_is_stale(const ServeTrouble *trouble);

/* ---- caller.c ---- */

/* Who asks, as far as it can be said without the database; false: the reply says why not. */
extern bool serve_caller_begin(ServeCall *call);
/* The same where the database must be asked. */
extern bool serve_caller_login(ServeCall *call, ServeConnection *connection);
/* The consumer is known: whether he may ask now, and the role's entry. */
extern bool serve_caller_admit(ServeCall *call);
/* 403: the scope does not cover a resource. */
extern void serve_fail_scope(ServeCall *call, const char *message, const char *resource);
/* Asks whether a secret is right; false: the database did not say.  *found: it said yes. */
extern bool serve_ask_login(ServeCall *call, ServeConnection *connection, bool *found);

/* ---- negotiate.c ---- */

/* False: nothing fits, by name of what did not. */
extern bool serve_negotiate(ServeArena *arena, const char *accept, const char *query,
							ServeForm *form, const char **target);
extern const char *serve_json_type(const ServeForm *form);
/* The number of rows that a client prefers to have on a page; 0: it does not say. */
extern int64_t serve_preferred_page(const char *prefer);

/* ---- documents.c ---- */

typedef struct ServeRestriction
{
	const char *term;
	const char *property;
} ServeRestriction;

extern const ServeRestriction serve_restrictions[];

extern void serve_answer_service_document(ServeCall *call);
extern void serve_answer_metadata(ServeCall *call);
extern void serve_metadata_xml(ServeBytes *out, const ServeModel *model);
extern void serve_metadata_json(ServeBytes *out, const ServeModel *model);

/* ---- records.c ---- */

/* False: what was asked does not fit what is there now; the reply says so as well. */
extern bool serve_answer_records(ServeCall *call, ServeConnection *connection);

/* ---- byte_range.c ---- */

typedef enum ServeRange
{
	SERVE_RANGE_WHOLE, /* none is asked for, or one that is not understood */
	SERVE_RANGE_PART,
	SERVE_RANGE_NOWHERE /* 416 */
} ServeRange;

/* Which bytes of so many a header Range asks for: one range of bytes. */
extern ServeRange serve_range(const char *header, int64_t length, int64_t *first, int64_t *count);

/* ---- media_file.c ---- */

/* path is below the root: "/media/3f..."; false: it is none of ours, and call->media stays NULL. */
extern bool serve_media_begin(ServeCall *call);
/* The role's entry is there: whether it could be shown any; false: the reply says no. */
extern bool serve_media_admit(ServeCall *call);
/* False: what was asked does not fit what is there now; the reply says so as well. */
extern bool serve_answer_media(ServeCall *call, ServeConnection *connection);

/* ---- datasets.c ---- */

/* path is below the root: "/datasets/..."; false: none of ours.  *complete: the reply is there. */
extern bool serve_datasets_begin(ServeCall *call, bool *complete);
/* It is known who asks: whether he may ask this; false: the reply says no. */
extern bool serve_datasets_admit(ServeCall *call);
extern void serve_answer_datasets(ServeCall *call, ServeConnection *connection);
extern void serve_upload_release(ServeCall *call);

/* ---- oauth_answer.c ---- */

/* path is below the root: "/oauth/token"; false: none of ours.  The same two steps. */
extern bool serve_oauth_begin(ServeCall *call, bool *complete);
extern void serve_oauth_run(ServeCall *call, ServeConnection *connection);
/* What anybody may read, by the whole path; true: the reply is there. */
extern bool serve_oauth_well_known(ServeCall *call, const char *path);

/* ---- audit_row.c ---- */

extern void serve_audit(ServeCall *call);

#endif /* SERVE_PARTS_H */
