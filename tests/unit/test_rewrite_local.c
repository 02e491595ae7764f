/* SPDX-License-Identifier: ISC */
/* A header that is rewritten on a machine with local names, for an account with an address. */
#include "unit.h"

#include "mail/rewrite.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void check(const struct rewrite *r, const char *in, const char *want)
{
	struct buf out BUF_AUTO;
	struct err e = { 0 };

	buf_init(&out, 10000);
	assert_true(rewrite_header(r, span_str(in), &out, &e));
	assert_string_equal(out.data, want);
}

static const char *domain(void *context)
{
	(void)context;
	return "dom.example";
}

static bool is_local(void *context, const char *spec)
{
	(void)context;
	return !strchr(spec, '@');
}

static bool is_own(void *context, const char *spec)
{
	(void)context;
	(void)spec;
	return false;
}

static char *reader(void *context, const char *spec)
{
	(void)context;
	(void)spec;
	return NULL;
}

static const struct author_env env = { NULL, domain, is_local, is_own, reader };

/* An account with an address, on a machine with local names. */
static struct rewrite local(void)
{
	return (struct rewrite){ .author = { .address = "me@x", .host = "box",
					     .replaces_local = true, .env = &env } };
}

#define ROOT "From: root on box <me@x>\r\nX-Original-From: root@dom.example\r\n"

static void bare_addresses_get_a_domain(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "From: a@x\r\nTo: root (boss)\r\n",
		  "From: a@x\r\nTo: root@dom.example (boss)\r\n" },
		{ "From: a@x\r\nCC : <b>\r\nreply-to: c\r\nBcc: d\r\n",
		  "From: a@x\r\nCC : <b@dom.example>\r\nreply-to: c@dom.example\r\n"
		  "Bcc: d@dom.example\r\n" },
		{ "From: root\r\nTo: root\r\n", ROOT "To: root@dom.example\r\n" },
		{ "From: a@x\r\nTo: a b\r\nErrors-To: root\r\nX: root\r\n",
		  "From: a@x\r\nTo: a b\r\nErrors-To: root\r\nX: root\r\n" },
	};
	struct rewrite r = local();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(&r, rows[i].in, rows[i].out);
	}
	r.author.set_from = SET_FROM_OFF;
	check(&r, "From: root\r\nSender: root\r\nTo: root\r\n",
	      "From: root\r\nSender: root\r\nTo: root@dom.example\r\n");
}

static void return_path_goes(void **state)
{
	struct rewrite r = { .author = { .set_from = SET_FROM_OFF } };

	(void)state;
	check(&r, "Return-Path: <a@x>\r\nX: y\r\nRETURN-path:\r\n <>\r\nReturn-Paths: z\r\n",
	      "X: y\r\nReturn-Paths: z\r\n");
	check(&r, "Return-Path: <a@x>\r\nReceived: z\r\nResent-To: b@x\r\n",
	      "Received: z\r\nResent-To: b@x\r\n");
}

/* RFC 5322 §3.6: one From, and a Sender when it has several authors. */
static void there_is_one_from_at_most(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "From: a@x\r\nX: y\r\nfrom: b@x\r\nFROM:\r\n",
		  "From: a@x\r\nX: y\r\nX-Original-From: b@x\r\n" },
		{ "From: a@x\r\nFrom: root\r\n",
		  "From: a@x\r\nX-Original-From: root@dom.example\r\n" },
		{ "From: root\r\nFrom: a@x\r\n", ROOT "X-Original-From: a@x\r\n" },
		{ "From: a@x, b@x\r\nX: y\r\n",
		  "From: a@x, b@x\r\nSender: me@x\r\nX: y\r\n" },
		{ "Sender: c@x\r\nFrom: a@x, b@x\r\n",
		  "Sender: c@x\r\nFrom: a@x, b@x\r\n" },
		/* No Sender that says the same as From. */
		{ "Sender: joe (Joe)\r\nFrom: root\r\n",
		  "X-Original-Sender: joe@dom.example (Joe)\r\n" ROOT },
		{ "From: a@x\r\nSender: joe (Job)\r\n",
		  "From: a@x\r\nSender: \"joe on box (Job)\" <me@x>\r\n"
		  "X-Original-Sender: joe@dom.example (Job)\r\n" },
	};
	struct rewrite r = local();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(&r, rows[i].in, rows[i].out);
	}
}

static void a_resent_message_stays_as_it_was(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "Received: z\r\nResent-From: Joe <joe>\r\nResent-To: bob\r\n"
		  "Received: y\r\nFrom: a@x, b@x\r\nTo: root\r\nCc: c\r\nReply-To: d\r\n",
		  "Received: z\r\nResent-From: joe on box <me@x>\r\n"
		  "Resent-To: bob@dom.example\r\nReceived: y\r\nFrom: a@x, b@x\r\n"
		  "To: root\r\nCc: c\r\nReply-To: d\r\n" },
		/* Earlier blocks are history. */
		{ "Resent-From: a@x\r\nResent-Sender: joe\r\nResent-From: root\r\n"
		  "Resent-To: root\r\nFrom: a@x\r\n",
		  "Resent-From: a@x\r\nResent-Sender: joe on box <me@x>\r\n"
		  "Resent-From: root\r\nResent-To: root\r\nFrom: a@x\r\n" },
		{ "Resent-From: a@x, b@x\r\nFrom: c@x\r\n",
		  "Resent-From: a@x, b@x\r\nResent-Sender: me@x\r\nFrom: c@x\r\n" },
		/* No server takes a local name. */
		{ "Resent-From: a@x\r\nFrom: root\r\nTo: root\r\n",
		  "Resent-From: a@x\r\n" ROOT "To: root\r\n" },
	};
	struct rewrite r = local();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(&r, rows[i].in, rows[i].out);
	}
}

#define SIGNED                                                                          \
	"DKIM-Signature: v=1; h=from:to\r\nFrom: root\r\nSender: joe\r\nTo: root\r\n"       \
	"Reply-To: bob\r\nFrom: o@x\r\n"

static void a_signature_holds(void **state)
{
	struct rewrite r = local();

	(void)state;
	check(&r, SIGNED, SIGNED);
	assert_false(rewrite_breaks_signature(&r, span_str(SIGNED)));
	check(&r, "Resent-From: joe\r\n" SIGNED, "Resent-From: joe on box <me@x>\r\n" SIGNED);
	/* Only a server that insists is more important. */
	r.author.set_from = SET_FROM_ON;
	check(&r, SIGNED,
	      "DKIM-Signature: v=1; h=from:to\r\n" ROOT
	      "X-Original-Sender: joe@dom.example\r\n"
	      "To: root\r\nReply-To: bob\r\nX-Original-From: o@x\r\n");
	assert_true(rewrite_breaks_signature(&r, span_str(SIGNED)));
	assert_false(rewrite_breaks_signature(&r, span_str("From: o@x\r\n")));
	r.author.forced_name = "Me";
	static const char ours[] = "dkim-signature: x\r\nFrom: Y <me@x>\r\n";
	check(&r, ours, ours);
	assert_false(rewrite_breaks_signature(&r, span_str(ours)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_addresses_get_a_domain),
		cmocka_unit_test(return_path_goes),
		cmocka_unit_test(there_is_one_from_at_most),
		cmocka_unit_test(a_resent_message_stays_as_it_was),
		cmocka_unit_test(a_signature_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
