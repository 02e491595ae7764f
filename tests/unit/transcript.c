/* SPDX-License-Identifier: ISC */
/* transcript: see transcript.h. */
#include "transcript.h"

#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static struct step *add_step(struct reader *r, enum step_kind kind)
{
	struct transcript *t = r->t;

	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->steps = mem_resize(t->steps, t->room, sizeof(*t->steps));
	}
	struct step *s = &t->steps[t->count++];
	*s = (struct step){ .kind = kind, .line = r->line, .code = -1 };
	buf_init(&s->bytes, BYTES_MAX);
	buf_init(&s->answer, BYTES_MAX);
	buf_init(&s->secret, BYTES_MAX);
	return s;
}

static void add_line(struct step *s, const char *text)
{
	struct buf *secret = s->kind == STEP_CLIENT ? &s->secret : NULL;

	transcript_text(text, &s->bytes, secret);
	transcript_must(buf_add_str(&s->bytes, "\r\n"));
	transcript_must(!secret || buf_add(secret, "\0\0", 2));
}

/* "RCPT TO:<r[1..100]@h>": the line once for each number. */
static void add_lines(struct step *s, const char *text)
{
	unsigned from, to;
	int end = 0;
	const char *range = strchr(text, '[');

	if (!range || sscanf(range, "[%u..%u]%n", &from, &to, &end) != 2 || end == 0) {
		add_line(s, text);
		return;
	}
	for (unsigned i = from; i <= to; i++) {
		char *line =
			mem_printf("%.*s%u%s", (int)(range - text), text, i, range + end);
		add_line(s, line);
		free(line);
	}
}

/* Lines of the same side are one step: they may travel together. */
static struct step *same_step(struct reader *r, enum step_kind kind)
{
	struct transcript *t = r->t;

	if (t->count > 0 && t->steps[t->count - 1].kind == kind) {
		return &t->steps[t->count - 1];
	}
	return add_step(r, kind);
}

static void start_message(struct reader *r, char *words)
{
	struct message *m = mem_alloc(1, sizeof(*m));

	buf_init(&m->body, BYTES_MAX);
	buf_init(&m->adapted, BYTES_MAX);
	m->txn.sender = "joe@client.test";
	m->next = r->t->messages;
	r->t->messages = r->message = m;
	add_step(r, STEP_MESSAGE)->message = m;
	transcript_words(r, words, true);
}

/* -- directives ------------------------------------------------------------------------ */

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

/* Everything after ": " must be part of the text; it is cut off `words`. */
static void take_part(struct step *s, char *words)
{
	char *colon = strstr(words, ": ");

	if (colon) {
		copy(s->text, sizeof(s->text), colon + 2);
		*colon = '\0';
	}
}

/* !auth MECHANISM [single] [= initial]    !step challenge -> answer, or => last answer */
static void read_auth(struct reader *r, char *words)
{
	struct step *s = add_step(r, STEP_AUTH);
	char *initial = strstr(words, " =");

	if (initial) {
		*initial = '\0';
		s->has_initial = true;
		transcript_text(initial + 2 + (initial[2] == ' '), &s->bytes, NULL);
	}
	s->is_single = strstr(words, " single") != NULL;
	words[strcspn(words, " ")] = '\0';
	copy(s->word, sizeof(s->word), words);
}

static void read_challenge(struct reader *r, char *words)
{
	struct step *s = add_step(r, STEP_CHALLENGE);
	char *arrow = strstr(words, "->");

	if (!arrow && (arrow = strstr(words, "=>"))) {
		s->is_single = true;
	}
	if (!arrow) {
		r->wrong = "!step needs -> or =>";
		return;
	}
	transcript_text(arrow + 2 + (arrow[2] == ' '), &s->answer, NULL);
	*arrow = '\0';
	if (arrow > words && arrow[-1] == ' ') {
		arrow[-1] = '\0';
	}
	transcript_text(words, &s->bytes, NULL);
}

/* !body: the message, or a part of it, as it must appear behind BDAT (or DATA: stuffed). */
static void read_body(struct reader *r, const char *words)
{
	struct step *s = add_step(r, STEP_BODY);
	unsigned long long from = 0, to = BYTES_MAX;
	bool is_stuffed = strcmp(words, "stuffed") == 0;

	if (!r->message || (words[0] && !is_stuffed &&
			    sscanf(words, "%llu-%llu", &from, &to) < 1)) {
		r->wrong = "!body needs a message, and stuffed or FROM-TO";
		return;
	}
	const struct buf *sent = r->message->adapted.size ? &r->message->adapted
							  : &r->message->body;
	struct span body = span_from(buf_span(sent), (size_t)from);
	body = span_first(body, (size_t)(to - from));
	for (size_t i = 0; i < body.size; i++) {
		bool is_start = i == 0 || body.data[i - 1] == '\n';
		transcript_must(!is_stuffed || !is_start || body.data[i] != '.' ||
		     buf_add_byte(&s->bytes, '.'));
		transcript_must(buf_add_byte(&s->bytes, body.data[i]));
	}
}

static void read_event(struct reader *r, char *word, char *words)
{
	static const struct { const char *word; enum step_kind kind; } plain[] = {
		{ "tls", STEP_TLS }, { "verify", STEP_VERIFY }, { "cancel", STEP_CANCEL },
		{ "quit", STEP_QUIT }, { "lost", STEP_LOST }, { "timeout", STEP_TIMEOUT },
		{ "early", STEP_EARLY },
	};

	if (strcmp(word, "auth") == 0) {
		read_auth(r, words);
	} else if (strcmp(word, "step") == 0) {
		read_challenge(r, words);
	} else if (strcmp(word, "body") == 0) {
		read_body(r, words);
	} else {
		r->wrong = "unknown word after !";
		for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
			if (strcmp(word, plain[i].word) == 0) {
				copy(add_step(r, plain[i].kind)->text, 256,
				     words[0]	      ? words
				     : word[0] == 't' ? "timed out"
						      : "connection closed");
				r->wrong = NULL;
			}
		}
	}
}

/* =to ADDRESS verdict [CAUSE] [code][: part of the text] */
static void read_outcome(struct reader *r, char *words)
{
	static const char *const verdicts[] = {"untried", "accepted", "temporary",
					       "permanent", "unknown"};
	struct step *s = add_step(r, STEP_OUTCOME);
	char verdict[16] = "";

	take_part(s, words);
	int n = sscanf(words, "%63s %15s %15s %d", s->word, verdict, s->cause, &s->code);
	for (unsigned i = 0; i < 5; i++) {
		if (strcmp(verdict, verdicts[i]) == 0) {
			s->verdict = (enum verdict)i;
			return;
		}
	}
	r->wrong = n < 2 ? "=to ADDRESS VERDICT" : "no such verdict";
}

static void read_result(struct reader *r, const char *word, char *words)
{
	if (strcmp(word, "idle") == 0) {
		add_step(r, STEP_IDLE);
	} else if (strcmp(word, "settled") == 0) {
		copy(add_step(r, STEP_SETTLED)->word, 64, words);
	} else if (strcmp(word, "done") == 0) {
		add_step(r, STEP_DONE);
	} else if (strcmp(word, "to") == 0) {
		read_outcome(r, words);
	} else if (strcmp(word, "fail") == 0) {
		struct step *s = add_step(r, STEP_FAIL);
		take_part(s, words);
		const char *avoid = strstr(words, "avoid=");
		s->avoid = avoid ? transcript_avoid(avoid) : 0;
		words[strcspn(words, " ")] = '\0';
		copy(s->word, sizeof(s->word), words);
	} else {
		r->wrong = "unknown word after =";
	}
}

static void read_line(struct reader *r, char *line)
{
	char *words = line + strcspn(line, " ");

	words += *words == ' ';
	if (line[0] == '\0' || line[0] == '#') {
		return;
	}
	if (strncmp(line, "S:", 2) == 0) {
		add_lines(same_step(r, STEP_SERVER), words);
	} else if (strncmp(line, "S-:", 3) == 0) {
		transcript_text(words, &same_step(r, STEP_SERVER)->bytes, NULL);
	} else if (strncmp(line, "C:", 2) == 0) {
		add_lines(same_step(r, STEP_CLIENT), words);
	} else if ((strncmp(line, "M:", 2) == 0 || strncmp(line, "A:", 2) == 0) &&
		   r->message) {
		struct buf *to = line[0] == 'M' ? &r->message->body : &r->message->adapted;
		transcript_text(words, to, NULL);
		transcript_must(buf_add_str(to, "\r\n"));
	} else if (strncmp(line, "%client ", 8) == 0) {
		transcript_words(r, words, false);
	} else if (strncmp(line, "%message ", 9) == 0) {
		start_message(r, words);
	} else if (line[0] == '!' || line[0] == '=') {
		line[strcspn(line, " ")] = '\0';
		if (line[0] == '!') {
			read_event(r, line + 1, words);
		} else {
			read_result(r, line + 1, words);
		}
	} else {
		r->wrong = "what is this line?";
	}
}

/* A message that says nothing about its text. */
static void give_default_body(struct message *m)
{
	if (m && m->body.size == 0) {
		transcript_must(buf_add_str(&m->body, "Subject: test\r\n\r\nhello\r\n"));
	}
	if (m) {
		m->txn.size = m->body.size;
	}
}

bool transcript_read(struct transcript *t, const char *path, char *error, size_t size)
{
	struct reader r = { .t = t };
	char line[4096];
	FILE *file = fopen(path, "re");

	*t = (struct transcript){ .name = "client.test" };
	t->options.eager_max = 1000000;
	t->options.ehlo_name = t->name;
	if (!file) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		return false;
	}
	while (!r.wrong && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		r.line++;
		if (strncmp(line, "M:", 2) != 0) {
			give_default_body(r.message);
		}
		if (strncmp(line, "%message", 8) == 0) {
			r.message = NULL;
		}
		read_line(&r, line);
	}
	give_default_body(r.message);
	fclose(file);
	for (size_t i = 0; i < t->count; i++) {
		t->server_bytes +=
			t->steps[i].kind == STEP_SERVER ? t->steps[i].bytes.size : 0;
	}
	snprintf(error, size, "%s:%u: %s", path, r.line, r.wrong ? r.wrong : "");
	return !r.wrong;
}

void transcript_free(struct transcript *t)
{
	for (size_t i = 0; i < t->count; i++) {
		buf_clear(&t->steps[i].bytes);
		buf_clear(&t->steps[i].answer);
		buf_clear(&t->steps[i].secret);
	}
	free(t->steps);
	for (struct message *m = t->messages, *next; m; m = next) {
		next = m->next;
		for (size_t i = 0; i < m->txn.rcpt_count; i++) {
			free((void *)(uintptr_t)m->txn.rcpts[i].addr);
		}
		for (size_t i = 0; i < m->string_count; i++) {
			free(m->strings[i]);
		}
		free(m->txn.rcpts);
		buf_clear(&m->body);
		buf_clear(&m->adapted);
		free(m);
	}
}
