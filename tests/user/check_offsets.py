#!/usr/bin/env python3
"""Is every field of linux-user/abi32/structs.def where a compiler for the guest puts it?

usage: check_offsets.py CROSS_CC STRUCTS_DEF
Makes a C file of assertions about the guest's kernel headers and lets the cross compiler judge; also that the list names no
field twice and that a wrong offset would be found.
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HEADERS = """
#include <stddef.h>
#include <linux/types.h>
#include <linux/time_types.h>
#include <linux/msg.h>
#include <linux/sem.h>
#include <linux/shm.h>
#include <linux/times.h>
#include <linux/mqueue.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/fcntl.h>
#include <asm/stat.h>
#include <asm/statfs.h>
typedef __kernel_long_t L; /* what linux/time.h and linux/timex.h write; they do not go with the others */
struct old_itimerspec { struct __kernel_old_timespec it_interval, it_value; };
struct old_timex {
    unsigned int modes; L offset, freq, maxerror, esterror; int status; L constant, precision, tolerance;
    struct __kernel_old_timeval time; L tick, ppsfreq, jitter; int shift; L stabil, jitcnt, calcnt, errcnt, stbcnt; int tai;
    int pad[11];
};
"""
TYPES = {  # those of the guest by the names of the list
    "ts32": "__kernel_old_timespec", "its32": "old_itimerspec", "ts64": "__kernel_timespec", "its64": "__kernel_itimerspec",
    "tv32": "__kernel_old_timeval", "itv32": "__kernel_old_itimerval", "tms32": "tms", "rusage32": "rusage",
    "timex32": "old_timex", "rlimit32": "rlimit", "sysinfo32": "sysinfo", "flock32": "flock", "mq_attr32": "mq_attr",
    "arm_stat": "stat", "arm_stat64": "stat64", "statfs32": "statfs", "arm_statfs64": "statfs64", "msqid64": "msqid64_ds",
    "shmid64": "shmid64_ds", "semid64": "semid64_ds", "shminfo64": "shminfo64", "shm_info": "shm_info",
    "i386_oldstat": "__old_kernel_stat", "i386_stat64": "stat64", "i386_flock64": "flock64",
    "msqid_old": "msqid_ds", "shmid_old": "shmid_ds", "semid_old": "semid_ds", "shminfo_old": "shminfo",
}
RENAMED = {"arm_stat64_12": "__st_ino", "i386_stat64_12": "__st_ino"}
OTHERS = {"arm": ("i386_",), "i686": ("arm_stat64",)}  # structures that this guest has in another form
WIDTH = {"s16": 2, "u16": 2, "id16": 2, "low16": 2, "s64": 8, "u64": 8, "bytes": 8}


def field_of(row, field):
    """The guest's name of a field that the host has another for."""
    field = RENAMED.get(row, field)
    field = re.sub(r"^st_([amc])tim\.tv_sec$", r"st_\1time", field)
    return re.sub(r"^st_([amc])tim\.tv_nsec$", r"st_\1time_nsec", field)


def of_guest(text, compiler):
    """The list without the structures of other guests."""
    others = OTHERS[os.path.basename(compiler).split("-")[0]]
    return re.sub(r"^(STRUCT|F)\((%s).*\n" % "|".join(others), "", text, flags=re.M)


def assertions(text, off_by=0):
    out, seen = [HEADERS], set()
    for name, size in re.findall(r"^STRUCT\((\w+), [\w ]+, (\d+)\)", text, re.M):
        out.append('_Static_assert(sizeof(struct %s) == %s, "size of %s");' % (TYPES[name], size, name))
    for row, name, kind, at, field in re.findall(r"^F\((\w+), (\w+), (\w+), (\d+), ([\w.\[\]]+)\)", text, re.M):
        assert row == "%s_%s" % (name, at) and row not in seen, row
        seen.add(row)
        guest, member = TYPES[name], field_of(row, field)
        out.append('_Static_assert(offsetof(struct %s, %s) == %d, "place of %s.%s");' % (guest, member, int(at) + off_by, name, field))
        # Times of System V IPC are two words there, one number here.
        two = kind == "s64" and name in ("msqid64", "shmid64", "semid64")
        # Of the guest's 64-bit time, the upper half of nanoseconds is padding and not in the list.
        padded = field.endswith("tv_nsec") and name in ("ts64", "its64")
        width = 4 if two else 8 if padded else WIDTH.get(kind, 4)
        out.append('_Static_assert(sizeof(((struct %s *)0)->%s) == %d, "width of %s.%s");' % (guest, member, width, name, field))
    return "\n".join(out), len(seen)


def main():
    cross = shlex.split(sys.argv[1])
    if not shutil.which(cross[0]):
        print("SKIPPED: no cross compiler %s" % cross[0])
        return 1 if os.environ.get("TINAMOU_REQUIRE_PAYLOADS") == "1" else 77
    with open(sys.argv[2], encoding="utf-8") as f:
        text = of_guest(f.read(), cross[0])
    with tempfile.TemporaryDirectory(prefix="tinamou-offsets-") as top:
        for off_by in (0, 2):
            source, n = assertions(text, off_by)
            path = os.path.join(top, "offsets.c")
            with open(path, "w", encoding="utf-8") as f:
                f.write(source)
            p = subprocess.run([*cross, "-fsyntax-only", path], capture_output=True, text=True, check=False)
            if (p.returncode == 0) != (off_by == 0):
                print("\n".join(l for l in p.stderr.splitlines() if "error" in l) or "wrong offsets were not found")
                return 1
            if not off_by:
                fields = n
    print("%d fields as the compiler has them" % fields)
    return 0 if fields else 1


sys.exit(main())
