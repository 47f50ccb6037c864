/*
 * dataset_types.c
 *		The types of columns, from all their values.
 *
 * Of each column is kept what all of its values can be; one value less is one way less, and
 * a column of which nothing is left is text.  So a type never depends on which rows stand
 * first.  What stays open is not guessed: thousands or a fraction, day or month are decided
 * by another value of the column, or by an option, and else it is text, and is said to be.
 * An identity is text, whatever it looks like.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "base/name_list.h"
#include "protocol/dataset/dataset_types.h"
#include "record/slice.h"
#include "record/written.h"

/* Values kept to be shown, and how much of each. */
#define MOST_SAMPLES 3
#define MOST_SHOWN 60

/* A whole number of so many digits is a bigint, whatever the digits are. */
#define MOST_DIGITS 18

/* A resource with more has names where values should be. */
#define MOST_FIELDS 16384
#define OWN_FIELDS 4

#define ALL_NUMBERS (MLS_CAN_INTEGER | MLS_CAN_NUMBER | MLS_CAN_POINT | MLS_CAN_COMMA)

/* By which a field is found; the name is not terminated. */
typedef struct FieldKey
{
	const char *name;
	int length;
} FieldKey;

typedef struct Named
{
	FieldKey key;
	struct Field *field;
} Named;

typedef struct Field
{
	const char *name;
	int length;
	int can;       /* MLS_CAN_*, of all values */
	int shows;     /* MLS_SHOWS_*, of any */
	int64 values;  /* that are none of null and empty */
	Oid declared;  /* by the files that say it; InvalidOid: none does */
	bool is_told;  /* by the one that is seen: its values show nothing */
	bool is_json;  /* one is a list or an object */
	List *samples; /* of char * */
} Field;

struct DatasetTypes
{
	const DatasetServer *server;
	MemoryContext context;
	List *fields;       /* of Field * */
	HTAB *by_name;      /* of Named */
	MlsWritten numbers; /* how the numbers of the files are written; plain: nothing shows it */
	const char *shown_by;
};

static uint32
hash_key(const void *key, Size size)
{
	const FieldKey *field = key;

	return hash_bytes((const unsigned char *) field->name, field->length);
}

static int
match_keys(const void *a, const void *b, Size size)
{
	const FieldKey *one = a;
	const FieldKey *other = b;

	return one->length == other->length ? memcmp(one->name, other->name, one->length) : 1;
}

DatasetTypes *
mls_dataset_types(const DatasetServer *server)
{
	DatasetTypes *types = palloc0(sizeof(DatasetTypes));
	HASHCTL control = {.keysize = sizeof(FieldKey),
					   .entrysize = sizeof(Named),
					   .hash = hash_key,
					   .match = match_keys,
					   .hcxt = CurrentMemoryContext};

	types->server = server;
	types->context = CurrentMemoryContext;
	types->by_name = hash_create("mls_fdw fields", 64, &control,
								 HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	return types;
}

/* ---- looking ---- */

static bool
is_named(const Field *field, const MlsSlice *slice)
{
	return field->length == slice->name_length &&
		   memcmp(field->name, slice->name, field->length) == 0;
}

static Field *
add_field(DatasetTypes *types, const char *name, int length)
{
	MemoryContext before;
	Field *field;
	FieldKey key;

	if (list_length(types->fields) == MOST_FIELDS + OWN_FIELDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("resource has too many fields"),
				 errdetail("Its records have more than %d names.", MOST_FIELDS)));
	before = MemoryContextSwitchTo(types->context);
	field = palloc0(sizeof(Field));
	field->name = pnstrdup(name, length);
	field->length = length;
	field->can = MLS_CAN_ALL;
	types->fields = lappend(types->fields, field);
	key = (FieldKey){field->name, length};
	((Named *) hash_search(types->by_name, &key, HASH_ENTER, NULL))->field = field;
	MemoryContextSwitchTo(before);
	return field;
}

/* The field of a slice, which most likely stands where it stood before. */
static Field *
field_of(DatasetTypes *types, const MlsSlice *slice, int guess)
{
	FieldKey key = {slice->name, slice->name_length};
	Named *named;

	if (guess < list_length(types->fields) && is_named(list_nth(types->fields, guess), slice))
		return list_nth(types->fields, guess);
	named = hash_search(types->by_name, &key, HASH_FIND, NULL);
	return named ? named->field : add_field(types, slice->name, slice->name_length);
}

void
mls_dataset_types_expect(DatasetTypes *types, const char *name)
{
	MlsSlice slice = {.name = name, .name_length = strlen(name)};

	(void) field_of(types, &slice, 0);
}

static bool
is_number_type(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID || type == NUMERICOID ||
		   type == FLOAT4OID || type == FLOAT8OID;
}

/* The type that has the values of both, as far as there is one. */
static Oid
common_type(Oid one, Oid other)
{
	static const Oid wider[] = {INT2OID, INT4OID, INT8OID, NUMERICOID};
	int at[2] = {-1, -1};

	for (int i = 0; i < lengthof(wider); i++)
	{
		at[0] = wider[i] == one ? i : at[0];
		at[1] = wider[i] == other ? i : at[1];
	}
	if (one == other)
		return one;
	if (at[0] >= 0 && at[1] >= 0)
		return wider[Max(at[0], at[1])];
	if ((one == FLOAT4OID || one == FLOAT8OID) && (other == FLOAT4OID || other == FLOAT8OID))
		return FLOAT8OID;
	return is_number_type(one) && is_number_type(other) ? NUMERICOID : TEXTOID;
}

void
mls_dataset_types_declare(DatasetTypes *types, const char *name, Oid type)
{
	MlsSlice slice = {.name = name, .name_length = strlen(name)};
	Field *field = field_of(types, &slice, 0);

	field->declared = OidIsValid(field->declared) ? common_type(field->declared, type) : type;
	field->is_told = true;
}

void
mls_dataset_types_begin_file(DatasetTypes *types)
{
	ListCell *lc;

	foreach (lc, types->fields)
		((Field *) lfirst(lc))->is_told = false;
}

static void
keep_sample(DatasetTypes *types, Field *field, const char *text, int length)
{
	MemoryContext before;
	char *sample;

	if (list_length(field->samples) >= MOST_SAMPLES)
		return;
	sample = pnstrdup(text, pg_mbcliplen(text, length, MOST_SHOWN));
	if (mls_is_listed(field->samples, sample))
		return;
	before = MemoryContextSwitchTo(types->context);
	field->samples = lappend(field->samples, pstrdup(sample));
	MemoryContextSwitchTo(before);
}

/* What a number of JSON can be: the source says that it is one, and its digits are all there. */
static int
json_number(const char *text, int length)
{
	bool is_whole = length - (*text == '-') <= MOST_DIGITS && !memchr(text, '.', length) &&
					!memchr(text, 'e', length) && !memchr(text, 'E', length);

	return ALL_NUMBERS & ~(is_whole ? 0 : MLS_CAN_INTEGER);
}

static void
see(DatasetTypes *types, Field *field, const MlsSlice *slice)
{
	const char *text;
	int length;
	int blanks = 0;

	if (slice->kind == MLS_NULL)
		return;
	text = mls_slice_content(slice, &length);
	if (length > 0)
		keep_sample(types, field, text, length);
	if (field->is_told)
		return;
	while (blanks < length && text[blanks] == ' ')
		blanks++;
	/* What has nothing in it says nothing. */
	if (blanks == length)
		return;
	field->values++;
	switch (slice->kind)
	{
		case MLS_NUMBER:
			field->can &= json_number(text, length);
			break;
		case MLS_BOOLEAN:
			field->can &= MLS_CAN_BOOLEAN;
			break;
		case MLS_STRING:
			if (field->can)
				field->can &= mls_written_ways(text, length, &field->shows);
			break;
		default:
			field->is_json = true;
			field->can = 0;
	}
}

void
mls_dataset_types_see(DatasetTypes *types, const MlsPage *page)
{
	for (int i = 0; i < page->nrecords; i++)
	{
		const MlsRecord *record = &page->records[i];

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < record->nslices; j++)
			see(types, field_of(types, &record->slices[j], j), &record->slices[j]);
	}
}

/* ---- names of identities ---- */

/* Does a part of a name end here?  At another sign than letters and digits, and in CamelCase. */
static bool
is_border(const char *s)
{
	return !isalnum((unsigned char) s[0]) || !isalnum((unsigned char) s[1]) ||
		   (islower((unsigned char) s[0]) && isupper((unsigned char) s[1])) ||
		   (isalpha((unsigned char) s[0]) && isdigit((unsigned char) s[1])) ||
		   (isupper((unsigned char) s[0]) && isupper((unsigned char) s[1]) && s[2] &&
			islower((unsigned char) s[2]));
}

/* These in a name, or at its end only: "unit_no", but not "no_of_rooms". */
static bool
is_identity_word(const char *word, bool is_last)
{
	static const char *const words[] = {
		"id",   "key", "code", "zip",    "zipcode", "postal",  "postcode", "phone",
		"fax",  "mls", "apn",  "parcel", "fips",    "license", "licence",  "vat",
		"iban", "ref", "tel",  "mobile", "guid",    "uuid",    "plz",      NULL};
	static const char *const last_words[] = {"no", "nr", "num", "number", NULL};

	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	for (int i = 0; is_last && last_words[i]; i++)
		if (strcmp(last_words[i], word) == 0)
			return true;
	return false;
}

static bool
names_identity(const char *name)
{
	char word[32];
	int length = 0;

	for (const char *s = name; *s; s++)
	{
		bool is_end = is_border(s);

		if (isalnum((unsigned char) *s) && length < lengthof(word) - 1)
			word[length++] = pg_tolower((unsigned char) *s);
		if (!is_end || length == 0)
			continue;
		word[length] = '\0';
		if (is_identity_word(
				word, s[1 + strcspn(s + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
										   "YZ0123456789")] == '\0'))
			return true;
		length = 0;
	}
	return false;
}

/* ---- deciding ---- */

typedef struct Decision
{
	Oid type;
	MlsWritten written;
	const char *why; /* where it is not plain to see; or NULL */
	bool is_open;
} Decision;

/* One column may show what another leaves open: 1,5 is no thousand, nor is 1.234.567,8. */
static void
find_numbers(DatasetTypes *types)
{
	bool has_point = false;
	bool has_comma = false;
	ListCell *lc;

	if (types->server->decimal != DATASET_AUTO)
	{
		types->numbers =
			types->server->decimal == DATASET_FIRST ? MLS_WRITTEN_POINT : MLS_WRITTEN_COMMA;
		types->shown_by = "the option decimal";
		return;
	}
	foreach (lc, types->fields)
	{
		const Field *field = lfirst(lc);
		int can = field->can & (MLS_CAN_POINT | MLS_CAN_COMMA);

		if (field->values == 0 || !(field->shows & MLS_SHOWS_PARTING) ||
			(can != MLS_CAN_COMMA && can != MLS_CAN_POINT))
			continue;
		has_comma |= can == MLS_CAN_COMMA;
		has_point |= can == MLS_CAN_POINT;
		types->shown_by = psprintf("column \"%s\"", field->name);
	}
	if (has_comma != has_point)
		types->numbers = has_comma ? MLS_WRITTEN_COMMA : MLS_WRITTEN_POINT;
}

static Decision
decide_number(const DatasetTypes *types, const Field *field)
{
	bool is_point = field->can & MLS_CAN_POINT;
	bool is_comma = field->can & MLS_CAN_COMMA;
	bool is_open = is_point && is_comma && (field->shows & MLS_SHOWS_PARTING);
	int units = field->shows & MLS_SHOWS_UNITS;

	if (types->server->ids_as_text && names_identity(field->name))
		return (Decision){TEXTOID, MLS_WRITTEN_PLAIN, "text, since its name says identity"};
	if (units & (units - 1))
		return (Decision){TEXTOID, MLS_WRITTEN_PLAIN,
						  "text, since its amounts have several currencies, or some are percents",
						  true};
	if (field->can & MLS_CAN_INTEGER)
		return (Decision){INT8OID, MLS_WRITTEN_PLAIN, NULL};
	/* Plain numbers are open, too, if each fraction has three digits behind three at most. */
	if (is_open && types->server->decimal == DATASET_AUTO && types->numbers == MLS_WRITTEN_PLAIN)
		return (Decision){TEXTOID, MLS_WRITTEN_PLAIN,
						  psprintf("text, since its %s can part thousands or a fraction: set the "
								   "server option decimal",
								   field->can & MLS_CAN_NUMBER ? "points" : "commas"),
						  true};
	if (is_comma && (!is_point || (is_open && types->numbers == MLS_WRITTEN_COMMA)))
		return (Decision){NUMERICOID, MLS_WRITTEN_COMMA,
						  is_open
							  ? psprintf("read with a decimal comma, as %s shows", types->shown_by)
							  : "read with a decimal comma"};
	if (field->can & MLS_CAN_NUMBER)
		return (Decision){
			NUMERICOID, MLS_WRITTEN_PLAIN,
			is_open ? psprintf("read with a decimal point, as %s shows", types->shown_by) : NULL};
	if (is_open)
		return (Decision){NUMERICOID, MLS_WRITTEN_POINT,
						  psprintf("read with a decimal point, as %s shows", types->shown_by)};
	return (Decision){NUMERICOID, MLS_WRITTEN_POINT, NULL};
}

static Decision
decide_date(const DatasetTypes *types, int can)
{
	static const struct
	{
		int bit;
		Oid type;
		MlsWritten written;
	} forms[] = {
		{MLS_CAN_YMD, DATEOID, MLS_WRITTEN_YMD},
		{MLS_CAN_NAMED, DATEOID, MLS_WRITTEN_NAMED},
		{MLS_CAN_DMY, DATEOID, MLS_WRITTEN_DMY},
		{MLS_CAN_MDY, DATEOID, MLS_WRITTEN_MDY},
		{MLS_CAN_YMD_TIME, TIMESTAMPTZOID, MLS_WRITTEN_YMD},
		{MLS_CAN_NAMED_TIME, TIMESTAMPTZOID, MLS_WRITTEN_NAMED},
		{MLS_CAN_DMY_TIME, TIMESTAMPTZOID, MLS_WRITTEN_DMY},
		{MLS_CAN_MDY_TIME, TIMESTAMPTZOID, MLS_WRITTEN_MDY},
	};
	int dates = types->server->dates;

	if (can & MLS_CAN_DATE)
		return (Decision){DATEOID, MLS_WRITTEN_PLAIN, NULL};
	if (can & MLS_CAN_INSTANT)
		return (Decision){TIMESTAMPTZOID, MLS_WRITTEN_PLAIN, NULL};
	if ((can & MLS_CAN_DMY_TIME) && (can & MLS_CAN_MDY_TIME))
	{
		if (dates == DATASET_AUTO)
			return (Decision){TEXTOID, MLS_WRITTEN_PLAIN,
							  "text, since day and month cannot be told apart: set the server "
							  "option dates",
							  true};
		can &= dates == DATASET_FIRST ? ~(MLS_CAN_MDY | MLS_CAN_MDY_TIME)
									  : ~(MLS_CAN_DMY | MLS_CAN_DMY_TIME);
	}
	for (int i = 0; i < lengthof(forms); i++)
		if (can & forms[i].bit)
			return (Decision){forms[i].type, forms[i].written, NULL};
	return (Decision){TEXTOID, MLS_WRITTEN_PLAIN, NULL};
}

/* N may be no, or north: letters are words where both of them are there. */
static bool
is_open_letter(const Field *field)
{
	int letters = field->shows & (MLS_SHOWS_YES | MLS_SHOWS_NO);

	return letters == MLS_SHOWS_YES || letters == MLS_SHOWS_NO;
}

static Decision
find_decision(const DatasetTypes *types, const Field *field)
{
	if (field->is_json)
		return (Decision){JSONBOID, MLS_WRITTEN_PLAIN, NULL};
	if (field->values == 0)
		return (Decision){TEXTOID, MLS_WRITTEN_PLAIN, "text, since it has no values"};
	if ((field->can & MLS_CAN_BOOLEAN) && is_open_letter(field))
		return (Decision){TEXTOID, MLS_WRITTEN_PLAIN,
						  "text, since its one letter need not be a yes or no", true};
	if (field->can & MLS_CAN_BOOLEAN)
		return (Decision){BOOLOID, MLS_WRITTEN_PLAIN, NULL};
	if (field->can & ALL_NUMBERS)
		return decide_number(types, field);
	return decide_date(types, field->can);
}

/* What a file says of a field holds, and for the values of others if they can be that as well. */
static Decision
decide(const DatasetTypes *types, const Field *field)
{
	Decision found;

	if (OidIsValid(field->declared) && field->values == 0)
		return (Decision){field->declared, MLS_WRITTEN_PLAIN, NULL};
	found = find_decision(types, field);
	if (!OidIsValid(field->declared) || found.type == field->declared)
		return found;
	return (Decision){common_type(field->declared, found.type), MLS_WRITTEN_PLAIN,
					  "its files have it in several types"};
}

/* Fields of ours are what they are, and stand behind those of the files. */
static bool
is_own(const Field *field, Oid *type)
{
	if (strcmp(field->name, DATASET_LINE) == 0)
		*type = INT8OID;
	else if (strcmp(field->name, DATASET_FILE) == 0 || strcmp(field->name, DATASET_SHA256) == 0)
		*type = TEXTOID;
	else if (strcmp(field->name, DATASET_EXTRA) == 0)
		*type = JSONBOID;
	else
		return false;
	return true;
}

static MlsRemoteField *
remote_field(const DatasetTypes *types, const Field *field)
{
	MlsRemoteField *remote = palloc0(sizeof(MlsRemoteField));
	Decision decision;

	remote->name = field->name;
	remote->nullable = true;
	remote->max_length = -1;
	remote->samples = field->samples;
	if (is_own(field, &remote->pg_type))
	{
		remote->natural = true;
		return remote;
	}
	decision = decide(types, field);
	remote->pg_type = decision.type;
	remote->type = mls_written_name(decision.written);
	remote->natural = remote->type == NULL;
	remote->description = decision.why;
	remote->is_open = decision.is_open;
	if (field->shows & MLS_SHOWS_ZERO_DATE)
		remote->description = "dates of zeros are none";
	return remote;
}

List *
mls_dataset_types_fields(DatasetTypes *types)
{
	List *own = NIL;
	List *fields = NIL;
	ListCell *lc;

	find_numbers(types);
	foreach (lc, types->fields)
	{
		Oid type;

		if (is_own(lfirst(lc), &type))
			own = lappend(own, remote_field(types, lfirst(lc)));
		else
			fields = lappend(fields, remote_field(types, lfirst(lc)));
	}
	return list_concat(fields, own);
}
