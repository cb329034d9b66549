#!/usr/bin/env python3
"""An instruction of each feature on each cpu model: undefined where the outside emulator's model has not got it.

usage: test_models.py ENGINE [ARG...]     exit status 77: no outside emulator. ENGINE is a32_run.
"""
import os
import signal
import subprocess
import sys
import tempfile

from armtable import elf, oracle
from test_faults import EXIT_A, EXIT_T, R1_DATA, arm, thumb

# What the outside emulator has of our models in its 32-bit program, and those which it has not, from the manuals.
OUTSIDE = ['arm926', 'arm1176', 'cortex-a8', 'cortex-a9', 'cortex-a7', 'cortex-a15', 'max']
NEW = ['pan', 'rdm', 'sb', 'fp16', 'dot', 'fhm', 'fcma', 'jscvt', 'bf16', 'i8mm']
V8_ALSO = {'cortex-a53': NEW, 'cortex-a72': NEW} # what these lack


def a(*words):
    return arm(*R1_DATA, *words, *EXIT_A)


def t(*halves):
    return thumb(*halves, *EXIT_T)


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
PROGRAMS['swp'] = a(0xe1010091) # the emulator's newest core has none; Linux does it
ALWAYS = ['swp']
# Where the manual says undefined and the emulator has something else: no IT and CBZ before ARMv6T2, where the first half of a
# 32-bit instruction is half a BL; no fused multiply-add of vectors in the first version of Advanced SIMD; VLDR of halves without
# their arithmetic (DDI 0487, VLDR: "if size == '01' && !IsFeatureImplemented(FEAT_FP16) then UNDEFINED").
OLD = ('t2 it', 't2 cbz', 't2 t32', 'idiv t32')
LAX = {'arm926': OLD, 'arm1176': OLD, 'cortex-a8': ('vfp4 vfma q',), 'cortex-a9': ('vfp4 vfma q',)}


def status(command, path):
    p = subprocess.run(command + [path], capture_output=True, timeout=60)
    return {0: 'ok', -signal.SIGILL: 'undefined', 128 + signal.SIGILL: 'undefined'}.get(p.returncode, p.returncode)


def main():
    qemu = oracle()
    if not qemu:
        print('SKIP: no outside emulator')
        return 77
    bad = n = 0
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'one.elf')
        for name, code in PROGRAMS.items():
            with open(path, 'wb') as f:
                f.write(elf(code, bytes(4096)))
            os.chmod(path, 0o755)
            newest = status(qemu[:1] + ['-cpu', 'max'], path)
            for model in OUTSIDE + list(V8_ALSO):
                if name in ALWAYS:
                    want = 'ok'
                elif name.startswith('pan'): # DDI 0487, SETPAN: a NOP at user level; the emulator says undefined
                    want = 'ok' if model == 'max' else 'undefined'
                elif model in V8_ALSO:
                    want = 'undefined' if name.split()[0] in V8_ALSO[model] else newest
                elif name.startswith(LAX.get(model, ()) + (('fp16 vldr',) if model != 'max' else ())):
                    want = 'undefined'
                else:
                    want = status(qemu[:1] + ['-cpu', model], path)
                got = status(sys.argv[1:] + ['-c', model], path)
                n += 1
                if got != want:
                    bad += 1
                    print('%s on %s: %s, expected %s' % (name, model, got, want))
    print('%d programs, %s' % (n, '%d wrong' % bad if bad else 'ok'))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
