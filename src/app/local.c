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
#include "mail/aliases.h"

#include <fcntl.h>
#include <stdlib.h>

/* Largest aliases file. */
enum { ALIASES_MAX = 1 << 20 };

/* -- what is local ------------------------------------------------------------- */

/* Names that every machine has. */
static bool is_loopback(struct span domain)
{
	static const char *const names[] = {
		"localhost", "localhost.localdomain", "[127.0.0.1]", "[IPv6:::1]",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (text_equal_fold(domain, span_str(names[i]))) {
			return true;
		}
	}
	return false;
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

char *local_qualify(const char *spec, const struct account *a, struct identity *id)
{
	bool is_bare = spec[0] && addr_domain(span_str(spec)).size == 0;
	const char *domain = conf_text(a, KEY_MAILDOMAIN);

	/* The machine's name is looked up only for one that has none. */
	return is_bare ? addr_qualify(spec, domain ? domain : identity_mailname(id))
		       : mem_str(spec);
}

/* -- aliases ------------------------------------------------------------------- */

void local_problems_clear(struct local_problems *p)
{
	for (size_t i = 0; i < LOCAL_PROBLEMS_MAX; i++) {
		free(p->lines[i]);
	}
	*p = (struct local_problems){ 0 };
}

void local_problems_say(const struct local_problems *p)
{
	for (size_t i = 0; i < p->count && i < LOCAL_PROBLEMS_MAX; i++) {
		say("%s", p->lines[i]);
	}
	if (p->count > LOCAL_PROBLEMS_MAX) {
		say("%zu more such lines; newaliases says them all",
		    p->count - LOCAL_PROBLEMS_MAX);
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
		return err_ctx(e, "cannot read %s", path);
	}
	return true;
}

static bool read_included(void *context, const char *path, struct buf *to, struct err *e)
{
	(void)context;
	return read_file(path, to, e);
}

static void keep_problem(void *context, const char *text)
{
	const struct asker *asker = context;
	struct local_problems *p = asker->problems;

	if (!p) {
		say("%s", text);
		return;
	}
	if (p->count < LOCAL_PROBLEMS_MAX) {
		p->lines[p->count] = mem_str(text);
	}
	p->count++;
}

static struct alias_env make_env(struct asker *asker)
{
	return (struct alias_env){ asker, is_own, read_included, keep_problem };
}

static bool read_aliases(const char *path, struct buf *text, struct err *e)
{
	buf_init(text, ALIASES_MAX);
	return read_file(path, text, e) || err_ctx(e, "aliases");
}

bool local_check_aliases(const char *path, const struct account *a, struct identity *id,
			 size_t *ret_problems, size_t *ret_count, struct err *e)
{
	struct asker asker = { a, id, NULL };
	struct alias_env env = make_env(&asker);
	struct buf text BUF_AUTO;

	if (!read_aliases(path, &text, e)) {
		return false;
	}
	*ret_problems = aliases_check(buf_span(&text), path, &env, ret_count);
	return true;
}

static bool expand_aliases(struct addr_list *list, const char *path,
			   const struct account *a, struct identity *id,
			   struct local_problems *problems, struct err *e)
{
	struct asker asker = { a, id, problems };
	struct alias_env env = make_env(&asker);
	struct buf text BUF_AUTO;

	if (!read_aliases(path, &text, e)) {
		return false;
	}
	struct aliases *aliases = aliases_parse(buf_span(&text), path, e);
	bool ok = aliases && aliases_expand(aliases, &env, list, e);
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

	/* A file that is wrong stops no mail that does not need it. */
	if (file && has_own(list, a, id) &&
	    !expand_aliases(list, file, a, id, problems, e)) {
		return false;
	}
	if (list->count == 0 && problems->count > 0) {
		return err_set(e, CAUSE_CONFIG, "%s", problems->lines[0]);
	}
	for (size_t i = 0; i < list->count; i++) {
		resolve(&list->at[i], a, id);
	}
	addr_list_unique(list);
	return true;
}
