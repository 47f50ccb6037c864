/*
 * mls_parquet.c
 *		The program that reads a Parquet file for the server, with the library of DuckDB.
 *
 * The file is a stranger's, and the library is large, has threads and throws: whatever becomes of
 * it is the matter of this process.  The server starts it with nothing but the file, an empty
 * environment and a pipe; here it takes from itself what a reader does not need: memory beyond a
 * limit, other files, programs to start, a network.  The library has no header here and is
 * loaded when it is wanted, so that nothing has to be there where no Parquet is read.
 *
 *	mls_parquet LIBRARY WHICH ROWS
 *		WHICH	all, or some: columns that stand on its standard input, each ended by a zero byte
 *		ROWS	at most so many; 0: all
 *
 * The file is descriptor 3.  What goes out is a chain of frames: a letter, a length of four bytes,
 * the most significant first, and so many bytes.
 *	S	once, first: number of rows in the file, then name and type of each column, each ended by
 *		a zero byte; types are those of PostgreSQL
 *	D	a piece of the rows, which are JSON objects, each with a line
 *	E	what is wrong, as a text: nothing follows
 *	Z	the end: number of rows that have come
 *
 * All values but strings and bytes are made text by the library, which knows each of its types
 * exactly; numbers and booleans stand bare.  So no digit is lost that the file has.
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_FD 3
#define FILE_NAME "/proc/self/fd/3"

/* The library may use half of what the process may. */
#define MOST_MEMORY ((rlim_t) 2 * 1024 * 1024 * 1024)
#define LIBRARY_MEMORY "1GB"

/* A file that takes longer is none that somebody waits for. */
#define MOST_CPU_S 3600

#define MOST_FILES 64

/* Rows go out in pieces of about this; one that is longer than the other is none. */
#define PIECE (64 * 1024)
#define MOST_ROW (64 * 1024 * 1024)

/* As many columns as a spreadsheet has. */
#define MOST_COLUMNS 16384

#define MOST_NESTING 50

/* ---- texts ---- */

typedef struct Text
{
	char *bytes;
	size_t length;
	size_t room;
} Text;

static void fail(const char *problem);

static void
add(Text *text, const char *bytes, size_t length)
{
	if (text->length + length + 1 > text->room)
	{
		size_t room = (text->length + length + 1) * 2;
		char *more = room > 4 * (size_t) MOST_ROW ? NULL : realloc(text->bytes, room);

		if (more == NULL)
			fail("A row of it is too long.");
		text->bytes = more;
		text->room = room;
	}
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

static void
add_text(Text *text, const char *more)
{
	add(text, more, strlen(more));
}

/* ---- frames ---- */

static void
write_all(const char *bytes, size_t length)
{
	while (length > 0)
	{
		ssize_t n = write(STDOUT_FILENO, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		/* Nobody reads any more. */
		if (n <= 0)
			_exit(1);
		bytes += n;
		length -= n;
	}
}

static void
send_frame(char kind, const char *bytes, size_t length)
{
	char head[5] = {kind, (char) (length >> 24), (char) (length >> 16), (char) (length >> 8),
					(char) length};

	write_all(head, sizeof(head));
	write_all(bytes, length);
}

/* Ends the process with what is wrong; not by exit(), which would end the library's threads. */
static void
fail(const char *problem)
{
	send_frame('E', problem, strnlen(problem, 1000));
	_exit(1);
}

/* ---- what this process may ---- */

static void
limit(int resource, rlim_t most)
{
	struct rlimit limit = {most, most};

	(void) setrlimit(resource, &limit);
}

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef OWN_ARCHITECTURE
#define DENY(call)                                                                                 \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1),                                             \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

/* A call that is about the process which it names first. */
#define DENY_BUT_OF(call, process)                                                                 \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 4),                                             \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),                \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (process), 1, 0),                                      \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),                                      \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* No network, no programs, nothing to other processes, and files are read at most. */
static void
give_up_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)), DENY(__NR_socket),
		DENY(__NR_socketpair), DENY(__NR_connect), DENY(__NR_bind), DENY(__NR_sendto),
		DENY(__NR_sendmsg), DENY(__NR_execve), DENY(__NR_execveat), DENY(__NR_ptrace),
		DENY(__NR_process_vm_readv), DENY(__NR_process_vm_writev), DENY(__NR_kill),
		DENY(__NR_tkill), DENY(__NR_unlinkat), DENY(__NR_renameat2), DENY(__NR_mkdirat),
		DENY(__NR_linkat), DENY(__NR_symlinkat), DENY(__NR_mknodat), DENY(__NR_fchmodat),
		DENY(__NR_fchownat), DENY(__NR_truncate), DENY(__NR_openat2), DENY(__NR_io_uring_setup),
		DENY(__NR_memfd_create), DENY(__NR_rt_sigqueueinfo), DENY(__NR_rt_tgsigqueueinfo),
		DENY(__NR_pidfd_open), DENY(__NR_pidfd_getfd), DENY(__NR_pidfd_send_signal),
		DENY(__NR_unshare), DENY(__NR_setns), DENY(__NR_shmat), DENY(__NR_shmctl), DENY(__NR_semop),
		DENY(__NR_semctl), DENY(__NR_setpriority), DENY(__NR_sched_setaffinity),
#ifdef __NR_fork
		DENY(__NR_open), DENY(__NR_creat), DENY(__NR_fork), DENY(__NR_vfork), DENY(__NR_unlink),
		DENY(__NR_rename), DENY(__NR_renameat), DENY(__NR_mkdir), DENY(__NR_link),
		DENY(__NR_symlink), DENY(__NR_chmod), DENY(__NR_chown), DENY(__NR_rmdir),
#endif
		DENY_BUT_OF(__NR_tgkill, (uint32_t) getpid()), DENY_BUT_OF(__NR_prlimit64, 0),
		/* What comes in tells others by a signal of one's choice. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_fcntl, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETOWN, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETOWN_EX, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETSIG, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		/* Without it threads are made by the other call, whose flags can be looked at. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x00010000 /* CLONE_THREAD */, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	/* Where the kernel has it; what else is taken away holds in any case. */
	(void) prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
#else
static void
give_up_calls(void)
{
}
#endif

/*
 * From now on no file can be opened but the one, from Linux 5.13 on.  What the library looks at when
 * it starts it has read by then, and the file has not yet been.
 */
static void
give_up_files(void)
{
	struct landlock_ruleset_attr all = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
							 LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE};
	struct landlock_path_beneath_attr one = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
											 .parent_fd = FILE_FD};
	int rules = (int) syscall(__NR_landlock_create_ruleset, &all, sizeof(all), 0);

	if (rules < 0)
		return;
	if (syscall(__NR_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &one, 0) == 0)
		(void) syscall(__NR_landlock_restrict_self, rules, 0);
	close(rules);
}

static void
give_up(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	/* Where memory is short, this process goes before any of the server. */
	if (fd >= 0)
	{
		(void) !write(fd, "1000", 4);
		close(fd);
	}
	limit(RLIMIT_AS, MOST_MEMORY);
	limit(RLIMIT_CPU, MOST_CPU_S);
	limit(RLIMIT_NOFILE, MOST_FILES);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_CORE, 0);
	(void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	give_up_calls();
}

/* ---- the library ---- */

/* What of its C interface is used, as it has been since version 1.0. */
typedef struct Result
{
	uint64_t unused[3];
	void *unused_columns;
	char *unused_error;
	void *internal;
} Result;

typedef enum Type
{
	BOOLEAN = 1,
	TINYINT,
	SMALLINT,
	INTEGER,
	BIGINT,
	UTINYINT,
	USMALLINT,
	UINTEGER,
	UBIGINT,
	FLOAT,
	DOUBLE,
	TIMESTAMP,
	DATE,
	TIME,
	INTERVAL,
	HUGEINT,
	VARCHAR,
	BLOB,
	DECIMAL,
	TIMESTAMP_S,
	TIMESTAMP_MS,
	TIMESTAMP_NS,
	ENUM,
	LIST,
	STRUCT,
	MAP,
	UUID,
	UNION,
	BIT,
	TIME_TZ,
	TIMESTAMP_TZ,
	UHUGEINT,
	ARRAY
} Type;

/* Short ones stand in themselves. */
typedef struct String
{
	uint32_t length;
	char head[4];
	union
	{
		char rest[8];
		const char *pointer;
	} rest;
} String;

typedef struct ListEntry
{
	uint64_t offset;
	uint64_t length;
} ListEntry;

#define FUNCTIONS(f)                                                                               \
	f(int, create_config, (void **config)) f(int, set_config,                                      \
											 (void *config, const char *name, const char *value))  \
		f(int, open_ext, (const char *path, void **database, void *config, char **error)) f(       \
			int, connect, (void *database, void **connection))                                     \
			f(int, query, (void *connection, const char *sql, Result *result)) f(                  \
				const char *, result_error, (Result * result)) f(void, destroy_result,             \
																 (Result * result))                \
				f(uint64_t, column_count, (Result * result)) f(const char *, column_name,          \
															   (Result * result, uint64_t column)) \
					f(void *, column_logical_type, (Result * result, uint64_t column)) f(          \
						int, prepare, (void *connection, const char *sql, void **statement))       \
						f(const char *, prepare_error, (void *statement)) f(                       \
							int, pending_prepared_streaming,                                       \
							(void *statement, void **pending)) f(const char *,                     \
																 pending_error, (void *pending))   \
							f(int, execute_pending, (void *pending, Result *result)) f(            \
								void *,                                                            \
								fetch_chunk,                                                       \
								(Result result)) f(uint64_t, data_chunk_get_size, (void *chunk))   \
								f(void *, data_chunk_get_vector, (void *chunk, uint64_t column))   \
									f(void, destroy_data_chunk,                                    \
									  (void **chunk)) f(void *, vector_get_data, (void *vector))   \
										f(uint64_t *, vector_get_validity, (void *vector)) f(      \
											void *, list_vector_get_child, (void *vector))         \
											f(void *, struct_vector_get_child,                     \
											  (void *vector, uint64_t index)) f(int, get_type_id,  \
																				(void *type))      \
												f(void *, list_type_child_type, (void *type)) f(   \
													void *, array_type_child_type, (void *type))   \
													f(void *, map_type_value_type, (void *type))   \
														f(uint64_t, struct_type_child_count,       \
														  (void *type))                            \
															f(char *, struct_type_child_name,      \
															  (void *type, uint64_t index))        \
																f(void *, struct_type_child_type,  \
																  (void *type, uint64_t index))

#define POINTER(result, name, arguments) static result(*duck_##name) arguments;
FUNCTIONS(POINTER)

static void
load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	char problem[512];

	if (library == NULL)
	{
		snprintf(problem, sizeof(problem), "The library of DuckDB cannot be loaded: %s.",
				 dlerror());
		fail(problem);
	}
#define FIND(result, name, arguments)                                                              \
	*(void **) &duck_##name = dlsym(library, "duckdb_" #name);                                     \
	if (duck_##name == NULL)                                                                       \
		fail("The library that is named is not that of DuckDB, or an old one: it lacks "           \
			 "duckdb_" #name ".");
	FUNCTIONS(FIND)
}

/* What it says is wrong, in one line, without the file's name here. */
static void
fail_as_told(const char *told)
{
	char problem[700];
	const char *from = told ? told : "no reason is given";
	size_t length = 0;

	length += snprintf(problem, sizeof(problem), "DuckDB cannot read it: ");
	while (*from && length < sizeof(problem) - 20)
	{
		static const char name[] = "'" FILE_NAME "'";
		static const char plain[] = "\"" FILE_NAME "\"";

		if (strncmp(from, name, sizeof(name) - 1) == 0 ||
			strncmp(from, plain, sizeof(plain) - 1) == 0)
		{
			length += snprintf(problem + length, sizeof(problem) - length, "it");
			from += sizeof(name) - 1;
			continue;
		}
		problem[length++] = (unsigned char) *from < ' ' ? ' ' : *from;
		from++;
	}
	problem[length] = '\0';
	fail(problem);
}

static void *
connect_database(void)
{
	static const char *const settings[][2] = {{"threads", "1"},
											  {"memory_limit", LIBRARY_MEMORY},
											  {"autoinstall_known_extensions", "false"},
											  {"autoload_known_extensions", "false"}};
	/* In this order: what is allowed can be set only before the rest is forbidden. */
	static const char *const statements[] = {
		"SET TimeZone = 'UTC'", "SET temp_directory = ''", "SET allowed_paths = ['" FILE_NAME "']",
		"SET enable_external_access = false", "SET lock_configuration = true"};
	static const char *const unknown =
		"This version of DuckDB has not all of the settings that keep it from other files.";
	void *config;
	void *database;
	void *connection;
	char *error = NULL;
	Result result;

	if (duck_create_config(&config) != 0)
		fail("DuckDB could not be started.");
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (duck_set_config(config, settings[i][0], settings[i][1]) != 0)
			fail(unknown);
	if (duck_open_ext(NULL, &database, config, &error) != 0)
		fail_as_told(error);
	if (duck_connect(database, &connection) != 0)
		fail("DuckDB could not be started.");
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
	{
		if (duck_query(connection, statements[i], &result) != 0)
			fail(unknown);
		duck_destroy_result(&result);
	}
	return connection;
}

/* ---- types ---- */

/* The type of PostgreSQL that has all values of one. */
static const char *
type_of(Type type)
{
	switch (type)
	{
		case BOOLEAN:
			return "boolean";
		case TINYINT:
		case SMALLINT:
		case UTINYINT:
			return "smallint";
		case INTEGER:
		case USMALLINT:
			return "integer";
		case BIGINT:
		case UINTEGER:
			return "bigint";
		case UBIGINT:
		case HUGEINT:
		case UHUGEINT:
		case DECIMAL:
			return "numeric";
		case FLOAT:
			return "real";
		case DOUBLE:
			return "double precision";
		case DATE:
			return "date";
		case TIME:
			return "time";
		case TIMESTAMP:
		case TIMESTAMP_S:
		case TIMESTAMP_MS:
		case TIMESTAMP_NS:
			return "timestamp";
		case TIMESTAMP_TZ:
			return "timestamptz";
		case UUID:
			return "uuid";
		case BLOB:
			return "bytea";
		case LIST:
		case STRUCT:
		case MAP:
		case ARRAY:
			return "jsonb";
		default:
			return "text";
	}
}

static bool
is_number(Type type)
{
	return (type >= TINYINT && type <= DOUBLE) || type == HUGEINT || type == UHUGEINT ||
		   type == DECIMAL;
}

static bool
is_instant(Type type)
{
	return type == TIMESTAMP || type == TIMESTAMP_TZ ||
		   (type >= TIMESTAMP_S && type <= TIMESTAMP_NS);
}

/* A column, or what is in it. */
typedef struct Shape
{
	Type type;
	char *name; /* of the member of a struct */
	int nparts; /* of a list, a map and an array: what is in it */
	struct Shape *parts;
} Shape;

static void
find_shape(Shape *shape, void *type, int depth)
{
	if (depth > MOST_NESTING)
		fail("It is nested too deeply.");
	shape->type = duck_get_type_id(type);
	shape->nparts = shape->type == LIST || shape->type == ARRAY || shape->type == MAP;
	if (shape->type == STRUCT)
		shape->nparts = (int) duck_struct_type_child_count(type);
	if (shape->nparts > MOST_COLUMNS)
		fail("It has too many columns.");
	if (shape->nparts == 0)
		return;
	shape->parts = calloc(shape->nparts, sizeof(Shape));
	if (shape->parts == NULL)
		fail("Memory is short.");
	for (int i = 0; i < shape->nparts; i++)
	{
		void *part = shape->type == LIST    ? duck_list_type_child_type(type)
					 : shape->type == ARRAY ? duck_array_type_child_type(type)
					 : shape->type == MAP   ? duck_map_type_value_type(type)
											: duck_struct_type_child_type(type, i);

		if (shape->type == STRUCT)
			shape->parts[i].name = duck_struct_type_child_name(type, i);
		find_shape(&shape->parts[i], part, depth + 1);
	}
}

static void
add_quoted(Text *text, const char *name)
{
	add_text(text, "\"");
	for (; *name; name++)
		add(text, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
	add_text(text, "\"");
}

/* The type that the library is to make of it: texts, but for strings of bytes. */
static void
add_wanted_type(Text *text, const Shape *shape)
{
	switch (shape->type)
	{
		case LIST:
		case ARRAY:
			add_wanted_type(text, &shape->parts[0]);
			add_text(text, "[]");
			break;
		case MAP:
			add_text(text, "MAP(VARCHAR, ");
			add_wanted_type(text, &shape->parts[0]);
			add_text(text, ")");
			break;
		case STRUCT:
			add_text(text, "STRUCT(");
			for (int i = 0; i < shape->nparts; i++)
			{
				add_text(text, i > 0 ? ", " : "");
				add_quoted(text, shape->parts[i].name);
				add_text(text, " ");
				add_wanted_type(text, &shape->parts[i]);
			}
			add_text(text, ")");
			break;
		case BLOB:
			add_text(text, "BLOB");
			break;
		default:
			add_text(text, "VARCHAR");
	}
}

/* ---- values ---- */

static void
add_json_string(Text *out, const char *bytes, size_t length)
{
	add_text(out, "\"");
	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = bytes[i];
		char escape[8];

		if (c == '"' || c == '\\')
		{
			escape[0] = '\\';
			escape[1] = c;
			add(out, escape, 2);
		}
		else if (c < ' ' || c == 0x7f)
			add(out, escape, snprintf(escape, sizeof(escape), "\\u%04x", c));
		else
			add(out, bytes + i, 1);
	}
	add_text(out, "\"");
}

static void
add_bytes(Text *out, const char *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";

	add_text(out, "\"\\\\x");
	for (size_t i = 0; i < length; i++)
	{
		char hex[2] = {digits[(unsigned char) bytes[i] >> 4], digits[bytes[i] & 15]};

		add(out, hex, 2);
	}
	add_text(out, "\"");
}

/* "2024-01-31 14:05:00+00" as ISO 8601 has it. */
static void
add_instant(Text *out, const char *text, size_t length)
{
	bool is_utc = length > 3 && memcmp(text + length - 3, "+00", 3) == 0;

	add_text(out, "\"");
	for (size_t i = 0; i < length - (is_utc ? 3 : 0); i++)
		add(out, text[i] == ' ' && i == 10 ? "T" : text + i, 1);
	add_text(out, is_utc ? "Z\"" : "\"");
}

static bool
is_finite_number(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!strchr("0123456789+-.eE", text[i]))
			return false;
	return length > 0;
}

static void
add_scalar(Text *out, Type type, const String *string)
{
	const char *bytes = string->length <= 12 ? string->head : string->rest.pointer;
	size_t length = string->length;

	if (type == BLOB)
		add_bytes(out, bytes, length);
	else if (type == BOOLEAN || (is_number(type) && is_finite_number(bytes, length)))
		add(out, bytes, length);
	else if (is_number(type) && length >= 3 && memcmp(bytes + (*bytes == '-'), "inf", 3) == 0)
		add_text(out, *bytes == '-' ? "\"-Infinity\"" : "\"Infinity\"");
	else if (is_instant(type))
		add_instant(out, bytes, length);
	else
		add_json_string(out, bytes, length);
}

static bool
is_null(void *vector, uint64_t row)
{
	const uint64_t *validity = duck_vector_get_validity(vector);

	return validity && !(validity[row / 64] & ((uint64_t) 1 << (row % 64)));
}

static void add_value(Text *out, const Shape *shape, void *vector, uint64_t row);

static void
add_list(Text *out, const Shape *shape, void *vector, uint64_t row)
{
	const ListEntry *entry = (const ListEntry *) duck_vector_get_data(vector) + row;
	void *child = duck_list_vector_get_child(vector);

	add_text(out, "[");
	for (uint64_t i = 0; i < entry->length; i++)
	{
		add_text(out, i > 0 ? "," : "");
		add_value(out, &shape->parts[0], child, entry->offset + i);
	}
	add_text(out, "]");
}

static void
add_map(Text *out, const Shape *shape, void *vector, uint64_t row)
{
	const ListEntry *entry = (const ListEntry *) duck_vector_get_data(vector) + row;
	void *child = duck_list_vector_get_child(vector);
	void *keys = duck_struct_vector_get_child(child, 0);
	void *values = duck_struct_vector_get_child(child, 1);

	add_text(out, "{");
	for (uint64_t i = 0; i < entry->length; i++)
	{
		const String *key = (const String *) duck_vector_get_data(keys) + entry->offset + i;

		add_text(out, i > 0 ? "," : "");
		add_json_string(out, key->length <= 12 ? key->head : key->rest.pointer, key->length);
		add_text(out, ":");
		add_value(out, &shape->parts[0], values, entry->offset + i);
	}
	add_text(out, "}");
}

static void
add_struct(Text *out, const Shape *shape, void *vector, uint64_t row)
{
	add_text(out, "{");
	for (int i = 0; i < shape->nparts; i++)
	{
		add_text(out, i > 0 ? "," : "");
		add_json_string(out, shape->parts[i].name, strlen(shape->parts[i].name));
		add_text(out, ":");
		add_value(out, &shape->parts[i], duck_struct_vector_get_child(vector, i), row);
	}
	add_text(out, "}");
}

static void
add_value(Text *out, const Shape *shape, void *vector, uint64_t row)
{
	if (is_null(vector, row))
		add_text(out, "null");
	else if (shape->type == LIST || shape->type == ARRAY)
		add_list(out, shape, vector, row);
	else if (shape->type == MAP)
		add_map(out, shape, vector, row);
	else if (shape->type == STRUCT)
		add_struct(out, shape, vector, row);
	else
		add_scalar(out, shape->type, (const String *) duck_vector_get_data(vector) + row);
}

/* ---- the file ---- */

typedef struct Table
{
	void *connection;
	int64_t rows; /* that it says it has */
	int ncolumns;
	char **names;
	Shape *shapes;
	bool *wanted;
} Table;

#define SOURCE "read_parquet('" FILE_NAME "', hive_partitioning = false)"

static int64_t
first_number(void *connection, const char *sql)
{
	Result result;
	void *chunk;
	int64_t number;

	if (duck_query(connection, sql, &result) != 0)
		fail_as_told(duck_result_error(&result));
	chunk = duck_fetch_chunk(result);
	if (chunk == NULL || duck_data_chunk_get_size(chunk) != 1)
		fail("DuckDB does not say how many rows it has.");
	number = *(const int64_t *) duck_vector_get_data(duck_data_chunk_get_vector(chunk, 0));
	duck_destroy_data_chunk(&chunk);
	duck_destroy_result(&result);
	return number;
}

static void
describe(Table *table)
{
	Result result;

	table->rows = first_number(
		table->connection, "SELECT num_rows::BIGINT FROM parquet_file_metadata('" FILE_NAME "')");
	if (duck_query(table->connection, "SELECT * FROM " SOURCE " LIMIT 0", &result) != 0)
		fail_as_told(duck_result_error(&result));
	if (duck_column_count(&result) > MOST_COLUMNS)
		fail("It has too many columns.");
	table->ncolumns = (int) duck_column_count(&result);
	table->names = calloc(table->ncolumns + 1, sizeof(char *));
	table->shapes = calloc(table->ncolumns + 1, sizeof(Shape));
	table->wanted = calloc(table->ncolumns + 1, sizeof(bool));
	if (table->names == NULL || table->shapes == NULL || table->wanted == NULL)
		fail("Memory is short.");
	for (int i = 0; i < table->ncolumns; i++)
	{
		table->names[i] = strdup(duck_column_name(&result, i));
		find_shape(&table->shapes[i], duck_column_logical_type(&result, i), 0);
	}
}

static void
send_schema(const Table *table)
{
	Text schema = {0};
	char number[32];

	add(&schema, number, snprintf(number, sizeof(number), "%" PRId64, table->rows) + 1);
	for (int i = 0; i < table->ncolumns; i++)
	{
		add(&schema, table->names[i], strlen(table->names[i]) + 1);
		add(&schema, type_of(table->shapes[i].type), strlen(type_of(table->shapes[i].type)) + 1);
	}
	send_frame('S', schema.bytes, schema.length);
	free(schema.bytes);
}

/* Which columns are asked for, by their names on the standard input. */
static void
read_wanted(Table *table, bool all)
{
	Text names = {0};
	char buf[4096];
	ssize_t n;

	while (!all && (n = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
		add(&names, buf, n);
	for (int i = 0; i < table->ncolumns; i++)
		table->wanted[i] = all;
	for (size_t at = 0; at < names.length; at += strlen(names.bytes + at) + 1)
		for (int i = 0; i < table->ncolumns; i++)
			if (strcmp(names.bytes + at, table->names[i]) == 0)
				table->wanted[i] = true;
	free(names.bytes);
}

static Text
query_of(const Table *table, int64_t most)
{
	Text sql = {0};
	char limit[64];
	bool any = false;

	add_text(&sql, "SELECT ");
	for (int i = 0; i < table->ncolumns; i++)
	{
		if (!table->wanted[i])
			continue;
		add_text(&sql, any ? ", CAST(" : "CAST(");
		add_quoted(&sql, table->names[i]);
		add_text(&sql, " AS ");
		add_wanted_type(&sql, &table->shapes[i]);
		add_text(&sql, ")");
		any = true;
	}
	add_text(&sql, any ? " FROM " SOURCE : "'' FROM " SOURCE);
	if (most > 0)
		add(&sql, limit, snprintf(limit, sizeof(limit), " LIMIT %" PRId64, most));
	return sql;
}

static void
add_row(Text *out, const Table *table, void *chunk, uint64_t row)
{
	size_t start = out->length;
	int column = 0;

	add_text(out, "{");
	for (int i = 0; i < table->ncolumns; i++)
	{
		if (!table->wanted[i])
			continue;
		add_text(out, column > 0 ? "," : "");
		add_json_string(out, table->names[i], strlen(table->names[i]));
		add_text(out, ":");
		add_value(out, &table->shapes[i], duck_data_chunk_get_vector(chunk, column++), row);
		if (out->length - start > MOST_ROW)
			fail("A row of it is too long.");
	}
	add_text(out, "}\n");
}

static void
send_rows(const Table *table, int64_t most)
{
	Text sql = query_of(table, most);
	Text out = {0};
	void *statement;
	void *pending;
	void *chunk;
	Result result;
	char number[32];
	int64_t rows = 0;

	if (duck_prepare(table->connection, sql.bytes, &statement) != 0)
		fail_as_told(duck_prepare_error(statement));
	if (duck_pending_prepared_streaming(statement, &pending) != 0)
		fail_as_told(duck_pending_error(pending));
	if (duck_execute_pending(pending, &result) != 0)
		fail_as_told(duck_result_error(&result));
	while ((chunk = duck_fetch_chunk(result)) != NULL)
	{
		uint64_t size = duck_data_chunk_get_size(chunk);

		for (uint64_t row = 0; row < size; row++, rows++)
		{
			add_row(&out, table, chunk, row);
			if (out.length < PIECE)
				continue;
			send_frame('D', out.bytes, out.length);
			out.length = 0;
		}
		duck_destroy_data_chunk(&chunk);
	}
	if (duck_result_error(&result) && *duck_result_error(&result))
		fail_as_told(duck_result_error(&result));
	if (out.length > 0)
		send_frame('D', out.bytes, out.length);
	send_frame('Z', number, snprintf(number, sizeof(number), "%" PRId64, rows) + 1);
}

int
main(int argc, char **argv)
{
	Table table = {0};

	if (argc != 4)
	{
		fprintf(stderr, "mls_parquet is started by the extension mls_fdw, to read Parquet files\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	give_up();
	load(argv[1]);
	table.connection = connect_database();
	give_up_files();
	describe(&table);
	send_schema(&table);
	read_wanted(&table, strcmp(argv[2], "all") == 0);
	send_rows(&table, strtoll(argv[3], NULL, 10));
	_exit(0);
}
