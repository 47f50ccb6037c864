/*
 * ledger.c
 *		The files that records come from.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "protocol/ledger.h"

/* So much of a line that is no record is kept with its issue. */
#define MOST_TEXT 200

/* Issues of one page's lines beyond this are counted, not listed. */
#define MOST_REJECTS 1000

const MlsFileEntry *
mls_ledger_find(const MlsFileLedger *ledger, const char *name)
{
	ListCell *lc;

	foreach (lc, ledger->known)
		if (strcmp(((MlsFileEntry *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

const MlsFileEntry *
mls_ledger_find_bytes(const MlsFileLedger *ledger, const char *sha256)
{
	ListCell *lc;

	foreach (lc, ledger->known)
	{
		const MlsFileEntry *entry = lfirst(lc);

		if ((entry->state == MLS_FILE_SYNCED || entry->state == MLS_FILE_GONE) && entry->sha256 &&
			strcmp(entry->sha256, sha256) == 0)
			return entry;
	}
	return NULL;
}

const MlsFileEntry *
mls_ledger_find_taken(const MlsFileLedger *ledger, const char *sha256)
{
	ListCell *lc;

	foreach (lc, ledger->known)
	{
		const MlsFileEntry *entry = lfirst(lc);

		if (entry->taken_sha256 && strcmp(entry->taken_sha256, sha256) == 0)
			return entry;
	}
	return NULL;
}

static char *
copy(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

void
mls_ledger_note(MlsFileLedger *ledger, const MlsFileEntry *entry)
{
	MemoryContext before = MemoryContextSwitchTo(ledger->context);
	MlsFileEntry *kept = palloc(sizeof(MlsFileEntry));
	MlsFileEntry *known = (MlsFileEntry *) mls_ledger_find(ledger, entry->name);

	*kept = *entry;
	kept->name = pstrdup(entry->name);
	kept->validator = copy(entry->validator);
	kept->sha256 = copy(entry->sha256);
	kept->taken_sha256 = copy(entry->taken_sha256);
	kept->first_sha256 = copy(entry->first_sha256);
	kept->reading = copy(entry->reading);
	kept->error = copy(entry->error);
	kept->advice = copy(entry->advice);
	ledger->news = lappend(ledger->news, kept);
	if (known)
		*known = *kept;
	else
		ledger->known = lappend(ledger->known, kept);
	if (entry->state == MLS_FILE_FAILED && ledger->failed++ == 0)
	{
		ledger->failure = kept->error;
		ledger->advice = kept->advice;
	}
	MemoryContextSwitchTo(before);
}

void
mls_ledger_other(MlsFileLedger *ledger, const char *name, const char *resource)
{
	MemoryContext before = MemoryContextSwitchTo(ledger->context);
	MlsSourceFile *other = palloc(sizeof(MlsSourceFile));

	other->name = pstrdup(name);
	other->resource = pstrdup(resource);
	ledger->others = lappend(ledger->others, other);
	MemoryContextSwitchTo(before);
}

void
mls_ledger_reject(MlsFileLedger *ledger, const char *name, int64 line, const char *text, int length,
				  const char *reason)
{
	MemoryContext before;
	MlsFileReject *reject;

	if (list_length(ledger->rejects) >= MOST_REJECTS)
		return;
	before = MemoryContextSwitchTo(ledger->context);
	reject = palloc(sizeof(MlsFileReject));
	reject->name = pstrdup(name);
	reject->line = line;
	reject->text = pnstrdup(text, pg_mbcliplen(text, length, MOST_TEXT));
	reject->reason = pstrdup(reason);
	ledger->rejects = lappend(ledger->rejects, reject);
	MemoryContextSwitchTo(before);
}

/* ---- Files that are kept ---- */

MemoryContext mls_kept_files = NULL;

static void
end_keeping(void *context)
{
	if (mls_kept_files == context)
		mls_kept_files = NULL;
}

void
mls_keep_files(MemoryContext context)
{
	MemoryContextCallback *callback = MemoryContextAllocZero(context, sizeof(*callback));

	callback->func = end_keeping;
	callback->arg = context;
	MemoryContextRegisterResetCallback(context, callback);
	mls_kept_files = context;
}
