/* SPDX-License-Identifier: ISC */
/* tlskit: see tlskit.h.  What fails while a test is prepared ends the program. */
#include "unit.h"

#include "tlskit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int check(int code, const char *what)
{
	if (code < 0) {
		fprintf(stderr, "tlskit: %s: %s\n", what, gnutls_strerror(code));
		abort();
	}
	return code;
}

static gnutls_datum_t text_datum(const char *text)
{
	return (gnutls_datum_t){ .data = (unsigned char *)(uintptr_t)text,
				 .size = (unsigned)strlen(text) };
}

/* SRV-ID, RFC 4985: an IA5String as otherName. */
static void add_service(gnutls_x509_crt_t crt, const char *oid, const char *name)
{
	unsigned char der[130] = { 0x16, (unsigned char)strlen(name) };

	memcpy(der + 2, name, der[1]);
	check(gnutls_x509_crt_set_subject_alt_othername(crt, oid, der, der[1] + 2u,
							GNUTLS_FSAN_APPEND), "SRV-ID");
}

static void add_names(gnutls_x509_crt_t crt, const char *names)
{
	char copy[200], *rest = copy, *name;

	snprintf(copy, sizeof(copy), "%s", names);
	while ((name = strsep(&rest, " "))) {
		unsigned char ip[16];
		if (name[0] == '_' || name[0] == '?') {
			bool is_srv = name[0] == '_';
			add_service(crt, is_srv ? "1.3.6.1.5.5.7.8.7" : "1.3.6.1.5.5.7.8.8",
				    is_srv ? name : name + 1);
			continue;
		}
		unsigned size = inet_pton(AF_INET, name, ip) == 1    ? 4
			      : inet_pton(AF_INET6, name, ip) == 1 ? 16
								   : 0;
		const void *data = size ? (const void *)ip : name;
		check(gnutls_x509_crt_set_subject_alt_name(
			      crt, size ? GNUTLS_SAN_IPADDRESS : GNUTLS_SAN_DNSNAME, data,
			      size ? size : (unsigned)strlen(name), GNUTLS_FSAN_APPEND), "SAN");
	}
}

static void add_constraints(gnutls_x509_crt_t crt, const struct kit_spec *spec)
{
	gnutls_x509_name_constraints_t nc;
	gnutls_datum_t name;

	check(gnutls_x509_name_constraints_init(&nc), "constraints");
	if (spec->only) {
		name = text_datum(spec->only);
		check(gnutls_x509_name_constraints_add_permitted(nc, GNUTLS_SAN_DNSNAME, &name),
		      "only");
	}
	if (spec->never) {
		name = text_datum(spec->never);
		check(gnutls_x509_name_constraints_add_excluded(nc, GNUTLS_SAN_DNSNAME, &name),
		      "never");
	}
	check(gnutls_x509_crt_set_name_constraints(crt, nc, 1), "constraints");
	gnutls_x509_name_constraints_deinit(nc);
}

static void add_key_ids(gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer)
{
	unsigned char id[64];
	size_t size = sizeof(id);

	check(gnutls_x509_crt_get_key_id(crt, 0, id, &size), "key id");
	check(gnutls_x509_crt_set_subject_key_id(crt, id, size), "subject key id");
	size = sizeof(id);
	check(gnutls_x509_crt_get_key_id(issuer, 0, id, &size), "key id");
	check(gnutls_x509_crt_set_authority_key_id(crt, id, size), "authority key id");
}

static void add_extensions(gnutls_x509_crt_t crt, const struct kit_spec *spec,
			   gnutls_x509_crt_t issuer)
{
	if (spec->is_ca) {
		check(gnutls_x509_crt_set_basic_constraints(crt, 1, spec->path_length - 1), "CA");
		check(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN |
						    GNUTLS_KEY_CRL_SIGN), "usage");
	} else {
		check(gnutls_x509_crt_set_basic_constraints(crt, 0, -1), "CA");
	}
	if (spec->san) {
		add_names(crt, spec->san);
	}
	if (spec->only || spec->never) {
		add_constraints(crt, spec);
	}
	if (spec->purpose) {
		check(gnutls_x509_crt_set_key_purpose_oid(crt, spec->purpose, 0), "purpose");
	}
	if (!spec->has_no_key_ids) {
		add_key_ids(crt, issuer);
	}
}

static void make_key(struct kit_cert *cert, const struct kit_spec *spec)
{
	if (!spec->key) {
		check(gnutls_x509_privkey_init(&cert->key), "key");
		check(spec->rsa_bits ?
			      gnutls_x509_privkey_generate(cert->key, GNUTLS_PK_RSA,
							   spec->rsa_bits, 0) :
			      gnutls_x509_privkey_generate(
				      cert->key, GNUTLS_PK_ECDSA,
				      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		      "key");
	}
}

void kit_make(struct kit_cert *cert, struct kit_spec spec)
{
	static unsigned serial = 1000;
	unsigned char number[4];
	time_t now = time(NULL);
	bool is_valid = spec.from_days == 0 && spec.to_days == 0;

	memset(cert, 0, sizeof(*cert));
	make_key(cert, &spec);
	gnutls_x509_privkey_t own = spec.key ? spec.key->key : cert->key;
	check(gnutls_x509_crt_init(&cert->crt), "certificate");
	gnutls_x509_crt_t issuer = spec.issuer ? spec.issuer->crt : cert->crt;
	serial++;
	memcpy(number, &(uint32_t){ htonl(serial) }, 4);
	check(gnutls_x509_crt_set_version(cert->crt, spec.is_v1 ? 1 : 3), "version");
	check(gnutls_x509_crt_set_serial(cert->crt, number, 4), "serial");
	check(gnutls_x509_crt_set_dn_by_oid(cert->crt, GNUTLS_OID_X520_COMMON_NAME, 0, spec.name,
					    (unsigned)strlen(spec.name)), "name");
	check(gnutls_x509_crt_set_activation_time(
		      cert->crt, now + 86400 * (is_valid ? -10 : spec.from_days)), "from");
	check(gnutls_x509_crt_set_expiration_time(
		      cert->crt, now + 86400 * (is_valid ? 100 : spec.to_days)), "to");
	check(gnutls_x509_crt_set_key(cert->crt, own), "key");
	if (!spec.is_v1) {
		add_extensions(cert->crt, &spec, issuer);
	}
	check(gnutls_x509_crt_sign2(cert->crt, issuer,
				    !spec.issuer ? own : spec.issuer->key,
				    spec.is_sha1 ? GNUTLS_DIG_SHA1 : GNUTLS_DIG_SHA256, 0), "sign");
	check(gnutls_x509_crt_export2(cert->crt, GNUTLS_X509_FMT_DER, &cert->der), "DER");
	/* Once more from the DER: a certificate that was only made cannot be asked all. */
	gnutls_x509_crt_deinit(cert->crt);
	check(gnutls_x509_crt_init(&cert->crt), "certificate");
	check(gnutls_x509_crt_import(cert->crt, &cert->der, GNUTLS_X509_FMT_DER), "DER");
}

void kit_free(struct kit_cert *cert)
{
	gnutls_x509_crt_deinit(cert->crt);
	if (cert->key) {
		gnutls_x509_privkey_deinit(cert->key);
	}
	gnutls_free(cert->der.data);
	memset(cert, 0, sizeof(*cert));
}

static void write_datum(FILE *to, gnutls_datum_t *text)
{
	fwrite(text->data, 1, text->size, to);
	gnutls_free(text->data);
}

void kit_write_pem(FILE *to, const struct kit_cert *cert)
{
	gnutls_datum_t text;

	check(gnutls_x509_crt_export2(cert->crt, GNUTLS_X509_FMT_PEM, &text), "PEM");
	write_datum(to, &text);
}

void kit_write_key(FILE *to, const struct kit_cert *cert)
{
	gnutls_datum_t text;

	check(gnutls_x509_privkey_export2(cert->key, GNUTLS_X509_FMT_PEM, &text), "PEM");
	write_datum(to, &text);
}

void kit_write_crl(FILE *to, const struct kit_cert *issuer, const struct kit_cert *revoked)
{
	gnutls_x509_crl_t crl;
	gnutls_datum_t text;

	check(gnutls_x509_crl_init(&crl), "CRL");
	check(gnutls_x509_crl_set_version(crl, 2), "CRL");
	check(gnutls_x509_crl_set_this_update(crl, time(NULL) - 3600), "CRL");
	check(gnutls_x509_crl_set_next_update(crl, time(NULL) + 3600), "CRL");
	check(gnutls_x509_crl_set_number(crl, "\1", 1), "CRL");
	if (revoked) {
		check(gnutls_x509_crl_set_crt(crl, revoked->crt, time(NULL) - 3600), "CRL");
	}
	check(gnutls_x509_crl_sign2(crl, issuer->crt, issuer->key, GNUTLS_DIG_SHA256, 0), "CRL");
	check(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &text), "CRL");
	write_datum(to, &text);
	gnutls_x509_crl_deinit(crl);
}

/* GnuTLS asks which certificates to show: those of the test, as they are. */
static int show_chain(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
		      gnutls_pcert_st **ret_chain, unsigned *ret_count,
		      gnutls_ocsp_data_st **ret_ocsp, unsigned *ret_ocsp_count,
		      gnutls_privkey_t *ret_key, unsigned *ret_flags)
{
	const struct kit_server *server = gnutls_session_get_ptr(session);
	gnutls_pcert_st *chain = gnutls_calloc(server->count, sizeof(*chain));

	(void)info;
	for (unsigned i = 0; i < server->count; i++) {
		check(gnutls_pcert_import_x509_raw(&chain[i], &server->chain[i]->der,
						   GNUTLS_X509_FMT_DER, 0), "chain");
	}
	check(gnutls_privkey_init(ret_key), "key");
	check(gnutls_privkey_import_x509(*ret_key, server->key, GNUTLS_PRIVKEY_IMPORT_COPY),
	      "key");
	*ret_chain = chain;
	*ret_count = server->count;
	*ret_ocsp = NULL;
	*ret_ocsp_count = 0;
	*ret_flags = GNUTLS_CERT_RETR_DEINIT_ALL;
	return 0;
}

static int accept_client(gnutls_session_t session)
{
	(void)session;
	return 0;
}

/* Who is there: the client's certificate and the name it asked for. */
static void note_client(struct kit_server *server, gnutls_session_t session)
{
	unsigned count = 0, type;
	size_t size = sizeof(server->sni);
	const gnutls_datum_t *der = gnutls_certificate_get_peers(session, &count);
	gnutls_x509_crt_t crt;

	if (gnutls_server_name_get(session, server->sni, &size, &type, 0) < 0) {
		server->sni[0] = '\0';
	}
	gnutls_prf_rfc5705(session, 24, "EXPORTER-Channel-Binding", 0, NULL,
			   sizeof(server->exporter), (char *)server->exporter);
	if (der && count > 0 && gnutls_x509_crt_init(&crt) >= 0) {
		size = sizeof(server->client);
		gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER);
		gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0,
					      server->client, &size);
		gnutls_x509_crt_deinit(crt);
	}
}

static void converse(struct kit_server *server, gnutls_session_t session)
{
	static const char greeting[] = "220 kit\r\n";
	char data[16384];
	ssize_t n = 1;

	if (server->manner != KIT_MUTE) {
		gnutls_record_send(session, greeting, sizeof(greeting) - 1);
	}
	if (server->manner == KIT_RENEGOTIATE) {
		gnutls_rehandshake(session);
	}
	while (server->manner != KIT_CUT && server->manner != KIT_END && n > 0) {
		n = gnutls_record_recv(session, data, sizeof(data));
		if (n > 0 && server->manner == KIT_POLITE) {
			server->echoed += (size_t)n;
			gnutls_record_send(session, data, (size_t)n);
		}
	}
	if (server->manner != KIT_CUT) {
		gnutls_bye(session, GNUTLS_SHUT_WR);
	}
}

static void *serve(void *pointer)
{
	struct kit_server *server = pointer;
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;

	check(gnutls_certificate_allocate_credentials(&credentials), "credentials");
	gnutls_certificate_set_retrieve_function3(credentials, show_chain);
	gnutls_certificate_set_verify_function(credentials, accept_client);
	if (server->asks_for) {
		check(gnutls_certificate_set_x509_trust(credentials, &(gnutls_x509_crt_t){
				server->asks_for->crt }, 1), "client CA");
	}
	check(gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL), "session");
	gnutls_session_set_ptr(session, server);
	check(gnutls_priority_set_direct(session, server->priorities ? server->priorities :
					 "NORMAL", NULL), "priorities");
	check(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials), "set");
	gnutls_certificate_server_set_request(session, server->asks_for ? GNUTLS_CERT_REQUEST :
					      GNUTLS_CERT_IGNORE);
	gnutls_transport_set_int(session, server->fd);
	server->result = gnutls_handshake(session);
	if (server->result >= 0) {
		note_client(server, session);
		converse(server, session);
	}
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	close(server->fd);
	return NULL;
}

int kit_start(struct kit_server *server)
{
	int pair[2];

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	check(fcntl(pair[0], F_SETFL, O_NONBLOCK), "fcntl");
	server->fd = pair[1];
	check(-pthread_create(&server->thread, NULL, serve, server), "thread");
	return pair[0];
}

void kit_stop(struct kit_server *server)
{
	pthread_join(server->thread, NULL);
}
