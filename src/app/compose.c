/* SPDX-License-Identifier: ISC */
/* compose: see compose.h. */
#include "app/compose.h"
#include "app/assign.h"
#include "app/mend.h"
#include "app/origin.h"
#include "app/ownership.h"
#include "base/clock.h"
#include "base/mem.h"
#include "mail/header.h"
#include "mail/impostor.h"
#include "mail/rewrite.h"
#include "smtp/server.h"

#include <unistd.h>

static enum set_to set_to_of(const struct account *a)
{
	return conf_is(a, KEY_SET_TO_HEADER, "undisclosed_recipients") ? SET_TO_UNDISCLOSED
	       : conf_is(a, KEY_SET_TO_HEADER, "on")		       ? SET_TO_ON
								       : SET_TO_OFF;
}

/*
 * The right side of a Message-ID: `domain`, else the author's domain, which costs no
 * look-up and tells nothing about this machine.  The caller frees it.
 */
static char *message_id_domain(struct call *c)
{
	const char *domain = conf_text(c->account, KEY_DOMAIN);
	struct span own = addr_domain(span_str(c->envelope.author));

	return domain	      ? mem_str(domain)
	       : own.size > 0 ? mem_copy(own.data, own.size)
			      : mem_str(identity_mailname(&c->id));
}

static bool is_other(void *context, const char *spec)
{
	struct call *c = context;

	return ownership_of(spec, c->account, &c->id) == OWNER_OTHER;
}

/* In the machine's mail nobody writes as another user. */
static bool unmask(struct call *c, struct err *e)
{
	struct buf header;
	bool found;

	if (!ownership_counts(&c->id)) {
		return true;
	}
	const char *login = identity_login(&c->id);
	bool is_name = addr_is_safe(span_str(login));
	struct impostor x = { c, is_other, is_name ? login : "nobody" };
	buf_init(&header, 2 * MESSAGE_HEADER_MAX);
	bool ok = impostor_unmask(&x, buf_span(&c->message.header), &header, &found, e);
	if (ok && found) {
		buf_clear(&c->message.header);
		c->message.header = header;
	} else {
		buf_clear(&header);
	}
	return ok;
}

/* Puts the header that leaves in the place of the one that came. */
static bool rewrite(struct call *c, struct err *e)
{
	const struct account *a = c->account;
	const struct addr_list *to = &c->envelope.recipients;
	time_t now = clock_now();
	struct buf header;
	const char **recipients MEM_AUTO = mem_alloc(to->count, sizeof(*recipients));
	struct origin origin;
	char *domain MEM_AUTO = message_id_domain(c);
	origin_init(&origin, c);
	struct rewrite r = {
		.author = origin.author,
		.set_to = set_to_of(a),
		.recipients = recipients,
		.recipient_count = to->count,
		.remove_bcc = conf_on(a, KEY_REMOVE_BCC_HEADERS),
		.add_date = conf_is(a, KEY_SET_DATE_HEADER, "auto"),
		.add_message_id = conf_is(a, KEY_SET_MSGID_HEADER, "auto"),
		.now = now,
		.zone_minutes = clock_zone_minutes(now),
		.domain = domain,
	};

	for (size_t i = 0; i < to->count; i++) {
		recipients[i] = to->at[i].spec;
	}
	clock_random(r.random, sizeof(r.random));
	c->breaks_signature = rewrite_breaks_signature(&r, buf_span(&c->message.header));
	buf_init(&header, 2 * MESSAGE_HEADER_MAX);
	if (!rewrite_header(&r, buf_span(&c->message.header), &header, e) ||
	    !mend_header(&header, e)) {
		buf_clear(&header);
		return false;
	}
	buf_clear(&c->message.header);
	c->message.header = header;
	return true;
}

bool compose_header(struct call *c, struct err *e)
{
	const struct options *o = &c->options;
	struct message *m = &c->message;

	if (!message_read_header(m, STDIN_FILENO, !o->ignore_dots, e) ||
	    !envelope_from_header(&c->envelope, o, buf_span(&m->header), e)) {
		return false;
	}
	if (!assign_accounts(c, buf_span(&m->header), e)) {
		return false;
	}
	m->size_max = (unsigned long long)conf_number(c->account, KEY_MESSAGE_SIZE_LIMIT);
	return unmask(c, e) && rewrite(c, e);
}

/* The recipient as it was given to us, before aliases; with a domain.  The caller frees it. */
static char *original(struct call *c, const struct addr *r)
{
	char *given MEM_AUTO = r->origin ? local_qualify(r->origin, c->account, &c->id) : NULL;

	return mem_printf("rfc822;%s", given ? given : r->spec);
}

/* By address; and those with the same one in the order in which they were given. */
static int by_address(const void *a, const void *b)
{
	const struct smtp_server_rcpt *const *x = a, *const *y = b;
	int order = strcmp((*x)->addr, (*y)->addr);

	return order ? order : (*x > *y) - (*x < *y);
}

/* The recipients of an SMTP client by address, when it said anything about reports. */
static const struct smtp_server_rcpt **sort_client(const struct smtp_envelope *v,
						   size_t *count)
{
	size_t most = v ? v->rcpt_count : 0;
	const struct smtp_server_rcpt **sorted = mem_alloc(most, sizeof(*sorted));
	bool has_said = false;

	for (size_t i = 0; i < most; i++) {
		sorted[i] = &v->rcpts[i];
		has_said = has_said || v->rcpts[i].orcpt || v->rcpts[i].notify;
	}
	*count = has_said ? most : 0;
	if (*count > 0) {
		qsort(sorted, *count, sizeof(*sorted), by_address);
	}
	return sorted;
}

/* One recipient that was named twice: no report is lost.  Unsaid is FAILURE then. */
static unsigned notify_of_both(unsigned a, unsigned b)
{
	if (a == b) {
		return a;
	}
	return ((a ? a : SMTP_NOTIFY_FAILURE) | (b ? b : SMTP_NOTIFY_FAILURE)) &
	       ~(unsigned)SMTP_NOTIFY_NEVER;
}

/* What the client said about the recipient that it named so.  *ret_orcpt may be NULL. */
static unsigned client_said(const struct smtp_server_rcpt *const *sorted, size_t count,
			    const char *named, const char **ret_orcpt)
{
	unsigned notify = 0;
	size_t low = 0, high = count;

	*ret_orcpt = NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(sorted[middle]->addr, named) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	for (size_t i = low; i < count && strcmp(sorted[i]->addr, named) == 0; i++) {
		notify = i == low ? sorted[i]->notify
				  : notify_of_both(notify, sorted[i]->notify);
		*ret_orcpt = *ret_orcpt ? *ret_orcpt : sorted[i]->orcpt;
	}
	return notify;
}

/*
 * RFC 3461 §4.2: whoever asks for reports gets them about the recipient that was named; and
 * what an SMTP client says that it was given (§5.2.1).
 */
static bool add_recipients(struct call *c, struct queue_entry *v, struct err *e)
{
	bool is_asked = v->notify || v->ret || v->envid, ok = true;
	size_t count;
	const struct smtp_server_rcpt **client = sort_client(c->client, &count);

	for (size_t i = 0; ok && i < c->envelope.recipients.count; i++) {
		const struct addr *r = &c->envelope.recipients.at[i];
		const char *given;
		unsigned notify =
			client_said(client, count, r->origin ? r->origin : r->spec, &given);
		char *orcpt MEM_AUTO = given		  ? mem_str(given)
				       : is_asked || notify ? original(c, r)
							    : NULL;
		ok = queue_entry_add_rcpt(v, r->spec, orcpt, e);
		if (ok) {
			v->rcpts[v->rcpt_count - 1].notify = notify;
			v->rcpts[v->rcpt_count - 1].via = c->via_count > 0 ? c->via_of_rcpt[i] : 0;
		}
	}
	free(client);
	return ok;
}

bool compose_entry(struct call *c, struct queue_entry *v, struct err *e)
{
	const struct account *a = c->account;

	queue_entry_init(v);
	v->arrival = v->since = clock_now();
	v->sender = mem_str(c->envelope.sender);
	v->uid = c->id.is_system ? c->id.caller : -1;
	v->envid = c->options.envid ? mem_str(c->options.envid) : NULL;
	v->notify = (unsigned)conf_number(a, KEY_DSN_NOTIFY);
	v->ret = conf_is(a, KEY_DSN_RETURN, "headers") ? 1
		 : conf_is(a, KEY_DSN_RETURN, "full")  ? 2
						       : 0;
	v->needs_smtputf8 = header_needs_smtputf8(buf_span(&c->message.header));
	for (unsigned i = 1; i < c->via_count; i++) {
		if (!queue_entry_add_via(v, c->vias[i].account->name, c->vias[i].sender, e)) {
			return false;
		}
	}
	return add_recipients(c, v, e) && settings_to_entry(a, &c->options, &c->id, v, e);
}
