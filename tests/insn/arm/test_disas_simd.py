#!/usr/bin/env python3
"""Text of the floating-point and Advanced SIMD rows against the packaged cross objdump: random instances of every row, A32 and T32.

usage: test_disas_simd.py A32_DIS [--seed N] [--count N]     exit status 77: no objdump for Arm
What objdump calls UNDEFINED or UNPREDICTABLE is not compared, nor what it does not know; each row must have been compared.
"""
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from armtable import load

SLOT = 16 # each word at an address of its own, NOPs behind it

def objdump(isa, code):
    """Text by index of the slot."""
    tool = shutil.which('arm-linux-gnueabihf-objdump') or shutil.which('arm-none-eabi-objdump')
    with tempfile.NamedTemporaryFile() as f:
        f.write(code)
        f.flush()
        p = subprocess.run([tool, '-D', '-b', 'binary', '-m', 'arm', '--no-show-raw-insn'] + (['-M', 'force-thumb'] if isa == 't32' else [])
                           + [f.name], capture_output=True, text=True, check=True)
    texts = {}
    for m in re.finditer(r'^\s*([0-9a-f]+):\s+(\S.*)$', p.stdout, re.M):
        at = int(m.group(1), 16)
        if at % SLOT == 0:
            texts[at // SLOT] = m.group(2)
    return texts


def number(text, bits):
    return int(text, 0) & (1 << bits) - 1


def normalise(text):
    """objdump's text as ours: comments are away, immediates are numbers of one kind."""
    body, _, comment = text.partition('@')
    body = body.strip().replace('\t', ' ', 1)
    body = re.sub(r'^([a-z0-9]+)(cs|cc)(?=[ .])', lambda m: m.group(1) + {'cs': 'hs', 'cc': 'lo'}[m.group(2)], body)
    m = re.match(r'^(v(?:mov|mvn|orr|bic)\S*) (\S+), #(\S+)$', body)
    if m and '.f' in m.group(1):
        value = struct.unpack('<f', struct.pack('<I', int(comment.split()[0], 16)))[0]
        return '%s %s, #%.8f' % (m.group(1), m.group(2), value)
    m = re.match(r'^(v(?:mov|mvn|orr|bic)\.i(\d+)) (\S+), #(\S+)$', body)
    if m:
        return '%s %s, #0x%x' % (m.group(1), m.group(3), number(m.group(4), int(m.group(2))))
    body = re.sub(r'^vshl\.s(\d+ .*#)', r'vshl.i\1', body)
    body = re.sub(r'\bfp\b', 'r11', body)
    body = re.sub(r'\bsl\b', 'r10', body)
    return re.sub(r'\bip\b', 'r12', body)


def ours_as_theirs(text):
    text = text.replace('\t', ' ', 1)
    m = re.match(r'^v(stmdb|ldmia)(\w*) sp!, (.*)$', text)
    if m:
        return 'v%s%s %s' % ('push' if m.group(1) == 'stmdb' else 'pop', m.group(2), m.group(3))
    return text


def instances(isa, rng, count):
    items = []
    for r in load(isa):
        if not r.simd:
            continue
        for _ in range(count):
            f = r.random(rng)
            if r.pic.startswith('cccc'):
                f['c'] = 14 if isa == 't32' or rng.random() < 0.7 else rng.randrange(14)
            if r.fmt == 'VMEM' and rng.random() < 0.5:
                f['m'] = rng.choice([13, 15])
            if r.fmt == 'VLDM': # no more registers than there are
                first = f['D'] << 4 | f['d'] if f['z'] else f['d'] << 1 | f['D']
                count_regs = rng.randrange(1, min(32 - first, 16) + 1)
                f['i'] = count_regs << f['z'] | (f['z'] and rng.randrange(2))
            if r.handler in ('vmrs', 'vmsr'):
                f['n'] = rng.choice([0, 1, 5, 6, 7, 8])
            if 'Q' in f and rng.random() < 0.5: # even registers
                f.update({c: f[c] & ~1 for c in 'dnm' if c in f})
            items.append((r, r.bytes(f, isa)))
    return items


def main():
    if not shutil.which('arm-linux-gnueabihf-objdump') and not shutil.which('arm-none-eabi-objdump'):
        print('SKIP: no objdump for Arm')
        return 77
    seed, count = (int(sys.argv[sys.argv.index(o) + 1]) if o in sys.argv else d for o, d in (('--seed', 1), ('--count', 60)))
    bad = 0
    for isa in ('a32', 't32'):
        items = instances(isa, random.Random(seed), count)
        pad = b'\0\xbf' * 8 if isa == 't32' else bytes.fromhex('00f020e3') * 4
        code = b''.join((w + pad)[:SLOT] for _, w in items)
        texts = objdump(isa, code)
        with tempfile.NamedTemporaryFile() as f:
            f.write(code)
            f.flush()
            ours = subprocess.run([sys.argv[1], f.name] + (['t'] if isa == 't32' else []) + ['-s'], capture_output=True, text=True,
                                  check=True).stdout.splitlines()
        compared, shown, n = set(), {}, 0
        for k, (row, word) in enumerate(items):
            theirs = texts.get(k, 'UNDEFINED')
            if re.search(r'UNDEFINED|UNPREDICTABLE|undefined|Undefined|\.word|\.inst|\?\?\?|<', theirs):
                continue
            mine = ours_as_theirs(ours[k])
            # another row's encoding space; what M-profile has there; a register that makes it a coprocessor's instruction
            if mine.startswith('.') or '.f8' in theirs or theirs.startswith(('mrc', 'mcr', 'vscclrm')):
                continue
            n += 1
            compared.add(row.id)
            if mine.replace(' ', '') != normalise(theirs).replace(' ', ''):
                bad += 1
                shown[row.id] = shown.get(row.id, 0) + 1
                if shown[row.id] <= 2:
                    print('%s %s %s  ours: %-40s theirs: %s' % (isa, row.id, word.hex(), mine, normalise(theirs)))
        missing = {r.id for r, _ in items} - compared
        if missing:
            bad += 1
            print('%s: never compared: %s' % (isa, ' '.join(sorted(missing))))
        print('%s: %d texts of %d rows' % (isa, n, len(compared)))
    print('seed %d: %s' % (seed, '%d differ' % bad if bad else 'ok'))
    return 1 if bad else 0


sys.exit(main())
