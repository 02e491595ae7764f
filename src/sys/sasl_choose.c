/* SPDX-License-Identifier: ISC */
/*
 * sasl_choose: which login mechanism.  Pure.  It must never show a secret to a network that
 * can read it without the account's consent.
 */
#include "sys/sasl_choose.h"
#include "base/text.h"

/*
 * Best first.  Those that only a name in `auth` allows stand at the top: an account that
 * names one means it.
 *
 * CRAM-MD5 stands below PLAIN, though it does not show the password.  Under TLS nobody but
 * the server could see it there, and who could break TLS could strip CRAM-MD5 from the
 * offer.  In exchange it makes the server keep passwords in clear, proves nothing about the
 * server, and is often offered where the account has no such secret: each try is a failed
 * login then, which gets people banned.  Without TLS the order turns round: what is CLEAR
 * comes last, after everything else.
 */
static const struct sasl_mechanism table[] = {
	{ "GSSAPI", BY_NAME | NO_SECRET | NO_USER | RAW },
	{ "EXTERNAL", OWN | BY_NAME | NO_SECRET | NO_USER | RAW | SINGLE },
	{ "OAUTHBEARER", OWN | CLEAR | BY_NAME | RAW },
	{ "XOAUTH2", OWN | CLEAR | BY_NAME | RAW },
	{ "SCRAM-SHA-256-PLUS", BINDS },
	{ "SCRAM-SHA-1-PLUS", BINDS },
	{ "SCRAM-SHA-256", 0 },
	{ "SCRAM-SHA-1", 0 },
	{ "PLAIN", OWN | CLEAR | SINGLE },
	{ "LOGIN", OWN | CLEAR },
	{ "CRAM-MD5", NAME_IN_CLEAR },
	{ "DIGEST-MD5", BY_NAME },
	{ "NTLM", BY_NAME | RAW },
};
enum { MECHANISMS = sizeof(table) / sizeof(table[0]) };

static struct span next_word(struct span *list)
{
	size_t start = 0;

	while (start < list->size && memchr(" \t,", list->data[start], 3)) {
		start++;
	}
	size_t end = start;
	while (end < list->size && !memchr(" \t,", list->data[end], 3)) {
		end++;
	}
	struct span word = span_first(span_from(*list, start), end - start);
	*list = span_from(*list, end);
	return word;
}

/* Is the word in the list (blanks or commas between words)? */
static bool has_word(const char *list, const char *word)
{
	struct span rest = span_str(list), w;

	while ((w = next_word(&rest)).size > 0) {
		if (text_equal_fold(w, span_str(word))) {
			return true;
		}
	}
	return false;
}

const struct sasl_mechanism *sasl_find(struct span name)
{
	for (size_t i = 0; i < MECHANISMS; i++) {
		if (text_equal_fold(name, span_str(table[i].name))) {
			return &table[i];
		}
	}
	return NULL;
}

/* `auth on`, or nothing said: any safe mechanism. */
static bool allows_any(const char *allowed)
{
	return !allowed || !*allowed || has_word(allowed, "on");
}

bool sasl_needs_no_secret(const char *allowed)
{
	struct span rest = span_str(allowed), word;
	bool any = false;

	while ((word = next_word(&rest)).size > 0) {
		const struct sasl_mechanism *m = sasl_find(word);
		if (!m || !(m->traits & NO_SECRET)) {
			return false;
		}
		any = true;
	}
	return any;
}

static bool is_allowed(const struct sasl_mechanism *m, const struct sasl_options *o)
{
	bool by_name = o->allowed && has_word(o->allowed, m->name);

	if (m->traits & BY_NAME || (m->traits & NAME_IN_CLEAR && !o->is_tls)) {
		return by_name;
	}
	return by_name || allows_any(o->allowed);
}

/* Is the mechanism possible at all on this connection? */
static bool is_possible(const struct sasl_mechanism *m, const struct sasl_options *o)
{
	return !(m->traits & BINDS && !o->binding_type) &&
	       !(m->traits & CLEAR && !o->is_tls && !o->allow_cleartext);
}

const char *sasl_choose(const char *offered, const struct sasl_options *o, struct err *e)
{
	const char *needs_tls = NULL;

	offered = offered ? offered : "";
	/* Two rounds; without TLS what shows the secret has to wait for the second. */
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < MECHANISMS; i++) {
			const struct sasl_mechanism *m = &table[i];
			bool waits = m->traits & CLEAR && !o->is_tls;
			if (waits != (round == 1) || !has_word(offered, m->name) ||
			    !is_allowed(m, o)) {
				continue;
			}
			if (is_possible(m, o)) {
				return m->name;
			}
			needs_tls = m->traits & CLEAR ? m->name : needs_tls;
		}
	}
	if (!offered[strspn(offered, " ")]) {
		err_set(e, CAUSE_AUTH, "the server offers no login (AUTH)%s",
			o->is_tls ? "" : " without TLS");
	} else if (needs_tls) {
		err_set(e, CAUSE_AUTH, "without TLS %s would show the password to everybody on "
			"the way, and nothing better is offered and allowed (offered: %.300s): "
			"set tls on", needs_tls, offered);
	} else {
		err_set(e, CAUSE_AUTH, "no login mechanism in common: the server offers %.300s; "
			"`auth` allows %.200s", offered,
			allows_any(o->allowed) ? "every safe one" : o->allowed);
	}
	return NULL;
}
