/* SPDX-License-Identifier: ISC */
/*
 * password_input: see password_input.h.  From the terminal or standard input, never from argv;
 * must never print it.
 */
#include "app/password_input.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/prompt.h"
#include "sys/secret.h"

#include <unistd.h>

#define PROMPT_SECONDS 300
/* Of standard input, whose first line counts. */
#define INPUT_MAX (SECRET_MAX + 2)

static bool ask_terminal(const char *user, const char *host, struct buf *secret,
			 struct err *e)
{
	char *first MEM_AUTO =
		mem_printf("new password for %s at %s: ", user, host);
	struct buf again BUF_AUTO;
	bool was_asked;

	buf_init_secret(&again, SECRET_MAX);
	if (!prompt_secret(first, clock_deadline(PROMPT_SECONDS), secret, &was_asked,
			   e)) {
		return false;
	}
	if (!was_asked) {
		return err_set(e, CAUSE_SECRET, "the terminal belongs to another job");
	}
	if (!prompt_secret("the same again: ", clock_deadline(PROMPT_SECONDS), &again,
			   &was_asked, e)) {
		return false;
	}
	return span_equal(buf_span(secret), buf_span(&again)) ||
	       err_set(e, CAUSE_USAGE, "the two are not the same; nothing was changed");
}

/* The first line of standard input: for `… | relay password set`. */
static bool read_input(struct buf *secret, struct err *e)
{
	struct buf text BUF_AUTO;

	buf_init_secret(&text, INPUT_MAX);
	if (!fs_read_all(STDIN_FILENO, &text, e)) {
		return err_ctx(e, "standard input");
	}
	const char *end = text.size ? memchr(text.data, '\n', text.size) : NULL;
	size_t size = end ? (size_t)(end - text.data) : text.size;
	size -= size > 0 && text.data[size - 1] == '\r';
	return buf_add(secret, text.data, size) ||
	       err_set(e, CAUSE_USAGE, "the password is too long");
}

bool password_input(const char *user, const char *host, struct buf *secret, struct err *e)
{
	if (!(isatty(STDIN_FILENO) ? ask_terminal(user, host, secret, e)
				   : read_input(secret, e))) {
		return false;
	}
	if (secret->size == 0) {
		return err_set(e, CAUSE_USAGE,
			       "the password is empty; nothing was changed");
	}
	return !text_has_line_break(buf_span(secret)) ||
	       err_set(e, CAUSE_USAGE, "CR, LF or NUL cannot be in a password");
}
