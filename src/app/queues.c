/* SPDX-License-Identifier: ISC */
/* queues: see queues.h. */
#include "app/queues.h"
#include "app/ownership.h"
#include "app/say.h"
#include "base/mem.h"

#include <errno.h>
#include <sys/stat.h>

/* Most IDs that an error names. */
enum { NAMED_MAX = 4 };

static bool is_same_folder(const char *a, const char *b)
{
	struct stat x, y;

	return strcmp(a, b) == 0 ||
	       (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
		x.st_ino == y.st_ino);
}

static bool add_folder(struct queues *qs, const char *path, struct err *e)
{
	struct queue *q;

	for (size_t i = 0; i < qs->count; i++) {
		if (is_same_folder(queue_path(qs->at[i]), path)) {
			return true;
		}
	}
	if (!queue_open(path, false, &q, e)) {
		return false;
	}
	if (q) {
		qs->at = mem_resize(qs->at, qs->count + 1, sizeof(*qs->at));
		qs->at[qs->count++] = q;
	}
	return true;
}

/* --queue-directory=… is the only setting of the command line that matters here. */
static bool set_folder(struct account *a, struct call *c, struct err *e)
{
	struct conf_env env = { .home = identity_home(&c->id) };

	for (size_t i = 0; i < c->options.setting_count; i++) {
		const struct option_setting *s = &c->options.settings[i];
		if (s->key == KEY_QUEUE_DIRECTORY &&
		    !conf_set(a, s->key, span_str(s->value), "command line", &env, e)) {
			e->cause = CAUSE_USAGE;
			return false;
		}
	}
	return true;
}

static bool add_account(struct queues *qs, struct call *c, struct account *a, struct err *e)
{
	if (!set_folder(a, c, e)) {
		return false;
	}
	struct err why;
	char *path MEM_AUTO = settings_queue_path(a, &c->id, &why);
	if (!path || !add_folder(qs, path, &why)) {
		qs->status = say_error(&why);
	}
	return true;
}

static bool has_folder_option(const struct call *c)
{
	for (size_t i = 0; i < c->options.setting_count; i++) {
		if (c->options.settings[i].key == KEY_QUEUE_DIRECTORY) {
			return true;
		}
	}
	return false;
}

/* What was queued with --host, or before queue_directory was set, is still there. */
static void add_default(struct queues *qs, struct call *c)
{
	struct err why;
	char *path MEM_AUTO = settings_default_queue(&c->id, &why);

	if (path && !add_folder(qs, path, &why)) {
		qs->status = say_error(&why);
	}
}

/* Without any file there may still be mail that was sent with --host. */
static bool read_settings(struct call *c, struct err *e)
{
	if (c->conf.count > 0 || settings_read(&c->conf, &c->options, &c->id, e)) {
		return true;
	}
	if (c->options.file || c->options.account || e->os_errno != ENOENT) {
		return false;
	}
	conf_add_account(&c->conf, "default");
	return true;
}

static bool add_accounts(struct queues *qs, struct call *c, bool all, struct err *e)
{
	if (!read_settings(c, e)) {
		return false;
	}
	if (c->options.account) {
		struct account *a = conf_choose(&c->conf, c->options.account, NULL, e);
		if (!a || !all) {
			return a && add_account(qs, c, a, e);
		}
	}
	bool has_default = has_folder_option(c);
	for (size_t i = 0; i < c->conf.count; i++) {
		struct account *a = &c->conf.accounts[i];
		has_default = has_default || !conf_text(a, KEY_QUEUE_DIRECTORY);
		if (!add_account(qs, c, a, e)) {
			return false;
		}
	}
	if (!has_default) {
		add_default(qs, c);
	}
	return true;
}

static bool open_them(struct queues *qs, struct call *c, bool all, struct err *e)
{
	*qs = (struct queues){
		.is_limited = ownership_counts(&c->id),
		.viewer = c->id.caller,
		.is_for_terminal = c->is_for_terminal,
	};
	if (!add_accounts(qs, c, all, e)) {
		queues_close(qs);
		return false;
	}
	return true;
}

bool queues_open(struct queues *qs, struct call *c, struct err *e)
{
	return open_them(qs, c, false, e);
}

bool queues_open_all(struct queues *qs, struct call *c, struct err *e)
{
	return open_them(qs, c, true, e);
}

void queues_close(struct queues *qs)
{
	for (size_t i = 0; i < qs->count; i++) {
		queue_close(qs->at[i]);
	}
	free(qs->at);
	*qs = (struct queues){ 0 };
}

bool queues_sees(const struct queues *qs, const struct queue_entry *v)
{
	return !qs->is_limited || (qs->viewer >= 0 && v->uid == qs->viewer);
}

bool queues_sees_id(const struct queues *qs, struct queue *q, enum queue_place place,
		    const char *id)
{
	struct queue_entry v;
	struct err ignored;

	if (!qs->is_limited) {
		return true;
	}
	bool sees = queue_peek(q, place, id, &v, &ignored) == QUEUE_CLAIMED &&
		    queues_sees(qs, &v);
	queue_entry_clear(&v);
	return sees;
}

/* What was found so far; the texts of the first ones, for the error. */
struct search {
	const struct queues *queues;
	struct queues_hit *hit;
	size_t count;
	char named[NAMED_MAX * (QUEUE_ID_MAX + 2)];
};

static void found(struct search *s, struct queue *q, enum queue_place place, const char *id)
{
	size_t at = strlen(s->named);

	/* A file that is moved meanwhile is seen twice. */
	if (s->count > 0 && strcmp(s->hit->id, id) == 0 && s->hit->queue == q) {
		return;
	}
	if (s->count++ < NAMED_MAX) {
		snprintf(s->named + at, sizeof(s->named) - at, "%s%s", at ? ", " : "", id);
	}
	s->hit->queue = q;
	s->hit->place = place;
	snprintf(s->hit->id, sizeof(s->hit->id), "%s", id);
}

static bool search_place(struct search *s, struct queue *q, enum queue_place place,
			 struct span part, struct err *e)
{
	struct queue_names names = { 0 };
	bool ok = queue_list(q, place, &names, e);

	for (size_t i = 0; ok && i < names.count; i++) {
		if (queue_id_matches(names.at[i].id, part) &&
		    queues_sees_id(s->queues, q, place, names.at[i].id)) {
			found(s, q, place, names.at[i].id);
		}
	}
	queue_names_clear(&names);
	return ok;
}

/* A whole ID: no folder is read, so that thousands can be given to one command. */
static bool find_whole(const struct queues *qs, unsigned places, const char *id,
		       struct queues_hit *ret)
{
	struct err ignored;

	for (size_t i = 0; i < qs->count; i++) {
		for (unsigned place = 0; place < QUEUE_PLACES; place++) {
			struct queue_entry entry;
			if (!(places & 1u << place)) {
				continue;
			}
			enum queue_claim seen = queue_peek(qs->at[i], (enum queue_place)place, id,
							   &entry, &ignored);
			bool sees = !qs->is_limited ||
				    (seen == QUEUE_CLAIMED && queues_sees(qs, &entry));
			queue_entry_clear(&entry);
			if (sees && seen != QUEUE_GONE && seen != QUEUE_ERROR) {
				*ret = (struct queues_hit){ .queue = qs->at[i],
							    .place = (enum queue_place)place };
				snprintf(ret->id, sizeof(ret->id), "%s", id);
				return true;
			}
		}
	}
	return false;
}

static bool is_missing(const char *part, struct err *e)
{
	return part[0] ? err_set(e, CAUSE_INPUT, "%.64s: there is no such message in the queue",
				 part)
		       : err_set(e, CAUSE_INPUT, "an ID is empty");
}

bool queues_find(const struct queues *qs, unsigned places, const char *part,
		 struct queues_hit *ret, struct err *e)
{
	struct search s = { .queues = qs, .hit = ret };

	if (queue_id_is(span_str(part))) {
		return find_whole(qs, places, part, ret) || is_missing(part, e);
	}
	for (size_t i = 0; i < qs->count && part[0]; i++) {
		for (unsigned place = 0; place < QUEUE_PLACES; place++) {
			if ((places & 1u << place) &&
			    !search_place(&s, qs->at[i], (enum queue_place)place, span_str(part),
					  e)) {
				return false;
			}
		}
	}
	if (s.count == 0) {
		return is_missing(part, e);
	}
	return s.count == 1 ||
	       err_set(e, CAUSE_USAGE, "%.64s: more than one message has such an ID: %s%s", part,
		       s.named, s.count > NAMED_MAX ? " …" : "");
}
