/*
 * dataset_book.h
 *		Workbooks (.xlsx): an archive of XML parts, of which a sheet is rows of cells.
 *
 * Parts are read where they stand in the file, piece by piece.  What an archive says of the
 * size of its parts is not believed, but held against what comes out.
 *
 *	dataset_zip.c	the archive
 *	dataset_book.c	its sheets, formats and shared texts
 *	dataset_sheet.c	the cells of a sheet
 */
#ifndef MLS_DATASET_BOOK_H
#define MLS_DATASET_BOOK_H

#include "postgres.h"

#include "protocol/dataset/dataset.h"
#include "protocol/dataset/dataset_reader.h"
#include "xml/xml.h"

/* ---- Archives (dataset_zip.c) ---- */

typedef struct DatasetZip DatasetZip;
typedef struct DatasetPart DatasetPart;

/* Reads the directory of an archive; an error says what the file is instead. */
extern DatasetZip *mls_dataset_zip(DatasetBytes *bytes);

extern bool mls_dataset_zip_has(const DatasetZip *zip, const char *name);

/* Opens a part; NULL if there is none of that name. */
extern DatasetPart *mls_dataset_part(DatasetZip *zip, const char *name);

/* The next event of an XML part; false at its end, which is proven. */
extern bool mls_dataset_part_next(DatasetPart *part, MlsXmlEvent *event);

/* A value of attributes and cells. */
static inline bool
mls_dataset_is_true(const char *value)
{
	return strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
}

/* ---- Workbooks (dataset_book.c) ---- */

typedef struct DatasetBook DatasetBook;

typedef enum DatasetFormatKind
{
	DATASET_FORMAT_NUMBER,
	DATASET_FORMAT_DATE,    /* a day, with or without a time */
	DATASET_FORMAT_INSTANT, /* both */
	DATASET_FORMAT_TIME,
	DATASET_FORMAT_ELAPSED, /* hours, also more than a day has */
	DATASET_FORMAT_PADDED   /* digits, as many as the code has */
} DatasetFormatKind;

typedef struct DatasetFormat
{
	DatasetFormatKind kind;
	const char *digits; /* PADDED: its zeros, and what stands between them */
} DatasetFormat;

/* Opens a workbook, and in it the sheet of that name or number, or the first that is shown. */
extern DatasetBook *mls_dataset_book(DatasetBytes *bytes, const char *sheet);

extern const DatasetBytes *mls_dataset_book_bytes(const DatasetBook *book);
extern DatasetPart *mls_dataset_book_part(DatasetBook *book);
extern bool mls_dataset_book_is_1904(const DatasetBook *book);
extern DatasetFormat mls_dataset_book_format(const DatasetBook *book, int64 style);

/* Appends a shared text; false if there is none of that number. */
extern bool mls_dataset_book_text(DatasetBook *book, int64 number, StringInfo out);

/* Makes characters of what stands for them as _x000D_. */
extern void mls_dataset_unescape(StringInfo text, int start);

/* Says which sheet is read, and which are not. */
extern void mls_dataset_book_reading(const DatasetBook *book, StringInfo out);

/* ---- Sheets (dataset_sheet.c) ---- */

/* The rows of the sheet from its first one, so many at most (0: all). */
extern DatasetCells *mls_dataset_sheet(DatasetBook *book, int64 most);

/* What was remarkable so far. */
typedef struct DatasetSheetCounts
{
	int64 empty; /* rows */
	int64 hidden;
	int64 errors; /* cells */
	int64 uncalculated;
	int64 merged; /* areas */
} DatasetSheetCounts;

extern const DatasetSheetCounts *mls_dataset_sheet_counts(const DatasetCells *cells);

#endif /* MLS_DATASET_BOOK_H */
