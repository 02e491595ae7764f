/* SPDX-License-Identifier: ISC */
/*
 * err: what went wrong, for people and for the exit status.
 *
 * A fallible function returns bool (false = failed), takes the struct err * as its
 * last parameter and is RELAY_CHECKED.  It fills the struct only when it fails.
 * Nothing here prints: main, delivery and the log decide about that.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#define RELAY_CHECKED      __attribute__((warn_unused_result))
#define RELAY_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum cause {
	CAUSE_NONE = 0,
#define CAUSE(name, code, retry, sentence) CAUSE_##name,
#include "base/err.def"
#undef CAUSE
	CAUSE_COUNT
};

enum retry { RETRY_NEVER, RETRY_LATER };

/* Longest text an error carries, with its NUL; longer ones are cut. */
#define ERR_TEXT_MAX 1024

struct err {
	enum cause cause;
	int os_errno;			/* 0 when no system call failed */
	char text[ERR_TEXT_MAX];	/* one line, printable, never a secret */
};

/* A cause's row of err.def. */
struct cause_row {
	const char *name;
	int exit_code;			/* sysexits.h */
	enum retry retry;
	const char *sentence;
};

/* Never NULL; the row of CAUSE_NONE has exit code 0. */
const struct cause_row *cause_row(enum cause cause);

/*
 * Fills *e and returns false, so that a function can end with
 * `return err_set(e, CAUSE_X, …)`.  The formatted text is sanitised: control bytes
 * and broken UTF-8 from servers, files or arguments cannot reach a terminal.
 */
bool err_set(struct err *e, enum cause cause, const char *format, ...) RELAY_PRINTF(3, 4);

/* The same, with ": " and the text of the present errno added. */
bool err_errno(struct err *e, enum cause cause, const char *format, ...) RELAY_PRINTF(3, 4);

/* Puts "context: " before the text that is there.  Returns false. */
bool err_ctx(struct err *e, const char *format, ...) RELAY_PRINTF(2, 3);

/* The error is that something did not come in time. */
bool err_is_timeout(const struct err *e);

/* A broken invariant: one line on stderr, then _exit(EX_SOFTWARE). */
_Noreturn void bug(const char *file, int line, const char *what);
#define BUG_ON(condition) ((condition) ? bug(__FILE__, __LINE__, #condition) : (void)0)

#endif
