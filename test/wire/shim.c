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

#include <setjmp.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "protocol/rets/rets.h"

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
MemoryContext TopMemoryContext = NULL;
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
list_copy(const List *list)
{
	List *copy = NIL;
	ListCell *lc;

	foreach (lc, list)
		copy = lappend(copy, lfirst(lc));
	return copy;
}

/* ---- hash tables, as lists: what is searched here is small ---- */

struct HTAB
{
	Size key_size;
	Size entry_size;
	bool strings;
	List *entries;
};

HTAB *
hash_create(const char *name, long size, const HASHCTL *info, int flags)
{
	HTAB *table = palloc0(sizeof(HTAB));

	table->key_size = info->keysize;
	table->entry_size = info->entrysize;
	table->strings = (flags & HASH_STRINGS) != 0;
	return table;
}

void *
hash_search(HTAB *table, const void *key, HASHACTION action, bool *found)
{
	char *entry;
	ListCell *lc;

	foreach (lc, table->entries)
	{
		entry = lfirst(lc);
		*found = table->strings ? strncmp(entry, key, table->key_size - 1) == 0
								: memcmp(entry, key, table->key_size) == 0;
		if (*found)
			return entry;
	}
	*found = false;
	if (action == HASH_FIND)
		return NULL;
	entry = palloc0(table->entry_size);
	if (table->strings)
		strlcpy(entry, key, table->key_size);
	else
		memcpy(entry, key, table->key_size);
	table->entries = lappend(table->entries, entry);
	return entry;
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

uint64
mls_new_shape(void)
{
	static uint64 last = 0;

	return ++last;
}

/* Answers come from files here, not by HTTP. */
const char *
mls_http_header(const MlsHttpResponse *response, const char *name)
{
	abort();
}

void
mls_rets_argument(List **arguments, const char *name, const char *value)
{
	abort();
}

RetsOutcome
mls_rets_talk(const MlsSource *source, const RetsCall *call, MlsHttpRequest *sent, RetsRead read,
			  void *arg, MlsHttpStats *stats)
{
	abort();
}

void
mls_rets_report(const MlsSource *source, const RetsCall *call, const RetsOutcome *outcome)
{
	abort();
}

/* ---- errors ---- */

volatile sig_atomic_t InterruptPending = false;
static jmp_buf *catcher = NULL;
static char message[1024];
static char detail[1024];

void
ProcessInterrupts(void)
{
}

bool
errstart(int level, const char *domain)
{
	message[0] = detail[0] = '\0';
	return true;
}

bool
errstart_cold(int level, const char *domain)
{
	return errstart(level, domain);
}

int
errcode(int code)
{
	return 0;
}

int
errmsg(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return 0;
}

int
errmsg_internal(const char *format, ...)
{
	return 0;
}

int
errdetail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
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
	if (catcher == NULL)
		abort();
	longjmp(*catcher, 1);
}

void
ExceptionalCondition(const char *condition, const char *type, const char *file, int line)
{
	fprintf(stderr, "failed assertion \"%s\", %s:%d\n", condition, file, line);
	abort();
}

const char *
wire_run(void (*function)(void *arg), void *arg)
{
	static char text[2100];
	jmp_buf here;
	bool failed;

	if (TopMemoryContext == NULL)
		TopMemoryContext = new_context(NULL);
	CurrentMemoryContext = new_context(TopMemoryContext);
	catcher = &here;
	failed = setjmp(here) != 0;
	if (!failed)
		function(arg);
	catcher = NULL;
	MemoryContextReset(TopMemoryContext);
	CurrentMemoryContext = NULL;
	if (!failed)
		return NULL;
	snprintf(text, sizeof(text), "%s%s%s", message, *detail ? " | " : "", detail);
	return text;
}
