/* SPDX-License-Identifier: ISC */
/*
 * sendmail: the personality every program knows.  Reads options, configuration, message,
 * in this order, so that a wrong call fails before a byte of the message is read.
 */
#include "app/app.h"
#include "app/check.h"
#include "app/deliver.h"
#include "app/envelope.h"
#include "app/say.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/mem.h"
#include "config.h"
#include "mail/aliases.h"
#include "mail/header.h"
#include "mail/rewrite.h"

#include <sysexits.h>
#include <unistd.h>

/* Everything one call works with. */
struct call {
	struct options options;
	struct identity id;
	struct conf conf;
	struct account *account;
	struct envelope envelope;
	struct message message;
};

static enum set_from set_from_of(const struct account *a)
{
	return conf_is(a, KEY_SET_FROM_HEADER, "on")   ? SET_FROM_ON
	       : conf_is(a, KEY_SET_FROM_HEADER, "off") ? SET_FROM_OFF
							: SET_FROM_AUTO;
}

static enum set_to set_to_of(const struct account *a)
{
	return conf_is(a, KEY_SET_TO_HEADER, "undisclosed_recipients") ? SET_TO_UNDISCLOSED
	       : conf_is(a, KEY_SET_TO_HEADER, "on")		       ? SET_TO_ON
								       : SET_TO_OFF;
}

static int zone_minutes(time_t now)
{
	struct tm local;

	return localtime_r(&now, &local) ? (int)(local.tm_gmtoff / 60) : 0;
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

/* Puts the header that leaves in the place of the one that came. */
static bool rewrite(struct call *c, struct err *e)
{
	const struct account *a = c->account;
	const struct addr_list *to = &c->envelope.recipients;
	time_t now = clock_now();
	struct buf header;
	const char **recipients MEM_AUTO = mem_alloc(to->count, sizeof(*recipients));
	const char *name = c->options.full_name ? c->options.full_name
						: conf_text(a, KEY_FROM_FULL_NAME);
	char *domain MEM_AUTO = message_id_domain(c);
	struct rewrite r = {
		.set_from = set_from_of(a),
		.from = c->envelope.author,
		.from_name = name,
		.set_to = set_to_of(a),
		.recipients = recipients,
		.recipient_count = to->count,
		.remove_bcc = conf_on(a, KEY_REMOVE_BCC_HEADERS),
		.add_date = conf_is(a, KEY_SET_DATE_HEADER, "auto"),
		.add_message_id = conf_is(a, KEY_SET_MSGID_HEADER, "auto"),
		.now = now,
		.zone_minutes = zone_minutes(now),
		.domain = domain,
	};

	for (size_t i = 0; i < to->count; i++) {
		recipients[i] = to->at[i].spec;
	}
	clock_random(r.random, sizeof(r.random));
	buf_init(&header, 2 * MESSAGE_HEADER_MAX);
	if (!rewrite_header(&r, buf_span(&c->message.header), &header, e)) {
		buf_clear(&header);
		return false;
	}
	buf_clear(&c->message.header);
	c->message.header = header;
	return true;
}

static bool prepare(struct call *c, struct err *e)
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

static bool take_message(struct call *c, struct err *e)
{
	const struct options *o = &c->options;
	unsigned long long limit = 0;

	if (c->account) {
		limit = (unsigned long long)conf_number(c->account, KEY_MESSAGE_SIZE_LIMIT);
	}
	if (!message_read_input(&c->message, STDIN_FILENO, !o->ignore_dots, limit, e) ||
	    !envelope_from_header(&c->envelope, o, buf_span(&c->message.header), e)) {
		return false;
	}
	if (!c->account) {
		c->account = settings_account(&c->conf, o, &c->id, c->envelope.sender, e);
	}
	return c->account && envelope_finish(&c->envelope, c->account, &c->id,
						 buf_span(&c->message.header), e);
}

static int send_message(struct call *c)
{
	struct err e;

	if (!prepare(c, &e) || !take_message(c, &e) || !rewrite(c, &e)) {
		return say_error(&e);
	}
	struct delivery d = {
		.account = c->account,
		.sender = c->envelope.sender,
		.recipients = &c->envelope.recipients,
		.envid = c->options.envid,
		.message = &c->message,
		.needs_smtputf8 = header_needs_smtputf8(buf_span(&c->message.header)),
		.verbose = c->options.verbose,
	};
	return deliver_now(&d, &c->id);
}

/* -bv: what would be done with these recipients, without a message. */
static int verify(struct call *c)
{
	struct err e;

	/* There is no From field that could name the sender. */
	c->options.read_sender = false;
	if (!prepare(c, &e) || !envelope_finish(&c->envelope, c->account, &c->id, span_of(NULL, 0), &e)) {
		return say_error(&e);
	}
	printf("account: %s\nsender: <%s>\n", c->account->name, c->envelope.sender);
	for (size_t i = 0; i < c->envelope.recipients.count; i++) {
		printf("recipient: <%s>\n", c->envelope.recipients.at[i].spec);
	}
	return EX_OK;
}

static int pretend(struct call *c)
{
	struct err e;

	if (!envelope_from_options(&c->envelope, &c->options, &e) ||
	    !settings_read(&c->conf, &c->options, &c->id, &e)) {
		return say_error(&e);
	}
	c->account = settings_account(&c->conf, &c->options, &c->id, c->envelope.sender, &e);
	return c->account ? check_print(c->account) : say_error(&e);
}

/* -bi, newaliases: there is no database to build; a file that cannot be read is told. */
static int check_aliases(struct call *c)
{
	struct err e;
	struct aliases *aliases = NULL;

	if (!settings_read(&c->conf, &c->options, &c->id, &e)) {
		return say_error(&e);
	}
	c->account = settings_account(&c->conf, &c->options, &c->id, NULL, &e);
	if (!c->account) {
		return say_error(&e);
	}
	const char *path = conf_text(c->account, KEY_ALIASES);
	if (!path) {
		say("no aliases file: the setting aliases names none");
		return EX_OK;
	}
	if (!envelope_load_aliases(path, &aliases, &e)) {
		return say_error(&e);
	}
	printf("%s: %zu aliases, no errors\n", path, aliases_count(aliases));
	aliases_free(aliases);
	return EX_OK;
}

static int run_mode(struct call *c)
{
	switch (c->options.mode) {
	case MODE_SEND:
		return send_message(c);
	case MODE_VERIFY:
		return verify(c);
	case MODE_PRETEND:
		return pretend(c);
	case MODE_CHECK_ALIASES:
		return check_aliases(c);
	case MODE_LIST_QUEUE:
		/* Nothing is ever queued yet: what cannot be sent is refused with EX_TEMPFAIL. */
		puts("Mail queue is empty");
		return EX_OK;
	case MODE_FLUSH:
		return EX_OK;
	case MODE_HELP:
		options_help();
		return EX_OK;
	case MODE_VERSION:
		puts("relay " RELAY_VERSION);
		return EX_OK;
	}
	return EX_SOFTWARE;
}

static int run_call(int argc, char **argv, enum mode mode)
{
	struct call c = { 0 };
	struct err e;
	int status;

	conf_init(&c.conf);
	envelope_init(&c.envelope);
	message_init(&c.message);
	if (!options_parse(&c.options, argc, argv, &e)) {
		status = say_error(&e);
	} else {
		c.options.mode = mode != MODE_SEND ? mode : c.options.mode;
		status = run_mode(&c);
	}
	message_clear(&c.message);
	envelope_clear(&c.envelope);
	conf_clear(&c.conf);
	identity_clear(&c.id);
	options_clear(&c.options);
	if (fflush(stdout) != 0 && status == EX_OK) {
		status = EX_IOERR;
	}
	return status;
}

int app_sendmail(int argc, char **argv)
{
	return run_call(argc, argv, MODE_SEND);
}

int app_mailq(int argc, char **argv)
{
	return run_call(argc, argv, MODE_LIST_QUEUE);
}

int app_newaliases(int argc, char **argv)
{
	return run_call(argc, argv, MODE_CHECK_ALIASES);
}
