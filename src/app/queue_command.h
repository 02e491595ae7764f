/* SPDX-License-Identifier: ISC */
/*
 * queue_command: `relay queue COMMAND`: what a person does with the queue (Postfix's
 * postsuper, postcat and postqueue).  This file reads the command line; the commands are in
 * queue_change.c and queue_show.c.
 */
#ifndef APP_QUEUE_COMMAND_H
#define APP_QUEUE_COMMAND_H

#include "app/queues.h"

/* `relay queue …`: argv[0] is "queue".  Returns the exit status. */
int queue_command(int argc, char **argv);
/* The same for the user of a session with the service of the machine (serve_queue.h). */
int queue_command_for(const struct identity *id, bool is_for_terminal, int argc, char **argv);

/* The messages that a command line names. */
struct queue_ids {
	bool is_all;		/* ALL */
	char **at;		/* as given: perhaps cut short */
	size_t count;
};

enum queue_change { CHANGE_HOLD, CHANGE_RELEASE, CHANGE_RETRY, CHANGE_DELETE };

/*
 * Each message is changed for itself and said on standard output in one line; with ALL one
 * line says how many.  Returns the exit status of the first that could not be.
 */
int queue_change_all(const struct queues *qs, enum queue_change change,
		     const struct queue_ids *ids);

/* The envelope in words, and the message; and the message only, byte for byte but for its
 * line ends. */
int queue_show(const struct queues *qs, const char *id);
int queue_export(const struct queues *qs, const char *id);

#endif
