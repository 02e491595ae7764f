/* SPDX-License-Identifier: ISC */
/* address: see address.h.  Pure.  Must never quote a value in an error. */
#include "conf/address.h"
#include "conf/conf.h"
#include "mail/addr.h"

bool address_is_pattern(const char *from)
{
	return strpbrk(from, "?*[") != NULL;
}

static bool fail(const struct addr_fault *fault, struct span text, struct err *e)
{
	addr_fault_set_unquoted(e, fault, text);
	e->cause = CAUSE_CONFIG;
	return err_ctx(e, "not a mail address: in the value");
}

/* *text becomes what stands between < and > on the wire. */
static bool take_spec(char **text, struct err *e)
{
	char *spec = NULL;
	struct span value = span_str(*text);
	struct addr_fault fault;

	if (!addr_read_one(&spec, value, &fault)) {
		return fail(&fault, value, e);
	}
	if (spec[0] == '\0' || !addr_is_safe(span_str(spec))) {
		free(spec);
		return err_set(e, CAUSE_CONFIG, "not a mail address");
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
	return take_spec(text, e);
}

bool address_check_full(char **text, struct err *e)
{
	if (!take_spec(text, e)) {
		return false;
	}
	return addr_domain(span_str(*text)).size > 0 ||
	       err_set(e, CAUSE_CONFIG, "the address needs a domain, as in me@example.org");
}
