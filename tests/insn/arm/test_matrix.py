#!/usr/bin/env python3
"""Random code full of faults: the interpreter and the translator with each host feature and each optimisation off agree bit for
bit on the state at every signal and on memory.

usage: test_matrix.py [--seed N] [--blocks N] [--isa a32|t32] [--keep DIR] TINAMOU      exit status 77: no cross compiler
Instances of all rows that do not branch follow each other in loops, UNPREDICTABLE ones included; bases of loads and stores are
made to point around the ends of 8 KiB of data. matrix.c runs them.
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile

import branches
from armtable import encode_bytes, load
from test_random import best

HERE = os.path.dirname(os.path.abspath(__file__))
DATA, DATA_SIZE, COUNTER = 0x20000000, 8192, 0x1c000000
# What differs from run to run, waits, leaves, or gives the kernel random numbers.
SKIP = branches.HANDLERS + ('svc', 'it', 'get_cntvct', 'get_cntfrq', 'get_tpidr', 'get_tpidrro', 'put_tpidr')
WAYS = [['-no-opt', 'all'], ['-max-insns', '1'], ['-host-cpu', 'v1'], ['-host-cpu', 'v2'], ['-host-cpu', 'v3'], ['-host-cpu', '-avx'],
        ['-host-cpu', '-avx2'], ['-host-cpu', '-fma'], ['-host-cpu', '-f16c'], ['-host-cpu', '-bmi1,-bmi2,-lzcnt'],
        ['-host-cpu', '-aes,-sha,-pclmul,-movbe'], ['-host-cpu', '-sse42,-popcnt']]
WAYS += [['-no-opt', w] for w in ('pins', 'chain', 'jump-cache', 'loops', 'superblock', 'fold', 'loop-pins', 'lazy-nan', 'lazy-flags')]


class Code:
    def __init__(self, isa, rng):
        self.isa, self.rng, self.code, self.resume = isa, rng, bytearray(), []

    def w(self, word, bits=32):
        self.code += encode_bytes(self.isa, word, bits)

    def point(self):
        self.resume.append(len(self.code))

    def load(self, r, value):
        """movw, movt"""
        for op, v in ((0, value & 0xffff), (1, value >> 16)):
            if self.isa == 'a32':
                self.w(0xe3000000 | op << 22 | (v >> 12) << 16 | r << 12 | (v & 0xfff))
            else:
                self.w(0xf2400000 | op << 23 | (v >> 12) << 16 | (v >> 11 & 1) << 26 | (v >> 8 & 7) << 12 | r << 8 | (v & 255))

    def pointer(self, r):
        edge = self.rng.choice([DATA, DATA + DATA_SIZE, DATA + DATA_SIZE, DATA + DATA_SIZE // 2])
        self.load(r, edge + self.rng.choice([0, 0, 4, 8, 16, 1, 2, self.rng.randrange(128)]) * self.rng.choice([1, -1]))

    def loop_end(self, start):
        """Three times: the counter is in memory."""
        self.point()
        if self.isa == 'a32':
            self.w(0xf1010000) # setend le
            self.load(0, COUNTER)
            for word in (0xe5901000, 0xe2511001, 0x03a01003, 0xe5801000): # ldr r1; subs r1, #1; moveq r1, #3; str r1
                self.w(word)
            self.w(0x1a000000 | (start - len(self.code) - 8 >> 2) & 0xffffff) # bne
            return
        self.w(0xb650, 16)
        self.load(0, COUNTER)
        for half in (0x6801, 0x3901, 0xbf08, 0x2103, 0x6001): # the same
            self.w(half, 16)
        offset = start - len(self.code) - 4
        self.w(0xf0408000 | (offset >> 20 & 1) << 26 | (offset >> 12 & 63) << 16 | (offset >> 18 & 1) << 13 | (offset >> 19 & 1) << 11
               | (offset >> 1 & 0x7ff)) # bne.w


def fields_of(c, row):
    """Random fields that cannot branch; None: try again."""
    rng = c.rng
    f = row.random(rng)
    if row.pic.startswith('cccc'):
        f['c'] = 14 if c.isa == 't32' or rng.random() < 0.6 else rng.randrange(14)
    if any(f.get(c) == 15 for c in 'dsae') and not row.simd or f.get('d') == 15 and row.fmt == 'VREG':
        return None
    if 'l' in f and not row.simd:
        f['l'] &= 0x7fff if row.fmt != 'T16_POP' else 0xff
    if row.handler == 'nop' and f.get('i') in (2, 3):
        return None
    if 'Q' in f and rng.random() < 0.7:
        f.update({c: f[c] & ~1 for c in 'dnm' if c in f})
    return f if best(c.rows, row, row.encode(f)) is row else None # not another row's encoding


def is_memory(row):
    return 'MEM' in row.fmt or row.fmt in ('LDM', 'EX', 'EXD', 'VLDR', 'VLDRH', 'VLDM', 'TLDMIA', 'TLDMDB', 'TEX', 'TLIT', 'T16_LIT', 'T16_LDM',
                                           'T16_STM', 'T16_PUSH', 'T16_POP')


def instance(c, row, in_it):
    """One instruction; outside of IT blocks with its base made a pointer."""
    rng = c.rng
    for _ in range(100):
        f = fields_of(c, row)
        if f is None:
            continue
        if is_memory(row):
            base = 13 if row.fmt in ('T16_MEM_SP', 'T16_PUSH', 'T16_POP') else f.get('n', 15)
            if 'm' in f and row.fmt != 'VMEM': # small, and shifts keep it so
                if f['m'] == base or f.get('h') == 3 or f.get('k', 0) > 6 or f['m'] == 15:
                    continue
                if not in_it:
                    c.load(f['m'], rng.randrange(64))
                elif f['m'] != base:
                    continue
            if in_it and base != 15 or row.fmt in ('T16_LIT', 'TLIT'):
                continue
            if base != 15:
                c.pointer(base)
        elif row.handler == 'vmsr' and rng.random() < 0.7:
            f['n'] = 1
        word = row.bytes(f)
        c.code += word
        return True
    return False


def build(isa, seed, blocks):
    rng = random.Random(seed)
    c = Code(isa, rng)
    c.rows = load(isa)
    rows = [r for r in c.rows if r.handler not in SKIP]
    plain = [r for r in rows if not is_memory(r) and (not r.simd or r.pic.startswith('cccc'))]
    memory = [r for r in rows if is_memory(r)]
    for r in range(15):
        c.load(r, rng.choice([0, 1, 0x80000000, 0x7fffffff, rng.getrandbits(32), rng.getrandbits(32)]))
    for _ in range(blocks):
        start = len(c.code)
        for _ in range(rng.randrange(4, 24)):
            c.point()
            row = rng.choice(rows if rng.random() < 0.7 else memory)
            if isa == 't32' and rng.random() < 0.15:
                n, cond = rng.randrange(1, 5), rng.randrange(14)
                mask = (rng.getrandbits(n - 1) << 1 | 1) << 4 - n
                c.w(0xbf00 | cond << 4 | mask, 16)
                for _ in range(n):
                    if not instance(c, rng.choice(plain), True):
                        c.w(0xbf00, 16)
            elif rng.random() < 0.04:
                c.w(0xe7f000f0 if isa == 'a32' else 0xde00, 32 if isa == 'a32' else 16)
            elif not instance(c, row, False):
                c.w(0xe320f000 if isa == 'a32' else 0xbf00, 32 if isa == 'a32' else 16)
        c.loop_end(start)
    c.point()
    c.w(0xe7f000f0 if isa == 'a32' else 0xde00, 32 if isa == 'a32' else 16)
    c.code += bytes(-len(c.code) % 4)
    words = len(c.code) // 4 | (isa == 't32') << 31
    return b''.join(v.to_bytes(4, 'little') for v in [words, len(c.resume)] + c.resume) + bytes(c.code)


STATE = 4 * 20 + 256


def describe(a, b):
    for k in range(0, min(len(a), len(b)), STATE):
        x, y = a[k:k + STATE], b[k:k + STATE]
        if x != y and k < len(a) - DATA_SIZE:
            names = ['sig', 'addr'] + ['r%d' % i for i in range(16)] + ['cpsr', 'fpscr']
            text = ['signal %d' % (k // STATE)]
            for i, name in enumerate(names):
                v, w = (int.from_bytes(z[4 * i:4 * i + 4], 'little') for z in (x, y))
                if v != w or name in ('sig', 'r15'):
                    text.append('%s %x, %x' % (name, v, w))
            for i in range(32):
                v, w = (int.from_bytes(z[80 + 8 * i:88 + 8 * i], 'little') for z in (x, y))
                if v != w:
                    text.append('d%d %x, %x' % (i, v, w))
            return '; '.join(text)
    return 'memory, or the number of signals'


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--blocks', type=int, default=150)
    ap.add_argument('--isa', default='a32')
    ap.add_argument('--cc', default='arm-linux-gnueabihf-gcc')
    ap.add_argument('--keep')
    ap.add_argument('engine')
    args = ap.parse_args()
    if not shutil.which(args.cc):
        print('SKIP: no cross compiler')
        return 77
    bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        tmp = args.keep or tmp
        exe, code = os.path.join(tmp, 'matrix'), os.path.join(tmp, 'code')
        subprocess.run([args.cc, '-O1', '-g', '-static', '-Wall', '-marm', '-o', exe, os.path.join(HERE, 'matrix.c')], check=True)
        with open(code, 'wb') as f:
            f.write(build(args.isa, args.seed, args.blocks))

        def run(way):
            p = subprocess.run([args.engine] + way + [exe, code], capture_output=True, timeout=120)
            return p.returncode, p.stdout
        want = run(['--no-jit'])
        if want[0]:
            print('the interpreter ended with %d, %d signals' % (want[0], (len(want[1]) - DATA_SIZE) // STATE))
            return 1
        for way in [[]] + WAYS:
            got = run(way)
            if got != want:
                bad += 1
                print('%s: status %d; (interpreter, translator) %s' % (' '.join(way) or 'all', got[0], describe(want[1], got[1])))
    print('%s, seed %d: %d signals, %d ways: %s' % (args.isa, args.seed, (len(want[1]) - DATA_SIZE) // STATE, len(WAYS) + 1,
                                                    '%d differ' % bad if bad else 'ok'))
    return 1 if bad else 0


sys.exit(main())
