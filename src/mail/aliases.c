/* SPDX-License-Identifier: ISC */
/*
 * aliases: aliases(5) text → sorted entries → expanded recipients.  Must never lose a
 * recipient: what has no alias, or only leads to itself, stays as it is.
 */
#include "mail/aliases.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>

enum {
	TARGET_MAX = 4096,	/* bytes of one name or target as written */
	DEPTH_MAX = 100,	/* aliases of aliases */
};

struct target {
	char *spec;
	bool is_final;		/* `\name`: not looked up again */
};

struct alias {
	char *name;		/* as addr_parse_one gives it */
	unsigned line;
	struct target *targets;
	size_t count;
};

struct aliases {
	struct alias *at;	/* sorted by name, case ignored */
	size_t count, room;
};

struct reader {
	struct span text;
	size_t at;
	unsigned line;		/* of the next byte */
	unsigned piece_line;	/* where the last piece begins */
	const char *file;
	struct err *e;
};

static bool fail(const struct reader *r, unsigned line, const char *name,
		 const char *what)
{
	return err_set(r->e, CAUSE_CONFIG, "%s:%u: %s%s%s", r->file, line, name,
		       name[0] ? ": " : "", what);
}

static char byte_at(const struct reader *r, size_t at)
{
	return at < r->text.size ? r->text.data[at] : '\n';
}

/* Where the line that holds `at` ends: at its LF, or at the end of the text. */
static size_t line_end(const struct reader *r, size_t at)
{
	struct span rest = span_from(r->text, at);
	const char *newline = rest.size ? memchr(rest.data, '\n', rest.size) : NULL;

	return newline ? (size_t)(newline - r->text.data) : r->text.size;
}

/* At a line start: goes past empty lines and comments.  False at the end of the text. */
static bool skip_lines(struct reader *r)
{
	while (r->at < r->text.size) {
		size_t end = line_end(r, r->at);
		struct span line = span_of(r->text.data + r->at, end - r->at);
		struct span inside = span_trim(line);
		if (inside.size > 0 && inside.data[0] != '#') {
			return true;
		}
		r->at = end < r->text.size ? end + 1 : end;
		r->line++;
	}
	return false;
}

/* At an LF: true when the entry goes on, on the next line that is not empty. */
static bool next_line(struct reader *r)
{
	if (r->at >= r->text.size) {
		return false;
	}
	r->at++;
	r->line++;
	return skip_lines(r) && (byte_at(r, r->at) == ' ' || byte_at(r, r->at) == '\t');
}

/*
 * The next byte of the entry: line ends are blanks, comments are not there.  False at the
 * end of the entry: the reader is then at the start of the next line.
 */
static bool next_byte(struct reader *r, char before, bool is_plain, char *ret_byte)
{
	bool after_blank = before == ' ' || before == '\t';

	if (is_plain && after_blank && byte_at(r, r->at) == '#') {
		r->at = line_end(r, r->at);
	}
	if (byte_at(r, r->at) == '\r' && byte_at(r, r->at + 1) == '\n') {
		r->at++;
	}
	if (byte_at(r, r->at) == '\n' && !next_line(r)) {
		return false;
	}
	*ret_byte = byte_at(r, r->at);
	r->at++;
	return true;
}

/*
 * Appends the text of the entry up to `stop` outside quotes and comments.  *ret_stopped
 * is false when the entry ended instead.
 */
static bool read_piece(struct reader *r, char stop, struct buf *to, bool *ret_stopped)
{
	bool in_quotes = false, is_escaped = false, has_text = false;
	unsigned depth = 0;
	char c = ',';

	while (next_byte(r, c, !in_quotes && depth == 0, &c)) {
		bool is_plain = !in_quotes && depth == 0;
		if (c == stop && is_plain) {
			*ret_stopped = true;
			return true;
		}
		if (!has_text && c != ' ' && c != '\t') {
			has_text = true;
			r->piece_line = r->line;
		}
		if (!buf_add_byte(to, c)) {
			return false;
		}
		if (is_escaped || c == '\\') {
			is_escaped = !is_escaped && !is_plain;
		} else if (c == '"' && depth == 0) {
			in_quotes = !in_quotes;
		} else if (!in_quotes) {
			depth += c == '(';
			depth -= c == ')' && depth > 0;
		}
	}
	*ret_stopped = false;
	return true;
}

/* What sendmail would run, write to or read: none of it is done here. */
static bool is_special(struct span target)
{
	if (target.data[0] == '"') {
		target = span_from(target, 1);
	}
	return text_starts_fold(target, "|") || text_starts_fold(target, "/") ||
	       text_starts_fold(target, ":include:");
}

static bool add_target(struct reader *r, struct alias *alias, struct span text)
{
	unsigned line = r->piece_line;
	char *spec = NULL;

	if (is_special(text)) {
		return fail(r, line, alias->name,
			    "commands, files and :include: are not supported");
	}
	bool is_final = text.data[0] == '\\';
	if (!addr_parse_one(&spec, is_final ? span_from(text, 1) : text, r->e)) {
		r->e->cause = CAUSE_CONFIG;
		return err_ctx(r->e, "%s:%u: %s", r->file, line, alias->name);
	}
	if (spec[0] == '\0') {
		free(spec);
		return fail(r, line, alias->name, "a target is empty");
	}
	/* Doubling each time: room is the next power of two. */
	if ((alias->count & (alias->count - 1)) == 0) {
		size_t room = alias->count ? alias->count * 2 : 1;
		alias->targets = mem_resize(alias->targets, room, sizeof(struct target));
	}
	alias->targets[alias->count++] = (struct target){ spec, is_final };
	return true;
}

static bool read_targets(struct reader *r, struct alias *alias)
{
	struct buf piece BUF_AUTO;
	bool more = true;

	buf_init(&piece, TARGET_MAX);
	while (more) {
		buf_reset(&piece);
		if (!read_piece(r, ',', &piece, &more)) {
			return fail(r, r->line, alias->name, "a target is too long");
		}
		struct span text = span_trim(buf_span(&piece));
		if (text.size > 0 && !add_target(r, alias, text)) {
			return false;
		}
	}
	return alias->count > 0 || fail(r, alias->line, alias->name, "no target");
}

static bool read_name(struct reader *r, struct alias *alias)
{
	struct buf name BUF_AUTO;
	bool has_colon = false;

	buf_init(&name, TARGET_MAX);
	alias->line = r->line;
	if (byte_at(r, r->at) == ' ' || byte_at(r, r->at) == '\t') {
		return fail(r, r->line, "", "this line continues nothing");
	}
	if (!read_piece(r, ':', &name, &has_colon)) {
		return fail(r, alias->line, "", "a name is too long");
	}
	if (!has_colon) {
		return fail(r, alias->line, "", "no \":\" behind the name");
	}
	if (!addr_parse_one(&alias->name, buf_span(&name), r->e)) {
		r->e->cause = CAUSE_CONFIG;
		return err_ctx(r->e, "%s:%u", r->file, alias->line);
	}
	if (alias->name[0] == '\0') {
		return fail(r, alias->line, "", "no name before the \":\"");
	}
	if (addr_domain(span_str(alias->name)).size > 0) {
		return fail(r, alias->line, alias->name,
			    "only names without \"@\" have aliases");
	}
	return true;
}

static int compare_names(const void *a, const void *b)
{
	const struct alias *x = a, *y = b;
	int order = text_compare_fold(span_str(x->name), span_str(y->name));

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

static bool check_doubles(const struct aliases *a, const struct reader *r)
{
	for (size_t i = 1; i < a->count; i++) {
		const struct alias *one = &a->at[i - 1], *two = &a->at[i];
		if (text_equal_fold(span_str(one->name), span_str(two->name))) {
			return err_set(r->e, CAUSE_CONFIG,
				       "%s:%u: %s: this alias is in line %u already", r->file,
				       two->line, two->name, one->line);
		}
	}
	return true;
}

struct aliases *aliases_parse(struct span text, const char *file, struct err *e)
{
	struct reader r = { .text = text, .line = 1, .file = file, .e = e };
	struct aliases *a = mem_alloc(1, sizeof(*a));
	bool done = true;

	while (done && skip_lines(&r)) {
		if (a->count == a->room) {
			a->room = a->room ? a->room * 2 : 16;
			a->at = mem_resize(a->at, a->room, sizeof(a->at[0]));
		}
		struct alias *alias = &a->at[a->count++];
		*alias = (struct alias){ 0 };
		done = read_name(&r, alias) && read_targets(&r, alias);
	}
	if (done && a->count > 0) {
		qsort(a->at, a->count, sizeof(a->at[0]), compare_names);
		done = check_doubles(a, &r);
	}
	if (!done) {
		aliases_free(a);
		return NULL;
	}
	return a;
}

void aliases_free(struct aliases *a)
{
	if (!a) {
		return;
	}
	for (size_t i = 0; i < a->count; i++) {
		for (size_t k = 0; k < a->at[i].count; k++) {
			free(a->at[i].targets[k].spec);
		}
		free(a->at[i].targets);
		free(a->at[i].name);
	}
	free(a->at);
	free(a);
}

size_t aliases_count(const struct aliases *a)
{
	return a->count;
}

/* One expansion.  Each alias gives its targets once: what it gives again is the same. */
struct expansion {
	const struct aliases *aliases;
	enum { FRESH, OPEN, DONE } *states;	/* of each alias */
	struct addr_list list;
	struct err *e;
};

static const struct alias *find(const struct aliases *a, const char *name)
{
	size_t low = 0, high = a->count;
	const struct alias *found = NULL;

	while (!found && low < high) {
		size_t middle = low + (high - low) / 2;
		const struct alias *alias = &a->at[middle];
		int order = text_compare_fold(span_str(name), span_str(alias->name));
		if (order == 0) {
			found = alias;
		} else if (order < 0) {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	return found;
}

/* parent: the alias whose target spec is, or NULL. */
static bool expand(struct expansion *x, const char *spec, const struct alias *parent,
		   unsigned depth)
{
	bool is_local = spec[0] != '\0' && addr_domain(span_str(spec)).size == 0;
	const struct alias *alias = is_local ? find(x->aliases, spec) : NULL;

	if (is_local && !alias) {
		alias = find(x->aliases, "default");
	}
	if (!alias) {
		return addr_list_add(&x->list, spec, x->e);
	}
	size_t i = (size_t)(alias - x->aliases->at);
	/* `root: root, me@example.org` means the local root too; a longer way round is a mistake. */
	if (x->states[i] == OPEN && alias == parent) {
		return addr_list_add(&x->list, spec, x->e);
	}
	if (x->states[i] == OPEN) {
		return err_set(x->e, CAUSE_CONFIG, "aliases: %s leads back to itself, through %s",
			       alias->name, parent ? parent->name : alias->name);
	}
	if (x->states[i] == DONE) {
		return true;
	}
	if (depth >= DEPTH_MAX) {
		return err_set(x->e, CAUSE_CONFIG,
			       "aliases: %s: more than %d aliases of aliases", alias->name,
			       DEPTH_MAX);
	}
	x->states[i] = OPEN;
	bool done = true;
	for (size_t k = 0; done && k < alias->count; k++) {
		const struct target *t = &alias->targets[k];
		done = t->is_final ? addr_list_add(&x->list, t->spec, x->e)
				   : expand(x, t->spec, alias, depth + 1);
	}
	x->states[i] = DONE;
	return done;
}

bool aliases_expand(const struct aliases *a, struct addr_list *list, struct err *e)
{
	bool done = true;

	if (a && a->count > 0) {
		struct expansion x = { .aliases = a, .e = e };
		x.states = mem_alloc(a->count, sizeof(x.states[0]));
		for (size_t i = 0; done && i < list->count; i++) {
			size_t before = x.list.count;
			done = expand(&x, list->at[i].spec, NULL, 0);
			if (x.list.count > before &&
			    strcmp(x.list.at[before].spec, list->at[i].spec) == 0) {
				x.list.at[before].where = list->at[i].where;
			}
		}
		free(x.states);
		struct addr_list old = *list;
		*list = x.list;
		addr_list_clear(&old);
	}
	if (done) {
		addr_list_unique(list);
	}
	return done;
}
