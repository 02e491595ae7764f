/* SPDX-License-Identifier: ISC */
/*
 * postfix_senders: the tables that rewrite senders.  They are mostly used to give all mail of
 * a machine an address that the provider takes: that is `from`, `allow_from_override off` and
 * `set_from_header on`.  Any other use is told.
 */
#include "import/postfix.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/build.h"
#include "import/lines.h"
#include "mail/addr.h"

#include <stdlib.h>

/* What the entries of a table say together. */
struct plan {
	const struct table_entry *all;		/* for every sender, or every one of a domain */
	const struct table_entry *first;	/* an address that somebody becomes */
	const struct table_entry *domain;	/* "@old" becomes "@new" */
	bool differs;				/* not all become the same address */
	bool has_more_domains;
};

/* Is it a regular expression that fits every address? */
static bool is_catch_all(struct span pattern)
{
	bool has_star = false;

	for (size_t i = 1; i + 1 < pattern.size; i++) {
		if (!strchr("^$.*+()@", pattern.data[i])) {
			return false;
		}
		has_star = has_star || strchr("*+", pattern.data[i]);
	}
	return has_star;
}

static bool is_address(struct span value)
{
	return value.size > 2 && value.data[0] != '@' && memchr(value.data, '@', value.size) &&
	       !memchr(value.data, '$', value.size) && !memchr(value.data, ' ', value.size) &&
	       !memchr(value.data, ',', value.size);
}

static void read_entry(struct plan *plan, const struct table_entry *entry)
{
	bool is_all = entry->match == TABLE_ANY ||
		      (entry->match == TABLE_PATTERN && is_catch_all(entry->key)) ||
		      (entry->match == TABLE_KEY && entry->key.size > 0 &&
		       entry->key.data[0] == '@');

	if (!is_address(entry->value)) {
		if (entry->value.size > 1 && entry->value.data[0] == '@' && is_all) {
			plan->has_more_domains = plan->has_more_domains ||
				(plan->domain &&
				 !text_equal_fold(plan->domain->value, entry->value));
			plan->domain = plan->domain ? plan->domain : entry;
			return;
		}
		plan->differs = true;
		return;
	}
	plan->differs = plan->differs ||
			(plan->first && !text_equal_fold(plan->first->value, entry->value));
	plan->first = plan->first ? plan->first : entry;
	plan->all = plan->all || !is_all ? plan->all : entry;
}

static void set_sender(struct postfix *p, struct span address, struct import_place at,
		       const char *name)
{
	struct import_account *a = &p->im->defaults;
	const char *old = build_value(a, KEY_FROM);

	if (old && !text_equal_fold(span_str(old), address)) {
		build_note(p->im, IMPORT_LEFT, at, name, "the sender is %s already", old);
		return;
	}
	if (!old && build_from(p->im, a, address, at, name)) {
		build_put(p->im, a, KEY_ALLOW_FROM_OVERRIDE, "off");
		build_put(p->im, a, KEY_SET_FROM_HEADER, "on");
	}
}

static void set_domain(struct postfix *p, struct span domain, struct import_place at,
		       const char *name)
{
	if (build_set(p->im, &p->im->defaults, KEY_MAILDOMAIN, domain, at, name)) {
		build_note(p->im, IMPORT_CHANGED, at, name,
			   "became maildomain, for senders that have no domain; others stay as "
			   "they are");
	}
}

static void take_table(struct postfix *p, const char *name)
{
	const struct table *t = postfix_table(p, span_of(NULL, 0), name, true);
	struct plan plan = { 0 };

	for (size_t i = 0; i < t->count; i++) {
		read_entry(&plan, &t->at[i]);
	}
	const struct table_entry *use = !plan.differs && !plan.domain ? plan.first : plan.all;
	if (use) {
		set_sender(p, use->value, use->at, name);
		if (plan.differs || plan.domain) {
			build_note(p->im, IMPORT_LEFT, use->at, name,
				   "other lines give other senders: write an account for each, "
				   "with from");
		} else if (!plan.all) {
			build_note(p->im, IMPORT_CHANGED, use->at, name,
				   "every sender becomes this address, not only the ones listed");
		}
	} else if (plan.domain && !plan.first && !plan.differs && !plan.has_more_domains) {
		set_domain(p, span_from(plan.domain->value, 1), plan.domain->at, name);
	} else if (t->count > 0) {
		build_note(p->im, IMPORT_LEFT, t->at[0].at, name,
			   "different senders become different addresses: write an account for "
			   "each, with from");
	}
}

/* /^From:…/ REPLACE From: somebody */
static void take_header_checks(struct postfix *p, const char *name)
{
	const struct table *t = postfix_table(p, span_of(NULL, 0), name, true);
	bool is_told = false;

	for (size_t i = 0; i < t->count; i++) {
		const struct table_entry *entry = &t->at[i];
		struct span rest, action = lines_split(entry->value, &rest);
		char *address MEM_AUTO = NULL;
		struct err e;
		if (entry->match == TABLE_PATTERN &&
		    text_starts_fold(span_from(entry->key, 1), "^from:") &&
		    text_equal_fold(action, span_str("REPLACE")) &&
		    text_starts_fold(rest, "from:") &&
		    addr_parse_one(&address, span_from(rest, 5), &e) &&
		    is_address(span_str(address))) {
			if (!build_value(&p->im->defaults, KEY_FROM)) {
				build_note(p->im, IMPORT_CHANGED, entry->at, name,
					   "the envelope sender becomes this address, too");
			}
			set_sender(p, span_str(address), entry->at, name);
		} else if (!is_told) {
			build_note(p->im, IMPORT_LEFT, entry->at, name,
				   "relay changes no other header fields");
			is_told = true;
		}
	}
}

/* host.example.org is shown as example.org */
static void take_masquerade(struct postfix *p)
{
	static const char name[] = "masquerade_domains";
	struct import_place at;
	char *list MEM_AUTO = postfix_get(p, span_of(NULL, 0), name, &at);
	char *origin MEM_AUTO = postfix_get(p, span_of(NULL, 0), "myorigin", NULL);
	struct span rest = span_str(list), domain;

	while ((domain = lines_word(&rest, ", \t\r\n")).size > 0) {
		struct span own = span_str(origin);
		bool is_under = own.size > domain.size + 1 &&
				own.data[own.size - domain.size - 1] == '.' &&
				text_equal_fold(span_from(own, own.size - domain.size), domain);
		if (is_under || text_equal_fold(own, domain)) {
			set_domain(p, domain, at, name);
			return;
		}
	}
	if (list[0]) {
		build_note(p->im, IMPORT_LEFT, at, name, "relay changes no other senders");
	}
}

void postfix_senders(struct postfix *p)
{
	/* The last one that Postfix asks comes first. */
	take_table(p, "smtp_generic_maps");
	take_header_checks(p, "smtp_header_checks");
	take_table(p, "sender_canonical_maps");
	take_table(p, "canonical_maps");
	take_header_checks(p, "header_checks");
	take_masquerade(p);
}
