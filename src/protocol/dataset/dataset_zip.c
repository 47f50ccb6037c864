/*
 * dataset_zip.c
 *		The archive that a workbook is: its directory, and its parts as XML.
 *
 * The directory stands at the end of a file, so that half a file has none.  A part is unpacked
 * piece by piece, and its length and checksum are held against the directory's.  What is
 * small and becomes very large is no workbook, and neither is what becomes larger than an
 * answer may be.
 */
#include "postgres.h"

#include "http/gunzip.h"
#include "protocol/dataset/dataset_book.h"

/* A fuzzer cannot guess a checksum. */
#ifndef MLS_ZIP_CHECKED
#define MLS_ZIP_CHECKED true
#endif

#define PIECE (64 * 1024)

/* A workbook has a few parts for each sheet, picture and drawing. */
#define MOST_PARTS 20000
#define MOST_DIRECTORY (8 * 1024 * 1024)

/* XML of sheets becomes 5 to 20 times as large; what becomes more than that, beyond so much, was made for harm. */
#define MOST_RATIO 200
#define ANY_RATIO (16 * 1024 * 1024)

#define END_BYTES 22
#define END64_BYTES 56
#define LOCATOR_BYTES 20
#define ENTRY_BYTES 46
#define LOCAL_BYTES 30
#define MOST_COMMENT 65535

#define FLAG_ENCRYPTED 0x0001
#define METHOD_STORED 0
#define METHOD_DEFLATED 8

typedef struct Entry
{
	const char *name;
	int flags;
	int method;
	uint32 crc;
	int64 packed;
	int64 length;
	int64 at; /* of its header */
} Entry;

struct DatasetZip
{
	DatasetBytes *bytes;
	int count;
	Entry *entries;
	int64 unpacked; /* of all parts that were read */
};

struct DatasetPart
{
	DatasetZip *zip;
	const Entry *entry;
	MlsXmlReader *xml;
	MlsGunzip *inflate; /* NULL: stored as it is */
	int64 at;
	int64 left;  /* as it is stored */
	int64 total; /* that came out */
	uint32 crc;
	bool is_fed;
	bool is_ended;
	char stored[PIECE];
	char unpacked[PIECE];
};

static const char damaged[] = "It is no whole workbook: its archive is damaged.";

/* ---- the directory ---- */

static uint64
number(const char *s, int bytes)
{
	uint64 result = 0;

	for (int i = bytes - 1; i >= 0; i--)
		result = result << 8 | (unsigned char) s[i];
	return result;
}

static bool
is_mark(const char *s, char third, char fourth)
{
	return s[0] == 'P' && s[1] == 'K' && s[2] == third && s[3] == fourth;
}

static void
read_at(DatasetBytes *bytes, int64 at, char *out, Size length)
{
	for (Size done = 0, n; done < length; done += n)
	{
		n = at < 0 ? 0 : bytes->read(bytes, at + done, out + done, length - done);
		if (n == 0)
			mls_dataset_fail(bytes, damaged, NULL);
	}
}

/* What begins as something else is something else. */
static void
require_archive(DatasetBytes *bytes)
{
	char first[8] = {0};

	if (bytes->length >= sizeof(first))
		read_at(bytes, 0, first, sizeof(first));
	if (memcmp(first, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", sizeof(first)) == 0)
		mls_dataset_fail(bytes, "It is encrypted, or a workbook of the old kind (.xls).",
						 "Save it as .xlsx without a password, or as CSV.");
	if (first[0] != 'P' || first[1] != 'K')
		mls_dataset_fail(bytes, "It is no workbook, whatever its name says.", NULL);
}

/* The end of the directory in the last bytes of a file; a comment may follow it. */
static const char *
find_end(const char *tail, int64 length)
{
	for (const char *s = tail + length - END_BYTES; s >= tail; s--)
		if (is_mark(s, 5, 6) && s + END_BYTES + number(s + 20, 2) <= tail + length)
			return s;
	return NULL;
}

/* What does not fit into 32 bits stands in a field of its own, in this order. */
static void
take_large(Entry *entry, const char *extra, int length)
{
	int64 *values[] = {&entry->length, &entry->packed, &entry->at};
	const char *end = extra + length;

	while (end - extra >= 4 && number(extra, 2) != 1)
		extra += Min(4 + number(extra + 2, 2), end - extra);
	if (end - extra < 4)
		return;
	end = Min(end, extra + 4 + number(extra + 2, 2));
	extra += 4;
	for (int i = 0; i < lengthof(values); i++)
		if (*values[i] == PG_UINT32_MAX && end - extra >= 8)
		{
			*values[i] = (int64) number(extra, 8);
			extra += 8;
		}
}

/* Takes the entry at s; returns the one behind it. */
static const char *
take_entry(DatasetZip *zip, const char *s, const char *end)
{
	Entry *entry = &zip->entries[zip->count];
	int name;
	int extra;
	char *copy;

	if (end - s < ENTRY_BYTES || !is_mark(s, 1, 2))
		mls_dataset_fail(zip->bytes, damaged, NULL);
	name = (int) number(s + 28, 2);
	extra = (int) number(s + 30, 2);
	if (end - s - ENTRY_BYTES < name + extra)
		mls_dataset_fail(zip->bytes, damaged, NULL);
	*entry = (Entry){.flags = (int) number(s + 8, 2),
					 .method = (int) number(s + 10, 2),
					 .crc = (uint32) number(s + 16, 4),
					 .packed = (int64) number(s + 20, 4),
					 .length = (int64) number(s + 24, 4),
					 .at = (int64) number(s + 42, 4)};
	entry->name = copy = pnstrdup(s + ENTRY_BYTES, name);
	/* Some programs write the names as their own system has them. */
	for (; *copy; copy++)
		if (*copy == '\\')
			*copy = '/';
	take_large(entry, s + ENTRY_BYTES + name, extra);
	if (entry->packed < 0 || entry->length < 0 || entry->at < 0)
		mls_dataset_fail(zip->bytes, damaged, NULL);
	zip->count++;
	return s + Min(ENTRY_BYTES + name + extra + number(s + 32, 2), end - s);
}

/* Where the directory is: of a large archive, another end says it. */
static void
find_directory(DatasetBytes *bytes, int64 *at, int64 *length, int64 *count)
{
	int64 tail_length = Min(bytes->length, END_BYTES + LOCATOR_BYTES + MOST_COMMENT);
	char *tail = palloc(tail_length);
	const char *end;

	read_at(bytes, bytes->length - tail_length, tail, tail_length);
	end = find_end(tail, tail_length);
	if (end == NULL)
		mls_dataset_fail(bytes, "It is cut: the directory at its end is missing.", NULL);
	*count = (int64) number(end + 10, 2);
	*length = (int64) number(end + 12, 4);
	*at = (int64) number(end + 16, 4);
	if (end - tail >= LOCATOR_BYTES && is_mark(end - LOCATOR_BYTES, 6, 7))
	{
		char large[END64_BYTES];

		read_at(bytes, (int64) number(end - LOCATOR_BYTES + 8, 8), large, sizeof(large));
		if (!is_mark(large, 6, 6))
			mls_dataset_fail(bytes, damaged, NULL);
		*count = (int64) number(large + 32, 8);
		*length = (int64) number(large + 40, 8);
		*at = (int64) number(large + 48, 8);
	}
	pfree(tail);
}

DatasetZip *
mls_dataset_zip(DatasetBytes *bytes)
{
	DatasetZip *zip = palloc0(sizeof(DatasetZip));
	int64 at;
	int64 length;
	int64 count;
	char *directory;
	const char *s;

	require_archive(bytes);
	zip->bytes = bytes;
	find_directory(bytes, &at, &length, &count);
	if (count < 0 || length < 0 || count > MOST_PARTS || length > MOST_DIRECTORY)
		mls_dataset_fail(bytes, psprintf("It has more than %d parts.", MOST_PARTS), NULL);
	zip->entries = palloc0(Max(count, 1) * sizeof(Entry));
	s = directory = palloc(Max(length, 1));
	read_at(bytes, at, directory, length);
	while (zip->count < count)
		s = take_entry(zip, s, directory + length);
	pfree(directory);
	return zip;
}

/* Names are told apart as they are everywhere in these files: without regard to case. */
static const Entry *
find_entry(const DatasetZip *zip, const char *name)
{
	for (int i = 0; i < zip->count; i++)
		if (pg_strcasecmp(zip->entries[i].name, name) == 0)
			return &zip->entries[i];
	return NULL;
}

bool
mls_dataset_zip_has(const DatasetZip *zip, const char *name)
{
	return find_entry(zip, name) != NULL;
}

/* ---- a part ---- */

pg_noreturn static void fail_part(const DatasetPart *part, const char *problem, const char *hint);

static void
fail_part(const DatasetPart *part, const char *problem, const char *hint)
{
	mls_dataset_fail(part->zip->bytes, psprintf("Its part \"%s\" %s", part->entry->name, problem),
					 hint);
}

DatasetPart *
mls_dataset_part(DatasetZip *zip, const char *name)
{
	const Entry *entry = find_entry(zip, name);
	DatasetPart *part;
	MlsXmlReaderOptions *options;
	char header[LOCAL_BYTES];

	if (entry == NULL)
		return NULL;
	part = palloc0(sizeof(DatasetPart));
	part->zip = zip;
	part->entry = entry;
	part->left = entry->packed;
	if (entry->flags & FLAG_ENCRYPTED)
		fail_part(part, "is encrypted.", "Save it without a password.");
	if (entry->method != METHOD_STORED && entry->method != METHOD_DEFLATED)
		fail_part(part, "is packed in a way that workbooks are not.", NULL);
	if (entry->length > ANY_RATIO && entry->length / MOST_RATIO > entry->packed)
		fail_part(part,
				  psprintf("becomes more than %d times as large when it is unpacked.", MOST_RATIO),
				  "No program that makes sheets does that.");
	read_at(zip->bytes, entry->at, header, sizeof(header));
	if (!is_mark(header, 3, 4))
		mls_dataset_fail(zip->bytes, damaged, NULL);
	part->at = entry->at + LOCAL_BYTES + number(header + 26, 2) + number(header + 28, 2);
	if (entry->method == METHOD_DEFLATED)
		part->inflate = mls_inflate_begin(CurrentMemoryContext);
	options = palloc0(sizeof(MlsXmlReaderOptions));
	options->subject = psprintf("part \"%s\" of %s", entry->name, zip->bytes->name);
	part->xml = mls_xml_reader(options);
	return part;
}

/* Stored bytes that come next; 0 at the end of the part. */
static Size
read_stored(DatasetPart *part)
{
	Size length = Min(part->left, PIECE);

	read_at(part->zip->bytes, part->at, part->stored, length);
	part->at += length;
	part->left -= length;
	return length;
}

static Size
unpack(DatasetPart *part)
{
	Size length = 0;

	while (length == 0)
	{
		if (!part->is_fed)
		{
			Size stored = read_stored(part);

			if (stored == 0 && !mls_gunzip_is_whole(part->inflate))
				fail_part(part, "is cut.", NULL);
			if (stored == 0)
				return 0;
			mls_gunzip_feed(part->inflate, part->stored, stored);
		}
		if (mls_gunzip_take(part->inflate, part->unpacked, PIECE, &length) != MLS_GUNZIP_OK)
			fail_part(part, "is damaged.", NULL);
		part->is_fed = length == PIECE;
	}
	return length;
}

/* Reads on; false at the end, where length and checksum are those that were announced. */
static bool
read_piece(DatasetPart *part, const char **piece, Size *length)
{
	DatasetZip *zip = part->zip;

	*piece = part->inflate ? part->unpacked : part->stored;
	*length = part->inflate ? unpack(part) : read_stored(part);
	part->total += *length;
	zip->unpacked += *length;
	if (zip->unpacked > zip->bytes->most)
		mls_dataset_fail(
			zip->bytes,
			psprintf("It is larger than " INT64_FORMAT " bytes, unpacked.", zip->bytes->most),
			"The server option max_answer_bytes sets that limit.");
	part->crc = mls_gunzip_checksum(part->crc, *piece, *length);
	if (part->total > part->entry->length)
		fail_part(part, "is longer than the archive says.", NULL);
	if (*length > 0)
		return true;
	if (part->total != part->entry->length || (MLS_ZIP_CHECKED && part->crc != part->entry->crc))
		fail_part(part, "is damaged.", NULL);
	return false;
}

bool
mls_dataset_part_next(DatasetPart *part, MlsXmlEvent *event)
{
	while (!mls_xml_next(part->xml, event))
	{
		const char *piece;
		Size length;

		if (part->is_ended)
			return false;
		part->is_ended = !read_piece(part, &piece, &length);
		if (part->is_ended)
			mls_xml_finish(part->xml);
		else
			mls_xml_feed(part->xml, piece, length);
	}
	return true;
}
