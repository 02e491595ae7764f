/* SPDX-License-Identifier: ISC */
/* flush_work: see flush_work.h. */
#include "app/flush_work.h"
#include "app/flush_worker.h"
#include "app/say.h"
#include "base/clock.h"
#include "base/fs.h"
#include "sys/process.h"
#include "sys/sigwatch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* Of all accounts together; with -v one, so that the dialogue can be read. */
enum { WORKERS_MAX = 100 };
/* For the end of a worker that no signal told of: a system call can fail. */
enum { LOOK_EVERY_MS = 1000 };

struct worker {
	pid_t pid;
	size_t group;
	size_t next; /* of its group, when it was started */
};

struct crew {
	const struct flush_work *work;
	struct flush_totals *totals;
	size_t totals_size;
	struct worker workers[WORKERS_MAX];
	size_t count;
	size_t begun;	   /* groups that had their first worker */
	int wake[2];	   /* a pipe, which the workers write to */
	struct sigwatch signals;
	struct progress bar;
	struct flush_result *result;
};

static struct flush_group *group_of(const struct crew *c, size_t group)
{
	return &c->work->list->groups[group];
}

/* Messages that no worker has taken. */
static size_t waiting(const struct crew *c, size_t group)
{
	size_t next = atomic_load(&c->totals->groups[group].next);
	size_t count = group_of(c, group)->count;

	return next < count ? count - next : 0;
}

static bool is_full(const struct crew *c)
{
	return c->count >= (c->work->verbose ? 1 : WORKERS_MAX);
}

static size_t running(const struct crew *c, size_t group)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++) {
		n += c->workers[i].group == group;
	}
	return n;
}

/* ---- a worker's start and end ---- */

/* Dies with us, and of what we die of, without words of its own. */
static void become_worker(struct crew *c, pid_t parent)
{
	process_end_with_parent();
	sigwatch_leave(&c->signals);
	if (c->bar.is_on) {
		say_over_bar();
	}
	if (getppid() != parent) {
		_exit(EX_TEMPFAIL);
	}
}

static void start_worker(struct crew *c, size_t group)
{
	struct flush_worker w = {
		.work = c->work,
		.group = group_of(c, group),
		.shared = &c->totals->groups[group],
		.totals = c->totals,
		.wake = c->wake[1],
	};
	pid_t parent = getpid();
	sigset_t all, before;
	size_t next = atomic_load(&w.shared->next);

	atomic_fetch_add(&w.shared->working, 1);
	/* Blocked in the child until our handlers are gone there. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0) {
		fs_close(&c->wake[0]);
		become_worker(c, parent);
		_exit(flush_worker_run(&w));
	}
	int saved = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		progress_clear(&c->bar);
		say("cannot start a process: %s", strerror(saved));
		atomic_fetch_sub(&w.shared->working, 1);
		atomic_store(&w.shared->is_closed, true);
		c->result->is_troubled = true;
		return;
	}
	c->workers[c->count++] =
		(struct worker){ .pid = pid, .group = group, .next = next };
}

static void tell_crash(struct crew *c, const struct worker *w, int status)
{
	const struct account *a = group_of(c, w->group)->account;
	const char *name = a ? a->name : "(none)";

	progress_clear(&c->bar);
	if (WIFSIGNALED(status)) {
		say("account %s: a process was ended by signal %d (%s); its messages "
		    "stay in the queue",
		    name, WTERMSIG(status), strsignal(WTERMSIG(status)));
	} else {
		say("account %s: a process ended with status %d; its messages stay in "
		    "the queue",
		    name, WEXITSTATUS(status));
	}
}

/* What one worker died of must not stop the messages behind it. */
static void after_crash(struct crew *c, const struct worker *w)
{
	struct flush_shared *s = &c->totals->groups[w->group];

	c->result->is_troubled = true;
	if (atomic_load(&s->working) > 0) {
		atomic_fetch_sub(&s->working, 1);
	}
	if (running(c, w->group) == 0 && waiting(c, w->group) > 0 &&
	    atomic_load(&s->next) > w->next) {
		start_worker(c, w->group);
	}
}

/* Every child that has ended; also those of others, as a container's first process. */
static void reap(struct crew *c)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < c->count; i++) {
			if (c->workers[i].pid != pid) {
				continue;
			}
			struct worker w = c->workers[i];
			c->workers[i] = c->workers[--c->count];
			if (!c->result->is_stopped &&
			    (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
				tell_crash(c, &w, status);
				after_crash(c, &w);
			}
			break;
		}
	}
}

/* ---- how many ---- */

/* As many as the messages are worth: no session is opened for less than it can hold. */
static size_t wanted(const struct crew *c, size_t group)
{
	const struct flush_shared *s = &c->totals->groups[group];
	const struct account *a = group_of(c, group)->account;
	size_t left = waiting(c, group);

	if (!a || left == 0 || atomic_load(&s->is_closed) || !atomic_load(&s->is_ready)) {
		return 0;
	}
	size_t max = (size_t)conf_number(a, KEY_MAX_CONNECTIONS);
	size_t worth = 1 + left / (size_t)conf_number(a, KEY_MESSAGES_IN_FLIGHT);
	return worth < max ? worth : max;
}

static void start_workers(struct crew *c)
{
	for (size_t i = 0; i < c->count && !is_full(c); i++) {
		size_t group = c->workers[i].group;
		size_t have = running(c, group);
		for (; have < wanted(c, group) && !is_full(c); have++) {
			start_worker(c, group);
		}
	}
	while (c->begun < c->work->list->group_count && !is_full(c)) {
		size_t group = c->begun++;
		if (waiting(c, group) > 0) {
			start_worker(c, group);
		}
	}
}

/* ---- waiting for them ---- */

static void count(const struct crew *c)
{
	const struct flush_list *l = c->work->list;
	struct progress_counts *n = &c->result->counts;
	struct flush_totals *t = c->totals;

	*n = (struct progress_counts){
		.total = l->count,
		.taken = l->count,
		.sent = atomic_load(&t->settled[SETTLED_DONE]),
		.deferred = atomic_load(&t->settled[SETTLED_KEPT]),
		.failed = atomic_load(&t->settled[SETTLED_FAILED]),
		.unsaved = atomic_load(&t->settled[SETTLED_ERROR]),
	};
	for (size_t i = 0; i < l->group_count; i++) {
		size_t left = waiting(c, i);
		n->taken -= left;
		n->left += atomic_load(&t->groups[i].is_busy) ? left : 0;
	}
}

static void stop(struct crew *c)
{
	c->result->is_stopped = true;
	for (size_t i = 0; i < c->count; i++) {
		kill(c->workers[i].pid, SIGTERM);
	}
}

static void take_signals(struct crew *c)
{
	sigset_t came;

	sigwatch_take(&c->signals, &came);
	for (size_t i = 0; i < c->signals.count; i++) {
		int number = c->signals.signals[i];
		if (number != SIGCHLD && sigismember(&came, number)) {
			stop(c);
		}
	}
	reap(c);
}

static void wait_for_all(struct crew *c)
{
	struct pollfd p[] = {
		{ .fd = c->signals.fd, .events = POLLIN },
		{ .fd = c->wake[0], .events = POLLIN },
	};
	char ignored[64];

	progress_begin(&c->bar, !c->work->verbose);
	while (c->count > 0 ||
	       (c->begun < c->work->list->group_count && !c->result->is_stopped)) {
		if (!c->result->is_stopped) {
			start_workers(c);
		}
		if (c->bar.is_on) {
			count(c);
			progress_draw(&c->bar, &c->result->counts);
		}
		if (c->count == 0) {
			continue;
		}
		int wait = progress_wait(&c->bar);
		poll(p, 2, wait < 0 || wait > LOOK_EVERY_MS ? LOOK_EVERY_MS : wait);
		while (fs_read(c->wake[0], ignored, sizeof(ignored)) > 0) {
			continue;
		}
		take_signals(c);
	}
	count(c);
	c->result->elapsed_ms = clock_ms() - c->bar.start_ms;
	progress_clear(&c->bar);
}

/* ---- around it ---- */

static bool begin(struct crew *c, struct err *e)
{
	static const int watched[] = { SIGCHLD, SIGTERM, SIGHUP, SIGINT };
	size_t groups = c->work->list->group_count;
	void *memory = MAP_FAILED;

	if (groups < (SIZE_MAX - sizeof(*c->totals)) / sizeof(c->totals->groups[0])) {
		c->totals_size =
			sizeof(*c->totals) + groups * sizeof(c->totals->groups[0]);
		memory = mmap(NULL, c->totals_size, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	}
	if (memory == MAP_FAILED) {
		return err_errno(e, CAUSE_OS, "cannot get memory to share");
	}
	c->totals = memory;
	if (!fs_pipe(c->wake, O_NONBLOCK)) {
		return err_errno(e, CAUSE_OS, "cannot make a pipe");
	}
	return sigwatch_begin(&c->signals, watched, sizeof(watched) / sizeof(watched[0]), e);
}

/* Of interest to who looks on; cron is not to send mail because a server is down. */
static void tell_down(const struct crew *c)
{
	for (size_t i = 0; i < c->work->list->group_count; i++) {
		const struct flush_shared *s = &c->totals->groups[i];
		const struct account *a = group_of(c, i)->account;
		if (!atomic_load(&s->is_down)) {
			continue;
		}
		if (a) {
			say("account %s: %s", a->name, s->why.text);
		} else {
			say("%s", s->why.text);
		}
	}
}

bool flush_work_run(const struct flush_work *w, struct flush_result *ret, struct err *e)
{
	struct crew c = { .work = w, .wake = { -1, -1 }, .signals.fd = -1,
			  .result = ret };

	*ret = (struct flush_result){ 0 };
	fflush(stdout);
	bool ok = begin(&c, e);
	if (ok) {
		wait_for_all(&c);
		sigwatch_end(&c.signals);
		if (w->verbose || isatty(STDERR_FILENO)) {
			tell_down(&c);
		}
	}
	if (c.totals) {
		munmap(c.totals, c.totals_size);
	}
	fs_close(&c.wake[0]);
	fs_close(&c.wake[1]);
	return ok;
}
