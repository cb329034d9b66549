#!/usr/bin/env python3
"""program.c compiled for several cores and instruction sets: the output must be the outside emulator's.

usage: test_programs.py ENGINE [ARG...]     exit status 77: no compiler, linker or outside emulator
"""
import os
import shutil
import subprocess
import sys
import tempfile

from armtable import oracle

HERE = os.path.dirname(os.path.abspath(__file__))
TARGETS = [
    'armv7a-linux-gnueabihf -mthumb -O2', 'armv7a-linux-gnueabihf -mthumb -Os', 'armv7a-linux-gnueabihf -marm -O2',
    'armv7a-linux-gnueabihf -mthumb -mfpu=neon-vfpv4 -O3', 'armv8a-linux-gnueabihf -mthumb -O3',
    'armv8a-linux-gnueabihf -marm -O1', 'armv5te-linux-gnueabi -marm -O1 -mfloat-abi=soft',
    'armv6-linux-gnueabi -marm -O2 -mfloat-abi=soft',
]


def main():
    clang, qemu = shutil.which('clang'), oracle()
    if not clang or not shutil.which('ld.lld') or not qemu:
        print('SKIP: clang, lld or the outside emulator is missing')
        return 77
    bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'program')
        for target in TARGETS:
            p = subprocess.run([clang] + ('--target=' + target).split() +
                               ['-ffreestanding', '-fno-builtin', '-fno-math-errno', '-nostdlib', '-static', '-fuse-ld=lld',
                                '-o', path, os.path.join(HERE, 'program.c')], capture_output=True, text=True)
            if p.returncode:
                print('%s: not compiled: %s' % (target, p.stderr[:300]))
                bad += 1
                continue
            want = subprocess.run(qemu + [path], capture_output=True, timeout=60)
            got = subprocess.run(sys.argv[1:] + ['-v', path], capture_output=True, timeout=60)
            same = want.stdout and (want.returncode, want.stdout) == (got.returncode, got.stdout)
            bad += not same
            print('%s: %s' % (target, 'ok' if same else 'differs\n%s\nexpected\n%s\n%s' %
                              (got.stdout.decode(), want.stdout.decode(), got.stderr.decode()[:500])))
    return 1 if bad else 0


sys.exit(main())
