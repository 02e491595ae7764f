/* SPDX-License-Identifier: ISC */
/*
 * serve_queue: see serve_queue.h.  The command is run by a child, whose output is put into
 * frames.  It goes on to its end also when the client hangs up: a queue run sends the mail of
 * others, too, who found no session, and a client must not be able to break that off.
 */
#include "app/serve_queue.h"
#include "app/frame.h"
#include "app/queue_command.h"
#include "app/say.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* As many words as a command line has bytes. */
enum { WORDS_MAX = 1024, WORD_MAX = 32 };
/* How long a client may take to read a frame. */
enum { WRITE_SECONDS = 60 };

/* -- the words --------------------------------------------------------------------------- */

/* Nothing that names a file, a setting or an account. */
static bool is_harmless(struct span word)
{
	static const char *const options[] = { "--json", "--now" };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (span_equal(word, span_str(options[i]))) {
			return true;
		}
	}
	for (size_t i = 0; i < word.size; i++) {
		if (!text_is_alpha(word.data[i]) && !text_is_digit(word.data[i])) {
			return false;
		}
	}
	return word.size > 0 && word.size <= WORD_MAX;
}

struct words {
	char *at[WORDS_MAX + 2];	/* "queue", the words, NULL */
	int count;
	bool is_for_terminal;
	const char *name;	/* in front of its lines */
};

/* What stands before the command: how it was called. */
static bool take_manner(struct words *w, struct span word)
{
	static const char *const names[] = { "mailq", "sendmail" };

	if (w->count > 1) {
		return false;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_equal(word, span_str(names[i]))) {
			w->name = names[i];
			return true;
		}
	}
	w->is_for_terminal = w->is_for_terminal || span_equal(word, span_str("tty"));
	return span_equal(word, span_str("tty"));
}

static bool take_words(struct words *w, struct span text)
{
	w->at[w->count++] = mem_str("queue");
	while ((text = span_trim(text)).size > 0) {
		const char *blank = memchr(text.data, ' ', text.size);
		struct span word =
			span_first(text, blank ? (size_t)(blank - text.data) : text.size);
		text = span_from(text, word.size);
		if (!is_harmless(word) || w->count > WORDS_MAX) {
			return false;
		}
		if (!take_manner(w, word)) {
			w->at[w->count++] = mem_copy(word.data, word.size);
		}
	}
	return w->count > 1;
}

static void words_clear(struct words *w)
{
	for (int i = 0; i < w->count; i++) {
		free(w->at[i]);
	}
}

/* -- the child ----------------------------------------------------------------------------- */

struct child {
	pid_t pid;
	int out, err;	/* what it prints; -1 = at its end */
	bool is_unheard;	/* the client is gone */
};

static int run_command(const struct call *c, struct words *w, int out, int err)
{
	int nothing FS_AUTO = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool ok = nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
		  dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0;

	signals_note(-1);
	signals_release();
	say_as(w->name);
	return ok ? queue_command_for(&c->id, w->is_for_terminal, w->count, w->at) : EX_OSERR;
}

static bool start(struct child *k, const struct call *c, struct words *w, int signals[2],
		  int slot)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 };

	*k = (struct child){ .pid = -1, .out = -1, .err = -1 };
	signals_hold();
	if (fs_pipe(out, 0) && fs_pipe(err, 0)) {
		k->pid = fork();
	}
	if (k->pid == 0) {
		int own = slot;
		fs_close(&own);
		fs_close(&signals[0]);
		fs_close(&signals[1]);
		fs_close(&out[0]);
		fs_close(&err[0]);
		_exit(run_command(c, w, out[1], err[1]));
	}
	signals_release();
	fs_close(&out[1]);
	fs_close(&err[1]);
	k->out = out[0];
	k->err = err[0];
	return k->pid > 0;
}

static int end(struct child *k)
{
	int status = 0;
	pid_t ended;

	fs_close(&k->out);
	fs_close(&k->err);
	do {
		ended = waitpid(k->pid, &status, 0);
	} while (ended < 0 && errno == EINTR);
	return ended == k->pid && WIFEXITED(status) ? WEXITSTATUS(status) : EX_TEMPFAIL;
}

/* -- the connection -------------------------------------------------------------------------- */

static void tell(struct child *k, char kind, struct span bytes)
{
	k->is_unheard = k->is_unheard ||
			!frame_write(STDOUT_FILENO, kind, bytes, clock_deadline(WRITE_SECONDS));
}

static void pass_on(struct child *k, int *from, char kind)
{
	char bytes[FRAME_MAX];
	ssize_t n = fs_read(*from, bytes, sizeof(bytes));

	if (n <= 0) {
		fs_close(from);
	} else {
		tell(k, kind, span_of(bytes, (size_t)n));
	}
}

/* Until the child has said all; false when a signal came. */
static bool pass_all_on(struct child *k, int signals)
{
	bool ok = true;

	while (ok && (k->out >= 0 || k->err >= 0)) {
		struct pollfd p[] = {
			{ .fd = k->out, .events = POLLIN },
			{ .fd = k->err, .events = POLLIN },
			{ .fd = signals, .events = POLLIN },
			{ .fd = k->is_unheard ? -1 : STDOUT_FILENO, .events = POLLRDHUP },
		};
		int n = poll(p, 4, FRAME_PAUSE_SECONDS * 1000);
		if (n < 0) {
			ok = errno == EINTR;
			continue;
		}
		if (n == 0) {
			tell(k, 'K', span_of(NULL, 0));
			continue;
		}
		ok = !p[2].revents;
		k->is_unheard = k->is_unheard || p[3].revents;
		if (p[0].revents) {
			pass_on(k, &k->out, 'O');
		}
		if (p[1].revents) {
			pass_on(k, &k->err, 'E');
		}
	}
	return ok;
}

static void answer(const char *line)
{
	if (!fs_write_all(STDOUT_FILENO, line, strlen(line))) {
		return;
	}
}

void serve_queue(const struct call *c, struct span text, int signals[2], int slot)
{
	struct words w = { .name = "relay queue" };
	struct child k;

	if (!take_words(&w, text)) {
		answer("501 5.5.4 no such command of the queue\r\n");
	} else if (!start(&k, c, &w, signals, slot)) {
		answer("451 4.3.0 local trouble\r\n");
		fs_close(&k.out);
		fs_close(&k.err);
	} else {
		answer("250 2.0.0 Ok: frames follow\r\n");
		if (!pass_all_on(&k, signals[0])) {
			kill(k.pid, SIGTERM);
			k.is_unheard = true;
		}
		int status = end(&k);
		if (!k.is_unheard &&
		    !frame_write_end(STDOUT_FILENO, status, clock_deadline(WRITE_SECONDS))) {
			say("the client has gone");
		}
	}
	words_clear(&w);
}
