#!/usr/bin/env python3
"""An instruction of each feature on each cpu model: undefined where the outside emulator's model has not got it.

usage: test_models.py TINAMOU [ARG...]     exit status 77: no outside emulator
All instances are one program, which notes what raised SIGILL and goes on: a run for each model.
"""
import os
import signal
import subprocess
import sys
import tempfile

from armtable import CODE_BASE, elf, oracle
from test_faults import R1_DATA, arm, thumb

# What the outside emulator has of our models in its 32-bit program, and those which it has not, from the manuals.
OUTSIDE = ['arm926', 'arm1176', 'cortex-a8', 'cortex-a9', 'cortex-a7', 'cortex-a15', 'max']
NEW = ['pan', 'rdm', 'sb', 'fp16', 'dot', 'fhm', 'fcma', 'jscvt', 'bf16', 'i8mm']
V8_ALSO = {'cortex-a53': NEW, 'cortex-a72': NEW} # what these lack


# At 0: rt_sigaction of SIGILL and SIGTRAP; at NEXT: bx table[n++] with FPSCR, r0, r2, r3 = 0; at OK: r0 = 1; at HANDLER: result[n - 1] = r0,
# goes to NEXT; at the end of the table: write(1, results, n); exit(0).
NEXT, OK, HANDLER, TABLE, ACT = 0x30, 0x68, 0x6c, 0xa4, 0xa8
DRIVER = [
    0xe59f4098, 0xe584d004, 0xe3a00004, 0xe28f1094, 0xe3a02000, 0xe3a03008, 0xe3a070ae, 0xef000000, 0xe3a00005, 0xe28f107c, 0xe3a070ae,
    0xef000000, 0xe59f4068, 0xe594d004, 0xe5945000, 0xe59f6060, 0xe7966105, 0xe2855001, 0xe5845000, 0xe3560000, 0x0a00000a, 0xe3a00000,
    0xeee10a10, 0xe3a02000, 0xe3a03000, 0xe12fff16, 0xe3a00001, 0xe59f402c, 0xe5945000, 0xe0845005, 0xe5c5000f, 0xeaffffeb, 0xe2452001,
    0xe2841010, 0xe3a00001, 0xe3a07004, 0xef000000, 0xe3a00000, 0xe3a07001, 0xef000000,
    0x20001000, 0, # n, sp, then from 16 on the results; where the table is
    CODE_BASE + HANDLER, 0x40000000, 0, 0, 0] # struct sigaction, SA_NODEFER


def a(*words):
    return arm(*R1_DATA, *words, 0xe51ff004, CODE_BASE + OK) # ldr pc, =OK


def t(*halves):
    """Back to A32 by bx pc, at a multiple of 4."""
    return thumb(*halves, *[0x46c0] * (len(halves) % 2), 0x4778, 0x46c0) + arm(0xe51ff004, CODE_BASE + OK)


PROGRAMS = {
    'base': a(0xe1010281), 'v6 rev': a(0xe6bf0f32), 'v6 uxtb': a(0xe6ef0072), 'v6 sadd16': a(0xe6120f13), 'v6 ldrex': a(0xe1910f9f),
    'v6 umaal': a(0xe0402291), 'v6 t16 rev': t(0xba10), 'v6 t16 uxtb': t(0xb2d0), 'v6 mcr dmb': a(0xee070fba),
    'v6k ldrexb': a(0xe1d10f9f), 'v6k ldrexd': a(0xe1b12f9f), 'v6 setend': a(0xf1010200, 0xf1010000), 'v6 t16 setend': t(0xb658, 0xb650), 'v6k clrex': a(0xf57ff01f), 'v6k tls': a(0xee1d0f70),
    't2 movw': a(0xe3000001), 't2 movt': a(0xe3400001), 't2 ubfx': a(0xe7e00050), 't2 mls': a(0xe0600291), 't2 rbit': a(0xe6ff0f30),
    't2 bfi': a(0xe7c00011), 't2 t32 add.w': t(0xeb00, 0x0001), 't2 t32 movw': t(0xf240, 0x0001), 't2 it': t(0xbf08, 0xbf00),
    't2 cbz': t(0xb102, 0xbf00), 'v7 dmb': a(0xf57ff05f), 'v7 isb': a(0xf57ff06f), 'v7 pli': a(0xf4d1f000),
    'mp pldw': a(0xf591f000), 'idiv': a(0xe710f112), 'idiv t32': t(0xfb90, 0xf0f1), 'idiv t32 u': t(0xfbb0, 0xf0f1),
    'v8 lda': a(0xe1910c9f), 'v8 stl': a(0xe181fc90), 'v8 ldaex': a(0xe1910e9f), 'v8 vsel': a(0xfe000a81),
    'v8 vmaxnm': a(0xfe800a81), 'v8 vrintz': a(0xeeb60ac1), 'v8 vcvta': a(0xfebc0ac1), 'v8 vrintn.f32 q': a(0xf3ba0440),
    'v8 vmaxnm.f32 q': a(0xf3000f50), 'v8 vcvt half double': a(0xeeb20b41),
    'vfp vadd': a(0xee310a21), 'vfp vldr': a(0xed910b00), 'vfp vmrs': a(0xeef10a10), 'vfp vmov.32': a(0xee000b10),
    'vfp3 vmov': a(0xeeb70a00), 'vfp3 fixed': a(0xeeba0a40), 'd32 vmov': a(0xeef00b60), 'd32 vldr': a(0xedd10b00),
    'd32 vldm': a(0xec919b12), 'neon vadd': a(0xf2000840), 'neon vmov.8': a(0xee400b10), 'neon vdup': a(0xee800b10),
    'neon vld1': a(0xf421070f), 'half vcvtb': a(0xeeb20a40), 'half vector': a(0xf3b60600), 'vfp4 vfma': a(0xeea00a00),
    'vfp4 vfma q': a(0xf2000c50), 'crc32': a(0xe1000041), 'aese': a(0xf3b00300), 'sha1h': a(0xf3b902c0), 'sha256h': a(0xf3000c40),
    'pmull': a(0xf2a00e00), 'pan': a(0xf1100200), 'pan t16': t(0xb618), 'rdm': a(0xf3100b10), 'sb': a(0xf57ff070),
    'fp16 vadd': a(0xee310921), 'fp16 vldr': a(0xed910900), 'fp16 vmov': a(0xee000910), 'fp16 vmovx': a(0xfeb00a60),
    'fp16 vadd q': a(0xf2100d40), 'fp16 vabs q': a(0xf3b50740), 'fp16 vmul scalar': a(0xf3900940), 'fp16 fixed q': a(0xf2b00c50),
    'fp16 fz16': a(0xe3a00702, 0xeee10a10, 0xeef10a10, 0xe3100702, 0x07f000f0),
    'dot': a(0xfc200d40), 'dot scalar': a(0xfe200d00), 'fhm': a(0xfc200810), 'fcma': a(0xfc900840), 'fcma scalar': a(0xfe800840),
    'jscvt': a(0xeeb90bc0), 'bf16 dot': a(0xfc000d40), 'bf16 vcvtb': a(0xeeb30940), 'bf16 vcvt': a(0xf3b60640),
    'bf16 vmmla': a(0xfc000c40), 'bf16 vfmab': a(0xfc300810), 'i8mm': a(0xfc200c40), 'i8mm vusdot': a(0xfca00d40),
    'swp': None,
}
# FPSCR.LEN, STRIDE: 2 elements, 1 apart
SHORT_VECTORS = {
    'vadd': 0xee344a04, 'vsub': 0xee344a44, 'vmul': 0xee244a04, 'vnmul': 0xee244a44, 'vdiv': 0xee844a04, 'vmla': 0xee044a04,
    'vmls': 0xee044a44, 'vnmla': 0xee144a44, 'vnmls': 0xee144a04, 'vadd.f64': 0xee344b04, 'vmov': 0xeeb04a44, 'vabs': 0xeeb04ac4,
    'vneg': 0xeeb14a44, 'vsqrt': 0xeeb14ac4, 'vmov imm': 0xeeb74a00, 'vcmp': 0xeeb44a44, 'vcmpz': 0xeeb54a40, 'vcvt.s32': 0xeebd4ac4,
    'vcvt.f32': 0xeeb84ac4, 'vcvt.f64': 0xeeb74ac4, 'vfma': 0xeea44a04, 'vfnma': 0xee944a44, 'vcvt fix': 0xeeba4a40, 'vcvtb': 0xeeb24a44,
    'vrintz': 0xeeb64ac4, 'vsel': 0xfe044a04, 'vmaxnm': 0xfe844a04, 'vcvta': 0xfebc4ac4, 'vrinta': 0xfeb84a44, 'vldr': 0xed914b00,
    'vmov core': 0xee040a10, 'vadd q': 0xf2000840, 'vadd s0': 0xee300a00,
}
PROGRAMS.update({'short ' + name: a(0xe3a00801, 0xeee10a10, word, 0xeef12a10) for name, word in SHORT_VECTORS.items()})
PROGRAMS['swp'] = a(0xe1010091) # the emulator's newest core has none; Linux does it
ALWAYS = ['swp']
# Where the manual says undefined and the emulator has something else: no IT and CBZ before ARMv6T2, where the first half of a
# 32-bit instruction is half a BL; no fused multiply-add of vectors in the first version of Advanced SIMD; VLDR of halves without
# their arithmetic (DDI 0487, VLDR: "if size == '01' && !IsFeatureImplemented(FEAT_FP16) then UNDEFINED").
OLD = ('t2 it', 't2 cbz', 't2 t32', 'idiv t32')
LAX = {'arm926': OLD, 'arm1176': OLD, 'cortex-a8': ('vfp4 vfma q',), 'cortex-a9': ('vfp4 vfma q',)}


def program(leave_out=()):
    """Cases whose names begin with one of `leave_out` are not run."""
    code, table = bytearray(arm(*DRIVER)), []
    for name, piece in PROGRAMS.items():
        table.append(CODE_BASE + (OK if name.startswith(leave_out) else len(code)))
        code += piece
    code[TABLE:TABLE + 4] = arm(CODE_BASE + len(code))
    return elf(bytes(code) + arm(*table, 0), bytes(8192))


def results(command, path):
    """Name of the case -> 'ok', 'undefined', or a signal."""
    p = subprocess.run(command + [path], capture_output=True, timeout=120)
    if p.returncode or len(p.stdout) != len(PROGRAMS):
        raise SystemExit('%s: status %d, %d results' % (' '.join(command), p.returncode, len(p.stdout)))
    return {name: {1: 'ok', signal.SIGILL: 'undefined'}.get(v, v) for name, v in zip(PROGRAMS, p.stdout)}


def expected(name, model, outside, newest):
    if name in ALWAYS:
        return 'ok'
    if name.startswith('pan'): # DDI 0487, SETPAN: a NOP at user level; the emulator says undefined
        return 'ok' if model == 'max' else 'undefined'
    if model in V8_ALSO and name.startswith('short vf'): # FPSCR.LEN is RES0
        return 'ok'
    if model in V8_ALSO:
        return 'undefined' if name.split()[0] in V8_ALSO[model] else newest[name]
    if name.startswith(LAX.get(model, ()) + (('fp16 vldr',) if model != 'max' else ())):
        return 'undefined'
    return outside[name]


def main():
    qemu = oracle()
    if not qemu:
        print('SKIP: no outside emulator')
        return 77
    bad = n = 0
    with tempfile.TemporaryDirectory() as tmp:
        def file(*leave_out):
            path = os.path.join(tmp, 'all.elf')
            with open(path, 'wb') as f:
                f.write(program(*leave_out))
            os.chmod(path, 0o755)
            return path
        newest = results(qemu[:1] + ['-cpu', 'max'], file())
        for model in OUTSIDE + list(V8_ALSO):
            outside = results(qemu[:1] + ['-cpu', model], file(LAX.get(model, ()))) if model in OUTSIDE else None
            for name, got in results(sys.argv[1:] + ['-cpu', model], file()).items():
                want = expected(name, model, outside, newest)
                n += 1
                if got != want:
                    bad += 1
                    print('%s on %s: %s, expected %s' % (name, model, got, want))
    print('%d programs, %s' % (n, '%d wrong' % bad if bad else 'ok'))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
