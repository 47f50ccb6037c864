/*
 * shim.c
 *		What the readers use of a PostgreSQL server, without one: memory contexts,
 *		errors, a few strings and lists.
 *
 * Each allocation is one of malloc's, so that the sanitizers see every byte that
 * is touched too many or too late; a server's contexts would hide them.  An error
 * is caught by wire_run.  The rest (string functions, encodings, StringInfo) comes
 * from PostgreSQL's own libraries for programs.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/datetime.h"
#include "utils/hsearch.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "shim.h"

/* ---- memory ---- */

typedef struct Block
{
	struct Block *next;
	struct Block *previous;
	MemoryContext owner;
	Size size;
} Block;

/* A context; PostgreSQL's own head comes first, since macros look into it. */
typedef struct Context
{
	MemoryContextData head;
	Block *blocks;
} Context;

MemoryContext CurrentMemoryContext = NULL;
MemoryContext TopMemoryContext = NULL; /* what is in it stays, and is not counted */
Size wire_limit = (Size) 1 << 30;
static Size allocated = 0;

static MemoryContext
new_context(MemoryContext parent)
{
	Context *context = calloc(1, sizeof(Context));

	context->head.type = T_AllocSetContext;
	context->head.parent = parent;
	if (parent)
	{
		context->head.nextchild = parent->firstchild;
		if (parent->firstchild)
			parent->firstchild->prevchild = &context->head;
		parent->firstchild = &context->head;
	}
	return &context->head;
}

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size minContextSize,
							  Size initBlockSize, Size maxBlockSize)
{
	return new_context(parent);
}

static void
unlink_context(MemoryContext context)
{
	if (context->prevchild)
		context->prevchild->nextchild = context->nextchild;
	else if (context->parent)
		context->parent->firstchild = context->nextchild;
	if (context->nextchild)
		context->nextchild->prevchild = context->prevchild;
	context->nextchild = context->prevchild = context->parent = NULL;
}

static void
free_block(Block *block)
{
	Context *context = (Context *) block->owner;

	if (block->previous)
		block->previous->next = block->next;
	else
		context->blocks = block->next;
	if (block->next)
		block->next->previous = block->previous;
	if (block->owner != TopMemoryContext)
		allocated -= block->size;
	free(block);
}

void
MemoryContextReset(MemoryContext context)
{
	MemoryContextCallback *callback;

	while (context->firstchild)
		MemoryContextDelete(context->firstchild);
	while ((callback = context->reset_cbs) != NULL)
	{
		context->reset_cbs = callback->next;
		callback->func(callback->arg);
	}
	while (((Context *) context)->blocks)
		free_block(((Context *) context)->blocks);
}

void
MemoryContextDelete(MemoryContext context)
{
	MemoryContextReset(context);
	unlink_context(context);
	free(context);
}

void
MemoryContextSetParent(MemoryContext context, MemoryContext parent)
{
	unlink_context(context);
	context->parent = parent;
	context->nextchild = parent->firstchild;
	if (parent->firstchild)
		parent->firstchild->prevchild = context;
	parent->firstchild = context;
}

void
MemoryContextRegisterResetCallback(MemoryContext context, MemoryContextCallback *callback)
{
	callback->next = context->reset_cbs;
	context->reset_cbs = callback;
}

static void *
allocate(MemoryContext owner, Size size)
{
	Context *context = (Context *) owner;
	Block *block;

	if (allocated + size > wire_limit)
		return NULL;
	block = malloc(sizeof(Block) + size);
	block->owner = owner;
	block->size = size;
	block->previous = NULL;
	block->next = context->blocks;
	if (context->blocks)
		context->blocks->previous = block;
	context->blocks = block;
	if (owner != TopMemoryContext)
		allocated += size;
	return block + 1;
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	void *result = allocate(context, size);

	if (result == NULL && !(flags & MCXT_ALLOC_NO_OOM))
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (result && (flags & MCXT_ALLOC_ZERO))
		memset(result, 0, size);
	return result;
}

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return MemoryContextAllocExtended(context, size, MCXT_ALLOC_HUGE);
}

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	if (!AllocSizeIsValid(size))
		ereport(ERROR, (errmsg("invalid memory alloc request size %zu", size)));
	return MemoryContextAllocHuge(context, size);
}

void *
MemoryContextAllocZeroAligned(MemoryContext context, Size size)
{
	return MemoryContextAllocZero(context, size);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return memset(MemoryContextAlloc(context, size), 0, size);
}

void *
palloc(Size size)
{
	return MemoryContextAlloc(CurrentMemoryContext, size);
}

void *
palloc0(Size size)
{
	return MemoryContextAllocZero(CurrentMemoryContext, size);
}

void *
palloc_extended(Size size, int flags)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, size, flags);
}

void
pfree(void *pointer)
{
	free_block((Block *) pointer - 1);
}

void *
repalloc_huge(void *pointer, Size size)
{
	Block *old = (Block *) pointer - 1;
	void *result = MemoryContextAllocHuge(old->owner, size);

	memcpy(result, pointer, Min(size, old->size));
	free_block(old);
	return result;
}

void *
repalloc(void *pointer, Size size)
{
	return repalloc_huge(pointer, size);
}

char *
pstrdup(const char *text)
{
	return MemoryContextStrdup(CurrentMemoryContext, text);
}

char *
MemoryContextStrdup(MemoryContext context, const char *text)
{
	return memcpy(MemoryContextAlloc(context, strlen(text) + 1), text, strlen(text) + 1);
}

char *
pnstrdup(const char *text, Size length)
{
	char *result;

	length = strnlen(text, length);
	result = palloc(length + 1);
	memcpy(result, text, length);
	result[length] = '\0';
	return result;
}

Size
wire_allocated(void)
{
	return allocated;
}

/* ---- lists ---- */

List *
list_make1_impl(NodeTag type, ListCell cell)
{
	return lappend(NIL, cell.ptr_value);
}

List *
list_make2_impl(NodeTag type, ListCell first, ListCell second)
{
	return lappend(lappend(NIL, first.ptr_value), second.ptr_value);
}

List *
lappend(List *list, void *datum)
{
	if (list == NIL)
	{
		list = palloc0(sizeof(List));
		list->type = T_List;
		list->max_length = 8;
		list->elements = palloc(list->max_length * sizeof(ListCell));
	}
	if (list->length == list->max_length)
	{
		list->max_length *= 2;
		list->elements = repalloc(list->elements, list->max_length * sizeof(ListCell));
	}
	list->elements[list->length++].ptr_value = datum;
	return list;
}

List *
lcons(void *datum, List *list)
{
	list = lappend(list, NULL);
	memmove(list->elements + 1, list->elements, (list->length - 1) * sizeof(ListCell));
	list->elements[0].ptr_value = datum;
	return list;
}

List *
list_concat(List *list, const List *more)
{
	ListCell *lc;

	foreach (lc, more)
		list = lappend(list, lfirst(lc));
	return list;
}

List *
list_copy(const List *list)
{
	return list_concat(NIL, list);
}

List *
list_delete_ptr(List *list, void *datum)
{
	int kept = 0;

	for (int i = 0; list && i < list->length; i++)
		if (list->elements[i].ptr_value != datum)
			list->elements[kept++] = list->elements[i];
	if (list)
		list->length = kept;
	return kept > 0 ? list : NIL;
}

List *
lappend_oid(List *list, Oid datum)
{
	list = lappend(list, NULL);
	list->type = T_OidList;
	llast_oid(list) = datum;
	return list;
}

bool
list_member_oid(const List *list, Oid datum)
{
	ListCell *lc;

	foreach (lc, list)
		if (lfirst_oid(lc) == datum)
			return true;
	return false;
}

/* ---- hash tables, as lists: what is searched here is small ---- */

typedef struct Entry
{
	struct Entry *next;
	char data[] pg_attribute_aligned(MAXIMUM_ALIGNOF);
} Entry;

struct HTAB
{
	HTAB *next; /* of those that belong to the process */
	MemoryContext context;
	Size key_size;
	Size entry_size;
	bool strings;
	HashCompareFunc match;
	Entry *entries;
};

static HTAB *process_tables = NULL;

HTAB *
hash_create(const char *name, long size, const HASHCTL *info, int flags)
{
	MemoryContext context = flags & HASH_CONTEXT ? info->hcxt : TopMemoryContext;
	HTAB *table = MemoryContextAllocZero(context, sizeof(HTAB));

	table->context = context;
	table->key_size = info->keysize;
	table->entry_size = info->entrysize;
	table->strings = (flags & HASH_STRINGS) != 0;
	table->match = flags & HASH_COMPARE ? info->match : NULL;
	if (context == TopMemoryContext)
	{
		table->next = process_tables;
		process_tables = table;
	}
	return table;
}

/* A process-wide table is empty again for the next run. */
static void
forget_tables(void)
{
	for (HTAB *table = process_tables; table; table = table->next)
		while (table->entries)
		{
			Entry *entry = table->entries;

			table->entries = entry->next;
			pfree(entry);
		}
}

static bool
is_key(const HTAB *table, const void *entry, const void *key)
{
	if (table->match)
		return table->match(entry, key, table->key_size) == 0;
	return table->strings ? strncmp(entry, key, table->key_size - 1) == 0
						  : memcmp(entry, key, table->key_size) == 0;
}

void *
hash_search(HTAB *table, const void *key, HASHACTION action, bool *found)
{
	Entry *entry = table->entries;

	while (entry && !is_key(table, entry->data, key))
		entry = entry->next;
	if (found)
		*found = entry != NULL;
	if (entry || action == HASH_FIND)
		return entry ? entry->data : NULL;
	entry = MemoryContextAllocZero(table->context, sizeof(Entry) + table->entry_size);
	if (table->strings)
		strlcpy((char *) entry->data, key, table->key_size);
	else
		memcpy(entry->data, key, table->key_size);
	entry->next = table->entries;
	table->entries = entry;
	return entry->data;
}

void
hash_destroy(HTAB *table)
{
}

/* ---- encodings: a database in UTF-8 ---- */

int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

int
pg_lltoa(int64 value, char *out)
{
	return sprintf(out, INT64_FORMAT, value);
}

int
pg_mbcliplen(const char *text, int length, int limit)
{
	int clipped = 0;

	while (clipped < length && text[clipped])
	{
		int l = pg_utf_mblen((const unsigned char *) text + clipped);

		if (clipped + l > limit || clipped + l > length)
			break;
		clipped += l;
	}
	return clipped;
}

/* A database in UTF-8 needs no conversion. */
char *
pg_any_to_server(const char *text, int length, int encoding)
{
	if (pg_encoding_verifymbstr(PG_UTF8, text, length) != length)
		ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE), errmsg("no UTF-8")));
	return unconstify(char *, text);
}

/* ---- types, and text for others ---- */

Oid
get_array_type(Oid type)
{
	return type == JSONBOID ? JSONBARRAYOID : TEXTARRAYOID;
}

void
escape_json(StringInfo buf, const char *text)
{
	appendStringInfoChar(buf, '"');
	for (; *text; text++)
	{
		if (*text == '"' || *text == '\\')
			appendStringInfoChar(buf, '\\');
		if ((unsigned char) *text < ' ')
			appendStringInfo(buf, "\\u%04x", *text);
		else
			appendStringInfoChar(buf, *text);
	}
	appendStringInfoChar(buf, '"');
}

/* ---- errors ---- */

volatile sig_atomic_t InterruptPending = false;
sigjmp_buf *PG_exception_stack = NULL;
ErrorContextCallback *error_context_stack = NULL;
static int code;
static char message[65536];
static char detail[65536];

void
ProcessInterrupts(void)
{
}

void
check_stack_depth(void)
{
}

bool
errstart(int elevel, const char *domain)
{
	code = elevel >= ERROR ? ERRCODE_INTERNAL_ERROR : ERRCODE_WARNING;
	message[0] = detail[0] = '\0';
	return elevel >= ERROR;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

int
errcode(int sqlstate)
{
	return code = sqlstate;
}

int
geterrcode(void)
{
	return code;
}

/* Writes a message whole, as a server does. */
static void
write_text(char *text, const char *format, va_list args)
{
	if (pg_vsnprintf(text, sizeof(message), format, args) >= sizeof(message))
		abort();
}

int
errmsg(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_text(message, format, args);
	va_end(args);
	return 0;
}

int
errmsg_internal(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_text(message, format, args);
	va_end(args);
	return 0;
}

int
errdetail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_text(detail, format, args);
	va_end(args);
	return 0;
}

int
errhint(const char *format, ...)
{
	return 0;
}

void
errfinish(const char *file, int line, const char *function)
{
	if (PG_exception_stack == NULL)
		abort();
	siglongjmp(*PG_exception_stack, 1);
}

void
pg_re_throw(void)
{
	errfinish(NULL, 0, NULL);
	abort();
}

void
FlushErrorState(void)
{
}

/* A server has words for what the parser found; programs have them since version 17. */
__attribute__((weak)) char *
json_errdetail(JsonParseErrorType error, JsonLexContext *lex)
{
	return psprintf("JSON error %d", (int) error);
}

void
#if PG_VERSION_NUM >= 160000
ExceptionalCondition(const char *condition, const char *file, int line)
#else
ExceptionalCondition(const char *condition, const char *type, const char *file, int line)
#endif
{
	fprintf(stderr, "failed assertion \"%s\", %s:%d\n", condition, file, line);
	abort();
}

const char *
wire_run(void (*function)(void *arg), void *arg)
{
	static char text[sizeof(message) + sizeof(detail) + 4];
	static MemoryContext run = NULL;
	sigjmp_buf here;
	bool failed;

	if (TopMemoryContext == NULL)
		TopMemoryContext = new_context(NULL);
	if (run == NULL)
		run = new_context(NULL);
	CurrentMemoryContext = run;
	failed = sigsetjmp(here, 0) != 0;
	if (!failed)
	{
		PG_exception_stack = &here;
		function(arg);
	}
	PG_exception_stack = NULL;
	MemoryContextReset(run);
	forget_tables();
	CurrentMemoryContext = NULL;
	if (!failed)
		return NULL;
	snprintf(text, sizeof(text), "%s%s%s", message, *detail ? " | " : "", detail);
	return text;
}

int
wire_code(void)
{
	return code;
}

/* ---- days ---- */

const int day_tab[2][13] = {{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0},
							{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0}};

/* Whole days of all years before, of this one's months, and of this month; of the Julian count. */
int
date2j(int year, int month, int day)
{
	int before = year - 1;
	int days = before * 365 + before / 4 - before / 100 + before / 400;

	for (int i = 1; i < month; i++)
		days += day_tab[isleap(year)][i - 1];
	return days + day + 1721425;
}

void
j2date(int jd, int *year, int *month, int *day)
{
	int left;

	*year = (jd - 1721426) / 366 + 1;
	while (date2j(*year + 1, 1, 1) <= jd)
		(*year)++;
	left = jd - date2j(*year, 1, 1);
	for (*month = 1; left >= day_tab[isleap(*year)][*month - 1]; (*month)++)
		left -= day_tab[isleap(*year)][*month - 1];
	*day = left + 1;
}
