/* SPDX-License-Identifier: ISC */
/*
 * fuzz_config: any bytes as a relayrc.  What is accepted can be checked, chosen from and
 * printed, and what is printed is accepted again and means the same.
 */
#include "conf/conf.h"
#include "conf/parse.h"
#include "conf/route.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct conf_env env = { .home = "/home/me" };

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

static void print_and_read_again(const struct account *a)
{
	struct conf again;
	struct buf text;
	struct err e = { 0 };

	buf_init(&text, 64u << 20);
	require(conf_print(a, &text));
	conf_init(&again);
	require(parse_text(&again, buf_span(&text), "again", NULL, &env, &e));
	require(again.count == 1);
	for (size_t i = 0; i < KEY_COUNT; i++) {
		enum key key = (enum key)i;
		const char *before = conf_text(a, key),
			   *after = conf_text(&again.accounts[0], key);
		require(!before == !after);
		require(conf_number(a, key) == conf_number(&again.accounts[0], key));
		const struct conf_value *line = conf_value(a, key)->next,
					*other = conf_value(&again.accounts[0], key)->next;
		for (; line && other; line = line->next, other = other->next) {
			require(strcmp(line->text, other->text) == 0);
		}
		require(!line && !other);
	}
	conf_clear(&again);
	buf_clear(&text);
}

/* Who is found takes the recipient, and has a chain that begins with it, or an error. */
static void find_routes(struct conf *c)
{
	static const char *const recipients[] = { "me+detail@example.org", "a@b.example.com",
						  "root" };
	const struct account *chain[ROUTE_CHAIN_MAX];
	struct routes *r = routes_new(c);
	struct route route;
	struct err e = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < sizeof(recipients) / sizeof(recipients[0]); i++) {
		if (!routes_find(r, NULL, NULL, recipients[i], &route, &e)) {
			require(e.cause == CAUSE_CONFIG);
			continue;
		}
		require(!conf_is_hidden(c, route.account));
		require((route.why == ROUTE_TO) == (route.key == KEY_TO && route.pattern[0]));
		if (route_chain(c, route.account, chain, &count, &e)) {
			require(count > 0 && count <= ROUTE_CHAIN_MAX &&
				chain[0] == route.account);
		} else {
			require(e.cause == CAUSE_CONFIG && e.text[0]);
		}
	}
	routes_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf c;
	struct err e = { 0 };

	conf_init(&c);
	bool ok = parse_text(&c, span_of(data, size), "rc", NULL, &env, &e);
	require(ok || (e.cause == CAUSE_CONFIG && e.text[0]));
	for (size_t i = 0; ok && i < c.count && i < 8; i++) {
		struct account *a = &c.accounts[i];
		bool fits = conf_check(a, &e);
		require(fits || e.cause == CAUSE_CONFIG);
		require(conf_choose(&c, a->name, NULL, &e));
		struct account *chosen =
			conf_choose(&c, NULL, "me+detail@example.org", &e);
		require(!chosen || conf_port(chosen) <= 65535);
		print_and_read_again(a);
	}
	if (ok && c.count > 0) {
		find_routes(&c);
	}
	conf_clear(&c);
	return 0;
}
