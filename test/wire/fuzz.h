/*
 * fuzz.h
 *		The fuzz targets, and what they share.
 */
#ifndef MLS_WIRE_FUZZ_H
#define MLS_WIRE_FUZZ_H

#include "postgres.h"

#include "record/record.h"

/* What must hold, whatever the input; the program ends where it does not. */
extern void require(bool condition);

/*
 * Runs a function on an input, which stands in Input.  What it raises must be an error as
 * users see it: with an SQLSTATE of its own, and in valid characters.  Is there one?
 */
extern bool fuzz_run(void (*function)(void *arg), void *input);

/* A copy with the spare bytes that every body has. */
extern char *fuzz_body(const uint8 *bytes, Size length);

/* Does every record of a page hold together: its slices, its JSON? */
extern void fuzz_check_page(const MlsPage *page);

/* Targets: each reads one input. */
extern void fuzz_rets(const uint8 *bytes, Size length);
extern void fuzz_json(const uint8 *bytes, Size length);
extern void fuzz_edmx(const uint8 *bytes, Size length);
extern void fuzz_url(const uint8 *bytes, Size length);
extern void fuzz_reso(const uint8 *bytes, Size length);
extern void fuzz_qobrix(const uint8 *bytes, Size length);
extern void fuzz_files(const uint8 *bytes, Size length);
extern void fuzz_parquet(const uint8 *bytes, Size length);

#endif /* MLS_WIRE_FUZZ_H */
