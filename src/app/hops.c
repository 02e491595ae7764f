/* SPDX-License-Identifier: ISC */
/* hops: see hops.h. */
#include "app/hops.h"
#include "base/clock.h"
#include "sys/idn.h"

#include <stdio.h>

/* How long DNS may take to name the servers, without `timeout`. */
enum { LOOKUP_SECONDS = 30 };

bool hops_init(struct hops *h, const struct conf *c, const struct account *a, struct err *e)
{
	*h = (struct hops){ .count = 0 };
	return route_chain(c, a, h->chain, &h->count, e);
}

void hops_init_one(struct hops *h, const struct account *a)
{
	*h = (struct hops){ .chain = { a }, .count = 1 };
}

static void set_name(char name[NET_NAME_MAX], struct span text)
{
	/* conf takes no longer ones. */
	snprintf(name, NET_NAME_MAX, "%.*s", SPAN_ARG(span_first(text, NET_NAME_MAX - 1)));
}

static struct hop usual_hop(const struct account *a)
{
	return (struct hop){
		.account = a,
		.port = conf_port(a),
		.is_starttls = conf_starttls(a),
	};
}

/* When `tls_starttls` is set, it says which of the two services is meant. */
static bool is_wanted(const struct account *a, const struct net_service *s)
{
	return !conf_is_set(a, KEY_TLS_STARTTLS) ||
	       conf_on(a, KEY_TLS_STARTTLS) != s->is_implicit_tls;
}

/* False: none is left. */
static bool keep_wanted(const struct account *a, struct net_services *found, const char *domain,
			struct err *e)
{
	size_t count = 0;

	for (size_t i = 0; i < found->count; i++) {
		if (is_wanted(a, &found->at[i])) {
			found->at[count++] = found->at[i];
		}
	}
	found->count = count;
	bool is_starttls = conf_on(a, KEY_TLS_STARTTLS);
	return count > 0 ||
	       err_set(e, CAUSE_DNS, "DNS names for %s only servers with %s, but tls_starttls is %s",
		       domain, is_starttls ? "TLS from the start" : "STARTTLS",
		       is_starttls ? "on" : "off");
}

static bool look_up(struct hops *h, const struct account *a, struct span domain, struct err *e)
{
	long cap = conf_number(a, KEY_TIMEOUT);
	unsigned seconds = cap > 0 && cap < LOOKUP_SECONDS ? (unsigned)cap : LOOKUP_SECONDS;
	int64_t deadline = clock_deadline(seconds);
	struct buf ascii BUF_AUTO;

	deadline = h->until > 0 && h->until < deadline ? h->until : deadline;
	buf_init(&ascii, NET_NAME_MAX - 1);
	h->found_at = h->found.count = 0;
	if (!idn_to_ascii(domain, &ascii, e)) {
		e->cause = CAUSE_CONFIG;
		return err_ctx(e, "host");
	}
	set_name(h->srv_domain, buf_span(&ascii));
	return net_services_find(h->srv_domain, deadline, &h->found, e) &&
	       keep_wanted(a, &h->found, h->srv_domain, e);
}

static bool next_found(struct hops *h, const struct account *a, struct hop *ret)
{
	if (h->found_at == h->found.count) {
		return false;
	}
	const struct net_service *s = &h->found.at[h->found_at++];
	*ret = (struct hop){ .account = a, .port = s->port, .is_starttls = !s->is_implicit_tls };
	set_name(ret->host, span_str(s->host));
	set_name(ret->srv_domain, span_str(h->srv_domain));
	return true;
}

/* True: *ret is a server or *result is trouble; false: the account has no more. */
static bool next_of_account(struct hops *h, struct hop *ret, enum hops_next *result,
			    struct err *e)
{
	const struct account *a = h->chain[h->at];
	struct conf_server server;

	*ret = usual_hop(a);
	*result = HOPS_SERVER;
	if (!h->is_begun) {
		const char *hosts = conf_text(a, KEY_HOST);
		h->is_begun = true;
		h->rest = span_str(hosts ? hosts : "");
		h->found.count = h->found_at = 0;
		if (conf_is_set(a, KEY_SOCKET)) {
			h->rest = span_of(NULL, 0);
			return true;
		}
	}
	while (!next_found(h, a, ret)) {
		if (!conf_host_next(&h->rest, &server)) {
			return false;
		}
		if (!server.is_srv) {
			set_name(ret->host, server.name);
			return true;
		}
		if (!look_up(h, a, server.name, e)) {
			*result = HOPS_TROUBLE;
			return true;
		}
	}
	return true;
}

enum hops_next hops_next(struct hops *h, struct hop *ret, struct err *e)
{
	enum hops_next result;

	for (; h->at < h->count; hops_skip_account(h)) {
		if (next_of_account(h, ret, &result, e)) {
			return result;
		}
	}
	return HOPS_END;
}

void hops_skip_account(struct hops *h)
{
	h->at++;
	h->is_begun = false;
}

const struct account *hops_account(const struct hops *h)
{
	struct span rest = h->rest;
	struct conf_server next;
	bool is_done = h->at < h->count && h->is_begun && h->found_at == h->found.count &&
		       !conf_host_next(&rest, &next);
	size_t at = h->at + is_done;

	return at < h->count ? h->chain[at] : NULL;
}

bool hops_is_one(const struct hops *h)
{
	const char *hosts = h->count > 0 ? conf_text(h->chain[0], KEY_HOST) : NULL;
	struct span rest = span_str(hosts ? hosts : "");
	struct conf_server first, second;

	return h->count == 1 && (conf_is_set(h->chain[0], KEY_SOCKET) ||
				 !conf_host_next(&rest, &first) ||
				 (!first.is_srv && !conf_host_next(&rest, &second)));
}
