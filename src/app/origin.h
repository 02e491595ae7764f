/* SPDX-License-Identifier: ISC */
/*
 * origin: what mail/author.h asks about this machine and this account: which names are
 * local, who reads their mail, and which address stands for them.
 */
#ifndef APP_ORIGIN_H
#define APP_ORIGIN_H

#include "app/call.h"
#include "mail/author.h"

enum { ORIGIN_USER_SIZE = 320, ORIGIN_GIVEN_MAX = 600 };

struct origin {
	struct call *call;
	struct author_env env;
	struct author author;	/* for struct rewrite */
	/* Private: "alice on HOST", and that with the name that -F gives. */
	char user[ORIGIN_USER_SIZE], both[ORIGIN_USER_SIZE + ORIGIN_GIVEN_MAX + 4];
};

/* The call has its account and its envelope; both must live as long as *o. */
void origin_init(struct origin *o, struct call *c);

#endif
