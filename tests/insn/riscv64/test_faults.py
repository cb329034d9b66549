#!/usr/bin/env python3
"""What raises and what does not: each case is a tiny program whose end (signal or status) is known from the manual.

usage: test_faults.py ENGINE [ARG...]
The outside emulator, when there is one, must agree too, except where the case says why it does not.
"""
import signal
import sys
import tempfile
import os
import subprocess

import rvtable
from rvtable import CODE_BASE, DATA_BASE

ILL, TRAP, SEGV, BUS = -signal.SIGILL, -signal.SIGTRAP, -signal.SIGSEGV, -signal.SIGBUS
OK = 0
ROWS = rvtable.load()
ROW = {r.id: r for r in ROWS}


def enc(id, **f):
    return ROW[id].encode(f), ROW[id].size


def half(v):
    return v, 2


def word(v):
    return v, 4


def frm(n):
    return enc('csrrwi', d=0, c=2, i=n)


CASES = [
    # defined illegal, too long, custom and reserved opcodes
    ('all zeros', [half(0)], ILL), ('all ones', [word(0xffffffff)], ILL), ('48-bit', [word(0x0000001f)], ILL),
    ('custom-0', [word(0x0000000b)], ILL), ('reserved opcode', [word(0x0000006b)], ILL),
    ('load width 7', [word(0x00007003 | 8 << 15)], ILL), ('store width 4', [word(0x00004023 | 8 << 15)], ILL),
    ('branch funct3 2', [word(0x00002063)], ILL), ('jalr funct3 1', [word(0x00001067)], ILL),
    ('OP funct7 2', [word(0x04000033)], ILL), ('slliw shamt 32', [word(0x0200109b)], ILL),
    ('amo funct5 31', [word(0xf800a02f)], ILL), ('lr.w with rs2', [word(0x1014a02f)], ILL),
    ('fmt 3 (quad)', [word(0x06000053)], ILL), ('fsqrt with rs2', [word(0x58100053)], ILL),
    # reserved compressed encodings
    ('c.addi4spn 0', [half(0x0004)], ILL), ('c.addiw x0', [half(0x2001)], ILL), ('c.lwsp x0', [half(0x4002)], ILL),
    ('c.ldsp x0', [half(0x6002)], ILL), ('c.jr x0', [half(0x8002)], ILL), ('c.lui 0', [half(0x6201)], ILL),
    ('c.addi16sp 0', [half(0x6101)], ILL), ('CA reserved', [half(0x9c79)], ILL), ('C0 reserved', [half(0x8c40)], ILL),
    # hints and fences do nothing
    ('c.nop 1', [half(0x0005)], OK), ('c.li x0', [half(0x4005)], OK), ('c.lui x0', [half(0x6005)], OK),
    ('c.mv x0', [half(0x8006)], OK), ('c.add x0', [half(0x9006)], OK), ('c.slli x0', [half(0x0006)], OK),
    ('c.slli64', [half(0x0082)], OK), ('c.srli64', [half(0x8001)], OK), ('c.srai64', [half(0x8401)], OK),
    ('fence 0,0', [word(0x0000000f)], OK), ('fence reserved fm', [word(0x7330000f)], OK),
    ('fence with rd and rs1', [word(0x0ff0808f)], OK), ('fence.i with fields', [word(0x1230908f)], OK),
    ('fence.tso', [enc('fence_tso')], OK), ('pause', [enc('pause')], OK), ('prefetch-like ori x0', [word(0x00006013)], OK),
    ('cbo.clean', [word(0x0014a00f)], OK), ('cbo.inval', [word(0x0004a00f)], ILL), # Linux keeps it for itself
    # environment
    ('ebreak', [enc('ebreak')], TRAP), ('c.ebreak', [enc('c_ebreak')], TRAP),
    ('mret', [word(0x30200073)], ILL), ('sret', [word(0x10200073)], ILL), ('sfence.vma', [word(0x12000073)], ILL),
    # CSRs
    ('write cycle', [enc('csrrw', d=0, c=0xc00, s=0)], ILL), ('read cycle', [enc('csrrs', d=5, c=0xc00, s=0)], OK),
    ('read time by csrrci 0', [enc('csrrci', d=5, c=0xc01, i=0)], OK), ('read instret', [enc('csrrs', d=5, c=0xc02, s=0)], OK),
    ('set cycle with a register of 0', [enc('csrrs', d=5, c=0xc00, s=6)], ILL),
    ('set time 1', [enc('csrrsi', d=5, c=0xc01, i=1)], ILL), ('cycleh on RV64', [enc('csrrs', d=5, c=0xc80, s=0)], ILL),
    ('unknown CSR', [enc('csrrs', d=5, c=0x123, s=0)], ILL), ('unknown CSR, write only', [enc('csrrw', d=0, c=0x123, s=0)], ILL),
    ('mstatus', [enc('csrrs', d=5, c=0x300, s=0)], ILL),
    # rounding modes
    ('fadd.s rm 5', [enc('fadd_s', d=0, s=0, t=0, m=5)], ILL), ('fadd.d rm 6', [enc('fadd_d', d=0, s=0, t=0, m=6)], ILL),
    ('fmadd.d rm 5', [enc('fmadd_d', m=5)], ILL), ('fcvt.w.d rm 6', [enc('fcvt_w_d', m=6)], ILL),
    ('fcvt.d.l rm 5', [enc('fcvt_d_l', m=5)], ILL),
    ('fcvt.d.w rm 5, exact', [enc('fcvt_d_w', m=5)], ILL), ('fcvt.d.s rm 6, exact', [enc('fcvt_d_s', m=6)], ILL),
    ('frm 5, dynamic, exact', [frm(5), enc('fcvt_d_w', m=7)], ILL),
    ('frm 5, dynamic', [frm(5), enc('fadd_d', m=7)], ILL), ('frm 6, dynamic', [frm(6), enc('fcvt_s_l', m=7)], ILL),
    ('frm 7, dynamic', [frm(7), enc('fsqrt_s', m=7)], ILL), ('frm 5, static', [frm(5), enc('fadd_d', m=0)], OK),
    ('frm 5, no rounding', [frm(5), enc('feq_d'), enc('fsgnj_s'), enc('fmin_d'), enc('fclass_d'), enc('fmv_x_d')], OK),
    ('frm 5, then 0, dynamic', [frm(5), frm(0), enc('fadd_d', m=7)], OK),
    ('frm 4, then 6, dynamic', [frm(4), frm(6), enc('fadd_d', m=7)], ILL),
    ('frm 7 by fcsr, dynamic', [enc('addi', d=5, s=0, i=0xe0), enc('csrrw', d=0, c=3, s=5), enc('fmul_s', m=7)], ILL),
    ('frm 4, dynamic', [frm(4), enc('fadd_d', m=7)], OK),
    # accesses; x5 = 0x40000000 is not mapped, x6 = 0 is a page that is never mapped, x7 = this code
    ('load', [enc('lw', d=8, s=5, i=0)], SEGV), ('load into x0', [enc('ld', d=0, s=5, i=0)], SEGV),
    ('load through x0', [enc('lb', d=8, s=0, i=16)], SEGV),
    ('store', [enc('sd', s=5, t=0, i=0)], SEGV), ('store to code', [enc('sb', s=7, t=0, i=0)], SEGV),
    ('fld', [enc('fld', d=0, s=5, i=0)], SEGV), ('fsw', [enc('fsw', t=0, s=5, i=0)], SEGV),
    ('amo', [enc('amoadd_w', d=0, s=5, t=0)], SEGV), ('amo on code', [enc('amoadd_d', d=0, s=7, t=0)], SEGV),
    ('lr', [enc('lr_d', d=8, s=5)], SEGV),
    ('cbo.clean of nothing', [word(0x0012a00f)], SEGV), ('cbo.flush of code', [word(0x0023a00f)], OK),
    ('sc on code', [enc('lr_w', d=8, s=7), enc('sc_w', d=8, s=7, t=0)], SEGV),
    ('sc without reservation does not store', [enc('sc_w', d=8, s=7, t=0)], OK),
    ('jump', [enc('jalr', d=0, s=5, i=0)], SEGV), ('jump to data', [enc('jalr', d=0, s=9, i=0)], SEGV),
    ('unaligned load', [enc('ld', d=8, s=9, i=3)], OK), ('unaligned store', [enc('sd', s=9, t=0, i=5)], OK),
    ('misaligned amo.w', [enc('amoadd_w', d=8, s=28, t=0)], BUS), ('misaligned amo.d', [enc('amomax_d', d=8, s=29, t=0)], BUS),
    ('misaligned lr.w', [enc('lr_w', d=8, s=28)], BUS), ('misaligned lr.d', [enc('lr_d', d=8, s=29)], BUS),
    ('misaligned sc.w', [enc('sc_w', d=8, s=28, t=0)], BUS),
    # clocks go forward: time within a busy loop, cycle and instret at once
    ('cycle is not 0', [enc('csrrs', d=10, c=0xc00, s=0), enc('beq', s=10, t=0, i=0)], OK),
    ('cycle goes on', [enc('csrrs', d=10, c=0xc00, s=0), enc('csrrs', d=11, c=0xc00, s=0), enc('sltu', d=10, s=11, t=10),
                       enc('beq', s=10, t=0, i=4 << 1), half(0), half(0)], OK),
]

# Where the outside emulator is known to differ, and why ours is right.
ORACLE_DIFFERS = {
    'misaligned amo.w': 'the manual allows both; Linux on hardware without misaligned atomics sends SIGBUS',
    'misaligned amo.d': 'as above', 'misaligned lr.w': 'as above', 'misaligned lr.d': 'as above',
    'misaligned sc.w': 'as above',
    'sc without reservation does not store': 'the manual lets a failing SC fault or not; 10.0 faults, 7.2 does not',
    'cbo.clean': 'the model has no Zicbom', 'cbo.flush of code': 'as above', 'cbo.clean of nothing': 'as above',
    'set cycle with a register of 0': 'Zicsr: rs1 other than x0 writes, whatever it holds; 7.2 lets it pass',
}


def program(insns):
    a = rvtable.Asm(ROWS)
    a.li32(5, 0x40000000)
    a.li32(6, 0)
    a.li32(7, CODE_BASE)
    a.li32(9, DATA_BASE)
    a.emit('addi', d=28, s=9, i=2)
    a.emit('addi', d=29, s=9, i=4)
    for bits, size in insns:
        a.raw(bits, size)
    a.li32(10, 0)
    a.li32(17, 93)
    a.emit('ecall')
    return rvtable.elf(bytes(a.code), bytes(4096))


def ended(command, path):
    status = subprocess.run(command + [path], capture_output=True, timeout=60).returncode
    return -(status - 128) if status > 128 else status


def main():
    engine, oracle = sys.argv[1:], rvtable.oracle()
    bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'case')
        for name, insns, want in CASES:
            with open(path, 'wb') as f:
                f.write(program(insns))
            os.chmod(path, 0o755)
            got = ended(engine, path)
            if got != want:
                print('%s: ends with %d, expected %d' % (name, got, want))
                bad += 1
            if oracle and name not in ORACLE_DIFFERS:
                other = ended(oracle[:1] + ['-cpu', 'sifive-u54'], path) # RV64GC and nothing else
                if other != want:
                    print('%s: the outside emulator ends with %d, expected %d' % (name, other, want))
                    bad += 1
    print('%d cases%s: %s' % (len(CASES), '' if oracle else ', no outside emulator', 'FAIL' if bad else 'ok'))
    return 1 if bad else 0


sys.exit(main())
