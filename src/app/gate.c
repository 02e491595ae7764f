/* SPDX-License-Identifier: ISC */
/* gate: see gate.h. */
#include "app/gate.h"
#include "app/ownership.h"
#include "app/scope.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "conf/users.h"
#include "queue/slot.h"

#include <limits.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* So much is left free on the disk: for the states of what is there, and for the log. */
#define FREE_MIN (32ULL << 20)
/* With less it is looked at who has taken the rest. */
#define FREE_AMPLE (4ULL << 30)
/* Of what is free, that a message may take while it comes in: of the trusted, ... */
#define FREE_PARTS 4
/* ... and where sessions are not limited, as many as they may be all the same. */
#define SESSIONS_MOST 64

enum { HEAD_USUAL = 4096 };

static bool fail(struct smtp_answer *why, enum verdict verdict, int code,
		 const char *enhanced, const char *text)
{
	smtp_answer_set(why, verdict, code, enhanced, "%s", text);
	return false;
}

static struct identity *id_of(const struct gate *g)
{
	return &g->call->id;
}

enum { WHO_MAX = 128 };

/* All who are not known are one user: else they alone would have no limits. */
static const char *who_is(const struct gate *g, char text[WHO_MAX])
{
	if (id_of(g)->caller < 0) {
		return "a user who is not known";
	}
	snprintf(text, WHO_MAX, "user %s", identity_login(id_of(g)));
	return text;
}

/* -- sessions -------------------------------------------------------------------------- */

bool gate_open(struct gate *g, struct call *c, struct smtp_answer *why)
{
	*g = (struct gate){ .call = c, .slot = -1, .payer.uid = -1 };
	if (!c->id.is_system) {
		return true;
	}
	g->peer = peer_of(STDIN_FILENO);
	/* On a pipe it is whoever started us, and scope_enter knows him. */
	if (g->peer.kind != PEER_NONE) {
		scope_set_caller(&c->id, g->peer.uid);
	}
	if (g->peer.kind == PEER_REMOTE) {
		smtp_answer_set(why, VERDICT_PERMANENT, 554, "5.7.1",
				"%s takes mail from this machine alone", identity_host(&c->id));
		return false;
	}
	return true;
}

/* Without a queue there is nothing to count, and no lock to be had: MaxConnections is left. */
static void open_queue(struct gate *g)
{
	const struct account *a = g->call->account;
	struct err ignored;
	char *path MEM_AUTO = settings_queue_path(a, id_of(g), &ignored);

	if (path && !queue_open(path, true, &g->queue, &ignored)) {
		g->queue = NULL;
	}
}

bool gate_enter(struct gate *g, struct smtp_answer *why)
{
	const struct account *a = g->call->account;
	char name[64], who[WHO_MAX];

	if (!ownership_counts(id_of(g)) || !a) {
		return true;
	}
	payer_find(&g->payer, id_of(g));
	open_queue(g);
	unsigned most = (unsigned)conf_number(a, KEY_SUBMIT_CONCURRENCY_LIMIT);
	if (!g->queue || most == 0) {
		return true;
	}
	snprintf(name, sizeof(name), "submit uid %lld", (long long)g->payer.uid);
	if (slot_take(g->queue, name, most, &g->slot)) {
		return true;
	}
	smtp_answer_set(why, VERDICT_TEMPORARY, 421, "4.3.2",
			"%s has %u sessions already (submit_concurrency_limit); try again later",
			who_is(g, who), most);
	return false;
}

void gate_close(struct gate *g)
{
	slot_release(&g->slot);
	payer_clear(&g->payer);
	queue_close(g->queue);
	g->queue = NULL;
}

/* -- messages -------------------------------------------------------------------------- */

static bool may_send(const struct gate *g, struct smtp_answer *why)
{
	const char *list = conf_text(g->call->account, KEY_AUTHORIZED_SUBMIT_USERS);
	char who[WHO_MAX];

	if (list && users_has(list, g->payer.login)) {
		return true;
	}
	smtp_answer_set(why, VERDICT_PERMANENT, 554, "5.7.1",
			"%s may not send mail here (authorized_submit_users)", who_is(g, who));
	return false;
}

static bool is_own_name(const struct gate *g, const char *sender, struct smtp_answer *why)
{
	struct identity *id = id_of(g);

	if (ownership_of(sender, g->call->account, id) != OWNER_OTHER) {
		return true;
	}
	if (id->caller < 0) {
		return fail(why, VERDICT_PERMANENT, 553, "5.7.1",
			    "a user of this machine cannot be the sender: the service does not "
			    "see who calls");
	}
	smtp_answer_set(why, VERDICT_PERMANENT, 553, "5.7.1",
			"the sender <%s> is another user of this machine; you are %s", sender,
			identity_login(id));
	return false;
}

/* On the file system of the queue; one that does not say how full it is has room. */
static unsigned long long free_bytes(const struct gate *g)
{
	struct statvfs fs;

	if (!g->queue || statvfs(queue_path(g->queue), &fs) != 0 || fs.f_blocks == 0) {
		return ~0ULL;
	}
	return (unsigned long long)fs.f_bavail * fs.f_frsize;
}

/*
 * Each message of n sessions may be 1/k of what is free then: together n / (k + n) of what was
 * free before.  At its end each is there twice, until its copy in the queue is complete: with
 * k = 1.5 n a fifth is left for the others even then.
 */
bool gate_takes_size(const struct gate *g, unsigned long long size)
{
	const struct account *a = g->call->account;
	unsigned long long sessions =
		a ? (unsigned long long)conf_number(a, KEY_SUBMIT_CONCURRENCY_LIMIT) : 0;
	unsigned long long parts = FREE_PARTS;

	if (ownership_counts(id_of(g))) {
		sessions = sessions > 0 ? sessions : SESSIONS_MOST;
		parts = sessions + (sessions + 1) / 2;
	}
	return size <= free_bytes(g) / (parts > FREE_PARTS ? parts : FREE_PARTS);
}

/*
 * His messages are not too many, and, where the disk is nearly full, not more than he leaves to
 * the others: the last room is for all.
 */
static bool has_room(const struct gate *g, struct smtp_answer *why)
{
	unsigned long long left = free_bytes(g);
	unsigned long long most =
		(unsigned long long)conf_number(g->call->account, KEY_SUBMIT_QUEUE_LIMIT);
	const struct queue_share may = { .messages = most > 0 ? most - 1 : ULLONG_MAX,
					 .bytes = left < FREE_AMPLE ? left : ULLONG_MAX };
	struct queue_share has;
	char who[WHO_MAX];
	struct err ignored;

	if (left < FREE_MIN) {
		return fail(why, VERDICT_TEMPORARY, 452, "4.3.1",
			    "there is no room on the disk");
	}
	bool is_limited = may.messages < ULLONG_MAX || may.bytes < ULLONG_MAX;
	if (!g->queue || !is_limited ||
	    !queue_share(g->queue, g->payer.uids, g->payer.count, &may, clock_now(), &has,
			 &ignored)) {
		return true;
	}
	if (has.bytes > may.bytes) {
		return fail(why, VERDICT_TEMPORARY, 452, "4.3.1",
			    "your messages take more of the disk than is left; try again when "
			    "some of them are sent");
	}
	if (has.messages > may.messages) {
		smtp_answer_set(why, VERDICT_TEMPORARY, 452, "4.3.2",
				"%s has %llu messages in the queue (submit_queue_limit); try "
				"again later",
				who_is(g, who), most);
		return false;
	}
	return true;
}

/* What a head and a transfer encoding may add to a message is in it. */
void gate_takes_message(const struct gate *g, unsigned long long size)
{
	if (g->queue) {
		queue_share_add(g->queue, g->payer.uid, size + size / 2 + HEAD_USUAL);
	}
}

bool gate_takes_sender(void *gate, const char *sender, struct smtp_answer *why)
{
	struct gate *g = gate;

	if (!g->call->id.is_system) {
		return true;
	}
	if (!ownership_counts(id_of(g))) {
		return true;
	}
	/* Put right meanwhile, or not: what may be sent is not known. */
	if (!g->call->account) {
		return fail(why, VERDICT_TEMPORARY, 451, "4.3.5", settings_hidden);
	}
	return may_send(g, why) && is_own_name(g, sender, why) && has_room(g, why);
}

bool gate_is_for_users(const struct gate *g)
{
	return g->peer.kind == PEER_UNIX && g->call->id.is_system && g->call->id.caller >= 0;
}

const char *gate_sender(struct call *c, const char *sender)
{
	bool is_caller = ownership_counts(&c->id) && c->id.caller >= 0 &&
			 addr_is_bare(sender) && c->account &&
			 ownership_of(sender, c->account, &c->id) == OWNER_NONE;

	return is_caller ? identity_login(&c->id) : sender;
}
