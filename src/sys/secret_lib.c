/* SPDX-License-Identifier: ISC */
/*
 * secret_lib: see secret_lib.h.  The only file that knows libsecret and GLib.  It runs in
 * a child that ends right after it, so nothing is given back, and only the answer leaves
 * it.
 *
 * Entries are msmtp's: host, service "smtp" and user, without the name of a schema, as
 * `secret-tool store` makes them; found are also those of the older GNOME keyring.
 */
#include "sys/secret_lib.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/text.h"
#include "config.h"

#ifndef RELAY_LIBSECRET

int secret_lib_run(void *context, int out)
{
	static const char answer[] =
		SECRET_LIB_ABSENT " this relay was built without libsecret\n";

	(void)context;
	return !fs_write_all(out, answer, sizeof(answer) - 1);
}

#else

#include <dlfcn.h>
#include <libsecret/secret.h>

/* The soname of every libsecret with this interface. */
#define LIBRARY	   "libsecret-1.so.0"
#define ANSWER_MAX 65536

/* The functions used, with the types that the headers give them. */
#define FUNCTIONS(X)                                                                     \
	X(secret_service_get_sync)                                                       \
	X(secret_service_search_sync)                                                    \
	X(secret_service_store_sync)                                                     \
	X(secret_collection_for_alias_sync)                                              \
	X(secret_collection_get_locked)                                                  \
	X(secret_item_get_locked)                                                        \
	X(secret_item_get_secret)                                                        \
	X(secret_item_delete_sync)                                                       \
	X(secret_value_new)                                                              \
	X(secret_value_get)                                                              \
	X(g_hash_table_new)                                                              \
	X(g_hash_table_insert)                                                           \
	X(g_str_hash)                                                                    \
	X(g_str_equal)                                                                   \
	X(g_dbus_error_quark)

struct functions {
#define MEMBER(name) __typeof__(name) *name;
	FUNCTIONS(MEMBER)
#undef MEMBER
};

static const struct {
	const char *name;
	size_t offset;
} symbols[] = {
#define ROW(name) { #name, offsetof(struct functions, name) },
	FUNCTIONS(ROW)
#undef ROW
};

struct call {
	struct functions lib;
	const struct secret_lib_request *request;
	SecretService *service;
	int out;
};

/* One line.  Returns the exit status. */
static int answer(const struct call *c, const char *word, const char *text)
{
	struct buf line BUF_AUTO;

	buf_init_secret(&line, ANSWER_MAX);
	bool fits = buf_add_str(&line, word) && buf_add_byte(&line, ' ') &&
		    buf_add_str(&line, text) && buf_add_byte(&line, '\n');
	return !(fits && fs_write_all(c->out, line.data, line.size));
}

/* What the library says goes wrong, as one line. */
static int fail(const struct call *c, const GError *error)
{
	char text[512];
	/* Nobody has that name on the bus, or can be started for it. */
	bool is_absent = error && error->domain == c->lib.g_dbus_error_quark() &&
			 (error->code == G_DBUS_ERROR_SERVICE_UNKNOWN ||
			  error->code == G_DBUS_ERROR_NAME_HAS_NO_OWNER);

	if (is_absent) {
		return answer(c, SECRET_LIB_ABSENT,
			      "no keyring program runs in this session");
	}
	snprintf(text, sizeof(text), "%s", error ? error->message : "it gave no reason");
	text_sanitise(text, strlen(text));
	return answer(c, SECRET_LIB_FAILED, text);
}

static bool load(struct call *c)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	for (size_t i = 0; handle && i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		/* GLib's are found through libsecret, which needs them. */
		void *found = dlsym(handle, symbols[i].name);
		if (!found) {
			return false;
		}
		memcpy((char *)&c->lib + symbols[i].offset, &found, sizeof(found));
	}
	return handle != NULL;
}

/* GLib takes names and texts as not const, and changes none. */
static void *plain(const char *text)
{
	union {
		const char *given;
		char *wanted;
	} u = { .given = text };

	return u.wanted;
}

static GHashTable *make_table(const struct call *c, const char *const pairs[][2],
			      size_t count)
{
	GHashTable *table =
		c->lib.g_hash_table_new(c->lib.g_str_hash, c->lib.g_str_equal);

	for (size_t i = 0; i < count; i++) {
		c->lib.g_hash_table_insert(table, plain(pairs[i][0]), plain(pairs[i][1]));
	}
	return table;
}

/* msmtp's, and so ours. */
static GHashTable *own_attributes(const struct call *c)
{
	const char *const pairs[][2] = {
		{ "host", c->request->host },
		{ "service", "smtp" },
		{ "user", c->request->user },
	};

	return make_table(c, pairs, 3);
}

/* Those of network passwords in the older GNOME keyring. */
static GHashTable *old_attributes(const struct call *c)
{
	const char *const pairs[][2] = {
		{ "user", c->request->user },
		{ "protocol", "smtp" },
		{ "server", c->request->host },
	};

	return make_table(c, pairs, 3);
}

static GList *search(const struct call *c, GHashTable *attributes, unsigned flags,
		     GError **error)
{
	flags |= c->request->may_unlock ? SECRET_SEARCH_UNLOCK : 0;
	return c->lib.secret_service_search_sync(c->service, NULL, attributes,
						 (SecretSearchFlags)flags, NULL, error);
}

/* NULL: the entry has none, or is locked. */
static const char *item_text(const struct call *c, SecretItem *item, size_t *ret_size)
{
	gsize size = 0;
	SecretValue *value = c->lib.secret_item_get_secret(item);
	const char *text = value ? c->lib.secret_value_get(value, &size) : NULL;

	*ret_size = size;
	return text;
}

static int find(const struct call *c)
{
	GHashTable *const forms[] = { own_attributes(c), old_attributes(c) };
	bool is_locked = false;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		GError *error = NULL;
		GList *items = search(c, forms[i], SECRET_SEARCH_LOAD_SECRETS, &error);
		if (error) {
			return fail(c, error);
		}
		for (; items; items = items->next) {
			size_t size;
			const char *text = item_text(c, items->data, &size);
			if (text && text_has_line_break(span_of(text, size))) {
				return answer(c, SECRET_LIB_FAILED,
					      "CR, LF or NUL cannot be in a password");
			}
			if (text) {
				return answer(c, SECRET_LIB_DONE, text);
			}
			is_locked = true;
		}
	}
	return is_locked ? answer(c, SECRET_LIB_LOCKED, "")
			 : answer(c, SECRET_LIB_NOTHING, "");
}

/* Others that a search would find as well, and that say something else. */
static int forget_others(const struct call *c)
{
	GError *error = NULL;
	GList *items = search(c, own_attributes(c),
			      SECRET_SEARCH_ALL | SECRET_SEARCH_LOAD_SECRETS, &error);

	for (; items && !error; items = items->next) {
		size_t size;
		const char *text = item_text(c, items->data, &size);
		if (text &&
		    !span_equal(span_of(text, size), span_str(c->request->secret))) {
			c->lib.secret_item_delete_sync(items->data, NULL, &error);
		}
	}
	return error ? fail(c, error) : answer(c, SECRET_LIB_DONE, "");
}

static int store(const struct call *c)
{
	const struct secret_lib_request *r = c->request;
	GError *error = NULL;
	SecretCollection *collection = c->lib.secret_collection_for_alias_sync(
		c->service, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE, NULL,
		&error);

	if (error) {
		return fail(c, error);
	}
	if (!r->may_unlock && !collection) {
		return answer(c, SECRET_LIB_LOCKED, "there is no default keyring yet");
	}
	if (!r->may_unlock && c->lib.secret_collection_get_locked(collection)) {
		return answer(c, SECRET_LIB_LOCKED, "");
	}
	SecretValue *value = c->lib.secret_value_new(r->secret, -1, "text/plain");
	if (!c->lib.secret_service_store_sync(c->service, NULL, own_attributes(c),
					      SECRET_COLLECTION_DEFAULT, r->label, value,
					      NULL, &error)) {
		return fail(c, error);
	}
	return forget_others(c);
}

static int forget(const struct call *c)
{
	GError *error = NULL;
	GList *items = search(c, own_attributes(c), SECRET_SEARCH_ALL, &error);
	size_t count = 0;
	char text[32];

	for (; items && !error; items = items->next) {
		if (c->lib.secret_item_get_locked(items->data)) {
			return answer(c, SECRET_LIB_LOCKED, "");
		}
		count +=
			c->lib.secret_item_delete_sync(items->data, NULL, &error) ? 1 : 0;
	}
	snprintf(text, sizeof(text), "%zu", count);
	return error	    ? fail(c, error)
	       : count == 0 ? answer(c, SECRET_LIB_NOTHING, "")
			    : answer(c, SECRET_LIB_DONE, text);
}

int secret_lib_run(void *context, int out)
{
	struct call c = { .request = context, .out = out };
	GError *error = NULL;

	if (!load(&c)) {
		const char *why = dlerror();
		char text[512];
		snprintf(text, sizeof(text), "libsecret cannot be loaded (%s)",
			 why ? why : LIBRARY);
		return answer(&c, SECRET_LIB_ABSENT, text);
	}
	/* Said outright, or GLib would try to start a bus of its own. */
	setenv("DBUS_SESSION_BUS_ADDRESS", c.request->bus, 1);
	c.service =
		c.lib.secret_service_get_sync(SECRET_SERVICE_OPEN_SESSION, NULL, &error);
	if (!c.service) {
		return fail(&c, error);
	}
	switch (c.request->op) {
	case SECRET_LIB_FIND:
		return find(&c);
	case SECRET_LIB_STORE:
		return store(&c);
	case SECRET_LIB_FORGET:
		return forget(&c);
	}
	return 1;
}

#endif
