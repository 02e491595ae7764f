/* SPDX-License-Identifier: ISC */
/* substitute: see substitute.h.  Must never know where the names come from. */
#include "conf/substitute.h"
#include "base/text.h"

bool substitute(struct span text, const struct conf_env *env, struct buf *to, bool *ret_open,
		struct err *e)
{
	bool fits = true;

	*ret_open = false;
	for (size_t i = 0; i < text.size && fits; i++) {
		char letter = i + 1 < text.size ? text.data[i + 1] : '\0';
		bool is_name = text.data[i] == '%' && letter && strchr("UHCM", letter);
		if (!is_name) {
			fits = buf_add_byte(to, text.data[i]);
		} else if (!env->name) {
			*ret_open = true;
			fits = buf_add(to, text.data + i++, 2);
		} else if (!env->name(env->name_arg, letter, to, e)) {
			return false;
		} else {
			i++;
		}
	}
	if (!fits || text_has_line_break(buf_span(to))) {
		return err_set(e, CAUSE_CONFIG,
			       "too long, or a bad character, after substitution");
	}
	return true;
}
