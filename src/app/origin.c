/* SPDX-License-Identifier: ISC */
/* origin: see origin.h. */
#include "app/origin.h"
#include "app/local.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static const char *domain(void *context)
{
	struct call *c = context;

	return local_domain(c->account, &c->id);
}

static bool is_local(void *context, const char *spec)
{
	struct call *c = context;

	return spec[0] != '\0' && local_is_own(spec, c->account, &c->id);
}

static bool is_own(void *context, const char *spec)
{
	const struct call *c = context;

	return conf_takes_sender(c->account, spec);
}

/* Only who really reads it: a local name that was given a domain reaches nobody. */
static char *reader(void *context, const char *spec)
{
	struct call *c = context;
	struct addr_list list ADDR_LIST_AUTO;
	struct local_problems problems = { 0 };
	char *found = NULL;
	struct err ignored;

	addr_list_init(&list);
	char *full MEM_AUTO = local_qualify(spec, c->account, &c->id);
	if (addr_list_add(&list, spec, &ignored) &&
	    local_expand(&list, c->account, &c->id, &problems, &ignored) && list.count == 1 &&
	    !addr_equal(list.at[0].spec, full) && !is_local(c, list.at[0].spec)) {
		found = mem_str(list.at[0].spec);
	}
	local_problems_clear(&problems);
	return found;
}

static enum set_from set_from_of(const struct account *a)
{
	return conf_is(a, KEY_SET_FROM_HEADER, "on")   ? SET_FROM_ON
	       : conf_is(a, KEY_SET_FROM_HEADER, "off") ? SET_FROM_OFF
							: SET_FROM_AUTO;
}

/*
 * In a From that is missing: of the machine's mail the user, since the address is the same for
 * all of them.  NULL: no name.
 */
static const char *name_of_user(struct origin *o, struct call *c)
{
	if (!c->id.is_system || c->id.caller < 0 || !c->envelope.has_own) {
		return NULL;
	}
	snprintf(o->user, sizeof(o->user), "%.127s on %.180s", identity_login(&c->id),
		 identity_host(&c->id));
	return o->user;
}

/* In a From that is missing.  -F does not hide the user where the address is everybody's. */
static const char *name_of_author(struct origin *o, struct call *c, const char *setting)
{
	const char *given = c->options.full_name, *own = conf_from(c->account);
	const char *user = name_of_user(o, c);

	if (!given) {
		return setting ? setting : user;
	}
	bool is_shared = user && own && c->envelope.author && addr_equal(own, c->envelope.author);
	if (!is_shared || strlen(given) > ORIGIN_GIVEN_MAX) {
		return given;
	}
	if (!given[0]) {
		return user;
	}
	snprintf(o->both, sizeof(o->both), "%s (%.*s)", user, ORIGIN_GIVEN_MAX, given);
	return o->both;
}

void origin_init(struct origin *o, struct call *c)
{
	const char *full_name = conf_text(c->account, KEY_FROM_FULL_NAME);

	o->call = c;
	o->env = (struct author_env){ c, domain, is_local, is_own, reader };
	o->author = (struct author){
		.set_from = set_from_of(c->account),
		.address = c->envelope.author,
		.replaces_local = c->envelope.has_own,
		.name = name_of_author(o, c, full_name),
		.forced_name = full_name,
		.host = identity_host(&c->id),
		.env = &o->env,
	};
}
