/* SPDX-License-Identifier: ISC */
/* verdict: see verdict.h.  One table says what a refusal is about. */
#include "smtp/verdict.h"
#include "base/text.h"
#include "smtp/reply.h"

#include <stdio.h>

/*
 * Read from the top; the first row that fits decides.  0 and VERB_NONE fit everything;
 * `status` is the beginning of the enhanced code.
 */
static const struct refusal {
	enum verb verb;
	int code;
	const char *status;
	enum verdict verdict;
	enum cause cause;
} refusals[] = {
	/* The session is at fault, not the mail. */
	{ VERB_NONE, 500, "", VERDICT_TEMPORARY, CAUSE_PROTOCOL },
	{ VERB_NONE, 502, "", VERDICT_TEMPORARY, CAUSE_PROTOCOL },
	{ VERB_NONE, 503, "", VERDICT_TEMPORARY, CAUSE_PROTOCOL },
	{ VERB_BDAT, 504, "", VERDICT_TEMPORARY, CAUSE_PROTOCOL },
	{ VERB_NONE, 530, "", VERDICT_TEMPORARY, CAUSE_AUTH },
	{ VERB_NONE, 534, "", VERDICT_TEMPORARY, CAUSE_AUTH },
	{ VERB_NONE, 535, "", VERDICT_TEMPORARY, CAUSE_AUTH },
	{ VERB_NONE, 538, "", VERDICT_TEMPORARY, CAUSE_AUTH },
	{ VERB_GREETING, 0, "", VERDICT_TEMPORARY, CAUSE_TEMP },
	{ VERB_EHLO, 0, "", VERDICT_TEMPORARY, CAUSE_PROTOCOL },
	{ VERB_HELO, 0, "", VERDICT_TEMPORARY, CAUSE_PROTOCOL },
	{ VERB_LHLO, 0, "", VERDICT_TEMPORARY, CAUSE_PROTOCOL },
	{ VERB_RSET, 0, "", VERDICT_TEMPORARY, CAUSE_PROTOCOL },
	{ VERB_STARTTLS, 0, "", VERDICT_TEMPORARY, CAUSE_TLS },
	{ VERB_AUTH, 0, "", VERDICT_TEMPORARY, CAUSE_AUTH },
	/* Who: a recipient, at RCPT, or later in LMTP. */
	{ VERB_RCPT, 0, "", VERDICT_PERMANENT, CAUSE_RCPT },
	{ VERB_END, 0, "5.1.", VERDICT_PERMANENT, CAUSE_RCPT },
	{ VERB_END, 0, "5.2.", VERDICT_PERMANENT, CAUSE_RCPT },
	{ VERB_BDAT, 0, "5.1.", VERDICT_PERMANENT, CAUSE_RCPT },
	{ VERB_BDAT, 0, "5.2.", VERDICT_PERMANENT, CAUSE_RCPT },
	/* What: the message itself. */
	{ VERB_NONE, 0, "5.6.", VERDICT_PERMANENT, CAUSE_DATA },
	{ VERB_END, 0, "5.7.", VERDICT_PERMANENT, CAUSE_DATA },
	{ VERB_BDAT, 0, "5.7.", VERDICT_PERMANENT, CAUSE_DATA },
	{ VERB_END, 550, "", VERDICT_PERMANENT, CAUSE_DATA },
	{ VERB_END, 554, "", VERDICT_PERMANENT, CAUSE_DATA },
	{ VERB_BDAT, 550, "", VERDICT_PERMANENT, CAUSE_DATA },
	{ VERB_BDAT, 554, "", VERDICT_PERMANENT, CAUSE_DATA },
	/* All the rest: the sender, the size, the server's policy. */
	{ VERB_NONE, 0, "", VERDICT_PERMANENT, CAUSE_REFUSED },
};

static bool fits(const struct refusal *row, enum verb verb, const struct reply *reply)
{
	return (row->verb == VERB_NONE || row->verb == verb) &&
	       (row->code == 0 || row->code == reply->code) &&
	       text_starts_fold(span_str(reply->enhanced), row->status);
}

void outcome_of_reply(struct outcome *o, enum verb verb, const struct reply *reply)
{
	const struct refusal *row = refusals;

	*o = (struct outcome){ .code = reply->code, .verb = verb_row(verb)->phrase };
	memcpy(o->enhanced, reply->enhanced, sizeof(o->enhanced));
	reply_line(reply, o->text, sizeof(o->text));
	if (reply->code / 100 == 4) {
		o->verdict = VERDICT_TEMPORARY;
		o->cause = CAUSE_TEMP;
		return;
	}
	while (!fits(row, verb, reply)) {
		row++;
	}
	o->verdict = row->verdict;
	o->cause = row->cause;
}

void outcome_set(struct outcome *o, enum verdict verdict, enum cause cause,
		 enum verb verb, const char *enhanced, const char *text)
{
	*o = (struct outcome){ .verdict = verdict, .cause = cause,
			       .verb = verb_row(verb)->phrase };
	snprintf(o->enhanced, sizeof(o->enhanced), "%s", enhanced);
	snprintf(o->text, sizeof(o->text), "%s", text);
	text_sanitise(o->text, strlen(o->text));
}

void outcome_status(const struct outcome *o, char status[16])
{
	/* Without the first digit. */
	static const char *const subjects[CAUSE_COUNT] = {
		[CAUSE_LOST] = ".4.2",	 [CAUSE_UNKNOWN] = ".4.2",  [CAUSE_CONNECT] = ".4.1",
		[CAUSE_DNS] = ".4.3",	 [CAUSE_TLS] = ".7.5",	    [CAUSE_AUTH] = ".7.8",
		[CAUSE_SECRET] = ".7.8", [CAUSE_PROTOCOL] = ".5.0", [CAUSE_CONFIG] = ".3.5",
		[CAUSE_OS] = ".3.0",
	};
	const char class = o->verdict == VERDICT_ACCEPTED    ? '2'
			   : o->verdict == VERDICT_PERMANENT ? '5'
							     : '4';
	const char *subject = o->verdict == VERDICT_ACCEPTED ? NULL : subjects[o->cause];

	if (o->enhanced[0] == class) {
		snprintf(status, 16, "%s", o->enhanced);
	} else {
		snprintf(status, 16, "%c%s", class, subject ? subject : ".0.0");
	}
}
