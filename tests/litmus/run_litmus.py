#!/usr/bin/env python3
"""Builds litmus.c with the cross compiler and runs it in an engine.

usage: run_litmus.py [--batches N] [--cc CC] TINAMOU [OPTION...]     exit status 77: no cross compiler

The default takes a few seconds; 1000 batches take minutes, and then the store buffer test must have been seen to be
reordered by the host, else the parts did not run at the same time and nothing was tested.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LONG = 200


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--batches', type=int, default=12)
    p.add_argument('--cc', default='riscv64-linux-gnu-gcc')
    p.add_argument('engine', nargs=argparse.REMAINDER)
    args = p.parse_args()
    cc = args.cc.split()
    if not shutil.which(cc[0]):
        print('SKIPPED: no cross compiler %s' % cc[0])
        return 1 if os.environ.get('TINAMOU_REQUIRE_PAYLOADS') == '1' else 77
    with tempfile.TemporaryDirectory() as tmp:
        exe = os.path.join(tmp, 'litmus')
        subprocess.run([*cc, '-O2', '-static', '-pthread', '-o', exe, os.path.join(HERE, 'litmus.c')], check=True)
        limit = 300 + 2 * args.batches # the threads meet thousands of times, which a busy host makes slow
        try:
            r = subprocess.run(args.engine + [exe, str(args.batches)], capture_output=True, text=True, timeout=limit)
        except subprocess.TimeoutExpired as e:
            print((e.stdout or b'').decode() + 'does not end')
            return 1
    print(r.stdout + r.stderr, end='')
    seen = re.search(r'SB: allowed, seen (\d+)', r.stdout)
    if r.returncode or not seen or 'membarrier' not in r.stdout:
        print('status %d' % r.returncode)
        return 1
    if args.batches >= LONG and os.cpu_count() > 1 and seen[1] == '0':
        print('stores and loads were never seen reordered: the threads did not run at the same time')
        return 1
    return 0


sys.exit(main())
