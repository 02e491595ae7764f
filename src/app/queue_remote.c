/* SPDX-License-Identifier: ISC */
/* queue_remote: see queue_remote.h.  Speaks a little SMTP: the greeting, and one command. */
#include "app/queue_remote.h"
#include "app/frame.h"
#include "app/handover.h"
#include "app/mailq.h"
#include "app/say.h"
#include "app/scope.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/net.h"
#include "sys/stream.h"
#include "config.h"

#include <errno.h>
#include <sysexits.h>
#include <unistd.h>

enum { CONNECT_SECONDS = 30, REPLY_SECONDS = 60 };
/* A command with so many IDs is shorter than SERVER_LINE_MAX, however long they are. */
enum { IDS_AT_ONCE = 50, COMMAND_MAX = 2000 };

#define MACHINES_QUEUE "\nIn the queue of the machine (relay queue -a " RELAY_SUBMIT_SOCKET "):\n"

static bool has_folder_option(const struct options *o)
{
	for (size_t i = 0; i < o->setting_count; i++) {
		if (o->settings[i].key == KEY_QUEUE_DIRECTORY) {
			return true;
		}
	}
	return false;
}

bool queue_remote_is(struct call *c)
{
	const struct options *o = &c->options;
	struct err ignored;

	if (!c->id.is_system && !o->file && handover_is_account(o->account)) {
		return true;
	}
	if (c->id.is_system || o->file || o->account || settings_has_host(o) ||
	    has_folder_option(o) || settings_read(&c->conf, o, &c->id, &ignored)) {
		return false;
	}
	/* What is wrong with it is told by who reads it again. */
	conf_clear(&c->conf);
	return c->id.may_hand_over;
}

/* -- the connection ---------------------------------------------------------------------- */

struct remote {
	struct stream stream;
	const char *heading;	/* stands before a list that is not empty; NULL: just print */
	char input[FRAME_MAX];
	size_t at, size;
};

/* Before its greeting. */
static const char full[] = ": perhaps it is full; try again later";

static bool read_byte(struct remote *r, char *ret, int64_t deadline, struct err *e)
{
	if (r->at == r->size) {
		ssize_t n = stream_read(&r->stream, r->input, sizeof(r->input), deadline, e);
		if (n <= 0) {
			return n < 0 ? false
				     : err_set(e, CAUSE_LOST,
					       "the service of the machine hung up%s",
					       r->size > 0 ? "" : full);
		}
		r->at = 0;
		r->size = (size_t)n;
	}
	*ret = r->input[r->at++];
	return true;
}

/* A line without its LF, and without CR before that. */
static bool read_line(struct remote *r, char *line, size_t size, int64_t deadline,
		      struct err *e)
{
	size_t n = 0;
	char c = '\0';

	while (n + 1 < size) {
		if (!read_byte(r, &c, deadline, e)) {
			return false;
		}
		if (c == '\n') {
			n -= n > 0 && line[n - 1] == '\r';
			line[n] = '\0';
			return true;
		}
		line[n++] = c;
	}
	return err_set(e, CAUSE_PROTOCOL, "the service of the machine sent a line without an end");
}

/* The reply must have this digit; its last line is the error else. */
static bool expect(struct remote *r, char digit, struct err *e)
{
	int64_t deadline = clock_deadline(REPLY_SECONDS);
	char line[1024];

	do {
		if (!read_line(r, line, sizeof(line), deadline, e)) {
			return false;
		}
	} while (text_is_digit(line[0]) && strlen(line) > 3 && line[3] == '-');
	return line[0] == digit ||
	       err_set(e, line[0] == '4' ? CAUSE_TEMP : CAUSE_REFUSED, "%s: %s", scope_socket, line);
}

/* Prints what is due before these bytes; false: they are not to be printed themselves. */
static bool introduce(struct remote *r, int to, struct span bytes)
{
	const char *heading = r->heading;

	if (!heading || to != STDOUT_FILENO) {
		return true;
	}
	r->heading = NULL;
	return !span_equal(bytes, span_str(mailq_empty)) &&
	       fs_write_all(to, heading, strlen(heading));
}

/* The bytes of a frame. */
static bool copy(struct remote *r, int to, unsigned size, struct err *e)
{
	int64_t deadline = clock_deadline(FRAME_WAIT_SECONDS);
	char bytes[FRAME_MAX];

	for (unsigned i = 0; i < size; i++) {
		if (!read_byte(r, &bytes[i], deadline, e)) {
			return false;
		}
	}
	return !introduce(r, to, span_of(bytes, size)) || fs_write_all(to, bytes, size) ||
	       err_errno(e, CAUSE_OS, "cannot write");
}

static bool take_frames(struct remote *r, int *ret_status, struct err *e)
{
	char line[FRAME_LINE_MAX];
	unsigned number;

	for (;;) {
		if (!read_line(r, line, sizeof(line), clock_deadline(FRAME_WAIT_SECONDS), e)) {
			return false;
		}
		switch (frame_parse(span_str(line), &number)) {
		case 'O':
		case 'E':
			if (!copy(r, line[0] == 'O' ? STDOUT_FILENO : STDERR_FILENO, number, e)) {
				return false;
			}
			break;
		case 'K':
			break;
		case 'X':
			*ret_status = (int)(number & 0xff);
			return true;
		default:
			return err_set(e, CAUSE_PROTOCOL,
				       "the service of the machine does not keep to its rules");
		}
	}
}

static bool converse(struct remote *r, struct span command, int *ret_status, struct err *e)
{
	return expect(r, '2', e) &&
	       stream_write(&r->stream, command, clock_deadline(REPLY_SECONDS), e) &&
	       expect(r, '2', e) && take_frames(r, ret_status, e);
}

/* NULL: nobody is there.  The caller closes its stream, and frees it. */
static struct remote *find(struct err *e)
{
	const struct net_target target = { .unix_path = scope_socket };
	char peer[NET_PEER_MAX];
	int fd = net_connect(&target, clock_deadline(CONNECT_SECONDS), peer, e);

	if (fd < 0) {
		return NULL;
	}
	struct remote *r = mem_alloc(1, sizeof(*r));
	stream_init(&r->stream, fd);
	return r;
}

static int ask(struct span command)
{
	struct err e;
	int status = EX_SOFTWARE;
	struct remote *r = find(&e);

	if (!r) {
		say("you have no configuration of your own, and the queue of the machine cannot "
		    "be had: %s; %s", e.text, handover_remedy(e.os_errno));
		return e.os_errno == ENOENT ? EX_CONFIG : EX_TEMPFAIL;
	}
	bool ok = converse(r, command, &status, &e);
	stream_close(&r->stream);
	free(r);
	return ok ? status : say_error(&e);
}

bool queue_remote_takes(bool *ret_greets, struct err *e)
{
	struct remote *r = find(e);

	*ret_greets = r && expect(r, '2', e);
	bool ok = *ret_greets &&
		  stream_write(&r->stream, span_str("HELO localhost\r\nMAIL FROM:<>\r\n"),
			       clock_deadline(REPLY_SECONDS), e) &&
		  expect(r, '2', e) && expect(r, '2', e);

	if (r) {
		stream_close(&r->stream);
		free(r);
	}
	return ok;
}

/* -- the commands ------------------------------------------------------------------------ */

/* A word before the command: the name to which its lines belong, when it is not relay queue. */
static const char *name_word(void)
{
	const char *name = say_name();

	return strcmp(name, "mailq") == 0 || strcmp(name, "sendmail") == 0 ? name : "";
}

int queue_remote(const char *command, bool is_json, bool has_now, const struct queue_ids *ids)
{
	size_t count = ids ? ids->count : 0, at = 0;
	int status = EX_OK;

	fflush(stdout);
	do {
		struct buf line BUF_AUTO;
		buf_init(&line, COMMAND_MAX);
		bool ok = buf_printf(&line, "XQUEUE%s %s %s%s%s%s",
				     isatty(STDOUT_FILENO) ? " tty" : "", name_word(), command,
				     is_json ? " --json" : "", has_now ? " --now" : "",
				     ids && ids->is_all ? " ALL" : "");
		for (size_t i = 0; ok && i < IDS_AT_ONCE && at < count; i++, at++) {
			ok = buf_printf(&line, " %.32s", ids->at[at]);
		}
		ok = ok && buf_add_str(&line, "\r\n");
		BUG_ON(!ok);
		int one = ask(buf_span(&line));
		status = status != EX_OK ? status : one;
	} while (at < count && status != EX_CONFIG && status != EX_TEMPFAIL);
	return status;
}

static int list_machine(struct call *c, const char *heading)
{
	struct err e;
	int status = EX_SOFTWARE;
	struct remote *r = find(&e);

	if (!r) {
		/* He has a queue of his own, and perhaps never anything there. */
		return EX_OK;
	}
	r->heading = heading;
	bool ok = converse(r, span_str(c->options.json ? "XQUEUE list --json\r\n"
						       : "XQUEUE list\r\n"),
			   &status, &e);
	stream_close(&r->stream);
	free(r);
	return ok ? status : say_error(&e);
}

int queue_remote_list(struct call *c)
{
	if (queue_remote_is(c)) {
		return queue_remote("list", c->options.json, false, NULL);
	}
	int status = mailq(c);
	bool is_all = !c->id.is_system && c->id.is_closed && !c->options.account &&
		      !has_folder_option(&c->options);
	if (!is_all || fflush(stdout) != 0) {
		return status;
	}
	int other = list_machine(c, c->options.json ? "" : MACHINES_QUEUE);
	return status != EX_OK ? status : other;
}

int queue_remote_flush(const struct flush_options *o)
{
	char *id MEM_AUTO = o->id ? mem_str(o->id) : NULL;
	const struct queue_ids ids = { .at = &id, .count = o->id ? 1 : 0 };

	if (o->recipient || o->sender || o->repeat_s > 0) {
		say("-qR, -qS and -q with a time are for a queue of your own; the machine's has "
		    "-q, -qf and -qI");
		return EX_USAGE;
	}
	return queue_remote("flush", false, o->now, &ids);
}
