/*
 * media.h
 *		Files of records: the process that fetches them into a store.
 *
 *	media_sync.c	the process: what is wanted, batch after batch, what goes
 *	media_queue.c	mls.media: wanted rows found, claimed, settled; gold of what has changed
 *	media_fetch.c	files over HTTP, several at a time
 *	media_put.c		what came, into the store
 *	media_address.c	fresh addresses, from the source
 *	media_objects.c	files that a source hands out itself
 *	media_verify.c	what a store holds compared with what it should
 *	store.h			where files are kept
 */
#ifndef MLS_MEDIA_H
#define MLS_MEDIA_H

#include "postgres.h"

#include "step/step.h"

extern const MlsProcess mls_media_process;

#endif /* MLS_MEDIA_H */
