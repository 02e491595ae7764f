/* SPDX-License-Identifier: ISC */
/* identity: see identity.h. */
#include "app/identity.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/net.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <unistd.h>

enum { NAME_SECONDS = 2 };

void identity_clear(struct identity *id)
{
	free(id->home);
	free(id->login);
	free(id->host);
	free(id->canonical);
	free(id->mailname);
	*id = (struct identity){ 0 };
}

static void look_up_passwd(struct identity *id)
{
	if (id->looked_up_passwd) {
		return;
	}
	id->looked_up_passwd = true;
	bool is_other = id->is_system && id->caller >= 0;
	uid_t uid = is_other ? (uid_t)id->caller : geteuid();
	const struct passwd *entry = getpwuid(uid);
	if (entry && !is_other && entry->pw_dir && entry->pw_dir[0] == '/' && !id->home) {
		id->home = mem_str(entry->pw_dir);
	}
	id->login = entry && entry->pw_name && entry->pw_name[0]
			    ? mem_str(entry->pw_name)
			    : mem_printf("uid%lu", (unsigned long)uid);
}

const char *identity_home(struct identity *id)
{
	/* In the system scope it is ours, also when a set-id program has called. */
	const char *home = id->is_system ? getenv("HOME") : secure_getenv("HOME");

	if (!id->home && home && home[0] == '/') {
		id->home = mem_str(home);
	}
	if (!id->home) {
		look_up_passwd(id);
	}
	return id->home;
}

const char *identity_login(struct identity *id)
{
	look_up_passwd(id);
	return id->login;
}

/* A name that can stand in an address; broken ones become "localhost". */
static char *safe_name(const char *name)
{
	size_t size = strlen(name);

	while (size > 0 && name[size - 1] == '.') {
		size--;
	}
	for (size_t i = 0; i < size; i++) {
		char c = name[i];
		if (!text_is_alpha(c) && !text_is_digit(c) && c != '-' && c != '.' && c != '_') {
			size = 0;
		}
	}
	return size > 0 ? mem_copy(name, size) : mem_str("localhost");
}

const char *identity_host(struct identity *id)
{
	char name[HOST_NAME_MAX + 1] = "";

	if (!id->host) {
		if (gethostname(name, sizeof(name)) != 0) {
			name[0] = '\0';
		}
		name[sizeof(name) - 1] = '\0';
		id->host = safe_name(name);
	}
	return id->host;
}

const char *identity_canonical(struct identity *id)
{
	if (id->canonical) {
		return id->canonical;
	}
	const char *host = identity_host(id);
	char name[256];
	/* It can be a question to DNS, and mail must not wait for a dead one. */
	bool is_full = !strchr(host, '.') &&
		       net_canonical(host, clock_deadline(NAME_SECONDS), name, sizeof(name)) &&
		       strchr(name, '.');
	id->canonical = is_full ? safe_name(name) : mem_str(host);
	return id->canonical;
}

const char *identity_mailname(struct identity *id)
{
	char line[256];

	if (id->mailname) {
		return id->mailname;
	}
	int fd FS_AUTO = open("/etc/mailname", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t size = fd < 0 ? 0 : fs_read(fd, line, sizeof(line) - 1);
	line[size > 0 ? size : 0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	struct span name = span_trim(span_str(line));
	char *text MEM_AUTO = mem_copy(name.data, name.size);
	id->mailname = name.size > 0 ? safe_name(text) : mem_str(identity_canonical(id));
	return id->mailname;
}

/* A variable of the environment that is set to something. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? value : NULL;
}

bool identity_name(void *identity, char letter, struct buf *to, struct err *e)
{
	struct identity *id = identity;
	const char *own = letter == 'U'	  ? (variable("USER") ? variable("USER") : variable("LOGNAME"))
			  : letter == 'H' ? variable("HOSTNAME")
					  : NULL;
	const char *name = own		   ? own
			   : letter == 'U' ? identity_login(id)
			   : letter == 'H' ? identity_host(id)
			   : letter == 'M' ? identity_mailname(id)
					   : identity_canonical(id);

	return buf_add_str(to, name) || err_set(e, CAUSE_CONFIG, "too long");
}
