/*
 * target_postgres.c
 *		Other clusters of PostgreSQL as destinations.
 *
 * Rows are sent as texts in arrays, one a column, so that statements are few and are the same
 * each time; libpq is used so that each wait can be cancelled.  Nothing of this server's own
 * (files of passwords, certificates, tickets) logs in for whoever made the user mapping.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "publish/target.h"

#define LONGEST_KEY 2000
#define REPEATS 5

typedef struct Postgres
{
	MlsTarget head;
	PGconn *connection;
	PGresult *result; /* the last one */
	bool patient;     /* what it does may take as long as it likes */
	MemoryContextCallback callback;
} Postgres;

static void
close_connection(void *arg)
{
	Postgres *target = arg;

	if (target->result != NULL)
		PQclear(target->result);
	target->result = NULL;
	if (target->connection != NULL)
		PQfinish(target->connection);
	target->connection = NULL;
}

/* ---- Errors ---- */

static char *
clean(const Postgres *target, const char *message)
{
	int length = strlen(message);

	while (length > 0 && (message[length - 1] == '\n' || message[length - 1] == ' '))
		length--;
	return mls_http_clean(&target->head.source->http, pnstrdup(message, length));
}

static const char *
state_of_result(const Postgres *target)
{
	const char *state =
		target->result ? PQresultErrorField(target->result, PG_DIAG_SQLSTATE) : NULL;

	return state ? state : "08006";
}

/* "23514: new row violates check constraint ..." */
static char *
words_of_result(const Postgres *target)
{
	const char *message =
		target->result ? PQresultErrorField(target->result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	if (message == NULL)
		return clean(target, PQerrorMessage(target->connection));
	return clean(target, psprintf("%s: %s", state_of_result(target), message));
}

/* What can be mended by another value. */
static bool
is_of_data(const char *state)
{
	return strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 ||
		   strcmp(state, "44000") == 0 || strncmp(state, "54", 2) == 0 ||
		   strcmp(state, "P0001") == 0;
}

pg_noreturn static void fail(Postgres *target, const char *what);

static void
fail(Postgres *target, const char *what)
{
	const char *state = state_of_result(target);
	int code = ERRCODE_FDW_ERROR;

	CHECK_FOR_INTERRUPTS();
	if (strncmp(state, "28", 2) == 0)
		code = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
	else if (strcmp(state, "42501") == 0)
		code = ERRCODE_INSUFFICIENT_PRIVILEGE;
	else if (strcmp(state, "42P01") == 0)
		code = ERRCODE_UNDEFINED_TABLE;
	else if (strcmp(state, "42703") == 0)
		code = ERRCODE_UNDEFINED_COLUMN;
	else if (strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0)
		code = ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION;
	ereport(
		ERROR, errcode(code),
		errmsg("could not %s at destination \"%s\"", what, target->head.source->name),
		errdetail("%s", words_of_result(target)),
		code == ERRCODE_UNDEFINED_TABLE || code == ERRCODE_UNDEFINED_COLUMN
			? errhint("mls_publish_sync() makes what lacks there.")
		: code == ERRCODE_INSUFFICIENT_PRIVILEGE
			? errhint("There: GRANT USAGE, CREATE ON SCHEMA public TO \"%s\"; a table that "
					  "somebody else has made must be given to that role (ALTER TABLE ... OWNER "
					  "TO).",
					  target->head.source->http.username)
			: 0);
}

/* ---- Statements ---- */

/* Waits for the server; false when it says nothing for too long, or a cancel is pending. */
static bool
wait_for(Postgres *target, bool readable)
{
	return mls_target_wait(PQsocket(target->connection), readable,
						   target->patient ? -1 : target->head.source->http.timeout_ms);
}

/* Sends all that is buffered; takes what comes meanwhile. */
static bool
flush(Postgres *target)
{
	int left;

	while ((left = PQflush(target->connection)) > 0)
	{
		if (!wait_for(target, false) || !PQconsumeInput(target->connection))
			return false;
	}
	return left == 0;
}

/* The result of what was sent, in target->result. */
static bool
receive(Postgres *target)
{
	PGresult *next;

	if (!flush(target))
		return false;
	do
	{
		while (PQisBusy(target->connection))
			if (!wait_for(target, true) || !PQconsumeInput(target->connection))
				return false;
		next = PQgetResult(target->connection);
		if (next != NULL)
		{
			if (target->result != NULL)
				PQclear(target->result);
			target->result = next;
		}
	} while (next != NULL);
	return target->result != NULL && (PQresultStatus(target->result) == PGRES_COMMAND_OK ||
									  PQresultStatus(target->result) == PGRES_TUPLES_OK);
}

/* False: target->result says why, if it is not NULL. */
static bool
run(Postgres *target, const char *sql, int n, const char *const *values)
{
	bool done;

	CHECK_FOR_INTERRUPTS();
	if (target->result != NULL)
		PQclear(target->result);
	target->result = NULL;
	target->head.statements++;
	for (int i = 0; i < n; i++)
		target->head.bytes += values[i] ? strlen(values[i]) : 0;
	done = PQsendQueryParams(target->connection, sql, n, NULL, values, NULL, NULL, 0) &&
		   receive(target);
	if (!done && target->result == NULL)
		CHECK_FOR_INTERRUPTS();
	return done;
}

static void
execute(Postgres *target, const char *what, const char *sql)
{
	if (!run(target, sql, 0, NULL))
		fail(target, what);
}

static void
alter(Postgres *target, const char *what, const char *sql)
{
	bool done;

	target->patient = true;
	done = run(target, sql, 0, NULL);
	target->patient = false;
	if (!done)
		fail(target, what);
}

static int
ask(Postgres *target, const char *what, const char *sql, int n, const char *const *values)
{
	if (!run(target, sql, n, values))
		fail(target, what);
	return PQntuples(target->result);
}

static char *
cell(const Postgres *target, int row, int column)
{
	return PQgetisnull(target->result, row, column)
			   ? NULL
			   : pstrdup(PQgetvalue(target->result, row, column));
}

static const MlsPublishColumn *
key_of(const MlsPublication *publication)
{
	return list_nth(publication->columns, publication->key_column);
}

static const char *
named(const char *name)
{
	return quote_identifier(name);
}

/* ---- Columns ---- */

/* Types that are the same everywhere; those of extensions and of users may not be there. */
static bool
is_everywhere(Oid type)
{
	Oid element = get_element_type(type);

	return (OidIsValid(element) ? element : type) < FirstGenbkiObjectId &&
		   get_typtype(OidIsValid(element) ? element : type) == TYPTYPE_BASE;
}

/* The session in which rows are read writes texts as that in which they arrive. */
static void
describe(MlsPublishColumn *column)
{
	column->value = psprintf("v.%s::pg_catalog.text", quote_identifier(column->name));
	/* What is rounded there is not what was sent. */
	column->is_rough = column->typed;
	if (column->is_key)
		column->type_there = "text";
	if (column->type_there == NULL)
		column->type_there = is_everywhere(column->type)
								 ? format_type_with_typemod(column->type, column->typmod)
								 : "text";
}

/*
 * What a text is cast to before it is assigned: the type without its length.  A cast to a length
 * cuts, an assignment refuses what is longer.
 */
static char *
cast_of(const MlsPublishColumn *column)
{
	const char *type = column->type_there;
	const char *open = strchr(type, '(');
	const char *close = open ? strchr(open, ')') : NULL;
	char *bare = close ? psprintf("%.*s%s", (int) (open - type), type, close + 1) : pstrdup(type);
	static const char *const lengths[][2] = {
		{"character", "bpchar"}, {"char", "bpchar"}, {"bit", "varbit"}};

	/* Without a length these have one of 1. */
	for (int i = 0; i < lengthof(lengths); i++)
	{
		int length = strlen(lengths[i][0]);

		if (pg_strncasecmp(bare, lengths[i][0], length) == 0 &&
			(bare[length] == '\0' || bare[length] == '['))
			return psprintf("%s%s", lengths[i][1], bare + length);
	}
	return bare;
}

static bool
is_of_letters(const MlsPublishColumn *column)
{
	return pg_strncasecmp(column->type_there, "char", 4) == 0 ||
		   pg_strncasecmp(column->type_there, "varchar", 7) == 0;
}

static const char *
key_problem(const char *key)
{
	return strlen(key) > LONGEST_KEY ? "its key is longer than 2,000 bytes"
		   : key[0] == '\0'          ? "its key is empty"
									 : NULL;
}

/* ---- Opening ---- */

static char *
address_of(const struct sockaddr_storage *address)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (address->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *) address)->sin_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *) address)->sin6_addr, text,
				  sizeof(text));
	return pstrdup(text);
}

/* The addresses that were judged are those that are connected to. */
static void
begin_connection(Postgres *target)
{
	const MlsSource *source = target->head.source;
	bool tls = source->tls == MLS_TLS_VERIFY;
	const char *authorities = mls_target_authorities(&target->head);
	StringInfoData hosts;
	StringInfoData addresses;
	ListCell *lc;

	initStringInfo(&hosts);
	initStringInfo(&addresses);
	foreach (lc, mls_target_resolve(&target->head))
	{
		appendStringInfo(&addresses, "%s%s", addresses.len ? "," : "", address_of(lfirst(lc)));
		appendStringInfo(&hosts, "%s%s", hosts.len ? "," : "", target->head.place.host);
	}
	{
		const char *const names[] = {"host",
									 "hostaddr",
									 "port",
									 "dbname",
									 "user",
									 "password",
									 "sslmode",
									 "gssencmode",
									 "passfile",
									 "sslcert",
									 "sslkey",
									 "client_encoding",
									 "application_name",
									 "fallback_application_name",
									 tls && authorities ? "sslrootcert" : NULL,
									 NULL};
		const char *const values[] = {hosts.data,
									  addresses.data,
									  psprintf("%d", target->head.place.port),
									  target->head.place.database,
									  source->http.username,
									  source->http.password,
									  tls ? "verify-full" : "disable",
									  "disable",
									  "/dev/null/none",
									  "/dev/null/none",
									  "/dev/null/none",
									  GetDatabaseEncodingName(),
									  "mls_fdw publish",
									  "mls_fdw publish",
									  authorities,
									  NULL};

		List *hidden = mls_target_hide_environment("PG", NULL);

		target->connection = PQconnectStartParams(names, values, 0);
		mls_target_show_environment(hidden);
	}
	if (target->connection == NULL)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
}

static void
await_connection(Postgres *target)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (PQstatus(target->connection) != CONNECTION_BAD && status != PGRES_POLLING_OK &&
		   status != PGRES_POLLING_FAILED)
	{
		bool readable = status == PGRES_POLLING_READING;
		List *hidden;

		if (!mls_target_wait(PQsocket(target->connection), readable,
							 target->head.source->http.connect_timeout_ms))
			break;
		/* It reads PGTZ and its like only now. */
		hidden = mls_target_hide_environment("PG", NULL);
		status = PQconnectPoll(target->connection);
		mls_target_show_environment(hidden);
	}
	CHECK_FOR_INTERRUPTS();
	if (PQstatus(target->connection) == CONNECTION_OK)
		return;
	ereport(ERROR,
			errcode(strstr(PQerrorMessage(target->connection), "authentication failed")
						? ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION
						: ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
			errmsg("could not log in at destination \"%s\"", target->head.source->name),
			errdetail("%s", PQerrorMessage(target->connection)[0]
								? clean(target, PQerrorMessage(target->connection))
								: "It does not answer."),
			strstr(PQerrorMessage(target->connection), "does not support SSL")
				? errhint(MLS_TARGET_NO_TLS)
				: 0);
}

static MlsTarget *
open_target(const MlsSource *source)
{
	Postgres *target = mls_target_begin(&mls_postgres_target, source, sizeof(Postgres));

	target->callback.func = close_connection;
	target->callback.arg = target;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &target->callback);
	begin_connection(target);
	await_connection(target);
	/* Who is let in without one may be let in as this server. */
	if (!PQconnectionUsedPassword(target->connection))
		ereport(ERROR, errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				errmsg("destination \"%s\" did not ask for a password", source->name),
				errdetail("It would let in whoever connects from this machine."),
				errhint("Have it ask for one (scram-sha-256 in its pg_hba.conf)."));
	execute(target, "set up the session", "SET DateStyle = ISO");
	execute(target, "set up the session", "SET TimeZone = 'UTC'");
	execute(target, "set up the session", "SET IntervalStyle = postgres");
	execute(target, "set up the session", "SET extra_float_digits = 1");
	execute(target, "set up the session", "SET bytea_output = hex");
	execute(target, "set up the session", "SET lock_timeout = '50s'");
	/* What it is at ends there when we are gone, without a wait for it here; some systems cannot. */
	(void) run(target, "SET client_connection_check_interval = '5s'", 0, NULL);
	return &target->head;
}

/* ---- The table ---- */

static const char position_table[] = "CREATE TABLE IF NOT EXISTS " MLS_POSITION_TABLE
									 " (name text PRIMARY KEY, token text NOT NULL, "
									 "position bigint NOT NULL, loading boolean NOT NULL, "
									 "load_after text, updated_at timestamptz NOT NULL)";

static void
append_column(StringInfo sql, const MlsPublishColumn *column)
{
	appendStringInfo(sql, "%s %s%s", named(column->there), column->type_there,
					 column->is_key ? " COLLATE \"C\" PRIMARY KEY" : "");
}

/* So that all is loaded, though this run should end before it has begun to. */
static void
forget_position(Postgres *target, const MlsPublication *publication)
{
	const char *values[] = {publication->name, publication->token};

	if (!run(target, "DELETE FROM " MLS_POSITION_TABLE " WHERE name = $1 AND token = $2", 2,
			 values))
		fail(target, "forget the position");
}

static void
make_table(Postgres *target, const MlsPublication *publication)
{
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s (", named(publication->name));
	foreach (lc, publication->columns)
	{
		appendStringInfoString(&sql, foreach_current_index(lc) > 0 ? ", " : "");
		append_column(&sql, lfirst(lc));
	}
	appendStringInfoChar(&sql, ')');
	alter(target, "make a table", sql.data);
}

/* What lacks is added; true if anything did. */
static bool
add_columns(Postgres *target, const MlsPublication *publication, const List *present)
{
	StringInfoData sql;
	bool any = false;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "ALTER TABLE %s", named(publication->name));
	foreach (lc, publication->columns)
	{
		const MlsPublishColumn *column = lfirst(lc);
		bool there = false;
		ListCell *p;

		foreach (p, present)
			there |= strcmp(lfirst(p), column->there) == 0;
		if (there)
			continue;
		appendStringInfo(&sql, "%s ADD COLUMN ", any ? "," : "");
		append_column(&sql, column);
		any = true;
	}
	if (any)
	{
		forget_position(target, publication);
		alter(target, "add columns", sql.data);
	}
	return any;
}

static void
require_key(Postgres *target, const MlsPublication *publication)
{
	const char *values[] = {named(publication->name), key_of(publication)->there};

	if (ask(target, "look at a table",
			"SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = "
			"i.indrelid AND "
			"a.attnum = i.indkey[0] WHERE i.indrelid = $1::pg_catalog.regclass AND i.indisunique "
			"AND "
			"i.indnkeyatts = 1 AND i.indpred IS NULL AND a.attname = $2",
			2, values) == 0)
		ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("table \"%s\" of destination \"%s\" may have several rows of a key",
					   publication->name, target->head.source->name),
				errhint("There: ALTER TABLE %s ADD PRIMARY KEY (%s);", named(publication->name),
						named(key_of(publication)->there)));
}

static bool
prepare(MlsTarget *head, const MlsPublication *publication)
{
	Postgres *target = (Postgres *) head;
	const char *values[] = {named(publication->name)};
	List *present = NIL;
	int n;

	execute(target, "set up the session", "SET client_min_messages = warning");
	execute(target, "make a table", position_table);
	n = ask(target, "look at a table",
			"SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = "
			"pg_catalog.to_regclass($1) AND "
			"attnum > 0 AND NOT attisdropped",
			1, values);
	for (int i = 0; i < n; i++)
		present = lappend(present, cell(target, i, 0));
	if (present == NIL)
	{
		forget_position(target, publication);
		make_table(target, publication);
		return true;
	}
	require_key(target, publication);
	return add_columns(target, publication, present);
}

/* ---- The position ---- */

static bool
ask_position(Postgres *target, const MlsPublication *publication, bool locked,
			 MlsTargetPosition *out)
{
	const char *values[] = {publication->name};

	if (ask(target, "read the position",
			locked ? "SELECT token, position, loading, load_after FROM " MLS_POSITION_TABLE
					 " WHERE name = $1 FOR UPDATE"
				   : "SELECT token, position, loading, load_after FROM " MLS_POSITION_TABLE
					 " WHERE name = $1",
			1, values) == 0)
		return false;
	*out = (MlsTargetPosition){.token = cell(target, 0, 0),
							   .position = strtoll(PQgetvalue(target->result, 0, 1), NULL, 10),
							   .loading = PQgetvalue(target->result, 0, 2)[0] == 't',
							   .load_after = cell(target, 0, 3)};
	return true;
}

static bool
position(MlsTarget *head, const MlsPublication *publication, MlsTargetPosition *out)
{
	return ask_position((Postgres *) head, publication, false, out);
}

static void
require_position(Postgres *target, const MlsPublication *publication, const MlsTargetPosition *from)
{
	MlsTargetPosition there;
	bool is_there = ask_position(target, publication, true, &there);

	if (from->token == NULL
			? !is_there
			: is_there && strcmp(there.token, from->token) == 0 &&
				  there.position == from->position && there.loading == from->loading &&
				  strcmp(there.load_after ? there.load_after : "",
						 from->load_after ? from->load_after : "") == 0)
		return;
	execute(target, "roll back", "ROLLBACK");
	ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			errmsg("table \"%s\" of destination \"%s\" is written by somebody else as well",
				   publication->name, target->head.source->name),
			errdetail("Its position has moved during this run."));
}

/* ---- Writing ---- */

/* An element of an array, or NULL. */
static void
append_element(StringInfo array, const char *value)
{
	appendStringInfoString(array, array->len > 1 ? "," : "");
	if (value == NULL)
	{
		appendStringInfoString(array, "NULL");
		return;
	}
	appendStringInfoChar(array, '"');
	for (const char *from = value;;)
	{
		int plain = strcspn(from, "\"\\");

		appendBinaryStringInfo(array, from, plain);
		from += plain;
		if (*from == '\0')
			break;
		appendStringInfoChar(array, '\\');
		appendStringInfoChar(array, *from++);
	}
	appendStringInfoChar(array, '"');
}

static char *
upsert_sql(const MlsPublication *publication)
{
	StringInfoData sql;
	StringInfoData values;
	StringInfoData names;
	StringInfoData arrays;
	StringInfoData sets;
	ListCell *lc;

	initStringInfo(&sql);
	initStringInfo(&values);
	initStringInfo(&names);
	initStringInfo(&arrays);
	initStringInfo(&sets);
	foreach (lc, publication->columns)
	{
		const MlsPublishColumn *column = lfirst(lc);
		int n = foreach_current_index(lc) + 1;
		const char *comma = n > 1 ? ", " : "";

		appendStringInfo(&names, "%s%s", comma, named(column->there));
		appendStringInfo(&values, "%su.c%d::%s", comma, n, cast_of(column));
		appendStringInfo(&arrays, "%s$%d::text[]", comma, n);
		if (!column->is_key)
			appendStringInfo(&sets, "%s%s = excluded.%s", sets.len ? ", " : "",
							 named(column->there), named(column->there));
	}
	appendStringInfo(&sql, "INSERT INTO %s (%s) SELECT %s FROM unnest(%s) AS u (",
					 named(publication->name), names.data, values.data, arrays.data);
	for (int n = 1; n <= list_length(publication->columns); n++)
		appendStringInfo(&sql, "%sc%d", n > 1 ? ", " : "", n);
	appendStringInfo(&sql, ") ON CONFLICT (%s) DO %s%s", named(key_of(publication)->there),
					 sets.len ? "UPDATE SET " : "NOTHING", sets.data);
	return sql.data;
}

/* Values of a column of rows. */
static char *
array_of_column(const List *rows, int column)
{
	StringInfoData array;
	ListCell *lc;

	initStringInfo(&array);
	appendStringInfoChar(&array, '{');
	foreach (lc, rows)
		append_element(&array, ((char **) lfirst(lc))[column]);
	appendStringInfoChar(&array, '}');
	return array.data;
}

static bool
upsert_rows(Postgres *target, const MlsPublication *publication, const List *rows)
{
	int n = list_length(publication->columns);
	const char **values = palloc(n * sizeof(char *));

	if (rows == NIL)
		return true;
	for (int c = 0; c < n; c++)
		values[c] = array_of_column(rows, c);
	return run(target, upsert_sql(publication), n, values);
}

static bool
delete_keys(Postgres *target, const MlsPublication *publication, const List *keys)
{
	StringInfoData array;
	const char *values[1];
	ListCell *lc;

	if (keys == NIL)
		return true;
	initStringInfo(&array);
	appendStringInfoChar(&array, '{');
	foreach (lc, keys)
		append_element(&array, lfirst(lc));
	appendStringInfoChar(&array, '}');
	values[0] = array.data;
	return run(target,
			   psprintf("DELETE FROM %s WHERE %s = ANY ($1::text[])", named(publication->name),
						named(key_of(publication)->there)),
			   1, values);
}

static bool
move_position(Postgres *target, const MlsPublication *publication, const MlsTargetPosition *to)
{
	const char *values[5];

	if (to == NULL)
		return true;
	values[0] = publication->name;
	values[1] = to->token;
	values[2] = psprintf(INT64_FORMAT, to->position);
	values[3] = to->loading ? "t" : "f";
	values[4] = to->load_after;
	return run(
		target,
		"INSERT INTO " MLS_POSITION_TABLE
		" VALUES ($1, $2, $3::bigint, $4::boolean, $5, pg_catalog.now()) "
		"ON CONFLICT (name) DO UPDATE SET token = excluded.token, position = excluded.position, "
		"loading = excluded.loading, load_after = excluded.load_after, updated_at = "
		"excluded.updated_at",
		5, values);
}

static bool
write_once(Postgres *target, const MlsPublication *publication, const MlsTargetBatch *batch)
{
	execute(target, "begin", "BEGIN ISOLATION LEVEL READ COMMITTED");
	require_position(target, publication, batch->from);
	return delete_keys(target, publication, batch->gone) &&
		   upsert_rows(target, publication, batch->rows) &&
		   move_position(target, publication, batch->move) && run(target, "COMMIT", 0, NULL);
}

static bool
write_batch(MlsTarget *head, const MlsPublication *publication, const MlsTargetBatch *batch)
{
	Postgres *target = (Postgres *) head;

	for (int repeats = 0;; repeats++)
	{
		char state[6];
		char *words;
		bool again;

		if (write_once(target, publication, batch))
			return true;
		CHECK_FOR_INTERRUPTS();
		strlcpy(state, state_of_result(target), sizeof(state));
		words = words_of_result(target);
		again = strncmp(state, "40", 2) == 0 && repeats < REPEATS;
		if (!again && !is_of_data(state))
			fail(target, "write");
		execute(target, "roll back", "ROLLBACK");
		if (again)
			continue;
		head->refusal = words;
		return false;
	}
}

/* ---- What is there ---- */

static List *
rows_there(MlsTarget *head, const MlsPublication *publication, const char *after, int most,
		   bool hashed)
{
	Postgres *target = (Postgres *) head;
	const char *key = named(key_of(publication)->there);
	const char *values[] = {after};
	StringInfoData sql;
	List *rows = NIL;
	ListCell *lc;
	int n;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t.%s", key);
	foreach (lc, hashed ? publication->columns : NIL)
	{
		const MlsPublishColumn *column = lfirst(lc);

		appendStringInfo(&sql, foreach_current_index(lc) ? "||E'\\x1f'||" : ", pg_catalog.md5(");
		if (column->is_rough)
			appendStringInfo(&sql, "CASE WHEN t.%s IS NULL THEN E'\\x01' ELSE '~' END",
							 named(column->there));
		else
			appendStringInfo(&sql, "coalesce(t.%s::pg_catalog.text, E'\\x01')",
							 named(column->there));
	}
	appendStringInfo(
		&sql, "%s FROM %s t WHERE t.%s COLLATE \"C\" > $1 ORDER BY t.%s COLLATE \"C\" LIMIT %d",
		hashed ? ")" : "", named(publication->name), key, key, most);
	n = ask(target, "read keys", sql.data, 1, values);
	for (int i = 0; i < n; i++)
	{
		MlsTargetHash *found = palloc0(sizeof(MlsTargetHash));

		found->key = cell(target, i, 0);
		found->hash = hashed ? cell(target, i, 1) : NULL;
		rows = lappend(rows, found);
	}
	return rows;
}

/* Both sides as texts of the type there: not every type knows what equals. */
static bool
alike(MlsTarget *head, const MlsPublication *publication, const List *rows, List **keys)
{
	Postgres *target = (Postgres *) head;
	const char **values = palloc((1 + list_length(publication->columns)) * sizeof(char *));
	StringInfoData names;
	StringInfoData conditions;
	StringInfoData arrays;
	char state[6];
	int n = 0;
	ListCell *lc;

	initStringInfo(&names);
	initStringInfo(&conditions);
	initStringInfo(&arrays);
	foreach (lc, publication->columns)
	{
		const MlsPublishColumn *column = lfirst(lc);

		if (!column->is_rough && !column->is_key)
			continue;
		values[n] = array_of_column(rows, foreach_current_index(lc));
		n++;
		appendStringInfo(&arrays, "%s$%d::text[]", n > 1 ? ", " : "", n);
		appendStringInfo(&names, "%sc%d", n > 1 ? ", " : "", n);
		if (column->is_key)
			appendStringInfo(&conditions, "%st.%s = u.c%d", n > 1 ? " AND " : "",
							 named(column->there), n);
		else
			appendStringInfo(&conditions, "%st.%s::text IS NOT DISTINCT FROM u.c%d::%s::text",
							 n > 1 ? " AND " : "", named(column->there), n,
							 is_of_letters(column) ? cast_of(column) : column->type_there);
	}
	if (!run(target,
			 psprintf("SELECT t.%s FROM unnest(%s) AS u (%s) JOIN %s t ON %s",
					  named(key_of(publication)->there), arrays.data, names.data,
					  named(publication->name), conditions.data),
			 n, values))
	{
		strlcpy(state, state_of_result(target), sizeof(state));
		if (!is_of_data(state))
			fail(target, "compare rows");
		head->refusal = words_of_result(target);
		return false;
	}
	*keys = NIL;
	for (int i = 0; i < PQntuples(target->result); i++)
		*keys = lappend(*keys, cell(target, i, 0));
	return true;
}

static bool
is_there(Postgres *target, const MlsPublication *publication)
{
	const char *values[] = {named(publication->name)};

	return ask(target, "look at a table", "SELECT WHERE pg_catalog.to_regclass($1) IS NOT NULL", 1,
			   values) > 0;
}

static void
forget(MlsTarget *head, const MlsPublication *publication, bool drop)
{
	Postgres *target = (Postgres *) head;

	execute(target, "set up the session", "SET client_min_messages = warning");
	execute(target, "make a table", position_table);
	if (drop && is_there(target, publication))
	{
		MlsTargetPosition there = {NULL};

		(void) position(head, publication, &there);
		mls_target_require_own(publication, there.token);
		alter(target, "drop a table",
			  psprintf("DROP TABLE IF EXISTS %s", named(publication->name)));
	}
	forget_position(target, publication);
}

/* ---- mls_check ---- */

static char *
about(MlsTarget *head)
{
	Postgres *target = (Postgres *) head;

	return psprintf("It answers as PostgreSQL %s, %s.",
					PQparameterStatus(target->connection, "server_version"),
					PQsslInUse(target->connection) ? "over TLS" : "in clear");
}

static void
probe(MlsTarget *head)
{
	Postgres *target = (Postgres *) head;

	execute(target, "set up the session", "SET client_min_messages = warning");
	alter(target, "drop a table", "DROP TABLE IF EXISTS mls_check_probe");
	alter(target, "make a table", "CREATE TABLE mls_check_probe (name text PRIMARY KEY)");
	execute(target, "write", "INSERT INTO mls_check_probe VALUES ('a')");
	alter(target, "drop a table", "DROP TABLE mls_check_probe");
}

const MlsTargetKind mls_postgres_target = {
	.protocol = "postgres",
	.describe = describe,
	.key_problem = key_problem,
	.open = open_target,
	.prepare = prepare,
	.position = position,
	.write = write_batch,
	.rows = rows_there,
	.alike = alike,
	.forget = forget,
	.about = about,
	.probe = probe,
};
