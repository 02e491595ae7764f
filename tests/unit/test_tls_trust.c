/* SPDX-License-Identifier: ISC */
/*
 * Trust on demand gives the same verdict as GnuTLS with the whole bundle: the same chain is
 * shown to tls and to a client that loads every CA, and both must say the same; and what
 * GnuTLS finds wrong must stand in our error text.
 */
#include "unit.h"

#include "base/clock.h"
#include "sys/tls.h"
#include "tlskit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHAIN_MOST = 20, BUNDLE_MOST = 8, NOISE = 12 };

static struct kit_cert noise[NOISE];
static char bundle_path[40];
static int bundle_fd;

/* Noise, then the anchors, then noise again. */
static void write_bundle(const struct kit_cert *const *anchors, unsigned count)
{
	FILE *f = fdopen(dup(bundle_fd), "w");

	assert_non_null(f);
	assert_int_equal(ftruncate(bundle_fd, 0), 0);
	rewind(f);
	for (int i = 0; i < NOISE / 2; i++) {
		fprintf(f, "# CA - number %d\n", i);
		kit_write_pem(f, &noise[i]);
	}
	for (unsigned i = 0; i < count; i++) {
		kit_write_pem(f, anchors[i]);
	}
	for (int i = NOISE / 2; i < NOISE; i++) {
		kit_write_pem(f, &noise[i]);
	}
	assert_int_equal(fclose(f), 0);
}

/* GnuTLS's own way.  True: accepted; *ret_status is what it found. */
static bool ask_gnutls(struct kit_server *server, const char *host, unsigned *ret_status)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	unsigned char purpose[] = GNUTLS_KP_TLS_WWW_SERVER;
	gnutls_typed_vdata_st checks[2] = {
		{ .type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)(uintptr_t)host },
		{ .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = purpose },
	};
	int fd = kit_start(server);

	fcntl(fd, F_SETFL, 0);
	assert_int_equal(gnutls_certificate_allocate_credentials(&credentials), 0);
	assert_true(gnutls_certificate_set_x509_trust_file(credentials, bundle_path,
							   GNUTLS_X509_FMT_PEM) >= NOISE);
	assert_int_equal(gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL), 0);
	gnutls_set_default_priority(session);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_session_set_verify_cert2(session, checks, 2, 0);
	gnutls_transport_set_int(session, fd);
	int code = gnutls_handshake(session);
	*ret_status = gnutls_session_get_verify_cert_status(session);
	close(fd);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	kit_stop(server);
	return code >= 0;
}

static bool ask_tls(struct kit_server *server, const char *host, struct err *e)
{
	struct tls_options options = {
		.host = host, .check_certificate = true, .trust_file = bundle_path,
	};
	struct flight f;

	flight_init(&f, kit_start(server));
	struct tls *t = tls_new(&f, &options, e);

	assert_non_null(t);
	bool ok = tls_handshake(t, clock_ms() + 10000, e);
	tls_free(t);
	flight_clear(&f);
	close(f.fd);
	kit_stop(server);
	return ok;
}

static const struct {
	unsigned bit;
	const char *words;
} meanings[] = {
	{ GNUTLS_CERT_EXPIRED, "expired" },
	{ GNUTLS_CERT_NOT_ACTIVATED, "not valid" },
	{ GNUTLS_CERT_UNEXPECTED_OWNER, "issued for" },
	{ GNUTLS_CERT_SIGNER_NOT_CA, "not a CA's" },
	{ GNUTLS_CERT_SIGNER_NOT_FOUND, "not in /proc/self/fd/" },
	{ GNUTLS_CERT_INSECURE_ALGORITHM, "too weak" },
	{ GNUTLS_CERT_PURPOSE_MISMATCH, "not meant for TLS servers" },
	{ GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "constraint" },
	{ GNUTLS_CERT_SIGNATURE_FAILURE, "signature" },
};

/* One question to both.  Gives their verdict, and what GnuTLS found. */
static bool compare(const char *what, const struct kit_cert *const *chain, unsigned count,
		    gnutls_x509_privkey_t key, const struct kit_cert *const *anchors,
		    unsigned anchor_count, const char *host, unsigned *ret_status)
{
	struct kit_server server = { .chain = chain, .count = count, .key = key,
				     .manner = KIT_END };
	struct err e = { 0 };

	write_bundle(anchors, anchor_count);
	bool want = ask_gnutls(&server, host, ret_status);
	bool got = ask_tls(&server, host, &e);
	if (got != want) {
		fail_msg("%s: GnuTLS %s it (0x%x), tls: %s", what, want ? "accepts" : "refuses",
			 *ret_status, got ? "accepted" : e.text);
	}
	/* All bits: it did not come so far. */
	bool has_status = *ret_status != (unsigned)-1;
	for (size_t i = 0; !got && has_status && i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if ((*ret_status & meanings[i].bit) && !strstr(e.text, meanings[i].words)) {
			fail_msg("%s: \"%s\" is not in: %s", what, meanings[i].words, e.text);
		}
	}
	if (!got) {
		assert_int_equal(e.cause, CAUSE_TLS);
	}
	return got;
}

/* The certificates the cases are made of. */
enum id {
	NONE,
	R1, R2, R1_EXPIRED, R1_EARLY, R1_TWIN, R1_BY_R2, R2_BY_R1, R1_NO_IDS, R1_TWIN_NO_IDS, R_V1,
	R_NARROW, R_SHORT, R_OLD,
	I1, I2, I1_BY_R2, I1_EXPIRED, I_OLD, I_NO_CA, I_CLIENT, I_SHA1, I_NARROW, I_NEVER, I_SHORT,
	I_OF_NARROW, I_OF_V1, I_NO_IDS,
	L, L_DEEP, L_OF_R1, L_SELF, L_SELF_OLD, L_EXPIRED, L_EARLY, L_OTHER, L_WILD, L_CN,
	L_CLIENT, L_RSA, L_OF_NO_CA, L_OF_CLIENT, L_OF_SHA1, L_OF_NARROW, L_OF_NEVER, L_OF_SHORT,
	L_UNDER_NARROW, L_OF_V1, L_OF_OLD, L_NO_IDS,
	IDS
};

static struct kit_cert certs[IDS];

#define NAME "mail.test"

static const struct recipe {
	enum id id, issuer, key;
	struct kit_spec spec;
} recipes[] = {
	{ R1, NONE, NONE, { .name = "Root 1", .is_ca = true } },
	{ R2, NONE, NONE, { .name = "Root 2", .is_ca = true } },
	{ R_OLD, NONE, NONE, { .name = "Root old", .is_ca = true, .from_days = -99,
			       .to_days = -1 } },
	{ R1_EXPIRED, NONE, R1, { .name = "Root 1", .is_ca = true, .from_days = -99,
				  .to_days = -1 } },
	{ R1_EARLY, NONE, R1, { .name = "Root 1", .is_ca = true, .from_days = 9, .to_days = 99 } },
	{ R1_TWIN, NONE, NONE, { .name = "Root 1", .is_ca = true } },
	{ R1_BY_R2, R2, R1, { .name = "Root 1", .is_ca = true } },
	{ R2_BY_R1, R1, R2, { .name = "Root 2", .is_ca = true } },
	{ R1_NO_IDS, NONE, NONE, { .name = "Root 3", .is_ca = true, .has_no_key_ids = true } },
	{ R1_TWIN_NO_IDS, NONE, NONE, { .name = "Root 3", .is_ca = true, .has_no_key_ids = true } },
	{ R_V1, NONE, NONE, { .name = "Root v1", .is_v1 = true } },
	{ R_NARROW, NONE, NONE, { .name = "Root narrow", .is_ca = true, .only = "example" } },
	{ R_SHORT, NONE, NONE, { .name = "Root short", .is_ca = true, .path_length = 1 } },
	{ I1, R1, NONE, { .name = "Middle 1", .is_ca = true } },
	{ I2, I1, NONE, { .name = "Middle 2", .is_ca = true } },
	{ I1_BY_R2, R2, I1, { .name = "Middle 1", .is_ca = true } },
	{ I1_EXPIRED, R1, I1, { .name = "Middle 1", .is_ca = true, .from_days = -99,
				.to_days = -1 } },
	{ I_OLD, R_OLD, NONE, { .name = "Middle old", .is_ca = true } },
	{ I_NO_CA, R1, NONE, { .name = "Middle no CA" } },
	{ I_CLIENT, R1, NONE, { .name = "Middle client", .is_ca = true,
				.purpose = GNUTLS_KP_TLS_WWW_CLIENT } },
	{ I_SHA1, R1, NONE, { .name = "Middle SHA-1", .is_ca = true, .is_sha1 = true } },
	{ I_NARROW, R1, NONE, { .name = "Middle narrow", .is_ca = true, .only = "test" } },
	{ I_NEVER, R1, NONE, { .name = "Middle never", .is_ca = true, .never = "test" } },
	{ I_SHORT, R_SHORT, NONE, { .name = "Middle short", .is_ca = true } },
	{ I_OF_NARROW, R_NARROW, NONE, { .name = "Middle of narrow", .is_ca = true } },
	{ I_OF_V1, R_V1, NONE, { .name = "Middle of v1", .is_ca = true } },
	{ I_NO_IDS, R1_NO_IDS, NONE, { .name = "Middle 3", .is_ca = true, .has_no_key_ids = true } },
	{ L, I1, NONE, { .name = NAME, .san = NAME } },
	{ L_DEEP, I2, NONE, { .name = NAME, .san = NAME, .purpose = GNUTLS_KP_TLS_WWW_SERVER } },
	{ L_OF_R1, R1, NONE, { .name = NAME, .san = NAME } },
	{ L_SELF, NONE, NONE, { .name = NAME, .san = NAME } },
	{ L_SELF_OLD, NONE, NONE, { .name = NAME, .san = NAME, .from_days = -9, .to_days = -1 } },
	{ L_EXPIRED, I1, NONE, { .name = NAME, .san = NAME, .from_days = -9, .to_days = -1 } },
	{ L_EARLY, I1, NONE, { .name = NAME, .san = NAME, .from_days = 9, .to_days = 99 } },
	{ L_OTHER, I1, NONE, { .name = "other.test", .san = "other.test" } },
	{ L_WILD, I1, NONE, { .name = "x", .san = "*.mail.test" } },
	{ L_CN, I1, NONE, { .name = NAME } },
	{ L_CLIENT, I1, NONE, { .name = NAME, .san = NAME, .purpose = GNUTLS_KP_TLS_WWW_CLIENT } },
	{ L_RSA, I1, NONE, { .name = NAME, .san = NAME, .rsa_bits = 768 } },
	{ L_OF_NO_CA, I_NO_CA, NONE, { .name = NAME, .san = NAME } },
	{ L_OF_CLIENT, I_CLIENT, NONE, { .name = NAME, .san = NAME } },
	{ L_OF_SHA1, I_SHA1, NONE, { .name = NAME, .san = NAME } },
	{ L_OF_NARROW, I_NARROW, NONE, { .name = NAME, .san = NAME } },
	{ L_OF_NEVER, I_NEVER, NONE, { .name = NAME, .san = NAME } },
	{ L_OF_SHORT, I_SHORT, NONE, { .name = NAME, .san = NAME } },
	{ L_UNDER_NARROW, I_OF_NARROW, NONE, { .name = NAME, .san = NAME } },
	{ L_OF_V1, I_OF_V1, NONE, { .name = NAME, .san = NAME } },
	{ L_OF_OLD, I_OLD, NONE, { .name = NAME, .san = NAME } },
	{ L_NO_IDS, I_NO_IDS, NONE, { .name = NAME, .san = NAME, .has_no_key_ids = true } },
};

enum verdict { NO, YES };

static const struct {
	const char *what;
	enum id chain[8], anchors[4];
	enum verdict want;
	const char *host;	/* NULL: mail.test */
} cases[] = {
	{ "a leaf of a root", { L_OF_R1 }, { R1 }, YES, NULL },
	{ "a leaf of an unknown root", { L_OF_R1 }, { NONE }, NO, NULL },
	{ "one between", { L, I1 }, { R1 }, YES, NULL },
	{ "two between", { L_DEEP, I2, I1 }, { R1 }, YES, NULL },
	{ "the one between is not shown", { L }, { R1 }, NO, NULL },
	{ "the one between is in the bundle", { L }, { R1, I1 }, YES, NULL },
	{ "only the one between is in the bundle", { L, I1 }, { I1 }, YES, NULL },
	{ "only the upper one between is in the bundle", { L_DEEP, I2, I1 }, { I1 }, YES, NULL },
	{ "the root is shown too", { L, I1, R1 }, { R1 }, YES, NULL },
	{ "the root is shown, and distrusted", { L, I1, R1 }, { NONE }, NO, NULL },
	{ "the root is shown, another is trusted", { L, I1, R1 }, { R2 }, NO, NULL },
	{ "disorder", { L_DEEP, R1, I1, I2 }, { R1 }, YES, NULL },
	{ "disorder with strangers", { L_DEEP, R2, I1, I_NEVER, I2, L_SELF }, { R1 }, YES, NULL },
	{ "twice the same", { L, I1, I1, R1, R1 }, { R1 }, YES, NULL },
	{ "twice the leaf", { L, L, I1 }, { R1 }, YES, NULL },
	{ "cross-signed: the new root is trusted", { L, I1, R1_BY_R2 }, { R1 }, YES, NULL },
	{ "cross-signed: the old root is trusted", { L, I1, R1_BY_R2 }, { R2 }, YES, NULL },
	{ "cross-signed: both are", { L, I1, R1_BY_R2 }, { R2, R1 }, YES, NULL },
	{ "cross-signed: none is", { L, I1, R1_BY_R2 }, { NONE }, NO, NULL },
	{ "cross-signed: the old root is shown", { L, I1, R1_BY_R2, R2 }, { R1 }, YES, NULL },
	{ "cross-signed in a ring", { L, I1, R1_BY_R2, R2_BY_R1 }, { NONE }, NO, NULL },
	{ "cross-signed in a ring, one trusted", { L, I1, R1_BY_R2, R2_BY_R1 }, { R2 }, YES, NULL },
	{ "cross-signed between, first way", { L, I1, I1_BY_R2 }, { R1 }, YES, NULL },
	{ "cross-signed between, second way", { L, I1, I1_BY_R2 }, { R2 }, NO, NULL },
	{ "cross-signed between, second first", { L, I1_BY_R2, I1 }, { R2 }, YES, NULL },
	{ "cross-signed root in the bundle", { L, I1 }, { R1_BY_R2 }, YES, NULL },
	{ "an expired root", { L, I1 }, { R1_EXPIRED }, NO, NULL },
	{ "an expired root is shown", { L, I1, R1_EXPIRED }, { R1 }, YES, NULL },
	{ "an expired double before", { L, I1 }, { R1_EXPIRED, R1 }, YES, NULL },
	{ "an expired double behind", { L, I1 }, { R1, R1_EXPIRED }, YES, NULL },
	{ "a double not yet valid before", { L, I1 }, { R1_EARLY, R1 }, YES, NULL },
	{ "doubles on both sides", { L, I1 }, { R1_EXPIRED, R1, R1_EARLY }, YES, NULL },
	{ "only one not yet valid", { L, I1 }, { R1_EARLY }, NO, NULL },
	{ "a twin with another key before", { L, I1 }, { R1_TWIN, R1 }, YES, NULL },
	{ "a twin with another key behind", { L, I1 }, { R1, R1_TWIN }, YES, NULL },
	{ "only a twin with another key", { L, I1 }, { R1_TWIN }, NO, NULL },
	{ "twins without key ids, right one first", { L_NO_IDS, I_NO_IDS },
	  { R1_NO_IDS, R1_TWIN_NO_IDS }, NO, NULL },
	{ "twins without key ids, right one last", { L_NO_IDS, I_NO_IDS },
	  { R1_TWIN_NO_IDS, R1_NO_IDS }, YES, NULL },
	{ "an expired one between", { L, I1_EXPIRED }, { R1 }, NO, NULL },
	{ "an expired one between, a good one trusted", { L, I1_EXPIRED }, { R1, I1 }, YES, NULL },
	{ "an expired one between is trusted", { L, I1 }, { I1_EXPIRED }, NO, NULL },
	{ "an expired root of its own", { L_OF_OLD, I_OLD }, { R_OLD }, NO, NULL },
	{ "a self-signed leaf", { L_SELF }, { NONE }, NO, NULL },
	{ "a self-signed leaf in the bundle", { L_SELF }, { L_SELF }, YES, NULL },
	{ "an expired self-signed leaf in the bundle", { L_SELF_OLD }, { L_SELF_OLD }, NO, NULL },
	{ "a self-signed leaf of another name", { L_SELF }, { L_SELF }, NO, "other.test" },
	{ "the leaf itself in the bundle", { L }, { L }, YES, NULL },
	{ "the leaf itself in the bundle, with more", { L, I1 }, { L }, NO, NULL },
	{ "another leaf with the same name in the bundle", { L, I1 }, { L_OF_R1 }, NO, NULL },
	{ "a root of version 1", { L_OF_V1, I_OF_V1 }, { R_V1 }, YES, NULL },
	{ "an expired leaf", { L_EXPIRED, I1 }, { R1 }, NO, NULL },
	{ "a leaf not yet valid", { L_EARLY, I1 }, { R1 }, NO, NULL },
	{ "an expired leaf of an unknown root", { L_EXPIRED, I1 }, { R2 }, NO, NULL },
	{ "another name", { L_OTHER, I1 }, { R1 }, NO, NULL },
	{ "another name, expected", { L_OTHER, I1 }, { R1 }, YES, "other.test" },
	{ "an asterisk", { L_WILD, I1 }, { R1 }, YES, "a.mail.test" },
	{ "an asterisk is one label", { L_WILD, I1 }, { R1 }, NO, "a.b.mail.test" },
	{ "an asterisk is not nothing", { L_WILD, I1 }, { R1 }, NO, NULL },
	{ "a common name only", { L_CN, I1 }, { R1 }, YES, NULL },
	{ "a client's certificate", { L_CLIENT, I1 }, { R1 }, NO, NULL },
	{ "a short RSA key", { L_RSA, I1 }, { R1 }, NO, NULL },
	{ "no CA between", { L_OF_NO_CA, I_NO_CA }, { R1 }, NO, NULL },
	{ "no CA in the bundle", { L_OF_NO_CA }, { I_NO_CA }, NO, NULL },
	{ "a CA for clients", { L_OF_CLIENT, I_CLIENT }, { R1 }, NO, NULL },
	{ "a CA signed with SHA-1", { L_OF_SHA1, I_SHA1 }, { R1 }, NO, NULL },
	{ "a CA signed with SHA-1 is trusted itself", { L_OF_SHA1, I_SHA1 }, { I_SHA1 }, YES, NULL },
	{ "a constraint that is kept", { L_OF_NARROW, I_NARROW }, { R1 }, YES, NULL },
	{ "a constraint that is broken", { L_OF_NEVER, I_NEVER }, { R1 }, NO, NULL },
	{ "a broken constraint of the root", { L_UNDER_NARROW, I_OF_NARROW }, { R_NARROW }, NO, NULL },
	{ "a root that allows no CA below", { L_OF_SHORT, I_SHORT }, { R_SHORT }, NO, NULL },
};

/* The ids up to the first NONE, as certificates. */
static unsigned collect(const enum id *ids, size_t most, const struct kit_cert **to)
{
	unsigned count = 0;

	while (count < most && ids[count] != NONE) {
		to[count] = &certs[ids[count]];
		count++;
	}
	return count;
}

static void every_case_has_the_verdict_of_the_whole_bundle(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct kit_cert *chain[CHAIN_MOST] = { 0 }, *anchors[BUNDLE_MOST] = { 0 };
		unsigned status;
		unsigned count = collect(cases[i].chain, 8, chain);
		unsigned anchor_count = collect(cases[i].anchors, 4, anchors);
		bool got = compare(cases[i].what, chain, count, chain[0]->key, anchors,
				   anchor_count, cases[i].host ? cases[i].host : NAME, &status);
		if (got != (cases[i].want == YES)) {
			fail_msg("%s: %s (0x%x)", cases[i].what, got ? "accepted" : "refused",
				 status);
		}
	}
}

/* What nobody thought of: random chains under a leaf, random bundles. */
static void random_chains_have_the_verdict_of_the_whole_bundle(void **state)
{
	static const enum id leaves[] = { L, L_DEEP, L_OF_R1, L_SELF, L_NO_IDS, L, L_DEEP, L };
	static const enum id pool[] = {
		I1, I2, R1_BY_R2, I1_BY_R2, R2_BY_R1, I_NO_IDS, R1, R2, I1, I2, I1,
		R1_EXPIRED, R1_EARLY, R1_TWIN, R1_NO_IDS, R1_TWIN_NO_IDS, I1_EXPIRED, L_SELF, L,
	};
	enum { LEAVES = sizeof(leaves) / sizeof(leaves[0]), POOL = sizeof(pool) / sizeof(pool[0]) };
	unsigned seed = 20261121, accepted = 0;

	(void)state;
	for (int round = 0; round < 150; round++) {
		const struct kit_cert *chain[CHAIN_MOST] = { 0 }, *anchors[BUNDLE_MOST] = { 0 };
		unsigned status, r[16];
		char what[20];
		for (int i = 0; i < 16; i++) {
			seed = seed * 1103515245 + 12345;
			r[i] = seed >> 16;
		}
		chain[0] = &certs[leaves[r[0] % LEAVES]];
		unsigned count = 1 + r[1] % 7, anchor_count = r[2] % 5;
		for (unsigned i = 1; i < count; i++) {
			chain[i] = &certs[pool[r[2 + i] % POOL]];
		}
		for (unsigned i = 0; i < anchor_count; i++) {
			/* Half of them are roots. */
			anchors[i] = r[10 + i] & 64 ? &certs[R1 + r[10 + i] % 2] :
						      &certs[pool[r[10 + i] % POOL]];
		}
		snprintf(what, sizeof(what), "round %d", round);
		accepted += compare(what, chain, count, chain[0]->key, anchors, anchor_count,
				    NAME, &status);
	}
	/* Or the test tests little. */
	assert_in_range(accepted, 20, 130);
}

static void chains_of_sixteen_are_verified_and_longer_ones_refused(void **state)
{
	enum { LONG = 17 };
	struct kit_cert made[LONG];
	const struct kit_cert *chain[LONG], *anchors[] = { &certs[R1] };
	unsigned status;

	(void)state;
	for (int i = 0; i < LONG; i++) {
		char name[20];
		snprintf(name, sizeof(name), i + 1 < LONG ? "Step %d" : NAME, i);
		kit_make(&made[i], (struct kit_spec){
			.name = name, .issuer = i ? &made[i - 1] : &certs[R1],
			.is_ca = i + 1 < LONG, .san = i + 1 < LONG ? NULL : NAME,
		});
		chain[LONG - 1 - i] = &made[i];
	}
	assert_false(compare("17", chain, LONG, made[LONG - 1].key, anchors, 1, NAME, &status));
	/* The first step is a trusted CA itself. */
	anchors[0] = &made[0];
	assert_true(compare("16", chain, LONG - 1, made[LONG - 1].key, anchors, 1, NAME, &status));
	for (int i = 0; i < LONG; i++) {
		kit_free(&made[i]);
	}
}

static void make_all(void)
{
	for (size_t i = 0; i < sizeof(recipes) / sizeof(recipes[0]); i++) {
		struct kit_spec spec = recipes[i].spec;
		spec.issuer = recipes[i].issuer ? &certs[recipes[i].issuer] : NULL;
		spec.key = recipes[i].key ? &certs[recipes[i].key] : NULL;
		kit_make(&certs[recipes[i].id], spec);
	}
	for (int i = 0; i < NOISE; i++) {
		char name[4000];
		int n = snprintf(name, sizeof(name), "Noise %d ", i);
		memset(name + n, 'x', sizeof(name) - (size_t)n);
		name[60 - i] = '\0';
		kit_make(&noise[i], (struct kit_spec){ .name = name, .is_ca = true,
						       .key = i ? &noise[0] : NULL });
	}
}

static void free_all(void)
{
	for (int i = 1; i < IDS; i++) {
		kit_free(&certs[i]);
	}
	for (int i = 0; i < NOISE; i++) {
		kit_free(&noise[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_has_the_verdict_of_the_whole_bundle),
		cmocka_unit_test(random_chains_have_the_verdict_of_the_whole_bundle),
		cmocka_unit_test(chains_of_sixteen_are_verified_and_longer_ones_refused),
	};

	bundle_fd = memfd_create("bundle", MFD_CLOEXEC);
	snprintf(bundle_path, sizeof(bundle_path), "/proc/self/fd/%d", bundle_fd);
	make_all();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	free_all();
	return failed;
}
