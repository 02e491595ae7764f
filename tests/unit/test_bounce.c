/* SPDX-License-Identifier: ISC */
/* Who is told what; and the report that stands in the queue afterwards. */
#include "conf_unit.h"

#include "app/bounce.h"
#include "base/clock.h"
#include "base/mem.h"
#include "smtp/client.h"

#include <ftw.h>
#include <unistd.h>

static char folder[] = "/tmp/relay-bounce.XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 10, FTW_DEPTH | FTW_PHYS);
}

static struct identity laptop(const char *mailname)
{
	return (struct identity){ .host = mem_str("laptop"),
				  .canonical = mem_str("laptop.home.example"),
				  .mailname = mem_str(mailname) };
}

/* -- who is told --------------------------------------------------------------------------- */

static void the_sender_is_told_unless_it_is_a_local_name(void **state)
{
	static const struct {
		const char *sender, *system_mail, *told;
		const char *mailname;
	} rows[] = {
		{ "me@x.example", NULL, "me@x.example" },
		{ "me@x.example", "ops@x.example", "me@x.example" },
		{ "", NULL, NULL },
		{ "", "ops@x.example", NULL },
		{ "root", NULL, NULL },
		{ "root", "ops@x.example", "ops@x.example" },
		{ "root@LOCALHOST", "ops@x.example", "ops@x.example" },
		{ "root@localhost.localdomain", "ops@x.example", "ops@x.example" },
		{ "root@Laptop", "ops@x.example", "ops@x.example" },
		{ "root@laptop.home.Example", "ops@x.example", "ops@x.example" },
		{ "root@laptop.home.example", NULL, NULL },
		{ "me@laptop.example", "ops@x.example", "me@laptop.example" },
		{ "me@laptops", "ops@x.example", "me@laptops" },
		{ "me@home.example", "ops@x.example", "me@home.example" },
		{ "\"a@localhost\"@x.example", "ops@x.example", "\"a@localhost\"@x.example" },
		{ "root@Oldname", "ops@x.example", "ops@x.example", "oldname" },
		{ "root@oldname", "ops@x.example", "root@oldname", "home.example" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf c;
		struct identity id = laptop(rows[i].mailname ? rows[i].mailname : "home.example");
		char rc[128];
		snprintf(rc, sizeof(rc), "host h\nsystem_mail %s\n",
			 rows[i].system_mail ? rows[i].system_mail : "");
		struct account *a = good(&c, rows[i].system_mail ? rc : "host h\n", NULL);
		struct queue_entry v = { .sender = (char *)(uintptr_t)rows[i].sender };
		char *told = bounce_address(&v, a, &id);
		if (rows[i].told) {
			assert_non_null(told);
			assert_string_equal(told, rows[i].told);
		} else {
			assert_null(told);
		}
		free(told);
		conf_clear(&c);
		identity_clear(&id);
	}
}

/* A canonical name costs a look-up: not for a domain that cannot be it. */
static void other_domains_cost_no_look_up(void **state)
{
	static const char *const senders[] = { "me@x.example", "me@laptop", "me@localhost", "me" };
	struct identity id = { .host = mem_str("laptop") };
	struct conf c;
	struct account *a = good(&c, "host h\n", NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
		struct queue_entry v = { .sender = (char *)(uintptr_t)senders[i] };
		free(bounce_address(&v, a, &id));
		assert_null(id.canonical);
	}
	conf_clear(&c);
	identity_clear(&id);
}

static void notify_decides_which_reports_are_wanted(void **state)
{
	static const struct {
		unsigned notify;
		bool failed, delayed, relayed;
	} rows[] = {
		{ 0, true, true, false },
		{ SMTP_NOTIFY_NEVER, false, false, false },
		{ SMTP_NOTIFY_FAILURE, true, false, false },
		{ SMTP_NOTIFY_DELAY, false, true, false },
		{ SMTP_NOTIFY_SUCCESS, false, false, true },
		{ SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY, true, true, true },
		/* Not a valid combination; silence is what was asked for most clearly. */
		{ SMTP_NOTIFY_NEVER | SMTP_NOTIFY_FAILURE, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* Of the message; of the recipient, whose word counts more. */
		for (unsigned of_message = 0; of_message <= SMTP_NOTIFY_DELAY; of_message++) {
			const bool is_own = rows[i].notify != 0;
			const struct queue_entry v = { .notify = is_own ? of_message : 0 };
			const struct queue_rcpt r = { .notify = rows[i].notify };
			const struct queue_entry all = { .notify = rows[i].notify };
			const struct queue_rcpt silent = { .notify = 0 };
			assert_int_equal(bounce_is_wanted(&v, &r, DSN_FAILED), rows[i].failed);
			assert_int_equal(bounce_is_wanted(&v, &r, DSN_DELAYED), rows[i].delayed);
			assert_int_equal(bounce_is_wanted(&v, &r, DSN_RELAYED), rows[i].relayed);
			assert_int_equal(bounce_is_wanted(&all, &silent, DSN_FAILED),
					 rows[i].failed);
			assert_int_equal(bounce_is_wanted(&all, &silent, DSN_RELAYED),
					 rows[i].relayed);
		}
	}
}

/* -- the report ------------------------------------------------------------------------------ */

/* What a test is about; the rest is the same for all. */
struct report_case {
	const char *rc;
	const char *sender;
	enum dsn_kind kind;
	unsigned notify, ret;
	const char *dsn, *text;
	size_t body_size;
	const char *body_start;
};

static const struct report_case usual = {
	.rc = "host h\nfrom me@x.example\n",
	.sender = "me@x.example",
	.dsn = "5.1.1",
	.text = "550 5.1.1 no such user",
	.body_size = 100,
	.body_start = "text",
};

struct report {
	bool is_told;
	struct buf text;	/* the message in the queue */
	struct queue_entry entry;
};

static void read_report(struct queue *q, const char *id, struct report *r)
{
	struct queue_file f;
	struct buf window BUF_AUTO;
	struct err e = { 0 };

	queue_file_init(&f);
	buf_init(&window, 1 << 20);
	/* It is not locked any more, and complete. */
	assert_int_equal(queue_claim(q, QUEUE_INCOMING, id, &f, &r->entry, &e), QUEUE_CLAIMED);
	assert_true(r->entry.is_complete);
	while (r->text.size < r->entry.size) {
		struct span bytes;
		assert_true(queue_read(&f, &r->entry, r->text.size, 1 << 16, &window, &bytes, &e));
		assert_true(buf_add_span(&r->text, bytes));
	}
	assert_true(queue_remove(q, &f, &e));
	queue_file_close(&f);
}

static struct report make_report(const struct report_case *t)
{
	struct report r = { 0 };
	struct identity id = laptop("home.example");
	struct conf c;
	struct account *a = good(&c, t->rc, NULL);
	struct queue *q;
	struct queue_entry v;
	struct message m;
	struct err e = { 0 };
	char report_id[QUEUE_ID_MAX];
	static const size_t which[] = { 1 };

	buf_init(&r.text, 4 << 20);
	assert_true(queue_open(folder, true, &q, &e));
	queue_entry_init(&v);
	queue_id_make(v.id, clock_us(), 1);
	v.account = mem_str("default");
	v.config = mem_str("/home/me/rc");
	v.sender = mem_str(t->sender);
	v.arrival = v.since = clock_now();
	v.notify = t->notify;
	v.ret = t->ret;
	v.envid = mem_str("env 1");
	queue_entry_add_setting(&v, "port", "2525");
	assert_true(queue_entry_add_rcpt(&v, "good@x.example", NULL, &e));
	assert_true(queue_entry_add_rcpt(&v, "bad@x.example", "rfc822;orig@x.example", &e));
	snprintf(v.rcpts[1].dsn, sizeof(v.rcpts[1].dsn), "%s", t->dsn);
	v.rcpts[1].text = mem_str(t->text);
	v.rcpts[1].is_reply = true;
	v.rcpts[1].server = mem_str("mx.x.example");
	message_init(&m);
	assert_true(buf_add_str(&m.header, "Subject: what it is about\r\n"));
	assert_true(buf_add_str(&m.body, t->body_start));
	while (m.body.size < t->body_size) {
		assert_true(buf_add_str(&m.body, "more of the text\r\n"));
	}
	m.body_size = m.body.size;
	m.is_8bit = (unsigned char)t->body_start[0] > 127;
	const struct bounce b = {
		.queue = q, .account = a, .id = &id, .kind = t->kind, .entry = &v, .message = &m,
		.rcpts = which, .rcpt_count = 1,
		.retry_until = v.arrival + 86400,
	};
	assert_true(bounce_put(&b, &r.is_told, report_id, &e));
	if (r.is_told) {
		read_report(q, report_id, &r);
	}
	struct queue_names names = { 0 };
	assert_true(queue_list(q, QUEUE_INCOMING, &names, &e));
	assert_int_equal(names.count, 0);
	queue_names_clear(&names);
	message_clear(&m);
	queue_entry_clear(&v);
	queue_close(q);
	conf_clear(&c);
	identity_clear(&id);
	return r;
}

static void clear_report(struct report *r)
{
	buf_clear(&r->text);
	if (r->is_told) {
		queue_entry_clear(&r->entry);
	}
}

static void check_has(const struct report *r, const char *part, bool want)
{
	assert_true(r->is_told);
	if ((memmem(r->text.data, r->text.size, part, strlen(part)) != NULL) != want) {
		fail_msg("%s \"%s\" in:\n%.3000s", want ? "no" : "there is", part, r->text.data);
	}
}

static void the_report_is_a_message_of_its_own(void **state)
{
	struct report r = make_report(&usual);
	const struct queue_entry *v = &r.entry;

	(void)state;
	assert_true(r.is_told);
	assert_string_equal(v->sender, "");
	assert_string_equal(v->account, "default");
	assert_string_equal(v->config, "/home/me/rc");
	assert_int_equal(v->setting_count, 1);
	assert_string_equal(v->settings[0].name, "port");
	assert_string_equal(v->settings[0].value, "2525");
	assert_int_equal(v->rcpt_count, 1);
	assert_string_equal(v->rcpts[0].addr, "me@x.example");
	assert_null(v->rcpts[0].orcpt);
	assert_null(v->envid);
	assert_int_equal(v->notify, SMTP_NOTIFY_NEVER);
	assert_int_equal(v->ret, SMTP_RET_DEFAULT);
	assert_false(v->is_8bit);
	assert_true(clock_now() - v->arrival < 60);
	check_has(&r, "\r\nFrom: Mail Delivery System <me@x.example>\r\n", true);
	check_has(&r, "\r\nTo: me@x.example\r\n", true);
	check_has(&r, "@x.example>\r\nAuto-Submitted: auto-", true);
	check_has(&r, "\r\nReporting-MTA: dns; laptop\r\n", true);
	check_has(&r, "\r\nOriginal-Envelope-Id: env 1\r\n", true);
	check_has(&r, "\r\nOriginal-Recipient: rfc822; orig@x.example\r\n", true);
	check_has(&r, "\r\nFinal-Recipient: rfc822; bad@x.example\r\n", true);
	check_has(&r, "\r\nRemote-MTA: dns; mx.x.example\r\n", true);
	check_has(&r, "good@x.example", false);
	clear_report(&r);
}

static void the_author_is_an_address_of_ones_own(void **state)
{
	static const struct {
		const char *rc, *sender, *from;
	} rows[] = {
		{ "host h\nfrom me@x.example\n", "you@y.example", "me@x.example" },
		{ "host h\nfrom *@x.example\n", "you@y.example", "you@y.example" },
		{ "host h\n", "you@y.example", "you@y.example" },
		{ "host h\nsystem_mail ops@x.example\n", "root", "MAILER-DAEMON@home.example" },
		{ "host h\nfrom me@laptop\nsystem_mail o@x.example\n", "root", "me@laptop" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct report_case t = usual;
		char want[128];
		t.rc = rows[i].rc;
		t.sender = rows[i].sender;
		struct report r = make_report(&t);
		snprintf(want, sizeof(want), "\r\nFrom: Mail Delivery System <%s>\r\n", rows[i].from);
		check_has(&r, want, true);
		clear_report(&r);
	}
}

static void ret_and_size_decide_what_goes_back(void **state)
{
	static const struct {
		enum dsn_kind kind;
		unsigned ret;
		size_t body_size;
		const char *dsn, *text;
		bool has_body;
	} rows[] = {
		{ DSN_FAILED, SMTP_RET_DEFAULT, 100, "5.1.1", "550 no", true },
		{ DSN_FAILED, SMTP_RET_DEFAULT, 49000, "5.1.1", "550 no", true },
		{ DSN_FAILED, SMTP_RET_DEFAULT, 50001, "5.1.1", "550 no", false },
		{ DSN_FAILED, SMTP_RET_HDRS, 100, "5.1.1", "550 no", false },
		{ DSN_FAILED, SMTP_RET_FULL, 60000, "5.1.1", "550 no", true },
		/* The server would refuse that again. */
		{ DSN_FAILED, SMTP_RET_FULL, 60000, "5.3.4", "552 5.3.4 too large", false },
		{ DSN_FAILED, SMTP_RET_FULL, 60000, "", "552 too large", false },
		/* RFC 3461 section 4.3: nothing failed. */
		{ DSN_DELAYED, SMTP_RET_FULL, 100, "4.4.1", "no route", false },
		{ DSN_RELAYED, SMTP_RET_FULL, 100, "2.0.0", "250 ok", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct report_case t = usual;
		t.kind = rows[i].kind;
		t.notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY;
		t.ret = rows[i].ret;
		t.body_size = rows[i].body_size;
		t.dsn = rows[i].dsn;
		t.text = rows[i].text;
		struct report r = make_report(&t);
		check_has(&r, "\r\n\r\nSubject: what it is about\r\n", true);
		check_has(&r, "more of the text", rows[i].has_body);
		check_has(&r, "--\r\n", true);
		assert_int_equal(r.text.size > rows[i].body_size, rows[i].has_body || rows[i].body_size < 1000);
		clear_report(&r);
	}
}

static void eight_bits_count_where_they_go_back(void **state)
{
	struct report_case t = usual;

	(void)state;
	t.body_start = "\xc3\xa4";
	struct report r = make_report(&t);
	assert_true(r.entry.is_8bit);
	clear_report(&r);
	t.ret = SMTP_RET_HDRS;
	r = make_report(&t);
	assert_false(r.entry.is_8bit);
	clear_report(&r);
}

static void nothing_is_put_when_nobody_can_be_told(void **state)
{
	static const char *const senders[] = { "", "root" };

	(void)state;
	for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
		struct report_case t = usual;
		t.sender = senders[i];
		struct report r = make_report(&t);
		assert_false(r.is_told);
		clear_report(&r);
	}
}

/* An address of the message's that is too long for a header line. */
static void a_sender_that_cannot_be_written_to_is_not_told(void **state)
{
	char sender[1000];
	struct report_case t = usual;

	(void)state;
	memset(sender, 'a', sizeof(sender));
	snprintf(sender + sizeof(sender) - 20, 20, "@x.example");
	t.sender = sender;
	struct report r = make_report(&t);
	assert_false(r.is_told);
	clear_report(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sender_is_told_unless_it_is_a_local_name),
		cmocka_unit_test(other_domains_cost_no_look_up),
		cmocka_unit_test(notify_decides_which_reports_are_wanted),
		cmocka_unit_test(the_report_is_a_message_of_its_own),
		cmocka_unit_test(the_author_is_an_address_of_ones_own),
		cmocka_unit_test(ret_and_size_decide_what_goes_back),
		cmocka_unit_test(eight_bits_count_where_they_go_back),
		cmocka_unit_test(nothing_is_put_when_nobody_can_be_told),
		cmocka_unit_test(a_sender_that_cannot_be_written_to_is_not_told),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
