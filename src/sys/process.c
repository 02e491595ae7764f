/* SPDX-License-Identifier: ISC */
/* process: see process.h. */
#include "sys/process.h"

#include "base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
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

static int limit(void)
{
	long files = sysconf(_SC_OPEN_MAX);

	return files > 0 && files < PROCESS_FD_MAX ? (int)files : PROCESS_FD_MAX;
}

void process_close_from(int first)
{
#if HAVE_CLOSE_RANGE
	if (syscall(SYS_close_range, (unsigned)first, UINT_MAX, 0U) == 0) {
		return;
	}
#endif
	for (int fd = first, end = limit(); fd < end; fd++) {
		close(fd);
	}
}

static void close_one(int fd)
{
	int flags = fd > STDERR_FILENO ? fcntl(fd, F_GETFD) : -1;

	if (flags >= 0 && !(flags & FD_CLOEXEC)) {
		close(fd);
	}
}

void process_close_inherited(void)
{
	DIR *folder = HAVE_PROC_FD ? opendir("/proc/self/fd") : NULL;
	struct dirent *entry;

	for (int fd = 0, end = folder ? 0 : limit(); fd < end; fd++) {
		close_one(fd);
	}
	while (folder && (entry = readdir(folder))) {
		unsigned long long fd;
		if (text_unsigned(span_str(entry->d_name), INT_MAX, &fd)) {
			close_one((int)fd);
		}
	}
	if (folder) {
		closedir(folder);
	}
}

bool process_of_peer(int fd, uid_t *ret_uid)
{
#if HAVE_SO_PEERCRED
	struct ucred who;
	socklen_t size = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 || size != sizeof(who)) {
		return false;
	}
	*ret_uid = who.uid;
	/* What the kernel has of a socket that nobody connected. */
	return who.uid != (uid_t)-1;
#elif HAVE_GETPEEREID
	gid_t group;

	return getpeereid(fd, ret_uid, &group) == 0;
#else
	(void)fd;
	(void)ret_uid;
	return false;
#endif
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
