/*
 * bytes.c
 *		A text that grows, and the escapes of JSON and XML.
 */
#include "serve/base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
out_of_memory(void)
{
	static const char message[] = "mls_serve: out of memory\n";

	fwrite(message, 1, sizeof(message) - 1, stderr);
	abort();
}

void *
serve_allocate(size_t size)
{
	void *memory = calloc(1, size ? size : 1);

	if (!memory)
		out_of_memory();
	return memory;
}

char *
serve_copy_text(const char *text)
{
	char *copy;

	if (!text)
		return NULL;
	copy = strdup(text);
	if (!copy)
		out_of_memory();
	return copy;
}

void
serve_bytes_reserve(ServeBytes *bytes, size_t further)
{
	size_t wanted = bytes->length + further + 1;
	size_t room = bytes->room ? bytes->room : 256;
	char *data;

	if (wanted <= bytes->room)
		return;
	while (room < wanted)
		room *= 2;
	data = realloc(bytes->data, room);
	if (!data)
		out_of_memory();
	bytes->data = data;
	bytes->room = room;
	bytes->data[bytes->length] = '\0';
}

void
serve_bytes_add(ServeBytes *bytes, const void *data, size_t length)
{
	serve_bytes_reserve(bytes, length);
	memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
	bytes->data[bytes->length] = '\0';
}

void
serve_bytes_text(ServeBytes *bytes, const char *text)
{
	serve_bytes_add(bytes, text, strlen(text));
}

void
serve_bytes_format(ServeBytes *bytes, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length <= 0)
		return;
	serve_bytes_reserve(bytes, (size_t) length);
	va_start(arguments, format);
	vsnprintf(bytes->data + bytes->length, (size_t) length + 1, format, arguments);
	va_end(arguments);
	bytes->length += (size_t) length;
}

/* How many bytes of text are one character of UTF-8; 0 if they are none. */
static size_t
utf8_length(const unsigned char *text, size_t left)
{
	unsigned char first = text[0];
	size_t length;

	if (first < 0x80)
		return 1;
	length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	if (first < 0xc2 || first > 0xf4 || length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f) ||
		(first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}

void
serve_bytes_json(ServeBytes *bytes, const char *text, size_t length)
{
	const unsigned char *from = (const unsigned char *) text;
	size_t done = 0;

	serve_bytes_reserve(bytes, length + 2);
	serve_bytes_add(bytes, "\"", 1);
	while (done < length)
	{
		size_t plain = done;

		while (plain < length && from[plain] >= 0x20 && from[plain] < 0x80 && from[plain] != '"' &&
			   from[plain] != '\\')
			plain++;
		serve_bytes_add(bytes, from + done, plain - done);
		done = plain;
		if (done == length)
			break;
		switch (from[done])
		{
			case '"':
				serve_bytes_add(bytes, "\\\"", 2);
				done++;
				continue;
			case '\\':
				serve_bytes_add(bytes, "\\\\", 2);
				done++;
				continue;
			case '\n':
				serve_bytes_add(bytes, "\\n", 2);
				done++;
				continue;
			case '\t':
				serve_bytes_add(bytes, "\\t", 2);
				done++;
				continue;
		}
		if (from[done] < 0x20)
		{
			serve_bytes_format(bytes, "\\u%04x", from[done]);
			done++;
			continue;
		}
		plain = utf8_length(from + done, length - done);
		if (plain == 0)
		{
			serve_bytes_add(bytes, "\xef\xbf\xbd", 3);
			done++;
			continue;
		}
		serve_bytes_add(bytes, from + done, plain);
		done += plain;
	}
	serve_bytes_add(bytes, "\"", 1);
}

void
serve_bytes_json_text(ServeBytes *bytes, const char *text)
{
	if (text)
		serve_bytes_json(bytes, text, strlen(text));
	else
		serve_bytes_text(bytes, "null");
}

void
serve_bytes_xml(ServeBytes *bytes, const char *text)
{
	const unsigned char *from = (const unsigned char *) text;
	size_t left = strlen(text);

	while (left > 0)
	{
		size_t length = utf8_length(from, left);

		if (length == 1)
			switch (*from)
			{
				case '&':
					serve_bytes_text(bytes, "&amp;");
					break;
				case '<':
					serve_bytes_text(bytes, "&lt;");
					break;
				case '>':
					serve_bytes_text(bytes, "&gt;");
					break;
				case '"':
					serve_bytes_text(bytes, "&quot;");
					break;
				case '\n':
				case '\t':
				case '\r':
					serve_bytes_text(bytes, " ");
					break;
				default:
					if (*from >= 0x20)
						serve_bytes_add(bytes, from, 1);
			}
		/* U+FFFE and U+FFFF are no characters of XML. */
		else if (length > 1 &&
				 !(length == 3 && from[0] == 0xef && from[1] == 0xbf && from[2] >= 0xbe))
			serve_bytes_add(bytes, from, length);
		if (length == 0)
			length = 1;
		from += length;
		left -= length;
	}
}

char *
serve_bytes_take(ServeBytes *bytes, size_t *length)
{
	char *data;

	serve_bytes_reserve(bytes, 0);
	data = bytes->data;
	if (length)
		*length = bytes->length;
	memset(bytes, 0, sizeof(*bytes));
	return data;
}

void
serve_bytes_free(ServeBytes *bytes)
{
	free(bytes->data);
	memset(bytes, 0, sizeof(*bytes));
}
