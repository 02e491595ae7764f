/* SPDX-License-Identifier: ISC */
/* call: see call.h. */
#include "app/call.h"

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
	if (!o->read_sender || c->envelope.sender) {
		c->account = settings_account(&c->conf, o, &c->id, c->envelope.sender, e);
		if (!c->account) {
			return false;
		}
	}
	return true;
}
