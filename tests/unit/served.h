/* SPDX-License-Identifier: ISC */
/*
 * served: a caller of the server engine that keeps messages nowhere: it writes down what
 * the engine does, as the lines of a transcript (tests/transcripts-server/README).
 */
#ifndef TESTS_SERVED_H
#define TESTS_SERVED_H

#include "smtp/server.h"

enum reaction_at { REACT_BEGIN, REACT_DATA, REACT_END };

/* What the caller says to the nth (from 1) BEGIN or END, or to the nth message's DATA. */
struct reaction {
	enum reaction_at at;
	unsigned nth;
	struct smtp_answer answer;
};

struct served {
	struct smtp_server *s;
	const struct reaction *reactions;	/* without one, END is "Ok: queued as ID<n>" */
	size_t reaction_count;
	unsigned begins, ends;
	bool is_begun, is_done;
	struct smtp_server_action last;	/* READ or DONE */
	struct buf out;		/* every byte that was written */
	struct buf events;	/* every message, as lines */
	struct buf log;		/* both, in order, as lines */
	struct buf data;	/* of the present message */
};

void served_init(struct served *d, const struct smtp_server_options *options);
void served_clear(struct served *d);

/* Does what the engine asks for, up to READ or DONE. */
void served_run(struct served *d);
/* Feeds all of it, `piece` bytes at a time (0 = as much as goes), until DONE. */
void served_feed(struct served *d, struct span bytes, size_t piece);
/* … a string. */
void served_say(struct served *d, const char *text);

/* The bytes of each line as `MARK: text`, escaped; one without LF as `MARK-: text`. */
void served_add_lines(struct buf *to, char mark, struct span bytes);
/* The other way: the bytes of "text" with its escapes; false when they are wrong. */
bool served_unescape(struct buf *to, const char *text) RELAY_CHECKED;

#endif
