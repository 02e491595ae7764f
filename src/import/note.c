/* SPDX-License-Identifier: ISC */
/* note: what was not carried over, or changed: see build.h.  Bounded, and nothing twice. */
#include "import/build.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdarg.h>

/* Word for word, of the same place. */
static bool is_told(const struct import *im, enum import_kind kind, struct import_place at,
		    const char *name, const char *reason)
{
	for (size_t i = 0; reason && i < im->note_count; i++) {
		const struct import_note *note = &im->notes[i];
		if (note->kind == kind && note->at.line == at.line && note->reason &&
		    strcmp(note->reason, reason) == 0 && strcmp(note->name, name) == 0) {
			return true;
		}
	}
	return false;
}

static void add_note(struct import *im, enum import_kind kind, struct import_place at,
		     const char *name, char *reason)
{
	if (is_told(im, kind, at, name, reason)) {
		free(reason);
		return;
	}
	if (im->note_count >= BUILD_NOTES_MAX) {
		im->notes_more++;
		free(reason);
		return;
	}
	if ((im->note_count & (im->note_count + 1)) == 0) {
		im->notes = mem_resize(im->notes, 2 * im->note_count + 1, sizeof(*im->notes));
	}
	im->notes[im->note_count++] = (struct import_note){
		.kind = kind, .at = at, .name = mem_str(name), .reason = reason,
	};
}

void build_note(struct import *im, enum import_kind kind, struct import_place at,
		const char *name, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_sanitise(text, strlen(text));
	add_note(im, kind, at, name, mem_str(text));
}

void build_mention(struct import *im, enum import_kind kind, struct import_place at,
		   const char *name)
{
	add_note(im, kind, at, name, NULL);
}

bool build_has_note(const struct import *im, enum import_kind kind, const char *name)
{
	for (size_t i = 0; i < im->note_count; i++) {
		if (im->notes[i].kind == kind && strcmp(im->notes[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

void build_obstacle(struct import *im, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;

	if (im->obstacle) {
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_sanitise(text, strlen(text));
	im->obstacle = mem_str(text);
}

size_t import_count(const struct import *im, enum import_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < im->note_count; i++) {
		count += im->notes[i].kind == kind;
	}
	return count;
}
