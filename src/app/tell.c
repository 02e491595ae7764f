/* SPDX-License-Identifier: ISC */
/* tell: see tell.h. */
#include "app/tell.h"
#include "app/say.h"
#include "base/clock.h"

#include <stdio.h>
#include <sysexits.h>

/* Did the recipient fail only because the session did? */
static bool shares_fate(const struct outcome *o, const struct err *e)
{
	return o->verdict == VERDICT_UNKNOWN ||
	       (o->cause == e->cause && o->verdict != VERDICT_ACCEPTED);
}

/* " (in reply to MAIL FROM)" where the reader would not expect it. */
static void reply_to(const struct outcome *o, char *text, size_t size)
{
	bool is_own = o->code == 0 || !o->verb || !o->verb[0] || strcmp(o->verb, "RCPT TO") == 0;

	snprintf(text, size, is_own ? "%s" : " (in reply to %s)", is_own ? "" : o->verb);
}

/* Where the configuration is wrong, it does not help to wait. */
const char *tell_words(const struct outcome *o)
{
	return o->verdict == VERDICT_PERMANENT || o->cause == CAUSE_CONFIG ? "not sent"
	       : o->verdict == VERDICT_UNKNOWN ? "perhaps sent"
					       : "not sent (try again later)";
}

static void tell_session(const struct account *a, const struct session_facts *facts,
			 const struct outcome *o, const struct err *e)
{
	const char *user = conf_text(a, KEY_USER);

	if (facts->login_refused) {
		bool is_tried = facts->mechanism[0] != '\0';
		say("account %s: login as %s%s%s at %s failed: %s", a->name,
		    user ? user : "(no user)", is_tried ? " with " : "", facts->mechanism,
		    facts->host[0] ? facts->host : facts->peer, e->text);
	} else if (o->verdict == VERDICT_UNKNOWN) {
		say("account %s: perhaps sent: %s", a->name, o->text);
	} else {
		say("account %s: %s", a->name, e->text);
	}
}

/* One line for each recipient that failed; one for all that the session took with it, but
 * each is named when others have got the message. */
void tell_failures(const struct account *a, const struct delivery *d,
		   const struct session_facts *facts, const struct err *why, bool is_kept,
		   bool others_have_it)
{
	const struct smtp_txn *txn = &d->job.txn;
	bool one_for_all = why != NULL && !is_kept && !others_have_it;

	for (size_t i = 0; i < txn->rcpt_count; i++) {
		one_for_all = one_for_all && shares_fate(&txn->rcpts[i].outcome, why);
	}
	if (one_for_all) {
		tell_session(a, facts, &txn->rcpts[0].outcome, why);
		return;
	}
	for (size_t i = 0; i < txn->rcpt_count; i++) {
		const struct outcome *o = &txn->rcpts[i].outcome;
		char where[64];
		reply_to(o, where, sizeof(where));
		if (o->verdict == VERDICT_PERMANENT || (o->verdict != VERDICT_ACCEPTED && !is_kept)) {
			say("%s: %s: %s%s", txn->rcpts[i].addr, tell_words(o), o->text, where);
		}
	}
}

void tell_when(int64_t at, char *text, size_t size)
{
	time_t now = clock_now(), then = (time_t)at;
	struct tm local = { 0 }, today = { 0 };

	localtime_r(&now, &today);
	localtime_r(&then, &local);
	bool is_today = local.tm_yday == today.tm_yday && local.tm_year == today.tm_year;
	if (strftime(text, size, is_today ? "at %H:%M:%S" : "on %b %d at %H:%M:%S", &local) == 0) {
		text[0] = '\0';
	}
}

/* "not sent yet", or to whom it is not, when others have it or were refused. */
static void not_sent(const struct queue_entry *v, const char *first, char *text, size_t size)
{
	size_t waiting = queue_entry_waiting(v);

	if (waiting == v->rcpt_count) {
		snprintf(text, size, "not sent yet");
	} else if (waiting == 1) {
		snprintf(text, size, "not sent to %s yet", first);
	} else {
		snprintf(text, size, "not sent to %zu of %zu recipients yet", waiting,
			 v->rcpt_count);
	}
}

void tell_kept(const struct queue_entry *v, enum tell_why why)
{
	static const char *const untried[] = {
		[TELL_TRIED] = "it was not tried; the next queue run sends it",
		[TELL_BUSY] = "all sessions are in use; they send it when one is free",
		[TELL_BACKGROUND] = "it is being sent in the background",
	};
	const struct queue_rcpt *waiting = NULL;
	char next[64], what[ADDR_MAX + 64];

	for (size_t i = 0; i < v->rcpt_count && !waiting; i++) {
		waiting = v->rcpts[i].status == QUEUE_WAITING ? &v->rcpts[i] : NULL;
	}
	not_sent(v, waiting ? waiting->addr : "", what, sizeof(what));
	if (v->next == 0 || !waiting || !waiting->text) {
		say("%s, kept in the queue as %s: %s", what, v->id, untried[why]);
		return;
	}
	tell_when(v->next, next, sizeof(next));
	say("%s, kept in the queue as %s: %s%s; next try by a queue run %s", what, v->id,
	    waiting->maybe_sent ? "perhaps sent: " : "", waiting->text, next);
}

int tell_exit_status(const struct smtp_txn *txn, bool is_kept)
{
	int status = EX_OK;

	for (size_t i = 0; i < txn->rcpt_count; i++) {
		const struct outcome *o = &txn->rcpts[i].outcome;
		if (o->verdict == VERDICT_ACCEPTED || (is_kept && o->verdict != VERDICT_PERMANENT)) {
			continue;
		}
		/* A wrong configuration can be put right, but not by trying again. */
		if (o->verdict != VERDICT_PERMANENT && o->cause != CAUSE_CONFIG) {
			return EX_TEMPFAIL;
		}
		if (status == EX_OK) {
			status = cause_row(o->cause)->exit_code;
		}
	}
	return status;
}

void tell_broken_signature(struct maillog *log, const char *id)
{
	static const char text[] = "the message has a DKIM signature, which does not hold any "
				   "more: set_from_header on replaced its sender";

	say("%s", text);
	maillog_note(log, id, "%s", text);
}
