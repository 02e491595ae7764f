/* SPDX-License-Identifier: ISC */
/*
 * trust: reads a PEM bundle (RFC 7468) through a window and decodes of each certificate
 * (RFC 5280 §4.1) only what stands before its subject.  See trust.h.  It must never
 * verify, and never read past a damaged block.
 */
#include "sys/trust.h"
#include "base/fs.h"
#include "base/mem.h"
#include "sys/tls_file.h"

#include <stdint.h>

/* The part of the file in memory.  A certificate that is longer is passed over. */
#define WINDOW_BYTES ((size_t)64 * 1024)
/* At once: of the window no more is touched than a certificate needs. */
#define PIECE_BYTES ((size_t)32 * 1024)

struct bundle {
	int fd;
	char *data;		/* WINDOW_BYTES */
	size_t start, end;	/* what is not looked at yet */
	bool is_at_eof;
};

/* One certificate that is being decoded: base64 in, DER out as far as it was needed. */
struct block {
	struct span base64;	/* not decoded yet */
	unsigned char *room;	/* for all that base64 can give; NULL when der is complete */
	const unsigned char *der;
	size_t size;		/* bytes in der */
	bool is_ended;		/* padding, the end, or a byte that is not base64 */
	bool is_damaged;
};

/*
 * What a byte means in base64: B64_DIGIT + its value, or a blank, or padding, or nothing.
 * Only digits have the bit B64_DIGIT, so an AND of four entries shows four digits.
 */
enum { B64_DIGIT = 0x40, B64_BLANK = 0x80, B64_PAD = 0x81 };

static const unsigned char meaning_of[256] = {
	['\t'] = B64_BLANK, ['\n'] = B64_BLANK, ['\r'] = B64_BLANK, [' '] = B64_BLANK,
	['='] = B64_PAD, ['+'] = B64_DIGIT + 62, ['/'] = B64_DIGIT + 63,
	['A'] = 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76,
	['N'] = 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89,
	['a'] = 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102,
	['n'] = 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115,
	['0'] = 116, 117, 118, 119, 120, 121, 122, 123, 124, 125,
};

/* What four B64_DIGIT bits add to the value of a group. */
#define FOUR_DIGIT_BITS \
	((unsigned)B64_DIGIT << 18 | B64_DIGIT << 12 | B64_DIGIT << 6 | B64_DIGIT)

/* One group of digits with blanks or padding in it, or cut off by the end. */
static void decode_uneven(struct block *b)
{
	unsigned value = 0, digits = 0;

	while (digits < 4 && b->base64.size > 0) {
		unsigned meaning = meaning_of[(unsigned char)b->base64.data[0]];
		if (meaning & B64_DIGIT) {
			value = value << 6 | (meaning - B64_DIGIT);
			digits++;
		} else if (meaning != B64_BLANK) {
			b->is_damaged |= meaning != B64_PAD;
			break;
		}
		b->base64 = span_from(b->base64, 1);
	}
	b->is_damaged |= digits == 1;
	b->is_ended = digits < 4;
	value <<= 6 * (4 - digits);
	for (unsigned i = 0; i + 1 < digits; i++) {
		b->room[b->size++] = (unsigned char)(value >> (16 - 8 * i));
	}
}

/* Decodes on until der has `want` bytes.  False when the block has not as many. */
static bool decode_to(struct block *b, size_t want)
{
	while (b->size < want && !b->is_ended) {
		const unsigned char *in = (const unsigned char *)b->base64.data;
		if (b->base64.size < 4) {
			decode_uneven(b);
			continue;
		}
		unsigned d0 = meaning_of[in[0]], d1 = meaning_of[in[1]];
		unsigned d2 = meaning_of[in[2]], d3 = meaning_of[in[3]];
		if (!(d0 & d1 & d2 & d3 & B64_DIGIT)) {
			decode_uneven(b);
			continue;
		}
		unsigned value = (d0 << 18) + (d1 << 12) + (d2 << 6) + d3 - FOUR_DIGIT_BITS;
		unsigned char *out = b->room + b->size;
		out[0] = (unsigned char)(value >> 16);
		out[1] = (unsigned char)(value >> 8);
		out[2] = (unsigned char)value;
		b->size += 3;
		b->base64.data += 4;
		b->base64.size -= 4;
	}
	return b->size >= want && !b->is_damaged;
}

/*
 * The header of the DER element at `at`: *ret_body is where its content starts, *ret_end
 * where the next element does.  Certificates need no length of more than three bytes.
 */
static bool read_header(struct block *b, size_t at, unsigned char tag, size_t *ret_body,
			size_t *ret_end)
{
	if (!decode_to(b, at + 2) || b->der[at] != tag) {
		return false;
	}
	size_t length = b->der[at + 1], bytes = 0;
	if (length & 0x80) {
		bytes = length & 0x7f;
		if (bytes < 1 || bytes > 3 || !decode_to(b, at + 2 + bytes)) {
			return false;
		}
		length = 0;
		for (size_t i = 0; i < bytes; i++) {
			length = length << 8 | b->der[at + 2 + i];
		}
	}
	*ret_body = at + 2 + bytes;
	*ret_end = *ret_body + length;
	return true;
}

enum { DER_INTEGER = 0x02, DER_SEQUENCE = 0x30, DER_VERSION = 0xa0 };

/* Where issuer and subject stand in DER. */
struct names {
	size_t issuer, issuer_end, subject, subject_end;
};

/* Walks the TBSCertificate up to the header of the subject. */
static bool find_names(struct block *b, struct names *n)
{
	size_t at, end, body;

	if (!read_header(b, 0, DER_SEQUENCE, &at, &end) ||
	    !read_header(b, at, DER_SEQUENCE, &at, &end) || !decode_to(b, at + 1)) {
		return false;
	}
	if (b->der[at] == DER_VERSION && !read_header(b, at, DER_VERSION, &body, &at)) {
		return false;
	}
	return read_header(b, at, DER_INTEGER, &body, &at) &&	 /* serialNumber */
	       read_header(b, at, DER_SEQUENCE, &body, &n->issuer) && /* signature */
	       read_header(b, n->issuer, DER_SEQUENCE, &body, &n->issuer_end) &&
	       read_header(b, n->issuer_end, DER_SEQUENCE, &body, &n->subject) && /* validity */
	       read_header(b, n->subject, DER_SEQUENCE, &body, &n->subject_end);
}

bool trust_names(struct span der, struct span *ret_issuer, struct span *ret_subject)
{
	struct block b = { .der = (const unsigned char *)der.data, .size = der.size };
	struct names n;

	if (!find_names(&b, &n) || n.subject_end > der.size) {
		return false;
	}
	*ret_issuer = span_of(der.data + n.issuer, n.issuer_end - n.issuer);
	*ret_subject = span_of(der.data + n.subject, n.subject_end - n.subject);
	return true;
}

/*
 * Is the subject one of the wanted names?  Decoding stops as soon as that is known: mostly
 * at the subject's length.
 */
static bool has_wanted_subject(struct block *b, const struct span *wanted, size_t count)
{
	struct names n;

	if (!find_names(b, &n)) {
		return false;
	}
	size_t size = n.subject_end - n.subject;
	for (size_t i = 0; i < count; i++) {
		if (wanted[i].size == size && decode_to(b, n.subject_end) &&
		    memcmp(b->der + n.subject, wanted[i].data, size) == 0) {
			return true;
		}
	}
	return false;
}

/* Moves what is left to the front of the window and reads on behind it. */
static bool refill(struct bundle *f, struct err *e)
{
	memmove(f->data, f->data + f->start, f->end - f->start);
	f->end -= f->start;
	f->start = 0;
	size_t room = WINDOW_BYTES - f->end;
	ssize_t n = fs_read(f->fd, f->data + f->end, room < PIECE_BYTES ? room : PIECE_BYTES);
	if (n < 0) {
		return err_errno(e, CAUSE_CONFIG, "cannot read");
	}
	f->end += (size_t)n;
	f->is_at_eof = n == 0;
	return true;
}

static const char *const begin_lines[] = {
	"-----BEGIN CERTIFICATE-----", "-----BEGIN X509 CERTIFICATE-----",
};
enum { LONGEST_LINE = sizeof("-----BEGIN X509 CERTIFICATE-----") - 1 };

/* Length of the BEGIN line that s starts with; 0 = none. */
static size_t begin_line(struct span s)
{
	for (size_t i = 0; i < sizeof(begin_lines) / sizeof(begin_lines[0]); i++) {
		size_t size = strlen(begin_lines[i]);
		if (s.size >= size && memcmp(s.data, begin_lines[i], size) == 0) {
			return size;
		}
	}
	return 0;
}

/* Moves on to just behind the next BEGIN line.  *ret_found = false: there is none. */
static bool find_begin(struct bundle *f, bool *ret_found, struct err *e)
{
	*ret_found = false;
	for (;;) {
		size_t left = f->end - f->start;
		const char *dash = left ? memchr(f->data + f->start, '-', left) : NULL;
		f->start = dash ? (size_t)(dash - f->data) : f->end;
		left = f->end - f->start;
		if (left < LONGEST_LINE && !f->is_at_eof) {
			if (!refill(f, e)) {
				return false;
			}
			continue;
		}
		if (left == 0) {
			return true;
		}
		size_t line = begin_line(span_of(f->data + f->start, left));
		f->start += line ? line : 1;
		if (line) {
			*ret_found = true;
			return true;
		}
	}
}

/*
 * The base64 text up to the '-' of the END line.  Empty when there is no end, or it is
 * further than the window is wide; the search goes on behind the BEGIN line then.
 */
static bool find_end(struct bundle *f, struct span *ret_base64, struct err *e)
{
	for (;;) {
		size_t left = f->end - f->start;
		const char *dash = left ? memchr(f->data + f->start, '-', left) : NULL;
		if (dash) {
			size_t size = (size_t)(dash - (f->data + f->start));
			*ret_base64 = span_of(f->data + f->start, size);
			f->start += size;
			return true;
		}
		if (f->is_at_eof || left == WINDOW_BYTES) {
			*ret_base64 = span_of(NULL, 0);
			return true;
		}
		if (!refill(f, e)) {
			return false;
		}
	}
}

static bool search(struct bundle *f, const struct span *wanted, size_t wanted_count,
		   unsigned char *der, trust_found *found, void *context, size_t *ret_total,
		   struct err *e)
{
	for (;;) {
		struct block b = { .room = der, .der = der };
		bool is_found;
		if (!find_begin(f, &is_found, e)) {
			return false;
		}
		if (!is_found) {
			return true;
		}
		if (!find_end(f, &b.base64, e)) {
			return false;
		}
		*ret_total += b.base64.size > 0;
		if (!has_wanted_subject(&b, wanted, wanted_count)) {
			continue;
		}
		/* Never full: der has room for more than base64 can give. */
		if (!decode_to(&b, WINDOW_BYTES) && b.is_damaged) {
			continue;
		}
		if (!found(context, span_of(b.der, b.size), e)) {
			return false;
		}
	}
}

bool trust_search(const char *path, const struct span *wanted, size_t wanted_count,
		  trust_found *found, void *context, size_t *ret_total, struct err *e)
{
	int fd FS_AUTO = tls_file_open("trust file", path, e);

	*ret_total = 0;
	if (fd < 0) {
		return false;
	}
	char *data MEM_AUTO = mem_resize(NULL, WINDOW_BYTES, 1);
	unsigned char *der MEM_AUTO = mem_resize(NULL, WINDOW_BYTES, 1);
	struct bundle f = { .fd = fd, .data = data };
	struct err why = { 0 };
	if (!search(&f, wanted, wanted_count, der, found, context, ret_total, &why)) {
		*e = why;
		return err_ctx(e, "trust file %s", path);
	}
	return true;
}
