/* SPDX-License-Identifier: ISC */
/*
 * mend: see mend.h.
 *
 * Two passes over the old message make a new one beside it, in pieces.  With a queue both
 * files say "writing" till the old one is gone and the new one is stored (message_store): a
 * process that is killed on the way leaves nothing that anyone would send.
 */
#include "app/mend.h"
#include "mail/mime.h"

/* One read of a file; what goes through the converter at once. */
enum { READ_SIZE = 512 << 10, PIECE = 32 << 10 };

/* What the header of a message may become. */
#define HEADER_MAX (4 * MESSAGE_HEADER_MAX)

struct mend {
	struct message from;		/* the old message, to be read only */
	struct queue_entry entry;	/* of its file, when message_read_body began that */
	struct message to;
	struct message_store store;	/* of `to` */
	struct mime mime;
	struct buf out;		/* of `to`, not yet put there */
	bool has_header;	/* `to` has */
};

/* -- the old message ------------------------------------------------------------------- */

/* What message_read_body has put into a file so far, and what not yet, is made readable. */
static bool flush_begun(struct message *m, struct message_store *store, struct err *e)
{
	bool ok = queue_put(&store->file, buf_span(&m->body), e) &&
		  queue_put_flush(&store->file, e);

	buf_clear(&m->body);
	return ok;
}

/* `begun`: the store whose file has the body; or NULL. */
static void open_from(struct mend *w, const struct message *m,
		      const struct message_store *begun)
{
	w->from = *m;
	buf_init(&w->from.window, m->window.max);
	if (begun) {
		w->entry = *begun->entry;
		w->entry.size = message_size(m);
		w->from.file = &begun->file;
		w->from.entry = &w->entry;
	}
}

typedef bool (*take_fn)(struct mend *w, struct span piece, struct err *e);

static bool each_piece(struct mend *w, take_fn take, struct err *e)
{
	const unsigned long long size = message_size(&w->from);
	struct span bytes;

	for (unsigned long long at = 0; at < size; at += bytes.size) {
		if (!message_read(&w->from, at, READ_SIZE, &bytes, e)) {
			return false;
		}
		for (struct span rest = bytes; rest.size > 0; rest = span_from(rest, PIECE)) {
			if (!take(w, span_first(rest, PIECE), e)) {
				return false;
			}
		}
	}
	return true;
}

/* -- the new one ----------------------------------------------------------------------- */

/* Where the header of a whole message ends, without its blank line. */
static bool find_border(struct span s, size_t *ret_end)
{
	const char *end = memmem(s.data, s.size, "\r\n\r\n", 4);
	bool is_empty = s.size >= 2 && memcmp(s.data, "\r\n", 2) == 0;

	*ret_end = is_empty ? 0 : end ? (size_t)(end - s.data) + 2 : s.size;
	return is_empty || end;
}

/* What was converted so far. */
static bool put_out(struct mend *w, bool is_end, struct err *e)
{
	if (!w->has_header) {
		size_t end;
		if (!find_border(buf_span(&w->out), &end) && !is_end) {
			return true;
		}
		w->has_header = true;
		if (!buf_add(&w->to.header, w->out.data, end)) {
			return err_set(e, CAUSE_DATA, "the header is too large to be encoded");
		}
		buf_drop(&w->out, end + 2 < w->out.size ? end + 2 : w->out.size);
	}
	bool ok = message_put(&w->to, buf_span(&w->out), &w->store, e);
	buf_reset(&w->out);
	return ok;
}

static bool scan_piece(struct mend *w, struct span piece, struct err *e)
{
	return mime_scan(&w->mime, piece, e);
}

static bool convert_piece(struct mend *w, struct span piece, struct err *e)
{
	return mime_convert(&w->mime, piece, &w->out, e) && put_out(w, false, e);
}

static bool convert(struct mend *w, struct err *e)
{
	return each_piece(w, convert_piece, e) && mime_convert_end(&w->mime, &w->out, e) &&
	       put_out(w, true, e) && message_put_end(&w->to, &w->store, e);
}

/* -- one for the other ----------------------------------------------------------------- */

static void drop_file(struct message_store *store)
{
	struct err ignored;

	if (store->queue && store->file.fd >= 0 &&
	    !queue_remove(store->queue, &store->file, &ignored)) {
		/* It says "writing": the next queue run removes it. */
		queue_file_close(&store->file);
	}
}

static void take_place(struct mend *w, struct message *m, struct message_store *store)
{
	if (store) {
		drop_file(store);
		*store = w->store;
	}
	w->to.is_8bit = w->mime.is_8bit;
	w->to.in_body = w->to.is_read = true;
	w->to.store = w->to.store ? store : NULL;
	message_clear(m);
	*m = w->to;
}

/* Makes w->to; after an error there is nothing of it. */
static bool make(struct mend *w, const struct message_store *store, struct err *e)
{
	struct queue_entry before = { 0 };

	if (store) {
		w->store = *store;
	}
	if (w->store.queue) {
		before = *w->store.entry;
	}
	queue_file_init(&w->store.file);
	message_init(&w->to);
	buf_init(&w->to.header, HEADER_MAX);
	buf_init(&w->out, HEADER_MAX + REPAIR_GROWTH * PIECE + REPAIR_SLACK);
	bool ok = convert(w, e);
	buf_clear(&w->out);
	if (!ok) {
		drop_file(&w->store);
		message_clear(&w->to);
		if (store && store->queue) {
			*store->entry = before;
		}
	}
	return ok;
}

bool mend_message(struct message *m, bool is_7bit, struct message_store *store, struct err *e)
{
	struct mend w = { .has_header = false };
	bool is_begun = store && m->store && !m->file;
	bool is_in_memory = !m->store && !m->file && m->fd < 0;

	if (is_begun && !flush_begun(m, store, e)) {
		return false;
	}
	open_from(&w, m, is_begun ? store : NULL);
	mime_init(&w.mime, is_7bit);
	bool ok = each_piece(&w, scan_piece, e) && mime_scan_end(&w.mime, e);
	bool must_change = ok && w.mime.need >= (is_in_memory ? REPAIR_LABEL : REPAIR_BODY);
	ok = ok && (!must_change || make(&w, store, e));
	buf_clear(&w.from.window);
	mime_clear(&w.mime);
	if (ok && must_change) {
		take_place(&w, m, store);
	}
	return ok;
}

bool mend_header(struct buf *header, struct err *e)
{
	struct buf out;

	if (!repair_header_needs(buf_span(header))) {
		return true;
	}
	buf_init(&out, HEADER_MAX);
	bool ok = repair_header(buf_span(header), false, &out, e);
	if (ok) {
		buf_clear(header);
		*header = out;
	} else {
		buf_clear(&out);
	}
	return ok;
}
