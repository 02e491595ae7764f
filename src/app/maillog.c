/* SPDX-License-Identifier: ISC */
/* maillog: see maillog.h. */
#include "app/maillog.h"
#include "app/say.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/rewrite.h"

#include <fcntl.h>
#include <syslog.h>
#include <unistd.h>

static const struct {
	const char *word;
	int facility;
} facilities[] = {
	{ "LOG_USER", LOG_USER },     { "LOG_MAIL", LOG_MAIL },	    { "LOG_LOCAL0", LOG_LOCAL0 },
	{ "LOG_LOCAL1", LOG_LOCAL1 }, { "LOG_LOCAL2", LOG_LOCAL2 }, { "LOG_LOCAL3", LOG_LOCAL3 },
	{ "LOG_LOCAL4", LOG_LOCAL4 }, { "LOG_LOCAL5", LOG_LOCAL5 }, { "LOG_LOCAL6", LOG_LOCAL6 },
	{ "LOG_LOCAL7", LOG_LOCAL7 }, { "on", LOG_USER },
};

/* Where lines go. */
struct sink {
	int fd;		/* -1: no file, or it cannot be written */
	const char *path;
	int facility;	/* -1: no syslog */
	char prefix[512];	/* "time host sendmail[pid]: " for the file */
};

static int facility_of(const struct account *a)
{
	for (size_t i = 0; i < sizeof(facilities) / sizeof(facilities[0]); i++) {
		if (conf_is(a, KEY_SYSLOG, facilities[i].word)) {
			return facilities[i].facility;
		}
	}
	return -1;
}

static void tell_failure(const char *path)
{
	struct err e;

	err_errno(&e, CAUSE_OS, "cannot write the log %s", path);
	say("%s", e.text);
}

static void open_sink(struct sink *sink, const struct account *a, struct identity *id)
{
	const char *path = conf_text(a, KEY_LOGFILE);
	const char *format = conf_text(a, KEY_LOGFILE_TIME_FORMAT);
	time_t now = clock_now();
	struct tm local;
	char stamp[128];

	*sink = (struct sink){ .fd = -1, .path = path, .facility = facility_of(a) };
	if (!path) {
		return;
	}
	/* O_NONBLOCK: a FIFO that nobody reads must not hold us up. */
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	sink->fd = strcmp(path, "-") == 0 ? STDOUT_FILENO : open(path, flags, 0600);
	if (sink->fd < 0) {
		tell_failure(path);
		return;
	}
	localtime_r(&now, &local);
	bool has_time = !format || strcmp(format, "none") != 0;
	if (!has_time ||
	    strftime(stamp, sizeof(stamp), format ? format : "%b %d %H:%M:%S", &local) == 0) {
		stamp[0] = '\0';
	}
	snprintf(sink->prefix, sizeof(sink->prefix), "%s%s%s sendmail[%ld]: ", stamp,
		 has_time ? " " : "", identity_host(id), (long)getpid());
}

static void close_file(struct sink *sink)
{
	if (sink->fd > STDERR_FILENO) {
		fs_close(&sink->fd);
	}
	sink->fd = -1;
}

/* One write a line, so that lines of several processes never mix. */
static void put(struct sink *sink, struct buf *line)
{
	/* Names and identifiers come from strangers. */
	text_sanitise(line->data, line->size);
	if (sink->fd >= 0) {
		char *text MEM_AUTO = mem_printf("%s%s\n", sink->prefix, line->data);
		if (!fs_write_all(sink->fd, text, strlen(text))) {
			tell_failure(sink->path);
			close_file(sink);
		}
	}
	if (sink->facility >= 0) {
		syslog(LOG_INFO | sink->facility, "%s", line->data);
	}
}

/* Short, unique enough for a log: time in microseconds and some chance, base 32. */
static void make_id(char id[12])
{
	static const char digits[] = "0123456789BCDFGHJKLMNPQRSTVWXYZs";
	unsigned char random[11];

	clock_random(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++) {
		id[i] = digits[random[i] & 31];
	}
	id[11] = '\0';
}

static void recipient_line(struct buf *line, const char *log_id, const struct delivery *d,
			   const struct smtp_rcpt *rcpt, const struct session_facts *facts,
			   int64_t delay_ms)
{
	static const struct {
		const char *status, *dsn;
	} words[] = {
		[VERDICT_UNTRIED] = { "deferred", "4.0.0" },
		[VERDICT_ACCEPTED] = { "sent", "2.0.0" },
		[VERDICT_TEMPORARY] = { "deferred", "4.0.0" },
		[VERDICT_PERMANENT] = { "bounced", "5.0.0" },
		[VERDICT_UNKNOWN] = { "deferred", "4.4.2" },
	};
	const struct account *a = d->account;
	const struct outcome *o = &rcpt->outcome;
	const char *host = conf_text(a, KEY_SOCKET) ? NULL : conf_text(a, KEY_HOST);
	char relay[512] = "none";
	bool maybe_twice = o->verdict == VERDICT_UNKNOWN ||
			   (o->verdict == VERDICT_ACCEPTED && facts->maybe_twice);

	if (facts->peer[0] && host) {
		snprintf(relay, sizeof(relay), "%s[%s]:%u", host, facts->peer, conf_port(a));
	} else if (facts->peer[0]) {
		snprintf(relay, sizeof(relay), "%s", facts->peer);
	}
	bool fits = buf_printf(line,
			       "%s: to=<%s>, relay=%s, delay=%lld.%02lld, dsn=%s, status=%s (%s%s)"
			       ", account=%s, tls=%s, auth=%s",
			       log_id, rcpt->addr, relay, (long long)delay_ms / 1000,
			       (long long)delay_ms % 1000 / 10,
			       o->enhanced[0] ? o->enhanced : words[o->verdict].dsn,
			       words[o->verdict].status, o->text,
			       maybe_twice ? "; possible duplicate" : "", a->name,
			       facts->tls_version[0] ? facts->tls_version : "none",
			       facts->mechanism[0] ? facts->mechanism : "none");
	if (!fits) {
		buf_reset(line);
	}
}

void maillog_write(const struct delivery *d, struct identity *id, const struct smtp_txn *txn,
		   const struct session_facts *facts, int64_t delay_ms)
{
	struct sink sink;
	struct buf line BUF_AUTO;
	char log_id[12];

	buf_init(&line, 8192);
	open_sink(&sink, d->account, id);
	if (sink.fd < 0 && sink.facility < 0) {
		return;
	}
	if (sink.facility >= 0) {
		openlog("sendmail", LOG_PID, sink.facility);
	}
	make_id(log_id);
	struct span message_id = rewrite_message_id(buf_span(&d->message->header));
	if (buf_printf(&line, "%s: from=<%s>, size=%llu, nrcpt=%zu, message-id=%.*s", log_id,
		       txn->sender, txn->size, txn->rcpt_count, SPAN_ARG(message_id))) {
		put(&sink, &line);
	}
	for (size_t i = 0; i < txn->rcpt_count; i++) {
		buf_reset(&line);
		recipient_line(&line, log_id, d, &txn->rcpts[i], facts, delay_ms);
		put(&sink, &line);
	}
	close_file(&sink);
}
