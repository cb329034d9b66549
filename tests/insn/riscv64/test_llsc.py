#!/usr/bin/env python3
"""LR/SC between threads: builds llsc.c with the cross compiler and runs it several times in each engine.

usage: test_llsc.py TINAMOU     exit status 77: no cross compiler

The cases that a compare of values cannot get right must fail with `-no-opt exact-llsc`: else they test nothing.
"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = ['counter', 'stack', 'aba', 'stack aba', 'detour', 'loads between', 'locks', 'system call', 'page end']
NEED_EXACT = ['aba', 'stack aba', 'detour']
WAYS = [([], 3), (['--no-jit'], 3), (['-max-insns', '1'], 1), (['-no-opt', 'all'], 1), (['-no-opt', 'superblock'], 1)]


def run(command):
    p = subprocess.run(command, capture_output=True, text=True, timeout=100)
    return p.returncode, dict(line.split(': ', 1) for line in p.stdout.splitlines()), p.stdout + p.stderr


def main():
    cc = shutil.which('riscv64-linux-gnu-gcc')
    if not cc:
        print('SKIP: riscv64-linux-gnu-gcc is not installed')
        return 77
    want = {**dict.fromkeys(CASES, 'ok'), 'read-only': '2 2'}
    with tempfile.TemporaryDirectory() as tmp:
        exe = os.path.join(tmp, 'llsc')
        subprocess.run([cc, '-O2', '-static', '-o', exe, os.path.join(HERE, 'llsc.c'), '-lpthread'], check=True)
        for options, times in WAYS:
            for i in range(times):
                status, got, text = run([sys.argv[1]] + options + [exe])
                if status or got != want:
                    print('%s, run %d: status %d\n%s' % (' '.join(options), i, status, text))
                    return 1
        for engine in [], ['--no-jit']:
            status, got, text = run([sys.argv[1], '-no-opt', 'exact-llsc'] + engine + [exe])
            for case in NEED_EXACT:
                if got.get(case) == 'ok':
                    print('%s: passes without the exact way, so it does not test it\n%s' % (case, text))
                    return 1
    print('%d ways: ok' % len(WAYS))
    return 0


sys.exit(main())
