/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/mem.h"
#include "queue/entry.h"

#define FIRST "relay-queue 1 complete size=00000000000000012345 body=7bit     \n"
#define LEAST "arrival: 5\naccount: a\nsender: <>\nrecipient: <c@d>\n"

static const char whole[] =
	"relay-queue 1 complete size=00000000000000012345 body=8bit     \n"
	"uid: 1000\n"
	"arrival: 1763776000 (2025-11-22 01:46:40 UTC)\n"
	"account: work mail\n"
	"config: /home/\xc3\xa9/ my\trc\n"
	"setting: port=2525\n"
	"setting: passwordeval=printf a=b\n"
	"setting: user=\n"
	"sender: <me@h.example>\n"
	"via: <me@corp.example> corp mail\n"
	"via: <> other\n"
	"recipient: <c@d>\n"
	"recipient: <\"a> \\\" orcpt=b\"@d.example> orcpt=rfc822;x y@z\n"
	"recipient: <root> via=2 notify=never\n"
	"recipient: <r@d> via=1 notify=success,delay orcpt=rfc822; notify=x orcpt=y\n"
	"envid: id 1\n"
	"notify: failure,delay\n"
	"return: headers\n"
	"smtputf8: yes\n"
	"\n";

static void fill(struct queue_entry *v)
{
	struct err e;

	queue_entry_init(v);
	v->is_complete = v->is_8bit = v->needs_smtputf8 = true;
	v->size = 12345;
	v->arrival = 1763776000;
	v->uid = 1000;
	v->account = mem_str("work mail");
	v->config = mem_str("/home/\xc3\xa9/ my\trc");
	queue_entry_add_setting(v, "port", "2525");
	queue_entry_add_setting(v, "passwordeval", "printf a=b");
	queue_entry_add_setting(v, "user", "");
	v->sender = mem_str("me@h.example");
	assert_true(queue_entry_add_rcpt(v, "c@d", NULL, &e));
	assert_true(queue_entry_add_rcpt(v, "\"a> \\\" orcpt=b\"@d.example", "rfc822;x y@z", &e));
	assert_true(queue_entry_add_rcpt(v, "root", NULL, &e));
	v->rcpts[2].notify = 1;
	v->rcpts[2].via = 2;
	assert_true(queue_entry_add_rcpt(v, "r@d", "rfc822; notify=x orcpt=y", &e));
	v->rcpts[3].notify = 2 | 8;
	v->rcpts[3].via = 1;
	assert_true(queue_entry_add_via(v, "corp mail", "me@corp.example", &e));
	assert_true(queue_entry_add_via(v, "other", "", &e));
	v->envid = mem_str("id 1");
	v->notify = 4 | 8;
	v->ret = 1;
}

static void written_as_documented(void **state)
{
	struct queue_entry v;
	struct buf text BUF_AUTO;
	struct err e;
	char line[QUEUE_FIRST_LINE + 1];

	(void)state;
	buf_init(&text, 1 << 20);
	fill(&v);
	assert_true(queue_head_write(&v, &text, &e));
	assert_string_equal(text.data, whole);
	v.is_complete = false;
	queue_first_line(&v, line);
	assert_string_equal(
		line, "relay-queue 1 writing  size=00000000000000000000 body=8bit     \n");
	v.is_complete = true;
	v.is_8bit = false;
	v.size = UINT64_MAX;
	queue_first_line(&v, line);
	assert_string_equal(
		line, "relay-queue 1 complete size=18446744073709551615 body=7bit     \n");
	queue_entry_clear(&v);
}

static void read_as_written(void **state)
{
	struct queue_entry v;
	struct buf again BUF_AUTO;
	struct err e;

	(void)state;
	buf_init(&again, 1 << 20);
	queue_entry_init(&v);
	memcpy(v.id, "1R4XKQ700000000", 16);
	for (int i = 0; i < 2; i++) {	/* the second time into an entry in use */
		assert_int_equal(queue_head_parse(&v, span_str(whole), &e), QUEUE_PARSED);
		assert_string_equal(v.id, "1R4XKQ700000000");
		assert_int_equal(v.message_at, strlen(whole));
		assert_int_equal(v.size, 12345);
		assert_int_equal(v.uid, 1000);
		assert_int_equal(v.since, 1763776000);
		assert_int_equal(v.rcpt_count, 4);
		assert_string_equal(v.rcpts[1].orcpt, "rfc822;x y@z");
		assert_int_equal(v.rcpts[1].notify, 0);
		assert_int_equal(queue_rcpt_notify(&v, &v.rcpts[1]), 4 | 8);
		assert_int_equal(queue_rcpt_notify(&v, &v.rcpts[2]), 1);
		assert_int_equal(queue_rcpt_notify(&v, &v.rcpts[3]), 2 | 8);
		assert_int_equal(queue_entry_waiting(&v), 4);
		assert_int_equal(v.via_count, 2);
		assert_string_equal(queue_via_account(&v, v.rcpts[0].via), "work mail");
		assert_string_equal(queue_via_sender(&v, v.rcpts[0].via), "me@h.example");
		assert_string_equal(queue_via_account(&v, v.rcpts[3].via), "corp mail");
		assert_string_equal(queue_via_sender(&v, v.rcpts[3].via), "me@corp.example");
		assert_string_equal(queue_via_sender(&v, v.rcpts[2].via), "");
		assert_int_equal(queue_entry_via(&v), 0);
		v.rcpts[0].status = v.rcpts[1].status = QUEUE_SENT;
		assert_int_equal(queue_entry_via(&v), 2);
		v.rcpts[0].status = v.rcpts[1].status = QUEUE_WAITING;
		assert_false(v.has_state || v.is_warned);
	}
	assert_true(queue_head_write(&v, &again, &e));
	assert_string_equal(again.data, whole);
	queue_entry_clear(&v);
}

static void cut_at_any_byte_is_not_whole(void **state)
{
	struct queue_entry v;
	struct err e;

	(void)state;
	queue_entry_init(&v);
	for (size_t size = 0; size < strlen(whole); size++) {
		char *exact = mem_copy(whole, size);
		assert_int_equal(queue_head_parse(&v, span_of(exact, size), &e), QUEUE_CUT);
		free(exact);
	}
	queue_entry_clear(&v);
}

static void damage_is_named(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "Received: from x by y; and so on until there are 64 bytes or more\n\n",
		  "does not begin" },
		{ "relay-queue 2 complete size=00000000000000012345 body=7bit     \n" LEAST "\n",
		  "version 2 " },
		{ "relay-queue 10 complete size=0000000000000012345 body=7bit     \n" LEAST "\n",
		  "version 10 " },
		{ "relay-queue 1 complete size=99999999999999999999 body=7bit     \n" LEAST "\n",
		  "first line" },
		{ "relay-queue 1 complete size=09223372036854775807 body=7bit     \n" LEAST "\n",
		  "first line" },
		{ "relay-queue 1 complete size=-0000000000000012345 body=7bit     \n" LEAST "\n",
		  "first line" },
		{ "relay-queue 1 complete size= 0000000000000012345 body=7bit     \n" LEAST "\n",
		  "first line" },
		{ "relay-queue 1 complete size=00000000000000012345 body=9bit     \n" LEAST "\n",
		  "first line" },
		{ "relay-queue 1 complete size=00000000000000012345 body=7bit   x \n" LEAST "\n",
		  "first line" },
		{ "relay-queue 1 complite size=00000000000000012345 body=7bit     \n" LEAST "\n",
		  "first line" },
		{ "relay-queue 1 complete size=00000000000000012345 body=7bit      " LEAST "\n",
		  "does not begin" },
		{ FIRST "\n", "no recipient" },
		{ FIRST "account: a\nsender: <>\nrecipient: <c@d>\n\n", "no arrival" },
		{ FIRST "arrival: 5\nsender: <>\nrecipient: <c@d>\n\n", "no account" },
		{ FIRST "arrival: 5\naccount: a\nrecipient: <c@d>\n\n", "no sender" },
		{ FIRST LEAST "account: b\n\n", "account twice" },
		{ FIRST LEAST "arrival: 5\n\n", "arrival twice" },
		{ FIRST LEAST "sender: <>\n\n", "sender twice" },
		{ FIRST LEAST "config: /a\nconfig: /b\n\n", "config twice" },
		{ FIRST LEAST "envid: /a\nenvid: /b\n\n", "envid twice" },
		{ FIRST LEAST "notify: never\nnotify: never\n\n", "notify twice" },
		{ FIRST LEAST "no colon\n\n", "not well-formed" },
		{ FIRST LEAST ": no name\n\n", "not well-formed" },
		{ FIRST LEAST "envid:x\n\n", "not well-formed" },
		{ FIRST LEAST "envid:\n\n", "not well-formed" },
		{ FIRST LEAST "envid: a\x1b[31m\n\n", "not well-formed" },
		{ FIRST LEAST "envid: a\r\n\r\n\n", "not well-formed" },
		{ FIRST LEAST "envid: a\x7f\n\n", "not well-formed" },
		{ FIRST LEAST "arrival : 5\x01\n\n", "not well-formed" },
		{ FIRST LEAST "uid: 1\nuid: 1\n\n", "uid twice" },
		{ FIRST "uid: -1\n\n", "wrong line" },
		{ FIRST "uid: 4294967295\n\n", "wrong line" },
		{ FIRST "uid: joe\n\n", "wrong line" },
		{ FIRST "arrival: x\n\n", "arrival: x" },
		{ FIRST "arrival: -5\n\n", "wrong line" },
		{ FIRST "arrival: 253402300800\n\n", "wrong line" },
		{ FIRST "arrival: 99999999999999999999999\n\n", "wrong line" },
		{ FIRST "arrival: 5 or so\n\n", "wrong line" },
		{ FIRST "arrival: 5 \n\n", "wrong line" },
		{ FIRST "sender: a@b\n\n", "wrong line" },
		{ FIRST "sender: <a@b\n\n", "wrong line" },
		{ FIRST "sender: <a@b> \n\n", "wrong line" },
		{ FIRST "sender: <a@b> orcpt=x\n\n", "wrong line" },
		{ FIRST "sender: <a b@c>\n\n", "wrong line" },
		{ FIRST "sender: <\"a>\n\n", "wrong line" },
		{ FIRST "sender: <a@>\n\n", "wrong line" },
		{ FIRST "sender: <\xff@c>\n\n", "wrong line" },
		{ FIRST "recipient: <>\n\n", "wrong line" },
		{ FIRST "recipient: <c@d>orcpt=x\n\n", "wrong line" },
		{ FIRST "recipient: <c@d> notify=\n\n", "wrong line" },
		{ FIRST "recipient: <c@d> via=\n\n", "wrong line" },
		{ FIRST "recipient: <c@d> via=0\n\n", "wrong line" },
		{ FIRST "recipient: <c@d> via=-1\n\n", "wrong line" },
		{ FIRST "recipient: <c@d> via=10001\n\n", "wrong line" },
		{ FIRST "recipient: <c@d> via=1x\n\n", "wrong line" },
		{ FIRST "recipient: <c@d> notify=never via=1\n\n", "wrong line" },
		{ FIRST "via: a@b c\n\n", "wrong line" },
		{ FIRST "via: <a@b>\n\n", "wrong line" },
		{ FIRST "via: <a@b> \n\n", "wrong line" },
		{ FIRST "via: <a b> c\n\n", "wrong line" },
		{ FIRST LEAST "recipient: <e@f> via=1\n\n", "not there" },
		{ FIRST LEAST "via: <> b\nrecipient: <e@f> via=2\n\n", "not there" },
		{ FIRST "recipient: <c@d> notify=never,\n\n", "wrong line" },
		{ FIRST "recipient: <c@d> notify=delay,delay\n\n", "wrong line" },
		{ FIRST "recipient: <c@d> notify=often\n\n", "wrong line" },
		{ FIRST "recipient: <c@d> notify= orcpt=x\n\n", "wrong line" },
		{ FIRST "recipient: <c@d> notify=never x\n\n", "wrong line" },
		{ FIRST "recipient: <c@d> notify=never notify=never\n\n", "wrong line" },
		{ FIRST "sender: <c@d> notify=never\n\n", "wrong line" },
		{ FIRST "recipient: <c@d> <e@f>\n\n", "wrong line" },
		{ FIRST "setting: port\n\n", "wrong line" },
		{ FIRST "setting: =2525\n\n", "wrong line" },
		{ FIRST "notify: sometimes\n\n", "wrong line" },
		{ FIRST "notify: \n\n", "wrong line" },
		{ FIRST "notify: delay,\n\n", "wrong line" },
		{ FIRST "notify: ,delay\n\n", "wrong line" },
		{ FIRST "notify: delay,delay\n\n", "wrong line" },
		{ FIRST "return: HDRS\n\n", "wrong line" },
		{ FIRST "smtputf8: no\n\n", "wrong line" },
	};
	struct queue_entry v;

	(void)state;
	queue_entry_init(&v);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { 0 };
		if (queue_head_parse(&v, span_str(cases[i].text), &e) != QUEUE_DAMAGED ||
		    e.cause != CAUSE_DATA || !strstr(e.text, cases[i].said)) {
			fail_msg("case %zu, %s: \"%s\"", i, cases[i].said, e.text);
		}
	}
	queue_entry_clear(&v);
}

static void nul_is_damage(void **state)
{
	static const char text[] = FIRST "account: a\0b\n" LEAST "\n";
	struct queue_entry v;
	struct err e;

	(void)state;
	queue_entry_init(&v);
	assert_int_equal(queue_head_parse(&v, span_of(text, sizeof(text) - 1), &e),
			 QUEUE_DAMAGED);
	queue_entry_clear(&v);
}

static void later_names_are_passed_over(void **state)
{
	struct queue_entry v;
	struct err e;
	const char *text = FIRST "priority: high\n" LEAST "priority: low\n\nbody";

	(void)state;
	queue_entry_init(&v);
	assert_int_equal(queue_head_parse(&v, span_str(text), &e), QUEUE_PARSED);
	assert_int_equal(v.message_at, strlen(text) - 4);
	assert_string_equal(v.sender, "");
	assert_int_equal(v.uid, -1);
	assert_false(v.config || v.envid || v.notify || v.ret || v.needs_smtputf8);
	queue_entry_clear(&v);
}

static void writing_is_not_read_further(void **state)
{
	struct queue_entry v;
	struct err e;

	(void)state;
	queue_entry_init(&v);
	assert_int_equal(queue_head_parse(&v, span_str("relay-queue 1 writing  "
			 "size=00000000000000000000 body=7bit     \ngarbage"), &e),
			 QUEUE_WRITING);
	assert_false(v.is_complete);
	queue_entry_clear(&v);
}

static void what_could_not_be_read_back_is_not_written(void **state)
{
	static const struct {
		const char *account, *config, *value, *sender, *rcpt, *orcpt, *envid;
	} cases[] = {
		{ "a\nsender: <x@y>", NULL, "v", "", "c@d", NULL, NULL },
		{ "a", "/x\ny", "v", "", "c@d", NULL, NULL },
		{ "a", "/x", "v\nrecipient: <x@y>", "", "c@d", NULL, NULL },
		{ "a", "/x", "v\r", "", "c@d", NULL, NULL },
		{ "a", "/x", "v", "a b@c", "c@d", NULL, NULL },
		{ "a", "/x", "v", "a@b>\nx", "c@d", NULL, NULL },
		{ "a", "/x", "v", "", "", NULL, NULL },
		{ "a", "/x", "v", "", "c@d> x", NULL, NULL },
		{ "a", "/x", "v", "", "c@d", "rfc822;a\nb", NULL },
		{ "a", "/x", "v", "", "c@d", NULL, "\x1b" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct queue_entry v;
		struct buf text BUF_AUTO;
		struct err e = { 0 };
		buf_init(&text, 1 << 20);
		queue_entry_init(&v);
		v.account = mem_str(cases[i].account);
		v.config = cases[i].config ? mem_str(cases[i].config) : NULL;
		queue_entry_add_setting(&v, "user", cases[i].value);
		v.sender = mem_str(cases[i].sender);
		assert_true(queue_entry_add_rcpt(&v, cases[i].rcpt, cases[i].orcpt, &e));
		v.envid = cases[i].envid ? mem_str(cases[i].envid) : NULL;
		assert_false(queue_head_write(&v, &text, &e));
		assert_int_equal(e.cause, CAUSE_DATA);
		queue_entry_clear(&v);
	}
}

static void full_buffer_is_an_error(void **state)
{
	struct queue_entry v;

	(void)state;
	fill(&v);
	for (size_t max = 0; max < strlen(whole); max++) {
		struct buf text BUF_AUTO;
		struct err e = { 0 };
		buf_init(&text, max);
		assert_false(queue_head_write(&v, &text, &e));
		assert_int_equal(e.cause, CAUSE_DATA);
	}
	queue_entry_clear(&v);
}

static void many_recipients(void **state)
{
	enum { MOST = 100000 };
	struct queue_entry v, again;
	struct buf text BUF_AUTO;
	struct err e = { 0 };
	char addr[40];

	(void)state;
	buf_init(&text, QUEUE_HEAD_MAX);
	queue_entry_init(&v);
	queue_entry_init(&again);
	v.account = mem_str("a");
	v.sender = mem_str("");
	for (int i = 0; i < MOST; i++) {
		snprintf(addr, sizeof(addr), "user%d@example.org", i);
		assert_true(queue_entry_add_rcpt(&v, addr, NULL, &e));
	}
	assert_false(queue_entry_add_rcpt(&v, "one@more", NULL, &e));
	assert_int_equal(e.cause, CAUSE_DATA);
	v.is_complete = true;
	assert_true(queue_head_write(&v, &text, &e));
	assert_int_equal(queue_head_parse(&again, buf_span(&text), &e), QUEUE_PARSED);
	assert_int_equal(again.rcpt_count, MOST);
	assert_string_equal(again.rcpts[MOST - 1].addr, addr);
	buf_drop_end(&text, 1);
	assert_true(buf_add_str(&text, "recipient: <one@more>\n\n"));
	assert_int_equal(queue_head_parse(&again, buf_span(&text), &e), QUEUE_DAMAGED);
	queue_entry_clear(&v);
	queue_entry_clear(&again);
}

static void groups_differ_when_anything_differs(void **state)
{
	struct queue_entry v[4];
	struct buf text[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		fill(&v[i]);
	}
	queue_entry_add_setting(&v[1], "port", "25");
	free(v[2].config);
	v[2].config = NULL;
	free(v[3].sender);
	v[3].sender = mem_str("other@x");
	for (size_t i = 0; i < 4; i++) {
		buf_init(&text[i], 1000);
		assert_true(queue_entry_group(&v[i], 0, &text[i]));
	}
	assert_string_not_equal(text[0].data, text[1].data);
	assert_string_not_equal(text[0].data, text[2].data);
	assert_string_equal(text[0].data, text[3].data);
	struct buf other BUF_AUTO;
	buf_init(&other, 1000);
	assert_true(queue_entry_group(&v[0], 1, &other));
	assert_string_not_equal(text[0].data, other.data);
	for (size_t i = 0; i < 4; i++) {
		struct buf small BUF_AUTO;
		buf_init(&small, text[i].size - 1);
		assert_false(queue_entry_group(&v[i], 0, &small));
		buf_clear(&text[i]);
		queue_entry_clear(&v[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_as_documented),
		cmocka_unit_test(read_as_written),
		cmocka_unit_test(cut_at_any_byte_is_not_whole),
		cmocka_unit_test(damage_is_named),
		cmocka_unit_test(nul_is_damage),
		cmocka_unit_test(later_names_are_passed_over),
		cmocka_unit_test(writing_is_not_read_further),
		cmocka_unit_test(what_could_not_be_read_back_is_not_written),
		cmocka_unit_test(full_buffer_is_an_error),
		cmocka_unit_test(many_recipients),
		cmocka_unit_test(groups_differ_when_anything_differs),
	};
	return cmocka_run_group_tests_name("queue/head", tests, NULL, NULL);
}
