#!/usr/bin/env python3
"""Each cpu model of user mode has the instructions of its extensions and no others.

usage: test_models.py ENGINE [ARG...]
Which those are says the column `user` of rv_ext.def; one instance of each row is run with each model, RV64's and RV32's.
/proc/cpuinfo and riscv_hwprobe must name the same extensions, AT_HWCAP the same letters.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile

import rvtable
from rvtable import DATA_BASE

MODELS = {64: {'max': {'GC', 'RVA22', 'MAX'}, 'rva22s64': {'GC', 'RVA22'}, 'rv64': {'GC'}},
          32: {'max': {'GC', 'RVA22', 'MAX'}, 'rv32': {'GC'}}}
# The profile RVA22U64 as far as instructions are concerned, of the text of the profile (Zihpm is hidden by Linux).
RVA22U64 = set('imafdc') | {'zicsr', 'zicntr', 'zihintpause', 'zba', 'zbb', 'zbs', 'zicbom', 'zicbop', 'zicboz', 'zfhmin'}
# riscv_hwprobe: bits of key 4, and keys of the size of a block (hwprobe.rst, asm/hwprobe.h).
PROBE_BITS = {0: 'fd', 1: 'c', 3: 'zba', 4: 'zbb', 5: 'zbs', 6: 'zicboz', 7: 'zbc', 8: 'zbkb', 9: 'zbkc', 10: 'zbkx', 11: 'zknd',
              12: 'zkne', 13: 'zknh', 14: 'zksed', 15: 'zksh', 27: 'zfh', 28: 'zfhmin', 29: 'zihintntl', 32: 'zfa', 34: 'zacas',
              35: 'zicond', 36: 'zihintpause', 42: 'zimop', 43: 'zca', 44: 'zcb', 45: 'zcd', 46: 'zcf', 47: 'zcmop', 48: 'zawrs',
              50: 'zicntr', 55: 'zicbom', 56: 'zaamo', 57: 'zalrsc', 58: 'zabha', 60: 'zicbop'}
PROBE_BLOCKS = {6: 'zicboz', 12: 'zicbom', 15: 'zicbop'}
NOT_PROBED = {'i', 'm', 'a', 'f', 'd', 'zicsr', 'zifencei'} # fd stands for two; the rest has no bit
AT_HWCAP, OPENAT, READ, WRITE, EXIT, HWPROBE = 16, 56, 63, 64, 93, 258
EXT = re.compile(r'^EXT\((\w+),\s*"([^"]+)",\s*(\w+),\s*(\w+)\)')


def extensions():
    """id -> (name, smallest model)"""
    with open(os.path.join(rvtable.ROOT, 'target/riscv/rv_ext.def')) as f:
        return {m.group(1): (m.group(2), m.group(4)) for m in map(EXT.match, f) if m}


def call(a, nr, *args):
    """A system call; None: the register has it already."""
    for reg, v in zip((10, 11, 12, 13, 14, 15), args):
        if v is not None:
            a.li32(reg, v)
    a.li32(17, nr)
    a.emit('ecall')


def write_program(path, a, data):
    call(a, EXIT, 0)
    with open(path, 'wb') as f:
        f.write(rvtable.elf(bytes(a.code), data, a.xlen))
    os.chmod(path, 0o755)


def instance(path, row, xlen):
    """The instruction, its address operand in the data, and exit(0)."""
    a = rvtable.Asm(rvtable.load(), xlen)
    a.li32(8, DATA_BASE)
    fields = {'s': 8, 'd': 10, 't': 10}
    fields = {k: v - 8 if row.width(k) == 3 else v for k, v in fields.items()}
    bits = row.encode({'i': 1, 'c': 1, **fields}) # c: fflags
    a.raw(bits, row.size)
    write_program(path, a, bytes(4096))


PAGE = 4096


def teller(path, xlen):
    """A program whose output is a page each of /proc/cpuinfo, /proc/self/auxv and the answers of riscv_hwprobe."""
    a = rvtable.Asm(rvtable.load(), xlen)
    names = b'/proc/cpuinfo\0'.ljust(64, b'\0') + b'/proc/self/auxv\0'.ljust(64, b'\0')
    keys = [4, *PROBE_BLOCKS]
    pairs = b''.join(k.to_bytes(8, 'little') + bytes(8) for k in keys)
    out = DATA_BASE + PAGE
    for k in range(2):
        call(a, OPENAT, -100, DATA_BASE + 64 * k, 0)
        call(a, READ, None, out + PAGE * k, PAGE)
    call(a, HWPROBE, out + 2 * PAGE, len(keys), 0, 0, 0)
    call(a, WRITE, 1, out, 3 * PAGE)
    write_program(path, a, names.ljust(PAGE, b'\0') + bytes(2 * PAGE) + pairs.ljust(PAGE, b'\0'))


def numbers(data, size):
    return [int.from_bytes(data[k:k + size], 'little') for k in range(0, len(data), size)]


def told(command, xlen):
    """Sets of names by cpuinfo and by hwprobe, the letters of AT_HWCAP, blocks of hwprobe: extension -> bytes."""
    out = subprocess.run(command, capture_output=True, timeout=60).stdout
    isa = re.search(rb'^isa\s*: rv%d([a-z]*?)((?:_\w+)*)$' % xlen, out[:PAGE], re.M)
    names = set(isa.group(1).decode()) | set(isa.group(2).decode().split('_')[1:]) if isa else set()
    aux = numbers(out[PAGE:2 * PAGE], xlen // 8)
    hwcap = next((v for key, v in zip(aux[::2], aux[1::2]) if key == AT_HWCAP), 0)
    pairs = numbers(out[2 * PAGE:][:16 * (1 + len(PROBE_BLOCKS))], 8)
    bits, blocks = pairs[1], {PROBE_BLOCKS[key]: v for key, v in zip(pairs[2::2], pairs[3::2])}
    probed = {PROBE_BITS.get(n, 'bit %d' % n) for n in range(64) if bits >> n & 1}
    return names, probed, {chr(97 + n) for n in range(26) if hwcap >> n & 1}, blocks


def check_words(command, xlen, want):
    """What is wrong with what a model says of itself, if it has the extensions `want`."""
    names, probed, letters, blocks = told(command, xlen)
    parts = {'fd', 'zca', 'zcd', 'zaamo', 'zalrsc'} | ({'zcf'} if xlen == 32 else set())
    bad = []
    for what, got, right in (('cpuinfo', names, want), ('hwprobe', probed, want - NOT_PROBED | parts),
                             ('AT_HWCAP', letters, {x for x in want if len(x) == 1}),
                             ('blocks', {x for x in blocks if blocks[x] == 64}, want & set(PROBE_BLOCKS.values()))):
        if got != right:
            bad.append('%s differs: %s' % (what, ' '.join(sorted(got ^ right))))
    return bad


def is_plain(row, xlen):
    """An instruction that ends without a signal, and behind which the program goes on."""
    return row.xlen in ('ANY', str(xlen)) and row.id not in ('ebreak', 'c_ebreak', 'ecall') and \
        row.fmt not in ('B', 'CB', 'J', 'CJ', 'CR_JR', 'CR_JALR') and row.handler != 'jalr'


def check(engine, xlen, tmp):
    """Number of failures."""
    exts, bad, tried, seen, path = extensions(), [], 0, set(), os.path.join(tmp, 'case%d' % xlen)
    for row in rvtable.load():
        if not is_plain(row, xlen) or (row.ext in seen and exts.get(row.ext, ('', 'MAX'))[1] == 'GC'):
            continue # one of each that all models have
        seen.add(row.ext)
        instance(path, row, xlen)
        for model, has in MODELS[xlen].items():
            there = any(exts[e][1] in has for e in row.ext.split('_'))
            want = 0 if there else 128 + signal.SIGILL
            got = subprocess.run(engine + ['-cpu', model, path], capture_output=True, timeout=60).returncode
            got = 128 - got if got < 0 else got
            tried += 1
            if got != want:
                bad.append('%s (%s), %s: ends with %d, expected %d' % (row.id, row.ext, model, got, want))
    teller(path, xlen)
    for model, has in MODELS[xlen].items():
        want = {name for name, user in exts.values() if user in has}
        bad += ['%s: %s' % (model, text) for text in check_words(engine + ['-cpu', model, path], xlen, want)]
        if model == 'rva22s64' and not RVA22U64 <= want:
            bad.append('the profile wants %s, too' % ' '.join(sorted(RVA22U64 - want)))
    for line in bad:
        print('rv%d, %s' % (xlen, line))
    print('rv%d: %d instances of %d extensions: %s' % (xlen, tried, len(seen), 'FAIL' if bad else 'ok'))
    return len(bad)


def main():
    with tempfile.TemporaryDirectory() as tmp:
        return 1 if sum(check(sys.argv[1:], xlen, tmp) for xlen in MODELS) else 0


sys.exit(main())
