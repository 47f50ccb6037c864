/*
 * options.h
 *		The options of servers, user mappings, foreign tables and columns: one
 *		table drives the validator, the readers and the documentation.
 *
 * A source is a server with a user mapping, as a role sees it.  Its platform is a row of
 * constants of the protocol; an option overrides each.
 *
 *	option_table.c		all options: name, type, range, default, meaning
 *	option_validator.c	what CREATE and ALTER may say
 *	option_readers.c	servers, mappings and tables as structures
 *	tenant.c			whose places of files are
 *	names.c				names of fields in SQL, and the name somebody may have meant
 */
#ifndef MLS_OPTIONS_H
#define MLS_OPTIONS_H

#include "postgres.h"

#include "access/htup.h"

#include "protocol/protocol.h"

/* The source of a server as a role sees it (its mapping or PUBLIC's).  In CurrentMemoryContext.  No network.
 * need_mapping: an error with a hint when the auth kind needs one and there is none. */
extern MlsSource *mls_source_get(Oid server_id, Oid user_id, bool need_mapping);

/* Same by name; an error with the right SQLSTATE if there is no such server or it is not ours. */
extern MlsSource *mls_source_by_name(const char *server_name, Oid user_id, bool need_mapping);

/* May a role use a place of files by that address (a directory, a bucket), as mls.tenant has it? */
extern bool mls_tenant_may_use(Oid role, const char *url);

/*
 * Fingerprint of a server and the user mapping of a role: another one when either was changed.
 * It is made of who wrote the catalogue's rows, not of what they say, for it is kept where others
 * can read it, and the rows hold secrets.  It goes on with other rows, which are released.
 */
extern uint64 mls_source_fingerprint(Oid server, Oid user_id);
extern uint64 mls_add_catalog_row(uint64 hash, HeapTuple tuple);

/*
 * How hosts of a source's files are asked: never with its credentials; the caller gives the
 * address, and the User-Agent for it.  Files have limits of their own.
 * Where the source counts them with its other requests, they are fetched up to a share of those
 * limits, whatever has spent it, so that the rest is left for others.
 */
extern void
mls_source_media(const MlsSource *source, bool counts, double share, MlsHttpSource *http);

/* User-Agent for a file's address: the source's, or its token where the platform wants that and
 * it or the option media_hosts names the host. */
extern const char *mls_source_media_agent(const MlsSource *source, const char *address);

/* The same for files that want the source's login, and its own rates: those of its own origin. */
extern void mls_source_media_own(const MlsSource *source, double share, MlsHttpSource *http);

/* A foreign table with its source and columns. */
extern MlsTable *mls_table_get(Oid relid, Oid user_id, bool need_mapping);

/* field names by attribute for mls_row_map; NULL entries where dropped. */
extern const char **mls_table_fields(const MlsTable *table);

/* A column's name, type and options, for CREATE FOREIGN TABLE and ALTER. */
extern char *mls_column_sql(const MlsColumn *column);

/* options of IMPORT FOREIGN SCHEMA, checked with the same table. */
typedef struct MlsImportOptions
{
	bool standard_names; /* names 'standard': of columns */
	bool preserve_names; /* names 'preserve' instead of snake_case */
	bool comments;
	List *expand; /* of char *: navigations to expand into jsonb columns */
} MlsImportOptions;
extern MlsImportOptions mls_import_options(List *options);

/* "ListPrice" -> "list_price", "MLSAreaMajor" -> "mls_area_major"; palloc'd. */
extern char *mls_snake_case(const char *field);

/* names.c */

/* The name (of a list ended by NULL) nearest to what was written, or NULL if none is near. */
extern const char *mls_nearest_name(const char *written, const char *const *names);

/* Is it the same name but for case and underscores? */
extern bool mls_same_name(const char *a, const char *b);

/* A hint of it, or "<all_are>: a, b, c."; NULL if there are no names. */
extern const char *
mls_nearest_hint(const char *written, const char *const *names, const char *all_are);

#endif /* MLS_OPTIONS_H */
