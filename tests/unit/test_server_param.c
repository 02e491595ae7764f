/* SPDX-License-Identifier: ISC */
/* Parameters of MAIL and RCPT. */
#include "unit.h"

#include "smtp/server_state.h"

static void each_has_its_code(void **state)
{
	static const struct {
		bool is_mail;
		int code;	/* 0 = accepted */
		const char *text;
	} cases[] = {
		{ true, 0, "" },
		{ true, 0, " \t " },
		{ true, 0, "SIZE=0" },
		{ true, 0, "size=12345678901234567890" },
		{ true, 501, "SIZE=123456789012345678901" },
		{ true, 501, "SIZE=" },
		{ true, 501, "SIZE" },
		{ true, 501, "SIZE=-1" },
		{ true, 501, "SIZE=1k" },
		{ true, 501, "SIZE=1 SIZE=1" },
		{ true, 501, "SIZE=1=1" },
		{ true, 0, "BODY=7BIT" },
		{ true, 0, "BODY=8bitMIME" },
		{ true, 504, "BODY=BINARYMIME" },
		{ true, 501, "BODY=9BIT" },
		{ true, 501, "BODY" },
		{ true, 0, "SMTPUTF8" },
		{ true, 501, "SMTPUTF8=1" },
		{ true, 501, "SMTPUTF8 smtputf8" },
		{ true, 0, "RET=FULL" },
		{ true, 0, "RET=hdrs" },
		{ true, 501, "RET=NONE" },
		{ true, 0, "ENVID=a+20b" },
		{ true, 501, "ENVID=a+0Ab" },
		{ true, 501, "ENVID=a+7Fb" },
		{ true, 501, "ENVID=a+C3+B6" },	/* ASCII only */
		{ true, 501, "ENVID=a+" },
		{ true, 501, "ENVID=a+2" },
		{ true, 501, "ENVID=a+2g" },
		{ true, 501, "ENVID=" },
		{ true, 555, "NOTIFY=NEVER" },
		{ true, 555, "AUTH=<>" },
		{ true, 555, "X" },
		{ true, 555, "REQUIRETLS" },
		{ true, 555, "XMODE=QUEUE" },	/* not offered to everybody */
		{ true, 555, "XERRORS=PRINT" },
		{ true, 555, "XNOTICE" },
		{ true, 555, "XRESULT" },
		{ true, 555, "XNAME=x" },
		{ true, 501, "=1" },
		{ true, 501, "-A=1" },
		{ true, 501, "A_B" },
		{ true, 501, "A=\x01" },
		{ true, 501, "A=\xff" },
		{ true, 0, "SIZE=1 BODY=7BIT RET=FULL ENVID=x SMTPUTF8" },
		{ false, 0, "NOTIFY=NEVER" },
		{ false, 0, "NOTIFY=success,DELAY,failure" },
		{ false, 501, "NOTIFY=NEVER,DELAY" },
		{ false, 501, "NOTIFY=DELAY," },
		{ false, 501, "NOTIFY=,DELAY" },
		{ false, 501, "NOTIFY=DELAY,,DELAY" },
		{ false, 501, "NOTIFY=ALWAYS" },
		{ false, 501, "NOTIFY" },
		{ false, 0, "ORCPT=rfc822;a@b.test" },
		{ false, 0, "ORCPT=utf-8;j\xc3\xb6@b.test" },
		{ false, 501, "ORCPT=rfc822;" },
		{ false, 501, "ORCPT=;a" },
		{ false, 501, "ORCPT=a@b.test" },
		{ false, 501, "ORCPT=rf+41;a" },
		{ false, 501, "ORCPT=rfc822;+0D+0A" },
		{ false, 501, "ORCPT=rfc822;+00" },
		{ false, 501, "ORCPT=rfc822;+C3" },
		{ false, 555, "SIZE=1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server_params p;
		struct smtp_answer why = { 0 };
		server_params_init(&p);
		/* Of exactly that size, so that a read behind the end is seen. */
		size_t size = strlen(cases[i].text);
		char *text = malloc(size + (size == 0));
		assert_non_null(text);
		memcpy(text, cases[i].text, size);
		bool ok = server_params_parse(&p, span_of(text, size), cases[i].is_mail, &why);
		free(text);
		if (ok != (cases[i].code == 0) || why.code != cases[i].code) {
			fail_msg("%s: %d, %s", cases[i].text, why.code, why.text);
		}
		if (!ok) {
			assert_string_equal(why.enhanced, "5.5.4");
			assert_int_equal(why.verdict, VERDICT_PERMANENT);
			assert_true(why.text[0]);
		}
		server_params_clear(&p);
	}
}

static void values_are_taken(void **state)
{
	struct server_params p;
	struct smtp_answer why;

	(void)state;
	server_params_init(&p);
	assert_true(server_params_parse(&p, span_str(" SIZE=77 body=8BITMIME SMTPUTF8 RET=HDRS"
						     "\tENVID=QQ+2b1+3D+20x "), true, &why));
	assert_true(p.size == 77 && p.is_8bit && p.is_smtputf8 && p.ret == SMTP_RET_HDRS);
	assert_string_equal(p.envid.data, "QQ+1= x");
	server_params_clear(&p);

	server_params_init(&p);
	assert_true(server_params_parse(&p, span_str("NOTIFY=DELAY,SUCCESS ORCPT=rfc822;a+2Bb@c"),
					false, &why));
	assert_int_equal(p.notify, SMTP_NOTIFY_DELAY | SMTP_NOTIFY_SUCCESS);
	assert_string_equal(p.orcpt.data, "rfc822;a+b@c");
	server_params_clear(&p);

	/* Too large for any number: too large for everybody. */
	server_params_init(&p);
	assert_true(server_params_parse(&p, span_str("SIZE=99999999999999999999"), true, &why));
	assert_true(p.size == ~0ULL);
	server_params_clear(&p);
}

static void long_values_are_refused(void **state)
{
	static const struct {
		const char *lead;
		size_t most;
		bool is_mail;
	} cases[] = { { "ENVID=", 100, true }, { "ORCPT=x;", 500 - 2, false } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (size_t over = 0; over < 2; over++) {
			BUF_AUTO struct buf text;
			struct server_params p;
			struct smtp_answer why;
			buf_init(&text, 1000);
			assert_true(buf_add_str(&text, cases[i].lead));
			for (size_t n = 0; n < cases[i].most + over; n++) {
				assert_true(buf_add_byte(&text, 'a'));
			}
			server_params_init(&p);
			assert_int_equal(server_params_parse(&p, buf_span(&text), cases[i].is_mail,
							     &why), over == 0);
			server_params_clear(&p);
		}
	}
}

static void our_own_are_taken_where_they_are_offered(void **state)
{
	static const struct {
		const char *text;
		int code;
		enum smtp_mode mode;
		enum smtp_errors errors;
	} cases[] = {
		{ "XMODE=queue XERRORS=PRINT", 0, SMTP_MODE_QUEUE, SMTP_ERRORS_PRINT },
		{ "XERRORS=MAIL XMODE=BACKGROUND", 0, SMTP_MODE_BACKGROUND, SMTP_ERRORS_MAIL },
		{ "SIZE=1", 0, SMTP_MODE_DEFAULT, SMTP_ERRORS_DEFAULT },
		{ "XMODE=INTERACTIVE", 501, 0, 0 },
		{ "XERRORS=ZERO XNOTICE XRESULT", 0, SMTP_MODE_DEFAULT, SMTP_ERRORS_ZERO },
		{ "XERRORS=quiet", 0, SMTP_MODE_DEFAULT, SMTP_ERRORS_QUIET },
		{ "XNAME=+C3+A4+20x", 0, 0, 0 },
		{ "XNAME=", 501, 0, 0 },
		{ "XNAME=a+0Ab", 501, 0, 0 },
		{ "XNAME=+ff", 501, 0, 0 },
		{ "XNAME=a+2", 501, 0, 0 },
		{ "XERRORS=REPLY", 501, 0, 0 },
		{ "XNOTICE=yes", 501, 0, 0 },
		{ "XMODE=QUEUE XMODE=QUEUE", 501, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server_params p;
		struct smtp_answer why = { 0 };
		server_params_init(&p);
		p.has_own = true;
		bool ok = server_params_parse(&p, span_str(cases[i].text), true, &why);
		assert_int_equal(why.code, cases[i].code);
		if (ok) {
			assert_int_equal(p.mode, cases[i].mode);
			assert_int_equal(p.errors, cases[i].errors);
			if (strstr(cases[i].text, "XNAME")) {
				assert_string_equal(p.full_name.data, "\xc3\xa4 x");
			}
			assert_int_equal(p.wants_notice, cases[i].errors == SMTP_ERRORS_ZERO);
			assert_int_equal(p.wants_result, cases[i].errors == SMTP_ERRORS_ZERO);
		}
		server_params_clear(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_its_code),
		cmocka_unit_test(values_are_taken),
		cmocka_unit_test(long_values_are_refused),
		cmocka_unit_test(our_own_are_taken_where_they_are_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
