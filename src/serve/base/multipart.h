/*
 * multipart.h
 *		Forms with files in them (multipart/form-data), as browsers and curl send them.
 */
#ifndef SERVE_MULTIPART_H
#define SERVE_MULTIPART_H

#include "serve/base/arena.h"

typedef struct ServePart
{
	const char *name;
	const char *file_name; /* without folders; NULL: it is no file */
	const char *data;      /* in the body */
	size_t length;
} ServePart;

/* Whether a content type is that of such a form. */
extern bool serve_is_multipart(const char *content_type);

/* Its parts, so many at most, in the order in which they stand; -1: it is not well formed. */
extern int serve_multipart_read(ServeArena *arena, const char *content_type, const char *body,
								size_t length, ServePart *parts, int most);

#endif /* SERVE_MULTIPART_H */
