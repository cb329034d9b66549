#!/usr/bin/env python3
"""Random instances of every row against an outside emulator: registers, CPSR and memory after each.

usage: test_random.py [--seed N] [--count N] [--isa a32|t32] [--rows REGEX] [--keep DIR] [--reached FILE] ENGINE [ARG...]
exit status 77: no outside emulator
One program has all instances. Each loads registers and flags, runs (T32: up to four in an IT block), and stores them; at the
end the program writes the results and the memory that was used.
"""
import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import os

import branches
from armtable import CODE_BASE, DATA_BASE, elf, encode_bytes, load, oracle

M32 = 0xffffffff
WORDS = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0x80000001, M32, 0x00ff00ff,
         0x7fff8000, 0x80007fff, 0x01010101, 31, 32, 33, 64, 0x100]
IN_SIZE = OUT_SIZE = 16 * 4 + 8 + 256 # flags, r0-r12, lr, -; FPSCR, -; d0-d31
FLOATS32 = [0, 0x80000000, 1, 0x80000001, 0x007fffff, 0x00800000, 0x3f800000, 0xbf800000, 0x7f7fffff, 0x7f800000, 0xff800000,
            0x7fc00000, 0x7f800001, 0xffc12345, 0xff812345, 0x4b000000, 0x4f000000, 0xcf000000, 0x4effffff, 0x3effffff,
            0x3f000000, 0x40200000, 0x33800000, 0x47000000, 0xc7000100]
FLOATS64 = [0, 1 << 63, 1, 0x000fffffffffffff, 0x0010000000000000, 0x3ff0000000000000, 0xbff0000000000000, 0x7fefffffffffffff,
            0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001, 0xfff8123456789abc,
            0xfff7123456789abc, 0x41dfffffffc00000, 0x41e0000000000000, 0xc1e0000000000000, 0x3fe0000000000000,
            0x4004000000000000, 0x36a0000000000000, 0x380fffffffffffff, 0x47efffffe0000000, 0x40e0000000000000]
FLOATS16 = [0, 0x8000, 1, 0x8001, 0x03ff, 0x0400, 0x8400, 0x3c00, 0xbc00, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0x7c01, 0xfe12, 0xfd12,
            0x3800, 0x4000, 0x4200, 0x6400, 0x5bff, 0x1400, 0x7800, 0xf800, 0x4900]
SCRATCH, SCRATCH_SIZE = DATA_BASE, 0x4000 # what instances load and store
MID = SCRATCH + SCRATCH_SIZE // 2

# What ends a program, needs more than one instruction, or the outside emulator does not have: where it is tested.
ELSEWHERE = {'bkpt': 'ends a program: test_faults.py', 'udf': 'ends a program: test_faults.py', 'swp': 'not in the newest core: test_faults.py',
             'swpb': 'not in the newest core: test_faults.py', 'get_cntvct': 'time: test_faults.py', 'setpan': 'the oracle is wrong: test_faults.py', 'get_cntfrq': 'of the machine: test_faults.py'}
BY_THE_WAY = ('svc', 'it', 'setend') # around other instances, or at a program's end


class Reject(Exception):
    pass


class Case:
    def __init__(self, rng):
        self.regs = [rng.choice(WORDS) if rng.random() < 0.4 else rng.getrandbits(32) for _ in range(16)]
        self.regs[13] = MID + rng.randrange(-64, 65) * 4
        self.flags = rng.getrandbits(5) << 27 | rng.getrandbits(4) << 16
        self.simd = False
        self.fpscr = self.dregs = None
        self.code = b''
        self.names = []
        self.sp_out = False
        self.flow = None        # a branch: its row
        self.big = rng.random() < 0.15 # big-endian data, by SETEND
        self.fixed = {13, 15}   # registers whose value matters as an address
        self.written = set()    # by instances before, in the same IT block


def random_simd(case, rng):
    """Input of the FP and SIMD registers."""
    case.simd = True
    case.fpscr = rng.choice([0, 0, 0, rng.getrandbits(2) << 22, rng.getrandbits(5) << 22, rng.getrandbits(5) << 22 | 1 << 19])
    case.fpscr |= rng.getrandbits(5) << 27
    regs = []
    for _ in range(32):
        kind = rng.random()
        if kind < 0.3:
            regs.append(rng.choice(FLOATS64))
        elif kind < 0.6:
            regs.append(rng.choice(FLOATS32) << 32 | rng.choice(FLOATS32))
        elif kind < 0.67:
            regs.append(sum((rng.choice(FLOATS16) if rng.random() < 0.6 else rng.getrandbits(16)) << 16 * k for k in range(4)))
        elif kind < 0.75:
            regs.append(int.from_bytes(rng.choices(bytes([0, 1, 0x7f, 0x80, 0xff, 3]), k=8), 'little'))
        elif kind < 0.85: # numbers near each other
            regs.append((0x3f000000 + rng.getrandbits(25)) << 32 | 0x3f000000 + rng.getrandbits(25))
        else:
            regs.append(rng.getrandbits(64))
    case.dregs = regs


def shifted(v, kind, amount, carry):
    if kind == 0:
        return v << amount & M32
    if kind == 1:
        return v >> (amount or 32)
    if kind == 2:
        return (v - (v >> 31 << 32) >> min(amount or 32, 32)) & M32
    if amount == 0:
        return carry << 31 | v >> 1
    return (v >> amount | v << 32 - amount) & M32


def place_base(case, rng, reg, offset, align=1):
    """Gives the base register a value such that base + offset is in the middle of the scratch memory."""
    target = MID + rng.randrange(-0x400, 0x400) // align * align
    if reg in case.fixed:
        if reg != 13 or not -0x800 < offset < 0x800 or (case.regs[13] + offset) % align:
            raise Reject
        return
    if reg in case.written:
        raise Reject
    case.regs[reg] = (target - offset) & M32
    case.fixed.add(reg)


def distinct(*regs):
    if len(set(regs)) != len(regs):
        raise Reject


def ok_regs(f, letters, also=()):
    for c in letters:
        if c in f and f[c] in (13, 15) and f[c] not in also:
            raise Reject


def free(case, f, letters):
    """Destinations must not disturb what a later instance of the same IT block takes as an address."""
    for c in letters:
        if c in f and f[c] in case.fixed:
            raise Reject


def imm_offset(f, scale, up):
    v = f.get('i', 0) * scale
    return v if up else -v


def memory(case, rng, row, f):
    """Registers for loads and stores; raises Reject for what is UNPREDICTABLE."""
    fmt, h = row.fmt, row.handler
    size = {'b': 1, 'h': 2, 'd': 4}.get(h[-1], 4) if h not in ('ldrd', 'strd') else 4
    p, u, w = f.get('P', 1), f.get('U', 1), f.get('W', 0)
    n = f.get('n', 15)
    carry = case.flags >> 29 & 1
    if fmt in ('T16_LIT', 'TLIT'):
        f['i'] &= 15
        ok_regs(f, 'd')
        free(case, f, 'd')
        return
    if fmt == 'T16_MEM_SP':
        ok_regs(f, 'd')
        free(case, f, 'd')
        place_base(case, rng, 13, f['i'] * 4)
        return
    ok_regs(f, 'dem')
    if n == 15:
        raise Reject
    if fmt.startswith('T16_MEM') and fmt != 'T16_MEM_REG':
        place_base(case, rng, n, f['i'] * int(fmt[-1]))
    elif fmt in ('T16_MEM_REG', 'TMEM_REG', 'MEM_REG', 'MEM_REGD', 'PL_REG'):
        m = f['m']
        if n == m or m in case.fixed or m in case.written:
            raise Reject
        off = shifted(case.regs[m], f.get('h', 0), f.get('k', 0), carry)
        off = (off if u else -off) & M32
        case.fixed.add(m)
        place_base(case, rng, n, (off if p else 0) if n != 13 else 1 << 20, 4 if 'D' in fmt[-1] else 1)
    elif fmt in ('TEX', 'EX', 'EXD'):
        place_base(case, rng, n, f.get('i', 0) * 4, 8)
    else:
        if fmt == 'TMEM8' and not p and not w:
            raise Reject
        scale = 4 if fmt == 'TMEMD' else 1
        off = imm_offset(f, scale, u)
        place_base(case, rng, n, off if p else 0, 4 if h in ('ldrd', 'strd') else 1)
    write_back = w or (not p and fmt.startswith(('MEM', 'TMEM8', 'TMEMD')))
    if fmt in ('MEM_IMM8D', 'MEM_REGD'):
        if f['d'] & 1 or f['d'] >= 12 or (not p and w):
            raise Reject
        f = dict(f, e=f['d'] + 1)
    if fmt == 'TMEMD' and not (p or w):
        raise Reject
    if fmt == 'EXD' and row.isa == 'a32':
        if f['d'] & 1 or f['d'] >= 12:
            raise Reject
        f = dict(f, e=f['d'] + 1)
    if 'e' in f:
        distinct(f['d'], f['e'])
    if 's' in f: # store exclusive
        ok_regs(f, 's')
        distinct(f['s'], f['d'], n, *([f['e']] if 'e' in f else []))
    if write_back:
        if n == 13:
            raise Reject
        distinct(n, f['d'], *([f['e']] if 'e' in f else []))
        if 'm' in f and fmt != 'EX':
            distinct(n, f['m'])
            if h in ('ldrd',):
                distinct(f['d'], f['m'], f['d'] + 1)
    if h.startswith('ld') or 's' in f:
        dest = [f['d']] + ([f['e']] if 'e' in f else []) if h.startswith('ld') else [f['s']]
        for r in dest:
            if r in case.fixed and r not in (n, f.get('m', n)):
                raise Reject


def multiple(case, rng, row, f):
    l, n = f['l'], f.get('n', 13)
    if row.fmt in ('T16_PUSH', 'T16_POP'):
        if row.fmt == 'T16_POP' and l & 256 or not l:
            raise Reject
        place_base(case, rng, 13, 0)
        case.sp_out = True
        bits = l & 255 if row.fmt == 'T16_POP' else 0
    else:
        if not row.fmt.startswith('T16'):
            f['l'] = l = l & 0x5fff
        if n == 15 or (not row.fmt.startswith('T16') and bin(l).count('1') < 2) or not l:
            raise Reject
        write = f.get('W', 1)
        if l >> n & 1 and (write and row.fmt != 'T16_LDM'):
            raise Reject
        if n == 13:
            case.sp_out = True
        place_base(case, rng, n, 0, 4)
        bits = l if row.handler == 'ldm' else 0
    for r in range(15):
        if bits >> r & 1 and r in case.fixed and r != n:
            raise Reject


def simd(case, rng, row, f):
    """FP and SIMD rows."""
    fmt = row.fmt
    if not case.simd:
        random_simd(case, rng)
    if fmt in ('VLDR', 'VLDRH'):
        ok_regs(f, 'n', (13,))
        scale = 4 if fmt == 'VLDR' else 2
        place_base(case, rng, f['n'], f['i'] * scale if f['U'] else -f['i'] * scale, scale)
    elif fmt == 'VLDM':
        z, first = f['z'], f['D'] << 4 | f['d'] if f['z'] else f['d'] << 1 | f['D']
        count = rng.randrange(1, 17 if z else 33)
        if first + count > 32:
            raise Reject
        f['i'] = count << z
        ok_regs(f, 'n')
        place_base(case, rng, f['n'], 0, 4)
        if f.get('W', 1):
            case.written.add(f['n'])
            if f['n'] in case.fixed and len(case.names):
                raise Reject
    elif fmt == 'VMEM':
        if (f['D'] << 4 | f['d']) > 24: # registers must not go on after d31
            raise Reject
        ok_regs(f, 'n')
        if f['m'] not in (13, 15):
            distinct(f['n'], f['m'])
            case.fixed.add(f['m'])
        place_base(case, rng, f['n'], 0, 64)
        if f['m'] != 15:
            case.written.add(f['n'])
    elif fmt == 'VREG':
        ok_regs(f, 'e')
        if row.handler == 'vmrs':
            f['n'] = 1
            if f['d'] == 13:
                raise Reject
        elif row.handler == 'vmsr':
            f['n'] = 1
            ok_regs(f, 'd')
            case.regs[f['d']] = case.fpscr if f['d'] not in case.fixed else case.regs[f['d']]
            if f['d'] in case.fixed or f['d'] in case.written:
                raise Reject
            case.regs[f['d']] = rng.getrandbits(32) & 0xffc8009f
        else:
            ok_regs(f, 'd')
        if 'e' in f:
            distinct(f['d'], f['e'])
            if 'z' in f and not f['z'] and f['m'] == 15 and f['M']:
                raise Reject
        if row.handler in ('vmov_to_scalar', 'vmov_from_scalar') and 'q' in f and not f['p'] & 2 and not f['q'] & 1:
            raise Reject
        if row.handler == 'vdup_core' and (f['p'] and f['q'] or f['Q'] and f['n'] & 1):
            raise Reject
        free(case, f, 'de')
    elif row.handler in ('n_vtrn', 'n_vuzp', 'n_vzip') and (f['d'], f['D']) == (f['m'], f['M']): # UNKNOWN
        raise Reject
    elif row.handler.startswith('f_vcvt') and 'x' in f:
        if not f['x'] and (f['i'] & 15) << 1 | f['i'] >> 4 > 16:
            raise Reject
        if not f['x'] and ((f['i'] & 15) << 1 | f['i'] >> 4) > 16:
            raise Reject


def constrain(case, rng, row, f):
    """Makes the fields of a random instance predictable, and the registers fit."""
    fmt, h = row.fmt, row.handler
    if row.simd:
        simd(case, rng, row, f)
        return
    if h in ('ldm', 'stm'):
        multiple(case, rng, row, f)
        return
    if row.id in ('hint', 'hint_16') and f['i'] in (2, 3): # would wait
        raise Reject
    if row.id.startswith('cps') and 'o' in f and f['o'] == 1: # UNPREDICTABLE
        raise Reject
    if fmt in ('PL_IMM', 'PL_REG') or h == 'nop':
        ok_regs(f, 'm')
        return
    if 'MEM' in fmt or fmt in ('EX', 'EXD', 'TEX', 'T16_LIT', 'TLIT'):
        memory(case, rng, row, f)
        return
    if fmt in ('T16_SP7',):
        case.sp_out = True
        if len(case.names):
            raise Reject
        return
    if fmt == 'BFX' and f['k'] + f['w'] > 31 or fmt == 'BFI' and f['w'] < f['k']:
        raise Reject
    if fmt == 'SAT' and row.isa == 't32' and f['h'] and not f['k']:
        raise Reject
    if h == 'msr' or h == 'msr_imm':
        f['f'] = rng.choice([4, 8, 12])
    pc_ok = (15, 13) if row.isa == 'a32' and fmt in ('SHIFT', 'MODIMM') and h.startswith('op_') and rng.random() < 0.1 else ()
    ok_regs(f, 'nm', pc_ok)
    ok_regs(f, 'dsae')
    if 'e' in f:
        distinct(f['d'], f['e'])
    free(case, f, 'de')


def a32_ldr_sp(offset):
    return encode_bytes('a32', 0xe59fd000 | offset, 32) # ldr sp, [pc, #offset]


class Program:
    """Code and data of one run."""

    def __init__(self, isa, rng):
        self.isa = isa
        self.rng = rng
        self.code = bytearray()
        self.cases = []
        if isa == 't32':
            self.emit32(0xe28f0001) # add r0, pc, #1
            self.emit32(0xe12fff10) # bx r0

    def emit32(self, word):
        self.code += encode_bytes('a32', word, 32)

    def emit16(self, *halves):
        for h in halves:
            self.code += h.to_bytes(2, 'little')

    def load_sp(self, value):
        """sp = value: the literal is jumped over."""
        if self.isa == 'a32':
            self.emit32(0xe59fd000) # ldr sp, [pc]
            self.emit32(0xea000000) # b .+8
            self.emit32(value)
            return
        if len(self.code) & 2:
            self.emit16(0xbf00)
        self.emit16(0xf8df, 0xd004, 0xe002, 0xbf00) # ldr.w sp, [pc, #4]; b .+8; nop
        self.code += value.to_bytes(4, 'little')

    def add(self, case, in_at, out_at):
        self.cases.append(case)
        case.at = CODE_BASE + len(self.code)
        a32 = self.isa == 'a32'
        self.load_sp(in_at)
        if case.simd:
            if a32:
                self.emit32(0xe59d0040) # ldr r0, [sp, #64]
            else:
                self.emit16(0xf8dd, 0x0040)
            self.emit_both(0xeee10a10) # vmsr fpscr, r0
            if a32:
                self.emit32(0xe28d0048) # add r0, sp, #72
            else:
                self.emit16(0xa812)
            self.emit_both(0xecb00b20) # vldmia r0!, {d0-d15}
            self.emit_both(0xecd00b20) # vldmia r0, {d16-d31}
        if a32:
            self.emit32(0xe59d0000) # ldr r0, [sp]
            self.emit32(0xe12cf000) # msr apsr_nzcvqg, r0
            self.emit32(0xe28dd004) # add sp, sp, #4
            self.emit32(0xe89d5fff) # ldm sp, {r0-r12, lr}
        else:
            self.emit16(0xf8dd, 0x0000, 0xf380, 0x8c00, 0xb001, 0xe89d, 0x5fff)
        self.load_sp(case.regs[13])
        if case.flow:
            case.code = branches.code(case.flow, self.rng, case, CODE_BASE + len(self.code))
        if case.big:
            self.code += self.setend(True) + case.code + self.setend(False)
        else:
            self.code += case.code
        if case.sp_out:
            if a32:
                self.emit32(0xe1a0e00d) # mov lr, sp
            else:
                self.emit16(0x46ee)
        self.load_sp(out_at + 4)
        if a32:
            self.emit32(0xe88d5fff) # stm sp, {r0-r12, lr}
            self.emit32(0xe10f0000) # mrs r0, apsr
            self.emit32(0xe50d0004) # str r0, [sp, #-4]
        else:
            self.emit16(0xe88d, 0x5fff, 0xf3ef, 0x8000, 0xf84d, 0x0c04)
        if not case.simd:
            return
        self.emit_both(0xeef10a10) # vmrs r0, fpscr
        if a32:
            self.emit32(0xe58d003c) # str r0, [sp, #60]
            self.emit32(0xe28d0044) # add r0, sp, #68
        else:
            self.emit16(0x900f, 0xa811)
        self.emit_both(0xeca00b20) # vstmia r0!, {d0-d15}
        self.emit_both(0xecc00b20) # vstmia r0, {d16-d31}

    def setend(self, big):
        word = (0xf1010000 | big << 9, 32) if self.isa == 'a32' else (0xb650 | big << 3, 16)
        return encode_bytes(self.isa, *word)

    def emit_both(self, word):
        self.code += encode_bytes(self.isa, word, 32)

    def finish(self, at, size):
        """write(1, at, size); exit(0)"""
        words = [1, at, size, 4]
        if self.isa == 'a32':
            for r, v in zip((0, 1, 2, 7), words):
                self.emit32(0xe3000000 | (v >> 12 & 15) << 16 | r << 12 | (v & 0xfff)) # movw
                self.emit32(0xe3400000 | (v >> 28) << 16 | r << 12 | (v >> 16 & 0xfff)) # movt
            for w in (0xef000000, 0xe3a00000, 0xe3a07001, 0xef000000):
                self.emit32(w)
            return
        for r, v in zip((0, 1, 2, 7), words):
            for op, x in ((0xf240, v & 0xffff), (0xf2c0, v >> 16)):
                self.emit16(op | (x >> 11 & 1) << 10 | x >> 12, (x >> 8 & 7) << 12 | r << 8 | (x & 255))
        self.emit16(0xdf00, 0x2000, 0x2701, 0xdf00)


KNOWN = set()
POOLED = ('SIMD', 'SIMDH', 'VMEM')


def always(row):
    """Half precision under a condition is UNPREDICTABLE."""
    return row.simd and row.feat in ('FP16', 'BF16')


def defined_only(rows, rng, count):
    """Many SIMD encodings are UNDEFINED by size or register: random ones that the disassembler of LLVM takes go into KNOWN,
    and its rows get their fields from there."""
    made = []
    for row in rows:
        if row.fmt not in POOLED:
            continue
        row.pool = []
        for _ in range(count * 60):
            f = row.random(rng)
            if row.handler == 'n_vtbl':
                f['n'] &= 11
            if row.fmt == 'SIMDH' and 'i' in f: # at most 16 fraction bits, which LLVM does not know
                f['i'] |= 0x30
            if row.fmt == 'VMEM' and rng.random() < 0.5:
                f['m'] = rng.choice([13, 15])
            made.append((row, f, row.bytes(f, 'a32')))
    if not made:
        return
    tool = shutil.which('llvm-mc-14') or shutil.which('llvm-mc')
    if not tool:
        raise SystemExit(77)
    text = '\n'.join(' '.join('0x%02x' % x for x in b) for _, _, b in made)
    out = subprocess.run([tool, '--disassemble', '--triple=armv8.6a',
                          '-mattr=+neon,+fp-armv8,+crypto,+aes,+sha2,+fullfp16,+fp16fml,+bf16,+i8mm,+dotprod'],
                         input=text, capture_output=True, text=True)
    bad = {int(m.group(1)) for m in re.finditer(r'<stdin>:(\d+):\d+: warning: (?:invalid|potentially)', out.stderr)}
    for k, (row, f, b) in enumerate(made):
        if k + 1 not in bad:
            KNOWN.add(row.bytes(f))
            row.pool.append(f)


def make_instance(case, rng, row, cond, rows):
    if row.fmt in POOLED:
        if not row.pool:
            raise Reject
        f = dict(rng.choice(row.pool))
    else:
        f = row.random(rng)
    if row.pic.startswith('cccc'):
        f['c'] = 14 if always(row) else cond
    constrain(case, rng, row, f)
    bits = row.encode(f)
    if row.pic.startswith('1111001') and row.fmt in ('SIMD', 'SIMDH'):
        if bits & 0xfeb80090 == 0xf2800010 or bits & 0xfeb00010 == 0xf2b00000: # other rows
            raise Reject
        if row.bytes(f) not in KNOWN:
            raise Reject
    elif row.simd and row.fmt in POOLED and row.bytes(f) not in KNOWN:
        raise Reject
    if best(rows, row, bits) is not row: # another row's encoding
        raise Reject
    case.written |= {f[c] for c in 'dens' if c in f}
    case.written |= {r for r in range(16) if f.get('l', 0) >> r & 1}
    case.names.append('%s %s' % (row.id, ' '.join('%s=%d' % x for x in sorted(f.items()))))
    return row.bytes(f)


def best(rows, row, bits):
    found = row
    for r in rows:
        if r.bits == row.bits and bits & r.mask == r.match & r.mask and bin(r.mask).count('1') > bin(found.mask).count('1'):
            if r.pic.startswith('cccc') == row.pic.startswith('cccc'):
                found = r
    return found


def t32_case(rng, row, rows, pool):
    case = Case(rng)
    n = rng.choice([0, 0, 1, 1, 2, 3, 4])
    if row.handler in branches.HANDLERS:
        case.flow, case.big = row, False
        case.names.append(row.id)
        return case
    if row.simd and (always(row) or not row.pic.startswith('cccc')):
        n = 0
    if row.id in ('cps', 'it') or n == 0:
        case.code = make_instance(case, rng, row, 14, rows)
        return case
    cond = rng.randrange(14)
    others = [rng.randrange(2) for _ in range(n - 1)]
    mask = 0
    for k in others:
        mask = mask << 1 | (cond & 1 ^ k)
    mask = (mask << 1 | 1) << 4 - n
    case.code = encode_bytes('t32', 0xbf00 | cond << 4 | mask, 16)
    case.names.append('it cond=%d mask=%x' % (cond, mask))
    for k in range(n):
        r = row if k == 0 else rng.choice([p for p in pool if p.handler not in branches.HANDLERS and (not p.simd or p.pic.startswith('cccc') and not always(p))])
        case.code += make_instance(case, rng, r, 14, rows)
    return case


def make_cases(args, rng):
    rows = load(args.isa)
    pool = [r for r in rows if r.handler not in ELSEWHERE and r.handler not in BY_THE_WAY]
    chosen = [r for r in pool if re.search(args.rows, r.id)]
    defined_only(chosen, rng, args.count)
    for row in chosen:
        made = tries = 0
        while made < args.count and tries < 4000:
            tries += 1
            try:
                if args.isa == 't32':
                    case = t32_case(rng, row, rows, pool)
                else:
                    case = Case(rng)
                    if row.handler in branches.HANDLERS:
                        case.flow, case.big = row, False
                        case.names.append(row.id)
                        made += 1
                        yield case
                        continue
                    case.code = make_instance(case, rng, row, 14 if rng.random() < 0.5 else rng.randrange(14), rows)
            except Reject:
                continue
            made += 1
            yield case
        if made == 0:
            print('no instance of ' + row.id)


def build(args, rng):
    cases = list(make_cases(args, rng))
    prog = Program(args.isa, rng)
    in_base = DATA_BASE + SCRATCH_SIZE
    out_base = in_base + len(cases) * IN_SIZE
    data = bytearray(rng.getrandbits(8) for _ in range(SCRATCH_SIZE))
    for k, c in enumerate(cases):
        prog.add(c, in_base + k * IN_SIZE, out_base + k * OUT_SIZE)
        words = [c.flags] + c.regs[:13] + [c.regs[14], 0]
        words += [c.fpscr or 0, 0]
        data += b''.join(w.to_bytes(4, 'little') for w in words)
        data += b''.join(w.to_bytes(8, 'little') for w in c.dregs or [0] * 32)
    data += bytes(len(cases) * OUT_SIZE)
    prog.finish(DATA_BASE, len(data))
    return prog, bytes(data), out_base - DATA_BASE


def run(cmd, path):
    p = subprocess.run(cmd + [path], capture_output=True, timeout=300)
    return p.returncode, p.stdout, p.stderr


def report(case, k, mine, theirs):
    names = ['cpsr'] + ['r%d' % r for r in range(13)] + ['lr']
    print('case %d: %s%s' % (k, '; '.join(case.names), ' (lr is sp)' if case.sp_out else ''))
    print('  code %s flags %08x sp %08x%s' % (case.code.hex(), case.flags, case.regs[13], ', big-endian' if case.big else ''))
    for i, name in enumerate(names):
        a, b = (int.from_bytes(x[4 * i:4 * i + 4], 'little') for x in (mine, theirs))
        if a != b:
            before = case.regs[14 if i == 14 else i - 1] if i else case.flags
            print('  %s: ours %08x, expected %08x (before %08x)' % (name, a, b, before))
    if not case.simd:
        return
    print('  fpscr before %08x' % case.fpscr)
    for i in range(33):
        at, size, name = (64, 4, 'fpscr') if i == 32 else (72 + 8 * i, 8, 'd%d' % i)
        a, b = (int.from_bytes(x[at:at + size], 'little') for x in (mine, theirs))
        if a != b:
            print('  %s: ours %x, expected %x (before %x)' % (name, a, b, case.fpscr if i == 32 else case.dregs[i]))
    f = dict(x.split('=') for x in case.names[-1].split()[1:])
    for c, C in ('dD', 'nN', 'mM'):
        if c in f and C in f:
            r = int(f[c])
            print('  operand %s: s%d of d%d=%016x, d%d=%016x' % (c, r << 1 | int(f[C]), r, case.dregs[r], r | int(f[C]) << 4,
                                                          case.dregs[r | int(f[C]) << 4]))


def rows_of(case):
    return {name.split()[0] for name in case.names}


def normalise(out, n, results):
    """Of CPSR only what user level may rely on."""
    out = bytearray(out)
    for k in range(n):
        at = results + k * OUT_SIZE
        v = int.from_bytes(out[at:at + 4], 'little') & 0xf80f0000
        out[at:at + 4] = v.to_bytes(4, 'little')
    return bytes(out)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--count', type=int, default=8)
    ap.add_argument('--isa', default='a32')
    ap.add_argument('--rows', default='')
    ap.add_argument('--keep')
    ap.add_argument('--reached', help='write the rows whose instances all agreed to this file')
    ap.add_argument('engine', nargs=argparse.REMAINDER)
    args = ap.parse_args()
    qemu = oracle()
    if not qemu:
        print('SKIP: no outside emulator')
        return 77
    prog, data, results = build(args, random.Random(args.seed))
    path = os.path.join(args.keep or tempfile.mkdtemp(), 'random_%s_%d.elf' % (args.isa, args.seed))
    with open(path, 'wb') as f:
        f.write(elf(bytes(prog.code), data))
    os.chmod(path, 0o755)
    n = len(prog.cases)
    theirs, mine = run(qemu, path), run(args.engine, path)
    if len(theirs[1]) != len(data):
        print('the outside emulator ended with %d: %s' % (theirs[0], theirs[2].decode()[:500]))
        return 99
    bad, differ = 0, set()
    if mine[0] != 0 or len(mine[1]) != len(data):
        text = run(args.engine + ['-v'], path)[2].decode()
        print('status %d, %d of %d bytes: %s' % (mine[0], len(mine[1]), len(data), text[:2000]))
        m = re.search(r' at 0x([0-9a-f]+)', text)
        at = [c for c in prog.cases if m and c.at <= int(m.group(1), 16)]
        if at:
            print('case: %s\n  code %s' % ('; '.join(at[-1].names), at[-1].code.hex()))
        bad = 1
    else:
        a, b = normalise(mine[1], n, results), normalise(theirs[1], n, results)
        for k, case in enumerate(prog.cases):
            at = results + k * OUT_SIZE
            if a[at:at + OUT_SIZE] != b[at:at + OUT_SIZE]:
                bad += 1
                differ |= rows_of(case)
                if bad <= 20:
                    report(case, k, a[at:at + OUT_SIZE], b[at:at + OUT_SIZE])
        wrong = [i for i in range(SCRATCH_SIZE) if a[i] != b[i]]
        if wrong:
            bad += 1
            print('memory differs in %d bytes, first at +0x%x' % (len(wrong), wrong[0]))
    if not args.keep:
        os.unlink(path)
    if args.reached:
        with open(args.reached, 'w') as f:
            f.write('\n'.join(sorted(set().union(*map(rows_of, prog.cases)) - differ)) + '\n')
    print('%s, seed %d: %d instances, %s' % (args.isa, args.seed, n, '%d differ' % bad if bad else 'ok'))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
