/* SPDX-License-Identifier: ISC */
/* taker: what takes addresses: a `from`, or one word of `to`; what kind of pattern it is. */
#ifndef CONF_TAKER_H
#define CONF_TAKER_H

#include "conf/conf.h"

enum taker_kind {
	TAKER_ADDRESS,	/* joe@example.org, and joe+detail@example.org */
	TAKER_DOMAIN,	/* *@example.org; in `to` also example.org */
	TAKER_CHILDREN,	/* *@*.example.org; in `to` also .example.org and *.example.org */
	TAKER_ALL,	/* * */
	TAKER_GLOB,	/* any other pattern */
};

struct taker {
	enum taker_kind kind;
	struct span text;	/* the address, the domain, the domain with the dot before it */
	struct span word;	/* as it was written */
	size_t account;		/* whose it is: its index */
	const struct conf_value *line;	/* where it stands */
	enum key key;		/* KEY_FROM, KEY_TO */
};

/* All texts stay the account's.  line: of KEY_TO, the word is a part of it. */
struct taker taker_of_recipients(struct span word, size_t account,
				 const struct conf_value *line);
/* line: of KEY_FROM. */
struct taker taker_of_senders(size_t account, const struct conf_value *line);

/*
 * The pattern for whole addresses ("*@*.example.org"), or the address.  The caller frees
 * it.
 */
char *taker_pattern(const struct taker *t);

#endif
