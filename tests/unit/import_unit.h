/* SPDX-License-Identifier: ISC */
/* import_unit: files in memory for the importers, and what comes out as text. */
#ifndef TESTS_IMPORT_UNIT_H
#define TESTS_IMPORT_UNIT_H

#include "unit.h"

#include "conf/lex.h"
#include "conf/parse.h"
#include "import/import.h"

struct file {
	const char *path, *text;
};

/* Up to an entry without a path.  A text that is NULL may not be read. */
static inline bool unit_read(void *context, const char *path, struct buf *text, struct err *e)
{
	for (const struct file *f = context; f->path; f++) {
		if (strcmp(f->path, path) == 0) {
			return f->text ? buf_add_str(text, f->text)
				       : err_set(e, CAUSE_INPUT, "%s: Permission denied", path);
		}
	}
	return err_set(e, CAUSE_INPUT, "%s: No such file or directory", path);
}

struct imported {
	struct import im;
	struct buf text;	/* the relayrc */
	struct buf notes;	/* a line each */
};

static inline void imported_clear(struct imported *i)
{
	import_clear(&i->im);
	buf_clear(&i->text);
	buf_clear(&i->notes);
}

/* What is printed is a relayrc, with accounts that can send unless there is an obstacle. */
static inline void check_relayrc(const struct imported *i)
{
	const struct conf_env env = { .home = "/home/me" };
	struct conf conf;
	struct err e = { 0 };

	conf_init(&conf);
	if (!parse_text(&conf, buf_span(&i->text), "result", NULL, &env, &e)) {
		fail_msg("%s\n%s", e.text, i->text.data);
	}
	for (size_t a = 0; a < conf.count && !i->im.obstacle; a++) {
		if (!conf_check(&conf.accounts[a], &e)) {
			fail_msg("%s\n%s", e.text, i->text.data);
		}
	}
	assert_true(i->im.obstacle || conf.count > 0);
	conf_clear(&conf);
}

static inline struct imported imported(import_run *run, const struct file *files,
				       const char *path)
{
	union {
		const struct file *files;
		void *context;
	} u = { .files = files };
	const struct import_env env = {
		.context = u.context, .read = unit_read, .host = "pi",
		.mail_name = "pi.home.test", .home = "/home/me",
	};
	struct imported i;
	struct err e = { 0 };

	import_init(&i.im);
	buf_init_secret(&i.text, IMPORT_TEXT_MAX + 1);
	buf_init(&i.notes, 16u << 20);
	if (!run(&i.im, &env, path, &e)) {
		fail_msg("%s", e.text);
	}
	assert_true(import_print(&i.im, &i.text, &e));
	for (size_t n = 0; n < i.im.note_count; n++) {
		assert_true(import_print_note(&i.im.notes[n], &i.notes));
		assert_true(buf_add_byte(&i.notes, '\n'));
	}
	check_relayrc(&i);
	return i;
}

static inline void has(const struct buf *text, const char *part)
{
	if (!strstr(text->data, part)) {
		fail_msg("not there: %s\n%s", part, text->data);
	}
}

static inline void has_not(const struct buf *text, const char *part)
{
	if (strstr(text->data, part)) {
		fail_msg("is there: %s\n%s", part, text->data);
	}
}

#endif
