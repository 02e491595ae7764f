/* SPDX-License-Identifier: ISC */
/*
 * server_line: cuts command lines out of the input (RFC 5321 §2.3.8, §4.5.3.1.4).  A line
 * that is too long is dropped while it comes, and answered when it ends, so that what
 * follows is in step again.
 */
#include "smtp/server_state.h"

/* No line end yet. */
static void wait_for_more(struct smtp_server *s, struct span rest)
{
	if (rest.size > 0 && s->discarded + rest.size >= SERVER_LINE_MAX) {
		s->discarded += rest.size;
		s->discarded_last = rest.data[rest.size - 1];
		server_consume(s, rest.size);
	}
}

static void close_on_flood(struct smtp_server *s)
{
	server_reply(s, 421, "4.7.0", "a command line without an end; closing");
	server_close(s, SERVER_HUNG_UP, "a command line without an end");
}

/* A line of `whole` bytes, with those that were dropped: false when that is answered. */
static bool is_worth_a_look(struct smtp_server *s, struct span line, bool is_crlf,
			    size_t whole)
{
	if (whole > SERVER_LINE_FLOOD) {
		close_on_flood(s);
	} else if (!is_crlf && s->options.is_socket) {	/* rule 3 */
		server_hang_up(s, "5.5.2", "a bare LF ends a line");
	} else if (whole > SERVER_LINE_MAX) {
		server_refuse(s, 500, "5.5.2", "the line is too long");
	} else if (line.size == 0) {
		server_refuse(s, 500, "5.5.2", "the line is empty");
	} else {
		return true;
	}
	return false;
}

bool server_take_command(struct smtp_server *s)
{
	struct span rest = server_input(s);
	const char *lf = rest.size > 0 ? memchr(rest.data, '\n', rest.size) : NULL;

	if (!lf) {
		wait_for_more(s, rest);
		if (s->discarded > SERVER_LINE_FLOOD) {
			close_on_flood(s);
			return true;
		}
		return false;
	}
	struct span line = span_of(rest.data, (size_t)(lf - rest.data));
	char last = line.size > 0 ? line.data[line.size - 1]
		  : s->discarded > 0 ? s->discarded_last
				     : '\0';
	size_t whole = s->discarded + line.size + 1;
	if (line.size > 0 && last == '\r') {
		line.size--;
	}
	server_consume(s, (size_t)(lf - rest.data) + 1);
	s->discarded = 0;
	s->waits++;
	if (is_worth_a_look(s, line, last == '\r', whole)) {
		server_run(s, line);
	}
	return true;
}
