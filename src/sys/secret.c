/* SPDX-License-Identifier: ISC */
/*
 * secret: see secret.h.  A provider that the account names must answer; those that are
 * only habits (keyring, netrc, terminal) may have nothing, and leave a note that says why.
 * Must never show a secret, nor the command or text that may contain one.
 */
#include "sys/secret.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/netrc.h"
#include "sys/prompt.h"
#include "sys/secret_file.h"
#include "sys/secret_keyring.h"
#include "sys/spawn.h"

#include <errno.h>

#define COMMAND_SECONDS 60
#define PROMPT_SECONDS	60
#define NETRC_MAX	(1024 * 1024)
#define NOTES_MAX	768

enum answer { ANSWER_NONE, ANSWER_FOUND, ANSWER_FAILED };

/* Notes: why each provider has nothing, for the error at the end. */
typedef enum answer provider(const struct secret_query *q, struct buf *secret,
			     struct buf *notes, struct err *e);

static enum answer found_if(bool is_good)
{
	return is_good ? ANSWER_FOUND : ANSWER_FAILED;
}

static void add_note(struct buf *notes, const char *who, const char *why)
{
	/* What does not fit is left out: these are only words. */
	bool fits = buf_printf(notes, "; %s: %s", who, why);
	(void)fits;
}

static enum answer ask_password(const struct secret_query *q, struct buf *secret,
				struct buf *notes, struct err *e)
{
	(void)notes;
	if (!q->password) {
		return ANSWER_NONE;
	}
	return found_if(buf_add_str(secret, q->password) ||
			err_set(e, CAUSE_SECRET, "password: it is longer than %zu bytes",
				secret->max));
}

static enum answer ask_file(const struct secret_query *q, struct buf *secret,
			    struct buf *notes, struct err *e)
{
	(void)notes;
	if (!q->password_file) {
		return ANSWER_NONE;
	}
	return found_if(secret_file_read(q->password_file, SECRET_FILE_OWN, secret, e) ||
			err_ctx(e, "password_file"));
}

/* systemd's LoadCredential= and SetCredential=, see systemd.exec(5). */
static enum answer ask_systemd(const struct secret_query *q, struct buf *secret,
			       struct buf *notes, struct err *e)
{
	const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");

	if (!folder || folder[0] != '/' || !q->account) {
		add_note(notes, "systemd", "no credentials were given");
		return ANSWER_NONE;
	}
	char *name MEM_AUTO = mem_printf("relay.%s.password", q->account);
	char *path MEM_AUTO = mem_printf("%s/%s", folder, name);
	char *why MEM_AUTO = mem_printf("there is no credential %s", name);
	/* No file has a slash in its name: it would be one elsewhere. */
	bool is_name = !strchr(q->account, '/');
	if (is_name && secret_file_read(path, SECRET_FILE_CREDENTIAL, secret, e)) {
		return ANSWER_FOUND;
	}
	if (!is_name || e->os_errno == ENOENT || e->os_errno == ENAMETOOLONG) {
		add_note(notes, "systemd", why);
		return ANSWER_NONE;
	}
	if (e->os_errno == EACCES) {
		/* A service's, which has become another user since. */
		add_note(notes, "systemd", e->text);
		return ANSWER_NONE;
	}
	err_ctx(e, "systemd");
	return ANSWER_FAILED;
}

static enum answer ask_command(const struct secret_query *q, struct buf *secret,
			       struct buf *notes, struct err *e)
{
	(void)notes;
	if (!q->passwordeval) {
		return ANSWER_NONE;
	}
	int64_t deadline = clock_deadline(COMMAND_SECONDS);
	bool ok = q->is_quiet ? spawn_quietly(q->passwordeval, deadline, secret, CAUSE_SECRET, e)
			      : spawn_first_line(q->passwordeval, deadline, secret,
						 CAUSE_SECRET, e);
	return found_if(ok || err_ctx(e, "passwordeval"));
}

static enum answer ask_keyring(const struct secret_query *q, struct buf *secret,
			       struct buf *notes, struct err *e)
{
	struct err why;

	(void)e;
	if (!q->host || !q->user) {
		return ANSWER_NONE;
	}
	if (keyring_find(q->host, q->user, q->may_unlock, secret, &why) == KEYRING_DONE) {
		return ANSWER_FOUND;
	}
	buf_reset(secret);
	add_note(notes, "keyring", why.text);
	return ANSWER_NONE;
}

static bool search_netrc(const struct secret_query *q, const char *path,
			 struct buf *secret, bool *ret_found, struct err *e)
{
	struct buf text BUF_AUTO;
	struct stat status;
	int fd FS_AUTO = secret_file_open(path, &status);

	*ret_found = false;
	buf_init_secret(&text, NETRC_MAX);
	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) {
			return true;
		}
		return err_set(e, CAUSE_SECRET, "%s: %s", path, secret_file_error(errno));
	}
	if (!fs_read_all(fd, &text, e) ||
	    !netrc_find(buf_span(&text), q->host, q->user, secret, ret_found, e)) {
		return err_ctx(e, "%s", path);
	}
	/* Only now: a careless file that has nothing for us is nobody's concern here. */
	return !*ret_found || secret_file_is_safe(&status, path, SECRET_FILE_OWN, e);
}

/* Whatever is wrong with the file becomes a note, for nobody asked for it by name. */
static bool ask_netrc_file(const struct secret_query *q, const char *path,
			   struct buf *secret, struct buf *notes)
{
	struct err e;
	bool is_found;

	if (!search_netrc(q, path, secret, &is_found, &e)) {
		buf_reset(secret);
		add_note(notes, "netrc", e.text);
		return false;
	}
	return is_found;
}

static enum answer ask_netrc(const struct secret_query *q, struct buf *secret,
			     struct buf *notes, struct err *e)
{
	size_t before = notes->size;

	(void)e;
	if (!q->host || !q->user) {
		return ANSWER_NONE;
	}
	if (q->home) {
		char *path MEM_AUTO = mem_printf("%s/.netrc", q->home);
		if (ask_netrc_file(q, path, secret, notes)) {
			return ANSWER_FOUND;
		}
	}
	if (ask_netrc_file(q, "/etc/netrc", secret, notes)) {
		return ANSWER_FOUND;
	}
	if (notes->size == before) {
		add_note(notes, "netrc", "no entry in ~/.netrc or /etc/netrc");
	}
	return ANSWER_NONE;
}

static enum answer ask_terminal(const struct secret_query *q, struct buf *secret,
				struct buf *notes, struct err *e)
{
	bool was_asked = false;

	if (!q->may_prompt) {
		add_note(notes, "terminal", "nobody is asked");
		return ANSWER_NONE;
	}
	char *question MEM_AUTO =
		mem_printf("password for %s at %s: ", q->user ? q->user : "?",
			   q->host ? q->host : "?");
	if (!prompt_secret(question, clock_deadline(PROMPT_SECONDS), secret, &was_asked,
			   e)) {
		err_ctx(e, "password");
		return ANSWER_FAILED;
	}
	if (!was_asked) {
		add_note(notes, "terminal", "there is none to ask on");
	}
	return was_asked ? ANSWER_FOUND : ANSWER_NONE;
}

/* In the order in which they are asked. */
static const struct {
	const char *name;
	provider *ask;
} providers[] = {
	{ "password", ask_password },	 { "password_file", ask_file },
	{ "systemd", ask_systemd },	 { "passwordeval", ask_command },
	{ "keyring", ask_keyring },	 { "netrc", ask_netrc },
	{ "terminal", ask_terminal },
};

static bool check_secret(const struct buf *secret, const char *name, struct err *e)
{
	if (secret->size == 0) {
		return err_set(e, CAUSE_SECRET, "%s: it is empty", name);
	}
	return !text_has_line_break(buf_span(secret)) ||
	       err_set(e, CAUSE_SECRET, "%s: CR, LF or NUL cannot be in a password",
		       name);
}

bool secret_find(const struct secret_query *q, struct buf *secret,
		 const char **ret_provider, struct err *e)
{
	struct buf notes BUF_AUTO;
	enum answer answer = ANSWER_NONE;
	const char *name = NULL;

	buf_init(&notes, NOTES_MAX);
	buf_reset(secret);
	for (size_t i = 0;
	     answer == ANSWER_NONE && i < sizeof(providers) / sizeof(providers[0]); i++) {
		name = providers[i].name;
		answer = providers[i].ask(q, secret, &notes, e);
	}
	if (answer == ANSWER_FOUND && check_secret(secret, name, e)) {
		*ret_provider = name;
		return true;
	}
	if (answer == ANSWER_NONE) {
		err_set(e, CAUSE_SECRET,
			"no password for %s at %s: password, password_file, passwordeval: "
			"not set%s; to store one: relay password set%s%s",
			q->user ? q->user : "?", q->host ? q->host : "?", notes.data,
			q->account ? " " : "", q->account ? q->account : "");
	}
	buf_reset(secret);
	return false;
}
