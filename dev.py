#!/usr/bin/env python3
"""The developer's entry point: makes `.venv`, installs the locked requirements into it, and runs a command there.

Standard library only. The same on Linux, macOS and Windows; a second start runs no pip. `python3 dev.py --help` lists
the commands. Paths in arguments are relative to the repository, which is where every command runs.
"""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - older versions must read this file far enough to say it
    sys.exit("TRUEEDGE needs Python 3.11 or newer; this is " + sys.version.split()[0] + " (" + sys.executable + ").")

# Only what every start needs is imported here; the rest where it is used: a second start must cost next to nothing.
import hashlib
import json
import signal

ROOT = os.path.dirname(os.path.abspath(__file__))
WINDOWS = os.name == "nt"
PACKAGE_ROOTS = ("layers/trueedge_core", "local", "clients/python")
LOCKS = {  # dev is run and more, at the same versions; sam has a venv of its own, for it pins others
    "run": "requirements/run.txt",
    "dev": "requirements/dev.txt",
    "sam": "requirements/sam.txt",
}
CFN_LINT = "import sys; from cfnlint.runner import main; sys.exit(main())"  # it has no `python -m` form
DEFAULT_MARKS = "not slow and not browser and not docker"

HELP = """\
usage: python3 dev.py COMMAND [arguments]

  run [..]           serve http://127.0.0.1:9000 from ./data/trueedge.db (arguments: those of `serve`)
  demo [..]          load the simulated demo data into ./data/demo.db and serve it
  test [--all] [..]  run the tests (arguments: pytest's); --all: check first, then the slow, browser and docker ones too
  check              ruff, mypy, import directions and cfn-lint; says which failed
  bench [..]         run the benchmarks
  sam [..]           build, and serve the same functions by `sam local start-api`; makes .venv-sam first
                     --store dynamodb: over a table of a DynamoDB emulator instead of a SQLite file
  setup [--fresh]    only make .venv with everything in it; --fresh: from nothing; --sam: .venv-sam too
  keys, rebuild, fsck, ...   any other command goes to `python -m trueedge_local`

Needs Python 3.11 or newer. The first start makes .venv and installs the locked requirements; later ones just start."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def use(name: str) -> None:
    """The venv that everything below speaks of."""
    global VENV, PYTHON, STAMP, MARKER, LOCK_FILE
    VENV = os.path.join(ROOT, name)
    PYTHON = os.path.join(VENV, "Scripts", "python.exe") if WINDOWS else os.path.join(VENV, "bin", "python")
    STAMP = os.path.join(VENV, "trueedge.json")
    MARKER = os.path.join(VENV, "trueedge-unfinished")  # there while an install runs, and after one that was cut short
    LOCK_FILE = os.path.join(ROOT, name + ".lock")


use(".venv")


# --- is the environment what the lock says? --------------------------------------------------------------------------


def digest(level: str) -> str:
    with open(os.path.join(ROOT, LOCKS[level]), "rb") as lock:
        return hashlib.sha256(lock.read().replace(b"\r\n", b"\n")).hexdigest()


def read_stamp() -> dict:
    try:
        with open(STAMP, encoding="utf-8") as file:
            stamp = json.load(file)
        return stamp if isinstance(stamp, dict) else {}
    except (OSError, ValueError):
        return {}


def is_intact(stamp: dict) -> bool:
    """Whether the venv that the stamp describes is here: not moved with its checkout, nor its Python replaced."""
    here = stamp.get("venv") == VENV and stamp.get("python") == os.path.realpath(PYTHON)
    return here and os.path.isfile(PYTHON) and os.path.isfile(stamp.get("base", ""))


def is_ready(level: str) -> bool:
    """Whether nothing has to be installed for this level; a few file reads, no process."""
    stamp = read_stamp()
    if os.path.exists(MARKER) or not is_intact(stamp) or stamp.get("locks", {}).get(level) != digest(level):
        return False
    try:  # a package that was removed, or installed at another version by hand, has lost its folder
        return set(stamp["installed"]).issubset(os.listdir(stamp["site_packages"]))
    except OSError:
        return False


def write(path: str, text: str, encoding: str = "utf-8") -> None:
    with open(path + ".new", "w", encoding=encoding, newline="\n") as file:
        file.write(text)
    os.replace(path + ".new", path)


def link_packages(site_packages: str) -> None:
    """Put the package roots on the path by one .pth file (pip refuses an editable install beside --require-hashes)."""
    roots = [os.path.join(ROOT, *root.split("/")) for root in PACKAGE_ROOTS]
    text = "".join(root + "\n" for root in roots if os.path.isdir(root))
    path = os.path.join(site_packages, "trueedge.pth")
    try:
        with open(path, encoding="locale") as file:  # how every supported Python reads a .pth
            if file.read() == text:
                return
    except (OSError, ValueError):
        pass
    write(path, text, encoding="locale")


# --- making it so ----------------------------------------------------------------------------------------------------


def ensure(level: str, fresh: bool = False) -> None:
    """Have a venv with this level's lock installed. Of several dev.py at once one installs, the others wait for it."""
    if fresh or not is_ready(level):
        with open(LOCK_FILE, "a+b") as lock:
            take_lock(lock)
            if fresh or not is_ready(level):  # the one we waited for may have done it
                install(level, lock.fileno(), fresh)
    if level != "sam":
        link_packages(read_stamp()["site_packages"])


def ensure_sam(fresh: bool = False) -> None:
    """Have the SAM CLI, in .venv-sam."""
    use(".venv-sam")
    ensure("sam", fresh)
    use(".venv")


def take_lock(lock) -> None:
    """Block until no other dev.py holds the lock; it ends with its holder, however that dies."""
    import time

    waiting = False
    while True:
        try:
            if WINDOWS:
                import msvcrt

                lock.seek(0)
                msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if not waiting:
                say(f"Another dev.py is preparing {os.path.basename(VENV)}; waiting for it ...")
            waiting = True
            time.sleep(0.2)


def install(level: str, lock_fd: int, fresh: bool) -> None:
    import shutil
    import subprocess
    import time

    started = time.monotonic()
    stamp = read_stamp()
    if "dev" in stamp.get("locks", {}):
        level = "dev"  # a new run.txt alone would leave the rest of dev.txt at versions that do not fit it
    reason = ""
    if os.path.lexists(VENV):
        if fresh:
            reason = "asked for"
        elif os.path.exists(MARKER):
            reason = "an earlier install was cut short"
        elif stamp and not is_intact(stamp):
            reason = "it was moved, or the Python it was made from has changed"
        elif not stamp:
            sys.exit(f"{VENV} was not made by dev.py. Remove it, or let `python3 dev.py setup --fresh` replace it.")
    if reason:
        say(f"Making {os.path.basename(VENV)} anew: {reason}.")
        try:
            shutil.rmtree(VENV)
        except OSError as error:
            sys.exit(f"Cannot remove {VENV}: {error}. Stop the programs that use it and try again.")
        stamp = {}

    new = not stamp
    os.makedirs(VENV, exist_ok=True)
    write(MARKER, "")
    if new:
        say(f"Making {os.path.basename(VENV)} with Python {sys.version.split()[0]} ...")
        base = getattr(sys, "_base_executable", None) or sys.executable
        made = subprocess.run(
            [base, "-m", "venv", VENV],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            **keep_open(lock_fd),
        )
        if made.returncode:
            say(made.stdout.strip())
            sys.exit("`python -m venv` failed (on Debian and Ubuntu it needs the package python3-venv).")
    asked = "import json, sys, sysconfig; print(json.dumps([sysconfig.get_path('purelib'), sys._base_executable]))"
    answer = subprocess.run([PYTHON, "-I", "-c", asked], stdout=subprocess.PIPE, check=True).stdout
    site_packages, base = json.loads(answer)

    pip = Pip(level, site_packages, lock_fd)
    try:
        pip.run(started)
    except BaseException:
        if not new and not pip.writing:  # it only looked or downloaded: what was installed still is
            os.remove(MARKER)
        raise
    locks = {name: digest(name) for name in (("run", "dev") if level == "dev" else (level,))}
    stamp = {
        "venv": VENV,
        "python": os.path.realpath(PYTHON),
        "base": base,
        "site_packages": site_packages,
        "installed": sorted(name for name in os.listdir(site_packages) if name.endswith(".dist-info")),
        "locks": locks,
    }
    write(STAMP, json.dumps(stamp, indent=1))
    os.remove(MARKER)


def keep_open(lock_fd: int) -> dict:
    """The child holds the lock too: if dev.py is killed, no other starts beside a pip that is still writing.

    (On Windows a lock belongs to one process and cannot be shared.)
    """
    return {} if WINDOWS else {"pass_fds": (lock_fd,)}


class Pip:
    """One `pip install --require-hashes`, with a progress line made from its output and from what it has written."""

    def __init__(self, level: str, site_packages: str, lock_fd: int) -> None:
        self.lock = os.path.join(ROOT, *LOCKS[level].split("/"))
        self.site_packages = site_packages
        self.lock_fd = lock_fd
        self.writing = False  # from here on a cut leaves half-written packages
        with open(self.lock, encoding="utf-8") as file:
            self.total = sum("==" in line and not line.startswith((" ", "#")) for line in file)
        self.fetched = 0
        self.to_write = 0
        self.current = "starting pip"
        self.before: set[str] = set()

    def command(self) -> list[str]:
        options = ["--require-hashes", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
        if self.lock.endswith(
            "sam.txt"
        ):  # pip cannot see that boto3==1 satisfies boto3[crt]>=1 when hashes are required
            options.append("--no-deps")
        return [PYTHON, "-I", "-m", "pip", "install", *options, "-r", self.lock]

    def run(self, started: float) -> None:
        import collections
        import queue
        import subprocess
        import threading
        import time

        # A user's own pip settings (a mirror, a proxy) hold, but not those that would install somewhere else.
        elsewhere = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_QUIET", "PIP_VERBOSE", "PIP_DRY_RUN")
        env = {name: value for name, value in os.environ.items() if name not in elsewhere}
        self.before = self.packages()
        child = subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**env, "PYTHONUTF8": "1"},
            cwd=ROOT,
            **keep_open(self.lock_fd),
        )
        lines: queue.SimpleQueue = queue.SimpleQueue()

        def pump() -> None:
            for line in child.stdout:
                lines.put(line.rstrip())
            lines.put(None)

        threading.Thread(target=pump, daemon=True).start()
        tail: collections.deque = collections.deque(maxlen=25)
        progress = Progress(started)
        try:
            while True:
                try:
                    line = lines.get(timeout=0.2)
                    if line is None:
                        break
                    tail.append(line)
                    self.read(line)
                except queue.Empty:
                    pass
                progress.show(self.state())
            code = child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            progress.end("stopped")
            raise
        if code:
            progress.end("failed")
            say("\n".join(tail))
            sys.exit(f"pip could not install {os.path.relpath(self.lock, ROOT)} (its last lines are above).")
        progress.end(f"{self.total} packages ready in {time.monotonic() - started:.0f} s")

    def packages(self) -> set[str]:
        return {name for name in os.listdir(self.site_packages) if name.endswith(".dist-info")}

    def read(self, line: str) -> None:
        words = line.split()
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            self.fetched += 1
            name = words[1] if words[0] == "Collecting" else words[3]
            self.current = name.replace("==", " ")
        elif line.startswith("Ignoring "):  # its marker is for another platform or Python
            self.total -= 1
        elif line.startswith("Installing collected packages: "):
            self.writing = True
            self.to_write = len(words) - 3
            self.current = ""

    def state(self) -> str:
        if not self.writing:
            return f"fetching {self.fetched}/{self.total}  {self.current}"
        written = self.packages() - self.before
        if written:
            self.current = max(written, key=self.age).removesuffix(".dist-info").replace("-", " ")
        return f"installing {len(written)}/{self.to_write}  {self.current}"

    def age(self, name: str) -> float:
        try:
            return os.stat(os.path.join(self.site_packages, name)).st_mtime
        except OSError:
            return 0.0


class Progress:
    """A line that is rewritten in place on a terminal, and said anew every two seconds elsewhere."""

    def __init__(self, started: float) -> None:
        self.started = started
        self.tty = sys.stderr.isatty()
        self.width = 0
        self.shown = 0.0

    def show(self, text: str) -> None:
        import time

        now = time.monotonic()
        if now - self.shown < (0.1 if self.tty else 2.0):
            return
        self.shown = now
        self.put(f"  {text}  {now - self.started:.0f} s"[:100])

    def put(self, text: str) -> None:
        if not self.tty:
            say(text)
            return
        sys.stderr.write("\r" + text.ljust(self.width))
        sys.stderr.flush()
        self.width = len(text)

    def end(self, text: str) -> None:
        self.put("  " + text)
        if self.tty:
            say("")


# --- commands --------------------------------------------------------------------------------------------------------


def hand_over(*arguments: str) -> int:
    """Become the venv's Python, so that Ctrl-C and SIGTERM reach it alone and its exit code is ours."""
    os.chdir(ROOT)
    os.environ.pop("__PYVENV_LAUNCHER__", None)  # macOS: it would name the Python that made the venv
    sys.stdout.flush()
    sys.stderr.flush()
    if not WINDOWS:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.execv(PYTHON, [PYTHON, *arguments])
    import subprocess

    child = subprocess.Popen([PYTHON, *arguments])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the console sends Ctrl-C to both; the child decides when it is over
    return child.wait()


def run_here(*arguments: str) -> int:
    import subprocess

    return subprocess.run([PYTHON, *arguments], cwd=ROOT).returncode


def check() -> int:
    """Run every check, whatever the others say; 1 if any failed."""
    steps = [
        ("ruff check", ["-m", "ruff", "check", "."]),
        ("ruff format", ["-m", "ruff", "format", "--check", "."]),
        ("mypy", ["-m", "mypy"]),
        ("import directions", ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/architecture"]),
    ]
    if os.path.exists(os.path.join(ROOT, "template.yaml")):
        steps.append(("cfn-lint", ["-c", CFN_LINT, "template.yaml"]))
    failed = []
    for name, arguments in steps:
        print(f"== {name}", flush=True)
        if run_here(*arguments):
            failed.append(name)
    print(f"check: {'failed: ' + ', '.join(failed) if failed else 'all clean'}", flush=True)
    return 1 if failed else 0


def test(arguments: list[str]) -> int:
    pytest = ["-m", "pytest"]
    if not {"--pdb", "--trace"}.intersection(arguments):  # a debugger needs the tests in one process, at the terminal
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        pytest += [
            "-n",
            str(min(cores, 7) + 1),
            "--dist",
            "loadgroup",
        ]  # one more than cores: many tests wait for others
    if "--all" not in arguments:
        return hand_over(*pytest, "-m", DEFAULT_MARKS, *arguments)
    pytest += ["--hypothesis-profile", "long", *(word for word in arguments if word != "--all")]
    if not check():
        return hand_over(*pytest)
    run_here(*pytest)
    print("The tests are above, but `check` failed: see its output before them.", flush=True)
    return 1


def needs_emulator(command: str, rest: list[str]) -> bool:
    """`sam --store dynamodb`: moto is of the dev level."""
    return command == "sam" and "--store dynamodb" in " ".join(rest).replace("--store=", "--store ")


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs below us is ended too
    command, rest = arguments[0], arguments[1:]
    level = "dev" if command in ("test", "check", "bench", "setup") or needs_emulator(command, rest) else "run"
    ensure(level, fresh=command == "setup" and "--fresh" in rest)
    asked = {"setup": "--sam", "bench": "coldstart"}.get(command)
    if command == "sam" or asked in rest:
        ensure_sam("--fresh" in rest and command == "setup")
    if command == "setup":
        return 0
    if command == "check":
        return check()
    if command == "test":
        return test(rest)
    if command == "bench":
        return hand_over("-m", "benchmarks", *rest)
    return hand_over("-m", "trueedge_local", "serve" if command == "run" else command, *rest)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("\nstopped")
        sys.exit(130)
