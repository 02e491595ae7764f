/* SPDX-License-Identifier: ISC */
/* mime_head: the first Content-Type and Content-Transfer-Encoding of a header count. */
#include "mail/mime_head.h"
#include "base/text.h"
#include "mail/header.h"
#include "mail/param.h"

static const struct {
	const char *name;
	enum mime_encoding encoding;
} encodings[] = {
	{ "7bit", MIME_7BIT },		     { "8bit", MIME_8BIT },
	{ "binary", MIME_BINARY },	     { "quoted-printable", MIME_QUOTED },
	{ "base64", MIME_BASE64 },
};

/* The first that fits counts; "*": any subtype.  What is in no row is a leaf. */
static const struct {
	const char *type, *subtype;
	enum mime_kind kind;
	const char *why;
} kinds[] = {
	{ "multipart", "signed", MIME_SEALED, "a part that is signed" },
	{ "multipart", "encrypted", MIME_SEALED, "a part that is encrypted" },
	{ "multipart", "*", MIME_MULTIPART, NULL },
	{ "message", "rfc822", MIME_MESSAGE, NULL },
	{ "message", "news", MIME_MESSAGE, NULL },
	{ "message", "partial", MIME_SEALED, "a part of type message/partial" },
	{ "message", "external-body", MIME_SEALED, "a part of type message/external-body" },
};

/* The bytes before the first blank, comment or semicolon. */
static struct span first_token(struct span s)
{
	s = span_trim(s);
	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] != '\0' && strchr(" \t\r\n(;", s.data[i])) {
			return span_first(s, i);
		}
	}
	return s;
}

static void read_encoding(struct mime_head *h, struct span value)
{
	struct span name = first_token(value);

	h->encoding = name.size > 0 ? MIME_OTHER : MIME_NONE;
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		if (text_equal_fold(name, span_str(encodings[i].name))) {
			h->encoding = encodings[i].encoding;
		}
	}
}

static void read_boundary(struct mime_head *h, struct span value)
{
	BUF_AUTO struct buf boundary;

	buf_init(&boundary, sizeof(h->boundary));
	bool found = param_find(value, "boundary", &boundary);
	size_t size = boundary.size;
	/* Blanks at its end would be those of the line (RFC 2046 §5.1.1). */
	while (size > 0 && strchr(" \t", boundary.data[size - 1])) {
		size--;
	}
	if (found && size > 0 && text_is_ascii(buf_span(&boundary))) {
		memcpy(h->boundary, boundary.data, size);
		h->boundary_size = size;
	} else {
		h->kind = MIME_SEALED;
		h->why = "a multipart without a usable boundary";
	}
}

static void read_charset(struct mime_head *h, struct span value)
{
	BUF_AUTO struct buf charset;

	buf_init(&charset, MIME_CHARSET_MAX);
	if (param_find(value, "charset", &charset)) {
		memcpy(h->charset, charset.data, charset.size);
		h->charset[charset.size] = '\0';
	}
}

/* What cron, mailx and others write where no locale is set, whatever the text is. */
static bool claims_ascii(const struct mime_head *h, struct span type, struct span rest)
{
	static const char *const names[] = { "US-ASCII", "ANSI_X3.4-1968", "ASCII", "646" };
	struct param param;
	bool has_name = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		has_name = has_name || text_equal_fold(span_str(h->charset), span_str(names[i]));
	}
	return has_name && text_equal_fold(type, span_str("text/plain")) &&
	       param_next(&rest, &param) && !param_next(&rest, &param);
}

static void read_type(struct mime_head *h, struct span value)
{
	struct span rest, all = first_token(param_first(value, &rest));
	const char *slash = all.size ? memchr(all.data, '/', all.size) : NULL;
	struct span type = slash ? span_first(all, (size_t)(slash - all.data)) : all;
	struct span subtype = span_from(all, type.size + 1);

	h->has_type = true;
	h->kind = MIME_LEAF;
	for (size_t i = 0; slash && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (text_equal_fold(type, span_str(kinds[i].type)) &&
		    (kinds[i].subtype[0] == '*' ||
		     text_equal_fold(subtype, span_str(kinds[i].subtype)))) {
			h->kind = kinds[i].kind;
			h->why = kinds[i].why;
			break;
		}
	}
	if (h->kind == MIME_MULTIPART) {
		h->is_digest = text_equal_fold(subtype, span_str("digest"));
		read_boundary(h, value);
	}
	read_charset(h, value);
	h->claims_ascii = claims_ascii(h, all, rest);
}

static bool is_name(struct span name, const char *want)
{
	return text_equal_fold(name, span_str(want));
}

struct mime_head mime_head_read(struct span header, bool default_message)
{
	struct mime_head h = { .kind = default_message ? MIME_MESSAGE : MIME_LEAF };
	struct header_field field;
	bool has_encoding = false;

	while (header_next(&header, &field)) {
		struct span name = field.name;
		if (is_name(name, "Content-Type") && !h.has_type) {
			read_type(&h, field.value);
		} else if (is_name(name, "Content-Transfer-Encoding") && !has_encoding) {
			has_encoding = true;
			read_encoding(&h, field.value);
		}
		h.has_version = h.has_version || is_name(name, "MIME-Version");
		h.is_signed = h.is_signed || is_name(name, "DKIM-Signature");
	}
	/* Not allowed, but then its bytes are what is encoded. */
	if (h.kind == MIME_MESSAGE && !mime_head_is_identity(&h)) {
		h.kind = MIME_LEAF;
	}
	return h;
}

bool mime_head_is_identity(const struct mime_head *h)
{
	return h->encoding <= MIME_BINARY;
}

bool mime_head_is_undeclared(const struct mime_head *h)
{
	return !h->has_type && mime_head_is_identity(h) && h->kind == MIME_LEAF;
}
