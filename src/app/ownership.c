/* SPDX-License-Identifier: ISC */
/* ownership: see ownership.h. */
#include "app/ownership.h"
#include "app/scope.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/addr.h"
#include "sys/idn.h"

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

/* "uid1000": as identity_login names a user who has no name. */
static bool is_nameless(const char *login)
{
	unsigned long long uid;

	return strncmp(login, "uid", 3) == 0 &&
	       text_unsigned(span_str(login + 3), UINT32_MAX, &uid);
}

/* OWNER_NONE: there is no such user. */
static enum ownership owner_of(const char *login, int64_t caller)
{
	if (is_nameless(login)) {
		return OWNER_OTHER;
	}
	errno = 0;
	const struct passwd *entry = getpwnam(login);
	if (entry) {
		return caller >= 0 && entry->pw_uid == (uid_t)caller ? OWNER_CALLER : OWNER_OTHER;
	}
	bool is_known = errno == 0 || errno == ENOENT || errno == ESRCH || errno == EBADF ||
			errno == EPERM;
	return is_known ? OWNER_NONE : OWNER_OTHER;
}

/* With the domain as DNS has it: letters that only look different are the same there. */
static char *as_it_leaves(const char *addr)
{
	struct span all = span_str(addr), domain = addr_domain(all);
	struct buf text;
	struct err ignored;

	buf_init(&text, 2 * ADDR_MAX);
	if (text_is_ascii(domain) ||
	    !buf_add_span(&text, span_first(all, all.size - domain.size)) ||
	    !idn_to_ascii(domain, &text, &ignored)) {
		buf_clear(&text);
		return mem_str(addr);
	}
	return buf_take(&text);
}

/* Do names without a domain leave with one, and not as the account's own address? */
static bool has_given_domain(const char *addr, const struct account *a, struct identity *id)
{
	const char *from = conf_from(a);
	bool has_own = from && strcmp(from, CONF_FROM_AUTHOR) != 0 && !conf_on(a, KEY_AUTO_FROM);

	return !has_own &&
	       text_equal_fold(addr_domain(span_str(addr)), span_str(local_domain(a, id)));
}

enum ownership ownership_of(const char *given, const struct account *a, struct identity *id)
{
	char *addr MEM_AUTO = as_it_leaves(given);

	if (addr[0] == '\0' || (!local_is_own(addr, a, id) && !has_given_domain(addr, a, id))) {
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
