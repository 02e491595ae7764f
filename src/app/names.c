/* SPDX-License-Identifier: ISC */
/* names: see names.h.  Must never ask DNS for anything. */
#include "app/names.h"
#include "base/mem.h"
#include "sys/idn.h"

#include <stdlib.h>

/* More than DNS knows. */
enum { NAME_MAX_SIZE = 1024 };

static bool find(char **ret, const char *setting, const char *name, struct err *e)
{
	struct buf ascii;
	struct err why;

	*ret = NULL;
	if (!name) {
		return true;
	}
	buf_init(&ascii, NAME_MAX_SIZE);
	if (!idn_to_ascii(span_str(name), &ascii, &why)) {
		buf_clear(&ascii);
		return err_set(e, CAUSE_CONFIG, "%s: %s", setting, why.text);
	}
	*ret = buf_take(&ascii);
	return true;
}

bool names_find(struct names *n, const struct hop *hop, const char *ehlo, struct err *e)
{
	const struct account *a = hop->account;
	const char *host = hop->host[0] ? hop->host : NULL;
	const char *other = conf_text(a, KEY_TLS_HOST_OVERRIDE);

	*n = (struct names){ .host = NULL };
	return find(&n->host, "host", host, e) &&
	       find(&n->proxy_host, "proxy_host", conf_text(a, KEY_PROXY_HOST), e) &&
	       find(&n->tls_host, "tls_host_override", other ? other : host, e) &&
	       find(&n->ehlo, "domain", ehlo, e);
}

void names_clear(struct names *n)
{
	free(n->host);
	free(n->proxy_host);
	free(n->tls_host);
	free(n->ehlo);
}

char *names_dns(const char *name)
{
	struct buf ascii;
	struct err ignored;

	buf_init(&ascii, NAME_MAX_SIZE);
	if (!idn_to_ascii(span_str(name), &ascii, &ignored)) {
		buf_clear(&ascii);
		return mem_str(name);
	}
	return buf_take(&ascii);
}
