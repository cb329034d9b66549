#!/usr/bin/env python3
"""A bug of the emulator: what it says and how it dies. A tracer makes one by changing the emulator's registers."""
import ctypes
import os
import re
import signal
import subprocess
import time
from kit import EXTRA, Result, TINAMOU, check, guest, main

PROBE = guest("probe")
PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_ATTACH, PTRACE_DETACH = 12, 13, 16, 17
RBP, RIP = 4, 16  # of user_regs_struct
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, pid, data=None):
    if libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def cpu_ticks(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as f:
        return int(f.read().rsplit(")", 1)[1].split()[11])


def broken(register, value, *options):
    """The emulator's end, after one of its registers was changed while the guest runs in a loop."""
    p = subprocess.Popen([TINAMOU, *EXTRA, *options, PROBE, "spin"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, env={"PATH": "/usr/bin:/bin"})
    try:
        check(p.stdout.readline() == "spins\n", "the guest starts")
        while cpu_ticks(p.pid) < 20:  # by then it is in the loop
            check(p.poll() is None, "the guest spins")
            time.sleep(0.02)
        regs = (ctypes.c_ulong * 27)()
        ptrace(PTRACE_ATTACH, p.pid)
        os.waitpid(p.pid, 0)
        ptrace(PTRACE_GETREGS, p.pid, regs)
        regs[register] = value
        ptrace(PTRACE_SETREGS, p.pid, regs)
        ptrace(PTRACE_DETACH, p.pid)
        p.stdout, p.stderr = p.communicate(timeout=20)
    finally:
        p.kill()
    return Result(p)


def test_message(_):
    place = {"-no-jit" in EXTRA: r"region 0x[0-9a-f]+$", "-no-jit" not in EXTRA: r"not in a region$"}[True]
    r = broken(RIP, 8)
    lines = r.err.splitlines()
    check(r.status == -signal.SIGABRT and len(lines) == 2, "two lines, then SIGABRT", r)
    check(re.search(r"^tinamou: internal error: signal 11 .* in the emulator at 0x8 .*, guest pc 0x[0-9a-f]+, " + place, lines[0]), "where", r)
    again = re.search(r"^tinamou: version \S+; to run it again: tinamou (.*)$", lines[1])
    check(again and again.group(1).split()[-2:] == [PROBE, "spin"], "how to run it again", r)


def test_region(_):
    """In generated code, whose cpu object has gone: the region, which is the loop's."""
    if "-no-jit" in EXTRA:
        return
    r = broken(RBP, 16)
    region = re.search(r", region 0x([0-9a-f]+)$", r.err.splitlines()[0])
    check(r.status == -signal.SIGABRT and region, "the region", r)
    symbols = subprocess.run(["nm", PROBE], capture_output=True, text=True, check=True).stdout
    start = int(re.search(r"^([0-9a-f]+) . spin$", symbols, re.M).group(1), 16) & ~1
    check(0 <= int(region.group(1), 16) - start < 256, "the region is in spin()", r)


main(globals())
