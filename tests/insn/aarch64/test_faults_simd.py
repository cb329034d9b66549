#!/usr/bin/env python3
"""Loads and stores of SIMD registers that fault: the address that the signal names, as an outside emulator says, and that no
register has changed (the manual leaves registers of a list UNKNOWN; an instruction of ours that faults has done nothing).

usage: test_faults_simd.py [--seed N] [--count N] --dis A64_DIS ENGINE [ARG...]     exit status 77: no outside emulator
Each instance accesses memory around the end of the mapped data, before it, across it or behind it. A handler of SIGSEGV
stores si_addr, the base register and all vector registers as the signal frame has them, and goes on behind the instruction;
without a fault the program stores the same.
"""
import argparse
import os
import random
import struct
import subprocess
import sys
import tempfile

import a64table
from test_random_simd import DATA, ORDERED, elf, oracle, run, vector

POOL_N = 256
POOL, LOGPTR, LOG = 0, POOL_N * 16, POOL_N * 16 + 4096
BASE, PTR = 10, 9 # address register; log pointer outside of the handler
RECORD = 16 + 32 * 16
# struct ucontext of arm64: uc_mcontext at 176: fault_address, regs, sp, pc, pstate; the FPSIMD record at 464, its vregs at 480
REGS, PC, VREGS = 184, 440, 480


class Code:
    def __init__(self):
        self.words = []

    def w(self, *words):
        self.words += words

    def li(self, r, v):
        self.w(0xd2800000 | (v & 0xffff) << 5 | r)
        for k in (1, 2, 3):
            if v >> 16 * k & 0xffff:
                self.w(0xf2800000 | k << 21 | (v >> 16 * k & 0xffff) << 5 | r)

    def ldr(self, rt, rn, at):
        self.w(0xf9400000 | at // 8 << 10 | rn << 5 | rt)

    def str(self, rt, rn, at):
        self.w(0xf9000000 | at // 8 << 10 | rn << 5 | rt)

    def ldr_q(self, rt, rn, at):
        self.w(0x3dc00000 | at // 16 << 10 | rn << 5 | rt)

    def str_q(self, rt, rn, at):
        self.w(0x3d800000 | at // 16 << 10 | rn << 5 | rt)

    def add(self, rd, rn, imm):
        self.w((0x91000000 if imm >= 0 else 0xd1000000) | abs(imm) << 10 | rn << 5 | rd)


def handler():
    """x1 siginfo, x2 ucontext."""
    c = Code()
    c.li(4, DATA + LOGPTR)
    c.ldr(5, 4, 0)
    c.ldr(3, 1, 16)
    c.str(3, 5, 0)
    c.ldr(3, 2, REGS + 8 * BASE)
    c.str(3, 5, 8)
    for r in range(32):
        c.ldr_q(0, 2, VREGS + 16 * r)
        c.str_q(0, 5, 16 + 16 * r)
    c.add(5, 5, RECORD)
    c.str(5, 4, 0)
    c.ldr(3, 2, PC)
    c.add(3, 3, 4 + 4 * 36) # behind the instruction and what stores its results
    c.str(3, 2, PC)
    c.w(0xd65f03c0)
    return c


def store_state(c):
    """36 instructions."""
    c.ldr(PTR, 8, 0)
    c.str(31, PTR, 0)
    c.str(BASE, PTR, 8)
    for r in range(31):
        c.str_q(r, PTR, 16 + 16 * r)
    c.add(PTR, PTR, RECORD)
    c.str(PTR, 8, 0)


def build(rng, rows, texts, count):
    c, pool = Code(), [vector(rng) for _ in range(POOL_N)]
    h = handler()
    c.w(0x14000000 | len(h.words) + 1)
    c.words += h.words
    # rt_sigaction(SIGSEGV, {handler, SA_SIGINFO}, NULL, 8)
    c.li(8, DATA + LOGPTR)
    c.li(1, 0x400004)
    c.str(1, 8, 16)
    c.li(1, 4)
    c.str(1, 8, 24)
    c.add(1, 8, 16)
    c.li(0, 11)
    c.li(2, 0)
    c.li(3, 8)
    c.li(8, 134)
    c.w(0xd4000001)
    c.li(8, DATA + LOGPTR)
    n = len(rows) * count
    size = LOG + n * RECORD
    end = DATA + (size + 4095) // 4096 * 4096 # nothing is mapped there
    c.li(1, DATA + LOG)
    c.str(1, 8, 0)
    names = []
    for row in [r for r in rows for _ in range(count)]:
        bits = rng.choice(texts[row.id])
        imm = 0
        if row.fmt in ('LDST_S9', 'V_PAIR') and 'post' not in row.id:
            at, width = (12, 9) if row.fmt == 'LDST_S9' else (15, 7)
            field = bits >> at & (1 << width) - 1
            field -= (field & 1 << width - 1) * 2
            imm = field << (0 if row.fmt == 'LDST_S9' else 2 + (bits >> 30))
        if row.fmt == 'LDST_U12':
            bits &= ~(0xfff << 10)
        bits = bits & ~(31 << 5) | BASE << 5
        if row.fmt != 'V_PAIR' and 'mmmmm' in row.pic:
            bits = bits | 31 << 16 # xzr, or the number of bytes
        c.li(1, DATA + POOL)
        before = b''
        for r in range(32):
            k = rng.randrange(POOL_N)
            before += pool[k]
            c.ldr_q(r, 1, k * 16)
        c.li(1, end - 512) # a store that faults may have written a part: the manual leaves that open
        for k in range(32):
            c.str_q(k, 1, 16 * k)
        where = rng.choice([-64, -48, -32, -16, -8, -4, -2, -1, 0, -rng.randrange(70), 64])
        c.li(BASE, end + where - imm)
        c.w(bits)
        store_state(c)
        names.append(('%08x %s at end%+d' % (bits, row.id, where), struct.pack('<Q', end + where - imm) + before))
    c.li(0, 1)
    c.li(1, DATA + LOG)
    c.li(2, n * RECORD)
    c.li(8, 64)
    c.w(0xd4000001)
    c.li(0, 0)
    c.li(8, 93)
    c.w(0xd4000001)
    data = b''.join(pool) + bytes(end - DATA - POOL_N * 16)
    return elf(b''.join(w.to_bytes(4, 'little') for w in c.words), data), names


def legal(dis, rows, rng):
    """Some allocated encodings of each row."""
    words = [(r, r.encode({}, rng)) for r in rows for _ in range(64)]
    with tempfile.NamedTemporaryFile() as f:
        f.write(b''.join(w.to_bytes(4, 'little') for _, w in words))
        f.flush()
        lines = subprocess.run([dis, f.name], capture_output=True, text=True, check=True).stdout.splitlines()
    out = {}
    for (row, w), text in zip(words, lines):
        if not text.startswith('.4byte'):
            out.setdefault(row.id, []).append(w)
    return out


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--count', type=int, default=8)
    ap.add_argument('--dis', required=True)
    ap.add_argument('engine', nargs=argparse.REMAINDER)
    args = ap.parse_args()
    qemu = oracle()
    if not qemu:
        print('SKIP: no qemu-aarch64 to compare with')
        return 77
    rng = random.Random(args.seed)
    rows = [r for r in a64table.load(('a64_simd_mem.def',)) if r.id not in ORDERED and r.fmt != 'V_LIT']
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'faults')
        image, names = build(rng, rows, legal(args.dis, rows, rng), args.count)
        with open(path, 'wb') as f:
            f.write(image)
        os.chmod(path, 0o755)
        want, got = run([qemu, '-cpu', 'max'], path), run(args.engine, path)
    if want[0] or got[0] or len(want[1]) != len(got[1]) or len(want[1]) != len(names) * RECORD:
        print('exit status %d, %d bytes, expected %d, %d; %s %s' % (got[0], len(got[1]), want[0], len(want[1]), got[2], want[2]))
        return 1
    bad = faults = 0
    for i, (name, before) in enumerate(names):
        x, y = want[1][i * RECORD:][:RECORD], got[1][i * RECORD:][:RECORD]
        if struct.unpack('<Q', x[:8])[0]: # address from there, the rest as before
            faults += 1
            x = x[:8] + before
        if x != y:
            bad += 1
            diff = [('v%d' % (k - 1) if k else 'address, base') for k in range(33) if x[16 * k:][:16] != y[16 * k:][:16]]
            if bad <= 12:
                print('%s: %s; address %x base %x, expected %x %x' % ((name, ', '.join(diff)) + struct.unpack('<QQ', y[:16]) + struct.unpack('<QQ', x[:16])))
    print('seed %d: %d rows, %d accesses, %d faults: %s' % (args.seed, len(rows), len(names), faults, 'FAIL' if bad else 'ok'))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
