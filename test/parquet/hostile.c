/*
 * hostile.c
 *		A library in place of DuckDB's, which does what one does that a file has taken over: once for
 *		each KIND it is compiled with.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void
frame(char kind, const char *text, unsigned length)
{
	unsigned char head[5] = {kind, length >> 24, length >> 16, length >> 8, length};

	(void) !write(1, head, sizeof(head));
	(void) !write(1, text, strlen(text));
}

/* One that is taken over when it reads the file: what it may open then. */
#if KIND == 10
#define STUB(name) long duckdb_##name(void); long duckdb_##name(void) { return 0; }
STUB(create_config) STUB(set_config) STUB(open_ext) STUB(connect) STUB(result_error) STUB(destroy_result)
STUB(column_count) STUB(column_name) STUB(column_logical_type) STUB(prepare) STUB(prepare_error)
STUB(pending_prepared_streaming) STUB(pending_error) STUB(execute_pending) STUB(fetch_chunk)
STUB(data_chunk_get_size) STUB(data_chunk_get_vector) STUB(destroy_data_chunk) STUB(vector_get_data)
STUB(vector_get_validity) STUB(list_vector_get_child) STUB(struct_vector_get_child) STUB(get_type_id)
STUB(list_type_child_type) STUB(array_type_child_type) STUB(map_type_value_type)
STUB(struct_type_child_count) STUB(struct_type_child_name) STUB(struct_type_child_type)

int duckdb_query(void *connection, const char *sql, void *result);
int
duckdb_query(void *connection, const char *sql, void *result)
{
	char text[200];

	if (strstr(sql, "parquet") == NULL || strncmp(sql, "SET", 3) == 0)
		return 0;
	frame('E', text, sprintf(text, "the file %s; another %s", open("/proc/self/fd/3", O_RDONLY) < 0 ? "refused" : "opened",
							 open("/etc/passwd", O_RDONLY) < 0 ? "refused" : "opened"));
	_exit(0);
}
#endif

__attribute__((constructor)) static void
take_over(void)
{
	char text[1000] = "";
	siginfo_t word = {.si_code = SI_QUEUE};
	struct rlimit none = {0, 0};
	int n = 0;

	switch (KIND)
	{
		case 1: /* what may it do? */
			n += sprintf(text + n, "environment %s", getenv("PATH") || getenv("PGDATA") ? "there" : "empty");
			n += sprintf(text + n, "; socket %s", socket(AF_INET, SOCK_STREAM, 0) < 0 ? "refused" : "made");
			n += sprintf(text + n, "; local %s", socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? "refused" : "made");
			n += sprintf(text + n, "; file %s", open("/tmp/mls_parquet_hostile", O_WRONLY | O_CREAT, 0600) < 0 ? "refused" : "made");
			n += sprintf(text + n, "; process %s", fork() < 0 ? "refused" : "made");
			n += sprintf(text + n, "; program %s", execl("/bin/true", "true", (char *) NULL) < 0 ? "refused" : "started");
			n += sprintf(text + n, "; server %s", kill(getppid(), SIGTERM) < 0 ? "spared" : "ended");
			n += sprintf(text + n, "; %s", syscall(SYS_tgkill, getppid(), getppid(), SIGCONT) < 0 && syscall(SYS_rt_sigqueueinfo, getppid(), SIGCONT, &word) < 0 &&
						 syscall(SYS_rt_tgsigqueueinfo, getppid(), getppid(), SIGCONT, &word) < 0 && syscall(SYS_pidfd_open, getppid(), 0) < 0 && fcntl(1, F_SETOWN, getppid()) < 0 ? "in any way" : "not in all ways");
			n += sprintf(text + n, "; its limits %s", syscall(SYS_prlimit64, getppid(), RLIMIT_CORE, &none, NULL) < 0 ? "kept" : "taken");
			n += sprintf(text + n, "; memory %s", malloc((size_t) 8 << 30) == NULL ? "limited" : "had");
			n += sprintf(text + n, "; descriptors ");
			for (int fd = 0; fd < 1000; fd++)
				if (fcntl(fd, F_GETFD) >= 0)
					n += sprintf(text + n, "%d", fd);
			frame('E', text, n);
			_exit(0);
		case 2: /* crashes */
			raise(SIGSEGV);
		case 3: /* never ends */
			for (;;)
				pause();
		case 4: /* no frame that is known */
			frame('X', "x", 1);
			_exit(0);
		case 5: /* one that is longer than any is */
			frame('S', "", 0xffffffff);
			_exit(0);
		case 6: /* half of one */
			frame('S', "1", 100);
			_exit(3);
		case 7: /* an error that is no text */
			frame('E', "\xff\xfe broken\n\"", 11);
			_exit(0);
		case 8: /* rows without an end */
			frame('S', "9\0n\0text\0", 9);
			(void) !write(1, "\0n\0text\0", 0);
			for (;;)
				frame('D', "{}\n", 3);
		case 9: /* a name that is no text, and fewer bytes than columns */
			frame('S', "1", 6);
			(void) !write(1, "\0\xff\xfe\0x", 5);
			_exit(0);
	}
}
