/* SPDX-License-Identifier: ISC */
/* process: see process.h. */
#include "sys/process.h"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#if HAVE_PRCTL
#include <sys/prctl.h>
#endif
#if HAVE_CLOSE_RANGE || HAVE_PIDFD_OPEN
#include <sys/syscall.h>
#endif

void process_end_with_parent(void)
{
#if HAVE_PRCTL
	prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
}

void process_hide(void)
{
#if HAVE_PRCTL
	prctl(PR_SET_DUMPABLE, 0);
#else
	const struct rlimit none = { 0 };

	setrlimit(RLIMIT_CORE, &none);
#endif
}

void process_close_from(int first)
{
#if HAVE_CLOSE_RANGE
	if (syscall(SYS_close_range, (unsigned)first, UINT_MAX, 0U) == 0) {
		return;
	}
#endif
	long limit = sysconf(_SC_OPEN_MAX);
	int end = limit > 0 && limit < PROCESS_FD_MAX ? (int)limit : PROCESS_FD_MAX;

	for (int fd = first; fd < end; fd++) {
		close(fd);
	}
}

int process_open(pid_t pid)
{
#if HAVE_PIDFD_OPEN
	return (int)syscall(SYS_pidfd_open, pid, 0U);
#else
	(void)pid;
	return -1;
#endif
}
