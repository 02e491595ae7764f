/* SPDX-License-Identifier: ISC */
/* serve_message: see serve_message.h. */
#include "app/serve_message.h"
#include "app/gate.h"
#include "app/scope.h"
#include "app/signals.h"
#include "app/submit.h"
#include "base/fs.h"
#include "base/mem.h"
#include "smtp/server.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* Most that is kept of a line that a child says. */
enum { WORDS_MAX = 8192 };

/* What our own lines begin with, and a trace (-v) does not. */
static const char own_name[] = "sendmail: ";

static void add_setting(struct options *o, enum key key, const char *value)
{
	o->settings = mem_resize(o->settings, o->setting_count + 1, sizeof(*o->settings));
	o->settings[o->setting_count++] = (struct option_setting){ key, value };
}

/*
 * What our own client asks for.  Never sooner than the machine's settings have it: they may
 * say "queue" because whoever serves here has no password.
 */
static void take_wishes(struct options *o, const struct call *session,
			const struct smtp_envelope *v)
{
	static const enum error_mode modes[] = {
		[SMTP_ERRORS_PRINT] = ERRORS_PRINT,
		[SMTP_ERRORS_MAIL] = ERRORS_MAIL,
		[SMTP_ERRORS_ZERO] = ERRORS_MAIL_ZERO,
		[SMTP_ERRORS_QUIET] = ERRORS_QUIET,
	};
	bool only_queues = session->account && conf_is(session->account, KEY_DELIVERY_MODE, "queue");

	if (v->mode != SMTP_MODE_DEFAULT && !only_queues) {
		add_setting(o, KEY_DELIVERY_MODE,
			    v->mode == SMTP_MODE_QUEUE ? "queue" : "background");
	}
	if (v->errors != SMTP_ERRORS_DEFAULT) {
		o->error_mode = modes[v->errors];
	}
}

/* The child's work: the call that a program would make for this message. */
static int submit_one(struct call *session, const struct smtp_envelope *v,
		      struct smtp_answer *answer)
{
	const struct options *given = &session->options;
	struct call c;

	call_init(&c);
	c.options = *given;
	c.options.mode = MODE_SEND;
	c.options.read_recipients = c.options.read_sender = false;
	c.options.ignore_dots = true;
	c.options.sender = gate_sender(session, v->sender);
	c.options.envid = v->envid;
	c.options.full_name = v->full_name;
	c.options.settings = mem_alloc(given->setting_count, sizeof(*given->settings));
	for (size_t i = 0; i < given->setting_count; i++) {
		c.options.settings[i] = given->settings[i];
	}
	c.options.recipients = mem_alloc(v->rcpt_count, sizeof(*c.options.recipients));
	c.options.recipient_count = v->rcpt_count;
	for (size_t i = 0; i < v->rcpt_count; i++) {
		c.options.recipients[i] = v->rcpts[i].addr;
	}
	if (v->ret != SMTP_RET_DEFAULT) {
		add_setting(&c.options, KEY_DSN_RETURN,
			    v->ret == SMTP_RET_FULL ? "full" : "headers");
	}
	take_wishes(&c.options, session, v);
	scope_inherit(&c.id, &session->id);
	c.answer = answer;
	c.client = v;
	c.is_watched = v->wants_notice;
	int status = submit(&c);
	call_clear(&c);
	return status;
}

/*
 * In the child: the message is standard input, what is said goes to `ends`.  What delivers
 * in the background later closes these three, and must not have them by other numbers: the
 * parent waits for the end of what is said.
 */
static bool become_child(int *spool, int signals[2], int ends[2])
{
	int nothing FS_AUTO = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bool ok = nothing >= 0 && lseek(*spool, 0, SEEK_SET) == 0 &&
		  dup2(*spool, STDIN_FILENO) >= 0 && dup2(nothing, STDOUT_FILENO) >= 0 &&
		  dup2(ends[1], STDERR_FILENO) >= 0;

	fs_close(spool);
	fs_close(&ends[0]);
	fs_close(&ends[1]);
	fs_close(&signals[0]);
	fs_close(&signals[1]);
	signals_note(-1);
	signals_end_with(SIGNALS_NOTHING_SENT, EX_TEMPFAIL);
	signals_release();
	return ok;
}

/* A line of its own, without our name; what does not fit any more is left out. */
static void keep_line(struct buf *said, const char *line)
{
	size_t before = said->size;

	if (strncmp(line, own_name, sizeof(own_name) - 1) == 0 &&
	    !(buf_add_str(said, line + sizeof(own_name) - 1) && buf_add_byte(said, '\n'))) {
		buf_drop_end(said, said->size - before);
	}
}

/* Our lines into *said, and the last line into `line`, both without our name. */
static void hear_out(int fd, struct buf *said, char *line, size_t size)
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
			line[have] = '\0';
			if (is_new) {
				keep_line(said, line);
			}
		}
	}
	const char *colon = strstr(line, ": ");
	if (colon) {
		memmove(line, colon + 2, strlen(colon + 2) + 1);
	}
}

/* What an exit status means, when the child has not said it better. */
static void answer_of_status(struct smtp_answer *a, int status, const char *words)
{
	static const struct {
		int status;
		enum verdict verdict;
		const char *enhanced;
	} rows[] = {
		{ EX_DATAERR, VERDICT_PERMANENT, "5.6.0" },
		{ EX_NOUSER, VERDICT_PERMANENT, "" },
		{ EX_NOHOST, VERDICT_PERMANENT, "" },
		{ EX_UNAVAILABLE, VERDICT_PERMANENT, "" },
		{ EX_NOPERM, VERDICT_PERMANENT, "" },
		{ EX_CONFIG, VERDICT_TEMPORARY, "4.3.5" },
	};
	enum verdict verdict = VERDICT_TEMPORARY;
	const char *enhanced = "";

	if (status == EX_OK) {
		smtp_answer_set(a, VERDICT_ACCEPTED, 250, "2.0.0", "Ok: queued");
		return;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == status) {
			verdict = rows[i].verdict;
			enhanced = rows[i].enhanced;
		}
	}
	smtp_answer_set(a, verdict, 0, enhanced, "%s",
			words[0] ? words : "the message was not taken");
}

/* Waits for the child.  *answer is what it has written: true, however it ended after that. */
static void hear_child(struct smtp_answer *a, const struct smtp_answer *answer, pid_t child,
		       int from, struct buf *said)
{
	char words[WORDS_MAX] = "";
	int status = 0;
	pid_t ended;

	hear_out(from, said, words, sizeof(words));
	do {
		ended = waitpid(child, &status, 0);
	} while (ended < 0 && errno == EINTR);
	bool has_exited = ended == child && WIFEXITED(status);
	if (answer->verdict != VERDICT_UNTRIED) {
		*a = *answer;
	} else if (has_exited) {
		answer_of_status(a, WEXITSTATUS(status), words);
	} else {
		smtp_answer_set(a, VERDICT_TEMPORARY, 451, "4.3.0", "local trouble");
	}
	a->result.is_there = true;
	a->result.status = has_exited ? WEXITSTATUS(status)
			   : a->verdict == VERDICT_ACCEPTED ? EX_OK
							    : EX_TEMPFAIL;
	a->result.said = buf_span(said);
}

void serve_message(struct call *c, const struct smtp_envelope *v, int *spool,
		   int signals[2], int slot, struct buf *said, struct smtp_answer *a)
{
	int ends[2] = { -1, -1 };
	pid_t child = -1;
	/* Shared with the child. */
	struct smtp_answer *answer = mmap(NULL, sizeof(*answer), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	/* In the child a signal is deadly again: one before that shall not be lost. */
	signals_hold();
	if (answer != MAP_FAILED && fs_pipe(ends, 0)) {
		answer->verdict = VERDICT_UNTRIED;
		child = fork();
	}
	if (child == 0) {
		fs_close(&slot);
		_exit(become_child(spool, signals, ends) ? submit_one(c, v, answer) : EX_OSERR);
	}
	signals_release();
	fs_close(&ends[1]);
	fs_close(spool);
	if (child > 0) {
		hear_child(a, answer, child, ends[0], said);
	} else {
		smtp_answer_set(a, VERDICT_TEMPORARY, 451, "4.3.0", "local trouble");
	}
	fs_close(&ends[0]);
	if (answer != MAP_FAILED) {
		munmap(answer, sizeof(*answer));
	}
}
