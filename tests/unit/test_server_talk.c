/* SPDX-License-Identifier: ISC */
/* Our client speaks to our server: what it submits must come out as it went in. */
#include "unit.h"

#include "base/mem.h"
#include "served.h"

struct talk {
	struct smtp_client *client;
	struct served server;
	size_t answered;	/* bytes of server.out that the client has */
	size_t piece;		/* both get at most so many bytes at once; 0 = all */
	const char *text;	/* of every message */
	struct smtp_txn *next;	/* those to be submitted when asked */
	unsigned left, writes, settled;
};

/* False when the server has hung up. */
static bool read_answers(struct talk *t)
{
	struct span rest = span_from(buf_span(&t->server.out), t->answered);

	if (rest.size == 0) {
		return false;
	}
	rest = span_first(rest, t->piece > 0 ? t->piece : rest.size);
	t->answered += rest.size;
	smtp_client_feed(t->client, rest);
	return true;
}

/* Up to DONE. */
static void run(struct talk *t)
{
	for (;;) {
		struct smtp_action a = smtp_client_next(t->client);
		switch (a.kind) {
		case SMTP_WRITE:
			t->writes++;
			served_feed(&t->server, a.data, t->piece);
			smtp_client_wrote(t->client);
			break;
		case SMTP_READ:
			assert_true(read_answers(t));
			break;
		case SMTP_BODY:
			smtp_client_body(t->client,
					 span_first(span_from(span_str(t->text),
							      (size_t)a.offset), a.max));
			break;
		case SMTP_SETTLED:
			t->settled++;
			break;
		case SMTP_NEXT:
		case SMTP_IDLE:
			if (t->left > 0) {
				t->left--;
				smtp_client_submit(t->client, t->next++);
			} else {
				smtp_client_quit(t->client);
			}
			break;
		case SMTP_DONE:
			return;
		case SMTP_FAIL:
			fail_msg("%s", a.err->text);
			break;
		case SMTP_TLS:
		case SMTP_AUTH:
		case SMTP_STEP:
		case SMTP_VERIFY:
		case SMTP_ADAPT:
			fail();
		}
	}
}

static void start(struct talk *t, const struct smtp_server_options *options, unsigned avoid)
{
	const struct smtp_options client = { .ehlo_name = "client.test", .eager_max = 1000000,
					     .avoid = avoid, .in_flight_max = 5 };

	*t = (struct talk){ .client = smtp_client_new(&client) };
	served_init(&t->server, options);
	served_run(&t->server);
}

static void end(struct talk *t)
{
	smtp_client_free(t->client);
	served_clear(&t->server);
}

static const char message[] = "Subject: dots\r\n\r\n.\r\n..\r\nQUIT\r\n.x\r\ntext\r\n";

static void envelope_and_message_arrive(void **state)
{
	static const struct smtp_server_options options = { .host = "host.test", .is_socket = true,
							    .size_limit = 1000 };
	static const unsigned avoids[] = { 0, SMTP_AVOID_CHUNKING, SMTP_AVOID_PIPELINING,
					   SMTP_AVOID_CHUNKING | SMTP_AVOID_PIPELINING };

	(void)state;
	for (size_t i = 0; i < 4 * 4; i++) {
		struct smtp_rcpt rcpts[] = { { .addr = "ann@b.test", .orcpt = "rfc822;a+b@b.test" },
					     { .addr = "\"a b\"@[192.0.2.1]" },
					     { .addr = "j\303\266rg@b\303\274.test" } };
		struct smtp_txn txn = { .sender = "joe@a.test", .rcpts = rcpts, .rcpt_count = 3,
					.size = sizeof(message) - 1, .is_8bit = true,
					.notify = SMTP_NOTIFY_DELAY | SMTP_NOTIFY_SUCCESS,
					.ret = SMTP_RET_HDRS, .envid = "id 1+2" };
		struct talk t;
		start(&t, &options, avoids[i % 4]);
		t.piece = i / 4 * 3;
		t.text = message;
		smtp_client_submit(t.client, &txn);
		run(&t);
		assert_int_equal(t.server.ends, 1);
		assert_string_equal(t.server.data.data, message);
		assert_memory_equal(t.server.events.data,
				    "=begin <joe@a.test> 8bit utf8 size=40 ret=hdrs envid=id 1+2 "
				    "ehlo=client.test\n"
				    "=rcpt <ann@b.test> notify=success,delay "
				    "orcpt=rfc822;a+b@b.test\n"
				    "=rcpt <\"a b\"@[192.0.2.1]> notify=success,delay\n"
				    "=rcpt <j\303\266rg@b\303\274.test> notify=success,delay\n", 219);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(rcpts[k].outcome.verdict, VERDICT_ACCEPTED);
			assert_string_equal(rcpts[k].outcome.text, "250 2.0.0 Ok: queued as ID1");
		}
		/* QUIT rides along. */
		assert_true(avoids[i % 4] || t.writes == 2);
		assert_int_equal(t.server.last.how, SERVER_QUIT);
		end(&t);
	}
}

static void refusals_arrive(void **state)
{
	static const struct smtp_server_options options = { .host = "host.test", .is_socket = true };
	static struct reaction reactions[3] = { { .at = REACT_BEGIN, .nth = 1 },
						{ .at = REACT_DATA, .nth = 1 },
						{ .at = REACT_END, .nth = 1 } };

	(void)state;
	for (unsigned i = 0; i < 3 * 2 * 2; i++) {
		bool is_final = i / 3 % 2;
		struct smtp_rcpt rcpt = { .addr = "ann@b.test" };
		struct smtp_txn txn = { .sender = "joe@a.test", .rcpts = &rcpt, .rcpt_count = 1,
					.size = sizeof(message) - 1 };
		struct talk t;
		smtp_answer_set(&reactions[i % 3].answer,
				is_final ? VERDICT_PERMANENT : VERDICT_TEMPORARY,
				is_final ? 550 : 451, is_final ? "5.7.1" : "4.3.0", "not now");
		start(&t, &options, i / 6 ? SMTP_AVOID_CHUNKING : 0);
		t.server.reactions = &reactions[i % 3];
		t.server.reaction_count = 1;
		t.text = message;
		smtp_client_submit(t.client, &txn);
		run(&t);
		assert_int_equal(rcpt.outcome.verdict,
				 is_final ? VERDICT_PERMANENT : VERDICT_TEMPORARY);
		assert_int_equal(rcpt.outcome.code, is_final ? 550 : 451);
		assert_string_equal(rcpt.outcome.enhanced, is_final ? "5.7.1" : "4.3.0");
		end(&t);
	}
}

/* With rcpts_max the server takes so many of them, and the rest in another transaction. */
static void many_messages_in_flight(void **state)
{
	enum { MESSAGES = 40, RCPTS = 250 };
	static const unsigned maxima[] = { 0, 200, RCPTS };
	static struct smtp_rcpt rcpts[MESSAGES][RCPTS];
	static struct smtp_txn txns[MESSAGES];

	(void)state;
	for (size_t i = 0; i < 3 * 3; i++) {
		const struct smtp_server_options options = {
			.host = "host.test", .is_socket = true, .rcpts_max = maxima[i % 3]
		};
		struct talk t;
		start(&t, &options, 0);
		t.text = message;
		t.piece = i / 3 * 500;
		t.next = txns;
		t.left = MESSAGES;
		for (int n = 0; n < MESSAGES; n++) {
			txns[n] = (struct smtp_txn){ .sender = "", .rcpts = rcpts[n],
						     .rcpt_count = RCPTS,
						     .size = sizeof(message) - 1 };
			for (int k = 0; k < RCPTS; k++) {
				rcpts[n][k] = (struct smtp_rcpt){ .addr = "ann@b.test" };
			}
		}
		run(&t);
		assert_int_equal(t.settled, MESSAGES);
		assert_int_equal(t.server.ends, maxima[i % 3] == 200 ? 2 * MESSAGES : MESSAGES);
		for (int n = 0; n < MESSAGES * RCPTS; n++) {
			assert_int_equal(rcpts[n / RCPTS][n % RCPTS].outcome.verdict,
					 VERDICT_ACCEPTED);
		}
		end(&t);
	}
}

static void a_large_message_arrives(void **state)
{
	static const struct smtp_server_options options = { .host = "host.test", .is_socket = true };
	enum { LINES = 200000 };
	BUF_AUTO struct buf text;

	(void)state;
	buf_init(&text, 32 << 20);
	for (int i = 0; i < LINES; i++) {
		assert_true(buf_printf(&text, "%.*s line %d of a message\r\n", i % 4, "...", i));
	}
	for (unsigned avoid = 0; avoid <= SMTP_AVOID_CHUNKING; avoid += SMTP_AVOID_CHUNKING) {
		struct smtp_rcpt rcpt = { .addr = "ann@b.test" };
		struct smtp_txn txn = { .sender = "joe@a.test", .rcpts = &rcpt, .rcpt_count = 1,
					.size = text.size };
		struct talk t;
		start(&t, &options, avoid);
		t.text = text.data;
		smtp_client_submit(t.client, &txn);
		run(&t);
		assert_int_equal(rcpt.outcome.verdict, VERDICT_ACCEPTED);
		assert_int_equal(t.server.data.size, text.size);
		assert_memory_equal(t.server.data.data, text.data, text.size);
		end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelope_and_message_arrive),
		cmocka_unit_test(refusals_arrive),
		cmocka_unit_test(many_messages_in_flight),
		cmocka_unit_test(a_large_message_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
