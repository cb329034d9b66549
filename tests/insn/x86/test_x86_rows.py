#!/usr/bin/env python3
"""test_x86_rows.py X86_ROWS TINAMOU [OPTION]...: random instructions of every row, native and on the emulator.

TINAMOU_TEST_COUNT: instances of each row (default 40), TINAMOU_TEST_SEED: where they begin. Exit status 77 where the
processor cannot tell what is right: undefined flags are compared, and are those of AMD's.
"""
import collections
import os
import subprocess
import sys


def lines(argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, timeout=280)
    if done.returncode:
        sys.exit("%s: exit status %d" % (argv[0], done.returncode))
    return done.stdout.splitlines()


def main():
    rows, emulator = sys.argv[1], sys.argv[2:]
    with open("/proc/cpuinfo") as f:
        if "AuthenticAMD" not in f.read():
            print("SKIP: undefined flags are AMD's, this processor is not")
            return 77
    args = [os.environ.get("TINAMOU_TEST_SEED", "1"), os.environ.get("TINAMOU_TEST_COUNT", "40")]
    native, got = lines([rows] + args), lines(emulator + [rows] + args)
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
    return 1 if wrong or none or len(native) != len(got) or len(reached) < 500 else 0


sys.exit(main())
