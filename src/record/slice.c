/*
 * slice.c
 *		Field slices: finding them, and reading them as text.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "record/slice.h"

const MlsSlice *
mls_record_field(const MlsRecord *record, const char *name)
{
	return mls_record_field_n(record, name, strlen(name));
}

const MlsSlice *
mls_record_field_n(const MlsRecord *record, const char *name, int length)
{
	/* From the end: of a repeated field, the last counts. */
	for (int i = record->nslices - 1; i >= 0; i--)
		if (record->slices[i].name_length == length &&
			memcmp(record->slices[i].name, name, length) == 0)
			return &record->slices[i];
	return NULL;
}

/* Four hexadecimal digits; the parser has seen that they are. */
static int
hex4(const char *s)
{
	int code = 0;

	for (int i = 0; i < 4; i++)
		code = code * 16 + (s[i] <= '9' ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
	return code;
}

static char *
put_character(char *out, pg_wchar code)
{
	unicode_to_utf8(code, (unsigned char *) out);
	return out + pg_utf_mblen((unsigned char *) out);
}

/* Decodes one escape; `in` stands at the backslash.  Returns how far it reaches. */
static int
decode_escape(const char *in, char **out)
{
	static const char from[] = "bfnrt";
	static const char to[] = "\b\f\n\r\t";
	const char *letter;
	int code;

	if (in[1] != 'u')
	{
		letter = strchr(from, in[1]);
		*(*out)++ = letter ? to[letter - from] : in[1];
		return 2;
	}
	code = hex4(in + 2);
	if (!is_utf16_surrogate_first(code))
	{
		*out = put_character(*out, code);
		return 6;
	}
	/* Cleaning has left whole pairs only. */
	*out = put_character(*out, surrogate_pair_to_codepoint(code, hex4(in + 8)));
	return 12;
}

int
mls_json_decode(const char *in, int length, char *out)
{
	const char *end = in + length;
	char *start = out;

	while (in < end)
	{
		const char *escape = memchr(in, '\\', end - in);
		int plain = (escape ? escape : end) - in;

		memcpy(out, in, plain);
		out += plain;
		in += plain;
		if (escape)
			in += decode_escape(in, &out);
	}
	return out - start;
}

bool
mls_slice_name(MlsSlice *slice, const char *name, int length)
{
	bool escaped = memchr(name, '\\', length) != NULL;

	if (escaped)
	{
		char *decoded = palloc(length);

		length = mls_json_decode(name, length, decoded);
		name = decoded;
	}
	slice->name = name;
	slice->name_length = Min(length, PG_UINT16_MAX);
	return escaped;
}

const char *
mls_slice_content(const MlsSlice *slice, int *length)
{
	char *decoded;

	if (slice->kind != MLS_STRING)
	{
		*length = slice->value_length;
		return slice->value;
	}
	*length = slice->value_length - 2;
	if (!slice->escaped)
		return slice->value + 1;
	decoded = palloc(*length);
	*length = mls_json_decode(slice->value + 1, *length, decoded);
	return decoded;
}

char *
mls_slice_text(const MlsSlice *slice)
{
	const char *content;
	int length;

	if (slice->kind == MLS_NULL)
		return NULL;
	content = mls_slice_content(slice, &length);
	return pnstrdup(content, length);
}

bool
mls_slice_int64(const MlsSlice *slice, int64 *value)
{
	const char *content;
	int length;

	if (slice->kind != MLS_NUMBER && slice->kind != MLS_STRING)
		return false;
	content = mls_slice_content(slice, &length);
	return mls_parse_int64(content, length, value) == NULL;
}
