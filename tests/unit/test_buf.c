/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/buf.h"

static void grows_up_to_its_maximum_and_not_beyond(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_string_equal(b.data, "");
	for (int i = 0; i < 100; i++) {
		assert_true(buf_add_byte(&b, (char)('a' + i % 26)));
	}
	assert_false(buf_add_byte(&b, 'x'));
	assert_false(buf_printf(&b, "%d", 1));
	assert_int_equal(b.size, 100);
	assert_int_equal(b.data[100], 0);
	buf_drop(&b, 99);
	assert_string_equal(b.data, "v");
	assert_true(buf_add_str(&b, "w"));
	assert_string_equal(b.data, "vw");
	buf_clear(&b);
	assert_int_equal(b.size, 0);
	assert_true(buf_add_str(&b, "again"));
	buf_clear(&b);
}

static void a_secret_is_wiped(void **state)
{
	struct buf b;

	(void)state;
	buf_init_secret(&b, 1000);
	assert_true(buf_add_str(&b, "hunter2"));
	char *where = b.data;
	buf_reset(&b);
	assert_int_equal(b.size, 0);
	assert_memory_equal(where, "\0\0\0\0\0\0\0", 7);
	assert_true(buf_add_str(&b, "hunter2"));
	buf_drop(&b, 6);
	assert_memory_equal(b.data, "2\0\0\0\0\0\0", 7);
	buf_clear(&b);
}

static void take_gives_text_even_when_empty(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	char *text = buf_take(&b);
	assert_string_equal(text, "");
	free(text);
	assert_true(buf_printf(&b, "%s-%d", "x", 7));
	text = buf_take(&b);
	assert_string_equal(text, "x-7");
	free(text);
	assert_int_equal(b.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_up_to_its_maximum_and_not_beyond),
		cmocka_unit_test(a_secret_is_wiped),
		cmocka_unit_test(take_gives_text_even_when_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
