/*
 * bytes.h
 *		A text that grows: bodies of answers, JSON and XML that we write ourselves.
 *
 * There is one function that writes a JSON string and one that writes XML text; nobody else
 * escapes anything.  Memory that cannot be had ends the program: it would have none to say so.
 */
#ifndef SERVE_BYTES_H
#define SERVE_BYTES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ServeBytes
{
	char *data; /* of malloc; ends with a NUL that is not counted */
	size_t length;
	size_t room;
} ServeBytes;

extern void *serve_allocate(size_t size);
extern char *serve_copy_text(const char *text);

extern void serve_bytes_reserve(ServeBytes *bytes, size_t further);
extern void serve_bytes_add(ServeBytes *bytes, const void *data, size_t length);
extern void serve_bytes_text(ServeBytes *bytes, const char *text);
extern void serve_bytes_format(ServeBytes *bytes, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
extern void serve_bytes_json(ServeBytes *bytes, const char *text, size_t length);
extern void serve_bytes_json_text(ServeBytes *bytes, const char *text);

/* XML text, fit for attributes as well; what XML cannot hold is left out. */
extern void serve_bytes_xml(ServeBytes *bytes, const char *text);

/* Hands over what was written; the bytes are empty again. */
extern char *serve_bytes_take(ServeBytes *bytes, size_t *length);
extern void serve_bytes_free(ServeBytes *bytes);

#endif /* SERVE_BYTES_H */
