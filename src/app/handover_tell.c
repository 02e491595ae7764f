/* SPDX-License-Identifier: ISC */
/* handover_tell: see handover_tell.h.  Must never ask the service anything. */
#include "app/handover_tell.h"
#include "app/handover.h"
#include "app/say.h"
#include "app/scope.h"
#include "app/tell.h"
#include "base/mem.h"
#include "base/text.h"
#include "smtp/server.h"

#include <errno.h>
#include <sysexits.h>
#include <unistd.h>

/* -- the result -------------------------------------------------------------------------- */

/* The line in front of *text, which is taken off. */
static struct span take_line(struct span *text)
{
	const char *end = memchr(text->data, '\n', text->size);
	struct span line = span_first(*text, end ? (size_t)(end - text->data) : text->size);

	*text = span_from(*text, line.size + 1);
	return line;
}

void handover_take_result(struct handover *h)
{
	struct span rest = buf_span(&h->told), line = span_of(NULL, 0);
	unsigned long long status, some;

	while (rest.size > 0) {
		line = take_line(&rest);
	}
	const char *blank = line.size > 0 ? memchr(line.data, ' ', line.size) : NULL;
	size_t size = blank ? (size_t)(blank - line.data) : line.size;
	h->has_result = blank && text_unsigned(span_first(line, size), 255, &status) &&
			text_unsigned(span_from(line, size + 1), 1, &some);
	if (h->has_result) {
		h->status = (int)status;
		h->some_have_it = some == 1;
	}
}

/* Was the recipient not refused before, but is what the result is about? */
static bool is_in_result(const struct handover *h, const struct outcome *o)
{
	return h->has_result &&
	       (o->verdict == VERDICT_ACCEPTED ||
		strcmp(o->verb, verb_row(VERB_BDAT)->phrase) == 0 ||
		strcmp(o->verb, verb_row(VERB_END)->phrase) == 0);
}

int handover_status(const struct handover *h)
{
	struct smtp_txn before = h->job.txn;

	if (h->has_result && h->status != EX_OK) {
		return h->status;
	}
	before.rcpts = mem_alloc(before.rcpt_count, sizeof(*before.rcpts));
	before.rcpt_count = 0;
	for (size_t i = 0; i < h->job.txn.rcpt_count; i++) {
		if (!is_in_result(h, &h->job.txn.rcpts[i].outcome)) {
			before.rcpts[before.rcpt_count++] = h->job.txn.rcpts[i];
		}
	}
	int status = tell_exit_status(&before, false);
	free(before.rcpts);
	return status;
}

/* -- the lines --------------------------------------------------------------------------- */

/* True: there were some. */
static bool say_result(const struct handover *h)
{
	struct span rest = buf_span(&h->told);
	struct buf line BUF_AUTO;
	bool any = false;

	buf_init(&line, 2 * ERR_TEXT_MAX);
	while (h->has_result && rest.size > 0) {
		struct span piece = take_line(&rest);
		char mark = piece.size > 0 ? piece.data[0] : '\0';
		if (mark != '+' && any) {
			say("%s", line.data);
		}
		if (mark == '|') {
			buf_reset(&line);
			any = true;
		}
		/* Who says more in a line says it in vain. */
		if ((mark == '|' || mark == '+') &&
		    !buf_add_span(&line, span_from(piece, 1))) {
			break;
		}
	}
	return any;
}

/* Did they all fail, in the same words? */
static bool is_one_fate(const struct smtp_txn *t)
{
	for (size_t i = 0; i < t->rcpt_count; i++) {
		const struct outcome *o = &t->rcpts[i].outcome;
		if (o->verdict == VERDICT_ACCEPTED ||
		    strcmp(o->text, t->rcpts[0].outcome.text) != 0) {
			return false;
		}
	}
	return true;
}

const char *handover_remedy(int os_errno)
{
	return os_errno == EACCES
		       ? "it must be open to everybody, as systemctl restart relay-submit.socket "
			 "makes it (see THE MACHINE'S MAIL in sendmail(8)); or write a ~/.relayrc "
			 "of your own"
		       : "start it (systemctl start relay-submit.socket; see THE MACHINE'S MAIL in "
			 "sendmail(8)), or write a ~/.relayrc of your own";
}

/* Of those whom it did not say anything about. */
static void tell_outcomes(const struct handover *h)
{
	const struct smtp_txn *t = &h->job.txn;
	const char *who = h->has_failed ? "the service of the machine: " : "";
	bool is_one = is_one_fate(t);

	for (size_t i = 0; i < t->rcpt_count; i++) {
		const struct outcome *o = &t->rcpts[i].outcome;
		if (o->verdict == VERDICT_ACCEPTED ||
		    (h->is_kept && o->verdict != VERDICT_PERMANENT)) {
			continue;
		}
		if (is_one) {
			say("%s: %s%s", tell_words(o), who, o->text);
			return;
		}
		say("%s: %s: %s%s", t->rcpts[i].addr, tell_words(o), who, o->text);
	}
}

/* Refused before the message was taken for others. */
static void tell_before(const struct handover *h)
{
	const struct smtp_txn *t = &h->job.txn;

	for (size_t i = 0; i < t->rcpt_count; i++) {
		const struct outcome *o = &t->rcpts[i].outcome;
		if (!is_in_result(h, o)) {
			say("%s: %s: %s", t->rcpts[i].addr, tell_words(o), o->text);
		}
	}
}

/* Of the recipients that it is kept for, the first one's. */
static const struct outcome *first_kept(const struct smtp_txn *t)
{
	size_t i = 0;

	while (i + 1 < t->rcpt_count && (t->rcpts[i].outcome.verdict == VERDICT_PERMANENT ||
					 t->rcpts[i].outcome.verdict == VERDICT_ACCEPTED)) {
		i++;
	}
	return &t->rcpts[i].outcome;
}

static void tell_own(const struct handover *h)
{
	if (h->call->options.verbose || isatty(STDERR_FILENO)) {
		const struct outcome *first = first_kept(&h->job.txn);
		char next[64];
		tell_when(h->next, next, sizeof(next));
		say("not sent yet, kept in your own queue as %s: %s%s; next try by a queue run %s",
		    h->id, first->verdict == VERDICT_UNKNOWN ? "perhaps sent: " : "",
		    first->text, next);
	}
	tell_outcomes(h);
}

void handover_tell(const struct handover *h, int status)
{
	bool is_quiet = h->call->options.error_mode == ERRORS_QUIET;

	if (h->is_kept) {
		if (!is_quiet) {
			tell_own(h);
		}
	} else if (h->has_result) {
		bool any = say_result(h);
		if (!is_quiet && !any && status == h->status && status != EX_OK) {
			tell_outcomes(h);
		} else if (!is_quiet) {
			tell_before(h);
		}
	} else if (!is_quiet && h->is_missing) {
		say("%s; %s%s", h->why.text,
		    h->why.os_errno == EACCES ? ""
					      : "nobody takes the mail of the machine there: ",
		    handover_remedy(h->why.os_errno));
	} else if (!is_quiet) {
		tell_outcomes(h);
	}
}

/* -- for a client of ours ---------------------------------------------------------------- */

/* The reply that the service gave for all, without its codes; or NULL. */
static const char *words_for_all(const struct handover *h)
{
	const struct outcome *first = &h->job.txn.rcpts[0].outcome;
	size_t size = first->enhanced[0] ? strlen("550 ") + strlen(first->enhanced) + 1
					 : strlen("550 ");
	bool is_told = !h->is_kept && first->code != 0 && is_one_fate(&h->job.txn) &&
		       strlen(first->text) > size;

	return is_told ? first->text + size : NULL;
}

void handover_answer_client(const struct handover *h)
{
	const struct smtp_txn *t = &h->job.txn;
	const struct outcome *first = &t->rcpts[0].outcome;
	const char *colon = strstr(first->text, "queued as "), *words = words_for_all(h);
	struct smtp_fate fate = { .txn = t, .id = h->id, .is_kept = h->is_kept };

	if (words) {
		bool is_final = first->verdict == VERDICT_PERMANENT;
		smtp_answer_set(h->call->answer, is_final ? VERDICT_PERMANENT : VERDICT_TEMPORARY,
				first->code, first->enhanced, "%s", words);
		return;
	}
	if (first->verdict == VERDICT_ACCEPTED) {
		fate.id = colon ? colon + strlen("queued as ") : "";
	}
	smtp_server_judge(h->call->answer, &fate);
}
