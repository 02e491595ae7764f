/* SPDX-License-Identifier: ISC */
/* say: see say.h. */
#include "app/say.h"
#include "base/fs.h"
#include "base/text.h"

#include <stdarg.h>
#include <unistd.h>

static const char *own_name = "sendmail";
static const char *before = "";

void say_as(const char *name)
{
	own_name = name;
}

const char *say_name(void)
{
	return own_name;
}

void say_over_bar(void)
{
	before = "\r\033[K";
}

void say(const char *format, ...)
{
	char line[2 * ERR_TEXT_MAX];
	va_list args;

	int head = snprintf(line, sizeof(line), "%s%s: ", before, own_name);
	va_start(args, format);
	vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, args);
	va_end(args);
	size_t size = strlen(line), start = strlen(before);
	text_sanitise(line + start, size - start);
	line[size] = '\n';
	if (!fs_write_all(STDERR_FILENO, line, size + 1)) {
		return;
	}
}

int say_error(const struct err *e)
{
	say("%s", e->text);
	return cause_row(e->cause)->exit_code;
}
