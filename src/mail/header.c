/* SPDX-License-Identifier: ISC */
/*
 * header: fields and what their addresses say.  Must never lose a byte: what is no field
 * comes out of header_next too, as a field without a name.
 */
#include "mail/header.h"
#include "base/mem.h"
#include "base/text.h"

/* Size of the field at the front of s: its line and those that begin with a blank. */
static size_t field_size(struct span s)
{
	size_t size = 0;

	do {
		const char *newline = memchr(s.data + size, '\n', s.size - size);
		if (!newline) {
			return s.size;
		}
		size = (size_t)(newline - s.data) + 1;
	} while (size < s.size && (s.data[size] == ' ' || s.data[size] == '\t'));
	return size;
}

bool header_next(struct span *rest, struct header_field *ret_field)
{
	if (rest->size == 0) {
		return false;
	}
	struct span whole = span_first(*rest, field_size(*rest)), text = whole;
	size_t name = 0;

	if (text.data[text.size - 1] == '\n') {
		text.size--;
		text.size -= text.size > 0 && text.data[text.size - 1] == '\r';
	}
	while (name < text.size && text.data[name] > ' ' && text.data[name] < 0x7f &&
	       text.data[name] != ':') {
		name++;
	}
	size_t colon = name;
	while (colon < text.size && (text.data[colon] == ' ' || text.data[colon] == '\t')) {
		colon++;
	}
	bool is_field = name > 0 && colon < text.size && text.data[colon] == ':';
	size_t value = is_field ? colon + 1 : 0;
	*ret_field = (struct header_field){
		.name = span_of(whole.data, is_field ? name : 0),
		/* An empty one has its place in the header, too. */
		.value = span_of(text.data + value, text.size - value),
		.whole = whole,
	};
	*rest = span_from(*rest, whole.size);
	return true;
}

bool header_find(struct span header, const char *name, struct header_field *ret_field)
{
	struct header_field field;

	while (header_next(&header, &field)) {
		if (text_equal_fold(field.name, span_str(name))) {
			*ret_field = field;
			return true;
		}
	}
	return false;
}

/*
 * The address fields of RFC 5322 §3.6, without Return-Path, and others that readers take
 * addresses from.
 */
static const struct row {
	const char *name;
	bool is_recipient;
} rows[] = {
	{ "From", false },
	{ "Sender", false },
	{ "Reply-To", false },
	{ "To", true },
	{ "Cc", true },
	{ "Bcc", true },
	{ "Apparently-To", false },
	{ "Disposition-Notification-To", false },
	{ "Errors-To", false },
	{ "Mail-Followup-To", false },
	{ "Mail-Reply-To", false },
	{ "Return-Receipt-To", false },
};

/* Its row, and whether it is the Resent- form; NULL when it holds no addresses. */
static const struct row *row_of(struct span name, bool *ret_is_resent)
{
	*ret_is_resent = text_starts_fold(name, "Resent-");
	if (*ret_is_resent) {
		name = span_from(name, strlen("Resent-"));
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (text_equal_fold(name, span_str(rows[i].name))) {
			return &rows[i];
		}
	}
	return NULL;
}

static bool has_resent_recipients(struct span header)
{
	struct header_field field;
	bool is_resent = false;

	while (header_next(&header, &field)) {
		const struct row *row = row_of(field.name, &is_resent);
		if (row && row->is_recipient && is_resent) {
			return true;
		}
	}
	return false;
}

/* The error begins with the field's name; columns are those of the lines as they stand. */
static bool fail_field(const struct header_field *field, const struct addr_fault *fault,
		       struct err *e)
{
	size_t start = (size_t)(field->value.data - field->whole.data);

	addr_fault_set(e, fault, field->value, addr_column(field->whole, start));
	return err_ctx(e, "%.*s", SPAN_ARG(field->name));
}

/* Parses an address field; with is_recipient there must be no <> in it. */
static bool parse_field(const struct header_field *field, bool is_recipient,
			struct addr_list *list, struct err *e)
{
	struct addr_fault fault;
	size_t first = list->count;

	if (!addr_list_read(list, field->value, &fault) ||
	    (is_recipient && addr_list_has_null(list, first, field->value, &fault))) {
		return fail_field(field, &fault, e);
	}
	return true;
}

bool header_recipients(struct span header, struct addr_list *list, struct err *e)
{
	bool want_resent = has_resent_recipients(header), is_resent = false;
	struct header_field field;

	while (header_next(&header, &field)) {
		const struct row *row = row_of(field.name, &is_resent);
		if (!row || !row->is_recipient || is_resent != want_resent) {
			continue;
		}
		if (!parse_field(&field, true, list, e)) {
			return false;
		}
	}
	return true;
}

bool header_sender(struct span header, char **ret_spec, struct err *e)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct header_field field;

	addr_list_init(&list);
	*ret_spec = NULL;
	if (!header_find(header, "Resent-From", &field) &&
	    !header_find(header, "From", &field)) {
		return true;
	}
	if (!parse_field(&field, false, &list, e)) {
		return false;
	}
	if (list.count > 0) {
		*ret_spec = list.at[0].spec;
		list.at[0].spec = NULL;
	}
	return true;
}

bool header_is_address(struct span name)
{
	bool ignored;

	return row_of(name, &ignored) != NULL;
}

bool header_needs_smtputf8(struct span header)
{
	struct header_field field;
	bool needed = false;

	while (!needed && header_next(&header, &field)) {
		if (!header_is_address(field.name) || text_is_ascii(field.value)) {
			continue;
		}
		struct addr_list list ADDR_LIST_AUTO;
		struct addr_fault unused;
		addr_list_init(&list);
		/* A field that is malformed still counts as far as it can be read. */
		bool parsed = addr_list_read(&list, field.value, &unused);
		(void)parsed;
		for (size_t i = 0; i < list.count; i++) {
			needed = needed || !text_is_ascii(span_str(list.at[i].spec));
		}
	}
	return needed;
}
