/*
 * metadata.h
 *		$metadata documents (EDMX) as remote schemas.
 */
#ifndef MLS_RESO_METADATA_H
#define MLS_RESO_METADATA_H

#include "postgres.h"

#include "protocol/protocol.h"

/* Fetches and reads the metadata of a source. */
extern MlsRemoteSchema *mls_reso_describe(const MlsSource *source, MlsHttpStats *stats);

/*
 * Reads a document, allocating in CurrentMemoryContext.  What can be read all
 * the same becomes a finding; what cannot is one error.  subject says in messages
 * what the document is ("metadata of source \"trestle\"").
 */
extern MlsRemoteSchema *mls_reso_read_metadata(const char *text, Size length, const char *subject);

#endif /* MLS_RESO_METADATA_H */
