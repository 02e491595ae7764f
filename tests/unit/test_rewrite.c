/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/rewrite.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define DATE "Sat, 21 Nov 2026 23:07:23 +0900\r\n"
#define ID "<20261121140723.000102030405060708090a0b0c0d0e0f@h.example>\r\n"
#define FROM "From: Me <me@x>\r\n"

static const char *const two[] = { "a@x", "b@y" };

/* The settings most accounts have. */
static struct rewrite usual(void)
{
	struct rewrite r = {
		.author = { .address = "me@x", .name = "Me" }, .remove_bcc = true, .add_date = true,
		.add_message_id = true, .now = 1795270043, .zone_minutes = 540,
		.domain = "h.example", .recipients = two, .recipient_count = COUNT(two),
	};

	for (size_t i = 0; i < sizeof(r.random); i++) {
		r.random[i] = (unsigned char)i;
	}
	return r;
}

static void check(const struct rewrite *r, const char *in, const char *want)
{
	struct buf out BUF_AUTO;
	struct err e = { 0 };

	buf_init(&out, 10000);
	assert_true(rewrite_header(r, span_str(in), &out, &e));
	assert_string_equal(out.data, want);
}

static void missing_fields_are_put_on_top(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "Date: " DATE FROM "Message-ID: " ID },
		{ "To: a@x\r\n", "Date: " DATE FROM "Message-ID: " ID "To: a@x\r\n" },
		{ "date: x\r\nFROM : y\r\nmessage-id:\r\n",
		  "date: x\r\nFROM : y\r\nmessage-id:\r\n" },
		{ "Date:\r\nX: y\r\n z\r\n",
		  FROM "Message-ID: " ID "Date:\r\nX: y\r\n z\r\n" },
		{ "From: o@x\r\nDate: x\r\n",
		  "Message-ID: " ID "From: o@x\r\nDate: x\r\n" },
		{ "Dates: x\r\n", "Date: " DATE FROM "Message-ID: " ID "Dates: x\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rewrite r = usual();
		check(&r, rows[i].in, rows[i].out);
	}
	struct rewrite none = { .author = { .address = "" } };
	check(&none, "", "");
	check(&none, "Bcc: a@x\r\n", "Bcc: a@x\r\n");
	none.author.set_from = SET_FROM_ON;
	check(&none, "From: o@x\r\n", "From: o@x\r\n");
}

static void bcc_is_removed_however_it_is_written(void **state)
{
	struct rewrite r = { .remove_bcc = true };

	(void)state;
	check(&r,
	      "A: b\r\nBcc: a@x,\r\n\tb@x,\r\n c@x\r\nC: d\r\nBCC :x\r\nbcc:\r\n"
	      "Resent-bCC:\r\n x\r\nBcc-Not: y\r\nE: f\r\n",
	      "A: b\r\nC: d\r\nBcc-Not: y\r\nE: f\r\n");
	r.remove_bcc = false;
	check(&r, "Bcc: a@x\r\nResent-Bcc: b@x\r\nX: y\r\n",
	      "Bcc: a@x\r\nResent-Bcc: b@x\r\nX: y\r\n");
}

static void from_is_set_as_asked(void **state)
{
	struct rewrite r = usual();

	(void)state;
	r.add_date = r.add_message_id = false;
	check(&r, "X: y\r\nFrom: o@x\r\n", "X: y\r\nFrom: o@x\r\n");
	r.author.set_from = SET_FROM_ON;
	check(&r, "X: y\r\n", FROM "X: y\r\n");
	check(&r, "From: <me@X>\r\n", "From: <me@X>\r\n");
	check(&r, "X: y\r\nFrom: Mr. O <o@x>\r\nZ: y\r\n",
	      "X: y\r\nFrom: \"Mr. O\" <me@x>\r\nReply-To: Mr. O <o@x>\r\n"
	      "X-Original-From: Mr. O <o@x>\r\nZ: y\r\n");
	check(&r, "Resent-From: r@x\r\nFrom: me@x\r\n",
	      "Resent-From: r at x <me@x>\r\nFrom: me@x\r\n");
	r.author.set_from = SET_FROM_OFF;
	check(&r, "X: y\r\n", "X: y\r\n");
	check(&r, "From: root\r\nfrom: o@x\r\n", "From: root\r\nfrom: o@x\r\n");
	r.author.set_from = SET_FROM_AUTO;
	r.author.name = NULL;
	check(&r, "", "From: me@x\r\n");
	r.author.name = "";
	check(&r, "", "From: me@x\r\n");
	r.author.name = "M. E.";
	check(&r, "", "From: \"M. E.\" <me@x>\r\n");
	r.author.name = "\xe5\xb1\xb1\xe7\x94\xb0";
	check(&r, "", "From: =?UTF-8?B?5bGx55Sw?= <me@x>\r\n");
	r.author.name = "A name that is so long that no address can stand behind it any more";
	check(&r, "",
	      "From: A name that is so long that no address can stand behind it any more"
		      "\r\n <me@x>\r\n");
}

static void to_is_set_as_asked(void **state)
{
	struct rewrite r = { .set_to = SET_TO_ON, .recipients = two,
			     .recipient_count = 2 };

	(void)state;
	check(&r, "X: y\r\n", "To: a@x, b@y\r\nX: y\r\n");
	check(&r, "X: y\r\nCc: c\r\nTo: d,\r\n e\r\nZ: y\r\nBcc: f\r\nReply-To: g\r\n",
	      "X: y\r\nTo: a@x, b@y\r\nZ: y\r\nReply-To: g\r\n");
	r.set_to = SET_TO_UNDISCLOSED;
	check(&r, "X: y\r\nTo: d\r\n", "X: y\r\nTo: undisclosed-recipients:;\r\n");
	check(&r, "", "To: undisclosed-recipients:;\r\n");
	r.set_to = SET_TO_ON;
	r.recipient_count = 0;
	check(&r, "To: d\r\nCc: e\r\n", "To: d\r\nCc: e\r\n");
	static const char *const many[] = {
		"a-quite-long-address@example.org", "another-long-address@example.org",
		"a-third-long-address@example.org",
	};
	r.recipients = many;
	r.recipient_count = COUNT(many);
	check(&r, "",
	      "To: a-quite-long-address@example.org, another-long-address@example.org,\r\n"
	      " a-third-long-address@example.org\r\n");
}

#define OLD "Date: d\r\nFrom: f@x\r\nMessage-ID: m\r\n"

static void a_resent_message_gets_resent_fields(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "Received: z\r\nResent-From: r@x\r\nResent-To: a@x\r\nTo: b@x\r\n",
		  "Received: z\r\nResent-Date: " DATE "Resent-Message-ID: " ID
		  "Resent-From: r@x\r\nResent-To: a@x\r\nTo: b@x\r\n" },
		{ "Resent-From: r@x\r\nresent-date: x\r\n",
		  "Resent-Message-ID: " ID "Resent-From: r@x\r\nresent-date: x\r\n" },
		{ "Resent-Message-ID: y\r\nResent-Date: x\r\nResent-To: r@x\r\n",
		  "Resent-" FROM "Resent-Message-ID: y\r\nResent-Date: x\r\nResent-To: r@x\r\n" },
		/* The date is that of an earlier block. */
		{ "Resent-From: r@x\r\nResent-Message-ID: y\r\n"
		  "Received: z\r\nResent-Date: x\r\n",
		  "Resent-Date: " DATE
		  "Resent-From: r@x\r\nResent-Message-ID: y\r\n"
		  "Received: z\r\nResent-Date: x\r\n" },
		{ "Resent-From: r@x\r\nResent-Message-ID: y\r\n"
		  "Resent-From: s@x\r\nResent-Date: x\r\n",
		  "Resent-Date: " DATE
		  "Resent-From: r@x\r\nResent-Message-ID: y\r\n"
		  "Resent-From: s@x\r\nResent-Date: x\r\n" },
		/* Fields go, but the block they stood in is there. */
		{ "Resent-Bcc: r@x\r\n",
		  "Resent-Date: " DATE "Resent-" FROM "Resent-Message-ID: " ID },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rewrite r = usual();
		char in[500], out[500];
		snprintf(in, sizeof(in), "%s" OLD, rows[i].in);
		snprintf(out, sizeof(out), "%s" OLD, rows[i].out);
		check(&r, in, out);
	}
	/* What is missing in the message itself is added as in any other. */
	struct rewrite all = usual();
	check(&all, "Resent-To: a@x\r\n",
	      "Date: " DATE FROM "Message-ID: " ID "Resent-Date: " DATE "Resent-" FROM
	      "Resent-Message-ID: " ID "Resent-To: a@x\r\n");
	struct rewrite r = { .remove_bcc = true };
	check(&r, "Resent-From: r@x\r\n", "Resent-From: r@x\r\n");
}

static void what_is_no_field_stays(void **state)
{
	struct rewrite r = { .remove_bcc = true };

	(void)state;
	check(&r, "A: b\r\nno field\r\n\r\nB: c", "A: b\r\nno field\r\n\r\nB: c");
}

static void the_right_side_of_an_id_is_always_valid(void **state)
{
	static const struct {
		const char *domain, *right;
	} rows[] = {
		{ "h.example", "h.example" }, { "", "localhost" }, { NULL, "localhost" },
		{ "a b>\r\nX: y", "a-b---X--y" }, { ".a..b.", "a.b" },
		{ "...", "localhost" },
		{ "[192.0.2.1]", "-192.0.2.1-" }, { "\xc3\xa9", "--" }, { "a_b", "a-b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rewrite r = usual();
		struct buf out BUF_AUTO;
		struct err e;
		char want[100];
		r.author.address = NULL;
		r.add_date = false;
		r.domain = rows[i].domain;
		buf_init(&out, 1000);
		assert_true(rewrite_header(&r, span_str(""), &out, &e));
		snprintf(want, sizeof(want), "@%s>\r\n", rows[i].right);
		assert_string_equal(strchr(out.data, '@'), want);
	}
}

static void settings_cannot_add_lines(void **state)
{
	static const char *const bad[] = { "a@x\r\nBcc: b@x", "a@x\n", "a x", "a@x>",
					   "a@x, b@x" };
	struct err e = { 0 };
	struct buf out BUF_AUTO;

	(void)state;
	buf_init(&out, 10000);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct rewrite r = usual();
		const char *const to[] = { bad[i] };
		r.author.address = bad[i];
		assert_false(rewrite_header(&r, span_str(""), &out, &e));
		assert_int_equal(e.cause, CAUSE_DATA);
		r = usual();
		r.set_to = SET_TO_ON;
		r.recipients = to;
		r.recipient_count = 1;
		assert_false(rewrite_header(&r, span_str(""), &out, &e));
	}
	struct rewrite r = usual();
	r.author.name = "Me\r\nBcc: b@x";
	assert_false(rewrite_header(&r, span_str(""), &out, &e));
	r = usual();
	const char *const nobody[] = { "" };
	r.set_to = SET_TO_ON;
	r.recipients = nobody;
	assert_false(rewrite_header(&r, span_str(""), &out, &e));
	assert_int_equal(out.size, 0);
}

static void a_full_buffer_is_an_error(void **state)
{
	static const char in[] = "Resent-To: a@x\r\nTo: b@x\r\nX: y\r\n";
	struct rewrite r = usual();
	struct buf all BUF_AUTO;
	struct err e = { 0 };

	(void)state;
	r.set_to = SET_TO_ON;
	r.author.set_from = SET_FROM_ON;
	buf_init(&all, 10000);
	assert_true(rewrite_header(&r, span_str(in), &all, &e));
	for (size_t max = 0; max < all.size; max++) {
		struct buf out BUF_AUTO;
		buf_init(&out, max);
		assert_false(rewrite_header(&r, span_str(in), &out, &e));
		assert_int_equal(e.cause, CAUSE_DATA);
	}
}

static void the_message_id_for_the_log(void **state)
{
	static const struct {
		const char *header, *id;
	} rows[] = {
		{ "", "" },
		{ "Message-ID: <a@b>\r\n", "<a@b>" },
		{ "A: b\r\nmessage-id:\r\n <a@b>\r\n", "<a@b>" },
		{ "Message-ID: (x) <a@b> (y)\r\n", "<a@b>" },
		{ "Message-ID: <a@\r\n b>\r\n", "<a@" },
		{ "Message-ID: a@b c\r\n", "a@b" },
		{ "Message-ID:\r\n", "" },
		{ "Message-ID: <\r\n", "<" },
		{ "Message-ID: <a@b\r\n", "<a@b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span id = rewrite_message_id(span_str(rows[i].header));
		assert_true(span_equal(id, span_str(rows[i].id)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_fields_are_put_on_top),
		cmocka_unit_test(bcc_is_removed_however_it_is_written),
		cmocka_unit_test(from_is_set_as_asked),
		cmocka_unit_test(to_is_set_as_asked),
		cmocka_unit_test(a_resent_message_gets_resent_fields),
		cmocka_unit_test(what_is_no_field_stays),
		cmocka_unit_test(the_right_side_of_an_id_is_always_valid),
		cmocka_unit_test(settings_cannot_add_lines),
		cmocka_unit_test(a_full_buffer_is_an_error),
		cmocka_unit_test(the_message_id_for_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
