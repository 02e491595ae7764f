/* SPDX-License-Identifier: ISC */
/* banned: functions nobody here may call; included before every source file. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With clang, fortified headers define these as macros. */
#undef sprintf
#undef vsprintf

#pragma GCC poison gets strcpy strcat strncpy strncat sprintf vsprintf
#pragma GCC poison strtok atoi atol atoll tmpnam mktemp system popen

#endif
