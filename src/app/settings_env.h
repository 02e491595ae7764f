/* SPDX-License-Identifier: ISC */
/*
 * settings_env: an account out of the environment, for containers: RELAY_HOST is `host`,
 * and so with every setting.  Only settings.c asks, and only where there is no file.
 *
 * Never for somebody else: not with rights that the caller does not have (set-uid), and a
 * run that works for other users' queues must not come here.
 */
#ifndef APP_SETTINGS_ENV_H
#define APP_SETTINGS_ENV_H

#include "conf/conf.h"

/*
 * Adds the account "default".  *ret_found = false: no setting is there, or they are not to
 * be believed.  Names that begin with RELAY_ and are no setting are other programs'
 * business, unless they are nearly one: that is an error, with the name that was meant.
 */
bool settings_env_read(struct conf *c, const struct conf_env *env, bool *ret_found,
		       struct err *e) RELAY_CHECKED;

#endif
