/*
 * source_file.h
 *		Rows of mls.file: what became of the files that a subscription's records come from.
 */
#ifndef MLS_SOURCE_FILE_H
#define MLS_SOURCE_FILE_H

#include "postgres.h"

#include "protocol/ledger.h"
#include "step/step.h"

/* Gives the table of a sync its ledger, if its source consists of files.  Outside transactions. */
extern void mls_files_begin(MlsRun *run);

/* Writes what is new in it: in the transaction of the page that it belongs to. */
extern void mls_files_store(MlsRun *run);

/* Is there something new that no page takes along? */
extern bool mls_files_have_news(const MlsRun *run);

/* Takes note of files that no foreign table reads, outside transactions; in words, or NULL. */
extern char *mls_files_note_unread(const MlsRun *run);

/* At the end: an error if some files could not be read. */
extern void mls_files_require(const MlsRun *run);

/* Rows were removed: the next sync reads all files again, also those that it knows. */
extern void mls_files_forget(int64 subscription);

#endif /* MLS_SOURCE_FILE_H */
