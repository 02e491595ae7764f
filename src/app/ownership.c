/* SPDX-License-Identifier: ISC */
/* ownership: see ownership.h. */
#include "app/ownership.h"
#include "app/scope.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/addr.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>

/* The local part as it is meant: without quotes, blanks around it, and +detail. */
static char *login_of(const char *addr)
{
	struct span local = addr_local(span_str(addr));
	char *text = mem_alloc(local.size + 1, 1);
	bool is_quoted = local.size > 1 && local.data[0] == '"';
	size_t size = 0;

	if (is_quoted) {
		local = span_of(local.data + 1, local.size - 2);
	}
	for (size_t i = 0; i < local.size; i++) {
		i += is_quoted && local.data[i] == '\\' && i + 1 < local.size;
		text[size++] = local.data[i];
	}
	struct span name = span_trim(span_of(text, size));
	const char *plus = name.size > 0 ? memchr(name.data + 1, '+', name.size - 1) : NULL;
	char *login = mem_copy(name.data, plus ? (size_t)(plus - name.data) : name.size);
	free(text);
	return login;
}

/* OWNER_NONE: there is no such user. */
static enum ownership owner_of(const char *login, int64_t caller)
{
	errno = 0;
	const struct passwd *entry = getpwnam(login);
	if (entry) {
		return caller >= 0 && entry->pw_uid == (uid_t)caller ? OWNER_CALLER : OWNER_OTHER;
	}
	bool is_known = errno == 0 || errno == ENOENT || errno == ESRCH || errno == EBADF ||
			errno == EPERM;
	return is_known ? OWNER_NONE : OWNER_OTHER;
}

enum ownership ownership_of(const char *addr, const struct account *a, struct identity *id)
{
	if (addr[0] == '\0' || !local_is_own(addr, a, id)) {
		return OWNER_NONE;
	}
	char *login MEM_AUTO = login_of(addr);
	/* "uid1000": who has no name. */
	if (strcmp(login, identity_login(id)) == 0 && id->caller >= 0) {
		return OWNER_CALLER;
	}
	enum ownership found = owner_of(login, id->caller);
	for (char *p = login; *p; p++) {
		*p = text_lower(*p);
	}
	return found != OWNER_NONE ? found : owner_of(login, id->caller);
}

bool ownership_counts(const struct identity *id)
{
	return id->is_system && !scope_is_trusted(id->caller);
}
