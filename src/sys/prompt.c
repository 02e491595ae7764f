/* SPDX-License-Identifier: ISC */
/*
 * prompt: see prompt.h.  While echo is off, the signals that would leave it off are only
 * noted (sigwatch.h): the terminal is put right first, and then the signal comes again.
 */
#include "sys/prompt.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/sigwatch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

/* The longest line that the kernel gives in its line-wise mode, with the line end. */
#define LINE_MAX_TTY 4096

static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGALRM };

enum got { GOT_LINE, GOT_SIGNAL, GOT_NOTHING };

/* Until a line, a signal or the deadline is there. */
static enum got wait_for_line(int tty, int signals, int64_t deadline)
{
	struct pollfd p[] = {
		{ .fd = tty, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	int ready;

	do {
		int left = clock_left(deadline);
		ready = left == 0 ? 0 : poll(p, 2, left);
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0) {
		return GOT_NOTHING;
	}
	return p[1].revents ? GOT_SIGNAL : GOT_LINE;
}

static bool read_line(int tty, struct buf *secret, struct err *e)
{
	char line[LINE_MAX_TTY];
	ssize_t n = fs_read(tty, line, sizeof(line));
	size_t size = n > 0 ? (size_t)n : 0;
	bool is_whole = size > 0 && line[size - 1] == '\n';

	/* A line without its end: the kernel cut it, or the person typed Control-D. */
	bool is_cut = size >= sizeof(line) - 1;
	bool is_good = !is_cut && buf_add(secret, line, size - is_whole);
	mem_wipe(line, sizeof(line));
	if (n < 0) {
		return err_errno(e, CAUSE_SECRET, "cannot read the terminal");
	}
	if (!is_good) {
		return err_set(e, CAUSE_SECRET, "that is too long to be typed");
	}
	return secret->size > 0 || err_set(e, CAUSE_SECRET, "no password was typed");
}

/* One question with echo off.  GOT_SIGNAL: the caller lets the signal in and decides. */
static bool ask_quietly(int tty, int signals, const char *question, int64_t deadline,
			struct buf *secret, enum got *ret_got, struct err *e)
{
	struct termios before, quiet;
	bool is_good = false;

	if (tcgetattr(tty, &before) != 0) {
		return err_errno(e, CAUSE_SECRET, "cannot use the terminal");
	}
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	quiet.c_lflag |= ICANON | ISIG;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) != 0 ||
	    !fs_write_all(tty, question, strlen(question))) {
		err_errno(e, CAUSE_SECRET, "cannot use the terminal");
	} else {
		*ret_got = wait_for_line(tty, signals, deadline);
		is_good = *ret_got == GOT_LINE && read_line(tty, secret, e);
		if (*ret_got == GOT_NOTHING) {
			err_set(e, CAUSE_SECRET, "nobody typed it in time");
		} else if (*ret_got == GOT_SIGNAL) {
			err_set(e, CAUSE_SIGNAL, "interrupted");
		}
		/* The person's own line end was not echoed. */
		is_good = fs_write_all(tty, "\n", 1) && is_good;
	}
	tcsetattr(tty, TCSAFLUSH, &before);
	return is_good;
}

static bool ask(int tty, const char *question, int64_t deadline, struct buf *secret,
		struct err *e)
{
	bool is_good, is_stopped;

	do {
		enum got got = GOT_NOTHING;
		struct sigwatch w;
		if (!sigwatch_begin(&w, watched, sizeof(watched) / sizeof(watched[0]), e)) {
			return false;
		}
		is_good = ask_quietly(tty, w.fd, question, deadline, secret, &got, e);
		is_stopped = got == GOT_SIGNAL && sigwatch_has(&w, SIGTSTP);
		/* Now the signal arrives: it ends us, or stops us and we ask again. */
		sigwatch_end(&w);
	} while (is_stopped);
	return is_good;
}

bool prompt_secret(const char *question, int64_t deadline, struct buf *secret,
		   bool *ret_asked, struct err *e)
{
	int tty FS_AUTO = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	buf_reset(secret);
	/* In the background the terminal would stop us, for good when nobody looks. */
	*ret_asked = tty >= 0 && tcgetpgrp(tty) == getpgrp();
	if (!*ret_asked) {
		return true;
	}
	char *line MEM_AUTO = mem_str(question);
	text_sanitise(line, strlen(line));
	bool is_good = ask(tty, line, deadline, secret, e);
	if (!is_good) {
		buf_reset(secret);
	}
	return is_good;
}
