/* SPDX-License-Identifier: ISC */
/* deliver: see deliver.h.  Which servers are tried; what happens there: deliver_server.c. */
#include "app/deliver_state.h"
#include "app/say.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "queue/slot.h"
#include "sys/sasl.h"

#include <stdio.h>

/* -- one message ----------------------------------------------------------------------- */

static bool is_part(const struct queue_rcpt *r, unsigned via)
{
	return r->status == QUEUE_WAITING && r->via == via;
}

void delivery_init(struct delivery *d, struct queue_entry *entry, unsigned via,
		   struct message *message)
{
	size_t count = 0;

	for (size_t i = 0; i < entry->rcpt_count; i++) {
		count += is_part(&entry->rcpts[i], via);
	}
	struct smtp_rcpt *rcpts = mem_alloc(count, sizeof(*rcpts));
	*d = (struct delivery){
		.entry = entry,
		.via = via,
		.message = message,
		.start_ms = clock_ms(),
		.index = mem_alloc(count, sizeof(*d->index)),
		.perhaps = mem_alloc(count, sizeof(*d->perhaps)),
		.session = mem_alloc(count, sizeof(*d->session)),
		.job.message = message,
		.job.txn = {
			.sender = queue_via_sender(entry, via),
			.rcpts = rcpts,
			.rcpt_count = count,
			.size = message_size(message),
			.is_8bit = message->is_8bit,
			.needs_smtputf8 = entry->needs_smtputf8,
			.notify = entry->notify,
			.ret = (enum smtp_ret)entry->ret,
			.envid = entry->envid,
		},
	};
	for (size_t i = 0, n = 0; i < entry->rcpt_count; i++) {
		const struct queue_rcpt *r = &entry->rcpts[i];
		if (is_part(r, via)) {
			rcpts[n] = (struct smtp_rcpt){ .addr = r->addr, .orcpt = r->orcpt,
						       .notify = r->notify };
			d->index[n++] = i;
		}
	}
}

void delivery_clear(struct delivery *d)
{
	free(d->job.txn.rcpts);
	free(d->index);
	free(d->perhaps);
	free(d->earlier);
	free(d->session);
	*d = (struct delivery){ 0 };
}

const struct session_facts *delivery_facts(const struct delivery *d, size_t i,
					   const struct session_facts *last)
{
	return d->session[i] > 0 ? &d->earlier[d->session[i] - 1] : last;
}

/* Who got no answer of his own shares the fate of the session. */
void delivery_suspend(struct delivery *d, const struct err *e)
{
	for (size_t i = 0; i < d->job.txn.rcpt_count; i++) {
		struct outcome *o = &d->job.txn.rcpts[i].outcome;
		if (o->verdict == VERDICT_UNTRIED) {
			o->verdict = VERDICT_TEMPORARY;
			o->cause = e->cause;
			o->verb = "";
			snprintf(o->text, sizeof(o->text), "%.*s", (int)sizeof(o->text) - 1,
				 e->text);
		}
	}
}

/* -- the servers, one after another ------------------------------------------------------ */

/* Then comes how many are left out.  The first must fit. */
enum { TRAIL_MAX = ERR_TEXT_MAX - 120, TRAIL_TEXT_MAX = 512 };

/* While a caller waits: to reach one server; and, in the same measure, all of them. */
enum { REACH_SECONDS = 30, REACH_TIMES = 2 };

struct tour {
	const struct deliver_options *o;
	const struct deliver_source *source;
	int64_t *waited_ms;		/* NULL = each may take its time */
	bool is_cut;			/* it did not last for all servers */
	struct hops hops;
	const struct account *account;	/* whose slot and secret these are; NULL = nobody's */
	int slot;			/* of a fallback account; -1 = none */
	struct buf secret;
	struct buf trail;		/* what was wrong with the servers so far */
	unsigned told, failed;		/* servers: in the trail; all */
	/* The first trouble; but one that can pass by itself rather than one that cannot. */
	struct err first;
};

static bool find_secret(const struct deliver_options *o, const struct account *a,
			struct buf *secret, struct err *e)
{
	const char *provider;
	char *host MEM_AUTO = conf_first_host(a);
	struct secret_query q = settings_secret(a, host, o->id);

	if (!conf_wants_auth(a) || sasl_needs_no_secret(conf_mechanisms(a))) {
		return true;
	}
	q.may_prompt = o->may_prompt;
	q.may_unlock = o->may_unlock;
	return secret_find(&q, secret, &provider, e);
}

/* The group of the same messages, were they this account's.  The caller frees it. */
static char *group_of(const char *group, const struct account *a)
{
	return mem_printf("%s%s", a->name, group + strcspn(group, "\n"));
}

/* False: all sessions that the fallback account allows are in use. */
static bool take_slot(struct tour *t, const struct account *a, struct err *e)
{
	const struct deliver_options *o = t->o;
	unsigned max = (unsigned)conf_number(a, KEY_MAX_CONNECTIONS);

	if (a == o->account || !o->queue || !o->group) {
		return true;
	}
	char *group MEM_AUTO = group_of(o->group, a);
	return slot_take(o->queue, group, max, &t->slot) ||
	       err_set(e, CAUSE_TEMP, "all its sessions are in use");
}

static void give_slot_back(struct tour *t)
{
	if (t->slot >= 0) {
		char *group MEM_AUTO = group_of(t->o->group, t->account);
		slot_release(&t->slot);
		t->source->gave_back(t->source->context, t->account, group);
	}
}

/* What all servers of an account have in common.  False: none of them can be used. */
static bool enter_account(struct tour *t, const struct account *a, struct err *e)
{
	if (t->account == a) {
		return true;
	}
	give_slot_back(t);
	buf_clear(&t->secret);
	buf_init_secret(&t->secret, SECRET_MAX);
	t->account = NULL;
	if (!find_secret(t->o, a, &t->secret, e) || !take_slot(t, a, e)) {
		return false;
	}
	t->account = a;
	return true;
}

/* What comes behind the last that fits is left out. */
static void add_to_trail(struct tour *t, const struct hop *hop, const char *login_at,
			 const char *text)
{
	bool is_other = hop->account != t->o->account;

	if (t->told == t->failed &&
	    buf_printf(&t->trail, "%s%s%s%s%s%s%s%.*s", t->told > 0 ? "; " : "",
		       is_other ? "account " : "", is_other ? hop->account->name : "",
		       is_other ? ": " : "", login_at ? "login at " : "",
		       login_at ? login_at : "", login_at ? " failed: " : "", TRAIL_TEXT_MAX,
		       text)) {
		t->told++;
	}
}

static void note_trouble(struct tour *t, const struct hop *hop, const struct session_facts *facts,
			 const struct err *e)
{
	bool is_login = e->cause == CAUSE_AUTH && facts->login_refused;
	bool can_pass = cause_row(e->cause)->retry == RETRY_LATER;

	if (t->failed == 0 || (can_pass && cause_row(t->first.cause)->retry == RETRY_NEVER)) {
		t->first = *e;
	}
	add_to_trail(t, hop, !is_login ? NULL : facts->host[0] ? facts->host : facts->peer, e->text);
	t->failed++;
	if (t->o->verbose && !hops_is_one(&t->hops)) {
		say("account %s: %s", hop->account->name, e->text);
	}
}

static const char *ehlo_name(const struct account *a, struct identity *id)
{
	const char *domain = conf_text(a, KEY_DOMAIN);

	if (!domain && strchr(identity_host(id), '.') &&
	    text_is_ascii(span_str(identity_host(id)))) {
		domain = identity_host(id);
	}
	return domain;
}

/* Its password is as wrong at its other servers, unless the server was only busy. */
static bool is_login_hopeless(const struct deliver_work *w)
{
	const struct delivery *d = w->again.first;
	bool is_busy = d && d->job.txn.rcpts[0].outcome.code / 100 == 4;

	return w->facts->login_refused && !is_busy;
}

/* What the next server of this account may take, in ms; 0 = it is too late for one. */
static int64_t patience(const struct tour *t, const struct account *a)
{
	int64_t cap = conf_number(a, KEY_TIMEOUT);
	int64_t one = 1000 * (cap > 0 && cap < REACH_SECONDS ? cap : REACH_SECONDS);
	int64_t left = REACH_TIMES * one - *t->waited_ms;

	return left <= 0 ? 0 : left < one ? left : one;
}

static void note_time(struct tour *t, int64_t since)
{
	if (t->waited_ms) {
		*t->waited_ms += clock_ms() - since;
	}
}

static bool try_server(struct tour *t, struct deliver_work *w, const struct hop *hop, struct err *e)
{
	if (!enter_account(t, hop->account, e)) {
		hops_skip_account(&t->hops);
		return false;
	}
	struct session_options options = {
		.hop = hop,
		.ehlo_name = ehlo_name(hop->account, t->o->id),
		.secret = buf_span(&t->secret),
		.trace = t->o->verbose,
		.reach_ms = t->waited_ms ? patience(t, hop->account) : 0,
	};
	if (t->failed > 0) {
		deliver_begin_anew(w);
	}
	w->is_spare = t->failed > 0;
	w->has_next = hops_account(&t->hops) != NULL;
	int64_t since = clock_ms();
	if (deliver_to_server(w, &options, e)) {
		return true;
	}
	note_time(t, since);
	if (is_login_hopeless(w)) {
		hops_skip_account(&t->hops);
	}
	return false;
}

/* The next server that there is time for. */
static enum hops_next next_server(struct tour *t, struct hop *hop, struct err *e)
{
	int64_t since = clock_ms();
	const struct account *a;

	while (t->waited_ms && (a = hops_account(&t->hops))) {
		t->hops.until = since + patience(t, a);
		if (t->hops.until > since) {
			break;
		}
		t->is_cut = true;
		hops_skip_account(&t->hops);
	}
	enum hops_next kind = hops_next(&t->hops, hop, e);
	if (kind == HOPS_TROUBLE) {
		note_time(t, since);
	}
	return kind;
}

/* What all the servers together have come to. */
static void sum_up(const struct tour *t, struct err *e)
{
	static const char later[] = "; the queue run tries the others, which there was no time for";
	char more[40] = "";

	if (t->failed == 0) {
		err_set(e, CAUSE_TEMP, "not tried, since the servers of other accounts did not "
			"answer in time; the queue run does it");
		return;
	}
	if (t->told < t->failed) {
		snprintf(more, sizeof(more), "; and %u more", t->failed - t->told);
	}
	err_set(e, t->first.cause, "%.*s%s%s", SPAN_ARG(buf_span(&t->trail)), more,
		t->is_cut ? later : "");
	e->os_errno = t->first.os_errno;
}

/* True: all is sent, or has its answer.  False: no server can be used. */
static bool go_round(struct tour *t, struct deliver_work *w, struct err *e)
{
	enum hops_next kind;
	struct hop hop;

	while ((kind = next_server(t, &hop, e)) != HOPS_END) {
		if (kind == HOPS_SERVER && try_server(t, w, &hop, e)) {
			return true;
		}
		note_trouble(t, &hop, w->facts, e);
		if (e->cause == CAUSE_SIGNAL || (w->is_empty && !w->again.first)) {
			break;
		}
	}
	if (t->failed > 1 || t->is_cut) {
		sum_up(t, e);
		w->facts->login_refused = false;
		/* All share this line, not only the last server's words. */
		deliver_begin_anew(w);
	}
	return false;
}

bool deliver_run(const struct deliver_options *o, const struct deliver_source *source,
		 struct session_facts *facts, struct err *e)
{
	struct tour tour = { .o = o, .source = source, .slot = -1 };
	struct deliver_work work;

	*facts = (struct session_facts){ .port = 0 };
	deliver_work_init(&work, source, facts);
	buf_init_secret(&tour.secret, SECRET_MAX);
	buf_init(&tour.trail, TRAIL_MAX);
	bool ok = hops_init(&tour.hops, o->conf, o->account, e);
	tour.waited_ms = ok && (o->has_others || !hops_is_one(&tour.hops)) ? o->waited_ms : NULL;
	ok = ok && go_round(&tour, &work, e);
	if (!ok) {
		deliver_give_up(&work, e);
	}
	give_slot_back(&tour);
	buf_clear(&tour.trail);
	buf_clear(&tour.secret);
	return ok;
}
