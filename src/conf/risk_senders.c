/* SPDX-License-Identifier: ISC */
/*
 * risk_senders: which `from` can never win, because an account before it takes the same
 * senders.  A value that was inherited is not a claim of its own: `account default : home`.
 */
#include "base/mem.h"
#include "base/text.h"
#include "conf/account.h"
#include "conf/address.h"
#include "conf/pattern.h"
#include "conf/risk.h"

#include <stdlib.h>

/* Steps of all comparisons: about a second, which a thousand accounts do not take. */
#define WORK_MAX ((size_t)16 << 20)

struct claim {
	const struct account *account;
	const char *from;
	struct pattern pattern;
	bool is_readable;	/* pattern is good */
};

static bool is_own(const struct claim *claims, size_t count, const struct account *a)
{
	const struct conf_value *v = conf_value(a, KEY_FROM);

	for (size_t i = 0; i < count; i++) {
		const struct conf_value *other = conf_value(claims[i].account, KEY_FROM);
		if (v->line == other->line && v->file == other->file) {
			return false;
		}
	}
	return true;
}

static size_t read_claims(const struct conf *c, struct claim *claims)
{
	size_t count = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct account *a = &c->accounts[i];
		const char *from = conf_text(a, KEY_FROM);
		/* --from=… is every account's. */
		if (!from || conf_value(a, KEY_FROM)->line == 0 ||
		    strcmp(from, CONF_FROM_AUTHOR) == 0 || conf_is_hidden(c, a) ||
		    !is_own(claims, count, a)) {
			continue;
		}
		struct claim *claim = &claims[count++];
		claim->account = a;
		claim->from = from;
		claim->is_readable =
			pattern_read(&claim->pattern, from, !address_is_pattern(from));
	}
	return count;
}

static bool is_same(const struct claim *a, const struct claim *b)
{
	return text_equal_fold(span_str(a->from), span_str(b->from));
}

/* Does a, which comes first, take everything? */
static bool takes_all(const struct claim *a, const struct claim *b, size_t *work)
{
	if (b->pattern.is_literal) {
		return account_takes(a->from, span_str(b->from));
	}
	return is_same(a, b) || (a->is_readable && b->is_readable &&
				 pattern_covers(&a->pattern, &b->pattern, work));
}

static void tell(const struct claim *winner, const struct claim *loser, struct findings *to)
{
	char where[512];

	conf_origin(winner->account, KEY_FROM, where, sizeof(where));
	if (is_same(winner, loser)) {
		findings_add(to, SEVERITY_WARNING, loser->account, KEY_FROM,
			     "account %s has the same and comes first (%s), so that only -a "
			     "chooses this one; remove one of the two lines",
			     winner->account->name, where);
	} else {
		findings_add(to, SEVERITY_WARNING, loser->account, KEY_FROM,
			     "account %s comes first and takes all of these senders (%s), so "
			     "that only -a chooses this one; put this account before it",
			     winner->account->name, where);
	}
}

static void find_default(const struct conf *c, struct findings *to)
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
	struct claim *claims = mem_alloc(c->count, sizeof(*claims));
	size_t count = read_claims(c, claims), work = WORK_MAX;

	for (size_t i = 1; i < count; i++) {
		size_t k = 0;
		while (k < i && !takes_all(&claims[k], &claims[i], &work)) {
			k++;
		}
		if (k < i && (!only || only == claims[i].account)) {
			tell(&claims[k], &claims[i], to);
		}
	}
	if (!only) {
		find_default(c, to);
	}
	free(claims);
}
