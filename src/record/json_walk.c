/*
 * json_walk.c
 *		Stepping through JSON that a parser has accepted, or that was written here.
 *
 * Nothing is checked: what is no valid JSON must not come here.
 */
#include "postgres.h"

#include "record/slice.h"

const uint8 mls_json_kinds[256] = {
	['{'] = MLS_OBJECT,  ['['] = MLS_ARRAY, ['"'] = MLS_STRING,         ['t'] = MLS_BOOLEAN,
	['f'] = MLS_BOOLEAN, ['n'] = MLS_NULL,  ['0' ... '9'] = MLS_NUMBER, ['-'] = MLS_NUMBER,
};

MlsSlice
mls_json_slice(const char *value, int length)
{
	MlsSlice slice = {.name = "",
					  .value = value,
					  .value_length = length,
					  .kind = mls_json_kind(*value),
					  .escaped = memchr(value, '\\', length) != NULL};

	return slice;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* End of the string that begins at s. */
static const char *
skip_string(const char *s)
{
	for (s++; *s != '"'; s++)
		if (*s == '\\')
			s++;
	return s + 1;
}

/* End of the value that begins at s, in JSON that the parser has accepted. */
static const char *
skip_value(const char *s)
{
	int depth = 0;

	if (*s != '[' && *s != '{' && *s != '"')
	{
		while (!is_space(*s) && *s != ',' && *s != ']' && *s != '}')
			s++;
		return s;
	}
	do
	{
		if (*s == '"')
			s = skip_string(s);
		else
		{
			depth += (*s == '[' || *s == '{') - (*s == ']' || *s == '}');
			s++;
		}
	} while (depth > 0);
	return s;
}

bool
mls_array_next(const MlsSlice *array, const char **position, MlsSlice *element)
{
	const char *s = *position ? *position : array->value + 1;
	const char *end;

	while (is_space(*s) || *s == ',')
		s++;
	if (*s == ']')
		return false;
	end = skip_value(s);
	*element = mls_json_slice(s, end - s);
	*position = end;
	return true;
}

/* Start of the next token after blanks and commas. */
static const char *
skip_layout(const char *s)
{
	while (is_space(*s) || *s == ',' || *s == ':')
		s++;
	return s;
}

const char *
mls_object_next(const char *s, MlsSlice *member)
{
	const char *name = skip_layout(s);
	const char *name_end;
	const char *value;
	const char *end;

	if (*name == '}')
		return NULL;
	name_end = skip_string(name);
	value = skip_layout(name_end);
	end = skip_value(value);
	*member = mls_json_slice(value, end - value);
	member->name = name + 1;
	member->name_length = Min(name_end - name - 2, PG_UINT16_MAX);
	return end;
}

void
mls_json_members(const char *json, int length, MlsSlice *slices, int nslices)
{
	const char *s = json + 1;

	for (int i = 0; i < nslices && s; i++)
		s = mls_object_next(s, &slices[i]);
}
