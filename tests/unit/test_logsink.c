/* SPDX-License-Identifier: ISC */
/* One line each, whatever stands in it, wherever it goes. */
#include "conf_unit.h"

#include "app/logsink.h"
#include "base/mem.h"

#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/relay-logsink.XXXXXX";

static int make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	return fd >= 0 ? close(fd) : -1;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void put(struct logsink *sink, const char *service, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	logsink_put(sink, service, format, args);
	va_end(args);
}

/* Opens a log with these settings, writes the text as a line twice, reads the first back. */
static void log_twice(const char *settings, const char *text, char *line, size_t size)
{
	char rc[512], second[10000];
	struct conf c;
	struct identity id = { .host = mem_str("laptop") };

	assert_int_equal(truncate(path, 0), 0);
	snprintf(rc, sizeof(rc), "host h\nlogfile %s\n%s", path, settings);
	struct logsink *sink = logsink_open(good(&c, rc, NULL), &id);
	assert_non_null(sink);
	put(sink, "smtp", "%s", text);
	put(sink, "qmgr", "%s", text);
	logsink_close(sink);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, (int)size, file));
	assert_non_null(fgets(second, sizeof(second), file));
	assert_int_equal(fgetc(file), EOF);
	fclose(file);
	assert_int_equal(line[strlen(line) - 1], '\n');
	line[strlen(line) - 1] = '\0';
	identity_clear(&id);
	conf_clear(&c);
}

static void the_name_is_a_setting_and_cannot_end_the_tag(void **state)
{
	static const struct {
		const char *settings, *tag;
	} rows[] = {
		{ "", "postfix/smtp[" },
		{ "syslog_name relay\n", "relay/smtp[" },
		{ "syslog_name postfix/relay-2.x\n", "postfix/relay-2.x/smtp[" },
		{ "syslog_name \"a b[1]: c\"\n", "a_b_1___c/smtp[" },
		{ "syslog_name \xc3\xa4\n", "__/smtp[" },
		{ "syslog_name 0123456789012345678901234567890123456789012345678901234567890123456789\n",
		  "012345678901234567890123456789012345678901234567890123456789012/smtp[" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char settings[256], want[256], line[10000];
		snprintf(settings, sizeof(settings), "logfile_time_format none\n%s", rows[i].settings);
		snprintf(want, sizeof(want), "laptop %s%ld]: text", rows[i].tag, (long)getpid());
		log_twice(settings, "text", line, sizeof(line));
		assert_string_equal(line, want);
	}
}

static void the_time_has_the_form_that_was_asked_for(void **state)
{
	static const struct {
		const char *settings;
		int width;	/* characters before the host */
	} rows[] = {
		{ "", 15 + 1 },
		{ "logfile_time_format %Y-%m-%dT%H:%M:%S\n", 19 + 1 },
		{ "logfile_time_format none\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[10000];
		log_twice(rows[i].settings, "text", line, sizeof(line));
		const char *host = strstr(line, "laptop ");
		assert_non_null(host);
		assert_int_equal(host - line, rows[i].width);
	}
}

static void a_text_is_one_line_and_cut_when_it_is_long(void **state)
{
	static char text[20000];
	char line[10000];

	(void)state;
	log_twice("", "a\nb\r\033[2J\xff\xe2\x80\xa8" "end", line, sizeof(line));
	assert_non_null(strstr(line, ": a?b??[2J?"));
	assert_non_null(strstr(line, "end"));
	memset(text, 'x', sizeof(text) - 1);
	log_twice("", text, line, sizeof(line));
	assert_int_equal(strlen(line), 8190);
	/* Half a character at the cut. */
	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		text[i] = i % 2 ? '\xa4' : '\xc3';
	}
	log_twice("", text, line, sizeof(line));
	log_twice("logfile_time_format %Y\n", text, line, sizeof(line));
}

static void the_file_is_made_private(void **state)
{
	char line[10000];
	struct stat st;
	mode_t old = umask(0);

	(void)state;
	assert_int_equal(unlink(path), 0);
	FILE *none = fopen(path, "r");
	assert_null(none);
	struct conf c;
	struct identity id = { 0 };
	char rc[256];
	snprintf(rc, sizeof(rc), "host h\nlogfile %s\n", path);
	logsink_close(logsink_open(good(&c, rc, NULL), &id));
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	log_twice("", "text", line, sizeof(line));
	identity_clear(&id);
	conf_clear(&c);
}

static void without_a_log_there_is_no_sink(void **state)
{
	struct conf c;
	struct identity id = { 0 };

	(void)state;
	assert_null(logsink_open(good(&c, "host h\n", NULL), &id));
	assert_null(id.host);
	logsink_close(NULL);
	conf_clear(&c);
}

/* Mail of the queue brings the settings of its call along, and its account may be this one. */
static void settings_may_change_while_it_is_open(void **state)
{
	static const char format[] = "a time that is long enough to be freed";
	char rc[512], line[1000];
	struct conf c;
	struct err e;
	struct identity id = { .host = mem_str("laptop") };

	(void)state;
	assert_int_equal(truncate(path, 0), 0);
	snprintf(rc, sizeof(rc), "host h\nlogfile %s\nlogfile_time_format %s\n", path, format);
	struct account *a = good(&c, rc, NULL);
	struct logsink *sink = logsink_open(a, &id);
	assert_non_null(sink);
	assert_true(conf_set(a, KEY_LOGFILE_TIME_FORMAT, span_str("%Y"), "here", &test_env, &e));
	char *other MEM_AUTO = mem_str("what comes to stand where it was before");
	assert_non_null(other);
	put(sink, "smtp", "text");
	logsink_close(sink);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, (int)sizeof(line), file));
	fclose(file);
	assert_memory_equal(line, format, sizeof(format) - 1);
	identity_clear(&id);
	conf_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_is_a_setting_and_cannot_end_the_tag),
		cmocka_unit_test(the_time_has_the_form_that_was_asked_for),
		cmocka_unit_test(a_text_is_one_line_and_cut_when_it_is_long),
		cmocka_unit_test(settings_may_change_while_it_is_open),
		cmocka_unit_test(the_file_is_made_private),
		cmocka_unit_test(without_a_log_there_is_no_sink),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
