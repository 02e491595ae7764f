/* SPDX-License-Identifier: ISC */
/* once: see once.h.  Must never lose what stands in a field. */
#include "mail/once.h"
#include "base/text.h"

static const char *const names[] = {
	"Date", "Sender", "Message-ID", "In-Reply-To", "References", "Subject",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition",
	"Content-ID", "Content-Description",
};

enum { NAME_COUNT = sizeof(names) / sizeof(names[0]) };

_Static_assert(NAME_COUNT <= 16, "each has a bit");

bool once_is_again(struct once *o, struct span name)
{
	for (unsigned i = 0; i < NAME_COUNT; i++) {
		if (text_equal_fold(name, span_str(names[i]))) {
			bool is_again = (o->seen >> i & 1) != 0;
			o->seen |= 1u << i;
			return is_again;
		}
	}
	return false;
}

bool once_keep(const struct header_field *field, struct buf *out)
{
	return span_trim(field->value).size == 0 ||
	       (buf_add_str(out, "X-Original-") && buf_add_span(out, field->whole));
}
