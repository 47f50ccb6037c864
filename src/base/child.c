/*
 * child.c
 *		A program in a process of its own, whose output is read.
 *
 * Between fork and exec the child is a copy of a server process: it does nothing there but calls
 * of the system, leaves by _exit() alone, and has all its answers ready before.  Signals wait
 * until it is a group of its own, whose handlers are not those of the server any more.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "miscadmin.h"
#include "pgstat.h"
#include "port.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "base/child.h"
#include "compat.h"
#include "base/folder.h"

/* Descriptors are first moved beyond those that they become. */
#define BEYOND 10

/* As many as a server may have open without asking the system how many that are. */
#define MOST_DESCRIPTORS 65536

struct MlsChild
{
	MemoryContextCallback callback;
	pid_t pid;  /* 0: it has ended */
	int output; /* -1: closed */
	int status;
};

/* ---- in the child ---- */

static void
close_from(int first)
{
	/* From Linux 5.9 on; else one by one. */
#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return;
#endif
	for (int fd = first; fd < MOST_DESCRIPTORS; fd++)
		close(fd);
}

static void
restore_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		(void) signal(number, SIG_DFL);
	sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Makes a descriptor another; never returns where that fails. */
static void
move(int from, int to)
{
	if (dup2(from, to) < 0)
		_exit(127);
}

pg_noreturn static void
become(const char *path, char *const *argv, int input, int output, int file, pid_t parent)
{
	static char *const nothing[] = {NULL};
	int nowhere = open("/dev/null", O_WRONLY);

	input = fcntl(input, F_DUPFD, BEYOND);
	output = fcntl(output, F_DUPFD, BEYOND);
	file = fcntl(file, F_DUPFD, BEYOND);
	move(input, STDIN_FILENO);
	move(output, STDOUT_FILENO);
	move(nowhere, STDERR_FILENO);
	move(file, STDERR_FILENO + 1);
	close_from(STDERR_FILENO + 2);
	/* What is sent to the server process and its like is not meant for this one. */
	(void) setpgid(0, 0);
	restore_signals();
#ifdef __linux__
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
	if (getppid() != parent)
		_exit(127);
	if (chdir("/") != 0)
		_exit(127);
	execve(path, argv, nothing);
	_exit(127);
}

/* ---- in the server ---- */

/* Never throws. */
static void
end(void *arg)
{
	MlsChild *child = arg;

	mls_folder_drop(child->output);
	child->output = -1;
	if (child->pid == 0)
		return;
	(void) kill(child->pid, SIGKILL);
	while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
}

/* fork(), whose child hears no signals yet. */
static pid_t
fork_deaf(void)
{
	sigset_t all;
	sigset_t before;
	pid_t pid;
	int error;

	sigfillset(&all);
	(void) sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	error = errno;
	if (pid != 0)
		(void) sigprocmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return pid;
}

/* Beside the program of the server, where pg_config says that programs are. */
static char *
path_of(const char *program)
{
	char *path = palloc(MAXPGPATH);

	strlcpy(path, my_exec_path, MAXPGPATH);
	get_parent_directory(path);
	join_path_components(path, path, program);
	if (access(path, X_OK) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not find \"%s\": %m", path),
						errhint("It is installed with the extension.")));
	return path;
}

static char **
argv_of(const char *program, const char *const *arguments)
{
	int count = 0;
	char **argv;

	while (arguments[count])
		count++;
	argv = palloc0((count + 2) * sizeof(char *));
	argv[0] = pstrdup(program);
	for (int i = 0; i < count; i++)
		argv[i + 1] = pstrdup(arguments[i]);
	return argv;
}

static void
open_pipe(int *ends)
{
	if (pipe(ends) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not open a pipe: %m")));
	for (int i = 0; i < 2; i++)
		(void) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
	(void) fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

MlsChild *
mls_child_start(const char *program, const char *const *arguments, int input, int file)
{
	MlsChild *child = palloc0(sizeof(MlsChild));
	char *path = path_of(program);
	char **argv = argv_of(program, arguments);
	pid_t parent = getpid();
	int ends[2];
	int error;

	child->output = -1;
	child->callback.func = end;
	child->callback.arg = child;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &child->callback);
	open_pipe(ends);
	child->output = mls_folder_take(ends[0]);
	child->pid = fork_deaf();
	if (child->pid == 0)
		become(path, argv, input, ends[1], file, parent);
	error = errno;
	close(ends[1]);
	if (child->pid > 0)
		return child;
	child->pid = 0;
	errno = error;
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					errmsg("could not start a process for \"%s\": %m", program)));
}

Size
mls_child_read(MlsChild *child, char *buf, Size room)
{
	for (;;)
	{
		ssize_t n;

		CHECK_FOR_INTERRUPTS();
		n = read(child->output, buf, room);
		if (n >= 0)
			return n;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			ereport(ERROR, (errcode_for_file_access(), errmsg("could not read from a pipe: %m")));
		(void) WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_SOCKET_READABLE | WL_EXIT_ON_PM_DEATH,
								 child->output, -1, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

char *
mls_child_end(MlsChild *child)
{
	/* How one that has crashed did so stays as it is. */
	end(child);
	return WIFSIGNALED(child->status)
			   ? psprintf("was ended by signal %d (%s)", WTERMSIG(child->status),
						  pg_strsignal(WTERMSIG(child->status)))
			   : psprintf("ended with status %d", WEXITSTATUS(child->status));
}
