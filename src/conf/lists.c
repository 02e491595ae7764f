/* SPDX-License-Identifier: ISC */
/* lists: see lists.h.  Pure.  Must never quote a value in an error. */
#include "conf/lists.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/address.h"
#include "conf/syntax.h"
#include "conf/words.h"

#include <stdlib.h>

#define SRV "srv:"

/* What may stand between two words. */
static const char between[] = " \t,";

/* A name, an address of a machine, or srv:DOMAIN; *word may be replaced. */
static bool check_host(char **word, struct err *e)
{
	char *text = *word;

	if (text_starts_fold(span_str(text), SRV)) {
		memcpy(text, SRV, strlen(SRV));
		const char *domain = text + strlen(SRV);
		return (!strchr(domain, ':') && !strchr(domain, '[') &&
			!syntax_ip_version(domain) && syntax_domain(domain, e)) ||
		       err_set(e, CAUSE_CONFIG,
			       "not a domain behind srv:; DNS says the port, as in: "
			       "host srv:example.org");
	}
	if (text[strspn(text, "0123456789")] == '\0') {
		return err_set(e, CAUSE_CONFIG,
			       "not a host name; a port has its own line: port %s", text);
	}
	return syntax_host(text, e);
}

/* An address, a pattern for addresses, a domain, .domain, or a pattern that begins with *. */
static bool check_recipient(char **word, struct err *e)
{
	const char *text = *word;

	if (strchr(text, '@')) {
		return address_is_pattern(text) || address_check_full(word, e);
	}
	if (text[0] == '*') {
		return true;
	}
	if (address_is_pattern(text)) {
		return err_set(e, CAUSE_CONFIG,
			       "a pattern needs an @, as in joe*@example.org");
	}
	return syntax_domain(text[0] == '.' ? text + 1 : text, e) ||
	       err_set(e, CAUSE_CONFIG,
		       "must be an address, a domain, .domain, * or a pattern");
}

static bool check_account(char **word, struct err *e)
{
	return !strchr(*word, ':') || err_set(e, CAUSE_CONFIG,
					      "must be names of accounts with blanks between");
}

/* Which word of several is meant. */
static bool tell_place(size_t number, struct span rest, struct err *e)
{
	bool is_one = number == 1 && words_next(&rest, between).size == 0;

	return !is_one && err_ctx(e, "word %zu", number);
}

bool lists_read(enum key_type type, struct span text, struct buf *to, struct err *e)
{
	bool (*check)(char **word, struct err *e) = type == TYPE_HOSTS	      ? check_host
						    : type == TYPE_RECIPIENTS ? check_recipient
									      : check_account;
	size_t count = 0, number = 0;

	for (struct span w = words_next(&text, between); w.size > 0;
	     w = words_next(&text, between)) {
		char *word MEM_AUTO = mem_copy(w.data, w.size);
		number++;
		if (!check(&word, e)) {
			return tell_place(number, text, e);
		}
		if (type != TYPE_RECIPIENTS && ++count > CONF_LIST_MAX) {
			return err_set(e, CAUSE_CONFIG, "more than %d %s", CONF_LIST_MAX,
				       type == TYPE_HOSTS ? "servers" : "names");
		}
		if ((to->size > 0 && !buf_add_byte(to, ' ')) || !buf_add_str(to, word)) {
			return err_set(e, CAUSE_CONFIG, "too long");
		}
	}
	return to->size > 0 || err_set(e, CAUSE_CONFIG, "there is nothing but commas");
}

struct span lists_next(struct span *rest)
{
	return words_next(rest, between);
}

bool conf_host_next(struct span *rest, struct conf_server *ret)
{
	struct span word = words_next(rest, between);

	*ret = (struct conf_server){ .name = word };
	if (text_starts_fold(word, SRV)) {
		ret->is_srv = true;
		ret->name = span_from(word, strlen(SRV));
	}
	return word.size > 0;
}

char *conf_first_host(const struct account *a)
{
	struct span rest = span_str(conf_text(a, KEY_HOST));
	struct conf_server server;

	return conf_host_next(&rest, &server) ? mem_copy(server.name.data, server.name.size)
					      : NULL;
}
