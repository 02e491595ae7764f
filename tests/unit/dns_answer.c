/* SPDX-License-Identifier: ISC */
/* dns_answer: see dns_answer.h. */
#include "unit.h"

#include "dns_answer.h"

static void add_16(struct buf *to, unsigned n)
{
	assert_true(buf_add(to, (char[]){ (char)(n >> 8), (char)n }, 2));
}

static void add_name(struct buf *to, const char *name)
{
	while (*name && *name != '@') {
		size_t size = strcspn(name, ".@");
		assert_true(buf_add(to, (char[]){ (char)size }, 1) && buf_add(to, name, size));
		name += size + (name[size] == '.');
	}
	assert_true(*name ? buf_add(to, "\xc0\x0c", 2) : buf_add(to, "", 1));
}

void dns_begin(struct buf *to, unsigned records)
{
	buf_reset(to);
	add_16(to, 4711);
	add_16(to, 0x8180);
	add_16(to, 1);
	add_16(to, records);
	add_16(to, 0);
	add_16(to, 0);
	add_name(to, "example.org");
	add_16(to, DNS_SRV);
	add_16(to, DNS_IN);
}

void dns_add_record(struct buf *to, unsigned type, unsigned class, struct span data)
{
	add_name(to, "@");
	add_16(to, type);
	add_16(to, class);
	add_16(to, 0);
	add_16(to, 60);
	add_16(to, (unsigned)data.size);
	assert_true(buf_add_span(to, data));
}

void dns_add_srv(struct buf *to, unsigned priority, unsigned weight, unsigned port,
		 const char *target)
{
	struct buf data BUF_AUTO;

	buf_init(&data, 400);
	add_16(&data, priority);
	add_16(&data, weight);
	add_16(&data, port);
	add_name(&data, target);
	dns_add_record(to, DNS_SRV, DNS_IN, buf_span(&data));
}
