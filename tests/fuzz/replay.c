/* SPDX-License-Identifier: ISC */
/*
 * replay: the plain `main` of every fuzz target: runs it on each file of the directories
 * (or on the files) it is given, as the normal test run does.  With libFuzzer this file is
 * not linked: then the same target searches for new inputs.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SIZE_MOST ((size_t)1 << 20)

static int run_file(const char *path)
{
	/* Of exactly that size, so that a read behind the end is seen. */
	uint8_t *all = malloc(SIZE_MOST), *data = NULL;
	FILE *file = fopen(path, "rbe");
	int count = 0;

	if (all && file) {
		size_t size = fread(all, 1, SIZE_MOST, file);
		data = malloc(size + (size == 0));
		if (data) {
			memcpy(data, all, size);
			LLVMFuzzerTestOneInput(data, size);
			count = 1;
		}
	} else {
		perror(path);
	}
	if (file) {
		fclose(file);
	}
	free(data);
	free(all);
	return count;
}

static int run_path(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	if (!dir) {
		return run_file(path);
	}
	for (struct dirent *f; (f = readdir(dir));) {
		char name[4096];
		struct stat st;
		snprintf(name, sizeof(name), "%s/%s", path, f->d_name);
		if (stat(name, &st) == 0 && S_ISREG(st.st_mode)) {
			count += run_file(name);
		}
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;

	for (int i = 1; i < argc; i++) {
		int more = run_path(argv[i]);
		if (more == 0) {
			fprintf(stderr, "%s: no input\n", argv[i]);
			return 1;
		}
		count += more;
	}
	printf("%d inputs\n", count);
	return count == 0;
}
