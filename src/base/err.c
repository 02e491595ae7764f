/* SPDX-License-Identifier: ISC */
/* err: builds error texts.  Must never print one, except for a bug. */
#include "base/err.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const struct cause_row rows[CAUSE_COUNT] = {
	[CAUSE_NONE] = { "NONE", EX_OK, RETRY_NEVER, "All recipients were accepted." },
#define CAUSE(name, code, retry, sentence) \
	[CAUSE_##name] = { #name, code, RETRY_##retry, sentence },
#include "base/err.def"
#undef CAUSE
};

const struct cause_row *cause_row(enum cause cause)
{
	return &rows[cause < CAUSE_COUNT ? cause : CAUSE_BUG];
}

static void format_text(char *text, const char *format, va_list args)
{
	vsnprintf(text, ERR_TEXT_MAX, format, args);
	text_sanitise(text, strlen(text));
}

bool err_set(struct err *e, enum cause cause, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	format_text(text, format, args);
	va_end(args);
	e->cause = cause;
	e->os_errno = 0;
	memcpy(e->text, text, sizeof(text));
	return false;
}

bool err_errno(struct err *e, enum cause cause, const char *format, ...)
{
	int saved = errno;
	char text[ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	format_text(text, format, args);
	va_end(args);
	err_set(e, cause, "%s: %s", text, strerror(saved));
	e->os_errno = saved;
	return false;
}

bool err_is_timeout(const struct err *e)
{
	return e->os_errno == ETIMEDOUT;
}

bool err_ctx(struct err *e, const char *format, ...)
{
	char context[ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	format_text(context, format, args);
	va_end(args);
	size_t have = strlen(context);
	size_t rest = sizeof(context) - 1 - have;
	snprintf(context + have, rest + 1, ": %.*s", (int)(rest > 2 ? rest - 2 : 0), e->text);
	memcpy(e->text, context, sizeof(context));
	return false;
}

void bug(const char *file, int line, const char *what)
{
	dprintf(STDERR_FILENO, "relay: internal error at %s:%d: %s\n", file, line, what);
	_exit(EX_SOFTWARE);
}
