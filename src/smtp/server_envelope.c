/* SPDX-License-Identifier: ISC */
/*
 * server_envelope: MAIL and RCPT (RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.2): their paths, and
 * the envelope that they make.  No address gets into it that could not stand in a command.
 */
#include "smtp/server_state.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/addr.h"

#include <stdlib.h>

void server_envelope_clear(struct smtp_envelope *v)
{
	for (size_t i = 0; i < v->rcpt_count; i++) {
		free(v->rcpts[i].addr);
		free(v->rcpts[i].orcpt);
	}
	free(v->rcpts);
	free(v->sender);
	free(v->envid);
	free(v->full_name);
	*v = (struct smtp_envelope){ 0 };
}

/* -- paths ----------------------------------------------------------------------------- */

/*
 * Size of the path in front, with its brackets; a path without them ends at a blank, and
 * many old programs send such.  Comments and blanks have no place in a path.  False:
 * *ret_size is where something is wrong, and *what is that.
 */
static bool measure(struct span text, size_t *ret_size, const char **what)
{
	bool is_angle = text.size > 0 && text.data[0] == '<', in_quotes = false;
	size_t i = is_angle, quote = 0;

	*what = "a blank stands in the address; take it out";
	for (; i < text.size; i++) {
		char c = text.data[i];
		*ret_size = i;
		if (in_quotes && c == '\\') {
			i++;
		} else if (c == '"') {
			in_quotes = !in_quotes;
			quote = i;
		} else if (in_quotes) {
			continue;
		} else if (c == ' ' || c == '\t') {
			break;
		} else if (is_angle && c == '>') {
			*ret_size = i + 1;
			*what = "something stands behind the \">\"; put a blank before it";
			return i + 1 == text.size || memchr(" \t", text.data[i + 1], 2);
		} else if (memchr("<>()", c, 4)) {
			*what = "this bracket has no place in an address; leave it out";
			return false;
		}
	}
	if (i >= text.size && (is_angle || in_quotes)) {
		*what = in_quotes ? "the quoted text that begins here does not end; "
				    "add a closing quote"
				  : "no \">\" closes this \"<\"; add it behind the address";
		*ret_size = in_quotes ? quote : 0;
		return false;
	}
	*ret_size = i;
	return !is_angle;
}

/* The column of a byte of the command line. */
static size_t column(const struct smtp_server *s, const char *byte)
{
	return addr_column(s->line, (size_t)(byte - s->line.data));
}

/*
 * Takes "FROM:" or "TO:" and the path off *rest.  False: *why is the reply.  The caller
 * frees *ret_spec; it is "" for <>.
 */
static bool take_path(const struct smtp_server *s, struct span *rest, const char *lead,
		      const char *enhanced, char **ret_spec, struct smtp_answer *why)
{
	char path[SERVER_LINE_MAX + 3];
	const char *what;
	struct addr_fault fault;
	struct err e = { 0 };
	size_t size, n = 0;

	if (!text_starts_fold(*rest, lead)) {
		smtp_answer_set(why, VERDICT_PERMANENT, 501, "5.5.4",
				"%s<address> is wanted", lead);
		return false;
	}
	*rest = span_trim(span_from(*rest, strlen(lead)));
	if (rest->size == 0) {
		smtp_answer_set(why, VERDICT_PERMANENT, 501, "5.5.4",
				"no address behind %s", lead);
		return false;
	}
	if (!measure(*rest, &size, &what)) {
		smtp_answer_set(why, VERDICT_PERMANENT, 501, enhanced, "column %zu: %s",
				column(s, rest->data + size), what);
		return false;
	}
	bool is_angle = rest->data[0] == '<';
	BUG_ON(size + 2 > sizeof(path));
	if (!is_angle) {
		path[n++] = '<';
	}
	memcpy(path + n, rest->data, size);
	n += size;
	if (!is_angle) {
		path[n++] = '>';
	}
	if (!addr_read_one(ret_spec, span_of(path, n), &fault)) {
		/* A "<" of ours has no column. */
		addr_fault_set(&e, &fault, span_of(path, n),
			       column(s, rest->data) - !is_angle);
		smtp_answer_set(why, VERDICT_PERMANENT, 501, enhanced, "%s", e.text);
		return false;
	}
	*rest = span_from(*rest, size);
	return true;
}

/* RFC 6531 §3.5.  The caller on a pipe is as free as one that uses arguments. */
static bool is_utf8_allowed(const struct smtp_server *s, const char *spec,
			    bool is_smtputf8, struct smtp_answer *why)
{
	if (!s->options.is_socket || is_smtputf8 || text_is_ascii(span_str(spec))) {
		return true;
	}
	smtp_answer_set(why, VERDICT_PERMANENT, 553, "5.6.7",
			"the address is not ASCII: SMTPUTF8 is needed");
	return false;
}

/* -- MAIL ------------------------------------------------------------------------------ */

static bool has_room(const struct smtp_server *s, unsigned long long size,
		     struct smtp_answer *why)
{
	unsigned long long limit = s->options.size_limit;

	if (limit > 0 ? size <= limit : size < ~0ULL) {
		return true;
	}
	if (limit > 0) {
		smtp_answer_set(why, VERDICT_PERMANENT, 552, "5.3.4",
				"the message is larger than the limit of %llu bytes", limit);
	} else {
		smtp_answer_set(why, VERDICT_PERMANENT, 552, "5.3.4",
				"the message is too large for any server");
	}
	return false;
}

static char *text_or_null(struct buf *b)
{
	return b->size > 0 ? buf_take(b) : NULL;
}

static bool open_mail(struct smtp_server *s, struct span rest, struct smtp_answer *why)
{
	char *spec MEM_AUTO = NULL;
	struct server_params p;
	bool ok;

	server_params_init(&p);
	p.has_own = s->options.has_own;
	ok = take_path(s, &rest, "FROM:", "5.1.7", &spec, why) &&
	     server_params_parse(&p, rest, true, why) &&
	     is_utf8_allowed(s, spec, p.is_smtputf8, why) &&
	     has_room(s, p.size, why) &&
	     (!s->options.takes_sender ||
	      s->options.takes_sender(s->options.context, spec, why));
	if (ok) {
		s->mail.envelope = (struct smtp_envelope){
			.sender = spec,
			.ret = p.ret,
			.envid = text_or_null(&p.envid),
			.mode = p.mode,
			.errors = p.errors,
			.wants_notice = p.wants_notice,
			.wants_result = p.wants_result,
			.full_name = text_or_null(&p.full_name),
			.size = p.size,
			.is_8bit = p.is_8bit,
			.is_smtputf8 = p.is_smtputf8,
			.helo = s->helo ? s->helo : "",
			.is_esmtp = s->is_esmtp,
		};
		spec = NULL;
	}
	server_params_clear(&p);
	return ok;
}

void server_mail(struct smtp_server *s, struct span rest)
{
	struct smtp_answer why;

	if (s->mail.is_open) {
		server_refuse(s, 503, "5.5.1", "MAIL within a transaction; RSET ends it");
		return;
	}
	server_forget(s, "MAIL");
	if (!s->helo && s->options.is_socket) {
		server_refuse(s, 503, "5.5.1", "EHLO comes first");
	} else if (!open_mail(s, rest, &why)) {
		server_reply_answer(s, &why);
		s->errors++;
	} else {
		s->mail.is_open = true;
		server_reply(s, 250, "2.1.0", "Ok");
	}
	s->mail.is_refused = !s->mail.is_open;
}

/* -- RCPT ------------------------------------------------------------------------------ */

static unsigned rcpts_max(const struct smtp_server *s)
{
	return s->options.rcpts_max > 0 ? s->options.rcpts_max : SERVER_RCPTS_MAX;
}

static bool read_rcpt(const struct smtp_server *s, struct span rest,
		      struct server_params *p, char **ret_spec, struct smtp_answer *why)
{
	if (!take_path(s, &rest, "TO:", "5.1.3", ret_spec, why)) {
		return false;
	}
	if (!(*ret_spec)[0]) {
		smtp_answer_set(why, VERDICT_PERMANENT, 501, "5.1.3",
				"a recipient cannot be empty");
		return false;
	}
	return server_params_parse(p, rest, false, why) &&
	       is_utf8_allowed(s, *ret_spec, s->mail.envelope.is_smtputf8, why);
}

/* False when the envelope is full. */
static bool add_rcpt(struct smtp_server *s, char **spec, struct server_params *p)
{
	struct smtp_envelope *v = &s->mail.envelope;
	size_t bytes = sizeof(v->rcpts[0]) + strlen(*spec) + 1 + p->orcpt.size + 1;

	if (v->rcpt_count >= rcpts_max(s) ||
	    bytes > SERVER_ENVELOPE_MAX - s->mail.envelope_bytes) {
		return false;
	}
	/* At each power of two: so nobody has to remember the room. */
	if ((v->rcpt_count & (v->rcpt_count - 1)) == 0) {
		size_t room = v->rcpt_count > 0 ? v->rcpt_count * 2 : 1;
		v->rcpts = mem_resize(v->rcpts, room, sizeof(v->rcpts[0]));
	}
	v->rcpts[v->rcpt_count++] = (struct smtp_server_rcpt){
		.addr = *spec,
		.orcpt = text_or_null(&p->orcpt),
		.notify = p->notify,
	};
	*spec = NULL;
	s->mail.envelope_bytes += bytes;
	return true;
}

static void refuse_rcpt(struct smtp_server *s, const struct smtp_answer *why)
{
	s->mail.has_bad_rcpt = true;
	server_reply_answer(s, why);
	/* A list with some bad addresses is no attack. */
	s->bad_rcpts += why->verdict == VERDICT_PERMANENT;
	s->errors += s->bad_rcpts > rcpts_max(s);
}

void server_rcpt(struct smtp_server *s, struct span rest)
{
	char *spec MEM_AUTO = NULL;
	struct server_params p;
	struct smtp_answer why;

	if (!s->mail.is_open) {
		server_reply(s, 503, "5.5.1", "MAIL comes first");
		s->errors += !s->mail.is_refused;
		return;
	}
	if (s->mail.is_chunked) {
		server_refuse(s, 503, "5.5.1", "RCPT within the message");
		return;
	}
	server_params_init(&p);
	if (!read_rcpt(s, rest, &p, &spec, &why)) {
		refuse_rcpt(s, &why);
	} else if (!add_rcpt(s, &spec, &p)) {
		smtp_answer_set(&why, VERDICT_TEMPORARY, 452, "4.5.3",
				"too many recipients");
		refuse_rcpt(s, &why);
	} else {
		server_reply(s, 250, "2.1.5", "Ok");
	}
	server_params_clear(&p);
}
