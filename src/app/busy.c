/* SPDX-License-Identifier: ISC */
/* busy: see busy.h. */
#include "app/busy.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"

#include <fcntl.h>
#include <limits.h>

#if HAVE_SYSMACROS
#include <sys/sysmacros.h>
#endif

static struct span next_word(struct span *line)
{
	size_t size = 0;

	*line = span_trim(*line);
	while (size < line->size && line->data[size] != ' ') {
		size++;
	}
	struct span word = span_first(*line, size);
	*line = span_from(*line, size);
	return word;
}

/* "1: FLOCK  ADVISORY  WRITE 4711 fe:01:131090 0 EOF"; who waits has "->" before FLOCK. */
uint64_t busy_parse(struct span line, uint64_t device)
{
	char prefix[32];
	unsigned long long inode;

	next_word(&line);
	if (!span_equal(next_word(&line), span_str("FLOCK"))) {
		return 0;
	}
	for (int i = 0; i < 3; i++) {
		next_word(&line);
	}
	struct span file = next_word(&line);
	snprintf(prefix, sizeof(prefix), "%02x:%02x:", major(device), minor(device));
	if (!text_starts_fold(file, prefix) ||
	    !text_unsigned(span_from(file, strlen(prefix)), ULLONG_MAX, &inode)) {
		return 0;
	}
	return inode;
}

static void add_line(struct busy *b, struct span line, uint64_t device)
{
	uint64_t inode = busy_parse(line, device);

	if (inode == 0) {
		return;
	}
	if (b->count == b->room) {
		b->room = b->room ? 2 * b->room : 64;
		b->inodes = mem_resize(b->inodes, b->room, sizeof(*b->inodes));
	}
	b->inodes[b->count++] = inode;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void busy_read(struct busy *b, const struct queue *q)
{
	char chunk[4096];
	size_t have = 0;
	ssize_t n;
	int fd FS_AUTO = open("/proc/locks", O_RDONLY | O_CLOEXEC);

	*b = (struct busy){ 0 };
	if (fd < 0) {
		return;
	}
	while ((n = fs_read(fd, chunk + have, sizeof(chunk) - have)) > 0) {
		size_t at = 0;
		have += (size_t)n;
		for (char *end; (end = memchr(chunk + at, '\n', have - at)) != NULL;) {
			size_t size = (size_t)(end - (chunk + at));
			add_line(b, span_of(chunk + at, size), queue_device(q));
			at += size + 1;
		}
		/* A line that fills the chunk is none of the kernel's. */
		at = at == 0 && have == sizeof(chunk) ? have : at;
		have -= at;
		memmove(chunk, chunk + at, have);
	}
	if (b->count > 0) {
		qsort(b->inodes, b->count, sizeof(*b->inodes), compare);
	}
}

void busy_clear(struct busy *b)
{
	free(b->inodes);
	*b = (struct busy){ 0 };
}

bool busy_has(const struct busy *b, uint64_t inode)
{
	return b->count > 0 &&
	       bsearch(&inode, b->inodes, b->count, sizeof(inode), compare) != NULL;
}
