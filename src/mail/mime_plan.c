/* SPDX-License-Identifier: ISC */
/* mime_plan: RFC 2045 §6.1: which encoding, and the fields that name it. */
#include "mail/mime_plan.h"
#include "base/text.h"
#include "mail/field.h"

enum { CHARSET_SHIFT = 3, LABEL_BIT = 0x40, FIELD_MASK = 7 };

_Static_assert(MIME_CODING_COUNT <= FIELD_MASK + 1, "it fits");
_Static_assert(MIME_CHARSET_COUNT <= FIELD_MASK + 1, "it fits");

unsigned char mime_plan_pack(const struct mime_plan *p)
{
	return (unsigned char)((unsigned)p->coding | (unsigned)p->charset << CHARSET_SHIFT |
			       (p->is_labelled ? LABEL_BIT : 0u));
}

struct mime_plan mime_plan_unpack(unsigned char byte)
{
	return (struct mime_plan){
		.coding = (enum mime_coding)(byte & FIELD_MASK),
		.charset = (enum mime_charset)(byte >> CHARSET_SHIFT & FIELD_MASK),
		.is_labelled = (byte & LABEL_BIT) != 0,
	};
}

const char *mime_plan_trouble(const struct mime_stat *s, bool is_7bit, uint64_t *ret_line)
{
	*ret_line = s->long_at;
	if (s->longest_line > FIELD_LINE_MAX) {
		return "a line of more than 998 octets";
	}
	*ret_line = s->nul_at;
	if (s->has_nul) {
		return "a NUL";
	}
	*ret_line = s->high_at;
	return s->is_8bit && is_7bit ? "8-bit text, which the server does not take" : NULL;
}

static enum mime_charset charset_of_text(const struct mime_stat *s)
{
	return s->is_8bit ? (s->is_broken ? MIME_CHARSET_UNKNOWN : MIME_CHARSET_UTF8)
	       : s->has_jis ? MIME_CHARSET_JIS
			    : MIME_CHARSET_ASCII;
}

bool mime_plan_leaf(const struct mime_head *h, const struct mime_stat *s, bool is_7bit,
		    bool is_top, struct mime_plan *ret_plan)
{
	bool is_silent = is_top && !h->is_signed && s->is_8bit;

	uint64_t line;

	bool is_wrong = is_silent && h->claims_ascii && mime_head_is_identity(h);

	*ret_plan = (struct mime_plan){
		.coding = MIME_AS_IS,
		.charset = is_wrong ? charset_of_text(s) : MIME_CHARSET_NONE,
	};
	if (!mime_plan_trouble(s, is_7bit, &line) && !(is_silent && mime_head_is_undeclared(h))) {
		ret_plan->is_labelled = is_silent && h->encoding == MIME_NONE;
		return true;
	}
	if (h->encoding == MIME_QUOTED || h->encoding == MIME_BASE64) {
		ret_plan->coding = h->encoding == MIME_QUOTED ? MIME_AGAIN_QUOTED
							      : MIME_AGAIN_BASE64;
		return true;
	}
	ret_plan->coding = mime_stat_wants_base64(s) ? MIME_TO_BASE64 : MIME_TO_QUOTED;
	if (!h->has_type) {
		ret_plan->charset = charset_of_text(s);
	}
	return mime_head_is_identity(h);
}

/* What Content-Transfer-Encoding is to say; NULL: what it says now. */
static const char *new_encoding(const struct mime_plan *p, const struct mime_head *h,
				bool is_7bit)
{
	bool says_8bit = h->encoding == MIME_8BIT || h->encoding == MIME_BINARY;

	switch (p->coding) {
	case MIME_TO_QUOTED:
		return "quoted-printable";
	case MIME_TO_BASE64:
		return "base64";
	case MIME_AGAIN_QUOTED:
	case MIME_AGAIN_BASE64:
	case MIME_UNREAD:
	case MIME_UNREAD_7BIT:
	case MIME_CODING_COUNT:
		return NULL;
	case MIME_AS_IS:
		break;
	}
	if (p->is_labelled) {
		return "8bit";
	}
	return is_7bit && says_8bit && h->kind != MIME_SEALED ? "7bit" : NULL;
}

static bool add_type(const struct mime_plan *p, struct buf *out)
{
	static const char *const charsets[MIME_CHARSET_COUNT] = {
		[MIME_CHARSET_ASCII] = "us-ascii",
		[MIME_CHARSET_UTF8] = "UTF-8",
		[MIME_CHARSET_UNKNOWN] = "unknown-8bit",
		[MIME_CHARSET_JIS] = "ISO-2022-JP",
	};

	return buf_printf(out, "Content-Type: text/plain; charset=%s\r\n",
			  charsets[p->charset]);
}

/*
 * The fields that came: all but Content-Transfer-Encoding and a wrong Content-Type, which
 * are set at their places.
 */
static bool add_fields(const struct mime_plan *p, const struct mime_head *h,
		       struct span header, bool is_7bit, const char *encoding,
		       bool *ret_is_set, struct buf *out)
{
	struct header_field field;
	bool has_type = p->charset == MIME_CHARSET_NONE;

	while (header_next(&header, &field)) {
		bool ok;
		if (encoding &&
		    text_equal_fold(field.name, span_str("Content-Transfer-Encoding"))) {
			ok = *ret_is_set ||
			     buf_printf(out, "Content-Transfer-Encoding: %s\r\n", encoding);
			*ret_is_set = true;
		} else if (!has_type && text_equal_fold(field.name, span_str("Content-Type"))) {
			ok = add_type(p, out);
			has_type = true;
		} else if (repair_field_needs(&field, is_7bit)) {
			ok = repair_field(&field, span_str(h->charset), out);
		} else {
			ok = buf_add_span(out, field.whole);
		}
		if (!ok) {
			return false;
		}
	}
	return true;
}

bool mime_plan_add_header(const struct mime_plan *p, const struct mime_head *h,
			  struct span header, bool is_7bit, bool is_message,
			  struct buf *out)
{
	const char *encoding = new_encoding(p, h, is_7bit);
	bool is_set = false;

	if (!add_fields(p, h, header, is_7bit, encoding, &is_set, out)) {
		return false;
	}
	bool add_version = is_message && !h->has_version &&
			   (encoding || p->charset != MIME_CHARSET_NONE);
	return (!add_version || buf_add_str(out, "MIME-Version: 1.0\r\n")) &&
	       (p->charset == MIME_CHARSET_NONE || h->has_type || add_type(p, out)) &&
	       (!encoding || is_set ||
		buf_printf(out, "Content-Transfer-Encoding: %s\r\n", encoding));
}
