#!/usr/bin/env python3
"""Random instances of every FP, SIMD and crypto row of A64, run by an outside emulator and by an engine of ours.

usage: test_random_simd.py [--seed N] [--count N] [--dense N] [--only ROW,ROW] [--lax] [--keep DIR] [--ledger FILE --lower A64_LOWER] --dis A64_DIS ENGINE [ARG...]
exit status 77: no outside emulator

A program sets FPCR, then for each instance loads the registers that it names from a pool of corner values and random ones,
clears FPSR, runs it, and stores its destination (vector and general register), FPSR, NZCV, and for loads and stores the
memory and the other registers of lists. The first wrong instance is named with its operands. "Dense" blocks have instances
back to back and store all registers at their end. --lax: FPSR is left alone, as most programs do; it is then the engine's
business when its flags become what they should be, and other code is made.
Reserved: x26 scratch memory, x27 integer pool, x28 vector pool, x29 log; x24, x25 for what stands around an instance.
"""
import argparse
import functools
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

import a64table
import outside
from a64table import oracle

FILES = ('a64_fp.def', 'a64_simd.def', 'a64_simd_scalar.def', 'a64_simd_mem.def', 'a64_crypto.def')
CODE, DATA = 0x400000, 0x10000000
elf = functools.partial(a64table.elf, code_base=CODE, data_base=DATA)
run = functools.partial(outside.run, timeout=300)
VPOOL_N, XPOOL_N = 4096, 512
VPOOL, XPOOL, SCRATCH, SCRATCH_SIZE = 0, VPOOL_N * 16, VPOOL_N * 16 + XPOOL_N * 8, 8192
LOG = SCRATCH + SCRATCH_SIZE
# Rows of FEAT_LRCPC3, which the oracle does not know: it runs the plain access in their place.
ORDERED = {'stl1', 'ldap1', 'stlur_v', 'stlur_v_q', 'ldapur_v', 'ldapur_v_q'}


def plain_access(bits):
    """LD1, ST1 of a lane for LDAP1, STL1; LDUR, STUR for LDAPUR, STLUR."""
    if bits >> 24 & 63 == 0x0d:
        return bits & ~(1 << 16)
    return bits & 0xc0fff3ff | 0x3c << 24


# FPCR: RMode, FZ16, FZ, DN, AHP
MODES = [0] * 4 + [r << 22 for r in (1, 2, 3)] + [1 << 24, 1 << 25, 1 << 19, 3 << 24, 1 << 26, 1 << 19 | 1 << 24]

FP = {
    16: dict(exp=5, frac=10), 32: dict(exp=8, frac=23), 64: dict(exp=11, frac=52),
}


def fp_value(rng, bits):
    e, f = FP[bits]['exp'], FP[bits]['frac']
    bias, top, mask = (1 << e - 1) - 1, (1 << e) - 1, (1 << f) - 1
    sign = rng.getrandbits(1) << bits - 1
    pick = rng.random()
    if pick < 0.05:
        return sign                                             # zero
    if pick < 0.10:
        return sign | top << f                                  # infinity
    if pick < 0.16:                                             # NaN, quiet or signaling
        return sign | top << f | rng.getrandbits(1) << f - 1 | max(1, rng.getrandbits(f - 1) >> rng.randrange(f - 1))
    if pick < 0.24:                                             # denormal
        return sign | rng.choice([1, mask, 1 << f - 1, rng.getrandbits(f), rng.getrandbits(f) >> rng.randrange(f)])
    if pick < 0.30:                                             # smallest, largest
        return sign | rng.choice([1 << f, (1 << f) + 1, (top - 1) << f | mask, (top - 1) << f, 2 << f | mask])
    if pick < 0.50:                                             # integers and halves
        k = rng.choice([0.5, 1, 1.5, 2, 2.5, 3, 0.25, 0.75, rng.randrange(1000), rng.randrange(1000) + 0.5])
        return sign | fp_bits(k, bits)
    if pick < 0.60:                                             # around the limits of integers
        edge = rng.choice([7, 8, 15, 16, 31, 32, 63, 64]) + bias
        return sign | (min(edge, top - 1) << f) + rng.choice([0, 0, 1, -1, mask])
    if pick < 0.85:                                             # around one
        return sign | (bias + rng.randrange(-8, 9) & top) << f | rng.choice([rng.getrandbits(f), 0, mask, 1])
    return rng.getrandbits(bits)


def fp_bits(v, bits):
    return int.from_bytes(struct.pack({16: '<e', 32: '<f', 64: '<d'}[bits], v), 'little')


def int_value(rng, bits):
    corner = [0, 1, -1, 2, 1 << bits - 1, (1 << bits - 1) - 1, (1 << bits - 1) + 1, bits, bits - 1, -bits, 1 - bits, 0x5555555555555555]
    v = rng.choice(corner) if rng.random() < 0.55 else rng.getrandbits(bits) >> rng.choice([0, 0, 0, rng.randrange(bits)])
    return v & (1 << bits) - 1


def vector(rng):
    kind = rng.random()
    bits = rng.choice([8, 16, 32, 64])
    if kind < 0.45:
        bits = max(bits, 16)
        lanes = [fp_value(rng, bits) for _ in range(128 // bits)]
    elif kind < 0.9:
        lanes = [int_value(rng, bits) for _ in range(128 // bits)]
    else:
        lanes = [int_value(rng, bits)] * (128 // bits)
    return b''.join(v.to_bytes(bits // 8, 'little') for v in lanes)


class Program:
    def __init__(self, rng, modes):
        self.rng, self.modes = rng, modes
        self.vpool = [(1 << bits - 1).to_bytes(bits // 8, 'little') * (128 // bits) for bits in (8, 16, 32, 64)]
        self.vpool += [vector(rng) for _ in range(VPOOL_N - len(self.vpool))]
        self.xpool = [int_value(rng, rng.choice([16, 32, 64])) for _ in range(XPOOL_N)]
        self.code, self.records, self.size, self.mode = [], [], 0, 0
        self.oracle_code = {} # index: word that the oracle gets
        self.li(28, DATA + VPOOL)
        self.li(27, DATA + XPOOL)
        self.li(26, DATA + SCRATCH)
        self.li(29, DATA + LOG)

    def w(self, bits):
        self.code.append(bits)

    def li(self, r, v):
        self.w(0xd2800000 | (v & 0xffff) << 5 | r)
        for k in (1, 2, 3):
            if v >> 16 * k & 0xffff:
                self.w(0xf2800000 | k << 21 | (v >> 16 * k & 0xffff) << 5 | r)

    def load_v(self, r, same=None):
        i = self.rng.randrange(VPOOL_N) if same is None else same
        self.w(0x3dc00000 | i << 10 | 28 << 5 | r)
        return 'v%d=%s' % (r, self.vpool[i][::-1].hex())

    def load_x(self, r):
        i = self.rng.randrange(XPOOL_N)
        self.w(0xf9400000 | i << 10 | 27 << 5 | r)
        return 'x%d=%016x' % (r, self.xpool[i])

    def log_v(self, r, parts):
        self.w(0x3d800000 | 29 << 5 | r)
        self.w(0x91000000 | 16 << 10 | 29 << 5 | 29)
        parts.append('v%d' % r)

    lax = False

    def fpsr(self, access):
        self.w(0xaa1f03f8 if Program.lax else access) # mov x24, xzr

    def set_mode(self):
        self.mode = self.rng.choice(self.modes)
        self.li(24, self.mode)
        self.w(0xd51b4400 | 24)

    def instance(self, row):
        rng = self.rng
        # registers: general ones stay clear of the reserved
        gen_d = re.search(r'%[RXWZ]d', row.ops) is not None
        gen_n = re.search(r'%[RXWZ]n', row.ops) is not None
        memory = row.file == 'a64_simd_mem.def'
        for _ in range(1000):
            bits = row.encode({}, rng)
            rd, rn, rm, ra = bits & 31, bits >> 5 & 31, bits >> 16 & 31, bits >> 10 & 31
            if (gen_d and rd > 15) or (gen_n and rn > 15):
                continue
            if memory and not 1 <= rn <= 15:
                continue
            if rng.random() < 0.5 and not memory and rd in (rn, rm): # overlaps are rarer
                continue
            text = self.text(bits)
            if not text.startswith('.4byte'):
                break
        else:
            raise SystemExit('no legal instance of ' + row.id)
        if memory:
            bits, text = self.fit_memory(row, bits)
            rd, rn, rm, ra = bits & 31, bits >> 5 & 31, bits >> 16 & 31, bits >> 10 & 31
        operands, parts = [], []
        regs = {rd, rn, rm, ra}
        if 'V_TBL' in row.fmt:
            regs |= {(rn + i) & 31 for i in range(4)}
        if memory:
            regs |= {(rd + i) & 31 for i in range(4)}
        same = rng.choice([rng.randrange(4), rng.randrange(VPOOL_N)]) if rng.random() < 0.2 else None # least times least, a - a
        for r in sorted(regs):
            operands.append(self.load_v(r, same))
        if gen_n:
            operands.append(self.load_x(rn))
        if gen_d and not gen_n:
            self.load_x(rd)
        if memory:
            operands.append(self.memory_registers(row, bits))
        self.fpsr(0xd51b4420 | 31)                    # fpsr = 0
        self.li(24, rng.getrandbits(4) << 28)
        self.w(0xd51b4200 | 24)
        if row.id in ORDERED:
            self.oracle_code[len(self.code)] = plain_access(bits)
        self.w(bits)
        self.fpsr(0xd53b4420 | 24)                    # mrs x24, fpsr
        self.w(0xd53b4200 | 25)                       # mrs x25, nzcv
        self.log_v(rd, parts)
        self.w(0xf9000000 | 29 << 5 | (rn if memory and rn != 31 else rd))
        self.w(0xb9000000 | 2 << 10 | 29 << 5 | 24)
        self.w(0xb9000000 | 3 << 10 | 29 << 5 | 25)
        self.w(0x91000000 | 16 << 10 | 29 << 5 | 29)
        parts.append('x, fpsr, nzcv')
        if memory:
            for i in range(1, 4):
                self.log_v((rd + i) & 31, parts)
            if row.name.startswith('st'):
                self.log_memory(parts)
            if row.fmt == 'V_PAIR':
                self.log_v(ra, parts)
        self.records.append((row, '%08x %s; fpcr %x; %s' % (bits, text, self.mode, ' '.join(operands)), self.size, parts, []))
        self.size += 16 * len(parts)

    def dense(self, rows, length):
        """Instances back to back, in a loop or not, which the translator sees as one region; then all registers are stored."""
        rng, parts, texts = self.rng, [], []
        self.set_mode()
        for r in range(32):
            self.load_v(r)
        for r in range(16):
            self.load_x(r)
        self.fpsr(0xd51b4420 | 31)
        self.li(24, rng.getrandbits(4) << 28)
        self.w(0xd51b4200 | 24)
        rounds = rng.choice([0, 0, 2, 3])
        if rounds:
            self.li(23, rounds)
        head = len(self.code)
        n_regs = rng.choice([4, 8, 32]) # few registers: much forwarding; many: few are pinned
        while len(texts) < length:
            row = rng.choice(rows)
            bits = row.encode({}, rng)
            if self.text(bits).startswith('.4byte'):
                continue
            fields = [(c, at) for c, at in (('d', 0), ('n', 5), ('m', 16), ('a', 10)) if 5 * c in row.pic]
            for c, at in fields:
                general = re.search('%[RXWZ]' + c, row.ops)
                bits = bits & ~(31 << at) | rng.randrange(min(n_regs, 16 if general else 32)) << at
            self.w(bits)
            texts.append(bits)
        if rounds:
            self.w(0xd1000400 | 23 << 5 | 23)
            self.w(0xb5000000 | (head - len(self.code) & 0x7ffff) << 5 | 23)
        self.fpsr(0xd53b4420 | 24)
        self.w(0xd53b4200 | 25)
        for r in range(32):
            self.log_v(r, parts)
        for r in list(range(0, 16, 2)) + [24]: # stp, post-index
            self.w(0xa8810000 | r + 1 << 10 | 29 << 5 | r)
            parts.append('x%d, x%d' % (r + 1, r) if r < 16 else 'nzcv, fpsr')
        self.records.append((None, 'fpcr %x, %d rounds' % (self.mode, max(rounds, 1)), self.size, parts, texts))
        self.size += 16 * len(parts)

    # The disassembler says whether an encoding is allocated; it is compared with objdump by test_disas_simd.py.
    texts = {}

    def text(self, bits):
        return Program.texts[bits] if bits in Program.texts else Program.disassemble(bits)

    def fit_memory(self, row, bits):
        """Offsets small enough for the scratch memory."""
        if row.fmt == 'LDST_U12':
            bits &= ~(0xfe0 << 10)
        if row.fmt == 'LDST_S9' and row.id in ORDERED: # aligned
            bits &= ~(15 << 12)
        if row.fmt == 'V_LIT': # from the code before it
            bits = bits & ~(0x7ffff << 5) | (-self.rng.randrange(1, len(self.code)) & 0x7ffff) << 5
        if 'mmmmm' in row.pic and self.rng.random() < 0.5 and row.fmt != 'LDST_REG':
            bits |= 31 << 16
        rm = bits >> 16 & 31
        if row.fmt == 'LDST_REG' or ('mmmmm' in row.pic and rm != 31):
            rm = self.rng.choice([r for r in range(16, 24)])
            bits = bits & ~(31 << 16) | rm << 16
        return bits, self.text(bits)

    def memory_registers(self, row, bits):
        rng, rn, rm = self.rng, bits >> 5 & 31, bits >> 16 & 31
        base = SCRATCH_SIZE // 2 + (0 if row.id in ORDERED else rng.choice([0, 16, rng.randrange(64)]))
        text = ''
        if row.fmt == 'LDST_REG':
            v = rng.choice([0, 1, 3, -1, 16, rng.randrange(-32, 32)])
            option = bits >> 13 & 7
            if option == 2:
                v = abs(v) | rng.getrandbits(16) << 32
            elif option == 6:
                v = (v & 0xffffffff) | rng.getrandbits(16) << 32
            self.li(rm, v & (1 << 64) - 1)
            text = 'x%d=%x ' % (rm, v & (1 << 64) - 1)
        elif 'mmmmm' in row.pic and rm != 31:
            self.load_x(rm)
        if row.fmt == 'V_LIT':
            return text
        self.w(0x91000000 | 1 << 22 | (base >> 12) << 10 | 26 << 5 | rn)
        self.w(0x91000000 | (base & 4095) << 10 | rn << 5 | rn)
        # fill the neighbourhood
        if row.name.startswith('ld') or rng.random() < 0.3:
            for i in range(6):
                self.w(0xf9400000 | rng.randrange(XPOOL_N) << 10 | 27 << 5 | 24)
                self.w(0xf9000000 | ((SCRATCH_SIZE // 2) // 8 + rng.randrange(-4, 20)) << 10 | 26 << 5 | 24)
        return text + 'x%d=scratch+%d' % (rn, base)

    def log_memory(self, parts):
        """A sum of the scratch memory around the middle would hide where; 128 bytes of it are copied."""
        for i in range(-4, 12):
            self.w(0x3dc00000 | (SCRATCH_SIZE // 2 // 16 + i) << 10 | 26 << 5 | 31)
            self.log_v(31, parts)
            parts[-1] = 'memory%+d' % (16 * i)

    def finish(self):
        """ELF files for our engine and for the oracle."""
        self.li(0, 1)
        self.li(1, DATA + LOG)
        self.li(2, self.size)
        self.li(8, 64)
        self.w(0xd4000001)
        self.li(0, 0)
        self.li(8, 93)
        self.w(0xd4000001)
        code, other = (b''.join(w.to_bytes(4, 'little') for w in words) for words in (
            self.code, [self.oracle_code.get(i, w) for i, w in enumerate(self.code)]))
        data = b''.join(self.vpool) + b''.join(v.to_bytes(8, 'little') for v in self.xpool) + bytes(SCRATCH_SIZE + self.size)
        return elf(code, data), elf(other, data)

    @staticmethod
    def disassemble(bits):
        p = Program.dis
        with tempfile.NamedTemporaryFile() as f:
            f.write(bits.to_bytes(4, 'little'))
            f.flush()
            return subprocess.run([p, f.name], capture_output=True, text=True, check=True).stdout.strip().replace('\t', ' ')


def show(data):
    return data[::-1].hex()


def differing(prog, want, got):
    """Records that differ, with texts."""
    bad = []
    for row, text, at, parts, words in prog.records:
        lines = []
        for k, name in enumerate(parts):
            x, y = want[at + 16 * k:][:16], got[at + 16 * k:][:16]
            if x == y:
                continue
            if name == 'x, fpsr, nzcv':
                a, b = struct.unpack('<QII', x), struct.unpack('<QII', y)
                if row.id == 'fjcvtzs' and '; fpcr 1' in text and a[:2] == b[:2]:
                    continue # FZ: "value == 0.0 && !IsZero(op<51:0>)" gives Z = 0 in the manual's FPToFixedJS
                lines.append('x %x fpsr %x nzcv %x, expected x %x fpsr %x nzcv %x' % (b + a))
            else:
                lines.append('%s = %s, expected %s' % (name, show(y), show(x)))
        if lines:
            bad.append((row, '; '.join([text] + [Program.disassemble(w) for w in words]), lines))
    return bad


# IR rows that the x86-64 back end does by a C function (softfp, mostly) in all their forms; those on halves are, too, but
# for conversions and bit operations.
C_ROWS = {'vqrdmla', 'vurecpe', 'vursqrte', 'vbfdot', 'vbfmmla', 'vfrecps', 'vfrsqrts', 'vfrecpe', 'vfrsqrte', 'frecps', 'frsqrts',
          'frecpe', 'frsqrte', 'frecpx', 'f2bf'}
HOST_HALVES = {'vfwiden.f16', 'vfnarrow.f16', 'fsgn.f16', 'select.f16', 'f2f.f16'}


def how_lowered(ops, helpers):
    if helpers:
        return 'helper'
    if any(op in C_ROWS or (op.endswith('.f16') and op not in HOST_HALVES) for op in ops):
        return 'fallback'
    return 'recipe' if len(ops) > 1 else 'inline'


def write_ledger(path, lower, rows, reached):
    """docs/ledger-arm-simd.md: one line a row, by the instance of each that becomes most IR."""
    rng = random.Random(1)
    words = [(r, r.encode({}, rng)) for r in rows for _ in range(200)]
    with tempfile.NamedTemporaryFile() as f:
        f.write(b''.join(w.to_bytes(4, 'little') for _, w in words))
        f.flush()
        out = subprocess.run([lower, f.name, '-o'], capture_output=True, text=True, check=True).stdout.splitlines()
    best = {}
    for line in out:
        id, _, helpers, ops = line.split('\t')
        if helpers.strip() != 'undefined' and len(ops.split()) >= len(best.get(id, ('', []))[1]):
            best[id] = (helpers.split(), ops.split())
    count = {}
    lines = ['# Ledger of A64 instructions: floating point, Advanced SIMD, crypto', '',
             'Made by `tests/insn/aarch64/test_random_simd.py --dis A64_DIS --ledger docs/ledger-arm-simd.md --lower A64_LOWER ENGINE`.',
             '"Compared" means that the registers, memory, FPSR and NZCV of random instances were equal to those of an outside',
             'emulator in modes of FPCR; every row was also compared with objdump (test_disas_simd.py). How: one IR operation',
             '(inline), several (recipe), an operation that x86-64 does by a C function (fallback), a function called by the front',
             'end (helper). Operations: of the longest of 200 instances, without moves and constants. FPCR.DN and FZ keep f32 and f64 in',
             'line: what needs flushing traps, NaN results are looked at. To softfp go then: conversions, rounding and square roots of',
             'vectors under DN; narrowing of vectors under FZ; all once the program has looked at FPSR under FZ; AHP and FZ16 of f16.', '', '| row | instruction | feature | compared | how | operations |', '|---|---|---|---|---|---|']
    for r in rows:
        helpers, ops = best.get(r.id, ([], []))
        done = 'no' if r.id not in reached else 'yes, as plain accesses' if r.id in ORDERED else 'yes'
        how = how_lowered(ops, helpers)
        count[how] = count.get(how, 0) + 1
        text = ' '.join('%s%s' % (op, ' x%d' % ops.count(op) if ops.count(op) > 1 else '') for op in dict.fromkeys(ops))
        lines.append('| %s | %s | %s | %s | %s | %s |' % (r.id, re.sub(r'%.*', '', r.name), r.feat, done, how, text))
    lines += ['', '%d rows: %d compared; %s.' % (
        len(rows), len(reached), ', '.join('%d %s' % (count[k], k) for k in sorted(count)))]
    with open(path, 'w') as f:
        f.write('\n'.join(lines) + '\n')


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--count', type=int, default=16, help='instances of each row')
    ap.add_argument('--dense', type=int, default=100, help='blocks of instances back to back')
    ap.add_argument('--length', type=int, default=24, help='instances in such a block')
    ap.add_argument('--only', help='ids of rows or handlers, by commas')
    ap.add_argument('--lax', action='store_true', help='FPSR is not looked at')
    ap.add_argument('--default-modes', action='store_true', help='FPCR = 0 only')
    ap.add_argument('--keep', help='directory for the programs')
    ap.add_argument('--dis', required=True, help='the program a64_dis')
    ap.add_argument('--ledger', help='write the ledger of rows to this file')
    ap.add_argument('--lower', help='the program a64_lower, for the ledger')
    ap.add_argument('--show', type=int, default=12)
    ap.add_argument('engine', nargs=argparse.REMAINDER)
    args = ap.parse_args()
    qemu = oracle()
    if not qemu:
        print('SKIP: no qemu-aarch64 to compare with')
        return 77
    Program.dis = args.dis
    Program.lax = args.lax
    rng = random.Random(args.seed)
    all_rows = a64table.load(FILES)
    rows = all_rows
    if args.only:
        only = set(args.only.split(','))
        rows = [r for r in rows if r.id in only or r.handler in only]
    reached, failed, shown = {}, {}, 0
    todo = [r for r in rows for _ in range(args.count)]
    rng.shuffle(todo)
    with tempfile.TemporaryDirectory() as tmp:
        prefetch(args.dis, rows, rng, tmp)
        modes = [0] if args.default_modes else MODES + [1 << 24] * 3 * args.lax
        progs = []
        for start in range(0, len(todo), 4000):
            progs.append(Program(rng, modes))
            for i, row in enumerate(todo[start:start + 4000]):
                if i % 8 == 0:
                    progs[-1].set_mode()
                progs[-1].instance(row)
        if args.dense:
            progs.append(Program(rng, modes))
            inner = [r for r in rows if r.file != 'a64_simd_mem.def' and r.id != 'fjcvtzs']
            for _ in range(args.dense):
                progs[-1].dense(inner, args.length)
        for i, prog in enumerate(progs):
            path = os.path.join(args.keep or tmp, 'simd%d' % i)
            for name, content in zip((path, path + '.plain'), prog.finish()):
                with open(name, 'wb') as f:
                    f.write(content)
                os.chmod(name, 0o755)
            want, got = run([qemu, '-cpu', 'max'], path + '.plain'), run(args.engine, path)
            if want[0] != 0 or got[0] != 0 or len(want[1]) != len(got[1]):
                print('%s: exit status %d, %d bytes, expected %d, %d; %s %s' % (
                    path, got[0], len(got[1]), want[0], len(want[1]), got[2], want[2]))
                return 1
            bad = differing(prog, want[1], got[1])
            for row, text, lines in bad:
                id = row.id if row else 'dense'
                failed[id] = failed.get(id, 0) + 1
                if failed[id] == 1 and shown < args.show:
                    shown += 1
                    print('%s: %s' % (id, text))
                    for line in lines[:3]:
                        print('    ' + line)
            for row, *_ in prog.records:
                if row:
                    reached[row.id] = reached.get(row.id, 0) + 1
    good = {id for id in reached if id not in failed}
    if failed:
        print('rows that differ: ' + ' '.join('%s(%d)' % (k, failed[k]) for k in sorted(failed)))
    if args.ledger:
        write_ledger(args.ledger, args.lower, all_rows, good)
    print('seed %d: %d of %d rows compared, %d instances, %d blocks, %d rows differ: %s' % (
        args.seed, len(reached), len(all_rows), sum(reached.values()), args.dense, len(failed),
        'FAIL' if failed else 'ok'))
    return 1 if failed else 0


def prefetch(dis, rows, rng, tmp):
    """Texts of random encodings of all rows; Row.encode then draws from those, so that few words are looked up singly."""
    for row in rows:
        row.drawn = [row.__class__.encode(row, {}, rng) for _ in range(256)]
        row.encode = lambda fields, r, row=row: r.choice(row.drawn)
    words = [w for row in rows for w in row.drawn]
    path = os.path.join(tmp, 'words')
    with open(path, 'wb') as f:
        f.write(b''.join(w.to_bytes(4, 'little') for w in words))
    lines = subprocess.run([dis, path], capture_output=True, text=True, check=True).stdout.splitlines()
    for w, text in zip(words, lines):
        Program.texts[w] = text.replace('\t', ' ')


if __name__ == '__main__':
    sys.exit(main())
