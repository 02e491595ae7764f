/* SPDX-License-Identifier: ISC */
/*
 * sasl: one login.  Speaks the simple mechanisms, hands the others to libgsasl.  It must
 * never call a login good that the server's part did not complete.  PLAIN: RFC 4616;
 * OAUTHBEARER: RFC 7628; SCRAM: RFC 5802, RFC 7677.
 */
#include "sys/sasl.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/sasl_choose.h"
#include "sys/sasl_lib.h"

#include <stdlib.h>

/* Rounds of PBKDF2 a server may ask for: some seconds of work at most. */
#define SCRAM_ROUNDS_MAX 2000000
/* Tokens are the longest secrets, with a name and a host around them. */
#define RESPONSE_MAX 32768

struct sasl {
	const struct sasl_mechanism *mechanism;
	struct buf response[2];		/* OWN */
	unsigned count, next;
	bool is_client_first;
	struct sasl_lib *lib;		/* not OWN */
	bool is_done;
	bool is_refused;
	const char *answer_to_refusal;	/* NULL: a challenge is no refusal */
	char server_error[512];
};

/* One more response, made of parts. */
static bool respond(struct sasl *s, const struct span *parts, size_t count, struct err *e)
{
	struct buf *to = &s->response[s->count++];

	for (size_t i = 0; i < count; i++) {
		if (!buf_add_span(to, parts[i])) {
			return err_set(e, CAUSE_CONFIG, "user and password together are too long");
		}
	}
	return true;
}
#define RESPOND(s, parts, e) respond(s, parts, sizeof(parts) / sizeof((parts)[0]), e)

static bool prepare_plain(struct sasl *s, const struct sasl_options *o, struct err *e)
{
	const struct span parts[] = {
		span_of("", 1), span_str(o->user), span_of("", 1), o->secret,
	};

	s->is_client_first = true;
	return RESPOND(s, parts, e);
}

/* Two questions; how a server words them does not matter. */
static bool prepare_login(struct sasl *s, const struct sasl_options *o, struct err *e)
{
	const struct span user[] = { span_str(o->user) }, secret[] = { o->secret };

	return RESPOND(s, user, e) && RESPOND(s, secret, e);
}

/* The identity is the client certificate's, or the socket's; `user` asks for another. */
static bool prepare_external(struct sasl *s, const struct sasl_options *o, struct err *e)
{
	const struct span parts[] = { span_str(o->user) };

	s->is_client_first = true;
	return RESPOND(s, parts, e);
}

/* Bytes that would end a field of the OAuth forms. */
static bool check_token(const struct sasl_options *o, struct err *e)
{
	for (size_t i = 0; i < o->secret.size; i++) {
		if (o->secret.data[i] <= ' ' || o->secret.data[i] > '~') {
			return err_set(e, CAUSE_CONFIG, "the OAuth2 token has a blank or a byte "
				       "that no token may have");
		}
	}
	for (const char *u = o->user; *u; u++) {
		if ((unsigned char)*u < ' ') {
			return err_set(e, CAUSE_CONFIG, "the user has a control character");
		}
	}
	return true;
}

static bool prepare_xoauth2(struct sasl *s, const struct sasl_options *o, struct err *e)
{
	const struct span parts[] = {
		span_str("user="), span_str(o->user), span_str("\1auth=Bearer "), o->secret,
		span_str("\1\1"),
	};

	s->is_client_first = true;
	s->answer_to_refusal = "";
	return check_token(o, e) && RESPOND(s, parts, e);
}

static bool prepare_oauthbearer(struct sasl *s, const struct sasl_options *o, struct err *e)
{
	struct buf name BUF_AUTO, where BUF_AUTO;
	bool fits = true;

	buf_init(&name, RESPONSE_MAX);
	buf_init(&where, RESPONSE_MAX);
	/* A GS2 name: "," and "=" are written otherwise (RFC 5801 §4). */
	for (const char *u = o->user; *u && fits; u++) {
		fits = *u == ',' ? buf_add_str(&name, "=2C")
		     : *u == '=' ? buf_add_str(&name, "=3D")
				 : buf_add_byte(&name, *u);
	}
	fits = fits && buf_printf(&where, ",\1host=%s\1port=%u\1auth=Bearer ",
				  o->host ? o->host : "", o->port);
	const struct span parts[] = {
		span_str("n,a="), buf_span(&name), buf_span(&where), o->secret,
		span_str("\1\1"),
	};
	s->is_client_first = true;
	s->answer_to_refusal = "\1";
	return check_token(o, e) &&
	       (fits || err_set(e, CAUSE_CONFIG, "the user is too long")) &&
	       RESPOND(s, parts, e);
}

/* The mechanisms that are OWN: each fills the responses in the order they are asked for. */
static const struct {
	const char *name;
	bool (*prepare)(struct sasl *s, const struct sasl_options *o, struct err *e);
} own[] = {
	{ "PLAIN", prepare_plain },	  { "LOGIN", prepare_login },
	{ "EXTERNAL", prepare_external }, { "XOAUTH2", prepare_xoauth2 },
	{ "OAUTHBEARER", prepare_oauthbearer },
};

static bool prepare_own(struct sasl *s, const struct sasl_options *o, struct err *e)
{
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (strcmp(own[i].name, s->mechanism->name) == 0) {
			return own[i].prepare(s, o, e);
		}
	}
	return err_set(e, CAUSE_BUG, "%s is not made here", s->mechanism->name);
}

/*
 * SASLprep.  Printable ASCII is its own prepared form; for the rest the library is asked,
 * which also refuses what is left.
 */
static bool prepare_text(struct sasl *s, struct span text, const char *what, struct buf *to,
			 struct err *e)
{
	bool is_plain = true;

	for (size_t i = 0; i < text.size; i++) {
		is_plain = is_plain && text.data[i] >= ' ' && text.data[i] <= '~';
	}
	if (is_plain || s->mechanism->traits & RAW) {
		return buf_add_span(to, text) ||
		       err_set(e, CAUSE_CONFIG, "the %s is too long", what);
	}
	if (!text_is_utf8(text)) {
		return err_set(e, CAUSE_CONFIG, "the %s is not UTF-8", what);
	}
	if (!s->lib) {
		s->lib = sasl_lib_open(e);
	}
	return s->lib && sasl_lib_prepare(s->lib, text, what, s->mechanism->traits & OWN, to, e);
}

static bool check_given(const struct sasl_mechanism *m, const struct sasl_options *o, struct err *e)
{
	if (!(m->traits & NO_USER) && (!o->user || !*o->user)) {
		return err_set(e, CAUSE_CONFIG, "login by %s needs a user", m->name);
	}
	if (!(m->traits & NO_SECRET) && o->secret.size == 0) {
		return err_set(e, CAUSE_CONFIG, "login by %s needs a password", m->name);
	}
	if (o->secret.size > 0 && memchr(o->secret.data, '\0', o->secret.size)) {
		return err_set(e, CAUSE_CONFIG, "the password has a NUL byte");
	}
	return true;
}

static bool start(struct sasl *s, const struct sasl_options *o, struct err *e)
{
	const struct sasl_mechanism *m = s->mechanism;
	struct buf user BUF_AUTO, secret BUF_AUTO;

	buf_init(&user, RESPONSE_MAX);
	buf_init_secret(&secret, RESPONSE_MAX);
	if (!prepare_text(s, span_str(o->user), "user", &user, e) ||
	    !prepare_text(s, o->secret, "password", &secret, e)) {
		return false;
	}
	if (m->traits & OWN) {
		struct sasl_options prepared = *o;
		prepared.user = user.data;
		prepared.secret = buf_span(&secret);
		return prepare_own(s, &prepared, e);
	}
	if (!s->lib) {
		s->lib = sasl_lib_open(e);
	}
	const struct sasl_lib_login login = {
		.user = user.size ? user.data : NULL,
		.password = secret.size ? secret.data : NULL,
		.host = o->host,
		.realm = o->ntlm_domain,
		/* Without -PLUS SCRAM says "n" then: for "y", which tells the server that its
		 * -PLUS forms were not seen (RFC 5802 §6), libgsasl 2.2.0 is too broken. */
		.binding_type = m->traits & BINDS ? o->binding_type : NULL,
		.binding = o->binding,
	};
	/* SCRAM, GSSAPI and NTLM speak first, the MD5 mechanisms are asked. */
	s->is_client_first = !strstr(m->name, "MD5");
	return s->lib && sasl_lib_start(s->lib, m->name, &login, e);
}

struct sasl *sasl_new(const char *mechanism, const struct sasl_options *o, struct err *e)
{
	const struct sasl_mechanism *m = sasl_find(span_str(mechanism));

	if (!m) {
		err_set(e, CAUSE_CONFIG, "login mechanism %s is not known", mechanism);
		return NULL;
	}
	if (!check_given(m, o, e)) {
		return NULL;
	}
	struct sasl *s = mem_alloc(1, sizeof(*s));
	s->mechanism = m;
	buf_init_secret(&s->response[0], RESPONSE_MAX);
	buf_init_secret(&s->response[1], RESPONSE_MAX);
	if (!start(s, o, e)) {
		sasl_free(s);
		return NULL;
	}
	return s;
}

void sasl_free(struct sasl *s)
{
	if (s) {
		buf_clear(&s->response[0]);
		buf_clear(&s->response[1]);
		sasl_lib_close(s->lib);
		free(s);
	}
}

bool sasl_is_single(const struct sasl *s)
{
	return s->mechanism->traits & SINGLE;
}

static bool next_response(struct sasl *s, struct buf *out, struct err *e)
{
	if (s->next == s->count) {
		return err_set(e, CAUSE_AUTH, "the server asks for more than %s has to say",
			       s->mechanism->name);
	}
	struct buf *from = &s->response[s->next++];
	bool fits = buf_add_span(out, buf_span(from));
	buf_clear(from);
	s->is_done = s->next == s->count;
	return fits || err_set(e, CAUSE_AUTH, "%s: the response is too long", s->mechanism->name);
}

bool sasl_initial(struct sasl *s, struct buf *out, bool *ret_has, struct err *e)
{
	*ret_has = s->is_client_first;
	if (!s->is_client_first) {
		return true;
	}
	return s->mechanism->traits & OWN ?
		       next_response(s, out, e) :
		       sasl_lib_step(s->lib, span_of("", 0), out, &s->is_done, e);
}

static void keep_server_error(struct sasl *s, struct span text)
{
	text = span_first(text, sizeof(s->server_error) - 1);
	if (text.size > 0) {
		memcpy(s->server_error, text.data, text.size);
	}
	s->server_error[text.size] = '\0';
	text_sanitise(s->server_error, text.size);
	s->is_refused = true;
}

/* server-first-message: are the rounds it wants within reason?  (What else is wrong with
 * it the library says.) */
static bool check_scram_rounds(struct span challenge, struct err *e)
{
	while (challenge.size > 0) {
		const char *comma = memchr(challenge.data, ',', challenge.size);
		size_t size = comma ? (size_t)(comma - challenge.data) : challenge.size;
		struct span part = span_first(challenge, size);
		unsigned long long rounds;
		if (text_starts_fold(part, "i=") &&
		    !text_unsigned(span_from(part, 2), SCRAM_ROUNDS_MAX, &rounds)) {
			return err_set(e, CAUSE_AUTH, "SCRAM: the server wants more than %d rounds "
				       "of hashing", SCRAM_ROUNDS_MAX);
		}
		challenge = span_from(challenge, size + 1);
	}
	return true;
}

static bool is_scram(const struct sasl *s)
{
	return strncmp(s->mechanism->name, "SCRAM", 5) == 0;
}

bool sasl_step(struct sasl *s, struct span challenge, struct buf *out, struct err *e)
{
	if (s->mechanism->traits & OWN) {
		if (s->answer_to_refusal && s->next == s->count && !s->is_refused) {
			keep_server_error(s, challenge);
			return buf_add_str(out, s->answer_to_refusal) ||
			       err_set(e, CAUSE_BUG, "no room for a response");
		}
		return next_response(s, out, e);
	}
	if (is_scram(s)) {
		if (text_starts_fold(challenge, "e=") && !s->is_refused) {
			keep_server_error(s, span_from(challenge, 2));
			return true;
		}
		if (text_starts_fold(challenge, "r=") && !check_scram_rounds(challenge, e)) {
			return false;
		}
	}
	return sasl_lib_step(s->lib, challenge, out, &s->is_done, e);
}

bool sasl_is_proved(const struct sasl *s)
{
	return is_scram(s) && s->is_done && !s->is_refused;
}

bool sasl_finish(struct sasl *s, struct err *e)
{
	if (s->is_done && !s->is_refused) {
		return true;
	}
	if (is_scram(s)) {
		return err_set(e, CAUSE_AUTH, "%s: the server could not prove that it knows the "
			       "password: this may be an impostor", s->mechanism->name);
	}
	return err_set(e, CAUSE_AUTH, "%s: the server ended the login before it was complete",
		       s->mechanism->name);
}

const char *sasl_server_error(const struct sasl *s)
{
	return s->server_error;
}
