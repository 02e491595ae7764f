/* SPDX-License-Identifier: ISC */
/* rewrite_id: message identifiers (RFC 5322 §3.6.4): new ones, and the one that is there. */
#include "base/text.h"
#include "mail/date.h"
#include "mail/rewrite.h"

/* Most bytes of the right side. */
enum { DOMAIN_MAX = 255 };

/* The right side of a Message-ID must be a dot-atom, whatever the setting holds. */
static bool add_id_domain(const char *domain, struct buf *out)
{
	size_t start = out->size;
	bool dot = false;

	for (const char *p = domain; p && *p && out->size - start < DOMAIN_MAX; p++) {
		bool is_plain = text_is_alpha(*p) || text_is_digit(*p) || *p == '-';
		if (*p == '.') {
			dot = out->size > start;
			continue;
		}
		if ((dot && !buf_add_byte(out, '.')) ||
		    !buf_add_byte(out, is_plain ? *p : '-')) {
			return false;
		}
		dot = false;
	}
	return out->size > start || buf_add_str(out, "localhost");
}

/* The time keeps IDs in order for people; 128 random bits make them unique. */
bool rewrite_add_id(struct buf *out, int64_t now, const unsigned char random[16],
		    const char *domain)
{
	struct civil c = date_civil(now);

	if (!buf_printf(out, "<%04d%02d%02d%02d%02d%02d.", c.year, c.month, c.day, c.hour,
			c.minute, c.second)) {
		return false;
	}
	for (size_t i = 0; i < 16; i++) {
		if (!buf_printf(out, "%02x", random[i])) {
			return false;
		}
	}
	return buf_add_byte(out, '@') && add_id_domain(domain, out) && buf_add_byte(out, '>');
}

struct span rewrite_message_id(struct span header)
{
	struct header_field field;

	if (!header_find(header, "Message-ID", &field)) {
		return span_of(NULL, 0);
	}
	struct span id = span_trim(field.value);
	const char *open = id.size ? memchr(id.data, '<', id.size) : NULL;
	if (open) {
		id = span_from(id, (size_t)(open - id.data));
	}
	for (size_t i = 0; i < id.size; i++) {
		if (strchr(" \t\r\n", id.data[i])) {
			return span_first(id, i);
		}
		if (id.data[i] == '>') {
			return span_first(id, i + 1);
		}
	}
	return id;
}
