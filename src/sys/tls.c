/* SPDX-License-Identifier: ISC */
/*
 * tls: the GnuTLS session and its traffic.  See tls.h.  Must never let a byte of SMTP
 * through before tls_verify.c has said yes, nor take a closed connection for the end of a
 * conversation.  RFC 8446, RFC 5246; channel binding: RFC 9266, RFC 5929.
 */
#include "sys/tls.h"
#include "base/mem.h"
#include "sys/tls_lib.h"
#include "sys/tls_setup.h"
#include "sys/tls_text.h"
#include "sys/tls_verify.h"

#include <errno.h>
#include <stdlib.h>

/* What one TLS record holds at most. */
#define RECORD_BYTES ((size_t)16 * 1024)
/* Warnings, tickets, key updates: what may come in a row without a byte for us. */
#define MAX_IDLE_RECORDS 64

struct tls {
	struct tls_options o;
	struct tls_verify verify;
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	struct flight *flight;	/* the caller's */
	struct buf plain;	/* written, not in a record yet */
	unsigned char first[5];	/* first bytes of the server, to see who speaks there */
	size_t first_size;
	bool is_up;
	bool is_mute;		/* nothing more is sent; what comes can still be read */
	bool is_dry;		/* the last pull had nothing to give */
};

static ssize_t push(gnutls_transport_ptr_t pointer, const void *data, size_t size)
{
	struct tls *t = pointer;

	if (!flight_add(t->flight, data, size)) {
		gnutls.transport_set_errno(t->session, EIO);
		return -1;
	}
	return (ssize_t)size;
}

/*
 * In TLS 1.3 GnuTLS makes a ChangeCipherSpec (RFC 8446, appendix D.4) as soon as it has the
 * ServerHello, long before Finished.  No server waits for that record alone, so it travels
 * with Finished, also when the server's flight comes in several pieces.
 */
static bool is_change_cipher_spec(struct span out)
{
	static const char record[] = { 20, 3, 3, 0, 1, 1 };

	return span_equal(out, span_of(record, sizeof(record)));
}

static ssize_t pull(gnutls_transport_ptr_t pointer, void *data, size_t size)
{
	struct tls *t = pointer;

	/* The handshake waits in here; later tls_read does. */
	t->flight->is_held = !t->is_up && is_change_cipher_spec(buf_span(&t->flight->out));
	ssize_t n = t->is_up ? flight_take(t->flight, data, size)
			     : flight_receive(t->flight, data, size);
	t->is_dry = n == FLIGHT_NOTHING;
	if (n < 0) {
		gnutls.transport_set_errno(t->session, t->is_dry ? EAGAIN : EIO);
		n = -1;
	}
	for (ssize_t i = 0; i < n && t->first_size < sizeof(t->first); i++) {
		t->first[t->first_size++] = ((const unsigned char *)data)[i];
	}
	return n;
}

static bool cannot_start(struct err *e, int code)
{
	return err_set(e, CAUSE_TLS, "cannot start TLS: %s", gnutls.strerror(code));
}

static bool prepare(struct tls *t, struct err *e)
{
	/* Tickets would be for a next session, which this process never has. */
	unsigned flags = GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS |
			 GNUTLS_NO_SIGNAL;

	if (t->o.cert_file) {
		flags |= GNUTLS_FORCE_CLIENT_CERT;	/* there is only this one to choose */
	}
	int n = gnutls.certificate_allocate_credentials(&t->credentials);
	n = n < 0 ? n : gnutls.init(&t->session, flags);
	if (n < 0) {
		return cannot_start(e, n);
	}
	if (!tls_setup_priorities(t->session, &t->o, e)) {
		return false;
	}
	gnutls.session_set_ptr(t->session, &t->verify);
	gnutls.transport_set_ptr(t->session, t);
	gnutls.transport_set_push_function(t->session, push);
	gnutls.transport_set_pull_function(t->session, pull);
	n = gnutls.credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, t->credentials);
	if (n >= 0 && t->verify.ip_size == 0) {
		n = gnutls.server_name_set(t->session, GNUTLS_NAME_DNS, t->verify.host,
					   strlen(t->verify.host));
	}
	if (n < 0) {
		return cannot_start(e, n);
	}
	return tls_verify_init(&t->verify, &t->o, t->credentials, e) &&
	       tls_setup_files(t->credentials, &t->o, e);
}

struct tls *tls_new(struct flight *flight, const struct tls_options *options, struct err *e)
{
	if (!tls_lib_load(e)) {
		return NULL;
	}
	struct tls *t = mem_alloc(1, sizeof(*t));
	t->o = *options;
	t->flight = flight;
	buf_init_secret(&t->plain, RECORD_BYTES);
	tls_verify_set_names(&t->verify, options);
	if (!prepare(t, e)) {
		tls_free(t);
		return NULL;
	}
	return t;
}

void tls_free(struct tls *t)
{
	if (t) {
		if (t->session) {
			gnutls.deinit(t->session);
		}
		if (t->credentials) {
			gnutls.certificate_free_credentials(t->credentials);
		}
		buf_clear(&t->plain);
		free(t->verify.host);
		free(t->verify.srv_domain);
		free(t);
	}
}

/* The server did not answer in TLS at all: what it said, for the error text. */
static bool refuse_plain_text(struct tls *t, struct err *e)
{
	char text[80];

	memcpy(text, t->first, t->first_size);
	ssize_t n = flight_take(t->flight, text + t->first_size, sizeof(text) - t->first_size);
	size_t size = t->first_size + (size_t)(n > 0 ? n : 0);
	const char *end = memchr(text, '\n', size);
	struct span line = span_trim(span_of(text, end ? (size_t)(end - text) : size));
	if (t->o.is_starttls) {
		return err_set(e, CAUSE_TLS, "the server took STARTTLS and then answered in "
			       "plain text (\"%.*s\")", SPAN_ARG(line));
	}
	return err_set(e, CAUSE_TLS, "this port speaks plain SMTP first (\"%.*s\"): "
		       "set tls_starttls on, or use the server's TLS port (465)",
		       SPAN_ARG(line));
}

static bool is_plain_text(const struct tls *t)
{
	return t->first_size > 0 && t->first[0] >= ' ' && t->first[0] <= '~';
}

bool tls_handshake(struct tls *t, int64_t deadline, struct err *e)
{
	int n = GNUTLS_E_AGAIN;

	t->flight->deadline = deadline;
	for (int i = 0; i < MAX_IDLE_RECORDS && n < 0 && !gnutls.error_is_fatal(n); i++) {
		n = gnutls.handshake(t->session);
	}
	if (n >= 0) {
		t->is_up = true;
		return true;
	}
	if (t->verify.error.cause != CAUSE_NONE) {
		gnutls.alert_send_appropriate(t->session, n);
		flight_send_last(t->flight);
		*e = t->verify.error;
		return false;
	}
	if (t->flight->error.cause != CAUSE_NONE) {
		*e = t->flight->error;
		return err_ctx(e, "TLS handshake");
	}
	if (is_plain_text(t)) {
		return refuse_plain_text(t, e);
	}
	return tls_text_handshake(t->session, n, e);
}

/* Why nothing can be sent, or no answer came. */
static bool fail_flight(struct tls *t, struct err *e)
{
	t->is_mute = true;
	*e = t->flight->error;
	return false;
}

/* A session that failed stays failed. */
static bool fail(struct tls *t, int code, struct err *e)
{
	t->is_up = false;
	if (t->flight->error.cause != CAUSE_NONE) {
		return fail_flight(t, e);
	}
	return tls_text_traffic(t->session, code, e);
}

static bool send_record(struct tls *t, struct span data, struct err *e)
{
	while (data.size > 0) {
		ssize_t n = gnutls.record_send(t->session, data.data, data.size);
		if (n == GNUTLS_E_PUSH_ERROR) {
			return fail_flight(t, e);
		}
		if (n <= 0) {
			return fail(t, (int)n, e);
		}
		data = span_from(data, (size_t)n);
	}
	return true;
}

static bool send_plain(struct tls *t, struct err *e)
{
	bool ok = send_record(t, buf_span(&t->plain), e);

	buf_reset(&t->plain);
	return ok;
}

static bool begin(struct tls *t, int64_t deadline, struct err *e)
{
	t->flight->deadline = deadline;
	return (t->is_up && !t->is_mute) ||
	       err_set(e, CAUSE_LOST, "the TLS session is over");
}

bool tls_write(struct tls *t, const void *data, size_t size, int64_t deadline, struct err *e)
{
	struct span left = span_of(data, size);

	if (!begin(t, deadline, e)) {
		return false;
	}
	while (left.size > 0) {
		struct span part = span_first(left, RECORD_BYTES - t->plain.size);
		left = span_from(left, part.size);
		if (part.size == RECORD_BYTES) {
			if (!send_record(t, part, e)) {
				return false;
			}
			continue;
		}
		BUG_ON(!buf_add_span(&t->plain, part));
		if (t->plain.size == RECORD_BYTES && !send_plain(t, e)) {
			return false;
		}
	}
	return true;
}

bool tls_flush(struct tls *t, int64_t deadline, struct err *e)
{
	return begin(t, deadline, e) && send_plain(t, e) &&
	       (flight_send(t->flight) || fail_flight(t, e));
}

ssize_t tls_take(struct tls *t, void *data, size_t size, struct err *e)
{
	ssize_t n = GNUTLS_E_AGAIN;

	if (!t->is_up) {
		err_set(e, CAUSE_LOST, "the TLS session is over");
		return -1;
	}
	t->is_dry = false;
	for (int i = 0; i < MAX_IDLE_RECORDS && n < 0 && !t->is_dry; i++) {
		n = gnutls.record_recv(t->session, data, size);
		if (n < 0 && (gnutls.error_is_fatal((int)n) || n == GNUTLS_E_REHANDSHAKE)) {
			break;
		}
	}
	if (n == GNUTLS_E_AGAIN && t->is_dry) {
		return FLIGHT_NOTHING;
	}
	if (n < 0) {
		fail(t, (int)n, e);
		return -1;
	}
	return n;
}

ssize_t tls_read(struct tls *t, void *data, size_t size, int64_t deadline, struct err *e)
{
	if (!begin(t, deadline, e) || !send_plain(t, e)) {
		return -1;
	}
	for (;;) {
		ssize_t n = tls_take(t, data, size, e);
		if (n != FLIGHT_NOTHING) {
			return n;
		}
		if (!flight_await(t->flight)) {
			fail_flight(t, e);
			return -1;
		}
	}
}

void tls_bye(struct tls *t)
{
	struct err ignored = { 0 };

	t->flight->deadline = 0;
	if (t->is_up && !t->is_mute && send_plain(t, &ignored)) {
		gnutls.bye(t->session, GNUTLS_SHUT_WR);
		t->is_up = false;
	}
	flight_send_last(t->flight);
}

const char *tls_version(const struct tls *t)
{
	switch ((int)(t->is_up ? gnutls.protocol_get_version(t->session) : 0)) {
	case GNUTLS_TLS1_3:
		return "TLSv1.3";
	case GNUTLS_TLS1_2:
		return "TLSv1.2";
	case 0:
		return "";
	default:	/* only with the account's own tls_priorities */
		return gnutls.protocol_get_name(gnutls.protocol_get_version(t->session));
	}
}

const char *tls_cipher(const struct tls *t)
{
	const char *name = NULL;

	if (t->is_up) {
#if GNUTLS_VERSION_NUMBER >= 0x030704
		name = gnutls.ciphersuite_get(t->session);
#else
		name = gnutls.cipher_get_name(gnutls.cipher_get(t->session));
#endif
	}
	return name ? name : "";
}

bool tls_channel_binding(struct tls *t, struct buf *data, const char **ret_type)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	char key[32];

	if (!t->is_up) {
		return false;
	}
	if (gnutls.protocol_get_version(t->session) == GNUTLS_TLS1_3) {
		*ret_type = "tls-exporter";
		bool ok = gnutls.prf_rfc5705(t->session, sizeof(label) - 1, label, 0, NULL,
					     sizeof(key), key) >= 0 &&
			  buf_add(data, key, sizeof(key));
		mem_wipe(key, sizeof(key));
		return ok;
	}
	/* Without RFC 7627 the value can be the same in two sessions. */
	gnutls_datum_t unique = { 0 };
	if (gnutls.session_ext_master_secret_status(t->session) == 0 ||
	    gnutls.session_channel_binding(t->session, GNUTLS_CB_TLS_UNIQUE, &unique) < 0) {
		return false;
	}
	*ret_type = "tls-unique";
	bool ok = buf_add(data, unique.data, unique.size);
	(*gnutls.free)(unique.data);
	return ok;
}
