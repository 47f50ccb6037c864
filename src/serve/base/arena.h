/*
 * arena.h
 *		Memory of a request: taken piece by piece, freed at once.
 *
 * What one request needs lives in one arena; so does a model of what a role may read.  An
 * arena belongs to one thread at a time.  Memory that cannot be had ends the program: the
 * limits of a request are far below what a machine has.
 */
#ifndef SERVE_ARENA_H
#define SERVE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ServeArena ServeArena;

extern ServeArena *serve_arena_new(void);
extern void serve_arena_free(ServeArena *arena);

/* Zeroed. */
extern void *serve_alloc(ServeArena *arena, size_t size);
/* The same for many of one size; a product that overflows ends the program. */
extern void *serve_alloc_array(ServeArena *arena, size_t count, size_t size);
/* Copies, with a NUL behind them. */
extern char *serve_copy(ServeArena *arena, const char *text);
extern char *serve_copy_bytes(ServeArena *arena, const char *bytes, size_t length);
extern char *
serve_printf(ServeArena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes that all pieces of an arena take. */
extern size_t serve_arena_size(const ServeArena *arena);

/* A text that grows; data always has a NUL behind its length. */
typedef struct ServeText
{
	ServeArena *arena;
	char *data;
	size_t length;
	size_t space;
} ServeText;

extern void serve_text_init(ServeText *text, ServeArena *arena);
extern void serve_text_add(ServeText *text, const char *string);
extern void serve_text_add_bytes(ServeText *text, const char *bytes, size_t length);
extern void serve_text_add_char(ServeText *text, char c);
extern void
serve_text_printf(ServeText *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif /* SERVE_ARENA_H */
