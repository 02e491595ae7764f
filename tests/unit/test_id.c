/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "queue/id.h"

static void made_from_time_and_chance(void **state)
{
	static const struct {
		int64_t now_us;
		uint32_t random;
		const char *id;
	} cases[] = {
		{ 0, 0, "000000000000000" },
		{ -5, 1, "000000000000001" },
		{ 1000000, 0, "0000001" "0000" "0000" },
		{ 31999999, 0xfffff, "000000Y" "XGHY" "YYYY" },
		{ 32000001, 0xfffffffe, "0000010" "0001" "YYYX" },
		{ INT64_MAX, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char id[QUEUE_ID_MAX];
		queue_id_make(id, cases[i].now_us, cases[i].random);
		assert_true(queue_id_is(span_str(id)));
		if (cases[i].id) {
			assert_int_equal(queue_id_time(id),
					 cases[i].now_us < 0 ? 0 : cases[i].now_us / 1000000);
			assert_string_equal(id, cases[i].id);
		}
	}
}

static void order_is_the_order_of_time(void **state)
{
	char before[QUEUE_ID_MAX], id[QUEUE_ID_MAX];
	int64_t now = 1700000000000000;

	(void)state;
	queue_id_make(before, now, UINT32_MAX);
	for (int i = 0; i < 20000; i++) {
		now += i % 3 ? 1 : 700001;
		queue_id_make(id, now, 0);
		assert_true(strcmp(before, id) < 0);
		assert_int_equal(queue_id_time(id), now / 1000000);
		queue_id_make(before, now, UINT32_MAX);
	}
}

static void form_is_exact(void **state)
{
	static const char *const wrong[] = {
		"", ".", "..", "1R4XKQ70000000", "1R4XKQ7000000000", "1R4XKQ70000000a",
		"1R4XKQ70000000I", "1R4XKQ70000000O", "1R4XKQ70000000U", "1R4XKQ70000000Z",
		"1R4XKQ7/0000000", "../../../../etc", "1R4XKQ70000000 ", "1R4XKQ7000.new0",
	};

	(void)state;
	assert_true(queue_id_is(span_str("1R4XKQ700000000")));
	assert_false(queue_id_is(span_of("1R4XKQ7\0000000000", 15)));
	for (int c = 1; c < 256; c++) {
		char id[] = "1R4XKQ700000000";
		id[14] = (char)c;
		bool is_digit = strchr("0123456789ABCDEFGHJKLMNPQRSTVWXY", c) != NULL;
		assert_int_equal(queue_id_is(span_str(id)), is_digit);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(queue_id_is(span_str(wrong[i])));
	}
}

static void part_matches_at_both_ends(void **state)
{
	static const struct {
		const char *part;
		bool hit;
	} cases[] = {
		{ "1R4XKQ7ABCDEFGH", true }, { "1R4", true },	{ "1r4x", true },
		{ "FGH", true },	     { "fgh", true },	{ "1", true },
		{ "", false },		     { "XKQ", false },	{ "1R4XKQ7ABCDEFGH1", false },
		{ "1R5", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(queue_id_matches("1R4XKQ7ABCDEFGH", span_str(cases[i].part)),
				 cases[i].hit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_from_time_and_chance),
		cmocka_unit_test(order_is_the_order_of_time),
		cmocka_unit_test(form_is_exact),
		cmocka_unit_test(part_matches_at_both_ends),
	};
	return cmocka_run_group_tests_name("queue/id", tests, NULL, NULL);
}
