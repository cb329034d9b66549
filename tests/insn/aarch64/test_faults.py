#!/usr/bin/env python3
"""What raises and what does not, and what has to be looked at alone: each case is a tiny program whose end (signal or
status) is known from the manual.

usage: test_faults.py ENGINE [ARG...]
Cases with a cpu model run on engines that know -cpu (tinamou). The outside emulator, when there is one, must agree,
except where the case says why it does not.
"""
import os
import signal
import subprocess
import sys
import tempfile

import a64table
from a64table import CODE_BASE, DATA_BASE

ILL, TRAP, SEGV, BUS = -signal.SIGILL, -signal.SIGTRAP, -signal.SIGSEGV, -signal.SIGBUS
OK = 0
ROWS = a64table.load()
ROW = {r.id: r for r in ROWS}
EQ, NE = 0, 1


def enc(id, **f):
    return ROW[id].encode(f)


def movz(d, v, hw=0):
    return enc('movz', z=1, h=hw, i=v, d=d)


def mov(d, n):
    return enc('orr', z=1, h=0, i=0, m=n, n=31, d=d)


def sysreg(id, d, op0, op1, crn, crm, op2):
    return enc(id, q=op0 & 1, o=op1, n=crn, m=crm, p=op2, d=d)


def sys_op(op1, crn, crm, op2, d=31):
    return enc('sys', o=op1, n=crn, m=crm, p=op2, d=d)


def expect(reg, value):
    """Dies by BRK unless the register holds this value of 16 bits."""
    return [movz(24, value), enc('subs', z=1, h=0, i=0, m=24, n=reg, d=31), enc('b_cond', i=2, c=EQ), enc('brk', i=1)]


def nonzero(reg):
    return [enc('cbnz', z=1, i=2, d=reg), enc('brk', i=1)]


def rest(row, d, m):
    return [enc(row[:-1] + stage, o=0, d=d, m=m, n=1) for stage in 'me'] + expect(1, 0)


# x5 is an address that is not mapped, x6 is 0, x7 this code, x9 data, x10 = x9 + 2, x11 = x9 + 4, x12 = x9 + 8,
# x13 the last 8 bytes of the mapped data; x0..x4 are 0.
ZVA = sum([[enc('str', s=3, i=k, n=9, d=7)] for k in range(32)], []) + \
    [enc('add_imm', z=1, h=0, i=72, n=9, d=14), sys_op(3, 7, 4, 1, 14)]


def zva(cpu, at, value):
    """After DC ZVA of data + 72: the double word `at` is zero or not."""
    return ZVA + [enc('ldr', s=3, i=at, n=9, d=15)] + ([enc('cbz', z=1, i=2, d=15)] if value == 0 else
                                                      [enc('cbnz', z=1, i=2, d=15)]) + [enc('brk', i=1)]


CASES = [
    # undefined and unallocated
    ('udf', [0x00000000], ILL), ('udf 7', [7], ILL), ('all ones', [0xffffffff], ILL), ('unallocated 0x04', [0x02000000], ILL),
    ('hlt', [enc('hlt', i=1)], ILL), ('hvc', [0xd4000002], ILL), ('smc', [0xd4000003], ILL), ('eret', [0xd69f03e0], ILL),
    ('dcps1', [0xd4a00001], ILL), ('sysl', [0xd5280000], ILL), ('add W, lsl 32', [0x0b028020], ILL),
    ('and W, lsl 32', [0x0a028020], ILL), ('add, ror', [0x8bc20020], ILL), ('add extended by 5', [0x8b223420], ILL),
    ('ands W with N', [0x72400000], ILL), ('logical immediate of ones', [0x9240fc00], ILL), ('movz W, lsl 32', [0x52c00000], ILL),
    ('ubfm W with N', [0x53400000], ILL), ('ubfm W, 32', [0x53200000], ILL), ('extr W, 32', [0x13828020], ILL),
    ('ldr index option 0', [0xf8620820], ILL), ('casp odd', [0x48217c02], ILL), ('b.al', [enc('b_cond', i=1, c=14)], OK),
    ('bc.nv', [enc('bc_cond', i=1, c=15)], OK), ('brk', [enc('brk', i=0)], TRAP), ('brk 0xffff', [enc('brk', i=0xffff)], TRAP),
    # hints: all of the space does something or nothing
    *[('hint %d' % n, [enc('hint', i=n)], OK) for n in (0, 1, 2, 3, 4, 5, 6, 16, 17, 18, 19, 20, 22, 32, 34, 36, 38, 40, 50, 127)],
    ('pac and aut sp', [enc('paciasp'), enc('autiasp')], OK), ('wfet', [enc('wfet', d=31)], OK), ('wfit', [enc('wfit', d=31)], OK),
    # what EL0 may not do
    ('msr daifset', [0xd50342df], ILL), ('msr spsel', [0xd50041bf], ILL), ('msr pan', [0xd500419f], ILL),
    ('mrs sctlr_el1', [sysreg('mrs', 1, 3, 0, 1, 0, 0)], ILL), ('mrs currentel', [sysreg('mrs', 1, 3, 0, 4, 2, 2)], ILL),
    ('mrs cntkctl', [sysreg('mrs', 1, 3, 0, 14, 1, 0)], ILL), ('msr midr', [sysreg('msr', 1, 3, 0, 0, 0, 0)], ILL),
    ('msr ctr', [sysreg('msr', 1, 3, 3, 0, 0, 1)], ILL), ('msr tpidrro', [sysreg('msr', 1, 3, 3, 13, 0, 3)], ILL),
    ('msr cntvct', [sysreg('msr', 1, 3, 3, 14, 0, 2)], ILL), ('mrs pmccntr', [sysreg('mrs', 1, 3, 3, 9, 13, 0)], ILL),
    ('tlbi', [sys_op(0, 8, 7, 0)], ILL), ('ic iallu', [sys_op(0, 7, 5, 0)], ILL), ('dc ivac', [sys_op(0, 7, 6, 1, 9)], ILL),
    ('dc cisw', [sys_op(0, 7, 14, 2, 9)], ILL), ('stgm', [0xd9a00020], ILL), ('ldgm', [0xd9e00020], ILL),
    # what it may
    *[('mrs %s' % name, [sysreg('mrs', 1, *reg)], OK) for name, reg in (
        ('midr', (3, 0, 0, 0, 0)), ('mpidr', (3, 0, 0, 0, 5)), ('revidr', (3, 0, 0, 0, 6)), ('pfr0', (3, 0, 0, 4, 0)),
        ('pfr1', (3, 0, 0, 4, 1)), ('zfr0', (3, 0, 0, 4, 4)), ('dfr0', (3, 0, 0, 5, 0)), ('isar0', (3, 0, 0, 6, 0)),
        ('isar1', (3, 0, 0, 6, 1)), ('isar2', (3, 0, 0, 6, 2)), ('mmfr0', (3, 0, 0, 7, 0)), ('mmfr2', (3, 0, 0, 7, 2)),
        ('reserved id', (3, 0, 0, 4, 7)), ('mvfr0', (3, 0, 0, 3, 0)), ('ctr', (3, 3, 0, 0, 1)), ('dczid', (3, 3, 0, 0, 7)),
        ('tpidrro', (3, 3, 13, 0, 3)), ('cntfrq', (3, 3, 14, 0, 0)))],
    ('cntvct goes on', [sysreg('mrs', 1, 3, 3, 14, 0, 2), *nonzero(1), movz(3, 2000), enc('subs_imm', z=1, h=0, i=1, n=3, d=3),
                        enc('b_cond', i=-1 & 0x7ffff, c=NE), sysreg('mrs', 2, 3, 3, 14, 0, 2),
                        enc('subs', z=1, h=0, i=0, m=1, n=2, d=31), enc('b_cond', i=2, c=8), enc('brk', i=1)], OK),
    ('rndr differs', [sysreg('mrs', 1, 3, 3, 2, 4, 0), enc('b_cond', i=2, c=NE), enc('brk', i=1), sysreg('mrs', 2, 3, 3, 2, 4, 1),
                      enc('subs', z=1, h=0, i=0, m=1, n=2, d=31), enc('b_cond', i=2, c=NE), enc('brk', i=1)], OK),
    ('tpidr', [sysreg('msr', 9, 3, 3, 13, 0, 2), sysreg('mrs', 1, 3, 3, 13, 0, 2), enc('subs', z=1, h=0, i=0, m=1, n=9, d=31),
               enc('b_cond', i=2, c=EQ), enc('brk', i=1)], OK),
    ('dc cvau on code', [sys_op(3, 7, 11, 1, 7)], OK), ('dc cvau unmapped', [sys_op(3, 7, 11, 1, 5)], SEGV),
    ('dc civac unmapped', [sys_op(3, 7, 14, 1, 5)], SEGV), ('dc zva on code', [sys_op(3, 7, 4, 1, 7)], SEGV),
    ('ic ivau', [sys_op(3, 7, 5, 1, 7), enc('dsb', i=11), enc('isb', i=15)], OK),
    ('cfp rctx', [sys_op(3, 7, 3, 4, 9)], OK), ('dvp rctx', [sys_op(3, 7, 3, 5, 9)], OK), ('cpp rctx', [sys_op(3, 7, 3, 7, 9)], OK),
    # DC ZVA clears the block of 64 bytes that holds data + 72, and nothing else
    ('zva keeps before', zva(None, 7, 1), OK), ('zva first', zva(None, 8, 0), OK), ('zva last', zva(None, 15, 0), OK),
    ('zva keeps after', zva(None, 16, 1), OK),
    # accesses that are not there
    ('load', [enc('ldr', s=3, i=0, n=5, d=1)], SEGV), ('load into xzr', [enc('ldr', s=2, i=0, n=5, d=31)], SEGV),
    ('load at 0', [enc('ldr', s=0, i=0, n=6, d=1)], SEGV), ('store', [enc('str', s=3, i=0, n=5, d=1)], SEGV),
    ('store to code', [enc('str', s=0, i=0, n=7, d=1)], SEGV), ('load pair', [enc('ldp', z=1, i=0, n=5, d=1, a=2)], SEGV),
    ('pair across the end', [enc('ldp', z=1, i=0, n=13, d=1, a=2)], SEGV),
    ('unprivileged load', [enc('ldtr', s=3, i=0, n=5, d=1)], SEGV), ('prefetch', [enc('prfm', i=0, n=5, d=0)], OK),
    ('ldadd', [enc('ldadd', s=3, a=0, r=0, m=0, n=5, d=1)], SEGV), ('ldadd on code', [enc('ldadd', s=3, a=0, r=0, m=0, n=7, d=1)], SEGV),
    ('cas on code', [enc('cas', s=3, a=0, r=0, m=0, n=7, d=1)], SEGV),
    ('casp on code', [enc('casp', s=1, a=0, r=0, m=0, n=7, d=2)], SEGV), ('ldxr', [enc('ldxr', s=3, n=5, d=1)], SEGV),
    ('stxr on code', [enc('ldxr', s=3, n=7, d=1), enc('stxr', s=3, m=2, n=7, d=3)], SEGV),
    ('stxp on code', [enc('ldxp', s=1, n=7, d=1, a=2), enc('stxp', s=1, m=4, n=7, d=3, a=3)], SEGV),
    ('stxr without reservation does not store', [enc('stxr', s=3, m=2, n=7, d=3), *expect(2, 1)], OK),
    ('branch', [enc('br', n=5)], SEGV), ('branch to data', [enc('br', n=9)], SEGV), ('branch to odd', [enc('add_imm', z=1, h=0, i=2, n=7, d=1), enc('br', n=1)], BUS),
    # unaligned: plain accesses may be, others not
    ('unaligned load', [enc('ldur', s=3, i=3, n=9, d=1)], OK), ('unaligned pair', [enc('ldp', z=1, i=0, n=10, d=1, a=2)], OK),
    ('unaligned ldxr', [enc('ldxr', s=3, n=11, d=1)], BUS), ('unaligned ldxr w', [enc('ldxr', s=2, n=10, d=1)], BUS),
    ('unaligned ldxp', [enc('ldxp', s=1, n=12, d=1, a=2)], BUS), ('unaligned stxr', [enc('stxr', s=3, m=1, n=11, d=2)], BUS),
    ('unaligned ldar', [enc('ldar', s=3, n=11, d=1)], BUS), ('unaligned stlr', [enc('stlr', s=3, n=11, d=1)], BUS),
    ('unaligned ldapur', [enc('ldapur', s=3, i=4, n=9, d=1)], BUS), ('aligned ldapur', [enc('ldapur', s=3, i=4, n=11, d=1)], OK),
    ('unaligned ldadd', [enc('ldadd', s=3, a=0, r=0, m=0, n=11, d=1)], BUS), ('unaligned swph', [enc('swp', s=1, a=0, r=0, m=0, n=14, d=1)], BUS),
    ('unaligned cas', [enc('cas', s=3, a=0, r=0, m=0, n=11, d=1)], BUS), ('unaligned casp', [enc('casp', s=1, a=0, r=0, m=0, n=12, d=2)], BUS),
    ('byte atomic', [enc('ldadd', s=0, a=0, r=0, m=0, n=14, d=1)], OK),
    # pre- and post-index leave the base alone when they fault: the handler is the end, so the address must be that of the access
    ('clrex', [enc('ldxr', s=3, n=9, d=1), enc('clrex', i=15), enc('stxr', s=3, m=2, n=9, d=1), *expect(2, 1)], OK),
    # memory copy and set, x13 + 8 is the end of what is there
    *[('%s at the end' % row[:-1], [movz(1, n), mov(2, 9), mov(3, 13), enc(row, o=0, d=d, m=m, n=1), *rest(row, d, m)], want)
      for row, d, m in (('cpyp', 3, 2), ('cpyfp', 2, 3), ('setp', 3, 31)) for n, want in ((8, OK), (9, SEGV), (5000, SEGV))],
    ('cpym alone', [enc('movn', z=1, h=0, i=99, d=1), enc('add_imm', z=1, h=0, i=200, n=9, d=2),
                    enc('add_imm', z=1, h=0, i=400, n=9, d=3), enc('cpym', o=0, d=3, m=2, n=1),
                    enc('cpye', o=0, d=3, m=2, n=1), *expect(1, 0)], OK),
    ('cpym alone, fault', [enc('movn', z=1, h=0, i=99, d=1), enc('add_imm', z=1, h=0, i=64, n=13, d=2),
                           mov(3, 9), enc('cpym', o=0, d=3, m=2, n=1), enc('cpye', o=0, d=3, m=2, n=1)], SEGV),
    # pointer authentication: what fails is an exception, whatever the algorithm
    ('aut of another pointer', [mov(20, 9), enc('pacia', d=20, n=9), enc('eor_imm', z=1, N=1, i=16 << 6, n=20, d=20),
                                enc('autia', d=20, n=9)], ILL), # bit 48
    ('retaa of another pointer', [enc('adr', i=0, d=30), enc('paciasp'),
                                  enc('eor_imm', z=1, N=1, i=16 << 6, n=30, d=30), enc('retaa')], ILL),
    ('ldraa of another pointer', [enc('pacdza', d=9), enc('eor_imm', z=1, N=1, i=16 << 6, n=9, d=9),
                                  enc('ldraa', i=0, n=9, d=1)], ILL),
    ('pacga has its code above', [movz(1, 1), enc('pacga', m=9, n=1, d=2), enc('ubfm', z=1, N=1, r=0, s=31, n=2, d=3),
                                  *expect(3, 0)], OK),
]
# By cpu model: (name, instructions, model, end). The rows a model has are those of its reference manual.
MODEL_CASES = [
    ('ldadd', [enc('ldadd', s=3, a=0, r=0, m=0, n=9, d=1)], 'cortex-a72', ILL),
    ('ldadd', [enc('ldadd', s=3, a=0, r=0, m=0, n=9, d=1)], 'cortex-a76', OK),
    ('ldapr', [enc('ldapr', s=3, n=9, d=1)], 'cortex-a57', ILL), ('ldapr', [enc('ldapr', s=3, n=9, d=1)], 'neoverse-n1', OK),
    ('ldapur', [enc('ldapur', s=3, i=0, n=9, d=1)], 'neoverse-n1', ILL), ('ldapur', [enc('ldapur', s=3, i=0, n=9, d=1)], 'neoverse-n2', OK),
    ('cfinv', [enc('cfinv')], 'cortex-a76', ILL), ('cfinv', [enc('cfinv')], 'neoverse-n2', OK),
    ('pacia', [mov(20, 9), enc('pacia', d=20, n=9), enc('autia', d=20, n=9)], 'cortex-a72', ILL),
    ('pacia', [mov(20, 9), enc('pacia', d=20, n=9), enc('autia', d=20, n=9)], 'neoverse-n2', OK),
    ('paciasp is a hint', [mov(30, 9), enc('paciasp'), enc('subs', z=1, h=0, i=0, m=9, n=30, d=31), enc('b_cond', i=2, c=EQ),
                           enc('brk', i=1)], 'cortex-a53', OK),
    ('irg', [enc('irg', m=31, n=9, d=1)], 'neoverse-n1', ILL), ('bc.eq', [enc('bc_cond', i=1, c=0)], 'neoverse-n2', ILL),
    ('smax', [enc('smax', z=1, m=1, n=2, d=3)], 'neoverse-n2', ILL), ('cpyfp', [enc('cpyfp', o=0, m=1, n=2, d=3)], 'neoverse-n2', ILL),
    ('dc cvap', [sys_op(3, 7, 12, 1, 9)], 'cortex-a72', ILL), ('dc cvap', [sys_op(3, 7, 12, 1, 9)], 'cortex-a76', OK),
    ('rndr', [sysreg('mrs', 1, 3, 3, 2, 4, 0)], 'cortex-a76', ILL), ('msr dit', [enc('msr_dit', i=1)], 'cortex-a76', ILL),
    ('crc32', [enc('crc32b', m=1, n=2, d=3)], 'cortex-a53', OK), ('sb', [enc('sb')], 'cortex-a72', ILL),
    ('mrs dit', [sysreg('mrs', 1, 3, 3, 4, 2, 5)], 'cortex-a53', ILL), ('ldlar', [enc('ldlar', s=3, n=9, d=1)], 'cortex-a72', ILL),
    ('midr', [sysreg('mrs', 1, 3, 0, 0, 0, 0), enc('ubfm', z=1, N=1, r=4, s=15, n=1, d=2), *expect(2, 0xd08)], 'cortex-a72', OK),
    *[case for q, reg, low in (('qarma5', 1, 4), ('qarma3', 2, 12)) for case in (
        (q + ' signs', [mov(20, 9), enc('pacia', d=20, n=9), enc('autia', d=20, n=9), enc('subs', z=1, h=0, i=0, m=9, n=20, d=31),
                        enc('b_cond', i=2, c=EQ), enc('brk', i=1)], 'max,pauth-%s=on' % q, OK),
        (q + ' sees another bit', [mov(20, 9), enc('pacia', d=20, n=9), enc('eor_imm', z=1, N=1, i=16 << 6, n=20, d=20),
                                   enc('autia', d=20, n=9)], 'max,pauth-%s=on' % q, ILL),
        (q + ' in its field', [sysreg('mrs', 1, 3, 0, 0, 6, reg), enc('ubfm', z=1, N=1, r=low, s=low + 3, n=1, d=2), *expect(2, 5)],
         'max,pauth-%s=on' % q, OK))],
    ('isar0 without atomics', [sysreg('mrs', 1, 3, 0, 0, 6, 0), enc('ubfm', z=1, N=1, r=20, s=23, n=1, d=2), *expect(2, 0)], 'cortex-a72', OK),
    ('isar0 with atomics', [sysreg('mrs', 1, 3, 0, 0, 6, 0), enc('ubfm', z=1, N=1, r=20, s=23, n=1, d=2), *expect(2, 2)], 'cortex-a76', OK),
]

# Where the outside emulator is known to differ, and why ours is right.
ORACLE_DIFFERS = {
    **{q + what: 'not every version has the option' for q in ('qarma5', 'qarma3') for what in (' signs', ' sees another bit', ' in its field')},
    'cfp rctx': 'Linux sets SCTLR_EL1.EnRCTX', 'dvp rctx': 'as above', 'cpp rctx': 'as above',
    'mrs mvfr0': 'Linux emulates CRm 2 to 7, those without a name as zero',
    'dc cvau unmapped': 'the manual: a translation fault', 'dc civac unmapped': 'as above',
    'zva keeps after': 'another block size', 'zva keeps before': 'as above',
    'unaligned ldar': 'FEAT_LSE2 there: within 16 bytes', 'unaligned stlr': 'as above', 'unaligned ldapur': 'as above',
    'unaligned ldadd': 'as above', 'unaligned cas': 'as above', 'unaligned ldxr': 'as above',
    'unaligned ldxr w': 'as above', 'unaligned stxr': 'as above', 'unaligned swph': 'as above',
}


def program(insns):
    a = a64table.Asm(ROWS)
    a.li(5, 0x70000000)
    a.li(7, CODE_BASE)
    a.li(9, DATA_BASE)
    for r, offset in ((10, 2), (11, 4), (12, 8), (13, 4096 - 8), (14, 1)):
        a.emit('add_imm', z=1, h=0, i=offset, n=9, d=r)
    for r in (0, 1, 2, 3, 4, 6):
        a.li(r, 0)
    for bits in insns:
        a.raw(bits)
    a.li(0, 0)
    a.li(8, 93)
    a.emit('svc')
    return a64table.elf(bytes(a.code), bytes(4096))


def ended(command, path):
    status = subprocess.run(command + [path], capture_output=True, timeout=60).returncode
    return -(status - 128) if status > 128 else status


def main():
    engine, oracle = sys.argv[1:], a64table.oracle()
    models = os.path.basename(engine[0]).startswith('tinamou')
    bad = n = 0
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'case')
        for name, insns, model, want in [(c[0], c[1], None, c[2]) for c in CASES] + (MODEL_CASES if models else []):
            n += 1
            with open(path, 'wb') as f:
                f.write(program(insns))
            os.chmod(path, 0o755)
            got = ended(engine + (['-cpu', model] if model else []), path)
            if got != want:
                print('%s%s: ends with %d, expected %d' % (name, ' on ' + model if model else '', got, want))
                bad += 1
            if oracle and name not in ORACLE_DIFFERS:
                other = ended([oracle, '-cpu', model or 'max'], path)
                if other != want:
                    print('%s%s: the outside emulator ends with %d, expected %d' % (name, ' on ' + model if model else '', other, want))
                    bad += 1
    print('%d cases%s: %s' % (n, '' if oracle else ', no outside emulator', 'FAIL' if bad else 'ok'))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
