/* SPDX-License-Identifier: ISC */
/* envelope: see envelope.h. */
#include "app/envelope.h"
#include "base/fs.h"
#include "base/mem.h"
#include "mail/aliases.h"
#include "mail/header.h"

#include <fcntl.h>

/* Largest aliases file. */
enum { ALIASES_MAX = 1 << 20 };

void envelope_init(struct envelope *v)
{
	*v = (struct envelope){ 0 };
	addr_list_init(&v->recipients);
}

void envelope_clear(struct envelope *v)
{
	free(v->sender);
	free(v->author);
	addr_list_clear(&v->recipients);
	*v = (struct envelope){ 0 };
}

bool envelope_from_options(struct envelope *v, const struct options *o, struct err *e)
{
	if (o->sender && !addr_parse_one(&v->sender, span_str(o->sender), e)) {
		return err_ctx(e, "sender");
	}
	for (size_t i = 0; i < o->recipient_count; i++) {
		if (!addr_list_parse(&v->recipients, span_str(o->recipients[i]), e)) {
			return false;
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
	if (o->read_sender && !v->sender) {
		return header_sender(header, &v->sender, e);
	}
	return true;
}

bool envelope_load_aliases(const char *path, struct aliases **ret, struct err *e)
{
	struct buf text BUF_AUTO;
	int fd FS_AUTO = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	buf_init(&text, ALIASES_MAX);
	if (fd < 0) {
		return err_errno(e, CAUSE_CONFIG, "cannot open the aliases file %s", path);
	}
	if (!fs_read_all(fd, &text, e)) {
		e->cause = CAUSE_CONFIG;
		return err_ctx(e, "aliases file %s", path);
	}
	*ret = aliases_parse(buf_span(&text), path, e);
	return *ret != NULL;
}

static const char *mail_domain(const struct account *a, struct identity *id)
{
	const char *domain = conf_text(a, KEY_MAILDOMAIN);

	return domain ? domain : identity_mailname(id);
}

/* A copy, with a domain.  The machine's name is looked up only for one that has none. */
static char *qualify(const char *spec, const struct account *a, struct identity *id)
{
	bool is_bare = spec[0] && addr_domain(span_str(spec)).size == 0;

	return is_bare ? addr_qualify(spec, mail_domain(a, id)) : mem_str(spec);
}

/* The account's own address, or NULL when `from` is not set or is a pattern. */
static bool account_address(const struct account *a, struct identity *id, struct span header,
			    char **ret, struct err *e)
{
	const char *from = conf_from(a);

	if (conf_on(a, KEY_AUTO_FROM)) {
		*ret = qualify(identity_login(id), a, id);
		return true;
	}
	*ret = NULL;
	if (from && strcmp(from, CONF_FROM_AUTHOR) == 0) {
		return header_sender(header, ret, e);
	}
	if (from && !addr_parse_one(ret, span_str(from), e)) {
		e->cause = CAUSE_CONFIG;
		return err_ctx(e, "from");
	}
	return true;
}

static bool finish_sender(struct envelope *v, const struct account *a, struct identity *id,
			  struct span header, struct err *e)
{
	char *own MEM_AUTO = NULL;

	if (!account_address(a, id, header, &own, e)) {
		return false;
	}
	bool is_null = v->sender && v->sender[0] == '\0';
	if (!v->sender || (!is_null && own && !conf_on(a, KEY_ALLOW_FROM_OVERRIDE))) {
		free(v->sender);
		v->sender = mem_str(own ? own : identity_login(id));
	}
	char *qualified = qualify(v->sender, a, id);
	free(v->sender);
	v->sender = qualified;
	/* A From field needs an address also when the envelope has none. */
	v->author = !is_null ? mem_str(v->sender) : qualify(own ? own : identity_login(id), a, id);
	if (!addr_is_safe(span_str(v->sender))) {
		return err_set(e, CAUSE_DATA, "the sender \"%s\" is not a valid address", v->sender);
	}
	return true;
}

static bool finish_recipients(struct envelope *v, const struct account *a, struct identity *id,
			      struct err *e)
{
	const char *aliases_file = conf_text(a, KEY_ALIASES);
	struct aliases *aliases = NULL;

	if (aliases_file) {
		if (!envelope_load_aliases(aliases_file, &aliases, e)) {
			return false;
		}
		bool ok = aliases_expand(aliases, &v->recipients, e);
		aliases_free(aliases);
		if (!ok) {
			return false;
		}
	}
	for (size_t i = 0; i < v->recipients.count; i++) {
		struct addr *r = &v->recipients.at[i];
		char *qualified = qualify(r->spec, a, id);
		free(r->spec);
		r->spec = qualified;
		if (r->spec[0] == '\0' || !addr_is_safe(span_str(r->spec))) {
			return err_set(e, CAUSE_DATA, "the recipient \"%s\" is not a valid address",
				       r->spec);
		}
	}
	addr_list_unique(&v->recipients);
	return true;
}

bool envelope_finish(struct envelope *v, const struct account *a, struct identity *id,
		     struct span header, struct err *e)
{
	if (!finish_sender(v, a, id, header, e) || !finish_recipients(v, a, id, e)) {
		return false;
	}
	return v->recipients.count > 0 ||
	       err_set(e, CAUSE_USAGE, "no recipients: name them as arguments, or use -t and "
				       "name them in To, Cc or Bcc");
}
