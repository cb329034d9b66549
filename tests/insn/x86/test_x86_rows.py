#!/usr/bin/env python3
"""test_x86_rows.py [--ledger FILE] X86_ROWS TINAMOU [OPTION]...: random instructions of every row, native and on the emulator.

TINAMOU_TEST_COUNT: instances of each row (default 40), TINAMOU_TEST_SEED: where they begin. Undefined flags are compared where
the processor is AMD's; on others defined state alone is, and the last line says so (rows of AVX-512 leave none undefined). Exit
status 77: the processor has not what is to be compared.
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


def verdict(row, mode, reached, wrong):
    return "yes" if row in reached[mode] and not any(w.split()[1] == row for w in wrong[mode]) else "no"


def write_ledger(path, reached, wrong):
    """Every row, and whether it was compared without a difference, by modes."""
    lines_out, count, compared = [], 0, [0, 0]
    for table in ("insns", "sse", "mmx", "x87", "vex", "mask", "evex"):
        with open(os.path.join(TOP, "target/x86/x86_%s.def" % table)) as f:
            text = f.read()
        for row, attr, name in re.findall(r'^(?:INSN|VEX|EVEX)\((\S+),(.*?)"([^"]+)"', text, re.M):
            cells = ["-" if only in attr else verdict(row, mode, reached, wrong) for mode, only in enumerate(("O32", "O64"))]
            count, compared = count + 1, [n + (cell == "yes") for n, cell in zip(compared, cells)]
            lines_out.append("| `%s` | %s | %s | %s | %s |" % (row, name, table, *cells))
    with open(path, "w") as f:
        f.write("# Ledger of x86 instructions\n\nMade by `tests/insn/x86/test_x86_rows.py --ledger docs/ledger-x86.md X86_ROWS,EVEX_ROWS,X86_ROWS32,EVEX_ROWS32 TINAMOU -cpu max512`. "
                "A row is an encoding (map, prefix, opcode, extension; M memory, R registers only). \"Compared\": random "
                "instances left the same registers, flags (undefined ones too), MXCSR, vector and x87 state and memory as "
                "the processor, an AMD Zen. Jumps, system "
                "instructions and what reads the processor's identity or clock are not compared here.\n\n"
                "Of %d rows %d compared in 64-bit mode, %d in 32-bit mode; - is a row that the mode does not have.\n\n"
                "| row | instruction | table | 64-bit mode | 32-bit mode |\n|---|---|---|---|---|\n" % (count, *compared) +
                "\n".join(lines_out) + "\n")


def main():
    args = sys.argv[1:]
    ledger = args[1] if args[0] == "--ledger" else None
    rows, *emulator = args[2:] if ledger else args
    with open("/proc/cpuinfo") as f:
        cpuinfo = f.read()
    of_amd = "AuthenticAMD" in cpuinfo
    if ledger and not of_amd:
        print("SKIP: the ledger tells of undefined flags, too, which are AMD's; this processor is not")
        return 77
    if "evex" in rows and "avx512_bf16" not in cpuinfo:
        print("SKIP: this processor has not all of AVX-512")
        return 77
    how = [os.environ.get("TINAMOU_TEST_SEED", "1"), os.environ.get("TINAMOU_TEST_COUNT", "40")]
    native, got, modes, some = [], [], [], False
    for program in rows.split(","):
        only = [] if of_amd or "evex" in program else ["-defined"]
        some |= bool(only)
        native += lines([program] + only + how)
        got += lines(emulator + [program] + only + how)
        modes += [int(program.endswith("32"))] * (len(native) - len(modes))
    by_mode = (collections.Counter(), collections.Counter())
    compared = (set(), set())
    for a, b, mode in zip(native, got, modes):
        compared[mode].add(a.split()[1])
        if a != b:
            by_mode[mode][" ".join(a.split()[:3])] += 1
            if sum(w.total() for w in by_mode) <= 10:
                print("native %s\ngot    %s" % (a, b))
    wrong, reached = by_mode[0] + by_mode[1], compared[0] | compared[1]
    none = [a for a in native if a.endswith("no encoding")]
    print("%d rows, %d instances, %d differ, %d rows without an encoding" % (len(reached), len(native), wrong.total(), len(none)))
    for name, n in wrong.most_common():
        print("  %s: %d" % (name, n))
    if some:
        print("DEFINED STATE ONLY: the processor is not AMD's; neither undefined flags nor SSE4A were compared")
    if ledger:
        write_ledger(ledger, compared, by_mode)
    return 1 if wrong or none or len(native) != len(got) or len(reached) < 500 else 0


sys.exit(main())
