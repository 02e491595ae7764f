/* SPDX-License-Identifier: ISC */
/* progress: see progress.h. */
#include "app/progress.h"
#include "base/clock.h"
#include "base/fs.h"

#include <sys/ioctl.h>
#include <unistd.h>

enum { DRAW_EVERY_MS = 100 };
/* The bar itself, without its brackets; below the smaller one there is none. */
enum { BAR_MAX = 40, BAR_MIN = 8 };

static size_t settled(const struct progress_counts *n)
{
	return n->sent + n->deferred + n->failed + n->unsaved;
}

static unsigned long long per_second(size_t count, int64_t elapsed_ms)
{
	return count * 1000ULL / (unsigned long long)(elapsed_ms > 0 ? elapsed_ms : 1);
}

void progress_bar(const struct progress_counts *n, int64_t elapsed_ms, unsigned width,
		  char text[PROGRESS_MAX])
{
	char counts[160], bar[BAR_MAX + 1];
	size_t total = n->total > 0 ? n->total : 1;
	size_t taken = n->taken < total ? n->taken : total;
	unsigned room = width > PROGRESS_MAX ? PROGRESS_MAX : width > 0 ? width : 1;

	int used = snprintf(counts, sizeof(counts),
			    "%zu/%zu  %zu deferred  %zu failed  %llu/s", taken, n->total,
			    n->deferred, n->failed, per_second(settled(n), elapsed_ms));
	size_t bar_room = room > (unsigned)used + 5 ? room - (unsigned)used - 5 : 0;
	if (bar_room < BAR_MIN) {
		snprintf(text, room, "%s", counts);
		return;
	}
	size_t length = bar_room < BAR_MAX ? bar_room : BAR_MAX;
	size_t full = (size_t)((unsigned long long)length * taken / total);
	memset(bar, '#', full);
	memset(bar + full, '-', length - full);
	bar[length] = '\0';
	snprintf(text, room, "[%s] %s", bar, counts);
}

void progress_summary(const struct progress_counts *n, int64_t elapsed_ms,
		      char text[PROGRESS_MAX])
{
	char more[128] = "";
	int used = 0;

	if (n->unsaved > 0) {
		used = snprintf(more, sizeof(more), ", %zu with an error", n->unsaved);
	}
	if (n->left > 0) {
		snprintf(more + used, sizeof(more) - (size_t)used,
			 ", %zu left (all sessions are in use)", n->left);
	}
	snprintf(text, PROGRESS_MAX,
		 "%zu sent, %zu deferred, %zu failed%s, in %lld.%lld s (%llu/s)", n->sent,
		 n->deferred, n->failed, more, (long long)(elapsed_ms / 1000),
		 (long long)(elapsed_ms % 1000 / 100),
		 per_second(settled(n), elapsed_ms));
}

/* ---- on the terminal ---- */

static unsigned columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
		       ? size.ws_col
		       : 80;
}

void progress_begin(struct progress *p, bool wanted)
{
	const char *term = getenv("TERM");
	bool is_able = term && term[0] && strcmp(term, "dumb") != 0;

	*p = (struct progress){
		.is_on = wanted && is_able && isatty(STDERR_FILENO),
		.start_ms = clock_ms(),
	};
	/* What is over in a moment needs no bar. */
	p->next_ms = p->start_ms + DRAW_EVERY_MS;
}

/* Carriage return, text, and the rest of the line erased: one write, so it does not
 * flicker. */
static void write_line(const char *text)
{
	char line[PROGRESS_MAX + 8];
	int size = snprintf(line, sizeof(line), "\r%s\033[K", text);

	if (!fs_write_all(STDERR_FILENO, line, (size_t)size)) {
		return;
	}
}

void progress_draw(struct progress *p, const struct progress_counts *n)
{
	char text[PROGRESS_MAX];
	int64_t now = clock_ms();

	if (p->is_on && now >= p->next_ms) {
		progress_bar(n, now - p->start_ms, columns(), text);
		write_line(text);
		p->is_drawn = true;
		p->next_ms = now + DRAW_EVERY_MS;
	}
}

int progress_wait(const struct progress *p)
{
	return p->is_on ? clock_left(p->next_ms) : -1;
}

void progress_clear(struct progress *p)
{
	if (p->is_drawn) {
		write_line("");
		p->is_drawn = false;
	}
}
