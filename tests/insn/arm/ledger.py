#!/usr/bin/env python3
"""Writes docs/ledger-arm32.md: which rows of A32 and T32 were compared with an outside emulator, and how each is lowered.

usage: ledger.py [--count N] A32_LOWER ENGINE OUTPUT
Runs test_random.py for both instruction sets with some seeds; ENGINE is a32_run. tests/lint/ledgers looks whether the result is
up to date.
"""
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, '../aarch64'))
from armtable import load  # noqa: E402
from test_random import BY_THE_WAY, ELSEWHERE, always  # noqa: E402
from test_random_simd import how_lowered  # noqa: E402

SEEDS = (1, 2, 3)


def reached(isa, engine, count):
    """Rows that were compared, less those with a difference under any seed."""
    seen, agreed = set(), None
    for seed in SEEDS:
        with tempfile.NamedTemporaryFile(mode='r') as f:
            p = subprocess.run([sys.executable, os.path.join(HERE, 'test_random.py'), '--isa', isa, '--seed', str(seed), '--count', str(count),
                                '--reached', f.name, engine], capture_output=True, text=True)
            rows = set(f.read().split())
        if p.returncode not in (0, 1):
            raise SystemExit(p.stdout + p.stderr)
        if p.returncode:
            print(p.stdout)
        seen |= rows
        agreed = rows if agreed is None else agreed & rows | (rows - seen)
    return agreed


def lowered(lower, isa, rows):
    """(helpers, operations) of the longest of some instances, by row."""
    rng, code = random.Random(1), b''
    for r in rows:
        for _ in range(120):
            f = r.random(rng)
            if r.pic.startswith('cccc'):
                f['c'] = 14
            if 'Q' in f and rng.random() < 0.7:
                f.update({c: f[c] & ~1 for c in 'dnm' if c in f})
            code += (r.bytes(f, isa) + bytes(16))[:16]
    with tempfile.NamedTemporaryFile() as f:
        f.write(code)
        f.flush()
        out = subprocess.run([lower, f.name] + (['t'] if isa == 't32' else []), capture_output=True, text=True, check=True).stdout
    best = {}
    for line in out.splitlines():
        id, _, helpers, ops = line.split('\t')
        if not helpers.startswith('undefined') and len(ops.split()) >= len(best.get(id, ('', []))[1]):
            best[id] = (helpers.split(), ops.split())
    return best


def mnemonic(row):
    name = re.sub(r'[.%].*', '', row.name)
    return name or re.sub(r'_.*', '', row.id)


def compared(row, done):
    if row.handler in ELSEWHERE:
        return ELSEWHERE[row.handler]
    if row.handler in BY_THE_WAY:
        return 'yes, around others'
    return 'yes' if row.id in done else 'no'


def lowering(best, row):
    helpers, ops = best.get(row.id, ([], []))
    text = ' '.join('%s%s' % (op, ' x%d' % ops.count(op) if ops.count(op) > 1 else '') for op in dict.fromkeys(ops))
    return how_lowered(ops, helpers), ', '.join(dict.fromkeys(helpers)) or text


def main():
    count = 12
    if sys.argv[1] == '--count':
        count = int(sys.argv[2])
        del sys.argv[1:3]
    lower, engine, output = sys.argv[1:]
    rows = {isa: load(isa) for isa in ('a32', 't32')}
    done = {isa: reached(isa, engine, count) for isa in rows}
    how, lines = {}, []
    for title, isa, chosen in (('A32', 'a32', [r for r in rows['a32'] if not r.simd]), ('T32', 't32', [r for r in rows['t32'] if not r.simd])):
        best = lowered(lower, isa, chosen)
        lines += ['', '## ' + title, '', '| row | instruction | feature | compared | how | operations, or helper |', '|---|---|---|---|---|---|']
        for r in chosen:
            kind, ops = lowering(best, r)
            how[kind] = how.get(kind, 0) + 1
            lines.append('| %s | %s | %s | %s | %s | %s |' % (r.id, mnemonic(r), r.feat, compared(r, done[isa]), kind, ops))
    simd = [r for r in rows['a32'] if r.simd]
    best = lowered(lower, 'a32', simd)
    lines += ['', '## Floating point and Advanced SIMD, of both', '',
              '| row | instruction | feature | compared in A32 | in T32 | how | operations, or helper |', '|---|---|---|---|---|---|---|']
    for r in simd:
        kind, ops = lowering(best, r)
        how[kind] = how.get(kind, 0) + 1
        lines.append('| %s | %s | %s | %s | %s | %s | %s |' % (r.id, mnemonic(r), r.feat, compared(r, done['a32']), compared(r, done['t32']),
                                                           kind, ops))
    total = sum(len(x) for x in ([r for r in rows['a32']], [r for r in rows['t32'] if not r.simd]))
    head = ['# Ledger of A32 and T32 instructions', '',
            'Made by `tests/insn/arm/ledger.py A32_LOWER A32_RUN docs/ledger-arm32.md`; `tests/lint/ledgers` looks whether it is up to date.',
            '"Compared" means that registers, CPSR, FPSCR and memory of random instances were equal to those of an outside emulator',
            '(T32 inside IT blocks too, loads and stores also of big-endian data); text was compared with objdump (test_disas.py,',
            'test_disas_simd.py). How: one IR operation (inline), several (recipe), an operation that x86-64 does by a C function',
            '(fallback), a function called by the front end (helper). Operations: of the longest of 120 instances, without moves and',
            'constants. %d rows: %s. What the outside emulator has otherwise than the manual: tests/insn/arm/README.md.' % (
                total, ', '.join('%d %s' % (how[k], k) for k in sorted(how)))]
    with open(output, 'w') as f:
        f.write('\n'.join(head + lines) + '\n')
    print(head[-1])


if __name__ == '__main__':
    main()
