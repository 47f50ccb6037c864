/*
 * file_type.h
 *		What a file is, by its bytes: names, declarations and endings of addresses lie.
 */
#ifndef MLS_FILE_TYPE_H
#define MLS_FILE_TYPE_H

#include "postgres.h"

/* So much of a file's beginning is looked at; of its end likewise. */
#define MLS_FILE_HEAD (256 * 1024)
#define MLS_FILE_TAIL 1024

typedef struct MlsFileType
{
	const char *type;      /* "image/jpeg" */
	const char *extension; /* "jpg" */
	const char *refused;   /* why it is no file of a record: a part of a sentence; else NULL */
	bool cut;              /* it lacks the mark that ends files of its type */
	int width;             /* in pixels; 0: not known */
	int height;
} MlsFileType;

/* Never fails and never reads beyond what it is given; pictures are not decoded. */
extern MlsFileType
mls_file_type(const uint8 *head, Size head_length, const uint8 *tail, Size tail_length);

#endif /* MLS_FILE_TYPE_H */
