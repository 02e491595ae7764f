/* SPDX-License-Identifier: ISC */
/* payer: see payer.h. */
#include "app/payer.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>

#define TABLE "/etc/subuid"
/* More than any machine has in there. */
#define TABLE_MAX ((size_t)16 << 20)

/* Takes a line off *table: "OWNER:FIRST:COUNT".  False: it is none of these. */
static bool next_line(struct span *table, struct span *ret_owner, struct queue_uids *ret_uids)
{
	const char *end = memchr(table->data, '\n', table->size);
	struct span line = span_first(*table, end ? (size_t)(end - table->data) : table->size);
	struct span field[3] = { { .size = 0 } };
	unsigned long long first, count;

	*table = span_from(*table, line.size + 1);
	for (size_t i = 0; i < 3; i++) {
		const char *colon = line.size > 0 ? memchr(line.data, ':', line.size) : NULL;
		size_t size = colon && i < 2 ? (size_t)(colon - line.data) : line.size;
		field[i] = span_trim(span_first(line, size));
		line = span_from(line, size + 1);
	}
	if (field[0].size == 0 || !text_unsigned(field[1], UINT32_MAX, &first) ||
	    !text_unsigned(field[2], UINT32_MAX, &count) || count == 0) {
		return false;
	}
	*ret_owner = field[0];
	*ret_uids = (struct queue_uids){ (int64_t)first, (int64_t)(first + count - 1) };
	return true;
}

struct span payer_in(struct span table, int64_t uid)
{
	struct queue_uids uids;
	struct span owner;

	while (table.size > 0) {
		if (next_line(&table, &owner, &uids) && uid >= uids.first && uid <= uids.last) {
			return owner;
		}
	}
	return span_of(NULL, 0);
}

static bool read_table(struct buf *table)
{
	struct err ignored;
	int fd FS_AUTO = open(TABLE, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd >= 0 && fs_read_all(fd, table, &ignored);
}

static void add_uids(struct payer *p, struct queue_uids uids)
{
	if (p->count < PAYER_RANGES_MAX) {
		p->uids[p->count++] = uids;
	}
}

static bool is_payer(const struct payer *p, struct span owner)
{
	unsigned long long uid;

	return span_equal(owner, span_str(p->login)) ||
	       (text_unsigned(owner, UINT32_MAX, &uid) && (int64_t)uid == p->uid);
}

/* All that he has. */
static void add_ranges(struct payer *p, struct span table)
{
	struct queue_uids uids;
	struct span owner;

	while (table.size > 0) {
		if (next_line(&table, &owner, &uids) && is_payer(p, owner)) {
			add_uids(p, uids);
		}
	}
}

static bool take_owner(struct payer *p, struct span owner)
{
	char *name MEM_AUTO = mem_copy(owner.data, owner.size);
	unsigned long long uid;
	const struct passwd *entry = text_unsigned(owner, UINT32_MAX - 1, &uid)
					     ? getpwuid((uid_t)uid)
					     : getpwnam(name);

	if (!entry) {
		return false;
	}
	free(p->login);
	p->uid = (int64_t)entry->pw_uid;
	p->login = mem_str(entry->pw_name);
	p->count = 0;
	add_uids(p, (struct queue_uids){ p->uid, p->uid });
	return true;
}

void payer_find(struct payer *p, struct identity *id)
{
	struct buf table BUF_AUTO;

	*p = (struct payer){ .uid = id->caller };
	add_uids(p, (struct queue_uids){ id->caller, id->caller });
	buf_init(&table, TABLE_MAX);
	if (id->caller < 0) {
		return;
	}
	p->login = mem_str(identity_login(id));
	if (!read_table(&table)) {
		return;
	}
	/* Who has a name is himself. */
	if (!getpwuid((uid_t)id->caller)) {
		struct span owner = payer_in(buf_span(&table), id->caller);
		if (owner.size == 0 || !take_owner(p, owner)) {
			return;
		}
	}
	add_ranges(p, buf_span(&table));
}

void payer_clear(struct payer *p)
{
	free(p->login);
	*p = (struct payer){ .uid = -1 };
}
