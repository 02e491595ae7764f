/* SPDX-License-Identifier: ISC */
/* addr_lex: what addr_parse.c reads address text with.  Nobody else includes it. */
#ifndef MAIL_ADDR_LEX_H
#define MAIL_ADDR_LEX_H

#include "mail/addr.h"

struct addr_parser {
	struct span text;
	size_t at;		/* next byte */
	size_t element;		/* where the present element starts, for errors */
	size_t groups;		/* groups that are open */
	bool had_group, had_comma;
	struct buf local, domain;	/* the address being read; domain without '@' */
	size_t spec_start, spec_end;	/* where it stands */
	struct addr_list *list;
	struct err *e;
};

/* The next byte, or NUL at the end (a NUL in the text is refused wherever it stands). */
char addr_peek(const struct addr_parser *p);
bool addr_at_end(const struct addr_parser *p);

/* Fill *p->e with the present element and what is wrong with it; return false. */
bool addr_fail(struct addr_parser *p, const char *what);
/* The same for a next byte that has no place where it stands. */
bool addr_fail_here(struct addr_parser *p);

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

#endif
