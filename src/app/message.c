/* SPDX-License-Identifier: ISC */
/* message: see message.h. */
#include "app/message.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

/*
 * One read from standard input, one write to the file, and one window when sending from
 * it.  Large ones: the kernel then needs a tenth of the time for its page cache.
 */
enum { INPUT_CHUNK = 256 << 10, WRITE_SIZE = 512 << 10, WINDOW = 512 << 10 };
/* But a small one as long as all of it comes at once: most mail is short, and pages cost. */
enum { FIRST_CHUNK = 16 << 10 };

/* What the next read goes to. */
struct chunk {
	char *data;
	size_t size;
};

void message_init(struct message *m)
{
	*m = (struct message){ .fd = -1 };
	/* A chunk can grow by its line ends being completed: at most to the double. */
	buf_init(&m->header, MESSAGE_HEADER_MAX + 2 * INPUT_CHUNK);
	buf_init(&m->body, WRITE_SIZE + 2 * INPUT_CHUNK + 2);
	buf_init(&m->window, WINDOW);
	buf_init(&m->start, WINDOW);
}

void message_clear(struct message *m)
{
	buf_clear(&m->header);
	buf_clear(&m->body);
	buf_clear(&m->window);
	buf_clear(&m->start);
	fs_close(&m->fd);
}

/* The unnamed file: without a queue. */
static bool spill_unnamed(struct message *m, struct err *e)
{
	if (m->fd < 0 && (m->fd = fs_unnamed(e)) < 0) {
		return false;
	}
	return fs_write_all(m->fd, m->body.data, m->body.size) ||
	       err_errno(e, CAUSE_OS, "cannot store the message");
}

/* Header and blank line go first into a queue file. */
static bool begin_store(struct message *m, struct message_store *store, struct err *e)
{
	m->store = store;
	return queue_put_begin(store->queue, store->place, store->entry, &store->file, e) &&
	       queue_put(&store->file, buf_span(&m->header), e) &&
	       queue_put(&store->file, span_of("\r\n", 2), e);
}

/* No file can be made: nothing is lost yet, and the message can still be sent at once. */
static void lose_store(struct message *m, struct message_store *store, const struct err *why)
{
	struct err ignored;

	store->why = *why;
	if (!queue_remove(store->queue, &store->file, &ignored)) {
		queue_file_close(&store->file);
	}
	store->queue = NULL;
	m->store = NULL;
}

/* Moves the body to the file as soon as it does not fit into memory. */
static bool spill(struct message *m, struct message_store *store, struct err *e)
{
	bool has_file = m->fd >= 0 || m->store;

	if (m->body.size <= (has_file ? (size_t)WRITE_SIZE : MESSAGE_MEMORY_MAX)) {
		return true;
	}
	if (store->queue && !m->store && !begin_store(m, store, e)) {
		if (store->place != QUEUE_INCOMING) {
			return false;
		}
		lose_store(m, store, e);
	}
	bool ok = store->queue ? queue_put(&store->file, buf_span(&m->body), e)
			       : spill_unnamed(m, e);
	buf_reset(&m->body);
	return ok;
}

/* Once the border is known, what follows it moves from the header to the body. */
static bool split(struct message *m)
{
	const struct wire *w = &m->wire;

	if (!buf_add_span(&m->body, span_from(buf_span(&m->header), w->body_start))) {
		return false;
	}
	buf_drop_end(&m->header, m->header.size - w->header_end);
	wire_forget_header(&m->wire, buf_span(&m->body));
	return true;
}

/* The next bytes, or with in.data NULL the end, in wire form. */
static bool take(struct message *m, struct span in, struct err *e)
{
	struct wire *w = &m->wire;
	struct buf *out = m->in_body ? &m->body : &m->header;
	bool fits = in.data ? wire_feed(w, in, out) : wire_end(w, out);

	if (!m->in_body && m->header.size > MESSAGE_HEADER_MAX && w->body_start == WIRE_UNKNOWN) {
		fits = false;
	}
	if (fits && !m->in_body && w->body_start != WIRE_UNKNOWN) {
		m->in_body = true;
		fits = w->header_end <= MESSAGE_HEADER_MAX && split(m);
	}
	return fits || err_set(e, CAUSE_DATA, "the header is larger than %zu MiB",
			       MESSAGE_HEADER_MAX >> 20);
}

/* A caller's pipe may be non-blocking: then wait for it. */
static ssize_t read_some(int fd, const struct chunk *c)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	while ((n = fs_read(fd, c->data, c->size)) < 0 && errno == EAGAIN) {
		if (poll(&p, 1, -1) < 0 && errno != EINTR) {
			break;
		}
	}
	return n;
}

static void chunk_resize(struct chunk *c, size_t size)
{
	free(c->data);
	*c = (struct chunk){ .data = mem_resize(NULL, size, 1), .size = size };
}

/* Reads and takes one chunk, or the end: then the wire has ended too. */
static bool take_input(struct message *m, int fd, struct chunk *c, struct err *e)
{
	ssize_t n = read_some(fd, c);

	if (n < 0) {
		return err_errno(e, CAUSE_INPUT, "cannot read the message");
	}
	if (n > 0 && !take(m, span_of(c->data, (size_t)n), e)) {
		return false;
	}
	if ((size_t)n == c->size && c->size < INPUT_CHUNK) {
		chunk_resize(c, INPUT_CHUNK);
	}
	if (m->size_max > 0 && m->wire.size > m->size_max) {
		return err_set(e, CAUSE_DATA,
			       "the message is larger than message_size_limit (%llu bytes)",
			       m->size_max);
	}
	if (n == 0 || m->wire.ended) {
		m->is_read = true;
		return take(m, span_of(NULL, 0), e);
	}
	return true;
}

bool message_read_header(struct message *m, int fd, bool ends_at_dot, struct err *e)
{
	struct chunk chunk = { 0 };
	bool ok = true;

	chunk_resize(&chunk, FIRST_CHUNK);
	wire_init(&m->wire, ends_at_dot);
	while (ok && !m->in_body && !m->is_read) {
		ok = take_input(m, fd, &chunk, e);
	}
	free(chunk.data);
	return ok;
}

bool message_read_body(struct message *m, int fd, struct message_store *store, struct err *e)
{
	struct chunk chunk = { 0 };
	bool ok = true;

	chunk_resize(&chunk, FIRST_CHUNK);
	while (ok && !m->is_read) {
		ok = spill(m, store, e) && take_input(m, fd, &chunk, e);
	}
	free(chunk.data);
	if (!ok) {
		return false;
	}
	m->body_size = m->wire.size - m->wire.body_start;
	m->is_8bit = m->wire.is_8bit || !text_is_ascii(buf_span(&m->header));
	return message_put_end(m, store, e);
}

bool message_put(struct message *m, struct span bytes, struct message_store *store,
		 struct err *e)
{
	while (bytes.size > 0) {
		struct span piece = span_first(bytes, INPUT_CHUNK);
		bool fits = buf_add_span(&m->body, piece);
		BUG_ON(!fits);
		m->body_size += piece.size;
		bytes = span_from(bytes, piece.size);
		if (!spill(m, store, e)) {
			return false;
		}
	}
	return true;
}

bool message_put_end(struct message *m, struct message_store *store, struct err *e)
{
	if (!spill(m, store, e)) {
		return false;
	}
	if (m->fd >= 0 && !spill_unnamed(m, e)) {
		return false;
	}
	if (m->fd >= 0) {
		buf_clear(&m->body);
	}
	return true;
}

bool message_store(struct message *m, struct message_store *store, struct err *e)
{
	struct queue_entry *v = store->entry;
	bool is_large = m->store != NULL;

	bool ok = (is_large || begin_store(m, store, e)) &&
		  queue_put(&store->file, buf_span(&m->body), e);
	v->size = message_size(m);
	v->is_8bit = m->is_8bit;
	if (ok && queue_put_end(&store->file, v, e)) {
		if (is_large) {
			buf_clear(&m->header);
			buf_clear(&m->body);
			message_from_queue(m, &store->file, v);
		}
		return true;
	}
	struct err ignored;
	m->store = NULL;
	if (!queue_remove(store->queue, &store->file, &ignored)) {
		queue_file_close(&store->file);
	}
	return false;
}

void message_from_queue(struct message *m, const struct queue_file *file,
			const struct queue_entry *entry)
{
	m->file = file;
	m->entry = entry;
	m->is_8bit = entry->is_8bit;
}

unsigned long long message_size(const struct message *m)
{
	return m->file ? m->entry->size : m->header.size + 2 + m->body_size;
}

static bool read_unnamed(struct message *m, unsigned long long offset, size_t max,
			 struct span *ret_bytes, struct err *e)
{
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

bool message_read(struct message *m, unsigned long long offset, size_t max,
		  struct span *ret_bytes, struct err *e)
{
	if (m->file) {
		return queue_read(m->file, m->entry, offset, max, &m->window, ret_bytes, e);
	}
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
	if (m->fd >= 0) {
		return read_unnamed(m, offset, max, ret_bytes, e);
	}
	*ret_bytes = span_first(span_from(buf_span(&m->body), (size_t)offset), max);
	return true;
}

bool message_copy(struct message *m, struct queue_file *to, struct err *e)
{
	const unsigned long long size = message_size(m);
	struct span bytes;

	for (unsigned long long at = 0; at < size; at += bytes.size) {
		if (!message_read(m, at, WINDOW, &bytes, e) || !queue_put(to, bytes, e)) {
			return false;
		}
	}
	return true;
}

/* The header that `start` of a message begins with; false: its end is not there. */
static bool find_header(struct span start, struct span *ret_header)
{
	const char *end = start.size > 0 ? memmem(start.data, start.size, "\r\n\r\n", 4) : NULL;

	if (start.size >= 2 && start.data[0] == '\r') {
		*ret_header = span_first(start, 0);
		return true;
	}
	*ret_header = span_first(start, end ? (size_t)(end - start.data) + 2 : 0);
	return end != NULL;
}

/* What the file gives at once may end inside the header: here all of it is in one piece. */
static bool gather_start(struct message *m, struct span *ret_start, struct err *e)
{
	unsigned long long size = message_size(m);
	struct span more, found;

	buf_reset(&m->start);
	while (m->start.size < size && m->start.size < m->start.max &&
	       !find_header(buf_span(&m->start), &found)) {
		if (!message_read(m, m->start.size, m->start.max - m->start.size, &more, e)) {
			return false;
		}
		BUG_ON(!buf_add_span(&m->start, more));
	}
	*ret_start = buf_span(&m->start);
	return true;
}

bool message_header(struct message *m, struct span *ret_header, struct err *e)
{
	struct span start;

	if (!m->file) {
		*ret_header = buf_span(&m->header);
		return true;
	}
	if (!message_read(m, 0, WINDOW, &start, e)) {
		return false;
	}
	if (find_header(start, ret_header)) {
		return true;
	}
	if (!gather_start(m, &start, e)) {
		return false;
	}
	if (!find_header(start, ret_header)) {
		const char *end = memrchr(start.data, '\n', start.size);
		*ret_header = span_first(start, end ? (size_t)(end - start.data) + 1 : 0);
	}
	return true;
}
