/* SPDX-License-Identifier: ISC */
/* signals: see signals.h. */
#include "app/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

static const char *volatile last_words = "sendmail: stopped by a signal; nothing was sent\n";
static volatile sig_atomic_t last_status = EX_TEMPFAIL;

void signals_end_with(const char *line, int status)
{
	last_words = line;
	last_status = status;
}

/* Nothing on disk needs care: temporary files have no name.  Only async-signal-safe calls. */
static void end_here(int signal_number)
{
	const char *line = last_words;
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
			(void)ignored;
		}
	}
}

void signals_prepare(void)
{
	static const int deadly[] = { SIGTERM, SIGHUP, SIGINT };
	sigset_t none;

	fill_descriptors();
	prctl(PR_SET_DUMPABLE, 0);
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
