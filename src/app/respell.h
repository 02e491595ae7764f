/* SPDX-License-Identifier: ISC */
/*
 * respell: an address whose domain has letters that ASCII has not can be written in two ways,
 * me@bücher.example and me@xn--bcher-kva.example.  Any other address costs nothing here.
 */
#ifndef APP_RESPELL_H
#define APP_RESPELL_H

/* The n-th other way, from 0 on; NULL = there is no more.  The caller frees it.  For struct conf. */
char *respell_address(const char *address, unsigned n);

#endif
