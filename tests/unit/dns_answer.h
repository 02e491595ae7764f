/* SPDX-License-Identifier: ISC */
/* dns_answer: answers of a name server, also such as none should give. */
#ifndef TESTS_DNS_ANSWER_H
#define TESTS_DNS_ANSWER_H

#include "base/buf.h"

enum { DNS_CNAME = 5, DNS_SRV = 33, DNS_IN = 1, DNS_CH = 3 };

/* An answer to a question about "example.org" that says it has so many records. */
void dns_begin(struct buf *to, unsigned records);
/* target: "smtp.example.net"; "smtp.@": below the question's name, compressed; "": the root. */
void dns_add_srv(struct buf *to, unsigned priority, unsigned weight, unsigned port,
		 const char *target);
void dns_add_record(struct buf *to, unsigned type, unsigned class, struct span data);

#endif
