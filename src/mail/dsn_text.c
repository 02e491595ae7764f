/* SPDX-License-Identifier: ISC */
/*
 * dsn_text: what happened to which recipient, the server's words, and what happens next,
 * in plain words.  Must never speak of this program's insides: the readers only sent a
 * message.
 */
#include "mail/dsn_text.h"
#include "mail/addr.h"
#include "mail/date.h"
#include "mail/fold.h"

enum {
	PARAGRAPH_MAX = 4096,
	SHOWN_MAX = ADDR_MAX,	/* bytes of an address or host name inside a paragraph */
};

static const char *const what_happened[DSN_KIND_COUNT] = {
	[DSN_FAILED] = "could not be delivered to:",
	[DSN_DELAYED] = "is still on its way to:",
	[DSN_RELAYED] = "was passed on to the next mail server for:",
};

static const char *const what_is_next[DSN_KIND_COUNT] = {
	[DSN_FAILED] = "It will not be tried again. If an address is wrong, please "
		       "correct it and send the message once more.",
	[DSN_DELAYED] = "You need not do anything.",
	[DSN_RELAYED] = "The next server does not send confirmations, so you will hear "
			"nothing more when the message arrives.",
};

static bool is_set(const char *text)
{
	return text && text[0] != '\0';
}

static bool is_from_reader(const struct dsn *d)
{
	return is_set(d->sender) && addr_equal(d->sender, d->to);
}

static bool add_line_end(struct buf *out)
{
	return buf_add_str(out, "\r\n");
}

static bool add_paragraph(const char *text, struct buf *out)
{
	return fold_add(out, text, "", false) && buf_add_str(out, "\r\n\r\n");
}

static bool add_opening(const struct dsn *d, struct buf *out)
{
	struct span sender = span_first(span_str(d->sender), SHOWN_MAX);
	BUF_AUTO struct buf text;

	buf_init(&text, PARAGRAPH_MAX);
	if (is_set(d->reporting_mta)) {
		struct span host = span_first(span_str(d->reporting_mta), SHOWN_MAX);
		if (!buf_printf(&text, "This is the mail system of %.*s.",
				SPAN_ARG(host)) ||
		    !add_paragraph(text.data, out)) {
			return false;
		}
		buf_reset(&text);
	}
	if (!buf_add_str(&text, is_from_reader(d) ? "Your message" : "The message") ||
	    (d->arrival != 0 && (!buf_add_str(&text, " of ") ||
				 !date_add(&text, d->arrival, d->zone_minutes))) ||
	    (!is_from_reader(d) && is_set(d->sender) &&
	     !buf_printf(&text, " from %.*s", SPAN_ARG(sender)))) {
		return false;
	}
	return buf_printf(&text, " %s", what_happened[d->kind]) &&
	       add_paragraph(text.data, out);
}

static bool add_reason(const struct dsn_rcpt *r, struct buf *out)
{
	if (r->is_reply) {
		const char *who = is_set(r->remote_mta) ? r->remote_mta : "The mail server";
		if (!fold_add(out, who, "    ", false) ||
		    !fold_add(out, "answered:", "    ", false) || !add_line_end(out)) {
			return false;
		}
	}
	return fold_add(out, r->text, "    ", false) && add_line_end(out);
}

static bool add_rcpt(const struct dsn *d, const struct dsn_rcpt *r, struct buf *out)
{
	static const char perhaps[] =
		"It may have arrived all the same: an attempt ended without an answer.";

	return fold_add(out, r->addr, "  ", false) && add_line_end(out) &&
	       (!is_set(r->text) || add_reason(r, out)) &&
	       (!r->maybe_sent || d->kind == DSN_RELAYED ||
		(fold_add(out, perhaps, "    ", false) && add_line_end(out))) &&
	       add_line_end(out);
}

static bool add_rcpts(const struct dsn *d, struct buf *out)
{
	bool is_long = d->rcpt_count > DSN_TEXT_RCPTS_MAX;
	size_t shown = is_long ? DSN_TEXT_RCPTS_MAX : d->rcpt_count;

	for (size_t i = 0; i < shown; i++) {
		if (!add_rcpt(d, &d->rcpts[i], out)) {
			return false;
		}
	}
	return !is_long ||
	       buf_printf(out, "  and %zu more; the attached report has all of them.\r\n"
			  "\r\n", d->rcpt_count - shown);
}

/* Nobody has refused it for good: it has only become too old. */
static bool is_given_up(const struct dsn *d)
{
	size_t temporary = 0;

	for (size_t i = 0; i < d->rcpt_count; i++) {
		temporary += is_set(d->rcpts[i].status) && d->rcpts[i].status[0] == '4';
	}
	return d->kind == DSN_FAILED && temporary == d->rcpt_count;
}

static bool is_last_for_any(const struct dsn *d)
{
	for (size_t i = 0; i < d->rcpt_count; i++) {
		if (d->rcpts[i].is_last) {
			return true;
		}
	}
	return false;
}

static bool add_ending(const struct dsn *d, struct buf *out)
{
	BUF_AUTO struct buf text;

	buf_init(&text, PARAGRAPH_MAX);
	if (is_given_up(d)) {
		if (!buf_add_str(&text, "It has been tried until now, and is given up. You can "
					"send it once more.")) {
			return false;
		}
	} else if (!buf_add_str(&text, what_is_next[d->kind])) {
		return false;
	}
	if (d->kind == DSN_DELAYED) {
		bool has_end = d->retry_until != 0;
		if (!buf_add_str(&text, " Delivery will be tried again") ||
		    (has_end && (!buf_add_str(&text, " until ") ||
				 !date_add(&text, d->retry_until, d->zone_minutes))) ||
		    !buf_add_str(&text, ".") ||
		    (!is_last_for_any(d) &&
		     (!buf_add_str(&text, has_end ? " If it has not worked by then,"
						  : " If it is given up,") ||
		      !buf_add_str(&text, " you will get another notice.")))) {
			return false;
		}
	}
	return add_paragraph(text.data, out) &&
	       buf_printf(out, "Attached: a report for mail programs, and %s.\r\n",
			  d->is_full ? "the message" : "the header of the message");
}

bool dsn_add_text(const struct dsn *d, struct buf *out)
{
	return add_opening(d, out) && add_rcpts(d, out) && add_ending(d, out);
}
