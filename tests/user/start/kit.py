"""What the tests of linux-user share: running the emulator, checking, counting."""
import os
import subprocess
import sys
import tempfile
import traceback

TINAMOU = os.path.abspath(os.environ["TINAMOU"])
GUEST = os.path.abspath(os.environ["GUEST"])
ISA = os.environ["ISA"]  # riscv64, aarch64, arm, x86_64: the guest of this run
OTHER = {"riscv64": "aarch64", "aarch64": "riscv64", "arm": "aarch64", "x86_64": "aarch64"}[ISA]
EXTRA = os.environ.get("TINAMOU_TEST_OPTIONS", "").split()
SKIP = 77
failures = []


class Result:
    def __init__(self, p):
        self.status, self.out, self.err = p.returncode, p.stdout, p.stderr


def run(args, env=None, argv0=None, pre=(), stdin=None, cwd=None, limit=60):
    """Runs a command; env is added to a small fixed environment."""
    full = {"PATH": "/usr/bin:/bin", **(env or {})}
    cmd = list(pre) + list(args)
    p = subprocess.run(cmd, executable=argv0, env=full, stdin=stdin or subprocess.DEVNULL, capture_output=True,
                       cwd=cwd, timeout=limit, check=False, text=True, errors="replace")
    return Result(p)


def tinamou(*args, **kw):
    return run([TINAMOU, *EXTRA, *args], **kw)


def guest(name):
    """A program of guest/, compiled for the guest."""
    return os.path.join(GUEST, name + "." + ISA)


def check(cond, what, result=None):
    if cond:
        return
    text = what
    if result:
        text += "\n  status %s\n  out %r\n  err %r" % (result.status, result.out[-600:], result.err[-600:])
    raise AssertionError(text)


def one_line(result, status, *parts):
    """The emulator refused: this status, and exactly one line of its own that has these parts."""
    check(result.status == status, "exit status %d expected" % status, result)
    lines = result.err.splitlines()
    check(len(lines) == 1 and lines[0].startswith("tinamou: "), "one line of message expected", result)
    for p in parts:
        check(p in lines[0], "message with %r expected" % p, result)


def main(names):
    count = 0
    for name, fn in list(names.items()):
        if not name.startswith("test_"):
            continue
        count += 1
        try:
            with tempfile.TemporaryDirectory() as d:
                fn(d)
        except (AssertionError, subprocess.TimeoutExpired):
            failures.append(name)
            print("FAILED", name)
            traceback.print_exc(limit=3, file=sys.stdout)
    print("%d tests, %d failed" % (count, len(failures)))
    sys.exit(1 if failures or not count else 0)
