/* SPDX-License-Identifier: ISC */
/*
 * net_ask: a deadline for the system's questions to DNS, which have none: with dead name
 * servers they block for half a minute and more.  So a thread asks, and the caller waits for
 * it as long as it may.  When time is up the thread is left alone: it owns the context then,
 * and frees it if it ever returns.
 */
#include "sys/net_state.h"

#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* Enough for glibc's modules (LDAP, sssd, resolved); musl's default is too small. */
#define STACK_SIZE (1024 * 1024)

struct net_ask {
	pthread_mutex_t lock;	/* guards the two flags */
	pthread_cond_t changed;
	bool is_done, is_abandoned;

	net_question *ask;
	void *context;
	bool has_thread;
	pthread_t thread;
};

static void ask_free(struct net_ask *a)
{
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static void *ask_main(void *pointer)
{
	struct net_ask *a = pointer;

	a->ask(a->context);
	pthread_mutex_lock(&a->lock);
	a->is_done = true;
	bool is_mine = a->is_abandoned;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
	if (is_mine) {
		free(a->context);
		ask_free(a);
	}
	return NULL;
}

/* With every signal blocked: they are the main thread's. */
static bool start_thread(struct net_ask *a)
{
	sigset_t all, before;
	pthread_attr_t attributes;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&a->thread, &attributes, ask_main, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return failed == 0;
}

struct net_ask *net_ask_start(net_question *ask, void *context, int64_t deadline)
{
	struct net_ask *a = mem_alloc(1, sizeof(*a));
	pthread_condattr_t clock;

	a->ask = ask;
	a->context = context;
	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&a->changed, &clock);
	pthread_condattr_destroy(&clock);
	a->has_thread = deadline != DEADLINE_NEVER && start_thread(a);
	if (!a->has_thread) {
		/* No thread to be had: better late than not at all. */
		ask(context);
	}
	return a;
}

static bool wait_for_thread(struct net_ask *a, int64_t deadline)
{
	/* clock_ms() counts CLOCK_MONOTONIC too. */
	int64_t until = deadline > 0 ? deadline : 0;
	struct timespec at = { .tv_sec = (time_t)(until / 1000),
			       .tv_nsec = (long)(until % 1000) * 1000000 };
	pthread_t thread = a->thread;

	pthread_mutex_lock(&a->lock);
	while (!a->is_done && pthread_cond_timedwait(&a->changed, &a->lock, &at) == 0) {
	}
	bool is_done = a->is_done;
	a->is_abandoned = !is_done;
	pthread_mutex_unlock(&a->lock);
	if (is_done) {
		pthread_join(thread, NULL);
	} else {
		pthread_detach(thread);
	}
	return is_done;
}

bool net_ask_wait(struct net_ask *a, int64_t deadline)
{
	if (a->has_thread && !wait_for_thread(a, deadline)) {
		return false;
	}
	ask_free(a);
	return true;
}
