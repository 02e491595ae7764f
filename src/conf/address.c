/* SPDX-License-Identifier: ISC */
/* address: see address.h.  Pure.  Must never quote a value in an error. */
#include "conf/address.h"
#include "conf/conf.h"
#include "mail/addr.h"

bool address_is_pattern(const char *from)
{
	return strpbrk(from, "?*[") != NULL;
}

/* *text becomes what stands between < and > on the wire; false: it is not one address. */
static bool take_spec(char **text)
{
	char *spec = NULL;
	struct err unused; /* It would quote the value. */

	if (!addr_parse_one(&spec, span_str(*text), &unused) || spec[0] == '\0' ||
	    !addr_is_safe(span_str(spec))) {
		free(spec);
		return false;
	}
	free(*text);
	*text = spec;
	return true;
}

bool address_check_from(char **text, struct err *e)
{
	if (strcmp(*text, CONF_FROM_AUTHOR) == 0) {
		return true;
	}
	if (address_is_pattern(*text)) {
		return !strpbrk(*text, " \t") ||
		       err_set(e, CAUSE_CONFIG, "a pattern cannot have blanks");
	}
	return take_spec(text) || err_set(e, CAUSE_CONFIG, "not a mail address");
}

bool address_check_full(char **text, struct err *e)
{
	if (!take_spec(text)) {
		return err_set(e, CAUSE_CONFIG, "not a mail address");
	}
	return addr_domain(span_str(*text)).size > 0 ||
	       err_set(e, CAUSE_CONFIG, "the address needs a domain, as in me@example.org");
}
