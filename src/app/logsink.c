/* SPDX-License-Identifier: ISC */
/* logsink: see logsink.h. */
#include "app/logsink.h"
#include "app/say.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdarg.h>
#include <syslog.h>
#include <unistd.h>

enum {
	LINE_MAX_BYTES = 8192,
	NAME_MAX_BYTES = 64,
	IDENT_MAX_BYTES = NAME_MAX_BYTES + 32,
};

struct logsink {
	int fd;			/* -1: no file, or it cannot be written */
	/* Copies: the account may get the same settings once more while the log is open. */
	char *path;
	char *time_format;	/* NULL: no time */
	char *host;
	int facility;		/* -1: no syslog */
	char name[NAME_MAX_BYTES];
	char ident[IDENT_MAX_BYTES];	/* openlog(3) keeps a pointer to it */
};

static const struct {
	const char *word;
	int facility;
} facilities[] = {
	{ "LOG_USER", LOG_USER },     { "LOG_MAIL", LOG_MAIL },	    { "LOG_LOCAL0", LOG_LOCAL0 },
	{ "LOG_LOCAL1", LOG_LOCAL1 }, { "LOG_LOCAL2", LOG_LOCAL2 }, { "LOG_LOCAL3", LOG_LOCAL3 },
	{ "LOG_LOCAL4", LOG_LOCAL4 }, { "LOG_LOCAL5", LOG_LOCAL5 }, { "LOG_LOCAL6", LOG_LOCAL6 },
	{ "LOG_LOCAL7", LOG_LOCAL7 }, { "on", LOG_USER },
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

static int open_file(const char *path)
{
	/* O_NONBLOCK: a FIFO that nobody reads must not hold us up. */
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = strcmp(path, "-") == 0 ? STDOUT_FILENO : open(path, flags, 0600);

	if (fd < 0) {
		tell_failure(path);
	}
	return fd;
}

static void close_file(struct logsink *sink)
{
	if (sink->fd > STDERR_FILENO) {
		fs_close(&sink->fd);
	}
	sink->fd = -1;
}

/* Blanks, brackets and colons would end the tag where log tools look for its end. */
static void set_name(struct logsink *sink, const char *name)
{
	snprintf(sink->name, sizeof(sink->name), "%s", name ? name : "");
	for (char *p = sink->name; *p; p++) {
		if (!text_is_alpha(*p) && !text_is_digit(*p) && !strchr("-_./", *p)) {
			*p = '_';
		}
	}
}

struct logsink *logsink_open(const struct account *a, struct identity *id)
{
	const char *path = conf_text(a, KEY_LOGFILE);
	const char *given = conf_text(a, KEY_LOGFILE_TIME_FORMAT);
	const char *format = given ? given : "%b %d %H:%M:%S";
	int facility = facility_of(a);
	int fd = path ? open_file(path) : -1;

	if (fd < 0 && facility < 0) {
		return NULL;
	}
	struct logsink *sink = mem_alloc(1, sizeof(*sink));
	*sink = (struct logsink){
		.fd = fd,
		.path = path ? mem_str(path) : NULL,
		.time_format = strcmp(format, "none") == 0 ? NULL : mem_str(format),
		.host = mem_str(identity_host(id)),
		.facility = facility,
	};
	set_name(sink, conf_text(a, KEY_SYSLOG_NAME));
	return sink;
}

void logsink_close(struct logsink *sink)
{
	if (!sink) {
		return;
	}
	if (sink->facility >= 0) {
		/* It forgets the pointer to our ident, too. */
		closelog();
	}
	close_file(sink);
	free(sink->path);
	free(sink->time_format);
	free(sink->host);
	free(sink);
}

/* "TIME HOST NAME/SERVICE[PID]: "; returns its length, below size. */
static size_t add_prefix(const struct logsink *sink, char *line, size_t size)
{
	time_t now = clock_now();
	struct tm local;
	size_t used = 0;

	if (sink->time_format) {
		localtime_r(&now, &local);
		used = strftime(line, size / 2, sink->time_format, &local);
		if (used > 0) {
			line[used++] = ' ';
		}
	}
	int more = snprintf(line + used, size - used, "%s %s[%ld]: ", sink->host, sink->ident,
			    (long)getpid());
	return used + (size_t)more < size ? used + (size_t)more : size - 1;
}

void logsink_put(struct logsink *sink, const char *service, const char *format, va_list args)
{
	char line[LINE_MAX_BYTES];
	const size_t room = sizeof(line) - 1;	/* for the line end */

	snprintf(sink->ident, sizeof(sink->ident), "%s%s%s", sink->name, sink->name[0] ? "/" : "",
		 service);
	size_t start = add_prefix(sink, line, room);
	int length = vsnprintf(line + start, room - start, format, args);
	if (length < 0) {
		return;
	}
	/* Names and identifiers come from strangers. */
	size_t size = strlen(line + start);
	text_sanitise(line + start, size);
	if (sink->facility >= 0) {
		openlog(sink->ident, LOG_PID, sink->facility);
		syslog(LOG_INFO | sink->facility, "%s", line + start);
	}
	line[start + size] = '\n';
	if (sink->fd >= 0 && !fs_write_all(sink->fd, line, start + size + 1)) {
		tell_failure(sink->path);
		close_file(sink);
	}
}
