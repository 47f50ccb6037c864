/*
 * unit.c
 *		Areas and lengths in other units.
 *
 * Factors are exact by definition: a foot is 0.3048 m, an acre 43,560 square feet
 * of it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "compat.h"

PG_FUNCTION_INFO_V1(mls_convert_unit);

/* Digits kept of a converted value. */
#define DIGITS 4

typedef struct Unit
{
	const char *name;   /* lower case, without blanks */
	char dimension;     /* length or area */
	const char *factor; /* in metres or square metres */
} Unit;

static const Unit units[] = {
	{"m2", 'a', "1"},
	{"sqm", 'a', "1"},
	{"m²", 'a', "1"},
	{"squaremeters", 'a', "1"},
	{"squaremetres", 'a', "1"},
	{"ft2", 'a', "0.09290304"},
	{"sqft", 'a', "0.09290304"},
	{"squarefeet", 'a', "0.09290304"},
	{"yd2", 'a', "0.83612736"},
	{"sqyd", 'a', "0.83612736"},
	{"squareyards", 'a', "0.83612736"},
	{"ac", 'a', "4046.8564224"},
	{"acre", 'a', "4046.8564224"},
	{"acres", 'a', "4046.8564224"},
	{"ha", 'a', "10000"},
	{"hectare", 'a', "10000"},
	{"hectares", 'a', "10000"},
	{"km2", 'a', "1000000"},
	{"squarekilometers", 'a', "1000000"},
	{"mi2", 'a', "2589988.110336"},
	{"squaremiles", 'a', "2589988.110336"},
	{"m", 'l', "1"},
	{"meter", 'l', "1"},
	{"meters", 'l', "1"},
	{"metres", 'l', "1"},
	{"cm", 'l', "0.01"},
	{"ft", 'l', "0.3048"},
	{"feet", 'l', "0.3048"},
	{"foot", 'l', "0.3048"},
	{"in", 'l', "0.0254"},
	{"yd", 'l', "0.9144"},
	{"yards", 'l', "0.9144"},
	{"km", 'l', "1000"},
	{"kilometers", 'l', "1000"},
	{"mi", 'l', "1609.344"},
	{"mile", 'l', "1609.344"},
	{"miles", 'l', "1609.344"},
};

/* A unit by its name, whatever its case, blanks and dots. */
static const Unit *
find_unit(const text *name)
{
	char plain[32];
	size_t length = 0;

	for (int i = 0; i < VARSIZE_ANY_EXHDR(name); i++)
	{
		char c = VARDATA_ANY(name)[i];

		if (c == ' ' || c == '_' || c == '.')
			continue;
		if (length == sizeof(plain) - 1)
			return NULL;
		plain[length++] = pg_ascii_tolower(c);
	}
	plain[length] = '\0';
	for (int i = 0; i < lengthof(units); i++)
		if (strcmp(units[i].name, plain) == 0)
			return &units[i];
	return NULL;
}

static Datum
number(const char *digits)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(digits), ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

/* mls.convert_unit(value, from_unit, to_unit) */
Datum
mls_convert_unit(PG_FUNCTION_ARGS)
{
	const Unit *from = find_unit(PG_GETARG_TEXT_PP(1));
	const Unit *to = find_unit(PG_GETARG_TEXT_PP(2));
	Datum value = PG_GETARG_DATUM(0);

	if (from == NULL || to == NULL || from->dimension != to->dimension)
		PG_RETURN_NULL();
	if (from != to)
	{
		value = DirectFunctionCall2(numeric_mul, value, number(from->factor));
		value = DirectFunctionCall2(numeric_div, value, number(to->factor));
		value = DirectFunctionCall2(numeric_round, value, Int32GetDatum(DIGITS));
	}
	PG_RETURN_DATUM(value);
}
