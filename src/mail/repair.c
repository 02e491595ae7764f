/* SPDX-License-Identifier: ISC */
/* repair: the header as a whole.  Must never change the order of fields. */
#include "mail/repair.h"
#include "base/text.h"
#include "mail/mime_head.h"
#include "mail/field.h"

bool repair_header_needs(struct span header)
{
	bool has_type = false, has_version = false;

	if (!text_is_ascii(header) ||
	    (header.size > 0 && memchr(header.data, '\0', header.size))) {
		return true;
	}
	while (header.size > 0) {
		const char *end = memchr(header.data, '\n', header.size);
		size_t size = end ? (size_t)(end - header.data) + 1 : header.size;
		if (size > FIELD_LINE_MAX + strlen("\r\n")) {
			return true;
		}
		has_type = has_type || text_starts_fold(header, "Content-Type");
		has_version = has_version || text_starts_fold(header, "MIME-Version:");
		header = span_from(header, size);
	}
	return has_type && !has_version;
}

static bool add_fields(struct span header, const struct mime_head *head, bool with_8bit,
		       struct buf *out)
{
	struct header_field field;
	bool add_version = head->has_type && !head->has_version && !head->is_signed;

	while (header_next(&header, &field)) {
		if (add_version && text_equal_fold(field.name, span_str("Content-Type"))) {
			add_version = false;
			if (!buf_add_str(out, "MIME-Version: 1.0\r\n")) {
				return false;
			}
		}
		if (repair_field_needs(&field, with_8bit)
			    ? !repair_field(&field, span_str(head->charset), out)
			    : !buf_add_span(out, field.whole)) {
			return false;
		}
	}
	return true;
}

bool repair_header(struct span header, bool is_7bit, struct buf *out, struct err *e)
{
	struct mime_head head = mime_head_read(header, false);

	if (!add_fields(header, &head, is_7bit || !head.is_signed, out)) {
		return err_set(e, CAUSE_DATA, "the header is longer than %zu bytes",
			       out->max);
	}
	return true;
}

enum repair_need repair_guess(struct span header, bool is_7bit, const struct wire *facts)
{
	if (facts->has_nul || facts->longest_line > FIELD_LINE_MAX ||
	    (is_7bit && facts->is_8bit)) {
		return REPAIR_BODY;
	}
	if (!facts->is_8bit) {
		return REPAIR_NOTHING;
	}
	struct mime_head head = mime_head_read(header, false);
	if (head.is_signed) {
		return REPAIR_NOTHING;
	}
	if (mime_head_is_undeclared(&head)) {
		return REPAIR_BODY;
	}
	bool has_label = head.kind != MIME_LEAF || head.encoding != MIME_NONE;
	return has_label && !head.claims_ascii ? REPAIR_NOTHING : REPAIR_LABEL;
}
