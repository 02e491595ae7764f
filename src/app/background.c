/* SPDX-License-Identifier: ISC */
/* background: see background.h. */
#include "app/background.h"
#include "app/signals.h"
#include "base/fs.h"
#include "sys/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void background_go_on(int status)
{
	fflush(stdout);
	pid_t child = fork();
	if (child > 0) {
		/* Not exit(): descriptors, buffers and libraries are the child's now. */
		_exit(status);
	}
	if (child == 0) {
		setsid();
		/* Nobody who reads from such a pipe shall wait for a child that he does not know. */
		process_close_inherited();
	}
	int fd FS_AUTO = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		/* A chroot without /dev: a folder takes the numbers, and no bytes. */
		fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	for (int to = 0; fd >= 0 && to <= 2; to++) {
		if (dup2(fd, to) < 0) {
			break;
		}
	}
	signals_end_with("", status);
}
