/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/mime_head.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void the_kind_is_known(void **state)
{
	static const struct {
		const char *type;
		enum mime_kind kind;
		const char *boundary;
	} rows[] = {
		{ "text/plain", MIME_LEAF, "" },
		{ "", MIME_LEAF, "" },
		{ "nonsense", MIME_LEAF, "" },
		{ "multipart", MIME_LEAF, "" },
		{ "application/pkcs7-mime; boundary=x", MIME_LEAF, "" },
		{ "MULTIPART/Mixed; Boundary=\"a b \"", MIME_MULTIPART, "a b" },
		{ "multipart/unknown;\r\n\tboundary==_x?y", MIME_MULTIPART, "=_x?y" },
		{ "multipart/mixed (a comment); boundary=x", MIME_MULTIPART, "x" },
		{ "multipart/mixed", MIME_SEALED, "" },
		{ "multipart/mixed; boundary=\"\"", MIME_SEALED, "" },
		{ "multipart/mixed; boundary=\" \"", MIME_SEALED, "" },
		{ "multipart/mixed; boundary=\"\xc3\xbc\"", MIME_SEALED, "" },
		{ "multipart/signed; boundary=x", MIME_SEALED, "" },
		{ "multipart/encrypted; boundary=x", MIME_SEALED, "" },
		{ "message/rfc822", MIME_MESSAGE, "" },
		{ "message/partial; id=x", MIME_SEALED, "" },
		{ "message/external-body", MIME_SEALED, "" },
		{ "message/delivery-status", MIME_LEAF, "" },
		{ "message/global", MIME_LEAF, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char header[200];
		snprintf(header, sizeof(header), "A: b\r\ncontent-TYPE: %s\r\nContent-Type: x/y\r\n",
			 rows[i].type);
		struct mime_head h = mime_head_read(span_str(header), i % 2);
		assert_int_equal(h.kind, rows[i].kind);
		assert_int_equal(h.boundary_size, strlen(rows[i].boundary));
		assert_memory_equal(h.boundary, rows[i].boundary, h.boundary_size);
		assert_int_equal(h.why != NULL, h.kind == MIME_SEALED);
		assert_true(h.has_type && !h.has_version && !h.is_signed);
	}
}

static void a_boundary_has_its_bounds(void **state)
{
	char header[400];

	(void)state;
	for (int size = MIME_BOUNDARY_MAX - 1; size < MIME_BOUNDARY_MAX + 2; size++) {
		snprintf(header, sizeof(header), "Content-Type: multipart/mixed; boundary=%0*d\r\n",
			 size, 1);
		struct mime_head h = mime_head_read(span_str(header), false);
		assert_int_equal(h.kind, size <= MIME_BOUNDARY_MAX ? MIME_MULTIPART : MIME_SEALED);
		assert_int_equal(h.boundary_size, size <= MIME_BOUNDARY_MAX ? size : 0);
	}
}

static void the_encoding_is_known(void **state)
{
	static const struct {
		const char *value;
		enum mime_encoding encoding;
	} rows[] = {
		{ "7bit", MIME_7BIT }, { "8BIT", MIME_8BIT }, { " binary ", MIME_BINARY },
		{ "Quoted-Printable", MIME_QUOTED }, { "base64", MIME_BASE64 },
		{ "base64 (long)", MIME_BASE64 }, { "base64;x=y", MIME_BASE64 },
		{ "x-uuencode", MIME_OTHER }, { "8 bit", MIME_OTHER }, { "", MIME_NONE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char header[200];
		snprintf(header, sizeof(header),
			 "Content-Transfer-Encoding: %s\r\nContent-transfer-encoding: x\r\n",
			 rows[i].value);
		struct mime_head h = mime_head_read(span_str(header), false);
		assert_int_equal(h.encoding, rows[i].encoding);
		assert_int_equal(mime_head_is_identity(&h), rows[i].encoding <= MIME_BINARY);
		assert_int_equal(mime_head_is_undeclared(&h), rows[i].encoding <= MIME_BINARY);
		/* A message that is encoded, which is not allowed, is not looked into. */
		h = mime_head_read(span_str(header), true);
		assert_int_equal(h.kind, rows[i].encoding <= MIME_BINARY ? MIME_MESSAGE : MIME_LEAF);
		assert_false(mime_head_is_undeclared(&h));
	}
}

static void the_rest_is_known(void **state)
{
	struct mime_head h = mime_head_read(
		span_str("MIME-Version: 1.0\r\nContent-Type: multipart/Digest; boundary=x; "
			 "charset=\"Shift_JIS\"\r\nDKIM-Signature: x\r\n"), false);

	(void)state;
	assert_true(h.has_version && h.has_type && h.is_signed && h.is_digest);
	assert_string_equal(h.charset, "Shift_JIS");
	h = mime_head_read(span_str(""), false);
	assert_true(mime_head_is_undeclared(&h));
	assert_string_equal(h.charset, "");
	/* Longer than any name: none. */
	h = mime_head_read(span_str("Content-Type: text/plain; charset="
				    "x0123456789x0123456789x0123456789x0123456789\r\n"), false);
	assert_false(mime_head_is_undeclared(&h));
	assert_string_equal(h.charset, "");
}

static void what_claims_to_be_ascii_is_known(void **state)
{
	static const struct {
		const char *type;
		bool claims;
	} rows[] = {
		{ "text/plain; charset=us-ascii", true },
		{ "TEXT/plain;charset=\"ANSI_X3.4-1968\"", true },
		{ "text/plain; charset=ascii", true },
		{ "text/plain; charset=utf-8", false },
		{ "text/plain", false },
		{ "text/plain; charset=us-ascii; format=flowed", false },
		{ "text/plain; format=flowed; charset=us-ascii", false },
		{ "text/html; charset=us-ascii", false },
		{ "multipart/mixed; boundary=x; charset=us-ascii", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char header[200];
		snprintf(header, sizeof(header), "Content-Type: %s\r\n", rows[i].type);
		assert_int_equal(mime_head_read(span_str(header), false).claims_ascii,
				 rows[i].claims);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kind_is_known),
		cmocka_unit_test(a_boundary_has_its_bounds),
		cmocka_unit_test(the_encoding_is_known),
		cmocka_unit_test(the_rest_is_known),
		cmocka_unit_test(what_claims_to_be_ascii_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
