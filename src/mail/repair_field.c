/* SPDX-License-Identifier: ISC */
/*
 * repair_field: which field may have encoded-words where.  Fields that nobody knows are
 * unstructured, as in RFC 5322 §3.6.8.
 */
#include "base/text.h"
#include "mail/repair.h"
#include "mail/repair_part.h"

enum kind {
	KIND_TEXT, KIND_ADDRESS, KIND_LIST_ID, KIND_PHRASES, KIND_TYPE, KIND_PARAMS,
	KIND_TOKENS, KIND_URIS, KIND_COUNT
};

/*
 * Before hex digits, in what can be no encoded-word.  In a URI, and in a Content-ID, which
 * cid: URIs name, they mean what was there (RFC 3986 §2.1); elsewhere they are the same in
 * each message, so that References and Message-ID match.  Addresses are for SMTPUTF8.
 */
static const char escapes[KIND_COUNT] = {
	[KIND_LIST_ID] = '=', [KIND_PHRASES] = '=', [KIND_TYPE] = '%', [KIND_PARAMS] = '%',
	[KIND_TOKENS] = '=', [KIND_URIS] = '%',
};

static const struct row {
	const char *name;
	enum kind kind;
} rows[] = {
	{ "From", KIND_ADDRESS },
	{ "Sender", KIND_ADDRESS },
	{ "Reply-To", KIND_ADDRESS },
	{ "To", KIND_ADDRESS },
	{ "Cc", KIND_ADDRESS },
	{ "Bcc", KIND_ADDRESS },
	{ "Apparently-To", KIND_ADDRESS },
	{ "Disposition-Notification-To", KIND_ADDRESS },
	{ "Errors-To", KIND_ADDRESS },
	{ "List-ID", KIND_LIST_ID },
	{ "Mail-Followup-To", KIND_ADDRESS },
	{ "Mail-Reply-To", KIND_ADDRESS },
	{ "Return-Path", KIND_ADDRESS },
	{ "Return-Receipt-To", KIND_ADDRESS },
	{ "X-Original-From", KIND_ADDRESS },
	{ "X-Original-Sender", KIND_ADDRESS },
	{ "Keywords", KIND_PHRASES },
	{ "Content-Type", KIND_TYPE },
	{ "Content-Disposition", KIND_PARAMS },
	{ "ARC-Authentication-Results", KIND_TOKENS },
	{ "ARC-Message-Signature", KIND_TOKENS },
	{ "ARC-Seal", KIND_TOKENS },
	{ "Authentication-Results", KIND_TOKENS },
	{ "Autocrypt", KIND_TOKENS },
	{ "Auto-Submitted", KIND_TOKENS },
	{ "Content-ID", KIND_URIS },
	{ "Content-Transfer-Encoding", KIND_TOKENS },
	{ "Date", KIND_TOKENS },
	{ "DKIM-Signature", KIND_TOKENS },
	{ "In-Reply-To", KIND_TOKENS },
	{ "List-Archive", KIND_URIS },
	{ "List-Help", KIND_URIS },
	{ "List-Owner", KIND_URIS },
	{ "List-Post", KIND_URIS },
	{ "List-Subscribe", KIND_URIS },
	{ "List-Unsubscribe", KIND_URIS },
	{ "Message-ID", KIND_TOKENS },
	{ "MIME-Version", KIND_TOKENS },
	{ "Received", KIND_TOKENS },
	{ "References", KIND_TOKENS },
};

static enum kind kind_of(struct span name)
{
	if (text_starts_fold(name, "Resent-")) {
		name = span_from(name, strlen("Resent-"));
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (text_equal_fold(name, span_str(rows[i].name))) {
			return rows[i].kind;
		}
	}
	return KIND_TEXT;
}

/* -- small pieces ---------------------------------------------------------------------- */

bool repair_is_raw(struct span s)
{
	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] == '\0' || (unsigned char)s.data[i] >= 0x80) {
			return true;
		}
	}
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

size_t repair_blanks(struct span s)
{
	size_t i = 0;

	while (i < s.size && is_blank(s.data[i])) {
		i++;
	}
	return i;
}

/* The size of what is no blank. */
static size_t token_size(struct span s)
{
	size_t i = 0;

	while (i < s.size && !is_blank(s.data[i])) {
		i++;
	}
	return i;
}

void repair_flow(struct field *w, struct span s)
{
	while (s.size > 0) {
		size_t blanks = repair_blanks(s);
		field_blank(w, span_first(s, blanks));
		s = span_from(s, blanks);
		struct span token = span_first(s, token_size(s));
		field_plain(w, token);
		s = span_from(s, token.size);
	}
}

/* -- unstructured ---------------------------------------------------------------------- */

static bool has_control(struct span s)
{
	for (size_t i = 0; i < s.size; i++) {
		if ((unsigned char)s.data[i] < ' ' || s.data[i] == 0x7f) {
			return true;
		}
	}
	return false;
}

/* It begins an encoded-word and does not end it: readers would look for the end behind it. */
static bool is_open(struct span token)
{
	const char *start = token.size > 0 ? memmem(token.data, token.size, "=?", 2) : NULL;

	return start && !memmem(start + 2, token.size - (size_t)(start + 2 - token.data), "?=", 2);
}

static void add_text(struct field *w, struct span s, const char *but_with)
{
	while (s.size > 0) {
		size_t blanks = repair_blanks(s);
		field_blank(w, span_first(s, blanks));
		s = span_from(s, blanks);
		struct span token = span_first(s, token_size(s));
		bool encode = repair_is_raw(token) || has_control(token) ||
			      is_open(token) || token.size > REPAIR_TOKEN_MAX;
		for (const char *c = but_with; *c && token.size > 0; c++) {
			encode = encode && !memchr(token.data, *c, token.size);
		}
		if (encode) {
			field_text(w, token);
		} else {
			field_plain(w, token);
		}
		s = span_from(s, token.size);
	}
}

/* The value of an unstructured field, unfolded. */
static void unstructured(struct field *w, struct span value)
{
	add_text(w, value, "");
}

/* -- fields ---------------------------------------------------------------------------- */

bool repair_field_needs(const struct header_field *field, bool with_8bit)
{
	struct span s = field->whole;
	size_t line = 0;

	for (size_t i = 0; i < s.size; i++) {
		char c = s.data[i];
		line = c == '\n' ? 0 : line + (c != '\r');
		bool is_8bit = (unsigned char)c >= 0x80;
		if (c == '\0' || line > FIELD_LINE_MAX || (with_8bit && is_8bit)) {
			return true;
		}
	}
	return false;
}

static bool add_value(struct field *w, enum kind kind, struct span value)
{
	switch (kind) {
	case KIND_ADDRESS:
	case KIND_LIST_ID:
		return repair_structured(w, value, REPAIR_DISPLAY_NAMES);
	case KIND_PHRASES:
		return repair_structured(w, value, REPAIR_PHRASES);
	case KIND_TOKENS:
	case KIND_URIS:
		return repair_structured(w, value, REPAIR_NO_NAMES);
	case KIND_TYPE:
	case KIND_PARAMS:
		repair_params(w, value, kind == KIND_TYPE);
		return true;
	case KIND_TEXT:
	case KIND_COUNT:
		break;
	}
	unstructured(w, value);
	return true;
}

/* The value on one line, without blanks at its end. */
static bool unfold(struct span value, struct buf *flat)
{
	for (size_t i = 0; i < value.size; i++) {
		char c = value.data[i];
		if (c != '\r' && c != '\n' && !buf_add_byte(flat, c)) {
			return false;
		}
	}
	while (flat->size > 0 && is_blank(flat->data[flat->size - 1])) {
		buf_drop_end(flat, 1);
	}
	return true;
}

/* The first line of an mbox file, in a message in a message: it has no place for more. */
static bool add_nameless(struct span whole, struct buf *out)
{
	size_t column = 0;
	bool ok = true;

	for (size_t i = 0; ok && i < whole.size; i++) {
		struct span byte = span_first(span_from(whole, i), 1);
		bool is_end = byte.data[0] == '\r' || byte.data[0] == '\n';
		if (!is_end && column == FIELD_LINE_MAX) {
			column = strlen(" ");
			ok = buf_add_str(out, "\r\n ");
		}
		column = is_end ? 0 : column + 1;
		ok = ok && buf_add_byte(out, repair_is_raw(byte) ? '?' : byte.data[0]);
	}
	return ok;
}

/*
 * Bytes above 127 stay in a field only with an address that SMTPUTF8 is asked for.  From
 * X-Original-From nobody takes an address.
 */
static bool is_done(struct span field)
{
	return !repair_is_raw(field) || header_needs_smtputf8(field);
}

bool repair_field(const struct header_field *field, struct span declared, struct buf *out)
{
	size_t start = out->size;
	BUF_AUTO struct buf flat;
	struct field w;

	buf_init(&flat, field->value.size);
	if (field->name.size == 0) {
		return add_nameless(field->whole, out);
	}
	if (!unfold(field->value, &flat)) {
		return false;
	}
	struct span value = buf_span(&flat);
	struct charset charset = charset_of(value, declared);
	enum kind kind = kind_of(field->name);
	field_begin(&w, out, &charset, field->name);
	w.escape = escapes[kind];
	if (!add_value(&w, kind, value)) {
		/* It is malformed: only what can be no address is encoded. */
		bool ignored = field_end(&w);
		(void)ignored;
		buf_drop_end(out, out->size - start);
		field_begin(&w, out, &charset, field->name);
		w.escape = escapes[kind];
		add_text(&w, value, "@<>,;:");
	}
	if (!field_end(&w)) {
		return false;
	}
	if (is_done(span_from(buf_span(out), start))) {
		return true;
	}
	buf_drop_end(out, out->size - start);
	field_begin(&w, out, &charset, field->name);
	unstructured(&w, value);
	return field_end(&w);
}
