/* SPDX-License-Identifier: ISC */
/* checks: what a transcript says about the engine's decisions; false with r->error set. */
#ifndef TESTS_CHECKS_H
#define TESTS_CHECKS_H

#include "caller.h"

/* The next action that is not the caller's own business must be of this kind. */
bool checks_expect(struct run *r, const struct step *s, enum smtp_action_kind kind,
		   struct smtp_action *ret_action);
bool checks_fail(struct run *r, const struct step *s);
bool checks_settled(struct run *r, const struct step *s);
/*
 * In the message of the last =settled, or without any in the one that was settled last; or
 * in the last one before it that has such a recipient.
 */
bool checks_outcome(struct run *r, const struct step *s);

#endif
