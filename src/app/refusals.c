/* SPDX-License-Identifier: ISC */
/* refusals: see refusals.h. */
#include "app/refusals.h"
#include "app/bounce.h"
#include "app/say.h"
#include "base/clock.h"
#include "base/mem.h"
#include "smtp/server.h"

#include <stdio.h>

/* RFC 3463: the system is incorrectly configured. */
static const char status[] = "5.3.5";

static void log_all(const struct refusals *r)
{
	const struct local_problems *p = r->problems;

	for (enum alias_trouble kind = 0; kind < ALIAS_TROUBLES; kind++) {
		for (size_t i = 0; i < local_problems_kept(p, kind); i++) {
			const struct local_problem *one = &p->at[kind][i];
			if (kind == ALIAS_MISTAKE || !one->recipient) {
				maillog_note(r->log, r->entry->id, "%s", one->text);
			} else if (kind == ALIAS_REFUSED) {
				maillog_refused(r->log, r->entry, one->recipient, one->text);
			} else {
				maillog_note(r->log, r->entry->id, "to=<%s>, discarded (%s)",
					     one->recipient, one->text);
			}
		}
	}
}

/* What an SMTP client said about its recipient; 0: nothing. */
static unsigned notify_of(const struct smtp_envelope *client, const char *recipient)
{
	for (size_t i = 0; client && i < client->rcpt_count; i++) {
		if (strcmp(client->rcpts[i].addr, recipient) == 0) {
			return client->rcpts[i].notify;
		}
	}
	return 0;
}

/* Appends the recipient to the report's entry, unless its sender wants to hear nothing. */
static bool add(const struct refusals *r, struct queue_entry *v,
		const struct local_problem *one, struct err *e)
{
	const struct queue_rcpt asked = { .notify = notify_of(r->client, one->recipient) };
	char *addr MEM_AUTO = local_qualify(one->recipient, r->account, r->id);

	if (!bounce_is_wanted(r->entry, &asked, DSN_FAILED)) {
		return true;
	}
	if (!queue_entry_add_rcpt(v, addr, NULL, e)) {
		return false;
	}
	struct queue_rcpt *to = &v->rcpts[v->rcpt_count - 1];
	to->status = QUEUE_REFUSED;
	to->text = mem_str(one->text);
	snprintf(to->dsn, sizeof(to->dsn), "%s", status);
	return true;
}

/* A report about these recipients alone, as if the server had refused them. */
static bool report(const struct refusals *r, bool *ret_told, struct err *e)
{
	const struct local_problems *p = r->problems;
	struct queue_entry v = *r->entry, own = { 0 };
	size_t which[LOCAL_PROBLEMS_MAX];
	char id[QUEUE_ID_MAX];
	bool ok = true;

	for (size_t i = 0; ok && i < local_problems_kept(p, ALIAS_REFUSED); i++) {
		which[i] = i;
		ok = add(r, &own, &p->at[ALIAS_REFUSED][i], e);
	}
	v.rcpts = own.rcpts;
	v.rcpt_count = own.rcpt_count;
	v.last = clock_now();
	const struct bounce b = {
		.queue = r->queue,
		.account = r->account,
		.id = r->id,
		.log = r->log,
		.kind = DSN_FAILED,
		.entry = &v,
		.message = r->message,
		.rcpts = which,
		.rcpt_count = v.rcpt_count,
	};
	*ret_told = v.rcpt_count == 0;
	ok = ok && (v.rcpt_count == 0 || bounce_put(&b, ret_told, id, e));
	queue_entry_clear(&own);
	return ok;
}

bool refusals_tell(const struct refusals *r)
{
	const struct local_problems *p = r->problems;
	bool by_mail = (r->client && r->client->errors == SMTP_ERRORS_DEFAULT) ||
		       r->mode == ERRORS_MAIL || r->mode == ERRORS_MAIL_ZERO;
	bool is_told = false;
	struct err e;

	if (r->mode != ERRORS_QUIET) {
		local_problems_say(p);
	}
	log_all(r);
	if (p->counts[ALIAS_REFUSED] == 0) {
		return true;
	}
	if (by_mail && r->queue && !report(r, &is_told, &e)) {
		maillog_note(r->log, r->entry->id, "cannot make a delivery report: %s", e.text);
		if (r->mode != ERRORS_QUIET) {
			say("cannot make a delivery report: %s", e.text);
		}
	}
	return is_told;
}
