/* SPDX-License-Identifier: ISC */
/*
 * client_line: what stands in MAIL and RCPT: addresses and the parameters of extensions.
 * A parameter that the server does not know is left out; the mail matters more.
 * RFC 1870 (SIZE), 6152 (BODY), 6531 (SMTPUTF8), 3461 (RET, ENVID, NOTIFY, ORCPT).
 */
#include "smtp/client_state.h"
#include "base/text.h"

static bool has_utf8(const struct smtp_client *c)
{
	const struct smtp_txn *t = c->sending->txn;
	bool needs = t->needs_smtputf8 || !text_is_ascii(span_str(t->sender));

	for (size_t i = 0; i < t->rcpt_count && !needs; i++) {
		needs = c->sending->rcpt[i] == RCPT_WAITING &&
			!text_is_ascii(span_str(t->rcpts[i].addr));
	}
	return needs && c->caps.smtputf8;
}

/* RFC 3461 §4.4: at most 100 characters; RFC 5321 §4.1.2: at least one. */
static bool add_envid(struct buf *line, const char *envid)
{
	BUF_AUTO struct buf xtext;

	buf_init(&xtext, VERB_ENVID_MAX);
	if (!verb_add_xtext(&xtext, span_str(envid)) || xtext.size == 0) {
		return true;	/* left out: the mail matters more */
	}
	return buf_printf(line, " ENVID=%s", xtext.data);
}

static bool add_name(struct buf *line, const char *name)
{
	BUF_AUTO struct buf xtext;

	buf_init(&xtext, VERB_NAME_MAX);
	if (!verb_add_xtext(&xtext, span_str(name)) || xtext.size == 0) {
		return true;	/* left out, as above */
	}
	return buf_printf(line, " XNAME=%s", xtext.data);
}

void client_mail_line(const struct smtp_client *c, struct buf *line)
{
	static const char *const ret[] = { "", " RET=HDRS", " RET=FULL" };
	static const char *const mode[] = { "", " XMODE=BACKGROUND", " XMODE=QUEUE" };
	static const char *const errors[] = { "", " XERRORS=PRINT", " XERRORS=MAIL",
					      " XERRORS=ZERO", " XERRORS=QUIET" };
	const struct smtp_txn *t = c->sending->txn;

	bool fits = buf_printf(line, "<%s>", t->sender) &&
		    (!c->caps.has_size || buf_printf(line, " SIZE=%llu", t->size)) &&
		    (!c->caps.eightbitmime || !t->is_8bit ||
		     buf_add_str(line, " BODY=8BITMIME")) &&
		    (!has_utf8(c) || buf_add_str(line, " SMTPUTF8"));
	if (fits && c->caps.dsn) {
		fits = buf_add_str(line, ret[t->ret]) &&
		       (!t->envid || add_envid(line, t->envid));
	}
	if (fits && c->caps.xsubmit) {
		fits = buf_add_str(line, mode[t->mode]) && buf_add_str(line, errors[t->errors]) &&
		       buf_add_str(line, t->wants_notice ? " XNOTICE" : "") &&
		       buf_add_str(line, t->told ? " XRESULT" : "") &&
		       (!t->full_name || add_name(line, t->full_name));
	}
	BUG_ON(!fits);	/* client_plan keeps addresses short */
}

static bool add_notify(struct buf *line, unsigned notify)
{
	static const char *const words[] = { "SUCCESS", "FAILURE", "DELAY" };
	const char *lead = " NOTIFY=";

	if (notify & SMTP_NOTIFY_NEVER) {
		return buf_add_str(line, " NOTIFY=NEVER");
	}
	for (unsigned i = 0; i < 3; i++) {
		if (notify & (SMTP_NOTIFY_SUCCESS << i)) {
			if (!buf_printf(line, "%s%s", lead, words[i])) {
				return false;
			}
			lead = ",";
		}
	}
	return true;
}

/* "type;address", the address as xtext; RFC 3461 §4.2: at most 500 characters. */
static bool add_orcpt(struct buf *line, const char *orcpt)
{
	const char *semicolon = strchr(orcpt, ';');
	BUF_AUTO struct buf xtext;

	buf_init(&xtext, 500);
	if (!semicolon || !text_is_ascii(span_str(orcpt)) ||
	    !verb_add_xtext(&xtext, span_of(orcpt, (size_t)(semicolon - orcpt))) ||
	    !buf_add_byte(&xtext, ';') ||
	    !verb_add_xtext(&xtext, span_str(semicolon + 1))) {
		return true;	/* left out, as above */
	}
	return buf_printf(line, " ORCPT=%s", xtext.data);
}

void client_rcpt_line(const struct smtp_client *c, const struct smtp_rcpt *rcpt,
		      struct buf *line)
{
	bool fits = buf_printf(line, "<%s>", rcpt->addr);

	if (fits && c->caps.dsn) {
		fits = add_notify(line, rcpt->notify ? rcpt->notify
						     : c->sending->txn->notify) &&
		       (!rcpt->orcpt || add_orcpt(line, rcpt->orcpt));
	}
	BUG_ON(!fits);
}
