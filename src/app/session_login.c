/* SPDX-License-Identifier: ISC */
/* session_login: see session_login.h.  Must never leave a secret in memory that is freed. */
#include "app/session_login.h"
#include "sys/sasl.h"
#include "sys/tls.h"

#include <stdio.h>

void login_init(struct login *l, const struct hop *hop, struct span secret,
		const char *host)
{
	*l = (struct login){ .hop = hop, .secret = secret, .host = host };
	buf_init_secret(&l->binding, 256);
}

void login_clear(struct login *l)
{
	sasl_free(l->sasl);
	buf_clear(&l->binding);
}

bool login_begin(struct login *l, struct smtp_client *c, const struct smtp_action *action,
		 struct tls *tls, struct err *e)
{
	const struct account *a = l->hop->account;
	struct sasl_options options = {
		.user = conf_text(a, KEY_USER),
		.secret = l->secret,
		.host = l->host,
		.port = l->hop->port,
		.ntlm_domain = conf_text(a, KEY_NTLMDOMAIN),
		.allowed = conf_mechanisms(a),
		.is_tls = action->is_tls,
		.allow_cleartext = conf_on(a, KEY_AUTH_CLEARTEXT),
	};
	struct buf initial;
	bool has_initial = false;

	if (tls && tls_channel_binding(tls, &l->binding, &options.binding_type)) {
		options.binding = buf_span(&l->binding);
	}
	const char *mechanism = sasl_choose(action->caps->mechanisms, &options, e);
	if (!mechanism) {
		return false;
	}
	sasl_free(l->sasl);
	l->sasl = sasl_new(mechanism, &options, e);
	if (!l->sasl) {
		return false;
	}
	snprintf(l->mechanism, sizeof(l->mechanism), "%s", mechanism);
	buf_init_secret(&initial, 32768);
	bool ok = sasl_initial(l->sasl, &initial, &has_initial, e);
	if (ok) {
		struct span response = buf_span(&initial);
		smtp_client_auth(c, mechanism, has_initial ? &response : NULL,
				 sasl_is_single(l->sasl));
	}
	buf_clear(&initial);
	return ok;
}

void login_step(struct login *l, struct smtp_client *c, struct span challenge)
{
	struct buf response;
	struct err e;

	buf_init_secret(&response, 32768);
	if (sasl_step(l->sasl, challenge, &response, &e)) {
		smtp_client_auth_reply(c, buf_span(&response), sasl_is_proved(l->sasl));
	} else {
		smtp_client_auth_cancel(c, &e);
	}
	buf_clear(&response);
}

bool login_finish(struct login *l, struct err *e)
{
	return sasl_finish(l->sasl, e);
}

void login_add_reason(const struct login *l, struct err *e)
{
	const char *reason = l->sasl ? sasl_server_error(l->sasl) : "";

	if (reason[0]) {
		const struct err said = *e;
		err_set(e, said.cause, "%s (%s)", said.text, reason);
	}
}
