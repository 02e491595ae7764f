/* SPDX-License-Identifier: ISC */
/*
 * server_reply: builds every reply line (RFC 5321 §4.2, RFC 2034 §4).  Nothing from a
 * client, a server behind us or the caller can put a line break into one, or make it longer
 * than 512 bytes.
 */
#include "smtp/server_state.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

/* UTF-8 only for who asked for it (RFC 6531 §3.7.4). */
static void make_ascii(char *text)
{
	for (char *p = text; *p; p++) {
		if ((unsigned char)*p >= 0x80) {
			*p = '?';
		}
	}
}

static void add_line(struct smtp_server *s, int code, char mark, const char *enhanced,
		     const char *text)
{
	char line[SERVER_REPLY_MAX - 1];	/* with NUL, without CRLF */
	int n = snprintf(line, sizeof(line), "%03d%c%s%s%s", code, mark,
			 enhanced ? enhanced : "", enhanced ? " " : "", text);

	BUG_ON(n < 0);
	text_sanitise(line, strlen(line));
	if (!s->mail.envelope.is_smtputf8) {
		make_ascii(line);
	}
	/* The caller of next() has it written before there is this much. */
	BUG_ON(!buf_add_str(&s->out, line) || !buf_add_str(&s->out, "\r\n"));
}

static void add_formatted(struct smtp_server *s, int code, const char *enhanced,
			  const char *format, va_list args)
{
	char text[SERVER_REPLY_MAX];

	vsnprintf(text, sizeof(text), format, args);
	add_line(s, code, ' ', enhanced, text);
}

void server_reply(struct smtp_server *s, int code, const char *enhanced, const char *format,
		  ...)
{
	va_list args;

	va_start(args, format);
	add_formatted(s, code, enhanced, format, args);
	va_end(args);
}

void server_refuse(struct smtp_server *s, int code, const char *enhanced, const char *format,
		   ...)
{
	va_list args;

	va_start(args, format);
	add_formatted(s, code, enhanced, format, args);
	va_end(args);
	s->errors++;
}

void server_hang_up(struct smtp_server *s, const char *enhanced, const char *why)
{
	server_reply(s, 521, enhanced, "%s; closing", why);
	server_close(s, SERVER_HUNG_UP, why);
}

void server_reply_line(struct smtp_server *s, int code, bool is_last, const char *text)
{
	add_line(s, code, is_last ? ' ' : '-', NULL, text);
}

void server_reply_answer(struct smtp_server *s, const struct smtp_answer *a)
{
	int class = a->verdict == VERDICT_ACCEPTED    ? 2
		    : a->verdict == VERDICT_PERMANENT ? 5
						      : 4;
	int code = a->code;
	const char *enhanced = a->enhanced;

	/* 421 would mean that the session is over. */
	if (code < class * 100 || code > class * 100 + 99 || code == 421) {
		code = class == 2 ? 250 : class == 5 ? 554 : 451;
	}
	if (enhanced[0] != '0' + class || enhanced[1] != '.') {
		enhanced = class == 2 ? "2.0.0" : class == 5 ? "5.0.0" : "4.0.0";
	}
	add_line(s, code, ' ', enhanced, a->text);
}

void smtp_answer_set(struct smtp_answer *a, enum verdict verdict, int code,
		     const char *enhanced, const char *format, ...)
{
	va_list args;

	*a = (struct smtp_answer){ .verdict = verdict, .code = code };
	snprintf(a->enhanced, sizeof(a->enhanced), "%s", enhanced);
	va_start(args, format);
	vsnprintf(a->text, sizeof(a->text), format, args);
	va_end(args);
}
