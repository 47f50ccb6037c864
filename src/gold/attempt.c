/*
 * attempt.c
 *		Work that an expression of a rule may make fail.
 */
#include "postgres.h"

#include "base/base.h"
#include "gold/gold.h"

/* What a rule does wrong. */
static bool
is_of_values(int code)
{
	return ERRCODE_TO_CATEGORY(code) == ERRCODE_DATA_EXCEPTION;
}

/* Or, where it was asked for, what row security refuses. */
static bool
is_of_values_or_rights(int code)
{
	return is_of_values(code) || code == ERRCODE_INSUFFICIENT_PRIVILEGE;
}

bool
mls_attempt(void (*work)(void *arg), void *arg, char **message)
{
	ErrorData *error = mls_subtransaction(work, arg, is_of_values, true);

	if (error != NULL)
		*message = error->message;
	return error == NULL;
}

bool
mls_attempt_guarded(void (*work)(void *arg), void *arg, char **message, bool *is_refused)
{
	ErrorData *error = mls_subtransaction(work, arg, is_of_values_or_rights, true);

	*is_refused = error != NULL && error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE;
	if (error != NULL)
		*message = error->message;
	return error == NULL;
}
