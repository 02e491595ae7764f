/* SPDX-License-Identifier: ISC */
/*
 * inject: runs a program and disturbs one system call of one of its processes.
 *
 *	inject [-l] [-p PROCESS] [-n NTH] [-c NR] [-k | -K | -S SIGNAL | -e ERRNO | -s]
 *	       [-m NR,NR,…] RESULT PROGRAM [ARG…]
 *
 * Process 0 is the program, 1 its first child, and so on.  NTH counts, from 1, the calls
 * of this process, or with -c its calls of that number.  At the entry of that call: -k
 * kills the process, -K all of them (the call is not executed); -S sends the process a
 * signal; -e lets it fail, -s lets it read or write only a half.  -m: afterwards these
 * calls of all processes fail, too, but on descriptors 0 to 2; and for want of space not
 * an open that makes nothing.
 *
 * RESULT gets lines: "hit PROCESS CALL NR ARG1", "exit PROCESS STATUS" (as wait(2) gives
 * it), and with -l "call PROCESS CALL NR ARG1 ARG2 ARG3".  Our own status is 0.
 *
 * strace's injection counts the calls of each name apart, and those of all processes
 * alike, so that it cannot say "the worker's 57th call".
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES_MAX = 200, CALLS_MAX = 600, NOTHING = -1, ANY = -1 };

struct process {
	pid_t pid;
	bool is_alive, has_begun, is_stopped_once;
	long calls, calls_of[CALLS_MAX];
	bool is_failing;	/* the call it is in was made to fail */
};

static struct process processes[PROCESSES_MAX];
static int count;
static bool has_hit;
static FILE *result;

static struct {
	bool log, kill, kill_all, cut;
	int process, error, signal;
	long nth, nr;
	bool then[CALLS_MAX];	/* fail after the hit */
} o = { .nr = ANY };

static void die(const char *what)
{
	perror(what);
	exit(125);
}

static struct process *find(pid_t pid)
{
	for (int i = 0; i < count; i++) {
		if (processes[i].pid == pid && processes[i].is_alive) {
			return &processes[i];
		}
	}
	if (count == PROCESSES_MAX) {
		die("too many processes");
	}
	processes[count] = (struct process){
		.pid = pid,
		.is_alive = true,
		.has_begun = count > 0,
	};
	return &processes[count++];
}

static bool takes_descriptor(long nr)
{
	return nr == SYS_read || nr == SYS_write || nr == SYS_close || nr == SYS_fcntl ||
	       nr == SYS_ioctl || nr == SYS_fstat || nr == SYS_lseek || nr == SYS_fsync;
}

static bool is_it(const struct process *p, long nr)
{
	return !has_hit && o.nth > 0 && p == &processes[o.process] &&
	       (o.nr == ANY || o.nr == nr) &&
	       (o.nr == ANY ? p->calls : p->calls_of[nr]) == o.nth;
}

static bool fails_afterwards(const struct __ptrace_syscall_info *info)
{
	long nr = (long)info->entry.nr;

	if (takes_descriptor(nr) && info->entry.args[0] <= 2) {
		return false;
	}
	if (o.error == ENOSPC && nr == SYS_openat && !(info->entry.args[2] & O_CREAT)) {
		return false;
	}
	return has_hit && o.then[nr];
}

static void poke(pid_t pid, size_t where, long long value)
{
	ptrace(PTRACE_POKEUSER, pid, where, value);
}

/* Halves the count of what has one. */
static bool cut(pid_t pid, const struct __ptrace_syscall_info *info)
{
	long nr = (long)info->entry.nr;
	long long size = (long long)info->entry.args[2];

	if ((nr != SYS_read && nr != SYS_write && nr != SYS_pread64 && nr != SYS_pwrite64 &&
	     nr != SYS_sendto && nr != SYS_recvfrom) || size < 2) {
		return false;
	}
	poke(pid, offsetof(struct user_regs_struct, rdx), size / 2);
	return true;
}

static void fail(struct process *p)
{
	poke(p->pid, offsetof(struct user_regs_struct, orig_rax), -1);
	p->is_failing = true;
}

/* Returns false when it is not to be continued. */
static bool enter(struct process *p, const struct __ptrace_syscall_info *info)
{
	int i = (int)(p - processes);
	long nr = (long)info->entry.nr;

	if (nr < 0 || nr >= CALLS_MAX) {
		die("unknown call");
	}
	p->calls++;
	p->calls_of[nr]++;
	if (o.log) {
		fprintf(result, "call %d %ld %ld %lld %lld %lld\n", i, p->calls, nr,
			(long long)info->entry.args[0], (long long)info->entry.args[1],
			(long long)info->entry.args[2]);
	}
	if (fails_afterwards(info)) {
		fail(p);
		return true;
	}
	if (!is_it(p, nr) || (o.cut && !cut(p->pid, info))) {
		return true;
	}
	has_hit = true;
	fprintf(result, "hit %d %ld %ld %lld\n", i, p->calls, nr,
		(long long)info->entry.args[0]);
	if (o.error && !o.cut) {
		fail(p);
	}
	if (o.signal) {
		kill(p->pid, o.signal);
	}
	for (int n = 0; n < count; n++) {
		if (processes[n].is_alive && (o.kill_all || (o.kill && n == i))) {
			kill(processes[n].pid, SIGKILL);
		}
	}
	return !o.kill && !o.kill_all;
}

static void leave(struct process *p)
{
	if (p->is_failing) {
		poke(p->pid, offsetof(struct user_regs_struct, rax), -o.error);
		p->is_failing = false;
	}
}

/* A stop; returns the signal to continue with, or NOTHING when it is not to be continued. */
static int stopped(struct process *p, int status)
{
	struct __ptrace_syscall_info info;
	unsigned long child;
	int sig = WSTOPSIG(status), event = status >> 16;

	if (sig == (SIGTRAP | 0x80)) {
		if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof(info), &info) < 0) {
			return 0;
		}
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY && p->has_begun) {
			return enter(p, &info) ? 0 : NOTHING;
		}
		leave(p);
		return 0;
	}
	if (event == PTRACE_EVENT_EXEC) {
		p->has_begun = true;
		return 0;
	}
	if (event != 0) {
		if (ptrace(PTRACE_GETEVENTMSG, p->pid, 0, &child) == 0) {
			find((pid_t)child);
		}
		return 0;
	}
	if (sig == SIGSTOP && !p->is_stopped_once) {
		p->is_stopped_once = true;
		return 0;
	}
	return sig;
}

static void trace(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid < 0) {
			continue;
		}
		struct process *p = find(pid);
		if (!WIFSTOPPED(status)) {
			fprintf(result, "exit %d %d\n", (int)(p - processes), status);
			p->is_alive = false;
			continue;
		}
		int sig = stopped(p, status);
		if (sig != NOTHING) {
			ptrace(PTRACE_SYSCALL, pid, 0, sig);
		}
	}
}

static void start(char **argv)
{
	int status;
	pid_t pid = fork();

	if (pid < 0) {
		die("fork");
	}
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execv(argv[0], argv);
		die(argv[0]);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
		die("wait");
	}
	ptrace(PTRACE_SETOPTIONS, pid, 0,
	       PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK |
	       PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
	find(pid)->is_stopped_once = true;
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
}

static void set_then(char *list)
{
	for (char *p = list, *end; *p; p = *end ? end + 1 : end) {
		long nr = strtol(p, &end, 10);
		if (end == p || nr < 0 || nr >= CALLS_MAX) {
			exit(125);
		}
		o.then[nr] = true;
	}
}

int main(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+lp:n:c:kKS:e:sm:")) >= 0) {
		switch (c) {
		case 'l': o.log = true; break;
		case 'p': o.process = (int)strtol(optarg, NULL, 10); break;
		case 'n': o.nth = strtol(optarg, NULL, 10); break;
		case 'c': o.nr = strtol(optarg, NULL, 10); break;
		case 'k': o.kill = true; break;
		case 'K': o.kill_all = true; break;
		case 'S': o.signal = (int)strtol(optarg, NULL, 10); break;
		case 'e': o.error = (int)strtol(optarg, NULL, 10); break;
		case 's': o.cut = true; break;
		case 'm': set_then(optarg); break;
		default: return 125;
		}
	}
	if (argc - optind < 2 || !(result = fopen(argv[optind], "we"))) {
		die("inject");
	}
	start(argv + optind + 1);
	trace();
	return fclose(result) == 0 ? 0 : 125;
}
