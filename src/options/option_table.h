/*
 * option_table.h
 *		The table of options, as the files of this room share it.
 */
#ifndef MLS_OPTION_TABLE_H
#define MLS_OPTION_TABLE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* How an option's value is written, checked and stored. */
typedef enum MlsOptionKind
{
	MLS_OPTION_TEXT,     /* const char * */
	MLS_OPTION_SECRET,   /* const char *; user mappings only */
	MLS_OPTION_LIST,     /* List * of char *, separated by commas */
	MLS_OPTION_URL,      /* const char * */
	MLS_OPTION_FILE,     /* const char *; needs pg_read_server_files */
	MLS_OPTION_TIMEZONE, /* const char * */
	MLS_OPTION_LIMIT,    /* MlsLimit; "10%, 1000" */
	MLS_OPTION_BOOL,     /* bool */
	MLS_OPTION_INT,      /* int */
	MLS_OPTION_REAL,     /* double */
	MLS_OPTION_MS,       /* int, milliseconds; units of PostgreSQL's settings allowed */
	MLS_OPTION_DURATION, /* int, seconds; or an interval */
	MLS_OPTION_BYTES,    /* int64; units of PostgreSQL's settings allowed */
	MLS_OPTION_CHOICE    /* an enum, in the order of `choices` */
} MlsOptionKind;

/* In place of a catalog: the options of IMPORT FOREIGN SCHEMA. */
#define MLS_OPTION_IMPORT InvalidOid

/* No place in a struct: the option is read by name. */
#define MLS_OPTION_UNPLACED (-1)

typedef struct MlsOption
{
	const char *name;
	Oid catalog;
	MlsOptionKind kind;
	bool required;
	int offset; /* of the value in MlsSource, MlsTable or MlsColumn */
	double min; /* numbers */
	double max;
	const char *default_value;  /* as text; NULL: none, or the platform's */
	const char *const *choices; /* MLS_OPTION_CHOICE, ends with NULL */
	const char *help;           /* one sentence */
} MlsOption;

extern const MlsOption mls_option_table[];
extern const int mls_option_count;

extern const MlsOption *mls_option_find(Oid catalog, const char *name);
extern const char *mls_option_catalog_name(Oid catalog);

/* Text of an option in a list of DefElem, or NULL. */
extern const char *mls_option_text(List *options, const char *name);

/* Stores a value that was checked when it was set. */
extern void mls_option_read(const MlsOption *option, const char *value, void *place);

/* Checks a value; an error that names the option if it does not fit. */
extern void mls_option_check(const MlsOption *option, const char *value);

/* Stores a catalog's options into their struct: what the list sets, else the default if there is one. */
extern void mls_option_apply(Oid catalog, List *options, void *target);

/* option_validator.c */

/* Checks names and values of a list; hints at what was meant. */
extern void mls_option_check_list(Oid catalog, List *options);

#endif /* MLS_OPTION_TABLE_H */
