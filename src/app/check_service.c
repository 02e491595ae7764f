/* SPDX-License-Identifier: ISC */
/* check_service: see check_parts.h.  Gives no message to the service, but begins one. */
#include "app/check_parts.h"
#include "app/handover.h"
#include "app/queue_remote.h"
#include "app/scope.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_there(struct err *e)
{
	struct stat st;

	return lstat(scope_socket, &st) == 0 || err_errno(e, CAUSE_CONFIG, "%s", scope_socket);
}

/* The service says it to nobody else, and root is the one who can mend it. */
static void check_file(struct findings *to)
{
	struct stat st;

	if (geteuid() != 0 || lstat(scope_file, &st) == 0 || errno != ENOENT) {
		return;
	}
	char *text MEM_AUTO =
		mem_printf("there is no %s, which the service of the machine needs: write it (see "
			   "relayrc(5)), unless this is a container and the service is outside",
			   scope_file);
	findings_add_at(to, SEVERITY_WARNING, NULL, 0, text);
}

void check_service(bool is_own, enum severity severity, bool is_offline, struct findings *to)
{
	bool greets = false;
	struct err e;

	if (is_own) {
		check_file(to);
	}
	if (is_offline ? is_there(&e) : queue_remote_takes(&greets, &e)) {
		return;
	}
	char *text MEM_AUTO =
		!is_own ? mem_printf("users without an account of their own cannot send: %s; start "
				     "the service: systemctl enable --now relay-submit.socket",
				     e.text)
		: greets ? mem_printf("the service of the machine, which your mail goes through, "
				      "would not take it: %s", e.text)
			 : mem_printf("the service of the machine, which your mail goes through, "
				      "does not answer: %s%s%s", e.text,
				      e.os_errno ? "; " : "",
				      e.os_errno ? handover_remedy(e.os_errno) : "");
	findings_add_at(to, severity, NULL, 0, text);
}
