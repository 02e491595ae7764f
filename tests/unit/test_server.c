/* SPDX-License-Identifier: ISC */
/* The server engine: its limits, its replies and its timeouts. */
#include "unit.h"

#include "base/mem.h"
#include "served.h"
#include "smtp/reply.h"

static const struct smtp_server_options on_pipe = { .host = "host.test" };
static const struct smtp_server_options on_socket = { .host = "host.test", .is_socket = true };

#define ENVELOPE "MAIL FROM:<joe@a.test>\r\nRCPT TO:<ann@b.test>\r\n"

/* The last line that was written. */
static void last_line_is(const struct served *d, const char *line)
{
	const char *text = d->out.data;
	size_t size = d->out.size, want = strlen(line);

	assert_true(size >= want + 2);
	assert_memory_equal(text + size - want - 2, line, want);
	assert_memory_equal(text + size - 2, "\r\n", 2);
	assert_true(size == want + 2 || text[size - want - 3] == '\n');
}

static size_t count_lines(const struct buf *b, const char *start)
{
	size_t count = 0;

	for (const char *p = b->data; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		count += strncmp(p, start, strlen(start)) == 0;
	}
	return count;
}

/* -- limits ---------------------------------------------------------------------------- */

static void ten_thousand_recipients_in_one_group(void **state)
{
	enum { COUNT = 10000 };
	BUF_AUTO struct buf group;
	struct served d;

	(void)state;
	buf_init(&group, 1 << 20);
	assert_true(buf_add_str(&group, "EHLO a.test\r\nMAIL FROM:<joe@a.test>\r\n"));
	for (int i = 0; i < COUNT; i++) {
		assert_true(buf_printf(&group, "RCPT TO:<r%d@b.test> NOTIFY=FAILURE\r\n", i));
	}
	assert_true(buf_add_str(&group, "DATA\r\n"));
	served_init(&d, &on_socket);
	served_feed(&d, buf_span(&group), 0);
	assert_non_null(strstr(d.events.data, "=rcpts 10000\n"));
	assert_int_equal(count_lines(&d.out, "250 2.1.5 Ok"), COUNT);
	last_line_is(&d, "354 send the message; a line with a single dot ends it");
	served_say(&d, "x\r\n.\r\n");
	last_line_is(&d, "250 2.0.0 Ok: queued as ID1");
	served_clear(&d);
}

static void recipients_come_to_the_caller_in_order(void **state)
{
	struct smtp_server *s = smtp_server_new(&on_pipe);
	struct smtp_server_action a;

	(void)state;
	a = smtp_server_next(s);
	assert_int_equal(a.kind, SERVER_WRITE);
	smtp_server_wrote(s);
	assert_int_equal(smtp_server_next(s).kind, SERVER_READ);
	smtp_server_feed(s, span_str("MAIL FROM:<>\n"));
	for (int i = 0; i < 1000; i++) {
		char line[64];
		while ((a = smtp_server_next(s)).kind == SERVER_WRITE) {
			smtp_server_wrote(s);
		}
		snprintf(line, sizeof(line), "RCPT TO:<r%d@b.test>\n", i);
		smtp_server_feed(s, span_str(line));
	}
	while ((a = smtp_server_next(s)).kind == SERVER_WRITE) {
		smtp_server_wrote(s);
	}
	smtp_server_feed(s, span_str("DATA\n.\n"));
	a = smtp_server_next(s);
	assert_int_equal(a.kind, SERVER_BEGIN);
	assert_int_equal(a.envelope->rcpt_count, 1000);
	for (int i = 0; i < 1000; i++) {
		char addr[64];
		snprintf(addr, sizeof(addr), "r%d@b.test", i);
		assert_string_equal(a.envelope->rcpts[i].addr, addr);
	}
	assert_int_equal(smtp_server_next(s).kind, SERVER_WRITE);
	smtp_server_wrote(s);
	assert_int_equal(smtp_server_next(s).kind, SERVER_END);
	assert_int_equal(smtp_server_next(s).kind, SERVER_END);
	smtp_server_free(s);
}

static void the_envelope_is_bounded(void **state)
{
	static const char part[] = "0123456789abcdef";
	BUF_AUTO struct buf rcpt;
	struct served d;
	size_t count = 0;

	(void)state;
	/* 1,000 bytes of address and 500 of ORCPT. */
	buf_init(&rcpt, SERVER_LINE_MAX);
	assert_true(buf_add_str(&rcpt, "RCPT TO:<"));
	while (rcpt.size < 1000) {
		assert_true(buf_add_str(&rcpt, part));
	}
	assert_true(buf_add_str(&rcpt, "@b.test> ORCPT=rfc822;"));
	while (rcpt.size < 1500) {
		assert_true(buf_add_str(&rcpt, part));
	}
	assert_true(buf_add_str(&rcpt, "\r\n"));
	served_init(&d, &on_pipe);
	served_say(&d, "MAIL FROM:<>\r\n");
	do {
		buf_reset(&d.out);
		buf_reset(&d.log);
		served_feed(&d, buf_span(&rcpt), 0);
		count++;
	} while (strcmp(d.out.data, "250 2.1.5 Ok\r\n") == 0);
	assert_string_equal(d.out.data, "452 4.5.3 too many recipients\r\n");
	assert_true(count > 20000 && count * 1500 < SERVER_ENVELOPE_MAX + 3000);
	served_clear(&d);
}

static void a_long_line_is_refused_and_the_next_is_in_step(void **state)
{
	static const struct {
		size_t size;	/* with line end */
		const char *reply;
	} cases[] = {
		{ SERVER_LINE_MAX - 1, "250 2.0.0 Ok" },
		{ SERVER_LINE_MAX, "250 2.0.0 Ok" },
		{ SERVER_LINE_MAX + 1, "500 5.5.2 the line is too long" },
		{ 2 * SERVER_LINE_MAX, "500 5.5.2 the line is too long" },
		{ SERVER_LINE_FLOOD, "500 5.5.2 the line is too long" },
		{ SERVER_LINE_FLOOD + 1, "421 4.7.0 a command line without an end; closing" },
	};
	static const size_t pieces[] = { 0, 1, 7, SERVER_LINE_MAX, SERVER_LINE_MAX - 1, 65536 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *line = mem_alloc(1, cases[i].size);
		memset(line, 'x', cases[i].size);
		memcpy(line, "NOOP ", 5);
		memcpy(line + cases[i].size - 2, "\r\n", 2);
		for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
			struct served d;
			served_init(&d, i % 2 ? &on_socket : &on_pipe);
			served_feed(&d, span_of(line, cases[i].size), pieces[k]);
			last_line_is(&d, cases[i].reply);
			served_say(&d, "QUIT\r\n");
			last_line_is(&d, cases[i].reply[0] == '4' ? cases[i].reply
								  : "221 2.0.0 Bye");
			served_clear(&d);
		}
		free(line);
	}
}

static void a_line_without_end_takes_no_memory_and_ends(void **state)
{
	char block[4096];
	struct served d;
	size_t fed = 0;

	(void)state;
	memset(block, 'x', sizeof(block));
	served_init(&d, &on_pipe);
	for (; !d.is_done && fed < 2 * SERVER_LINE_FLOOD; fed += sizeof(block)) {
		served_feed(&d, span_of(block, sizeof(block)), 0);
	}
	assert_true(d.is_done);
	assert_true(fed > SERVER_LINE_FLOOD && fed <= SERVER_LINE_FLOOD + 2 * sizeof(block));
	assert_int_equal(d.last.how, SERVER_HUNG_UP);
	served_clear(&d);
}

static void a_refused_message_that_does_not_end_ends_the_session(void **state)
{
	static const struct smtp_server_options small = { .host = "host.test", .size_limit = 10 };
	static char block[SERVER_FEED_MAX];
	struct served d;
	unsigned long long fed = 0;

	(void)state;
	memset(block, 'x', sizeof(block));
	served_init(&d, &small);
	served_say(&d, ENVELOPE "DATA\r\n");
	for (; !d.is_done && fed <= 2 * SERVER_SWALLOW_MAX; fed += sizeof(block)) {
		smtp_server_feed(d.s, span_of(block, sizeof(block)));
		served_run(&d);
	}
	assert_true(fed == SERVER_SWALLOW_MAX + sizeof(block));
	last_line_is(&d, "421 4.7.0 the message was refused and does not end; closing");
	assert_int_equal(d.data.size, 0);
	served_clear(&d);
}

static void mistakes_are_forgotten_when_a_message_is_accepted(void **state)
{
	struct served d;

	(void)state;
	served_init(&d, &on_pipe);
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i + 1 < SERVER_ERRORS_MAX; i++) {
			served_say(&d, "FOO\r\n");
		}
		served_say(&d, ENVELOPE "BDAT 0 LAST\r\n");
		assert_false(d.is_done);
	}
	for (unsigned i = 0; i < SERVER_ERRORS_MAX; i++) {
		assert_false(d.is_done);
		served_say(&d, "FOO\r\n");
	}
	assert_true(d.is_done);
	last_line_is(&d, "421 4.7.0 too many mistakes; closing");
	served_clear(&d);
}

static void wrong_recipients_are_no_mistakes_up_to_a_bound(void **state)
{
	static const struct smtp_server_options few = { .host = "host.test", .rcpts_max = 100 };
	struct served d;
	unsigned count = 0;

	(void)state;
	served_init(&d, &few);
	served_say(&d, "MAIL FROM:<joe@a.test>\r\n");
	while (!d.is_done && count < 1000) {
		served_say(&d, "RCPT TO:<@>\r\n");
		count++;
	}
	assert_int_equal(count, 100 + SERVER_ERRORS_MAX);
	served_clear(&d);
}

/* A list of recipients, or chunks, behind a MAIL that was refused. */
static void what_follows_a_refused_mail_is_no_mistake(void **state)
{
	struct served d;

	(void)state;
	served_init(&d, &on_socket);
	served_say(&d, "EHLO a.test\r\nMAIL FROM:<@>\r\n");
	for (unsigned i = 0; i < 3 * SERVER_ERRORS_MAX; i++) {
		served_say(&d, i % 3 == 0   ? "RCPT TO:<ann@b.test>\r\n"
			       : i % 3 == 1 ? "BDAT 2 LAST\r\n\r\n"
					    : "DATA\r\n");
		assert_false(d.is_done);
	}
	served_say(&d, "RSET\r\n");
	for (unsigned i = 0; i + 1 < SERVER_ERRORS_MAX; i++) {
		served_say(&d, "RCPT TO:<ann@b.test>\r\n");
	}
	assert_true(d.is_done);
	served_clear(&d);
}

/* -- replies --------------------------------------------------------------------------- */

/* Rule 6: a client's parser reads them all. */
static void replies_are_short_and_sanitised(void **state)
{
	BUF_AUTO struct buf line;
	struct served d;
	struct reaction longest = { .at = REACT_END, .nth = 1 };

	(void)state;
	buf_init(&line, SERVER_LINE_MAX);
	assert_true(buf_add_str(&line, "RCPT TO:<joe\033[2J"));
	while (line.size < 1900) {
		assert_true(buf_add_str(&line, "\303\244x\xff"));
	}
	assert_true(buf_add_str(&line, ">\r\n"));
	smtp_answer_set(&longest.answer, VERDICT_PERMANENT, 550, "5.0.0", "%s", line.data);
	served_init(&d, &on_pipe);
	d.reactions = &longest;
	d.reaction_count = 1;
	served_say(&d, ENVELOPE);
	served_feed(&d, buf_span(&line), 0);
	served_say(&d, "BDAT 0 LAST\r\nQUIT\r\n");
	struct reply r;
	struct err e;
	struct span rest = buf_span(&d.out);
	static const int codes[] = { 220, 250, 250, 501, 550, 221 };
	reply_init(&r);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		size_t used;
		assert_int_equal(reply_parse(&r, rest, &used, &e), REPLY_DONE);
		assert_int_equal(r.code, codes[i]);
		assert_true(used <= 512);
		rest = span_from(rest, used);
	}
	assert_int_equal(rest.size, 0);
	for (size_t i = 0; i < d.out.size; i++) {
		unsigned char c = (unsigned char)d.out.data[i];
		assert_true((c >= ' ' && c < 0x7f) || c == '\r' || c == '\n');
	}
	reply_clear(&r);
	served_clear(&d);
}

static void a_group_has_its_replies_in_one_write(void **state)
{
	struct served d;
	struct smtp_server_action a;

	(void)state;
	served_init(&d, &on_socket);
	served_say(&d, "EHLO a.test\r\n");
	smtp_server_feed(d.s, span_str(ENVELOPE "RCPT TO:<bob@b.test>\r\nDATA\r\n"));
	assert_int_equal(smtp_server_next(d.s).kind, SERVER_BEGIN);
	a = smtp_server_next(d.s);
	assert_int_equal(a.kind, SERVER_WRITE);
	assert_int_equal(a.data.size, strlen("250 2.1.0 Ok\r\n") + 2 * strlen("250 2.1.5 Ok\r\n") +
				      strlen("354 send the message; a line with a single dot "
					     "ends it\r\n"));
	/* Unless it is asked for again, it is not over. */
	assert_int_equal(smtp_server_next(d.s).kind, SERVER_WRITE);
	smtp_server_wrote(d.s);
	assert_int_equal(smtp_server_next(d.s).kind, SERVER_READ);
	served_clear(&d);
}

/* To deliver it can take long. */
static void all_that_is_known_is_written_before_end(void **state)
{
	struct smtp_server *s = smtp_server_new(&on_pipe);
	struct smtp_server_action a;

	(void)state;
	assert_int_equal(smtp_server_next(s).kind, SERVER_WRITE);
	smtp_server_wrote(s);
	assert_int_equal(smtp_server_next(s).kind, SERVER_READ);
	smtp_server_feed(s, span_str(ENVELOPE "BDAT 1 LAST\r\nxQUIT\r\n"));
	assert_int_equal(smtp_server_next(s).kind, SERVER_BEGIN);
	assert_int_equal(smtp_server_next(s).kind, SERVER_DATA);
	a = smtp_server_next(s);
	assert_int_equal(a.kind, SERVER_WRITE);
	assert_int_equal(a.data.size, strlen("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n"));
	smtp_server_wrote(s);
	assert_int_equal(smtp_server_next(s).kind, SERVER_END);
	smtp_server_free(s);
}

/* -- time ------------------------------------------------------------------------------ */

static void timeouts_are_those_of_the_options(void **state)
{
	static const struct {
		struct smtp_server_options options;
		unsigned seconds;
	} cases[] = {
		{ { .host = "h" }, 3600 },
		{ { .host = "h", .is_socket = true }, 300 },
		{ { .host = "h", .is_socket = true, .timeout_s = 7 }, 7 },
		{ { .host = "h", .timeout_s = 7 }, 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct served d;
		served_init(&d, &cases[i].options);
		served_run(&d);
		assert_int_equal(d.last.kind, SERVER_READ);
		assert_int_equal(d.last.timeout_s, cases[i].seconds);
		served_clear(&d);
	}
}

/* A client that sends a byte now and then does not hold a process for ever. */
static void the_timeout_starts_anew_with_each_command_or_block(void **state)
{
	static char block[65536];
	struct served d;
	unsigned long long before;

	(void)state;
	memset(block, 'x', sizeof(block));
	served_init(&d, &on_socket);
	served_say(&d, "EHLO ");
	before = d.last.wait_no;
	served_say(&d, "a.te");
	assert_true(d.last.wait_no == before);
	served_say(&d, "st\r\n");
	assert_true(d.last.wait_no != before);
	served_say(&d, ENVELOPE "DATA\r\n");
	before = d.last.wait_no;
	served_say(&d, "some text\r\nand more\r\n");
	assert_true(d.last.wait_no == before);
	served_feed(&d, span_of(block, sizeof(block)), 0);
	assert_true(d.last.wait_no != before);
	served_clear(&d);

	served_init(&d, &on_pipe);
	served_say(&d, "EHLO ");
	before = d.last.wait_no;
	served_say(&d, "a");
	assert_true(d.last.wait_no != before);
	served_clear(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_recipients_in_one_group),
		cmocka_unit_test(recipients_come_to_the_caller_in_order),
		cmocka_unit_test(the_envelope_is_bounded),
		cmocka_unit_test(a_long_line_is_refused_and_the_next_is_in_step),
		cmocka_unit_test(a_line_without_end_takes_no_memory_and_ends),
		cmocka_unit_test(a_refused_message_that_does_not_end_ends_the_session),
		cmocka_unit_test(mistakes_are_forgotten_when_a_message_is_accepted),
		cmocka_unit_test(wrong_recipients_are_no_mistakes_up_to_a_bound),
		cmocka_unit_test(what_follows_a_refused_mail_is_no_mistake),
		cmocka_unit_test(replies_are_short_and_sanitised),
		cmocka_unit_test(a_group_has_its_replies_in_one_write),
		cmocka_unit_test(all_that_is_known_is_written_before_end),
		cmocka_unit_test(timeouts_are_those_of_the_options),
		cmocka_unit_test(the_timeout_starts_anew_with_each_command_or_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
