/*
 * option_row.h
 *		How an option is described: the rows of the table of options, and of those that
 *		protocols add for their servers.
 */
#ifndef MLS_PROTOCOL_OPTION_ROW_H
#define MLS_PROTOCOL_OPTION_ROW_H

#include "postgres.h"

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
	bool own;   /* a server's, in MlsSource.own; else in the struct of its catalog: */
	int offset; /* of the value in MlsSource, MlsTable or MlsColumn */
	double min; /* numbers */
	double max;
	const char *default_value;  /* as text; NULL: none, or the platform's */
	const char *const *choices; /* MLS_OPTION_CHOICE, ends with NULL */
	const char *help;           /* one sentence */
} MlsOption;

#endif /* MLS_PROTOCOL_OPTION_ROW_H */
