/* SPDX-License-Identifier: ISC */
/*
 * dsn: RFC 3464 notifications as RFC 6522 multipart/report; RFC 6533 where an address is
 * not ASCII; RFC 3834 §5 for Auto-Submitted.  Must never put a string of the caller into
 * *out other than through fold_add(), or after a check.
 */
#include "mail/dsn.h"
#include "base/text.h"
#include "mail/addr.h"
#include "mail/date.h"
#include "mail/dsn_text.h"
#include "mail/fold.h"
#include "mail/qp.h"
#include "mail/rewrite.h"

#include <arpa/inet.h>
#include <stdio.h>

struct kind_row {
	const char *subject;
	const char *action;	/* RFC 3464 §2.3.3 */
	const char *status;	/* when a recipient has none */
};

static const struct kind_row kinds[DSN_KIND_COUNT] = {
	[DSN_FAILED] = { "Message not delivered", "failed", "5.0.0" },
	[DSN_DELAYED] = { "Message delayed", "delayed", "4.0.0" },
	[DSN_RELAYED] = { "Message passed on", "relayed", "2.0.0" },
};

static bool is_set(const char *text)
{
	return text && text[0] != '\0';
}

static bool is_plain(const char *text)
{
	return !text || text_is_ascii(span_str(text));
}

/* RFC 6533: the report for programs may have UTF-8, and says so by its type. */
static bool has_utf8_report(const struct dsn *d)
{
	for (size_t i = 0; i < d->rcpt_count; i++) {
		if (!is_plain(d->rcpts[i].addr) || !is_plain(d->rcpts[i].orcpt)) {
			return true;
		}
	}
	return false;
}

bool dsn_needs_smtputf8(const struct dsn *d)
{
	return !is_plain(d->to) || !is_plain(d->from);
}

bool dsn_is_8bit(const struct dsn *d)
{
	return d->is_8bit || d->is_utf8 || dsn_needs_smtputf8(d) || has_utf8_report(d);
}

/* '=' and '_' in a row stand in no base64 or quoted-printable text. */
static bool add_boundary(const struct dsn *d, struct buf *out)
{
	if (!buf_add_str(out, "=_")) {
		return false;
	}
	for (size_t i = 0; i < sizeof(d->random); i++) {
		if (!buf_printf(out, "%02x", d->random[i])) {
			return false;
		}
	}
	return true;
}

/* Begins a part; a type of message/… or with bytes above 127 says how it travels. */
static bool add_part(const struct dsn *d, const char *description, const char *type,
		     const char *encoding, struct buf *out)
{
	return buf_add_str(out, "\r\n--") && add_boundary(d, out) &&
	       buf_printf(out, "\r\nContent-Description: %s\r\nContent-Type: %s\r\n",
			  description, type) &&
	       (!encoding ||
		buf_printf(out, "Content-Transfer-Encoding: %s\r\n", encoding)) &&
	       buf_add_str(out, "\r\n");
}

static bool add_date(const struct dsn *d, const char *name, int64_t seconds,
		     struct buf *out)
{
	return buf_printf(out, "%s: ", name) && date_add(out, seconds, d->zone_minutes) &&
	       buf_add_str(out, "\r\n");
}

/* `type` is "dns;", "smtp;" …, or "" */
static bool add_field(const char *name, const char *type, const char *value,
		      bool is_ascii, struct buf *out)
{
	return buf_printf(out, "%s:%s%s", name, type[0] ? " " : "", type) &&
	       fold_add(out, value, " ", is_ascii) && buf_add_str(out, "\r\n");
}

/* RFC 3464 §2.1.2 and appendix: a domain, or an address literal. */
static bool add_mta(const char *name, const char *host, bool is_ascii, struct buf *out)
{
	unsigned char raw[sizeof(struct in6_addr)];
	bool is_v6 = inet_pton(AF_INET6, host, raw) == 1;
	char literal[INET6_ADDRSTRLEN + sizeof("[IPv6:]")];

	if (is_v6 || inet_pton(AF_INET, host, raw) == 1) {
		snprintf(literal, sizeof(literal), "[%s%s]", is_v6 ? "IPv6:" : "", host);
		host = literal;
	}
	return add_field(name, "dns;", host, is_ascii, out);
}

static bool add_header(const struct dsn *d, struct buf *out)
{
	static const char name[] = "From: Mail Delivery System";
	/* The author's domain, as in other mail: the host's name may mean nothing elsewhere. */
	const char *at = strrchr(d->from, '@');
	bool fold = strlen(name) + strlen(" <>") + strlen(d->from) > FOLD_COLUMN_MAX;

	return add_date(d, "Date", d->now, out) &&
	       buf_printf(out, "%s%s <%s>\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: ", name,
			  fold ? "\r\n" : "", d->from, d->to, kinds[d->kind].subject) &&
	       rewrite_add_id(out, d->now, d->random, at ? at + 1 : d->reporting_mta) &&
	       buf_add_str(out, "\r\n"
			   "Auto-Submitted: auto-replied\r\n"
			   "MIME-Version: 1.0\r\n"
			   "Content-Type: multipart/report; report-type=delivery-status;\r\n"
			   "\tboundary=\"") &&
	       add_boundary(d, out) && buf_add_str(out, "\"\r\n") &&
	       (!dsn_is_8bit(d) || buf_add_str(out, "Content-Transfer-Encoding: 8bit\r\n"));
}

/* Quoted-printable, when it has to be encoded: then it passes every server. */
static bool add_text_part(const struct dsn *d, struct buf *out)
{
	static const char type[] = "text/plain; charset=utf-8";
	BUF_AUTO struct buf text;

	buf_init(&text, out->max);
	if (!dsn_add_text(d, &text)) {
		return false;
	}
	if (text_is_ascii(buf_span(&text))) {
		return add_part(d, "Notification", type, NULL, out) &&
		       buf_add_span(out, buf_span(&text));
	}
	return add_part(d, "Notification", type, "quoted-printable", out) &&
	       qp_add(out, buf_span(&text));
}

/* "rfc822;a@b", as it came: nothing is written when it has not that form. */
static bool add_orcpt(const char *orcpt, bool is_ascii, struct buf *out)
{
	static const char name[] = "Original-Recipient";
	enum { TYPE_MAX = 40 };
	const char *address = orcpt ? strchr(orcpt, ';') : NULL;
	char type[TYPE_MAX + 2];

	if (!address || address == orcpt || address - orcpt > TYPE_MAX ||
	    span_trim(span_str(address + 1)).size == 0) {
		return true;
	}
	for (const char *p = orcpt; p < address; p++) {
		if (!text_is_alpha(*p) && !text_is_digit(*p) && *p != '-') {
			return true;
		}
	}
	if (text_starts_fold(span_str(orcpt), "rfc822;") && !is_plain(address)) {
		return add_field(name, "utf-8;", address + 1, is_ascii, out);
	}
	size_t size = (size_t)(address - orcpt) + 1;
	memcpy(type, orcpt, size);
	type[size] = '\0';
	return add_field(name, type, address + 1, is_ascii, out);
}

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* RFC 3463 §2: "5.1.1". */
static bool is_status(const char *text)
{
	if (!text || !text[0] || !strchr("245", text[0]) || text[1] != '.') {
		return false;
	}
	size_t subject = digits(text + 2), detail = 0;
	if (subject < 1 || subject > 3 || text[2 + subject] != '.') {
		return false;
	}
	detail = digits(text + 3 + subject);
	return detail >= 1 && detail <= 3 && text[3 + subject + detail] == '\0';
}

static bool add_rcpt(const struct dsn *d, const struct dsn_rcpt *r, bool is_ascii,
		     struct buf *out)
{
	const struct kind_row *kind = &kinds[d->kind];
	const char *status = is_status(r->status) ? r->status : kind->status;
	const char *addr_type = is_plain(r->addr) ? "rfc822;" : "utf-8;";
	const char *text_type = r->is_reply ? "smtp;" : "x-relay;";
	bool has_retry = d->kind == DSN_DELAYED && d->retry_until != 0;

	return buf_add_str(out, "\r\n") && add_orcpt(r->orcpt, is_ascii, out) &&
	       add_field("Final-Recipient", addr_type, r->addr, is_ascii, out) &&
	       buf_printf(out, "Action: %s\r\nStatus: %s\r\n", kind->action, status) &&
	       (!r->is_reply || !is_set(r->remote_mta) ||
		add_mta("Remote-MTA", r->remote_mta, is_ascii, out)) &&
	       (!is_set(r->text) ||
		add_field("Diagnostic-Code", text_type, r->text, is_ascii, out)) &&
	       (d->last_attempt == 0 ||
		add_date(d, "Last-Attempt-Date", d->last_attempt, out)) &&
	       (!has_retry || add_date(d, "Will-Retry-Until", d->retry_until, out));
}

static bool add_report_part(const struct dsn *d, struct buf *out)
{
	bool is_utf8 = has_utf8_report(d), is_ascii = !is_utf8;
	const char *host = is_set(d->reporting_mta) ? d->reporting_mta : "localhost";
	const char *type = is_utf8 ? "message/global-delivery-status"
				   : "message/delivery-status";

	if (!add_part(d, "Delivery report", type, is_utf8 ? "8bit" : NULL, out) ||
	    (is_set(d->envid) &&
	     !add_field("Original-Envelope-Id", "", d->envid, is_ascii, out)) ||
	    !add_mta("Reporting-MTA", host, is_ascii, out) ||
	    (is_set(d->queue_id) &&
	     !add_field("X-Relay-Queue-ID", "", d->queue_id, is_ascii, out)) ||
	    (d->arrival != 0 && !add_date(d, "Arrival-Date", d->arrival, out))) {
		return false;
	}
	for (size_t i = 0; i < d->rcpt_count; i++) {
		if (!add_rcpt(d, &d->rcpts[i], is_ascii, out)) {
			return false;
		}
	}
	return true;
}

static bool add_message_part(const struct dsn *d, struct buf *out)
{
	static const char *const types[2][2] = {	/* is_full, is_utf8 */
		{ "text/rfc822-headers", "message/global-headers" },
		{ "message/rfc822", "message/global" },
	};

	return add_part(d, d->is_full ? "Message" : "Header of the message",
			types[d->is_full][d->is_utf8],
			d->is_8bit || d->is_utf8 ? "8bit" : NULL, out);
}

/* An address that is longer than a line may be is none. */
static bool check_address(const char *field, const char *addr, struct err *e)
{
	if (!is_set(addr) || strlen(addr) > FOLD_WORD_MAX ||
	    !addr_is_safe(span_str(addr))) {
		return err_set(e, CAUSE_DATA, "%s: \"%s\" is not an address", field,
			       addr ? addr : "");
	}
	return true;
}

bool dsn_head(const struct dsn *d, struct buf *out, struct err *e)
{
	BUG_ON(d->rcpt_count == 0);
	if (!check_address("To", d->to, e) || !check_address("From", d->from, e)) {
		return false;
	}
	if (!add_header(d, out) || !add_text_part(d, out) || !add_report_part(d, out) ||
	    !add_message_part(d, out)) {
		return err_set(e, CAUSE_DATA, "the notification is longer than %zu bytes",
			       out->max);
	}
	return true;
}

bool dsn_tail(const struct dsn *d, struct buf *out)
{
	return buf_add_str(out, "\r\n--") && add_boundary(d, out) &&
	       buf_add_str(out, "--\r\n");
}
