/* SPDX-License-Identifier: ISC */
/* verb: the table of commands, and the only builder of command lines.  Pure. */
#ifndef SMTP_VERB_H
#define SMTP_VERB_H

#include "base/buf.h"

enum verb {
	VERB_NONE = 0,
#define VERB(name, word, phrase, seconds, ends_group) VERB_##name,
#include "smtp/verb.def"
#undef VERB
	VERB_COUNT
};

struct verb_row {
	const char *word;	/* what the line begins with, with its last blank or colon */
	const char *phrase;	/* for messages: "RCPT TO" */
	unsigned timeout_s;	/* for the answer */
	bool ends_group;
};

/* Longest line that is ever sent, with CRLF (RFC 4954 §4: AUTH may take that much). */
#define VERB_LINE_MAX 12288

/* Never NULL; VERB_NONE's row is empty. */
const struct verb_row *verb_row(enum verb verb);

/*
 * Appends the verb's word, `rest` and CRLF.  False (CAUSE_DATA), and nothing is appended,
 * when rest has a CR, LF or NUL, or when the line is too long or *to is full.
 */
bool verb_add_line(struct buf *to, enum verb verb, struct span rest, struct err *e)
	RELAY_CHECKED;

/* Appends the xtext form (RFC 3461 §4). */
bool verb_add_xtext(struct buf *to, struct span text) RELAY_CHECKED;

/* Most of an envelope identifier, in that form (RFC 3461 §4.4). */
#define VERB_ENVID_MAX 100
/* Of XNAME, our own. */
#define VERB_NAME_MAX 400
/* What is wrong with an envelope identifier, not yet xtext, or NULL. */
const char *verb_envid_fault(struct span envid);

#endif
