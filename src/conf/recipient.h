/* SPDX-License-Identifier: ISC */
/* recipient: one word of `to`: what kind of pattern it is, and what it says. */
#ifndef CONF_RECIPIENT_H
#define CONF_RECIPIENT_H

#include "base/span.h"

enum recipient_kind {
	RECIPIENT_ADDRESS,	/* joe@example.org, and joe+detail@example.org */
	RECIPIENT_DOMAIN,	/* example.org, *@example.org */
	RECIPIENT_CHILDREN,	/* .example.org, *@*.example.org, *.example.org */
	RECIPIENT_ALL,		/* * */
	RECIPIENT_GLOB,		/* any other pattern */
};

/*
 * The kind of a word that `to` has kept.  *ret: the address, the domain, the domain with the
 * dot before it, or the word; a part of the word.
 */
enum recipient_kind recipient_read(struct span word, struct span *ret);

/*
 * What the word means, as a pattern for whole addresses ("*@*.example.org"); an address as it
 * is.  The caller frees it.
 */
char *recipient_pattern(struct span word);

#endif
