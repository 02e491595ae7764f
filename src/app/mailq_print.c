/* SPDX-License-Identifier: ISC */
/* mailq_print: see mailq_print.h. */
#include "app/mailq_print.h"
#include "base/clock.h"

#include <time.h>

/* Postfix's columns for long queue IDs; a reason ends at REASON_END when it fits. */
enum { ID_WIDTH = 17, SIZE_COLUMNS = 9, RCPT_COLUMN = 47, REASON_END = 76 };

/* Who waits, and in failed/ who was refused. */
static bool shows(const struct queue_rcpt *r, enum queue_place place)
{
	return r->status == QUEUE_WAITING ||
	       (r->status == QUEUE_REFUSED && place == QUEUE_FAILED);
}

const char *mailq_status(const struct mailq_item *item)
{
	return item->is_busy			? "active"
	       : item->place == QUEUE_HOLD	? "held"
	       : item->place == QUEUE_FAILED	? "failed"
	       : item->entry->next <= item->now ? "due"
						: "waiting";
}

void mailq_print_heading(struct output *o)
{
	output_text(o, "----Queue ID----- --Size-- ---Arrival Time---- "
		       "--Sender/Recipient------\n");
}

/* "Tue Jul 21 13:02:26", in the local time zone. */
static void print_time(struct output *o, int64_t seconds)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t at = (time_t)seconds;
	struct tm t;

	if (!localtime_r(&at, &t)) {
		output_text(o, "                  ?");
		return;
	}
	char text[] = "Sun Jan  0 00:00:00";
	memcpy(text, days + 3 * t.tm_wday, 3);
	memcpy(text + 4, months + 3 * t.tm_mon, 3);
	const struct { int at, value; } numbers[] = {
		{ 8, t.tm_mday }, { 11, t.tm_hour }, { 14, t.tm_min }, { 17, t.tm_sec },
	};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int tens = numbers[i].value / 10;
		text[numbers[i].at] = i == 0 && tens == 0 ? ' ' : (char)('0' + tens);
		text[numbers[i].at + 1] = (char)('0' + numbers[i].value % 10);
	}
	output_bytes(o, span_of(text, sizeof(text) - 1));
}

static char mark_of(const struct mailq_item *item)
{
	return item->is_busy		      ? '*'
	       : item->place == QUEUE_HOLD   ? '!'
	       : item->place == QUEUE_FAILED ? '#'
					     : ' ';
}

static const char *sender_of(const struct queue_entry *v)
{
	return v->sender && v->sender[0] ? v->sender : "MAILER-DAEMON";
}

/* What is between brackets above recipients; "" = it has none. */
struct reason {
	const char *account;	/* when it is not the message's own */
	const char *server;	/* who said the text */
	const char *text;
};

/* Right-aligned as far as it is short.  Nothing at all when there is nothing to say. */
static void print_reason(struct output *o, const struct reason *r)
{
	const char *parts[] = {
		*r->account ? "account " : "",
		r->account,
		*r->account && *r->text ? ": " : "",
		*r->server ? "host " : "",
		r->server,
		*r->server ? " said: " : "",
		r->text,
	};
	size_t size = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size += strlen(parts[i]);
	}
	if (size == 0) {
		return;
	}
	output_blanks(o, size < REASON_END ? (int)(REASON_END - size) : 0);
	output_text(o, "(");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		output_shown(o, parts[i]);
	}
	output_text(o, ")\n");
}

/* Who has none of his own shares that of the recipient before. */
static struct reason reason_of(const struct queue_entry *v, const struct queue_rcpt *r,
			       unsigned via, const struct reason *before)
{
	const char *account = r->via > 0 ? queue_via_account(v, r->via) : "";

	if (!r->text || !r->text[0]) {
		bool is_same = r->via == via;
		return (struct reason){ account, is_same ? before->server : "",
					is_same ? before->text : "" };
	}
	return (struct reason){ account, r->server ? r->server : "", r->text };
}

void mailq_print_columns(struct output *o, const struct mailq_item *item)
{
	const struct queue_entry *v = item->entry;
	struct reason last = { "", "", "" };
	unsigned via = 0;
	const char mark = mark_of(item);

	output_text(o, v->id);
	output_bytes(o, span_of(&mark, 1));
	output_blanks(o, ID_WIDTH - 1 - (int)strlen(v->id));
	output_number(o, v->size, SIZE_COLUMNS);
	output_text(o, " ");
	print_time(o, v->arrival);
	output_text(o, " ");
	output_shown(o, sender_of(v));
	output_text(o, "\n");
	for (size_t i = 0; i < v->rcpt_count; i++) {
		const struct queue_rcpt *r = &v->rcpts[i];
		if (!shows(r, item->place)) {
			continue;
		}
		const struct reason own = reason_of(v, r, via, &last);
		if (r->via != via || strcmp(own.text, last.text) != 0 ||
		    strcmp(own.server, last.server) != 0) {
			via = r->via;
			last = own;
			print_reason(o, &last);
		}
		output_blanks(o, RCPT_COLUMN);
		output_shown(o, r->addr);
		output_text(o, "\n");
	}
	output_text(o, "\n");
}

static void json_number(struct output *o, const char *name, int64_t number)
{
	output_text(o, name);
	if (number < 0) {
		output_text(o, "-");
	}
	output_number(o, number < 0 ? -(unsigned long long)number : (unsigned long long)number, 0);
}

static void json_text(struct output *o, const char *name, const char *text)
{
	output_text(o, name);
	output_json(o, text);
}

void mailq_print_json(struct output *o, const struct mailq_item *item)
{
	const struct queue_entry *v = item->entry;
	const char *between = "";

	json_text(o, "{\"queue_name\": ",
		  item->is_busy ? "active" : queue_place_name(item->place));
	json_text(o, ", \"queue_id\": ", v->id);
	json_number(o, ", \"arrival_time\": ", v->arrival);
	json_number(o, ", \"message_size\": ", (int64_t)v->size);
	output_text(o, ", \"forced_expire\": false");
	json_text(o, ", \"sender\": ", sender_of(v));
	output_text(o, ", \"recipients\": [");
	for (size_t i = 0; i < v->rcpt_count; i++) {
		const struct queue_rcpt *r = &v->rcpts[i];
		if (!shows(r, item->place)) {
			continue;
		}
		output_text(o, between);
		json_text(o, "{\"address\": ", r->addr);
		if (r->text && r->text[0]) {
			json_text(o, ", \"delay_reason\": ", r->text);
		}
		if (r->server) {
			json_text(o, ", \"server\": ", r->server);
		}
		if (r->via > 0) {
			json_text(o, ", \"account\": ", queue_via_account(v, r->via));
		}
		output_text(o, "}");
		between = ", ";
	}
	json_text(o, "], \"status\": ", mailq_status(item));
	json_text(o, ", \"account\": ", v->account ? v->account : "");
	json_number(o, ", \"attempts\": ", v->attempts);
	json_number(o, ", \"next_try\": ", v->next);
	output_text(o, "}\n");
}
