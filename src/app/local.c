/* SPDX-License-Identifier: ISC */
/*
 * local: see local.h.  Mail to a mailbox elsewhere must never go to system_mail: in doubt
 * an address is not local.  Must not ask DNS unless the answer matters.
 */
#include "app/local.h"
#include "app/say.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>

/* Largest aliases file. */
enum { ALIASES_MAX = 1 << 20 };

/* -- what is local ------------------------------------------------------------- */

/*
 * 127.0.0.1 and ::1, however it is written; in brackets or, against the rules, without.  A
 * server for tests can be at another one of 127.0.0.0/8.
 */
static bool is_loopback_address(struct span domain)
{
	static const char six[] = "[IPv6:";
	char text[INET6_ADDRSTRLEN];
	static const unsigned char four[] = { 127, 0, 0, 1 };
	struct in6_addr address;
	bool is_literal = domain.size > 1 && domain.data[0] == '[';
	bool is_six = is_literal && text_starts_fold(domain, six);
	size_t lead = is_six ? strlen(six) : is_literal;
	struct span inner = span_first(span_from(domain, lead), domain.size - lead - is_literal);

	if (inner.size >= sizeof(text)) {
		return false;
	}
	memcpy(text, inner.data, inner.size);
	text[inner.size] = '\0';
	if (!is_six) {
		return inet_pton(AF_INET, text, &address) == 1 &&
		       memcmp(&address, four, sizeof(four)) == 0;
	}
	return inet_pton(AF_INET6, text, &address) == 1 &&
	       (IN6_IS_ADDR_LOOPBACK(&address) ||
		(IN6_IS_ADDR_V4MAPPED(&address) &&
		 memcmp(&address.s6_addr[12], four, sizeof(four)) == 0));
}

/* Names that every machine has. */
static bool is_loopback(struct span domain)
{
	static const char *const names[] = {
		"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (text_equal_fold(domain, span_str(names[i]))) {
			return true;
		}
	}
	return is_loopback_address(domain);
}

/* Has somebody that this account knows a mailbox there? */
static bool is_mail_domain(struct span domain, const struct account *a)
{
	const char *from = conf_text(a, KEY_FROM),
		   *system_mail = conf_text(a, KEY_SYSTEM_MAIL);
	const char *maildomain = conf_text(a, KEY_MAILDOMAIN);

	return (from && text_equal_fold(domain, addr_domain(span_str(from)))) ||
	       (system_mail &&
		text_equal_fold(domain, addr_domain(span_str(system_mail)))) ||
	       (maildomain && text_equal_fold(domain, span_str(maildomain)));
}

static struct span first_label(const char *name)
{
	return span_of(name, strcspn(name, "."));
}

static bool is_machine(struct span domain, const struct account *a, struct identity *id)
{
	const char *host = identity_host(id);
	const struct span label = first_label(host);

	if (!memchr(domain.data, '.', domain.size)) {
		return text_equal_fold(domain, label) ||
		       text_equal_fold(domain, span_str(identity_mailname(id)));
	}
	if (is_mail_domain(domain, a)) {
		return false;
	}
	if (text_equal_fold(domain, span_str(host))) {
		return true;
	}
	/*
	 * The full name begins with the host's, and it can cost a look-up.  Any other
	 * name in /etc/mailname can be a domain that people have addresses in.
	 */
	return domain.size > label.size && domain.data[label.size] == '.' &&
	       text_equal_fold(span_first(domain, label.size), label) &&
	       (text_equal_fold(domain, span_str(identity_mailname(id))) ||
		text_equal_fold(domain, span_str(identity_canonical(id))));
}

bool local_is_own(const char *addr, const struct account *a, struct identity *id)
{
	struct span domain = addr_domain(span_str(addr));

	return domain.size == 0 || is_loopback(domain) || is_machine(domain, a, id);
}

const char *local_domain(const struct account *a, struct identity *id)
{
	const char *domain = conf_text(a, KEY_MAILDOMAIN);

	return domain ? domain : identity_mailname(id);
}

char *local_qualify(const char *spec, const struct account *a, struct identity *id)
{
	/* The machine's name is looked up only for one that has none. */
	return addr_is_bare(spec) ? addr_qualify(spec, local_domain(a, id))
				  : mem_str(spec);
}

/* -- aliases ------------------------------------------------------------------- */

void local_problems_clear(struct local_problems *p)
{
	for (size_t kind = 0; kind < ALIAS_TROUBLES; kind++) {
		for (size_t i = 0; i < LOCAL_PROBLEMS_MAX; i++) {
			free(p->at[kind][i].text);
			free(p->at[kind][i].recipient);
		}
	}
	*p = (struct local_problems){ 0 };
}

size_t local_problems_kept(const struct local_problems *p, enum alias_trouble trouble)
{
	size_t count = p->counts[trouble];

	return count < LOCAL_PROBLEMS_MAX ? count : LOCAL_PROBLEMS_MAX;
}

void local_problems_say(const struct local_problems *p)
{
	static const enum alias_trouble said[] = { ALIAS_MISTAKE, ALIAS_REFUSED };

	for (size_t k = 0; k < sizeof(said) / sizeof(said[0]); k++) {
		size_t kept = local_problems_kept(p, said[k]), all = p->counts[said[k]];
		for (size_t i = 0; i < kept; i++) {
			say("%s", p->at[said[k]][i].text);
		}
		if (all > kept) {
			say("%zu more such lines; newaliases says them all", all - kept);
		}
	}
}

/* What the pure part asks for. */
struct asker {
	const struct account *account;
	struct identity *id;
	struct local_problems *problems;	/* NULL: they are said */
};

static bool is_own(void *context, const char *spec)
{
	const struct asker *asker = context;

	return local_is_own(spec, asker->account, asker->id);
}

static bool read_file(const char *path, struct buf *to, struct err *e)
{
	int fd FS_AUTO = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		return err_errno(e, CAUSE_CONFIG, "cannot open %s", path);
	}
	if (!fs_read_all(fd, to, e)) {
		e->cause = CAUSE_CONFIG;
		return err_ctx(e, "%s", path);
	}
	return true;
}

static bool read_included(void *context, const char *path, struct buf *to, struct err *e)
{
	(void)context;
	return read_file(path, to, e);
}

static void keep_problem(void *context, enum alias_trouble trouble, const char *recipient,
			 const char *text)
{
	const struct asker *asker = context;
	struct local_problems *p = asker->problems;

	if (!p) {
		if (trouble != ALIAS_DISCARDED) {
			say("%s", text);
		}
		return;
	}
	if (p->counts[trouble] < LOCAL_PROBLEMS_MAX) {
		p->at[trouble][p->counts[trouble]] = (struct local_problem){
			.text = mem_str(text),
			.recipient = recipient ? mem_str(recipient) : NULL,
		};
	}
	p->counts[trouble]++;
}

static struct alias_env make_env(struct asker *asker)
{
	return (struct alias_env){ asker, is_own, read_included, keep_problem };
}

static bool read_aliases(const char *path, struct buf *text, struct err *e)
{
	return read_file(path, text, e) || err_ctx(e, "aliases");
}

bool local_check_aliases(const char *path, const struct account *a, struct identity *id,
			 struct local_problems *problems, struct alias_report *ret,
			 struct err *e)
{
	struct asker asker = { a, id, problems };
	struct alias_env env = make_env(&asker);
	struct buf text BUF_AUTO;

	buf_init(&text, ALIASES_MAX);
	if (!read_aliases(path, &text, e)) {
		return false;
	}
	*ret = aliases_check(buf_span(&text), path, &env);
	return true;
}

static bool expand_aliases(struct addr_list *list, const char *path,
			   const struct account *a, struct identity *id,
			   struct local_problems *problems, struct err *e)
{
	struct asker asker = { a, id, problems };
	struct alias_env env = make_env(&asker);
	struct buf text BUF_AUTO;

	buf_init(&text, ALIASES_MAX);
	if (!read_aliases(path, &text, e)) {
		const char *system_mail = conf_text(a, KEY_SYSTEM_MAIL);
		if (system_mail) {
			err_ctx(e, "mail to local names goes to %s", system_mail);
			keep_problem(&asker, ALIAS_MISTAKE, NULL, e->text);
		}
		return system_mail != NULL;
	}
	struct aliases *aliases = aliases_parse(buf_span(&text), path, &env);
	bool ok = aliases_expand(aliases, &env, list, e);
	aliases_free(aliases);
	return ok;
}

/* -- who reads it -------------------------------------------------------------- */

static void resolve(struct addr *r, const struct account *a, struct identity *id)
{
	const char *system_mail = conf_text(a, KEY_SYSTEM_MAIL);
	bool to_system = system_mail && r->spec[0] && local_is_own(r->spec, a, id);

	if (!to_system && addr_domain(span_str(r->spec)).size > 0) {
		return;
	}
	char *given = r->spec;
	r->spec = to_system ? mem_str(system_mail) : local_qualify(given, a, id);
	if (r->origin) {
		free(given);
	} else {
		r->origin = given;
	}
}

static bool has_own(const struct addr_list *list, const struct account *a,
		    struct identity *id)
{
	for (size_t i = 0; i < list->count; i++) {
		if (local_is_own(list->at[i].spec, a, id)) {
			return true;
		}
	}
	return false;
}

bool local_expand(struct addr_list *list, const struct account *a, struct identity *id,
		  struct local_problems *problems, struct err *e)
{
	const char *file = conf_text(a, KEY_ALIASES);

	/* A file that cannot be read stops no mail that does not need it. */
	if (file && has_own(list, a, id) &&
	    !expand_aliases(list, file, a, id, problems, e)) {
		return false;
	}
	for (size_t i = 0; i < list->count; i++) {
		resolve(&list->at[i], a, id);
	}
	addr_list_unique(list);
	return true;
}
