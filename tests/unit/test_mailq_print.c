/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "app/mailq_print.h"

#define ID "1MG4MBW00012BXH"

static void entry(struct queue_entry *v)
{
	struct err e;

	queue_entry_init(v);
	snprintf(v->id, sizeof(v->id), "%s", ID);
	v->size = 1234;
	v->arrival = 1784638946;	/* Tue Jul 21 13:02:26 2026 UTC */
	v->account = strdup("work");
	v->sender = strdup("a@x.test");
	for (int i = 0; i < 4; i++) {
		static const char *const to[] = { "b@y.test", "c@y.test", "d@y.test", "e@y.test" };
		assert_true(queue_entry_add_rcpt(v, to[i], NULL, &e));
	}
	v->rcpts[0].text = strdup("450 later");
	v->rcpts[1].text = strdup("450 later");
	v->rcpts[2].text = strdup("250 ok");
	v->rcpts[2].status = QUEUE_SENT;
	v->rcpts[3].text = strdup("550 no \x1b[1m");
	v->rcpts[3].status = QUEUE_REFUSED;
	v->next = 2000;
	v->attempts = 3;
}

static void assert_columns(const struct mailq_item *item, const char *text)
{
	struct output o;

	output_init(&o);
	mailq_print_columns(&o, item);
	assert_string_equal(o.text.data, text);
	buf_clear(&o.text);
}

static void columns_are_those_of_postfix(void **state)
{
	struct queue_entry v;

	(void)state;
	entry(&v);
	assert_columns(&(struct mailq_item){ &v, QUEUE_DEFERRED, false, 1000 },
		       ID "       1234 Tue Jul 21 13:02:26 a@x.test\n"
		       "                                                                   (450 later)\n"
		       "                                               b@y.test\n"
		       "                                               c@y.test\n\n");
	assert_columns(&(struct mailq_item){ &v, QUEUE_FAILED, false, 1000 },
		       ID "#      1234 Tue Jul 21 13:02:26 a@x.test\n"
		       "                                                                   (450 later)\n"
		       "                                               b@y.test\n"
		       "                                               c@y.test\n"
		       "                                                                 (550 no ?[1m)\n"
		       "                                               e@y.test\n\n");
	queue_entry_clear(&v);
}

static void a_reply_says_whose_it_is(void **state)
{
	struct queue_entry v;

	(void)state;
	entry(&v);
	v.rcpts[0].server = strdup("mx1.y.test");
	v.rcpts[1].server = strdup("mx2.y.test");
	v.rcpts[3].status = QUEUE_WAITING;
	free(v.rcpts[3].text);
	v.rcpts[3].text = NULL;
	assert_columns(&(struct mailq_item){ &v, QUEUE_DEFERRED, false, 1000 },
		       ID "       1234 Tue Jul 21 13:02:26 a@x.test\n"
		       "                                             (host mx1.y.test said: 450 later)\n"
		       "                                               b@y.test\n"
		       "                                             (host mx2.y.test said: 450 later)\n"
		       "                                               c@y.test\n"
		       "                                               e@y.test\n\n");
	queue_entry_clear(&v);
}

static void marks(void **state)
{
	static const struct {
		enum queue_place place;
		bool is_busy;
		int64_t now;
		char mark;
		const char *status;
	} rows[] = {
		{ QUEUE_INCOMING, false, 1999, ' ', "waiting" },
		{ QUEUE_INCOMING, true, 1999, '*', "active" },
		{ QUEUE_DEFERRED, false, 2000, ' ', "due" },
		{ QUEUE_DEFERRED, true, 2000, '*', "active" },
		{ QUEUE_HOLD, false, 3000, '!', "held" },
		{ QUEUE_FAILED, false, 3000, '#', "failed" },
		{ QUEUE_FAILED, true, 3000, '*', "active" },
	};
	struct queue_entry v;

	(void)state;
	entry(&v);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mailq_item item = { &v, rows[i].place, rows[i].is_busy, rows[i].now };
		struct output o;
		output_init(&o);
		mailq_print_columns(&o, &item);
		assert_int_equal(o.text.data[strlen(ID)], rows[i].mark);
		buf_clear(&o.text);
		assert_string_equal(mailq_status(&item), rows[i].status);
	}
	queue_entry_clear(&v);
}

static void the_null_sender_and_a_long_reason(void **state)
{
	struct queue_entry v;
	char *text;

	(void)state;
	entry(&v);
	free(v.sender);
	v.sender = strdup("");
	for (int i = 1; i < 4; i++) {
		v.rcpts[i].status = QUEUE_SENT;
	}
	free(v.rcpts[0].text);
	v.rcpts[0].text = malloc(81);
	assert_non_null(v.rcpts[0].text);
	memset(v.rcpts[0].text, 'r', 80);
	v.rcpts[0].text[80] = '\0';
	assert_true(asprintf(&text,
			     ID "       1234 Tue Jul 21 13:02:26 MAILER-DAEMON\n(%s)\n"
			     "                                               b@y.test\n\n",
			     v.rcpts[0].text) > 0);
	assert_columns(&(struct mailq_item){ &v, QUEUE_DEFERRED, false, 0 }, text);
	free(text);
	queue_entry_clear(&v);
}

static void json_has_the_keys_of_postqueue(void **state)
{
	struct queue_entry v;
	struct output o;

	(void)state;
	entry(&v);
	v.rcpts[1].server = strdup("mx.y.test");
	output_init(&o);
	mailq_print_json(&o, &(struct mailq_item){ &v, QUEUE_DEFERRED, false, 1000 });
	assert_string_equal(o.text.data,
			    "{\"queue_name\": \"deferred\", \"queue_id\": \"" ID
			    "\", \"arrival_time\": 1784638946, \"message_size\": 1234, "
			    "\"forced_expire\": false, \"sender\": \"a@x.test\", \"recipients\": "
			    "[{\"address\": \"b@y.test\", \"delay_reason\": \"450 later\"}, "
			    "{\"address\": \"c@y.test\", \"delay_reason\": \"450 later\", "
			    "\"server\": \"mx.y.test\"}], "
			    "\"status\": \"waiting\", \"account\": \"work\", \"attempts\": 3, "
			    "\"next_try\": 2000}\n");
	buf_clear(&o.text);
	queue_entry_clear(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_those_of_postfix),
		cmocka_unit_test(a_reply_says_whose_it_is),
		cmocka_unit_test(marks),
		cmocka_unit_test(the_null_sender_and_a_long_reason),
		cmocka_unit_test(json_has_the_keys_of_postqueue),
	};

	setenv("TZ", "UTC0", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
