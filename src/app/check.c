/* SPDX-License-Identifier: ISC */
/*
 * check: see check.h.  Reads the settings, has every part looked at, and prints; what is
 * looked at is in conf/risk*.c and check_*.c.
 */
#include "app/check.h"
#include "app/check_parts.h"
#include "app/options.h"
#include "app/say.h"
#include "app/scope.h"
#include "app/settings.h"
#include "base/mem.h"
#include "conf/risk.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#define HANDED_OVER "# You have no account of your own: your mail goes through the service of the machine."

/* Only warnings: none of sysexits.h's words fits. */
enum { STATUS_WARNINGS = 1 };

struct check {
	struct options options;
	bool is_json, is_offline;
	bool is_handed_over;	/* the caller has no account */
	struct identity id;
	struct conf conf;
	struct findings findings;
};

int check_print(const struct account *a)
{
	struct buf text BUF_AUTO;

	buf_init(&text, 1 << 20);
	if (!conf_print(a, &text)) {
		say("account %s: too much to print", a->name);
		return EX_SOFTWARE;
	}
	fwrite(text.data, 1, text.size, stdout);
	return EX_OK;
}

/* -- the command line ---------------------------------------------------------- */

/* Takes a word out of argv. */
static bool take_word(int *argc, char **argv, const char *word)
{
	bool found = false;
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], word) == 0) {
			found = true;
		} else {
			argv[kept++] = argv[i];
		}
	}
	*argc = kept;
	return found;
}

static bool read_options(struct check *c, int argc, char **argv, struct err *e)
{
	char **words MEM_AUTO = mem_alloc((size_t)argc + 1, sizeof(*words));

	memcpy(words, argv, (size_t)argc * sizeof(*words));
	c->is_json = take_word(&argc, words, "--json");
	c->is_offline = take_word(&argc, words, "--offline");
	words[argc] = NULL;
	if (!options_parse(&c->options, argc, words, e) ||
	    !scope_enter(&c->id, &c->options, e)) {
		return false;
	}
	return (c->options.recipient_count == 0 && !options_are_of_sendmail(&c->options)) ||
	       err_set(e, CAUSE_USAGE,
		       "only -C FILE, -a ACCOUNT, --json, --offline and --settings may stand "
		       "here; see relay(1)");
}

/* -- looking ------------------------------------------------------------------- */

static void add_report(void *arg, bool is_error, const char *file, unsigned line,
		       const char *text)
{
	struct check *c = arg;

	findings_add_at(&c->findings, is_error ? SEVERITY_ERROR : SEVERITY_WARNING, file,
			line, text);
}

/* The named account, or NULL for all. */
static bool choose(struct check *c, const struct account **ret_only, struct err *e)
{
	*ret_only = NULL;
	if (c->options.account || c->conf.count == 0) {
		*ret_only = conf_choose(&c->conf, c->options.account, NULL, e);
		return *ret_only != NULL;
	}
	return true;
}

static void look_at(struct check *c, const struct account *a, struct check_seen *folders,
		    struct check_hosts *hosts)
{
	size_t errors = c->findings.errors;

	risk_account(a, scope_file, &c->findings);
	/* What does not fit together cannot be tried. */
	if (c->findings.errors == errors) {
		check_files(a, &c->id, &c->findings);
		if (!c->is_offline) {
			check_host(a, hosts, &c->findings);
		}
	}
	check_queue(a, &c->id, folders, &c->findings);
}

/* What no account takes; and, for whoever runs the service of the machine, what users send. */
static void check_rest(struct check *c)
{
	struct conf *conf = &c->conf;
	struct err ignored;
	bool has_default = conf_choose(conf, "default", NULL, &ignored) != NULL;

	if (!has_default && c->id.is_closed) {
		check_service(true, SEVERITY_WARNING, c->is_offline, &c->findings);
	} else {
		risk_default(conf, &c->findings);
	}
	/* Where root is still root, there is no such user, and no service. */
	if (c->id.is_system && geteuid() != 0) {
		check_service(false, SEVERITY_WARNING, c->is_offline, &c->findings);
	}
}

/* False: *e, nothing can be looked at. */
static bool look(struct check *c, struct err *e)
{
	struct check_hosts hosts = { 0 };
	struct check_seen folders = { 0 };
	const struct account *only;

	if (!choose(c, &only, e)) {
		return false;
	}
	for (size_t i = 0; i < c->conf.count; i++) {
		struct account *a = &c->conf.accounts[i];
		if (!conf_is_hidden(&c->conf, a) && (!only || a == only) &&
		    !settings_apply(a, &c->options, &c->id, e)) {
			return false;
		}
	}
	check_sources(&c->conf, &c->findings);
	for (size_t i = 0; i < c->conf.count; i++) {
		const struct account *a = &c->conf.accounts[i];
		if (!conf_is_hidden(&c->conf, a) && (!only || a == only)) {
			look_at(c, a, &folders, &hosts);
		}
	}
	risk_senders(&c->conf, only, &c->findings);
	if (!only) {
		check_rest(c);
	}
	risk_routes(&c->conf, only, &c->findings);
	check_seen_clear(&hosts.names);
	check_seen_clear(&folders);
	return true;
}

/* The settings cannot be read at all. */
static void add_error(struct check *c, const struct err *e)
{
	const char *file = c->options.file;
	size_t size = file ? strlen(file) : 0;

	if (file && strncmp(e->text, file, size) == 0 && strncmp(e->text + size, ": ", 2) == 0) {
		findings_add_at(&c->findings, SEVERITY_ERROR, file, 0, e->text + size + 2);
	} else {
		findings_add_at(&c->findings, SEVERITY_ERROR, NULL, 0, e->text);
	}
}

static int run(struct check *c)
{
	struct err e;
	bool ok = settings_report(&c->conf, &c->options, &c->id, add_report, c, &e);

	/* With a wrong line, the accounts are not what was meant. */
	if (!ok && c->id.may_hand_over) {
		ok = c->is_handed_over = true;
		check_service(true, SEVERITY_ERROR, c->is_offline, &c->findings);
		conf_clear(&c->conf);
	} else if (ok && c->findings.errors == 0) {
		ok = look(c, &e);
	} else {
		conf_clear(&c->conf);
	}
	if (!ok) {
		if (e.cause == CAUSE_USAGE) {
			return say_error(&e);
		}
		add_error(c, &e);
	}
	const char *only = c->options.account;
	if (c->is_handed_over && !c->is_json) {
		puts(HANDED_OVER);
	}
	if (!(c->is_json ? check_print_json(&c->conf, only, &c->findings)
			 : check_print_text(&c->conf, only, &c->findings))) {
		return EX_IOERR;
	}
	return c->findings.errors > 0  ? EX_CONFIG
	       : c->findings.count > 0 ? STATUS_WARNINGS
				       : EX_OK;
}

static const char usage[] =
	"usage: relay check [-C FILE] [-a ACCOUNT] [--json] [--offline]\n"
	"\n"
	"Prints the settings in force, and what is wrong with them.  See relay(1).";

int check_command(int argc, char **argv)
{
	struct check c = { 0 };
	struct err e;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		puts(usage);
		return EX_OK;
	}
	conf_init(&c.conf);
	int status = read_options(&c, argc, argv, &e) ? run(&c) : say_error(&e);
	findings_clear(&c.findings);
	conf_clear(&c.conf);
	identity_clear(&c.id);
	options_clear(&c.options);
	return status;
}
