/* SPDX-License-Identifier: ISC */
/* transcript_words: what stands behind %client and %message, and escapes. */
#include "transcript.h"

#include "base/mem.h"
#include "base/text.h"

void transcript_must(bool fits)
{
	BUG_ON(!fits);
}

static int hex_value(char c)
{
	const char *digits = "0123456789abcdef",
		   *at = c ? strchr(digits, text_lower(c)) : NULL;

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
void transcript_text(const char *text, struct buf *to, struct buf *secret)
{
	bool is_secret = false;

	while (*text) {
		if (secret && (*text == '{' || *text == '}')) {
			is_secret = *text++ == '{';
			continue;
		}
		transcript_must(buf_add_byte(to, take_char(&text)));
		transcript_must(!secret || buf_add_byte(secret, is_secret));
	}
}

unsigned transcript_avoid(const char *words)
{
	return (strstr(words, "auth") ? SMTP_AVOID_AUTH_PIPELINING : 0u) |
	       (strstr(words, "chunking") ? SMTP_AVOID_CHUNKING : 0u) |
	       (strstr(words, "pipelining") ? SMTP_AVOID_PIPELINING : 0u) |
	       (strstr(words, "overlap") ? SMTP_AVOID_OVERLAP : 0u);
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
	} else if (strcmp(key, "whole") == 0) {
		r->t->is_whole = true;
	} else if (strcmp(key, "lmtp") == 0) {
		o->is_lmtp = true;
	} else if (strcmp(key, "avoid") == 0) {
		o->avoid = transcript_avoid(value);
	} else if (strcmp(key, "eager") == 0) {
		o->eager_max = number(r, value);
	} else if (strcmp(key, "in-flight") == 0) {
		o->in_flight_max = (unsigned)number(r, value);
	} else if (strcmp(key, "name") == 0) {
		struct buf name;
		buf_init(&name, sizeof(r->t->name) - 1);
		transcript_text(value, &name, NULL);
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
	transcript_text(value, &b, NULL);
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
			transcript_must(buf_add_byte(body, k == 0 && i % 5 == 0 ? '.'
							: (char)('a' + (i + k) % 26)));
		}
		transcript_must(buf_add_str(body, "\r\n"));
	}
}

static unsigned notify_bits(const char *words)
{
	return (strstr(words, "never") ? SMTP_NOTIFY_NEVER : 0u) |
	       (strstr(words, "success") ? SMTP_NOTIFY_SUCCESS : 0u) |
	       (strstr(words, "failure") ? SMTP_NOTIFY_FAILURE : 0u) |
	       (strstr(words, "delay") ? SMTP_NOTIFY_DELAY : 0u);
}

/* What happens at ADAPT.  False: it is not about that. */
static bool read_adapt(struct message *m, const char *key, const char *value)
{
	size_t last = m->txn.rcpt_count - 1;

	if (strcmp(key, "adapt") == 0) {
		m->adapt = (strstr(value, "7bit") ? SMTP_ADAPT_7BIT : 0u) |
			   (strstr(value, "ascii") ? SMTP_ADAPT_ASCII : 0u);
	} else if (strcmp(key, "stays-8bit") == 0) {
		m->stays_8bit = true;
	} else if (strcmp(key, "stays-utf8") == 0) {
		m->stays_utf8 = true;
	} else if (strcmp(key, "now-from") == 0) {
		m->now_from = keep(m, value);
	} else if (last < sizeof(m->now) / sizeof(m->now[0]) && strcmp(key, "now") == 0) {
		m->now[last].addr = keep(m, value);
	} else if (last < sizeof(m->now) / sizeof(m->now[0]) &&
		   strcmp(key, "now-refused") == 0) {
		m->now[last].is_refused = true;
	} else {
		return false;
	}
	return true;
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
		transcript_text(value, &addr, NULL);
		add_rcpt(m, buf_take(&addr));
	} else if (strcmp(key, "many") == 0) {
		for (unsigned long long i = 1, n = number(r, value); i <= n; i++) {
			add_rcpt(m, mem_printf("r%llu@many.test", i));
		}
	} else if (strcmp(key, "orcpt") == 0 && t->rcpt_count > 0) {
		t->rcpts[t->rcpt_count - 1].orcpt = keep(m, value);
	} else if (strcmp(key, "rcpt-notify") == 0 && t->rcpt_count > 0) {
		t->rcpts[t->rcpt_count - 1].notify = notify_bits(value);
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
		m->is_last = true;
	} else if (strcmp(key, "next") == 0) {
		m->is_next = true;
	} else if (!read_adapt(m, key, value)) {
		r->wrong = "unknown word after %message";
	}
}

void transcript_words(struct reader *r, char *words, bool is_message)
{
	void (*read)(struct reader *r, const char *key, const char *value) =
		is_message ? read_message : read_client;

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
