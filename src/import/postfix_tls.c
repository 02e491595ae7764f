/* SPDX-License-Identifier: ISC */
/*
 * postfix_tls: the security levels of Postfix (postconf(5), smtp_tls_security_level) as an
 * account's TLS.  relay verifies always, so what did not becomes safer, and is told.
 */
#include "import/postfix.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/syntax.h"
#include "import/build.h"
#include "import/lines.h"

#include <stdlib.h>

struct policy {
	struct import_place at;
	const char *name;	/* of the parameter */
	char *text;		/* "secure match=… …", from smtp_tls_policy_maps; or a level */
	struct span level;
};

/* A bare name is looked up with its parents, "[host]:port" only as it is. */
static const struct table_entry *find_policy(struct postfix *p, struct span transport,
					     struct span dest)
{
	const struct table *t = postfix_table(p, transport, "smtp_tls_policy_maps", false);
	char *name MEM_AUTO = mem_copy(dest.data, dest.size);
	struct err e;

	const struct table_entry *entry = table_find(t, dest);
	if (strpbrk(name, "[]:") || !syntax_domain(name, &e)) {
		return entry;
	}
	for (const char *dot = strchr(name, '.'); !entry && dot; dot = strchr(dot + 1, '.')) {
		entry = table_find(t, span_str(dot));
	}
	return entry;
}

static struct policy get_policy(struct postfix *p, struct span transport, struct span dest)
{
	struct policy policy = { .name = "smtp_tls_policy_maps" };
	const struct table_entry *entry = find_policy(p, transport, dest);
	struct span rest;

	if (entry) {
		policy.at = entry->at;
		policy.text = mem_copy(entry->value.data, entry->value.size);
	} else {
		policy.name = "smtp_tls_security_level";
		policy.text = postfix_get(p, transport, policy.name, &policy.at);
		if (policy.text[0] == '\0') {
			bool is_forced = postfix_yes(p, transport, "smtp_enforce_tls");
			const char *old = is_forced ? "smtp_enforce_tls" : "smtp_use_tls";
			if (postfix_yes(p, transport, old)) {
				policy.name = old;
				free(postfix_get(p, transport, old, &policy.at));
				free(policy.text);
				policy.text = mem_str(is_forced ? "encrypt" : "may");
			}
		}
	}
	policy.level = lines_split(span_str(policy.text), &rest);
	return policy;
}

/* The value of `match=…` and its like in a policy; empty: it has none. */
static struct span attribute(const struct policy *policy, const char *name)
{
	struct span rest = span_str(policy->text), word;

	while ((word = lines_word(&rest, ", \t\r\n")).size > 0) {
		const char *equals = memchr(word.data, '=', word.size);
		size_t size = equals ? (size_t)(equals - word.data) : word.size;
		if (equals && text_equal_fold(span_first(word, size), span_str(name))) {
			return span_from(word, size + 1);
		}
	}
	return span_of(NULL, 0);
}

/* The file goes to relay as it is named, when there is one. */
static void set_file(struct postfix *p, struct import_account *a, struct span transport,
		     const char *name, enum key key)
{
	struct import_place at;
	char *value MEM_AUTO = postfix_get(p, transport, name, &at);

	if (value[0]) {
		build_set(p->im, a, key, span_str(value), at, name);
	}
}

static void set_trust(struct postfix *p, struct import_account *a, struct span transport,
		      const struct policy *policy)
{
	struct import_place at;
	char *path MEM_AUTO = postfix_get(p, transport, "smtp_tls_CApath", &at);
	struct span anchors = attribute(policy, "tafile");

	set_file(p, a, transport, "smtp_tls_CAfile", KEY_TLS_TRUST_FILE);
	if (path[0] && !build_has_note(p->im, IMPORT_CHANGED, "smtp_tls_CApath") &&
	    strcmp(path, "/etc/ssl/certs") != 0 && strcmp(path, "/etc/pki/tls/certs") != 0) {
		build_note(p->im, IMPORT_CHANGED, at, "smtp_tls_CApath",
			   "relay reads one file with all authorities (tls_trust_file), "
			   "the system's unless it is set");
	}
	if (anchors.size > 0) {
		build_note(p->im, IMPORT_LEFT, policy->at, policy->name,
			   "tafile: put that certificate into a file for tls_trust_file");
	}
}

/* One certificate; of several, the first. */
static void set_fingerprint(struct postfix *p, struct import_account *a,
			    struct span transport, const struct policy *policy)
{
	struct import_place at = policy->at;
	const char *name = policy->name;
	struct span list = attribute(policy, "match");
	char *matches MEM_AUTO = list.size > 0
		? mem_copy(list.data, list.size)
		: postfix_get(p, transport, "smtp_tls_fingerprint_cert_match", &at);

	if (list.size == 0) {
		name = "smtp_tls_fingerprint_cert_match";
	}
	list = span_str(matches);
	struct span first = lines_word(&list, "|, \t\r\n"),
		    second = lines_word(&list, "|, \t\r\n");
	if (first.size == 0) {
		build_note(p->im, IMPORT_LEFT, policy->at, policy->name,
			   "fingerprint, but no fingerprint is set: the certificate is "
			   "verified as usual");
		return;
	}
	if (build_set(p->im, a, KEY_TLS_FINGERPRINT, first, at, name)) {
		build_note(p->im, IMPORT_CHANGED, at, name,
			   "the fingerprint must be that of the certificate, not of the "
			   "public key%s", second.size ? "; relay has only the first" : "");
	}
}

/* A name to verify other than the host's. */
static void set_match(struct postfix *p, struct import_account *a, const struct policy *policy)
{
	struct span list = attribute(policy, "match"), word = lines_word(&list, ":|");

	if (word.size == 0 || text_equal_fold(word, span_str("nexthop")) ||
	    text_equal_fold(word, span_str("hostname")) ||
	    text_equal_fold(word, span_str("dot-nexthop"))) {
		return;
	}
	if (word.data[0] == '.' || lines_word(&list, ":|").size > 0) {
		build_note(p->im, IMPORT_LEFT, policy->at, policy->name,
			   "match: relay verifies one name, by default that of the host; "
			   "tls_host_override names another");
		return;
	}
	build_set(p->im, a, KEY_TLS_HOST_OVERRIDE, word, policy->at, policy->name);
}

static void set_certificate(struct postfix *p, struct import_account *a,
			    struct span transport)
{
	struct import_place at;
	char *chain MEM_AUTO = postfix_get(p, transport, "smtp_tls_chain_files", &at);
	struct span list = span_str(chain), first = lines_word(&list, ", \t\r\n");

	if (first.size > 0) {
		build_set(p->im, a, KEY_TLS_CERT_FILE, first, at, "smtp_tls_chain_files");
		build_set(p->im, a, KEY_TLS_KEY_FILE, first, at, "smtp_tls_chain_files");
	} else if (postfix_is_set(p, transport, "smtp_tls_cert_file")) {
		set_file(p, a, transport, "smtp_tls_cert_file", KEY_TLS_CERT_FILE);
		set_file(p, a, transport, "smtp_tls_key_file", KEY_TLS_KEY_FILE);
	}
	if (!build_value(a, KEY_TLS_CERT_FILE) || !build_value(a, KEY_TLS_KEY_FILE)) {
		build_unset(a, KEY_TLS_CERT_FILE);
		build_unset(a, KEY_TLS_KEY_FILE);
	}
}

/* What is different from the level that was asked for; NULL: nothing. */
static const char *level_note(struct span level)
{
	static const struct {
		const char *level, *note;
	} notes[] = {
		{ "may", "TLS was used when the server offered it, without looking at the "
			 "certificate: relay needs TLS and a certificate that is good" },
		{ "encrypt", "the certificate was not looked at: relay verifies it" },
		{ "dane", "relay verifies the certificate with the usual authorities, not "
			  "with DNS" },
		{ "dane-only", "relay verifies the certificate with the usual authorities, "
			       "not with DNS" },
		{ "verify", NULL }, { "secure", NULL }, { "fingerprint", NULL },
		{ "none", NULL }, { "", NULL },
	};

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		if (text_equal_fold(level, span_str(notes[i].level))) {
			return notes[i].note;
		}
	}
	return "this level is not known: relay verifies the certificate";
}

/* Once for each level and parameter. */
static void tell_level(struct postfix *p, const struct policy *policy, bool is_clear,
		       bool is_wrapped)
{
	const char *text = level_note(policy->level);

	if (is_clear && is_wrapped) {
		text = level_note(span_str("encrypt"));
	} else if (is_clear) {
		text = "the login went over the network without TLS: relay needs TLS. If the "
		       "server has none, see tls and auth_cleartext in relayrc(5)";
	}
	if (text && !build_has_note(p->im, IMPORT_CHANGED, policy->name)) {
		build_note(p->im, IMPORT_CHANGED, policy->at, policy->name, "%s%s%.*s%s", text,
			   policy->level.size ? " (it was \"" : "", SPAN_ARG(policy->level),
			   policy->level.size ? "\")" : "");
	}
}

void postfix_tls(struct postfix *p, struct import_account *a, struct span transport,
		 struct span dest, struct import_place at, bool has_login)
{
	struct policy policy = get_policy(p, transport, dest);
	bool is_wrapped = postfix_yes(p, transport, "smtp_tls_wrappermode");
	bool is_clear = policy.level.size == 0 ||
			text_equal_fold(policy.level, span_str("none"));

	if (policy.at.line == 0) {
		policy.at = at;
	}
	if (is_clear && !is_wrapped && !has_login) {
		build_put(p->im, a, KEY_TLS, "off");
	} else {
		build_put(p->im, a, KEY_TLS_STARTTLS, is_wrapped ? "off" : "on");
		tell_level(p, &policy, is_clear, is_wrapped);
		set_trust(p, a, transport, &policy);
		set_certificate(p, a, transport);
		if (text_equal_fold(policy.level, span_str("fingerprint"))) {
			set_fingerprint(p, a, transport, &policy);
		} else {
			set_match(p, a, &policy);
		}
	}
	free(policy.text);
}
