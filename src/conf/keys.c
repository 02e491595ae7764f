/* SPDX-License-Identifier: ISC */
/* keys: the table of settings and look-ups in it.  Must never know an account. */
#include "conf/keys.h"
#include "base/text.h"

#include <limits.h>

static const struct key_row rows[KEY_COUNT] = {
#define KEY(id, ...) [KEY_##id] = { __VA_ARGS__ },
#include "conf/keys.def"
#undef KEY
};

/* NULL in when_on and when_off: the value is kept. */
static const struct key_heir heirs[] = {
	{ KEY_CONNECT_TIMEOUT, KEY_TIMEOUT, NULL, NULL },
	{ KEY_KEEPBCC, KEY_REMOVE_BCC_HEADERS, "off", "on" },
	{ KEY_UNDISCLOSED_RECIPIENTS, KEY_SET_TO_HEADER, "undisclosed_recipients",
	  "off" },
	{ KEY_ADD_MISSING_FROM_HEADER, KEY_SET_FROM_HEADER, "auto", "off" },
	{ KEY_ADD_MISSING_DATE_HEADER, KEY_SET_DATE_HEADER, "auto", "off" },
	{ KEY_TLS_NOCERTCHECK, KEY_TLS_CERTCHECK, "off", "on" },
	{ KEY_TLS_NOSTARTTLS, KEY_TLS_STARTTLS, "off", "on" },
};

const struct key_row *conf_key_row(enum key key)
{
	BUG_ON(key >= KEY_COUNT);
	return &rows[key];
}

/* Setting names are known with '_'; `-` is the spelling of the command line. */
static bool is_name(const char *name, struct span s)
{
	for (size_t i = 0; i < s.size; i++) {
		if (name[i] == '\0' || (s.data[i] == '-' ? '_' : s.data[i]) != name[i]) {
			return false;
		}
	}
	return name[s.size] == '\0';
}

bool conf_key_find(struct span name, enum key *ret_key)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (is_name(rows[i].name, name)) {
			*ret_key = (enum key)i;
			return true;
		}
	}
	return false;
}

const struct key_heir *key_heir(enum key key)
{
	for (size_t i = 0; i < sizeof(heirs) / sizeof(heirs[0]); i++) {
		if (heirs[i].old == key) {
			return &heirs[i];
		}
	}
	return NULL;
}

bool key_is_near(const char *wanted, const char *known, unsigned *best)
{
	unsigned distance = text_distance(wanted, known);
	/* One edit in a short word, two or three in a long one; not all of it. */
	size_t limit = strlen(wanted) < 6 ? 1 : strlen(wanted) < 12 ? 2 : 3;

	if (distance > limit || distance >= strlen(wanted) || distance >= *best) {
		return false;
	}
	*best = distance;
	return true;
}

const char *conf_key_nearest(struct span name)
{
	static const char *const words[] = { "account", "defaults", "eval" };
	char wanted[65] = "";
	const char *nearest = NULL;
	unsigned best = UINT_MAX;

	if (name.size >= sizeof(wanted)) {
		return NULL;
	}
	for (size_t i = 0; i < name.size; i++) {
		wanted[i] = name.data[i] == '-' ? '_' : text_lower(name.data[i]);
	}
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (!(rows[i].flags & KEY_OBSOLETE) &&
		    key_is_near(wanted, rows[i].name, &best)) {
			nearest = rows[i].name;
		}
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (key_is_near(wanted, words[i], &best)) {
			nearest = words[i];
		}
	}
	/* A name that was cut short: "tls_cert". */
	for (size_t i = 0; !nearest && i < KEY_COUNT && name.size >= 3; i++) {
		if (!(rows[i].flags & KEY_OBSOLETE) &&
		    strncmp(rows[i].name, wanted, name.size) == 0) {
			nearest = rows[i].name;
		}
	}
	return nearest;
}
