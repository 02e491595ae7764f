/* SPDX-License-Identifier: ISC */
/*
 * pty: a program at a terminal, driven from the test as a person would.  Between the two
 * stands a small shell: it owns the session, runs the program in the foreground, lets it
 * go on when it was stopped, and says on the screen what became of it.
 */
#ifndef TESTS_PTY_H
#define TESTS_PTY_H

#include "base/clock.h"
#include "base/fs.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct pty {
	int keyboard;		/* the person's side */
	int line;		/* the terminal itself, kept open to look at its modes */
	pid_t shell;
	char seen[4000];	/* what was on the screen so far */
	size_t seen_size;
};

static inline void pty_shell_says(int tty, const char *what)
{
	struct termios modes = { 0 };

	tcgetattr(tty, &modes);
	dprintf(tty, "[%s, echo %s]\n", what, modes.c_lflag & ECHO ? "on" : "off");
}

static inline void pty_foreground(int tty, pid_t group)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTTOU);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	tcsetpgrp(tty, group);
	sigprocmask(SIG_UNBLOCK, &stop, NULL);
}

/* The program's exit status, or 128 and the signal that ended it. */
static inline int pty_shell(int tty, int (*program)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		setpgid(0, 0);
		pty_foreground(tty, getpid());
		close(tty);
		signal(SIGHUP, SIG_DFL);	/* the tests may run under nohup */
		_exit(program());
	}
	while (waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status)) {
		pty_shell_says(tty, "stopped");
		kill(-child, SIGCONT);
	}
	pty_shell_says(tty, "ended");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline void pty_start(struct pty *p, int (*program)(void))
{
	*p = (struct pty){ .keyboard = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC) };
	assert_true(p->keyboard >= 0);
	assert_int_equal(grantpt(p->keyboard), 0);
	assert_int_equal(unlockpt(p->keyboard), 0);
	p->line = open(ptsname(p->keyboard), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(p->line >= 0);
	p->shell = fork();
	if (p->shell == 0) {
		setsid();
		ioctl(p->line, TIOCSCTTY, 0);
		close(p->keyboard);
		_exit(pty_shell(p->line, program));
	}
	assert_true(p->shell > 0);
}

/* Reads the screen until the words are there. */
static inline void pty_expect(struct pty *p, const char *words)
{
	int64_t deadline = clock_ms() + 5000;

	while (!strstr(p->seen, words)) {
		struct pollfd wait = { .fd = p->keyboard, .events = POLLIN };
		assert_int_equal(poll(&wait, 1, clock_left(deadline)), 1);
		ssize_t n = fs_read(p->keyboard, p->seen + p->seen_size,
				    sizeof(p->seen) - 1 - p->seen_size);
		assert_true(n > 0);
		p->seen_size += (size_t)n;
		p->seen[p->seen_size] = '\0';
	}
}

static inline void pty_type(struct pty *p, const char *keys)
{
	assert_true(fs_write_all(p->keyboard, keys, strlen(keys)));
}

static inline bool pty_has_echo(const struct pty *p)
{
	struct termios modes;

	assert_int_equal(tcgetattr(p->line, &modes), 0);
	return modes.c_lflag & ECHO;
}

/* A signal for the program (and what it has started in its group). */
static inline void pty_kill(const struct pty *p, int number)
{
	assert_int_equal(kill(-tcgetpgrp(p->keyboard), number), 0);
}

/* The program's status, as pty_shell gives it. */
static inline int pty_end(struct pty *p)
{
	int status;

	assert_int_equal(waitpid(p->shell, &status, 0), p->shell);
	assert_true(WIFEXITED(status));
	fs_close(&p->line);
	fs_close(&p->keyboard);
	return WEXITSTATUS(status);
}

#endif
