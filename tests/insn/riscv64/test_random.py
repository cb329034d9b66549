#!/usr/bin/env python3
"""Random instances of every row of rv_insns.def, run by an outside emulator and by an engine of ours.

usage: test_random.py [--seed N] [--count N] [--rv32 | --elf32] [--keep DIR] [--ledger FILE] ENGINE [ARG...]
exit status 77: no outside emulator

Three kinds of programs are made. "log": around each instance, its source registers are loaded from a pool of corner
values, and afterwards its result and fcsr are stored, so that the first wrong instance is named. "dense": blocks of
instances back to back that the translator sees as one region, with all registers, fcsr and memory dumped at the end.
"loops": the same, as short loops.
Reserved registers: x2, x8, x9 point into a buffer for loads and stores; x31 to the pool; in log programs x30 is
scratch and x29 the log pointer.
"""
import argparse
import os
import random
import sys
import tempfile

import rvtable
from outside import run
from rvtable import DATA_BASE

POOL, BUFFER, DUMP = 0, 4096, 12288 # offsets of the data segment
POOL_INT, POOL_F64, POOL_F32, POOL_F16 = range(0, 128), range(128, 288), range(288, 416), range(416, 512) # entries of 8 bytes
RESERVED = {2, 8, 9, 29, 30, 31}
# Not compared here but by test_faults.py: what ends the program, there or in ours (10.0 refuses what newer kernels allow).
NEVER = {'ebreak': 'ends a program', 'c_ebreak': 'ends a program', 'cbo_clean': 'not in programs there',
         'cbo_flush': 'not in programs there'}
CLOCKS = {0xc00, 0xc01, 0xc02}  # differ from run to run: test_faults.py
FP_LETTERS = 'DSTR'


def corner_int(rng):
    base = rng.choice([0, 1, 2, -1, -2, 1 << 31, (1 << 31) - 1, -(1 << 31), 1 << 32, (1 << 32) - 1, 1 << 63,
                       (1 << 63) - 1, 0x5555555555555555, 0xff, 0x80, 0x8000, 63, 64, 31, 32, 33])
    pick = rng.random()
    if pick < 0.5:
        v = base
    elif pick < 0.7:
        v = base + rng.randrange(-3, 4)
    elif pick < 0.85:
        v = rng.getrandbits(rng.randrange(1, 65))
    else:
        v = rng.getrandbits(32) - (1 << 31)
    return v & (1 << 64) - 1


def corner_float(rng, exp_bits, man_bits):
    bias = (1 << exp_bits - 1) - 1
    top = (1 << exp_bits) - 1
    sign = rng.getrandbits(1)
    pick = rng.random()
    if pick < 0.30: # near 1, small integers and halves
        exp, man = bias + rng.randrange(-2, 6), rng.getrandbits(4) << man_bits - 4
    elif pick < 0.38: # half units in the last place of each other: ties
        exp, man = bias + rng.choice([0, 0, 0, 1, -man_bits - 1, -man_bits - 1, -man_bits]), rng.choice([0, 0, 1, 2, 3])
    elif pick < 0.46: # zeros and subnormals
        exp, man = 0, rng.choice([0, 0, 1, 2, (1 << man_bits) - 1, 1 << man_bits - 1, rng.getrandbits(man_bits)])
    elif pick < 0.58: # infinities, quiet and signalling NaNs
        exp, man = top, rng.choice([0, 0, 1 << man_bits - 1, 1, (1 << man_bits) - 1, rng.getrandbits(man_bits)])
    elif pick < 0.64: # overflow and underflow borders
        exp, man = rng.choice([top - 1, 1, 2]), rng.choice([0, 1, (1 << man_bits) - 1, rng.getrandbits(man_bits)])
    elif pick < 0.85: # borders of conversions to integers, with fractions
        exp, man = bias + rng.choice([30, 31, 32, 62, 63, 64, 22, 23, 24, 51, 52, 53]), rng.choice(
            [0, 1, (1 << man_bits) - 1, rng.getrandbits(man_bits), rng.getrandbits(8) << man_bits - 8])
    elif pick < 0.95:
        exp, man = bias + rng.randrange(-40, 40), rng.getrandbits(man_bits)
    else:
        exp, man = rng.randrange(1, top), rng.getrandbits(man_bits)
    return sign << exp_bits + man_bits | max(0, min(exp, top)) << man_bits | man & (1 << man_bits) - 1


def make_pool(rng):
    words = [corner_int(rng) for _ in POOL_INT]
    words += [corner_float(rng, 11, 52) for _ in POOL_F64]
    for _ in POOL_F32: # most boxed; some not
        v = corner_float(rng, 8, 23)
        words.append(v | 0xffffffff << 32 if rng.random() < 0.85 else v | rng.getrandbits(32) << 32)
    for _ in POOL_F16:
        v = corner_float(rng, 5, 10)
        words.append(v | 0xffffffffffff << 16 if rng.random() < 0.85 else v | rng.getrandbits(48) << 16)
    return b''.join(w.to_bytes(8, 'little') for w in words)


class Program:
    """One test program under construction."""

    def __init__(self, rows, rng, log, xlen):
        self.rows, self.rng, self.log, self.xlen = rows, rng, log, xlen
        self.a = rvtable.Asm(rows, xlen)
        self.data = bytearray(make_pool(rng))
        self.data += bytes(rng.choice([0, 0xff, 0x7f, 0x80, rng.getrandbits(8)]) for _ in range(DUMP - BUFFER))
        self.records = [] # log: text of each record
        self.frm = 0
        a = self.a
        a.li32(31, DATA_BASE + 2048) # so that signed offsets reach the whole pool
        a.li32(2, DATA_BASE + BUFFER + 4096 - 512)
        a.li32(8, DATA_BASE + BUFFER + 4096)
        a.li32(9, DATA_BASE + BUFFER + 2048)
        if log:
            a.li32(29, DATA_BASE + DUMP)
        self.load_all()

    def pool_load(self, id, reg, entries):
        self.a.load('lw' if id == 'ld' and self.xlen == 32 else id, reg, 31, self.rng.choice(entries) * 8 - 2048)

    def load_all(self):
        for r in range(1, 32):
            if r not in RESERVED:
                self.pool_load('ld', r, POOL_INT)
        for r in range(32):
            self.pool_load('fld', r, self.rng.choice([POOL_F64, POOL_F32, POOL_F16]))

    # --- one instance ---

    def int_dest(self, compressed):
        if compressed:
            return self.rng.choice([r for r in range(8, 16) if r not in RESERVED])
        return self.rng.choice([r for r in range(32) if r not in RESERVED])

    def choose(self, row):
        """Fields of a random instance: register letters by what the operand column says they are."""
        rng, fields = self.rng, {}
        ops = row.ops
        for letter in 'dstr':
            width = row.width(letter)
            if not width or (letter == 's' and row.handler.startswith('csr') and row.id.endswith('i')):
                continue
            small = width == 3
            fp = letter.upper() in ops
            if fp:
                reg = rng.randrange(8, 16) if small else rng.randrange(32)
            elif letter == 's' and '(s)' in ops:
                reg = rng.choice([8, 9] if small else [2, 8, 9])
            elif letter == 'd' or (letter == 's' and row.fmt in ('CI', 'CR') and not 'd' in row.pic):
                reg = self.int_dest(small)
            else:
                reg = rng.randrange(8, 16) if small else rng.randrange(32)
            fields[letter] = reg
        return fields

    def bits(self, row, fields):
        fields = dict(fields)
        for letter in 'dstr':
            if row.width(letter) == 3 and letter in fields:
                fields[letter] -= 8
        if 'm' in row.pic:
            if 'm' not in fields:
                fields['m'] = self.rng.choice([0, 0, 1, 2, 3, 4, 7, 7, 7, 7])
        return row.encode(fields, self.rng)

    def legal(self, row, bits, fields):
        """Values that the manual reserves for compressed instructions are not instances."""
        if row.fmt == 'KS1':
            return (bits >> 20 & 15) <= 10
        if row.size == 4:
            return True
        imm_zero = all(bits >> 15 - i & 1 == 0 for i, c in enumerate(row.pic) if c == 'i')
        if row.id in ('c_addi4spn', 'c_addi16sp', 'c_lui') and imm_zero:
            return False
        if row.id in ('c_lui',) and fields['d'] == 2:
            return False
        if row.id in ('c_addiw', 'c_lwsp', 'c_ldsp') and fields['d'] == 0:
            return False
        if row.fmt in ('CB_SH', 'CI_SH') and self.xlen == 32 and bits >> 12 & 1:
            return False
        if row.id in ('c_mv', 'c_add') and fields['t'] == 0:
            return False
        return True

    def emit_instance(self, row):
        """Emits one instance, with what it needs around it. Returns (text, integer result or None, fp result)."""
        special = getattr(self, 'do_' + row.handler, None)
        if special:
            return special(row)
        if row.handler.startswith('amo') or row.handler[:3] in ('lr_', 'sc_'):
            return self.do_atomic(row)
        if row.handler.startswith('csr'):
            return self.do_csr(row)
        if row.fmt in ('B', 'CB'):
            return self.do_branch(row)
        if row.id == 'c_addi16sp': # would move the buffer pointer: undo it
            return self.do_addi16sp(row)
        while True:
            fields = self.choose(row)
            if row.fmt == 'FENCE':
                fields['p'], fields['w'] = self.rng.getrandbits(4), self.rng.getrandbits(4)
            bits = self.bits(row, fields)
            if self.legal(row, bits, fields):
                break
        self.refresh(row, fields)
        self.a.raw(bits, row.size)
        return '%s %0*x' % (row.id, row.size * 2, bits), fields.get('d') if 'd' in row.ops else None, \
            fields.get('d') if 'D' in row.ops else None

    def refresh(self, row, fields):
        """Log programs: new corner values for the sources."""
        if not self.log:
            return
        for letter in 'str' + ('d' if row.fmt.startswith('C') else ''):
            if letter not in fields:
                continue
            if letter.upper() in row.ops:
                pools = self.float_pools(row)
                self.pool_load('fld', fields[letter], self.rng.choice(pools))
            elif fields[letter] not in RESERVED and fields[letter]:
                self.pool_load('ld', fields[letter], POOL_INT)

    @staticmethod
    def float_pools(row):
        """Mostly what the row reads: fcvt says it last, fmv.x.w and the rest by their suffix."""
        name = row.name.replace('.x.', '.').split('.')
        of = name[2] if name[0] == 'fcvt' and len(name) == 3 and name[2] in 'sdh' else name[1] if len(name) > 1 else 'd'
        mine = {'s': POOL_F32, 'w': POOL_F32, 'h': POOL_F16}.get(of, POOL_F64)
        if name[0] in ('flh', 'fsh'):
            mine = POOL_F16
        return [mine] * 9 + [POOL_F32 if mine is POOL_F64 else POOL_F64]

    def do_ecall(self, row):
        """write(1, buffer, 0)"""
        self.a.li32(10, 1)
        self.a.li32(11, DATA_BASE)
        self.a.li32(12, 0)
        self.a.li32(17, 64)
        self.a.emit('ecall')
        return 'ecall', 10, None

    def do_addi16sp(self, row):
        while True:
            bits = self.bits(row, {})
            if self.legal(row, bits, {}):
                break
        self.a.raw(bits, 2)
        rd = self.int_dest(False)
        self.a.emit('addi', d=rd, s=2, i=0)
        self.a.li32(2, DATA_BASE + BUFFER + 4096 - 512)
        return 'c_addi16sp %04x' % bits, rd, None

    def skipped(self):
        """The instruction that a taken branch jumps over: visible when executed."""
        self.a.emit('addi', d=30 if self.log else 7, s=0, i=self.rng.getrandbits(11))

    def do_branch(self, row):
        fields = self.choose(row)
        if self.rng.random() < 0.3 and 't' in fields:
            fields['t'] = fields['s']
        self.refresh(row, fields)
        if self.rng.random() < 0.2 and fields['s'] not in RESERVED:
            self.a.emit('addi', d=fields['s'], s=fields.get('t', 0), i=0)
        enc = dict(fields)
        if row.size == 4: # +8: imm[11] at bit 7 and imm[12] at bit 31 are zero, imm[4:1] = 4
            enc['i'] = 4 << 1
        else:
            enc['s'] -= 8
            enc['i'] = self.cb_imm(6)
        if self.log:
            self.a.emit('addi', d=30, s=0, i=0)
        bits = row.encode(enc)
        self.a.raw(bits, row.size)
        self.skipped()
        rd = self.int_dest(False)
        self.a.emit('addi', d=rd, s=30 if self.log else 7, i=0)
        return '%s %0*x' % (row.id, row.size * 2, bits), rd, None

    @staticmethod
    def cb_imm(v):
        """Immediate letters of CB in the order of the picture: 8 4:3 | 7:6 2:1 5."""
        return (v >> 8 & 1) << 7 | (v >> 3 & 3) << 5 | (v >> 6 & 3) << 3 | (v >> 1 & 3) << 1 | v >> 5 & 1

    @staticmethod
    def cj_imm(v):
        """CJ: 11 4 9:8 10 6 7 3:1 5."""
        return (v >> 11 & 1) << 10 | (v >> 4 & 1) << 9 | (v >> 8 & 3) << 7 | (v >> 10 & 1) << 6 | (v >> 6 & 1) << 5 | \
            (v >> 7 & 1) << 4 | (v >> 1 & 7) << 1 | v >> 5 & 1

    def do_jal(self, row):
        rd = None
        if row.size == 4:
            rd = self.rng.choice([0, 1, 5, 7, 12])
            bits = row.encode({'d': rd, 'i': 8 >> 1 << 9})  # imm[10:1] stands above imm[11], imm[19:12]
        else:
            rd = 1 if row.id == 'c_jal' else None
            bits = row.encode({'i': self.cj_imm(6)})
        if self.log:
            self.a.emit('addi', d=30, s=0, i=0)
        self.a.raw(bits, row.size)
        self.skipped()
        out = self.int_dest(False)
        self.a.emit('add', d=out, s=rd or 0, t=30 if self.log else 7)
        return '%s %0*x' % (row.id, row.size * 2, bits), out, None

    def do_jalr(self, row):
        """auipc base; [addi base]; jump over one instruction."""
        base = self.rng.choice([1, 5, 6, 28])
        odd = self.rng.getrandbits(1) # bit 0 of the sum is dropped
        if self.log:
            self.a.emit('addi', d=30, s=0, i=0)
        hide = self.rng.getrandbits(1) # keep the translator from seeing the constant
        self.a.emit('auipc', d=base, i=0)
        if hide:
            self.a.store_x(base, 9, -8)
            self.a.load_x(base, 9, -8)
        lead = 12 if hide else 4
        if row.size == 4:
            rd = self.rng.choice([0, 1, 5, 7, base])
            bits = row.encode({'d': rd, 's': base, 'i': lead + 4 + 4 | odd})
        else:
            self.a.emit('addi', d=base, s=base, i=lead + 4 + 2 + 4 | odd)
            rd = 1 if row.id == 'c_jalr' else 0
            bits = row.encode({'s': base})
        self.a.raw(bits, row.size)
        self.skipped()
        out = self.int_dest(False)
        self.a.emit('add', d=out, s=rd, t=30 if self.log else 7)
        return '%s %0*x' % (row.id, row.size * 2, bits), out, None

    def do_atomic(self, row):
        rng, size = self.rng, {'b': 1, 'h': 2, 'w': 4, 'd': 8, 'q': 16}[row.name[-1]]
        fields = self.choose(row)
        fields['s'] = 6
        while fields.get('t') == 6 or fields['d'] == 6:
            fields['t'], fields['d'] = rng.randrange(10, 28), self.int_dest(False)
        if row.handler.startswith('amocas'): # not x0, of which the outside emulator makes a register of its own
            fields['d'] = fields['d'] or 10
        if size == 16: # even registers
            fields['t'], fields['d'] = rng.choice([0, 10, 12, 14, 16]), rng.choice([18, 20, 22, 24, 26])
        self.refresh(row, {k: v for k, v in fields.items() if k != 's'})
        offset = rng.randrange(-1024, 1024) // size * size
        self.a.emit('addi', d=6, s=9, i=offset & 0xfff)
        text = ''
        if row.handler.startswith('amocas') and rng.random() < 0.6 and fields['d']: # what is there
            for k in range(2 if size == 16 else 1):
                self.a.load('l' + 'bhwd'[min(size, 8).bit_length() - 1], fields['d'] + k, 6, 8 * k)
        if row.handler.startswith('sc_') and rng.random() < 0.8: # a reservation first, mostly of the same place
            other = rng.random() < 0.2
            if other:
                self.a.emit('addi', d=28, s=6, i=8)
                for base in (6, 28): # the same value at both: only the address tells them apart
                    self.a.store('sw' if size == 4 else 'sd', 0, base, 0)
            self.a.emit('lr_w' if size == 4 else 'lr_d', d=7, s=28 if other else 6)
            if rng.random() < 0.2: # with another value in between: fails in a value-comparing emulator
                self.a.store('sb', rng.randrange(10, 16), 6, 0)
            text = 'lr; '
        bits = self.bits(row, fields)
        self.a.raw(bits, 4)
        return text + '%s %08x' % (row.id, bits), fields['d'], None

    def do_csr(self, row):
        """FP CSRs only; frm is kept below 5, since reserved values make what follows illegal."""
        rng = self.rng
        imm = row.id.endswith('i')
        csr = rng.choice([1, 1, 2, 3])
        rd = self.int_dest(False)
        kind = row.id[4] # w, s or c
        if csr == 1:
            v = rng.getrandbits(5)
        elif kind == 'w' or self.frm == 0:
            v = rng.choice([0, 1, 2, 3, 4])
        elif kind == 's':
            v = rng.choice([0, self.frm] + ([1, 2, 3] if self.frm < 4 else []))
        else:
            v = rng.getrandbits(3)
        if csr != 1:
            new = {'w': v, 's': self.frm | v, 'c': self.frm & ~v & 7}[kind]
            if csr == 3:
                v, new = (0, self.frm) if imm and kind != 'w' else (v, new)
                if imm: # reaches the flags only; a write clears frm
                    v = rng.getrandbits(5)
                    new = 0 if kind == 'w' else self.frm
                else:
                    v = v << 5 | rng.getrandbits(5)
            if new > 4:
                return self.emit_instance(row)
            self.frm = new
        if imm:
            bits = row.encode({'d': rd, 'c': csr, 'i': v})
        else:
            src = 7
            self.a.li32(src, v | (rng.getrandbits(8) << 8 if csr != 1 else rng.getrandbits(8) << 5))
            if v == 0 and rng.getrandbits(1) and kind != 'w':
                src = 0
            bits = row.encode({'d': rd, 'c': csr, 's': src})
        self.a.raw(bits, 4)
        return '%s %08x' % (row.id, bits), rd, None

    def quiet_idiom(self):
        """frflags; compare; fsflags, which the front end translates as one."""
        rng = self.rng
        row = self.a.row[rng.choice(['flt_s', 'fle_s', 'flt_d', 'fle_d', 'feq_d'])]
        rd, rd2 = rng.sample([r for r in range(1, 29) if r not in RESERVED], 2)
        fields = self.choose(row)
        fields['d'] = rd2
        self.refresh(row, fields)
        if rng.getrandbits(1):
            self.a.emit('csrrwi', d=0, c=1, i=0)
        self.a.emit('csrrs', d=rd, c=1, s=0)
        self.a.raw(row.encode(fields), 4)
        self.a.emit('csrrw', d=0, c=1, s=rd)
        if rng.getrandbits(1):
            rd, rd2 = rd2, rd
        return 'quiet ' + row.id, rd, None

    def lock_loop(self):
        """lr; [compare and leave]; [operation]; sc; branch back: the loops of C libraries."""
        rng, a = self.rng, self.a
        size = rng.choice('wd' if self.xlen == 64 else 'w')
        base, old, new, failed, want = 6, 10, 11, 12, 13
        a.emit('addi', d=base, s=9, i=rng.randrange(-128, 128) * 8 & 0xfff)
        self.pool_load('ld', new, POOL_INT)
        if rng.getrandbits(1): # expect what is there, or something else
            a.load('lw' if size == 'w' else 'ld', want, base, 0)
        else:
            self.pool_load('ld', want, POOL_INT)
        body = rvtable.Asm(self.rows, self.xlen)
        if rng.getrandbits(1):
            body.emit(rng.choice(['add', 'xor', 'sub', 'or']), d=new, s=old, t=want)
        if rng.random() < 0.15: # makes the SC fail once in an emulator that compares values
            body.store_x(0, base, 0)
        body.emit('sc_' + size, d=failed, s=base, t=new)
        leave = rng.getrandbits(1)
        a.emit('lr_' + size, d=old, s=base)
        back = 4 + len(body.code)
        if leave:
            self.branch('bne', old, want, len(body.code) + 8)
            back += 4
        a.code += body.code
        self.branch('bne', failed, 0, -back)
        a.emit('sub', d=14, s=old, t=failed)
        return 'loop lr_' + size, 14, None

    def branch(self, id, rs1, rs2, offset):
        v = offset & 0x1fff
        imm = (v >> 12 & 1) << 11 | (v >> 5 & 63) << 5 | (v >> 1 & 15) << 1 | v >> 11 & 1
        self.a.emit(id, s=rs1, t=rs2, i=imm)

    # --- the whole program ---

    def record(self, text, rd, fd):
        if not self.log:
            return
        a = self.a
        if fd is not None:
            a.store('fsd', fd, 29, 0)
        else:
            a.store_x(rd or 0, 29, 0)
        a.emit('csrrs', d=30, c=3, s=0)
        a.store_x(30, 29, 8)
        a.emit('addi', d=29, s=29, i=16)
        self.records.append(text)

    def add(self, row):
        if row is None:
            text, rd, fd = self.quiet_idiom() if self.rng.random() < 0.7 else self.lock_loop()
        else:
            text, rd, fd = self.emit_instance(row)
        self.record(text, rd, fd)

    def reset_fcsr(self, v):
        self.frm = v >> 5
        self.a.li32(7, v)
        self.a.emit('csrrw', d=0, c=3, s=7)

    def finish(self):
        """Dump: 32 integer registers, 32 FP registers, fcsr; then write buffer and dump, and exit."""
        a = self.a
        if not self.log:
            a.li32(30, DATA_BASE + DUMP)
            for r in range(1, 32):
                a.store_x(r, 30, 8 * r)
            for r in range(32):
                a.store('fsd', r, 30, 256 + 8 * r)
            a.emit('csrrs', d=7, c=3, s=0)
            a.store_x(7, 30, 512)
            size = 520
        else:
            size = 16 * len(self.records)
        self.data += bytes(size)
        a.li32(10, 1)
        a.li32(11, DATA_BASE + BUFFER)
        a.li32(12, len(self.data) - BUFFER)
        a.li32(17, 64)
        a.emit('ecall')
        a.li32(10, 0)
        a.li32(17, 93)
        a.emit('ecall')
        return bytes(a.code), bytes(self.data)


def explain(prog, want, got):
    """Names the first differences."""
    if want[0] != got[0]:
        return ['exit status %d, expected %d; %s' % (got[0], want[0], got[2])]
    out, a, b = [], want[1], got[1]
    start = DUMP - BUFFER
    if len(a) != len(b):
        out.append('%d bytes of output, expected %d' % (len(b), len(a)))
    if prog.log:
        for i, text in enumerate(prog.records):
            x, y = a[start + 16 * i:][:16], b[start + 16 * i:][:16]
            if x != y:
                v = [int.from_bytes(p, 'little') for p in (x[:8], x[8:], y[:8], y[8:])]
                out.append('record %d %s: result %016x fcsr %02x, expected %016x fcsr %02x' % (i, text, v[2], v[3], v[0], v[1]))
    else:
        names = ['x%d' % i for i in range(32)] + ['f%d' % i for i in range(32)] + ['fcsr']
        for i, name in enumerate(names):
            x, y = a[start + 8 * i:][:8], b[start + 8 * i:][:8]
            if x != y:
                out.append('%s = %016x, expected %016x' % (name, int.from_bytes(y, 'little'), int.from_bytes(x, 'little')))
    bad = [i for i in range(min(start, len(a), len(b))) if a[i] != b[i]]
    if bad:
        out.append('memory differs at buffer + %s' % ', '.join('%d' % i for i in bad[:8]))
    return out


def build_log(rows, rng, count, xlen):
    prog = Program(rows, rng, True, xlen)
    todo = [r for r in rows for _ in range(count)] + [None] * (count * 8)
    rng.shuffle(todo)
    for i, row in enumerate(todo):
        if i % 8 == 0:
            prog.reset_fcsr(rng.choice([0, 0, 0, 1, 2, 3, 4, 4]) << 5 | rng.choice([0, 0, 31, rng.getrandbits(5)]))
        prog.add(row)
    return prog


def build_dense(rows, rng, length, xlen):
    prog = Program(rows, rng, False, xlen)
    prog.reset_fcsr(rng.choice([0, 1, 2, 3]) << 5)
    for i in range(length):
        prog.add(rng.choice(rows) if rng.random() < 0.97 else None)
        if i % 40 == 39:
            prog.load_all()
    return prog


# Programs of tests/bare for the instructions of machines; hyp.c is for the others. What an outside emulator lacks is tested by
# ours alone.
MACHINES = {'sret': 'trap.c', 'mret': 'trap.c', 'wfi': 'irq.c', 'sfence.vma': 'paging.c'}
MACHINES['cbo.inval'] = 'ext.c, ours alone'
MACHINES.update({n: 'hyp.c, ours alone' for n in ('sinval.vma', 'sfence.w.inval', 'sfence.inval.ir', 'hinval.vvma', 'hinval.gvma',
                                                  'hlvx.hu', 'hlvx.wu')})


def write_ledger(path, reached):
    """docs/ledger-riscv.md: one line a row. Reached means that its result and fcsr were compared with an outside value."""
    lines = ['# Ledger of RISC-V instructions', '',
             'Made by `tests/insn/riscv64/test_random.py --ledger docs/ledger-riscv.md ENGINE`. "Compared" means that',
             "the result register, fcsr and memory of random instances were equal to an outside emulator's; every",
             'row was also compared with objdump or the assembler by test_disas.py.', '',
             '| instruction | extension | compared |', '|---|---|---|']
    rows = rvtable.load()
    for r in rows:
        done = 'yes' if r.id in reached else 'yes, %s: test_faults.py' % NEVER[r.id] if r.id in NEVER else 'no'
        lines.append('| %s%s | %s | %s |' % (r.name, ' (RV32)' if r.xlen == '32' else '', r.ext, done))
    yes = sum(r.id in reached or r.id in NEVER for r in rows)
    lines += ['', '%d of %d rows compared.' % (yes, len(rows)), '',
              'Those of machines are encoded as the cross assembler has them (test_disas.py); what they do is for tests/bare, which',
              'an outside emulator runs, too:', '', '| instruction | program |', '|---|---|']
    lines += ['| %s | %s |' % (r.name, MACHINES.get(r.name, 'hyp.c')) for r in rvtable.load('PRIV')]
    with open(path, 'w') as f:
        f.write('\n'.join(lines) + '\n')


class Sweep:
    """All programs of one xlen."""

    def __init__(self, args, xlen, engine, tmp):
        self.args, self.xlen, self.engine, self.tmp = args, xlen, engine, tmp
        self.oracle = rvtable.oracle(xlen)
        self.rng = random.Random(args.seed)
        rows = [r for r in rvtable.load() if r.xlen in ('ANY', str(xlen)) and r.id not in NEVER]
        self.rows = rvtable.compared(rows, self.oracle) if self.oracle else rows
        self.failures, self.reached = 0, {}

    def one(self, prog, name):
        path = os.path.join(self.args.keep or self.tmp, name)
        code, data = prog.finish()
        for bits in {64, self.xlen}:
            file = path + ('.32' if bits == 32 else '')
            with open(file, 'wb') as f:
                f.write(rvtable.elf(code, data, bits))
            os.chmod(file, 0o755)
        want = run(self.oracle, path + ('.32' if self.xlen == 32 else ''))
        if want[0] != 0:
            print('%s: the outside emulator says %d %s' % (name, want[0], want[2]))
            self.failures += 1
            return
        got = run(self.engine, path + ('.32' if self.xlen == 32 and self.args.elf32 else ''))
        lines = explain(prog, want, got)
        for line in lines[:12]:
            print('%s: %s' % (name, line))
        self.failures += bool(lines)
        if prog.log and got[0] == 0:
            bad = {int(l.split()[1]) for l in lines if l.startswith('record')}
            for i, text in enumerate(prog.records):
                row = text.split('; ')[-1].split()[0]
                if i not in bad:
                    self.reached[row] = self.reached.get(row, 0) + 1

    def run(self):
        args = self.args
        per = max(1, args.count // 8)
        for i in range(args.count // per):
            self.one(build_log(self.rows, self.rng, per, self.xlen), 'log%d' % i)
        for i in range(args.dense):
            self.one(build_dense(self.rows, self.rng, args.length, self.xlen), 'dense%d' % i)
            self.one(build_loops(self.rows, self.rng, args.length, self.xlen), 'loops%d' % i)
        missed = [r.id for r in self.rows if r.id not in self.reached]
        if missed:
            print('rows never compared: ' + ' '.join(missed))
        ok = not self.failures and not missed
        print('rv%d, seed %d: %d rows compared, %d instances, %s: %s' % (
            self.xlen, args.seed, len(self.rows) - len(missed), sum(self.reached.values()),
            os.path.basename(self.oracle[0]), 'ok' if ok else 'FAIL'))
        return ok


def build_loops(rows, rng, length, xlen):
    """Short loops, which the translator may close within one region. x29 counts."""
    prog = Program(rows, rng, False, xlen)
    done = 0
    while done < length:
        n = rng.randrange(1, 10)
        done += n
        prog.load_all()
        prog.a.emit('addi', d=29, s=0, i=rng.randrange(1, 6))
        head = len(prog.a.code)
        if rng.getrandbits(1): # else the mode is that of the former loop's end, and frm stays as it is
            prog.reset_fcsr(rng.choice([0, 0, 1, 2, 3, 4]) << 5)
            body = rows
        else:
            body = [r for r in rows if not r.handler.startswith('csr')]
        for _ in range(n):
            prog.add(rng.choice(body) if rng.random() < 0.95 else None)
        prog.a.emit('addi', d=29, s=29, i=-1 & 0xfff)
        prog.branch('bne', 29, 0, head - len(prog.a.code))
    return prog


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--count', type=int, default=24, help='log instances of each row')
    ap.add_argument('--dense', type=int, default=40, help='dense programs')
    ap.add_argument('--length', type=int, default=100, help='instances in a dense program')
    ap.add_argument('--rv32', action='store_true', help='RV32 too: ENGINE -3 FILE, which is an ELF64 all the same')
    ap.add_argument('--elf32', action='store_true', help='RV32 too: ENGINE FILE, which is an ELF32')
    ap.add_argument('--keep', help='directory for the programs')
    ap.add_argument('--ledger', help='write the ledger of rows to this file')
    ap.add_argument('engine', nargs=argparse.REMAINDER)
    args = ap.parse_args()
    ok, reached, ran = True, {}, 0
    with tempfile.TemporaryDirectory() as tmp:
        for xlen in (64, 32) if args.rv32 or args.elf32 else (64,):
            sweep = Sweep(args, xlen, args.engine + (['-3'] if xlen == 32 and args.rv32 else []), tmp)
            if not sweep.oracle:
                print('SKIP: no qemu-riscv%d to compare with' % xlen)
                continue
            ran += 1
            ok = sweep.run() and ok
            reached.update(sweep.reached)
    if args.ledger:
        write_ledger(args.ledger, reached)
    return 77 if not ran else 0 if ok else 1


if __name__ == '__main__':
    sys.exit(main())
