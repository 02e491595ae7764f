/* SPDX-License-Identifier: ISC */
/* respell: see respell.h. */
#include "app/respell.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/addr.h"
#include "sys/idn.h"

/* Longer than any domain, in both ways. */
enum { DOMAIN_MAX = 4096 };

static bool has_a_label(struct span domain)
{
	static const char prefix[] = "xn--";

	for (size_t i = 0; i + 4 <= domain.size; i++) {
		if ((i == 0 || domain.data[i - 1] == '.') &&
		    text_starts_fold(span_from(domain, i), prefix)) {
			return true;
		}
	}
	return false;
}

/* What was given comes back, too: in lower case, say. */
char *respell_address(const char *address, unsigned n)
{
	struct span domain = addr_domain(span_str(address));
	struct buf ascii BUF_AUTO, letters BUF_AUTO;
	struct err ignored;

	buf_init(&ascii, DOMAIN_MAX);
	buf_init(&letters, DOMAIN_MAX);
	if (n > 1 || (text_is_ascii(domain) && !has_a_label(domain))) {
		return NULL;
	}
	if (!idn_to_ascii(domain, &ascii, &ignored) ||
	    !idn_to_unicode(buf_span(&ascii), &letters, &ignored)) {
		return NULL;
	}
	const struct buf *made = n == 0 ? &ascii : &letters;
	return mem_printf("%.*s%s", (int)(domain.data - address), address, made->data);
}
