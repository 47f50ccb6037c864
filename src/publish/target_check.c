/*
 * target_check.c
 *		mls_check of a destination: it is connected to, and a table is made there and dropped.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "fdw/fdw.h"
#include "publish/publish.h"
#include "publish/target.h"

static char *
connect_to(const char *server, void **state)
{
	MlsTarget *target = mls_target_open(mls_source_by_name(server, GetUserId(), true));

	*state = target;
	return target->kind->about(target);
}

static char *
write_there(const char *server, void **state)
{
	MlsTarget *target = *state;

	if (target->kind->probe == NULL)
		return "Nothing was tried: nobody knows what it would do with it.";
	target->kind->probe(target);
	return "A table was made, filled and dropped.";
}

static const MlsCheckStep steps[] = {
	{"connection", connect_to, true}, {"write", write_there, false}, {NULL}};

void
mls_publish_define(void)
{
	mls_check_destination_steps = steps;
}
