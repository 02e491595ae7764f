/* SPDX-License-Identifier: ISC */
/* domains: addresses and headers; what makes A-labels is made up here. */
#include "unit.h"

#include "base/mem.h"
#include "base/text.h"
#include "mail/domains.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define INSTEAD "use an address that is, or another server"
#define UE "\xc3\xbc"

/* Each ü becomes "u--"; a domain with "bad" is none; with "evil" something else comes out. */
static bool to_ascii(void *context, struct span domain, struct buf *to, struct err *e)
{
	unsigned *calls = context;
	bool ok = true;

	(*calls)++;
	if (memmem(domain.data, domain.size, "bad", 3)) {
		return err_set(e, CAUSE_DATA, "the domain is bad");
	}
	if (memmem(domain.data, domain.size, "worse", 5)) {
		return err_set(e, CAUSE_CONFIG, "the library is missing");
	}
	if (memmem(domain.data, domain.size, "evil", 4)) {
		return buf_add_str(to, "x@y> <z");
	}
	for (size_t i = 0; ok && i < domain.size; i++) {
		bool is_ue = domain.data[i] == '\xc3';
		ok = is_ue ? buf_add_str(to, "u--") : buf_add_byte(to, domain.data[i]);
		i += is_ue;
	}
	return ok || err_set(e, CAUSE_DATA, "too long");
}

static unsigned calls;
static const struct domains domains = { .to_ascii = to_ascii, .context = &calls };

static void an_address_gets_its_domain_in_ascii(void **state)
{
	static const struct {
		const char *in, *out;	/* out NULL: it stays */
	} rows[] = {
		{ "joe@" UE ".x", "joe@u--.x" },
		{ "joe@a." UE "." UE, "joe@a.u--.u--" },
		{ "\"a @b\"@" UE ".x", "\"a @b\"@u--.x" },
		{ "joe@x", NULL },
		{ "joe", NULL },
		{ "", NULL },
		{ "joe@[192.0.2.1]", NULL },
		{ UE "@x", NULL },
		{ UE "@" UE ".x", NULL },
		{ UE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *spec MEM_AUTO = NULL;
		struct err e;
		calls = 0;
		assert_true(domains_spec(&domains, rows[i].in, &spec, &e));
		assert_int_equal(calls, rows[i].out != NULL);
		if (rows[i].out) {
			assert_string_equal(spec, rows[i].out);
		} else {
			assert_null(spec);
		}
	}
}

static void what_is_no_domain_is_said(void **state)
{
	static const struct {
		const char *in, *why;
	} rows[] = {
		{ "joe@bad" UE, "the domain is bad" },
		{ "joe@evil" UE, "the domain evil" UE " is not valid" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *spec MEM_AUTO = NULL;
		struct err e;
		assert_false(domains_spec(&domains, rows[i].in, &spec, &e));
		assert_null(spec);
		assert_int_equal(e.cause, CAUSE_DATA);
		assert_string_equal(e.text, rows[i].why);
	}
}

static void fields_keep_all_but_those_domains(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "To: joe@" UE ".x\r\n", "To: joe@u--.x\r\n" },
		{ "to:\t<joe@" UE ".x> ,\r\n\tann@x\r\n", "to:\t<joe@u--.x> ,\r\n\tann@x\r\n" },
		{ "From: " UE " <joe@" UE ".x> (" UE ")\r\n",
		  "From: " UE " <joe@u--.x> (" UE ")\r\n" },
		{ "Cc: A: joe@" UE ".x, ann@y, \"" UE "\" <z@" UE ">;\r\n",
		  "Cc: A: joe@u--.x, ann@y, \"" UE "\" <z@u-->;\r\n" },
		{ "Bcc: joe@" UE ".x.\r\n", "Bcc: joe@u--.x.\r\n" },
		{ "Sender: joe @ (here) " UE ".x\r\n", "Sender: joe@u--.x\r\n" },
		{ "Reply-To: <@" UE ":joe@" UE ".x>\r\n", "Reply-To: <@" UE ":joe@u--.x>\r\n" },
		{ "Resent-To: joe@" UE "\r\nResent-Cc: <>\r\n",
		  "Resent-To: joe@u--\r\nResent-Cc: <>\r\n" },
		/* What is no domain leads nowhere. */
		{ "Cc: Bad <joe@bad" UE ".x>, ann@" UE "\r\n",
		  "Cc: Bad <joe@badxc3xbc.x.invalid>, ann@u--\r\n" },
		{ "To: joe@-evil" UE ".x.\r\n", "To: joe@x2devilxc3xbc.x.invalid.\r\n" },
		/* As far as it can be read. */
		{ "To: joe@" UE ", <" UE "\r\n", "To: joe@u--, <" UE "\r\n" },
		/* No field of addresses. */
		{ "Subject: joe@" UE ".x\r\nReturn-Path: <j@" UE ">\r\nno field " UE "\r\n",
		  "Subject: joe@" UE ".x\r\nReturn-Path: <j@" UE ">\r\nno field " UE "\r\n" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		BUF_AUTO struct buf out;
		struct err e;
		buf_init(&out, 1000);
		assert_true(domains_header(&domains, span_str(rows[i].in), &out, &e));
		assert_string_equal(out.data, rows[i].out);
		assert_false(header_needs_smtputf8(buf_span(&out)));
	}
}

static void errors_name_field_and_address(void **state)
{
	static const struct {
		const char *in, *why;
		enum cause cause;
	} rows[] = {
		{ "To: a@b, J <" UE "@x>\r\n", "To: " UE "@x is not ASCII before the \"@\"; " INSTEAD,
		  CAUSE_DATA },
		{ "CC: " UE "\r\n", "CC: " UE " is not ASCII before the \"@\"; " INSTEAD, CAUSE_DATA },
		{ "Resent-From: j@worse" UE "\r\n",
		  "Resent-From: j@worse" UE ": the library is missing", CAUSE_CONFIG },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		BUF_AUTO struct buf out;
		struct err e;
		buf_init(&out, 1000);
		assert_false(domains_header(&domains, span_str(rows[i].in), &out, &e));
		assert_int_equal(e.cause, rows[i].cause);
		assert_string_equal(e.text, rows[i].why);
	}
}

static void lines_that_get_too_long_are_folded(void **state)
{
	BUF_AUTO struct buf in, out;
	size_t line = 0, longest = 0;
	struct err e;

	(void)state;
	buf_init(&in, 10000);
	buf_init(&out, 10000);
	assert_true(buf_add_str(&in, "To: a@b"));
	while (in.size < 980) {
		assert_true(buf_add_str(&in, ", jo@" UE));
	}
	assert_true(buf_add_str(&in, "\r\nX: y\r\n"));
	assert_true(domains_header(&domains, buf_span(&in), &out, &e));
	for (size_t i = 0; i < out.size; i++) {
		line = out.data[i] == '\n' ? 0 : line + 1;
		longest = line > longest ? line : longest;
	}
	assert_in_range(longest, 1, 998);
	assert_true(out.size > in.size && text_is_ascii(buf_span(&out)));
	assert_non_null(strstr(out.data, "\r\nX: y\r\n"));
}

static void a_full_buffer_is_an_error(void **state)
{
	static const char *const headers[] = { "To: joe@" UE "\r\n", "X: 0123456789\r\n" };

	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++) {
		BUF_AUTO struct buf out;
		struct err e;
		buf_init(&out, 12);
		assert_false(domains_header(&domains, span_str(headers[i]), &out, &e));
		assert_int_equal(e.cause, CAUSE_DATA);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_gets_its_domain_in_ascii),
		cmocka_unit_test(what_is_no_domain_is_said),
		cmocka_unit_test(fields_keep_all_but_those_domains),
		cmocka_unit_test(errors_name_field_and_address),
		cmocka_unit_test(lines_that_get_too_long_are_folded),
		cmocka_unit_test(a_full_buffer_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
