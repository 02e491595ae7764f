/* SPDX-License-Identifier: ISC */
/* tls_lib: loaded when asked, once.  What is said without it: tests/e2e/test_tls_library.py. */
#include "unit.h"

#include "sys/tls_lib.h"

#include <dlfcn.h>

static bool is_mapped(void)
{
	char line[512];
	bool found = false;
	FILE *maps = fopen("/proc/self/maps", "re");

	assert_non_null(maps);
	while (!found && fgets(line, sizeof(line), maps)) {
		found = strstr(line, "/libgnutls.so") != NULL;
	}
	fclose(maps);
	return found;
}

/* The first test: this program is not linked with GnuTLS. */
static void is_loaded_when_asked(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_null(gnutls.init);
	assert_false(is_mapped());
	assert_true(tls_lib_load(&e));
	assert_int_equal(e.cause, CAUSE_NONE);
	assert_true(is_mapped());
}

static void loading_again_changes_nothing(void **state)
{
	struct err e;

	(void)state;
	assert_true(tls_lib_load(&e));
	const struct tls_lib before = gnutls;
	assert_true(tls_lib_load(&e));
	assert_memory_equal(&before, &gnutls, sizeof(before));
}

static void every_row_is_what_it_is_called(void **state)
{
	static const struct {
		const char *name;
		size_t offset;
	} rows[] = {
#define GNUTLS(name) { "gnutls_" #name, offsetof(struct tls_lib, name) },
#include "sys/tls_lib.def"
#undef GNUTLS
	};
	struct err e;

	(void)state;
	assert_true(tls_lib_load(&e));
	assert_int_equal(sizeof(rows) / sizeof(rows[0]), sizeof(gnutls) / sizeof(void *));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *found;
		Dl_info info;
		memcpy(&found, (const char *)&gnutls + rows[i].offset, sizeof(found));
		assert_int_not_equal(dladdr(found, &info), 0);
		assert_non_null(strstr(info.dli_fname, "libgnutls"));
		assert_string_equal(info.dli_sname, rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_loaded_when_asked),
		cmocka_unit_test(loading_again_changes_nothing),
		cmocka_unit_test(every_row_is_what_it_is_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
