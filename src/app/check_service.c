/* SPDX-License-Identifier: ISC */
/* check_service: see check_parts.h.  Says nothing to the service, and waits for its greeting. */
#include "app/check_parts.h"
#include "app/handover.h"
#include "app/queue_remote.h"
#include "app/scope.h"
#include "base/mem.h"

#include <stdlib.h>
#include <sys/stat.h>

static bool is_there(struct err *e)
{
	struct stat st;

	return lstat(scope_socket, &st) == 0 || err_errno(e, CAUSE_CONFIG, "%s", scope_socket);
}

void check_service(bool is_own, enum severity severity, bool is_offline, struct findings *to)
{
	struct err e;

	if (is_offline ? is_there(&e) : queue_remote_greets(&e)) {
		return;
	}
	char *text MEM_AUTO =
		is_own ? mem_printf("the service of the machine, which your mail goes through, "
				    "does not answer: %s; %s", e.text, handover_remedy(e.os_errno))
		       : mem_printf("users without an account of their own cannot send: %s; start "
				    "the service: systemctl enable --now relay-submit.socket",
				    e.text);
	findings_add_at(to, severity, NULL, 0, text);
}
