/* SPDX-License-Identifier: ISC */
/*
 * mime: RFC 2046 §5.1 as readers read it, line by line.  Both passes run the same machine:
 * the first counts, the second writes.  Must never take a line for a boundary that is none,
 * make one by a new line break (mime_code.c, qp.c), nor change a byte of a body that needs no
 * change.
 *
 * The CRLF before a boundary belongs to it.  So the line end of a body is passed on only
 * when the next line of that body comes.
 */
#include "mail/mime.h"
#include "base/text.h"
#include "mail/mime_plan.h"
#include "mail/field.h"

enum state {
	STATE_HEADER,
	STATE_LEAF,
	STATE_SEALED,	/* must stay as it is */
	STATE_NOBODY,	/* text that belongs to no part: nobody reads it */
};

static void begin_body(struct mime *m, enum state state, enum mime_coding coding)
{
	m->state = (unsigned char)state;
	m->has_line_end = false;
	mime_stat_init(&m->stat);
	mime_code_init(&m->code, coding);
}

/* Before the first boundary, or behind the last. */
static void begin_nobody(struct mime *m)
{
	begin_body(m, STATE_NOBODY, m->is_7bit ? MIME_UNREAD_7BIT : MIME_UNREAD);
}

static void begin_header(struct mime *m, bool is_message, bool default_message)
{
	begin_body(m, STATE_HEADER, MIME_AS_IS);
	m->is_message = is_message;
	m->default_message = default_message;
	buf_reset(&m->header);
}

static void begin(struct mime *m)
{
	m->entity = m->depth = 0;
	mime_lines_reset(&m->lines);
	begin_header(m, true, false);
}

void mime_init(struct mime *m, bool is_7bit)
{
	*m = (struct mime){ .is_7bit = is_7bit };
	buf_init(&m->plan, MIME_ENTITIES_MAX);
	mime_lines_init(&m->lines);
	buf_init(&m->header, MIME_HEADER_MAX);
	begin(m);
}

void mime_clear(struct mime *m)
{
	buf_clear(&m->plan);
	mime_lines_clear(&m->lines);
	buf_clear(&m->header);
}

static bool full(struct err *e)
{
	return err_set(e, CAUSE_DATA, "the message is too large to be encoded");
}

static bool put(struct mime *m, struct span s, struct err *e)
{
	return !m->is_converting || buf_add_span(m->out, s) || full(e);
}

static bool put_line_end(struct mime *m, struct err *e)
{
	return put(m, span_of("\r\n", 2), e);
}

static void note_need(struct mime *m, enum repair_need need)
{
	m->need = need > m->need ? need : m->need;
}

/* -- headers --------------------------------------------------------------------------- */

static bool is_header_line(const struct mime *m, struct span s)
{
	if (m->header.size > 0 && s.size > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
		return true;
	}
	/* A message in a message can begin as in an mbox file. */
	if (m->is_message && m->header.size == 0 &&
	    (text_starts_fold(s, "From ") || text_starts_fold(s, ">From "))) {
		return true;
	}
	return mime_line_is_field(s);
}

static void note_header(struct mime *m)
{
	struct span rest = buf_span(&m->header);
	struct header_field field;

	while (m->need != REPAIR_BODY && header_next(&rest, &field)) {
		if (repair_field_needs(&field, m->is_7bit)) {
			note_need(m, REPAIR_BODY);
		}
	}
}

static bool push(struct mime *m)
{
	if (m->depth == MIME_DEPTH_MAX) {
		return false;
	}
	memcpy(m->levels[m->depth].boundary, m->head.boundary, m->head.boundary_size);
	m->levels[m->depth].size = m->head.boundary_size;
	m->levels[m->depth].is_digest = m->head.is_digest;
	m->depth++;
	return true;
}

/* What follows the header. */
static void enter_body(struct mime *m, enum mime_coding coding)
{
	switch (m->head.kind) {
	case MIME_MULTIPART:
		if (push(m)) {
			begin_nobody(m);
			return;
		}
		m->head.why = "a multipart in too many others";
		break;
	case MIME_MESSAGE:
		begin_header(m, true, false);
		return;
	case MIME_LEAF:
		begin_body(m, STATE_LEAF, coding);
		return;
	case MIME_SEALED:
		break;
	}
	begin_body(m, STATE_SEALED, MIME_AS_IS);
}

/* The header is whole; a blank line ended it, or a line that is none of it. */
static bool end_header(struct mime *m, bool has_blank, struct err *e)
{
	struct mime_plan plan = { .coding = MIME_AS_IS };

	m->head = mime_head_read(buf_span(&m->header), m->default_message);
	if (!m->is_converting) {
		note_header(m);
		if (!buf_add_byte(&m->plan, (char)mime_plan_pack(&plan))) {
			return err_set(e, CAUSE_DATA, "the message has too many parts");
		}
	} else {
		if (m->entity >= m->plan.size) {
			return err_set(e, CAUSE_BUG, "the message has changed");
		}
		unsigned char byte = (unsigned char)m->plan.data[m->entity];
		plan = mime_plan_unpack(byte);
		if (!mime_plan_add_header(&plan, &m->head, buf_span(&m->header), m->is_7bit,
					  m->is_message, m->out)) {
			return full(e);
		}
		has_blank = has_blank || byte != 0;
	}
	m->entity++;
	enter_body(m, plan.coding);
	return !has_blank || put_line_end(m, e);
}

/* -- bodies ---------------------------------------------------------------------------- */

static bool pass_text(struct mime *m, struct span s, struct err *e)
{
	if (!m->is_converting) {
		mime_stat_feed(&m->stat, s);
		return true;
	}
	return mime_code_feed(&m->code, s, m->out) || full(e);
}

static bool pass_line_end(struct mime *m, struct err *e)
{
	m->has_line_end = false;
	if (!m->is_converting) {
		mime_stat_line_end(&m->stat);
		return true;
	}
	return mime_code_feed(&m->code, span_of("\r\n", 2), m->out) || full(e);
}

static bool refuse(const char *part, const char *trouble, uint64_t line, struct err *e)
{
	return err_set(e, CAUSE_DATA, "%s has %s, in line %llu of its body: the program that "
		       "made it must encode that (quoted-printable or base64)", part, trouble,
		       (unsigned long long)line);
}

/* The first pass knows the body now. */
static bool decide(struct mime *m, struct err *e)
{
	struct mime_plan plan;
	uint64_t line;

	mime_stat_end(&m->stat);
	const char *trouble = mime_plan_trouble(&m->stat, m->is_7bit, &line);
	if (m->state == STATE_NOBODY) {
		note_need(m, trouble ? REPAIR_BODY : REPAIR_NOTHING);
		return true;
	}
	if (m->state == STATE_SEALED) {
		return !trouble || refuse(m->head.why, trouble, line, e);
	}
	if (!mime_plan_leaf(&m->head, &m->stat, m->is_7bit, m->entity == 1, &plan)) {
		return refuse("a part with an unknown transfer encoding", trouble, line, e);
	}
	m->plan.data[m->entity - 1] = (char)mime_plan_pack(&plan);
	note_need(m, plan.coding != MIME_AS_IS ? REPAIR_BODY
		     : plan.is_labelled || plan.charset != MIME_CHARSET_NONE
			     ? REPAIR_LABEL
			     : REPAIR_NOTHING);
	return true;
}

/* A boundary comes (then the last line end is its own), or the end of the message. */
static bool end_body(struct mime *m, bool at_boundary, struct err *e)
{
	if (!at_boundary && m->has_line_end && !pass_line_end(m, e)) {
		return false;
	}
	if (!m->is_converting && !decide(m, e)) {
		return false;
	}
	if (m->is_converting && !mime_code_end(&m->code, m->out)) {
		return full(e);
	}
	/* Base64 does not end in the line end that it stands for. */
	bool is_open = at_boundary ? m->has_line_end : mime_code_is_open(&m->code);
	return !is_open || put_line_end(m, e);
}

/* -- boundaries ------------------------------------------------------------------------ */

/* The outermost one counts, as for readers that know where their part ends. */
static bool find_boundary(const struct mime *m, struct span s, size_t *ret_level,
			  bool *ret_is_close)
{
	for (size_t i = 0; i < m->depth; i++) {
		struct span boundary = span_of(m->levels[i].boundary, m->levels[i].size);
		if (mime_line_is_boundary(s, boundary, ret_is_close)) {
			*ret_level = i;
			return true;
		}
	}
	return false;
}

static bool end_part(struct mime *m, struct span line, size_t level, bool is_close,
		     struct err *e)
{
	if (m->state == STATE_HEADER && !end_header(m, false, e)) {
		return false;
	}
	if (m->state != STATE_HEADER && !end_body(m, true, e)) {
		return false;
	}
	if (!put(m, line, e) || !put_line_end(m, e)) {
		return false;
	}
	m->depth = is_close ? level : level + 1;
	if (is_close) {
		begin_nobody(m);
	} else {
		begin_header(m, false, m->levels[level].is_digest);
	}
	return true;
}

/* -- lines ----------------------------------------------------------------------------- */

static bool add_to_header(struct mime *m, const struct mime_line *l, struct err *e)
{
	return (buf_add_span(&m->header, l->text) &&
		(!l->is_last || buf_add_str(&m->header, "\r\n"))) ||
	       err_set(e, CAUSE_DATA, "a header in the message is larger than %d MiB",
		       MIME_HEADER_MAX >> 20);
}

static bool take_line(struct mime *m, const struct mime_line *l, struct err *e)
{
	size_t level = 0;
	bool is_close = false;

	if (l->is_first && l->is_last && find_boundary(m, l->text, &level, &is_close)) {
		return end_part(m, l->text, level, is_close, e);
	}
	if (m->state == STATE_HEADER) {
		if (l->is_first && l->is_last && l->text.size == 0) {
			return end_header(m, true, e);
		}
		/* Text with no blank line above it; it may end two headers. */
		while (m->state == STATE_HEADER && l->is_first &&
		       !is_header_line(m, l->text)) {
			if (!end_header(m, false, e)) {
				return false;
			}
		}
		if (m->state == STATE_HEADER) {
			return add_to_header(m, l, e);
		}
	}
	if (l->is_first && m->has_line_end && !pass_line_end(m, e)) {
		return false;
	}
	m->has_line_end = l->is_last;
	return pass_text(m, l->text, e);
}

static bool feed(struct mime *m, struct span in, struct err *e)
{
	struct mime_line line;

	while (mime_lines_next(&m->lines, &in, &line)) {
		if (!take_line(m, &line, e)) {
			return false;
		}
	}
	return true;
}

static bool finish(struct mime *m, struct err *e)
{
	if (mime_lines_is_open(&m->lines) && !feed(m, span_of("\r\n", 2), e)) {
		return false;
	}
	while (m->state == STATE_HEADER) {
		if (!end_header(m, false, e)) {
			return false;
		}
	}
	return end_body(m, false, e);
}

/* -- passes ---------------------------------------------------------------------------- */

bool mime_scan(struct mime *m, struct span in, struct err *e)
{
	return feed(m, in, e);
}

bool mime_scan_end(struct mime *m, struct err *e)
{
	if (!finish(m, e)) {
		return false;
	}
	begin(m);
	m->is_converting = true;
	return true;
}

static void note_output(struct mime *m, size_t before)
{
	m->is_8bit = m->is_8bit || !text_is_ascii(span_from(buf_span(m->out), before));
}

bool mime_convert(struct mime *m, struct span in, struct buf *out, struct err *e)
{
	size_t before = out->size;

	m->out = out;
	bool ok = feed(m, in, e);
	note_output(m, before);
	return ok;
}

bool mime_convert_end(struct mime *m, struct buf *out, struct err *e)
{
	size_t before = out->size;

	m->out = out;
	bool ok = finish(m, e);
	note_output(m, before);
	return ok;
}
