/* SPDX-License-Identifier: ISC */
/*
 * flush_list: see flush_list.h.  Ten thousand accounts may have mail, and a configuration
 * with all of them is large: it is read once for all that can share it.
 */
#include "app/flush_list.h"
#include "app/settings.h"
#include "base/mem.h"

#include <stdlib.h>

struct flush_conf {
	struct conf conf;
	char *path;		/* queue_entry.config */
	bool is_shared;
	bool is_read;
	struct err why;		/* when it is not */
	struct flush_conf *next;
};

void flush_list_init(struct flush_list *l)
{
	*l = (struct flush_list){ 0 };
	conf_init(&l->fallback);
	conf_add_account(&l->fallback, "default");
}

void flush_list_clear(struct flush_list *l)
{
	struct flush_conf *c;

	for (size_t i = 0; i < l->group_count; i++) {
		free(l->groups[i].name);
		free(l->groups[i].why);
	}
	while ((c = l->confs)) {
		l->confs = c->next;
		conf_clear(&c->conf);
		free(c->path);
		free(c);
	}
	free(l->groups);
	free(l->hashes);
	free(l->items);
	conf_clear(&l->fallback);
	*l = (struct flush_list){ 0 };
}

/* -- configurations ------------------------------------------------------------------------- */

static bool is_same_path(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static struct flush_conf *find_conf(struct flush_list *l, const struct queue_entry *v,
				    struct identity *id)
{
	bool is_shared = settings_may_share(v);
	struct flush_conf *c = is_shared ? l->confs : NULL;

	while (c && (!c->is_shared || !is_same_path(c->path, v->config))) {
		c = c->next;
	}
	if (!c) {
		c = mem_alloc(1, sizeof(*c));
		conf_init(&c->conf);
		c->path = v->config ? mem_str(v->config) : NULL;
		c->is_shared = is_shared;
		c->is_read = settings_read_entry(&c->conf, v, id, &c->why);
		c->next = l->confs;
		l->confs = c;
	}
	return c;
}

/* -- groups --------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct queue *q, struct span name)
{
	uint64_t hash = 0xcbf29ce484222325u ^ (uintptr_t)q;

	for (size_t i = 0; i < name.size; i++) {
		hash = (hash ^ (unsigned char)name.data[i]) * 0x100000001b3u;
	}
	return hash;
}

static void find_account(struct flush_group *g, struct flush_conf *c, const struct queue_entry *v,
			 struct identity *id)
{
	struct err why = c->why;

	g->conf = &c->conf;
	g->account = c->is_read ? settings_of_via(&c->conf, v, queue_entry_via(v), id, &why)
				: NULL;
	if (!g->account) {
		g->why = mem_alloc(1, sizeof(*g->why));
		*g->why = why;
	}
}

static struct flush_group *add_group(struct flush_list *l, uint64_t hash)
{
	if (l->group_count == l->group_room) {
		l->group_room = l->group_room > 0 ? 2 * l->group_room : 4;
		l->groups = mem_resize(l->groups, l->group_room, sizeof(*l->groups));
		l->hashes = mem_resize(l->hashes, l->group_room, sizeof(*l->hashes));
	}
	l->hashes[l->group_count] = hash;
	return &l->groups[l->group_count++];
}

bool flush_list_group(struct flush_list *l, struct queue *q, const struct queue_entry *v,
		      struct identity *id, uint32_t *ret)
{
	struct buf name BUF_AUTO;

	buf_init(&name, QUEUE_GROUP_MAX);
	if (!queue_entry_group(v, queue_entry_via(v), &name) || l->group_count == UINT32_MAX) {
		return false;
	}
	uint64_t hash = hash_of(q, buf_span(&name));
	for (size_t i = l->group_count; i-- > 0;) {
		if (l->hashes[i] == hash && l->groups[i].queue == q &&
		    strcmp(l->groups[i].name, name.data) == 0) {
			*ret = (uint32_t)i;
			return true;
		}
	}
	struct flush_group *g = add_group(l, hash);
	*g = (struct flush_group){ .queue = q, .name = mem_copy(name.data, name.size) };
	find_account(g, find_conf(l, v, id), v, id);
	*ret = (uint32_t)l->group_count - 1;
	return true;
}
