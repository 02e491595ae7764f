/* SPDX-License-Identifier: ISC */
/*
 * head_read: the first part of a message file, read; the format is in relay-queue(7).  Pure.
 * It may have been damaged or made by a stranger: everything is checked.
 */
#include "base/mem.h"
#include "base/text.h"
#include "mail/addr.h"
#include "queue/entry.h"
#include "queue/head.h"
#include "queue/line.h"
#include "queue/notify.h"

#include <stdint.h>
#include <stdlib.h>

/* So that message_at + size is a file's size. */
#define SIZE_MAX_MESSAGE ((unsigned long long)INT64_MAX - QUEUE_HEAD_MAX)

/* Takes `word` off the front. */
static bool take(struct span *text, const char *word)
{
	size_t size = strlen(word);

	if (text->size < size || memcmp(text->data, word, size) != 0) {
		return false;
	}
	*text = span_from(*text, size);
	return true;
}

static enum queue_parsed damaged(struct err *e, const char *what)
{
	err_set(e, CAUSE_DATA, "%s", what);
	return QUEUE_DAMAGED;
}

/* `line` is the first line without its LF. */
static enum queue_parsed parse_first_line(struct queue_entry *v, struct span line,
					  struct err *e)
{
	if (!take(&line, HEAD_MAGIC)) {
		return damaged(e, "it does not begin as a queue file does");
	}
	if (!take(&line, HEAD_VERSION " ")) {
		struct span version = queue_line_word(&line);
		err_set(e, CAUSE_DATA, "it is of version %.*s of the format, and this relay "
			"reads version " HEAD_VERSION, SPAN_ARG(version));
		return QUEUE_DAMAGED;
	}
	if (take(&line, "writing ")) {
		return QUEUE_WRITING;
	}
	struct span digits = span_of(NULL, 0);
	bool ok = take(&line, "complete") && take(&line, " size=");
	if (ok) {
		digits = span_first(line, 20);
		line = span_from(line, 20);
	}
	ok = ok && digits.size == 20 && text_unsigned(digits, SIZE_MAX_MESSAGE, &v->size) &&
	     take(&line, " body=");
	v->is_8bit = ok && take(&line, "8bit");
	if (!ok || (!v->is_8bit && !take(&line, "7bit")) || span_trim(line).size > 0) {
		return damaged(e, "its first line is not well-formed");
	}
	v->is_complete = true;
	return QUEUE_PARSED;
}

/* "<spec>" off the front; a '>' in a quoted local part does not end it. */
static bool take_address(struct span *text, char addr[ADDR_MAX + 1])
{
	bool in_quotes = false;

	if (!take(text, "<")) {
		return false;
	}
	for (size_t i = 0; i < text->size && i <= ADDR_MAX; i++) {
		char c = text->data[i];
		if (in_quotes && c == '\\') {
			i++;
		} else if (c == '"') {
			in_quotes = !in_quotes;
		} else if (c == '>' && !in_quotes) {
			memcpy(addr, text->data, i);
			addr[i] = '\0';
			bool is_safe = addr_is_safe(span_of(text->data, i));
			*text = span_from(*text, i + 1);
			return is_safe;
		}
	}
	return false;
}

static bool read_arrival(struct queue_entry *v, struct span value)
{
	return queue_line_time(value, &v->arrival);
}

static bool read_uid(struct queue_entry *v, struct span value)
{
	unsigned long long uid = 0;
	bool ok = text_unsigned(value, QUEUE_UID_MAX, &uid);

	v->uid = ok ? (int64_t)uid : -1;
	return ok;
}

static bool read_account(struct queue_entry *v, struct span value)
{
	v->account = mem_copy(value.data, value.size);
	return true;
}

static bool read_config(struct queue_entry *v, struct span value)
{
	v->config = mem_copy(value.data, value.size);
	return true;
}

static bool read_setting(struct queue_entry *v, struct span value)
{
	const char *equals = value.size > 0 ? memchr(value.data, '=', value.size) : NULL;

	if (!equals || equals == value.data) {
		return false;
	}
	struct span name = span_of(value.data, (size_t)(equals - value.data));
	struct span rest = span_from(value, name.size + 1);
	char *n MEM_AUTO = mem_copy(name.data, name.size);
	char *s MEM_AUTO = mem_copy(rest.data, rest.size);
	queue_entry_add_setting(v, n, s);
	return true;
}

static bool read_sender(struct queue_entry *v, struct span value)
{
	char addr[ADDR_MAX + 1];

	if (!take_address(&value, addr) || value.size > 0) {
		return false;
	}
	v->sender = mem_str(addr);
	return true;
}

/* "<sender> account" */
static bool read_via(struct queue_entry *v, struct span value)
{
	char sender[ADDR_MAX + 1];
	struct err ignored;

	if (!take_address(&value, sender) || !take(&value, " ") || value.size == 0) {
		return false;
	}
	char *account MEM_AUTO = mem_copy(value.data, value.size);
	return queue_entry_add_via(v, account, sender, &ignored);
}

/* "NAME=" and a word, off the front; false when it is not there. */
static bool take_word(struct span *text, const char *name, struct span *ret)
{
	if (!take(text, name)) {
		return false;
	}
	const char *blank = text->size > 0 ? memchr(text->data, ' ', text->size) : NULL;
	*ret = span_first(*text, blank ? (size_t)(blank - text->data) : text->size);
	*text = span_from(*text, ret->size);
	return true;
}

static bool read_recipient(struct queue_entry *v, struct span value)
{
	char addr[ADDR_MAX + 1], *orcpt MEM_AUTO = NULL;
	unsigned long long via = 0;
	unsigned notify = 0;
	struct span word;
	struct err ignored;

	if (!take_address(&value, addr) || !addr[0]) {
		return false;
	}
	if (take_word(&value, " via=", &word) &&
	    (!text_unsigned(word, QUEUE_VIAS_MAX, &via) || via == 0)) {
		return false;
	}
	if (take_word(&value, " notify=", &word) && !queue_notify_read(word, &notify)) {
		return false;
	}
	if (value.size > 0) {
		if (!take(&value, " orcpt=")) {
			return false;
		}
		orcpt = mem_copy(value.data, value.size);
	}
	if (!queue_entry_add_rcpt(v, addr, orcpt, &ignored)) {
		return false;
	}
	v->rcpts[v->rcpt_count - 1].notify = notify;
	v->rcpts[v->rcpt_count - 1].via = (unsigned)via;
	return true;
}

static bool read_envid(struct queue_entry *v, struct span value)
{
	v->envid = mem_copy(value.data, value.size);
	return true;
}

static bool read_notify(struct queue_entry *v, struct span value)
{
	return queue_notify_read(value, &v->notify);
}

static bool read_return(struct queue_entry *v, struct span value)
{
	v->ret = span_equal(value, span_str("headers")) ? 1
	       : span_equal(value, span_str("full"))    ? 2
							: 0;
	return v->ret != 0;
}

static bool read_smtputf8(struct queue_entry *v, struct span value)
{
	v->needs_smtputf8 = span_equal(value, span_str("yes"));
	return v->needs_smtputf8;
}

static const struct field {
	const char *name;
	bool (*read)(struct queue_entry *v, struct span value);
	bool is_needed, may_repeat;
} fields[] = {
	{ "recipient", read_recipient, true, true },
	{ "arrival", read_arrival, true, false },
	{ "uid", read_uid, false, false },
	{ "account", read_account, true, false },
	{ "config", read_config, false, false },
	{ "setting", read_setting, false, true },
	{ "sender", read_sender, true, false },
	{ "via", read_via, false, true },
	{ "envid", read_envid, false, false },
	{ "notify", read_notify, false, false },
	{ "return", read_return, false, false },
	{ "smtputf8", read_smtputf8, false, false },
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

/* One line of the head; *seen has a bit for each field that was there. */
static bool parse_line(struct queue_entry *v, struct span line, unsigned *seen, struct err *e)
{
	struct span name, value;

	if (!queue_line_split(line, &name, &value) || !queue_line_is_clean(line)) {
		return err_set(e, CAUSE_DATA, "a line of its head is not well-formed: %.*s",
			       SPAN_ARG(line));
	}
	for (size_t i = 0; i < FIELDS; i++) {
		if (!span_equal(name, span_str(fields[i].name))) {
			continue;
		}
		if ((*seen >> i & 1) && !fields[i].may_repeat) {
			return err_set(e, CAUSE_DATA, "its head has %s twice", fields[i].name);
		}
		*seen |= 1u << i;
		return fields[i].read(v, value) ||
		       err_set(e, CAUSE_DATA, "its head has a wrong line: %.*s",
			       SPAN_ARG(line));
	}
	return true;
}

/* Also of lines that stand in another order than we write them. */
static bool are_vias_there(const struct queue_entry *v)
{
	for (size_t i = 0; i < v->rcpt_count; i++) {
		if (v->rcpts[i].via > v->via_count) {
			return false;
		}
	}
	return true;
}

static void start_anew(struct queue_entry *v)
{
	char id[QUEUE_ID_MAX];

	memcpy(id, v->id, sizeof(id));
	queue_entry_clear(v);
	memcpy(v->id, id, sizeof(id));
}

enum queue_parsed queue_head_parse(struct queue_entry *v, struct span text, struct err *e)
{
	struct span rest = text, line;
	unsigned seen = 0;

	start_anew(v);
	if (text.size < QUEUE_FIRST_LINE) {
		return QUEUE_CUT;
	}
	if (text.data[QUEUE_FIRST_LINE - 1] != '\n') {
		return damaged(e, "it does not begin as a queue file does");
	}
	rest = span_from(text, QUEUE_FIRST_LINE);
	enum queue_parsed parsed =
		parse_first_line(v, span_first(text, QUEUE_FIRST_LINE - 1), e);
	if (parsed != QUEUE_PARSED) {
		return parsed;
	}
	for (;;) {
		if (!queue_line_next(&rest, &line)) {
			return QUEUE_CUT;
		}
		if (line.size == 0) {
			break;
		}
		if (!parse_line(v, line, &seen, e)) {
			return QUEUE_DAMAGED;
		}
	}
	for (size_t i = 0; i < FIELDS; i++) {
		if (fields[i].is_needed && !(seen >> i & 1)) {
			err_set(e, CAUSE_DATA, "its head has no %s", fields[i].name);
			return QUEUE_DAMAGED;
		}
	}
	if (!are_vias_there(v)) {
		return damaged(e, "its head has a recipient with a via that is not there");
	}
	v->message_at = text.size - rest.size;
	v->since = v->arrival;
	return QUEUE_PARSED;
}
