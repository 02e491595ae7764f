/* SPDX-License-Identifier: ISC */
/*
 * author_reply: Reply-To for a message whose From was replaced.  Who would not have been
 * reached does not get one, nor does a message whose replies go to our address anyway.
 */
#include "base/mem.h"
#include "mail/author.h"
#include "mail/fold.h"

#include <stdlib.h>

/* Most addresses that replies go to: each local one can cost a look into the aliases. */
enum { REPLY_MAX = 20 };

/* Would the value as it stands reach everybody? */
static bool is_reachable(const struct author *a, const struct addr_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *spec = list->at[i].spec;
		if (spec[0] == '\0' || addr_is_bare(spec) || author_is_local(a, spec)) {
			return false;
		}
	}
	return true;
}

/* Who gets a reply to this address?  A local name that nobody reads is ours.  */
static bool add_reader(const struct author *a, const char *spec, struct addr_list *to,
		       struct err *e)
{
	bool is_local = author_is_local(a, spec);
	char *reader MEM_AUTO =
		is_local ? a->env->reader(a->env->context, spec) : mem_str(spec);

	return addr_list_add(to, reader ? reader : a->address, e);
}

static bool find_readers(const struct author *a, const struct addr_list *list,
			 struct addr_list *to, struct err *e)
{
	for (size_t i = 0; i < list->count && i < REPLY_MAX; i++) {
		const char *spec = list->at[i].spec;
		bool has_reader = spec[0] != '\0' &&
				  (!addr_is_bare(spec) || author_is_local(a, spec));
		if (has_reader && !add_reader(a, spec, to, e)) {
			return false;
		}
	}
	addr_list_unique(to);
	return true;
}

bool author_add_reply(const struct author *a, struct span value,
		      const struct addr_list *list, struct buf *out)
{
	struct addr_list to ADDR_LIST_AUTO;
	struct buf field BUF_AUTO;
	struct err ignored;

	addr_list_init(&to);
	buf_init(&field, out->max);
	if (list->count > 0 && is_reachable(a, list)) {
		return buf_add_str(out, "Reply-To:") && buf_add_span(out, value) &&
		       buf_add_str(out, "\r\n");
	}
	if (!find_readers(a, list, &to, &ignored)) {
		return true;
	}
	bool is_ours = to.count == 1 && addr_equal(to.at[0].spec, a->address);
	if (to.count == 0 || is_ours) {
		return true;
	}
	bool ok = buf_add_str(&field, "Reply-To:");
	for (size_t i = 0; ok && i < to.count; i++) {
		bool is_last = i + 1 == to.count;
		ok = buf_printf(&field, " %s%s", to.at[i].spec, is_last ? "\r\n" : ",");
	}
	return ok && fold_field(out, buf_span(&field));
}
