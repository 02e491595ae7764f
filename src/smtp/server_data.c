/* SPDX-License-Identifier: ISC */
/*
 * server_data: DATA and BDAT: where a message begins and ends (RFC 5321 §4.1.1.4, §4.5.2;
 * RFC 3030 §2).  This file alone decides which bytes are the message's and which are
 * commands: over a socket, only CRLF.CRLF ends the text of DATA.
 */
#include "smtp/server_state.h"
#include "base/text.h"

/* -- failure in the middle ------------------------------------------------------------- */

void server_fail_mail(struct smtp_server *s, const struct smtp_answer *why)
{
	if (!s->mail.is_failed) {
		s->mail.is_failed = true;
		s->mail.failure = *why;
	}
}

/* Seen at the end only: so it does not matter whether something else is wrong too. */
static void fail_on_bare(struct smtp_server *s)
{
	static const char what[] = "the message has a bare CR or LF";
	struct smtp_answer why;

	smtp_answer_set(&why, VERDICT_PERMANENT, 554, "5.6.0", "%s", what);
	server_fail_mail(s, &why);
	server_abort(s, what);
}

static void fail_on_size(struct smtp_server *s)
{
	struct smtp_answer why;

	smtp_answer_set(&why, VERDICT_PERMANENT, 552, "5.3.4",
			"the message is larger than the limit of %llu bytes",
			s->options.size_limit);
	server_fail_mail(s, &why);
	server_abort(s, "the message is too large");
}

static bool is_too_large(const struct smtp_server *s, unsigned long long more)
{
	unsigned long long limit = s->options.size_limit;

	return limit > 0 && (s->mail.size > limit || more > limit - s->mail.size);
}

/* -- the commands ---------------------------------------------------------------------- */

/* Why there can be no message now, or false. */
static bool is_out_of_place(struct smtp_server *s, struct smtp_answer *why)
{
	const struct mail *m = &s->mail;

	if (!m->is_open) {
		smtp_answer_set(why, VERDICT_PERMANENT, 503, "5.5.1", "MAIL comes first");
		s->errors += !m->is_refused;
	} else if (m->envelope.rcpt_count == 0 && !m->is_chunked) {
		smtp_answer_set(why, VERDICT_PERMANENT, m->has_bad_rcpt ? 554 : 503, "5.5.1",
				m->has_bad_rcpt ? "no recipient was accepted"
						: "RCPT comes first");
		s->errors += !m->has_bad_rcpt;
	} else {
		return false;
	}
	return true;
}

static void start_text(struct mail *m)
{
	m->at_line_start = true;
	m->had_cr = false;
}

void server_data(struct smtp_server *s, struct span rest)
{
	struct smtp_answer why;

	(void)rest;
	s->is_flush_due = true;
	if (is_out_of_place(s, &why)) {
		server_reply_answer(s, &why);
	} else if (s->mail.is_chunked) {
		server_refuse(s, 503, "5.5.1", "DATA behind BDAT");
	} else {
		start_text(&s->mail);
		s->at = AT_BEGIN;
	}
}

/* "SIZE" or "SIZE LAST". */
static bool read_chunk(struct span rest, unsigned long long *ret_size, bool *ret_is_last)
{
	size_t digits = 0;

	while (digits < rest.size && text_is_digit(rest.data[digits])) {
		digits++;
	}
	struct span word = span_from(rest, digits);
	*ret_is_last = word.size > 0;
	if (*ret_is_last && (memchr(" \t", word.data[0], 2) == NULL ||
			     !text_equal_fold(span_trim(word), span_str("LAST")))) {
		return false;
	}
	/* Half of it, so that sums cannot overflow. */
	return text_unsigned(span_first(rest, digits), ~0ULL >> 1, ret_size);
}

void server_bdat(struct smtp_server *s, struct span rest)
{
	struct mail *m = &s->mail;
	struct smtp_answer why;

	if (!read_chunk(rest, &m->chunk_size, &m->is_last)) {	/* rule 4 */
		server_hang_up(s, "5.5.4", "BDAT needs a size");
		return;
	}
	m->chunk_left = m->chunk_size;
	if (is_out_of_place(s, &why)) {
		server_fail_mail(s, &why);
	}
	if (!m->is_chunked) {
		start_text(m);
	}
	m->is_chunked = true;
	if (!m->is_failed && is_too_large(s, m->chunk_size)) {
		fail_on_size(s);
	}
	s->at = m->is_begun || m->is_failed ? AT_CHUNK : AT_BEGIN;
}

void server_begin_data(struct smtp_server *s)
{
	if (s->mail.is_chunked) {
		s->at = AT_CHUNK;
	} else if (s->mail.is_failed) {
		server_reply_answer(s, &s->mail.failure);
		server_forget(s, NULL);
		s->at = AT_COMMAND;
	} else {
		server_reply(s, 354, NULL,
			     "send the message; a line with a single dot ends it");
		s->at = AT_TEXT;
	}
}

/* -- the bytes ------------------------------------------------------------------------- */

static bool has_bare_cr(struct span text)
{
	while (text.size > 0) {
		const char *cr = memchr(text.data, '\r', text.size);
		if (!cr) {
			return false;
		}
		text = span_from(text, (size_t)(cr - text.data) + 1);
		if (text.size > 0 && text.data[0] != '\n') {
			return true;
		}
	}
	return false;
}

/* Goes over the rest of one line, or what there is of it.  Returns its size. */
static size_t pass_line(struct smtp_server *s, struct span text)
{
	struct mail *m = &s->mail;
	const char *lf = memchr(text.data, '\n', text.size);
	size_t size = lf ? (size_t)(lf - text.data) + 1 : text.size;
	bool is_crlf = lf && (size > 1 ? lf[-1] == '\r' : m->had_cr);

	if (s->options.is_socket) {
		m->has_bare = m->has_bare || (lf && !is_crlf) ||
			      (m->had_cr && text.data[0] != '\n') ||
			      has_bare_cr(span_first(text, size));
	}
	m->at_line_start = lf && (is_crlf || !s->options.is_socket);
	m->had_cr = text.data[size - 1] == '\r';
	return size;
}

enum dot { DOT_MORE, DOT_STUFFED, DOT_END };

/* A line begins with a dot: is it the end of the text? */
static enum dot look_at_dot(const struct smtp_server *s, struct span text, size_t *ret_size)
{
	if (text.size > 1 && text.data[1] == '\n' && !s->options.is_socket) {
		*ret_size = 2;
		return DOT_END;
	}
	if (text.size > 2 && text.data[1] == '\r' && text.data[2] == '\n') {
		*ret_size = 3;
		return DOT_END;
	}
	bool is_open = text.size == 1 || (text.size == 2 && text.data[1] == '\r');
	return is_open ? DOT_MORE : DOT_STUFFED;
}

/* Bytes of the message in front; 0 with *ret_is_end, or when more must come. */
static size_t measure_text(struct smtp_server *s, bool *ret_is_end)
{
	struct span rest = server_input(s);
	struct mail *m = &s->mail;
	size_t size = 0, end = 0;

	while (size < rest.size) {
		struct span text = span_from(rest, size);
		if (!m->at_line_start || text.data[0] != '.') {
			size += pass_line(s, text);
			continue;
		}
		enum dot dot = size > 0 ? DOT_MORE : look_at_dot(s, text, &end);
		if (dot == DOT_MORE) {
			break;
		}
		*ret_is_end = dot == DOT_END;
		server_consume(s, dot == DOT_END ? end : 1);
		m->at_line_start = false;
		if (dot == DOT_END) {
			return 0;
		}
		rest = server_input(s);
	}
	return size;
}

static size_t measure_chunk(struct smtp_server *s, bool *ret_is_end)
{
	struct span rest = server_input(s);
	struct mail *m = &s->mail;

	if (m->chunk_left < rest.size) {
		rest = span_first(rest, (size_t)m->chunk_left);
	}
	*ret_is_end = m->chunk_left == 0;
	m->chunk_left -= rest.size;
	for (struct span left = rest; left.size > 0;) {
		left = span_from(left, pass_line(s, left));
	}
	return rest.size;
}

/* The last byte of the text, or of the chunk, was handed on. */
static void end_data(struct smtp_server *s)
{
	struct mail *m = &s->mail;
	bool is_over = !m->is_chunked || m->is_last;

	if (is_over && m->had_cr && s->options.is_socket) {
		m->has_bare = true;
	}
	if (m->has_bare && !m->is_failed) {	/* rule 3 */
		fail_on_bare(s);
	}
	s->is_flush_due = true;
	s->waits++;
	s->block = 0;
	if (m->is_failed) {
		server_reply_answer(s, &m->failure);
		bool is_refused = m->is_refused;
		if (is_over || !m->is_open) {
			server_forget(s, NULL);
			m->is_refused = is_refused;
		}
		s->at = AT_COMMAND;
	} else if (is_over) {
		s->at = AT_END;
	} else {
		server_reply(s, 250, "2.0.0", "%llu bytes received", m->chunk_size);
		s->at = AT_COMMAND;
	}
}

/* Nobody wants them. */
static void swallow(struct smtp_server *s, size_t size)
{
	s->mail.swallowed += size;
	server_consume(s, size);
	if (s->mail.swallowed > SERVER_SWALLOW_MAX) {
		server_reply(s, 421, "4.7.0",
			     "the message was refused and does not end; closing");
		server_close(s, SERVER_HUNG_UP, "a refused message that does not end");
	}
}

bool server_take_data(struct smtp_server *s, struct span *ret_piece, bool *ret_more)
{
	struct mail *m = &s->mail;
	bool is_end = false;
	size_t size = s->at == AT_TEXT ? measure_text(s, &is_end)
				       : measure_chunk(s, &is_end);

	*ret_more = size == 0 && !is_end;
	if (is_end) {
		end_data(s);
	}
	if (size == 0) {
		return false;
	}
	s->block += size;
	if (s->block >= SERVER_BLOCK) {
		s->block = 0;
		s->waits++;
	}
	if (!m->is_failed && is_too_large(s, size)) {
		fail_on_size(s);
	}
	if (m->is_failed) {
		swallow(s, size);
		return false;
	}
	m->size += size;
	s->taken = size;
	*ret_piece = span_first(server_input(s), size);
	return true;
}
