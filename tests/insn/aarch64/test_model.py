#!/usr/bin/env python3
"""Rows that are newer than the outside emulator (FEAT_CSSC, FEAT_LRCPC3, FEAT_LSE128): random instances against the
manual's pseudocode, written here once more in Python.

usage: test_model.py [--seed N] [--count N] [--shared] ENGINE [ARG...]
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile

import a64table
from a64table import DATA_BASE
from test_random import corner, map_shared

LOG = 4096
BASE = 22 # address register of the memory rows
OUT = [1, 2, BASE] # registers that are logged, with 32 bytes of memory


def signed(v, bits):
    return v - (1 << bits) if v >> bits - 1 & 1 else v


class Case:
    """State before; `after` is what the model makes of it."""

    def __init__(self, rng):
        self.rng = rng
        self.x = {r: corner(rng) for r in (1, 2, 3, 4)}
        self.mem = [corner(rng) for _ in range(4)]
        self.x[BASE] = DATA_BASE

    def word(self, at, size):
        """Memory as integers of 4 or 8 bytes."""
        raw = b''.join(v.to_bytes(8, 'little') for v in self.mem)
        return int.from_bytes(raw[at:at + size], 'little')

    def write(self, at, size, v):
        raw = bytearray(b''.join(w.to_bytes(8, 'little') for w in self.mem))
        raw[at:at + size] = (v & (1 << 8 * size) - 1).to_bytes(size, 'little')
        self.mem = [int.from_bytes(raw[i:i + 8], 'little') for i in range(0, 32, 8)]


def min_max(op, a, b, bits):
    key = (lambda v: signed(v, bits)) if op[0] == 's' else (lambda v: v)
    return (max if op.endswith('max') else min)(a, b, key=key)


def cssc(case, row):
    """x1 = op(x3[, x4 or imm]); returns fields."""
    rng, x = case.rng, case.x
    z = rng.getrandbits(1)
    bits = 64 if z else 32
    mask = (1 << bits) - 1
    n, m, f = x[3] & mask, x[4] & mask, {'z': z, 'd': 1, 'n': 3}
    if row.id.endswith('_imm'):
        f['i'] = rng.getrandbits(8)
        imm = f['i'] if row.id[0] == 'u' else signed(f['i'], 8)
        x[1] = min_max(row.id[:4], n, imm & mask, bits)
    elif 'm' in row.pic:
        f['m'] = 4
        x[1] = min_max(row.id, n, m, bits)
    elif row.id == 'ctz':
        x[1] = (n & -n).bit_length() - 1 if n else bits
    elif row.id == 'cnt':
        x[1] = bin(n).count('1')
    else: # abs
        x[1] = abs(signed(n, bits)) & mask
    return f


def lrcpc3(case, row):
    """Registers x1, x2; memory in the middle of the 32 bytes."""
    x = case.x
    s = case.rng.getrandbits(1)
    size = 8 if s else 4
    x[BASE] += 16
    f = {'s': s, 'd': 1, 'n': BASE}
    if row.id == 'stlr_pre':
        x[BASE] -= size
        case.write(x[BASE] - DATA_BASE, size, x[1])
    elif row.id == 'ldapr_post':
        x[1] = case.word(16, size)
        x[BASE] += size
    elif row.id.startswith('stilp'):
        at = 16 - (2 * size if row.id.endswith('pre') else 0)
        case.write(at, size, x[1])
        case.write(at + size, size, x[2])
        x[BASE] = DATA_BASE + at
        f['a'] = 2
    else:
        x[1], x[2] = case.word(16, size), case.word(16 + size, size)
        x[BASE] += 2 * size if row.id.endswith('post') else 0
        f['a'] = 2
    return f


def lse128(case, row):
    x, old = case.x, case.mem[2:4]
    x[BASE] += 16
    for k in (0, 1):
        v = x[1 + k]
        case.mem[2 + k] = {'ldclrp': old[k] & ~v, 'ldsetp': old[k] | v, 'swpp': v}[row.id]
    x[1], x[2] = old
    return {'d': 1, 'm': 2, 'n': BASE, 'a': case.rng.getrandbits(1), 'r': case.rng.getrandbits(1)}


MODELS = {'CSSC': cssc, 'LRCPC3': lrcpc3, 'LSE128': lse128}


def emit(a, rng, row, log):
    """One instance; returns the bytes that the program is to write."""
    case = Case(rng)
    start = dict(case.x)
    memory = list(case.mem)
    fields = MODELS[row.feat](case, row)
    a.li(20, DATA_BASE)
    for k, v in enumerate(memory):
        a.li(21, v)
        a.store(21, 20, 8 * k)
    start[BASE] = DATA_BASE + (0 if row.feat == 'CSSC' else 16)
    for r, v in start.items():
        a.li(r, v)
    a.raw(row.encode(fields))
    a.li(23, DATA_BASE + log)
    for k, r in enumerate(OUT):
        a.store(r, 23, 8 * k)
    for k in range(4):
        a.load(21, 20, 8 * k)
        a.store(21, 23, 24 + 8 * k)
    return [case.x[r] for r in OUT] + case.mem


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--count', type=int, default=40, help='instances of each row')
    ap.add_argument('--shared', action='store_true', help='memory is shared: atomics are atomic')
    ap.add_argument('engine', nargs=argparse.REMAINDER)
    args = ap.parse_args()
    rng = random.Random(args.seed)
    rows = [r for r in a64table.load(['a64_insns.def']) if r.feat in MODELS]
    a = a64table.Asm(a64table.load())
    if args.shared:
        map_shared(a)
    want = []
    for row in rows:
        for _ in range(args.count):
            want.append((row.id, emit(a, rng, row, LOG + 56 * len(want))))
    size = 56 * len(want)
    for reg, v in ((0, 1), (1, DATA_BASE + LOG), (2, size), (8, 64)):
        a.li(reg, v)
    a.emit('svc')
    a.li(0, 0)
    a.li(8, 93)
    a.emit('svc')
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'model')
        with open(path, 'wb') as f:
            f.write(a64table.elf(bytes(a.code), bytes(LOG + size)))
        os.chmod(path, 0o755)
        p = subprocess.run(args.engine + [path], capture_output=True, timeout=120)
    if p.returncode or len(p.stdout) != size:
        print('exit status %d, %d bytes of %d: %s' % (p.returncode, len(p.stdout), size, p.stderr[-300:]))
        return 1
    bad = 0
    for i, (id, values) in enumerate(want):
        got = [int.from_bytes(p.stdout[56 * i + k:56 * i + k + 8], 'little') for k in range(0, 56, 8)]
        if got != values:
            bad += 1
            if bad < 20:
                print('%s: %s, expected %s' % (id, ' '.join('%x' % v for v in got), ' '.join('%x' % v for v in values)))
    print('%d rows, %d instances: %s' % (len(rows), len(want), 'FAIL (%d)' % bad if bad else 'ok'))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
