/* SPDX-License-Identifier: ISC */
/* call: see call.h. */
#include "app/call.h"

#include <stdlib.h>

void call_init(struct call *c)
{
	*c = (struct call){ 0 };
	conf_init(&c->conf);
	envelope_init(&c->envelope);
	message_init(&c->message);
}

void call_clear(struct call *c)
{
	message_clear(&c->message);
	envelope_clear(&c->envelope);
	for (unsigned i = 0; i < c->via_count; i++) {
		free(c->vias[i].sender);
	}
	free(c->vias);
	free(c->via_of_rcpt);
	routes_free(c->routes);
	conf_clear(&c->conf);
	identity_clear(&c->id);
	options_clear(&c->options);
}

bool call_prepare(struct call *c, struct err *e)
{
	const struct options *o = &c->options;

	if (!envelope_from_options(&c->envelope, o, e)) {
		return false;
	}
	if (!o->read_recipients && c->envelope.recipients.count == 0) {
		return err_set(e, CAUSE_USAGE, "no recipients: name them as arguments, or use -t and "
					       "name them in To, Cc or Bcc");
	}
	if (!settings_read(&c->conf, o, &c->id, e)) {
		return false;
	}
	c->routes = routes_new(&c->conf);
	if (o->read_sender && !c->envelope.given) {
		return true;
	}
	c->account = settings_choose(&c->conf, o, &c->id, c->envelope.given, e);
	if (c->account) {
		return settings_use(&c->conf, c->account, o, &c->id, e);
	}
	/* Perhaps `to` gives every recipient to some account. */
	return !o->account && routes_by_recipient(c->routes);
}
