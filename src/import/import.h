/* SPDX-License-Identifier: ISC */
/*
 * import: the configuration of another mail program → a relayrc, and a line for everything
 * that could not be carried over.  Pure: files come through the caller's reader.
 *
 * Secrets stand in settings of the type TYPE_SECRET, and in the printed text, nowhere else.
 */
#ifndef IMPORT_IMPORT_H
#define IMPORT_IMPORT_H

#include "conf/conf.h"

/* Largest file that is read. */
#define IMPORT_FILE_MAX ((size_t)8 << 20)
/* Largest relayrc that conf reads; a longer one is not printed. */
#define IMPORT_TEXT_MAX ((size_t)4 << 20)

/* What the importers need from outside. */
struct import_env {
	void *context;
	/*
	 * Appends the file's bytes.  The error names the path and the reason.  buf: secret,
	 * of IMPORT_FILE_MAX.
	 */
	bool (*read)(void *context, const char *path, struct buf *text, struct err *e);
	const char *host;	/* the name of this machine */
	const char *mail_name;	/* the domain that relay gives to bare names by itself */
	const char *home;	/* for ~; may be NULL */
};

enum import_kind {
	IMPORT_CHANGED,		/* carried over, but not as it was */
	IMPORT_LEFT,		/* not carried over */
	IMPORT_UNKNOWN,		/* not carried over: nobody knows it */
	IMPORT_NOT_NEEDED,	/* has no meaning here: named once, together */
	IMPORT_KINDS
};

/* Where a setting stood; line 0: nowhere, it is a default. */
struct import_place {
	const char *file;	/* owned by struct import, or constant */
	unsigned line;
};

struct import_note {
	enum import_kind kind;
	struct import_place at;
	char *name;		/* of the setting, as the other program calls it */
	char *reason;		/* NULL: IMPORT_NOT_NEEDED, IMPORT_UNKNOWN */
};

struct import_setting {
	enum key key;
	char *value;
};

struct import_account {
	unsigned rank;		/* where it stands among the others */
	char *name;
	char *comment;		/* a line above it, or NULL */
	char *parent;		/* "account name : parent", or NULL */
	struct import_setting *settings;
	size_t count;
	/* Private to build.c. */
	struct import_account *next_name;	/* of the same bucket */
	unsigned next_number;	/* that "name-2" and so on have not got yet */
};

struct import {
	const char *program;		/* "postfix" */
	char *source;			/* the file it begins with */
	struct import_account defaults;	/* for all accounts */
	struct import_account **accounts;	/* in the order of the file */
	size_t account_count;
	struct import_account **names;	/* a hash table, private to build.c */
	struct import_note *notes;
	size_t note_count, notes_more;	/* more: beyond the maximum, only counted */
	size_t carried;		/* settings of the other program without any note */
	char *obstacle;		/* why the result would not send; NULL: it can */
	char **files;
	size_t file_count;
};

void import_init(struct import *im);
void import_clear(struct import *im);	/* wipes secrets */

/* The number of settings with such a note. */
size_t import_count(const struct import *im, enum import_kind kind);

/*
 * Appends the relayrc.  The text has secrets: a secret buffer.  False with *e set when it is
 * larger than IMPORT_TEXT_MAX (CAUSE_CONFIG).
 */
bool import_print(const struct import *im, struct buf *to, struct err *e) RELAY_CHECKED;

/*
 * The note as a line, "FILE:LINE: name: reason".  Appended without a line end; all notes of
 * IMPORT_NOT_NEEDED are one line, which import_print_not_needed appends (nothing when there
 * are none).  False when the buffer is full.
 */
bool import_print_note(const struct import_note *note, struct buf *to) RELAY_CHECKED;
bool import_print_not_needed(const struct import *im, struct buf *to) RELAY_CHECKED;

/* An importer: reads `path`; false with *e set when there is nothing to begin with. */
typedef bool import_run(struct import *im, const struct import_env *env, const char *path,
			struct err *e);

/* path: main.cf.  The lookup tables are read as plain text, never the .db files. */
import_run import_postfix RELAY_CHECKED;
/* path: .msmtprc, or msmtp's system file. */
import_run import_msmtp RELAY_CHECKED;
/* path: ssmtp.conf; revaliases is looked for beside it. */
import_run import_ssmtp RELAY_CHECKED;
/* path: the folder of nullmailer's files. */
import_run import_nullmailer RELAY_CHECKED;
/* path: dma.conf. */
import_run import_dma RELAY_CHECKED;
/* path: .esmtprc. */
import_run import_esmtp RELAY_CHECKED;

#endif
