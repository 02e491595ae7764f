/* SPDX-License-Identifier: ISC */
/*
 * server_judge: many recipients, one answer (RFC 5321 §4.2.5, §6.1).  Who says 2xx is
 * responsible for all of them; who says anything else makes the client try again for all,
 * or give up for all.
 */
#include "smtp/server.h"

#include <stdio.h>

static bool has_it(const struct outcome *o, bool is_kept)
{
	return o->verdict == VERDICT_ACCEPTED ||
	       (is_kept && o->verdict != VERDICT_PERMANENT);
}

static bool is_temporary(const struct outcome *o, bool is_kept)
{
	return !has_it(o, is_kept) && o->verdict != VERDICT_PERMANENT;
}

/*
 * 500 to 504 and 530 speak of our commands, not of the client's; 421 and 221 of our
 * session.
 */
static int code_for_client(int code)
{
	return code == 450 || code == 451 || code == 452 || (code >= 550 && code <= 556)
		       ? code
		       : 0;
}

/* The failure of one stands for all. */
static void refuse(struct smtp_answer *a, const struct smtp_rcpt *r, size_t had,
		   size_t count)
{
	const struct outcome *o = &r->outcome;
	bool is_final = o->verdict == VERDICT_PERMANENT;
	char status[16];

	outcome_status(o, status);
	smtp_answer_set(a, is_final ? VERDICT_PERMANENT : VERDICT_TEMPORARY,
			code_for_client(o->code), status, "<%s>: ", r->addr);
	size_t size = strlen(a->text);
	const char *text = o->text[0] ? o->text : "not tried";
	if (had > 0) {
		snprintf(a->text + size, sizeof(a->text) - size,
			 "%s (%zu of %zu recipients have it)", text, had, count);
	} else {
		snprintf(a->text + size, sizeof(a->text) - size, "%s", text);
	}
}

/* Is there a sender, and does he want to hear of the failure (RFC 3461 §4.1)? */
static bool is_reported(const struct smtp_fate *fate, const struct smtp_rcpt *r)
{
	unsigned notify = r->notify ? r->notify : fate->txn->notify;

	return !has_it(&r->outcome, fate->is_kept) && fate->txn->sender[0] != '\0' &&
	       (notify == 0 || (notify & SMTP_NOTIFY_FAILURE));
}

void smtp_server_judge(struct smtp_answer *a, const struct smtp_fate *fate)
{
	const struct smtp_txn *t = fate->txn;
	const struct smtp_rcpt *refused = NULL, *later = NULL;
	size_t had = 0, reported = 0;

	for (size_t i = 0; i < t->rcpt_count; i++) {
		const struct smtp_rcpt *r = &t->rcpts[i];
		reported += is_reported(fate, r);
		if (has_it(&r->outcome, fate->is_kept)) {
			had++;
		} else if (is_temporary(&r->outcome, fate->is_kept)) {
			later = later ? later : r;
		} else {
			refused = refused ? refused : r;
		}
	}
	if (!refused && !later) {
		smtp_answer_set(a, VERDICT_ACCEPTED, 250, "2.0.0", "Ok: queued as %s",
				fate->id);
	} else if (had > 0 && fate->is_reported) {
		smtp_answer_set(a, VERDICT_ACCEPTED, 250, "2.0.0",
				"Ok: queued as %s; %zu of %zu recipients failed%s", fate->id,
				t->rcpt_count - had, t->rcpt_count,
				reported > 0 ? ", a report is sent" : "");
	} else {
		refuse(a, later ? later : refused, had, t->rcpt_count);
	}
	a->result.some_have_it = had > 0;
}
