/* SPDX-License-Identifier: ISC */
/* The lines, word by word, as log tools match them. */
#include "conf_unit.h"

#include "app/maillog.h"
#include "base/clock.h"
#include "base/mem.h"

#include <unistd.h>

static char path[] = "/tmp/relay-maillog.XXXXXX";

static int make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	return fd >= 0 ? close(fd) : -1;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

#define ID "06H1PG5A0B1C2D3"
#define OTHER "06H1PG5A0B1C2D4"

/* A log with nothing but host, tag and text in its lines. */
struct fixture {
	struct conf conf;
	struct account *account;
	struct identity id;
	struct maillog *log;
	struct queue_entry entry;
	struct message message;
};

static void set_up(struct fixture *f, const char *settings)
{
	char rc[512];
	struct err e;

	assert_int_equal(truncate(path, 0), 0);
	snprintf(rc, sizeof(rc), "logfile %s\nlogfile_time_format none\n%s", path, settings);
	*f = (struct fixture){ 0 };
	f->account = good(&f->conf, rc, NULL);
	f->id.host = mem_str("laptop");
	f->log = maillog_open(f->account, &f->id);
	assert_non_null(f->log);
	queue_entry_init(&f->entry);
	snprintf(f->entry.id, sizeof(f->entry.id), "%s", ID);
	f->entry.account = mem_str("default");
	f->entry.sender = mem_str("me@x.example");
	f->entry.size = 321;
	f->entry.arrival = clock_now();
	assert_true(queue_entry_add_rcpt(&f->entry, "a@x.example", NULL, &e));
	assert_true(queue_entry_add_rcpt(&f->entry, "b@x.example", NULL, &e));
	message_init(&f->message);
	assert_true(buf_add_str(&f->message.header, "Subject: x\r\nMessage-ID: <1@x>\r\n"));
}

static void tear_down(struct fixture *f)
{
	maillog_close(f->log);
	message_clear(&f->message);
	queue_entry_clear(&f->entry);
	identity_clear(&f->id);
	conf_clear(&f->conf);
}

/* The file: `want` has %P where the process ID stands, after "laptop postfix/" in each line. */
static void expect(const char *want)
{
	char got[8192], text[8192] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	got[fread(got, 1, sizeof(got) - 1, file)] = '\0';
	fclose(file);
	for (const char *p = want; *p;) {
		const char *mark = strstr(p, "%P"), *end = mark ? mark : p + strlen(p);
		size_t used = strlen(text);
		snprintf(text + used, sizeof(text) - used, "%.*s", (int)(end - p), p);
		used = strlen(text);
		if (mark) {
			snprintf(text + used, sizeof(text) - used, "[%ld]", (long)getpid());
		}
		p = mark ? mark + 2 : end;
	}
	assert_string_equal(got, text);
}

static void a_message_arrives_with_three_lines(void **state)
{
	struct fixture f;
	char want[512];

	(void)state;
	set_up(&f, "host h\n");
	maillog_arrived(f.log, &f.entry, &f.message);
	snprintf(want, sizeof(want),
		 "laptop postfix/pickup%%P: " ID ": uid=%lu from=<me@x.example>\n"
		 "laptop postfix/cleanup%%P: " ID ": message-id=<1@x>\n"
		 "laptop postfix/qmgr%%P: " ID ": from=<me@x.example>, size=321, nrcpt=2 (queue active)\n",
		 (unsigned long)getuid());
	expect(want);
	tear_down(&f);
}

static void each_verdict_has_the_word_that_tools_count(void **state)
{
	static const struct {
		struct outcome outcome;
		bool perhaps;
		const char *dsn, *status;
	} rows[] = {
		{ { VERDICT_ACCEPTED, .text = "250 2.0.0 Ok" }, false, "2.0.0", "sent (250 2.0.0 Ok)" },
		{ { VERDICT_ACCEPTED, .text = "250 Ok", .enhanced = "2.6.0" }, true, "2.6.0",
		  "sent (250 Ok; possible duplicate)" },
		{ { VERDICT_PERMANENT, .text = "550 no", .cause = CAUSE_RCPT }, false, "5.0.0",
		  "bounced (550 no)" },
		{ { VERDICT_PERMANENT, .text = "550 no", .enhanced = "5.1.1" }, true, "5.1.1",
		  "bounced (550 no)" },
		{ { VERDICT_TEMPORARY, .text = "450 busy", .enhanced = "4.2.1", .cause = CAUSE_TEMP },
		  false, "4.2.1", "deferred (450 busy)" },
		{ { VERDICT_TEMPORARY, .text = "lost", .cause = CAUSE_LOST }, false, "4.4.2",
		  "deferred (lost)" },
		/* A refused login: 5 for the session, but the mail is kept. */
		{ { VERDICT_TEMPORARY, .text = "535 no", .enhanced = "5.7.8", .cause = CAUSE_AUTH },
		  false, "4.7.8", "deferred (535 no)" },
		{ { VERDICT_UNKNOWN, .text = "lost", .cause = CAUSE_UNKNOWN }, false, "4.4.2",
		  "deferred (lost; possible duplicate)" },
		{ { VERDICT_UNTRIED }, false, "4.0.0", "deferred (no answer)" },
	};
	static const struct session_facts facts = { .host = "h.example", .port = 465,
						    .peer = "192.0.2.1",
						    .tls_version = "TLSv1.3", .mechanism = "PLAIN" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		struct delivery d;
		char want[512];
		set_up(&f, "host h.example\nport 465\n");
		f.entry.rcpts[0].status = QUEUE_SENT;	/* earlier: it is not tried */
		delivery_init(&d, &f.entry, 0, &f.message);
		assert_int_equal(d.job.txn.rcpt_count, 1);
		d.job.txn.rcpts[0].outcome = rows[i].outcome;
		d.perhaps[0] = rows[i].perhaps;
		maillog_attempt(f.log, &d, &facts);
		snprintf(want, sizeof(want),
			 "laptop postfix/smtp%%P: " ID ": to=<b@x.example>, relay=h.example[192.0.2.1]:465, "
			 "delay=0.00, dsn=%s, status=%s, account=default, tls=TLSv1.3, auth=PLAIN\n",
			 rows[i].dsn, rows[i].status);
		expect(want);
		delivery_clear(&d);
		tear_down(&f);
	}
}

static void the_relay_is_named_as_far_as_it_is_known(void **state)
{
	static const struct {
		const char *rc, *peer, *service, *relay;
	} rows[] = {
		{ "host h\n", "", "smtp", "none" },
		{ "host h\nport 25\n", "::1", "smtp", "h[::1]:25" },
		{ "socket /run/x\nprotocol lmtp\ntls off\n", "/run/x", "lmtp", "/run/x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		struct delivery d;
		struct session_facts facts = { 0 };
		char want[512];
		set_up(&f, rows[i].rc);
		facts.account = f.account;
		facts.port = conf_port(f.account);
		snprintf(facts.host, sizeof(facts.host), "%s",
			 conf_is_set(f.account, KEY_SOCKET) ? "" : conf_text(f.account, KEY_HOST));
		f.entry.rcpts[1].status = QUEUE_REFUSED;
		snprintf(facts.peer, sizeof(facts.peer), "%s", rows[i].peer);
		delivery_init(&d, &f.entry, 0, &f.message);
		d.job.txn.rcpts[0].outcome = (struct outcome){ VERDICT_ACCEPTED, .text = "250 Ok" };
		maillog_attempt(f.log, &d, &facts);
		snprintf(want, sizeof(want),
			 "laptop postfix/%s%%P: " ID ": to=<a@x.example>, relay=%s, delay=0.00, dsn=2.0.0, "
			 "status=sent (250 Ok), account=default, tls=none, auth=none\n",
			 rows[i].service, rows[i].relay);
		expect(want);
		delivery_clear(&d);
		tear_down(&f);
	}
}

static void delay_counts_from_the_arrival(void **state)
{
	static const struct {
		int64_t age;
		const char *delay;
	} rows[] = {
		{ 3600, ", delay=3600.00, " },
		{ 86400 * 3, ", delay=259200.00, " },
		/* The clock went back. */
		{ -86400 * 365, ", delay=0.00, " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		struct delivery d;
		static const struct session_facts facts;
		const struct err why = { .cause = CAUSE_DNS, .text = "no such host" };
		char got[4096];
		set_up(&f, "host h\n");
		f.entry.arrival -= rows[i].age;
		delivery_init(&d, &f.entry, 0, &f.message);
		maillog_attempt(f.log, &d, &facts);
		maillog_suspended(f.log, &d, &why);
		FILE *file = fopen(path, "r");
		assert_non_null(file);
		for (int line = 0; line < 4; line++) {
			assert_non_null(fgets(got, sizeof(got), file));
			/* A second can pass between two looks at the clock. */
			if (!strstr(got, rows[i].delay) && !strstr(got, "01.00, ")) {
				fail_msg("%s in %s", rows[i].delay, got);
			}
		}
		fclose(file);
		delivery_clear(&d);
		tear_down(&f);
	}
}

static void a_message_of_an_earlier_run_is_introduced_again(void **state)
{
	struct fixture f;
	struct delivery d;
	static const struct session_facts facts;

	(void)state;
	set_up(&f, "host h\n");
	f.entry.has_state = true;
	f.entry.rcpts[0].status = QUEUE_SENT;
	f.entry.rcpts[1].status = QUEUE_SENT;
	delivery_init(&d, &f.entry, 0, &f.message);
	maillog_attempt(f.log, &d, &facts);
	expect("laptop postfix/qmgr%P: " ID ": from=<me@x.example>, size=321, nrcpt=2 (queue active)\n");
	delivery_clear(&d);
	tear_down(&f);
}

static void what_was_not_tried_says_why(void **state)
{
	static const struct {
		enum cause cause;
		const char *dsn;
	} rows[] = {
		{ CAUSE_CONNECT, "4.4.1" }, { CAUSE_DNS, "4.4.3" }, { CAUSE_TLS, "4.7.5" },
		{ CAUSE_AUTH, "4.7.8" }, { CAUSE_CONFIG, "4.3.5" }, { CAUSE_TEMP, "4.0.0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		const struct err why = { .cause = rows[i].cause, .text = "it is down" };
		char want[512];
		set_up(&f, "host h\n");
		f.entry.rcpts[1].status = QUEUE_SENT;
		struct delivery d;
		delivery_init(&d, &f.entry, 0, &f.message);
		maillog_suspended(f.log, &d, &why);
		delivery_clear(&d);
		snprintf(want, sizeof(want),
			 "laptop postfix/error%%P: " ID ": to=<a@x.example>, relay=none, delay=0.00, dsn=%s, "
			 "status=deferred (delivery temporarily suspended: it is down), account=default, "
			 "tls=none, auth=none\n", rows[i].dsn);
		expect(want);
		tear_down(&f);
	}
}

static void reports_and_ends_are_noted(void **state)
{
	struct fixture f;
	struct queue_entry report;
	struct err e;
	static const char header[] = "From: x\r\nMessage-ID: <2@x>\r\n";

	(void)state;
	set_up(&f, "host h\n");
	queue_entry_init(&report);
	snprintf(report.id, sizeof(report.id), "%s", OTHER);
	report.sender = mem_str("");
	report.size = 5;
	assert_true(queue_entry_add_rcpt(&report, "me@x.example", NULL, &e));
	maillog_report(f.log, &f.entry, DSN_FAILED, &report, span_str(header));
	maillog_report(f.log, &f.entry, DSN_DELAYED, &report, span_str(""));
	maillog_report(f.log, &f.entry, DSN_RELAYED, &report, span_str(""));
	maillog_note(f.log, ID, "removed %d", 7);
#define REPORT(id, word) \
	"laptop postfix/cleanup%P: " OTHER ": message-id=" id "\n" \
	"laptop postfix/bounce%P: " ID ": sender " word " notification: " OTHER "\n" \
	"laptop postfix/qmgr%P: " OTHER ": from=<>, size=5, nrcpt=1 (queue active)\n"
	expect(REPORT("<2@x>", "non-delivery") REPORT("", "delay") REPORT("", "delivery status")
	       "laptop postfix/qmgr%P: " ID ": removed 7\n");
	queue_entry_clear(&report);
	tear_down(&f);
}

static void an_account_that_does_not_log_costs_nothing(void **state)
{
	struct conf c;
	struct identity id = { 0 };
	struct queue_entry v = { .id = ID };
	struct delivery d = { .entry = &v };
	struct message m = { 0 };
	static const struct session_facts facts;
	const struct err why = { 0 };

	(void)state;
	struct maillog *log = maillog_open(good(&c, "host h\n", NULL), &id);
	assert_null(log);
	assert_null(id.host);
	maillog_arrived(log, &v, &m);
	maillog_attempt(log, &d, &facts);
	maillog_suspended(log, &d, &why);
	maillog_report(log, &v, DSN_FAILED, &v, span_str(""));
	maillog_note(log, "ID", "removed");
	maillog_close(log);
	conf_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_arrives_with_three_lines),
		cmocka_unit_test(each_verdict_has_the_word_that_tools_count),
		cmocka_unit_test(the_relay_is_named_as_far_as_it_is_known),
		cmocka_unit_test(delay_counts_from_the_arrival),
		cmocka_unit_test(a_message_of_an_earlier_run_is_introduced_again),
		cmocka_unit_test(what_was_not_tried_says_why),
		cmocka_unit_test(reports_and_ends_are_noted),
		cmocka_unit_test(an_account_that_does_not_log_costs_nothing),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
