/* SPDX-License-Identifier: ISC */
/*
 * Replays every dialogue of tests/transcripts into the client engine: with the server's
 * bytes whole, cut in two at every place, and one by one.  What the engine writes and what
 * it decides must be what the file says, each time.
 */
#include "unit.h"

#include "checks.h"

#include <dirent.h>
#include <errno.h>

#define WRITE_TARGET ((size_t)512 * 1024)

/* -- bytes ----------------------------------------------------------------------------- */

static bool is_secret_right(const struct smtp_action *a, const char *secret)
{
	for (size_t i = 0; i < a->data.size; i++) {
		bool is_in = i >= a->secret_from && i - a->secret_from < a->secret_size;
		if (is_in != (bool)secret[i]) {
			return false;
		}
	}
	return a->secret_from + a->secret_size <= a->data.size;
}

static bool is_handed_over(const struct step *s)
{
	return s->kind == STEP_MESSAGE && s->message->is_next;
}

/* All C: and !body steps in a row: one flight, and one write if it is not too large. */
static bool run_flight(struct run *r, size_t *i)
{
	const struct step *first = &r->t->steps[*i];
	BUF_AUTO struct buf all, secret;
	size_t at = 0, writes = 0;
	bool fits = true;

	buf_init(&all, SIZE_MAX);
	buf_init(&secret, SIZE_MAX);
	for (; *i < r->t->count; (*i)++) {
		const struct step *s = &r->t->steps[*i];
		if (is_handed_over(s)) {
			continue;
		}
		if (s->kind != STEP_CLIENT && s->kind != STEP_BODY) {
			break;
		}
		fits = fits && buf_add_span(&all, buf_span(&s->bytes)) &&
		       buf_add_span(&secret, buf_span(&s->secret));
		while (fits && secret.size < all.size) {
			fits = buf_add_byte(&secret, 0);
		}
	}
	assert_true(fits);
	for (; at < all.size; writes++) {
		struct smtp_action a;
		if (!checks_expect(r, first, SMTP_WRITE, &a)) {
			return false;
		}
		if (a.data.size > all.size - at ||
		    memcmp(a.data.data, all.data + at, a.data.size)) {
			return wrong(
				r, first, "expected\n%.*s\nbut the engine writes\n%.*s",
				SPAN_ARG(span_first(span_from(buf_span(&all), at), 200)),
				SPAN_ARG(span_first(a.data, 200)));
		}
		if (!is_secret_right(&a, secret.data + at)) {
			return wrong(r, first, "the wrong bytes are marked as secret");
		}
		at += a.data.size;
		smtp_client_wrote(r->c);
	}
	return writes == 1 || all.size > WRITE_TARGET ||
	       wrong(r, first, "%zu writes for one flight", writes);
}

static bool run_server(struct run *r, const struct step *s)
{
	struct span left = buf_span(&s->bytes);
	struct smtp_action a = r->is_early ? caller_next(r)
				      : caller_drive(r, SMTP_READ);

	if (!r->is_early && a.kind == SMTP_WRITE) {
		return wrong(r, s, "the engine writes \"%.*s\"", SPAN_ARG(a.data));
	}
	if (a.kind == SMTP_READ && a.timeout_s == 0) {
		return wrong(r, s, "READ without a timeout");
	}
	while (left.size > 0) {
		size_t n = left.size;
		if (r->is_bytewise) {
			n = 1;
		} else if (r->cut > r->fed && r->cut - r->fed < n) {
			n = r->cut - r->fed;
		}
		smtp_client_feed(r->c, span_first(left, n));
		left = span_from(left, n);
		r->fed += n;
		/* What is already on its way comes before what the engine wants now. */
		(void)caller_next(r);
	}
	r->is_early = false;
	return true;
}

/* -- the caller's part ----------------------------------------------------------------- */

static bool run_auth(struct run *r, const struct step *s)
{
	struct span initial = buf_span(&s->bytes);
	struct smtp_action a;

	if (!checks_expect(r, s, SMTP_AUTH, &a)) {
		return false;
	}
	if (!strstr(a.caps->mechanisms, s->word)) {
		return wrong(r, s, "%s is not among \"%s\"", s->word, a.caps->mechanisms);
	}
	smtp_client_auth(r->c, s->word, s->has_initial ? &initial : NULL, s->is_single);
	return true;
}

static bool run_challenge(struct run *r, const struct step *s)
{
	struct smtp_action a;

	if (!checks_expect(r, s, SMTP_STEP, &a)) {
		return false;
	}
	if (!span_equal(a.data, buf_span(&s->bytes))) {
		return wrong(r, s, "the challenge is \"%.*s\"", SPAN_ARG(a.data));
	}
	smtp_client_auth_reply(r->c, buf_span(&s->answer), s->is_single);
	return true;
}

static bool run_caller(struct run *r, const struct step *s)
{
	struct smtp_action a;
	struct err e;

	switch (s->kind) {
	case STEP_MESSAGE:
		caller_submit(r, s->message);
		return true;
	case STEP_QUIT:
		smtp_client_quit(r->c);
		return true;
	case STEP_TLS:
		if (!checks_expect(r, s, SMTP_TLS, &a)) {
			return false;
		}
		smtp_client_tls_done(r->c);
		return true;
	case STEP_VERIFY:
		if (!checks_expect(r, s, SMTP_VERIFY, &a)) {
			return false;
		}
		smtp_client_auth_verified(r->c);
		return true;
	case STEP_CANCEL:
		(void)caller_drive(r, SMTP_READ);
		err_set(&e, CAUSE_AUTH, "%s", s->text);
		smtp_client_auth_cancel(r->c, &e);
		return true;
	case STEP_EARLY:
		r->is_early = true;
		return true;
	default:
		(void)caller_next(r);
		err_set(&e, CAUSE_LOST, "%s", s->text);
		e.os_errno = s->kind == STEP_TIMEOUT ? ETIMEDOUT : 0;
		smtp_client_lost(r->c, &e);
		return true;
	}
}

static bool run_step(struct run *r, size_t *i)
{
	const struct step *s = &r->t->steps[*i];
	struct smtp_action a;

	if (is_handed_over(s)) {
		(*i)++;
		return true;
	}
	switch (s->kind) {
	case STEP_CLIENT:
	case STEP_BODY:
		return run_flight(r, i);
	case STEP_SERVER:
		(*i)++;
		return run_server(r, s);
	case STEP_IDLE:
	case STEP_DONE:
		(*i)++;
		return checks_expect(r, s, s->kind == STEP_IDLE ? SMTP_IDLE : SMTP_DONE, &a);
	case STEP_SETTLED:
		(*i)++;
		return checks_settled(r, s);
	case STEP_FAIL:
		(*i)++;
		return checks_fail(r, s);
	case STEP_OUTCOME:
		(*i)++;
		return checks_outcome(r, s);
	case STEP_AUTH:
		(*i)++;
		return run_auth(r, s);
	case STEP_CHALLENGE:
		(*i)++;
		return run_challenge(r, s);
	default:
		(*i)++;
		return run_caller(r, s);
	}
}

static void replay_once(struct run *r)
{
	bool is_right = true;

	r->c = smtp_client_new(&r->t->options);
	while (r->at < r->t->count && is_right) {
		is_right = run_step(r, &r->at);
	}
	if (is_right && !caller_is_done(r)) {
		const struct step *last = &r->t->steps[r->t->count - 1];
		is_right = wrong(r, last, "a message was not asked for, or not adapted");
	}
	smtp_client_free(r->c);
	caller_free(r);
	if (!is_right) {
		fail_msg("%s", r->error);
	}
}

/* QUIT said with the last message, and when it is asked for, must come to the same. */
static void replay(const struct transcript *t, size_t cut, bool is_bytewise)
{
	struct run early = { .t = t, .cut = cut, .is_bytewise = is_bytewise,
			     .quits_early = true };
	struct run asked = { .t = t, .cut = cut, .is_bytewise = is_bytewise };

	replay_once(&early);
	replay_once(&asked);
}

static size_t largest(const struct transcript *t)
{
	size_t size = 0;

	for (const struct message *m = t->messages; m; m = m->next) {
		size = m->body.size > size ? m->body.size : size;
	}
	return size;
}

static void a_dialogue(void **state)
{
	struct transcript t;
	char error[512];

	if (!transcript_read(&t, *state, error, sizeof(error))) {
		transcript_free(&t);
		fail_msg("%s", error);
	}
	enum step_kind end = t.count > 0 ? t.steps[t.count - 1].kind : STEP_EARLY;
	assert_true(end == STEP_IDLE || end == STEP_DONE || end == STEP_FAIL ||
		    end == STEP_OUTCOME);
	replay(&t, 0, false);
	if (t.is_whole) {
		transcript_free(&t);
		return;
	}
	replay(&t, 0, true);
	/* Where there is much to do, not at every place. */
	size_t cuts = largest(&t) > 100000 ? 20 : t.server_bytes > 20000 ? 100 : 5000;
	size_t step = 1 + t.server_bytes / cuts;
	for (size_t cut = 1; cut < t.server_bytes; cut += step) {
		replay(&t, cut, false);
	}
	transcript_free(&t);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct CMUnitTest *)a)->name,
		      ((const struct CMUnitTest *)b)->name);
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[500];
	static char paths[500][300];
	size_t count = 0;
	DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;

	for (struct dirent *f; dir && count < 500 && (f = readdir(dir));) {
		size_t n = strlen(f->d_name);
		bool is_wanted = argc < 3 || strstr(f->d_name, argv[2]);
		if (n > 5 && strcmp(f->d_name + n - 5, ".smtp") == 0 && is_wanted) {
			char *path = paths[count];
			snprintf(path, sizeof(paths[0]), "%s/%s", argv[1], f->d_name);
			tests[count++] =
				(struct CMUnitTest){.name = strrchr(path, '/') + 1,
						    .test_func = a_dialogue,
						    .initial_state = path};
		}
	}
	if (count == 0) {
		fprintf(stderr, "usage: test_transcripts DIRECTORY [PART OF A NAME]\n");
		return 2;
	}
	closedir(dir);
	qsort(tests, count, sizeof(tests[0]), by_name);
	return _cmocka_run_group_tests("transcripts", tests, count, NULL, NULL);
}
