/* SPDX-License-Identifier: ISC */
/* fuzz_reply: replies, capabilities, and what is printed of them. */
#include "fuzz.h"

#include "base/text.h"
#include "smtp/caps.h"
#include "smtp/reply.h"
#include "smtp/verdict.h"

static void check_printed(const struct reply *r)
{
	char line[300], small[7];

	reply_line(r, line, sizeof(line));
	reply_line(r, small, sizeof(small));
	MUST(text_is_utf8(span_str(line)) && !text_has_line_break(span_str(line)));
	MUST(strlen(small) < sizeof(small));
}

static void check_caps(const struct reply *r)
{
	struct smtp_caps caps;

	caps_parse(&caps, buf_span(&r->text));
	size_t n = strlen(caps.mechanisms);
	MUST(n < sizeof(caps.mechanisms));
	MUST(n == 0 ||
	     (caps.auth && caps.mechanisms[0] != ' ' && caps.mechanisms[n - 1] != ' '));
}

static void check_outcome(const struct reply *r)
{
	for (enum verb v = VERB_NONE + 1; r->code >= 400 && v < VERB_COUNT; v++) {
		struct outcome o;
		outcome_of_reply(&o, v, r);
		MUST(o.verdict == VERDICT_TEMPORARY || o.verdict == VERDICT_PERMANENT);
		MUST((o.verdict == VERDICT_PERMANENT) ==
		     (cause_row(o.cause)->retry == RETRY_NEVER));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct reply r;
	struct err e;
	size_t used = 0;

	reply_init(&r);
	while (in.size > 0 && reply_parse(&r, in, &used, &e) == REPLY_DONE) {
		MUST(used > 0 && used <= in.size && in.data[used - 1] == '\n');
		MUST(r.code >= 200 && r.code <= 599 && r.lines >= 1);
		MUST(strlen(r.enhanced) < sizeof(r.enhanced));
		check_printed(&r);
		check_caps(&r);
		check_outcome(&r);
		/* The same bytes without what follows say the same; without the last,
		 * nothing. */
		size_t again;
		int code = r.code;
		MUST(reply_parse(&r, span_first(in, used), &again, &e) == REPLY_DONE);
		MUST(again == used && r.code == code);
		MUST(reply_parse(&r, span_first(in, used - 1), &again, &e) == REPLY_MORE);
		in = span_from(in, used);
	}
	reply_clear(&r);
	return 0;
}
