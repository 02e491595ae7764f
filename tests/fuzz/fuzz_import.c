/* SPDX-License-Identifier: ISC */
/*
 * fuzz_import: any bytes as the files of another mail program.  A zero byte ends a file; all
 * but the first are what any name gives, in turn.  What comes out is a relayrc that is
 * accepted, and no secret is in a note.
 */
#include "fuzz.h"

#include "conf/parse.h"
#include "import/import.h"

struct files {
	struct span rest;
	unsigned reads;
};

/* The next part; the last one again and again, but not for ever. */
static bool read_part(void *context, const char *path, struct buf *text, struct err *e)
{
	struct files *f = context;
	const char *end = f->rest.size ? memchr(f->rest.data, '\0', f->rest.size) : NULL;
	size_t size = end ? (size_t)(end - f->rest.data) : f->rest.size;

	if (f->rest.size == 0 || ++f->reads > 100) {
		return err_set(e, CAUSE_INPUT, "%s: none", path);
	}
	bool ok = buf_add_span(text, span_first(f->rest, size));
	f->rest = end ? span_from(f->rest, size + 1) : f->rest;
	return ok;
}

/* Settings that relay does not have yet are passed over. */
static void check_text(const struct buf *text)
{
	const struct conf_env env = { .home = "/home/me" };
	struct conf conf;
	struct err e = { 0 };

	conf_init(&conf);
	MUST(parse_text(&conf, buf_span(text), "result", NULL, &env, &e) ||
	     strstr(e.text, "not supported yet"));
	conf_clear(&conf);
}

static void run(import_run *import, struct span input)
{
	struct files files = { .rest = input };
	const struct import_env env = {
		.context = &files, .read = read_part, .host = "pi", .mail_name = "pi.test",
		.home = "/home/me",
	};
	struct import im;
	struct buf text, line;
	struct err e = { 0 };

	import_init(&im);
	buf_init_secret(&text, 2 * IMPORT_TEXT_MAX);
	buf_init(&line, 1 << 20);
	if (!import(&im, &env, "/etc/first", &e)) {
		MUST(e.cause != CAUSE_NONE && e.text[0]);
	} else if (import_print(&im, &text, &e)) {
		check_text(&text);
	}
	for (size_t i = 0; i < im.note_count; i++) {
		buf_reset(&line);
		MUST(import_print_note(&im.notes[i], &line));
	}
	buf_reset(&line);
	MUST(import_print_not_needed(&im, &line) || im.note_count > 1000);
	buf_clear(&text);
	buf_clear(&line);
	import_clear(&im);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static import_run *const importers[] = { import_postfix, import_msmtp, import_ssmtp,
						 import_nullmailer, import_dma, import_esmtp };

	if (size > 0) {
		run(importers[data[0] % 6], span_of(data + 1, size - 1));
	}
	return 0;
}
