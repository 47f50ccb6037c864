/*
 * row.c
 *		Records to rows.
 *
 * Records of a page carry the same fields in the same order, mostly.  So which
 * slice feeds which column is found once for all records of a shape.  Where the
 * shape changes, each field name seen remembers which came after it: the next
 * slice is compared with that guess first, and only where the order changes is a
 * name looked up.
 *
 * A field may also be a path, "Address/City": a member of the object in a field.
 *
 * Strings can be cleaned on the way: without blanks around them, in small letters,
 * numbers without what stands beside them.  What is to be done with a column is
 * decided elsewhere (mls.clean_map); live scans do nothing of it, for their
 * conditions are computed by the source, on what it has.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/builtins.h"

#include "record/slice.h"
#include "record/written.h"

/* Field names without a column are remembered too, up to so many: a source has a few thousand. */
#define MAX_FIELDS 16384

/* A field name that was seen or is wanted. */
typedef struct Field
{
	const char *name;
	int length;
	uint32 hash;
	int column;             /* first column fed by it, or -1 */
	struct Field *follower; /* the field that came after it in the last record */
} Field;

typedef struct FieldSlot
{
	Field *field;
	char status;
} FieldSlot;

#define SH_PREFIX field_table
#define SH_ELEMENT_TYPE FieldSlot
#define SH_KEY_TYPE Field *
#define SH_KEY field
#define SH_HASH_KEY(table, key) ((key)->hash)
#define SH_EQUAL(table, a, b)                                                                      \
	((a)->hash == (b)->hash && (a)->length == (b)->length &&                                       \
	 memcmp((a)->name, (b)->name, (a)->length) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, slot) ((slot)->field->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct MlsRowMap
{
	MemoryContext context;
	int ncolumns;
	MlsTarget *targets;
	int *next_column; /* further column of the same field, or -1 */
	int *cleaning;    /* steps by column; NULL: none */
	uint8 *written;   /* MlsWritten by column; NULL: all plain */
	Field root;       /* its follower is the first field of a record */
	field_table_hash *fields;
	int first_whole; /* first column with field '*', or -1 */
	int *paths;      /* columns whose field is a path */
	int npaths;
	const char **path_names;
	uint64 shape; /* of the records that `columns` is for; 0: of none */
	int *columns; /* first column fed by the n-th slice, or -1 */
	int max_columns;
};

/* The field of a name; a new one is noted as feeding no column.  NULL when there are too many. */
static Field *
get_field(MlsRowMap *map, const char *name, int length)
{
	Field key = {.name = name,
				 .length = length,
				 .hash = hash_bytes((const unsigned char *) name, length),
				 .column = -1};
	FieldSlot *slot = field_table_lookup(map->fields, &key);
	Field *field;
	bool found;
	char *copy;

	if (slot)
		return slot->field;
	if (map->fields->members >= MAX_FIELDS)
		return NULL;
	copy = MemoryContextAlloc(map->context, length + 1);
	memcpy(copy, name, length);
	key.name = copy;
	field = MemoryContextAlloc(map->context, sizeof(Field));
	*field = key;
	(void) field_table_insert(map->fields, field, &found);
	return field;
}

/* The field of a slice that came after `previous`. */
static inline Field *
follow(MlsRowMap *map, Field *previous, const MlsSlice *slice)
{
	Field *guess = previous->follower;

	if (guess && guess->length == slice->name_length &&
		memcmp(guess->name, slice->name, guess->length) == 0)
		return guess;
	guess = get_field(map, slice->name, slice->name_length);
	if (guess)
		previous->follower = guess;
	return guess;
}

static void
init_target(MlsRowMap *map, Form_pg_attribute attribute, bool whole, pg_tz *zone)
{
	MlsTarget *target = &map->targets[attribute->attnum - 1];

	if (!mls_target_init(target, attribute->atttypid, attribute->atttypmod, zone))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
				 errmsg("column \"%s\" cannot be filled from records: its type is %s",
						NameStr(attribute->attname), format_type_be(attribute->atttypid)),
				 errhint("Supported types are %s, and arrays of these.", mls_target_types())));
	if (whole && target->type != JSONOID && target->type != JSONBOID && target->type != TEXTOID)
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
						errmsg("column \"%s\" cannot hold a whole record: its type is %s",
							   NameStr(attribute->attname), format_type_be(attribute->atttypid)),
						errhint("Types for field \"*\" are json, jsonb and text.")));
}

MlsRowMap *
mls_row_map(TupleDesc desc, const char *const *fields, const char *timezone)
{
	MlsRowMap *map = palloc0(sizeof(MlsRowMap));
	pg_tz *zone = timezone ? pg_tzset(timezone) : NULL;

	map->context = CurrentMemoryContext;
	map->ncolumns = desc->natts;
	map->targets = palloc0(Max(desc->natts, 1) * sizeof(MlsTarget));
	map->next_column = palloc0(Max(desc->natts, 1) * sizeof(int));
	map->fields = field_table_create(map->context, 64, NULL);
	map->first_whole = -1;
	map->paths = palloc(Max(desc->natts, 1) * sizeof(int));
	map->path_names = palloc(Max(desc->natts, 1) * sizeof(char *));
	/* Backwards, so that the columns of one field are chained in their order. */
	for (int i = desc->natts - 1; i >= 0; i--)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		int *first;

		if (fields[i] == NULL || attribute->attisdropped)
			continue;
		init_target(map, attribute, strcmp(fields[i], "*") == 0, zone);
		map->next_column[i] = -1;
		if (strchr(fields[i], '/'))
		{
			map->path_names[map->npaths] = pstrdup(fields[i]);
			map->paths[map->npaths++] = i;
			continue;
		}
		first = strcmp(fields[i], "*") == 0 ? &map->first_whole
											: &get_field(map, fields[i], strlen(fields[i]))->column;
		map->next_column[i] = *first;
		*first = i;
	}
	return map;
}

/* Finds which columns the slices of a record feed. */
static void
find_columns(MlsRowMap *map, const MlsRecord *record)
{
	Field *previous = &map->root;

	if (record->nslices > map->max_columns)
	{
		map->max_columns = record->nslices;
		if (map->columns)
			pfree(map->columns);
		map->columns = MemoryContextAllocHuge(map->context, map->max_columns * sizeof(int));
	}
	for (int i = 0; i < record->nslices; i++)
	{
		Field *field = follow(map, previous, &record->slices[i]);

		map->columns[i] = field ? field->column : -1;
		if (field)
			previous = field;
	}
	map->shape = record->shape;
}

void
mls_row_map_clean(MlsRowMap *map, AttrNumber attnum, int steps)
{
	const MlsTarget *target = &map->targets[attnum - 1];

	if (target->element != NULL || target->type == JSONOID || target->type == JSONBOID)
		return;
	if (map->cleaning == NULL)
		map->cleaning = MemoryContextAllocZero(map->context, Max(map->ncolumns, 1) * sizeof(int));
	map->cleaning[attnum - 1] |= steps;
}

void
mls_row_map_written(MlsRowMap *map, AttrNumber attnum, MlsWritten written)
{
	if (map->written == NULL)
		map->written = MemoryContextAllocZero(map->context, Max(map->ncolumns, 1));
	map->written[attnum - 1] = written;
}

/* ---- strings as they should be ---- */

/* Makes a string plain that is written in some way; one that is not stays as it is. */
static void
write_plainly(MlsSlice *slice, MlsWritten written)
{
	const char *text;
	char *copy;
	int length;

	if (slice->kind != MLS_STRING)
		return;
	text = mls_slice_content(slice, &length);
	copy = palloc(length + MLS_WRITTEN_ROOM + 2);
	length = mls_written_plain(text, length, written, copy + 1);
	if (length < 0)
		return;
	copy[0] = copy[length + 1] = '"';
	slice->value = copy;
	slice->value_length = length + 2;
	slice->escaped = false;
}

/* Longer texts are no numbers. */
#define LONGEST_NUMBER 64

/* Length of the blank that a text begins with, a no-break space included; or 0. */
static int
leading_blank(const char *text, int length)
{
	if (length > 0 && isspace((unsigned char) text[0]))
		return 1;
	if (length > 1 && text[0] == '\xC2' && text[1] == '\xA0')
		return 2;
	return 0;
}

static int
trailing_blank(const char *text, int length)
{
	if (length > 0 && isspace((unsigned char) text[length - 1]))
		return 1;
	if (length > 1 && text[length - 2] == '\xC2' && text[length - 1] == '\xA0')
		return 2;
	return 0;
}

static void
trim(const char **text, int *length)
{
	int n;

	while ((n = leading_blank(*text, *length)) > 0)
	{
		*text += n;
		*length -= n;
	}
	while ((n = trailing_blank(*text, *length)) > 0)
		*length -= n;
}

/* Length of a currency's sign or code, or of a blank, that the text begins with; or 0. */
static int
beside_number(const char *text, int length)
{
	static const char *const signs[] = {"$", "\xE2\x82\xAC", "\xC2\xA3", "\xC2\xA5"};
	int blank = leading_blank(text, length);

	if (blank > 0)
		return blank;
	for (int i = 0; i < lengthof(signs); i++)
		if (length >= strlen(signs[i]) && memcmp(text, signs[i], strlen(signs[i])) == 0)
			return strlen(signs[i]);
	if (length >= 3 && isupper((unsigned char) text[0]) && isupper((unsigned char) text[1]) &&
		isupper((unsigned char) text[2]) && (length == 3 || !isalpha((unsigned char) text[3])))
		return 3;
	return 0;
}

/* The place of the decimal separator, or -1: the last of two kinds, or one that stands once and not before three digits. */
static int
decimal_place(const char *digits, int length)
{
	int last = -1;
	int others = 0;
	bool two_kinds = false;

	for (int i = 0; i < length; i++)
	{
		if (digits[i] != '.' && digits[i] != ',')
			continue;
		if (last >= 0 && digits[last] != digits[i])
			two_kinds = true;
		if (last >= 0)
			others++;
		last = i;
	}
	if (last < 0 || two_kinds)
		return last;
	return others > 0 || length - last == 4 ? -1 : last;
}

/* A number as JSON writes it; false if the text is none even so. */
static bool
repair_number(const char *text, int length, char *number, int *number_length)
{
	char digits[LONGEST_NUMBER];
	int n = 0;
	int place;
	int skipped;

	for (int i = 0; i < length; i += skipped)
	{
		skipped = beside_number(text + i, length - i);
		if (skipped > 0)
			continue;
		if (n == LONGEST_NUMBER || (!isdigit((unsigned char) text[i]) && text[i] != '.' &&
									text[i] != ',' && !(text[i] == '-' && n == 0)))
			return false;
		digits[n++] = text[i];
		skipped = 1;
	}
	place = decimal_place(digits, n);
	*number_length = 0;
	for (int i = 0; i < n; i++)
		if (i == place)
			number[(*number_length)++] = '.';
		else if (digits[i] != '.' && digits[i] != ',')
			number[(*number_length)++] = digits[i];
	return n > 0;
}

static bool
is_number_type(Oid type)
{
	return type == NUMERICOID || type == INT2OID || type == INT4OID || type == INT8OID ||
		   type == FLOAT4OID || type == FLOAT8OID;
}

static bool
is_word(const char *text, int length, const char *word)
{
	return length == strlen(word) && pg_strncasecmp(text, word, length) == 0;
}

/* Has trimming nothing to take away, and is something there?  Then a string stays as it stands. */
static bool
is_trimmed(const MlsSlice *slice)
{
	const char *text = slice->value + 1;
	int length = slice->value_length - 2;

	return !slice->escaped && length > 0 && leading_blank(text, length) == 0 &&
		   trailing_blank(text, length) == 0;
}

/* No blank, nor a part of one. */
static inline bool
is_visible(char c)
{
	return c > ' ' && c < 0x7F;
}

/* Is it plain to see that a value needs no step?  Most begin and end with a letter or a digit. */
static inline bool
is_clean(const MlsSlice *slice, int steps)
{
	return slice->kind != MLS_STRING ||
		   ((steps & ~(MLS_CLEAN_TRIM | MLS_CLEAN_EMPTY)) == 0 && !slice->escaped &&
			slice->value_length > 2 && is_visible(slice->value[1]) &&
			is_visible(slice->value[slice->value_length - 2]));
}

/*
 * Applies steps (MLS_CLEAN_*) to a string for a column of a type; false if nothing
 * remains of it, so that it is NULL.  In CurrentMemoryContext.
 */
static bool
clean_slice(MlsSlice *slice, int steps, Oid type)
{
	char *copy;
	const char *text;
	int length;

	if (slice->kind != MLS_STRING ||
		((steps & ~(MLS_CLEAN_TRIM | MLS_CLEAN_EMPTY)) == 0 && is_trimmed(slice)))
		return true;
	length = slice->value_length - 2;
	copy = palloc(length + LONGEST_NUMBER + 2);
	if (slice->escaped)
		length = mls_json_decode(slice->value + 1, length, copy);
	else
		memcpy(copy, slice->value + 1, length);
	text = copy;
	if (steps & MLS_CLEAN_TRIM)
		trim(&text, &length);
	if ((steps & MLS_CLEAN_EMPTY) && length == 0)
		return false;
	if ((steps & MLS_CLEAN_NUMBER) && is_number_type(type))
	{
		char *number = palloc(LONGEST_NUMBER + 2);
		int number_length;

		if (is_word(text, length, "nan") || is_word(text, length, "null"))
			return false;
		if (repair_number(text, length, number, &number_length))
		{
			text = number;
			length = number_length;
		}
	}
	copy = palloc(length + 2);
	copy[0] = copy[length + 1] = '"';
	for (int i = 0; i < length; i++)
		copy[i + 1] = (steps & MLS_CLEAN_LOWER) ? pg_ascii_tolower(text[i]) : text[i];
	slice->value = copy;
	slice->value_length = length + 2;
	slice->escaped = false;
	return true;
}

/* ---- rows ---- */

/* Converts one slice for a column and the further ones of the same field. */
static void
fill_columns(const MlsRowMap *map, const MlsRecord *record, const MlsSlice *slice, int column,
			 Datum *values, bool *isnull, MlsBadValue bad, void *arg)
{
	for (; column >= 0; column = map->next_column[column])
	{
		const MlsTarget *target = &map->targets[column];
		MlsWritten written = map->written ? map->written[column] : MLS_WRITTEN_PLAIN;
		int steps = map->cleaning ? map->cleaning[column] : 0;
		const char *reason;

		isnull[column] = true;
		if (slice->kind == MLS_NULL)
			continue;
		if (written != MLS_WRITTEN_PLAIN || (steps && !is_clean(slice, steps)))
		{
			MlsSlice cleaned = *slice;

			if (written != MLS_WRITTEN_PLAIN)
				write_plainly(&cleaned, written);
			if (steps && !clean_slice(&cleaned, steps, target->type))
				continue;
			reason = target->convert(target, &cleaned, &values[column]);
		}
		else
			reason = target->convert(target, slice, &values[column]);
		isnull[column] = reason != NULL;
		if (reason && bad)
			bad(arg, record, column + 1, slice, reason);
	}
}

/* Member of an object by a name that is not terminated. */
static bool
find_member(const MlsSlice *object, const char *name, int length, MlsSlice *member)
{
	const char *s = object->value + 1;

	if (object->kind != MLS_OBJECT)
		return false;
	while ((s = mls_object_next(s, member)) != NULL)
	{
		if (member->name_length > length)
			mls_slice_name(member, member->name, member->name_length);
		if (member->name_length == length && memcmp(member->name, name, length) == 0)
			return true;
	}
	return false;
}

bool
mls_record_path(const MlsRecord *record, const char *path, MlsSlice *slice)
{
	const MlsSlice *field = mls_record_field(record, path);
	int length = strcspn(path, "/");

	if (field)
	{
		*slice = *field;
		return true;
	}
	field = mls_record_field_n(record, path, length);
	if (field == NULL)
		return false;
	*slice = *field;
	for (path += length; *path; path += length)
	{
		MlsSlice object = *slice;

		length = strcspn(++path, "/");
		if (!find_member(&object, path, length, slice))
			return false;
	}
	return true;
}

static bool
is_similar(const MlsSlice *slice, const char *name)
{
	return slice->name_length == strlen(name) &&
		   pg_strncasecmp(slice->name, name, slice->name_length) == 0;
}

char *
mls_record_similar(const MlsRecord *record, const char *field)
{
	MlsSlice member;

	if (mls_record_path(record, field, &member))
		return NULL;
	for (int i = 0; i < record->nslices; i++)
		if (is_similar(&record->slices[i], field))
			return pnstrdup(record->slices[i].name, record->slices[i].name_length);
	for (int i = 0; i < record->nslices; i++)
	{
		const MlsSlice *slice = &record->slices[i];
		const char *s = slice->kind == MLS_OBJECT ? slice->value + 1 : NULL;

		while (s && (s = mls_object_next(s, &member)) != NULL)
			if (is_similar(&member, field))
				return psprintf("%.*s/%.*s", slice->name_length, slice->name, member.name_length,
								member.name);
	}
	return NULL;
}

/* The value in a place, or what it means if that stands behind it: "Status", "Status@decoded". */
static const MlsSlice *
meaning_at(const MlsRecord *record, int i)
{
	static const char suffix[] = "@decoded";
	const int length = sizeof(suffix) - 1;
	const MlsSlice *value = &record->slices[i];
	const MlsSlice *next = value + 1;

	if (i + 1 < record->nslices && next->name_length == value->name_length + length &&
		next->kind != MLS_NULL && memcmp(next->name, value->name, value->name_length) == 0 &&
		memcmp(next->name + value->name_length, suffix, length) == 0)
		return next;
	return value;
}

void
mls_row_fill(MlsRowMap *map, const MlsRecord *record, Datum *values, bool *isnull, MlsBadValue bad,
			 void *arg)
{
	memset(isnull, true, map->ncolumns * sizeof(bool));
	if (map->shape == 0 || map->shape != record->shape)
		find_columns(map, record);
	for (int i = 0; i < record->nslices; i++)
		if (map->columns[i] >= 0)
			fill_columns(map, record, meaning_at(record, i), map->columns[i], values, isnull, bad,
						 arg);
	for (int i = 0; i < map->npaths; i++)
	{
		MlsSlice slice;

		if (mls_record_path(record, map->path_names[i], &slice))
			fill_columns(map, record, &slice, map->paths[i], values, isnull, bad, arg);
	}
	if (map->first_whole >= 0)
	{
		MlsSlice whole = mls_json_slice(record->json, record->length);

		fill_columns(map, record, &whole, map->first_whole, values, isnull, bad, arg);
	}
}
