/*
 * attempt.c
 *		Work that an expression of a rule may make fail.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "gold/gold.h"

/* What a rule does wrong, or, where it was asked for, what row security refuses. */
static bool
is_tolerated(int code, const bool *is_refused)
{
	return ERRCODE_TO_CATEGORY(code) == ERRCODE_DATA_EXCEPTION ||
		   (is_refused != NULL && code == ERRCODE_INSUFFICIENT_PRIVILEGE);
}

static bool
attempt(void (*work)(void *arg), void *arg, char **message, bool *is_refused)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool fine = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		if (!is_tolerated(geterrcode(), is_refused))
			PG_RE_THROW();
		if (is_refused != NULL)
			*is_refused = geterrcode() == ERRCODE_INSUFFICIENT_PRIVILEGE;
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		*message = error->message;
		fine = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return fine;
}

bool
mls_attempt(void (*work)(void *arg), void *arg, char **message)
{
	return attempt(work, arg, message, NULL);
}

bool
mls_attempt_guarded(void (*work)(void *arg), void *arg, char **message, bool *is_refused)
{
	*is_refused = false;
	return attempt(work, arg, message, is_refused);
}
