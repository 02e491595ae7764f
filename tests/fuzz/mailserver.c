/* SPDX-License-Identifier: ISC */
/* mailserver: see mailserver.h. */
#include "mailserver.h"
#include "fuzz.h"

#include "base/text.h"

unsigned roll(struct dice *d, unsigned below)
{
	d->state ^= d->state << 13;
	d->state ^= d->state >> 7;
	d->state ^= d->state << 17;
	return (unsigned)(d->state >> 11) % below;
}

void mailserver_init(struct mailserver *s, struct dice *dice)
{
	*s = (struct mailserver){
		.dice = dice,
		.has_pipelining = roll(dice, 8) > 0,
		.has_chunking = roll(dice, 6) > 0,
		.keeps_open = roll(dice, 2),
		.loses_followers = roll(dice, 12) == 0,
		.dislikes_followers = roll(dice, 12) == 0,
		.hates_rset = roll(dice, 20) == 0,
		.rcpts_max = roll(dice, 4) > 0 ? 0 : 1 + roll(dice, 3),
		.refuses = roll(dice, 3) > 0 ? 0 : 2 + roll(dice, 30),
		.closes = roll(dice, 4) > 0 ? 0 : 10 + roll(dice, 60),
		.dies_after = roll(dice, 3) > 0 ? 0 : 1 + roll(dice, 2500),
	};
	buf_init(&s->in, 1 << 20);
	buf_init(&s->out, 1 << 20);
	buf_init(&s->body, 1 << 20);
	MUST(buf_add_str(&s->out, "220 mail.test\r\n"));
}

void mailserver_free(struct mailserver *s)
{
	buf_clear(&s->in);
	buf_clear(&s->out);
	buf_clear(&s->body);
}

/* False: it says 421 and hangs up instead. */
static bool answer(struct mailserver *s, const char *reply)
{
	if (s->closes > 0 && roll(s->dice, s->closes) == 0) {
		MUST(buf_add_str(&s->out, "421 4.3.2 closing\r\n"));
		s->is_leaving = true;
		return false;
	}
	MUST(buf_printf(&s->out, "%s\r\n", reply));
	return true;
}

/* What it says instead of 250, or NULL. */
static const char *whim(struct mailserver *s, const char *later, const char *never)
{
	if (s->refuses == 0 || roll(s->dice, s->refuses) > 0) {
		return NULL;
	}
	return roll(s->dice, 2) ? later : never;
}

bool mailserver_is_sound(const struct mailserver *s)
{
	return !s->loses_followers && !s->dislikes_followers && !s->hates_rset &&
	       s->closes == 0 && s->dies_after == 0;
}

static void note_refusal(struct mailserver *s, const char *no, unsigned rcpts)
{
	struct fate *fate = &s->fates[s->message];

	for (unsigned i = 0; i < MAIL_RCPTS; i++) {
		bool is_meant = (rcpts >> i) & 1;
		fate->refused[i] = fate->refused[i] || (is_meant && no[0] == '5');
		fate->deferred[i] = fate->deferred[i] || (is_meant && no[0] == '4');
	}
}

static void on_mail(struct mailserver *s, const char *line)
{
	unsigned message = 0;

	MUST(sscanf(line, "MAIL FROM:<s%u@x>", &message) == 1 && message < MAIL_MESSAGES);
	s->fates[message].was_seen = true;
	if (s->has_mail) {
		answer(s, "503 5.5.1 nested MAIL");
		return;
	}
	const char *no = whim(s, "451 4.3.0 not now", "550 5.7.1 not you");
	if (no) {
		s->message = message;
		if (answer(s, no)) {
			note_refusal(s, no, ~0u);
		}
		return;
	}
	if (answer(s, "250 2.1.0 ok")) {
		s->has_mail = true;
		s->message = message;
		s->rcpts = 0;
	}
}

static void on_rcpt(struct mailserver *s, const char *line)
{
	unsigned rcpt = 0, message = 0;
	const char *no;

	MUST(sscanf(line, "RCPT TO:<%u.%u@x>", &rcpt, &message) == 2 && rcpt < MAIL_RCPTS);
	if (!s->has_mail) {
		answer(s, "503 5.5.1 MAIL first");
		return;
	}
	MUST(message == s->message);	/* never into another message's transaction */
	if (s->rcpts_max > 0 && (unsigned)__builtin_popcount(s->rcpts) >= s->rcpts_max) {
		no = "452 4.5.3 too many recipients";
	} else {
		no = whim(s, "450 4.2.1 busy", "550 5.1.1 who?");
	}
	if (!no) {
		s->rcpts |= answer(s, "250 2.1.5 ok") << rcpt;
	} else if (answer(s, no)) {
		note_refusal(s, no, 1u << rcpt);
	}
}

/* The whole message is here. */
static void on_message(struct mailserver *s, bool is_bdat)
{
	struct fate *fate = &s->fates[s->message];
	unsigned number = 0;
	const char *no;

	s->is_in_data = false;
	if (!s->has_mail || s->rcpts == 0) {
		answer(s, s->has_mail ? "554 5.5.1 no valid recipients"
				      : "503 5.5.1 MAIL first");
		s->has_mail = s->has_mail && is_bdat && s->keeps_open;
		return;
	}
	MUST(sscanf(s->body.data, "Message %u\r\n", &number) == 1);
	MUST(number == s->message);
	no = whim(s, "451 4.3.1 full", "554 5.6.0 spam");
	if (no) {
		if (answer(s, no)) {
			/* Also for those that are to come later. */
			note_refusal(s, no, ~0u);
		}
		s->has_mail = is_bdat && s->keeps_open;
	} else if (answer(s, "250 2.0.0 queued")) {
		for (unsigned i = 0; i < MAIL_RCPTS; i++) {
			fate->taken[i] += (s->rcpts >> i) & 1;
		}
		s->has_mail = false;
	}
}

static void on_ehlo(struct mailserver *s)
{
	MUST(buf_printf(&s->out, "250-mail.test\r\n%s%s250 ENHANCEDSTATUSCODES\r\n",
			s->has_pipelining ? "250-PIPELINING\r\n" : "",
			s->has_chunking ? "250-CHUNKING\r\n" : ""));
	s->has_greeted = true;
}

static void on_command(struct mailserver *s, const char *line)
{
	if (strncmp(line, "EHLO ", 5) == 0) {
		on_ehlo(s);
	} else if (strncmp(line, "MAIL", 4) == 0) {
		on_mail(s, line);
	} else if (strncmp(line, "RCPT", 4) == 0) {
		on_rcpt(s, line);
	} else if (strcmp(line, "RSET") == 0) {
		/* If it really kept the transaction nobody could help it. */
		answer(s, s->hates_rset ? "502 5.5.1 what?" : "250 2.0.0 ok");
		s->has_mail = false;
	} else if (strcmp(line, "DATA") == 0) {
		MUST(!s->has_chunking);
		if (!s->has_mail || s->rcpts == 0) {
			answer(s, s->has_mail ? "554 5.5.1 no valid recipients"
					      : "503 5.5.1 MAIL first");
		} else {
			s->is_in_data = answer(s, "354 go");
		}
		buf_reset(&s->body);
	} else if (strcmp(line, "QUIT") == 0) {
		answer(s, "221 2.0.0 bye");
		s->is_leaving = true;
	} else {
		MUST(sscanf(line, "BDAT %llu LAST", &s->left) == 1 && s->has_chunking);
		buf_reset(&s->body);
		s->is_in_data = true;
	}
}

/* What is in hand behind the end of a message, with a server that does not expect it. */
static void on_followers(struct mailserver *s, size_t *at)
{
	if (s->loses_followers) {
		*at = s->in.size;
	}
	/* The rest of that flight, but not what is inside of a BDAT. */
	while (s->dislikes_followers && *at < s->in.size && !s->is_leaving) {
		const char *line = s->in.data + *at;
		const char *end = memchr(line, '\n', s->in.size - *at);
		unsigned long long size = 0;
		if (!end) {
			return;
		}
		*at += (size_t)(end - line) + 1;
		if (sscanf(line, "BDAT %llu LAST", &size) == 1) {
			*at += size < s->in.size - *at ? (size_t)size : s->in.size - *at;
		}
		if (strncmp(line, "MAIL FROM:<s", 12) == 0) {
			unsigned long message = strtoul(line + 12, NULL, 10);
			s->fates[message % MAIL_MESSAGES].was_seen = true;
		}
		answer(s, strncmp(line, "QUIT", 4) == 0 ? "221 bye" : "503 5.5.1 slower");
	}
}

static bool take_bdat(struct mailserver *s, size_t *at)
{
	size_t n = s->in.size - *at;

	n = s->left < n ? (size_t)s->left : n;
	MUST(buf_add(&s->body, s->in.data + *at, n));
	*at += n;
	s->left -= n;
	if (s->left > 0) {
		return false;
	}
	on_message(s, true);
	on_followers(s, at);
	return true;
}

void mailserver_hear(struct mailserver *s, struct span bytes)
{
	size_t at = 0;

	if (s->dies_after > 0 && s->taken_in + bytes.size >= s->dies_after) {
		bytes = span_first(bytes, s->dies_after - s->taken_in);
		s->is_dead = true;
	}
	s->taken_in += bytes.size;
	MUST(buf_add_span(&s->in, bytes));
	while (at < s->in.size && !s->is_leaving) {
		if (s->is_in_data && s->has_chunking) {
			if (!take_bdat(s, &at)) {
				break;
			}
			continue;
		}
		char *line = s->in.data + at;
		char *end = memmem(line, s->in.size - at, "\r\n", 2);
		if (!end) {
			break;
		}
		at += (size_t)(end - line) + 2;
		if (!s->is_in_data) {
			*end = '\0';
			on_command(s, line);
		} else if (end == line + 1 && line[0] == '.') {
			on_message(s, false);
			on_followers(s, &at);
		} else {
			MUST(buf_add(&s->body, line, (size_t)(end - line) + 2));
		}
	}
	buf_drop(&s->in, at);
}
