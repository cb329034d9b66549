#!/usr/bin/env python3
"""Random instances of every base row of A64, run by an outside emulator and by an engine of ours.

usage: test_random.py [--seed N] [--count N] [--dense N] [--shared] [--keep DIR] [--only ROW,...]
                      [--ledger FILE --lower A64_LOWER] ENGINE [ARG...]
exit status 77: no outside emulator

Three kinds of programs are made. "log": around each instance, its source registers are loaded from a pool of corner
values, and afterwards its results, NZCV and FPSR are stored, so that the first wrong instance is named. "dense": blocks
of instances back to back that the translator sees as one region, with all registers, NZCV and memory dumped at the end.
"loops": the same, as short loops.
Reserved registers: x26, x27 and sp point into a buffer for loads and stores; x28 to the pool; x25 is the log pointer or
counts loops; x23, x24 are scratch of what stands around an instance.
--shared maps a shared page first, after which atomic operations are atomic.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile

import a64table
from a64table import DATA_BASE
from outside import run

POOL, BUFFER, BUFFER_SIZE = 0, 4096, 11 * 4096 # offsets of the data segment
DUMP = BUFFER + BUFFER_SIZE
POOL_ENTRIES = 512
BASES = {26: BUFFER + 4096, 27: BUFFER + 8192, 31: BUFFER + 6144}
RESERVED = {23, 24, 25, 26, 27, 28}
RECORD = 40
# Rows that are not compared here, and where they are.
ELSEWHERE = {'brk': 'ends a program: test_faults.py', 'hlt': 'ends a program: test_faults.py',
             'udf': 'ends a program: test_faults.py', 'sysl': 'ends a program: test_faults.py',
             'pacga': 'the algorithm is the implementation\'s: test_faults.py',
             'chkfeat': 'newer than the oracle'}
for id in 'eret hvc smc msr_uao msr_pan msr_spsel msr_daifset msr_daifclr'.split():
    ELSEWHERE[id] = 'not of EL0: test_faults.py; machines'
# FEAT_CSSC, FEAT_LRCPC3, FEAT_LSE128
for id in ('smax_imm umax_imm smin_imm umin_imm smax umax smin umin ctz cnt abs stlr_pre ldapr_post stilp stilp_pre ldiapp '
           'ldiapp_post ldclrp ldsetp swpp').split():
    ELSEWHERE[id] = 'newer than the oracle: test_model.py'
SYSREGS = {'nzcv': 0xda10, 'fpsr': 0xda21, 'fpcr': 0xda20, 'tpidr': 0xde82, 'dit': 0xda15, 'ssbs': 0xda16}


def corner(rng):
    base = rng.choice([0, 1, 2, -1, -2, 1 << 31, (1 << 31) - 1, -(1 << 31), 1 << 32, (1 << 32) - 1, 1 << 63,
                       (1 << 63) - 1, 0x5555555555555555, 0xff, 0x80, 0x7f, 0x8000, 0x7fff, 63, 64, 31, 32, 33])
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


def logic_imm(rng, sf):
    """N, immr, imms of a valid logical immediate, as the 13 bits of the field."""
    while True:
        v = rng.getrandbits(13)
        n, immr, imms = v >> 12, v >> 6 & 63, v & 63
        levels = n << 6 | (~imms & 63)
        size = levels.bit_length() - 1
        if size >= 1 and not (n and not sf) and imms & ((1 << size) - 1) != (1 << size) - 1:
            return v


def map_shared(a):
    """mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0): atomics are atomic from now on."""
    for reg, v in enumerate((0, 4096, 3, 0x21, (1 << 64) - 1, 0)):
        a.li(reg, v)
    a.li(8, 222)
    a.emit('svc')


class Program:
    """One test program under construction."""

    def __init__(self, rows, rng, log, shared):
        self.rng, self.log = rng, log
        self.rows = rows
        self.a = a64table.Asm(rows)
        self.data = bytearray(b''.join(corner(rng).to_bytes(8, 'little') for _ in range(POOL_ENTRIES)))
        self.data += bytes(rng.choice([0, 0xff, 0x7f, 0x80, rng.getrandbits(8)]) for _ in range(BUFFER_SIZE))
        self.records = []
        if shared:
            map_shared(self.a)
        self.restore_bases()
        self.a.li(28, DATA_BASE)
        if log:
            self.a.li(25, DATA_BASE + DUMP)
        self.load_all()
        self.random_flags()

    # --- helpers ---

    def restore_bases(self, which=(26, 27, 31)):
        for r in which:
            if r == 31:
                self.a.li(24, DATA_BASE + BASES[31])
                self.a.add(31, 24, 0)
            else:
                self.a.li(r, DATA_BASE + BASES[r])

    def pool(self, reg):
        self.a.load(reg, 28, self.rng.randrange(POOL_ENTRIES) * 8)

    def load_all(self):
        for r in range(31):
            if r not in RESERVED:
                self.pool(r)

    def dest(self, exclude=()):
        return self.rng.choice([r for r in range(32) if r not in RESERVED and r not in exclude])

    def plain(self, exclude=()):
        """A register that is neither reserved nor 31."""
        return self.rng.choice([r for r in range(31) if r not in RESERVED and r not in exclude])

    def source(self):
        return self.rng.randrange(32)

    def sysreg(self, id, reg, name):
        op = SYSREGS[name]
        self.a.emit(id, q=op >> 14 & 1, o=op >> 11 & 7, n=op >> 7 & 15, m=op >> 3 & 15, p=op & 7, d=reg)

    def random_flags(self):
        self.a.li(24, self.rng.getrandbits(4) << 28)
        self.sysreg('msr', 24, 'nzcv')

    # --- one instance: each returns (text, registers whose values are results) ---

    def instance(self, row):
        special = getattr(self, 'do_' + row.handler, None) or getattr(self, 'fmt_' + row.fmt.lower(), None)
        if special:
            return special(row)
        return self.do_registers(row)

    def fresh(self, *regs):
        if self.log:
            for r in regs:
                if r not in RESERVED and r != 31:
                    self.pool(r)

    def put(self, row, **fields):
        bits = row.encode(fields, self.rng)
        self.a.raw(bits)
        return '%s %08x' % (row.id, bits)

    def do_registers(self, row, **fixed):
        """Registers by the letters of the picture; d is written unless the operand column has none."""
        f = dict(fixed)
        if 'd' in row.pic and 'd' not in f:
            f['d'] = self.dest()
        for letter in 'nma':
            if letter in row.pic and letter not in f:
                f[letter] = self.source()
        self.fresh(*[f[k] for k in 'dnma' if k in f])
        if self.log or self.rng.random() < 0.2:
            self.random_flags()
        text = self.put(row, **f)
        if '%pd' in row.ops or '%Pd' in row.ops:
            if f['d'] == 31:
                self.a.add(24, 31, 0)
                self.restore_sp()
                return text, [24]
        return text, [f.get('d', 31)]

    def restore_sp(self):
        self.a.li(23, DATA_BASE + BASES[31])
        self.a.add(31, 23, 0)

    def fmt_logic_imm(self, row):
        sf = self.rng.getrandbits(1)
        v = logic_imm(self.rng, sf)
        return self.do_registers(row, z=sf, N=v >> 12, i=v & 0xfff)

    def fmt_movw(self, row):
        sf = self.rng.getrandbits(1)
        return self.do_registers(row, z=sf, h=self.rng.randrange(4 if sf else 2))

    def fmt_bitfield(self, row):
        sf = self.rng.getrandbits(1)
        pick = lambda: self.rng.choice([self.rng.randrange(32 << sf), 7, 15, 0, 31, (32 << sf) - 1])
        return self.do_registers(row, z=sf, N=sf, r=pick(), s=pick())

    def fmt_extr(self, row):
        sf = self.rng.getrandbits(1)
        same = {'n': 5, 'm': 5} if self.rng.random() < 0.2 else {}
        return self.do_registers(row, z=sf, N=sf, s=self.rng.randrange(32 << sf), **same)

    def fmt_shift(self, row):
        sf = self.rng.getrandbits(1)
        f = {'z': sf, 'i': self.rng.choice([0, 1, self.rng.randrange(32 << sf)])}
        if row.fmt == 'SHIFT_AS':
            f['h'] = self.rng.randrange(3)
        return self.do_registers(row, **f)

    fmt_shift_as = fmt_shift

    def fmt_ext(self, row):
        return self.do_registers(row, i=self.rng.randrange(5))

    # branches

    def skipped(self):
        """The instruction that a taken branch jumps over: visible when executed."""
        self.a.emit('movz', z=1, i=self.rng.getrandbits(16), d=23)

    def marked(self):
        self.a.emit('movz', z=1, i=7, d=23)

    def fmt_b19(self, row):
        if row.handler == 'ldr_lit' or row.id == 'prfm_lit':
            rd = self.dest() if row.id != 'prfm_lit' else self.rng.randrange(32)
            back = self.rng.randrange(1, 1 + min(400, len(self.a.code) // 4))
            text = self.put(row, i=-back & 0x7ffff, d=rd)
            return text, [rd if row.id != 'prfm_lit' else 31]
        rd = self.source()
        self.fresh(rd)
        if rd not in RESERVED and rd != 31 and self.rng.random() < 0.3:
            self.a.emit('movz', z=1, i=0, d=rd)
        self.random_flags()
        self.marked()
        text = self.put(row, i=2, **({'d': rd} if 'd' in row.pic else {}))
        self.skipped()
        return text, [23]

    def fmt_tb(self, row):
        rd = self.source()
        self.fresh(rd)
        self.marked()
        text = self.put(row, i=2, d=rd)
        self.skipped()
        return text, [23]

    def fmt_b26(self, row):
        self.marked()
        text = self.put(row, i=2)
        self.skipped()
        return text, [23, 30] if row.id == 'bl' else [23]

    def indirect(self, row, reg, sign=None, **fields):
        """adr reg; [hide it]; [sign it]; jump over one instruction."""
        hide = self.rng.getrandbits(1)
        between = (2 if hide else 0) + (1 if sign else 0)
        self.marked()
        words = between + 3
        self.a.emit('adr', i=self.adr_imm(words * 4), d=reg)
        if hide:
            self.a.store(reg, 26, 8)
            self.a.load(reg, 26, 8)
        if sign:
            self.a.emit(sign[0], d=reg, **sign[1])
        text = self.put(row, **fields)
        self.skipped()
        if sign: # the code in it is not comparable
            self.a.emit('xpaci', d=reg)
        out = [23] + ([30] if row.id.startswith('blr') else [])
        return text, out

    @staticmethod
    def adr_imm(v):
        """Letters i of ADR: immlo stands first."""
        return (v & 3) << 19 | v >> 2 & 0x7ffff

    def do_br(self, row):
        reg = 30 if row.id == 'ret' and self.rng.getrandbits(1) else self.plain()
        return self.indirect(row, reg, n=reg)

    do_blr = do_ret = do_br

    def do_braz(self, row):
        reg = self.plain()
        return self.indirect(row, reg, ('paciza' if row.id.endswith('az') else 'pacizb', {}), n=reg)

    def do_bra(self, row):
        reg = self.plain()
        mod = self.plain((reg, 30))
        self.fresh(mod)
        mod = self.rng.choice([mod, mod, 31])
        return self.indirect(row, reg, ('pacia' if row.id.endswith('a') else 'pacib', {'n': mod}), n=reg, d=mod)

    def do_reta(self, row):
        return self.indirect(row, 30, ('pacia' if row.id == 'retaa' else 'pacib', {'n': 31}))

    def do_svc(self, row):
        """write(1, buffer, 0)"""
        for reg, v in ((0, 1), (1, DATA_BASE), (2, 0), (8, 64)):
            self.a.li(reg, v)
        return self.put(row), [0]

    # pointer authentication: what is signed is authenticated or stripped, since the codes are not comparable

    def do_pac(self, row):
        d, n = self.plain(), self.source()
        while n == d:
            n = self.source()
        self.fresh(d, n)
        self.a.li(d, DATA_BASE + self.rng.getrandbits(12) | self.rng.choice([0, 0, 0x5a << 56])) # canonical
        pac, aut = (row.id, row.id.replace('pac', 'aut')) if row.handler == 'pac' else (row.id.replace('aut', 'pac'), row.id)
        strip = row.handler == 'pac' and self.rng.getrandbits(1)
        text = self.put(self.a.row[pac], d=d, n=n)
        if strip:
            self.put(self.a.row['xpac' + row.id[3]], d=d)
        else:
            other = self.put(self.a.row[aut], d=d, n=n)
            text = text if row.handler == 'pac' else other
        return text, [d]

    do_aut = do_pac

    def do_pacz(self, row):
        d = self.plain()
        self.a.li(d, DATA_BASE + self.rng.getrandbits(12) | self.rng.choice([0, 0, 0x5a << 56]))
        text = self.put(self.a.row[row.id.replace('aut', 'pac')], d=d)
        other = self.put(self.a.row[row.id.replace('pac', 'aut')], d=d)
        return (text if row.handler == 'pacz' else other), [d]

    do_autz = do_pacz

    def do_pac_hint(self, row):
        reg = 17 if row.id.endswith('1716') else 30
        self.a.li(reg, DATA_BASE + self.rng.getrandbits(12))
        pac, aut = row.id.replace('aut', 'pac'), row.id.replace('pac', 'aut')
        if self.rng.random() < 0.3 and row.id.startswith('pac'):
            text = self.put(row)
            if reg == 17:
                self.put(self.a.row['xpaci'], d=17)
            else:
                self.put(self.a.row['xpaclri'])
        else:
            text = self.put(self.a.row[pac])
            other = self.put(self.a.row[aut])
            text = text if row.id == pac else other
        return text, [reg]

    def do_xpaclri(self, row):
        self.a.li(30, self.rng.getrandbits(64))
        return self.put(row), [30]

    def do_ldra(self, row):
        base, d = 26, self.dest()
        self.put(self.a.row['pacdza' if row.id.startswith('ldraa') else 'pacdzb'], d=base)
        v = self.rng.randrange(-512, 512)
        text = self.put(row, n=base, d=d, i=v & 1023)
        if not row.id.endswith('pre'):
            self.put(self.a.row['xpacd'], d=base)
        self.a.add(24, base, 0)
        self.restore_bases_keep(base)
        return text, [d, 23]

    def restore_bases_keep(self, base):
        """x23 = the base as the instruction left it, the base as it should be."""
        self.a.add(23, base, 0)
        if base == 31:
            self.a.li(24, DATA_BASE + BASES[31])
            self.a.add(31, 24, 0)
        else:
            self.a.li(base, DATA_BASE + BASES[base])

    # loads and stores

    def memory(self, row, regs, **fields):
        """One access by a base register; regs: letters of data registers."""
        base = self.rng.choice(list(BASES))
        load = 'ld' in row.id
        used = []
        for letter in regs:
            f = self.dest(used) if load else self.source()
            while f in used and load or f == base:
                f = self.dest(used)
            fields[letter] = f
            used.append(f)
        self.fresh(*used)
        text = self.put(row, n=base, **fields)
        self.restore_bases_keep(base)
        return text, (used if load else []) + [23]

    def fmt_ldst_u12(self, row):
        size = self.rng.randrange(4) if 's' in row.pic else 0
        f = {'s': self.ls_size(row, size)}
        if row.id.startswith('prf'):
            return self.memory(row, '', d=self.rng.randrange(32), **f)
        return self.memory(row, 'd', **f)

    def ls_size(self, row, size):
        """Field s of a row; sign-extending ones have fewer sizes."""
        if row.pic.startswith('0s'):
            return size & 1
        return size % 3 if 's_x' in row.id else size

    def fmt_ldst_s9(self, row):
        return self.fmt_ldst_u12(row)

    fmt_ldst_s9_sx = fmt_ldst_s9

    def fmt_ldst_reg(self, row):
        option = self.rng.choice([2, 3, 6, 7])
        v = self.rng.randrange(-256, 256)
        if option == 2:
            v = abs(v) | self.rng.getrandbits(32) << 32
        elif option == 6:
            v = v & 0xffffffff | self.rng.getrandbits(32) << 32
        f = {'o': option, 's': self.ls_size(row, self.rng.randrange(4))}
        index = self.plain()
        self.a.li(index, v & (1 << 64) - 1)
        if self.rng.random() < 0.1:
            index = 31
        base = self.rng.choice(list(BASES))
        if row.id.startswith('prf'):
            self.put(row, n=base, m=index, d=self.rng.randrange(32), **f)
            return row.id, [31]
        d = self.dest((index,))
        self.fresh(d)
        text = self.put(row, n=base, m=index, d=d, **f)
        return text, [d] if 'ld' in row.id else [31]

    def fmt_pair(self, row):
        return self.memory(row, 'da')

    fmt_stgp = fmt_pair

    def do_stgp(self, row):
        return self.memory(row, 'da')

    def fmt_tag_s9(self, row):
        """The base is aligned to 16 bytes; LDG changes its destination only."""
        if row.id == 'ldg':
            d = self.plain()
            self.fresh(d)
            text = self.put(row, n=26, d=d)
            return text, [d]
        return self.memory(row, '', d=self.rng.choice([0, 26, 31]))

    # ordered, exclusive, atomic: x22 is the address

    def aligned(self, size, exclude=()):
        """x22 = an address aligned to 1 << size; sometimes sp, whose value is aligned."""
        base = 22
        self.a.add(base, 27, self.rng.randrange(64) << max(size, 3) & 0xfff)
        if self.rng.random() < 0.5 and size < 3:
            self.a.add(base, base, self.rng.randrange(8) >> size << size)
        return base

    def ordered(self, row, letters, size, total=None, results='', imm=None, **fields):
        total = size if total is None else total
        base = self.aligned(total)
        used = [base]
        for letter in letters:
            if letter in fields:
                continue
            r = self.dest(used)
            fields[letter] = r
            used.append(r)
        self.fresh(*[fields[k] for k in letters])
        if 's' in row.pic:
            fields['s'] = size if row.width('s') == 2 else size & 1
        if imm is not None:
            fields['i'] = imm & 511
        text = self.put(row, n=base, **fields)
        return text, [fields[k] for k in results] + ([base] if len(results) < 2 else [])

    def do_ldar(self, row):
        return self.ordered(row, 'd', self.rng.randrange(4), results='d')

    do_ldapr = do_ldar

    def do_stlr(self, row):
        return self.ordered(row, 'd', self.rng.randrange(4))

    def do_stlur(self, row):
        size = self.rng.randrange(4)
        return self.ordered(row, 'd', size, imm=self.rng.randrange(-8, 8) << size)

    def do_ldapur(self, row):
        size = self.rng.randrange(4)
        return self.ordered(row, 'd', size, results='d', imm=self.rng.randrange(-8, 8) << size)

    def do_ldapurs(self, row):
        size = self.rng.randrange(2 if row.id.endswith('w') else 3)
        return self.ordered(row, 'd', size, results='d', imm=self.rng.randrange(-8, 8) << size)

    def do_stlr_pre(self, row):
        return self.ordered(row, 'd', self.rng.randrange(2, 4))

    def do_ldapr_post(self, row):
        return self.ordered(row, 'd', self.rng.randrange(2, 4), results='d')

    def pair_text(self, row, size, results):
        return self.ordered(row, 'da', size, size + 1, results)

    def do_stilp(self, row):
        size = self.rng.randrange(2, 4)
        return self.ordered(row, 'da', size, size + 1)

    def do_ldiapp(self, row):
        size = self.rng.randrange(2, 4)
        return self.ordered(row, 'da', size, size + 1, results='da')

    def do_lse(self, row):
        return self.ordered(row, 'dm', self.rng.randrange(4), results='d')

    do_ldadd = do_ldclr = do_ldeor = do_ldset = do_ldsmax = do_ldsmin = do_ldumax = do_ldumin = do_swp = do_lse

    def do_lse128(self, row):
        d, m = self.plain((22,)), self.plain((22,))
        while m == d:
            m = self.plain((22,))
        return self.ordered(row, 'dm', 3, 4, results='dm', d=d, m=m)

    do_ldclrp = do_ldsetp = do_swpp = do_lse128

    def expect(self, reg, size, base=22):
        """Mostly: reg = what memory holds."""
        if self.rng.random() < 0.6:
            self.a.emit('ldr', s=size, i=0, n=base, d=reg)
        else:
            self.pool(reg)

    def do_cas(self, row):
        size = self.rng.randrange(4)
        base = self.aligned(size)
        m = self.plain((base,))
        d = self.dest((base, m))
        self.fresh(d)
        self.expect(m, size)
        return self.put(row, s=size, n=base, d=d, m=m), [m, base]

    def do_casp(self, row):
        size = self.rng.randrange(2, 4)
        base = self.aligned(4)
        m = self.rng.choice([0, 2, 4, 6, 8, 10, 12])
        d = self.rng.choice([r for r in (14, 16, 18, 20, 30)])
        self.fresh(d, d + 1, m, m + 1)
        if self.rng.random() < 0.6:
            self.a.emit('ldp', z=size - 2, i=0, n=base, d=m, a=m + 1)
        return self.put(row, s=size - 2, n=base, d=d, m=m), [m, m + 1]

    def do_ldxr(self, row):
        size = self.rng.randrange(4)
        text, out = self.ordered(row, 'd', size, results='d')
        return text, out

    def do_ldxp(self, row):
        size = self.rng.randrange(2, 4)
        return self.ordered(row, 'da', size, size + 1, results='da')

    def reservation(self, size, pair, base):
        """A load exclusive before the store, mostly of the same place. Returns text."""
        rng = self.rng
        if rng.random() < 0.2:
            self.a.emit('clrex', i=15)
            return ''
        other = rng.random() < 0.15
        if other: # the same value at both: only the address tells them apart
            self.a.add(21, base, 16)
            for at in (base, 21):
                for k in (0, 8):
                    self.a.emit('str', s=3, i=k // 8, n=at, d=31)
        at = 21 if other else base
        acquire = rng.choice(['ldxr', 'ldaxr'])
        if pair:
            self.a.emit(acquire[:-1] + 'p', s=size, n=at, d=19, a=20)
        else:
            self.a.emit(acquire, s=size, n=at, d=19)
        if rng.random() < 0.2: # registers in between
            self.a.emit('add', z=1, h=0, i=3, m=19, n=19, d=18)
        elif rng.random() < 0.15: # another value in between: fails in an emulator that compares values
            self.a.emit('ldr', s=0, i=0, n=base, d=18)
            self.a.emit('eor_imm', z=1, N=1, i=0, n=18, d=18)
            self.a.emit('str', s=0, i=0, n=base, d=18)
        return 'ldx; '

    def do_stxr(self, row):
        size = self.rng.randrange(4)
        base = self.aligned(size)
        m, d = self.plain((base, 19, 20, 21)), self.dest((base,))
        while d == m:
            d = self.dest((base,))
        self.fresh(d)
        text = self.reservation(size, False, base)
        return text + self.put(row, s=size, n=base, d=d, m=m), [m]

    def do_stxp(self, row):
        size = self.rng.randrange(2, 4)
        base = self.aligned(4)
        m, d, a = self.plain((base, 19, 20, 21)), self.dest((base,)), self.dest((base,))
        while m in (d, a):
            m = self.plain((base, 19, 20, 21))
        self.fresh(d, a)
        text = self.reservation(size & 1, True, base)
        return text + self.put(row, s=size & 1, n=base, d=d, a=a, m=m), [m]

    # system

    def fmt_hint(self, row):
        return self.put(row, i=self.rng.choice([40, 50, 60, 100, 127])) if row.id == 'hint' else self.put(row), [31]

    def fmt_msr_imm(self, row):
        text = self.put(row, i=self.rng.choice([15, 11, 9, 10, 13]) if not row.id.startswith('msr') else self.rng.getrandbits(1))
        name = {'msr_ssbs': 'ssbs', 'msr_dit': 'dit'}.get(row.id)
        if name:
            self.sysreg('mrs', 23, name)
            return text, [23]
        return text, [31]

    def do_mrs(self, row):
        name = self.rng.choice(list(SYSREGS))
        d = self.dest()
        op = SYSREGS[name]
        return self.put(row, q=op >> 14 & 1, o=op >> 11 & 7, n=op >> 7 & 15, m=op >> 3 & 15, p=op & 7, d=d), [d]

    def do_msr(self, row):
        name = self.rng.choice(list(SYSREGS))
        d = self.plain()
        mask = {'fpcr': 0x00c00000, 'fpsr': 0x0800001f}.get(name, (1 << 64) - 1)
        self.a.li(d, self.rng.getrandbits(64) & mask)
        op = SYSREGS[name]
        text = self.put(row, q=op >> 14 & 1, o=op >> 11 & 7, n=op >> 7 & 15, m=op >> 3 & 15, p=op & 7, d=d)
        self.sysreg('mrs', 23, name)
        return text, [23]

    def do_sys(self, row):
        """DC CVAU, CVAC, CIVAC, CVAP, CVADP; IC IVAU; DC ZVA is in test_faults.py."""
        op = self.rng.choice([(7, 11, 1), (7, 10, 1), (7, 14, 1), (7, 12, 1), (7, 13, 1), (7, 5, 1)])
        return self.put(row, o=3, n=op[0], m=op[1], p=op[2], d=27), [31]

    # memory copy and set: the three instructions in a row

    def mops(self, row, kind):
        rng = self.rng
        d, m, n = 10, 11, 12
        size = rng.choice([0, 1, 7, 8, 15, 16, 100, 1000, rng.randrange(2000)])
        options = rng.getrandbits(4) if kind[0] == 'c' else rng.getrandbits(2)
        to = BUFFER + rng.randrange(2048)
        if kind == 'setg':
            to, size = to & ~15, size & ~15
        self.a.li(d, DATA_BASE + to)
        self.a.li(n, size)
        if kind[0] == 'c':
            src = BUFFER + rng.choice([4096 + rng.randrange(2048), to - BUFFER + rng.randrange(64)])
            if kind == 'cpy' and rng.getrandbits(1): # CPYF copies forward, whatever becomes of what overlaps
                src = BUFFER + rng.randrange(2048)
            self.a.li(m, DATA_BASE + src)
        else:
            self.pool(m)
        for stage in 'pme':
            self.put(self.a.row[kind + stage], d=d, m=m, n=n, o=options)
        return '%s %d' % (row.id, size), [d, n]

    def do_cpyp(self, row):
        return self.mops(row, row.id[:-1])

    do_cpym = do_cpye = do_setp = do_setm = do_sete = do_cpyp

    # --- the whole program ---

    def record(self, text, regs):
        if not self.log:
            return
        a = self.a
        regs = (list(regs) + [31, 31, 31])[:3]
        for k, r in enumerate(regs):
            a.store(r, 25, 8 * k)
        for k, name in enumerate(('nzcv', 'fpsr')):
            self.sysreg('mrs', 24, name)
            a.store(24, 25, 24 + 8 * k)
        a.add(25, 25, RECORD)
        self.records.append(text)

    def lock_loop(self):
        """ldxr; [compare and leave]; [operation]; stxr; branch back: the loops of C libraries."""
        rng, a = self.rng, self.a
        size = rng.randrange(4)
        base = self.aligned(size)
        old, new, failed, want = 10, 11, 12, 13
        self.pool(new)
        self.expect(want, size)
        body = a64table.Asm(self.rows)
        if rng.getrandbits(1):
            body.emit(rng.choice(['add', 'eor', 'orr', 'sub']), z=1, m=want, n=old, d=new)
        body.emit(rng.choice(['stxr', 'stlxr']), s=size, m=failed, n=base, d=new)
        leave = rng.getrandbits(1)
        a.emit(rng.choice(['ldxr', 'ldaxr']), s=size, n=base, d=old)
        back = 4 + len(body.code)
        if leave:
            a.emit('subs', z=1, m=want, n=old, d=31)
            a.emit('b_cond', i=len(body.code) // 4 + 2, c=1)
            back += 8
        a.code += body.code
        a.emit('cbnz', z=0, i=-back // 4 & 0x7ffff, d=failed)
        return 'loop ldxr size %d' % size, [old, failed if not leave else 31]

    def add(self, row):
        text, regs = self.lock_loop() if row is None else self.instance(row)
        self.record(text, regs)

    def finish(self):
        a = self.a
        if not self.log:
            a.li(23, DATA_BASE + DUMP)
            for r in range(31):
                if r != 23:
                    a.store(r, 23, 8 * r)
            for k, name in enumerate(('nzcv', 'fpsr')):
                self.sysreg('mrs', 24, name)
                a.store(24, 23, 248 + 8 * k)
            size = 264
        else:
            size = RECORD * len(self.records)
        self.data += bytes(size)
        for reg, v in ((0, 1), (1, DATA_BASE + BUFFER), (2, len(self.data) - BUFFER), (8, 64)):
            a.li(reg, v)
        a.emit('svc')
        a.li(0, 0)
        a.li(8, 93)
        a.emit('svc')
        return bytes(a.code), bytes(self.data)


def explain(prog, want, got):
    """Names the first differences."""
    if want[0] != got[0]:
        return ['exit status %d, expected %d; %s' % (got[0], want[0], got[2])]
    out, a, b = [], want[1], got[1]
    start = DUMP - BUFFER
    words = lambda p: [int.from_bytes(p[i:i + 8], 'little') for i in range(0, len(p), 8)]
    if len(a) != len(b):
        out.append('%d bytes of output, expected %d' % (len(b), len(a)))
    if prog.log:
        for i, text in enumerate(prog.records):
            x, y = a[start + RECORD * i:][:RECORD], b[start + RECORD * i:][:RECORD]
            if x != y:
                out.append('record %d %s: %s, expected %s' % (i, text, ' '.join('%x' % v for v in words(y)),
                                                              ' '.join('%x' % v for v in words(x))))
    else:
        names = ['x%d' % i for i in range(31)] + ['nzcv', 'fpsr']
        for name, x, y in zip(names, words(a[start:]), words(b[start:])):
            if x != y:
                out.append('%s = %016x, expected %016x' % (name, y, x))
    bad = [i for i in range(min(start, len(a), len(b))) if a[i] != b[i]]
    if bad:
        out.append('memory differs at buffer + %s' % ', '.join('%d' % i for i in bad[:8]))
    return out


def build_log(rows, rng, count, shared, pick):
    prog = Program(rows, rng, True, shared)
    todo = [r for r in pick for _ in range(count)] + [None] * (count * 8)
    rng.shuffle(todo)
    for row in todo:
        prog.add(row)
    return prog


def build_dense(rows, rng, length, shared, pick):
    prog = Program(rows, rng, False, shared)
    for i in range(length):
        prog.add(rng.choice(pick) if rng.random() < 0.97 else None)
        if i % 40 == 39:
            prog.load_all()
    return prog


def build_loops(rows, rng, length, shared, pick):
    """Short loops, which the translator may close within one region. x25 counts."""
    prog = Program(rows, rng, False, shared)
    done = 0
    while done < length:
        n = rng.randrange(1, 10)
        done += n
        prog.load_all()
        prog.a.li(25, rng.randrange(1, 6))
        head = len(prog.a.code)
        for _ in range(n):
            prog.add(rng.choice(pick) if rng.random() < 0.95 else None)
        prog.a.add(25, 25, -1)
        prog.a.emit('cbnz', z=1, i=(head - len(prog.a.code)) // 4 & 0x7ffff, d=25)
    return prog


def write_ledger(path, lower, rows, reached):
    """docs/ledger-arm.md: one line a row. Compared means that its results, NZCV, FPSR and memory were compared with an
    outside value."""
    rng = random.Random(1)
    words = [(r, r.encode({}, rng)) for r in rows for _ in range(200)]
    with tempfile.NamedTemporaryFile() as f:
        f.write(b''.join(w.to_bytes(4, 'little') for _, w in words))
        f.flush()
        out = subprocess.run([lower, f.name], capture_output=True, text=True, check=True).stdout.splitlines()
    ops, helpers = {}, {}
    for line in out:
        id, n, names = line.split('\t')
        if names.strip() != 'undefined':
            ops.setdefault(id, []).append(int(n))
            helpers.setdefault(id, []).append(names.split())
    lines = ['# Ledger of A64 instructions', '',
             'Made by `tests/insn/aarch64/test_random.py --ledger docs/ledger-arm.md --lower A64_LOWER ENGINE`, base rows.',
             "\"Compared\" means that the result registers, NZCV, FPSR and memory of random instances were equal to an outside",
             "emulator's; every row was also compared with objdump (test_disas.py). \"IR\" is the number of operations that an",
             'instance becomes, least and most; rows that call a helper name it (stx: not when the load exclusive is in the region).',
             'Pairs of X registers (casp, stxp) call one on memory that others may see too.', '',
             '| row | mnemonic | feature | compared | IR | helper |', '|---|---|---|---|---|---|']
    for r in rows:
        names = sorted({n for h in helpers.get(r.id, []) for n in h})
        sometimes = names and not all(helpers[r.id])
        how = ', '.join(names) + (', sometimes' if sometimes else '')
        done = 'yes' if r.id in reached else ELSEWHERE.get(r.id, 'no')
        n = ops.get(r.id)
        lines.append('| %s | %s | %s | %s | %s | %s |' % (
            r.id, r.name.split('%')[0], r.feat, done, ('%d-%d' % (min(n), max(n)) if n else 'raises'), how))
    yes = sum(r.id in reached for r in rows)
    lines += ['', '%d rows: %d compared, %d elsewhere, %d call a helper in some form.' % (
        len(rows), yes, sum(r.id in ELSEWHERE for r in rows), sum(any(helpers.get(r.id, [])) for r in rows))]
    with open(path, 'w') as f:
        f.write('\n'.join(lines) + '\n')


class Sweep:
    def __init__(self, args, tmp):
        self.args, self.tmp = args, tmp
        self.oracle = a64table.oracle()
        self.rng = random.Random(args.seed)
        self.rows = a64table.load()
        self.pick = [r for r in self.rows if r.file == 'a64_insns.def' and r.id not in ELSEWHERE]
        if args.only:
            self.pick = [r for r in self.pick if r.id in args.only.split(',')]
        self.failures, self.reached = 0, {}

    def one(self, prog, name):
        path = os.path.join(self.args.keep or self.tmp, name)
        code, data = prog.finish()
        with open(path, 'wb') as f:
            f.write(a64table.elf(code, data))
        os.chmod(path, 0o755)
        want = run([self.oracle, '-cpu', 'max'], path)
        if want[0] != 0:
            print('%s: the outside emulator says %d %s' % (name, want[0], want[2]))
            self.failures += 1
            return
        got = run(self.args.engine, path)
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
        more = (args.shared, self.pick)
        for i in range(args.count // per):
            self.one(build_log(self.rows, self.rng, per, *more), 'log%d' % i)
        for i in range(args.dense):
            self.one(build_dense(self.rows, self.rng, args.length, *more), 'dense%d' % i)
            self.one(build_loops(self.rows, self.rng, args.length, *more), 'loops%d' % i)
        missed = [r.id for r in self.pick if r.id not in self.reached]
        if missed:
            print('rows never compared: ' + ' '.join(missed))
        ok = not self.failures and not missed
        print('seed %d: %d rows compared, %d instances, %s: %s' % (
            args.seed, len(self.pick) - len(missed), sum(self.reached.values()), os.path.basename(self.oracle),
            'ok' if ok else 'FAIL'))
        return ok


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--count', type=int, default=24, help='log instances of each row')
    ap.add_argument('--dense', type=int, default=40, help='dense programs')
    ap.add_argument('--length', type=int, default=100, help='instances in a dense program')
    ap.add_argument('--shared', action='store_true', help='memory is shared: atomics are atomic')
    ap.add_argument('--only', help='these rows, by commas')
    ap.add_argument('--keep', help='directory for the programs')
    ap.add_argument('--ledger', help='write the ledger of rows to this file')
    ap.add_argument('--lower', help='the program a64_lower, for the ledger')
    ap.add_argument('engine', nargs=argparse.REMAINDER)
    args = ap.parse_args()
    if not a64table.oracle():
        print('SKIP: no qemu-aarch64 to compare with')
        return 77
    with tempfile.TemporaryDirectory() as tmp:
        sweep = Sweep(args, tmp)
        ok = sweep.run()
    if args.ledger:
        write_ledger(args.ledger, args.lower, [r for r in sweep.rows if r.file == 'a64_insns.def'], sweep.reached)
    return 0 if ok else 1


if __name__ == '__main__':
    sys.exit(main())
