/* SPDX-License-Identifier: ISC */
/*
 * pattern: see pattern.h.  A pattern is an automaton with a state before each piece and one
 * at the end, so a set of states is a word of 64 bits.  All of `inner` is walked through,
 * together with the states that `outer` can be in; where inner can end, outer must, too.
 */
#include "conf/pattern.h"
#include "base/text.h"

/* Pairs of states that are looked at. */
enum { PAIRS_MAX = 2048 };

/* What takes as long as one step(): a look at so many pairs; all letters take so many. */
enum { PAIRS_A_STEP = 16, LETTERS_STEPS = 512 };

static void set_add(struct pattern_piece *piece, unsigned char c)
{
	piece->set[c / 64] |= (uint64_t)1 << c % 64;
}

static bool set_has(const struct pattern_piece *piece, unsigned char c)
{
	return piece->set[c / 64] >> c % 64 & 1;
}

static bool is_upper(unsigned char c)
{
	return text_lower((char)c) != (char)c;
}

/* The bytes of "[…]" at text; 0 when no ']' ends it. */
static size_t set_size(const char *text)
{
	const char *p = text + 1;

	p += *p == '!' || *p == '^';
	for (bool is_first = true; *p && (is_first || *p != ']'); is_first = false) {
		p++;
		if (p[0] == '-' && p[1] && p[1] != ']') {
			p += 2;
		}
	}
	return *p == ']' ? (size_t)(p - text) + 1 : 0;
}

/* What text_match says of each byte is the truth. */
static void read_piece(struct pattern_piece *piece, const char *text, size_t size)
{
	char alone[512];

	if (size >= sizeof(alone)) {
		size = 0;
	}
	memcpy(alone, text, size);
	alone[size] = '\0';
	for (unsigned c = 1; c < 256; c++) {
		char byte = (char)c;
		if (!is_upper((unsigned char)c) && text_match(alone, span_of(&byte, 1))) {
			set_add(piece, (unsigned char)c);
		}
	}
}

bool pattern_read(struct pattern *p, const char *text, bool is_literal)
{
	*p = (struct pattern){ .is_literal = is_literal };
	while (*text) {
		if (p->count == PATTERN_MAX) {
			return false;
		}
		struct pattern_piece *piece = &p->at[p->count++];
		size_t size = !is_literal && *text == '[' ? set_size(text) : 0;
		if (!is_literal && *text == '*') {
			piece->is_star = true;
		} else if (size > 0 || (!is_literal && *text == '?')) {
			read_piece(piece, text, size ? size : 1);
		} else {
			set_add(piece, (unsigned char)text_lower(*text));
		}
		text += size ? size : 1;
	}
	return true;
}

/* A star may also match nothing. */
static uint64_t past_stars(const struct pattern *p, uint64_t states)
{
	for (size_t i = 0; i < p->count; i++) {
		if (states >> i & 1 && p->at[i].is_star) {
			states |= (uint64_t)1 << (i + 1);
		}
	}
	return states;
}

static uint64_t step(const struct pattern *p, uint64_t states, unsigned char c)
{
	uint64_t next = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (!(states >> i & 1)) {
			continue;
		}
		if (p->at[i].is_star) {
			next |= (uint64_t)1 << i;
		} else if (set_has(&p->at[i], c)) {
			next |= (uint64_t)1 << (i + 1);
		}
	}
	return past_stars(p, next);
}

static bool is_end(const struct pattern *p, uint64_t states)
{
	return states >> p->count & 1;
}

/* False: there is not so much left. */
static bool spend(size_t *work, size_t steps)
{
	bool is_enough = *work >= steps;

	*work -= is_enough ? steps : *work;
	return is_enough;
}

/* One text that inner matches: most pairs of patterns are told apart by it. */
static bool takes_sample(const struct pattern *outer, const struct pattern *inner, size_t *work)
{
	uint64_t states = past_stars(outer, 1);

	for (size_t i = 0; i < inner->count && states; i++) {
		unsigned c = 1;
		if (inner->at[i].is_star) {
			continue;
		}
		if (!spend(work, 1)) {
			return false;
		}
		while (c < 255 && !set_has(&inner->at[i], (unsigned char)c)) {
			c++;
		}
		states = step(outer, states, (unsigned char)c);
	}
	return is_end(outer, states);
}

/* Bytes that stand for all the others: no piece tells them apart. */
static size_t find_letters(const struct pattern *a, const struct pattern *b,
			   unsigned char letters[256])
{
	uint64_t seen[256][2];
	size_t count = 0;

	for (unsigned c = 1; c < 256; c++) {
		uint64_t in[2] = { 0 };
		size_t k = 0;
		for (size_t i = 0; i < a->count; i++) {
			in[0] |= (uint64_t)set_has(&a->at[i], (unsigned char)c) << i;
		}
		for (size_t i = 0; i < b->count; i++) {
			in[1] |= (uint64_t)set_has(&b->at[i], (unsigned char)c) << i;
		}
		while (k < count && (seen[k][0] != in[0] || seen[k][1] != in[1])) {
			k++;
		}
		if (k == count && !is_upper((unsigned char)c)) {
			seen[count][0] = in[0];
			seen[count][1] = in[1];
			letters[count++] = (unsigned char)c;
		}
	}
	return count;
}

struct pair {
	size_t inner;		/* its one state */
	uint64_t outer;		/* all of its states */
};

struct walk {
	const struct pattern *outer, *inner;
	struct pair pairs[PAIRS_MAX];
	size_t count;
	size_t *work;
};

/* False: no answer, the two are too hard. */
static bool reach(struct walk *w, size_t inner, uint64_t outer)
{
	if (!spend(w->work, 1 + w->count / PAIRS_A_STEP)) {
		return false;
	}
	for (size_t i = 0; i < w->count; i++) {
		if (w->pairs[i].inner == inner && w->pairs[i].outer == outer) {
			return true;
		}
	}
	if (w->count == PAIRS_MAX) {
		return false;
	}
	w->pairs[w->count++] = (struct pair){ inner, outer };
	return true;
}

static bool reach_all(struct walk *w, struct pair from, const unsigned char *letters,
		      size_t letter_count)
{
	const struct pattern_piece *piece = &w->inner->at[from.inner];
	bool ok = !piece->is_star || reach(w, from.inner + 1, from.outer);

	for (size_t i = 0; ok && i < letter_count; i++) {
		if (piece->is_star || set_has(piece, letters[i])) {
			ok = reach(w, from.inner + !piece->is_star,
				   step(w->outer, from.outer, letters[i]));
		}
	}
	return ok;
}

bool pattern_covers(const struct pattern *outer, const struct pattern *inner, size_t *work)
{
	unsigned char letters[256];
	struct walk w;

	w.outer = outer;
	w.inner = inner;
	w.count = 0;
	w.work = work;
	if (!takes_sample(outer, inner, work) || !spend(work, LETTERS_STEPS) ||
	    !reach(&w, 0, past_stars(outer, 1))) {
		return false;
	}
	size_t letter_count = find_letters(outer, inner, letters);
	for (size_t i = 0; i < w.count; i++) {
		bool is_last = w.pairs[i].inner == inner->count;
		if (is_last ? !is_end(outer, w.pairs[i].outer)
			    : w.pairs[i].outer == 0 ||
				      !reach_all(&w, w.pairs[i], letters, letter_count)) {
			return false;
		}
	}
	return true;
}
