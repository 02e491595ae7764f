/* SPDX-License-Identifier: ISC */
/*
 * server_command: the table of commands, and those that have nothing to do with a message
 * (RFC 5321 §4.1.1).  Must never look at the input: it sees one line at a time.
 */
#include "smtp/server_state.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

/* -- hello ----------------------------------------------------------------------------- */

static bool greet(struct smtp_server *s, struct span name, bool is_esmtp)
{
	if (name.size == 0) {
		server_refuse(s, 501, "5.5.4", "%s needs the name of your host",
			      is_esmtp ? "EHLO" : "HELO");
		return false;
	}
	server_forget(s, "a new hello");
	free(s->helo);
	s->helo = mem_copy(name.data, name.size);
	text_sanitise(s->helo, name.size);
	s->is_esmtp = is_esmtp;
	return true;
}

static void on_helo(struct smtp_server *s, struct span rest)
{
	if (greet(s, rest, false)) {
		server_reply(s, 250, NULL, "%s", s->options.host);
	}
}

static void on_ehlo(struct smtp_server *s, struct span rest)
{
	static const char *const offers[] = { "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN" };
	char size[40] = "SIZE";

	if (!greet(s, rest, true)) {
		return;
	}
	if (s->options.size_limit > 0) {
		snprintf(size, sizeof(size), "SIZE %llu", s->options.size_limit);
	}
	server_reply_line(s, 250, false, s->options.host);
	server_reply_line(s, 250, false, "PIPELINING");
	server_reply_line(s, 250, false, size);
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		server_reply_line(s, 250, false, offers[i]);
	}
	if (s->options.has_own) {
		server_reply_line(s, 250, false, "XSUBMIT");
	}
	server_reply_line(s, 250, true, "ENHANCEDSTATUSCODES");
}

/* -- the small ones -------------------------------------------------------------------- */

static void on_rset(struct smtp_server *s, struct span rest)
{
	(void)rest;
	server_forget(s, "RSET");
	server_reply(s, 250, "2.0.0", "Ok");
}

static void on_noop(struct smtp_server *s, struct span rest)
{
	(void)rest;
	server_reply(s, 250, "2.0.0", "Ok");
}

static void on_vrfy(struct smtp_server *s, struct span rest)
{
	if (rest.size == 0) {
		server_refuse(s, 501, "5.5.4", "VRFY needs an address");
		return;
	}
	server_reply(s, 252, "2.0.0", "cannot say; send a message and see");
}

static void on_help(struct smtp_server *s, struct span rest)
{
	(void)rest;
	server_reply(s, 214, "2.0.0",
		     "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT");
}

static void on_quit(struct smtp_server *s, struct span rest)
{
	(void)rest;
	server_forget(s, "QUIT");
	server_reply(s, 221, "2.0.0", "Bye");
	server_close(s, SERVER_QUIT, "QUIT");
}

static void on_not_offered(struct smtp_server *s, struct span rest)
{
	(void)rest;
	server_refuse(s, 502, "5.5.1", "this command is not offered here");
}

/* What follows on the connection is no SMTP any more, so nothing may be open. */
static void on_xqueue(struct smtp_server *s, struct span rest)
{
	if (!s->options.has_own) {
		server_refuse(s, 500, "5.5.2", "unknown command");
	} else if (s->mail.is_open) {
		server_refuse(s, 503, "5.5.1", "XQUEUE within a transaction; RSET ends it");
	} else {
		s->queue_words = mem_copy(rest.data, rest.size);
		s->at = AT_QUEUE;
	}
}

/* -- the table ------------------------------------------------------------------------- */

enum { BARE = 1, FLUSH = 2 };

static const struct command {
	const char *word;
	void (*run)(struct smtp_server *s, struct span rest);
	/*
	 * BARE: nothing may stand behind the word.  FLUSH: its reply must not wait for those
	 * of the commands behind it (RFC 2920 §3.2).
	 */
	unsigned flags;
} commands[] = {
	{ "EHLO", on_ehlo, FLUSH },
	{ "HELO", on_helo, FLUSH },
	{ "MAIL", server_mail, 0 },
	{ "RCPT", server_rcpt, 0 },
	{ "DATA", server_data, BARE },
	{ "BDAT", server_bdat, 0 },
	{ "RSET", on_rset, BARE },
	{ "NOOP", on_noop, FLUSH },
	{ "VRFY", on_vrfy, FLUSH },
	{ "HELP", on_help, FLUSH },
	{ "QUIT", on_quit, BARE | FLUSH },
	{ "XQUEUE", on_xqueue, FLUSH },
	/* Known, so that the answer is 502. */
	{ "AUTH", on_not_offered, FLUSH },
	{ "STARTTLS", on_not_offered, FLUSH },
	{ "EXPN", on_not_offered, FLUSH },
	{ "ETRN", on_not_offered, FLUSH },
	{ "TURN", on_not_offered, FLUSH },
	{ "ATRN", on_not_offered, FLUSH },
	{ "SEND", on_not_offered, FLUSH },
	{ "SOML", on_not_offered, FLUSH },
	{ "SAML", on_not_offered, FLUSH },
	{ "LHLO", on_not_offered, FLUSH },
	{ "VERB", on_not_offered, FLUSH },
	{ "ONEX", on_not_offered, FLUSH },
};

/*
 * A browser can be made to send anything to a port of its own machine, behind a request
 * line and header fields of HTTP; and a client that is out of step sends header fields.
 */
static bool is_foreign(struct span word)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "HEAD", "DELETE",
					       "OPTIONS", "CONNECT", "TRACE", "PATCH" };

	for (size_t i = 0; i < word.size; i++) {
		if (!text_is_alpha(word.data[i])) {
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (text_equal_fold(word, span_str(methods[i]))) {
			return true;
		}
	}
	return word.size == 0;
}

static void on_unknown(struct smtp_server *s, struct span word)
{
	s->is_flush_due = true;
	if (s->options.is_socket && is_foreign(word)) {
		server_hang_up(s, "5.5.2", "this is not SMTP");
		return;
	}
	server_refuse(s, 500, "5.5.2", "unknown command");
}

void server_run(struct smtp_server *s, struct span line)
{
	size_t size = 0;

	s->line = line;
	if (text_has_line_break(line)) {
		s->is_flush_due = true;
		server_refuse(s, 500, "5.5.2", "CR or NUL stands in the line");
		return;
	}
	while (size < line.size && line.data[size] != ' ' && line.data[size] != '\t') {
		size++;
	}
	struct span word = span_first(line, size);
	struct span rest = span_trim(span_from(line, size));
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *c = &commands[i];
		if (!text_equal_fold(word, span_str(c->word))) {
			continue;
		}
		s->is_flush_due = s->is_flush_due || (c->flags & FLUSH);
		if ((c->flags & BARE) && rest.size > 0) {
			server_refuse(s, 501, "5.5.4", "%s takes no argument", c->word);
		} else {
			c->run(s, rest);
		}
		return;
	}
	on_unknown(s, word);
}
