/* SPDX-License-Identifier: ISC */
/*
 * client_state: what the files of the client share; nobody else includes this.
 *
 *	client.c        the interface: which action is next, and what the caller hands in
 *	client_send.c   what is sent, and how far sending may run ahead (the pump)
 *	client_line.c   MAIL's and RCPT's parameters
 *	client_reply.c  what each reply does
 *	client_final.c  what the replies to the message do
 *	client_login.c  AUTH, and servers that dislike commands behind it
 *	client_round.c  recipients: which are tried now, what became of them
 *	client_flight.c the transactions in flight, and when the next may follow them
 *	client_fail.c   the end of a session, and what is then known (rule 8)
 *
 *	GREETING → HELLO → [STARTTLS → TLS → HELLO] → [CHOICE → LOGIN] → READY → LEAVING → OVER
 *
 * Sending pushes on the FIFO `waits`; a complete reply takes its front.  A flight is built
 * when no reply is outstanding (a group's replies are all read first) and before any input
 * is looked at: that makes rules 6 and 11 hold.  The one exception is a transaction that
 * follows others in flight: it is built as soon as enough of those are settled, before the
 * next reply is looked at, so that it does not depend on how many replies came together.
 *
 * Replies belong to `hearing`, commands are built for `sending`; mostly they are the same.
 */
#ifndef SMTP_CLIENT_STATE_H
#define SMTP_CLIENT_STATE_H

#include "smtp/client.h"
#include "smtp/reply.h"
#include "smtp/verb.h"

/*
 * The message is asked for until this much is ready to be written; small enough for flat
 * memory, large enough for full TLS records.
 */
#define CLIENT_OUT_TARGET ((size_t)512 * 1024)
/* A flight's commands, and the last piece of a message with every byte doubled. */
#define CLIENT_OUT_MAX (2 * CLIENT_OUT_TARGET + (size_t)128 * 1024)
/* What must go out within RFC 5321 §4.5.3.2's three minutes for a block of data. */
#define CLIENT_OUT_BLOCK ((size_t)128 * 1024)
/*
 * Commands of one flight: their answers must fit into what the transport takes in while we
 * write, and the socket buffers on the way.
 */
#define CLIENT_FLIGHT_MAX 60000u
#define CLIENT_FLIGHT_COMMANDS 1000u
/* Most that is taken in unread. */
#define CLIENT_IN_MAX ((size_t)512 * 1024)
/* What a server may say in all: this much, and so much more for each command. */
#define CLIENT_BUDGET_START ((size_t)256 * 1024)
#define CLIENT_BUDGET_COMMAND ((size_t)8 * 1024)
#define CLIENT_LOGIN_STEPS 32u
/* With more recipients QUIT waits for the answer: a further round may be needed. */
#define CLIENT_QUIT_RCPTS 100u
/* The same for a further transaction, which must be small, too … */
#define CLIENT_OVERLAP_SIZE 65536u
/* … and with all in front of it no more than this: they always fit into one WRITE. */
#define CLIENT_OVERLAP_BYTES ((unsigned long long)384 * 1024)

enum phase {
	PHASE_GREETING, PHASE_TLS, PHASE_HELLO, PHASE_STARTTLS,
	PHASE_CHOICE,	/* the caller chooses a mechanism */
	PHASE_LOGIN,	/* AUTH is sent; a transaction may be behind it */
	PHASE_STEP,	/* the caller answers a challenge */
	PHASE_CANCEL,	/* "*" is sent; FAIL follows */
	PHASE_VERIFY,	/* the caller checks the server's proof */
	PHASE_READY,
	PHASE_LEAVING,	/* QUIT is written, then OVER */
	PHASE_OVER,
};

/* Where a round (one MAIL … end of data) stands. */
enum stage {
	STAGE_MAIL,	/* nothing sent */
	STAGE_RCPT,	/* MAIL sent, RCPTs to send */
	STAGE_DATA,	/* all RCPTs sent */
	STAGE_GO,	/* DATA sent */
	STAGE_BODY,	/* the message is being sent */
	STAGE_SENT,	/* end of data is in the output or written */
	STAGE_OVER,	/* answered, or refused before */
};

enum rcpt_state {
	RCPT_FINAL,	/* has its outcome, or is not to be tried */
	RCPT_WAITING,	/* RCPT not sent */
	RCPT_SENT,	/* RCPT sent, not answered */
	RCPT_TAKEN,	/* RCPT answered 2xx */
	RCPT_REFUSED,	/* RCPT answered 4xx or 5xx; the outcome is filled in */
	RCPT_PUZZLED,	/* the same for BDAT in LMTP, as if BDAT were not known */
	RCPT_DELIVERED,	/* and the data accepted */
	RCPT_LATER,	/* next round */
};

enum login_result { LOGIN_OPEN, LOGIN_OK, LOGIN_REFUSED };

struct waits {
	enum verb verb;
	size_t count;	/* RCPTs in a row are one entry */
};
/* A login and a transaction; RSET, MAIL, RCPT and BDAT of each further one in flight. */
#define CLIENT_WAITS_MAX (8 + 4 * SMTP_IN_FLIGHT_MAX)

struct login {
	enum login_result result;
	bool is_single;		/* the caller's promise: the answer to `line` ends it */
	bool is_ready;		/* `line` is to be sent */
	bool is_first;		/* `line` is AUTH itself, not a response */
	bool is_followed;	/* commands were sent behind AUTH in its flight */
	bool was_challenged;	/* … but the server asked for more */
	bool has_retried;	/* AUTH was tried again, alone */
	unsigned steps;
	struct buf line;	/* secret */
	size_t secret_from, secret_size;
	struct buf sent;	/* secret: the last response, as it was sent */
	struct buf challenge;
	struct outcome refusal;
};

struct round {
	struct smtp_txn *txn;	/* NULL = there is none here */
	enum stage stage;
	unsigned char *rcpt;	/* enum rcpt_state of each recipient */
	size_t to_send, later, sent, taken, delivered, finals, puzzled;
	size_t send_at, reply_at, final_at;	/* where to look for the next one */
	struct outcome mail, data;	/* refusals; UNTRIED = none */
	bool is_mail_ok;
	bool is_open;		/* the server holds a transaction: RSET is needed */
	bool is_pipelined;	/* a command was sent before the one before was answered */
	bool is_with_auth;	/* MAIL stood in AUTH's flight */
	bool is_bad_sequence;	/* the server did not understand a command in its place */
	bool is_begun;		/* MAIL is in the output or written */
	bool is_end_given;	/* end of data was in a WRITE */
	bool is_next_asked;
	bool is_probed;		/* RSET was sent behind its end of data */
	bool is_overlapped;	/* sent behind an unanswered one, or one was sent behind it */
	size_t bytes, commands;	/* its part in flight_bytes and flight_commands */
	unsigned long long body_at;
	bool is_raw;		/* BDAT: no dots are doubled */
	bool at_line_start;
	unsigned adapt;		/* enum smtp_adapt: it waits for that, and is not planned */
};

struct smtp_client {
	struct smtp_options options;
	enum phase phase;
	struct buf out;		/* secret */
	size_t secret_from, secret_size;
	size_t body_from, body_size;	/* bytes of the message in out */
	bool is_writing;	/* out is in the caller's hands */
	struct buf in;
	size_t in_at;		/* answered up to here */
	size_t in_line;		/* bytes of the last line, incomplete */
	bool is_in_worth;	/* perhaps there is a whole reply in `in` */
	size_t early;		/* bytes from in_at on that came before the last write ended */
	size_t budget;
	struct reply reply;
	unsigned long long replies;

	struct waits waits[CLIENT_WAITS_MAX];
	size_t wait_count;
	/* Since nothing was outstanding; without those of settled transactions. */
	size_t flight_bytes, flight_commands, flight_replies;
	/*
	 * Commands that are not written yet; when the last WRITE began: the bytes that had come
	 * before, and the replies that they can be.
	 */
	size_t unwritten, old_bytes, old_waits;

	struct smtp_caps caps;
	bool is_tls, is_helo, is_hello_done, is_quit_sent, is_quit_wanted;
	bool is_one_step;	/* never run ahead again in this session */
	bool is_login_due;	/* put off: the first message could not be sent anyway */
	bool is_proved;		/* it accepted a BDAT and took RSET behind it */
	bool is_each_awaited;	/* no overlap again in this session */
	size_t rcpts_taken;	/* so many recipients a transaction, as far as is known */
	bool needs_rset;
	bool is_out_of_step;	/* the server's next replies are not to be trusted */
	unsigned learned;	/* enum smtp_avoid */

	struct login login;

	/* A ring: `settled` ones to be given back, then `open` ones. */
	struct round *rounds;
	size_t round_max, oldest, settled, open;
	size_t ahead;		/* open ones from `hearing` to `sending` */
	struct round *hearing;	/* the first open one; without any: an empty one */
	struct round *sending;
	bool is_idle_owed;	/* IDLE was not said since the last submit */

	bool has_failed;
	bool is_moot;		/* … but all was settled before: the caller may be content */
	struct err err;
	unsigned avoid;
};

/* client_send.c */
void client_pump(struct smtp_client *c);
void client_start_body(struct smtp_client *c);	/* after 354 */
void client_end_body(struct smtp_client *c);
bool client_wants_body(const struct smtp_client *c);
/* QUIT, if it was not sent, and then DONE, or FAIL after a failure. */
void client_leave(struct smtp_client *c);
void client_pop(struct smtp_client *c);
void client_put_back(struct smtp_client *c, enum verb verb);
/* A reply is outstanding that is worth waiting for (not QUIT's). */
bool client_awaits(const struct smtp_client *c);
enum verb client_front(const struct smtp_client *c);
bool client_may_pipeline(const struct smtp_client *c);

bool client_may_chunk(const struct smtp_client *c);

/* client_line.c: what follows "MAIL FROM:" and "RCPT TO:". */
void client_mail_line(const struct smtp_client *c, struct buf *line);
void client_rcpt_line(const struct smtp_client *c, const struct smtp_rcpt *rcpt,
		      struct buf *line);

/* client_reply.c: takes one reply from the input; false when there is none yet. */
bool client_take_reply(struct smtp_client *c);
/* The same when nothing is outstanding: rule 2. */
bool client_take_unasked(struct smtp_client *c);

/* client_final.c: what 2xx, 4xx and 5xx behind the message do. */
void client_on_final(struct smtp_client *c, enum verb verb, const struct reply *r);
/* A reply that belongs to another command: greeting, QUIT, AUTH, DATA. */
bool client_is_misplaced(const struct reply *r);
/* The round is over and QUIT was sent with it: do the answers still fit? */
void client_check_farewell(struct smtp_client *c);
/* RSET behind a message was refused: do the answers still fit? */
void client_doubt(struct smtp_client *c, const struct reply *r);

/* client_login.c */
void client_login_if_due(struct smtp_client *c);	/* once EHLO is known */
void client_on_auth(struct smtp_client *c, const struct reply *r);
void client_on_cancel(struct smtp_client *c);
/* Some servers repeat the line they do not understand: our secret is masked in it. */
void client_mask(const struct smtp_client *c, char *text, size_t size);
/* Can it be that the server only disliked what followed AUTH? */
bool client_may_blame_following(const struct smtp_client *c);
/* All replies are read and AUTH was refused. */
void client_settle_login(struct smtp_client *c);

/* client_round.c */
/* Once EHLO is known: which recipients are tried, or what must be adapted before. */
void client_plan(struct smtp_client *c, struct round *r);
void client_plan_adapted(struct smtp_client *c, struct round *r);
void client_restart_round(struct smtp_client *c);
/* The server has taken responsibility for recipient i. */
void client_accept(struct smtp_client *c, size_t i, enum verb verb, const struct reply *r);
size_t client_next_rcpt(const struct round *r, size_t from, enum rcpt_state state);
/* If all its replies are read; true when that changed the state. */
bool client_settle(struct smtp_client *c);
bool client_is_bad_sequence(const struct smtp_client *c, const struct reply *r);

/* client_flight.c */
void client_init_rounds(struct smtp_client *c);
void client_free_rounds(struct smtp_client *c);
struct round *client_add_round(struct smtp_client *c, struct smtp_txn *txn);
void client_close_round(struct smtp_client *c);	/* it has its outcomes */
/* The oldest of the settled ones. */
struct smtp_txn *client_give_back(struct smtp_client *c);
bool client_has_held(const struct smtp_client *c);	/* one behind `sending` */
/* The one that waits to be adapted, or NULL: then it is the one submitted last. */
struct round *client_unfit(const struct smtp_client *c);
/* What is in the output is given out. */
void client_mark_written(struct smtp_client *c);
bool client_asks_next(struct smtp_client *c);
/* Is RSET to be sent behind the message, to see if the server follows? */
bool client_probes(const struct smtp_client *c);
/* The held transaction becomes `sending`, if it may be sent now. */
void client_overlap(struct smtp_client *c);
/* A bad sequence among several transactions is not the mail's fault. */
void client_soften(struct smtp_client *c, struct outcome *o, const struct reply *r);

/* client_fail.c */
enum fail_how {
	FAIL_BROKEN,	/* the connection or the dialogue broke: rule 8 */
	FAIL_SURE,	/* what is not accepted yet is certainly not accepted */
};
void client_fail(struct smtp_client *c, const struct outcome *why, unsigned avoid,
		 enum fail_how how);
void client_fail_text(struct smtp_client *c, enum cause cause, enum verb verb, unsigned avoid,
		      enum fail_how how, const char *format, ...) RELAY_PRINTF(6, 7);
/* The server's answers do not fit what was asked: with what another attempt may avoid. */
void client_break(struct smtp_client *c, const struct outcome *why, bool is_timeout);
void client_out_of_order(struct smtp_client *c, enum verb verb, const struct reply *r);

#endif
