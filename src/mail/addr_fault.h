/* SPDX-License-Identifier: ISC */
/*
 * addr_fault: what is wrong with the text of an address, where, and the line about it.
 * Pure.  Every way to be wrong is a row of addr_fault.def with a text of its own.
 */
#ifndef MAIL_ADDR_FAULT_H
#define MAIL_ADDR_FAULT_H

#include "base/err.h"
#include "base/span.h"

enum addr_wrong {
	ADDR_FINE = 0,
#define FAULT(name, what, sentence) ADDR_##name,
#include "mail/addr_fault.def"
#undef FAULT
	ADDR_WRONG_COUNT
};

struct addr_fault {
	enum addr_wrong wrong;
	size_t at;	/* offset in the text: the column */
	size_t element;	/* where the element of the list begins that is wrong; up to `at` */
};

/*
 * Fills *e (CAUSE_DATA) and returns false:
 *
 *   column 5: address "foo <bar": no ">" closes this "<"; add it behind the address
 *
 * Columns are counted in characters (UTF-8) from 1; a byte that is not UTF-8 counts as one.
 * `column` is the one of the text's first byte in its line; for later lines of a folded
 * text the line is said too.  The address is quoted, at most some hundred characters of it,
 * with control characters and the like made visible.
 */
bool addr_fault_set(struct err *e, const struct addr_fault *f, struct span text,
		    size_t column);

/* The same for a text that was put together: `column` is the one to say, and no line. */
bool addr_fault_set_at(struct err *e, const struct addr_fault *f, struct span text,
		       size_t column);

/* As the first, without a byte of the text, for what may be secret: "column 5: no ">" …". */
bool addr_fault_set_unquoted(struct err *e, const struct addr_fault *f, struct span text);

/* The column of text's byte `at`, counted as above from the start of the text. */
size_t addr_column(struct span text, size_t at);

#endif
