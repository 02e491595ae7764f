/* SPDX-License-Identifier: ISC */
/*
 * head: the first part of a message file, written; the format is in relay-queue(7).  Pure.
 * Nothing is written that head_read.c would not read back.
 */
#include "base/mem.h"
#include "base/text.h"
#include "mail/addr.h"
#include "queue/entry.h"
#include "queue/head.h"
#include "queue/line.h"
#include "queue/notify.h"

#include <stdio.h>
#include <stdlib.h>

void queue_first_line(const struct queue_entry *v, char line[QUEUE_FIRST_LINE + 1])
{
	snprintf(line, QUEUE_FIRST_LINE + 1, HEAD_MAGIC HEAD_VERSION " %-8s size=%020llu body=%s %*s\n",
		 v->is_complete ? "complete" : "writing", v->is_complete ? v->size : 0,
		 v->is_8bit ? "8bit" : "7bit", 4, "");
}

static bool add_value(struct buf *to, const char *name, const char *value, struct err *e)
{
	if (!queue_line_is_clean(span_str(value))) {
		return err_set(e, CAUSE_DATA,
			       "the queue cannot keep this %s, it has a control character: %s",
			       name, value);
	}
	return buf_printf(to, "%s: %s\n", name, value) ||
	       err_set(e, CAUSE_DATA, "the envelope is too large for the queue");
}

/* "<addr>REST" */
static bool add_address(struct buf *to, const char *name, const char *addr, const char *rest,
			struct err *e)
{
	if (!addr_is_safe(span_str(addr)) || (!addr[0] && strcmp(name, "recipient") == 0)) {
		return err_set(e, CAUSE_DATA, "the queue cannot keep this %s: %s", name, addr);
	}
	char *value MEM_AUTO = mem_printf("<%s>%s", addr, rest);
	return add_value(to, name, value, e);
}

static bool add_vias(const struct queue_entry *v, struct buf *to, struct err *e)
{
	for (size_t i = 0; i < v->via_count; i++) {
		char *rest MEM_AUTO = mem_printf(" %s", v->vias[i].account);
		if (!add_address(to, "via", v->vias[i].sender, rest, e)) {
			return false;
		}
	}
	return true;
}

static bool add_recipient(const struct queue_rcpt *r, struct buf *to, struct err *e)
{
	char via[32] = "";
	struct buf notify BUF_AUTO;

	buf_init(&notify, QUEUE_NOTIFY_MAX);
	BUG_ON(!queue_notify_add(&notify, " notify=", r->notify));
	if (r->via > 0) {
		snprintf(via, sizeof(via), " via=%u", r->via);
	}
	/* What is behind orcpt= is its value, to the end of the line. */
	char *rest MEM_AUTO = mem_printf("%s%.*s%s%s", via, SPAN_ARG(buf_span(&notify)),
					 r->orcpt ? " orcpt=" : "", r->orcpt ? r->orcpt : "");
	return add_address(to, "recipient", r->addr, rest, e);
}

static bool add_settings(const struct queue_entry *v, struct buf *to, struct err *e)
{
	for (size_t i = 0; i < v->setting_count; i++) {
		const struct queue_setting *s = &v->settings[i];
		char *value MEM_AUTO = mem_printf("%s=%s", s->name, s->value);
		BUG_ON(!s->name[0] || strchr(s->name, '='));
		if (!add_value(to, "setting", value, e)) {
			return false;
		}
	}
	return true;
}

static bool add_options(const struct queue_entry *v, struct buf *to)
{
	bool ok = queue_notify_add(to, "notify: ", v->notify) &&
		  (!v->notify || buf_add_byte(to, '\n'));

	ok = ok && (!v->ret || buf_printf(to, "return: %s\n", v->ret == 1 ? "headers" : "full"));
	return ok && (!v->needs_smtputf8 || buf_add_str(to, "smtputf8: yes\n"));
}

bool queue_head_write(const struct queue_entry *v, struct buf *to, struct err *e)
{
	char line[QUEUE_FIRST_LINE + 1];

	BUG_ON(!v->account || !v->sender || v->rcpt_count == 0);
	queue_first_line(v, line);
	bool ok = buf_add_str(to, line) &&
		  (v->uid < 0 || buf_printf(to, QUEUE_UID_LINE "%lld\n", (long long)v->uid)) &&
		  queue_line_add_time(to, "arrival", v->arrival);
	if (ok && (!add_value(to, "account", v->account, e) ||
		   (v->config && !add_value(to, "config", v->config, e)) ||
		   !add_settings(v, to, e) || !add_address(to, "sender", v->sender, "", e) ||
		   !add_vias(v, to, e))) {
		return false;
	}
	for (size_t i = 0; ok && i < v->rcpt_count; i++) {
		if (!add_recipient(&v->rcpts[i], to, e)) {
			return false;
		}
	}
	if (ok && v->envid && !add_value(to, "envid", v->envid, e)) {
		return false;
	}
	ok = ok && add_options(v, to) && buf_add_byte(to, '\n');
	return ok || err_set(e, CAUSE_DATA, "the envelope is too large for the queue");
}
