/* SPDX-License-Identifier: ISC */
/*
 * mime_stat: counts.  Nearly all text is ASCII, so the loop for that is the short one.
 */
#include "mail/mime_stat.h"
#include "mail/field.h"

enum { QP_LINE = 75, BASE64_LINE = 57 };

void mime_stat_init(struct mime_stat *s)
{
	*s = (struct mime_stat){ 0 };
}

/* The first byte of a character of UTF-8 (RFC 3629 §4): what must follow? */
static void begin_character(struct mime_stat *s, unsigned char c)
{
	static const struct {
		unsigned char from, want, low, high;
	} rows[] = {
		{ 0xf5, 0, 0, 0 },	 { 0xf4, 3, 0x80, 0x8f }, { 0xf1, 3, 0x80, 0xbf },
		{ 0xf0, 3, 0x90, 0xbf }, { 0xee, 2, 0x80, 0xbf }, { 0xed, 2, 0x80, 0x9f },
		{ 0xe1, 2, 0x80, 0xbf }, { 0xe0, 2, 0xa0, 0xbf }, { 0xc2, 1, 0x80, 0xbf },
		{ 0x80, 0, 0, 0 },
	};
	size_t i = 0;

	while (c < rows[i].from) {
		i++;
	}
	s->want = rows[i].want;
	s->low = rows[i].low;
	s->high = rows[i].high;
	s->is_broken = s->is_broken || s->want == 0;
}

static void take_character(struct mime_stat *s, unsigned char c)
{
	if (s->want > 0 && c >= s->low && c <= s->high) {
		s->want--;
		s->low = 0x80;
		s->high = 0xbf;
		return;
	}
	s->is_broken = s->is_broken || s->want > 0;
	s->want = 0;
	if (c >= 0x80) {
		begin_character(s, c);
	}
}

/* ESC $, which begins double-byte text in ISO-2022-JP. */
static void find_jis(struct mime_stat *s, struct span text)
{
	if (text.size > 0 && s->escape && text.data[0] == '$') {
		s->has_jis = true;
	}
	s->escape = text.size > 0 && text.data[text.size - 1] == 0x1b;
	while (!s->has_jis && text.size > 0) {
		const char *escape = memchr(text.data, 0x1b, text.size);
		if (!escape) {
			return;
		}
		text = span_from(text, (size_t)(escape - text.data) + 1);
		s->has_jis = text.size > 0 && text.data[0] == '$';
	}
}

void mime_stat_feed(struct mime_stat *s, struct span text)
{
	size_t codes = 0;

	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		codes += c >= 0x7f || c == '=' || (c < ' ' && c != '\t');
		s->has_nul = s->has_nul || c == '\0';
		if (c >= 0x80 || s->want > 0) {
			s->is_8bit = true;
			take_character(s, c);
		}
	}
	if (s->has_nul && s->nul_at == 0) {
		s->nul_at = s->line_no + 1;
	}
	if (s->is_8bit && s->high_at == 0) {
		s->high_at = s->line_no + 1;
	}
	find_jis(s, text);
	s->size += text.size;
	s->line += text.size;
	s->line_qp += text.size + 2 * codes;
}

static void end_line(struct mime_stat *s)
{
	s->is_broken = s->is_broken || s->want > 0;
	s->want = 0;
	s->escape = 0;
	s->line_no++;
	if (s->line > FIELD_LINE_MAX && s->long_at == 0) {
		s->long_at = s->line_no;
	}
	s->longest_line = s->line > s->longest_line ? s->line : s->longest_line;
	s->qp_size += s->line_qp + (s->line_qp > 0 ? (s->line_qp - 1) / QP_LINE * 3 : 0);
	s->line = 0;
	s->line_qp = 0;
}

void mime_stat_line_end(struct mime_stat *s)
{
	end_line(s);
	s->size += 2;
	s->qp_size += 2;
}

void mime_stat_end(struct mime_stat *s)
{
	end_line(s);
}

bool mime_stat_wants_base64(const struct mime_stat *s)
{
	uint64_t lines = (s->size + BASE64_LINE - 1) / BASE64_LINE;
	uint64_t base64 = (s->size + 2) / 3 * 4 + 2 * lines;

	return base64 < s->qp_size;
}
