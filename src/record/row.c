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
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/builtins.h"

#include "record/slice.h"

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

struct MlsRowMap
{
	MemoryContext context;
	int ncolumns;
	MlsTarget *targets;
	int *next_column; /* further column of the same field, or -1 */
	int *cleaning;    /* steps by column; NULL: none */
	Field root;       /* its follower is the first field of a record */
	Field **fields;   /* hash table, open addressing, size a power of two */
	int nfields;
	int size;
	int first_whole; /* first column with field '*', or -1 */
	int *paths;      /* columns whose field is a path */
	int npaths;
	const char **path_names;
	uint64 shape; /* of the records that `columns` is for; 0: of none */
	int *columns; /* first column fed by the n-th slice, or -1 */
	int max_columns;
};

static uint32
hash_name(const char *name, int length)
{
	return hash_bytes((const unsigned char *) name, length);
}

/* Where a name is in the table, or would be. */
static Field **
find_place(const MlsRowMap *map, const char *name, int length, uint32 hash)
{
	for (uint32 i = hash;; i++)
	{
		Field **place = &map->fields[i & (map->size - 1)];

		if (*place == NULL || ((*place)->hash == hash && (*place)->length == length &&
							   memcmp((*place)->name, name, length) == 0))
			return place;
	}
}

static void
grow_fields(MlsRowMap *map)
{
	Field **old = map->fields;
	int old_size = map->size;

	map->size *= 2;
	map->fields = MemoryContextAllocZero(map->context, map->size * sizeof(Field *));
	for (int i = 0; i < old_size; i++)
		if (old[i])
			*find_place(map, old[i]->name, old[i]->length, old[i]->hash) = old[i];
	pfree(old);
}

/* The field of a name; a new one is noted as feeding no column.  NULL when there are too many. */
static Field *
get_field(MlsRowMap *map, const char *name, int length)
{
	uint32 hash = hash_name(name, length);
	Field **place = find_place(map, name, length, hash);
	Field *field;
	char *copy;

	if (*place || map->nfields >= MAX_FIELDS)
		return *place;
	field = MemoryContextAllocZero(map->context, sizeof(Field));
	copy = MemoryContextAlloc(map->context, length + 1);
	memcpy(copy, name, length);
	field->name = copy;
	field->length = length;
	field->hash = hash;
	field->column = -1;
	*place = field;
	if (++map->nfields > map->size / 2)
		grow_fields(map);
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
	map->size = 64;
	map->fields = palloc0(map->size * sizeof(Field *));
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
	map->cleaning[attnum - 1] = steps;
}

/* Converts one slice for a column and the further ones of the same field. */
static void
fill_columns(const MlsRowMap *map, const MlsRecord *record, const MlsSlice *slice, int column,
			 Datum *values, bool *isnull, MlsBadValue bad, void *arg)
{
	for (; column >= 0; column = map->next_column[column])
	{
		const MlsTarget *target = &map->targets[column];
		const char *reason;

		isnull[column] = true;
		if (slice->kind == MLS_NULL)
			continue;
		if (map->cleaning && map->cleaning[column])
		{
			MlsSlice cleaned = *slice;

			if (!mls_clean_slice(&cleaned, map->cleaning[column], target->type))
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
