/* SPDX-License-Identifier: ISC */
/*
 * fuzz_queue: any bytes as the head of a message file, and what follows the head as its
 * state file.  What is accepted is safe to show and to send, can be written, and means the
 * same when it is read again.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "base/text.h"
#include "mail/addr.h"
#include "queue/entry.h"

static void must_be_a_line(const char *text)
{
	for (const char *p = text; p && *p; p++) {
		MUST((unsigned char)*p >= ' ' || *p == '\t');
	}
}

static void must_be_safe(const struct queue_entry *v)
{
	MUST(v->is_complete && v->account && v->sender && v->rcpt_count > 0);
	MUST(v->rcpt_count <= ADDR_LIST_MAX);
	MUST(addr_is_safe(span_str(v->sender)));
	must_be_a_line(v->account);
	must_be_a_line(v->config);
	must_be_a_line(v->envid);
	for (size_t i = 0; i < v->setting_count; i++) {
		MUST(v->settings[i].name[0]);
		must_be_a_line(v->settings[i].name);
		must_be_a_line(v->settings[i].value);
	}
	for (size_t i = 0; i < v->rcpt_count; i++) {
		const struct queue_rcpt *r = &v->rcpts[i];
		MUST(r->addr[0] && addr_is_safe(span_str(r->addr)));
		MUST(r->status <= QUEUE_REFUSED && strlen(r->dsn) < sizeof(r->dsn));
		must_be_a_line(r->orcpt);
		must_be_a_line(r->text);
		MUST(!r->text || text_is_utf8(span_str(r->text)));
	}
}

/* Written, read and written again: the same text. */
static void must_come_back(const struct queue_entry *v, bool with_state)
{
	struct queue_entry again;
	struct buf one BUF_AUTO, two BUF_AUTO;
	struct err e;

	buf_init(&one, QUEUE_HEAD_MAX);
	buf_init(&two, QUEUE_HEAD_MAX);
	queue_entry_init(&again);
	memcpy(again.id, v->id, sizeof(again.id));
	MUST(queue_head_write(v, &one, &e));
	MUST(queue_head_parse(&again, buf_span(&one), &e) == QUEUE_PARSED);
	MUST(again.message_at == one.size && again.size == v->size);
	MUST(again.rcpt_count == v->rcpt_count);
	MUST(again.setting_count == v->setting_count);
	MUST(queue_head_write(&again, &two, &e) && strcmp(one.data, two.data) == 0);
	if (with_state) {
		buf_reset(&one);
		buf_reset(&two);
		MUST(queue_state_write(v, &one, &e));
		MUST(queue_state_parse(&again, buf_span(&one), &e));
		MUST(queue_entry_waiting(&again) == queue_entry_waiting(v));
		MUST(queue_state_write(&again, &two, &e) && strcmp(one.data, two.data) == 0);
	}
	queue_entry_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct queue_entry v;
	struct span text = span_of(data, size);
	struct err e = { 0 };

	queue_entry_init(&v);
	memcpy(v.id, "1R4XKQ700000000", sizeof(v.id));
	enum queue_parsed parsed = queue_head_parse(&v, text, &e);
	MUST(parsed != QUEUE_DAMAGED || (e.cause == CAUSE_DATA && e.text[0]));
	if (parsed == QUEUE_PARSED) {
		MUST(v.message_at > QUEUE_FIRST_LINE && v.message_at <= size);
		must_be_safe(&v);
		must_come_back(&v, false);
		struct span rest = span_from(text, (size_t)v.message_at);
		bool has_state = queue_state_parse(&v, rest, &e);
		MUST(has_state == v.has_state && (has_state || e.text[0]));
		must_be_safe(&v);
		if (has_state) {
			must_come_back(&v, true);
			/* Shorter by anything, it is cut. */
			MUST(!queue_state_parse(&v, span_first(rest, rest.size - 1), &e));
		}
	}
	queue_entry_clear(&v);
	return 0;
}
