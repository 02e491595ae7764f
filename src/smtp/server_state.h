/* SPDX-License-Identifier: ISC */
/* server_state: what the server*.c files share.  Nobody else includes it. */
#ifndef SMTP_SERVER_STATE_H
#define SMTP_SERVER_STATE_H

#include "smtp/server.h"

/* Replies are collected up to this, then written before another command is looked at. */
#define SERVER_OUT_TARGET ((size_t)16 << 10)
#define SERVER_OUT_MAX ((size_t)64 << 10)
/* A reply line with CRLF (RFC 5321 §4.5.3.1.5). */
#define SERVER_REPLY_MAX 512
/* Over a socket the timeout starts anew after so many bytes of a message. */
#define SERVER_BLOCK ((size_t)64 << 10)

enum server_at {
	AT_COMMAND,
	AT_BEGIN,	/* the caller has the envelope */
	AT_TEXT,	/* behind 354 */
	AT_CHUNK,	/* behind a BDAT line */
	AT_END,		/* the caller has the message */
	AT_QUEUE,	/* the connection is the caller's */
	AT_CLOSE,
};

/* One transaction. */
struct mail {
	struct smtp_envelope envelope;
	size_t envelope_bytes;
	bool is_open;		/* MAIL was accepted */
	bool is_refused;	/* MAIL was: what follows in its group is no mistake */
	bool has_bad_rcpt;	/* a RCPT was refused */
	bool is_chunked;	/* a BDAT came */
	bool is_begun;		/* the caller works on it: END or ABORT is due */
	bool is_failed;		/* it is read to its end and answered with `failure` */
	struct smtp_answer failure;
	unsigned long long size;	/* bytes so far, as they count for SIZE */
	unsigned long long swallowed;
	/* Of BDAT. */
	unsigned long long chunk_size, chunk_left;
	bool is_last;
	/* The text so far. */
	bool at_line_start, had_cr;
	bool has_bare;		/* CR or LF stands alone, over a socket */
};

struct smtp_server {
	struct smtp_server_options options;
	enum server_at at;
	struct buf in;
	size_t in_at;		/* answered up to here */
	size_t taken;		/* the caller has so many bytes more, from the last DATA */
	size_t discarded;	/* bytes of a line that is too long */
	char discarded_last;
	struct buf out;
	bool is_writing;	/* out is in the caller's hands */
	bool is_flush_due;	/* RFC 2920 §3.2: some replies must not wait for others */
	bool is_begin_given;
	unsigned long long waits;
	size_t block;		/* bytes of a message since the timeout started anew */

	struct span line;	/* the command line that is answered; for columns */
	char *helo;		/* NULL: none yet */
	bool is_esmtp;
	struct mail mail;
	/* Since the last accepted message. */
	unsigned errors, bad_rcpts;

	char *queue_words;	/* what stood behind XQUEUE */
	const char *abort_why;	/* ABORT is due; NULL: it is not */
	bool is_end_wanted;	/* the caller wants to close, as `how` says */
	enum smtp_server_how how;
	const char *why;
};

/* -- server.c -- */

/* What came and is not answered yet. */
struct span server_input(const struct smtp_server *s);
void server_consume(struct smtp_server *s, size_t size);
/* The caller is told to forget the message, if it has one. */
void server_abort(struct smtp_server *s, const char *why);
/* Back to no transaction; aborts.  Whether MAIL was refused is forgotten too. */
void server_forget(struct smtp_server *s, const char *why);
/* Nothing more is read; what is in the output is written. */
void server_close(struct smtp_server *s, enum smtp_server_how how, const char *why);

/* -- server_reply.c -- */

/* enhanced NULL: the reply has none. */
void server_reply(struct smtp_server *s, int code, const char *enhanced, const char *format,
		  ...) RELAY_PRINTF(4, 5);
/* The same for the client's mistakes, which are counted. */
void server_refuse(struct smtp_server *s, int code, const char *enhanced, const char *format,
		   ...) RELAY_PRINTF(4, 5);
/* 521 and the end: what follows cannot be told from commands. */
void server_hang_up(struct smtp_server *s, const char *enhanced, const char *why);
void server_reply_answer(struct smtp_server *s, const struct smtp_answer *a);
/* A line of a reply with several. */
void server_reply_line(struct smtp_server *s, int code, bool is_last, const char *text);

/* -- server_line.c -- */

/* Takes one command line and answers it; false when it has not all come. */
bool server_take_command(struct smtp_server *s);

/* -- server_command.c -- */

void server_run(struct smtp_server *s, struct span line);

/* -- server_envelope.c: what follows the word, without blanks around it -- */

void server_mail(struct smtp_server *s, struct span rest);
void server_rcpt(struct smtp_server *s, struct span rest);
void server_envelope_clear(struct smtp_envelope *v);

/* -- server_param.c -- */

struct server_params {
	bool has_own;		/* in: those of our own are known */
	unsigned seen;		/* bits by row */
	unsigned long long size;
	bool is_8bit, is_smtputf8;
	enum smtp_ret ret;
	enum smtp_mode mode;
	enum smtp_errors errors;
	bool wants_notice, wants_result;
	struct buf full_name;	/* decoded; empty = none */
	struct buf envid;	/* decoded; empty = none */
	unsigned notify;
	struct buf orcpt;
};

void server_params_init(struct server_params *p);
void server_params_clear(struct server_params *p);
/* What stands behind the path of MAIL, or of RCPT.  False: *why is the reply. */
bool server_params_parse(struct server_params *p, struct span rest, bool is_mail,
			 struct smtp_answer *why) RELAY_CHECKED;

/* -- server_data.c -- */

void server_data(struct smtp_server *s, struct span rest);
void server_bdat(struct smtp_server *s, struct span rest);
/* The caller has seen the envelope and has not refused it (or mail.is_failed). */
void server_begin_data(struct smtp_server *s);
/* The message is read to its end and then refused with this. */
void server_fail_mail(struct smtp_server *s, const struct smtp_answer *why);
/*
 * Looks at what came of the message; true when *ret_piece is to be given to the caller.
 * *ret_more: nothing can be done before more has come.
 */
bool server_take_data(struct smtp_server *s, struct span *ret_piece, bool *ret_more);

#endif
