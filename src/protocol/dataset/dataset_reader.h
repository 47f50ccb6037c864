/*
 * dataset_reader.h
 *		Text as rows of cells, and as JSON objects.
 *
 * Readers are asked for what comes next, and ask their text for more.  What they give is
 * valid until they are asked again.
 *
 *	dataset_csv.c		cells
 *	dataset_dialect.c	how a file of cells is written: delimiter, header, names
 *	dataset_json.c		objects
 */
#ifndef MLS_DATASET_READER_H
#define MLS_DATASET_READER_H

#include "postgres.h"

#include "protocol/dataset/dataset.h"

/* ---- Cells (dataset_csv.c, dataset_sheet.c) ---- */

/* A record longer than this is none. */
#define DATASET_MOST_RECORD (16 * 1024 * 1024)

/* As many columns as a spreadsheet has. */
#define DATASET_MOST_CELLS 16384

typedef struct DatasetCell
{
	const char *text; /* not terminated */
	int length;
	bool quoted;
	bool bare; /* a number or boolean of JSON as it stands */
} DatasetCell;

/* Where records of cells come from. */
typedef struct DatasetCells
{
	/* The next record's, valid until the next call, and the line it begins in; NULL at the end. */
	const DatasetCell *(*next)(struct DatasetCells *cells, int *ncells, int64 *line);
} DatasetCells;

/* quote 0: none.  may_be_cut: a record that does not end is left out, and no error. */
extern DatasetCells *mls_dataset_csv(const DatasetBytes *bytes, DatasetText *text, char delimiter,
									 char quote, bool may_be_cut);

/* Lines that were empty; cells with text behind their closing quote. */
extern int64 mls_dataset_csv_empty(const DatasetCells *cells);
extern int64 mls_dataset_csv_odd(const DatasetCells *cells);

/* ---- Dialects (dataset_dialect.c) ---- */

typedef struct DatasetDialect
{
	char delimiter;
	char quote;         /* 0: none */
	int width;          /* most records have so many cells */
	int64 header;       /* line of the header; 0: none */
	int64 first_header; /* records before it */
} DatasetDialect;

/* Found in the beginning of a text, unless options say it. */
extern void
mls_dataset_dialect(const DatasetBytes *bytes, const DatasetServer *server, const char *sample,
					Size length, bool is_all, DatasetDialect *dialect);

/* Width and header of records; both read their beginning. */
extern void mls_dataset_layout(const DatasetServer *server, DatasetCells *cells,
							   DatasetCells *again, DatasetDialect *dialect);

/* Is it the name of a field of ours, which none of a file may have? */
extern bool mls_dataset_is_own(const char *name);

/* Or one that these get among rows: "_file_2", and "_file_2_2" for that? */
extern bool mls_dataset_gives_way(const char *name);

/* Names for columns from the cells of a header, or without (NULL): unique, none empty. */
extern const char **mls_dataset_names(const DatasetCell *cells, int ncells);

/* ---- JSON (dataset_json.c) ---- */

typedef struct DatasetJson DatasetJson;

extern DatasetJson *mls_dataset_json(DatasetBytes *bytes, DatasetText *text, const char *sample,
									 Size length, bool is_all, bool is_lines, const char *path);

/* Is it an object a line?  The member that holds the list, or NULL. */
extern bool mls_dataset_json_is_lines(const DatasetJson *json);
extern const char *mls_dataset_json_path(const DatasetJson *json);

/*
 * The next object, valid until the next call; false at the end.  The line it begins in, in a
 * list its number.  Of lines, what is no object has a *problem.
 */
extern bool mls_dataset_json_next(DatasetJson *json, char **text, int *length, int64 *line,
								  const char **problem);

#endif /* MLS_DATASET_READER_H */
