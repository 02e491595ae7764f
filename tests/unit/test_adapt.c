/* SPDX-License-Identifier: ISC */
/* adapt: a transaction in memory.  From queue files, and large ones: tests/e2e. */
#include "unit.h"

#include "app/adapt.h"
#include "base/text.h"
#include "mail/header.h"

#define TEXT "gr\xc3\xbc\xc3\x9f\r\n"
#define PLAIN "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
#define SIGNED "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n"

enum { RCPTS = 4 };

struct job {
	struct message message;
	struct smtp_rcpt rcpts[RCPTS];
	struct session_job job;
};

static void start(struct job *j, const char *header, const char *body)
{
	static const char *const addrs[RCPTS] = { "ann@mail.test", "joe@bücher.test",
						  "jörg@bücher.test", "bad@-ü.test" };
	struct message_store nowhere = { .queue = NULL };
	struct err e;

	*j = (struct job){ .job.message = &j->message };
	message_init(&j->message);
	assert_true(buf_add_str(&j->message.header, header));
	assert_true(message_put(&j->message, span_str(body), &nowhere, &e));
	assert_true(message_put_end(&j->message, &nowhere, &e));
	j->message.is_8bit = !text_is_ascii(span_str(body));
	for (size_t i = 0; i < RCPTS; i++) {
		j->rcpts[i].addr = addrs[i];
	}
	j->job.txn = (struct smtp_txn){
		.sender = "me@bücher.test",
		.rcpts = j->rcpts,
		.rcpt_count = RCPTS,
		.size = message_size(&j->message),
		.is_8bit = j->message.is_8bit,
		.needs_smtputf8 = header_needs_smtputf8(span_str(header)),
	};
}

static void end(struct job *j)
{
	adapt_undo(&j->job);
	assert_null(j->job.adapted);
	adapt_undo(&j->job);
	assert_string_equal(j->job.txn.sender, "me@bücher.test");
	assert_string_equal(j->rcpts[1].addr, "joe@bücher.test");
	message_clear(&j->message);
}

static void expect(const struct smtp_rcpt *r, enum verdict verdict, enum cause cause,
		   const char *enhanced, const char *text)
{
	assert_int_equal(r->outcome.verdict, verdict);
	assert_int_equal(r->outcome.cause, cause);
	assert_string_equal(r->outcome.enhanced, enhanced);
	assert_non_null(strstr(r->outcome.text, text));
}

static void addresses_become_ascii_and_come_back(void **state)
{
	struct job j;

	(void)state;
	start(&j, "Subject: x\r\n", "ASCII\r\n");
	adapt_job(&j.job, SMTP_ADAPT_ASCII);
	assert_string_equal(j.job.txn.sender, "me@xn--bcher-kva.test");
	assert_string_equal(j.rcpts[0].addr, "ann@mail.test");
	assert_string_equal(j.rcpts[1].addr, "joe@xn--bcher-kva.test");
	/* The engine refuses this one. */
	assert_string_equal(j.rcpts[2].addr, "jörg@bücher.test");
	assert_int_equal(j.rcpts[2].outcome.verdict, VERDICT_UNTRIED);
	assert_string_equal(j.rcpts[3].addr, "bad@-ü.test");
	expect(&j.rcpts[3], VERDICT_PERMANENT, CAUSE_DATA, "5.6.7", "-ü.test is not valid");
	assert_int_equal(j.job.txn.size, strlen("Subject: x\r\n\r\nASCII\r\n"));
	end(&j);
}

static void only_what_is_asked_for_is_done(void **state)
{
	struct job j;

	(void)state;
	start(&j, PLAIN "To: a@bücher.test\r\n", TEXT);
	adapt_job(&j.job, SMTP_ADAPT_7BIT);
	assert_string_equal(j.job.txn.sender, "me@bücher.test");
	assert_int_equal(j.rcpts[3].outcome.verdict, VERDICT_UNTRIED);
	assert_true(j.job.txn.needs_smtputf8);
	assert_true(text_is_ascii(buf_span(&j.message.body)));
	end(&j);

	start(&j, PLAIN "To: a@bücher.test\r\n", TEXT);
	adapt_job(&j.job, SMTP_ADAPT_ASCII);
	assert_false(j.job.txn.needs_smtputf8);
	assert_true(j.job.txn.is_8bit);
	assert_string_equal(j.message.header.data, PLAIN "To: a@xn--bcher-kva.test\r\n");
	assert_string_equal(j.message.body.data, TEXT);
	assert_int_equal(j.job.txn.size, message_size(&j.message));
	end(&j);
}

static void both_at_once(void **state)
{
	struct job j;

	(void)state;
	start(&j, PLAIN "To: a@bücher.test\r\n", TEXT);
	adapt_job(&j.job, SMTP_ADAPT_7BIT | SMTP_ADAPT_ASCII);
	assert_false(j.job.txn.needs_smtputf8 || j.job.txn.is_8bit);
	assert_non_null(strstr(j.message.header.data, "To: a@xn--bcher-kva.test\r\n"));
	assert_true(text_is_ascii(buf_span(&j.message.body)));
	assert_int_equal(j.job.txn.size, message_size(&j.message));
	end(&j);
}

static void what_cannot_become_7bit_is_refused_for_all(void **state)
{
	static const char body[] = "--b\r\n\r\n" TEXT "--b--\r\n";
	struct job j;

	(void)state;
	start(&j, SIGNED, body);
	j.rcpts[0].outcome.verdict = VERDICT_ACCEPTED;
	adapt_job(&j.job, SMTP_ADAPT_7BIT);
	assert_int_equal(j.rcpts[0].outcome.verdict, VERDICT_ACCEPTED);
	for (size_t i = 1; i < RCPTS; i++) {
		expect(&j.rcpts[i], VERDICT_PERMANENT, CAUSE_DATA, "5.6.3", "8BITMIME");
	}
	assert_string_equal(j.message.body.data, body);
	end(&j);
}

static void a_header_that_cannot_be_ascii_is_refused_for_all(void **state)
{
	struct job j;

	(void)state;
	start(&j, PLAIN "Cc: jörg@mail.test\r\n", TEXT);
	adapt_job(&j.job, SMTP_ADAPT_7BIT | SMTP_ADAPT_ASCII);
	expect(&j.rcpts[0], VERDICT_PERMANENT, CAUSE_DATA, "5.6.7", "Cc: jörg@mail.test");
	assert_true(j.job.txn.needs_smtputf8);
	assert_string_equal(j.message.body.data, TEXT);
	end(&j);
}

static void nothing_is_converted_for_nobody(void **state)
{
	struct job j;

	(void)state;
	start(&j, PLAIN, TEXT);
	j.job.txn.sender = "jörg@mail.test";
	adapt_job(&j.job, SMTP_ADAPT_7BIT | SMTP_ADAPT_ASCII);
	assert_string_equal(j.message.body.data, TEXT);
	assert_int_equal(j.rcpts[0].outcome.verdict, VERDICT_UNTRIED);
	adapt_undo(&j.job);
	j.job.txn.sender = "me@bücher.test";
	end(&j);

	start(&j, PLAIN, TEXT);
	j.rcpts[0].outcome.verdict = j.rcpts[1].outcome.verdict = VERDICT_PERMANENT;
	adapt_job(&j.job, SMTP_ADAPT_7BIT | SMTP_ADAPT_ASCII);
	assert_string_equal(j.message.body.data, TEXT);
	end(&j);
}

static void a_large_one_stays_out_of_memory(void **state)
{
	enum { LINES = 40000 };
	BUF_AUTO struct buf body;
	struct span bytes;
	struct err e;
	struct job j;

	(void)state;
	buf_init(&body, LINES * sizeof(TEXT));
	for (size_t i = 0; i < LINES; i++) {
		assert_true(buf_add_str(&body, TEXT));
	}
	start(&j, PLAIN "To: a@bücher.test\r\n", body.data);
	adapt_job(&j.job, SMTP_ADAPT_7BIT | SMTP_ADAPT_ASCII);
	assert_int_equal(j.rcpts[0].outcome.verdict, VERDICT_UNTRIED);
	assert_true(j.message.fd >= 0 && j.message.body.room < 2u << 20);
	for (unsigned long long at = 0; at < j.job.txn.size; at += bytes.size) {
		assert_true(message_read(&j.message, at, 100000, &bytes, &e));
		assert_true(text_is_ascii(bytes));
	}
	end(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_become_ascii_and_come_back),
		cmocka_unit_test(only_what_is_asked_for_is_done),
		cmocka_unit_test(both_at_once),
		cmocka_unit_test(what_cannot_become_7bit_is_refused_for_all),
		cmocka_unit_test(a_header_that_cannot_be_ascii_is_refused_for_all),
		cmocka_unit_test(nothing_is_converted_for_nobody),
		cmocka_unit_test(a_large_one_stays_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
