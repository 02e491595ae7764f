/* SPDX-License-Identifier: ISC */
/* The client engine and the service of the machine: what no other server offers. */
#include "unit.h"

#include "talk.h"

static void our_own_parameters_go_to_our_own_server(void **state)
{
	struct talk t;

	(void)state;
	for (int has_own = 0; has_own < 2; has_own++) {
		struct buf told BUF_AUTO;
		buf_init(&told, 1000);
		start(&t, SMTP_NO_TLS);
		t.txn.told = &told;
		t.txn.full_name = "\xc3\xa4 +x";
		t.txn.mode = SMTP_MODE_QUEUE;
		t.txn.wants_notice = true;
		t.txn.errors = SMTP_ERRORS_ZERO;
		up_to_ehlo(&t, has_own ? "250-a\r\n250-PIPELINING\r\n250-XSUBMIT\r\n250 CHUNKING\r\n"
				       : "250-a\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
		writes(&t, has_own ? "MAIL FROM:<joe@client.test> XMODE=QUEUE XERRORS=ZERO XNOTICE XRESULT XNAME=+C3+A4+20+2Bx\r\n"
				     "RCPT TO:<ann@server.test>\r\n" CHUNK "QUIT\r\n"
				   : ENVELOPE CHUNK "QUIT\r\n");
		smtp_client_free(t.c);
	}
}

static void a_result_is_taken_out_of_the_reply(void **state)
{
	static const struct {
		bool is_own, is_wanted;
		const char *reply, *told, *text;
	} cases[] = {
		{ true, true, "250-2.0.0 Ok\r\n250-2.0.0 |a b\r\n250 2.0.0 0 1\r\n", "|a b\n0 1",
		  "250 2.0.0 Ok" },
		{ true, true, "550-5.1.1 no\r\n550 5.1.1 67 0\r\n", "67 0", "550 5.1.1 no" },
		{ true, true, "250 2.0.0 Ok\r\n", "", "250 2.0.0 Ok" },
		{ true, false, "550-5.1.1 no\r\n550 5.1.1 67 0\r\n", "", "550 5.1.1 no 67 0" },
		{ false, true, "550-5.1.1 no\r\n550 5.1.1 67 0\r\n", "", "550 5.1.1 no 67 0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf told BUF_AUTO;
		struct talk t;
		buf_init(&told, 1000);
		start(&t, SMTP_NO_TLS);
		t.txn.told = cases[i].is_wanted ? &told : NULL;
		up_to_ehlo(&t, cases[i].is_own
				       ? "250-a\r\n250-PIPELINING\r\n250-XSUBMIT\r\n250 CHUNKING\r\n"
				       : PIPED);
		wants(&t, SMTP_WRITE);
		smtp_client_wrote(t.c);
		say(&t, "250 a\r\n250 b\r\n");
		say(&t, cases[i].reply);
		wants(&t, SMTP_SETTLED);
		assert_string_equal(told.size > 0 ? told.data : "", cases[i].told);
		assert_string_equal(t.rcpts[0].outcome.text, cases[i].text);
		smtp_client_free(t.c);
	}
}

/* It answers at once, but for the message: behind that is a server with timeouts of its own. */
static void our_own_service_has_its_own_timeouts(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	t.options.is_own_service = true;
	begin(&t);
	assert_int_equal(wants(&t, SMTP_READ).timeout_s, 60);
	say(&t, "220 a\r\n");
	writes(&t, EHLO);
	assert_int_equal(wants(&t, SMTP_READ).timeout_s, 60);
	say(&t, PIPED);
	writes(&t, ENVELOPE CHUNK "QUIT\r\n");
	assert_int_equal(wants(&t, SMTP_READ).timeout_s, 60);
	say(&t, "250 a\r\n250 b\r\n");
	assert_int_equal(wants(&t, SMTP_READ).timeout_s, 3600);
	smtp_client_free(t.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_own_parameters_go_to_our_own_server),
		cmocka_unit_test(a_result_is_taken_out_of_the_reply),
		cmocka_unit_test(our_own_service_has_its_own_timeouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
