/* SPDX-License-Identifier: ISC */
/* conf_unit: relayrc text in a C string, for the tests of conf. */
#ifndef TESTS_CONF_UNIT_H
#define TESTS_CONF_UNIT_H

#include "unit.h"

#include "conf/conf.h"
#include "conf/parse.h"

static const struct conf_env test_env = { .home = "/home/me" };

/* The text must be good.  Returns the account, "default" for NULL. */
static inline struct account *good(struct conf *c, const char *text, const char *name)
{
	struct err e = { 0 };
	struct account *a;

	conf_init(c);
	if (!parse_text(c, span_str(text), "rc", NULL, &test_env, &e)) {
		fail_msg("%s\n%s", e.text, text);
	}
	a = conf_choose(c, name ? name : "default", NULL, &e);
	if (!a) {
		fail_msg("%s\n%s", e.text, text);
	}
	return a;
}

/* The text must be refused with just this error. */
static inline void refused(const char *text, const char *error)
{
	struct conf c;
	struct err e = { 0 };

	conf_init(&c);
	if (parse_text(&c, span_str(text), "rc", NULL, &test_env, &e)) {
		fail_msg("accepted: %s", text);
	}
	assert_string_equal(e.text, error);
	assert_int_equal(e.cause, CAUSE_CONFIG);
	conf_clear(&c);
}

#endif
