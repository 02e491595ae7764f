/* SPDX-License-Identifier: ISC */
/* tlsfix: see tlsfix.h. */
#include "unit.h"

#include "base/clock.h"
#include "tlsfix.h"

#include <sys/mman.h>
#include <unistd.h>

struct kit_cert fix[FIX_CERTS];
char fix_ca[40], fix_cert[40], fix_key[40], fix_client[40], fix_crl[40], fix_other_crl[40],
	fix_junk[40];

static const struct {
	enum fix_id id, issuer;		/* its own: signs itself */
	struct kit_spec spec;
} recipes[] = {
	{ FIX_ROOT, FIX_ROOT, { .name = "Test root", .is_ca = true } },
	{ FIX_SERVER, FIX_ROOT, { .name = "mail.test", .san = "mail.test" } },
	{ FIX_IP, FIX_ROOT, { .name = "ip", .san = "192.0.2.1 2001:db8::1" } },
	{ FIX_EXPIRED, FIX_ROOT,
	  { .name = "mail.test", .san = "mail.test", .from_days = -9, .to_days = -1 } },
	{ FIX_EARLY, FIX_ROOT,
	  { .name = "mail.test", .san = "mail.test", .from_days = 9, .to_days = 99 } },
	{ FIX_STRANGER, FIX_STRANGER, { .name = "A stranger", .is_ca = true } },
	{ FIX_CLIENT, FIX_STRANGER, { .name = "a client", .san = "mail.test" } },
	{ FIX_SELF_SIGNED, FIX_SELF_SIGNED, { .name = "mail.test", .san = "mail.test" } },
};

/* A file in memory for the life of the program. */
static FILE *memory_file(char path[40])
{
	int fd = memfd_create("test", 0);

	snprintf(path, 40, "/proc/self/fd/%d", fd);
	return fdopen(dup(fd), "w");
}

static void write_files(void)
{
	FILE *f = memory_file(fix_ca);

	kit_write_pem(f, &fix[FIX_ROOT]);
	fclose(f);
	kit_write_pem(f = memory_file(fix_cert), &fix[FIX_SERVER]);
	fclose(f);
	kit_write_key(f = memory_file(fix_key), &fix[FIX_SERVER]);
	fclose(f);
	kit_write_pem(f = memory_file(fix_client), &fix[FIX_CLIENT]);
	kit_write_key(f, &fix[FIX_CLIENT]);
	fclose(f);
	kit_write_crl(f = memory_file(fix_crl), &fix[FIX_ROOT], &fix[FIX_SERVER]);
	fclose(f);
	kit_write_crl(f = memory_file(fix_other_crl), &fix[FIX_ROOT], &fix[FIX_EXPIRED]);
	fclose(f);
	fputs("no certificate, no key\n", f = memory_file(fix_junk));
	fclose(f);
}

void fix_make(void)
{
	for (size_t i = 0; i < sizeof(recipes) / sizeof(recipes[0]); i++) {
		struct kit_spec spec = recipes[i].spec;
		bool is_own = recipes[i].issuer == recipes[i].id;
		spec.issuer = is_own ? NULL : &fix[recipes[i].issuer];
		kit_make(&fix[recipes[i].id], spec);
	}
	write_files();
}

void fix_free(void)
{
	for (int i = 0; i < FIX_CERTS; i++) {
		kit_free(&fix[i]);
	}
}

struct tls_options fix_options(const char *host)
{
	return (struct tls_options){
		.host = host, .check_certificate = true, .trust_file = fix_ca,
	};
}

struct kit_server fix_serving(const struct kit_cert *cert, enum kit_manner manner)
{
	static const struct kit_cert *chain[1];

	chain[0] = cert;
	return (struct kit_server){ .chain = chain, .count = 1, .key = cert->key,
				    .manner = manner };
}

struct tls *fix_meet(struct kit_server *server, const struct tls_options *o, struct flight *f,
		     struct err *e)
{
	memset(e, 0, sizeof(*e));
	flight_init(f, kit_start(server));
	struct tls *t = tls_new(f, o, e);
	if (t && tls_handshake(t, clock_ms() + 10000, e)) {
		return t;
	}
	tls_free(t);
	flight_clear(f);
	close(f->fd);
	kit_stop(server);
	return NULL;
}

void fix_part(struct kit_server *server, struct tls *t, struct flight *f)
{
	tls_bye(t);
	tls_free(t);
	flight_clear(f);
	close(f->fd);
	kit_stop(server);
}

void fix_must_read(struct tls *t, const char *want)
{
	char data[200];
	struct err e;
	ssize_t n = tls_read(t, data, sizeof(data), clock_ms() + 10000, &e);

	if (n < 0) {
		fail_msg("%s", e.text);
	}
	assert_int_equal(n, strlen(want));
	assert_memory_equal(data, want, (size_t)n);
}

void fix_must_write(struct tls *t, const void *data, size_t size)
{
	struct err e;

	if (!tls_write(t, data, size, clock_ms() + 10000, &e)) {
		fail_msg("%s", e.text);
	}
}
