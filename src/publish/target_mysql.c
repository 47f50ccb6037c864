/*
 * target_mysql.c
 *		MySQL and MariaDB as destinations.
 *
 * The client library (libmariadb) is loaded when the first destination is opened, so that
 * nobody else needs it.  It waits by a function of ours: a cancel ends each wait, and the
 * address is looked at before anything is sent.
 *
 * Rows are sent as texts: many at a time as the arrays of a prepared statement, where the server
 * takes such (MariaDB), since to parse them is most of its work; else in statements of many rows.
 * The session is strict: what does not fit
 * is refused, and never cut.  Keys are compared byte for byte.  Statements that change tables
 * commit by themselves, so tables are made, and columns added or widened, between transactions.
 */
#include "postgres.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Lists of its own, by the names of the server's. */
#define list_add mariadb_list_add
#define list_cons mariadb_list_cons
#define list_delete mariadb_list_delete
#define list_free mariadb_list_free
#define list_length mariadb_list_length
#define list_reverse mariadb_list_reverse
#define list_walk mariadb_list_walk
#include <mysql.h>
#undef list_add
#undef list_cons
#undef list_delete
#undef list_free
#undef list_length
#undef list_reverse
#undef list_walk
#undef list_rest

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "publish/target.h"

#define LIBRARY "libmariadb.so.3"

/* A statement is not longer than this, whatever the server would take. */
#define LONGEST_STATEMENT (4 * 1024 * 1024)

/* Bytes of VARCHAR columns in a row; with more of them they are TEXT.  A row has 65,535 at most. */
#define ROOM_OF_TEXTS 32000

#define LONGEST_KEY 255
#define REPEATS 5

/* So many rows are worth a prepared statement. */
#define MANY_ROWS 16

/* ---- The library ---- */

#define FUNCTIONS(add)                                                                             \
	add(mysql_init) add(mysql_close) add(mysql_options) add(mysql_real_connect)                    \
		add(mysql_real_query) add(mysql_store_result) add(mysql_free_result) add(mysql_fetch_row)  \
			add(mysql_fetch_lengths) add(mysql_num_rows) add(mysql_num_fields) add(mysql_errno)    \
				add(mysql_error) add(mysql_sqlstate) add(mysql_get_server_info)                    \
					add(mysql_get_ssl_cipher) add(mariadb_get_infov) add(mysql_stmt_init)          \
						add(mysql_stmt_prepare) add(mysql_stmt_attr_set)                           \
							add(mysql_stmt_bind_param) add(mysql_stmt_execute)                     \
								add(mysql_stmt_close)

#define POINTER(name) typeof(&name) name;
static struct
{
	void *handle;
	FUNCTIONS(POINTER)
} client;

static void
load_client(void)
{
	void *handle;
	const char *missing = NULL;

	if (client.handle != NULL)
		return;
	handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("the client library of MariaDB is not installed on this server"),
				errdetail("%s", dlerror()),
				errhint("Install it: on Debian the package libmariadb3."));
#define FIND(name)                                                                                 \
	client.name = (typeof(&name)) dlsym(handle, #name);                                            \
	missing = client.name ? missing : #name;
	FUNCTIONS(FIND)
	if (missing != NULL)
		ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("the client library of MariaDB is too old"),
				errdetail("%s has no function %s.", LIBRARY, missing));
	client.handle = handle;
}

/* ---- A connection ---- */

typedef struct Mysql
{
	MlsTarget head;
	MYSQL *connection;
	bool looked_at;     /* its address may be asked */
	char refused[64];   /* it may not */
	bool patient;       /* what it does may take as long as it likes */
	int64 packet;       /* bytes of a statement, at most, unless a row is longer */
	int64 longest;      /* bytes of the longest that the server takes; 0: not known yet */
	bool unsent;        /* the last one was longer */
	bool takes_arrays;  /* of values, for a prepared statement */
	MYSQL_STMT *upsert; /* that, once it is needed */
	MemoryContextCallback callback;
} Mysql;

/* Whose socket is waited for: the library does not say. */
static Mysql *waiting;

static void
close_connection(void *arg)
{
	Mysql *target = arg;

	/* Nothing of a goodbye is waited for. */
	waiting = NULL;
	if (target->connection != NULL)
		client.mysql_close(target->connection);
	target->connection = NULL;
	/* Its memory only, now. */
	if (target->upsert != NULL)
		client.mysql_stmt_close(target->upsert);
	target->upsert = NULL;
}

/* Before anything is sent: the name may have led elsewhere than it did a moment ago. */
static bool
look_at_peer(my_socket socket)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);

	if (waiting->looked_at || getpeername(socket, (struct sockaddr *) &peer, &length) != 0)
		return true;
	waiting->looked_at = mls_target_may_ask(&waiting->head, (struct sockaddr *) &peer);
	if (!waiting->looked_at)
		strlcpy(waiting->refused, "that it has now", sizeof(waiting->refused));
	return waiting->looked_at;
}

/* The library's question; it may not throw.  1: go on. */
static int
wait_for_server(my_socket socket, my_bool readable, int timeout)
{
	if (waiting == NULL || !look_at_peer(socket) ||
		!mls_target_wait(socket, readable, waiting->patient ? -1 : timeout))
		return 0;
	return look_at_peer(socket) ? 1 : 0;
}

/* A message of the server, in our encoding and without secrets. */
static char *
clean(const Mysql *target, const char *message)
{
	char *ours = pg_any_to_server(message, strlen(message), PG_UTF8);

	return mls_http_clean(&target->head.source->http, ours);
}

/* What can be mended by another value: the data is refused, and not the whole of the work. */
static bool
is_of_data(unsigned int code, const char *state)
{
	static const unsigned int codes[] = {1118, 1153, 1265, 1364, 1366, 1526,
										 1644, 3140, 3819, 3988, 4025};

	for (int i = 0; i < lengthof(codes); i++)
		if (codes[i] == code)
			return true;
	return strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0;
}

/* What others do there got in the way: a lock, a deadlock, a row that is newer than our snapshot. */
static bool
is_of_others(unsigned int code)
{
	return code == 1205 || code == 1213 || code == 1020;
}

/* SQLSTATE of ours for an error of the server or of the way to it. */
static int
state_of(unsigned int code)
{
	if (is_of_others(code))
		return ERRCODE_FDW_UNABLE_TO_CREATE_REPLY;
	switch (code)
	{
		case 1044:
		case 1045:
		case 1698:
			return ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
		case 1142:
		case 1143:
		case 1227:
		case 1370:
			return ERRCODE_INSUFFICIENT_PRIVILEGE;
		case 1049:
			return ERRCODE_UNDEFINED_DATABASE;
		case 1054:
			return ERRCODE_UNDEFINED_COLUMN;
		case 1146:
			return ERRCODE_UNDEFINED_TABLE;
		case 1040: /* too many connections */
		case 1053: /* it is going down */
		case 1290: /* it is read only */
		case 1836:
		case 1927: /* the connection was killed */
		case 3168:
			return ERRCODE_FDW_UNABLE_TO_CREATE_REPLY;
		default:
			return code >= 2000 && code < 3000 ? ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION
											   : ERRCODE_FDW_ERROR;
	}
}

pg_noreturn static void fail(Mysql *target, const char *what);

static void
fail(Mysql *target, const char *what)
{
	unsigned int code = client.mysql_errno(target->connection);
	const char *message = client.mysql_error(target->connection);

	CHECK_FOR_INTERRUPTS();
	if (target->refused[0] != '\0')
		mls_target_refuse_address(&target->head, target->refused);
	ereport(
		ERROR, errcode(state_of(code)),
		errmsg("could not %s at destination \"%s\"", what, target->head.source->name),
		errdetail("%u: %s", code, clean(target, message)),
		code == 1142 || code == 1044 || code == 1227
			? errhint("The user there needs SELECT, INSERT, UPDATE, DELETE, CREATE and ALTER on "
					  "the database.")
		: code == 1146 || code == 1054       ? errhint("mls_publish_sync() makes what lacks there.")
		: strstr(message, "SSL is required") ? errhint(MLS_TARGET_NO_TLS)
											 : 0);
}

/* One statement, in the encoding of the server here.  False: mysql_errno() says why. */
static bool
run(Mysql *target, const char *sql, int length)
{
	char *there = pg_server_to_any(sql, length, PG_UTF8);
	int failed;

	CHECK_FOR_INTERRUPTS();
	waiting = target;
	length = there == sql ? length : (int) strlen(there);
	/* It would end the connection, time and again. */
	target->unsent = target->longest > 0 && length > target->longest;
	if (target->unsent)
	{
		waiting = NULL;
		return false;
	}
	failed = client.mysql_real_query(target->connection, there, length);
	waiting = NULL;
	target->head.statements++;
	target->head.bytes += length;
	if (there != sql)
		pfree(there);
	return !failed;
}

static void
execute(Mysql *target, const char *what, const char *sql)
{
	if (!run(target, sql, strlen(sql)))
		fail(target, what);
}

/* The same of a statement that changes tables, and takes its time. */
static void
alter(Mysql *target, const char *what, const char *sql)
{
	bool done;

	target->patient = true;
	done = run(target, sql, strlen(sql));
	target->patient = false;
	if (!done)
		fail(target, what);
}

/* Rows of a query: List of char **. */
static List *
ask(Mysql *target, const char *what, const char *sql)
{
	List *rows = NIL;
	MYSQL_RES *result;
	MYSQL_ROW found;
	int n;

	execute(target, what, sql);
	waiting = target;
	result = client.mysql_store_result(target->connection);
	waiting = NULL;
	if (result == NULL)
		fail(target, what);
	n = client.mysql_num_fields(result);
	while ((found = client.mysql_fetch_row(result)) != NULL)
	{
		const unsigned long *lengths = client.mysql_fetch_lengths(result);
		char **row = palloc_extended(n * sizeof(char *), MCXT_ALLOC_NO_OOM);

		for (int i = 0; row != NULL && i < n; i++)
			row[i] = found[i] ? pnstrdup(found[i], lengths[i]) : NULL;
		if (row != NULL)
			rows = lappend(rows, row);
	}
	client.mysql_free_result(result);
	/* They are in the encoding of the connection. */
	if (GetDatabaseEncoding() != PG_UTF8)
	{
		ListCell *lc;

		foreach (lc, rows)
			for (int i = 0; i < n; i++)
				if (((char **) lfirst(lc))[i] != NULL)
					((char **) lfirst(lc))[i] = pg_any_to_server(
						((char **) lfirst(lc))[i], strlen(((char **) lfirst(lc))[i]), PG_UTF8);
	}
	return rows;
}

/* ---- Writing SQL ---- */

static void
append_name(StringInfo sql, const char *name)
{
	appendStringInfoChar(sql, '`');
	for (const char *at = name; *at; at++)
	{
		if (*at == '`')
			appendStringInfoChar(sql, '`');
		appendStringInfoChar(sql, *at);
	}
	appendStringInfoChar(sql, '`');
}

/* The session's sql_mode has backslashes escape. */
static void
append_text(StringInfo sql, const char *text)
{
	if (text == NULL)
	{
		appendStringInfoString(sql, "NULL");
		return;
	}
	appendStringInfoChar(sql, '\'');
	for (const char *from = text;;)
	{
		int plain = strcspn(from, "'\\\032\n\r");

		appendBinaryStringInfo(sql, from, plain);
		from += plain;
		if (*from == '\0')
			break;
		appendStringInfoChar(sql, '\\');
		appendStringInfoChar(sql, *from == '\032' ? 'Z'
								  : *from == '\n' ? 'n'
								  : *from == '\r' ? 'r'
												  : *from);
		from++;
	}
	appendStringInfoChar(sql, '\'');
}

static void
append_value(StringInfo sql, const MlsPublishColumn *column, const char *value)
{
	if (value != NULL && column->is_bytes)
		appendStringInfo(sql, "X'%s'", value);
	else
		append_text(sql, value);
}

static char *
quoted(const char *text)
{
	StringInfoData sql;

	initStringInfo(&sql);
	append_text(&sql, text);
	return sql.data;
}

static char *
named(const char *name)
{
	StringInfoData sql;

	initStringInfo(&sql);
	append_name(&sql, name);
	return sql.data;
}

static const MlsPublishColumn *
key_of(const MlsPublication *publication)
{
	return list_nth(publication->columns, publication->key_column);
}

/* ---- Columns ---- */

/* Digits behind the point of a type that names them: "decimal(12,2)", "datetime(3)"; -1: none. */
static int
digits_of(const char *type, const char *kind)
{
	int precision;
	int scale;

	if (pg_strncasecmp(type, kind, strlen(kind)) != 0)
		return -1;
	if (sscanf(type + strlen(kind), "(%d,%d)", &precision, &scale) == 2)
		return scale;
	if (sscanf(type + strlen(kind), "(%d)", &precision) == 1)
		return pg_strcasecmp(kind, "decimal") == 0 ? 0 : precision;
	return 0;
}

/* What a column of type numeric holds there, and how it is written. */
static void
describe_numeric(MlsPublishColumn *column, const char *name)
{
	int precision = ((column->typmod - VARHDRSZ) >> 16) & 0xffff;
	int scale = (column->typmod - VARHDRSZ) & 0x7ff;

	if (column->typed)
		scale = digits_of(column->type_there, "decimal");
	else if (column->typmod < VARHDRSZ || precision > 65 || scale > 30)
	{
		column->type_there = "decimal(38,12)";
		scale = 12;
	}
	else
		column->type_there = psprintf("decimal(%d,%d)", precision, scale);
	column->value = scale < 0
						? psprintf("v.%s::pg_catalog.text", name)
						: psprintf("pg_catalog.round(v.%s, %d)::pg_catalog.text", name, scale);
}

/* What has no place in a calendar of four digits is sent as it is, and refused. */
static void
describe_time(MlsPublishColumn *column, const char *name)
{
	bool zoned = column->type == TIMESTAMPTZOID;
	const char *local =
		zoned ? psprintf("(v.%s AT TIME ZONE 'UTC')", name) : psprintf("v.%s", name);
	int digits;

	if (!column->typed)
		column->type_there = "datetime(6)";
	digits = digits_of(column->type_there, "datetime");
	column->value = psprintf(
		"CASE WHEN v.%s >= '0001-01-02' AND v.%s < '9999-12-31' THEN pg_catalog.to_char(%s, "
		"'YYYY-MM-DD HH24:MI:SS%s') ELSE v.%s::pg_catalog.text END",
		name, name, local,
		digits == 0   ? ""
		: digits == 3 ? ".MS"
					  : ".US",
		name);
}

static void
describe_text(MlsPublishColumn *column)
{
	int length = column->typmod - VARHDRSZ;

	column->type_there =
		column->typmod >= VARHDRSZ && length <= 255 ? psprintf("varchar(%d)", length) : "text";
}

static const char *
usual_type(Oid type)
{
	switch (type)
	{
		case INT2OID:
			return "smallint";
		case INT4OID:
			return "int";
		case INT8OID:
			return "bigint";
		case FLOAT4OID:
		case FLOAT8OID:
			return "double";
		case UUIDOID:
			return "char(36)";
		case JSONOID:
		case JSONBOID:
			return "json";
		default:
			return "text";
	}
}

/* Whether a type that was said gives back the text that was sent. */
static bool
gives_back(const MlsPublishColumn *column)
{
	static const struct
	{
		const char *there;
		Oid types[4]; /* none: any */
	} faithful[] = {
		{"varchar", {0}},
		{"text", {0}},
		{"mediumtext", {0}},
		{"longtext", {0}},
		{"json", {0}},
		{"decimal", {NUMERICOID}},
		{"datetime", {TIMESTAMPTZOID, TIMESTAMPOID}},
		{"date", {DATEOID}},
		{"time(6)", {TIMEOID}},
		{"tinyint", {INT2OID, INT4OID, INT8OID, BOOLOID}},
		{"smallint", {INT2OID, INT4OID, INT8OID, BOOLOID}},
		{"mediumint", {INT2OID, INT4OID, INT8OID, BOOLOID}},
		{"int", {INT2OID, INT4OID, INT8OID, BOOLOID}},
		{"bigint", {INT2OID, INT4OID, INT8OID, BOOLOID}},
	};
	const char *there = column->type_there;
	int length = pg_strcasecmp(there, "time(6)") == 0 ? strlen(there) : strcspn(there, " (");

	for (int i = 0; i < lengthof(faithful); i++)
	{
		if (strlen(faithful[i].there) != length ||
			pg_strncasecmp(there, faithful[i].there, length) != 0)
			continue;
		if (!OidIsValid(faithful[i].types[0]))
			return true;
		for (int t = 0; t < 4 && OidIsValid(faithful[i].types[t]); t++)
			if (faithful[i].types[t] == column->type)
				return true;
	}
	return false;
}

static void
describe(MlsPublishColumn *column)
{
	const char *name = quote_identifier(column->name);
	bool many = type_is_array(column->type) || type_is_rowtype(column->type);

	column->value = psprintf("v.%s::pg_catalog.text", name);
	column->is_rough = column->typed ? !gives_back(column)
									 : column->type == FLOAT4OID || column->type == FLOAT8OID;
	if (column->type == NUMERICOID)
		describe_numeric(column, name);
	else if (column->type == TIMESTAMPTZOID || column->type == TIMESTAMPOID)
		describe_time(column, name);
	else if (column->type == DATEOID)
		column->value = psprintf(
			"CASE WHEN v.%s BETWEEN '0001-01-01' AND '9999-12-31' THEN pg_catalog.to_char(v.%s, "
			"'YYYY-MM-DD') ELSE v.%s::pg_catalog.text END",
			name, name, name);
	else if (column->type == TIMEOID)
		column->value =
			psprintf("pg_catalog.to_char(v.%s::pg_catalog.interval, 'HH24:MI:SS.US')", name);
	else if (column->type == BOOLOID)
		column->value = psprintf("v.%s::pg_catalog.int4::pg_catalog.text", name);
	else if (column->type == BYTEAOID)
	{
		column->value = psprintf("pg_catalog.encode(v.%s, 'hex')", name);
		column->is_bytes = true;
	}
	else if (many)
		column->value = psprintf("pg_catalog.to_jsonb(v.%s)::pg_catalog.text", name);

	if (column->is_key)
		column->type_there = "varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL";
	if (column->type_there != NULL)
		return;
	if (column->type == VARCHAROID || column->type == BPCHAROID)
		describe_text(column);
	else
		column->type_there = column->type == DATEOID    ? "date"
							 : column->type == TIMEOID  ? "time(6)"
							 : column->type == BOOLOID  ? "tinyint(1)"
							 : column->type == BYTEAOID ? "longblob"
							 : many                     ? "json"
														: usual_type(column->type);
}

/* Keys are compared there without the blanks at their ends. */
static const char *
key_problem(const char *key)
{
	int length = strlen(key);

	if (pg_mbstrlen(key) > LONGEST_KEY)
		return "its key is longer than 255 characters";
	if (length == 0)
		return "its key is empty";
	return key[length - 1] == ' ' ? "its key ends in a blank, which MySQL does not tell from none"
								  : NULL;
}

/* ---- Opening ---- */

static void
set_options(Mysql *target)
{
	const MlsHttpSource *http = &target->head.source->http;
	MYSQL *connection = target->connection;
	unsigned int connect_s = (http->connect_timeout_ms + 999) / 1000;
	unsigned int wait_s = (http->timeout_ms + 999) / 1000;
	unsigned int tcp = MYSQL_PROTOCOL_TCP;
	unsigned int no_files = 0;
	my_bool tls = target->head.source->tls == MLS_TLS_VERIFY;

	client.mysql_options(connection, MARIADB_OPT_IO_WAIT, wait_for_server);
	client.mysql_options(connection, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	client.mysql_options(connection, MYSQL_OPT_READ_TIMEOUT, &wait_s);
	client.mysql_options(connection, MYSQL_OPT_WRITE_TIMEOUT, &wait_s);
	client.mysql_options(connection, MYSQL_OPT_PROTOCOL, &tcp);
	client.mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	/* A server may ask a client for its files. */
	client.mysql_options(connection, MYSQL_OPT_LOCAL_INFILE, &no_files);
	/* Nor is the password told in clear, or somebody at a terminal asked for it. */
	client.mysql_options(
		connection, MARIADB_OPT_RESTRICTED_AUTH,
		"mysql_native_password,caching_sha2_password,sha256_password,client_ed25519");
	client.mysql_options(connection, MYSQL_OPT_SSL_ENFORCE, &tls);
	client.mysql_options(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &tls);
	if (tls && mls_target_authorities(&target->head) != NULL)
		client.mysql_options(connection, MYSQL_OPT_SSL_CA, mls_target_authorities(&target->head));
}

/* What the environment says of hosts, passwords and plugins is not for whom we work for. */
static bool
connect_to_server(Mysql *target)
{
	const MlsHttpSource *http = &target->head.source->http;
	List *hidden = mls_target_hide_environment("MYSQL_", "MARIADB_", "LIBMYSQL_", NULL);
	bool connected;

	waiting = target;
	connected =
		client.mysql_real_connect(target->connection, target->head.place.host, http->username,
								  http->password ? http->password : "", target->head.place.database,
								  target->head.place.port, NULL, CLIENT_FOUND_ROWS) != NULL;
	waiting = NULL;
	mls_target_show_environment(hidden);
	return connected;
}

static MlsTarget *
open_target(const MlsSource *source)
{
	Mysql *target;
	unsigned long more = 0; /* what the server can, beyond 32 bits */
	List *rows;

	load_client();
	target = mls_target_begin(&mls_mysql_target, source, sizeof(Mysql));
	(void) mls_target_resolve(&target->head);
	target->connection = client.mysql_init(NULL);
	if (target->connection == NULL)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	target->callback.func = close_connection;
	target->callback.arg = target;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &target->callback);
	set_options(target);
	if (!connect_to_server(target))
		fail(target, "log in");
	if (source->tls == MLS_TLS_VERIFY && client.mysql_get_ssl_cipher(target->connection) == NULL)
		ereport(ERROR, errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
				errmsg("destination \"%s\" does not speak TLS", source->name),
				errhint(MLS_TARGET_NO_TLS));
	execute(
		target, "set up the session",
		"SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
		"lock_wait_timeout = 50, innodb_lock_wait_timeout = 50");
	rows = ask(target, "set up the session", "SELECT @@max_allowed_packet");
	target->longest = pg_strtoint64(((char **) linitial(rows))[0]) - 16;
	target->packet = Min(target->longest - 1024, LONGEST_STATEMENT);
	client.mariadb_get_infov(target->connection, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES,
							 &more);
	target->takes_arrays = (more & (MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) != 0;
	return &target->head;
}

/* ---- The table ---- */

static const char position_table[] =
	"CREATE TABLE IF NOT EXISTS " MLS_POSITION_TABLE " ("
	"name varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY, "
	"token varchar(64) NOT NULL, position bigint NOT NULL, loading tinyint(1) NOT NULL, "
	"load_after longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL, "
	"updated_at datetime(6) NOT NULL) ENGINE=InnoDB";

/* Texts of a length that do not fit into a row together are TEXT. */
static bool
are_too_long(const MlsPublication *publication)
{
	int total = 0;
	ListCell *lc;

	foreach (lc, publication->columns)
	{
		const MlsPublishColumn *column = lfirst(lc);

		if (strncmp(column->type_there, "varchar(", 8) == 0)
			total += 4 * atoi(column->type_there + 8);
	}
	return total > ROOM_OF_TEXTS;
}

/* Says of a column that we have made it. */
#define OURS "made by mls_fdw"

static void
append_column(StringInfo sql, const MlsPublishColumn *column, bool texts)
{
	const char *type = column->type_there;

	if (texts && !column->typed && !column->is_key && strncmp(type, "varchar(", 8) == 0)
		type = "text";
	append_name(sql, column->there);
	appendStringInfo(sql, " %s%s COMMENT '" OURS "'", type, column->is_key ? "" : " NULL");
}

/* So that all is loaded, though this run should end before it has begun to. */
static void
forget_position(Mysql *target, const MlsPublication *publication)
{
	execute(target, "forget the position",
			psprintf("DELETE FROM " MLS_POSITION_TABLE " WHERE name = %s AND token = %s",
					 quoted(publication->name), quoted(publication->token)));
}

static void
make_table(Mysql *target, const MlsPublication *publication)
{
	bool texts = are_too_long(publication);
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "CREATE TABLE ");
	append_name(&sql, publication->name);
	appendStringInfoString(&sql, " (");
	foreach (lc, publication->columns)
	{
		append_column(&sql, lfirst(lc), texts);
		appendStringInfoString(&sql, ", ");
	}
	appendStringInfoString(&sql, "PRIMARY KEY (");
	append_name(&sql, key_of(publication)->there);
	appendStringInfoString(&sql,
						   ")) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 ROW_FORMAT=DYNAMIC");
	alter(target, "make a table", sql.data);
}

/* A table that somebody else has made must be one that holds rows as we need it. */
static void
require_table(Mysql *target, const MlsPublication *publication, const List *columns)
{
	const char *table = quoted(publication->name);
	const char *key = key_of(publication)->there;
	const char *collation = NULL;
	bool nullable = false;
	List *rows = ask(target, "look at a table",
					 psprintf("SELECT engine FROM information_schema.tables WHERE table_schema = "
							  "DATABASE() AND table_name = %s",
							  table));
	ListCell *lc;

	if (rows == NIL || ((char **) linitial(rows))[0] == NULL ||
		pg_strcasecmp(((char **) linitial(rows))[0], "InnoDB") != 0)
		ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("table \"%s\" of destination \"%s\" has no transactions", publication->name,
					   target->head.source->name),
				errhint("There: ALTER TABLE %s ENGINE=InnoDB;", named(publication->name)));
	foreach (lc, columns)
		if (pg_strcasecmp(((char **) lfirst(lc))[0], key) == 0)
		{
			collation = ((char **) lfirst(lc))[1] ? ((char **) lfirst(lc))[1] : "binary";
			nullable = pg_strcasecmp(((char **) lfirst(lc))[2], "YES") == 0;
		}
	if (collation == NULL || strstr(collation, "bin") == NULL || nullable)
		ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("table \"%s\" of destination \"%s\" does not tell all keys apart",
					   publication->name, target->head.source->name),
				errdetail("Column \"%s\" is %s.", key,
						  collation == NULL ? "not there"
						  : nullable        ? "one that can be NULL"
											: psprintf("of collation %s", collation)),
				errhint("There: ALTER TABLE %s MODIFY %s %s;", named(publication->name), named(key),
						key_of(publication)->type_there));
	rows = ask(
		target, "look at a table",
		psprintf("SELECT index_name FROM information_schema.statistics WHERE table_schema = "
				 "DATABASE() AND table_name = %s GROUP BY index_name HAVING max(non_unique) = 0 "
				 "AND count(*) = 1 AND max(lower(column_name)) = lower(%s)",
				 table, quoted(key)));
	if (rows == NIL)
		ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("table \"%s\" of destination \"%s\" may have several rows of a key",
					   publication->name, target->head.source->name),
				errhint("There: ALTER TABLE %s ADD PRIMARY KEY (%s);", named(publication->name),
						named(key)));
}

static bool
has_column(const List *columns, const char *name)
{
	ListCell *lc;

	foreach (lc, columns)
		if (pg_strcasecmp(((char **) lfirst(lc))[0], name) == 0)
			return true;
	return false;
}

/* Columns that a table lacks, by one statement; were there any? */
static bool
add_columns(Mysql *target, const MlsPublication *publication, const List *columns)
{
	StringInfoData sql;
	bool any = false;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "ALTER TABLE ");
	append_name(&sql, publication->name);
	foreach (lc, publication->columns)
	{
		const MlsPublishColumn *column = lfirst(lc);

		if (has_column(columns, column->there))
			continue;
		appendStringInfo(&sql, "%s ADD COLUMN ", any ? "," : "");
		append_column(&sql, column, true);
		any = true;
	}
	if (any)
	{
		forget_position(target, publication);
		alter(target, "add columns", sql.data);
	}
	return any;
}

static bool
prepare(MlsTarget *head, const MlsPublication *publication)
{
	Mysql *target = (Mysql *) head;
	/* Wide tables of many texts pass a limit of InnoDB that rows rarely meet; MySQL may not let us. */
	const char *lenient = "SET SESSION innodb_strict_mode = OFF";
	List *columns;

	(void) run(target, lenient, strlen(lenient));
	execute(target, "make a table", position_table);
	columns = ask(
		target, "look at a table",
		psprintf(
			"SELECT column_name, collation_name, is_nullable FROM information_schema.columns WHERE "
			"table_schema = DATABASE() AND table_name = %s",
			quoted(publication->name)));
	if (columns == NIL)
	{
		forget_position(target, publication);
		make_table(target, publication);
		return true;
	}
	require_table(target, publication, columns);
	return add_columns(target, publication, columns);
}

/*
 * A text that is too long makes its column wider, unless its type was said, or somebody else has
 * made it.  NULL: it did; else why it cannot, or "".
 */
static const char *
widen(Mysql *target, const MlsPublication *publication, const char *message)
{
	static const char *const wider[][2] = {
		{"char", "text"}, {"varchar", "text"}, {"text", "mediumtext"}, {"mediumtext", "longtext"}};
	const char *begin = strchr(message, '\'');
	const char *end = begin ? strchr(begin + 1, '\'') : NULL;
	char *name;
	List *rows;
	ListCell *lc;

	if (end == NULL)
		return "";
	name = pg_any_to_server(pnstrdup(begin + 1, end - begin - 1), end - begin - 1, PG_UTF8);
	foreach (lc, publication->columns)
	{
		const MlsPublishColumn *column = lfirst(lc);

		if (pg_strcasecmp(column->there, name) == 0 && (column->typed || column->is_key))
			return "";
	}
	rows = ask(target, "look at a table",
			   psprintf("SELECT data_type, column_comment FROM information_schema.columns WHERE "
						"table_schema = DATABASE() AND table_name = %s AND column_name = %s",
						quoted(publication->name), quoted(name)));
	if (rows != NIL && strcmp(((char **) linitial(rows))[1], OURS) != 0)
		return "; the column is not one that we have made, so it is not made wider";
	for (int i = 0; rows != NIL && i < lengthof(wider); i++)
		if (pg_strcasecmp(((char **) linitial(rows))[0], wider[i][0]) == 0)
		{
			alter(target, "widen a column",
				  psprintf("ALTER TABLE %s MODIFY %s %s NULL COMMENT '" OURS "'",
						   named(publication->name), named(name), wider[i][1]));
			return NULL;
		}
	return "";
}

/* ---- The position ---- */

static MlsTargetPosition
position_at(char **row)
{
	return (MlsTargetPosition){.token = row[0],
							   .position = pg_strtoint64(row[1]),
							   .loading = row[2][0] == '1',
							   .load_after = row[3]};
}

static List *
ask_position(Mysql *target, const MlsPublication *publication, const char *how)
{
	return ask(target, "read the position",
			   psprintf("SELECT token, position, loading, load_after FROM " MLS_POSITION_TABLE
						" WHERE name = %s%s",
						quoted(publication->name), how));
}

static bool
position(MlsTarget *head, const MlsPublication *publication, MlsTargetPosition *out)
{
	List *rows = ask_position((Mysql *) head, publication, "");

	if (rows == NIL)
		return false;
	*out = position_at(linitial(rows));
	return true;
}

static bool
is_same_position(const MlsTargetPosition *a, const MlsTargetPosition *b)
{
	return strcmp(a->token, b->token) == 0 && a->position == b->position &&
		   a->loading == b->loading &&
		   strcmp(a->load_after ? a->load_after : "", b->load_after ? b->load_after : "") == 0;
}

/* A connection that we have lost may still have committed, and another server may write as well. */
static void
require_position(Mysql *target, const MlsPublication *publication, const MlsTargetPosition *from)
{
	List *rows = ask_position(target, publication, " FOR UPDATE");
	MlsTargetPosition there;

	if (rows != NIL)
		there = position_at(linitial(rows));
	if (from->token == NULL ? rows == NIL : rows != NIL && is_same_position(&there, from))
		return;
	execute(target, "roll back", "ROLLBACK");
	ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			errmsg("table \"%s\" of destination \"%s\" is written by somebody else as well",
				   publication->name, target->head.source->name),
			errdetail("Its position has moved during this run."));
}

/* ---- Writing ---- */

/* What is to be sent as one statement goes when it is long enough; false: it was refused. */
static bool
delete_keys(Mysql *target, const MlsPublication *publication, const List *keys)
{
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	foreach (lc, keys)
	{
		if (sql.len == 0)
			appendStringInfo(&sql, "DELETE FROM %s WHERE %s IN (", named(publication->name),
							 named(key_of(publication)->there));
		else
			appendStringInfoString(&sql, ", ");
		append_text(&sql, lfirst(lc));
		if (lnext(keys, lc) != NULL && sql.len < target->packet - 2048)
			continue;
		appendStringInfoChar(&sql, ')');
		if (!run(target, sql.data, sql.len))
			return false;
		resetStringInfo(&sql);
	}
	pfree(sql.data);
	return true;
}

static char *
insert_head(const MlsPublication *publication)
{
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (", named(publication->name));
	foreach (lc, publication->columns)
	{
		appendStringInfoString(&sql, foreach_current_index(lc) > 0 ? ", " : "");
		append_name(&sql, ((const MlsPublishColumn *) lfirst(lc))->there);
	}
	appendStringInfoString(&sql, ") VALUES ");
	return sql.data;
}

static char *
insert_tail(const MlsPublication *publication)
{
	StringInfoData sql;
	const char *key = named(key_of(publication)->there);
	ListCell *lc;

	/* A row that is met by another unique index is another record's: NULL has it refused. */
	initStringInfo(&sql);
	appendStringInfo(&sql, " ON DUPLICATE KEY UPDATE %s=IF(%s=VALUES(%s),%s,NULL)", key, key, key,
					 key);
	foreach (lc, publication->columns)
	{
		const char *name = named(((const MlsPublishColumn *) lfirst(lc))->there);

		if (!((const MlsPublishColumn *) lfirst(lc))->is_key)
			appendStringInfo(&sql, ",%s=VALUES(%s)", name, name);
	}
	return sql.data;
}

/* As texts in statements of many rows. */
static bool
upsert_texts(Mysql *target, const MlsPublication *publication, const List *rows)
{
	const char *head = insert_head(publication);
	const char *tail = insert_tail(publication);
	int frame = strlen(head) + strlen(tail);
	StringInfoData sql;
	StringInfoData values;
	ListCell *lc;

	initStringInfo(&sql);
	initStringInfo(&values);
	foreach (lc, rows)
	{
		char **row = lfirst(lc);
		int c = 0;
		ListCell *column;

		resetStringInfo(&values);
		foreach (column, publication->columns)
		{
			appendStringInfoString(&values, c > 0 ? "," : "(");
			append_value(&values, lfirst(column), row[c++]);
		}
		appendStringInfoChar(&values, ')');
		if (sql.len > 0 && sql.len + values.len + frame > target->packet)
		{
			appendStringInfoString(&sql, tail);
			if (!run(target, sql.data, sql.len))
				return false;
			resetStringInfo(&sql);
		}
		appendStringInfoString(&sql, sql.len == 0 ? head : ",");
		appendBinaryStringInfo(&sql, values.data, values.len);
	}
	if (sql.len > 0)
	{
		appendStringInfoString(&sql, tail);
		if (!run(target, sql.data, sql.len))
			return false;
	}
	pfree(sql.data);
	pfree(values.data);
	return true;
}

/* ---- Rows as arrays ---- */

/* False: mysql_errno() says why. */
static bool
prepare_upsert(Mysql *target, const MlsPublication *publication)
{
	StringInfoData sql;
	char *there;
	bool done;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, insert_head(publication));
	foreach (lc, publication->columns)
		appendStringInfo(&sql, "%s%s", foreach_current_index(lc) > 0 ? "," : "(",
						 ((const MlsPublishColumn *) lfirst(lc))->is_bytes ? "UNHEX(?)" : "?");
	appendStringInfo(&sql, ")%s", insert_tail(publication));
	there = pg_server_to_any(sql.data, sql.len, PG_UTF8);
	target->upsert = client.mysql_stmt_init(target->connection);
	if (target->upsert == NULL)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	waiting = target;
	done = client.mysql_stmt_prepare(target->upsert, there, strlen(there)) == 0;
	waiting = NULL;
	target->head.statements++;
	return done;
}

/* Values of some rows, column by column. */
static void
bind_rows(Mysql *target, const MlsPublication *publication, const List *rows, int first, int n,
		  MYSQL_BIND *binds)
{
	for (int c = 0; c < list_length(publication->columns); c++)
	{
		char **values = palloc(n * sizeof(char *));
		unsigned long *lengths = palloc(n * sizeof(unsigned long));
		char *indicators = palloc(n);

		for (int i = 0; i < n; i++)
		{
			char *value = ((char **) list_nth(rows, first + i))[c];

			if (value != NULL)
				value = pg_server_to_any(value, strlen(value), PG_UTF8);
			values[i] = value;
			lengths[i] = value ? strlen(value) : 0;
			indicators[i] = value ? STMT_INDICATOR_NONE : STMT_INDICATOR_NULL;
			target->head.bytes += lengths[i];
		}
		binds[c].buffer_type = MYSQL_TYPE_STRING;
		binds[c].buffer = values;
		binds[c].length = lengths;
		binds[c].u.indicator = indicators;
	}
}

/* So many rows, from the first on, as one statement holds; 0: not even that. */
static int
rows_that_fit(const Mysql *target, const MlsPublication *publication, const List *rows, int first)
{
	int ncolumns = list_length(publication->columns);
	int64 room = target->packet;
	int n = 0;

	for (; first + n < list_length(rows); n++)
	{
		char **row = list_nth(rows, first + n);

		/* A value has its length before it, and in another encoding more bytes than here. */
		for (int c = 0; c < ncolumns; c++)
			room -=
				10 +
				(row[c] ? (int64) strlen(row[c]) * (GetDatabaseEncoding() == PG_UTF8 ? 1 : 4) : 0);
		if (room < 0)
			break;
	}
	return n;
}

static bool
upsert_rows(Mysql *target, const MlsPublication *publication, const List *rows)
{
	MYSQL_BIND *binds = palloc0(list_length(publication->columns) * sizeof(MYSQL_BIND));
	int first = 0;

	if (!target->takes_arrays || list_length(rows) < MANY_ROWS)
		return upsert_texts(target, publication, rows);
	if (target->upsert == NULL && !prepare_upsert(target, publication))
		return false;
	while (first < list_length(rows))
	{
		unsigned int n = rows_that_fit(target, publication, rows, first);
		bool done;

		CHECK_FOR_INTERRUPTS();
		/* A row that is too long is told in the other way. */
		if (n == 0)
			return upsert_texts(target, publication, list_copy_tail(rows, first));
		bind_rows(target, publication, rows, first, n, binds);
		waiting = target;
		done = client.mysql_stmt_attr_set(target->upsert, STMT_ATTR_ARRAY_SIZE, &n) == 0 &&
			   client.mysql_stmt_bind_param(target->upsert, binds) == 0 &&
			   client.mysql_stmt_execute(target->upsert) == 0;
		waiting = NULL;
		target->head.statements++;
		if (!done)
			return false;
		first += n;
	}
	pfree(binds);
	return true;
}

static bool
move_position(Mysql *target, const MlsPublication *publication, const MlsTargetPosition *to)
{
	StringInfoData sql;

	if (to == NULL)
		return true;
	initStringInfo(&sql);
	appendStringInfoString(&sql, "REPLACE INTO " MLS_POSITION_TABLE " VALUES (");
	append_text(&sql, publication->name);
	appendStringInfo(&sql, ", '%s', " INT64_FORMAT ", %d, ", to->token, to->position, to->loading);
	append_text(&sql, to->load_after);
	appendStringInfoString(&sql, ", utc_timestamp(6))");
	return run(target, sql.data, sql.len);
}

/* False: mysql_errno() says why; the transaction is open or gone. */
static bool
write_once(Mysql *target, const MlsPublication *publication, const MlsTargetBatch *batch)
{
	execute(target, "begin", "START TRANSACTION");
	require_position(target, publication, batch->from);
	return delete_keys(target, publication, batch->gone) &&
		   upsert_rows(target, publication, batch->rows) &&
		   move_position(target, publication, batch->move) && run(target, "COMMIT", 6);
}

/* Of a key no NULL is sent: insert_tail() has made it one. */
static char *
refusal_of(const MlsPublication *publication, unsigned int code, const char *message)
{
	if (code == 1048 && strstr(message, psprintf("'%s'", key_of(publication)->there)) != NULL)
		return pstrdup("1062: a row of another key has a value that is unique there");
	return psprintf("%u: %s", code, message);
}

static bool
write_batch(MlsTarget *head, const MlsPublication *publication, const MlsTargetBatch *batch)
{
	Mysql *target = (Mysql *) head;

	for (int repeats = 0;;)
	{
		unsigned int code;
		char *message;
		const char *narrow;
		bool of_data;

		if (write_once(target, publication, batch))
			return true;
		CHECK_FOR_INTERRUPTS();
		if (target->unsent)
		{
			execute(target, "roll back", "ROLLBACK");
			head->refusal =
				psprintf("it is longer than a statement may be there: max_allowed_packet "
						 "is " INT64_FORMAT,
						 target->longest + 16);
			return false;
		}
		code = client.mysql_errno(target->connection);
		message = clean(target, client.mysql_error(target->connection));
		of_data = is_of_data(code, client.mysql_sqlstate(target->connection));
		/* What is longer than it takes ends the connection; there the next run goes on. */
		if ((!is_of_others(code) && !of_data) || (code != 1153 && !run(target, "ROLLBACK", 8)))
			fail(target, "write");
		if (!of_data && repeats++ < REPEATS)
			continue;
		if (!of_data)
			ereport(ERROR, errcode(ERRCODE_FDW_UNABLE_TO_CREATE_REPLY),
					errmsg("could not write at destination \"%s\"", head->source->name),
					errdetail("%u: %s", code, message));
		narrow = code == 1406 ? widen(target, publication, message) : "";
		if (narrow == NULL)
			continue;
		head->refusal = psprintf("%s%s", refusal_of(publication, code, message), narrow);
		return false;
	}
}

/* ---- What is there ---- */

/* A value as it was sent.  Of a floating-point number no two systems write the digits alike. */
static void
append_hashed(StringInfo sql, const MlsPublishColumn *column)
{
	const char *name = named(column->there);

	if (column->is_rough)
		appendStringInfo(sql, "IF(%s IS NULL, _utf8mb4 X'01', '~')", name);
	else if (column->is_bytes)
		appendStringInfo(sql, "IFNULL(LOWER(HEX(%s)), _utf8mb4 X'01')", name);
	else
		appendStringInfo(sql, "IFNULL(CAST(%s AS CHAR CHARACTER SET utf8mb4), _utf8mb4 X'01')",
						 name);
}

static List *
rows_there(MlsTarget *head, const MlsPublication *publication, const char *after, int most,
		   bool hashed)
{
	Mysql *target = (Mysql *) head;
	const char *key = named(key_of(publication)->there);
	StringInfoData sql;
	List *rows = NIL;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s", key);
	if (hashed)
	{
		appendStringInfoString(&sql, ", MD5(CONCAT_WS(_utf8mb4 X'1f'");
		foreach (lc, publication->columns)
		{
			appendStringInfoString(&sql, ", ");
			append_hashed(&sql, lfirst(lc));
		}
		appendStringInfoString(&sql, "))");
	}
	appendStringInfo(&sql, " FROM %s WHERE %s > ", named(publication->name), key);
	append_text(&sql, after);
	appendStringInfo(&sql, " ORDER BY %s LIMIT %d", key, most);
	foreach (lc, ask(target, "read keys", sql.data))
	{
		char **row = lfirst(lc);
		MlsTargetHash *found = palloc0(sizeof(MlsTargetHash));

		found->key = row[0];
		found->hash = hashed ? row[1] : NULL;
		rows = lappend(rows, found);
	}
	return rows;
}

static bool
is_there(Mysql *target, const MlsPublication *publication)
{
	return ask(target, "look at a table",
			   psprintf("SELECT table_name FROM information_schema.tables WHERE table_schema = "
						"DATABASE() AND table_name = %s",
						quoted(publication->name))) != NIL;
}

static void
forget(MlsTarget *head, const MlsPublication *publication, bool drop)
{
	Mysql *target = (Mysql *) head;

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
	Mysql *target = (Mysql *) head;
	const char *cipher = client.mysql_get_ssl_cipher(target->connection);

	return psprintf("It answers as %s, %s.", client.mysql_get_server_info(target->connection),
					cipher ? psprintf("over TLS (%s)", cipher) : "in clear");
}

static void
probe(MlsTarget *head)
{
	Mysql *target = (Mysql *) head;

	alter(target, "drop a table", "DROP TABLE IF EXISTS mls_check_probe");
	alter(target, "make a table",
		  "CREATE TABLE mls_check_probe (name varchar(64) PRIMARY KEY) ENGINE=InnoDB");
	execute(target, "write", "INSERT INTO mls_check_probe VALUES ('a')");
	alter(target, "drop a table", "DROP TABLE mls_check_probe");
}

const MlsTargetKind mls_mysql_target = {
	.protocol = "mysql",
	.describe = describe,
	.key_problem = key_problem,
	.open = open_target,
	.prepare = prepare,
	.position = position,
	.write = write_batch,
	.rows = rows_there,
	.forget = forget,
	.about = about,
	.probe = probe,
};
