/* SPDX-License-Identifier: ISC */
/*
 * risk_senders: which `from` can never win, because an account before it takes the same
 * senders.  A value that was inherited is not a claim of its own: `account default : home`.
 * Nor is that of an account with `to`, or of one that stands in for others.
 */
#include "base/mem.h"
#include "base/text.h"
#include "conf/account.h"
#include "conf/risk.h"
#include "conf/taker_index.h"

/* Steps of all comparisons: about a second, which a thousand accounts do not take. */
#define WORK_MAX ((size_t)16 << 20)

static void tell(const struct conf *c, const struct taker *winner, const struct taker *loser,
		 struct findings *to)
{
	const struct account *first = &c->accounts[winner->account];
	const struct account *a = &c->accounts[loser->account];
	char where[512];

	account_origin(winner->line, where, sizeof(where));
	if (text_equal_fold(winner->word, loser->word)) {
		findings_add(to, SEVERITY_WARNING, a, KEY_FROM,
			     "account %s has the same and comes first (%s), so that only -a "
			     "chooses this one; remove one of the two lines",
			     first->name, where);
	} else {
		findings_add(to, SEVERITY_WARNING, a, KEY_FROM,
			     "account %s comes first and takes all of these senders (%s), so "
			     "that only -a chooses this one; put this account before it",
			     first->name, where);
	}
}

void risk_default(const struct conf *c, struct findings *to)
{
	if (c->count > 0 && !account_find(c, 0, span_str("default"))) {
		findings_add_at(to, SEVERITY_WARNING, c->accounts[0].file,
				c->accounts[0].line,
				"there is no account default, so that mail without a "
				"sender, and from senders that no account takes, is "
				"refused; add a line behind the accounts: account "
				"default : NAME");
	}
}

void risk_senders(const struct conf *c, const struct account *only, struct findings *to)
{
	struct taker_index *x = taker_index_new();
	bool *called MEM_AUTO = account_called(c);
	const struct conf_value *last = NULL;
	size_t work = WORK_MAX;

	for (size_t i = 0; i < c->count; i++) {
		const struct account *a = &c->accounts[i];
		const struct conf_value *line = conf_value(a, KEY_FROM);
		/* --from=… is every account's. */
		if (!line->text || line->line == 0 || strcmp(line->text, CONF_FROM_AUTHOR) == 0 ||
		    conf_is_hidden(c, a) || !account_is_claim(a, KEY_FROM, &last)) {
			continue;
		}
		const struct taker t = taker_of_senders(i, line);
		/* Whoever is called by `to` or `fallback` is not there for nothing. */
		const struct taker *winner = !called[i] && (!only || only == a)
						     ? taker_index_cover(x, &t, &work)
						     : NULL;
		if (winner && !(called[winner->account] &&
				account_same_from(a, &c->accounts[winner->account]))) {
			tell(c, winner, &t, to);
		}
		/* Of those with one address, it does not come first. */
		if (!called[i] || !conf_from(a)) {
			taker_index_add(x, &t);
		}
	}
	taker_index_free(x);
}
