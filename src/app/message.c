/* SPDX-License-Identifier: ISC */
/* message: see message.h. */
#include "app/message.h"
#include "base/fs.h"
#include "base/mem.h"
#include "mail/wire.h"

#include <errno.h>
#include <poll.h>

/*
 * One read from standard input, one write to the file, and one window when sending from
 * it.  Large ones: the kernel then needs a tenth of the time for its page cache.
 */
enum { INPUT_CHUNK = 256 << 10, WRITE_SIZE = 512 << 10, WINDOW = 512 << 10 };

void message_init(struct message *m)
{
	*m = (struct message){ .fd = -1 };
	/* A chunk can grow by its line ends being completed: at most to the double. */
	buf_init(&m->header, MESSAGE_HEADER_MAX + 2 * INPUT_CHUNK);
	buf_init(&m->body, WRITE_SIZE + 2 * INPUT_CHUNK + 2);
	buf_init(&m->window, WINDOW);
}

void message_clear(struct message *m)
{
	buf_clear(&m->header);
	buf_clear(&m->body);
	buf_clear(&m->window);
	fs_close(&m->fd);
}

/* Moves the body to the file as soon as it does not fit into memory. */
static bool spill(struct message *m, struct err *e)
{
	if (m->body.size <= (m->fd < 0 ? MESSAGE_MEMORY_MAX : (size_t)WRITE_SIZE)) {
		return true;
	}
	if (m->fd < 0 && (m->fd = fs_unnamed(e)) < 0) {
		return false;
	}
	if (!fs_write_all(m->fd, m->body.data, m->body.size)) {
		return err_errno(e, CAUSE_OS, "cannot store the message");
	}
	buf_reset(&m->body);
	return true;
}

/* Once the border is known, what follows it moves from the header to the body. */
static bool split(struct message *m, const struct wire *w)
{
	if (!buf_add_span(&m->body, span_from(buf_span(&m->header), w->body_start))) {
		return false;
	}
	buf_drop_end(&m->header, m->header.size - w->header_end);
	return true;
}

static bool store(struct message *m, struct wire *w, struct span in, bool *in_body,
		  struct err *e)
{
	struct buf *out = *in_body ? &m->body : &m->header;
	bool fits = in.data ? wire_feed(w, in, out) : wire_end(w, out);

	if (!*in_body && m->header.size > MESSAGE_HEADER_MAX && w->body_start == WIRE_UNKNOWN) {
		fits = false;
	}
	if (fits && !*in_body && w->body_start != WIRE_UNKNOWN) {
		*in_body = true;
		fits = w->header_end <= MESSAGE_HEADER_MAX && split(m, w);
	}
	if (!fits) {
		return err_set(e, CAUSE_DATA, "the header is larger than %zu MiB",
			       MESSAGE_HEADER_MAX >> 20);
	}
	return spill(m, e);
}

/* A caller's pipe may be non-blocking: then wait for it. */
static ssize_t read_some(int fd, char *chunk)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	while ((n = fs_read(fd, chunk, INPUT_CHUNK)) < 0 && errno == EAGAIN) {
		if (poll(&p, 1, -1) < 0 && errno != EINTR) {
			break;
		}
	}
	return n;
}

bool message_read_input(struct message *m, int fd, bool ends_at_dot,
			unsigned long long size_max, struct err *e)
{
	struct wire w;
	bool in_body = false;
	char *chunk MEM_AUTO = mem_resize(NULL, INPUT_CHUNK, 1);

	wire_init(&w, ends_at_dot);
	while (!w.ended) {
		ssize_t n = read_some(fd, chunk);
		if (n < 0) {
			return err_errno(e, CAUSE_INPUT, "cannot read the message");
		}
		if (n == 0) {
			break;
		}
		if (!store(m, &w, span_of(chunk, (size_t)n), &in_body, e)) {
			return false;
		}
		if (size_max > 0 && w.size > size_max) {
			return err_set(e, CAUSE_DATA,
				       "the message is larger than message_size_limit (%llu bytes)",
				       size_max);
		}
	}
	if (!store(m, &w, span_of(NULL, 0), &in_body, e)) {
		return false;
	}
	if (m->fd >= 0 && m->body.size > 0) {
		if (!fs_write_all(m->fd, m->body.data, m->body.size)) {
			return err_errno(e, CAUSE_OS, "cannot store the message");
		}
		buf_clear(&m->body);
	}
	m->body_size = w.size - w.body_start;
	m->is_8bit = w.is_8bit;
	return true;
}

unsigned long long message_size(const struct message *m)
{
	return m->header.size + 2 + m->body_size;
}

bool message_read(struct message *m, unsigned long long offset, size_t max,
		  struct span *ret_bytes, struct err *e)
{
	if (offset < m->header.size) {
		*ret_bytes = span_first(span_from(buf_span(&m->header), (size_t)offset), max);
		return true;
	}
	offset -= m->header.size;
	if (offset < 2) {
		*ret_bytes = span_first(span_of(&"\r\n"[offset], 2 - (size_t)offset), max);
		return true;
	}
	offset -= 2;
	if (m->fd < 0) {
		*ret_bytes = span_first(span_from(buf_span(&m->body), (size_t)offset), max);
		return true;
	}
	buf_reset(&m->window);
	size_t want = max < WINDOW ? max : WINDOW;
	char *to = buf_room(&m->window, want);
	BUG_ON(!to);
	ssize_t n = fs_pread(m->fd, to, want, (off_t)offset);
	if (n == 0) {
		return err_set(e, CAUSE_OS, "the stored message is shorter than it was");
	}
	if (n < 0) {
		return err_errno(e, CAUSE_OS, "cannot read the stored message");
	}
	buf_grew(&m->window, (size_t)n);
	*ret_bytes = buf_span(&m->window);
	return true;
}
