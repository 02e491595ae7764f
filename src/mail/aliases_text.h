/* SPDX-License-Identifier: ISC */
/*
 * aliases_text: the text of an aliases file, cut into entries and pieces: lines that go on,
 * comments, quotes.  For aliases_read.c alone; what the pieces mean is its business.
 */
#ifndef MAIL_ALIASES_TEXT_H
#define MAIL_ALIASES_TEXT_H

#include "mail/aliases_set.h"

struct alias_text {
	struct span text;
	size_t at;
	unsigned line;		/* of the next byte */
	unsigned piece_line;	/* where the text of the last piece begins */
	struct alias_text_place {
		size_t at;
		unsigned line;
	} piece;	/* what was read when it began, to find a byte of it again */
	bool in_entry;
	const char *file;
	bool is_include;	/* the readers behind a mistake get no mail */
	struct alias_problems *problems;
};

char alias_text_byte(const struct alias_text *r, size_t at);
/* Where the line that holds `at` ends: at its LF, or at the end of the text. */
size_t alias_text_line_end(const struct alias_text *r, size_t at);
/* At a line start: goes past empty lines and comments.  False at the end of the text. */
bool alias_text_skip_lines(struct alias_text *r);
/* After a mistake: to the start of the next entry. */
void alias_text_skip_entry(struct alias_text *r);

/*
 * Appends the text of the entry up to `stop` outside quotes and comments.  *ret_stopped
 * is false when the entry ended instead.  False when it is too long: the reader is behind
 * it all the same.
 */
bool alias_text_piece(struct alias_text *r, char stop, struct buf *to,
		      bool *ret_stopped) RELAY_CHECKED;

/* Where byte `offset` of the last piece stands, or what is behind it. */
struct alias_text_place alias_text_find(const struct alias_text *r, char stop,
					size_t offset);

#endif
