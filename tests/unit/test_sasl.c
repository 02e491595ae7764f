/* SPDX-License-Identifier: ISC */
/*
 * sasl: the client against RFC texts and against libgsasl's own server side.  (SCRAM's
 * examples in RFC 5802 and RFC 7677 need a fixed nonce, which the library does not take.)
 */
#include "unit.h"

#include "sys/sasl.h"

#include <gsasl.h>

struct server {
	Gsasl *context;
	Gsasl_session *session;
	const char *password;	/* what the server believes */
	const char *exporter;	/* base64; NULL = no channel binding */
};

static int server_callback(Gsasl *context, Gsasl_session *session, Gsasl_property property)
{
	const struct server *server = gsasl_callback_hook_get(context);

	switch ((int)property) {
	case GSASL_PASSWORD:
		return gsasl_property_set(session, property, server->password);
	case GSASL_CB_TLS_EXPORTER:
		return server->exporter ?
			       gsasl_property_set(session, property, server->exporter) :
			       GSASL_NO_CALLBACK;
	case GSASL_SERVICE:
		return gsasl_property_set(session, property, "smtp");
	case GSASL_HOSTNAME:
		return gsasl_property_set(session, property, "mail.test");
	default:
		return GSASL_NO_CALLBACK;
	}
}

static void server_start(struct server *server, const char *mechanism)
{
	assert_int_equal(gsasl_init(&server->context), GSASL_OK);
	gsasl_callback_hook_set(server->context, server);
	gsasl_callback_set(server->context, server_callback);
	assert_int_equal(gsasl_server_start(server->context, mechanism, &server->session),
			 GSASL_OK);
}

static void server_end(struct server *server)
{
	gsasl_finish(server->session);
	gsasl_done(server->context);
}

static struct sasl_options login(const char *user, const char *password)
{
	return (struct sasl_options){
		.user = user, .secret = span_str(password), .host = "mail.test", .port = 587,
		.is_tls = true,
	};
}

/* What the client says next; NULL with *e set when it refuses. */
static char *answer(struct sasl *s, struct span challenge, struct err *e)
{
	struct buf out;

	buf_init_secret(&out, 32768);
	if (!sasl_step(s, challenge, &out, e)) {
		buf_clear(&out);
		return NULL;
	}
	return buf_take(&out);
}

/* A whole dialogue with the library's server.  True: both sides are content. */
static bool talk(const char *mechanism, const struct sasl_options *o, struct server *server,
		 struct err *e)
{
	struct buf out;
	bool has, ok;
	int code = GSASL_NEEDS_MORE;
	struct sasl *s = sasl_new(mechanism, o, e);

	if (!s) {
		return false;
	}
	server_start(server, mechanism);
	buf_init_secret(&out, 32768);
	ok = sasl_initial(s, &out, &has, e);
	for (int i = 0; ok && i < 10 && code == GSASL_NEEDS_MORE; i++) {
		char *challenge = NULL;
		size_t size = 0;
		code = gsasl_step(server->session, out.data, out.size, &challenge, &size);
		buf_reset(&out);
		if (code == GSASL_NEEDS_MORE || (code == GSASL_OK && size > 0)) {
			/* SMTP sends the last word as a challenge too (RFC 4954 §4). */
			ok = sasl_step(s, span_of(challenge, size), &out, e);
		}
		gsasl_free(challenge);
	}
	if (ok && code != GSASL_OK) {
		ok = err_set(e, CAUSE_AUTH, "refused: %s", gsasl_strerror(code));
	}
	ok = ok && sasl_finish(s, e);
	buf_clear(&out);
	sasl_free(s);
	server_end(server);
	return ok;
}

static void logs_in_with_every_password_mechanism_of_the_library(void **state)
{
	static const char *const mechanisms[] = {
		"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "DIGEST-MD5",
	};
	static const char *const passwords[] = { "pencil", "a b,c=d", "p\303\244ss", "\342\205\250" };

	(void)state;
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		for (size_t k = 0; k < sizeof(passwords) / sizeof(passwords[0]); k++) {
			/* ROMAN NUMERAL NINE is prepared to IX: the server may have that. */
			struct server server = { .password = k == 3 ? "IX" : passwords[k] };
			struct sasl_options o = login("user", passwords[k]);
			struct err e = { 0 };
			if (!talk(mechanisms[i], &o, &server, &e)) {
				fail_msg("%s, %s: %s", mechanisms[i], passwords[k], e.text);
			}
			server.password = "other";
			assert_false(talk(mechanisms[i], &o, &server, &e));
			assert_int_equal(e.cause, CAUSE_AUTH);
			assert_null(strstr(e.text, passwords[k]));
		}
	}
}

static void binds_to_the_tls_channel(void **state)
{
	static const char *const mechanisms[] = { "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS" };
	struct sasl_options o = login("user", "pencil");
	struct err e = { 0 };

	(void)state;
	o.binding_type = "tls-exporter";
	o.binding = span_str("channel");
	for (size_t i = 0; i < 2; i++) {
		struct server server = { .password = "pencil", .exporter = "Y2hhbm5lbA==" };
		if (!talk(mechanisms[i], &o, &server, &e)) {
			fail_msg("%s: %s", mechanisms[i], e.text);
		}
		/* Another channel: somebody stands between. */
		server.exporter = "bWl0bQ==";
		assert_false(talk(mechanisms[i], &o, &server, &e));
	}
}

/* The flag in front of SCRAM's first message (RFC 5802 §6). */
static void scram_says_whether_it_binds(void **state)
{
	static const struct {
		const char *mechanism, *type, *start;
	} cases[] = {
		{ "SCRAM-SHA-256", "tls-exporter", "n,,n=user,r=" },
		{ "SCRAM-SHA-1", NULL, "n,,n=user,r=" },
		{ "SCRAM-SHA-256-PLUS", "tls-exporter", "p=tls-exporter,,n=user,r=" },
		{ "SCRAM-SHA-1-PLUS", "tls-unique", "p=tls-unique,,n=user,r=" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sasl_options o = login("user", "pencil");
		struct buf out;
		struct err e;
		bool has;
		o.binding_type = cases[i].type;
		o.binding = span_str("channel");
		struct sasl *s = sasl_new(cases[i].mechanism, &o, &e);
		assert_non_null(s);
		assert_false(sasl_is_single(s));
		buf_init(&out, 4096);
		if (!sasl_initial(s, &out, &has, &e)) {
			fail_msg("case %zu: %s", i, e.text);
		}
		assert_true(has);
		assert_int_equal(strncmp(out.data, cases[i].start, strlen(cases[i].start)), 0);
		buf_clear(&out);
		sasl_free(s);
	}
}

/* The server must show that it knows the password too; else it is no login. */
static void a_server_that_cannot_prove_itself_is_refused(void **state)
{
	static const struct {
		const char *final;	/* instead of the true server-final-message */
		bool step_fails;
		const char *server_error;
	} cases[] = {
		{ "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", true, "" },
		{ "v=", true, "" },
		{ "", true, "" },
		{ NULL, false, "" },	/* 235 at once, no proof at all */
		{ "e=invalid-proof\r\n", false, "invalid-proof??" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sasl_options o = login("user", "pencil");
		struct server server = { .password = "pencil" };
		struct err e = { 0 };
		struct sasl *s = sasl_new("SCRAM-SHA-256", &o, &e);
		char *challenge = NULL;
		size_t size = 0;
		assert_non_null(s);
		server_start(&server, "SCRAM-SHA-256");
		/* Without an initial response: the empty challenge asks for the first. */
		char *first = answer(s, span_str(""), &e);
		assert_int_equal(gsasl_step(server.session, first, strlen(first), &challenge,
					    &size), GSASL_NEEDS_MORE);
		char *final = answer(s, span_of(challenge, size), &e);
		assert_non_null(final);
		assert_null(strstr(final, "pencil"));
		if (cases[i].final) {
			char *last = answer(s, span_str(cases[i].final), &e);
			assert_int_equal(last == NULL, cases[i].step_fails);
			free(last);
		}
		if (!cases[i].step_fails) {
			assert_false(sasl_finish(s, &e));
		}
		assert_int_equal(e.cause, CAUSE_AUTH);
		if (i == 0 || i == 3) {
			assert_non_null(strstr(e.text, "could not prove"));
		}
		assert_string_equal(sasl_server_error(s), cases[i].server_error);
		free(first);
		free(final);
		gsasl_free(challenge);
		sasl_free(s);
		server_end(&server);
	}
}

static void nonsense_from_a_scram_server_is_refused(void **state)
{
	static const char *const challenges[] = {
		"", "x", "r=", "r=abc,s=QSXCR+Q6sek8bf92,i=4096", "\xff\xff", "i=4096",
		"r=%s,s=QSXCR+Q6sek8bf92,i=2000001", "r=%s,s=QSXCR+Q6sek8bf92,i=99999999999999999999",
		"r=%s,s=QSXCR+Q6sek8bf92,i=-1", "r=%s,s=QSXCR+Q6sek8bf92,i=", "r=%s,s=?,i=4096",
		"r=%s,i=4096", "m=ext,r=%s,s=QSXCR+Q6sek8bf92,i=4096",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(challenges) / sizeof(challenges[0]); i++) {
		struct sasl_options o = login("user", "pencil");
		struct err e = { 0 };
		struct buf challenge;
		struct sasl *s = sasl_new("SCRAM-SHA-256", &o, &e);
		assert_non_null(s);
		char *first = answer(s, span_str(""), &e);
		buf_init(&challenge, 4096);
		/* The server's nonce begins with ours. */
		const char *nonce = strstr(first, "r=") + 2, *hole = strstr(challenges[i], "%s");
		size_t before = hole ? (size_t)(hole - challenges[i]) : strlen(challenges[i]);
		assert_true(buf_add(&challenge, challenges[i], before));
		if (hole) {
			assert_true(buf_add_str(&challenge, nonce));
			assert_true(buf_add_str(&challenge, hole + 2));
		}
		char *second = answer(s, buf_span(&challenge), &e);
		if (second) {
			fail_msg("%s was answered with %s", challenges[i], second);
		}
		assert_int_equal(e.cause, CAUSE_AUTH);
		buf_clear(&challenge);
		free(first);
		sasl_free(s);
	}
}

/* RFC 2195 §2 */
static void cram_md5_gives_the_example_of_its_rfc(void **state)
{
	struct sasl_options o = login("tim", "tanstaaftanstaaf");
	struct buf out;
	struct err e;
	bool has = true;

	(void)state;
	struct sasl *s = sasl_new("CRAM-MD5", &o, &e);
	assert_non_null(s);
	buf_init(&out, 4096);
	assert_true(sasl_initial(s, &out, &has, &e));
	assert_false(has);
	assert_false(sasl_is_single(s));
	char *text = answer(s, span_str("<1896.697170952@postoffice.reston.mci.net>"), &e);
	assert_string_equal(text, "tim b913a602c7eda7a495b4e6e7334d3890");
	assert_true(sasl_finish(s, &e));
	free(text);
	buf_clear(&out);
	sasl_free(s);
}

/* Mechanisms done here: what they say first, then what they answer. */
static void the_simple_mechanisms_say_what_their_rfcs_say(void **state)
{
	static const struct {
		const char *mechanism, *user, *secret;
		const char *initial;	/* NULL: waits to be asked */
		size_t size;
		bool is_single;
	} cases[] = {
		{ "PLAIN", "tim", "tanstaaf", "\0tim\0tanstaaf", 13, true },
		{ "PLAIN", "tim", "t\303\244n", "\0tim\0t\303\244n", 9, true },
		/* Newer than Unicode 3.2. */
		{ "PLAIN", "tim", "\360\237\224\221", "\0tim\0\360\237\224\221", 9, true },
		{ "plain", "a", "\342\205\250", "\0a\0IX", 5, true },
		{ "EXTERNAL", "", "", "", 0, true },
		{ "EXTERNAL", "other", "", "other", 5, true },
		{ "XOAUTH2", "me@x.test", "tok", "user=me@x.test\1auth=Bearer tok\1\1", 32, false },
		{ "OAUTHBEARER", "a,b=c", "tok",
		  "n,a=a=2Cb=3Dc,\1host=mail.test\1port=587\1auth=Bearer tok\1\1", 56, false },
		{ "LOGIN", "tim", "tanstaaf", NULL, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sasl_options o = login(cases[i].user, cases[i].secret);
		struct buf out;
		struct err e;
		bool has = false;
		struct sasl *s = sasl_new(cases[i].mechanism, &o, &e);
		if (!s) {
			fail_msg("%s: %s", cases[i].mechanism, e.text);
			return;
		}
		buf_init(&out, 4096);
		assert_int_equal(sasl_is_single(s), cases[i].is_single);
		assert_true(sasl_initial(s, &out, &has, &e));
		assert_int_equal(has, cases[i].initial != NULL);
		if (has) {
			assert_int_equal(out.size, cases[i].size);
			assert_memory_equal(out.data, cases[i].initial, out.size);
			assert_true(sasl_finish(s, &e));
		}
		buf_clear(&out);
		sasl_free(s);
	}
}

static void login_answers_two_questions_and_no_third(void **state)
{
	static const char *const questions[] = { "Username:", "Password:", "" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {	/* however they are worded */
		struct sasl_options o = login("tim", "tanstaaf");
		struct err e;
		struct sasl *s = sasl_new("LOGIN", &o, &e);
		assert_non_null(s);
		char *user = answer(s, span_str(questions[i]), &e);
		assert_string_equal(user, "tim");
		assert_false(sasl_finish(s, &e));
		char *password = answer(s, span_str(questions[(i + 1) % 3]), &e);
		assert_string_equal(password, "tanstaaf");
		assert_true(sasl_finish(s, &e));
		assert_null(answer(s, span_str("Shoe size:"), &e));
		assert_int_equal(e.cause, CAUSE_AUTH);
		free(user);
		free(password);
		sasl_free(s);
	}
}

static void an_oauth_refusal_is_kept_and_answered(void **state)
{
	static const struct {
		const char *mechanism, *answer;
	} cases[] = { { "XOAUTH2", "" }, { "OAUTHBEARER", "\1" } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sasl_options o = login("me", "token");
		struct buf out;
		struct err e;
		bool has;
		struct sasl *s = sasl_new(cases[i].mechanism, &o, &e);
		assert_non_null(s);
		buf_init_secret(&out, 4096);
		assert_true(sasl_initial(s, &out, &has, &e));
		assert_string_equal(sasl_server_error(s), "");
		char *text = answer(s, span_str("{\"status\":\"401\"}\033[2J"), &e);
		assert_string_equal(text, cases[i].answer);
		assert_string_equal(sasl_server_error(s), "{\"status\":\"401\"}?[2J");
		assert_false(sasl_finish(s, &e));
		assert_null(answer(s, span_str("{}"), &e));
		free(text);
		buf_clear(&out);
		sasl_free(s);
	}
}

static void what_cannot_be_sent_is_refused_before(void **state)
{
	static const struct {
		const char *mechanism, *user, *secret;
		size_t size;
		const char *word;
	} cases[] = {
		{ "PLAIN", "", "secret", 6, "user" },
		{ "PLAIN", NULL, "secret", 6, "user" },
		{ "PLAIN", "u", "", 0, "password" },
		{ "PLAIN", "u", "se\0cret", 7, "NUL" },
		{ "PLAIN", "u", "\344 latin1", 8, "UTF-8" },
		{ "PLAIN", "u", "se\tcret", 7, "SASLprep" },
		{ "PLAIN", "u", "\342\200\256", 3, "SASLprep" },
		{ "SCRAM-SHA-256", "u\177", "secret", 6, "SASLprep" },
		{ "XOAUTH2", "u", "to ken", 6, "token" },
		{ "XOAUTH2", "u", "to\1ken", 6, "token" },
		{ "OAUTHBEARER", "u\1auth=x", "token", 5, "control" },
		{ "OTP", "u", "secret", 6, "OTP" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sasl_options o = login(cases[i].user, "");
		struct err e = { 0 };
		o.secret = span_of(cases[i].secret, cases[i].size);
		assert_null(sasl_new(cases[i].mechanism, &o, &e));
		assert_int_equal(e.cause, CAUSE_CONFIG);
		if (!strstr(e.text, cases[i].word)) {
			fail_msg("case %zu: %s", i, e.text);
		}
		assert_null(strstr(e.text, "secret"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_in_with_every_password_mechanism_of_the_library),
		cmocka_unit_test(binds_to_the_tls_channel),
		cmocka_unit_test(scram_says_whether_it_binds),
		cmocka_unit_test(a_server_that_cannot_prove_itself_is_refused),
		cmocka_unit_test(nonsense_from_a_scram_server_is_refused),
		cmocka_unit_test(cram_md5_gives_the_example_of_its_rfc),
		cmocka_unit_test(the_simple_mechanisms_say_what_their_rfcs_say),
		cmocka_unit_test(login_answers_two_questions_and_no_third),
		cmocka_unit_test(an_oauth_refusal_is_kept_and_answered),
		cmocka_unit_test(what_cannot_be_sent_is_refused_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
