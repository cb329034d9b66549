#!/usr/bin/env python3
"""Decoder and disassembler of the FP and SIMD rows against the cross objdump: instances of every row, random words of
their part of the encoding space.

usage: test_disas_simd.py A64_DIS [--seed N]     exit status 77: no objdump
The two must agree on what is an instruction, on its name and on its operands, except for the differences listed in
normalise() and allowed(), each with its reason.
"""
import random
import re
import shutil
import subprocess
import sys
import tempfile

import a64table

FILES = ('a64_fp.def', 'a64_simd.def', 'a64_simd_scalar.def', 'a64_simd_mem.def', 'a64_crypto.def')
# What this front end does not implement: SVE and SME, FP8 and the other additions after Armv9.2.
FOREIGN = re.compile(r'\b[zp]\d+[./]|\bza\b|^(lut|famax|famin|fscale|fdot|fmlall|fmlal[lb]|f[1-2]cvt|bf[12]cvt|fcvtn)')


def number(m):
    return '#%d' % int(m.group(1), 16)


def normalise(text):
    """objdump's or our text in one form."""
    text = text.split('//')[0].strip()
    text = re.sub(r'\s*<.*>$', '', text)
    text = re.sub(r'\s+', ' ', text)
    # {v1.8b-v3.8b} is {v1.8b, v2.8b, v3.8b}
    def spread(m):
        first, arr, last = int(m.group(1)), m.group(2), int(m.group(3))
        return '{' + ', '.join('v%d.%s' % (r % 32, arr) for r in range(first, first + (last - first) % 32 + 1)) + '}'
    text = re.sub(r'\{v(\d+)\.(\w+)-v(\d+)\.\w+\}', spread, text)
    text = re.sub(r'#0x([0-9a-f]+)', number, text)
    # floating-point immediates: equal as numbers
    text = re.sub(r'#(-?\d+\.\d+(e[+-]\d+)?)', lambda m: '#%r' % float(m.group(1)), text)
    text = re.sub(r', #0(?=\])', '', text)
    text = re.sub(r', cs$', ', hs', re.sub(r', cc$', ', lo', text))
    return text


def allowed(ours, theirs):
    """Known differences of opinion."""
    illegal = ours.startswith('.')
    if illegal and (theirs.startswith('.') or FOREIGN.search(theirs)):
        return True
    if illegal and re.match(r'(cpy|set)[a-z]+ \[', theirs):
        return True # not of this part, see test_disas.py
    if illegal and re.match(r'fml[as]l2? v\d+\.[24]s, v\d+\.[24]h, v\d+\.[24]h$', theirs):
        return True # bit 22 (sz) is 0 in the manual's encoding; an outside emulator refuses it, too
    if theirs.startswith('.') and ours.split()[0] in ('stl1', 'ldap1', 'stlur', 'ldapur'):
        return True # FEAT_LRCPC3: too new for the objdump of Debian 12
    return False


def objdump(tool, path):
    out = subprocess.run([tool, '-D', '-z', '-b', 'binary', '-m', 'aarch64', '-M', 'no-aliases', path],
                         capture_output=True, text=True, check=True).stdout
    lines = []
    for line in out.splitlines():
        m = re.match(r'^\s*[0-9a-f]+:\t([0-9a-f]+)\s+(\S.*)$', line)
        if m:
            lines.append((int(m.group(1), 16), normalise(m.group(2))))
    return lines


def compare(tool, dis, words, what):
    with tempfile.NamedTemporaryFile() as f:
        f.write(b''.join(w.to_bytes(4, 'little') for w in words))
        f.flush()
        theirs = objdump(tool, f.name)
        ours = subprocess.run([dis, f.name], capture_output=True, text=True, check=True).stdout.splitlines()
    bad, named = [], set()
    if len(ours) != len(theirs):
        bad.append('%d lines, objdump has %d' % (len(ours), len(theirs)))
    for mine, (bits, text) in zip(ours, theirs):
        mine = normalise(mine)
        if mine == text:
            named.add(mine.split(' ')[0])
        elif not allowed(mine, text):
            bad.append('%08x  ours: %-40s objdump: %s' % (bits, mine, text))
    print('%s: %d instructions, %d names agreed, %d differ' % (what, len(ours), len(named), len(bad)))
    step = max(1, len(bad) // 40)
    for line in bad[::step]:
        print('  ' + line)
    return len(bad), named


def random_words(rng, count):
    """Words of the FP and SIMD groups: op0 (bits 28..25) x111, and loads and stores with V = 1."""
    words = []
    while len(words) < count:
        w = rng.getrandbits(32)
        if rng.random() < 0.7:
            w |= 7 << 25
        else:
            w = w & ~(1 << 25) | 1 << 27 | 1 << 26
        words.append(w)
    return words


def main():
    tool = shutil.which('aarch64-linux-gnu-objdump')
    if not tool:
        print('SKIP: aarch64-linux-gnu-objdump is not installed')
        return 77
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    rows = a64table.load(FILES)
    bad, named = compare(tool, sys.argv[1], [r.encode({}, rng) for r in rows for _ in range(200)], 'rows')
    n, _ = compare(tool, sys.argv[1], random_words(rng, 100000), 'random')
    bad += n
    bases = {re.sub(r'%.*', '', r.name) for r in rows} - {'stl1', 'ldap1', 'stlur', 'ldapur', 'bfmlal'}
    missed = sorted(x for x in bases if x not in named)
    if missed:
        print('names on which objdump never agreed: ' + ' '.join(missed))
    print('FAIL' if bad or missed else 'ok')
    return 1 if bad or missed else 0


sys.exit(main())
