/* SPDX-License-Identifier: ISC */
/*
 * tls_text_session: how a TLS session failed, in words, apart from the certificate.  See
 * tls_text.h.  It must never decide anything.  Alerts: RFC 8446 section 6.
 */
#include "sys/tls_text.h"
#include "sys/tls_lib.h"

/* What a server's alert means for the account. */
static const struct {
	gnutls_alert_description_t alert;
	const char *advice;
} alerts[] = {
	{ GNUTLS_A_PROTOCOL_VERSION, "it has no TLS version in common with us (1.2 or newer)" },
	{ GNUTLS_A_HANDSHAKE_FAILURE,
	  "it has no cipher in common with us, or wants a client certificate (tls_cert_file)" },
	{ GNUTLS_A_INSUFFICIENT_SECURITY, "it has no cipher in common with us" },
	{ GNUTLS_A_UNRECOGNIZED_NAME, "it does not know the name we asked for" },
	{ GNUTLS_A_CERTIFICATE_REQUIRED,
	  "it wants a client certificate: set tls_cert_file and tls_key_file" },
	{ GNUTLS_A_BAD_CERTIFICATE, "it does not accept our client certificate" },
	{ GNUTLS_A_UNSUPPORTED_CERTIFICATE, "it does not accept our client certificate" },
	{ GNUTLS_A_CERTIFICATE_EXPIRED, "our client certificate has expired" },
	{ GNUTLS_A_CERTIFICATE_REVOKED, "our client certificate is revoked" },
	{ GNUTLS_A_CERTIFICATE_UNKNOWN, "it does not accept our client certificate" },
	{ GNUTLS_A_UNKNOWN_CA, "it does not know the CA of our client certificate" },
	{ GNUTLS_A_ACCESS_DENIED, "it does not let our client certificate in" },
};

static bool refused_by_alert(gnutls_session_t session, struct err *e)
{
	gnutls_alert_description_t alert = gnutls.alert_get(session);
	const char *name = gnutls.alert_get_name(alert), *advice = NULL;

	for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++) {
		if (alerts[i].alert == alert) {
			advice = alerts[i].advice;
		}
	}
	return err_set(e, CAUSE_TLS, "the server refused TLS with the alert \"%s\" (%d)%s%s",
		       name ? name : "unknown", (int)alert, advice ? ": " : "",
		       advice ? advice : "");
}

bool tls_text_handshake(gnutls_session_t session, int code, struct err *e)
{
	switch (code) {
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
		return refused_by_alert(session, e);
	case GNUTLS_E_PREMATURE_TERMINATION:
		return err_set(e, CAUSE_TLS, "the server closed the connection in the TLS "
			       "handshake: does it speak TLS on this port?");
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
		return err_set(e, CAUSE_TLS, "the server speaks no TLS version that is allowed "
			       "here (1.2 or newer, if tls_priorities does not say otherwise)");
	case GNUTLS_E_UNEXPECTED_PACKET:
	case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
	case GNUTLS_E_RECORD_OVERFLOW:
		return err_set(e, CAUSE_TLS, "what the server answers is not TLS (%s)",
			       gnutls.strerror(code));
	default:
		return err_set(e, CAUSE_TLS, "TLS handshake: %s", gnutls.strerror(code));
	}
}

bool tls_text_traffic(gnutls_session_t session, int code, struct err *e)
{
	switch (code) {
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
		return refused_by_alert(session, e);
	case GNUTLS_E_PREMATURE_TERMINATION:
		return err_set(e, CAUSE_LOST, "the connection was cut: "
			       "the server closed it without ending TLS");
	case GNUTLS_E_REHANDSHAKE:
		return err_set(e, CAUSE_LOST, "the server asked for a new TLS handshake, "
			       "which is refused");
	case GNUTLS_E_AGAIN:
		return err_set(e, CAUSE_LOST, "the server sends TLS records without content");
	default:
		return err_set(e, CAUSE_LOST, "TLS: %s", gnutls.strerror(code));
	}
}
