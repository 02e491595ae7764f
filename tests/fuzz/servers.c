/* SPDX-License-Identifier: ISC */
/*
 * servers: makes up servers and lets fuzz_client talk to them: plausible capabilities, then
 * replies that come in any order and at any time.  Finds what needs several right replies
 * before the wrong one.  The same numbers give the same servers.
 *
 *	fuzz_servers COUNT [SEED]	with -v as third word each one is printed before it
 */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

struct maker {
	uint64_t state;
	char text[16384];
	size_t size;
};

static unsigned pick(struct maker *m, unsigned below)
{
	m->state ^= m->state << 13;
	m->state ^= m->state >> 7;
	m->state ^= m->state << 17;
	return (unsigned)(m->state >> 11) % below;
}

static void add(struct maker *m, const char *text)
{
	size_t size = strlen(text);

	MUST(m->size + size < sizeof(m->text));
	memcpy(m->text + m->size, text, size);
	m->size += size;
}

static void add_reply(struct maker *m, const char *reply)
{
	add(m, "S: ");
	add(m, reply);
	add(m, "\n");
}

static void add_ehlo(struct maker *m)
{
	static const char *const caps[] = {
		"250-PIPELINING",	"250-CHUNKING",		"250-AUTH PLAIN LOGIN",
		"250-AUTH LOGIN",	"250-SIZE 1000",	"250-SIZE 10",
		"250-8BITMIME",		"250-SMTPUTF8",		"250-DSN",
		"250-LIMITS RCPTMAX=1", "250-LIMITS RCPTMAX=2", "250-STARTTLS",
	};

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		if (pick(m, 4) > (i < 3 ? 0 : 2)) {
			add_reply(m, caps[i]);
		}
	}
	add_reply(m, "250 ENHANCEDSTATUSCODES");
	add(m, "=\n");
}

static void add_replies(struct maker *m)
{
	static const char *const replies[] = {
		"250 ok",
		"250 2.1.5 ok",
		"250 ok",
		"250 ok",
		"250 ok",
		"235 ok",
		"235 ok",
		"354 go",
		"354 go",
		"334 eA==",
		"334 ",
		"503 5.5.1 sequence",
		"500 what",
		"502 5.5.1 no",
		"550 5.1.1 no",
		"550 5.7.1 no",
		"450 4.1.1 later",
		"421 4.3.2 bye",
		"452 4.5.3 too many",
		"452 4.3.1 full",
		"452 too many",
		"552 too many",
		"530 5.7.0 login",
		"535 5.7.8 bad",
		"554 5.5.1 none",
		"504 5.5.4 what",
		"220 hi",
		"221 bye",
		"251 ok",
		"501 what",
		"200 ok",
	};
	bool is_friendly = pick(m, 3) > 0;

	for (unsigned blocks = 1 + pick(m, 14); blocks > 0; blocks--) {
		for (unsigned n = 1 + pick(m, 6); n > 0; n--) {
			unsigned i = pick(m, sizeof(replies) / sizeof(replies[0]));
			add_reply(m, replies[is_friendly && pick(m, 3) > 0 ? 0 : i]);
		}
		add(m, pick(m, 30) > 0 ? "=\n" : pick(m, 2) ? "!lost\n" : "!timeout\n");
	}
}

static void make(struct maker *m)
{
	static const char *const tls[] = {"", "tls=starttls", "tls=implicit",
					  "tls=implicit"};
	static const char *const in_flight[] = {"", " in-flight=2", " in-flight=3",
						" in-flight=5"};
	unsigned i = pick(m, 4);

	m->size = 0;
	add(m, "%client ");
	add(m, tls[i]);
	add(m, i > 0 && pick(m, 3) > 0 ? " auth" : "");
	add(m, pick(m, 6) > 0 ? "" : " lmtp");
	add(m, pick(m, 4) > 0 ? "" : " eager=1");
	add(m, pick(m, 8) > 0 ? "" : " avoid=auth");
	add(m, in_flight[pick(m, 4)]);
	add(m, "\nS: 220 hi\n=\n");
	add_ehlo(m);
	if (i == 1) {
		add(m, "S: 220 go\n=\n");
		add_ehlo(m);
	}
	add_replies(m);
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	struct maker m = { .state = 88172645463325252ull };

	m.state ^= (argc > 2 ? strtoul(argv[2], NULL, 10) : 1) * 0x9e3779b97f4a7c15ull;
	while (count-- > 0) {
		make(&m);
		if (argc > 3) {
			fprintf(stderr, "--\n%.*s", (int)m.size, m.text);
		}
		LLVMFuzzerTestOneInput((const uint8_t *)m.text, m.size);
	}
	return 0;
}
