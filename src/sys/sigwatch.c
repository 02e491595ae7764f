/* SPDX-License-Identifier: ISC */
/* sigwatch: see sigwatch.h. */
#include "sys/sigwatch.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#ifndef NSIG
#define NSIG _NSIG
#endif

/* A handler knows nothing else. */
static volatile sig_atomic_t pipe_end = -1;
static volatile sig_atomic_t came[NSIG];

/* Only async-signal-safe calls. */
static void note(int number)
{
	int saved = errno;

	came[number] = 1;
	/* When the pipe is full, there is something to read. */
	ssize_t ignored = write(pipe_end, "", 1);
	(void)ignored;
	errno = saved;
}

static void watch(struct sigwatch *w, int number)
{
	struct sigaction action = { .sa_handler = note, .sa_flags = SA_RESTART };
	struct sigaction *before = &w->before[w->count];

	if (w->count < SIGWATCH_MAX && sigaction(number, NULL, before) == 0 &&
	    before->sa_handler != SIG_IGN) {
		came[number] = 0;
		sigemptyset(&action.sa_mask);
		w->signals[w->count] = number;
		w->count += sigaction(number, &action, NULL) == 0;
	}
}

bool sigwatch_begin(struct sigwatch *w, const int *signals, size_t count, struct err *e)
{
	int ends[2];
	sigset_t ours;

	BUG_ON(pipe_end >= 0);
	*w = (struct sigwatch){ .fd = -1, .write_end = -1 };
	if (!fs_pipe(ends, O_NONBLOCK)) {
		return err_errno(e, CAUSE_OS, "cannot make a pipe");
	}
	w->fd = ends[0];
	pipe_end = w->write_end = ends[1];
	for (size_t i = 0; i < count; i++) {
		watch(w, signals[i]);
	}
	sigemptyset(&ours);
	for (size_t i = 0; i < w->count; i++) {
		sigaddset(&ours, w->signals[i]);
	}
	sigprocmask(SIG_UNBLOCK, &ours, &w->mask);
	return true;
}

void sigwatch_take(struct sigwatch *w, sigset_t *ret)
{
	char bytes[64];

	/* First the pipe: a signal in between is taken now, and wakes once too often. */
	while (fs_read(w->fd, bytes, sizeof(bytes)) > 0) {
		continue;
	}
	sigemptyset(ret);
	for (size_t i = 0; i < w->count; i++) {
		int number = w->signals[i];
		if (came[number]) {
			came[number] = 0;
			sigaddset(ret, number);
		}
	}
}

static void close_both(struct sigwatch *w)
{
	pipe_end = -1;
	fs_close(&w->fd);
	fs_close(&w->write_end);
}

bool sigwatch_has(const struct sigwatch *w, int number)
{
	for (size_t i = 0; i < w->count; i++) {
		if (w->signals[i] == number) {
			return came[number];
		}
	}
	return false;
}

void sigwatch_end(struct sigwatch *w)
{
	sigset_t all;

	if (w->fd < 0) {
		return;
	}
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (size_t i = 0; i < w->count; i++) {
		sigaction(w->signals[i], &w->before[i], NULL);
	}
	close_both(w);
	for (size_t i = 0; i < w->count; i++) {
		if (came[w->signals[i]]) {
			raise(w->signals[i]);
		}
	}
	/* Now they come. */
	sigprocmask(SIG_SETMASK, &w->mask, NULL);
}

void sigwatch_leave(struct sigwatch *w)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	for (size_t i = 0; i < w->count; i++) {
		sigaction(w->signals[i], &action, NULL);
	}
	close_both(w);
	sigprocmask(SIG_SETMASK, &w->mask, NULL);
}
