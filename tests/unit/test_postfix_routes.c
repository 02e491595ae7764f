/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"
#include "import_unit.h"

#include "conf/route.h"

#define BASE "relayhost = [smtp.isp.test]:587\nmydestination =\nmyorigin = pi.home.test\n"
#define AUTH "smtp_sasl_auth_enable = yes\nsmtp_tls_security_level = secure\n" \
	     "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n"

static struct imported import_text(const char *main_cf, const char *name, const char *text)
{
	const struct file files[] = {
		{ "/etc/postfix/main.cf", main_cf },
		{ "/etc/postfix/sasl_passwd", "[smtp.isp.test]:587 isp:secret1\n"
					      "me@a.test a:secret2\n"
					      "@b.test b:secret3\n"
					      "[smtp.b.test]:587 bhost:secret4\n" },
		{ "/etc/postfix/senders", "me@a.test [smtp.a.test]:587\n@b.test [smtp.b.test]:587\n"
					  "you@a.test DUNNO\n" },
		{ "/etc/postfix/master.cf",
		  "smtp unix - - n - - smtp\n"
		  "smtps unix - - n - - smtp\n  -o smtp_tls_wrappermode=yes\n"
		  "  -o { smtp_tls_security_level = verify } -o smtp_fallback_relay=\n"
		  "maildrop unix - n n - - pipe flags=D user=x argv=/x\n"
		  "lmtp unix - - n - - lmtp\nsmtp inet n - n - - smtpd -o a=b\n" },
		{ name, text },
		{ NULL, NULL },
	};

	return imported(import_postfix, files, "/etc/postfix/main.cf");
}

static void senders_have_accounts(void **state)
{
	struct imported got = import_text(
		BASE AUTH "sender_dependent_relayhost_maps = hash:/etc/postfix/senders\n"
		"smtp_sender_dependent_authentication = yes\n"
		"smtp_generic_maps = static:isp@isp.test\n", NULL, NULL);

	(void)state;
	has(&got.text, "account me@a.test\nhost smtp.a.test\nport 587\nuser a\npassword secret2\n"
		       "tls_starttls on\nfrom me@a.test\nallow_from_override on\n"
		       "set_from_header auto\n");
	has(&got.text, "account b.test\nhost smtp.b.test\nport 587\nuser b\npassword secret3\n"
		       "tls_starttls on\nfrom *@b.test\nallow_from_override on\n");
	has(&got.text, "account default\nhost smtp.isp.test\nport 587\nuser isp\n");
	has_not(&got.text, "you@a.test");
	assert_string_equal(got.notes.data, "");
	assert_string_equal(got.im.accounts[2]->name, "default");
	imported_clear(&got);
}

static void logins_by_sender_need_no_other_server(void **state)
{
	struct imported got = import_text(
		BASE AUTH "smtp_sender_dependent_authentication = yes\n", NULL, NULL);

	(void)state;
	has(&got.text, "account me@a.test\nhost smtp.isp.test\nport 587\nuser a\n");
	has(&got.text, "account b.test\nhost smtp.isp.test\nport 587\nuser b\n");
	imported_clear(&got);
	/* Without it, the login is the server's. */
	got = import_text(BASE AUTH "sender_dependent_relayhost_maps = "
			  "hash:/etc/postfix/senders\n", NULL, NULL);
	has(&got.text, "account b.test\nhost smtp.b.test\nport 587\nuser bhost\n");
	has_not(&got.text, "secret2");
	imported_clear(&got);
}

static void spares_are_accounts(void **state)
{
	struct imported got = import_text(
		"mydestination =\nmyorigin = pi.home.test\n" AUTH
		"relayhost = [smtp.isp.test]:587, [two.test]\n  [three.test]:26\n"
		"smtp_fallback_relay = [two.test] [four.test]\n", NULL, NULL);

	(void)state;
	has(&got.text, "fallback two.test three.test two.test-2 four.test\n");
	has(&got.text, "account three.test\nhost three.test\nport 26\n");
	has(&got.notes, "there is no entry for [two.test]: no login");
	assert_int_equal(got.im.account_count, 5);
	assert_string_equal(got.im.accounts[0]->name, "default");
	imported_clear(&got);
}

static void no_more_servers_than_are_tried(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 16);
	assert_true(buf_add_str(&text, "mydestination =\nsmtp_fallback_relay = [z.test]\nrelayhost ="));
	for (unsigned i = 0; i < 50; i++) {
		assert_true(buf_printf(&text, " [h%u.test]", i));
	}
	assert_true(buf_add_str(&text, "\n"));
	struct imported got = import_text(text.data, NULL, NULL);
	has(&got.text, "account default\nhost h0.test\n");
	has(&got.text, " h30.test h31.test\n");
	has(&got.notes, "relayhost: not carried over: relay tries 32 servers; not [h32.test], and "
			"those behind it");
	has(&got.notes, "smtp_fallback_relay: not carried over: relay tries 32 servers; not "
			"[z.test], and those behind it");
	assert_int_equal(got.im.account_count, 32);
	imported_clear(&got);
	buf_clear(&text);
}

static void transports_are_accounts(void **state)
{
	struct imported got = import_text(
		BASE "transport_maps = hash:/etc/postfix/transport\nsmtp_fallback_relay=[fb.test]\n"
		"smtp_tls_security_level=secure\n",
		"/etc/postfix/transport",
		".example.org smtp:[deep.test]\n"
		".a.example.org smtp:[deep.test]\n"
		"example.org smtp:[one.test]:26\n"
		"example.com smtp:[one.test]:26\n"
		"me@example.org smtps:[one.test]:465\n"
		"l.example lmtp:unix:/run/lmtp\n"
		"local.example local:\nmore.example local:\n"
		"pipe.example maildrop:x\n"
		"free.example smtp:\n"
		"keep.example :\n"
		"[192.0.2.1] smtp:[one.test]\n"
		"a*.example smtp:[one.test]\n"
		"rel.example lmtp:unix:private/x\n");

	(void)state;
	has(&got.text, "account one.test-2\nhost one.test\nport 465\ntls_starttls off\n"
		       "to me@example.org\n");
	has(&got.text, "account one.test\nhost one.test\nport 26\ntls_starttls on\n"
		       "to *@example.org *@example.com\nfallback fb.test\n");
	has(&got.text, "socket /run/lmtp\nprotocol lmtp\ntls off\nto *@l.example\n");
	has(&got.text, "to *@*.a.example.org\n");
	/* What says more is first. */
	assert_string_equal(got.im.accounts[0]->name, "default");
	assert_string_equal(got.im.accounts[1]->name, "one.test-2");
	const char *deep = strstr(got.text.data, "to *@*.a.example.org");
	assert_true(deep && deep < strstr(got.text.data, "to *@*.example.org"));
	has(&got.notes, "transport:7: transport_maps: not carried over: local: relay has no such "
			"delivery (2 lines)");
	has(&got.notes, "transport:9: transport_maps: not carried over: maildrop");
	has(&got.notes, "transport:10: transport_maps: not carried over: smtp: goes to the "
			"recipient's own server");
	has(&got.notes, "transport:11: transport_maps: not carried over: an exception");
	has(&got.notes, "not an address or a domain (2 lines)");
	has(&got.notes, "transport:14: transport_maps: not carried over: a socket in Postfix's");
	imported_clear(&got);
}

/* The most that is said about the recipient counts, wherever the line stood. */
static void recipients_go_where_postfix_sends_them(void **state)
{
	static const char *const rows[][2] = {
		{ "me@example.org", "address.test" },	 { "me+tag@example.org", "address.test" },
		{ "you@example.org", "domain.test" },	 { "you@a.example.org", "parent.test" },
		{ "you@b.a.example.org", "deep.test" },	 { "you@c.b.a.example.org", "deep.test" },
		{ "you@x.example.org", "exact.test" },	 { "you@y.x.example.org", "parent.test" },
		{ "you@example.com", "domain.test" },	 { "you@notexample.org", "isp.test" },
		{ "you@org", "isp.test" },
	};
	struct imported got = import_text(
		"mydestination =\nmyorigin = pi.home.test\nrelayhost = [isp.test]:587\n"
		"transport_maps = hash:/etc/postfix/transport\n"
		"smtp_fallback_relay = [spare.test]\n",
		"/etc/postfix/transport",
		".example.org smtp:[parent.test]\n"
		"example.org smtp:[domain.test]\n"
		".a.example.org smtp:[deep.test]\n"
		"x.example.org smtp:[exact.test]\n"
		"me@example.org smtp:[address.test]\n"
		"example.com smtp:[domain.test]\n");
	const struct account *chain[ROUTE_CHAIN_MAX];
	struct conf c;
	struct route route;
	struct err e = { 0 };
	size_t count = 0;

	(void)state;
	good(&c, got.text.data, NULL);
	struct routes *r = routes_new(&c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(routes_find(r, NULL, "root@pi.home.test", rows[i][0], &route, &e));
		if (strcmp(conf_text(route.account, KEY_HOST), rows[i][1]) != 0) {
			fail_msg("%s: %s\n%s", rows[i][0], conf_text(route.account, KEY_HOST),
				 got.text.data);
		}
		assert_true(route_chain(&c, route.account, chain, &count, &e));
		assert_int_equal(count, 2);
		assert_string_equal(conf_text(chain[1], KEY_HOST), "spare.test");
	}
	routes_free(r);
	conf_clear(&c);
	imported_clear(&got);
}

static void a_star_is_the_default(void **state)
{
	struct imported got = import_text(BASE "transport_maps = hash:/etc/postfix/transport\n",
					  "/etc/postfix/transport", "* smtps:[all.test]:465\n");

	(void)state;
	has(&got.text, "account default\nhost all.test\nport 465\ntls_starttls off\n");
	assert_int_equal(got.im.account_count, 1);
	imported_clear(&got);
}

/* More patterns than fit into a line, more servers than there can be accounts. */
static void many_transports_are_bounded(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 8u << 20);
	for (unsigned i = 0; i < 10000; i++) {
		assert_true(buf_printf(&text, "d%u.example.org smtp:[one.test]\n", i));
	}
	struct imported got = import_text(BASE "transport_maps = hash:/etc/postfix/transport\n",
					  "/etc/postfix/transport", text.data);
	has(&got.text, "*@d0.example.org");
	has(&got.text, "*@d9999.example.org\n");
	has(&got.text, "account one.test-2 : one.test\nto *@d");
	assert_string_equal(got.notes.data, "");
	imported_clear(&got);
	buf_reset(&text);
	for (unsigned i = 0; i < 13000; i++) {
		assert_true(buf_printf(&text, "d%u.example.org smtp:[h%u.test]\n", i, i));
	}
	got = import_text(BASE "transport_maps = hash:/etc/postfix/transport\n",
			  "/etc/postfix/transport", text.data);
	has(&got.text, "account default\n");
	has(&got.notes, "too many different servers (1001 lines)");
	imported_clear(&got);
	buf_clear(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senders_have_accounts),
		cmocka_unit_test(logins_by_sender_need_no_other_server),
		cmocka_unit_test(spares_are_accounts),
		cmocka_unit_test(no_more_servers_than_are_tried),
		cmocka_unit_test(transports_are_accounts),
		cmocka_unit_test(recipients_go_where_postfix_sends_them),
		cmocka_unit_test(a_star_is_the_default),
		cmocka_unit_test(many_transports_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
