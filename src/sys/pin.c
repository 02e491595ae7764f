/* SPDX-License-Identifier: ISC */
/* pin: see pin.h.  Pure: it never sees a certificate, only hashes and their text. */
#include "sys/pin.h"
#include "base/text.h"

static int hex_value(char c)
{
	c = text_lower(c);
	return text_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool pin_parse(struct pin *pin, struct span text)
{
	pin->size = 0;
	while (text.size > 0) {
		int high = hex_value(text.data[0]);
		int low = text.size > 1 ? hex_value(text.data[1]) : -1;
		if (high < 0 || low < 0 || pin->size == PIN_MAX) {
			return false;
		}
		pin->bytes[pin->size++] = (unsigned char)(high << 4 | low);
		text = span_from(text, 2);
		/* A colon only between two bytes. */
		if (text.size > 1 && text.data[0] == ':') {
			text = span_from(text, 1);
		}
	}
	return pin->size == 32 || pin->size == 20 || pin->size == 16;
}

bool pin_equal(const struct pin *a, const struct pin *b)
{
	unsigned char difference = 0;

	for (size_t i = 0; i < a->size && i < b->size; i++) {
		difference |= a->bytes[i] ^ b->bytes[i];
	}
	return a->size > 0 && a->size == b->size && difference == 0;
}

void pin_format(const struct pin *pin, char text[PIN_TEXT_MAX])
{
	static const char digits[] = "0123456789ABCDEF";

	text[0] = '\0';
	for (size_t i = 0; i < pin->size; i++) {
		text[3 * i] = digits[pin->bytes[i] >> 4];
		text[3 * i + 1] = digits[pin->bytes[i] & 15];
		text[3 * i + 2] = i + 1 < pin->size ? ':' : '\0';
	}
}
