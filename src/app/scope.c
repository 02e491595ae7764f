/* SPDX-License-Identifier: ISC */
/*
 * scope: see scope.h.  Rights are only ever given up here.  Ordinary users must not pay for a
 * look into the list of users: files are looked at before.
 */
#include "app/scope.h"
#include "app/say.h"
#include "app/settings.h"
#include "base/mem.h"
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

const char scope_file[] = RELAY_SYSTEM_FILE;
const char scope_socket[] = RELAY_SUBMIT_SOCKET;
const char scope_spool[] = RELAY_SPOOL;
const char scope_user[] = RELAY_USER;

/* Where commands of the settings (passwordeval) look for programs. */
#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* Are we the user `relay`? */
static bool is_system_user(void)
{
	struct stat st;
	bool has_spool = stat(scope_spool, &st) == 0;
	bool is_likely = has_spool ? st.st_uid == geteuid() || st.st_uid == 0
				   : is_there(scope_file);

	if (geteuid() == 0 || !is_likely) {
		return false;
	}
	const struct passwd *own = getpwuid(geteuid());
	/* When names cannot be had, the owner of the queue is no ordinary user all the same. */
	return own ? strcmp(own->pw_name, scope_user) == 0
		   : has_spool && st.st_uid == geteuid();
}

/* -- becoming it ----------------------------------------------------------------------- */

/* Packages make it; where nobody did, root can. */
static void make_spool(const struct passwd *user)
{
	if (mkdir(scope_spool, 0700) == 0 && lchown(scope_spool, user->pw_uid, user->pw_gid) != 0) {
		rmdir(scope_spool);
	}
}

static bool become(const struct passwd *user, struct err *e)
{
	const uid_t uid = user->pw_uid;
	const gid_t gid = user->pw_gid;

	if (uid == 0) {
		return true;
	}
	make_spool(user);
	if (initgroups(scope_user, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0 || geteuid() != uid || getegid() != gid) {
		return err_errno(e, CAUSE_OS, "cannot become the user %s", scope_user);
	}
	return true;
}

/*
 * NULL in *ret: there is no such user, and root stays root.  Not where there was one: then the
 * list of users cannot be read at this moment, or he was removed by mistake.
 */
static bool find_user(const struct passwd **ret, struct err *e)
{
	struct stat st;

	*ret = getpwnam(scope_user);
	if (*ret || stat(scope_spool, &st) != 0 || st.st_uid == 0) {
		return true;
	}
	return err_set(e, CAUSE_OS,
		       "%s belongs to user %lu, but there is no user %s to become: the mail of "
		       "the machine is not sent as root",
		       scope_spool, (unsigned long)st.st_uid, scope_user);
}

static char *copy_of(const char *value)
{
	return value ? mem_str(value) : NULL;
}

/*
 * Nothing of the caller's may say where files, certificates, names of hosts or libraries come
 * from, nor where we log secrets to.  TMPDIR: large messages wait beside the queue.
 */
static bool clean_environment(void)
{
	/* systemd's, for the password; it is worth nothing to who may not read there. */
	static const char *const kept[] = { "CREDENTIALS_DIRECTORY", "TERM", "TZ" };
	enum { KEPT = sizeof(kept) / sizeof(kept[0]) };
	char *values[KEPT];
	const struct passwd *own = getpwuid(geteuid());
	bool has_home = own && own->pw_dir && own->pw_dir[0] == '/';
	char *home MEM_AUTO = mem_str(has_home ? own->pw_dir : "/");
	char *name MEM_AUTO = mem_str(own && own->pw_name ? own->pw_name : scope_user);

	for (size_t i = 0; i < KEPT; i++) {
		values[i] = copy_of(getenv(kept[i]));
	}
	bool ok = clearenv() == 0 && setenv("PATH", SYSTEM_PATH, 1) == 0 &&
		  setenv("HOME", home, 1) == 0 && setenv("USER", name, 1) == 0 &&
		  setenv("LOGNAME", name, 1) == 0 && setenv("TMPDIR", scope_spool, 1) == 0;
	for (size_t i = 0; i < KEPT; i++) {
		ok = ok && (!values[i] || setenv(kept[i], values[i], 1) == 0);
		free(values[i]);
	}
	return ok;
}

/* What is about the envelope alone; and -od, but not -O and --delivery-mode. */
static bool is_about_envelope(const struct options *o, const struct option_setting *s)
{
	return s->key == KEY_DSN_NOTIFY || s->key == KEY_DSN_RETURN ||
	       (s->key == KEY_DELIVERY_MODE && s->value == o->delivery);
}

void scope_drop_settings(struct options *o)
{
	size_t kept = 0;

	for (size_t i = 0; i < o->setting_count; i++) {
		enum key key = o->settings[i].key;
		if (is_about_envelope(o, &o->settings[i])) {
			o->settings[kept++] = o->settings[i];
		} else if (o->verbose || isatty(STDERR_FILENO)) {
			say("%s on the command line means nothing here: %s alone counts; to use "
			    "settings of your own name a file with -C",
			    conf_key_row(key)->name, scope_file);
		}
	}
	o->setting_count = kept;
}

/* Also in a set-uid program: but who called is the user. */
static bool is_root(void)
{
	return geteuid() == 0;
}

static bool is_system(struct identity *id, const struct options *o)
{
	if (o->file || settings_has_host(o)) {
		return false;
	}
	return is_root() ? !settings_has_own(id) && is_there(scope_file) : is_system_user();
}

static void set_system(struct identity *id, uid_t caller, struct options *o)
{
	identity_clear(id);
	id->is_system = true;
	id->caller = caller;
	scope_drop_settings(o);
}

void scope_note(struct identity *id, struct options *o)
{
	if (is_system(id, o)) {
		set_system(id, getuid(), o);
	}
}

struct fs_look scope_look(void)
{
	const struct group *group = getgrnam(scope_user);

	return (struct fs_look){
		.uid = (uid_t)-1,
		.gid = group ? group->gr_gid : (gid_t)-1,
		.mode = group ? 0640 : 0600,
	};
}

static bool is_read_only(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
}

/*
 * The service is not shut in, and knows root when it sees him; in a set-uid program it is to see
 * who called.
 */
static bool leave_it_to_service(struct identity *id, uid_t caller)
{
	struct stat st;

	identity_clear(id);
	id->is_shut_in = lstat(scope_socket, &st) == 0 &&
			 (caller == geteuid() || setresuid(caller, caller, caller) == 0);
	return id->is_shut_in;
}

bool scope_enter(struct identity *id, struct options *o, struct err *e)
{
	const uid_t real = getuid();

	if (!is_system(id, o)) {
		return true;
	}
	const struct passwd *user = NULL;
	if (is_root() && !find_user(&user, e)) {
		return false;
	}
	if (user && is_read_only(scope_spool) && leave_it_to_service(id, real)) {
		return true;
	}
	if (user && !become(user, e)) {
		return leave_it_to_service(id, real);
	}
	if (!clean_environment() || chdir("/") != 0) {
		return err_errno(e, CAUSE_OS, "cannot make an environment");
	}
	umask(077);
	set_system(id, real, o);
	return true;
}

/* -- who asks -------------------------------------------------------------------------- */

void scope_inherit(struct identity *to, const struct identity *from)
{
	identity_clear(to);
	to->is_system = from->is_system;
	to->caller = from->caller;
}

void scope_set_caller(struct identity *id, int64_t uid)
{
	bool is_system = id->is_system;

	identity_clear(id);
	id->is_system = is_system;
	id->caller = uid;
}

bool scope_is_trusted(int64_t uid)
{
	return uid == 0 || uid == (int64_t)geteuid();
}
