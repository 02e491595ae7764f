/* SPDX-License-Identifier: ISC */
/* idn: A-labels.  Without the library: tests/e2e/test_idn.py. */
#include "unit.h"

#include "sys/idn.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static bool is_mapped(void)
{
	char line[512];
	bool found = false;
	FILE *maps = fopen("/proc/self/maps", "re");

	assert_non_null(maps);
	while (!found && fgets(line, sizeof(line), maps)) {
		found = strstr(line, "/libidn2.so") != NULL;
	}
	fclose(maps);
	return found;
}

/* The first test: this program is not linked with libidn2. */
static void ascii_needs_no_library(void **state)
{
	static const char *const rows[] = {
		"mail.test", "MAIL.Test.", "xn--bcher-kva.test", "a_b", "[192.0.2.1]", "",
		"127.0.0.1", "..", "any thing",
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		BUF_AUTO struct buf out;
		buf_init(&out, 100);
		assert_true(idn_to_ascii(span_str(rows[i]), &out, &e));
		assert_string_equal(out.data, rows[i]);
	}
	assert_false(is_mapped());
}

static void other_letters_become_a_labels(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "bücher.test", "xn--bcher-kva.test" },
		{ "BÜCHER.Test", "xn--bcher-kva.test" },
		{ "bu\xcc\x88\x63her.test", "xn--bcher-kva.test" },	/* not NFC */
		{ "例え.テスト", "xn--r8jz45g.xn--zckzah" },
		{ "例え。テスト", "xn--r8jz45g.xn--zckzah" },
		{ "ｍａｉｌ．例え", "mail.xn--r8jz45g" },
		{ "faß.test", "xn--fa-hia.test" },	/* not "fass" */
		{ "a_b.ü", "a_b.xn--tda" },
		{ "xn--bcher-kva.ü", "xn--bcher-kva.xn--tda" },
		{ "ü.test.", "xn--tda.test." },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		BUF_AUTO struct buf out;
		struct err e = { 0 };
		buf_init(&out, 100);
		assert_true(buf_add_str(&out, "joe@"));
		if (!idn_to_ascii(span_str(rows[i].in), &out, &e)) {
			fail_msg("%s: %s", rows[i].in, e.text);
		}
		assert_string_equal(out.data + 4, rows[i].out);
	}
	assert_true(is_mapped());
}

static void a_labels_become_letters(void **state)
{
	static const struct {
		const char *in, *out;	/* NULL: refused */
	} rows[] = {
		{ "xn--bcher-kva.test", "bücher.test" },
		{ "XN--Bcher-KVA.Test", "Bücher.Test" },
		{ "xn--r8jz45g.xn--zckzah", "例え.テスト" },
		{ "mail.test", "mail.test" },
		{ "xn--tda.test.", "ü.test." },
		/* Not what makes such a label: */
		{ "xn--bcher-kva-.test", NULL }, { "xn--.test", NULL }, { "xn--a.test", NULL },
		{ "xn--BCHER-.test", NULL }, { "xn--a-ecp.ru", NULL },
		{ "bücher.test", NULL }, { "xn--tda\r\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		BUF_AUTO struct buf out;
		struct err e = { 0 };
		buf_init(&out, 100);
		if (idn_to_unicode(span_str(rows[i].in), &out, &e) != (rows[i].out != NULL)) {
			fail_msg("%s became %s: %s", rows[i].in, out.data, e.text);
		}
		assert_string_equal(out.size > 0 ? out.data : "", rows[i].out ? rows[i].out : "");
	}
}

static void what_is_no_domain_is_refused(void **state)
{
	static const char *const rows[] = {
		"-ü.test", "ü-.test", "xn--ü.test", "ü b.test", "a＠ü.test", "ü@b.test", "ü/x",
		"ü:25", "ü[1]", "<ü>", "\"ü\"", "ü\r\n", "\xff.test", "ü\xe2\x80\xae.test",
		"ü\xe2\x80\x8d.test", "ü.xn--99zzz\xc3\xbc",
		"üaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		BUF_AUTO struct buf out;
		struct err e = { 0 };
		buf_init(&out, 100);
		if (idn_to_ascii(span_str(rows[i]), &out, &e)) {
			fail_msg("%s became %s", rows[i], out.data);
		}
		assert_int_equal(e.cause, CAUSE_DATA);
		assert_non_null(strstr(e.text, "is not valid: "));
		assert_int_equal(out.size, 0);
	}
}

static void what_is_too_long_is_an_error(void **state)
{
	static const char *const rows[] = { "mail.test", "ü.test" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		BUF_AUTO struct buf out;
		struct err e;
		buf_init(&out, 5);
		assert_false(idn_to_ascii(span_str(rows[i]), &out, &e));
		assert_int_equal(e.cause, CAUSE_DATA);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ascii_needs_no_library),
		cmocka_unit_test(other_letters_become_a_labels),
		cmocka_unit_test(a_labels_become_letters),
		cmocka_unit_test(what_is_no_domain_is_refused),
		cmocka_unit_test(what_is_too_long_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
