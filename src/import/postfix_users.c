/* SPDX-License-Identifier: ISC */
/*
 * postfix_users: authorized_submit_users.  The names in files are written into the list: relay
 * knows no files there.  In doubt nobody but root may send, since a person sees that.
 */
#include "import/postfix.h"
#include "import/build.h"
#include "import/lines.h"

enum { FILE_MAX = 1 << 20, LIST_MAX = 64 << 10 };

struct users {
	struct postfix *p;
	struct import_place at;
	const char *name;	/* the parameter */
	struct buf list;	/* what goes into relayrc */
	bool is_closed;		/* who is excluded is not known */
};

static void leave_out(struct users *u, bool is_excluded, struct span word, const char *why)
{
	build_note(u->p->im, IMPORT_LEFT, u->at, u->name, "%.*s: %s; write the login names there%s",
		   SPAN_ARG(span_first(word, 200)), why,
		   is_excluded ? ": till then nobody but root may send" : "");
	u->is_closed = u->is_closed || is_excluded;
}

static void add(struct users *u, bool is_excluded, struct span word)
{
	bool is_static = word.size > 7 && memcmp(word.data, "static:", 7) == 0;

	if (!is_static && (memchr(word.data, ':', word.size) || memchr(word.data, '/', word.size))) {
		leave_out(u, is_excluded, word, "relay has a list of names only");
	} else if (!buf_printf(&u->list, "%s%s%.*s", u->list.size > 0 ? " " : "",
			       is_excluded ? "!" : "", SPAN_ARG(word))) {
		leave_out(u, is_excluded, word, "too many names");
	}
}

/* One name a line, and # before a comment. */
static void add_file(struct users *u, bool is_excluded, struct span path)
{
	struct buf text BUF_AUTO;
	struct err e;
	char name[1024];

	buf_init(&text, FILE_MAX);
	snprintf(name, sizeof(name), "%.*s", SPAN_ARG(path));
	if (!build_read(u->p->env, name, &text, &e)) {
		leave_out(u, is_excluded, path, e.text);
		return;
	}
	struct span rest = buf_span(&text), line, word;
	while (lines_take(&rest, &line)) {
		while ((word = lines_word(&line, ", \t\r")).size > 0 && word.data[0] != '#') {
			add(u, is_excluded, word);
		}
	}
}

void postfix_users(struct postfix *p, const struct postfix_row *row, const char *value,
		   struct import_place at)
{
	struct users u = { .p = p, .at = at, .name = row->pattern };
	struct span list = span_str(value), word;

	buf_init(&u.list, LIST_MAX);
	while ((word = lines_word(&list, ", \t\r\n")).size > 0) {
		bool is_excluded = false;
		while (word.size > 1 && word.data[0] == '!') {
			is_excluded = !is_excluded;
			word = span_from(word, 1);
		}
		if (word.data[0] == '/') {
			add_file(&u, is_excluded, word);
		} else {
			add(&u, is_excluded, word);
		}
	}
	struct span known = u.is_closed || u.list.size == 0 ? span_str("root") : buf_span(&u.list);
	build_set(p->im, &p->im->defaults, row->key, known, at, row->pattern);
	buf_clear(&u.list);
}
