/* SPDX-License-Identifier: ISC */
/* transcript: see transcript.h. */
#include "transcript.h"

#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <stdint.h>

#define BYTES_MAX ((size_t)16 << 20)

struct reader {
	struct transcript *t;
	struct message *message;	/* the one being described */
	unsigned line;
	const char *wrong;
};

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

static void must(bool fits)
{
	BUG_ON(!fits);
}

static int hex_value(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, text_lower(c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* One character, perhaps an escape, off the front of *s. */
static char take_char(const char **s)
{
	const char *p = *s;

	*s = p + (p[0] == '\\' && p[1] ? 2 : 1);
	if (p[0] != '\\' || !p[1]) {
		return p[0];
	}
	if (p[1] == 'x' && hex_value(p[2]) >= 0 && hex_value(p[3]) >= 0) {
		*s = p + 4;
		return (char)(hex_value(p[2]) * 16 + hex_value(p[3]));
	}
	return p[1] == 'r' ? '\r' : p[1] == 'n' ? '\n' : p[1] == '0' ? '\0' : p[1];
}

/* Escapes become bytes; with `secret`, {…} marks them. */
static void add_text(const char *text, struct buf *to, struct buf *secret)
{
	bool is_secret = false;

	while (*text) {
		if (secret && (*text == '{' || *text == '}')) {
			is_secret = *text++ == '{';
			continue;
		}
		must(buf_add_byte(to, take_char(&text)));
		must(!secret || buf_add_byte(secret, is_secret));
	}
}

static void add_line(struct step *s, const char *text)
{
	struct buf *secret = s->kind == STEP_CLIENT ? &s->secret : NULL;

	add_text(text, &s->bytes, secret);
	must(buf_add_str(&s->bytes, "\r\n"));
	must(!secret || buf_add(secret, "\0\0", 2));
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
		char *line = mem_printf("%.*s%u%s", (int)(range - text), text, i, range + end);
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

/* -- settings -------------------------------------------------------------------------- */

static unsigned avoid_bits(const char *words)
{
	return (strstr(words, "auth") ? SMTP_AVOID_AUTH_PIPELINING : 0u) |
	       (strstr(words, "chunking") ? SMTP_AVOID_CHUNKING : 0u) |
	       (strstr(words, "pipelining") ? SMTP_AVOID_PIPELINING : 0u);
}

static unsigned long long number(struct reader *r, const char *value)
{
	unsigned long long n = 0;

	if (!text_unsigned(span_str(value), 1ull << 40, &n)) {
		r->wrong = "a number was expected";
	}
	return n;
}

static void read_client(struct reader *r, const char *key, const char *value)
{
	struct smtp_options *o = &r->t->options;

	if (strcmp(key, "tls") == 0) {
		o->security = strcmp(value, "starttls") == 0   ? SMTP_STARTTLS
			      : strcmp(value, "implicit") == 0 ? SMTP_IMPLICIT_TLS
							       : SMTP_NO_TLS;
	} else if (strcmp(key, "auth") == 0) {
		o->use_auth = true;
	} else if (strcmp(key, "cleartext") == 0) {
		o->allow_cleartext_auth = true;
	} else if (strcmp(key, "lmtp") == 0) {
		o->is_lmtp = true;
	} else if (strcmp(key, "avoid") == 0) {
		o->avoid = avoid_bits(value);
	} else if (strcmp(key, "eager") == 0) {
		o->eager_max = number(r, value);
	} else if (strcmp(key, "name") == 0) {
		struct buf name;
		buf_init(&name, sizeof(r->t->name) - 1);
		add_text(value, &name, NULL);
		memcpy(r->t->name, name.data, name.size + 1);
		buf_clear(&name);
	} else {
		r->wrong = "unknown word after %client";
	}
}

static char *keep(struct message *m, const char *value)
{
	struct buf b;

	BUG_ON(m->string_count == sizeof(m->strings) / sizeof(m->strings[0]));
	buf_init(&b, BYTES_MAX);
	add_text(value, &b, NULL);
	return m->strings[m->string_count++] = buf_take(&b);
}

static void add_rcpt(struct message *m, char *addr)
{
	struct smtp_txn *t = &m->txn;

	t->rcpts = mem_resize(t->rcpts, t->rcpt_count + 1, sizeof(*t->rcpts));
	t->rcpts[t->rcpt_count++] = (struct smtp_rcpt){ .addr = addr };
}

/* Lines of 70 bytes with CRLF; every fifth begins with a dot. */
static void pad(struct buf *body, unsigned long long size)
{
	for (unsigned i = 0; body->size < size; i++) {
		size_t left = (size_t)size - body->size, n = left > 72 ? 70 : left - 2;
		for (size_t k = 0; k < n; k++) {
			must(buf_add_byte(body, k == 0 && i % 5 == 0 ? '.'
							: (char)('a' + (i + k) % 26)));
		}
		must(buf_add_str(body, "\r\n"));
	}
}

static unsigned notify_bits(const char *words)
{
	return (strstr(words, "never") ? SMTP_NOTIFY_NEVER : 0u) |
	       (strstr(words, "success") ? SMTP_NOTIFY_SUCCESS : 0u) |
	       (strstr(words, "failure") ? SMTP_NOTIFY_FAILURE : 0u) |
	       (strstr(words, "delay") ? SMTP_NOTIFY_DELAY : 0u);
}

static void read_message(struct reader *r, const char *key, const char *value)
{
	struct message *m = r->message;
	struct smtp_txn *t = &m->txn;

	if (strcmp(key, "from") == 0) {
		t->sender = keep(m, value);
	} else if (strcmp(key, "to") == 0) {
		struct buf addr;
		buf_init(&addr, BYTES_MAX);
		add_text(value, &addr, NULL);
		add_rcpt(m, buf_take(&addr));
	} else if (strcmp(key, "many") == 0) {
		for (unsigned long long i = 1, n = number(r, value); i <= n; i++) {
			add_rcpt(m, mem_printf("r%llu@many.test", i));
		}
	} else if (strcmp(key, "orcpt") == 0 && t->rcpt_count > 0) {
		t->rcpts[t->rcpt_count - 1].orcpt = keep(m, value);
	} else if (strcmp(key, "envid") == 0) {
		t->envid = keep(m, value);
	} else if (strcmp(key, "notify") == 0) {
		t->notify = notify_bits(value);
	} else if (strcmp(key, "ret") == 0) {
		t->ret = strcmp(value, "full") == 0 ? SMTP_RET_FULL : SMTP_RET_HDRS;
	} else if (strcmp(key, "size") == 0) {
		pad(&m->body, number(r, value));
	} else if (strcmp(key, "8bit") == 0) {
		t->is_8bit = true;
	} else if (strcmp(key, "utf8") == 0) {
		t->needs_smtputf8 = true;
	} else if (strcmp(key, "last") == 0) {
		t->is_last = true;
	} else {
		r->wrong = "unknown word after %message";
	}
}

/* "key=value key …" */
static void read_words(struct reader *r, char *words,
		       void (*read)(struct reader *r, const char *key, const char *value))
{
	while (*words && !r->wrong) {
		size_t n = strcspn(words, " ");
		char *next = words + n + (words[n] != '\0');
		words[n] = '\0';
		char *equals = strchr(words, '=');
		if (equals) {
			*equals = '\0';
		}
		if (n > 0) {
			read(r, words, equals ? equals + 1 : "");
		}
		words = next;
	}
}

static void start_message(struct reader *r, char *words)
{
	struct message *m = mem_alloc(1, sizeof(*m));

	buf_init(&m->body, BYTES_MAX);
	m->txn.sender = "joe@client.test";
	m->next = r->t->messages;
	r->t->messages = r->message = m;
	add_step(r, STEP_MESSAGE)->message = m;
	read_words(r, words, read_message);
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

/* !auth MECHANISM [single] [= initial]    !step challenge -> answer */
static void read_auth(struct reader *r, char *words)
{
	struct step *s = add_step(r, STEP_AUTH);
	char *initial = strstr(words, " =");

	if (initial) {
		*initial = '\0';
		s->has_initial = true;
		add_text(initial + 2 + (initial[2] == ' '), &s->bytes, NULL);
	}
	s->is_single = strstr(words, " single") != NULL;
	words[strcspn(words, " ")] = '\0';
	copy(s->word, sizeof(s->word), words);
}

static void read_challenge(struct reader *r, char *words)
{
	struct step *s = add_step(r, STEP_CHALLENGE);
	char *arrow = strstr(words, "->");

	if (!arrow) {
		r->wrong = "!step needs ->";
		return;
	}
	add_text(arrow + 2 + (arrow[2] == ' '), &s->answer, NULL);
	*arrow = '\0';
	if (arrow > words && arrow[-1] == ' ') {
		arrow[-1] = '\0';
	}
	add_text(words, &s->bytes, NULL);
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
	struct span body = span_from(buf_span(&r->message->body), (size_t)from);
	body = span_first(body, (size_t)(to - from));
	for (size_t i = 0; i < body.size; i++) {
		bool is_start = i == 0 || body.data[i - 1] == '\n';
		must(!is_stuffed || !is_start || body.data[i] != '.' ||
		     buf_add_byte(&s->bytes, '.'));
		must(buf_add_byte(&s->bytes, body.data[i]));
	}
}

static void read_event(struct reader *r, char *word, char *words)
{
	static const struct { const char *word; enum step_kind kind; } plain[] = {
		{ "tls", STEP_TLS }, { "verify", STEP_VERIFY }, { "cancel", STEP_CANCEL },
		{ "quit", STEP_QUIT }, { "lost", STEP_LOST }, { "timeout", STEP_LOST },
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
				     words[0] ? words
				     : word[0] == 't' ? "timed out" : "connection closed");
				r->wrong = NULL;
			}
		}
	}
}

/* =to ADDRESS verdict [CAUSE] [code][: part of the text] */
static void read_outcome(struct reader *r, char *words)
{
	static const char *const verdicts[] = { "untried", "accepted", "temporary", "permanent",
						"unknown" };
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
	} else if (strcmp(word, "done") == 0) {
		add_step(r, STEP_DONE);
	} else if (strcmp(word, "to") == 0) {
		read_outcome(r, words);
	} else if (strcmp(word, "fail") == 0) {
		struct step *s = add_step(r, STEP_FAIL);
		take_part(s, words);
		const char *avoid = strstr(words, "avoid=");
		s->avoid = avoid ? avoid_bits(avoid) : 0;
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
		add_text(words, &same_step(r, STEP_SERVER)->bytes, NULL);
	} else if (strncmp(line, "C:", 2) == 0) {
		add_lines(same_step(r, STEP_CLIENT), words);
	} else if (strncmp(line, "M:", 2) == 0 && r->message) {
		add_text(words, &r->message->body, NULL);
		must(buf_add_str(&r->message->body, "\r\n"));
	} else if (strncmp(line, "%client ", 8) == 0) {
		read_words(r, words, read_client);
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
		must(buf_add_str(&m->body, "Subject: test\r\n\r\nhello\r\n"));
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
		t->server_bytes += t->steps[i].kind == STEP_SERVER ? t->steps[i].bytes.size : 0;
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
		free(m);
	}
}
