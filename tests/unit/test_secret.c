/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/fs.h"
#include "base/mem.h"
#include "sys/secret.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NETRC "machine smtp.example.org login joe password from-netrc\n"

/* Who was asked, and why each had nothing; netrc says so itself. */
#define NOTHING(user, netrc)                                                             \
	"no password for " user " at smtp.example.org: password, password_file, "        \
	"passwordeval: not set; systemd: no credentials were given; "                    \
	"keyring: there is no D-Bus session; netrc: " netrc                              \
	"; terminal: nobody is asked; to store one: relay password set work"
#define NOTHING_FOR(user) NOTHING(user, "no entry in ~/.netrc or /etc/netrc")

/* A home of our own, gone at the end of each test. */
struct home {
	char path[40];
	char file[60];
};

static int home_new(void **state)
{
	static struct home h;

	h = (struct home){ .path = "/tmp/relay-test-XXXXXX" };
	assert_non_null(mkdtemp(h.path));
	*state = &h;
	/* No keyring and no credentials of the tester's own. */
	setenv("XDG_RUNTIME_DIR", h.path, 1);
	unsetenv("DBUS_SESSION_BUS_ADDRESS");
	unsetenv("CREDENTIALS_DIRECTORY");
	return 0;
}

static const char *home_file(struct home *h, const char *name)
{
	snprintf(h->file, sizeof(h->file), "%s/%s", h->path, name);
	return h->file;
}

static int home_end(void **state)
{
	static const char *const names[] = { ".netrc", "password", "link", "bus",
					     "relay.work.password" };
	struct home *h = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unlink(home_file(h, names[i]));
	}
	return rmdir(h->path);
}

static void put(struct home *h, const char *name, const void *text, size_t size,
		mode_t mode)
{
	int fd = open(home_file(h, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(fs_write_all(fd, text, size));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* "provider: secret", or the error's text; the error's cause in *ret_cause. */
static const char *find(const struct secret_query *q, enum cause *ret_cause)
{
	static char answer[ERR_TEXT_MAX + 100];
	struct buf secret;
	struct err e = { 0 };
	const char *provider = "untouched";

	buf_init_secret(&secret, SECRET_MAX);
	if (secret_find(q, &secret, &provider, &e)) {
		snprintf(answer, sizeof(answer), "%s: %s", provider, secret.data);
	} else {
		assert_int_equal(secret.size, 0);
		assert_string_equal(provider, "untouched");
		snprintf(answer, sizeof(answer), "%s", e.text);
	}
	*ret_cause = e.cause;
	buf_clear(&secret);
	return answer;
}

static void the_first_provider_that_answers_is_taken(void **state)
{
	struct home *h = *state;
	struct secret_query q = { .password = "direct",
				  .passwordeval = "echo from-command",
				  .account = "work",
				  .host = "smtp.example.org",
				  .user = "joe",
				  .home = h->path };
	enum cause cause;

	put(h, ".netrc", NETRC, strlen(NETRC), 0600);
	put(h, "password", "from-file\nsecond line\n", 22, 0400);
	q.password_file = h->file;
	assert_string_equal(find(&q, &cause), "password: direct");
	q.password = NULL;
	assert_string_equal(find(&q, &cause), "password_file: from-file");
	q.password_file = NULL;
	assert_string_equal(find(&q, &cause), "passwordeval: from-command");
	q.passwordeval = NULL;
	assert_string_equal(find(&q, &cause), "netrc: from-netrc");
	q.user = "ann";
	assert_string_equal(find(&q, &cause), NOTHING_FOR("ann"));
	assert_int_equal(cause, CAUSE_SECRET);
	q.user = NULL;
	assert_string_equal(
		find(&q, &cause),
		"no password for ? at smtp.example.org: password, password_file, "
		"passwordeval: not set; systemd: no credentials were given; "
		"terminal: nobody is asked; to store one: relay password set work");
}

static void a_credential_of_systemd_is_found_by_the_accounts_name(void **state)
{
	static const struct {
		const char *account;
		mode_t mode; /* 0 = no such file */
		const char *want;
	} cases[] = {
		{ "work", 0400, "systemd: from-systemd" },
		{ "work", 0600, "systemd: from-systemd" },
		/* The service's user has an ACL, which shows as the group's right. */
		{ "work", 0440, "systemd: from-systemd" },
		{ "work", 0460, "!others can use it (mode 0460)" },
		{ "work", 0404, "!others can use it (mode 0404)" },
		{ "work", 0, "!; systemd: there is no credential relay.work.password; key" },
		{ "home", 0400, "!; systemd: there is no credential relay.home.password; key" },
		{ "x/../work", 0400, "!; systemd: there is no credential relay.x/../work.password" },
		{ NULL, 0400, "!; systemd: no credentials were given; key" },
	};
	struct home *h = *state;

	setenv("CREDENTIALS_DIRECTORY", h->path, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct secret_query q = { .account = cases[i].account,
					  .host = "smtp.example.org",
					  .user = "joe",
					  .home = h->path };
		const char *want = cases[i].want;
		enum cause cause;
		unlink(home_file(h, "relay.work.password"));
		if (cases[i].mode) {
			put(h, "relay.work.password", "from-systemd\n", 13, cases[i].mode);
		}
		const char *got = find(&q, &cause);
		if (want[0] == '!' ? !strstr(got, want + 1) : strcmp(got, want) != 0) {
			fail_msg("%zu: %s", i, got);
		}
		/* Given, but unsafe: the next provider is not asked. */
		bool is_unsafe = strstr(want, "others can use it") != NULL;
		assert_int_equal(cause, want[0] != '!' ? CAUSE_NONE
					: is_unsafe    ? CAUSE_CONFIG
						       : CAUSE_SECRET);
	}
	/* password_file comes first, passwordeval comes later. */
	put(h, "relay.work.password", "from-systemd\n", 13, 0400);
	struct secret_query q = { .account = "work", .passwordeval = "echo from-command" };
	enum cause cause;
	assert_string_equal(find(&q, &cause), "systemd: from-systemd");
	put(h, "password", "from-file\n", 10, 0400);
	q.password_file = h->file;
	assert_string_equal(find(&q, &cause), "password_file: from-file");
}

/* A socket where nobody listens, and one that does not speak D-Bus: told, not waited for. */
static void a_session_bus_that_is_none_is_told(void **state)
{
	struct home *h = *state;
	struct secret_query q = { .account = "work",
				  .host = "smtp.example.org",
				  .user = "joe",
				  .home = h->path };
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	enum cause cause;

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", home_file(h, "bus"));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	const char *got = find(&q, &cause);
	assert_int_equal(cause, CAUSE_SECRET);
	assert_null(strstr(got, "there is no D-Bus session"));
	assert_non_null(strstr(got, "; keyring: "));
	setenv("DBUS_SESSION_BUS_ADDRESS", "nonsense", 1);
	assert_non_null(strstr(find(&q, &cause), "; keyring: "));
	close(fd);
}

/* As after su, which leaves the variables of the user before. */
static void a_session_bus_of_another_user_is_not_asked(void **state)
{
	static const char *const around[][2] = {
		{ "unix:path=", "" },
		{ "unix:guid=00,path=", "" },
		{ "unix:path=/no/such;unix:path=", ",guid=00" },
	};
	struct home *h = *state;
	struct secret_query q = { .account = "work",
				  .host = "smtp.example.org",
				  .user = "joe",
				  .home = h->path };
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	char address[200];
	enum cause cause;

	if (geteuid() != 0) {
		skip();
	}
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", home_file(h, "bus"));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(chown(name.sun_path, 65534, 65534), 0);
	assert_non_null(strstr(find(&q, &cause), "; keyring: there is no D-Bus session;"));
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		snprintf(address, sizeof(address), "%s%s%s", around[i][0], name.sun_path,
			 around[i][1]);
		setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
		assert_non_null(strstr(find(&q, &cause),
				       "; keyring: the D-Bus session is another user's;"));
	}
	/* The same with what may not stand in an address as it is. */
	snprintf(address, sizeof(address), "unix:path=/%%74mp%s", name.sun_path + 4);
	setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
	assert_non_null(strstr(find(&q, &cause),
			       "; keyring: the D-Bus session is another user's;"));
	close(fd);
}

static void a_named_provider_that_fails_is_the_end(void **state)
{
	struct home *h = *state;
	struct secret_query q = { .passwordeval = "echo hunter2; exit 1",
				  .account = "work",
				  .host = "smtp.example.org",
				  .user = "joe",
				  .home = h->path };
	enum cause cause;

	put(h, ".netrc", NETRC, strlen(NETRC), 0600);
	assert_string_equal(find(&q, &cause),
			    "passwordeval: the command ended with status 1");
	assert_int_equal(cause, CAUSE_SECRET);
	q.password_file = "/no/such/file";
	assert_string_equal(find(&q, &cause),
			    "password_file: /no/such/file: No such file or directory");
	assert_int_equal(cause, CAUSE_SECRET);
	q.password_file = "/dev/null";
	assert_string_equal(find(&q, &cause),
			    "password_file: /dev/null: it is not a file");
	q.password_file = h->path;
	assert_non_null(strstr(find(&q, &cause), ": it is not a file"));
	/* A pipe that nobody writes to is not waited for. */
	assert_int_equal(mkfifo(home_file(h, "password"), 0600), 0);
	q.password_file = h->file;
	assert_non_null(strstr(find(&q, &cause), ": it is not a file"));
}

static void a_file_that_others_can_use_is_refused(void **state)
{
	static const mode_t modes[] = { 0604, 0640, 0610, 0602, 0644, 0777, 0440 };
	struct home *h = *state;
	struct secret_query q = { .password_file = home_file(h, "password") };
	enum cause cause;
	char want[200];

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		put(h, "password", "hunter2\n", 8, modes[i]);
		snprintf(want, sizeof(want),
			 "password_file: %s: others can use it (mode %04o): chmod 600 %s",
			 h->file, modes[i], h->file);
		assert_string_equal(find(&q, &cause), want);
		assert_int_equal(cause, CAUSE_CONFIG);
		assert_int_equal(unlink(h->file), 0);
	}
	put(h, "password", "hunter2\n", 8, 0600);
	if (geteuid() == 0) {
		assert_int_equal(chown(h->file, 65534, 65534), 0);
		snprintf(want, sizeof(want),
			 "password_file: %s: it belongs to somebody else (user 65534)",
			 h->file);
		assert_string_equal(find(&q, &cause), want);
		assert_int_equal(cause, CAUSE_CONFIG);
	}
}

static void the_first_line_of_the_file_counts(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *want;
	} cases[] = {
		{ "hunter2", 7, "password_file: hunter2" },
		{ "hunter2\r\nx", 10, "password_file: hunter2" },
		{ " two words \n", 12, "password_file:  two words " },
		{ "", 0, "password_file: it is empty" },
		{ "\nhunter2\n", 9, "password_file: it is empty" },
		{ "hunter\0002\n", 9,
		  "password_file: CR, LF or NUL cannot be in a password" },
		{ "hunter\r2\n", 9,
		  "password_file: CR, LF or NUL cannot be in a password" },
	};
	struct home *h = *state;
	enum cause cause;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(h, "password", cases[i].text, cases[i].size, 0600);
		struct secret_query q = { .password_file = h->file };
		assert_string_equal(find(&q, &cause), cases[i].want);
	}
}

static void long_secrets_fit_up_to_the_maximum(void **state)
{
	struct home *h = *state;
	char *text = mem_alloc(SECRET_MAX + 2, 1);
	enum cause cause;

	memset(text, 'x', SECRET_MAX + 1);
	text[SECRET_MAX] = '\n';
	put(h, "password", text, SECRET_MAX + 1, 0600);
	struct secret_query q = { .password_file = h->file };
	assert_memory_equal(find(&q, &cause), "password_file: xxx", 18);
	text[SECRET_MAX] = 'x';
	put(h, "password", text, SECRET_MAX + 1, 0600);
	assert_non_null(
		strstr(find(&q, &cause), ": the line is longer than 16384 bytes"));
	q.password = text;
	assert_string_equal(find(&q, &cause), "password: it is longer than 16384 bytes");
	free(text);
}

static void a_line_break_cannot_come_from_the_configuration(void **state)
{
	struct secret_query q = { .password = "a\nMAIL FROM:<x>" };
	enum cause cause;

	(void)state;
	assert_string_equal(find(&q, &cause),
			    "password: CR, LF or NUL cannot be in a password");
	q.password = "";
	assert_string_equal(find(&q, &cause), "password: it is empty");
}

static void a_netrc_that_cannot_be_used_is_explained_at_the_end(void **state)
{
	struct home *h = *state;
	struct secret_query q = { .account = "work",
				  .host = "smtp.example.org",
				  .user = "joe",
				  .home = h->path };
	enum cause cause;
	char want[600];

	put(h, ".netrc", NETRC, strlen(NETRC), 0644);
	snprintf(want, sizeof(want),
		 NOTHING("joe", "%s: others can use it (mode 0644): chmod 600 %s"),
		 h->file, h->file);
	assert_string_equal(find(&q, &cause), want);
	assert_int_equal(cause, CAUSE_SECRET);

	/* The same file is nobody's concern when it has nothing for us. */
	q.user = "ann";
	assert_string_equal(find(&q, &cause), NOTHING_FOR("ann"));

	put(h, ".netrc", "machine a\nlogin \"joe\n", 21, 0600);
	snprintf(want, sizeof(want),
		 NOTHING("ann", "%s: line 2: the line ends inside a word"), h->file);
	assert_string_equal(find(&q, &cause), want);
	q.home = NULL;
	assert_string_equal(find(&q, &cause), NOTHING_FOR("ann"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, home_new, home_end)
	const struct CMUnitTest tests[] = {
		TEST(the_first_provider_that_answers_is_taken),
		TEST(a_named_provider_that_fails_is_the_end),
		TEST(a_credential_of_systemd_is_found_by_the_accounts_name),
		TEST(a_session_bus_that_is_none_is_told),
		TEST(a_session_bus_of_another_user_is_not_asked),
		TEST(a_file_that_others_can_use_is_refused),
		TEST(the_first_line_of_the_file_counts),
		TEST(long_secrets_fit_up_to_the_maximum),
		TEST(a_line_break_cannot_come_from_the_configuration),
		TEST(a_netrc_that_cannot_be_used_is_explained_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
