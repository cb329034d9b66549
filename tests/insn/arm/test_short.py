#!/usr/bin/env python3
"""Short vectors of VFPv2 (FPSCR.LEN, STRIDE) against an outside emulator: all registers and FPSCR after each instruction.

usage: test_short.py [--seed N] [--count N] [--keep DIR] TINAMOU [ARG...]      exit status 77: no outside emulator
Random instances of every arithmetic row, single and double, in A32, with each length and stride that fits the banks; vectors of an
instance are the same or apart (else UNPREDICTABLE). Registers hold corner values. The models are those with short vectors.
The emulator takes STRIDE = 3 of single precision for four registers; the manual says two (DDI 0406C, "Vector length and stride
control"); of double precision it writes to other registers when there is one operand. So it gets an instruction for each element there.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile

from armtable import DATA_BASE, elf, load, oracle
from test_random import FLOATS32, FLOATS64

MODELS = ['arm926', 'arm1176', 'cortex-a8', 'cortex-a9', 'max']
NEW = {'vmov_imm_f': ('arm926', 'arm1176')} # not there
SCALAR = ('vcmp_f', 'vcvt_to_int')
ONE_OPERAND = ('vmov_f', 'vabs_f', 'vneg_f', 'vsqrt_f')
ROWS = ['v' + op + '_f' for op in 'mla mls nmla nmls mul nmul add sub div mov abs neg sqrt mov_imm'.split()] + list(SCALAR)
POOL, N_POOL = 0, 256
LOG = N_POOL * 8
RECORD = 16 * 8 + 8


class Program:
    def __init__(self, rng, outside):
        self.outside = outside
        self.rng, self.code, self.texts = rng, bytearray(), []
        pool = [v for v in FLOATS64] + [v | w << 32 for v, w in zip(FLOATS32, FLOATS32[3:] + FLOATS32[:3])]
        self.pool = b''.join(rng.choice(pool).to_bytes(8, 'little') for _ in range(N_POOL))
        self.li(8, DATA_BASE + POOL)
        self.li(9, DATA_BASE + LOG)

    def w(self, word):
        self.code += word.to_bytes(4, 'little')

    def li(self, r, v):
        """mov, orr, for cores without movw"""
        self.w(0xe3a00000 | r << 12 | v & 255)
        for k in (1, 2, 3):
            if v >> 8 * k & 255:
                self.w(0xe3800000 | r << 16 | r << 12 | (16 - 4 * k) << 8 | v >> 8 * k & 255)

    def instance(self, row):
        rng = self.rng
        double = rng.getrandbits(1)
        bank = 4 if double else 8
        length, stride = rng.choice([(n, s) for s in (1, 2) for n in range(1, 9) if n * s <= bank])
        top = 15 if double else 31
        while True:
            d, n, m = (rng.randrange(top + 1) for _ in range(3))
            sets = [self.vector(r, bank, length, stride) for r in (d, n, m)]
            if d < bank or all(sets[0] == s or not set(sets[0]) & set(s) for s in sets[1:]):
                break
        f = {'c': 14, 'z': double}
        for letter, big, r in (('d', 'D', d), ('n', 'N', n), ('m', 'M', m)):
            f[letter], f[big] = (r & 15, r >> 4) if double else (r >> 1, r & 1)
        f['i'] = rng.randrange(256)
        f['r'] = f['u'] = f['e'] = 1
        mode = rng.choice([0, 0, 0, 1 << 24, 1 << 25, 3 << 24, 1 << 22, 2 << 22, 3 << 22])
        for k in range(4): # 16 doubles: vldmia
            self.li(10, DATA_BASE + POOL + 8 * rng.randrange(N_POOL - 4))
            self.w(0xec9a0b08 | 4 * k << 12)
        bits = row.encode(f)
        vectors = length - 1 << 16 | (stride == 2) * 3 << 20
        apart = self.outside and (row.id in ONE_OPERAND if double else stride == 2)
        self.li(0, mode | (0 if apart else vectors))
        self.w(0xeee10a10)
        for word in self.elements(row, f, (d, n, m), bank, length, stride) if apart else [bits]:
            self.w(word)
        self.w(0xeef11a10) # vmrs r1, fpscr
        self.li(0, vectors)
        self.w(0xe1811000) # orr r1, r1, r0
        self.li(0, 0)
        self.w(0xeee10a10)
        self.w(0xeca90b20) # vstmia r9!, {d0-d15}
        self.w(0xe4891008) # str r1, [r9], #8
        self.texts.append('%s %08x, %d elements %d apart, fpscr %x' % (row.id, bits, length, stride, mode))

    def elements(self, row, f, registers, bank, length, stride):
        vectors = [self.vector(r, bank, length, stride) for r in registers]
        if registers[0] < bank or row.id in SCALAR:
            return [row.encode(f)]
        if registers[2] < bank:
            vectors[2] = [registers[2]] * length
        out = []
        for k in range(length):
            for letter, big, v in zip('dnm', 'DNM', vectors):
                f[letter], f[big] = (v[k] >> 1, v[k] & 1) if bank == 8 else (v[k], 0)
            out.append(row.encode(f))
        return out

    @staticmethod
    def vector(r, bank, length, stride):
        return [r & ~(bank - 1) | r + k * stride & bank - 1 for k in range(length)]

    def file(self):
        self.li(0, 1)
        self.li(1, DATA_BASE + LOG)
        self.li(2, RECORD * len(self.texts))
        self.li(7, 4)
        self.w(0xef000000)
        self.li(0, 0)
        self.li(7, 1)
        self.w(0xef000000)
        return elf(bytes(self.code), self.pool + bytes(RECORD * len(self.texts)))


def run(command, path):
    p = subprocess.run(command + [path], capture_output=True, timeout=300)
    return p.stdout if p.returncode == 0 else b'status %d' % p.returncode


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--count', type=int, default=60, help='instances of each row')
    ap.add_argument('--keep', help='directory for the programs')
    ap.add_argument('engine', nargs=argparse.REMAINDER)
    args = ap.parse_args()
    qemu = oracle()
    if not qemu:
        print('SKIP: no outside emulator')
        return 77
    rows = {r.id: r for r in load('a32') if r.id in ROWS}
    assert set(rows) == set(ROWS), set(ROWS) - set(rows)
    bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        for model in MODELS:
            out = []
            for command in (qemu[:1], args.engine):
                p = Program(random.Random(args.seed), command is not args.engine)
                for id in ROWS:
                    for _ in range(args.count if model not in NEW.get(id, ()) else 0):
                        p.instance(rows[id])
                path = os.path.join(args.keep or tmp, model + '.outside' * p.outside)
                with open(path, 'wb') as f:
                    f.write(p.file())
                os.chmod(path, 0o755)
                out.append(run(command + ['-cpu', model], path))
            want, got = out
            for k, text in enumerate(p.texts):
                a, b = (x[k * RECORD:(k + 1) * RECORD] for x in (want, got))
                if a != b or len(a) != RECORD:
                    bad += 1
                    if bad < 10:
                        print('%s, %s: got %s, expected %s' % (model, text, *(describe(x, y) for x, y in ((b, a), (a, b)))))
    print('seed %d: %d instances on each of %d models, %s' % (args.seed, args.count * len(ROWS), len(MODELS), '%d differ' % bad if bad else 'ok'))
    return 1 if bad else 0


def describe(record, other):
    """What of it is not the same."""
    if len(record) != RECORD or len(other) != RECORD:
        return record.decode(errors='replace')[:100] or 'nothing'
    words = ['s%d=%08x' % (k, int.from_bytes(record[4 * k:4 * k + 4], 'little')) for k in range(32)]
    words.append('fpscr=%08x' % int.from_bytes(record[128:132], 'little'))
    return ' '.join(w for k, w in enumerate(words) if record[4 * k:4 * k + 4] != other[4 * k:4 * k + 4])


if __name__ == '__main__':
    sys.exit(main())
