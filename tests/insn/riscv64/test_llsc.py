#!/usr/bin/env python3
"""LR/SC between threads: builds llsc.c with the cross compiler and runs it several times.

usage: test_llsc.py ENGINE [ARG...]     exit status 77: no cross compiler
"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    cc = shutil.which('riscv64-linux-gnu-gcc')
    if not cc:
        print('SKIP: riscv64-linux-gnu-gcc is not installed')
        return 77
    want = 'counter: ok\nstack: ok\naba: ok\n'
    with tempfile.TemporaryDirectory() as tmp:
        exe = os.path.join(tmp, 'llsc')
        subprocess.run([cc, '-O2', '-static', '-o', exe, os.path.join(HERE, 'llsc.c'), '-lpthread'], check=True)
        for i in range(3):
            p = subprocess.run(sys.argv[1:] + [exe], capture_output=True, text=True, timeout=100)
            if p.returncode or p.stdout != want:
                print('run %d: status %d\n%s%s' % (i, p.returncode, p.stdout, p.stderr))
                return 1
    print('3 runs: ok')
    return 0


sys.exit(main())
