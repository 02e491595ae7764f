/* SPDX-License-Identifier: ISC */
/*
 * secret: see secret.h.  A provider that the account names must answer; those that are
 * only habits (netrc, the terminal) may have nothing.  Must never show a secret, nor the
 * command or text that may contain one.
 */
#include "sys/secret.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/netrc.h"
#include "sys/prompt.h"
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMAND_SECONDS 60
#define PROMPT_SECONDS	60
#define NETRC_MAX	(1024 * 1024)
#define NOTES_MAX	512

enum answer { ANSWER_NONE, ANSWER_FOUND, ANSWER_FAILED };

/* Notes: why a provider that could have answered did not, for the error at the end. */
typedef enum answer provider(const struct secret_query *q, struct buf *secret,
			     struct buf *notes, struct err *e);

static enum answer found_if(bool is_good)
{
	return is_good ? ANSWER_FOUND : ANSWER_FAILED;
}

static void add_note(struct buf *notes, const struct err *e)
{
	/* What does not fit is left out: these are only words. */
	bool fits = buf_printf(notes, "; %s", e->text);
	(void)fits;
}

/* Opens a regular file without waiting for anything; -1 with errno. */
static int open_regular(const char *path, struct stat *ret_status)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0 && fstat(fd, ret_status) != 0) {
		fs_close(&fd);
	} else if (fd >= 0 && !S_ISREG(ret_status->st_mode)) {
		fs_close(&fd);
		errno = EINVAL;
	}
	return fd;
}

/* Only we and root can have written it, and only we and root can read it? */
static bool check_safe(const struct stat *s, const char *path, struct err *e)
{
	if (s->st_uid != geteuid() && s->st_uid != 0) {
		return err_set(e, CAUSE_CONFIG,
			       "%s: it belongs to somebody else (user %lu)", path,
			       (unsigned long)s->st_uid);
	}
	if (s->st_mode & 077) {
		return err_set(e, CAUSE_CONFIG,
			       "%s: others can use it (mode %04o): chmod 600 %s", path,
			       (unsigned)(s->st_mode & 07777), path);
	}
	return true;
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

/* The first line; never more than the buffer's maximum and one chunk is read. */
static bool read_first_line(int fd, const char *path, struct buf *secret, struct err *e)
{
	char chunk[512];
	const char *end = NULL;
	bool fits = true;
	ssize_t n = 1;

	while (!end && fits && n > 0) {
		n = fs_read(fd, chunk, sizeof(chunk));
		size_t size = n > 0 ? (size_t)n : 0;
		end = memchr(chunk, '\n', size);
		fits = buf_add(secret, chunk, end ? (size_t)(end - chunk) : size);
	}
	mem_wipe(chunk, sizeof(chunk));
	if (n < 0) {
		return err_errno(e, CAUSE_SECRET, "password_file: cannot read %s", path);
	}
	if (!fits) {
		return err_set(e, CAUSE_SECRET,
			       "password_file: %s: the line is longer than %zu bytes",
			       path, secret->max);
	}
	if (end && secret->size > 0 && secret->data[secret->size - 1] == '\r') {
		secret->data[--secret->size] = '\0';
	}
	return true;
}

static enum answer ask_file(const struct secret_query *q, struct buf *secret,
			    struct buf *notes, struct err *e)
{
	struct stat status;

	(void)notes;
	if (!q->password_file) {
		return ANSWER_NONE;
	}
	int fd FS_AUTO = open_regular(q->password_file, &status);
	if (fd < 0) {
		const char *why = errno == EINVAL ? "it is not a file" : strerror(errno);
		err_set(e, CAUSE_SECRET, "password_file: %s: %s", q->password_file, why);
		return ANSWER_FAILED;
	}
	if (!check_safe(&status, q->password_file, e)) {
		err_ctx(e, "password_file");
		return ANSWER_FAILED;
	}
	return found_if(read_first_line(fd, q->password_file, secret, e));
}

static enum answer ask_command(const struct secret_query *q, struct buf *secret,
			       struct buf *notes, struct err *e)
{
	(void)notes;
	if (!q->passwordeval) {
		return ANSWER_NONE;
	}
	return found_if(spawn_first_line(q->passwordeval, clock_deadline(COMMAND_SECONDS),
					 secret, CAUSE_SECRET, e) ||
			err_ctx(e, "passwordeval"));
}

static bool search_netrc(const struct secret_query *q, const char *path,
			 struct buf *secret, bool *ret_found, struct err *e)
{
	struct buf text BUF_AUTO;
	struct stat status;
	int fd FS_AUTO = open_regular(path, &status);

	*ret_found = false;
	buf_init_secret(&text, NETRC_MAX);
	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) {
			return true;
		}
		return err_set(e, CAUSE_SECRET, "%s: %s", path,
			       errno == EINVAL ? "it is not a file" : strerror(errno));
	}
	if (!fs_read_all(fd, &text, e) ||
	    !netrc_find(buf_span(&text), q->host, q->user, secret, ret_found, e)) {
		return err_ctx(e, "%s", path);
	}
	/* Only now: a careless file that has nothing for us is nobody's concern here. */
	return !*ret_found || check_safe(&status, path, e);
}

/* Whatever is wrong with the file becomes a note, for nobody asked for it by name. */
static bool ask_netrc_file(const struct secret_query *q, const char *path,
			   struct buf *secret, struct buf *notes)
{
	struct err e;
	bool is_found;

	if (!search_netrc(q, path, secret, &is_found, &e)) {
		buf_reset(secret);
		add_note(notes, &e);
		return false;
	}
	return is_found;
}

static enum answer ask_netrc(const struct secret_query *q, struct buf *secret,
			     struct buf *notes, struct err *e)
{
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
	return ask_netrc_file(q, "/etc/netrc", secret, notes) ? ANSWER_FOUND
							      : ANSWER_NONE;
}

static enum answer ask_terminal(const struct secret_query *q, struct buf *secret,
				struct buf *notes, struct err *e)
{
	bool was_asked;

	(void)notes;
	if (!q->may_prompt) {
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
	return was_asked ? ANSWER_FOUND : ANSWER_NONE;
}

/* In the order in which they are asked. */
static const struct {
	const char *name;
	provider *ask;
} providers[] = {
	{ "password", ask_password },	 { "password_file", ask_file },
	{ "passwordeval", ask_command }, { "netrc", ask_netrc },
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
			"no password for %s at %s: set password_file or passwordeval%s",
			q->user ? q->user : "?", q->host ? q->host : "?", notes.data);
	}
	buf_reset(secret);
	return false;
}
