/* SPDX-License-Identifier: ISC */
/*
 * net_srv: see net_srv.h.  The answers are a stranger's bytes: every length is checked, and
 * nothing but host names gets out.  RFC 2782; RFC 1035 §4.
 */
#include "sys/net_state.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>

/* "_submissions._tcp." and a domain. */
#define QUESTION_MAX (NET_NAME_MAX + 20)
/* A DNS message cannot be longer. */
#define ANSWER_MAX UINT16_MAX

/* Why there is no server; the worst of two is told. */
enum outcome { NO_RECORDS, NOT_OFFERED, NOT_USABLE, NO_ANSWER, NO_TIME };

static const char *const reasons[] = {
	[NO_RECORDS] = "there are no such records; set host to the server's own name",
	[NOT_OFFERED] = "the domain says that it has no such server",
	[NOT_USABLE] = "none of the records names a server",
	[NO_ANSWER] = "the name servers fail or do not answer",
	[NO_TIME] = "no answer in time",
};

struct lookup {
	net_query *query;
	int size;	/* of the answer; < 0: none */
	char question[QUESTION_MAX];
	unsigned char answer[ANSWER_MAX];
};

/* The top label is no number, so it is no address, not even "0x7f.1" (RFC 1123 §2.1). */
static bool is_host_name(struct span s)
{
	size_t label = 0;

	if (s.size == 0 || s.size > 253) {
		return false;
	}
	for (size_t i = 0; i < s.size; i++) {
		char c = s.data[i];
		if (c == '.' ? label == 0 || label > 63
			     : !text_is_alpha(c) && !text_is_digit(c) && c != '_' &&
				       (c != '-' || label == 0)) {
			return false;
		}
		label = c == '.' ? 0 : label + 1;
	}
	return label > 0 && label <= 63 && text_is_alpha(s.data[s.size - label]);
}

static unsigned take_16(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* at: the data of one SRV record. */
static void add_record(struct net_srv_list *list, const unsigned char *message,
		       const unsigned char *end, const unsigned char *at, size_t size)
{
	struct net_srv r = { 0 };

	if (size < 7) {
		return;
	}
	r.priority = take_16(at);
	r.weight = take_16(at + 2);
	r.port = take_16(at + 4);
	int n = dn_expand(message, end, at + 6, r.host, sizeof(r.host));
	if (n < 0 || (size_t)n > size - 6) {
		return;
	}
	if (!r.host[0] || strcmp(r.host, ".") == 0) {
		list->is_refused = true;
	} else if (r.port > 0 && is_host_name(span_str(r.host))) {
		list->at[list->count++] = r;
	}
}

void net_srv_parse(struct span answer, struct net_srv_list *list)
{
	const unsigned char *message = (const unsigned char *)answer.data;
	const unsigned char *end = message + answer.size, *at = message + NS_HFIXEDSZ;

	list->count = 0;
	list->is_refused = false;
	if (answer.size < NS_HFIXEDSZ) {
		return;
	}
	/* Each question and each record takes some bytes, so the message's end ends this. */
	unsigned questions = take_16(message + 4), records = take_16(message + 6);
	for (unsigned i = 0; i < questions + records && list->count < NET_SRV_MAX; i++) {
		bool is_question = i < questions;
		int fixed = is_question ? NS_QFIXEDSZ : NS_RRFIXEDSZ;
		int n = at < end ? dn_skipname(at, end) : -1;
		if (n < 0 || end - at - n < fixed) {
			return;
		}
		at += n + fixed;
		if (is_question) {
			continue;
		}
		size_t size = take_16(at - 2);
		if (size > (size_t)(end - at)) {
			return;
		}
		if (take_16(at - 10) == ns_t_srv && take_16(at - 8) == ns_c_in) {
			add_record(list, message, end, at, size);
		}
		at += size;
	}
}

/*
 * RFC 2782, "Weight": a random number from 0 to the sum of the weights chooses the first
 * record whose running sum is not below it; records without weight stand first in the row.
 */
static size_t choose(const struct net_srv *at, size_t count, uint32_t random)
{
	unsigned priority = UINT16_MAX, sum = 0, running = 0;
	size_t chosen = count;

	for (size_t i = 0; i < count; i++) {
		priority = at[i].priority < priority ? at[i].priority : priority;
	}
	for (size_t i = 0; i < count; i++) {
		sum += at[i].priority == priority ? at[i].weight : 0;
	}
	unsigned wanted = random % (sum + 1);
	for (size_t i = 0; i < count; i++) {
		if (at[i].priority != priority) {
			continue;
		}
		running += at[i].weight;
		bool is_light = wanted == 0 && at[i].weight == 0;
		if (chosen == count ? running >= wanted : is_light && at[chosen].weight > 0) {
			chosen = i;
		}
	}
	return chosen;
}

void net_srv_order(struct net_srv *at, size_t count, const uint32_t *random)
{
	for (size_t i = 0; i < count; i++) {
		size_t next = i + choose(at + i, count - i, random[i]);
		struct net_srv chosen = at[next];
		memmove(&at[i + 1], &at[i], (next - i) * sizeof(at[0]));
		at[i] = chosen;
	}
}

static void ask(void *context)
{
	struct lookup *l = context;

	l->size = l->query(l->question, l->answer, sizeof(l->answer));
}

static struct net_ask *start(net_query *query, const char *service, const char *domain,
			     int64_t deadline, struct lookup **ret)
{
	struct lookup *l = mem_alloc(1, sizeof(*l));

	l->query = query;
	snprintf(l->question, sizeof(l->question), "%s._tcp.%s", service, domain);
	*ret = l;
	return net_ask_start(ask, l, deadline);
}

/* Adds the servers that one question has given; says why there are none. */
static enum outcome take(struct net_services *to, const struct lookup *l,
			 bool is_implicit_tls)
{
	struct net_srv_list list;
	uint32_t random[NET_SRV_MAX];

	if (l->size < 0) {
		return l->size == NET_QUERY_NONE ? NO_RECORDS : NO_ANSWER;
	}
	size_t size = (size_t)l->size < ANSWER_MAX ? (size_t)l->size : ANSWER_MAX;
	net_srv_parse(span_of(l->answer, size), &list);
	clock_random(random, sizeof(random));
	net_srv_order(list.at, list.count, random);
	for (size_t i = 0; i < list.count && to->count < NET_SERVICES_MAX; i++) {
		struct net_service *s = &to->at[to->count++];
		*s = (struct net_service){ .port = list.at[i].port,
					   .is_implicit_tls = is_implicit_tls };
		memcpy(s->host, list.at[i].host, sizeof(s->host));
	}
	return list.is_refused ? NOT_OFFERED : NOT_USABLE;
}

bool net_services_by(net_query *query, const char *domain, int64_t deadline,
		     struct net_services *ret, struct err *e)
{
	static const char *const service[] = { "_submissions", "_submission" };
	struct lookup *l[2];
	struct net_ask *asked[2];
	enum outcome why = NO_RECORDS;
	struct span name = span_str(domain);

	if (name.size > 0 && name.data[name.size - 1] == '.') {
		name.size--;
	}
	if (!is_host_name(name)) {
		return err_set(e, CAUSE_CONFIG, "host: srv:%s: this is not the name of a domain",
			       domain);
	}
	char *plain MEM_AUTO = mem_copy(name.data, name.size);
	for (int i = 0; i < 2; i++) {
		asked[i] = start(query, service[i], plain, deadline, &l[i]);
	}
	ret->count = 0;
	for (int i = 0; i < 2; i++) {
		enum outcome now = NO_TIME;
		if (net_ask_wait(asked[i], deadline)) {
			now = take(ret, l[i], i == 0);
			free(l[i]);
		}
		why = now > why ? now : why;
	}
	if (ret->count > 0) {
		return true;
	}
	err_set(e, CAUSE_DNS, "cannot find the servers of %s (%s._tcp.%s, %s._tcp.%s in DNS): "
		"%s", plain, service[0], plain, service[1], plain, reasons[why]);
	e->os_errno = why == NO_TIME ? ETIMEDOUT : 0;
	return false;
}

static int ask_system(const char *question, void *answer, size_t size)
{
	int n = res_query(question, ns_c_in, ns_t_srv, answer, (int)size);

	/* Not every libc looks at the answer's code. */
	if (n >= NS_HFIXEDSZ && (((unsigned char *)answer)[3] & 15) == ns_r_noerror) {
		return n;
	}
	return n < 0 && (h_errno == HOST_NOT_FOUND || h_errno == NO_DATA)
		       ? NET_QUERY_NONE
		       : NET_QUERY_FAILED;
}

bool net_services_find(const char *domain, int64_t deadline, struct net_services *ret,
		       struct err *e)
{
	return net_services_by(ask_system, domain, deadline, ret, e);
}
