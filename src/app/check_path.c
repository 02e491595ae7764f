/* SPDX-License-Identifier: ISC */
/* check_path: see check_parts.h.  Looks only: must never open what a path leads to. */
#include "app/check_parts.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char *check_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !slash	       ? mem_str(".")
	       : slash == path ? mem_str("/")
			       : mem_copy(path, (size_t)(slash - path));
}

/* Where a folder is really; for one that is not there, the nearest that is.  Or NULL. */
static char *nearest_folder(const char *path)
{
	char *folder = mem_str(path);

	for (;;) {
		char *real = realpath(folder, NULL);
		bool is_last = strcmp(folder, "/") == 0 || strcmp(folder, ".") == 0;
		char *up = check_parent(folder);
		free(folder);
		folder = up;
		if (real || is_last || (errno != ENOENT && errno != ENOTDIR)) {
			free(folder);
			return real;
		}
	}
}

static void tell(const char *path, const struct account *a, enum key key,
		 struct findings *to, const char *text)
{
	if (a) {
		findings_add(to, SEVERITY_WARNING, a, key, "%s", text);
	} else {
		findings_add_at(to, SEVERITY_WARNING, path, 0, text);
	}
}

/* True: it was told of. */
static bool check_folder(const char *folder, const char *path, const struct account *a,
			 enum key key, struct findings *to)
{
	struct stat st;

	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
		return false;
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		char *text MEM_AUTO = mem_printf(
			"the folder %s belongs to user %lu, who can put another file in its "
			"place; run: chown %lu %s",
			folder, (unsigned long)st.st_uid, (unsigned long)geteuid(), folder);
		tell(path, a, key, to, text);
		return true;
	}
	/* In a sticky folder (/tmp) nobody can touch what is not his. */
	if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX)) {
		char *text MEM_AUTO = mem_printf(
			"others can write to the folder %s (mode %04o), and put another file "
			"in its place; run: chmod go-w %s",
			folder, (unsigned)st.st_mode & 07777, folder);
		tell(path, a, key, to, text);
		return true;
	}
	return false;
}

void check_path(const char *path, const struct account *a, enum key key,
		struct findings *to)
{
	char *parent MEM_AUTO = check_parent(path);
	char *real MEM_AUTO = realpath(path, NULL);
	char *behind MEM_AUTO = real ? check_parent(real) : NULL;
	/* A link can be exchanged, and so can what it leads to. */
	char *ways[] = { nearest_folder(parent), behind ? mem_str(behind) : NULL };
	bool is_told = false;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		char *folder = ways[i];
		while (folder && !is_told) {
			bool is_root = strcmp(folder, "/") == 0;
			is_told = check_folder(folder, path, a, key, to);
			char *up = is_root ? NULL : check_parent(folder);
			free(folder);
			folder = up;
		}
		free(folder);
	}
}
