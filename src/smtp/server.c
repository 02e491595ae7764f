/* SPDX-License-Identifier: ISC */
/*
 * server: see server.h.  This file owns the order in which actions are given out, and what
 * the caller hands in.  It must never look into a line (server_command.c) nor into a
 * message (server_data.c).
 */
#include "smtp/server_state.h"
#include "base/mem.h"

#include <stdlib.h>

struct smtp_server *smtp_server_new(const struct smtp_server_options *options)
{
	struct smtp_server *s = mem_alloc(1, sizeof(*s));

	s->options = *options;
	buf_init(&s->in, SERVER_LINE_MAX + SERVER_FEED_MAX);
	buf_init(&s->out, SERVER_OUT_MAX);
	if (options->refusal) {
		const struct smtp_answer *why = options->refusal;
		server_reply(s, why->verdict == VERDICT_PERMANENT ? 554 : 421, why->enhanced,
			     "%s", why->text);
		server_close(s, SERVER_HUNG_UP, "the session was refused");
	} else {
		server_reply(s, 220, NULL, "%s ESMTP relay", options->host);
	}
	s->is_flush_due = true;
	return s;
}

void smtp_server_free(struct smtp_server *s)
{
	if (!s) {
		return;
	}
	server_envelope_clear(&s->mail.envelope);
	buf_clear(&s->in);
	buf_clear(&s->out);
	free(s->helo);
	free(s->queue_words);
	free(s);
}

/* -- for the other files --------------------------------------------------------------- */

struct span server_input(const struct smtp_server *s)
{
	return span_from(buf_span(&s->in), s->in_at);
}

void server_consume(struct smtp_server *s, size_t size)
{
	s->in_at += size;
	BUG_ON(s->in_at > s->in.size);
}

void server_abort(struct smtp_server *s, const char *why)
{
	if (s->mail.is_begun) {
		s->mail.is_begun = false;
		s->abort_why = why;
	}
}

void server_forget(struct smtp_server *s, const char *why)
{
	server_abort(s, why);
	server_envelope_clear(&s->mail.envelope);
	s->mail = (struct mail){ 0 };
	s->is_begin_given = false;
}

void server_close(struct smtp_server *s, enum smtp_server_how how, const char *why)
{
	if (s->at != AT_CLOSE) {
		server_abort(s, why);
		s->at = AT_CLOSE;
		s->how = how;
		s->why = why;
	}
}

/* -- actions --------------------------------------------------------------------------- */

static unsigned timeout_of(const struct smtp_server *s)
{
	unsigned standard = s->options.is_socket ? 300 : 3600;

	return s->options.timeout_s > 0 ? s->options.timeout_s : standard;
}

/* RFC 2920 §3.2: replies of a group together, but for those somebody waits for. */
static bool must_write(const struct smtp_server *s)
{
	bool is_due = s->is_flush_due && s->at != AT_BEGIN;

	return s->is_writing ||
	       (s->out.size > 0 &&
		(is_due || s->out.size >= SERVER_OUT_TARGET || s->at == AT_CLOSE));
}

static struct smtp_server_action write_action(struct smtp_server *s)
{
	s->is_writing = true;
	return (struct smtp_server_action){
		.kind = SERVER_WRITE,
		.data = buf_span(&s->out),
		.timeout_s = timeout_of(s),
	};
}

/* Nothing to do before more has come. */
static struct smtp_server_action starve(struct smtp_server *s)
{
	if (s->out.size > 0) {
		return write_action(s);
	}
	return (struct smtp_server_action){
		.kind = SERVER_READ,
		.timeout_s = timeout_of(s),
		.wait_no = s->waits,
	};
}

static struct smtp_server_action envelope_action(const struct smtp_server *s,
						 enum smtp_server_action_kind kind)
{
	return (struct smtp_server_action){ .kind = kind, .envelope = &s->mail.envelope };
}

static struct smtp_server_action done_action(const struct smtp_server *s)
{
	return (struct smtp_server_action){ .kind = SERVER_DONE, .how = s->how,
					    .why = s->why };
}

static bool decide_command(struct smtp_server *s, struct smtp_server_action *ret_action)
{
	if (s->errors >= SERVER_ERRORS_MAX) {
		server_reply(s, 421, "4.7.0", "too many mistakes; closing");
		server_close(s, SERVER_HUNG_UP, "too many mistakes");
		return false;
	}
	if (server_take_command(s)) {
		return false;
	}
	*ret_action = starve(s);
	return true;
}

static bool decide_begin(struct smtp_server *s, struct smtp_server_action *ret_action)
{
	if (s->is_begin_given) {
		s->is_begin_given = false;
		server_begin_data(s);
		return false;
	}
	s->is_begin_given = true;
	s->mail.is_begun = true;
	*ret_action = envelope_action(s, SERVER_BEGIN);
	return true;
}

static bool decide_data(struct smtp_server *s, struct smtp_server_action *ret_action)
{
	bool is_more = false;
	struct span piece;

	if (server_take_data(s, &piece, &is_more)) {
		*ret_action = (struct smtp_server_action){ .kind = SERVER_DATA,
							   .data = piece };
		return true;
	}
	if (is_more) {
		*ret_action = starve(s);
	}
	return is_more;
}

/* False when the state changed so that it must be looked at again. */
static bool decide(struct smtp_server *s, struct smtp_server_action *ret_action)
{
	if (s->abort_why) {
		*ret_action = (struct smtp_server_action){ .kind = SERVER_ABORT,
							   .why = s->abort_why };
		s->abort_why = NULL;
		return true;
	}
	if (must_write(s)) {
		*ret_action = write_action(s);
		return true;
	}
	switch (s->at) {
	case AT_COMMAND:
		return decide_command(s, ret_action);
	case AT_BEGIN:
		return decide_begin(s, ret_action);
	case AT_TEXT:
	case AT_CHUNK:
		return decide_data(s, ret_action);
	case AT_END:
		*ret_action = envelope_action(s, SERVER_END);
		break;
	case AT_QUEUE:
		*ret_action = (struct smtp_server_action){ .kind = SERVER_QUEUE,
							   .data = span_str(s->queue_words) };
		server_close(s, SERVER_QUIT, "XQUEUE");
		break;
	case AT_CLOSE:
		*ret_action = done_action(s);
		break;
	}
	return true;
}

static void end_if_wanted(struct smtp_server *s)
{
	if (!s->is_end_wanted || s->is_writing) {
		return;
	}
	s->is_end_wanted = false;
	if (s->at == AT_CLOSE) {
		return;
	}
	if (s->how == SERVER_TIMEOUT) {
		server_reply(s, 421, "4.4.2", "nothing came in time; closing");
		server_close(s, SERVER_TIMEOUT, "nothing came in time");
	} else {
		server_reply(s, 421, "4.3.2", "shutting down; closing");
		server_close(s, SERVER_SHUTDOWN, "shutdown");
	}
}

struct smtp_server_action smtp_server_next(struct smtp_server *s)
{
	struct smtp_server_action a;

	server_consume(s, s->taken);
	s->taken = 0;
	end_if_wanted(s);
	while (!decide(s, &a)) {
		;
	}
	return a;
}

/* -- what the caller hands in ---------------------------------------------------------- */

void smtp_server_wrote(struct smtp_server *s)
{
	s->is_writing = false;
	s->is_flush_due = false;
	buf_reset(&s->out);
}

void smtp_server_feed(struct smtp_server *s, struct span bytes)
{
	BUG_ON(bytes.size > SERVER_FEED_MAX || s->taken > 0);
	if (s->at == AT_CLOSE || bytes.size == 0) {
		return;
	}
	buf_drop(&s->in, s->in_at);
	s->in_at = 0;
	/* What is left over is less than a line; READ is not asked for before. */
	BUG_ON(!buf_add_span(&s->in, bytes));
	s->waits += !s->options.is_socket;
}

void smtp_server_verdict(struct smtp_server *s, const struct smtp_answer *answer)
{
	BUG_ON(!s->mail.is_begun);
	BUG_ON(answer->verdict == VERDICT_ACCEPTED && s->at != AT_END);
	s->mail.is_begun = false;
	if (s->at != AT_END) {
		server_fail_mail(s, answer);
		return;
	}
	if (answer->verdict == VERDICT_ACCEPTED) {
		s->errors = s->bad_rcpts = 0;
	}
	server_reply_answer(s, answer);
	s->is_flush_due = true;
	server_forget(s, NULL);
	s->at = AT_COMMAND;
}

void smtp_server_lost(struct smtp_server *s)
{
	s->is_writing = false;
	buf_reset(&s->out);
	server_close(s, SERVER_LOST, "the connection was lost");
}

static void want_end(struct smtp_server *s, enum smtp_server_how how)
{
	if (s->at != AT_CLOSE) {
		s->is_end_wanted = true;
		s->how = how;
	}
}

void smtp_server_timeout(struct smtp_server *s)
{
	want_end(s, SERVER_TIMEOUT);
}

void smtp_server_shutdown(struct smtp_server *s)
{
	want_end(s, SERVER_SHUTDOWN);
}
