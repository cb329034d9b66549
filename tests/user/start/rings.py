#!/usr/bin/env python3
"""io_uring: what the emulator refuses, names below the sysroot, descriptors that the guest has not."""
import errno
import os
from kit import check, guest, main, tinamou

PROBE = guest("probe")


def test_rings(d):
    os.makedirs(os.path.join(d, "root", "etc"))
    with open(os.path.join(d, "root", "etc", "only-below"), "w", encoding="ascii") as f:
        f.write("found")
    log = os.path.join(d, "log")
    r = tinamou("-L", os.path.join(d, "root"), "-strace", "-D", log, PROBE, "rings", "/etc/only-below")
    check(r.status == 0 and not r.err, "rings", r)
    got = dict(line.split(" ", 1) for line in r.out.splitlines() if not line.startswith("flag"))
    flags = [line.split() for line in r.out.splitlines() if line.startswith("flag")]
    check(len(flags) == 3 and all(int(f[2]) == errno.EINVAL for f in flags), "polling threads and memory", r)
    check(got["maps"] == str(-errno.EINVAL), "a file that the emulator makes", r)
    check(got["exe"] == "1", "/proc/self/exe", r)
    check(got["uring_cmd"] == str(-errno.EINVAL), "an operation without a row", r)
    check(got["file"] == "1 found", "a name below the sysroot", r)
    n, ebadf, refused = (int(got["hidden"].split()[i]) for i in (0, 2, 4))
    check(n > 0 and n == ebadf == refused, "hidden descriptors", r)
    check(got["register"] == "ring %d" % errno.EINVAL, "registered rings", r)
    check(got["inherited"] == "1 %d" % errno.EOPNOTSUPP, "a ring that came by execve", r)
    with open(log, encoding="utf-8", errors="replace") as f:
        trace = f.read()
    check("io_uring_setup(" in trace and "io_uring_enter(" in trace, "trace")


main(globals())
