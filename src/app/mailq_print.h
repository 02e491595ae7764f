/* SPDX-License-Identifier: ISC */
/* mailq_print: one message of the list, as columns or as JSON. */
#ifndef APP_MAILQ_PRINT_H
#define APP_MAILQ_PRINT_H

#include "app/output.h"
#include "queue/queue.h"

struct mailq_item {
	const struct queue_entry *entry;
	enum queue_place place;
	bool is_busy;	/* another process works with it */
	int64_t now;
};

void mailq_print_heading(struct output *o);
void mailq_print_columns(struct output *o, const struct mailq_item *item);
void mailq_print_json(struct output *o, const struct mailq_item *item);

/* "active", "due", "waiting", "held", "failed". */
const char *mailq_status(const struct mailq_item *item);

#endif
