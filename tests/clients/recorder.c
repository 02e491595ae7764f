/* SPDX-License-Identifier: ISC */
/*
 * recorder: /usr/sbin/sendmail of a private root.  Writes down what it is called with and
 * becomes the real one, which sees the same: arguments, environment, signals, descriptors,
 * process.  Only standard input is a pipe then, whatever it was, with a child (not of the
 * real one) in between that copies it.
 *
 * /record/SECONDS.NANOSECONDS.PID.call: strings that end in NUL, "argv=…", "env=…" and so
 * on; the same with .stdin: standard input, which has its name when it is complete.
 * Variables of libfaketime are neither written down nor handed on: sendmail has the true
 * clock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REAL "/usr/lib/relay/sendmail"
#define FOLDER "/record"

/* The same file, but not as one of the descriptors that the caller may have closed. */
static int not_standard(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	close(fd);
	return moved;
}

static const char *kind_of(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0) {
		return "closed";
	}
	if (isatty(fd)) {
		return "tty";
	}
	switch (status.st_mode & S_IFMT) {
	case S_IFIFO:
		return "pipe";
	case S_IFSOCK:
		return "socket";
	case S_IFREG:
		return "file";
	default:
		return "null";
	}
}

static void put_signals(FILE *out)
{
	sigset_t blocked;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int number = 1; number < 32; number++) {
		struct sigaction action;
		const char *name = sigabbrev_np(number);

		if (name && sigismember(&blocked, number) == 1) {
			fprintf(out, "blocked=%s%c", name, 0);
		}
		if (name && sigaction(number, NULL, &action) == 0 &&
		    action.sa_handler == SIG_IGN) {
			fprintf(out, "ignored=%s%c", name, 0);
		}
	}
}

static void put_call(FILE *out, char **argv, char **env)
{
	static const char *const streams[] = {"stdin", "stdout", "stderr"};
	char *cwd = getcwd(NULL, 0);
	mode_t mask = umask(0);

	umask(mask);
	for (int i = 0; argv[i]; i++) {
		fprintf(out, "argv=%s%c", argv[i], 0);
	}
	for (int i = 0; env[i]; i++) {
		fprintf(out, "env=%s%c", env[i], 0);
	}
	for (int fd = 0; fd < 3; fd++) {
		fprintf(out, "%s=%s%c", streams[fd], kind_of(fd), 0);
	}
	fprintf(out, "uid=%u%cumask=%03o%ccwd=%s%c", getuid(), 0, mask, 0, cwd ? cwd : "", 0);
	put_signals(out);
	free(cwd);
}

static void copy_input(int from, int to, const char *base)
{
	char part[256], name[256], room[65536];
	ssize_t got;

	snprintf(part, sizeof(part), "%s.part", base);
	snprintf(name, sizeof(name), "%s.stdin", base);
	int file = open(part, O_WRONLY | O_CREAT | O_EXCL, 0600);
	while ((got = read(from, room, sizeof(room))) > 0 || (got < 0 && errno == EINTR)) {
		if (got > 0 && (write(file, room, (size_t)got) != got ||
				write(to, room, (size_t)got) != got)) {
			break;	/* sendmail has ended: so does its caller's pipe */
		}
	}
	rename(part, name);
}

/* A grandchild copies: the real sendmail has no child that it does not know. */
static void put_copier(const char *base)
{
	int pipe_ends[2];

	if (pipe(pipe_ends) != 0) {
		return;
	}
	pipe_ends[0] = not_standard(pipe_ends[0]);
	pipe_ends[1] = not_standard(pipe_ends[1]);
	pid_t child = fork();
	if (child == 0) {
		if (fork() == 0) {
			int null = open("/dev/null", O_RDWR);

			signal(SIGPIPE, SIG_IGN);
			dup2(null, 1);
			dup2(null, 2);
			for (int fd = 3; fd < 1024; fd++) {
				if (fd != pipe_ends[1]) {
					close(fd);
				}
			}
			copy_input(0, pipe_ends[1], base);
		}
		_exit(0);
	}
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
	}
	dup2(pipe_ends[0], 0);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

int main(int argc, char **argv)
{
	static const char *const ours[] = {"LD_PRELOAD", "FAKETIME", "DONT_FAKE_MONOTONIC",
					   "FAKETIME_SHARED"};
	char base[128], name[160], part[160];
	struct timespec now;

	(void)argc;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		unsetenv(ours[i]);
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(base, sizeof(base), FOLDER "/%012lld.%09ld.%d", (long long)now.tv_sec,
		 now.tv_nsec, getpid());
	snprintf(part, sizeof(part), "%s.new", base);
	snprintf(name, sizeof(name), "%s.call", base);
	int fd = not_standard(open(part, O_WRONLY | O_CREAT | O_EXCL, 0600));
	FILE *out = fd > 2 ? fdopen(fd, "w") : NULL;
	if (out) {
		put_call(out, argv, environ);
		fclose(out);
		rename(part, name);
		if (!isatty(0) && fcntl(0, F_GETFD) >= 0) {
			put_copier(base);
		}
	}
	execv(REAL, argv);
	perror(REAL);
	return 75;
}
