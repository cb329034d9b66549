#!/usr/bin/env python3
"""LR/SC, LDXR/STXR and LDREX/STREX between threads: builds llsc.c with a cross compiler and runs it several times in each engine.

usage: test_llsc.py ISA TINAMOU     exit status 77: no cross compiler
That is gcc, or clang with the C library of the sysroot that tests/sysroot fetched. arm and thumb are 32-bit.

The cases that a compare of values cannot get right must fail with `-no-opt exact-llsc`: else they test nothing.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = ['counter', 'stack', 'aba', 'stack aba', 'detour', 'loads between', 'locks', 'system call', 'page end']
NEED_EXACT = ['aba', 'stack aba', 'detour']
WAYS = [([], 3), (['--no-jit'], 3), (['-max-insns', '1'], 1), (['-no-opt', 'all'], 1), (['-no-opt', 'superblock'], 1),
        (['-no-opt', 'llsc-match'], 2), (['-no-opt', 'llsc-match', '--no-jit'], 1)]


def run(command):
    p = subprocess.run(command, capture_output=True, text=True, timeout=100)
    return p.returncode, dict(line.split(': ', 1) for line in p.stdout.splitlines()), p.stdout + p.stderr


def cache():
    return os.environ.get('TINAMOU_CACHE') or os.path.join(HERE, '../sysroot/cache')


def compiler(isa):
    """Command line, or None."""
    if isa in ('arm', 'thumb'):
        gcc = shutil.which('arm-linux-gnueabihf-gcc')
        if gcc:
            return [gcc, '-march=armv8-a+simd', '-m' + isa]
        root = os.path.join(cache(), 'armhf/root')
        if not shutil.which('clang') or not shutil.which('ld.lld') or not os.path.exists(root + '/usr/lib/arm-linux-gnueabihf/libc.a'):
            return None
        return ['clang', '--target=arm-linux-gnueabihf', '-march=armv8-a', '-m' + isa, '--sysroot=' + root, '-fuse-ld=lld']
    gcc = shutil.which(isa + '-linux-gnu-gcc')
    if gcc:
        return [gcc]
    root = os.path.join(cache(), {'aarch64': 'arm64'}.get(isa, isa), 'root')
    if shutil.which('clang') and shutil.which('ld.lld') and os.path.exists(os.path.join(root, 'usr/lib/%s-linux-gnu/libc.a' % isa)):
        return ['clang', '--target=%s-linux-gnu' % isa, '--sysroot=' + root, '-fuse-ld=lld']
    return None


def count_cas(tinamou, options, exe, tmp):
    """How many compare and swap operations the translations of the program hold."""
    log = os.path.join(tmp, 'log')
    run([tinamou] + options + ['-d', 'ir', '-D', log, exe])
    with open(log, errors='replace') as f:
        count = sum(' cas' in line for line in f)
    os.unlink(log)
    return count


def conditional_stores(tinamou, exe, tmp):
    """(how many translations hold a load exclusive and a conditional store of it, in how many of them is it a compare and swap)."""
    log = os.path.join(tmp, 'log')
    run([tinamou, '-d', 'in_asm,ir', '-D', log, exe])
    with open(log, errors='replace') as f:
        regions = [text for text in f.read().split('\nIN: ') if re.search(r' ldrex\t.* strexeq\t', text.partition('\nregion')[0], re.S)]
    os.unlink(log)
    return len(regions), sum(' cas' in text for text in regions)


def main():
    isa, tinamou = sys.argv[1:3]
    cc = compiler(isa)
    if not cc:
        print('SKIP: no cross compiler for ' + isa)
        return 77
    cases = CASES + ([] if isa == 'riscv64' else ['sizes'])
    cases += ['conditional'] if isa in ('arm', 'thumb') else []
    want = {**dict.fromkeys(cases, 'ok'), 'read-only': '2 2'}
    with tempfile.TemporaryDirectory() as tmp:
        exe = os.path.join(tmp, 'llsc')
        subprocess.run(cc + ['-O2', '-static', '-o', exe, os.path.join(HERE, 'llsc.c'), '-lpthread'], check=True)
        for options, times in WAYS:
            for i in range(times):
                status, got, text = run([tinamou] + options + [exe])
                if status or got != want:
                    print('%s, run %d: status %d\n%s' % (' '.join(options), i, status, text))
                    return 1
        for engine in [], ['--no-jit']:
            status, got, text = run([tinamou, '-no-opt', 'exact-llsc'] + engine + [exe])
            for case in NEED_EXACT:
                if got.get(case) == 'ok':
                    print('%s: passes without the exact way, so it does not test it\n%s' % (case, text))
                    return 1
        if isa == 'riscv64':  # elsewhere the C library has instructions for it
            counts = [count_cas(tinamou, options, exe, tmp) for options in ([], ['-no-opt', 'llsc-match'])]
            if not counts[0] or counts[1]:
                print('compare and swap in line: %d, with -no-opt llsc-match %d' % tuple(counts))
                return 1
        elif isa in ('arm', 'thumb'):
            found, swaps = conditional_stores(tinamou, exe, tmp)
            if not found or swaps != found:
                print('conditional stores: %d, of which %d are a compare and swap' % (found, swaps))
                return 1
    print('%d ways: ok' % len(WAYS))
    return 0


sys.exit(main())
