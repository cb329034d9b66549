#!/usr/bin/env python3
"""Cpu models: what AT_HWCAP, identification registers and /proc/cpuinfo say agrees, and each instruction of a feature raises
SIGILL exactly where the outside emulator's model of that name does.

usage: test_models.py COMPILER ENGINE [ARG...]     exit status 77: no compiler or no outside emulator
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import a64table  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = ['cortex-a53', 'cortex-a57', 'cortex-a72', 'cortex-a76', 'neoverse-n1', 'neoverse-n2', 'max']
ALSO = ['max,pauth-qarma5=on', 'max,pauth-qarma3=on']
PFR0, PFR1, ISAR0, ISAR1, ISAR2, MMFR0, MMFR2 = ['s3_0_c0_c' + n for n in ('4_0', '4_1', '6_0', '6_1', '6_2', '7_0', '7_2')]
# The kernel's documentation, Documentation/arch/arm64/elf_hwcaps.rst: name in /proc/cpuinfo, word and bit (asm/hwcap.h), fields of
# which one must have the value or more.
CAPS = [
    ('aes', 0, 3, [(ISAR0, 4, 1)]), ('pmull', 0, 4, [(ISAR0, 4, 2)]), ('sha1', 0, 5, [(ISAR0, 8, 1)]),
    ('sha2', 0, 6, [(ISAR0, 12, 1)]), ('crc32', 0, 7, [(ISAR0, 16, 1)]), ('atomics', 0, 8, [(ISAR0, 20, 2)]),
    ('asimdrdm', 0, 12, [(ISAR0, 28, 1)]), ('jscvt', 0, 13, [(ISAR1, 12, 1)]), ('fcma', 0, 14, [(ISAR1, 16, 1)]),
    ('lrcpc', 0, 15, [(ISAR1, 20, 1)]), ('dcpop', 0, 16, [(ISAR1, 0, 1)]), ('sha3', 0, 17, [(ISAR0, 32, 1)]),
    ('sm3', 0, 18, [(ISAR0, 36, 1)]), ('sm4', 0, 19, [(ISAR0, 40, 1)]), ('asimddp', 0, 20, [(ISAR0, 44, 1)]),
    ('sha512', 0, 21, [(ISAR0, 12, 2)]), ('sve', 0, 22, [(PFR0, 32, 1)]), ('asimdfhm', 0, 23, [(ISAR0, 48, 1)]),
    ('dit', 0, 24, [(PFR0, 48, 1)]), ('uscat', 0, 25, [(MMFR2, 32, 1)]), ('ilrcpc', 0, 26, [(ISAR1, 20, 2)]),
    ('flagm', 0, 27, [(ISAR0, 52, 1)]), ('ssbs', 0, 28, [(PFR1, 4, 2)]), ('sb', 0, 29, [(ISAR1, 36, 1)]),
    ('paca', 0, 30, [(ISAR1, 4, 1), (ISAR1, 8, 1), (ISAR2, 12, 1)]),
    ('pacg', 0, 31, [(ISAR1, 24, 1), (ISAR1, 28, 1), (ISAR2, 8, 1)]),
    ('dcpodp', 1, 0, [(ISAR1, 0, 2)]), ('flagm2', 1, 7, [(ISAR0, 52, 2)]), ('frint', 1, 8, [(ISAR1, 32, 1)]),
    ('i8mm', 1, 13, [(ISAR1, 52, 1)]), ('bf16', 1, 14, [(ISAR1, 44, 1)]), ('dgh', 1, 15, [(ISAR1, 48, 1)]),
    ('rng', 1, 16, [(ISAR0, 60, 1)]), ('bti', 1, 17, [(PFR1, 0, 1)]), ('mte', 1, 18, [(PFR1, 8, 2)]), ('ecv', 1, 19, [(MMFR0, 60, 1)]),
    ('wfxt', 1, 31, [(ISAR2, 0, 2)]), ('cssc', 1, 34, [(ISAR2, 52, 1)]), ('mops', 1, 43, [(ISAR2, 16, 1)]),
    ('hbc', 1, 44, [(ISAR2, 20, 1)]), ('lrcpc3', 1, 46, [(ISAR1, 20, 3)]), ('lse128', 1, 47, [(ISAR0, 20, 3)]),
]
# FP and AdvSIMD of PFR0: 0 there, 1 with half precision, 15 not there.
SIGNED = [('fp', 0, 0, 16, 0), ('asimd', 0, 1, 20, 0), ('fphp', 0, 9, 16, 1), ('asimdhp', 0, 10, 20, 1)]
PLAIN = [('evtstrm', 0, 2), ('cpuid', 0, 11)]
# Rows that leave the place they stand at, or wait. (Those that the newest model of the outside emulator has not got are left out, too.)
LEAVES = ('bra', 'blra', 'reta', 'bc_cond', 'wfet', 'wfit')


def run(command, program, words):
    data = b''.join(w.to_bytes(4, 'little') for w in words)
    p = subprocess.run(command + [program], input=data, capture_output=True, timeout=120)
    if p.returncode:
        raise SystemExit('%s: status %d %s' % (command, p.returncode, p.stderr[-300:]))
    lines = p.stdout.decode().splitlines()
    says = {line.split()[0]: int(line.split()[1], 16) for line in lines[:-2]}
    return says, set(lines[-2].split()[2:]), lines[-1]


def said(model, says, names):
    """Complaints about what the processor says of itself."""
    caps = [says['hwcap'], says['hwcap2']]

    def field(reg, shift):
        return says[reg] >> shift & 15

    want = {name: any(field(r, s) >= v for r, s, v in fields) for name, _, _, fields in CAPS}
    want.update({name: field(PFR0, shift) != 15 and field(PFR0, shift) >= v for name, _, _, shift, v in SIGNED})
    want.update({name: True for name, _, _ in PLAIN})
    bits = [0, 0]
    for name, word, bit in [c[:3] for c in CAPS + SIGNED + PLAIN]:
        bits[word] |= want[name] << bit
    bad = ['%s: AT_HWCAP%s is %x, the registers say %x' % (model, '2' if w else '', caps[w], bits[w]) for w in (0, 1) if caps[w] != bits[w]]
    wanted = {name for name in want if want[name]}
    if names != wanted:
        bad.append('%s: /proc/cpuinfo has %s more and %s less than the registers' % (model, names - wanted, wanted - names))
    return bad


def main():
    compiler, engine = sys.argv[1], sys.argv[2:]
    oracle = a64table.oracle()
    if not shutil.which(compiler) or not oracle:
        print('skipped: no %s' % ('outside emulator' if shutil.which(compiler) else compiler))
        return 77
    rng = random.Random(5)
    rows = [r for r in a64table.load() if r.feat not in ('BASE', 'FP') and not r.id.startswith(LEAVES)]
    cases = [(r, r.encode({}, rng)) for r in rows for _ in range(6)]
    words, bad, compared = [w for _, w in cases], [], 0
    with tempfile.TemporaryDirectory() as tmp:
        program = os.path.join(tmp, 'models')
        subprocess.run([compiler, '-static', '-O1', '-o', program, os.path.join(HERE, 'models.c')], check=True)
        theirs_max = run([oracle, '-cpu', 'max'], program, words)[2]
        for model in MODELS + ALSO:
            says, names, ours = run(engine + ['-cpu', model], program, words)
            bad += said(model, says, names)
            if model in ALSO:
                continue
            theirs = run([oracle, '-cpu', model], program, words)[2]
            for (row, word), a, b, known in zip(cases, ours, theirs, theirs_max):
                if known == 'I':
                    continue
                compared += 1
                if (a == 'I') != (b == 'I'):
                    bad.append('%s: %s %08x (FEAT_%s): %s, the outside emulator %s' % (model, row.id, word, row.feat, a, b))
    print('\n'.join(bad[:40]))
    print('%d rows, %d compared: %s' % (len(rows), compared, 'FAIL, %d' % len(bad) if bad else 'ok'))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
