/* SPDX-License-Identifier: ISC */
/* addr_lex: what addr_parse.c and addr_spec.c read address text with.  Nobody else. */
#ifndef MAIL_ADDR_LEX_H
#define MAIL_ADDR_LEX_H

#include "mail/addr.h"

#include <stdint.h>

struct addr_parser {
	struct span text;
	size_t at;		/* next byte */
	size_t element;		/* where the present element starts, for errors */
	size_t groups;		/* groups that are open */
	size_t angle;		/* the '<' that is open; ADDR_NOWHERE: none is */
	size_t comma, colon;	/* the first "," and the first group's ":", or ADDR_NOWHERE */
	struct buf local, domain;	/* the address being read; domain without '@' */
	size_t spec_start, spec_end;	/* where it stands */
	struct addr_list *list;
	struct addr_fault *fault;
};

#define ADDR_NOWHERE SIZE_MAX

/* The next byte, or NUL at the end (a NUL in the text is refused wherever it stands). */
char addr_peek(const struct addr_parser *p);
bool addr_at_end(const struct addr_parser *p);

/* The next byte follows a blank or a comment. */
bool addr_after_blank(const struct addr_parser *p);

/* Say what is wrong, and at which offset; return false. */
bool addr_fail(struct addr_parser *p, enum addr_wrong wrong, size_t at);
/* The same for the next byte, unless that has no place in any text: then it says so. */
bool addr_fail_here(struct addr_parser *p, enum addr_wrong wrong);

/* Folding at a CR. */
bool addr_skip_fold(struct addr_parser *p) RELAY_CHECKED;
/* Blanks, folding and comments. */
bool addr_skip_cfws(struct addr_parser *p) RELAY_CHECKED;

/* A quoted string; what it means is added to *to when that is not NULL. */
bool addr_read_quoted(struct addr_parser *p, struct buf *to) RELAY_CHECKED;

/* Size of the RFC 2047 encoded-word at the next byte, or 0. */
size_t addr_encoded_word(const struct addr_parser *p);
/* Size of the [domain literal] at the next byte, or 1: the bracket stands for itself. */
size_t addr_bracket(const struct addr_parser *p);

/* addr_spec.c: local, or local@domain, and blanks behind it. */
bool addr_read_spec(struct addr_parser *p) RELAY_CHECKED;
/* What follows '@'.  One dot after the last label is left out. */
bool addr_read_domain(struct addr_parser *p) RELAY_CHECKED;
/* What was read goes to the list, in the form for the envelope. */
bool addr_add_spec(struct addr_parser *p) RELAY_CHECKED;
/* Adds one to the list. */
bool addr_add(struct addr_parser *p, const char *spec, size_t start, size_t end)
	RELAY_CHECKED;

#endif
