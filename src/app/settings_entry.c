/* SPDX-License-Identifier: ISC */
/*
 * settings_entry: an account and the settings of a call, as a message in the queue keeps them,
 * and back.  See settings.h.
 */
#include "app/handover.h"
#include "app/settings.h"
#include "base/mem.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The command line that gave these settings.  The caller clears *o. */
static bool options_of_entry(struct options *o, const struct queue_entry *v, unsigned via,
			     struct err *e)
{
	*o = (struct options){ .account = queue_via_account(v, via), .file = v->config };
	o->settings = mem_alloc(v->setting_count, sizeof(*o->settings));
	for (size_t i = 0; i < v->setting_count; i++) {
		struct option_setting *s = &o->settings[o->setting_count++];
		s->value = v->settings[i].value;
		if (!conf_key_find(span_str(v->settings[i].name), &s->key)) {
			return err_set(e, CAUSE_CONFIG, "%s: there is no such setting any more",
				       v->settings[i].name);
		}
	}
	if (settings_has_host(o)) {
		o->account = NULL;	/* no file is read: its account has no name */
	}
	return true;
}

bool settings_read_entry(struct conf *c, const struct queue_entry *v, struct identity *id,
			 struct err *e)
{
	struct options o;

	if (handover_is_account(v->account) && !id->is_system) {
		return handover_account(c, e) != NULL;
	}
	bool ok = options_of_entry(&o, v, 0, e) && settings_read(c, &o, id, e);
	options_clear(&o);
	return ok;
}

bool settings_may_share(const struct queue_entry *v)
{
	return v->setting_count == 0 && !handover_is_account(v->account);
}

struct account *settings_of_via(struct conf *c, const struct queue_entry *v, unsigned via,
				struct identity *id, struct err *e)
{
	struct options o;
	struct account *a = options_of_entry(&o, v, via, e) ? settings_account(c, &o, id, NULL, e)
							    : NULL;

	options_clear(&o);
	return a;
}

/*
 * What only the making of the message needs, or is kept in the entry itself.  The fewer are
 * left, the more messages share a session.
 */
static bool is_spent(enum key key)
{
	static const enum key spent[] = {
		KEY_FROM, KEY_FROM_FULL_NAME, KEY_ALLOW_FROM_OVERRIDE, KEY_AUTO_FROM, KEY_MAILDOMAIN,
		KEY_SET_FROM_HEADER, KEY_SET_TO_HEADER, KEY_SET_DATE_HEADER, KEY_SET_MSGID_HEADER,
		KEY_REMOVE_BCC_HEADERS, KEY_DSN_NOTIFY, KEY_DSN_RETURN, KEY_MESSAGE_SIZE_LIMIT,
		KEY_ALIASES, KEY_QUEUE, KEY_QUEUE_DIRECTORY, KEY_DELIVERY_MODE,
	};

	for (size_t i = 0; i < sizeof(spent) / sizeof(spent[0]); i++) {
		if (key == spent[i]) {
			return true;
		}
	}
	return false;
}

/* The queue run has another working directory. */
static char *absolute_value(const struct option_setting *s)
{
	bool is_path = conf_key_row(s->key)->type == TYPE_PATH;
	char *here MEM_AUTO = NULL;

	if (!is_path || s->value[0] == '/' || s->value[0] == '~' || s->value[0] == '\0' ||
	    access(s->value, F_OK) != 0 || !(here = getcwd(NULL, 0))) {
		return mem_str(s->value);
	}
	return mem_printf("%s/%s", here, s->value);
}

/* -C ~/.relayrc is the account that everybody else means without it. */
static bool is_usual_file(const char *path, struct identity *id)
{
	const char *home = identity_home(id);
	char *usual MEM_AUTO = home ? mem_printf("%s/.relayrc", home) : NULL;
	struct stat x, y;

	return usual && stat(usual, &x) == 0 && stat(path, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

bool settings_to_entry(const struct account *a, const struct options *o, struct identity *id,
		       struct queue_entry *v, struct err *e)
{
	v->account = mem_str(a->name);
	if (o->file && !settings_has_host(o)) {
		v->config = realpath(o->file, NULL);
		if (!v->config) {
			return err_errno(e, CAUSE_CONFIG, "%s", o->file);
		}
		if (is_usual_file(v->config, id)) {
			free(v->config);
			v->config = NULL;
		}
	}
	for (size_t i = 0; i < o->setting_count; i++) {
		if (!is_spent(o->settings[i].key)) {
			char *value MEM_AUTO = absolute_value(&o->settings[i]);
			queue_entry_add_setting(v, conf_key_row(o->settings[i].key)->name, value);
		}
	}
	return true;
}
