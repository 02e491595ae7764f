/* SPDX-License-Identifier: ISC */
#include "import_unit.h"

static void settings_have_their_words(void **state)
{
	static const struct {
		const char *conf, *text, *notes;
	} rows[] = {
		{ "SMARTHOST h.test\nNULLCLIENT\n", "host h.test\nport 25\ntls off\n", "" },
		{ "SMARTHOST mail.test\nPORT 587 # x\nAUTHPATH /auth\nSECURETRANSFER\nSTARTTLS\n"
		  "NULLCLIENT\n",
		  "host mail.test\nport 587\nuser me@mail.test\npassword sec:ret\ntls_starttls on\n",
		  "dma.conf:5: SECURETRANSFER: changed: the certificate was not verified" },
		{ "SMARTHOST mail.test\nPORT 465\nSECURETRANSFER\nVERIFYCERT\nNULLCLIENT\n"
		  "CERTFILE /c\n", "port 465\ntls_starttls off\ntls_key_file /c\ntls_cert_file /c\n",
		  "" },
		{ "SMARTHOST h.test\nMASQUERADE me@isp.test\nNULLCLIENT\n",
		  "from me@isp.test\nallow_from_override off\n", "" },
		{ "SMARTHOST h.test\nMASQUERADE isp.test\nNULLCLIENT\n", "maildomain isp.test\n",
		  "MASQUERADE: changed" },
		{ "SMARTHOST h.test\nMASQUERADE me@\nNULLCLIENT\n", "host",
		  "MASQUERADE: not carried over" },
		{ "SMARTHOST h.test\nMAILNAME /etc/mailname\nNULLCLIENT\n", "maildomain a.test\n", "" },
		{ "SMARTHOST h.test\nALIASES /etc/aliases\n", "aliases /etc/aliases\n",
		  "mailboxes: changed" },
		{ "SMARTHOST h.test\nNULLCLIENT\nAUTHPATH /closed\nSECURETRANSFER\nVERIFYCERT\n",
		  "the login could not be read: /closed: Permission denied", "" },
		{ "NULLCLIENT\n", "not complete", "" },
		{ "SMARTHOST h.test\nNULLCLIENT\nDEFER\nSPOOLDIR /x\nFOO\n", "host",
		  "dma.conf:3: DEFER: not carried over" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct file files[] = {
			{ "/etc/dma/dma.conf", rows[i].conf },
			{ "/auth", "# x\nyou@b|b.test:no\nme@mail.test|mail.test:sec:ret\n" },
			{ "/etc/mailname", "a.test\n" },
			{ "/etc/aliases", "root: me@isp.test\n" },
			{ "/closed", NULL },
			{ NULL, NULL },
		};
		struct imported got = imported(import_dma, files, "/etc/dma/dma.conf");
		has(&got.text, rows[i].text);
		if (rows[i].notes[0]) {
			has(&got.notes, rows[i].notes);
		} else {
			assert_string_equal(got.notes.data, "");
		}
		has_not(&got.notes, "sec:ret");
		imported_clear(&got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_have_their_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
