/* SPDX-License-Identifier: ISC */
/*
 * mend: makes of a message that was read to its end one that the next server takes
 * (mail/repair.h, mail/mime.h), wherever its bytes are: memory, unnamed file, queue file.
 */
#ifndef APP_MEND_H
#define APP_MEND_H

#include "app/message.h"

/*
 * Changes *m if it must not leave as it is, or, while it is in memory, does not say what it
 * is; is_7bit: the server does not offer 8BITMIME.  A body of up to MESSAGE_MEMORY_MAX stays
 * in memory.  What is larger goes into a new file: with `store`, between message_read_body
 * and message_store, into its queue (or, as there, into an unnamed file: store->queue is NULL
 * then); the file that was begun for the message before is removed, and the entry has the ID
 * of the new one.  Without (NULL) it goes into an unnamed file, and a queue file that *m had
 * is left as it is.  Then message_size(m) and m->is_8bit are the new ones.  Errors: CAUSE_DATA
 * when it must be changed and cannot be (multipart/signed …), CAUSE_OS; *m is as before then.
 */
bool mend_message(struct message *m, bool is_7bit, struct message_store *store,
		  struct err *e) RELAY_CHECKED;

/* The header: *header itself, unless it must not leave as it is (CAUSE_DATA: too large). */
bool mend_header(struct buf *header, struct err *e) RELAY_CHECKED;

#endif
