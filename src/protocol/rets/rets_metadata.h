/*
 * rets_metadata.h
 *		METADATA-* documents as rows of names and values, and these as resources.
 */
#ifndef MLS_RETS_METADATA_H
#define MLS_RETS_METADATA_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "protocol/rets/rets_answer.h"

/* Types of metadata, METADATA-<name>. */
typedef struct RetsMetadataType
{
	const char *name;        /* "LOOKUP_TYPE" */
	const char *other_name;  /* how older servers call it, or NULL */
	const char *path[3];     /* attributes that name its parents; NULL after the last */
	const char *key;         /* column that names a row among its siblings, or NULL */
	const char *elements[3]; /* STANDARD-XML: how a row's element may be called */
} RetsMetadataType;

typedef struct RetsMetadataRow
{
	int nvalues;         /* of later columns nothing was sent */
	const char **values; /* by the segment's columns; "" where nothing was sent */
} RetsMetadataRow;

/* One METADATA-* element: the rows of one type below one parent. */
typedef struct RetsSegment
{
	const RetsMetadataType *type;
	const char *path[3]; /* values of type->path; "" where none */
	const char *version;
	const char *date;
	int ncolumns;
	const char **columns; /* as they were named */
	List *rows;           /* of RetsMetadataRow * */
} RetsSegment;

/* All that is known of a source; documents add to it. */
typedef struct RetsMetadata
{
	List *segments; /* of RetsSegment * */
	const char *system_id;
	const char *system_description;
	const char *time_zone_offset; /* "-05:00", or "" */
	const char *comments;
	const char *version; /* of METADATA-SYSTEM */
	const char *date;
	List *findings; /* of char * */
	List *denied;   /* as MlsRemoteSchema has it */
	MlsXmlRepairs repairs;
} RetsMetadata;

extern RetsMetadata *mls_rets_metadata(void);

/*
 * Adds what a GetMetadata answer (COMPACT or STANDARD-XML, told by itself) holds
 * and returns its outcome; anything but a whole RETS answer is an error.  Lives in
 * CurrentMemoryContext.
 */
extern RetsOutcome
mls_rets_metadata_add(RetsMetadata *metadata, const char *text, Size length, const char *charset,
					  const char *purpose, const char *source);

/* Value of a row by column name, without regard to case; "" where there is none. */
extern const char *
mls_rets_metadata_value(const RetsSegment *segment, const RetsMetadataRow *row, const char *column);

/* The segments of a type below a parent (NULL: all); List of RetsSegment *. */
extern List *mls_rets_segments(const RetsMetadata *metadata, const char *type, const char *first,
							   const char *second);

/* ---- rets_schema.c ---- */

/*
 * Metadata as resources: one "Resource:Class" per class, its fields by system name,
 * or by standard name where they have one.
 */
extern MlsRemoteSchema *mls_rets_schema(const RetsMetadata *metadata, bool standard_names);

/* MlsProtocol.read_metadata: the same for one document that holds everything. */
extern MlsRemoteSchema *mls_rets_read_metadata(const char *text, Size length, const char *subject);

#endif /* MLS_RETS_METADATA_H */
