/* SPDX-License-Identifier: ISC */
/*
 * aliases_read: the text of an aliases file, or of a file it includes, → entries.  Must
 * never lose a target without a word.
 */
#include "base/mem.h"
#include "base/text.h"
#include "mail/aliases_set.h"

#include <stdlib.h>

/* Most bytes of one name or target as written. */
enum { TARGET_MAX = 4096 };

struct reader {
	struct span text;
	size_t at;
	unsigned line;		/* of the next byte */
	unsigned piece_line;	/* where the last piece begins */
	bool in_entry;
	const char *file;
	struct alias_problems *problems;	/* NULL: the first error ends it */
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

/* Goes past a `\\` at the end of a line: the next line belongs to this one. */
static void join_lines(struct reader *r)
{
	size_t end = r->at + 1;

	if (byte_at(r, r->at) != '\\' || end >= r->text.size) {
		return;
	}
	end += byte_at(r, end) == '\r';
	if (end < r->text.size && byte_at(r, end) == '\n') {
		r->at = end + 1;
		r->line++;
	}
}

/*
 * The next byte of the entry: line ends are blanks, comments are not there.  False at the
 * end of the entry: the reader is then at the start of the next line.
 */
static bool next_byte(struct reader *r, char before, bool is_plain, char *ret_byte)
{
	bool after_blank = before == ' ' || before == '\t';

	join_lines(r);
	if (is_plain && after_blank && byte_at(r, r->at) == '#') {
		r->at = line_end(r, r->at);
	}
	if (byte_at(r, r->at) == '\r' && byte_at(r, r->at + 1) == '\n') {
		r->at++;
	}
	if (byte_at(r, r->at) == '\n' && !next_line(r)) {
		r->in_entry = false;
		return false;
	}
	*ret_byte = byte_at(r, r->at);
	r->at++;
	return true;
}

/* After an error: to the start of the next entry. */
static void skip_entry(struct reader *r)
{
	char c = ' ';

	while (r->in_entry && next_byte(r, c, false, &c)) {
		continue;
	}
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

/* What a target is; *text becomes the path, the command or the address alone. */
static enum target_kind kind_of(struct span *text)
{
	static const struct {
		const char *start;
		enum target_kind kind;
	} rows[] = {
		{ ":include:", TARGET_INCLUDE },
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
			return rows[i].kind;
		}
	}
	if (text->data[0] == '\\') {
		*text = span_from(*text, 1);
		return TARGET_FINAL;
	}
	return TARGET_ADDRESS;
}

/* The text of a target of this kind, or false with *r->e set. */
static bool read_text(struct reader *r, enum target_kind kind, struct span text,
		      const char *name, char **ret_text)
{
	if (kind != TARGET_ADDRESS && kind != TARGET_FINAL) {
		bool is_path = text.size > 0 && text.data[0] == '/' &&
			       !memchr(text.data, 0, text.size);
		if (kind == TARGET_INCLUDE && !is_path) {
			return fail(r, r->piece_line, name,
				    ":include: needs the whole path of a file");
		}
		*ret_text = mem_copy(text.data, text.size);
		return true;
	}
	if (!addr_parse_one(ret_text, text, r->e)) {
		r->e->cause = CAUSE_CONFIG;
		return err_ctx(r->e, "%s:%u%s%s", r->file, r->piece_line,
			       name[0] ? ": " : "", name);
	}
	if (*ret_text[0] == '\0') {
		free(*ret_text);
		*ret_text = NULL;
		return fail(r, r->piece_line, name, "a target is empty");
	}
	return true;
}

static bool add_target(struct reader *r, struct alias *alias, const char *name,
		       struct span text)
{
	enum target_kind kind = kind_of(&text);
	char *copy = NULL;

	if (!read_text(r, kind, text, name, &copy)) {
		return false;
	}
	/* Doubling each time: room is the next power of two. */
	if ((alias->count & (alias->count - 1)) == 0) {
		size_t room = alias->count ? alias->count * 2 : 1;
		alias->targets = mem_resize(alias->targets, room, sizeof(struct target));
	}
	alias->targets[alias->count++] = (struct target){ kind, r->piece_line, copy };
	return true;
}

/* To the end of the entry.  `name` is for errors. */
static bool read_targets(struct reader *r, struct alias *alias, const char *name)
{
	struct buf piece BUF_AUTO;
	bool more = true;

	buf_init(&piece, TARGET_MAX);
	while (more) {
		buf_reset(&piece);
		if (!read_piece(r, ',', &piece, &more)) {
			return fail(r, r->line, name, "a target is too long");
		}
		struct span text = span_trim(buf_span(&piece));
		if (text.size > 0 && !add_target(r, alias, name, text)) {
			return false;
		}
	}
	return true;
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

static bool read_entry(struct reader *r, struct alias *alias)
{
	r->in_entry = true;
	return read_name(r, alias) && read_targets(r, alias, alias->name) &&
	       (alias->count > 0 || fail(r, alias->line, alias->name, "no target"));
}

static int compare_names(const void *a, const void *b)
{
	const struct alias *x = a, *y = b;
	int order = text_compare_fold(span_str(x->name), span_str(y->name));

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* Of two aliases with one name the second is wrong, and is not used. */
static bool drop_doubles(struct aliases *a, struct reader *r)
{
	size_t kept = a->count > 0;
	bool done = true;

	for (size_t i = 1; i < a->count; i++) {
		const struct alias *one = &a->at[kept - 1];
		struct alias *two = &a->at[i];
		if (!text_equal_fold(span_str(one->name), span_str(two->name))) {
			a->at[kept++] = *two;
			continue;
		}
		struct err e;
		struct err *error = done && !r->problems ? r->e : &e;
		done = err_set(error, CAUSE_CONFIG,
			       "%s:%u: %s: this alias is in line %u already", r->file,
			       two->line, two->name, one->line);
		if (r->problems) {
			alias_problem(r->problems, error->text);
		}
		alias_clear(two);
	}
	a->count = kept;
	return done || r->problems;
}

struct aliases *aliases_read(struct span text, const char *file,
			     struct alias_problems *problems, struct err *e)
{
	struct reader r = {
		.text = text, .line = 1, .file = file, .problems = problems, .e = e
	};
	struct aliases *a = mem_alloc(1, sizeof(*a));
	bool done = true;

	a->file = mem_str(file);
	while (done && skip_lines(&r)) {
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
		done = problems != NULL;
		if (problems) {
			alias_problem(problems, e->text);
			skip_entry(&r);
		}
	}
	if (done && a->count > 0) {
		qsort(a->at, a->count, sizeof(a->at[0]), compare_names);
		done = drop_doubles(a, &r);
	}
	if (!done) {
		aliases_free(a);
		return NULL;
	}
	return a;
}

void alias_read_include(struct alias *to, struct span text, const char *file,
			struct alias_problems *problems)
{
	struct err e;
	struct reader lines = { .text = text, .line = 1 };

	while (skip_lines(&lines)) {
		size_t end = line_end(&lines, lines.at);
		struct reader r = {
			.text = span_of(text.data + lines.at, end - lines.at),
			.line = lines.line, .file = file, .problems = problems, .e = &e
		};
		if (!read_targets(&r, to, "")) {
			alias_problem(problems, e.text);
		}
		lines.at = end < text.size ? end + 1 : end;
		lines.line++;
	}
}
