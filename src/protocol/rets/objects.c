/*
 * objects.c
 *		GetObject: the files of a record, as addresses or as bytes.
 *
 * One answer holds all objects that were asked for.  An error may stand for the
 * answer or for one of its parts; the one that stands for a part may be that the
 * session is lost.  So all parts are judged before any is handed on.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "protocol/rets/talk.h"

typedef struct Reading
{
	const MlsObjectQuery *query;
	const char *purpose;
	List *objects; /* of RetsObject * */
} Reading;

/* The outcome of an answer is that of its worst part; it is empty if no part is an object. */
static RetsOutcome
judge(List *objects)
{
	RetsOutcome outcome = {.class = RETS_REPLY_EMPTY, .text = ""};
	ListCell *lc;

	foreach (lc, objects)
	{
		const RetsObject *object = lfirst(lc);
		RetsReplyClass class = mls_rets_reply_class(object->code, false);

		if (class == RETS_REPLY_OK && !mls_rets_is_error(outcome.class))
			outcome.class = class;
		if (!mls_rets_is_error(class))
			continue;
		outcome = (RetsOutcome){class, object->code, object->text};
		if (class == RETS_REPLY_SESSION)
			break;
	}
	return outcome;
}

static RetsOutcome
read_objects(void *arg, const MlsHttpResponse *response)
{
	Reading *reading = arg;

	reading->objects =
		mls_rets_objects(response, reading->purpose, reading->query->source->http.name);
	return judge(reading->objects);
}

/* A colon or a comma would ask for other records. */
static void
check_query(const MlsObjectQuery *query)
{
	const char *number = query->object;

	if (*query->key == '\0' || strpbrk(query->key, ":,"))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("objects of key \"%s\" cannot be asked for", query->key),
						errdetail("A key of RETS is not empty and has no colon or comma.")));
	if (strcmp(number, "*") != 0 &&
		(*number == '\0' || strlen(number) > 9 || strspn(number, "0123456789") != strlen(number)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("object \"%s\" is neither a number nor \"*\"", number)));
}

static List *
arguments_of(const MlsObjectQuery *query)
{
	List *arguments = NIL;

	mls_rets_argument(&arguments, "Resource",
					  pnstrdup(query->resource, strcspn(query->resource, ":")));
	mls_rets_argument(&arguments, "Type", query->type);
	mls_rets_argument(&arguments, "ID", psprintf("%s:%s", query->key, query->object));
	mls_rets_argument(&arguments, "Location", query->location ? "1" : "0");
	return arguments;
}

/* Is a part an object, and not the word that there is none? */
static bool
is_object(const RetsObject *object)
{
	return mls_rets_reply_class(object->code, false) == RETS_REPLY_OK;
}

static void
hand_on(const Reading *reading, const RetsObject *from, MlsObjectTake take, void *arg)
{
	/* What stands where the bytes would be is RETS's word that all is well. */
	bool has_bytes = from->location == NULL && *from->text == '\0';
	MlsObject object = {
		.content_id = from->content_id,
		.object_id = from->object_id,
		.content_type = from->content_type,
		.description = from->description,
		.location = from->location,
		.preferred = from->preferred,
		.bytes = has_bytes ? from->bytes : NULL,
		.length = has_bytes ? from->length : 0,
	};

	if (has_bytes && from->length == 0)
	{
		if (!reading->query->location)
			ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
							errmsg("could not read %s from source \"%s\"", reading->purpose,
								   reading->query->source->http.name),
							errdetail("Object \"%s\" has neither bytes nor an address.",
									  from->object_id)));
		object.bytes = NULL;
	}
	take(arg, &object);
}

static void
check_number(const Reading *reading)
{
	int limit = reading->query->source->platform.object_limit;
	int n = list_length(reading->objects);

	if (n > limit)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("could not read %s from source \"%s\"", reading->purpose,
							   reading->query->source->http.name),
						errdetail("It has %s; the server option object_limit allows %d.",
								  mls_counted(n, "part", "parts"), limit)));
}

void
mls_rets_fetch_objects(const MlsObjectQuery *query, MlsObjectTake take, void *arg,
					   MlsHttpStats *stats)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "mls_fdw objects", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RetsCall call = {.transaction = RETS_GET_OBJECT};
	Reading reading = {.query = query};
	RetsOutcome outcome;
	ListCell *lc;

	check_query(query);
	call.arguments = arguments_of(query);
	call.purpose = reading.purpose =
		psprintf("objects \"%s\" of resource \"%s\"", query->type, query->resource);
	outcome = mls_rets_talk(query->source, &call, NULL, read_objects, &reading, stats);
	if (mls_rets_is_error(outcome.class))
		mls_rets_report(query->source, &call, &outcome);
	check_number(&reading);
	foreach (lc, reading.objects)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_object(lfirst(lc)))
			hand_on(&reading, lfirst(lc), take, arg);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
