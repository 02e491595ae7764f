/* SPDX-License-Identifier: ISC */
/* queue_command: see queue_command.h. */
#include "app/queue_command.h"
#include "app/flush.h"
#include "app/queue_remote.h"
#include "app/say.h"
#include "app/scope.h"
#include "base/fs.h"
#include "base/mem.h"

#include <sysexits.h>
#include <unistd.h>

/* Bytes of IDs on standard input. */
#define IDS_MAX ((size_t)64 << 20)

/* mailq's marks may stand behind it. */
static void add_id(struct queue_ids *ids, struct span word)
{
	while (word.size > 1 && memchr("*!#", word.data[word.size - 1], 3)) {
		word.size--;
	}
	if ((ids->count & (ids->count + 1)) == 0) {
		ids->at = mem_resize(ids->at, 2 * ids->count + 1, sizeof(*ids->at));
	}
	ids->at[ids->count++] = mem_copy(word.data, word.size);
}

static void ids_clear(struct queue_ids *ids)
{
	for (size_t i = 0; i < ids->count; i++) {
		free(ids->at[i]);
	}
	free(ids->at);
}

/* One ID a line. */
static bool read_ids(struct queue_ids *ids, struct err *e)
{
	struct buf text BUF_AUTO;

	buf_init(&text, IDS_MAX);
	if (!fs_read_all(STDIN_FILENO, &text, e)) {
		return err_ctx(e, "standard input");
	}
	for (struct span rest = buf_span(&text); rest.size > 0;) {
		const char *end = memchr(rest.data, '\n', rest.size);
		size_t size = end ? (size_t)(end - rest.data) : rest.size;
		struct span line = span_trim(span_first(rest, size));
		rest = span_from(rest, size + 1);
		if (line.size > 0) {
			add_id(ids, line);
		}
	}
	return true;
}

static bool take_ids(struct queue_ids *ids, const char **words, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i], "-") == 0) {
			if (!read_ids(ids, e)) {
				return false;
			}
		} else if (strcmp(words[i], "ALL") != 0) {
			add_id(ids, span_str(words[i]));
		} else if (count == 1) {
			ids->is_all = true;
		} else {
			return err_set(e, CAUSE_USAGE, "ALL stands alone, without IDs");
		}
	}
	return true;
}

enum words {
	WORDS_NONE,
	WORDS_ONE,	/* one ID */
	WORDS_IDS,	/* IDs, "-" or ALL; none at all is ALL */
	WORDS_ALL,	/* IDs, "-" or ALL */
};

struct command {
	const char *name;
	enum words words;
	int (*run)(struct call *c, const struct command *command, const struct queue_ids *ids);
	enum queue_change change;
	int (*show)(const struct queues *qs, const char *id);
	const char *usage;
};

static int run_list(struct call *c, const struct command *command, const struct queue_ids *ids)
{
	(void)command;
	(void)ids;
	return queue_remote_list(c);
}

static int run_flush(struct call *c, const struct command *command, const struct queue_ids *ids)
{
	(void)command;
	return flush_ids(c, ids->at, ids->count);
}

static int run_show(struct call *c, const struct command *command, const struct queue_ids *ids)
{
	struct queues qs;
	struct err e;
	int status = EX_OK;

	if (!queues_open(&qs, c, &e)) {
		return say_error(&e);
	}
	status = qs.status;
	for (size_t i = 0; i < ids->count; i++) {
		int one = command->show(&qs, ids->at[i]);
		status = status != EX_OK ? status : one;
	}
	queues_close(&qs);
	return status;
}

static int run_change(struct call *c, const struct command *command,
		      const struct queue_ids *ids)
{
	struct queues qs;
	struct err e;

	if (!queues_open(&qs, c, &e)) {
		return say_error(&e);
	}
	int own = queue_change_all(&qs, command->change, ids);
	int status = own != EX_OK ? own : qs.status;
	queues_close(&qs);
	return status;
}

static const struct command commands[] = {
	{ "list", WORDS_NONE, run_list, .usage = "[--json] list" },
	{ "show", WORDS_ONE, run_show, .show = queue_show, .usage = "show ID" },
	{ "export", WORDS_ONE, run_show, .show = queue_export, .usage = "export ID" },
	{ "flush", WORDS_IDS, run_flush, .usage = "flush [-v] [--now] [ID… | - | ALL]" },
	{ "hold", WORDS_ALL, run_change, .change = CHANGE_HOLD, .usage = "hold ID… | - | ALL" },
	{ "release", WORDS_ALL, run_change, .change = CHANGE_RELEASE,
	  .usage = "release ID… | - | ALL" },
	{ "retry", WORDS_ALL, run_change, .change = CHANGE_RETRY, .usage = "retry ID… | - | ALL" },
	{ "delete", WORDS_ALL, run_change, .change = CHANGE_DELETE,
	  .usage = "delete ID… | - | ALL" },
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return &commands[i];
		}
	}
	return NULL;
}

static bool fail_command(const char *name, struct err *e)
{
	char names[256] = "";

	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		size_t at = strlen(names);
		snprintf(names + at, sizeof(names) - at, "%s%s", at ? ", " : "",
			 commands[i].name);
	}
	return name ? err_set(e, CAUSE_USAGE, "%.64s: unknown command; there are: %s", name, names)
		    : err_set(e, CAUSE_USAGE, "a command is missing; there are: %s", names);
}

static bool check_words(const struct command *command, size_t count, struct err *e)
{
	bool ok = (command->words == WORDS_NONE && count == 0) ||
		  (command->words == WORDS_ONE && count == 1) || command->words == WORDS_IDS ||
		  (command->words == WORDS_ALL && count > 0);

	return ok || err_set(e, CAUSE_USAGE, "usage: relay queue %s", command->usage);
}

/* Takes --now, which sendmail does not have, out of the arguments. */
static bool take_now(int *argc, char **argv)
{
	bool has_now = false;
	int count = 0;

	for (int i = 0; i < *argc; i++) {
		if (strcmp(argv[i], "--now") == 0) {
			has_now = true;
		} else {
			argv[count++] = argv[i];
		}
	}
	*argc = count;
	return has_now;
}

static bool check_options(const struct options *o, const struct command *command, bool has_now,
			  struct err *e)
{
	bool is_list = command->run == run_list, is_flush = command->run == run_flush;

	if (options_are_of_sendmail(o) || (o->json && !is_list) || (has_now && !is_flush)) {
		return err_set(e, CAUSE_USAGE, "no such option here; usage: relay queue [-C FILE] "
			       "[-a ACCOUNT] %s", command->usage);
	}
	return true;
}

static int help(void)
{
	puts("usage: relay queue [-C FILE] [-a ACCOUNT] COMMAND\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		printf("  %s\n", commands[i].usage);
	}
	puts("\nIDs may be cut short; - reads them from standard input.  See relay(1).");
	return EX_OK;
}

static int run(struct call *c, int argc, char **argv)
{
	struct queue_ids ids = { 0 };
	struct err e;
	bool has_now = take_now(&argc, argv);

	if (!options_parse(&c->options, argc, argv, &e) ||
	    (!c->id.is_system && !scope_enter(&c->id, &c->options, &e))) {
		return say_error(&e);
	}
	const struct options *o = &c->options;
	const char *name = o->recipient_count > 0 ? o->recipients[0] : NULL;
	const struct command *command = name ? find_command(name) : NULL;
	if (o->mode == MODE_HELP || (name && strcmp(name, "help") == 0)) {
		return help();
	}
	if (!command) {
		fail_command(name, &e);
		return say_error(&e);
	}
	size_t count = o->recipient_count - 1;
	if (!check_options(o, command, has_now, &e) || !check_words(command, count, &e)) {
		return say_error(&e);
	}
	bool ok = take_ids(&ids, o->recipients + 1, count, &e);
	if (ok && ids.is_all && command->words == WORDS_ONE) {
		ok = err_set(&e, CAUSE_USAGE, "usage: relay queue %s", command->usage);
	}
	/* Nothing on standard input is no ID, not all of them. */
	bool is_nothing = ok && count > 0 && !ids.is_all && ids.count == 0;
	/* What is named is sent also when it is not due. */
	c->options.flush.now = has_now || ids.is_all;
	int status = !ok		   ? say_error(&e)
		     : is_nothing	   ? EX_OK
		     : command->run != run_list && queue_remote_is(c)
			     ? queue_remote(command->name, false, has_now, &ids)
			     : command->run(c, command, &ids);
	ids_clear(&ids);
	return status;
}

int queue_command_for(const struct identity *id, bool is_for_terminal, int argc, char **argv)
{
	struct call c;

	call_init(&c);
	scope_inherit(&c.id, id);
	c.is_for_terminal = is_for_terminal;
	int status = run(&c, argc, argv);
	call_clear(&c);
	return fflush(stdout) == 0 || status != EX_OK ? status : EX_IOERR;
}

int queue_command(int argc, char **argv)
{
	struct call c;

	call_init(&c);
	int status = run(&c, argc, argv);
	call_clear(&c);
	return status;
}
