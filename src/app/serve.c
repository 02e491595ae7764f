/* SPDX-License-Identifier: ISC */
/* serve: see serve.h. */
#include "app/serve.h"
#include "app/say.h"
#include "app/signals.h"
#include "app/submit.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "smtp/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { INPUT_SIZE = 64 << 10 };
/* Most that is read of what a child says. */
enum { WORDS_MAX = 8192 };

struct serve {
	struct call *call;
	struct smtp_server *server;
	int spool;		/* the message that is coming; -1 = none */
	struct smtp_answer *answer;	/* shared with the child */
	unsigned long long wait_no;	/* whose deadline runs; ULLONG_MAX = none yet */
	int64_t deadline;
};

/* -- the client ------------------------------------------------------------------------ */

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static bool wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do {
		n = poll(&p, 1, clock_left(deadline));
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

static void write_out(struct serve *s, const struct smtp_server_action *action)
{
	int64_t deadline = clock_deadline(action->timeout_s);
	struct span rest = action->data;

	/* A client that does not read: so much at once does not block, after POLLOUT. */
	while (rest.size > 0) {
		size_t size = rest.size < PIPE_BUF ? rest.size : PIPE_BUF;
		ssize_t n = wait_for(STDOUT_FILENO, POLLOUT, deadline)
				    ? write(STDOUT_FILENO, rest.data, size)
				    : 0;
		if (n > 0) {
			rest = span_from(rest, (size_t)n);
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			smtp_server_lost(s->server);
			break;
		}
	}
	if (rest.size == 0) {
		smtp_server_wrote(s->server);
	}
	/* end() holds them till its client has the answer. */
	signals_release();
}

static void read_in(struct serve *s, const struct smtp_server_action *action)
{
	char input[INPUT_SIZE];

	if (s->wait_no != action->wait_no) {
		s->wait_no = action->wait_no;
		s->deadline = clock_deadline(action->timeout_s);
	}
	if (!wait_for(STDIN_FILENO, POLLIN, s->deadline)) {
		smtp_server_timeout(s->server);
		return;
	}
	ssize_t n = fs_read(STDIN_FILENO, input, sizeof(input));
	if (n > 0) {
		smtp_server_feed(s->server, span_of(input, (size_t)n));
	} else if (n == 0 || errno != EAGAIN) {
		smtp_server_lost(s->server);
	}
}

/* -- a message ------------------------------------------------------------------------- */

static void refuse_for_now(struct serve *s, const struct err *why)
{
	struct smtp_answer a;

	smtp_answer_set(&a, VERDICT_TEMPORARY, 452, "4.3.1", "%s", why->text);
	fs_close(&s->spool);
	smtp_server_verdict(s->server, &a);
}

static void begin(struct serve *s)
{
	struct err e;

	s->spool = fs_unnamed(&e);
	if (s->spool < 0) {
		refuse_for_now(s, &e);
	}
}

static void take(struct serve *s, struct span bytes)
{
	struct err e;

	if (!fs_write_all(s->spool, bytes.data, bytes.size)) {
		err_errno(&e, CAUSE_OS, "cannot store the message");
		refuse_for_now(s, &e);
	}
}

/* "failure,delay" for all recipients together: never only when all say so. */
static const char *notify_words(const struct smtp_envelope *v, char *text, size_t size)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = { { SMTP_NOTIFY_SUCCESS, "success" },
		      { SMTP_NOTIFY_FAILURE, "failure" },
		      { SMTP_NOTIFY_DELAY, "delay" } };
	unsigned all = 0;

	for (size_t i = 0; i < v->rcpt_count; i++) {
		all |= v->rcpts[i].notify;
	}
	text[0] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (all & words[i].bit) {
			size_t at = strlen(text);
			snprintf(text + at, size - at, "%s%s", at ? "," : "", words[i].word);
		}
	}
	return text[0] ? text : all ? "never" : NULL;
}

static void add_setting(struct options *o, enum key key, const char *value)
{
	o->settings = mem_resize(o->settings, o->setting_count + 1, sizeof(*o->settings));
	o->settings[o->setting_count++] = (struct option_setting){ key, value };
}

/* The child's work: the call that a program would make for this message. */
static int submit_one(struct serve *s, const struct smtp_envelope *v)
{
	const struct options *given = &s->call->options;
	struct call c;
	char notify[40];

	call_init(&c);
	c.options = *given;
	c.options.mode = MODE_SEND;
	c.options.read_recipients = c.options.read_sender = false;
	c.options.ignore_dots = true;
	c.options.sender = v->sender;
	c.options.envid = v->envid;
	c.options.settings = mem_alloc(given->setting_count, sizeof(*given->settings));
	for (size_t i = 0; i < given->setting_count; i++) {
		c.options.settings[i] = given->settings[i];
	}
	c.options.recipients = mem_alloc(v->rcpt_count, sizeof(*c.options.recipients));
	c.options.recipient_count = v->rcpt_count;
	for (size_t i = 0; i < v->rcpt_count; i++) {
		c.options.recipients[i] = v->rcpts[i].addr;
	}
	const char *words = notify_words(v, notify, sizeof(notify));
	if (words) {
		add_setting(&c.options, KEY_DSN_NOTIFY, words);
	}
	if (v->ret != SMTP_RET_DEFAULT) {
		add_setting(&c.options, KEY_DSN_RETURN,
			    v->ret == SMTP_RET_FULL ? "full" : "headers");
	}
	c.answer = s->answer;
	c.client = v;
	int status = submit(&c);
	call_clear(&c);
	return status;
}

/*
 * In the child: the message is standard input, what is said goes to `ends`.  What delivers
 * in the background later closes these three, and must not have them by other numbers: the
 * parent waits for the end of what is said.
 */
static bool become_child(struct serve *s, int ends[2])
{
	int nothing FS_AUTO = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bool ok = nothing >= 0 && lseek(s->spool, 0, SEEK_SET) == 0 &&
		  dup2(s->spool, STDIN_FILENO) >= 0 && dup2(nothing, STDOUT_FILENO) >= 0 &&
		  dup2(ends[1], STDERR_FILENO) >= 0;

	fs_close(&s->spool);
	fs_close(&ends[0]);
	fs_close(&ends[1]);
	signals_end_with(SIGNALS_NOTHING_SENT, EX_TEMPFAIL);
	signals_release();
	return ok;
}

/* The last line that it says, without our name: before it may come a trace (-v). */
static void hear_out(int fd, char *line, size_t size)
{
	char chunk[1024];
	size_t have = 0;
	bool is_new = true;
	ssize_t n;

	while ((n = fs_read(fd, chunk, sizeof(chunk))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			have = is_new ? 0 : have;
			is_new = chunk[i] == '\n';
			if (!is_new && have + 1 < size) {
				line[have++] = chunk[i];
			}
		}
	}
	line[have] = '\0';
	const char *colon = strstr(line, ": ");
	if (colon) {
		memmove(line, colon + 2, strlen(colon + 2) + 1);
	}
}

/* What an exit status means, when the child has not said it better. */
static void answer_of_status(struct smtp_answer *a, int status, const char *words)
{
	static const int refusals[] = { EX_DATAERR, EX_NOUSER, EX_NOHOST, EX_UNAVAILABLE,
					EX_NOPERM };
	bool is_final = false;

	if (status == EX_OK) {
		smtp_answer_set(a, VERDICT_ACCEPTED, 250, "2.0.0", "Ok: queued");
		return;
	}
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		is_final = is_final || status == refusals[i];
	}
	smtp_answer_set(a, is_final ? VERDICT_PERMANENT : VERDICT_TEMPORARY, 0,
			status == EX_CONFIG ? "4.3.5" : "", "%s",
			words[0] ? words : "the message was not taken");
}

static void end(struct serve *s, const struct smtp_envelope *v)
{
	char words[WORDS_MAX] = "";
	int ends[2] = { -1, -1 }, status = 0;
	struct smtp_answer a;
	pid_t child = -1;

	*s->answer = (struct smtp_answer){ .verdict = VERDICT_UNTRIED };
	/* A signal must not come between the delivery and the answer to the client. */
	signals_hold();
	if (pipe2(ends, O_CLOEXEC) == 0) {
		child = fork();
	}
	if (child == 0) {
		_exit(become_child(s, ends) ? submit_one(s, v) : EX_OSERR);
	}
	fs_close(&ends[1]);
	if (child > 0) {
		hear_out(ends[0], words, sizeof(words));
		while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
			;
		}
	}
	fs_close(&ends[0]);
	fs_close(&s->spool);
	if (child < 0 || !WIFEXITED(status)) {
		smtp_answer_set(&a, VERDICT_TEMPORARY, 451, "4.3.0", "local trouble");
	} else if (s->answer->verdict != VERDICT_UNTRIED) {
		a = *s->answer;
	} else {
		answer_of_status(&a, WEXITSTATUS(status), words);
	}
	smtp_server_verdict(s->server, &a);
}

/* -- the session ----------------------------------------------------------------------- */

static int run(struct serve *s)
{
	for (;;) {
		struct smtp_server_action action = smtp_server_next(s->server);

		switch (action.kind) {
		case SERVER_WRITE:
			write_out(s, &action);
			break;
		case SERVER_READ:
			read_in(s, &action);
			break;
		case SERVER_BEGIN:
			begin(s);
			break;
		case SERVER_DATA:
			take(s, action.data);
			break;
		case SERVER_END:
			end(s, action.envelope);
			break;
		case SERVER_ABORT:
			fs_close(&s->spool);
			break;
		case SERVER_DONE:
			return action.how == SERVER_QUIT || action.how == SERVER_LOST
				       ? EX_OK
				       : EX_PROTOCOL;
		}
	}
}

/* For SIZE; a configuration that cannot be read is told with each message. */
static unsigned long long size_limit(struct call *c)
{
	struct err ignored;

	if (settings_read(&c->conf, &c->options, &c->id, &ignored)) {
		c->account = settings_account(&c->conf, &c->options, &c->id, NULL, &ignored);
	}
	return c->account
		       ? (unsigned long long)conf_number(c->account, KEY_MESSAGE_SIZE_LIMIT)
		       : 0;
}

int serve(struct call *c)
{
	struct serve s = { .call = c, .spool = -1, .wait_no = ULLONG_MAX };
	struct smtp_server_options options = {
		.host = identity_host(&c->id),
		.size_limit = size_limit(c),
		.is_socket = is_socket(STDIN_FILENO),
	};

	if (c->options.recipient_count > 0) {
		say("with -bs recipients come in the SMTP dialogue, not on the command line");
		return EX_USAGE;
	}
	s.answer = mmap(NULL, sizeof(*s.answer), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s.answer == MAP_FAILED) {
		return EX_OSERR;
	}
	/* Under inetd standard error is the client's connection too. */
	signals_end_with("", EX_TEMPFAIL);
	s.server = smtp_server_new(&options);
	int status = run(&s);
	smtp_server_free(s.server);
	munmap(s.answer, sizeof(*s.answer));
	fs_close(&s.spool);
	return status;
}
