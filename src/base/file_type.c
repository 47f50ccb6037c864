/*
 * file_type.c
 *		What a file is, by its bytes.
 *
 * Sources declare image/jpeg for pages that ask for a login, and octet-stream for anything;
 * so only the first bytes count.  Width and height are read from the headers, which say them
 * without a picture being decoded: decoders of foreign pictures are where servers are broken
 * into.  Numbers of a header are foreign as well: each is checked against what is there.
 */
#include "postgres.h"

#include "base/file_type.h"

typedef struct Bytes
{
	const uint8 *at;
	Size length;
} Bytes;

typedef struct Signature
{
	int offset;
	const char *bytes;
	int length;
	const char *type;
	const char *extension;
} Signature;

#define SIGNATURE(offset, bytes, type, extension)                                                  \
	{                                                                                              \
		offset, bytes, sizeof(bytes) - 1, type, extension                                          \
	}

static const Signature signatures[] = {
	SIGNATURE(0, "\xFF\xD8\xFF", "image/jpeg", "jpg"),
	SIGNATURE(0, "\x89PNG\r\n\x1A\n", "image/png", "png"),
	SIGNATURE(0, "GIF87a", "image/gif", "gif"),
	SIGNATURE(0, "GIF89a", "image/gif", "gif"),
	SIGNATURE(8, "WEBP", "image/webp", "webp"),
	SIGNATURE(0, "%PDF-", "application/pdf", "pdf"),
	SIGNATURE(0, "II\x2A\x00", "image/tiff", "tif"),
	SIGNATURE(0, "MM\x00\x2A", "image/tiff", "tif"),
	SIGNATURE(0, "BM", "image/bmp", "bmp"),
	SIGNATURE(0, "\x1A\x45\xDF\xA3", "video/webm", "webm"),
};

/* Brands of the container that begins with "ftyp". */
static const Signature brands[] = {
	SIGNATURE(8, "heic", "image/heic", "heic"), SIGNATURE(8, "heix", "image/heic", "heic"),
	SIGNATURE(8, "mif1", "image/heic", "heic"), SIGNATURE(8, "avif", "image/avif", "avif"),
	SIGNATURE(8, "avis", "image/avif", "avif"), SIGNATURE(8, "qt  ", "video/quicktime", "mov"),
	SIGNATURE(8, "", "video/mp4", "mp4"),
};

/* What servers send in place of a file; letters in lower case. */
static const struct
{
	const char *text;
	const char *what;
} documents[] = {
	{"<rets", "an answer of RETS"},  {"<!doctype html", "a page of HTML"},
	{"<html", "a page of HTML"},     {"<head", "a page of HTML"},
	{"<body", "a page of HTML"},     {"<svg", "a drawing in SVG, which may hold programs"},
	{"<error", "an error in XML"},   {"<?xml", "a document in XML"},
	{"<", "a document with markup"}, {"{", "a document in JSON"},
};

static bool
has(Bytes bytes, Size offset, const char *wanted, Size length)
{
	return bytes.length >= offset + length && memcmp(bytes.at + offset, wanted, length) == 0;
}

static int
big_endian(Bytes bytes, Size offset, int n)
{
	int64 value = 0;

	if (bytes.length < offset + n)
		return 0;
	for (int i = 0; i < n; i++)
		value = value << 8 | bytes.at[offset + i];
	return value > PG_INT32_MAX ? 0 : (int) value;
}

static int
little_endian(Bytes bytes, Size offset, int n)
{
	int value = 0;

	if (bytes.length < offset + n)
		return 0;
	for (int i = n; i-- > 0;)
		value = value << 8 | bytes.at[offset + i];
	return value;
}

/* ---- Width and height ---- */

/* From segment to segment; the frame's says them.  Its marker is one of SOF0 to SOF15. */
static void
measure_jpeg(Bytes head, MlsFileType *file)
{
	Size at = 2;

	while (at + 4 <= head.length && head.at[at] == 0xFF)
	{
		int marker = head.at[at + 1];

		if (marker == 0xFF)
		{
			at++;
			continue;
		}
		if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC)
		{
			file->height = big_endian(head, at + 5, 2);
			file->width = big_endian(head, at + 7, 2);
			return;
		}
		if (marker == 0xD9 || marker == 0xDA)
			return;
		/* Markers without a segment. */
		if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8))
			at += 2;
		else
			at += 2 + Max(big_endian(head, at + 2, 2), 2);
	}
}

static void
measure_webp(Bytes head, MlsFileType *file)
{
	if (has(head, 12, "VP8X", 4))
	{
		file->width = little_endian(head, 24, 3) + 1;
		file->height = little_endian(head, 27, 3) + 1;
	}
	else if (has(head, 12, "VP8L", 4) && head.length >= 25)
	{
		uint32 bits = (uint32) head.at[21] | (uint32) head.at[22] << 8 |
					  (uint32) head.at[23] << 16 | (uint32) head.at[24] << 24;

		file->width = (bits & 0x3FFF) + 1;
		file->height = ((bits >> 14) & 0x3FFF) + 1;
	}
	else if (has(head, 12, "VP8 ", 4) && has(head, 23, "\x9D\x01\x2A", 3))
	{
		file->width = little_endian(head, 26, 2) & 0x3FFF;
		file->height = little_endian(head, 28, 2) & 0x3FFF;
	}
}

static void
measure(Bytes head, MlsFileType *file)
{
	if (strcmp(file->extension, "jpg") == 0)
		measure_jpeg(head, file);
	else if (strcmp(file->extension, "png") == 0 && has(head, 12, "IHDR", 4))
	{
		file->width = big_endian(head, 16, 4);
		file->height = big_endian(head, 20, 4);
	}
	else if (strcmp(file->extension, "gif") == 0)
	{
		file->width = little_endian(head, 6, 2);
		file->height = little_endian(head, 8, 2);
	}
	else if (strcmp(file->extension, "webp") == 0)
		measure_webp(head, file);
	if (file->width <= 0 || file->height <= 0)
		file->width = file->height = 0;
}

/* ---- Ends ---- */

static bool
holds(Bytes bytes, const char *wanted, Size length)
{
	for (Size at = 0; at + length <= bytes.length; at++)
		if (memcmp(bytes.at + at, wanted, length) == 0)
			return true;
	return false;
}

/* Some cameras write more behind the mark, so it may stand anywhere near the end. */
static bool
lacks_end(Bytes tail, const MlsFileType *file)
{
	if (strcmp(file->extension, "jpg") == 0)
		return !holds(tail, "\xFF\xD9", 2);
	if (strcmp(file->extension, "png") == 0)
		return !holds(tail, "IEND", 4);
	if (strcmp(file->extension, "pdf") == 0)
		return !holds(tail, "%%EOF", 5);
	if (strcmp(file->extension, "gif") == 0)
		return !holds(tail, ";", 1);
	return false;
}

/* ---- All of it ---- */

/* What is no file but a text about it; NULL if it is none that is known. */
static const char *
document(Bytes head)
{
	Size at = has(head, 0, "\xEF\xBB\xBF", 3) ? 3 : 0;

	while (at < head.length && strchr(" \t\r\n", head.at[at]) != NULL && head.at[at] != '\0')
		at++;
	for (int i = 0; i < lengthof(documents); i++)
	{
		Size length = strlen(documents[i].text);

		if (head.length >= at + length &&
			pg_strncasecmp((const char *) head.at + at, documents[i].text, length) == 0)
			return documents[i].what;
	}
	return NULL;
}

static const Signature *
find(Bytes head, const Signature *list, int n)
{
	for (int i = 0; i < n; i++)
		if (has(head, list[i].offset, list[i].bytes, list[i].length))
			return &list[i];
	return NULL;
}

MlsFileType
mls_file_type(const uint8 *head_bytes, Size head_length, const uint8 *tail_bytes, Size tail_length)
{
	Bytes head = {head_bytes, head_length};
	Bytes tail = {tail_bytes, tail_length};
	MlsFileType file = {0};
	const Signature *found = has(head, 4, "ftyp", 4) ? find(head, brands, lengthof(brands))
													 : find(head, signatures, lengthof(signatures));

	/* RIFF has more members than WEBP. */
	if (found != NULL && strcmp(found->extension, "webp") == 0 && !has(head, 0, "RIFF", 4))
		found = NULL;
	if (found == NULL)
	{
		const char *what = document(head);

		file.refused = head.length == 0 ? "it is empty"
					   : what != NULL   ? psprintf("it is %s", what)
										: "it is of no type that is known";
		return file;
	}
	file.type = found->type;
	file.extension = found->extension;
	file.cut = lacks_end(tail, &file);
	measure(head, &file);
	return file;
}
