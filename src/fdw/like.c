/*
 * like.c
 *		LIKE patterns as prefix, suffix or infix matches.
 *
 * Of "a_bc%d" the source can be told one literal piece; the longest selects best.
 * Escapes are resolved: a backslash makes the next character literal.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "fdw/condition.h"

typedef struct Piece
{
	StringInfoData text;
	bool at_start; /* nothing before it */
	bool at_end;   /* nothing after it */
} Piece;

static void
keep_longer(Piece *best, Piece *piece)
{
	if (piece->text.len > best->text.len)
		*best = *piece;
	initStringInfo(&piece->text);
	piece->at_start = false;
}

/* The longest literal piece of a pattern; false if it ends within an escape. */
static bool
longest_piece(const char *pattern, Piece *best)
{
	Piece piece = {.at_start = true};

	initStringInfo(&piece.text);
	*best = piece;
	for (const char *c = pattern; *c;)
	{
		int length;

		if (*c == '%' || *c == '_')
		{
			piece.at_end = false;
			keep_longer(best, &piece);
			c++;
			continue;
		}
		if (*c == '\\' && *++c == '\0')
			return false;
		length = pg_mblen(c);
		appendBinaryStringInfo(&piece.text, c, length);
		c += length;
	}
	piece.at_end = true;
	keep_longer(best, &piece);
	return true;
}

bool
mls_like_resolve(MlsCondition *condition)
{
	MlsValue *value = linitial(condition->values);
	MlsValue *literal;
	Piece best;

	if (value->isnull || !longest_piece(TextDatumGetCString(value->datum), &best) ||
		best.text.len == 0)
		return false;
	literal = palloc0(sizeof(MlsValue));
	literal->type = TEXTOID;
	literal->datum = CStringGetTextDatum(best.text.data);
	literal->param = -1;
	condition->values = list_make1(literal);
	condition->pattern = false;
	if (best.at_start && best.at_end)
	{
		/* No wildcard at all: an equality. */
		condition->kind = MLS_COMPARE;
		condition->op = MLS_EQ;
		condition->widened = false;
	}
	else
		condition->kind = best.at_start ? MLS_STARTS : best.at_end ? MLS_ENDS : MLS_CONTAINS;
	return true;
}
