/* SPDX-License-Identifier: ISC */
/* checks: see checks.h. */
#include "unit.h"

#include "checks.h"

static const char *const kinds[] = {"WRITE", "READ", "TLS",	"AUTH", "STEP", "VERIFY", "ADAPT",
				    "BODY",  "NEXT", "SETTLED", "IDLE", "DONE", "FAIL"};

bool checks_expect(struct run *r, const struct step *s, enum smtp_action_kind kind,
		   struct smtp_action *ret_action)
{
	struct smtp_action a = caller_drive(r, kind);

	*ret_action = a;
	if (a.kind == kind) {
		return true;
	}
	return wrong(r, s, "expected %s, but the engine says %s%s%.*s", kinds[kind],
		     kinds[a.kind], a.kind == SMTP_FAIL ? ": " : " ",
		     a.kind == SMTP_FAIL ? 300
					 : (int)(a.data.size > 100 ? 100 : a.data.size),
		     a.kind == SMTP_FAIL ? a.err->text
		     : a.data.data	 ? a.data.data
					 : "");
}

bool checks_fail(struct run *r, const struct step *s)
{
	struct smtp_action a;

	if (!checks_expect(r, s, SMTP_FAIL, &a)) {
		return false;
	}
	if (strcmp(cause_row(a.err->cause)->name, s->word) || a.avoid != s->avoid ||
	    !strstr(a.err->text, s->text)) {
		return wrong(r, s, "failed with %s avoid=%u: %s",
			     cause_row(a.err->cause)->name, a.avoid, a.err->text);
	}
	return true;
}

bool checks_settled(struct run *r, const struct step *s)
{
	const struct smtp_txn *t = &r->given[r->checked_count].txn;

	if (r->checked_count == r->settled_count) {
		(void)caller_drive(r, SMTP_SETTLED);
	}
	if (r->checked_count == r->settled_count) {
		return wrong(r, s, "it is not settled");
	}
	r->checked_count++;
	if (s->word[0] && t->was_begun != (strcmp(s->word, "begun") == 0)) {
		return wrong(r, s, "was_begun is %d", t->was_begun);
	}
	return true;
}

static bool check_recipient(struct run *r, const struct step *s, const struct smtp_rcpt *to)
{
	const struct outcome *o = &to->outcome;

	if (o->verdict != s->verdict || (s->code >= 0 && s->code != o->code) ||
	    (s->cause[0] && strcmp(s->cause, "-") &&
	     strcmp(s->cause, cause_row(o->cause)->name)) ||
	    !strstr(o->text, s->text)) {
		return wrong(r, s, "%s: verdict %d %s %d %s (%s) %s", to->addr,
			     (int)o->verdict, cause_row(o->cause)->name, o->code,
			     o->enhanced, o->verb, o->text);
	}
	return true;
}

bool checks_outcome(struct run *r, const struct step *s)
{
	bool is_all = strcmp(s->word, "*") == 0, is_found = false;

	size_t count = r->checked_count > 0 ? r->checked_count : r->settled_count;
	for (size_t k = count; k-- > 0 && !is_found;) {
		const struct smtp_txn *t = &r->given[k].txn;
		for (size_t i = 0; i < t->rcpt_count; i++) {
			if (!is_all && strcmp(s->word, t->rcpts[i].addr)) {
				continue;
			}
			is_found = true;
			if (!check_recipient(r, s, &t->rcpts[i])) {
				return false;
			}
		}
	}
	return is_found || wrong(r, s, "there is no recipient %s", s->word);
}
