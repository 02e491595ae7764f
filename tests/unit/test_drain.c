/* SPDX-License-Identifier: ISC */
/* What is claimed for an account, and what is left to others, without a server. */
#include "conf_unit.h"
#include "queue_unit.h"

#include "app/drain.h"
#include "base/clock.h"

/* Nobody listens on port 1. */
static const char rc[] = "defaults\ntls off\nhost 127.0.0.1\nport 1\nqueue on\nfrom me@x.example\n"
			 "account default\naccount two\nto two.example\n";

/* A message to a recipient of each account, of which the first has it, or not. */
static void put(struct queue *q, enum queue_place place, bool has_first, char id[QUEUE_ID_MAX])
{
	struct queue_entry v;
	struct queue_file f;
	struct err e = { 0 };

	queue_entry_init(&v);
	queue_file_init(&f);
	v.arrival = v.since = clock_now();
	v.account = mem_str("default");
	v.sender = mem_str("me@x.example");
	assert_true(queue_entry_add_via(&v, "two", "me@x.example", &e));
	assert_true(queue_entry_add_rcpt(&v, "a@one.example", NULL, &e));
	assert_true(queue_entry_add_rcpt(&v, "b@two.example", NULL, &e));
	v.rcpts[1].via = 1;
	assert_true(queue_put_begin(q, place, &v, &f, &e));
	assert_true(queue_put(&f, span_str("Subject: x\r\n\r\nhi\r\n"), &e));
	v.size = 18;
	assert_true(queue_put_end(&f, &v, &e) && queue_sync(q, &f, &e));
	if (has_first) {
		v.rcpts[0].status = QUEUE_SENT;
		v.rcpts[0].is_told = true;
		assert_true(queue_save(q, &v, true, &e));
	}
	memcpy(id, v.id, QUEUE_ID_MAX);
	queue_file_close(&f);
	queue_entry_clear(&v);
}

struct list {
	enum queue_place place;
	char id[QUEUE_ID_MAX];
	bool is_used_up;
};

static bool pick(void *context, enum queue_place *ret_place, char ret_id[QUEUE_ID_MAX])
{
	struct list *l = context;

	if (l->is_used_up) {
		return false;
	}
	l->is_used_up = true;
	*ret_place = l->place;
	memcpy(ret_id, l->id, QUEUE_ID_MAX);
	return true;
}

static bool exists(const struct world *w, enum queue_place place, const char *id)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s/%s", w->path, queue_place_name(place), id);
	return access(path, F_OK) == 0;
}

/*
 * A message was chosen for the account "default"; when it is claimed, another process has
 * sent that account's part.  Then its session must not take the rest of it.
 */
static void rest_of_another_account_is_not_sent_by_this_one(void **state)
{
	static const struct {
		enum queue_place place;
		bool has_first, is_taken, is_tried;	/* is_tried: by the other account */
	} rows[] = {
		{ QUEUE_INCOMING, false, true, false },
		{ QUEUE_DEFERRED, false, true, false },
		{ QUEUE_INCOMING, true, false, true },
		{ QUEUE_DEFERRED, true, false, false },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct identity id = { .host = mem_str("laptop") };
		struct list list = { .place = rows[i].place };
		struct conf c;
		struct drain d = { .queue = w->q, .conf = &c, .account = good(&c, rc, NULL),
				   .id = &id, .group = "default\n\n", .pick = pick,
				   .context = &list };

		put(w->q, list.place, rows[i].has_first, list.id);
		struct delivery *taken = drain_next(&d);
		if ((taken != NULL) != rows[i].is_taken) { fail_msg("row %zu: %s", i, taken ? taken->job.txn.rcpts[0].addr : "-"); }
		if (taken) {
			const struct err why = { .cause = CAUSE_CONNECT, .text = "down" };
			assert_string_equal(taken->job.txn.rcpts[0].addr, "a@one.example");
			assert_int_equal(taken->job.txn.rcpt_count, 1);
			drain_over(&d, taken, NULL, &why);
		}
		drain_others(&d);
		assert_int_equal(d.active, 0);
		assert_int_equal(exists(w, QUEUE_INCOMING, list.id),
				 rows[i].place == QUEUE_INCOMING && !taken && !rows[i].is_tried);
		assert_true(exists(w, QUEUE_DEFERRED, list.id) || exists(w, QUEUE_INCOMING, list.id));
		drain_clear(&d);
		identity_clear(&id);
		conf_clear(&c);
	}
}

static ino_t state_of(const struct world *w, const char *id)
{
	char path[160];
	struct stat st;

	snprintf(path, sizeof(path), "%s/state/%s", w->path, id);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* With very many accounts for a message, of which most are down, each write would be long. */
static void state_is_written_between_accounts_when_one_has_it(void **state)
{
	static const struct {
		enum verdict verdict;
		bool is_written;
	} rows[] = {
		{ VERDICT_TEMPORARY, false },
		{ VERDICT_ACCEPTED, true },
		{ VERDICT_PERMANENT, true },
		{ VERDICT_UNKNOWN, true },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct identity id = { .host = mem_str("laptop") };
		struct list list = { .place = QUEUE_DEFERRED };
		const struct session_facts facts = { .port = 25 };
		struct conf c;
		struct drain d = { .queue = w->q, .conf = &c, .account = good(&c, rc, NULL),
				   .id = &id, .group = "default\n\n", .pick = pick,
				   .context = &list };

		put(w->q, list.place, false, list.id);
		struct delivery *taken = drain_next(&d);
		assert_non_null(taken);
		ino_t before = state_of(w, list.id);
		taken->job.txn.rcpts[0].outcome =
			(struct outcome){ .verdict = rows[i].verdict, .verb = "" };
		drain_over(&d, taken, &facts, NULL);
		assert_int_equal(state_of(w, list.id) != before, rows[i].is_written);
		drain_others(&d);
		drain_clear(&d);
		identity_clear(&id);
		conf_clear(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rest_of_another_account_is_not_sent_by_this_one,
						world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(state_is_written_between_accounts_when_one_has_it,
						world_set_up, world_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
