/* SPDX-License-Identifier: ISC */
/* param: the parameters of Content-Type and Content-Disposition (RFC 2045 §5.1).  Pure. */
#ifndef MAIL_PARAM_H
#define MAIL_PARAM_H

#include "base/buf.h"

struct param {
	struct span name;	/* empty: not of the form name=value */
	struct span value;	/* as written, quotes included */
	struct span whole;	/* what stands between the semicolons, blanks included */
};

/* What stands before the first semicolon, and (in *rest) behind it. */
struct span param_first(struct span value, struct span *rest);

/* Takes the next parameter off the front of *rest; false at the end. */
bool param_next(struct span *rest, struct param *ret_param) RELAY_CHECKED;

/* Appends a value without quotes, backslashes and folding; false when *to is full. */
bool param_add_value(struct buf *to, struct span value) RELAY_CHECKED;

/*
 * Appends the value of the first parameter of that name in a whole field value.  False
 * when there is none, or when it does not fit.
 */
bool param_find(struct span field_value, const char *name, struct buf *to) RELAY_CHECKED;

#endif
