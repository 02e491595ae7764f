/* SPDX-License-Identifier: ISC */
/*
 * postfix_rows: every parameter of Postfix, one row each: what becomes of it.  The first row
 * whose pattern fits counts, so names stand before the families that they belong to.  What is
 * not here is unknown.
 */
#include "import/postfix.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/duration.h"
#include "import/build.h"
#include "import/lines.h"

/* Under Postfix's own word, which is relay's word too. */
static void apply_same(struct postfix *p, const struct postfix_row *row, const char *value,
		       struct import_place at)
{
	build_set(p->im, &p->im->defaults, row->key, span_str(value), at, row->pattern);
}

/* smtp_helo_name, else myhostname. */
static void apply_name(struct postfix *p, const struct postfix_row *row, const char *value,
		       struct import_place at)
{
	if (row->pattern[0] == 's' || !postfix_is_set(p, span_of(NULL, 0), "smtp_helo_name")) {
		apply_same(p, row, value, at);
	}
}

/* "ipv4, ipv6" is all. */
static void apply_protocols(struct postfix *p, const struct postfix_row *row,
			    const char *value, struct import_place at)
{
	bool has_both = strstr(value, "ipv4") && strstr(value, "ipv6");

	apply_same(p, row, has_both ? "all" : value, at);
}

/* The one for smtp wins over the default; 0 has no limit; relay has at most 100. */
static void apply_limit(struct postfix *p, const struct postfix_row *row, const char *value,
			struct import_place at)
{
	unsigned long long number;

	if (row->pattern[0] == 'd' &&
	    postfix_is_set(p, span_of(NULL, 0), "smtp_destination_concurrency_limit")) {
		return;
	}
	if (text_unsigned(span_str(value), 1000000000, &number) &&
	    (number == 0 || number > 100)) {
		build_note(p->im, IMPORT_CHANGED, at, row->pattern,
			   "100 is the most that relay has");
		value = "100";
	}
	apply_same(p, row, value, at);
}

/* The second address: relay has one. */
static void apply_source(struct postfix *p, const struct postfix_row *row, const char *value,
			 struct import_place at)
{
	if (build_value(&p->im->defaults, KEY_SOURCE_IP)) {
		build_note(p->im, IMPORT_LEFT, at, row->pattern,
			   "relay has one source_ip, for one kind of addresses");
		return;
	}
	apply_same(p, row, value, at);
	build_note(p->im, IMPORT_CHANGED, at, row->pattern,
		   "with source_ip, relay uses only addresses of this kind");
}

static void apply_security(struct postfix *p, const struct postfix_row *row,
			   const char *value, struct import_place at)
{
	struct span list = span_str(value), word;

	while ((word = lines_word(&list, ", \t\r\n")).size > 0) {
		if (text_equal_fold(word, span_str("noplaintext"))) {
			build_note(p->im, IMPORT_CHANGED, at, row->pattern,
				   "noplaintext: relay uses PLAIN and LOGIN, but only inside TLS");
		} else if (!text_equal_fold(word, span_str("noanonymous"))) {
			build_note(p->im, IMPORT_LEFT, at, row->pattern,
				   "%.*s: list the allowed mechanisms in auth",
				   SPAN_ARG(span_first(word, 64)));
		}
	}
}

/* What other code reads. */
#define USED(name) { name, ROW_USED, NULL, NULL, 0 }
#define SAME(name, key) { name, ROW_APPLY, NULL, apply_same, key }
#define LEFT(name, why) { name, ROW_LEFT, why, NULL, 0 }
#define NOT_NEEDED(name) { name, ROW_NOT_NEEDED, NULL, NULL, 0 }

static const char recipients[] = "relay changes recipients only by aliases";
static const char tls[] = "relay has GnuTLS's own choice; see tls_priorities";
static const char copies[] = "relay makes no copies";
static const char pace[] = "relay has no pauses; see max_connections";
static const char checks[] = "relay looks at no contents";

static const struct postfix_row rows[] = {
	/* The server. */
	USED("relayhost"), USED("default_transport"), USED("transport_maps"),
	USED("sender_dependent_relayhost_maps"),
	USED("sender_dependent_default_transport_maps"),
	USED("smtp_fallback_relay"), USED("fallback_relay"), USED("smtp_tcp_port"),
	/* The login. */
	USED("smtp_sasl_auth_enable"), USED("smtp_sasl_password_maps"),
	USED("smtp_sasl_mechanism_filter"), USED("smtp_sasl_password_result_delimiter"),
	USED("smtp_sender_dependent_authentication"),
	{ "smtp_sasl_security_options", ROW_APPLY, NULL, apply_security, KEY_AUTH },
	{ "smtp_sasl_tls_security_options", ROW_APPLY, NULL, apply_security, KEY_AUTH },
	LEFT("smtp_sasl_tls_verified_security_options", "list the allowed mechanisms in auth"),
	NOT_NEEDED("smtp_sasl_*"),
	/* TLS. */
	USED("smtp_tls_security_level"), USED("smtp_use_tls"), USED("smtp_enforce_tls"),
	USED("smtp_tls_wrappermode"), USED("smtp_tls_policy_maps"), USED("smtp_tls_CAfile"),
	USED("smtp_tls_CApath"), USED("smtp_tls_cert_file"), USED("smtp_tls_key_file"),
	USED("smtp_tls_chain_files"), USED("smtp_tls_fingerprint_cert_match"),
	LEFT("smtp_tls_trust_anchor_file", "put the certificate into a file for tls_trust_file"),
	LEFT("smtp_tls_per_site", "use tls_* in the accounts"),
	LEFT("smtp_tls_servername", "relay sends the name of the host"),
	LEFT("smtp_tls_dcert_file", "relay has one certificate (tls_cert_file)"),
	LEFT("smtp_tls_eccert_file", "relay has one certificate (tls_cert_file)"),
	LEFT("smtp_tls_*protocols", tls), LEFT("smtp_tls_*ciphers", tls),
	NOT_NEEDED("smtp_tls_*"), NOT_NEEDED("tls_*"), NOT_NEEDED("tlsproxy_*"),
	NOT_NEEDED("tlsmgr_*"), NOT_NEEDED("openssl_path"),
	/* Names and addresses. */
	{ "smtp_helo_name", ROW_APPLY, NULL, apply_name, KEY_DOMAIN },
	{ "myhostname", ROW_APPLY, NULL, apply_name, KEY_DOMAIN },
	USED("mydomain"), USED("myorigin"), USED("mydestination"), USED("alias_maps"),
	USED("luser_relay"), USED("smtp_generic_maps"), USED("sender_canonical_maps"),
	USED("canonical_maps"), USED("masquerade_domains"), USED("smtp_header_checks"),
	USED("header_checks"),
	NOT_NEEDED("masquerade_*"), NOT_NEEDED("sender_canonical_classes"),
	NOT_NEEDED("canonical_classes"),
	LEFT("recipient_canonical_maps", recipients), LEFT("virtual_alias_maps", recipients),
	LEFT("virtual_maps", recipients), LEFT("relocated_maps", recipients),
	NOT_NEEDED("recipient_canonical_classes"),
	{ "inet_protocols", ROW_APPLY, NULL, apply_protocols, KEY_INET_PROTOCOLS },
	{ "smtp_bind_address", ROW_APPLY, NULL, apply_source, KEY_SOURCE_IP },
	{ "smtp_bind_address6", ROW_APPLY, NULL, apply_source, KEY_SOURCE_IP },
	/* The queue. */
	SAME("maximal_queue_lifetime", KEY_MAXIMAL_QUEUE_LIFETIME),
	SAME("bounce_queue_lifetime", KEY_BOUNCE_QUEUE_LIFETIME),
	SAME("minimal_backoff_time", KEY_MINIMAL_BACKOFF_TIME),
	SAME("maximal_backoff_time", KEY_MAXIMAL_BACKOFF_TIME),
	SAME("delay_warning_time", KEY_DELAY_WARNING_TIME),
	SAME("message_size_limit", KEY_MESSAGE_SIZE_LIMIT),
	SAME("syslog_name", KEY_SYSLOG_NAME),
	{ "default_destination_concurrency_limit", ROW_APPLY, NULL, apply_limit,
	  KEY_MAX_CONNECTIONS },
	{ "smtp_destination_concurrency_limit", ROW_APPLY, NULL, apply_limit,
	  KEY_MAX_CONNECTIONS },
	LEFT("queue_run_delay", "is the time between two `sendmail -q`, of cron or a timer"),
	LEFT("defer_transports", "set delivery_mode queue"),
	LEFT("default_*_rate_delay", pace), LEFT("smtp_*_rate_delay", pace),
	LEFT("relay_*_rate_delay", pace), NOT_NEEDED("*_rate_delay"), NOT_NEEDED("defer_code"),
	LEFT("soft_bounce", "a refusal is final here"),
	LEFT("notify_classes", "delivery reports go to the sender, or to system_mail"),
	LEFT("*_notice_recipient", "delivery reports go to the sender, or to system_mail"),
	{ "authorized_submit_users", ROW_APPLY, NULL, postfix_users, KEY_AUTHORIZED_SUBMIT_USERS },
	/* Contents and copies. */
	LEFT("always_bcc", copies), LEFT("sender_bcc_maps", copies),
	LEFT("recipient_bcc_maps", copies), LEFT("body_checks", checks),
	LEFT("smtp_body_checks", checks), LEFT("*_header_checks", checks),
	LEFT("smtp_reply_filter", "replies are read as they come"),
	LEFT("smtp_delivery_status_filter", "replies are read as they come"),
	LEFT("default_delivery_status_filter", "replies are read as they come"),
	LEFT("smtp_dns_reply_filter", "answers of DNS are taken as they come"),
	LEFT("use_srv_lookup", "name the server in host"),
	LEFT("smtp_discard_ehlo_keyword*", "relay uses what the server offers"),
	LEFT("smtp_never_send_ehlo", "relay always begins with EHLO"),
	LEFT("smtp_*_timeout", "relay has the timeouts of RFC 5321; see timeout"),
	LEFT("fallback_transport*", "relay delivers nothing on this machine"),
	LEFT("mailbox_command*", "relay delivers nothing on this machine"),
	LEFT("mailbox_transport*", "relay delivers nothing on this machine"),
	NOT_NEEDED("smtp_*"),
	/* Programs that do not run here, and what only they need. */
	NOT_NEEDED("smtpd_*"), NOT_NEEDED("postscreen_*"), NOT_NEEDED("lmtp_*"),
	NOT_NEEDED("local_*"), NOT_NEEDED("virtual_*"), NOT_NEEDED("relay_*"),
	NOT_NEEDED("milter_*"), NOT_NEEDED("*_milters"), NOT_NEEDED("qmgr_*"),
	NOT_NEEDED("qmqpd_*"), NOT_NEEDED("address_verify_*"), NOT_NEEDED("unverified_*"),
	NOT_NEEDED("anvil_*"), NOT_NEEDED("ipc_*"), NOT_NEEDED("trigger_*"),
	NOT_NEEDED("error_*"), NOT_NEEDED("retry_*"), NOT_NEEDED("discard_*"),
	NOT_NEEDED("flush_*"), NOT_NEEDED("fast_flush_*"), NOT_NEEDED("multi_*"),
	NOT_NEEDED("multi_instance*"), NOT_NEEDED("postmulti_*"), NOT_NEEDED("postlog*"),
	NOT_NEEDED("maillog_*"), NOT_NEEDED("mailbox_*"), NOT_NEEDED("mail_*"),
	NOT_NEEDED("message_*"), NOT_NEEDED("mime_*"), NOT_NEEDED("header_*"),
	NOT_NEEDED("body_checks_*"), NOT_NEEDED("cleanup_*"), NOT_NEEDED("rewrite_*"),
	NOT_NEEDED("resolve_*"), NOT_NEEDED("append_*"), NOT_NEEDED("swap_bangpath"),
	NOT_NEEDED("allow_*"), NOT_NEEDED("strict_*"), NOT_NEEDED("disable_*"),
	NOT_NEEDED("unknown_*"), NOT_NEEDED("reject_*"), NOT_NEEDED("access_map_*"),
	NOT_NEEDED("maps_rbl_*"), NOT_NEEDED("default_rbl_reply"), NOT_NEEDED("rbl_*"),
	NOT_NEEDED("permit_mx_backup_networks"), NOT_NEEDED("invalid_hostname_*"),
	NOT_NEEDED("non_fqdn_*"), NOT_NEEDED("plaintext_reject_code"), NOT_NEEDED("stress"),
	NOT_NEEDED("mynetworks*"), NOT_NEEDED("inet_interfaces"), NOT_NEEDED("proxy_*"),
	NOT_NEEDED("proxymap_*"), NOT_NEEDED("proxywrite_*"), NOT_NEEDED("connection_cache_*"),
	NOT_NEEDED("scache_*"), NOT_NEEDED("home_mailbox"), NOT_NEEDED("forward_*"),
	NOT_NEEDED("content_filter"), NOT_NEEDED("receive_override_options"),
	NOT_NEEDED("default_filter_nexthop"), NOT_NEEDED("alias_database"),
	NOT_NEEDED("newaliases_path"), NOT_NEEDED("mailq_path"), NOT_NEEDED("sendmail_*"),
	NOT_NEEDED("*_directory"), NOT_NEEDED("*_service_name"), NOT_NEEDED("*_service"),
	NOT_NEEDED("setgid_group"), NOT_NEEDED("default_privs"), NOT_NEEDED("biff"),
	NOT_NEEDED("compatibility_level"), NOT_NEEDED("recipient_delimiter"),
	NOT_NEEDED("debug*"), NOT_NEEDED("queue_*"), NOT_NEEDED("hash_queue_*"),
	NOT_NEEDED("bounce_*"), NOT_NEEDED("2bounce_*"), NOT_NEEDED("double_bounce_sender"),
	NOT_NEEDED("empty_address_*"), NOT_NEEDED("backwards_bounce_*"),
	NOT_NEEDED("delay_logging_*"), NOT_NEEDED("confirm_delay_cleared"),
	NOT_NEEDED("deliver_lock_*"), NOT_NEEDED("stale_lock_time"), NOT_NEEDED("fork_*"),
	NOT_NEEDED("default_*"), NOT_NEEDED("initial_destination_concurrency"),
	NOT_NEEDED("destination_concurrency_*"), NOT_NEEDED("in_flow_delay"),
	NOT_NEEDED("line_length_limit"), NOT_NEEDED("max_idle"), NOT_NEEDED("max_use"),
	NOT_NEEDED("process_*"), NOT_NEEDED("parent_domain_matches_subdomains"),
	NOT_NEEDED("authorized_*"), NOT_NEEDED("berkeley_db_*"), NOT_NEEDED("lmdb_*"),
	NOT_NEEDED("command_*"), NOT_NEEDED("daemon_*"), NOT_NEEDED("service_*"),
	NOT_NEEDED("enable_*"), NOT_NEEDED("expand_owner_alias"), NOT_NEEDED("export_*"),
	NOT_NEEDED("execution_*"), NOT_NEEDED("import_environment"), NOT_NEEDED("info_log_*"),
	NOT_NEEDED("internal_mail_*"), NOT_NEEDED("known_tcp_ports"),
	NOT_NEEDED("local_header_rewrite_clients"), NOT_NEEDED("remote_header_*"),
	NOT_NEEDED("master_service_disable"), NOT_NEEDED("dont_remove"),
	NOT_NEEDED("double_*"), NOT_NEEDED("duplicate_filter_limit"),
	NOT_NEEDED("detect_8bit_*"), NOT_NEEDED("dns*"), NOT_NEEDED("fault_injection_code"),
	NOT_NEEDED("frozen_delivered_to"), NOT_NEEDED("prepend_delivered_header"),
	NOT_NEEDED("helpful_warnings"), NOT_NEEDED("hopcount_limit"),
	NOT_NEEDED("ignore_mx_lookup_error"), NOT_NEEDED("lock_*"),
	NOT_NEEDED("nested_header_checks"), NOT_NEEDED("nullmx_*"),
	NOT_NEEDED("opts_*"), NOT_NEEDED("owner_request_special"), NOT_NEEDED("pickup_*"),
	NOT_NEEDED("pipe_*"), NOT_NEEDED("propagate_unmatched_extensions"),
	NOT_NEEDED("recipient_*"), NOT_NEEDED("require_home_directory"),
	NOT_NEEDED("reset_owner_alias"), NOT_NEEDED("respectful_logging"),
	NOT_NEEDED("send_cyrus_sasl_authzid"), NOT_NEEDED("cyrus_sasl_config_path"),
	NOT_NEEDED("sender_based_routing"), NOT_NEEDED("show_user_unknown_table_name"),
	NOT_NEEDED("smtputf8_*"), NOT_NEEDED("sun_mailtool_compatibility"),
	NOT_NEEDED("syslog_facility"), NOT_NEEDED("tcp_windowsize"),
	NOT_NEEDED("transport_retry_time"),
	NOT_NEEDED("trace_*"), NOT_NEEDED("undisclosed_recipients_header"),
	NOT_NEEDED("verp_*"), NOT_NEEDED("cyrus_*"), NOT_NEEDED("shlib_*"),
	NOT_NEEDED("best_mx_transport"), NOT_NEEDED("broken_sasl_auth_clients"),
	NOT_NEEDED("always_add_missing_headers"), NOT_NEEDED("application_event_*"),
	NOT_NEEDED("alternate_config_directories"), NOT_NEEDED("force_mime_*"),
	NOT_NEEDED("requiretls_*"), NOT_NEEDED("nonexistent_*"),
	/* Limits of one transport. */
	NOT_NEEDED("*_destination_recipient_limit"), NOT_NEEDED("*_destination_concurrency_*"),
	NOT_NEEDED("*_initial_destination_concurrency"), NOT_NEEDED("*_delivery_slot_*"),
	NOT_NEEDED("*_minimum_delivery_slots"), NOT_NEEDED("*_recipient_limit"),
	NOT_NEEDED("*_recipient_refill_*"), NOT_NEEDED("*_time_limit"),
};

const struct postfix_row *postfix_row_find(struct span name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (text_match(rows[i].pattern, name)) {
			return &rows[i];
		}
	}
	return NULL;
}
