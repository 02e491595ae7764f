/* SPDX-License-Identifier: ISC */
/*
 * state: the state file's text, written and read; the format is in relay-queue(7).  Pure.
 * It is read as a whole or not at all: a text that is cut or wrong anywhere leaves the
 * entry as if there were none.  Then recipients that had the message may get it again,
 * which is better than a message that nobody gets.
 */
#include "base/mem.h"
#include "base/text.h"
#include "queue/entry.h"
#include "queue/line.h"

#include <limits.h>
#include <stdlib.h>

#define FIRST_LINE "relay-state 1"

/* Before a reply: whose it is. */
#define SERVER_WORD "server="

/* Most bytes of a reply that are kept. */
enum { TEXT_MOST = 1000 };

static const char *const status_words[] = {
	[QUEUE_WAITING] = "waiting",
	[QUEUE_SENT] = "sent",
	[QUEUE_REFUSED] = "refused",
};

enum { STATUS_WORDS = sizeof(status_words) / sizeof(status_words[0]) };

/* RFC 3463: class.subject.detail. */
static bool is_dsn_code(struct span s)
{
	size_t at = 1, parts = 1;

	if (s.size < 5 || s.size > 9 || !memchr("245", s.data[0], 3)) {
		return false;
	}
	while (at < s.size && s.data[at] == '.') {
		size_t digits = 0;
		for (at++; at < s.size && text_is_digit(s.data[at]); at++) {
			digits++;
		}
		if (digits < 1 || digits > 3) {
			return false;
		}
		parts++;
	}
	return at == s.size && parts == 3;
}

/* -- write ----------------------------------------------------------------------------- */

static bool has_news(const struct queue_rcpt *r)
{
	return r->status != QUEUE_WAITING || r->maybe_sent || r->dsn[0] ||
	       (r->text && r->text[0]);
}

/* One line of a recipient; people count from 1. */
static bool add_rcpt(const struct queue_rcpt *r, size_t index, struct buf *to)
{
	bool ok = buf_printf(to, "recipient: %zu %s%s%s%s dsn=%s", index + 1,
			     status_words[r->status], r->is_told ? " told" : "",
			     r->maybe_sent ? " maybe-sent" : "", r->is_reply ? " reply" : "",
			     is_dsn_code(span_str(r->dsn)) ? r->dsn : "");

	if (ok && r->is_reply && r->server) {
		ok = buf_printf(to, " " SERVER_WORD "%s", r->server);
	}
	if (ok && r->text && r->text[0]) {
		struct span text = span_first(span_str(r->text), TEXT_MOST);
		size_t at = to->size + 1;
		ok = buf_add_byte(to, ' ') && buf_add_span(to, text);
		if (ok) {
			/* Also a character that the cut has split. */
			text_sanitise(to->data + at, text.size);
		}
	}
	return ok && buf_add_byte(to, '\n');
}

/* 0 is no time: `last` of a message that was never tried, `next` of one that may go. */
static bool add_time(struct buf *to, const char *name, int64_t seconds)
{
	return seconds > 0 ? queue_line_add_time(to, name, seconds)
			   : buf_printf(to, "%s: 0 (none)\n", name);
}

bool queue_state_write(const struct queue_entry *v, struct buf *to, struct err *e)
{
	bool ok = buf_printf(to, FIRST_LINE "\nid: %s\nattempts: %u\n", v->id, v->attempts) &&
		  queue_line_add_time(to, "since", v->since) &&
		  add_time(to, "last", v->last) &&
		  add_time(to, "next", v->next) &&
		  (!v->is_warned || buf_add_str(to, "warned: yes\n"));

	for (size_t i = 0; ok && i < v->report_count; i++) {
		ok = buf_printf(to, "report: %s\n", v->reports[i]);
	}
	for (size_t i = 0; ok && i < v->rcpt_count; i++) {
		if (has_news(&v->rcpts[i])) {
			ok = add_rcpt(&v->rcpts[i], i, to);
		}
	}
	return (ok && buf_add_str(to, "end\n")) ||
	       err_set(e, CAUSE_DATA, "the state of the message is too large for the queue");
}

/* -- read ------------------------------------------------------------------------------ */

static void reset(struct queue_entry *v)
{
	for (size_t i = 0; i < v->rcpt_count; i++) {
		struct queue_rcpt *r = &v->rcpts[i];
		free(r->text);
		free(r->server);
		*r = (struct queue_rcpt){ .addr = r->addr, .orcpt = r->orcpt, .via = r->via,
					  .notify = r->notify };
	}
	v->has_state = v->is_warned = false;
	v->attempts = 0;
	v->report_count = 0;
	free(v->reports);
	v->reports = NULL;
	v->last = v->next = 0;
	v->since = v->arrival;
}

static bool read_id(struct queue_entry *v, struct span value)
{
	return span_equal(value, span_str(v->id));
}

static bool read_attempts(struct queue_entry *v, struct span value)
{
	unsigned long long n;

	if (!text_unsigned(value, INT_MAX, &n)) {
		return false;
	}
	v->attempts = (unsigned)n;
	return true;
}

static bool read_since(struct queue_entry *v, struct span value)
{
	return queue_line_time(value, &v->since);
}

static bool read_last(struct queue_entry *v, struct span value)
{
	return queue_line_time(value, &v->last);
}

static bool read_next(struct queue_entry *v, struct span value)
{
	return queue_line_time(value, &v->next);
}

static bool read_warned(struct queue_entry *v, struct span value)
{
	v->is_warned = span_equal(value, span_str("yes"));
	return v->is_warned;
}

static bool read_report(struct queue_entry *v, struct span value)
{
	char id[QUEUE_ID_MAX];

	if (!queue_id_is(value)) {
		return false;
	}
	memcpy(id, value.data, sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	queue_entry_add_report(v, id);
	return true;
}

/* The flags, which come in this order, and the code that ends them. */
static bool read_flags(struct queue_rcpt *r, struct span *value)
{
	const struct {
		const char *word;
		bool *flag;
	} flags[] = {
		{ "told", &r->is_told },
		{ "maybe-sent", &r->maybe_sent },
		{ "reply", &r->is_reply },
	};
	struct span word = queue_line_word(value);

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (span_equal(word, span_str(flags[i].word))) {
			*flags[i].flag = true;
			word = queue_line_word(value);
		}
	}
	struct span prefix = span_first(word, 4), code = span_from(word, 4);
	if (!span_equal(prefix, span_str("dsn=")) || (code.size > 0 && !is_dsn_code(code))) {
		return false;
	}
	memcpy(r->dsn, code.size > 0 ? code.data : "", code.size);
	r->dsn[code.size] = '\0';
	return true;
}

/* Replies begin with their code: nothing else of theirs looks so. */
static void read_server(struct queue_rcpt *r, struct span *value)
{
	const size_t size = strlen(SERVER_WORD);

	if (r->is_reply && span_equal(span_first(*value, size), span_str(SERVER_WORD))) {
		struct span name = span_from(queue_line_word(value), size);
		if (name.size > 0) {
			r->server = mem_copy(name.data, name.size);
			text_sanitise(r->server, name.size);
		}
	}
}

static bool read_recipient(struct queue_entry *v, struct span value)
{
	unsigned long long index;
	struct span number = queue_line_word(&value), word = queue_line_word(&value);
	size_t status = 0;

	if (!text_unsigned(number, v->rcpt_count, &index) || index == 0) {
		return false;
	}
	struct queue_rcpt *r = &v->rcpts[index - 1];
	while (status < STATUS_WORDS && !span_equal(word, span_str(status_words[status]))) {
		status++;
	}
	if (status == STATUS_WORDS || has_news(r) || !read_flags(r, &value)) {
		return false;
	}
	r->status = (enum queue_rcpt_status)status;
	read_server(r, &value);
	if (value.size > 0) {
		r->text = mem_copy(value.data, value.size);
		text_sanitise(r->text, value.size);
	}
	return has_news(r);	/* a line without any was not written by us */
}

static const struct field {
	const char *name;
	bool (*read)(struct queue_entry *v, struct span value);
	bool is_needed, may_repeat;
} fields[] = {
	{ "recipient", read_recipient, false, true },
	{ "id", read_id, true, false },
	{ "attempts", read_attempts, true, false },
	{ "since", read_since, true, false },
	{ "last", read_last, true, false },
	{ "next", read_next, true, false },
	{ "warned", read_warned, false, false },
	{ "report", read_report, false, true },
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static bool parse_line(struct queue_entry *v, struct span line, unsigned *seen)
{
	struct span name, value;

	if (!queue_line_split(line, &name, &value) || !queue_line_is_clean(line)) {
		return false;
	}
	for (size_t i = 0; i < FIELDS; i++) {
		if (span_equal(name, span_str(fields[i].name))) {
			bool is_again = *seen >> i & 1;
			*seen |= 1u << i;
			return (!is_again || fields[i].may_repeat) && fields[i].read(v, value);
		}
	}
	return true;	/* a name of a later version */
}

static bool parse(struct queue_entry *v, struct span text, struct err *e)
{
	struct span line;
	unsigned seen = 0;

	if (!queue_line_next(&text, &line) || !span_equal(line, span_str(FIRST_LINE))) {
		return err_set(e, CAUSE_DATA, "it does not begin as a state file does");
	}
	for (;;) {
		if (!queue_line_next(&text, &line)) {
			return err_set(e, CAUSE_DATA, "it is cut");
		}
		if (span_equal(line, span_str("end"))) {
			break;
		}
		if (!parse_line(v, line, &seen)) {
			return err_set(e, CAUSE_DATA, "it has a wrong line: %.*s",
				       SPAN_ARG(line));
		}
	}
	if (text.size > 0) {
		return err_set(e, CAUSE_DATA, "something follows its last line");
	}
	for (size_t i = 0; i < FIELDS; i++) {
		if (fields[i].is_needed && !(seen >> i & 1)) {
			return err_set(e, CAUSE_DATA, "it has no %s", fields[i].name);
		}
	}
	v->has_state = true;
	return true;
}

bool queue_state_parse(struct queue_entry *v, struct span text, struct err *e)
{
	reset(v);
	if (!parse(v, text, e)) {
		reset(v);
		return false;
	}
	return true;
}
