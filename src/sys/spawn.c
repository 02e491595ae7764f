/* SPDX-License-Identifier: ISC */
/*
 * spawn: see spawn.h.  The answer is often a password: every copy of it is wiped, and no
 * error text quotes it.
 *
 * The command is over when its shell has ended, even if something that it left in the
 * background (an agent, say) still holds the pipe.  Only a command that did not end by
 * itself is killed, with its whole group; a background helper of a good one stays.
 */
#include "sys/spawn.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Output that is read and thrown away, beside the first line. */
#define REST_MAX (64 * 1024)
/* How often to look for the end of the child where the kernel has no pidfd. */
#define LOOK_EVERY_MS 20
/* How long a killed child may take to be gone; longer only when the kernel is stuck. */
#define GONE_AFTER_MS 1000

/* What a child does: one of the two. */
struct job {
	const char *command;
	bool is_quiet;	/* its stderr is not ours */
	spawn_function *call;
	void *context;
	char **environment; /* of the command */
};

struct child {
	const char *what; /* its name in error texts */
	pid_t pid;	  /* and its process group */
	int out;	  /* its stdout */
	int pidfd;	  /* readable once it has ended; -1 = unknown to this kernel */
	int tty;	  /* the terminal that was lent to it; -1 = none */
	bool is_ended, is_eof;
	int status; /* as of waitpid(2), once it has ended */

	struct buf *line;
	size_t rest; /* bytes after the first line */
	bool has_line, has_nul, is_too_long;
};

/* ---- in the child: only async-signal-safe calls, until it is a function's ---- */

static void child_descriptors(int out, bool keeps_stderr)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* First out of the way, in case we were started without 0, 1 or 2. */
	null = fcntl(null, F_DUPFD_CLOEXEC, 3);
	out = fcntl(out, F_DUPFD_CLOEXEC, 3);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	if (!keeps_stderr || fcntl(STDERR_FILENO, F_GETFD) < 0) {
		dup2(null, STDERR_FILENO);
	}
	/* Ours are close-on-exec; those that we inherited (a lock, say) may not be. */
	process_close_from(3);
}

static _Noreturn void child_main(const struct job *job, int out, int tty)
{
	char shell[] = "sh", option[] = "-c";
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	/* All signals are blocked here, so taking the terminal does not stop us. */
	setpgid(0, 0);
	/* Not longer than we: nobody would read its answer. */
	process_end_with_parent();
	if (tty >= 0) {
		tcsetpgrp(tty, getpid());
	}
	child_descriptors(out, job->command && !job->is_quiet);
	for (int i = 1; i < NSIG; i++) {
		sigaction(i, &action, NULL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (job->call) {
		_exit(job->call(job->context, STDOUT_FILENO));
	}
	/* execve's prototype is older than const; it changes nothing. */
	union {
		const char *given;
		char *wanted;
	} text = { .given = job->command };
	char *const argv[] = { shell, option, text.wanted, NULL };
	execve("/bin/sh", argv, job->environment);
	_exit(127);
}

/* ---- in the parent ---- */

/*
 * The terminal, if it is ours to lend: a helper that asks for a passphrase there would
 * otherwise be stopped, since its process group is not in the foreground.
 */
static int foreground_tty(void)
{
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (tty >= 0 && tcgetpgrp(tty) != getpgrp()) {
		fs_close(&tty);
	}
	return tty;
}

static void tty_take_back(struct child *c)
{
	sigset_t stop, before;

	if (c->tty >= 0 && tcgetpgrp(c->tty) == c->pid) {
		/* Blocked, since we are in the background now. */
		sigemptyset(&stop);
		sigaddset(&stop, SIGTTOU);
		sigprocmask(SIG_BLOCK, &stop, &before);
		tcsetpgrp(c->tty, getpgrp());
		sigprocmask(SIG_SETMASK, &before, NULL);
	}
	fs_close(&c->tty);
}

static bool child_start(struct child *c, const struct job *job, enum cause cause,
			struct err *e)
{
	int pipe_ends[2];
	sigset_t all, before;

	if (!fs_pipe(pipe_ends, 0)) {
		return err_errno(e, cause, "cannot make a pipe");
	}
	fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);
	c->tty = job->command ? foreground_tty() : -1;
	/* Blocked until the child has reset them: our handlers must never run in it. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	c->pid = fork();
	if (c->pid == 0) {
		child_main(job, pipe_ends[1], c->tty);
	}
	int saved = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	fs_close(&pipe_ends[1]);
	c->out = pipe_ends[0];
	if (c->pid < 0) {
		errno = saved;
		return err_errno(e, cause, "cannot start a process");
	}
	/* Here too, so that the group exists whoever runs first. */
	setpgid(c->pid, c->pid);
	c->pidfd = process_open(c->pid);
	return true;
}

static void child_look(struct child *c)
{
	pid_t ended = c->is_ended ? 0 : waitpid(c->pid, &c->status, WNOHANG);

	c->is_ended = c->is_ended || ended == c->pid;
}

/* Waits for output or the end, at most until the deadline. */
static void child_wait(struct child *c, int64_t deadline)
{
	struct pollfd p[] = {
		{ .fd = c->is_eof ? -1 : c->out, .events = POLLIN },
		{ .fd = c->pidfd, .events = POLLIN },
	};
	int left = clock_left(deadline);

	if (c->pidfd < 0 && (left < 0 || left > LOOK_EVERY_MS)) {
		left = LOOK_EVERY_MS;
	}
	poll(p, 2, left);
}

static void take_output(struct child *c, const char *data, size_t size)
{
	if (!c->has_line) {
		const char *end = memchr(data, '\n', size);
		size_t part = end ? (size_t)(end - data) : size;
		c->has_nul = c->has_nul || memchr(data, '\0', part);
		c->is_too_long = c->is_too_long || !buf_add(c->line, data, part);
		c->has_line = end != NULL;
		size -= part;
	}
	c->rest += size;
}

static bool is_too_much(const struct child *c)
{
	return c->is_too_long || c->rest > REST_MAX;
}

static void child_read(struct child *c)
{
	char chunk[4096];
	ssize_t n = 0;

	while (!c->is_eof && !is_too_much(c)) {
		n = fs_read(c->out, chunk, sizeof(chunk));
		if (n < 0 && errno == EAGAIN) {
			break;
		}
		if (n > 0) {
			take_output(c, chunk, (size_t)n);
		} else {
			c->is_eof = true;
		}
	}
	mem_wipe(chunk, sizeof(chunk));
}

/* Until the child has ended and all its output is read; else false. */
static bool child_run(struct child *c, int64_t deadline, enum cause cause, struct err *e)
{
	for (;;) {
		/* In this order: when it has ended, all that it wrote is in the pipe. */
		child_look(c);
		child_read(c);
		if (is_too_much(c)) {
			return err_set(e, cause, "%s printed too much", c->what);
		}
		if (c->is_ended) {
			return true;
		}
		if (clock_left(deadline) == 0) {
			return err_set(e, cause, "%s took too long", c->what);
		}
		child_wait(c, deadline);
	}
}

/* Not reaped yet, so neither its number nor its group's can be another's. */
static void child_kill(struct child *c)
{
	int64_t until = clock_ms() + GONE_AFTER_MS;

	kill(-c->pid, SIGKILL);
	c->is_eof = true;
	for (child_look(c); !c->is_ended && clock_left(until) != 0; child_look(c)) {
		child_wait(c, until);
	}
}

static bool child_judge(struct child *c, enum cause cause, struct err *e)
{
	if (WIFSIGNALED(c->status)) {
		return err_set(e, cause, "%s was ended by signal %d (%s)", c->what,
			       WTERMSIG(c->status), strsignal(WTERMSIG(c->status)));
	}
	if (WEXITSTATUS(c->status) != 0) {
		return err_set(e, cause, "%s ended with status %d%s", c->what,
			       WEXITSTATUS(c->status),
			       WEXITSTATUS(c->status) == 127 ? " (not found)" : "");
	}
	if (c->has_nul) {
		return err_set(e, cause, "%s printed a NUL byte", c->what);
	}
	if (c->has_line && c->line->size > 0 &&
	    c->line->data[c->line->size - 1] == '\r') {
		c->line->data[--c->line->size] = '\0';
	}
	if (c->line->size == 0) {
		return err_set(e, cause,
			       c->has_line ? "the first line %s printed is empty"
					   : "%s printed nothing", c->what);
	}
	return true;
}

static bool run_job(const struct job *job, const char *what, int64_t deadline,
		    struct buf *line, enum cause cause, struct err *e)
{
	struct child c = {
		.what = what, .pid = -1, .out = -1, .pidfd = -1, .tty = -1, .line = line,
	};
	struct sigaction action = { .sa_handler = SIG_DFL }, before;

	buf_reset(line);
	/* Whoever ignores SIGCHLD, as some callers' parents do, never learns a status. */
	sigaction(SIGCHLD, &action, &before);
	bool is_good = child_start(&c, job, cause, e) &&
		       child_run(&c, deadline, cause, e) && child_judge(&c, cause, e);
	if (c.pid > 0 && !c.is_ended) {
		child_kill(&c);
	}
	tty_take_back(&c);
	sigaction(SIGCHLD, &before, NULL);
	fs_close(&c.pidfd);
	fs_close(&c.out);
	if (!is_good) {
		buf_reset(line);
	}
	return is_good;
}

/* Our environment without what is secret in it; the caller frees the list, not the texts. */
static char **open_environment(void)
{
	static const char hidden[] = "RELAY_PASSWORD=";
	size_t count = 0, kept = 0;

	while (environ && environ[count]) {
		count++;
	}
	char **list = mem_alloc(count + 1, sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		if (strncmp(environ[i], hidden, sizeof(hidden) - 1) != 0) {
			list[kept++] = environ[i];
		}
	}
	return list;
}

static bool run_command(const char *command, bool is_quiet, int64_t deadline,
			struct buf *line, enum cause cause, struct err *e)
{
	const struct job job = { .command = command, .is_quiet = is_quiet,
				 .environment = open_environment() };
	bool is_good = run_job(&job, "the command", deadline, line, cause, e);

	free(job.environment);
	return is_good;
}

bool spawn_first_line(const char *command, int64_t deadline, struct buf *line,
		      enum cause cause, struct err *e)
{
	return run_command(command, false, deadline, line, cause, e);
}

bool spawn_quietly(const char *command, int64_t deadline, struct buf *line,
		   enum cause cause, struct err *e)
{
	return run_command(command, true, deadline, line, cause, e);
}

bool spawn_call(const char *what, spawn_function *call, void *context, int64_t deadline,
		struct buf *line, enum cause cause, struct err *e)
{
	const struct job job = { .call = call, .context = context };

	return run_job(&job, what, deadline, line, cause, e);
}
