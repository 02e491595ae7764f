/* SPDX-License-Identifier: ISC */
/*
 * sasl_lib: see sasl_lib.h.  The only file that knows libgsasl.  It must not decide which
 * mechanism is used.
 */
#include "sys/sasl_lib.h"
#include "base/mem.h"
#include "base/text.h"

#include <dlfcn.h>
#include <gsasl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The soname of every libgsasl since 1.9.1. */
#define LIBRARY "libgsasl.so.18"

/* The functions used, with the types that the header gives them. */
struct functions {
	__typeof__(gsasl_init) *init;
	__typeof__(gsasl_done) *done;
	__typeof__(gsasl_client_start) *client_start;
	__typeof__(gsasl_client_support_p) *client_support_p;
	__typeof__(gsasl_step) *step;
	__typeof__(gsasl_finish) *finish;
	__typeof__(gsasl_property_set) *property_set;
	__typeof__(gsasl_property_fast) *property_fast;
	__typeof__(gsasl_saslprep) *saslprep;
	__typeof__(gsasl_strerror) *strerror;
	__typeof__(gsasl_free) *free;
};

static const struct {
	const char *name;
	size_t offset;
} symbols[] = {
	{ "gsasl_init", offsetof(struct functions, init) },
	{ "gsasl_done", offsetof(struct functions, done) },
	{ "gsasl_client_start", offsetof(struct functions, client_start) },
	{ "gsasl_client_support_p", offsetof(struct functions, client_support_p) },
	{ "gsasl_step", offsetof(struct functions, step) },
	{ "gsasl_finish", offsetof(struct functions, finish) },
	{ "gsasl_property_set", offsetof(struct functions, property_set) },
	{ "gsasl_property_fast", offsetof(struct functions, property_fast) },
	{ "gsasl_saslprep", offsetof(struct functions, saslprep) },
	{ "gsasl_strerror", offsetof(struct functions, strerror) },
	{ "gsasl_free", offsetof(struct functions, free) },
};

struct sasl_lib {
	void *handle;
	struct functions call;
	Gsasl *context;
	Gsasl_session *session;
	char mechanism[GSASL_MAX_MECHANISM_SIZE + 1];
	unsigned steps;
};

static bool find_functions(struct sasl_lib *l)
{
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *found = dlsym(l->handle, symbols[i].name);
		if (!found) {
			return false;
		}
		memcpy((char *)&l->call + symbols[i].offset, &found, sizeof(found));
	}
	return true;
}

struct sasl_lib *sasl_lib_open(struct err *e)
{
	struct sasl_lib *l = mem_alloc(1, sizeof(*l));
	int code = GSASL_OK;

	/* Never unloaded: some libraries below it do not survive that. */
	l->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!l->handle || !find_functions(l)) {
		const char *why = dlerror();
		err_set(e, CAUSE_CONFIG, "this login needs libgsasl, which cannot be loaded "
			"(%s): install it, or name a mechanism that works without, such as "
			"`auth plain`", why ? why : LIBRARY);
		sasl_lib_close(l);
		return NULL;
	}
	code = l->call.init(&l->context);
	if (code != GSASL_OK) {
		err_set(e, CAUSE_CONFIG, "libgsasl: %s", l->call.strerror(code));
		l->context = NULL;
		sasl_lib_close(l);
		return NULL;
	}
	return l;
}

/* The library frees its copies of secrets without wiping them. */
static void wipe_properties(struct sasl_lib *l)
{
	static const Gsasl_property secret[] = { GSASL_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD };

	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
		const char *text = l->call.property_fast(l->session, secret[i]);
		if (text) {
			mem_wipe((char *)(uintptr_t)text, strlen(text));
		}
	}
}

void sasl_lib_close(struct sasl_lib *l)
{
	if (!l) {
		return;
	}
	if (l->session) {
		wipe_properties(l);
		l->call.finish(l->session);
	}
	if (l->context) {
		l->call.done(l->context);
	}
	if (l->handle) {
		dlclose(l->handle);
	}
	free(l);
}

/* What the library gave us: moved into *to, wiped, given back. */
static bool take(struct sasl_lib *l, char *data, size_t size, struct buf *to)
{
	bool fits = buf_add(to, data, size);

	if (data) {
		mem_wipe(data, size);
		l->call.free(data);
	}
	return fits;
}

bool sasl_lib_prepare(struct sasl_lib *l, struct span text, const char *what, bool allow_new,
		      struct buf *to, struct err *e)
{
	/* libgsasl 2.2 has the flag for unassigned characters the wrong way round: with it
	 * they are refused, without it allowed.  Should that be put right, both are tried. */
	static const Gsasl_saslprep_flags flags[] = { GSASL_ALLOW_UNASSIGNED, 0 };
	size_t tries = allow_new ? sizeof(flags) / sizeof(flags[0]) : 1;
	char *copy = mem_copy(text.data, text.size), *prepared = NULL;
	int code = GSASL_SASLPREP_ERROR;

	for (size_t i = 0; i < tries && code != GSASL_OK; i++) {
		code = l->call.saslprep(copy, flags[i], &prepared, NULL);
	}
	mem_free_secret(&copy);
	if (code != GSASL_OK || !prepared) {
		return err_set(e, CAUSE_CONFIG, "the %s has characters that this login cannot have "
			       "(SASLprep, RFC 4013)", what);
	}
	return take(l, prepared, strlen(prepared), to) ||
	       err_set(e, CAUSE_CONFIG, "the %s is too long", what);
}

static bool set_property(struct sasl_lib *l, Gsasl_property property, const char *value,
			 struct err *e)
{
	int code = value ? l->call.property_set(l->session, property, value) : GSASL_OK;

	return code == GSASL_OK ||
	       err_set(e, CAUSE_OS, "libgsasl: %s", l->call.strerror(code));
}

/* The binding as the library wants it: base64, under the name of its type. */
static bool set_binding(struct sasl_lib *l, const struct sasl_lib_login *login, struct err *e)
{
	Gsasl_property property = GSASL_CB_TLS_UNIQUE;
	struct buf text BUF_AUTO;

	buf_init(&text, 1024);
	if (!login->binding_type) {
		return true;
	}
	if (strcmp(login->binding_type, "tls-exporter") == 0) {
#if GSASL_VERSION_NUMBER >= 0x020200
		property = GSASL_CB_TLS_EXPORTER;
#else
		return true;	/* the mechanism says what it misses */
#endif
	}
	return (text_base64_add(&text, login->binding) ||
		err_set(e, CAUSE_BUG, "channel binding of %zu bytes", login->binding.size)) &&
	       set_property(l, property, text.data, e);
}

bool sasl_lib_start(struct sasl_lib *l, const char *mechanism,
		    const struct sasl_lib_login *login, struct err *e)
{
	snprintf(l->mechanism, sizeof(l->mechanism), "%s", mechanism);
	if (!l->call.client_support_p(l->context, mechanism)) {
		return err_set(e, CAUSE_CONFIG, "this libgsasl was built without %s: name "
			       "another mechanism in `auth`", mechanism);
	}
	int code = l->call.client_start(l->context, mechanism, &l->session);
	if (code != GSASL_OK) {
		l->session = NULL;
		return err_set(e, CAUSE_CONFIG, "%s: %s", mechanism, l->call.strerror(code));
	}
	return set_property(l, GSASL_AUTHID, login->user, e) &&
	       set_property(l, GSASL_PASSWORD, login->password, e) &&
	       set_property(l, GSASL_SERVICE, "smtp", e) &&
	       set_property(l, GSASL_HOSTNAME, login->host, e) &&
	       set_property(l, GSASL_REALM, login->realm, e) && set_binding(l, login, e);
}

bool sasl_lib_step(struct sasl_lib *l, struct span challenge, struct buf *out, bool *ret_done,
		   struct err *e)
{
	char *data = NULL;
	size_t size = 0;
	int code = l->call.step(l->session, challenge.size ? challenge.data : "",
				challenge.size, &data, &size);

	l->steps++;
	if (code == GSASL_OK || code == GSASL_NEEDS_MORE) {
		*ret_done = code == GSASL_OK;
		return take(l, data, size, out) ||
		       err_set(e, CAUSE_AUTH, "%s: the response is too long", l->mechanism);
	}
	/* From the second step on the server has said something that must fit our secret. */
	if (l->steps > 1 && code == GSASL_AUTHENTICATION_ERROR) {
		return err_set(e, CAUSE_AUTH, "%s: the server could not prove that it knows the "
			       "password: this may be an impostor", l->mechanism);
	}
	return err_set(e, CAUSE_AUTH, "%s: %s", l->mechanism, l->call.strerror(code));
}
