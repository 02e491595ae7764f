/* SPDX-License-Identifier: ISC */
/* serve: see serve.h. */
#include "app/serve.h"
#include "app/gate.h"
#include "app/say.h"
#include "app/serve_message.h"
#include "app/serve_queue.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/fs.h"
#include "smtp/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { INPUT_SIZE = 64 << 10 };
/* How long a client may take, after a signal, to make room for more of what is left to say. */
enum { LAST_WORDS_S = 5 };
/* message_size_limit of the system scope, when nothing is said. */
#define SYSTEM_SIZE_LIMIT (100ULL << 20)
/* How long we take what a client still sends that we have hung up on. */
enum { LINGER_MS = 2000 };

struct serve {
	struct call *call;
	struct gate gate;
	bool is_refused;	/* by the gate, instead of a greeting */
	struct smtp_server *server;
	int spool;		/* the message that is coming; -1 = none */
	unsigned long long spooled;	/* its bytes so far */
	int signals[2];		/* a pipe: something comes out of it after a deadly signal */
	unsigned long long wait_no;	/* whose deadline runs; ULLONG_MAX = none yet */
	int64_t deadline;
};

/* -- the client ------------------------------------------------------------------------ */

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

enum waited { WAITED_READY, WAITED_SIGNAL, WAITED_TOO_LONG };

/* signals: a descriptor that tells of a signal, or -1. */
static enum waited wait_for(int fd, short events, int signals, int64_t deadline)
{
	struct pollfd p[] = { { .fd = fd, .events = events },
			      { .fd = signals, .events = POLLIN } };
	int n;

	do {
		n = poll(p, 2, clock_left(deadline));
	} while (n < 0 && errno == EINTR);
	return n <= 0 ? WAITED_TOO_LONG : p[1].revents ? WAITED_SIGNAL : WAITED_READY;
}

static bool wait_to_write(const struct serve *s, int64_t deadline)
{
	if (!signals_noted()) {
		enum waited waited =
			wait_for(STDOUT_FILENO, POLLOUT, s->signals[0], deadline);
		if (waited != WAITED_SIGNAL) {
			return waited == WAITED_READY;
		}
	}
	int64_t soon = clock_deadline(LAST_WORDS_S);
	return wait_for(STDOUT_FILENO, POLLOUT, -1, soon < deadline ? soon : deadline) ==
	       WAITED_READY;
}

static void write_out(struct serve *s, const struct smtp_server_action *action)
{
	int64_t deadline = clock_deadline(action->timeout_s);
	struct span rest = action->data;

	/* A client that does not read: so much at once does not block, after POLLOUT. */
	while (rest.size > 0) {
		size_t size = rest.size < PIPE_BUF ? rest.size : PIPE_BUF;
		ssize_t n = wait_to_write(s, deadline) ? write(STDOUT_FILENO, rest.data, size)
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
}

static void read_in(struct serve *s, const struct smtp_server_action *action)
{
	char input[INPUT_SIZE];

	if (s->wait_no != action->wait_no) {
		s->wait_no = action->wait_no;
		s->deadline = clock_deadline(action->timeout_s);
	}
	switch (wait_for(STDIN_FILENO, POLLIN, s->signals[0], s->deadline)) {
	case WAITED_SIGNAL:
		smtp_server_shutdown(s->server);
		return;
	case WAITED_TOO_LONG:
		smtp_server_timeout(s->server);
		return;
	case WAITED_READY:
		break;
	}
	ssize_t n = fs_read(STDIN_FILENO, input, sizeof(input));
	if (n > 0) {
		smtp_server_feed(s->server, span_of(input, (size_t)n));
	} else if (n == 0 || errno != EAGAIN) {
		smtp_server_lost(s->server);
	}
}

/*
 * To close a socket with unread input is a reset: then the client may not see our last
 * reply, which says why.
 */
static void see_off(int milliseconds)
{
	int64_t deadline = clock_ms() + milliseconds;
	char input[INPUT_SIZE];
	bool goes_on = shutdown(STDOUT_FILENO, SHUT_WR) == 0;

	/* Not as long as something comes: that could be for ever. */
	while (goes_on) {
		goes_on = wait_for(STDIN_FILENO, POLLIN, -1, deadline) == WAITED_READY &&
			  fs_read(STDIN_FILENO, input, sizeof(input)) > 0 &&
			  clock_left(deadline) > 0;
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

	s->spooled = 0;
	s->spool = fs_unnamed(&e);
	if (s->spool < 0) {
		refuse_for_now(s, &e);
	}
}

static void take(struct serve *s, struct span bytes)
{
	struct err e;

	s->spooled += bytes.size;
	if (!gate_takes_size(&s->gate, s->spooled)) {
		err_set(&e, CAUSE_OS, "there is no room for so large a message");
		refuse_for_now(s, &e);
	} else if (!fs_write_all(s->spool, bytes.data, bytes.size)) {
		err_errno(&e, CAUSE_OS, "cannot store the message");
		refuse_for_now(s, &e);
	}
}

static void end(struct serve *s, const struct smtp_envelope *v)
{
	struct smtp_answer a;
	struct buf said BUF_AUTO;

	gate_takes_message(&s->gate, s->spooled);
	buf_init(&said, SERVE_SAID_MAX);
	serve_message(s->call, v, &s->spool, s->signals, s->gate.slot, &said, &a);
	smtp_server_verdict(s->server, &a);
}

/* -- the session ----------------------------------------------------------------------- */

static int end_session(const struct serve *s, enum smtp_server_how how)
{
	bool is_ours = how != SERVER_QUIT && how != SERVER_LOST;

	/*
	 * A Unix socket's client reads our reply all the same.  Who was not let in had nothing to
	 * say yet, and a flood of such must be over soon: the places are for the others.
	 */
	if (is_ours && s->gate.peer.kind != PEER_UNIX) {
		see_off(s->is_refused ? 0 : LINGER_MS);
	}
	return is_ours && how != SERVER_SHUTDOWN ? EX_PROTOCOL : EX_OK;
}

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
		case SERVER_QUEUE:
			serve_queue(s->call, action.data, s->signals, s->gate.slot);
			break;
		case SERVER_DONE:
			return end_session(s, action.how);
		}
	}
}

/*
 * For SIZE.  A configuration that cannot be read is told with each message; false: it is the
 * call that is wrong, and no message will change that.
 */
static bool find_account(struct call *c, struct err *e)
{
	*e = (struct err){ 0 };
	if (settings_read(&c->conf, &c->options, &c->id, e)) {
		c->account = settings_account(&c->conf, &c->options, &c->id, NULL, e);
	}
	return c->account || e->cause != CAUSE_USAGE;
}

/* The machine's disk is everybody's: there one has to say that there is no limit. */
static unsigned long long size_limit(const struct call *c)
{
	const struct account *a = c->account;

	if (!a) {
		return c->id.is_system ? SYSTEM_SIZE_LIMIT : 0;
	}
	return c->id.is_system && !conf_is_set(a, KEY_MESSAGE_SIZE_LIMIT)
		       ? SYSTEM_SIZE_LIMIT
		       : (unsigned long long)conf_number(a, KEY_MESSAGE_SIZE_LIMIT);
}

/* refusal: NULL, or what is said instead of a greeting. */
static int serve_client(struct serve *s, const struct smtp_answer *refusal)
{
	struct smtp_server_options options = {
		.host = identity_host(&s->call->id),
		.size_limit = size_limit(s->call),
		.is_socket = is_socket(STDIN_FILENO),
		.refusal = refusal,
		.takes_sender = gate_takes_sender,
		.context = &s->gate,
		.has_own = gate_is_for_users(&s->gate),
	};

	s->is_refused = refusal != NULL;
	s->server = smtp_server_new(&options);
	int status = run(s);
	smtp_server_free(s->server);
	fs_close(&s->spool);
	return status;
}

int serve(struct call *c)
{
	struct serve s = { .call = c, .spool = -1, .wait_no = ULLONG_MAX };
	struct smtp_answer refusal;
	struct err e;

	if (c->options.recipient_count > 0) {
		say("with -bs recipients come in the SMTP dialogue, not on the command line");
		return EX_USAGE;
	}
	bool is_open = gate_open(&s.gate, c, &refusal);
	if (is_open && !find_account(c, &e)) {
		return say_error(&e);
	}
	is_open = is_open && gate_enter(&s.gate, &refusal);
	if (!fs_pipe(s.signals, O_NONBLOCK)) {
		return EX_OSERR;
	}
	signals_note(s.signals[1]);
	int status = serve_client(&s, is_open ? NULL : &refusal);
	gate_close(&s.gate);
	/* All is said.  Under inetd standard error is the client's connection too. */
	signals_end_with("", status);
	signals_note(-1);
	fs_close(&s.signals[0]);
	fs_close(&s.signals[1]);
	return status;
}
