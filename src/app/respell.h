/* SPDX-License-Identifier: ISC */
/*
 * respell: an address whose domain has letters that ASCII has not can be written in two ways,
 * me@bücher.example and me@xn--bcher-kva.example.  Any other address costs nothing here.
 */
#ifndef APP_RESPELL_H
#define APP_RESPELL_H

/* For struct conf: the n-th other way; NULL = there is no more.  The caller frees it. */
char *respell_address(const char *address, unsigned n);

#endif
