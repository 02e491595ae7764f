/* SPDX-License-Identifier: ISC */
/*
 * aliases_read: the text of an aliases file, or of a file it includes, → entries.  Must
 * never lose a target without a word, nor anything behind a mistake.
 */
#include "base/mem.h"
#include "base/text.h"
#include "mail/aliases_set.h"
#include "mail/aliases_text.h"

#include <stdio.h>
#include <stdlib.h>

/* Most bytes of one name or target as written. */
enum { TARGET_MAX = 4096 };

/* Always false. */
static bool fail(const struct alias_text *r, unsigned line, const char *name,
		 const char *what)
{
	struct err e;

	err_set(&e, CAUSE_CONFIG, "%s:%u: %s%s%s", r->file, line, name, name[0] ? ": " : "",
		what);
	alias_problem(r->problems, r->is_include ? ALIAS_REFUSED : ALIAS_MISTAKE, e.text);
	return false;
}

/* The last piece has an address that is wrong: says where in the file. */
static bool fail_address(const struct alias_text *r, char stop, const char *name,
			 const struct buf *piece, struct span text,
			 const struct addr_fault *fault)
{
	struct alias_text_place place =
		alias_text_find(r, stop, (size_t)(text.data - piece->data) + fault->at);
	struct err e = { 0 };

	addr_fault_set_at(&e, fault, text, addr_column(r->text, place.at));
	return fail(r, place.line, name, e.text);
}

/* What a target is; *text becomes the path, the command or the address alone. */
static enum target_kind kind_of(struct span *text)
{
	static const struct {
		const char *start;
		enum target_kind kind;
	} rows[] = {
		{ ":include:", TARGET_INCLUDE },
		{ ":blackhole:", TARGET_NOTHING },
		{ ":", TARGET_UNKNOWN },
		{ "|", TARGET_COMMAND },
		{ "/", TARGET_FILE },
	};
	struct span inside = *text;

	if (inside.size >= 2 && inside.data[0] == '"' &&
	    inside.data[inside.size - 1] == '"') {
		inside = span_trim(span_of(inside.data + 1, inside.size - 2));
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (text_starts_fold(inside, rows[i].start)) {
			bool is_include = rows[i].kind == TARGET_INCLUDE;
			*text = is_include ? span_trim(span_from(inside,
								 strlen(rows[i].start)))
					   : inside;
			return span_equal(inside, span_str("/dev/null")) ? TARGET_NOTHING
									 : rows[i].kind;
		}
	}
	if (text->data[0] == '\\') {
		*text = span_from(*text, 1);
		return TARGET_FINAL;
	}
	return TARGET_ADDRESS;
}

/* The text of a target of this kind, or false: that was told.  It stands in `piece`. */
static bool read_text(struct alias_text *r, enum target_kind kind, struct span text,
		      const struct buf *piece, const char *name, char **ret_text)
{
	struct addr_fault fault;

	if (kind != TARGET_ADDRESS && kind != TARGET_FINAL) {
		bool is_path = text.size > 0 && text.data[0] == '/' &&
			       !memchr(text.data, 0, text.size);
		if (kind == TARGET_INCLUDE && !is_path) {
			return fail(r, r->piece_line, name,
				    ":include: needs the whole path of a file, from \"/\" on");
		}
		*ret_text = mem_copy(text.data, text.size);
		return true;
	}
	if (!addr_read_one(ret_text, text, &fault)) {
		return fail_address(r, ',', name, piece, text, &fault);
	}
	if (*ret_text[0] == '\0') {
		free(*ret_text);
		*ret_text = NULL;
		return fail(r, r->piece_line, name,
			    "a target is empty; write an address, or /dev/null");
	}
	return true;
}

/* piece: what was read; NULL: it could not be. */
static void add_target(struct alias_text *r, struct alias *alias, const char *name,
		       const struct buf *piece)
{
	struct span text = piece ? span_trim(buf_span(piece)) : span_of(NULL, 0);
	enum target_kind kind = TARGET_LOST;
	char *copy = NULL;

	if (text.size > 0) {
		kind = kind_of(&text);
		kind = read_text(r, kind, text, piece, name, &copy) ? kind : TARGET_LOST;
	}
	/* Whose line it is has been told that he gets nothing. */
	if (kind == TARGET_LOST && r->is_include) {
		return;
	}
	/* Doubling each time: room is the next power of two. */
	if ((alias->count & (alias->count - 1)) == 0) {
		size_t room = alias->count ? alias->count * 2 : 1;
		alias->targets = mem_resize(alias->targets, room, sizeof(struct target));
	}
	alias->targets[alias->count++] = (struct target){ kind, r->piece_line, copy };
}

/* To the end of the entry.  `name` is for what is told. */
static void read_targets(struct alias_text *r, struct alias *alias, const char *name)
{
	struct buf piece BUF_AUTO;
	bool more = true;

	buf_init(&piece, TARGET_MAX);
	while (more) {
		buf_reset(&piece);
		r->piece_line = r->line;
		if (!alias_text_piece(r, ',', &piece, &more)) {
			fail(r, r->piece_line, name, "a target is too long");
			add_target(r, alias, name, NULL);
			continue;
		}
		if (span_trim(buf_span(&piece)).size > 0) {
			add_target(r, alias, name, &piece);
		}
	}
}

static bool read_name(struct alias_text *r, struct alias *alias)
{
	struct buf name BUF_AUTO;
	struct addr_fault fault;
	bool has_colon = false;

	buf_init(&name, TARGET_MAX);
	alias->line = r->line;
	if (alias_text_byte(r, r->at) == ' ' || alias_text_byte(r, r->at) == '\t') {
		return fail(r, r->line, "",
			    "a blank at the start continues the alias before, and there is "
			    "none; take it out");
	}
	bool fits = alias_text_piece(r, ':', &name, &has_colon);
	if (!has_colon) {
		return fail(r, alias->line, "",
			    "no \":\" behind the name; write NAME: ADDRESS");
	}
	if (!fits) {
		return fail(r, alias->line, "", "a name is too long");
	}
	if (!addr_read_one(&alias->name, buf_span(&name), &fault)) {
		return fail_address(r, ':', "", &name, buf_span(&name), &fault);
	}
	if (alias->name[0] == '\0') {
		return fail(r, alias->line, "",
			    "no name before the \":\"; write NAME: ADDRESS");
	}
	if (addr_domain(span_str(alias->name)).size > 0) {
		return fail(r, alias->line, alias->name,
			    "only local names have aliases; leave out \"@\" and what is "
			    "behind it");
	}
	return true;
}

/*
 * `default:` is where the mail of mistakes goes: its own are left out, and without a target
 * it is not there.
 */
static bool forget_lost(struct alias *alias)
{
	size_t kept = 0;

	for (size_t i = 0; i < alias->count; i++) {
		if (alias->targets[i].kind != TARGET_LOST) {
			alias->targets[kept++] = alias->targets[i];
		}
	}
	alias->count = kept;
	return kept > 0;
}

/* False: it is none, and the reader may be somewhere in it. */
static bool read_entry(struct alias_text *r, struct alias *alias)
{
	r->in_entry = true;
	if (!read_name(r, alias)) {
		return false;
	}
	read_targets(r, alias, alias->name);
	if (alias->count == 0) {
		fail(r, alias->line, alias->name,
		     "no target; write an address, or /dev/null to throw the mail away");
		r->piece_line = alias->line;
		add_target(r, alias, alias->name, NULL);
	}
	return !text_equal_fold(span_str(alias->name), span_str("default")) ||
	       forget_lost(alias);
}

static int compare_names(const void *a, const void *b)
{
	const struct alias *x = a, *y = b;
	int order = text_compare_fold(span_str(x->name), span_str(y->name));

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* Of two aliases with one name the second is wrong, and is not used. */
static void drop_doubles(struct aliases *a, struct alias_text *r)
{
	size_t kept = a->count > 0;

	for (size_t i = 1; i < a->count; i++) {
		const struct alias *one = &a->at[kept - 1];
		struct alias *two = &a->at[i];
		char what[100];
		if (!text_equal_fold(span_str(one->name), span_str(two->name))) {
			a->at[kept++] = *two;
			continue;
		}
		snprintf(what, sizeof(what),
			 "this alias is in line %u already, and that one counts; join them",
			 one->line);
		fail(r, two->line, two->name, what);
		alias_clear(two);
	}
	a->count = kept;
}

struct aliases *aliases_read(struct span text, const char *file,
			     struct alias_problems *problems)
{
	struct alias_text r = { .text = text, .line = 1, .file = file, .problems = problems };
	struct aliases *a = mem_alloc(1, sizeof(*a));

	/* Some editors put it at the start of a file. */
	if (text_starts_fold(text, "\xef\xbb\xbf")) {
		r.at = 3;
	}
	a->file = mem_str(file);
	while (alias_text_skip_lines(&r)) {
		struct alias alias = { 0 };
		if (a->count == a->room) {
			a->room = a->room ? a->room * 2 : 16;
			a->at = mem_resize(a->at, a->room, sizeof(a->at[0]));
		}
		if (read_entry(&r, &alias)) {
			a->at[a->count++] = alias;
			continue;
		}
		alias_clear(&alias);
		alias_text_skip_entry(&r);
	}
	if (a->count > 0) {
		qsort(a->at, a->count, sizeof(a->at[0]), compare_names);
		drop_doubles(a, &r);
	}
	return a;
}

void alias_read_include(struct alias *to, struct span text, const char *file,
			struct alias_problems *problems)
{
	struct alias_text lines = { .text = text, .line = 1 };

	while (alias_text_skip_lines(&lines)) {
		size_t end = alias_text_line_end(&lines, lines.at);
		struct alias_text r = {
			.text = span_of(text.data + lines.at, end - lines.at),
			.line = lines.line, .file = file, .is_include = true,
			.problems = problems,
		};
		read_targets(&r, to, "");
		lines.at = end < text.size ? end + 1 : end;
		lines.line++;
	}
}
