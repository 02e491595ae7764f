/* SPDX-License-Identifier: ISC */
/*
 * samples DIRECTORY...: every relayrc in there (not in folders below) must parse, and every
 * account in it that names a server must pass the check.  tests/e2e/test_samples.py asks
 * the program itself, and looks at the values.
 */
#include "base/fs.h"
#include "conf/conf.h"
#include "conf/parse.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

static const struct conf_env env = { .home = "/home/me" };

/* Not conf_read: a work tree may be writable for a group, which is fine here. */
static bool parse_file(struct conf *c, const char *path, struct err *e)
{
	int fd FS_AUTO = open(path, O_RDONLY | O_CLOEXEC);
	struct buf text BUF_AUTO;

	buf_init(&text, 1 << 20);
	if (fd < 0) {
		return err_errno(e, CAUSE_INPUT, "cannot open");
	}
	return fs_read_all(fd, &text, e) &&
	       parse_text(c, buf_span(&text), path, NULL, &env, e);
}

static bool check_file(const char *path)
{
	struct conf c;
	struct err e = { 0 };
	size_t checked = 0;

	conf_init(&c);
	bool ok = parse_file(&c, path, &e);
	for (size_t i = 0; ok && i < c.count; i++) {
		const struct account *a = &c.accounts[i];
		if (conf_is_set(a, KEY_HOST) || conf_is_set(a, KEY_SOCKET)) {
			ok = conf_check(a, &e);
			checked++;
		}
	}
	printf("%s: %zu accounts%s%s\n", path, checked, ok ? "" : ": ", ok ? "" : e.text);
	conf_clear(&c);
	return ok && checked > 0;
}

/* False: there is none, or one of them is wrong. */
static bool check_folder(const char *name)
{
	DIR *folder = opendir(name);
	unsigned good = 0, bad = 0;

	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		char path[4096];
		if (strncmp(entry->d_name, "relayrc", strlen("relayrc")) != 0) {
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
		if (check_file(path)) {
			good++;
		} else {
			bad++;
		}
	}
	if (folder) {
		closedir(folder);
	}
	return good > 0 && bad == 0;
}

int main(int argc, char **argv)
{
	bool ok = argc > 1;

	for (int i = 1; i < argc; i++) {
		ok = check_folder(argv[i]) && ok;
	}
	return !ok;
}
