/* SPDX-License-Identifier: ISC */
/* envelope: see envelope.h. */
#include "app/envelope.h"
#include "app/ownership.h"
#include "base/mem.h"
#include "mail/header.h"

void envelope_init(struct envelope *v)
{
	*v = (struct envelope){ 0 };
	addr_list_init(&v->recipients);
}

void envelope_clear(struct envelope *v)
{
	free(v->given);
	free(v->sender);
	free(v->author);
	addr_list_clear(&v->recipients);
	local_problems_clear(&v->problems);
	*v = (struct envelope){ 0 };
}

static bool fail_argument(const char *what, const char *text, const struct addr_fault *fault,
			  struct err *e)
{
	addr_fault_set(e, fault, span_str(text), 1);
	return err_ctx(e, "%s", what);
}

bool envelope_from_options(struct envelope *v, const struct options *o, struct err *e)
{
	struct addr_fault fault;

	if (o->sender && !addr_read_one(&v->given, span_str(o->sender), &fault)) {
		return fail_argument("sender", o->sender, &fault, e);
	}
	for (size_t i = 0; i < o->recipient_count; i++) {
		struct span text = span_str(o->recipients[i]);
		size_t first = v->recipients.count;
		if (!addr_list_read(&v->recipients, text, &fault) ||
		    addr_list_has_null(&v->recipients, first, text, &fault)) {
			return fail_argument("recipient", o->recipients[i], &fault, e);
		}
	}
	return true;
}

bool envelope_from_header(struct envelope *v, const struct options *o, struct span header,
			  struct err *e)
{
	if (o->read_recipients && !header_recipients(header, &v->recipients, e)) {
		return false;
	}
	if (o->read_sender && !v->given) {
		return header_sender(header, &v->given, e);
	}
	return true;
}

/* In the machine's mail the header is not believed to be from another user, either. */
static bool author_address(const struct envelope *v, const struct account *a,
			   struct identity *id, struct span header, char **ret, struct err *e)
{
	if (!header_sender(header, ret, e)) {
		return false;
	}
	/* As the message leaves: its own account has put its address there. */
	if (v->has_own && (!*ret || local_is_own(*ret, a, id))) {
		free(*ret);
		*ret = mem_str(v->author);
		return true;
	}
	if (*ret && ownership_counts(id) && ownership_of(*ret, a, id) == OWNER_OTHER) {
		free(*ret);
		*ret = mem_str(identity_login(id));
	}
	return true;
}

/* The account's own address, or NULL when `from` is not set or is a pattern. */
static bool account_address(const struct envelope *v, const struct account *a,
			    struct identity *id, struct span header, char **ret, struct err *e)
{
	const char *from = conf_from(a);

	if (conf_on(a, KEY_AUTO_FROM)) {
		*ret = local_qualify(identity_login(id), a, id);
		return true;
	}
	*ret = NULL;
	if (from && strcmp(from, CONF_FROM_AUTHOR) == 0) {
		return author_address(v, a, id, header, ret, e);
	}
	if (from && !addr_parse_one(ret, span_str(from), e)) {
		e->cause = CAUSE_CONFIG;
		return err_ctx(e, "from");
	}
	return true;
}

/* Does `own` stand in the place of the sender that was asked for? */
static bool is_own_sender(const struct envelope *v, const struct account *a,
			  struct identity *id, bool has_own)
{
	return !conf_on(a, KEY_ALLOW_FROM_OVERRIDE) ||
	       (has_own && local_is_own(v->given, a, id));
}

struct chosen {
	char *sender;	/* qualified; "" = null */
	char *author;	/* a From field needs an address also when the envelope has none */
	bool has_own;
};

static bool choose_sender(const struct envelope *v, const struct account *a,
			  struct identity *id, struct span header, struct chosen *ret,
			  struct err *e)
{
	char *own MEM_AUTO = NULL;

	*ret = (struct chosen){ .sender = NULL };
	if (!account_address(v, a, id, header, &own, e)) {
		return false;
	}
	bool is_null = v->given && v->given[0] == '\0';
	const char *fallback = own || (v->given && !is_null) ? own : identity_login(id);
	ret->has_own = own && own[0] && !local_is_own(own, a, id);
	bool is_own = !v->given || (!is_null && own && is_own_sender(v, a, id, ret->has_own));
	/* The service has asked the default account; this one may know another domain. */
	if (!is_own && ownership_counts(id) && ownership_of(v->given, a, id) == OWNER_OTHER) {
		return err_set(e, CAUSE_REFUSED,
			       "the sender <%s> is another user of this machine; you are %s",
			       v->given, identity_login(id));
	}
	ret->sender = local_qualify(is_own ? fallback : v->given, a, id);
	ret->author = is_null ? local_qualify(fallback, a, id) : mem_str(ret->sender);
	return addr_is_safe(span_str(ret->sender)) ||
	       err_set(e, CAUSE_DATA, "the sender \"%s\" is not a valid address", ret->sender);
}

bool envelope_sender(const struct envelope *v, const struct account *a, struct identity *id,
		     struct span header, char **ret, struct err *e)
{
	struct chosen chosen;
	bool ok = choose_sender(v, a, id, header, &chosen, e);

	free(chosen.author);
	*ret = chosen.sender;
	return ok;
}

bool envelope_set_sender(struct envelope *v, const struct account *a, struct identity *id,
			 struct span header, struct err *e)
{
	struct chosen chosen;
	bool ok = choose_sender(v, a, id, header, &chosen, e);

	v->sender = chosen.sender;
	v->author = chosen.author;
	v->has_own = chosen.has_own;
	return ok;
}

bool envelope_expand(struct envelope *v, const struct account *a, struct identity *id,
		     struct err *e)
{
	if (!local_expand(&v->recipients, a, id, &v->problems, e)) {
		return false;
	}
	for (size_t i = 0; i < v->recipients.count; i++) {
		const char *spec = v->recipients.at[i].spec;
		if (spec[0] == '\0' || !addr_is_safe(span_str(spec))) {
			return err_set(e, CAUSE_DATA, "the recipient \"%s\" is not a valid address",
				       spec);
		}
	}
	const size_t *found = v->problems.counts;
	return v->recipients.count + found[ALIAS_REFUSED] + found[ALIAS_DISCARDED] > 0 ||
	       err_set(e, CAUSE_USAGE, "no recipients: name them as arguments, or use -t and "
				       "name them in To, Cc or Bcc");
}
