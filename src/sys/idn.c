/* SPDX-License-Identifier: ISC */
/*
 * idn: see idn.h.  The only file that knows libidn2.  It must not trust what comes out:
 * some characters become ASCII signs that mean something in an address.
 */
#include "sys/idn.h"
#include "base/mem.h"
#include "base/text.h"

#include <dlfcn.h>
#include <idn2.h>
#include <stddef.h>

/* The soname of every libidn2 since 0.1. */
#define LIBRARY "libidn2.so.0"

/* The functions used, with the types that the header gives them. */
struct functions {
	__typeof__(idn2_to_ascii_8z) *to_ascii_8z;
	__typeof__(idn2_to_unicode_8z8z) *to_unicode_8z8z;
	__typeof__(idn2_strerror) *strerror;
	__typeof__(idn2_free) *free;
};

static const struct {
	const char *name;
	size_t offset;
} symbols[] = {
	{ "idn2_to_ascii_8z", offsetof(struct functions, to_ascii_8z) },
	{ "idn2_to_unicode_8z8z", offsetof(struct functions, to_unicode_8z8z) },
	{ "idn2_strerror", offsetof(struct functions, strerror) },
	{ "idn2_free", offsetof(struct functions, free) },
};

/* Is there already when it was loaded before: then this only counts up. */
static bool load(struct functions *f, struct err *e)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	bool ok = handle != NULL;

	for (size_t i = 0; ok && i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *found = dlsym(handle, symbols[i].name);
		ok = found != NULL;
		memcpy((char *)f + symbols[i].offset, &found, sizeof(found));
	}
	if (!ok) {
		const char *why = dlerror();
		err_set(e, CAUSE_CONFIG, "a domain that is not ASCII needs libidn2, which cannot "
			"be loaded (%s): install it, or write the domain as xn--…",
			why ? why : LIBRARY);
	}
	return ok;
}

static bool is_plain(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (!text_is_alpha(*c) && !text_is_digit(*c) && !strchr("-_.", *c)) {
			return false;
		}
	}
	return text[0] != '\0';
}

static bool convert(const char *domain, struct buf *to, struct err *e)
{
	static const char *const odd = "it has a character that no domain can have";
	struct functions call = { NULL };
	char *ascii = NULL;

	if (!load(&call, e)) {
		return false;
	}
	/* As browsers do it now: no second try by the older rules, which join other names. */
	int code = call.to_ascii_8z(domain, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	const char *why = code == IDN2_ALABEL_ROUNDTRIP_FAILED ? odd
			  : code != IDN2_OK		       ? call.strerror(code)
			  : !is_plain(ascii)		       ? odd
							       : NULL;
	bool ok = !why && buf_add_str(to, ascii);
	if (!ok) {
		err_set(e, CAUSE_DATA, "the domain %s is not valid: %s", domain,
			why ? why : "it is too long");
	}
	if (code == IDN2_OK) {
		call.free(ascii);
	}
	return ok;
}

bool idn_to_ascii(struct span domain, struct buf *to, struct err *e)
{
	if (text_is_ascii(domain)) {
		return buf_add_span(to, domain) ||
		       err_set(e, CAUSE_DATA, "the domain %.*s is too long", SPAN_ARG(domain));
	}
	if (!text_is_utf8(domain) || text_has_line_break(domain)) {
		return err_set(e, CAUSE_DATA, "the domain %.*s is not valid: it is not UTF-8",
			       SPAN_ARG(domain));
	}
	char *text MEM_AUTO = mem_copy(domain.data, domain.size);
	return convert(text, to, e);
}

bool idn_to_unicode(struct span domain, struct buf *to, struct err *e)
{
	struct functions call = { NULL };
	char *text MEM_AUTO = mem_copy(domain.data, domain.size), *letters = NULL;
	struct buf back BUF_AUTO;

	buf_init(&back, domain.size + 1);
	if (!text_is_ascii(domain) || text_has_line_break(domain)) {
		return err_set(e, CAUSE_DATA, "the domain %s is not ASCII", text);
	}
	if (!load(&call, e)) {
		return false;
	}
	int code = call.to_unicode_8z8z(text, &letters, 0);
	bool ok = code == IDN2_OK && idn_to_ascii(span_str(letters), &back, e) &&
		  text_equal_fold(buf_span(&back), domain) && buf_add_str(to, letters);
	if (code == IDN2_OK) {
		call.free(letters);
	}
	return ok || err_set(e, CAUSE_DATA, "the domain %s is not valid", text);
}
