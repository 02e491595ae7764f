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
		fails(&t, cases[i].cause, i == 3 ? "goodbye" : "hello");
		assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_ACCEPTED);
		smtp_client_free(t.c);
	}
}

static void rule_3_bytes_before_tls_are_fatal(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_IMPLICIT_TLS);
	begin(&t);
	wants(&t, SMTP_TLS);
	say(&t, "2");
	fails(&t, CAUSE_TLS, "tampers");
	smtp_client_free(t.c);

	/* Behind the 220 of STARTTLS, at once or while the handshake is being made. */
	for (int i = 0; i < 2; i++) {
		start(&t, SMTP_STARTTLS);
		up_to_ehlo(&t, "250-a\r\n250 STARTTLS\r\n");
		writes(&t, "STARTTLS\r\n");
		say(&t, i == 0 ? "220 go\r\n250 AUTH PLAIN\r\n" : "220 go\r\n");
		if (i == 1) {
			wants(&t, SMTP_TLS);
			say(&t, "\n");
			smtp_client_tls_done(t.c);
		}
		fails(&t, CAUSE_TLS, "tampers");
		assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_TEMPORARY);
		smtp_client_free(t.c);
	}
}

static void rule_4_what_ehlo_said_before_tls_is_forgotten(void **state)
{
	static const struct smtp_caps none;
	struct talk t;

	(void)state;
	start(&t, SMTP_STARTTLS);
	up_to_ehlo(&t, "250-a\r\n250-SIZE 5\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n");
	writes(&t, "STARTTLS\r\n");
	assert_true(smtp_client_caps(t.c)->auth);
	say(&t, "220 go\r\n");
	wants(&t, SMTP_TLS);
	smtp_client_tls_done(t.c);
	assert_memory_equal(smtp_client_caps(t.c), &none, sizeof(none));
	writes(&t, EHLO);
	say(&t, "250 a\r\n");
	writes(&t, "MAIL FROM:<joe@client.test>\r\n");
	smtp_client_free(t.c);
}

static void rule_5_no_login_without_tls(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	t.options.use_auth = true;
	up_to_ehlo(&t, "250-a\r\n250 AUTH PLAIN\r\n");
	writes(&t, "QUIT\r\n");
	fails(&t, CAUSE_AUTH, "no TLS");
	smtp_client_free(t.c);

	start(&t, SMTP_NO_TLS);
	t.options.use_auth = t.options.allow_cleartext_auth = true;
	up_to_ehlo(&t, "250-a\r\n250 AUTH PLAIN\r\n");
	struct smtp_action a = wants(&t, SMTP_AUTH);
	assert_false(a.is_tls);
	assert_string_equal(a.caps->mechanisms, "PLAIN");
	smtp_client_free(t.c);
}

/* TLS, EHLO, and AUTH PLAIN chosen. */
static void up_to_login(struct talk *t, const char *caps)
{
	struct span initial = span_of("\0joe\0secret", 11);

	t->options.use_auth = true;
	begin(t);
	wants(t, SMTP_TLS);
	smtp_client_tls_done(t->c);
	say(t, "220 hi\r\n");
	writes(t, EHLO);
	say(t, caps);
	assert_true(wants(t, SMTP_AUTH).is_tls);
	smtp_client_auth(t->c, "PLAIN", &initial, true);
}

#define ALL "250-a\r\n250-PIPELINING\r\n250-AUTH PLAIN\r\n250 CHUNKING\r\n"
#define LOGIN "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"

static void rule_6_every_reply_of_a_group_is_read(void **state)
{
	static const char *const replies[] = { "535 no\r\n", "530 no\r\n", "503 no\r\n" };
	struct talk t;

	(void)state;
	start(&t, SMTP_IMPLICIT_TLS);
	up_to_login(&t, ALL);
	writes(&t, LOGIN ENVELOPE CHUNK "QUIT\r\n");
	for (int i = 0; i < 3; i++) {
		wants(&t, SMTP_READ);
		say(&t, replies[i]);
	}
	wants(&t, SMTP_READ);
	say(&t, "503 no\r\n");
	fails(&t, CAUSE_AUTH, "AUTH: 535 no");
	smtp_client_free(t.c);
}

static void rule_7_a_lone_dot_when_nobody_was_accepted(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	up_to_ehlo(&t, "250-a\r\n250 PIPELINING\r\n");
	writes(&t, ENVELOPE "DATA\r\n");
	say(&t, "250 a\r\n450 later\r\n354 go\r\n");
	writes(&t, ".\r\nQUIT\r\n");
	say(&t, "250 delivered\r\n");
	wants(&t, SMTP_DONE);
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_TEMPORARY);
	assert_int_equal(t.rcpts[0].outcome.code, 450);
	smtp_client_free(t.c);
}

static void rule_8_a_loss_after_end_of_data_is_unknown(void **state)
{
	static const struct {
		const char *replies;
		bool is_written;
		enum verdict verdict;
	} cases[] = {
		{ "", true, VERDICT_UNKNOWN },
		{ "250 a\r\n250 b\r\n", true, VERDICT_UNKNOWN },
		{ "250 a\r\n250 b\r\n25", true, VERDICT_UNKNOWN },
		/* Perhaps the write got through before it failed. */
		{ "", false, VERDICT_UNKNOWN },
		/* These say that it was not delivered. */
		{ "550 a\r\n", true, VERDICT_PERMANENT },
		{ "250 a\r\n550 b\r\n", true, VERDICT_PERMANENT },
		{ "250 a\r\n250 b\r\n451 c\r\n", true, VERDICT_TEMPORARY },
		{ "250 a\r\n250 b\r\n250 c\r\n", true, VERDICT_ACCEPTED },
		{ "250 a\r\n250 b\r\n250 c\r\n", false, VERDICT_ACCEPTED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct talk t;
		start(&t, SMTP_NO_TLS);
		up_to_ehlo(&t, "250-a\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
		wants(&t, SMTP_WRITE);
		if (cases[i].is_written) {
			smtp_client_wrote(t.c);
		}
		say(&t, cases[i].replies);
		lose(&t);
		struct smtp_action a = smtp_client_next(t.c);
		assert_int_equal(t.rcpts[0].outcome.verdict, cases[i].verdict);
		if (cases[i].verdict == VERDICT_UNKNOWN) {
			assert_int_equal(t.rcpts[0].outcome.cause, CAUSE_UNKNOWN);
			assert_int_equal(a.kind, SMTP_FAIL);
		}
		smtp_client_free(t.c);
	}
}

static void rule_8_a_loss_before_end_of_data_is_temporary(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	up_to_ehlo(&t, "250-a\r\n250 PIPELINING\r\n");
	writes(&t, ENVELOPE "DATA\r\n");
	say(&t, "250 a\r\n250 b\r\n354 go\r\n");
	wants(&t, SMTP_BODY);
	smtp_client_body(t.c, span_str("Subj"));
	wants(&t, SMTP_BODY);
	lose(&t);
	fails(&t, CAUSE_LOST, "connection reset");
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_TEMPORARY);
	smtp_client_free(t.c);
}

static void rule_9_secrets_stand_where_they_are_announced(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_IMPLICIT_TLS);
	up_to_login(&t, ALL);
	struct smtp_action a = wants(&t, SMTP_WRITE);
	assert_int_equal(a.secret_from, strlen("AUTH PLAIN "));
	assert_int_equal(a.secret_size, strlen("AGpvZQBzZWNyZXQ="));
	const char *where = a.data.data;
	smtp_client_wrote(t.c);
	for (size_t i = 0; i < 40; i++) {
		assert_int_equal(where[i], 0);	/* wiped as soon as it is written */
	}
	/* A server that repeats what it got must not bring it into our log. */
	say(&t, "535 AGpvZQBzZWNyZXQ= is wrong\r\n530 no\r\n503 no\r\n503 no\r\n");
	fails(&t, CAUSE_AUTH, "AUTH: 535 ***************= is wrong");
	assert_null(strstr(t.rcpts[0].outcome.text, "AGpv"));
	smtp_client_free(t.c);
}

static void rule_9_login_responses_are_secret(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_IMPLICIT_TLS);
	t.options.use_auth = true;
	begin(&t);
	smtp_client_tls_done(t.c);
	say(&t, "220 hi\r\n");
	writes(&t, EHLO);
	say(&t, "250-a\r\n250 AUTH LOGIN\r\n");
	wants(&t, SMTP_AUTH);
	smtp_client_auth(t.c, "LOGIN", NULL, false);
	struct smtp_action a = wants(&t, SMTP_WRITE);
	assert_int_equal(a.secret_size, 0);
	smtp_client_wrote(t.c);
	say(&t, "334 UGFzc3dvcmQ6\r\n");
	a = wants(&t, SMTP_STEP);
	assert_memory_equal(a.data.data, "Password:", 9);
	smtp_client_auth_reply(t.c, span_str("hunter2"));
	a = wants(&t, SMTP_WRITE);
	assert_int_equal(a.secret_from, 0);
	assert_int_equal(a.secret_size, a.data.size - 2);
	smtp_client_free(t.c);
}

static void rule_10_no_line_break_from_outside_reaches_a_command(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	t.txn.rcpt_count = 2;
	t.rcpts[0].addr = "ann@server.test>\r\nRSET\r\nMAIL FROM:<x@y";
	t.txn.envid = "1\r\nRSET";
	t.rcpts[1].orcpt = "rfc822\r\n;a";
	up_to_ehlo(&t, "250-a\r\n250-PIPELINING\r\n250-DSN\r\n250 CHUNKING\r\n");
	writes(&t, "MAIL FROM:<joe@client.test> ENVID=1+0D+0ARSET\r\n"
		   "RCPT TO:<bob@server.test> ORCPT=rfc822+0D+0A;a\r\n" CHUNK "QUIT\r\n");
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_PERMANENT);
	smtp_client_free(t.c);

	/* A mechanism's name comes from the server in the end. */
	start(&t, SMTP_IMPLICIT_TLS);
	t.options.use_auth = true;
	begin(&t);
	smtp_client_tls_done(t.c);
	say(&t, "220 hi\r\n");
	writes(&t, EHLO);
	say(&t, "250-a\r\n250 AUTH LOGIN\r\n");
	wants(&t, SMTP_AUTH);
	smtp_client_auth(t.c, "LOGIN\r\nRSET", NULL, false);
	writes(&t, "QUIT\r\n");
	fails(&t, CAUSE_AUTH, "");
	smtp_client_free(t.c);
}

/* Rule 11 is what tests/transcripts is about; here one session with many cuts. */
static void rule_11_how_the_input_is_cut_does_not_matter(void **state)
{
	static const char replies[] =
		"250 a\r\n250-b\r\n250 b\r\n550-5.1.1 c\r\n550 5.1.1 d\r\n250 e\r\n";
	size_t size = sizeof(replies) - 1;

	(void)state;
	for (size_t i = 0; i < size; i++) {
		for (size_t k = i; k < size; k++) {
			struct talk t;
			start(&t, SMTP_NO_TLS);
			t.txn.rcpt_count = 2;
			up_to_ehlo(&t, "250-a\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
			writes(&t, ENVELOPE "RCPT TO:<bob@server.test>\r\n" CHUNK "QUIT\r\n");
			smtp_client_feed(t.c, span_of(replies, i));
			wants(&t, SMTP_READ);
			smtp_client_feed(t.c, span_of(replies + i, k - i));
			wants(&t, SMTP_READ);
			smtp_client_feed(t.c, span_of(replies + k, size - k));
			wants(&t, SMTP_DONE);
			assert_string_equal(t.rcpts[0].outcome.text, "250 e");
			assert_string_equal(t.rcpts[1].outcome.text, "550 5.1.1 c d");
			smtp_client_free(t.c);
		}
	}
}

/* -- bounds ---------------------------------------------------------------------------- */

static void timeouts_belong_to_the_reply_that_is_awaited(void **state)
{
	struct talk t;

	(void)state;
	for (unsigned cap = 0; cap <= 400; cap += 200) {
		start(&t, SMTP_NO_TLS);
		t.options.timeout_s = cap;
		begin(&t);
		struct smtp_action a = wants(&t, SMTP_READ), b;
		assert_int_equal(a.timeout_s, cap == 200 ? 200 : 300);
		say(&t, "220-drip\r\n");
		b = wants(&t, SMTP_READ);
		assert_true(a.reply_no == b.reply_no);
		say(&t, "220 drop\r\n");
		writes(&t, EHLO);
		b = wants(&t, SMTP_READ);
		assert_true(a.reply_no != b.reply_no);
		say(&t, "250-a\r\n250 PIPELINING\r\n");
		writes(&t, ENVELOPE "DATA\r\n");
		say(&t, "250 a\r\n250 b\r\n");
		assert_int_equal(wants(&t, SMTP_READ).timeout_s, 120);
		say(&t, "354 go\r\n");
		a = wants(&t, SMTP_WRITE);
		assert_int_equal(a.timeout_s, 180);
		smtp_client_wrote(t.c);
		a = wants(&t, SMTP_READ);
		assert_int_equal(a.timeout_s, cap == 0 ? 600 : cap);
		smtp_client_free(t.c);
	}
}

static void a_flood_ends_the_session(void **state)
{
	char *lines = malloc(70000);
	struct talk t;
	size_t fed = 0;

	(void)state;
	assert_non_null(lines);
	for (size_t i = 0; i < 70000; i += 7) {
		memcpy(lines + i, "250-x\r\n", 7);
	}
	start(&t, SMTP_NO_TLS);
	begin(&t);
	smtp_client_feed(t.c, span_of(lines, 70000));
	fails(&t, CAUSE_PROTOCOL, "too many lines");
	smtp_client_free(t.c);

	/* One that never ends its line, while nobody listens. */
	memset(lines, 'x', 70000);
	start(&t, SMTP_NO_TLS);
	begin(&t);
	while (fed < 100 * 70000) {
		smtp_client_feed(t.c, span_of(lines, 70000));
		fed += 70000;
	}
	fails(&t, CAUSE_PROTOCOL, "floods");
	smtp_client_free(t.c);
	free(lines);
}

/* 20 KB for each of many recipients: a dialogue that is never wrong, but too long. */
static void the_whole_dialogue_is_bounded(void **state)
{
	enum { COUNT = 60 };
	struct smtp_rcpt rcpts[COUNT] = { { 0 } };
	char *reply = malloc(20000);
	struct talk t;

	(void)state;
	assert_non_null(reply);
	for (size_t i = 0; i < COUNT; i++) {
		rcpts[i].addr = "ann@server.test";
	}
	start(&t, SMTP_NO_TLS);
	t.txn.rcpts = rcpts;
	t.txn.rcpt_count = COUNT;
	up_to_ehlo(&t, "250-a\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	wants(&t, SMTP_WRITE);
	smtp_client_wrote(t.c);
	for (size_t i = 0; i < 20000; i += 100) {
		memset(reply + i, 'x', 100);
		memcpy(reply + i, "250-", 4);
		memcpy(reply + i + 98, "\r\n", 2);
	}
	memcpy(reply + 19900, "250 ", 4);
	struct smtp_action a = { .kind = SMTP_READ };
	for (size_t i = 0; i < COUNT + 2 && a.kind == SMTP_READ; i++) {
		smtp_client_feed(t.c, span_of(reply, 20000));
		a = smtp_client_next(t.c);
	}
	assert_int_equal(a.kind, SMTP_FAIL);
	assert_non_null(strstr(a.err->text, "too long"));
	smtp_client_free(t.c);
	free(reply);
}

static void a_login_that_is_too_long_is_not_sent(void **state)
{
	char *token = calloc(1, 20000);
	struct talk t;

	(void)state;
	assert_non_null(token);
	start(&t, SMTP_IMPLICIT_TLS);
	t.options.use_auth = true;
	begin(&t);
	smtp_client_tls_done(t.c);
	say(&t, "220 hi\r\n");
	writes(&t, EHLO);
	say(&t, ALL);
	wants(&t, SMTP_AUTH);
	struct span initial = span_of(token, 20000);
	smtp_client_auth(t.c, "PLAIN", &initial, true);
	writes(&t, "QUIT\r\n");
	fails(&t, CAUSE_AUTH, "too long");
	smtp_client_free(t.c);
	free(token);
}

static void a_login_without_end_is_given_up(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_IMPLICIT_TLS);
	t.options.use_auth = true;
	begin(&t);
	smtp_client_tls_done(t.c);
	say(&t, "220 hi\r\n");
	writes(&t, EHLO);
	say(&t, "250-a\r\n250 AUTH LOGIN\r\n");
	wants(&t, SMTP_AUTH);
	smtp_client_auth(t.c, "LOGIN", NULL, false);
	writes(&t, "AUTH LOGIN\r\n");
	for (int i = 0; i < 32; i++) {
		say(&t, "334 eA==\r\n");
		wants(&t, SMTP_STEP);
		smtp_client_auth_reply(t.c, span_str("y"));
		writes(&t, "eQ==\r\n");
	}
	say(&t, "334 eA==\r\n");
	writes(&t, "*\r\n");
	say(&t, "501 cancelled\r\n");
	writes(&t, "QUIT\r\n");
	fails(&t, CAUSE_PROTOCOL, "never stops");
	smtp_client_free(t.c);
}

/* A server in memory that accepts everything, and the most that was in flight. */
struct yes {
	struct buf in, out;
	size_t skip;		/* of a BDAT */
	size_t messages, rcpts, flights, most;
};

static void answer(struct yes *s, const char *reply)
{
	assert_true(buf_add_str(&s->out, reply));
}

static void serve(struct yes *s, struct span bytes)
{
	size_t at = 0;

	assert_true(buf_add_span(&s->in, bytes));
	for (;;) {
		size_t skip = s->skip < s->in.size - at ? s->skip : s->in.size - at;
		at += skip;
		s->skip -= skip;
		const char *line = s->in.data + at;
		const char *end = memchr(line, '\n', s->in.size - at);
		if (!end) {
			break;
		}
		at += (size_t)(end - line) + 1;
		if (strncmp(line, "EHLO", 4) == 0) {
			answer(s, "250-a\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
		} else if (strncmp(line, "BDAT", 4) == 0) {
			s->skip = strtoul(line + 5, NULL, 10);
			s->messages++;
			answer(s, "250 2.0.0 queued\r\n");
		} else {
			s->rcpts += strncmp(line, "RCPT", 4) == 0;
			answer(s, "250 ok\r\n");
		}
	}
	s->most = bytes.size > s->most ? bytes.size : s->most;
	s->flights++;
	buf_drop(&s->in, at);
}

static void a_hundred_thousand_recipients_in_bounded_memory(void **state)
{
	enum { COUNT = 100000 };
	struct smtp_rcpt *rcpts = calloc(COUNT, sizeof(*rcpts));
	struct smtp_action a;
	struct talk t;
	struct yes s = { 0 };

	(void)state;
	assert_non_null(rcpts);
	buf_init(&s.in, 1 << 20);
	buf_init(&s.out, 1 << 20);
	for (size_t i = 0; i < COUNT; i++) {
		rcpts[i].addr = "somebody.with.a.name@some.server.test";
	}
	start(&t, SMTP_NO_TLS);
	t.txn.rcpts = rcpts;
	t.txn.rcpt_count = COUNT;
	begin(&t);
	answer(&s, "220 hi\r\n");
	while ((a = smtp_client_next(t.c)).kind != SMTP_DONE) {
		if (a.kind == SMTP_WRITE) {
			serve(&s, a.data);
			smtp_client_wrote(t.c);
		} else if (a.kind == SMTP_BODY) {
			smtp_client_body(t.c, span_first(span_str(BODY), a.max));
		} else {
			assert_int_equal(a.kind, SMTP_READ);
			struct span some = span_first(buf_span(&s.out), 65536);
			assert_true(some.size > 0);
			smtp_client_feed(t.c, some);
			buf_drop(&s.out, some.size);
		}
	}
	assert_int_equal(s.rcpts, COUNT);
	assert_int_equal(s.messages, 1);
	assert_in_range(s.most, 50000, 65000);
	assert_in_range(s.flights, 50, 120);
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(rcpts[i].outcome.verdict, VERDICT_ACCEPTED);
	}
	smtp_client_free(t.c);
	buf_clear(&s.in);
	buf_clear(&s.out);
	free(rcpts);
}

/* -- the interface --------------------------------------------------------------------- */

static void recipients_that_are_settled_are_left_alone(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	t.txn.rcpt_count = 3;
	t.rcpts[0].outcome.verdict = VERDICT_ACCEPTED;
	t.rcpts[1].outcome.verdict = VERDICT_UNKNOWN;
	t.rcpts[2].outcome.verdict = VERDICT_PERMANENT;
	up_to_ehlo(&t, "250-a\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	writes(&t, "MAIL FROM:<joe@client.test>\r\nRCPT TO:<bob@server.test>\r\n" CHUNK
		   "QUIT\r\n");
	say(&t, "250 a\r\n250 b\r\n451 c\r\n");
	wants(&t, SMTP_DONE);
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_ACCEPTED);
	assert_int_equal(t.rcpts[1].outcome.verdict, VERDICT_TEMPORARY);
	assert_int_equal(t.rcpts[2].outcome.verdict, VERDICT_PERMANENT);
	smtp_client_free(t.c);

	start(&t, SMTP_NO_TLS);
	t.rcpts[0].outcome.verdict = VERDICT_ACCEPTED;
	up_to_ehlo(&t, "250 a\r\n");
	writes(&t, "QUIT\r\n");
	wants(&t, SMTP_DONE);
	smtp_client_free(t.c);
}

static void replies_that_come_during_a_write_are_not_lost(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	up_to_ehlo(&t, "250-a\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	wants(&t, SMTP_WRITE);
	say(&t, "250 a\r\n25");
	wants(&t, SMTP_WRITE);	/* still the same */
	say(&t, "0 b\r\n");
	smtp_client_wrote(t.c);
	wants(&t, SMTP_READ);
	say(&t, "250 c\r\n");
	wants(&t, SMTP_DONE);
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_ACCEPTED);
	smtp_client_free(t.c);
}

static void an_empty_message(void **state)
{
	static const char *const data[] = { ".\r\n", "BDAT 0 LAST\r\n" };
	struct talk t;

	(void)state;
	for (int i = 0; i < 2; i++) {
		start(&t, SMTP_NO_TLS);
		t.txn.size = 0;
		t.txn.is_last = false;
		up_to_ehlo(&t, i == 0 ? "250 a\r\n" : "250-a\r\n250 CHUNKING\r\n");
		writes(&t, "MAIL FROM:<joe@client.test>\r\n");
		say(&t, "250 a\r\n");
		writes(&t, "RCPT TO:<ann@server.test>\r\n");
		say(&t, "250 a\r\n");
		if (i == 0) {
			writes(&t, "DATA\r\n");
			say(&t, "354 go\r\n");
		}
		writes(&t, data[i]);
		say(&t, "250 a\r\n");
		wants(&t, SMTP_IDLE);
		assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_ACCEPTED);
		smtp_client_free(t.c);
	}
}

static void after_the_end_nothing_happens(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	begin(&t);
	lose(&t);
	fails(&t, CAUSE_LOST, "connection reset");
	say(&t, "220 hi\r\n");
	lose(&t);
	smtp_client_quit(t.c);
	fails(&t, CAUSE_LOST, "connection reset");
	smtp_client_free(t.c);

	/* The connection breaks while our QUIT is under way: that is no failure. */
	start(&t, SMTP_NO_TLS);
	t.txn.rcpt_count = 0;
	up_to_ehlo(&t, "250 a\r\n");
	wants(&t, SMTP_WRITE);
	lose(&t);
	wants(&t, SMTP_DONE);
	smtp_client_free(t.c);
	smtp_client_free(NULL);
}

static void a_signal_is_not_the_servers_fault(void **state)
{
	struct talk t;
	struct err e;

	(void)state;
	start(&t, SMTP_IMPLICIT_TLS);
	up_to_login(&t, ALL);
	wants(&t, SMTP_WRITE);
	smtp_client_wrote(t.c);
	err_set(&e, CAUSE_SIGNAL, "terminated");
	smtp_client_lost(t.c, &e);
	struct smtp_action a = wants(&t, SMTP_FAIL);
	assert_int_equal(a.err->cause, CAUSE_SIGNAL);
	assert_int_equal(a.avoid, 0);
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_UNKNOWN);
	smtp_client_free(t.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_1_no_command_before_the_greeting),
		cmocka_unit_test(rule_2_a_reply_nobody_asked_for_is_fatal),
		cmocka_unit_test(rule_3_bytes_before_tls_are_fatal),
		cmocka_unit_test(rule_4_what_ehlo_said_before_tls_is_forgotten),
		cmocka_unit_test(rule_5_no_login_without_tls),
		cmocka_unit_test(rule_6_every_reply_of_a_group_is_read),
		cmocka_unit_test(rule_7_a_lone_dot_when_nobody_was_accepted),
		cmocka_unit_test(rule_8_a_loss_after_end_of_data_is_unknown),
		cmocka_unit_test(rule_8_a_loss_before_end_of_data_is_temporary),
		cmocka_unit_test(rule_9_secrets_stand_where_they_are_announced),
		cmocka_unit_test(rule_9_login_responses_are_secret),
		cmocka_unit_test(rule_10_no_line_break_from_outside_reaches_a_command),
		cmocka_unit_test(rule_11_how_the_input_is_cut_does_not_matter),
		cmocka_unit_test(timeouts_belong_to_the_reply_that_is_awaited),
		cmocka_unit_test(a_flood_ends_the_session),
		cmocka_unit_test(the_whole_dialogue_is_bounded),
		cmocka_unit_test(a_login_that_is_too_long_is_not_sent),
		cmocka_unit_test(a_login_without_end_is_given_up),
		cmocka_unit_test(a_hundred_thousand_recipients_in_bounded_memory),
		cmocka_unit_test(recipients_that_are_settled_are_left_alone),
		cmocka_unit_test(replies_that_come_during_a_write_are_not_lost),
		cmocka_unit_test(an_empty_message),
		cmocka_unit_test(after_the_end_nothing_happens),
		cmocka_unit_test(a_signal_is_not_the_servers_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
