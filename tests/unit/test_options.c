/* SPDX-License-Identifier: ISC */
/* The command line, as real callers write it (cron, mutt, git, PHP, fail2ban …). */
#include "unit.h"

#include "app/options.h"

/* Splits a line at blanks; "''" is an empty argument. */
static bool parse(struct options *o, const char *line, struct err *e)
{
	static char name[] = "sendmail", text[512];
	char *argv[32] = { name };
	int argc = 1;
	char *rest = text, *word;

	snprintf(text, sizeof(text), "%s", line);
	while ((word = strsep(&rest, " ")) && argc < 31) {
		argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
	}
	return options_parse(o, argc, argv, e);
}

/* What each takes, and what is left: as in sendmail 8, Postfix, Exim and msmtp. */
static void ignored_options_take_their_arguments(void **state)
{
	static const struct {
		const char *line, *recipients;
	} rows[] = {
		{ "-A c r@x", "r@x" },	      { "-Am r@x", "r@x" },	    { "-B 8BITMIME r@x", "r@x" },
		{ "-B7BIT r@x", "r@x" },      { "-c r@x", "r@x" },	    { "-cmnsUx r@x", "r@x" },
		{ "-D /tmp/x r@x", "r@x" },   { "-DMACRO=x r@x", "r@x" },   { "-d0.1 r@x", "r@x" },
		{ "-dropcr r@x", "r@x" },     { "-E r@x", "r@x" },	    { "-EID r@x", "r@x" },
		{ "-G r@x", "r@x" },	      { "-h 3 r@x", "r@x" },	    { "-h3 r@x", "r@x" },
		{ "-Jx r@x", "r@x" }, { "-J r@x", "r@x" },	      { "-L tag r@x", "r@x" },	    { "-Ltag r@x", "r@x" },
		{ "-Mrvalue r@x", "r@x" },    { "-M{x}y r@x", "r@x" },	    { "-O Timeout=1 r@x", "r@x" },
		{ "-p SMTP:h r@x", "r@x" },   { "-pd r@x", "r@x" },	    { "-ps r@x", "r@x" },
		{ "-T r@x", "r@x" },	      { "-T5d r@x", "r@x" },	    { "-z line r@x", "r@x" },
		{ "-o7 r@x", "r@x" },	      { "-o 7 r@x", "r@x" },	    { "-om -oo r@x", "r@x" },
		{ "-oMa 1.2.3.4 r@x", "r@x" }, { "-oMaa plain r@x", "r@x" }, { "-oMai me r@x", "r@x" },
		{ "-oMas a@x r@x", "r@x" },   { "-oMi ::1 r@x", "r@x" },    { "-oMm ID r@x", "r@x" },
		{ "-oMr esmtp r@x", "r@x" },  { "-oMs h r@x", "r@x" },	    { "-oMt me r@x", "r@x" },
		{ "-oMrvalue r@x", "r@x" },   { "-oP /run/x r@x", "r@x" },  { "-oP/run/x r@x", "r@x" },
		{ "-oPX r@x", "r@x" },	      { "-oX 25 r@x", "r@x" },	    { "-oX25 r@x", "r@x" },
		{ "-oB 5 r@x", "r@x" },	      { "-oB r@x", "r@x" },	    { "-oB5 r@x", "r@x" },
		{ "-or 5m r@x", "r@x" },      { "-or5m r@x", "r@x" },	    { "-os r@x", "r@x" },
		{ "-os 1h r@x", "r@x" },      { "-oQ/var r@x", "r@x" },	    { "-oY r@x", "r@x" },
		{ "-oL9 -oK r@x", "r@x" },    { "-bnq -ti r@x", "r@x" },    { "r@x -oMs h s@x", "r@x s@x" },
		{ "-- -bp r@x", "-bp r@x" },  { "-i -- -- r@x", "-- r@x" }, { "- r@x", "- r@x" },
	};

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct options o;
		struct err e;
		char recipients[200] = "";
		if (!parse(&o, rows[r].line, &e)) {
			fail_msg("%s: %s", rows[r].line, e.text);
		}
		for (size_t k = 0; k < o.recipient_count; k++) {
			size_t have = strlen(recipients);
			snprintf(recipients + have, sizeof(recipients) - have, "%s%s",
				 k ? " " : "", o.recipients[k]);
		}
		if (strcmp(recipients, rows[r].recipients) != 0) {
			fail_msg("%s: %s", rows[r].line, recipients);
		}
		assert_int_equal(o.setting_count, 0);
		assert_int_equal(o.mode, MODE_SEND);
		assert_false(o.verbose);
		options_clear(&o);
	}
}

/* What Exim takes and is no cluster of letters, or none that means this. */
static void words_of_exim_are_refused_with_what_to_do(void **state)
{
	static const struct {
		const char *line, *error;
	} rows[] = {
		{ "-tls-on-connect r@x", "-tls-on-connect: there is no TLS on standard input; "
					 "for a server with TLS from the start set tls on and "
					 "tls_starttls off" },
		{ "-bs -tls-on-connect", "-tls-on-connect: there is no TLS on standard input" },
		{ "-tls-on r@x", "-l: unknown option in -tls-on; see" },
		{ "-itls-on-connect r@x", "-l: unknown option in -itls-on-connect; see" },
		{ "-bpi", "-bpi: for the IDs of queued messages use mailq --json" },
		{ "-bpri", "-bpri: for the IDs of queued messages use mailq --json" },
		{ "-Mvh ID", "-Mvh: to see a message use: relay queue show ID" },
		{ "-bP x", "-bP: to see the settings in force use -P" },
		{ "-bpc", "-bpc: messages are not counted" },
		{ "-bhc 1.2.3.4", "-bhc: nothing is kept about hosts" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o;
		struct err e;
		assert_false(parse(&o, rows[i].line, &e));
		assert_int_equal(e.cause, CAUSE_USAGE);
		if (strncmp(e.text, rows[i].error, strlen(rows[i].error)) != 0) {
			fail_msg("%s: %s", rows[i].line, e.text);
		}
		options_clear(&o);
	}
}

/* RFC 3461 §4.4.  What cannot be sent is not forgotten without a word. */
static void an_envelope_identifier_is_what_can_be_sent(void **state)
{
	static const struct {
		const char *before;
		unsigned repeat;	/* of 'x', behind it */
		bool good;
	} rows[] = {
		{ "", 1, true },	{ "", 100, true },	 { "", 101, false },
		{ "", 300, false },	{ "a+b=~!", 0, true },	 { "+", 97, true },
		{ "+", 98, false },	{ "a b", 95, true },	 { "a b", 96, false },
		{ "a\x01", 1, false },	{ "a\x7f", 0, false },	 { "a\tb", 0, false },
		{ "\xc3\xb6", 0, false }, { "\xff", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static char name[] = "sendmail", option[] = "-V";
		char text[400], *argv[] = { name, option, text, NULL };
		struct options o;
		struct err e;
		size_t before = strlen(rows[i].before);
		memset(text, 'x', sizeof(text));
		memcpy(text, rows[i].before, before);
		text[before + rows[i].repeat] = '\0';
		if (options_parse(&o, 3, argv, &e) != rows[i].good) {
			fail_msg("row %zu", i);
		}
		if (rows[i].good) {
			assert_ptr_equal(o.envid, text);
		} else {
			assert_int_equal(e.cause, CAUSE_USAGE);
			assert_memory_equal(e.text, "-V: ", 4);
		}
		options_clear(&o);
	}
	struct options o;
	struct err e;
	assert_true(parse(&o, "-V '' r@x", &e));
	assert_null(o.envid);
	options_clear(&o);
}

static void verbosity_has_many_names(void **state)
{
	static const char *const lines[] = { "-v r@x",	"-d r@x",  "-ov r@x", "-oivx r@x -ov", "--debug r@x",
					     "-tiv",	"-vv r@x", "-td",     "-o v r@x" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct options o;
		struct err e;
		assert_true(parse(&o, lines[i], &e));
		assert_true(o.verbose);
		options_clear(&o);
	}
}

static void an_aliases_file_can_be_named(void **state)
{
	static const struct {
		const char *line, *path;
	} rows[] = {
		{ "-oA/etc/x r@x", "/etc/x" },	       { "-oA /etc/x r@x", "/etc/x" },
		{ "-oAhash:/etc/x -bi", "/etc/x" },    { "-oAx:y r@x", "x:y" },
		{ "-oA/etc/x:y r@x", "/etc/x:y" },     { "--aliases=/etc/x r@x", "/etc/x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o;
		struct err e;
		assert_true(parse(&o, rows[i].line, &e));
		assert_int_equal(o.setting_count, 1);
		assert_int_equal(o.settings[0].key, KEY_ALIASES);
		assert_string_equal(o.settings[0].value, rows[i].path);
		options_clear(&o);
	}
}

/* A message that somebody means to send is not forgotten in silence. */
static void modes_without_a_message_take_no_recipients(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} rows[] = {
		{ "-q", true },	    { "-q r@x", false },      { "-q -t", false },  { "-bp", true },
		{ "-bp r@x", false }, { "-bp -t", false },    { "-bi", true },	   { "-bi r@x", false },
		{ "-I -t", false }, { "-qI x", true },	      { "-qI x y", false }, { "-bv r@x", true },
		{ "-bv -t", false }, { "-t r@x", true },      { "--help r@x", true }, { "-P -t r@x", true },
		{ "-q -bm", true }, { "-bm -q", true }, { "-bv -q", false }, { "-q -bv r@x", false },
		{ "-bs -q", false }, { "-q15m -bs", false }, { "-bi -qf", false }, { "-qf -I", false },
		{ "-bp -q", true }, { "-qRx -bp", true }, { "-q -P", true }, { "-q --help", true },
		{ "-bs", true }, { "-t -bs", false }, { "-bs -t", false }, { "-bs -bm -t", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o;
		struct err e = { 0 };
		assert_true(parse(&o, rows[i].line, &e));
		if (options_check(&o, &e) != rows[i].good) {
			fail_msg("%s: %s", rows[i].line, e.text);
		}
		assert_int_equal(e.cause, rows[i].good ? CAUSE_NONE : CAUSE_USAGE);
		options_clear(&o);
	}
}

static void real_callers_are_understood(void **state)
{
	static const struct {
		const char *line, *sender, *full_name, *recipients;
		bool t, i;
	} rows[] = {
		{ "-FCronDaemon -i -B8BITMIME -oem root", NULL, "CronDaemon", "root", false, true },
		{ "-FCronDaemon -i -odi -oem -oi -t -f root", "root", "CronDaemon", "", true, true },
		{ "-i bob", NULL, NULL, "bob", false, true },
		{ "-FAnacron -odi bob", NULL, "Anacron", "bob", false, false },
		{ "-oi -f bob@h.example -t", "bob@h.example", NULL, "", true, true },
		{ "-i -F Bob -f b@x -- r@x s@x", "b@x", "Bob", "r@x s@x", false, true },
		{ "-oem -oi -f a@x -B8BITMIME -N failure,delay -R hdrs -- r@x", "a@x", NULL, "r@x", false, true },
		{ "-f a@x -i r@x s@x", "a@x", NULL, "r@x s@x", false, true },
		{ "-t -i -oi -fa@x -t", "a@x", NULL, "", true, true },
		{ "-ti -r a@x", "a@x", NULL, "", true, true },
		{ "-f '' -t", "", NULL, "", true, false },
		{ "-i -f <> -- r@x", "<>", NULL, "r@x", false, true },
		{ "-oi r@x", NULL, NULL, "r@x", false, true },
		{ "-o i r@x", NULL, NULL, "r@x", false, true },
		{ "-G -h 3 -L tag -n -m -p SMTP:h -U -Ac -O x=y -e q r@x", NULL, NULL, "r@x", false, false },
		{ "r@x -f a@x", "a@x", NULL, "r@x", false, false },
		{ "-- -f", NULL, NULL, "-f", false, false },
		{ "--read-recipients --from=a@x", "a@x", NULL, "", true, false },
		{ "--read-r --from a@x r@x", "a@x", NULL, "r@x", true, false },
	};

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct options o;
		struct err e;
		char recipients[200] = "";
		if (!parse(&o, rows[r].line, &e)) {
			fail_msg("%s: %s", rows[r].line, e.text);
		}
		for (size_t k = 0; k < o.recipient_count; k++) {
			size_t have = strlen(recipients);
			snprintf(recipients + have, sizeof(recipients) - have, "%s%s",
				 k ? " " : "", o.recipients[k]);
		}
		assert_string_equal(recipients, rows[r].recipients);
		assert_int_equal(o.read_recipients, rows[r].t);
		assert_int_equal(o.ignore_dots, rows[r].i);
		assert_string_equal(o.sender ? o.sender : "(none)",
				    rows[r].sender ? rows[r].sender : "(none)");
		assert_string_equal(o.full_name ? o.full_name : "(none)",
				    rows[r].full_name ? rows[r].full_name : "(none)");
		assert_int_equal(o.mode, MODE_SEND);
		options_clear(&o);
	}
}

static void modes_are_chosen(void **state)
{
	static const struct {
		const char *line;
		enum mode mode;
	} rows[] = {
		{ "-bm r@x", MODE_SEND },     { "-bp", MODE_LIST_QUEUE }, { "-bi", MODE_CHECK_ALIASES },
		{ "-bv r@x", MODE_VERIFY },   { "-q", MODE_FLUSH },	  { "-q15m", MODE_FLUSH },
		{ "-P", MODE_PRETEND },	      { "--pretend", MODE_PRETEND },
		{ "--version", MODE_VERSION }, { "--help", MODE_HELP }, { "-bV", MODE_VERSION },
		{ "-b p", MODE_LIST_QUEUE },  { "-bpu", MODE_LIST_QUEUE }, { "-bpra", MODE_LIST_QUEUE },
		{ "-I", MODE_CHECK_ALIASES }, { "-tI", MODE_CHECK_ALIASES }, { "-bvs r@x", MODE_VERIFY },
		{ "-b m r@x", MODE_SEND },    { "-ba r@x", MODE_SEND },	  { "-bnq r@x", MODE_SEND },
		{ "-bp -qRx", MODE_LIST_QUEUE }, { "-q -bp", MODE_LIST_QUEUE }, { "-qqf", MODE_FLUSH },
		{ "-qi", MODE_FLUSH }, { "-qqi", MODE_FLUSH }, { "-q -bm", MODE_FLUSH },
		{ "-bp -bs", MODE_SERVE }, { "-bv -bm r@x", MODE_SEND }, { "-bm -bv r@x", MODE_VERIFY },
		{ "-P -bs", MODE_PRETEND }, { "-bs -P", MODE_PRETEND }, { "-P -q", MODE_PRETEND },
		{ "--pretend -bm r@x", MODE_PRETEND }, { "--version -bm r@x", MODE_VERSION },
		{ "-P --help", MODE_HELP },
	};

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct options o;
		struct err e;
		assert_true(parse(&o, rows[r].line, &e));
		assert_int_equal(o.mode, rows[r].mode);
		options_clear(&o);
	}
}

static void wrong_calls_are_usage_errors(void **state)
{
	static const char *const lines[] = {
		"-F", "-f", "-a", "-bx r@x", "-b", "-b x", "-bd", "-bt", "-k r@x", "-tk", "--nonsense",
		"--nonsense=1", "--tls-c", "--read", "-S", "--serverinfo", "--rmqs=x", "--host",
		"--account", "--version=2", "--password=x", "--tls_starttls=on",
		"-f a\nb r@x", "r@x\rDATA", "-odx r@x", "-o d! r@x", "-O DeliveryMode=x r@x",
		"-bd -q15m", "-qp", "-qp15m", "-qGx", "-q!Ix", "-qQ", "-qQx", "-qL", "-qx", "-qfx",
		"-q15x", "-q-1", "-q99999999999999999999w", "-q3651d", "-qI", "-qR", "-qS", "-qI ''",
		"-qIa -qIb", "-qRa -qR b", "--json=1",
		"-M", "-Mrm ID", "-M ID", "-Q", "-Qwhy", "-XV", "-oA", "-oX", "-oMa",
		"-oMs", "-ql", "-bh", "-bH", "-bP", "-bpc", "-bS", "-bdf", "-be", "-D", "-z", "-O", "-e", "-h", "-p",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct options o;
		struct err e = { 0 };
		if (parse(&o, lines[i], &e)) {
			fail_msg("accepted: %s", lines[i]);
		}
		assert_int_equal(e.cause, CAUSE_USAGE);
		assert_true(strlen(e.text) > 5);
		options_clear(&o);
	}
}

static void settings_are_long_options(void **state)
{
	struct options o;
	struct err e;

	(void)state;
	assert_true(parse(&o, "--host h.example --tls-starttls --port=587 -N never r@x", &e));
	assert_int_equal(o.recipient_count, 1);
	assert_int_equal(o.setting_count, 4);
	assert_int_equal(o.settings[0].key, KEY_HOST);
	assert_string_equal(o.settings[0].value, "h.example");
	assert_int_equal(o.settings[1].key, KEY_TLS_STARTTLS);
	assert_string_equal(o.settings[1].value, "");
	assert_int_equal(o.settings[3].key, KEY_DSN_NOTIFY);
	options_clear(&o);
	assert_true(parse(&o, "--queue --maximal-queue-lifetime 1d --queue=off --max-connections=2 r@x", &e));
	assert_int_equal(o.mode, MODE_SEND);
	assert_int_equal(o.recipient_count, 1);
	assert_int_equal(o.setting_count, 4);
	assert_int_equal(o.settings[0].key, KEY_QUEUE);
	assert_string_equal(o.settings[0].value, "");
	assert_int_equal(o.settings[1].key, KEY_MAXIMAL_QUEUE_LIFETIME);
	assert_string_equal(o.settings[1].value, "1d");
	assert_string_equal(o.settings[2].value, "off");
	options_clear(&o);
}

static void delivery_modes_are_settings(void **state)
{
	static const struct {
		const char *line, *mode;
	} rows[] = {
		{ "-odi r@x", "interactive" },
		{ "-od r@x", "interactive" },
		{ "-odb r@x", "background" },
		{ "-odq r@x", "queue" },
		{ "-odd r@x", "queue" },
		{ "-o dq r@x", "queue" },
		{ "-odQ r@x", "queue" },
		{ "-odbackground r@x", "background" },
		{ "-ti -odb", "background" },
		{ "-O DeliveryMode=b r@x", "background" },
		{ "-Odeliverymode=deferred r@x", "queue" },
		{ "-O DELIVERYMODE=Interactive r@x", "interactive" },
		{ "--delivery-mode=background r@x", "background" },
		{ "--delivery-mode d r@x", "d" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o;
		struct err e;
		if (!parse(&o, rows[i].line, &e)) {
			fail_msg("%s: %s", rows[i].line, e.text);
		}
		assert_int_equal(o.mode, MODE_SEND);
		assert_int_equal(o.setting_count, 1);
		assert_int_equal(o.settings[0].key, KEY_DELIVERY_MODE);
		assert_string_equal(o.settings[0].value, rows[i].mode);
		options_clear(&o);
	}
}

static void error_modes_are_known(void **state)
{
	static const struct {
		const char *line;
		enum error_mode mode;
	} rows[] = {
		{ "r@x", ERRORS_PRINT },     { "-oep r@x", ERRORS_PRINT }, { "-oew r@x", ERRORS_PRINT },
		{ "-oem r@x", ERRORS_MAIL }, { "-oee r@x", ERRORS_MAIL_ZERO },  { "-oeq r@x", ERRORS_QUIET },
		{ "-o em r@x", ERRORS_MAIL }, { "-em r@x", ERRORS_MAIL },  { "-e m r@x", ERRORS_MAIL },
		{ "-ep r@x", ERRORS_PRINT }, { "-ew r@x", ERRORS_PRINT },  { "-ee r@x", ERRORS_MAIL_ZERO },
		{ "-eq r@x", ERRORS_QUIET }, { "-tem", ERRORS_MAIL },
		{ "-O ErrorMode=m r@x", ERRORS_MAIL },
		{ "-Oerrormode=Quiet r@x", ERRORS_QUIET },
		{ "-oem -oep r@x", ERRORS_PRINT },
		{ "-oem -oex r@x", ERRORS_MAIL }, /* unknown: ignored */
		{ "-oem -oe r@x", ERRORS_MAIL },
		{ "-oem -om -o7 -O Timeout.queuereturn=5d r@x", ERRORS_MAIL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o;
		struct err e;
		if (!parse(&o, rows[i].line, &e)) {
			fail_msg("%s: %s", rows[i].line, e.text);
		}
		assert_int_equal(o.error_mode, rows[i].mode);
		assert_int_equal(o.mode, MODE_SEND);
		assert_int_equal(o.setting_count, 0);
		options_clear(&o);
	}
}

static void dots_are_ignored_by_name_too(void **state)
{
	static const struct {
		const char *line;
		bool ignore;
	} rows[] = {
		{ "-O IgnoreDots r@x", true },	     { "-O ignoredots=True r@x", true },
		{ "-OIgnoreDots=yes r@x", true },    { "-O IgnoreDots=false r@x", false },
		{ "-O IgnoreDotsX=true r@x", false }, { "-ox r@x", false },
		{ "-i -O IgnoreDots=false r@x", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o;
		struct err e;
		assert_true(parse(&o, rows[i].line, &e));
		assert_int_equal(o.ignore_dots, rows[i].ignore);
		options_clear(&o);
	}
}

static void other_names_of_sendmail_are_known(void **state)
{
	struct options o;
	struct err e;

	(void)state;
	assert_true(parse(&o, "-O Verbose=true -O AliasFile=hash:/etc/aliases r@x", &e));
	assert_true(o.verbose);
	assert_int_equal(o.setting_count, 1);
	assert_int_equal(o.settings[0].key, KEY_ALIASES);
	assert_string_equal(o.settings[0].value, "/etc/aliases");
	options_clear(&o);
	assert_true(parse(&o, "-O Verbose=false -O AliasFile -OLogLevel=9 r@x", &e));
	assert_false(o.verbose);
	assert_int_equal(o.setting_count, 0);
	options_clear(&o);
	/* As it was written. */
	assert_false(parse(&o, "-S r@x", &e));
	assert_int_equal(strncmp(e.text, "-S: not supported", 17), 0);
	options_clear(&o);
	assert_false(parse(&o, "--serverinfo", &e));
	assert_int_equal(strncmp(e.text, "--serverinfo: ", 14), 0);
	options_clear(&o);
}

static void flushes_are_described(void **state)
{
	static const struct {
		const char *line;
		struct flush_options flush;
	} rows[] = {
		{ "-q", { 0 } },
		{ "-q0", { 0 } },
		{ "-qf", { .now = true } },
		{ "-vqf", { .now = true } },
		{ "-qif", { .now = true } },
		{ "-qqiff", { .now = true } },
		{ "-qqi", { 0 } },
		{ "-qIABC", { .id = "ABC" } },
		{ "-qI ABC", { .id = "ABC" } },
		{ "-qI -q", { .id = "-q" } },
		{ "-qRf", { .recipient = "f" } },
		{ "-qR @x.example", { .recipient = "@x.example" } },
		{ "-qSroot", { .sender = "root" } },
		{ "-qS root", { .sender = "root" } },
		{ "-q15m", { .repeat_s = 900 } },
		{ "-q30", { .repeat_s = 1800 } },
		{ "-q30s", { .repeat_s = 30 } },
		{ "-q1h30m", { .repeat_s = 5400 } },
		{ "-q1h30", { .repeat_s = 5400 } },
		{ "-q1D", { .repeat_s = 86400 } },
		{ "-q1w", { .repeat_s = 604800 } },
		{ "-q15m -qf -qR x -qSy", { true, NULL, "x", "y", 900 } },
		{ "-qf -q", { .now = true } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct flush_options *f = &rows[i].flush;
		struct options o;
		struct err e;
		if (!parse(&o, rows[i].line, &e)) {
			fail_msg("%s: %s", rows[i].line, e.text);
		}
		assert_int_equal(o.mode, MODE_FLUSH);
		assert_int_equal(o.recipient_count, 0);
		assert_int_equal(o.flush.now, f->now);
		assert_int_equal(o.flush.repeat_s, f->repeat_s);
		assert_string_equal(o.flush.id ? o.flush.id : "-", f->id ? f->id : "-");
		assert_string_equal(o.flush.recipient ? o.flush.recipient : "-",
				    f->recipient ? f->recipient : "-");
		assert_string_equal(o.flush.sender ? o.flush.sender : "-",
				    f->sender ? f->sender : "-");
		options_clear(&o);
	}
}

static void refusals_say_what_to_use(void **state)
{
	static const struct {
		const char *line, *error;
	} rows[] = {
		{ "-odx r@x", "-odx: unknown delivery mode; write -odi (send at once), -odb (in the "
			      "background) or -odq (queue only)" },
		{ "-qp15m", "-qp15m: not supported; to flush the queue again and again use -q15m" },
		{ "-Mrm ID", "-Mrm: to delete a message use: relay queue delete ID" },
		{ "-M ID", "-M: to send a message in the queue now use: relay queue flush ID" },
		{ "-bdf", "-bdf: relay is not a mail server and never listens; to flush the queue again and "
			  "again use -q15m" },
		{ "-bx", "-bx: unknown mode; see sendmail --help" },
		{ "-oMa", "-oMa needs an argument" },
		{ "-qI", "-qI needs an argument" },
		{ "-vqS", "-qS needs an argument" },
		{ "-f", "-f needs an argument" },
		{ "-qI ''", "-qI needs an argument" },
		{ "-qIa -qIb", "-qI: only one of them; more: relay queue flush ID ID" },
		{ "-q11y", "-q11y: unknown; write -q, -qf, -qI ID, -qR TEXT, -qS TEXT, or a time such as "
			   "-q15m" },
		{ "-q9999w", "-q9999w: must be at most 3650d" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o;
		struct err e;
		assert_false(parse(&o, rows[i].line, &e));
		assert_string_equal(e.text, rows[i].error);
		options_clear(&o);
	}
}

static void json_is_for_the_list(void **state)
{
	struct options o;
	struct err e;

	(void)state;
	assert_true(parse(&o, "-bp", &e));
	assert_false(o.json);
	options_clear(&o);
	assert_true(parse(&o, "-bp --json", &e));
	assert_true(o.json);
	assert_int_equal(o.mode, MODE_LIST_QUEUE);
	options_clear(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_callers_are_understood),
		cmocka_unit_test(ignored_options_take_their_arguments),
		cmocka_unit_test(words_of_exim_are_refused_with_what_to_do),
		cmocka_unit_test(an_envelope_identifier_is_what_can_be_sent),
		cmocka_unit_test(verbosity_has_many_names),
		cmocka_unit_test(an_aliases_file_can_be_named),
		cmocka_unit_test(modes_without_a_message_take_no_recipients),
		cmocka_unit_test(modes_are_chosen),
		cmocka_unit_test(wrong_calls_are_usage_errors),
		cmocka_unit_test(settings_are_long_options),
		cmocka_unit_test(delivery_modes_are_settings),
		cmocka_unit_test(error_modes_are_known),
		cmocka_unit_test(dots_are_ignored_by_name_too),
		cmocka_unit_test(other_names_of_sendmail_are_known),
		cmocka_unit_test(flushes_are_described),
		cmocka_unit_test(refusals_say_what_to_use),
		cmocka_unit_test(json_is_for_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
