/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/text.h"
#include "mail/dsn.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define BOUNDARY "=_000102030405060708090a0b0c0d0e0f"
#define PART "\r\n--" BOUNDARY "\r\n"
#define UMLAUT "\xc3\xbc"
#define MOUNTAIN "\xe5\xb1\xb1"

static const struct dsn_rcpt bob = {
	.addr = "bob@example.net", .orcpt = "rfc822;robert@example.net", .status = "5.1.1",
	.text = "550 5.1.1 No such user here", .is_reply = true, .remote_mta = "mx.example.net",
};

static struct dsn usual(enum dsn_kind kind, const struct dsn_rcpt *rcpts, size_t count)
{
	struct dsn d = {
		.kind = kind, .to = "me@example.org", .from = "postmaster@h.example",
		.sender = "me@example.org", .reporting_mta = "h.example", .queue_id = "4f2a",
		.envid = "env-1", .arrival = 1795270043,
		.last_attempt = 1795273643, .now = 1795273644, .retry_until = 1795702043,
		.zone_minutes = 540, .rcpts = rcpts, .rcpt_count = count,
	};

	for (size_t i = 0; i < sizeof(d.random); i++) {
		d.random[i] = (unsigned char)i;
	}
	return d;
}

/* Everything, with a small message inside; the caller clears it. */
static void write_all(const struct dsn *d, struct buf *out)
{
	struct err e = { 0 };

	buf_init(out, 100000);
	if (!dsn_head(d, out, &e)) {
		fail_msg("%s", e.text);
	}
	assert_true(buf_add_str(out, "Subject: hello\r\n"));
	assert_true(dsn_tail(d, out));
}

static bool has(const struct buf *text, const char *part)
{
	return strstr(text->data, part) != NULL;
}

static void check_has(const struct buf *text, const char *part, bool want)
{
	if (has(text, part) != want) {
		fail_msg("%s \"%s\" in:\n%s", want ? "no" : "there is", part, text->data);
	}
}

static void servers_are_domains_or_literals(void **state)
{
	static const struct {
		const char *name, *shown;
	} rows[] = {
		{ "mx.example.net", " dns; mx.example.net\r\n" },
		{ "localhost", " dns; localhost\r\n" },
		{ "192.0.2.1", " dns; [192.0.2.1]\r\n" },
		{ "192.0.2.1.example", " dns; 192.0.2.1.example\r\n" },
		{ "2001:db8::1", " dns; [IPv6:2001:db8::1]\r\n" },
		{ "[192.0.2.1]", " dns; [192.0.2.1]\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dsn_rcpt r = bob;
		struct dsn d = usual(DSN_FAILED, &r, 1);
		struct buf text BUF_AUTO;
		char field[64];
		r.remote_mta = d.reporting_mta = rows[i].name;
		write_all(&d, &text);
		snprintf(field, sizeof(field), "\r\nRemote-MTA:%s", rows[i].shown);
		check_has(&text, field, true);
		snprintf(field, sizeof(field), "\r\nReporting-MTA:%s", rows[i].shown);
		check_has(&text, field, true);
	}
}

/* True of every notification, whatever was put in. */
static void check_lines(const struct buf *text)
{
	size_t line = 0;

	for (size_t i = 0; i < text->size; i++) {
		unsigned char c = (unsigned char)text->data[i];
		assert_true(c >= ' ' || c == '\r' || c == '\n' || c == '\t');
		assert_true(c != 0x7f);
		if (c == '\r') {
			assert_int_equal(text->data[i + 1], '\n');
		}
		if (c == '\n') {
			assert_true(i > 0 && text->data[i - 1] == '\r');
			assert_true(i - line <= 999);
			line = i + 1;
		}
	}
	assert_int_equal(line, text->size);
	assert_true(text_is_utf8(buf_span(text)));
}

static void a_whole_notification(void **state)
{
	struct dsn d = usual(DSN_FAILED, &bob, 1);
	BUF_AUTO struct buf out;

	(void)state;
	write_all(&d, &out);
	assert_string_equal(out.data,
		"Date: Sun, 22 Nov 2026 00:07:24 +0900\r\n"
		"From: Mail Delivery System <postmaster@h.example>\r\n"
		"To: me@example.org\r\n"
		"Subject: Message not delivered\r\n"
		"Message-ID: <20261121150724.000102030405060708090a0b0c0d0e0f@h.example>\r\n"
		"Auto-Submitted: auto-replied\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=delivery-status;\r\n"
		"\tboundary=\"" BOUNDARY "\"\r\n"
		PART
		"Content-Description: Notification\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"\r\n"
		"This is the mail system of h.example.\r\n"
		"\r\n"
		"Your message of Sat, 21 Nov 2026 23:07:23 +0900 could not be delivered to:\r\n"
		"\r\n"
		"  bob@example.net\r\n"
		"    mx.example.net answered:\r\n"
		"    550 5.1.1 No such user here\r\n"
		"\r\n"
		"It will not be tried again. If an address is wrong, please correct it and\r\n"
		"send the message once more.\r\n"
		"\r\n"
		"Attached: a report for mail programs, and the header of the message.\r\n"
		PART
		"Content-Description: Delivery report\r\n"
		"Content-Type: message/delivery-status\r\n"
		"\r\n"
		"Original-Envelope-Id: env-1\r\n"
		"Reporting-MTA: dns; h.example\r\n"
		"X-Relay-Queue-ID: 4f2a\r\n"
		"Arrival-Date: Sat, 21 Nov 2026 23:07:23 +0900\r\n"
		"\r\n"
		"Original-Recipient: rfc822; robert@example.net\r\n"
		"Final-Recipient: rfc822; bob@example.net\r\n"
		"Action: failed\r\n"
		"Status: 5.1.1\r\n"
		"Remote-MTA: dns; mx.example.net\r\n"
		"Diagnostic-Code: smtp; 550 5.1.1 No such user here\r\n"
		"Last-Attempt-Date: Sun, 22 Nov 2026 00:07:23 +0900\r\n"
		PART
		"Content-Description: Header of the message\r\n"
		"Content-Type: text/rfc822-headers\r\n"
		"\r\n"
		"Subject: hello\r\n"
		"\r\n--" BOUNDARY "--\r\n");
	check_lines(&out);
}

static void only_a_refusal_can_be_the_addresss_fault(void **state)
{
	static const char given_up[] = "\r\nIt has been tried until now, and is given up.";
	struct dsn_rcpt rcpts[] = { bob, bob };

	(void)state;
	for (size_t refused = 0; refused <= COUNT(rcpts); refused++) {
		struct dsn d = usual(DSN_FAILED, rcpts, COUNT(rcpts));
		BUF_AUTO struct buf out;
		for (size_t i = 0; i < COUNT(rcpts); i++) {
			rcpts[i].status = i < refused ? "5.1.1" : "4.4.1";
		}
		write_all(&d, &out);
		check_has(&out, given_up, refused == 0);
		check_has(&out, "If an address is wrong", refused > 0);
		check_lines(&out);
	}
}

static void each_kind_says_what_is_next(void **state)
{
	static const struct {
		enum dsn_kind kind;
		int64_t retry_until;
		const char *has[5], *has_not[3];
	} rows[] = {
		{ DSN_FAILED, 1795702043,
		  { "Subject: Message not delivered\r\n", "could not be delivered",
		    "Action: failed\r\n", "It will not be tried again." },
		  { "Will-Retry-Until", "tried again until" } },
		{ DSN_DELAYED, 1795702043,
		  { "Subject: Message delayed\r\n", "+0900 is still on its way to:\r\n",
		    "Action: delayed\r\n",
		    "You need not do anything. Delivery will be tried again until Thu, 26 Nov\r\n"
		    "2026 23:07:23 +0900. If it has not worked by then, you will get another\r\n"
		    "notice.\r\n",
		    "\r\nWill-Retry-Until: Thu, 26 Nov 2026 23:07:23 +0900\r\n" },
		  { "not be tried" } },
		{ DSN_DELAYED, 0,
		  { "Delivery will be tried again. If it is given up,\r\n"
		    "you will get another notice.\r\n" },
		  { "Will-Retry-Until", "1970" } },
		{ DSN_RELAYED, 1795702043,
		  { "Subject: Message passed on\r\n",
		    "was passed on to the next\r\nmail server for:\r\n",
		    "Action: relayed\r\n", "does not send confirmations" },
		  { "Will-Retry-Until", "tried again" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dsn d = usual(rows[i].kind, &bob, 1);
		BUF_AUTO struct buf out;
		d.retry_until = rows[i].retry_until;
		write_all(&d, &out);
		check_lines(&out);
		for (size_t k = 0; k < COUNT(rows[i].has) && rows[i].has[k]; k++) {
			check_has(&out, rows[i].has[k], true);
		}
		for (size_t k = 0; k < COUNT(rows[i].has_not) && rows[i].has_not[k]; k++) {
			check_has(&out, rows[i].has_not[k], false);
		}
	}
}

static void fields_that_are_not_known_are_left_out(void **state)
{
	static const struct dsn_rcpt bare = { .addr = "bob@example.net" };
	struct dsn d = usual(DSN_DELAYED, &bare, 1);
	BUF_AUTO struct buf out;

	(void)state;
	d.envid = d.queue_id = d.sender = d.reporting_mta = NULL;
	d.arrival = d.last_attempt = d.retry_until = 0;
	write_all(&d, &out);
	check_lines(&out);
	check_has(&out, "\r\n\r\nThe message is still on its way to:\r\n", true);
	check_has(&out, "\r\n\r\nReporting-MTA: dns; localhost\r\n\r\nFinal-Recipient: rfc822; "
			"bob@example.net\r\nAction: delayed\r\nStatus: 4.0.0\r\n" PART, true);
	check_has(&out, "Message-ID: <20261121150724."
			"000102030405060708090a0b0c0d0e0f@h.example>\r\n", true);
}

static void words_of_ours_are_no_reply(void **state)
{
	static const struct dsn_rcpt ours = {
		.addr = "bob@example.net", .status = "4.4.1",
		.text = "mx.example.net: connection refused",
	};
	struct dsn d = usual(DSN_FAILED, &ours, 1);
	BUF_AUTO struct buf out;

	(void)state;
	write_all(&d, &out);
	check_has(&out, "  bob@example.net\r\n    mx.example.net: connection refused\r\n", true);
	check_has(&out, "Diagnostic-Code: x-relay; mx.example.net: connection refused\r\n", true);
	check_has(&out, "Status: 4.4.1\r\n", true);
	check_has(&out, "Remote-MTA", false);
	check_has(&out, "answered", false);
}

static void the_sender_is_named_to_others(void **state)
{
	struct dsn d = usual(DSN_FAILED, &bob, 1);
	BUF_AUTO struct buf out;

	(void)state;
	d.sender = "www-data@web";
	write_all(&d, &out);
	check_has(&out,
		  "The message of Sat, 21 Nov 2026 23:07:23 +0900 from www-data@web could not\r\n"
		  "be delivered to:\r\n", true);
}

static void the_status_has_its_form(void **state)
{
	static const struct {
		const char *status, *out;
	} rows[] = {
		{ "5.1.1", "Status: 5.1.1\r\n" },   { "2.999.123", "Status: 2.999.123\r\n" },
		{ "4.4.7", "Status: 4.4.7\r\n" },   { NULL, "Status: 5.0.0\r\n" },
		{ "", "Status: 5.0.0\r\n" },	    { "3.1.1", "Status: 5.0.0\r\n" },
		{ "5.1", "Status: 5.0.0\r\n" },	    { "5.1.", "Status: 5.0.0\r\n" },
		{ "5..1", "Status: 5.0.0\r\n" },    { "5.1.1 ", "Status: 5.0.0\r\n" },
		{ "5.1.1000", "Status: 5.0.0\r\n" }, { "5.1000.1", "Status: 5.0.0\r\n" },
		{ "5", "Status: 5.0.0\r\n" },
		{ "5.1.1\r\nAction: delivered", "Status: 5.0.0\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dsn_rcpt r = bob;
		struct dsn d = usual(DSN_FAILED, &r, 1);
		BUF_AUTO struct buf out;
		r.status = rows[i].status;
		write_all(&d, &out);
		check_has(&out, rows[i].out, true);
	}
}

static void the_original_recipient_has_its_form(void **state)
{
	static const struct {
		const char *orcpt, *out;	/* NULL: no field */
	} rows[] = {
		{ "rfc822;Bob+x=y@z", "Original-Recipient: rfc822; Bob+x=y@z\r\n" },
		{ "RFC822; bob@z", "Original-Recipient: RFC822; bob@z\r\n" },
		{ "x400;/S=bob/;x", "Original-Recipient: x400; /S=bob/;x\r\n" },
		{ "utf-8;b\\x{FC}b@z", "Original-Recipient: utf-8; b\\x{FC}b@z\r\n" },
		{ "utf-8;b" UMLAUT "b@z", "Original-Recipient: utf-8; b" UMLAUT "b@z\r\n" },
		{ "rfc822;b" UMLAUT "b@z", "Original-Recipient: utf-8; b" UMLAUT "b@z\r\n" },
		{ "rfc822;\"a  b\"@z", "Original-Recipient: rfc822; \"a  b\"@z\r\n" },
		{ NULL, NULL }, { "", NULL }, { "bob@z", NULL }, { ";bob@z", NULL },
		{ "rfc822;", NULL }, { "rfc822; ", NULL }, { "rfc 822;bob@z", NULL },
		{ "x:y;z", NULL }, { "x\r\ny;z", NULL }, { "b" UMLAUT ";bob@z", NULL },
		{ "a-type-whose-name-has-more-than-forty-bytes;x", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dsn_rcpt r = bob;
		struct dsn d = usual(DSN_FAILED, &r, 1);
		BUF_AUTO struct buf out;
		r.orcpt = rows[i].orcpt;
		write_all(&d, &out);
		check_has(&out, rows[i].out ? rows[i].out : "Original-Recipient", rows[i].out);
		check_lines(&out);
	}
}

/* What follows decides the type of the third part; UTF-8 addresses that of the second. */
static void the_types_of_the_parts(void **state)
{
	static const struct {
		bool is_full, is_8bit, is_utf8;
		const char *addr;
		bool all_8bit;
		const char *report, *message;
	} rows[] = {
		{ false, false, false, "b@z", false, "message/delivery-status\r\n\r\n",
		  "text/rfc822-headers\r\n\r\n" },
		{ true, false, false, "b@z", false, "message/delivery-status\r\n\r\n",
		  "message/rfc822\r\n\r\n" },
		{ true, true, false, "b@z", true, "message/delivery-status\r\n\r\n",
		  "message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" },
		{ false, true, false, "b@z", true, "message/delivery-status\r\n\r\n",
		  "text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" },
		{ false, true, true, "b@z", true, "message/delivery-status\r\n\r\n",
		  "message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" },
		{ true, false, true, "b@z", true, "message/delivery-status\r\n\r\n",
		  "message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" },
		{ true, false, false, "b" UMLAUT "b@z", true,
		  "message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
		  "message/rfc822\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dsn_rcpt r = bob;
		struct dsn d = usual(DSN_FAILED, &r, 1);
		BUF_AUTO struct buf out;
		r.addr = rows[i].addr;
		d.is_full = rows[i].is_full;
		d.is_8bit = rows[i].is_8bit;
		d.is_utf8 = rows[i].is_utf8;
		write_all(&d, &out);
		check_lines(&out);
		check_has(&out, rows[i].report, true);
		check_has(&out, rows[i].message, true);
		check_has(&out, "\"\r\nContent-Transfer-Encoding: 8bit\r\n" PART,
			  rows[i].all_8bit);
		assert_int_equal(dsn_is_8bit(&d), rows[i].all_8bit);
		assert_false(dsn_needs_smtputf8(&d));
		if (!rows[i].all_8bit) {
			assert_true(text_is_ascii(buf_span(&out)));
		}
		check_has(&out, d.is_full ? "and the message.\r\n"
					  : "and the header of the message.\r\n", true);
	}
}

static void utf8_is_kept_where_it_may_stand(void **state)
{
	struct dsn_rcpt two[2] = { bob, bob };
	struct dsn d = usual(DSN_FAILED, two, 2);
	BUF_AUTO struct buf plain, global, to;

	(void)state;
	/* Only words: people see them, the report for programs stays ASCII. */
	two[0].text = "550 B" UMLAUT "ro";
	write_all(&d, &plain);
	check_has(&plain, "charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
		  true);
	check_has(&plain, "\r\n    550 B=C3=BCro\r\n", true);
	check_has(&plain, "Diagnostic-Code: smtp; 550 B?ro\r\n", true);
	assert_true(text_is_ascii(buf_span(&plain)));

	two[1].addr = MOUNTAIN "@example.net";
	write_all(&d, &global);
	check_lines(&global);
	check_has(&global, "\r\n  =E5=B1=B1@example.net\r\n", true);
	check_has(&global, "Diagnostic-Code: smtp; 550 B" UMLAUT "ro\r\n", true);
	check_has(&global, "Final-Recipient: rfc822; bob@example.net\r\n", true);
	check_has(&global, "Final-Recipient: utf-8; " MOUNTAIN "@example.net\r\n", true);

	d.to = MOUNTAIN "@example.org";
	write_all(&d, &to);
	check_lines(&to);
	check_has(&to, "\r\nTo: " MOUNTAIN "@example.org\r\n", true);
	assert_true(dsn_needs_smtputf8(&d) && dsn_is_8bit(&d));
}

/* The same values in every place where a stranger's text can stand. */
static void hostile_values_change_nothing(void **state)
{
	static const char *const values[] = {
		"x\r\nBcc: evil@example.net\r\n", "x\nBcc: evil", "x\rBcc: evil",
		"x\r\n\r\n--" BOUNDARY "--\r\n", "\x01\x1b[2J\x7f", "\xff\xfe\xc3", "\t \t",
		" ", "x\xe2\x80\xa8y\xc2\x85z", "x;y(z)<a@b>\"q", "\r\n", "\r\n ", " \r\n.\r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		for (int kind = 0; kind < DSN_KIND_COUNT; kind++) {
			struct dsn_rcpt r = { values[i], values[i], values[i], values[i], true,
					      values[i] };
			struct dsn d = usual((enum dsn_kind)kind, &r, 1);
			BUF_AUTO struct buf out;
			char orcpt[100];
			snprintf(orcpt, sizeof(orcpt), "rfc822;%s", values[i]);
			r.orcpt = orcpt;
			d.sender = d.reporting_mta = d.queue_id = values[i];
			d.envid = values[i];
			write_all(&d, &out);
			check_lines(&out);
			check_has(&out, "\nBcc", false);
			check_has(&out, "\n.", false);
			/* The end of the whole stands there once. */
			const char *end = strstr(out.data, "\n--" BOUNDARY "--");
			assert_non_null(end);
			assert_int_equal(end - out.data + 41, out.size);
			/* One empty line after each header, one before each recipient. */
			const char *report = strstr(out.data, "Delivery report\r\n");
			assert_non_null(report);
			size_t blank = 0;
			for (const char *p = report; (p = strstr(p, "\r\n\r\n")); p += 2) {
				blank++;
			}
			assert_int_equal(blank, 5);
		}
	}
}

static void long_values_are_folded(void **state)
{
	char word[6000], words[6000];
	struct dsn_rcpt r = { .status = "5.0.0", .is_reply = true };
	struct dsn d = usual(DSN_FAILED, &r, 1);
	BUF_AUTO struct buf one, many;

	(void)state;
	memset(word, 'w', sizeof(word) - 1);
	memset(words, 'w', sizeof(words) - 1);
	word[sizeof(word) - 1] = words[sizeof(words) - 1] = '\0';
	for (size_t i = 7; i < sizeof(words) - 1; i += 8) {
		words[i] = ' ';
	}
	r.addr = r.orcpt = r.text = r.remote_mta = d.envid = d.queue_id = d.sender = word;
	d.reporting_mta = word;
	write_all(&d, &one);
	check_lines(&one);

	r.addr = "b@z";
	r.orcpt = NULL;
	r.text = d.envid = words;
	r.remote_mta = d.queue_id = d.sender = d.reporting_mta = "h";
	write_all(&d, &many);
	check_lines(&many);
	for (const char *p = many.data; *p; p += strcspn(p, "\n") + 1) {
		assert_true(strcspn(p, "\r") < 78);
	}
}

static void unsafe_addresses_are_errors(void **state)
{
	static const char *const bad[] = { "", "a b@c", "a@b\r\nBcc: c", "<a@b>", "a@b, c@d",
					   NULL };
	struct err e = { 0 };
	BUF_AUTO struct buf out;
	char longest[1002] = "";

	(void)state;
	buf_init(&out, 100000);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct dsn d = usual(DSN_FAILED, &bob, 1);
		d.to = bad[i];
		assert_false(dsn_head(&d, &out, &e));
		assert_int_equal(e.cause, CAUSE_DATA);
		d = usual(DSN_FAILED, &bob, 1);
		d.from = bad[i];
		assert_false(dsn_head(&d, &out, &e));
		assert_int_equal(e.cause, CAUSE_DATA);
	}
	memset(longest, 'x', 1000);
	struct dsn d = usual(DSN_FAILED, &bob, 1);
	d.to = longest;
	assert_false(dsn_head(&d, &out, &e));
	longest[800] = '\0';
	d.from = longest;
	assert_true(dsn_head(&d, &out, &e));
	check_lines(&out);
}

static void a_full_buffer_is_an_error(void **state)
{
	struct dsn d = usual(DSN_DELAYED, &bob, 1);
	BUF_AUTO struct buf whole;
	struct err e = { 0 };

	(void)state;
	buf_init(&whole, 100000);
	assert_true(dsn_head(&d, &whole, &e));
	for (size_t max = 0; max < whole.size; max += 7) {
		BUF_AUTO struct buf out;
		buf_init(&out, max);
		e.cause = CAUSE_NONE;
		assert_false(dsn_head(&d, &out, &e));
		assert_int_equal(e.cause, CAUSE_DATA);
	}
	BUF_AUTO struct buf tail;
	buf_init(&tail, 41);
	assert_false(dsn_tail(&d, &tail));
	buf_reset(&tail);
	tail.max = 42;
	assert_true(dsn_tail(&d, &tail));
}

/* People see the first hundred, programs all. */
static void many_recipients(void **state)
{
	enum { MANY = 100000 };
	struct dsn_rcpt *rcpts = calloc(MANY, sizeof(*rcpts));
	BUF_AUTO struct buf out;
	struct err e = { 0 };

	(void)state;
	assert_non_null(rcpts);
	for (size_t i = 0; i < MANY; i++) {
		rcpts[i] = bob;
	}
	struct dsn d = usual(DSN_FAILED, rcpts, MANY);
	buf_init(&out, 32 * 1024 * 1024);
	assert_true(dsn_head(&d, &out, &e));
	check_has(&out, "\r\n  and 99900 more; the attached report has all of them.\r\n", true);
	size_t seen = 0;
	struct span rest = buf_span(&out);
	for (const char *end; (end = memchr(rest.data, '\n', rest.size));) {
		seen += text_starts_fold(rest, "Final-Recipient: ");
		rest = span_of(end + 1, rest.size - (size_t)(end + 1 - rest.data));
	}
	assert_int_equal(seen, MANY);
	buf_clear(&out);
	out.max = 1024 * 1024;
	assert_false(dsn_head(&d, &out, &e));
	assert_int_equal(e.cause, CAUSE_DATA);
	free(rcpts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_are_domains_or_literals),
		cmocka_unit_test(a_whole_notification),
		cmocka_unit_test(only_a_refusal_can_be_the_addresss_fault),
		cmocka_unit_test(each_kind_says_what_is_next),
		cmocka_unit_test(fields_that_are_not_known_are_left_out),
		cmocka_unit_test(words_of_ours_are_no_reply),
		cmocka_unit_test(the_sender_is_named_to_others),
		cmocka_unit_test(the_status_has_its_form),
		cmocka_unit_test(the_original_recipient_has_its_form),
		cmocka_unit_test(the_types_of_the_parts),
		cmocka_unit_test(utf8_is_kept_where_it_may_stand),
		cmocka_unit_test(hostile_values_change_nothing),
		cmocka_unit_test(long_values_are_folded),
		cmocka_unit_test(unsafe_addresses_are_errors),
		cmocka_unit_test(a_full_buffer_is_an_error),
		cmocka_unit_test(many_recipients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
