/* SPDX-License-Identifier: ISC */
/* caps: what the server said in its answer to EHLO or LHLO.  Pure. */
#ifndef SMTP_CAPS_H
#define SMTP_CAPS_H

#include "base/buf.h"

struct smtp_caps {
	bool pipelining, chunking, eightbitmime, smtputf8, dsn, enhanced, starttls, requiretls;
	bool xsubmit;			/* of our own: client.h, enum smtp_mode */
	bool has_size;
	unsigned long long size_max;	/* 0 = no limit named */
	bool auth;
	char mechanisms[512];		/* upper case, single blanks between, from AUTH and AUTH= */
	unsigned rcpt_max;		/* LIMITS RCPTMAX=, 0 = none named (RFC 9422) */
	unsigned mail_max;		/* LIMITS MAILMAX= */
};

/* Fills *caps from the text of an EHLO reply (first line is the greeting, skipped). */
void caps_parse(struct smtp_caps *caps, struct span text);

#endif
