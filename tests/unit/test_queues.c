/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "app/queues.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST "1MG4MBW0001AAAA"
#define SECOND "1MG4MBW0002BAAA"
#define HELD "1MG4MBX0003CCCC"
#define ALL_PLACES ((1u << QUEUE_PLACES) - 1)

static char folder[] = "/tmp/relay-queues.XXXXXX";
static const char *const files[] = { "", "/incoming", "/deferred", "/hold", "/deferred/" FIRST,
				     "/deferred/" SECOND, "/deferred/README", "/hold/" HELD };

static void name_of(size_t i, char name[100])
{
	snprintf(name, 100, "%s%s", folder, files[i]);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder)) {
		return -1;
	}
	for (size_t i = 1; i < sizeof(files) / sizeof(files[0]); i++) {
		char name[100];
		name_of(i, name);
		if (i < 4) {
			assert_int_equal(mkdir(name, 0700), 0);
		} else {
			int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
			assert_true(fd >= 0);
			assert_int_equal(write(fd, "x", 1), 1);
			close(fd);
		}
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = sizeof(files) / sizeof(files[0]); i-- > 0;) {
		char name[100];
		name_of(i, name);
		assert_int_equal(remove(name), 0);
	}
	return 0;
}

static void an_id_may_be_cut_short(void **state)
{
	static const struct {
		const char *part;
		unsigned places;
		const char *id;		/* NULL: the error has this cause and names that */
		enum cause cause;
		const char *text;
	} rows[] = {
		{ FIRST, ALL_PLACES, FIRST, CAUSE_NONE, NULL },
		{ "1MG4MBW0001", ALL_PLACES, FIRST, CAUSE_NONE, NULL },
		{ "1aaaa", ALL_PLACES, FIRST, CAUSE_NONE, NULL },
		{ "1mg4mbw0001aaaa", ALL_PLACES, FIRST, CAUSE_NONE, NULL },
		{ "CCCC", ALL_PLACES, HELD, CAUSE_NONE, NULL },
		{ "C", 1u << QUEUE_HOLD, HELD, CAUSE_NONE, NULL },
		{ "1MG4MBW", ALL_PLACES, NULL, CAUSE_USAGE, FIRST ", " SECOND },
		{ "AAA", ALL_PLACES, NULL, CAUSE_USAGE, "more than one" },
		{ "1", 1u << QUEUE_HOLD, HELD, CAUSE_NONE, NULL },
		{ HELD, 1u << QUEUE_DEFERRED, NULL, CAUSE_INPUT, "no such message" },
		{ "1MG4MBW0009ZZZZ", ALL_PLACES, NULL, CAUSE_INPUT, "no such message" },
		{ "README", ALL_PLACES, NULL, CAUSE_INPUT, "README" },
		{ "../hold/" HELD, ALL_PLACES, NULL, CAUSE_INPUT, "no such message" },
		{ FIRST "X", ALL_PLACES, NULL, CAUSE_INPUT, "no such message" },
		{ "", ALL_PLACES, NULL, CAUSE_INPUT, "an ID is empty" },
	};
	struct queue *q;
	struct err e;

	(void)state;
	assert_true(queue_open(folder, false, &q, &e));
	assert_non_null(q);
	const struct queues qs = { .at = &q, .count = 1 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct queues_hit hit;
		bool ok = queues_find(&qs, rows[i].places, rows[i].part, &hit, &e);
		if (ok != (rows[i].id != NULL) || (ok && strcmp(hit.id, rows[i].id) != 0) ||
		    (!ok && (e.cause != rows[i].cause || !strstr(e.text, rows[i].text)))) {
			fail_msg("row %zu (%s): %s", i, rows[i].part, ok ? hit.id : e.text);
		}
	}
	queue_close(q);
}

static void the_place_is_found(void **state)
{
	struct queue *q;
	struct queues_hit hit;
	struct err e;

	(void)state;
	assert_true(queue_open(folder, false, &q, &e));
	const struct queues qs = { .at = &q, .count = 1 };
	assert_true(queues_find(&qs, ALL_PLACES, HELD, &hit, &e));
	assert_int_equal(hit.place, QUEUE_HOLD);
	assert_ptr_equal(hit.queue, q);
	assert_true(queues_find(&qs, ALL_PLACES, "1AAAA", &hit, &e));
	assert_int_equal(hit.place, QUEUE_DEFERRED);
	queue_close(q);
}

static void one_folder_is_opened_once(void **state)
{
	struct call c;
	struct queues qs;
	struct err e;
	struct conf_env env = { 0 };
	char other[100];

	(void)state;
	call_init(&c);
	snprintf(other, sizeof(other), "%s/./", folder);
	const char *const paths[] = { folder, other, "/tmp/relay-no-such-folder" };
	for (size_t i = 0; i < 3; i++) {
		struct account *a = conf_add_account(&c.conf, i == 0 ? "default" : "other");
		assert_true(conf_set(a, KEY_QUEUE_DIRECTORY, span_str(paths[i]), "test", &env, &e));
	}
	setenv("XDG_STATE_HOME", "/nowhere", 1);
	assert_true(queues_open(&qs, &c, &e));
	assert_int_equal(qs.count, 1);
	queues_close(&qs);
	call_clear(&c);
}

/* Mail that was put there before an account had a folder of its own. */
static void the_default_folder_is_always_looked_into(void **state)
{
	struct call c;
	struct queues qs;
	struct err e;
	struct conf_env env = { 0 };
	char above[100], path[120];

	(void)state;
	setenv("XDG_STATE_HOME", folder, 1);
	snprintf(above, sizeof(above), "%s/relay", folder);
	snprintf(path, sizeof(path), "%s/queue", above);
	assert_int_equal(mkdir(above, 0700) + mkdir(path, 0700), 0);
	call_init(&c);
	struct account *a = conf_add_account(&c.conf, "default");
	assert_true(conf_set(a, KEY_QUEUE_DIRECTORY, span_str(folder), "test", &env, &e));
	assert_true(queues_open(&qs, &c, &e));
	assert_int_equal(qs.count, 2);
	assert_string_equal(queue_path(qs.at[1]), path);
	queues_close(&qs);
	call_clear(&c);
	assert_int_equal(rmdir(path) + rmdir(above), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_may_be_cut_short),
		cmocka_unit_test(the_place_is_found),
		cmocka_unit_test(one_folder_is_opened_once),
		cmocka_unit_test(the_default_folder_is_always_looked_into),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
