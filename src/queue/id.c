/* SPDX-License-Identifier: ISC */
/* id: see id.h.  Pure: the caller brings the time and the chance. */
#include "queue/id.h"
#include "base/text.h"

/* In ASCII order, and without letters that are taken for digits or for each other. */
static const char digits[] = "0123456789ABCDEFGHJKLMNPQRSTVWXY";

enum { SECONDS_DIGITS = 7, MICRO_DIGITS = 4, CHANCE_DIGITS = 4 };

static char *add_number(char *to, uint64_t value, int count)
{
	for (int i = count - 1; i >= 0; i--) {
		to[i] = digits[value & 31];
		value >>= 5;
	}
	return to + count;
}

/* The value of a digit, or -1. */
static int digit_value(char c)
{
	const char *found = c ? memchr(digits, c, sizeof(digits) - 1) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* The same question, without a search: a queue of 50,000 asks it a million times. */
static bool is_digit(char c)
{
	return (c >= '0' && c <= '9') ||
	       (c >= 'A' && c <= 'Y' && c != 'I' && c != 'O' && c != 'U');
}

void queue_id_make(char id[QUEUE_ID_MAX], int64_t now_us, uint32_t random)
{
	const uint64_t seconds_max = ((uint64_t)1 << (5 * SECONDS_DIGITS)) - 1;
	uint64_t us = now_us < 0 ? 0 : (uint64_t)now_us;
	uint64_t seconds = us / 1000000;
	char *to = id;

	to = add_number(to, seconds > seconds_max ? seconds_max : seconds, SECONDS_DIGITS);
	to = add_number(to, us % 1000000, MICRO_DIGITS);
	to = add_number(to, random, CHANCE_DIGITS);
	*to = '\0';
}

bool queue_id_is(struct span name)
{
	if (name.size != QUEUE_ID_MAX - 1) {
		return false;
	}
	for (size_t i = 0; i < name.size; i++) {
		if (!is_digit(name.data[i])) {
			return false;
		}
	}
	return true;
}

int64_t queue_id_time(const char *id)
{
	int64_t seconds = 0;

	for (int i = 0; i < SECONDS_DIGITS; i++) {
		int value = digit_value(id[i]);
		if (value < 0) {
			return 0;
		}
		seconds = seconds * 32 + value;
	}
	return seconds;
}

bool queue_id_matches(const char *id, struct span part)
{
	struct span whole = span_str(id);

	if (part.size == 0 || part.size > whole.size) {
		return false;
	}
	return text_equal_fold(span_first(whole, part.size), part) ||
	       text_equal_fold(span_from(whole, whole.size - part.size), part);
}
