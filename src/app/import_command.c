/* SPDX-License-Identifier: ISC */
/*
 * import_command: see import_command.h.  Reads the files as whoever calls it: must never
 * write anything but the new relayrc, and never over one.
 */
#include "app/import_command.h"
#include "app/identity.h"
#include "app/say.h"
#include "app/scope.h"
#include "app/settings.h"
#include "base/fs.h"
#include "base/mem.h"
#include "conf/parse.h"
#include "import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* Where a program keeps its configuration; ~ and $XDG_CONFIG_HOME are replaced. */
static const struct program {
	const char *name;
	import_run *run;
	const char *places[3];
	const char *file;	/* in a folder that is named instead */
} programs[] = {
	{ "postfix", import_postfix, { "/etc/postfix/main.cf" }, "main.cf" },
	{ "msmtp", import_msmtp,
	  { "~/.msmtprc", "$XDG_CONFIG_HOME/msmtp/config", "/etc/msmtprc" }, "msmtprc" },
	{ "ssmtp", import_ssmtp, { "/etc/ssmtp/ssmtp.conf" }, "ssmtp.conf" },
	{ "nullmailer", import_nullmailer, { "/etc/nullmailer/remotes" }, "remotes" },
	{ "dma", import_dma, { "/etc/dma/dma.conf" }, "dma.conf" },
	{ "esmtp", import_esmtp, { "~/.esmtprc", "/etc/esmtprc" }, "esmtprc" },
};

enum { PROGRAM_COUNT = sizeof(programs) / sizeof(programs[0]) };

struct wanted {
	const struct program *program;
	const char *path;
	const char *root;	/* of the other system: "" or a folder */
	bool write;
};

struct caller {
	struct identity id;
	const char *root;
};

/* -- files of the other program ------------------------------------------------ */

static bool read_file(void *context, const char *path, struct buf *text, struct err *e)
{
	const struct caller *c = context;
	char *real MEM_AUTO = mem_printf("%s%s", path[0] == '/' ? c->root : "", path);
	int fd FS_AUTO = open(real, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;

	if (fd < 0) {
		bool is_closed = errno == EACCES && geteuid() != 0;
		err_errno(e, CAUSE_INPUT, "%s", path);
		return is_closed ? err_set(e, CAUSE_INPUT,
					   "%s: cannot be read by this user; run this as root",
					   path)
				 : false;
	}
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		return err_set(e, CAUSE_INPUT, "%s: not a regular file", path);
	}
	return fs_read_all(fd, text, e) || err_ctx(e, "%s", path);
}

/* NULL: the variable, or the home, is not known.  The caller frees it. */
static char *place_path(const char *place, struct identity *id)
{
	static const char xdg[] = "$XDG_CONFIG_HOME";
	const char *home = identity_home(id), *folder = secure_getenv("XDG_CONFIG_HOME");

	if (place[0] == '~') {
		return home ? mem_printf("%s%s", home, place + 1) : NULL;
	}
	if (strncmp(place, xdg, strlen(xdg)) == 0) {
		place += strlen(xdg);
		return folder && folder[0] == '/' ? mem_printf("%s%s", folder, place)
		       : home ? mem_printf("%s/.config%s", home, place) : NULL;
	}
	return mem_str(place);
}

/* The first file of the program that is there, or NULL. */
static char *find_file(const struct program *program, struct caller *c)
{
	for (size_t i = 0; i < 3 && program->places[i]; i++) {
		char *path = place_path(program->places[i], &c->id);
		char *real MEM_AUTO = path ? mem_printf("%s%s", c->root, path) : NULL;
		struct stat status;
		if (real && stat(real, &status) == 0) {
			return path;
		}
		free(path);
	}
	return NULL;
}

/* A folder stands for the file in it. */
static char *given_file(const struct wanted *w, const struct caller *c)
{
	char *real MEM_AUTO = mem_printf("%s%s", w->path[0] == '/' ? c->root : "", w->path);
	size_t size = strlen(w->path);
	struct stat status;

	if (stat(real, &status) != 0 || !S_ISDIR(status.st_mode)) {
		return mem_str(w->path);
	}
	return mem_printf("%s%s%s", w->path, size > 0 && w->path[size - 1] == '/' ? "" : "/",
			  w->program->file);
}

/* Which program is there?  With several, the person has to say. */
static bool find_program(struct wanted *w, struct caller *c, struct err *e)
{
	char names[256] = "";
	size_t count = 0;

	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		char *path MEM_AUTO = find_file(&programs[i], c);
		if (path) {
			size_t at = strlen(names);
			snprintf(names + at, sizeof(names) - at, "%s%s", at ? ", " : "",
				 programs[i].name);
			w->program = &programs[i];
			count++;
		}
	}
	if (count == 0) {
		return err_set(e, CAUSE_INPUT, "found no configuration of postfix, msmtp, ssmtp, "
			       "nullmailer, dma or esmtp; name the program and its file");
	}
	if (count > 1) {
		return err_set(e, CAUSE_USAGE, "found several: %s; name one: relay import NAME",
			       names);
	}
	say("found %s", names);
	return true;
}

/* -- the result ---------------------------------------------------------------- */

static void tell_notes(const struct import *im)
{
	struct buf line BUF_AUTO;

	buf_init(&line, 1 << 16);
	for (size_t i = 0; i < im->note_count; i++) {
		buf_reset(&line);
		if (im->notes[i].kind != IMPORT_NOT_NEEDED &&
		    import_print_note(&im->notes[i], &line)) {
			say("%s", line.data);
		}
	}
	if (im->notes_more > 0) {
		say("%zu more such lines", im->notes_more);
	}
	buf_reset(&line);
	if (import_print_not_needed(im, &line) && line.size > 0) {
		say("%s", line.data);
	}
	say("settings: %zu carried over, %zu not needed, %zu unknown; notes about changes: %zu, "
	    "about what was not carried over: %zu",
	    im->carried, import_count(im, IMPORT_NOT_NEEDED),
	    import_count(im, IMPORT_UNKNOWN), import_count(im, IMPORT_CHANGED),
	    import_count(im, IMPORT_LEFT));
}

/* Is it a relayrc that relay itself would take? */
static bool check_text(const struct buf *text, struct caller *c, struct err *e)
{
	const struct conf_env env = { .home = identity_home(&c->id) };
	struct conf conf;

	conf_init(&conf);
	bool ok = parse_text(&conf, buf_span(text), "the result", NULL, &env, e);
	for (size_t i = 0; ok && i < conf.count; i++) {
		ok = conf_check(&conf.accounts[i], e);
	}
	conf_clear(&conf);
	return ok;
}

/* ~/.relayrc would be read in the place of this one. */
static bool has_other(struct caller *c)
{
	char *path MEM_AUTO = place_path("$XDG_CONFIG_HOME/relay/relayrc", &c->id);
	struct stat status;

	if (!path || lstat(path, &status) != 0) {
		return false;
	}
	say("%s: there is one already; it would not be read any more: move it away first",
	    path);
	return true;
}

/* Never over a file, and readable for us alone. */
static int write_file(const struct buf *text, struct caller *c)
{
	const char *home = identity_home(&c->id);
	char *path MEM_AUTO = geteuid() == 0 ? mem_str(scope_file)
			      : home	     ? mem_printf("%s/.relayrc", home)
					     : NULL;
	struct err e;

	if (!path) {
		say("there is no home directory to write .relayrc into");
		return EX_CANTCREAT;
	}
	if (geteuid() != 0 && has_other(c)) {
		return EX_CANTCREAT;
	}
	const struct fs_look own = { (uid_t)-1, (gid_t)-1, 0600 };
	const struct fs_look look = geteuid() == 0 ? scope_look() : own;
	if (!fs_put_file(path, buf_span(text), &look, false, &e)) {
		say("%s%s", e.text,
		    e.os_errno == EEXIST ? "; it is never overwritten: move it away first" : "");
		return EX_CANTCREAT;
	}
	say("wrote %s; next: relay check", path);
	return EX_OK;
}

/* Notes first: who sees only the end of a long output sees the obstacle. */
static int finish(const struct import *im, const struct wanted *w, struct caller *c)
{
	struct buf text BUF_AUTO;
	struct err e;

	buf_init_secret(&text, IMPORT_TEXT_MAX + 1);
	tell_notes(im);
	if (!import_print(im, &text, &e)) {
		return say_error(&e);
	}
	bool ok = !im->obstacle && check_text(&text, c, &e);
	if (!w->write && fwrite(text.data, 1, text.size, stdout) != text.size) {
		return EX_IOERR;
	}
	if (ok) {
		return w->write ? write_file(&text, c) : EX_OK;
	}
	say("%s%s", im->obstacle ? im->obstacle : e.text, w->write ? "; nothing was written" : "");
	return EX_CONFIG;
}

static int run(struct wanted *w, struct caller *c)
{
	struct import im;
	struct err e;

	if (!w->program && !find_program(w, c, &e)) {
		return say_error(&e);
	}
	char *path MEM_AUTO = w->path ? given_file(w, c) : find_file(w->program, c);
	if (!path) {
		say("%s: found no configuration of it (%s); name the file", w->program->name,
		    w->program->places[0]);
		return EX_NOINPUT;
	}
	const struct import_env env = {
		.context = c, .read = read_file, .host = identity_host(&c->id),
		.mail_name = identity_mailname(&c->id), .home = identity_home(&c->id),
	};
	import_init(&im);
	int status = w->program->run(&im, &env, path, &e) ? finish(&im, w, c) : say_error(&e);
	import_clear(&im);
	return status;
}

/* -- the command line ---------------------------------------------------------- */

static const struct program *program_of(const char *name)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		if (strcmp(programs[i].name, name) == 0) {
			return &programs[i];
		}
	}
	return NULL;
}

static bool take_word(struct wanted *w, const char *word, struct err *e)
{
	if (!w->program && !w->path) {
		w->program = program_of(word);
		return w->program || err_set(e, CAUSE_USAGE, "%.64s: unknown program; there are: "
					     "postfix, msmtp, ssmtp, nullmailer, dma, esmtp", word);
	}
	if (w->path) {
		return err_set(e, CAUSE_USAGE, "usage: relay import [--write] [--root DIR] "
			       "[PROGRAM [FILE]]");
	}
	w->path = word;
	return true;
}

static bool take_words(struct wanted *w, int argc, char **argv, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--write") == 0) {
			w->write = true;
		} else if (strncmp(argv[i], "--root=", 7) == 0) {
			w->root = argv[i] + 7;
		} else if (strcmp(argv[i], "--root") == 0 && i + 1 < argc) {
			w->root = argv[++i];
		} else if (argv[i][0] == '-') {
			return err_set(e, CAUSE_USAGE, "%.64s: no such option here; see relay(1)",
				       argv[i]);
		} else if (!take_word(w, argv[i], e)) {
			return false;
		}
	}
	return true;
}

static int help(void)
{
	puts("usage: relay import [--write] [--root DIR] [PROGRAM [FILE]]\n");
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		printf("  %-10s %s\n", programs[i].name, programs[i].places[0]);
	}
	puts("\nPrints a relayrc; --write puts it in its place.  See relay(1).");
	return EX_OK;
}

int import_command(int argc, char **argv)
{
	struct wanted w = { .root = "" };
	struct caller c = { 0 };
	struct err e;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
		return help();
	}
	if (!take_words(&w, argc, argv, &e)) {
		return say_error(&e);
	}
	c.root = w.root;
	int status = run(&w, &c);
	identity_clear(&c.id);
	return status;
}
