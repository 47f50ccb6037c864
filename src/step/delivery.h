/*
 * delivery.h
 *		Sending what waits to receivers, which may be slow, dead or hostile.
 *
 * In rounds: what is due is taken, one delivery for each receiver, and committed as being
 * under way; all are sent at the same time, outside of transactions; what they answered is
 * noted.  So a receiver that keeps silent costs a round its patience once, and whoever
 * takes leaves it alone for longer and longer.  A delivery that was taken while the process
 * ended before it could say so is sent again.
 */
#ifndef MLS_DELIVERY_H
#define MLS_DELIVERY_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "http/http.h"

/* What is sent; first in a struct of who takes it, made by mls_delivery_init(). */
typedef struct MlsDelivery
{
	MlsHttpSource http; /* the receiver, as a source of its own */
	const char *body;
	List *headers;           /* of char *; not of a mail */
	const MlsHttpMail *mail; /* NULL: it is posted over HTTP */
	const char *purpose;     /* "the answer to events" */

	/* What became of it. */
	char *error;         /* why it failed, or NULL */
	int status;          /* of the answer, or 0 */
	int64 retry_after_s; /* as the answer wishes, or -1 */
	MlsHttpStats stats;  /* from here on delivery.c's own */
	MlsHttpRequest *request;
	MemoryContext context;
} MlsDelivery;

/* Fills in what all receivers get: little patience, and room for a short answer. */
extern void
mls_delivery_init(MlsDelivery *delivery, const char *name, const char *quota, const char *url);

/* The header with HMAC-SHA256 of a body. */
extern char *mls_delivery_signature(const char *secret, const char *body);

/* Who takes and notes; each is called in a transaction of its own. */
typedef struct MlsDeliveryKind
{
	const char *name;   /* of what is sent, for the process and its context: "push" */
	const char *of;     /* "events" */
	const char *worker; /* the main function of its process */
	/* Before the first round; or NULL.  {everyone}: also what is other roles' business. */
	void (*begin)(bool everyone);
	/* What is due (of MlsDelivery *), in CurrentMemoryContext, where it stays for the round. */
	List *(*take)(bool everyone);
	void (*settle)(const MlsDelivery *delivery);
} MlsDeliveryKind;

/* Sends what is due for so many seconds at most, outside transactions; raises no error. */
extern void mls_deliver(const MlsDeliveryKind *kind, bool everyone, int seconds);

/* Has a process do it for everyone, as the current role, and waits for that. */
extern void mls_deliver_by_worker(const MlsDeliveryKind *kind, int seconds);

/* The main function of that process. */
extern void mls_delivery_worker(const MlsDeliveryKind *kind);

#endif /* MLS_DELIVERY_H */
