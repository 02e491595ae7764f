/* SPDX-License-Identifier: ISC */
/* transcript: reads a file of tests/transcripts; its README describes the format. */
#ifndef TESTS_TRANSCRIPT_H
#define TESTS_TRANSCRIPT_H

#include "smtp/client.h"

enum step_kind {
	STEP_MESSAGE, STEP_QUIT, STEP_SERVER, STEP_CLIENT, STEP_BODY, STEP_TLS, STEP_AUTH,
	STEP_CHALLENGE, STEP_CANCEL, STEP_VERIFY, STEP_LOST, STEP_TIMEOUT, STEP_EARLY,
	STEP_IDLE, STEP_SETTLED, STEP_DONE, STEP_FAIL, STEP_OUTCOME,
};

struct step {
	enum step_kind kind;
	unsigned line;
	struct buf bytes;	/* SERVER, CLIENT, BODY; AUTH: initial; CHALLENGE: challenge */
	struct buf answer;	/* CHALLENGE */
	struct buf secret;	/* CLIENT: a byte for each of `bytes`: 1 = secret */
	char word[64];		/* AUTH: mechanism; OUTCOME: address or "*"; FAIL: cause;
				   SETTLED: untouched, begun or nothing */
	char text[256];		/* part of the text that must be there; LOST, TIMEOUT: why */
	bool is_single, has_initial;
	unsigned avoid;
	enum verdict verdict;
	char cause[16];
	int code;		/* -1: any */
	struct message *message;
};

struct message {
	struct smtp_txn txn;	/* outcomes are not used here */
	bool is_next;		/* handed over when the engine asks for it */
	bool is_last;
	struct buf body;
	/* What the engine must ask for at ADAPT, and what the caller changes then. */
	unsigned adapt;
	struct buf adapted;	/* empty: the body stays as it is */
	bool stays_8bit, stays_utf8;
	const char *now_from;	/* NULL: as before */
	struct {
		const char *addr;	/* NULL: as before */
		bool is_refused;
	} now[4];		/* the first recipients */
	struct message *next;
	char *strings[8];
	size_t string_count;
};

struct transcript {
	struct smtp_options options;
	char name[64];
	struct step *steps;
	size_t count, room;
	struct message *messages;
	size_t server_bytes;
	bool is_whole;		/* not to be cut */
};

/* False: `error` says what is wrong in which line. */
bool transcript_read(struct transcript *t, const char *path, char *error, size_t size);
void transcript_free(struct transcript *t);

/* -- between transcript.c and transcript_words.c --------------------------------------- */

#define BYTES_MAX ((size_t)16 << 20)

struct reader {
	struct transcript *t;
	struct message *message;	/* the one being described */
	unsigned line;
	const char *wrong;
};

void transcript_must(bool fits);
/* Escapes become bytes; with `secret`, {…} marks them. */
void transcript_text(const char *text, struct buf *to, struct buf *secret);
unsigned transcript_avoid(const char *words);
/* "key=value key …", of %message or of %client. */
void transcript_words(struct reader *r, char *words, bool is_message);

#endif
