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

/* UTF-8 only for who asked for it (RFC 6531 §3.7.4), or is our own. */
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
	if (!s->mail.envelope.is_smtputf8 && !s->mail.envelope.wants_result) {
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

/* -- what a call of our own is told ------------------------------------------------------- */

/* What the client takes in one reply is more (reply.h); and our output is bounded. */
enum { TOLD_LINES_MAX = 250, TOLD_MAX = 24 << 10, TOLD_PIECE = 480, TOLD_BACK = 3 };

struct told {
	struct smtp_server *server;
	int code;
	const char *enhanced;
	size_t lines, bytes;
};

/* Not in the middle of a character; what is none may be cut anywhere. */
static struct span cut(struct span text)
{
	size_t size = text.size < TOLD_PIECE ? text.size : TOLD_PIECE;

	while (size < text.size && size > TOLD_PIECE - TOLD_BACK &&
	       ((unsigned char)text.data[size] & 0xc0) == 0x80) {
		size--;
	}
	return span_first(text, size);
}

static void tell_piece(struct told *t, char mark, struct span piece)
{
	char text[TOLD_PIECE + 2];

	snprintf(text, sizeof(text), "%c%.*s", mark, SPAN_ARG(piece));
	add_line(t->server, t->code, '-', t->enhanced, text);
	t->lines++;
	t->bytes += piece.size;
}

static void tell_line(struct told *t, struct span line)
{
	char mark = '|';

	do {
		struct span piece = cut(line);
		tell_piece(t, mark, piece);
		line = span_from(line, piece.size);
		mark = '+';
	} while (line.size > 0);
}

static size_t count_lines(struct span text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.size; i++) {
		count += text.data[i] == '\n';
	}
	return count;
}

/* The last line of the reply has the status. */
static void tell_result(struct told *t, const struct smtp_result *result)
{
	char text[80];
	struct span rest = result->said;
	const char *end;

	while (rest.size > 0 && (end = memchr(rest.data, '\n', rest.size)) != NULL) {
		struct span line = span_first(rest, (size_t)(end - rest.data));
		size_t pieces = line.size / (TOLD_PIECE - TOLD_BACK) + 1;
		if (t->lines + pieces > TOLD_LINES_MAX || t->bytes + line.size > TOLD_MAX) {
			snprintf(text, sizeof(text), "%zu more lines are left out here",
				 count_lines(rest));
			tell_piece(t, '|', span_str(text));
			break;
		}
		tell_line(t, line);
		rest = span_from(rest, line.size + 1);
	}
	snprintf(text, sizeof(text), "%d %d", result->status, result->some_have_it);
	add_line(t->server, t->code, ' ', t->enhanced, text);
}

/* -- verdicts -------------------------------------------------------------------------- */

void server_reply_answer(struct smtp_server *s, const struct smtp_answer *a)
{
	bool is_told = a->result.is_there && s->mail.envelope.wants_result;
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
	add_line(s, code, is_told ? '-' : ' ', enhanced, a->text);
	if (is_told) {
		struct told t = { .server = s, .code = code, .enhanced = enhanced };
		tell_result(&t, &a->result);
	}
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
