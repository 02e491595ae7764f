/* SPDX-License-Identifier: ISC */
/* net_srv: the records, and their order.  See also test_net_services. */
#include "unit.h"

#include "base/mem.h"
#include "dns_answer.h"
#include "sys/net_state.h"

static const char *text_of(const struct net_srv *at, size_t count)
{
	static char all[4000];
	size_t used = 0;

	all[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%u/%u/%s:%u",
					 i ? " " : "", at[i].priority, at[i].weight,
					 at[i].host, at[i].port);
	}
	return all;
}

static void records_that_name_a_server_are_taken(void **state)
{
	static const struct {
		unsigned port;
		const char *target, *want;
		bool is_refused;
	} cases[] = {
		{ 465, "smtp.example.net", "1/2/smtp.example.net:465", false },
		{ 65535, "smtp.@", "1/2/smtp.example.org:65535", false },
		{ 587, "a-b.c_d.xn--p1ai", "1/2/a-b.c_d.xn--p1ai:587", false },
		{ 587, "localhost", "1/2/localhost:587", false },
		{ 465, "", "", true },
		{ 0, "smtp.example.net", "", false },
		{ 465, "127.0.0.1", "", false },
		{ 465, "0x7f.1", "", false },
		{ 465, "smtp.0x7f000001", "", false },
		{ 465, "smtp example.net", "", false },
		{ 465, "smtp.example.net\n250 ok", "", false },
		{ 465, "\x1b[1m.example.net", "", false },
		{ 465, "sm\\tp.example.net", "", false },
		{ 465, "[smtp].example.net", "", false },
		{ 465, "a/b.example.net", "", false },
		{ 465, "\xc3\xa4.example.net", "", false },
		{ 465, "-x.example.net", "", false },
		{ 465, "a123456789b123456789c123456789d123456789e123456789f123456789abc."
		       "a123456789b123456789c123456789d123456789e123456789f123456789abc."
		       "a123456789b123456789c123456789d123456789e123456789f123456789abc."
		       "a123456789b123456789c123456789d123456789e123456789f123456789abc.zz", "", false },
	};
	struct buf b BUF_AUTO;
	struct net_srv_list list;

	(void)state;
	buf_init(&b, 2000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		dns_begin(&b, 2);
		dns_add_record(&b, DNS_CNAME, DNS_IN, span_str("\1x"));
		dns_add_srv(&b, 1, 2, cases[i].port, cases[i].target);
		net_srv_parse(buf_span(&b), &list);
		assert_string_equal(text_of(list.at, list.count), cases[i].want);
		assert_int_equal(list.is_refused, cases[i].is_refused);
	}
}

/* What follows a good record is broken: the good one stays, and nothing else is taken. */
static void a_broken_record_ends_the_list(void **state)
{
	static const struct {
		unsigned type, class;
		const char *data;
		size_t size, cut;
	} cases[] = {
		{ DNS_SRV, DNS_CH, "\0\1\0\1\1\xd1\3foo", 11, 0 },
		{ DNS_SRV, DNS_IN, "", 0, 0 },
		{ DNS_SRV, DNS_IN, "\0\1\0\1\1\xd1", 6, 0 },
		{ DNS_SRV, DNS_IN, "\0\1\0\1\1\xd1\3foo", 10, 0 },	/* no end of the name */
		{ DNS_SRV, DNS_IN, "\0\1\0\1\1\xd1\3foo", 11, 1 },
		{ DNS_SRV, DNS_IN, "\0\1\0\1\1\xd1\3foo", 11, 12 },	/* in its fixed part */
		{ DNS_SRV, DNS_IN, "\0\1\0\1\1\xd1\1a\xff\xff", 10, 0 },	/* far outside */
		{ DNS_SRV, DNS_IN, "\0\1\0\1\1\xd1\1a\x40z", 10, 0 },
	};
	struct buf b BUF_AUTO;
	struct net_srv_list list;

	(void)state;
	buf_init(&b, 2000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		dns_begin(&b, 1000);
		dns_add_srv(&b, 1, 2, 465, "smtp.@");
		dns_add_record(&b, cases[i].type, cases[i].class,
			   span_of(cases[i].data, cases[i].size));
		/* Memory of that size: the sanitizer looks on. */
		char *exact MEM_AUTO = mem_resize(NULL, b.size, 1);
		memcpy(exact, b.data, b.size);
		net_srv_parse(span_of(exact, b.size - cases[i].cut), &list);
		assert_string_equal(text_of(list.at, list.count), "1/2/smtp.example.org:465");
	}
	/* A name that goes on in the next record. */
	dns_begin(&b, 2);
	dns_add_record(&b, DNS_SRV, DNS_IN, span_of("\0\1\0\1\1\xd1\3foo", 10));
	dns_add_record(&b, DNS_CNAME, DNS_IN, span_str("\1x"));
	net_srv_parse(buf_span(&b), &list);
	assert_int_equal(list.count, 0);
	/* A name that points to itself. */
	dns_begin(&b, 1);
	char loop[] = "\0\1\0\1\1\xd1\xc0?";
	loop[7] = (char)(b.size + 12 + 6);
	dns_add_record(&b, DNS_SRV, DNS_IN, span_of(loop, 8));
	net_srv_parse(buf_span(&b), &list);
	assert_int_equal(list.count, 0);
}

static void an_answer_can_end_anywhere(void **state)
{
	struct buf b BUF_AUTO;
	struct net_srv_list list;
	size_t before = 0;

	(void)state;
	buf_init(&b, 2000);
	dns_begin(&b, 2);
	dns_add_srv(&b, 1, 2, 465, "one.@");
	dns_add_srv(&b, 1, 2, 465, "two.@");
	for (size_t size = 0; size <= b.size; size++) {
		char *exact MEM_AUTO = mem_resize(NULL, size + 1, 1);
		memcpy(exact + 1, b.data, size);
		net_srv_parse(span_of(exact + 1, size), &list);
		assert_in_range(list.count, before, before + 1);
		before = list.count;
	}
	assert_int_equal(before, 2);
}

static void no_more_records_than_there_is_room_for(void **state)
{
	struct buf b BUF_AUTO;
	struct net_srv_list list;

	(void)state;
	buf_init(&b, 60000);
	dns_begin(&b, 500);
	for (int i = 0; i < 500; i++) {
		dns_add_srv(&b, 1, 2, 465, "smtp.@");
	}
	net_srv_parse(buf_span(&b), &list);
	assert_int_equal(list.count, NET_SRV_MAX);
}

static void the_lowest_priority_comes_first(void **state)
{
	struct net_srv at[] = { { 20, 9, 1, "d" }, { 10, 0, 1, "b" }, { 0, 0, 1, "a" },
				{ 65535, 65535, 1, "e" }, { 10, 0, 1, "c" } };
	const uint32_t random[5] = { 0, 1, 2, UINT32_MAX, 5 };

	(void)state;
	net_srv_order(at, 5, random);
	assert_string_equal(text_of(at, 5),
			    "0/0/a:1 10/0/b:1 10/0/c:1 20/9/d:1 65535/65535/e:1");
}

/* Every random number once: RFC 2782's rule gives exact counts. */
static void weights_decide_how_often_one_is_first(void **state)
{
	static const struct {
		unsigned weight[3];
		unsigned first[3];	/* how often, of sum + 1 */
		unsigned second[3];	/* when number 0 is first, of the other sum + 1 */
	} cases[] = {
		{ { 10, 30, 60 }, { 11, 30, 60 }, { 0, 31, 60 } },
		{ { 60, 30, 10 }, { 61, 30, 10 }, { 0, 31, 10 } },
		{ { 5, 0, 0 }, { 5, 1, 0 }, { 0, 1, 0 } },
		{ { 0, 5, 0 }, { 1, 5, 0 }, { 0, 5, 1 } },
		{ { 65535, 65535, 65535 }, { 65536, 65535, 65535 }, { 0, 65536, 65535 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const unsigned *w = cases[i].weight;
		unsigned first[3] = { 0 }, second[3] = { 0 };
		for (uint32_t r = 0; r <= w[0] + w[1] + w[2]; r++) {
			struct net_srv at[] = { { 7, w[0], 0, "0" }, { 7, w[1], 1, "1" },
						{ 7, w[2], 2, "2" } };
			net_srv_order(at, 3, (const uint32_t[]){ r, 0, 0 });
			first[at[0].port]++;
		}
		for (uint32_t r = 0; r <= w[1] + w[2]; r++) {
			struct net_srv at[] = { { 6, 0, 0, "0" }, { 7, w[1], 1, "1" },
						{ 7, w[2], 2, "2" } };
			net_srv_order(at, 3, (const uint32_t[]){ 0, r, 0 });
			second[at[1].port]++;
		}
		assert_memory_equal(first, cases[i].first, sizeof(first));
		assert_memory_equal(second, cases[i].second, sizeof(second));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_that_name_a_server_are_taken),
		cmocka_unit_test(a_broken_record_ends_the_list),
		cmocka_unit_test(an_answer_can_end_anywhere),
		cmocka_unit_test(no_more_records_than_there_is_room_for),
		cmocka_unit_test(the_lowest_priority_comes_first),
		cmocka_unit_test(weights_decide_how_often_one_is_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
