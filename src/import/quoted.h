/* SPDX-License-Identifier: ISC */
/* quoted: words as a shell reads them: 'a b', "a b", a\ b. */
#ifndef IMPORT_QUOTED_H
#define IMPORT_QUOTED_H

#include "base/buf.h"

/*
 * Takes the next word off *line into *word (emptied before).  also: bytes that separate
 * words beside blanks.  False: there is none.
 */
bool quoted_next(struct span *line, const char *also, struct buf *word);

#endif
