/* SPDX-License-Identifier: ISC */
/*
 * Replays the dialogues of tests/transcripts-server/ into the server engine: step by step,
 * when what it does must be what the file says, in that order; then with the client's bytes
 * whole, cut in two at every place, and one by one: then replies and messages must be the
 * same.
 *
 *	test_server_transcripts [-p] DIRECTORY [PART OF A NAME]
 *
 * -p prints each file as it would have to be.
 */
#include "unit.h"

#include "base/text.h"
#include "served.h"

#include <dirent.h>

enum { LINES_MAX = 512, REACTIONS_MAX = 16, PATH_SIZE = 1024 };

struct script {
	char *text;
	const char *lines[LINES_MAX];
	size_t line_count;
	char host[64];
	struct smtp_server_options options;
	struct reaction reactions[REACTIONS_MAX];
	size_t reaction_count;
};

static const char *file_name = "";

_Noreturn static void bad(const char *line)
{
	fprintf(stderr, "%s: cannot be read: %s\n", file_name, line);
	exit(1);
}

static void require(bool condition, const char *line)
{
	if (!condition) {
		bad(line);
	}
}

/* -- reading --------------------------------------------------------------------------- */

static char *read_file(const char *path)
{
	static const size_t most = 1 << 20;
	char *text = calloc(1, most + 1);
	FILE *f = fopen(path, "re");

	require(text && f, path);
	require(fread(text, 1, most, f) < most, path);
	fclose(f);
	return text;
}

static bool starts(const char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0;
}

static void read_option(struct script *t, const char *word, const char *line)
{
	const char *equals = strchr(word, '=');
	unsigned long long number = 0;

	if (strcmp(word, "socket") == 0) {
		t->options.is_socket = true;
		return;
	}
	require(equals && text_unsigned(span_str(equals + 1), 1u << 30, &number), line);
	if (starts(word, "limit=")) {
		t->options.size_limit = number;
	} else if (starts(word, "rcpts=")) {
		t->options.rcpts_max = (unsigned)number;
	} else {
		bad(line);
	}
}

static void read_options(struct script *t, const char *line)
{
	char copy[256], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", line + strlen("%server"));
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		read_option(t, w, line);
	}
}

/* "!end permanent 550 5.1.1 Unknown", with the nth BEGIN or END before it. */
static void read_reaction(struct script *t, const char *line, unsigned begins, unsigned ends)
{
	struct reaction *r = &t->reactions[t->reaction_count++];
	char where[16], verdict[16], enhanced[16];
	int code, size = 0;

	require(t->reaction_count <= REACTIONS_MAX, line);
	require(sscanf(line, "!%15s %15s %d %15s %n", where, verdict, &code, enhanced, &size) == 4,
		line);
	require(size > 0, line);
	r->at = strcmp(where, "begin") == 0 ? REACT_BEGIN
	      : strcmp(where, "data") == 0  ? REACT_DATA
					    : REACT_END;
	r->nth = r->at == REACT_END ? ends : begins;
	enum verdict v = strcmp(verdict, "accepted") == 0  ? VERDICT_ACCEPTED
		       : strcmp(verdict, "permanent") == 0 ? VERDICT_PERMANENT
							   : VERDICT_TEMPORARY;
	BUF_AUTO struct buf text;
	buf_init(&text, OUTCOME_TEXT_MAX - 1);
	require(served_unescape(&text, line + size), line);
	smtp_answer_set(&r->answer, v, code, strcmp(enhanced, "-") ? enhanced : "", "%s",
			text.data);
}

static bool is_happening(const char *line)
{
	return strcmp(line, "!lost") == 0 || strcmp(line, "!timeout") == 0 ||
	       strcmp(line, "!shutdown") == 0;
}

static void read_script(struct script *t, const char *path)
{
	unsigned begins = 0, ends = 0;
	char *save = NULL;

	*t = (struct script){ .text = read_file(path), .options = { .host = "host.test" } };
	for (char *line = strtok_r(t->text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		begins += starts(line, "=begin");
		ends += starts(line, "=end");
		if (line[0] == '#') {
			continue;
		}
		if (line[0] == '%') {
			read_options(t, line);
		} else if (line[0] == '!' && !is_happening(line)) {
			read_reaction(t, line, begins, ends);
		} else {
			require(t->line_count < LINES_MAX, line);
			t->lines[t->line_count++] = line;
		}
	}
}

/* -- replaying ------------------------------------------------------------------------- */

static bool is_client(const char *line)
{
	return starts(line, "C: ") || starts(line, "C-: ") || strcmp(line, "C:") == 0;
}

static void add_client(struct buf *to, const char *line)
{
	bool is_whole = line[1] == ':';

	require(served_unescape(to, line + (is_whole ? 2 + (line[2] == ' ') : 4)), line);
	assert_true(!is_whole || buf_add_str(to, "\r\n"));
}

static void happen(struct served *d, const char *line)
{
	if (line[1] == 'l') {
		smtp_server_lost(d->s);
	} else if (line[1] == 't') {
		smtp_server_timeout(d->s);
	} else {
		smtp_server_shutdown(d->s);
	}
	served_run(d);
}

static void start(struct served *d, const struct script *t)
{
	served_init(d, &t->options);
	d->reactions = t->reactions;
	d->reaction_count = t->reaction_count;
	served_run(d);
}

/* As the file says it: client's lines in a row come together. */
static void play_steps(struct served *d, const struct script *t)
{
	BUF_AUTO struct buf bytes;

	buf_init(&bytes, 1 << 20);
	start(d, t);
	for (size_t i = 0; i < t->line_count; i++) {
		const char *line = t->lines[i];
		if (is_client(line) || is_happening(line)) {
			assert_true(buf_printf(&d->log, "%s\n", line));
		}
		if (is_happening(line)) {
			happen(d, line);
		}
		if (!is_client(line)) {
			continue;
		}
		add_client(&bytes, line);
		if (i + 1 == t->line_count || !is_client(t->lines[i + 1])) {
			served_feed(d, buf_span(&bytes), 0);
			buf_reset(&bytes);
		}
	}
}

/*
 * All that the client sends up to something that happens; the first `cut` bytes of it apart,
 * or with cut 0 in pieces of `piece`.
 */
static void play_bytes(struct served *d, const struct script *t, size_t cut, size_t piece)
{
	BUF_AUTO struct buf bytes;

	buf_init(&bytes, 1 << 20);
	start(d, t);
	for (size_t i = 0; i <= t->line_count; i++) {
		bool is_last = i == t->line_count;
		if (!is_last && is_client(t->lines[i])) {
			add_client(&bytes, t->lines[i]);
		}
		if (!is_last && !is_happening(t->lines[i])) {
			continue;
		}
		served_feed(d, span_first(buf_span(&bytes), cut), 0);
		served_feed(d, span_from(buf_span(&bytes), cut), piece);
		buf_reset(&bytes);
		if (!is_last) {
			happen(d, t->lines[i]);
		}
	}
}

static void must_be(const struct buf *a, const struct buf *b, const char *what)
{
	if (!span_equal(buf_span(a), buf_span(b))) {
		fprintf(stderr, "%s: %s:\n%s\n-- instead of --\n%s\n", file_name, what, a->data,
			b->data);
		fail();
	}
}

static void replay(const struct script *t, bool is_printed)
{
	BUF_AUTO struct buf want;
	struct served steps, again;
	size_t size = 0;

	buf_init(&want, 1 << 20);
	for (size_t i = 0; i < t->line_count; i++) {
		assert_true(buf_printf(&want, "%s\n", t->lines[i]));
		size += is_client(t->lines[i]) ? strlen(t->lines[i]) : 0;
	}
	play_steps(&steps, t);
	if (is_printed) {
		printf("-- %s\n%s", file_name, steps.log.data);
	} else {
		must_be(&steps.log, &want, "step by step");
	}
	for (size_t cut = 0; cut <= size + 1; cut++) {
		play_bytes(&again, t, cut <= size ? cut : 0, cut == size + 1);
		must_be(&again.out, &steps.out, "replies, cut");
		must_be(&again.events, &steps.events, "messages, cut");
		served_clear(&again);
	}
	served_clear(&steps);
}

/* -- all files ------------------------------------------------------------------------- */

static const char *directory, *part;
static bool is_printing;

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void transcripts(void **state)
{
	struct dirent **files = NULL;
	char path[PATH_SIZE];
	int count = scandir(directory, &files, NULL, by_name), played = 0;

	(void)state;
	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		const char *dot = strrchr(files[i]->d_name, '.');
		if (dot && strcmp(dot, ".smtp") == 0 &&
		    (!part || strstr(files[i]->d_name, part))) {
			struct script t;
			file_name = files[i]->d_name;
			snprintf(path, sizeof(path), "%s/%s", directory, file_name);
			read_script(&t, path);
			replay(&t, is_printing);
			free(t.text);
			played++;
		}
		free(files[i]);
	}
	free(files);
	assert_true(played > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(transcripts) };

	is_printing = argc > 1 && strcmp(argv[1], "-p") == 0;
	if (argc < 2 + is_printing) {
		fprintf(stderr, "usage: test_server_transcripts [-p] DIRECTORY [PART]\n");
		return 1;
	}
	directory = argv[1 + is_printing];
	part = argv[2 + is_printing];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
