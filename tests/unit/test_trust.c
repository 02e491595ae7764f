/* SPDX-License-Identifier: ISC */
/* trust: what is found in a bundle, and that damaged ones are passed over. */
#include "unit.h"

#include "base/buf.h"
#include "base/text.h"
#include "sys/trust.h"

#include <sys/mman.h>
#include <unistd.h>

/* A file in memory: the tests write it some thousand times. */
static char path[40];
static int file_fd;

static void put(struct buf *to, const void *data, size_t size)
{
	assert_true(buf_add(to, data, size));
}

/* tag, length in the shortest form, content */
static void put_der(struct buf *to, unsigned char tag, const struct buf *content)
{
	size_t n = content->size;
	unsigned char header[4] = { tag };
	size_t size = 2;

	if (n < 128) {
		header[1] = (unsigned char)n;
	} else if (n < 256) {
		header[1] = 0x81;
		header[2] = (unsigned char)n;
		size = 3;
	} else {
		header[1] = 0x82;
		header[2] = (unsigned char)(n >> 8);
		header[3] = (unsigned char)n;
		size = 4;
	}
	put(to, header, size);
	put(to, content->data, n);
}

/* Not a real Name, but an element like one. */
static void put_name(struct buf *to, const char *text)
{
	struct buf inner BUF_AUTO;

	buf_init(&inner, 4096);
	put(&inner, text, strlen(text));
	put_der(to, 0x30, &inner);
}

struct made {
	struct buf der, issuer, subject;
};

/* All of a certificate that matters here; `rest` bytes stand for the key and signature. */
static void make(struct made *m, const char *issuer, const char *subject, bool is_v1, size_t rest)
{
	struct buf tbs BUF_AUTO, all BUF_AUTO;

	buf_init(&tbs, 100000);
	buf_init(&all, 100000);
	buf_init(&m->der, 100000);
	buf_init(&m->issuer, 4096);
	buf_init(&m->subject, 4096);
	put_name(&m->issuer, issuer);
	put_name(&m->subject, subject);
	if (!is_v1) {
		put(&tbs, "\xa0\x03\x02\x01\x02", 5);
	}
	put(&tbs, "\x02\x01\x07", 3);
	put(&tbs, "\x30\x02\x06\x00", 4);
	put(&tbs, m->issuer.data, m->issuer.size);
	put(&tbs, "\x30\x02\x17\x00", 4);
	put(&tbs, m->subject.data, m->subject.size);
	for (size_t i = 0; i < rest; i++) {
		put(&tbs, &(char){ (char)i }, 1);
	}
	put_der(&all, 0x30, &tbs);
	put_der(&m->der, 0x30, &all);
}

static void unmake(struct made *m)
{
	buf_clear(&m->der);
	buf_clear(&m->issuer);
	buf_clear(&m->subject);
}

/* label "CERTIFICATE", lines of `width` digits (0: one line) that end in `eol` */
static void put_pem(struct buf *to, const struct buf *der, const char *label, size_t width,
		    const char *eol)
{
	struct buf text BUF_AUTO;

	buf_init(&text, 200000);
	assert_true(text_base64_add(&text, buf_span(der)));
	assert_true(buf_printf(to, "-----BEGIN %s-----%s", label, eol));
	for (size_t i = 0; i < text.size; i += width ? width : text.size) {
		struct span line = span_from(buf_span(&text), i);
		put(to, line.data, span_first(line, width ? width : text.size).size);
		put(to, eol, strlen(eol));
	}
	assert_true(buf_printf(to, "-----END %s-----%s", label, eol));
}

static void write_file(const void *data, size_t size)
{
	assert_int_equal(ftruncate(file_fd, 0), 0);
	assert_int_equal(pwrite(file_fd, data, size, 0), size);
}

struct hits {
	struct buf all;		/* the DER of each, in order */
	size_t count;
	bool refuse;
};

static bool found(void *context, struct span der, struct err *e)
{
	struct hits *h = context;

	h->count++;
	put(&h->all, der.data, der.size);
	return !h->refuse || err_set(e, CAUSE_OS, "enough");
}

/* Searches the file; gives how many match, and *total how many there are. */
static size_t search(const struct buf *name, struct buf *all, size_t *total)
{
	struct hits h = { 0 };
	struct span wanted[] = { span_str("no such name"), buf_span(name) };
	struct err e = { 0 };

	buf_init(&h.all, 1000000);
	bool ok = trust_search(path, wanted, 2, found, &h, total, &e);
	if (!ok) {
		fail_msg("%s", e.text);
	}
	if (all) {
		put(all, h.all.data, h.all.size);
	}
	buf_clear(&h.all);
	return h.count;
}

static void finds_by_subject_in_the_order_of_the_file(void **state)
{
	struct made a, b, c, other;
	struct buf file BUF_AUTO, want BUF_AUTO, got BUF_AUTO;
	size_t total;

	(void)state;
	buf_init(&file, 100000);
	buf_init(&want, 100000);
	buf_init(&got, 100000);
	make(&a, "root", "wanted", false, 300);
	make(&b, "other", "wanted", false, 17);
	make(&c, "x", "wanted", true, 5);
	/* The wanted name is its issuer and not its subject; and one of the same length. */
	make(&other, "wanted", "unwant", false, 100);
	put_pem(&file, &a.der, "CERTIFICATE", 64, "\n");
	assert_true(buf_add_str(&file, "\n# A comment - with dashes -- and -----BEGIN nothing\n"));
	put_pem(&file, &other.der, "CERTIFICATE", 64, "\n");
	put_pem(&file, &b.der, "X509 CERTIFICATE", 76, "\r\n");
	put_pem(&file, &other.der, "TRUSTED CERTIFICATE", 64, "\n");
	put_pem(&file, &c.der, "CERTIFICATE", 0, " \t\n");
	write_file(file.data, file.size);
	put(&want, a.der.data, a.der.size);
	put(&want, b.der.data, b.der.size);
	put(&want, c.der.data, c.der.size);
	assert_int_equal(search(&a.subject, &got, &total), 3);
	assert_int_equal(total, 4);
	assert_int_equal(got.size, want.size);
	assert_memory_equal(got.data, want.data, want.size);
	assert_int_equal(search(&b.issuer, NULL, &total), 0);
	unmake(&a);
	unmake(&b);
	unmake(&c);
	unmake(&other);
}

static void any_length_of_certificate_is_decoded_whole(void **state)
{
	(void)state;
	for (size_t rest = 0; rest < 150; rest++) {
		struct made m;
		struct buf file BUF_AUTO, got BUF_AUTO;
		size_t total;
		buf_init(&file, 10000);
		buf_init(&got, 10000);
		make(&m, "i", "s", rest % 2, rest);
		put_pem(&file, &m.der, "CERTIFICATE", 61, "\n");
		write_file(file.data, file.size);
		assert_int_equal(search(&m.subject, &got, &total), 1);
		assert_int_equal(got.size, m.der.size);
		assert_memory_equal(got.data, m.der.data, got.size);
		unmake(&m);
	}
}

/* The file is read through a window of 64 KiB: nothing may be lost at its edges. */
static void finds_across_the_edges_of_the_window(void **state)
{
	struct made m;
	size_t total;

	(void)state;
	make(&m, "i", "s", false, 200);
	for (size_t before = 65536 - 500; before < 65536 + 50; before += 7) {
		struct buf file BUF_AUTO;
		buf_init(&file, 400000);
		for (size_t i = 0; i < before; i++) {
			put(&file, i % 70 ? "-" : "\n", 1);
		}
		put(&file, "\n", 1);
		put_pem(&file, &m.der, "CERTIFICATE", 64, "\n");
		put_pem(&file, &m.der, "X509 CERTIFICATE", 64, "\n");
		write_file(file.data, file.size);
		assert_int_equal(search(&m.subject, NULL, &total), 2);
		assert_int_equal(total, 2);
	}
	unmake(&m);
}

static void what_is_too_long_or_without_end_hides_nothing_behind_it(void **state)
{
	struct made m, large;
	struct buf file BUF_AUTO;
	size_t total;

	(void)state;
	buf_init(&file, 400000);
	make(&m, "i", "s", false, 200);
	make(&large, "i", "s", false, 60000);
	put_pem(&file, &large.der, "CERTIFICATE", 64, "\n");
	put_pem(&file, &m.der, "CERTIFICATE", 64, "\n");
	assert_true(buf_add_str(&file, "-----BEGIN CERTIFICATE-----\nMIIC\n"));
	put_pem(&file, &m.der, "CERTIFICATE", 64, "\n");
	assert_true(buf_add_str(&file, "-----BEGIN CERTIFICATE-----\nMIIC"));
	write_file(file.data, file.size);
	assert_int_equal(search(&m.subject, NULL, &total), 2);
	unmake(&m);
	unmake(&large);
}

/* One damaged certificate, then a good one: only the good one is found. */
static void damaged_certificates_are_passed_over(void **state)
{
	static const char *const damaged[] = {
		"",
		"=",
		"M",
		"MI",
		"****",
		"MIIB!",
		"MAA=",			/* SEQUENCE of nothing */
		"MIT/////MAA=",		/* length in four bytes */
		"MID/",			/* length of 255 and nothing there */
		"MIP///8wAwIBBw==",	/* length of 16 MiB */
		"MAUwAwIBBw==",		/* a serial number and no more */
		"MBUwEwIBBzCD////MIP///8wg////zAA",
		"MYIB",			/* a SET */
		"MAowCKADAgECAgEH",	/* ends before the names */
	};
	struct made m;

	(void)state;
	make(&m, "i", "s", false, 20);
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		struct buf file BUF_AUTO;
		size_t total;
		buf_init(&file, 10000);
		assert_true(buf_printf(&file, "-----BEGIN CERTIFICATE-----\n%s\n"
				       "-----END CERTIFICATE-----\n", damaged[i]));
		put_pem(&file, &m.der, "CERTIFICATE", 64, "\n");
		write_file(file.data, file.size);
		assert_int_equal(search(&m.subject, NULL, &total), 1);
	}
	unmake(&m);
}

/* Cut at every byte, and with every byte changed: never a crash, never a wrong match. */
static void survives_cuts_and_changes(void **state)
{
	struct made m;
	struct buf file BUF_AUTO;
	size_t total;
	unsigned seed = 1;

	(void)state;
	buf_init(&file, 10000);
	make(&m, "issuer", "subject", false, 30);
	put_pem(&file, &m.der, "CERTIFICATE", 64, "\n");
	for (size_t size = 0; size <= file.size; size++) {
		write_file(file.data, size);
		size_t hits = search(&m.subject, NULL, &total);
		/* Whole as soon as the END line begins. */
		assert_int_equal(hits, size > file.size - strlen("-----END CERTIFICATE-----\n"));
	}
	for (int round = 0; round < 2000; round++) {
		seed = seed * 1103515245 + 12345;
		size_t at = (seed >> 8) % file.size;
		char old = file.data[at];
		file.data[at] = (char)(seed >> 24);
		write_file(file.data, file.size);
		assert_in_range(search(&m.subject, NULL, &total), 0, 1);
		file.data[at] = old;
	}
	unmake(&m);
}

static void names_of_a_certificate_and_of_nonsense(void **state)
{
	struct made m;
	struct span issuer, subject;

	(void)state;
	make(&m, "the issuer", "the subject", false, 30);
	assert_true(trust_names(buf_span(&m.der), &issuer, &subject));
	assert_true(span_equal(issuer, buf_span(&m.issuer)));
	assert_true(span_equal(subject, buf_span(&m.subject)));
	size_t needed = (size_t)(subject.data + subject.size - m.der.data);
	for (size_t size = 0; size < needed; size++) {
		char *cut = malloc(size ? size : 1);	/* for the address sanitizer */
		assert_non_null(cut);
		memcpy(cut, m.der.data, size);
		assert_false(trust_names(span_of(cut, size), &issuer, &subject));
		free(cut);
	}
	assert_false(trust_names(span_of(NULL, 0), &issuer, &subject));
	unmake(&m);
}

static void errors_name_the_file(void **state)
{
	struct made m;
	struct buf file BUF_AUTO;
	struct hits h = { .refuse = true };
	struct err e;
	size_t total;

	(void)state;
	buf_init(&file, 10000);
	buf_init(&h.all, 10000);
	make(&m, "i", "s", false, 30);
	struct span wanted = buf_span(&m.subject);
	assert_false(trust_search("/nonexistent/bundle.pem", &wanted, 1, found, &h, &total, &e));
	assert_int_equal(e.cause, CAUSE_CONFIG);
	assert_non_null(strstr(e.text, "/nonexistent/bundle.pem"));
	assert_false(trust_search("/tmp", &wanted, 1, found, &h, &total, &e));
	assert_int_equal(e.cause, CAUSE_CONFIG);
	assert_non_null(strstr(e.text, "/tmp: not a regular file"));
	assert_false(trust_search("/dev/zero", &wanted, 1, found, &h, &total, &e));
	assert_int_equal(e.cause, CAUSE_CONFIG);
	assert_non_null(strstr(e.text, "/dev/zero: not a regular file"));
	put_pem(&file, &m.der, "CERTIFICATE", 64, "\n");
	write_file(file.data, file.size);
	assert_false(trust_search(path, &wanted, 1, found, &h, &total, &e));
	assert_int_equal(e.cause, CAUSE_OS);
	assert_non_null(strstr(e.text, "enough"));
	write_file("", 0);
	assert_int_equal(search(&m.subject, NULL, &total), 0);
	assert_int_equal(total, 0);
	buf_clear(&h.all);
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_subject_in_the_order_of_the_file),
		cmocka_unit_test(any_length_of_certificate_is_decoded_whole),
		cmocka_unit_test(finds_across_the_edges_of_the_window),
		cmocka_unit_test(what_is_too_long_or_without_end_hides_nothing_behind_it),
		cmocka_unit_test(damaged_certificates_are_passed_over),
		cmocka_unit_test(survives_cuts_and_changes),
		cmocka_unit_test(names_of_a_certificate_and_of_nonsense),
		cmocka_unit_test(errors_name_the_file),
	};

	file_fd = memfd_create("bundle", MFD_CLOEXEC);
	if (file_fd < 0) {
		return 1;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
