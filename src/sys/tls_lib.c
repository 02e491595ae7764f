/* SPDX-License-Identifier: ISC */
/*
 * tls_lib: see tls_lib.h.  It must not call anything of the library, only find it.  What
 * the library does when it is loaded (self-tests, the system's policy) is its own affair.
 */
#include "sys/tls_lib.h"
#include "config.h"

#include <dlfcn.h>
#include <stddef.h>

struct tls_lib gnutls;

static const struct {
	const char *name;
	size_t offset;
} symbols[] = {
#define GNUTLS(name) { "gnutls_" #name, offsetof(struct tls_lib, name) },
#include "sys/tls_lib.def"
#undef GNUTLS
};

/* All of them or none: *to is written only when every name is found. */
static bool find_symbols(void *handle, struct tls_lib *to)
{
	struct tls_lib found = { 0 };

	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *symbol = dlsym(handle, symbols[i].name);
		if (!symbol) {
			return false;
		}
		memcpy((char *)&found + symbols[i].offset, &symbol, sizeof(symbol));
	}
	*to = found;
	return true;
}

bool tls_lib_load(struct err *e)
{
	if (gnutls.init) {
		return true;
	}
	/* Never unloaded: the table points into it, and some libraries below it do not
	 * survive that. */
	void *handle = dlopen(RELAY_GNUTLS, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!handle || !find_symbols(handle, &gnutls)) {
		const char *why = dlerror();
		return err_set(e, CAUSE_TLS, "TLS needs libgnutls, which cannot be loaded (%s): "
			       "install GnuTLS 3.7 or newer", why ? why : RELAY_GNUTLS);
	}
	return true;
}
