/* SPDX-License-Identifier: ISC */
/* talk: a session between the client engine and a server whose lines a test says. */
#ifndef TESTS_TALK_H
#define TESTS_TALK_H

#include "smtp/client.h"

#define BODY "Subject: x\r\n\r\nhello\r\n"
#define EHLO "EHLO client.test\r\n"
#define ENVELOPE "MAIL FROM:<joe@client.test>\r\nRCPT TO:<ann@server.test>\r\n"
#define CHUNK "BDAT 21 LAST\r\n" BODY
#define PIPED "250-a\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
#define ALL "250-a\r\n250-PIPELINING\r\n250-AUTH PLAIN\r\n250 CHUNKING\r\n"
#define LOGIN "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"

struct talk {
	struct smtp_client *c;
	struct smtp_options options;
	struct smtp_rcpt rcpts[3];
	struct smtp_txn txn;
	bool is_last;		/* QUIT when it is asked for */
};

/* One recipient, one small message, which is the last; to be changed before begin(). */
void start(struct talk *t, enum smtp_security security);
/* Makes the client and submits the message. */
void begin(struct talk *t);
/* The server's bytes. */
void say(struct talk *t, const char *text);
/*
 * The next action must be of this kind; what is asked for on the way is done: the message,
 * QUIT if it is the last.
 */
struct smtp_action wants(struct talk *t, enum smtp_action_kind kind);
/* The same, whatever it is; BODY is left to the test. */
struct smtp_action wants_any(struct talk *t);
/* It must be a WRITE of exactly this. */
void writes(struct talk *t, const char *text);
/* It must be FAIL, with text in its text. */
void fails(struct talk *t, enum cause cause, const char *text);
void lose(struct talk *t);
/* begin(), greeting, EHLO and its answer. */
void up_to_ehlo(struct talk *t, const char *caps);
/* The same with PIPELINING alone, and then the answers to MAIL, RCPT and DATA. */
void up_to_data(struct talk *t, const char *replies);
/* start() with TLS and a login, up to EHLO's answer and a mechanism to be chosen. */
void up_to_choice(struct talk *t, const char *caps);
/* … and AUTH PLAIN chosen. */
void up_to_login(struct talk *t, const char *caps);
/* … or AUTH LOGIN, the only offer. */
void up_to_long_login(struct talk *t);

#endif
