#!/usr/bin/env python3
"""Directed vectors for every row of floats (VFP and Advanced SIMD) in modes of FPSCR: result and FPSCR after each, against an
outside emulator.

usage: test_fp.py [--seed N] [--vectors N] [--variants N] [--rows REGEX] ENGINE [ARG...]     exit status 77: no outside emulator
Operands are all pairs of special numbers (zeros, denormals, numbers at limits of rounding and of integers, infinities, quiet and
signaling NaNs), as far as --vectors goes. Flags are cleared before each instruction. ALLOWED lists where the emulator is wrong.
"""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile

from armtable import CODE_BASE, DATA_BASE, elf, encode_bytes, load, oracle
from test_random import FLOATS16, FLOATS32, FLOATS64

BF16 = [v >> 16 for v in FLOATS32] + [0x3f81, 0x7f01, 0xffc1]
F32 = FLOATS32 + [0x3f7fffff, 0x3f800001, 0x00800001, 0x80800000, 0x477fe000, 0x477ff000, 0x38800000, 0x387fffff, 0x33000001, 0x4b7fffff, 0x40400000]
F64 = FLOATS64 + [0x3feffffffffffff0, 0x3ff0000000000001, 0x0010000000000001, 0x3810000000000000, 0x380fffffefffffff, 0x40f0000000000000,
                  0x40e00000000fffff, 0xc0e0000100000000, 0x40effff000000000, 0x3e70000000000000, 0x4330000000000001]
RN, FZ, DN, AHP, FZ16 = (n << 22 for n in range(4)), 1 << 24, 1 << 25, 1 << 26, 1 << 19
RN = list(RN)
MODES = RN + [FZ, DN, FZ | DN, FZ | RN[1], FZ | RN[2], DN | RN[3], AHP, FZ16, FZ16 | AHP | DN | RN[1], FZ16 | FZ | RN[2]]
VECTOR, RESULT = 48, 20 # d0-d5; d0, d1, FPSCR
VECTORS_AT, BUFFER_AT = DATA_BASE + 0x1000, DATA_BASE + 0x100000

# Row (regular expression), test of (FPSCR before, operands d0-d5, ours, theirs): the emulator is wrong, with the place in DDI 0487.
ALLOWED = []


def lanes(values, bits):
    return b''.join((v & (1 << bits) - 1).to_bytes(bits // 8, 'little') for v in values)


def table(rng, kind, count):
    """count vectors: d0 and d1 the accumulator, d2 and d3 the first operand, d4 and d5 the second."""
    special, bits = {'f16': (FLOATS16, 16), 'f32': (F32, 32), 'f64': (F64, 64), 'mix': (FLOATS16 + BF16, 16)}[kind]
    out, n = [], 128 // bits
    pairs = [(a, b) for a in special for b in special]
    rng.shuffle(pairs)
    for k in range(count):
        chosen = [pairs[(k * n + i) % len(pairs)] for i in range(n)]
        if rng.random() < 0.25: # anything
            chosen = [(rng.getrandbits(bits), rng.choice(special)) for _ in range(n)]
        d = lanes([rng.choice(F32) for _ in range(4)], 32) if kind == 'mix' else lanes([rng.choice(special) for _ in range(n)], bits)
        out.append(d + lanes([a for a, _ in chosen], bits) + lanes([b for _, b in chosen], bits))
    return out


def kind_of(row, f):
    if re.search(r'bf16|vfm%\.jl', row.name):
        return 'mix' if row.handler not in ('f_vcvt_to_bf16', 'n_vcvt_to_bf16') else 'f32'
    if 'f16' in row.name.split('.')[-1] or row.fmt in ('VFPH', 'SIMDH') or '%.G' in row.name and not f.get('s'):
        return 'f16'
    return 'f64' if f.get('z') or row.pic[20:24] == '1011' else 'f32'


def variants(row, rng, count):
    """Encodings that differ in more than registers: operands are s0, s4, s8, d0, d2, d4 or q0, q1, q2."""
    seen = {}
    for _ in range(count * 8):
        f = row.random(rng)
        f.update({'c': 14, 'd': 0, 'n': 2, 'm': 4, 'D': 0, 'N': 0, 'M': f.get('M', 0) if '_s' in row.id and row.fmt.startswith('SIMD') else 0})
        if row.fmt == 'VFP' and 'z' not in f:
            f['z'] = row.pic[20:24] == '1011'
        if 'i' in f and row.handler.startswith('n_vcvt'):
            f['i'] |= 0x30 if row.fmt == 'SIMDH' else 0x20
        if 'x' in f and row.handler.startswith('f_vcvt') and not f['x'] and (f['i'] & 15) << 1 | f['i'] >> 4 > 16:
            continue
        if 'x' in f and row.handler.startswith('f_vcvt') and not f['x'] and ((f['i'] & 15) << 1 | f['i'] >> 4) > 16:
            continue
        if row.handler == 'n_vrecpe' or row.handler == 'n_vrsqrte':
            f.setdefault('x', 1)
        seen.setdefault(row.bytes({c: v for c, v in f.items() if c in row.pic}, 'a32'), f)
    return list(seen.items())[:count]


def movw_movt(r, v):
    return [0xe3000000 | (v >> 12 & 15) << 16 | r << 12 | v & 0xfff, 0xe3400000 | v >> 28 << 16 | r << 12 | v >> 16 & 0xfff]


def program(instances, tables, n_vectors):
    """For each instruction and mode a loop over its table; then the results are written."""
    code, data = bytearray(), bytearray(0x1000)
    at = {}
    for kind, vectors in tables.items():
        at[kind] = DATA_BASE + len(data)
        data += b''.join(vectors)
    data[:4 * len(MODES)] = b''.join(m.to_bytes(4, 'little') for m in MODES)
    assert len(data) < 0x100000
    size = len(MODES) * n_vectors * RESULT

    def words(*values):
        for v in values:
            code.extend(encode_bytes('a32', v, 32))
    for word, kind in instances:
        words(*movw_movt(6, BUFFER_AT), *movw_movt(7, DATA_BASE), *movw_movt(8, DATA_BASE + 4 * len(MODES)))
        outer = len(code)
        words(0xe4970004) # ldr r0, [r7], #4
        words(*movw_movt(4, at[kind]), *movw_movt(5, at[kind] + n_vectors * VECTOR))
        inner = len(code)
        words(0xecb40b0c, 0xeee10a10) # vldmia r4!, {d0-d5}; vmsr fpscr, r0
        code.extend(word)
        words(0xeef11a10, 0xeca60b04, 0xe4861004, 0xe1540005) # vmrs r1, fpscr; vstmia r6!, {d0-d1}; str r1, [r6], #4; cmp r4, r5
        words(0x1a000000 | (inner - len(code) - 8 >> 2) & 0xffffff, 0xe1570008) # bne inner; cmp r7, r8
        words(0x1a000000 | (outer - len(code) - 8 >> 2) & 0xffffff)
        for r, v in ((0, 1), (1, BUFFER_AT), (2, size), (7, 4)):
            words(*movw_movt(r, v))
        words(0xef000000)
    words(0xe3a00000, 0xe3a07001, 0xef000000)
    data += bytes(0x100000 - len(data) + size)
    return elf(bytes(code), bytes(data))


def run(cmd, path):
    p = subprocess.run(cmd + [path], capture_output=True, timeout=300)
    return p.returncode, p.stdout


def allowed(row, mode, operands, ours, theirs):
    return any(re.search(rows, row.id) and test(mode, operands, ours, theirs) for rows, test in ALLOWED)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--vectors', type=int, default=120)
    ap.add_argument('--variants', type=int, default=3)
    ap.add_argument('--rows', default='')
    ap.add_argument('--show', type=int, default=2)
    ap.add_argument('engine', nargs=argparse.REMAINDER)
    args = ap.parse_args()
    qemu = oracle()
    if not qemu:
        print('SKIP: no outside emulator')
        return 77
    rng = random.Random(args.seed)
    tables = {kind: table(rng, kind, args.vectors) for kind in ('f16', 'f32', 'f64', 'mix')}
    rows = [r for r in load('a32') if r.simd and r.fmt in ('VFP', 'VFPH', 'SIMD', 'SIMDH') and re.search(r'%\.[fGEg]|f16|f32|f64', r.name)
            and re.search(args.rows, r.id)]
    chosen = [(r, f, word) for r in rows for word, f in variants(r, rng, args.variants)]
    bad, lenient, shown, n = 0, {}, {}, len(MODES) * args.vectors
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'fp.elf')
        with open(path, 'wb') as f:
            f.write(program([(w, kind_of(r, f)) for r, f, w in chosen], tables, args.vectors))
        os.chmod(path, 0o755)
        theirs, mine = run(qemu, path), run(args.engine, path)
    if theirs[0] or mine[0] or len(theirs[1]) != len(mine[1]):
        done = [len(x[1]) // (n * RESULT) for x in (mine, theirs)]
        print('status %d after %d instructions, expected %d, %d: %s' % (mine[0], done[0], theirs[0], done[1],
                                                                       chosen[min(done + [len(chosen) - 1])][0].id))
        return 1
    for k, (row, f, word) in enumerate(chosen):
        for i in range(n):
            at = (k * n + i) * RESULT
            a, b = mine[1][at:at + RESULT], theirs[1][at:at + RESULT]
            if a == b:
                continue
            mode, operands = MODES[i // args.vectors], tables[kind_of(row, f)][i % args.vectors]
            if allowed(row, mode, operands, a, b):
                lenient[row.id] = lenient.get(row.id, 0) + 1
                continue
            bad += 1
            shown[row.id] = shown.get(row.id, 0) + 1
            if shown[row.id] <= args.show:
                regs = [int.from_bytes(operands[8 * j:8 * j + 8], 'little') for j in range(6)]
                print('%s %s, FPSCR %08x: d0 %016x %016x FPSCR %08x, expected %016x %016x %08x; operands %s' % (
                    (row.id, word.hex(), mode) + tuple(int.from_bytes(x[j:e], 'little') for x in (a, b) for j, e in ((0, 8), (8, 16), (16, 20)))
                    + (' '.join('%016x' % r for r in regs),)))
    for id in sorted(lenient):
        print('%s: %d times other than the emulator, as the manual says' % (id, lenient[id]))
    print('seed %d: %d rows, %d instructions, %d results, %s' % (args.seed, len(rows), len(chosen), len(chosen) * n,
                                                                'ok' if not bad else '%d differ: %s' % (bad, ' '.join(sorted(shown)))))
    return 1 if bad else 0


sys.exit(main())
