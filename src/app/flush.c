/* SPDX-License-Identifier: ISC */
/*
 * flush: see flush.h.
 *
 * Exit status: 0 when the run itself worked, also when servers were down; 75 when
 * something of the queue could not be read or written, or a signal ended it; 78 for a
 * wrong configuration.  Output: one line on stdout when there was something to do, else
 * none.
 */
#include "app/flush.h"
#include "app/flush_work.h"
#include "app/say.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/mem.h"
#include "queue/slot.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* The end of what is said when a signal ends a run. */
#define STAYS "; what was not sent stays in the queue"

/* What is asked for, before the IDs are looked for. */
struct request {
	bool now;
	bool is_choice; /* of some messages: the others are not touched */
	const char *recipient, *sender;
	char **ids;
	size_t id_count;
};

/* ---- what comes out ---- */

static void tell_result(const struct flush_list *l, const struct flush_result *r)
{
	const struct progress_counts *n = &r->counts;
	char line[PROGRESS_MAX];

	if (n->sent + n->deferred + n->failed + n->unsaved + n->left > 0) {
		progress_summary(n, r->elapsed_ms, line);
		printf("relay: %s\n", line);
	} else if (isatty(STDOUT_FILENO) && l->count == 0 && l->early > 0) {
		printf("relay: %zu message%s wait%s for the next try\n", l->early,
		       l->early == 1 ? "" : "s", l->early == 1 ? "s" : "");
	} else if (isatty(STDOUT_FILENO) && l->count == 0) {
		puts("relay: nothing to send");
	}
	fflush(stdout);
}

/* ---- the IDs ---- */

/* In words, why a message that is there is not sent by a queue run. */
static const char *refusal(enum queue_place place)
{
	return place == QUEUE_HOLD ? "it is on hold; to have it sent: relay queue release"
	       : place == QUEUE_FAILED
		       ? "it was given up; to have it tried again: relay queue retry"
	       : place == QUEUE_CORRUPT ? "it is damaged; see relay-queue(7)"
					: NULL;
}

/* Returns the exit status for those that were not found. */
static int find_ids(const struct request *r, const struct queues *qs,
		    struct queues_hit *hits, size_t *ret_count)
{
	const unsigned everywhere = (1u << QUEUE_PLACES) - 1;
	int status = EX_OK;

	*ret_count = 0;
	for (size_t i = 0; i < r->id_count; i++) {
		struct queues_hit *hit = &hits[*ret_count];
		struct err e;
		if (!queues_find(qs, everywhere, r->ids[i], hit, &e)) {
			status = say_error(&e);
		} else if (refusal(hit->place)) {
			say("%s: %s", hit->id, refusal(hit->place));
			status = hit->place == QUEUE_CORRUPT ? EX_DATAERR : EX_USAGE;
		} else {
			++*ret_count;
		}
	}
	return status;
}

/* ---- one run ---- */

/* What is to be done beside delivering, when all of the queue is looked at. */
static bool tidy(struct flush_list *l, const struct queues *qs, struct call *c,
		 struct err *e)
{
	for (size_t i = 0; i < qs->count; i++) {
		if (!flush_clean(l, qs->at[i], c, e)) {
			return false;
		}
		queue_sweep(qs->at[i], clock_now());
	}
	return true;
}

/*
 * A message that was sent must be removed: where nothing can be written, every run would
 * send it once more.
 */
static bool can_remove(const struct queues *qs, struct err *e)
{
	for (size_t i = 0; i < qs->count; i++) {
		if (access(queue_path(qs->at[i]), W_OK | X_OK) != 0) {
			return err_errno(e, CAUSE_OS,
					 "%s: nothing is sent, since it could not be "
					 "removed afterwards",
					 queue_path(qs->at[i]));
		}
	}
	return true;
}

static int deliver(struct flush_list *l, const struct queues *qs, struct call *c,
		   bool *ret_stopped)
{
	const struct flush_work work = {
		.list = l,
		.id = &c->id,
		.verbose = c->options.verbose,
	};
	struct flush_result result = { 0 };
	struct err e;

	if (l->count > 0 &&
	    (!can_remove(qs, &e) || !flush_work_run(&work, &result, &e))) {
		return say_error(&e);
	}
	tell_result(l, &result);
	*ret_stopped = result.is_stopped;
	return result.is_stopped || result.is_troubled || result.counts.unsaved > 0
		       ? EX_TEMPFAIL
		       : EX_OK;
}

static int run_list(struct flush_list *l, const struct queues *qs,
		    const struct request *r, struct call *c, bool *ret_stopped)
{
	struct queues_hit *hits MEM_AUTO = mem_alloc(r->id_count + 1, sizeof(*hits));
	struct flush_choice choice = {
		.now = r->now,
		.ids = hits,
		.recipient = r->recipient,
		.sender = r->sender,
		.account = c->options.account,
		.queues = qs,
	};
	struct err e;

	int missing = find_ids(r, qs, hits, &choice.id_count);
	if (r->id_count > 0 && choice.id_count == 0) {
		return missing;
	}
	for (size_t i = 0; i < qs->count && !r->is_choice && !qs->is_limited; i++) {
		slot_sweep(qs->at[i], clock_now());
	}
	bool is_whole = flush_scan(l, qs, &choice, c, &e);
	int unread = is_whole ? EX_OK : say_error(&e);
	int status = deliver(l, qs, c, ret_stopped);
	status = status != EX_OK ? status : unread;
	if (!*ret_stopped && !r->is_choice && !qs->is_limited && !tidy(l, qs, c, &e)) {
		return say_error(&e);
	}
	return status != EX_OK	  ? status
	       : l->is_troubled ? EX_TEMPFAIL
	       : missing != EX_OK ? missing
				  : l->named;
}

/* ret_stopped: by a signal. */
static int run_once(struct call *c, const struct request *r, bool *ret_stopped)
{
	struct queues qs = { 0 };
	struct flush_list list;
	struct err e;
	int status;

	*ret_stopped = false;
	flush_list_init(&list);
	bool ok = r->id_count > 0 ? queues_open(&qs, c, &e) : queues_open_all(&qs, c, &e);
	if (ok) {
		int own = run_list(&list, &qs, r, c, ret_stopped);
		status = own != EX_OK ? own : qs.status;
	} else {
		status = say_error(&e);
	}
	queues_close(&qs);
	flush_list_clear(&list);
	return status;
}

/* ---- again and again ---- */

/* Until the time has come; children of others, whom we are given as the first process of
 * a container, are taken leave of. */
static void sleep_until(int64_t deadline)
{
	struct timespec left;
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	while (clock_left(deadline) > 0) {
		int ms = clock_left(deadline);
		while (waitpid(-1, NULL, WNOHANG) > 0) {
		}
		left = (struct timespec){ .tv_sec = ms / 1000,
					  .tv_nsec = ms % 1000 * 1000000L };
		sigtimedwait(&child, NULL, &left);
	}
	sigprocmask(SIG_UNBLOCK, &child, NULL);
}

/* The configuration is read anew for every run; an error ends only that run. */
static int stay(struct call *c, const struct request *r)
{
	int64_t interval_ms = (int64_t)c->options.flush.repeat_s * 1000;
	int64_t next = clock_ms();
	bool is_stopped = false;

	signals_end_with("", EX_OK);
	while (!is_stopped) {
		run_once(c, r, &is_stopped);
		conf_clear(&c->conf);
		conf_init(&c->conf);
		c->account = NULL;
		while (next <= clock_ms()) {
			next += interval_ms;
		}
		if (!is_stopped) {
			sleep_until(next);
		}
	}
	return EX_OK;
}

static int run(struct call *c, const struct request *r)
{
	bool is_stopped;

	signals_end_with("sendmail: stopped by a signal" STAYS "\n", EX_TEMPFAIL);
	int status = run_once(c, r, &is_stopped);
	if (is_stopped) {
		say("stopped by a signal" STAYS);
	}
	return status;
}

int flush_run(struct call *c)
{
	const struct flush_options *o = &c->options.flush;
	char *id MEM_AUTO = o->id ? mem_str(o->id) : NULL;
	const struct request r = {
		.now = o->now,
		.is_choice = o->id || o->recipient || o->sender,
		.recipient = o->recipient,
		.sender = o->sender,
		.ids = &id,
		.id_count = o->id ? 1 : 0,
	};

	return o->repeat_s > 0 ? stay(c, &r) : run(c, &r);
}

int flush_ids(struct call *c, char **ids, size_t count)
{
	const struct request r = {
		.now = c->options.flush.now,
		.is_choice = count > 0,
		.ids = ids,
		.id_count = count,
	};

	return run(c, &r);
}
