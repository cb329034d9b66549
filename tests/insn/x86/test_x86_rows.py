#!/usr/bin/env python3
"""test_x86_rows.py [--ledger FILE] X86_ROWS TINAMOU [OPTION]...: random instructions of every row, native and on the emulator.

TINAMOU_TEST_COUNT: instances of each row (default 40), TINAMOU_TEST_SEED: where they begin. Exit status 77 where the
processor cannot tell what is right: undefined flags are compared, and are those of AMD's.
"""
import collections
import os
import re
import subprocess
import sys


def lines(argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, timeout=280)
    if done.returncode:
        sys.exit("%s: exit status %d" % (argv[0], done.returncode))
    return done.stdout.splitlines()


TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def write_ledger(path, reached, wrong):
    """Every row, and whether it was compared without a difference."""
    lines_out, count, compared = [], 0, 0
    for table in ("insns", "sse", "mmx", "x87", "vex", "mask", "evex"):
        with open(os.path.join(TOP, "target/x86/x86_%s.def" % table)) as f:
            text = f.read()
        for row, name in re.findall(r'^(?:INSN|VEX|EVEX)\((\S+), .*?"([^"]+)"', text, re.M):
            ok = row in reached and not any(w.split()[1] == row for w in wrong)
            count, compared = count + 1, compared + ok
            lines_out.append("| `%s` | %s | %s | %s |" % (row, name, table, "yes" if ok else "no"))
    with open(path, "w") as f:
        f.write("# Ledger of x86 instructions\n\nMade by `tests/insn/x86/test_x86_rows.py --ledger docs/ledger-x86.md X86_ROWS,EVEX_ROWS TINAMOU -cpu max512`. "
                "A row is an encoding (map, prefix, opcode, extension; M memory, R registers only). \"Compared\": random "
                "instances left the same registers, flags (undefined ones too), MXCSR, vector and x87 state and memory as "
                "the processor, an AMD Zen. Jumps, system "
                "instructions and what reads the processor's identity or clock are not compared here.\n\n"
                "%d of %d rows compared.\n\n| row | instruction | table | compared |\n|---|---|---|---|\n" % (compared, count) +
                "\n".join(lines_out) + "\n")


def main():
    args = sys.argv[1:]
    ledger = args[1] if args[0] == "--ledger" else None
    rows, *emulator = args[2:] if ledger else args
    with open("/proc/cpuinfo") as f:
        if "AuthenticAMD" not in f.read():
            print("SKIP: undefined flags are AMD's, this processor is not")
            return 77
    how = [os.environ.get("TINAMOU_TEST_SEED", "1"), os.environ.get("TINAMOU_TEST_COUNT", "40")]
    native, got = [], []
    for program in rows.split(","):
        native += lines([program] + how)
        got += lines(emulator + [program] + how)
    wrong = collections.Counter()
    reached = set()
    for a, b in zip(native, got):
        reached.add(a.split()[1])
        if a != b:
            wrong[" ".join(a.split()[:3])] += 1
            if wrong.total() <= 10:
                print("native %s\ngot    %s" % (a, b))
    none = [a for a in native if a.endswith("no encoding")]
    print("%d rows, %d instances, %d differ, %d rows without an encoding" % (len(reached), len(native), wrong.total(), len(none)))
    for name, n in wrong.most_common():
        print("  %s: %d" % (name, n))
    if ledger:
        write_ledger(ledger, reached, wrong)
    return 1 if wrong or none or len(native) != len(got) or len(reached) < 500 else 0


sys.exit(main())
