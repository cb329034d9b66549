#!/usr/bin/env python3
"""Each cpu model of user mode has the instructions of its extensions and no others.

usage: test_models.py ENGINE [ARG...]
Which those are says the column `user` of rv_ext.def; one instance of each row is run with each model. /proc/cpuinfo must
name the same extensions.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile

import rvtable
from rvtable import DATA_BASE

MODELS = {'max': {'GC', 'RVA22', 'MAX'}, 'rva22s64': {'GC', 'RVA22'}, 'rv64': {'GC'}}
EXT = re.compile(r'^EXT\((\w+),\s*"([^"]+)",\s*(\w+),\s*(\w+)\)')


def extensions():
    """id -> (name, smallest model)"""
    with open(os.path.join(rvtable.ROOT, 'target/riscv/rv_ext.def')) as f:
        return {m.group(1): (m.group(2), m.group(4)) for m in map(EXT.match, f) if m}


def program(row):
    """The instruction, its address operand in the data, and exit(0)."""
    a = rvtable.Asm(rvtable.load())
    a.li32(8, DATA_BASE)
    fields = {'s': 8, 'd': 10, 't': 10}
    fields = {k: v - 8 if row.width(k) == 3 else v for k, v in fields.items()}
    bits = row.encode({'i': 1, 'c': 1, **fields}) # c: fflags
    a.raw(bits, row.size)
    a.li32(10, 0)
    a.li32(17, 93)
    a.emit('ecall')
    return rvtable.elf(bytes(a.code), bytes(4096))


def cpuinfo(engine, model, tmp):
    """Names of the extensions in the guest's /proc/cpuinfo: a program that copies it to its output."""
    a = rvtable.Asm(rvtable.load())
    data = b'/proc/cpuinfo\0'.ljust(64, b'\0') + bytes(8192)
    for reg, v in ((10, -100), (11, DATA_BASE), (12, 0), (17, 56)):
        a.li32(reg, v)
    a.emit('ecall')
    for reg, v in ((11, DATA_BASE + 64), (12, 4096), (17, 63)):
        a.li32(reg, v)
    a.emit('ecall')
    a.emit('addi', d=12, s=10, i=0)
    for reg, v in ((10, 1), (17, 64)):
        a.li32(reg, v)
    a.emit('ecall')
    a.li32(10, 0)
    a.li32(17, 93)
    a.emit('ecall')
    path = os.path.join(tmp, 'cpuinfo')
    with open(path, 'wb') as f:
        f.write(rvtable.elf(bytes(a.code), data))
    os.chmod(path, 0o755)
    out = subprocess.run(engine + ['-cpu', model, path], capture_output=True, timeout=60).stdout.decode()
    isa = re.search(r'^isa\s*: rv64([a-z]*?)((?:_\w+)*)$', out, re.M)
    return set(isa.group(1)) | set(isa.group(2).split('_')[1:]) if isa else set()


def main():
    engine, exts, bad, tried = sys.argv[1:], extensions(), 0, 0
    rows = [r for r in rvtable.load() if r.xlen != '32' and r.id not in ('ebreak', 'c_ebreak', 'ecall')]
    seen = set()
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'case')
        for row in rows:
            if row.ext in seen and exts.get(row.ext, ('', 'MAX'))[1] == 'GC':
                continue # one of each that all models have
            if row.fmt in ('B', 'CB', 'J', 'CJ', 'CR_JR', 'CR_JALR') or row.handler == 'jalr':
                continue
            seen.add(row.ext)
            with open(path, 'wb') as f:
                f.write(program(row))
            os.chmod(path, 0o755)
            for model, has in MODELS.items():
                there = any(exts[e][1] in has for e in row.ext.split('_'))
                want = 0 if there else 128 + signal.SIGILL
                got = subprocess.run(engine + ['-cpu', model, path], capture_output=True, timeout=60).returncode
                got = 128 - got if got < 0 else got
                tried += 1
                if got != want:
                    print('%s (%s), %s: ends with %d, expected %d' % (row.id, row.ext, model, got, want))
                    bad += 1
        for model, has in MODELS.items():
            want, got = {name for name, user in exts.values() if user in has}, cpuinfo(engine, model, tmp)
            if want != got:
                print('%s: cpuinfo differs: %s' % (model, ' '.join(sorted(want ^ got))))
                bad += 1
    print('%d instances of %d extensions: %s' % (tried, len(seen), 'FAIL' if bad else 'ok'))
    return 1 if bad else 0


sys.exit(main())
