/* SPDX-License-Identifier: ISC */
/* entry: its memory, and what is asked of it.  Its two texts are in head.c and state.c. */
#include "queue/entry.h"
#include "base/mem.h"
#include "mail/addr.h"

#include <stdio.h>
#include <stdlib.h>

void queue_entry_init(struct queue_entry *v)
{
	*v = (struct queue_entry){ .uid = -1 };
}

void queue_entry_clear(struct queue_entry *v)
{
	for (size_t i = 0; i < v->rcpt_count; i++) {
		free(v->rcpts[i].addr);
		free(v->rcpts[i].orcpt);
		free(v->rcpts[i].text);
		free(v->rcpts[i].server);
	}
	for (size_t i = 0; i < v->setting_count; i++) {
		free(v->settings[i].name);
		free(v->settings[i].value);
	}
	for (size_t i = 0; i < v->via_count; i++) {
		free(v->vias[i].account);
		free(v->vias[i].sender);
	}
	free(v->rcpts);
	free(v->vias);
	free(v->settings);
	free(v->reports);
	free(v->account);
	free(v->config);
	free(v->sender);
	free(v->envid);
	queue_entry_init(v);
}

/* Room for one more: the powers of two are where it grows, so no field counts it. */
static void *grown(void *at, size_t count, size_t size)
{
	return (count & (count - 1)) == 0 ? mem_resize(at, count ? count * 2 : 1, size) : at;
}

bool queue_entry_add_rcpt(struct queue_entry *v, const char *addr, const char *orcpt,
			  struct err *e)
{
	if (v->rcpt_count >= ADDR_LIST_MAX) {
		return err_set(e, CAUSE_DATA, "more than %d recipients", ADDR_LIST_MAX);
	}
	v->rcpts = grown(v->rcpts, v->rcpt_count, sizeof(v->rcpts[0]));
	v->rcpts[v->rcpt_count++] = (struct queue_rcpt){
		.addr = mem_str(addr),
		.orcpt = orcpt ? mem_str(orcpt) : NULL,
	};
	return true;
}

bool queue_entry_add_via(struct queue_entry *v, const char *account, const char *sender,
			 struct err *e)
{
	if (v->via_count >= QUEUE_VIAS_MAX) {
		return err_set(e, CAUSE_DATA, "more than %u accounts", QUEUE_VIAS_MAX);
	}
	v->vias = grown(v->vias, v->via_count, sizeof(v->vias[0]));
	v->vias[v->via_count++] = (struct queue_via){ .account = mem_str(account),
						      .sender = mem_str(sender) };
	return true;
}

void queue_entry_add_setting(struct queue_entry *v, const char *name, const char *value)
{
	v->settings = grown(v->settings, v->setting_count, sizeof(v->settings[0]));
	v->settings[v->setting_count++] = (struct queue_setting){
		.name = mem_str(name),
		.value = mem_str(value),
	};
}

void queue_entry_add_report(struct queue_entry *v, const char *id)
{
	v->reports = grown(v->reports, v->report_count, sizeof(v->reports[0]));
	snprintf(v->reports[v->report_count++], QUEUE_ID_MAX, "%s", id);
}

size_t queue_entry_waiting(const struct queue_entry *v)
{
	size_t count = 0;

	for (size_t i = 0; i < v->rcpt_count; i++) {
		count += v->rcpts[i].status == QUEUE_WAITING;
	}
	return count;
}

unsigned queue_entry_via(const struct queue_entry *v)
{
	for (size_t i = 0; i < v->rcpt_count; i++) {
		if (v->rcpts[i].status == QUEUE_WAITING) {
			return v->rcpts[i].via;
		}
	}
	return 0;
}

const char *queue_via_account(const struct queue_entry *v, unsigned via)
{
	return via == 0 ? v->account : v->vias[via - 1].account;
}

const char *queue_via_sender(const struct queue_entry *v, unsigned via)
{
	return via == 0 ? v->sender : v->vias[via - 1].sender;
}

unsigned queue_rcpt_notify(const struct queue_entry *v, const struct queue_rcpt *r)
{
	return r->notify ? r->notify : v->notify;
}

/* No value has a line break, so no two different entries give the same text. */
bool queue_entry_group(const struct queue_entry *v, unsigned via, struct buf *to)
{
	const char *account = queue_via_account(v, via);

	if (!buf_printf(to, "%s\n%s\n", account ? account : "", v->config ? v->config : "")) {
		return false;
	}
	for (size_t i = 0; i < v->setting_count; i++) {
		if (!buf_printf(to, "%s=%s\n", v->settings[i].name, v->settings[i].value)) {
			return false;
		}
	}
	return true;
}
