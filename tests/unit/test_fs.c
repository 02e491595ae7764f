/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/fs.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct fs_look own = { (uid_t)-1, (gid_t)-1, 0600 };

static int make_folder(void **state)
{
	static char folder[] = "/tmp/relay-fs.XXXXXX";

	*state = mkdtemp(folder);
	return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
	char *path = mem_printf("%s/f", (char *)*state);

	unlink(path);
	free(path);
	return rmdir(*state);
}

static void expect(const char *path, const char *want, mode_t mode)
{
	char got[64] = "";
	struct stat status;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	size_t size = fread(got, 1, sizeof(got) - 1, file);
	assert_int_equal(fstat(fileno(file), &status), 0);
	fclose(file);
	assert_int_equal(size, strlen(want));
	assert_string_equal(got, want);
	assert_int_equal(status.st_mode & 07777, mode);
}

static size_t files_in(const char *folder)
{
	DIR *dir = opendir(folder);
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir)) {
		count++;
	}
	closedir(dir);
	return count - 2;
}

static void a_file_is_put_whole_or_not_at_all(void **state)
{
	char *path MEM_AUTO = mem_printf("%s/f", (char *)*state);
	const struct fs_look group = { (uid_t)-1, getgid(), 0640 };
	struct err e = { 0 };
	mode_t before = umask(0777);

	assert_true(fs_put_file(path, span_str("one"), &own, false, &e));
	expect(path, "one", 0600);
	assert_false(fs_put_file(path, span_str("two"), &own, false, &e));
	assert_int_equal(e.os_errno, EEXIST);
	assert_int_equal(e.cause, CAUSE_OS);
	expect(path, "one", 0600);
	assert_true(fs_put_file(path, span_str(""), &group, true, &e));
	umask(before);
	expect(path, "", 0640);
	assert_int_equal(files_in(*state), 1);
}

static void what_is_in_the_way_is_named_and_stays(void **state)
{
	char *missing MEM_AUTO = mem_printf("%s/no/f", (char *)*state);
	char *path MEM_AUTO = mem_printf("%s/f", (char *)*state);
	char *new MEM_AUTO = mem_printf("%s.%ld", path, (long)getpid());
	struct err e = { 0 };

	assert_false(fs_put_file(missing, span_str("x"), &own, true, &e));
	assert_non_null(strstr(e.text, missing));
	assert_int_equal(symlink("elsewhere", new), 0);
	assert_false(fs_put_file(path, span_str("x"), &own, true, &e));
	assert_non_null(strstr(e.text, new));
	assert_int_equal(unlink(new), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_put_whole_or_not_at_all),
		cmocka_unit_test(what_is_in_the_way_is_named_and_stays),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
