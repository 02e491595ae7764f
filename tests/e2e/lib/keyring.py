"""A D-Bus session of its own for a test, with a real gnome-keyring-daemon.

    with Keyring(folder) as keyring:        its login keyring is unlocked
        keyring.environment                 DBUS_SESSION_BUS_ADDRESS and no display
        keyring.store(password, host="h", service="smtp", user="u")     with secret-tool
        keyring.lookup(host=…)              the password, or None
        keyring.restart(unlocked=False)     the same keyring, locked
        keyring.stop_daemon()               the bus stays, nobody has the keyring's name any more
        keyring.freeze()                    it stands still: it answers nothing, and is not gone

Nothing of the tester's own session is used: the bus starts no services, and the keyring's files are in the folder.
"""
import os
import shutil
import signal
import subprocess
import time

PROGRAMS = ["dbus-daemon", "dbus-send", "gnome-keyring-daemon", "secret-tool"]
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""
NAME = "org.freedesktop.secrets"


class NoKeyring(Exception):
    """A program is missing; the text says which."""


class Keyring:
    def __init__(self, folder):
        missing = [name for name in PROGRAMS if not shutil.which(name)]
        if missing:
            raise NoKeyring(f"{', '.join(missing)}: not installed")
        self.folder, self.bus, self.daemon = folder, None, None
        self.environment = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder}/bus"}
        self._own = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "run"),
                     "XDG_DATA_HOME": str(folder / "data"), "LC_ALL": "C.UTF-8"} | self.environment

    def __enter__(self):
        (self.folder / "run").mkdir(mode=0o700)
        (self.folder / "bus.conf").write_text(BUS.format(folder=self.folder))
        self.bus = subprocess.Popen(["dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork", "--print-address"],
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self._own)
        assert self.bus.stdout.readline()       # it listens now
        try:
            self.start_daemon(unlocked=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop_daemon()
        self.bus.kill()
        self.bus.communicate()

    def start_daemon(self, unlocked):
        # --unlock reads the keyring's password up to the end of input, and makes the keyring when there is none.
        self.daemon = subprocess.Popen(["gnome-keyring-daemon", "--foreground", "--components=secrets", *["--unlock"] * unlocked],
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       env=self._own)
        if unlocked:
            self.daemon.stdin.write(b"of-the-keyring")
        self.daemon.stdin.close()
        self._wait_for_name()

    def _wait_for_name(self):
        end = time.monotonic() + 20
        while not self._call("NameHasOwner", f"string:{NAME}").endswith("true"):
            assert self.daemon.poll() is None and time.monotonic() < end, "gnome-keyring-daemon did not start"
            time.sleep(0.02)

    def _call(self, method, *args):
        done = subprocess.run(["dbus-send", "--session", "--print-reply=literal", "--dest=org.freedesktop.DBus",
                               "/org/freedesktop/DBus", f"org.freedesktop.DBus.{method}", *args],
                              capture_output=True, text=True, env=self._own, check=True)
        return done.stdout.strip()

    def connections(self):
        """How many connections the bus has, with that of the question."""
        return self._call("ListNames").count(" :") + 1

    def stop_daemon(self):
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()
            self.daemon = None

    def restart(self, unlocked):
        self.stop_daemon()
        self.start_daemon(unlocked)

    def freeze(self):
        self.daemon.send_signal(signal.SIGSTOP)

    def _tool(self, command, attributes, options=(), stdin=b""):
        words = [word for pair in attributes.items() for word in pair]
        return subprocess.run(["secret-tool", command, *options, *words], input=stdin, capture_output=True, timeout=30,
                              env=self._own)

    def store(self, password, **attributes):
        done = self._tool("store", attributes, ["--label=of the tests"], password.encode())
        assert done.returncode == 0, done.stderr

    def lookup(self, **attributes):
        done = self._tool("lookup", attributes)
        return done.stdout.decode() if done.returncode == 0 else None
