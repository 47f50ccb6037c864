/*
 * arena.c
 *		Memory of a request, in blocks that are freed together; texts that grow in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/base/arena.h"

/* The first block fits most requests; what is larger than half a block gets one of its own. */
#define BLOCK_SIZE ((size_t) 16 * 1024)
#define ALIGNMENT ((size_t) 16)

typedef struct Block
{
	struct Block *next;
	size_t size;
	size_t used;
	char data[] __attribute__((aligned(16)));
} Block;

struct ServeArena
{
	Block *blocks; /* the one in use is first */
	size_t size;
};

static void
out_of_memory(void)
{
	fputs("mls_serve: out of memory\n", stderr);
	abort();
}

ServeArena *
serve_arena_new(void)
{
	ServeArena *arena = calloc(1, sizeof(ServeArena));

	if (arena == NULL)
		out_of_memory();
	return arena;
}

void
serve_arena_free(ServeArena *arena)
{
	if (arena == NULL)
		return;
	while (arena->blocks != NULL)
	{
		Block *next = arena->blocks->next;

		free(arena->blocks);
		arena->blocks = next;
	}
	free(arena);
}

size_t
serve_arena_size(const ServeArena *arena)
{
	return arena->size;
}

static Block *
add_block(ServeArena *arena, size_t size)
{
	/* From calloc, so that what is handed out is zeroed already. */
	Block *block = calloc(1, sizeof(Block) + size);

	if (block == NULL)
		out_of_memory();
	block->size = size;
	arena->size += size;
	return block;
}

void *
serve_alloc(ServeArena *arena, size_t size)
{
	Block *block = arena->blocks;
	void *piece;

	if (size > SIZE_MAX / 2)
		out_of_memory();
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (size > BLOCK_SIZE / 2)
	{
		/* Behind the one in use, whose room is not lost. */
		Block *own = add_block(arena, size);

		own->used = size;
		own->next = block ? block->next : NULL;
		if (block)
			block->next = own;
		else
			arena->blocks = own;
		return own->data;
	}
	if (block == NULL || block->size - block->used < size)
	{
		block = add_block(arena, BLOCK_SIZE);
		block->next = arena->blocks;
		arena->blocks = block;
	}
	piece = block->data + block->used;
	block->used += size;
	return piece;
}

void *
serve_alloc_array(ServeArena *arena, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / 2 / size)
		out_of_memory();
	return serve_alloc(arena, count * size);
}

char *
serve_copy_bytes(ServeArena *arena, const char *bytes, size_t length)
{
	char *copy = serve_alloc(arena, length + 1);

	if (length > 0)
		memcpy(copy, bytes, length);
	return copy;
}

char *
serve_copy(ServeArena *arena, const char *text)
{
	return serve_copy_bytes(arena, text, strlen(text));
}

static int
format_into(char *to, size_t space, const char *format, va_list args)
{
	va_list again;
	int length;

	va_copy(again, args);
	length = vsnprintf(to, space, format, again);
	va_end(again);
	if (length < 0)
		out_of_memory();
	return length;
}

char *
serve_printf(ServeArena *arena, const char *format, ...)
{
	va_list args;
	int length;
	char *text;

	va_start(args, format);
	length = format_into(NULL, 0, format, args);
	text = serve_alloc(arena, (size_t) length + 1);
	format_into(text, (size_t) length + 1, format, args);
	va_end(args);
	return text;
}

/* ---- Texts that grow ---- */

void
serve_text_init(ServeText *text, ServeArena *arena)
{
	text->arena = arena;
	text->space = 128;
	text->length = 0;
	text->data = serve_alloc(arena, text->space);
}

/* Room for so many bytes more, and the NUL. */
static void
make_room(ServeText *text, size_t more)
{
	size_t space = text->space;
	char *data;

	if (more > SIZE_MAX / 4 || text->length > SIZE_MAX / 4)
		out_of_memory();
	if (text->length + more < space)
		return;
	while (text->length + more >= space)
		space *= 2;
	data = serve_alloc(text->arena, space);
	memcpy(data, text->data, text->length + 1);
	text->data = data;
	text->space = space;
}

void
serve_text_add_bytes(ServeText *text, const char *bytes, size_t length)
{
	make_room(text, length);
	if (length > 0)
		memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void
serve_text_add(ServeText *text, const char *string)
{
	serve_text_add_bytes(text, string, strlen(string));
}

void
serve_text_add_char(ServeText *text, char c)
{
	serve_text_add_bytes(text, &c, 1);
}

void
serve_text_printf(ServeText *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = format_into(NULL, 0, format, args);
	make_room(text, (size_t) length);
	format_into(text->data + text->length, (size_t) length + 1, format, args);
	va_end(args);
	text->length += (size_t) length;
}
