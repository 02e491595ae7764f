/* SPDX-License-Identifier: ISC */
/* duration: see duration.h.  Must never know a setting. */
#include "conf/duration.h"
#include "base/text.h"

/* 0: no unit. */
static long unit_seconds(char unit)
{
	static const struct {
		char letter;
		long seconds;
	} units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i].letter == text_lower(unit)) {
			return units[i].seconds;
		}
	}
	return 0;
}

/* Takes one number and its unit off text, and adds them to *sum, which is at most max. */
static enum duration take(struct span *text, char unit, long max, long *sum)
{
	unsigned long long number;
	size_t digits = 0;

	while (digits < text->size && text_is_digit(text->data[digits])) {
		digits++;
	}
	struct span written = span_first(*text, digits);
	*text = span_from(*text, digits);
	if (text->size > 0) {
		unit = text->data[0];
		*text = span_from(*text, 1);
	}
	long seconds = unit_seconds(unit);
	if (digits == 0 || seconds == 0) {
		return DURATION_MALFORMED;
	}
	unsigned long long most = (unsigned long long)((max - *sum) / seconds);
	if (!text_unsigned(written, most, &number)) {
		return DURATION_TOO_LONG;
	}
	*sum += (long)number * seconds;
	return DURATION_GOOD;
}

enum duration duration_parse(struct span text, char unit, long max, long *ret_seconds)
{
	long seconds = 0;
	enum duration result = take(&text, unit, max, &seconds);

	if (text.size > 0) {
		return DURATION_MALFORMED;
	}
	if (result == DURATION_GOOD) {
		*ret_seconds = seconds;
	}
	return result;
}

enum duration duration_parse_sum(struct span text, char unit, long max,
				 long *ret_seconds)
{
	enum duration worst = DURATION_GOOD;
	long seconds = 0;

	do {
		enum duration result = take(&text, unit, max, &seconds);
		if (result == DURATION_MALFORMED) {
			return result;
		}
		worst = result == DURATION_GOOD ? worst : result;
	} while (text.size > 0);
	if (worst == DURATION_GOOD) {
		*ret_seconds = seconds;
	}
	return worst;
}
