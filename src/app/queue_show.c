/* SPDX-License-Identifier: ISC */
/*
 * queue_show: a message of the queue for a person: its envelope in words, and its bytes.
 * Takes no lock: also a message that is being delivered can be looked at.
 */
#include "app/bounce.h"
#include "app/output.h"
#include "app/queue_command.h"
#include "app/say.h"
#include "base/text.h"
#include "mail/date.h"

#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define EVERYWHERE ((1u << QUEUE_PLACES) - 1)

/* One read. */
#define WINDOW ((size_t)256 << 10)

/* The column in which the values stand. */
enum { VALUE_COLUMN = 15 };

static void print_name(struct output *o, const char *name)
{
	output_text(o, name);
	output_text(o, ":");
	output_blanks(o, VALUE_COLUMN - 1 - (int)strlen(name));
}

static void print_text(struct output *o, const char *name, const char *text)
{
	print_name(o, name);
	output_shown(o, text);
	output_text(o, "\n");
}

static void print_address(struct output *o, const char *name, const char *addr)
{
	print_name(o, name);
	output_text(o, "<");
	output_shown(o, addr);
	output_text(o, ">");
}

static void print_time(struct output *o, int64_t seconds)
{
	struct buf text BUF_AUTO;
	struct tm local;
	time_t at = (time_t)seconds;
	int zone = localtime_r(&at, &local) ? (int)(local.tm_gmtoff / 60) : 0;

	buf_init(&text, 64);
	if (date_add(&text, seconds, zone)) {
		output_bytes(o, buf_span(&text));
	}
}

static void print_date(struct output *o, const char *name, int64_t seconds)
{
	print_name(o, name);
	print_time(o, seconds);
	output_text(o, "\n");
}

static void print_number(struct output *o, const char *name, unsigned long long number,
			 const char *unit)
{
	print_name(o, name);
	output_number(o, number, 0);
	output_text(o, unit);
	output_text(o, "\n");
}

static const char *status_text(const struct queue_entry *v, const struct queue_rcpt *r)
{
	switch (r->status) {
	case QUEUE_WAITING:
		return r->maybe_sent ? "waits; may have got it already" : "waits";
	case QUEUE_SENT:
		return "sent";
	case QUEUE_REFUSED:
		return !r->is_told			    ? "refused"
		       : bounce_is_wanted(v, r, DSN_FAILED) ? "refused; the sender was told"
							    : "refused; no report is wanted";
	}
	return "";
}

/* What RFC 3461 calls NOTIFY. */
static void print_notify(struct output *o, unsigned bits)
{
	static const char *const words[] = { "never", "success", "failure", "delay" };

	if (bits == 0) {
		return;
	}
	print_name(o, "Reports on");
	for (size_t i = 0, shown = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (bits >> i & 1) {
			output_text(o, shown++ ? ", " : "");
			output_text(o, words[i]);
		}
	}
	output_text(o, "\n");
}

/* Where it is not the message's own. */
static void print_via(struct output *o, const struct queue_entry *v, unsigned via)
{
	if (via == 0) {
		return;
	}
	print_name(o, "by account");
	output_shown(o, queue_via_account(v, via));
	output_text(o, ", sender <");
	output_shown(o, queue_via_sender(v, via));
	output_text(o, ">\n");
}

static void print_rcpt(struct output *o, const struct queue_entry *v, const struct queue_rcpt *r)
{
	print_address(o, "Recipient", r->addr);
	output_text(o, " ");
	output_text(o, status_text(v, r));
	if (r->text && r->text[0]) {
		output_text(o, ": ");
		if (r->server) {
			output_shown(o, r->server);
			output_text(o, " said: ");
		}
		output_shown(o, r->text);
	}
	output_text(o, "\n");
	print_via(o, v, r->via);
	print_notify(o, r->notify);
}

static void print_settings(struct output *o, const struct queue_entry *v)
{
	print_text(o, "Account", v->account ? v->account : "");
	if (v->config) {
		print_text(o, "Configuration", v->config);
	}
	for (size_t i = 0; i < v->setting_count; i++) {
		print_name(o, "Setting");
		output_shown(o, v->settings[i].name);
		output_text(o, " ");
		output_shown(o, v->settings[i].value);
		output_text(o, "\n");
	}
}

/* … and NOTIFY for recipients without their own, RET and ENVID. */
static void print_reports(struct output *o, const struct queue_entry *v)
{
	if (v->envid) {
		print_text(o, "Envelope ID", v->envid);
	}
	print_notify(o, v->notify);
	if (v->ret) {
		print_text(o, "Reports give", v->ret == 1 ? "the header" : "the whole message");
	}
}

/* Who reads "the sender was told" wants to know whether that has arrived. */
static void print_told(struct output *o, const struct queues_hit *hit,
		       const struct queue_entry *v)
{
	for (size_t i = 0; i < v->report_count; i++) {
		print_name(o, "Report");
		output_shown(o, v->reports[i]);
		output_text(o, queue_has(hit->queue, v->reports[i])
				       ? ", which is in the queue itself\n"
				       : "\n");
	}
}

static const char *place_text(enum queue_place place)
{
	switch (place) {
	case QUEUE_INCOMING:
		return "incoming: for its first try";
	case QUEUE_DEFERRED:
		return "deferred: for the next queue run";
	case QUEUE_HOLD:
		return "hold: until it is released";
	case QUEUE_FAILED:
		return "failed: given up";
	case QUEUE_CORRUPT:
	case QUEUE_PLACES:
		break;
	}
	return "corrupt: set aside";
}

static void print_envelope(struct output *o, const struct queues_hit *hit,
			   const struct queue_entry *v)
{
	print_text(o, "Queue ID", v->id);
	print_text(o, "Queue", place_text(hit->place));
	print_date(o, "Arrived", v->arrival);
	if (v->uid >= 0) {
		print_number(o, "User", (unsigned long long)v->uid, "");
	}
	print_number(o, "Size", v->size, " bytes");
	print_settings(o, v);
	print_reports(o, v);
	if (v->attempts > 0) {
		print_number(o, "Attempts", v->attempts, "");
		print_date(o, "Last attempt", v->last);
	}
	if (v->is_state_lost) {
		print_text(o, "State", "lost: its file is damaged");
	}
	if (v->next > 0 && (hit->place == QUEUE_DEFERRED || hit->place == QUEUE_INCOMING)) {
		print_date(o, "Next attempt", v->next);
	}
	print_address(o, "Sender", v->sender ? v->sender : "");
	output_text(o, "\n");
	for (size_t i = 0; i < v->rcpt_count; i++) {
		print_rcpt(o, v, &v->rcpts[i]);
	}
	print_told(o, hit, v);
	output_text(o, "\n");
}

/* The lines of wire form, on their way out. */
struct lines {
	struct output *out;
	bool is_for_terminal;	/* what could command it is replaced */
	struct buf line;	/* of a terminal */
};

/* Longer lines go to a terminal in pieces. */
#define LINE_MAX_SHOWN ((size_t)64 << 10)

static void show_line(struct lines *l)
{
	/* A TAB is no danger, and text is ugly without. */
	for (char *at = l->line.data, *end = at + l->line.size; at <= end;) {
		char *tab = at < end ? memchr(at, '\t', (size_t)(end - at)) : NULL;
		text_sanitise(at, (size_t)((tab ? tab : end) - at));
		at = tab ? tab + 1 : end + 1;
	}
	output_bytes(l->out, buf_span(&l->line));
	buf_reset(&l->line);
}

static void put_line_bytes(struct lines *l, struct span bytes)
{
	if (!l->is_for_terminal) {
		output_bytes(l->out, bytes);
		return;
	}
	while (bytes.size > 0) {
		struct span part = span_first(bytes, LINE_MAX_SHOWN - l->line.size);
		if (!buf_add_span(&l->line, part)) {
			return;
		}
		bytes = span_from(bytes, part.size);
		if (l->line.size == LINE_MAX_SHOWN) {
			show_line(l);
		}
	}
}

/* Wire form has no CR but before LF: all are dropped. */
static void put_bytes(struct lines *l, struct span bytes)
{
	while (bytes.size > 0) {
		const char *stop = memchr(bytes.data, '\r', bytes.size);
		const char *end = memchr(bytes.data, '\n', bytes.size);
		stop = !stop || (end && end < stop) ? end : stop;
		size_t size = stop ? (size_t)(stop - bytes.data) : bytes.size;
		put_line_bytes(l, span_first(bytes, size));
		if (stop && *stop == '\n') {
			if (l->is_for_terminal) {
				show_line(l);
			}
			output_text(l->out, "\n");
		}
		bytes = span_from(bytes, size + 1);
	}
}

static bool print_message(struct output *o, const struct queue_file *f,
			  const struct queue_entry *v, bool is_for_terminal, struct err *e)
{
	struct lines l = { .out = o, .is_for_terminal = is_for_terminal };
	struct buf window BUF_AUTO;
	bool ok = true;

	buf_init(&window, WINDOW);
	buf_init(&l.line, LINE_MAX_SHOWN);
	for (unsigned long long at = 0; ok && at < v->size && !o->has_failed;) {
		struct span bytes;
		ok = queue_read(f, v, at, WINDOW, &window, &bytes, e);
		if (ok) {
			put_bytes(&l, bytes);
			at += bytes.size;
		}
	}
	show_line(&l);
	buf_clear(&l.line);
	return ok;
}

static bool look(const struct queues *qs, const char *id, struct queues_hit *hit,
		 struct queue_file *f, struct queue_entry *v, struct err *e)
{
	/* Between finding and opening it may be moved, or be delivered. */
	for (int i = 0; i < 3; i++) {
		if (!queues_find(qs, EVERYWHERE, id, hit, e)) {
			return false;
		}
		switch (queue_look(hit->queue, hit->place, hit->id, f, v, e)) {
		case QUEUE_CLAIMED:
			return true;
		case QUEUE_GONE:
			err_set(e, CAUSE_INPUT, "%s: it has just left the queue", hit->id);
			break;
		case QUEUE_UNFINISHED:
			return err_set(e, CAUSE_INPUT, "%s: it is not complete yet", hit->id);
		case QUEUE_SET_ASIDE:
			e->cause = CAUSE_DATA;
			return err_ctx(e, "%s: damaged", hit->id);
		case QUEUE_BUSY:
		case QUEUE_ERROR:
			return err_ctx(e, "%s", hit->id);
		}
		queue_entry_clear(v);
	}
	return false;
}

static int print(const struct queues *qs, const char *id, bool is_export)
{
	struct queues_hit hit;
	struct queue_file f;
	struct queue_entry v;
	struct output out;
	struct err e;

	queue_file_init(&f);
	queue_entry_init(&v);
	output_init(&out);
	bool ok = look(qs, id, &hit, &f, &v, &e);
	if (ok && !is_export) {
		print_envelope(&out, &hit, &v);
	}
	bool is_for_terminal = !is_export && (qs->is_for_terminal || isatty(STDOUT_FILENO));
	ok = ok && print_message(&out, &f, &v, is_for_terminal, &e);
	bool is_written = output_end(&out);
	queue_file_close(&f);
	queue_entry_clear(&v);
	return !ok ? say_error(&e) : is_written ? EX_OK : EX_IOERR;
}

int queue_show(const struct queues *qs, const char *id)
{
	return print(qs, id, false);
}

int queue_export(const struct queues *qs, const char *id)
{
	return print(qs, id, true);
}
