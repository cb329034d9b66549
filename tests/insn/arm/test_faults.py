#!/usr/bin/env python3
"""What raises, what does not, and in which state: tiny programs whose end is known from the manual.

usage: test_faults.py ENGINE [ARG...]
ENGINE is a32_run: at an exception -v prints the address of the instruction and CPSR, of which T and IT are looked at.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile

from armtable import CODE_BASE, DATA_BASE, elf

ILL, TRAP, SEGV, BUS, OK = -signal.SIGILL, -signal.SIGTRAP, -signal.SIGSEGV, -signal.SIGBUS, 0


def arm(*words):
    return b''.join(w.to_bytes(4, 'little') for w in words)


def thumb(*halves):
    """Entered in A32."""
    return arm(0xe28f0001, 0xe12fff10) + b''.join(h.to_bytes(2, 'little') for h in halves)


EXIT_A = (0xe3a00000, 0xe3a07001, 0xef000000)        # mov r0, #0; mov r7, #1; svc
EXIT_T = (0x2000, 0x2701, 0xdf00)
R1_DATA = (0xe3a01202,)                              # mov r1, #0x20000000
R1_DATA_T = (0xf04f, 0x5100)                         # mov.w r1, #0x20000000
NULL_T = (0x2300,)                                   # movs r3, #0: Z = 1

# name, code, end, (offset of the instruction, T, ITSTATE[, NZCV]) if it raises
CASES = [
    ('exit', arm(*EXIT_A), OK, None), ('exit, T32', thumb(*EXIT_T), OK, None),
    ('udf', arm(0xe7f000f0), ILL, (0, 0, 0)), ('udf, T32', thumb(0xde00), ILL, (8, 1, 0)),
    ('bkpt', arm(0xe1200070), TRAP, (0, 0, 0)), ('bkpt, T32', thumb(0xbe00), TRAP, (8, 1, 0)),
    ('setend be', arm(0xf1010200, *EXIT_A), OK, None), ('setend le', arm(0xf1010000, *EXIT_A), OK, None),
    # 0x44 is stored in one byte order and loaded in the other
    ('setend be, ldr', arm(*R1_DATA, 0xe3a02044, 0xe5812000, 0xf1010200, 0xe5910000, 0xe1a00c20, 0xe3500044, 0x17f000f0, *EXIT_A), OK, None),
    ('setend be by msr', arm(*R1_DATA, 0xe3a02044, 0xe5812000, 0xe322fc02, 0xe5910000, 0xe1a00c20, 0xe3500044, 0x17f000f0, *EXIT_A), OK, None),
    ('setpan', arm(0xf1100200, *EXIT_A), OK, None), ('setpan, T32', thumb(0xb618, *EXIT_T), OK, None),
    ('mrs spsr', arm(0xe14f0000), ILL, (0, 0, 0)), ('smc', arm(0xe1600070), ILL, (0, 0, 0)),
    ('mrc p15 of the kernel', arm(0xee110f10), ILL, (0, 0, 0)), ('svc', arm(0xe3a07f40, 0xef000000, *EXIT_A), OK, None),
    # 0x44 in memory, 0x55 in its place, of the four bytes or of the first
    ('swp', arm(*R1_DATA, 0xe3a02044, 0xe5812000, 0xe3a03055, 0xe1010093, 0xe3500044, 0x17f000f0, 0xe5910000, 0xe3500055, 0x17f000f0,
                *EXIT_A), OK, None),
    ('swpb', arm(*R1_DATA, 0xe3e02000, 0xe5812000, 0xe3a03055, 0xe1410093, 0xe35000ff, 0x17f000f0, 0xe5910000, 0xe37000ab, 0x17f000f0,
                 *EXIT_A), OK, None),
    ('the counter does not go back', arm(0xec510f1e, 0xec532f1e, 0xe0522000, 0xe0d33001, 0x47f000f0, *EXIT_A), OK, None),
    ('the counter has a frequency', arm(0xee1e0f10, 0xe3500000, 0x07f000f0, *EXIT_A), OK, None),
    # alignment
    ('ldr +1', arm(*R1_DATA, 0xe5912001, *EXIT_A), OK, None), ('ldrh +1', arm(*R1_DATA, 0xe1d120b1, *EXIT_A), OK, None),
    ('str +3', arm(*R1_DATA, 0xe5812003, *EXIT_A), OK, None),
    ('ldm +2', arm(*R1_DATA, 0xe2811002, 0xe891000c), BUS, (8, 0, 0)),
    ('stm +1', arm(*R1_DATA, 0xe2811001, 0xe881000c), BUS, (8, 0, 0)),
    ('ldrd +2', arm(*R1_DATA, 0xe1c120d2), BUS, (4, 0, 0)), ('ldrd +4', arm(*R1_DATA, 0xe1c120d4, *EXIT_A), OK, None),
    ('ldrex +1', arm(*R1_DATA, 0xe2811001, 0xe1912f9f), BUS, (8, 0, 0)),
    ('ldrexh +1', arm(*R1_DATA, 0xe2811001, 0xe1f12f9f), BUS, (8, 0, 0)),
    ('ldrexd +4', arm(*R1_DATA, 0xe2811004, 0xe1b12f9f), BUS, (8, 0, 0)),
    ('vldr +2', arm(*R1_DATA, 0xe2811002, 0xed912b00), BUS, (8, 0, 0)),
    ('vld1 +1', arm(*R1_DATA, 0xe2811001, 0xf421070f, *EXIT_A), OK, None),
    ('vld1 :64 +1', arm(*R1_DATA, 0xe2811001, 0xf421071f), BUS, (8, 0, 0)),
    ('jump to A32 + 2', arm(0xe28f0002, 0xe12fff10), BUS, None),
    # no memory, in an instruction that goes around a condition, and one that does not happen
    ('ldrne, taken', arm(0xe3b03001, 0x15932fff), SEGV, (4, 0, 0)), ('ldreq, not taken', arm(0xe3b03001, 0x05932fff, *EXIT_A), OK, None),
    ('udfne, not taken', arm(0xe3b03000, 0x17f000f0, *EXIT_A), OK, None),
    ('smcne, not taken', arm(0xe3b03000, 0x11600070, *EXIT_A), OK, None), ('smceq', arm(0xe3b03000, 0x01600070), ILL, (4, 0, 0)),
    ('undefined in an IT block, not executed', thumb(*NULL_T, 0xbf1c, 0xf7f0, 0x8000, 0xf7f0, 0x8000, *EXIT_T), OK, None),
    ('undefined in an IT block', thumb(*NULL_T, 0xbf04, 0x2401, 0xf7f0, 0x8000), ILL, (14, 1, 0x08)),
    ('udfeq', arm(0xe3b03000, 0x07f000f0), ILL, (4, 0, 0)),
    # inside IT blocks: the state is that of the instruction
    ('it eq', thumb(*NULL_T, 0xbf08, 0x681a), SEGV, (12, 1, 0x08)),
    ('itt eq, second', thumb(*NULL_T, 0xbf04, 0x2401, 0x681a), SEGV, (14, 1, 0x08)),
    ('itt eq, first', thumb(*NULL_T, 0xbf04, 0x681a, 0x2401), SEGV, (12, 1, 0x04)),
    ('ittet eq, third not executed, fourth', thumb(*NULL_T, 0xbf05, 0x2401, 0x681a, 0x681a, 0x2401), SEGV, (14, 1, 0x0a)),
    ('ite ne, second', thumb(*NULL_T, 0xbf14, 0x681a, 0x681a), SEGV, (14, 1, 0x08)),
    ('it ne, not executed', thumb(*NULL_T, 0xbf18, 0x681a, *EXIT_T), OK, None),
    ('svc in an IT block', thumb(*NULL_T, 0x27ff, 0x2300, 0xbf06, 0xdf00, 0x2401, 0xde00, *EXIT_T), OK, None),
    ('udf in an IT block, not executed', thumb(*NULL_T, 0xbf18, 0xde00, *EXIT_T), OK, None),
    ('bkpt in an IT block is not conditional', thumb(*NULL_T, 0xbf18, 0xbe00), TRAP, None),
    ('bkpt behind another that is skipped', thumb(*NULL_T, 0xbf1c, 0x681a, 0xbe00), TRAP, (14, 1, 0x18)),
    # flags of a compare under the condition of another, which nobody has asked for before the fault
    ('cmpgt, executed', arm(0xe3a00005, 0xe3a03000, 0xe3500003, 0xc3500007, 0xe5932fff), SEGV, (16, 0, 0, 8)),
    ('cmpgt, not executed', arm(0xe3a00005, 0xe3a03000, 0xe3500005, 0xc3500007, 0xe5932fff), SEGV, (16, 0, 0, 6)),
    ('cmpne, not executed', arm(0xe3a00005, 0xe3a03000, 0xe3500005, 0x13500007, 0xe5932fff), SEGV, (16, 0, 0, 6)),
    ('cmpls behind a call', arm(0xe3a01005, 0xe3a03000, 0xe3510003, 0xe3a07014, 0xef000000, 0x93510007, 0xe5932fff), SEGV,
     (24, 0, 0, 2)),
    ('cmphi behind a call', arm(0xe3a01005, 0xe3a03000, 0xe3510003, 0xe3a07014, 0xef000000, 0x83510007, 0xe5932fff), SEGV,
     (24, 0, 0, 8)),
    ('itt gt, a compare and a load that then is not executed', thumb(0x2005, 0x2300, 0x2803, 0xbfc4, 0x2807, 0x681a, *EXIT_T), OK, None),
    ('ldm with two registers, second missing', arm(0xe3a01202, 0xe2811a01, 0xe2411004, 0xe891000c), SEGV, (12, 0, 0)),
]


def run(engine, path):
    p = subprocess.run(engine + ['-v', path], capture_output=True, text=True, timeout=60)
    m = re.search(r' at 0x([0-9a-f]+), address 0x[0-9a-f]+, cpsr ([0-9a-f]+)', p.stderr)
    state = None
    if m:
        cpsr = int(m.group(2), 16)
        state = (int(m.group(1), 16) - CODE_BASE, cpsr >> 5 & 1, (cpsr >> 10 & 0x3f) << 2 | cpsr >> 25 & 3, cpsr >> 28)
    return p.returncode, state


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'case.elf')
        for name, code, end, state in CASES:
            with open(path, 'wb') as f:
                f.write(elf(code, bytes(4096)))
            got = run(sys.argv[1:], path)
            if got[0] != end or (state and (not got[1] or got[1][:len(state)] != state)):
                bad += 1
                print('%s: ended %d %s, expected %d %s' % (name, got[0], got[1], end, state))
    print('%d cases, %s' % (len(CASES), '%d wrong' % bad if bad else 'ok'))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
