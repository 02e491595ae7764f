/* SPDX-License-Identifier: ISC */
/* background: see background.h. */
#include "app/background.h"
#include "app/signals.h"
#include "base/fs.h"

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
	}
	int fd FS_AUTO = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int to = 0; fd >= 0 && to <= 2; to++) {
		if (dup2(fd, to) < 0) {
			break;
		}
	}
	signals_end_with("", status);
}
