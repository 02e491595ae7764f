/* SPDX-License-Identifier: ISC */
/* talk: see talk.h. */
#include "unit.h"

#include "talk.h"

void start(struct talk *t, enum smtp_security security)
{
	memset(t, 0, sizeof(*t));
	t->options.security = security;
	t->options.ehlo_name = "client.test";
	t->options.eager_max = 100000;
	t->rcpts[0].addr = "ann@server.test";
	t->rcpts[1].addr = "bob@server.test";
	t->rcpts[2].addr = "cay@server.test";
	t->txn.sender = "joe@client.test";
	t->txn.rcpts = t->rcpts;
	t->txn.rcpt_count = 1;
	t->txn.size = strlen(BODY);
	t->is_last = true;
}

void begin(struct talk *t)
{
	t->c = smtp_client_new(&t->options);
	smtp_client_submit(t->c, &t->txn);
}

void say(struct talk *t, const char *text)
{
	smtp_client_feed(t->c, span_str(text));
}

/* Does what the engine asks for, if it is easy; false when it is up to the test. */
static bool do_it(struct talk *t, const struct smtp_action *a)
{
	if (a->kind == SMTP_BODY) {
		struct span body = span_from(span_str(BODY), (size_t)a->offset);
		smtp_client_body(t->c, span_first(body, a->max));
		return true;
	}
	if (a->kind == SMTP_SETTLED) {
		return true;
	}
	if ((a->kind == SMTP_NEXT || a->kind == SMTP_IDLE) && t->is_last) {
		smtp_client_quit(t->c);
		return true;
	}
	return a->kind == SMTP_NEXT;
}

struct smtp_action wants(struct talk *t, enum smtp_action_kind kind)
{
	struct smtp_action a = smtp_client_next(t->c);

	while (a.kind != kind && do_it(t, &a)) {
		a = smtp_client_next(t->c);
	}
	if (a.kind == SMTP_FAIL && kind != SMTP_FAIL) {
		fail_msg("failed: %s", a.err->text);
	}
	assert_int_equal(a.kind, kind);
	return a;
}

struct smtp_action wants_any(struct talk *t)
{
	struct smtp_action a = smtp_client_next(t->c);

	while (a.kind != SMTP_BODY && do_it(t, &a)) {
		a = smtp_client_next(t->c);
	}
	return a;
}

void writes(struct talk *t, const char *text)
{
	struct smtp_action a = wants(t, SMTP_WRITE);

	assert_int_equal(a.data.size, strlen(text));
	assert_memory_equal(a.data.data, text, a.data.size);
	smtp_client_wrote(t->c);
}

void fails(struct talk *t, enum cause cause, const char *text)
{
	struct smtp_action a = wants(t, SMTP_FAIL);

	assert_int_equal(a.err->cause, cause);
	assert_non_null(strstr(a.err->text, text));
}

void lose(struct talk *t)
{
	struct err e;

	err_set(&e, CAUSE_LOST, "connection reset");
	smtp_client_lost(t->c, &e);
}

void up_to_ehlo(struct talk *t, const char *caps)
{
	begin(t);
	say(t, "220 hi\r\n");
	writes(t, EHLO);
	say(t, caps);
}

void up_to_data(struct talk *t, const char *replies)
{
	up_to_ehlo(t, "250-a\r\n250 PIPELINING\r\n");
	writes(t, ENVELOPE "DATA\r\n");
	say(t, replies);
}

void up_to_choice(struct talk *t, const char *caps)
{
	start(t, SMTP_IMPLICIT_TLS);
	t->options.use_auth = true;
	begin(t);
	wants(t, SMTP_TLS);
	smtp_client_tls_done(t->c);
	say(t, "220 hi\r\n");
	writes(t, EHLO);
	say(t, caps);
	assert_true(wants(t, SMTP_AUTH).is_tls);
}

void up_to_login(struct talk *t, const char *caps)
{
	struct span initial = span_of("\0joe\0secret", 11);

	up_to_choice(t, caps);
	smtp_client_auth(t->c, "PLAIN", &initial, true);
}

void up_to_long_login(struct talk *t)
{
	up_to_choice(t, "250-a\r\n250 AUTH LOGIN\r\n");
	smtp_client_auth(t->c, "LOGIN", NULL, false);
}
