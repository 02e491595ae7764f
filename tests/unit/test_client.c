/* SPDX-License-Identifier: ISC */
/*
 * What transcripts cannot say about the client engine: its bounds, its timeouts, and its
 * eleven rules (client.h) by number.
 */
#include "unit.h"

#include "smtp/client.h"

#define BODY "Subject: x\r\n\r\nhello\r\n"

struct talk {
	struct smtp_client *c;
	struct smtp_options options;
	struct smtp_rcpt rcpts[3];
	struct smtp_txn txn;
};

static void start(struct talk *t, enum smtp_security security)
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
	t->txn.is_last = true;
}

static void begin(struct talk *t)
{
	t->c = smtp_client_new(&t->options);
	smtp_client_submit(t->c, &t->txn);
}

static void say(struct talk *t, const char *text)
{
	smtp_client_feed(t->c, span_str(text));
}

static struct smtp_action wants(struct talk *t, enum smtp_action_kind kind)
{
	struct smtp_action a = smtp_client_next(t->c);

	while (a.kind == SMTP_BODY && kind != SMTP_BODY) {
		struct span body = span_first(span_from(span_str(BODY), (size_t)a.offset), a.max);
		smtp_client_body(t->c, body);
		a = smtp_client_next(t->c);
	}
	if (a.kind == SMTP_FAIL && kind != SMTP_FAIL) {
		fail_msg("failed: %s", a.err->text);
	}
	assert_int_equal(a.kind, kind);
	return a;
}

static void writes(struct talk *t, const char *text)
{
	struct smtp_action a = wants(t, SMTP_WRITE);

	assert_int_equal(a.data.size, strlen(text));
	assert_memory_equal(a.data.data, text, a.data.size);
	smtp_client_wrote(t->c);
}

static void fails(struct talk *t, enum cause cause, const char *text)
{
	struct smtp_action a = wants(t, SMTP_FAIL);

	assert_int_equal(a.err->cause, cause);
	assert_non_null(strstr(a.err->text, text));
}

static void lose(struct talk *t)
{
	struct err e;

	err_set(&e, CAUSE_LOST, "connection reset");
	smtp_client_lost(t->c, &e);
}

#define EHLO "EHLO client.test\r\n"
#define ENVELOPE "MAIL FROM:<joe@client.test>\r\nRCPT TO:<ann@server.test>\r\n"
#define CHUNK "BDAT 21 LAST\r\n" BODY

static void up_to_ehlo(struct talk *t, const char *caps)
{
	begin(t);
	say(t, "220 hi\r\n");
	writes(t, EHLO);
	say(t, caps);
}

/* -- the rules ------------------------------------------------------------------------- */

static void rule_1_no_command_before_the_greeting(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	begin(&t);
	wants(&t, SMTP_READ);
	say(&t, "220-hello\r\n");
	wants(&t, SMTP_READ);
	say(&t, "220 wor");
	wants(&t, SMTP_READ);
	say(&t, "ld\r\n");
	writes(&t, EHLO);
	assert_string_equal(smtp_client_greeting(t.c), "220 hello world");
	smtp_client_free(t.c);
}

static void rule_2_a_reply_nobody_asked_for_is_fatal(void **state)
{
	static const struct {
		const char *reply;
		enum cause cause;
	} cases[] = {
		{ "250 hello\r\n", CAUSE_PROTOCOL },
		{ "450 hello\r\n", CAUSE_PROTOCOL },
		{ "hello\r\n", CAUSE_PROTOCOL },
		{ "421 goodbye\r\n", CAUSE_TEMP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct talk t;
		start(&t, SMTP_NO_TLS);
		t.txn.is_last = false;
		up_to_ehlo(&t, "250-a\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
		writes(&t, ENVELOPE CHUNK);
		say(&t, "250 a\r\n250 b\r\n250 c\r\n");
		wants(&t, SMTP_IDLE);
		say(&t, cases[i].reply);
		fails(&t, cases[i].cause, "hello" + (i == 3 ? 5 : 0));
		assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_ACCEPTED);
		smtp_client_free(t.c);
	}
}

static void rule_3_bytes_before_tls_are_fatal(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct talk t;
		start(&t, i == 0 ? SMTP_IMPLICIT_TLS : SMTP_STARTTLS);
		begin(&t);
		if (i > 0) {
			say(&t, "220 hi\r\n");
			writes(&t, EHLO);
			say(&t, "250 STARTTLS\r\n");
			fails(&t, CAUSE_TLS, "does not offer STARTTLS") if (0);
		}
		smtp_client_free(t.c);
	}
}
