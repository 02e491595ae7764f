/* SPDX-License-Identifier: ISC */
/* secret_keyring: see secret_keyring.h.  Must never load GLib here: secret_lib.c does. */
#include "sys/secret_keyring.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/secret_lib.h"
#include "sys/spawn.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A keyring that has to be started by the bus takes some seconds. */
#define ANSWER_SECONDS 10
/* With a person in front of it. */
#define UNLOCK_SECONDS 60
#define ANSWER_MAX     65536

static const char *variable(const char *name)
{
	const char *value = secure_getenv(name);

	return value && value[0] ? value : NULL;
}

static bool has_display(void)
{
	return variable("DISPLAY") || variable("WAYLAND_DISPLAY");
}

/* "unix:path=…" of a socket that is ours, with the characters escaped that must be. */
static char *address_of(const char *folder)
{
	static const char hex[] = "0123456789abcdef";
	char *path MEM_AUTO = mem_printf("%s/bus", folder);
	struct stat status;
	struct buf address;

	if (stat(path, &status) != 0 || !S_ISSOCK(status.st_mode) ||
	    status.st_uid != geteuid()) {
		return NULL;
	}
	buf_init(&address, 3 * strlen(path) + 16);
	bool fits = buf_add_str(&address, "unix:path=");
	for (const char *p = path; *p && fits; p++) {
		unsigned char c = (unsigned char)*p;
		if (text_is_alpha(*p) || text_is_digit(*p) || strchr("-_/.", *p)) {
			fits = buf_add_byte(&address, *p);
		} else {
			const char escaped[] = { '%', hex[c >> 4], hex[c & 15] };
			fits = buf_add(&address, escaped, sizeof(escaped));
		}
	}
	BUG_ON(!fits);
	return buf_take(&address);
}

/* The path at text, up to the end of its value, without D-Bus's escapes.  Freed by the caller. */
static char *path_in(const char *text)
{
	size_t size = strcspn(text, ",;"), to = 0;
	char *path = mem_copy(text, size);

	for (size_t i = 0; i < size; i++) {
		char digits[3] = { 0 }, *end = digits;
		unsigned long byte = 0;
		if (path[i] == '%' && i + 2 < size) {
			memcpy(digits, path + i + 1, 2);
			byte = strtoul(digits, &end, 16);
		}
		bool is_escape = end == digits + 2 && byte > 0;
		path[to++] = is_escape ? (char)byte : path[i];
		i += is_escape ? 2 : 0;
	}
	path[to] = '\0';
	return path;
}

/*
 * Is a socket of the address another user's?  After su, the variables are those of the user
 * before, who must not be given our password, nor choose it.
 */
static bool is_anothers(const char *address)
{
	static const char key[] = "path=";
	struct stat status;

	for (const char *p = strstr(address, key); p; p = strstr(p, key)) {
		bool is_key = p > address && (p[-1] == ':' || p[-1] == ',');
		p += strlen(key);
		char *path MEM_AUTO = is_key ? path_in(p) : NULL;
		if (path && stat(path, &status) == 0 && status.st_uid != geteuid() &&
		    status.st_uid != 0) {
			return true;
		}
	}
	return false;
}

/* Cron and many services have no such variable, but the session is there. */
static char *bus_address(void)
{
	const char *said = variable("DBUS_SESSION_BUS_ADDRESS");
	const char *runtime = variable("XDG_RUNTIME_DIR");

	if (said) {
		return mem_str(said);
	}
	if (runtime && runtime[0] == '/') {
		return address_of(runtime);
	}
	char *usual MEM_AUTO = mem_printf("/run/user/%lu", (unsigned long)geteuid());
	return address_of(usual);
}

static enum keyring fail_with(enum keyring answer, struct err *e, const char *text)
{
	err_set(e, CAUSE_SECRET, "%s", text);
	return answer;
}

static const struct {
	const char *word;
	enum keyring answer;
	const char *text; /* where the answer has none */
} words[] = {
	{ SECRET_LIB_NOTHING, KEYRING_NOTHING, "it has no such entry" },
	{ SECRET_LIB_LOCKED, KEYRING_LOCKED, "it is locked" },
	{ SECRET_LIB_ABSENT, KEYRING_ABSENT, "there is none" },
	{ SECRET_LIB_FAILED, KEYRING_FAILED, "it failed" },
};

/* Reads the child's line; what stands behind "done" stays in it. */
static enum keyring judge(struct buf *line, struct err *e)
{
	size_t word = strcspn(line->data, " ");
	size_t skip = word < line->size ? word + 1 : word;
	struct span name = span_of(line->data, word);

	if (span_equal(name, span_str(SECRET_LIB_DONE))) {
		buf_drop(line, skip);
		return KEYRING_DONE;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (span_equal(name, span_str(words[i].word))) {
			const char *text = line->data + skip;
			return fail_with(words[i].answer, e,
					 text[0] ? text : words[i].text);
		}
	}
	return fail_with(KEYRING_FAILED, e, "its answer makes no sense");
}

static enum keyring ask(struct secret_lib_request *r, unsigned seconds, struct buf *line,
			struct err *e)
{
	if (!spawn_call("it", secret_lib_run, r, clock_deadline(seconds), line,
			CAUSE_SECRET, e)) {
		return KEYRING_FAILED;
	}
	return judge(line, e);
}

/*
 * Once without a question to the person, quickly; only a locked keyring is asked again,
 * with the time that a person needs.
 */
static enum keyring ask_twice(struct secret_lib_request *r, bool may_unlock,
			      struct buf *line, struct err *e)
{
	char *bus MEM_AUTO = bus_address();

	if (!bus) {
		return fail_with(KEYRING_ABSENT, e, "there is no D-Bus session");
	}
	if (is_anothers(bus)) {
		return fail_with(KEYRING_ABSENT, e, "the D-Bus session is another user's");
	}
	r->bus = bus;
	enum keyring answer = ask(r, ANSWER_SECONDS, line, e);
	if (answer != KEYRING_LOCKED) {
		return answer;
	}
	if (!has_display()) {
		err_set(e, CAUSE_SECRET,
			"it is locked, and there is no display to ask on: "
			"unlock it, or log in");
		return answer;
	}
	if (!may_unlock) {
		return answer;
	}
	r->may_unlock = true;
	return ask(r, UNLOCK_SECONDS, line, e);
}

enum keyring keyring_find(const char *host, const char *user, bool may_unlock,
			  struct buf *secret, struct err *e)
{
	struct secret_lib_request r = { .op = SECRET_LIB_FIND, .host = host, .user = user };
	struct buf line BUF_AUTO;

	buf_init_secret(&line, ANSWER_MAX);
	buf_reset(secret);
	enum keyring answer = ask_twice(&r, may_unlock, &line, e);
	if (answer == KEYRING_DONE && !buf_add_span(secret, buf_span(&line))) {
		return fail_with(KEYRING_FAILED, e, "the password is too long");
	}
	return answer;
}

enum keyring keyring_store(const char *host, const char *user, const char *secret,
			   const char *label, struct err *e)
{
	struct secret_lib_request r = {
		.op = SECRET_LIB_STORE,
		.host = host,
		.user = user,
		.secret = secret,
		.label = label,
	};
	struct buf line BUF_AUTO;

	buf_init_secret(&line, ANSWER_MAX);
	return ask_twice(&r, true, &line, e);
}

enum keyring keyring_forget(const char *host, const char *user, struct err *e)
{
	struct secret_lib_request r = {
		.op = SECRET_LIB_FORGET, .host = host, .user = user };
	struct buf line BUF_AUTO;

	buf_init_secret(&line, ANSWER_MAX);
	return ask_twice(&r, true, &line, e);
}
