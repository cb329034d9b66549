#!/usr/bin/env python3
"""Is every system call that the emulator claims to do called by at least one program of this folder?

usage: run_rows.py CROSS_CC EMULATOR SOURCE...
Runs the programs with -strace and compares the names with `EMULATOR --syscalls`. That the results are right is for
run_user.py; this test finds rows that nothing tests.
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

# Rows that answer with an error are the table's own (tests/unit/test_syscalls.c); these are tested elsewhere.
ELSEWHERE = {
    "execve": "tests/user/start", "execveat": "tests/user/start", "clone3": "tests/experiments/threads",
    "riscv_hwprobe": "tests/unit/test_syscalls.c", "riscv_flush_icache": "tests/unit/test_syscalls.c",
}


def main():
    cross, emulator, *sources = sys.argv[1:]
    cross = shlex.split(cross)
    if not shutil.which(cross[0]):
        print("SKIPPED: no cross compiler %s" % cross[0])
        return 1 if os.environ.get("TINAMOU_REQUIRE_PAYLOADS") == "1" else 77
    called = set()
    command = shlex.split(emulator)
    with tempfile.TemporaryDirectory(prefix="tinamou-rows-") as top:
        for source in sources:
            program = os.path.join(top, "program")
            work = os.path.join(top, os.path.basename(source) + ".d")
            os.mkdir(work)
            # Whose the processor is means nothing here: only the calls count.
            subprocess.run([*cross, "-O1", "-static", "-pthread", "-D_GNU_SOURCE", "-DOF_AMD=0", "-w", "-o", program, source], check=True)
            p = subprocess.run([*command, "-strace", program], cwd=work, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
            called |= set(re.findall(r"(?:^|>)\d+ ([a-z_]\w*)\(", p.stdout.decode(errors="replace"), re.M))
    # Called by a name that promises an ISA it lists that guest's calls alone.
    isa = os.path.basename(cross[0]).split("-")[0].replace("i686", "i386")
    listing = subprocess.run(["qemu-" + isa, *command[1:], "--syscalls"], executable=command[0], stdout=subprocess.PIPE,
                             check=True, text=True).stdout
    claimed = {m.group(1) for m in re.finditer(r"^ *\d+ (\w+) +(?:exact|subset)\b", listing, re.M)}
    missing = sorted(claimed - called - set(ELSEWHERE))
    print("%d rows claimed, %d of them called, %d tested elsewhere" %
          (len(claimed), len(claimed & called), len(claimed & set(ELSEWHERE))))
    if missing:
        print("nothing calls: " + " ".join(missing))
    return 1 if missing or not claimed else 0


sys.exit(main())
