/* SPDX-License-Identifier: ISC */
/*
 * claim: whose a sender is, when several accounts say it with the same `from`.  Must never
 * change an account.
 */
#include "base/mem.h"
#include "base/text.h"
#include "conf/account.h"
#include "conf/lists.h"

#include <stdlib.h>

bool *account_called(const struct conf *c)
{
	bool *called = mem_alloc(c->count + 1, sizeof(*called));
	const struct account *usual = account_find(c, 0, span_str("default"));

	for (size_t i = 0; i < c->count; i++) {
		const struct account *a = &c->accounts[i];
		struct span rest = span_str(conf_text(a, KEY_FALLBACK)), name;
		called[i] = called[i] || conf_is_set(a, KEY_TO);
		while ((name = lists_next(&rest)).size > 0) {
			const struct account *spare = account_find(c, 0, name);
			if (spare) {
				called[spare - c->accounts] = true;
			}
		}
	}
	if (usual) {
		called[usual - c->accounts] = false;
	}
	return called;
}

bool account_same_from(const struct account *a, const struct account *b)
{
	const char *x = conf_text(a, KEY_FROM), *y = conf_text(b, KEY_FROM);

	return x && y && text_equal_fold(span_str(x), span_str(y));
}

/* Of those that say the same as the first, the first that nothing else calls. */
static struct account *settle_claim(const struct conf *c, struct account *first)
{
	struct account *end = c->accounts + c->count, *a = first + 1;
	bool *called = NULL;

	for (; a < end; a++) {
		if (!account_same_from(a, first) || conf_is_hidden(c, a)) {
			continue;
		}
		called = called ? called : account_called(c);
		if (!called[first - c->accounts] || !called[a - c->accounts]) {
			break;
		}
	}
	bool is_a = a < end && called[first - c->accounts];
	free(called);
	return is_a ? a : first;
}

/* The index of the first account before `end` that takes it; `end`: none. */
static size_t first_of(const struct conf *c, const char *sender, size_t end)
{
	size_t i = 0;

	while (i < end && (!conf_takes_sender(&c->accounts[i], sender) ||
			   conf_is_hidden(c, &c->accounts[i]))) {
		i++;
	}
	return i;
}

struct account *account_by_sender(const struct conf *c, const char *sender)
{
	size_t first = first_of(c, sender, c->count);
	char *other;

	for (unsigned n = 0; c->respell && (other = c->respell(sender, n)); n++) {
		first = first_of(c, other, first);
		free(other);
	}
	return first < c->count ? settle_claim(c, &c->accounts[first]) : NULL;
}
