/* SPDX-License-Identifier: ISC */
/* The file that takes the keyring's place, in a home of our own. */
#include "unit.h"

#include "app/password_file.h"
#include "base/fs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[] = "/tmp/relay-password.XXXXXX";
static char folder[64], file[128], link_name[128];

static int make_home(void **state)
{
	(void)state;
	unsetenv("XDG_CONFIG_HOME");
	return mkdtemp(home) && setenv("HOME", home, 1) == 0 ? 0 : -1;
}

static int remove_home(void **state)
{
	(void)state;
	unlink(link_name);
	unlink(file);
	rmdir(folder);
	snprintf(folder, sizeof(folder), "%s/.config", home);
	rmdir(folder);
	return rmdir(home);
}

static void assert_holds(const char *path, const char *want)
{
	struct stat status;
	char text[100] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(read(fd, text, sizeof(text) - 1), strlen(want));
	assert_string_equal(text, want);
	close(fd);
}

static void it_is_written_for_us_alone(void **state)
{
	struct identity id = { 0 };
	struct err e;
	struct stat status;

	(void)state;
	char *path = password_file_path("work", &id, &e);
	snprintf(folder, sizeof(folder), "%s/.config/relay", home);
	snprintf(file, sizeof(file), "%s/work.password", folder);
	assert_string_equal(path, file);
	umask(0);
	assert_false(password_file_write(path, false, &id, span_str("x"), &e));
	assert_int_equal(e.cause, CAUSE_OS);
	assert_true(password_file_write(path, true, &id, span_str("hunter2"), &e));
	assert_holds(path, "hunter2\n");
	assert_int_equal(stat(folder, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);

	/* Once more, over one that was open to others, through a link. */
	assert_int_equal(chmod(path, 0644), 0);
	snprintf(link_name, sizeof(link_name), "%s/link", home);
	assert_int_equal(symlink(file, link_name), 0);
	assert_true(password_file_write(link_name, false, &id, span_str("new"), &e));
	assert_holds(file, "new\n");
	assert_int_equal(lstat(link_name, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	umask(022);
	free(path);
	identity_clear(&id);
}

static void a_name_that_is_no_files_is_told(void **state)
{
	struct identity id = { 0 };
	struct err e;

	(void)state;
	assert_null(password_file_path("../etc/x", &id, &e));
	assert_int_equal(e.cause, CAUSE_CONFIG);
	setenv("XDG_CONFIG_HOME", "/x", 1);
	char *path = password_file_path("a b", &id, &e);
	assert_string_equal(path, "/x/relay/a b.password");
	free(path);
	/* The machine's are nobody's home's. */
	id.is_system = true;
	path = password_file_path("work", &id, &e);
	assert_string_equal(path, "/etc/relay/work.password");
	free(path);
	assert_null(password_file_path("../passwd", &id, &e));
	identity_clear(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_written_for_us_alone),
		cmocka_unit_test(a_name_that_is_no_files_is_told),
	};

	return cmocka_run_group_tests(tests, make_home, remove_home);
}
