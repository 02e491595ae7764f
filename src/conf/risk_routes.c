/* SPDX-License-Identifier: ISC */
/*
 * risk_routes: patterns in `to` that can never win, because an account before has them, and
 * names in `fallback` that lead nowhere.  A value that was inherited is told of only where it
 * stands.
 */
#include "base/text.h"
#include "conf/account.h"
#include "conf/lists.h"
#include "conf/risk.h"
#include "conf/route.h"
#include "conf/taker_index.h"

/* Steps of all comparisons: about a second. */
#define WORK_MAX ((size_t)16 << 20)

/* Patterns that are told of; who has more of them knows what is wrong. */
enum { TOLD_MOST = 100 };

struct look {
	const struct conf *c;
	struct taker_index *index;
	struct findings *to;
	size_t work, told;
};

static void tell(struct look *l, const struct taker *winner, const struct taker *loser)
{
	const struct account *first = &l->c->accounts[winner->account];
	const struct account *a = &l->c->accounts[loser->account];
	char where[512];

	account_origin(winner->line, where, sizeof(where));
	if (l->told++ >= TOLD_MOST) {
		return;
	}
	if (first == a) {
		findings_add_value(l->to, SEVERITY_WARNING, a, KEY_TO, loser->line,
				   "\"%.*s\" stands here twice (%s); remove one of them",
				   SPAN_ARG(span_first(loser->word, 200)), where);
	} else if (text_equal_fold(winner->word, loser->word)) {
		findings_add_value(l->to, SEVERITY_WARNING, a, KEY_TO, loser->line,
				   "account %s has \"%.*s\", too, and comes first (%s), so that "
				   "it has no effect here; remove one of the two",
				   first->name, SPAN_ARG(span_first(loser->word, 200)), where);
	} else {
		findings_add_value(l->to, SEVERITY_WARNING, a, KEY_TO, loser->line,
				   "account %s comes first and takes with \"%.*s\" all "
				   "recipients of \"%.*s\" (%s), so that it has no effect here; "
				   "put this account before it",
				   first->name, SPAN_ARG(span_first(winner->word, 200)),
				   SPAN_ARG(span_first(loser->word, 200)), where);
	}
}

/* *line: one line of the account's `to`. */
static void look_at_line(struct look *l, size_t account, const struct conf_value *line,
			 bool is_told)
{
	struct span rest = span_str(line->text), word;

	while ((word = lists_next(&rest)).size > 0) {
		const struct taker t = taker_of_recipients(word, account, line);
		const struct taker *winner =
			is_told ? taker_index_cover(l->index, &t, &l->work) : NULL;
		/* In one account some may say more than others. */
		if (winner && (winner->account != account ||
			       text_equal_fold(winner->word, t.word))) {
			tell(l, winner, &t);
		}
		taker_index_add(l->index, &t);
	}
}

static void look_at_recipients(struct look *l, const struct account *only)
{
	const struct conf_value *last = NULL;

	for (size_t i = 0; i < l->c->count; i++) {
		const struct account *a = &l->c->accounts[i];
		const struct conf_value *line = conf_value(a, KEY_TO);
		if (!line->text || conf_is_hidden(l->c, a) ||
		    !account_is_claim(a, KEY_TO, &last)) {
			continue;
		}
		for (; line; line = line->next) {
			look_at_line(l, i, line, !only || only == a);
		}
	}
	if (l->told > TOLD_MOST) {
		findings_add_at(l->to, SEVERITY_WARNING, l->c->accounts[0].file, 0,
				"to: there are more patterns without any effect; remove them");
	}
}

/* Every name that is not there, and names that stand twice. */
static void look_at_names(const struct conf *c, const struct account *a, struct findings *to)
{
	const char *text = conf_text(a, KEY_FALLBACK);
	struct span rest = span_str(text), name;
	char reason[512];

	while ((name = lists_next(&rest)).size > 0) {
		struct span before = span_of(text, (size_t)(name.data - text)), other;
		if (route_missing(c, name, reason, sizeof(reason))) {
			findings_add(to, SEVERITY_ERROR, a, KEY_FALLBACK, "%s", reason);
		}
		while ((other = lists_next(&before)).size > 0 && !span_equal(other, name)) {
		}
		if (other.size > 0) {
			findings_add(to, SEVERITY_WARNING, a, KEY_FALLBACK,
				     "\"%.*s\" stands here twice; remove one of them",
				     SPAN_ARG(span_first(name, 200)));
		}
	}
}

static void look_at_fallbacks(const struct conf *c, const struct account *only,
			      struct findings *to)
{
	const struct conf_value *last = NULL;
	struct route_fault fault;

	for (size_t i = 0; i < c->count; i++) {
		struct account *a = &c->accounts[i];
		if (!conf_is_set(a, KEY_FALLBACK) || conf_is_hidden(c, a) ||
		    (!account_is_claim(a, KEY_FALLBACK, &last) && only != a) ||
		    (only && only != a)) {
			continue;
		}
		look_at_names(c, a, to);
		if (route_fault(c, a, &fault)) {
			findings_add(to, SEVERITY_ERROR, fault.account, KEY_FALLBACK, "%s",
				     fault.reason);
		}
	}
}

void risk_routes(const struct conf *c, const struct account *only, struct findings *to)
{
	struct look l = { .c = c, .index = taker_index_new(), .to = to, .work = WORK_MAX };

	look_at_recipients(&l, only);
	look_at_fallbacks(c, only, to);
	taker_index_free(l.index);
}
