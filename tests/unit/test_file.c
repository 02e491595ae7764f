/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#include "base/mem.h"
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ME	    1000

static void who_may_write_the_file(void **state)
{
	static const struct {
		mode_t mode;
		uid_t owner;
		enum conf_scope scope;
		const char *refusal;
	} rows[] = {
		{ S_IFREG | 0600, ME, CONF_USER, NULL },
		{ S_IFREG | 0644, ME, CONF_USER, NULL },
		{ S_IFREG | 0644, 0, CONF_USER, NULL },
		{ S_IFREG | 0644, 1001, CONF_USER,
		  "the file belongs to another user; to use it, name it with -C" },
		{ S_IFREG | 0644, 1001, CONF_NAMED, NULL },
		{ S_IFREG | 0664, ME, CONF_USER,
		  "others can write to the file; run: chmod go-w" },
		{ S_IFREG | 0602, ME, CONF_USER,
		  "others can write to the file; run: chmod go-w" },
		{ S_IFREG | 0644, 0, CONF_SYSTEM, NULL },
		{ S_IFREG | 0644, ME, CONF_SYSTEM, NULL },
		{ S_IFREG | 0644, 1001, CONF_SYSTEM,
		  "the file does not belong to root; run: chown root" },
		{ S_IFREG | 0664, 0, CONF_SYSTEM,
		  "others can write to the file; run: chmod go-w" },
		{ S_IFDIR | 0755, ME, CONF_USER, "not a regular file" },
		{ S_IFIFO | 0600, ME, CONF_USER, "not a regular file" },
		{ S_IFCHR | 0600, ME, CONF_USER, "not a regular file" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stat status = { .st_mode = rows[i].mode, .st_uid = rows[i].owner };
		const char *refusal = file_refusal(&status, rows[i].scope, ME);
		if (rows[i].refusal) {
			assert_non_null(refusal);
			assert_string_equal(refusal, rows[i].refusal);
		} else {
			assert_null(refusal);
		}
	}
}

/* Group 65533 exists nowhere, so it is not `relay`. */
static void who_may_read_a_password(void **state)
{
	static const char others[] = "the file can be read by others; run: chmod 600 rc";
	static const char foreign[] =
		"the file with this password belongs to another user";
	const struct group *relay = getgrnam("relay");
	const char *remedy = relay ? "the file can be read by others; run: "
				     "chown root:relay rc && chmod 640 rc"
				   : others;
	gid_t relay_gid = relay ? relay->gr_gid : 65533;
	const struct {
		mode_t mode;
		uid_t owner;
		gid_t group;
		enum conf_scope scope;
		const char *refusal;
	} rows[] = {
		{ 0600, ME, 0, CONF_USER, NULL },
		{ 0400, 0, 0, CONF_USER, NULL },
		{ 0700, ME, 0, CONF_USER, NULL },
		{ 0600, 1001, 0, CONF_USER, foreign },
		{ 0640, ME, 0, CONF_USER, others },
		{ 0604, ME, 0, CONF_USER, others },
		{ 0610, ME, 0, CONF_USER, others },
		{ 0640, ME, relay_gid, CONF_USER, others },
		{ 0600, 0, 0, CONF_SYSTEM, NULL },
		{ 0640, 0, 65533, CONF_SYSTEM, remedy },
		{ 0644, 0, relay_gid, CONF_SYSTEM, remedy },
		{ 0640, 0, relay_gid, CONF_SYSTEM, relay ? NULL : remedy },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stat status = { .st_mode = S_IFREG | rows[i].mode,
				       .st_uid = rows[i].owner,
				       .st_gid = rows[i].group };
		char *refusal MEM_AUTO =
			file_secret_refusal(&status, rows[i].scope, ME, "rc");
		if (rows[i].refusal) {
			assert_non_null(refusal);
			assert_string_equal(refusal, rows[i].refusal);
		} else {
			assert_null(refusal);
		}
	}
}

struct folder {
	char path[64], file[80], link[80];
};

static int make_folder(void **state)
{
	struct folder *f = mem_alloc(1, sizeof(*f));

	snprintf(f->path, sizeof(f->path), "/tmp/relay-test.XXXXXX");
	if (!mkdtemp(f->path)) {
		return -1;
	}
	snprintf(f->file, sizeof(f->file), "%s/rc", f->path);
	snprintf(f->link, sizeof(f->link), "%s/link", f->path);
	*state = f;
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *f = *state;

	unlink(f->file);
	unlink(f->link);
	rmdir(f->path);
	free(f);
	return 0;
}

static void write_file(const char *path, const char *text, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static bool read_it(const char *path, bool *ret_found, struct err *e)
{
	struct conf c;

	conf_init(&c);
	bool ok = conf_read(&c, path, CONF_USER, &test_env, ret_found, e);
	conf_clear(&c);
	return ok;
}

static void real_files_are_read(void **state)
{
	struct folder *f = *state;
	static const char secret[] = "host h\npassword p";
	struct err e = { 0 };
	bool found;
	char want[300];

	assert_true(read_it(f->file, &found, &e));
	assert_false(found);
	write_file(f->file, secret, strlen(secret), 0600);
	assert_true(read_it(f->file, &found, &e));
	assert_true(found);
	/* A path through a file is a missing file. */
	snprintf(want, sizeof(want), "%s/x", f->file);
	assert_true(read_it(want, &found, &e));
	assert_false(found);
	/* Links are followed. */
	assert_int_equal(symlink(f->file, f->link), 0);
	assert_true(read_it(f->link, &found, &e));
	assert_true(found);

	write_file(f->file, secret, strlen(secret), 0640);
	assert_false(read_it(f->file, &found, &e));
	snprintf(want, sizeof(want),
		 "%s:2: password: the file can be read by others; run: chmod 600 %s",
		 f->file, f->file);
	assert_string_equal(e.text, want);
	assert_int_equal(e.cause, CAUSE_CONFIG);

	write_file(f->file, "host h\n", 7, 0646);
	assert_false(read_it(f->file, &found, &e));
	snprintf(want, sizeof(want),
		 "%s: others can write to the file; run: chmod go-w %s", f->file,
		 f->file);
	assert_string_equal(e.text, want);
}

static void only_regular_files_are_read(void **state)
{
	struct folder *f = *state;
	struct err e = { 0 };
	bool found;

	assert_false(read_it(f->path, &found, &e));
	assert_non_null(strstr(e.text, ": not a regular file"));
	assert_false(read_it("/dev/null", &found, &e));
	/* Must not wait for a writer. */
	assert_int_equal(mkfifo(f->link, 0600), 0);
	assert_false(read_it(f->link, &found, &e));
	assert_non_null(strstr(e.text, ": not a regular file"));
}

static void a_file_has_a_limit(void **state)
{
	struct folder *f = *state;
	struct err e = { 0 };
	bool found;
	char *text = malloc(FILE_MAX + 1);

	assert_non_null(text);
	memset(text, '\n', FILE_MAX + 1);
	write_file(f->file, text, FILE_MAX, 0600);
	assert_true(read_it(f->file, &found, &e));
	write_file(f->file, text, FILE_MAX + 1, 0600);
	assert_false(read_it(f->file, &found, &e));
	assert_int_equal(e.cause, CAUSE_CONFIG);
	free(text);
}

static void an_unreadable_file_is_told_apart(void **state)
{
	struct folder *f = *state;
	struct err e = { 0 };
	bool found;

	if (geteuid() == 0) {
		skip(); /* root reads everything */
	}
	write_file(f->file, "host h\n", 7, 0000);
	assert_false(read_it(f->file, &found, &e));
	assert_int_equal(e.os_errno, EACCES);
	assert_int_equal(e.cause, CAUSE_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_may_write_the_file),
		cmocka_unit_test(who_may_read_a_password),
		cmocka_unit_test_setup_teardown(real_files_are_read, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(only_regular_files_are_read, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(a_file_has_a_limit, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(an_unreadable_file_is_told_apart,
						make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
