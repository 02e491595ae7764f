/* SPDX-License-Identifier: ISC */
/* signals: see signals.h. */
#include "app/signals.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static const char *volatile last_words = SIGNALS_NOTHING_SENT;
static volatile sig_atomic_t last_status = EX_TEMPFAIL;
static const int deadly[] = { SIGTERM, SIGHUP, SIGINT };
static volatile sig_atomic_t kept[2] = { -1, -1 };
static volatile sig_atomic_t note_pipe = -1, is_noted;

void signals_end_with(const char *line, int status)
{
	last_words = line;
	last_status = status;
}

static void mask_deadly(int how)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		sigaddset(&set, deadly[i]);
	}
	sigprocmask(how, &set, NULL);
}

void signals_hold(void)
{
	mask_deadly(SIG_BLOCK);
}

void signals_release(void)
{
	mask_deadly(SIG_UNBLOCK);
}

void signals_keep(const int fds[2])
{
	kept[0] = fds[0];
	kept[1] = fds[1];
}

void signals_note(int pipe)
{
	is_noted = 0;
	note_pipe = pipe;
}

bool signals_noted(void)
{
	return is_noted;
}

/* Only async-signal-safe calls. */
static void note(void)
{
	int saved = errno;

	is_noted = 1;
	/* When it is full, there is something to read. */
	ssize_t ignored = write(note_pipe, "", 1);
	(void)ignored;
	errno = saved;
}

static void end_here(int signal_number)
{
	static const char safe[] =
		"sendmail: stopped by a signal; the message is kept in the queue\n";
	const char *line = last_words;

	if (note_pipe >= 0) {
		note();
		return;
	}
	if (kept[0] >= 0 && fsync(kept[0]) == 0 && fsync(kept[1]) == 0) {
		line = safe;
		last_status = EX_OK;
	}
	ssize_t ignored = write(STDERR_FILENO, line, strlen(line));

	(void)ignored;
	(void)signal_number;
	_exit(last_status);
}

static void fill_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0) {
			/* The lowest free number is fd itself.  Reading from 0 must fail, not be empty. */
			int ignored = open("/dev/null", fd == 0 ? O_WRONLY : O_RDWR);
			if (ignored < 0) {
				/* A chroot without /dev: a folder takes the number, and no bytes. */
				ignored = open("/", O_RDONLY | O_DIRECTORY);
			}
			(void)ignored;
		}
	}
}

void signals_prepare(void)
{
	sigset_t none;

	fill_descriptors();
	/* The caller's, but what we make we can open again: the queue's files. */
	umask(umask(077) & 077);
	process_hide();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		struct sigaction old, action = { .sa_handler = end_here };
		if (sigaction(deadly[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
			sigaction(deadly[i], &action, NULL);
		}
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
