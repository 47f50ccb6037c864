/*
 * dataset_place.h
 *		What the kinds of places are to dataset_place.c, and what dataset.c asks of it about
 *		addresses and names.
 */
#ifndef MLS_DATASET_PLACE_H
#define MLS_DATASET_PLACE_H

#include "postgres.h"

#include "protocol/dataset/dataset.h"

/* A place with more files is not what somebody keeps tables in. */
#define DATASET_MOST_FILES 10000

/* As long as a file system takes names, so that a place can be copied into another. */
#define DATASET_LONGEST_NAME 255

/* What is wrong with the address of a place; or NULL. */
extern const char *mls_dataset_url_problem(const char *url);

/* See MlsProtocol. */
extern bool mls_dataset_is_remote(const char *url);
extern List *mls_dataset_look(const MlsSource *source, char **words, MlsHttpStats *stats);

/* A place's address for messages: its query may hold secrets. */
extern const char *mls_dataset_shown_url(const MlsSource *source);

/* See MlsProtocol.upload_problem. */
extern const char *mls_dataset_upload_problem(const MlsSource *source, const char *name,
											  const char *resource, List **entries);

/* What is found in a place. */
typedef struct DatasetListing
{
	const MlsSource *source;
	const char *resource;        /* that a sync wants; or NULL */
	const MlsFileLedger *ledger; /* the sync's; or NULL */
	MlsHttpStats *stats;
	bool looks;   /* only whether it can be read: files that are named are asked for, too */
	List *files;  /* of DatasetFile * */
	List *others; /* of char *: names of what is none */
} DatasetListing;

/* A kind of place: lists its files, each by mls_dataset_found(), and opens one. */
typedef struct DatasetPlace
{
	void (*list)(DatasetListing *listing);
	DatasetBytes *(*open)(const MlsSource *source, const DatasetFile *file, MlsHttpStats *stats);
} DatasetPlace;

extern const DatasetPlace mls_dataset_folder;  /* dataset_folder.c */
extern const DatasetPlace mls_dataset_uploads; /* dataset_upload.c */
extern const DatasetPlace mls_dataset_web;     /* dataset_web.c */
extern const DatasetPlace mls_dataset_bucket;  /* dataset_bucket.c */

/* Something is there of that name: a copy of it is a file, if it is of a kind that is read. */
extern void mls_dataset_found(DatasetListing *listing, const DatasetFile *found);

/* What a file at an address is called, by that or by a header (or NULL): never a path; or "". */
extern char *mls_dataset_name_told(const char *address, const char *disposition);

/* Is a file of that name one of a resource? */
extern bool mls_dataset_is_of(const MlsSource *source, const char *name, const char *resource);

/* Does a name say that a file is of a kind that is read? */
extern bool mls_dataset_is_kind(const char *name);

/* The bytes of a file that was fetched, the whole body of an answer. */
extern DatasetBytes *mls_dataset_answered(const MlsSource *source, const DatasetFile *file,
										  const MlsHttpResponse *answer);

/* Adds what was spent on a request; the bytes of files count when they are read. */
extern void mls_dataset_spent(MlsHttpStats *stats, const MlsHttpStats *spent);

/* The beginning of an open file, {.., of DatasetBytes}, of that size. */
extern void *mls_dataset_bytes(Size size, const MlsSource *source, const DatasetFile *file);

#endif /* MLS_DATASET_PLACE_H */
