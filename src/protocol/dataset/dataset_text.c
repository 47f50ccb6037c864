/*
 * dataset_text.c
 *		Bytes as text: unpacked, decoded.
 *
 * The encoding is that of the whole file, never of a piece of it: what begins with a mark is
 * what the mark says; else it is UTF-8 if all of it is; else Windows-1252, which has Latin-1
 * in it, if all of it can be.  All of that is known only at the end, so that the bytes are
 * read once before the first character is made of them.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "http/gunzip.h"
#include "protocol/dataset/dataset.h"

/* Small for fuzzing, so that texts come in several. */
#ifndef MLS_TEXT_PIECE
#define MLS_TEXT_PIECE (64 * 1024)
#endif
#define PIECE MLS_TEXT_PIECE

/* No byte becomes more than three of UTF-8; two of UTF-16 become three, four become four. */
#define GROWTH 3

/* UTF-16 without a mark shows by its zeros, if so many bytes of it are mostly ASCII. */
#define LOOKED_AT 4096

/* ---- unpacked bytes ---- */

typedef struct Unpacked
{
	DatasetBytes *bytes;
	int64 at;    /* of the bytes as they are stored */
	int64 total; /* that came out */
	MlsGunzip *gunzip;
	MlsDigest *digest; /* of the bytes as they are stored; NULL: not wanted */
	char stored[PIECE];
	char unpacked[PIECE];
	bool is_fed; /* more may come of what was fed */
} Unpacked;

static const char magic[] = {'\x1f', '\x8b'};

static Unpacked *
begin_unpacked(DatasetBytes *bytes, bool digest)
{
	Unpacked *unpacked = palloc0(sizeof(Unpacked));
	char first[sizeof(magic)];
	Size length = 0;
	Size more = 1;

	unpacked->bytes = bytes;
	for (; length < sizeof(first) && more > 0; length += more)
		more = bytes->read(bytes, length, first + length, sizeof(first) - length);
	if (length == sizeof(first) && memcmp(first, magic, sizeof(magic)) == 0)
		unpacked->gunzip = mls_gunzip_begin(CurrentMemoryContext);
	if (digest)
		unpacked->digest = mls_digest_begin();
	return unpacked;
}

static Size
read_stored(Unpacked *unpacked)
{
	Size length = unpacked->bytes->read(unpacked->bytes, unpacked->at, unpacked->stored, PIECE);

	if (unpacked->digest)
		mls_digest_add(unpacked->digest, unpacked->stored, length);
	unpacked->at += length;
	return length;
}

/* Unpacks the next piece; 0 at the end. */
static Size
unpack(Unpacked *unpacked)
{
	Size length = 0;

	while (length == 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (!unpacked->is_fed)
		{
			Size stored = read_stored(unpacked);

			if (stored == 0 && !mls_gunzip_is_whole(unpacked->gunzip))
				mls_dataset_fail(unpacked->bytes,
								 "It is cut: gzip has begun in it and does not end.", NULL);
			if (stored == 0)
				return 0;
			mls_gunzip_feed(unpacked->gunzip, unpacked->stored, stored);
		}
		if (mls_gunzip_take(unpacked->gunzip, unpacked->unpacked, PIECE, &length) != MLS_GUNZIP_OK)
			mls_dataset_fail(unpacked->bytes,
							 "It begins as gzip, and cannot be unpacked: it is damaged.", NULL);
		unpacked->is_fed = length == PIECE;
	}
	return length;
}

/* What is unpacked next, valid until the next call; false at the end, which is proven. */
static bool
next_unpacked(Unpacked *unpacked, char **piece, Size *length)
{
	*piece = unpacked->gunzip ? unpacked->unpacked : unpacked->stored;
	*length = unpacked->gunzip ? unpack(unpacked) : read_stored(unpacked);
	unpacked->total += *length;
	if (unpacked->total > unpacked->bytes->most)
		mls_dataset_fail(
			unpacked->bytes,
			psprintf("It is larger than " INT64_FORMAT " bytes, unpacked.", unpacked->bytes->most),
			"The server option max_answer_bytes sets that limit.");
	return *length > 0;
}

/* ---- which encoding ---- */

typedef struct Finding
{
	char first[4]; /* bytes of all, where a mark would be */
	int nfirst;
	char carry[4]; /* the beginning of a character that the next piece goes on with */
	int carried;
	bool is_utf8;
	bool is_windows;
	int64 looked; /* bytes of the beginning */
	int64 zeros[2];
	int64 all_zeros;
} Finding;

/* Has a text that breaks off within a character room for its rest? */
static bool
may_go_on(const char *s, int length)
{
	if (length >= pg_utf_mblen((const unsigned char *) s) || length >= 4)
		return false;
	for (int i = 1; i < length; i++)
		if ((s[i] & 0xC0) != 0x80)
			return false;
	return IS_HIGHBIT_SET(*s);
}

/* Zeros are taken out, and are no part of the question. */
static Size
drop_zeros(char *piece, Size length)
{
	char *out = memchr(piece, '\0', length);
	char *end = piece + length;

	if (out == NULL)
		return length;
	for (char *s = out; s < end; s++)
		if (*s)
			*out++ = *s;
	return out - piece;
}

static void
judge_utf8(Finding *finding, const char *piece, Size length)
{
	while (finding->is_utf8 && finding->carried > 0 && length > 0)
	{
		finding->carry[finding->carried++] = *piece++;
		length--;
		if (may_go_on(finding->carry, finding->carried))
			continue;
		finding->is_utf8 =
			pg_encoding_verifymbstr(PG_UTF8, finding->carry, finding->carried) == finding->carried;
		finding->carried = 0;
	}
	if (finding->is_utf8 && length > 0)
	{
		int valid = pg_encoding_verifymbstr(PG_UTF8, piece, (int) length);

		finding->is_utf8 = valid == length || may_go_on(piece + valid, (int) length - valid);
		if (finding->is_utf8 && valid < length)
		{
			finding->carried = (int) length - valid;
			memcpy(finding->carry, piece + valid, finding->carried);
		}
	}
}

static void
judge_windows(Finding *finding, const char *piece, Size length)
{
	static const char none[] = {'\x81', '\x8d', '\x8f', '\x90', '\x9d'};

	for (int i = 0; finding->is_windows && i < lengthof(none); i++)
		finding->is_windows = memchr(piece, none[i], length) == NULL;
}

static void
judge(Finding *finding, char *piece, Size length)
{
	for (Size i = 0; i < length && finding->nfirst < sizeof(finding->first); i++)
		finding->first[finding->nfirst++] = piece[i];
	for (Size i = 0; i < length && finding->looked < LOOKED_AT; i++, finding->looked++)
		finding->zeros[finding->looked % 2] += piece[i] == '\0';
	for (const char *s = piece; (s = memchr(s, '\0', piece + length - s)) != NULL; s++)
		finding->all_zeros++;
	length = drop_zeros(piece, length);
	judge_utf8(finding, piece, length);
	judge_windows(finding, piece, length);
}

static DatasetEncoding
marked_encoding(const Finding *finding)
{
	const char *piece = finding->first;
	int length = finding->nfirst;

	if (length >= 3 && memcmp(piece, "\xEF\xBB\xBF", 3) == 0)
		return DATASET_UTF8;
	if (length >= 2 && memcmp(piece, "\xFF\xFE", 2) == 0)
		return DATASET_UTF16LE;
	if (length >= 2 && memcmp(piece, "\xFE\xFF", 2) == 0)
		return DATASET_UTF16BE;
	return DATASET_ANY_ENCODING;
}

/* Every other byte is zero, or nearly so: ASCII in two bytes each. */
static DatasetEncoding
encoding_by_zeros(const Finding *finding)
{
	int64 most = finding->looked / 2;

	if (finding->looked >= 4 && finding->zeros[0] == 0 && finding->zeros[1] * 10 >= most * 7)
		return DATASET_UTF16LE;
	if (finding->looked >= 4 && finding->zeros[1] == 0 && finding->zeros[0] * 10 >= most * 7)
		return DATASET_UTF16BE;
	return DATASET_ANY_ENCODING;
}

static bool
is_wide(DatasetEncoding encoding)
{
	return encoding == DATASET_UTF16LE || encoding == DATASET_UTF16BE;
}

static void
settle_encoding(const DatasetBytes *bytes, const Finding *finding, DatasetEncoding wanted,
				DatasetFacts *facts)
{
	static const char *const hint = "Set the server option encoding, or save the file as UTF-8.";
	bool is_utf8 = finding->is_utf8 && finding->carried == 0;

	if (facts->encoding == DATASET_ANY_ENCODING)
		facts->encoding = wanted;
	if (facts->encoding == DATASET_ANY_ENCODING)
		facts->encoding = encoding_by_zeros(finding);
	if (facts->encoding == DATASET_ANY_ENCODING)
		facts->encoding = is_utf8 ? DATASET_UTF8 : DATASET_WINDOWS_1252;
	facts->zeros = is_wide(facts->encoding) ? 0 : finding->all_zeros;
	if (facts->encoding == DATASET_UTF8 && !is_utf8)
		mls_dataset_fail(bytes, "It is not valid UTF-8.", hint);
	if (facts->encoding == DATASET_WINDOWS_1252 && !finding->is_windows)
		mls_dataset_fail(bytes, "It is neither valid UTF-8 nor Windows-1252.", hint);
}

static void
end_digest(MlsDigest *digest, DatasetFacts *facts)
{
	uint8 sha256[MLS_SHA256_BYTES];

	mls_digest_end(digest, sha256);
	strlcpy(facts->sha256, mls_hex(sha256, sizeof(sha256)), sizeof(facts->sha256));
}

void
mls_dataset_examine(DatasetBytes *bytes, const DatasetFile *file, DatasetEncoding wanted,
					bool hashed, DatasetFacts *facts)
{
	bool is_text = !file->is_book && !file->is_parquet;
	Unpacked *unpacked;
	Finding finding = {.is_utf8 = true, .is_windows = true};
	char *piece;
	Size length;

	memset(facts, 0, sizeof(*facts));
	/* Who reads a part of it need not read the rest for nothing. */
	if (file->is_parquet && !hashed)
		return;
	unpacked = begin_unpacked(bytes, hashed);
	facts->is_gzip = unpacked->gunzip != NULL;
	while (next_unpacked(unpacked, &piece, &length))
		if (is_text)
			judge(&finding, piece, length);
	facts->encoding = marked_encoding(&finding);
	facts->has_mark = facts->encoding != DATASET_ANY_ENCODING;
	if (hashed)
		end_digest(unpacked->digest, facts);
	if (is_text && finding.nfirst == 4 && memcmp(finding.first, "PK\3\4", 4) == 0)
		mls_dataset_fail(bytes, "It is an archive or a workbook, whatever its name says.",
						 "A workbook has a name that ends with .xlsx.");
	if (unpacked->total == 0)
		mls_dataset_fail(bytes, "It is empty.", NULL);
	if (is_wide(facts->encoding) && unpacked->total % 2 != 0)
		mls_dataset_fail(bytes, "It is cut: UTF-16 has an even number of bytes.", NULL);
	if (is_text)
		settle_encoding(bytes, &finding, wanted, facts);
	pfree(unpacked);
}

/* Does a line end there? */
static bool
ends_line(DatasetBytes *bytes, int64 at)
{
	char around[2];

	return bytes->read(bytes, at - 1, around, 1) == 1 &&
		   bytes->read(bytes, at, around + 1, 1) == 1 &&
		   (memchr("\r\n", around[0], 2) || memchr("\r\n", around[1], 2));
}

bool
mls_dataset_begins_with(DatasetBytes *bytes, int64 length, const char *sha256)
{
	MlsDigest *digest = mls_digest_begin();
	char *piece = palloc(PIECE);
	uint8 found[MLS_SHA256_BYTES];
	Size more = 1;

	for (int64 at = 0; at < length && more > 0; at += more)
	{
		more = bytes->read(bytes, at, piece, Min(length - at, PIECE));
		mls_digest_add(digest, piece, more);
	}
	pfree(piece);
	mls_digest_end(digest, found);
	return length > 0 && strcmp(mls_hex(found, sizeof(found)), sha256) == 0 &&
		   ends_line(bytes, length);
}

const char *
mls_dataset_encoding_name(DatasetEncoding encoding)
{
	static const char *const names[] = {"auto", "UTF-8", "UTF-16LE", "UTF-16BE", "Windows-1252"};

	return names[encoding];
}

/* ---- characters ---- */

typedef struct Decoder
{
	DatasetText head;
	Unpacked *unpacked;
	DatasetEncoding encoding;
	int skip;          /* bytes of a mark that are still to come */
	unsigned char odd; /* UTF-16: the first byte of a unit that the next piece goes on with */
	bool has_odd;
	uint16 first; /* UTF-16: the first half of a pair; 0: none */
	char out[GROWTH * (PIECE + 4)];
} Decoder;

/* 80 to 9F, where Windows-1252 differs from Latin-1. */
static const uint16 windows_1252[32] = {
	0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
	0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
	0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

static char *
put_code(char *out, pg_wchar code)
{
	unicode_to_utf8(code, (unsigned char *) out);
	return out + pg_utf_mblen((unsigned char *) out);
}

static char *
decode_windows(const char *piece, Size length, char *out)
{
	for (Size i = 0; i < length; i++)
	{
		unsigned char byte = piece[i];

		if (byte >= 0x80 && byte < 0xA0)
			out = put_code(out, windows_1252[byte - 0x80]);
		else if (byte >= 0x80)
			out = put_code(out, byte);
		else if (byte)
			*out++ = byte;
	}
	return out;
}

static char *
decode_unit(Decoder *decoder, uint16 unit, char *out)
{
	uint16 first = decoder->first;

	decoder->first = 0;
	if (first && is_utf16_surrogate_second(unit))
		return put_code(out, surrogate_pair_to_codepoint(first, unit));
	if (first || is_utf16_surrogate_second(unit))
		mls_dataset_fail(decoder->unpacked->bytes, "It is not valid UTF-16.", NULL);
	if (is_utf16_surrogate_first(unit))
		decoder->first = unit;
	else if (unit)
		out = put_code(out, unit);
	return out;
}

static char *
decode_wide(Decoder *decoder, const char *piece, Size length, char *out)
{
	for (Size i = 0; i < length; i++)
	{
		unsigned char byte = piece[i];

		if (!decoder->has_odd)
			decoder->odd = byte;
		else if (decoder->encoding == DATASET_UTF16LE)
			out = decode_unit(decoder, byte << 8 | decoder->odd, out);
		else
			out = decode_unit(decoder, decoder->odd << 8 | byte, out);
		decoder->has_odd = !decoder->has_odd;
	}
	return out;
}

static bool
next_decoded(DatasetText *text, const char **piece, Size *length)
{
	Decoder *decoder = (Decoder *) text;
	char *stored;
	char *out = decoder->out;

	do
	{
		Size skip;

		if (!next_unpacked(decoder->unpacked, &stored, length))
		{
			if (decoder->has_odd || decoder->first)
				mls_dataset_fail(decoder->unpacked->bytes, "It is cut within a character.", NULL);
			return false;
		}
		skip = Min(decoder->skip, *length);
		decoder->skip -= skip;
		stored += skip;
		*length -= skip;
		if (is_wide(decoder->encoding))
			out = decode_wide(decoder, stored, *length, decoder->out);
		else if (decoder->encoding == DATASET_WINDOWS_1252)
			out = decode_windows(stored, *length, decoder->out);
		else
		{
			*piece = stored;
			*length = drop_zeros(stored, *length);
			continue;
		}
		*piece = decoder->out;
		*length = out - decoder->out;
	} while (*length == 0);
	return true;
}

DatasetText *
mls_dataset_text(DatasetBytes *bytes, const DatasetFacts *facts)
{
	Decoder *decoder = palloc0(sizeof(Decoder));

	decoder->head.next = next_decoded;
	decoder->unpacked = begin_unpacked(bytes, false);
	decoder->encoding = facts->encoding;
	if (facts->has_mark)
		decoder->skip = is_wide(facts->encoding) ? 2 : 3;
	return &decoder->head;
}

/* ---- text at hand ---- */

typedef struct Given
{
	DatasetText head;
	const char *text;
	Size length;
	bool is_read;
} Given;

static bool
next_given(DatasetText *text, const char **piece, Size *length)
{
	Given *given = (Given *) text;

	*piece = given->text;
	*length = given->length;
	if (given->is_read || given->length == 0)
		return false;
	given->is_read = true;
	return true;
}

DatasetText *
mls_dataset_text_of(const char *text, Size length)
{
	Given *given = palloc0(sizeof(Given));

	given->head.next = next_given;
	given->text = text;
	given->length = length;
	return &given->head;
}

char *
mls_dataset_text_start(DatasetText *text, Size most, Size *length, bool *is_all)
{
	StringInfoData start;
	const char *piece;
	Size bytes;

	initStringInfo(&start);
	*is_all = true;
	while (text->next(text, &piece, &bytes))
	{
		if (start.len + bytes > most)
		{
			appendBinaryStringInfo(&start, piece, (int) (most - start.len));
			*is_all = false;
			break;
		}
		appendBinaryStringInfo(&start, piece, (int) bytes);
	}
	*length = start.len;
	return start.data;
}
