#!/usr/bin/env python3
"""A machine that gives less than usual: no executable memory, little address space, an old processor."""
import ctypes
import errno
import os
import resource
import shutil
import struct
import subprocess
from kit import EXTRA, Result, TINAMOU, check, guest, main, one_line

PROBE = guest("probe")
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER, PROT_EXEC = 22, 38, 2, 4


def prepared(before, *args):
    p = subprocess.run([TINAMOU, *EXTRA, *args], env={"PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=120, check=False, text=True, errors="replace", preexec_fn=before)
    return Result(p)


def refuse_executable_memory():
    """mmap, mprotect and pkey_mprotect with PROT_EXEC fail, as under SELinux or systemd's MemoryDenyWriteExecute."""
    refuse = 0x00050000 | errno.EACCES  # SECCOMP_RET_ERRNO
    prog = [(0x20, 0, 0, 0),                         # load the number
            (0x15, 2, 0, 9), (0x15, 1, 0, 10),       # mmap, mprotect: look at the protection
            (0x15, 0, 3, 329),                       # pkey_mprotect; else allow
            (0x20, 0, 0, 16 + 2 * 8),                # load the third argument
            (0x45, 0, 1, PROT_EXEC),                 # has it the bit?
            (0x06, 0, 0, refuse), (0x06, 0, 0, 0x7fff0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *i) for i in prog))
    fprog = struct.pack("<HxxxxxxQ", len(prog), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, fprog):
        raise OSError(ctypes.get_errno(), "seccomp")


def test_no_executable_memory(_):
    r = prepared(refuse_executable_memory, PROBE, "exit", "5")
    check("-no-jit" in EXTRA or "interpreter" in r.err, "one line says so", r)
    one_line(r, 5, "executable memory")
    r = prepared(refuse_executable_memory, "-no-jit", PROBE, "exit", "6")
    check(r.status == 6 and not r.err, "nothing to say about the interpreter that was asked for", r)
    r = prepared(refuse_executable_memory, PROBE, "exec", PROBE, PROBE, "exit", "7")
    one_line(r, 7, "executable memory")  # once, not for each program


def test_little_address_space(_):
    """Never a crash or a hang: it runs, on the translator, by the interpreter, or says what is missing."""
    seen = set()
    for mib in (4, 8, 16, 32, 64, 66, 70, 75, 80, 100, 150, 200, 300, 500, 1000, 3000):
        r = prepared(lambda: resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20)), PROBE, "exit", "5")
        lines = r.err.count("\n")
        how = "translator" if r.status == 5 and not lines else "interpreter" if r.status == 5 else "refused"
        seen.add(how)
        check(lines <= 1 and (r.status == 5 or (r.status == 126 and lines == 1)), "%d MiB" % mib, r)
        check(not lines or r.err.startswith("tinamou: "), "%d MiB" % mib, r)
        check(mib < 300 or how == "translator", "%d MiB are enough" % mib, r)
    check(seen == {"translator", "interpreter", "refused"}, "all kinds were seen: %s" % seen)


def test_small_stack(_):
    for kib in (16, 32, 64, 128, 200, 256, 8192):
        low = kib << 10
        r = prepared(lambda: resource.setrlimit(resource.RLIMIT_STACK, (low, resource.RLIM_INFINITY)), "-s", "8M", PROBE, "exit", "5")
        check(r.status == 5 and not r.err, "soft limit of %d KiB" % kib, r)
        r = prepared(lambda: resource.setrlimit(resource.RLIMIT_STACK, (low, low)), "-s", "8M", PROBE, "exit", "5")
        if kib < 128:
            one_line(r, 126, "%d KiB" % kib)
        else:
            check(r.status == 5 and not r.err, "limit of %d KiB" % kib, r)


def test_few_descriptors(_):
    for n in (3, 4, 5, 6):
        r = prepared(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)), PROBE, "exit", "5")
        check(r.status == 5 or n == 3, "%d descriptors" % n, r)
        if r.status != 5:
            one_line(r, 126, "Too many open files")


def test_closed_descriptors(_):
    r = prepared(lambda: [os.close(fd) for fd in (0, 1, 2)], PROBE, "exit", "5")
    check(r.status == 5, "without standard input, output and error", r)


def test_soft_limit_is_the_guests(_):
    limit = 100 << 20
    r = prepared(lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY)), PROBE, "exit", "5")
    check(r.status == 5 and not r.err, "a soft limit", r)


def test_old_processor(_):
    other = shutil.which("qemu-x86_64")
    if not other:
        print("no qemu-x86_64: not tested on an old processor")
        return
    # -old-stack: no start again, which would run on the real processor.
    for cpu, status in (("core2duo", 126), ("Nehalem", 5)):
        for engine in ([], ["-no-jit"]):
            p = subprocess.run([other, "-cpu", cpu, TINAMOU, "-old-stack", "8388608", *engine, PROBE, "exit", "5"],
                               stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False, text=True)
            if status == 5:
                check(p.returncode == 5, cpu, Result(p))
            else:
                one_line(Result(p), status, "x86-64-v2", "sse42", "popcnt")


main(globals())
